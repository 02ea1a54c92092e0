//! Messages. CBOR arrays under zstd; a frame inside them is a delta's envelope, byte for byte as its author signed it.

use std::io::Read;

use minicbor::{Decoder, Encoder};
use record_model::{DeploymentId, EpochId, Instant, LogId, PartsHasher, SeatId, hash_parts};
use signed_delta::{ChainEnd, Signature};

use crate::limits::{
    MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_DELTAS, MAX_HAVE_ENTRIES,
};

/// Why bytes are not the message they were taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not zstd.
    #[error("{what}: not a zstd frame, or cut short")]
    NotCompressed {
        /// Which message.
        what: &'static str,
    },
    /// Over a named limit.
    #[error("{what}: more than {limit} {unit}")]
    TooLarge {
        /// Which message.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Not of the expected shape.
    #[error("{what}: not the expected shape")]
    Shape {
        /// Which message.
        what: &'static str,
    },
    /// Another version.
    #[error("{what}: version {found}, this program knows 1")]
    UnknownVersion {
        /// Which message.
        what: &'static str,
        /// The version found.
        found: u64,
    },
}

/// zstd level 3: level 9 gains 6 % at several times the time.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("compressing from memory into memory cannot fail")
}

/// Stops as soon as the limit is passed, whatever the frame promises.
pub fn decompress(what: &'static str, bytes: &[u8], limit: usize) -> Result<Vec<u8>, MessageError> {
    let decoder =
        zstd::stream::read::Decoder::new(bytes).map_err(|_| MessageError::NotCompressed { what })?;
    let mut out = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut out).map_err(|_| MessageError::NotCompressed { what })?;
    if out.len() > limit {
        Err(MessageError::TooLarge { what, limit, unit: "decompressed bytes" })
    } else {
        Ok(out)
    }
}

pub(crate) const INFALLIBLE: &str = "writing CBOR into a Vec cannot fail";

pub(crate) fn encoder(out: &mut Vec<u8>, fields: u64) -> Encoder<&mut Vec<u8>> {
    let mut e = Encoder::new(out);
    e.array(fields).and_then(|e| e.u64(1)).expect(INFALLIBLE);
    e
}

/// Reads the array head and the version.
pub(crate) fn begin<'a>(
    what: &'static str,
    bytes: &'a [u8],
    fields: u64,
) -> Result<Decoder<'a>, MessageError> {
    let mut d = Decoder::new(bytes);
    let shape = MessageError::Shape { what };
    if d.array().map_err(|_| shape.clone())? != Some(fields) {
        return Err(shape);
    }
    match d.u64().map_err(|_| shape)? {
        1 => Ok(d),
        found => Err(MessageError::UnknownVersion { what, found }),
    }
}

pub(crate) fn finish(what: &'static str, d: &Decoder<'_>, bytes: &[u8]) -> Result<(), MessageError> {
    if d.position() == bytes.len() { Ok(()) } else { Err(MessageError::Shape { what }) }
}

pub(crate) fn list_len(
    what: &'static str,
    d: &mut Decoder<'_>,
    limit: usize,
    unit: &'static str,
) -> Result<usize, MessageError> {
    let len = d.array().ok().flatten().ok_or(MessageError::Shape { what })? as usize;
    if len > limit { Err(MessageError::TooLarge { what, limit, unit }) } else { Ok(len) }
}

/// Deltas on their way up, as envelopes. Each is judged on its own: one bad frame never blocks the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushBatch {
    /// Envelopes in chain order.
    pub envelopes: Vec<Vec<u8>>,
}

impl PushBatch {
    const WHAT: &'static str = "push batch";

