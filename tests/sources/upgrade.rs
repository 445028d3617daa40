//! A plan of three steps on six targets, gated by what a real Prometheus has from a real node_exporter: it passes when
//! the machine is quiet, holds under load and while Prometheus is stopped, and rolls back when a batch raises the load.

use super::servers::{Server, installed, node_exporter, prometheus, prometheus_again, wait};
use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// So many processes that are ready to run at once are load; what else is tested or built meanwhile has fewer.
const LOAD: usize = 60;

/// What the processes that are ready to run may be at most.
const LIMIT: usize = 35;

/// A machine that is watched, and a folder with a config, a plan and its actions.
struct Fleet {
    dir: tempfile::TempDir,
    prometheus: Option<Server>,
    port: u16,
    // ends when this is dropped
    _exporter: Server,
    // its lock ends with it
    _alone: File,
}

/// Nothing where Prometheus or node_exporter are not installed. While there is one fleet no other is made: they would see
/// each other's load.
fn fleet(on_anomaly: &str) -> Option<Fleet> {
    if !installed("prometheus") || !installed("prometheus-node-exporter") {
        return None;
    }
    let alone = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("load.lock")).expect("a file");
    alone.lock().expect("a lock");
    let dir = tempfile::tempdir().expect("a directory");
    let exporter = node_exporter("stat");
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n\
         scrape_configs: [{{job_name: node, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]\n",
        exporter.port
    );
    let server = prometheus(dir.path(), &config, &[]);
    let fleet =
        Fleet { port: server.port, prometheus: Some(server), _exporter: exporter, dir, _alone: alone };
    fleet.write("quietgate.yaml", &config_text(&fleet));
    fleet.write("plan.yaml", &plan_text(on_anomaly));
    fleet.write("act", ACT);
    let act = fleet.dir.path().join("act");
    fs::set_permissions(&act, fs::Permissions::from_mode(0o755)).expect("a program");
    Some(fleet)
}

fn config_text(fleet: &Fleet) -> String {
    format!(
        "state: state\n\
         sources:\n  prom: {{kind: prometheus, url: 'http://127.0.0.1:{}', timeout: 1s}}\n\
         signals:\n  running:\n    source: prom\n    query: node_procs_running\n    interval: 500ms\n    max_age: 3s\n    \
         direction: up\n    rule: {{kind: any, detectors: [{{kind: threshold, above: {LIMIT}}}], sustain: 2 of 3}}\n",
        fleet.port
    )
}

fn plan_text(on_anomaly: &str) -> String {
    let hosts: Vec<_> = (1..=6).map(|i| format!("{{name: h{i}, address: 127.0.0.1}}")).collect();
    let call = |what: &str| {
        format!("{{kind: exec, argv: [./act, {what}, \"${{step}}\", \"${{target}}\"], timeout: 20s}}")
    };
    let step = |name: &str, after: &str, batch: u32| {
        format!(
            "- step: {name}\n  after: [{after}]\n  batch: {batch}\n  action: {}\n  undo: {}\n  on_anomaly: {on_anomaly}\n",
            call("do"),
            call("undo")
        )
    };
    format!(
        "plan: fleet\ninventory: [{}]\nsignals: [running]\n\
         gate: {{clean_before: 3s, clean_after: 3s, patience: 5m}}\nsteps:\n{}{}{}",
        hosts.join(", "),
        step("first", "", 6),
        step("second", "first", 3),
        step("third", "second", 6)
    )
}

/// Writes what it was asked to do behind the others; the third step raises the load, where the test wants it to.
const ACT: &str =
    "#!/bin/sh\necho \"$1 $2 $3\" >>ledger\n[ \"$1 $2\" = 'do third' ] && echo >third\nexit 0\n";

