//! What each column of a table is, by its name and by what the user says, and how series are named.

use super::error::InputError;

/// How the series stand in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Long where there is a value column, else wide.
    #[default]
    Auto,
    /// One sample a row: time, value, and the columns that name the series, if any.
    Long,
    /// One time a row: every other column is a series.
    Wide,
}

/// Names of columns, where the file's own names are not recognised. A name must be exactly that of the column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnNames {
    /// The time; else `timestamp`, `time`, `at`, `ts`, `date` or `datetime`, in any case.
    pub time: Option<String>,
    /// The value of a long table; else `value`, in any case.
    pub value: Option<String>,
    /// The name of the series in a long table; else `series`, in any case. Other columns are labels.
    pub series: Option<String>,
    /// Columns that say nothing here. A name that a file does not have is no error: files differ.
    pub ignore: Vec<String>,
}

const TIME_NAMES: [&str; 6] = ["timestamp", "time", "at", "ts", "date", "datetime"];
const ALLOWED_TIME: &str =
    "one column timestamp, time, at, ts, date or datetime in the header, or the one named by --time";

/// The columns of one table by what they are; numbers count the columns of the file from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Names of all columns.
    pub(super) names: Vec<String>,
    /// The time.
    pub(super) time: usize,
    /// The values: one column, or one for each series of a wide table.
    pub(super) values: Vec<usize>,
    /// The columns that name the series of a row, in the order of the file.
    pub(super) keys: Vec<usize>,
    /// The key column that is the name itself; the others are labels.
    pub(super) series: Option<usize>,
    /// Whether the value columns are series by their names.
    pub(super) wide: bool,
}

/// A series as its table names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
}

impl Table {
    /// Says what each of the columns `names` is.
    pub(super) fn recognise(
        file: &str,
        names: Vec<String>,
        layout: Layout,
        wanted: &ColumnNames,
    ) -> Result<Self, InputError> {
        let header = Header { file, names: &names, wanted };
        header.check_names()?;
        let time = header.time()?;
        let value = header.value(time)?;
        let rest: Vec<usize> = header.used().filter(|column| *column != time).collect();
        if rest.is_empty() {
            let found = format!("no column beside {:?}", names[time]);
            return Err(InputError::new(file, found, "at least one column with values"));
        }
        let wide = match layout {
            Layout::Auto => value.is_none(),
            Layout::Wide => true,
            Layout::Long => false,
        };
        if wide {
            if let Some(said) = wanted.value.as_ref().or(wanted.series.as_ref()) {
                let found = format!("the column {said:?} named for a wide table");
                return Err(InputError::new(file, found, "--value and --series for a long table only"));
            }
            return Ok(Self { names, time, values: rest, keys: Vec::new(), series: None, wide });
        }
        let Some(value) = value else {
            return Err(header.missing("a column value, or the one named by --value"));
        };
        let keys: Vec<usize> = rest.into_iter().filter(|column| *column != value).collect();
        let series = header.series(&keys)?;
        Ok(Self { names, time, values: vec![value], keys, series, wide })
    }

    /// The columns that are read, in the order of the file.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        let is_used = |column: &usize| {
            *column == self.time || self.values.contains(column) || self.keys.contains(column)
        };
        (0..self.names.len()).filter(is_used)
    }

    /// The table in parts of at most `columns` value columns each, every part with the time.
    pub(super) fn in_parts(&self, columns: usize) -> Vec<Self> {
        self.values.chunks(columns).map(|part| Self { values: part.to_vec(), ..self.clone() }).collect()
    }

    /// The name and the labels of the series whose key columns hold `fields`.
    pub(super) fn identity(&self, fields: &[&str]) -> Identity {
        let mut base = "";
        let mut labels = Vec::new();
        for (column, field) in self.keys.iter().zip(fields) {
            if self.series == Some(*column) {
                base = field;
            } else {
                labels.push((self.names[*column].clone(), (*field).to_owned()));
            }
        }
        let quoted: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let name =
            if labels.is_empty() { base.to_owned() } else { format!("{base}{{{}}}", quoted.join(",")) };
        Identity { name, labels }
    }
}

/// A label value as Prometheus writes it between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The names of the columns together with what the user says about them.
struct Header<'a> {
    file: &'a str,
    names: &'a [String],
    wanted: &'a ColumnNames,
}

