//! `relay`: a colleague's laptop carries what it cannot read.

mod push;
mod serve;
mod status;

use clap::Subcommand;
use collector_core::{RelayFailure, RelayRefusal};

use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::messages::Text;

/// Hands work to a colleague whose laptop will reach the network sooner, or carries theirs. Who carries cannot read it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
    Push(push::Args),
    Status(status::Args),
}

pub(crate) fn run(command: Command, app: &mut App) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(&args, app),
        Command::Push(args) => push::run(&args, app),
        Command::Status(args) => status::run(args, app),
    }
}

impl From<RelayFailure> for Failure {
    fn from(failure: RelayFailure) -> Self {
        let (kind, key, hint) = match failure {
            RelayFailure::NotARelay => (Kind::NoServer, "error-relay-not-one", "hint-relay-address"),
            RelayFailure::WrongWords => (Kind::Refused, "error-relay-words", "hint-relay-words"),
            RelayFailure::Garbled | RelayFailure::Unexpected => {
                (Kind::NoServer, "error-relay-garbled", "hint-relay-again")
            }
            RelayFailure::Disconnected => (Kind::NoServer, "error-relay-lost", "hint-relay-again"),
            RelayFailure::Refused(RelayRefusal::OtherDeployment) => {
                (Kind::Usage, "error-relay-other-deployment", "hint-other-deployment")
            }
            RelayFailure::Refused(RelayRefusal::Full) => {
                (Kind::Refused, "error-relay-full", "hint-relay-full")
            }
            RelayFailure::Refused(
                RelayRefusal::NotCarried | RelayRefusal::Unproven | RelayRefusal::Trouble,
            ) => (Kind::Refused, "error-relay-trouble", "hint-relay-again"),
        };
        Self::new(kind, Text::new(key)).hint(Text::new(hint)).source(failure)
    }
}
