#![doc = include_str!("../README.md")]

mod cli;
mod commands;
pub mod failure;
pub mod home;
pub mod http;
mod merge_worker;
pub mod platform;
mod terms;
mod ui;
mod views;
pub mod words;

pub use merge_worker::{Bell, MergeWorker};

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line to its end.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if args.get(1).is_some_and(|first| first == merge_child::ARGUMENT) {
        return if merge_child::serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let cli = cli::parse(args);
    let ui = ui::Ui::new(cli.lang, cli.json);
    let app = commands::App { home: home::Home::at(&cli.home), ui };
    match commands::run(&app, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            app.ui.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}
