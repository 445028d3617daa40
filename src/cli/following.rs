//! Tells how a run goes: lines or events on standard output, and on a terminal its picture as it is now.

use crate::journal::Entry;
use crate::run::live::Tell;
use crate::steps::{Record, State, Waiting};
use crate::story::{self, Level, Noted, Waits, Window};
use crate::text;
use clap::ValueEnum;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use quietgate_detectors::Timestamp;
use std::io::{self, IsTerminal, Write};

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Lines to read; on a terminal with a picture of how things stand
    Text,
    /// One JSON object a line, for each record
    Json,
}

/// Tells how a run goes.
pub(crate) struct Follower {
    form: Form,
    run: String,
    /// Everything told of, so that a line can say what a record is about.
    state: State,
    /// What was waited for when it was told last, without what gates have on record anyway.
    waited: Vec<String>,
    picture: Option<ProgressBar>,
}

impl Follower {
    /// Tells of `run`, before which there was `state`.
    pub(crate) fn new(form: Form, run: &str, state: State) -> Self {
        let draws = form == Form::Text && io::stdout().is_terminal() && io::stderr().is_terminal();
        let picture = draws.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // a template of one field is one that can be read
            bar.with_style(
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            )
        });
        Self { form, run: run.to_owned(), state, waited: Vec::new(), picture }
    }

    /// Takes the picture away.
    pub(crate) fn end(&self) {
        if let Some(picture) = &self.picture {
            picture.finish_and_clear();
        }
    }

    /// Says on standard error how things stand, and what a person can do about it.
    pub(crate) fn stand(&self, now: Timestamp) {
        let status = story::status(&self.state, Some(&self.run), now, Waits::Now(&[]));
        eprintln!(
            "\n{status}\n\nnobody drives it now; to go on, once all is settled:\n  quietgate run --resume {}",
            self.run
        );
    }

    /// Writes a line of the result. A reader that went away is no reason to leave a run alone.
    fn line(&self, line: &str) {
        let write = || drop(writeln!(io::stdout(), "{line}"));
        match &self.picture {
            Some(picture) => picture.suspend(write),
            None => write(),
        }
    }

    fn aside(&self, words: &str) {
        let write = || drop(writeln!(io::stderr(), "{}", text::plain(words)));
        match &self.picture {
            Some(picture) => picture.suspend(write),
            None => write(),
        }
    }
}

impl Tell for Follower {
    fn record(&mut self, entry: &Entry, record: &Record) {
        let (at, record) = (Timestamp::from_millis(entry.at), record.clone());
        let noted = Noted { seq: entry.seq, at, epoch: entry.epoch, record };
        // the driver has found it legal before it was written
        drop(self.state.apply(entry.seq, at, &noted.record));
        match self.form {
            Form::Json => self.line(&story::event(&noted).to_string()),
            Form::Text if story::level(&noted.record) > Level::Detail => {
                self.line(&story::line(&noted, &self.state));
            }
            Form::Text => {}
        }
    }

    fn waiting(&mut self, now: Timestamp, state: &State, waiting: &[Waiting], window: Option<Window>) {
        if let Some(picture) = &self.picture {
            let status = story::status(state, Some(&self.run), now, Waits::Now(waiting));
            let (height, width) = Term::stderr().size();
            let lines = story::live(&status, window, width.into(), height.saturating_sub(1).into());
            picture.set_message(lines.join("\n"));
            picture.tick();
        }
        // what gates say is on record, and so is who paused
        let told = waiting.iter().filter(|waiting| {
            matches!(waiting, Waiting::Approval(_) | Waiting::Forbidden(..) | Waiting::Frozen(_))
        });
        let told: Vec<String> = told.map(Waiting::words).collect();
        if self.form == Form::Text && told != self.waited {
            told.iter().filter(|words| !self.waited.contains(words)).for_each(|words| {
                self.aside(&format!("waiting: {words}"));
            });
            self.waited = told;
        }
    }

    fn note(&mut self, words: &str) {
        self.aside(words);
    }
}
