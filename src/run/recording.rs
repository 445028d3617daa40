//! What a run's driver heard of its sources, as JSON lines: with the journal it is enough to make every decision once more.
//!
//! Each line says when it was (`at`, UTC milliseconds by the clock of the driver) and how far the journal was then (`seq`, the number
//! of its newest record), so that samples and records keep their order.

use crate::labels::Labels;
use crate::sources::{Answer, SourceError};
use quietgate_detectors::{Reason, Sample, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The form of the lines; another one is not read.
pub const FORM: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// A driver begins, which has heard nothing yet. Its first record is the next one.
    Driver {
        /// When.
        at: i64,
        /// The newest record.
        seq: u64,
        /// The form of the lines.
        form: u32,
        /// The version of the program.
        version: String,
        /// The run that it drives.
        run: String,
    },
    /// A source has answered.
    Said {
        /// When.
        at: i64,
        /// The newest record.
        seq: u64,
        /// The signal that it was asked for.
        signal: String,
        /// Whether this is all there is.
        complete: bool,
        /// What is odd about the answer, in words.
        warnings: Vec<String>,
        /// The samples that are new.
        series: Vec<SaidSeries>,
        /// Labels of series that the source does not show any more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ended: Vec<Labels>,
    },
    /// The history has remembered: samples that an earlier driver heard.
    Kept {
        /// When.
        at: i64,
        /// The newest record.
        seq: u64,
        /// The signal.
        signal: String,
        /// Whether the source would tell of them too, so that what was there must be there.
        told: bool,
        /// The samples.
        series: Vec<SaidSeries>,
    },
    /// A source has not answered.
    Trouble {
        /// When.
        at: i64,
        /// The newest record.
        seq: u64,
        /// The signal that it was asked for.
        signal: String,
        /// Why its series are unknown now.
        reason: String,
    },
    /// The driver has looked what comes next at this time, and there was nothing to do.
    Looked {
        /// When.
        at: i64,
        /// The newest record.
        seq: u64,
    },
}

/// New samples of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaidSeries {
    /// What the source calls it.
    pub labels: Labels,
    /// Times in UTC milliseconds with their values. A value is a text with as many digits as tell it from every other number,
    /// or `NaN`, `inf`, `-inf`.
    pub samples: Vec<(i64, String)>,
}

impl Line {
    /// What a source said of `signal`, or why it said nothing.
    pub fn heard(at: Timestamp, seq: u64, signal: &str, answer: &Result<Answer, SourceError>) -> Self {
        let (at, signal) = (at.as_millis(), signal.to_owned());
        match answer {
            Ok(answer) => {
                let series = answer.series.iter().map(|s| SaidSeries::of(&s.labels, &s.samples));
                let (complete, warnings) = (answer.complete, answer.warnings.clone());
                let (series, ended) = (series.collect(), answer.ended.clone());
                Self::Said { at, seq, signal, complete, warnings, series, ended }
            }
            Err(error) => Self::Trouble { at, seq, signal, reason: error.reason().word().to_owned() },
        }
    }

    /// The newest record when it was written.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Driver { seq, .. }
            | Self::Said { seq, .. }
            | Self::Kept { seq, .. }
            | Self::Trouble { seq, .. }
            | Self::Looked { seq, .. } => *seq,
        }
    }
}

impl SaidSeries {
    /// These samples of the series with these labels.
    pub fn of(labels: &Labels, samples: &[Sample]) -> Self {
        let sample = |sample: &Sample| (sample.at.as_millis(), sample.value.to_string());
        Self { labels: labels.clone(), samples: samples.iter().map(sample).collect() }
    }

    /// The samples; none where a value is no number.
    pub fn samples(&self) -> Option<Vec<Sample>> {
        self.samples.iter().map(|(at, value)| Some(Sample::new(*at, value.parse().ok()?))).collect()
    }
}

/// The reason that a word stands for.
pub fn reason(word: &str) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| reason.word() == word)
}

/// Writes lines behind those that a file has.
#[derive(Debug)]
pub struct Recorder {
    out: BufWriter<File>,
}

impl Recorder {
    /// Writes behind what the file at `path` has, and makes it where there is none. An end that is torn stays a line of its own.
    ///
    /// # Errors
    /// Where the file cannot be opened, or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { out: BufWriter::new(file) })
    }

    /// Writes a line and hands it to the system: it outlives this process, and not a loss of power.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SeriesSamples;

    #[test]
    fn a_line_is_read_as_it_was_written_to_the_last_bit() {
        let values = [0.1 + 0.2, -0.0, f64::MIN_POSITIVE / 3.0, f64::MAX, 1e23, 5e-324, f64::INFINITY];
        let samples: Vec<_> = (0..).zip(values).map(|(at, value)| Sample::new(at, value)).collect();
        let labels = Labels::from([("host", "h\"1")]);
        let series = vec![SeriesSamples { labels, samples: samples.clone() }];
        let gone = Labels::from([("host", "h2")]);
        let answer =
            Ok(Answer { series, warnings: vec!["odd".to_owned()], ended: vec![gone], ..Answer::default() });
        let line = Line::heard(Timestamp::from_millis(5), 7, "loss", &answer);
        let text = serde_json::to_string(&line).expect("a line");
        let read: Line = serde_json::from_str(&text).expect("a line");
        assert_eq!(read, line);
        let Line::Said { series, .. } = read else { panic!("{text}") };
        let bits = |samples: &[Sample]| samples.iter().map(|s| s.value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&series[0].samples().expect("numbers")), bits(&samples));
    }

    #[test]
    fn a_value_that_is_no_number_stays_one() {
        let series = |value: &str| SaidSeries { labels: Labels::new(), samples: vec![(1, value.to_owned())] };
        assert!(series("NaN").samples().expect("a sample")[0].value.is_nan());
        assert_eq!(series("12,5").samples(), None);
    }

    #[test]
    fn what_is_torn_is_a_line_of_its_own() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "{\"kind\":\"loo").expect("a file");
        let line = Line::Looked { at: 1, seq: 2 };
        Recorder::open(file.path()).and_then(|mut out| out.write(&line)).expect("it is written");
        Recorder::open(file.path()).and_then(|mut out| out.write(&line)).expect("it is written");
        let text = std::fs::read_to_string(file.path()).expect("a file");
        let whole = r#"{"kind":"looked","at":1,"seq":2}"#;
        assert_eq!(text.lines().collect::<Vec<_>>(), ["{\"kind\":\"loo", whole, whole]);
    }
}
