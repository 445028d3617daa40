//! From time and value to a place in the picture.

use super::markup::unit;
use super::model::{Picture, Span};
use crate::text;

/// Values beyond this are drawn at it: the range of a picture, twice over, must stay finite.
const DRAWABLE: f64 = 4e307;

/// The least range of a picture, as a share of the largest value: finer ones would need tick labels of more
/// than eight digits, and are noise of the last bits.
const MIN_RANGE: f64 = 1e-6;

/// The least range of a picture around zero.
const MIN_RANGE_AT_ZERO: f64 = 1e-300;

/// Air above and below the curve, as a share of its range.
const AIR: f64 = 0.18;

/// Where the lowest value is below this share of the highest, the picture begins at zero, so that heights
/// compare as values do.
const FROM_ZERO_BELOW: f64 = 0.6;

/// About how many stretches the ticks of the value axis make.
const VALUE_STRETCHES: f64 = 5.0;

/// Time from the left edge (0) to the right one (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimeScale {
    from_ms: i64,
    until_ms: i64,
}

impl TimeScale {
    /// A scale over a span; one that is empty is taken as one millisecond.
    pub(super) fn new(span: Span) -> Self {
        let until_ms = span.until_ms.max(span.from_ms.saturating_add(1));
        Self { from_ms: span.from_ms.min(until_ms - 1), until_ms }
    }

    /// The scale of a picture: half an interval beyond its first and last point. None without points.
    pub(super) fn of(picture: &Picture) -> Option<Self> {
        let half = half_interval(picture);
        let first = picture.points.iter().map(|p| p.at_ms).min()?;
        let last = picture.points.iter().map(|p| p.at_ms).max()?;
        let span = Span { from_ms: first.saturating_sub(half), until_ms: last.saturating_add(half) };
        Some(Self::new(span))
    }

    /// What the scale covers.
    pub(super) fn span(self) -> Span {
        Span { from_ms: self.from_ms, until_ms: self.until_ms }
    }

    /// The place of a time; what is outside is taken as the nearer edge.
    pub(super) fn at(self, ms: i64) -> f64 {
        let whole = i128::from(self.until_ms) - i128::from(self.from_ms);
        let part = i128::from(ms) - i128::from(self.from_ms);
        unit(part as f64 / whole as f64)
    }

    /// Both edges of a span; none where it lies outside altogether.
    pub(super) fn stretch(self, span: Span) -> Option<(f64, f64)> {
        let outside = span.until_ms <= self.from_ms || span.from_ms >= self.until_ms;
        (!outside && span.len_ms() > 0).then(|| (self.at(span.from_ms), self.at(span.until_ms)))
    }
}

/// Half the interval of a picture, at least one millisecond: what a sample takes up on either side.
pub(super) fn half_interval(picture: &Picture) -> i64 {
    (picture.interval_ms / 2).max(1)
}

/// Values from the lower edge to the upper one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ValueScale {
    low: f64,
    high: f64,
}

impl ValueScale {
    /// The scale of a picture: all of its values, and as much of the band as does not make the curve small
    /// (at most its own height above and below). None where there is neither value nor limit.
    pub(super) fn of(picture: &Picture) -> Option<Self> {
        let values = picture.points.iter().filter_map(|p| p.value);
        let limits = || picture.points.iter().flat_map(|p| [p.lower, p.upper]).flatten();
        let Some((low, high)) = range(values) else {
            return range(limits()).map(|(low, high)| Self::around(low, high));
        };
        let room = widened(low, high);
        let reach = (2.0 * room.low - room.high, 2.0 * room.high - room.low);
        let shown = limits().map(|limit| limit.clamp(reach.0, reach.1));
        let (low, high) = range(shown.chain([low, high])).unwrap_or((low, high));
        Some(Self::around(low, high))
    }

    /// A scale with air around, from zero where that costs little.
    fn around(low: f64, high: f64) -> Self {
        let Self { low: bottom, high: top } = widened(low, high);
        let air = (top - bottom) * AIR;
        if low >= 0.0 && low < high * FROM_ZERO_BELOW {
            Self { low: 0.0, high: top + air }
        } else if high <= 0.0 && high > low * FROM_ZERO_BELOW {
            Self { low: bottom - air, high: 0.0 }
        } else {
            Self { low: bottom - air, high: top + air }
        }
    }

    /// The place of a value: 0 is the upper edge, 1 the lower one, as SVG counts.
    pub(super) fn at(self, value: f64) -> f64 {
        unit((self.high - drawable(value)) / (self.high - self.low))
    }

