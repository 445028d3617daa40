//! Selectors: which targets a step acts on, in the syntax of Kubernetes' label selectors.

use super::inventory::Target;
use std::fmt;
use std::str::FromStr;

/// Requirements that a target must all meet; none are met by every target.
///
/// ```
/// use quietgate::plan::Selector;
/// let selector: Selector = "rack=r1, site in (a, b), vip!=x, canary, !legacy".parse()?;
/// assert_eq!(selector.requirements.len(), 5);
/// # Ok::<(), quietgate::plan::SelectorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// All of them, in the order of the text.
    pub requirements: Vec<Requirement>,
}

/// What one label of a target must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label; `name` and `address` are labels too.
    pub label: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `label`: the target has it.
    Present,
    /// `!label`: the target does not have it.
    Absent,
    /// `label=value`, `label in (…)`: it is one of these.
    In(Vec<String>),
    /// `label!=value`, `label notin (…)`: it is none of these; also met by a target that does not have the label.
    NotIn(Vec<String>),
}

impl Selector {
    /// Whether `target` meets every requirement.
    pub fn matches(&self, target: &Target) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(target))
    }
}

impl Requirement {
    fn matches(&self, target: &Target) -> bool {
        let value = target.label(&self.label);
        let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|known| known == value));
        match &self.test {
            Test::Present => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(values) => among(values),
            Test::NotIn(values) => !among(values),
        }
    }

    /// The values that the text names; none where it asks for the label alone.
    pub fn values(&self) -> &[String] {
        match &self.test {
            Test::Present | Test::Absent => &[],
            Test::In(values) | Test::NotIn(values) => values,
        }
    }
}

/// As it can be read again.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Requirement { label, test }) in self.requirements.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            match test {
                Test::Present => write!(f, "{label}")?,
                Test::Absent => write!(f, "!{label}")?,
                Test::In(values) if values.len() == 1 => write!(f, "{label}={}", values[0])?,
                Test::NotIn(values) if values.len() == 1 => write!(f, "{label}!={}", values[0])?,
                Test::In(values) => write!(f, "{label} in ({})", values.join(", "))?,
                Test::NotIn(values) => write!(f, "{label} notin ({})", values.join(", "))?,
            }
        }
        Ok(())
    }
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    /// What is wrong, with what stands there.
    pub problem: String,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for SelectorError {}

/// Requirements with commas between them; an empty text has none, which is more likely a slip and refused.
impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut reader = Reader { words: words(text), next: 0 };
        let mut requirements = vec![reader.requirement()?];
        while let Some(word) = reader.take() {
            if word != "," {
                return Err(wrong(format!("{word:?} stands where a comma or the end is expected")));
            }
            requirements.push(reader.requirement()?);
        }
        Ok(Self { requirements })
    }
}

fn wrong(problem: impl Into<String>) -> SelectorError {
    SelectorError { problem: problem.into() }
}

/// The marks that part words, the longer first.
const MARKS: [&str; 7] = ["!=", "==", "=", "!", "(", ")", ","];

/// Words and marks.
fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mark = MARKS.iter().find(|mark| rest.starts_with(**mark)).map(|mark| mark.len());
        let ends = |c: char| c.is_whitespace() || "!=(),".contains(c);
        let length = mark.unwrap_or_else(|| rest.find(ends).unwrap_or(rest.len()));
        let (word, after) = rest.split_at(length);
        out.push(word);
        rest = after.trim_start();
    }
    out
}

