//! `status`: how the registry stands, in one page.

use std::collections::BTreeMap;

use record_model::{FindingKind, OutcomeCode, ReasonCode, Role};
use registry_core::Registry;
use registry_store::{ItemFilter, RegistryStoreExt};

use super::App;
use crate::failure::Failure;
use crate::home::RECOVERY_IDENTITY;
use crate::platform;
use crate::terms;
use crate::ui::Ui;
use crate::views::{SeatCounts, StatusView, fingerprint, hex, invitation_status};
use crate::words::msg;

/// Every kind of review item.
const ITEM_KINDS: [FindingKind; 3] =
    [FindingKind::Conflict, FindingKind::RemovedAndEdited, FindingKind::RuleBreak];
/// What an entry can be other than merged.
const SET_ASIDE: [OutcomeCode; 3] = [OutcomeCode::Held, OutcomeCode::Quarantined, OutcomeCode::Forked];

/// Show how the registry stands: what is in the log, what waits for a person, who takes part.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(app: &App, _: &Args) -> Result<(), Failure> {
    let open = app.open()?;
    let served = app.home.is_served()?;
    let recovery_identity_on_server = app.home.file(RECOVERY_IDENTITY).exists();
    let view = StatusView { served, recovery_identity_on_server, ..read(&open.registry)? };
    app.ui.result(&view, |ui| show(ui, &view));
    if recovery_identity_on_server {
        app.ui.note(&msg("init-recovery").with("path", app.home.file(RECOVERY_IDENTITY).display()));
    }
    Ok(())
}

fn read(registry: &Registry) -> Result<StatusView, Failure> {
    let now = platform::now();
    let head = registry.tree_head()?;
    let mut open_items = BTreeMap::new();
    for kind in ITEM_KINDS {
        let filter = ItemFilter { open_only: true, kind: Some(kind), ..ItemFilter::default() };
        open_items.insert(kind.as_str(), registry.count_items(&filter)?);
    }
    let (set_aside, set_aside_reasons) = count_set_aside(registry)?;
    // The server's own seat is nobody's laptop.
    let seats: Vec<_> = registry.seats()?.into_iter().filter(|seat| seat.role != Role::Server).collect();
    let revoked = seats.iter().filter(|seat| seat.revocation_index.is_some()).count() as u64;
    let invitations = registry.invitations()?;
    let invitations_open = invitations.iter().filter(|row| invitation_status(row, now) == "open").count();
    let forms = registry.publications()?.len() as u64;
    let (merged_through, (households, persons)) =
        registry.store().read(|tx| Ok((tx.merged_through()?, tx.registry_size()?)))?;
    Ok(StatusView {
        deployment: registry.facts().deployment,
        log: registry.facts().log,
        training: registry.facts().training,
        registry_key_fingerprint: fingerprint(&registry.registry_key()),
        served: false,
        log_length: head.size,
        merged_through,
        root: hex(&head.root),
        open_items,
        set_aside,
        set_aside_reasons,
        seats: SeatCounts { active: seats.len() as u64 - revoked, revoked },
        invitations_open: invitations_open as u64,
        forms,
        households,
        persons,
        recovery_identity_on_server: false,
    })
}

type Counts = BTreeMap<&'static str, u64>;

fn count_set_aside(registry: &Registry) -> Result<(Counts, Counts), Failure> {
    let mut outcomes: Counts = SET_ASIDE.iter().map(|code| (code.as_str(), 0)).collect();
    let mut reasons = Counts::new();
    for row in registry.set_aside(usize::MAX)? {
        *outcomes.entry(row.code.as_str()).or_default() += 1;
        if let Some(reason) = row.reason {
            *reasons.entry(reason.as_str()).or_default() += 1;
        }
    }
    Ok((outcomes, reasons))
}

fn show(ui: &Ui, view: &StatusView) {
    ui.say(&msg("status-deployment").with("deployment", view.deployment));
    ui.say(&msg("status-fingerprint").with("fingerprint", &view.registry_key_fingerprint));
    ui.say(&if view.served { msg("status-served") } else { msg("status-not-served") });
    ui.say(&msg("status-log").count("entries", view.log_length).count("merged", view.merged_through));
    ui.say(&msg("status-registry").count("households", view.households).count("persons", view.persons));
    ui.say(&msg("status-seats").count("active", view.seats.active).count("revoked", view.seats.revoked));
    ui.say(&msg("status-review").count("open", view.open_items.values().sum()));
    for kind in ITEM_KINDS {
        let count = view.open_items.get(kind.as_str()).copied().unwrap_or_default();
        if count > 0 {
            ui.pair(2, ui.text(&terms::finding(kind)), count);
        }
    }
    ui.say(&msg("status-set-aside").count("count", view.set_aside.values().sum()));
    for code in SET_ASIDE {
        let count = view.set_aside.get(code.as_str()).copied().unwrap_or_default();
        if count > 0 {
            ui.pair(2, ui.text(&terms::outcome(code)), count);
        }
    }
    for (reason, count) in &view.set_aside_reasons {
        let words = ReasonCode::from_word(reason).map(|reason| ui.text(&terms::reason(reason)));
        ui.pair(4, words.as_deref().unwrap_or(reason), count);
    }
}
