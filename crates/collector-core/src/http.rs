//! Requests as the server wants them: signed by the seat, counted.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use device_store::DeviceStore;
use record_model::{DeploymentId, LogId};
use signed_delta::{RequestToSign, SeatKey};

use crate::error::CollectorError;
use crate::ports::{Clock, Disconnected, HttpAnswer, Transport};

/// Who sends.
pub const SEAT_HEADER: &str = "Lakou-Seat";
/// The log the device believes it talks to.
pub const LOG_HEADER: &str = "Lakou-Log";
/// Rises with every request of the seat.
pub const COUNTER_HEADER: &str = "Lakou-Counter";
/// The seat's signature over method, path, body hash, log and counter, in hex.
pub const SIGNATURE_HEADER: &str = "Lakou-Signature";
/// A registry was put back from backups no more often than this.
const MAX_RESTORATIONS: usize = 64;
/// Where deltas go up.
pub const PUSH_PATH: &str = "/v1/push";
/// Where deltas come down.
pub const PULL_PATH: &str = "/v1/pull";
/// Where proofs come from.
pub const PROVE_PATH: &str = "/v1/prove";
/// Where parts of bundles are handed in that were carried for others.
pub const BUNDLES_PATH: &str = "/v1/bundles";
/// Where the files of publications are, by SHA-256 in hex.
pub const BLOBS_PATH: &str = "/v1/blobs/";

/// Bytes and requests, counted for the person who pays for the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Requests made.
    pub requests: u64,
    /// Bytes of bodies and of our headers, up.
    pub bytes_up: u64,
    /// Bytes of bodies, down.
    pub bytes_down: u64,
}

/// A road on which every request is signed.
pub(crate) struct SignedRoad<'a> {
    pub(crate) transport: &'a mut dyn Transport,
    pub(crate) key: &'a SeatKey,
    pub(crate) deployment: DeploymentId,
    pub(crate) log: LogId,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) traffic: &'a mut Traffic,
}

impl SignedRoad<'_> {
    pub(crate) fn post(
        &mut self,
        store: &mut DeviceStore,
        path: &str,
        body: &[u8],
    ) -> Result<HttpAnswer, CollectorError> {
        self.counted(store, "POST", path, body, |transport, headers| transport.post(path, headers, body))
    }

    pub(crate) fn get(
        &mut self,
        store: &mut DeviceStore,
        path: &str,
        limit_bytes: usize,
    ) -> Result<HttpAnswer, CollectorError> {
        self.counted(store, "GET", path, &[], |transport, headers| transport.get(path, headers, limit_bytes))
    }

    /// Sends a request with the next counter. A store that is a copy, or was put back, may be behind with its counters; the
    /// server says so, and the request is made once more.
    fn counted(
        &mut self,
        store: &mut DeviceStore,
        method: &str,
        path: &str,
        body: &[u8],
        send: impl Fn(&mut dyn Transport, &[(&'static str, String)]) -> Result<HttpAnswer, Disconnected>,
    ) -> Result<HttpAnswer, CollectorError> {
        let mut again = true;
        loop {
            let headers = self.headers(store, method, path, body)?;
            self.count_up(path, &headers, body);
            let answer = send(self.transport, &headers)?;
            self.traffic.bytes_down += answer.body.len() as u64;
            let seat = self.key.seat();
            let behind = match counter_taken(&answer).filter(|_| again) {
                Some(taken) => store
                    .write(|tx| tx.pass_over_request_counter(seat, taken))
                    .map_err(CollectorError::Store)?,
                None => false,
            };
            if !behind {
                let restorations = restorations_in(&answer);
                if !restorations.is_empty() {
                    return Err(CollectorError::LogRestored { restorations });
                }
                return Ok(answer);
            }
            again = false;
        }
    }

    fn count_up(&mut self, path: &str, headers: &[(&'static str, String)], body: &[u8]) {
        let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        self.traffic.requests += 1;
        self.traffic.bytes_up += (path.len() + headers + body.len()) as u64;
    }

    /// The counter is durable before the request leaves: a crash skips a number, and never gives one twice.
    fn headers(
        &self,
        store: &mut DeviceStore,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, CollectorError> {
        let seat = self.key.seat();
        let now = self.clock.now();
        let counter = store.write(|tx| tx.next_request_counter(seat, now)).map_err(CollectorError::Store)?;
        let request = RequestToSign { method, path, body, log: self.log, counter };
        let signature = request.sign(self.key, self.deployment);
        Ok(vec![
            (SEAT_HEADER, seat.to_string()),
            (LOG_HEADER, self.log.to_string()),
            (COUNTER_HEADER, counter.to_string()),
            (SIGNATURE_HEADER, HEXLOWER.encode(signature.as_bytes())),
        ])
    }
}

/// The counter that the server says it took last, when it refuses a request for repeating one.
fn counter_taken(answer: &HttpAnswer) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Repeated {
        counter: u64,
    }
    let refused = answer.status == 401 && problem_code(&answer.body).as_deref() == Some("request_refused");
    let repeated = if refused { serde_json::from_slice::<Repeated>(&answer.body).ok() } else { None };
    repeated.map(|repeated| repeated.counter)
}

/// What the server says of how its log goes on, when it refuses a request in a log that ended.
fn restorations_in(answer: &HttpAnswer) -> Vec<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct OtherLog {
        restorations: Vec<String>,
    }
    if answer.status != 409 || problem_code(&answer.body).as_deref() != Some("other_log") {
        return Vec::new();
    }
    let told = serde_json::from_slice::<OtherLog>(&answer.body).map(|told| told.restorations);
    let told = told.unwrap_or_default().into_iter().take(MAX_RESTORATIONS);
    told.filter_map(|envelope| BASE64URL_NOPAD.decode(envelope.as_bytes()).ok()).collect()
}

/// The `code` of a problem body (`application/problem+json`).
pub(crate) fn problem_code(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice::<Problem>(body).ok().map(|problem| problem.code).filter(|code| code.len() <= 64)
}
