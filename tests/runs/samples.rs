//! What a gate says of samples that cannot be right, and that it opens again by itself and by a window that begins anew. Each
//! test names the row of the table of faults in docs/sources.md that it shows; those of whole sources stand in faults.rs.

use super::faults::{CLEAN_MS, Holding, INTERVAL_MS, Watched, at_ms, at_work, configure, now_ms};
use super::fleet::{Fleet, step, wait};
use serde_json::Value;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Writes rows behind those that the file has, until it is dropped.
struct Writer {
    told: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// `rows` gives the text to write at each tick of half an interval, by its number and its time.
    fn begin(fleet: &Fleet, rows: impl Fn(i64, i64) -> String + Send + 'static) -> Self {
        let (told, stopped) = channel();
        let path = fleet.path("samples.csv");
        let thread = std::thread::spawn(move || {
            let mut file = std::fs::File::options().append(true).open(path).expect("the file");
            let pace = Duration::from_millis(INTERVAL_MS.unsigned_abs() / 2);
            let mut tick = 0;
            while stopped.recv_timeout(pace) == Err(RecvTimeoutError::Timeout) {
                let text = rows(tick, now_ms());
                std::io::Write::write_all(&mut file, text.as_bytes()).expect("room");
                tick += 1;
            }
        });
        Self { told: Some(told), thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.told.take();
        if let Some(thread) = self.thread.take() {
            // the test says what failed
            drop(thread.join());
        }
    }
}

/// A fleet whose signal comes by a file, with more keys of it.
fn by_file(more: &str) -> Fleet {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    configure(&fleet, "", &format!("log{more}"), "");
    fleet
}

/// A row of each host at a time.
fn rows_of(hosts: &[&str], at: i64, value: f64) -> String {
    hosts.iter().map(|host| format!("{at},{value},{host}\n")).collect()
}

const ALL: [&str; 3] = ["h1", "h2", "h3"];

/// Row 15: what is no number in one series, and what is not even a value in a page.
#[test]
fn a_value_that_is_no_number_is_unknown_by_its_name_and_a_word_makes_the_whole_page_unknown() {
    let watched = Watched::new("", "loss");
    let mut held = at_work(&watched.fleet, &["run", "plan.yaml"]);
    let mut mended = held.done();
    for value in ["NaN", "+Inf", "-Inf"] {
        watched.page.show("h2", Some(value));
        let said = held.says(&["loss{__name__=\"loss\",host=\"h2\"}: unknown (not_a_number), newest sample"]);
        assert!(!said.contains("loss{__name__=\"loss\",host=\"h1\"}: unknown"), "{value}: {said}");
        mended = now_ms();
        watched.page.show("h2", Some("0"));
        held.says(&["loss{__name__=\"loss\",host=\"h2\"}: clean for"]);
    }
    for value in ["null", "much", "\"0\"", ""] {
        let told = watched.fleet.said("run.err").len();
        watched.page.show("h2", Some(value));
        held.says(&[
            "loss{__name__=\"loss\",host=\"h1\"}: unknown (source_down)",
            "loss{__name__=\"loss\",host=\"h2\"}: unknown (source_down)",
        ]);
        wait("the line by its number", || {
            watched.fleet.said("run.err")[told..].contains("line 3").then_some(())
        });
        mended = now_ms();
        watched.page.show("h2", Some("0"));
        held.says(&["loss{__name__=\"loss\",host=\"h2\"}: clean for"]);
    }
    held.opens(mended);
}

/// Row 15: a line of a file that has a word for a value. Nobody knows which series it was of.
#[test]
fn a_line_that_cannot_be_read_holds_until_later_ones_are_there() {
    let mut fleet = by_file("");
    fleet.starve();
    let silent = fleet.path("silent");
    let _writer = Writer::begin(&fleet, move |_, at| match silent.exists() {
        true => String::new(),
        false => rows_of(&ALL, at, 0.0),
    });
    let mut held = at_work(&fleet, &["run", "plan.yaml"]);
    held.done();
    fleet.write("silent", "");
    fleet.append("samples.csv", &format!("{},null,h2\n", now_ms()));
    held.says(&["loss{host=\"h1\"}: unknown (partial)", "loss{host=\"h2\"}: unknown (partial)"]);
    assert!(fleet.said("run.err").contains(" cannot be read: "), "{}", fleet.said("run.err"));
    let mended = now_ms();
    fleet.remove("silent");
    held.opens(mended);
}

/// Row 15: a counter below 0 cannot be.
#[test]
fn a_counter_below_zero_is_no_number_by_its_name() {
    let watched = Watched::new("", "packets_total");
    let (fleet, page) = (&watched.fleet, &watched.page);
    // it counts 1,000 a second
    fleet.write("quietgate.yaml", &fleet.said("quietgate.yaml").replace("above: 50}", "above: 5000}"));
    let mut held = at_work(fleet, &["run", "plan.yaml"]);
    page.count_from("h2", -1_000_000_000);
    held.done();
    let said =
        held.says(&["loss{__name__=\"packets_total\",host=\"h2\"}: unknown (not_a_number), newest sample"]);
    assert!(!said.contains("loss{__name__=\"packets_total\",host=\"h1\"}: unknown"), "{said}");
    let told = fleet.said("run.err");
    let words = "the counter {__name__=\"packets_total\", host=\"h2\"} is below 0, which cannot be";
    assert_eq!(told.matches(words).count(), 1, "{told}");
    let mended = now_ms();
    page.count_from("h2", 5);
    held.opens(mended);
}

/// Row 15: of what no type tells what it cannot be, a limit of the rule does.
#[test]
fn a_negative_value_holds_where_the_rule_has_a_limit_for_it() {
    let watched = Watched::new("", "loss");
    let fleet = &watched.fleet;
    let config = fleet.said("quietgate.yaml").replace("direction: up", "direction: either");
    fleet.write("quietgate.yaml", &config.replace("above: 50}", "above: 50, below: 0}"));
    watched.page.show("h2", Some("-1"));
    let mut held = Holding::waiting(fleet, fleet.start(&["run", "plan.yaml"]));
    held.says(&["loss{__name__=\"loss\",host=\"h2\"}: anomalous since", "value -1 is below the limit 0"]);
    assert!(fleet.ledger().is_empty());
    watched.page.show("h2", Some("0"));
    assert_eq!(held.end(), Some(0));
}

/// Row 16: samples are missing for less than `max_age`. Row 18: what comes afterwards mends nothing.
#[test]
fn a_gap_begins_the_window_anew_and_what_comes_too_late_does_not_mend_it() {
    let fleet = by_file("");
    let held = at_work(&fleet, &["run", "plan.yaml", "--record", "said.jsonl"]);
    let ended = held.done();
    wait("half of the window", || (now_ms() > ended + CLEAN_MS / 2).then_some(()));
    fleet.silence("h2");
    let from = now_ms();
    wait("a gap of two intervals", || (now_ms() > from + 2 * INTERVAL_MS + INTERVAL_MS / 2).then_some(()));
    let back = now_ms();
    fleet.lose("h2", 0.0);
    wait("a newer sample that was told", || (told(&fleet, "h2")? > back).then_some(()));
    let late: String = (from..back).step_by(100).map(|at| format!("{at},0,h2\n")).collect();
    fleet.append("samples.csv", &late);
    wait("a word of it", || {
        let said = fleet.said("run.err");
        (said.contains("signal \"loss\": ") && said.contains("later than lateness allows: not judged"))
            .then_some(())
    });
    held.opens(back);
}

/// The time of the newest sample of a host that the run was told of, in milliseconds.
fn told(fleet: &Fleet, host: &str) -> Option<i64> {
    let said = fleet.said("said.jsonl");
    let lines = said.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let newest = |line: serde_json::Value| {
        let series = line["series"].as_array()?.iter().find(|series| series["labels"]["host"] == host)?;
        series["samples"].as_array()?.last()?[0].as_i64()
    };
    lines.filter_map(newest).next()
}

/// Row 16: a page that says by itself of when its samples are, and goes on saying the same.
#[test]
fn a_time_that_stands_still_is_stale_however_often_it_is_told() {
    let watched = Watched::new("", "loss");
    let mut held = at_work(&watched.fleet, &["run", "plan.yaml"]);
    watched.page.show("h2", Some(&format!("0 {}", now_ms())));
    held.done();
    let said = held.says(&["loss{__name__=\"loss\",host=\"h2\"}: unknown (stale), newest sample"]);
    assert!(!said.contains("loss{__name__=\"loss\",host=\"h1\"}: unknown"), "{said}");
    let mended = now_ms();
    watched.page.show("h2", Some("0"));
    held.opens(mended);
}

/// Row 16: a value that stands still where it always moved.
#[test]
fn a_value_that_stands_still_holds_where_the_rule_looks_for_that() {
    let mut fleet = by_file("");
    fleet.starve();
    let config = fleet.said("quietgate.yaml").replace("direction: up", "direction: either");
    fleet.write("quietgate.yaml", &config.replace("{kind: threshold, above: 50}", "flatline"));
    // it has moved for longer than the detector looks for first, until a while ago
    let cell = |at: i64| at.div_euclid(INTERVAL_MS);
    let value = move |at: i64| (cell(at) * 7 % 11) as f64;
    let (now, still) = (cell(now_ms()), 30);
    let moved = (still..500).rev().map(|back| (now - back) * INTERVAL_MS);
    let stood = (1..still).rev().map(|back| rows_of(&ALL, (now - back) * INTERVAL_MS, 5.5));
    let past: String = moved.map(|at| rows_of(&ALL, at, value(at))).chain(stood).collect();
    fleet.append("samples.csv", &past);
    let moves = fleet.path("moves");
    let _writer = Writer::begin(&fleet, move |_, at| {
        let at = cell(at) * INTERVAL_MS;
        rows_of(&ALL, at, if moves.exists() { value(at) } else { 5.5 })
    });
    let mut held = Holding::waiting(&fleet, fleet.start(&["run", "plan.yaml"]));
    held.says(&["loss{host=\"h2\"}: anomalous since", "flatline: "]);
    assert!(fleet.ledger().is_empty());
    fleet.write("moves", "");
    assert_eq!(held.end(), Some(0));
}

/// Row 17: the same sample twice is one; two values at one time are none.
#[test]
fn a_sample_twice_is_one_sample_and_two_values_at_one_time_are_a_conflict() {
    let mut fleet = by_file("");
    fleet.starve();
    let contradicts = fleet.path("contradicts");
    let _writer = Writer::begin(&fleet, move |_, at| {
        let other = if contradicts.exists() { rows_of(&["h2"], at, 1.0) } else { String::new() };
        rows_of(&ALL, at, 0.0).repeat(2) + &other
    });
    let mut held = at_work(&fleet, &["run", "plan.yaml"]);
    held.done();
    fleet.write("contradicts", "");
    held.says(&["loss{host=\"h2\"}: unknown (conflicting)"]);
    let said = fleet.said("run.err");
    assert!(said.contains("the series {host=\"h2\"} has two values at "), "{said}");
    let mended = now_ms();
    fleet.remove("contradicts");
    held.opens(mended);
}

/// Every second row of h2 comes behind the next one.
fn swapped(fleet: &Fleet) -> Writer {
    let before = std::cell::Cell::new(None::<i64>);
    Writer::begin(fleet, move |tick, at| match tick % 4 {
        0 => {
            before.set(Some(at));
            rows_of(&["h1", "h3"], at, 0.0)
        }
        2 => rows_of(&ALL, at, 0.0),
        // between the two somebody has asked
        3 => before.take().map(|at| rows_of(&["h2"], at, 0.0)).unwrap_or_default(),
        _ => String::new(),
    })
}

/// Row 18: what is out of order is put in its place where the config waits for it.
#[test]
fn samples_out_of_order_are_judged_where_lateness_waits_for_them() {
    let mut fleet = by_file(&format!("\n    lateness: {}ms", 2 * INTERVAL_MS));
    let config = fleet.said("quietgate.yaml").replace("max_age: 2s", "max_age: 4s");
    fleet.write("quietgate.yaml", &config);
    fleet.starve();
    let _writer = swapped(&fleet);
    let held = at_work(&fleet, &["run", "plan.yaml"]);
    let ended = held.done();
    held.opens(ended);
}

/// Row 18: and where it does not wait the series is never clean for long.
#[test]
fn samples_out_of_order_are_gaps_where_nobody_waits_for_them() {
    let mut fleet = by_file("");
    fleet.starve();
    // longer than what one late asking makes whole
    fleet.write("plan.yaml", &fleet.said("plan.yaml").replace("clean_before: 600ms", "clean_before: 2s"));
    let writer = swapped(&fleet);
    let run = fleet.start(&["run", "plan.yaml"]);
    let mut held = Holding::waiting(&fleet, run);
    let said = held.says(&["loss{host=\"h2\"}: clean for"]);
    assert!(!said.contains("loss{host=\"h1\"}: unknown") && fleet.ledger().is_empty(), "{said}");
    let begun = now_ms();
    wait("three windows' time", || (now_ms() > begun + 3 * CLEAN_MS).then_some(()));
    assert!(fleet.ledger().is_empty(), "nothing starts: {:?}", fleet.journal());
    drop(writer);
    let _writer = Writer::begin(&fleet, |_, at| rows_of(&ALL, at, 0.0));
    fleet.acted("do one h1 1");
    assert_eq!(held.end(), Some(0));
}

/// The time of the newest row of a host that is not after `until`, as the file has it.
fn row_until(fleet: &Fleet, host: &str, until: i64) -> i64 {
    let text = fleet.said("samples.csv");
    let of_host = text.lines().filter(|line| line.ends_with(&format!(",{host}")));
    let times = of_host.filter_map(|line| line.split(',').next()?.parse::<i64>().ok());
    times.filter(|at| *at <= until).max().expect("a row")
}

/// A fleet by a file whose rows are read again for ten seconds, and whose gates ask for longer windows.
fn read_again() -> Fleet {
    let fleet = by_file("");
    fleet.write("quietgate.yaml", &fleet.said("quietgate.yaml").replace("max_age: 2s", "max_age: 10s"));
    let plan = fleet.said("plan.yaml").replace("clean_before: 600ms", "clean_before: 3s");
    fleet.write("plan.yaml", &plan.replace("clean_after: 3000ms", "clean_after: 6s"));
    fleet
}

/// Row 18: what a gate opened by is told otherwise, too late to be judged.
#[test]
fn a_late_value_that_contradicts_what_a_gate_opened_by_pauses_the_run() {
    let fleet = read_again();
    let held = at_work(&fleet, &["run", "plan.yaml", "--record", "said.jsonl"]);
    let is_open = |record: &Value| record["side"] == "before" && record["decision"] == "proceed";
    let opened = at_ms(&fleet.recorded("the gate", is_open));
    let at = row_until(&fleet, "h2", opened);
    // what is newer makes the whole answer conflicting
    wait("two intervals", || (now_ms() > at + 3 * INTERVAL_MS).then_some(()));
    fleet.append("samples.csv", &format!("{at},90,h2\n"));
    let paused = fleet.recorded("a pause", |record| record["kind"] == "pause");
    let reason = paused["reason"].as_str().expect("words");
    let time = quietgate::text::rfc3339(at);
    let words = format!(
        "loss{{host=\"h2\"}} was 0 at {time} and is told to have been 90 then: the gate before batch 1 of one opened by a clean \
         window with that time in it"
    );
    assert_eq!((reason, &paused["who"]), (&*words, &"gate".into()));
    let (_, status) = fleet.say(&["status"]);
    assert!(status.contains(&format!("paused by gate: {words}")), "{status}");
    let (code, why) = fleet.say(&["why", &paused["seq"].to_string()]);
    assert!(code == Some(0) && why.contains(&words), "{why}");
    let told = fleet.said("run.err");
    let note =
        format!("the series {{host=\"h2\"}} had the value 0 at {time}, and 90 is told of that time now");
    assert_eq!(told.matches(&note).count(), 1, "{told}");
    fleet.remove("wait-do-h1");
    assert_eq!(held.end(), Some(3));
    assert!(fleet.journal().iter().all(|record| record["decision"] != "rollback"), "nothing is undone");
    let (code, text) = fleet.say(&["replay", "--recorded", "said.jsonl"]);
    assert!(code == Some(0) && text.contains("all identical"), "{text}");
    // a person has looked, and it is not told again
    let name = fleet.run_name();
    assert_eq!(fleet.start(&["run", "--resume", &name]).end(), Some(0), "{}", fleet.said("run.err"));
}

/// Row 18: who resumes a run is to know of it, also where a person had paused the run before it was told.
#[test]
fn a_late_value_that_contradicts_is_told_of_a_run_that_is_paused_already() {
    let fleet = read_again();
    let held = at_work(&fleet, &["run", "plan.yaml"]);
    let is_open = |record: &Value| record["side"] == "before" && record["decision"] == "proceed";
    let at = row_until(&fleet, "h2", at_ms(&fleet.recorded("the gate", is_open)));
    assert_eq!(fleet.say(&["pause", "--reason", "lunch"]).0, Some(0));
    wait("two intervals", || (now_ms() > at + 3 * INTERVAL_MS).then_some(()));
    fleet.append("samples.csv", &format!("{at},90,h2\n{at},91,h2\n"));
    let told = fleet.recorded("its word", |record| record["kind"] == "pause" && record["who"] == "gate");
    let reason = told["reason"].as_str().expect("words");
    assert!(reason.starts_with("loss{host=\"h2\"} was 0 at "), "{reason}");
    let before = of_pauses(&fleet).first().cloned().expect("the person's pause");
    let who = before["who"].as_str().expect("a name");
    assert!(reason.ends_with(&format!("; paused before by {who}: lunch")), "{reason}");
    fleet.remove("wait-do-h1");
    assert_eq!(held.end(), Some(3), "as for each pause by the gate");
    assert_eq!(of_pauses(&fleet).len(), 2, "a person's, and once for all that is told otherwise");
}

fn of_pauses(fleet: &Fleet) -> Vec<Value> {
    fleet.journal().into_iter().filter(|record| record["kind"] == "pause").collect()
}

/// Row 18: where no gate has opened by it yet, the window begins anew.
#[test]
fn a_late_value_that_contradicts_what_no_gate_opened_by_begins_the_window_anew() {
    let fleet = read_again();
    let held = at_work(&fleet, &["run", "plan.yaml"]);
    let ended = held.done();
    wait("two intervals", || (now_ms() > ended + 3 * INTERVAL_MS).then_some(()));
    let at = row_until(&fleet, "h2", ended + INTERVAL_MS / 2);
    let opened = at_ms(
        &fleet.recorded("the gate", |record| record["side"] == "before" && record["decision"] == "proceed"),
    );
    assert!(at > opened, "{at} is after {opened}");
    let mended = now_ms();
    fleet.append("samples.csv", &format!("{at},90,h2\n"));
    fleet.recorded("a hold", |record| {
        let words = "loss{host=\"h1\"}: unknown (partial)";
        record["decision"] == "hold" && record["reason"].as_str().is_some_and(|reason| reason.contains(words))
    });
    assert_eq!(held.end(), Some(0));
    let is_open = |record: &Value| record["side"] == "after" && record["decision"] == "proceed";
    let window = at_ms(&fleet.recorded("the gate after it", is_open)) - mended;
    assert!(window >= 6_000 - INTERVAL_MS, "it opened {window} ms after that");
    assert!(fleet.journal().iter().all(|record| record["kind"] != "pause"));
}

/// Row 18: a time that lies ahead of the clock here.
#[test]
fn a_sample_of_the_future_is_not_taken_and_holds() {
    let watched = Watched::new("", "loss");
    let mut held = at_work(&watched.fleet, &["run", "plan.yaml"]);
    watched.page.show("h2", Some(&format!("0 {}", now_ms() + 3_600_000)));
    held.done();
    held.says(&[
        "loss{__name__=\"loss\",host=\"h1\"}: unknown (partial)",
        "loss{__name__=\"loss\",host=\"h2\"}: unknown (partial)",
    ]);
    let said = watched.fleet.said("run.err");
    assert!(said.contains("1 sample lies more than an interval after the time of asking"), "{said}");
    let mended = now_ms();
    watched.page.show("h2", Some("0"));
    held.opens(mended);
}

/// Row 19: a counter that goes over its end, and one that begins anew. There is no sample of that interval, so that the window
/// begins anew, again and again.
#[test]
fn a_counter_that_goes_back_is_a_gap_and_neither_negative_nor_a_leap() {
    let watched = Watched::new("", "packets_total");
    let (fleet, page) = (&watched.fleet, &watched.page);
    let config = fleet.said("quietgate.yaml").replace("direction: up", "direction: either");
    // it counts 1,000 a second
    let config = config.replace("above: 50}", "above: 5000, below: 0}").replace("2 of 3", "1 of 1");
    fleet.write("quietgate.yaml", &config);
    page.count_from("h2", i64::from(u32::MAX) - 1_000_000);
    let held = at_work(fleet, &["run", "plan.yaml"]);
    let mut back = held.done();
    for count in [700, 0, 3] {
        wait("half of a window", || (now_ms() > back + CLEAN_MS / 2).then_some(()));
        page.count_from("h2", count);
        back = now_ms();
    }
    held.opens(back);
    let leapt: Vec<_> =
        fleet.journal().into_iter().filter(|record| record.to_string().contains("limit")).collect();
    assert!(leapt.iter().all(|record| record["kind"] == "plan"), "nothing leaps: {leapt:#?}");
}
