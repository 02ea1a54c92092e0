//! What the program needs of the machine it runs on. `platform` brings the real one, tests bring theirs.

use std::io;
use std::sync::Arc;

use collector_core::{KdfParams, Merger, Randomness, Transport};
use record_model::Instant;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::http::Server;

/// Where a person reads and types.
pub trait Terminal {
    /// One line without its end; none when no more will come.
    fn read_line(&mut self) -> io::Result<Option<String>>;

    /// One line that is not shown while it is typed.
    fn read_secret(&mut self, prompt: &str) -> io::Result<Zeroizing<String>>;

    /// All that comes in, for `--answers -`.
    fn read_all(&mut self) -> io::Result<Vec<u8>>;

    /// What was asked for: standard output.
    fn write_result(&mut self, text: &str) -> io::Result<()>;

    /// What is said beside it: standard error.
    fn write_message(&mut self, text: &str) -> io::Result<()>;

    /// True when a person is there to answer.
    fn is_interactive(&self) -> bool;

    /// True when a moving line can be drawn.
    fn shows_progress(&self) -> bool;
}

/// The machine's clock: a claim, compared with what is known.
pub trait MachineClock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
}

/// Makes the road to a server.
pub type Connect = Box<dyn Fn(&Server) -> Result<Box<dyn Transport>, Failure>>;

/// Makes a source of random bytes.
pub type MakeRandomness = Box<dyn Fn() -> Box<dyn Randomness + Send>>;

/// Reads an environment variable.
pub type Variable = Box<dyn Fn(&str) -> Option<String>>;

/// All of it.
pub struct World {
    /// The person.
    pub terminal: Box<dyn Terminal>,
    /// The clock.
    pub clock: Arc<dyn MachineClock>,
    /// Random bytes.
    pub randomness: MakeRandomness,
    /// The network.
    pub connect: Connect,
    /// Environment variables.
    pub variable: Variable,
    /// What a guess at a passphrase costs.
    pub kdf: KdfParams,
    /// Where other people's changes are merged.
    pub merger: Arc<dyn Merger>,
}
