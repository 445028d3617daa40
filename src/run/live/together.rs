//! Signals whose series are judged together: what sources say of them goes on by the numbers that the history has for them.

use super::hearing::Hearing;
use crate::clock;
use crate::history::Piece;
use crate::monitor::Labels;
use crate::sources::{Answer, SeriesSamples};
use crate::text;
use quietgate_detectors::{DAY_MS, Reason, Sample, Timestamp};
use std::collections::BTreeMap;

/// So many samples are judged before what was heard is written.
const MANY: usize = 1 << 20;
/// And of no longer a time: the next day looks at what was written of this one.
const AT_ONCE_MS: i64 = DAY_MS / 2;

impl Hearing {
    /// Whether the series of a signal are judged together.
    pub(super) fn is_together(&mut self, signal: usize) -> bool {
        self.driver.watch().together(signal).is_some()
    }

    /// Finds the signals whose series are judged together: those with a history, where what judges them needs no days of its own.
    /// What is recorded to be driven once more is judged alone, as then.
    pub(super) fn judge_together(&mut self) {
        let is_recorded = self.is_recorded();
        for signal in 0..self.driver.signals().len() {
            let Some(mut keeper) = self.kept.keeper(signal).filter(|_| !is_recorded) else { continue };
            let days = keeper.store().shape().days;
            let together = self.driver.watch().judge_together(signal, days);
            // who keeps what is judged the same way looks at earlier days the same way
            let look = together.filter(|_| !self.kept.is_beside()).map(|together| together.look().clone());
            look.into_iter().for_each(|look| keeper.judged_together(look));
        }
    }

    /// Learns what was kept of a signal, and judges the last of it once more.
    pub(super) fn resume_together(&mut self, signal: usize, from: Timestamp, now: Timestamp) {
        let (told, driver) = (self.feed.tells_past(signal), &mut self.driver);
        let Some(memory) = driver.watch().together(signal).map(|together| together.memory()) else { return };
        let judged = self.feed.judged_from(signal).unwrap_or(now).max(from);
        // until the source has said something there is not all that there is
        driver.trouble(signal, Some(Reason::Partial), now);
        let resumed = self.kept.resume(signal, (from, judged, now), memory, |piece| match piece {
            Piece::Series { column, labels, at, row } => {
                driver.know_together(signal, column, labels, !told);
                let together = driver.watch().together(signal);
                together.into_iter().for_each(|together| together.begin(column, at, row));
            }
            Piece::Learn { first, row, cells, before } => {
                let together = driver.watch().together(signal);
                together.into_iter().for_each(|together| together.learn(first, row, cells, before));
            }
            Piece::Judge { samples, mut past } => {
                driver.remember_together(signal, samples.iter().copied(), &mut past);
            }
        });
        let Some((newest, notes)) = resumed else { return };
        self.feed.know(signal, newest);
        notes.iter().for_each(|words| self.note(words));
    }

    /// Puts what a source told of the time before the history began there, unjudged: it is learnt with the rest.
    pub(super) fn keep_older(&mut self, signal: usize, answer: &Answer) {
        let Some(mut keeper) = self.kept.writer(signal) else { return };
        let series = answer.series.iter().map(|series| (&series.labels, series.samples.as_slice()));
        let added = keeper.add(series, clock::now());
        drop(keeper);
        if let Err(error) = added {
            let why = text::with_causes(&error);
            self.note(&format!("what was before is not kept: {why}"));
        }
    }

