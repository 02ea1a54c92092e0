//! One file a group of commands. A command takes typed arguments, makes one call into `registry-core`, and hands a view
//! to `ui`.

pub(crate) mod backup;
pub(crate) mod bundle;
mod deltas;
pub(crate) mod device;
mod forks;
pub(crate) mod form;
pub(crate) mod init;
pub(crate) mod proof;
pub(crate) mod record;
pub(crate) mod review;
pub(crate) mod serve;
pub(crate) mod status;

use crate::cli::Command;
use crate::failure::Failure;
use crate::home::{Company, Home, OpenHome};
use crate::ui::Ui;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) home: Home,
    pub(crate) ui: Ui,
}

impl App {
    /// Opens the folder beside whoever else works in it; a training deployment says so first.
    pub(crate) fn open(&self) -> Result<OpenHome, Failure> {
        self.open_with(Company::Welcome)
    }

    /// Opens the folder; a training deployment says so first.
    pub(crate) fn open_with(&self, company: Company) -> Result<OpenHome, Failure> {
        let open = self.home.open(company)?;
        if open.registry.facts().training {
            self.ui.training_banner();
        }
        Ok(open)
    }
}

/// Runs one command.
pub(crate) fn run(app: &App, command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(app, &args),
        Command::Serve(args) => serve::run(app, &args),
        Command::Device(command) => device::run(app, command),
        Command::Bundle(command) => bundle::run(app, command),
        Command::Form(command) => form::run(app, command),
        Command::Review(command) => review::run(app, command),
        Command::Record(command) => record::run(app, command),
        Command::Status(args) => status::run(app, &args),
        Command::Verify(args) => proof::verify(app, &args),
        Command::Head(args) => proof::head(app, &args),
        Command::Rebuild(args) => proof::rebuild(app, &args),
        Command::StateHash(args) => proof::state_hash(app, &args),
        Command::Backup(args) => backup::backup(app, &args),
        Command::Restore(args) => backup::restore(app, &args),
    }
}

/// The shortest beginning of an id that is taken for it.
const MIN_PREFIX_CHARS: usize = 8;

/// Which of these ids a person means by its beginning; none when no id begins so.
pub(crate) fn unique_prefix(ids: &[String], text: &str) -> Result<Option<usize>, Failure> {
    use crate::failure::FailureKind;
    use crate::words::msg;
    if let Some(exact) = ids.iter().position(|id| id.eq_ignore_ascii_case(text)) {
        return Ok(Some(exact));
    }
    if text.chars().count() < MIN_PREFIX_CHARS {
        let short = msg("prefix-short").with("text", text).count("chars", MIN_PREFIX_CHARS as u64);
        return Err(Failure::new(FailureKind::Usage, short));
    }
    let begins = |id: &String| id.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let mut found = ids.iter().enumerate().filter(|(_, id)| begins(id)).map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => {
            Err(Failure::new(FailureKind::Usage, msg("prefix-ambiguous").with("text", text)))
        }
        (first, _) => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_abbreviated_as_long_as_it_is_the_only_one() {
        let ids = ["ABCDEFGH22".to_owned(), "ABCDEFGH33".to_owned(), "KLMNOPQR44".to_owned()];
        assert_eq!(unique_prefix(&ids, "klmnopqr").unwrap(), Some(2));
        assert_eq!(unique_prefix(&ids, "ABCDEFGH33").unwrap(), Some(1));
        assert_eq!(unique_prefix(&ids, "ZZZZZZZZ").unwrap(), None);
        assert!(unique_prefix(&ids, "ABCDEFGH").is_err());
        assert!(unique_prefix(&ids, "KLM").is_err());
    }
}
