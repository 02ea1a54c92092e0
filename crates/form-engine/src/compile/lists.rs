//! The choices sheet and attached CSV files become lists.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::columns::Texts;
use crate::compile::Languages;
use crate::compile::structure::Structure;
use crate::compile::table::{Heading, Row, Table};
use crate::diagnostics::{EMPTY_CELL, Place, Report, Trouble, quoted};
use crate::form::ListIndex;
use crate::list::ChoiceList;

/// Rows of one list while the sheet is read.
#[derive(Default)]
struct Draft {
    names: Texts,
    labels: Vec<Texts>,
    media: BTreeMap<&'static str, Vec<Texts>>,
    columns: Vec<Texts>,
    seen: HashMap<Box<str>, u32>,
}

/// The lists of a form under construction, by name.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) lists: Vec<ChoiceList>,
    pub(crate) by_name: HashMap<String, ListIndex>,
    /// The names of those of the sheet choices.
    pub(crate) of_choices: HashSet<String>,
    /// Those of the sheet external_choices.
    pub(crate) external: HashMap<String, ListIndex>,
    /// Lists that `or_other` needs, with the option `other` in them.
    with_other: HashMap<ListIndex, ListIndex>,
}

/// Choices times columns, filled or not, of all lists together. Each takes room.
const MAX_PLACES: usize = 20_000_000;

/// More lists than any form has.
const MAX_LISTS: usize = 10_000;

impl Lists {
    pub(crate) fn add(&mut self, name: Option<&str>, list: ChoiceList) -> ListIndex {
        let index = ListIndex(self.lists.len().min(MAX_LISTS) as u16);
        self.lists.push(list);
        if let Some(name) = name {
            self.by_name.entry(name.to_owned()).or_insert(index);
        }
        index
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lists.len() >= MAX_LISTS
    }

    /// A list for a file that is not there.
    pub(crate) fn add_unattached(&mut self, name: &str, languages: &Languages) -> ListIndex {
        if self.is_full() {
            return ListIndex(0);
        }
        self.add(Some(name), ChoiceList::unattached(name, languages.len()))
    }

    /// The lists of another sheet, which only `select_one_external` names.
    pub(crate) fn add_external(&mut self, external: Self) {
        let mut named: Vec<(String, ListIndex)> = external.by_name.into_iter().collect();
        named.sort_by_key(|(_, index)| *index);
        for ((name, _), list) in named.into_iter().zip(external.lists) {
            if !self.is_full() {
                let index = self.add(None, list);
                self.external.insert(name, index);
            }
        }
    }

    /// The same list with an option `other` at its end.
    pub(crate) fn with_other(&mut self, list: ListIndex, languages: &Languages) -> ListIndex {
        if let Some(known) = self.with_other.get(&list) {
            return *known;
        }
        let source = &self.lists[list.as_usize()];
        if !source.rows_of("other").is_empty() || self.is_full() {
            return list;
        }
        let labels =
            languages.codes().map(|lang| crate::messages::other(lang).into()).collect::<Vec<Box<str>>>();
        let extended = source.with_row("other", &labels);
        let index = self.add(None, extended);
        self.with_other.insert(list, index);
        index
    }
}

pub(crate) fn read_choices(
    table: &Table<'_>,
    languages: &Languages,
    duplicates: bool,
    report: &mut Report,
) -> Lists {
    let extras: Vec<(usize, Box<str>)> = table.extras().map(|(at, name)| (at, name.into())).collect();
    let wide = languages.len() * 5 + extras.len();
    let mut places = 0;
    let mut drafts: HashMap<&str, Draft> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    for row in table.rows() {
        let list = row.get("list_name");
        if list.is_empty() {
            if !row.get("name").is_empty() {
                report.warn(
                    row.place("list_name"),
                    Trouble::told("no-list-name", EMPTY_CELL, ("le nom de la liste", "the name of the list"))
                        .fix(
                            "Donnez le nom de la liste : ce choix n'est pas lu.",
                            "Give the list's name: this choice is not read.",
                        ),
                );
            }
            continue;
        }
        places += wide;
        // A list of its own costs as much as a few choices.
        let is_new = !drafts.contains_key(list);
        places += if is_new { 20 * wide } else { 0 };
        if places > MAX_PLACES || is_new && drafts.len() >= MAX_LISTS {
            too_large(table, report);
            break;
        }
        let draft = drafts.entry(list).or_insert_with(|| {
            order.push(list);
            Draft {
                labels: vec![Texts::default(); languages.len()],
                columns: vec![Texts::default(); extras.len()],
                ..Draft::default()
            }
        });
        read_choice(row, list, draft, &extras, languages, duplicates, report);
    }
    let mut lists = Lists::default();
    for name in order {
        if lists.is_full() {
            too_large(table, report);
            break;
        }
        let draft = drafts.remove(name).unwrap_or_default();
        lists.of_choices.insert(name.to_owned());
        let columns = extras.iter().map(|(_, name)| name.clone()).zip(draft.columns).collect();
        lists.add(
            Some(name),
            ChoiceList::new(name, draft.names, draft.labels, columns).with_media(draft.media),
        );
    }
    lists
}

