//! `quietgate backtest`: judges recorded series.

use super::exit::{End, Failure};
use super::input::InputArgs;
use super::judging::{Judging, JudgingArgs};
use super::progress::Progress;
use super::reporting::Again;
use crate::backtest::labels::Labels;
use crate::backtest::output::{self, AllRows, Format};
use crate::backtest::report::{FaultLine, FindingView, Report, SeriesSummary, Span};
use crate::backtest::score::{Found, Scores};
use crate::backtest::{self, BacktestError, Outcome, Task, Want, summary};
use crate::config;
use crate::monitor::MonitorSpec;
use crate::sources::recorded::{self, FaultKind, Recording, SeriesInfo};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use quietgate_detectors::{Interval, Keep, Timestamp};
use quietgate_rules::RuleSpec;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Judge recorded series: what would have been called an anomaly, why, and how good those calls are against labels
#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    /// When series were truly anomalous: JSON `{"series": [["from","to"], ...]}` or CSV `series,from,to`
    #[arg(long, value_name = "FILE", help_heading = "What to write")]
    labels: Option<String>,
    /// The form of the output: findings as text, JSON lines or CSV
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "What to write")]
    format: FormatArg,
    /// Write one row a sample, with the verdict of each detector and rule, in place of the findings
    #[arg(long, help_heading = "What to write")]
    all: bool,
    /// Write report.html and findings.json into this directory
    #[arg(long, value_name = "DIR", help_heading = "What to write")]
    report: Option<PathBuf>,
    /// The most findings with a picture in the report: those that went furthest
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = "What to write")]
    report_findings: usize,
    /// How many series are judged at once; else as many as there are processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// The form of what is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    /// For people
    Text,
    /// One JSON object a line
    Json,
    /// A table with a header
    Csv,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Text => Self::Text,
            FormatArg::Json => Self::Json,
            FormatArg::Csv => Self::Csv,
        }
    }
}

pub(crate) fn run(args: &BacktestArgs) -> Result<End, Failure> {
    let judging = args.judging.read()?;
    let labels = args.labels.as_deref().map(read_labels).transpose()?;
    if args.all && !judging.one_rule() {
        let message = "--all needs one rule for all series; name a signal with --signal".to_owned();
        return Err(Failure::Input(message));
    }
    let progress = Progress::begin()?;
    let threads = args.threads.map_or_else(processors, usize::from);
    progress.reading(recorded::total_bytes(&args.input.input).map_err(Failure::because)?);
    let options = args.input.options(threads)?;
    let recording = recorded::load(&args.input.input, &options, &progress).map_err(Failure::because)?;
    check_labels(labels.as_ref(), &recording)?;
    let mut gathered = Gathered::new(args, labels);
    let complete = judge(args, &judging, &recording, threads, &progress, &mut gathered)?;
    progress.end();
    let interrupted = !complete || recording.interrupted();
    finish(args, &judging, &recording, gathered, interrupted)?;
    Ok(if interrupted { End::Aborted } else { End::Done })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn read_labels(file: &str) -> Result<Labels, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Input(format!("{file}: {error}")))?;
    Labels::read(file, &text).map_err(Failure::because)
}

/// Labels of other series are passed over in a word; labels that fit none are a mistake.
fn check_labels(labels: Option<&Labels>, recording: &Recording) -> Result<(), Failure> {
    let Some(labels) = labels else { return Ok(()) };
    let unknown: Vec<_> = labels.unknown(recording.series()).collect();
    if !unknown.is_empty() && unknown.len() == labels.series() {
        let names: Vec<_> = recording.series().iter().take(5).map(|info| info.name.as_str()).collect();
        let message = format!(
            "no label is for a series of the input: labelled are {}; the input has {}",
            unknown[..unknown.len().min(5)].join(", "),
            names.join(", ")
        );
        return Err(Failure::Input(message));
    }
    if !unknown.is_empty() {
        eprintln!("labels for {} series that are not in the input are left out", unknown.len());
    }
    Ok(())
}

/// What is kept of all series until the end.
struct Gathered {
    labels: Option<Labels>,
    findings: Vec<FindingView>,
    series: Vec<SeriesSummary>,
    scores: Vec<Scores>,
    specs: Vec<MonitorSpec>,
    span: Option<(Timestamp, Timestamp)>,
    rows: Option<AllRows>,
}

