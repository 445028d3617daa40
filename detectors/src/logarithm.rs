//! Logarithm and its reverse in plain arithmetic: the same bits on every machine, where a mathematics library is another
//! one on each. Good to 14 digits.

use std::f64::consts::{LN_2, SQRT_2};

/// The natural logarithm; of what is smaller than all normal numbers above 0 that of the smallest.
///
/// ln(m × 2^e) = e × ln 2 + 2 artanh((m − 1) / (m + 1)), as a series (Abramowitz and Stegun 4.1.27); m from 0.7 to 1.42.
#[inline(always)]
pub(crate) fn ln(value: f64) -> f64 {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let exponent = ((bits >> 52) as i32 - 1023) as f64;
    let high = mantissa > SQRT_2;
    let (m, e) = (if high { 0.5 * mantissa } else { mantissa }, if high { exponent + 1.0 } else { exponent });
    let s = (m - 1.0) / (m + 1.0);
    // s is at most 0.172: what is left out is below the last digit
    e * LN_2 + 2.0 * s * SERIES.iter().rev().fold(0.0, |sum, term| sum * (s * s) + term)
}

/// The same to 6 digits, at a third of the cost; of what is too large for the type as of the largest.
#[inline(always)]
pub(crate) fn ln_short(value: f32) -> f32 {
    let bits = value.max(f32::MIN_POSITIVE).to_bits();
    let mantissa = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000);
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let high = mantissa > std::f32::consts::SQRT_2;
    let (m, e) = (if high { 0.5 * mantissa } else { mantissa }, if high { exponent + 1.0 } else { exponent });
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0))));
    e * std::f32::consts::LN_2 + 2.0 * s * series
}

/// 1 / (2k + 1)
const SERIES: [f64; 10] = [
    1.0,
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
    1.0 / 19.0,
];

/// e to the power of `value`, which is taken for −700 or 700 where it is beyond that.
pub(crate) fn exp(value: f64) -> f64 {
    let value = value.clamp(-700.0, 700.0);
    let twos = (value / LN_2).round();
    let rest = value - twos * LN_2;
    // Taylor, from the last term on
    let series = (1..=15).rev().fold(1.0, |sum, k| 1.0 + rest / f64::from(k) * sum);
    series * f64::from_bits(((twos as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_library_to_fourteen_digits() {
        for step in -4000..4000 {
            let power = f64::from(step) / 10.0;
            let value = power.exp();
            assert!((ln(value) - power).abs() <= 1e-14 * power.abs().max(1.0), "{power}");
            assert!((exp(power) / value - 1.0).abs() < 1e-13, "{power}");
        }
    }

    #[test]
    fn the_short_one_agrees_to_six_digits() {
        for step in -800..800 {
            let power = step as f32 / 10.0;
            let found = ln_short(power.exp());
            assert!((found - power).abs() <= 2e-6 * power.abs().max(1.0), "{power}: {found}");
        }
        assert!(ln_short(f32::INFINITY).is_finite() && ln_short(0.0).is_finite());
        assert_eq!(ln_short(1.0), 0.0);
    }

    #[test]
    fn the_ends_are_finite() {
        assert!(ln(f64::MIN_POSITIVE).is_finite() && ln(f64::MAX).is_finite());
        assert!(exp(1e9).is_finite() && exp(-1e9) > 0.0);
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
    }
}
