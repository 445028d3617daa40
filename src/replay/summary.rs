//! What all runs of a replay come to, in numbers that stay few however many runs there are.

use super::Replay;
use super::incidents::{Incident, share};
use super::ran::{By, Cause, Ending, Hold, Ran};
use crate::steps::{BatchId, Side};
use crate::text::rfc3339;
use quietgate_detectors::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many lines each list has at most.
const MOST: usize = 20;
/// So many stretches of what was found are listed at most.
pub(super) const MOST_EPISODES: usize = 200;

/// What a replay was made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct About {
    /// The files of the recording, as they were named.
    pub inputs: Vec<String>,
    /// Runs that were to be started.
    pub starts: u64,
    /// Spacing of the starts in milliseconds; none where they were named one by one.
    pub every_ms: Option<i64>,
    /// Whether it was ended before every run was driven.
    pub interrupted: bool,
}

/// What all runs of a replay come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The plan's name.
    pub plan: String,
    /// What it was made of.
    #[serde(flatten)]
    pub about: About,
    /// The time of the first sample.
    pub from: String,
    /// The time of the last sample.
    pub until: String,
    /// How often gates are looked at, in milliseconds.
    pub look_ms: i64,
    /// How long actions are taken to last, step by step, in words.
    pub takes: Vec<String>,
    /// How many runs were driven.
    pub runs: u64,
    /// How many ended in which way; every way is there.
    pub endings: BTreeMap<&'static str, u64>,
    /// How many a gate kept waiting for what was found of series, or blamed for something.
    pub held: u64,
    /// The same as a share of all, from 0 to 1.
    pub held_share: Option<f64>,
    /// How many something was blamed on.
    pub blamed: u64,
    /// How long a run lasts where every gate opens as soon as it may: the median over the starts, in milliseconds.
    pub quiet_ms: Option<i64>,
    /// What holds add to the runs that went to their end.
    pub added: Added,
    /// The same for those of them that were held.
    pub added_when_held: Added,
    /// Where runs were held: those of most runs first.
    pub places: Vec<Place>,
    /// How many there are beyond those.
    pub places_left_out: u64,
    /// Why runs were held: the series, those of most runs first.
    pub series: Vec<SeriesHolds>,
    /// How many there are beyond those.
    pub series_left_out: u64,
    /// The stretches in which what was found held or ended runs: those of most runs, in the order of time.
    pub episodes: Vec<Episode>,
    /// How many there are beyond those.
    pub episodes_left_out: u64,
    /// The runs to which most was added.
    pub worst: Vec<Worst>,
    /// The labelled incidents; none without labels.
    pub incidents: Option<Vec<Incident>>,
}

/// What holds add, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Added {
    /// So many runs.
    pub runs: u64,
    /// The median.
    pub median_ms: Option<i64>,
    /// Nine of ten have at most this much.
    pub p90_ms: Option<i64>,
    /// The most.
    pub max_ms: Option<i64>,
}

/// A gate that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The step.
    pub step: String,
    /// The number of the batch in the step, from 0.
    pub batch: usize,
    /// On which side of the batch.
    pub side: Side,
    /// So many runs were held there.
    pub runs: u64,
    /// So many something was blamed on there.
    pub blamed: u64,
    /// For so long in all, in milliseconds.
    pub held_ms: i64,
}

/// A series that held runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesHolds {
    /// Its name.
    pub series: String,
    /// What it was found to be.
    pub cause: String,
    /// So many runs were held for it.
    pub runs: u64,
    /// So many it was blamed on.
    pub blamed: u64,
    /// For so long in all, in milliseconds.
    pub held_ms: i64,
    /// One example, with what the detectors said.
    pub words: String,
}

/// A stretch in which one series held runs, or was blamed on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Episode {
    /// A name: `H1`.
    pub id: String,
    /// The series.
    pub series: String,
    /// What it was found to be.
    pub cause: String,
    /// The first look at which it held a run.
    #[serde(rename = "from", serialize_with = "time")]
    pub from_ms: i64,
    /// The last one.
    #[serde(rename = "until", serialize_with = "time")]
    pub until_ms: i64,
    /// So many runs were held for it.
    pub runs: u64,
    /// So many it was blamed on.
    pub blamed: u64,
    /// What the detectors said when it first held a run.
    pub words: String,
    /// When the first batches of some of these runs started: the earliest, one amid them, and the latest.
    #[serde(skip)]
    pub starts_ms: Vec<i64>,
}

/// A run to which much was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worst {
    /// When it was started.
    pub start: String,
    /// How it ended.
    pub ending: &'static str,
    /// From its start to its end, in milliseconds.
    pub length_ms: i64,
    /// What holds added, in milliseconds.
    pub added_ms: i64,
    /// The longest of its holds, in words; nothing where none is kept.
    pub why: String,
}

fn time<S: serde::Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*ms))
}

