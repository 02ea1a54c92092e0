//! Proof on demand: that deltas stand in the registry's log, under a tree head that goes on from the one kept.

use minicbor::Decoder;
use record_model::{DeltaHash, DeploymentId, EpochId, Instant, LogId, SeatId};
use signed_delta::{
    ConsistencyError, PublicKey, SignedDelta, TreeHead, leaf_hash, verify_consistency, verify_inclusion,
};

use crate::limits::{MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_DELTAS};
use crate::message::{INFALLIBLE, MessageError, begin, encoder, finish, fixed, list_len};

/// A place in a chain, and what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaPlace {
    /// Whose chain.
    pub seat: SeatId,
    /// Which run.
    pub epoch: EpochId,
    /// Place in it.
    pub seq: u64,
    /// Its name.
    pub hash: DeltaHash,
}

/// "Prove that these stand in your log."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRequest {
    /// The log the device follows; 16 zero bytes when it knows none.
    pub log: LogId,
    /// Size of the tree head it keeps; 0 for none.
    pub known_tree_size: u64,
    /// Which; at most [`MAX_BATCH_DELTAS`].
    pub deltas: Vec<DeltaPlace>,
}

impl ProofRequest {
    const WHAT: &'static str = "proof request";

    /// The bytes of a request's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 4);
        e.bytes(self.log.as_bytes())
            .and_then(|e| e.u64(self.known_tree_size))
            .and_then(|e| e.array(self.deltas.len() as u64))
            .expect(INFALLIBLE);
        for place in &self.deltas {
            e.array(4)
                .and_then(|e| e.bytes(place.seat.as_bytes()))
                .and_then(|e| e.bytes(place.epoch.as_bytes()))
                .and_then(|e| e.u64(place.seq))
                .and_then(|e| e.bytes(place.hash.as_bytes()))
                .expect(INFALLIBLE);
        }
        out
    }

    /// Bounded in every direction.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        let shape = |_| MessageError::Shape { what };
        let mut d = begin(what, bytes, 4)?;
        let log = LogId::from_bytes(fixed(&mut d).map_err(shape)?);
        let known_tree_size = d.u64().map_err(shape)?;
        let len = list_len(what, &mut d, MAX_BATCH_DELTAS, "deltas")?;
        let mut deltas = Vec::with_capacity(len);
        for _ in 0..len {
            deltas.push(read_place(&mut d).map_err(shape)?);
        }
        finish(what, &d, bytes)?;
        Ok(Self { log, known_tree_size, deltas })
    }
}

fn read_place(d: &mut Decoder<'_>) -> Result<DeltaPlace, minicbor::decode::Error> {
    if d.array()? != Some(4) {
        return Err(minicbor::decode::Error::message("not a place"));
    }
    Ok(DeltaPlace {
        seat: SeatId::from_bytes(fixed(d)?),
        epoch: EpochId::from_bytes(fixed(d)?),
        seq: d.u64()?,
        hash: DeltaHash::from_bytes(fixed(d)?),
    })
}

/// Where one delta stands in the log, and the way from its leaf to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Which delta.
    pub hash: DeltaHash,
    /// Its place in the log, from 1.
    pub log_index: u64,
    /// When the server received it, by its clock.
    pub received_at: Instant,
    /// RFC 6962 audit path, its hashes joined.
    pub proof: Vec<u8>,
}

/// What the server can prove of what was asked. Nothing of it is signed but the tree head: the rest proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofAnswer {
    /// The signed tree head, encoded.
    pub head: Vec<u8>,
    /// Proof that the log of `known_tree_size` is its beginning.
    pub consistency: Vec<u8>,
    /// One for each delta that the log has.
    pub inclusions: Vec<Inclusion>,
}

impl ProofAnswer {
    const WHAT: &'static str = "proof answer";

