//! Captures of anomalies in words: what was started, and what it wrote.

use super::words::{enumerated, near};
use crate::steps::{Capture, Captured, Run, Scene, Seen};
use crate::text;
use quietgate_detectors::Timestamp;
use serde::Serialize;

/// How whoever reads sees what the newest capture wrote.
pub(super) const SHOW: &str = "quietgate why --capture";

/// The captures of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapturesNow {
    /// How many there are.
    pub count: usize,
    /// How many were left out.
    pub left_out: usize,
    /// How many programs have not ended.
    pub under_way: usize,
    /// The series of the newest: the first few.
    pub series: Vec<String>,
    /// When its anomaly was found, in RFC 3339.
    pub found: String,
    #[serde(skip)]
    words: String,
}

/// What a program of a capture wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrote {
    /// The number of its record.
    pub seq: u64,
    /// The program with its arguments.
    pub argv: Vec<String>,
    /// How it ended, in words.
    pub reason: String,
    /// What was kept of its standard output.
    pub output: String,
    /// Whether it wrote more.
    pub cut: bool,
    /// What was kept of its standard error.
    pub errors: String,
}

impl CapturesNow {
    /// Those of `run` at `now`; none where there are none.
    pub(super) fn of(run: &Run, now: Timestamp) -> Option<Self> {
        let newest = run.scenes.made().next_back()?;
        let (count, scene) = (run.scenes.made().count(), &newest.scene);
        let under_way = run.scenes.made().map(|seen: &Seen| seen.open.len()).sum();
        let left_out = run.scenes.all.len() - count;
        let what = match count {
            1 => "captured the scene".to_owned(),
            _ => format!("captured {} scenes, the newest", text::count(count as u64)),
        };
        let going = match under_way {
            0 => String::new(),
            _ => format!("; {} under way", text::counted(under_way as u64, "program", "programs")),
        };
        let (series, at) = (named(scene), near(newest.at, now));
        let words = format!("{what} of {series} at {at}{going}; {SHOW} shows it");
        Some(Self {
            count,
            left_out,
            under_way,
            series: scene.series.clone(),
            found: scene.found.clone(),
            words,
        })
    }

    /// `captured the scene of loss{host="h2"} at 08:01:07; quietgate why --capture shows it`.
    pub(super) fn words(&self) -> &str {
        &self.words
    }
}

impl Wrote {
    /// What the record number `seq` says.
    pub(super) fn of(seq: u64, captured: &Captured) -> Self {
        Self {
            seq,
            argv: captured.argv.clone(),
            reason: reason(captured),
            output: captured.output.clone(),
            cut: captured.cut,
            errors: captured.errors.clone(),
        }
    }

    /// Lines to read: the program, and below it what it wrote.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut out = vec![format!("{}: {}", called(&self.argv), self.reason)];
        let below = |text: &str, margin: &str| {
            // a table keeps its columns; everything else that a terminal obeys is shown
            text.lines().map(|line| format!("{margin}{}", line.replace('\t', "        "))).collect::<Vec<_>>()
        };
        out.extend(below(&self.output, "    "));
        out.extend(below(&self.errors, "    standard error: "));
        out
    }
}

/// The line of a capture; `seq` is the number of its record.
pub(super) fn begun(seq: u64, capture: &Capture) -> String {
    let series = named(&capture.scene);
    let programs: Vec<_> = capture.programs.iter().map(|argv| called(argv)).collect();
    match &capture.left_out {
        Some(why) => format!("the scene of {series} is not captured: {why}"),
        None => format!(
            "the scene of {series} is captured by {} (quietgate why {seq} shows it)",
            enumerated(&programs, 0)
        ),
    }
}

/// The line of a program of a capture that has ended.
pub(super) fn ended(captured: &Captured) -> String {
    format!("the scene of {}: {}: {}", named(&captured.scene), called(&captured.argv), reason(captured))
}

fn reason(captured: &Captured) -> String {
    let took = captured.took_ms.map(|ms| format!(" after {}", text::duration(ms))).unwrap_or_default();
    let wrote = captured.began.as_ref().map(|_| {
        let bytes = text::counted(captured.bytes, "byte", "bytes");
        let cut = if captured.cut { ", of which the beginning is kept" } else { "" };
        format!(", {bytes}{cut}")
    });
    format!("{}{took}{}", captured.reason, wrote.unwrap_or_default())
}

/// A program as it was called: `["vmstat","1","5"]`.
fn called(argv: &[String]) -> String {
    serde_json::to_string(argv).unwrap_or_default()
}

/// The series of a capture: `loss{host="h2"} and 3 more`.
fn named(scene: &Scene) -> String {
    let more = usize::try_from(scene.count).unwrap_or(usize::MAX).saturating_sub(scene.series.len());
    enumerated(&scene.series, more)
}
