//! Forms and the files of packs, as the registry published them.

use record_model::{DeltaHash, FormRevision, Lineage};
use rusqlite::{Row, params};
use signed_delta::{PublicationAct, PublishedFile};

use crate::error::DeviceStoreError;
use crate::row::{Columns, bad, lineage};
use crate::store::Tx;

/// Whether a publication can be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationState {
    /// Some of its files are still to be fetched.
    Fetching,
    /// All its files are here, and its form compiles.
    Ready,
    /// Its files do not make the form revision it names.
    Broken,
}

impl PublicationState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fetching => "fetching",
            Self::Ready => "ready",
            Self::Broken => "broken",
        }
    }
}

/// A form revision and the files it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The delta that published it.
    pub delta: DeltaHash,
    /// Its lineage.
    pub lineage: Lineage,
    /// The revision.
    pub revision: FormRevision,
    /// Its place in the log: the order of publication.
    pub log_index: u64,
    /// Whether it can be used.
    pub state: PublicationState,
}

fn publication(row: &Row<'_>) -> rusqlite::Result<Publication> {
    let state = match row.get_ref(4)?.as_str()? {
        "fetching" => PublicationState::Fetching,
        "ready" => PublicationState::Ready,
        "broken" => PublicationState::Broken,
        _ => return Err(bad(4)),
    };
    Ok(Publication {
        delta: row.id(0)?,
        lineage: lineage(row, 1)?,
        revision: row.id(2)?,
        log_index: row.u64(3)?,
        state,
    })
}

impl Tx<'_> {
    /// A publication; its files are still to be fetched. Known already: nothing happens.
    pub fn put_publication(
        &self,
        delta: DeltaHash,
        act: &PublicationAct,
        log_index: u64,
    ) -> Result<(), DeviceStoreError> {
        let added = self.execute(
            "write the publication",
            "INSERT INTO publications (delta, lineage, revision, log_index) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
            params![delta.as_bytes(), act.lineage.as_str(), act.revision.as_bytes(), log_index as i64],
        )?;
        if added == 0 {
            return Ok(());
        }
        for file in &act.files {
            self.execute(
                "write the publication",
                "INSERT INTO publication_files (delta, name, sha256, size_bytes) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![delta.as_bytes(), file.name, file.sha256, file.size_bytes as i64],
            )?;
        }
        Ok(())
    }

    /// All publications in the order of publication.
    pub fn publications(&self) -> Result<Vec<Publication>, DeviceStoreError> {
        self.all(
            "read the publications",
            "SELECT delta, lineage, revision, log_index, state FROM publications ORDER BY log_index",
            [],
            publication,
        )
    }

    /// The latest publication of a revision.
    pub fn publication_of(&self, revision: FormRevision) -> Result<Option<Publication>, DeviceStoreError> {
        self.one(
            "read the publication",
            "SELECT delta, lineage, revision, log_index, state FROM publications WHERE revision = ?1
             ORDER BY log_index DESC LIMIT 1",
            [revision.as_bytes()],
            publication,
        )
    }

    /// Its files.
    pub fn publication_files(&self, delta: DeltaHash) -> Result<Vec<PublishedFile>, DeviceStoreError> {
        self.all(
            "read the publication's files",
            "SELECT name, sha256, size_bytes FROM publication_files WHERE delta = ?1 ORDER BY name",
            [delta.as_bytes()],
            |row| Ok(PublishedFile { name: row.get(0)?, sha256: row.id(1)?, size_bytes: row.u64(2)? }),
        )
    }

    /// Whether it can be used.
    pub fn set_publication_state(
        &self,
        delta: DeltaHash,
        state: PublicationState,
    ) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the publication's state",
            "UPDATE publications SET state = ?2 WHERE delta = ?1",
            params![delta.as_bytes(), state.as_str()],
        )?;
        Ok(())
    }

    /// A file's content by its SHA-256.
    pub fn blob(&self, sha256: &[u8; 32]) -> Result<Option<Vec<u8>>, DeviceStoreError> {
        self.one("read the file", "SELECT content FROM blobs WHERE sha256 = ?1", [sha256], |row| row.get(0))
    }

    /// True when the file is here.
    pub fn has_blob(&self, sha256: &[u8; 32]) -> Result<bool, DeviceStoreError> {
        let found =
            self.one("look for the file", "SELECT 1 FROM blobs WHERE sha256 = ?1", [sha256], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// A file whose hash the caller has checked.
    pub fn put_blob(&self, sha256: &[u8; 32], content: &[u8]) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the file",
            "INSERT INTO blobs (sha256, content) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![sha256, content],
        )?;
        Ok(())
    }
}