    /// The bytes of an answer's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 4);
        e.bytes(&self.head).and_then(|e| e.bytes(&self.consistency)).expect(INFALLIBLE);
        e.array(self.inclusions.len() as u64).expect(INFALLIBLE);
        for inclusion in &self.inclusions {
            e.array(4)
                .and_then(|e| e.bytes(inclusion.hash.as_bytes()))
                .and_then(|e| e.u64(inclusion.log_index))
                .and_then(|e| e.i64(inclusion.received_at.unix_ms()))
                .and_then(|e| e.bytes(&inclusion.proof))
                .expect(INFALLIBLE);
        }
        out
    }

    /// Bounded in every direction.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let what = Self::WHAT;
        if bytes.len() > MAX_BATCH_DECOMPRESSED_BYTES {
            return Err(MessageError::TooLarge { what, limit: MAX_BATCH_DECOMPRESSED_BYTES, unit: "bytes" });
        }
        let shape = |_| MessageError::Shape { what };
        let mut d = begin(what, bytes, 4)?;
        let head = d.bytes().map_err(shape)?.to_vec();
        let consistency = d.bytes().map_err(shape)?.to_vec();
        let len = list_len(what, &mut d, MAX_BATCH_DELTAS, "deltas")?;
        let mut inclusions = Vec::with_capacity(len);
        for _ in 0..len {
            inclusions.push(read_inclusion(&mut d).map_err(shape)?);
        }
        finish(what, &d, bytes)?;
        Ok(Self { head, consistency, inclusions })
    }
}

fn read_inclusion(d: &mut Decoder<'_>) -> Result<Inclusion, minicbor::decode::Error> {
    if d.array()? != Some(4) {
        return Err(minicbor::decode::Error::message("not an inclusion"));
    }
    Ok(Inclusion {
        hash: DeltaHash::from_bytes(fixed(d)?),
        log_index: d.u64()?,
        received_at: Instant::from_unix_ms(d.i64()?),
        proof: d.bytes()?.to_vec(),
    })
}

/// Why an answer proves nothing at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFailure {
    /// Not an answer of ours, or its tree head is not this registry's.
    #[error("the answer is not signed by this deployment's registry")]
    Untrusted,
    /// Another log than the one this device follows.
    #[error("the server has started another log (restored from a backup?)")]
    OtherLog {
        /// The log it names.
        found: LogId,
    },
    /// Rolled back, rewritten, or two-faced.
    #[error("the server's log is not the one this device saw before: {0}")]
    Inconsistent(ConsistencyError),
}

/// What an answer proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The tree head it is proven under; it goes on from the one kept.
    pub head: TreeHead,
    /// Those deltas of the ones at hand whose leaf is in that tree, with their place and instant.
    pub deltas: Vec<Inclusion>,
}

