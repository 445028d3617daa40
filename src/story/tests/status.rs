//! How a run stands.

use crate::steps::{Decision, Doing, End, Ending, Expected, Record, Side, State, Waiting};
use crate::story::sample::{
    at, attempt, folded, gate, intent, numbered, pinned, plan, result, said, told, word,
};
use crate::story::{Noted, Waits, live, status};
use Doing::{Action, Undo};
use Side::{After, Before};

pub(super) fn boot() -> Record {
    Record::Boot { version: "0.1.0".to_owned(), driver: String::new() }
}

pub(super) fn proceed(step: &str, batch: usize, side: Side) -> Record {
    gate(step, batch, side, Decision::Proceed, "3 series clean for long enough")
}

fn unknown(step: &str, target: &str, doing: Doing) -> Record {
    Record::Unknown { attempt: attempt(step, target, doing, 1), reason: "the driver ended".to_owned() }
}

/// A run in which one target failed, another is unknown, and which paused for that.
fn troubled() -> Vec<Noted> {
    numbered([
        boot(),
        plan(),
        proceed("prewarm", 0, Before),
        intent("prewarm", "h1", Action, 1),
        result("prewarm", "h1", Action, 1, End::Failed, "exit code 3\u{1b}[2J"),
        intent("prewarm", "h2", Action, 1),
        unknown("prewarm", "h2", Action),
        Record::Pause(said("plan", "prewarm on h2: the driver ended")),
        Record::Freeze(word("carol", "fire drill")),
    ])
}

pub(super) fn recorded(records: &[Noted], seconds: i64) -> String {
    let newest = records.last().expect("a record").at;
    status(&folded(records), Some("r7"), at(seconds), Waits::Recorded(newest)).to_string()
}

