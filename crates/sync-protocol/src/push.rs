//! The laptop's half of one push.

use std::collections::BTreeMap;

use record_model::{DeltaHash, DeploymentId, EpochId, Instant, ReasonCode, SeatId};
use signed_delta::{PublicKey, Receipt};

use crate::limits::{
    MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_DELTAS, RETRY_DELAY_MS,
};
use crate::message::PushBatch;

/// One delta that no receipt covers yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Whose chain.
    pub seat: SeatId,
    /// Which run.
    pub epoch: EpochId,
    /// Place in the chain.
    pub seq: u64,
    /// Its name.
    pub hash: DeltaHash,
    /// Its bytes.
    pub envelope: Vec<u8>,
}

/// What happened.
#[derive(Debug)]
pub enum PushEvent {
    /// The caller has a road to the server.
    Start,
    /// The rows asked for, in chain order, oldest first. Fewer than asked means there are no more.
    Outbox(Vec<OutboxEntry>),
    /// The server answered, or something that took its place did.
    Answer {
        /// HTTP status, or its like on other roads.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// The road broke before an answer came.
    Disconnected,
}

/// What to do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum PushEffect {
    /// Read this many of the oldest undelivered deltas.
    LoadOutbox {
        /// At most so many.
        limit: usize,
    },
    /// Send this as the body of a push.
    Post(Vec<u8>),
    /// Write down, durably, before anything else: what was sent is delivered; what the receipt refuses is set aside
    /// with its reason and not sent again.
    MarkDelivered {
        /// The verified receipt, which answers exactly what was sent.
        receipt: Box<Receipt>,
        /// What was sent and is in the log now.
        delivered: Vec<DeltaHash>,
        /// What was sent and refused, with the reason.
        refused: Vec<(DeltaHash, ReasonCode)>,
    },
    /// Nothing more can be done now; try again then.
    WakeAt(Instant),
    /// All is delivered.
    Finish,
    /// The answer is no answer of ours; nothing is delivered, nothing is lost.
    Fail(PushFailure),
}

/// Why a push ended without delivering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushFailure {
    /// A page that is not ours answered: a login page of a Wi-Fi network, a proxy.
    #[error(
        "something other than the Lakou server answered (status {status}): often a Wi-Fi login page; nothing was sent"
    )]
    NotOurs {
        /// Its status.
        status: u16,
    },
    /// The server refused the request itself.
    #[error("the server refused (status {status}, {code})")]
    Refused {
        /// Its status.
        status: u16,
        /// The problem's stable code, or empty.
        code: String,
    },
    /// The receipt is signed by another registry, or answers another batch than the one sent.
    #[error(
        "the answer is not this deployment's registry's receipt for what was sent; nothing counts as delivered"
    )]
    UntrustedReceipt,
}

/// The oldest of what waits, as one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedBatch {
    /// The push batch.
    pub bytes: Vec<u8>,
    /// What its receipt will name it by.
    pub digest: [u8; 32],
    /// What is in it, in order.
    pub sent: Vec<DeltaHash>,
}

impl PackedBatch {
    /// As many of these, from the first, as one batch carries; none when there are none.
    pub fn pack(mut entries: Vec<OutboxEntry>) -> Option<Self> {
        if entries.is_empty() {
            return None;
        }
        let mut size = 0;
        let fit = entries
            .iter()
            .take_while(|entry| {
                size += entry.envelope.len() + 8;
                size < MAX_BATCH_DECOMPRESSED_BYTES
            })
            .count();
        entries.truncate(fit.max(1));
        let mut sent: Vec<DeltaHash> = entries.iter().map(|entry| entry.hash).collect();
        let mut batch = PushBatch { envelopes: entries.into_iter().map(|entry| entry.envelope).collect() };
        let mut bytes = batch.encode();
        // Poorly compressible answers: less, until the piece is small enough for the line.
        while bytes.len() > MAX_BATCH_COMPRESSED_BYTES && batch.envelopes.len() > 1 {
            batch.envelopes.truncate(fitting(batch.envelopes.len(), bytes.len()));
            bytes = batch.encode();
        }
        sent.truncate(batch.envelopes.len());
        Some(Self { digest: batch.digest(), bytes, sent })
    }
}

