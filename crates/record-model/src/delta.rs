//! The words of the signed log: kinds, classes, roles, and what became of a delta.

use std::fmt;
use std::str::FromStr;

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident($repr:ty) { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Every value, in order of code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number on the wire. Never given twice.
            pub const fn code(self) -> $repr {
                match self { $(Self::$variant => $code),* }
            }

            /// From the number on the wire.
            pub const fn from_code(code: $repr) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The stable word in JSON, logs and tables.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// From the stable word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    };
}

coded!(
    /// What a delta is. One log for all.
    DeltaKind(u8) {
        /// Answers: one Automerge change, with the finalise statement where the same act gave both.
        Change = 1, "change";
        /// A signed word about a record without new answers: finalise, withdraw.
        Statement = 2, "statement";
        /// A supervisor's decision on a review item, with the answers it writes.
        Decision = 3, "decision";
        /// A seat certificate, countersigned by the registry.
        Certificate = 4, "certificate";
        /// Ends a seat at a given (epoch, seq).
        Revocation = 5, "revocation";
        /// Opens an epoch of a seat's chain.
        Epoch = 6, "epoch";
        /// Moves a record to another area.
        Placement = 7, "placement";
        /// Publishes a form revision or a pack's files.
        Publication = 8, "publication";
        /// A record's history started afresh.
        Baseline = 9, "baseline";
        /// What became of earlier deltas.
        Outcome = 10, "outcome";
        /// Names the content of an attachment.
        Attachment = 11, "attachment";
        /// The exclusive right to redeem given vouchers.
        Lease = 12, "lease";
        /// One redemption.
        Claim = 13, "claim";
        /// Erasure by order.
        Redaction = 14, "redaction";
        /// Names the branch of a forked epoch that stands.
        Branch = 15, "branch";
        /// The registry was put back from a backup, and its log goes on under another id.
        Restoration = 16, "restoration";
    }
);

coded!(
    /// Who may see a delta's body (notes/domain 4.3).
    Class(u8) {
        /// Areas, forms, keys: everyone.
        Public = 0, "public";
        /// Partners and staff.
        Internal = 1, "internal";
        /// Households: those whose certificate covers the record's area.
        Personal = 2, "personal";
        /// Health, identifiers.
        Sensitive = 3, "sensitive";
        /// Complaints about staff: named officers only.
        Restricted = 4, "restricted";
    }
);

coded!(
    /// What a seat may do.
    Role(u8) {
        /// Records surveys.
        Enumerator = 1, "enumerator";
        /// Checks and carries a team's work.
        TeamLeader = 2, "team_leader";
        /// Settles what machines must not settle.
        Supervisor = 3, "supervisor";
        /// The registry's own seats.
        Server = 4, "server";
    }
);

coded!(
    /// What became of a delta after it was accepted into the log.
    OutcomeCode(u8) {
        /// Its change or statement is part of the record.
        Merged = 1, "merged";
        /// Waits for a delta that has not arrived.
        Held = 2, "held";
        /// Kept, not merged, with a reason code.
        Quarantined = 3, "quarantined";
        /// A rival for one place in a chain; a person decides.
        Forked = 4, "forked";
    }
);

coded!(
    /// Why a delta is not merged, or not even accepted. Stable: clients and manuals name these. None was ever retired.
    ReasonCode(u16) {
        /// Bytes that are not a delta.
        Malformed = 1, "malformed";
        /// The signature does not fit the seat's key.
        BadSignature = 2, "bad_signature";
        /// No certificate for this seat.
        UnknownSeat = 3, "unknown_seat";
        /// After the seat's last accepted (epoch, seq).
        Revoked = 4, "revoked";
        /// The body is not what the header promised.
        BadCommitment = 5, "bad_commitment";
        /// `prev_hash` is not the hash of the delta before.
        BadChain = 6, "bad_chain";
        /// The record's area is outside the seat's certificate.
        AreaOutsideCertificate = 7, "area_outside_certificate";
        /// The lineage is outside the seat's certificate.
        LineageOutsideCertificate = 8, "lineage_outside_certificate";
        /// The seat's role may not send this kind.
        RoleNotAllowed = 9, "role_not_allowed";
        /// The Automerge actor is not the one derived from the seat.
        WrongActor = 10, "wrong_actor";
        /// The change breaks a rule of the guard.
        ChangeRefused = 11, "change_refused";
        /// The document could not be read back after the change.
        Unloadable = 12, "unloadable";
        /// The form revision was never published here.
        UnknownForm = 13, "unknown_form";
        /// A kind this version does not take from this sender.
        UnsupportedKind = 14, "unsupported_kind";
        /// A second delta for one place in a chain.
        Fork = 15, "fork";
        /// The delta names another generation than the record's.
        OtherGeneration = 16, "other_generation";
        /// The body is larger than its kind may be.
        TooLarge = 17, "too_large";
        /// The epoch was never opened, or opened wrongly.
        UnknownEpoch = 18, "unknown_epoch";
        /// Class restricted: not taken over this road.
        ClassNotAllowed = 19, "class_not_allowed";
        /// Builds on a change of the same record that has not arrived.
        MissingChange = 20, "missing_change";
        /// About a record of which nothing has arrived.
        UnknownRecord = 21, "unknown_record";
        /// Our own fault while it was merged: kept, and nothing else waits for it.
        MergeFault = 22, "merge_fault";
        /// Merging it took more memory or time than any honest change does, and ended the process that tried.
        MergeKilled = 23, "merge_killed";
        /// Of a fork's branch that does not stand: its device writes it anew, in another epoch.
        OtherBranch = 24, "other_branch";
        /// Its branch stands, but the other branch's change was merged at its place in the record before the fork was
        /// known: its device writes it anew.
        PlaceTaken = 25, "place_taken";
    }
);

/// All revisions of one form; every record belongs to one (`household`, `ration-distribution`, ...).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage(Box<str>);

/// Why a text is not a lineage's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lineage's name has 1 to 64 lower-case letters, digits, hyphens or underscores and begins with a letter"
)]
pub struct LineageError;

impl Lineage {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Lineage {
    type Err = LineageError;

    fn from_str(text: &str) -> Result<Self, LineageError> {
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if fits { Ok(Self(text.into())) } else { Err(LineageError) }
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lineage({})", self.0)
    }
}

impl serde::Serialize for Lineage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Lineage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_lead_back_to_their_value() {
        for kind in DeltaKind::ALL {
            assert_eq!(DeltaKind::from_code(kind.code()), Some(*kind));
            assert_eq!(DeltaKind::from_word(kind.as_str()), Some(*kind));
        }
        for reason in ReasonCode::ALL {
            assert_eq!(ReasonCode::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(DeltaKind::from_code(0), None);
    }
}
