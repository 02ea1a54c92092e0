//! Identifiers. Each has exactly one text form: base32 (RFC 4648, no padding, upper case) for things people may have
//! to type or read, lower-case hex for hashes.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

/// Why a text is not the identifier it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a {name} ({chars} {alphabet} characters), found {found_chars} characters that are not one")]
pub struct IdError {
    /// What the text was taken for, as in the GLOSSARY.
    pub name: &'static str,
    /// How long the text form is.
    pub chars: usize,
    /// Which alphabet it uses.
    pub alphabet: &'static str,
    /// How long the text at hand was. Its content is not repeated: it may be anything.
    pub found_chars: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $words:literal, $encoding:ident, $alphabet:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $bytes;

            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Takes a slice of exactly [`Self::LEN`] bytes, or nothing.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&$encoding.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                $encoding.decode(text.as_bytes()).ok().and_then(|bytes| Self::from_slice(&bytes)).ok_or(IdError {
                    name: $words,
                    chars: $encoding.encode_len($bytes),
                    alphabet: $alphabet,
                    found_chars: text.chars().count(),
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One deployment of Lakou. A training deployment has its own: production refuses its deltas by construction.
    DeploymentId, 16, "deployment id", BASE32_NOPAD, "base32"
);
id!(
    /// One person on one device: the first 16 bytes of SHA-256 of the seat's public key.
    SeatId, 16, "seat id", BASE32_NOPAD, "base32"
);
id!(
    /// One uninterrupted run of a seat's chain. Random, opened by a signed epoch delta.
    EpochId, 8, "epoch id", BASE32_NOPAD, "base32"
);
id!(
    /// One filled-in form through its life. Random, made offline.
    RecordId, 16, "record id", BASE32_NOPAD, "base32"
);
id!(
    /// One instance of a repeat, such as a household member in the roster. 64 random bits, made offline.
    InstanceId, 8, "repeat instance id", BASE32_NOPAD, "base32"
);
id!(
    /// One log of the central server. A restored server declares a new one.
    LogId, 16, "log id", BASE32_NOPAD, "base32"
);
id!(
    /// One bundle of files for a USB stick, mail or messenger. Random.
    BundleId, 16, "bundle id", BASE32_NOPAD, "base32"
);
id!(
    /// Names a delta: SHA-256 of its header bytes under the tag `lakou/delta-hash/v1`.
    DeltaHash, 32, "delta hash", HEXLOWER, "hex"
);
id!(
    /// Names an Automerge change: Automerge's own hash.
    ChangeHash, 32, "change hash", HEXLOWER, "hex"
);
id!(
    /// Names one revision of a form by its content.
    FormRevision, 32, "form revision", HEXLOWER, "hex"
);

impl SeatId {
    /// The seat that holds this Ed25519 public key.
    pub fn of_public_key(public_key: &[u8; 32]) -> Self {
        let digest = Sha256::digest(public_key);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree_both_ways() {
        let id = RecordId::from_bytes([7; 16]);
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::from_str::<RecordId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn a_wrong_text_says_what_was_expected_and_not_what_it_held() {
        let error = "Marie-Ange".parse::<RecordId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a record id (26 base32 characters), found 10 characters that are not one"
        );
    }
}
