//! The commands that pages show: the program is asked for help with the same arguments, and refuses what it does not know.

use crate::tree::File;
use std::process::Command as Process;

/// A command of the program in a page.
#[derive(Debug)]
pub(crate) struct Command {
    place: String,
    arguments: Vec<String>,
}

/// The commands in backticks and in code blocks for a shell. What stands after `$ ` is an example, and is run.
pub(crate) fn in_page(file: &File) -> Vec<Command> {
    let mut out = Vec::new();
    let (mut fence, mut joined) = (None, String::new());
    for (line, text) in (1..).zip(file.text.lines()) {
        if let Some(info) = text.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(info) };
            continue;
        }
        let texts: Vec<String> = match fence {
            None => text.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
            Some("sh") => match text.strip_suffix('\\') {
                Some(part) => {
                    joined += part;
                    continue;
                }
                None => vec![std::mem::take(&mut joined) + text],
            },
            Some(_) => Vec::new(),
        };
        let commands = texts.iter().flat_map(|text| commands(text));
        out.extend(commands.map(|arguments| Command { place: format!("{}:{line}", file.path), arguments }));
    }
    out
}

/// What the program says against a command; nothing where it would run.
pub(crate) fn complaint(command: &Command) -> Option<String> {
    let mut process = Process::new(env!("CARGO_BIN_EXE_quietgate"));
    let output = process.args(&command.arguments).arg("--help").output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default();
    (!output.status.success())
        .then(|| format!("{}: quietgate {}: {first}", command.place, command.arguments.join(" ")))
}

/// The arguments of each `quietgate` in a line of shell.
fn commands(line: &str) -> Vec<Vec<String>> {
    let parts = words(line);
    let parts = parts.split(|word| ["|", ">", "<", ";", "&&", "&"].contains(&word.as_str()));
    let ours = parts.filter(|words| words.len() > 1 && words[0] == "quietgate");
    ours.map(|words| words[1..].to_vec()).collect()
}

/// The words of a line of shell; quotes hold words together and go away, a comment ends the line.
fn words(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => out.push(String::new()),
            ('#', None) if out.last().is_some_and(String::is_empty) => break,
            _ => out.last_mut().expect("it starts with one").push(c),
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_pipes_and_quotes_hold_together() {
        let line = "tail -f load.csv | quietgate detect --sustain '2 of 3' > out  # quietgate kinds";
        assert_eq!(commands(line), [["detect", "--sustain", "2 of 3"]]);
        assert!(commands("quietgate.yaml is no command, and quietgate alone is none").is_empty());
    }

    #[test]
    fn a_page_has_commands_in_backticks_and_in_shell_blocks_only() {
        let text =
            "Say `quietgate kinds`.\n```sh\nquietgate check \\\n  a.yaml\n```\n```text\nquietgate not\n```\n";
        let file = File { path: "a.md".into(), text: text.into() };
        let found: Vec<_> =
            in_page(&file).into_iter().map(|command| (command.place, command.arguments)).collect();
        let expected = [("a.md:1", vec!["kinds"]), ("a.md:4", vec!["check", "a.yaml"])];
        let expected =
            expected.map(|(place, words)| (place.to_owned(), words.into_iter().map(str::to_owned).collect()));
        assert_eq!(found, expected);
    }

    #[test]
    fn an_unknown_flag_is_named() {
        let command =
            |flag: &str| Command { place: "a.md:1".into(), arguments: vec!["kinds".into(), flag.into()] };
        assert!(complaint(&command("--frmat")).is_some_and(|said| said.contains("--frmat")));
        assert_eq!(complaint(&command("--format=json")), None);
    }
}
