//! What differs between operating systems, and the clock: nothing else in this crate asks either.
//!
//! Each Unix call has its Windows counterpart written beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use merge_child::MergeChildren;
use record_model::Instant;
use registry_core::{Merger, Surroundings};

/// The machine's clock and randomness, and children of this program that merge.
#[derive(Debug)]
pub struct Machine {
    children: MergeChildren,
}

impl Default for Machine {
    /// No child is started before there is something to merge.
    fn default() -> Self {
        Self { children: MergeChildren::of_this_program() }
    }
}

impl Surroundings for Machine {
    fn now(&self) -> Instant {
        now()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        fill_random(bytes);
    }

    fn merger(&self) -> &dyn Merger {
        &self.children
    }
}

/// Fills with bytes that nobody can guess.
pub fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("an operating system without randomness cannot run a registry");
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment of the clock that only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(std::time::Instant);

impl Moment {
    /// This moment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn now() -> Self {
        Self(std::time::Instant::now())
    }

    /// How long ago.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// From `earlier` to this one; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

/// Writes a new file that only its owner may read, and makes it durable. Refuses to overwrite.
///
/// Unix: mode 0600 from the first byte on. Windows: a new file inherits the folder's access list, which under a user's
/// profile names that user and the administrators; a service's folder is protected the same way by its installer.
pub fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a folder that only its owner may enter.
///
/// Unix: mode 0700. Windows: the access list is inherited, as for [`write_secret`].
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Makes new names inside a folder durable.
///
/// Unix: fsync of the folder. Windows: NTFS journals names, and a folder cannot be opened for flushing without special
/// rights; there is nothing to do.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Opens a file to lock it, making it if it is not there. The lock itself is `File::try_lock`, which is flock on Unix
/// and LockFileEx on Windows: both end with the process.
pub fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Listens from now on for somebody who asks the program to stop; the future resolves when it happens. SIGINT or SIGTERM
/// on Unix; Ctrl-C, Ctrl-Break, closing the console or shutting the machine down on Windows.
///
/// Must be called inside a tokio runtime.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        let (mut c, mut brk, mut close, mut down) =
            (ctrl_c()?, ctrl_break()?, ctrl_close()?, ctrl_shutdown()?);
        Ok(async move {
            tokio::select! {
                _ = c.recv() => {}
                _ = brk.recv() => {}
                _ = close.recv() => {}
                _ = down.recv() => {}
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        write_secret(&path, b"one").unwrap();
        assert_eq!(write_secret(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
