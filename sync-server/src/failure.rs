//! How a command fails: one table of exit codes, words and hints.

use std::error::Error;
use std::path::Path;

use registry_core::RegistryError;
use registry_store::{SqliteError, StoreError};
use sync_protocol::BundleError;

use crate::words::{Message, msg};

/// What kind of failure, and with it the exit code, which is the collector's for the same kind. README.md lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// What was to be proven does not hold: `verify` found faults.
    DoesNotHold,
    /// The command or a file given to it cannot be used. The command line parser ends with the same code.
    Usage,
    /// It exists, and may not be done now or ever.
    Refused,
    /// The same command may succeed a little later.
    Busy,
    /// What is stored does not hold together.
    Damaged,
    /// No space left.
    DiskFull,
    /// Written by a newer version of the program.
    NewerVersion,
    /// What was named does not exist here.
    NotFound,
    /// The machine: disks, ports, rights.
    System,
}

/// Kind, exit code, stable word in JSON.
const TABLE: &[(FailureKind, u8, &str)] = &[
    (FailureKind::DoesNotHold, 1, "does_not_hold"),
    (FailureKind::Usage, 2, "usage"),
    // 3 and 4 are the collector's: a wrong passphrase, no server.
    (FailureKind::Refused, 5, "refused"),
    (FailureKind::Busy, 6, "busy"),
    (FailureKind::Damaged, 7, "damaged"),
    (FailureKind::DiskFull, 8, "disk_full"),
    (FailureKind::NewerVersion, 9, "newer_version"),
    (FailureKind::NotFound, 10, "not_found"),
    (FailureKind::System, 11, "system"),
];

impl FailureKind {
    fn row(self) -> (Self, u8, &'static str) {
        // Every kind has its row: a test walks the table.
        TABLE.iter().copied().find(|row| row.0 == self).unwrap_or((Self::System, 11, "system"))
    }

    /// The exit code of the process.
    pub fn exit_code(self) -> u8 {
        self.row().1
    }

    /// The stable word in JSON.
    pub fn as_str(self) -> &'static str {
        self.row().2
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What happened, for a person.
    pub message: Message,
    /// What to do next.
    pub hint: Option<Message>,
    /// The cause, for whoever helps that person.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// With neither hint nor cause.
    pub fn new(kind: FailureKind, message: Message) -> Self {
        Self { kind, message, hint: None, source: None }
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: Message) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Adds the cause.
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A file or folder that the machine would not read or write.
    pub fn file(path: &Path, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => FailureKind::NotFound,
            _ => FailureKind::System,
        };
        Self::new(kind, msg("file-unusable").with("path", path.display())).because(source)
    }

    /// A file whose content is not what it must be.
    pub fn content(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(FailureKind::Usage, msg("file-content").with("path", path.display())).because(source)
    }

    /// The causes, outermost first, as one line.
    pub fn detail(&self) -> Option<String> {
        let mut next: Option<&dyn Error> = self.source.as_deref().map(|source| source as &dyn Error);
        let mut causes: Vec<String> = Vec::new();
        while let Some(cause) = next {
            let said = cause.to_string();
            // A transparent error repeats what it wraps.
            if causes.last() != Some(&said) {
                causes.push(said);
            }
            next = cause.source();
        }
        (!causes.is_empty()).then(|| causes.join(": "))
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        use FailureKind::{Damaged, NotFound, Refused, System, Usage};
        let (kind, message, hint) = match &error {
            RegistryError::Store(_) => {
                return match error {
                    RegistryError::Store(error) => error.into(),
                    other => Self::new(Damaged, msg("registry-damaged")).because(other),
                };
            }
            RegistryError::NotFounded => (NotFound, msg("home-not-founded"), Some(msg("hint-init"))),
            RegistryError::AlreadyFounded => (Refused, msg("home-founded"), Some(msg("hint-other-home"))),
            RegistryError::OtherKeys => (Refused, msg("keys-other"), Some(msg("hint-keys"))),
            RegistryError::UnknownCode | RegistryError::UsedCode | RegistryError::ExpiredCode => {
                (Refused, msg("code-unusable"), Some(msg("hint-invite")))
            }
            RegistryError::Enrolment { .. } => (Usage, msg("enrolment-refused"), None),
            RegistryError::UnknownSeat { seat } => {
                (NotFound, msg("seat-unknown").with("seat", seat), Some(msg("hint-device-list")))
            }
            RegistryError::Revoked { seat } => (Refused, msg("seat-revoked").with("seat", seat), None),
            RegistryError::CertificateExpired { seat } => {
                (Refused, msg("certificate-expired").with("seat", seat), None)
            }
            RegistryError::RequestRefused { .. }
            | RegistryError::RequestRepeated { .. }
            | RegistryError::OtherLog { .. } => (Refused, msg("request-refused"), None),
            RegistryError::UnknownRecord { record } => {
                (NotFound, msg("record-unknown").with("record", record), Some(msg("hint-record-list")))
            }
            RegistryError::UnknownItem { item } => {
                (NotFound, msg("item-unknown").with("item", item), Some(msg("hint-review-list")))
            }
            RegistryError::SettledItem { item } => {
                (Refused, msg("item-settled").with("item", item), Some(msg("hint-review-list")))
            }
            RegistryError::NotForked { .. } => (Usage, msg("fork-none"), Some(msg("hint-review-list"))),
            RegistryError::ForkDecided { .. } => {
                (Refused, msg("fork-decided-before"), Some(msg("hint-review-list")))
            }
            RegistryError::UnknownBranch { stands } => {
                (NotFound, msg("branch-unknown").with("branch", stands), Some(msg("hint-review-list")))
            }
            RegistryError::Resolution { .. } => (Usage, msg("resolution-unfit"), Some(msg("hint-decide"))),
            RegistryError::Form(_) => (Usage, msg("form-refused"), Some(msg("hint-form"))),
            RegistryError::Pack { file, .. } => (Usage, msg("pack-refused").with("file", file), None),
            RegistryError::Bundle(refused) => {
                let key = match refused {
                    BundleError::NotABundle | BundleError::TooLarge { .. } => msg("bundle-not-one"),
                    BundleError::Damaged => msg("bundle-damaged"),
                    BundleError::OtherDeployment { .. } => msg("bundle-other-deployment"),
                    BundleError::SealedToAnother => msg("bundle-sealed"),
                    BundleError::BadSignature => msg("bundle-signature"),
                };
                (Usage, key, Some(msg("hint-bundle")))
            }
            RegistryError::BundleForDevice => (Usage, msg("bundle-for-device"), None),
            RegistryError::Merger(_) => {
                (System, msg("merge-unavailable"), Some(msg("hint-merge-unavailable")))
            }
            RegistryError::Damaged { .. } => (Damaged, msg("registry-damaged"), Some(msg("hint-verify"))),
        };
        Self { kind, message, hint, source: Some(Box::new(error)) }
    }
}

