//! A folder with a plan's scripts, and what it takes to run an action in it.

use quietgate::actions::{Allowed, Cage, Cancel, Canceller, Io, Outcome, Spawned, Spec, Values};
use quietgate::settings::{Given, Scalar};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a condition may take to come true. Only what is broken takes so long.
const BOUND: Duration = Duration::from_secs(60);

/// A plan's folder, a folder for output, and how processes are held.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    pub(crate) cage: Cage,
    pub(crate) timeout_ms: i64,
    pub(crate) told: Mutex<Vec<Spawned>>,
    pub(crate) canceller: Canceller,
    cancel: Cancel,
}

impl Rig {
    pub(crate) fn new(cage: Cage) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("out")).expect("a folder for output");
        let (canceller, cancel) = Canceller::new();
        Self { folder, cage, timeout_ms: 60_000, told: Mutex::default(), canceller, cancel }
    }

    /// One for each way that processes are held on this machine: without control groups, and with them if they can be had.
    pub(crate) fn each() -> Vec<Self> {
        let swept = Self::new(Cage::Sweep("the test wants it so".into()));
        let held = Cage::detect();
        let mut all = vec![swept];
        match held {
            Cage::Cgroup(_) => all.push(Self::new(held)),
            Cage::Sweep(why) => eprintln!("without control groups, as {why}"),
        }
        all
    }

    /// One that holds processes as well as can be.
    pub(crate) fn best() -> Self {
        Self::new(Cage::detect())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a script of the plan.
    pub(crate) fn script(&self, name: &str, text: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\n{text}\n")).expect("a script");
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).expect("a program");
    }

    pub(crate) fn io(&self) -> Output<'_> {
        let directory = self.path("out");
        let spawned = Box::new(|spawned: &Spawned| self.told.lock().expect("a list").push(spawned.clone()));
        Output { rig: self, directory, spawned }
    }

    /// Runs an action to its end.
    pub(crate) fn run(&self, spec: &Spec) -> Outcome {
        runtime().block_on(async { spec.run(&values(), &self.io().io()).await })
    }

    /// Runs `argv` to its end.
    pub(crate) fn exec(&self, argv: &[&str]) -> Outcome {
        self.run(&exec(argv, &[]))
    }

    /// Runs an action and ends it once there is a file `name` in the folder.
    pub(crate) fn cancelled_at(&self, spec: &Spec, name: &str) -> Outcome {
        runtime().block_on(async {
            let cancel = async {
                until(|| self.has(name)).await;
                self.canceller.cancel();
            };
            let (outputs, values) = (self.io(), values());
            let io = outputs.io();
            tokio::join!(spec.run(&values, &io), cancel).0
        })
    }

    /// Whether a file in the folder has something in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        fs::read(self.path(name)).is_ok_and(|bytes| bytes.ends_with(b"\n"))
    }

    /// The process whose number a script has written into a file.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        let text = fs::read_to_string(self.path(name)).expect("a file with a number");
        text.trim().parse().expect("a number")
    }
}

/// What lends its parts to an [`Io`].
pub(crate) struct Output<'a> {
    rig: &'a Rig,
    directory: PathBuf,
    spawned: Box<dyn Fn(&Spawned) + Send + Sync + 'a>,
}

impl Output<'_> {
    pub(crate) fn io(&self) -> Io<'_> {
        Io {
            directory: &self.directory,
            base: self.rig.folder.path(),
            cage: &self.rig.cage,
            timeout_ms: self.rig.timeout_ms,
            cancel: &self.rig.cancel,
            spawned: &*self.spawned,
        }
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Looks again and again until `condition` holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < BOUND, "it did not come true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) fn values() -> Values {
    Values {
        run: "r1".into(),
        plan: "p".into(),
        step: "s".into(),
        target: "h1".into(),
        address: "192.0.2.1".into(),
        attempt: 1,
        labels: [("vip", "v 1;$(x)"), ("dash", "-rf")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    }
}

/// `text` as if it stood in quotes.
pub(crate) fn text(text: &str) -> Given {
    Given::Scalar(Scalar { text: text.to_owned(), plain: false })
}

pub(crate) fn texts(list: &[&str]) -> Given {
    Given::List(list.iter().copied().map(text).collect())
}

pub(crate) fn map(pairs: &[(&str, &str)]) -> Given {
    Given::Map(pairs.iter().map(|(k, v)| ((*k).to_owned(), text(v))).collect())
}

pub(crate) fn named(pairs: &[(&str, Given)]) -> Vec<(String, Given)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn exec(argv: &[&str], more: &[(&str, Given)]) -> Spec {
    let mut settings = named(&[("argv", texts(argv))]);
    settings.extend(named(more));
    Spec::new("exec", &settings, Allowed::default()).expect("good settings")
}

/// What an outcome kept of the output.
pub(crate) fn output(outcome: &Outcome) -> String {
    let bytes = fs::read(outcome.output.as_ref().expect("an output")).expect("the file");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether there is a process of this number, ended and not collected ones included.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The processes that have ended and wait for us to collect them.
pub(crate) fn uncollected() -> Vec<String> {
    let stats = fs::read_dir("/proc").expect("processes").flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let own = format!(") Z {} ", std::process::id());
    stats.filter(|stat| stat.contains(&own)).collect()
}
