//! Requests are read as they were written, or refused: nothing stops the reader, and no body grows beyond its limit.

use super::message::{Exemplar, Histogram, Metadata, TimeSeries, WriteRequest, packed, request, series};
use super::{INTERVAL_MS, NOW_MS, inbox, take, told};
use crate::sources::limits::Limits;
use crate::sources::push::inbox::{Inbox, Room};
use crate::sources::push::refusal::Refusal;
use crate::sources::push::write::unpacked;
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeMap;

/// An inbox of which somebody asks for all, with much room.
fn open() -> Inbox {
    let answer = Limits { series: 1_000, labels: 100, label_bytes: 1_000 };
    let inbox = Inbox::new(Room { request: 10_000, buffered: 10_000, answer });
    assert_eq!(inbox.asked("{__name__=~\".+\"}", INTERVAL_MS, 0), Ok(0));
    inbox
}

#[test]
fn what_stands_beside_samples_is_left_out_and_native_histograms_are_told_of() {
    let inbox = open();
    let exemplar = Exemplar { value: 1.0, ..Exemplar::default() };
    let one = TimeSeries { exemplars: vec![exemplar], ..series(&[("__name__", "a")], &[(NOW_MS, 0.0)]) };
    let histogram = Histogram { sum: 1.5, schema: -4 };
    let two = TimeSeries { histograms: vec![histogram], ..series(&[("__name__", "h")], &[]) };
    let metadata = vec![Metadata { kind: 1, family: "a".to_owned() }];
    let message = WriteRequest { timeseries: vec![one, two], metadata }.encode_to_vec();
    assert_eq!(take(&inbox, &message), Ok(()));
    assert_eq!(told(&inbox, 0), "a: 0@0; 1 native histogram is wanted, which are not read");
}

#[test]
fn what_can_never_be_right_says_why() {
    let inbox = open();
    let bad = |message: &[u8], why: &str| match take(&inbox, message) {
        Err(Refusal::Malformed(words)) => assert!(words.ends_with(why), "{words}"),
        other => panic!("{other:?}"),
    };
    bad(&[0x0a, 0x05], "a field is cut off");
    bad(&[0x08, 0x05], "a series is no message");
    bad(&request(vec![series(&[("a", "1"), ("a", "2")], &[])]), "a series has two labels of one name");
    bad(&request(vec![series(&[("", "1")], &[])]), "a label has no name");
    bad(&[0x0a, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0xff], "a label is not UTF-8");
    let at = |ms| request(vec![series(&[("__name__", "a")], &[(ms, 1.0)])]);
    bad(&at(i64::MIN), "which is in no year");
    bad(&at(i64::MAX), "which is in no year");
    // what the other version writes is none of this
    assert!(matches!(take(&inbox, &[0x22, 0x00]), Err(Refusal::OtherForm(_))));
    assert_eq!(told(&inbox, 0), "", "nothing of all this was taken");
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let zeros = packed(&vec![0; 1 << 20]);
    assert!(zeros.len() < 1 << 16, "it is small before");
    assert_eq!(unpacked(&zeros, 1 << 20).map(|bytes| bytes.len()), Ok(1 << 20));
    let error = unpacked(&zeros, (1 << 20) - 1).expect_err("one byte too many");
    assert_eq!(error.status(), 413);
    // what only says that it is large is not unpacked, and what lies about it is none
    let claims = |length: &[u8]| unpacked(&[length, b"\0a"].concat(), 1 << 20).expect_err("a lie").status();
    assert_eq!(claims(&[0xff, 0xff, 0xff, 0xff, 0x0f]), 413);
    assert_eq!(claims(&[0x02]), 400);
    assert_eq!(unpacked(&[], 1 << 20).map(|bytes| bytes.len()).map_err(|error| error.status()), Err(400));
}

#[test]
fn a_request_has_so_many_samples_and_no_more() {
    let inbox = inbox(2_000);
    assert_eq!(inbox.asked("a", INTERVAL_MS, 0), Ok(0));
    let many = |count: i64| {
        let samples: Vec<_> = (0..count).map(|i| (NOW_MS - count + i, 1.0)).collect();
        request(vec![series(&[("__name__", "b")], &samples)])
    };
    assert_eq!(take(&inbox, &many(1_000)), Ok(()));
    assert_eq!(take(&inbox, &many(1_001)).map_err(|error| error.status()), Err(413));
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,5}"
}

prop_compose! {
    /// Series by their labels, each with samples in the order of time.
    fn pushed()(
        labels in proptest::collection::btree_map(name(), "\\PC{1,8}", 0..5),
        family in name(),
        samples in proptest::collection::btree_map(-1_000_000..0_i64, any::<f64>(), 1..6),
    ) -> (BTreeMap<String, String>, Vec<(i64, f64)>) {
        let mut labels = labels;
        labels.insert("__name__".to_owned(), family);
        // zero has no sign once it was left out
        let samples = samples.into_iter().map(|(before, value)| (NOW_MS + before, value + 0.0)).collect();
        (labels, samples)
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_again(pushed in proptest::collection::vec(pushed(), 0..6)) {
        let pushed: BTreeMap<_, _> = pushed.into_iter().collect();
        let inbox = open();
        let written = pushed.iter().map(|(labels, samples)| {
            let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            series(&labels, samples)
        });
        let message = request(written.collect());
        let whole = unpacked(&packed(&message), 1 << 20).expect("as it was packed");
        prop_assert_eq!(take(&inbox, &whole), Ok(()));
        let (told, odd) = inbox.tell(0);
        prop_assert!(odd.is_empty());
        let bits = |samples: &[(i64, f64)]| samples.iter().map(|(at, value)| (*at, value.to_bits())).collect::<Vec<_>>();
        let read: Vec<_> = told
            .iter()
            .map(|(labels, samples)| {
                let samples: Vec<_> = samples.iter().map(|sample| (sample.at.as_millis(), sample.value)).collect();
                (labels.clone(), bits(&samples))
            })
            .collect();
        let written: Vec<_> = pushed.into_iter().map(|(labels, samples)| (labels.into(), bits(&samples))).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn no_bytes_stop_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let inbox = open();
        drop(take(&inbox, &bytes));
        if let Ok(whole) = unpacked(&bytes, 1 << 16) {
            prop_assert!(whole.len() <= 1 << 16);
            drop(take(&inbox, &whole));
        }
    }

    /// A request that is cut or damaged is refused as a whole, or is another request: never a part of one.
    #[test]
    fn a_damaged_request_is_refused_or_another(
        cut in 0_usize..200,
        place in 0_usize..200,
        bit in 0_u8..8,
    ) {
        let inbox = open();
        let labels = [("__name__", "a"), ("vip", "10.0.0.1")];
        let message = request(vec![series(&labels, &[(NOW_MS, 1.0)]), series(&labels[..1], &[(NOW_MS, 2.0)])]);
        let mut damaged = message[..cut.min(message.len())].to_vec();
        if let Some(byte) = damaged.get_mut(place) {
            *byte ^= 1 << bit;
        }
        let taken = take(&inbox, &damaged);
        let (told, _) = inbox.tell(0);
        prop_assert!(taken.is_ok() || told.is_empty(), "{taken:?} {told:?}");
    }
}
