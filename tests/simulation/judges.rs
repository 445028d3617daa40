//! The promises. Each is judged by the ledger of what was really started, the texts of the journal, and what the driver was
//! told; never by the state of the machine that is judged.

use super::case::{LIMIT, SLOW_LIMIT, STEP_MS};
use super::facts::{Facts, Is};
use super::outside::Outside;
use super::starts::{Starts, place};
use quietgate::journal::Entry;
use quietgate::plan::Amount;
use quietgate::steps::{Attempt, Decision, Doing, End, Ending, Gate, PinnedStep, Record, Run, Side, State};
use quietgate_detectors::Timestamp;
use std::collections::BTreeSet;

type Held = Result<(), String>;

fn must(held: bool, what: impl FnOnce() -> String) -> Held {
    if held { Ok(()) } else { Err(what()) }
}

/// What is read back is what was written.
pub(crate) fn same(back: &Record, written: &Record) -> Held {
    must(back == written, || format!("{written:?} is read back as {back:?}"))
}

/// A record says nothing that is not so.
pub(crate) fn record(outside: &Outside, record: &Record) -> Held {
    match record {
        Record::Result { attempt, end, .. } => {
            let ended = outside.ledger.iter().any(|started| {
                let known = !started.is_orphan && !started.is_lost && started.ends_ms <= outside.now_ms;
                started.attempt == *attempt && started.end == *end && known
            });
            must(ended, || format!("nobody knows that {attempt:?} ended so: {end:?}"))
        }
        Record::Gate(gate) => blame(outside, gate).and_then(|()| mutes(outside, gate)),
        _ => Ok(()),
    }
}

/// Nothing is blamed on a batch before it started, or where nothing of its own moved since: trouble of sources alone
/// is never a reason for a rollback or an abort.
fn blame(outside: &Outside, gate: &Gate) -> Held {
    if !is_blamed(gate) && !matches!(gate.decision, Decision::Rollback | Decision::Abort) {
        return Ok(());
    }
    let facts = Facts::of(&outside.journal);
    let in_batch = |attempt: &Attempt| {
        attempt.step == gate.step && facts.batch(&attempt.step, &attempt.target) == Some(gate.batch)
    };
    let mut starts = outside.ledger.iter().filter(|started| in_batch(&started.attempt));
    // between its intent and its start something may have moved already: the intent is what counts, as for the gate
    let intents = outside.journal.iter().filter_map(|(at, record)| match record {
        Record::Intent { attempt, .. } if in_batch(attempt) => Some(*at),
        _ => None,
    });
    let (Some(from), true) = (intents.min(), starts.next().is_some() || is_unknown(&facts, gate)) else {
        return Err(format!("{} is blamed on a batch that never started", gate.reason));
    };
    let own = |series: usize| match outside.case.plan.inventory.targets.get(series) {
        Some(target) => facts.batch(&gate.step, &target.name) == Some(gate.batch),
        None => true,
    };
    let (starts, batch) = (Starts::of(outside), (place(&facts, &gate.step), gate.batch));
    let is_late = gate.side == Side::Late;
    must(!is_late || starts.has(batch), || {
        format!("{} is blamed on a batch that never started", gate.reason)
    })?;
    let limit = if is_late { SLOW_LIMIT } else { LIMIT };
    let moved = |series: usize| {
        outside.told.moved(series, limit, |at| {
            let is_its = !is_late || starts.is_newest(series, at, batch);
            from <= at && is_its && !starts.mute(series, at)
        })
    };
    let moved = (0..outside.fleet.series.len()).any(|series| own(series) && moved(series));
    must(moved, || format!("{}, and nothing of its own moved since that was not expected to", gate.reason))
}