impl Header<'_> {
    /// The columns that are not to be ignored.
    fn used(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|column| !self.wanted.ignore.contains(&self.names[*column]))
    }

    fn check_names(&self) -> Result<(), InputError> {
        let mut seen = std::collections::HashSet::new();
        for column in self.used() {
            let name = &self.names[column];
            if name.is_empty() {
                let found = format!("column {} of {} without a name", column + 1, self.names.len());
                return Err(InputError::new(self.file, found, "a name for every column, or --ignore ''"));
            }
            if !seen.insert(name) {
                let found = format!("two columns {name:?}");
                return Err(InputError::new(self.file, found, "a name of its own for every column"));
            }
        }
        Ok(())
    }

    fn time(&self) -> Result<usize, InputError> {
        if let Some(name) = &self.wanted.time {
            return self.named(name, "the column named by --time");
        }
        let mut known = self.used().filter(|column| is_one_of(&self.names[*column], &TIME_NAMES));
        match (known.next(), known.next()) {
            (Some(time), None) => Ok(time),
            (None, _) => Err(self.missing(ALLOWED_TIME)),
            (Some(first), Some(second)) => {
                let found = format!("two time columns {:?} and {:?}", self.names[first], self.names[second]);
                Err(InputError::new(self.file, found, ALLOWED_TIME))
            }
        }
    }

    fn value(&self, time: usize) -> Result<Option<usize>, InputError> {
        match &self.wanted.value {
            Some(name) => self.named(name, "the column named by --value").map(Some),
            None => {
                Ok(self.used().find(|column| *column != time && is_one_of(&self.names[*column], &["value"])))
            }
        }
    }

    fn series(&self, keys: &[usize]) -> Result<Option<usize>, InputError> {
        match &self.wanted.series {
            Some(name) => self.named(name, "the column named by --series").map(Some),
            None => Ok(keys.iter().copied().find(|column| is_one_of(&self.names[*column], &["series"]))),
        }
    }

    fn named(&self, name: &str, what: &str) -> Result<usize, InputError> {
        let found = self.used().find(|column| self.names[*column] == *name);
        found.ok_or_else(|| self.missing(&format!("{what}, {name:?}")))
    }

    fn missing(&self, allowed: &str) -> InputError {
        let names: Vec<&str> = self.used().map(|column| self.names[column].as_str()).collect();
        InputError::new(self.file, format!("the columns {}", names.join(", ")), allowed)
    }
}

fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(header: &str, layout: Layout, wanted: &ColumnNames) -> Result<Table, String> {
        let names = header.split(',').map(str::to_owned).collect();
        Table::recognise("a.csv", names, layout, wanted).map_err(|error| error.to_string())
    }

    fn auto(header: &str) -> Result<Table, String> {
        table(header, Layout::Auto, &ColumnNames::default())
    }

    #[test]
    fn a_value_column_makes_it_long() {
        let table = auto("Value,TS,series").expect("long");
        assert_eq!(
            (table.time, table.values, table.keys, table.series, table.wide),
            (1, vec![0], vec![2], Some(2), false)
        );
    }

    #[test]
    fn without_a_value_column_it_is_wide() {
        let table = auto("A,timestamp,B").expect("wide");
        assert_eq!((table.time, table.values, table.wide), (1, vec![0, 2], true));
    }

    #[test]
    fn names_are_those_of_prometheus() {
        let labels = auto("timestamp,vip,port,value").expect("long");
        assert_eq!(labels.identity(&["10.0.0.1", "80"]).name, r#"{vip="10.0.0.1",port="80"}"#);
        assert_eq!(labels.identity(&["a\"\\\n", ""]).name, r#"{vip="a\"\\\n",port=""}"#);
        let both = auto("timestamp,vip,series,value").expect("long");
        let identity = both.identity(&["a", "bytes"]);
        assert_eq!(identity.name, r#"bytes{vip="a"}"#);
        assert_eq!(identity.labels, [("vip".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn what_the_user_says_goes_first() {
        let wanted = ColumnNames {
            time: Some("when".into()),
            value: Some("load".into()),
            series: Some("host".into()),
            ignore: vec!["Label".into()],
        };
        let table = table("when,time,load,host,Label", Layout::Auto, &wanted).expect("long");
        assert_eq!((table.time, table.values, table.keys, table.series), (0, vec![2], vec![1, 3], Some(3)));
    }

    #[test]
    fn each_mistake_says_what_was_found_and_what_is_allowed() {
        let at = ColumnNames { time: Some("at".into()), ..ColumnNames::default() };
        let value = ColumnNames { value: Some("load".into()), ..ColumnNames::default() };
        let error = |header, layout, wanted| table(header, layout, wanted).expect_err("refused");
        let none = ColumnNames::default();
        assert_eq!(
            error("when,value", Layout::Auto, &none),
            "a.csv: found the columns when, value, allowed: one column timestamp, time, at, ts, date or datetime \
             in the header, or the one named by --time"
        );
        assert_eq!(
            error("date,time,value", Layout::Auto, &none),
            "a.csv: found two time columns \"date\" and \"time\", allowed: one column timestamp, time, at, ts, date \
             or datetime in the header, or the one named by --time"
        );
        assert_eq!(
            error("ts,a", Layout::Auto, &at),
            "a.csv: found the columns ts, a, allowed: the column named by --time, \"at\""
        );
        assert_eq!(
            error("ts,a", Layout::Long, &none),
            "a.csv: found the columns ts, a, allowed: a column value, or the one named by --value"
        );
        assert_eq!(
            error("ts,load", Layout::Wide, &value),
            "a.csv: found the column \"load\" named for a wide table, allowed: --value and --series for a long table only"
        );
        assert_eq!(
            error("ts", Layout::Auto, &none),
            "a.csv: found no column beside \"ts\", allowed: at least one column with values"
        );
        assert_eq!(
            error("ts,a,a", Layout::Auto, &none),
            "a.csv: found two columns \"a\", allowed: a name of its own for every column"
        );
        assert_eq!(
            error(",ts,a", Layout::Auto, &none),
            "a.csv: found column 1 of 3 without a name, allowed: a name for every column, or --ignore ''"
        );
    }
}
