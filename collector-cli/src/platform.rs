//! The one module that calls the operating system where systems differ. Each call names its Windows counterpart.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use collector_core::{KdfParams, Randomness};
use merge_child::MergeChildren;
use record_model::Instant;
use zeroize::Zeroizing;

use crate::http::HttpTransport;
use crate::world::{MachineClock, Terminal, World};

/// The real one.
pub(crate) fn world() -> World {
    World {
        terminal: Box::new(Console),
        clock: Arc::new(SystemClock),
        randomness: Box::new(|| Box::new(OsRandomness)),
        connect: Box::new(|server| Ok(Box::new(HttpTransport::new(server)?))),
        variable: Box::new(|name| std::env::var(name).ok()),
        kdf: KdfParams::STRONG,
        merger: Arc::new(MergeChildren::of_this_program()),
    }
}

/// Writes the log to standard error when `LAKOU_LOG` says what to write (`info`, `debug` …).
pub(crate) fn start_log() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("LAKOU_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}

/// Where a store is kept when nobody says: `%LOCALAPPDATA%\Lakou` on Windows, `$XDG_DATA_HOME/lakou` or
/// `~/.local/share/lakou` elsewhere.
pub(crate) fn default_home(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    #[cfg(windows)]
    return folder("LOCALAPPDATA").map(|data| data.join("Lakou"));
    #[cfg(not(windows))]
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local").join("share")))
        .map(|data| data.join("lakou"))
}

/// Writes a file so that after a power cut the old or the new content is there: temporary file, fsync, rename, fsync of
/// the folder. Windows has no fsync of a folder; NTFS journals the rename (`MoveFileExW` with replacement).
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A clock that only measures how long something takes: it never goes back.
#[expect(clippy::disallowed_methods, reason = "deadlines of a connection are the machine's own time")]
pub(crate) fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// `clock_gettime`; on Windows `GetSystemTimePreciseAsFileTime`.
struct SystemClock;

impl MachineClock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that the rest is handed")]
    fn now(&self) -> Instant {
        let ms = |passed: std::time::Duration| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        // Before 1970 the machine is wrong, and the clock check says so.
        Instant::from_unix_ms(match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(passed) => ms(passed),
            Err(before) => -ms(before.duration()),
        })
    }
}

/// `getrandom`; on Windows `ProcessPrng`.
struct OsRandomness;

impl Randomness for OsRandomness {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Going on without would make ids and keys that can be guessed.
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The console; on Windows rpassword turns the echo off with `SetConsoleMode`.
struct Console;

impl Terminal for Console {
    fn read_line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn read_secret(&mut self, prompt: &str) -> std::io::Result<Zeroizing<String>> {
        rpassword::prompt_password(prompt).map(Zeroizing::new)
    }

    fn read_all(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write_result(&mut self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn write_message(&mut self, text: &str) -> std::io::Result<()> {
        std::io::stderr().lock().write_all(text.as_bytes())
    }

    fn is_interactive(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    fn shows_progress(&self) -> bool {
        std::io::stderr().is_terminal()
    }
}
