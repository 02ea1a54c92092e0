//! `relay status`

use std::collections::BTreeSet;

use bundle_files::{CarriedFolder, CarriedPart, shown};

use crate::app::App;
use crate::failure::Failure;
use crate::messages::Text;
use crate::shapes::RelayStatusShape;
use crate::when;

/// What this computer carries for others: how much, since when, and in which folder. Its files may be copied to a stick.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args, app: &mut App) -> Result<(), Failure> {
    let folder = CarriedFolder::in_home(app.home()?.root());
    let (up, replies): (Vec<CarriedPart>, Vec<CarriedPart>) =
        folder.list()?.into_iter().partition(CarriedPart::is_for_registry);
    let bytes = |parts: &[CarriedPart]| parts.iter().map(|part| part.size_bytes).sum();
    let people: BTreeSet<_> = replies.iter().map(|part| part.label.addressee).collect();
    let shape = RelayStatusShape {
        folder: shown(folder.path()),
        for_head_office: up.len() as u64,
        for_head_office_bytes: bytes(&up),
        oldest_at: up.first().map(|part| when::rfc3339(part.since)),
        replies: replies.len() as u64,
        reply_bytes: bytes(&replies),
        seats: people.len() as u64,
    };
    if app.ui.json(&shape) {
        return Ok(());
    }
    if up.is_empty() && replies.is_empty() {
        app.ui.result_text(&Text::new("relay-carries-nothing"));
        return Ok(());
    }
    let up = Text::new("relay-carries-up").with("parts", shape.for_head_office);
    app.ui.result_text(&up.with("bytes", shape.for_head_office_bytes));
    let down = Text::new("relay-carries-replies").with("parts", shape.replies);
    app.ui.result_text(&down.with("seats", shape.seats));
    app.ui.result_text(&Text::new("relay-folder").with("folder", shape.folder));
    Ok(())
}
