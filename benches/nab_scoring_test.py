"""NAB's score on cases that were worked out by hand."""

import math
import unittest

import nab_scoring as nab
from nab_scoring import STANDARD

LOW_FALSE, LOW_MISSED = nab.PROFILES[1:]
ROWS, WINDOWS = 40, [(20, 24)]


def scored(*called, rows=ROWS, windows=WINDOWS, profile=STANDARD):
    """The score where just these rows are called."""
    points = nab.points("file", [1.0 if row in called else 0.0 for row in range(rows)], windows)
    total, _, _ = nab.at(points, 1.0, profile)
    return profile.scale(total, len(windows))


class Worth(unittest.TestCase):
    """What a row is worth by its place."""

    def test_the_published_values(self):
        for position, expected in [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661), (3.01, -1.0)]:
            self.assertAlmostEqual(nab.worth(position), expected, places=5)

    def test_learning_is_fifteen_percent_and_bounded(self):
        self.assertEqual([nab.learning(rows) for rows in (40, 47, 5000, 5001, 22695)], [6, 7, 750, 750, 750])


class Scores(unittest.TestCase):
    """Sums of one file on the published scale."""

    def test_nothing_called_is_0_and_all_as_it_should_be_is_100(self):
        for profile in nab.PROFILES:
            self.assertAlmostEqual(scored(profile=profile), 0)
            self.assertAlmostEqual(scored(20, profile=profile), 100)

    def test_later_in_the_window_is_worth_less(self):
        # row 22 of 20 to 24 lies at -(24 - 22 + 1) / 5 = -0.6: (2 / (1 + e^-3) - 1) / 0.98661 = 0.91743
        self.assertAlmostEqual(scored(22), 100 * (0.91743 + 1) / 2, places=2)
        # missing costs 2 there, so 3 lie between all and nothing
        self.assertAlmostEqual(scored(22, profile=LOW_MISSED), 100 * (0.91743 + 2) / 3, places=2)

    def test_only_the_first_of_a_window_counts(self):
        self.assertAlmostEqual(scored(22, 23, 24), scored(22))

    def test_a_row_before_every_window_costs_all(self):
        self.assertAlmostEqual(scored(10), 100 * -0.11 / 2)
        self.assertAlmostEqual(scored(10, profile=LOW_FALSE), 100 * -0.22 / 2)
        self.assertAlmostEqual(scored(10, 11, 20), 100 * (2 - 0.22) / 2)

    def test_a_row_shortly_after_a_window_costs_less(self):
        # row 26 is 2 / (5 - 1) = 0.5 beyond: 0.84828 x 0.11; row 37 is 13 / 4 beyond, more than 3
        self.assertAlmostEqual(scored(26), 100 * -0.84828 * 0.11 / 2, places=4)
        self.assertAlmostEqual(scored(37), 100 * -0.11 / 2)

    def test_what_lies_in_the_learning_does_not_count(self):
        self.assertAlmostEqual(scored(0, 5), 0)
        self.assertLess(scored(6), 0)

    def test_two_windows_are_two_to_find(self):
        windows = [(10, 14), (30, 34)]
        self.assertAlmostEqual(scored(10, windows=windows), 50)
        self.assertAlmostEqual(scored(10, 30, windows=windows), 100)
        # between both only the one before counts: 1 / 4 beyond it
        cost = nab.worth(0.25) * 0.11
        self.assertAlmostEqual(scored(10, 15, windows=windows), 100 * (2 + cost) / 4)


class Thresholds(unittest.TestCase):
    """One threshold for all files."""

    def points(self, **scores):
        return nab.points("file", [scores.get(f"row{row}", 0.0) for row in range(ROWS)], WINDOWS)

    def test_the_best_one_is_found(self):
        # 0.9 alone costs 0.11; with 0.5 the window is found; 0.1 adds nothing but its cost
        points = self.points(row10=0.9, row20=0.5, row12=0.1)
        threshold, total = nab.best(points, STANDARD)
        self.assertEqual(threshold, 0.5)
        self.assertAlmostEqual(total, 1 - 0.11)
        self.assertEqual(nab.at(points, threshold, STANDARD), (total, 1, 1))

    def test_rows_of_one_score_are_called_together(self):
        # ten rows before the window cost more than the end of the window earns
        points = self.points(row24=0.5, **{f"row{row}": 0.5 for row in range(6, 20)})
        cost = 14 * 0.11
        self.assertLess(nab.worth(-0.2) / nab.worth(-1) + 1, cost)
        self.assertEqual(nab.best(points, STANDARD), (math.inf, -1.0))

    def test_the_threshold_of_a_fold_comes_from_the_others(self):
        def file(name, early):
            return nab.points(name, [{20: 0.5, 10: early}.get(row, 0.0) for row in range(ROWS)], WINDOWS)

        alike = [file(str(place), 0.0) for place in range(4)]
        self.assertAlmostEqual(nab.apart(alike, STANDARD), 100)
        # one file calls too early at a height that the others do not know of
        odd = [*alike[:3], file("odd", 0.7)]
        self.assertAlmostEqual(nab.apart(odd, STANDARD), 100 * (4 + 4 - 0.11) / 8)


if __name__ == "__main__":
    unittest.main()
