//! `quietgate check`: finds every mistake in files before they are used.

use super::history::Past;
use super::kept::mebibytes;
use super::online;
use super::plan::read_plan;
use super::state::folder_of;
use crate::clock;
use crate::config::plan::{PlanFile, is_plan_text};
use crate::config::read_text;
use crate::config::{Config, Expected, Mistake, Mistakes};
use crate::history;
use crate::plan::Plan;
use crate::text::{counted, with_causes};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `quietgate check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files to check: configs (quietgate.yaml) and plans, with their inventories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The config whose signals the plans use; it is checked too. Else those among the files
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask the sources too: for each signal, whether the series are there now that it must have
    #[arg(long)]
    online: bool,
    /// Judge these recorded series by the rules of the config, and warn of what can never fire or would hold every day:
    /// CSV or Parquet files, globs too
    #[arg(long, value_name = "FILE", num_args = 1..)]
    history: Vec<String>,
    /// The signal that all of these series are of; else each is of the one that its label `signal` or its name says
    #[arg(long, value_name = "NAME", requires = "history")]
    signal: Option<String>,
}

/// How the files were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// All can be used; there may be warnings.
    Good,
    /// At least one cannot be used: exit code 2.
    Mistaken,
}

/// A file, read.
enum Found {
    Config(Box<Result<Config, Mistakes>>),
    Plan(Box<Result<PlanFile, Mistakes>>),
    Unreadable(String),
}

impl Found {
    /// The plan, where it is a good one.
    fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Plan(read) => read.as_ref().as_ref().ok().map(|file| &file.plan),
            Self::Config(_) | Self::Unreadable(_) => None,
        }
    }
}

/// Checks the files of `args`, and writes to `out` one line for each mistake and warning and, for each file that
/// can be used, one that says so. All files are checked, whatever is wrong with those before; plans also against the
/// config of `args` or, where it names none, against each config among the files.
///
/// # Errors
/// Where `out` cannot be written. A file that cannot be read is a mistake.
pub(crate) fn run(args: &CheckArgs, out: &mut dyn Write) -> io::Result<Checked> {
    let more = args.config.iter().filter(|config| !args.files.contains(config));
    let files: Vec<(&PathBuf, Found)> = more.chain(&args.files).map(|path| (path, find(path))).collect();
    let mut configs = Vec::new();
    for (path, found) in &files {
        if let Found::Config(config) = found
            && let Ok(config) = config.as_ref()
            && args.config.as_ref().is_none_or(|named| named == *path)
        {
            configs.push(config);
        }
    }
    let past = (!args.history.is_empty()).then(|| Past::read(&args.history, args.signal.clone()));
    let plans: Vec<&Plan> = files.iter().filter_map(|(_, found)| found.plan()).collect();
    let mut mistakes = tell_past(past.as_ref(), !configs.is_empty(), out)?;
    let past = past.as_ref().and_then(|past| past.as_ref().ok());
    for (path, found) in &files {
        let name = path.display().to_string();
        mistakes += match found {
            Found::Config(config) => {
                let plans = args.online.then_some(plans.as_slice());
                tell(config, out, |config, out| tell_config(&name, config, plans, past, out))?
            }
            Found::Plan(plan) => tell(plan, out, |plan, out| tell_plan(&name, plan, &configs, out))?,
            Found::Unreadable(message) => {
                writeln!(out, "{name}: {message}")?;
                1
            }
        };
    }
    match mistakes {
        0 => return Ok(Checked::Good),
        1 => writeln!(out, "1 mistake")?,
        _ => writeln!(out, "{mistakes} mistakes")?,
    }
    Ok(Checked::Mistaken)
}

fn find(path: &Path) -> Found {
    match read_text(path) {
        Ok(text) if is_plan_text(&text) => Found::Plan(Box::new(read_plan(path, &text))),
        Ok(text) => Found::Config(Box::new(Config::read(&path.display().to_string(), &text))),
        Err(message) => Found::Unreadable(message),
    }
}

/// Tells of what was read, by `good`, or of the mistakes in it; says how many there are.
fn tell<T>(
    read: &Result<T, Mistakes>,
    out: &mut dyn Write,
    good: impl FnOnce(&T, &mut dyn Write) -> io::Result<usize>,
) -> io::Result<usize> {
    match read {
        Ok(read) => good(read, out),
        Err(mistakes) => {
            writeln!(out, "{mistakes}")?;
            Ok(mistakes.list().len())
        }
    }
}

/// What stands in the way of a history, where one is wanted; says how many mistakes there are.
fn tell_past(
    past: Option<&Result<Past, String>>,
    has_config: bool,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let why = match past {
        Some(Err(why)) => why,
        Some(Ok(_)) if !has_config => "there is no config to judge it by",
        _ => return Ok(0),
    };
    writeln!(out, "--history: {why}")?;
    Ok(1)
}

/// With `plans`, which may use it, the sources are asked too; with `past` it is held against that.
fn tell_config(
    name: &str,
    config: &Config,
    plans: Option<&[&Plan]>,
    past: Option<&Past>,
    out: &mut dyn Write,
) -> io::Result<usize> {
    warn(&config.lint(), out)?;
    warn_of_kept(config, name, out)?;
    warn_of_room(config, name, out)?;
    warn(&config.missing_programs(Path::new(name).parent().unwrap_or(Path::new(""))), out)?;
    let mut mistakes = plans.map_or(Ok(0), |plans| ask(config, name, plans, out))?;
    mistakes += past.map_or(Ok(0), |past| remember(config, name, past, out))?;
    if mistakes > 0 {
        return Ok(mistakes);
    }
    writeln!(out, "{name}: ok, {}", counted(config.signals.len() as u64, "signal", "signals"))?;
    Ok(0)
}

fn warn(oddities: &Mistakes, out: &mut dyn Write) -> io::Result<()> {
    for Mistake { file, at, message } in oddities.list() {
        writeln!(out, "{file}:{}:{}: warning: {message}", at.line, at.column)?;
    }
    Ok(())
}

/// Warns where what is kept already is something else than the config wants.
fn warn_of_kept(config: &Config, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let Some(state) = folder_of(Path::new(name), config).ok().filter(|_| config.history_days > 0) else {
        return Ok(());
    };
    for signal in &config.signals {
        if let Err(error) = history::fits(&state, &signal.name, signal.interval, config.history_days) {
            writeln!(out, "{name}: warning: {}", with_causes(&error))?;
        }
    }
    Ok(())
}

/// Warns where the disk has less room than the histories may come to take.
fn warn_of_room(config: &Config, name: &str, out: &mut dyn Write) -> io::Result<()> {
    let Some(state) = folder_of(Path::new(name), config).ok().filter(|_| config.history_days > 0) else {
        return Ok(());
    };
    let watched = config.signals.iter().filter(|signal| signal.source.is_some());
    let needs = watched.filter_map(|signal| {
        // one that cannot be gone on with is warned of by itself
        let named = signal.expect.iter().map(|(_, expected)| match expected {
            Expected::Values(values) => u32::try_from(values.len()).unwrap_or(u32::MAX),
            Expected::Inventory => 1,
        });
        let series = named.max().unwrap_or(1).max(1);
        history::needs(&state, &signal.name, signal.interval, config.history_days, series).ok()
    });
    let needs = needs.fold(0_u64, u64::saturating_add);
    // a disk that nobody can look at is told of by who writes there
    let Some(free) = history::free(&state).ok().filter(|free| *free < needs) else { return Ok(()) };
    let (needs, free) = (mebibytes(needs), mebibytes(free));
    let days = counted(config.history_days.into(), "day", "days");
    writeln!(
        out,
        "{name}: warning: the history of {days} may take {needs} more, and the disk of {} has {free} left: what has no room is not kept; \
         make room, or set history.days lower",
        state.display()
    )
}

fn tell_plan(name: &str, file: &PlanFile, configs: &[&Config], out: &mut dyn Write) -> io::Result<usize> {
    warn(&file.lint(), out)?;
    configs.iter().try_for_each(|config| warn(&file.lint_with(config), out))?;
    let mut mistakes = 0;
    for against in configs.iter().map(|config| file.against(config)).filter(|found| !found.list().is_empty())
    {
        writeln!(out, "{against}")?;
        mistakes += against.list().len();
    }
    if mistakes == 0 {
        let steps = counted(file.plan.steps.len() as u64, "step", "steps");
        let targets = counted(file.plan.inventory.targets.len() as u64, "target", "targets");
        let unchecked =
            if configs.is_empty() { "; its signals are not checked without a config" } else { "" };
        writeln!(out, "{name}: ok, {steps}, {targets}{unchecked}")?;
    }
    Ok(mistakes)
}

/// Asks the sources, writes what they say, and says how many mistakes there are.
fn ask(config: &Config, name: &str, plans: &[&Plan], out: &mut dyn Write) -> io::Result<usize> {
    let found = online::ask(config, name, plans, clock::now())?;
    for seen in &found.seen {
        writeln!(out, "{name}: {seen}")?;
    }
    for Mistake { file, at, message } in &found.warnings {
        writeln!(out, "{file}:{}:{}: warning: {message}", at.line, at.column)?;
    }
    for mistake in &found.mistakes {
        writeln!(out, "{mistake}")?;
    }
    Ok(found.mistakes.len())
}

/// Holds `config` against recorded series, warns of what is odd, and says how many mistakes there are.
fn remember(config: &Config, name: &str, past: &Past, out: &mut dyn Write) -> io::Result<usize> {
    let odd = match past.against(config) {
        Ok(odd) => odd,
        Err(why) => {
            writeln!(out, "{name}: --history: {why}")?;
            return Ok(1);
        }
    };
    for (signal, message) in odd {
        match signal {
            Some(signal) => {
                writeln!(
                    out,
                    "{name}:{}:{}: warning: {message}",
                    signal.rule_at.line, signal.rule_at.column
                )?;
            }
            None => writeln!(out, "{name}: warning: {message}")?,
        }
    }
    Ok(0)
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
        let checked = run(
            &CheckArgs { files, config: None, online: false, history: Vec::new(), signal: None },
            &mut out,
        )
        .expect("a writer that does not fail");
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
    fn a_program_of_a_capture_that_is_not_there_is_warned_of() {
        let config = "capture: {programs: [[sh, -c, \"\"], [no-such-program]]}\n\
            signals:\n  a: {interval: 1m, kind: load, capture: [[./look], [/bin]]}\n";
        let (checked, text) = checked(&[("a.yaml", config.as_bytes())]);
        let expected = "a.yaml:1:36: warning: nothing will be captured by it here: no-such-program: no such program in PATH \
            (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)\n\
            a.yaml:3:43: warning: nothing will be captured by it here: ./look: No such file or directory (os error 2)\n\
            a.yaml:3:53: warning: nothing will be captured by it here: /bin: not a file\n\
            a.yaml: ok, 1 signal\n";
        assert_eq!((checked, text.as_str()), (Checked::Good, expected));
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
            plan.yaml:1:1: a plan has no inventory, allowed is a list of targets, {file: hosts.csv}, or {command: [./hosts]}\n\
            plan.yaml:1:1: a plan has no steps, allowed is a list of steps, at least one\n\
            5 mistakes\n";
        assert_eq!((verdict, text.as_str()), (Checked::Mistaken, expected));
    }

    #[test]
    fn a_gate_without_patience_is_odd() {
        let plan = "plan: p\ninventory: [{name: a, address: a}]\nsignals: [s]\n\
            gate: {clean_before: 1m, clean_after: 15m, patience: 15m}\nsteps:\n- step: s\n  action: {kind: noop}\n";
        let (checked, text) = checked(&[("p.yaml", plan.as_bytes())]);
        let expected = "p.yaml:6:9: warning: step \"s\" pauses although all is clean: its patience is 15m, and its clean \
            window 15m\np.yaml: ok, 1 step, 1 target; its signals are not checked without a config\n";
        assert_eq!((checked, text.as_str()), (Checked::Good, expected));
    }

    #[test]
    fn what_is_odd_of_a_plan_and_its_config_together_is_warned_of() {
        let config = "signals: {ram: {interval: 1m, kind: memory}}\n";
        let plan = "plan: p\ninventory: [{name: a, address: a}]\nsignals: [ram]\nwatch_after: 3h\n\
            gate: {clean_before: 1m, clean_after: 1m, patience: 1h}\nsteps:\n- step: s\n  action: {kind: noop}\n";
        let (checked, text) = checked(&[("c.yaml", config.as_bytes()), ("p.yaml", plan.as_bytes())]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((checked, lines.len()), (Checked::Good, 3), "{text}");
        assert!(
            lines[1].starts_with("p.yaml:4:14: warning: watch_after is 3h, but the slow rule of"),
            "{text}"
        );
        assert_eq!(lines[2], "p.yaml: ok, 1 step, 1 target");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake() {
        let mut out = Vec::new();
        let args = CheckArgs {
            files: vec![PathBuf::from("does/not/exist.yaml")],
            config: None,
            online: false,
            history: Vec::new(),
            signal: None,
        };
        assert_eq!(run(&args, &mut out).expect("a writer that does not fail"), Checked::Mistaken);
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("does/not/exist.yaml: the file cannot be read: "), "{text}");
    }
}
