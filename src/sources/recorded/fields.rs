//! The fields of one line of a CSV file.

use std::borrow::Cow;

/// Why a line has no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteError {
    /// A quote is open at the end of the line.
    Open,
    /// There is text between a closing quote and the next separator.
    TextAfter,
}

impl QuoteError {
    /// What was found, in words.
    pub(super) const fn found(self) -> &'static str {
        match self {
            Self::Open => "a quoted field that does not end on its line",
            Self::TextAfter => "text after a closing quote",
        }
    }

    /// What is allowed, in words.
    pub(super) const fn allowed(self) -> &'static str {
        match self {
            Self::Open => "quoted fields without a line break",
            Self::TextAfter => "a separator or the line end after a closing quote",
        }
    }
}

/// Splits `line`, which has no line end, at `separator` into `fields`. A field that begins with `"`
/// goes to the next single `"`; in it `""` is one quote. Elsewhere a quote is a character like others.
pub(super) fn split<'a>(
    line: &'a str,
    separator: u8,
    fields: &mut Vec<Cow<'a, str>>,
) -> Result<(), QuoteError> {
    fields.clear();
    let separator = char::from(separator);
    if memchr::memchr(b'"', line.as_bytes()).is_none() {
        fields.extend(line.split(separator).map(Cow::Borrowed));
        return Ok(());
    }
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(inner) => unquote(inner)?,
            None => {
                let end = rest.find(separator).unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(separator) {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(()),
            None => return Err(QuoteError::TextAfter),
        }
    }
}

/// The field whose opening quote stands before `text`, and what follows its closing quote.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), QuoteError> {
    let mut from = 0;
    loop {
        let quote = from + text[from..].find('"').ok_or(QuoteError::Open)?;
        let after = &text[quote + 1..];
        if after.starts_with('"') {
            from = quote + 2;
            continue;
        }
        let inner = &text[..quote];
        let field = if from == 0 { Cow::Borrowed(inner) } else { Cow::Owned(inner.replace("\"\"", "\"")) };
        return Ok((field, after));
    }
}

/// The separator of a header line: the most frequent of comma, semicolon and tab outside of quotes,
/// the comma where none is more frequent.
pub(super) fn separator(header: &str) -> u8 {
    let mut counts = [(0, b','), (0, b';'), (0, b'\t')];
    let mut quoted = false;
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        if let (false, Some(count)) = (quoted, counts.iter_mut().find(|(_, separator)| *separator == byte)) {
            count.0 += 1;
        }
    }
    let most = counts.iter().map(|(count, _)| *count).max().unwrap_or(0);
    counts.iter().find(|(count, _)| *count == most).map_or(b',', |(_, separator)| *separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Result<Vec<String>, QuoteError> {
        let mut fields = Vec::new();
        split(line, b',', &mut fields)?;
        Ok(fields.into_iter().map(Cow::into_owned).collect())
    }

    #[test]
    fn quotes_hold_separators_and_quotes() {
        assert_eq!(
            fields(r#"1,"a,b","say ""hi""",x"y,"#).expect("fields"),
            ["1", "a,b", r#"say "hi""#, r#"x"y"#, ""]
        );
        assert_eq!(fields("a,b").expect("fields"), ["a", "b"]);
        assert_eq!(fields("").expect("fields"), [""]);
        assert_eq!(fields(r#""""""#).expect("fields"), [r#"""#]);
    }

    #[test]
    fn a_broken_quote_is_refused() {
        assert_eq!(fields(r#"1,"a"#), Err(QuoteError::Open));
        assert_eq!(fields(r#"1,"a"b"#), Err(QuoteError::TextAfter));
    }

    #[test]
    fn the_separator_is_the_most_frequent_outside_of_quotes() {
        assert_eq!(separator("timestamp,value"), b',');
        assert_eq!(separator("timestamp;\"a,b,c\";value"), b';');
        assert_eq!(separator("timestamp\tvalue"), b'\t');
        assert_eq!(separator("timestamp"), b',');
    }

    proptest::proptest! {
        #[test]
        fn what_was_quoted_comes_back(texts in proptest::collection::vec("[a\",; ]{0,6}", 1..5)) {
            let quoted: Vec<String> = texts.iter().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).collect();
            proptest::prop_assert_eq!(fields(&quoted.join(",")), Ok(texts));
        }
    }
}
