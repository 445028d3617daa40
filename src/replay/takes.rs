//! How long actions are taken to last: as it is said, as they lasted in earlier runs, or as is assumed.

use crate::plan::Plan;
use crate::settings::units::Duration;
use crate::steps::{Attempt, Doing, End, Record};
use crate::story::Noted;
use crate::text;
use quietgate_detectors::Timestamp;
use std::collections::BTreeMap;

/// What an action is taken to last of which nothing is known: a minute, as a package takes that is installed.
pub const ASSUMED_MS: i64 = 60_000;

/// What was said: `4m` for all steps, `upgrade=4m` for one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    all_ms: Option<i64>,
    steps: BTreeMap<String, i64>,
}

/// How long the actions of a step are taken to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takes {
    /// The step.
    pub step: String,
    /// Its action, in milliseconds.
    pub action_ms: i64,
    /// Its undo, in milliseconds.
    pub undo_ms: i64,
    /// Where the first of both comes from.
    pub by: By,
}

/// Where a length comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// It was said.
    Said,
    /// The median of so many attempts on record.
    Record(usize),
    /// Nothing is known.
    Assumed,
}

/// How long attempts on record lasted that succeeded, by step and by what they did, in milliseconds and in order.
pub type Lasted = BTreeMap<(String, Doing), Vec<i64>>;

impl Said {
    /// Reads what options say, `DURATION` or `STEP=DURATION`, where `plan` has these steps.
    ///
    /// # Errors
    /// What is neither, a step that the plan does not have, one that is named twice: the message says what is allowed.
    pub fn read(texts: &[String], plan: &Plan) -> Result<Self, String> {
        let mut said = Self::default();
        for text in texts {
            let (step, length) = match text.split_once('=') {
                Some((step, length)) => (Some(step), length),
                None => (None, text.as_str()),
            };
            let ms = length
                .parse::<Duration>()
                .map_err(|error| format!("{error}; or STEP=DURATION for one step"))?
                .as_millis();
            let before = match step {
                None => said.all_ms.replace(ms),
                Some(step) if !plan.steps.iter().any(|known| known.name == step) => {
                    let known: Vec<_> = plan.steps.iter().map(|step| step.name.as_str()).collect();
                    return Err(format!("the plan has no step {step:?}, it has {}", known.join(", ")));
                }
                Some(step) => said.steps.insert(step.to_owned(), ms),
            };
            if before.is_some() {
                return Err(format!("{} is said twice", step.unwrap_or("what all steps take")));
            }
        }
        Ok(said)
    }

    /// How long the actions of each step of `plan` are taken to last, in its order.
    pub fn of(&self, plan: &Plan, lasted: &Lasted) -> Vec<Takes> {
        let of = |step: &crate::plan::Step| {
            let median = |doing| {
                let lengths =
                    lasted.get(&(step.name.clone(), doing)).filter(|lengths| !lengths.is_empty())?;
                Some((lengths[lengths.len() / 2], lengths.len()))
            };
            let said = self.steps.get(&step.name).or(self.all_ms.as_ref());
            let (action_ms, by) = match (said, median(Doing::Action)) {
                (Some(ms), _) => (*ms, By::Said),
                (None, Some((ms, count))) => (ms, By::Record(count)),
                (None, None) => (ASSUMED_MS.min(step.action.timeout_ms), By::Assumed),
            };
            let undo = said.copied().or_else(|| median(Doing::Undo).map(|(ms, _)| ms));
            let undo_ms = undo.unwrap_or(action_ms);
            Takes { step: step.name.clone(), action_ms, undo_ms, by }
        };
        plan.steps.iter().map(of).collect()
    }
}

impl Takes {
    /// In words: `upgrade takes 4m (said)`.
    pub fn words(&self) -> String {
        let by = match self.by {
            By::Said => "as said".to_owned(),
            By::Record(count) => {
                format!("median of {} on record", text::counted(count as u64, "attempt", "attempts"))
            }
            By::Assumed => "assumed, nothing is known".to_owned(),
        };
        format!("{} takes {} ({by})", self.step, text::duration(self.action_ms))
    }
}

/// Gathers how long attempts of the plan `plan` lasted.
#[derive(Debug, Default)]
pub struct Past {
    runs: Vec<String>,
    intended: BTreeMap<Attempt, Timestamp>,
    lasted: Lasted,
}

impl Past {
    /// Takes in the next record of a journal. Attempts of other plans do not count.
    pub fn hear(&mut self, plan: &str, noted: &Noted) {
        match &noted.record {
            Record::Plan(pinned) if pinned.plan == plan => self.runs.push(pinned.run.clone()),
            Record::Intent { attempt, .. } if self.runs.contains(&attempt.run) => {
                self.intended.insert(attempt.clone(), noted.at);
            }
            Record::Result { attempt, end: End::Succeeded, .. } => {
                if let Some(intended) = self.intended.remove(attempt) {
                    let ms = noted.at.as_millis().saturating_sub(intended.as_millis()).max(0);
                    self.lasted.entry((attempt.step.clone(), attempt.doing)).or_default().push(ms);
                }
            }
            _ => {}
        }
    }

    /// What was gathered.
    pub fn lasted(mut self) -> Lasted {
        self.lasted.values_mut().for_each(|lengths| lengths.sort_unstable());
        self.lasted
    }
}
