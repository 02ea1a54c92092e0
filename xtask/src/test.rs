//! `cargo xtask test`: everything that must hold before a change lands.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::cargo::{cargo, run};
use crate::{demo, needs, pack, workspace};

/// The folder of test vectors kept outside the checkout. Suites that read it are skipped without it.
const VECTORS: &str = "LAKOU_VECTORS";

/// Builds the packs, then runs the tests of every member and a small demo.
///
/// Always the whole workspace: the tests of one package alone would build its dependencies again with other features.
/// The examples in the documentation run first, so that the last line is that of a suite with tests in it.
pub(crate) fn run_all() -> Result<(), Box<dyn Error>> {
    needs::install_missing()?;
    pack::run(&pack::Command::Build { name: None, out: None })?;
    let vectors = vectors()?;
    // Suites start our programs as processes, and cargo builds a package's programs for its own suites only. Together
    // with the suites they are built with the same features, so nothing is built twice. This very program is running,
    // and Windows would not let it be replaced.
    run(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--bins", "--tests"]))?;
    let in_docs = run(&mut with_vectors(cargo(&["test", "--workspace", "--doc"]), vectors.as_deref()));
    let suites = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
    let in_suites = run(&mut with_vectors(cargo(&suites), vectors.as_deref()));
    // And the main job from end to end, small.
    let in_demo = demo::play_small();
    in_docs.and(in_suites).and(in_demo)
}

fn with_vectors(mut command: std::process::Command, vectors: Option<&Path>) -> std::process::Command {
    match vectors {
        Some(folder) => command.env(VECTORS, folder),
        None => command.env_remove(VECTORS),
    };
    command
}

/// The folder the caller named, as a full path, since each suite runs in a folder of its own. Names on standard error
/// the suites that are skipped when there is none.
fn vectors() -> Result<Option<PathBuf>, Box<dyn Error>> {
    match std::env::var_os(VECTORS).filter(|folder| !folder.is_empty()) {
        Some(folder) => {
            let folder = std::path::absolute(folder)?;
            if folder.is_dir() {
                Ok(Some(folder))
            } else {
                Err(format!("{VECTORS}: no folder {}", folder.display()).into())
            }
        }
        None => {
            for suite in suites_reading_vectors(&workspace::root())? {
                eprintln!("skipped without {VECTORS}: {}", suite.display());
            }
            Ok(None)
        }
    }
}

/// Every suite below `folder` whose source names the variable, by its path from there.
fn suites_reading_vectors(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut suites = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                if !is_output(&path) {
                    folders.push(path);
                }
            } else if is_suite(&path) && std::fs::read_to_string(&path)?.contains(VECTORS) {
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
    fn a_suite_that_reads_vectors_is_named_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("crates/engine/tests/vectors.rs", r#"std::env::var("LAKOU_VECTORS")"#);
        write("crates/engine/tests/plain.rs", "");
        write("crates/engine/src/lib.rs", "// LAKOU_VECTORS");
        write("target/tests/old.rs", "LAKOU_VECTORS");
        let suite = Path::new("crates").join("engine").join("tests").join("vectors.rs");
        assert_eq!(suites_reading_vectors(root.path()).unwrap(), [suite]);
    }
}
