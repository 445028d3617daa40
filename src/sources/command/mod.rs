//! Samples from a program that prints them.

#[cfg(any(fuzzing, test))]
pub(super) mod fuzzing;
mod lines;

use super::aside::aside;
use super::error::one_line;
use super::exposition::{Growth, Query};
use super::limits::{self, Limits};
use super::source::{Answer, Ask, Fetching, SeriesSamples, Source, labels_in_words};
use super::{Entry, SourceError, Trouble};
use crate::actions::{Bounds, Cage, Captured, End, Program, capture, variable};
use crate::labels::Table;
use crate::settings::units::Size;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text::counted;
use quietgate_detectors::{Interval, Sample};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

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
    let argv = settings.list("argv");
    let printed = Printed {
        // arguments may be long, and may be secret
        name: crate::text::plain(argv.first().map_or("", String::as_str)).into_owned(),
        limits: Limits::of(settings),
    };
    Ok(Box::new(Command {
        argv: argv.to_vec(),
        directory: settings.path("dir").unwrap_or_else(|| Path::new(".")).to_owned(),
        environment: settings.map("env").to_vec(),
        pass: settings.list("pass").to_vec(),
        bounds,
        printed,
        turn: Arc::new(Semaphore::new(1)),
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
    printed: Printed,
    /// One output is read at a time: a large one takes a while.
    turn: Arc<Semaphore>,
    cage: Cage,
}

/// What is made of what was printed.
#[derive(Debug, Clone)]
struct Printed {
    /// What messages call the program.
    name: String,
    limits: Limits,
}

impl Source for Command {
    /// Each asking runs the program.
    fn asked_every_ms(&self, interval: Interval) -> i64 {
        interval.as_millis()
    }

    fn fetch<'a>(&'a self, ask: &'a Ask) -> Fetching<'a> {
        Box::pin(async {
            let query = selector(ask.query.as_deref());
            let query = query.map_err(|what| self.printed.error(Trouble::BadQuery { what }))?;
            let captured = capture(&self.program(), self.bounds, &self.cage).await;
            self.held(&captured)?;
            let mut answer = self.read(captured.output.bytes, query, ask.clone()).await?;
            if !captured.survivors.is_empty() {
                answer.warnings.push(format!("left behind after its end: {}", captured.survivors.join(", ")));
                answer.complete = false;
            }
            Ok(answer)
        })
    }
}

impl Command {
    /// Reads the output aside: nothing else waits for it, and where nobody waits any more it is not read by two at a time.
    async fn read(&self, output: Vec<u8>, query: Option<Query>, ask: Ask) -> Result<Answer, SourceError> {
        let printed = self.printed.clone();
        let failed = |what: String| self.printed.error(Trouble::BadAnswer { what });
        let read = aside(&self.turn, move || printed.answer(&output, query.as_ref(), &ask)).await;
        read.map_err(|error| failed(error.to_string()))?
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
            End::TimedOut => {
                return Err(self.printed.error(Trouble::Late { limit_ms: self.bounds.timeout_ms }));
            }
            end => return Err(self.printed.error(Trouble::Program { how: end.to_string(), said: said() })),
        }
        if captured.output.is_whole() {
            return Ok(());
        }
        let what = counted(captured.output.total, "byte of output", "bytes of output");
        let limit = format!("{} (max_output)", Size(self.bounds.output));
        Err(self.printed.error(Trouble::TooMuch { what, limit }))
    }
}

impl Printed {
    fn error(&self, trouble: Trouble) -> SourceError {
        SourceError::new(self.name.as_str(), trouble)
    }

    fn answer(&self, output: &[u8], query: Option<&Query>, ask: &Ask) -> Result<Answer, SourceError> {
        let bad = |what| self.error(Trouble::BadAnswer { what });
        let found = lines::read(output, query, ask, self.limits.labels as usize).map_err(bad)?;
        let mut series = Table::<Vec<Sample>>::new();
        for (labels, sample) in found {
            self.limits.hold_labels(&labels, &self.name)?;
            series.entry(labels).1.push(sample);
        }
        self.limits.hold_series(series.len(), &self.name)?;
        // a clock that is a little ahead is no reason to leave its samples out
        let latest = ask.until.as_millis().saturating_add(ask.interval.as_millis());
        let (mut told, mut ahead) = (Vec::new(), 0_u64);
        for (labels, mut samples) in series.into_order() {
            samples.sort_by_key(|sample| sample.at);
            if samples.windows(2).any(|two| two[0].at == two[1].at) {
                return Err(self.error(Trouble::Duplicate { series: labels_in_words(&labels) }));
            }
            let known = samples.len();
            samples.retain(|sample| sample.at.as_millis() <= latest);
            ahead += (known - samples.len()) as u64;
            samples.retain(|sample| sample.at > ask.from);
            // one whose samples are all old is there, and has none
            told.push(SeriesSamples { labels, samples });
        }
        let lie = counted(ahead, "sample lies", "samples lie");
        let words = || format!("{lie} more than an interval after the time of asking: the clocks differ");
        let warnings: Vec<_> = (ahead > 0).then(words).into_iter().collect();
        Ok(Answer { series: told, complete: warnings.is_empty(), warnings, ..Answer::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Given;
    use quietgate_detectors::Timestamp;
    use std::time::Duration;

    #[test]
    fn one_output_is_read_at_a_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let turn = Arc::new(Semaphore::new(1));
            let command = Command {
                argv: vec!["true".to_owned()],
                directory: PathBuf::from("."),
                environment: Vec::new(),
                pass: Vec::new(),
                bounds: Bounds { timeout_ms: 60_000, grace_ms: 0, output: 1 << 10 },
                printed: Printed {
                    name: "true".to_owned(),
                    limits: Limits { series: 9, labels: 9, label_bytes: 99 },
                },
                turn: Arc::clone(&turn),
                cage: Cage::detect(),
            };
            let ask = Ask {
                query: None,
                from: Timestamp::from_millis(0),
                until: Timestamp::from_millis(9_000),
                interval: Interval::from_millis(1_000).expect("in range"),
            };
            let other = turn.acquire_owned().await.expect("open");
            let mut waits = std::pin::pin!(command.read(b"{} 1\n{a=\"b\"} 1 0\n".to_vec(), None, ask));
            let short = tokio::time::timeout(Duration::from_millis(200), &mut waits).await;
            assert!(short.is_err(), "somebody else has the turn");
            drop(other);
            let answer = waits.await.expect("good lines");
            let samples: Vec<_> = answer.series.iter().map(|series| series.samples.len()).collect();
            assert_eq!(samples, [1, 0], "what is older than wanted is there, without a sample");
        });
    }

    #[test]
    fn an_output_with_very_many_labels_is_refused() {
        let labels: Vec<_> = (0..70).map(|i| format!("l{i}=\"\"")).collect();
        let given = [("argv".to_owned(), Given::List(vec![Given::plain("true")]))];
        let settings = Settings::check(SETTINGS, &given).expect("good settings");
        let printed = Printed { name: "p".to_owned(), limits: Limits::of(&settings) };
        let ask = Ask {
            query: None,
            from: Timestamp::from_millis(0),
            until: Timestamp::from_millis(9_000),
            interval: Interval::from_millis(1_000).expect("in range"),
        };
        let output = format!("{{{}}} 1\n", labels.join(","));
        let error = printed.answer(output.as_bytes(), None, &ask).expect_err("too many");
        assert!(error.to_string().ends_with("line 1 has more than 64 labels (max_labels)"), "{error}");
    }
}
