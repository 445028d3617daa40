//! Which series keep a gate shut for what was found of them, told apart from a clean window that is not long enough yet.

use super::Gates;
use crate::monitor::Labels;
use crate::run::telling;
use crate::steps::{BatchId, Side};
use quietgate_rules::Condition;
use quietgate_rules::gate::{Answer, Obstacle};

/// A required series that keeps a gate shut because of what was found of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldBy {
    /// The number of its signal.
    pub signal: usize,
    /// Its labels; of a series that is missing those that say which.
    pub labels: Labels,
    /// How it stands.
    pub condition: Condition,
    /// Whether that is blamed on the batch.
    pub blamed: bool,
    /// The same in words, with what the detectors said of it.
    pub words: String,
}

impl Gates<'_> {
    /// The series that keep the gate on this side of a batch shut for what was found of them, and whether there are any whose
    /// clean window is merely not long enough yet. A gate that is open has neither.
    pub fn held_by(&self, (step, batch): BatchId, side: Side) -> (Vec<HeldBy>, bool) {
        let views = self.watch.views(self.now);
        let answer = match side {
            Side::Before => self.asked_before(&views, step, batch).0,
            Side::After => self.asked_after(&views, step, batch, true).0,
        };
        let held: Vec<(usize, Option<Obstacle>)> = match answer {
            Answer::Proceed => return (Vec::new(), false),
            Answer::Hold(obstacles) => {
                obstacles.into_iter().map(|(i, obstacle)| (i, Some(obstacle))).collect()
            }
            Answer::Blame(blamed) => blamed.into_iter().map(|i| (i, None)).collect(),
        };
        let is_short = |obstacle: &Option<Obstacle>| matches!(obstacle, Some(Obstacle::TooShort { .. }));
        let short = held.iter().any(|(_, obstacle)| is_short(obstacle));
        if held.iter().all(|(_, obstacle)| is_short(obstacle)) {
            return (Vec::new(), short);
        }
        let held_by = |(i, obstacle): &(usize, Option<Obstacle>)| HeldBy {
            signal: views[*i].signal,
            labels: views[*i].labels.clone().into_owned(),
            condition: views[*i].condition,
            blamed: obstacle.is_none(),
            words: match obstacle {
                Some(obstacle) => telling::obstacle(obstacle, &views[*i], self.now),
                None => telling::blame(&views[*i]),
            },
        };
        (held.iter().filter(|(_, obstacle)| !is_short(obstacle)).map(held_by).collect(), short)
    }

    /// The series whose findings a gate on this side of a batch waits for: where some clean window is not long enough yet,
    /// what fired and does not last costs no time, and is left out.
    pub fn waits_for(&self, batch: BatchId, side: Side) -> Vec<HeldBy> {
        let (held, is_short) = self.held_by(batch, side);
        let is_suspect = |held: &HeldBy| matches!(held.condition, Condition::Suspect { .. });
        if is_short && held.iter().all(is_suspect) { Vec::new() } else { held }
    }
}
