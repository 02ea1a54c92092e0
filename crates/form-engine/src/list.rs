//! Choice lists and attached CSV files: columns of text.

use std::collections::{BTreeMap, BTreeSet};

use crate::columns::Texts;
use crate::form::{Question, QuestionIndex, ScopeIndex};
use crate::template::{Segment, Translations};
use crate::xform::absolute;
use crate::xpath::program::{Column, ExprId, Filter, Program};

/// One list.
#[derive(Debug)]
pub(crate) struct ChoiceList {
    name: Box<str>,
    /// The codes.
    names: Texts,
    /// By language.
    labels: Vec<Texts>,
    columns: Vec<(Box<str>, Texts)>,
    /// Files beside the labels: by `image`, `audio`, `video` or `big-image`, then language.
    media: BTreeMap<&'static str, Vec<Texts>>,
    /// Labels that show answers, by row, and the scope they are read in: that of the selects that offer the list.
    live_labels: (ScopeIndex, BTreeMap<u32, Translations>),
    /// True for a file that nobody attached: it has every column, and no row.
    unattached: bool,
}

/// A `choice_filter`, and the program that knows what it reads and how it is written.
#[derive(Debug)]
pub(crate) struct ListFilter(pub(crate) Filter, pub(crate) ExprId);

impl ChoiceList {
    pub(crate) fn new(name: &str, names: Texts, labels: Vec<Texts>, columns: Vec<(Box<str>, Texts)>) -> Self {
        Self {
            name: name.into(),
            names,
            labels,
            columns,
            media: BTreeMap::new(),
            live_labels: (ScopeIndex::ROOT, BTreeMap::new()),
            unattached: false,
        }
    }

    pub(crate) fn set_live_labels(&mut self, scope: ScopeIndex, labels: BTreeMap<u32, Translations>) {
        self.live_labels = (scope, labels);
    }

    /// A label that shows answers, and the scope it is read in.
    pub(crate) fn live_label(&self, row: u32) -> Option<(ScopeIndex, &Translations)> {
        self.live_labels.1.get(&row).map(|texts| (self.live_labels.0, texts))
    }

    /// What its labels show.
    fn shown(&self, programs: &[Program]) -> BTreeSet<QuestionIndex> {
        let texts = self.live_labels.1.values().flat_map(|texts| &texts.0);
        let values = texts.flat_map(|text| &text.segments).filter_map(|segment| match segment {
            Segment::Value(id) => Some(&programs[id.0 as usize].dependencies),
            Segment::Text(_) => None,
        });
        values.flatten().copied().collect()
    }

    pub(crate) fn has_live_labels(&self) -> bool {
        !self.live_labels.1.is_empty()
    }

    /// Stands for a file that is not there yet, so that the form can be used without it.
    pub(crate) fn unattached(name: &str, languages: usize) -> Self {
        Self {
            unattached: true,
            ..Self::new(name, Texts::default(), vec![Texts::default(); languages], Vec::new())
        }
    }

    pub(crate) fn with_media(self, media: BTreeMap<&'static str, Vec<Texts>>) -> Self {
        Self { media, ..self }
    }

    /// The file beside a choice's label, in this language or else the default one.
    pub(crate) fn media(&self, row: u32, kind: &str, language: usize) -> Option<&str> {
        let by_language = self.media.get(kind)?;
        let of = |language: usize| by_language.get(language)?.get(row).filter(|file| !file.is_empty());
        of(language).or_else(|| of(0))
    }

    /// The same list with one more row at its end.
    pub(crate) fn with_row(&self, code: &str, labels: &[Box<str>]) -> Self {
        let mut names = self.names.clone();
        names.push(code);
        let mut all_labels = self.labels.clone();
        for (column, label) in all_labels.iter_mut().zip(labels) {
            column.push(label);
        }
        let mut columns = self.columns.clone();
        for (_, values) in &mut columns {
            values.push("");
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
        self.names.get(row).unwrap_or_default()
    }

    /// In this language, else the default one, else the code itself; the code too where the label shows answers, which
    /// are not known here.
    pub(crate) fn label(&self, row: u32, language: usize) -> &str {
        if self.live_label(row).is_some() {
            return self.code(row);
        }
        let of = |language: usize| {
            self.labels.get(language).and_then(|labels| labels.get(row)).filter(|label| !label.is_empty())
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
        let mut blank = Texts::default();
        blank.fill_to(self.names.len());
        self.columns.push((name.into(), blank));
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
    pub(crate) fn filled_columns(&self) -> Vec<(&str, &Texts)> {
        let mut columns: Vec<(&str, &Texts)> = self
            .columns
            .iter()
            .filter(|(name, values)| {
                // Those two are the code and the label by now.
                !matches!(&**name, "name" | "label") && crate::xml::is_name(name) && !values.is_blank()
            })
            .map(|(name, values)| (&**name, values))
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
            Column::Extra(at) => {
                self.columns.get(at as usize).and_then(|column| column.1.get(row)).unwrap_or_default()
            }
        }
    }

    /// The rows whose column holds exactly this text; nothing is known of labels.
    pub(crate) fn rows_with(&self, column: Column, value: &str) -> Option<&[u32]> {
        match column {
            Column::Name => Some(self.names.rows_of(value)),
            Column::Extra(at) => Some(self.columns.get(at as usize)?.1.rows_of(value)),
            Column::Label => None,
        }
    }

    pub(crate) fn rows_of(&self, code: &str) -> &[u32] {
        self.names.rows_of(code)
    }
}

/// Whoever reads the labels of a list reads what they show.
pub(crate) fn depend_on_labels(programs: &mut [Program], questions: &[Question], lists: &[ChoiceList]) {
    let shown: Vec<BTreeSet<QuestionIndex>> = lists.iter().map(|list| list.shown(programs)).collect();
    for program in programs.iter_mut().filter(|program| !program.labels_of.is_empty()) {
        let offered = program.labels_of.iter().filter_map(|select| questions[select.as_usize()].list);
        let read: BTreeSet<QuestionIndex> =
            offered.flat_map(|list| &shown[list.as_usize()]).copied().collect();
        for known in [&mut program.dependencies, &mut program.wide] {
            let all: BTreeSet<QuestionIndex> = known.drain(..).chain(read.iter().copied()).collect();
            known.extend(all);
        }
    }
}

/// Names and slashes, nothing else.
fn is_path(source: &str) -> bool {
    source.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':'))
}

/// A choice's label is written once, for every select that offers it, wherever that is: what it shows is named from the
/// root, as pyxform does, and means what is nearest to the select.
pub(crate) fn name_from_root(programs: &mut [Program], labels: &BTreeMap<u32, Translations>, around: &str) {
    for template in labels.values().flat_map(|texts| &texts.0) {
        for segment in &template.segments {
            if let Segment::Value(id) = segment
                && is_path(&programs[id.0 as usize].source)
            {
                let program = &mut programs[id.0 as usize];
                program.source = absolute(&program.source, around).into();
            }
        }
    }
}
