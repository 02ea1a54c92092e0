//! The invitation code: what a device must know before it speaks to anybody.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use record_model::DeploymentId;
use signed_delta::{PublicKey, SeatKey, code_key};

use crate::error::CollectorError;

const PREFIX: &str = "LAKOU1.";

/// `LAKOU1.` and base32 of: deployment id 16 ‖ registry public key 32 ‖ one-time secret 16.
///
/// Because it names the registry's key, whoever answers can be told from an impostor.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationCode {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The registry's own key.
    pub registry_key: PublicKey,
    secret: [u8; 16],
}

impl InvitationCode {
    /// From its parts.
    pub fn new(deployment: DeploymentId, registry_key: PublicKey, secret: [u8; 16]) -> Self {
        Self { deployment, registry_key, secret }
    }

    /// The key the secret stands for, which the request is signed with instead of showing the secret.
    pub fn key(&self) -> SeatKey {
        code_key(&self.secret)
    }

    /// The code as it is printed.
    pub fn render(&self) -> String {
        let bytes =
            [self.deployment.as_bytes().as_slice(), self.registry_key.as_bytes(), &self.secret].concat();
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes))
    }
}

impl FromStr for InvitationCode {
    type Err = CollectorError;

    /// Takes what people type: small letters, blanks and hyphens between groups.
    fn from_str(text: &str) -> Result<Self, CollectorError> {
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .take(256)
            .collect();
        let bytes = plain
            .strip_prefix(PREFIX)
            .and_then(|encoded| BASE32_NOPAD.decode(encoded.as_bytes()).ok())
            .filter(|bytes| bytes.len() == 64)
            .ok_or(CollectorError::InvitationCode)?;
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        let registry_key: [u8; 32] = part(16, 48).try_into().map_err(|_| CollectorError::InvitationCode)?;
        Ok(Self {
            deployment: DeploymentId::from_slice(part(0, 16)).ok_or(CollectorError::InvitationCode)?,
            registry_key: PublicKey::from_bytes(&registry_key).map_err(|_| CollectorError::InvitationCode)?,
            secret: part(48, 64).try_into().map_err(|_| CollectorError::InvitationCode)?,
        })
    }
}

/// The secret is not shown.
impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationCode(deployment {}, redacted)", self.deployment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_delta::SeatKey;

    fn code() -> InvitationCode {
        let registry_key = SeatKey::from_secret(&[4; 32]).public();
        InvitationCode::new(DeploymentId::from_bytes([1; 16]), registry_key, [9; 16])
    }

    #[test]
    fn a_code_survives_being_typed_by_hand() {
        let typed = code().render().to_lowercase();
        let (start, end) = typed.split_at(40);
        assert_eq!(format!(" {start} - {end}\n").parse::<InvitationCode>().unwrap(), code());
    }

    #[test]
    fn a_mistyped_code_is_refused_and_debug_hides_the_secret() {
        let good = code().render();
        for bad in ["", "LAKOU1.", "LAKOU2.AAAA", &good[..good.len() - 2], &format!("{good}AA")] {
            assert!(bad.parse::<InvitationCode>().is_err(), "{bad:?}");
        }
        assert!(!format!("{:?}", code()).contains(&BASE32_NOPAD.encode(&[9; 10])));
    }
}
