//! The one catalogue of problems (RFC 9457). Codes are stable: devices and manuals name them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use registry_core::RegistryError;
use registry_store::StoreError;
use serde::Serialize;

use super::limits::RETRY_AFTER_SECONDS;
use crate::failure::StoreTrouble;

/// The media type of a problem body.
pub const PROBLEM_TYPE: &str = "application/problem+json";

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $code:literal, $title:literal;)+) => {
        /// What can be wrong with a request, or with us.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Problem {
            $($(#[$doc])* $variant),+
        }

        impl Problem {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it means, for whoever reads a log. Never about a person.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

problems!(
    /// Bytes that are not the message this route takes.
    Malformed = 400, "malformed", "The body is not the message this route takes";
    /// An enrolment request that proves nothing.
    EnrolmentRefused = 400, "enrolment_refused", "The enrolment request does not prove possession of its key in this deployment";
    /// The four headers are missing or not of their form.
    Unsigned = 401, "unsigned", "The request lacks the headers Lakou-Seat, Lakou-Log, Lakou-Counter and Lakou-Signature";
    /// A wrong signature, an unknown seat or a repeated counter: which of them is not said.
    RequestRefused = 401, "request_refused", "The request is not signed by a known seat, or repeats an earlier one";
    /// The code was never made here.
    CodeUnknown = 403, "enrolment_code_unknown", "The enrolment code is not known here";
    /// The code has run out.
    CodeExpired = 403, "enrolment_code_expired", "The enrolment code has expired; ask for a new one";
    /// Nothing more is shown to this seat.
    SeatRevoked = 403, "seat_revoked", "The seat has been revoked; its work is still taken";
    /// Nothing more is shown until it is renewed.
    CertificateExpired = 403, "certificate_expired", "The seat's certificate has expired; its work is still taken";
    /// No such route or content, or none that this seat may see.
    NotFound = 404, "not_found", "Nothing here, or nothing that may be shown";
    /// The route exists for another method.
    MethodNotAllowed = 405, "method_not_allowed", "The route does not take this method";
    /// The body or the request took too long.
    Timeout = 408, "request_timeout", "The request took too long; what was acknowledged is safe";
    /// The device follows another log.
    OtherLog = 409, "other_log", "The device follows another log than this server's";
    /// Somebody else used it.
    CodeUsed = 409, "enrolment_code_used", "The enrolment code has been used by another device";
    /// More than a body may have.
    TooLarge = 413, "body_too_large", "The body is larger than this route takes";
    /// Neither of the two media types.
    UnsupportedMediaType = 415, "unsupported_media_type", "The body must be application/vnd.lakou.v1 or application/octet-stream";
    /// A carried part that is not for here, was damaged, or is signed by nobody known.
    BundleRefused = 422, "bundle_refused", "The part is not for this registry, is damaged, or is not signed by a known seat";
    /// One address asks too often.
    TooManyRequests = 429, "too_many_requests", "This address asks too often; wait as long as Retry-After says";
    /// Our own fault.
    Internal = 500, "internal", "The server could not do this; nothing was acknowledged";
    /// Too much at once, or the database is held by another process.
    Busy = 503, "busy", "The server is busy; wait as long as Retry-After says";
    /// Nothing can be made durable.
    StorageFull = 507, "storage_full", "The server's disk is full; nothing was acknowledged";
);

#[derive(Serialize)]
struct Body {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restorations: Vec<String>,
}

/// What a problem tells the seat that can do something about it.
#[derive(Debug, Default)]
struct Details {
    /// The last counter taken.
    counter: Option<u64>,
    /// How the log went on from others: signed deltas in base64url.
    restorations: Vec<String>,
}

impl Problem {
    /// The body, in the one form devices find the code in: `"code":"…"` without blanks.
    pub fn body(self) -> String {
        self.body_with(Details::default())
    }

    fn body_with(self, Details { counter, restorations }: Details) -> String {
        let body = Body {
            r#type: format!("urn:lakou:problem:{}", self.code()),
            title: self.title(),
            status: self.status(),
            code: self.code(),
            counter,
            restorations,
        };
        serde_json::to_string(&body).expect("texts and a number are JSON")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).expect("the catalogue holds valid statuses");
        let mut response = (status, self.body()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        if matches!(self, Self::TooManyRequests | Self::Busy) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A problem with a signed request. The seat that repeated a counter is told which was the last one, to go on above it; one
/// that follows a log which ended is told how it goes on.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Problem,
    details: Details,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, details: Details::default() }
    }
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        let details = match &error {
            RegistryError::RequestRepeated { last, .. } => {
                Details { counter: Some(*last), ..Details::default() }
            }
            RegistryError::OtherLog { restorations } => Details {
                restorations: restorations.iter().map(|delta| BASE64URL_NOPAD.encode(delta)).collect(),
                ..Details::default()
            },
            _ => Details::default(),
        };
        Self { problem: error.into(), details }
    }
}

impl From<sync_protocol::MessageError> for Refused {
    fn from(error: sync_protocol::MessageError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if self.details.counter.is_some() || !self.details.restorations.is_empty() {
            *response.body_mut() = self.problem.body_with(self.details).into();
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        response
    }
}

impl From<RegistryError> for Problem {
    /// Our own faults are logged here, once; a client's are its own.
    fn from(error: RegistryError) -> Self {
        match &error {
            RegistryError::UnknownSeat { .. }
            | RegistryError::RequestRefused { .. }
            | RegistryError::RequestRepeated { .. } => Self::RequestRefused,
            RegistryError::OtherLog { .. } => Self::OtherLog,
            RegistryError::Revoked { .. } => Self::SeatRevoked,
            RegistryError::CertificateExpired { .. } => Self::CertificateExpired,
            RegistryError::UnknownCode => Self::CodeUnknown,
            RegistryError::UsedCode => Self::CodeUsed,
            RegistryError::ExpiredCode => Self::CodeExpired,
            RegistryError::Enrolment { .. } => Self::EnrolmentRefused,
            RegistryError::Bundle(_) | RegistryError::BundleForDevice => Self::Malformed,
            RegistryError::Store(store) => Self::of_store(store),
            RegistryError::NotFounded
            | RegistryError::AlreadyFounded
            | RegistryError::OtherKeys
            | RegistryError::UnknownRecord { .. }
            | RegistryError::UnknownItem { .. }
            | RegistryError::SettledItem { .. }
            | RegistryError::NotForked { .. }
            | RegistryError::ForkDecided { .. }
            | RegistryError::UnknownBranch { .. }
            | RegistryError::Resolution { .. }
            | RegistryError::Form(_)
            | RegistryError::Pack { .. }
            | RegistryError::Merger(_)
            | RegistryError::Damaged { .. } => {
                tracing::error!(%error, "a request failed by our own fault");
                Self::Internal
            }
        }
    }
}

impl Problem {
    fn of_store(error: &StoreError) -> Self {
        match StoreTrouble::of(error) {
            StoreTrouble::Busy => {
                tracing::warn!(%error, "the store is busy");
                Self::Busy
            }
            StoreTrouble::DiskFull => {
                tracing::error!(%error, "the disk is full");
                Self::StorageFull
            }
            _ => {
                tracing::error!(%error, "the store failed");
                Self::Internal
            }
        }
    }
}

impl From<sync_protocol::MessageError> for Problem {
    fn from(error: sync_protocol::MessageError) -> Self {
        match error {
            sync_protocol::MessageError::TooLarge { .. } => Self::TooLarge,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_one_of_a_kind_and_can_be_found_without_a_parser() {
        let mut codes: Vec<&str> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Problem::ALL.len());
        for problem in Problem::ALL {
            assert!(problem.body().contains(&format!("\"code\":\"{}\"", problem.code())));
            assert!(problem.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        }
    }

    #[test]
    fn the_readme_lists_the_catalogue() {
        let readme = include_str!("../../README.md");
        for problem in Problem::ALL {
            let row = format!("| `{}` | {} | {} |", problem.code(), problem.status(), problem.title());
            assert!(readme.contains(&row), "README.md lacks: {row}");
        }
    }
}
