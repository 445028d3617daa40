//! The table of sinks: everything that is said about a kind is said in its [`Entry`].

use super::kinds::{alertmanager, log, slack, webhook};
use super::sink::{Sink, SinkError};
use crate::settings::{Given, Kind, SettingDoc, SettingError, Settings};
use std::path::Path;

/// A kind of sink.
#[derive(Debug)]
pub struct Entry {
    /// Its name in files and output.
    pub kind: &'static str,
    /// Where it brings events, in at most 80 characters.
    pub summary: &'static str,
    /// What the receiver gets, and what becomes of what it does not take.
    pub about: &'static str,
    /// Its settings.
    pub settings: &'static [SettingDoc],
    /// Whether it may be told of some events alone.
    pub filters: bool,
    /// Whether settings that are good by themselves go together.
    pub(super) fits: fn(&Settings) -> Result<(), String>,
    /// Makes one from checked settings.
    pub(super) build: fn(&Settings) -> Result<Box<dyn Sink>, SinkError>,
}

impl Entry {
    /// What it has in common with the kinds of other families.
    pub fn described(&self) -> Kind {
        Kind { kind: self.kind, summary: self.summary, about: self.about, settings: self.settings }
    }
}

/// Every kind of sink, in the order of the documentation.
const ALL: &[Entry] = &[webhook::ENTRY, alertmanager::ENTRY, slack::ENTRY, log::ENTRY];

/// Every kind of sink, in the order of the documentation.
pub fn all() -> &'static [Entry] {
    ALL
}

/// The entry of `kind`.
pub fn find(kind: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.kind == kind)
}

/// A kind of sink with settings that were found good.
#[derive(Debug, Clone)]
pub struct Spec {
    entry: &'static Entry,
    settings: Settings,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.entry.kind == other.entry.kind && self.settings == other.settings
    }
}

impl Spec {
    /// The sink that `given` describes. Nothing is opened or sent yet.
    ///
    /// # Errors
    /// Every mistake in the settings.
    pub fn new(entry: &'static Entry, given: &[(String, Given)]) -> Result<Self, Vec<SettingError>> {
        let settings = Settings::check(entry.settings, given)?;
        (entry.fits)(&settings).map_err(|message| vec![SettingError::Together { message }])?;
        Ok(Self { entry, settings })
    }

    /// The kind's entry in the table.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Makes the sink; relative paths of its settings begin in the folder `base`. Nothing is sent yet.
    ///
    /// # Errors
    /// A file of the settings that cannot be used.
    pub fn open(&self, base: &Path) -> Result<Box<dyn Sink>, SinkError> {
        (self.entry.build)(&self.settings.begun_in(base, self.entry.settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::kind::hold;

    #[test]
    fn the_table_is_sound() {
        let kinds: Vec<_> = all().iter().map(Entry::described).collect();
        hold(&kinds, &["kind", "name", "events", "severity", "queue"]);
    }
}
