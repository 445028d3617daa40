//! `exec`: runs a program with its arguments, never by a shell.

use super::super::io::Io;
use super::super::registry::{Action, Entry, Running};
use super::super::settings::{Need, SettingDoc, SettingError, Settings, Shape};
use super::super::template::{RenderError, Template};
use super::super::values::Values;
use super::surroundings::{DIRECTORY, ENVIRONMENT, GRACE, KEPT, PASS, Surroundings};
use std::sync::Arc;

const ARGV: SettingDoc = SettingDoc {
    name: "argv",
    shape: Shape::Texts,
    need: Need::Required,
    about: "The program and its arguments, one element each; ${…} is filled in within an element and never makes two of one. \
            A program with a / in its name lies relative to the working directory, any other in PATH.",
};

pub(crate) const ENTRY: Entry = Entry {
    kind: "exec",
    summary: "runs a program with its arguments, never by a shell",
    about: "Succeeds with exit code 0. The program has nothing to read on standard input, a clean environment and no other \
            open files; all that it starts is ended with it, also what a success leaves behind.",
    settings: &[ARGV, DIRECTORY, ENVIRONMENT, PASS, GRACE, KEPT],
    build,
};

fn build(
    settings: &Settings,
    _: super::super::registry::Allowed,
) -> Result<Arc<dyn Action>, Vec<SettingError>> {
    let mut errors = Vec::new();
    let mut argv = Vec::new();
    for text in settings.texts(ARGV.name) {
        match Template::new(text) {
            Ok(template) => argv.push(template),
            Err(why) => errors.push(SettingError::wrong(ARGV.name, why)),
        }
    }
    match argv.first() {
        None if errors.is_empty() => {
            errors.push(SettingError::wrong(ARGV.name, "expected a program, at least"))
        }
        Some(program) if !program.is_literal() => {
            errors.push(SettingError::wrong(
                ARGV.name,
                "the program must be fixed: no ${…} in the first element",
            ));
        }
        Some(program) if program.parts().is_empty() => {
            errors.push(SettingError::wrong(ARGV.name, "the program has no name"));
        }
        _ => {}
    }
    match Surroundings::new(settings) {
        Ok(surroundings) if errors.is_empty() => Ok(Arc::new(Exec { argv, surroundings })),
        Ok(_) => Err(errors),
        Err(more) => Err(errors.into_iter().chain(more).collect()),
    }
}

#[derive(Debug)]
struct Exec {
    argv: Vec<Template>,
    surroundings: Surroundings,
}

impl Exec {
    fn argv(&self, values: &Values) -> Result<Vec<String>, RenderError> {
        self.argv.iter().map(|element| element.fill_argument(values)).collect()
    }
}

impl Action for Exec {
    fn rendered(&self, values: &Values) -> Result<String, RenderError> {
        // what of the environment cannot be filled in would keep it from starting as well
        self.surroundings.named(values)?;
        Ok(serde_json::Value::from(self.argv(values)?).to_string())
    }

    fn run<'a>(&'a self, values: &'a Values, io: &'a Io<'a>) -> Running<'a> {
        Box::pin(self.surroundings.run(self.argv(values), Ok(Vec::new()), values, io))
    }
}
