//! Labels: when series were truly anomalous, as JSON windows or CSV.
//!
//! JSON: `{"series": [["from", "to"], …], …}`. CSV: a header `series,from,to` and a line for each window. Times
//! in any form that recorded series have; `to` is the last anomalous time. A label belongs to the series of that
//! name; where a series has its name from a file, also by the end of the file's path (`dir/name.csv`).

use crate::sources::recorded::{self, SeriesInfo};
use quietgate_detectors::Timestamp;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

/// A stretch of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first anomalous time.
    pub from: Timestamp,
    /// The last anomalous time.
    pub to: Timestamp,
}

/// Windows by the name of their series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    windows: BTreeMap<String, Vec<Window>>,
}

impl Labels {
    /// Reads the text of a label file: JSON where it begins with a brace, else CSV.
    ///
    /// # Errors
    /// What is neither; a time that cannot be read; a window that ends before it begins.
    pub fn read(file: &str, text: &str) -> Result<Self, LabelError> {
        let windows = if text.trim_start().starts_with('{') { from_json(text) } else { from_csv(text) };
        let mut labels =
            windows.map_err(|(line, message)| LabelError { file: file.to_owned(), line, message })?;
        labels.values_mut().for_each(|windows| windows.sort_by_key(|w| (w.from, w.to)));
        Ok(Self { windows: labels })
    }

    /// The windows of `series`, in order of time.
    pub fn of(&self, series: &SeriesInfo) -> &[Window] {
        let name = self.windows.keys().find(|name| names(name, series));
        name.and_then(|name| self.windows.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The names that none of `series` has.
    pub fn unknown<'a>(&'a self, series: &'a [SeriesInfo]) -> impl Iterator<Item = &'a str> {
        let known = |name: &str| series.iter().any(|info| names(name, info));
        self.windows.keys().map(String::as_str).filter(move |name| !known(name))
    }

    /// How many series are labelled, those without a window included.
    pub fn series(&self) -> usize {
        self.windows.len()
    }
}

fn names(label: &str, series: &SeriesInfo) -> bool {
    let by_file = |file: &String| {
        let head = file.strip_suffix(label);
        head.is_some_and(|head| head.is_empty() || head.ends_with('/'))
    };
    label == series.name || series.file.as_ref().is_some_and(by_file)
}

type Windows = BTreeMap<String, Vec<Window>>;
type At = (Option<u64>, String);

fn from_json(text: &str) -> Result<Windows, At> {
    let form = "allowed is {\"series\": [[\"from\", \"to\"], ...]}";
    let read: BTreeMap<String, Vec<(serde_json::Value, serde_json::Value)>> = serde_json::from_str(text)
        .map_err(|error| (Some(error.line() as u64), format!("{error}; {form}")))?;
    let one = |(from, to): (serde_json::Value, serde_json::Value)| {
        let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        window(&text(from), &text(to)).map_err(|message| (None, message))
    };
    let all = |(series, windows): (String, Vec<_>)| {
        let windows: Result<Vec<_>, At> = windows.into_iter().map(one).collect();
        windows
            .map_err(|(line, message)| (line, format!("series {series:?}: {message}")))
            .map(|w| (series, w))
    };
    read.into_iter().map(all).collect()
}

fn from_csv(text: &str) -> Result<Windows, At> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let line_of = |error: &csv::Error| error.position().map(csv::Position::line);
    let header = reader.headers().map_err(|error| (line_of(&error), error.to_string()))?;
    if header != vec!["series", "from", "to"] {
        let found: Vec<_> = header.iter().collect();
        return Err((Some(1), format!("columns {:?}, allowed are series,from,to", found.join(","))));
    }
    let mut windows = Windows::new();
    for record in reader.records() {
        let record = record.map_err(|error| (line_of(&error), error.to_string()))?;
        let line = record.position().map(csv::Position::line);
        let window = window(&record[1], &record[2]).map_err(|message| (line, message))?;
        windows.entry(record[0].to_owned()).or_default().push(window);
    }
    Ok(windows)
}

fn window(from: &str, to: &str) -> Result<Window, String> {
    let time = |text: &str| {
        let allowed = "allowed is epoch s, ms, us or ns, RFC 3339, or YYYY-MM-DD HH:MM[:SS] in UTC";
        recorded::time(text).ok_or_else(|| format!("time {text:?}, {allowed}"))
    };
    let window = Window { from: time(from)?, to: time(to)? };
    if window.to < window.from {
        return Err(format!("the window from {from:?} to {to:?} ends before it begins"));
    }
    Ok(window)
}

/// A label file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelError {
    /// The file.
    pub file: String,
    /// The line, where it is known.
    pub line: Option<u64>,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} line {line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl Error for LabelError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, file: Option<&str>) -> SeriesInfo {
        let at = Timestamp::from_millis(0);
        SeriesInfo {
            name: name.to_owned(),
            labels: Vec::new(),
            samples: 1,
            file: file.map(str::to_owned),
            first: at,
            last: at,
        }
    }

    #[test]
    fn json_and_csv_say_the_same() {
        let json = r#"{"a": [["2024-03-09T08:01:00Z", "2024-03-09T08:30:00Z"], [1710000000, "1710000060"]], "b": []}"#;
        let csv =
            "series,from,to\na,2024-03-09 08:01,2024-03-09T09:30:00+01:00\na,1710000000,1710000060000\n";
        let (json, csv) = (Labels::read("l.json", json), Labels::read("l.csv", csv));
        let (json, csv) = (json.expect("good JSON"), csv.expect("good CSV"));
        let a = info("a", None);
        assert_eq!(json.of(&a), csv.of(&a));
        assert_eq!(json.of(&a).len(), 2);
        assert_eq!((json.series(), csv.series()), (2, 1));
    }

    #[test]
    fn a_series_named_after_its_file_is_found_by_the_path() {
        let labels = Labels::read(
            "l",
            r#"{"realKnownCause/nyc_taxi.csv": [["2014-11-01 19:00:00", "2014-11-03 22:30:00"]]}"#,
        );
        let labels = labels.expect("good JSON");
        let taxi = info("nyc_taxi", Some("nab/realKnownCause/nyc_taxi.csv"));
        assert_eq!(labels.of(&taxi).len(), 1);
        let other = info("nyc_taxi", Some("nab/unrealKnownCause/nyc_taxi.csv"));
        assert_eq!(labels.of(&other), []);
        assert_eq!(labels.unknown(&[other]).collect::<Vec<_>>(), ["realKnownCause/nyc_taxi.csv"]);
    }

    #[test]
    fn mistakes_are_named_with_file_and_line() {
        let error = |text: &str| Labels::read("l.csv", text).expect_err(text).to_string();
        assert_eq!(
            error("series,from\n"),
            "l.csv line 1: columns \"series,from\", allowed are series,from,to"
        );
        assert_eq!(
            error("series,from,to\na,2024-03-09,2024-03-08\n"),
            "l.csv line 2: the window from \"2024-03-09\" to \"2024-03-08\" ends before it begins"
        );
        assert!(
            error("series,from,to\na,soon,2024-03-08\n")
                .starts_with("l.csv line 2: time \"soon\", allowed is")
        );
        assert!(error("{\"a\": [[1]]}").starts_with("l.csv line 1: "));
    }
}
