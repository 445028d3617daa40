//! Every layout, form of timestamps and packing, as CSV and as Parquet, says the same.

use polars::prelude::{Column, DataFrame, DataType, NamedFrom, ParquetWriter, Series, TimeUnit, TimeZone};

use super::*;
use crate::sources::recorded::{ColumnNames, Layout, TimestampForm};

/// Two minutes of two series.
const AT_MS: [i64; 2] = [1_709_209_800_000, 1_709_209_860_000];
const EXPECTED: &str = "a: 1709209800000=1 1709209860000=3\nb: 1709209800000=2.5 1709209860000=-4\n";

/// The two times in every form that a CSV file may have.
const TIMES: [(&str, [&str; 2]); 10] = [
    ("seconds", ["1709209800", "1709209860"]),
    ("fractions", ["1709209800.0", "1709209860.0"]),
    ("a later fraction", ["1709209800", "1709209860.0"]),
    ("millis", ["1709209800000", "1709209860000"]),
    ("micros", ["1709209800000000", "1709209860000000"]),
    ("nanos", ["1709209800000000000", "1709209859999500000"]),
    ("zoned", ["2024-02-29T12:30:00Z", "2024-02-29T13:31:00+01:00"]),
    ("utc", ["2024-02-29 12:30", "2024-02-29 12:31"]),
    ("with seconds", ["2024-02-29T12:30:00", "2024-02-29T12:31:00"]),
    ("with a fraction", ["2024-02-29 12:30:00.000", "2024-02-29 12:31:00.0004"]),
];

/// The samples of the two series as CSV of both layouts.
fn tables([first, second]: [&str; 2]) -> [String; 2] {
    [
        format!("timestamp,series,value\n{first},a,1\n{first},b,2.5\n{second},a,3\n{second},b,-4\n"),
        format!("a,Timestamp,b\n1,{first},2.5\n3,{second},-4\n"),
    ]
}

#[test]
fn every_layout_and_form_and_packing_of_csv() {
    for (form, times) in TIMES {
        for text in tables(times) {
            let unix = text.replace('\n', "\r\n");
            for (name, content) in [
                ("x.csv", text.clone().into_bytes()),
                ("crlf.csv", unix.into_bytes()),
                ("bom.csv", format!("\u{feff}{text}").into_bytes()),
                ("no_end.csv", text.trim_end().into()),
                ("blank.csv", text.replace('\n', "\n\n").into_bytes()),
                ("semicolon", text.replace(',', ";").into_bytes()),
                ("tab.tsv", text.replace(',', "\t").into_bytes()),
                ("quoted.csv", text.replace("1", "\"1\"").replace("\"1\"709209", "1709209").into_bytes()),
                ("x.csv.gz", gzip(&text)),
                ("two_members.gz", [gzip(&text[..20]), gzip(&text[20..])].concat()),
                ("gzip_without_ending", gzip(&text)),
                ("x.csv.zst", zstd(&text)),
            ] {
                if name == "quoted.csv" && !form.starts_with("seconds") {
                    continue;
                }
                let recording = Files::of(name, content).load();
                assert_eq!(shown(&recording), EXPECTED, "{name} of {form}: {text}");
                assert!(recording.faults().is_empty(), "{name} of {form}: {}", recording.faults());
            }
        }
    }
}

pub(super) fn parquet(columns: Vec<Column>, row_group: usize) -> Vec<u8> {
    let mut frame = DataFrame::new_infer_height(columns).expect("equally long");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_row_group_size(Some(row_group))
        .finish(&mut frame)
        .expect("to memory");
    bytes
}

pub(super) fn column<T, P: ?Sized>(name: &str, values: T) -> Column
where
    Series: NamedFrom<T, P>,
{
    Column::from(Series::new(name.into(), values))
}

/// The four times of the long table in every type that a Parquet column may have.
fn parquet_times(at_ms: [i64; 4]) -> Vec<Column> {
    let name = "timestamp";
    let scaled = |factor: i64| column(name, at_ms.map(|at| at * factor).to_vec());
    let seconds = at_ms.map(|at| at / 1000);
    let typed = |factor, unit, zone: Option<&str>| {
        let zone = zone.map(|zone| TimeZone::opt_try_new(Some(zone)).expect("a zone").expect("not none"));
        scaled(factor).cast(&DataType::Datetime(unit, zone)).expect("castable")
    };
    vec![
        column(name, seconds.to_vec()),
        column(name, seconds.map(|at| at as u32).to_vec()),
        column(name, seconds.map(|at| at as f64 + 0.0001).to_vec()),
        scaled(1),
        scaled(1000),
        scaled(1_000_000),
        typed(1, TimeUnit::Milliseconds, None),
        typed(1000, TimeUnit::Microseconds, Some("UTC")),
        typed(1_000_000, TimeUnit::Nanoseconds, None),
        column(
            name,
            at_ms.map(|at| jiff::Timestamp::from_millisecond(at).expect("in range").to_string()).to_vec(),
        ),
    ]
}

