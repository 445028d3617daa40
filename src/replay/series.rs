//! Which series of a recording are of which signal of a plan.
//!
//! A series is of the signal that its label `signal` names; else of the one that has its name (that of the `series` column, of
//! a wide table's column, or of the file), to which labels may be added: `loss{host=h1}`. Where the plan has one signal
//! alone, series that have labels and no name are of that one.

use crate::config::Config;
use crate::monitor::Labels;
use crate::plan::Plan;
use crate::run::signals;
use crate::sources::recorded::{InputError, Recording, SeriesInfo};
use quietgate_detectors::Sample;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

/// The label by which a series says of which signal it is.
pub const SIGNAL: &str = "signal";

/// A recorded series as a signal has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The number of its signal in the plan.
    pub signal: usize,
    /// Its labels, without the one that names the signal.
    pub labels: Labels,
    /// The number of the series in the recording.
    pub series: usize,
    /// Its name, with that of the signal: `loss{host="h1"}`.
    pub name: String,
    /// Its samples in the order of their times.
    pub samples: Vec<Sample>,
}

/// Why a recording is not one of a plan's signals.
#[derive(Debug)]
pub enum Unfit {
    /// Signals of the plan without any series: their gates would hold for ever.
    Silent {
        /// These.
        signals: Vec<String>,
        /// What the recording has.
        series: Vec<String>,
    },
    /// Series that are of no signal of the config.
    Strange {
        /// These.
        series: Vec<String>,
        /// The signals of the config.
        signals: Vec<String>,
    },
    /// Two series that would be the same one.
    Twice(String),
    /// Samples that cannot be read back.
    Unreadable(InputError),
}

/// The series of `recording` that are of signals of `plan`, in the order of these. Those of other signals of `config` are
/// left out, and with `leaves_out` also those of none.
///
/// # Errors
/// Signals of the plan without a series, series of no signal, one series twice.
pub fn streams(
    recording: &Recording,
    config: &Config,
    plan: &Plan,
    leaves_out: bool,
) -> Result<Vec<Stream>, Unfit> {
    let wanted: Vec<&str> = signals(config, plan).map(|signal| signal.name.as_str()).collect();
    let known: Vec<&str> = config.signals.iter().map(|signal| signal.name.as_str()).collect();
    let (mut streams, mut strange) = (Vec::new(), Vec::new());
    for (series, info) in recording.series().iter().enumerate() {
        let Some((name, labels)) = identity(info, &known, &wanted) else {
            strange.push(info.name.clone());
            continue;
        };
        let Some(signal) = wanted.iter().position(|wanted| *wanted == name) else { continue };
        let mut samples = recording.samples(series).map_err(Unfit::Unreadable)?;
        samples.sort_by_key(|sample| sample.at);
        let name = crate::run::series_name(&name, &labels);
        streams.push(Stream { signal, labels, series, name, samples });
    }
    if !strange.is_empty() && !leaves_out {
        return Err(Unfit::Strange { series: strange, signals: owned(&known) });
    }
    let silent: Vec<&str> = (0..wanted.len())
        .filter(|signal| !streams.iter().any(|stream| stream.signal == *signal))
        .map(|signal| wanted[signal])
        .collect();
    if !silent.is_empty() {
        let series = recording.series().iter().map(|info| info.name.clone()).collect();
        return Err(Unfit::Silent { signals: owned(&silent), series });
    }
    streams.sort_by(|a, b| (a.signal, &a.labels).cmp(&(b.signal, &b.labels)));
    let mut seen = BTreeSet::new();
    match streams.iter().find(|stream| !seen.insert((stream.signal, &stream.labels))) {
        Some(twice) => Err(Unfit::Twice(twice.name.clone())),
        None => Ok(streams),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The signal that a series is of, and its labels.
fn identity(info: &SeriesInfo, known: &[&str], wanted: &[&str]) -> Option<(String, Labels)> {
    let mut labels: Labels = info.labels.iter().cloned().collect();
    if let Some(signal) = labels.remove(SIGNAL) {
        return known.contains(&signal.as_str()).then_some((signal, labels));
    }
    if known.contains(&info.name.as_str()) {
        return Some((info.name.clone(), labels));
    }
    let (base, braces) = match info.name.split_once('{') {
        Some((base, rest)) => (base, rest.strip_suffix('}')?),
        None => (info.name.as_str(), ""),
    };
    if labels.is_empty() {
        labels = in_braces(braces)?;
    }
    if let Some(signal) = labels.remove(SIGNAL).filter(|_| base.is_empty()) {
        return known.contains(&signal.as_str()).then_some((signal, labels));
    }
    match (base, wanted) {
        ("", [only]) => Some(((*only).to_owned(), labels)),
        _ => known.contains(&base).then(|| (base.to_owned(), labels)),
    }
}

/// The labels in `host="h1",vip=a`: values with or without quotes; none where that is not what it is.
fn in_braces(text: &str) -> Option<Labels> {
    let mut labels = Labels::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (label, value) = pair.split_once('=')?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        labels.insert(label.trim().to_owned(), bare.to_owned());
    }
    Some(labels)
}

/// The first few of some names.
fn few(names: &[String]) -> String {
    const FEW: usize = 8;
    let more = names.len().saturating_sub(FEW);
    let shown = names[..names.len().min(FEW)].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { signals, series } => write!(
                f,
                "the input has no series of these signals of the plan: {}; it has {}. A series is of the signal that its \
                 label \"{SIGNAL}\" names, or that has its name: a column loss, loss{{host=h1}}",
                few(signals),
                few(series)
            ),
            Self::Strange { series, signals } => write!(
                f,
                "the input has series of no signal of the config: {}; the signals are {}. With --leave-out they are left out",
                few(series),
                few(signals)
            ),
            Self::Twice(name) => write!(f, "the input has the series {name} twice"),
            Self::Unreadable(_) => f.write_str("the input cannot be read back"),
        }
    }
}

