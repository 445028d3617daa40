//! For fuzzers and tests alone: what must hold of what series are called, and of the files that label them.

use super::labels::Labels;
use crate::config::Config;
use crate::sources::recorded::{SeriesInfo, time};
use quietgate_detectors::Timestamp;

/// Names of series and times of day, a line each, and all of it as a file of labels: what is read is in order and in its years.
pub fn names(bytes: &[u8]) {
    const SIGNALS: &str = "signals:\n  loss: {interval: 10s, direction: up, kind: loss}\n";
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let config = Config::read("c", SIGNALS).expect("a config");
    let zero = Timestamp::from_millis(0);
    let all = Labels::read("f", text);
    for line in text.lines() {
        let (name, labels, file) = (line.to_owned(), Vec::new(), Some(format!("a/{line}")));
        let info = SeriesInfo { name, labels, samples: 1, file, first: zero, last: zero };
        if let Ok((signal, _)) = config.signal_of(&info, Some(0)) {
            assert_eq!(signal, 0);
        }
        if let Ok(all) = &all {
            let windows = all.of(&info);
            assert!(windows.is_sorted_by_key(|window| window.from));
            assert!(windows.iter().all(|window| window.from <= window.to));
            assert!(windows.is_empty() || all.unknown(&[info]).count() < all.series());
        }
        // the years 1970 to 2200
        assert!(time(line).is_none_or(|at| (0..7_289_654_400_000).contains(&at.as_millis())), "{line}");
    }
}
