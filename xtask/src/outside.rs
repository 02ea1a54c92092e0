//! What suites read that is not in the checkout: where it is, and which suites are skipped without it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace;

/// The folder of test vectors.
pub(crate) const VECTORS: &str = "LAKOU_VECTORS";

/// The folder of form engines of others. Set and empty: they are not wanted.
const ORACLE: &str = "LAKOU_ORACLE";

/// Each variable with the folder for it, if there is one.
pub(crate) struct Outside(Vec<(&'static str, Option<PathBuf>)>);

impl Outside {
    /// Takes the folders the caller named and installs the oracle where none is named. The workspace must be built.
    /// Names on standard error the suites that are skipped.
    pub(crate) fn find() -> Result<Self, Box<dyn Error>> {
        let vectors = vectors()?;
        let oracle = match std::env::var_os(ORACLE) {
            Some(_) => named(ORACLE)?,
            None => prepare_oracle()?,
        };
        let found = Self(vec![(VECTORS, vectors), (ORACLE, oracle)]);
        found.name_skipped(&workspace::root())?;
        Ok(found)
    }

    /// The same command, told where everything is.
    pub(crate) fn told(&self, mut command: Command) -> Command {
        for (variable, folder) in &self.0 {
            match folder {
                Some(folder) => command.env(variable, folder),
                None => command.env_remove(variable),
            };
        }
        command
    }

    fn name_skipped(&self, root: &Path) -> Result<(), std::io::Error> {
        for (variable, folder) in &self.0 {
            if folder.is_none() {
                for suite in suites_reading(variable, root)? {
                    eprintln!("skipped without {variable}: {}", suite.display());
                }
            }
        }
        Ok(())
    }
}

/// The test vectors, where the caller has them.
pub(crate) fn vectors() -> Result<Option<PathBuf>, Box<dyn Error>> {
    named(VECTORS)
}

/// The folder the caller named, as a full path, since each suite runs in a folder of its own.
fn named(variable: &str) -> Result<Option<PathBuf>, Box<dyn Error>> {
    let Some(folder) = std::env::var_os(variable).filter(|folder| !folder.is_empty()) else {
        return Ok(None);
    };
    let folder = std::path::absolute(folder)?;
    if folder.is_dir() {
        Ok(Some(folder))
    } else {
        Err(format!("{variable}: no folder {}", folder.display()).into())
    }
}

/// The first time this takes a minute and the network; afterwards neither.
fn prepare_oracle() -> Result<Option<PathBuf>, Box<dyn Error>> {
    let program = format!("prepare-oracle{}", std::env::consts::EXE_SUFFIX);
    let program = workspace::target_dir().join("debug").join(program);
    let output = Command::new(program).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("no oracle; to do without: {ORACLE}= cargo xtask test").into());
    }
    let folder = String::from_utf8(output.stdout)?;
    Ok(Some(folder.trim()).filter(|folder| !folder.is_empty()).map(PathBuf::from))
}

/// Every suite below `folder` whose source names the variable, by its path from there.
fn suites_reading(variable: &str, folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut suites = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                if !is_output(&path) {
                    folders.push(path);
                }
            } else if is_suite(&path) && std::fs::read_to_string(&path)?.contains(variable) {
                suites.push(path.strip_prefix(folder).unwrap_or(&path).to_owned());
            }
        }
    }
    suites.sort();
    Ok(suites)
}

/// Folders that hold no source of ours.
fn is_output(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name == "target" || name.starts_with('.')
}

/// A Rust file in a `tests` folder.
fn is_suite(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
        && path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_reads_a_variable_is_named_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("crates/engine/tests/vectors.rs", r#"std::env::var("LAKOU_VECTORS")"#);
        write("crates/engine/tests/oracle.rs", "/// Skipped without LAKOU_ORACLE.");
        write("crates/engine/tests/plain.rs", "");
        write("crates/engine/src/lib.rs", "// LAKOU_VECTORS");
        write("target/tests/old.rs", "LAKOU_VECTORS");
        let suite = |name| Path::new("crates").join("engine").join("tests").join(name);
        assert_eq!(suites_reading(VECTORS, root.path()).unwrap(), [suite("vectors.rs")]);
        assert_eq!(suites_reading(ORACLE, root.path()).unwrap(), [suite("oracle.rs")]);
    }

    #[test]
    fn a_command_learns_of_what_there_is_and_of_nothing_else() {
        let outside = Outside(vec![(VECTORS, Some(PathBuf::from("/v"))), (ORACLE, None)]);
        let command = outside.told(Command::new("true"));
        let told: Vec<_> = command.get_envs().collect();
        assert_eq!(told, [(ORACLE.as_ref(), None), (VECTORS.as_ref(), Some("/v".as_ref()))]);
    }
}