impl Error for Unfit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::Timestamp;

    fn of(name: &str, labels: &[(&str, &str)], wanted: &[&str]) -> Option<(String, Vec<(String, String)>)> {
        let at = Timestamp::from_millis(0);
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
        let (name, labels) = (name.to_owned(), labels.collect());
        let info = SeriesInfo { name, labels, samples: 1, file: None, first: at, last: at };
        let (signal, labels) = identity(&info, &["loss", "load", "cpu"], wanted)?;
        Some((signal, labels.into_iter().collect()))
    }

    fn said(signal: &str, labels: &[(&str, &str)]) -> Option<(String, Vec<(String, String)>)> {
        let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
        Some((signal.to_owned(), labels.iter().map(owned).collect()))
    }

    #[test]
    fn a_series_is_of_the_signal_that_its_label_or_its_name_says() {
        let both = &["loss", "load"][..];
        assert_eq!(
            of("{signal=\"loss\",host=\"h1\"}", &[("signal", "loss"), ("host", "h1")], both),
            said("loss", &[("host", "h1")])
        );
        assert_eq!(of("loss", &[], both), said("loss", &[]));
        assert_eq!(of("load{host=h1, vip=\"a\"}", &[], both), said("load", &[("host", "h1"), ("vip", "a")]));
        assert_eq!(of("loss{host=\"h1\"}", &[("host", "h1")], both), said("loss", &[("host", "h1")]));
        assert_eq!(
            of("cpu", &[], both),
            said("cpu", &[]),
            "a signal of the config that the plan does not look at"
        );
    }

    #[test]
    fn what_has_labels_and_no_name_is_of_the_only_signal() {
        let labels = [("host", "h1")];
        assert_eq!(of("{host=\"h1\"}", &labels, &["loss"]), said("loss", &labels));
        assert_eq!(of("{host=\"h1\"}", &labels, &["loss", "load"]), None);
        assert_eq!(of("other", &[], &["loss"]), None);
        assert_eq!(of("other{host=h1}", &[], &["loss"]), None);
        assert_eq!(of("{signal=\"other\"}", &[("signal", "other")], &["loss"]), None);
    }
}
