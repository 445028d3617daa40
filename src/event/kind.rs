//! The closed table of what can happen: names that never change their meaning.

use serde::Serialize;
use std::fmt;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What who follows a run reads.
    Info,
    /// What keeps a run from going on, or may.
    Warning,
    /// What a person must look at.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// Its name in files and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! kinds {
    ($($variant:ident $name:literal $severity:ident $about:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum Kind {
            $(
                #[doc = $about]
                #[serde(rename = $name)]
                $variant,
            )*
        }

        impl Kind {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// How much it matters, where nothing else is said of it.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }

            /// What it says.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }
        }
    };
}

kinds! {
    DriverStarted "driver.started" Info "a driver took the journal over; what was in flight is unknown from then on",
    RunStarted "run.started" Info "a run of a plan began",
    RunPaused "run.paused" Critical "nothing new starts until a person resumes the run",
    RunResumed "run.resumed" Info "a paused run goes on",
    RunAborted "run.aborted" Critical "nothing starts any more in the run",
    RunTurned "run.turned" Critical "what the run did is undone, in reverse order",
    RunFinished "run.finished" Info "a run is over; critical where it was aborted or rolled back",
    BatchApproved "batch.approved" Info "a person let a batch start",
    BatchOpened "batch.opened" Info "the gate before a batch opened: the batch may start",
    BatchPassed "batch.passed" Info "the gate after a batch opened: nothing is to be blamed on it",
    GateHeld "gate.held" Warning "a gate holds for other reasons than before; info where all there is to wait for is a clean window that is long enough",
    GatePaused "gate.paused" Critical "a gate blamed something on a batch, or held for longer than its patience: the run waits for a person",
    GateTurned "gate.turned" Critical "a gate blamed something on a batch: what the run did is undone",
    GateAborted "gate.aborted" Critical "a gate blamed something on a batch: nothing starts any more",
    AttemptStarted "attempt.started" Info "an attempt on a target is started",
    AttemptSucceeded "attempt.succeeded" Info "an attempt did what it should",
    AttemptFailed "attempt.failed" Warning "an attempt did not do what it should",
    AttemptWithdrawn "attempt.withdrawn" Info "an attempt was not started after all: its gate closed in between",
    AttemptUnknown "attempt.unknown" Critical "nobody knows how an attempt ended, or whether it was started",
    TargetRetried "target.retried" Info "a target is tried once more",
    TargetSkipped "target.skipped" Info "a target is left as it is",
    TargetResolved "target.resolved" Info "a probe or a person said what became of an attempt whose outcome was unknown",
    SceneCaptured "scene.captured" Info "the scene of a new anomaly is captured, or is left out",
    FreezeStarted "freeze.started" Warning "no batch of any run starts until the freeze is lifted",
    FreezeEnded "freeze.ended" Info "batches may start again",
    EventsDropped "events.dropped" Warning "a sink was behind by more than it may keep, or its receiver refused them for good: these events were not delivered",
    SinkTested "sink.tested" Info "somebody tried the sink",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_two_words_and_stand_once() {
        for (place, kind) in Kind::ALL.iter().enumerate() {
            let (of, what) = kind.name().split_once('.').expect("two words");
            assert!([of, what].iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase())), "{kind}");
            assert!(Kind::ALL[..place].iter().all(|other| other.name() != kind.name()), "{kind}");
            assert_eq!(serde_json::to_value(kind).expect("text"), kind.name());
            assert!(!kind.about().ends_with('.'), "{kind}");
        }
        assert!(Severity::ALL.is_sorted());
    }
}
