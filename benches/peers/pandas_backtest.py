"""The whole command in pandas: a table in, the five detectors, the period test and both rules, a summary out.

    python pandas_backtest.py FILE.parquet|FILE.csv [--interval 60]
"""

import argparse

import numpy as np
import pandas as pd

from forms import ROWS, fired
from pandas_form import judge


def main():
    """Reads, judges series by series, prints how often each fired."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--interval", type=int, default=60)
    wanted = parser.parse_args()
    read = pd.read_csv if wanted.file.endswith(".csv") else pd.read_parquet
    table = read(wanted.file)
    counts, series = np.zeros(len(ROWS), np.int64), 0
    for _, values in table.groupby("series", sort=False)["value"]:
        counts += fired(judge(values.to_numpy(), 86_400 // wanted.interval))
        series += 1
    print(f"{len(table)} points of {series} series")
    for row, count in zip(ROWS, counts):
        print(f"{row}: {count}")


if __name__ == "__main__":
    main()
