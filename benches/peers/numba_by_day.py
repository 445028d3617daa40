"""The numba form: scalar loops compiled for this processor, O(1) a point, nothing but arrays.

A day is judged at a time, so that its 11 KB of minutes stay in the first cache, and the loops that carry no value
from one point to the next are written so that LLVM vectorises them (`a if a > b else b` where `max` would also look
for NaN). The series is complete, as the measured data are, so the form does less than a detector for live samples
must: it is meant to be a hard peer to beat.
"""

import math

import numpy as np
from numba import njit

NA = np.int8(-128)  # no verdict
ZERO, ONE, MINUS = np.int8(0), np.int8(1), np.int8(-1)
LOOK_BACK, COUNT = 7, 6  # ss
COM, SIGMAS, WARM_UP = 50.0, 3.0, 11  # ls, ewma3sigma
DAYS, MIN_DAYS, SURGE, DROP = 14, 3, 1.2, 0.8  # chain, ca
VARIANCE = 0.6  # period
GUARD, TINY = 1e-9, 1e-300  # below this share of the mean a deviation is rounding
SETTLED = 4096  # from here the weights of the exponential average are constant in f64
FUSED = {"contract"}  # a * b + c in one instruction


def judge(values, day, room=None):
    """The verdicts of one series, int8 (8, n), rows as in `forms.ROWS`; `day` points make a day.

    `room` from `prepare` is used again from series to series.
    """
    room = prepare(values.size, day) if room is None else room
    _judge(values, day, *room)
    return room[0]


