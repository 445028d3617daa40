//! `exec`: runs a program with its arguments, never by a shell.

use super::super::io::Io;
use super::super::registry::{Action, Built, Entry, Running};
use super::super::template::{Filled, RenderError, Template};
use super::super::values::Values;
use super::surroundings::{DIRECTORY, ENVIRONMENT, GRACE, KEPT, PASS, Surroundings};
use crate::settings::{Need, Part, SettingDoc, SettingError, Settings, Shape};
use std::sync::Arc;

const ARGV: SettingDoc = SettingDoc {
    name: "argv",
    shape: Shape::TextList { least: 1 },
    need: Need::Required,
    about: "the program and its arguments, one element each; ${…} is filled in within an element and never makes two of one. \
            A program with a / in its name lies relative to the working directory, any other in PATH",
};

pub(crate) const ENTRY: Entry = Entry {
    kind: "exec",
    summary: "runs a program with its arguments, never by a shell",
    about: "Succeeds with exit code 0. The program has nothing to read on standard input, a clean environment and no other \
            open files; all that it starts is ended with it, also what a success leaves behind.",
    settings: &[ARGV, DIRECTORY, ENVIRONMENT, PASS, GRACE, KEPT],
    permitted: |_| true,
    build,
};

fn build(settings: &Settings) -> Built {
    let mut errors = Vec::new();
    let mut argv = Vec::new();
    for (place, text) in settings.list(ARGV.name).iter().enumerate() {
        let element = Template::new(text).map_err(|why| why.to_string()).and_then(|element| {
            if place == 0 {
                program(&element)?
            }
            Ok(element)
        });
        match element {
            Ok(element) => argv.push(element),
            Err(why) => errors.push(SettingError::refused(ARGV.name, Part::Item(place), why)),
        }
    }
    match Surroundings::new(settings) {
        Ok(surroundings) if errors.is_empty() => Ok(Arc::new(Exec { argv, surroundings })),
        Ok(_) => Err(errors),
        Err(more) => Err(errors.into_iter().chain(more).collect()),
    }
}

/// Says why the first element is not what it must be: fixed, and a name.
fn program(element: &Template) -> Result<(), &'static str> {
    match element.parts() {
        [] => Err("the program has no name"),
        _ if element.is_literal() => Ok(()),
        _ => Err("the program must be fixed: no ${…} in the first element"),
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
    fn filled(&self) -> Vec<Filled<'_>> {
        let argv = self.argv.iter().enumerate();
        let argv = argv.map(|(place, element)| Filled::new(ARGV.name, Part::Item(place), element));
        argv.chain(self.surroundings.filled()).collect()
    }

    fn rendered(&self, values: &Values) -> Result<String, RenderError> {
        // what of the environment cannot be filled in would keep it from starting as well
        self.surroundings.named(values)?;
        Ok(serde_json::Value::from(self.argv(values)?).to_string())
    }

    fn run<'a>(&'a self, values: &'a Values, io: &'a Io<'a>) -> Running<'a> {
        Box::pin(self.surroundings.run(self.argv(values), Ok(Vec::new()), values, io))
    }
}