impl Gathered {
    fn new(args: &BacktestArgs, labels: Option<Labels>) -> Self {
        let rows = args.all.then(|| AllRows::new(args.format.into()));
        let (findings, series, scores, specs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { labels, findings, series, scores, specs, span: None, rows }
    }

    fn take(&mut self, info: &SeriesInfo, outcome: Outcome) -> Result<(), Failure> {
        if let Some(rows) = &mut self.rows {
            let mut out = BufWriter::new(std::io::stdout().lock());
            rows.write(&info.name, &outcome, &mut out)?;
            out.flush()?;
        }
        let windows = self.labels.as_ref().map(|labels| labels.of(info));
        let (from, until) = (outcome.from, outcome.until);
        if let Some(windows) = windows {
            let found = |a: &crate::monitor::Anomaly| Found { from: a.from, until: a.until, found: a.found };
            let found: Vec<_> = outcome.anomalies.iter().map(|(anomaly, _)| found(anomaly)).collect();
            self.scores.push(Scores::of(&found, windows, (from, until), outcome.interval()));
        }
        self.findings.extend(backtest::view(&info.name, &outcome, windows));
        self.series.push(backtest::in_numbers(&info.name, &outcome));
        self.span = Some(self.span.map_or((from, until), |(f, u)| (f.min(from), u.max(until))));
        self.specs.push(outcome.spec);
        Ok(())
    }
}

fn judge(
    args: &BacktestArgs,
    judging: &Judging,
    recording: &Recording,
    threads: usize,
    progress: &Progress,
    gathered: &mut Gathered,
) -> Result<bool, Failure> {
    let keep = if args.all && args.report.is_none() { Keep::Nothing } else { Keep::Fired };
    let literal = if args.all && judging.is_literal() { by_period() } else { Vec::new() };
    let spec = |info: &SeriesInfo, found: Option<Interval>| -> Result<MonitorSpec, BacktestError> {
        let wrong = |message: String| BacktestError::Signal { series: info.name.clone(), message };
        let fault = backtest::IntervalFault::NoSpacing;
        let unknown = || BacktestError::Interval { series: info.name.clone(), fault };
        let interval = judging.interval(&info.name).map_err(wrong)?.or(found).ok_or_else(unknown)?;
        let zone = judging.time_zone(&info.name).map_err(wrong)?;
        let calendar = config::calendar(zone, info.first.as_millis(), info.last.as_millis())
            .map_err(|error| wrong(error.to_string()))?;
        let mut spec = judging.spec(&info.name, interval, calendar, keep).map_err(wrong)?;
        spec.rules.extend(literal.iter().cloned());
        Ok(spec)
    };
    let task = Task {
        spec: &spec,
        interval: judging.interval,
        want: if args.all { Want::Rows } else { Want::Anomalies },
        threads,
        stop: &|| progress.stopped(),
    };
    progress.judging(recording.series().len() as u64);
    backtest::run(recording, &task, |index, outcome| {
        progress.done(index as u64 + 1);
        gathered.take(&recording.series()[index], outcome)
    })
}

/// The other combination of the literal set, stated beside the majority.
fn by_period() -> Vec<RuleSpec> {
    let one = quietgate_rules::Sustain::ONE;
    let either = quietgate_rules::Direction::Either;
    RuleSpec::new("by_period", &[], Vec::new(), either, one).into_iter().collect()
}

/// Writes the findings, the summary, and the report where it is asked for.
fn finish(
    args: &BacktestArgs,
    judging: &Judging,
    recording: &Recording,
    gathered: Gathered,
    interrupted: bool,
) -> Result<(), Failure> {
    let zone = TimeZone::get(judging.shown_zone()).map_err(Failure::because)?;
    let Gathered { labels, findings, series, scores, specs, span, rows } = gathered;
    let report = Report {
        inputs: args.input.input.clone(),
        rule: judging.in_words(),
        span: span.map(|(from, until)| Span { from_ms: from.as_millis(), until_ms: until.as_millis() }),
        time_zone: judging.shown_zone().to_owned(),
        faults: fault_lines(recording),
        score: labels.is_some().then(|| Scores::together(&scores).figures()),
        findings: named(findings),
        findings_left_out: 0,
        interrupted,
        series,
    };
    let scores: Vec<_> =
        report.series.iter().zip(&scores).map(|(series, s)| (&*series.name, s.figures())).collect();
    let format = args.format.into();
    let mut out = BufWriter::new(std::io::stdout().lock());
    if rows.is_none() {
        output::findings(&report.findings, format, &zone, &mut out)?;
    }
    // a table stays a table: what is said about it goes elsewhere
    let aside: &mut dyn Write =
        if format == Format::Csv || rows.is_some() { &mut std::io::stderr() } else { &mut out };
    summary::write(&report, &scores, format, &zone, aside)?;
    out.flush()?;
    match &args.report {
        Some(directory) => {
            let limit = args.report_findings;
            let again = Again { recording, specs: &specs, labels: labels.as_ref() };
            super::reporting::write(directory, report, limit, &again, &zone)
        }
        None => Ok(()),
    }
}

/// The findings in order of time, each with a name.
fn named(mut findings: Vec<FindingView>) -> Vec<FindingView> {
    findings.sort_by(|a, b| (a.from_ms, &a.series).cmp(&(b.from_ms, &b.series)));
    for (number, finding) in findings.iter_mut().enumerate() {
        finding.id = format!("F{}", number + 1);
    }
    findings
}

fn fault_lines(recording: &Recording) -> Vec<FaultLine> {
    let faults = recording.faults();
    let line = |&kind: &FaultKind| FaultLine {
        kind: kind.words().to_owned(),
        count: faults.count(kind),
        examples: faults.examples(kind).map(ToString::to_string).collect(),
    };
    FaultKind::ALL.iter().filter(|&&kind| faults.count(kind) > 0).map(line).collect()
}
