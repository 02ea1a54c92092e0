//! The half of the laptop that hands its parts over.

use std::collections::VecDeque;

use super::channel::{Channel, Keys, Pairing, RELAY_SEED_BYTES, Side};
use super::message::{PartOffer, RelayMessage, SeatProof};
use super::words::RelayWords;
use super::{Incoming, MAGIC, RelayFailure, is_in_bounds, opened, sealed, sealed_chunks};
use crate::limits::MAX_CARRIED_PART_BYTES;

/// What happened.
#[derive(Debug)]
pub enum RelayPushEvent {
    /// The connection is there.
    Connected,
    /// A frame came.
    Received(Vec<u8>),
    /// The seat signed the connection.
    Signed(SeatProof),
    /// The part that was asked for.
    Loaded(Vec<u8>),
    /// Whether the reply could be used here.
    Used(bool),
    /// The connection ended.
    Disconnected,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum RelayPushEffect {
    /// Send a frame.
    Send(Vec<u8>),
    /// Sign this connection with the seat's key.
    Sign {
        /// What names the connection.
        binding: [u8; 32],
    },
    /// Give the part at this place of the offer.
    Load {
        /// Which.
        place: usize,
    },
    /// The relay has this part on its disk. It is carried, not delivered.
    HandedOver {
        /// Which.
        place: usize,
        /// True when it had it before.
        already: bool,
    },
    /// A reply came, sealed as the registry packed it.
    Use {
        /// Its bytes.
        part: Vec<u8>,
    },
    /// All done.
    Finish,
    /// It ended before.
    Fail(RelayFailure),
}

/// Hands over parts and takes what waits. Reads no clock, opens no socket.
pub struct RelayPush {
    offer: Vec<PartOffer>,
    state: State,
}

enum State {
    Idle(Box<(RelayWords, [u8; RELAY_SEED_BYTES])>),
    Pairing(Box<Pairing>),
    Confirming(Box<Keys>),
    Open(Box<Channel>, Step),
    Done,
}

enum Step {
    Signing,
    AwaitingWelcome,
    AwaitingWant,
    Loading { place: usize, rest: VecDeque<usize> },
    AwaitingStored { place: usize, rest: VecDeque<usize> },
    AwaitingReplies,
    Receiving { part: Incoming, rest: VecDeque<PartOffer> },
    Using { sha256: [u8; 32], rest: VecDeque<PartOffer> },
}

impl std::fmt::Debug for RelayPush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelayPush({} parts)", self.offer.len())
    }
}

type Effects = Vec<RelayPushEffect>;

impl RelayPush {
    /// With these words, and these parts to hand over.
    pub fn new(words: RelayWords, seed: [u8; RELAY_SEED_BYTES], offer: Vec<PartOffer>) -> Self {
        Self { offer, state: State::Idle(Box::new((words, seed))) }
    }

    /// The next step. What fails ends it: the parts stay where they are, and the next meeting goes on from there.
    pub fn handle(&mut self, event: RelayPushEvent) -> Vec<RelayPushEffect> {
        let state = std::mem::replace(&mut self.state, State::Done);
        match self.step(state, event) {
            Ok(effects) => effects,
            Err(failure) => vec![RelayPushEffect::Fail(failure)],
        }
    }

    fn step(&mut self, state: State, event: RelayPushEvent) -> Result<Effects, RelayFailure> {
        use RelayPushEvent as Event;
        match (state, event) {
            (State::Done, _) => Ok(vec![]),
            (_, Event::Disconnected) => Err(RelayFailure::Disconnected),
            (State::Idle(begin), Event::Connected) => {
                let (pairing, message) = Pairing::begin(Side::Push, &begin.0, &begin.1);
                self.state = State::Pairing(Box::new(pairing));
                Ok(vec![RelayPushEffect::Send([MAGIC, &message].concat())])
            }
            (State::Pairing(pairing), Event::Received(frame)) => {
                let theirs = frame.strip_prefix(MAGIC).ok_or(RelayFailure::NotARelay)?;
                let keys = pairing.finish(theirs).ok_or(RelayFailure::NotARelay)?;
                let shown = RelayPushEffect::Send(keys.pusher_knows.to_vec());
                self.state = State::Confirming(Box::new(keys));
                Ok(vec![shown])
            }
            (State::Confirming(keys), Event::Received(frame)) => {
                // Keys of one connection: how long the comparison takes tells nobody anything.
                if frame != *keys.relay_knows {
                    return Err(RelayFailure::WrongWords);
                }
                let binding = keys.channel.binding;
                self.state = State::Open(Box::new(keys.channel), Step::Signing);
                Ok(vec![RelayPushEffect::Sign { binding }])
            }
            (State::Open(channel, step), event) => self.step_open(channel, step, event),
            (State::Idle(_) | State::Pairing(_) | State::Confirming(_), _) => Err(RelayFailure::Unexpected),
        }
    }

