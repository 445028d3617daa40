"""Writes what `compare` found as Markdown, each ratio beside what the project promises."""

import math

from measuring import Spread
from parts import ratio

PANDAS, NUMBA = 40, 1  # judging alone
WHOLE = {"parquet": 15, "csv": 5}  # whole command, against pandas
READING = 0.6  # of polars' rows a second, when it only reads the CSV
LINEAR = 1.1  # cost may grow with this power of the size
PEAK = 2 * 2**30  # bytes over 100 million points


def markdown(found):
    """The whole report."""
    sections = [head(found)]
    writers = {"judging": judging, "whole": whole, "growth": growth, "memory": memory}
    sections += [writers[name](part) for name, part in found["parts"].items() if part]
    return "\n\n".join(sections)


def head(found):
    """Machine, versions, command, and whether the verdicts agree."""
    here, agreement = found["machine"], found["agreement"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [
        f"- Machine: {here['processor']}, {here['cores']} cores, {here['memory_gib']} GiB, Linux {here['kernel']};"
        f" load {here['load']} at the start, {found['load_at_end']} at the end",
        f"- Versions: {versions}",
        f"- Command: `{found['command']}`",
        f"- Data: {found['series']:,} series x {found['points']:,} points, f64; {found['rounds']} interleaved rounds;"
        " one core; time on the processor; median (least–most)",
        f"- Verdicts: the forms agree with one another on all {agreement['series']:,} series; {against(agreement)}",
    ]
    lines += [f"- **Ours judged otherwise** than the peers: {line}" for line in found["otherwise"]]
    return "\n".join(lines)


def against(agreement):
    """What was compared with the definition."""
    if not agreement["subset"]:
        return "not compared with the reference, which is not here"
    return (
        f"and with the reference on {agreement['subset']} of them ({agreement['verdicts']:,} verdicts, "
        f"{agreement['edges']} on an edge, 0 disagreements)"
    )


def table(columns, rows):
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def met(good):
    """The last word of a row with a promise."""
    return "**met**" if good else "**not met**"


def kept(times, target, above):
    """Whether a ratio keeps its promise (`above`: it must be more than the target), and whether every round did."""
    good = [x > target if above else x >= target for x in (times.median, times.least)]
    return met(good[0]) + (", not in every round" if good[0] and not good[1] else "")


def judging(part):
    """Million points a second, and how many times the peers ours is."""
    rows = []
    for over, forms in part["nanoseconds"].items():
        ours = forms.get("ours")
        for name, spent in forms.items():
            speed = Spread.of([1e3 / x for x in spent]).text()
            times = ratio(spent, ours) if ours and name != "ours" else None
            above = name.startswith("numba")
            target = PANDAS if name == "pandas" else NUMBA if above else None
            promise = f"{'>' if above else '≥'} {target}" if target else ""
            verdict = kept(times, target, above) if times and target else ""
            rows.append([name, over, speed, times.text() if times else "", promise, verdict])
    columns = ["judging alone", "over", "M points/s", "ours is so many times as fast", "promised", ""]
    counts = list(part["fired"].values())[-1]["numba_by_day"]
    fired = ", ".join(f"{row} {count:,}" for row, count in counts.items())
    return table(columns, rows) + f"\n\nFired, the same in every form: {fired}."


def whole(part):
    """Seconds, rows a second and peak memory of whole processes."""
    rows, million = [], part["rows"] / 1e6
    for kind in WHOLE:
        ours = part[kind].get("ours", {}).get("seconds")
        for name, cost in part[kind].items():
            times = ratio(cost["seconds"], ours) if ours and name != "ours" else None
            reading = name.startswith("polars")
            target = READING if reading else WHOLE[kind]
            speed = Spread.of([million / x for x in cost["seconds"]])
            promise = "" if name == "ours" else f"≥ {target}"
            verdict = kept(times, target, False) if times else ""
            shown = [Spread.of(cost["seconds"]).text(), speed.text(), f"{cost['peak'] / 2**20:,.0f}"]
            rows.append([kind, name, *shown, times.text() if times else "", promise, verdict])
    columns = ["whole command", "who", "s", "M rows/s", "peak MiB", "ours is so many times as fast", "promised", ""]
    return table(columns, rows)


def growth(part):
    """Cost a point at each size, and the power by which it grows."""
    columns = ["growth", "whole command, ns/point", "judging alone, ns/point", "peak MiB"]
    rows = [
        [f"{x['series']:,} series x {x['points']:,}", Spread.of(x["whole"]).text(), Spread.of(x["judging"]).text(), f"{x['peak'] / 2**20:,.0f}"]
        for x in part
    ]
    said = []
    for what in ("whole", "judging"):
        power = growing(part[0], part[2], what)
        said.append(f"{what}: from 10² to 10⁴ series cost grows by the power {power:.2f} (promised ≤ {LINEAR}) {met(power <= LINEAR)}")
    same = [x for x in part if x["series"] == part[-1]["series"]]
    if len(same) == 2 and same[0]["points"] != same[1]["points"]:
        for what in ("whole", "judging"):
            power = growing(same[0], same[1], what)
            said.append(f"{what}: from {same[0]['points']:,} to {same[1]['points']:,} points by the power {power:.2f} {met(power <= LINEAR)}")
    return table(columns, rows) + "\n\n" + "\n".join(f"- {line}" for line in said)


def growing(small, large, what):
    """The exponent between two sizes: 1 is linear."""
    cost = [Spread.of(x[what]).median * x["series"] * x["points"] for x in (small, large)]
    size = [x["series"] * x["points"] for x in (small, large)]
    return math.log(cost[1] / cost[0]) / math.log(size[1] / size[0])


def memory(part):
    """Peak memory over 100 million points."""
    columns = ["100 million points, Parquet", "file MiB", "s", "peak MiB", "promised", ""]
    rows = [
        [x["order"], f"{x['file'] / 2**20:,.0f}", f"{x['seconds']:.1f}", f"{x['peak'] / 2**20:,.0f}", "< 2,048", met(x["peak"] < PEAK)]
        for x in part
    ]
    return table(columns, rows)
