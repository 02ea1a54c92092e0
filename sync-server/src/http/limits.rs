//! Every limit of the HTTP side, by name. README.md and the OpenAPI document repeat them for people.

use std::time::Duration;

use sync_protocol::{MAX_BATCH_COMPRESSED_BYTES, RELAY_PART_BYTES};

/// Bytes of a request's body: the largest batch, and room for what a later version wraps round it.
pub const MAX_BODY_BYTES: usize = MAX_BATCH_COMPRESSED_BYTES + 4 * 1024;
/// Bytes of a part that another laptop carried: what laptops pack for a relay.
pub const MAX_PART_BODY_BYTES: usize = RELAY_PART_BYTES;
/// Bytes of a request's line and headers together.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Headers of one request.
pub const MAX_HEADERS: usize = 64;
/// How long a client may take to send its headers, and how long an idle connection is kept.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one request may take, body included: a full batch at 40 kbit/s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Connections open at once; more wait in the operating system's queue.
pub const MAX_CONNECTIONS: usize = 1_024;
/// Requests worked on at once; more are told to come back.
pub const MAX_CONCURRENT_REQUESTS: usize = 256;
/// Calls into the store at once; others wait their turn.
pub const MAX_STORE_CALLS: usize = 16;
/// What a client that is told to come back waits.
pub const RETRY_AFTER_SECONDS: u32 = 15;
/// Enrolments one address may ask for in a row: an office behind one address enrols its laptops in a morning.
pub const ENROL_BURST: u32 = 60;
/// After that, one each so long.
pub const ENROL_REFILL: Duration = Duration::from_secs(2);
/// Addresses remembered for that.
pub const MAX_ENROL_ADDRESSES: usize = 10_000;
/// How long a stopping server waits for the requests at hand.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// The limits a server runs with; tests make them small.
#[derive(Debug, Clone)]
pub struct Limits {
    /// [`MAX_BODY_BYTES`].
    pub body_bytes: usize,
    /// [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
    /// [`MAX_CONCURRENT_REQUESTS`].
    pub concurrent_requests: usize,
    /// [`ENROL_BURST`].
    pub enrol_burst: u32,
    /// [`ENROL_REFILL`].
    pub enrol_refill: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: MAX_BODY_BYTES,
            request_timeout: REQUEST_TIMEOUT,
            concurrent_requests: MAX_CONCURRENT_REQUESTS,
            enrol_burst: ENROL_BURST,
            enrol_refill: ENROL_REFILL,
        }
    }
}
