//! What a journal holds: a record of everything that was decided, intended, done and said.
//!
//! Each is written and synced before what it tells of has an effect. The state of a run is the fold of its records and
//! of nothing else, so a record says all that is needed; a plan is pinned with its order when its run begins.

use serde::{Deserialize, Serialize};

/// One record. In JSON an object with its `kind` beside its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// A driver took the journal over; what was in flight is unknown from here on.
    Boot {
        /// The program's version.
        version: String,
        /// What the processes that it starts are marked with: its number and its start.
        #[serde(default)]
        driver: String,
    },
    /// A run began.
    Plan(Pinned),
    /// A gate decided, and said why.
    Gate(Gate),
    /// A person lets a batch start.
    Approval {
        /// The run.
        run: String,
        /// The step.
        step: String,
        /// The number of the batch in the step, from 0.
        batch: usize,
        /// Who and why.
        #[serde(flatten)]
        word: Word,
    },
    /// An attempt is going to be started.
    Intent {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// What is going to be run, values filled in, without secrets.
        call: String,
    },
    /// The process of an attempt exists.
    Spawned {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// What it is known by: its number, its group.
        process: String,
    },
    /// An attempt has ended.
    Result {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// How it ended.
        end: End,
        /// The same in words, with what else there is to say of it.
        reason: String,
        /// The file with its output; none where there is none.
        output: Option<String>,
    },
    /// An attempt was not started after all: its gate closed in between.
    Withdrawn {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// Why.
        reason: String,
    },
    /// Nobody knows how an attempt ended, or whether it was started.
    Unknown {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// Why.
        reason: String,
    },
    /// Nothing new starts until the run is resumed.
    Pause(Said),
    /// A paused run goes on.
    Resume(Said),
    /// Nothing starts any more.
    Abort(Said),
    /// What the run did is undone.
    Rollback(Said),
    /// A target is tried once more.
    Retry(Told),
    /// A target is left as it is.
    Skip(Told),
    /// What became of an attempt whose outcome was unknown.
    Resolve {
        /// Which target.
        #[serde(flatten)]
        told: Told,
        /// Whether it took effect.
        ran: bool,
    },
    /// The scene of an anomaly is captured from now on, or is left out. It changes nothing of what a run does.
    Capture(Capture),
    /// One of the programs of a capture has ended.
    Captured(Captured),
    /// No batch of any run starts until it is lifted.
    Freeze(Word),
    /// Batches may start again.
    Unfreeze(Word),
    /// A run is over.
    Finish {
        /// The run.
        run: String,
        /// How it ended.
        decision: Ending,
        /// Why.
        reason: String,
    },
}

/// A plan as it is when its run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// The run.
    pub run: String,
    /// The plan's name.
    pub plan: String,
    /// The folder of the plan file, from which its relative paths start.
    pub folder: String,
    /// The folder of the config file, likewise.
    pub config_folder: String,
    /// The plan file.
    pub text: String,
    /// The config file.
    pub config: String,
    /// The targets, as the inventory had them.
    pub inventory: serde_json::Value,
    /// How many targets may fail.
    pub max_failed: u32,
    /// The steps, each after those it waits for.
    pub steps: Vec<PinnedStep>,
    /// Who began it and why, where a daemon was asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<Word>>,
}

/// A step of a pinned plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedStep {
    /// Its name.
    pub step: String,
    /// The steps that must be over before.
    pub after: Vec<String>,
    /// Its batches of targets, in order.
    pub batches: Vec<Vec<String>>,
    /// Whether a person must let each batch start.
    pub approve: bool,
    /// Whether it can be undone.
    pub undo: bool,
    /// How many attempts on a target the plan grants beyond the first.
    pub retries: u32,
    /// For how long a gate of it may hold before the run pauses, in milliseconds; none in journals that did not have it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience_ms: Option<i64>,
    /// What moves by it although all is well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expects: Vec<Expected>,
}

/// What a step of a pinned plan expects to move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The signals, by name.
    pub signals: Vec<String>,
    /// For how long from the start of a batch, in milliseconds.
    pub for_ms: i64,
}

/// One try of an action on a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The target.
    pub target: String,
    /// What is done.
    pub doing: Doing,
    /// Its number among the attempts of the same thing on the same target in the same step, from 1.
    pub attempt: u32,
}

/// What an attempt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// The step's action.
    Action,
    /// Its undo.
    Undo,
}

/// How an attempt ended whose end is known. Each is a different thing to whoever decides what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It did what it should.
    Succeeded,
    /// It ended by itself and said that it failed: an exit code other than 0, a status that is not expected.
    Failed,
    /// A signal ended it that was not ours.
    Signalled,
    /// It was not over in time, and was ended.
    TimedOut,
    /// It could not be started: nothing was done.
    NotStarted,
}

/// What somebody said, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Who: a person, or `gate` or `plan`.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// What somebody said of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The run.
    pub run: String,
    /// Who and why.
    #[serde(flatten)]
    pub word: Word,
}

/// What somebody said of a target in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The target.
    pub target: String,
    /// Who and why.
    #[serde(flatten)]
    pub word: Word,
}

/// What a gate decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The number of the batch in the step, from 0.
    pub batch: usize,
    /// Whether it was asked before the batch or after its start.
    pub side: Side,
    /// What it decided.
    pub decision: Decision,
    /// Why, in words with numbers.
    pub reason: String,
    /// The same without what changes from moment to moment: a hold is recorded where this changes.
    pub because: Vec<String>,
    /// The numbers: every required series with its newest sample and its finding.
    pub evidence: serde_json::Value,
}