/// What is expected to move is just that, and it alone: the batch's own series, where there is a sample, and a batch does not
/// pass while it goes on.
fn mutes(outside: &Outside, gate: &Gate) -> Held {
    let starts = Starts::of(outside);
    let targets = &outside.case.plan.inventory.targets;
    for seen in gate.evidence.as_array().into_iter().flatten() {
        let name = seen["series"].as_str().unwrap_or_default();
        let host = targets.iter().position(|target| name.contains(&format!("{:?}", target.name)));
        let series = host.unwrap_or(targets.len());
        let slow = seen.pointer("/slow/condition").filter(|word| *word == "expected");
        if seen["condition"] != "expected" && slow.is_none() {
            continue;
        }
        let at = seen["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let at = at.ok_or("what has no sample is expected to move")?.as_millisecond();
        must(starts.mute(series, at), || format!("series {series} is muted at {at}, and nobody expects it"))?;
        must(outside.told.is_value(series, at), || format!("series {series} is unknown at {at}, and muted"))?;
    }
    if (gate.side, gate.decision) != (Side::After, Decision::Proceed) {
        return Ok(());
    }
    let facts = Facts::of(&outside.journal);
    let own = outside.case.plan.inventory.targets.iter().enumerate();
    let mut own = own.filter(|(_, target)| facts.batch(&gate.step, &target.name) == Some(gate.batch));
    let batch = (place(&facts, &gate.step), gate.batch);
    let muted =
        |series: usize| outside.told.newest_judged(series).is_some_and(|newest| starts.mute(series, newest));
    let early = starts.has(batch) && own.any(|(series, _)| muted(series));
    must(!early, || format!("{} batch {} passes while it is expected to move", gate.step, gate.batch))
}

/// Whether a gate says that an anomaly is a batch's doing.
pub(crate) fn is_blamed(gate: &Gate) -> bool {
    gate.because.iter().any(|why| why.ends_with(": blamed"))
}

/// Whether it is not known if something of the batch was started.
fn is_unknown(facts: &Facts<'_>, gate: &Gate) -> bool {
    let mut own = facts
        .places
        .iter()
        .filter(|((step, target), _)| *step == gate.step && facts.batch(step, target) == Some(gate.batch));
    own.any(|(_, facet)| facet.is == Is::Unknown || facet.is_settled)
}

/// A person who is told that something is on record can rely on it.
pub(crate) fn answered(outside: &Outside, asked: &Record, seq: u64) -> Held {
    let place = usize::try_from(seq).unwrap_or(usize::MAX);
    let known = place.checked_sub(1).and_then(|place| outside.journal.get(place));
    let durable = outside.disk.durable() >= place;
    must(durable && known.is_some_and(|(_, record)| record == asked), || {
        format!("a person is told that this is on record, and it is not: {asked:?}")
    })
}

/// An attempt that starts now may.
pub(crate) fn start(outside: &Outside, attempt: &Attempt) -> Held {
    must(!outside.is_stopped, || format!("{attempt:?} starts after an error of the disk"))?;
    must(!outside.is_aborted, || format!("{attempt:?} starts after an abort that was answered"))?;
    let twice = outside.ledger.iter().any(|started| started.attempt == *attempt);
    must(!twice, || format!("{attempt:?} starts twice"))?;
    intended(outside, attempt)?;
    let facts = Facts::of(&outside.journal);
    must(!facts.is_aborted, || format!("{attempt:?} starts after an abort"))?;
    must(!facts.is_paused, || format!("{attempt:?} starts while the run is paused"))?;
    let place = facts.places.get(&(attempt.step.as_str(), attempt.target.as_str()));
    let (grants, by_plan) = place.map_or((0, 0), |facet| (facet.grants, facet.by_plan));
    let same = |other: &Attempt| {
        (&other.step, &other.target, other.doing) == (&attempt.step, &attempt.target, attempt.doing)
    };
    let starts = outside.ledger.iter().filter(|started| same(&started.attempt)).count();
    must(starts <= grants, || format!("{attempt:?} starts, more often than 1 + {grants} recorded retries"))?;
    let pinned = facts.pinned.and_then(|pinned| pinned.steps.iter().find(|step| step.step == attempt.step));
    let pinned = pinned.ok_or("a start without a plan on record")?;
    must(by_plan <= pinned.retries as usize, || format!("the plan granted {by_plan} retries"))?;
    match attempt.doing {
        Doing::Action => action(outside, &facts, pinned, attempt),
        Doing::Undo => undo(outside, &facts, attempt),
    }
}

/// Its intent is on the disk for good, and was not withdrawn.
fn intended(outside: &Outside, attempt: &Attempt) -> Held {
    let last = outside.journal.iter().rposition(|(_, record)| match record {
        Record::Intent { attempt: other, .. } | Record::Withdrawn { attempt: other, .. } => other == attempt,
        _ => false,
    });
    let intent = last.filter(|last| matches!(outside.journal[*last].1, Record::Intent { .. }));
    must(intent.is_some_and(|intent| outside.disk.durable() > intent), || {
        format!("{attempt:?} starts without a durable intent")
    })
}

fn action(outside: &Outside, facts: &Facts<'_>, pinned: &PinnedStep, attempt: &Attempt) -> Held {
    let (case, now_ms) = (&outside.case, outside.now_ms);
    must(!facts.is_rolling_back, || format!("{attempt:?} starts while the run rolls back"))?;
    must(!facts.is_frozen, || format!("{attempt:?} starts while everything is frozen"))?;
    let batch =
        facts.batch(&attempt.step, &attempt.target).ok_or("a start on a target that is in no batch")?;
    let name = attempt.step.as_str();
    must((0..batch).all(|before| facts.passed.contains(&(name, before))), || {
        format!("{attempt:?} starts before the batches before it are over")
    })?;
    must(!pinned.approve || facts.approved.iter().any(|(step, _)| *step == name), || {
        format!("{attempt:?} starts, and nobody let it")
    })?;
    for before in &pinned.after {
        let facet = facts.places.get(&(before.as_str(), attempt.target.as_str()));
        let is_over = facts.batch(before, &attempt.target).is_none_or(|batch| {
            let passed = facts.passed.contains(&(before.as_str(), batch));
            passed && facet.is_some_and(|facet| facet.is == Is::Done)
        });
        must(is_over, || format!("{attempt:?} starts before {before} is done on it"))?;
    }
    let number = case.plan.steps.iter().position(|step| step.name == name).ok_or("no such step")?;
    let shut = case.shut[number].is_some_and(|(from, until)| (from..until).contains(&now_ms));
    must(!shut, || format!("{attempt:?} starts outside of its window"))?;
    let clean_ms = case.plan.steps[number].gate.clean_before_ms;
    let obstacle = outside.told.obstacle(&Starts::before(outside, attempt), now_ms, clean_ms);
    must(obstacle.is_none(), || format!("{attempt:?} starts, but {}", obstacle.unwrap_or_default()))?;
    limits(outside, attempt)?;
    keep_up(outside, facts, attempt, number)
}

/// Not more at once than the plan allows.
fn limits(outside: &Outside, attempt: &Attempt) -> Held {
    let limits = &outside.case.plan.limits;
    let all = || outside.at_work().chain([attempt]);
    let targets = all().map(|attempt| &attempt.target).collect::<BTreeSet<_>>().len();
    let steps = all().map(|attempt| &attempt.step).collect::<BTreeSet<_>>().len();
    must(limits.in_flight.is_none_or(|most| targets <= most as usize), || {
        format!("{attempt:?} starts: {targets} targets at work")
    })?;
    must(limits.steps.is_none_or(|most| steps <= most as usize), || {
        format!("{attempt:?} starts: {steps} steps at work")
    })
}

/// Enough members of each group stay untouched, by the rules of every step that is at work.
fn keep_up(outside: &Outside, facts: &Facts<'_>, attempt: &Attempt, number: usize) -> Held {
    let plan = &outside.case.plan;
    let mut touched = facts.touched();
    touched.extend(outside.at_work().map(|attempt| attempt.target.as_str()));
    touched.insert(&attempt.target);
    let at_work = |name: &str| outside.at_work().any(|attempt| attempt.step == name);
    let steps = plan.steps.iter().enumerate().filter(|(i, step)| *i == number || at_work(&step.name));
    for rule in steps.flat_map(|(_, step)| &step.keep_up) {
        let target = plan.inventory.targets.iter().find(|target| target.name == attempt.target);
        let group = target.and_then(|target| target.labels.get(&rule.label));
        let members = plan.inventory.targets.iter().filter(|other| other.labels.get(&rule.label) == group);
        let members: Vec<&str> = members.map(|member| member.name.as_str()).collect();
        let least = match rule.min {
            Amount::Count(count) => count as usize,
            Amount::Share(share) => (share * members.len() as f64).ceil() as usize,
        };
        let up = members.iter().filter(|member| !touched.contains(*member)).count();
        must(up >= least, || {
            format!("{attempt:?} starts: of {members:?} only {up} stay, touched are {touched:?}")
        })?;
    }
    Ok(())
}

/// Nothing that was started later still waits for its undo, unless a person settled it.
fn undo(outside: &Outside, facts: &Facts<'_>, attempt: &Attempt) -> Held {
    must(facts.is_rolling_back, || format!("{attempt:?} starts although the run does not roll back"))?;
    must(
        outside.case.plan.steps.iter().any(|step| step.name == attempt.step && step.undo.is_some()),
        || format!("{attempt:?} starts, and its step cannot be undone"),
    )?;
    let same = |a: &Attempt, b: &Attempt| (&a.step, &a.target) == (&b.step, &b.target);
    let acted = |number: &usize| outside.ledger[*number].attempt.doing == Doing::Action;
    let newest = (0..outside.ledger.len()).rev().filter(acted);
    let newest = newest.into_iter().find(|i| same(&outside.ledger[*i].attempt, attempt));
    let newest = newest.ok_or_else(|| format!("{attempt:?} starts, and there is nothing to undo"))?;
    for number in (newest + 1..outside.ledger.len()).filter(acted) {
        let later = &outside.ledger[number];
        let pinned = facts.pinned.and_then(|p| p.steps.iter().find(|step| step.step == later.attempt.step));
        let facet = facts.places.get(&(later.attempt.step.as_str(), later.attempt.target.as_str()));
        let needs_none = facet.is_some_and(|facet| facet.is_settled || facet.never_began);
        let after = &outside.ledger[number..];
        let undone = after.iter().any(|other| {
            other.attempt.doing == Doing::Undo
                && same(&other.attempt, &later.attempt)
                && other.end == End::Succeeded
        });
        let is_fine = undone || needs_none || pinned.is_some_and(|step| !step.undo);
        must(is_fine, || format!("{attempt:?} starts before {:?} is undone", later.attempt))?;
    }
    Ok(())
}

/// What is read back after a crash is what was acknowledged, byte for byte, and at most the one entry more that was on its
/// way.
pub(crate) fn recovered(outside: &Outside, entries: &[Entry]) -> Held {
    let known = outside.texts.len();
    for (number, text) in outside.texts.iter().enumerate() {
        let entry = entries.get(number);
        let is_there =
            entry.is_some_and(|entry| entry.record == *text && entry.at == outside.journal[number].0);
        must(is_there, || format!("entry {} was acknowledged, and now it is {entry:?}", number + 1))?;
    }
    must(entries.len() <= known + 1, || format!("{} entries, {known} were acknowledged", entries.len()))?;
    let more = entries.get(known).map(|entry| &entry.record);
    must(more.is_none() || more == outside.tried.as_ref(), || {
        format!("{more:?} is there, {:?} was appended", outside.tried)
    })
}

/// The state by the texts of a journal alone.
pub(crate) fn fold(outside: &Outside) -> Result<State, String> {
    let mut state = State::default();
    for (seq, text) in outside.texts.iter().enumerate() {
        apply(&mut state, seq, outside.journal[seq].0, text)?;
    }
    Ok(state)
}

fn apply(state: &mut State, seq: usize, at_ms: i64, text: &str) -> Held {
    let record = serde_json::from_str(text).map_err(|error| format!("{text}: {error}"))?;
    let applied = state.apply(seq as u64 + 1, Timestamp::from_millis(at_ms), &record);
    applied.map_err(|illegal| format!("what is on record is legal: {illegal}"))
}

/// What must hold at the end: every prefix of the journal leads to the state that the driver had there, everything that was
/// started has an outcome on record, and the run ended as it says.
pub(crate) fn over(outside: &Outside, ending: Ending, run: &Run) -> Held {
    let mut state = State::default();
    for (seq, text) in outside.texts.iter().enumerate() {
        apply(&mut state, seq, outside.journal[seq].0, text)?;
        let same = outside.live[seq].as_ref().is_none_or(|live| *live == state);
        must(same, || format!("recovery from the first {} entries differs from the live state", seq + 1))?;
    }
    must(state.runs.values().any(|other| **other == *run), || {
        "recovery differs from the live state".to_owned()
    })?;
    for started in &outside.ledger {
        let told = outside.journal.iter().any(|(_, record)| match record {
            Record::Result { attempt, .. } | Record::Unknown { attempt, .. } => *attempt == started.attempt,
            _ => false,
        });
        must(told, || format!("no outcome of {:?} is on record", started.attempt))?;
    }
    let facts = Facts::of(&outside.journal);
    let failed = facts.places.values().filter(|facet| facet.is == Is::Failed).count();
    let may_fail = facts.pinned.map_or(0, |pinned| pinned.max_failed as usize);
    must(ending != Ending::Done || failed <= may_fail, || format!("done, and {failed} failed"))?;
    let steps = facts.pinned.map(|pinned| pinned.steps.as_slice()).unwrap_or_default();
    for step in steps {
        for target in step.batches.iter().flatten() {
            let is = facts
                .places
                .get(&(step.step.as_str(), target.as_str()))
                .map_or(Is::Untouched, |facet| facet.is);
            let fits = match ending {
                // as many may have failed as the plan lets
                Ending::Done => matches!(is, Is::Done | Is::Skipped | Is::Failed),
                Ending::RolledBack => !step.undo || is != Is::Done,
                Ending::Aborted => true,
            };
            must(fits, || format!("the run is {ending:?}, and {} on {target} is {is:?}", step.step))?;
        }
    }
    Ok(())
}

/// How long a run may take once all is well: each target of each step alone, with its windows, and as long again.
pub(crate) fn patience_ticks(outside: &Outside) -> i64 {
    let plan = &outside.case.plan;
    let each = plan.steps.iter().map(|step| {
        let gate =
            step.gate.clean_before_ms + step.gate.clean_after_ms + step.soak_ms + 2 * step.settles_ms();
        gate / STEP_MS + 15
    });
    2 * each.sum::<i64>() * plan.inventory.targets.len() as i64 + 400
}
