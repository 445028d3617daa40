//! Searches the setting of a rule that catches the most labels under a budget of false holds.
//!
//! Every setting is judged from the first sample to the last by the monitors that judge live: nothing is inferred from
//! scores, although several settings could share a pass, so that what is said of a setting is what a gate with it
//! would have said. What depends on time is counted in parts: which setting is the best is also asked of all parts but
//! one, and answered by the one left out.

pub mod budget;
mod config;
mod dials;
mod judge;
mod tally;
mod text;

pub use budget::{Asked, Budget, Standing};
pub use config::{SIGNALS, signal};
pub use dials::Setting;
pub use tally::{Figures, Tally};
pub use text::{Told, json, text, verdict};

use crate::backtest::labels::Labels;
use crate::backtest::{self, BacktestError, NotJudged, SpecOf, Starts};
use crate::monitor::MonitorSpec;
use crate::sources::recorded::Recording;
use judge::{Counting, Folds};
use quietgate_detectors::Interval;
use quietgate_rules::{RuleError, RuleSpec, Sustain};
use rayon::prelude::*;
use std::fmt;

/// What [`tune`] is asked to do.
pub struct Task<'a> {
    /// The series, by their place in the recording: all are judged by one rule.
    pub series: &'a [usize],
    /// The rule that is tuned.
    pub rule: &'a RuleSpec,
    /// How a series is judged, given the interval that was found for it; its rule is replaced.
    pub spec: &'a SpecOf<'a>,
    /// The interval of all series, where it is given.
    pub interval: Option<Interval>,
    /// When series were truly anomalous.
    pub labels: &'a Labels,
    /// How many false holds are allowed.
    pub budget: Budget,
    /// How long after a label an episode is not yet false, in milliseconds.
    pub tolerance_ms: i64,
    /// Into how many parts the time is cut; at least 2.
    pub folds: usize,
    /// How far the batches are apart that are taken to start, for what judges starts, in milliseconds; none where none are.
    pub every_ms: Option<i64>,
    /// How many are judged at once; at least 1.
    pub threads: usize,
    /// Told how many pairs of a series and a setting are judged, and of how many.
    pub progress: &'a dyn Fn(u64, u64),
    /// Asked now and then: whether to end.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("series", &self.series.len()).field("rule", &self.rule).finish()
    }
}

/// What was found for one rule.
#[derive(Debug)]
pub struct Tuned {
    /// The settings that were judged, the given one first.
    pub settings: Vec<Setting>,
    /// What was counted of each, over all series and all the time.
    pub whole: Vec<Tally>,
    /// The settings that nothing beats, by their place: those with the fewest false episodes first.
    pub frontier: Vec<usize>,
    /// The one to take, by its place.
    pub best: usize,
    /// The parts of the time.
    pub folds: Vec<Fold>,
    /// The series that were judged, in the order of the recording.
    pub series: Vec<OfSeries>,
    /// Series that cannot be judged, and why.
    pub not_judged: Vec<(String, NotJudged)>,
    /// The spacing that most of the series have, and how they are judged beside the rule.
    pub spec: MonitorSpec,
    /// What was allowed.
    pub budget: Budget,
    /// The batches that were taken to start; none where none were, or where nothing judges starts.
    pub starts: Option<Starts>,
}

/// A part of the time, with the setting that is the best in all others.
#[derive(Debug)]
pub struct Fold {
    /// Where it begins, in milliseconds.
    pub from_ms: i64,
    /// Where it ends, in milliseconds.
    pub until_ms: i64,
    /// The setting that the other parts choose.
    pub chosen: usize,
    /// What was counted of it there.
    pub inside: Tally,
    /// What was counted of it in this part.
    pub outside: Tally,
}

/// One series.
#[derive(Debug)]
pub struct OfSeries {
    /// Its name.
    pub name: String,
    /// What was counted with the setting to take.
    pub best: Tally,
    /// The fewest false episodes that any setting has on it, with the clean time of that one.
    pub least: (u64, i64),
}

