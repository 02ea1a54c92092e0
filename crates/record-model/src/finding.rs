//! What a person must look at in one record, and how a decision settles it.
//!
//! Findings are derived from the record, never stored as truth: central server and collector compute the same ones from
//! the same record. A finding's id is a hash over the writes it is about, so a value that the decider had not seen makes
//! another id, and the item opens again by itself.

use crate::answer::{AnswerPath, Value};
use crate::hash::hash_parts;
use crate::ids::{ChangeHash, DeltaHash, RecordId};

/// Names a review item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId([u8; 32]);

impl ItemId {
    /// Takes the bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ItemId({self})")
    }
}

impl std::str::FromStr for ItemId {
    type Err = crate::ids::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::ids::ChangeHash::from_str(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|error| crate::ids::IdError { name: "review item id", ..error })
    }
}

impl serde::Serialize for ItemId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ItemId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What kind of doubt a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Two answers made without sight of each other.
    Conflict,
    /// A member removed on one side and edited on the other, without sight of each other.
    RemovedAndEdited,
    /// Each edit was valid, their merge is not.
    RuleBreak,
}

impl FindingKind {
    /// The stable word in JSON, logs and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::RemovedAndEdited => "removed_and_edited",
            Self::RuleBreak => "rule_break",
        }
    }
}

/// One of the values a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alternative {
    /// Where.
    pub path: AnswerPath,
    /// What stands there.
    pub value: Value,
    /// Which change wrote it; none for a value that was computed or is missing.
    pub change: Option<ChangeHash>,
}

/// One doubt about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name: a hash over all that follows.
    pub id: ItemId,
    /// What kind of doubt.
    pub kind: FindingKind,
    /// What it is about: an answer path for a conflict, an instance's prefix for a removed member, a rule's id (or
    /// `path constraint`) for a rule break.
    pub subject: String,
    /// The writes it rests on, sorted.
    pub alternatives: Vec<Alternative>,
}

impl Finding {
    /// Names a finding by what it is about and the writes it rests on, whatever order they are given in.
    pub fn new(
        record: RecordId,
        generation: u32,
        kind: FindingKind,
        subject: String,
        mut alternatives: Vec<Alternative>,
    ) -> Self {
        alternatives.sort();
        alternatives.dedup();
        let mut parts: Vec<Vec<u8>> = vec![
            record.as_bytes().to_vec(),
            generation.to_be_bytes().to_vec(),
            kind.as_str().as_bytes().to_vec(),
            subject.as_bytes().to_vec(),
        ];
        for alternative in &alternatives {
            parts.push(alternative.path.as_str().as_bytes().to_vec());
            parts.push(alternative.value.canonical_bytes());
            parts.push(alternative.change.map_or_else(Vec::new, |change| change.as_bytes().to_vec()));
        }
        let id = ItemId(hash_parts("lakou/item/v1", parts.iter().map(Vec::as_slice)));
        Self { id, kind, subject, alternatives }
    }
}

/// A supervisor's act on one item, as far as a record must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which item. Its id names the writes the decider saw.
    pub item: ItemId,
    /// The signed delta that holds the decision.
    pub delta: DeltaHash,
}

/// The findings that no decision has settled: a decision settles exactly the item it names.
pub fn open_findings(findings: Vec<Finding>, decisions: &[Decision]) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| decisions.iter().all(|decision| decision.item != finding.id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alternative(value: &str, change: u8) -> Alternative {
        Alternative {
            path: "roof".parse().unwrap(),
            value: value.into(),
            change: Some(ChangeHash::from_bytes([change; 32])),
        }
    }

    fn conflict(alternatives: Vec<Alternative>) -> Finding {
        Finding::new(RecordId::from_bytes([1; 16]), 0, FindingKind::Conflict, "roof".into(), alternatives)
    }

    #[test]
    fn a_decision_settles_what_it_saw_and_an_unseen_value_reopens_it() {
        let seen = conflict(vec![alternative("tin", 1), alternative("tile", 2)]);
        let decision = Decision { item: seen.id, delta: DeltaHash::from_bytes([9; 32]) };
        let same_in_other_order = conflict(vec![alternative("tile", 2), alternative("tin", 1)]);
        assert_eq!(open_findings(vec![same_in_other_order], std::slice::from_ref(&decision)), []);

        let with_unseen =
            conflict(vec![alternative("tin", 1), alternative("tile", 2), alternative("thatch", 3)]);
        assert_eq!(open_findings(vec![with_unseen.clone()], &[decision]), [with_unseen]);
    }
}
