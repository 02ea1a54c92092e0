//! `backup` and `restore`: a folder that holds all that the log holds, and back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry_core::{Registry, RegistryKeys};
use registry_store::{RegistryStore, SqliteRegistry};
use sha2::{Digest, Sha256};

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::home::{DATABASE, Home, KEYS, Leftovers, read_keys};
use crate::platform::{self, Machine};
use crate::views::{BackupManifest, BackupView, RestoreView, date_time, fingerprint, hex};
use crate::words::msg;

const MANIFEST: &str = "backup.json";

/// Write a consistent copy of the registry to a new folder, beside a running server.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The folder to make.
    dest: PathBuf,

    /// Put the secret keys into it too. Without them, keep a copy of keys.json elsewhere: neither restores alone.
    #[arg(long)]
    with_keys: bool,
}

/// Fill an empty server folder from a backup, and check all of it.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup's folder.
    src: PathBuf,

    /// The keys, when the backup does not hold them.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(crate) fn backup(app: &App, args: &BackupArgs) -> Result<(), Failure> {
    let dest = Home::at(&args.dest);
    if !dest.is_vacant()? {
        let occupied = msg("home-occupied").with("path", args.dest.display());
        return Err(Failure::new(FailureKind::Refused, occupied).hint(msg("hint-other-copy")));
    }
    let open = app.open()?;
    // Once the copy is made, devices are told that it exists: it is not thrown away for a later mishap.
    let view = dest.fill(Leftovers::Keep, |folder| {
        let log_through = open.registry.backup_to(&folder.file(DATABASE))?;
        if args.with_keys {
            copy_secret(&app.home.file(KEYS), &folder.file(KEYS))?;
        }
        let sha256 = hash_of_file(&folder.file(DATABASE))?;
        let manifest = manifest(&open.registry, log_through, sha256, args.with_keys);
        let path = folder.file(MANIFEST);
        let json = serde_json::to_vec_pretty(&manifest).expect("texts and numbers are JSON");
        platform::write_secret(&path, &json).map_err(|error| Failure::file(&path, error))?;
        Ok(BackupView { folder: args.dest.display().to_string(), manifest })
    })?;
    app.ui.result(&view, |ui| {
        let through = view.manifest.log_through;
        ui.say(&msg("backup-done").with("path", &view.folder).count("entries", through));
    });
    if !args.with_keys {
        app.ui.note(&msg("backup-keys").with("path", app.home.file(KEYS).display()));
    }
    Ok(())
}

fn manifest(registry: &Registry, log_through: u64, sha256: String, with_keys: bool) -> BackupManifest {
    let facts = registry.facts();
    BackupManifest {
        version: 1,
        deployment: facts.deployment,
        log: facts.log,
        training: facts.training,
        registry_key_fingerprint: fingerprint(&registry.registry_key()),
        log_through,
        sha256,
        made_at: date_time(platform::now()),
        with_keys,
    }
}

/// SHA-256 of a file of any size, hex.
fn hash_of_file(path: &Path) -> Result<String, Failure> {
    let mut hasher = Sha256::new();
    let mut file = std::fs::File::open(path).map_err(|error| Failure::file(path, error))?;
    std::io::copy(&mut file, &mut HashWriter(&mut hasher)).map_err(|error| Failure::file(path, error))?;
    Ok(hex(&hasher.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn copy_secret(from: &Path, to: &Path) -> Result<(), Failure> {
    let content = std::fs::read(from).map_err(|error| Failure::file(from, error))?;
    let content = zeroize::Zeroizing::new(content);
    platform::write_secret(to, &content).map_err(|error| Failure::file(to, error))
}

pub(crate) fn restore(app: &App, args: &RestoreArgs) -> Result<(), Failure> {
    let manifest = read_manifest(&args.src.join(MANIFEST))?;
    let keys_path = args.keys.clone().unwrap_or_else(|| args.src.join(KEYS));
    if !keys_path.exists() {
        let missing = msg("restore-keys").with("path", keys_path.display());
        return Err(Failure::new(FailureKind::NotFound, missing).hint(msg("hint-restore-keys")));
    }
    let keys = read_keys(&keys_path)?;
    let view = app.home.fill(Leftovers::Remove, |home| {
        let database = home.file(DATABASE);
        std::fs::copy(args.src.join(DATABASE), &database).map_err(|error| Failure::file(&args.src, error))?;
        if hash_of_file(&database)? != manifest.sha256 {
            return Err(Failure::new(FailureKind::DoesNotHold, msg("restore-other")));
        }
        copy_secret(&keys_path, &home.file(KEYS))?;
        let restored = open_restored(&database, keys)?;
        prove(&restored, &manifest)?;
        // What the laptops have seen since the backup was made is gone: they are told so, and send it again.
        restored.declare_restored()?;
        drop(restored);
        let registry = open_restored(&database, read_keys(&keys_path)?)?;
        registry.merge_all()?;
        let head = registry.tree_head()?;
        Ok(RestoreView {
            home: app.home.path().display().to_string(),
            deployment: registry.facts().deployment,
            log: registry.facts().log,
            log_length: head.size,
            root: hex(&head.root),
        })
    })?;
    app.ui.result(&view, |ui| {
        ui.say(&msg("restore-done").with("path", &view.home).count("entries", view.log_length));
    });
    Ok(())
}

fn read_manifest(path: &Path) -> Result<BackupManifest, Failure> {
    let json =
        std::fs::read(path).map_err(|error| Failure::file(path, error).hint(msg("hint-not-a-backup")))?;
    serde_json::from_slice(&json).map_err(|error| Failure::content(path, error))
}

fn open_restored(database: &Path, keys: RegistryKeys) -> Result<Registry, Failure> {
    let store: Arc<dyn RegistryStore> = Arc::new(SqliteRegistry::open_existing(database, None)?);
    Ok(Registry::open(store, keys, Arc::<Machine>::default())?)
}

/// A copy that does not hold is not put in the server's place.
fn prove(registry: &Registry, manifest: &BackupManifest) -> Result<(), Failure> {
    let report = registry.verify()?;
    let told = report.entries >= manifest.log_through && registry.facts().deployment == manifest.deployment;
    match report.faults.first() {
        None if told => {
            // The records, items and registry rows of the copy may have been altered without a trace in the log: what
            // is put in the server's place is made again from it, and must be what the copy held.
            let rebuilt = registry.rebuild()?;
            if rebuilt.before == rebuilt.after {
                Ok(())
            } else {
                Err(Failure::new(FailureKind::DoesNotHold, msg("restore-altered")))
            }
        }
        None => Err(Failure::new(FailureKind::DoesNotHold, msg("restore-other"))),
        Some(first) => {
            let faults = msg("verify-faults").count("count", report.faults.len() as u64);
            Err(Failure::new(FailureKind::DoesNotHold, faults).because(first.what.clone()))
        }
    }
}
