//! `quietgate check --history`: judges recorded series by the rules of a config, and says what is odd about them.

use super::judging::Judging;
use super::progress::Progress;
use crate::backtest::{self, BacktestError};
use crate::config::{Config, Signal};
use crate::sources::recorded::{self, InputError, Recording, SeriesInfo};
use crate::text::{counted, with_causes};
use jiff::tz::TimeZone;
use quietgate_detectors::Interval;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// So many series of a signal are named for one oddity.
const NAMED: usize = 5;

/// Recorded series to hold configs against.
pub(super) struct Past {
    recording: Recording,
    /// The signal that all of them are of; none where each says so itself.
    signal: Option<String>,
    progress: Progress,
}

impl Past {
    /// Reads the files that `patterns` name; all of their series are of the signal `signal`, where there is one.
    ///
    /// # Errors
    /// What stands in the way, in words.
    pub(super) fn read(patterns: &[String], signal: Option<String>) -> Result<Self, String> {
        let progress = Progress::begin().map_err(|error| error.to_string())?;
        let in_words = |error: InputError| with_causes(&error);
        progress.reading(recorded::total_bytes(patterns).map_err(in_words)?);
        let recording =
            recorded::load(patterns, &recorded::ReadOptions::default(), &progress).map_err(in_words)?;
        Ok(Self { recording, signal, progress })
    }

    /// What is odd about the signals of `config`, each with the signal it is about; and what could not be judged.
    ///
    /// # Errors
    /// A signal that the config does not have, or samples that cannot be read back, in words.
    pub(super) fn against<'a>(
        &self,
        config: &'a Config,
    ) -> Result<Vec<(Option<&'a Signal>, String)>, String> {
        let judging = Judging::by_signals(config.clone(), self.signal.as_deref())?;
        let series = self.recording.series();
        self.progress.judging(series.len() as u64);
        let places: Vec<usize> = (0..series.len()).collect();
        let mut odd = Gathered::default();
        for some in places.chunks(64) {
            if self.progress.stopped() {
                return Err("stopped before all of the history was judged".to_owned());
            }
            let judged: Vec<_> = some.par_iter().map(|&index| self.series(&judging, index)).collect();
            for (&index, judged) in some.iter().zip(judged) {
                let signal = judging.of(&series[index]).ok().and_then(|how| how.signal);
                let place =
                    signal.and_then(|own| config.signals.iter().position(|known| known.name == own.name));
                odd.add(config, place, &series[index].name, judged.map_err(|error| with_causes(&error))?);
            }
            self.progress.done(some.last().map_or(0, |last| *last as u64 + 1));
        }
        self.progress.end();
        Ok(odd.told(config))
    }

    fn series(&self, judging: &Judging, index: usize) -> Result<Vec<(u8, String)>, BacktestError> {
        let how = match judging.of(&self.recording.series()[index]) {
            Ok(how) => how,
            Err(why) => return Ok(vec![(0, format!("left out of the history: {why}"))]),
        };
        let spec = |info: &SeriesInfo, found: Option<Interval>| judging.recorded(info, found);
        let spec = match backtest::spec_of(&self.recording, index, &spec, None)? {
            Ok(spec) => spec,
            Err(why) => return Ok(vec![(0, format!("cannot be judged: {why}"))]),
        };
        // the zone was found good when the spec was made by it
        let zone = TimeZone::get(how.time_zone()).unwrap_or(TimeZone::UTC);
        let odd = backtest::history(&self.recording, index, &spec)?.odd(&zone);
        Ok(odd.into_iter().map(|(kind, message)| (kind as u8 + 1, message)).collect())
    }
}

/// What is odd, by the place of the signal in the config, and by kind.
#[derive(Default)]
struct Gathered {
    odd: BTreeMap<(Option<usize>, u8), Alike>,
}

/// One kind of oddity of one signal.
#[derive(Default)]
struct Alike {
    told: Vec<String>,
    /// So many series more.
    more: u64,
}

impl Gathered {
    fn add(&mut self, config: &Config, signal: Option<usize>, series: &str, odd: Vec<(u8, String)>) {
        for (kind, message) in odd {
            let alike = self.odd.entry((signal, kind)).or_default();
            if alike.told.len() < NAMED {
                let of = signal
                    .map_or(String::new(), |place| format!("signal {:?}, ", config.signals[place].name));
                alike.told.push(format!("{of}series {series:?}: {message}"));
            } else {
                alike.more += 1;
            }
        }
    }

    fn told(self, config: &Config) -> Vec<(Option<&Signal>, String)> {
        let one = |((signal, _), mut alike): ((Option<usize>, u8), Alike)| {
            if let Some(last) = alike.told.last_mut().filter(|_| alike.more > 0) {
                *last += &format!("; so it is with {} more", counted(alike.more, "series", "series"));
            }
            let signal = signal.map(|place| &config.signals[place]);
            alike.told.into_iter().map(move |message| (signal, message))
        };
        self.odd.into_iter().flat_map(one).collect()
    }
}
