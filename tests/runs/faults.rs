//! What a gate says when a source fails, and that it opens again by itself and by a window that begins anew. Each test names
//! the row of the table of faults in docs/sources.md that it shows; those of single samples stand in samples.rs.

use super::exporter::{Exporter, Manner};
use super::fleet::{Fleet, Run, step, wait};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The interval of the signals here, in milliseconds.
pub(crate) const INTERVAL_MS: i64 = 500;
/// How long everything must be clean after the batch, in milliseconds.
pub(crate) const CLEAN_MS: i64 = 3_000;
/// An abort takes less than this, whatever a source does: far less than the limits of those that hang here.
const ABORT: Duration = Duration::from_secs(15);

/// A fleet whose signals come by a page.
pub(crate) struct Watched {
    pub(crate) fleet: Fleet,
    pub(crate) page: Exporter,
}

/// A run that is held after its batch.
pub(crate) struct Holding<'a> {
    fleet: &'a Fleet,
    run: Run,
    seq: u64,
}

impl Watched {
    /// `source` are more settings of the source, `query` is what the signal `loss` asks.
    pub(crate) fn new(source: &str, query: &str) -> Self {
        let page = Exporter::new();
        let fleet = Fleet::new(&step("one", "  batch: 3\n"));
        let source = format!("page: {{kind: scrape, url: \"http://127.0.0.1:{}\"{source}}}", page.port);
        configure(&fleet, &source, &format!("page\n    query: {query}"), "");
        Self { fleet, page }
    }
}

/// A config with one more source, if any, where `loss` comes from the one that is named, and a gate that asks for a longer window.
pub(crate) fn configure(fleet: &Fleet, source: &str, from: &str, more: &str) {
    let config = fleet.said("quietgate.yaml");
    let more_sources = if source.is_empty() { String::new() } else { format!("  {source}\n") };
    let config = config.replace("sources:\n", &format!("sources:\n{more_sources}"));
    let config = config.replace("source: log", &format!("source: {from}"));
    let config = config.replace("200ms", &format!("{INTERVAL_MS}ms")).replace("max_age: 1s", "max_age: 2s");
    fleet.write("quietgate.yaml", &(config + more));
    let plan = fleet.said("plan.yaml");
    fleet.write("plan.yaml", &plan.replace("clean_after: 600ms", &format!("clean_after: {CLEAN_MS}ms")));
}

/// The time of a record in milliseconds.
pub(crate) fn at_ms(record: &Value) -> i64 {
    let at = record["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    at.expect("a time").as_millisecond()
}

pub(crate) fn now_ms() -> i64 {
    quietgate::clock::now().as_millis()
}

/// A run whose batch is at work, once its gate has opened, which it does only where all is well.
pub(crate) fn at_work<'a>(fleet: &'a Fleet, words: &[&str]) -> Holding<'a> {
    fleet.write("wait-do-h1", "");
    let run = fleet.start(words);
    Holding::of(fleet, run)
}

impl<'a> Holding<'a> {
    pub(crate) fn of(fleet: &'a Fleet, run: Run) -> Self {
        fleet.acted("do one h1 1");
        Self { fleet, run, seq: 0 }
    }

    /// A run that is held before its batch.
    pub(crate) fn waiting(fleet: &'a Fleet, run: Run) -> Self {
        Self { fleet, run, seq: 0 }
    }

    /// Its exit code, once it has ended by itself.
    pub(crate) fn end(self) -> Option<i32> {
        self.run.end()
    }

    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// The batch is done; gives the time at which that is on record.
    pub(crate) fn done(&self) -> i64 {
        self.fleet.remove("wait-do-h1");
        at_ms(&self.fleet.recorded("the end of the batch", |record| {
            record["kind"] == "result" && record["target"] == "h1"
        }))
    }

