//! `verify`, `rebuild`, `state-hash`: what can be proven about the registry.

use record_model::AreaCode;
use registry_store::RegistryStoreExt;

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::home::Company;
use crate::views::{RebuildView, StateHashView, VerifyView, hex};
use crate::words::msg;

/// Check every entry of the log without trusting any row; exit code 1 and the faults when something does not hold.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {}

/// Make everything below the log again from it. No server may run meanwhile.
#[derive(Debug, clap::Args)]
pub(crate) struct RebuildArgs {}

/// Print the hashes by which two parties know that they hold the same.
#[derive(Debug, clap::Args)]
pub(crate) struct StateHashArgs {
    /// Only records in these areas and what lies in them.
    #[arg(long, value_delimiter = ',', value_name = "CODE,…")]
    area: Option<Vec<AreaCode>>,
}

pub(crate) fn verify(app: &App, _: &VerifyArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let report = open.registry.verify()?;
    let view = VerifyView {
        ok: report.faults.is_empty(),
        entries: report.entries,
        root: report.root,
        faults: report.faults,
    };
    app.ui.result(&view, |ui| {
        for fault in &view.faults {
            match fault.log_index {
                Some(index) => ui.say(&msg("fault-at").with("index", index).with("what", &fault.what)),
                None => ui.say(&msg("fault").with("what", &fault.what)),
            }
        }
        if view.ok {
            ui.say(&msg("verify-ok").count("entries", view.entries).with("root", &view.root));
        }
    });
    if view.ok {
        return Ok(());
    }
    let faults = msg("verify-faults").count("count", view.faults.len() as u64);
    Err(Failure::new(FailureKind::DoesNotHold, faults).hint(msg("hint-backup")))
}

pub(crate) fn rebuild(app: &App, _: &RebuildArgs) -> Result<(), Failure> {
    let open = app.open_with(Company::Alone)?;
    let report = open.registry.rebuild()?;
    let view = RebuildView {
        same: report.before == report.after,
        entries: report.entries,
        before: report.before,
        after: report.after,
    };
    app.ui.result(&view, |ui| {
        ui.say(&msg("rebuilt").count("entries", view.entries).with("hash", &view.after));
        if !view.same {
            ui.say(&msg("rebuilt-differs").with("before", &view.before));
        }
    });
    Ok(())
}

pub(crate) fn state_hash(app: &App, args: &StateHashArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let (records, records_hash) = registry.records_hash(args.area.as_deref())?;
    let registry_hash = registry.registry_hash()?;
    let (log_length, merged_through) =
        registry.store().read(|tx| Ok((tx.log_len()?, tx.merged_through()?)))?;
    let view = StateHashView {
        areas: args.area.clone(),
        records,
        records_hash: hex(&records_hash),
        registry_hash: hex(&registry_hash),
        log_length,
        merged_through,
    };
    app.ui.result(&view, |ui| {
        ui.say(&msg("state-records").count("records", view.records as u64).with("hash", &view.records_hash));
        ui.say(&msg("state-registry").with("hash", &view.registry_hash));
    });
    if merged_through < log_length {
        app.ui.note(&msg("merge-behind").count("count", log_length - merged_through));
    }
    Ok(())
}
