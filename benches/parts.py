"""The parts of `compare`: what is run, and which numbers come of it. See compare.py."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from measuring import KEEP_MEMORY, Failed, Spread, rounds, run

PEERS = Path(__file__).resolve().parent / "peers"
FORMS = ["pandas", "numpy", "numba_one_pass", "numba_by_day"]
MUST_COUNT = ["ss", "ls", "ewma3sigma", "chain", "ca"]
MINUTE, TEN_MINUTES = 60, 600  # 14 days are 20,160 minutes or 2,016 times ten minutes
LEAST_POINTS = 2_000_000  # a form judges at least so many points a round, so that the clock has something to measure


@dataclass
class Bench:
    """Where and how everything runs."""

    repository: Path
    directory: Path
    core: int
    rounds: int
    seed: int
    binary: Path | None
    flags: list
    say: Callable

    def data(self, series, points, interval, *kinds):
        """The files of these kinds, made where they are missing."""
        files = {}
        for kind in kinds:
            suffix = {"raw": "f64", "csv": "csv"}.get(kind, "parquet")
            files[kind] = self.directory / f"{kind}-{series}x{points}-{interval}s-{self.seed}.{suffix}"
        missing = [f"{kind}={file}" for kind, file in files.items() if not file.exists()]
        if missing:
            self.say(f"making {', '.join(missing)}")
            sizes = ["--series", series, "--points", points, "--interval", interval, "--seed", self.seed]
            self.python("data.py", *missing, *sizes)
        return [files[kind] for kind in kinds]

    def python(self, script, *arguments, variables=None):
        """A script of the peers, in a process of its own."""
        return run([sys.executable, PEERS / script, *arguments], self.core, variables=variables)

    def peer(self, form, file, sizes):
        """One form judging what is in memory; its line of JSON."""
        return self.python("judging.py", form, file, *sizes, variables=KEEP_MEMORY).line()

    def backtest(self, file):
        """Our whole command on a file."""
        return run([self.binary, "backtest", "--input", file, "--threads", 1, *self.flags], self.core)

    def judge(self, file, series, points, interval):
        """Our judging alone, as `cargo bench` measures it; its line of JSON."""
        told = ["--throughput", file, "--series", series, "--points", points]
        told += [] if interval == MINUTE else ["--interval", interval]
        return run(["cargo", "bench", "--quiet", "--bench", "judge", "--", *told], self.core, self.repository).line()


def agreement(bench, series, points, reference):
    """How many verdicts of each form disagree with the reference and with one another."""
    (raw,) = bench.data(series, points, MINUTE, "raw")
    bench.say("comparing the forms' verdicts" + (" with the reference" if reference else ""))
    against = ["--against", reference] if reference else []
    return bench.python("agreement.py", raw, "--series", series, "--points", points, *against).line()


def judging(bench, series, points):
    """Arrays in memory to verdict arrays: nanoseconds a point, over one series again and again and over all."""
    (raw,) = bench.data(series, points, MINUTE, "raw")
    found = {"nanoseconds": {}, "fired": {}}
    for over, count in (("1 series", 1), (f"{series:,} series", series)):
        sizes = ["--series", count, "--points", points, "--repeat", -(-LEAST_POINTS // (count * points))]
        jobs = {name: lambda name=name: bench.peer(name, raw, sizes) for name in FORMS}
        if bench.binary:
            jobs = {"ours": lambda: bench.judge(raw, count, points, MINUTE)} | jobs
        lines = rounds(bench.rounds, jobs, bench.say)
        found["nanoseconds"][over] = {name: [1e9 * x["cpu_seconds"] / x["points"] for x in each] for name, each in lines.items()}
        found["fired"][over] = {name: each[0]["fired"] for name, each in lines.items()}
    return found


def whole(bench, series, points):
    """A file in, a summary out, in a process of its own: seconds on the processor and peak memory."""
    csv, parquet = bench.data(series, points, MINUTE, "csv", "parquet")
    found = {"rows": series * points}
    for kind, file in (("parquet", parquet), ("csv", csv)):
        jobs = {"pandas": lambda: bench.python("pandas_backtest.py", file)}
        if bench.binary:
            jobs = {"ours": lambda: bench.backtest(file)} | jobs
        if kind == "csv":
            jobs["polars only reading"] = lambda: bench.python("polars_reading.py", file)
        done = rounds(bench.rounds, jobs, lambda text: bench.say(f"{kind}, {text}"))
        found[kind] = {
            name: {"seconds": [_seconds(name, each) for each in runs], "peak": max(each.peak for each in runs)}
            for name, runs in done.items()
        }
    return found


def _seconds(name, process):
    """Of the whole process; of polars the reading alone, without its import, which is the harder mark for us."""
    return process.line()["cpu_seconds"] if name.startswith("polars") else process.cpu


def growth(bench, series, points):
    """Ours over more and more series, and over longer ones: nanoseconds a point and peak memory."""
    if not bench.binary:
        return []
    sizes = [(100, 2016, TEN_MINUTES), (1000, 2016, TEN_MINUTES), (10_000, 2016, TEN_MINUTES), (series, points, MINUTE)]
    found = []
    for count, length, interval in sizes:
        raw, parquet = bench.data(count, length, interval, "raw", "parquet")
        jobs = {"whole": lambda: bench.backtest(parquet), "judging": lambda: bench.judge(raw, count, length, interval)}
        done = rounds(bench.rounds, jobs, lambda text: bench.say(f"{count} x {length}, {text}"))
        judged = [1e9 * line["cpu_seconds"] / line["points"] for line in done["judging"]]
        found.append({
            "series": count,
            "points": length,
            "whole": [1e9 * each.cpu / (count * length) for each in done["whole"]],
            "judging": judged,
            "peak": max(each.peak for each in done["whole"]),
        })
    return found


def memory(bench, _series, _points):
    """Our peak memory over 100 million points, series after series and instant after instant."""
    if not bench.binary:
        return []
    found = []
    for kind, order in (("stream-series", "one series after the other"), ("stream-time", "one instant after the other")):
        (file,) = bench.data(5000, 20_000, MINUTE, kind)
        bench.say(f"100 million points, {order}")
        process = bench.backtest(file)
        found.append({"order": order, "peak": process.peak, "seconds": process.cpu, "file": file.stat().st_size})
    return found


PARTS = {"judging": judging, "whole": whole, "growth": growth, "memory": memory}


def ratio(theirs, ours):
    """How many times ours is as fast, round by round: the machine is as busy for one as for the other."""
    if len(theirs) != len(ours):
        raise Failed("rounds do not pair")
    paired = Spread.of([their / our for their, our in zip(theirs, ours)])
    return Spread(Spread.of(theirs).median / Spread.of(ours).median, paired.least, paired.most)
