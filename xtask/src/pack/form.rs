//! The five sheets of a form.

use std::path::Path;

use super::Problem;
use super::sheet::{Row, Sheet};

/// A form as its sheets say it.
pub(crate) struct FormSheets {
    pub(crate) survey: Sheet,
    pub(crate) choices: Sheet,
    pub(crate) settings: Sheet,
    pub(crate) entities: Sheet,
    /// Ours: statements across answers. Other XLSForm tools ignore the sheet.
    pub(crate) rules: Sheet,
}

/// What a row of the survey is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind<'a> {
    /// Something a person answers; the choice list if it has one.
    Question {
        choices: Option<&'a str>,
    },
    Note,
    Calculation,
    /// Filled in by the program: start, end, today and the like.
    Metadata,
    Begin(Container),
    End(Container),
    Unknown,
}

/// What holds other rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Group,
    Repeat,
}

impl<'a> RowKind<'a> {
    /// Reads a survey row's type. Only the types that our forms use are known.
    pub(crate) fn of(row: &'a Row) -> Self {
        match row.cell("type") {
            "text" | "integer" | "decimal" | "date" | "time" | "dateTime" | "geopoint" | "acknowledge" => {
                Self::Question { choices: None }
            }
            "note" => Self::Note,
            "calculate" | "hidden" => Self::Calculation,
            "start" | "end" | "today" | "deviceid" | "username" => Self::Metadata,
            "begin group" => Self::Begin(Container::Group),
            "begin repeat" => Self::Begin(Container::Repeat),
            "end group" => Self::End(Container::Group),
            "end repeat" => Self::End(Container::Repeat),
            other => match other.split_once(' ') {
                Some(("select_one" | "select_multiple", list)) => Self::Question { choices: Some(list) },
                _ => Self::Unknown,
            },
        }
    }
}

impl FormSheets {
    /// Reads survey, choices, settings, entities and rules from a folder.
    pub(crate) fn load(folder: &Path) -> Result<Self, Problem> {
        let sheet = |name: &str| Sheet::load(&folder.join(name).with_extension("csv"));
        Ok(Self {
            survey: sheet("survey")?,
            choices: sheet("choices")?,
            settings: sheet("settings")?,
            entities: sheet("entities")?,
            rules: sheet("rules")?,
        })
    }

    /// The sheets by the names they bear in the workbook.
    pub(crate) fn by_name(&self) -> [(&'static str, &Sheet); 5] {
        [
            ("survey", &self.survey),
            ("choices", &self.choices),
            ("settings", &self.settings),
            ("entities", &self.entities),
            ("rules", &self.rules),
        ]
    }

    /// Rows that a person answers.
    pub(crate) fn questions(&self) -> impl Iterator<Item = &Row> {
        self.survey.rows.iter().filter(|row| matches!(RowKind::of(row), RowKind::Question { .. }))
    }

    /// Rows that the program computes.
    pub(crate) fn calculations(&self) -> impl Iterator<Item = &Row> {
        self.survey.rows.iter().filter(|row| RowKind::of(row) == RowKind::Calculation)
    }
}
