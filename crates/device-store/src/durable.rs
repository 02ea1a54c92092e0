//! Files that are whole or not there: the one module that knows the platform.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::DeviceStoreError;

/// Writes a file so that after a power cut the old or the new content is there, never a part: temporary file beside it,
/// fsync, rename, fsync of the folder.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), DeviceStoreError> {
    let temporary = path.with_extension("tmp");
    let mut file = create_private(&temporary).map_err(DeviceStoreError::file("create", &temporary))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(DeviceStoreError::file("write", &temporary))?;
    drop(file);
    std::fs::rename(&temporary, path).map_err(DeviceStoreError::file("put in place", path))?;
    sync_folder_of(path)
}

/// Readable by its owner only. On Windows the user's profile folder has that right already.
fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the rename itself durable. Windows has no such call: NTFS journals the rename, and `rename` there is
/// `MoveFileExW` with replacement.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), DeviceStoreError> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(DeviceStoreError::file("sync the folder of", path))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Creates a folder that only its owner reads.
pub(crate) fn create_private_folder(path: &Path) -> Result<(), DeviceStoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(DeviceStoreError::file("create", path))
}
