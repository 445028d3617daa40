//! `quietgate detect`: samples on standard input, verdicts on standard output as they come.

use super::backtest::FormatArg;
use super::exit::{End, Failure};
use super::judging::{Judging, JudgingArgs};
use crate::backtest::output::{detector_names, json_line};
use crate::config;
use crate::monitor::{Judged, Monitor, Said};
use crate::sources::recorded;
use crate::text;
use clap::Args;
use quietgate_detectors::{Evidence, Interval, Sample, Timestamp, Verdict};
use quietgate_rules::Finding;
use serde_json::{Map, Value, json};
use std::io::{BufRead, Write};

/// Judge samples as they come: lines `at,value` on standard input, one verdict line a sample on standard output
///
/// `at` is epoch s, ms, us or ns, or RFC 3339; a first line such as `timestamp,value` is passed over. A line whose
/// time or value cannot be read is named on standard error and passed over; then the exit code at the end is 2. An
/// empty value is a sample without a value: unknown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DetectArgs {
    #[command(flatten)]
    judging: JudgingArgs,
    /// The form of the output; JSON has the limits, scores and words of every detector
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "What to write")]
    format: FormatArg,
}

const EXAMPLES: &str = "\
Examples:
  tail -f loss.csv | quietgate detect --interval 10s --rule any --detectors threshold:above=5
      a verdict line as soon as a sample comes
  quietgate detect --interval 1m --format csv < traffic.csv > verdicts.csv
      the same verdicts as a table
  quietgate detect --config quietgate.yaml --signal vip_in_bytes < traffic.csv
      interval, rule and direction of a signal

A line a sample: its time, its value, the finding (clean, suspect, anomalous or unknown with the
reason), the verdict of the rule, the verdict of each detector (normal, surge, drop or unknown
with the reason), in words where it fired. With --lateness lines wait for late samples.
The interval has no default here: a stream cannot be asked for its spacing.
Exit codes: 0 done; 1 failed; 2 bad usage, or a line that could not be read.";

/// The zone's changes are looked up around the first sample, this far on: a century outlasts any pipe.
const HORIZON_MS: i64 = 100 * 366 * quietgate_detectors::DAY_MS;

pub(crate) fn run(args: &DetectArgs) -> Result<End, Failure> {
    let judging = args.judging.read()?;
    interval(&judging)?;
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    let (mut stream, mut end) = (None, End::Done);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::Input(format!("standard input line {number}: {error}")))? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches(BYTE_ORDER_MARK).trim();
        match sample(text) {
            Ok(sample) => {
                let stream = match &mut stream {
                    Some(stream) => stream,
                    None => stream.insert(Stream::begin(&judging, sample.at, args.format, &mut out)?),
                };
                stream.judge(&[sample], &mut out)?;
            }
            Err(_) if number == 1 && is_header(text) => {}
            Err(why) => {
                eprintln!("standard input line {number}: {}", text::plain(&why));
                end = End::BadInput;
            }
        }
        out.flush()?;
    }
    if let Some(mut stream) = stream {
        stream.finish(&mut out)?;
        out.flush()?;
    }
    Ok(end)
}

/// What some programs begin a file of text with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A first line without a number may name the columns.
fn is_header(line: &str) -> bool {
    let words: Vec<_> = line.split(',').map(str::trim).collect();
    words.len() == 2 && words[1].eq_ignore_ascii_case("value")
}

fn sample(line: &str) -> Result<Sample, String> {
    let shape = || format!("found {}, allowed is at,value", recorded::quoted(line));
    let (at, value) = line.split_once(',').ok_or_else(shape)?;
    let (at, value) = (at.trim(), value.trim());
    let time = recorded::time(at).ok_or_else(|| {
        format!(
            "time {}, allowed is epoch s, ms, us or ns, RFC 3339, or YYYY-MM-DD HH:MM[:SS] in UTC, from 1970 to 2200",
            recorded::quoted(at)
        )
    })?;
    let value = match value {
        "" => f64::NAN,
        text => text
            .parse()
            .map_err(|_| format!("value {}, allowed is a number, or nothing", recorded::quoted(text)))?,
    };
    Ok(Sample { at: time, value })
}

/// The interval of the stream, which nothing but the user can tell.
fn interval(judging: &Judging) -> Result<Interval, Failure> {
    judging.of_stream().map_err(Failure::Input)?.interval().ok_or_else(|| {
        Failure::Input(
            "--interval is missing: a stream cannot be asked for its spacing; name it, as 10s".to_owned(),
        )
    })
}

/// One series that goes on.
struct Stream {
    monitor: Monitor,
    names: Vec<String>,
    rule: &'static str,
    format: FormatArg,
    /// Whether samples are held back for `lateness`.
    waits: bool,
    newest: Option<Line>,
}

impl Stream {
    fn begin(
        judging: &Judging,
        first: Timestamp,
        format: FormatArg,
        out: &mut impl Write,
    ) -> Result<Self, Failure> {
        let interval = interval(judging)?;
        let how = judging.of_stream().map_err(Failure::Input)?;
        let (from, until) = (first.as_millis(), first.as_millis().saturating_add(HORIZON_MS));
        let calendar = config::calendar(how.time_zone(), from, until)
            .map_err(|error| Failure::Input(error.to_string()))?;
        let spec = how.spec(interval, calendar);
        let names = detector_names(&spec.detectors());
        let (monitor, rule) = (Monitor::new(&spec), spec.rules[0].entry().kind);
        if matches!(format, FormatArg::Csv) {
            writeln!(out, "at,value,finding,{rule},{}", names.join(","))?;
        }
        Ok(Self { monitor, names, rule, format, waits: spec.lateness_ms > 0, newest: None })
    }

