//! A delta on its way from well-formed to proven.

use std::sync::Arc;

use record_model::{AreaCode, Class, DeltaHash, DeploymentId, EpochId, Hlc, ReasonCode, RecordId, SeatId};
use sha2::{Digest, Sha256};

use crate::body::{Act, Body, max_body_bytes};
use crate::cbor::{self, Canonical, CborError, Reader, Writer};
use crate::certificate::SeatCertificate;
use crate::header::{Header, MAX_HEADER_BYTES, NO_RECORD, hash_of};
use crate::keys::{PublicKey, Purpose, SeatKey, Signature};

/// What an author says before it is signed. The chain position is handed in by the store that owns the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which run of the seat's chain.
    pub epoch: EpochId,
    /// Place in the chain, from 1.
    pub seq: u64,
    /// Hash of the delta before; [`Header::NO_PREVIOUS`] at seq 1.
    pub prev_hash: DeltaHash,
    /// Record, generation and area, for a delta about a record.
    pub about: Option<(RecordId, u32, AreaCode)>,
    /// Who may see it.
    pub class: Class,
    /// A claim about time.
    pub hlc: Hlc,
    /// What is said.
    pub body: Body,
}

impl SeatKey {
    /// Signs a draft.
    pub fn sign_delta(&self, deployment: DeploymentId, draft: Draft) -> SignedDelta {
        let body = draft.body.encode();
        let (record, generation, area) = match draft.about {
            Some((record, generation, area)) => (record, generation, Some(area)),
            None => (NO_RECORD, 0, None),
        };
        let header = Header {
            kind: draft.body.act.kind(),
            seat: self.seat(),
            epoch: draft.epoch,
            seq: draft.seq,
            prev_hash: draft.prev_hash,
            record,
            generation,
            area,
            class: draft.class,
            hlc: draft.hlc,
            body_len: body.len() as u32,
            body_commit: commit(&body),
        };
        let header_bytes = header.encode();
        let signature = self.sign(Purpose::Delta, deployment, &header_bytes);
        SignedDelta { header, header_bytes, signature, body: Some(body) }
    }
}

fn commit(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// A delta as it came off the wire: well-formed bytes, nothing proven yet.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedDelta {
    header: Header,
    /// The received bytes: verified as they came, never re-encoded first.
    header_bytes: Vec<u8>,
    signature: Signature,
    /// None once erased by law.
    body: Option<Vec<u8>>,
}

/// Why bytes are not a delta.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The envelope, the header or the body.
    #[error(transparent)]
    Cbor(#[from] CborError),
}

/// Why a well-formed delta is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// No certificate for this seat here.
    #[error("no certificate for seat {seat}")]
    UnknownSeat {
        /// The seat it names.
        seat: SeatId,
    },
    /// The signature does not fit.
    #[error("the signature does not fit the key of seat {seat} in this deployment")]
    BadSignature {
        /// The seat it names.
        seat: SeatId,
    },
    /// The body is missing, or not what the header promised.
    #[error("the body of delta {delta} is not the one its header commits to")]
    BadCommitment {
        /// The delta.
        delta: DeltaHash,
    },
    /// The body is larger than its kind may be, or cannot be read.
    #[error("the body of delta {delta} cannot be read")]
    Body {
        /// The delta.
        delta: DeltaHash,
        /// Why.
        source: CborError,
    },
}

impl Unverified {
    /// The stable reason code.
    pub fn reason(&self) -> ReasonCode {
        match self {
            Self::UnknownSeat { .. } => ReasonCode::UnknownSeat,
            Self::BadSignature { .. } => ReasonCode::BadSignature,
            Self::BadCommitment { .. } => ReasonCode::BadCommitment,
            Self::Body { source: CborError::TooLarge { .. }, .. } => ReasonCode::TooLarge,
            Self::Body { .. } => ReasonCode::Malformed,
        }
    }
}

/// A seat as a verifier knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatStanding {
    /// Its newest certificate.
    pub certificate: SeatCertificate,
    /// The last (epoch, seq) that counts, once revoked; `Some(None)` when nothing counts.
    pub revoked_after: Option<Option<(EpochId, u64)>>,
}

impl SeatStanding {
    /// False for deltas after the seat's revocation: they are kept, and set aside. Epochs are random, so of one that is
    /// not the named last one only the part counts that was closed before it, which `was_closed_before` answers.
    pub fn counts(&self, epoch: EpochId, seq: u64, was_closed_before: impl FnOnce(EpochId) -> bool) -> bool {
        match self.revoked_after {
            None => true,
            Some(None) => false,
            Some(Some((last_epoch, last_seq))) if last_epoch == epoch => seq <= last_seq,
            Some(Some((last_epoch, _))) => was_closed_before(last_epoch),
        }
    }
}

/// Who is certified. Implemented by the side that keeps certificates.
pub trait Roster {
    /// This deployment's id.
    fn deployment(&self) -> DeploymentId;

    /// The registry's own key: the anchor, known without a certificate.
    fn registry_key(&self) -> PublicKey;

    /// What is known of a seat.
    fn standing(&self, seat: SeatId) -> Option<Arc<SeatStanding>>;
}

