//! Installing from npm and PyPI, once for each state of the lock files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::OracleError;
use crate::workspace_root;

/// Why there is no oracle on this machine whatever is installed; none where there can be one.
pub const WHY_NOT_HERE: Option<&str> = if cfg!(windows) {
    Some("on Windows nobody has tried to install the engines it compares with")
} else {
    None
};

/// What says which versions; all of it is in the key.
const PINS: [&str; 3] = ["package.json", "package-lock.json", "requirements.txt"];

/// Written last: a folder without it is half an installation.
const READY: &str = "ready";

/// jsdom's own demand.
const NODE: &str = "20.19";

/// The folder of the installation, made if need be.
pub(super) fn install() -> Result<PathBuf, OracleError> {
    let pins = workspace_root().join("tests/oracle");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = target.unwrap_or_else(|| workspace_root().join("target")).join("oracle");
    let folder = home.join(key(&pins)?);
    fs::create_dir_all(&home).map_err(OracleError::file(&home))?;
    let path = home.join("lock");
    let lock = File::create(&path).map_err(OracleError::file(&path))?;
    lock.lock().map_err(OracleError::file(&path))?;
    if !is_whole(&folder) {
        check_node()?;
        clear(&home)?;
        fill(&pins, &folder)?;
    }
    Ok(folder)
}

/// Whether an installation went to its end here.
pub(super) fn is_whole(folder: &Path) -> bool {
    folder.join(READY).is_file()
}

/// The pins' hash, short.
fn key(pins: &Path) -> Result<String, OracleError> {
    let mut hash = Sha256::new();
    for name in PINS {
        let path = pins.join(name);
        let bytes = fs::read(&path).map_err(OracleError::file(&path))?;
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    Ok(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Takes away installations of other versions, and half ones.
fn clear(home: &Path) -> Result<(), OracleError> {
    for entry in fs::read_dir(home).map_err(OracleError::file(home))? {
        let path = entry.map_err(OracleError::file(home))?.path();
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(OracleError::file(&path))?;
        }
    }
    Ok(())
}

fn fill(pins: &Path, folder: &Path) -> Result<(), OracleError> {
    fs::create_dir_all(folder).map_err(OracleError::file(folder))?;
    for name in PINS {
        let path = folder.join(name);
        fs::copy(pins.join(name), &path).map_err(OracleError::file(&path))?;
    }
    // What a package would run at its installation is not run.
    run("npm", Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]), folder)?;
    run("python3 -m venv", Command::new("python3").args(["-m", "venv", "venv"]), folder)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
    run("pip", Command::new(folder.join("venv/bin/python")).args(pip), folder)?;
    let ready = folder.join(READY);
    fs::write(&ready, "").map_err(OracleError::file(&ready))
}

fn run(program: &'static str, command: &mut Command, folder: &Path) -> Result<(), OracleError> {
    let output = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| OracleError::NotStarted { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(4_000)..]).into_owned();
    Err(OracleError::NotInstalled { program, said })
}

/// An old distribution brings an old Node, on which jsdom fails with words that do not say so.
fn check_node() -> Result<(), OracleError> {
    let output = Command::new("node")
        .args(["--print", "process.versions.node"])
        .output()
        .map_err(|source| OracleError::NotStarted { program: "node", source })?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if numbers(&found) >= numbers(NODE) {
        Ok(())
    } else {
        Err(OracleError::TooOld { program: "node", found, needed: NODE })
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("20.20.2") >= numbers(NODE));
        assert!(numbers("22.1.0") >= numbers(NODE));
        assert!(numbers("20.9.0") < numbers(NODE));
        assert!(numbers("18.19.0") < numbers(NODE));
    }

    #[test]
    fn the_key_changes_with_every_pin() {
        let folder = tempfile::tempdir().unwrap();
        for name in PINS {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let before = key(folder.path()).unwrap();
        for name in PINS {
            fs::write(folder.path().join(name), "other").unwrap();
            assert_ne!(key(folder.path()).unwrap(), before, "{name}");
            fs::write(folder.path().join(name), name).unwrap();
        }
        assert_eq!(key(folder.path()).unwrap(), before);
    }
}
