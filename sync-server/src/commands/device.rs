//! `device`: invites people's laptops, lists seats, ends them.

use std::path::{Path, PathBuf};

use record_model::{AreaCode, Lineage, Role, SeatId};
use registry_core::{InvitationDraft, Registry};
use registry_store::SeatRow;

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::home::{beside, take_name};
use crate::platform;
use crate::terms;
use crate::ui::Ui;
use crate::views::{
    DeviceListView, InvitationView, InvitationsView, RevokedView, SeatView, date_time, for_people,
    invitation_status,
};
use crate::words::msg;

const MS_PER_HOUR: i64 = 3_600_000;
/// More rows than this are more than one deployment's laptops; a mistaken file is.
const MAX_INVITATIONS: usize = 10_000;

/// Invite devices, list their seats, end them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make one-time enrolment codes.
    Invite(InviteArgs),
    /// List seats (one person on one device each) and open invitations.
    List,
    /// End a seat: what it sends from now on is set aside, never thrown away.
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct InviteArgs {
    /// Where: area codes, each with all that lies in it.
    #[arg(long, value_delimiter = ',', required_unless_present = "csv", value_name = "CODE,…")]
    area: Vec<AreaCode>,

    /// What the seat may do: enumerator, team_leader or supervisor.
    #[arg(long, default_value = "enumerator", value_parser = parse_role)]
    role: Role,

    /// The name suggested for the person.
    #[arg(long, default_value = "")]
    person: String,

    /// Which forms; all when not given.
    #[arg(long, value_delimiter = ',', value_name = "LINEAGE,…")]
    lineage: Vec<Lineage>,

    /// How long the code can be used.
    #[arg(long, default_value_t = 168, value_parser = clap::value_parser!(u32).range(1..=8_784))]
    valid_hours: u32,

    /// Many at once: a CSV file with the columns person, role and areas (several codes with ; between them).
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with_all = ["area", "person", "role"])]
    csv: Option<PathBuf>,

    /// Where to write the same rows with their codes. The codes are secrets.
    #[arg(long, value_name = "FILE", requires = "csv")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// Which seat, or the beginning of its id (8 characters or more).
    seat: String,

    /// Why. Kept in the log.
    #[arg(long)]
    reason: String,
}

fn parse_role(word: &str) -> Result<Role, String> {
    // The registry's own seats are not invited.
    Role::from_word(word)
        .filter(|role| *role != Role::Server)
        .ok_or_else(|| "enumerator, team_leader or supervisor".to_owned())
}

pub(crate) fn run(app: &App, command: Command) -> Result<(), Failure> {
    match command {
        Command::Invite(args) => match (&args.csv, &args.out) {
            (Some(csv), Some(out)) => invite_many(app, &args, csv, out),
            _ => invite_one(app, &args),
        },
        Command::List => list(app),
        Command::Revoke(args) => revoke(app, &args),
    }
}

/// One row of the file, or the one invitation of the command line.
struct Guest {
    person: String,
    role: Role,
    areas: Vec<AreaCode>,
}

fn invite(registry: &Registry, guest: &Guest, args: &InviteArgs) -> Result<InvitationView, Failure> {
    let valid_ms = i64::from(args.valid_hours) * MS_PER_HOUR;
    let draft = InvitationDraft {
        person: guest.person.clone(),
        role: guest.role,
        areas: guest.areas.clone(),
        lineages: args.lineage.clone(),
        valid_ms,
    };
    let now = platform::now();
    let code = registry.invite(draft)?;
    Ok(InvitationView {
        code: Some(code),
        person: guest.person.clone(),
        role: guest.role,
        areas: guest.areas.clone(),
        lineages: args.lineage.clone(),
        created_at: date_time(now),
        expires_at: date_time(now.plus_ms(valid_ms)),
        status: "open",
        used_by: None,
    })
}

