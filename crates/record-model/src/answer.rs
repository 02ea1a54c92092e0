//! Answer paths and values: the two halves of a record's flat map (DESIGN section 4).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::ids::InstanceId;

/// A path longer than this is a form error.
pub const MAX_PATH_BYTES: usize = 128;

/// Where an answer lives in a record.
///
/// ```text
/// consent                    a question
/// assets#radio               one option of a select_multiple; `assets#` says "answered"
/// roster/7K3QF…/given_name   a question of one repeat instance (nested repeats add more pairs)
/// roster/7K3QF…/@removed     a marker of that instance
/// @number                    a marker of the record
/// ```
///
/// Groups are not part of a path, so a question keeps its answers when it moves between groups.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerPath(Box<str>);

/// Names that begin with `@` are ours, not a form's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Marker {
    /// Fractional position of a repeat instance; ties by id; never shown as a conflict.
    Order,
    /// Permanent person id; survives a move to another household.
    Person,
    /// Tombstone of a repeat instance, with the reason as its value. Null or absent: not removed.
    Removed,
    /// The household's registration number, given at the first finalise.
    Number,
}

impl Marker {
    /// As it stands in a path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "@order",
            Self::Person => "@person",
            Self::Removed => "@removed",
            Self::Number => "@number",
        }
    }
}

/// Why a text is not an answer path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerPathError {
    /// Longer than [`MAX_PATH_BYTES`], or empty.
    #[error("an answer path has 1 to {MAX_PATH_BYTES} bytes, this one has {found}")]
    Length {
        /// How many it has.
        found: usize,
    },
    /// A segment that is neither a name, a repeat instance id nor a marker where one is expected.
    #[error("segment {segment} of an answer path must be {expected}")]
    Segment {
        /// Counted from 1.
        segment: usize,
        /// What belongs there.
        expected: &'static str,
    },
}

fn is_name(text: &str) -> bool {
    // Nearly every name is plain ASCII; the general rule costs several times as much.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if text.bytes().all(plain) {
        return text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    }
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn is_marker(text: &str) -> bool {
    matches!(text, "@order" | "@person" | "@removed" | "@number")
}

/// An option after `#`: any visible text without the two separators. Empty after `#` is the "answered" mark.
fn is_option(text: &str) -> bool {
    text.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '/' && c != '#')
}

/// What may end a path.
fn is_leaf(segment: &str) -> bool {
    match segment.split_once('#') {
        Some((name, option)) => is_name(name) && is_option(option),
        None => is_name(segment) || is_marker(segment),
    }
}

/// True for the text form of an [`InstanceId`], without decoding it: every path of a roster passes here.
fn is_instance_id(text: &str) -> bool {
    // 64 bits in 13 characters of five leave one bit over, which must be zero: the last character's value is even.
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    };
    let bytes = text.as_bytes();
    bytes.len() == 13
        && bytes.iter().all(|byte| value(*byte).is_some())
        && value(bytes[12]).is_some_and(|last| last % 2 == 0)
}

impl AnswerPath {
    /// A question outside any repeat.
    pub fn question(name: &str) -> Result<Self, AnswerPathError> {
        name.parse()
    }

    /// One step deeper: a question, option or marker (`leaf`) inside one instance of `repeat`.
    pub fn in_repeat(repeat: &str, instance: InstanceId, leaf: &str) -> Result<Self, AnswerPathError> {
        format!("{repeat}/{instance}/{leaf}").parse()
    }

    /// A marker of the record itself.
    pub fn record_marker(marker: Marker) -> Self {
        Self(marker.as_str().into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment without its option: the question's name, or the marker.
    pub fn leaf(&self) -> &str {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        last.split('#').next().unwrap_or(last)
    }

    /// The option of a select_multiple, if this path is one (empty for the "answered" mark).
    pub fn option(&self) -> Option<&str> {
        self.0.rsplit('/').next().and_then(|last| last.split_once('#')).map(|(_, option)| option)
    }

    /// Which marker this path is, if it is one.
    pub fn marker(&self) -> Option<Marker> {
        match self.leaf() {
            "@order" => Some(Marker::Order),
            "@person" => Some(Marker::Person),
            "@removed" => Some(Marker::Removed),
            "@number" => Some(Marker::Number),
            _ => None,
        }
    }

    /// Text up to and without the last segment: the repeat instance this answer belongs to (`roster/7K3QF…`), or the
    /// empty text for the record itself.
    pub fn instance_prefix(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(prefix, _)| prefix)
    }

    /// The sibling of this path in the same repeat instance (or record).
    pub fn sibling(&self, leaf: &str) -> Result<Self, AnswerPathError> {
        match self.instance_prefix() {
            "" => leaf.parse(),
            prefix => format!("{prefix}/{leaf}").parse(),
        }
    }
}

impl FromStr for AnswerPath {
    type Err = AnswerPathError;

