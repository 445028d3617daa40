"""The numpy form: whole arrays, running sums by scipy.signal.lfilter, extremes by doubling, days as rows."""

import numpy as np
from scipy.signal import lfilter

from pandas_form import by_period, majority

NA = np.int8(-128)  # no verdict
LOOK_BACK, COUNT = 7, 6  # ss
COM, SIGMAS, WARM_UP = 50.0, 3.0, 11  # ls, ewma3sigma
DAYS, MIN_DAYS, SURGE, DROP = 14, 3, 1.2, 0.8  # chain, ca
VARIANCE = 0.6  # period
GUARD, TINY = 1e-9, 1e-300  # below this share of the mean a deviation is rounding


def prepare(points, _day):
    """The weights of the exponential average, which are the same for every complete series."""
    q = COM / (COM + 1)
    k = np.arange(1, points + 1)
    total, squares = (1 - q**k) / (1 - q), (1 - q ** (2 * k)) / (1 - q * q)
    with np.errstate(divide="ignore"):
        unbiased = SIGMAS**2 / (total - squares / total)
    unbiased[0] = 0.0  # one point has no deviation
    return 1 / total, unbiased


def judge(x, day, room=None):
    """The verdicts of one complete series, int8 (8, n), rows as in `forms.ROWS`; `day` points make a day."""
    out = np.full((8, x.size), NA, np.int8)
    if x.size > LOOK_BACK:
        short_term(x, out[0, LOOK_BACK:])
    long_term(x, out[1], out[2], *(prepare(x.size, day) if room is None else room))
    same_time(x, day, out[3], out[4])
    period(x, day, out[5])
    out[6] = by_period(out[5].astype(bool), *out[:5])
    out[7] = majority(out[[0, 1, 3, 4, 2]])
    return out


def short_term(x, out):
    most, least, total = x[:-1], x[:-1], x[:-1]
    most, least, total = np.maximum(most[:-1], most[1:]), np.minimum(least[:-1], least[1:]), total[:-1] + total[1:]
    most4, least4, total4 = np.maximum(most[:-2], most[2:]), np.minimum(least[:-2], least[2:]), total[:-2] + total[2:]
    high, low = np.maximum(most4[:-3], most4[3:]), np.minimum(least4[:-3], least4[3:])
    mean = (total4[:-3] + total[4:-1] + x[6:-1]) / LOOK_BACK
    limit = np.minimum(high - mean, mean - low)
    np.maximum(limit, 0.0, out=limit)
    now, n = x[LOOK_BACK:], out.size
    differ, far = np.zeros(n, np.int8), np.empty(n)
    for k in range(LOOK_BACK):
        np.subtract(now, x[k : k + n], out=far)
        differ += np.abs(far, out=far) > limit
    out[:] = (differ > COUNT) * np.where(now >= mean, np.int8(1), np.int8(-1))


def long_term(x, ls, ewma3sigma, gain, unbiased):
    """West's form: mean += gain * far, squares = q * squares + far before * far after; both are linear filters."""
    q = COM / (COM + 1)
    mean = lfilter([1.0], [1.0, -q], x) * gain
    before = x.copy()
    before[1:] -= mean[:-1]
    after = x - mean
    limit = lfilter([1.0], [1.0, -q], before * after) * unbiased
    beyond(after, mean, limit, ls)
    beyond(before[1:], mean[:-1], limit[:-1], ewma3sigma[1:])
    ls[:1] = NA
    ewma3sigma[:WARM_UP] = NA


def beyond(far, mean, limit, out):
    fired = far * far > limit
    fired &= np.abs(far) > GUARD * np.maximum(np.abs(mean), TINY)
    out[:] = fired * np.where(far > 0, np.int8(1), np.int8(-1))


def same_time(x, day, chain, ca):
    """Extremes over the days before grow by one row a day; after 14 days the oldest row leaves."""
    change = np.full(x.size, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.diff(x)
        change[1:] = np.where(x[:-1] == 0, np.where(step == 0, 0.0, np.nan), step / np.abs(x[:-1]))
    size = np.abs(change)
    rows = min((x.size - 1) // day, -(-x.size // day))
    values, sizes = x[: rows * day].reshape(rows, day), size[: rows * day].reshape(rows, day)
    for today in range(MIN_DAYS, rows + 1):
        here, past = slice(today * day, min((today + 1) * day, x.size)), slice(max(today - DAYS, 0), today)
        n = here.stop - here.start
        if today <= DAYS and today > MIN_DAYS:
            high, low = np.maximum(high, values[today - 1]), np.minimum(low, values[today - 1])
            swing, known = np.fmax(swing, sizes[today - 1]), known + ~np.isnan(sizes[today - 1])
        else:
            high, low = values[past].max(axis=0), values[past].min(axis=0)
            swing, known = np.fmax.reduce(sizes[past]), (~np.isnan(sizes[past])).sum(axis=0)
        surge = x[here] > (high + (SURGE - 1) * np.abs(high))[:n]
        drop = x[here] < (low - (1 - DROP) * np.abs(low))[:n]
        chain[here] = surge.view(np.int8) - (drop & ~surge)
        verdict = (size[here] > swing[:n]) * np.sign(change[here])
        unknown = (known[:n] < MIN_DAYS) | np.isnan(change[here])
        ca[here] = np.where(unknown, NA, verdict)


def period(x, day, out):
    """Two days, each z-scored, differ by the variance 2 - 2 r; the answer is held for the day after."""
    rows = x.size // day
    days = x[: rows * day].reshape(rows, day)
    mean = days.mean(axis=1)
    centred = days - mean[:, None]
    deviation = np.sqrt(np.einsum("ij,ij->i", centred, centred) / day)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation[deviation <= 1e-12 * np.maximum(np.abs(mean), TINY)] = np.nan
        together = np.einsum("ij,ij->i", centred[1:], centred[:-1]) / day
        variance = 2 - 2 * together / (deviation[1:] * deviation[:-1])
    out[:] = 0
    for row in np.flatnonzero(variance < VARIANCE):
        out[(row + 2) * day : (row + 3) * day] = 1
