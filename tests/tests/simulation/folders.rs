//! Folders of worlds: in memory where there is such a place, copied as a disk image is.

use std::path::Path;

use tempfile::TempDir;

/// A folder that is gone with the world. In memory on systems that have a place for that: a world makes thousands of
/// durable commits, and what a disk does with them is shown elsewhere, by killing real programs.
pub(crate) fn world_folder() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let made = if in_memory.is_dir() { tempfile::tempdir_in(in_memory).ok() } else { None };
    made.unwrap_or_else(|| tempfile::tempdir().expect("a temporary folder"))
}

/// Copies a folder's files as they are now, into one that is made for them. A store may be open meanwhile, between two
/// transactions: then the copy is what a power cut leaves.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a new folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        // Memory shared between processes, which no image holds.
        if !name.to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(name)).expect("a copy");
        }
    }
}

/// Puts a copy in the place of a folder.
pub(crate) fn replace_folder(place: &Path, copy: &Path) {
    std::fs::remove_dir_all(place).expect("the old folder");
    copy_folder(copy, place);
}
