//! What persons say: what helps, and whatever comes to their mind.

use super::case::RUN;
use super::dice::Dice;
use super::outside::{Outside, Started};
use quietgate::steps::{Attempt, End, Flight, Mode, Outcome, Record, Run, Said, State, Told, Word, Work};

fn word() -> Word {
    Word { who: "op".to_owned(), reason: "so".to_owned() }
}

fn said() -> Said {
    Said { run: RUN.to_owned(), word: word() }
}

fn told(run: &Run, step: usize, target: &str) -> Told {
    let step = run.pinned.steps[step].step.clone();
    Told { run: RUN.to_owned(), step, target: target.to_owned(), word: word() }
}

fn approval(run: &Run, step: usize, batch: usize) -> Record {
    let step = run.pinned.steps[step].step.clone();
    Record::Approval { run: RUN.to_owned(), step, batch, word: word() }
}

/// Anything, possible now or not. What became of an attempt is not told at random: a person who does not know it looks.
pub(crate) fn anything(dice: &mut Dice, state: &State) -> Option<Record> {
    let run = state.runs.get(RUN)?;
    let step = dice.index(run.steps.len());
    let targets: Vec<&String> = run.steps[step].work.keys().collect();
    let target = targets.get(dice.index(targets.len().max(1)))?;
    Some(match dice.roll(16) {
        0 | 1 => Record::Abort(said()),
        2 | 3 => Record::Rollback(said()),
        4..7 => Record::Pause(said()),
        7..9 => Record::Resume(said()),
        9..11 => Record::Freeze(word()),
        11 => Record::Unfreeze(word()),
        12 => Record::Retry(told(run, step, target)),
        13 => Record::Skip(told(run, step, target)),
        _ => approval(run, step, dice.index(run.steps[step].batches.len().max(1))),
    })
}

/// What brings a run on that waits for a person; nothing where it does not.
pub(crate) fn helpful(outside: &mut Outside) -> Option<Record> {
    let Outside { state, dice, ledger, now_ms, .. } = outside;
    let run = state.runs.get(RUN)?;
    let unknown = run.all().filter_map(|(step, target, work)| Some((step, target, unknown(work)?)));
    for (step, target, flight) in unknown {
        let same = |started: &&Started| is(&started.attempt, &run.pinned.steps[step].step, target, flight);
        let started = ledger.iter().rev().find(same);
        let ran = match started {
            None => false,
            // it still goes on: who looks now does not know either
            Some(started) if started.ends_ms > *now_ms => continue,
            Some(started) => started.end == End::Succeeded && !started.is_lost || dice.one_in(2),
        };
        return Some(Record::Resolve { told: told(run, step, target), ran });
    }
    if state.frozen.is_some() {
        return Some(Record::Unfreeze(word()));
    }
    let is_going = run.mode == Mode::Going;
    for (step, target, work) in run.all().filter(|(_, _, work)| work.flight.is_none()) {
        match &work.outcome {
            Outcome::Stuck(_) if dice.one_in(2) => return Some(Record::Retry(told(run, step, target))),
            Outcome::Failed(_) if is_going && dice.one_in(2) => {
                return Some(Record::Retry(told(run, step, target)));
            }
            Outcome::Failed(_) if !is_going => {}
            Outcome::Stuck(_) | Outcome::Failed(_) => return Some(Record::Skip(told(run, step, target))),
            _ => {}
        }
    }
    for (step, pinned) in run.pinned.steps.iter().enumerate().filter(|(_, pinned)| pinned.approve && is_going)
    {
        let waits = run.next_batch(step).filter(|_| !run.is_approved(step));
        if let Some(batch) = waits.filter(|_| !pinned.batches.is_empty()) {
            return Some(approval(run, step, batch));
        }
    }
    run.paused.as_ref().map(|_| Record::Resume(said()))
}

fn unknown(work: &Work) -> Option<&Flight> {
    work.flight.as_ref().filter(|flight| flight.unknown.is_some())
}

fn is(attempt: &Attempt, step: &str, target: &str, flight: &Flight) -> bool {
    let Flight { doing, attempt: number, .. } = flight;
    (attempt.step.as_str(), attempt.target.as_str(), attempt.doing, attempt.attempt)
        == (step, target, *doing, *number)
}

/// What a person did, as a mark.
pub(crate) fn verb(record: &Record) -> &'static str {
    match record {
        Record::Pause(_) => "pause",
        Record::Resume(_) => "resume",
        Record::Abort(_) => "abort",
        Record::Rollback(_) => "rollback",
        Record::Freeze(_) => "freeze",
        Record::Unfreeze(_) => "unfreeze",
        Record::Approval { .. } => "approve",
        Record::Retry(_) => "retry",
        Record::Skip(_) => "skip",
        Record::Resolve { .. } => "resolve",
        _ => "something else",
    }
}
