//! A real Prometheus that has days of the past, and a run that begins without a history of its own: it judges by days at once, keeps
//! what it was told, and takes nothing of an answer that breaks off in the middle because that Prometheus goes down.

use super::servers::{Server, get, installed, node_exporter_of, prometheus, prometheus_again, wait};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Milliseconds between samples.
const EVERY: i64 = 5_000;
const DAY: i64 = 86_400_000;
/// What the Prometheus has of the past: one day more than `chain` and `ca` need before they judge.
const PAST: i64 = 4 * DAY;
const HOSTS: [&str; 2] = ["h1", "h2"];
/// What `chain` and `ca` want of the past is asked for in some twenty-four pieces, of which these come before the last: there is
/// something in what was answered by then.
const PIECES: usize = 21;
const BY_DAYS: &str = "[chain, ca]";
const BY_LIMIT: &str = "[{kind: threshold, above: 1000}]";

/// The value at a time: the same shape each day, by a few percent another one each day.
fn value(host: &str, at: i64) -> f64 {
    let (day, cell) = (at.div_euclid(DAY), at.rem_euclid(DAY) / EVERY);
    let shape = 200.0 + 100.0 * (cell as f64 * EVERY as f64 / DAY as f64 * std::f64::consts::TAU).sin();
    let other = (cell * 7919 + day * 104_729 + host.len() as i64) % 41;
    // told with a tenth at most, so that it is read again as it was written
    (shape + other as f64 / 5.0).round() / 2.0
}

/// Passes on what is asked of a Prometheus, and ends that once so many questions were asked.
#[derive(Clone)]
struct Way {
    server: Arc<Mutex<Option<Server>>>,
    to: u16,
    left: Arc<AtomicUsize>,
}

impl Way {
    /// Listens on a port of its own, which it gives; the thread ends with the test program.
    fn open(server: Server) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let to = server.port;
        let way = Self {
            server: Arc::new(Mutex::new(Some(server))),
            to,
            left: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let passing = way.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let way = passing.clone();
                std::thread::spawn(move || way.pass(client));
            }
        });
        (way, port)
    }

    /// Hands on both ways until one of the two ends it.
    fn pass(&self, mut client: TcpStream) -> Option<()> {
        let mut server = TcpStream::connect(("127.0.0.1", self.to)).ok()?;
        let (mut answers, mut back) = (server.try_clone().ok()?, client.try_clone().ok()?);
        std::thread::spawn(move || {
            // an end of either is the end of both
            drop(std::io::copy(&mut answers, &mut back));
            drop(back.shutdown(Shutdown::Both));
        });
        let mut bytes = vec![0; 64 << 10];
        loop {
            let read = client.read(&mut bytes).ok().filter(|read| *read > 0)?;
            if bytes.starts_with(b"GET /api/v1/query") && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.end();
            }
            server.write_all(&bytes[..read]).ok()?;
        }
    }

    /// Ends the Prometheus, once so many more questions were asked.
    fn end_after(&self, questions: usize) {
        self.left.store(questions, Ordering::SeqCst);
    }

    fn end(&self) {
        self.server.lock().expect("no panic").take();
    }

    fn is_down(&self) -> bool {
        self.server.lock().expect("no panic").is_none()
    }
}

/// A Prometheus behind a way, an exporter that it asks, and a folder with a config and a plan.
struct Case {
    dir: tempfile::TempDir,
    way: Way,
    port: u16,
    /// When the newest sample of the past is, and the oldest.
    past: Option<(i64, i64)>,
    _exporter: Server,
}

fn now() -> i64 {
    quietgate::clock::now().as_millis()
}

impl Case {
    fn new(has_past: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let shown = dir.path().join("shown");
        fs::create_dir(&shown).expect("a folder");
        show(&shown, 1.0);
        let exporter = node_exporter_of(&["textfile", &format!("textfile.directory={}", shown.display())]);
        let past = has_past.then(|| write_past(&dir));
        let config = format!(
            "global: {{scrape_interval: {EVERY}ms, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: node, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]\n",
            exporter.port
        );
        let (way, port) = Way::open(prometheus(dir.path(), &config, &[]));
        let case = Self { dir, way, port, past, _exporter: exporter };
        case.judge(BY_DAYS);
        let plan = "plan: fleet\ninventory: [{name: h1}, {name: h2}]\nsignals: [load]\n\
            gate: {clean_before: 10s, clean_after: 1s, patience: 1h}\nsteps:\n- step: one\n  batch: 2\n  action: {kind: noop}\n";
        fs::write(case.path("plan.yaml"), plan).expect("a file");
        case
    }

