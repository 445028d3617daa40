//! The table of live sources: everything that is said about a kind is said in its [`Entry`].

use super::{Source, SourceError, file, host, prometheus};
use crate::settings::{Given, SettingDoc, SettingError, Settings};

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
    /// Makes one from checked settings.
    pub(super) build: fn(&Settings) -> Result<Box<dyn Source>, SourceError>,
}

/// Every kind of source, in the order of the documentation.
const ALL: &[Entry] = &[prometheus::ENTRY, host::ENTRY, file::ENTRY];

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

    /// Makes the source. Nothing is asked yet.
    ///
    /// # Errors
    /// A file of the settings that cannot be used.
    pub fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        (self.entry.build)(&self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Need;

    #[test]
    fn no_kind_and_no_setting_stands_twice() {
        for (i, entry) in all().iter().enumerate() {
            assert!(!all()[..i].iter().any(|other| other.kind == entry.kind), "{}", entry.kind);
            assert!(entry.summary.chars().count() <= 80, "{}", entry.summary);
            for (i, doc) in entry.settings.iter().enumerate() {
                assert!(!entry.settings[..i].iter().any(|other| other.name == doc.name), "{}", doc.name);
                assert_ne!(doc.name, "kind", "the key that names the kind");
            }
        }
    }

    #[test]
    fn every_default_is_allowed() {
        for entry in all() {
            for doc in entry.settings {
                let Need::Default(text) = doc.need else { continue };
                let given = [(doc.name.to_owned(), Given::plain(text))];
                let errors = Settings::check(entry.settings, &given).err().unwrap_or_default();
                let wrong: Vec<_> = errors.iter().filter(|error| error.name() == Some(doc.name)).collect();
                assert!(wrong.is_empty(), "{}: {wrong:?}", entry.kind);
            }
        }
    }
}
