//! Which series keep a gate shut for what was found of them, told apart from a clean window that is not long enough yet.

use super::Gates;
use crate::monitor::Labels;
use crate::run::telling::Layer;
use crate::steps::{BatchId, Side};
use quietgate_rules::Condition;
use quietgate_rules::gate::{Answer, Obstacle, Part};

/// A required series that keeps a gate shut because of what was found of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldBy {
    /// The number of its signal.
    pub signal: usize,
    /// Its labels; of a series that is missing those that say which.
    pub labels: Labels,
    /// How it stands by that layer; unknown also where it would be from the start of the batch on.
    pub condition: Condition,
    /// Which layer keeps the gate shut.
    pub layer: Layer,
    /// Whether that is blamed on the batch.
    pub blamed: bool,
    /// The same in words, with what the detectors said of it.
    pub words: String,
}

impl Gates<'_> {
    /// The series that keep the gate on this side of a batch shut for what was found of them, and whether there are any whose
    /// clean window is merely not long enough yet, or that are expected to move. A gate that is open has neither.
    pub fn held_by(&self, (step, batch): BatchId, side: Side) -> (Vec<HeldBy>, bool) {
        let views = self.views();
        let seen = self.seen(step, batch);
        let own = |(i, _): &(usize, Obstacle)| seen[*i].part == Part::Own;
        let (answer, late) = match side {
            // what the slow layer finds is among the obstacles there
            Side::Before => (self.asked_before(step, batch).0, Vec::new()),
            Side::After | Side::Late => {
                let late = self.held_late().into_iter().filter(own).collect();
                (self.asked_after(step, batch, true).0, late)
            }
        };
        let late = late.into_iter().map(|(i, obstacle)| (i, Some(obstacle)));
        let held: Vec<(usize, Option<Obstacle>)> = match answer {
            Answer::Proceed => late.collect(),
            Answer::Hold(obstacles) => {
                obstacles.into_iter().map(|(i, obstacle)| (i, Some(obstacle))).chain(late).collect()
            }
            Answer::Blame(blamed) => blamed.into_iter().map(|i| (i, None)).chain(late).collect(),
        };
        let is_short = |obstacle: &Option<Obstacle>| {
            matches!(obstacle, Some(Obstacle::TooShort { .. } | Obstacle::Expected { .. }))
        };
        let short = held.iter().any(|(_, obstacle)| is_short(obstacle));
        let held_by = |(i, obstacle): &(usize, Option<Obstacle>)| {
            let is_slow = matches!(obstacle, Some(Obstacle::Slow { .. }));
            let layer = if is_slow { Layer::Slow } else { Layer::Fast };
            HeldBy {
                signal: views[*i].signal,
                labels: views[*i].labels.clone().into_owned(),
                condition: match obstacle {
                    Some(Obstacle::Blind(reason)) => {
                        let newest = views[*i].latest.map(|latest| latest.at);
                        Condition::Unknown { reason: *reason, newest }
                    }
                    _ => layer.of(&views[*i]),
                },
                layer,
                blamed: matches!(obstacle, None | Some(Obstacle::Slow { not_blamed: None, .. })),
                words: match obstacle {
                    Some(obstacle) => self.words(obstacle, &views[*i]),
                    None => {
                        let started = self.run.steps[step].batches[batch].started.unwrap_or(self.now);
                        self.blame(&seen, *i, started, layer)
                    }
                },
            }
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
