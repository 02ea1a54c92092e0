//! Proof that what a receipt promised is in the registry's log.

use device_store::Delivery;
use record_model::{DeltaHash, Instant, RecordId, SeatId};
use signed_delta::{SignedDelta, TreeHead};
use sync_protocol::{DeltaPlace, MAX_BATCH_DELTAS, ProofFailure, ProofRequest, check_proof};

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::http::{PROVE_PATH, SignedRoad, Traffic, problem_code};
use crate::ports::Transport;
use crate::records::known_record;
use crate::sync::Anchor;

/// What is proven of one delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaProof {
    /// Which delta.
    pub delta: DeltaHash,
    /// Who signed it.
    pub seat: SeatId,
    /// True when nobody has promised yet that the registry has it: it waits on this laptop.
    pub waits: bool,
    /// Its place in the registry's log and when it came there; none: not proven.
    pub place: Option<(u64, Instant)>,
}

/// Every delta that this laptop holds about a record, and what is proven of it.
#[derive(Debug, Clone)]
pub struct RecordProof {
    /// The tree head it is proven under.
    pub head: TreeHead,
    /// In the order this laptop has them.
    pub deltas: Vec<DeltaProof>,
}

impl RecordProof {
    /// Deltas that the registry has promised to have, and cannot prove.
    pub fn missing(&self) -> usize {
        self.deltas.iter().filter(|delta| !delta.waits && delta.place.is_none()).count()
    }
}

impl Collector {
    /// Asks the registry to prove that its log has every delta of a record, and checks the proof: against the tree head kept,
    /// and against the bytes of each delta as they lie here.
    pub fn prove(
        &mut self,
        record: RecordId,
        transport: &mut dyn Transport,
    ) -> Result<RecordProof, CollectorError> {
        let log = self.store.read(|tx| {
            known_record(tx, record)?;
            Ok::<_, CollectorError>(tx.record_log(record)?)
        })?;
        let mut deltas = Vec::with_capacity(log.len());
        for entry in log {
            let waits = matches!(
                entry.origin,
                device_store::RecordDelta::Own { delivery: Delivery::ToSend | Delivery::Refused(_), .. }
            );
            if let Ok(delta) = SignedDelta::decode(&entry.envelope) {
                deltas.push((delta, waits));
            }
        }
        let mut proof: Option<RecordProof> = None;
        for chunk in deltas.chunks(MAX_BATCH_DELTAS) {
            let RecordProof { head, deltas } = self.prove_some(chunk, transport)?;
            match &mut proof {
                None => proof = Some(RecordProof { head, deltas }),
                Some(proof) => {
                    proof.head = head;
                    proof.deltas.extend(deltas);
                }
            }
        }
        proof.ok_or(CollectorError::Empty { record })
    }

    fn prove_some(
        &mut self,
        deltas: &[(SignedDelta, bool)],
        transport: &mut dyn Transport,
    ) -> Result<RecordProof, CollectorError> {
        let Anchor { deployment, registry, log, head, .. } = self.anchor()?;
        let place = |delta: &SignedDelta| {
            let header = delta.header();
            DeltaPlace { seat: header.seat, epoch: header.epoch, seq: header.seq, hash: delta.hash() }
        };
        let known_tree_size = head.as_ref().map_or(0, |head| head.size);
        let deltas_asked = deltas.iter().map(|(delta, _)| place(delta)).collect();
        let request = ProofRequest { log, known_tree_size, deltas: deltas_asked };
        let Self { store, ports, key, .. } = self;
        let mut traffic = Traffic::default();
        let (clock, traffic) = (ports.clock.as_ref(), &mut traffic);
        let mut road = SignedRoad { transport, key, deployment, log, clock, traffic };
        let answer = road.post(store, PROVE_PATH, &request.encode())?;
        if answer.status != 200 {
            return Err(match problem_code(&answer.body) {
                Some(code) => sync_protocol::PullFailure::Refused { status: answer.status, code },
                None => sync_protocol::PullFailure::NotOurs { status: answer.status },
            }
            .into());
        }
        let at_hand: Vec<SignedDelta> = deltas.iter().map(|(delta, _)| delta.clone()).collect();
        let proven = check_proof(deployment, &registry, head.as_ref(), &at_hand, &answer.body)?;
        // What was seen is kept: the next head must go on from it.
        store.write(|tx| tx.set_head(&proven.head.encode())).map_err(CollectorError::Store)?;
        let deltas = deltas.iter().map(|(delta, waits)| {
            let inclusion = proven.deltas.iter().find(|inclusion| inclusion.hash == delta.hash());
            DeltaProof {
                delta: delta.hash(),
                seat: delta.header().seat,
                waits: *waits,
                place: inclusion.map(|inclusion| (inclusion.log_index, inclusion.received_at)),
            }
        });
        Ok(RecordProof { deltas: deltas.collect(), head: proven.head })
    }
}

impl From<ProofFailure> for CollectorError {
    fn from(failure: ProofFailure) -> Self {
        use sync_protocol::PullFailure;
        match failure {
            ProofFailure::Untrusted => Self::Pull(PullFailure::UntrustedPage),
            ProofFailure::OtherLog { found } => Self::Pull(PullFailure::OtherLog { found }),
            ProofFailure::Inconsistent(error) => Self::Pull(PullFailure::Inconsistent(error)),
        }
    }
}
