//! What the collector needs of the world. The binary brings the real ones, tests bring theirs.

use std::sync::Arc;

use record_doc::Merger;
use record_model::Instant;

/// What the machine says about time: a claim.
pub trait Clock {
    /// Now.
    fn now(&self) -> Instant;

    /// Local time minus UTC, in minutes, as the machine is set.
    fn utc_offset_minutes(&self) -> i16;
}

/// Random bytes that nobody can guess. In earnest: the operating system's.
pub trait Randomness {
    /// Fills all of it.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// So many of them.
pub(crate) fn random<const N: usize>(randomness: &mut dyn Randomness) -> [u8; N] {
    let mut bytes = [0; N];
    randomness.fill(&mut bytes);
    bytes
}

/// An HTTP answer, from our server or from whatever took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The road broke before an answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no connection to the server ({reason})")]
pub struct Disconnected {
    /// In the transport's words.
    pub reason: String,
}

/// The road to the server. Paths begin with `/v1/`; which host they are on is the transport's to know.
pub trait Transport {
    /// Posts a body.
    fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<HttpAnswer, Disconnected>;

    /// Gets a file; a body longer than `limit_bytes` is cut off there, or refused.
    fn get(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        limit_bytes: usize,
    ) -> Result<HttpAnswer, Disconnected>;
}

/// Clock, randomness and where merges run, as the collector keeps them.
pub struct Ports {
    /// What time it is.
    pub clock: Box<dyn Clock + Send>,
    /// Where random bytes come from.
    pub randomness: Box<dyn Randomness + Send>,
    /// Where other people's changes are merged: in earnest, in a child process.
    pub merger: Arc<dyn Merger>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}
