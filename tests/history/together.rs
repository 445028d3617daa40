//! Series whose days are in the history are judged as those whose days are in memory, to the last bit, and after a restart too.

use crate::again::{BEFORE_MS, HOUR_MS, SaidOf, keeper, said, sample, untimed, watch_by};
use proptest::prelude::*;
use quietgate::history::{Histories, Keeper, Piece, Wanted};
use quietgate::monitor::{Labels, Statement, Watch};
use quietgate_detectors::{OptionValue, Sample, Spec, Timestamp};
use quietgate_rules::{Direction, Finding, RuleSpec, Sustain};
use std::path::Path;

/// A signal judged by all that keeps no days of its own.
fn watch() -> Watch {
    let days =
        [("days".to_owned(), OptionValue::Number(3.0)), ("min_days".to_owned(), OptionValue::Number(2.0))];
    let above = [("above".to_owned(), OptionValue::Number(150.0))];
    let kinds = [
        ("ss", &[][..]),
        ("ls", &[]),
        ("ewma3sigma", &[]),
        ("chain", &days),
        ("ca", &days),
        ("threshold", &above),
    ];
    let detectors = kinds.map(|(kind, options)| Spec::new(kind, options).expect("a detector"));
    let sustain = Sustain::new(2, 3).expect("a sustain");
    let rule = RuleSpec::new("any", &[], detectors.to_vec(), Direction::Either, sustain).expect("a rule");
    let slow = RuleSpec::new("majority", &[], detectors[..5].to_vec(), Direction::Either, Sustain::ONE);
    watch_by(rule, slow.expect("a rule"), 0)
}

/// Series that are judged together, as a run has them.
struct Together {
    watch: Watch,
    histories: Histories,
    keeper: Keeper,
}

impl Together {
    fn open(state: &Path) -> Self {
        let (histories, mut keeper) = keeper(state);
        let mut watch = watch();
        keeper.judged_together(watch.judge_together(0, 14).expect("nothing keeps days").look().clone());
        Self { watch, histories, keeper }
    }

    /// What comes after an end: the same by what was kept, of which what came in the last hours is judged once more.
    fn again(self, state: &Path, (newest, judged): (i64, i64)) -> Self {
        drop((self.watch, self.keeper, self.histories));
        let mut again = Self::open(state);
        let Self { watch, keeper, .. } = &mut again;
        let (memory, asks_period) = watch.together(0).expect("together").memory();
        let row = |at: i64| at.div_euclid(HOUR_MS);
        let from = Timestamp::from_millis(BEFORE_MS - HOUR_MS);
        let oldest = keeper.oldest(from, Timestamp::from_millis(newest)).expect("a history");
        let Some(oldest) = oldest else { return again };
        let (oldest, newest) = (row(oldest.as_millis()), row(newest) + 1);
        let wanted = Wanted { oldest, judged: newest - judged, newest, memory, asks_period };
        let resumed = keeper.resume(wanted, |piece| match piece {
            Piece::Series { column, labels, at, row } => {
                watch.know_together(0, column, labels, false);
                watch.together(0).expect("together").begin(column, at, row);
            }
            Piece::Learn { first, row, cells, before } => {
                watch.together(0).expect("together").learn(first, row, cells, before);
            }
            Piece::Judge { samples, mut past } => {
                watch.remember_together(0, samples.iter().copied(), &mut past);
            }
        });
        assert_eq!(resumed.expect("a history").damage.rows, 0);
        again
    }

    fn observe(&mut self, labels: &Labels, sample: Sample) {
        let store = self.keeper.store();
        store.know([(labels, sample.at.as_millis())].into_iter()).expect("room");
        let column = store.column(labels).expect("a column");
        if self.watch.is_new(0, labels) {
            self.watch.know_together(0, column, labels, false);
        }
        let (mut past, mut hearing) = self.keeper.together().expect("together");
        let heard = |column, row, said| hearing.hear(column, row, said);
        self.watch.observe_together(0, [(column, sample)], &mut past, heard);
        self.keeper.write(sample.at).expect("room");
    }
}

/// What does not depend on how far back it was judged: all but since when it is so. And without what detectors lack, for which the
/// first sample of all series is that of each.
fn lasting(said: Vec<SaidOf>) -> Vec<SaidOf> {
    let one = |said: SaidOf| SaidOf { conditions: [None; 2], votes: lackless(said.votes), ..said };
    said.into_iter().map(one).collect()
}

fn whole(said: Vec<SaidOf>) -> Vec<SaidOf> {
    said.into_iter().map(|said| SaidOf { votes: lackless(said.votes), ..said }).collect()
}