    fn judge(&mut self, samples: &[Sample], out: &mut impl Write) -> std::io::Result<()> {
        let mut lines = Vec::new();
        self.monitor.observe(samples, |said| lines.extend(Line::of(&said)));
        // a repeated sample says nothing new and is answered as before: one line a sample
        if lines.is_empty() && !self.waits {
            lines.extend(self.newest.take());
        }
        lines.iter().try_for_each(|line| self.write(line, out))?;
        self.newest = lines.pop();
        Ok(())
    }

    fn finish(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        let mut lines = Vec::new();
        self.monitor.finish(|said| lines.extend(Line::of(&said)));
        lines.iter().try_for_each(|line| self.write(line, out))
    }

    fn write(&self, line: &Line, out: &mut impl Write) -> std::io::Result<()> {
        match self.format {
            FormatArg::Json => json_line(out, "verdict", &self.json(line)),
            FormatArg::Csv => self.csv(line, out),
            FormatArg::Text => self.text(line, out),
        }
    }

    fn words(&self, line: &Line, column: usize, evidence: &Evidence) -> String {
        self.monitor.words(column, line.verdicts[column], evidence, line.at)
    }

    fn json(&self, line: &Line) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("at".into(), text::rfc3339(line.at.as_millis()).into());
        object.insert("value".into(), line.value.into());
        object.insert("finding".into(), line.finding.clone().into());
        object.insert(self.rule.into(), line.combined.clone().into());
        let detectors = self.names.iter().zip(&line.verdicts).zip(&line.evidence).enumerate();
        let said = detectors.map(|(column, ((name, verdict), evidence))| {
            let finite = |value: f64| Some(value).filter(|v| v.is_finite());
            let numbers = evidence.map_or(Value::Null, |e| {
                json!({"lower": finite(e.lower), "upper": finite(e.upper), "score": e.score, "points": e.points,
                    "words": self.words(line, column, &e)})
            });
            (name.clone(), json!({"verdict": verdict.to_string(), "evidence": numbers}))
        });
        object.insert("detectors".into(), Value::Object(said.collect()));
        object
    }

    fn csv(&self, line: &Line, out: &mut impl Write) -> std::io::Result<()> {
        let value = line.value.map(|v| v.to_string()).unwrap_or_default();
        write!(out, "{},{value},{},{}", text::rfc3339(line.at.as_millis()), line.finding, line.combined)?;
        // a cell without a value has no verdicts, and a table has all its columns
        let verdict = |column| line.verdicts.get(column).map_or(String::new(), ToString::to_string);
        (0..self.names.len()).try_for_each(|column| write!(out, ",{}", verdict(column)))?;
        writeln!(out)
    }

    fn text(&self, line: &Line, out: &mut impl Write) -> std::io::Result<()> {
        let value = line.value.map_or_else(|| "-".to_owned(), |v| v.to_string());
        let (rule, at) = (self.rule, text::rfc3339(line.at.as_millis()));
        write!(out, "{at}  {value}  {}  {rule}={}", line.finding, line.combined)?;
        for (column, verdict) in line.verdicts.iter().enumerate() {
            write!(out, "  {}={verdict}", self.names[column])?;
            if let Some(evidence) = line.evidence[column].filter(|_| verdict.fired()) {
                write!(out, " ({})", self.words(line, column, &evidence))?;
            }
        }
        writeln!(out)
    }
}

/// What is said of one sample.
struct Line {
    at: Timestamp,
    value: Option<f64>,
    finding: String,
    combined: String,
    verdicts: Vec<Verdict>,
    evidence: Vec<Option<Evidence>>,
}

impl Line {
    fn of(said: &Said<'_>) -> Vec<Self> {
        match said {
            Said::Judged(judged) => {
                (0..judged.run.values.len()).map(|offset| Self::judged(judged, offset)).collect()
            }
            Said::Unknown { at, reason, .. } => {
                vec![Self::nothing(*at, Finding::Unknown(*reason).to_string())]
            }
            Said::Late { at } => vec![Self::nothing(*at, "unknown(out_of_order)".to_owned())],
        }
    }

    fn judged(judged: &Judged<'_>, offset: usize) -> Self {
        let run = &judged.run;
        Self {
            at: run.at(offset),
            value: Some(run.values[offset]),
            finding: judged.findings[offset].to_string(),
            combined: judged.combined[0][offset].to_string(),
            verdicts: run.verdicts.iter().map(|column| column[offset]).collect(),
            evidence: (0..run.verdicts.len()).map(|column| run.evidence(column, offset)).collect(),
        }
    }

    fn nothing(at: Timestamp, finding: String) -> Self {
        Self {
            at,
            value: None,
            combined: finding.clone(),
            finding,
            verdicts: Vec::new(),
            evidence: Vec::new(),
        }
    }
}
