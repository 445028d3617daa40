//! Numbers as nearly all files write them, digits and at most one point, read byte by byte.

/// So many digits always fit into an `i64`.
const INTEGER_DIGITS: usize = 18;
/// So many digits are exact in an `f64`.
const EXACT_DIGITS: usize = 15;
/// What a number of so many digits after the point is divided by; each is exact in an `f64`.
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The number of digits alone at the head of `text`, and how many bytes it takes; `None` for anything else
/// there, which may still be a number.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<(i64, usize)> {
    let (value, digits) = digits(text, 0);
    (1..=INTEGER_DIGITS).contains(&digits).then_some((value, digits))
}

/// The number at the head of `text`, and how many bytes it takes: the nearest `f64`, for one division of exact
/// numbers is exact but for the last rounding. `None` for anything else there, which may still be a number.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "there are no more digits than are exact")]
pub(super) fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (whole, before) = digits(&text[sign..], 0);
    let point = sign + before;
    let (all, after) = match text.get(point) {
        Some(b'.') => digits(&text[point + 1..], whole),
        _ => (whole, 0),
    };
    if before == 0 || before + after > EXACT_DIGITS {
        return None;
    }
    let value = all as f64 / POWERS[after];
    let bytes = point + after + usize::from(text.get(point) == Some(&b'.'));
    Some((if sign == 1 { -value } else { value }, bytes))
}

/// `before` with the digits at the head of `text` after it, and how many these are; of no meaning where there
/// are more than fit.
#[inline]
fn digits(text: &[u8], before: i64) -> (i64, usize) {
    let mut value = before;
    for (count, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (value, count);
        }
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_something_else_begins() {
        assert_eq!(integer(b"1700000000,a"), Some((1_700_000_000, 10)));
        assert_eq!(decimal(b"-12.50\n"), Some((-12.5, 6)));
        assert_eq!(decimal(b"7"), Some((7.0, 1)));
        assert_eq!(decimal(b"7.,"), Some((7.0, 2)));
        assert_eq!(decimal(b"1e5"), Some((1.0, 1)), "who asked sees that no separator follows");
    }

    #[test]
    fn what_is_not_sure_to_be_exact_is_left() {
        for text in ["", "-", ".5", " 1", "+1", "NaN", "0.1234567890123456", "1234567890123456"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        for text in ["", "-1", "1234567890123456789"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_what_the_standard_library_reads(digits in 0_u64..1_000_000_000_000_000, after in 0_usize..15) {
            let text = format!("{digits:016}");
            let (whole, fraction) = text.split_at(16 - after);
            for text in [format!("{}.{fraction}", whole.trim_start_matches('0')), format!("-{digits}")] {
                let expected = text.parse::<f64>().map(f64::to_bits);
                match decimal(text.as_bytes()) {
                    Some((value, bytes)) => {
                        proptest::prop_assert_eq!(Ok(value.to_bits()), expected);
                        proptest::prop_assert_eq!(bytes, text.len());
                    }
                    None => proptest::prop_assert!(text.starts_with('.')),
                }
            }
        }
    }
}
