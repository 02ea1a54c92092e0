//! The half of the laptop that carries for others: one connection.

use std::collections::VecDeque;

use record_model::{DeploymentId, SeatId};

use super::channel::{Channel, Keys, Pairing, RELAY_SEED_BYTES, Side};
use super::message::{PartOffer, RelayMessage, RelayRefusal};
use super::words::RelayWords;
use super::{Incoming, MAGIC, RelayFailure, WRONG_WORDS, is_in_bounds, opened, sealed, sealed_chunks};
use crate::bundle::SealedPart;
use crate::limits::{MAX_CARRIED_PART_BYTES, MAX_RELAY_PARTS, RELAY_PART_BYTES};

/// What happened.
#[derive(Debug)]
pub enum RelayServeEvent {
    /// A frame came.
    Received(Vec<u8>),
    /// Which of the offered parts are not carried yet, by their places in rising order; or why none can be taken.
    Checked(Result<Vec<usize>, RelayRefusal>),
    /// Whether the part is on the disk.
    Kept(Result<(), RelayRefusal>),
    /// What is carried for the seat.
    Listed(Vec<PartOffer>),
    /// The reply that was asked for; none: it is gone.
    Loaded(Option<Vec<u8>>),
    /// A reply that was handed back is forgotten.
    Forgotten,
    /// The connection ended.
    Disconnected,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum RelayServeEffect {
    /// Send a frame.
    Send(Vec<u8>),
    /// Somebody came with other words. Count it.
    WrongWords,
    /// The other side has the words and proved its seat.
    Paired,
    /// Say which of these are not carried yet.
    Check {
        /// Offered, each within its limit.
        offered: Vec<PartOffer>,
    },
    /// Put a part for the registry on the disk, as it is.
    Keep {
        /// Sealed.
        part: Vec<u8>,
    },
    /// Say what is carried for this seat.
    List {
        /// It proved itself.
        seat: SeatId,
    },
    /// Give this reply.
    Load {
        /// As it was listed.
        offer: PartOffer,
    },
    /// The one it is for has used it: forget it.
    HandedBack {
        /// As it was listed.
        offer: PartOffer,
    },
    /// All done.
    Finish,
    /// It ended before. What was kept stays.
    Fail(RelayFailure),
}

/// Takes parts in and hands replies back. Reads no clock, opens no socket, writes no file.
pub struct RelayServe {
    deployment: DeploymentId,
    state: State,
}

enum State {
    Idle(Box<(RelayWords, [u8; RELAY_SEED_BYTES])>),
    Confirming(Box<Keys>),
    Open(Box<Channel>, Step),
    Done,
}

enum Step {
    AwaitingSeat,
    AwaitingOffer(SeatId),
    Checking(SeatId, Vec<PartOffer>),
    Receiving { seat: SeatId, part: Incoming, rest: VecDeque<PartOffer> },
    Keeping { seat: SeatId, sha256: [u8; 32], rest: VecDeque<PartOffer> },
    AwaitingCollect(SeatId),
    Listing,
    Loading { offer: PartOffer, rest: VecDeque<PartOffer> },
    AwaitingTaken { offer: PartOffer, rest: VecDeque<PartOffer> },
    Forgetting { rest: VecDeque<PartOffer> },
    AwaitingBye,
}

impl std::fmt::Debug for RelayServe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RelayServe")
    }
}

type Effects = Vec<RelayServeEffect>;

/// Why a step ended the session, and whether the other side is told.
enum Stop {
    Silently(RelayFailure),
    Saying(Box<Channel>, RelayRefusal),
}

impl From<RelayFailure> for Stop {
    fn from(failure: RelayFailure) -> Self {
        Self::Silently(failure)
    }
}

impl RelayServe {
    /// With these words, for laptops of this deployment.
    pub fn new(words: RelayWords, seed: [u8; RELAY_SEED_BYTES], deployment: DeploymentId) -> Self {
        Self { deployment, state: State::Idle(Box::new((words, seed))) }
    }

    /// True once the other side has shown that it holds the words.
    pub fn is_paired(&self) -> bool {
        matches!(self.state, State::Open(..))
    }

    /// The next step. What fails ends the connection, and nothing else.
    pub fn handle(&mut self, event: RelayServeEvent) -> Vec<RelayServeEffect> {
        let state = std::mem::replace(&mut self.state, State::Done);
        match self.step(state, event) {
            Ok(effects) => effects,
            Err(Stop::Silently(failure)) => vec![RelayServeEffect::Fail(failure)],
            Err(Stop::Saying(mut channel, refusal)) => {
                let said = sealed(&mut channel, &RelayMessage::Refused(refusal)).ok();
                let said = said.into_iter().map(RelayServeEffect::Send);
                said.chain([RelayServeEffect::Fail(RelayFailure::Refused(refusal))]).collect()
            }
        }
    }

