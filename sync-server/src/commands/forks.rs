//! Forks among what a person must look at: the branches of a copied or restored laptop, and which of them stands.

use record_model::DeltaHash;
use registry_core::{BranchDetail, BranchRequest, ForkDetail, Registry};

use super::App;
use super::deltas::Faces;
use crate::failure::{Failure, FailureKind};
use crate::ui::Ui;
use crate::views::{BranchView, ForkView, date_time, for_people};
use crate::words::msg;

#[derive(Debug, clap::Args)]
pub(crate) struct ForkArgs {
    /// The branch that stands, by its name or the beginning of it (8 characters or more).
    branch: String,

    /// Why. Kept in the log.
    #[arg(long)]
    reason: String,

    /// Who decides. Kept in the log.
    #[arg(long)]
    account: String,
}

/// Forks that wait for a decision; with `all`, decided ones too.
pub(crate) fn read(registry: &Registry, all: bool) -> Result<Vec<ForkView>, Failure> {
    let mut faces = Faces::new(registry);
    let forks = registry.forks()?.into_iter().filter(|fork| all || fork.stands.is_none());
    forks.map(|fork| view(&mut faces, fork)).collect()
}

fn view(faces: &mut Faces<'_>, fork: ForkDetail) -> Result<ForkView, Failure> {
    let (enumerator, device) = faces.of(fork.seat)?.unzip();
    let ForkDetail { seat, epoch, branches, stands } = fork;
    Ok(ForkView {
        seat,
        epoch,
        enumerator,
        device,
        stands,
        branches: branches.iter().map(branch_view).collect(),
    })
}

fn branch_view(branch: &BranchDetail) -> BranchView {
    BranchView {
        branch: branch.first,
        from_seq: branch.first_seq,
        to_seq: branch.last_seq,
        deltas: branch.deltas,
        merged: branch.merged,
        records: branch.records,
        first_received_at: date_time(branch.first_received_at),
        last_received_at: date_time(branch.last_received_at),
    }
}

pub(crate) fn show(ui: &Ui, forks: &[ForkView]) {
    if forks.is_empty() {
        return;
    }
    let open = forks.iter().filter(|fork| fork.stands.is_none()).count();
    ui.say(&msg("review-forks").count("open", open as u64));
    for fork in forks {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        ui.pair(0, or_dash(&fork.enumerator), or_dash(&fork.device));
        let headings = [
            msg("heading-branch"),
            msg("heading-deltas"),
            msg("heading-merged"),
            msg("heading-records"),
            msg("heading-first-received"),
            msg("heading-last-received"),
        ];
        let rows: Vec<Vec<String>> = fork.branches.iter().map(branch_row).collect();
        ui.table(&headings, &rows);
        ui.say(&match fork.stands {
            None => msg("fork-how"),
            Some(stands) => msg("fork-decided").with("branch", short(stands)),
        });
    }
}

fn branch_row(branch: &BranchView) -> Vec<String> {
    vec![
        short(branch.branch),
        branch.deltas.to_string(),
        branch.merged.to_string(),
        branch.records.to_string(),
        for_people(&branch.first_received_at),
        for_people(&branch.last_received_at),
    ]
}

/// Says which branch stands.
pub(crate) fn decide(app: &App, args: &ForkArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let registry = &open.registry;
    let forks = registry.forks()?;
    let branches: Vec<(&ForkDetail, &BranchDetail)> =
        forks.iter().flat_map(|fork| fork.branches.iter().map(move |branch| (fork, branch))).collect();
    let names: Vec<String> = branches.iter().map(|(_, branch)| branch.first.to_string()).collect();
    let found = super::unique_prefix(&names, &args.branch)?;
    let (fork, branch) = found.map(|index| branches[index]).ok_or_else(|| {
        Failure::new(FailureKind::NotFound, msg("branch-unknown").with("branch", &args.branch))
            .hint(msg("hint-review-list"))
    })?;
    let (seat, epoch) = (fork.seat, fork.epoch);
    registry.decide_fork(BranchRequest {
        seat,
        epoch,
        stands: branch.first,
        reason: args.reason.clone(),
        account: args.account.clone(),
    })?;
    let name = short(branch.first);
    let decided = read(registry, true)?.into_iter().find(|fork| (fork.seat, fork.epoch) == (seat, epoch));
    if let Some(view) = decided {
        app.ui.result(&view, |ui| ui.say(&msg("fork-decided-now").with("branch", name)));
    }
    Ok(())
}

/// Enough of a delta's name to tell it from others, and to name it by.
fn short(delta: DeltaHash) -> String {
    let mut name = delta.to_string();
    name.truncate(12);
    name
}
