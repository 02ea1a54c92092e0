//! `cargo xtask bench`: figures beside the physical floor, in one run. The figures and the machine they were taken on are
//! in docs/BENCHMARKS.md.

use std::error::Error;

use crate::cargo::{cargo, run};
use crate::{needs, outside, pack};

/// Measure the pipeline stage by stage, one laptop's whole work over HTTP, and the form engine beside others.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// One JSON object a line: name, value, unit, peer, ratio.
    #[arg(long)]
    json: bool,
}

/// Builds everything optimised, then runs the benches one after the other.
pub(crate) fn measure(options: &Options) -> Result<(), Box<dyn Error>> {
    needs::install_missing()?;
    pack::run(&pack::Command::Build { name: Some("haiti-simast".to_owned()), out: None })?;
    run(&mut cargo(&["build", "--release", "--workspace", "--exclude", "xtask", "--bins"]))?;
    let vectors = outside::vectors()?;
    for bench in ["pipeline", "http", "form_peers"] {
        let mut command = cargo(&["bench", "--workspace", "--exclude", "xtask", "--bench", bench]);
        if options.json {
            command.args(["--", "--json"]);
        }
        if let Some(folder) = &vectors {
            command.env(outside::VECTORS, folder);
        }
        run(&mut command)?;
    }
    Ok(())
}