    fn step(&mut self, state: State, event: RelayServeEvent) -> Result<Effects, Stop> {
        use RelayServeEvent as Event;
        match (state, event) {
            (State::Done, _) => Ok(vec![]),
            (_, Event::Disconnected) => Err(RelayFailure::Disconnected.into()),
            (State::Idle(begin), Event::Received(frame)) => {
                let theirs = frame.strip_prefix(MAGIC).ok_or(RelayFailure::NotARelay)?;
                let (pairing, message) = Pairing::begin(Side::Serve, &begin.0, &begin.1);
                let keys = pairing.finish(theirs).ok_or(RelayFailure::NotARelay)?;
                self.state = State::Confirming(Box::new(keys));
                Ok(vec![RelayServeEffect::Send([MAGIC, &message].concat())])
            }
            (State::Confirming(keys), Event::Received(frame)) => {
                // Keys of one connection: how long the comparison takes tells nobody anything.
                if frame != *keys.pusher_knows {
                    return Ok(vec![
                        RelayServeEffect::WrongWords,
                        RelayServeEffect::Send(WRONG_WORDS.to_vec()),
                        RelayServeEffect::Fail(RelayFailure::WrongWords),
                    ]);
                }
                let shown = RelayServeEffect::Send(keys.relay_knows.to_vec());
                self.state = State::Open(Box::new(keys.channel), Step::AwaitingSeat);
                Ok(vec![shown])
            }
            (State::Open(mut channel, step), Event::Received(frame)) => {
                let message = opened(&mut channel, &frame)?;
                self.receive(channel, step, message)
            }
            (State::Open(channel, step), event) => self.answered(channel, step, event),
            (State::Idle(_) | State::Confirming(_), _) => Err(RelayFailure::Unexpected.into()),
        }
    }

    /// What the other side says.
    fn receive(
        &mut self,
        mut channel: Box<Channel>,
        step: Step,
        message: RelayMessage,
    ) -> Result<Effects, Stop> {
        match (step, message) {
            (Step::AwaitingSeat, RelayMessage::Seat(proof)) => {
                let seat = match proof.verify(self.deployment, &channel.binding) {
                    Ok(seat) => seat,
                    Err(refusal) => return Err(Stop::Saying(channel, refusal)),
                };
                let frame = sealed(&mut channel, &RelayMessage::Welcome)?;
                let effects = vec![RelayServeEffect::Paired, RelayServeEffect::Send(frame)];
                Ok(self.go_on(channel, Step::AwaitingOffer(seat), effects))
            }
            (Step::AwaitingOffer(seat), RelayMessage::Offer(offered)) => {
                if !is_in_bounds(&offered, RELAY_PART_BYTES) {
                    return Err(Stop::Saying(channel, RelayRefusal::NotCarried));
                }
                let check = RelayServeEffect::Check { offered: offered.clone() };
                Ok(self.go_on(channel, Step::Checking(seat, offered), vec![check]))
            }
            (Step::Receiving { seat, mut part, rest }, RelayMessage::Chunk(chunk)) => {
                if !part.add(&chunk)? {
                    return Ok(self.go_on(channel, Step::Receiving { seat, part, rest }, vec![]));
                }
                let Incoming { offer, bytes } = part;
                if !self.carries(&bytes) {
                    return Err(Stop::Saying(channel, RelayRefusal::NotCarried));
                }
                let step = Step::Keeping { seat, sha256: offer.sha256, rest };
                Ok(self.go_on(channel, step, vec![RelayServeEffect::Keep { part: bytes }]))
            }
            (Step::AwaitingCollect(seat), RelayMessage::Collect) => {
                Ok(self.go_on(channel, Step::Listing, vec![RelayServeEffect::List { seat }]))
            }
            (Step::AwaitingTaken { offer, rest }, RelayMessage::Taken(taken)) if taken == offer.sha256 => {
                let forget = RelayServeEffect::HandedBack { offer };
                Ok(self.go_on(channel, Step::Forgetting { rest }, vec![forget]))
            }
            (Step::AwaitingTaken { offer, rest }, RelayMessage::Left(left)) if left == offer.sha256 => {
                self.next_reply(channel, rest, vec![])
            }
            (Step::AwaitingBye, RelayMessage::Bye) => Ok(vec![RelayServeEffect::Finish]),
            (
                Step::AwaitingSeat
                | Step::AwaitingOffer(_)
                | Step::Checking(..)
                | Step::Receiving { .. }
                | Step::Keeping { .. }
                | Step::AwaitingCollect(_)
                | Step::Listing
                | Step::Loading { .. }
                | Step::AwaitingTaken { .. }
                | Step::Forgetting { .. }
                | Step::AwaitingBye,
                _,
            ) => Err(RelayFailure::Unexpected.into()),
        }
    }

