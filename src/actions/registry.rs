//! The table of actions: everything that is said about a kind is said in its [`Entry`].

use super::io::Io;
use super::kinds;
use super::outcome::Outcome;
use super::settings::{Setting, SettingDoc, SettingError, Settings};
use super::template::RenderError;
use super::values::Values;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A kind of action.
#[derive(Debug)]
pub struct Entry {
    /// Its name in files and output.
    pub kind: &'static str,
    /// What it does, in at most 80 characters.
    pub summary: &'static str,
    /// What it is for, when it has succeeded, what to beware of.
    pub about: &'static str,
    /// Its keys.
    pub settings: &'static [SettingDoc],
    /// Makes one from checked settings.
    pub(crate) build: Build,
}

/// Makes an action from checked settings, or says what in them is wrong.
pub(crate) type Build = fn(&Settings, Allowed) -> Result<Arc<dyn Action>, Vec<SettingError>>;

/// What the config lets plans do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Whether actions may be of the kind `shell`. Off unless it is said.
    pub shell: bool,
}

/// What a kind does.
pub(crate) trait Action: fmt::Debug + Send + Sync {
    /// What is going to be run, in one line for the journal. Secrets are not in it.
    fn rendered(&self, values: &Values) -> Result<String, RenderError>;

    /// Runs it for one target.
    fn run<'a>(&'a self, values: &'a Values, io: &'a Io<'a>) -> Running<'a>;
}

/// An attempt under way.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A kind with settings that were found good.
#[derive(Debug, Clone)]
pub struct Spec {
    entry: &'static Entry,
    action: Arc<dyn Action>,
}

impl Spec {
    /// The action `kind` with `given` settings, the rest at their defaults.
    ///
    /// # Errors
    /// An unknown kind, one that the config does not allow, or every mistake in the settings.
    pub fn new(kind: &str, given: &[(String, Setting)], allowed: Allowed) -> Result<Self, SpecError> {
        let entry = find(kind).ok_or_else(|| SpecError::UnknownKind { kind: kind.to_owned() })?;
        let settings = Settings::check(entry.settings, given).map_err(SpecError::Settings)?;
        let action = (entry.build)(&settings, allowed).map_err(SpecError::Settings)?;
        Ok(Self { entry, action })
    }

    /// The kind's entry in the table.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// What is going to be run, in one line for the journal: the argv as JSON, or method and URL. Secrets are not in it.
    ///
    /// # Errors
    /// It cannot be run for this target, and [`Self::run`] would start nothing: a label that the target lacks, or a value that
    /// cannot stand where it would.
    pub fn rendered(&self, values: &Values) -> Result<String, RenderError> {
        self.action.rendered(values)
    }

    /// Runs it for one target, to its end: nothing that it started is left when this is over, or it is named in the outcome.
    ///
    /// Must be called in a runtime of tokio that has I/O and time enabled. Where the future is dropped before its end, the
    /// processes are killed at once.
    pub async fn run(&self, values: &Values, io: &Io<'_>) -> Outcome {
        self.action.run(values, io).await
    }
}

/// Every kind of action, in the order of the documentation.
pub fn all() -> &'static [Entry] {
    kinds::ALL
}

/// The entry of `kind`.
pub fn find(kind: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.kind == kind)
}

/// Why there is no such action.
#[derive(Debug, Clone, PartialEq)]
pub enum SpecError {
    /// The kind is not in the table.
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
    /// The settings are wrong.
    Settings(Vec<SettingError>),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind { kind } => {
                let known: Vec<_> = all().iter().map(|entry| entry.kind).collect();
                write!(f, "unknown action {kind:?}, expected one of: {}", known.join(", "))
            }
            Self::Settings(errors) => {
                let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&text.join("; "))
            }
        }
    }
}

impl std::error::Error for SpecError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_says_what_it_is() {
        let kinds: BTreeSet<_> = all().iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds.len(), all().len(), "a name stands for one kind");
        for entry in all() {
            assert!((1..=80).contains(&entry.summary.len()), "{}", entry.kind);
            let keys: BTreeSet<_> = entry.settings.iter().map(|doc| doc.name).collect();
            assert_eq!(keys.len(), entry.settings.len(), "{}", entry.kind);
            assert!(entry.settings.iter().all(|doc| doc.about.ends_with('.')), "{}", entry.kind);
        }
    }

    #[test]
    fn an_unknown_kind_is_told_with_those_there_are() {
        let error = Spec::new("exce", &[], Allowed::default()).expect_err("no such kind");
        assert_eq!(
            error.to_string(),
            "unknown action \"exce\", expected one of: exec, shell, http, wait, noop"
        );
    }
}