impl Fleet {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).expect("a file");
    }

    fn quietgate(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quietgate"));
        command.args(arguments).current_dir(self.dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The run of the plan.
    fn run(&self) -> Run {
        Run(self.quietgate(&["run", "plan.yaml"]).spawn().expect("the program"))
    }

    fn ledger(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("ledger")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Everything on record.
    fn journal(&self) -> Vec<Value> {
        let arguments = ["journal", "show", "state", "--format", "json"];
        let output = self.quietgate(&arguments).stdout(Stdio::piped()).output().expect("the program");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }

    /// Waits for a record after number `seq` that is what `is` asks for, and gives its number.
    fn recorded(&self, what: &str, seq: u64, is: impl Fn(&Value) -> bool) -> u64 {
        wait(what, || {
            let found =
                self.journal().into_iter().find(|record| record["seq"].as_u64() > Some(seq) && is(record));
            found.and_then(|record| record["seq"].as_u64())
        })
    }

    /// How many records are of a kind and a decision.
    fn count(&self, kind: &str, decision: &str) -> usize {
        let is = |record: &&Value| record["kind"] == kind && record["decision"] == decision;
        self.journal().iter().filter(is).count()
    }
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

/// Processes that are always ready to run, at the lowest priority, for a bounded time.
struct Load(Vec<Child>);

impl Load {
    fn begin() -> Self {
        let one = || {
            let mut command = Command::new("timeout");
            command.args(["60", "nice", "-n", "19", "sh", "-c", "while :; do :; done"]);
            command.spawn().expect("a program")
        };
        Self((0..LOAD).map(|_| one()).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // `timeout` hands it on to what it runs
            let id = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            drop(child.wait());
        }
    }
}

fn holds(because: &'static str) -> impl Fn(&Value) -> bool {
    move |record| {
        let said = record["because"]
            .as_array()
            .map(|because| because.iter().filter_map(Value::as_str).collect::<Vec<_>>());
        record["decision"] == "hold"
            && said.is_some_and(|said| said.iter().any(|words| words.contains(because)))
    }
}

fn opens(step: &'static str, side: &'static str) -> impl Fn(&Value) -> bool {
    move |record| record["decision"] == "proceed" && record["step"] == step && record["side"] == side
}

#[test]
fn a_plan_holds_under_load_and_while_prometheus_is_stopped_and_goes_on_by_itself() {
    let Some(mut fleet) = fleet("pause") else { return };
    let load = Load::begin();
    let run = fleet.run();
    let held = fleet.recorded("a hold under load", 0, holds("anomalous"));
    assert_eq!(fleet.ledger(), [""; 0], "nothing starts under load");
    drop(load);
    let opened = fleet.recorded("the first batch", held, opens("first", "before"));
    let passed = fleet.recorded("its end", opened, opens("first", "after"));
    fleet.prometheus = None;
    let down = fleet.recorded("a hold without Prometheus", passed, holds("source_down"));
    let starts = fleet.ledger().len();
    // far beyond max_age and the time limit of a question
    std::thread::sleep(std::time::Duration::from_secs(10));
    assert_eq!(fleet.ledger().len(), starts, "nothing starts without Prometheus");
    fleet.prometheus = Some(prometheus_again(fleet.dir.path(), fleet.port));
    fleet.recorded("the third step", down, opens("third", "before"));
    assert_eq!(run.end(), Some(0));
    let mut ledger = fleet.ledger();
    assert!(ledger[..6].iter().all(|line| line.starts_with("do first")), "{ledger:?}");
    assert!(ledger[12..].iter().all(|line| line.starts_with("do third")), "{ledger:?}");
    ledger.sort();
    ledger.dedup();
    assert_eq!(ledger.len(), 18, "every target once in each step");
    assert_eq!(
        (fleet.count("gate", "abort"), fleet.count("gate", "rollback"), fleet.count("abort", "")),
        (0, 0, 0)
    );
}

#[test]
fn a_batch_that_raises_the_load_is_rolled_back() {
    let Some(fleet) = fleet("rollback") else { return };
    let run = fleet.run();
    let path = fleet.dir.path().join("third");
    wait("the third step", || Path::exists(&path).then_some(()));
    let load = Load::begin();
    fleet.recorded("a rollback", 0, |record| record["kind"] == "gate" && record["decision"] == "rollback");
    assert_eq!(run.end(), Some(4));
    drop(load);
    let ledger = fleet.ledger();
    let (done, undone) = ledger.split_at(18);
    let reversed: Vec<_> = done.iter().rev().map(|line| line.replacen("do", "undo", 1)).collect();
    assert!(done.iter().all(|line| line.starts_with("do ")));
    // within a batch targets are at work at the same time: the journal knows in which order they were started
    let steps = |lines: &[String]| {
        lines.iter().map(|line| line.rsplit_once(' ').expect("words").0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(steps(undone), steps(&reversed));
    let intents = |doing: &str| {
        let journal = fleet
            .journal()
            .into_iter()
            .filter(|record| record["kind"] == "intent" && record["doing"] == doing);
        journal.map(|record| (record["step"].clone(), record["target"].clone())).collect::<Vec<_>>()
    };
    let mut actions = intents("action");
    actions.reverse();
    assert_eq!(intents("undo"), actions);
}
