//! For fuzzers and tests alone: what must hold of what a program printed.

use super::lines::read;
use crate::sources::exposition::Query;
use crate::sources::source::Ask;
use quietgate_detectors::{Interval, Timestamp};

/// Output of both forms: within its limits, the same with an end to its last line, and a query takes away and never adds.
pub fn output(bytes: &[u8]) {
    const LABELS: usize = 6;
    let until = Timestamp::from_millis(1_709_251_200_000);
    let ask = Ask { query: None, from: until, until, interval: Interval::LONGEST };
    let all = |bytes: &[u8], query| read(bytes, query, &ask, LABELS).map(|samples| format!("{samples:?}"));
    let Ok(samples) = read(bytes, None, &ask, LABELS) else { return };
    assert!(samples.iter().all(|(labels, _)| labels.len() <= LABELS + 1));
    assert!(samples.len() <= bytes.split(|byte| *byte == b'\n').count());
    assert_eq!(all(&[bytes, b"\n"].concat(), None), all(bytes, None));
    let query = Query::new("{__name__=~\".*a.*\"}").expect("a selector");
    let wanted = read(bytes, Some(&query), &ask, LABELS).expect("the same lines");
    let named =
        samples.iter().filter(|(labels, _)| labels.get("__name__").is_some_and(|name| name.contains('a')));
    assert_eq!(format!("{wanted:?}"), format!("{:?}", named.collect::<Vec<_>>()));
}
