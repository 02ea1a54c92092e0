//! The server's signed word: what it has, and the state of its log when it said so.

use record_model::{DeploymentId, EpochId, Instant, LogId, ReasonCode, SeatId};

use crate::cbor::{self, Canonical, CborError, Reader, Writer};
use crate::keys::{PublicKey, Purpose, SeatKey, Signature};

/// Size and root of the log's Merkle tree at an instant, signed. Devices keep the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// Which log.
    pub log: LogId,
    /// How many leaves.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: [u8; 32],
    /// When the server said so, by its clock.
    pub at: Instant,
    signature: Signature,
}

impl TreeHead {
    /// Signed by the registry.
    pub fn sign(
        key: &SeatKey,
        deployment: DeploymentId,
        log: LogId,
        size: u64,
        root: [u8; 32],
        at: Instant,
    ) -> Self {
        let mut head = Self { log, size, root, at, signature: Signature::from_bytes([0; 64]) };
        head.signature = key.sign(Purpose::TreeHead, deployment, &head.signed_bytes());
        head
    }

    fn signed_bytes(&self) -> Vec<u8> {
        cbor::encode(&Self { signature: Signature::from_bytes([0; 64]), ..self.clone() })
    }

    /// The bytes to send and to keep.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Decodes and verifies; nothing else reads a foreign tree head.
    pub fn decode_and_verify(
        bytes: &[u8],
        deployment: DeploymentId,
        registry: &PublicKey,
    ) -> Result<Self, UntrustedReceipt> {
        let head = cbor::decode::<Self>(bytes)?;
        let signed = head.signed_bytes();
        if registry.signed(Purpose::TreeHead, deployment, &signed, &head.signature) {
            Ok(head)
        } else {
            Err(UntrustedReceipt::BadSignature)
        }
    }
}

impl Canonical for TreeHead {
    const WHAT: &'static str = "tree head";

    fn write(&self, e: &mut Writer<'_>) {
        e.array(6)
            .uint(1)
            .bytes(self.log.as_bytes())
            .uint(self.size)
            .bytes(&self.root)
            .int(self.at.unix_ms());
        e.bytes(self.signature.as_bytes());
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(6)?;
        d.version(1)?;
        Ok(Self {
            log: LogId::from_bytes(d.fixed()?),
            size: d.uint()?,
            root: d.fixed()?,
            at: Instant::from_unix_ms(d.int()?),
            signature: Signature::from_bytes(d.fixed()?),
        })
    }
}

/// The end of the contiguous part of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnd {
    /// Whose chain.
    pub seat: SeatId,
    /// Which run.
    pub epoch: EpochId,
    /// Highest seq up to which the server has everything.
    pub through_seq: u64,
}

/// A delta the server would not take into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Its place in the batch, from 0: what it says of itself is not to be trusted.
    pub index: u32,
    /// Why.
    pub reason: ReasonCode,
}

/// Only this makes work delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The log's state that includes everything named here.
    pub head: TreeHead,
    /// Which batch it answers. Every frame of it is durable in the log, but for the refusals.
    pub batch: [u8; 32],
    /// For each chain in the batch, how far the server has it.
    pub chains: Vec<ChainEnd>,
    /// What was not taken.
    pub refusals: Vec<Refusal>,
    /// Deltas below this log index are in a backup; bodies may be purged on devices only below it.
    pub backed_up_through: u64,
    signature: Signature,
}

/// Why a receipt or tree head proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UntrustedReceipt {
    /// Not a receipt (a captive portal's page, for one).
    #[error(transparent)]
    Decode(#[from] CborError),
    /// Not signed by this deployment's registry.
    #[error("not signed by this deployment's registry")]
    BadSignature,
}

impl Receipt {
    /// Signed by the registry.
    pub fn sign(
        key: &SeatKey,
        deployment: DeploymentId,
        head: TreeHead,
        batch: [u8; 32],
        chains: Vec<ChainEnd>,
        refusals: Vec<Refusal>,
        backed_up_through: u64,
    ) -> Self {
        let signature = Signature::from_bytes([0; 64]);
        let mut receipt = Self { head, batch, chains, refusals, backed_up_through, signature };
        receipt.signature = key.sign(Purpose::Receipt, deployment, &receipt.signed_bytes());
        receipt
    }

    fn signed_bytes(&self) -> Vec<u8> {
        cbor::encode(&Self { signature: Signature::from_bytes([0; 64]), ..self.clone() })
    }

    /// The bytes to send and to keep.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Decodes and verifies both signatures.
    pub fn decode_and_verify(
        bytes: &[u8],
        deployment: DeploymentId,
        registry: &PublicKey,
    ) -> Result<Self, UntrustedReceipt> {
        let receipt = cbor::decode::<Self>(bytes)?;
        TreeHead::decode_and_verify(&receipt.head.encode(), deployment, registry)?;
        let signed = receipt.signed_bytes();
        if registry.signed(Purpose::Receipt, deployment, &signed, &receipt.signature) {
            Ok(receipt)
        } else {
            Err(UntrustedReceipt::BadSignature)
        }
    }
}

impl Canonical for Receipt {
    const WHAT: &'static str = "receipt";

    fn write(&self, e: &mut Writer<'_>) {
        e.array(7).uint(1);
        self.head.write(e);
        e.bytes(&self.batch);
        e.list(&self.chains, |e, end| {
            e.array(3).bytes(end.seat.as_bytes()).bytes(end.epoch.as_bytes()).uint(end.through_seq);
        });
        e.list(&self.refusals, |e, refusal| {
            e.array(2).uint(u64::from(refusal.index)).uint(u64::from(refusal.reason.code()));
        });
        e.uint(self.backed_up_through).bytes(self.signature.as_bytes());
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(7)?;
        d.version(1)?;
        Ok(Self {
            head: TreeHead::read(d)?,
            batch: d.fixed()?,
            chains: d.list(|d| {
                d.array(3)?;
                Ok(ChainEnd {
                    seat: SeatId::from_bytes(d.fixed()?),
                    epoch: EpochId::from_bytes(d.fixed()?),
                    through_seq: d.uint()?,
                })
            })?,
            refusals: d.list(|d| {
                d.array(2)?;
                let index = d.u32()?;
                let reason = d.uint()?;
                let reason = u16::try_from(reason).ok().and_then(ReasonCode::from_code);
                Ok(Refusal { index, reason: d.field("reason", reason)? })
            })?,
            backed_up_through: d.uint()?,
            signature: Signature::from_bytes(d.fixed()?),
        })
    }
}
