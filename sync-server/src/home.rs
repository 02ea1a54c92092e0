//! The server's folder: what lies in it, who holds it, and how it is opened.
//!
//! ```text
//! lakou-server/
//!   registry.db             the registry (and the two files SQLite keeps beside it)
//!   keys.json               the registry's and the desk's secret keys; its owner's alone
//!   recovery-identity.txt   opens what laptops seal for recovery; to be moved to a safe and deleted here
//!   server.lock             held by the one server that serves the folder
//!   work.lock               held by everybody who works in it; alone by who rebuilds it
//! ```

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry_core::{DeploymentFacts, Registry, RegistryError, RegistryKeys};
use registry_store::{RegistryStore, SqliteRegistry};
use signed_delta::SeatKey;
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind};
use crate::platform::{self, Machine};
use crate::words::msg;

/// The database's name in the folder.
pub const DATABASE: &str = "registry.db";
/// The keys' name in the folder.
pub const KEYS: &str = "keys.json";
/// The recovery identity's name in the folder.
pub const RECOVERY_IDENTITY: &str = "recovery-identity.txt";
const SERVER_LOCK: &str = "server.lock";
const WORK_LOCK: &str = "work.lock";
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// A server's folder, there or not yet.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

/// The folder's registry, open. Others may work in it too, unless it was opened alone.
pub struct OpenHome {
    /// The registry.
    pub registry: Registry,
    _work: File,
}

/// Who else may work in the folder meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// A server and other commands.
    Welcome,
    /// Nobody.
    Alone,
}

/// What becomes of a folder that could not be filled to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    /// Nothing in it was ever used.
    Remove,
    /// Something may count on what is in it already.
    Keep,
}

impl Home {
    /// At this path.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// True when the folder is absent, or holds nothing.
    pub fn is_vacant(&self) -> Result<bool, Failure> {
        match std::fs::read_dir(&self.path) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(Failure::file(&self.path, error)),
        }
    }

    /// Fills a vacant folder at once or not at all: `fill` works in a folder beside it, which then takes its name.
    pub fn fill<T>(
        &self,
        if_it_fails: Leftovers,
        fill: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if !self.is_vacant()? {
            let occupied = msg("home-occupied").with("path", self.path.display());
            return Err(Failure::new(FailureKind::Refused, occupied).hint(msg("hint-other-home")));
        }
        let unfinished = Self::at(&beside(&self.path, "unfinished")?);
        platform::create_private_folder(&unfinished.path)
            .map_err(|error| Failure::file(&unfinished.path, error))?;
        let filled = fill(&unfinished).and_then(|value| {
            take_name(&unfinished.path, &self.path).map_err(|error| Failure::file(&self.path, error))?;
            Ok(value)
        });
        if filled.is_err() && if_it_fails == Leftovers::Remove {
            let _ = std::fs::remove_dir_all(&unfinished.path);
        }
        filled
    }

    /// Founds a deployment in this folder, which `fill` made.
    pub fn found(&self, keys: RegistryKeys, facts: DeploymentFacts) -> Result<Registry, Failure> {
        let path = self.file(KEYS);
        platform::write_secret(&path, &encode_keys(&keys)).map_err(|error| Failure::file(&path, error))?;
        let store: Arc<dyn RegistryStore> = Arc::new(SqliteRegistry::open(&self.file(DATABASE), None)?);
        Ok(Registry::found(store, keys, facts, Arc::<Machine>::default())?)
    }

    /// Opens the registry beside whoever else works in the folder, or alone.
    pub fn open(&self, company: Company) -> Result<OpenHome, Failure> {
        if !self.file(DATABASE).exists() {
            return Err(Failure::from(RegistryError::NotFounded));
        }
        let work = self.lock_work(company)?;
        let keys = read_keys(&self.file(KEYS))?;
        let store: Arc<dyn RegistryStore> =
            Arc::new(SqliteRegistry::open_existing(&self.file(DATABASE), None)?);
        let registry = Registry::open(store, keys, Arc::<Machine>::default())?;
        Ok(OpenHome { registry, _work: work })
    }

    /// Holds the folder for one server; refused while another serves it.
    pub fn lock_for_server(&self) -> Result<File, Failure> {
        let path = self.file(SERVER_LOCK);
        let file = platform::open_lock(&path).map_err(|error| Failure::file(&path, error))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // Another server, or a `status` that looks this very moment whether there is one.
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(Failure::file(&path, error)),
            }
        }
        let served = msg("home-served").with("path", self.path.display());
        Err(Failure::new(FailureKind::Refused, served).hint(msg("hint-one-server")))
    }

    /// True while a server serves the folder.
    pub fn is_served(&self) -> Result<bool, Failure> {
        let path = self.file(SERVER_LOCK);
        let file = platform::open_lock(&path).map_err(|error| Failure::file(&path, error))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(Failure::file(&path, error)),
        }
    }

    fn lock_work(&self, company: Company) -> Result<File, Failure> {
        let path = self.file(WORK_LOCK);
        let file = platform::open_lock(&path).map_err(|error| Failure::file(&path, error))?;
        let locked = match company {
            Company::Welcome => file.try_lock_shared(),
            Company::Alone => file.try_lock(),
        };
        match (locked, company) {
            (Ok(()), _) => Ok(file),
            (Err(TryLockError::WouldBlock), Company::Welcome) => {
                Err(Failure::new(FailureKind::Busy, msg("home-rebuilding")).hint(msg("hint-again")))
            }
            (Err(TryLockError::WouldBlock), Company::Alone) => {
                Err(Failure::new(FailureKind::Busy, msg("home-in-use")).hint(msg("hint-stop-server")))
            }
            (Err(TryLockError::Error(error)), _) => Err(Failure::file(&path, error)),
        }
    }
}

