//! The choices sheet and attached CSV files become lists.

use std::collections::{HashMap, HashSet};

use crate::compile::Languages;
use crate::compile::table::{Heading, Row, Table};
use crate::diagnostics::{Place, Report, Trouble, quoted};
use crate::form::ListIndex;
use crate::list::ChoiceList;

/// Rows of one list while the sheet is read.
#[derive(Default)]
struct Draft {
    names: Vec<Box<str>>,
    labels: Vec<Vec<Box<str>>>,
    columns: Vec<Vec<Box<str>>>,
    seen: HashMap<Box<str>, u32>,
}

/// The lists of a form under construction, by name.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) lists: Vec<ChoiceList>,
    pub(crate) by_name: HashMap<String, ListIndex>,
    /// Lists that `or_other` needs, with the option `other` in them.
    with_other: HashMap<ListIndex, ListIndex>,
}

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
    let mut drafts: HashMap<&str, Draft> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    for row in table.rows() {
        let list = row.get("list_name");
        if list.is_empty() {
            if !row.get("name").is_empty() {
                report.error(
                    row.place("list_name"),
                    Trouble::new("no-list-name", "an empty cell", "the name of the list")
                        .fix("Donnez le nom de la liste.", "Give the list's name."),
                );
            }
            continue;
        }
        let draft = drafts.entry(list).or_insert_with(|| {
            order.push(list);
            Draft {
                labels: vec![Vec::new(); languages.len()],
                columns: vec![Vec::new(); extras.len()],
                ..Draft::default()
            }
        });
        read_choice(row, list, draft, &extras, languages, duplicates, report);
    }
    let mut lists = Lists::default();
    for name in order {
        if lists.is_full() {
            report.error(
                Place::new(&table.sheet, 0, "list_name"),
                Trouble::new("too-many-lists", "too many lists", format!("at most {MAX_LISTS}")),
            );
            break;
        }
        let draft = drafts.remove(name).unwrap_or_default();
        let columns = extras.iter().map(|(_, name)| name.clone()).zip(draft.columns).collect();
        lists.add(Some(name), ChoiceList::new(name, draft.names, draft.labels, columns));
    }
    lists
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
            Trouble::new("no-choice-name", "an empty cell", "the option's code")
                .fix("Donnez un code à ce choix.", "Give this choice a code."),
        );
        return;
    }
    if let Some(first) = draft.seen.get(name) {
        if !duplicates {
            report.error(
                row.place("name"),
                Trouble::new(
                    "duplicate-choice",
                    format!("{}, already in list {} at row {first}", quoted(name), quoted(list)),
                    "each code once in its list",
                )
                .fix(
                    "Changez le code, ou écrivez allow_choice_duplicates = yes dans settings.",
                    "Change the code, or write allow_choice_duplicates = yes in settings.",
                ),
            );
            return;
        }
    } else {
        draft.seen.insert(name.into(), row.number);
    }
    draft.names.push(name.into());
    for labels in &mut draft.labels {
        labels.push("".into());
    }
    let at = draft.names.len() - 1;
    for (language, text, _) in row.translations("label") {
        if let Some(labels) = draft.labels.get_mut(languages.index(language)) {
            labels[at] = text.into();
        }
    }
    for (column, (at, _)) in draft.columns.iter_mut().zip(extras) {
        column.push(row.cell(*at).into());
    }
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
            return Err(Trouble::new(
                "bad-csv",
                format!("the columns {}", quoted(&found)),
                format!("a column {}", quoted(wanted)),
            )
            .fix("Ajoutez la colonne, ou parameters value=…", "Add the column, or parameters value=…"));
        }
    };
    let label_at = columns
        .and_then(|columns| columns.label)
        .and_then(|label| extras.iter().find(|(_, name)| *name == label))
        .map(|(at, _)| *at);
    let mut names = Vec::new();
    let mut labels: Vec<Vec<Box<str>>> = vec![Vec::new(); languages.len()];
    let mut data: Vec<Vec<Box<str>>> = vec![Vec::new(); extras.len()];
    let mut seen = HashSet::new();
    for row in table.rows() {
        let code = row.cell(code_at);
        if columns.is_some() && (code.is_empty() || !seen.insert(code)) {
            return Err(Trouble::new(
                "bad-csv",
                format!("{} at row {}", quoted(code), row.number),
                "each code once and none empty",
            ));
        }
        names.push(code.into());
        for (language, labels) in labels.iter_mut().enumerate() {
            let translated = row
                .translations("label")
                .find(|(named, ..)| languages.index(*named) == language)
                .map(|(_, text, _)| text);
            let text = label_at.map(|at| row.cell(at)).or(translated).unwrap_or_default();
            labels.push(text.into());
        }
        for (column, (at, _)) in data.iter_mut().zip(&extras) {
            column.push(row.cell(*at).into());
        }
    }
    // A label column stays a column too: `pulldata('areas', 'label', …)` finds it through the label.
    debug_assert!(table.headings.iter().all(|heading| !matches!(heading, Heading::Plain(_))));
    let columns = extras.iter().map(|(_, name)| Box::from(*name)).zip(data).collect();
    Ok(ChoiceList::new(stem, names, labels, columns))
}
