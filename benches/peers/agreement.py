"""Compares the forms with the definition, series by series, before anything is timed; prints one line of JSON.

    python agreement.py RAWFILE --series 1000 --points 20160 [--interval 60] [--against REFERENCE.PY] [--subset 40]

Every form is compared with the reference on a subset of the series, and with numba_by_day on all of them. A point
whose deviation equals its limit within 1e-9 may fall either way; it is counted as an edge, not as a disagreement.
"""

import argparse
import importlib.util
import json

import numpy as np

from forms import FORMS, NA, ROWS, form

THEIRS = {"ewma3sigma": "ewma3", "by_period": "combo1_or", "majority": "combo2_5"}
EDGE = 1e-9


class Reference:
    """The reference's verdicts and edges of a series, in the order of ROWS."""

    def __init__(self, file, points, interval):
        spec = importlib.util.spec_from_file_location("reference", file)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.interval, self.at = interval, interval * np.arange(points)
        self.lags = self.module.day_lags(self.at, interval)

    def judge(self, values):
        """int8 (8, n) verdicts and bool (8, n) edges; a rule is on the edge where one of its detectors is."""
        verdicts, scores, periodic, variances = self.module.run_all(self.at, values, self.interval, lags=self.lags)
        rows = [periodic if row == "period" else verdicts[THEIRS.get(row, row)] for row in ROWS]
        near = {d: np.abs(scores["ssm" if d == "ss" else THEIRS.get(d, d)] - 1) < EDGE for d in ROWS[:5]}
        near["period"] = np.zeros(values.size, bool)
        for at, variance in variances:
            if abs(variance / 0.6 - 1) < EDGE:
                near["period"][at : at + 86_400 // self.interval] = True
        any_near = np.any(list(near.values()), axis=0)
        return np.stack(rows).astype(np.int8), np.stack([near.get(row, any_near) for row in ROWS])


def differences(ours, other, edges):
    """How many verdicts differ, without those on an edge."""
    return int(((ours != other) & ~edges).sum())


def compare(grid, day, reference, subset):
    """Disagreements of each form: with the reference on `subset`, with numba_by_day on every series."""
    found = {name: {"reference": 0, "each_other": 0} for name in FORMS}
    rooms = {name: (form(name), form(name).prepare(grid.shape[1], day)) for name in FORMS}
    edges_seen = judged = 0
    for number, values in enumerate(grid):
        each = {name: peer.judge(values, day, room).copy() for name, (peer, room) in rooms.items()}
        agreed = all(np.array_equal(verdicts, each["numba_by_day"]) for verdicts in each.values())
        if reference is None:
            truth, edges = None, np.zeros(each["numba_by_day"].shape, bool)
        elif number in subset or not agreed:
            truth, edges = reference.judge(values)
            edges_seen += int(edges[:6].sum())
            judged += int((truth != NA).sum()) if number in subset else 0
        for name, verdicts in each.items():
            if reference is not None and (number in subset or not agreed):
                found[name]["reference"] += differences(verdicts, truth, edges)
            if not agreed:
                found[name]["each_other"] += differences(verdicts, each["numba_by_day"], edges)
    return {"forms": found, "edges": edges_seen, "verdicts": judged, "subset": len(subset), "series": len(grid)}


def main():
    """Compares and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--series", type=int, required=True)
    parser.add_argument("--points", type=int, required=True)
    parser.add_argument("--interval", type=int, default=60)
    parser.add_argument("--against", help="the reference; without it the forms are compared with each other alone")
    parser.add_argument("--subset", type=int, default=40)
    wanted = parser.parse_args()
    grid = np.fromfile(wanted.file, "<f8", wanted.series * wanted.points).reshape(wanted.series, wanted.points)
    reference = Reference(wanted.against, wanted.points, wanted.interval) if wanted.against else None
    subset = set(range(min(wanted.subset, wanted.series))) if reference else set()
    print(json.dumps(compare(grid, 86_400 // wanted.interval, reference, subset)))


if __name__ == "__main__":
    main()