/// What a store's error means to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreTrouble {
    Busy,
    DiskFull,
    Unreadable,
    Damaged,
    TooNew,
    Missing,
    Other,
}

impl StoreTrouble {
    pub(crate) fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Sqlite(sqlite) if sqlite.is_retryable() => Self::Busy,
            StoreError::Sqlite(SqliteError::DiskFull { .. }) => Self::DiskFull,
            StoreError::Sqlite(SqliteError::WrongKey { .. }) => Self::Unreadable,
            StoreError::Sqlite(SqliteError::Damaged { .. }) => Self::Damaged,
            StoreError::Sqlite(SqliteError::SchemaTooNew { .. }) => Self::TooNew,
            StoreError::Sqlite(SqliteError::Missing { .. }) => Self::Missing,
            StoreError::Sqlite(_) => Self::Other,
            StoreError::Row { .. } => Self::Damaged,
            StoreError::Undone => Self::Busy,
            StoreError::Closed | StoreError::Io { .. } | StoreError::Panicked | StoreError::Plan(_) => {
                Self::Other
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        use FailureKind::{Busy, Damaged, DiskFull, NewerVersion, NotFound, System};
        let (kind, message, hint) = match StoreTrouble::of(&error) {
            StoreTrouble::Busy => (Busy, msg("store-busy"), Some(msg("hint-again"))),
            StoreTrouble::DiskFull => (DiskFull, msg("disk-full"), Some(msg("hint-disk"))),
            StoreTrouble::Unreadable => (Damaged, msg("database-unreadable"), Some(msg("hint-backup"))),
            StoreTrouble::Damaged => (Damaged, msg("registry-damaged"), Some(msg("hint-verify"))),
            StoreTrouble::TooNew => (NewerVersion, msg("schema-too-new"), Some(msg("hint-upgrade"))),
            StoreTrouble::Missing => (NotFound, msg("home-not-founded"), Some(msg("hint-init"))),
            StoreTrouble::Other => (System, msg("store-failed"), None),
        };
        Self { kind, message, hint, source: Some(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_exit_code_and_the_readme_lists_it() {
        let readme = include_str!("../README.md");
        for (kind, code, word) in TABLE {
            assert_eq!((kind.exit_code(), kind.as_str()), (*code, *word));
            assert!(readme.contains(&format!("| {code} | `{word}` |")), "README.md lacks {word}");
        }
        let codes: Vec<u8> = TABLE.iter().map(|row| row.1).collect();
        assert!(codes.is_sorted_by(|one, next| one < next) && !codes.contains(&0));
    }

    #[test]
    fn a_store_s_trouble_is_told_by_its_variant() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("registry.db");
        let missing = registry_store::SqliteRegistry::open_existing(&nowhere, None).unwrap_err();
        assert_eq!(StoreTrouble::of(&missing), StoreTrouble::Missing);
        std::fs::write(&nowhere, vec![7; 8192]).unwrap();
        let unreadable = registry_store::SqliteRegistry::open_existing(&nowhere, None).unwrap_err();
        assert_eq!(StoreTrouble::of(&unreadable), StoreTrouble::Unreadable);
    }

    #[test]
    fn the_detail_names_each_cause_once() {
        let damaged = RegistryError::Store(StoreError::Row { table: "log", column: "leaf" });
        let failure = Failure::from(damaged);
        assert_eq!(failure.detail().unwrap(), "table log holds a row that cannot be read (leaf)");
        assert_eq!(failure.kind, FailureKind::Damaged);
    }
}