    /// From now on the series are judged by these detectors.
    fn judge(&self, detectors: &str) {
        let config = format!(
            "state: state\nsources:\n  prom: {{kind: prometheus, url: 'http://127.0.0.1:{}', timeout: 5s}}\n\
             signals:\n  load:\n    source: prom\n    query: max by (host) (load)\n    interval: {EVERY}ms\n    max_age: 20s\n    \
             direction: either\n    labels: {{host: target}}\n    expect: {{host: inventory}}\n    \
             rule: {{kind: any, detectors: {detectors}, sustain: 2 of 3}}\n",
            self.port
        );
        fs::write(self.path("quietgate.yaml"), config).expect("a file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quietgate"));
        command.args(words).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// What the program says to the end, standard error behind standard output.
    fn say(&self, words: &[&str]) -> String {
        let Output { stdout, stderr, .. } = self.command(words).output().expect("the program");
        String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr)
    }

    fn run(&self) -> Run {
        let file = |name| File::create(self.path(name)).expect("a file");
        let mut command = self.command(&["run", "plan.yaml"]);
        Run(command.stdout(file("run.out")).stderr(file("run.err")).spawn().expect("the program"))
    }

    /// What was said on standard error by the newest run.
    fn told(&self) -> String {
        fs::read_to_string(self.path("run.err")).unwrap_or_default()
    }

    fn journal(&self) -> Vec<Value> {
        let text = self.say(&["journal", "show", "state", "--format", "json"]);
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a gate record behind number `seq` with this decision whose reason has all of `words`.
    fn decided(&self, seq: u64, decision: &str, words: &[&str]) -> Value {
        let is_it = |record: &Value| {
            let reason = record["reason"].as_str().unwrap_or_default();
            record["seq"].as_u64() > Some(seq)
                && record["decision"] == decision
                && words.iter().all(|word| reason.contains(word))
        };
        wait(&format!("{decision} for {words:?}"), || self.journal().into_iter().find(is_it))
    }

    fn newest_seq(&self) -> u64 {
        self.journal().last().and_then(|record| record["seq"].as_u64()).unwrap_or(0)
    }

    fn history(&self) -> Value {
        serde_json::from_str(&self.say(&["history", "show", "--format", "json"])).expect("one object")
    }

    /// What is kept of each series, in the order of time.
    fn kept(&self, host: &str) -> Vec<(i64, f64)> {
        let said = self.say(&["history", "export", "--output", "kept.csv"]);
        let text = fs::read_to_string(self.path("kept.csv")).expect(&said);
        assert!(
            text.starts_with("timestamp,signal,host,value\n"),
            "{}",
            text.lines().next().unwrap_or_default()
        );
        let row = |line: &str| {
            let words: Vec<_> = line.split(',').collect();
            (words[2] == host)
                .then(|| (words[0].parse().expect("a time"), words[3].parse().expect("a value")))
        };
        let mut kept: Vec<(i64, f64)> = text.lines().skip(1).filter_map(row).collect();
        kept.sort_by_key(|(at, _)| *at);
        kept
    }

    /// Everything that the Prometheus had of the past is kept, as it was.
    fn has_kept_the_past(&self) {
        let (from, until) = self.past.expect("a past");
        for host in HOSTS {
            let kept = self.kept(host);
            let past: Vec<_> = kept.iter().copied().filter(|(at, _)| *at <= until).collect();
            let expected: Vec<_> =
                (from..=until).step_by(EVERY as usize).map(|at| (at, value(host, at))).collect();
            assert_eq!(past.len(), expected.len());
            let odd = past.iter().zip(&expected).find(|(one, other)| one != other);
            assert_eq!(odd, None);
            assert!(kept.len() > past.len(), "and what came since");
        }
    }
}

/// The exporter shows what the series have now, `times` as much.
fn show(folder: &std::path::Path, times: f64) {
    let at = now().div_euclid(EVERY) * EVERY;
    let lines = HOSTS.map(|host| format!("load{{host=\"{host}\"}} {}\n", value(host, at) * times));
    // it is read whole or not at all
    let file = folder.join("load.new");
    fs::write(&file, format!("# TYPE load gauge\n{}", lines.concat())).expect("a file");
    fs::rename(file, folder.join("load.prom")).expect("a name");
}

/// Blocks of a Prometheus up to now, by its own tool; gives the times of the oldest and the newest sample.
fn write_past(dir: &tempfile::TempDir) -> (i64, i64) {
    let until = now().div_euclid(EVERY) * EVERY;
    let from = until - PAST;
    let mut text = String::from("# TYPE load gauge\n");
    for host in HOSTS {
        for at in (from..=until).step_by(EVERY as usize) {
            writeln!(text, "load{{host=\"{host}\"}} {} {}", value(host, at), at / 1000).expect("room");
        }
    }
    text.push_str("# EOF\n");
    let file = dir.path().join("past.om");
    fs::write(&file, text).expect("a file");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, &dir.path().join("data")])
        .stdout(Stdio::null())
        .status();
    assert!(made.expect("promtool").success());
    (from, until)
}

/// A run that is ended when the test fails.
struct Run(Child);

