//! CSV row by row, for files that grow while they are watched: the same columns and times as in recorded ones.

use super::ReadOptions;
use super::batch::Value;
use super::clock::{Clock, Form, TimestampForm, checked};
use super::csv::header_table;
use super::error::{InputError, quoted};
use super::faults::FaultKind;
use super::fields;
use super::layout::Table;
use super::reading::Reading;
use crate::labels::Labels;
use quietgate_detectors::Sample;
use std::borrow::Cow;

/// The columns of a file and the form of its times, which its first row settles.
#[derive(Debug)]
pub(in crate::sources) struct Rows {
    table: Table,
    separator: u8,
    form: Option<Form>,
    clock: Clock,
    /// Those of the series of a wide table, each in the place of its column.
    wide: Vec<Labels>,
    /// Those of the last row: the next one often has the same.
    last: Labels,
}

/// A sample with the labels of its series.
pub(in crate::sources) type Named = (Labels, Sample);

/// The label that holds the name of a series.
const SERIES: &str = "series";

impl Rows {
    /// The rows under `header`, a line of `file`.
    pub(in crate::sources) fn under(file: &str, header: &[u8]) -> Result<Self, InputError> {
        let options = ReadOptions::default();
        let reading = Reading { file, stem: "", options: &options, block_bytes: 0 };
        let (table, separator) = header_table(header, &reading)?;
        let columns = table.values.iter().filter(|_| table.wide);
        let wide = columns.map(|column| Labels::from([(SERIES, &table.names[*column])])).collect();
        let last = Labels::new();
        Ok(Self { table, separator, form: None, clock: Clock::default(), wide, last })
    }

    /// The samples of a row: one, or in a wide table one for each series. A value that is empty or not finite is NaN.
    ///
    /// # Errors
    /// What is wrong with the row, in words.
    pub(in crate::sources) fn read(&mut self, line: &str) -> Result<Vec<Named>, String> {
        let mut fields = Vec::new();
        fields::split(line, self.separator, &mut fields).map_err(|error| error.found().to_owned())?;
        let columns = self.table.names.len();
        if fields.len() != columns {
            return Err(format!("{} of {columns} fields", fields.len()));
        }
        let at = self.time(fields[self.table.time].trim())?;
        let labels = self.labels(&fields);
        let mut samples = Vec::with_capacity(self.table.values.len());
        for (place, column) in self.table.values.iter().enumerate() {
            let text = fields[*column].trim();
            let value = match Value::read(text) {
                Value::Number(value) => value,
                Value::Odd(FaultKind::NotNumeric) => return Err(format!("the value {}", quoted(text))),
                Value::Odd(_) => f64::NAN,
            };
            let labels = self.wide.get(place).unwrap_or(&labels);
            samples.push((labels.clone(), Sample::new(at, value)));
        }
        Ok(samples)
    }

    fn labels(&mut self, fields: &[Cow<'_, str>]) -> Labels {
        let name = |column: usize| match self.table.series == Some(column) {
            true => SERIES,
            false => self.table.names[column].as_str(),
        };
        let pairs = self.table.keys.iter().map(|column| (name(*column), &*fields[*column]));
        let is_last = self.last.len() == pairs.len()
            && pairs.clone().all(|(name, value)| self.last.get(name) == Some(value));
        if !is_last {
            self.last = pairs.collect();
        }
        self.last.clone()
    }

    fn time(&mut self, text: &str) -> Result<i64, String> {
        let wanted = TimestampForm::Auto;
        let form = self.form.or_else(|| Form::settle(wanted, text));
        let ms = form.and_then(|form| self.clock.read(form, text));
        let ms = checked(ms, form, wanted)
            .map_err(|allowed| format!("the time {}, allowed: {allowed}", quoted(text)))?;
        self.form = form;
        Ok(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: &mut Rows, line: &str) -> Vec<String> {
        match rows.read(line) {
            Ok(samples) => {
                let told = |(labels, sample): Named| {
                    format!("{labels:?} {} {}", sample.at.as_millis(), sample.value)
                };
                samples.into_iter().map(told).collect()
            }
            Err(why) => vec![why],
        }
    }

    #[test]
    fn each_layout_names_its_series() {
        let mut plain = Rows::under("f", b"timestamp,value").expect("a header");
        assert_eq!(told(&mut plain, "1700000000,1.5"), ["{} 1700000000000 1.5"]);
        assert_eq!(told(&mut plain, "1700000001,"), ["{} 1700000001000 NaN"]);
        let mut long = Rows::under("f", b"timestamp,Series,vip,value\r\n").expect("a header");
        assert_eq!(
            told(&mut long, "2024-01-01T00:00:00Z,in,\"a,b\",2"),
            ["{\"series\": \"in\", \"vip\": \"a,b\"} 1704067200000 2"]
        );
        let mut wide = Rows::under("f", b"time,a,b").expect("a header");
        assert_eq!(
            told(&mut wide, "1700000000,1,2"),
            ["{\"series\": \"a\"} 1700000000000 1", "{\"series\": \"b\"} 1700000000000 2"]
        );
    }

    #[test]
    fn the_next_row_of_a_series_shares_its_labels() {
        let mut rows = Rows::under("f", b"timestamp,vip,port,value").expect("a header");
        let mut labels = |line: &str| rows.read(line).expect(line).remove(0).0;
        let first = labels("1700000000,a,80,1");
        assert!(first.is_shared_with(&labels("1700000001,a,80,2")));
        let other = Labels::from([("vip", "a"), ("port", "81")]);
        assert_eq!(labels("1700000001,a,81,2"), other);
        assert_eq!(labels("1700000001,80,a,2"), Labels::from([("vip", "80"), ("port", "a")]));
        assert_eq!(labels("1700000002,a,80,2"), first);
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told_and_the_form_of_times_is_kept() {
        let mut rows = Rows::under("f", b"timestamp,value").expect("a header");
        assert_eq!(
            told(&mut rows, "yesterday,1")[0].split(", allowed").next(),
            Some("the time \"yesterday\"")
        );
        assert_eq!(told(&mut rows, "1700000000,1").len(), 1);
        for (line, start) in [
            ("1700000000", "1 of 2 fields"),
            (
                "2024-01-01T00:00:00Z,1",
                "the time \"2024-01-01T00:00:00Z\", allowed: epoch s as in the first row",
            ),
            ("1700000000,x", "the value \"x\""),
            ("\"1700000000,1", "a quoted field that does not end"),
        ] {
            assert!(told(&mut rows, line)[0].starts_with(start), "{line}");
        }
        assert!(Rows::under("f", b"a,b").is_err());
    }
}
