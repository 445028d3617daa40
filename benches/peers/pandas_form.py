"""The pandas form: rolling, ewm and shift by pandas, comparisons by numpy on their columns, a series at a time.

No loop over points; what is shifted is kept for as long as it serves.
"""

from functools import reduce

import numpy as np
import pandas as pd

NA = np.int8(-128)  # no verdict
LOOK_BACK, COUNT = 7, 6  # ss
COM, SIGMAS, WARM_UP = 50, 3.0, 11  # ls, ewma3sigma
DAYS, MIN_DAYS, SURGE, DROP = 14, 3, 1.2, 0.8  # chain, ca
VARIANCE = 0.6  # period
GUARD, TINY = 1e-9, 1e-300  # below this share of the mean a deviation is rounding


def prepare(_points, _day):
    """pandas makes its columns anew each time."""
    return None


def judge(values, day, _room=None):
    """The verdicts of one series, int8 (8, n), rows as in `forms.ROWS`; `day` points make a day."""
    x = pd.Series(values)
    out = np.empty((8, len(x)), np.int8)
    out[0] = short_term(x)
    average = x.ewm(com=COM)
    mean, deviation = average.mean(), average.std()
    out[1] = beyond(x, mean, deviation)
    seen = x.notna().cumsum().shift(1, fill_value=0)
    out[2] = np.where(seen < WARM_UP, NA, beyond(x, mean.shift(1), deviation.shift(1)))
    out[3] = chain(x, day)
    out[4] = amplitude(x, day)
    periodic = period(x, day)
    out[5] = periodic
    out[6] = by_period(periodic, *out[:5])
    out[7] = majority(out[[0, 1, 3, 4, 2]])
    return out


def verdict(way, fired, unknown):
    return np.where(unknown, NA, np.where(fired, np.where(way, 1, -1), 0)).astype(np.int8)


def short_term(x):
    past = x.shift(1).rolling(LOOK_BACK)
    mean, high, low, now = (c.to_numpy() for c in (past.mean(), past.max(), past.min(), x))
    limit = np.maximum(np.minimum(high - mean, mean - low), 0.0)
    differ = np.zeros(len(x), np.int8)
    for k in range(1, LOOK_BACK + 1):
        differ += np.abs(now - x.shift(k).to_numpy()) > limit
    return verdict(now >= mean, differ > COUNT, np.isnan(mean) | np.isnan(now))


def beyond(x, mean, deviation):
    mean, deviation = mean.to_numpy(), deviation.to_numpy()
    far = x.to_numpy() - mean
    size = np.abs(far)
    fired = (size > SIGMAS * deviation) & (size > GUARD * np.maximum(np.abs(mean), TINY))
    return verdict(far > 0, fired, np.isnan(far) | np.isnan(deviation))


def past_days(x, day):
    """The values at the same time 1 to 14 days earlier, a column a day, and how many there are."""
    days = range(1, min(DAYS, (len(x) - 1) // day) + 1)
    past = [x.shift(k * day).to_numpy() for k in days] or [np.full(len(x), np.nan)]
    return past, sum((~np.isnan(p)).view(np.int8) for p in past)


def chain(x, day):
    past, known = past_days(x, day)
    high, low, now = reduce(np.fmax, past), reduce(np.fmin, past), x.to_numpy()
    surge = now > high + (SURGE - 1) * np.abs(high)
    drop = now < low - (1 - DROP) * np.abs(low)
    return verdict(surge, surge | drop, (known < MIN_DAYS) | np.isnan(now))


def amplitude(x, day):
    step, before = x.diff(), x.shift(1)
    change = (step / before.abs()).mask(before == 0, step.where(step == 0))
    past, known = past_days(change.abs(), day)
    change = change.to_numpy()
    return verdict(change > 0, np.abs(change) > reduce(np.fmax, past), (known < MIN_DAYS) | np.isnan(change))


def period(x, day):
    """Each whole day z-scored; the variance of the difference to the day before decides for the day after."""
    whole = len(x) // day
    days = pd.DataFrame(x.to_numpy()[: whole * day].reshape(whole, day).T)
    mean, deviation = days.mean(), days.std(ddof=0)
    z = (days - mean) / deviation.where(deviation > 1e-12 * mean.abs().clip(lower=TINY))
    daily = z.diff(axis=1).var(ddof=0) < VARIANCE
    held = np.concatenate([[False], daily.to_numpy()])[: -(-len(x) // day)]
    return np.repeat(held, day)[: len(x)]


def by_period(periodic, ss, ls, _ewma3sigma, chain, ca):
    same_time, recent = either(chain, ca), either(ss, ls)
    return np.where(periodic & (same_time != NA), same_time, recent)


def either(first, second):
    """Whichever fired, the first before the second; the sum of a surge and a drop is neither."""
    one, other = np.where(first == NA, 0, first), np.where(second == NA, 0, second)
    return np.where((first == NA) & (second == NA), NA, np.where(one != 0, one, other)).astype(np.int8)


def majority(votes):
    """More than half of those that have a verdict; the way is the sum's, or the first's that fired."""
    judged = (votes != NA).sum(axis=0, dtype=np.int8)
    ways = np.where(votes == NA, np.int8(0), votes)
    fired = (ways != 0).sum(axis=0, dtype=np.int8)
    total = ways.sum(axis=0, dtype=np.int8)
    first = np.take_along_axis(ways, (ways != 0).argmax(axis=0)[None], 0)[0]
    way = np.where(total != 0, np.sign(total), first)
    return np.where(judged < 2, NA, np.where(2 * fired > judged, way, 0))
