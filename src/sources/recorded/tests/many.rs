//! Many files, many rows, little memory, and an end before the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::sources::recorded::{load, total_bytes};

#[test]
fn globs_are_sorted_and_a_file_named_twice_is_read_once() {
    let files =
        Files::of("b.csv", "at,x\n120,2\n").with("a.csv", "at,x\n60,1\n").with("c.txt", "at,x\n180,3\n");
    let recording = files.try_load(&["*.csv", "a.csv", "c.txt"], &ReadOptions::default(), BLOCK_BYTES);
    let recording = recording.expect("readable");
    assert_eq!(shown(&recording), "x: 60000=1 120000=2 180000=3\n");
    assert!(recording.faults().is_empty());
}

#[test]
fn a_file_whose_name_is_a_glob_is_itself() {
    let files = Files::of("a[1].csv", "at,x\n60,1\n").with("a1.csv", "at,x\n120,2\n");
    let recording = files.try_load(&["a[1].csv"], &ReadOptions::default(), BLOCK_BYTES).expect("readable");
    assert_eq!(shown(&recording), "x: 60000=1\n");
}

#[test]
fn segments_come_in_the_order_of_their_first_times() {
    let files = Files::of("1.csv", "at,series,value\n300,a,5\n60,b,1\n")
        .with("2.csv", "at,series,value\n60,a,1\n120,a,2\n300,b,2\n");
    let recording = files.load();
    assert_eq!(shown(&recording), "a: 60000=1 120000=2 300000=5\nb: 60000=1 300000=2\n");
    assert!(recording.faults().is_empty());
}

#[test]
fn segments_that_overlap_are_named_where_they_meet() {
    let files =
        Files::of("1.csv", "at,a\n60,1\n120,2\n180,3\n").with("2.csv", "at,a\n120,2\n150,2\n180,3\n240,4\n");
    let recording = files.load();
    assert_eq!(shown(&recording), "a: 60000=1 120000=2 180000=3 120000=2 150000=2 180000=3 240000=4\n");
    assert_eq!(
        files.faults(&recording),
        "2 out of order: 2.csv line 2 (a): 1970-01-01T00:02:00Z after 1970-01-01T00:03:00Z; \
         line 2 (a): 1970-01-01T00:02:30Z after 1970-01-01T00:03:00Z, some lines on\n\
         1 duplicate: 2.csv line 2 (a): 1970-01-01T00:03:00Z again, some lines on\n"
    );
}

fn table(rows: usize, series: usize) -> String {
    let mut text = "timestamp,series,value\n".to_owned();
    for row in 0..rows {
        let _ = writeln!(text, "{},s{},{}", row / series * 60, row % series, row);
    }
    text
}

#[test]
fn what_was_put_aside_on_disk_is_the_same() {
    let files = Files::of("x.csv", table(5_000, 7)).with("y.csv", table(100, 3).replace(",s", ",t"));
    let expected = shown(&files.load());
    for memory_bytes in [0, 1_000, 20_000] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options =
            ReadOptions { memory_bytes, spill_dir: Some(dir.path().to_owned()), ..ReadOptions::default() };
        let recording = files.try_load(&["*.csv"], &options, 700).expect("readable");
        assert_eq!(shown(&recording), expected, "{memory_bytes} bytes");
        let left = std::fs::read_dir(dir.path()).expect("there").count();
        assert_eq!(left, 0, "the file has no name");
    }
}

#[test]
fn no_room_for_samples_is_told() {
    let files = Files::of("x.csv", table(100, 1));
    let missing = files.dir.path().join("missing");
    let options = ReadOptions { memory_bytes: 0, spill_dir: Some(missing), ..ReadOptions::default() };
    assert_eq!(
        files.refusal(&["x.csv"], &options),
        "missing: found no way to put samples aside, allowed: a directory with room for 16 bytes a sample"
    );
}

#[test]
fn several_threads_read_samples_at_once() {
    let files = Files::of("x.csv", table(10_000, 10));
    let options = ReadOptions { memory_bytes: 10_000, ..ReadOptions::default() };
    let recording = files.try_load(&["x.csv"], &options, 3_000).expect("readable");
    let read = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (recording, read) = (&recording, &read);
            scope.spawn(move || {
                for index in (0..10).cycle().skip(thread * 3).take(10) {
                    let samples = recording.samples(index).expect("read back");
                    assert!(samples.iter().all(|sample| sample.value as usize % 10 == index));
                    read.fetch_add(samples.len(), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(read.into_inner(), 40_000);
}

#[test]
fn the_progress_ends_at_the_size_of_all_files() {
    let files = Files::of("x.csv.gz", gzip(table(1_000, 3))).with("y.csv", table(500, 3));
    let patterns = [files.path("*")];
    let watch = Patience { questions_left: Cell::new(1_000), ..Patience::default() };
    let recording = load(&patterns, &ReadOptions::default(), &watch).expect("readable");
    let total = size(&files.path("x.csv.gz")) + size(&files.path("y.csv"));
    assert_eq!(total_bytes(&patterns).expect("there"), total);
    assert_eq!(watch.told.get(), (total, 1_500));
    assert!(!recording.interrupted());
}

#[test]
fn an_interruption_keeps_what_was_read() {
    let files = Files::of("x.csv", table(1_000, 3)).with("y.csv", "at,value\nnever,read\n");
    let watch = Patience { questions_left: Cell::new(4), ..Patience::default() };
    let recording =
        load_in_blocks(&[files.path("*")], &ReadOptions::default(), &watch, 100).expect("readable");
    assert!(recording.interrupted());
    let samples: u64 = recording.series().iter().map(|info| info.samples).sum();
    assert_eq!(watch.told.get().1, samples);
    assert!(samples > 0 && samples < 100, "{samples}");

    let watch = Patience::default();
    let recording = load(&[files.path("*")], &ReadOptions::default(), &watch).expect("readable");
    assert!(recording.interrupted() && recording.series().is_empty());
}