/// A name beside this one that nobody uses.
pub fn beside(path: &Path, what: &str) -> Result<PathBuf, Failure> {
    let name = path
        .file_name()
        .ok_or_else(|| Failure::new(FailureKind::Usage, msg("path-nameless").with("path", path.display())))?;
    let mut random = [0; 5];
    platform::fill_random(&mut random);
    let suffix = data_encoding::BASE32_NOPAD.encode(&random);
    Ok(path.with_file_name(format!(".{}.{what}-{suffix}", name.to_string_lossy())))
}

/// Renames a finished folder or file to its name, durably. An empty folder of that name gives way.
pub fn take_name(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.is_dir() {
        std::fs::remove_dir(to)?;
    }
    if from.is_dir() {
        platform::sync_folder(from)?;
    }
    std::fs::rename(from, to)?;
    match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => platform::sync_folder(parent),
        None => platform::sync_folder(Path::new(".")),
    }
}

#[derive(serde::Serialize, serde::Deserialize, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
struct KeysFile {
    version: u32,
    registry: String,
    desk: String,
}

fn encode_keys(keys: &RegistryKeys) -> Zeroizing<Vec<u8>> {
    let hex = |key: &SeatKey| data_encoding::HEXLOWER.encode(key.secret().as_slice());
    let file = KeysFile { version: 1, registry: hex(&keys.registry), desk: hex(&keys.desk) };
    Zeroizing::new(serde_json::to_vec_pretty(&file).expect("two texts and a number are JSON"))
}

/// Reads the keys. Nothing of their content is ever said.
pub fn read_keys(path: &Path) -> Result<RegistryKeys, Failure> {
    let unusable = || {
        Failure::new(FailureKind::Damaged, msg("keys-unusable").with("path", path.display()))
            .hint(msg("hint-keys"))
    };
    let bytes = Zeroizing::new(
        std::fs::read(path).map_err(|error| Failure::file(path, error).hint(msg("hint-keys")))?,
    );
    let file: KeysFile = serde_json::from_slice(&bytes).map_err(|_| unusable())?;
    if file.version != 1 {
        return Err(unusable());
    }
    let key = |hex: &str| -> Option<SeatKey> {
        let secret = Zeroizing::new(data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?);
        secret.as_slice().try_into().ok().map(SeatKey::from_secret)
    };
    match (key(&file.registry), key(&file.desk)) {
        (Some(registry), Some(desk)) => Ok(RegistryKeys { registry, desk }),
        _ => Err(unusable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_file_and_a_damaged_file_says_nothing_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEYS);
        let keys =
            RegistryKeys { registry: SeatKey::from_secret(&[1; 32]), desk: SeatKey::from_secret(&[2; 32]) };
        std::fs::write(&path, encode_keys(&keys).as_slice()).unwrap();
        let again = read_keys(&path).unwrap();
        assert_eq!(again.registry.seat(), keys.registry.seat());
        assert_eq!(again.desk.seat(), keys.desk.seat());

        let text = std::fs::read_to_string(&path).unwrap().replace("0101", "01");
        std::fs::write(&path, text).unwrap();
        let failure = read_keys(&path).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Damaged);
        assert!(failure.detail().is_none());
    }

    #[test]
    fn a_folder_that_could_not_be_filled_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("server"));
        let failed: Result<(), Failure> = home.fill(Leftovers::Remove, |_| {
            Err(Failure::new(FailureKind::Usage, msg("path-nameless").with("path", "")))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        home.fill(Leftovers::Remove, |inside| {
            std::fs::write(inside.file("x"), b"").map_err(|error| Failure::file(inside.path(), error))
        })
        .unwrap();
        assert!(home.file("x").exists());
        assert_eq!(home.fill(Leftovers::Remove, |_| Ok(())).unwrap_err().kind, FailureKind::Refused);
    }
}
