//! `verify`, `head`, `rebuild`, `state-hash`: what can be proven about the registry.

use std::path::PathBuf;

use record_model::AreaCode;
use registry_store::RegistryStoreExt;

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::home::Company;
use crate::platform;
use crate::views::{HeadView, RebuildView, StateHashView, VerifyView, date_time, hex};
use crate::words::msg;

/// Check every entry of the log without trusting any row; exit code 1 and the faults when something does not hold.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// A head that `head --out` wrote earlier and that was kept elsewhere: the log must still begin as it did then.
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
}

/// Print the log's length and root as they are now, signed. Kept elsewhere, the file proves later that nothing was cut
/// off or rewritten (`verify --head`).
#[derive(Debug, clap::Args)]
pub(crate) struct HeadArgs {
    /// A new file for the signed head.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

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

pub(crate) fn head(app: &App, args: &HeadArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let head = open.registry.tree_head()?;
    if let Some(path) = &args.out {
        platform::write_secret(path, &head.encode()).map_err(|error| Failure::file(path, error))?;
    }
    let view = HeadView {
        log: head.log,
        entries: head.size,
        root: hex(&head.root),
        at: date_time(head.at),
        file: args.out.as_ref().map(|path| path.display().to_string()),
    };
    app.ui.result(&view, |ui| {
        let said =
            msg("head-now").count("entries", view.entries).with("root", &view.root).with("at", &view.at);
        ui.say(&said);
        if let Some(file) = &view.file {
            ui.say(&msg("head-written").with("path", file));
        }
    });
    Ok(())
}

pub(crate) fn verify(app: &App, args: &VerifyArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let exported = match &args.head {
        Some(path) => Some(std::fs::read(path).map_err(|error| Failure::file(path, error))?),
        None => None,
    };
    let report = open.registry.verify_against(exported.as_deref())?;
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
