"""The numba form as one writes it first: one scalar pass over the series, all verdicts of a point before the next.

The same O(1) state and the same verdicts as numba_by_day.py, which judges a day at a time so that LLVM can vectorise.
"""

import math

import numpy as np
from numba import njit

from numba_by_day import COM, COUNT, DAYS, DROP, GUARD, LOOK_BACK, MIN_DAYS, MINUS, NA, ONE, SURGE, TINY, WARM_UP, ZERO
from numba_by_day import _fired, _least, _most, _periodic, prepare as _prepare


def judge(values, day, room=None):
    """The verdicts of one series, int8 (8, n), rows as in `forms.ROWS`; `day` points make a day, at most 15 of them."""
    if values.size > (DAYS + 1) * day:
        raise ValueError(f"the fused form remembers {DAYS} days and never forgets: {values.size} points are more")
    room = prepare(values.size, day) if room is None else room
    _judge(values, day, *room)
    return room[0]


def prepare(points, day):
    """Room for the verdicts, the weights of the exponential average, and the rows of the minutes of a day."""
    verdicts, weights, _, rows, _ = _prepare(points, day)
    return verdicts, np.ascontiguousarray(weights.T), rows


@njit(cache=True, fastmath={"contract"})
def _judge(x, day, out, weights, rows):
    high, low, swing, known = rows[0], rows[1], rows[2], rows[3]
    high[:], low[:], swing[:], known[:] = -math.inf, math.inf, 0.0, 0.0
    q = COM / (COM + 1)
    mean = squares = limit = 0.0
    minute, today, periodic = 0, 0, False
    for t in range(x.size):
        now = x[t]
        if minute == day:
            minute, today = 0, today + 1
            if today >= 2:
                periodic = _periodic(x[t - day : t], x[t - 2 * day : t - day])
        ss = _short_term(x, t) if t >= LOOK_BACK else NA

        ewma3sigma = _beyond(now - mean, mean, limit) if t >= WARM_UP else NA
        w = t if t < weights.shape[0] else weights.shape[0] - 1
        far = now - mean
        mean = mean * (1.0 - weights[w, 0]) + now * weights[w, 0]
        squares = q * squares + far * (now - mean)
        limit = squares * weights[w, 1]
        ls = _beyond(now - mean, mean, limit) if t >= 1 else NA

        chain = ca = NA
        if today > 0:
            high[minute] = _most(x[t - day], high[minute])
            low[minute] = _least(x[t - day], low[minute])
        if today >= MIN_DAYS:
            over = now > high[minute] + (SURGE - 1.0) * abs(high[minute])
            under = now < low[minute] - (1.0 - DROP) * abs(low[minute])
            chain = ONE if over else (MINUS if under else ZERO)
        if t > 0:
            r = _change(x[t - 1], now)
            if r == r:
                if known[minute] >= MIN_DAYS:
                    ca = ZERO if abs(r) <= swing[minute] else (ONE if r > 0.0 else MINUS)
                swing[minute] = _most(abs(r), swing[minute])
                known[minute] += 1.0
        minute += 1

        out[0, t], out[1, t], out[2, t], out[3, t], out[4, t], out[5, t] = ss, ls, ewma3sigma, chain, ca, periodic
        use_day = periodic and not (chain == NA and ca == NA)
        out[6, t] = _either(chain, ca) if use_day else _either(ss, ls)
        out[7, t] = _majority(ss, ls, chain, ca, ewma3sigma)


@njit(inline="always")
def _short_term(x, t):
    a, b, c, d, e, f, g, now = x[t - 7], x[t - 6], x[t - 5], x[t - 4], x[t - 3], x[t - 2], x[t - 1], x[t]
    high = _most(_most(_most(a, b), _most(c, d)), _most(_most(e, f), g))
    low = _least(_least(_least(a, b), _least(c, d)), _least(_least(e, f), g))
    mean = ((a + b) + (c + d) + (e + f) + g) / 7.0
    limit = _most(_least(high - mean, mean - low), 0.0)
    far = (abs(now - a) > limit) + (abs(now - b) > limit) + (abs(now - c) > limit) + (abs(now - d) > limit)
    far += (abs(now - e) > limit) + (abs(now - f) > limit) + (abs(now - g) > limit)
    return (ONE if now >= mean else MINUS) if far > COUNT else ZERO


@njit(inline="always")
def _beyond(far, mean, limit):
    fired = (far * far > limit) & (abs(far) > GUARD * _most(abs(mean), TINY))
    return (ONE if far > 0.0 else MINUS) if fired else ZERO


@njit(inline="always")
def _change(before, now):
    if before != 0.0:
        return (now - before) / abs(before)
    return 0.0 if now == 0.0 else math.nan


@njit(inline="always")
def _either(first, second):
    one, other = _fired(first), _fired(second)
    return NA if (first == NA) & (second == NA) else (one if one != ZERO else other)


@njit(inline="always")
def _majority(a, b, c, d, e):
    judged = (a != NA) + (b != NA) + (c != NA) + (d != NA) + (e != NA)
    a, b, c, d, e = _fired(a), _fired(b), _fired(c), _fired(d), _fired(e)
    fired = (a != ZERO) + (b != ZERO) + (c != ZERO) + (d != ZERO) + (e != ZERO)
    if judged < 2 or 2 * fired <= judged:
        return NA if judged < 2 else ZERO
    total = a + b + c + d + e
    first = a if a != ZERO else (b if b != ZERO else (c if c != ZERO else d))
    return ONE if total > 0 else (MINUS if total < 0 else first)
