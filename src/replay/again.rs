//! A run that was recorded live, driven once more: the same samples at the same times, the same ends of attempts and words of
//! persons; and each decision held against the journal, byte by byte.

use super::course::ready;
use super::once::{Difference, Once};
use crate::config::plan::PlanFile;
use crate::config::{Config, Mistakes, ZoneError};
use crate::journal::Entry;
use crate::run::recording::{FORM, Line, reason};
use crate::run::{self, Driver, Refused};
use crate::steps::{Illegal, Pinned, Record, State};
use crate::story::{Noted, Unreadable};
use quietgate_detectors::{Reason, Timestamp};
use std::error::Error;
use std::fmt;

/// What became of a run that was driven once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// How many decisions came out as they are on record.
    pub same: u64,
    /// How many were made by drivers of whom nothing was recorded.
    pub unseen: u64,
    /// The first decision that came out otherwise; what follows it was not looked at.
    pub difference: Option<Difference>,
}

/// Why a run cannot be driven once more.
#[derive(Debug)]
pub enum AgainError {
    /// A line of the recording is none.
    Line(usize, serde_json::Error),
    /// A line says what cannot be.
    Odd(usize, String),
    /// The recording is in a form that this program does not know.
    Form(u32),
    /// The recording, or the journal, has no such run; what it has.
    Run(Option<String>, Vec<String>),
    /// A record of another version of the program.
    Record(Unreadable),
    /// A record that cannot be.
    Illegal(Illegal),
    /// The plan or the config of the run has mistakes now.
    Mistakes(Mistakes),
    /// A time zone is not known.
    Zone(ZoneError),
}

/// Drives the run `run` once more by the text of its recording and `entries`, all of the journal. Without a name it is the only
/// run of the recording.
///
/// # Errors
/// A recording that cannot be read or does not fit the journal, a run that neither has.
pub fn again(text: &str, entries: &[Entry], run: Option<&str>) -> Result<Again, AgainError> {
    let lines = lines(text)?;
    let run = chosen(&lines, run)?;
    let noted: Result<Vec<Noted>, Unreadable> = entries
        .iter()
        .map(|entry| Noted::read(entry.seq, Timestamp::from_millis(entry.at), entry.epoch, &entry.record))
        .collect();
    let noted = noted.map_err(AgainError::Record)?;
    let pinned = noted.iter().find_map(|noted| match &noted.record {
        Record::Plan(pinned) if pinned.run == run => Some(pinned),
        _ => None,
    });
    let pinned = pinned.ok_or_else(|| AgainError::Run(Some(run.clone()), names(&noted)))?;
    let (config, file) = read(pinned)?;
    let mut again = Again { same: 0, unseen: 0, difference: None };
    let sessions: Vec<&[(usize, Line)]> = lines.chunk_by(|_, next| !is_driver(next)).collect();
    for (number, session) in sessions.iter().enumerate() {
        let Some((_, Line::Driver { run: of, .. })) = session.first() else { continue };
        if *of != run {
            continue;
        }
        let until = sessions[number + 1..].iter().find_map(|next| Some(next.first()?.1.seq()));
        let journal = Journal { entries, noted: &noted, until: until.unwrap_or(entries.len() as u64) };
        Session::begin(&config, &file, &run, journal, session)?.go(session, &mut again)?;
        if again.difference.is_some() {
            break;
        }
    }
    Ok(again)
}

fn is_driver(line: &(usize, Line)) -> bool {
    matches!(line.1, Line::Driver { .. })
}

/// The lines with their numbers from 1. One that is torn is left out where a driver ended there: before another one, or last.
fn lines(text: &str) -> Result<Vec<(usize, Line)>, AgainError> {
    let mut lines: Vec<(usize, Line)> = Vec::new();
    let mut torn: Option<(usize, serde_json::Error)> = None;
    for (number, text) in (1..).zip(text.lines()) {
        match serde_json::from_str::<Line>(text) {
            Ok(Line::Driver { form, .. }) if form != FORM => return Err(AgainError::Form(form)),
            Ok(line) => match torn.take() {
                Some((at, error)) if !matches!(line, Line::Driver { .. }) => {
                    return Err(AgainError::Line(at, error));
                }
                _ => lines.push((number, line)),
            },
            Err(error) => {
                if let Some((at, error)) = torn.replace((number, error)) {
                    return Err(AgainError::Line(at, error));
                }
            }
        }
    }
    match torn {
        Some((at, error)) if text.ends_with('\n') => Err(AgainError::Line(at, error)),
        _ => Ok(lines),
    }
}

