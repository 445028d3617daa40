//! A run of the real program on this machine: a folder with a config, a plan, samples that keep coming, and an action that
//! tells an outside ledger of itself.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// The longest that anything may take here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(1);
/// How long between two samples.
const SAMPLES_EVERY: Duration = Duration::from_millis(100);

const PROGRAM: &str = env!("CARGO_BIN_EXE_quietgate");
const CONFIG: &str = include_str!("quietgate.yaml");
const ACT: &str = include_str!("act");

/// What is done, and to how many targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many targets there are: `n1`, `n2` and so on.
    pub(crate) targets: usize,
    /// The steps, each after the one before, with their batches.
    pub(crate) steps: &'static [(&'static str, &'static str)],
    /// Whether steps have a probe.
    pub(crate) is_probed: bool,
}

/// Three steps on six targets.
pub(crate) const LONG: Shape =
    Shape { targets: 6, steps: &[("one", "100%"), ("two", "[1, 2]"), ("three", "100%")], is_probed: true };
/// One step on two targets.
pub(crate) const SHORT: Shape = Shape { targets: 2, steps: &[("one", "100%")], is_probed: true };

impl Shape {
    /// The plan of it. An action that fails may be tried once more.
    fn plan(self) -> String {
        let target = |n| format!("- {{name: n{n}, address: 127.0.0.1}}\n");
        let inventory: String = (1..=self.targets).map(target).collect();
        let mut plan = format!("plan: crash\ninventory:\n{inventory}signals: [load]\n");
        plan += "gate: {clean_before: 600ms, clean_after: 200ms, patience: 10m}\nsteps:\n";
        let mut before = String::new();
        for (step, batch) in self.steps {
            let call = |what: &str, more: &str| {
                let values = r#""${run}", "${step}", "${target}", "${attempt}""#;
                format!("  {what}: {{kind: exec, argv: [./act, {what}, {values}], timeout: 30s{more}}}\n")
            };
            plan += &format!("- step: {step}\n{before}  batch: {batch}\n");
            plan += &call("action", ", retries: 1, repeatable: true");
            plan += &call("undo", "");
            plan += &if self.is_probed { call("probe", "") } else { String::new() };
            before = format!("  after: [{step}]\n");
        }
        plan
    }
}

/// The folder, and the thread that appends samples.
#[derive(Debug)]
pub(crate) struct Rig {
    folder: TempDir,
    sampler: Option<(Sender<()>, JoinHandle<()>)>,
    is_hushed: Arc<AtomicBool>,
}

impl Rig {
    /// A new one, in which nothing was run yet.
    pub(crate) fn new(shape: Shape) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        let state = folder.path().canonicalize().expect("a folder").join("state");
        fs::create_dir(&state).expect("a folder");
        put("quietgate.yaml", &CONFIG.replace("STATE", &state.display().to_string()));
        put("plan.yaml", &shape.plan());
        put("act", ACT);
        put("ledger", "");
        fs::create_dir(folder.path().join("done")).expect("a folder");
        executable(&folder.path().join("act"));
        let (stop, stopped) = channel();
        let mut samples = File::create(folder.path().join("samples.csv")).expect("a file");
        writeln!(samples, "timestamp,value,host").expect("a line");
        let is_hushed = Arc::new(AtomicBool::new(false));
        let hushed = Arc::clone(&is_hushed);
        let sampler = std::thread::spawn(move || {
            while stopped.recv_timeout(SAMPLES_EVERY) == Err(RecvTimeoutError::Timeout) {
                if hushed.load(Ordering::Relaxed) {
                    continue;
                }
                let now = now_ms();
                let lines: String = (1..=shape.targets).map(|n| format!("{now},1,n{n}\n")).collect();
                samples.write_all(lines.as_bytes()).expect("samples");
            }
        });
        Self { folder, sampler: Some((stop, sampler)), is_hushed }
    }

    /// From now on there are no samples, or are again.
    pub(crate) fn hush(&self, is_hushed: bool) {
        self.is_hushed.store(is_hushed, Ordering::Relaxed);
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the state, without links in its path.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().canonicalize().expect("a folder").join("state")
    }

    /// The program with `words`, behind those of `wrapper`. What it says goes to the file `said`.
    pub(crate) fn command(&self, wrapper: &[std::ffi::OsString], words: &[&str]) -> Command {
        let said = OpenOptions::new().create(true).append(true).open(self.path().join("said"));
        let mut all = wrapper.iter().map(std::ffi::OsString::as_os_str).chain([PROGRAM.as_ref()]);
        let mut command = Command::new(all.next().expect("a program"));
        command.args(all).args(words).current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(said.expect("a file"));
        command
    }

    /// Runs the program with `words` to its end; nothing where it was killed. What it says is in what is given.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command(&[], words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("a process")
    }

    /// The last that was said.
    pub(crate) fn said(&self) -> String {
        let said = fs::read_to_string(self.path().join("said")).unwrap_or_default();
        let lines: Vec<_> = said.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until nothing runs any more that was started here: then the ledger does not change.
    pub(crate) fn wait_until_quiet(&self) {
        until("the actions to end", || !is_anyone_in(self.path()));
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some((stop, sampler)) = self.sampler.take() {
            drop(stop);
            // it has complained already
            drop(sampler.join());
        }
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("the state, the ledger and what was said are in {}", self.path().display());
        }
    }
}

/// A driver that runs.
#[derive(Debug)]
pub(crate) struct Driver(Child);

impl Driver {
    /// Starts `command`.
    pub(crate) fn start(mut command: Command) -> Self {
        Self(command.spawn().expect("a process"))
    }

    /// How it ended, if it does so before `instant` and before `is_enough`; else nothing.
    pub(crate) fn watch(
        &mut self,
        instant: Instant,
        mut is_enough: impl FnMut() -> bool,
    ) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.0.try_wait().expect("a process of ours") {
                return Some(status);
            }
            if Instant::now() >= instant || is_enough() {
                return None;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.0.id()
    }

    /// Kills it, which gets no chance to do anything, and says how it ended.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.0.kill().expect("a process of ours");
        self.0.wait().expect("an end")
    }

    /// Waits for its own end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let ended = self.watch(Instant::now() + PATIENCE, || false);
        ended.unwrap_or_else(|| panic!("it does not end, but {:?}", self.kill()))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // one that was waited for is gone already
        if let Ok(None) = self.0.try_wait() {
            self.kill();
        }
    }
}

/// Waits until `is_so`.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited for {what} for {PATIENCE:?}");
        std::thread::sleep(LOOK);
    }
}

/// The time, in milliseconds.
pub(crate) fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis()
}

/// Hundredths of a second since the machine started: what the kernel stamps processes with.
pub(crate) fn ticks() -> u64 {
    let text = fs::read_to_string("/proc/uptime").expect("an uptime");
    let seconds: f64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("seconds");
    (seconds * 100.0) as u64
}

/// Whether a process works in `folder`, as the program and all that it starts do.
fn is_anyone_in(folder: &Path) -> bool {
    let folder = fs::canonicalize(folder).expect("a folder");
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    processes
        .into_iter()
        .any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)))
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a file of ours");
}