    fn step_open(
        &mut self,
        mut channel: Box<Channel>,
        step: Step,
        event: RelayPushEvent,
    ) -> Result<Effects, RelayFailure> {
        use RelayPushEvent as Event;
        let message = match event {
            Event::Received(frame) => match opened(&mut channel, &frame)? {
                RelayMessage::Refused(refusal) => return Err(RelayFailure::Refused(refusal)),
                message => Some(message),
            },
            Event::Signed(proof) if matches!(step, Step::Signing) => {
                let frame = sealed(&mut channel, &RelayMessage::Seat(Box::new(proof)))?;
                return Ok(self.go_on(channel, Step::AwaitingWelcome, vec![RelayPushEffect::Send(frame)]));
            }
            Event::Loaded(part) => return self.send_part(channel, step, &part),
            Event::Used(used) => return self.answer_reply(channel, step, used),
            Event::Signed(_) | Event::Connected | Event::Disconnected => None,
        };
        match (step, message) {
            (Step::AwaitingWelcome, Some(RelayMessage::Welcome)) => {
                let frame = sealed(&mut channel, &RelayMessage::Offer(self.offer.clone()))?;
                Ok(self.go_on(channel, Step::AwaitingWant, vec![RelayPushEffect::Send(frame)]))
            }
            (Step::AwaitingWant, Some(RelayMessage::Want(wanted))) => {
                let wanted: VecDeque<usize> = wanted.into_iter().map(usize::from).collect();
                let rises = wanted.iter().zip(wanted.iter().skip(1)).all(|(one, next)| one < next);
                if !rises || wanted.back().is_some_and(|last| *last >= self.offer.len()) {
                    return Err(RelayFailure::Unexpected);
                }
                let had = (0..self.offer.len()).filter(|place| !wanted.contains(place));
                let effects = had.map(|place| RelayPushEffect::HandedOver { place, already: true }).collect();
                self.next_part(channel, wanted, effects)
            }
            (Step::AwaitingStored { place, rest }, Some(RelayMessage::Stored(sha256)))
                if self.offer.get(place).is_some_and(|offer| offer.sha256 == sha256) =>
            {
                self.next_part(channel, rest, vec![RelayPushEffect::HandedOver { place, already: false }])
            }
            (Step::AwaitingReplies, Some(RelayMessage::Replies(replies))) => {
                if !is_in_bounds(&replies, MAX_CARRIED_PART_BYTES) {
                    return Err(RelayFailure::Unexpected);
                }
                self.next_reply(channel, replies.into(), vec![])
            }
            (Step::Receiving { mut part, rest }, Some(RelayMessage::Chunk(chunk))) => {
                if !part.add(&chunk)? {
                    return Ok(self.go_on(channel, Step::Receiving { part, rest }, vec![]));
                }
                let Incoming { offer, bytes } = part;
                let step = Step::Using { sha256: offer.sha256, rest };
                Ok(self.go_on(channel, step, vec![RelayPushEffect::Use { part: bytes }]))
            }
            (
                Step::Signing
                | Step::AwaitingWelcome
                | Step::AwaitingWant
                | Step::Loading { .. }
                | Step::AwaitingStored { .. }
                | Step::AwaitingReplies
                | Step::Receiving { .. }
                | Step::Using { .. },
                _,
            ) => Err(RelayFailure::Unexpected),
        }
    }

    fn send_part(
        &mut self,
        mut channel: Box<Channel>,
        step: Step,
        part: &[u8],
    ) -> Result<Effects, RelayFailure> {
        let Step::Loading { place, rest } = step else { return Err(RelayFailure::Unexpected) };
        // What lies there now is not what was offered: the next meeting offers it anew.
        if self.offer.get(place) != Some(&PartOffer::of(part)) {
            return Err(RelayFailure::Garbled);
        }
        let frames = sealed_chunks(&mut channel, part)?;
        let frames = frames.into_iter().map(RelayPushEffect::Send).collect();
        Ok(self.go_on(channel, Step::AwaitingStored { place, rest }, frames))
    }

    fn next_part(
        &mut self,
        mut channel: Box<Channel>,
        mut rest: VecDeque<usize>,
        mut effects: Effects,
    ) -> Result<Effects, RelayFailure> {
        let Some(place) = rest.pop_front() else {
            effects.push(RelayPushEffect::Send(sealed(&mut channel, &RelayMessage::Collect)?));
            return Ok(self.go_on(channel, Step::AwaitingReplies, effects));
        };
        effects.push(RelayPushEffect::Load { place });
        Ok(self.go_on(channel, Step::Loading { place, rest }, effects))
    }

    fn answer_reply(
        &mut self,
        mut channel: Box<Channel>,
        step: Step,
        used: bool,
    ) -> Result<Effects, RelayFailure> {
        let Step::Using { sha256, rest } = step else { return Err(RelayFailure::Unexpected) };
        let word = if used { RelayMessage::Taken(sha256) } else { RelayMessage::Left(sha256) };
        let frame = sealed(&mut channel, &word)?;
        self.next_reply(channel, rest, vec![RelayPushEffect::Send(frame)])
    }

    fn next_reply(
        &mut self,
        mut channel: Box<Channel>,
        mut rest: VecDeque<PartOffer>,
        mut effects: Effects,
    ) -> Result<Effects, RelayFailure> {
        if let Some(offer) = rest.pop_front() {
            let part = Incoming::new(offer);
            return Ok(self.go_on(channel, Step::Receiving { part, rest }, effects));
        }
        effects.push(RelayPushEffect::Send(sealed(&mut channel, &RelayMessage::Bye)?));
        effects.push(RelayPushEffect::Finish);
        Ok(effects)
    }

    fn go_on(&mut self, channel: Box<Channel>, step: Step, effects: Effects) -> Effects {
        self.state = State::Open(channel, step);
        effects
    }
}