/// The run that is meant.
fn chosen(lines: &[(usize, Line)], run: Option<&str>) -> Result<String, AgainError> {
    let mut runs: Vec<String> = Vec::new();
    for (_, line) in lines {
        if let Line::Driver { run, .. } = line
            && !runs.contains(run)
        {
            runs.push(run.clone());
        }
    }
    match (run, runs.as_slice()) {
        (Some(run), _) if runs.iter().any(|known| known == run) => Ok(run.to_owned()),
        (None, [only]) => Ok(only.clone()),
        _ => Err(AgainError::Run(run.map(str::to_owned), runs)),
    }
}

fn names(noted: &[Noted]) -> Vec<String> {
    let name = |noted: &Noted| match &noted.record {
        Record::Plan(pinned) => Some(pinned.run.clone()),
        _ => None,
    };
    noted.iter().filter_map(name).collect()
}

/// The config and the plan that a run was pinned with.
fn read(pinned: &Pinned) -> Result<(Config, PlanFile), AgainError> {
    let run = &pinned.run;
    let config = Config::read(&format!("config of {run}"), &pinned.config).map_err(AgainError::Mistakes)?;
    let file =
        PlanFile::read(&format!("plan of {run}"), &pinned.text, pinned).map_err(AgainError::Mistakes)?;
    Ok((config, file))
}

/// A journal as far as one driver may have written it.
#[derive(Clone, Copy)]
struct Journal<'a> {
    entries: &'a [Entry],
    noted: &'a [Noted],
    /// The number of the newest record before the next driver began to record.
    until: u64,
}

/// What one driver did, while it is done once more.
struct Session<'a> {
    run: String,
    signals: Vec<&'a str>,
    driver: Driver,
    world: Once<'a>,
}

impl<'a> Session<'a> {
    fn begin(
        config: &'a Config,
        file: &'a PlanFile,
        run: &str,
        journal: Journal<'a>,
        session: &[(usize, Line)],
    ) -> Result<Self, AgainError> {
        let Some((_, Line::Driver { at, seq, .. })) = session.first() else {
            return Err(AgainError::Run(Some(run.to_owned()), Vec::new()));
        };
        let now = Timestamp::from_millis(*at);
        let (watch, scopes) = run::watch(config, &file.plan, now).map_err(AgainError::Zone)?;
        let mut state = State::default();
        for noted in journal.noted.iter().take_while(|noted| noted.seq <= *seq) {
            state.apply(noted.seq, noted.at, &noted.record).map_err(AgainError::Illegal)?;
        }
        let signals = run::signals(config, &file.plan).map(|signal| signal.name.as_str()).collect();
        let driver = Driver::new(file.plan.clone(), watch, scopes, state, run.to_owned());
        let past = usize::try_from(*seq).unwrap_or(usize::MAX).min(journal.noted.len());
        let until = usize::try_from(journal.until).unwrap_or(usize::MAX).clamp(past, journal.noted.len());
        let world = Once::new(&journal.entries[past..until], &journal.noted[past..until], now);
        Ok(Self { run: run.to_owned(), signals, driver, world })
    }

    fn go(mut self, session: &[(usize, Line)], again: &mut Again) -> Result<(), AgainError> {
        for (number, line) in session.iter().skip(1) {
            let look = match line {
                Line::Looked { at, .. } => Some(Timestamp::from_millis(*at)),
                _ => None,
            };
            self.follow(line.seq(), look)?;
            if self.world.difference().is_some() {
                break;
            }
            self.hear(*number, line)?;
        }
        // what is behind the last line was written before the driver could put down the next one
        if self.world.difference().is_none() {
            let (rest, unseen) = self.world.own_rest(&self.run);
            self.follow(rest, None)?;
            again.unseen += unseen;
        }
        again.same += self.world.same();
        again.difference = self.world.difference().cloned();
        Ok(())
    }

