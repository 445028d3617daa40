//! Tells how a run goes: lines or events on standard output, and on a terminal its picture as it is now.

use super::format::Format;
use crate::journal::Entry;
use crate::run::live::Tell;
use crate::steps::{Record, State, Waiting};
use crate::story::{self, Level, Noted, Waits, Window};
use crate::text;
use console::Term;
use quietgate_detectors::Timestamp;
use std::io::{self, IsTerminal, Write};

/// Tells how a run goes.
pub(crate) struct Follower {
    form: Format,
    run: String,
    /// Everything told of, so that a line can say what a record is about.
    state: State,
    /// What was waited for when it was told last, without what gates have on record anyway.
    waited: Vec<String>,
    picture: Option<Picture>,
}

impl Follower {
    /// Tells of `run`, before which there was `state`.
    pub(crate) fn new(form: Format, run: &str, state: State) -> Self {
        let draws = form == Format::Text && io::stdout().is_terminal() && io::stderr().is_terminal();
        let picture = draws.then(|| Picture { term: Term::buffered_stderr(), lines: Vec::new() });
        Self { form, run: run.to_owned(), state, waited: Vec::new(), picture }
    }

    /// Takes the picture away.
    pub(crate) fn end(&mut self) {
        if let Some(picture) = &mut self.picture {
            picture.draw(Vec::new());
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
    fn line(&mut self, line: &str) {
        self.above(|| drop(writeln!(io::stdout(), "{line}")));
    }

    fn aside(&mut self, words: &str) {
        self.above(|| drop(writeln!(io::stderr(), "{}", text::plain(words))));
    }

    /// Writes something above the picture.
    fn above(&mut self, write: impl FnOnce()) {
        let lines = self.picture.as_mut().map(|picture| picture.draw(Vec::new()));
        write();
        if let (Some(picture), Some(lines)) = (&mut self.picture, lines) {
            picture.draw(lines);
        }
    }
}

/// Lines at the end of a terminal that are drawn anew where they change.
struct Picture {
    term: Term,
    lines: Vec<String>,
}

impl Picture {
    /// Puts `lines` in the place of those that are there, and gives these.
    fn draw(&mut self, lines: Vec<String>) -> Vec<String> {
        if lines != self.lines {
            // a terminal that went away is no reason to leave a run alone
            drop(self.term.clear_last_lines(self.lines.len()));
            lines.iter().for_each(|line| drop(self.term.write_line(line)));
            drop(self.term.flush());
        }
        std::mem::replace(&mut self.lines, lines)
    }
}

impl Tell for Follower {
    fn record(&mut self, entry: &Entry, record: &Record) {
        let (at, record) = (Timestamp::from_millis(entry.at), record.clone());
        let noted = Noted { seq: entry.seq, at, epoch: entry.epoch, record };
        // the driver has found it legal before it was written
        drop(self.state.apply(entry.seq, at, &noted.record));
        match self.form {
            Format::Json => self.line(&story::event(&noted).to_string()),
            Format::Text if story::level(&noted.record) > Level::Detail => {
                self.line(&story::line(&noted, &self.state));
            }
            Format::Text => {}
        }
    }

    fn waiting(&mut self, now: Timestamp, state: &State, waiting: &[Waiting], window: Option<Window>) {
        if let Some(picture) = &mut self.picture {
            let status = story::status(state, Some(&self.run), now, Waits::Now(waiting));
            let (height, width) = picture.term.size();
            picture.draw(story::live(&status, window, width.into(), height.saturating_sub(1).into()));
        }
        // what gates say is on record, and so is who paused
        let told = waiting.iter().filter(|waiting| {
            matches!(waiting, Waiting::Approval(_) | Waiting::Forbidden(..) | Waiting::Frozen(_))
        });
        let told: Vec<String> = told.map(Waiting::words).collect();
        if self.form == Format::Text && told != self.waited {
            let before = std::mem::replace(&mut self.waited, told.clone());
            for words in told.iter().filter(|words| !before.contains(words)) {
                self.aside(&format!("waiting: {words}"));
            }
        }
    }

    fn note(&mut self, words: &str) {
        self.aside(words);
    }
}
