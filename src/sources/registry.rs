//! The table of live sources: everything that is said about a kind is said in its [`Entry`].

use super::{Source, SourceError, command, file, host, ipvs, ping, prometheus, push, scrape};
use crate::settings::{Given, Kind, SettingDoc, SettingError, Settings, Shape};
use quietgate_detectors::Interval;
use std::path::Path;

/// A kind of source.
#[derive(Debug)]
pub struct Entry {
    /// Its name in files and output.
    pub kind: &'static str,
    /// What it reads, in at most 80 characters.
    pub summary: &'static str,
    /// How it reads, what the time of a sample is, where it is blind.
    pub about: &'static str,
    /// What a signal's `query` is to it.
    pub query: &'static str,
    /// Its settings.
    pub settings: &'static [SettingDoc],
    /// Whether settings that are good by themselves go together.
    pub(super) fits: fn(&Settings) -> Result<(), String>,
    /// Whether a signal can ask for this.
    pub(super) asks: fn(Option<&str>) -> Result<(), String>,
    /// Why samples of this query, taken at this interval, are surely not what was counted since the sample before.
    pub(super) no_counts: fn(&str, Interval) -> Option<String>,
    /// How much later than the time that it bears a sample may be there, by these settings, in milliseconds; 0 where that is not
    /// the source's own doing.
    pub(super) lag_ms: fn(&Settings) -> i64,
    /// Makes one from checked settings.
    pub(super) build: fn(&Settings) -> Result<Box<dyn Source>, SourceError>,
}

impl Entry {
    /// What it has in common with the kinds of other families.
    pub fn described(&self) -> Kind {
        Kind { kind: self.kind, summary: self.summary, about: self.about, settings: self.settings }
    }
}

/// Every kind of source, in the order of the documentation.
const ALL: &[Entry] = &[
    prometheus::ENTRY,
    scrape::ENTRY,
    push::ENTRY,
    ping::ENTRY,
    host::ENTRY,
    ipvs::ENTRY,
    file::ENTRY,
    command::ENTRY,
];

/// Every kind of live source, in the order of the documentation.
pub fn all() -> &'static [Entry] {
    ALL
}

/// The entry of `kind`.
pub fn find(kind: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.kind == kind)
}

/// A kind of source with settings that were found good.
#[derive(Debug, Clone)]
pub struct Spec {
    entry: &'static Entry,
    settings: Settings,
}

impl Spec {
    /// The source that `given` describes. Nothing is opened or asked yet.
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

    /// Whether a signal of this source can ask for `query`.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed.
    pub fn check_query(&self, query: Option<&str>) -> Result<(), String> {
        (self.entry.asks)(query)
    }

    /// Why samples of `query`, taken at this interval, are surely not what was counted since the sample before, and what to
    /// write instead; none where they may be.
    pub fn no_counts(&self, query: &str, interval: Interval) -> Option<String> {
        (self.entry.no_counts)(query, interval)
    }

    /// The addresses that it listens at, which nobody else can.
    pub fn listens(&self) -> impl Iterator<Item = &str> {
        let named = self.entry.settings.iter().filter(|doc| doc.shape == Shape::Listen);
        named.filter_map(|doc| self.settings.text(doc.name))
    }

    /// How much later than the time that it bears a sample may be there, in milliseconds: what the source needs by itself.
    pub fn lag_ms(&self) -> i64 {
        (self.entry.lag_ms)(&self.settings).max(0)
    }

    /// Makes the source; relative paths of its settings begin in the folder `base`. Nothing is asked yet.
    ///
    /// # Errors
    /// A file of the settings that cannot be used.
    pub fn open(&self, base: &Path) -> Result<Box<dyn Source>, SourceError> {
        (self.entry.build)(&self.settings.begun_in(base, self.entry.settings))
    }
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.entry.kind == other.entry.kind && self.settings == other.settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::kind::hold;

    #[test]
    fn the_table_is_sound() {
        let kinds: Vec<_> = all().iter().map(Entry::described).collect();
        hold(&kinds, &["kind"]);
    }
}
