//! Fractional positions of repeat instances. New ones go last; ties are broken by instance id.

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A position after `last`: a letter that says how many digits follow, and the digits in base 36, so that texts sort as
/// numbers do (`a0` … `az`, `b00` … `bzz`, `c000` …).
pub(crate) fn after(last: Option<&str>) -> String {
    let Some(last) = last else { return "a0".to_owned() };
    next(last).unwrap_or_else(|| format!("{last}1"))
}

fn next(last: &str) -> Option<String> {
    let mut bytes = last.bytes();
    let letter = bytes.next().filter(u8::is_ascii_lowercase)?;
    let width = usize::from(letter - b'a') + 1;
    let mut digits: Vec<usize> =
        bytes.map(|byte| DIGITS.iter().position(|digit| *digit == byte)).collect::<Option<_>>()?;
    // Behind the whole part may be a fraction, as another program gives it: the next whole number is after it.
    if digits.len() < width {
        return None;
    }
    digits.truncate(width);
    for digit in digits.iter_mut().rev() {
        if *digit < 35 {
            *digit += 1;
            return Some(render(letter, &digits));
        }
        *digit = 0;
    }
    (letter < b'z').then(|| render(letter + 1, &vec![0; width + 1]))
}

fn render(letter: u8, digits: &[usize]) -> String {
    std::iter::once(letter).chain(digits.iter().map(|digit| DIGITS[*digit])).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_rise_however_many_are_added() {
        let mut last: Option<String> = None;
        for _ in 0..3_000 {
            let next = after(last.as_deref());
            assert!(last.as_ref().is_none_or(|last| next > *last), "{next} is not after {last:?}");
            last = Some(next);
        }
        assert_eq!(after(Some("a0V")), "a0V1");
        assert_eq!(after(Some("a05")), "a1");
        assert!(after(Some("~")).as_str() > "~");
    }
}