/// What `runs` of `replay` come to.
pub fn summary(replay: &Replay, about: About, runs: &[Ran], incidents: Option<Vec<Incident>>) -> Summary {
    let grain = replay.grain_ms();
    let is_done = |run: &&Ran| run.ending == Ending::Done;
    let mut quiet: Vec<i64> = runs.iter().map(|run| run.quiet_ms).collect();
    quiet.sort_unstable();
    let count = |ending| runs.iter().filter(|run| run.ending == ending).count() as u64;
    let held_runs: Vec<&Ran> = runs.iter().filter(|run| run.is_held(grain)).collect();
    let (places, places_left_out) = most(places(replay, &held_runs), MOST, |place| place.runs);
    let (series, series_left_out) = most(of_series(&held_runs), MOST, |series| series.runs);
    let (mut episodes, episodes_left_out) = most(episodes(replay, runs), MOST_EPISODES, |e| e.runs);
    episodes.sort_by(|a, b| (a.from_ms, &a.series).cmp(&(b.from_ms, &b.series)));
    (1..).zip(&mut episodes).for_each(|(number, episode)| episode.id = format!("H{number}"));
    let tape = replay.tape();
    Summary {
        plan: replay.plan.name.clone(),
        about,
        from: rfc3339(tape.first().as_millis()),
        until: rfc3339(tape.last().as_millis()),
        look_ms: tape.step_ms(),
        takes: replay.takes.iter().map(super::takes::Takes::words).collect(),
        runs: runs.len() as u64,
        endings: Ending::ALL.iter().map(|(ending, word)| (*word, count(*ending))).collect(),
        held: held_runs.len() as u64,
        held_share: (!runs.is_empty()).then(|| held_runs.len() as f64 / runs.len() as f64),
        blamed: runs.iter().filter(|run| !run.course.blames.is_empty()).count() as u64,
        quiet_ms: share(&quiet, 0.5),
        added: added(runs.iter().filter(is_done), grain),
        added_when_held: added(runs.iter().filter(is_done).filter(|run| run.is_held(grain)), grain),
        places,
        places_left_out,
        series,
        series_left_out,
        episodes,
        episodes_left_out,
        worst: worst(replay, runs),
        incidents,
    }
}

/// The first `count` of `all` by a number that is large, and how many are left.
fn most<T>(mut all: Vec<T>, count: usize, by: impl Fn(&T) -> u64) -> (Vec<T>, u64) {
    all.sort_by_key(|one| std::cmp::Reverse(by(one)));
    let left = all.len().saturating_sub(count) as u64;
    all.truncate(count);
    (all, left)
}

fn added<'a>(runs: impl Iterator<Item = &'a Ran>, grain: i64) -> Added {
    let mut added: Vec<i64> = runs.map(|run| run.added_ms(grain)).collect();
    added.sort_unstable();
    Added {
        runs: added.len() as u64,
        median_ms: share(&added, 0.5),
        p90_ms: share(&added, 0.9),
        max_ms: added.last().copied(),
    }
}

/// Counts of one gate or one series.
#[derive(Default)]
struct Tally {
    runs: u64,
    blamed: u64,
    held_ms: i64,
}

impl Tally {
    /// Takes in the holds and blames of one run that belong here.
    fn add<'a>(&mut self, mine: impl Iterator<Item = (&'a Hold, bool)>) {
        let (mut any, mut blamed) = (false, false);
        for (hold, is_blame) in mine {
            any = true;
            blamed |= is_blame;
            self.held_ms += hold.until.as_millis() - hold.from.as_millis();
        }
        self.runs += u64::from(any);
        self.blamed += u64::from(blamed);
    }
}

/// The holds of a run, and what was blamed on it.
fn all(run: &Ran) -> impl Iterator<Item = (&Hold, bool)> {
    run.holds().map(|hold| (hold, false)).chain(run.course.blames.iter().map(|hold| (hold, true)))
}

fn places(replay: &Replay, runs: &[&Ran]) -> Vec<Place> {
    let mut tallies: BTreeMap<(BatchId, bool), Tally> = BTreeMap::new();
    for run in runs {
        let key = |hold: &Hold| (hold.batch, hold.side == Side::After);
        let keys: BTreeSet<_> = all(run).map(|(hold, _)| key(hold)).collect();
        for of in keys {
            tallies.entry(of).or_default().add(all(run).filter(|(hold, _)| key(hold) == of));
        }
    }
    let place = |(((step, batch), is_after), tally): ((BatchId, bool), Tally)| Place {
        step: replay.pinned.steps[step].step.clone(),
        batch,
        side: if is_after { Side::After } else { Side::Before },
        runs: tally.runs,
        blamed: tally.blamed,
        held_ms: tally.held_ms,
    };
    tallies.into_iter().map(place).collect()
}

