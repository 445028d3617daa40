"""The program under test: built, and asked for the score of every sample."""

import csv
import io
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


class Failed(Exception):
    """The figures cannot be had, or cannot be trusted."""


@dataclass
class Scored:
    """What one detector said of one series, a value for each of its samples in the order of the file."""

    times: list
    scores: list
    fired: list


def release_build():
    """The program, built as it stands now, outside of the checkout unless CARGO_TARGET_DIR says where."""
    place = os.environ.get("CARGO_TARGET_DIR", str(Path.home() / ".cache" / "quietgate-target"))
    command = ["cargo", "build", "--release", "--bin", "quietgate", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=os.environ | {"CARGO_TARGET_DIR": place}, check=False
    )
    made = [line["executable"] for line in map(json.loads, built.stdout.splitlines()) if line.get("executable")]
    if built.returncode != 0 or not made:
        raise Failed("the release build failed")
    return Path(made[-1])


def scored(binary, detectors, files, flags=()):
    """What each of `detectors` says of every sample of `files`: by detector and series. Unknown counts as a score of 0."""
    rule = ["--rule", "any", "--detectors", ",".join(detectors), "--sustain", "1 of 1"]
    command = [binary, "backtest", "--all", "--scores", "--format", "csv", *rule, *flags, "--input", *files]
    ran = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise Failed(f"{', '.join(detectors)}: exit {ran.returncode}: {ran.stderr.strip()}")
    rows = csv.reader(io.StringIO(ran.stdout))
    head = next(rows)
    names = [name for name in head if name.endswith("_score")]
    columns = [(head.index(name), head.index(name.removesuffix("_score"))) for name in names]
    found = {detector: {} for detector in detectors}
    for row in rows:
        for detector, (score, verdict) in zip(detectors, columns):
            series = found[detector].setdefault(row[1], Scored([], [], []))
            series.times.append(row[0])
            series.scores.append(float(row[score] or 0))
            series.fired.append(row[verdict] in ("1", "-1"))
    return found
