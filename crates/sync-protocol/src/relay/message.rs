//! What two laptops say to each other once they are paired, and what the server answers to a carried part.

use record_model::{DeploymentId, SeatId};
use sha2::{Digest, Sha256};
use signed_delta::{PublicKey, SeatKey, Signature, sign_relay, verify_relay};

use crate::limits::{MAX_CARRIED_PART_BYTES, MAX_RELAY_PARTS};
use crate::message::{INFALLIBLE, MessageError, begin, encoder, finish, fixed, list_len};

/// A part as it is spoken of before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartOffer {
    /// Of all its bytes.
    pub sha256: [u8; 32],
    /// How many they are.
    pub size_bytes: u64,
}

impl PartOffer {
    /// Of these bytes.
    pub fn of(part: &[u8]) -> Self {
        Self { sha256: Sha256::digest(part).into(), size_bytes: part.len() as u64 }
    }

    const BYTES: usize = 40;
}

/// Why a relay would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayRefusal {
    /// It serves another deployment: practice instead of production, for one.
    OtherDeployment,
    /// It carries as much as it may.
    Full,
    /// A part, or something that is none, that it does not carry.
    NotCarried,
    /// The seat did not prove itself.
    Unproven,
    /// Its own trouble: a full disk, for one.
    Trouble,
}

impl RelayRefusal {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::OtherDeployment, Self::Full, Self::NotCarried, Self::Unproven, Self::Trouble];

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::OtherDeployment => 1,
            Self::Full => 2,
            Self::NotCarried => 3,
            Self::Unproven => 4,
            Self::Trouble => 5,
        }
    }

    /// The stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherDeployment => "other_deployment",
            Self::Full => "full",
            Self::NotCarried => "not_carried",
            Self::Unproven => "unproven",
            Self::Trouble => "trouble",
        }
    }
}

/// A seat's proof that it is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatProof {
    deployment: DeploymentId,
    key: [u8; 32],
    signature: Signature,
}

impl SeatProof {
    /// Signs the connection.
    pub fn sign(key: &SeatKey, deployment: DeploymentId, binding: &[u8; 32]) -> Self {
        let signature = sign_relay(key, deployment, binding);
        Self { deployment, key: *key.public().as_bytes(), signature }
    }

    /// The seat, if it proved itself. A seat's id follows from its key, so no list of seats is needed.
    pub(super) fn verify(
        &self,
        deployment: DeploymentId,
        binding: &[u8; 32],
    ) -> Result<SeatId, RelayRefusal> {
        if self.deployment != deployment {
            return Err(RelayRefusal::OtherDeployment);
        }
        let key = PublicKey::from_bytes(&self.key).map_err(|_| RelayRefusal::Unproven)?;
        let signed = verify_relay(&key, deployment, binding, &self.signature);
        if signed { Ok(key.seat()) } else { Err(RelayRefusal::Unproven) }
    }
}

/// One frame's content: `[1, u kind, b body]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RelayMessage {
    /// Who is there.
    Seat(Box<SeatProof>),
    /// Go on.
    Welcome,
    /// Parts that could be sent.
    Offer(Vec<PartOffer>),
    /// Those of them that are not here yet, by their place.
    Want(Vec<u16>),
    /// The next bytes of the part at hand.
    Chunk(Vec<u8>),
    /// It is on the disk.
    Stored([u8; 32]),
    /// What is there for this seat?
    Collect,
    /// This.
    Replies(Vec<PartOffer>),
    /// It was used.
    Taken([u8; 32]),
    /// It was not, and may stay.
    Left([u8; 32]),
    /// All done.
    Bye,
    /// No.
    Refused(RelayRefusal),
}

impl RelayMessage {
    const WHAT: &'static str = "relay message";