fn too_large(table: &Table<'_>, report: &mut Report) {
    report.error(
        Place::new(&table.sheet, 0, "list_name"),
        Trouble::told(
            "too-many-lists",
            ("trop de listes, de choix ou de colonnes", "too many lists, choices or columns"),
            (
                format!("au plus {MAX_LISTS} listes et {MAX_PLACES} places, une par choix et par colonne"),
                format!("at most {MAX_LISTS} lists and {MAX_PLACES} places, one for each choice and column"),
            ),
        )
        .fix(
            "Supprimez les listes et colonnes qui ne servent pas.",
            "Remove the lists and columns that are not used.",
        ),
    );
}

fn read_choice(
    row: Row<'_>,
    list: &str,
    draft: &mut Draft,
    extras: &[(usize, Box<str>)],
    languages: &Languages,
    duplicates: bool,
    report: &mut Report,
) {
    let name = row.get("name");
    if name.is_empty() {
        report.error(
            row.place("name"),
            Trouble::told("no-choice-name", EMPTY_CELL, ("le code du choix", "the option's code"))
                .fix("Donnez un code à ce choix.", "Give this choice a code."),
        );
        return;
    }
    if let Some(first) = draft.seen.get(name).filter(|_| !duplicates) {
        let (code, list) = (quoted(name), quoted(list));
        report.tolerate(
            row.place("name"),
            Trouble::told(
                "duplicate-choice",
                (
                    format!("{code}, déjà à la ligne {first} de la liste {list}"),
                    format!("{code}, already in list {list} at row {first}"),
                ),
                ("un code une seule fois dans sa liste", "each code once in its list"),
            )
            .fix(
                "Changez le code, ou écrivez allow_choice_duplicates = yes dans settings.",
                "Change the code, or write allow_choice_duplicates = yes in settings.",
            ),
        );
    }
    draft.seen.entry(name.into()).or_insert(row.number);
    draft.names.push(name);
    let at = draft.names.len() - 1;
    let mut said = vec![""; languages.len()];
    for (language, text, _) in row.translations("label") {
        said[languages.index(language)] = text;
    }
    for (labels, text) in draft.labels.iter_mut().zip(&said) {
        labels.push(text);
    }
    for kind in ["image", "audio", "video", "big-image"] {
        said.fill("");
        for (language, text, _) in row.translations(kind) {
            said[languages.index(language)] = text;
        }
        for (language, text) in said.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let files = draft.media.entry(kind).or_insert_with(|| vec![Texts::default(); languages.len()]);
            files[language].fill_to(at);
            files[language].push(text);
        }
    }
    for (column, (at, _)) in draft.columns.iter_mut().zip(extras) {
        column.push(row.cell(*at));
    }
}

/// The labels of the sheet that hold references: the list, the place in it, and the sheet's row.
pub(crate) fn rows_with_references<'t>(
    choices: &'t Table<'t>,
    lists: &Lists,
) -> Vec<(ListIndex, u32, Row<'t>)> {
    let mut sizes: HashMap<&str, u32> = HashMap::new();
    let mut found = Vec::new();
    for row in choices.rows() {
        let list = row.get("list_name");
        // As they are read.
        if list.is_empty() || row.get("name").is_empty() {
            continue;
        }
        let size = sizes.entry(list).or_default();
        if let Some(index) = lists.by_name.get(list)
            && row.translations("label").any(|(_, text, _)| text.contains("${"))
        {
            found.push((*index, *size, row));
            found.extend(lists.with_other.get(index).map(|extended| (*extended, *size, row)));
        }
        *size += 1;
    }
    found
}

/// Columns that a `choice_filter` reads and its list does not have are blank, as they are for ODK.
pub(crate) fn add_missing_columns(structure: &mut Structure, survey: &Table<'_>, report: &mut Report) {
    for (question, at) in structure.questions.iter().zip(&structure.rows) {
        let (Some(list), Some(at)) = (question.list, at) else { continue };
        let row = survey.row(*at);
        for name in bare_names(row.get("choice_filter")) {
            let list = &mut structure.lists.lists[list.as_usize()];
            if list.find_column(name).is_some() {
                continue;
            }
            let columns = list.column_names().chain(["name", "label"]).collect::<Vec<_>>().join(", ");
            report.warn(
                row.place("choice_filter"),
                Trouble::told(
                    "unknown-column",
                    (
                        format!(
                            "{}, que la liste {} n'a pas : elle se lit vide",
                            quoted(name),
                            quoted(list.name())
                        ),
                        format!(
                            "{}, which list {} does not have: it reads blank",
                            quoted(name),
                            quoted(list.name())
                        ),
                    ),
                    (
                        format!("une colonne de la liste : {columns}"),
                        format!("a column of the list: {columns}"),
                    ),
                )
                .fix(
                    "Écrivez ${nom} pour une question, ou ajoutez la colonne.",
                    "Write ${name} for a question, or add the column.",
                ),
            );
            list.add_blank_column(name);
        }
    }
}

