//! The command line: its shape, its help in the person's language, and what is said when it is not understood.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use crate::failure::{Failure, Kind};
use crate::messages::{Catalogue, Language, Text};

/// Interviews households without a network, and sends the work to head office later.
#[derive(Debug, Parser)]
#[command(name = "collector", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Globals {
    /// Folder of the store (or LAKOU_HOME; else this system's folder for data).
    #[arg(long, global = true, display_order = 901, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Who works (or LAKOU_USER); not needed when only one person works on this computer.
    #[arg(long, global = true, display_order = 902, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// File whose first line is the passphrase (or LAKOU_PASSPHRASE holds it).
    #[arg(long, global = true, display_order = 903, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Language of what is shown: fr, ht or en (or LAKOU_LANG).
    #[arg(long, global = true, display_order = 904, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,
    /// Write the result as one line of JSON.
    #[arg(long, global = true, display_order = 905)]
    pub(crate) json: bool,
}

/// Consoles of the field are this wide, and help reads the same everywhere.
const WIDTH: usize = 80;

/// What the command line asks for.
pub(crate) enum Parsed {
    Command(Box<Cli>),
    Help(String),
}

/// The language, looked up before all else: errors and help are said in it.
pub(crate) fn language(args: &[OsString], variable: &dyn Fn(&str) -> Option<String>) -> Language {
    let texts: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let after = |at: usize| texts.get(at + 1).copied();
    let told = texts.iter().enumerate().find_map(|(at, text)| match text.strip_prefix("--lang") {
        Some("") => after(at),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    told.and_then(|told| told.parse().ok())
        .or_else(|| variable("LAKOU_LANG").and_then(|told| told.parse().ok()))
        .unwrap_or(Language::Fr)
}

/// Reads the command line.
pub(crate) fn parse(args: &[OsString], catalogue: &Catalogue) -> Result<Parsed, Failure> {
    let command = localised(Cli::command(), catalogue).term_width(WIDTH);
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return explained(&error),
    };
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => Ok(Parsed::Command(Box::new(cli))),
        Err(error) => explained(&error),
    }
}

fn explained(error: &clap::Error) -> Result<Parsed, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Ok(Parsed::Help(error.render().to_string())),
        _ => Err(misunderstood(error)),
    }
}

fn misunderstood(error: &clap::Error) -> Failure {
    let context = |kind: ContextKind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = context(ContextKind::InvalidArg);
    let text = match error.kind() {
        ErrorKind::UnknownArgument => Text::new("usage-unknown-argument").with("argument", argument),
        ErrorKind::InvalidSubcommand => {
            Text::new("usage-unknown-command").with("command", context(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => Text::new("usage-missing-command"),
        ErrorKind::MissingRequiredArgument => Text::new("usage-missing-argument").with("argument", argument),
        ErrorKind::ArgumentConflict => Text::new("usage-conflict")
            .with("argument", argument)
            .with("other", context(ContextKind::PriorArg)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue);
            let expected = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            let text =
                Text::new(if expected.is_empty() { "usage-invalid-value" } else { "usage-wrong-value" });
            let text = if expected.is_empty() { text } else { text.with("expected", expected) };
            text.with("argument", argument).with("value", value)
        }
        _ => {
            Text::verbatim(error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: "))
        }
    };
    Failure::new(Kind::Usage, text)
}

/// The help in another language than English, where the doc comments are its words.
fn localised(command: clap::Command, catalogue: &Catalogue) -> clap::Command {
    if catalogue.language == Language::En {
        return command;
    }
    let french = Catalogue::new(Language::Fr);
    let command = translated(command, &french, "help");
    // Only a built command has its own --help, which then is translated too.
    with_headings(command, &french)
}

fn translated(command: clap::Command, french: &Catalogue, key: &str) -> clap::Command {
    let about = french.own(key);
    let mut command = match about {
        Some(about) => command.about(about),
        None => command,
    };
    let arguments: Vec<String> =
        command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    for argument in arguments {
        let own = format!("{key}--{}", argument.replace('_', "-"));
        let global = format!("help--{}", argument.replace('_', "-"));
        if let Some(help) = french.own(&own).or_else(|| french.own(&global)) {
            command = command.mut_arg(argument, |argument| argument.help(help));
        }
    }
    let inner: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in inner {
        let key = format!("{key}-{name}");
        command = command.mut_subcommand(name, |inner| translated(inner, french, &key));
    }
    command
}

fn with_headings(command: clap::Command, french: &Catalogue) -> clap::Command {
    let words = |key: &str| french.own(key).unwrap_or_default();
    let has_inner = command.has_subcommands();
    let usage = words("help-word-usage");
    let template = if has_inner {
        format!(
            "{{about-with-newline}}\n{usage} {{usage}}\n\n{}\n{{subcommands}}\n\n{}\n{{options}}",
            words("help-word-commands"),
            words("help-word-options")
        )
    } else if command.get_positionals().next().is_some() {
        format!(
            "{{about-with-newline}}\n{usage} {{usage}}\n\n{}\n{{positionals}}\n\n{}\n{{options}}",
            words("help-word-arguments"),
            words("help-word-options")
        )
    } else {
        format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{}\n{{options}}", words("help-word-options"))
    };
    let mut command = command.help_template(template).disable_help_flag(true).arg(
        clap::Arg::new("help")
            .short('h')
            .long("help")
            .display_order(910)
            .action(clap::ArgAction::Help)
            .help(words("help-word-help")),
    );
    if command.get_version().is_some() {
        command = command.disable_version_flag(true).arg(
            clap::Arg::new("version")
                .short('V')
                .long("version")
                .action(clap::ArgAction::Version)
                .help(words("help-word-version")),
        );
    }
    let inner: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in inner {
        command = command.mut_subcommand(name, |inner| with_headings(inner, french));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untranslated(command: &clap::Command, french: &Catalogue, key: &str, missing: &mut Vec<String>) {
        if french.own(key).is_none() {
            missing.push(key.to_owned());
        }
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str().replace('_', "-");
            let own = format!("{key}--{id}");
            if french.own(&own).is_none() && french.own(&format!("help--{id}")).is_none() {
                missing.push(own);
            }
        }
        for inner in command.get_subcommands() {
            untranslated(inner, french, &format!("{key}-{}", inner.get_name()), missing);
        }
    }

    #[test]
    fn every_command_and_argument_has_its_help_in_french() {
        let mut missing = Vec::new();
        untranslated(&Cli::command(), &Catalogue::new(Language::Fr), "help", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_command_line_is_sound_in_both_languages() {
        Cli::command().debug_assert();
        localised(Cli::command(), &Catalogue::new(Language::Fr)).debug_assert();
    }

    #[test]
    fn the_language_is_found_before_the_rest_is_read() {
        let args = |texts: &[&str]| texts.iter().map(OsString::from).collect::<Vec<_>>();
        let nothing = |_: &str| None;
        let creole = |_: &str| Some("ht_HT.UTF-8".to_owned());
        assert_eq!(language(&args(&["collector", "--lang", "en", "status"]), &creole), Language::En);
        assert_eq!(language(&args(&["collector", "status", "--lang=en"]), &nothing), Language::En);
        assert_eq!(language(&args(&["collector", "status"]), &creole), Language::Ht);
        assert_eq!(language(&args(&["collector", "status"]), &nothing), Language::Fr);
    }
}
