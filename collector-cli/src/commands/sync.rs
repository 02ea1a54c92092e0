//! `sync`

use collector_core::{SyncProgress, SyncReport};
use record_model::ReasonCode;

use crate::app::App;
use crate::clock;
use crate::failure::Failure;
use crate::messages::Text;
use crate::shapes::{ReasonCount, SyncShape};

/// Sends what waits to head office and fetches what is new. What was sent before the line breaks stays sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let mut transport = app.connect_home(collector.home())?;
    clock::confirm(app, &mut collector)?;
    let waiting = collector.status()?.deltas.to_send.deltas;
    let bar = app.ui.progress(waiting, &Text::new("sync-sending"));
    let (sending, receiving, files) = (
        app.ui.text(&Text::new("sync-sending")),
        app.ui.text(&Text::new("sync-receiving")),
        app.ui.text(&Text::new("sync-files")),
    );
    let outcome = collector.sync(transport.as_mut(), &mut |progress| match progress {
        SyncProgress::Sending { waiting } => {
            bar.set_length(bar.position() + waiting);
            bar.set_message(sending.clone());
        }
        SyncProgress::Delivered { delivered } => bar.set_position(delivered),
        SyncProgress::Received { pulled } => {
            bar.set_message(receiving.clone());
            bar.set_length(pulled);
            bar.set_position(pulled);
        }
        SyncProgress::Fetching { .. } => bar.set_message(files.clone()),
        _ => {}
    });
    bar.finish_and_clear();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            let left = collector.status()?.deltas.to_send.deltas;
            let failure = Failure::from(error);
            return Err(failure.details([Text::new("sync-nothing-lost").with("left", left)]));
        }
    };
    app.learn_zone(&mut collector)?;
    let left = collector.status()?.deltas.to_send.deltas;
    print(app, &report, left);
    Ok(())
}

fn print(app: &mut App, report: &SyncReport, left: u64) {
    let shape = SyncShape {
        signed: report.cut,
        delivered: report.delivered,
        refused: reasons(&report.refused),
        received: report.pulled,
        applied: report.applied.applied,
        held: report.applied.held,
        set_aside: report.applied.quarantined,
        files: report.files,
        requests: report.traffic.requests,
        bytes_up: report.traffic.bytes_up,
        bytes_down: report.traffic.bytes_down,
        still_to_send: left,
    };
    if app.ui.json(&shape) {
        return;
    }
    app.ui.result_text(&Text::new("sync-delivered").with("count", shape.delivered));
    app.ui.result_text(&Text::new("sync-received").with("count", shape.received));
    if shape.files > 0 {
        app.ui.result_text(&Text::new("sync-fetched").with("count", shape.files));
    }
    if shape.held > 0 {
        app.ui.result_text(&Text::new("sync-held").with("count", shape.held));
    }
    if shape.set_aside > 0 {
        app.ui.result_text(&Text::new("sync-set-aside").with("count", shape.set_aside));
    }
    for (reason, count) in &report.refused {
        app.ui.result_text(
            &Text::new("sync-refused").with("count", *count).with("reason", reason_text(*reason)),
        );
    }
    app.ui.result_text(
        &Text::new("sync-traffic")
            .with("up", shape.bytes_up)
            .with("down", shape.bytes_down)
            .with("requests", shape.requests),
    );
}

/// By the stable word.
pub(super) fn reasons(counts: &[(ReasonCode, u64)]) -> Vec<ReasonCount> {
    counts.iter().map(|(reason, count)| ReasonCount { reason: reason.as_str(), count: *count }).collect()
}

/// For a person.
pub(crate) fn reason_text(reason: ReasonCode) -> Text {
    Text::new(format!("reason-{}", reason.as_str().replace('_', "-")))
}

/// What a person does about work that was set aside for this reason. Nothing is lost meanwhile.
pub(crate) fn todo_text(reason: ReasonCode) -> Text {
    Text::new(match reason {
        ReasonCode::Revoked | ReasonCode::UnknownSeat | ReasonCode::BadSignature => "todo-enrol-again",
        ReasonCode::AreaOutsideCertificate
        | ReasonCode::LineageOutsideCertificate
        | ReasonCode::RoleNotAllowed
        | ReasonCode::ClassNotAllowed => "todo-ask-for-rights",
        ReasonCode::UnknownForm | ReasonCode::UnsupportedKind => "todo-form-or-version",
        ReasonCode::Fork
        | ReasonCode::BadChain
        | ReasonCode::UnknownEpoch
        | ReasonCode::MissingChange
        | ReasonCode::UnknownRecord
        | ReasonCode::OtherGeneration => "todo-sync-then-tell",
        _ => "todo-tell",
    })
}