impl SignedDelta {
    /// The envelope bytes: `[header, signature, body]`.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Strict, bounded. Proves nothing.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(cbor::decode(bytes)?)
    }

    /// From stored parts, as [`SignedDelta::parts`] gave them.
    pub fn from_parts(
        header_bytes: Vec<u8>,
        signature: Signature,
        body: Option<Vec<u8>>,
    ) -> Result<Self, DecodeError> {
        let header = Header::decode(&header_bytes)?;
        Ok(Self { header, header_bytes, signature, body })
    }

    /// The stored parts: header bytes, signature, body unless erased.
    pub fn parts(&self) -> (&[u8], &Signature, Option<&[u8]>) {
        (&self.header_bytes, &self.signature, self.body.as_deref())
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The delta's name.
    pub fn hash(&self) -> DeltaHash {
        hash_of(&self.header_bytes)
    }

    /// Checks the seat, the signature, the commitment and the body's shape. Knows nothing of chains, areas or answers:
    /// those decide what becomes of a proven delta. No clock: a revocation names the last (epoch, seq) that counts.
    pub fn verify(self, roster: &dyn Roster) -> Result<VerifiedDelta, Unverified> {
        let seat = self.header.seat;
        let registry_key = roster.registry_key();
        let (key, standing) = if registry_key.seat() == seat {
            (registry_key, None)
        } else {
            let standing = roster.standing(seat).ok_or(Unverified::UnknownSeat { seat })?;
            (standing.certificate.public_key, Some(standing))
        };
        if !key.signed(Purpose::Delta, roster.deployment(), &self.header_bytes, &self.signature) {
            return Err(Unverified::BadSignature { seat });
        }
        let hash = self.hash();
        let Some(bytes) = self.body.as_deref() else { return Err(Unverified::BadCommitment { delta: hash }) };
        if bytes.len() != self.header.body_len as usize || commit(bytes) != self.header.body_commit {
            return Err(Unverified::BadCommitment { delta: hash });
        }
        let body = Body::decode(self.header.kind, bytes)
            .map_err(|source| Unverified::Body { delta: hash, source })?;
        Ok(VerifiedDelta { signed: self, body, hash, standing })
    }

    /// True when the signature fits this key: for auditing stored rows whose body may be erased.
    pub fn is_signed_by(&self, key: &PublicKey, deployment: DeploymentId) -> bool {
        key.signed(Purpose::Delta, deployment, &self.header_bytes, &self.signature)
    }

    /// True when the body is erased, or is the one the header commits to.
    pub fn body_fits(&self) -> bool {
        self.body.as_deref().is_none_or(|body| {
            body.len() == self.header.body_len as usize && commit(body) == self.header.body_commit
        })
    }
}

impl std::fmt::Debug for SignedDelta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Header { kind, seat, seq, .. } = &self.header;
        write!(f, "SignedDelta({kind}, seat {seat}, seq {seq})")
    }
}

impl Canonical for SignedDelta {
    const WHAT: &'static str = "delta";

    fn write(&self, e: &mut Writer<'_>) {
        e.array(3).bytes(&self.header_bytes).bytes(self.signature.as_bytes());
        e.option(self.body.as_ref(), |e, body| {
            e.bytes(body);
        });
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(3)?;
        let header_bytes = d.bytes()?;
        if header_bytes.len() > MAX_HEADER_BYTES {
            let found = header_bytes.len();
            return Err(CborError::TooLarge { what: Self::WHAT, found, limit: MAX_HEADER_BYTES });
        }
        let header = Header::decode(header_bytes)?;
        let signature = Signature::from_bytes(d.fixed()?);
        let body = d.option(|d| d.bytes())?;
        let limit = max_body_bytes(header.kind);
        match body {
            Some(body) if body.len() > limit => {
                Err(CborError::TooLarge { what: Self::WHAT, found: body.len(), limit })
            }
            body => Ok(Self {
                header,
                header_bytes: header_bytes.to_vec(),
                signature,
                body: body.map(<[u8]>::to_vec),
            }),
        }
    }
}

/// A delta whose signature matched a certified seat and whose body is the one its header commits to.
///
/// [`SignedDelta::verify`] is the only way to make one, and stores accept nothing else.
#[derive(Clone)]
pub struct VerifiedDelta {
    signed: SignedDelta,
    body: Body,
    hash: DeltaHash,
    standing: Option<Arc<SeatStanding>>,
}

impl VerifiedDelta {
    /// The delta as it came.
    pub fn signed(&self) -> &SignedDelta {
        &self.signed
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.signed.header
    }

    /// What it says.
    pub fn act(&self) -> &Act {
        &self.body.act
    }

    /// Its name.
    pub fn hash(&self) -> DeltaHash {
        self.hash
    }

    /// The certified seat that signed; none for the registry's own key.
    pub fn standing(&self) -> Option<&SeatStanding> {
        self.standing.as_deref()
    }

    /// True when the registry's own key signed.
    pub fn is_from_registry(&self) -> bool {
        self.standing.is_none()
    }
}

impl std::fmt::Debug for VerifiedDelta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verified{:?}", self.signed)
    }
}
