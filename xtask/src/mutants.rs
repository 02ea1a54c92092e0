//! `cargo xtask mutants`: the evaluator of forms, broken in small ways one at a time; a suite worth having notices nearly
//! all of them. What is broken is said in .cargo/mutants.toml.

use std::error::Error;
use std::fs;

use serde::Deserialize;

use crate::cargo::cargo;
use crate::{needs, workspace};

/// Break the evaluator of forms in small ways, and count what its tests notice.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many to try at least: evenly spread over all there are, the same for one seed. Each takes about ten seconds.
    #[arg(long, default_value_t = 200)]
    sample: usize,
    /// Which sample: another number breaks other places.
    #[arg(long, default_value_t = 0)]
    seed: usize,
}

/// What cargo-mutants writes at its end, as far as it is told here.
#[derive(Deserialize)]
struct Outcomes {
    caught: u32,
    missed: u32,
    timeout: u32,
    unviable: u32,
}

/// Runs the sample and tells the share that was caught; the names of the others are in a file.
pub(crate) fn count(options: &Options) -> Result<(), Box<dyn Error>> {
    needs::install_missing()?;
    needs::install_cargo_tool("mutants", "27.1.0")?;
    let all = mutants().args(["--list"]).output()?;
    if !all.status.success() {
        return Err(format!("cargo mutants --list: {}", String::from_utf8_lossy(&all.stderr)).into());
    }
    let all = String::from_utf8(all.stdout)?.lines().count();
    let every = (all / options.sample.max(1)).max(1);
    println!("one of every {every} of {all} mutants");
    let folder = workspace::target_dir().join("mutants");
    fs::create_dir_all(&folder)?;
    // What an earlier run found is not told as this one's.
    let report = folder.join("mutants.out");
    if report.exists() {
        fs::remove_dir_all(&report)?;
    }
    let mut command = mutants();
    command
        .args([
            "--sharding",
            "round-robin",
            "--shard",
            &format!("{}/{every}", options.seed % every),
            "--output",
        ])
        .arg(&folder)
        // The same compiled dependencies for every run, and no time spent on making what runs once fast.
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    // It fails when one is missed, and that is what is told here; only without outcomes did it not run.
    let status = command.status()?;
    let outcomes = fs::read(report.join("outcomes.json"))
        .map_err(|error| format!("cargo mutants: {status} ({error})"))?;
    let outcomes: Outcomes = serde_json::from_slice(&outcomes)?;
    // A test that hangs notices as well as one that fails.
    let caught = outcomes.caught + outcomes.timeout;
    let tried = caught + outcomes.missed;
    if tried == 0 {
        return Err(format!("cargo mutants tried none: {status}").into());
    }
    println!(
        "caught {caught} of {tried} ({:.1} %); {} more do not compile. Missed: {}",
        100.0 * f64::from(caught) / f64::from(tried),
        outcomes.unviable,
        report.join("missed.txt").display()
    );
    Ok(())
}

fn mutants() -> std::process::Command {
    cargo(&["mutants", "--package", "form-engine"])
}
