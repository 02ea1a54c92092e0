#![doc = include_str!("../README.md")]

mod carried;
mod platform;

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sync_protocol::{MAX_PART_BYTES, PART_EXTENSION};

pub use carried::{
    CarriedFolder, CarriedPart, Keeping, MAX_CARRIED_BYTES, MAX_CARRIED_PARTS, MAX_REPLY_DAYS,
};

/// Entries of a folder that are looked at. A folder with more is not one that a bundle was written to.
pub const MAX_FOLDER_ENTRIES: usize = 10_000;

/// What a part is called as long as it is not whole. Never taken for a part.
const UNFINISHED: &str = "unfinished";

/// Why a part could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file system's word.
    #[error("{}: {source}", shown(path))]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Its word.
        source: io::Error,
    },
    /// The stick gave back something else than what was written to it.
    #[error("{}: what was read back is not what was written. Use another stick", shown(path))]
    Differs {
        /// Which file.
        path: PathBuf,
    },
    /// A file that no part of a bundle can be: too large, or no regular file.
    #[error("{}: not a part of a bundle", shown(path))]
    NotAPart {
        /// Which file.
        path: PathBuf,
    },
    /// More entries than are looked at.
    #[error("{}: more than {MAX_FOLDER_ENTRIES} files; name the parts themselves", shown(path))]
    TooManyEntries {
        /// Which folder.
        path: PathBuf,
    },
}

impl PartError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

/// Writes one part into a folder, which is made if need be. When this returns, the part is on the medium under its name
/// and has been read back from there.
pub fn write_part(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, PartError> {
    std::fs::create_dir_all(folder).map_err(PartError::file(folder))?;
    let path = folder.join(name);
    let unfinished = path.with_extension(UNFINISHED);
    // Whatever lies there goes: an earlier attempt, or a link that somebody put there to have another file overwritten.
    for old in [&unfinished, &path] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(PartError::file(old)(error)),
            _ => {}
        }
    }
    let written = write_and_compare(&unfinished, bytes).and_then(|()| {
        std::fs::rename(&unfinished, &path).map_err(PartError::file(&path))?;
        platform::sync_folder(folder).map_err(PartError::file(folder))
    });
    if written.is_err() {
        // A full or dying stick: what was begun is worth nothing. If it cannot be removed either, its name says so.
        let _ = std::fs::remove_file(&unfinished);
    }
    written.map(|()| path)
}

fn write_and_compare(path: &Path, bytes: &[u8]) -> Result<(), PartError> {
    // Follows no link, and opens nothing that was there.
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(PartError::file(path))?;
    file.write_all(bytes).map_err(PartError::file(path))?;
    file.sync_all().map_err(PartError::file(path))?;
    platform::forget_cached(&file);
    drop(file);
    let back = std::fs::read(path).map_err(PartError::file(path))?;
    if back == bytes { Ok(()) } else { Err(PartError::Differs { path: path.to_owned() }) }
}

/// A path as it may be shown on a terminal: a name on a stick may hold what would repaint the screen, or turn it around.
pub fn shown(path: &Path) -> String {
    let is_plain = |c: char| {
        let is_unseen =
            matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}');
        !c.is_control() && !is_unseen && c != '\u{FEFF}'
    };
    path.to_string_lossy().chars().map(|c| if is_plain(c) { c } else { '\u{FFFD}' }).collect()
}

/// Parts found where a person pointed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundParts {
    /// In the order of their names, those of one folder together. A file that was named itself is there whatever it is
    /// called: messengers rename what they carry.
    pub parts: Vec<PathBuf>,
    /// Other things in the folders, passed over.
    pub passed_over: u64,
}

/// Looks for parts in files and folders. Folders inside folders are not looked into.
pub fn find_parts(named: &[PathBuf]) -> Result<FoundParts, PartError> {
    let mut found = FoundParts::default();
    for path in named {
        if path.is_dir() {
            look_into(path, &mut found)?;
        } else if path.exists() {
            found.parts.push(path.clone());
        } else {
            let source = io::Error::from(io::ErrorKind::NotFound);
            return Err(PartError::File { path: path.clone(), source });
        }
    }
    Ok(found)
}

