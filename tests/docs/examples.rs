//! Examples in pages: what follows `$ ` in a `console` block is run, and what comes out is compared with what stands there.
//!
//! The examples of a page run one after the other in a folder of their own, in which `datasets` is that of the project.
//! A block after `<!-- file: NAME -->` is put there as a file; where NAME is a path, the block is that file of the project. A line `…` stands for the rest of an output.

use crate::tree::root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Stands for the rest of an output.
const REST: &str = "…";

/// `page` with the outputs that its examples really have.
pub(crate) fn played(page: &str) -> String {
    let folder = folder();
    let mut out: Vec<String> = Vec::new();
    let mut lines = page.lines().peekable();
    let mut file_name = None;
    while let Some(line) = lines.next() {
        out.push(line.to_owned());
        if let Some(name) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) {
            file_name = Some(name);
        } else if line.starts_with("```") && line != "```" {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(name) = file_name.take_if(|name| name.contains('/')) {
                let file = std::fs::read_to_string(root().join(name));
                out.extend(file.unwrap_or_else(|error| panic!("{name}: {error}")).lines().map(str::to_owned));
                out.push("```".to_owned());
                continue;
            }
            if let Some(name) = file_name.take() {
                std::fs::write(folder.path().join(name), body.join("\n") + "\n")
                    .expect("a folder of our own");
            }
            let is_example = line == "```console";
            let body = body.iter().map(|&line| line.to_owned()).collect();
            out.extend(if is_example { play(folder.path(), body) } else { body });
            out.push("```".to_owned());
        }
    }
    out.join("\n") + "\n"
}

/// Every key that comes out of a backtest as JSON, and every column that comes out as CSV.
pub(crate) fn keys_of_a_backtest() -> BTreeSet<String> {
    let folder = folder();
    let set = "datasets/lvs-traffic";
    let judge =
        format!("quietgate backtest --input {set}/series.csv.gz --labels {set}/labels.json --report report");
    let mut keys = BTreeSet::new();
    let lines = run(folder.path(), &format!("{judge} --format json 2>/dev/null"));
    let report = run(folder.path(), "cat report/findings.json");
    let rows = run(folder.path(), &format!("{judge} --all --format json 2>/dev/null | head -1"));
    for text in lines.lines().chain([report.as_str(), &rows]) {
        gather(&serde_json::from_str(text).expect("JSON"), &mut keys);
    }
    for flags in ["", "--all"] {
        let head = run(folder.path(), &format!("{judge} --format csv {flags} 2>/dev/null | head -1"));
        keys.extend(head.trim().split(',').map(str::to_owned));
    }
    // what is named after a kind is told with the kinds
    let kinds = quietgate_detectors::all().iter().map(|entry| entry.kind);
    kinds.chain(quietgate_rules::all().iter().map(|entry| entry.kind)).for_each(|kind| {
        keys.remove(kind);
    });
    keys
}

fn gather(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            keys.extend(map.keys().cloned());
            map.values().for_each(|value| gather(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, keys)),
        _ => {}
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(root().join("datasets"), folder.path().join("datasets")).expect("a link");
    folder
}

/// A console block with the outputs that its commands have.
fn play(folder: &Path, block: Vec<String>) -> Vec<String> {
    let mut out = Vec::new();
    let mut lines = block.into_iter().peekable();
    while let Some(line) = lines.next() {
        let mut command =
            line.strip_prefix("$ ").unwrap_or_else(|| panic!("no command before {line:?}")).to_owned();
        out.push(line);
        while let Some(more) = lines.next_if(|line| line.starts_with("> ")) {
            command = command + "\n" + &more[2..];
            out.push(more);
        }
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            expected.push(line);
        }
        let output = run(folder, &command);
        let mut output: Vec<String> = output.lines().map(str::to_owned).collect();
        if let Some(shown) =
            expected.iter().position(|line| line == REST).filter(|shown| *shown < output.len())
        {
            output.truncate(shown);
            output.push(REST.to_owned());
        }
        out.extend(output);
    }
    out
}

/// What `command` writes to both streams. Programs are ours first, and the zone and language are always the same.
fn run(folder: &Path, command: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_quietgate")).parent().expect("a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let script = format!("exec 2>&1\n{command}");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", format!("{programs}:{path}"))
        .env("LC_ALL", "C.UTF-8");
    let output = shell.output().expect("a shell");
    String::from_utf8(output.stdout).expect("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_replaced_files_are_put_there_and_the_rest_is_left_out() {
        let page = "<!-- file: a -->\n```text\none\ntwo\nthree\n```\n```console\n$ cat a\n…\n$ wc -l < a\n9\n```\n```sh\nno\n```\n";
        let expected = page.replace("\n9\n", "\n3\n");
        assert_eq!(played(page), expected);
        assert_eq!(
            played(&page.replace("$ cat a\n…", "$ cat a\none\n…")),
            expected.replace("$ cat a\n", "$ cat a\none\n")
        );
    }

    #[test]
    fn a_command_may_have_several_lines_and_says_what_goes_wrong() {
        let page = "```console\n$ echo a \\\n>   b\n$ cat nothing\n```\n";
        let played = played(page);
        assert!(played.contains("$ echo a \\\n>   b\na b\n$ cat nothing\n"), "{played}");
        assert!(played.contains("No such file"), "{played}");
    }
}