    /// The bytes of a request's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 2);
        e.array(self.envelopes.len() as u64).expect(INFALLIBLE);
        for envelope in &self.envelopes {
            e.bytes(envelope).expect(INFALLIBLE);
        }
        compress(&out)
    }

    /// What a receipt names the batch by.
    pub fn digest(&self) -> [u8; 32] {
        hash_parts("lakou/push-batch/v1", self.envelopes.iter().map(Vec::as_slice))
    }

    /// Bounded in every direction.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        if bytes.len() > MAX_BATCH_COMPRESSED_BYTES {
            return Err(MessageError::TooLarge { what, limit: MAX_BATCH_COMPRESSED_BYTES, unit: "bytes" });
        }
        let plain = decompress(what, bytes, MAX_BATCH_DECOMPRESSED_BYTES)?;
        let mut d = begin(what, &plain, 2)?;
        let len = list_len(what, &mut d, MAX_BATCH_DELTAS, "deltas")?;
        let mut envelopes = Vec::with_capacity(len);
        for _ in 0..len {
            envelopes.push(d.bytes().map_err(|_| MessageError::Shape { what })?.to_vec());
        }
        finish(what, &d, &plain)?;
        Ok(Self { envelopes })
    }
}

/// "Everything after this cursor that my certificate allows and I do not have."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// The log the cursor belongs to; 16 zero bytes for a first pull.
    pub log: LogId,
    /// The last feed index stored; 0 for a first pull.
    pub cursor: u64,
    /// Size of the last tree head seen, so that the answer can prove that the log kept its beginning; 0 for none.
    pub known_tree_size: u64,
    /// Chains the device holds itself (its own seats'), so that they are not sent back.
    pub have: Vec<ChainEnd>,
}

impl PullRequest {
    const WHAT: &'static str = "pull request";

    /// The bytes of a request's body. Not compressed: it is small.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 5);
        e.bytes(self.log.as_bytes())
            .and_then(|e| e.u64(self.cursor))
            .and_then(|e| e.u64(self.known_tree_size))
            .and_then(|e| e.array(self.have.len() as u64))
            .expect(INFALLIBLE);
        for end in &self.have {
            e.array(3)
                .and_then(|e| e.bytes(end.seat.as_bytes()))
                .and_then(|e| e.bytes(end.epoch.as_bytes()))
                .and_then(|e| e.u64(end.through_seq))
                .expect(INFALLIBLE);
        }
        out
    }

    /// What the page that answers it names it by.
    pub fn digest(&self) -> [u8; 32] {
        hash_parts("lakou/pull-request/v1", [self.encode().as_slice()])
    }

    /// Bounded in every direction.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        let mut d = begin(what, bytes, 5)?;
        let request = read_pull_request(&mut d).map_err(|_| MessageError::Shape { what })?;
        let len = list_len(what, &mut d, MAX_HAVE_ENTRIES, "chains")?;
        let mut have = Vec::with_capacity(len);
        for _ in 0..len {
            have.push(read_chain_end(&mut d).map_err(|_| MessageError::Shape { what })?);
        }
        finish(what, &d, bytes)?;
        Ok(Self { have, ..request })
    }
}

pub(crate) fn fixed<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], minicbor::decode::Error> {
    d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("wrong length"))
}

fn read_pull_request(d: &mut Decoder<'_>) -> Result<PullRequest, minicbor::decode::Error> {
    Ok(PullRequest {
        log: LogId::from_bytes(fixed(d)?),
        cursor: d.u64()?,
        known_tree_size: d.u64()?,
        have: Vec::new(),
    })
}

fn read_chain_end(d: &mut Decoder<'_>) -> Result<ChainEnd, minicbor::decode::Error> {
    if d.array()? != Some(3) {
        return Err(minicbor::decode::Error::message("not a chain"));
    }
    Ok(ChainEnd {
        seat: SeatId::from_bytes(fixed(d)?),
        epoch: EpochId::from_bytes(fixed(d)?),
        through_seq: d.u64()?,
    })
}

/// One delta on its way down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledDelta {
    /// Its place in the feed: what a cursor counts.
    pub feed_index: u64,
    /// Its place in the log.
    pub log_index: u64,
    /// When the server received it.
    pub received_at: Instant,
    /// Byte for byte as its author signed it.
    pub envelope: Vec<u8>,
}

