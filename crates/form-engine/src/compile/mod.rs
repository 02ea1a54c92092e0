//! A workbook becomes a form: sheets to rows, rows to questions ([`structure`]), cells to expressions
//! ([`expressions`]), questions into an order in which each comes after all it reads ([`order`]).

mod expressions;
pub(crate) mod lists;
pub(crate) mod order;
mod revision;
mod structure;
mod table;
mod types;

use std::sync::Arc;

use crate::diagnostics::{Diagnostics, Place, Report, Trouble, quoted};
use crate::form::{CompiledForm, Form};
use crate::workbook::{Sheet, Workbook};
pub(crate) use table::Language;
pub(crate) use table::Table;
use table::Row;

impl CompiledForm {
    /// Compiles a workbook. Ok brings warnings; Err brings every error that was found, and the warnings with them.
    pub fn compile(workbook: &Workbook) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut report = Report::default();
        let form = compile(workbook, &mut report);
        let refused = report.has_errors();
        let found = report.finish();
        match form {
            Some(form) if !refused => Ok((Self(Arc::new(form)), found)),
            _ => Err(found),
        }
    }
}

/// The form's languages, the default one first.
#[derive(Debug, Default)]
pub(crate) struct Languages(Vec<Language>);

impl Languages {
    /// In the order their columns come; `default_language` names one of them by code or by name.
    fn gather(default: &str, tables: &[&Table<'_>]) -> Self {
        let mut languages: Vec<Language> = Vec::new();
        for language in tables.iter().flat_map(|table| table.languages()) {
            if !languages.iter().any(|known| known.code == language.code) {
                languages.push(language.clone());
            }
        }
        let wanted = Language::parse(default);
        let named = languages.iter().position(|language| {
            !default.is_empty()
                && (language.code == wanted.code
                    || language.name == wanted.name
                    || language.code == wanted.name)
        });
        match named {
            Some(at) => languages[..=at].rotate_right(1),
            None if !default.is_empty() => languages.insert(0, wanted),
            None if languages.is_empty() => {
                languages.push(Language { code: "default".to_owned(), name: "default".to_owned() });
            }
            None => {}
        }
        Self(languages)
    }

    /// These, the default one first.
    pub(crate) fn of(languages: Vec<Language>) -> Self {
        Self(if languages.is_empty() { vec![Language::parse("default")] } else { languages })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|language| language.code.as_str())
    }

    /// A column without a language is in the default one.
    pub(crate) fn index(&self, language: Option<&Language>) -> usize {
        language.and_then(|language| self.0.iter().position(|known| known.code == language.code)).unwrap_or(0)
    }
}

/// An attached CSV file as a table.
pub(crate) fn csv_table<'w>(sheet: &'w Sheet, report: &mut Report) -> Table<'w> {
    Table::read(sheet, &table::CSV, report)
}

/// The settings sheet.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    form_id: String,
    title: String,
    version: String,
    default_language: String,
    instance_name: String,
    allow_choice_duplicates: bool,
}

/// The tables of a workbook.
pub(crate) struct Tables<'w> {
    survey: Table<'w>,
    choices: Table<'w>,
    settings: Table<'w>,
    entities: Table<'w>,
    rules: Table<'w>,
}

