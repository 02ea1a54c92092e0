#![doc = include_str!("../README.md")]

use std::path::{Path, PathBuf};

pub mod interviews;
pub mod oracle;
pub mod sheet;
pub mod vectors;
pub mod workbook;
pub mod world;

/// The workspace's root folder.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("this crate lies in the workspace's folder").to_owned()
}

/// A text file of the workspace, by its path from the root.
///
/// # Panics
///
/// When there is none, since a suite can show nothing without it.
pub fn read(path: &str) -> String {
    let full = workspace_root().join(path);
    match std::fs::read_to_string(&full) {
        // A checkout may have turned the line ends.
        Ok(text) => text.replace("\r\n", "\n"),
        Err(error) => panic!("{}: {error}", full.display()),
    }
}
