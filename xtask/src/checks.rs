//! `cargo xtask check`: what is asked of the sources before a test runs.

use std::error::Error;

use crate::cargo::{cargo, run};
use crate::needs;

/// Format, lints and documentation of the whole workspace; the first that fails ends it.
pub(crate) fn run_all() -> Result<(), Box<dyn Error>> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    needs::install_missing()?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
