//! What a deployment is, and what the core is handed from outside.

use record_doc::Merger;
use record_model::{DeploymentId, Instant, LogId};
use signed_delta::SeatKey;
use signed_delta::seal::SealingIdentity;

/// Clock, randomness and where merges run, handed in so that tests and simulations own them.
pub trait Surroundings: Send + Sync {
    /// The server's clock.
    fn now(&self) -> Instant;

    /// Fills with secret random bytes.
    fn fill_random(&self, bytes: &mut [u8]);

    /// Merges foreign changes. A server that takes work from others merges in child processes.
    fn merger(&self) -> &dyn Merger;
}

/// Fixed-size random bytes.
pub(crate) fn random<const N: usize>(surroundings: &dyn Surroundings) -> [u8; N] {
    let mut bytes = [0; N];
    surroundings.fill_random(&mut bytes);
    bytes
}

/// What a deployment is, fixed when it is founded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeploymentFacts {
    /// Its id. Signatures of another deployment never fit.
    pub deployment: DeploymentId,
    /// Its log's id.
    pub log: LogId,
    /// True for practice: a banner everywhere, refused by production.
    pub training: bool,
    /// The age recipient of the recovery key; its secret half is kept off the server.
    pub recovery_recipient: String,
    /// Prefix of registration numbers, two capital letters.
    pub registration_prefix: String,
}

/// The server's own keys. Kept by the caller, apart from the database, so that a backup of one is not both.
pub struct RegistryKeys {
    /// The anchor: certifies seats, signs receipts, outcomes, publications.
    pub registry: SeatKey,
    /// The seat through which supervisors at the server decide.
    pub desk: SeatKey,
}

impl RegistryKeys {
    /// Opens what is sealed to the registry: bundles.
    pub fn sealing_identity(&self) -> SealingIdentity {
        SealingIdentity::of(&self.registry)
    }
}

impl std::fmt::Debug for RegistryKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RegistryKeys(redacted)")
    }
}
