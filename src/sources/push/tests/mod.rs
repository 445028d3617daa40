//! What is pushed, by hand and as another program writes it: read, kept and told, and what is refused on the way.

mod decoding;
mod inbox;
mod listener;
mod message;

use super::inbox::{Inbox, Room};
use super::refusal::Refusal;
use super::{lines, write};
use crate::sources::limits::Limits;

/// The interval of all questions here.
const INTERVAL_MS: i64 = 10_000;
/// Now, in these tests.
const NOW_MS: i64 = 1_709_251_200_000;

/// An inbox with room for so many samples in all, and for three series with three labels each.
fn inbox(buffered: usize) -> Inbox {
    let answer = Limits { series: 3, labels: 3, label_bytes: 32 };
    Inbox::new(Room { request: 1_000, buffered, answer })
}

/// Takes a message as it is before it is packed.
fn take(inbox: &Inbox, message: &[u8]) -> Result<(), Refusal> {
    inbox.take(message, NOW_MS, |staged| write::stage(message, staged))
}

/// Takes lines of JSON.
fn take_lines(inbox: &Inbox, text: &str) -> Result<(), Refusal> {
    inbox.take(text.as_bytes(), NOW_MS, |staged| lines::stage(text.as_bytes(), staged))
}

/// What the inbox tells of a query, in words: its series, and what is odd.
fn told(inbox: &Inbox, number: usize) -> String {
    let (told, odd) = inbox.tell(number);
    let series = told.into_iter().map(|(labels, samples)| {
        let labels: Vec<_> = labels.iter().map(|(_, value)| value).collect();
        let samples: Vec<_> = samples
            .iter()
            .map(|sample| format!("{}@{}", sample.value, sample.at.as_millis() - NOW_MS))
            .collect();
        format!("{}: {}", labels.join(","), samples.join(" "))
    });
    series.chain(odd).collect::<Vec<_>>().join("; ")
}