/// One page of a pull, signed with the request it answers: nobody on the way can leave a delta out, tell another place in
/// the log or move the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullPage {
    /// Rising feed index.
    pub deltas: Vec<PulledDelta>,
    /// Where to go on.
    pub next_cursor: u64,
    /// True when there is more behind `next_cursor`.
    pub more: bool,
    /// The signed tree head, encoded (`signed_delta::TreeHead`).
    pub head: Vec<u8>,
    /// Proof that the log of `known_tree_size` is its beginning; empty when nothing was known. Not signed: it proves itself.
    pub consistency: Vec<u8>,
    /// The registry's over [`PullPage::digest`].
    pub signature: Signature,
}

impl PullPage {
    const WHAT: &'static str = "pull page";

    /// The bytes of an answer's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 7);
        e.array(self.deltas.len() as u64).expect(INFALLIBLE);
        for delta in &self.deltas {
            e.array(4)
                .and_then(|e| e.u64(delta.feed_index))
                .and_then(|e| e.u64(delta.log_index))
                .and_then(|e| e.i64(delta.received_at.unix_ms()))
                .and_then(|e| e.bytes(&delta.envelope))
                .expect(INFALLIBLE);
        }
        e.u64(self.next_cursor)
            .and_then(|e| e.bool(self.more))
            .and_then(|e| e.bytes(&self.head))
            .and_then(|e| e.bytes(&self.consistency))
            .and_then(|e| e.bytes(self.signature.as_bytes()))
            .expect(INFALLIBLE);
        compress(&out)
    }

    /// What is signed: the request, each delta with its places and instant, the cursor, and the tree head.
    pub fn digest(&self, request: &[u8; 32]) -> [u8; 32] {
        let mut hasher = PartsHasher::new("lakou/pull-page/v1");
        hasher.add(request);
        hasher.add(&(self.deltas.len() as u64).to_be_bytes());
        for delta in &self.deltas {
            hasher.add(&delta.feed_index.to_be_bytes());
            hasher.add(&delta.log_index.to_be_bytes());
            hasher.add(&delta.received_at.unix_ms().to_be_bytes());
            hasher.add(&delta.envelope);
        }
        hasher.add(&self.next_cursor.to_be_bytes());
        hasher.add(&[u8::from(self.more)]);
        hasher.add(&self.head);
        hasher.finish()
    }

    /// Bounded in every direction.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        let plain = decompress(what, bytes, MAX_BATCH_DECOMPRESSED_BYTES)?;
        let mut d = begin(what, &plain, 7)?;
        let len = list_len(what, &mut d, MAX_BATCH_DELTAS, "deltas")?;
        let mut deltas = Vec::with_capacity(len);
        for _ in 0..len {
            deltas.push(read_pulled(&mut d).map_err(|_| MessageError::Shape { what })?);
        }
        let page = read_page_end(&mut d, deltas).map_err(|_| MessageError::Shape { what })?;
        finish(what, &d, &plain)?;
        Ok(page)
    }
}

fn read_pulled(d: &mut Decoder<'_>) -> Result<PulledDelta, minicbor::decode::Error> {
    if d.array()? != Some(4) {
        return Err(minicbor::decode::Error::message("not a pulled delta"));
    }
    Ok(PulledDelta {
        feed_index: d.u64()?,
        log_index: d.u64()?,
        received_at: Instant::from_unix_ms(d.i64()?),
        envelope: d.bytes()?.to_vec(),
    })
}

fn read_page_end(d: &mut Decoder<'_>, deltas: Vec<PulledDelta>) -> Result<PullPage, minicbor::decode::Error> {
    Ok(PullPage {
        deltas,
        next_cursor: d.u64()?,
        more: d.bool()?,
        head: d.bytes()?.to_vec(),
        consistency: d.bytes()?.to_vec(),
        signature: Signature::from_bytes(fixed(d)?),
    })
}

/// What a device is told when it is enrolled, signed by the registry key that the invitation named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolAnswer {
    /// Envelope of the certificate delta.
    pub certificate: Vec<u8>,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The registry's public key.
    pub registry_key: [u8; 32],
    /// The age recipient of the deployment's recovery key: each store's key is also sealed to it.
    pub recovery_recipient: String,
    /// True for a training deployment: a banner everywhere.
    pub training: bool,
    /// Prefix of registration numbers, two capital letters.
    pub registration_prefix: String,
    /// The age recipient that bundles for the registry are sealed to.
    pub server_recipient: String,
    /// The registry's over [`EnrolAnswer::digest`].
    pub signature: Signature,
}

