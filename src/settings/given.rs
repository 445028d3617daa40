//! What was written for a setting, before anybody knows what it means.

/// A value as it was given: by a file, or by a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A number, a word, a text, or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Given>),
    /// A mapping, in the order it was given.
    Map(Vec<(String, Given)>),
}

/// A scalar as it was written: what it means is for the reader of the field to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The characters, without quotes.
    pub text: String,
    /// Whether it was written without quotes, so that `5` may be a number.
    pub plain: bool,
}

impl Given {
    /// `text` without quotes: what a flag says, or a program.
    pub fn plain(text: &str) -> Self {
        Self::Scalar(Scalar { text: text.to_owned(), plain: true })
    }

    /// What it is, for a message: `empty`, `7`, `"3 of 2"`, `a list`, `a mapping`.
    pub fn found(&self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.found(),
            Self::List(items) if items.is_empty() => "an empty list".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(entries) if entries.is_empty() => "an empty mapping".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The scalar, where it is one.
    pub(super) fn scalar(&self) -> Option<&Scalar> {
        if let Self::Scalar(scalar) = self { Some(scalar) } else { None }
    }
}

/// The most characters of a value that a message repeats.
const FOUND_MAX: usize = 60;

impl Scalar {
    /// The characters, where it says something.
    pub fn chars(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|_| !self.is_empty())
    }

    /// The characters, where it is neither empty nor a number nor true or false.
    pub fn as_text(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|_| self.is_text())
    }

    /// The number that it is: decimal, or `.nan` and `.inf` (which nothing accepts, but messages name).
    pub fn number(&self) -> Option<f64> {
        let text = self.text.as_str();
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        match unsigned {
            _ if !self.plain => None,
            ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
            ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(f64::NEG_INFINITY),
            ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
            // the words that a float may have elsewhere are texts here
            _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok(),
            _ => None,
        }
    }

    /// Whether it is true or false, where it is one of them.
    pub fn truth(&self) -> Option<bool> {
        match self.text.as_str() {
            "true" | "True" | "TRUE" if self.plain => Some(true),
            "false" | "False" | "FALSE" if self.plain => Some(false),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    fn is_text(&self) -> bool {
        !self.is_empty() && self.number().is_none() && self.truth().is_none()
    }

    /// What it is, for a message.
    pub fn found(&self) -> String {
        if self.is_empty() {
            return "empty".to_owned();
        }
        let mut shown: String = self.text.chars().take(FOUND_MAX).collect();
        if shown.len() < self.text.len() {
            shown.push('…');
        }
        if self.is_text() || !self.plain { format!("{shown:?}") } else { shown }
    }
}
