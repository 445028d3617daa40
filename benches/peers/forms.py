"""What the forms have in common: the rows of a verdict array, and how a form is found by its name."""

import importlib

NA = -128  # no verdict
ROWS = ["ss", "ls", "ewma3sigma", "chain", "ca", "period", "by_period", "majority"]
FORMS = ["pandas", "numpy", "numba_one_pass", "numba_by_day"]


def form(name):
    """The module of a form: `judge(values, day, room=None)` gives int8 (8, n), and `prepare(n, day)` such a room."""
    if name not in FORMS:
        raise SystemExit(f"no form is called {name!r}: there are {', '.join(FORMS)}")
    return importlib.import_module(name if name.startswith("numba") else f"{name}_form")


def fired(verdicts):
    """How often each row fired, as a list in the order of ROWS; for `period`, how many points are periodic."""
    return [int(((row != 0) & (row != NA)).sum()) for row in verdicts]