    fn from_str(text: &str) -> Result<Self, AnswerPathError> {
        if text.is_empty() || text.len() > MAX_PATH_BYTES {
            return Err(AnswerPathError::Length { found: text.len() });
        }
        let last = text.bytes().filter(|byte| *byte == b'/').count();
        for (index, segment) in text.split('/').enumerate() {
            let (fits, expected) = if index == last {
                // An odd number of segments ends in a question; an even one would end in an instance id.
                (index % 2 == 0 && is_leaf(segment), "a question, option or marker")
            } else if index % 2 == 0 {
                (is_name(segment), "a repeat's name")
            } else {
                (is_instance_id(segment), "a repeat instance id")
            };
            if !fits {
                return Err(AnswerPathError::Segment { segment: index + 1, expected });
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AnswerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AnswerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerPath({})", self.0)
    }
}

impl std::borrow::Borrow<str> for AnswerPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for AnswerPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for AnswerPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One scalar. Decimals, dates, times and places are texts in the lexical form the form's type defines, so that a value
/// never changes by being read and written again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Cleared, or never answered.
    #[default]
    Null,
    /// A ticked or unticked option.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Everything else.
    Text(String),
}

impl Value {
    /// True for a cleared answer.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A canonical byte form: one tag byte, then the payload. Equal values, equal bytes; used by every hash.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        self.with_canonical(|tag, payload| [&[tag], payload].concat())
    }

    /// Hands over the tag and the payload of the canonical bytes.
    pub(crate) fn with_canonical<T>(&self, take: impl FnOnce(u8, &[u8]) -> T) -> T {
        match self {
            Self::Null => take(0, &[]),
            Self::Bool(value) => take(1, &[u8::from(*value)]),
            Self::Int(value) => take(2, &value.to_be_bytes()),
            Self::Text(value) => take(3, value.as_bytes()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Never shows the answer: values are personal data.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool([redacted])",
            Self::Int(_) => "Int([redacted])",
            Self::Text(_) => "Text([redacted])",
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// What a record says, one value a path. Cleared answers may be present as [`Value::Null`] or absent: both mean the
/// same.
pub type Answers = BTreeMap<AnswerPath, Value>;

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = "AAAAAAAAAAAAC";

    #[test]
    fn paths_of_each_shape_parse_and_name_their_parts() {
        let path: AnswerPath = format!("roster/{INSTANCE}/chronic#diabetes").parse().unwrap();
        assert_eq!((path.leaf(), path.option()), ("chronic", Some("diabetes")));
        assert_eq!(path.instance_prefix(), format!("roster/{INSTANCE}"));
        assert_eq!(path.sibling("@removed").unwrap().marker(), Some(Marker::Removed));
        assert_eq!("assets#".parse::<AnswerPath>().unwrap().option(), Some(""));
        assert_eq!("consent".parse::<AnswerPath>().unwrap().instance_prefix(), "");
    }

    #[test]
    fn paths_that_could_be_mistaken_are_refused() {
        let long = "a".repeat(129);
        for bad in [
            "",
            "a/b",
            "a/b/c",
            "1a",
            "a b",
            "@else",
            "a/@removed",
            "a#b c",
            "a#b#c",
            "@order#x",
            "a//b",
            &long,
        ] {
            assert!(bad.parse::<AnswerPath>().is_err(), "{bad:?} was taken for a path");
        }
    }

    #[test]
    fn an_instance_id_is_told_without_decoding_exactly_as_by_decoding() {
        let last = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567018=/-a ";
        for text in last.chars().map(|c| format!("AAAAAAAAAAAA{c}")).chain([
            "".into(),
            "A".repeat(12),
            "A".repeat(14),
        ]) {
            assert_eq!(is_instance_id(&text), text.parse::<InstanceId>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn debug_of_a_value_does_not_show_the_answer() {
        assert_eq!(format!("{:?}", Value::from("Marie-Ange")), "Text([redacted])");
    }
}
