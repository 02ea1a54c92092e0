//! `record`: records as merged so far, and the signed deltas they are made of.

use record_model::{AreaCode, DeltaKind, Lineage, RecordId, RegistrationNumber};
use registry_core::Registry;
use registry_store::{
    ItemFilter, LogEntry, OutcomeRow, Projection, RecordFilter, RecordRow, RegistryStoreExt,
};
use signed_delta::{Act, Body, StatementAct};

use super::App;
use super::deltas::{self, Faces};
use super::review::item_view;
use crate::failure::{Failure, FailureKind};
use crate::terms;
use crate::ui::Ui;
use crate::views::{
    HistoryEntryView, HouseholdView, IdentifierView, MembershipView, PersonView, RecordHistoryView,
    RecordListView, RecordShowView, RecordView, for_people, hex, visit_time,
};
use crate::words::msg;

/// See records and how they came to be.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List records by id.
    List(ListArgs),
    /// Show one record and what the registry says because of it.
    Show(OneArgs),
    /// Show the signed deltas about a record, in the order the log has them.
    History(OneArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only of this lineage.
    #[arg(long)]
    lineage: Option<Lineage>,

    /// Only in these areas and what lies in them.
    #[arg(long, value_delimiter = ',', value_name = "CODE,…")]
    area: Option<Vec<AreaCode>>,

    /// Go on after this record.
    #[arg(long, value_name = "RECORD")]
    after: Option<RecordId>,

    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OneArgs {
    /// A record id, the beginning of one (8 characters or more), or a registration number.
    record: String,
}

pub(crate) fn run(app: &App, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(app, &args),
        Command::Show(args) => show(app, &args),
        Command::History(args) => history(app, &args),
    }
}

fn list(app: &App, args: &ListArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let filter = RecordFilter {
        lineage: args.lineage.clone(),
        areas: args.area.as_deref().map(|areas| open.registry.areas_within(areas)),
        after: args.after,
    };
    let mut rows = open.registry.records(&filter, args.limit.saturating_add(1))?;
    let more = rows.len() > args.limit;
    rows.truncate(args.limit);
    let statuses: Vec<String> = rows.iter().map(|row| app.ui.text(&terms::status(row.status))).collect();
    let view = RecordListView { records: rows.iter().map(record_view).collect(), more };
    app.ui.result(&view, |ui| {
        let headings = [
            msg("heading-record"),
            msg("heading-number"),
            msg("heading-lineage"),
            msg("heading-area"),
            msg("heading-visit"),
            msg("heading-status"),
        ];
        let rows: Vec<Vec<String>> =
            view.records.iter().zip(&statuses).map(|(record, status)| row(record, status)).collect();
        ui.table(&headings, &rows);
        if more {
            ui.say(&msg("list-more"));
        }
    });
    Ok(())
}

fn row(record: &RecordView, status: &str) -> Vec<String> {
    vec![
        record.record.to_string(),
        record.registration_number.clone().unwrap_or_default(),
        record.lineage.to_string(),
        record.area.to_string(),
        for_people(&record.visit),
        status.to_owned(),
    ]
}

fn record_view(row: &RecordRow) -> RecordView {
    RecordView {
        record: row.record,
        registration_number: row.registration_number.clone(),
        lineage: row.lineage.clone(),
        area: row.area.clone(),
        status: row.status.as_str(),
        visit: visit_time(row.visit),
        generation: row.generation,
        revision: row.revision,
        updated_index: row.updated_index,
    }
}

// --- show ----------------------------------------------------------------------------------------------------------------

fn show(app: &App, args: &OneArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let record = find_record(registry, &args.record)?;
    let row = registry.record(record)?;
    let projection = registry.projection(record)?;
    let filter = ItemFilter { open_only: true, record: Some(record), ..ItemFilter::default() };
    let items = registry.items(&filter, usize::MAX)?;
    let open_items = items.iter().map(|item| item_view(registry, item, app.ui.language()));
    let view = RecordShowView {
        record: record_view(&row),
        area_name: registry.catalog().area_name(&row.area).map(str::to_owned),
        heads: row.heads.clone(),
        digest: hex(&row.digest),
        open_items: open_items.collect::<Result<_, _>>()?,
        ..projected(projection, &row)
    };
    let status = app.ui.text(&terms::status(row.status));
    app.ui.result(&view, |ui| show_record(ui, &view, &status));
    Ok(())
}

/// What the registry says because of the record; the rest of the view is filled in by the caller.
fn projected(projection: Projection, row: &RecordRow) -> RecordShowView {
    RecordShowView {
        record: record_view(row),
        area_name: None,
        heads: Vec::new(),
        digest: String::new(),
        household: projection.household.map(|household| HouseholdView {
            household: household.household,
            registration_number: household.registration_number,
            area: household.area,
            label: household.label,
            properties: household.properties,
        }),
        persons: projection
            .persons
            .into_iter()
            .map(|person| PersonView {
                person: person.person,
                label: person.label,
                properties: person.properties,
            })
            .collect(),
        memberships: projection
            .memberships
            .into_iter()
            .map(|member| MembershipView {
                household: member.household,
                person: member.person,
                instance: member.instance,
                relationship: member.relationship,
            })
            .collect(),
        identifiers: projection
            .identifiers
            .into_iter()
            .map(|identifier| IdentifierView {
                person: identifier.person,
                scheme: identifier.scheme,
                value: identifier.value,
            })
            .collect(),
        open_items: Vec::new(),
    }
}