#[derive(Debug)]
enum State {
    Idle,
    Loading,
    AwaitingReceipt { batch: [u8; 32], sent: Vec<DeltaHash> },
    Done,
}

/// The laptop's half of one push. Reads no clock, opens no socket, writes no row.
#[derive(Debug)]
pub struct PushSession {
    deployment: DeploymentId,
    registry: PublicKey,
    batch_limit: usize,
    state: State,
}

impl PushSession {
    /// For a device of this deployment.
    pub fn new(deployment: DeploymentId, registry: PublicKey) -> Self {
        Self { deployment, registry, batch_limit: MAX_BATCH_DELTAS, state: State::Idle }
    }

    /// Waits for the receipt of a batch that left by a bundle, whenever it comes.
    pub fn awaiting(deployment: DeploymentId, registry: PublicKey, left: PackedBatch) -> Self {
        let PackedBatch { digest: batch, sent, .. } = left;
        Self { state: State::AwaitingReceipt { batch, sent }, ..Self::new(deployment, registry) }
    }

    /// Takes an event, gives what to do next.
    pub fn handle(&mut self, now: Instant, event: PushEvent) -> Vec<PushEffect> {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Done, _) => vec![],
            (State::Idle, PushEvent::Start) => self.load(),
            (State::Loading, PushEvent::Outbox(entries)) => self.send(entries),
            (State::AwaitingReceipt { batch, sent }, PushEvent::Answer { status, body }) => {
                self.receive(batch, sent, status, &body)
            }
            // The answer is lost, not the work: the server knows what it has, and the next receipt says so.
            (State::AwaitingReceipt { .. } | State::Loading | State::Idle, PushEvent::Disconnected) => {
                self.state = State::Idle;
                vec![PushEffect::WakeAt(now.plus_ms(RETRY_DELAY_MS))]
            }
            // A late answer of an earlier connection: the next one repeats what it said.
            (state @ (State::Idle | State::Loading), PushEvent::Answer { .. }) => self.stay(state),
            (state @ (State::Loading | State::AwaitingReceipt { .. }), PushEvent::Start) => self.stay(state),
            // Rows that nobody asked for.
            (state @ (State::Idle | State::AwaitingReceipt { .. }), PushEvent::Outbox(_)) => self.stay(state),
        }
    }

    fn stay(&mut self, state: State) -> Vec<PushEffect> {
        self.state = state;
        vec![]
    }

    fn load(&mut self) -> Vec<PushEffect> {
        self.state = State::Loading;
        vec![PushEffect::LoadOutbox { limit: self.batch_limit }]
    }

    fn send(&mut self, entries: Vec<OutboxEntry>) -> Vec<PushEffect> {
        let Some(PackedBatch { bytes, digest: batch, sent }) = PackedBatch::pack(entries) else {
            return vec![PushEffect::Finish];
        };
        self.state = State::AwaitingReceipt { batch, sent };
        vec![PushEffect::Post(bytes)]
    }

    fn receive(
        &mut self,
        batch: [u8; 32],
        sent: Vec<DeltaHash>,
        status: u16,
        body: &[u8],
    ) -> Vec<PushEffect> {
        let failure = match status {
            // Only 201 with a valid receipt is success: a captive portal answers 200.
            201 => match Receipt::decode_and_verify(body, self.deployment, &self.registry) {
                Ok(receipt) if receipt.batch == batch => return self.deliver(sent, receipt),
                Ok(_) | Err(_) => PushFailure::UntrustedReceipt,
            },
            400..=599 => match problem_code(body) {
                Some(code) => PushFailure::Refused { status, code },
                None => PushFailure::NotOurs { status },
            },
            _ => PushFailure::NotOurs { status },
        };
        vec![PushEffect::Fail(failure)]
    }

    fn deliver(&mut self, sent: Vec<DeltaHash>, receipt: Receipt) -> Vec<PushEffect> {
        let refusals: BTreeMap<usize, ReasonCode> =
            receipt.refusals.iter().map(|refusal| (refusal.index as usize, refusal.reason)).collect();
        let (mut delivered, mut refused) = (Vec::with_capacity(sent.len()), Vec::new());
        for (index, hash) in sent.into_iter().enumerate() {
            match refusals.get(&index) {
                Some(reason) => refused.push((hash, *reason)),
                None => delivered.push(hash),
            }
        }
        let mut effects = vec![PushEffect::MarkDelivered { receipt: Box::new(receipt), delivered, refused }];
        effects.extend(self.load());
        effects
    }
}

