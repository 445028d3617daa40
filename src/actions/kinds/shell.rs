//! `shell`: runs a script by `/bin/sh`, which gets values only as environment variables.

use super::super::io::Io;
use super::super::registry::{Action, Built, Entry, Running};
use super::super::template::{Filled, Piece, RenderError, Template};
use super::super::values::Values;
use super::surroundings::{DIRECTORY, ENVIRONMENT, GRACE, KEPT, PASS, Surroundings};
use crate::settings::{Need, Part, SettingDoc, SettingError, Settings, Shape};
use std::collections::BTreeMap;
use std::sync::Arc;

const SCRIPT: SettingDoc = SettingDoc {
    name: "script",
    shape: Shape::Text,
    need: Need::Required,
    about: "what /bin/sh runs, as it stands: nothing is filled in. The values are in $QUIETGATE_TARGET, $QUIETGATE_ADDRESS, \
            $QUIETGATE_STEP, $QUIETGATE_RUN, $QUIETGATE_PLAN, $QUIETGATE_ATTEMPT, and label NAME in $QUIETGATE_LABEL_NAME. \
            Put them in double quotes",
};

pub(crate) const ENTRY: Entry = Entry {
    kind: "shell",
    summary: "runs a script by /bin/sh, where the config allows it",
    about: "Succeeds with exit code 0, which is that of the last command of the script, so begin with set -eu. As exec, apart \
            from that. A shell takes values apart again that are not quoted: prefer exec.",
    settings: &[SCRIPT, DIRECTORY, ENVIRONMENT, PASS, GRACE, KEPT],
    permitted: |allowed| allowed.shell,
    build,
};

fn build(settings: &Settings) -> Built {
    let script = settings.text(SCRIPT.name).unwrap_or_default();
    let errors = refused(script).map(|why| SettingError::refused(SCRIPT.name, Part::Whole, why));
    let errors: Vec<_> = errors.into_iter().collect();
    match Surroundings::new(settings) {
        Ok(surroundings) if errors.is_empty() => {
            Ok(Arc::new(Shell { script: script.to_owned(), surroundings }))
        }
        Ok(_) => Err(errors),
        Err(more) => Err(errors.into_iter().chain(more).collect()),
    }
}

/// Why `script` is not run: it has a NUL byte or nothing in it, or a `${…}` of ours, which would be a variable of the shell and
/// empty.
fn refused(script: &str) -> Option<String> {
    if script.trim().is_empty() {
        return Some("there is nothing in it".to_owned());
    }
    if script.contains('\0') {
        return Some("a NUL byte, which no program can be given".to_owned());
    }
    let ours = script.match_indices("${").find_map(|(at, _)| {
        let end = script[at..].find('}')? + 1;
        let place = &script[at..at + end];
        let template = Template::new(place).ok()?;
        matches!(template.parts(), [Piece::Place(_)]).then_some(place)
    })?;
    Some(format!("nothing is filled in here: write \"$QUIETGATE_…\" in place of {ours}"))
}

#[derive(Debug)]
struct Shell {
    script: String,
    surroundings: Surroundings,
}

impl Action for Shell {
    fn filled(&self) -> Vec<Filled<'_>> {
        self.surroundings.filled().collect()
    }

    fn rendered(&self, values: &Values) -> Result<String, RenderError> {
        let mut variables: BTreeMap<_, _> = variables(values)?.into_iter().collect();
        variables.extend(self.surroundings.named(values)?);
        Ok(serde_json::json!({"script": self.script, "env": variables}).to_string())
    }

    fn run<'a>(&'a self, values: &'a Values, io: &'a Io<'a>) -> Running<'a> {
        let argv = ["/bin/sh", "-c", &self.script].map(str::to_owned).to_vec();
        Box::pin(self.surroundings.run(Ok(argv), variables(values), values, io))
    }
}

/// The values as environment variables.
fn variables(values: &Values) -> Result<Vec<(String, String)>, RenderError> {
    let attempt = values.attempt.to_string();
    let plain = [
        ("TARGET", &values.target),
        ("ADDRESS", &values.address),
        ("STEP", &values.step),
        ("RUN", &values.run),
        ("PLAN", &values.plan),
        ("ATTEMPT", &attempt),
    ];
    let mut all: Vec<_> =
        plain.into_iter().map(|(name, value)| (format!("QUIETGATE_{name}"), value.clone())).collect();
    for (label, value) in &values.labels {
        let tame = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name = format!("QUIETGATE_LABEL_{}", label.chars().map(tame).collect::<String>());
        if all.iter().any(|(other, _)| *other == name) {
            return Err(RenderError::SameVariable { name });
        }
        all.push((name, value.clone()));
    }
    if all.iter().any(|(_, value)| value.contains('\0')) {
        return Err(RenderError::Nul);
    }
    Ok(all)
}