fn invite_one(app: &App, args: &InviteArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let guest = Guest { person: args.person.clone(), role: args.role, areas: args.area.clone() };
    warn_of_unlisted_areas(app, &open.registry, std::slice::from_ref(&guest));
    let view = invite(&open.registry, &guest, args)?;
    app.ui.result(&view, |ui| ui.line(view.code.as_deref().unwrap_or_default()));
    app.ui.note(&msg("invite-valid").with("until", for_people(&view.expires_at)));
    Ok(())
}

fn invite_many(app: &App, args: &InviteArgs, csv: &Path, out: &Path) -> Result<(), Failure> {
    let guests = read_guests(csv)?;
    if out.exists() {
        let exists = msg("file-exists").with("path", out.display());
        return Err(Failure::new(FailureKind::Refused, exists));
    }
    let open = app.open()?;
    warn_of_unlisted_areas(app, &open.registry, &guests);
    let progress = app.ui.progress(guests.len() as u64);
    let mut invitations = Vec::with_capacity(guests.len());
    for guest in &guests {
        invitations.push(invite(&open.registry, guest, args)?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    write_codes(out, &invitations).map_err(|error| Failure::file(out, error))?;
    let count = invitations.len() as u64;
    let view = InvitationsView { file: out.display().to_string(), invited: count };
    app.ui.result(&view, |ui| {
        ui.say(&msg("invited-many").count("count", count).with("path", out.display()));
    });
    app.ui.note(&msg("codes-are-secret"));
    Ok(())
}

/// Reads every row before anybody is invited: a mistake in the last one invites nobody.
fn read_guests(path: &Path) -> Result<Vec<Guest>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, error))?;
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let refuse = |reason: String| Failure::content(path, reason);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let column = |name: &str| {
        headers.iter().position(|header| header == name).ok_or_else(|| refuse(format!("no column {name}")))
    };
    let (person, role, areas) = (column("person")?, column("role")?, column("areas")?);
    let mut guests = Vec::new();
    for (index, row) in reader.records().enumerate() {
        let line = index + 2;
        let row = row.map_err(|error| refuse(format!("line {line}: {error}")))?;
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let role = parse_role(cell(role)).map_err(|error| refuse(format!("line {line}: {error}")))?;
        let areas = cell(areas)
            .split([';', ','])
            .map(|code| code.trim().parse())
            .collect::<Result<Vec<AreaCode>, _>>()
            .map_err(|error| refuse(format!("line {line}: {error}")))?;
        guests.push(Guest { person: cell(person).to_owned(), role, areas });
        if guests.len() > MAX_INVITATIONS {
            return Err(refuse(format!("more than {MAX_INVITATIONS} rows")));
        }
    }
    if guests.is_empty() { Err(refuse("no rows".to_owned())) } else { Ok(guests) }
}

/// Writes beside the name first, then takes it: nobody finds half a list.
fn write_codes(out: &Path, invitations: &[InvitationView]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["person", "role", "areas", "code", "expires_at"])?;
    for invitation in invitations {
        let areas: Vec<&str> = invitation.areas.iter().map(AreaCode::as_str).collect();
        writer.write_record([
            as_plain_cell(&invitation.person).as_str(),
            invitation.role.as_str(),
            areas.join(";").as_str(),
            invitation.code.as_deref().unwrap_or_default(),
            invitation.expires_at.as_str(),
        ])?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let unfinished = beside(out, "unfinished").map_err(|_| std::io::ErrorKind::InvalidFilename)?;
    platform::write_secret(&unfinished, &bytes)?;
    take_name(&unfinished, out)
}

/// A name that a spreadsheet would run as a formula is written as text.
fn as_plain_cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn warn_of_unlisted_areas(app: &App, registry: &Registry, guests: &[Guest]) {
    let catalog = registry.catalog();
    let mut unlisted: Vec<&AreaCode> =
        guests.iter().flat_map(|guest| &guest.areas).filter(|area| !catalog.areas().contains(area)).collect();
    unlisted.sort();
    unlisted.dedup();
    for area in unlisted {
        app.ui.note(&msg("area-unlisted").with("area", area));
    }
}