#[test]
fn a_run_that_needs_a_person_says_why_and_which_commands_help() {
    assert_eq!(
        recorded(&troubled(), 100),
        "\
run r7 of plan ovs: going, paused
at 2026-03-09 08:01:40 UTC, as recorded up to 2026-03-09 08:01:20 UTC, 20 s before; no driver was asked
paused by plan: prewarm on h2: the driver ended
frozen by carol: fire drill

step     batches                   targets
prewarm  0 of 1 passed, 1 at work  1 failed, 1 unknown
  h2 unknown (attempt 1): the driver ended
  h1 failed (attempt 1): exit code 3\\u{1b}[2J
agent    0 of 2 passed             2 waiting

what a person can do
  1 target: nobody knows whether it took effect; look at the target, then say so:
    quietgate resolve prewarm h2 --ran --reason WHY
    quietgate resolve prewarm h2 --not-ran --reason WHY
  1 target: the action failed; try it again, or leave the target as it is:
    quietgate retry prewarm h1 --reason WHY
    quietgate skip prewarm h1 --reason WHY
  the run is paused; once what stands above is settled, see why and go on:
    quietgate why
    quietgate resume --reason WHY
    quietgate rollback --reason WHY
    quietgate abort --reason WHY
  everything is frozen; when batches may start again:
    quietgate unfreeze --reason WHY
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7"
    );
}

#[test]
fn without_a_driver_the_hold_on_record_stands_in() {
    let hold = gate("agent", 0, Before, Decision::Hold, "loss{host=\"h9\"}: anomalous since then");
    let records = numbered([boot(), plan(), hold]);
    assert_eq!(
        recorded(&records, 3_600),
        "\
run r7 of plan ovs: going
at 2026-03-09 09:00:00 UTC, as recorded up to 2026-03-09 08:00:20 UTC, 59 min 40 s before; no driver was asked

step     batches        targets
prewarm  0 of 1 passed  2 waiting
agent    0 of 2 passed  2 waiting

waits for
  agent batch 1 of 2: holds since 08:00:20, as recorded at 08:00:20: loss{host=\"h9\"}: anomalous

what a person can do
  agent batch 1 holds, and goes on by itself; its numbers:
    quietgate why agent/1
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7"
    );
}

#[test]
fn what_a_driver_says_is_told_as_it_is() {
    let hold = gate("agent", 0, Before, Decision::Hold, "then");
    let state = folded(&numbered([
        boot(),
        plan(),
        hold,
        proceed("prewarm", 0, Before),
        intent("prewarm", "h1", Action, 1),
    ]));
    let waiting = [
        Waiting::InFlight(1),
        Waiting::Approval((1, 0)),
        Waiting::Gate((1, 0), Before, "loss{host=\"h9\"}: clean for 4 min of 10 min".to_owned()),
        Waiting::Gate((0, 0), After, "load{host=\"h1\"}: suspect".to_owned()),
        Waiting::Forbidden((1, 0), "outside of the allowed windows until 2026-03-10T00:00:00Z".to_owned()),
        Waiting::Soak((0, 0), at(900)),
    ];
    assert_eq!(
        status(&state, None, at(60), Waits::Now(&waiting)).to_string(),
        "\
run r7 of plan ovs: going
at 2026-03-09 08:01:00 UTC

step     batches                   targets
prewarm  0 of 1 passed, 1 at work  1 in flight, 1 waiting
agent    0 of 2 passed             2 waiting

waits for
  1 in flight
  agent batch 1 of 2: a person must let the step begin
  agent batch 1 of 2: holds before it starts, since 08:00:20: loss{host=\"h9\"}: clean for 4 min of 10 min
  prewarm batch 1 of 1: holds before it passes: load{host=\"h1\"}: suspect
  agent batch 1 of 2: may not start now: outside of the allowed windows until 2026-03-10T00:00:00Z
  prewarm batch 1 of 1: soaks until 08:15:00

what a person can do
  agent batch 1 holds, and goes on by itself; its numbers:
    quietgate why agent/1
  prewarm batch 1 holds, and goes on by itself; its numbers:
    quietgate why prewarm/1"
    );
}

#[test]
fn a_batch_that_a_person_must_let_start_is_named_with_the_command() {
    let mut pinned = pinned(&[("agent", &[&["h1"], &["h2"]])]);
    pinned.steps[0].approve = true;
    assert_eq!(
        recorded(&numbered([Record::Plan(pinned)]), 0),
        "\
run r7 of plan ovs: going
at 2026-03-09 08:00:00 UTC, as recorded up to 2026-03-09 08:00:00 UTC, 0 ms before; no driver was asked

step   batches        targets
agent  0 of 2 passed  2 waiting

waits for
  agent batch 1 of 2: a person must let the step begin

what a person can do
  agent needs a person to let it begin:
    quietgate approve agent --reason WHY
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7"
    );
}

#[test]
fn a_rollback_that_is_stuck_says_so() {
    let records = numbered([
        plan(),
        proceed("agent", 0, Before),
        intent("agent", "h1", Action, 1),
        result("agent", "h1", Action, 1, End::Succeeded, "succeeded"),
        gate("agent", 0, After, Decision::Rollback, "loss{host=\"h1\"}: anomalous"),
        intent("agent", "h1", Undo, 1),
        result("agent", "h1", Undo, 1, End::TimedOut, "killed after 5 min"),
        Record::Pause(said("plan", "stuck: undoing agent on h1 failed")),
    ]);
    assert_eq!(
        recorded(&records, 90),
        "\
run r7 of plan ovs: rolling back, paused
at 2026-03-09 08:01:30 UTC, as recorded up to 2026-03-09 08:01:10 UTC, 20 s before; no driver was asked
because at 08:00:40 agent batch 1 of 2 rolls the run back: loss{host=\"h1\"}: anomalous
paused by plan: stuck: undoing agent on h1 failed

step     batches                   targets
prewarm  0 of 1 passed             2 waiting
agent    0 of 2 passed, 1 at work  1 stuck, 1 waiting
  h1 stuck (undo attempt 1): killed after 5 min

what a person can do
  1 target: undoing failed; try the undo again, or undo it by hand and leave it:
    quietgate retry agent h1 --reason WHY
    quietgate skip agent h1 --reason WHY
  the run is paused; once what stands above is settled, see why and go on:
    quietgate why
    quietgate resume --reason WHY
    quietgate abort --reason WHY
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7"
    );
}

#[test]
fn a_run_that_is_over_waits_for_nothing() {
    let abort = Record::Abort(said("bob", "enough"));
    let finish = Record::Finish {
        run: "r7".to_owned(),
        decision: Ending::Aborted,
        reason: "it was aborted".to_owned(),
    };
    assert_eq!(
        recorded(&numbered([plan(), abort, finish]), 90),
        "\
run r7 of plan ovs: aborted
at 2026-03-09 08:01:30 UTC, as recorded up to 2026-03-09 08:00:20 UTC, 1 min 10 s before; no driver was asked
because at 08:00:10 run r7 aborted by bob: enough

step     batches        targets
prewarm  0 of 1 passed  2 waiting
agent    0 of 2 passed  2 waiting"
    );
}

#[test]
fn of_thousands_of_targets_a_few_are_named() {
    let names: Vec<String> = (0..3_000).map(|n| format!("h{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batches: Vec<&[&str]> = names.chunks(60).collect();
    let mut records = vec![Record::Plan(pinned(&[("agent", &batches)])), proceed("agent", 0, Before)];
    for target in &names[..60] {
        records.push(intent("agent", target, Action, 1));
        records.push(unknown("agent", target, Action));
    }
    let text = recorded(&numbered(records), 2_000);
    assert_eq!(
        text,
        "\
run r7 of plan ovs: going
at 2026-03-09 08:33:20 UTC, as recorded up to 2026-03-09 08:20:10 UTC, 13 min 10 s before; no driver was asked

step   batches                    targets
agent  0 of 50 passed, 1 at work  60 unknown, 2,940 waiting
  h0000 unknown (attempt 1): the driver ended
  h0001 unknown (attempt 1): the driver ended
  h0002 unknown (attempt 1): the driver ended
  h0003 unknown (attempt 1): the driver ended
  h0004 unknown (attempt 1): the driver ended
  and 55 more unknown

what a person can do
  60 targets: nobody knows whether it took effect; look at the target, then say so (the first 5):
    quietgate resolve agent h0000 --ran --reason WHY
    quietgate resolve agent h0000 --not-ran --reason WHY
    quietgate resolve agent h0001 --ran --reason WHY
    quietgate resolve agent h0001 --not-ran --reason WHY
    quietgate resolve agent h0002 --ran --reason WHY
    quietgate resolve agent h0002 --not-ran --reason WHY
    quietgate resolve agent h0003 --ran --reason WHY
    quietgate resolve agent h0003 --not-ran --reason WHY
    quietgate resolve agent h0004 --ran --reason WHY
    quietgate resolve agent h0004 --not-ran --reason WHY
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7"
    );
}

#[test]
fn without_a_run_there_is_little_to_say() {
    let text = status(&State::default(), None, at(0), Waits::Recorded(at(0))).to_string();
    assert_eq!(
        text,
        "\
no run
at 2026-03-09 08:00:00 UTC, as recorded up to 2026-03-09 08:00:00 UTC, 0 ms before; no driver was asked"
    );
}

const AS_DATA: &str = "\
{
  \"at\": \"2026-03-09T08:01:40Z\",
  \"recorded\": \"2026-03-09T08:01:20Z\",
  \"frozen\": {
    \"who\": \"carol\",
    \"reason\": \"fire drill\"
  },
  \"run\": {
    \"run\": \"r7\",
    \"plan\": \"ovs\",
    \"mode\": \"going\",
    \"over\": false,
    \"paused\": {
      \"who\": \"plan\",
      \"reason\": \"prewarm on h2: the driver ended\"
    },
    \"turned\": null,
    \"steps\": [
      {
        \"step\": \"prewarm\",
        \"batches\": 1,
        \"passed\": 0,
        \"at_work\": 1,
        \"waiting\": 0,
        \"targets\": {
          \"waiting\": 0,
          \"in_flight\": 0,
          \"done\": 0,
          \"failed\": 1,
          \"skipped\": 0,
          \"undone\": 0,
          \"unknown\": 1,
          \"stuck\": 0
        },
        \"batch\": {
          \"batch\": 0,
          \"started\": true,
          \"targets\": {
            \"count\": 2,
            \"first\": [
              {
                \"target\": \"h2\",
                \"state\": \"unknown\",
                \"doing\": \"action\",
                \"attempt\": 1,
                \"reason\": \"the driver ended\"
              },
              {
                \"target\": \"h1\",
                \"state\": \"failed\",
                \"doing\": \"action\",
                \"attempt\": 1,
                \"reason\": \"exit code 3\\u001b[2J\"
              }
            ]
          },
          \"expected\": []
        },
        \"failed\": {
          \"count\": 1,
          \"first\": [
            {
              \"target\": \"h1\",
              \"state\": \"failed\",
              \"doing\": \"action\",
              \"attempt\": 1,
              \"reason\": \"exit code 3\\u001b[2J\"
            }
          ]
        },
        \"unknown\": {
          \"count\": 1,
          \"first\": [
            {
              \"target\": \"h2\",
              \"state\": \"unknown\",
              \"doing\": \"action\",
              \"attempt\": 1,
              \"reason\": \"the driver ended\"
            }
          ]
        },
        \"stuck\": {
          \"count\": 0,
          \"first\": []
        }
      },
      {
        \"step\": \"agent\",
        \"batches\": 2,
        \"passed\": 0,
        \"at_work\": 0,
        \"waiting\": 2,
        \"targets\": {
          \"waiting\": 2,
          \"in_flight\": 0,
          \"done\": 0,
          \"failed\": 0,
          \"skipped\": 0,
          \"undone\": 0,
          \"unknown\": 0,
          \"stuck\": 0
        },
        \"batch\": {
          \"batch\": 0,
          \"started\": false,
          \"targets\": {
            \"count\": 1,
            \"first\": [
              {
                \"target\": \"h1\",
                \"state\": \"waiting\",
                \"doing\": \"action\",
                \"attempt\": 0,
                \"reason\": null
              }
            ]
          },
          \"expected\": []
        },
        \"failed\": {
          \"count\": 0,
          \"first\": []
        },
        \"unknown\": {
          \"count\": 0,
          \"first\": []
        },
        \"stuck\": {
          \"count\": 0,
          \"first\": []
        }
      }
    ]
  },
  \"waiting\": [
    {
      \"for\": \"paused\",
      \"step\": null,
      \"batch\": null,
      \"since\": null,
      \"until\": null,
      \"patience\": null,
      \"reason\": \"paused by plan: prewarm on h2: the driver ended\"
    }
  ],
  \"todo\": [
    {
      \"why\": \"1 target: nobody knows whether it took effect; look at the target, then say so\",
      \"commands\": [
        \"quietgate resolve prewarm h2 --ran --reason WHY\",
        \"quietgate resolve prewarm h2 --not-ran --reason WHY\"
      ]
    },
    {
      \"why\": \"1 target: the action failed; try it again, or leave the target as it is\",
      \"commands\": [
        \"quietgate retry prewarm h1 --reason WHY\",
        \"quietgate skip prewarm h1 --reason WHY\"
      ]
    },
    {
      \"why\": \"the run is paused; once what stands above is settled, see why and go on\",
      \"commands\": [
        \"quietgate why\",
        \"quietgate resume --reason WHY\",
        \"quietgate rollback --reason WHY\",
        \"quietgate abort --reason WHY\"
      ]
    },
    {
      \"why\": \"everything is frozen; when batches may start again\",
      \"commands\": [
        \"quietgate unfreeze --reason WHY\"
      ]
    },
    {
      \"why\": \"where no driver runs any more, one that takes the run over\",
      \"commands\": [
        \"quietgate run --resume r7\"
      ]
    }
  ]
}";

