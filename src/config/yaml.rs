//! A YAML text as a tree whose every node knows its place.
//!
//! Of YAML's features those stay out that make a file say something other than what its lines show:
//! anchors and aliases, merge keys, tags, a second document, and a key given twice.

use super::mistakes::{Mistakes, Place};
use crate::settings::{Given, Scalar};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub at: Place,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number, a word, a text, or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, its keys in the order of the file, each once.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it begins.
    pub at: Place,
    /// The key.
    pub name: String,
}

impl Node {
    /// The entries, where it is a mapping.
    pub fn map(&self) -> Option<&[(Key, Node)]> {
        if let Value::Map(entries) = &self.value { Some(entries) } else { None }
    }

    /// The value of `key`, where it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(known, _)| known.name == key).map(|(_, node)| node)
    }

    /// The items, where it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The characters, where it is a scalar that says something.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => scalar.chars(),
            _ => None,
        }
    }

    /// The characters, where it is a scalar that is neither empty nor a number nor true or false.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => scalar.as_text(),
            _ => None,
        }
    }

    /// What it is, for a message: `empty`, `7`, `"3 of 2"`, `a list`, `a mapping`.
    pub fn found(&self) -> String {
        self.given().found()
    }

    /// What it says, without places.
    pub fn given(&self) -> Given {
        match &self.value {
            Value::Scalar(scalar) => Given::Scalar(scalar.clone()),
            Value::List(items) => Given::List(items.iter().map(Self::given).collect()),
            Value::Map(entries) => {
                Given::Map(entries.iter().map(|(key, node)| (key.name.clone(), node.given())).collect())
            }
        }
    }
}

/// The one document in `text`; none where its structure cannot be told, which is then among the mistakes.
///
/// A key that is given twice is a mistake too; its first value stands.
pub(super) fn read(text: &str, mistakes: &mut Mistakes) -> Option<Node> {
    let mut builder = Builder { mistakes, open: Vec::new(), root: None, sound: true };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, place(span.start))?,
            Err(error) => {
                let message = format!("this is not YAML: {}", error.info());
                builder.mistakes.add(place(*error.marker()), message);
                return None;
            }
        }
    }
    if builder.root.is_none() && builder.sound {
        builder.refuse(Place::START, "the file is empty, allowed is a mapping");
    }
    builder.root.filter(|_| builder.sound)
}

/// No file of ours nests deeper than a handful of levels; a bound keeps a hostile one off the stack.
const DEPTH_MAX: usize = 32;

/// Makes the tree of the events.
struct Builder<'a> {
    mistakes: &'a mut Mistakes,
    open: Vec<Open>,
    root: Option<Node>,
    /// Whether the tree shows what the file says.
    sound: bool,
}

/// A list or mapping that is not complete.
enum Open {
    List { at: Place, items: Vec<Node> },
    Map { at: Place, entries: Vec<(Key, Node)>, next: Next },
}

/// What the next node of a mapping is.
enum Next {
    Key,
    ValueOf(Key),
    /// The value of a key that was refused.
    Refused,
}

impl Builder<'_> {
    /// Takes the next event; none where reading on makes no sense.
    fn take(&mut self, event: Event<'_>, at: Place) -> Option<()> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() || !self.sound => {
                self.refuse(at, "a second document begins here, allowed is one in a file");
                return None;
            }
            Event::Alias(_) => {
                self.refuse(at, "aliases (*name) are not supported: write the value out");
                self.put(at, Value::Scalar(Scalar { text: String::new(), plain: true }));
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_anchor_and_tag(at, anchor, tag.is_some());
                let plain = style == ScalarStyle::Plain;
                self.put(at, Value::Scalar(Scalar { text: text.into_owned(), plain }));
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_anchor_and_tag(at, anchor, tag.is_some());
                self.open(Open::List { at, items: Vec::new() })?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_anchor_and_tag(at, anchor, tag.is_some());
                self.open(Open::Map { at, entries: Vec::new(), next: Next::Key })?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop()? {
                Open::List { at, items } => self.put(at, Value::List(items)),
                Open::Map { at, entries, .. } => self.put(at, Value::Map(entries)),
            },
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => {}
        }
        Some(())
    }

    fn open(&mut self, open: Open) -> Option<()> {
        if self.open.len() == DEPTH_MAX {
            let (Open::List { at, .. } | Open::Map { at, .. }) = open;
            self.refuse(
                at,
                format!("lists and mappings are nested too deep, allowed are {DEPTH_MAX} levels"),
            );
            return None;
        }
        self.open.push(open);
        Some(())
    }

    /// Puts a complete value to its place in the tree.
    fn put(&mut self, at: Place, value: Value) {
        match self.open.last_mut() {
            None => self.root = Some(Node { at, value }),
            Some(Open::List { items, .. }) => items.push(Node { at, value }),
            Some(Open::Map { entries, next, .. }) => match std::mem::replace(next, Next::Key) {
                Next::ValueOf(key) => entries.push((key, Node { at, value })),
                Next::Refused => {}
                Next::Key => {
                    let key = key(&Node { at, value }, entries);
                    *next = match key {
                        Ok(key) => Next::ValueOf(key),
                        Err(message) => {
                            self.mistakes.add(at, message);
                            Next::Refused
                        }
                    };
                }
            },
        }
    }

    fn refuse_anchor_and_tag(&mut self, at: Place, anchor: usize, tagged: bool) {
        // the parser numbers anchors from 1, and says 0 where there is none
        if anchor > 0 {
            self.refuse(at, "anchors (&name) are not supported: write the value out where it is needed");
        }
        if tagged {
            self.refuse(at, "tags (!name) are not supported: write the plain value");
        }
    }

    fn refuse(&mut self, at: Place, message: impl Into<String>) {
        self.mistakes.add(at, message);
        self.sound = false;
    }
}

