"""One case of the gate benchmark as a config, a plan and a recording, and what the gate says of it."""

import csv
import json
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import program

# what each series of a target measures; one that is not here is traffic
KINDS = {"vip": "traffic", "lat": "latency", "cpu": "load", "mem": "memory", "net": "load", "err": "errors", "loss": "loss"}
MINUTE_S = 60


def held(binary, scratch, rule, case):
    """The id of a case, with the rows at which the rule holds it, and those at which the slow layer does as well."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        folder = Path(folder)
        start = case["ts0"] + (case["step"] - case["first_row"]) * MINUTE_S
        write(folder, rule, case)
        command = [binary, "replay", folder / "plan.yaml", "--config", folder / "quietgate.yaml", "--input", folder / "series.csv"]
        command += ["--at", datetime.fromtimestamp(start, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "--moments", "--takes", "1ms"]
        ran = subprocess.run([*map(str, command), "--format", "json"], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise program.Failed(f"{case['id']}: exit {ran.returncode}: {ran.stderr.strip()}")
        return case["id"], rows(case, [json.loads(line) for line in ran.stdout.splitlines()])


def write(folder, rule, case):
    """Writes the config, the plan and the series of a case: each signal by its kind, or all by one rule."""
    judged = lambda name: f"rule: {rule}" if rule else f"kind: {KINDS.get(name, 'traffic')}"
    signals = "".join(f"  {name}: {{interval: 1m, {judged(name)}}}\n" for name in case["metrics"])
    (folder / "quietgate.yaml").write_text(f"signals:\n{signals}")
    drained = case["drain"]
    expects = ""
    if drained:
        moved = ", ".join(case["host_metrics"])
        expects = f"  expects: [{{signals: [{moved}], for: {drained[1] - drained[0]}m}}]\n"
    (folder / "plan.yaml").write_text(
        f"plan: gatebench\ninventory: [{{name: target}}]\nsignals: [{', '.join(case['metrics'])}]\n"
        "gate: {clean_before: 15m, clean_after: 15m, patience: 1d}\nsteps:\n- step: upgrade\n  action: {kind: noop}\n"
        f"  soak: {case['soak']}m\n{expects}"
    )
    with (folder / "series.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["timestamp", *case["metrics"]])
        for minute, values in enumerate(case["rows"]):
            writer.writerow([case["ts0"] + minute * MINUTE_S, *("" if value is None else value for value in values)])


def rows(case, moments):
    """The rows of a case at which its gate is shut for what was found: by the rule alone, and with the slow layer."""
    by_rule, with_slow = [], []
    for moment in moments:
        row = case["step"] + moment["offset_ms"] // (1000 * MINUTE_S)
        if any(not series["slow"] and series["condition"] != "suspect" for series in moment["series"]):
            by_rule.append(row)
        if any(series["condition"] != "suspect" for series in moment["series"]):
            with_slow.append(row)
    return by_rule, with_slow
