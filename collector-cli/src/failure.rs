//! The one table of what can fail: exit code, words, and what to do about it.

use std::error::Error;
use std::path::Path;

use collector_core::{BundleError, CollectorError, DeviceStoreError, PullFailure, PushFailure, SqliteError};

use crate::messages::Text;

/// What a person, or a script, can do about a failure. Each has its exit code, which never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers must be corrected.
    InvalidAnswers,
    /// The command was not given as it must be.
    Usage,
    /// The passphrase is not right.
    WrongPassphrase,
    /// No server answered, or something else than ours did.
    NoServer,
    /// The server answered and would not.
    Refused,
    /// Another process is at work in the store.
    Busy,
    /// What is stored does not hold together.
    Damaged,
    /// No space left.
    DiskFull,
    /// Written by a newer version of the program.
    NewerVersion,
    /// No such thing here: no store, person, record, form or file.
    NotFound,
    /// Something of the machine, such as a folder that may not be written.
    System,
}

/// Kind, exit code, stable word, key of the hint.
const TABLE: &[(Kind, u8, &str, Option<&str>)] = &[
    (Kind::InvalidAnswers, 1, "invalid_answers", None),
    (Kind::Usage, 2, "usage", Some("hint-usage")),
    (Kind::WrongPassphrase, 3, "wrong_passphrase", Some("hint-wrong-passphrase")),
    (Kind::NoServer, 4, "no_server", Some("hint-no-server")),
    (Kind::Refused, 5, "refused", Some("hint-refused")),
    (Kind::Busy, 6, "busy", Some("hint-busy")),
    (Kind::Damaged, 7, "damaged", Some("hint-damaged")),
    (Kind::DiskFull, 8, "disk_full", Some("hint-disk-full")),
    (Kind::NewerVersion, 9, "newer_version", Some("hint-newer-version")),
    (Kind::NotFound, 10, "not_found", None),
    (Kind::System, 11, "system", None),
];

