//! One file a command: its help, its arguments, one call into the core, and what is printed.

mod backup;
mod bundle;
mod doctor;
mod form;
mod init;
mod interview;
mod record;
mod relay;
mod state_hash;
mod status;
pub(crate) mod sync;
mod user;

use clap::Subcommand;

use crate::app::App;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Form(form::Command),
    Interview(interview::Args),
    #[command(subcommand)]
    Record(record::Command),
    Status(status::Args),
    Sync(sync::Args),
    #[command(subcommand)]
    Bundle(bundle::Command),
    #[command(subcommand)]
    Relay(relay::Command),
    Doctor(doctor::Args),
    Backup(backup::Args),
    StateHash(state_hash::Args),
}

pub(crate) fn run(command: Command, app: &mut App) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(args, app),
        Command::User(command) => user::run(command, app),
        Command::Form(command) => form::run(command, app),
        Command::Interview(args) => interview::run(args, app),
        Command::Record(command) => record::run(command, app),
        Command::Status(args) => status::run(args, app),
        Command::Sync(args) => sync::run(args, app),
        Command::Bundle(command) => bundle::run(command, app),
        Command::Relay(command) => relay::run(command, app),
        Command::Doctor(args) => doctor::run(args, app),
        Command::Backup(args) => backup::run(args, app),
        Command::StateHash(args) => state_hash::run(args, app),
    }
}
