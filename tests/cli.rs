//! The command line from outside: each script in `tests/cli` is a text file with files, command lines, and what
//! they must write and return. `UPDATE_EXPECTED=1` writes what they do write into the scripts; then read the diff.

#[path = "cli/script.rs"]
mod script;

use script::{Block, Script};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io::Write};

/// Fewer scripts than this were never written: the search for them went wrong.
const LEAST_SCRIPTS: usize = 25;

fn scripts() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let entries = fs::read_dir(&dir).expect("the directory of the scripts");
    let mut scripts: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    scripts.sort();
    scripts
}

#[test]
fn every_script_gives_what_it_says() {
    let scripts = scripts();
    assert!(scripts.len() >= LEAST_SCRIPTS, "{} scripts", scripts.len());
    let update = env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for path in scripts {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a script in UTF-8");
        let mut script = Script::read(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
        let complaints = run(&mut script);
        let now = script.to_string();
        if update {
            fs::write(&path, &now).expect("a script that can be written");
        } else if now != text {
            wrong.push(format!("{name} differs:\n{}", difference(&text, &now)));
        }
        wrong.extend(complaints.into_iter().map(|why| format!("{name}: {why}")));
    }
    let hint = "UPDATE_EXPECTED=1 writes what is said now into the scripts";
    assert!(wrong.is_empty(), "{}\n{hint}", wrong.join("\n"));
}

/// The first lines that differ, with those around them.
fn difference(was: &str, is: &str) -> String {
    let (was, is): (Vec<_>, Vec<_>) = (was.lines().collect(), is.lines().collect());
    let same = was.iter().zip(&is).take_while(|(a, b)| a == b).count();
    let some = |lines: &[&str], mark: &str| -> String {
        lines.iter().skip(same).take(6).map(|line| format!("{mark} {line}\n")).collect()
    };
    format!("from line {}\n{}{}", same + 1, some(&was, "-"), some(&is, "+"))
}

/// Does what the script says in a directory of its own, and puts what came out where it is expected. Says what is
/// wrong in the parts that are only looked through.
fn run(script: &mut Script) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut stdin, mut last) = (String::new(), Output::default());
    let mut complaints = Vec::new();
    for block in &mut script.blocks {
        match block {
            Block::Note(_) => {}
            Block::File { name, text } => write_file(&dir.path().join(name), text),
            Block::Stdin(text) => stdin.clone_from(text),
            Block::Run { arguments, stdout, stderr, exit } => {
                last = quietgate(dir.path(), arguments, &std::mem::take(&mut stdin));
                if let Some(stdout) = stdout {
                    stdout.clone_from(&last.stdout);
                }
                stderr.clone_from(&last.stderr);
                *exit = last.exit;
            }
            Block::Has { name, lines } => {
                let text = match name.as_str() {
                    "stdout" => last.stdout.clone(),
                    file => fs::read_to_string(dir.path().join(file)).unwrap_or_default(),
                };
                let missing = lines.lines().filter(|line| !text.contains(line));
                complaints.extend(missing.map(|line| format!("{name} does not have {line:?}")));
            }
        }
    }
    complaints
}

fn write_file(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file in a directory")).expect("a directory");
    fs::write(path, text.strip_suffix("\\\n").unwrap_or(text)).expect("a file");
}

#[derive(Debug, Default)]
struct Output {
    stdout: String,
    stderr: String,
    exit: i32,
}

fn quietgate(dir: &Path, arguments: &[String], stdin: &str) -> Output {
    let datasets = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").display().to_string();
    let arguments = arguments.iter().map(|argument| argument.replace("{datasets}", &datasets));
    let mut child = Command::new(env!("CARGO_BIN_EXE_quietgate"))
        .args(arguments)
        .env_remove("QUIETGATE_LOG")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    // a program that does not read its standard input is right not to
    drop(child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()));
    let output = child.wait_with_output().expect("an end");
    let text = |bytes: Vec<u8>| redacted(&String::from_utf8(bytes).expect("text"), &datasets);
    let exit = output.status.code().unwrap_or(-1);
    Output { stdout: text(output.stdout), stderr: text(output.stderr), exit }
}

/// The text without what differs from machine to machine and from run to run.
fn redacted(text: &str, datasets: &str) -> String {
    let text = text.replace(datasets, "{datasets}").replace(env!("CARGO_PKG_VERSION"), "{version}");
    let line = |line: &str| match line.split_once("s  INFO ") {
        Some((seconds, told)) if seconds.trim().parse::<f64>().is_ok() => format!("{{seconds}}  INFO {told}"),
        _ => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_told_as_json_is_json() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let of = |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let output = quietgate(dir.path(), &arguments, "1710000000,1\n1710000060,9\n");
        assert_eq!(output.exit, 0, "{}", output.stderr);
        output.stdout
    };
    for arguments in [&["schema", "config"][..], &["schema", "plan"], &["kinds", "--format", "json"]] {
        let value: serde_json::Value = serde_json::from_str(&of(arguments)).expect("JSON");
        assert!(value.as_object().is_some_and(|object| object.len() >= 2), "{arguments:?}");
    }
    let data = "{datasets}/lvs-traffic/series.csv.gz";
    let labels = "{datasets}/lvs-traffic/labels.json";
    let lines = of(&["backtest", "-i", data, "--labels", labels, "--format", "json"])
        + &of(&[
            "backtest",
            "-i",
            "{datasets}/golden/short.csv",
            "--all",
            "--format",
            "json",
            "--interval",
            "1m",
        ])
        + &of(&["detect", "--interval", "1m", "--format", "json"]);
    let mut kinds = std::collections::BTreeMap::new();
    for line in lines.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        *kinds.entry(value["kind"].as_str().expect("a kind").to_owned()).or_insert(0) += 1;
    }
    let kinds: Vec<_> = kinds.into_iter().collect();
    let expected = [("finding", 17), ("sample", 63), ("score", 4), ("summary", 1), ("verdict", 2)];
    assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)));
}
