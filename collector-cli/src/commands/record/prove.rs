//! `record prove`

use super::RecordRef;
use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::shapes::{DeltaProofShape, RecordProofShape};
use crate::when;

/// Has head office prove that its log holds every sending about a record, and checks the proof here. Needs the network.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
}

pub(super) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let record = args.record.find(&collector)?;
    let mut transport = app.connect_home(collector.home())?;
    let proof = collector.prove(record, transport.as_mut())?;
    let missing = proof.missing();
    let shape = RecordProofShape {
        record: record.to_string(),
        log_size: proof.head.size,
        root: data_encoding::HEXLOWER.encode(&proof.head.root),
        at: when::rfc3339(proof.head.at),
        deltas: proof
            .deltas
            .iter()
            .map(|delta| DeltaProofShape {
                delta: delta.delta.to_string(),
                seat: delta.seat.to_string(),
                state: match (&delta.place, delta.waits) {
                    (Some(_), _) => "proven",
                    (None, true) => "to_send",
                    (None, false) => "missing",
                },
                log_index: delta.place.map(|(index, _)| index),
                received_at: delta.place.map(|(_, at)| when::rfc3339(at)),
            })
            .collect(),
    };
    if !app.ui.json(&shape) {
        let count = |state: &str| shape.deltas.iter().filter(|delta| delta.state == state).count();
        app.ui.result_text(&Text::new("proven").with("count", count("proven")).with("size", shape.log_size));
        if count("to_send") > 0 {
            app.ui.result_text(&Text::new("proof-to-send").with("count", count("to_send")));
        }
    }
    if missing > 0 {
        return Err(Failure::new(Kind::Refused, Text::new("error-not-proven").with("count", missing))
            .hint(Text::new("hint-other-log")));
    }
    Ok(())
}
