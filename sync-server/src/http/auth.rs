//! A signed request, read whole.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use record_model::{LogId, SeatId};
use registry_core::Registry;
use signed_delta::{RequestToSign, SeatStanding, Signature};

use super::problem::{Problem, Refused};

/// Who sends.
pub const SEAT_HEADER: &str = "lakou-seat";
/// The log the device believes it talks to; 16 zero bytes before it knows one.
pub const LOG_HEADER: &str = "lakou-log";
/// Rises with every request of the seat.
pub const COUNTER_HEADER: &str = "lakou-counter";
/// The seat's signature, in hex.
pub const SIGNATURE_HEADER: &str = "lakou-signature";

/// The media type of our messages.
pub const LAKOU_TYPE: &str = "application/vnd.lakou.v1";
const PLAIN_TYPE: &str = "application/octet-stream";

/// A request as it came: well-formed headers, nothing proven yet.
pub(super) struct SignedRequest {
    method: String,
    path: String,
    log: LogId,
    counter: u64,
    signature: Signature,
    pub(super) seat: SeatId,
    pub(super) body: Vec<u8>,
}

impl SignedRequest {
    /// Reads headers and body; at most `limit_bytes` of it.
    pub(super) async fn read(request: Request, limit_bytes: usize) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let unread = Self::from_parts(&parts)?;
        let body = read_body(&parts.headers, body, limit_bytes).await?;
        Ok(Self { body, ..unread })
    }

    fn from_parts(parts: &Parts) -> Result<Self, Problem> {
        let text = |name: &str| {
            let mut values = parts.headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (Some(value), None) => value.to_str().map_err(|_| Problem::Unsigned),
                _ => Err(Problem::Unsigned),
            }
        };
        let signature = HEXLOWER.decode(text(SIGNATURE_HEADER)?.as_bytes()).ok();
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        Ok(Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            log: text(LOG_HEADER)?.parse().map_err(|_| Problem::Unsigned)?,
            counter: decimal(text(COUNTER_HEADER)?).ok_or(Problem::Unsigned)?,
            signature: Signature::from_bytes(signature.ok_or(Problem::Unsigned)?),
            seat: text(SEAT_HEADER)?.parse().map_err(|_| Problem::Unsigned)?,
            body: Vec::new(),
        })
    }

    /// Proves that the seat signed exactly this, once. Says nothing of what the seat may do.
    pub(super) fn authenticate(&self, registry: &Registry) -> Result<Arc<SeatStanding>, Refused> {
        let signed = RequestToSign {
            method: &self.method,
            path: &self.path,
            body: &self.body,
            log: self.log,
            counter: self.counter,
        };
        Ok(registry.authenticate(self.seat, &signed, &self.signature)?)
    }
}

/// A number as we write it: digits, no sign, no leading zero.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Reads a body of one of our media types; a client that names none is believed.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit_bytes: usize,
) -> Result<Vec<u8>, Problem> {
    if let Some(kind) = headers.get(header::CONTENT_TYPE)
        && kind != LAKOU_TYPE
        && kind != PLAIN_TYPE
    {
        return Err(Problem::UnsupportedMediaType);
    }
    let promised = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if promised.is_some_and(|bytes: usize| bytes > limit_bytes) {
        return Err(Problem::TooLarge);
    }
    match to_bytes(body, limit_bytes).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) if is_length_limit(&error) => Err(Problem::TooLarge),
        // The line broke in the middle of the body: nobody is there to read the answer.
        Err(_) => Err(Problem::Malformed),
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        if cause.to_string().contains("length limit exceeded") {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_one_spelling() {
        assert_eq!(decimal("17"), Some(17));
        for other in ["", "+17", "017", "17 ", "-1", "1e3"] {
            assert_eq!(decimal(other), None, "{other:?}");
        }
    }
}