    /// The gate holds now, and `status` and `why` say all of `words`; gives what it says.
    pub(crate) fn says(&mut self, words: &[&str]) -> String {
        let has_all = |text: &str| words.iter().all(|word| text.contains(word));
        wait(&format!("a status that says {words:?}"), || {
            has_all(&self.fleet.say(&["status"]).1).then_some(())
        });
        let held = self.fleet.recorded(&format!("a hold that says {words:?}"), |record| {
            let is_new = record["seq"].as_u64() > Some(self.seq) && record["decision"] == "hold";
            is_new && record["reason"].as_str().is_some_and(has_all)
        });
        self.seq = held["seq"].as_u64().expect("a number");
        let (code, why) = self.fleet.say(&["why", &self.seq.to_string()]);
        assert!(code == Some(0) && has_all(&why), "{why}");
        held["reason"].as_str().expect("words").to_owned()
    }

    /// From `mended` on all is well: the gate opens by itself, no sooner than by a window that began then.
    pub(crate) fn opens(self, mended: i64) {
        let code = self.run.end();
        assert_eq!(code, Some(0), "{}", self.fleet.said("run.out") + &self.fleet.said("run.err"));
        let journal = self.fleet.journal();
        let is_open = |record: &&Value| record["side"] == "after" && record["decision"] == "proceed";
        let opened = journal.iter().find(is_open).expect("it passed");
        let window = at_ms(opened) - mended;
        assert!(window >= CLEAN_MS - INTERVAL_MS, "it opened {window} ms after all was well: {journal:#?}");
        let turned =
            journal.iter().any(|record| record["decision"] == "rollback" || record["decision"] == "abort");
        assert!(
            !turned && self.fleet.ledger().len() == 3,
            "nothing is undone for want of samples: {journal:#?}"
        );
    }
}

/// The longest time between two answers of the signal `loss` that are on record behind the first `from`, in milliseconds.
fn longest_silence(fleet: &Fleet, from: usize) -> i64 {
    let said = fleet.said("said.jsonl");
    let lines = said.lines().skip(from).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let heard = lines.filter(|line| line["kind"] == "said" && line["signal"] == "loss");
    let times: Vec<i64> = heard.filter_map(|line| line["at"].as_i64()).collect();
    assert!(times.len() > 4, "{said}");
    times.windows(2).map(|two| two[1] - two[0]).max().unwrap_or(i64::MAX)
}

/// Row 13: refused.
#[test]
fn a_source_that_refuses_holds_and_what_was_meanwhile_is_no_clean_window() {
    let mut watched = Watched::new("", "loss");
    let mut held = at_work(&watched.fleet, &["run", "plan.yaml"]);
    watched.page.close();
    held.done();
    held.says(&[
        "loss{__name__=\"loss\",host=\"h1\"}: unknown (source_down)",
        "loss{__name__=\"loss\",host=\"h3\"}: unknown (source_down)",
    ]);
    let said = watched.fleet.said("run.err");
    assert!(said.contains("/metrics: no answer") && said.to_lowercase().contains("refused"), "{said}");
    let mended = now_ms();
    watched.page.open();
    held.opens(mended);
}

/// Row 13: a source that has all that was meanwhile was unknown even so. It is a file that is not there for a while.
#[test]
fn a_source_that_knows_afterwards_what_was_meanwhile_was_unknown_even_so() {
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    configure(&fleet, "", "log", "");
    let mut held = at_work(&fleet, &["run", "plan.yaml"]);
    // who writes to the file goes on, and who reads it cannot turn to the one that has its name
    std::fs::rename(fleet.path("samples.csv"), fleet.path("kept.csv")).expect("a new name");
    std::fs::create_dir(fleet.path("samples.csv")).expect("a folder");
    let ended = held.done();
    held.says(&["loss{host=\"h1\"}: unknown (source_down)"]);
    wait("a window's time", || (now_ms() > ended + CLEAN_MS).then_some(()));
    let mended = now_ms();
    std::fs::remove_dir(fleet.path("samples.csv")).expect("the folder");
    std::fs::rename(fleet.path("kept.csv"), fleet.path("samples.csv")).expect("its name");
    held.opens(mended);
}