fn lackless(votes: [Vec<Statement>; 2]) -> [Vec<Statement>; 2] {
    votes.map(|votes| votes.into_iter().map(|vote| Statement { lack: None, ..vote }).collect())
}

/// The same by series, of which the first that differs is told.
fn assert_same<T: PartialEq + std::fmt::Debug>(one: &[T], other: &[T]) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.len(), other.len());
    one.iter().zip(other).try_for_each(|(one, other)| {
        prop_assert_eq!(one, other);
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn series_judged_together_are_judged_as_alone(
        samples in prop::collection::vec(sample(), 50..600),
        (jitter, twice) in (any::<bool>(), any::<bool>()),
        restarts in prop::collection::vec((0..600_usize, 3..400_i64), 0..4),
        phase in 0..HOUR_MS,
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut alone, mut together) = (watch(), Together::open(dir.path()));
        let mut newest = [BEFORE_MS + phase; 3];
        let (mut is_whole, mut has_restarted) = (true, false);
        // of a series of which fewer values than a sustain looks at lie in what is judged once more (where it had stopped before, its
        // newest alone): until there are as many, its findings may be others
        let mut since = i64::MIN;
        let mut values: [Vec<i64>; 3] = Default::default();
        let labels = ["a", "b", "c"].map(|name| Labels::from([("host".to_owned(), name.to_owned())]));
        for (number, (series, after, off, value)) in samples.into_iter().enumerate() {
            let after = if twice { after } else { after.max(1) };
            // a sample that is left out leaves no trace, also not in what is the newest of all: by that the oldest days go
            let at = newest[series] + after * HOUR_MS;
            if at > BEFORE_MS + 13 * 24 * HOUR_MS {
                continue;
            }
            newest[series] = at;
            if let Some((_, judged)) = restarts.iter().find(|(at, _)| *at == number) {
                let latest = newest.iter().max().copied().unwrap_or_default();
                together = together.again(dir.path(), (latest, *judged));
                // what fired before it was contradicted is not kept
                (is_whole, has_restarted) = (is_whole && !twice && *judged > 330, true);
                since = latest - (judged - 4) * HOUR_MS;
            }
            let off_ms = if jitter { off * HOUR_MS / 60 } else { 0 };
            let sample = Sample::new(newest[series] + off_ms, value);
            alone.observe(0, &labels[series], &[sample]);
            together.observe(&labels[series], sample);
            let is_now = |said: &SaidOf| said.labels == labels[series];
            let latest = said(&alone, newest[series]).into_iter().find(is_now).and_then(|said| said.latest);
            let latest = latest.map(|latest| (latest.at.as_millis(), latest.value.is_some()));
            // a cell may be told anew, and be taken back
            values[series].pop_if(|at| latest.is_some_and(|(now, _)| now - *at < HOUR_MS / 2));
            values[series].extend(latest.filter(|(_, has_value)| *has_value).map(|(at, _)| at));
            let judged = |all: &Vec<i64>| all.iter().filter(|at| **at >= since).count();
            let is_blurred = values.each_ref().map(|all| judged(all) < 3.min(all.len()));
            let both = [&alone, &together.watch].map(|watch| {
                let mut said = said(watch, newest[series]);
                for one in said.iter_mut().filter(|one| (0..3).any(|i| is_blurred[i] && labels[i] == one.labels)) {
                    one.latest.iter_mut().for_each(|latest| latest.finding = Finding::Clean);
                }
                said
            });
            let [one, other] = both;
            match (has_restarted, jitter) {
                (false, _) => assert_same(&one, &other)?,
                // a cell is told of once more with its own time, and one that was taken back by two values
                (true, true) => assert_same(&untimed(lasting(one)), &untimed(lasting(other)))?,
                (true, false) if is_whole => assert_same(&whole(one), &whole(other))?,
                (true, false) => assert_same(&lasting(one), &lasting(other))?,
            }
        }
    }
}

/// One that lags by a day and more: what was looked at for the others before it was told is looked at once more.
#[test]
fn a_series_that_comes_a_day_behind_the_others_is_judged_by_its_own_days() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut alone, mut together) = (watch(), Together::open(dir.path()));
    let labels = ["a", "b"].map(|name| Labels::from([("host".to_owned(), name.to_owned())]));
    for (series, hour) in [(1, 0), (1, 12), (0, 12), (0, 60), (1, 36), (1, 60), (1, 61), (0, 61)] {
        let sample = Sample::new(BEFORE_MS + hour * HOUR_MS, 100.0);
        alone.observe(0, &labels[series], &[sample]);
        together.observe(&labels[series], sample);
        let both = [&alone, &together.watch].map(|watch| said(watch, sample.at.as_millis()));
        assert_eq!(both[0], both[1], "series {series} at {hour} h");
    }
}
