//! `quietgate check`: finds every mistake in files before they are used.

use super::online;
use crate::clock;
use crate::config::{Config, Mistake};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `quietgate check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files to check: configs (quietgate.yaml)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Ask the sources too: for each signal, whether the series are there now that it must have
    #[arg(long)]
    online: bool,
}

/// How the files were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// All can be used; there may be warnings.
    Good,
    /// At least one cannot be used: exit code 2.
    Mistaken,
}

/// Checks the files of `args`, and writes to `out` one line for each mistake and warning and, for each file that
/// can be used, one that says so. All files are checked, whatever is wrong with those before.
///
/// # Errors
/// Where `out` cannot be written. A file that cannot be read is a mistake.
pub(crate) fn run(args: &CheckArgs, out: &mut dyn Write) -> io::Result<Checked> {
    let mut mistakes = 0;
    for path in &args.files {
        mistakes += check_file(path, args.online, out)?;
    }
    match mistakes {
        0 => return Ok(Checked::Good),
        1 => writeln!(out, "1 mistake")?,
        _ => writeln!(out, "{mistakes} mistakes")?,
    }
    Ok(Checked::Mistaken)
}

/// Checks one file, and says how many mistakes there are.
fn check_file(path: &Path, online: bool, out: &mut dyn Write) -> io::Result<usize> {
    let name = path.display().to_string();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(message) => {
            writeln!(out, "{name}: {message}")?;
            return Ok(1);
        }
    };
    match Config::read(&name, &text) {
        Ok(config) => {
            for Mistake { file, at, message } in config.lint().list() {
                writeln!(out, "{file}:{}:{}: warning: {message}", at.line, at.column)?;
            }
            let mistakes = if online { ask(&config, &name, out)? } else { 0 };
            if mistakes > 0 {
                return Ok(mistakes);
            }
            let signals = config.signals.len();
            writeln!(out, "{name}: ok, {signals} signal{}", if signals == 1 { "" } else { "s" })?;
            Ok(0)
        }
        Err(mistakes) => {
            writeln!(out, "{mistakes}")?;
            Ok(mistakes.list().len())
        }
    }
}

/// Asks the sources, writes what they say, and says how many mistakes there are.
fn ask(config: &Config, name: &str, out: &mut dyn Write) -> io::Result<usize> {
    let found = online::ask(config, name, clock::now())?;
    for seen in &found.seen {
        writeln!(out, "{name}: {seen}")?;
    }
    for mistake in &found.mistakes {
        writeln!(out, "{mistake}")?;
    }
    Ok(found.mistakes.len())
}

/// The text of the file at `path`, or why there is none.
fn read_text(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8 text, allowed is UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(files: &[(&str, &[u8])]) -> (Checked, String) {
        let dir = tempfile::tempdir().expect("a directory");
        let files: Vec<_> = files
            .iter()
            .map(|(name, content)| {
                let path = dir.path().join(name);
                std::fs::write(&path, content).expect("a file");
                path
            })
            .collect();
        let mut out = Vec::new();
        let checked =
            run(&CheckArgs { files, online: false }, &mut out).expect("a writer that does not fail");
        let text = String::from_utf8(out).expect("text");
        (checked, text.replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn good_files_are_called_ok_and_warned_of() {
        let config: &[u8] = b"sources: {prom: {kind: host}, old: {kind: host}}\n\
            signals: {loss: {source: prom, query: swap_used, interval: 1m, rule: {kind: majority}}}\n";
        let expected = "a.yaml:1:31: warning: source \"old\" is used by no signal\na.yaml: ok, 1 signal\n";
        assert_eq!(checked(&[("a.yaml", config)]), (Checked::Good, expected.to_owned()));
    }

    #[test]
    fn every_mistake_of_every_file_is_told() {
        let (verdict, text) = checked(&[
            ("a.yaml", b"signals: {a: {interval: 1m, rule: {kind: majority}}}\n"),
            ("b.yaml", b"signals: {a: {interval: 1, rule: {kind: most}}}\n"),
            ("c.yaml", b"signals:\n  a: \xff\n"),
            ("plan.yaml", b"plan: p\nsignals: [loss]\n"),
        ]);
        let expected = "a.yaml: ok, 1 signal\n\
            b.yaml:1:25: interval is 1, allowed is a duration from 100ms to 1d, such as 300ms, 10m, 2h30m\n\
            b.yaml:1:41: kind is \"most\", allowed is one of by_period, majority, any, all, at_least\n\
            c.yaml: line 2 is not UTF-8 text, allowed is UTF-8\n\
            plan.yaml:1:1: this is a plan (it has the key \"plan\"): plans cannot be checked by this version yet\n\
            4 mistakes\n";
        assert_eq!((verdict, text.as_str()), (Checked::Mistaken, expected));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake() {
        let mut out = Vec::new();
        let args = CheckArgs { files: vec![PathBuf::from("does/not/exist.yaml")], online: false };
        assert_eq!(run(&args, &mut out).expect("a writer that does not fail"), Checked::Mistaken);
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("does/not/exist.yaml: the file cannot be read: "), "{text}");
    }
}