/// Row 13: no name server knows it any more.
#[test]
fn a_source_whose_name_is_not_known_any_more_holds() {
    let watched = Watched::new("", "loss");
    let fleet = &watched.fleet;
    let config = fleet.said("quietgate.yaml").replace("http://127.0.0.1:", "http://exporter.test:");
    fleet.write("quietgate.yaml", &config.replace("kind: scrape", "kind: scrape, timeout: 5s"));
    fleet.write("hosts", "127.0.0.1 exporter.test\n");
    // nobody answers there, and at once
    fleet.write("resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n");
    let script =
        "mount --bind hosts /etc/hosts && mount --bind resolv.conf /etc/resolv.conf && exec \"$0\" \"$@\"";
    let by = ["unshare", "--mount", "sh", "-c", script];
    let can = std::process::Command::new("unshare").args(["--mount", "true"]).status();
    if !can.is_ok_and(|status| status.success()) {
        return println!("skipped: no mounts of our own can be made here (it needs root and unshare)");
    }
    fleet.write("wait-do-h1", "");
    let mut held = Holding::of(fleet, fleet.start_by(&by, &["run", "plan.yaml"]));
    fleet.write("hosts", "");
    held.done();
    held.says(&["loss{__name__=\"loss\",host=\"h1\"}: unknown (source_down)"]);
    let said = fleet.said("run.err");
    assert!(said.contains("no answer") && said.contains("dns error"), "{said}");
    let mended = now_ms();
    fleet.write("hosts", "127.0.0.1 exporter.test\n");
    held.opens(mended);
}

/// A second signal by the page, beside `loss` by the file.
fn beside(timeout: &str) -> Watched {
    let page = Exporter::new();
    let fleet = Fleet::new(&step("one", "  batch: 3\n"));
    let source =
        format!("page: {{kind: scrape, url: \"http://127.0.0.1:{}\", timeout: {timeout}}}", page.port);
    let slow = format!(
        "  slow:\n    source: page\n    query: loss\n    interval: {INTERVAL_MS}ms\n    max_age: 2s\n    direction: up\n    \
         labels: {{host: target}}\n    rule: {{kind: any, detectors: [{{kind: threshold, above: 50}}]}}\n"
    );
    configure(&fleet, &source, "log", &slow);
    fleet.write("plan.yaml", &fleet.said("plan.yaml").replace("[loss]", "[loss, slow]"));
    Watched { fleet, page }
}

/// Row 14: a byte now and then.
#[test]
fn a_source_that_drips_is_left_at_its_limit_and_delays_no_other() {
    let watched = beside("1s");
    let fleet = &watched.fleet;
    let mut held = at_work(fleet, &["run", "plan.yaml", "--record", "said.jsonl"]);
    watched.page.behave(Manner::Drip);
    let from = fleet.said("said.jsonl").lines().count();
    held.done();
    let said = held.says(&["slow{__name__=\"loss\",host=\"h1\"}: unknown (source_down)"]);
    assert!(!said.contains("loss{host=\"h1\"}: unknown"), "{said}");
    assert!(fleet.said("run.err").contains("no answer within 1 s"), "{}", fleet.said("run.err"));
    let silence = longest_silence(fleet, from);
    assert!(silence < 1_000, "the other source was not heard of for {silence} ms");
    let mended = now_ms();
    watched.page.behave(Manner::Page);
    held.opens(mended);
}

/// Row 14: nothing at all, for longer than anybody waits.
#[test]
fn a_source_that_hangs_delays_neither_another_nor_an_abort() {
    let watched = beside("5m");
    let fleet = &watched.fleet;
    let mut held = at_work(fleet, &["run", "plan.yaml", "--record", "said.jsonl"]);
    watched.page.behave(Manner::Hang);
    let from = fleet.said("said.jsonl").lines().count();
    held.done();
    let said = held.says(&["slow{__name__=\"loss\",host=\"h1\"}: unknown (stale)"]);
    assert!(!said.contains("loss{host=\"h1\"}: unknown"), "{said}");
    let silence = longest_silence(fleet, from);
    assert!(silence < 1_000, "the other source was not heard of for {silence} ms");
    let began = Instant::now();
    assert_eq!(fleet.say(&["abort", "--reason", "users call"]).0, Some(0));
    assert_eq!(held.end(), Some(1));
    assert!(began.elapsed() < ABORT, "the abort took {:?}", began.elapsed());
}

