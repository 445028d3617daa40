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
use quietgate_detectors::Sample;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The columns of a file and the form of its times, which its first row settles.
#[derive(Debug)]
pub(in crate::sources) struct Rows {
    table: Table,
    separator: u8,
    form: Option<Form>,
    clock: Clock,
}

/// A sample with the labels of its series.
pub(in crate::sources) type Named = (BTreeMap<String, String>, Sample);

/// The label that holds the name of a series.
const SERIES: &str = "series";

impl Rows {
    /// The rows under `header`, a line of `file`.
    pub(in crate::sources) fn under(file: &str, header: &[u8]) -> Result<Self, InputError> {
        let options = ReadOptions::default();
        let reading = Reading { file, stem: "", options: &options, block_bytes: 0 };
        let (table, separator) = header_table(header, &reading)?;
        Ok(Self { table, separator, form: None, clock: Clock::default() })
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
        for column in &self.table.values {
            let text = fields[*column].trim();
            let value = match Value::read(text) {
                Value::Number(value) => value,
                Value::Odd(FaultKind::NotNumeric) => return Err(format!("the value {}", quoted(text))),
                Value::Odd(_) => f64::NAN,
            };
            let mut labels = labels.clone();
            if self.table.wide {
                labels.insert(SERIES.to_owned(), self.table.names[*column].clone());
            }
            samples.push((labels, Sample::new(at, value)));
        }
        Ok(samples)
    }

    fn labels(&self, fields: &[Cow<'_, str>]) -> BTreeMap<String, String> {
        let name = |column: usize| {
            if self.table.series == Some(column) {
                SERIES.to_owned()
            } else {
                self.table.names[column].clone()
            }
        };
        self.table.keys.iter().map(|column| (name(*column), fields[*column].clone().into_owned())).collect()
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
                let told = |(labels, sample): (BTreeMap<_, _>, Sample)| {
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