#[test]
fn what_is_expected_to_move_is_told_until_it_is_over() {
    let Record::Plan(mut pinned) = plan() else { unreachable!("it is a plan") };
    let signals = ["cpu", "net"].map(str::to_owned).to_vec();
    pinned.steps[0].expects = vec![Expected { signals, for_ms: 240_000 }];
    let plan = Record::Plan(pinned);
    let records = numbered([boot(), plan, proceed("prewarm", 0, Before), intent("prewarm", "h1", Action, 1)]);
    let told = |seconds| recorded(&records, seconds).lines().nth(5).map(str::to_owned);
    let words = "  batch 1: cpu and net expected to move until 08:04:30, judged again then";
    assert_eq!(told(100).as_deref(), Some(words));
    assert_eq!(told(269).as_deref(), Some(words));
    assert_eq!(told(270).as_deref(), Some("agent    0 of 2 passed             2 waiting"));
    let state = folded(&records);
    let status = status(&state, None, at(100), Waits::Now(&[]));
    assert!(live(&status, None, 100, 40).iter().any(|line| line.trim() == words.trim()));
    let data = serde_json::to_value(&status).expect("JSON");
    let expected = &data["run"]["steps"][0]["batch"]["expected"];
    assert_eq!(*expected, serde_json::json!([{"signals": ["cpu", "net"], "until": "2026-03-09T08:04:30Z"}]));
}

