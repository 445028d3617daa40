//! The few words of HTML and SVG that every part of the page is written with.

use crate::text::plain;
use std::fmt;

/// Text from outside, safe inside an element and inside a quoted attribute. What a page would obey, or HTML does not allow, is
/// shown as [`plain`] does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Esc<'a>(pub(super) &'a str);

impl fmt::Display for Esc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in plain(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A share of the width or height as a percentage with two decimals, so that a picture stretches with the
/// page while its strokes and letters keep their size. What is not finite or outside 0 to 1 is taken as the
/// nearer end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", Short(unit(self.0) * 100.0, 2))
    }
}

/// A number with at most so many decimals and no trailing zeros, for coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short(pub(super) f64, pub(super) usize);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.*}", self.1, self.0);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// The nearest number from 0 to 1; 0 for what is not a number.
pub(super) fn unit(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// An identifier of HTML made from any text: what is not a letter, digit or hyphen becomes `_`.
pub(super) fn anchor(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = "<b a=\"1\" c='2'>&amp;\u{0}\u{7f}\u{202e}</b>";
        assert_eq!(
            Esc(text).to_string(),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;\\u{0}\\u{7f}\\u{202e}&lt;/b&gt;"
        );
    }

    #[test]
    fn coordinates_are_short_and_finite() {
        let cases = [
            (0.0, "0%"),
            (1.0 / 3.0, "33.33%"),
            (0.5, "50%"),
            (2.0, "100%"),
            (-0.000_001, "0%"),
            (f64::NAN, "0%"),
            (f64::INFINITY, "100%"),
        ];
        for (share, expected) in cases {
            assert_eq!(Percent(share).to_string(), expected);
        }
        assert_eq!(Short(-0.01, 1).to_string(), "0");
        assert_eq!(Short(100.0, 0).to_string(), "100");
        assert_eq!(Short(12.50, 2).to_string(), "12.5");
    }

    #[test]
    fn anchors_have_no_spaces() {
        assert_eq!(anchor("F1"), "F1");
        assert_eq!(anchor("a b\"<é"), "a_b___");
    }
}
