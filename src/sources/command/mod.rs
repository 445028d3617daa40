//! Samples from a program that prints them.

mod lines;

use super::exposition::{Growth, Query};
use super::limits::{self, Limits};
use super::server::one_line;
use super::source::{Answer, Ask, Fetching, Labels, SeriesSamples, Source, labels_in_words};
use super::{Entry, SourceError, Trouble};
use crate::actions::{Bounds, Cage, Captured, End, Program, capture, variable};
use crate::settings::units::Size;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text::counted;
use quietgate_detectors::{Interval, Sample};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A program.
pub(super) const ENTRY: Entry = Entry {
    kind: "command",
    summary: "A program that prints samples and ends",
    about: "The program is run at each asking, never by a shell, with a clean environment and nothing on standard input; all that \
        it starts is ended with it. It prints lines at,value (times as backtest reads them), or lines of an exposition page, \
        whose name may be missing: load{cpu=\"0\"} 0.5, or {vip=\"a\"} 12. These have the time of asking, or their own in \
        milliseconds behind the value. Another exit code than 0, a line that cannot be read, and output beyond a limit make \
        the series unknown(source_down): nothing of it is used. There is no look-back but what it prints.",
    query: "a selector such as load{cpu=\"0\"}; without it all that it prints",
    settings: SETTINGS,
    fits,
    asks,
    no_counts: |_, _| None,
    lag_ms: |_| 0,
    build,
};

const SETTINGS: &[SettingDoc] = &[
    SettingDoc {
        name: "argv",
        shape: Shape::TextList { least: 1 },
        need: Need::Required,
        about: "the program and its arguments, one element each. A program with a / in its name lies relative to the working \
                directory, any other in PATH",
    },
    SettingDoc {
        name: "dir",
        shape: Shape::Path,
        need: Need::Default("."),
        about: "the working directory, from the folder of the config",
    },
    SettingDoc {
        name: "env",
        shape: Shape::TextMap,
        need: Need::Optional,
        about: "environment variables with their values. Besides these there are only PATH, HOME, LANG and QUIETGATE_ACTION. They \
                are no place for secrets",
    },
    SettingDoc {
        name: "pass",
        shape: Shape::TextList { least: 0 },
        need: Need::Optional,
        about: "names of environment variables that are handed on as Quietgate itself has them",
    },
    SettingDoc {
        name: "timeout",
        shape: Shape::Duration { min: 100, max: 60_000 },
        need: Need::Default("10s"),
        about: "the longest that it may run; then it is ended, and what it printed is not used",
    },
    SettingDoc {
        name: "grace",
        shape: Shape::Duration { min: 0, max: 60_000 },
        // what only reads has little to tidy up
        need: Need::Default("1s"),
        about: "how long its processes have from SIGTERM to SIGKILL, when the time is over and where some are left at the end",
    },
    SettingDoc {
        name: "max_output",
        shape: Shape::Size { min: 1 << 10, max: 1 << 30 },
        need: Need::Default("4MiB"),
        about: "the most that it may print",
    },
    limits::SERIES,
    limits::LABELS,
    limits::LABEL_LENGTH,
];

fn fits(settings: &Settings) -> Result<(), String> {
    if settings.list("argv").first().is_some_and(String::is_empty) {
        return Err("argv: the program has no name".to_owned());
    }
    if settings.list("argv").iter().any(|argument| argument.contains('\0')) {
        return Err("argv has a NUL, which no argument can have".to_owned());
    }
    if let Some((name, _)) = settings.map("env").iter().find(|(_, value)| value.contains('\0')) {
        return Err(format!("env: {name} has a NUL, which no variable can have"));
    }
    settings
        .map("env")
        .iter()
        .try_for_each(|(name, _)| variable(name).map_err(|why| format!("env: {why}")))?;
    settings.list("pass").iter().try_for_each(|name| variable(name).map_err(|why| format!("pass: {why}")))
}

fn asks(query: Option<&str>) -> Result<(), String> {
    selector(query).map(drop)
}

/// What of the output is wanted; all where there is nothing.
fn selector(query: Option<&str>) -> Result<Option<Query>, String> {
    let query = query.map(Query::new).transpose()?;
    if query.as_ref().is_some_and(|query| query.growth != Growth::ByType) {
        return Err(
            "query is rate(…) or increase(…), allowed is a selector alone: a program prints what is meant"
                .to_owned(),
        );
    }
    Ok(query)
}

