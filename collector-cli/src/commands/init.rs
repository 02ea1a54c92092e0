//! `init`

use std::path::PathBuf;

use collector_core::{Collector, Enrolment, InvitationCode};

use crate::app::App;
use crate::failure::Failure;
use crate::http::Server;
use crate::messages::Text;
use crate::settings::Settings;
use crate::shapes::SeatShape;

/// Enrols the first person of this computer with an invitation from head office. Needs the network once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the server (https://…; http:// only on this computer itself).
    #[arg(long, value_name = "URL")]
    server: String,
    /// Invitation code from head office, which serves once.
    #[arg(long, value_name = "CODE")]
    code: String,
    /// Your name: to open the store with, and shown to colleagues.
    #[arg(long, value_name = "NAME")]
    person: String,
    /// What people call this computer.
    #[arg(long, value_name = "NAME")]
    device: String,
    /// The deployment's own certificate authority, where it has one.
    #[arg(long, value_name = "FILE.pem")]
    ca: Option<PathBuf>,
}

pub(crate) fn run(args: Args, app: &mut App) -> Result<(), Failure> {
    let home = app.home()?;
    let authority = match &args.ca {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?),
        None => None,
    };
    let server = Server::parse(&args.server)?.with_authority(authority.clone());
    let code: InvitationCode = args.code.parse()?;
    let mut transport = app.connect(&server)?;
    let passphrase = app.first_passphrase(&args.person)?;
    let enrolment = Enrolment {
        code: &code,
        person: &args.person,
        device: &args.device,
        passphrase: &passphrase,
        kdf: app.kdf,
    };
    let collector = Collector::enrol(&home, &enrolment, app.ports(), transport.as_mut())?;
    let settings = Settings {
        server: Some(server.address().to_owned()),
        certificate_authority: authority,
        ..Settings::load(&home)?
    };
    settings.save(&home)?;
    app.banner(&collector);
    print(app, &collector.who_am_i());
    Ok(())
}

/// Who was enrolled, and what comes next.
pub(super) fn print(app: &mut App, who: &collector_core::WhoAmI) {
    let fields = &who.certificate.fields;
    let shape = SeatShape {
        seat: who.seat.to_string(),
        person: who.person.clone(),
        device: fields.device.clone(),
        role: fields.role.to_string(),
        areas: fields.areas.iter().map(ToString::to_string).collect(),
        deployment: who.deployment.to_string(),
        training: who.training,
    };
    if app.ui.json(&shape) {
        return;
    }
    let areas = shape.areas.join(", ");
    app.ui.result_text(
        &Text::new("enrolled").with("person", shape.person).with("device", shape.device).with("areas", areas),
    );
    app.ui.say(&Text::new("enrolled-next"));
}
