"""The counting of the gate benchmark, on cases worked out by hand."""

import unittest

import gatebench_cases as cases
import gatebench_tables as tables

PAIR = {"faulty": "f", "clean": "c", "step": 100, "onset": 105, "last": 115, "kind": "outage 15s", "effect": 20}


def held(faulty, clean=()):
    """What was held by the rule, and the same with the slow layer."""
    return {"f": (list(faulty), list(faulty)), "c": (list(clean), list(clean))}


class Delay(unittest.TestCase):
    def test_it_is_the_first_row_from_the_onset_on(self):
        self.assertEqual(tables.delay(PAIR, held([107, 108]), 0), 2)
        self.assertEqual(tables.delay(PAIR, held([115]), 0), 10)

    def test_a_row_after_the_deadline_is_too_late(self):
        self.assertIsNone(tables.delay(PAIR, held([116]), 0))

    def test_what_holds_the_clean_step_as_well_is_no_merit(self):
        self.assertEqual(tables.delay(PAIR, held([106, 109], clean=[106]), 0), 4)
        self.assertIsNone(tables.delay(PAIR, held([106], clean=[106]), 0))

    def test_a_hold_before_the_onset_spoils_it(self):
        self.assertIsNone(tables.delay(PAIR, held([101, 106]), 0))
        self.assertEqual(tables.delay(PAIR, held([99, 106]), 0), 1, "before the step is another matter")


class Rows(unittest.TestCase):
    def test_only_findings_hold(self):
        case = {"step": 100}
        moment = lambda minute, *series: {"offset_ms": 60_000 * minute, "series": [*series]}
        said = lambda condition, slow=False: {"condition": condition, "slow": slow}
        moments = [moment(-1), moment(0, said("suspect")), moment(1, said("anomalous")), moment(2, said("anomalous", slow=True))]
        moments.append(moment(3, said("unknown(no_data)")))
        self.assertEqual(cases.rows(case, moments), ([101, 103], [101, 102, 103]))


class Cells(unittest.TestCase):
    def test_shares_and_delays(self):
        self.assertEqual(tables.cells([PAIR], held([107])), ["1", "1.00", "2 / 2 min", "1.00", "2 / 2 min"])
        self.assertEqual(tables.cells([PAIR], held([])), ["1", "0.00", "–", "0.00", "–"])


if __name__ == "__main__":
    unittest.main()
