//! The laptop's half of one pull.

use record_model::{DeploymentId, Instant, LogId};
use signed_delta::{ChainEnd, ConsistencyError, PublicKey, TreeHead, verify_answer, verify_consistency};

use crate::limits::RETRY_DELAY_MS;
use crate::message::{PullPage, PullRequest, PulledDelta};
use crate::push::problem_code;

/// What happened.
#[derive(Debug)]
pub enum PullEvent {
    /// The caller has a road to the server.
    Start,
    /// The server answered, or something that took its place did.
    Answer {
        /// HTTP status, or its like on other roads.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// A bundle brought a page, and the request it answers, which this device made when it packed one, perhaps long ago;
    /// or a request from nothing, which the registry made in its place.
    Offered {
        /// The request, byte for byte.
        request: Vec<u8>,
        /// The page.
        page: Vec<u8>,
    },
    /// The page given with [`PullEffect::Store`] is durable.
    Stored,
    /// The road broke before an answer came.
    Disconnected,
}

/// What to do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum PullEffect {
    /// Send this as the body of a pull.
    Post(Vec<u8>),
    /// Write down in one transaction: the deltas, the cursor, the tree head. Then say [`PullEvent::Stored`].
    Store {
        /// In feed order; each still to be verified.
        deltas: Vec<PulledDelta>,
        /// The cursor behind them.
        cursor: u64,
        /// The verified head, consistent with the last one kept.
        head: Box<TreeHead>,
    },
    /// The page goes on from where this device has not come yet: an earlier part of the bundle is missing. Keep it, and
    /// offer it again when more has come.
    KeepForLater,
    /// Nothing more can be done now; try again then.
    WakeAt(Instant),
    /// All is here.
    Finish,
    /// Nothing was stored from this answer.
    Fail(PullFailure),
}

/// Why a pull ended early. What was stored before stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PullFailure {
    /// A page that is not ours answered.
    #[error("something other than the Lakou server answered (status {status}): often a Wi-Fi login page")]
    NotOurs {
        /// Its status.
        status: u16,
    },
    /// The server refused the request itself.
    #[error("the server refused (status {status}, {code})")]
    Refused {
        /// Its status.
        status: u16,
        /// The problem's stable code.
        code: String,
    },
    /// The page or its tree head is not signed by this deployment's registry, or answers another request.
    #[error("the answer is not signed by this deployment's registry")]
    UntrustedPage,
    /// The server promises more and gives nothing, or goes back.
    #[error(
        "the server's answer does not go on from where this device stood. Nothing was taken; tell head office"
    )]
    NoProgress,
    /// The server's log is not the one this device saw grow: rolled back, rewritten, or two-faced.
    #[error(
        "the server's log is not the one this device saw before: {0}. Nothing was taken; tell head office"
    )]
    Inconsistent(ConsistencyError),
    /// Another log than before, without a declaration that this device knows how to follow.
    #[error(
        "the server has started another log (restored from a backup?). Nothing was taken; tell head office"
    )]
    OtherLog {
        /// The log it names.
        found: LogId,
    },
}

/// A log that goes on from a backup of another, as the registry declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The log that ended.
    pub previous: LogId,
    /// How many of its entries go on: the fewest, where it was put back more than once.
    pub size: u64,
    /// The log that goes on.
    pub log: LogId,
}

#[derive(Debug)]
enum State {
    Idle,
    AwaitingPage { request: [u8; 32] },
    Storing { more: bool },
    Done,
}

/// The laptop's half of one pull. Reads no clock, opens no socket, writes no row.
#[derive(Debug)]
pub struct PullSession {
    deployment: DeploymentId,
    registry: PublicKey,
    cursor: u64,
    known: Option<TreeHead>,
    have: Vec<ChainEnd>,
    restored: Option<Restored>,
    state: State,
}

impl PullSession {
    /// Goes on after `cursor`; `known` is the last tree head kept, `have` the chains of the device's own seats.
    pub fn new(
        deployment: DeploymentId,
        registry: PublicKey,
        cursor: u64,
        known: Option<TreeHead>,
        have: Vec<ChainEnd>,
    ) -> Self {
        Self { deployment, registry, cursor, known, have, restored: None, state: State::Idle }
    }

    /// Goes on in a log that the registry declared to go on from the one this device knows.
    pub fn after(self, restored: Option<Restored>) -> Self {
        Self { restored, ..self }
    }

