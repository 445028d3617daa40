//! `quietgate probe`: asks one source of a config as its signals would, and prints what it gives now. Nothing is judged.

use super::exit::{End, Failure};
use super::format::Format;
use super::online::{Answers, Question, Told, answers};
use crate::clock;
use crate::config::Config;
use crate::config::read_text;
use crate::settings::units::Duration;
use crate::sources::{Answer, Ask, SeriesSamples, labels_in_words};
use crate::text;
use clap::Args;
use quietgate_detectors::{Interval, Timestamp};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// What `quietgate probe` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ProbeArgs {
    /// The source, by its name in the config
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The config that has the source
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    /// Ask for this, in the source's own language, instead of what the signals ask for
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// The interval to ask at with --query
    #[arg(long, value_name = "DURATION", default_value = "10s", requires = "query")]
    interval: Duration,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "Of each series its newest sample is told. What grows is told from the second asking on: then the source is asked \
    again after half an interval or more, 55 seconds at most. Growth that is not by the second is by the interval that is \
    named, whatever time lay between.\n\
    Exit codes: 0 each question was answered in full; 1 one was not; 2 bad usage or input.";

/// Writes to `out` what the source of `args` gives now.
///
/// # Errors
/// A config with mistakes, a source that it does not have or that no signal asks, a query that is none; where `out` cannot be
/// written.
pub(crate) fn run(args: &ProbeArgs, out: &mut dyn Write) -> Result<End, Failure> {
    let file = args.config.display().to_string();
    let text = read_text(&args.config).map_err(|why| Failure::Input(format!("{file}: {why}")))?;
    let config = Config::read(&file, &text).map_err(Failure::because)?;
    let questions = questions(args, &config, clock::now())?;
    let names: Vec<_> =
        questions.iter().map(|question| (question.signal.clone(), question.ask.interval)).collect();
    let Told { answers, heard } = answers(&config, &file, questions)?;
    for (name, interval) in &names {
        match args.format {
            Format::Text => write_text(name, *interval, &answers, out)?,
            Format::Json => writeln!(out, "{}", json_of(name, *interval, &answers))?,
        }
    }
    for words in heard.values().flatten() {
        match args.format {
            Format::Text => writeln!(out, "{}", text::plain(words))?,
            Format::Json => writeln!(out, "{}", json!({"source": args.source, "heard": words}))?,
        }
    }
    let is_whole = |name: &String| matches!(answers.get(name), Some(Ok(answer)) if answer.complete);
    Ok(if names.iter().all(|(name, _)| is_whole(name)) { End::Done } else { End::Aborted })
}

/// What is asked at `now`: what the arguments say, or what each signal of the source does.
fn questions(args: &ProbeArgs, config: &Config, now: Timestamp) -> Result<Vec<Question>, Failure> {
    let name = &args.source;
    let Some(source) = config.sources.iter().find(|source| source.name == *name) else {
        let known: Vec<_> = config.sources.iter().map(|source| source.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::Input(format!("the config has no source {name:?}; there is {known}")));
    };
    if let Some(query) = &args.query {
        source.spec.check_query(Some(query)).map_err(Failure::Input)?;
        let ms = args.interval.as_millis();
        let interval =
            Interval::from_millis(ms).map_err(|error| Failure::Input(format!("--interval: {error}")))?;
        let from = Timestamp::from_millis(now.as_millis().saturating_sub(2 * ms));
        let ask = Ask { query: Some(query.clone()), from, until: now, interval };
        return Ok(vec![Question { signal: query.clone(), source: name.clone(), ask }]);
    }
    let own = config.signals.iter().filter(|signal| signal.source.as_ref() == Some(name));
    let questions: Vec<_> = own.filter_map(|signal| Question::of(signal, now)).collect();
    if questions.is_empty() {
        return Err(Failure::Input(format!(
            "no signal asks the source {name:?}: say with --query what to ask for"
        )));
    }
    Ok(questions)
}

fn write_text(name: &str, interval: Interval, answers: &Answers, out: &mut dyn Write) -> io::Result<()> {
    let answer = match answers.get(name) {
        Some(Ok(answer)) => answer,
        Some(Err(why)) => return writeln!(out, "{}: no answer: {why}", text::plain(name)),
        None => return Ok(()),
    };
    let part = if answer.complete { "" } else { ", in part" };
    let series = text::counted(answer.series.len() as u64, "series", "series");
    let interval = text::duration(interval.as_millis());
    writeln!(out, "{}: {series}{part}, interval {interval}", text::plain(name))?;
    for series in &answer.series {
        let labels = labels_in_words(&series.labels);
        match series.samples.last() {
            Some(newest) => {
                writeln!(out, "  {labels} {} at {}", newest.value, text::rfc3339(newest.at.as_millis()))?;
            }
            None => writeln!(out, "  {labels} no sample")?,
        }
    }
    answer.warnings.iter().try_for_each(|warning| writeln!(out, "  warning: {}", text::plain(warning)))
}

/// The same as one JSON object; a value that is no number is null.
fn json_of(name: &str, interval: Interval, answers: &Answers) -> Value {
    match answers.get(name) {
        Some(Ok(Answer { series, warnings, complete, .. })) => {
            let series: Vec<_> = series.iter().map(series_json).collect();
            let interval_ms = interval.as_millis();
            json!({"signal": name, "interval_ms": interval_ms, "complete": complete, "warnings": warnings, "series": series})
        }
        other => {
            let why = other.and_then(|answer| answer.as_ref().err());
            json!({"signal": name, "complete": false, "error": why})
        }
    }
}

fn series_json(series: &SeriesSamples) -> Value {
    let newest = series.samples.last();
    let at = newest.map(|sample| text::rfc3339(sample.at.as_millis()));
    json!({"labels": series.labels, "at": at, "value": newest.map(|sample| sample.value)})
}
