//! `quietgate backtest`: judges recorded series.

use super::exit::{End, Failure};
use super::gathered::{Gathered, finish};
use super::input::InputArgs;
use super::judging::{Judging, JudgingArgs};
use super::progress::Progress;
use super::reporting;
use crate::backtest::labels::Labels;
use crate::backtest::output::Format;
use crate::backtest::{self, NotJudged, Task, Want};
use crate::monitor::MonitorSpec;
use crate::sources::recorded::{self, Recording, SeriesInfo};
use crate::text::plain;
use clap::{Args, ValueEnum};
use quietgate_detectors::Interval;
use quietgate_rules::RuleSpec;
use std::path::PathBuf;
use tracing::info;

/// Judge recorded series: what would have been called an anomaly, why, and how good those calls are against labels
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BacktestArgs {
    /// How many series are judged at once [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    /// When series were truly anomalous: JSON `{"series": [["from","to"], ...]}` or CSV `series,from,to`
    #[arg(long, value_name = "FILE", help_heading = "What to write")]
    labels: Option<String>,
    /// The form of the output: findings as text, JSON lines or CSV
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "What to write")]
    pub(super) format: FormatArg,
    /// Write one row a sample, with the verdict of each detector and rule, in place of the findings
    #[arg(long, help_heading = "What to write")]
    pub(super) all: bool,
    /// With --all, write the score of each detector too
    #[arg(long, requires = "all", help_heading = "What to write")]
    pub(super) scores: bool,
    /// Write report.html and findings.json into this directory
    #[arg(long, value_name = "DIR", help_heading = "What to write")]
    pub(super) report: Option<PathBuf>,
    /// The most findings with a picture in the report: those that went furthest
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = "What to write")]
    pub(super) report_findings: usize,
}

const EXAMPLES: &str = "\
Examples:
  quietgate backtest -i traffic.csv.gz --labels labels.json --report out
      what would have been called an anomaly, how good that was, and pictures of it in
      out/report.html
  quietgate backtest -i 'loss/*.parquet' --rule any --detectors threshold:above=5 --direction up
      a fixed limit over many files
  quietgate backtest -i load.csv --config quietgate.yaml --signal load_per_cpu
      by the rule of a signal, as the gate would judge
  quietgate backtest -i load.csv --all --format csv > verdicts.csv
      one row a sample: timestamp,series,value, then a column for each detector and rule with
      1 surge, -1 drop, 0 normal, nothing for unknown

Findings go to standard output, and the summary after them; with --all or as CSV the summary
goes to standard error. Ctrl-C ends it early and says what was judged so far.
Exit codes: 0 done; 1 failed or stopped before the end; 2 bad usage or input.";

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
    if let Some(directory) = &args.report {
        reporting::prepare(directory)?;
    }
    let progress = Progress::begin()?;
    let threads = args.threads.map_or_else(processors, usize::from);
    progress.reading(recorded::total_bytes(&args.input.input).map_err(Failure::because)?);
    let options = args.input.options(threads)?;
    let recording = recorded::load(&args.input.input, &options, &progress).map_err(Failure::because)?;
    check_labels(labels.as_ref(), &recording)?;
    info!(series = recording.series().len(), threads, rule = judging.in_words(), "judging");
    let mut gathered = Gathered::new(args, labels);
    let complete = judge(args, &judging, &recording, threads, &progress, &mut gathered)?;
    progress.end();
    info!(interrupted = !complete, "judged");
    let interrupted = !complete || recording.interrupted();
    finish(args, &judging, &recording, gathered, interrupted)?;
    Ok(if interrupted { End::Aborted } else { End::Done })
}

/// How many series can be judged at once here.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The labels in the file of that name.
pub(super) fn read_labels(file: &str) -> Result<Labels, Failure> {
    let text = read_file("--labels", file)?;
    Labels::read(file, &text).map_err(Failure::because)
}

/// The text of the file that `flag` names.
pub(super) fn read_file(flag: &str, file: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Input(format!("{flag} {file}: the file cannot be read: {error}")))
}

/// Labels of other series are passed over in a word; labels that fit none are a mistake.
pub(super) fn check_labels(labels: Option<&Labels>, recording: &Recording) -> Result<(), Failure> {
    let Some(labels) = labels else { return Ok(()) };
    let unknown: Vec<_> = labels.unknown(recording.series()).collect();
    if !unknown.is_empty() && unknown.len() == labels.series() {
        let names: Vec<_> = recording.series().iter().map(|info| info.name.as_str()).collect();
        let message = format!(
            "--labels: no label is for a series of the input: labelled are {}; the input has {}",
            few(&unknown),
            few(&names)
        );
        return Err(Failure::Input(message));
    }
    if !unknown.is_empty() {
        eprintln!("labels for series that are not in the input are left out: {}", few(&unknown));
    }
    Ok(())
}

/// The first few names, and how many more there are.
fn few(names: &[&str]) -> String {
    const FEW: usize = 5;
    let more = if names.len() > FEW { format!(" and {} more", names.len() - FEW) } else { String::new() };
    plain(&names[..names.len().min(FEW)].join(", ")).into_owned() + &more
}

fn judge(
    args: &BacktestArgs,
    judging: &Judging,
    recording: &Recording,
    threads: usize,
    progress: &Progress,
    gathered: &mut Gathered,
) -> Result<bool, Failure> {
    let literal = if args.all && judging.is_literal() { by_period() } else { Vec::new() };
    let spec = |info: &SeriesInfo, found: Option<Interval>| -> Result<MonitorSpec, NotJudged> {
        let mut spec = judging.recorded(info, found)?;
        spec.rules.extend(literal.iter().cloned());
        Ok(spec)
    };
    let task = Task {
        spec: &spec,
        interval: judging.interval,
        want: match (args.all, args.scores) {
            (false, _) => Want::Anomalies,
            (true, false) => Want::Rows,
            (true, true) => Want::Scores,
        },
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