    /// Judges new samples, and keeps what is judged.
    pub(super) fn observe_together(&mut self, signal: usize, answer: &Answer) {
        let now = clock::now();
        let mut samples = std::mem::take(&mut self.kept.spare);
        let new = self.by_number(signal, answer.series.iter(), &mut samples);
        if !new.is_empty() {
            self.number(signal, &new);
            // there is no place for these in the history, or nothing to put there yet
            let alone = self.by_number(signal, new.into_iter(), &mut samples);
            alone.into_iter().for_each(|series| self.observe_alone(signal, series));
        }
        let is_even = answer.series.iter().all(|series| series.samples.len() <= 1);
        if !is_even {
            // the rows one after the other, and in each those of a series in the order in which they were told
            samples.sort_by_key(|(number, sample)| (sample.at, *number));
        }
        let mut rest = samples.as_slice();
        while let Some((_, first)) = rest.first() {
            let until = first.at.as_millis().saturating_add(AT_ONCE_MS);
            let some = rest.partition_point(|(_, sample)| is_even || sample.at.as_millis() < until);
            let (some, others) = rest.split_at(some.min(MANY));
            self.judge_samples(signal, some);
            // what comes later looks back on it
            self.keep(signal, true, now);
            rest = others;
        }
        samples.clear();
        // what came of late was more than what comes at a time
        samples.shrink_to(answer.series.len());
        self.kept.spare = samples;
        let strange = self.kept.strange(signal);
        strange.iter().for_each(|words| self.note(words));
    }

    /// Adds the samples of series that have a number to `samples`; gives those that have none.
    fn by_number<'a>(
        &mut self,
        signal: usize,
        series: impl Iterator<Item = &'a SeriesSamples>,
        samples: &mut Vec<(u32, Sample)>,
    ) -> Vec<&'a SeriesSamples> {
        let watch = self.driver.watch();
        let (is_start, mut others) = (watch.is_start(signal), Vec::new());
        for series in series {
            let Some(number) = watch.together(signal).and_then(|all| all.find(&series.labels)) else {
                others.push(series);
                continue;
            };
            if is_start {
                watch.see_together(signal, number);
            }
            samples.extend(series.samples.iter().map(|sample| (number, *sample)));
        }
        others
    }

    fn judge_samples(&mut self, signal: usize, samples: &[(u32, Sample)]) {
        let is_beside = self.kept.is_beside();
        let Some(mut keeper) = self.kept.keeper(signal) else { return };
        let Some((mut past, mut hearing)) = keeper.together() else { return };
        let heard = |number, row, said| {
            if !is_beside {
                hearing.hear(number, row, said);
            }
        };
        self.driver.observe_together(signal, samples.iter().copied(), &mut past, heard);
    }

    /// Gives a number to each of `series` that has a sample, and that is not judged alone already.
    fn number(&mut self, signal: usize, series: &[&SeriesSamples]) {
        let watch = self.driver.watch();
        let is_new =
            |series: &&SeriesSamples| !series.samples.is_empty() && !watch.is_alone(signal, &series.labels);
        let new: Vec<&SeriesSamples> = series.iter().copied().filter(is_new).collect();
        let Some(mut keeper) = self.kept.keeper(signal).filter(|_| !new.is_empty()) else { return };
        let begin = |series: &&'_ SeriesSamples| Some((series.labels.clone(), series.samples.first()?.at));
        let begun: BTreeMap<Labels, Timestamp> = new.iter().filter_map(begin).collect();
        let store = keeper.store();
        // who keeps it gives the numbers; one that has none yet is judged alone
        let known = match self.kept.is_beside() {
            true => Ok(()),
            false => store.know(begun.iter().map(|(labels, at)| (labels, at.as_millis()))).map(drop),
        };
        if let Err(error) = known {
            drop(keeper);
            // they are judged alone, with their days in memory; as long as there is no sample of them in this run that may end
            self.note(&format!("new series have no history: {}", text::with_causes(&error)));
            return;
        }
        for series in new {
            let begun = series.samples.first().and_then(|first| store.begun(&series.labels, first.at));
            if let Some((number, at, row)) = begun {
                self.driver.know_together(signal, number, &series.labels, false);
                let together = self.driver.watch().together(signal);
                together.into_iter().for_each(|together| together.begin(number, at, row));
            }
        }
    }
}
