//! The config file `quietgate.yaml`: what is watched, how it is judged, who is told.
//!
//! A file is read in one go: [`Config::read`] gives a config whose every value was found good, or every
//! mistake in the file with its place. The keys are described once, in `fields`, for the reader and for the
//! JSON Schema; kinds of detectors and rules come from their registries.

mod api;
mod capture;
mod fields;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod kind;
mod lint;
mod mistakes;
pub mod plan;
mod read;
mod rule;
mod schema;
mod series;
mod signal;
mod sink;
mod source;
mod yaml;
mod zone;

pub use api::{Api, Tls};
pub use capture::{Capturing, Look};
pub use fields::{Field, Shape, Table, tables};
pub use mistakes::{Mistake, Mistakes, Place};
pub use rule::{Given, detector_from_text, kind_from_text};
pub use schema::{option_schema, schema, setting_schema};
pub use series::{SIGNAL_LABEL, Strange};
pub use signal::{Expected, Meaning, Signal};
pub use sink::NamedSink;
pub use source::NamedSource;
pub use yaml::{Key, Node, Value};

pub use crate::settings::{Need, units};
pub use zone::{ZoneError, calendar};

use crate::actions::Allowed;
use fields::{ACTIONS, CONFIG, HISTORY};
use read::{Beside, Fields, check_names};
use signal::Sources;
use std::path::Path;

/// A config file that was found good.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory for what must survive a restart.
    pub state: Option<String>,
    /// Where samples come from, by name.
    pub sources: Vec<NamedSource>,
    /// What is judged, in the order of the file; at least one.
    pub signals: Vec<Signal>,
    /// So many days of samples are kept, beside today; 0 for none.
    pub history_days: u32,
    /// What plans may do; nothing special where the file does not say so.
    pub actions: Allowed,
    /// How the scene of an anomaly is captured in a run.
    pub capture: Capturing,
    /// Where events go.
    pub sinks: Vec<NamedSink>,
    /// The directory of the plans that can be started by their names.
    pub plans: Option<String>,
    /// How the daemon can be reached over HTTP; none where it cannot.
    pub api: Option<Api>,
    file: String,
}

impl Config {
    /// Reads `text`, the content of the file that messages call `file`.
    ///
    /// Sources are checked as far as that needs no file and no network; and so are sinks. A config without `sources` is one for
    /// recorded series: then no signal may name a source; otherwise each must.
    ///
    /// # Errors
    /// Every mistake in the file, in the order of the places. A text that is not YAML is one mistake.
    pub fn read(file: &str, text: &str) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::none(file);
        let config = yaml::read(text, &mut mistakes).and_then(|root| read_root(&root, file, &mut mistakes));
        mistakes.or(config)
    }

    /// What is allowed but can hardly be meant: a rule that can never fire, a source that is not used.
    pub fn lint(&self) -> Mistakes {
        lint::lint(self, Mistakes::none(&self.file))
    }

    /// What captures the scene of an anomaly of `signal` in a run; nothing where nothing does.
    pub fn looks<'a>(&'a self, signal: &'a Signal) -> &'a [Look] {
        signal.capture.as_deref().unwrap_or(&self.capture.programs)
    }

    /// The programs of captures that cannot be started now, where relative ones begin in `folder`.
    pub fn missing_programs(&self, folder: &Path) -> Mistakes {
        let mut missing = Mistakes::none(&self.file);
        let own = self.signals.iter().flat_map(|signal| signal.capture.iter().flatten());
        for look in self.capture.programs.iter().chain(own) {
            if let Some(why) = look.missing(folder) {
                missing.add(look.at, format!("nothing will be captured by it here: {why}"));
            }
        }
        missing
    }

    /// The signal `name`.
    pub fn signal(&self, name: &str) -> Option<&Signal> {
        self.signals.iter().find(|signal| signal.name == name)
    }
}

/// The text of the file at `path`.
///
/// # Errors
/// Why there is none, in words; of one that is no UTF-8 the line.
pub fn read_text(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8 text, allowed is UTF-8")
    })
}

fn read_root(root: &Node, file: &str, mistakes: &mut Mistakes) -> Option<Config> {
    if plan::is_plan(root) {
        mistakes.add(root.at, "this is a plan (it has the key \"plan\"), allowed is a config");
        return None;
    }
    let fields = Fields::open(root, root.at, &CONFIG, Beside::Options(&[]), mistakes)?;
    let sources = sources(&fields, mistakes).unwrap_or_default();
    let named = match fields.node("sources").map(|node| node.map().unwrap_or_default()) {
        None => Sources::None,
        Some([]) => Sources::Mistaken,
        Some(entries) => Sources::Named(entries.iter().map(|(key, _)| key.name.as_str()).collect(), &sources),
    };
    let signals = signals(&fields, &named, mistakes);
    for signal in signals.iter().flatten() {
        source::check_query(signal, &sources, mistakes);
    }
    let capture = capture::read(&fields, mistakes);
    let sinks = fields.list("sinks", mistakes).unwrap_or_default();
    Some(Config {
        state: fields.text("state", mistakes),
        sources,
        signals: signals?,
        history_days: history_days(&fields, mistakes),
        actions: allowed(&fields, mistakes),
        capture: capture?,
        sinks: sink::read(sinks, mistakes),
        plans: fields.text("plans", mistakes),
        api: api::read(&fields, mistakes),
        file: file.to_owned(),
    })
}

fn history_days(fields: &Fields<'_>, mistakes: &mut Mistakes) -> u32 {
    if fields.node("history").is_none() {
        return crate::history::DAYS;
    }
    let own = fields.inner("history", &HISTORY, mistakes);
    own.and_then(|own| own.count("days", mistakes)).unwrap_or_default()
}

fn allowed(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Allowed {
    let own = fields.inner("actions", &ACTIONS, mistakes);
    Allowed { shell: own.and_then(|own| own.parsed("shell", mistakes)).unwrap_or_default() }
}

fn sources(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Vec<NamedSource>> {
    let entries = named(fields, "sources", mistakes)?;
    check_names("a source", entries, mistakes);
    let sources: Vec<_> =
        entries.iter().filter_map(|(key, node)| source::read(key, node, mistakes)).collect();
    source::check_listening(&sources, mistakes);
    Some(sources)
}

fn signals(fields: &Fields<'_>, sources: &Sources<'_>, mistakes: &mut Mistakes) -> Option<Vec<Signal>> {
    let entries = named(fields, "signals", mistakes)?;
    check_names("a signal", entries, mistakes);
    Some(entries.iter().filter_map(|(key, node)| signal::read(key, node, sources, mistakes)).collect())
}

/// The mapping of names at `key`: at least one.
fn named<'a>(fields: &Fields<'a>, key: &str, mistakes: &mut Mistakes) -> Option<&'a [(Key, Node)]> {
    let node = fields.node(key)?;
    let entries = node.map().filter(|entries| !entries.is_empty());
    fields.or_wrong(key, node, entries, mistakes)
}
