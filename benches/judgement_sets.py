"""The labelled series that `judgement` scores: files, labels, counts."""

import csv
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

CLOUD = ["--time", "TimeStamp", "--value", "Value", "--ignore", "Label"]


@dataclass
class Group:
    """Files that are scored together, with the windows of each series and how many samples lie inside of one."""

    name: str
    files: list
    labels: object
    flags: list = field(default_factory=list)
    windows: dict = field(default_factory=dict)
    samples: int = 0
    inside: int = 0

    @classmethod
    def together(cls, name, groups):
        """All `groups` of one collection as one; they share labels and flags."""
        files = [file for group in groups for file in group.files]
        windows = {series: found for group in groups for series, found in group.windows.items()}
        sums = [sum(group.samples for group in groups), sum(group.inside for group in groups)]
        return cls(name, files, groups[0].labels, groups[0].flags, windows, *sums)

    def counts(self):
        """How much there is."""
        labelled = sum(map(len, self.windows.values()))
        return {"name": self.name, "series": len(self.windows), "samples": self.samples, "labelled": labelled, "inside": self.inside}

    def covered(self, findings, intervals):
        """The share of the labelled time that lies within `findings`; none where nothing is labelled.

        `intervals` are seconds by series: a label ends with the interval of its last sample, as a finding does.
        """
        spans = {}
        for finding in findings:
            spans.setdefault(finding["series"], []).append((time(finding["from"]), time(finding["until"])))
        whole, part = timedelta(), timedelta()
        for series, windows in self.windows.items():
            for start, last in windows:
                end = last + timedelta(seconds=intervals[series])
                whole += end - start
                # the findings of a series do not overlap, so their parts add up
                parts = (min(end, b) - max(start, a) for a, b in spans.get(series, []))
                part += sum((x for x in parts if x > timedelta()), timedelta())
        return part / whole if whole else None


def time(text):
    """A time of a file, a label or a finding; UTC where no zone is said."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def public(data, scratch, say):
    """(title, groups, whether they have a total) for each public set that is there."""
    sets = []
    for title, folder, groups in [("NAB", data / "nab", nab), ("Cloud Monitoring", data / "cloud-monitoring", cloud)]:
        if folder.is_dir():
            sets.append((title, groups(folder, scratch), True))
        else:
            say(f"{title} is left out: there is no {folder}")
    return sets


def own(folder):
    """The labelled and the quiet sets of datasets/, each a group; what was not generated has nothing to score."""
    manifest = json.loads((folder / "manifest.json").read_text())["sets"]
    made = [entry for entry in manifest if entry["made"]["by"] == "datasets/generate"]
    labelled = [one_of_own(folder, entry) for entry in made if entry["labels"]]
    quiet = [one_of_own(folder, entry) for entry in made if not entry["labels"]]
    return [("Our labelled sets", labelled, False), ("Our quiet sets", quiet, False)]


def one_of_own(folder, entry):
    """One set, by its manifest: its series have a sample at every interval."""
    here, spacing = folder / entry["name"], timedelta(seconds=entry["interval_s"])
    samples = round((time(entry["to"]) - time(entry["from"])) / spacing) + 1
    labels = json.loads((here / "labels.json").read_text())
    windows = {series: parsed(labels.get(series, [])) for series in entry["series"]}
    inside = sum(round((end - start) / spacing) + 1 for found in windows.values() for start, end in found)
    files = sorted(here.glob("series.csv*"))
    return Group(entry["name"], files, here / "labels.json", [], windows, samples * len(windows), inside)


def nab(folder, _):
    """The groups of NAB, each with the labels that came with it."""
    labels = folder / "labels" / "combined_windows.json"
    windows = json.loads(labels.read_text())
    groups = []
    for here in folders(folder):
        group = Group(here.name, sorted(here.glob("*.csv")), labels)
        for file in group.files:
            add(group, file.stem, [row["timestamp"] for row in rows(file)], windows.get(f"{here.name}/{file.name}", []))
        groups.append(group)
    return groups


def cloud(folder, scratch):
    """The curve families of Cloud Monitoring; the runs of their label column become windows in `scratch`."""
    labels, windows, groups = scratch / "cloud-monitoring.json", {}, []
    for here in folders(folder):
        group = Group(here.name, sorted(here.glob("*.csv")), labels, CLOUD)
        for file in group.files:
            table = rows(file)
            windows[f"{here.name}/{file.name}"] = runs(table)
            add(group, file.stem, [row["TimeStamp"] for row in table], windows[f"{here.name}/{file.name}"])
        groups.append(group)
    labels.write_text(json.dumps(windows))
    return groups


def folders(folder):
    """The folders in `folder` that hold tables."""
    return sorted(here for here in folder.iterdir() if any(here.glob("*.csv")))


def rows(file):
    """The rows of a table, each as a dictionary."""
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def runs(table):
    """Windows from the first to the last row of each run of labelled rows; of repeated rows one labelled is enough."""
    labelled = {}
    for row in table:
        labelled[row["TimeStamp"]] = labelled.get(row["TimeStamp"], False) or row["Label"] == "1"
    windows, before = [], False
    for at in sorted(labelled):
        if labelled[at] and before:
            windows[-1][1] = at
        elif labelled[at]:
            windows.append([at, at])
        before = labelled[at]
    return windows


def parsed(windows):
    """Windows in text as pairs of times."""
    return [(time(start), time(end)) for start, end in windows]


def add(group, series, times, windows):
    """Adds one series to its group. Its name is that of its file, and must be new."""
    if series in group.windows:
        raise ValueError(f"{group.name}: two files are called {series}")
    group.windows[series] = parsed(windows)
    group.samples += len(times)
    group.inside += sum(any(start <= at <= end for start, end in group.windows[series]) for at in map(time, times))
