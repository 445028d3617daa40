"""One form judges series that are in memory, and says what it cost, as one line of JSON.

    python judging.py FORM RAWFILE --series 1000 --points 20160 [--interval 60] [--repeat 1]

The first series is judged once before the clock starts (numba compiles then). `cpu_seconds` is the time this process
ran on the processor, for judging alone. The verdicts of a series are written out whole, then the next series' follow.
"""

import argparse
import json
import time

import numpy as np

from forms import ROWS, fired, form


def main():
    """Judges the file and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form")
    parser.add_argument("file")
    parser.add_argument("--series", type=int, required=True)
    parser.add_argument("--points", type=int, required=True)
    parser.add_argument("--interval", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=1, help="judge all of it so many times")
    wanted = parser.parse_args()
    peer, day = form(wanted.form), 86_400 // wanted.interval
    grid = np.fromfile(wanted.file, "<f8", wanted.series * wanted.points).reshape(wanted.series, wanted.points)
    room = peer.prepare(wanted.points, day)
    peer.judge(grid[0], day, room)

    spent, counts = 0.0, np.zeros(len(ROWS), np.int64)
    for turn in range(wanted.repeat):
        for values in grid:
            began = time.process_time()
            verdicts = peer.judge(values, day, room)
            spent += time.process_time() - began
            if turn == 0:
                counts += fired(verdicts)
    points = wanted.repeat * grid.size
    print(json.dumps({"points": points, "cpu_seconds": spent, "fired": dict(zip(ROWS, counts.tolist()))}))


if __name__ == "__main__":
    main()