#[test]
fn as_data_it_has_what_the_text_has() {
    let records = troubled();
    let newest = records[records.len() - 1].at;
    let status = status(&folded(&records), None, at(100), Waits::Recorded(newest));
    let data = serde_json::to_string_pretty(&status).expect("JSON");
    assert_eq!(data, AS_DATA);
}

#[test]
fn what_is_told_once_more_after_a_retry_is_at_work_again() {
    let mut records = troubled();
    let more = [
        Record::Resolve { told: told("prewarm", "h2", "alice", "I looked"), ran: true },
        Record::Retry(told("prewarm", "h1", "alice", "the disk is free again")),
        Record::Unfreeze(word("carol", "over")),
        Record::Resume(said("alice", "mended")),
    ];
    let from = records.len() as u64;
    records.extend(numbered(more).into_iter().map(|mut noted| {
        noted.seq += from;
        noted
    }));
    assert_eq!(
        recorded(&records, 100),
        "\
run r7 of plan ovs: going
at 2026-03-09 08:01:40 UTC, as recorded up to 2026-03-09 08:00:30 UTC, 1 min 10 s before; no driver was asked

step     batches                   targets
prewarm  0 of 1 passed, 1 at work  1 done, 1 waiting
agent    0 of 2 passed             2 waiting

what a person can do
  where no driver runs any more, one that takes the run over:
    quietgate run --resume r7"
    );
}