fn list(app: &App) -> Result<(), Failure> {
    let open = app.open()?;
    let now = platform::now();
    let seats = open.registry.seats()?.iter().map(SeatView::from).collect();
    let invitations = open.registry.invitations()?.into_iter().map(|row| InvitationView {
        code: None,
        status: invitation_status(&row, now),
        person: row.person,
        role: row.role,
        areas: row.areas,
        lineages: row.lineages,
        created_at: date_time(row.created_at),
        expires_at: date_time(row.expires_at),
        used_by: row.used_by,
    });
    let view = DeviceListView { seats, invitations: invitations.collect() };
    app.ui.result(&view, |ui| {
        let rows: Vec<Vec<String>> = view.seats.iter().map(|seat| row(ui, seat)).collect();
        let headings = [
            msg("heading-seat"),
            msg("heading-person"),
            msg("heading-device"),
            msg("heading-role"),
            msg("heading-last-seen"),
            msg("heading-status"),
        ];
        ui.table(&headings, &rows);
        let open = view.invitations.iter().filter(|invitation| invitation.status == "open").count();
        ui.say(&msg("invitations-open").count("count", open as u64));
    });
    Ok(())
}

fn row(ui: &Ui, seat: &SeatView) -> Vec<String> {
    vec![
        seat.seat.to_string(),
        seat.person.clone(),
        seat.device.clone(),
        ui.text(&terms::role(seat.role)),
        seat.last_seen_at.as_deref().map(for_people).unwrap_or_default(),
        ui.text(&if seat.revocation_index.is_some() {
            msg("seat-state-revoked")
        } else {
            msg("seat-state-active")
        }),
    ]
}

fn revoke(app: &App, args: &RevokeArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let seats = open.registry.seats()?;
    let seat = find_seat(&seats, &args.seat)?;
    let revoked = open.registry.revoke(seat, args.reason.clone())?;
    let view = RevokedView {
        seat,
        last_epoch: revoked.last.map(|(epoch, _)| epoch),
        last_seq: revoked.last.map(|(_, seq)| seq),
    };
    app.ui.result(&view, |ui| ui.say(&msg("seat-ended").with("seat", seat)));
    Ok(())
}

fn find_seat(seats: &[SeatRow], text: &str) -> Result<SeatId, Failure> {
    let ids: Vec<String> = seats.iter().map(|row| row.seat.to_string()).collect();
    let found = super::unique_prefix(&ids, text)?;
    found.map(|index| seats[index].seat).ok_or_else(|| {
        Failure::new(FailureKind::NotFound, msg("seat-unknown").with("seat", text))
            .hint(msg("hint-device-list"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(text: &str) -> Result<Vec<Guest>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guests.csv");
        std::fs::write(&path, text).unwrap();
        read_guests(&path)
    }

    #[test]
    fn rows_are_read_whatever_excel_put_before_them() {
        let read =
            guests("\u{feff}person,role,areas\nMarie, enumerator ,HT0111;HT0112\nJean,team_leader,HT01\n");
        let read = read.unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].areas.len(), 2);
        assert_eq!(read[1].role, Role::TeamLeader);
    }

    #[test]
    fn a_wrong_row_is_named_by_its_line_and_nobody_is_invited() {
        for (text, word) in [
            ("person,role\nA,enumerator\n", "no column areas"),
            ("person,role,areas\nA,enumerator,HT01\nB,server,HT01\n", "line 3"),
            ("person,role,areas\nA,enumerator,H T\n", "line 2"),
            ("person,role,areas\n", "no rows"),
        ] {
            let failure = guests(text).err().unwrap();
            assert_eq!(failure.kind, FailureKind::Usage);
            assert!(failure.detail().unwrap().contains(word), "{:?}", failure.detail());
        }
    }

    #[test]
    fn a_name_is_never_a_formula() {
        assert_eq!(as_plain_cell("=1+1"), "'=1+1");
        assert_eq!(as_plain_cell("Marie-Ange"), "Marie-Ange");
    }
}