impl Kind {
    fn row(self) -> &'static (Kind, u8, &'static str, Option<&'static str>) {
        // Every kind has its row: a test walks them.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[TABLE.len() - 1])
    }

    /// What the process exits with.
    pub fn exit_code(self) -> u8 {
        self.row().1
    }

    /// The stable word in JSON.
    pub fn as_str(self) -> &'static str {
        self.row().2
    }

    fn hint(self) -> Option<Text> {
        self.row().3.map(Text::new)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// What can be done about it.
    pub kind: Kind,
    /// What happened, for a person.
    pub message: Text,
    /// What to do next.
    pub hint: Option<Box<Text>>,
    /// Each thing to correct, one a line.
    pub details: Vec<Text>,
    /// The cause, in the program's own words, for support.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: Text) -> Self {
        Self { kind, message, hint: kind.hint().map(Box::new), details: Vec::new(), source: None }
    }

    /// With another hint than the kind's own.
    #[must_use]
    pub(crate) fn hint(mut self, hint: Text) -> Self {
        self.hint = Some(Box::new(hint));
        self
    }

    #[must_use]
    pub(crate) fn without_hint(mut self) -> Self {
        self.hint = None;
        self
    }

    #[must_use]
    pub(crate) fn details(mut self, details: impl IntoIterator<Item = Text>) -> Self {
        self.details.extend(details);
        self
    }

    #[must_use]
    pub(crate) fn source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind as E;
        let (kind, key) = match error.kind() {
            E::NotFound => (Kind::NotFound, "error-file-missing"),
            E::StorageFull | E::QuotaExceeded => (Kind::DiskFull, "error-disk-full"),
            _ => (Kind::System, "error-file"),
        };
        Self::new(
            kind,
            Text::new(key).with("path", path.display().to_string()).with("reason", error.to_string()),
        )
        .source(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl From<CollectorError> for Failure {
    fn from(error: CollectorError) -> Self {
        use CollectorError as E;
        let said = |kind, key: &'static str| Self::new(kind, Text::new(key));
        match &error {
            E::Store(store) => return Self::of_store(store).source(error),
            E::Document(_) => {
                said(Kind::InvalidAnswers, "error-document").details([Text::verbatim(error.to_string())])
            }
            E::Merger(_) => {
                said(Kind::System, "error-merge-unavailable").hint(Text::new("hint-merge-unavailable"))
            }
            E::Disconnected(lost) => {
                let reason = lost.reason.clone();
                Self::new(Kind::NoServer, Text::new("error-no-server").with("reason", reason))
            }
            E::Push(PushFailure::NotOurs { .. }) | E::Pull(PullFailure::NotOurs { .. }) => Self::not_ours(),
            E::Push(PushFailure::Refused { status, code })
            | E::Pull(PullFailure::Refused { status, code }) => Self::refused_by_server(*status, code),
            E::Push(PushFailure::UntrustedReceipt) | E::Pull(PullFailure::UntrustedPage) => {
                said(Kind::NoServer, "error-untrusted").hint(Text::new("hint-untrusted"))
            }
            E::Pull(
                PullFailure::Inconsistent(_) | PullFailure::OtherLog { .. } | PullFailure::NoProgress,
            ) => said(Kind::Refused, "error-other-log").hint(Text::new("hint-other-log")),
            E::LogRestored { .. } => {
                said(Kind::Refused, "error-log-restored").hint(Text::new("hint-log-restored"))
            }
            E::InvitationCode => said(Kind::Usage, "error-invitation").hint(Text::new("hint-invitation")),
            E::OtherDeployment => {
                said(Kind::Usage, "error-other-deployment").hint(Text::new("hint-other-deployment"))
            }
            E::EnrolmentRefused { status, code } if is_passing(code) => {
                Self::refused_by_server(*status, code)
            }
            E::EnrolmentRefused { status, code } => Self::new(
                Kind::Refused,
                Text::new("error-enrolment-refused").with("reason", problem(*status, code)),
            )
            .hint(Text::new("hint-enrolment-refused")),
            E::NotTheRegistry { status } => {
                Self::new(Kind::NoServer, Text::new("error-not-the-registry").with("status", *status))
            }
            E::EnrolmentPending => {
                said(Kind::Usage, "error-enrolment-pending").hint(Text::new("hint-enrolment-pending"))
            }
            E::NothingAsked => {
                said(Kind::NotFound, "error-nothing-asked").hint(Text::new("hint-nothing-asked"))
            }
            E::AlreadyAsked => {
                said(Kind::Refused, "error-already-asked").hint(Text::new("hint-already-asked"))
            }
            E::NoAnswer => said(Kind::NotFound, "error-no-answer").hint(Text::new("hint-no-answer")),
            E::PassphraseTooShort { at_least } => {
                Self::new(Kind::Usage, Text::new("error-passphrase-short").with("at_least", *at_least))
                    .without_hint()
            }
            E::NoForm { lineage } => {
                Self::new(Kind::NotFound, Text::new("error-no-form").with("form", lineage.as_str()))
                    .hint(Text::new("hint-no-form"))
            }
            E::UnknownRevision { .. } => {
                said(Kind::NotFound, "error-unknown-revision").hint(Text::new("hint-no-form"))
            }
            E::LineageNotCertified { lineage } => {
                Self::new(Kind::Refused, Text::new("error-not-certified").with("form", lineage.as_str()))
                    .hint(Text::new("hint-not-certified"))
            }
            E::UnknownRecord { record } => Self::new(
                Kind::NotFound,
                Text::new("error-unknown-record").with("record", record.to_string()),
            )
            .hint(Text::new("hint-record")),
            E::RecordNotFound { found } => {
                Self::new(Kind::NotFound, Text::new("error-record-not-found").with("found", *found))
                    .hint(Text::new("hint-record"))
            }
            E::Withdrawn { record } => Self::new(
                Kind::InvalidAnswers,
                Text::new("error-withdrawn").with("record", record.to_string()),
            ),
            E::Path(problem) => {
                Self::new(Kind::InvalidAnswers, Text::new("error-path").with("reason", problem.to_string()))
                    .hint(Text::new("hint-path"))
            }
            E::NotInForm { path, .. } => {
                Self::new(Kind::InvalidAnswers, Text::new("error-not-in-form").with("path", path.as_str()))
                    .hint(Text::new("hint-path"))
            }
            E::NotForPeople { path } => {
                Self::new(Kind::InvalidAnswers, Text::new("error-not-for-people").with("path", path.as_str()))
            }
            E::Answer { path, source } => {
                let expected = crate::form_text::expected(source);
                Self::new(
                    Kind::InvalidAnswers,
                    Text::new("error-answer").with("path", path.as_str()).with("expected", expected),
                )
            }
            E::ReasonMissing => said(Kind::Usage, "error-reason-missing").without_hint(),
            E::Blocked { violations } => {
                Self::new(Kind::InvalidAnswers, Text::new("error-blocked").with("count", violations.len()))
                    .details(violations.iter().map(crate::form_text::violation))
            }
            E::Empty { record } => {
                Self::new(Kind::InvalidAnswers, Text::new("error-empty").with("record", record.to_string()))
            }
            E::NoArea { .. } => said(Kind::InvalidAnswers, "error-no-area"),
            E::NumbersUsedUp => said(Kind::Refused, "error-numbers-used-up").hint(Text::new("hint-refused")),
            E::Bundle(refused) => Self::of_bundle(refused),
            E::BundleForRegistry => said(Kind::Usage, "error-bundle-for-registry").without_hint(),
            E::BundleForColleague { person } => {
                Self::new(Kind::Usage, Text::new("error-bundle-colleague").with("person", person.as_str()))
                    .hint(Text::new("hint-which-person"))
            }
            E::NoBundleRecipient => {
                said(Kind::Refused, "error-no-bundle-recipient").hint(Text::new("hint-enrolment-refused"))
            }
            E::TooManyWaitingPages => {
                said(Kind::Refused, "error-too-many-waiting").hint(Text::new("hint-no-parts"))
            }
            E::Unreadable { what } => {
                Self::new(Kind::Damaged, Text::new("error-unreadable").with("what", *what))
            }
            _ => Self::new(Kind::System, Text::verbatim(error.to_string())),
        }
        .source(error)
    }
}

impl Failure {
    /// True for a part of a bundle that is meant for somebody else.
    pub(crate) fn is_for_others(&self) -> bool {
        let cause = self.source.as_ref().and_then(|source| source.downcast_ref::<CollectorError>());
        matches!(
            cause,
            Some(
                CollectorError::BundleForRegistry
                    | CollectorError::BundleForColleague { .. }
                    | CollectorError::Bundle(BundleError::SealedToAnother)
            )
        )
    }

    fn of_store(error: &DeviceStoreError) -> Self {
        use DeviceStoreError as E;
        let at = |key: &'static str, path: &Path| Text::new(key).with("path", path.display().to_string());
        match error {
            E::Sqlite(sqlite) => {
                let (kind, key) = match sqlite {
                    SqliteError::Busy { .. } => (Kind::Busy, "error-busy"),
                    SqliteError::DiskFull { .. } => (Kind::DiskFull, "error-disk-full"),
                    SqliteError::SchemaTooNew { .. } => (Kind::NewerVersion, "error-newer-version"),
                    SqliteError::WrongKey { .. } | SqliteError::Damaged { .. } => {
                        (Kind::Damaged, "error-damaged")
                    }
                    SqliteError::Missing { .. } => (Kind::NotFound, "error-no-database"),
                    _ => (Kind::System, "error-store"),
                };
                Self::new(kind, Text::new(key).with("reason", sqlite.to_string()).with("path", ""))
            }
            E::File { path, source, .. } => {
                use std::io::ErrorKind as Io;
                let full = matches!(source.kind(), Io::StorageFull | Io::QuotaExceeded);
                let (kind, key) =
                    if full { (Kind::DiskFull, "error-disk-full") } else { (Kind::System, "error-file") };
                Self::new(kind, at(key, path).with("reason", source.to_string()))
            }
            E::NoStore { home } => {
                Self::new(Kind::NotFound, at("error-no-store", home)).hint(Text::new("hint-no-store"))
            }
            E::StoreExists { home } => Self::new(Kind::Usage, at("error-store-exists", home)).without_hint(),
            E::UnknownPerson => Self::new(Kind::NotFound, Text::new("error-unknown-person"))
                .hint(Text::new("hint-unknown-person")),
            E::PersonExists => Self::new(Kind::Usage, Text::new("error-person-exists")).without_hint(),
            E::WrongPassphrase => Self::new(Kind::WrongPassphrase, Text::new("error-wrong-passphrase")),
            E::KeysDamaged { path, .. } => Self::new(Kind::Damaged, at("error-damaged", path)),
            E::KeysTooNew { path, .. } => Self::new(Kind::NewerVersion, at("error-newer-version", path)),
            E::NoRandomness => Self::new(Kind::System, Text::new("error-no-randomness")),
            E::Row { .. } => Self::new(Kind::Damaged, Text::new("error-damaged").with("path", "")),
            _ => Self::new(
                Kind::System,
                Text::new("error-store").with("reason", error.to_string()).with("path", ""),
            ),
        }
    }

    fn of_bundle(error: &BundleError) -> Self {
        let (kind, key, hint) = match error {
            BundleError::NotABundle | BundleError::TooLarge { .. } => {
                (Kind::Usage, "error-not-a-bundle", "hint-no-parts")
            }
            BundleError::Damaged => (Kind::Usage, "error-bundle-damaged", "hint-bundle-damaged"),
            BundleError::OtherDeployment { .. } => {
                (Kind::Usage, "error-bundle-other-deployment", "hint-other-deployment")
            }
            BundleError::SealedToAnother => (Kind::Usage, "error-bundle-sealed", "hint-bundle-damaged"),
            BundleError::BadSignature => (Kind::Refused, "error-bundle-signature", "hint-untrusted"),
        };
        Self::new(kind, Text::new(key)).hint(Text::new(hint))
    }

    fn not_ours() -> Self {
        Self::new(Kind::NoServer, Text::new("error-not-ours")).hint(Text::new("hint-not-ours"))
    }

    /// The server's own word that it would not, by a code of its catalogue (docs/PROTOCOL.md).
    pub(crate) fn refused_by_server(status: u16, code: &str) -> Self {
        let reason = problem(status, code);
        if is_passing(code) {
            return Self::new(Kind::NoServer, Text::new("error-not-now").with("reason", reason))
                .hint(Text::new("hint-not-now"));
        }
        let refused = Self::new(Kind::Refused, Text::new("error-refused").with("reason", reason));
        if code == "other_log" { refused.hint(Text::new("hint-other-log")) } else { refused }
    }
}

/// Codes of the server's catalogue. Each has its words: a test of the suites holds this against the catalogue.
const PROBLEMS: &[&str] = &[
    "malformed",
    "enrolment_refused",
    "unsigned",
    "request_refused",
    "enrolment_code_unknown",
    "enrolment_code_expired",
    "seat_revoked",
    "certificate_expired",
    "not_found",
    "method_not_allowed",
    "request_timeout",
    "other_log",
    "enrolment_code_used",
    "body_too_large",
    "unsupported_media_type",
    "bundle_refused",
    "too_many_requests",
    "internal",
    "busy",
    "storage_full",
];

/// What passes by itself: trying again later is all there is to do.
fn is_passing(code: &str) -> bool {
    matches!(code, "request_timeout" | "too_many_requests" | "internal" | "busy" | "storage_full")
}

/// A code in words; one of a newer server as it stands.
fn problem(status: u16, code: &str) -> Text {
    if PROBLEMS.contains(&code) {
        Text::new(format!("problem-{}", code.replace('_', "-")))
    } else {
        Text::verbatim(format!("{status} {code}"))
    }
}

impl From<DeviceStoreError> for Failure {
    fn from(error: DeviceStoreError) -> Self {
        Self::of_store(&error).source(error)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn kind(error: impl Into<CollectorError>) -> Kind {
        Failure::from(error.into()).kind
    }

    fn stored(error: SqliteError) -> CollectorError {
        DeviceStoreError::Sqlite(error).into()
    }

    #[test]
    fn every_kind_has_its_row_and_no_two_share_a_code() {
        let mut codes: Vec<u8> = TABLE.iter().map(|row| row.1).collect();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
        for (kind, code, word, _) in TABLE {
            assert_eq!((kind.exit_code(), kind.as_str()), (*code, *word));
        }
    }

    #[test]
    fn the_stores_errors_are_told_apart_by_what_a_person_can_do() {
        let path = PathBuf::from("store.db");
        let newer = SqliteError::SchemaTooNew { path: path.clone(), found: 9, known: 1 };
        assert_eq!(kind(stored(SqliteError::Busy { path: path.clone() })), Kind::Busy);
        assert_eq!(kind(stored(SqliteError::DiskFull { path: path.clone() })), Kind::DiskFull);
        assert_eq!(kind(stored(SqliteError::Damaged { path: path.clone() })), Kind::Damaged);
        assert_eq!(kind(stored(SqliteError::WrongKey { path: path.clone() })), Kind::Damaged);
        assert_eq!(kind(stored(newer)), Kind::NewerVersion);
        assert_eq!(kind(DeviceStoreError::WrongPassphrase), Kind::WrongPassphrase);
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(kind(DeviceStoreError::File { doing: "write", path, source }), Kind::DiskFull);
    }

    #[test]
    fn a_captive_portal_is_no_server_and_a_refusal_is_one() {
        assert_eq!(kind(PushFailure::NotOurs { status: 200 }), Kind::NoServer);
        assert_eq!(kind(PullFailure::NotOurs { status: 302 }), Kind::NoServer);
        assert_eq!(kind(PushFailure::UntrustedReceipt), Kind::NoServer);
        assert_eq!(kind(PushFailure::Refused { status: 403, code: "seat_revoked".into() }), Kind::Refused);
        assert_eq!(kind(PullFailure::Refused { status: 503, code: "busy".into() }), Kind::NoServer);
        assert_eq!(kind(PushFailure::Refused { status: 507, code: "storage_full".into() }), Kind::NoServer);
        let lost = collector_core::Disconnected { reason: "timeout".into() };
        assert_eq!(kind(lost), Kind::NoServer);
        assert_eq!(kind(CollectorError::NotTheRegistry { status: 200 }), Kind::NoServer);
    }
}