fn show_record(ui: &Ui, view: &RecordShowView, status: &str) {
    let record = &view.record;
    let number = record.registration_number.as_deref().unwrap_or("–");
    ui.say(&msg("record-about").with("record", record.record).with("number", number).with("status", status));
    let area = view.area_name.as_deref().unwrap_or(record.area.as_str());
    ui.say(&msg("record-place").with("area", area).with("visit", for_people(&record.visit)));
    if let Some(household) = &view.household {
        ui.say(&msg("record-household").with("label", &household.label));
        for (name, value) in &household.properties {
            ui.pair(2, name, value);
        }
    }
    for person in &view.persons {
        ui.say(&msg("record-person").with("label", &person.label).with("person", &person.person));
    }
    for item in &view.open_items {
        let label = item.label.as_ref().unwrap_or(&item.subject);
        let id = item.item.to_string();
        ui.line(&format!("  {} · {label} · {}", ui.text(&terms::finding(item.kind)), &id[..12]));
    }
}

// --- history -------------------------------------------------------------------------------------------------------------

fn history(app: &App, args: &OneArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let record = find_record(registry, &args.record)?;
    let (entries, outcomes, row) = registry.store().read(|tx| {
        let entries = tx.log_of_record(record)?;
        let outcomes = entries.iter().map(|entry| tx.outcome(entry.index)).collect::<Result<Vec<_>, _>>()?;
        Ok((entries, outcomes, tx.record(record)?))
    })?;
    let mut faces = Faces::new(registry);
    let views = entries.iter().zip(outcomes).map(|(entry, outcome)| entry_view(&mut faces, entry, outcome));
    let view = RecordHistoryView {
        record,
        registration_number: row.and_then(|row| row.registration_number),
        entries: views.collect::<Result<_, _>>()?,
    };
    app.ui.result(&view, |ui| {
        let headings = [
            msg("heading-index"),
            msg("heading-what"),
            msg("heading-enumerator"),
            msg("heading-device"),
            msg("heading-claimed"),
            msg("heading-received"),
            msg("heading-outcome"),
        ];
        let rows: Vec<Vec<String>> = view.entries.iter().map(|entry| history_row(ui, entry)).collect();
        ui.table(&headings, &rows);
    });
    Ok(())
}

fn entry_view(
    faces: &mut Faces<'_>,
    entry: &LogEntry,
    outcome: Option<OutcomeRow>,
) -> Result<HistoryEntryView, Failure> {
    let kind = entry.delta.header().kind;
    let (_, _, body) = entry.delta.parts();
    let blank = HistoryEntryView {
        log_index: entry.index,
        delta: deltas::view(faces, entry)?,
        outcome: outcome.map(|row| row.code),
        outcome_reason: outcome.and_then(|row| row.reason),
        visit: None,
        finalises: false,
        withdraws: false,
        item: None,
        account: None,
        reason: None,
        erased: body.is_none(),
    };
    let act = body.and_then(|body| Body::decode(kind, body).ok()).map(|body| body.act);
    Ok(match act {
        Some(Act::Change(act)) => HistoryEntryView {
            visit: Some(visit_time(act.visit)),
            finalises: act.finalise.is_some(),
            ..blank
        },
        Some(Act::Statement(StatementAct::Finalise(finalise))) => {
            HistoryEntryView { visit: Some(visit_time(finalise.visit)), finalises: true, ..blank }
        }
        Some(Act::Statement(StatementAct::Withdraw { reason })) => {
            HistoryEntryView { withdraws: true, reason: Some(reason), ..blank }
        }
        Some(Act::Decision(act)) => HistoryEntryView {
            item: Some(act.item),
            account: Some(act.account),
            reason: Some(act.reason),
            ..blank
        },
        _ => blank,
    })
}

fn history_row(ui: &Ui, entry: &HistoryEntryView) -> Vec<String> {
    let what = match (entry.delta.kind, entry.finalises, entry.withdraws) {
        (DeltaKind::Change | DeltaKind::Statement, true, _) => msg("delta-finalise"),
        (DeltaKind::Statement, _, true) => msg("delta-withdraw"),
        (kind, _, _) => terms::delta(kind),
    };
    let outcome = entry.outcome.map_or_else(|| msg("outcome-none"), terms::outcome);
    let reason = entry.outcome_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    vec![
        entry.log_index.to_string(),
        ui.text(&what),
        entry.account.clone().or_else(|| entry.delta.enumerator.clone()).unwrap_or_default(),
        entry.delta.device.clone().unwrap_or_default(),
        for_people(&entry.delta.claimed_at),
        for_people(&entry.delta.received_at),
        format!("{}{reason}", ui.text(&outcome)),
    ]
}

/// A record by its id, the beginning of it, or its registration number.
fn find_record(registry: &Registry, text: &str) -> Result<RecordId, Failure> {
    let unknown = || {
        Failure::new(FailureKind::NotFound, msg("record-unknown").with("record", text))
            .hint(msg("hint-record-list"))
    };
    if let Ok(record) = text.to_ascii_uppercase().parse() {
        return Ok(record);
    }
    if text.parse::<RegistrationNumber>().is_ok() {
        return registry.store().read(|tx| tx.record_by_number(text.trim()))?.ok_or_else(unknown);
    }
    let digests = registry.store().read(|tx| tx.digests(&RecordFilter::default()))?;
    let names: Vec<String> = digests.iter().map(|(record, _)| record.to_string()).collect();
    let found = super::unique_prefix(&names, text)?;
    found.map(|index| digests[index].0).ok_or_else(unknown)
}
