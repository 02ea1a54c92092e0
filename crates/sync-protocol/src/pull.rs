//! The laptop's half of one pull.

use record_model::{DeploymentId, Instant, LogId};
use signed_delta::{ChainEnd, ConsistencyError, PublicKey, TreeHead, verify_consistency};

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
    /// The tree head is not signed by this deployment's registry.
    #[error("the answer is not signed by this deployment's registry")]
    UntrustedHead,
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

#[derive(Debug)]
enum State {
    Idle,
    AwaitingPage,
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
        Self { deployment, registry, cursor, known, have, state: State::Idle }
    }

    /// Takes an event, gives what to do next.
    pub fn handle(&mut self, now: Instant, event: PullEvent) -> Vec<PullEffect> {
        match (std::mem::replace(&mut self.state, State::Done), event) {
            (State::Done, _) => vec![],
            (State::Idle, PullEvent::Start) => self.ask(),
            (State::AwaitingPage, PullEvent::Answer { status, body }) => self.receive(status, &body),
            (State::Storing { more: true }, PullEvent::Stored) => self.ask(),
            (State::Storing { more: false }, PullEvent::Stored) => vec![PullEffect::Finish],
            // Nothing stored is lost; the next pull goes on after the cursor.
            (State::Idle | State::AwaitingPage, PullEvent::Disconnected) => {
                self.state = State::Idle;
                vec![PullEffect::WakeAt(now.plus_ms(RETRY_DELAY_MS))]
            }
            // The page is here already: the road is not needed to store it.
            (
                state @ State::Storing { .. },
                PullEvent::Disconnected | PullEvent::Answer { .. } | PullEvent::Start,
            ) => self.stay(state),
            // A late answer, or a word about a page nobody gave.
            (state @ State::Idle, PullEvent::Answer { .. } | PullEvent::Stored) => self.stay(state),
            (state @ State::AwaitingPage, PullEvent::Start | PullEvent::Stored) => self.stay(state),
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
        self.state = State::AwaitingPage;
        vec![PullEffect::Post(request.encode())]
    }

    fn receive(&mut self, status: u16, body: &[u8]) -> Vec<PullEffect> {
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
        match self.check_head(&page) {
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

    fn check_head(&self, page: &PullPage) -> Result<TreeHead, PullFailure> {
        let head = TreeHead::decode_and_verify(&page.head, self.deployment, &self.registry)
            .map_err(|_| PullFailure::UntrustedHead)?;
        if let Some(known) = &self.known {
            if known.log != head.log {
                return Err(PullFailure::OtherLog { found: head.log });
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
    use signed_delta::{SeatKey, Tree};

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

    fn page(head: &TreeHead, consistency: Vec<u8>, more: bool) -> PullEvent {
        let page = PullPage { deltas: vec![], next_cursor: 8, more, head: head.encode(), consistency };
        PullEvent::Answer { status: 200, body: page.encode() }
    }

    fn asked(known: Option<TreeHead>) -> PullSession {
        let mut session = PullSession::new(DEPLOYMENT, registry().public(), 0, known, vec![]);
        assert!(matches!(&session.handle(at(0), PullEvent::Start)[..], [PullEffect::Post(_)]));
        session
    }

    #[test]
    fn pages_are_asked_for_until_there_are_no_more() {
        let mut session = asked(None);
        let store = PullEffect::Store { deltas: vec![], cursor: 8, head: Box::new(head(3)) };
        assert_eq!(session.handle(at(1), page(&head(3), vec![], true)), [store]);
        assert!(matches!(&session.handle(at(1), PullEvent::Stored)[..], [PullEffect::Post(_)]));
        let proof = tree(5).prove_consistency(3).unwrap();
        session.handle(at(2), page(&head(5), proof, false));
        assert_eq!(session.handle(at(2), PullEvent::Stored), [PullEffect::Finish]);
    }

    #[test]
    fn a_rolled_back_or_rewritten_log_is_found_out_and_nothing_is_stored() {
        let shorter = asked(Some(head(5))).handle(at(1), page(&head(3), vec![], false));
        assert!(matches!(
            &shorter[..],
            [PullEffect::Fail(PullFailure::Inconsistent(ConsistencyError::Shorter { .. }))]
        ));

        let known = TreeHead::sign(&registry(), DEPLOYMENT, LOG, 3, [9; 32], at(1));
        let proof = tree(5).prove_consistency(3).unwrap();
        let rewritten = asked(Some(known)).handle(at(1), page(&head(5), proof, false));
        assert!(matches!(
            &rewritten[..],
            [PullEffect::Fail(PullFailure::Inconsistent(ConsistencyError::Rewritten))]
        ));

        let elsewhere =
            TreeHead::sign(&registry(), DEPLOYMENT, LogId::from_bytes([6; 16]), 5, [9; 32], at(1));
        let other = asked(Some(head(3))).handle(at(1), page(&elsewhere, vec![], false));
        assert!(matches!(&other[..], [PullEffect::Fail(PullFailure::OtherLog { .. })]));
    }

    #[test]
    fn a_login_page_or_a_forged_head_stores_nothing() {
        let portal = PullEvent::Answer { status: 200, body: b"<html>".to_vec() };
        assert_eq!(
            asked(None).handle(at(1), portal),
            [PullEffect::Fail(PullFailure::NotOurs { status: 200 })]
        );
        let forged = TreeHead::sign(&SeatKey::from_secret(&[7; 32]), DEPLOYMENT, LOG, 3, [0; 32], at(1));
        let effects = asked(None).handle(at(1), page(&forged, vec![], false));
        assert_eq!(effects, [PullEffect::Fail(PullFailure::UntrustedHead)]);
    }
}