    /// What the caller found or did.
    fn answered(
        &mut self,
        mut channel: Box<Channel>,
        step: Step,
        event: RelayServeEvent,
    ) -> Result<Effects, Stop> {
        use RelayServeEvent as Event;
        match (step, event) {
            (Step::Checking(seat, offered), Event::Checked(Ok(wanted))) => {
                let places: Option<Vec<u16>> =
                    wanted.iter().map(|place| u16::try_from(*place).ok()).collect();
                let parts: Option<VecDeque<PartOffer>> =
                    wanted.iter().map(|place| offered.get(*place).copied()).collect();
                let (Some(places), Some(parts)) = (places, parts) else {
                    return Err(RelayFailure::Unexpected.into());
                };
                let frame = sealed(&mut channel, &RelayMessage::Want(places))?;
                Ok(self.next_part(channel, seat, parts, vec![RelayServeEffect::Send(frame)]))
            }
            (Step::Keeping { seat, sha256, rest }, Event::Kept(Ok(()))) => {
                let frame = sealed(&mut channel, &RelayMessage::Stored(sha256))?;
                Ok(self.next_part(channel, seat, rest, vec![RelayServeEffect::Send(frame)]))
            }
            (Step::Checking(..), Event::Checked(Err(refusal)))
            | (Step::Keeping { .. }, Event::Kept(Err(refusal))) => Err(Stop::Saying(channel, refusal)),
            (Step::Listing, Event::Listed(mut replies)) => {
                replies.retain(|reply| is_in_bounds(&[*reply], MAX_CARRIED_PART_BYTES));
                replies.truncate(MAX_RELAY_PARTS);
                let frame = sealed(&mut channel, &RelayMessage::Replies(replies.clone()))?;
                self.next_reply(channel, replies.into(), vec![RelayServeEffect::Send(frame)])
            }
            (Step::Loading { offer, rest }, Event::Loaded(Some(part))) if PartOffer::of(&part) == offer => {
                let frames = sealed_chunks(&mut channel, &part)?;
                let frames = frames.into_iter().map(RelayServeEffect::Send).collect();
                let step = Step::AwaitingTaken { offer, rest };
                Ok(self.go_on(channel, step, frames))
            }
            (Step::Forgetting { rest }, Event::Forgotten) => self.next_reply(channel, rest, vec![]),
            // Gone since it was listed, as when somebody handed it back over another connection.
            (Step::Loading { .. }, Event::Loaded(_)) => Err(Stop::Saying(channel, RelayRefusal::Trouble)),
            _ => Err(RelayFailure::Unexpected.into()),
        }
    }

    /// Only sealed parts for this deployment's registry. What is in them, nobody here can know.
    fn carries(&self, part: &[u8]) -> bool {
        SealedPart::read(part).is_ok_and(|sealed| {
            sealed.label.deployment == self.deployment && sealed.label.addressee.is_none()
        })
    }

    fn next_part(
        &mut self,
        channel: Box<Channel>,
        seat: SeatId,
        mut rest: VecDeque<PartOffer>,
        effects: Effects,
    ) -> Effects {
        let step = match rest.pop_front() {
            Some(offer) => Step::Receiving { seat, part: Incoming::new(offer), rest },
            None => Step::AwaitingCollect(seat),
        };
        self.go_on(channel, step, effects)
    }

    fn next_reply(
        &mut self,
        channel: Box<Channel>,
        mut rest: VecDeque<PartOffer>,
        mut effects: Effects,
    ) -> Result<Effects, Stop> {
        let step = match rest.pop_front() {
            Some(offer) => {
                effects.push(RelayServeEffect::Load { offer });
                Step::Loading { offer, rest }
            }
            None => Step::AwaitingBye,
        };
        Ok(self.go_on(channel, step, effects))
    }

    fn go_on(&mut self, channel: Box<Channel>, step: Step, effects: Effects) -> Effects {
        self.state = State::Open(channel, step);
        effects
    }
}