/// Why nothing was found.
#[derive(Debug)]
pub enum TuneError {
    /// Samples cannot be read back, or threads not be started.
    Judging(BacktestError),
    /// The rule cannot be set otherwise.
    Rule(RuleError),
    /// None of the series can be judged; the first with its reason, where there is one.
    Nothing(Option<(String, NotJudged)>),
    /// It was stopped before the end.
    Stopped,
}

impl fmt::Display for TuneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judging(error) => error.fmt(f),
            Self::Rule(_) => f.write_str("the rule cannot be tuned"),
            Self::Nothing(Some((name, why))) => write!(f, "series {name:?} cannot be judged: {why}"),
            Self::Nothing(None) => f.write_str("there is no series to judge"),
            Self::Stopped => f.write_str("stopped before all settings were judged; nothing can be said yet"),
        }
    }
}

impl std::error::Error for TuneError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Judging(error) => error.source(),
            Self::Rule(error) => Some(error),
            Self::Nothing(_) | Self::Stopped => None,
        }
    }
}

impl From<BacktestError> for TuneError {
    fn from(error: BacktestError) -> Self {
        Self::Judging(error)
    }
}

/// So many pairs a thread are judged before they are counted: memory is bounded by these.
const PAIRS_A_THREAD: usize = 4;

/// Judges every setting of the rule on every series, and says which are worth taking. The same recording gives the same,
/// whatever the number of threads.
///
/// # Errors
/// See [`TuneError`].
pub fn tune(recording: &Recording, task: &Task<'_>) -> Result<Tuned, TuneError> {
    let starts = task.every_ms.and_then(|every_ms| Starts::of(task.rule, every_ms));
    let settings = dials::settings(task.rule, starts.is_some()).map_err(TuneError::Rule)?;
    let (specs, not_judged) = specs(recording, task)?;
    let Some(spec) = usual(&specs) else { return Err(TuneError::Nothing(not_judged.into_iter().next())) };
    let counting = Counting {
        folds: folds(recording, &specs, task),
        tolerance_ms: task.tolerance_ms,
        soak_ms: task.budget.soak_ms,
        starts,
    };
    let counted = count(recording, task, &settings, &specs, counting)?;
    let whole: Vec<Tally> = counted.by_fold.iter().map(Tally::sum).collect();
    let given = task.rule.sustain;
    let best = tally::best(&settings, &whole, &task.budget, given).ok_or(TuneError::Nothing(None))?;
    let series = of_series(recording, &specs, &counted, best);
    Ok(Tuned {
        frontier: tally::frontier(&whole),
        folds: left_out(&settings, &counted.by_fold, counting.folds, &task.budget, given),
        settings,
        whole,
        best,
        series,
        not_judged,
        spec,
        budget: task.budget,
        starts,
    })
}

/// How each series is judged that can be.
type Specs = Vec<(usize, MonitorSpec)>;

fn specs(recording: &Recording, task: &Task<'_>) -> Result<(Specs, Vec<(String, NotJudged)>), TuneError> {
    let (mut specs, mut not_judged) = (Vec::new(), Vec::new());
    for &index in task.series {
        match backtest::spec_of(recording, index, task.spec, task.interval)? {
            Ok(spec) => specs.push((index, spec)),
            Err(why) => not_judged.push((recording.series()[index].name.clone(), why)),
        }
    }
    Ok((specs, not_judged))
}

/// The spec of the first series that has the interval most of them have.
fn usual(specs: &[(usize, MonitorSpec)]) -> Option<MonitorSpec> {
    let shared =
        |spec: &MonitorSpec| specs.iter().filter(|(_, other)| other.interval == spec.interval).count();
    // of several that are as common the first one
    let usual = specs.iter().rev().max_by_key(|(_, spec)| shared(spec));
    usual.map(|(_, spec)| spec.clone())
}