/// `node` as a key of a mapping that has `entries` so far.
fn key(node: &Node, entries: &[(Key, Node)]) -> Result<Key, String> {
    let name = node.scalar().ok_or_else(|| format!("a key is {}, allowed is a word", node.found()))?;
    if name == "<<" {
        return Err("merge keys (<<) are not supported: write the keys out".to_owned());
    }
    match entries.iter().find(|(known, _)| known.name == name) {
        Some((first, _)) => Err(format!("key {name:?} is given twice, first in line {}", first.at.line)),
        None => Ok(Key { at: node.at, name: name.to_owned() }),
    }
}

/// The parser counts lines from 1 and columns from 0; an empty text has no line.
fn place(marker: Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Result<Node, String> {
        let mut mistakes = Mistakes::none("f");
        let node = read(text, &mut mistakes);
        mistakes.or(node).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn every_node_knows_its_place() {
        let root = tree("a: 1\nb:\n  - x\n  - {c: \"2\"}\nü: y\n").expect("good YAML");
        let b = root.get("b").and_then(Node::list).expect("a list");
        let c = b[1].get("c").expect("a value");
        assert_eq!(
            (c.at, c.scalar(), c.found().as_str()),
            (Place { line: 4, column: 9 }, Some("2"), "\"2\"")
        );
        let last = &root.map().expect("a mapping")[2];
        assert_eq!((last.0.at.line, last.1.at.column), (5, 4));
    }

    #[test]
    fn scalars_are_told_apart_by_how_they_are_written() {
        let number = |text: &str, plain| Scalar { text: text.to_owned(), plain }.number();
        assert_eq!(number("5", true), Some(5.0));
        assert_eq!(number("-.5e1", true), Some(-5.0));
        assert_eq!(number("5", false), None);
        assert_eq!(number("-.inf", true), Some(f64::NEG_INFINITY));
        assert!(number(".nan", true).is_some_and(f64::is_nan));
        for text in ["inf", "nan", "infinity", "5m", "", "-", "1_000", "0x10", "."] {
            assert_eq!(number(text, true), None, "{text}");
        }
    }

    #[test]
    fn what_hides_behind_the_lines_is_refused() {
        let cases = [
            ("a: &x 1\nb: *x\n", 2, "1:4: anchors (&name)"),
            ("a: !!str 1\n", 1, "1:4: tags (!name)"),
            ("a: 1\n<<: {b: 2}\n", 1, "2:1: merge keys"),
            ("a: 1\n---\nb: 2\n", 1, "2:1: a second document"),
            ("a: 1\nb: 2\na: 3\na: 4\n", 2, "3:1: key \"a\" is given twice, first in line 1"),
            ("[a]: 1\n", 1, "1:1: a key is a list, allowed is a word"),
            ("", 1, "1:1: the file is empty"),
            ("# nothing\n", 1, "1:1: the file is empty"),
        ];
        for (text, count, start) in cases {
            let message = tree(text).expect_err(text);
            assert_eq!(message.lines().count(), count, "{message}");
            assert!(message.starts_with(&format!("f:{start}")), "{message}");
        }
        let deep = tree(&"[".repeat(40)).expect_err("too deep");
        assert_eq!(deep, "f:1:33: lists and mappings are nested too deep, allowed are 32 levels");
        // deep enough for the parser to give up, in a text and in blocks
        for text in ["[".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
            assert_eq!(tree(&text).expect_err("too deep").lines().count(), 1);
        }
    }
}