fn compile(workbook: &Workbook, report: &mut Report) -> Option<Form> {
    let Some(survey) = workbook.sheet("survey") else {
        report.error(
            Place::new("survey", 0, ""),
            Trouble::new(
                "no-survey",
                "no sheet \"survey\"",
                "a sheet \"survey\" with columns type, name and label",
            )
            .fix("Ajoutez la feuille survey.", "Add the sheet survey."),
        );
        return None;
    };
    let empty = Sheet::default();
    let named = |key: &str| workbook.sheet(key).unwrap_or(&empty);
    let tables = Tables {
        survey: Table::read(survey, &table::SURVEY, report),
        choices: Table::read(named("choices"), &table::CHOICES, report),
        settings: Table::read(named("settings"), &table::SETTINGS, report),
        entities: Table::read(named("entities"), &table::ENTITIES, report),
        rules: Table::read(named("rules"), &table::RULES, report),
    };
    for column in ["type", "name"] {
        if !tables.survey.has(column) {
            report.error(
                Place::new(&tables.survey.sheet, 1, column),
                Trouble::new("no-column", "no such column", format!("a column {}", quoted(column)))
                    .fix(format!("Ajoutez la colonne {column}."), format!("Add the column {column}.")),
            );
            return None;
        }
    }
    let settings = read_settings(&tables.settings, report);
    let languages =
        Languages::gather(&settings.default_language, &[&tables.survey, &tables.choices, &tables.rules]);
    let lists = lists::read_choices(&tables.choices, &languages, settings.allow_choice_duplicates, report);
    let structure = structure::read(&tables.survey, workbook, lists, &languages, report);
    if report.has_errors() && structure.questions.is_empty() {
        return None;
    }
    let revision = revision::of(workbook, &tables, &languages);
    let compiled = expressions::compile(structure, &tables, &settings, &languages, report);
    let (order, cycles) = order::of(&compiled.questions, &compiled.programs);
    for cycle in cycles {
        let row = compiled.questions[cycle.question.as_usize()].row;
        let column = if cycle.in_relevant { "relevant" } else { "calculation" };
        report.error(tables.survey.place(row, column), cycle.trouble);
    }
    let mut form = Form {
        form_id: if settings.form_id.is_empty() { "form".to_owned() } else { settings.form_id },
        title: settings.title,
        version: settings.version,
        root_name: "data".to_owned(),
        revision,
        languages: languages.codes().map(str::to_owned).collect(),
        language_names: languages.0.iter().map(|language| language.name.clone()).collect(),
        questions: compiled.questions,
        by_key: compiled.by_name,
        scopes: compiled.scopes,
        programs: compiled.programs,
        lists: compiled.lists,
        order,
        rules: compiled.rules,
        entities: compiled.entities,
        instance_name: compiled.instance_name,
        ..Form::empty()
    };
    form.wire();
    check_defaults(&form, &tables.survey, report);
    Some(form)
}

fn check_defaults(form: &Form, survey: &Table<'_>, report: &mut Report) {
    for question in &form.questions {
        if let Some(crate::form::Default::Literal(text)) = &question.default
            && !crate::interview::literal_default_fits(form, question, text)
        {
            report.error(
                survey.place(question.row, "default"),
                Trouble::new(
                    "bad-default",
                    quoted(text),
                    crate::messages::expected(question.question_type, "en"),
                )
                .fix("Corrigez la valeur par défaut.", "Correct the default."),
            );
        }
    }
}

fn read_settings(table: &Table<'_>, report: &mut Report) -> Settings {
    let Some(row) = table.rows().next() else { return Settings::default() };
    let get = |column: &str| row.get(column).to_owned();
    let duplicates = row.get("allow_choice_duplicates");
    let settings = Settings {
        form_id: get("form_id"),
        title: if row.get("form_title").is_empty() { get("form_id") } else { get("form_title") },
        version: get("version"),
        default_language: get("default_language"),
        instance_name: get("instance_name"),
        allow_choice_duplicates: is_yes(duplicates),
    };
    if !duplicates.is_empty() && !is_yes(duplicates) && !is_no(duplicates) {
        expect_yes_or_no(row, "allow_choice_duplicates", report);
    }
    settings
}

fn expect_yes_or_no(row: Row<'_>, column: &str, report: &mut Report) {
    report.error(
        row.place(column),
        Trouble::new("bad-flag", quoted(row.get(column)), "yes or no")
            .fix("Écrivez yes ou no.", "Write yes or no."),
    );
}

pub(crate) fn is_yes(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "yes" | "true" | "true()" | "1" | "oui")
}

pub(crate) fn is_no(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "" | "no" | "false" | "false()" | "0" | "non")
}
