"""One threshold for all series of a set: what `judgement --thresholds` counts from the score of each sample.

An *episode* is a stretch of neighbouring samples of one series whose scores exceed the threshold. It is right where one of
its samples is labelled, and false else.
"""

from dataclasses import dataclass

import judgement_sets as sets
import judgement_tables as tables
from program import Failed, scored

COLUMNS = ["detector", "threshold", "episodes", "precision", "caught", "recall", "F1", "false episodes a curve-day"]
# the best threshold is looked for among so many scores for each doubling of the samples called
STEPS_A_DOUBLING = 4


@dataclass
class Places:
    """The samples of all series of a group, one behind the other, with a place between two series."""

    labels: list
    first: dict
    labelled: int = 0
    days: float = 0.0

    @classmethod
    def of(cls, windows_of, times_of):
        """Where each sample is, and which label it lies in: none, or the number of the label. Both are by series."""
        places = cls([], {})
        for name, texts in times_of.items():
            windows, times = windows_of.get(name, []), [sets.time(text) for text in texts]
            places.first[name] = len(places.labels)
            # a label without a sample cannot be caught, but counts
            numbered = list(enumerate(windows, places.labelled))
            places.labels += [next((number for number, (a, b) in numbered if a <= at <= b), None) for at in times] + [None]
            places.labelled += len(windows)
            places.days += (max(times) - min(times)).total_seconds() / 86_400
        return places


@dataclass
class Counted:
    """What one threshold gives."""

    threshold: float
    episodes: int
    right: int
    caught: int
    labelled: int
    days: float

    def precision(self):
        """Episodes that are right / episodes."""
        return self.right / self.episodes if self.episodes else None

    def recall(self):
        """Labels caught / labels."""
        return self.caught / self.labelled if self.labelled else None

    def f1(self):
        """The harmonic mean of both; 0 where one is 0 or says nothing."""
        precision, recall = self.precision() or 0, self.recall() or 0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0

    def row(self, detector, threshold):
        """One line of the table."""
        caught = f"{self.caught} of {self.labelled}"
        figures = [tables.number(self.precision()), caught, tables.number(self.recall()), tables.number(self.f1())]
        return [f"`{detector}`", threshold, f"{self.episodes:,}", *figures, tables.number((self.episodes - self.right) / self.days)]


def counted(places, called, threshold):
    """The counts where the samples at the places `called` exceed the threshold."""
    episodes, right, caught, before = 0, 0, set(), None
    for place in sorted(called):
        if before is None or place != before + 1:
            episodes, hit = episodes + 1, False
        label, before = places.labels[place], place
        if label is not None:
            caught.add(label)
            right, hit = right + (not hit), True
    return Counted(threshold, episodes, right, len(caught), places.labelled, places.days)


def best(places, scores):
    """The counts of the threshold with the best F1. `scores` are pairs of score and place, those of 0 left out."""
    ordered = sorted(scores, reverse=True)
    found = counted(places, [], float("inf"))
    size = 1.0
    while size < len(ordered):
        # samples of one score are called together
        threshold = ordered[int(size)][0]
        called = [place for score, place in ordered[: int(size)] if score > threshold]
        found = max(found, counted(places, called, threshold), key=Counted.f1)
        size *= 2 ** (1 / STEPS_A_DOUBLING)
    return found


def markdown(binary, detectors, title, groups, has_total):
    """A table for the whole of a set or, where it has no total, for each of its groups."""
    judged = [sets.Group.together("all", groups)] if has_total else groups
    parts = [f"#### {title}: {group.name}\n\n{of_group(binary, detectors, group)}" for group in judged if any(group.windows.values())]
    return "\n\n".join(parts)


def of_group(binary, detectors, group):
    """Each detector at the threshold it is shipped with, and at the one that is best for these labels."""
    said = scored(binary, detectors, group.files, group.flags)
    times = {name: series.times for name, series in said[detectors[0]].items()}
    if sum(map(len, times.values())) != group.samples or set(times) != set(group.windows):
        raise Failed(f"{group.name}: other samples were scored than there are")
    places, lines = Places.of(group.windows, times), []
    for detector in detectors:
        at = [(place, score, fired) for name, series in said[detector].items() for place, score, fired in placed(places, name, series)]
        shipped = counted(places, [place for place, _, fired in at if fired], 1.0)
        found = best(places, [(score, place) for place, score, _ in at if score > 0])
        lines.append(shipped.row(detector, "shipped"))
        lines.append(found.row(detector, f"best: {found.threshold:.3g}"))
    return tables.table(COLUMNS, lines)


def placed(places, name, series):
    """Each sample of a series with its place."""
    first = places.first[name]
    return zip(range(first, first + len(series.scores)), series.scores, series.fired)