fn folds(recording: &Recording, specs: &[(usize, MonitorSpec)], task: &Task<'_>) -> Folds {
    let infos = || specs.iter().map(|(index, _)| &recording.series()[*index]);
    let from_ms = infos().map(|info| info.first.as_millis()).min().unwrap_or(0);
    let last_ms = infos().map(|info| info.last.as_millis()).max().unwrap_or(from_ms);
    let step_ms = specs.iter().map(|(_, spec)| spec.interval.as_millis()).max().unwrap_or(1);
    Folds { from_ms, until_ms: last_ms.saturating_add(step_ms), count: task.folds.max(1) }
}

/// What was counted.
struct Counted {
    /// Of each setting a tally for each part of the time, over all series.
    by_fold: Vec<Vec<Tally>>,
    /// Of each series, for each setting, a tally over all the time; delays are left out.
    by_series: Vec<Vec<Tally>>,
}

fn count(
    recording: &Recording,
    task: &Task<'_>,
    settings: &[Setting],
    specs: &[(usize, MonitorSpec)],
    counting: Counting,
) -> Result<Counted, TuneError> {
    let threads = task.threads.max(1);
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(BacktestError::Threads)?;
    let judge = |&(place, setting): &(usize, usize)| {
        let (index, spec): &(usize, MonitorSpec) = &specs[place];
        let rules = vec![settings[setting].rule.clone()];
        let spec = MonitorSpec { rules, slow: None, ..spec.clone() };
        let labels = task.labels.of(&recording.series()[*index]);
        judge::judge(recording, *index, &spec, labels, counting)
    };
    let pairs: Vec<_> = (0..specs.len()).flat_map(|s| (0..settings.len()).map(move |c| (s, c))).collect();
    let mut counted = Counted {
        by_fold: vec![vec![Tally::default(); counting.folds.count]; settings.len()],
        by_series: vec![Vec::new(); specs.len()],
    };
    let mut done = 0;
    for some in pairs.chunks(threads * PAIRS_A_THREAD) {
        if (task.stop)() {
            return Err(TuneError::Stopped);
        }
        let tallies: Vec<_> = pool.install(|| some.par_iter().map(judge).collect());
        for (&(place, setting), tallies) in some.iter().zip(tallies) {
            let tallies = tallies?;
            counted.by_fold[setting].iter_mut().zip(&tallies).for_each(|(sum, tally)| sum.add(tally));
            let whole = Tally::sum(&tallies);
            counted.by_series[place].push(Tally { delays_ms: Vec::new(), ..whole });
        }
        done += some.len() as u64;
        (task.progress)(done, pairs.len() as u64);
    }
    Ok(counted)
}

/// For each part of the time the setting that the others choose, and how it does there.
fn left_out(
    settings: &[Setting],
    by_fold: &[Vec<Tally>],
    folds: Folds,
    budget: &Budget,
    given: Sustain,
) -> Vec<Fold> {
    let one = |part: usize| {
        let others = |tallies: &Vec<Tally>| {
            Tally::sum(tallies.iter().enumerate().filter(|(other, _)| *other != part).map(|(_, tally)| tally))
        };
        let inside: Vec<Tally> = by_fold.iter().map(others).collect();
        let chosen = tally::best(settings, &inside, budget, given)?;
        Some(Fold {
            from_ms: folds.begins(part),
            until_ms: folds.begins(part + 1),
            chosen,
            inside: inside[chosen].clone(),
            outside: by_fold[chosen][part].clone(),
        })
    };
    (0..folds.count).filter_map(one).collect()
}

fn of_series(
    recording: &Recording,
    specs: &[(usize, MonitorSpec)],
    counted: &Counted,
    best: usize,
) -> Vec<OfSeries> {
    let one = |((index, _), tallies): (&(usize, MonitorSpec), &Vec<Tally>)| {
        let tried = tallies.iter().filter(|tally| !tally.is_untried());
        let least = tried.map(|tally| (tally.false_episodes, tally.clean_ms)).min_by(|a, b| {
            // of as many false episodes the longer time says more
            a.0.cmp(&b.0).then(b.1.cmp(&a.1))
        });
        OfSeries {
            name: recording.series()[*index].name.clone(),
            best: tallies[best].clone(),
            least: least.unwrap_or_default(),
        }
    };
    specs.iter().zip(&counted.by_series).map(one).collect()
}
