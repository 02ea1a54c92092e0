//! `status`

use collector_core::{ClockDoubt, Collector, RecordFilter, RecordStatus, RecordSummary, Status};
use record_model::{FindingKind, OutcomeCode};

use super::sync::{reason_text, reasons};
use crate::app::App;
use crate::failure::Failure;
use crate::messages::Text;
use crate::shapes::{
    HeldShape, OpenItemsShape, ReasonCount, RecordCounts, SentShape, StatusShape, ToSendShape,
};
use crate::when;

/// What waits to be sent, since when, and why; and what a person should look at.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// So many records with something to look at are named; the others are counted.
const NAMED: usize = 10;

pub(crate) fn run(Args {}: Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let status = collector.status()?;
    let records = collector.list(&RecordFilter::default())?;
    let shape = shape(&mut collector, &status, &records)?;
    if !app.ui.json(&shape) {
        print(app, &status, &shape, &records);
    }
    Ok(())
}

fn shape(
    collector: &mut Collector,
    status: &Status,
    records: &[RecordSummary],
) -> Result<StatusShape, Failure> {
    let who = collector.who_am_i();
    let with_status = |wanted| records.iter().filter(|record| record.status == wanted).count() as u64;
    let oldest_at = [status.oldest_answer_at, status.deltas.to_send.oldest_at].into_iter().flatten().min();
    Ok(StatusShape {
        person: who.person,
        device: who.certificate.fields.device.clone(),
        training: status.training,
        records: RecordCounts {
            all: status.records,
            draft: with_status(RecordStatus::Draft),
            finalised: with_status(RecordStatus::Finalised),
            withdrawn: with_status(RecordStatus::Withdrawn),
        },
        to_send: ToSendShape {
            answers: status.journalled_answers,
            sendings: status.deltas.to_send.deltas,
            records: status.deltas.to_send.records,
            bytes: status.deltas.to_send.bytes,
            oldest_at: oldest_at.map(when::rfc3339),
            oldest_age_ms: status.oldest_unsent_age_ms,
            why: why(status),
        },
        sent: sent(status),
        open_items: open_items(collector, status, records)?,
        held: HeldShape { count: status.held, since: status.held_since.map(when::rfc3339) },
        set_aside: reasons(&status.quarantined),
        last_sync_at: status.last_sync_at.map(when::rfc3339),
        server_log_size: status.head.as_ref().map(|head| head.size),
        backed_up_through: status.receipt.as_ref().map(|receipt| receipt.backed_up_through),
        clock: clock_word(status.clock_doubt),
        copied_or_restored: was_copied(status),
    })
}

/// Why something waits, in a stable word.
fn why(status: &Status) -> Option<&'static str> {
    let waits = status.journalled_answers > 0 || status.deltas.to_send.deltas > 0;
    match (waits, status.last_sync_at) {
        (false, _) => None,
        (true, None) => Some("never_synced"),
        (true, Some(_)) => Some("since_last_sync"),
    }
}

fn sent(status: &Status) -> SentShape {
    let outcomes = &status.deltas.outcomes;
    let count = |wanted| outcomes.iter().filter(|(code, ..)| *code == wanted).map(|(.., count)| count).sum();
    let aside = outcomes.iter().filter(|(code, ..)| *code == OutcomeCode::Quarantined);
    SentShape {
        delivered: status.deltas.delivered,
        merged: count(OutcomeCode::Merged),
        refused: reasons(&status.deltas.refused),
        set_aside: aside
            .map(|(_, reason, count)| ReasonCount {
                reason: reason.map_or("unknown", |reason| reason.as_str()),
                count: *count,
            })
            .collect(),
        held: count(OutcomeCode::Held),
        forked: count(OutcomeCode::Forked),
    }
}

fn open_items(
    collector: &mut Collector,
    status: &Status,
    records: &[RecordSummary],
) -> Result<OpenItemsShape, Failure> {
    let mut shape = OpenItemsShape {
        records: status.records_with_open_items,
        conflict: 0,
        removed_and_edited: 0,
        rule_break: 0,
    };
    for record in records.iter().filter(|record| record.open_items > 0) {
        for finding in collector.findings(record.record)? {
            match finding.kind {
                FindingKind::Conflict => shape.conflict += 1,
                FindingKind::RemovedAndEdited => shape.removed_and_edited += 1,
                FindingKind::RuleBreak => shape.rule_break += 1,
            }
        }
    }
    Ok(shape)
}

