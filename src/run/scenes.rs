//! When the scene of an anomaly is captured. Pure: what is on record, what is anomalous and the time in, a record out.

use crate::steps::{Capture, Run, Scene};
use crate::text;
use quietgate_detectors::Timestamp;

/// So many series are named in a record.
const NAMED: usize = 5;

/// How often scenes are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Often {
    /// The most captures that a run has.
    pub(super) at_most: u32,
    /// The least time between two captures of a signal, in milliseconds.
    pub(super) spacing_ms: i64,
}

/// What of one signal is anomalous at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anomalous<'a> {
    /// The signal.
    pub(super) signal: &'a str,
    /// Its series that are, by name, and since when.
    pub(super) series: &'a [(String, Timestamp)],
    /// What began no later than this was looked at before by this driver.
    pub(super) known: Option<Timestamp>,
    /// The time.
    pub(super) now: Timestamp,
}

/// What to put on record of what is anomalous: that its scene is captured by `programs`, or left out; nothing where none of it is
/// new. New is what began after the newest capture of the signal, made or left out: what had begun by then was to be seen in that.
///
/// Of many that are left out one behind the other the first is put on record.
pub(super) fn due(
    run: &Run,
    anomalous: Anomalous<'_>,
    programs: &[Vec<String>],
    often: Often,
) -> Option<Capture> {
    let Anomalous { signal, series, known, now } = anomalous;
    let newest = run.scenes.newest(signal);
    let seen = known.max(newest.map(|newest| newest.at));
    let is_new = |(_, since): &&(String, Timestamp)| seen.is_none_or(|seen| *since > seen);
    let new: Vec<_> = series.iter().filter(is_new).collect();
    let since = new.iter().map(|(_, since)| *since).min()?;
    let left_out = left_out(run, signal, often, now);
    if left_out.is_some() && newest.is_some_and(|newest| newest.left_out.is_some()) {
        return None;
    }
    let scene = Scene {
        run: run.pinned.run.clone(),
        capture: u32::try_from(run.scenes.all.len() + 1).ok()?,
        signal: signal.to_owned(),
        series: new.iter().take(NAMED).map(|(name, _)| name.clone()).collect(),
        count: new.len() as u64,
        found: text::rfc3339(now.as_millis()),
    };
    let programs = if left_out.is_some() { Vec::new() } else { programs.to_vec() };
    Some(Capture { scene, since: text::rfc3339(since.as_millis()), programs, left_out })
}

/// Why no scene of `signal` is captured at `now`.
fn left_out(run: &Run, signal: &str, often: Often, now: Timestamp) -> Option<String> {
    let Often { at_most, spacing_ms } = often;
    if run.scenes.made().count() >= at_most as usize {
        let captures = text::counted(at_most.into(), "capture", "captures");
        return Some(format!("the run has had {captures}, the most that it may (at_most)"));
    }
    let newest = run.scenes.made().rev().find(|seen| seen.scene.signal == signal)?;
    let ago = now.as_millis().saturating_sub(newest.at.as_millis());
    // a clock that was set back must not keep anything from being captured
    (0..spacing_ms).contains(&ago).then(|| {
        let until = text::rfc3339(newest.at.as_millis().saturating_add(spacing_ms));
        format!(
            "{signal} was captured {} before, and is not again until {until} (spacing)",
            text::duration(ago)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::{Pinned, Record, State};

    const OFTEN: Often = Often { at_most: 3, spacing_ms: 60_000 };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// A run that looks at what is anomalous, and puts on record what is due.
    struct Case {
        state: State,
        known: Option<Timestamp>,
    }

    impl Case {
        fn new() -> Self {
            let empty = String::new;
            let (inventory, steps) = (serde_json::Value::Null, Vec::new());
            let pinned = Pinned {
                run: "r".to_owned(),
                plan: empty(),
                folder: empty(),
                config_folder: empty(),
                text: empty(),
                config: empty(),
                inventory,
                max_failed: 0,
                steps,
                by: None,
            };
            let mut state = State::default();
            state.apply(1, at(0), &Record::Plan(pinned)).expect("a run");
            Self { state, known: None }
        }

        /// What of these series of `signal` is captured: how many, or why they are left out.
        fn look(&mut self, signal: &str, now: i64, series: &[(&str, i64)]) -> Option<Result<u64, String>> {
            let series: Vec<_> =
                series.iter().map(|(name, since)| ((*name).to_owned(), at(*since))).collect();
            let anomalous = Anomalous { signal, series: &series, known: self.known, now: at(now) };
            let capture = due(&self.state.runs["r"], anomalous, &[vec!["ps".to_owned()]], OFTEN)?;
            self.state.apply(2, at(now), &Record::Capture(capture.clone())).expect("it can be");
            Some(capture.left_out.map_or(Ok(capture.scene.count), Err))
        }
    }

    #[test]
    fn an_anomaly_is_captured_once_with_all_that_began_before() {
        let mut case = Case::new();
        assert_eq!(case.look("s", 10, &[]), None);
        assert_eq!(case.look("s", 20, &[("a", 18), ("b", 19)]), Some(Ok(2)));
        assert_eq!(case.look("s", 21, &[("a", 18), ("b", 19)]), None);
        // it had begun by then, and was sustained later
        assert_eq!(case.look("s", 22, &[("a", 18), ("b", 19), ("c", 20)]), None);
        assert_eq!(case.look("s", 500, &[("a", 18)]), None);
        assert_eq!(case.look("s", 600, &[("a", 18), ("b", 599)]), Some(Ok(1)));
    }

    #[test]
    fn what_comes_too_soon_is_left_out_and_not_made_up_for() {
        let mut case = Case::new();
        assert_eq!(case.look("s", 20, &[("a", 18)]), Some(Ok(1)));
        let why = "s was captured 20 s before, and is not again until 1970-01-01T00:01:20Z (spacing)";
        assert_eq!(case.look("s", 40, &[("a", 18), ("b", 39)]), Some(Err(why.to_owned())));
        assert_eq!(case.look("s", 50, &[("c", 49)]), None, "the second is not on record");
        assert_eq!(case.look("s", 90, &[("b", 39)]), None);
        // only the driver that looked then knows of it
        case.known = Some(at(50));
        assert_eq!(case.look("s", 90, &[("b", 39), ("c", 49)]), None);
        assert_eq!(case.look("s", 100, &[("c", 49), ("b", 98)]), Some(Ok(1)));
        // each signal has its own
        assert_eq!(case.look("t", 101, &[("x", 100)]), Some(Ok(1)));
    }

    #[test]
    fn a_run_has_so_many_and_says_that_it_has_no_more() {
        let mut case = Case::new();
        for (n, signal) in ["s", "t", "u"].into_iter().enumerate() {
            assert_eq!(case.look(signal, n as i64 * 100, &[("a", n as i64 * 100)]), Some(Ok(1)));
        }
        let why = "the run has had 3 captures, the most that it may (at_most)";
        assert_eq!(case.look("s", 900, &[("a", 899)]), Some(Err(why.to_owned())));
        assert_eq!(case.look("s", 1900, &[("a", 1899)]), None);
        assert_eq!(case.look("v", 1900, &[("a", 1899)]), Some(Err(why.to_owned())));
    }
}
