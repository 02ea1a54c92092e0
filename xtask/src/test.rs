//! `cargo xtask test`: everything that must hold before a change lands.

use std::error::Error;

use crate::cargo::{cargo, run};
use crate::outside::Outside;
use crate::{demo, needs, pack};

/// Builds the packs, then runs the tests of every member and a small demo.
///
/// Always the whole workspace: the tests of one package alone would build its dependencies again with other features.
/// The examples in the documentation run first, so that the last line is that of a suite with tests in it.
pub(crate) fn run_all() -> Result<(), Box<dyn Error>> {
    needs::install_missing()?;
    pack::run(&pack::Command::Build { name: None, out: None })?;
    // Suites start our programs as processes, and cargo builds a package's programs for its own suites only. Together
    // with the suites they are built with the same features, so nothing is built twice. This very program is running,
    // and Windows would not let it be replaced.
    run(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--bins", "--tests"]))?;
    let outside = Outside::find()?;
    let in_docs = run(&mut outside.told(cargo(&["test", "--workspace", "--doc"])));
    let suites = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
    let in_suites = run(&mut outside.told(cargo(&suites)));
    // And the main job from end to end, small.
    let in_demo = demo::play_small();
    in_docs.and(in_suites).and(in_demo)
}