/// Row 20: one that must be there never was.
#[test]
fn an_expected_series_that_is_not_there_holds_the_first_batch_by_its_name() {
    let watched = Watched::new("", "loss");
    let fleet = &watched.fleet;
    watched.page.show("h3", None);
    let run = fleet.start(&["run", "plan.yaml"]);
    let mut held = Holding::waiting(fleet, run);
    let said = held.says(&["loss{host=\"h3\"}: unknown (no_data), no sample yet"]);
    assert!(
        !said.contains("loss{__name__=\"loss\",host=\"h1\"}: unknown") && fleet.ledger().is_empty(),
        "{said}"
    );
    watched.page.show("h3", Some("0"));
    assert_eq!(held.end(), Some(0));
}

/// Row 20: one of many is not there any more.
#[test]
fn one_of_many_series_that_is_gone_holds_by_its_name_at_once() {
    let watched = Watched::new("", "loss");
    let mut held = at_work(&watched.fleet, &["run", "plan.yaml"]);
    watched.page.show("h2", None);
    held.done();
    let said = held.says(&["loss{__name__=\"loss\",host=\"h2\"}: unknown (no_data), newest sample"]);
    assert!(!said.contains("loss{__name__=\"loss\",host=\"h1\"}: unknown"), "the others are known: {said}");
    let mended = now_ms();
    watched.page.show("h2", Some("0"));
    held.opens(mended);
}

/// Row 21: the most memory of the whole program in MiB, whatever a page tries. An answer is at most 32 MiB.
pub(crate) const PEAK_MIB: u64 = 200;

/// Row 21: too many series, too large a body, one without an end, a bomb.
#[test]
fn what_is_too_much_holds_and_fills_no_memory() {
    let watched = Watched::new("", "loss");
    let fleet = &watched.fleet;
    let many: String = (0..=50_000).map(|host| format!("loss{{host=\"x{host}\"}} 0\n")).collect();
    let large = "# nothing\n".repeat(4 << 20);
    let body = |text: String| Manner::Body(String::new(), Arc::new(text.into_bytes()));
    let bomb = Manner::Body("Content-Encoding: gzip\r\n".to_owned(), Arc::new(bomb()));
    let cases = [
        (body(many), "50,001 series, allowed is at most 50,000 (max_series)"),
        (body(large), "a larger body, allowed is at most 32MiB (max_body)"),
        (Manner::Endless, "a larger body, allowed is at most 32MiB (max_body)"),
        (bomb, "it is packed, which it was not asked to be"),
    ];
    let mut held = at_work(fleet, &["run", "plan.yaml"]);
    let mut mended = held.done();
    for (manner, cause) in cases {
        let told = fleet.said("run.err").matches(cause).count();
        watched.page.behave(manner);
        held.says(&["loss{__name__=\"loss\",host=\"h1\"}: unknown (source_down)"]);
        wait(cause, || (fleet.said("run.err").matches(cause).count() > told).then_some(()));
        mended = now_ms();
        watched.page.behave(Manner::Page);
        held.says(&["loss{__name__=\"loss\",host=\"h1\"}: clean for"]);
    }
    let peak = held.run().peak_mib();
    assert!(peak < PEAK_MIB, "{peak} MiB of memory");
    held.opens(mended);
}

/// A gibibyte of nothing, packed: a thousandth of that.
fn bomb() -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let nothing = vec![0; 1 << 20];
    (0..1024).for_each(|_| std::io::Write::write_all(&mut out, &nothing).expect("room"));
    out.finish().expect("room")
}
