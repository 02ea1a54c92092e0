//! Each HTTP request is signed by the seat, so that a stolen session is worth nothing and a replay is seen; answers that
//! are not signed in themselves are signed by the registry together with the request they answer. A part of a bundle is
//! signed by whoever packed it, and a connection to a relay by the seat at its end.

use record_model::{DeploymentId, LogId};
use sha2::{Digest, Sha256};

use crate::keys::{PublicKey, Purpose, SeatKey, Signature};

/// What a request's signature covers.
#[derive(Debug, Clone, Copy)]
pub struct RequestToSign<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// Path and query as sent.
    pub path: &'a str,
    /// The body as sent.
    pub body: &'a [u8],
    /// The log the device believes it talks to; 16 zero bytes before it knows one.
    pub log: LogId,
    /// Rises with every request of the seat.
    pub counter: u64,
}

impl RequestToSign<'_> {
    fn bytes(&self) -> Vec<u8> {
        let body_hash: [u8; 32] = Sha256::digest(self.body).into();
        record_model::hash_parts(
            "lakou/request-parts/v1",
            [
                self.method.as_bytes(),
                self.path.as_bytes(),
                &body_hash,
                self.log.as_bytes(),
                &self.counter.to_be_bytes(),
            ],
        )
        .to_vec()
    }

    /// The seat's signature over all of it.
    pub fn sign(&self, key: &SeatKey, deployment: DeploymentId) -> Signature {
        key.sign(Purpose::Request, deployment, &self.bytes())
    }
}

/// True when the signature covers exactly this request.
pub fn verify_request(
    request: &RequestToSign<'_>,
    key: &PublicKey,
    deployment: DeploymentId,
    signature: &Signature,
) -> bool {
    key.signed(Purpose::Request, deployment, &request.bytes(), signature)
}

/// The registry's signature over an answer's digest, which covers the request it answers.
pub fn sign_answer(registry: &SeatKey, deployment: DeploymentId, digest: &[u8; 32]) -> Signature {
    registry.sign(Purpose::Answer, deployment, digest)
}

/// True when the registry signed this answer to this request.
pub fn verify_answer(
    registry: &PublicKey,
    deployment: DeploymentId,
    digest: &[u8; 32],
    signature: &Signature,
) -> bool {
    registry.signed(Purpose::Answer, deployment, digest, signature)
}

/// The packer's signature over the digest of a bundle's part.
pub fn sign_bundle(packer: &SeatKey, deployment: DeploymentId, digest: &[u8; 32]) -> Signature {
    packer.sign(Purpose::Bundle, deployment, digest)
}

/// True when this key packed the part with that digest.
pub fn verify_bundle(
    packer: &PublicKey,
    deployment: DeploymentId,
    digest: &[u8; 32],
    signature: &Signature,
) -> bool {
    packer.signed(Purpose::Bundle, deployment, digest, signature)
}

/// A seat's word, to a laptop that carries for others, that it is at the other end of this connection.
pub fn sign_relay(seat: &SeatKey, deployment: DeploymentId, binding: &[u8; 32]) -> Signature {
    seat.sign(Purpose::Relay, deployment, binding)
}

/// True when the holder of this key is at the other end of the connection with that binding.
pub fn verify_relay(
    seat: &PublicKey,
    deployment: DeploymentId,
    binding: &[u8; 32],
    signature: &Signature,
) -> bool {
    seat.signed(Purpose::Relay, deployment, binding, signature)
}
