//! `init`: founds a deployment in an empty folder.

use record_model::{DeploymentId, LogId};
use registry_core::{DeploymentFacts, RegistryKeys};
use signed_delta::SeatKey;
use signed_delta::seal::SealingIdentity;
use zeroize::Zeroizing;

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::home::{Home, Leftovers, RECOVERY_IDENTITY};
use crate::platform;
use crate::views::{InitView, fingerprint};
use crate::words::msg;

/// Found a deployment: its folder, database, keys and recovery identity.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For practice: a deployment of its own with a banner everywhere, whose work production refuses.
    #[arg(long)]
    training: bool,

    /// Prefix of registration numbers: two capital letters.
    #[arg(long, default_value = "HT")]
    prefix: String,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    if args.prefix.len() != 2 || !args.prefix.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Failure::new(FailureKind::Usage, msg("prefix-unfit")));
    }
    let recovery = SealingIdentity::generate();
    let facts = DeploymentFacts {
        deployment: DeploymentId::from_bytes(random()),
        log: LogId::from_bytes(random()),
        training: args.training,
        recovery_recipient: recovery.recipient(),
        registration_prefix: args.prefix.clone(),
    };
    let keys = RegistryKeys { registry: new_key(), desk: new_key() };
    let view = InitView {
        deployment: facts.deployment,
        log: facts.log,
        registry_key: data_encoding::HEXLOWER.encode(keys.registry.public().as_bytes()),
        registry_key_fingerprint: fingerprint(&keys.registry.public()),
        training: facts.training,
        registration_prefix: facts.registration_prefix.clone(),
        recovery_recipient: facts.recovery_recipient.clone(),
        recovery_identity_file: app.home.file(RECOVERY_IDENTITY).display().to_string(),
    };
    app.home.fill(Leftovers::Remove, |home| {
        write_recovery_identity(app, home, &facts, &recovery)?;
        // Closed before the folder takes its name: an open file would not move on Windows.
        home.found(keys, facts).map(drop)
    })?;
    app.ui.result(&view, |ui| {
        if view.training {
            ui.training_banner();
        }
        ui.say(&msg("init-done").with("path", app.home.path().display()));
        ui.say(&msg("init-deployment").with("deployment", view.deployment));
        ui.say(&msg("init-fingerprint").with("fingerprint", &view.registry_key_fingerprint));
    });
    app.ui.note(&msg("init-recovery").with("path", &view.recovery_identity_file));
    Ok(())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    platform::fill_random(&mut bytes);
    bytes
}

fn new_key() -> SeatKey {
    SeatKey::from_secret(&Zeroizing::new(random()))
}

fn write_recovery_identity(
    app: &App,
    home: &Home,
    facts: &DeploymentFacts,
    recovery: &SealingIdentity,
) -> Result<(), Failure> {
    let path = home.file(RECOVERY_IDENTITY);
    let word = app.ui.text(&msg("recovery-file-word").with("deployment", facts.deployment));
    let comment: String = word.lines().map(|line| format!("# {line}\n")).collect();
    let text = Zeroizing::new(format!("{comment}{}\n", recovery.secret().as_str()));
    platform::write_secret(&path, text.as_bytes()).map_err(|error| Failure::file(&path, error))
}
