//! Sealing with age (X25519): only the named recipients can open.

use std::io::{Read, Write};

use age::secrecy::ExposeSecret;
use record_model::hash_parts;
use zeroize::Zeroizing;

use crate::keys::SeatKey;

/// Why sealing or opening failed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not an age recipient (`age1…`).
    #[error("not an age recipient: {reason}")]
    Recipient {
        /// What age says.
        reason: String,
    },
    /// Not an age identity.
    #[error("not an age identity")]
    Identity,
    /// No key of it fits this identity.
    #[error("cannot be opened with this identity: sealed to somebody else, or damaged")]
    CannotOpen,
    /// The key fits, and what it opens is cut short or changed.
    #[error("damaged: what was sealed is not whole")]
    Damaged,
    /// More than the caller allowed.
    #[error("holds more than the {limit} bytes allowed")]
    TooLarge {
        /// The caller's limit.
        limit: usize,
    },
    /// Nobody to seal to.
    #[error("no recipient given")]
    NoRecipient,
}

/// The secret half: opens what is sealed to [`SealingIdentity::recipient`].
pub struct SealingIdentity(age::x25519::Identity);

impl SealingIdentity {
    /// A fresh one, from the operating system's randomness.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// The identity that belongs to a signing key, so that whoever keeps the one has the other: the same key gives the
    /// same identity, and the identity tells nothing of the key. What is sealed to a registry is sealed to this.
    pub fn of(key: &SeatKey) -> Self {
        let secret = Zeroizing::new(hash_parts("lakou/sealing-identity/v1", [key.secret().as_slice()]));
        let prefix = bech32::Hrp::parse("age-secret-key-").expect("a valid prefix");
        let text = bech32::encode::<bech32::Bech32>(prefix, secret.as_slice());
        let text = Zeroizing::new(text.expect("32 bytes fit").to_uppercase());
        Self(text.parse().expect("age reads any 32 bytes as a secret"))
    }

    /// From its secret text (`AGE-SECRET-KEY-…`).
    pub fn from_secret(secret: &str) -> Result<Self, SealError> {
        secret.trim().parse().map(Self).map_err(|_| SealError::Identity)
    }

    /// The secret text, to be wrapped and stored or printed for a safe.
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string().expose_secret().to_owned())
    }

    /// The public half (`age1…`).
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }
}

impl std::fmt::Debug for SealingIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingIdentity(redacted)")
    }
}

/// Checks that a text is a recipient.
pub fn check_recipient(recipient: &str) -> Result<(), SealError> {
    parse_recipient(recipient).map(drop)
}

fn parse_recipient(recipient: &str) -> Result<age::x25519::Recipient, SealError> {
    recipient.parse().map_err(|reason: &str| SealError::Recipient { reason: reason.to_owned() })
}

/// Seals bytes to every recipient named.
pub fn seal(bytes: &[u8], recipients: &[&str]) -> Result<Vec<u8>, SealError> {
    let parsed =
        recipients.iter().map(|recipient| parse_recipient(recipient)).collect::<Result<Vec<_>, _>>()?;
    let encryptor =
        age::Encryptor::with_recipients(parsed.iter().map(|recipient| recipient as &dyn age::Recipient))
            .map_err(|_| SealError::NoRecipient)?;
    let mut sealed = Vec::with_capacity(bytes.len() + 512);
    let mut writer = encryptor.wrap_output(&mut sealed).expect("sealing into a Vec cannot fail");
    writer.write_all(bytes).expect("sealing into a Vec cannot fail");
    writer.finish().expect("sealing into a Vec cannot fail");
    Ok(sealed)
}

/// Opens what was sealed to this identity; at most `limit` bytes come out.
pub fn open(
    sealed: &[u8],
    identity: &SealingIdentity,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let decryptor = age::Decryptor::new(sealed).map_err(|_| SealError::Damaged)?;
    let reader = decryptor
        .decrypt(std::iter::once(&identity.0 as &dyn age::Identity))
        .map_err(|_| SealError::CannotOpen)?;
    let mut bytes = Zeroizing::new(Vec::new());
    reader.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|_| SealError::Damaged)?;
    if bytes.len() > limit { Err(SealError::TooLarge { limit }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_recipients_open() {
        let (mine, theirs) = (SealingIdentity::generate(), SealingIdentity::generate());
        let sealed = seal(b"household", &[&mine.recipient()]).unwrap();
        assert_eq!(open(&sealed, &mine, 64).unwrap().as_slice(), b"household");
        assert!(matches!(open(&sealed, &theirs, 64), Err(SealError::CannotOpen)));
        assert!(matches!(open(&sealed, &mine, 4), Err(SealError::TooLarge { limit: 4 })));
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(matches!(open(&damaged, &mine, 64), Err(SealError::Damaged)));
        let again = SealingIdentity::from_secret(&mine.secret()).unwrap();
        assert_eq!(again.recipient(), mine.recipient());
    }

    #[test]
    fn a_key_has_one_identity_and_another_key_another() {
        let identity = |byte| SealingIdentity::of(&SeatKey::from_secret(&[byte; 32]));
        let sealed = seal(b"bundle", &[&identity(1).recipient()]).unwrap();
        assert_eq!(open(&sealed, &identity(1), 64).unwrap().as_slice(), b"bundle");
        assert!(matches!(open(&sealed, &identity(2), 64), Err(SealError::CannotOpen)));
    }
}
