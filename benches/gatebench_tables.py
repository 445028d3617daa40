"""The tables of the gate benchmark: by kind of fault, and by size of effect."""

import json

import judgement_tables as tables

SIZES = [(0, 3), (3, 6), (6, 12), (12, float("inf"))]


def markdown(split, held):
    """Both tables, for the rule alone and with the slow layer."""
    pairs = paired(split)
    kinds = sorted({pair["kind"] for pair in pairs})
    by_kind = [[kind, *cells([pair for pair in pairs if pair["kind"] == kind], held)] for kind in kinds]
    sized = lambda low, high: [p for p in pairs if low <= p["effect"] < high and not p["kind"].startswith("loss")]
    by_size = [[name(low, high), *cells(sized(low, high), held)] for low, high in SIZES]
    columns = ["cases", "caught", "delay", "caught with the slow layer", "delay"]
    return tables.table(["fault", *columns], by_kind) + "\n\n" + tables.table(["effect in sigma", *columns], by_size)


def paired(split):
    """Each faulty case with its clean twin: their ids, where the fault begins, and until when it counts as caught."""
    times = {case["id"]: case for case in map(json.loads, (split / "cases.jsonl").open())}
    labels = [json.loads(line) for line in (split / "labels.jsonl").open()]
    clean = {label["pair"]: label["id"] for label in labels if label["kind"] == "clean"}
    pairs = []
    for label in labels:
        if label["kind"] == "clean":
            continue
        case = times[label["id"]]
        end = case["step"] + case["soak"]
        last = end if label["deadline"] is None else min(end, label["onset"] + label["deadline"])
        pairs.append(
            {
                "kind": f"{label['kind']} {label['severity']}".strip(),
                "effect": label.get("effect", 0),
                "faulty": label["id"],
                "clean": clean[label["pair"]],
                "step": case["step"],
                "onset": label["onset"],
                "last": last,
            }
        )
    return pairs


def cells(pairs, held):
    """How many there are, and for the rule and with the slow layer the share caught, and the median and 9th decile of the delay."""
    found = [str(len(pairs))]
    for layer in (0, 1):
        delays = [delay(pair, held, layer) for pair in pairs]
        caught = sorted(delay for delay in delays if delay is not None)
        share = f"{len(caught) / len(pairs):.2f}" if pairs else "–"
        middle = f"{caught[len(caught) // 2]} / {caught[int(0.9 * (len(caught) - 1))]} min" if caught else "–"
        found += [share, middle]
    return found


def delay(pair, held, layer):
    """Minutes from the beginning of the fault to the first row that is held and would not be without it; none where it is missed."""
    faulty, clean = set(held[pair["faulty"]][layer]), set(held[pair["clean"]][layer])
    if any(pair["step"] <= row < pair["onset"] for row in faulty):
        return None
    rows = [row - pair["onset"] for row in faulty - clean if pair["onset"] <= row <= pair["last"]]
    return min(rows, default=None)


def name(low, high):
    """A size of effect in words."""
    return f"{low} and more" if high == float("inf") else f"{low} to {high}"
