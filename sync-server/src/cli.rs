//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{backup, bundle, device, form, init, proof, record, review, serve, status};
use crate::words::Language;

/// The central server of a Lakou deployment: takes what field laptops send, merges it into the registry, and lets
/// supervisors settle what machines must not.
#[derive(Debug, Parser)]
#[command(name = "sync-server", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The server's folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LAKOU_SERVER_HOME",
        default_value = "./lakou-server"
    )]
    pub(crate) home: PathBuf,

    /// The language of messages: fr, ht or en.
    #[arg(long, global = true, value_name = "LANG", env = "LAKOU_LANG", default_value = "fr")]
    pub(crate) lang: Language,

    /// Print one JSON object instead of text; failures are JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    Serve(serve::Args),
    #[command(subcommand)]
    Device(device::Command),
    #[command(subcommand)]
    Bundle(bundle::Command),
    #[command(subcommand)]
    Form(form::Command),
    #[command(subcommand)]
    Review(review::Command),
    #[command(subcommand)]
    Record(record::Command),
    Status(status::Args),
    Verify(proof::VerifyArgs),
    Head(proof::HeadArgs),
    Rebuild(proof::RebuildArgs),
    StateHash(proof::StateHashArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
}

/// Parses a command line; ends the process for `--help` and for mistakes (exit code 2).
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Cli {
    Cli::parse_from(args)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        super::Cli::command().debug_assert();
    }
}
