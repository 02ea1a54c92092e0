//! How forms were named before a revision was a hash of what the form says: by the cells of its sheets. Forms that were
//! published under such a name are still found by it.

use record_model::{FormRevision, hash_parts};

use crate::compile::table::{Heading, Table};
use crate::compile::{Languages, Tables};
use crate::workbook::Workbook;

const TAG: &str = "lakou/form/v1";

pub(crate) fn of(workbook: &Workbook, tables: &Tables<'_>, languages: &Languages) -> FormRevision {
    let mut parts: Vec<String> = Vec::new();
    for code in languages.codes() {
        parts.extend(["language".to_owned(), code.to_owned()]);
    }
    for (name, table) in [
        ("survey", &tables.survey),
        ("choices", &tables.choices),
        ("settings", &tables.settings),
        ("entities", &tables.entities),
        ("rules", &tables.rules),
    ] {
        write_table(name, table, &mut parts);
    }
    // A sheet that few forms have leaves the others' revisions as they are.
    if tables.external_choices.rows().next().is_some() {
        write_table("external_choices", &tables.external_choices, &mut parts);
    }
    for (stem, sheet) in workbook.lists() {
        parts.extend(["list".to_owned(), stem.to_owned()]);
        for row in &sheet.rows {
            parts.push(format!("row of {}", row.len()));
            parts.extend(row.iter().cloned());
        }
    }
    FormRevision::from_bytes(hash_parts(TAG, parts.iter().map(String::as_bytes)))
}

/// Columns by name, so that their order in the sheet does not count; blank rows and cells neither.
fn write_table(name: &str, table: &Table<'_>, parts: &mut Vec<String>) {
    let mut columns: Vec<(String, usize)> = table
        .headings
        .iter()
        .enumerate()
        .filter_map(|(at, heading)| {
            let name = match heading {
                Heading::Plain(name) => (*name).to_owned(),
                Heading::Translated(name, None) => format!("{name}::"),
                Heading::Translated(name, Some(language)) => format!("{name}::{}", language.code),
                Heading::Attribute(target, name) => format!("{target:?}::{name}"),
                Heading::Extra(name) => format!("extra:{name}"),
                Heading::Ignored => return None,
            };
            Some((name, at))
        })
        .collect();
    columns.sort();
    parts.extend(["sheet".to_owned(), name.to_owned()]);
    for row in table.rows() {
        parts.push("row".to_owned());
        for (name, at) in &columns {
            if !row.cell(*at).is_empty() {
                parts.extend([name.clone(), row.cell(*at).to_owned()]);
            }
        }
        parts.push("end".to_owned());
    }
}
