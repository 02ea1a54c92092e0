//! Pairing by words, and the sealed channel that comes of it.
//!
//! SPAKE2 gives both sides one key when they hold the same words, and whoever listens or guesses learns nothing to try
//! further words on: each try takes a connection. HKDF-SHA256 makes of it one key for each purpose and direction.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::Zeroizing;

use super::words::RelayWords;

/// Random bytes that one pairing takes.
pub const RELAY_SEED_BYTES: usize = 64;

const PUSH: &[u8] = b"lakou relay push";
const SERVE: &[u8] = b"lakou relay serve";
const SALT: &[u8] = b"lakou/relay/v1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Push,
    Serve,
}

/// A side that has said its first word and waits for the other's.
pub(super) struct Pairing {
    side: Side,
    spake: Spake2<Ed25519Group>,
}

impl Pairing {
    /// The state, and the message for the other side.
    pub(super) fn begin(side: Side, words: &RelayWords, seed: &[u8; RELAY_SEED_BYTES]) -> (Self, Vec<u8>) {
        let (password, seed) = (Password::new(words.secret()), Seed { bytes: seed, used: 0 });
        let (push, serve) = (Identity::new(PUSH), Identity::new(SERVE));
        let (spake, message) = match side {
            Side::Push => Spake2::start_a_with_rng(&password, &push, &serve, seed),
            Side::Serve => Spake2::start_b_with_rng(&password, &push, &serve, seed),
        };
        (Self { side, spake }, message)
    }

    /// The keys, of which nobody knows yet whether the other side has the same. None: not a message of a pairing.
    pub(super) fn finish(self, theirs: &[u8]) -> Option<Keys> {
        let secret = Zeroizing::new(self.spake.finish(theirs).ok()?);
        let derived = Hkdf::<Sha256>::new(Some(SALT), &secret);
        let derive = |purpose: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            derived.expand(purpose, key.as_mut_slice()).ok().map(|()| key)
        };
        let up = Direction::new(&*derive(b"up")?);
        let down = Direction::new(&*derive(b"down")?);
        let (seal, open) = match self.side {
            Side::Push => (up, down),
            Side::Serve => (down, up),
        };
        Some(Keys {
            pusher_knows: derive(b"the pusher knows")?,
            relay_knows: derive(b"the relay knows")?,
            channel: Channel { binding: *derive(b"binding")?, seal, open },
        })
    }
}

/// What both sides hold when both had the same words.
///
/// Each shows the other a key that only its holder can make, the pusher first: a relay says nothing to whoever guessed
/// wrong. A hash commits to one key, which a sealed frame would not.
pub(super) struct Keys {
    pub(super) pusher_knows: Zeroizing<[u8; 32]>,
    pub(super) relay_knows: Zeroizing<[u8; 32]>,
    pub(super) channel: Channel,
}

/// Frames in both directions. Every frame has its place: one that is changed, repeated, left out or turned round does not
/// open.
pub(super) struct Channel {
    /// The same on both sides, and on no other connection.
    pub(super) binding: [u8; 32],
    seal: Direction,
    open: Direction,
}

impl Channel {
    pub(super) fn seal(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce = self.seal.next()?;
        self.seal.cipher.encrypt(&nonce, plain).ok()
    }

    pub(super) fn open(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let nonce = self.open.next()?;
        self.open.cipher.decrypt(&nonce, frame).ok()
    }
}

struct Direction {
    cipher: ChaCha20Poly1305,
    counter: u64,
}

impl Direction {
    fn new(key: &[u8; 32]) -> Self {
        Self { cipher: ChaCha20Poly1305::new(key.into()), counter: 0 }
    }

    /// Each number once: the counter is the nonce.
    fn next(&mut self) -> Option<Nonce> {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.counter.to_be_bytes());
        self.counter = self.counter.checked_add(1)?;
        Some(nonce.into())
    }
}

/// Random bytes that were handed in, in the form in which SPAKE2 takes them.
struct Seed<'a> {
    bytes: &'a [u8; RELAY_SEED_BYTES],
    used: usize,
}

impl rand_core::RngCore for Seed<'_> {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        let given = self.bytes.get(self.used..self.used + into.len());
        into.copy_from_slice(given.expect("SPAKE2 draws one scalar: as many bytes as the seed has"));
        self.used += into.len();
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(into);
        Ok(())
    }
}

impl rand_core::CryptoRng for Seed<'_> {}
