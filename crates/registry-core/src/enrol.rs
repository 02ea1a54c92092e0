//! Enrolment codes.

use data_encoding::BASE32_NOPAD;
use record_model::{AreaCode, DeploymentId, Instant, Lineage, Role, hash_parts};
use signed_delta::PublicKey;

/// Secret bytes in a code: 128 bits, nothing to guess.
pub const ENROLMENT_CODE_BYTES: usize = 16;

/// What an administrator says when inviting.
#[derive(Debug, Clone)]
pub struct InvitationDraft {
    /// The name suggested for the person.
    pub person: String,
    /// What the seat may do.
    pub role: Role,
    /// Where.
    pub areas: Vec<AreaCode>,
    /// Which forms; empty for all.
    pub lineages: Vec<Lineage>,
    /// For how long the code can be used.
    pub valid_ms: i64,
}

impl InvitationDraft {
    pub(crate) fn expires_at(&self, now: Instant) -> Instant {
        now.plus_ms(self.valid_ms)
    }
}

/// The text handed to the person: it names the deployment and its registry key, so that the laptop knows whom to believe
/// before it speaks to anybody.
///
/// `LAKOU1.` then base32 of deployment id (16) ‖ registry public key (32) ‖ secret (16).
pub fn enrolment_code(
    deployment: DeploymentId,
    registry: &PublicKey,
    secret: &[u8; ENROLMENT_CODE_BYTES],
) -> String {
    let bytes = [deployment.as_bytes().as_slice(), registry.as_bytes(), secret].concat();
    format!("LAKOU1.{}", BASE32_NOPAD.encode(&bytes))
}

/// What the server keeps of a code.
pub fn hash_of_code(secret: &[u8; ENROLMENT_CODE_BYTES]) -> [u8; 32] {
    hash_parts("lakou/enrolment-code/v1", [secret.as_slice()])
}
