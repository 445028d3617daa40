//! A record as a line.

use crate::steps::State;
use crate::story::sample::{all, folded, numbered, plan};
use crate::story::{Level, level, line};

#[test]
fn every_kind_of_record_has_its_line_and_nothing_is_obeyed() {
    let state = folded(&numbered([plan()]));
    let lines: Vec<_> = all().iter().map(|noted| line(noted, &state)).collect();
    assert_eq!(lines.join("\n"), "");
}

#[test]
fn without_its_plan_a_batch_is_told_by_its_number_alone() {
    let hold = all().remove(2);
    let told = "08:00:20 prewarm batch 1 holds before it starts: loss{host=\"h9\"}: anomalous since 2026-03-09T07:59:40Z";
    assert_eq!(line(&hold, &State::default()), told);
}

#[test]
fn what_a_person_must_hear_of_is_loud() {
    let of = |wanted: Level| -> Vec<u64> {
        all().iter().filter(|noted| level(&noted.record) == wanted).map(|noted| noted.seq).collect()
    };
    assert_eq!(of(Level::Detail), [12]);
    assert_eq!(of(Level::Loud), [0]);
}
