//! `doctor`

use collector_core::{Diagnosis, Fault};

use super::status::{clock_word, was_copied};
use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::shapes::DoctorShape;

/// Examines everything kept on this computer: every page, every signature, every record.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args, app: &mut App) -> Result<(), Failure> {
    let collector = app.unlock()?;
    let diagnosis = collector.doctor()?;
    let shape = DoctorShape {
        sound: diagnosis.is_sound(),
        schema: diagnosis.store.schema,
        sendings_checked: diagnosis.store.deltas_checked,
        answers_kept: diagnosis.store.journalled_answers,
        faults: diagnosis.store.faults.iter().map(fault_words).collect(),
        unreadable_records: diagnosis.unreadable_records.iter().map(ToString::to_string).collect(),
        clock: clock_word(diagnosis.status.clock_doubt),
    };
    if !app.ui.json(&shape) {
        print(app, &diagnosis, &shape);
    }
    if shape.sound {
        return Ok(());
    }
    let details = shape.faults.iter().chain(&shape.unreadable_records).map(Text::verbatim);
    Err(Failure::new(Kind::Damaged, Text::new("doctor-damaged")).details(details))
}

fn print(app: &mut App, diagnosis: &Diagnosis, shape: &DoctorShape) {
    app.ui.result_text(&Text::new("doctor-schema").with("schema", shape.schema));
    app.ui.result_text(&Text::new("doctor-checked").with("count", shape.sendings_checked));
    app.ui.result_text(&Text::new("doctor-kept").with("count", shape.answers_kept));
    if was_copied(&diagnosis.status) {
        app.ui.result_text(&Text::new("status-copied"));
    }
    if diagnosis.status.clock_doubt.is_some() {
        app.ui.result_text(&Text::new("doctor-clock"));
    }
    if shape.sound {
        app.ui.result_text(&Text::new("doctor-sound"));
    }
}

/// Ids only: these words may be sent to support.
fn fault_words(fault: &Fault) -> String {
    match fault {
        Fault::DatabaseDamaged => "database_damaged".to_owned(),
        Fault::DeltaDamaged { hash } => format!("delta_damaged {hash}"),
        Fault::ChainBroken { seat, epoch, seq } => format!("chain_broken {seat} {epoch} {seq}"),
        Fault::ChainEnd { seat } => format!("chain_end {seat}"),
        _ => "unknown".to_owned(),
    }
}
