//! The table of actions: everything that is said about a kind is said in its [`Entry`].

use super::io::Io;
use super::kinds;
use super::outcome::Outcome;
use super::template::{Filled, RenderError};
use super::values::Values;
use crate::settings::{Given, Kind, Part, SettingDoc, SettingError, Settings};
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
    /// Whether the config lets plans have it.
    pub(crate) permitted: fn(Allowed) -> bool,
    /// Makes one from checked settings, or says what in them is wrong.
    pub(crate) build: fn(&Settings) -> Built,
}

impl Entry {
    /// What it has in common with the kinds of other families.
    pub fn described(&self) -> Kind {
        Kind { kind: self.kind, summary: self.summary, about: self.about, settings: self.settings }
    }
}

/// An action, or every mistake in its settings.
pub(crate) type Built = Result<Arc<dyn Action>, Vec<SettingError>>;

/// What the config lets plans do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Whether actions may be of the kind `shell`. Off unless it is said.
    pub shell: bool,
}

/// What a kind does.
pub(crate) trait Action: fmt::Debug + Send + Sync {
    /// The texts of the settings in which values are filled in.
    fn filled(&self) -> Vec<Filled<'_>> {
        Vec::new()
    }

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
    /// An unknown kind, one that is not `allowed`, or every mistake in the settings.
    pub fn new(kind: &str, given: &[(String, Given)], allowed: Allowed) -> Result<Self, SpecError> {
        let entry = find(kind).ok_or_else(|| SpecError::UnknownKind { kind: kind.to_owned() })?;
        let action = Settings::build(entry.settings, given, entry.build).map_err(SpecError::Settings)?;
        let spec = Self { entry, action };
        if spec.is_within(allowed) { Ok(spec) } else { Err(SpecError::NotAllowed { kind: entry.kind }) }
    }

    /// Whether it is something that is `allowed`.
    pub fn is_within(&self, allowed: Allowed) -> bool {
        (self.entry.permitted)(allowed)
    }

    /// The labels that a target must have for it to start, with the settings that name them.
    pub fn labels(&self) -> Vec<LabelUse> {
        let of = |filled: Filled<'_>| {
            let Filled { setting, part, template } = filled;
            let labels = template.labels().map(|label| LabelUse { label: label.to_owned(), setting, part });
            labels.collect::<Vec<_>>()
        };
        self.action.filled().into_iter().flat_map(of).collect()
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

/// A label that an action takes from its target, by `${label.NAME}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelUse {
    /// The label.
    pub label: String,
    /// The setting that names it.
    pub setting: &'static str,
    /// Where in that setting.
    pub part: Part,
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
    /// It is not for plans to have.
    NotAllowed {
        /// The kind.
        kind: &'static str,
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
            Self::NotAllowed { kind } => write!(f, "the config does not allow actions of the kind {kind}"),
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
    use crate::settings::Scalar;
    use crate::settings::kind::hold;

    #[test]
    fn the_table_is_sound() {
        let kinds: Vec<_> = all().iter().map(Entry::described).collect();
        hold(&kinds, &["kind", "timeout", "retries", "repeatable"]);
    }

    fn text(text: &str) -> Given {
        Given::Scalar(Scalar { text: text.to_owned(), plain: false })
    }

    fn labels(kind: &str, given: &[(&str, Given)]) -> Vec<(String, &'static str, Part)> {
        let given: Vec<_> = given.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect();
        let spec = Spec::new(kind, &given, Allowed { shell: true }).expect("good settings");
        spec.labels().into_iter().map(|used| (used.label, used.setting, used.part)).collect()
    }

    #[test]
    fn the_labels_that_are_filled_in_are_told_with_their_places() {
        let env = Given::Map(vec![("A".into(), text("")), ("B".into(), text("${label.b}"))]);
        let argv = Given::List(vec![text("p"), text("${label.a}${target}-${label.c}")]);
        let of = |label: &str, setting, part| (label.to_owned(), setting, part);
        let expected =
            [of("a", "argv", Part::Item(1)), of("c", "argv", Part::Item(1)), of("b", "env", Part::Item(1))];
        assert_eq!(labels("exec", &[("env", env.clone()), ("argv", argv)]), expected);
        // a script is not filled in
        let script = text("echo $QUIETGATE_LABEL_A");
        assert_eq!(labels("shell", &[("script", script), ("env", env)]), expected[2..]);
        let headers = Given::Map(vec![("X-A".into(), text("${label.a}"))]);
        let json = text("{\"a\": [\"${label.b}\", 1]}");
        let request = [("url", text("http://h/${label.c}")), ("json", json), ("headers", headers)];
        let expected =
            [of("c", "url", Part::Whole), of("a", "headers", Part::Item(0)), of("b", "json", Part::Whole)];
        assert_eq!(labels("http", &request), expected);
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
