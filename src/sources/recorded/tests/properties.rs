//! Properties that hold for any rows.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof};

use super::*;

/// A row: second, number of the series, and the value as it is written.
type Row = (u32, u8, String);

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<f32>().prop_map(|value| value.to_string()),
        1 => prop_oneof![Just(""), Just("n/a"), Just(" 7 "), Just("NaN"), Just("\"1.5\"")].prop_map(str::to_owned),
    ]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    vec((0_u32..2_000, 0_u8..5, value()), 1..60)
}

/// The rows as a long table; the first row has a number, so that the column is one of numbers.
fn long(rows: &[Row], end: &str) -> String {
    let mut text = format!("timestamp,series,value{end}0,s0,0{end}");
    for (second, series, value) in rows {
        let _ = write!(text, "{second},s{series},{value}{end}");
    }
    text
}

/// The rows as they must come out, by our own sorting.
fn expected(rows: &[Row]) -> String {
    let mut series: std::collections::BTreeMap<u8, String> = std::collections::BTreeMap::new();
    series.insert(0, " 0=0".to_owned());
    for (second, number, value) in rows {
        let value: f64 = value.trim().trim_matches('"').parse().unwrap_or(f64::NAN);
        let value = if value.is_finite() { value } else { f64::NAN };
        let _ = write!(series.entry(*number).or_default(), " {}={value}", i64::from(*second) * 1000);
    }
    series.into_iter().map(|(number, samples)| format!("s{number}:{samples}\n")).collect()
}

fn read(text: &str, options: &ReadOptions, block_bytes: usize) -> (String, String) {
    let files = Files::of("x.csv", text);
    let recording = files.try_load(&["x.csv"], options, block_bytes).expect("readable");
    (shown(&recording), files.faults(&recording))
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_come_out_as_they_were_written(rows in rows()) {
        prop_assert_eq!(read(&long(&rows, "\n"), &ReadOptions::default(), BLOCK_BYTES).0, expected(&rows));
    }

    #[test]
    fn where_blocks_are_cut_changes_nothing(rows in rows(), block_bytes in 1_usize..300, crlf in any::<bool>()) {
        let text = long(&rows, if crlf { "\r\n" } else { "\n" });
        let whole = read(&text, &ReadOptions::default(), BLOCK_BYTES);
        prop_assert_eq!(read(&text, &ReadOptions::default(), block_bytes), whole);
    }

    #[test]
    fn how_much_memory_there_is_changes_nothing(rows in rows(), memory_bytes in 0_usize..2_000) {
        let text = long(&rows, "\n");
        let little = ReadOptions { memory_bytes, ..ReadOptions::default() };
        prop_assert_eq!(read(&text, &little, 64), read(&text, &ReadOptions::default(), BLOCK_BYTES));
    }

    #[test]
    fn the_order_of_series_in_a_file_changes_nothing(values in vec(any::<f32>(), 2..40), series in 1_usize..6) {
        let row = |at: usize, number: usize| (at as u32, number as u8, values[(at + number) % values.len()].to_string());
        let by_time: Vec<Row> = (0..values.len()).flat_map(|at| (0..series).map(move |number| row(at, number))).collect();
        let mut by_series = by_time.clone();
        by_series.sort_by_key(|(_, number, _)| *number);
        let options = ReadOptions::default();
        prop_assert_eq!(read(&long(&by_time, "\n"), &options, 90).0, read(&long(&by_series, "\n"), &options, 90).0);
    }
}
