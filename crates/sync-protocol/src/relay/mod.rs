//! A relay: a colleague's laptop that carries sealed parts it cannot read.
//!
//! Two people read four words to each other, the laptops pair by them, and parts of bundles go over. The relay keeps them as
//! they are; what the registry answers comes back through it the same way. Nothing counts as delivered before its receipt
//! is back, so a relay that loses everything costs nothing but the next meeting.
//!
//! Both halves are values: event in, effects out. A frame is what the caller sends with its length before it.

mod channel;
mod message;
mod push;
mod serve;
#[cfg(test)]
mod tests;
mod words;

pub use channel::RELAY_SEED_BYTES;
pub use message::{CarriedAnswer, PartOffer, RelayRefusal, SeatProof};
pub use push::{RelayPush, RelayPushEffect, RelayPushEvent};
pub use serve::{RelayServe, RelayServeEffect, RelayServeEvent};
pub use words::{NotTheWords, RELAY_WORD_COUNT, RelayWords};

use crate::limits::RELAY_CHUNK_BYTES;
use channel::Channel;
use message::RelayMessage;

/// How the first frame in each direction begins.
const MAGIC: &[u8] = b"LAKOU RELAY 1\n";

/// The frame with which a relay says that the words were not its own.
const WRONG_WORDS: &[u8] = b"wrong words";

/// Why a meeting of two laptops ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayFailure {
    /// Something else listens or calls there.
    #[error("the other side is no relay of Lakou's")]
    NotARelay,
    /// The two sides hold different words.
    #[error("the words of the two sides are not the same")]
    WrongWords,
    /// A frame that was changed, repeated, left out or cut.
    #[error("a frame was changed on the way")]
    Garbled,
    /// A message out of its turn.
    #[error("the other side does not keep to the exchange")]
    Unexpected,
    /// The relay would not.
    #[error("the relay refused: {}", .0.as_str())]
    Refused(RelayRefusal),
    /// The connection ended.
    #[error("the connection broke")]
    Disconnected,
}

/// A part on its way in: never more of it than was said.
#[derive(Debug)]
struct Incoming {
    offer: PartOffer,
    bytes: Vec<u8>,
}

impl Incoming {
    fn new(offer: PartOffer) -> Self {
        Self { offer, bytes: Vec::new() }
    }

    /// True when it is whole.
    fn add(&mut self, chunk: &[u8]) -> Result<bool, RelayFailure> {
        let left = self.offer.size_bytes.saturating_sub(self.bytes.len() as u64);
        if chunk.is_empty() || chunk.len() as u64 > left {
            return Err(RelayFailure::Unexpected);
        }
        self.bytes.extend_from_slice(chunk);
        if chunk.len() as u64 == left {
            // Sealed frames came in order: another hash is the other side's doing.
            return if PartOffer::of(&self.bytes) == self.offer {
                Ok(true)
            } else {
                Err(RelayFailure::Garbled)
            };
        }
        Ok(false)
    }
}

/// True when every one of these parts has something in it, and none has more than so many bytes.
fn is_in_bounds(parts: &[PartOffer], max_bytes: usize) -> bool {
    parts.iter().all(|part| (1..=max_bytes as u64).contains(&part.size_bytes))
}

/// Seals one message. A channel that has used up its counter seals no more.
fn sealed(channel: &mut Channel, message: &RelayMessage) -> Result<Vec<u8>, RelayFailure> {
    channel.seal(&message.encode()).ok_or(RelayFailure::Garbled)
}

fn sealed_chunks(channel: &mut Channel, part: &[u8]) -> Result<Vec<Vec<u8>>, RelayFailure> {
    part.chunks(RELAY_CHUNK_BYTES)
        .map(|chunk| sealed(channel, &RelayMessage::Chunk(chunk.to_vec())))
        .collect()
}

fn opened(channel: &mut Channel, frame: &[u8]) -> Result<RelayMessage, RelayFailure> {
    let plain = channel.open(frame).ok_or(RelayFailure::Garbled)?;
    RelayMessage::decode(&plain).ok_or(RelayFailure::Unexpected)
}
