//! What `exec` and `shell` have in common: the working directory, the environment, the end, the output.

use super::super::io::Io;
use super::super::orphans::LOOKS;
use super::super::outcome::Outcome;
use super::super::process::{self, MARK, Program, Terms};
use super::super::template::{Filled, RenderError, Template};
use super::super::values::Values;
use crate::settings::{Need, Part, SettingDoc, SettingError, Settings, Shape};
use std::ffi::OsString;
use std::path::PathBuf;

/// The longest that who is asked to end may take: who waits longer is not ending it.
const LONGEST_GRACE_MS: i64 = 600_000;
/// The least output that says why something failed.
const LEAST_OUTPUT: u64 = 1 << 10;
/// Half of it may be in memory for each attempt.
const MOST_OUTPUT: u64 = 1 << 30;

pub(crate) const DIRECTORY: SettingDoc = SettingDoc {
    name: "dir",
    shape: Shape::Path,
    need: Need::Optional,
    about: "the working directory, from the folder of the plan; that folder itself where it is not given",
};

pub(crate) const ENVIRONMENT: SettingDoc = SettingDoc {
    name: "env",
    shape: Shape::TextMap,
    need: Need::Optional,
    about: "environment variables with their values, in which ${…} may stand. Besides these there are only PATH, HOME, LANG \
            and QUIETGATE_ACTION. Names that begin with LD_ are refused: they make a program run other code",
};

pub(crate) const PASS: SettingDoc = SettingDoc {
    name: "pass",
    shape: Shape::TextList { least: 0 },
    need: Need::Optional,
    about: "names of environment variables that are handed on as Quietgate itself has them, such as SSH_AUTH_SOCK. Those it \
            does not have are left out",
};

pub(crate) const GRACE: SettingDoc = SettingDoc {
    name: "grace",
    shape: Shape::Duration { min: 0, max: LONGEST_GRACE_MS },
    // enough for most programs to tidy up
    need: Need::Default("10s"),
    about: "how long processes have from SIGTERM to SIGKILL: when the time is over, when the run is aborted, and those that \
            are left behind after the end",
};

pub(crate) const KEPT: SettingDoc = SettingDoc {
    name: "output",
    shape: Shape::Size { min: LEAST_OUTPUT, max: MOST_OUTPUT },
    // enough for what a person reads, little enough for thousands of targets
    need: Need::Default("1MiB"),
    about: "how much of the output is kept: of what is more, the first half of this and the last",
};

/// The checked settings of the above.
#[derive(Debug)]
pub(crate) struct Surroundings {
    directory: Option<String>,
    environment: Vec<(String, Template)>,
    pass: Vec<String>,
    terms: Terms,
}

impl Surroundings {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Vec<SettingError>> {
        let mut errors = Vec::new();
        let mut refuse =
            |doc: &SettingDoc, part, why| errors.push(SettingError::refused(doc.name, part, why));
        let mut environment = Vec::new();
        for (place, (name, text)) in settings.map(ENVIRONMENT.name).iter().enumerate() {
            match (variable(name), Template::new(text)) {
                (Err(why), _) => refuse(&ENVIRONMENT, Part::Key(place), why),
                (_, Err(why)) => refuse(&ENVIRONMENT, Part::Item(place), format!("{name}: {why}")),
                (Ok(()), Ok(template)) => environment.push((name.clone(), template)),
            }
        }
        let pass = settings.list(PASS.name).to_vec();
        for (place, name) in pass.iter().enumerate() {
            if let Err(why) = variable(name) {
                refuse(&PASS, Part::Item(place), why);
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let terms = Terms {
            grace_ms: settings.duration_ms(GRACE.name).unwrap_or_default(),
            output: settings.size(KEPT.name).unwrap_or_default(),
        };
        Ok(Self { directory: settings.text(DIRECTORY.name).map(ToOwned::to_owned), environment, pass, terms })
    }

    /// The texts in which values are filled in.
    pub(crate) fn filled(&self) -> impl Iterator<Item = Filled<'_>> {
        let entries = self.environment.iter().enumerate();
        entries.map(|(place, (_, template))| Filled::new(ENVIRONMENT.name, Part::Item(place), template))
    }

    /// The environment for an attempt, apart from what is handed on.
    pub(crate) fn named(&self, values: &Values) -> Result<Vec<(String, String)>, RenderError> {
        let fill = |(name, template): &(String, Template)| Ok((name.clone(), template.fill(values)?));
        self.environment.iter().map(fill).collect()
    }

    /// Runs `argv`, with `more` in its environment.
    pub(crate) async fn run(
        &self,
        argv: Result<Vec<String>, RenderError>,
        more: Result<Vec<(String, String)>, RenderError>,
        values: &Values,
        io: &Io<'_>,
    ) -> Outcome {
        let (argv, more, named) = match (argv, more, self.named(values)) {
            (Ok(argv), Ok(more), Ok(named)) => (argv, more, named),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                return Outcome::not_started(error);
            }
        };
        let passed = self.pass.iter().filter_map(|name| Some((name.clone(), std::env::var_os(name)?)));
        let given = more.into_iter().chain(named).map(|(name, value)| (name, OsString::from(value)));
        let program =
            Program { argv, directory: self.folder(io), environment: passed.chain(given).collect() };
        process::run(&program, self.terms, values, io).await
    }

    fn folder(&self, io: &Io<'_>) -> PathBuf {
        self.directory.as_ref().map_or_else(|| io.base.to_owned(), |folder| io.base.join(folder))
    }
}

/// Says why `name` may not be the name of an environment variable.
pub(crate) fn variable(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(good) {
        return Err(format!("{name:?} is no name of a variable: letters, digits and _, no digit first"));
    }
    if name.starts_with("LD_") || [MARK, LOOKS].contains(&name) {
        return Err(format!("{name} is not to be set"));
    }
    Ok(())
}
