//! The series of a recording that are of the signals of a plan.

use crate::config::{Config, SIGNAL_LABEL, Strange};
use crate::monitor::Labels;
use crate::plan::Plan;
use crate::run::signals;
use crate::sources::recorded::{InputError, Recording};
use crate::text::{self, plain};
use quietgate_detectors::Sample;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

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
        /// What is wrong with the first.
        first: Strange,
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
    let only = match wanted.as_slice() {
        [only] => config.signals.iter().position(|signal| signal.name == *only),
        _ => None,
    };
    let (mut streams, mut strange, mut first) = (Vec::new(), Vec::new(), None);
    for (series, info) in recording.series().iter().enumerate() {
        let (signal, labels) = match config.signal_of(info, only) {
            Ok((place, labels)) => (&config.signals[place].name, labels),
            Err(why) => {
                strange.push(info.name.clone());
                first = first.or(Some(why));
                continue;
            }
        };
        let name = crate::run::series_name(signal, &labels);
        let Some(signal) = wanted.iter().position(|wanted| wanted == signal) else { continue };
        let mut samples = recording.samples(series).map_err(Unfit::Unreadable)?;
        samples.sort_by_key(|sample| sample.at);
        streams.push(Stream { signal, labels, series, name, samples });
    }
    if let Some(first) = first.filter(|_| !leaves_out) {
        return Err(Unfit::Strange { series: strange, first });
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

/// The first few of some names.
fn few(names: &[String]) -> String {
    const FEW: usize = 8;
    plain(&text::few(names, FEW, String::clone)).into_owned()
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { signals, series } => write!(
                f,
                "the input has no series of these signals of the plan: {}; it has {}. A series is of the signal that its \
                 label \"{SIGNAL_LABEL}\" names, or that has its name: a column loss, loss{{host=h1}}",
                few(signals),
                few(series)
            ),
            Self::Strange { series, first } => write!(
                f,
                "the input has series of no signal: {}; {first}. With --leave-out they are left out",
                few(series)
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
