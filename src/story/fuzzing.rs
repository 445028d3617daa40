//! For fuzzers and tests alone: what must hold of the records of a journal.

use super::{Noted, event, level, line};
use crate::steps::State;
use quietgate_detectors::Timestamp;

/// Records, a line of JSON each, minute by minute: the same once they are written and read again; one that cannot follow changes
/// nothing; and each can be told.
pub fn records(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut state = State::default();
    for (number, text) in (1_u32..).zip(text.lines()) {
        let (seq, at) = (number.into(), Timestamp::from_millis(i64::from(number) * 60_000));
        let Ok(noted) = Noted::read(seq, at, 1, text) else { continue };
        let written = serde_json::to_string(&noted.record).expect("a record");
        let again = Noted::read(seq, at, 1, &written).expect("what was written");
        assert_eq!(again, noted);
        let before = state.clone();
        if state.apply(seq, at, &noted.record).is_err() {
            assert_eq!(state, before, "one that is refused changes nothing");
        }
        let told = line(&noted, &state);
        assert!(!told.contains(char::is_control), "{told:?}");
        let (_, _) = (level(&noted.record), event(&noted));
    }
}
