//! `user`

use std::path::PathBuf;

use clap::Subcommand;
use collector_core::{Collector, Enrolment, InvitationCode};

use crate::app::App;
use crate::failure::Failure;
use crate::messages::Text;
use crate::shapes::{PeopleShape, SeatShape};

/// The people who work on this computer.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArgs),
    List(ListArgs),
}

/// Enrols another person of this computer, with an invitation of their own.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Invitation code from head office, which serves once.
    #[arg(long, value_name = "CODE")]
    code: String,
    /// The new person's name.
    #[arg(long, value_name = "NAME")]
    person: String,
    /// File whose first line is the new person's passphrase (or LAKOU_NEW_PASSPHRASE holds it).
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

/// Lists them.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {}

pub(crate) fn run(command: Command, app: &mut App) -> Result<(), Failure> {
    match command {
        Command::Add(args) => add(&args, app),
        Command::List(ListArgs {}) => list(app),
    }
}

fn add(args: &AddArgs, app: &mut App) -> Result<(), Failure> {
    let code: InvitationCode = args.code.parse()?;
    let mut collector = app.unlock()?;
    let mut transport = app.connect_home(collector.home())?;
    let passphrase = app.added_passphrase(&args.person, args.new_passphrase_file.as_ref())?;
    let host = collector.who_am_i();
    let device = host.certificate.fields.device.clone();
    let enrolment = Enrolment {
        code: &code,
        person: &args.person,
        device: &device,
        passphrase: &passphrase,
        kdf: app.kdf,
    };
    collector.add_person(&enrolment, transport.as_mut())?;
    let added = Collector::unlock(collector.home(), &args.person, &passphrase, app.ports())?.who_am_i();
    let fields = &added.certificate.fields;
    let shape = SeatShape {
        seat: added.seat.to_string(),
        person: added.person.clone(),
        device: fields.device.clone(),
        role: fields.role.to_string(),
        areas: fields.areas.iter().map(ToString::to_string).collect(),
        deployment: added.deployment.to_string(),
        training: added.training,
    };
    if !app.ui.json(&shape) {
        app.ui
            .result_text(&Text::new("user-added").with("person", shape.person).with("device", shape.device));
    }
    Ok(())
}

fn list(app: &mut App) -> Result<(), Failure> {
    let people = Collector::people(&app.home()?)?;
    let shape = PeopleShape { people };
    if !app.ui.json(&shape) {
        for person in shape.people {
            app.ui.result(&person);
        }
    }
    Ok(())
}