def prepare(points, day):
    """Room for the verdicts and for one day's work, and the weights of the exponential average."""
    q = COM / (COM + 1)
    k = np.arange(1, (SETTLED // day + 2) * day + 1)
    total, squares = (1 - q**k) / (1 - q), (1 - q ** (2 * k)) / (1 - q * q)
    with np.errstate(divide="ignore"):
        weights = np.stack([1 / total, SIGMAS**2 / (total - squares / total)])
    weights[1, 0] = 0.0  # one point has no deviation
    return np.empty((8, points), np.int8), weights, np.empty(points), np.empty((4, day)), np.zeros((3, day + 1))


@njit(cache=True)
def _judge(x, day, out, weights, change, rows, carried):
    carried[:] = 0.0
    periodic = False
    _relative_change(x, change)
    for start in range(0, x.size, day):
        stop = min(start + day, x.size)
        today = start // day
        verdicts = out[:, start:stop]
        if today >= 2:
            periodic = _periodic(x[start - day : start], x[start - 2 * day : start - day])
        _short_term(x[max(start - LOOK_BACK, 0) : stop], verdicts[0])
        first = min(start, weights.shape[1] - day)
        _average(x[start:stop], weights[:, first : first + day], carried)
        _long_term(x[start:stop], carried, verdicts[1], verdicts[2])
        if start == 0:
            verdicts[1, 0] = NA
            verdicts[2, :WARM_UP] = NA
        if today > 0:
            _remember(x, change, day, today, rows)
        _same_time(x[start:stop], change[start:stop], rows, today, verdicts[3], verdicts[4])
        verdicts[5, :] = periodic
        _by_period(verdicts, periodic)
        _majority(verdicts)


@njit(inline="always")
def _most(a, b):
    return a if a > b else b


@njit(inline="always")
def _least(a, b):
    return a if a < b else b


@njit(cache=True)
def _relative_change(x, change):
    change[0] = math.nan
    for t in range(1, x.size):
        before, step = x[t - 1], x[t] - x[t - 1]
        change[t] = step / abs(before) if before != 0.0 else (0.0 if step == 0.0 else math.nan)


@njit(cache=True)
def _short_term(x, out):
    """ss; `x` begins 7 points before `out`, or with it where there are none before."""
    unjudged = LOOK_BACK - (x.size - out.size)
    out[:unjudged] = NA
    verdicts = out[unjudged:]
    for t in range(verdicts.size):
        a, b, c, d, e, f, g, now = x[t], x[t + 1], x[t + 2], x[t + 3], x[t + 4], x[t + 5], x[t + 6], x[t + 7]
        high = _most(_most(_most(a, b), _most(c, d)), _most(_most(e, f), g))
        low = _least(_least(_least(a, b), _least(c, d)), _least(_least(e, f), g))
        mean = ((a + b) + (c + d) + (e + f) + g) / 7.0
        limit = _most(_least(high - mean, mean - low), 0.0)
        far = (abs(now - a) > limit) + (abs(now - b) > limit) + (abs(now - c) > limit) + (abs(now - d) > limit)
        far += (abs(now - e) > limit) + (abs(now - f) > limit) + (abs(now - g) > limit)
        way = ONE if now >= mean else MINUS
        verdicts[t] = way if far > COUNT else ZERO


@njit(cache=True, fastmath=FUSED)
def _average(x, weights, carried):
    """Mean, its squared deviations and the squared limit after each point, behind the day before's last."""
    means, squares, limits = carried[0], carried[1], carried[2]
    full = means.size - 1
    means[0], squares[0], limits[0] = means[full], squares[full], limits[full]
    mean, sum_of_squares = means[0], squares[0]
    q = COM / (COM + 1)
    for i in range(x.size):
        now, gain = x[i], weights[0, i]
        before = now - mean
        mean = mean * (1.0 - gain) + now * gain
        sum_of_squares = q * sum_of_squares + before * (now - mean)
        means[i + 1] = mean
        squares[i + 1] = sum_of_squares
    for i in range(x.size):
        limits[i + 1] = squares[i + 1] * weights[1, i]


@njit(cache=True)
def _long_term(x, carried, ls, ewma3sigma):
    means, limits = carried[0], carried[2]
    for i in range(x.size):
        now, mean, before = x[i], means[i + 1], means[i]
        far = now - mean
        fired = (far * far > limits[i + 1]) & (abs(far) > GUARD * _most(abs(mean), TINY))
        ls[i] = (ONE if far > 0.0 else MINUS) if fired else ZERO
        far = now - before
        fired = (far * far > limits[i]) & (abs(far) > GUARD * _most(abs(before), TINY))
        ewma3sigma[i] = (ONE if far > 0.0 else MINUS) if fired else ZERO


@njit(cache=True)
def _remember(x, change, day, today, rows):
    """Highest, lowest, largest change and number of known changes at each minute of the last 14 days."""
    if today == 1 or today > DAYS:
        rows[0, :], rows[1, :], rows[2, :], rows[3, :] = -math.inf, math.inf, 0.0, 0.0
    high, low, swing, known = rows[0], rows[1], rows[2], rows[3]
    first = today - 1 if today <= DAYS else today - DAYS
    for past in range(first, today):
        values, changes = x[past * day : (past + 1) * day], change[past * day : (past + 1) * day]
        for i in range(day):
            high[i] = _most(values[i], high[i])
            low[i] = _least(values[i], low[i])
            swing[i] = _most(abs(changes[i]), swing[i])
            known[i] += 1.0 if changes[i] == changes[i] else 0.0


@njit(cache=True)
def _same_time(x, change, rows, today, chain, ca):
    chain[:] = NA
    ca[:] = NA
    if today < MIN_DAYS:
        return
    high, low, swing, known = rows[0], rows[1], rows[2], rows[3]
    for i in range(x.size):
        over = x[i] > high[i] + (SURGE - 1.0) * abs(high[i])
        under = x[i] < low[i] - (1.0 - DROP) * abs(low[i])
        chain[i] = ONE if over else (MINUS if under else ZERO)
        r = change[i]
        verdict = (ONE if r > 0.0 else MINUS) if abs(r) > swing[i] else ZERO
        ca[i] = verdict if (known[i] >= MIN_DAYS) & (r == r) else NA


@njit(cache=True, fastmath={"reassoc", "contract"})
def _periodic(y, z):
    """Whether yesterday and the day before, each z-scored, differ by less than the variance."""
    a = b = 0.0
    for i in range(y.size):
        a += y[i]
        b += z[i]
    a /= y.size
    b /= y.size
    yy = zz = yz = 0.0
    for i in range(y.size):
        p, r = y[i] - a, z[i] - b
        yy += p * p
        zz += r * r
        yz += p * r
    least = 1e-12 * math.sqrt(y.size)
    if math.sqrt(yy) <= least * max(abs(a), TINY) or math.sqrt(zz) <= least * max(abs(b), TINY):
        return False
    return 2.0 - 2.0 * yz / math.sqrt(yy * zz) < VARIANCE


@njit(inline="always")
def _fired(verdict):
    return ZERO if verdict == NA else verdict


@njit(cache=True)
def _by_period(out, periodic):
    rule = out[6]
    for i in range(rule.size):
        first, second = (out[3, i], out[4, i]) if periodic else (out[0, i], out[1, i])
        if (first == NA) & (second == NA):
            first, second = out[0, i], out[1, i]
        one, other = _fired(first), _fired(second)
        verdict = one if one != ZERO else other
        rule[i] = NA if (first == NA) & (second == NA) else verdict


@njit(cache=True)
def _majority(out):
    ss, ls, ewma3sigma, chain, ca, rule = out[0], out[1], out[2], out[3], out[4], out[7]
    for i in range(rule.size):
        a, b, c, d, e = ss[i], ls[i], chain[i], ca[i], ewma3sigma[i]
        judged = np.int8((a != NA) + (b != NA) + (c != NA) + (d != NA) + (e != NA))
        a, b, c, d, e = _fired(a), _fired(b), _fired(c), _fired(d), _fired(e)
        fired = np.int8((a != ZERO) + (b != ZERO) + (c != ZERO) + (d != ZERO) + (e != ZERO))
        total = np.int8(a + b + c + d + e)
        first = a if a != ZERO else (b if b != ZERO else (c if c != ZERO else d))
        way = ONE if total > ZERO else (MINUS if total < ZERO else first)
        rule[i] = NA if judged < 2 else (way if np.int8(fired + fired) > judged else ZERO)
