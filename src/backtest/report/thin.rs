//! Fewer points, the same picture: a series with more points than a screen has columns keeps the lowest and
//! the highest value of each column.

use super::model::{Picture, Point};
use super::scale::TimeScale;

/// Up to this many points are drawn as they are.
pub(super) const MOST_POINTS: usize = 800;

/// Columns of a thinned picture: each keeps two points.
const COLUMNS: usize = MOST_POINTS / 2;

/// Two points further apart than this many intervals have a gap between them: more than a late sample, less
/// than a missing one.
const GAP: f64 = 1.5;

/// What is drawn: points in order of time, and the distance from which on two of them are not connected.
#[derive(Debug)]
pub(super) struct Drawn {
    /// The points; one without value is a gap.
    pub(super) points: Vec<Point>,
    /// A gap is longer than this.
    pub(super) gap_ms: f64,
}

/// The points to draw of a picture.
pub(super) fn thinned(picture: &Picture, scale: TimeScale) -> Drawn {
    let mut points: Vec<Point> = picture.points.iter().map(only_finite).collect();
    points.sort_by_key(|point| point.at_ms);
    let gap_ms = picture.interval_ms.max(1) as f64 * GAP;
    if points.len() <= MOST_POINTS {
        return Drawn { points, gap_ms };
    }
    let column = |point: &Point| (scale.at(point.at_ms) * COLUMNS as f64) as usize;
    let kept = points.chunk_by(|a, b| column(a) == column(b)).flat_map(extremes).collect();
    // neighbours may be the first of one column and the last of the next
    let column_ms = scale.span().len_ms() as f64 / COLUMNS as f64;
    Drawn { points: kept, gap_ms: gap_ms.max(2.0 * column_ms) }
}

/// A value or limit that is not finite cannot be drawn.
fn only_finite(point: &Point) -> Point {
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    Point { value: finite(point.value), lower: finite(point.lower), upper: finite(point.upper), ..*point }
}

/// The points with the lowest and the highest value, in order of time, with the widest band of all; a gap
/// where none has a value.
fn extremes(column: &[Point]) -> Vec<Point> {
    let valued = || column.iter().filter_map(|p| p.value.map(|v| (v, p)));
    let low = valued().min_by(|a, b| a.0.total_cmp(&b.0));
    let high = valued().max_by(|a, b| a.0.total_cmp(&b.0));
    let (Some((_, low)), Some((_, high))) = (low, high) else {
        return column.first().into_iter().copied().collect();
    };
    let lower = column.iter().filter_map(|p| p.lower).reduce(f64::min);
    let upper = column.iter().filter_map(|p| p.upper).reduce(f64::max);
    let with_band = |point: &Point| Point { lower, upper, ..*point };
    let mut pair = vec![with_band(low), with_band(high)];
    pair.sort_by_key(|point| point.at_ms);
    pair.dedup_by_key(|point| point.at_ms);
    pair
}

#[cfg(test)]
mod tests {
    use super::super::model::State;
    use super::*;

    fn picture(n: i64, value: impl Fn(i64) -> Option<f64>) -> Picture {
        let point = |i| Point {
            at_ms: i * 1_000,
            value: value(i),
            lower: None,
            upper: Some(1e3 + i as f64),
            state: State::Clean,
        };
        Picture { interval_ms: 1_000, points: (0..n).map(point).collect(), ..Picture::default() }
    }

    fn thin(picture: &Picture) -> Drawn {
        thinned(picture, TimeScale::of(picture).expect("there are points"))
    }

    #[test]
    fn few_points_are_left_alone() {
        let few = picture(800, |i| Some(i as f64));
        assert_eq!(thin(&few).points, few.points);
    }

    #[test]
    fn a_single_spike_among_many_is_kept() {
        let many = picture(100_000, |i| Some(if i == 77_777 { 900.0 } else { (i % 7) as f64 }));
        let drawn = thin(&many);
        assert!(drawn.points.len() <= MOST_POINTS + 2, "{}", drawn.points.len());
        assert!(drawn.points.iter().any(|p| p.value == Some(900.0) && p.at_ms == 77_777_000));
        assert!(drawn.points.is_sorted_by_key(|p| p.at_ms));
    }

    #[test]
    fn a_long_gap_stays_a_gap() {
        let many = picture(10_000, |i| (!(4_000..5_000).contains(&i)).then_some(1.0));
        let gaps = thin(&many).points.iter().filter(|p| p.value.is_none()).count();
        assert!((38..=41).contains(&gaps), "{gaps} of 400 columns, a tenth of them in the gap");
        let mut missing = many;
        missing.points.retain(|p| p.value.is_some());
        let drawn = thin(&missing);
        let gaps =
            drawn.points.windows(2).filter(|w| (w[1].at_ms - w[0].at_ms) as f64 > drawn.gap_ms).count();
        assert_eq!(gaps, 1);
    }

    #[test]
    fn what_is_not_finite_is_a_gap() {
        let mut odd = picture(3, |_| Some(f64::NAN));
        odd.points[1].upper = Some(f64::INFINITY);
        let drawn = thin(&odd);
        assert!(drawn.points.iter().all(|p| p.value.is_none()));
        assert_eq!(drawn.points[1].upper, None);
    }
}
