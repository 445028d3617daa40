"""Episodes and thresholds on cases that were worked out by hand."""

import unittest

from judgement_sets import time
from judgement_thresholds import Places, best, counted


def minutes(count, hour=0):
    """So many times, a minute apart."""
    return [f"2026-01-05T{hour:02}:{minute:02}:00Z" for minute in range(count)]


def window(first, last):
    """From one minute to another."""
    times = minutes(60)
    return time(times[first]), time(times[last])


class Counts(unittest.TestCase):
    """Two series of ten and twenty minutes; labels at 3 to 5 of the first, at 8 and at 12 of the second."""

    def setUp(self):
        labels = {"a": [window(3, 5)], "b": [window(8, 8), window(12, 12)]}
        self.places = Places.of(labels, {"a": minutes(10), "b": minutes(20)})

    def test_a_series_begins_one_place_after_the_one_before(self):
        self.assertEqual(self.places.first, {"a": 0, "b": 11})
        self.assertEqual([place for place, label in enumerate(self.places.labels) if label is not None], [3, 4, 5, 19, 23])
        self.assertAlmostEqual(self.places.days, (9 + 19) / 1440)

    def test_neighbours_are_one_episode(self):
        # 1 and 2 are false, 5 and 6 right, 19 to 23 right once for two labels
        found = counted(self.places, [6, 5, 1, 2, *range(19, 24)], 0.5)
        self.assertEqual((found.episodes, found.right, found.caught, found.labelled), (3, 2, 3, 3))
        self.assertAlmostEqual(found.precision(), 2 / 3)
        self.assertAlmostEqual(found.f1(), 0.8)

    def test_the_end_of_a_series_ends_an_episode(self):
        self.assertEqual(counted(self.places, [9, 11], 0.5).episodes, 2)

    def test_several_episodes_in_one_label_are_each_right(self):
        found = counted(self.places, [3, 5], 0.5)
        self.assertEqual((found.episodes, found.right, found.caught), (2, 2, 1))

    def test_nothing_called_has_no_precision(self):
        found = counted(self.places, [], 0.5)
        self.assertEqual((found.precision(), found.recall(), found.f1()), (None, 0, 0))

    def test_the_best_threshold_leaves_out_what_is_false(self):
        scores = [(0.9, 4), (0.8, 19), (0.7, 23), (0.2, 0), (0.2, 8), (0.1, 15), (0.1, 28)]
        found = best(self.places, scores)
        self.assertEqual((found.threshold, found.episodes, found.right, found.caught), (0.2, 3, 3, 3))


if __name__ == "__main__":
    unittest.main()