/// Checks an answer against the deltas at hand and the tree head kept. A delta whose proof does not lead to the root is not
/// among those proven, whatever the answer says.
pub fn check_proof(
    deployment: DeploymentId,
    registry: &PublicKey,
    known: Option<&TreeHead>,
    at_hand: &[SignedDelta],
    answer: &[u8],
) -> Result<Proven, ProofFailure> {
    let answer = ProofAnswer::decode(answer).map_err(|_| ProofFailure::Untrusted)?;
    let head = TreeHead::decode_and_verify(&answer.head, deployment, registry)
        .map_err(|_| ProofFailure::Untrusted)?;
    if let Some(known) = known {
        if known.log != head.log {
            return Err(ProofFailure::OtherLog { found: head.log });
        }
        verify_consistency((known.size, known.root), (head.size, head.root), &answer.consistency)
            .map_err(ProofFailure::Inconsistent)?;
    }
    let holds = |inclusion: &Inclusion| {
        let delta = at_hand.iter().find(|delta| delta.hash() == inclusion.hash);
        delta.zip(inclusion.log_index.checked_sub(1)).is_some_and(|(delta, index)| {
            let leaf = leaf_hash(delta, inclusion.log_index, inclusion.received_at);
            verify_inclusion((head.size, head.root), index, leaf, &inclusion.proof)
        })
    };
    let deltas = answer.inclusions.into_iter().filter(holds).collect();
    Ok(Proven { head, deltas })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use signed_delta::{Act, Body, Draft, EpochAct, Header, SeatKey, Tree};

    const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);
    const LOG: LogId = LogId::from_bytes([5; 16]);

    fn registry() -> SeatKey {
        SeatKey::from_secret(&[4; 32])
    }

    fn delta(byte: u8) -> SignedDelta {
        let draft = Draft {
            epoch: EpochId::from_bytes([byte; 8]),
            seq: 1,
            prev_hash: Header::NO_PREVIOUS,
            about: None,
            class: record_model::Class::Public,
            hlc: record_model::Hlc(0),
            body: Body { salt: [byte; 16], act: Act::Epoch(EpochAct { previous: None }) },
        };
        SeatKey::from_secret(&[byte; 32]).sign_delta(DEPLOYMENT, draft)
    }

    /// A log of these deltas, received one a millisecond.
    fn tree(deltas: &[SignedDelta]) -> Tree {
        let mut tree = Tree::new();
        for (delta, index) in deltas.iter().zip(1_u64..) {
            tree.push(leaf_hash(delta, index, Instant::from_unix_ms(index as i64)));
        }
        tree
    }

    fn head(tree: &Tree) -> TreeHead {
        TreeHead::sign(&registry(), DEPLOYMENT, LOG, tree.size(), tree.root(), Instant::from_unix_ms(9))
    }

    fn inclusion(tree: &Tree, delta: &SignedDelta, log_index: u64) -> Inclusion {
        let proof = tree.prove_inclusion(log_index - 1).unwrap();
        let received_at = Instant::from_unix_ms(log_index as i64);
        Inclusion { hash: delta.hash(), log_index, received_at, proof }
    }

    fn check(
        known: Option<&TreeHead>,
        at_hand: &[SignedDelta],
        answer: &ProofAnswer,
    ) -> Result<usize, ProofFailure> {
        check_proof(DEPLOYMENT, &registry().public(), known, at_hand, &answer.encode())
            .map(|proven| proven.deltas.len())
    }

    #[test]
    fn what_stands_in_the_log_is_proven_and_nothing_else_is() {
        let deltas: Vec<SignedDelta> = (10..17).map(delta).collect();
        let (before, now) = (tree(&deltas[..3]), tree(&deltas));
        let known = head(&before);
        let honest = ProofAnswer {
            head: head(&now).encode(),
            consistency: now.prove_consistency(3).unwrap(),
            inclusions: vec![inclusion(&now, &deltas[1], 2), inclusion(&now, &deltas[5], 6)],
        };
        assert_eq!(check(Some(&known), &deltas, &honest), Ok(2));
        // Another place, another instant, another delta under the same proof.
        let lies: [fn(&mut Inclusion, &SignedDelta); 4] = [
            |inclusion, _| inclusion.log_index += 1,
            |inclusion, _| inclusion.received_at = inclusion.received_at.plus_ms(1),
            |inclusion, other| inclusion.hash = other.hash(),
            |inclusion, _| inclusion.log_index = 0,
        ];
        for lie in lies {
            let mut answer = honest.clone();
            lie(&mut answer.inclusions[0], &deltas[3]);
            assert_eq!(check(Some(&known), &deltas, &answer), Ok(1));
        }
    }

    #[test]
    fn a_log_that_went_back_or_split_proves_nothing() {
        let deltas: Vec<SignedDelta> = (10..17).map(delta).collect();
        let now = tree(&deltas);
        let rolled_back =
            ProofAnswer { head: head(&tree(&deltas[..3])).encode(), consistency: vec![], inclusions: vec![] };
        assert!(matches!(
            check(Some(&head(&now)), &deltas, &rolled_back),
            Err(ProofFailure::Inconsistent(_))
        ));
        // Another view of the log, shown to this device alone.
        let mut other = deltas.clone();
        other[1] = delta(99);
        let split = tree(&other);
        let answer = ProofAnswer {
            head: head(&split).encode(),
            consistency: split.prove_consistency(3).unwrap(),
            inclusions: vec![inclusion(&split, &other[1], 2)],
        };
        let found = check(Some(&head(&tree(&deltas[..3]))), &other, &answer);
        assert_eq!(found, Err(ProofFailure::Inconsistent(ConsistencyError::Rewritten)));
        let forged = TreeHead::sign(
            &SeatKey::from_secret(&[7; 32]),
            DEPLOYMENT,
            LOG,
            7,
            now.root(),
            Instant::from_unix_ms(9),
        );
        let answer = ProofAnswer { head: forged.encode(), consistency: vec![], inclusions: vec![] };
        assert_eq!(check(None, &deltas, &answer), Err(ProofFailure::Untrusted));
    }

    #[test]
    fn messages_come_back_as_they_were() {
        let place = DeltaPlace {
            seat: SeatId::from_bytes([2; 16]),
            epoch: EpochId::from_bytes([3; 8]),
            seq: 4,
            hash: DeltaHash::from_bytes([5; 32]),
        };
        let request = ProofRequest { log: LOG, known_tree_size: 6, deltas: vec![place] };
        assert_eq!(ProofRequest::decode(&request.encode()), Ok(request));
        let tree = tree(&[delta(1), delta(2)]);
        let answer = ProofAnswer {
            head: vec![1],
            consistency: vec![],
            inclusions: vec![inclusion(&tree, &delta(1), 1)],
        };
        assert_eq!(ProofAnswer::decode(&answer.encode()), Ok(answer));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = ProofRequest::decode(&bytes);
            let _ = ProofAnswer::decode(&bytes);
        }
    }
}