    /// Round values with their labels, lowest first; as many digits as tell them apart.
    pub(super) fn ticks(self) -> Vec<(f64, String)> {
        let step = round_step((self.high - self.low) / VALUE_STRETCHES);
        let first = (self.low / step).ceil();
        let largest = self.low.abs().max(self.high.abs());
        let digits = (largest.log10().floor() - step.log10().floor() + 1.0).clamp(1.0, 9.0) as usize;
        (0..=2 * VALUE_STRETCHES as u32)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|value| *value <= self.high)
            .map(|value| (value, text::number_with(value, digits)))
            .collect()
    }
}

/// The least and the greatest of the finite values, within what can be drawn.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).map(drawable).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

fn drawable(value: f64) -> f64 {
    value.clamp(-DRAWABLE, DRAWABLE)
}

/// At least the least range around the same middle; a constant gets a tenth of itself on either side.
fn widened(low: f64, high: f64) -> ValueScale {
    let largest = low.abs().max(high.abs());
    let missing = if low == high { largest * 0.2 } else { largest * MIN_RANGE - (high - low) };
    let missing = if largest == 0.0 { 2.0 } else { missing.max(MIN_RANGE_AT_ZERO - (high - low)).max(0.0) };
    ValueScale { low: low - missing / 2.0, high: high + missing / 2.0 }
}

/// The nearest of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|s| *s >= step).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::super::model::{Point, State};
    use super::*;

    fn picture(values: &[f64], lower: Option<f64>, upper: Option<f64>) -> Picture {
        let points = values.iter().enumerate().map(|(i, v)| Point {
            at_ms: i as i64 * 60_000,
            value: Some(*v),
            lower,
            upper,
            state: State::Clean,
        });
        Picture { interval_ms: 60_000, points: points.collect(), ..Picture::default() }
    }

    fn labels(scale: ValueScale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        let scale = ValueScale::of(&picture(&[100.0, 980.0], None, None)).expect("there are values");
        assert_eq!(labels(scale), ["0", "500", "1000"]);
        let scale = ValueScale::of(&picture(&[9_000.0, 12_000.0], None, None)).expect("there are values");
        assert_eq!(labels(scale), ["9000", "10k", "11k", "12k"]);
    }

    #[test]
    fn ticks_of_close_values_differ() {
        for values in [[123_456.6, 123_456.8], [1e16, 1e16 + 2.0], [-1e-9, -1.000_001e-9]] {
            let labels = labels(ValueScale::of(&picture(&values, None, None)).expect("there are values"));
            assert!(labels.len() >= 2, "{labels:?}");
            assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
        }
    }

    #[test]
    fn extremes_stay_inside() {
        let extremes = [f64::MAX, f64::MIN, 0.0, f64::MIN_POSITIVE, -1e300, 5e-324, f64::NAN, f64::INFINITY];
        for a in extremes {
            for b in extremes {
                let Some(scale) = ValueScale::of(&picture(&[a, b], Some(f64::MIN), Some(b))) else {
                    continue;
                };
                assert!(scale.low.is_finite() && scale.high.is_finite() && scale.low < scale.high);
                let ticks = scale.ticks();
                assert!((2..=9).contains(&ticks.len()), "{a:e} {b:e}: {ticks:?}");
                assert!((0.0..=1.0).contains(&scale.at(a)));
            }
        }
    }

    #[test]
    fn a_far_limit_does_not_flatten_the_curve() {
        let scale = ValueScale::of(&picture(&[10.0, 20.0], Some(-1e9), Some(1e9))).expect("there are values");
        assert!(scale.at(10.0) - scale.at(20.0) > 0.25, "{scale:?}");
    }

    #[test]
    fn times_are_placed_between_the_edges() {
        let scale = TimeScale::of(&picture(&[1.0, 2.0, 3.0], None, None)).expect("there are points");
        assert_eq!(scale.span(), Span { from_ms: -30_000, until_ms: 150_000 });
        assert_eq!(scale.at(60_000), 0.5);
        assert_eq!(scale.at(i64::MIN), 0.0);
        assert_eq!(scale.at(i64::MAX), 1.0);
        assert_eq!(scale.stretch(Span { from_ms: 150_000, until_ms: 200_000 }), None);
        assert_eq!(scale.stretch(Span { from_ms: 60_000, until_ms: 200_000 }), Some((0.5, 1.0)));
        let widest = TimeScale::new(Span { from_ms: i64::MIN, until_ms: i64::MAX });
        assert_eq!(widest.at(0), 0.5);
        assert_eq!(TimeScale::of(&Picture::default()), None);
    }
}
