//! A script: blocks that begin with a line `== …`.
//!
//! ```text
//! # words about what to look at
//! == file load.csv       what follows is written into this file; a backslash at the very end stands for no line end
//! == stdin               what follows is the standard input of the next run
//! == run backtest -i load.csv        words are parted by blanks; 'one word' and "" as in a shell
//! == stdout              what it must write; without the block nothing
//! == stderr
//! == exit 2              without the line 0
//! == has stdout          each line must come up in what the last run wrote, or in the file of that name; where
//!                        this stands for `stdout`, only that is looked at
//! ```

use std::fmt;

/// A part of a script.
#[derive(Debug, PartialEq)]
pub(crate) enum Block {
    /// Words.
    Note(String),
    /// A file to write.
    File { name: String, text: String },
    /// Standard input.
    Stdin(String),
    /// A command line with what is expected of it. Standard output is `None` where it is only looked through.
    Run { arguments: Vec<String>, stdout: Option<String>, stderr: String, exit: i32 },
    /// Lines that must be there.
    Has { name: String, lines: String },
}

/// A whole script.
#[derive(Debug, PartialEq)]
pub(crate) struct Script {
    /// In their order.
    pub(crate) blocks: Vec<Block>,
}

impl Script {
    /// Reads the text of a script.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut script = Self { blocks: Vec::new() };
        let mut body = String::new();
        let mut head: Option<&str> = None;
        for line in text.split_inclusive('\n') {
            if let Some(next) = line.strip_prefix("== ") {
                script.add(head, std::mem::take(&mut body))?;
                head = Some(next.trim_end());
            } else {
                body.push_str(line);
            }
        }
        script.add(head, body)?;
        Ok(script)
    }

    fn add(&mut self, head: Option<&str>, text: String) -> Result<(), String> {
        let Some(head) = head else {
            self.blocks.push(Block::Note(text));
            return Ok(());
        };
        let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
        let expected = match self.blocks.last_mut() {
            Some(Block::Run { stdout, stderr, exit, .. }) => Some((stdout, stderr, exit)),
            _ => None,
        };
        match (word, expected) {
            ("file", _) => self.blocks.push(Block::File { name: rest.to_owned(), text }),
            ("stdin", _) => self.blocks.push(Block::Stdin(text)),
            ("run", _) => {
                let (arguments, stdout) = (words(rest), Some(String::new()));
                self.blocks.push(Block::Run { arguments, stdout, stderr: String::new(), exit: 0 });
            }
            ("stdout", Some((stdout, ..))) => *stdout = Some(text),
            ("stderr", Some((_, stderr, _))) => *stderr = text,
            ("exit", Some((_, _, exit))) => *exit = rest.parse().map_err(|_| format!("exit {rest:?}"))?,
            ("has", expected) => {
                if let (Some((stdout, ..)), "stdout") = (expected, rest) {
                    *stdout = None;
                }
                self.blocks.push(Block::Has { name: rest.to_owned(), lines: text });
            }
            _ => return Err(format!("a block {head:?} there")),
        }
        Ok(())
    }
}

/// Takes a command line apart.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote, mut word) = (Vec::new(), None, None::<String>);
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A word as [`words`] reads it.
fn quoted(word: &str) -> String {
    match word.contains('\'') {
        _ if !word.is_empty() && !word.contains([' ', '\'', '"', '*', '?', '[']) => word.to_owned(),
        true => format!("\"{word}\""),
        false => format!("'{word}'"),
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(text) => f.write_str(text),
            Self::File { name, text } => write!(f, "== file {name}\n{text}"),
            Self::Stdin(text) => write!(f, "== stdin\n{text}"),
            Self::Has { name, lines } => write!(f, "== has {name}\n{lines}"),
            Self::Run { arguments, stdout, stderr, exit } => {
                let line: Vec<_> = arguments.iter().map(|word| quoted(word)).collect();
                writeln!(f, "== run {}", line.join(" "))?;
                if let Some(stdout) = stdout.as_ref().filter(|text| !text.is_empty()) {
                    write!(f, "== stdout\n{stdout}")?;
                }
                if !stderr.is_empty() {
                    write!(f, "== stderr\n{stderr}")?;
                }
                if *exit == 0 { Ok(()) } else { writeln!(f, "== exit {exit}") }
            }
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.blocks.iter().try_for_each(|block| block.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_written_as_it_was_read() {
        let text = "# words\n== file a b.csv\nx\n== run detect --sustain '2 of 3' \"it's\" ''\n== stdout\nout\n\
                    == stderr\nerr\n== exit 2\n== stdin\n1,2\n== run kinds\n== has stdout\nss\n== has a.json\n{}\n";
        let script = Script::read(text).expect("a good script");
        assert_eq!(script.to_string(), text);
        assert_eq!(script.blocks.len(), 7);
        assert_eq!(Script::read("== exit 2\n"), Err("a block \"exit 2\" there".to_owned()));
    }

    #[test]
    fn words_are_those_of_a_shell() {
        assert_eq!(words("a  'b c' \"it's\" '' x'y z'"), ["a", "b c", "it's", "", "xy z"]);
    }
}
