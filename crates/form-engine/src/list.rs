//! Choice lists and attached CSV files: columns of text, with an index on every column a filter compares.

use std::collections::{BTreeMap, HashMap};

use crate::xpath::program::{Column, ExprId, Filter};

/// One list.
#[derive(Debug, Default)]
pub(crate) struct ChoiceList {
    name: Box<str>,
    /// The codes.
    names: Vec<Box<str>>,
    /// By language, then row.
    labels: Vec<Vec<Box<str>>>,
    columns: Vec<(Box<str>, Vec<Box<str>>)>,
    /// Files beside the labels: by `image`, `audio`, `video` or `big-image`, then language, then row.
    media: BTreeMap<&'static str, Vec<Vec<Box<str>>>>,
    /// True for a file that nobody attached: it has every column, and no row.
    unattached: bool,
    /// From a code to its rows; one row unless the form allows duplicates.
    by_name: HashMap<Box<str>, Vec<u32>>,
    /// The same for columns that a filter compares.
    indexes: HashMap<u16, HashMap<Box<str>, Vec<u32>>>,
}

/// A `choice_filter`, and the program that knows what it reads and how it is written.
#[derive(Debug)]
pub(crate) struct ListFilter(pub(crate) Filter, pub(crate) ExprId);

impl ChoiceList {
    pub(crate) fn new(
        name: &str,
        names: Vec<Box<str>>,
        labels: Vec<Vec<Box<str>>>,
        columns: Vec<(Box<str>, Vec<Box<str>>)>,
    ) -> Self {
        let by_name = index(&names);
        Self {
            name: name.into(),
            names,
            labels,
            columns,
            media: BTreeMap::new(),
            unattached: false,
            by_name,
            indexes: HashMap::new(),
        }
    }

    /// Stands for a file that is not there yet, so that the form can be used without it.
    pub(crate) fn unattached(name: &str, languages: usize) -> Self {
        Self { unattached: true, ..Self::new(name, Vec::new(), vec![Vec::new(); languages], Vec::new()) }
    }

    pub(crate) fn with_media(self, media: BTreeMap<&'static str, Vec<Vec<Box<str>>>>) -> Self {
        Self { media, ..self }
    }

    /// The file beside a choice's label, in this language or else the default one.
    pub(crate) fn media(&self, row: u32, kind: &str, language: usize) -> Option<&str> {
        let by_language = self.media.get(kind)?;
        let of = |language: usize| {
            by_language.get(language)?.get(row as usize).map(|file| &**file).filter(|file| !file.is_empty())
        };
        of(language).or_else(|| of(0))
    }

    /// The same list with one more row at its end.
    pub(crate) fn with_row(&self, code: &str, labels: &[Box<str>]) -> Self {
        let mut names = self.names.clone();
        names.push(code.into());
        let mut all_labels = self.labels.clone();
        for (column, label) in all_labels.iter_mut().zip(labels) {
            column.push(label.clone());
        }
        let mut columns = self.columns.clone();
        for (_, values) in &mut columns {
            values.push("".into());
        }
        Self::new(&self.name, names, all_labels, columns).with_media(self.media.clone())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn code(&self, row: u32) -> &str {
        self.names.get(row as usize).map_or("", |code| code)
    }

    /// In this language, else the default one, else the code itself.
    pub(crate) fn label(&self, row: u32, language: usize) -> &str {
        let of = |language: usize| {
            self.labels
                .get(language)
                .and_then(|labels| labels.get(row as usize))
                .map(|label| &**label)
                .filter(|label| !label.is_empty())
        };
        of(language)
            .or_else(|| of(0))
            .or_else(|| (0..self.labels.len()).find_map(of))
            .unwrap_or_else(|| self.code(row))
    }

    pub(crate) fn find_column(&self, name: &str) -> Option<Column> {
        match name {
            "name" => Some(Column::Name),
            "label" => Some(Column::Label),
            _ => self
                .columns
                .iter()
                .position(|column| &*column.0 == name)
                .or(self.unattached.then_some(usize::from(u16::MAX)))
                .and_then(|at| u16::try_from(at).ok())
                .map(Column::Extra),
        }
    }

    /// A column that the sheet does not have and an expression reads: blank in every row.
    pub(crate) fn add_blank_column(&mut self, name: &str) {
        self.columns.push((name.into(), vec!["".into(); self.names.len()]));
    }

    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &*column.0)
    }

    /// A file that nobody attached.
    pub(crate) fn is_unattached(&self) -> bool {
        self.unattached
    }

    pub(crate) fn has_media(&self) -> bool {
        !self.media.is_empty()
    }

    /// Further columns that hold something and that an expression can name, by name.
    pub(crate) fn filled_columns(&self) -> Vec<(&str, &[Box<str>])> {
        let mut columns: Vec<(&str, &[Box<str>])> = self
            .columns
            .iter()
            .filter(|(name, values)| {
                // Those two are the code and the label by now.
                !matches!(&**name, "name" | "label")
                    && crate::xml::is_name(name)
                    && values.iter().any(|value| !value.is_empty())
            })
            .map(|(name, values)| (&**name, values.as_slice()))
            .collect();
        columns.sort_by_key(|(name, _)| *name);
        columns
    }

    pub(crate) fn column_name(&self, column: Column) -> &str {
        match column {
            Column::Name => "name",
            Column::Label => "label",
            Column::Extra(at) => self.columns.get(at as usize).map_or("", |column| &column.0),
        }
    }

    pub(crate) fn value(&self, row: u32, column: Column, language: usize) -> &str {
        match column {
            Column::Name => self.code(row),
            Column::Label => self.label(row, language),
            Column::Extra(at) => self
                .columns
                .get(at as usize)
                .and_then(|column| column.1.get(row as usize))
                .map_or("", |text| text),
        }
    }

    pub(crate) fn add_index(&mut self, column: Column) {
        if let Column::Extra(at) = column
            && let Some(values) = self.columns.get(at as usize)
        {
            self.indexes.entry(at).or_insert_with(|| index(&values.1));
        }
    }

    /// The rows whose column holds exactly this text, or nothing known about them.
    pub(crate) fn rows_with(&self, column: Column, value: &str) -> Option<&[u32]> {
        let index = match column {
            Column::Name => &self.by_name,
            Column::Extra(at) => self.indexes.get(&at)?,
            Column::Label => return None,
        };
        Some(index.get(value).map_or(&[], Vec::as_slice))
    }

    pub(crate) fn rows_of(&self, code: &str) -> &[u32] {
        self.by_name.get(code).map_or(&[], Vec::as_slice)
    }
}

fn index(values: &[Box<str>]) -> HashMap<Box<str>, Vec<u32>> {
    let mut index: HashMap<Box<str>, Vec<u32>> = HashMap::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        index.entry(value.clone()).or_default().push(row as u32);
    }
    index
}
