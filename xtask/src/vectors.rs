//! `cargo xtask vectors DIR`: recorded results of other form engines against ours. The harness is in the package
//! `tests`; which differences are on purpose is in docs/EXPRESSIONS.md.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::cargo::{cargo, run};
use crate::workspace;

/// Run recorded results of other form engines against ours.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The folder to search for vectors, at any depth.
    folder: PathBuf,
    /// Say of every failure what was recorded and what was found.
    #[arg(long)]
    verbose: bool,
    /// Where the complete report goes, as JSON [default: target/vectors-report.json].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Builds the harness and what it needs of the workspace, without the two programs, and runs it.
pub(crate) fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = full(&options.folder)?;
    let report = match &options.report {
        Some(report) => full(report)?,
        None => workspace::target_dir().join("vectors-report.json"),
    };
    let mut command = cargo(&["run", "--quiet", "--package", "tests", "--bin", "form-vectors", "--"]);
    command.arg(folder).arg("--report").arg(report);
    if options.verbose {
        command.arg("--verbose");
    }
    run(&mut command)
}

/// As seen from here: the harness runs in the workspace's root.
fn full(path: &Path) -> Result<PathBuf, std::io::Error> {
    std::path::absolute(path)
}
