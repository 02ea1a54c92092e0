//! Areas: P-codes and which lies in which. The core knows no country; a pack brings the tree.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The code of an area, an OCHA P-code where one exists (`HT0111`, `HT0111-01`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaCode(Box<str>);

/// Why a text is not an area code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an area code has 1 to 24 letters, digits, points or hyphens, this one has {found_chars} characters")]
pub struct AreaCodeError {
    /// How long the text at hand was.
    pub found_chars: usize,
}

impl AreaCode {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AreaCode {
    type Err = AreaCodeError;

    fn from_str(text: &str) -> Result<Self, AreaCodeError> {
        let fits = (1..=24).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if fits { Ok(Self(text.into())) } else { Err(AreaCodeError { found_chars: text.chars().count() }) }
    }
}

impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AreaCode({})", self.0)
    }
}

impl serde::Serialize for AreaCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for AreaCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which area lies in which.
#[derive(Debug, Clone, Default)]
pub struct AreaTree {
    parents: HashMap<AreaCode, Option<AreaCode>>,
}

impl AreaTree {
    /// From pairs of an area and the one it lies in (none for a country).
    pub fn new(areas: impl IntoIterator<Item = (AreaCode, Option<AreaCode>)>) -> Self {
        Self { parents: areas.into_iter().collect() }
    }

    /// True when the tree lists this area.
    pub fn contains(&self, area: &AreaCode) -> bool {
        self.parents.contains_key(area)
    }

    /// True when `area` is `ancestor` or lies in it. An area the tree does not list lies only in itself.
    pub fn is_within(&self, area: &AreaCode, ancestor: &AreaCode) -> bool {
        let mut at = Some(area);
        // A tree that loops is a broken pack; the bound keeps a lookup finite all the same.
        for _ in 0..16 {
            match at {
                None => return false,
                Some(code) if code == ancestor => return true,
                Some(code) => at = self.parents.get(code).and_then(Option::as_ref),
            }
        }
        false
    }

    /// Every listed area that is one of `ancestors` or lies in one.
    pub fn within_any(&self, ancestors: &[AreaCode]) -> Vec<AreaCode> {
        let mut inside: Vec<AreaCode> = self
            .parents
            .keys()
            .filter(|area| ancestors.iter().any(|a| self.is_within(area, a)))
            .cloned()
            .collect();
        inside.sort();
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> AreaCode {
        text.parse().unwrap()
    }

    #[test]
    fn a_section_lies_in_its_commune_and_country_but_not_next_door() {
        let tree = AreaTree::new([
            (code("HT"), None),
            (code("HT01"), Some(code("HT"))),
            (code("HT0111"), Some(code("HT01"))),
            (code("HT0111-01"), Some(code("HT0111"))),
        ]);
        assert!(tree.is_within(&code("HT0111-01"), &code("HT0111")));
        assert!(tree.is_within(&code("HT0111-01"), &code("HT")));
        assert!(!tree.is_within(&code("HT0111-01"), &code("HT0112")));
        assert!(!tree.is_within(&code("HT0111"), &code("HT0111-01")));
        assert_eq!(tree.within_any(&[code("HT0111")]), [code("HT0111"), code("HT0111-01")]);
    }
}
