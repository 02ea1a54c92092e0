//! The registration number a household is handed, with a check character that catches one wrong character and two
//! swapped ones.

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The ISO/IEC 7064 MOD 37,36 check character of letters and digits (hybrid system, section 9 of the standard).
/// `None` when a character is neither.
pub fn check_character(text: &str) -> Option<char> {
    let mut product = 36_usize;
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|a| *a == byte)?;
        let sum = (product + value) % 36;
        product = (if sum == 0 { 36 } else { sum } * 2) % 37;
    }
    Some(ALPHABET[(37 - product) % 36] as char)
}

/// `HT-00042-000017-K`: a prefix, the seat's own range, the serial in it, a check character over the three. Given
/// offline, so no two seats can give the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistrationNumber {
    prefix: String,
    range: u32,
    serial: u32,
}

/// Why a text is not a registration number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationNumberError {
    /// Not `XX-00000-000000-C`.
    #[error("a registration number reads XX-00000-000000-C")]
    Shape,
    /// A character was mistyped or two were swapped.
    #[error("the check character does not fit: a character is mistyped or two are swapped")]
    CheckCharacter,
}

impl RegistrationNumber {
    /// The number with this serial in a seat's range. `prefix` is two capital letters; the range has at most five
    /// digits and the serial at most six.
    pub fn new(prefix: &str, range: u32, serial: u32) -> Option<Self> {
        let fits = prefix.len() == 2
            && prefix.bytes().all(|b| b.is_ascii_uppercase())
            && range <= 99_999
            && serial <= 999_999;
        fits.then(|| Self { prefix: prefix.to_owned(), range, serial })
    }
}

impl fmt::Display for RegistrationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, range, serial } = self;
        let check = check_character(&format!("{prefix}{range:05}{serial:06}")).unwrap_or('?');
        write!(f, "{prefix}-{range:05}-{serial:06}-{check}")
    }
}

impl FromStr for RegistrationNumber {
    type Err = RegistrationNumberError;

    fn from_str(text: &str) -> Result<Self, RegistrationNumberError> {
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [prefix, range, serial, _check] = parts[..] else { return Err(RegistrationNumberError::Shape) };
        let digits = |part: &str, len: usize| {
            (part.len() == len && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse().ok())
                .flatten()
        };
        let number = digits(range, 5)
            .zip(digits(serial, 6))
            .and_then(|(range, serial)| Self::new(prefix, range, serial))
            .ok_or(RegistrationNumberError::Shape)?;
        if number.to_string() == text.trim() {
            Ok(number)
        } else {
            Err(RegistrationNumberError::CheckCharacter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_standards_own_example_has_its_check_character() {
        // ISO/IEC 7064 MOD 37,36 as used by the GRid standard: A1-2425GABC1234002-M.
        assert_eq!(check_character("A12425GABC1234002"), Some('M'));
    }

    proptest! {
        #[test]
        fn any_single_wrong_digit_is_found(range in 0u32..100_000, serial in 0u32..1_000_000, at in 0usize..11, by in 1u8..10) {
            let number = RegistrationNumber::new("HT", range, serial).unwrap().to_string();
            let mut bytes = number.clone().into_bytes();
            let digits: Vec<usize> = (3..bytes.len() - 2).filter(|i| bytes[*i].is_ascii_digit()).collect();
            let index = digits[at % digits.len()];
            bytes[index] = b'0' + (bytes[index] - b'0' + by) % 10;
            let wrong = String::from_utf8(bytes).unwrap();
            prop_assert!(wrong.parse::<RegistrationNumber>().is_err());
            prop_assert!(number.parse::<RegistrationNumber>().is_ok());
        }
    }
}