    /// Takes an event, gives what to do next.
    pub fn handle(&mut self, now: Instant, event: PullEvent) -> Vec<PullEffect> {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Done, _) => vec![],
            (State::Idle, PullEvent::Start) => self.ask(),
            (State::AwaitingPage { request }, PullEvent::Answer { status, body }) => {
                self.receive(request, status, &body)
            }
            (State::Idle, PullEvent::Offered { request, page }) => self.take_offered(&request, &page),
            (State::Storing { more: true }, PullEvent::Stored) => self.ask(),
            (State::Storing { more: false }, PullEvent::Stored) => vec![PullEffect::Finish],
            // Nothing stored is lost; the next pull goes on after the cursor.
            (State::Idle | State::AwaitingPage { .. }, PullEvent::Disconnected) => {
                self.state = State::Idle;
                vec![PullEffect::WakeAt(now.plus_ms(RETRY_DELAY_MS))]
            }
            // The page is here already: the road is not needed to store it.
            (
                state @ State::Storing { .. },
                PullEvent::Disconnected
                | PullEvent::Answer { .. }
                | PullEvent::Start
                | PullEvent::Offered { .. },
            ) => self.stay(state),
            // A late answer, or a word about a page nobody gave.
            (state @ State::Idle, PullEvent::Answer { .. } | PullEvent::Stored) => self.stay(state),
            (
                state @ State::AwaitingPage { .. },
                PullEvent::Start | PullEvent::Stored | PullEvent::Offered { .. },
            ) => self.stay(state),
        }
    }

    fn stay(&mut self, state: State) -> Vec<PullEffect> {
        self.state = state;
        vec![]
    }

    fn ask(&mut self) -> Vec<PullEffect> {
        let request = PullRequest {
            log: self.known.as_ref().map_or(LogId::from_bytes([0; 16]), |head| head.log),
            cursor: self.cursor,
            known_tree_size: self.known.as_ref().map_or(0, |head| head.size),
            have: self.have.clone(),
        };
        self.state = State::AwaitingPage { request: request.digest() };
        vec![PullEffect::Post(request.encode())]
    }

    fn receive(&mut self, request: [u8; 32], status: u16, body: &[u8]) -> Vec<PullEffect> {
        if status != 200 {
            let failure = match problem_code(body) {
                Some(code) if status >= 400 => PullFailure::Refused { status, code },
                _ => PullFailure::NotOurs { status },
            };
            return vec![PullEffect::Fail(failure)];
        }
        let Ok(page) = PullPage::decode(body) else {
            return vec![PullEffect::Fail(PullFailure::NotOurs { status })];
        };
        match self.check(&page, &request) {
            Ok(head) => {
                self.cursor = page.next_cursor;
                self.known = Some(head.clone());
                self.state = State::Storing { more: page.more };
                vec![PullEffect::Store {
                    deltas: page.deltas,
                    cursor: page.next_cursor,
                    head: Box::new(head),
                }]
            }
            Err(failure) => vec![PullEffect::Fail(failure)],
        }
    }

    /// A page of a bundle answers an old request. Meanwhile the device may have come further by another road: what it has
    /// is not stored twice, and a tree head older than the one it keeps does not take its place.
    fn take_offered(&mut self, request: &[u8], page: &[u8]) -> Vec<PullEffect> {
        let untrusted = || vec![PullEffect::Fail(PullFailure::UntrustedPage)];
        let (Ok(request), Ok(page)) = (PullRequest::decode(request), PullPage::decode(page)) else {
            return untrusted();
        };
        let head = match self.signed_head(&page, &request.digest()) {
            Ok(head) => head,
            Err(failure) => return vec![PullEffect::Fail(failure)],
        };
        if request.cursor > self.cursor {
            self.state = State::Idle;
            return vec![PullEffect::KeepForLater];
        }
        // The page leaves out what the request said the device had. If its store was put back to an earlier day since then, it
        // would never be sent what it lacks now: the next request says what it has.
        let has = |end: &ChainEnd| {
            self.have.iter().any(|own| {
                (own.seat, own.epoch) == (end.seat, end.epoch) && own.through_seq >= end.through_seq
            })
        };
        if !request.have.iter().all(has) {
            return vec![PullEffect::Finish];
        }
        // A page of the log that ended counts in a feed that is no more.
        if self.restored.is_some_and(|restored| restored.log != head.log) {
            return vec![PullEffect::Fail(PullFailure::OtherLog { found: head.log })];
        }
        let head = match &self.known {
            Some(known) if known.log != head.log && !self.goes_on(known, &head) => {
                return vec![PullEffect::Fail(PullFailure::OtherLog { found: head.log })];
            }
            Some(known) if known.log != head.log && self.has_seen_more(known) => head,
            Some(known) if known.size == request.known_tree_size => {
                match verify_consistency((known.size, known.root), (head.size, head.root), &page.consistency)
                {
                    Ok(()) => head,
                    Err(error) => return vec![PullEffect::Fail(PullFailure::Inconsistent(error))],
                }
            }
            Some(known) if known.size == head.size && known.root != head.root => {
                return vec![PullEffect::Fail(PullFailure::Inconsistent(ConsistencyError::Rewritten))];
            }
            // The device has come further by another road: its own head stays, and the next pull proves what follows it.
            Some(known) => known.clone(),
            None => head,
        };
        let brings_nothing = page.next_cursor <= self.cursor && self.known.as_ref() == Some(&head);
        if brings_nothing {
            return vec![PullEffect::Finish];
        }
        self.cursor = self.cursor.max(page.next_cursor);
        self.known = Some(head.clone());
        self.state = State::Storing { more: false };
        vec![PullEffect::Store { deltas: page.deltas, cursor: self.cursor, head: Box::new(head) }]
    }

    /// The page's tree head, when the registry signed both for this request.
    fn signed_head(&self, page: &PullPage, request: &[u8; 32]) -> Result<TreeHead, PullFailure> {
        if !verify_answer(&self.registry, self.deployment, &page.digest(request), &page.signature) {
            return Err(PullFailure::UntrustedPage);
        }
        TreeHead::decode_and_verify(&page.head, self.deployment, &self.registry)
            .map_err(|_| PullFailure::UntrustedPage)
    }

    /// True when the registry declared that the log of `head` goes on from that of `known`.
    fn goes_on(&self, known: &TreeHead, head: &TreeHead) -> bool {
        self.restored.is_some_and(|restored| {
            restored.previous == known.log && restored.log == head.log && head.size > restored.size
        })
    }

    /// The backup ended before what this device saw last: of that nothing is left to go on from.
    fn has_seen_more(&self, known: &TreeHead) -> bool {
        self.restored.is_some_and(|restored| known.size > restored.size)
    }

    fn check(&self, page: &PullPage, request: &[u8; 32]) -> Result<TreeHead, PullFailure> {
        let head = self.signed_head(page, request)?;
        // A cursor that stands still while more is promised would ask for ever.
        let goes_on = page.next_cursor > self.cursor || (page.next_cursor == self.cursor && !page.more);
        if !goes_on {
            return Err(PullFailure::NoProgress);
        }
        if self.restored.is_some_and(|restored| restored.log != head.log) {
            return Err(PullFailure::OtherLog { found: head.log });
        }
        if let Some(known) = &self.known {
            if known.log != head.log {
                if !self.goes_on(known, &head) {
                    return Err(PullFailure::OtherLog { found: head.log });
                }
                if self.has_seen_more(known) {
                    return Ok(head);
                }
            }
            verify_consistency((known.size, known.root), (head.size, head.root), &page.consistency)
                .map_err(PullFailure::Inconsistent)?;
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_delta::{SeatKey, Tree, sign_answer};

    const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);
    const LOG: LogId = LogId::from_bytes([5; 16]);

    fn registry() -> SeatKey {
        SeatKey::from_secret(&[4; 32])
    }

    fn at(ms: i64) -> Instant {
        Instant::from_unix_ms(ms)
    }

    fn tree(size: u8) -> Tree {
        let mut tree = Tree::new();
        (0..size).for_each(|n| tree.push([n; 32]));
        tree
    }

    fn head(size: u8) -> TreeHead {
        let tree = tree(size);
        TreeHead::sign(&registry(), DEPLOYMENT, LOG, tree.size(), tree.root(), at(1))
    }

    /// A session that waits for a page, and what it asked.
    struct Asked(PullSession, Vec<u8>);

    impl Asked {
        /// The page as the registry signs it for this request, then changed on the way.
        fn answered(&mut self, page: &PullPage, change: impl FnOnce(&mut PullPage)) -> Vec<PullEffect> {
            let request = PullRequest::decode(&self.1).unwrap().digest();
            let digest = page.digest(&request);
            let mut page =
                PullPage { signature: sign_answer(&registry(), DEPLOYMENT, &digest), ..page.clone() };
            change(&mut page);
            self.0.handle(at(1), PullEvent::Answer { status: 200, body: page.encode() })
        }

        fn goes_on(&mut self) {
            let effects = self.0.handle(at(1), PullEvent::Stored);
            let [PullEffect::Post(request)] = &effects[..] else { panic!("{effects:?}") };
            self.1.clone_from(request);
        }
    }

    fn page(head: &TreeHead, consistency: Vec<u8>, next_cursor: u64, more: bool) -> PullPage {
        let signature = signed_delta::Signature::from_bytes([0; 64]);
        PullPage { deltas: vec![], next_cursor, more, head: head.encode(), consistency, signature }
    }

    fn asked(known: Option<TreeHead>) -> Asked {
        let mut session = PullSession::new(DEPLOYMENT, registry().public(), 0, known, vec![]);
        let effects = session.handle(at(0), PullEvent::Start);
        let [PullEffect::Post(request)] = &effects[..] else { panic!("{effects:?}") };
        let request = request.clone();
        Asked(session, request)
    }

    fn same(_: &mut PullPage) {}

    #[test]
    fn pages_are_asked_for_until_there_are_no_more() {
        let mut session = asked(None);
        let store = PullEffect::Store { deltas: vec![], cursor: 8, head: Box::new(head(3)) };
        assert_eq!(session.answered(&page(&head(3), vec![], 8, true), same), [store]);
        session.goes_on();
        let proof = tree(5).prove_consistency(3).unwrap();
        session.answered(&page(&head(5), proof, 9, false), same);
        assert_eq!(session.0.handle(at(2), PullEvent::Stored), [PullEffect::Finish]);
    }

    #[test]
    fn a_page_changed_on_the_way_or_meant_for_another_request_stores_nothing() {
        let delta = PulledDelta { feed_index: 8, log_index: 9, received_at: at(1), envelope: vec![1] };
        let honest = PullPage { deltas: vec![delta], ..page(&head(3), vec![], 8, false) };
        let changes: [fn(&mut PullPage); 6] = [
            |page| page.deltas.clear(),
            |page| page.deltas[0].log_index = 1,
            |page| page.deltas[0].received_at = at(2),
            |page| page.next_cursor = 1_000_000_000,
            |page| page.more = true,
            |page| page.head = head(2).encode(),
        ];
        for change in changes {
            let effects = asked(None).answered(&honest, change);
            assert_eq!(effects, [PullEffect::Fail(PullFailure::UntrustedPage)]);
        }
        let mut replayed = asked(None);
        replayed.1 = PullRequest { cursor: 1, ..PullRequest::decode(&replayed.1).unwrap() }.encode();
        assert_eq!(replayed.answered(&honest, same), [PullEffect::Fail(PullFailure::UntrustedPage)]);
        assert!(matches!(&asked(None).answered(&honest, same)[..], [PullEffect::Store { .. }]));
    }

    #[test]
    fn a_promise_of_more_that_goes_nowhere_ends_the_pull() {
        let effects = asked(None).answered(&page(&head(3), vec![], 0, true), same);
        assert_eq!(effects, [PullEffect::Fail(PullFailure::NoProgress)]);
    }

    #[test]
    fn a_rolled_back_or_rewritten_log_is_found_out_and_nothing_is_stored() {
        let shorter = asked(Some(head(5))).answered(&page(&head(3), vec![], 8, false), same);
        assert!(matches!(
            &shorter[..],
            [PullEffect::Fail(PullFailure::Inconsistent(ConsistencyError::Shorter { .. }))]
        ));

        let known = TreeHead::sign(&registry(), DEPLOYMENT, LOG, 3, [9; 32], at(1));
        let proof = tree(5).prove_consistency(3).unwrap();
        let rewritten = asked(Some(known)).answered(&page(&head(5), proof, 8, false), same);
        assert!(matches!(
            &rewritten[..],
            [PullEffect::Fail(PullFailure::Inconsistent(ConsistencyError::Rewritten))]
        ));

        let elsewhere =
            TreeHead::sign(&registry(), DEPLOYMENT, LogId::from_bytes([6; 16]), 5, [9; 32], at(1));
        let other = asked(Some(head(3))).answered(&page(&elsewhere, vec![], 8, false), same);
        assert!(matches!(&other[..], [PullEffect::Fail(PullFailure::OtherLog { .. })]));
    }

    /// A page as a bundle brings it: with a request from that cursor, made when the log had so many entries.
    fn offered(cursor: u64, known_tree_size: u64, mut page: PullPage) -> PullEvent {
        let request = PullRequest { log: LOG, cursor, known_tree_size, have: vec![] };
        page.signature = sign_answer(&registry(), DEPLOYMENT, &page.digest(&request.digest()));
        PullEvent::Offered { request: request.encode(), page: page.encode() }
    }

    fn at_cursor(cursor: u64, known: Option<TreeHead>) -> PullSession {
        PullSession::new(DEPLOYMENT, registry().public(), cursor, known, vec![])
    }

    #[test]
    fn a_page_of_a_bundle_is_taken_where_the_device_stands_or_behind_it_and_kept_when_it_is_ahead() {
        let brought = || page(&head(5), tree(5).prove_consistency(3).unwrap(), 9, false);
        let store = |cursor, size| PullEffect::Store { deltas: vec![], cursor, head: Box::new(head(size)) };
        let took = |mut session: PullSession, event| session.handle(at(1), event);
        assert_eq!(took(at_cursor(4, Some(head(3))), offered(4, 3, brought())), [store(9, 5)]);
        // An earlier part is missing.
        let ahead = took(at_cursor(3, Some(head(3))), offered(4, 3, brought()));
        assert_eq!(ahead, [PullEffect::KeepForLater]);
        // Meanwhile the device came further over the network: neither cursor nor head goes back.
        let behind = took(at_cursor(7, Some(head(4))), offered(4, 3, brought()));
        assert_eq!(behind, [store(9, 4)]);
        let known = took(at_cursor(12, Some(head(8))), offered(4, 3, brought()));
        assert_eq!(known, [PullEffect::Finish]);
    }

    #[test]
    fn a_page_that_leaves_out_what_the_device_no_longer_has_is_not_taken() {
        let ends = |through_seq| {
            let seat = record_model::SeatId::from_bytes([2; 16]);
            vec![ChainEnd { seat, epoch: record_model::EpochId::from_bytes([3; 8]), through_seq }]
        };
        let request = PullRequest { log: LOG, cursor: 4, known_tree_size: 0, have: ends(10) };
        let mut brought = page(&head(5), vec![], 9, false);
        brought.signature = sign_answer(&registry(), DEPLOYMENT, &brought.digest(&request.digest()));
        let event = || PullEvent::Offered { request: request.encode(), page: brought.encode() };
        let session = |have| PullSession::new(DEPLOYMENT, registry().public(), 4, None, have);
        let taken = session(ends(10)).handle(at(1), event());
        assert!(matches!(&taken[..], [PullEffect::Store { cursor: 9, .. }]), "{taken:?}");
        for have in [ends(5), vec![]] {
            assert_eq!(session(have).handle(at(1), event()), [PullEffect::Finish]);
        }
    }

    #[test]
    fn a_page_of_a_bundle_that_another_wrote_or_that_shows_another_past_is_refused() {
        let brought = || page(&head(5), tree(5).prove_consistency(3).unwrap(), 9, false);
        let PullEvent::Offered { request, .. } = offered(4, 3, brought()) else { unreachable!() };
        let PullEvent::Offered { page: other, .. } = offered(5, 3, brought()) else { unreachable!() };
        let swapped = at_cursor(9, Some(head(3))).handle(at(1), PullEvent::Offered { request, page: other });
        assert_eq!(swapped, [PullEffect::Fail(PullFailure::UntrustedPage)]);
        for size in [3, 5] {
            let rewritten = TreeHead::sign(&registry(), DEPLOYMENT, LOG, size, [9; 32], at(1));
            let found = at_cursor(4, Some(rewritten)).handle(at(1), offered(4, 3, brought()));
            let rewritten = PullFailure::Inconsistent(ConsistencyError::Rewritten);
            assert_eq!(found, [PullEffect::Fail(rewritten)], "{size}");
        }
    }

    #[test]
    fn a_login_page_or_a_forged_head_stores_nothing() {
        let portal = PullEvent::Answer { status: 200, body: b"<html>".to_vec() };
        assert_eq!(
            asked(None).0.handle(at(1), portal),
            [PullEffect::Fail(PullFailure::NotOurs { status: 200 })]
        );
        let forged = TreeHead::sign(&SeatKey::from_secret(&[7; 32]), DEPLOYMENT, LOG, 3, [0; 32], at(1));
        let effects = asked(None).answered(&page(&forged, vec![], 8, false), same);
        assert_eq!(effects, [PullEffect::Fail(PullFailure::UntrustedPage)]);
    }
}
