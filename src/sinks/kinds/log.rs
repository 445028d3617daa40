//! `log`: writes each event as a line.

use super::super::registry::Entry;
use super::super::sink::{Failed, Sending, Sink};
use crate::event::Event;
use crate::settings::{Need, SettingDoc, Shape};
use crate::text;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub(crate) const ENTRY: Entry = Entry {
    kind: "log",
    summary: "writes each event as a line to a file, or on standard error",
    about: "A line of JSON is one event (`quietgate schema event`), a line of text its time, how much it matters, its run and its sentence. The file is made \
            for its owner alone, and opened for each event, so that it can be moved away at any time; nothing removes what it has",
    settings: &[
        SettingDoc {
            name: "file",
            shape: Shape::Path,
            need: Need::DefaultWords("standard error"),
            about: "what lines are added to",
        },
        SettingDoc {
            name: "format",
            shape: Shape::Word(&["json", "text"]),
            need: Need::Default("json"),
            about: "what a line is",
        },
    ],
    filters: true,
    fits: |_| Ok(()),
    build: |settings| {
        let is_json = settings.text("format") != Some("text");
        Ok(Box::new(Log { file: settings.path("file").map(Path::to_path_buf), is_json }))
    },
};

#[derive(Debug)]
struct Log {
    file: Option<PathBuf>,
    is_json: bool,
}

impl Sink for Log {
    fn send<'a>(&'a mut self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let line = line(event, self.is_json).map_err(|error| Failed::ForGood(error.to_string()))?;
            let file = self.file.clone();
            // a disk may hold it up
            let written = tokio::task::spawn_blocking(move || write(file.as_deref(), &line)).await;
            let failed = |error: io::Error| match &self.file {
                Some(path) => Failed::later(format!("{}: {error}", path.display())),
                None => Failed::later(error.to_string()),
            };
            written.map_err(io::Error::other).and_then(|written| written).map_err(failed)
        })
    }
}

fn line(event: &Event, is_json: bool) -> serde_json::Result<String> {
    if is_json {
        return serde_json::to_string(event).map(|json| text::plain_json(json) + "\n");
    }
    let run = event.data.run.as_deref().unwrap_or("-");
    let words = format!("{} {} {run} {}: {}", event.timestamp, event.severity, event.kind, event.summary);
    Ok(format!("{}\n", text::plain(&words)))
}

/// Adds the line as a whole.
fn write(file: Option<&Path>, line: &str) -> io::Result<()> {
    match file {
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            file?.write_all(line.as_bytes())
        }
        None => io::stderr().write_all(line.as_bytes()),
    }
}
