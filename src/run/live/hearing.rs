//! What sources say, judged and kept: the ears of a run, and of a daemon that watches all signals.

use super::feed::{Feed, Fetched};
use super::keep::Kept;
use crate::clock;
use crate::run::Driver;
use crate::run::ledger::Ledger;
use crate::run::recording::{Line, Recorder, SaidSeries};
use crate::sources::{Answer, SeriesSamples};
use crate::text;
use quietgate_detectors::{Reason, Timestamp};
use std::io;
use std::rc::Rc;

/// Sources that are asked, monitors that judge what they say, and the history of it.
#[derive(Debug)]
pub(in crate::run) struct Hearing {
    pub(in crate::run) driver: Driver,
    pub(super) feed: Feed,
    pub(super) kept: Kept,
    recording: Option<Recording>,
    notes: Vec<String>,
}

/// Where what sources say is put down, beside the journal that it belongs to.
#[derive(Debug)]
pub(in crate::run) struct Recording {
    pub(super) recorder: Recorder,
    pub(super) ledger: Rc<Ledger>,
}

impl Hearing {
    pub(in crate::run) fn new(driver: Driver, feed: Feed, kept: Kept, recording: Option<Recording>) -> Self {
        Self { driver, feed, kept, recording, notes: Vec::new() }
    }

    /// Makes the monitors ready: what can be is judged together, and what was kept is told to them.
    pub(in crate::run) fn begin(&mut self) {
        self.judge_together();
        self.remember();
    }

    /// Asks for whatever is due at `now`; says how long until the next is, in milliseconds.
    pub(in crate::run) fn ask(&mut self, now: Timestamp) -> i64 {
        self.feed.ask(now)
    }

    /// The next answer; none where nobody was asked. May be dropped and called again.
    pub(in crate::run) async fn next(&mut self) -> Option<Fetched> {
        self.feed.next().await
    }

    /// Brings what was kept to disk for good, where that is due.
    pub(in crate::run) async fn sync(&mut self, now: Timestamp) {
        self.notes.extend(self.kept.sync(now).await);
    }

    /// Keeps what is not kept yet: the end.
    pub(in crate::run) async fn close(&mut self) {
        self.notes.extend(self.kept.close(clock::now()).await);
    }

    /// What there is to say to persons since this was asked last.
    pub(in crate::run) fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    pub(super) fn note(&mut self, words: &str) {
        self.notes.push(words.to_owned());
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }

    /// Puts down a line, where that is wanted. A file that cannot be written is no reason to leave a run alone.
    pub(super) fn put_down(&mut self, line: impl FnOnce(u64) -> Line) {
        let Some(Recording { recorder, ledger }) = &mut self.recording else { return };
        if let Err(error) = recorder.write(&line(ledger.seq())) {
            self.not_recorded(&error);
        }
    }

    /// Tells the monitors of all signals what was kept of their series; those of which a source may know what was before that
    /// wait for it.
    fn remember(&mut self) {
        let now = clock::now();
        for (signal, name) in self.driver.signals().into_iter().enumerate() {
            let Some(from) = self.feed.from(signal) else { continue };
            let room = self.kept.room(signal, now);
            match self.kept.oldest(signal, from, now) {
                Some(oldest) if !self.kept.is_beside() && self.feed.asks_older(signal, oldest, room) => {}
                _ => self.fill(signal, &name, now),
            }
        }
    }

    /// Tells the monitors of a signal what was kept of its series.
    fn fill(&mut self, signal: usize, name: &str, now: Timestamp) {
        let Some(from) = self.feed.from(signal) else { return };
        if self.is_together(signal) {
            return self.resume_together(signal, from, now);
        }
        let (driver, recording) = (&mut self.driver, &mut self.recording);
        let told = self.feed.tells_past(signal);
        let mut failed = None;
        let filled = self.kept.fill(signal, (from, now), |labels, samples| {
            if let Some(Recording { recorder: out, ledger }) = recording {
                let (at, seq, signal) = (now.as_millis(), ledger.seq(), name.to_owned());
                let series = vec![SaidSeries::of(labels, samples)];
                failed = failed.take().or(out.write(&Line::Kept { at, seq, signal, told, series }).err());
            }
            // until the source has said something there is not all that there is
            driver.trouble(signal, Some(Reason::Partial), now);
            if told {
                driver.observe(signal, labels, samples);
            } else {
                driver.remember(signal, labels, samples);
            }
        });
        if let Some(error) = failed {
            self.not_recorded(&error);
        }
        let Some((filled, notes)) = filled else { return };
        self.feed.know(signal, filled.newest);
        self.notes.extend(notes);
    }

    fn not_recorded(&mut self, error: &io::Error) {
        self.recording = None;
        self.note(&format!("what sources say is not recorded any more: {error}"));
    }

    /// What a source said of a signal.
    pub(in crate::run) fn take(&mut self, fetched: Fetched) {
        let Fetched { signal, name, mut answer, fills, is_news, is_older, late, .. } = fetched;
        self.notes.extend(late);
        let is_older_whole = is_older && answer.as_ref().is_ok_and(|answer| answer.complete);
        if let Ok(answer) = &mut answer {
            // there is more to come
            answer.complete &= !is_older;
        }
        let now = clock::now();
        self.put_down(|seq| Line::heard(now, seq, &name, &answer));
        match answer {
            Ok(answer) => {
                self.driver.trouble(signal, (!answer.complete).then_some(Reason::Partial), now);
                match self.is_together(signal) {
                    true if is_older => self.keep_older(signal, &answer),
                    true => self.observe_together(signal, &answer),
                    false => self.observe(signal, &answer),
                }
                if is_older_whole {
                    self.fill(signal, &name, clock::now());
                }
                answer.ended.iter().for_each(|labels| self.driver.end(signal, labels));
                if answer.complete {
                    self.driver.begin(signal);
                }
                if fills {
                    let young = self.driver.young(signal, clock::now());
                    self.notes.extend(young);
                }
                if (is_news || fills) && !answer.warnings.is_empty() {
                    self.note(&answer.warnings.join("; "));
                }
            }
            Err(error) => {
                self.driver.trouble(signal, Some(error.reason()), now);
                if is_news {
                    self.note(&text::with_causes(&error));
                }
            }
        }
    }

    /// Judges new samples, and keeps what is judged.
    fn observe(&mut self, signal: usize, answer: &Answer) {
        let now = clock::now();
        for series in &answer.series {
            self.observe_alone(signal, series);
            self.keep(signal, false, now);
        }
        self.keep(signal, true, now);
    }

    pub(super) fn observe_alone(&mut self, signal: usize, series: &SeriesSamples) {
        match self.kept.writer(signal) {
            Some(mut keeper) => {
                let mut hearing = keeper.hearing(&series.labels);
                let heard = |at, said| hearing.hear(at, said);
                self.driver.observe_heard(signal, &series.labels, &series.samples, heard);
            }
            None => self.driver.observe(signal, &series.labels, &series.samples),
        }
    }

    /// Writes what was heard of a signal to its history, where that is much or `at_end`.
    pub(super) fn keep(&mut self, signal: usize, at_end: bool, now: Timestamp) {
        if let Some(words) = self.kept.write(signal, at_end, now) {
            self.note(&words);
        }
    }
}