/// Names that stand alone in an expression: no function, no step of a path, no `${reference}`, no text.
fn bare_names(expression: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = expression;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '\'' | '"' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            '$' => rest.find('}').map_or(rest.len(), |end| end + 1),
            c if c.is_alphabetic() || c == '_' => {
                let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
                rest.find(|c| !inside(c)).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        let next = after.trim_start().chars().next();
        let is_word = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let alone = !matches!(next, Some('(' | '/' | '['))
            && !matches!(before, '/' | '@' | ':' | ']')
            && !before.is_alphanumeric();
        if is_word && alone && !matches!(word, "and" | "or" | "div" | "mod") && !word.contains(':') {
            names.push(word);
        }
        before = word.chars().next_back().filter(|c| !c.is_whitespace()).unwrap_or(before);
        if c.is_whitespace() {
            before = ' ';
        }
        rest = after;
    }
    names
}

/// How a select reads a CSV file: `parameters` may name other columns than `name` and `label`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CsvColumns<'p> {
    pub(crate) value: &'p str,
    pub(crate) label: Option<&'p str>,
}

/// A CSV file as a list. Without a column for the codes the first column is it (enough for `pulldata`).
pub(crate) fn read_csv(
    stem: &str,
    table: &Table<'_>,
    columns: Option<CsvColumns<'_>>,
    languages: &Languages,
) -> Result<ChoiceList, Trouble> {
    let extras: Vec<(usize, &str)> = table.extras().collect();
    let wanted = columns.map_or("name", |columns| columns.value);
    let code_at = extras.iter().find(|(_, name)| *name == wanted).map(|(at, _)| *at);
    let code_at = match (code_at, columns) {
        (Some(at), _) => at,
        (None, None) => 0,
        (None, Some(_)) => {
            let found = extras.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
            return Err(Trouble::told(
                "bad-csv",
                (format!("les colonnes {}", quoted(&found)), format!("the columns {}", quoted(&found))),
                (format!("une colonne {}", quoted(wanted)), format!("a column {}", quoted(wanted))),
            )
            .fix("Ajoutez la colonne, ou parameters value=…", "Add the column, or parameters value=…"));
        }
    };
    let label_at = columns
        .and_then(|columns| columns.label)
        .and_then(|label| extras.iter().find(|(_, name)| *name == label))
        .map(|(at, _)| *at);
    let rows = table.rows().count();
    if rows.saturating_mul(extras.len() + languages.len()) > MAX_PLACES {
        return Err(Trouble::told(
            "bad-csv",
            (
                format!("{rows} lignes de {} colonnes", extras.len()),
                format!("{rows} rows of {} columns", extras.len()),
            ),
            (format!("au plus {MAX_PLACES} places"), format!("at most {MAX_PLACES} places")),
        )
        .fix("Ôtez les colonnes qui ne servent pas.", "Remove the columns that are not used."));
    }
    let mut names = Texts::default();
    let mut labels = vec![Texts::default(); languages.len()];
    let mut data = vec![Texts::default(); extras.len()];
    let mut seen = HashSet::new();
    for row in table.rows() {
        let code = row.cell(code_at);
        if columns.is_some() && (code.is_empty() || !seen.insert(code)) {
            return Err(Trouble::told(
                "bad-csv",
                (
                    format!("{} à la ligne {}", quoted(code), row.number),
                    format!("{} at row {}", quoted(code), row.number),
                ),
                ("chaque code une seule fois et aucun vide", "each code once and none empty"),
            )
            .fix("Corrigez les codes du fichier CSV.", "Correct the codes of the CSV file."));
        }
        names.push(code);
        for (language, labels) in labels.iter_mut().enumerate() {
            let translated = row
                .translations("label")
                .find(|(named, ..)| languages.index(*named) == language)
                .map(|(_, text, _)| text);
            let text = label_at.map(|at| row.cell(at)).or(translated).unwrap_or_default();
            labels.push(text);
        }
        for (column, (at, _)) in data.iter_mut().zip(&extras) {
            column.push(row.cell(*at));
        }
    }
    // A label column stays a column too: `pulldata('areas', 'label', …)` finds it through the label.
    debug_assert!(table.headings.iter().all(|heading| !matches!(heading, Heading::Plain(_))));
    let columns = extras.iter().map(|(_, name)| Box::from(*name)).zip(data).collect();
    Ok(ChoiceList::new(stem, names, labels, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stand_alone_are_columns() {
        assert_eq!(bare_names("visible=${a} and not(parent = 'x y')"), ["visible", "parent"]);
        assert_eq!(bare_names("${a} = name or ../b > 1 or 2e3 < c-d"), ["name", "c-d"]);
        assert_eq!(bare_names("instance('l')/root/item[x = 1]/y"), ["x"]);
        assert_eq!(bare_names("selected('é', été)"), ["été"]);
    }
}
