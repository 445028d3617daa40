//! What to run, found and made ready: the file of the program, its arguments, its environment.

use super::tree::MARK;
use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeWriter};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where programs are looked for, unless the environment of the action has another `PATH`.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The language of every action: its output reads the same on every machine.
const LANG: &str = "C.UTF-8";

/// The first file descriptor that is not for everyone.
const FIRST_OWN: i32 = 3;

/// A program with all that it is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program {
    /// The program and its arguments, at least one element.
    pub(crate) argv: Vec<String>,
    /// Its working directory.
    pub(crate) directory: PathBuf,
    /// Its environment, besides `PATH`, `HOME` and `LANG`, which it may change.
    pub(crate) environment: Vec<(String, OsString)>,
}

impl Program {
    /// It as a process to be started: with nothing to read, everything it writes into `output`, or what it writes on standard
    /// error into `errors` where there is such, in a process group of its own, and marked by `mark`.
    ///
    /// # Errors
    /// Why it cannot be started, in words.
    pub(crate) fn command(
        &self,
        mark: &str,
        output: PipeWriter,
        errors: Option<PipeWriter>,
    ) -> Result<Command, String> {
        keep_own_files();
        let folder = &self.directory;
        match fs::metadata(folder) {
            Ok(data) if data.is_dir() => {}
            Ok(_) => return Err(format!("working directory {}: not a folder", folder.display())),
            Err(error) => return Err(format!("working directory {}: {error}", folder.display())),
        }
        let environment = self.environment();
        let file = self.file(&environment)?;
        let errors = errors.map_or_else(|| output.try_clone(), Ok);
        let errors = errors.map_err(|error| format!("no pipe for its output: {error}"))?;
        let mut command = Command::new(file);
        command.arg0(&self.argv[0]).args(&self.argv[1..]).current_dir(folder);
        command.env_clear().envs(environment).env(MARK, mark);
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        Ok(command)
    }

    /// Why there is nothing to be started; none where there is.
    pub(crate) fn missing(&self) -> Option<String> {
        self.file(&self.environment()).err()
    }

    /// Why it did not start, given what the system says.
    pub(crate) fn refused(&self, error: &io::Error) -> String {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => " (the interpreter that its first line names is not there)",
            _ if error.raw_os_error() == Some(8) => {
                " (neither a binary for this machine nor a script with #! first)"
            }
            _ => "",
        };
        format!("{}: {error}{hint}", self.argv[0])
    }

    fn environment(&self) -> Vec<(String, OsString)> {
        let home = std::env::var_os("HOME").unwrap_or_else(|| "/".into());
        let mut all: Vec<(String, OsString)> =
            vec![("PATH".into(), PATH.into()), ("HOME".into(), home), ("LANG".into(), LANG.into())];
        all.extend(self.environment.iter().cloned());
        all
    }

    /// The file of the program: from the working directory where it is named with a `/`, else from `PATH`.
    fn file(&self, environment: &[(String, OsString)]) -> Result<PathBuf, String> {
        let name = &self.argv[0];
        if name.contains('/') {
            let file = self.directory.join(name);
            return executable(&file).map(|()| file).map_err(|why| format!("{name}: {why}"));
        }
        let path =
            environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_os_str());
        let path = path.unwrap_or_default();
        let files = std::env::split_paths(path).map(|folder| self.directory.join(folder).join(name));
        let mut why = "no such program in PATH".to_owned();
        for file in files {
            match executable(&file) {
                Ok(()) => return Ok(file),
                Err(found) if file.exists() => why = format!("{}: {found}", file.display()),
                Err(_) => {}
            }
        }
        Err(format!("{name}: {why} ({})", path.to_string_lossy()))
    }
}

/// Says why `file` is no program.
fn executable(file: &Path) -> Result<(), String> {
    let data = fs::metadata(file).map_err(|error| error.to_string())?;
    match data {
        data if !data.is_file() => Err("not a file".to_owned()),
        data if data.permissions().mode() & 0o111 == 0 => {
            Err("permission denied (not executable)".to_owned())
        }
        _ => Ok(()),
    }
}

/// Sees to it that no process of ours inherits files that we were started with. Those that we open are kept back already.
fn keep_own_files() {
    close_fds::set_fds_cloexec_threadsafe(FIRST_OWN, &[]);
}