fn look_into(folder: &Path, found: &mut FoundParts) -> Result<(), PartError> {
    let mut parts = Vec::new();
    for (count, entry) in std::fs::read_dir(folder).map_err(PartError::file(folder))?.enumerate() {
        if count == MAX_FOLDER_ENTRIES {
            return Err(PartError::TooManyEntries { path: folder.to_owned() });
        }
        let entry = entry.map_err(PartError::file(folder))?;
        // Not following links: one on a stick points anywhere.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_called_a_part(&entry.path()) {
            parts.push(entry.path());
        } else {
            found.passed_over += 1;
        }
    }
    parts.sort();
    found.parts.extend(parts);
    Ok(())
}

fn is_called_a_part(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    // Old sticks give names in capitals.
    !is_hidden && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(PART_EXTENSION))
}

/// Reads one part, no more of it than a part may have.
pub fn read_part(path: &Path) -> Result<Vec<u8>, PartError> {
    let not_a_part = || PartError::NotAPart { path: path.to_owned() };
    // Looked at before it is opened: opening a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(PartError::file(path))?.is_file() {
        return Err(not_a_part());
    }
    let file = std::fs::File::open(path).map_err(PartError::file(path))?;
    let mut bytes = Vec::new();
    file.take(MAX_PART_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(PartError::file(path))?;
    if bytes.len() > MAX_PART_BYTES { Err(not_a_part()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &FoundParts) -> Vec<&str> {
        found.parts.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn a_part_is_there_under_its_name_and_nothing_else_is_left() {
        let stick = tempfile::tempdir().unwrap();
        let folder = stick.path().join("lakou");
        let path = write_part(&folder, "lakou-AB-01.lakou", b"sealed").unwrap();
        assert_eq!(read_part(&path).unwrap(), b"sealed");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        // The same part again, after a stick was pulled in the middle.
        std::fs::write(folder.join("lakou-AB-01.unfinished"), b"sea").unwrap();
        write_part(&folder, "lakou-AB-01.lakou", b"sealed").unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_link_on_the_stick_leads_nowhere() {
        let (stick, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let precious = elsewhere.path().join("registry.db");
        std::fs::write(&precious, b"precious").unwrap();
        for name in ["lakou-answer-AB.unfinished", "lakou-answer-AB.lakou"] {
            platform::link_for_tests(&precious, &stick.path().join(name));
        }
        let path = write_part(stick.path(), "lakou-answer-AB.lakou", b"sealed").unwrap();
        assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
        assert!(path.symlink_metadata().unwrap().is_file());
        assert_eq!(read_part(&path).unwrap(), b"sealed");
    }

    #[test]
    fn a_name_cannot_repaint_the_screen() {
        assert_eq!(shown(Path::new("a\u{1b}[2J\nb\u{202E}c.lakou")), "a\u{FFFD}[2J\u{FFFD}b\u{FFFD}c.lakou");
    }

    #[test]
    fn what_else_lies_on_a_stick_is_passed_over() {
        let stick = tempfile::tempdir().unwrap();
        for name in [
            "b-02.lakou",
            "A-01.LAKOU",
            ".hidden.lakou",
            "autorun.inf",
            "lakou.exe",
            "x.lakou.lnk",
            "c.unfinished",
        ] {
            std::fs::write(stick.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(stick.path().join("folder.lakou")).unwrap();
        let links =
            platform::link_for_tests(&stick.path().join("b-02.lakou"), &stick.path().join("link.lakou"));
        let found = find_parts(&[stick.path().to_owned()]).unwrap();
        assert_eq!(names(&found), ["A-01.LAKOU", "b-02.lakou"]);
        assert_eq!(found.passed_over, 6 + links);
    }

    #[test]
    fn a_file_that_is_named_is_taken_under_any_name_and_a_missing_one_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let renamed = folder.path().join("document (3).bin");
        std::fs::write(&renamed, b"x").unwrap();
        assert_eq!(names(&find_parts(&[renamed]).unwrap()), ["document (3).bin"]);
        let missing = find_parts(&[folder.path().join("nothing.lakou")]).unwrap_err();
        assert!(matches!(missing, PartError::File { .. }), "{missing}");
        assert!(matches!(read_part(folder.path()), Err(PartError::NotAPart { .. })));
    }

    #[test]
    fn what_is_longer_than_any_part_is_not_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.lakou");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read_part(&path), Err(PartError::NotAPart { .. })));
    }
}
