//! `cargo xtask fuzz`: random input for the readers of forms, guided by what it reaches. The targets, and inputs that
//! once went wrong, are in crates/form-engine/fuzz.

use std::error::Error;
use std::path::Path;

use crate::cargo::{cargo, nightly, run};
use crate::{needs, outside, workspace};

/// A fuzz target, and how long an input of it may usefully be.
struct Target {
    name: &'static str,
    max_bytes: u32,
}

const TARGETS: &[Target] = &[
    Target { name: "expression", max_bytes: 4 * 1024 },
    Target { name: "xform", max_bytes: 32 * 1024 },
    Target { name: "workbook", max_bytes: 32 * 1024 },
];

/// An input that takes longer, or more memory, has gone wrong.
const MAX_SECONDS: u32 = 10;
const MAX_MIB: u32 = 1024;

/// Throw random input at the readers of forms. Needs rustup, for a nightly compiler.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each target runs.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// Only this one.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TARGETS.iter().map(|target| target.name)))]
    target: Option<String>,
}

/// Runs every target, whatever became of the one before.
pub(crate) fn search(options: &Options) -> Result<(), Box<dyn Error>> {
    needs::install_missing()?;
    needs::install_nightly()?;
    needs::install_cargo_tool("fuzz", "0.13.2")?;
    let folder = workspace::root().join("crates").join("form-engine").join("fuzz");
    write_seeds(&folder)?;
    let wanted =
        TARGETS.iter().filter(|target| options.target.as_deref().is_none_or(|name| name == target.name));
    let failed: Vec<String> = wanted
        .filter_map(|target| {
            let error = run_one(&folder, target, options.minutes).err()?;
            Some(format!("{} ({error})", target.name))
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let inputs = folder.join("artifacts");
    Err(format!(
        "went wrong: {}. Inputs that were found are in {inputs:?}. Once it is mended, keep the smallest as \
         crates/form-engine/fuzz/crashers/TARGET/WHAT-WENT-WRONG, where the test `crashers` runs it",
        failed.join(", ")
    )
    .into())
}

/// What the targets begin with; what they found before stays beside it.
fn write_seeds(folder: &Path) -> Result<(), Box<dyn Error>> {
    let manifest = folder.join("Cargo.toml");
    let mut command = cargo(&["run", "--quiet", "--no-default-features", "--example", "seeds"]);
    command.arg("--manifest-path").arg(manifest).arg("--").arg(folder.join("corpus"));
    if let Some(vectors) = outside::vectors()? {
        command.env(outside::VECTORS, vectors);
    }
    run(&mut command)
}

fn run_one(folder: &Path, target: &Target, minutes: u32) -> Result<(), Box<dyn Error>> {
    let mut command = nightly(&["fuzz", "run", "--fuzz-dir", ".", target.name, "--"]);
    command.current_dir(folder).args([
        format!("-max_total_time={}", u64::from(minutes) * 60),
        format!("-max_len={}", target.max_bytes),
        format!("-timeout={MAX_SECONDS}"),
        format!("-rss_limit_mb={MAX_MIB}"),
        format!("-dict=dictionaries/{}.dict", target.name),
        "-print_final_stats=1".to_owned(),
    ]);
    run(&mut command)
}
