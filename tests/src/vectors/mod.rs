//! Recorded results of other form engines, run against form-engine.
//!
//! A folder of vectors holds files of several kinds, recognised by what is in them. [`run`] turns each into jobs, runs
//! every job on a thread of its own, and holds the outcome against the list of differences that are on purpose.

mod clock;
mod exceptions;
mod find;
mod isolated;
mod job;
mod masks;
mod pattern;
mod questionnaire;
mod report;
mod scenario;
mod workbooks;
mod xml;
mod xpath;

use std::path::Path;

pub use exceptions::{Exception, Exceptions};
pub use job::{Kind, Outcome, Unit};
pub use report::{Report, Section};

/// Where the differences on purpose are listed, from the workspace's root.
pub const EXCEPTIONS: &str = "docs/EXPRESSIONS.md";

/// Runs every vector found below a folder.
///
/// # Errors
///
/// When the folder or a file in it cannot be read. What a vector shows is in the report, never an error.
pub fn run(folder: &Path, exceptions: &Exceptions) -> Result<Report, String> {
    let jobs = find::jobs(folder)?;
    Ok(Report::new(isolated::run_all(jobs), exceptions))
}
