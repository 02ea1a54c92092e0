//! A workbook becomes a form: sheets to rows, rows to questions ([`structure`]), cells to expressions
//! ([`expressions`]), questions into an order in which each comes after all it reads ([`order`]).

mod entities;
mod expressions;
mod first_revision;
pub(crate) mod lists;
mod loops;
pub(crate) mod order;
mod parameters;
mod strict;
mod structure;
mod table;
mod types;

use std::sync::Arc;

use record_model::FormRevision;

use crate::diagnostics::{Diagnostics, Place, Report, Trouble, quoted};
use crate::form::{CompiledForm, Form, Publication};
use crate::workbook::{Sheet, Workbook};
pub(crate) use expressions::keeps_first;
use structure::Structure;
use table::{Heading, Row};
pub(crate) use table::{Language, Table};

impl CompiledForm {
    /// Compiles a workbook as people write them: what can be mended without loss is a warning. Ok brings warnings; Err
    /// brings every error that was found, and the warnings with them.
    pub fn compile(workbook: &Workbook) -> Result<(Self, Diagnostics), Diagnostics> {
        compile_with(workbook, Report::default())
    }

    /// Compiles a workbook that was published as this revision, perhaps by a version that named revisions in another way:
    /// the form keeps the name it was published under. None when it is another form's.
    pub fn compile_published(
        workbook: &Workbook,
        revision: FormRevision,
    ) -> Result<Option<Self>, Diagnostics> {
        let (form, _) = Self::compile(workbook)?;
        if form.revision() == revision {
            return Ok(Some(form));
        }
        let Ok(mut form) = Arc::try_unwrap(form.0) else { return Ok(None) };
        if form.first_revision != Some(revision) {
            return Ok(None);
        }
        form.revision = revision;
        Ok(Some(Self(Arc::new(form))))
    }

    /// Compiles a workbook that ODK's own converter takes: what pyxform 4.5.0 refuses is an error here too. So is an
    /// expression that this engine cannot read, which pyxform leaves to the phone.
    pub fn compile_strict(workbook: &Workbook) -> Result<(Self, Diagnostics), Diagnostics> {
        compile_with(workbook, Report::strict())
    }
}

fn compile_with(workbook: &Workbook, mut report: Report) -> Result<(CompiledForm, Diagnostics), Diagnostics> {
    let form = compile(workbook, &mut report);
    let refused = report.has_errors();
    let found = report.finish();
    match form {
        Some(form) if !refused => Ok((CompiledForm(Arc::new(form)), found)),
        _ => Err(found),
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
    publication: Publication,
}

impl Settings {
    /// The record's element. Forms without a name for it call it `data`.
    pub(crate) fn record_name(&self) -> &str {
        let name = &self.publication.root_name;
        if name.is_empty() { "data" } else { name }
    }
}

/// The tables of a workbook.
pub(crate) struct Tables<'w> {
    survey: Table<'w>,
    choices: Table<'w>,
    external_choices: Table<'w>,
    settings: Table<'w>,
    entities: Table<'w>,
    rules: Table<'w>,
}

