//! What pyxform refuses and only strict mode looks for: the rest of its rules stand where their cells are read.

use std::collections::HashMap;

use crate::compile::table::{Heading, Table};
use crate::compile::types::{self, TypeCell};
use crate::compile::{Settings, Tables, is_name, is_yes};
use crate::diagnostics::{Place, Report, Trouble, quoted};
use crate::form::QuestionType;

pub(crate) fn check(tables: &Tables<'_>, settings: &Settings, report: &mut Report) {
    let names = names(&tables.survey, !settings.publication.omit_instance_id);
    let everything = |_: &Heading| true;
    references(&tables.settings, everything, &names, report);
    let not_names = |heading: &Heading| !matches!(heading, Heading::Plain("list_name" | "repeat"));
    references(&tables.entities, not_names, &names, report);
    let not_words = |heading: &Heading| !matches!(heading, Heading::Plain("type" | "name" | "trigger"));
    references(&tables.survey, not_words, &names, report);
    let texts = |heading: &Heading| matches!(heading, Heading::Translated(..));
    references(&tables.choices, texts, &names, report);
    chosen_references(&tables.survey, &names, report);
    entity_columns(&tables.entities, report);
    searches(&tables.survey, report);
    media_columns(&tables.survey, report);
    media_columns(&tables.choices, report);
}

/// `media::` and what pyxform has no medium for.
fn media_columns(table: &Table<'_>, report: &mut Report) {
    for (at, heading) in table.headings.iter().enumerate() {
        let written = table.written(at);
        let medium =
            written.to_lowercase().starts_with("media::") && !matches!(heading, Heading::Translated(..));
        if medium && table.rows().any(|row| !row.cell(at).is_empty()) {
            report.error(
                Place::new(&table.sheet, 1, written),
                Trouble::told("bad-column", quoted(written), "media::image, audio, video, big-image")
                    .fix("Corrigez le nom de la colonne.", "Correct the column's name."),
            );
        }
    }
}

/// How often the survey has each name.
fn names<'t>(survey: &'t Table<'_>, instance_id: bool) -> HashMap<&'t str, usize> {
    let mut names = HashMap::new();
    if instance_id {
        names.insert("instanceID", 1);
    }
    for row in survey.rows().filter(|row| !is_yes(row.get("disabled"))) {
        let Ok(parsed) = types::parse(row.get("type")) else { continue };
        let has_name = !matches!(
            parsed.cell,
            TypeCell::End(_)
                | TypeCell::EndLoop
                | TypeCell::Setting(_)
                | TypeCell::Question(QuestionType::Audit)
        );
        if has_name && !row.get("name").is_empty() {
            *names.entry(row.get("name")).or_default() += 1;
        }
    }
    names
}

/// pyxform reads the references of every cell, in columns of notes too.
fn references(
    table: &Table<'_>,
    reads: impl Fn(&Heading) -> bool,
    names: &HashMap<&str, usize>,
    report: &mut Report,
) {
    for row in table.rows() {
        for (at, cell) in row.cells().iter().enumerate() {
            let heading = table.headings.get(at).filter(|_| !table.written(at).is_empty());
            if !cell.contains("${") || !heading.is_some_and(&reads) {
                continue;
            }
            if let Some(trouble) = first_fault(cell, names) {
                report.error(Place::new(&table.sheet, row.number, table.written(at)), trouble);
            }
        }
    }
}

fn first_fault(cell: &str, names: &HashMap<&str, usize>) -> Option<Trouble> {
    let mut rest = cell;
    while let Some(start) = rest.find("${") {
        let inside = &rest[start + 2..];
        let Some((name, after)) = inside.split_once('}') else {
            return Some(malformed(&rest[start..]));
        };
        rest = after;
        // pyxform does not see a reference to nothing.
        if name.is_empty() {
            continue;
        }
        let known = name.strip_prefix("last-saved#").unwrap_or(name);
        if !is_name(known) {
            return Some(malformed(&format!("${{{name}}}")));
        }
        if let Some(trouble) = unknown(known, names) {
            return Some(trouble);
        }
    }
    None
}

fn malformed(written: &str) -> Trouble {
    Trouble::told(
        "malformed-reference",
        quoted(written),
        ("${nom}, le nom d'une question", "${name}, the name of a question"),
    )
    .fix("Écrivez ${nom}.", "Write ${name}.")
}

fn unknown(name: &str, names: &HashMap<&str, usize>) -> Option<Trouble> {
    let expected = match names.get(name) {
        Some(1) => return None,
        Some(_) => ("un nom que porte une seule question", "a name that one question has"),
        None => ("le nom d'une question de ce formulaire", "the name of a question of this form"),
    };
    let found = quoted(&format!("${{{name}}}"));
    Some(Trouble::told("unknown-reference", found, expected).fix("Corrigez le nom.", "Correct the name."))
}

/// `select_one ${name}`.
fn chosen_references(survey: &Table<'_>, names: &HashMap<&str, usize>, report: &mut Report) {
    for row in survey.rows() {
        if let Ok(types::Parsed { cell: TypeCell::SelectReference { reference, .. }, .. }) =
            types::parse(row.get("type"))
            && let Some(trouble) = unknown(&reference, names)
        {
            report.error(row.place("type"), trouble);
        }
    }
}

fn entity_columns(entities: &Table<'_>, report: &mut Report) {
    for (at, heading) in entities.headings.iter().enumerate() {
        let used = entities.rows().any(|row| !row.cell(at).is_empty());
        if *heading == Heading::Ignored && used && !entities.written(at).is_empty() {
            report.error(
                Place::new(&entities.sheet, 1, entities.written(at)),
                Trouble::told(
                    "unknown-column",
                    quoted(entities.written(at)),
                    "list_name, label, entity_id, create_if, update_if, repeat",
                )
                .fix("Supprimez cette colonne.", "Remove this column."),
            );
        }
    }
}

/// `search()` in an appearance takes over the whole list, and takes no file.
fn searches(survey: &Table<'_>, report: &mut Report) {
    let mut lists: HashMap<String, (bool, bool)> = HashMap::new();
    for row in survey.rows() {
        let searches = row.get("appearance").contains("search(");
        match types::parse(row.get("type")).map(|parsed| parsed.cell) {
            Ok(TypeCell::SelectFile { .. }) if searches => report.error(
                row.place("appearance"),
                Trouble::told(
                    "bad-search",
                    quoted(row.get("appearance")),
                    ("search() sur une liste de choices", "search() on a list of choices"),
                )
                .fix("Ôtez search(), ou changez le type.", "Remove search(), or change the type."),
            ),
            Ok(TypeCell::Select { list, .. }) => {
                let seen = lists.entry(list).or_default();
                if searches {
                    seen.0 = true;
                } else {
                    seen.1 = true;
                }
                if *seen == (true, true) {
                    report.error(
                        row.place("type"),
                        Trouble::told(
                            "bad-search",
                            quoted(row.get("type")),
                            (
                                "search() sur toutes les questions de cette liste, ou sur aucune",
                                "search() on all questions of this list, or on none",
                            ),
                        )
                        .fix("Donnez à search() sa propre liste.", "Give search() a list of its own."),
                    );
                }
            }
            _ => {}
        }
    }
}
