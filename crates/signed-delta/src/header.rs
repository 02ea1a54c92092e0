//! The header of a delta: what is signed (DESIGN section 5).

use record_model::{AreaCode, Class, DeltaHash, DeltaKind, EpochId, Hlc, RecordId, SeatId, hash_parts};

use crate::cbor::{self, Canonical, CborError, Reader, Writer};

/// The only version there is.
pub const HEADER_VERSION: u64 = 1;

/// No header is longer: thirteen bounded fields.
pub const MAX_HEADER_BYTES: usize = 256;

/// The signed part of a delta. Twelve facts and a commitment to the body, in this order on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the delta is.
    pub kind: DeltaKind,
    /// Who says it, on which device.
    pub seat: SeatId,
    /// Which run of the seat's chain.
    pub epoch: EpochId,
    /// Place in the chain, from 1.
    pub seq: u64,
    /// Hash of the delta before; 32 zero bytes at seq 1.
    pub prev_hash: DeltaHash,
    /// Which record; 16 zero bytes for a delta about no record.
    pub record: RecordId,
    /// Which generation of the record's history.
    pub generation: u32,
    /// Where the record lived when this was written; none for a delta about no record.
    pub area: Option<AreaCode>,
    /// Who may see the body.
    pub class: Class,
    /// A claim about time, for display and hints.
    pub hlc: Hlc,
    /// Length of the body in bytes.
    pub body_len: u32,
    /// SHA-256 of the body.
    pub body_commit: [u8; 32],
}

/// The record of deltas that are about no record.
pub(crate) const NO_RECORD: RecordId = RecordId::from_bytes([0; 16]);

impl Header {
    /// The `prev_hash` of the first delta of an epoch.
    pub const NO_PREVIOUS: DeltaHash = DeltaHash::from_bytes([0; 32]);

    /// The canonical bytes: what is signed and stored.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Strict: refuses whatever [`Header::encode`] would not have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        if bytes.len() > MAX_HEADER_BYTES {
            return Err(CborError::TooLarge {
                what: Self::WHAT,
                found: bytes.len(),
                limit: MAX_HEADER_BYTES,
            });
        }
        cbor::decode(bytes)
    }

    /// The delta's name.
    pub fn hash(&self) -> DeltaHash {
        hash_of(&self.encode())
    }

    /// The record this delta is about, if it is about one.
    pub fn about(&self) -> Option<RecordId> {
        (self.record != NO_RECORD).then_some(self.record)
    }
}

pub(crate) fn hash_of(header_bytes: &[u8]) -> DeltaHash {
    DeltaHash::from_bytes(hash_parts("lakou/delta-hash/v1", [header_bytes]))
}

impl Canonical for Header {
    const WHAT: &'static str = "delta header";

    fn write(&self, e: &mut Writer<'_>) {
        e.array(13)
            .uint(HEADER_VERSION)
            .uint(u64::from(self.kind.code()))
            .bytes(self.seat.as_bytes())
            .bytes(self.epoch.as_bytes())
            .uint(self.seq)
            .bytes(self.prev_hash.as_bytes())
            .bytes(self.record.as_bytes())
            .uint(u64::from(self.generation))
            .text(self.area.as_ref().map_or("", AreaCode::as_str))
            .uint(u64::from(self.class.code()))
            .uint(self.hlc.0)
            .uint(u64::from(self.body_len))
            .bytes(&self.body_commit);
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(13)?;
        d.version(HEADER_VERSION)?;
        let kind = d.uint()?;
        let kind = d.field("kind", u8::try_from(kind).ok().and_then(DeltaKind::from_code))?;
        let seat = SeatId::from_bytes(d.fixed()?);
        let epoch = EpochId::from_bytes(d.fixed()?);
        let seq = d.uint()?;
        d.field("seq", (seq >= 1).then_some(()))?;
        let prev_hash = DeltaHash::from_bytes(d.fixed()?);
        d.field("prev_hash", ((seq == 1) == (prev_hash == Self::NO_PREVIOUS)).then_some(()))?;
        let record = RecordId::from_bytes(d.fixed()?);
        let generation = d.u32()?;
        let area = d.text()?;
        let area = if area.is_empty() { None } else { Some(d.field("area", area.parse().ok())?) };
        let class = d.uint()?;
        let class = d.field("class", u8::try_from(class).ok().and_then(Class::from_code))?;
        let hlc = Hlc(d.uint()?);
        let body_len = d.u32()?;
        let body_commit = d.fixed()?;
        Ok(Self {
            kind,
            seat,
            epoch,
            seq,
            prev_hash,
            record,
            generation,
            area,
            class,
            hlc,
            body_len,
            body_commit,
        })
    }
}