fn compile(workbook: &Workbook, report: &mut Report) -> Option<Form> {
    let misspelt = |key| workbook.nearly(key);
    let Some(survey) = workbook.sheet("survey") else {
        report.error(
            Place::new("survey", 0, ""),
            Trouble::told(
                "no-survey",
                ("aucune feuille \"survey\"", "no sheet \"survey\""),
                (
                    "une feuille \"survey\" avec les colonnes type, name et label",
                    "a sheet \"survey\" with columns type, name and label",
                ),
            )
            .fix(
                misspelt("survey").map_or("Ajoutez la feuille survey.".to_owned(), |name| {
                    format!("Renommez la feuille {} en survey.", quoted(name))
                }),
                misspelt("survey").map_or("Add the sheet survey.".to_owned(), |name| {
                    format!("Rename the sheet {} to survey.", quoted(name))
                }),
            ),
        );
        return None;
    };
    for key in ["choices", "external_choices", "settings", "entities", "rules"] {
        if let Some(name) = misspelt(key).filter(|_| workbook.sheet(key).is_none()) {
            report.warn(
                Place::new(name, 0, ""),
                Trouble::told(
                    "sheet-name",
                    ("une feuille qui n'est pas lue", "a sheet that is not read"),
                    (
                        format!("{key}, ou un nom qui commence par _"),
                        format!("{key}, or a name that begins with _"),
                    ),
                )
                .fix(format!("Renommez la feuille en {key}."), format!("Rename the sheet to {key}.")),
            );
        }
    }
    let empty = Sheet::default();
    let named = |key: &str| workbook.sheet(key).unwrap_or(&empty);
    let mut tables = Tables {
        survey: Table::read(survey, &table::SURVEY, report),
        choices: Table::read(named("choices"), &table::CHOICES, report),
        external_choices: Table::read(named("external_choices"), &table::CHOICES, report),
        settings: Table::read(named("settings"), &table::SETTINGS, report),
        entities: Table::read(named("entities"), &table::ENTITIES, report),
        rules: Table::read(named("rules"), &table::RULES, report),
    };
    require_columns(&tables, report)?;
    let settings = read_settings(&tables, report);
    let languages =
        Languages::gather(&settings.default_language, &[&tables.survey, &tables.choices, &tables.rules]);
    tell_formula_errors(&tables, report);
    tell_attributes(&tables.survey, &settings.publication.namespaces, report);
    if report.is_strict() {
        strict::check(&tables, &settings, report);
    }
    if let Some(survey) = loops::expand(&tables.survey, &tables.choices, &languages, report) {
        tables.survey = survey;
    }
    let mut lists =
        lists::read_choices(&tables.choices, &languages, settings.allow_choice_duplicates, report);
    lists.add_external(lists::read_choices(&tables.external_choices, &languages, true, report));
    let root_name = &settings.publication.root_name;
    let mut structure = structure::read(&tables.survey, workbook, root_name, lists, &languages, report);
    if report.has_errors() && structure.questions.is_empty() {
        return None;
    }
    expect_files(&mut structure, &tables, &languages, report);
    lists::add_missing_columns(&mut structure, &tables.survey, report);
    let external_files = std::mem::take(&mut structure.external_files);
    let record_name = settings.record_name().to_owned();
    let publication = Publication { audit: structure.audit.take(), ..settings.publication.clone() };
    let compiled = expressions::compile(structure, &tables, &settings, &languages, report);
    let first_revision = first_revision::of(workbook, &tables, &languages);
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
        root_name: record_name,
        languages: languages.codes().map(str::to_owned).collect(),
        language_names: languages.0.iter().map(|language| language.name.clone()).collect(),
        questions: compiled.questions,
        by_key: compiled.by_key,
        scopes: compiled.scopes,
        programs: compiled.programs,
        lists: compiled.lists,
        order,
        rules: compiled.rules,
        entities: compiled.entities,
        instance_name: compiled.instance_name,
        publication,
        external_files,
        ..Form::empty()
    };
    form.begin();
    form.wire();
    form.revision = crate::revision::of(&form);
    form.first_revision = Some(first_revision);
    check_defaults(&form, &tables.survey, report);
    Some(form)
}

/// Without these there is nothing to read. Notes need no names, so a column of names is missed row by row.
fn require_columns(tables: &Tables<'_>, report: &mut Report) -> Option<()> {
    let choices = tables.choices.rows().next().map(|_| (&tables.choices, "name"));
    for (table, column) in std::iter::once((&tables.survey, "type")).chain(choices) {
        if !table.has(column) {
            report.error(
                Place::new(&table.sheet, 1, column),
                Trouble::told(
                    "no-column",
                    ("pas de telle colonne", "no such column"),
                    (format!("une colonne {}", quoted(column)), format!("a column {}", quoted(column))),
                )
                .fix(format!("Ajoutez la colonne {column}."), format!("Add the column {column}.")),
            );
            return None;
        }
    }
    Some(())
}

fn check_defaults(form: &Form, survey: &Table<'_>, report: &mut Report) {
    for question in &form.questions {
        if let Some(crate::form::Default::Literal(text)) = &question.default
            && !is_formula_error(text)
            && !crate::interview::literal_default_fits(form, question, text)
        {
            let expected = |lang| crate::messages::expected(question.question_type, lang);
            report.error(
                survey.place(question.row, "default"),
                Trouble::told("bad-default", quoted(text), (expected("fr"), expected("en")))
                    .fix("Corrigez la valeur par défaut.", "Correct the default."),
            );
        }
    }
}

