//! Runs recorded results of other form engines against form-engine: `cargo xtask vectors DIR`.
//!
//! `form-vectors DIR [--verbose] [--report FILE]`
//!
//! Ends with 1 when a vector differs that docs/EXPRESSIONS.md does not list, with 2 when it could not be run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that tells what it found")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tests::vectors::{self, EXCEPTIONS, Exceptions, Report};
use tests::workspace_root;

const USAGE: &str = "usage: form-vectors DIR [--verbose] [--report FILE]";

struct Options {
    folder: PathBuf,
    verbose: bool,
    report: PathBuf,
}

fn main() -> ExitCode {
    // A vector that panics is told with its id, and not in between.
    std::panic::set_hook(Box::new(|_| {}));
    match options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(report) if report.is_fine() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut folder, mut verbose, mut report) = (None, false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--verbose" => verbose = true,
            "--report" => report = Some(PathBuf::from(arguments.next().ok_or(USAGE)?)),
            _ if argument.starts_with('-') || folder.is_some() => return Err(USAGE.to_owned()),
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    let report = report.unwrap_or_else(|| workspace_root().join("target").join("vectors-report.json"));
    Ok(Options { folder: folder.ok_or(USAGE)?, verbose, report })
}

fn run(options: &Options) -> Result<Report, String> {
    let document = workspace_root().join(EXCEPTIONS);
    let text = std::fs::read_to_string(&document).map_err(|error| named(&document, &error))?;
    let exceptions = Exceptions::parse(&text).map_err(|error| format!("{EXCEPTIONS}: {error}"))?;
    let report = vectors::run(&options.folder, &exceptions)?;
    if report.is_empty() {
        return Err(format!("{}: no vectors in it", options.folder.display()));
    }
    print!("{}", report.render(options.verbose));
    save(&options.report, &report)?;
    println!("report: {}", options.report.display());
    Ok(report)
}

fn save(path: &Path, report: &Report) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
    }
    std::fs::write(path, format!("{:#}\n", report.to_json())).map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
