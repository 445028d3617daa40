"""polars reads a CSV and does nothing with it; prints rows and the seconds on the processor, the import left out.

    POLARS_MAX_THREADS=1 python polars_reading.py FILE.csv
"""

import json
import sys
import time

import polars as pl

began = time.process_time()
rows = pl.read_csv(sys.argv[1]).height
print(json.dumps({"points": rows, "cpu_seconds": time.process_time() - began}))