    pub(super) fn encode(&self) -> Vec<u8> {
        let offers = |offers: &[PartOffer]| {
            let mut body = Vec::with_capacity(offers.len() * PartOffer::BYTES);
            for offer in offers {
                body.extend(offer.sha256);
                body.extend(offer.size_bytes.to_be_bytes());
            }
            body
        };
        let (kind, body) = match self {
            Self::Seat(proof) => {
                (1, [proof.deployment.as_bytes().as_slice(), &proof.key, proof.signature.as_bytes()].concat())
            }
            Self::Welcome => (2, Vec::new()),
            Self::Offer(parts) => (3, offers(parts)),
            Self::Want(places) => (4, places.iter().flat_map(|place| place.to_be_bytes()).collect()),
            Self::Chunk(bytes) => (5, bytes.clone()),
            Self::Stored(part) => (6, part.to_vec()),
            Self::Collect => (7, Vec::new()),
            Self::Replies(parts) => (8, offers(parts)),
            Self::Taken(part) => (9, part.to_vec()),
            Self::Left(part) => (10, part.to_vec()),
            Self::Bye => (11, Vec::new()),
            Self::Refused(refusal) => (12, vec![refusal.code()]),
        };
        let mut out = Vec::with_capacity(body.len() + 8);
        encoder(&mut out, 3).u8(kind).and_then(|e| e.bytes(&body)).expect(INFALLIBLE);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut d = begin(Self::WHAT, bytes, 3).ok()?;
        let kind = d.u8().ok()?;
        let body = d.bytes().ok()?;
        finish(Self::WHAT, &d, bytes).ok()?;
        let hash = || <[u8; 32]>::try_from(body).ok();
        let empty = |message: Self| body.is_empty().then_some(message);
        match kind {
            1 => {
                let body = <&[u8; 112]>::try_from(body).ok()?;
                let (deployment, rest) = body.split_first_chunk::<16>()?;
                let (key, signature) = rest.split_first_chunk::<32>()?;
                Some(Self::Seat(Box::new(SeatProof {
                    deployment: DeploymentId::from_bytes(*deployment),
                    key: *key,
                    signature: Signature::from_bytes(signature.try_into().ok()?),
                })))
            }
            2 => empty(Self::Welcome),
            3 => offers(body).map(Self::Offer),
            4 => {
                let (places, rest) = body.as_chunks::<2>();
                let sound = rest.is_empty() && places.len() <= MAX_RELAY_PARTS;
                sound.then(|| Self::Want(places.iter().map(|place| u16::from_be_bytes(*place)).collect()))
            }
            5 => Some(Self::Chunk(body.to_vec())),
            6 => hash().map(Self::Stored),
            7 => empty(Self::Collect),
            8 => offers(body).map(Self::Replies),
            9 => hash().map(Self::Taken),
            10 => hash().map(Self::Left),
            11 => empty(Self::Bye),
            12 => {
                let [code] = <[u8; 1]>::try_from(body).ok()?;
                RelayRefusal::ALL.into_iter().find(|refusal| refusal.code() == code).map(Self::Refused)
            }
            _ => None,
        }
    }
}

fn offers(body: &[u8]) -> Option<Vec<PartOffer>> {
    let (entries, rest) = body.as_chunks::<{ PartOffer::BYTES }>();
    if !rest.is_empty() || entries.len() > MAX_RELAY_PARTS {
        return None;
    }
    let read = |entry: &[u8; PartOffer::BYTES]| {
        let (sha256, size) = entry.split_first_chunk::<32>()?;
        let size_bytes = u64::from_be_bytes(size.try_into().ok()?);
        Some(PartOffer { sha256: *sha256, size_bytes })
    };
    entries.iter().map(read).collect()
}

/// The server's answer to a part that a laptop carried to it: that it took it, and what goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedAnswer {
    /// SHA-256 of the part that was taken: an answer to something else is none.
    pub part: [u8; 32],
    /// Sealed parts for the one who packed it.
    pub replies: Vec<Vec<u8>>,
}

impl CarriedAnswer {
    const WHAT: &'static str = "answer to a carried part";

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 3);
        e.bytes(&self.part).and_then(|e| e.array(self.replies.len() as u64)).expect(INFALLIBLE);
        for reply in &self.replies {
            e.bytes(reply).expect(INFALLIBLE);
        }
        out
    }

    /// Bounded in every direction.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        let shape = || MessageError::Shape { what };
        let mut d = begin(what, bytes, 3)?;
        let part = fixed(&mut d).map_err(|_| shape())?;
        let len = list_len(what, &mut d, MAX_RELAY_PARTS, "parts")?;
        let mut replies = Vec::with_capacity(len);
        for _ in 0..len {
            let reply = d.bytes().map_err(|_| shape())?;
            if reply.len() > MAX_CARRIED_PART_BYTES {
                return Err(MessageError::TooLarge { what, limit: MAX_CARRIED_PART_BYTES, unit: "bytes" });
            }
            replies.push(reply.to_vec());
        }
        finish(what, &d, bytes)?;
        Ok(Self { part, replies })
    }
}
