"""Measures our judging beside pandas, numpy, numba and polars: same data, same core, same run. Start it by `benches/compare`.

    benches/compare                          all but the 100 million points; about 15 minutes
    benches/compare --memory                 and the 100 million points
    benches/compare --series 100 --rounds 3  a quick look
    benches/compare --peers-only             the peers alone, without our build
    benches/compare --json FILE              the raw numbers too

First every form's verdicts are compared with one another and, where `--reference` is there, with the definition; with
a disagreement nothing is timed. Then each round runs every candidate once, one after the other, so that a busy machine
is busy for all of them. Time is time on the processor. The table goes to stdout, progress to stderr.
"""

import argparse
import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import measuring
import parts
import reporting

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent


def arguments():
    """The command line."""
    scratch = os.environ.get("QUIETGATE_BENCH", Path.home() / ".cache" / "quietgate-bench")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--points", type=int, default=20160, help="of each series, a minute apart")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the one core everything runs on")
    parser.add_argument("--binary", type=Path, help="our program (default: the release build, made where it is missing)")
    parser.add_argument("--flags", default="", help="more flags for our `backtest`, in one string")
    parser.add_argument("--reference", type=Path, default=REPOSITORY / "../shared/oracle/reference.py")
    parser.add_argument("--dir", type=Path, default=Path(scratch), help="where the data are kept")
    parser.add_argument("--parts", default="judging,whole,growth", help="which parts, by comma")
    parser.add_argument("--memory", action="store_true", help="and the peak memory over 100 million points")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--json", type=Path, help="write the raw numbers there")
    return parser.parse_args()


def main():
    """Compares verdicts, measures the parts wanted, prints the table. Exit 1 where something disagrees or fails."""
    wanted = arguments()
    wanted.dir.mkdir(parents=True, exist_ok=True)
    names = [name for name in wanted.parts.split(",") if name] + (["memory"] if wanted.memory else [])
    unknown = set(names) - set(parts.PARTS)
    if unknown:
        sys.exit(f"no part is called {', '.join(sorted(unknown))}: there are {', '.join(parts.PARTS)}")
    try:
        binary = None if wanted.peers_only else (wanted.binary or measuring.release_binary(REPOSITORY)).resolve()
        if binary and not binary.is_file():
            raise measuring.Failed(f"there is no program {binary}")
        if binary and not {"judging", "growth"}.isdisjoint(names):
            measuring.build_bench(REPOSITORY)
        bench = parts.Bench(REPOSITORY, wanted.dir, wanted.core, wanted.rounds, wanted.seed, binary, shlex.split(wanted.flags), say)
        found = {
            "command": shlex.join(["benches/compare", *sys.argv[1:]]),
            "machine": measuring.machine(),
            "versions": measuring.versions(REPOSITORY, binary),
            "series": wanted.series,
            "points": wanted.points,
            "rounds": wanted.rounds,
        }
        reference = wanted.reference.resolve() if wanted.reference.exists() else None
        found["agreement"] = parts.agreement(bench, wanted.series, wanted.points, reference)
        refuse(found["agreement"])
        found["parts"] = {name: parts.PARTS[name](bench, wanted.series, wanted.points) for name in names}
        found["otherwise"] = otherwise(found["parts"].get("judging"))
    except measuring.Failed as failure:
        sys.exit(f"compare: {failure}")
    found["load_at_end"] = measuring.machine()["load"]
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1, default=asdict) + "\n")
    print(reporting.markdown(found))
    if found["otherwise"]:
        sys.exit("compare: ours judged otherwise than the peers, so its ratios mean nothing")


def say(text):
    """One line of progress."""
    print(f"compare: {text}", file=sys.stderr, flush=True)


def refuse(agreement):
    """Ends where a form disagrees with the reference or with another form."""
    wrong = {name: counts for name, counts in agreement["forms"].items() if any(counts.values())}
    if wrong:
        raise measuring.Failed(f"verdicts disagree, so nothing was timed: {json.dumps(wrong)}")


def otherwise(judging):
    """Where ours fired another number of times than the peers, or did not say: one line each."""
    found = []
    for over, counts in (judging or {"fired": {}})["fired"].items():
        ours, peers = counts.get("ours"), counts["numba_by_day"]
        for row in peers if ours is not None else []:
            if row in ours and ours[row] != peers[row]:
                found.append(f"{row} over {over}: {ours[row]:,} times, the peers {peers[row]:,} times")
            elif row not in ours and row in parts.MUST_COUNT:
                found.append(f"{row} over {over}: not said how often it fired")
    return found


if __name__ == "__main__":
    main()
