//! A folder with a config, a plan and its actions; samples of loss that keep coming; and what happened in the end.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest that anything here may take.
const BOUND: Duration = Duration::from_secs(60);

const CONFIG: &str = "\
state: state
sources:
  log: {kind: file, path: samples.csv}
signals:
  loss:
    source: log
    interval: 200ms
    max_age: 1s
    direction: up
    labels: {host: target}
    expect: {host: inventory}
    rule: {kind: any, detectors: [{kind: threshold, above: 50}], sustain: 2 of 3}
";

/// Tells the ledger of itself, then does as it is told: `wait-WHAT-TARGET` and `fail-WHAT-TARGET` are files.
const ACT: &str = "\
#!/bin/sh
echo \"$1 $2 $3 $4\" >>ledger
while [ -e \"wait-$1-$3\" ]; do sleep 0.02; done
[ ! -e \"fail-$1-$3\" ] || exit 7
";

/// Everything that a plan here begins with.
pub(crate) const HEAD: &str = "\
plan: fleet
inventory: [{name: h1, address: a1}, {name: h2, address: a2}, {name: h3, address: a3}]
signals: [loss]
gate: {clean_before: 600ms, clean_after: 600ms, patience: 10m}
";

/// A step with these keys more, whose action, undo and probe are `./act`.
pub(crate) fn step(name: &str, more: &str) -> String {
    let call = |what: &str| {
        format!(
            "{{kind: exec, argv: [./act, {what}, \"${{step}}\", \"${{target}}\", \"${{attempt}}\"], timeout: 30s}}"
        )
    };
    format!("- step: {name}\n  action: {}\n  undo: {}\n{more}", call("do"), call("undo"))
}

/// A plan of the one step `name` on these targets.
pub(crate) fn plan(name: &str, targets: &[&str], more: &str) -> String {
    let inventory: Vec<String> =
        targets.iter().map(|name| format!("{{name: {name}, address: {name}}}")).collect();
    format!(
        "plan: {name}\ninventory: [{}]\nsignals: [loss]\n\
         gate: {{clean_before: 600ms, clean_after: 600ms, patience: 10m}}\nsteps:\n{}",
        inventory.join(", "),
        step(name, more)
    )
}

/// Three targets that are watched.
pub(crate) struct Fleet {
    dir: tempfile::TempDir,
    loss: Arc<Mutex<BTreeMap<&'static str, f64>>>,
    feeder: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Fleet {
    /// With a plan of these steps, behind the head.
    pub(crate) fn new(steps: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let loss = Arc::new(Mutex::new(["h1", "h2", "h3"].map(|host| (host, 0.0)).into()));
        let mut fleet = Self { dir, loss, feeder: None };
        fleet.write("quietgate.yaml", CONFIG);
        fleet.write("plan.yaml", &format!("{HEAD}steps:\n{steps}"));
        fleet.write("act", ACT);
        fleet.write("samples.csv", "timestamp,value,host\n");
        fs::set_permissions(fleet.path("act"), fs::Permissions::from_mode(0o755)).expect("a program");
        fleet.feed();
        fleet
    }

    /// An anomaly is captured by these programs, a list in YAML; `more` is what the config says of captures.
    pub(crate) fn capture(&self, programs: &str, more: &str) {
        let config = format!("{CONFIG}    capture: {programs}\ncapture: {more}\n");
        self.write("quietgate.yaml", &config);
    }

    /// Samples come from now on.
    pub(crate) fn feed(&mut self) {
        let (stop, stopped) = channel();
        let (loss, path) = (Arc::clone(&self.loss), self.path("samples.csv"));
        let thread = std::thread::spawn(move || {
            let mut file = File::options().append(true).open(path).expect("the file");
            while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                let now = quietgate::clock::now().as_millis();
                let line = |(host, value): (&&str, &f64)| format!("{now},{value},{host}\n");
                let lines: String = loss.lock().expect("no panic").iter().map(line).collect();
                file.write_all(lines.as_bytes()).expect("room");
            }
        });
        self.feeder = Some((stop, thread));
    }

    /// No samples come any more.
    pub(crate) fn starve(&mut self) {
        if let Some((stop, thread)) = self.feeder.take() {
            drop(stop);
            thread.join().expect("the feeder");
        }
    }

    /// From now on `host` loses so many percent.
    pub(crate) fn lose(&self, host: &'static str, percent: f64) {
        self.loss.lock().expect("no panic").insert(host, percent);
    }

    /// From now on everybody loses so many percent.
    pub(crate) fn lose_everywhere(&self, percent: f64) {
        self.loss.lock().expect("no panic").values_mut().for_each(|loss| *loss = percent);
    }

    /// From now on there are no samples of `host`.
    pub(crate) fn silence(&self, host: &'static str) {
        self.loss.lock().expect("no panic").remove(host);
    }

    /// Writes behind what the file of that name has.
    pub(crate) fn append(&self, name: &str, text: &str) {
        let mut file = File::options().append(true).open(self.path(name)).expect("the file");
        file.write_all(text.as_bytes()).expect("room");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("the file");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quietgate"));
        command.args(words).current_dir(self.dir.path()).env_remove("SUDO_USER").stdin(Stdio::null());
        command
    }

    /// Starts the program by another one, whose last words it is; what it says lies in `run.out` and `run.err`.
    pub(crate) fn start_by(&self, by: &[&str], words: &[&str]) -> Run {
        let mut command = Command::new(by[0]);
        command.args(&by[1..]).arg(env!("CARGO_BIN_EXE_quietgate")).args(words);
        command.current_dir(self.dir.path()).env_remove("SUDO_USER").stdin(Stdio::null());
        let file = |end| File::create(self.path(&format!("{}.{end}", words[0]))).expect("a file");
        let child = command.stdout(file("out")).stderr(file("err")).spawn().expect("the program");
        Run { child }
    }

    /// Starts the program; what it says lies in files that are called by its first word, `run.out` and `run.err`.
    pub(crate) fn start(&self, words: &[&str]) -> Run {
        let file = |end| File::create(self.path(&format!("{}.{end}", words[0]))).expect("a file");
        let child = self.command(words).stdout(file("out")).stderr(file("err")).spawn().expect("the program");
        Run { child }
    }

    /// Runs the program to its end, and gives its exit code and what it said, standard error behind standard output.
    pub(crate) fn say(&self, words: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.command(words).output().expect("the program");
        let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
        (status.code(), text.into_owned())
    }

    /// What was said into the file of that name.
    pub(crate) fn said(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What the actions did, in their order: `do one h1 1`.
    pub(crate) fn ledger(&self) -> Vec<String> {
        self.said("ledger").lines().map(str::to_owned).collect()
    }

    /// Everything on record.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let (_, text) = self.say(&["journal", "show", "state", "--format", "json"]);
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a record of which `is` holds.
    pub(crate) fn recorded(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait(what, || self.journal().into_iter().find(&is))
    }

    /// Waits until the ledger has this line.
    pub(crate) fn acted(&self, line: &str) {
        wait(line, || self.ledger().iter().any(|known| known == line).then_some(()));
    }

    /// The name of the newest run.
    pub(crate) fn run_name(&self) -> String {
        let plan = self.recorded("a run", |record| record["kind"] == "plan");
        plan["run"].as_str().expect("a name").to_owned()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.feeder.take() {
            drop(stop);
            // it has complained already
            drop(thread.join());
        }
    }
}

/// A program that is ended when its test fails.
pub(crate) struct Run {
    child: Child,
}

impl Run {
    /// Its exit code, once it has ended by itself.
    pub(crate) fn end(mut self) -> Option<i32> {
        wait("the end of the run", || self.child.try_wait().expect("a child")).code()
    }

    /// The most memory that it ever had, in MiB: pages in memory, by the kernel.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Says that the config is another one.
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Kills it, and nothing else.
    pub(crate) fn kill(mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().expect("its end");
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .expect("a signal");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // it may have ended by itself
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What `look` finds, looked for again and again within the bound.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + BOUND;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether there is such a file.
pub(crate) fn exists(path: &Path) -> bool {
    path.exists()
}
