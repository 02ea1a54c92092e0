//! `cargo xtask`: the only task runner. Each task is a module here and a subcommand of the same name.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to the person who ran it"
)]

mod bench;
mod cargo;
mod checks;
mod demo;
mod fuzz;
mod mutants;
mod needs;
mod outside;
mod pack;
mod soak;
mod test;
mod vectors;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tasks of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Ask of the sources what CI asks: format, lints, documentation.
    Check,
    /// Build the packs and run every test of the workspace.
    Test,
    /// Play the main job from end to end with real processes, and tell it in plain words.
    Demo(demo::Options),
    /// Measure the pipeline beside the physical floor.
    Bench(bench::Options),
    /// Run the long proofs, too long for every change: all, or those named, at any size.
    Soak(soak::Options),
    /// Throw random input at the readers of forms. Needs rustup, for a nightly compiler.
    Fuzz(fuzz::Options),
    /// Break the evaluator of forms in small ways, and count what its tests notice.
    Mutants(mutants::Options),
    /// Run recorded results of other form engines against ours.
    Vectors(vectors::Options),
    /// Build and check the packs in schemas/packs.
    #[command(subcommand)]
    Pack(pack::Command),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Check => checks::run_all(),
        Task::Test => test::run_all(),
        Task::Demo(options) => demo::play(&options),
        Task::Bench(options) => bench::measure(&options),
        Task::Soak(options) => soak::soak(&options),
        Task::Fuzz(options) => fuzz::search(&options),
        Task::Mutants(options) => mutants::count(&options),
        Task::Vectors(options) => vectors::compare(&options),
        Task::Pack(command) => pack::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("Error: {failure}");
            ExitCode::FAILURE
        }
    }
}
