//! A real PostgreSQL server of our own: in a temporary folder, on a Unix socket there, ended by its process id.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Where Debian has the programs, one folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who the server runs as where we are root, for it refuses to be: nobody.
const NOBODY: u32 = 65_534;
/// How often it is asked whether it is up.
const ASKED: usize = 600;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    process: Child,
    databases: AtomicU32,
}

impl Server {
    /// Starts one; nothing where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir().expect("a folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("a folder of nobody's");
        }
        let data = folder.path().join("data");
        let made = program(&programs, "initdb", folder.path())
            .args([
                "--username=quietgate",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let process = program(&programs, "postgres", folder.path())
            .args(["-c", "listen_addresses=", "-k"])
            .arg(folder.path())
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres");
        let server = Self { programs, folder, process, databases: AtomicU32::new(0) };
        server.wait();
        Some(server)
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("journal{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://quietgate@localhost/{name}?host={}", self.folder.path().display())
    }

    /// What `statement` says in `database`.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let output = program(&self.programs, "psql", self.folder.path())
            .args(["-X", "-q", "-A", "-t", "-U", "quietgate", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.folder.path())
            .args(["-d", database, "-c", statement])
            .output()
            .expect("psql");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until it answers.
    fn wait(&self) {
        let is_ready = || {
            let asked = program(&self.programs, "pg_isready", self.folder.path())
                .args(["-q", "-t", "1", "-h"])
                .arg(self.folder.path())
                .status();
            asked.is_ok_and(|status| status.success())
        };
        assert!((0..ASKED).any(|_| is_ready()), "the server does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // a fast shutdown: it ends its own processes
        let asked = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        if asked.is_err() {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

/// A program of the server, as a user who may run it, in `folder`.
fn program(programs: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir(folder).env("LC_ALL", "C");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists()).max()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}
