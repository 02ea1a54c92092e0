//! `begin loop over list` becomes one group for each choice of the list, as pyxform does it.

use std::borrow::Cow;

use crate::compile::Languages;
use crate::compile::table::{Heading, Line, Row, Table};
use crate::compile::types::{self, TypeCell};
use crate::diagnostics::{Report, Trouble, quoted};

/// More rows than a form with its loops written out has.
const MAX_LINES: usize = 20_000;

/// The survey with its loops written out; none when it has no loop.
pub(crate) fn expand<'w>(
    survey: &Table<'w>,
    choices: &Table<'_>,
    languages: &Languages,
    report: &mut Report,
) -> Option<Table<'w>> {
    let mut expander = Expander { survey, choices, languages, lines: Vec::new() };
    let mut open: Option<(usize, Option<String>)> = None;
    for row in survey.rows() {
        let parsed = Some(row.get("type"))
            .filter(|cell| types::is_loop(cell) && !super::is_yes(row.get("disabled")))
            .and_then(|cell| types::parse(cell).ok());
        match (parsed.map(|parsed| parsed.cell), &open) {
            (Some(TypeCell::BeginLoop { list }), None) => open = Some((row.at, list)),
            (Some(TypeCell::BeginLoop { .. }), Some(_)) => {
                report.error(
                    row.place("type"),
                    Trouble::told(
                        "bad-nesting",
                        ("une boucle dans une boucle", "a loop inside a loop"),
                        ("une boucle après l'autre", "one loop after the other"),
                    )
                    .fix("Sortez cette boucle de l'autre.", "Move this loop out of the other."),
                );
                return None;
            }
            (Some(TypeCell::EndLoop), Some((begin, list))) => {
                expander.write(*begin, row.at, list.as_deref(), report);
                open = None;
            }
            (_, None) => expander.lines.push(survey.lines()[row.at].clone()),
            (_, Some(_)) => {}
        }
    }
    if let Some((begin, _)) = open {
        expander.lines.extend(survey.lines()[begin..].iter().cloned());
    }
    let has_loop = survey.lines().len() != expander.lines.len();
    has_loop.then(|| survey.with_rows(expander.lines))
}

struct Expander<'e, 'w> {
    survey: &'e Table<'w>,
    choices: &'e Table<'e>,
    languages: &'e Languages,
    lines: Vec<Line<'w>>,
}

impl Expander<'_, '_> {
    fn write(&mut self, begin: usize, end: usize, list: Option<&str>, report: &mut Report) {
        let row = self.survey.row(begin);
        let choices: Vec<Row<'_>> =
            self.choices.rows().filter(|choice| Some(choice.get("list_name")) == list).collect();
        if choices.is_empty() {
            report.error(
                row.place("type"),
                Trouble::told(
                    "unknown-list",
                    match list {
                        Some(list) => {
                            (format!("la liste {}", quoted(list)), format!("the list {}", quoted(list)))
                        }
                        None => ("une boucle sans liste".to_owned(), "a loop without a list".to_owned()),
                    },
                    (
                        "begin loop over LISTE, une liste de choices",
                        "begin loop over LIST, a list of choices",
                    ),
                )
                .fix("Nommez une liste de la feuille choices.", "Name a list of the sheet choices."),
            );
        }
        self.control(row, "begin group");
        let body = end - begin;
        for choice in choices {
            // ODK's own "none of these" is nothing to ask about.
            if choice.get("name") == "none" {
                continue;
            }
            if self.lines.len() + body > MAX_LINES {
                report.error(row.place("type"), super::structure::too_many_questions());
                break;
            }
            self.group(row.number, choice);
            for at in begin + 1..end {
                let (number, cells) = &self.survey.lines()[at];
                let cells = cells.iter().enumerate().map(|(at, cell)| self.fill(at, cell, choice)).collect();
                self.lines.push((*number, Cow::Owned(cells)));
            }
            self.lines.push((row.number, Cow::Owned(self.cells(&[("type", "end group")]))));
        }
        self.control(self.survey.row(end), "end group");
    }

    /// The row as it is, but for its type.
    fn control(&mut self, row: Row<'_>, written: &str) {
        let mut cells = row.cells().to_vec();
        if let Some(at) = self.survey.column("type") {
            written.clone_into(&mut cells[at]);
        }
        self.lines.push((row.number, Cow::Owned(cells)));
    }

    /// The group of one choice, under the choice's name and label.
    fn group(&mut self, number: u32, choice: Row<'_>) {
        let mut cells = self.cells(&[("type", "begin group"), ("name", choice.get("name"))]);
        for (at, heading) in self.survey.headings.iter().enumerate() {
            if matches!(heading, Heading::Translated("label", _)) {
                cells[at] = self.label(at, choice).to_owned();
            }
        }
        self.lines.push((number, Cow::Owned(cells)));
    }

    fn cells(&self, filled: &[(&str, &str)]) -> Vec<String> {
        let mut cells = vec![String::new(); self.survey.headings.len()];
        for (column, text) in filled {
            if let Some(at) = self.survey.column(column) {
                (*text).clone_into(&mut cells[at]);
            }
        }
        cells
    }

    /// `%(name)s`, `%(label)s` and other columns of the choice.
    fn fill(&self, at: usize, cell: &str, choice: Row<'_>) -> String {
        if !cell.contains("%(") {
            return cell.to_owned();
        }
        let mut filled =
            cell.replace("%(name)s", choice.get("name")).replace("%(label)s", self.label(at, choice));
        for (column, name) in self.choices.extras() {
            filled = filled.replace(&format!("%({name})s"), choice.cell(column));
        }
        filled.truncate(filled.floor_char_boundary(crate::workbook::MAX_CELL_BYTES));
        filled
    }

    /// The choice's label in the language of a column of the survey.
    fn label<'c>(&self, at: usize, choice: Row<'c>) -> &'c str {
        let language = match self.survey.headings.get(at) {
            Some(Heading::Translated(_, language)) => self.languages.index(language.as_ref()),
            _ => 0,
        };
        let in_language = |wanted: usize| {
            choice
                .translations("label")
                .find(|(named, ..)| self.languages.index(*named) == wanted)
                .map(|(_, text, _)| text)
        };
        in_language(language).or_else(|| in_language(0)).unwrap_or_else(|| choice.get("name"))
    }
}