fn of_series(runs: &[&Ran]) -> Vec<SeriesHolds> {
    let mut tallies: BTreeMap<(&str, Cause), (Tally, &str)> = BTreeMap::new();
    for run in runs {
        let is_by = |hold: &Hold, (series, cause): (&str, Cause)| {
            hold.by.iter().any(|by| &*by.series == series && by.cause == cause)
        };
        let keys: BTreeMap<(&str, Cause), &str> =
            all(run).flat_map(|(hold, _)| &hold.by).map(|by| ((&*by.series, by.cause), &*by.words)).collect();
        for (of, words) in keys {
            let (tally, example) = tallies.entry(of).or_insert_with(|| (Tally::default(), words));
            // those of a detector tell more than that there was something
            if !example.contains('(') && words.contains('(') {
                *example = words;
            }
            tally.add(all(run).filter(|(hold, _)| is_by(hold, of)));
        }
    }
    let series = |((series, cause), (tally, words)): ((&str, Cause), (Tally, &str))| SeriesHolds {
        series: series.to_owned(),
        cause: cause.words(),
        runs: tally.runs,
        blamed: tally.blamed,
        held_ms: tally.held_ms,
        words: words.to_owned(),
    };
    tallies.into_iter().map(series).collect()
}

/// One stretch of one run.
struct Stretch<'a> {
    from: Timestamp,
    until: Timestamp,
    run: usize,
    is_blame: bool,
    by: &'a By,
}

/// What is nearer than a few looks is one stretch.
const NEAR_LOOKS: i64 = 5;

fn episodes(replay: &Replay, runs: &[Ran]) -> Vec<Episode> {
    let mut stretches: BTreeMap<(&str, Cause), Vec<Stretch<'_>>> = BTreeMap::new();
    for (run, ran) in runs.iter().enumerate() {
        for (hold, is_blame) in all(ran) {
            for by in hold.by.iter().filter(|by| by.cause.is_grave()) {
                let Hold { from, until, .. } = *hold;
                let stretch = Stretch { from, until, run, is_blame, by };
                stretches.entry((&*by.series, by.cause)).or_default().push(stretch);
            }
        }
    }
    let near_ms = NEAR_LOOKS.saturating_mul(replay.tape().step_ms());
    let mut episodes = Vec::new();
    for ((series, cause), mut of) in stretches {
        of.sort_by_key(|stretch| (stretch.from, stretch.run));
        let mut rest = of.as_slice();
        while let Some(first) = rest.first() {
            let mut until = first.until;
            let mut count = 0;
            for stretch in rest.iter() {
                if stretch.from.as_millis() > until.as_millis().saturating_add(near_ms) {
                    break;
                }
                until = until.max(stretch.until);
                count += 1;
            }
            let (mine, others) = rest.split_at(count);
            episodes.push(episode(series, cause, mine, runs));
            rest = others;
        }
    }
    episodes
}

fn episode(series: &str, cause: Cause, mine: &[Stretch<'_>], runs: &[Ran]) -> Episode {
    let of = |is: fn(&&Stretch<'_>) -> bool| {
        mine.iter().filter(is).map(|stretch| stretch.run).collect::<BTreeSet<_>>().len() as u64
    };
    let first = &mine[0];
    let starts = mine.iter().filter_map(|stretch| runs[stretch.run].begun).map(Timestamp::as_millis);
    let starts: Vec<i64> = starts.collect::<BTreeSet<_>>().into_iter().collect();
    let shown: BTreeSet<i64> = [0, starts.len() / 2, starts.len().saturating_sub(1)]
        .iter()
        .filter_map(|i| starts.get(*i))
        .copied()
        .collect();
    Episode {
        id: String::new(),
        series: series.to_owned(),
        cause: cause.words(),
        from_ms: first.from.as_millis(),
        until_ms: mine.iter().map(|stretch| stretch.until.as_millis()).max().unwrap_or_default(),
        runs: of(|_| true),
        blamed: of(|stretch| stretch.is_blame),
        words: first.by.words.to_string(),
        starts_ms: shown.into_iter().collect(),
    }
}

fn worst(replay: &Replay, runs: &[Ran]) -> Vec<Worst> {
    const WORST: usize = 10;
    let grain = replay.grain_ms();
    let mut sorted: Vec<&Ran> = runs.iter().filter(|run| run.added_ms(grain) > 0).collect();
    sorted.sort_by_key(|run| (std::cmp::Reverse(run.added_ms(grain)), run.start));
    let worst = |run: &&Ran| Worst {
        start: rfc3339(run.start.as_millis()),
        ending: run.ending.word(),
        length_ms: run.length_ms(),
        added_ms: run.added_ms(grain),
        why: why(replay, run),
    };
    sorted.iter().take(WORST).map(worst).collect()
}

/// The longest hold of a run in words: `before batch 1 of upgrade: loss{host="h1"}: anomalous since …`.
pub(super) fn why(replay: &Replay, run: &Ran) -> String {
    let blamed = run.course.blames.first();
    let longest = run.holds().max_by_key(|hold| hold.until.as_millis() - hold.from.as_millis());
    let Some(hold) = blamed.or(longest) else {
        let is_late = run.length_ms() > run.quiet_ms && run.ending != Ending::CutOff;
        return if is_late {
            "what was found before it had broken the clean window".to_owned()
        } else {
            String::new()
        };
    };
    let side = if hold.side == Side::Before { "before" } else { "after" };
    let step = &replay.pinned.steps[hold.batch.0].step;
    let more = match hold.by.len().saturating_sub(1) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let by = hold.by.first().map_or(String::new(), |by| format!("{}: {}", by.series, by.words));
    format!("{side} batch {} of {step}: {by}{more}", hold.batch.1 + 1)
}
