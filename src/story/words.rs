//! Words that lines, status and explanations share.

use crate::steps::{Decision, Doing, End, Ending, Gate, Mode, Pinned, Side};
use crate::text;
use jiff::tz::TimeZone;
use quietgate_detectors::Timestamp;

/// So many names are told of thousands; who wants all reads the journal.
pub(super) const NAMED: usize = 5;

/// The time of day in UTC, to the second: `08:01:07`.
pub(super) fn clock(at: Timestamp) -> String {
    format_time(at, "%H:%M:%S")
}

/// The day in UTC: `2026-03-09`.
pub(super) fn day(at: Timestamp) -> String {
    format_time(at, "%Y-%m-%d")
}

/// Day and time in UTC, to the second: `2026-03-09 08:01:07 UTC`.
pub(super) fn when(at: Timestamp) -> String {
    format_time(at, "%Y-%m-%d %H:%M:%S UTC")
}

fn format_time(at: Timestamp, format: &str) -> String {
    let ms = at.as_millis();
    text::time_as(ms, &TimeZone::UTC, format).unwrap_or_else(|| text::rfc3339(ms))
}

/// A time on the day of `now`, or with its day: `08:01:07`, `2026-03-08 23:59:00 UTC`.
pub(super) fn near(at: Timestamp, now: Timestamp) -> String {
    if day(at) == day(now) { clock(at) } else { when(at) }
}

/// How long before `now` something was: `3 min`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let ms = now.as_millis().saturating_sub(at.as_millis()).max(0);
    // to the second: what is less is of no use to who reads
    text::duration(if ms < 1_000 { ms } else { ms / 1_000 * 1_000 })
}

/// A batch by its step and its number, which people count from 1: `agent batch 2 of 5`.
pub(super) fn batch(pinned: Option<&Pinned>, step: &str, batch: usize) -> String {
    let of = step_of(pinned, step).map(|step| format!(" of {}", text::count(step.batches.len() as u64)));
    format!("{step} batch {}{}", text::count(batch as u64 + 1), of.unwrap_or_default())
}

/// The targets of a batch.
pub(super) fn targets<'a>(pinned: Option<&'a Pinned>, step: &str, batch: usize) -> Option<&'a [String]> {
    step_of(pinned, step)?.batches.get(batch).map(Vec::as_slice)
}

fn step_of<'a>(pinned: Option<&'a Pinned>, name: &str) -> Option<&'a crate::steps::PinnedStep> {
    pinned?.steps.iter().find(|step| step.step == name)
}

/// The first of some names, and how many there are more: `h1, h2 and 58 more`.
pub(super) fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = all.len();
    let named: Vec<&str> = all.take(NAMED).collect();
    enumerated(&named, count - named.len())
}

/// `shown`, and how many more there are.
pub(super) fn enumerated<T: AsRef<str>>(shown: &[T], more: usize) -> String {
    let shown: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    match (shown.split_last(), more) {
        (None, _) => String::new(),
        (Some((last, [])), 0) => (*last).to_owned(),
        (Some((last, before)), 0) => format!("{} and {last}", before.join(", ")),
        (Some(_), more) => format!("{} and {} more", shown.join(", "), text::count(more as u64)),
    }
}

/// What a gate decided about its batch.
pub(super) fn decided(gate: &Gate) -> &'static str {
    match (gate.decision, gate.side) {
        (Decision::Proceed, Side::Before) => "may start",
        (Decision::Proceed, Side::After) => "passed",
        (Decision::Hold, Side::Before) => "holds before it starts",
        (Decision::Hold, Side::After) => "holds before it passes",
        (Decision::Proceed | Decision::Hold, Side::Late) => "is watched on",
        (Decision::Pause, _) => "pauses the run",
        (Decision::Rollback, _) => "rolls the run back",
        (Decision::Abort, _) => "aborts the run",
    }
}

/// How an attempt ended.
pub(super) fn ended(end: End) -> &'static str {
    match end {
        End::Succeeded => "succeeded",
        End::Failed => "failed",
        End::Signalled => "was ended by a signal",
        End::TimedOut => "was not over in time",
        End::NotStarted => "could not be started",
    }
}

/// How a run ended.
pub(super) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Aborted => "aborted",
        Ending::RolledBack => "rolled back",
    }
}

/// What a run is about.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Going => "going",
        Mode::RollingBack => "rolling back",
        Mode::Aborting => "aborting",
        Mode::Finished(how) => ending(how),
    }
}

/// A target in a step, and what is done to it where that is not the step's action: `agent/h7`, `agent/h7 undo`.
pub(super) fn place(step: &str, target: &str, doing: Doing) -> String {
    match doing {
        Doing::Action => format!("{step}/{target}"),
        Doing::Undo => format!("{step}/{target} undo"),
    }
}

/// The text cut to `width` characters; one that is cut ends with `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width == 0 { kept } else { kept + "…" }
}

/// Rows with their columns below each other, two spaces between them; the last column is as long as it is.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| wide(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_few_and_the_rest_is_counted() {
        let told = |count: usize| {
            let all: Vec<String> = (1..=count).map(|n| format!("h{n}")).collect();
            names(all.iter().map(String::as_str))
        };
        assert_eq!(told(0), "");
        assert_eq!(told(1), "h1");
        assert_eq!(told(5), "h1, h2, h3, h4 and h5");
        assert_eq!(told(3_000), "h1, h2, h3, h4, h5 and 2,995 more");
    }

    #[test]
    fn what_is_too_wide_is_cut_by_characters() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("größer", 0), "");
    }

    #[test]
    fn times_have_their_day_where_it_is_another() {
        let at = |ms: i64| Timestamp::from_millis(1_773_043_267_000 + ms);
        assert_eq!(near(at(0), at(1)), "08:01:07");
        assert_eq!(near(at(0), at(86_400_000)), "2026-03-09 08:01:07 UTC");
        assert_eq!(ago(at(0), at(61_900)), "1 min 01 s");
        assert_eq!(ago(at(0), at(300)), "300 ms");
        assert_eq!(ago(at(5), at(0)), "0 ms");
    }
}
