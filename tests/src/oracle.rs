//! Other people's form engines, as processes: what ours is compared with.
//!
//! [`Oracle::prepare`] installs them from the public registries, below `target/`, the versions that `tests/oracle/`
//! pins. `cargo xtask test` does so and names the folder in `LAKOU_ORACLE`. A suite starts with
//! [`Oracle::asked_for`].

mod install;
mod process;
mod programs;
mod timings;

use std::io;
use std::path::{Path, PathBuf};

use record_model::{Instant, Visit};

pub use install::WHY_NOT_HERE;
pub use programs::{Conversion, OdkValidate, Pyxform, WebEngine, WebNode};
pub use timings::{Timings, percentile};

/// Names the folder that [`Oracle::prepare`] filled. Suites that read it are skipped without it.
pub const VARIABLE: &str = "LAKOU_ORACLE";

/// All year five hours behind UTC: the engines agree on what a day is without a table of summer times.
const ZONE: &str = "America/Panama";

/// When every compared interview is held: 2026-11-21, 23:10, where it is already the next day in UTC.
pub fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 }
}

/// What went wrong with a program of others.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// The program is not there, or could not be started.
    #[error("could not start {program}: {source}")]
    NotStarted {
        /// Which one.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It is there and too old.
    #[error("{program} is at {found}; the oracle needs {needed} or later")]
    TooOld {
        /// Which one.
        program: &'static str,
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// An installer failed.
    #[error("{program} could not install the oracle ({VARIABLE}= skips what needs it):\n{said}")]
    NotInstalled {
        /// Which installer.
        program: &'static str,
        /// The end of what it said.
        said: String,
    },
    /// No answer within the limit; it has been killed.
    #[error("{program} did not answer within {limit_s} s\n{said}")]
    Silent {
        /// Which one.
        program: &'static str,
        /// The limit.
        limit_s: u64,
        /// The end of its standard error.
        said: String,
    },
    /// It ended, or answered something else than a line of JSON.
    #[error("{program} broke off: {reason}\n{said}")]
    BrokeOff {
        /// Which one.
        program: &'static str,
        /// How that was noticed.
        reason: String,
        /// The end of its standard error.
        said: String,
    },
    /// It answered that it cannot: a form it refuses, a node that is not there.
    #[error("{program}: {said}")]
    Refused {
        /// Which one.
        program: &'static str,
        /// Its words.
        said: String,
    },
    /// A file of ours.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OracleError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::File { path: path.to_owned(), source }
    }
}

/// The folder with the programs in it.
#[derive(Debug, Clone)]
pub struct Oracle {
    folder: PathBuf,
}

impl Oracle {
    /// Installs what is not installed yet. None where the programs are not to be had ([`WHY_NOT_HERE`]).
    ///
    /// Test binaries may call this at the same time: one installs, the others wait for it.
    ///
    /// # Errors
    ///
    /// When a program is missing or too old, or a registry cannot be reached.
    pub fn prepare() -> Result<Option<Self>, OracleError> {
        if WHY_NOT_HERE.is_some() {
            return Ok(None);
        }
        install::install().map(|folder| Some(Self { folder }))
    }

    /// The one that `LAKOU_ORACLE` names; none, said on standard output, when it is not set.
    ///
    /// # Panics
    ///
    /// When it is set and there is nothing.
    #[expect(clippy::print_stdout, reason = "a test says that it was skipped")]
    pub fn asked_for(test: &str) -> Option<Self> {
        let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) else {
            println!("skipped: {test} ({VARIABLE} is not set)");
            return None;
        };
        let folder = PathBuf::from(folder);
        assert!(
            install::is_whole(&folder),
            "{VARIABLE} is set and there is no oracle in {}",
            folder.display()
        );
        Some(Self { folder })
    }

    /// Where the programs lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts pyxform.
    ///
    /// # Errors
    ///
    /// When there is no Python.
    pub fn pyxform(&self) -> Result<Pyxform, OracleError> {
        Pyxform::start(&self.folder)
    }

    /// Starts the web engine, its clock standing still at [`visit`].
    ///
    /// # Errors
    ///
    /// When there is no Node.
    pub fn web_engine(&self) -> Result<WebEngine, OracleError> {
        WebEngine::start(&self.folder, visit(), ZONE)
    }

    /// The checker of ODK, which has JavaRosa inside.
    pub fn odk_validate(&self) -> OdkValidate {
        OdkValidate::new(&self.folder)
    }
}
