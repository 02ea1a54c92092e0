//! What differs between operating systems.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes new names inside a folder durable.
///
/// Unix: fsync of the folder; a file system that cannot (some FAT drivers) says so, and there is no more to be done.
/// Windows: sticks are mounted for quick removal, where names are written at once; folders cannot be flushed.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(folder)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// Asks that the next reading comes from the medium and not from memory. A wish, not a promise.
///
/// Linux: `posix_fadvise(DONTNEED)` on what is flushed already. Windows: a handle opened with `FILE_FLAG_NO_BUFFERING`
/// would do it and is not used yet; there the comparison is with what the system holds after `FlushFileBuffers`.
pub(crate) fn forget_cached(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Makes a link, where anybody may; how many it made. Windows lets only administrators.
#[cfg(test)]
pub(crate) fn link_for_tests(to: &Path, link: &Path) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(to, link).expect("a new link");
        1
    }
    #[cfg(not(unix))]
    {
        let _ = (to, link);
        0
    }
}