impl EnrolAnswer {
    const WHAT: &'static str = "enrolment answer";

    /// The bytes of an answer's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 9);
        e.bytes(&self.certificate)
            .and_then(|e| e.bytes(self.deployment.as_bytes()))
            .and_then(|e| e.bytes(&self.registry_key))
            .and_then(|e| e.str(&self.recovery_recipient))
            .and_then(|e| e.bool(self.training))
            .and_then(|e| e.str(&self.registration_prefix))
            .and_then(|e| e.str(&self.server_recipient))
            .and_then(|e| e.bytes(self.signature.as_bytes()))
            .expect(INFALLIBLE);
        out
    }

    /// What is signed: the request as it was sent, and every other field.
    pub fn digest(&self, request: &[u8]) -> [u8; 32] {
        let parts: [&[u8]; 8] = [
            request,
            &self.certificate,
            self.deployment.as_bytes(),
            &self.registry_key,
            self.recovery_recipient.as_bytes(),
            &[u8::from(self.training)],
            self.registration_prefix.as_bytes(),
            self.server_recipient.as_bytes(),
        ];
        hash_parts("lakou/enrol-answer/v1", parts)
    }

    /// Strict in shape; believe nothing of it before its signature is verified.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        let mut d = begin(what, bytes, 9)?;
        let answer = read_enrol_answer(&mut d).map_err(|_| MessageError::Shape { what })?;
        finish(what, &d, bytes)?;
        Ok(answer)
    }
}

fn read_enrol_answer(d: &mut Decoder<'_>) -> Result<EnrolAnswer, minicbor::decode::Error> {
    Ok(EnrolAnswer {
        certificate: d.bytes()?.to_vec(),
        deployment: DeploymentId::from_bytes(fixed(d)?),
        registry_key: fixed(d)?,
        recovery_recipient: d.str()?.to_owned(),
        training: d.bool()?,
        registration_prefix: d.str()?.to_owned(),
        server_recipient: d.str()?.to_owned(),
        signature: Signature::from_bytes(fixed(d)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page() -> PullPage {
        PullPage {
            deltas: vec![PulledDelta {
                feed_index: 7,
                log_index: 9,
                received_at: Instant::from_unix_ms(-1),
                envelope: vec![1, 2, 3],
            }],
            next_cursor: 7,
            more: true,
            head: vec![4],
            consistency: vec![],
            signature: Signature::from_bytes([5; 64]),
        }
    }

    #[test]
    fn messages_come_back_as_they_were() {
        let batch = PushBatch { envelopes: vec![vec![1; 300], vec![]] };
        assert_eq!(PushBatch::decode(&batch.encode()), Ok(batch));
        assert_eq!(PullPage::decode(&page().encode()), Ok(page()));
        let request = PullRequest {
            log: LogId::from_bytes([1; 16]),
            cursor: 5,
            known_tree_size: 6,
            have: vec![ChainEnd {
                seat: SeatId::from_bytes([2; 16]),
                epoch: EpochId::from_bytes([3; 8]),
                through_seq: 4,
            }],
        };
        assert_eq!(PullRequest::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = compress(&vec![0; MAX_BATCH_DECOMPRESSED_BYTES + 1]);
        assert!(bomb.len() < 4096);
        let refused = PushBatch::decode(&bomb);
        assert!(
            matches!(refused, Err(MessageError::TooLarge { unit: "decompressed bytes", .. })),
            "{refused:?}"
        );
        let many = PushBatch { envelopes: vec![vec![]; MAX_BATCH_DELTAS + 1] };
        assert!(matches!(
            PushBatch::decode(&many.encode()),
            Err(MessageError::TooLarge { unit: "deltas", .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = PushBatch::decode(&bytes);
            let _ = PushBatch::decode(&compress(&bytes));
            let _ = PullPage::decode(&compress(&bytes));
            let _ = PullRequest::decode(&bytes);
            let _ = EnrolAnswer::decode(&bytes);
        }
    }
}
