//! The picture of a finding: the series, the band expected of it, the anomalous stretch, the labelled
//! windows and the peak, in SVG.
//!
//! Places are percentages and there is no outer `viewBox`, so that the picture takes the width it is given
//! while letters, strokes and marks keep their size; only the curves lie in a stretched inner box.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::markup::{Esc, Percent, Short, anchor};
use super::model::{Direction, FindingView, Picture, Point, Span, State};
use super::scale::{TimeScale, ValueScale, half_interval};
use super::thin::{Drawn, thinned};
use super::ticks::time_ticks;
use super::words;
use crate::text;

/// The side of the box in which curves are drawn: a tenth of it is finer than any screen's column.
const BOX: f64 = 1_000.0;

/// So much of the height must be free above or below the peak for its label to stand there.
const LABEL_HEIGHT: f64 = 0.12;

/// So much of the width must be free on both sides of the peak for its label to stand above or below it.
const LABEL_HALF_WIDTH: f64 = 0.12;

/// Writes the picture. `values` is none where nothing of the picture can be drawn.
pub(super) fn write(
    out: &mut String,
    finding: &FindingView,
    time: TimeScale,
    values: Option<ValueScale>,
    zone: &TimeZone,
) -> fmt::Result {
    let id = anchor(&finding.id);
    writeln!(out, r#"<svg class="plot" role="img" aria-labelledby="{id}-title {id}-desc">"#)?;
    writeln!(out, r#"<title id="{id}-title">{}</title>"#, Esc(&words::headline(finding)))?;
    writeln!(out, r#"<desc id="{id}-desc">{}</desc>"#, Esc(&words::description(finding, time, zone)))?;
    stretches(out, finding, time)?;
    axes(out, time, values, zone)?;
    match values {
        Some(values) => {
            curves(out, finding, &thinned(&finding.picture, time), time, values)?;
            peak(out, finding, time, values)?;
        }
        None => writeln!(out, r#"<text class="none" x="50%" y="50%">no values in this stretch</text>"#)?,
    }
    writeln!(out, "</svg>")
}

/// Half an interval earlier: a sample is drawn in the middle of the time it stands for.
fn centred(span: Span, finding: &FindingView) -> Span {
    let half = half_interval(&finding.picture);
    Span { from_ms: span.from_ms.saturating_sub(half), until_ms: span.until_ms.saturating_sub(half) }
}

/// The anomalous stretch as a tinted area, the labelled windows as brackets above the picture.
fn stretches(out: &mut String, finding: &FindingView, time: TimeScale) -> fmt::Result {
    let span = Span { from_ms: finding.from_ms, until_ms: finding.until_ms };
    if let Some((left, right)) = time.stretch(centred(span, finding)) {
        let (x, width, way) = (Percent(left), Percent(right - left), finding.direction.word());
        writeln!(out, r#"<rect class="stretch {way}" x="{x}" width="{width}" height="100%"/>"#)?;
    }
    for label in &finding.picture.labels {
        let Some((left, right)) = time.stretch(centred(*label, finding)) else { continue };
        let (x, width, end) = (Percent(left), Percent(right - left), Percent(right));
        writeln!(out, r#"<g class="label"><rect x="{x}" y="-7" width="{width}" height="4"/>"#)?;
        writeln!(out, r#"<line x1="{x}" x2="{x}" y1="-7" y2="100%"/>"#)?;
        writeln!(out, r#"<line x1="{end}" x2="{end}" y1="-7" y2="100%"/></g>"#)?;
    }
    gates(out, &finding.picture, time)
}

/// The starts of batches as lines with a foot, and above the lower edge a bar where a gate was shut.
fn gates(out: &mut String, picture: &Picture, time: TimeScale) -> fmt::Result {
    for held in &picture.held {
        let Some((left, right)) = time.stretch(*held) else { continue };
        let (x, width) = (Percent(left), Percent(right - left));
        let bar = format!(r#"x="{x}" y="100%" width="{width}" height="5""#);
        writeln!(out, r#"<rect class="held" {bar} transform="translate(0 -5)"/>"#)?;
    }
    let Span { from_ms, until_ms } = time.span();
    for start in picture.starts_ms.iter().filter(|start| (from_ms..until_ms).contains(start)) {
        let x = Percent(time.at(*start));
        writeln!(out, r#"<line class="start" x1="{x}" x2="{x}" y1="0" y2="100%"/>"#)?;
    }
    Ok(())
}

/// Round values and times with their lines.
fn axes(out: &mut String, time: TimeScale, values: Option<ValueScale>, zone: &TimeZone) -> fmt::Result {
    writeln!(out, r#"<g class="axis">"#)?;
    for (value, label) in values.map(ValueScale::ticks).unwrap_or_default() {
        let y = Percent(values.map_or(0.0, |scale| scale.at(value)));
        writeln!(out, r#"<line x2="100%" y1="{y}" y2="{y}"/>"#)?;
        writeln!(out, r#"<text class="value" x="-8" y="{y}" dy=".35em">{}</text>"#, Esc(&label))?;
    }
    writeln!(out, r#"<line class="base" x2="100%" y1="100%" y2="100%"/>"#)?;
    time_axis(out, time, zone)?;
    writeln!(out, "</g>")
}

/// The ticks of time along the lower edge; every other label gives way on a narrow screen.
pub(super) fn time_axis(out: &mut String, time: TimeScale, zone: &TimeZone) -> fmt::Result {
    for (i, tick) in time_ticks(time, zone).iter().enumerate() {
        let (x, label) = (Percent(tick.place), Esc(&tick.label));
        let class = if i % 2 == 0 { "time" } else { "time other" };
        writeln!(out, r#"<line class="tick" x1="{x}" x2="{x}" y1="0" y2="100%"/>"#)?;
        writeln!(out, r#"<text class="{class}" x="{x}" y="100%" dy="1.35em">{label}</text>"#)?;
    }
    Ok(())
}

/// The band, the series, and over it the anomalous part of the series.
fn curves(
    out: &mut String,
    finding: &FindingView,
    drawn: &Drawn,
    time: TimeScale,
    values: ValueScale,
) -> fmt::Result {
    let place = |ms: i64, value: f64| (time.at(ms) * BOX, values.at(value) * BOX);
    let half = half_interval(&finding.picture);
    writeln!(
        out,
        r#"<svg class="curves" width="100%" height="100%" viewBox="0 0 {BOX} {BOX}" preserveAspectRatio="none">"#
    )?;
    let bounded = |point: &Point| point.lower.is_some() || point.upper.is_some();
    path(out, "band", drawn, bounded, |d, run| band(d, run, half, &place))?;
    let limit = |of: fn(&Point) -> Option<f64>| move |d: &mut String, run: &[Point]| line(d, run, of, &place);
    path(out, "limit", drawn, |p| p.lower.is_some(), limit(|p| p.lower))?;
    path(out, "limit", drawn, |p| p.upper.is_some(), limit(|p| p.upper))?;
    path(out, "series", drawn, |p| p.value.is_some(), limit(|p| p.value))?;
    for way in [Direction::Surge, Direction::Drop] {
        let anomalous = |p: &Point| p.value.is_some() && p.state == State::Anomalous(way);
        path(out, &format!("series {}", way.word()), drawn, anomalous, limit(|p| p.value))?;
    }
    writeln!(out, "</svg>")
}

/// One path over all runs of neighbouring points that are `kept`; a gap in time ends a run.
fn path(
    out: &mut String,
    class: &str,
    drawn: &Drawn,
    kept: impl Fn(&Point) -> bool,
    draw: impl Fn(&mut String, &[Point]) -> fmt::Result,
) -> fmt::Result {
    let apart = |a: &Point, b: &Point| (i128::from(b.at_ms) - i128::from(a.at_ms)) as f64 > drawn.gap_ms;
    let mut d = String::new();
    for run in drawn.points.chunk_by(|a, b| kept(a) == kept(b) && !apart(a, b)) {
        if kept(&run[0]) {
            draw(&mut d, run)?;
        }
    }
    if d.is_empty() { Ok(()) } else { writeln!(out, r#"<path class="{class}" d="{d}"/>"#) }
}

/// A line through the values of a run; a lone point becomes a dot by its round end.
fn line(
    d: &mut String,
    run: &[Point],
    of: fn(&Point) -> Option<f64>,
    place: &impl Fn(i64, f64) -> (f64, f64),
) -> fmt::Result {
    let mut command = 'M';
    for (ms, value) in run.iter().filter_map(|point| Some((point.at_ms, of(point)?))) {
        let (x, y) = place(ms, value);
        write!(d, "{command}{} {}", Short(x, 1), Short(y, 1))?;
        command = 'L';
    }
    if run.len() == 1 { d.write_str("h0") } else { Ok(()) }
}

/// The area between the limits of a run, half an interval further at both ends; where a side is unbounded it
/// reaches the edge.
fn band(d: &mut String, run: &[Point], half_ms: i64, place: &impl Fn(i64, f64) -> (f64, f64)) -> fmt::Result {
    let (first, last) =
        (run[0].at_ms.saturating_sub(half_ms), run[run.len() - 1].at_ms.saturating_add(half_ms));
    let upper = |p: &Point| place(p.at_ms, p.upper.unwrap_or(f64::MAX)).1;
    let lower = |p: &Point| place(p.at_ms, p.lower.unwrap_or(f64::MIN)).1;
    let x = |ms: i64| Short(place(ms, 0.0).0, 1);
    let y = |height: f64| Short(height, 1);
    write!(d, "M{} {}", x(first), y(upper(&run[0])))?;
    for point in run {
        write!(d, "L{} {}", x(point.at_ms), y(upper(point)))?;
    }
    write!(d, "L{} {}", x(last), y(upper(&run[run.len() - 1])))?;
    write!(d, "L{} {}", x(last), y(lower(&run[run.len() - 1])))?;
    for point in run.iter().rev() {
        write!(d, "L{} {}", x(point.at_ms), y(lower(point)))?;
    }
    write!(d, "L{} {}Z", x(first), y(lower(&run[0])))
}

/// A ring around the sample with the highest score, and its value beside it.
fn peak(out: &mut String, finding: &FindingView, time: TimeScale, values: ValueScale) -> fmt::Result {
    if !finding.value.is_finite() {
        return Ok(());
    }
    let (x, y) = (time.at(finding.peak_ms), values.at(finding.value));
    let (dx, dy, class) = label_place(x, y, finding.direction);
    let (x, y, way) = (Percent(x), Percent(y), finding.direction.word());
    writeln!(out, r#"<circle class="peak {way}" cx="{x}" cy="{y}" r="5"/>"#)?;
    let value = text::number(finding.value);
    writeln!(out, r#"<text class="peak {class}" x="{x}" y="{y}" dx="{dx}" dy="{dy}">{}</text>"#, Esc(&value))
}

/// Where the label of a peak stands: further out than the curve where there is room, else beside it, towards
/// the middle of the picture.
fn label_place(x: f64, y: f64, direction: Direction) -> (i8, &'static str, &'static str) {
    let room = match direction {
        Direction::Surge => y,
        Direction::Drop => 1.0 - y,
    };
    if room > LABEL_HEIGHT && (LABEL_HALF_WIDTH..1.0 - LABEL_HALF_WIDTH).contains(&x) {
        let dy = if direction == Direction::Surge { "-.7em" } else { "1.45em" };
        return (0, dy, "middle");
    }
    if x > 0.5 { (-11, ".35em", "left") } else { (11, ".35em", "right") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_a_peak_stays_inside() {
        assert_eq!(label_place(0.5, 0.3, Direction::Surge), (0, "-.7em", "middle"));
        assert_eq!(label_place(0.5, 0.05, Direction::Surge).2, "right");
        assert_eq!(label_place(0.9, 0.3, Direction::Surge).2, "left");
        assert_eq!(label_place(0.5, 0.95, Direction::Drop).2, "right");
        assert_eq!(label_place(0.5, 0.05, Direction::Drop).2, "middle");
    }
}