impl Run {
    fn end(mut self) -> Option<i32> {
        wait("the end of the run", || self.0.try_wait().expect("a child")).code()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // it may have ended by itself
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn is_installed() -> bool {
    ["prometheus", "promtool", "prometheus-node-exporter"].into_iter().all(installed)
}

#[test]
fn a_new_daemon_judges_by_days_from_the_first_minute_where_a_prometheus_has_them() {
    if !is_installed() {
        return;
    }
    // what has no past is unknown, by the name of each detector
    let without = Case::new(false);
    let run = without.run();
    let lacks = |host: &str| format!("load{{host=\"{host}\"}}: unknown (warming_up)");
    let words = [&*lacks("h1"), &*lacks("h2"), "chain is unknown(warming_up): it needs 51,840 samples first"];
    let held = without.decided(0, "hold", &words);
    assert!(held["reason"].as_str().is_some_and(|reason| reason.contains("ca is unknown(warming_up)")));
    drop(run);
    assert_eq!(without.history()["series"], 2);
    assert!(HOSTS.iter().all(|host| without.kept(host).len() < 100), "what came since it was started");
    drop(without);

    let case = Case::new(true);
    let begun = Instant::now();
    let run = case.run();
    let opened = case.decided(0, "proceed", &["2 series clean for long enough"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    assert_eq!(run.end(), Some(0));
    let evidence = opened["evidence"].as_array().expect("series");
    let is_judged = |series: &Value| series["condition"] == "clean" && series.get("unknown").is_none();
    assert!(evidence.len() == 2 && evidence.iter().all(is_judged), "{evidence:?}");
    let journal = case.journal();
    assert!(!journal.iter().any(|record| record.to_string().contains("warming_up")), "{journal:#?}");

    let (kept, (from, until)) = (case.history(), case.past.expect("a past"));
    let time = |key: &str| kept[key].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let [first, last] = ["from", "until"].map(|key| time(key).expect("a time").as_millisecond());
    assert_eq!((&kept["series"], first), (&2.into(), from), "{kept}");
    assert!(last > until, "{kept}");
    case.has_kept_the_past();

    // and it is by those days that it is judged: half as much again is beyond all of them
    let least = value("h1", now()).min(value("h2", now())) * 1.3;
    show(&case.path("shown"), 1.5);
    // more than one, for the first may be all that was scraped so far
    let query = format!("count(min_over_time(load[12s])>{least} and count_over_time(load[12s])>1)")
        .replace('>', "%3E")
        .replace(' ', "%20");
    wait("samples that are higher", || {
        get(case.way.to, &format!("/api/v1/query?query={query}")).contains(",\"2\"]").then_some(())
    });
    let before = case.newest_seq();
    let run = case.run();
    let held = case.decided(before, "hold", &["load{host=\"h1\"}: anomalous since", "chain: "]);
    let votes = held["evidence"][0]["votes"].as_array().expect("votes");
    let chain = votes.iter().find(|vote| vote["detector"] == "chain").expect("chain");
    assert_eq!(chain["points"], PAST / DAY, "{chain}");
    drop(run);
}

#[test]
fn what_breaks_off_because_a_prometheus_goes_down_is_not_kept_and_the_run_goes_on_as_unknown() {
    if !is_installed() {
        return;
    }
    let case = Case::new(true);
    let again = || {
        let server = prometheus_again(case.dir.path(), case.way.to);
        *case.way.server.lock().expect("no panic") = Some(server);
    };
    let down = ["load{host=\"h1\"}: unknown (source_down)", "load{host=\"h2\"}: unknown (source_down)"];

    // without any history: nothing of it is kept
    case.way.end_after(PIECES);
    let run = case.run();
    wait("an end in the middle", || case.way.is_down().then_some(()));
    case.decided(0, "hold", &down);
    assert!(case.told().contains("no answer"), "{}", case.told());
    assert_eq!(case.history()["series"], 0, "{}", case.history());
    again();
    assert_eq!(run.end(), Some(0), "{}", case.told());
    case.has_kept_the_past();

    // where there is a history of the last hours alone, because nobody wanted more: what it lacks is not mixed in either
    fs::remove_dir_all(case.path("state")).expect("the state");
    case.judge(BY_LIMIT);
    assert_eq!(case.run().end(), Some(0), "{}", case.told());
    let before = HOSTS.map(|host| case.kept(host));
    assert!(
        before.iter().all(|kept| (900..3_000).contains(&kept.len())),
        "{:?}",
        before.each_ref().map(Vec::len)
    );
    case.judge(BY_DAYS);
    case.way.end_after(PIECES);
    let run = case.run();
    wait("an end in the middle", || case.way.is_down().then_some(()));
    wait("a status that says so", || {
        let status = case.say(&["status"]);
        down.iter().all(|words| status.contains(words)).then_some(())
    });
    assert!(case.told().contains("no answer"), "{}", case.told());
    assert_eq!(HOSTS.map(|host| case.kept(host)), before);
    again();
    assert_eq!(run.end(), Some(0), "{}", case.told());
    case.has_kept_the_past();
}
