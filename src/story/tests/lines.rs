//! A record as a line.

use crate::steps::State;
use crate::story::sample::{all, folded, numbered, plan};
use crate::story::{Level, level, line};

#[test]
fn every_kind_of_record_has_its_line_and_nothing_is_obeyed() {
    let state = folded(&numbered([plan()]));
    let lines: Vec<_> = all().iter().map(|noted| line(noted, &state)).collect();
    assert_eq!(
        lines.join("\n"),
        "\
08:00:00 quietgate 0.1.0 took over as driver 3 on 2026-03-09 (times are UTC)
08:00:10 run r7 of plan ovs begins on 2026-03-09 (times are UTC): 2 steps, 3 batches, 2 targets
08:00:20 prewarm batch 1 of 1 holds before it starts: loss{host=\"h9\"}: anomalous since 2026-03-09T07:59:40Z
08:00:30 prewarm batch 1 of 1 may start on h1 and h2: 3 series clean for long enough
08:00:40 prewarm batch 1 of 1 holds before it passes: load{host=\"h1\"}: clean for 1 min of 15 min
08:00:50 prewarm batch 1 of 1 passed: 3 series clean for long enough
08:01:00 agent batch 1 of 2 pauses the run: held for longer than its patience of 2 h: no data
08:01:10 agent batch 1 of 2 rolls the run back: loss{host=\"h1\"}: anomalous
08:01:20 agent batch 1 of 2 aborts the run: loss{host=\"h1\"}: anomalous
08:01:30 agent batch 2 of 2 approved by alice: looks good
08:01:40 agent/h1 starts (attempt 1): [\"./upgrade\",\"h1\"]
08:01:50 agent/h1 runs as process 4711
08:02:00 agent/h1 failed: exit code 3 (output: /state/h1.out)
08:02:10 agent/h1 succeeded (attempt 2) (output: /state/h1.out)
08:02:20 agent/h1 undo was not over in time: killed after 5 min (output: /state/h1.out)
08:02:30 agent/h2 is not started after all: the run is paused: wait
08:02:40 agent/h2 unknown, nobody knows how attempt 1 went: the driver ended
08:02:50 run r7 paused by alice: lunch\\u{1b}[2J\\nnow
08:03:00 run r7 resumed by alice: back
08:03:10 run r7 aborted by bob: enough
08:03:20 run r7 rolls back, told by bob: go back
08:03:30 agent/h1 is tried once more, told by plan: attempt 1 failed, the plan grants more
08:03:40 agent/h1 skipped by alice: it is down for good
08:03:50 agent/h2 resolved as \"it ran\" by alice: I looked
08:04:00 agent/h2 resolved as \"it did not run\" by alice: I looked
08:04:10 everything frozen by carol: fire drill
08:04:20 the freeze lifted by carol: over
08:04:30 run r7 is done: every step is over
08:04:40 the scene of loss{host=\"h9\"} and 2 more is captured by [\"vmstat\",\"1\",\"5\"] and [\"ps\",\"a\\u001bx\"] (quietgate why 29 shows it)
08:04:50 the scene of loss{host=\"h9\"} and 2 more: [\"vmstat\",\"1\",\"5\"]: succeeded after 4.03 s, 19 bytes
08:05:00 the scene of loss{host=\"h9\"} and 2 more is not captured: another of loss was captured 20 s before"
    );
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
    assert_eq!(of(Level::Detail), [12, 30]);
    assert_eq!(of(Level::Loud), [7, 8, 9, 13, 15, 17, 18, 20, 21, 26]);
}
