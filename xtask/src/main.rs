//! `cargo xtask`: the only task runner. Each task is a module here and a subcommand of the same name.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to the person who ran it"
)]

mod cargo;
mod checks;
mod needs;
mod pack;
mod test;
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
    /// Build and check the packs in schemas/packs.
    #[command(subcommand)]
    Pack(pack::Command),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Check => checks::run_all(),
        Task::Test => test::run_all(),
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
