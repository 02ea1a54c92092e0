//! The folder a store lives in.

use std::path::{Path, PathBuf};

use crate::durable::write_durably;
use crate::error::DeviceStoreError;

/// The folder a store lives in: `store.db`, `keys.json` and `incarnation`.
///
/// `incarnation` is a random word that is also in the database and in no backup. When the two differ, the database is
/// not the one that last wrote here: it was copied or restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

pub(crate) type Incarnation = [u8; 16];

impl Home {
    /// The home in this folder, whether or not a store is there.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The encrypted database.
    pub fn database(&self) -> PathBuf {
        self.root.join("store.db")
    }

    /// The wrapped keys.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys.json")
    }

    /// The word that no backup holds.
    pub fn incarnation(&self) -> PathBuf {
        self.root.join("incarnation")
    }

    /// True when a store is there.
    pub fn has_store(&self) -> bool {
        self.keys().exists() || self.database().exists()
    }

    /// None when the file is missing or is not ours: then this is a restored store.
    pub(crate) fn read_incarnation(&self) -> Option<Incarnation> {
        let text = std::fs::read(self.incarnation()).ok()?;
        data_encoding::HEXLOWER.decode(text.trim_ascii()).ok()?.try_into().ok()
    }

    pub(crate) fn write_incarnation(&self, incarnation: &Incarnation) -> Result<(), DeviceStoreError> {
        write_durably(&self.incarnation(), data_encoding::HEXLOWER.encode(incarnation).as_bytes())
    }
}
