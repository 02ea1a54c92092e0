#![doc = include_str!("../README.md")]

mod answers;
mod app;
mod cli;
mod clock;
mod commands;
mod failure;
mod form_text;
mod frames;
mod http;
mod interview;
mod messages;
mod platform;
mod settings;
mod shapes;
mod slip;
mod ui;
mod when;
mod world;

use std::ffi::OsString;
use std::process::ExitCode;

pub use failure::{Failure, Kind};
pub use http::{CONNECT_TIMEOUT, HttpTransport, MAX_ANSWER_BYTES, REQUEST_TIMEOUT, Server};
pub use messages::Language;
pub use world::{Connect, MachineClock, MakeRandomness, Terminal, Variable, World};

/// The program: reads the command line, does what it says, gives the exit code.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == merge_child::ARGUMENT) {
        return if merge_child::serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    platform::start_log();
    ExitCode::from(run(std::env::args_os(), platform::world()))
}

/// The same in a world of the caller's making.
pub fn run(args: impl IntoIterator<Item = OsString>, world: World) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let language = cli::language(&args, world.variable.as_ref());
    let mut app = app::App::new(world, language);
    let outcome = match cli::parse(&args, &app.ui.catalogue) {
        Ok(cli::Parsed::Command(cli)) => {
            app.take_globals(cli.globals);
            commands::run(cli.command, &mut app)
        }
        Ok(cli::Parsed::Help(text)) => {
            app.ui.result(text.trim_end());
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    match outcome.and_then(|()| app.ui.finish()) {
        Ok(()) => 0,
        Err(failure) => {
            app.ui.failure(&failure);
            failure.kind.exit_code()
        }
    }
}
