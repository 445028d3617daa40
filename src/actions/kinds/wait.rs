//! `wait`: lets time pass, and succeeds.

use super::super::io::Io;
use super::super::outcome::{End, Outcome};
use super::super::registry::{Action, Entry, Running};
use super::super::template::RenderError;
use super::super::values::Values;
use crate::settings::{Need, SettingDoc, Shape};
use std::sync::Arc;
use std::time::Duration;

/// The longest wait: four weeks. What is longer is a plan of its own.
const LONGEST_MS: i64 = 28 * 86_400_000;

pub(crate) const ENTRY: Entry = Entry {
    kind: "wait",
    summary: "lets a fixed time pass, and succeeds",
    about: "For what needs time and tells nobody when it is done. To wait until the series are calm there is the gate, and \
            to wait after a step its soak. The time limit of the action holds here too: a longer wait is timed_out.",
    settings: &[SettingDoc {
        name: "duration",
        shape: Shape::Duration { min: 0, max: LONGEST_MS },
        need: Need::Required,
        about: "how long",
    }],
    permitted: |_| true,
    build: |settings| Ok(Arc::new(Wait { ms: settings.duration_ms("duration").unwrap_or_default() })),
};

#[derive(Debug)]
struct Wait {
    ms: i64,
}

impl Action for Wait {
    fn rendered(&self, _: &Values) -> Result<String, RenderError> {
        Ok(format!("wait {}ms", self.ms))
    }

    fn run<'a>(&'a self, _: &'a Values, io: &'a Io<'a>) -> Running<'a> {
        let milliseconds = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        Box::pin(async move {
            let end = tokio::select! {
                biased;
                () = io.cancel.asked() => End::Cancelled,
                () = tokio::time::sleep(milliseconds(self.ms)) => End::Succeeded,
                () = tokio::time::sleep(milliseconds(io.timeout_ms)) => End::TimedOut,
            };
            Outcome::without_output(end)
        })
    }
}