fn read_settings(tables: &Tables<'_>, report: &mut Report) -> Settings {
    let Some(row) = tables.settings.rows().next() else {
        let mut settings = Settings::default();
        "data".clone_into(&mut settings.publication.root_name);
        settings_of_survey(&mut settings, &tables.survey);
        return settings;
    };
    let get = |column: &str| row.get(column).to_owned();
    for column in ["allow_choice_duplicates", "omit_instanceid", "clean_text_values"] {
        let text = row.get(column);
        if !text.is_empty() && !is_yes(text) && !is_no(text) {
            expect_yes_or_no(row, column, report);
        }
    }
    let mut settings = Settings {
        // pyxform's older name counts where the newer one is missing.
        form_id: if row.get("form_id").is_empty() { get("id_string") } else { get("form_id") },
        title: get("form_title"),
        version: get("version"),
        default_language: get("default_language"),
        instance_name: get("instance_name"),
        allow_choice_duplicates: is_yes(row.get("allow_choice_duplicates")),
        publication: publication(row, report),
    };
    settings_of_survey(&mut settings, &tables.survey);
    if settings.title.is_empty() {
        settings.title.clone_from(&settings.form_id);
    }
    settings
}

fn publication(row: Row<'_>, report: &mut Report) -> Publication {
    let get = |column: &str| row.get(column).to_owned();
    let name = row.get("name");
    if !name.is_empty() && !is_name(name) {
        report.tolerate(
            row.place("name"),
            Trouble::told(
                "bad-name",
                quoted(name),
                (
                    "des lettres, chiffres, _, - et ., une lettre ou _ en tête",
                    "letters, digits, _, - and ., beginning with a letter or _",
                ),
            )
            .fix("Corrigez le nom.", "Correct the name."),
        );
    }
    let omit_instance_id = is_yes(row.get("omit_instanceid"));
    if omit_instance_id && !row.get("public_key").is_empty() {
        report.tolerate(
            row.place("omit_instanceid"),
            Trouble::told(
                "no-instance-id",
                quoted(row.get("omit_instanceid")),
                (
                    "no : un envoi chiffré a besoin d'instanceID",
                    "no: an encrypted submission needs its instanceID",
                ),
            )
            .fix("Écrivez no, ou videz public_key.", "Write no, or empty public_key."),
        );
    }
    let others = ["instance_xmlns", "instance_id", "client_editable", "prefix", "delimiter", "sms_keyword"]
        .into_iter()
        .map(|column| (column.to_owned(), get(column)))
        .chain(row.attributes().map(|(_, name, text)| (format!("attribute::{name}"), text.to_owned())))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    Publication {
        root_name: if is_name(name) { name.to_owned() } else { "data".to_owned() },
        namespaces: get("namespaces"),
        style: get("style"),
        public_key: get("public_key"),
        submission_url: get("submission_url"),
        auto_send: get("auto_send"),
        auto_delete: get("auto_delete"),
        omit_instance_id,
        clean_text_values: row.get("clean_text_values").is_empty() || is_yes(row.get("clean_text_values")),
        audit: None,
        others,
    }
}

/// Old forms name themselves in rows of the survey.
fn settings_of_survey(settings: &mut Settings, survey: &Table<'_>) {
    for row in survey.rows() {
        let Some(setting) = types::setting(row.get("type")) else { continue };
        match setting {
            "form_title" => row.get("name").clone_into(&mut settings.title),
            "form_id" => row.get("name").clone_into(&mut settings.form_id),
            _ => {}
        }
    }
}

fn expect_yes_or_no(row: Row<'_>, column: &str, report: &mut Report) {
    report.warn(
        row.place(column),
        Trouble::told("bad-flag", quoted(row.get(column)), ("yes ou no", "yes or no"))
            .fix("Écrivez yes ou no.", "Write yes or no."),
    );
}

