//! Writes the report of a backtest: the page and `findings.json`.

use super::exit::Failure;
use crate::backtest;
use crate::backtest::labels::Labels;
use crate::backtest::report::{self, FindingView, Report};
use crate::monitor::MonitorSpec;
use crate::sources::recorded::Recording;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What it takes to judge the series of a recording once more, for the pictures.
pub(super) struct Again<'a> {
    /// The samples.
    pub(super) recording: &'a Recording,
    /// How each series was judged, as far as they were.
    pub(super) specs: &'a [Option<MonitorSpec>],
    /// The labels, if there are any.
    pub(super) labels: Option<&'a Labels>,
}

/// Makes `directory` where it does not exist, and sees that files can be written there: better now than after all
/// was judged.
pub(super) fn prepare(directory: &Path) -> Result<(), Failure> {
    let shown = directory.display();
    if directory.exists() && !directory.is_dir() {
        let message =
            format!("--report {shown}: found a file, allowed is a directory; it is made where there is none");
        return Err(Failure::Input(message));
    }
    let usable = std::fs::create_dir_all(directory).and_then(|()| tempfile::tempfile_in(directory));
    usable.map_err(|error| {
        Failure::Input(format!("--report {shown}: no files can be written there: {error}"))
    })?;
    Ok(())
}

/// Writes both files into `directory`, which [`prepare`] was given. `findings.json` has every finding,
/// the page at most `limit`: those with the highest scores.
pub(super) fn write(
    directory: &Path,
    mut report: Report,
    limit: usize,
    again: &Again<'_>,
    zone: &TimeZone,
) -> Result<(), Failure> {
    let put = |name: &str, text: String| -> Result<PathBuf, Failure> {
        let path = directory.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::File(path.display().to_string(), error))?;
        Ok(path)
    };
    put("findings.json", report::json(&report).map_err(Failure::because)?)?;
    leave_out(&mut report, limit);
    draw(&mut report.findings, again)?;
    let page = put("report.html", report::html(&report, zone))?;
    eprintln!("report: {}", page.display());
    Ok(())
}

/// Keeps the `limit` findings that went furthest, in their order.
fn leave_out(report: &mut Report, limit: usize) {
    let mut scores: Vec<f64> = report.findings.iter().map(|finding| finding.score).collect();
    if scores.len() <= limit {
        return;
    }
    scores.sort_by(|a, b| b.total_cmp(a));
    report.findings_left_out = (scores.len() - limit) as u64;
    let least = scores.get(limit.wrapping_sub(1)).copied().unwrap_or(f64::INFINITY);
    // of equal scores at the limit the earlier ones stay
    let mut equal = scores[..limit].iter().filter(|&&score| score == least).count();
    report.findings.retain(|finding| {
        let keep = finding.score > least || (finding.score == least && equal > 0);
        equal -= usize::from(keep && finding.score == least);
        keep
    });
}

fn draw(findings: &mut [FindingView], again: &Again<'_>) -> Result<(), Failure> {
    let mut by_series: BTreeMap<String, Vec<&mut FindingView>> = BTreeMap::new();
    for finding in findings {
        by_series.entry(finding.series.clone()).or_default().push(finding);
    }
    for (index, info) in again.recording.series().iter().enumerate() {
        if let (Some(mut findings), Some(spec)) =
            (by_series.remove(&info.name), again.specs.get(index).and_then(Option::as_ref))
        {
            let samples = again.recording.samples(index).map_err(Failure::because)?;
            let labels = again.labels.map_or(&[][..], |labels| labels.of(info));
            backtest::draw(spec, &samples, labels, &mut findings);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(number: usize, score: f64) -> FindingView {
        FindingView {
            id: format!("F{number}"),
            series: String::new(),
            direction: report::Direction::Surge,
            from_ms: 0,
            until_ms: 0,
            found_ms: 0,
            samples: 1,
            by: Vec::new(),
            words: Vec::new(),
            peak_ms: 0,
            value: 0.0,
            lower: None,
            upper: None,
            score,
            labelled: None,
            picture: report::Picture::default(),
        }
    }

    fn kept(scores: &[f64], limit: usize) -> (Vec<String>, u64) {
        let findings = scores.iter().enumerate().map(|(i, &score)| finding(i, score)).collect();
        let mut report = Report { findings, ..Report::default() };
        leave_out(&mut report, limit);
        (report.findings.into_iter().map(|f| f.id).collect(), report.findings_left_out)
    }

    #[test]
    fn those_that_went_furthest_stay_in_their_order() {
        assert_eq!(kept(&[1.0, 5.0, 2.0, 4.0], 2), (vec!["F1".into(), "F3".into()], 2));
        assert_eq!(kept(&[3.0, 3.0, 3.0], 2), (vec!["F0".into(), "F1".into()], 1));
        assert_eq!(kept(&[1.0], 2), (vec!["F0".into()], 0));
        assert_eq!(kept(&[1.0, 2.0], 0), (vec![], 2));
    }
}