/// How many of so many frames to try next, when all of them compressed to too many bytes.
fn fitting(frames: usize, bytes: usize) -> usize {
    // A little less than in proportion, so that one more attempt is enough.
    let proportional = frames * (MAX_BATCH_COMPRESSED_BYTES / 100 * 95) / bytes;
    proportional.clamp(1, frames - 1)
}

/// The `code` of a problem body (`application/problem+json`), found without a JSON parser: our server writes it as
/// `"code":"…"`.
pub(crate) fn problem_code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"code\":\"")?;
    let (code, _) = rest.split_once('"')?;
    let plain = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.');
    plain.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use record_model::LogId;
    use signed_delta::{ChainEnd, Refusal, SeatKey, TreeHead};

    const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);
    const SEAT: SeatId = SeatId::from_bytes([2; 16]);
    const EPOCH: EpochId = EpochId::from_bytes([3; 8]);

    fn registry() -> SeatKey {
        SeatKey::from_secret(&[4; 32])
    }

    fn at(ms: i64) -> Instant {
        Instant::from_unix_ms(ms)
    }

    fn entry(seq: u64) -> OutboxEntry {
        let hash = DeltaHash::from_bytes([seq as u8; 32]);
        OutboxEntry { seat: SEAT, epoch: EPOCH, seq, hash, envelope: vec![seq as u8; 10] }
    }

    fn batch(seqs: &[u64]) -> [u8; 32] {
        PushBatch { envelopes: seqs.iter().map(|seq| entry(*seq).envelope).collect() }.digest()
    }

    fn receipt(seqs: &[u64], refusals: Vec<Refusal>) -> Receipt {
        let key = registry();
        let head = TreeHead::sign(&key, DEPLOYMENT, LogId::from_bytes([5; 16]), 9, [6; 32], at(1));
        let through_seq = seqs.last().copied().unwrap_or_default();
        let chains = vec![ChainEnd { seat: SEAT, epoch: EPOCH, through_seq }];
        Receipt::sign(&key, DEPLOYMENT, head, batch(seqs), chains, refusals, 0)
    }

    fn sent_two() -> PushSession {
        let mut session = PushSession::new(DEPLOYMENT, registry().public());
        assert_eq!(session.handle(at(0), PushEvent::Start), [PushEffect::LoadOutbox { limit: 500 }]);
        let effects = session.handle(at(0), PushEvent::Outbox(vec![entry(1), entry(2)]));
        assert!(matches!(&effects[..], [PushEffect::Post(_)]), "{effects:?}");
        session
    }

    #[test]
    fn a_receipt_makes_work_delivered_and_the_rest_is_loaded() {
        let mut session = sent_two();
        let receipt = receipt(&[1, 2], vec![]);
        let effects = session.handle(at(1), PushEvent::Answer { status: 201, body: receipt.encode() });
        let delivered = vec![entry(1).hash, entry(2).hash];
        let delivered = PushEffect::MarkDelivered { receipt: Box::new(receipt), delivered, refused: vec![] };
        assert_eq!(effects, [delivered, PushEffect::LoadOutbox { limit: 500 }]);
        assert_eq!(session.handle(at(2), PushEvent::Outbox(vec![])), [PushEffect::Finish]);
    }

    #[test]
    fn a_captive_portal_delivers_nothing() {
        for status in [200, 302, 204] {
            let effects =
                sent_two().handle(at(1), PushEvent::Answer { status, body: b"<html>login</html>".to_vec() });
            assert_eq!(effects, [PushEffect::Fail(PushFailure::NotOurs { status })]);
        }
        let ours = receipt(&[1, 2], vec![]).encode();
        let effects = sent_two().handle(at(1), PushEvent::Answer { status: 200, body: ours });
        assert_eq!(effects, [PushEffect::Fail(PushFailure::NotOurs { status: 200 })]);
    }

    #[test]
    fn a_receipt_of_another_registry_delivers_nothing() {
        let mut session = PushSession::new(DEPLOYMENT, SeatKey::from_secret(&[8; 32]).public());
        session.handle(at(0), PushEvent::Start);
        session.handle(at(0), PushEvent::Outbox(vec![entry(1)]));
        let effects =
            session.handle(at(1), PushEvent::Answer { status: 201, body: receipt(&[1], vec![]).encode() });
        assert_eq!(effects, [PushEffect::Fail(PushFailure::UntrustedReceipt)]);
    }

    #[test]
    fn a_lost_answer_sends_the_same_batch_again() {
        let mut session = sent_two();
        assert_eq!(
            session.handle(at(10), PushEvent::Disconnected),
            [PushEffect::WakeAt(at(10 + RETRY_DELAY_MS))]
        );
        assert_eq!(session.handle(at(20), PushEvent::Start), [PushEffect::LoadOutbox { limit: 500 }]);
    }

    #[test]
    fn a_refused_delta_is_named_and_does_not_stop_the_push() {
        let refusal = Refusal { index: 1, reason: ReasonCode::TooLarge };
        let mut session = sent_two();
        let effects = session
            .handle(at(1), PushEvent::Answer { status: 201, body: receipt(&[1, 2], vec![refusal]).encode() });
        let [PushEffect::MarkDelivered { delivered, refused, .. }, PushEffect::LoadOutbox { .. }] =
            &effects[..]
        else {
            panic!("{effects:?}")
        };
        assert_eq!(delivered[..], [entry(1).hash]);
        assert_eq!(refused[..], [(entry(2).hash, ReasonCode::TooLarge)]);
    }

    #[test]
    fn a_receipt_for_another_batch_delivers_nothing_and_refuses_nothing() {
        let refusal = Refusal { index: 0, reason: ReasonCode::Malformed };
        for other in [receipt(&[1], vec![]), receipt(&[2, 1], vec![]), receipt(&[7, 8], vec![refusal])] {
            let effects = sent_two().handle(at(1), PushEvent::Answer { status: 201, body: other.encode() });
            assert_eq!(effects, [PushEffect::Fail(PushFailure::UntrustedReceipt)]);
        }
    }

    #[test]
    fn a_receipt_that_comes_days_later_by_a_bundle_delivers_what_left_and_nothing_else() {
        let left = PackedBatch::pack(vec![entry(1), entry(2)]).unwrap();
        let mut session = PushSession::awaiting(DEPLOYMENT, registry().public(), left.clone());
        let of_another = PushEvent::Answer { status: 201, body: receipt(&[1], vec![]).encode() };
        assert_eq!(session.handle(at(1), of_another), [PushEffect::Fail(PushFailure::UntrustedReceipt)]);
        let mut session = PushSession::awaiting(DEPLOYMENT, registry().public(), left);
        let answer = PushEvent::Answer { status: 201, body: receipt(&[1, 2], vec![]).encode() };
        let effects = session.handle(at(2), answer);
        let [PushEffect::MarkDelivered { delivered, .. }, _] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(delivered[..], [entry(1).hash, entry(2).hash]);
    }

    #[test]
    fn a_batch_too_large_for_the_line_is_cut_to_what_fits() {
        let noise = |seq: u64| {
            let hashes = (0..64_u64).flat_map(|n| {
                record_model::hash_parts("noise", [seq.to_be_bytes().as_slice(), &n.to_be_bytes()])
            });
            OutboxEntry { envelope: hashes.collect(), ..entry(seq) }
        };
        let mut session = PushSession::new(DEPLOYMENT, registry().public());
        session.handle(at(0), PushEvent::Start);
        let effects = session.handle(at(0), PushEvent::Outbox((0..500).map(noise).collect()));
        let [PushEffect::Post(body)] = &effects[..] else { panic!("{effects:?}") };
        assert!((MAX_BATCH_COMPRESSED_BYTES * 9 / 10..=MAX_BATCH_COMPRESSED_BYTES).contains(&body.len()));
    }

    #[test]
    fn a_problem_is_told_by_its_code() {
        let body = br#"{"type":"about:blank","code":"log_unknown","status":409}"#.to_vec();
        let effects = sent_two().handle(at(1), PushEvent::Answer { status: 409, body });
        let refused = PushFailure::Refused { status: 409, code: "log_unknown".to_owned() };
        assert_eq!(effects, [PushEffect::Fail(refused)]);
    }
}
