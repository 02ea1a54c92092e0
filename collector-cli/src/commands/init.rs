//! `init`

use std::path::PathBuf;

use bundle_files::{find_parts, read_part, shown, write_part};
use collector_core::{Collector, Enrolment, FileKind, Home, InvitationCode, MAX_ENROLMENT_FILE_BYTES};

use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::http::Server;
use crate::messages::Text;
use crate::settings::Settings;
use crate::shapes::{EnrolmentRequestShape, SeatShape};

/// Enrols the first person of this computer with an invitation from head office. Needs the network once, or a stick that
/// goes to head office and comes back: --request, then --answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the server (https://…; http:// only on this computer itself).
    #[arg(long, value_name = "URL", required_unless_present_any = ["request", "answer"])]
    server: Option<String>,
    /// Invitation code from head office, which serves once.
    #[arg(long, value_name = "CODE", required_unless_present = "answer")]
    code: Option<String>,
    /// Your name: to open the store with, and shown to colleagues.
    #[arg(long, value_name = "NAME")]
    person: String,
    /// What people call this computer.
    #[arg(long, value_name = "NAME", required_unless_present = "answer")]
    device: Option<String>,
    /// The deployment's own certificate authority, where it has one.
    #[arg(long, value_name = "FILE.pem", requires = "server")]
    ca: Option<PathBuf>,
    /// Without a network: write the request here, for head office.
    #[arg(long, value_name = "FOLDER", conflicts_with = "answer")]
    request: Option<PathBuf>,
    /// Without a network: take the answer of head office, and what it sent along, from these files or folders.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["code", "device"])]
    answer: Vec<PathBuf>,
}

pub(crate) fn run(args: Args, app: &mut App) -> Result<(), Failure> {
    let home = app.home()?;
    let authority = match &args.ca {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?),
        None => None,
    };
    let parse = |server: &String| Server::parse(server).map(|s| s.with_authority(authority.clone()));
    let server = args.server.as_ref().map(parse).transpose()?;
    let keep_address = || -> Result<(), Failure> {
        let Some(server) = &server else { return Ok(()) };
        let settings = Settings {
            server: Some(server.address().to_owned()),
            certificate_authority: authority.clone(),
            ..Settings::load(&home)?
        };
        settings.save(&home)
    };
    if !args.answer.is_empty() {
        let collector = finish(&args, app, &home)?;
        keep_address()?;
        app.banner(&collector);
        print(app, &collector.who_am_i());
        return Ok(());
    }
    let code: InvitationCode = args.code.unwrap_or_default().parse()?;
    let passphrase = app.first_passphrase(&args.person)?;
    let enrolment = Enrolment {
        code: &code,
        person: &args.person,
        device: args.device.as_deref().unwrap_or_default(),
        passphrase: &passphrase,
        kdf: app.kdf,
    };
    if let Some(folder) = &args.request {
        let request = Collector::request_enrolment(&home, &enrolment, app.ports())?;
        let path = write_part(folder, &request.name, &request.bytes)?;
        keep_address()?;
        let shape = EnrolmentRequestShape { request: path.display().to_string() };
        if !app.ui.json(&shape) {
            app.ui.result(&shape.request);
            app.ui.result_text(&Text::new("bundle-may-unplug"));
            app.ui.say(&Text::new("enrolment-asked"));
        }
        return Ok(());
    }
    let Some(server) = &server else {
        return Err(Failure::new(Kind::Usage, Text::new("error-no-server-address")));
    };
    let mut transport = app.connect(server)?;
    let collector = Collector::enrol(&home, &enrolment, app.ports(), transport.as_mut())?;
    keep_address()?;
    app.banner(&collector);
    print(app, &collector.who_am_i());
    Ok(())
}

/// Takes the answer out of the files, and then whatever bundle lies beside it for this person.
fn finish(args: &Args, app: &mut App, home: &Home) -> Result<Collector, Failure> {
    let found = find_parts(&args.answer)?;
    let (mut answers, mut parts) = (Vec::new(), Vec::new());
    for path in &found.parts {
        // What cannot be read is not the answer; if it was, the person is told that none was there.
        let Ok(file) = read_part(path) else { continue };
        match FileKind::of(&file) {
            FileKind::Answer if file.len() <= MAX_ENROLMENT_FILE_BYTES => answers.push(file),
            FileKind::Part => parts.push(path),
            FileKind::Answer | FileKind::Request => {}
        }
    }
    let passphrase = app.passphrase(&args.person)?;
    let mut collector = Collector::finish_enrolment(home, &args.person, &passphrase, app.ports(), &answers)?;
    for path in parts {
        let taken = read_part(path).map_err(Failure::from);
        let taken = taken.and_then(|file| Ok(collector.import_bundle_part(&file).map(drop)?));
        // The person is enrolled: a part that cannot be used may come again. Colleagues' parts lie on the same stick.
        if let Err(failure) = taken
            && !failure.is_for_others()
        {
            let line = Text::new("bundle-part-refused").with("file", shown(path));
            let reason = app.ui.text(&failure.message);
            app.ui.say(&line.with("reason", reason));
        }
    }
    app.learn_zone(&mut collector)?;
    Ok(collector)
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
