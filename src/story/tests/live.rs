//! What a terminal shows of a running plan.

use crate::steps::{Decision, Doing, End, Record, Side, State, Waiting};
use crate::story::sample::{at, attempt, folded, gate, intent, numbered, pinned, result, said, word};
use crate::story::{Waits, Window, live, status};
use Side::Before;

const MINUTE_MS: i64 = 60_000;

/// Three steps on 3,000 targets: one is over, one at its seventh batch.
fn large() -> State {
    let names: Vec<String> = (0..3_000).map(|n| format!("h{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wide: Vec<&[&str]> = names.chunks(60).collect();
    let once: Vec<&[&str]> = vec![&names[..4]];
    let proceed = |step: &str, batch, side| gate(step, batch, side, Decision::Proceed, "clean");
    let mut records =
        vec![Record::Plan(pinned(&[("prewarm", &once), ("ovs-agent", &wide), ("tidy", &wide)]))];
    let mut pass = |step: &str, number: usize, batch: &[&str], all: bool| {
        records.push(proceed(step, number, Before));
        for target in batch {
            records.push(intent(step, target, Doing::Action, 1));
            records.push(result(step, target, Doing::Action, 1, End::Succeeded, ""));
        }
        if all {
            records.push(proceed(step, number, Side::After));
        }
    };
    pass("prewarm", 0, &names[..4], true);
    for (number, batch) in wide[..6].iter().enumerate() {
        pass("ovs-agent", number, batch, true);
    }
    pass("ovs-agent", 6, &wide[6][..2], false);
    records.push(intent("ovs-agent", wide[6][2], Doing::Action, 1));
    folded(&numbered(records))
}

fn shown(state: &State, waiting: &[Waiting], window: Option<Window>, width: usize, height: usize) -> String {
    live(&status(state, None, at(9_000), Waits::Now(waiting)), window, width, height).join("\n")
}

#[test]
fn a_gate_that_holds_shows_why_and_how_long_it_still_needs() {
    let reason = "ping_loss{host=\"h0412\"}: clean for 4 min of 10 min; load{host=\"h0007\"}: clean for 9 min of 10 min";
    let waiting = [Waiting::InFlight(1), Waiting::Gate((1, 7), Before, reason.to_owned())];
    let window = Window { clean_ms: 4 * MINUTE_MS, wanted_ms: 10 * MINUTE_MS };
    assert_eq!(
        shown(&large(), &waiting, Some(window), 80, 24),
        "\
run r7 of plan ovs: going   2026-03-09 10:30:00 UTC

prewarm    [#]           1 of 1   4 done
ovs-agent  [#>........]  6 of 50  362 done, 1 in flight, 2,637 waiting
    batch 7: h0362 in flight, h0360 done, h0361 done, h0363 waiting, h0364 wait…
tidy       [..........]  0 of 50  3,000 waiting

1 in flight
ovs-agent batch 8 of 50: holds before it starts: ping_loss{host=\"h0412\"}: clean
  for 4 min of 10 min; load{host=\"h0007\"}: clean for 9 min of 10 min
clean for 4 min of 10 min, 6 min to go [########............]

ovs-agent batch 8 holds, and goes on by itself; its numbers:
  quietgate why ovs-agent/8

Ctrl-C pauses after what is in flight; twice aborts"
    );
}

#[test]
fn a_paused_run_shows_who_paused_it_and_what_helps() {
    let attempt = attempt("agent", "h1", Doing::Action, 1);
    let state = folded(&numbered([
        Record::Plan(pinned(&[("agent", &[&["h1"], &["h2"]])])),
        gate("agent", 0, Before, Decision::Proceed, "clean"),
        intent("agent", "h1", Doing::Action, 1),
        Record::Unknown { attempt, reason: "the driver ended".to_owned() },
        Record::Pause(said("plan", "agent on h1: the driver\u{1b}[2J ended")),
        Record::Freeze(word("carol", "fire drill")),
    ]));
    let waiting = [Waiting::Paused(word("plan", "agent on h1"))];
    assert_eq!(
        shown(&state, &waiting, None, 80, 24),
        "\
run r7 of plan ovs: going, paused   2026-03-09 10:30:00 UTC
paused by plan: agent on h1: the driver\\u{1b}[2J ended
frozen by carol: fire drill

agent  [>.]  0 of 2  1 unknown, 1 waiting
    batch 1: h1 unknown

1 target: nobody knows whether it took effect; look at the target, then say so:
  quietgate resolve agent h1 --ran --reason WHY
  quietgate resolve agent h1 --not-ran --reason WHY
the run is paused; once what stands above is settled, see why and go on:
  quietgate why
  quietgate resume --reason WHY

Ctrl-C pauses after what is in flight; twice aborts"
    );
}

#[test]
fn a_window_that_has_not_begun_says_so() {
    let state = folded(&numbered([Record::Plan(pinned(&[("agent", &[&["h1"]])]))]));
    let waiting = [Waiting::Gate((0, 0), Before, "loss{host=\"h9\"}: anomalous".to_owned())];
    let window = Some(Window { clean_ms: 0, wanted_ms: 10 * MINUTE_MS });
    assert_eq!(
        shown(&state, &waiting, window, 80, 24),
        "\
run r7 of plan ovs: going   2026-03-09 10:30:00 UTC

agent  [.]  0 of 1  1 waiting

agent batch 1 of 1: holds before it starts: loss{host=\"h9\"}: anomalous
the clean window of 10 min has not begun [....................]

agent batch 1 holds, and goes on by itself; its numbers:
  quietgate why agent/1

Ctrl-C pauses after what is in flight; twice aborts"
    );
    // a window of no length, and one that is longer than asked for, are no mistake
    for (clean_ms, wanted_ms) in [(0, 0), (7, 0), (9, 3), (-1, 5), (5, -1)] {
        shown(&state, &waiting, Some(Window { clean_ms, wanted_ms }), 80, 24);
    }
}

#[test]
fn it_fits_into_every_terminal() {
    let many = "loss{host=\"h0001\"}: anomalous since 2026-03-09T07:59:40Z; ".repeat(60);
    let gates = |count: usize| vec![Waiting::Gate((1, 7), Before, many.clone()); count];
    let window = Some(Window { clean_ms: 1, wanted_ms: 3 });
    let steps: Vec<String> = (0..100).map(|n| format!("step-{n}")).collect();
    let batches: &[&[&str]] = &[&["h1"], &["h2"]];
    let steps: Vec<(&str, &[&[&str]])> = steps.iter().map(|step| (step.as_str(), batches)).collect();
    let state = folded(&numbered([Record::Plan(pinned(&steps))]));
    for (width, height) in [(80, 24), (40, 10), (200, 60), (20, 3), (1, 1), (0, 0)] {
        for (state, count) in [(&state, 1), (&large(), 100), (&State::default(), 0)] {
            let waits = gates(count);
            let lines = live(&status(state, None, at(0), Waits::Now(&waits)), window, width, height);
            assert!(lines.len() <= height, "{width}x{height}: {} lines", lines.len());
            let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(widest <= width, "{width}x{height}: {widest} wide");
        }
    }
}

#[test]
fn of_many_steps_those_at_work_are_shown_first() {
    let names: Vec<String> = (0..40).map(|n| format!("step-{n:02}")).collect();
    let batches: &[&[&str]] = &[&["h1"], &["h2"]];
    let steps: Vec<(&str, &[&[&str]])> = names.iter().map(|step| (step.as_str(), batches)).collect();
    let state = folded(&numbered([
        Record::Plan(pinned(&steps)),
        gate("step-38", 0, Before, Decision::Proceed, "clean"),
        intent("step-38", "h1", Doing::Action, 1),
    ]));
    assert_eq!(
        shown(&state, &[Waiting::InFlight(1)], None, 80, 16),
        "\
run r7 of plan ovs: going   2026-03-09 10:30:00 UTC

step-00  [..]  0 of 2  2 waiting
step-01  [..]  0 of 2  2 waiting
step-02  [..]  0 of 2  2 waiting
step-03  [..]  0 of 2  2 waiting
step-04  [..]  0 of 2  2 waiting
step-05  [..]  0 of 2  2 waiting
step-06  [..]  0 of 2  2 waiting
step-38  [>.]  0 of 2  1 in flight, 1 waiting
    batch 1: h1 in flight
and 32 steps more

1 in flight

Ctrl-C pauses after what is in flight; twice aborts"
    );
}