/// A new seat needs its first run of sendings as much as a copied one needs another; only the latter is news.
pub(super) fn was_copied(status: &Status) -> bool {
    let has_written = status.deltas.to_send.deltas + status.deltas.delivered + status.records > 0;
    status.epoch_needed && has_written
}

/// The doubt about the clock, in a stable word.
pub(super) fn clock_word(doubt: Option<ClockDoubt>) -> &'static str {
    match doubt {
        None => "fine",
        Some(ClockDoubt::WentBack { .. }) => "went_back",
        Some(ClockDoubt::FarAhead { .. }) => "far_ahead",
    }
}

fn print(app: &mut App, status: &Status, shape: &StatusShape, records: &[RecordSummary]) {
    let line = |app: &mut App, key: &'static str, count: u64| {
        if count > 0 {
            app.ui.result_text(&Text::new(key).with("count", count));
        }
    };
    app.ui.result_text(
        &Text::new("status-who").with("person", shape.person.as_str()).with("device", shape.device.as_str()),
    );
    app.ui.result_text(
        &Text::new("status-records")
            .with("all", shape.records.all)
            .with("draft", shape.records.draft)
            .with("finalised", shape.records.finalised),
    );
    to_send(app, status, shape);
    line(app, "status-sent", shape.sent.delivered);
    line(app, "status-merged", shape.sent.merged);
    line(app, "status-forked", shape.sent.forked);
    line(app, "status-held-there", shape.sent.held);
    for (reason, count) in &status.deltas.refused {
        let text = Text::new("status-refused").with("count", *count).with("reason", reason_text(*reason));
        app.ui.result_text(&text);
    }
    for (code, reason, count) in &status.deltas.outcomes {
        if *code == OutcomeCode::Quarantined {
            let reason = reason.map_or_else(|| Text::verbatim(""), reason_text);
            app.ui.result_text(&Text::new("status-set-aside").with("count", *count).with("reason", reason));
        }
    }
    for (reason, count) in &status.quarantined {
        let text =
            Text::new("status-set-aside-here").with("count", *count).with("reason", reason_text(*reason));
        app.ui.result_text(&text);
    }
    line(app, "status-held", status.held);
    line(app, "status-conflicts", shape.open_items.conflict);
    line(app, "status-removed-and-edited", shape.open_items.removed_and_edited);
    line(app, "status-rule-breaks", shape.open_items.rule_break);
    let open: Vec<&RecordSummary> = records.iter().filter(|record| record.open_items > 0).collect();
    for record in open.iter().take(NAMED) {
        let number = record.number.clone().unwrap_or_else(|| record.record.to_string());
        app.ui.result(&format!("  {number}  {}", record.title));
    }
    if open.len() > NAMED {
        app.ui.result_text(&Text::new("status-and-more").with("count", open.len() - NAMED));
    }
    if was_copied(status) {
        app.ui.result_text(&Text::new("status-copied"));
    }
    if status.clock_doubt.is_some() {
        app.ui.result_text(&Text::new("doctor-clock"));
    }
}

fn to_send(app: &mut App, status: &Status, shape: &StatusShape) {
    let zone = app.zone.get();
    let language = app.ui.catalogue.language;
    if shape.to_send.why.is_none() {
        app.ui.result_text(&Text::new("status-nothing-to-send"));
    } else {
        app.ui.result_text(
            &Text::new("status-to-send")
                .with("sendings", shape.to_send.sendings)
                .with("records", shape.to_send.records)
                .with("answers", shape.to_send.answers),
        );
        if let Some(age) = status.oldest_unsent_age_ms {
            app.ui.result_text(&Text::new("status-oldest").with("age", when::age(age)));
        }
    }
    match status.last_sync_at {
        Some(at) => {
            app.ui
                .result_text(&Text::new("status-last-sync").with("at", when::date_time(at, &zone, language)));
        }
        None => app.ui.result_text(&Text::new("status-never-synced")),
    }
}
