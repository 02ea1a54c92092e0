//! XPath 1.0 numbers, with JavaRosa's tolerance in equality.

use crate::xpath::temporal;

/// Two numbers closer than this are equal, as on the phones that run ODK Collect: `6.1 - 7.8 = -1.7` holds.
const EQUALITY_TOLERANCE: f64 = 1e-12;

/// A number as XPath writes it: no exponent, no fraction when it is whole.
pub(crate) fn number_text(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        number.to_string()
    }
}

/// The number a text holds; NaN when it holds none. A date counts its days, so that `"2018-01-01" + 1` works.
pub(crate) fn parse_number(text: &str, utc_offset_minutes: i32) -> f64 {
    let text = text.trim();
    let Some(first) = text.bytes().next() else { return f64::NAN };
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return f64::NAN;
    }
    if let Some(number) = parse_plain(text) {
        return number;
    }
    temporal::Temporal::parse(text, utc_offset_minutes)
        .map_or(f64::NAN, |instant| instant.days(utc_offset_minutes))
}

/// Digits with a sign and a point, and an exponent as engines write it: with its sign (`7.9e-12`). `1.1e6` and
/// `Infinity` are texts, as in JavaRosa.
fn parse_plain(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    let has_sign = |at: usize| matches!(text.as_bytes().get(at + 1), Some(b'-' | b'+'));
    let exponent = text.find(['e', 'E']).is_none_or(has_sign);
    (is_plain && exponent).then(|| text.parse().ok()).flatten()
}

pub(crate) fn equal(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() < EQUALITY_TOLERANCE
}

/// To so many decimals (negative: tens, hundreds …); halves go up, as in Java and JavaScript, and so towards zero for
/// negative numbers.
pub(crate) fn round(number: f64, decimals: f64) -> f64 {
    if !number.is_finite() || decimals.is_nan() {
        return number;
    }
    let decimals = decimals.trunc().clamp(-300.0, 300.0) as i32;
    if decimals == 0 {
        return half_up(number);
    }
    let scale = 10f64.powi(decimals.abs());
    let scaled = if decimals > 0 { number * scale } else { number / scale };
    // 1.005 * 100 is 100.49999999999999: what a person reads as a half is rounded as one.
    let rounded = half_up(scaled + scaled.abs() * f64::EPSILON);
    if !rounded.is_finite() {
        number
    } else if decimals > 0 {
        rounded / scale + 0.0
    } else {
        rounded * scale + 0.0
    }
}

fn half_up(number: f64) -> f64 {
    // Beyond this every number is whole, and a half more would be lost in rounding.
    if number.abs() > 4e15 { number } else { (number + 0.5).floor() + 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_exponent_or_needless_fraction() {
        for (number, text) in
            [(1.0, "1"), (-0.0, "0"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001")]
        {
            assert_eq!(number_text(number), text);
        }
        assert_eq!(number_text(f64::NAN), "NaN");
    }

    #[test]
    fn texts_that_are_no_numbers_are_nan() {
        for text in ["", " ", "14,6", "34.56.7", "inf", "nan", "abc", "1 2"] {
            assert!(parse_number(text, 0).is_nan(), "{text:?}");
        }
        assert_eq!(parse_number(" 12.5 ", 0), 12.5);
        assert_eq!(parse_number("1970-01-03", -360), 2.25);
    }

    #[test]
    fn halves_round_up_at_any_decimal() {
        assert_eq!(round(-0.5, 0.0), 0.0);
        assert_eq!(round(-12345.15, 1.0), -12345.1);
        assert_eq!(round(2.15, 1.0), 2.2);
        assert_eq!(round(-50.55, -2.0), -100.0);
        assert_eq!(round(23.7825, 2.0), 23.78);
        assert_eq!(round(-1.1, 0.0), -1.0);
        assert_eq!(round(12350.12345, -2.0), 12400.0);
    }
}