/// The causes of a hold that pass by themselves: a clean window that is not long enough yet, something that fired once, and a series
/// that is expected to move.
pub const PASSING: Passing =
    Passing { short: "clean, not yet for long enough", suspect: "suspect", expected: "expected" };

/// How causes that pass by themselves end, in what a gate says.
#[derive(Debug, Clone, Copy)]
pub struct Passing {
    /// Series are clean.
    pub short: &'static str,
    /// Something fired, and is not sustained.
    pub suspect: &'static str,
    /// It moves as it should.
    pub expected: &'static str,
}

impl Gate {
    /// Whether it holds for nothing but what passes by itself.
    pub fn is_passing(&self) -> bool {
        let passes = |cause: &String| {
            let what = cause.rsplit(": ").next().unwrap_or_default();
            [PASSING.short, PASSING.suspect, PASSING.expected].contains(&what)
        };
        self.decision == Decision::Hold && self.because.iter().all(passes)
    }
}

/// On which side of a batch a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Before the batch: may it start?
    Before,
    /// After its start: is it over, is anything to be blamed on it?
    After,
    /// At any time after its start, also long after it: does the slow layer blame anything on it?
    Late,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on.
    Proceed,
    /// Wait; it may change by itself.
    Hold,
    /// Wait for a person.
    Pause,
    /// Undo what the run did.
    Rollback,
    /// Start nothing any more.
    Abort,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every step is over.
    Done,
    /// It was aborted.
    Aborted,
    /// What it did is undone.
    RolledBack,
}

/// Of which anomaly the scene is captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// The run.
    pub run: String,
    /// The number of the capture in the run, from 1.
    pub capture: u32,
    /// The signal.
    pub signal: String,
    /// The series of it that were found anomalous and were not before, by name: of many the first few.
    pub series: Vec<String>,
    /// How many these are.
    pub count: u64,
    /// When the driver found them so, in RFC 3339.
    pub found: String,
}

/// The scene of an anomaly is captured, or is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Of which anomaly.
    #[serde(flatten)]
    pub scene: Scene,
    /// Since when the first of the series was anomalous, in RFC 3339.
    pub since: String,
    /// The programs that are started now, all at once, each with its arguments; none where it is left out.
    pub programs: Vec<Vec<String>>,
    /// Why it is left out; none where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// A program of a capture has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// Of which anomaly.
    #[serde(flatten)]
    pub scene: Scene,
    /// Its number among the programs of the capture, from 0.
    pub program: usize,
    /// The program with its arguments.
    pub argv: Vec<String>,
    /// When it was started, in RFC 3339; none where nobody knows.
    pub began: Option<String>,
    /// How long it and all that it started took, in milliseconds; none where nobody knows.
    pub took_ms: Option<i64>,
    /// How it ended; none where nobody knows, or where it was ended before its time.
    pub end: Option<End>,
    /// The same in words, with what else there is to say of it.
    pub reason: String,
    /// The beginning of what it wrote on standard output. What was no UTF-8 is U+FFFD.
    pub output: String,
    /// How many bytes it wrote there.
    pub bytes: u64,
    /// Whether it wrote more than was kept.
    pub cut: bool,
    /// The beginning of what it wrote on standard error.
    pub errors: String,
}

impl Record {
    /// The same, that of a gate without its evidence, which may be large.
    pub fn brief(&self) -> Self {
        let Self::Gate(Gate { run, step, batch, side, decision, reason, .. }) = self else {
            return self.clone();
        };
        Self::Gate(Gate {
            run: run.clone(),
            step: step.clone(),
            batch: *batch,
            side: *side,
            decision: *decision,
            reason: reason.clone(),
            because: Vec::new(),
            evidence: serde_json::Value::Null,
        })
    }

    /// The step, the target and the number of the attempt that it is about, as far as it is about one.
    pub fn place(&self) -> (Option<&str>, Option<&str>, Option<u32>) {
        match self {
            Self::Gate(Gate { step, .. }) | Self::Approval { step, .. } => (Some(step), None, None),
            Self::Intent { attempt, .. }
            | Self::Spawned { attempt, .. }
            | Self::Result { attempt, .. }
            | Self::Withdrawn { attempt, .. }
            | Self::Unknown { attempt, .. } => {
                (Some(&attempt.step), Some(&attempt.target), Some(attempt.attempt))
            }
            Self::Retry(told) | Self::Skip(told) | Self::Resolve { told, .. } => {
                (Some(&told.step), Some(&told.target), None)
            }
            _ => (None, None, None),
        }
    }

    /// The run it is about; none where it is about all.
    pub fn run(&self) -> Option<&str> {
        match self {
            Self::Boot { .. } | Self::Freeze(_) | Self::Unfreeze(_) => None,
            Self::Plan(pinned) => Some(&pinned.run),
            Self::Gate(gate) => Some(&gate.run),
            Self::Approval { run, .. } | Self::Finish { run, .. } => Some(run),
            Self::Intent { attempt, .. }
            | Self::Spawned { attempt, .. }
            | Self::Result { attempt, .. }
            | Self::Withdrawn { attempt, .. }
            | Self::Unknown { attempt, .. } => Some(&attempt.run),
            Self::Pause(said) | Self::Resume(said) | Self::Abort(said) | Self::Rollback(said) => {
                Some(&said.run)
            }
            Self::Retry(told) | Self::Skip(told) | Self::Resolve { told, .. } => Some(&told.run),
            Self::Capture(Capture { scene, .. }) | Self::Captured(Captured { scene, .. }) => Some(&scene.run),
        }
    }
}
