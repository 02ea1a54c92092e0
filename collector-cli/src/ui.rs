//! The one module that prints. Results go to standard output, all else to standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind};
use crate::messages::{Catalogue, Text};
use crate::shapes::{ErrorBody, ErrorShape};
use crate::world::Terminal;

/// The person, the words, and how results are written.
pub(crate) struct Ui {
    terminal: Box<dyn Terminal>,
    pub(crate) catalogue: Catalogue,
    pub(crate) json: bool,
    lost: Option<std::io::Error>,
}

impl Ui {
    pub(crate) fn new(terminal: Box<dyn Terminal>, catalogue: Catalogue) -> Self {
        Self { terminal, catalogue, json: false, lost: None }
    }

    /// The language's code, as forms name theirs.
    pub(crate) fn lang(&self) -> &'static str {
        self.catalogue.language.code()
    }

    pub(crate) fn text(&self, text: &Text) -> String {
        self.catalogue.text(text)
    }

    /// A line of the result.
    pub(crate) fn result(&mut self, line: &str) {
        if self.lost.is_none() {
            self.lost = self.terminal.write_result(&format!("{line}\n")).err();
        }
    }

    /// A message as a line of the result.
    pub(crate) fn result_text(&mut self, text: &Text) {
        let line = self.text(text);
        self.result(&line);
    }

    /// The result for a program, when one was asked for. True when it was written.
    pub(crate) fn json(&mut self, shape: &impl Serialize) -> bool {
        if self.json {
            match serde_json::to_string(shape) {
                Ok(line) => self.result(&line),
                Err(error) => self.lost = Some(error.into()),
            }
        }
        self.json
    }

    /// A line beside the result. A console that is gone is no reason to stop the work.
    pub(crate) fn say(&mut self, text: &Text) {
        let line = self.text(text);
        self.say_plain(&line);
    }

    pub(crate) fn say_plain(&mut self, line: &str) {
        let _ = self.terminal.write_message(&format!("{line}\n"));
    }

    /// Columns, each as wide as its widest cell.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
            }
            self.result(line.trim_end());
        }
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.terminal.is_interactive()
    }

    /// Asks, and gives the line; none when nobody answers any more.
    pub(crate) fn ask(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        let _ = self.terminal.write_message(prompt);
        self.terminal.read_line().map_err(system)
    }

    pub(crate) fn ask_secret(&mut self, prompt: &Text) -> Result<Zeroizing<String>, Failure> {
        let prompt = format!("{} ", self.text(prompt));
        self.terminal.read_secret(&prompt).map_err(system)
    }

    pub(crate) fn read_all(&mut self) -> Result<Vec<u8>, Failure> {
        self.terminal.read_all().map_err(system)
    }

    /// A bar for long work; nothing where it could not move.
    pub(crate) fn progress(&self, length: u64, what: &Text) -> ProgressBar {
        if !self.terminal.shows_progress() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.set_message(self.text(what));
        bar
    }

    /// What went wrong, and what to do.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if let Some(source) = &failure.source {
            tracing::debug!(kind = failure.kind.as_str(), source = %source, "command failed");
        }
        if self.json {
            let shape = ErrorShape {
                error: ErrorBody {
                    kind: failure.kind.as_str(),
                    exit_code: failure.kind.exit_code(),
                    message: self.text(&failure.message),
                    hint: failure.hint.as_ref().map(|hint| self.text(hint)),
                    details: failure.details.iter().map(|detail| self.text(detail)).collect(),
                },
            };
            let line = serde_json::to_string(&shape).unwrap_or_default();
            self.say_plain(&line);
            return;
        }
        for detail in &failure.details {
            let line = format!("  {}", self.text(detail));
            self.say_plain(&line);
        }
        self.say(&Text::new("error").with("message", failure.message.clone()));
        if let Some(hint) = &failure.hint {
            self.say(&Text::new("hint").with("hint", Text::clone(hint)));
        }
    }

    /// A result that could not be written is a failure, unless its reader has seen enough.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        match self.lost.take() {
            Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(system(error)),
            _ => Ok(()),
        }
    }
}

fn system(error: std::io::Error) -> Failure {
    Failure::new(Kind::System, Text::verbatim(error.to_string())).source(error)
}
