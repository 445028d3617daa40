//! Single samples that are wrong: kept, counted, named with file and line.

use super::*;
use crate::sources::recorded::{FaultKind, Place};

fn faults_of(name: &str, content: impl AsRef<[u8]>) -> (String, String) {
    let files = Files::of(name, content);
    let recording = files.load();
    (shown(&recording), files.faults(&recording))
}

#[test]
fn a_value_that_is_none_is_kept_as_nan_and_named() {
    let text =
        "timestamp,series,value\n60,a,1\n60,b,\n120,a,n/a\n120,b,NaN\n\n180,a,-inf\n180,b,2\n240,b,1e999\n";
    let (series, faults) = faults_of("load.csv", text);
    assert_eq!(series, "a: 60000=1 120000=NaN 180000=NaN\nb: 60000=NaN 120000=NaN 180000=2 240000=NaN\n");
    assert_eq!(
        faults,
        "1 empty: load.csv line 3 (b)\n\
         3 not a number: load.csv line 5 (b): \"NaN\"; line 7 (a): \"-inf\"; line 9 (b): \"1e999\"\n\
         1 not numeric: load.csv line 4 (a): \"n/a\"\n"
    );
}

#[test]
fn a_wide_table_names_the_column() {
    let (series, faults) = faults_of("load.csv", "ts,a,b\n60,1,\n120,x,2\n180,,\n");
    assert_eq!(series, "a: 60000=1 120000=NaN 180000=NaN\nb: 60000=NaN 120000=2 180000=NaN\n");
    assert_eq!(
        faults,
        "3 empty: load.csv line 2 (b); line 4 (a); line 4 (b)\n1 not numeric: load.csv line 3 (a): \"x\"\n"
    );
}

#[test]
fn times_that_do_not_rise_are_named() {
    let text = "timestamp,series,value\n180,a,1\n60,a,2\n120,a,2\n180,a,1\n180,a,4\n180,b,4\n240,a,5\n";
    let (series, faults) = faults_of("load.csv", text);
    assert_eq!(series, "a: 180000=1 60000=2 120000=2 180000=1 180000=4 240000=5\nb: 180000=4\n");
    assert_eq!(
        faults,
        "2 out of order: load.csv line 3 (a): 1970-01-01T00:01:00Z after 1970-01-01T00:03:00Z; \
         line 4 (a): 1970-01-01T00:02:00Z after 1970-01-01T00:03:00Z\n\
         1 duplicate: load.csv line 5 (a): 1970-01-01T00:03:00Z again\n\
         1 conflicting: load.csv line 6 (a): 1 and 4 at 1970-01-01T00:03:00Z\n"
    );
}

#[test]
fn two_missing_values_at_one_time_are_a_duplicate() {
    let (_, faults) = faults_of("load.csv", "at,a\n30,1\n60,\n60,\n");
    assert_eq!(
        faults,
        "2 empty: load.csv line 3 (a); line 4 (a)\n1 duplicate: load.csv line 4 (a): 1970-01-01T00:01:00Z again\n"
    );
}

#[test]
fn the_oldest_and_the_newest_time_are_told_whatever_the_order() {
    let recording = Files::of("load.csv", "at,a\n60,1\n30,1\n90,1\n80,1\n").load();
    let info = &recording.series()[0];
    assert_eq!((info.first.as_millis(), info.last.as_millis(), info.samples), (30_000, 90_000, 4));
}

#[test]
fn a_half_written_last_line_is_named_and_left_out() {
    let rows = "timestamp,series,value\n60,a,1\n120,a,2\n";
    for last in ["180", "180,", "180,a", "180,a,", "18x,a,3", "180,a,-", "180,\"a", "9999999999999999,a,4"] {
        let (series, faults) = faults_of("load.csv", format!("{rows}{last}"));
        assert_eq!(series, "a: 60000=1 120000=2\n", "{last}");
        assert_eq!(faults, format!("1 truncated: load.csv line 4: {last:?}\n"));
    }
    let (series, faults) = faults_of("load.csv", [rows.as_bytes(), b"180,\xc3"].concat());
    assert_eq!(series, "a: 60000=1 120000=2\n");
    assert_eq!(faults, "1 truncated: load.csv line 4: \"180,\u{fffd}\"\n");
}

#[test]
fn a_whole_last_line_without_line_end_is_read() {
    let (series, faults) = faults_of("load.csv", "timestamp,a,b\n60,1,2\n120,,3");
    assert_eq!(series, "a: 60000=1 120000=NaN\nb: 60000=2 120000=3\n");
    assert_eq!(faults, "1 empty: load.csv line 3 (a)\n");
}

#[test]
fn a_packed_stream_that_breaks_off_is_read_to_its_last_whole_line() {
    let mut text = "timestamp,series,value\n".to_owned();
    for row in 0..20_000_u32 {
        text.push_str(&format!("{},a,{}\n", row * 60, row.wrapping_mul(2_654_435_761)));
    }
    for (name, packed, packing) in [("x.csv.gz", gzip(&text), "gzip"), ("x.csv.zst", zstd(&text), "zstd")] {
        let files = Files::of(name, &packed[..packed.len() * 2 / 3]);
        let recording = files.load();
        let samples = recording.samples(0).expect("in memory");
        assert!(!samples.is_empty() && samples.len() < 20_000, "{}", samples.len());
        let (index, last) = (samples.len() - 1, samples[samples.len() - 1]);
        assert_eq!(
            (last.at.as_millis(), last.value),
            ((index as i64) * 60_000, f64::from((index as u32).wrapping_mul(2_654_435_761)))
        );
        let line = samples.len() + 2;
        assert_eq!(
            files.faults(&recording),
            format!("1 truncated: {name} line {line}: the {packing} stream ends within it\n")
        );
    }
}

#[test]
fn faults_are_there_as_data() {
    let files = Files::of("load.csv", "timestamp,series,value\n60,a,1\n120,a,n/a\n");
    let recording = files.load();
    assert_eq!(recording.faults().count(FaultKind::NotNumeric), 1);
    let examples: Vec<_> = recording.faults().examples(FaultKind::NotNumeric).collect();
    assert_eq!((examples[0].place, examples[0].series.as_deref()), (Place::Line(3), Some("a")));
    assert_eq!(examples[0].file, files.path("load.csv"));
}
