//! One run of the world, from its seed to its end.

use super::captures;
use super::case::{Case, STEP_MS};
use super::dice::Dice;
use super::fleet::Saying;
use super::judges;
use super::outside::{Death, Outside};
use super::persons;
use quietgate::journal::Entry;
use quietgate::run::{Driver, Refused};
use quietgate::steps::{Doing, End, Ending, Mode, Record, State};
use quietgate_detectors::Timestamp;
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Done,
    RolledBack,
    Aborted,
    /// Its journal was damaged, and refused.
    Refused,
}

/// What can be said of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended, or the promise that it broke.
    pub(crate) ended: Result<Outcome, String>,
    /// Its records: when, and what.
    pub(crate) records: Vec<(i64, String)>,
    /// What happened at least once.
    pub(crate) marks: BTreeSet<&'static str>,
}

/// From this second on all is well, and the run must come to its end.
const CALM: i64 = 250;

/// The run of a seed.
pub(crate) fn run(seed: u64, forgets_to_sync: bool) -> Ran {
    let mut dice = Dice::new(seed);
    let case = Case::roll(&mut dice);
    let mut outside = Outside::new(case, dice);
    outside.disk.forgets_to_sync = forgets_to_sync;
    let ended = catch_unwind(AssertUnwindSafe(|| drive(&mut outside)));
    let ended = ended.unwrap_or_else(|_| Err("it panics".to_owned()));
    let times = outside.journal.iter().map(|(at_ms, _)| *at_ms);
    Ran { ended, records: times.zip(outside.texts).collect(), marks: outside.marks }
}

fn drive(outside: &mut Outside) -> Result<Outcome, String> {
    let Some(mut driver) = open(outside)? else { return Ok(Outcome::Refused) };
    let longest = CALM + judges::patience_ticks(outside);
    for tick in 1..=longest {
        if tick == CALM {
            outside.calm();
        }
        let at_ms = outside.case.begins_ms + tick * STEP_MS;
        outside.now_ms = outside.now_ms.max(at_ms);
        hear(outside, &mut driver, at_ms);
        outside.point("dies while it waits");
        let settled = if outside.is_dead() { Ok(()) } else { now(second(&mut driver, outside)) };
        check(outside, settled)?;
        if outside.is_stopped && !outside.is_dead() {
            stays_stopped(outside, &mut driver)?;
        }
        if outside.is_dead() || outside.is_stopped {
            match open(outside)? {
                Some(next) => driver = next,
                None => return Ok(Outcome::Refused),
            }
        } else if !State::eq(driver.state(), &outside.state) {
            return Err("the live state is not what the records say".to_owned());
        }
        if let Some(run) = driver.run()
            && let Mode::Finished(ending) = run.mode
        {
            judges::over(outside, ending, run)?;
            return Ok(match ending {
                Ending::Done => Outcome::Done,
                Ending::RolledBack => Outcome::RolledBack,
                Ending::Aborted => Outcome::Aborted,
            });
        }
    }
    let waits = now(driver.settle(outside));
    Err(format!("the run does not end although all is well: {waits:?}"))
}

/// Everything here is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the made world never waits"),
    }
}

/// The driver proposes only what is legal, and no promise is broken.
fn check(outside: &mut Outside, done: Result<(), Refused>) -> Result<(), String> {
    if let Err(Refused::Illegal(illegal)) = done {
        outside.must(Err(illegal.to_string()));
    }
    outside.broken.take().map_or(Ok(()), Err)
}

/// The sources are heard, and what they measure moves on.
fn hear(outside: &mut Outside, driver: &mut Driver, at_ms: i64) {
    let moves = outside.case.faults.weather && !outside.is_calm;
    outside.fleet.weather(&mut outside.dice, moves);
    let said = outside.fleet.say(&mut outside.dice, at_ms);
    listen(outside, driver, said);
}

fn listen(outside: &mut Outside, driver: &mut Driver, said: Vec<Saying>) {
    let signal = |outside: &Outside, series: usize| outside.fleet.series[series].signal;
    let (now, now_ms) = (Timestamp::from_millis(outside.now_ms), outside.now_ms);
    for saying in said {
        match saying {
            Saying::Samples { series, samples } => {
                let signal_of = signal(outside, series);
                driver.trouble(signal_of, None, now);
                driver.observe(signal_of, &outside.fleet.series[series].labels, &samples);
                outside.told.hear(series, &samples);
                for other in 0..outside.fleet.series.len() {
                    if signal(outside, other) == signal_of {
                        outside.told.trouble(other, None, now_ms);
                    }
                }
            }
            Saying::Trouble { signal: trouble, reason } => {
                driver.trouble(trouble, Some(reason), now);
                for series in 0..outside.fleet.series.len() {
                    if signal(outside, series) == trouble {
                        outside.told.trouble(series, Some(reason), now_ms);
                    }
                }
            }
        }
    }
}

