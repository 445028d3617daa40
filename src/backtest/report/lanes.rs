//! Vote lanes: under the picture one row for the rule and one for each detector, with marks where they stand
//! in time. A surge is a mark above the middle line, a drop one below it, unknown is hatched, a suspect sample
//! is a hollow mark: never colour alone.

use std::fmt::{self, Write};

use super::markup::{Esc, Percent, Short};
use super::model::{Direction, FindingView, Said, Span, State};
use super::scale::{TimeScale, half_interval};
use crate::text;

/// A mark is at least this share of the width, so that a single sample among thousands is seen.
const LEAST_WIDTH: f64 = 0.005;

/// Marks nearer than this share of the width become one: below it they would touch on any screen.
const MERGED_BELOW: f64 = 0.001;

/// What a mark says: its class in the style sheet, its place from the upper edge and its height, in a lane of 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    class: &'static str,
    y: u8,
    height: u8,
}

const NORMAL: Mark = Mark { class: "normal", y: 9, height: 2 };
const SURGE: Mark = Mark { class: "surge", y: 1, height: 9 };
const DROP: Mark = Mark { class: "drop", y: 10, height: 9 };
const SUSPECT: Mark = Mark { class: "suspect", y: 6, height: 8 };
const UNKNOWN: Mark = Mark { class: "unknown", y: 3, height: 14 };

/// In this order: what is drawn later covers what is below it.
const MARKS: [Mark; 5] = [NORMAL, UNKNOWN, SUSPECT, SURGE, DROP];

/// Writes the lanes of a finding.
pub(super) fn write(out: &mut String, finding: &FindingView, time: TimeScale) -> fmt::Result {
    let picture = &finding.picture;
    let states: Vec<_> = picture.points.iter().map(|p| of_state(p.state)).collect();
    lane(out, "rule", &states, finding, time)?;
    for vote in &picture.votes {
        let said: Vec<_> = vote.verdicts.iter().map(|said| of_verdict(*said)).collect();
        lane(out, &vote.name, &said, finding, time)?;
    }
    Ok(())
}

fn of_state(state: State) -> Mark {
    match state {
        State::Clean => NORMAL,
        State::Suspect => SUSPECT,
        State::Anomalous(Direction::Surge) => SURGE,
        State::Anomalous(Direction::Drop) => DROP,
        State::Unknown => UNKNOWN,
    }
}

fn of_verdict(said: Said) -> Mark {
    match said {
        Said::Normal => NORMAL,
        Said::Surge => SURGE,
        Said::Drop => DROP,
        Said::Unknown => UNKNOWN,
    }
}

fn lane(out: &mut String, name: &str, marks: &[Mark], finding: &FindingView, time: TimeScale) -> fmt::Result {
    let half = half_interval(&finding.picture);
    let counted: Vec<_> = MARKS
        .iter()
        .filter_map(|mark| match marks.iter().filter(|m| *m == mark).count() as u64 {
            0 => None,
            n => Some(format!("{} {}", text::count(n), mark.class)),
        })
        .collect();
    let name = Esc(name);
    writeln!(out, r#"<div class="lane"><span class="who">{name}</span>"#)?;
    writeln!(out, r#"<svg role="img" aria-label="{name}, by samples: {}">"#, counted.join(", "))?;
    for mark in MARKS {
        let spans = finding.picture.points.iter().zip(marks).filter(|(_, m)| **m == mark).map(|(p, _)| {
            Span { from_ms: p.at_ms.saturating_sub(half), until_ms: p.at_ms.saturating_add(half) }
        });
        let least = if mark == NORMAL { 0.0 } else { LEAST_WIDTH };
        let runs = merged(spans.filter_map(|span| time.stretch(span)), least);
        write_marks(out, mark, &runs)?;
    }
    writeln!(out, "</svg></div>")
}

/// Neighbouring stretches as one; none narrower than `least`.
pub(super) fn merged(stretches: impl Iterator<Item = (f64, f64)>, least: f64) -> Vec<(f64, f64)> {
    let mut runs: Vec<(f64, f64)> = Vec::new();
    for (left, right) in stretches {
        match runs.last_mut() {
            Some(last) if left - last.1 < MERGED_BELOW => last.1 = right.max(last.1),
            _ => runs.push((left, right)),
        }
    }
    for run in &mut runs {
        let missing = (least - (run.1 - run.0)).max(0.0);
        run.0 = (run.0 - missing / 2.0).clamp(0.0, 1.0 - least);
        run.1 = run.1.max(run.0 + least);
    }
    runs
}

/// Hatched and hollow marks are shapes of their own, since a stretched box would distort them; of solid ones
/// there may be many, so they are one path.
fn write_marks(out: &mut String, mark: Mark, runs: &[(f64, f64)]) -> fmt::Result {
    let Mark { class, y, height } = mark;
    if runs.is_empty() {
        return Ok(());
    }
    if mark == UNKNOWN || mark == SUSPECT {
        for (left, right) in runs {
            let (x, width) = (Percent(*left), Percent(right - left));
            writeln!(out, r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"/>"#)?;
        }
        return Ok(());
    }
    out.write_str(r#"<svg width="100%" height="20" viewBox="0 0 1000 20" preserveAspectRatio="none">"#)?;
    write!(out, r#"<path class="{class}" d=""#)?;
    for (left, right) in runs {
        let (x, width) = (Short(left * 1000.0, 1), Short((right - left) * 1000.0, 1));
        write!(out, "M{x} {y}h{width}v{height}h-{width}z")?;
    }
    writeln!(out, r#""/></svg>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_mark() {
        let runs = merged([(0.1, 0.2), (0.2, 0.3), (0.5, 0.6)].into_iter(), 0.0);
        assert_eq!(runs, [(0.1, 0.3), (0.5, 0.6)]);
    }

    #[test]
    fn the_narrowest_mark_is_seen_and_inside() {
        for at in [0.0, 0.5, 1.0] {
            let runs = merged([(at, at)].into_iter(), 0.1);
            let (left, right) = runs[0];
            assert!((right - left - 0.1).abs() < 1e-12 && left >= 0.0 && right <= 1.0 + 1e-12, "{runs:?}");
        }
    }

    #[test]
    fn every_verdict_has_a_shape_of_its_own() {
        for a in MARKS {
            for b in MARKS {
                assert!(a == b || (a.y, a.height) != (b.y, b.height), "{a:?} {b:?} differ by colour alone");
            }
        }
    }
}
