//! What a backtest keeps of all series until its end, and what it then says.

use super::backtest::BacktestArgs;
use super::exit::Failure;
use super::judging::Judging;
use super::reporting::Again;
use crate::backtest::labels::Labels;
use crate::backtest::output::{self, AllRows, Format};
use crate::backtest::report::{FaultLine, FindingView, Report, SeriesLeftOut, SeriesSummary, Span};
use crate::backtest::score::{Found, Scores};
use crate::backtest::{self, NotJudged, Outcome, summary};
use crate::monitor::{Anomaly, MonitorSpec};
use crate::sources::recorded::{FaultKind, Recording, SeriesInfo};
use jiff::tz::TimeZone;
use quietgate_detectors::Timestamp;
use std::io::{BufWriter, Write};

/// What is kept of all series until the end.
pub(super) struct Gathered {
    labels: Option<Labels>,
    findings: Vec<FindingView>,
    series: Vec<SeriesSummary>,
    not_judged: Vec<SeriesLeftOut>,
    scores: Vec<Scores>,
    /// How each series of the recording was judged; none where it could not be.
    specs: Vec<Option<MonitorSpec>>,
    span: Option<(Timestamp, Timestamp)>,
    rows: Option<AllRows>,
}

impl Gathered {
    pub(super) fn new(args: &BacktestArgs, labels: Option<Labels>) -> Self {
        Self {
            labels,
            findings: Vec::new(),
            series: Vec::new(),
            not_judged: Vec::new(),
            scores: Vec::new(),
            specs: Vec::new(),
            span: None,
            rows: args.all.then(|| AllRows::new(args.format.into(), args.scores)),
        }
    }

    /// Takes in what became of the next series of the recording.
    pub(super) fn take(
        &mut self,
        info: &SeriesInfo,
        outcome: Result<Outcome, NotJudged>,
    ) -> Result<(), Failure> {
        match outcome {
            Ok(outcome) => self.judged(info, outcome),
            Err(why) => {
                let (name, reason) = (info.name.clone(), why.to_string());
                self.not_judged.push(SeriesLeftOut { name, samples: info.samples, reason });
                self.specs.push(None);
                Ok(())
            }
        }
    }

    fn judged(&mut self, info: &SeriesInfo, outcome: Outcome) -> Result<(), Failure> {
        if let Some(rows) = &mut self.rows {
            let mut out = BufWriter::new(std::io::stdout().lock());
            rows.write(&info.name, &outcome, &mut out)?;
            out.flush()?;
        }
        let windows = self.labels.as_ref().map(|labels| labels.of(info));
        let (from, until) = (outcome.from, outcome.until);
        if let Some(windows) = windows {
            let found = |a: &Anomaly| Found { from: a.from, until: a.until, found: a.found };
            let found: Vec<_> = outcome.anomalies.iter().map(|(anomaly, _)| found(anomaly)).collect();
            self.scores.push(Scores::of(&found, windows, (from, until), outcome.interval()));
        }
        self.findings.extend(backtest::view(&info.name, &outcome, windows));
        self.series.push(backtest::in_numbers(&info.name, &outcome));
        self.span = Some(self.span.map_or((from, until), |(f, u)| (f.min(from), u.max(until))));
        self.specs.push(Some(outcome.spec));
        Ok(())
    }

    /// Why nothing at all could be judged, where that is so.
    fn nothing(&self, recording: &Recording) -> Option<String> {
        if !self.series.is_empty() {
            return None;
        }
        let Some(first) = self.not_judged.first() else {
            let faults: Vec<_> = recording.faults().lines().collect();
            return Some(format!("the input has no sample that can be used: {}", faults.join("; ")));
        };
        let more = match self.not_judged.len() - 1 {
            0 => String::new(),
            1 => "; nor can the other one".to_owned(),
            more => format!("; nor can the {more} others"),
        };
        Some(format!("series {:?} cannot be judged: {}{more}", first.name, first.reason))
    }
}

/// Writes the findings, the summary, and the report where it is asked for.
pub(super) fn finish(
    args: &BacktestArgs,
    judging: &Judging,
    recording: &Recording,
    gathered: Gathered,
    interrupted: bool,
) -> Result<(), Failure> {
    if let Some(why) = gathered.nothing(recording).filter(|_| !interrupted) {
        return Err(Failure::Input(why));
    }
    let zone = TimeZone::get(judging.shown_zone()).map_err(Failure::because)?;
    let Gathered { labels, findings, series, not_judged, scores, specs, span, rows } = gathered;
    let report = Report {
        inputs: args.input.input.clone(),
        rule: judging.in_words(),
        span: span.map(|(from, until)| Span { from_ms: from.as_millis(), until_ms: until.as_millis() }),
        time_zone: judging.shown_zone().to_owned(),
        not_judged,
        faults: fault_lines(recording),
        score: labels.is_some().then(|| Scores::together(&scores).figures()),
        findings: named(findings),
        findings_left_out: 0,
        interrupted,
        series,
    };
    // a reader that went away early (`| head`) still gets its report
    let said = say(args.format.into(), rows.is_none(), &report, &scores, &zone);
    if let Some(directory) = &args.report {
        let again = Again { recording, specs: &specs, labels: labels.as_ref() };
        super::reporting::write(directory, report, args.report_findings, &again, &zone)?;
    }
    Ok(said?)
}

fn say(
    format: Format,
    with_findings: bool,
    report: &Report,
    scores: &[Scores],
    zone: &TimeZone,
) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    if with_findings {
        output::findings(&report.findings, format, zone, &mut out)?;
    }
    let of_series = report.series.iter().zip(scores);
    let scores: Vec<_> = of_series.map(|(series, s)| (&*series.name, s.figures())).collect();
    // a table stays a table: what is said about it goes elsewhere
    let aside: &mut dyn Write =
        if format == Format::Csv || !with_findings { &mut std::io::stderr() } else { &mut out };
    summary::write(report, &scores, format, zone, aside)?;
    out.flush()
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
        examples: faults.examples(kind).map(|fault| format!("{} {fault}", fault.file)).collect(),
    };
    FaultKind::ALL.iter().filter(|&&kind| faults.count(kind) > 0).map(line).collect()
}