/// An attribute whose prefix nobody declared makes an XForm that XML readers refuse.
fn tell_attributes(survey: &Table<'_>, namespaces: &str, report: &mut Report) {
    const KNOWN: [&str; 8] = ["h", "ev", "xsd", "jr", "orx", "odk", "entities", "xml"];
    let declared =
        |prefix: &str| namespaces.split_whitespace().any(|one| one.split('=').next() == Some(prefix));
    for (at, heading) in survey.headings.iter().enumerate() {
        let Heading::Attribute(_, name) = heading else { continue };
        let (prefix, local) = name.split_once(':').unwrap_or(("xml", name));
        if is_name(local) && (KNOWN.contains(&prefix) || declared(prefix)) {
            continue;
        }
        report.warn(
            Place::new(&survey.sheet, 1, survey.written(at)),
            Trouble::told(
                "unknown-prefix",
                quoted(name),
                (
                    "un nom dont le préfixe est dans la colonne \"namespaces\" de settings",
                    "a name whose prefix is in the column \"namespaces\" of settings",
                ),
            )
            .fix(
                format!("Ajoutez {prefix}=\"http://…\" à namespaces."),
                format!("Add {prefix}=\"http://…\" to namespaces."),
            ),
        );
    }
}

/// A cell whose formula failed says so to whoever opens the workbook, and nothing to anybody else.
fn tell_formula_errors(tables: &Tables<'_>, report: &mut Report) {
    for table in [&tables.survey, &tables.choices, &tables.settings, &tables.entities, &tables.rules] {
        for row in table.rows() {
            for (at, heading) in table.headings.iter().enumerate() {
                let text = row.cell(at);
                if !is_formula_error(text) || *heading == Heading::Ignored {
                    continue;
                }
                let place = Place::new(&table.sheet, row.number, table.written(at));
                let trouble = Trouble::told(
                    "formula-error",
                    (format!("{text}, une formule qui a échoué"), format!("{text}, a formula that failed")),
                    ("la valeur elle-même", "the value itself"),
                )
                .fix(
                    "Écrivez la valeur à la place de la formule.",
                    "Write the value in place of the formula.",
                );
                match heading {
                    Heading::Translated(..) | Heading::Extra(_) => report.warn(place, trouble),
                    _ => report.error(place, trouble),
                }
            }
        }
    }
}

/// Files that `pulldata()` reads and nobody attached are empty, with a warning.
fn expect_files(structure: &mut Structure, tables: &Tables<'_>, languages: &Languages, report: &mut Report) {
    for table in [&tables.survey, &tables.settings, &tables.entities, &tables.rules] {
        for row in table.rows() {
            for (at, heading) in table.headings.iter().enumerate() {
                if !matches!(heading, Heading::Plain(_)) {
                    continue;
                }
                for name in files_read(row.cell(at)) {
                    let other = structure.external_files.iter().find(|file| *file.name == *name);
                    if let Some(other) = other.filter(|other| *other.file != *format!("{name}.csv")) {
                        let place = Place::new(&table.sheet, row.number, table.written(at));
                        report.tolerate(place, structure::second_file(name, &other.file));
                    }
                    let key = crate::workbook::csv_key(name);
                    let lists = &structure.lists.by_name;
                    let slip = || {
                        let near = |known: &String| crate::xpath::functions::distance(name, known);
                        lists.keys().any(|known| near(known) <= 1 + known.len() / 5)
                    };
                    if lists.contains_key(name) || lists.contains_key(&key) || slip() {
                        continue;
                    }
                    let place = Place::new(&table.sheet, row.number, table.written(at));
                    report.warn(place, structure::no_file(name));
                    structure.lists.add_unattached(&key, languages);
                }
            }
        }
    }
}

/// The names in `pulldata('name', …)`.
fn files_read(expression: &str) -> impl Iterator<Item = &str> {
    const FUNCTION: &str = "pulldata";
    expression.match_indices(FUNCTION).filter_map(|(at, _)| {
        let rest = expression[at + FUNCTION.len()..].trim_start().strip_prefix('(')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        rest[1..].split_once(quote).map(|(name, _)| name.trim()).filter(|name| !name.is_empty())
    })
}

/// What a spreadsheet leaves where a formula fails.
pub(crate) fn is_formula_error(text: &str) -> bool {
    const ERRORS: [&str; 9] =
        ["#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!", "#DATA!", "#GETTING_DATA"];
    text.starts_with('#') && ERRORS.contains(&text)
}

