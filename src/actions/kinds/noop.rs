//! `noop`: does nothing, and succeeds.

use super::super::io::Io;
use super::super::outcome::{End, Outcome};
use super::super::registry::{Action, Entry, Running};
use super::super::template::RenderError;
use super::super::values::Values;
use std::sync::Arc;

pub(crate) const ENTRY: Entry = Entry {
    kind: "noop",
    summary: "does nothing, and succeeds",
    about: "For a step that only waits for its gates, or for a person's approval, and to try a plan without touching \
            anything.",
    settings: &[],
    permitted: |_| true,
    build: |_| Ok(Arc::new(Noop)),
};

#[derive(Debug)]
struct Noop;

impl Action for Noop {
    fn rendered(&self, _: &Values) -> Result<String, RenderError> {
        Ok("noop".to_owned())
    }

    fn run<'a>(&'a self, _: &'a Values, _: &'a Io<'a>) -> Running<'a> {
        Box::pin(async { Outcome::without_output(End::Succeeded) })
    }
}