fn build(settings: &Settings) -> Result<Box<dyn Source>, SourceError> {
    let bounds = Bounds {
        timeout_ms: settings.duration_ms("timeout").unwrap_or_default(),
        grace_ms: settings.duration_ms("grace").unwrap_or_default(),
        output: settings.size("max_output").unwrap_or_default(),
    };
    Ok(Box::new(Command {
        argv: settings.list("argv").to_vec(),
        directory: settings.path("dir").unwrap_or_else(|| Path::new(".")).to_owned(),
        environment: settings.map("env").to_vec(),
        pass: settings.list("pass").to_vec(),
        bounds,
        limits: Limits::of(settings),
        cage: Cage::detect(),
    }))
}

#[derive(Debug)]
struct Command {
    argv: Vec<String>,
    directory: PathBuf,
    environment: Vec<(String, String)>,
    pass: Vec<String>,
    bounds: Bounds,
    limits: Limits,
    cage: Cage,
}

impl Source for Command {
    /// Each asking runs the program.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        interval.as_millis()
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            let query =
                selector(ask.query.as_deref()).map_err(|what| self.error(Trouble::BadQuery { what }))?;
            let captured = capture(&self.program(), self.bounds, &self.cage).await;
            self.held(&captured)?;
            let bad = |what| self.error(Trouble::BadAnswer { what });
            let found = lines::read(&captured.output.bytes, query.as_ref(), ask).map_err(bad)?;
            let mut answer = self.answer(found, ask)?;
            if !captured.survivors.is_empty() {
                answer.warnings.push(format!("left behind after its end: {}", captured.survivors.join(", ")));
                answer.complete = false;
            }
            Ok(answer)
        })
    }
}

impl Command {
    fn error(&self, trouble: Trouble) -> SourceError {
        SourceError::new(self.name(), trouble)
    }

    /// What messages call it: arguments may be long, and may be secret.
    fn name(&self) -> Cow<'_, str> {
        crate::text::plain(&self.argv[0])
    }

    fn program(&self) -> Program {
        let passed = self.pass.iter().filter_map(|name| Some((name.clone(), std::env::var_os(name)?)));
        let given = self.environment.iter().map(|(name, value)| (name.clone(), OsString::from(value)));
        Program {
            argv: self.argv.clone(),
            directory: self.directory.clone(),
            environment: passed.chain(given).collect(),
        }
    }

    /// Refuses what a program printed that did not end well, or that printed too much.
    fn held(&self, captured: &Captured) -> Result<(), SourceError> {
        let said = || one_line(String::from_utf8_lossy(&captured.errors.bytes).trim());
        match &captured.end {
            End::Succeeded => {}
            End::TimedOut => return Err(self.error(Trouble::Late { limit_ms: self.bounds.timeout_ms })),
            end => return Err(self.error(Trouble::Program { how: end.to_string(), said: said() })),
        }
        if captured.output.is_whole() {
            return Ok(());
        }
        let what = counted(captured.output.total, "byte of output", "bytes of output");
        let limit = format!("{} (max_output)", Size(self.bounds.output));
        Err(self.error(Trouble::TooMuch { what, limit }))
    }

    fn answer(&self, found: Vec<(Labels, Sample)>, ask: &Ask) -> Result<Answer, SourceError> {
        let mut series = BTreeMap::<Labels, Vec<Sample>>::new();
        for (labels, sample) in found {
            self.limits.hold_labels(&labels, &self.name())?;
            series.entry(labels).or_default().push(sample);
        }
        self.limits.hold_series(series.len(), &self.name())?;
        // a clock that is a little ahead is no reason to leave its samples out
        let latest = ask.until.as_millis().saturating_add(ask.interval.as_millis());
        let (mut told, mut ahead) = (Vec::new(), 0_u64);
        for (labels, mut samples) in series {
            samples.sort_by_key(|sample| sample.at);
            if samples.windows(2).any(|two| two[0].at == two[1].at) {
                return Err(self.error(Trouble::Duplicate { series: labels_in_words(&labels) }));
            }
            let known = samples.len();
            samples.retain(|sample| sample.at.as_millis() <= latest);
            ahead += (known - samples.len()) as u64;
            samples.retain(|sample| sample.at > ask.from);
            told.extend((!samples.is_empty()).then_some(SeriesSamples { labels, samples }));
        }
        let lie = counted(ahead, "sample lies", "samples lie");
        let words = || format!("{lie} more than an interval after the time of asking: the clocks differ");
        let warnings: Vec<_> = (ahead > 0).then(words).into_iter().collect();
        Ok(Answer { series: told, complete: warnings.is_empty(), warnings })
    }
}
