//! For fuzzers and tests alone: what must hold of the bodies that others push.

use super::inbox::{Inbox, Room, Staged};
use super::refusal::Refusal;
use super::wire::Fields;
use super::{lines, write};
use crate::sources::limits::Limits;
use serde_json::Value;

/// Now.
const NOW_MS: i64 = 1_709_251_200_000;
const ROOM: Room =
    Room { request: 64, buffered: 100, answer: Limits { series: 8, labels: 6, label_bytes: 32 } };

/// A body of remote-write, packed or as if it had been: no larger than it may be, and taken as a whole or not at all.
pub fn remote_write(bytes: &[u8]) {
    const UNPACKED_MAX: u64 = 1 << 16;
    if let Ok(request) = write::unpacked(bytes, UNPACKED_MAX) {
        assert!(request.len() as u64 <= UNPACKED_MAX);
        drop(taken(&request, |staged| write::stage(&request, staged)));
    }
    drop(taken(bytes, |staged| write::stage(bytes, staged)));
    let fields: Vec<_> = Fields::of(bytes).collect();
    assert!(fields.len() <= bytes.len() && fields.iter().rev().skip(1).all(Result::is_ok));
}

/// Lines of JSON: taken as a whole or not at all, and then each is a sample as serde_json reads it by itself.
pub fn json_lines(bytes: &[u8]) {
    if taken(bytes, |staged| lines::stage(bytes, staged)).is_err() {
        return;
    }
    let all = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let count = all.map(|line| {
        let value: Value = serde_json::from_slice(line).expect("JSON");
        assert!(value["labels"].is_object() && (value["at"].is_i64() || value["at"].is_string()), "{value}");
        assert!(value["value"].is_null() || value["value"].is_number(), "{value}");
    });
    assert_eq!(count.count(), lines::count(bytes));
}

/// Takes a request, twice by inboxes that know nothing of each other; what they tell is the same, within limits, and nothing
/// where the request is refused.
fn taken(bytes: &[u8], stage: impl Fn(&mut Staged<'_>) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let once = || {
        let inbox = Inbox::new(ROOM);
        assert_eq!(inbox.asked("{a!=\"\"}", 10_000, 0), Ok(0));
        assert_eq!(inbox.asked("up", 10_000, 0), Ok(1));
        let taken = inbox.take(bytes, NOW_MS, &stage);
        (taken, inbox.tell(0), inbox.tell(1))
    };
    let (taken, all, up) = once();
    assert_eq!(format!("{:?}", once()), format!("{:?}", (&taken, &all, &up)));
    for (told, _) in [&all, &up] {
        assert!(told.len() <= 8 && (taken.is_ok() || told.is_empty()));
        for (labels, samples) in told {
            assert!(labels.len() <= 6 && samples.len() <= ROOM.request);
            assert!(samples.is_sorted_by(|a, b| a.at < b.at));
        }
    }
    taken
}
