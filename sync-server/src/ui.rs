//! Everything this program prints. Results go to standard output, everything about them to standard error, so that a
//! script reads one and a person both.

#![expect(clippy::print_stderr, reason = "the one place that prints")]

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;
use crate::words::{Language, Message, Words, msg};

/// The person or script at the other end.
#[derive(Debug)]
pub(crate) struct Ui {
    words: Words,
    json: bool,
}

impl Ui {
    /// Speaks this language, or JSON.
    pub(crate) fn new(language: Language, json: bool) -> Self {
        Self { words: Words::new(language), json }
    }

    /// The text of a message in the person's language.
    pub(crate) fn text(&self, message: &Message) -> String {
        self.words.say(message)
    }

    /// The language of forms and messages.
    pub(crate) fn language(&self) -> Language {
        self.words.language()
    }

    /// The result of a command: one JSON object, or what `show` prints for a person.
    pub(crate) fn result<T: Serialize>(&self, result: &T, show: impl FnOnce(&Self)) {
        if self.json {
            let json = serde_json::to_string(result).expect("our views have no maps with odd keys");
            write_out(&json);
        } else {
            show(self);
        }
    }

    /// One line for a person.
    pub(crate) fn say(&self, message: &Message) {
        self.line(&self.text(message));
    }

    /// One line as it is.
    pub(crate) fn line(&self, text: &str) {
        write_out(text);
    }

    /// `name: value`, as the language writes it, indented by so many blanks.
    pub(crate) fn pair(&self, indent: usize, name: impl Display, value: impl Display) {
        let pair = self.text(&msg("pair").with("name", name).with("value", value));
        self.line(&format!("{:indent$}{pair}", ""));
    }

    /// A line beside the result.
    pub(crate) fn note(&self, message: &Message) {
        eprintln!("{}", self.text(message));
    }

    /// The line that every command of a training deployment begins with, in orange where there are colours.
    pub(crate) fn training_banner(&self) {
        let banner = self.text(&msg("training-banner"));
        if std::io::stderr().is_terminal() {
            eprintln!("\u{1b}[30;48;5;208m {banner} \u{1b}[0m");
        } else {
            eprintln!("{banner}");
        }
    }

    /// Rows under headings, each column as wide as its widest cell.
    pub(crate) fn table(&self, headings: &[Message], rows: &[Vec<String>]) {
        let headings: Vec<String> = headings.iter().map(|heading| self.text(heading)).collect();
        for line in table_lines(&headings, rows) {
            write_out(&line);
        }
    }

    /// Says why a command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        let message = self.text(&failure.message);
        let hint = failure.hint.as_ref().map(|hint| self.text(hint));
        if self.json {
            let detail = failure.detail();
            let view = FailureView {
                error: FailureFields {
                    kind: failure.kind.as_str(),
                    exit_code: failure.kind.exit_code(),
                    message: &message,
                    hint: hint.as_deref(),
                    details: detail.iter().flat_map(|detail| detail.lines()).collect(),
                },
            };
            eprintln!("{}", serde_json::to_string(&view).expect("texts and numbers are JSON"));
            return;
        }
        eprintln!("{}", self.text(&msg("error").with("message", message)));
        if let Some(detail) = failure.detail() {
            eprintln!("{}", self.text(&msg("error-detail").with("detail", detail)));
        }
        if let Some(hint) = hint {
            eprintln!("{}", self.text(&msg("error-hint").with("hint", hint)));
        }
    }

    /// A bar for long work; hidden where nobody watches.
    pub(crate) fn progress(&self, steps: u64) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len}").expect("the template is ours");
        if self.json { ProgressBar::hidden() } else { ProgressBar::new(steps).with_style(style) }
    }
}

/// A failure under `--json`, on standard error.
#[derive(Serialize)]
struct FailureView<'a> {
    error: FailureFields<'a>,
}

#[derive(Serialize)]
struct FailureFields<'a> {
    kind: &'a str,
    exit_code: u8,
    message: &'a str,
    hint: Option<&'a str>,
    details: Vec<&'a str>,
}

/// A closed pipe (`| head`) ends the output, not the command.
fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn table_lines(headings: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.chain(headings.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(line(headings)).chain(rows.iter().map(|row| line(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_letters_they_hold() {
        let headings = ["Siège".to_owned(), "Rôle".to_owned()];
        let rows = [vec!["Moïse".to_owned(), "enumerator".to_owned()], vec!["A".to_owned(), "b".to_owned()]];
        assert_eq!(table_lines(&headings, &rows), ["Siège  Rôle", "Moïse  enumerator", "A      b"]);
    }
}
