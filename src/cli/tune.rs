//! `quietgate tune`: searches the setting of a rule under a budget of false holds.

use super::backtest::{check_labels, processors, read_labels};
use super::exit::{End, Failure};
use super::input::InputArgs;
use super::judging::{How, Judging, JudgingArgs};
use super::progress::Progress;
use crate::backtest::Starts;
use crate::backtest::labels::Labels;
use crate::config::units::Duration;
use crate::sources::recorded::{self, Recording, SeriesInfo};
use crate::tune::{self, Asked, Budget, SIGNALS, Task, Told, TuneError, Tuned, signal};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use quietgate_detectors::{DAY_MS, Interval};
use quietgate_rules::{RuleSpec, preset};
use std::cell::Cell;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use tracing::info;

/// Search the setting of a rule that catches the most labels under a budget of false holds, and write it as a config
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TuneArgs {
    /// How many are judged at once [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    judging: JudgingArgs,
    /// When series were truly anomalous: JSON `{"series": [["from","to"], ...]}` or CSV `series,from,to`
    #[arg(long, value_name = "FILE", help_heading = "How to choose")]
    labels: String,
    /// How many false holds are allowed: in an upgrade of so many targets, a day of one series, or the share of clean
    /// steps (0.1/day, 1%)
    #[arg(long, value_name = "BUDGET", default_value = "1/3000-targets", help_heading = "How to choose")]
    false_holds: Asked,
    /// For how long the series of a step are looked at; what is found later than that is late
    #[arg(long, value_name = "DURATION", default_value = "15m", help_heading = "How to choose")]
    soak: Duration,
    /// How many series a step looks at [default: as many as are tuned together]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000), help_heading = "How to choose")]
    series_per_target: Option<u64>,
    /// How long after a label an episode is not yet false
    #[arg(long, value_name = "DURATION", default_value = "30m", help_heading = "How to choose")]
    tolerance: Duration,
    /// Take a batch to start so often, and count what begins while it is looked at alone: so is tuned what judges starts
    /// (step_contrast)
    #[arg(long, value_name = "DURATION", help_heading = "How to choose")]
    every: Option<Duration>,
    /// Into how many parts the time is cut: each is left out once, and counted by what the others choose
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=100), help_heading = "How to choose")]
    folds: u16,
    /// The form of the output: text, or one JSON object a line
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "What to write")]
    format: FormatArg,
    /// Write the config with the settings to take into this file too
    #[arg(long, value_name = "FILE", help_heading = "What to write")]
    save: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  quietgate tune -i traffic.csv.gz --labels outages.csv --kind traffic
      the preset's rule, under a budget of one false hold in an upgrade of 3000 targets
  quietgate tune -i load.csv --labels outages.csv --config quietgate.yaml --false-holds 1% \\
    --soak 30m --save tuned.yaml
      each signal of the config by itself
  quietgate tune -i loss.csv --labels outages.csv --rule any --detectors counts --direction up \\
    --sustain '1 of 1' --format json
      a rule by flags
  quietgate tune -i traffic.csv.gz --labels outages.csv --kind traffic --every 4h
      also what compares with the time before a batch, as if one had started every four hours

Every setting is judged from the first sample to the last. The recommended config goes to standard
output behind the figures, and is accepted by quietgate check. Ctrl-C ends it; nothing is said then.
Exit codes: 0 done, also where no setting is within the budget, which is said; 1 failed or stopped
before the end; 2 bad usage or input.";

/// The form of what is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Series that are judged by one rule.
struct Group<'a> {
    name: String,
    rule: &'a RuleSpec,
    slow: Option<RuleSpec>,
    series: Vec<usize>,
}

pub(crate) fn run(args: &TuneArgs) -> Result<End, Failure> {
    let judging = args.judging.read()?;
    let labels = read_labels(&args.labels)?;
    bounded("--soak", args.soak, 1)?;
    bounded("--tolerance", args.tolerance, 0)?;
    args.every.map_or(Ok(()), |every| bounded("--every", every, 60_000))?;
    let progress = Progress::begin()?;
    let threads = args.threads.map_or_else(processors, usize::from);
    progress.reading(recorded::total_bytes(&args.input.input).map_err(Failure::because)?);
    let options = args.input.options(threads)?;
    let recording = recorded::load(&args.input.input, &options, &progress).map_err(Failure::because)?;
    check_labels(Some(&labels), &recording)?;
    let groups = groups(args, &judging, &recording)?;
    let every_ms = args.every.map(Duration::as_millis);
    if every_ms.is_some_and(|ms| groups.iter().all(|group| Starts::of(group.rule, ms).is_none())) {
        return Err(Failure::Input("--every is given, but no detector judges starts".to_owned()));
    }
    let mut found = Vec::new();
    for group in &groups {
        info!(signal = group.name, series = group.series.len(), threads, "tuning");
        match tune_group(args, &judging, &recording, &labels, group, threads, &progress) {
            Ok(tuned) => found.push((group, tuned)),
            Err(TuneError::Stopped) => {
                progress.end();
                eprintln!("{}", TuneError::Stopped);
                return Ok(End::Aborted);
            }
            Err(error) => return Err(Failure::because(error)),
        }
    }
    progress.end();
    if recording.interrupted() {
        eprintln!("stopped before all was read");
        return Ok(End::Aborted);
    }
    tell(args, &judging, &recording, &found)?;
    Ok(End::Done)
}

