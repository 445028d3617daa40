"""The score of the Numenta Anomaly Benchmark, from its published description (Lavin and Ahmad 2015).

A file has rows and labelled windows. Every row that a detector calls anomalous, because its score reaches a threshold, is
worth something. Inside a window only the best row counts: nearly 1 at its beginning, nearly 0 at its end. Outside of a window
a row costs up to 1, less where a window ended shortly before. A window in which nothing was called costs 1. The first 15 % of
a file, but at most of 5,000 rows, are for learning and do not count. A profile weighs these three kinds. The threshold is one
for all files, the one that gives most. The sum is told on a scale where calling nothing is 0 and calling the first row of
every window, and nothing else, is 100.
"""

import math
from dataclasses import dataclass

LEARNING, LEARNING_ROWS = 0.15, 5000


@dataclass(frozen=True)
class Profile:
    """What a window found at its very beginning earns, what a row called outside of any costs, and what a window missed costs."""

    name: str
    found: float
    false: float
    missed: float

    def none(self, windows):
        """The sum where nothing is called."""
        return -self.missed * windows

    def scale(self, total, windows):
        """A sum on the scale from nothing called, 0, to all as it should be, 100."""
        return 100 * (total - self.none(windows)) / (self.found * windows - self.none(windows))


STANDARD = Profile("standard", 1.0, 0.11, 1.0)
PROFILES = [STANDARD, Profile("reward_low_FP_rate", 1.0, 0.22, 1.0), Profile("reward_low_FN_rate", 1.0, 0.11, 2.0)]


@dataclass(frozen=True)
class Point:
    """A row that counts: its score, what calling it is worth before weights, and its window; none outside of any."""

    score: float
    worth: float
    window: tuple


def worth(position):
    """What a row is worth by its place: -1 is the beginning of a window, 0 its end, 1 as far beyond as the window is long."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def learning(rows):
    """How many first rows of a file do not count."""
    return min(math.floor(LEARNING * rows), round(LEARNING * LEARNING_ROWS))


def points(name, scores, windows):
    """The rows of the file `name` that count. `windows` are pairs of row numbers, first and last, in order and apart."""
    found, before = [], None
    waiting = list(windows)
    for row, score in enumerate(scores):
        if waiting and row > waiting[0][1]:
            before = waiting.pop(0)
        if row < learning(len(scores)):
            continue
        if waiting and row >= waiting[0][0]:
            first, last = waiting[0]
            position = -(last - row + 1) / (last - first + 1)
            found.append(Point(score, worth(position) / worth(-1.0), (name, first)))
        else:
            found.append(Point(score, after(before, row), None))
    return found


def after(window, row):
    """What a row outside of any window is worth, by the last window before it."""
    if window is None:
        return -1.0
    first, last = window
    # a window of one row has no length to measure by
    return worth((row - last) / (last - first)) if last > first else -1.0


def best(found, profile):
    """The threshold that gives most, and the sum it gives. A threshold above all scores calls nothing."""
    windows = {point.window for point in found} - {None}
    total = most = profile.none(len(windows))
    threshold, caught = math.inf, {}
    ordered = sorted(found, key=lambda point: -point.score)
    for place, point in enumerate(ordered):
        total += gain(point, caught, profile)
        # rows of one score are called together
        last = place + 1 == len(ordered) or ordered[place + 1].score != point.score
        if last and total > most:
            threshold, most = point.score, total
    return threshold, most


def gain(point, caught, profile):
    """What calling one more row adds to the sum; `caught` has the best so far of each window."""
    if point.window is None:
        return point.worth * profile.false
    before = caught.get(point.window, -profile.missed)
    caught[point.window] = max(before, point.worth * profile.found)
    return caught[point.window] - before


def at(found, threshold, profile):
    """The sum that a threshold gives, the windows found and the rows called outside of any."""
    called, caught = [point for point in found if point.score >= threshold], {}
    windows = {point.window for point in found} - {None}
    total = profile.none(len(windows)) + sum(gain(point, caught, profile) for point in called)
    return total, len(caught), sum(point.window is None for point in called)


def apart(files, profile, folds=4):
    """The score where the threshold for each file comes from the other files: these are parted into `folds`, in turn."""
    total = windows = 0
    for fold in range(folds):
        elsewhere = [point for place, file in enumerate(files) if place % folds != fold for point in file]
        here = [point for place, file in enumerate(files) if place % folds == fold for point in file]
        total += at(here, best(elsewhere, profile)[0], profile)[0]
        windows += len({point.window for point in here} - {None})
    return profile.scale(total, windows)
