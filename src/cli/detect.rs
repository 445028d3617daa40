//! `quietgate detect`: samples on standard input, verdicts on standard output as they come.

use super::backtest::FormatArg;
use super::exit::{End, Failure};
use super::judging::{Judging, JudgingArgs};
use crate::backtest::output::json_line;
use crate::config;
use crate::monitor::{Judged, Monitor, Said};
use crate::sources::recorded;
use crate::text;
use clap::Args;
use quietgate_detectors::{Evidence, Keep, Sample, Timestamp, Verdict};
use quietgate_rules::Finding;
use serde_json::{Map, Value, json};
use std::io::{BufRead, Write};

/// Judge samples as they come: lines `at,value` on standard input, one verdict line a sample on standard output
///
/// A line whose time or value cannot be read is named on standard error and passed over; then the exit code at the
/// end is 2. An empty value is a sample without a value: unknown. Works behind `tail -f`.
#[derive(Debug, Args)]
pub(crate) struct DetectArgs {
    #[command(flatten)]
    judging: JudgingArgs,
    /// The form of the output; JSON has the limits, scores and words of every detector
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    format: FormatArg,
}

/// The zone's changes are looked up around the first sample, this far on: a century outlasts any pipe.
const HORIZON_MS: i64 = 100 * 366 * quietgate_detectors::DAY_MS;

pub(crate) fn run(args: &DetectArgs) -> Result<End, Failure> {
    let judging = args.judging.read()?;
    let (mut out, mut end) = (std::io::stdout().lock(), End::Done);
    let mut stream: Option<Stream> = None;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line =
            line.map_err(|error| Failure::Input(format!("standard input line {}: {error}", number + 1)))?;
        if number == 0 && is_header(&line) {
            continue;
        }
        match sample(&line) {
            Ok(sample) => {
                let stream = match &mut stream {
                    Some(stream) => stream,
                    None => stream.insert(Stream::begin(&judging, sample.at, args.format)?),
                };
                stream.judge(&[sample], &mut out)?;
            }
            Err(why) => {
                eprintln!("standard input line {}: {why}", number + 1);
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

/// A first line without a time may name the columns.
fn is_header(line: &str) -> bool {
    let words: Vec<_> = line.split(',').map(str::trim).collect();
    words.len() == 2 && words[1].eq_ignore_ascii_case("value") && recorded::time(words[0]).is_none()
}

fn sample(line: &str) -> Result<Sample, String> {
    let (at, value) = line.split_once(',').ok_or_else(|| format!("found {line:?}, allowed is at,value"))?;
    let (at, value) = (at.trim(), value.trim());
    let time = recorded::time(at).ok_or_else(|| {
        format!("found {at:?}, allowed is epoch s, ms, us or ns, RFC 3339, or YYYY-MM-DD HH:MM[:SS] in UTC")
    })?;
    let value = match value {
        "" => f64::NAN,
        text => text.parse().map_err(|_| format!("found {text:?}, allowed is a number, or nothing"))?,
    };
    Ok(Sample { at: time, value })
}

/// One series that goes on.
struct Stream {
    monitor: Monitor,
    names: Vec<&'static str>,
    rule: &'static str,
    format: FormatArg,
    /// Whether samples are held back for `lateness`.
    waits: bool,
    newest: Option<Line>,
}

impl Stream {
    fn begin(judging: &Judging, first: Timestamp, format: FormatArg) -> Result<Self, Failure> {
        let interval = judging.interval("").map_err(Failure::Input)?.ok_or_else(|| {
            Failure::Input("--interval is missing: a stream cannot be asked for its spacing".to_owned())
        })?;
        let zone = judging.time_zone("").map_err(Failure::Input)?;
        let (from, until) = (first.as_millis(), first.as_millis().saturating_add(HORIZON_MS));
        let calendar =
            config::calendar(zone, from, until).map_err(|error| Failure::Input(error.to_string()))?;
        let spec = judging.spec("", interval, calendar, Keep::All).map_err(Failure::Input)?;
        let names = spec.detectors().iter().map(|detector| detector.entry().kind).collect();
        let (monitor, rule) = (Monitor::new(&spec), spec.rules[0].entry().kind);
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
            ((*name).to_owned(), json!({"verdict": verdict.to_string(), "evidence": numbers}))
        });
        object.insert("detectors".into(), Value::Object(said.collect()));
        object
    }

    fn csv(&self, line: &Line, out: &mut impl Write) -> std::io::Result<()> {
        let value = line.value.map(|v| v.to_string()).unwrap_or_default();
        write!(out, "{},{value},{},{}", text::rfc3339(line.at.as_millis()), line.finding, line.combined)?;
        line.verdicts.iter().try_for_each(|verdict| write!(out, ",{verdict}"))?;
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
        let evidence = |column: &Vec<(usize, Evidence)>| {
            column.iter().find(|(at, _)| *at == offset).map(|(_, evidence)| *evidence)
        };
        Self {
            at: run.at(offset),
            value: Some(run.values[offset]),
            finding: judged.findings[offset].to_string(),
            combined: judged.combined[0][offset].to_string(),
            verdicts: run.verdicts.iter().map(|column| column[offset]).collect(),
            evidence: run.evidence.iter().map(evidence).collect(),
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