/// What XML and an answer path take as a name.
pub(crate) fn is_name(text: &str) -> bool {
    crate::xml::is_name(text)
}

pub(crate) fn is_yes(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "yes" | "true" | "true()" | "1" | "oui")
}

pub(crate) fn is_no(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "" | "no" | "false" | "false()" | "0" | "non")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{ExternalFile, QuestionType, Target};

    fn compile(sheets: &[(&str, &[&[&str]])]) -> CompiledForm {
        let rows = |rows: &[&[&str]]| {
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
        };
        let sheets = sheets.iter().map(|(name, sheet)| ((*name).to_owned(), rows(sheet)));
        CompiledForm::compile(&Workbook::from_sheets(sheets)).unwrap_or_else(|found| panic!("{found}")).0
    }

    #[test]
    fn what_other_programs_need_is_kept() {
        let form = compile(&[
            (
                "survey",
                &[
                    &[
                        "type",
                        "name",
                        "label",
                        "guidance_hint::fr",
                        "media::image",
                        "bind::odk:length",
                        "body::accuracyThreshold",
                        "instance::tag",
                        "renamed_from",
                        "conflict_policy",
                        "data_class",
                    ],
                    &[
                        "geopoint", "place", "Lieu", "Dehors", "m.png", "3", "5", "x", "lieu", "ask",
                        "personal",
                    ],
                    &["select_one ${place}", "near", "Près"],
                    &["csv-external", "towns"],
                    &["select_one_external city", "ville", "Ville"],
                    &["audit", "", "", "", "", "", "", "", "", "", ""],
                    &["subscriberid", "sim"],
                ],
            ),
            ("external_choices", &[&["list_name", "name"], &["city", "pap"]]),
            (
                "settings",
                &[
                    &["name", "namespaces", "style", "omit_instanceID", "attribute::x:y", "auto_send"],
                    &["menage", "x=\"http://x\"", "pages", "yes", "1", "true"],
                ],
            ),
        ]);
        let form = &form.0;
        let place = &form.questions[0];
        assert_eq!(place.guidance.raw(form.language("fr")), "Dehors");
        assert_eq!(place.media["image"].raw(0), "m.png");
        let attribute = |target, name: &str| place.attributes.get(&(target, name.into())).map(|text| &**text);
        assert_eq!(attribute(Target::Bind, "odk:length"), Some("3"));
        assert_eq!(attribute(Target::Body, "accuracyThreshold"), Some("5"));
        assert_eq!(attribute(Target::Instance, "tag"), Some("x"));
        assert_eq!(place.renamed_from.as_deref(), Some("lieu"));
        assert_eq!((&*place.conflict_policy, &*place.data_class), ("ask", "personal"));
        assert_eq!(form.questions[1].itemset_reference.as_deref(), Some("place"));
        assert_eq!(form.external_files, [ExternalFile { name: "towns".into(), file: "towns.csv".into() }]);
        assert_eq!(form.list(form.questions[2].list.unwrap()).code(0), "pap");
        assert_eq!(form.questions[3].question_type, QuestionType::SubscriberId);
        let publication = &form.publication;
        assert_eq!((&*publication.root_name, &*publication.style), ("menage", "pages"));
        assert_eq!((&*publication.namespaces, &*publication.auto_send), ("x=\"http://x\"", "true"));
        assert!(publication.omit_instance_id && publication.audit.is_some());
        assert_eq!(publication.others.get("attribute::x:y").map(String::as_str), Some("1"));
    }

    #[test]
    fn choices_keep_their_pictures() {
        let form = compile(&[
            ("survey", &[&["type", "name", "label"], &["select_one l", "a", "A"]]),
            (
                "choices",
                &[
                    &["list_name", "name", "label", "media::image", "audio::Kreyòl (ht)"],
                    &["l", "x", "X", "", ""],
                    &["l", "y", "Y", "y.png", "y.mp3"],
                ],
            ),
        ]);
        let list = &form.0.lists[0];
        assert_eq!(list.media(0, "image", 0), None);
        assert_eq!(list.media(1, "image", 0), Some("y.png"));
        assert_eq!(list.media(1, "audio", form.0.language("ht")), Some("y.mp3"));
    }
}
