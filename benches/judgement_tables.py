"""Writes what `judgement` found as Markdown."""

NONE = "–"  # what would divide by nothing


def markdown(found):
    """One set: a full table for its total or for each of its groups, and a table of the groups where there is a total."""
    first, *rest = found["groups"]
    if first["name"] != "all":
        parts = [f"#### {group['name']}\n\n{counts(group)}\n\n{full(group)}" for group in found["groups"]]
        return f"### {found['set']}\n\n" + "\n\n".join(parts)
    sustains = dict.fromkeys(way["sustain"] for way in first["judged"])
    parts = [f"#### {found['set']}, sustain {sustain}\n\n{by_group(rest, sustain)}" for sustain in sustains]
    return f"### {found['set']}\n\n{counts(first)}\n\n{full(first)}\n\n" + "\n\n".join(parts)


def counts(group):
    """How much there is, in words."""
    inside = share(group["inside"], group["samples"])
    labels = "no label" if not group["labelled"] else f"{group['labelled']} labels, with {inside} of the samples inside"
    return f"{group['series']} series, {group['samples']:,} samples, {labels}."


def full(group):
    """A row for each way of judging, with all figures."""
    columns = ["judged by", "sustain", "findings"]
    if group["labelled"]:
        columns += ["precision", "caught", "recall", "F1", "covered", "delay median", "delay p90"]
    columns += ["false holds", "a day", "anomalous", "unknown"]
    return table(columns, [row(way, group["labelled"]) for way in group["judged"]])


def row(way, labelled):
    """All figures of one way of judging."""
    cells = [f"`{way['judge']}`", way["sustain"], f"{way['findings']:,}"]
    if labelled:
        cells += [number(way["precision"]), f"{way['caught']} of {way['labelled']}", number(way["recall"]), number(way["f1"])]
        cells += [NONE if way["covered"] is None else share(way["covered"], 1), delay(way, "median"), delay(way, "p90")]
    cells += [f"{way['false_holds']:,}", number(way["false_holds_a_day"])]
    return [*cells, share(way["anomalous"], way["judged"]), share(way["unknown"], way["judged"] + way["unknown"])]


def by_group(groups, sustain):
    """A row for each group; in the cells precision, recall and false holds a day."""
    judges = [way["judge"] for way in groups[0]["judged"] if way["sustain"] == sustain]
    rows = []
    for group in groups:
        ways = [way for way in group["judged"] if way["sustain"] == sustain]
        cells = [" / ".join(number(way[key]) for key in ("precision", "recall", "false_holds_a_day")) for way in ways]
        size = [group["name"], group["series"], f"{group['samples']:,}", group["labelled"], share(group["inside"], group["samples"])]
        rows.append([*size, *cells])
    return table(["group", "series", "samples", "labels", "inside", *(f"`{judge}`" for judge in judges)], rows)


def delay(way, which):
    """Samples, and the time that is."""
    samples, minutes = way[f"delay_samples_{which}"], way[f"delay_minutes_{which}"]
    if samples is None:
        return NONE
    return f"{samples:,.4g} ({minutes * 60:,.3g} s)" if minutes < 1 else f"{samples:,.4g} ({minutes:,.4g} m)"


def number(value):
    """Three digits behind the point below 1, fewer above."""
    if value is None:
        return NONE
    return f"{value:.3f}" if value < 1 else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def share(part, whole):
    """A percentage."""
    return f"{100 * part / whole:.1f} %" if whole else NONE


def table(columns, rows):
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