    /// Goes through the records up to the one of number `until`, and looks at `look` once more, where the driver did.
    fn follow(&mut self, until: u64, look: Option<Timestamp>) -> Result<(), AgainError> {
        self.world.allow(until, look);
        loop {
            while let Some(record) = self.world.take_given() {
                self.driver_says(|driver, world| ready(driver.write(world, record)).map(drop))?;
            }
            let waits = self.world.left();
            if (waits == 0 && look.is_none()) || self.world.difference().is_some() {
                return Ok(());
            }
            self.driver_says(|driver, world| ready(driver.settle(world)).map(drop))?;
            if self.world.left() == 0 || self.world.difference().is_some() {
                return Ok(());
            }
            if self.world.left() == waits || self.world.next_is_decision() {
                self.world.not_made();
                return Ok(());
            }
        }
    }

    fn driver_says(
        &mut self,
        does: impl FnOnce(&mut Driver, &mut Once<'a>) -> Result<(), Refused>,
    ) -> Result<(), AgainError> {
        match does(&mut self.driver, &mut self.world) {
            // it stops where something came out otherwise, or where its journal ends
            Ok(()) | Err(Refused::Stopped(_)) => Ok(()),
            Err(Refused::Illegal(illegal)) => Err(AgainError::Illegal(illegal)),
        }
    }

    fn hear(&mut self, number: usize, line: &Line) -> Result<(), AgainError> {
        let odd = |what: String| AgainError::Odd(number, what);
        let signal_of = |name: &String| {
            let known = self.signals.iter().position(|signal| signal == name);
            known.ok_or_else(|| odd(format!("signal is {name:?}, the plan has {}", self.signals.join(", "))))
        };
        match line {
            Line::Said { at, signal, complete, series, ended, .. } => {
                let signal = signal_of(signal)?;
                let trouble = (!complete).then_some(Reason::Partial);
                self.driver.trouble(signal, trouble, Timestamp::from_millis(*at));
                for series in series {
                    let samples = series.samples().ok_or_else(|| odd("a value is no number".to_owned()))?;
                    self.driver.observe(signal, &series.labels, &samples);
                }
                ended.iter().for_each(|labels| self.driver.end(signal, labels));
                if *complete {
                    self.driver.begin(signal);
                }
            }
            Line::Kept { at, signal, told, series, .. } => {
                let signal = signal_of(signal)?;
                self.driver.trouble(signal, Some(Reason::Partial), Timestamp::from_millis(*at));
                for series in series {
                    let samples = series.samples().ok_or_else(|| odd("a value is no number".to_owned()))?;
                    if *told {
                        self.driver.observe(signal, &series.labels, &samples);
                    } else {
                        self.driver.remember(signal, &series.labels, &samples);
                    }
                }
            }
            Line::Trouble { at, signal, reason: word, .. } => {
                let signal = signal_of(signal)?;
                let reason = reason(word).ok_or_else(|| odd(format!("reason is {word:?}, which is none")))?;
                self.driver.trouble(signal, Some(reason), Timestamp::from_millis(*at));
            }
            Line::Driver { .. } | Line::Looked { .. } => {}
        }
        Ok(())
    }
}

impl fmt::Display for AgainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line, _) => write!(f, "line {line} of the recording is none"),
            Self::Odd(line, what) => write!(f, "line {line} of the recording: {what}"),
            Self::Form(form) => {
                write!(f, "the recording has the form {form}, this version of the program knows form {FORM}")
            }
            Self::Run(Some(run), known) => {
                write!(
                    f,
                    "there is no run {run:?} in both recording and journal, there is: {}",
                    known.join(", ")
                )
            }
            Self::Run(None, known) if known.is_empty() => f.write_str("the recording has no run"),
            Self::Run(None, known) => {
                write!(f, "the recording has several runs, name one of {}", known.join(", "))
            }
            Self::Record(_) => f.write_str("the journal has a record that cannot be used"),
            Self::Illegal(_) => f.write_str("the journal has a record that cannot be"),
            Self::Mistakes(mistakes) => mistakes.fmt(f),
            Self::Zone(error) => error.fmt(f),
        }
    }
}

impl Error for AgainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Line(_, error) => Some(error),
            Self::Record(error) => Some(error),
            Self::Illegal(error) => Some(error),
            _ => None,
        }
    }
}