struct Reader<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.next).copied();
        self.next += 1;
        word
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        if self.peek() == Some("!") {
            self.next += 1;
            return Ok(Requirement { label: self.word("a label")?, test: Test::Absent });
        }
        let label = self.word("a label")?;
        let test = match self.peek() {
            None | Some(",") => return Ok(Requirement { label, test: Test::Present }),
            Some(mark) => {
                self.next += 1;
                match mark {
                    "=" | "==" => Test::In(vec![self.word("a value")?]),
                    "!=" => Test::NotIn(vec![self.word("a value")?]),
                    "in" => Test::In(self.list()?),
                    "notin" => Test::NotIn(self.list()?),
                    other => {
                        let message =
                            format!("{other:?} stands behind {label:?}, allowed is =, !=, in or notin");
                        return Err(wrong(message));
                    }
                }
            }
        };
        Ok(Requirement { label, test })
    }

    fn word(&mut self, what: &str) -> Result<String, SelectorError> {
        match self.take() {
            None => Err(wrong(format!("{what} is missing at the end"))),
            Some(word) if MARKS.contains(&word) => {
                Err(wrong(format!("{word:?} stands where {what} is expected")))
            }
            Some(word) => Ok(word.to_owned()),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, SelectorError> {
        let mut values = Vec::new();
        if self.take() != Some("(") {
            return Err(wrong("behind in and notin stands a list such as (a, b)"));
        }
        loop {
            values.push(self.word("a value")?);
            match self.take() {
                Some(",") => {}
                Some(")") => return Ok(values),
                Some(word) => return Err(wrong(format!("{word:?} stands where a comma or ) is expected"))),
                None => return Err(wrong("a ) is missing at the end")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn target(name: &str, labels: &[(&str, &str)]) -> Target {
        let labels: BTreeMap<_, _> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Target { name: name.to_owned(), address: name.to_owned(), labels }
    }

    fn chosen(selector: &str) -> Vec<String> {
        let all = [
            target("h1", &[("rack", "r1"), ("site", "a"), ("canary", "")]),
            target("h2", &[("rack", "r1"), ("site", "b"), ("legacy", "yes")]),
            target("h3", &[("rack", "r2"), ("site", "c")]),
            target("h4", &[]),
        ];
        let selector: Selector = selector.parse().expect(selector);
        all.iter().filter(|target| selector.matches(target)).map(|target| target.name.clone()).collect()
    }

    #[test]
    fn every_form_chooses_as_kubernetes_does() {
        let cases = [
            ("rack=r1", vec!["h1", "h2"]),
            ("rack == r2", vec!["h3"]),
            ("rack!=r1", vec!["h3", "h4"]),
            ("site in (a,c)", vec!["h1", "h3"]),
            ("site notin ( a , c )", vec!["h2", "h4"]),
            ("canary", vec!["h1"]),
            ("!legacy", vec!["h1", "h3", "h4"]),
            ("! legacy,rack", vec!["h1", "h3"]),
            ("rack=r1, site in (a, b), !legacy", vec!["h1"]),
            ("name in (h4, h2)", vec!["h2", "h4"]),
            ("rack=r9", vec![]),
            // words of the syntax may be labels and values
            ("in", vec![]),
            ("rack=in", vec![]),
        ];
        for (selector, names) in cases {
            assert_eq!(chosen(selector), names, "{selector}");
        }
        assert!(Selector::default().matches(&target("x", &[])));
    }

    #[test]
    fn what_is_no_selector_says_where() {
        let cases = [
            ("", "a label is missing at the end"),
            ("a,", "a label is missing at the end"),
            ("a=", "a value is missing at the end"),
            ("a==,", "\",\" stands where a value is expected"),
            (",a", "\",\" stands where a label is expected"),
            ("a b", "\"b\" stands behind \"a\", allowed is =, !=, in or notin"),
            ("a>1", "\"a>1\""),
            ("a in b", "behind in and notin stands a list such as (a, b)"),
            ("a in (b", "a ) is missing at the end"),
            ("a in (b c)", "\"c\" stands where a comma or ) is expected"),
            ("a in ()", "\")\" stands where a value is expected"),
            ("a=b c=d", "\"c\" stands where a comma or the end is expected"),
            ("!!a", "\"!\" stands where a label is expected"),
        ];
        for (text, expected) in cases {
            match text.parse::<Selector>() {
                // no mark of the syntax: the label of an odd name, which no target has
                Ok(selector) => assert_eq!(format!("{:?}", selector.to_string()), expected),
                Err(error) => assert_eq!(error.to_string(), expected, "{text}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[a-c=!(), in]{0,24}") {
            if let Ok(selector) = text.parse::<Selector>() {
                prop_assert_eq!(selector.to_string().parse::<Selector>(), Ok(selector));
            }
        }
    }
}