/// All that a driver does in a second: what ended is put on record, persons are heard, and what may start starts.
async fn second(driver: &mut Driver, outside: &mut Outside) -> Result<(), Refused> {
    for number in 0..outside.ledger.len() {
        tell(driver, outside, number).await?;
    }
    captures::look(driver, outside).await?;
    let wait = if outside.case.faults.persons { 6 } else { 12 };
    if outside.is_calm || outside.dice.one_in(wait) {
        let help = persons::helpful(outside);
        outside.said.extend(help);
    }
    driver.settle(outside).await.map(drop)
}

/// What became of an attempt, where that is known now.
async fn tell(driver: &mut Driver, outside: &mut Outside, number: usize) -> Result<(), Refused> {
    let started = outside.ledger[number].clone();
    if started.is_told || started.is_orphan {
        return Ok(());
    }
    let attempt = started.attempt;
    if started.ends_ms > outside.now_ms {
        if !started.spawned_told {
            outside.ledger[number].spawned_told = true;
            driver.write(outside, Record::Spawned { attempt, process: format!("pid {number}") }).await?;
        }
        return Ok(());
    }
    let target = outside.case.plan.inventory.find(&attempt.target);
    let breaks = outside.case.faults.actions && !outside.is_calm && outside.dice.one_in(10);
    let drifts = outside.case.faults.actions && !outside.is_calm && outside.dice.one_in(6);
    if let Some(series) = target.and_then(|target| outside.fleet.series.get_mut(target)) {
        series.drifts = match attempt.doing {
            Doing::Action => series.drifts || drifts,
            Doing::Undo => series.drifts && started.end != End::Succeeded,
        };
        series.is_bad = match attempt.doing {
            Doing::Action => series.is_bad || breaks,
            Doing::Undo => series.is_bad && started.end != End::Succeeded,
        };
    }
    let reason = "so it ended".to_owned();
    let record = match started.is_lost {
        true => Record::Unknown { attempt, reason },
        false => Record::Result { attempt, end: started.end, reason, output: None },
    };
    driver.write(outside, record).await?;
    outside.ledger[number].is_told = true;
    Ok(())
}

/// A driver whose journal failed does nothing more, whatever it is asked.
fn stays_stopped(outside: &mut Outside, driver: &mut Driver) -> Result<(), String> {
    let (starts, records) = (outside.ledger.len(), outside.texts.len());
    for _ in 0..3 {
        let settled = now(driver.settle(outside));
        check(outside, settled.map(drop))?;
    }
    if (outside.ledger.len(), outside.texts.len()) != (starts, records) {
        return Err("something happened after an error of the disk".to_owned());
    }
    Ok(())
}

/// A driver takes over what is on the disk, and is on its way; or the journal is damaged, and it refuses to. It may die on
/// the way, and another one tries.
fn open(outside: &mut Outside) -> Result<Option<Driver>, String> {
    loop {
        let Some(more) = recover(outside)? else { return Ok(None) };
        outside.fate_after_a_death();
        if outside.point("dies before it took over") {
            continue;
        }
        outside.disk.take_over();
        // from here on it counts as acknowledged, although nobody was told of it
        for entry in more {
            outside.mark("a record is there that nobody was told of");
            outside.keep(entry.at, entry.record);
            outside.live.push(None);
        }
        outside.state = judges::fold(outside)?;
        if outside.point("dies before its head") {
            continue;
        }
        outside.disk.write_head();
        outside.vouched = outside.texts.len();
        let mut driver = outside.begin();
        let past = outside.fleet.past();
        listen(outside, &mut driver, past);
        let begun = now(begin(&mut driver, outside));
        check(outside, begun)?;
        if !outside.is_dead() && !outside.is_stopped {
            return Ok(Some(driver));
        }
    }
}

async fn begin(driver: &mut Driver, outside: &mut Outside) -> Result<(), Refused> {
    driver.take_over(outside, "sim", "").await?;
    if driver.run().is_none() {
        let pinned = outside.case.pinned();
        driver.write(outside, Record::Plan(pinned)).await?;
    }
    Ok(())
}

/// What the next driver reads beyond what was acknowledged; nothing where the journal is damaged and therefore refused.
fn recover(outside: &mut Outside) -> Result<Option<Vec<Entry>>, String> {
    outside.cut_off();
    let death = outside.death.take();
    let lost_power = death == Some(Death::PowerLoss) || (outside.is_stopped && outside.dice.one_in(2));
    let torn = lost_power && outside.disk.lose_power(&mut outside.dice);
    if torn {
        outside.mark("the end is torn");
    }
    let known = outside.texts.len();
    let rots = outside.case.faults.rot && !outside.is_calm && lost_power && outside.vouched > 0;
    let rotten = rots && outside.dice.one_in(2);
    if rotten {
        outside.disk.rot(outside.vouched, &mut outside.dice);
    }
    let mut read = outside.disk.read();
    if rotten {
        return read.map_or(Ok(None), |_| Err("a damaged journal is read as a whole one".to_owned()));
    }
    if torn && read.is_err() {
        // of what is torn nobody was told: a person may take it off
        outside.mark("a torn end is refused");
        outside.disk.cut_off();
        read = outside.disk.read();
    }
    let mut entries = read.map_err(|refusal| format!("a journal that is whole is refused: {refusal}"))?;
    judges::recovered(outside, &entries)?;
    outside.is_stopped = false;
    Ok(Some(entries.split_off(known)))
}