#[test]
fn every_layout_and_type_and_packing_of_parquet() {
    let [first, second] = AT_MS;
    for row_group in [1, 100] {
        for time in parquet_times([first, first, second, second]) {
            let long = vec![
                column("series", vec!["a", "b", "a", "b"]),
                time.clone(),
                column("value", vec![1.0, 2.5, 3.0, -4.0]),
            ];
            let wide = vec![
                time.gather_every(2, 0).expect("two rows"),
                column("a", vec![1_i32, 3]),
                column("b", vec!["2.5", "-4"]),
            ];
            for columns in [long, wide] {
                let bytes = parquet(columns, row_group);
                for (name, content) in [
                    ("x.parquet", bytes.clone()),
                    ("without_ending", bytes.clone()),
                    ("x.parquet.gz", gzip(&bytes)),
                    ("x.pq.zst", zstd(&bytes)),
                ] {
                    let recording = Files::of(name, content).load();
                    assert_eq!(shown(&recording), EXPECTED, "{name} with {:?}", time.dtype());
                    assert!(recording.faults().is_empty());
                }
            }
        }
    }
}

#[test]
fn dates_are_midnights() {
    let days = column("date", vec![19_782_i32, 19_783]).cast(&DataType::Date).expect("castable");
    let files = Files::of("x.parquet", parquet(vec![days, column("a", vec![1_i64, 2])], 100))
        .with("y.csv", "date,a\n2024-03-01,3\n");
    assert_eq!(shown(&files.load()), "a: 1709164800000=1 1709251200000=2 1709251200000=3\n");
}

#[test]
fn more_wide_columns_than_are_read_at_once() {
    let mut columns = vec![column("at", vec![60_i64, 120])];
    columns.extend((0..40).map(|number| column(&format!("s{number:02}"), vec![f64::from(number), f64::NAN])));
    let files = Files::of("x.parquet", parquet(columns, 1));
    let recording = files.load();
    assert_eq!(recording.series().len(), 40);
    assert!(shown(&recording).ends_with("s39: 60000=39 120000=NaN\n"));
    assert_eq!(
        files.faults(&recording),
        "40 not a number: x.parquet row 2 (s00): \"NaN\"; row 2 (s16): \"NaN\"; row 2 (s32): \"NaN\"; \
         row 2 (s01): \"NaN\"; row 2 (s17): \"NaN\"; and 35 more\n"
    );
}

#[test]
fn labels_name_a_series_and_are_told() {
    let long = "timestamp,vip,port,value\n60,10.0.0.1,80,1\n60,\"a\"\"b\",,2\n";
    let recording = Files::of("x.csv", long).load();
    assert_eq!(
        shown(&recording),
        "{vip=\"10.0.0.1\",port=\"80\"}: 60000=1\n{vip=\"a\\\"b\",port=\"\"}: 60000=2\n"
    );
    let labels = |index: usize| recording.series()[index].labels.clone();
    assert_eq!(labels(0), [("vip".to_owned(), "10.0.0.1".to_owned()), ("port".to_owned(), "80".to_owned())]);

    let columns = vec![
        column("time", vec![60_i64, 60]),
        column("port", vec![Some(80_i64), None]),
        column("series", vec!["x", "x"]),
        column("value", vec![1_i64, 2]),
    ];
    let recording = Files::of("x.parquet", parquet(columns, 10)).load();
    assert_eq!(shown(&recording), "x{port=\"\"}: 60000=2\nx{port=\"80\"}: 60000=1\n");
}

#[test]
fn a_file_of_one_series_names_it() {
    let files = Files::of("nyc_taxi.csv.gz", gzip("timestamp,value\n2014-07-01 00:00:00,10844\n"));
    let recording = files.load();
    let [info] = recording.series() else { panic!("one series") };
    assert_eq!((info.name.as_str(), info.samples), ("nyc_taxi", 1));
    assert_eq!(info.file, Some(files.path("nyc_taxi.csv.gz")));
    assert_eq!((info.first.as_millis(), info.last.as_millis()), (1_404_172_800_000, 1_404_172_800_000));
}

#[test]
fn what_the_user_says_beats_what_is_recognised() {
    let text = "TimeStamp,Value,Label\n1700,1,0\n1800,2,1\n";
    let ignore = ColumnNames { ignore: vec!["Label".into()], ..ColumnNames::default() };
    let load = |options: &ReadOptions| {
        shown(&Files::of("cloud.csv", text).try_load(&["cloud.csv"], options, BLOCK_BYTES).expect("readable"))
    };
    assert_eq!(
        load(&ReadOptions { columns: ignore.clone(), ..ReadOptions::default() }),
        "cloud: 1700000=1 1800000=2\n"
    );
    assert_eq!(
        load(&ReadOptions { columns: ignore, timestamps: TimestampForm::Millis, ..ReadOptions::default() }),
        "cloud: 1700=1 1800=2\n"
    );
    assert_eq!(
        load(&ReadOptions { layout: Layout::Wide, ..ReadOptions::default() }),
        "Label: 1700000=0 1800000=1\nValue: 1700000=1 1800000=2\n"
    );
    let label =
        ColumnNames { value: Some("Label".into()), series: Some("Value".into()), ..ColumnNames::default() };
    assert_eq!(
        load(&ReadOptions { columns: label, ..ReadOptions::default() }),
        "1: 1700000=0\n2: 1800000=1\n"
    );
}
