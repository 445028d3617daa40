//! Numbers as people read them.

/// `value` with four significant digits and no trailing zeros: `812`, `0.04567`, `1.234e12`.
///
/// Whole numbers below 1e9 keep all their digits. Not a number and infinite are written in words.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinity" } else { "-infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude < 1e9 && value.fract() == 0.0 {
        // adding zero turns -0 into 0
        return format!("{:.0}", value + 0.0);
    }
    if !(1e-4..1e9).contains(&magnitude) {
        return trimmed_exponent(&format!("{value:.3e}"));
    }
    let digits_before = magnitude.log10().floor() as i32 + 1;
    let decimals = usize::try_from(4 - digits_before).unwrap_or(0);
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

/// `what` counted: `1 sample`, `7 samples`.
pub(crate) fn counted(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn trimmed_exponent(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_where_whole() {
        let cases = [
            (812.0, "812"),
            (-640.0, "-640"),
            (0.0, "0"),
            (-0.0, "0"),
            (123_456_789.0, "123456789"),
            (0.1, "0.1"),
            (0.045_671, "0.04567"),
            (1234.56, "1235"),
            (99.996, "100"),
            (1e300, "1e300"),
            (1.234_567e12, "1.235e12"),
            (1e-7, "1e-7"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "-infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value:e}");
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!((counted(1, "day"), counted(14, "day")), ("1 day".to_owned(), "14 days".to_owned()));
    }
}