fn bounded(flag: &str, duration: Duration, least: i64) -> Result<(), Failure> {
    let allowed = least..=DAY_MS;
    if allowed.contains(&duration.as_millis()) {
        return Ok(());
    }
    let least = Duration::from_millis(least);
    Err(Failure::Input(format!("{flag} is {duration}, allowed is a duration from {least} to 1d")))
}

/// The series by their rules, in the order of the recording. One of no signal is left out with a word, and is a mistake
/// where that is all of them.
fn groups<'a>(
    args: &TuneArgs,
    judging: &'a Judging,
    recording: &Recording,
) -> Result<Vec<Group<'a>>, Failure> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut left_out = None;
    for (index, info) in recording.series().iter().enumerate() {
        let How { rule, signal, .. } = match judging.of(info) {
            Ok(how) => how,
            Err(why) => {
                eprintln!("series {:?} is left out: {why}", info.name);
                left_out = Some(why);
                continue;
            }
        };
        let name = signal.map_or_else(
            || args.judging.kind.clone().unwrap_or_else(|| "tuned".to_owned()),
            |signal| signal.name.clone(),
        );
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.series.push(index),
            None => {
                let slow = match signal {
                    Some(signal) => signal.slow.clone(),
                    None => slow_of_kind(args.judging.kind.as_deref())?,
                };
                groups.push(Group { name, rule, slow, series: vec![index] });
            }
        }
    }
    match left_out {
        Some(why) if groups.is_empty() => Err(Failure::Input(why)),
        _ if groups.is_empty() => Err(Failure::Input("the input has no series".to_owned())),
        _ => Ok(groups),
    }
}

/// The slow layer of a preset, which is not tuned and goes with it.
fn slow_of_kind(kind: Option<&str>) -> Result<Option<RuleSpec>, Failure> {
    let Some(preset) = kind.and_then(preset) else { return Ok(None) };
    let slow = preset.slow.as_ref().map(|slow| slow.spec(preset.direction));
    slow.transpose().map_err(Failure::because)
}

fn tune_group(
    args: &TuneArgs,
    judging: &Judging,
    recording: &Recording,
    labels: &Labels,
    group: &Group<'_>,
    threads: usize,
    progress: &Progress,
) -> Result<Tuned, TuneError> {
    let series = args.series_per_target.unwrap_or(group.series.len() as u64);
    let begun = Cell::new(false);
    let count = |done: u64, total: u64| {
        if !begun.replace(true) {
            progress.tuning(total);
        }
        progress.done(done);
    };
    let spec = |info: &SeriesInfo, found: Option<Interval>| judging.recorded(info, found);
    let task = Task {
        series: &group.series,
        rule: group.rule,
        spec: &spec,
        interval: judging.interval,
        labels,
        budget: Budget { asked: args.false_holds, soak_ms: args.soak.as_millis(), series },
        tolerance_ms: args.tolerance.as_millis(),
        every_ms: args.every.map(Duration::as_millis),
        folds: args.folds.into(),
        threads,
        progress: &count,
        stop: &|| progress.stopped(),
    };
    tune::tune(recording, &task)
}

fn tell(
    args: &TuneArgs,
    judging: &Judging,
    recording: &Recording,
    found: &[(&Group<'_>, Tuned)],
) -> Result<(), Failure> {
    let zone = TimeZone::get(judging.shown_zone()).map_err(Failure::because)?;
    let mut saved = SIGNALS.to_owned();
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (place, (group, tuned)) in found.iter().enumerate() {
        let rule = &tuned.settings[tuned.best].rule;
        let first = judging.of(&recording.series()[group.series[0]]).map_err(Failure::Input)?;
        let signal = signal(&group.name, rule, group.slow.as_ref(), &tuned.spec, first.time_zone());
        saved += &format!("  # {}\n{signal}", tune::verdict(tuned));
        let config = format!("{SIGNALS}{signal}");
        let told = Told { name: &group.name, tuned, config: &config };
        match args.format {
            FormatArg::Json => tune::json(&told, &mut out)?,
            FormatArg::Text => {
                if place > 0 {
                    writeln!(out)?;
                }
                tune::text(&told, &zone, &mut out)?;
            }
        }
    }
    out.flush()?;
    if let Some(file) = &args.save {
        std::fs::write(file, saved).map_err(|error| Failure::File(file.display().to_string(), error))?;
    }
    Ok(())
}
