//! Survey rows to questions, groups and repeats, before any expression is read.

use std::collections::{BTreeMap, HashMap, HashSet};

use record_model::{AnswerPath, MAX_PATH_BYTES};

use crate::compile::lists::{CsvColumns, Lists, read_csv};
use crate::compile::table::{CSV, Row, Table};
use crate::compile::types::{self, TypeCell};
use crate::compile::{Languages, is_yes};
use crate::diagnostics::{Place, Report, Trouble, quoted};
use crate::form::{ListIndex, Question, QuestionIndex, QuestionType, Scope, ScopeIndex};
use crate::workbook::Workbook;

/// More questions than any form has.
const MAX_QUESTIONS: usize = 10_000;
/// Repeats inside repeats. A path of 128 bytes holds no more.
const MAX_REPEAT_DEPTH: u8 = 7;
/// Bytes of an instance id and its two slashes in a path.
const INSTANCE_BYTES: usize = 15;

/// The shape of a form.
#[derive(Default)]
pub(crate) struct Structure {
    pub(crate) questions: Vec<Question>,
    /// The survey row of each question; none for one that the engine adds.
    pub(crate) rows: Vec<Option<u32>>,
    /// Questions that `or_other` adds, with the select they belong to.
    pub(crate) others: HashMap<QuestionIndex, QuestionIndex>,
    pub(crate) by_name: HashMap<Box<str>, QuestionIndex>,
    pub(crate) ambiguous: HashSet<Box<str>>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) lists: Lists,
}

pub(crate) fn read(
    table: &Table<'_>,
    workbook: &Workbook,
    lists: Lists,
    languages: &Languages,
    report: &mut Report,
) -> Structure {
    let mut builder = Builder {
        structure: Structure { lists, ..Structure::default() },
        workbook,
        languages,
        report,
        open: Vec::new(),
        files: HashMap::new(),
        audit: false,
    };
    builder.structure.scopes.push(Scope {
        repeat: None,
        parent: ScopeIndex::ROOT,
        depth: 0,
        slots: Vec::new(),
        children: Vec::new(),
        ordinal: 0,
    });
    builder.attach_lists();
    for row in table.rows() {
        if builder.structure.questions.len() >= MAX_QUESTIONS {
            builder.report.error(
                row.place("type"),
                Trouble::new("too-many-questions", "one more question", format!("at most {MAX_QUESTIONS}")),
            );
            break;
        }
        builder.row(row);
    }
    builder.close_all(table);
    builder.structure
}

/// A group or repeat that is not closed yet.
struct Open {
    index: QuestionIndex,
    kind: QuestionType,
    row: u32,
}

struct Builder<'b, 'w> {
    structure: Structure,
    workbook: &'w Workbook,
    languages: &'b Languages,
    report: &'b mut Report,
    open: Vec<Open>,
    /// Lists made from a file, by stem and columns.
    files: HashMap<(String, String, String), ListIndex>,
    audit: bool,
}

impl Builder<'_, '_> {
    /// Every attached CSV can be read by `pulldata()` and `instance()`.
    fn attach_lists(&mut self) {
        for (stem, sheet) in self.workbook.lists() {
            let table = Table::read(sheet, &CSV, self.report);
            match read_csv(stem, &table, None, self.languages) {
                Ok(list) if !self.structure.lists.is_full() => {
                    self.structure.lists.add(Some(stem), list);
                }
                Ok(_) => {}
                Err(trouble) => self.report.error(Place::new(&sheet.name, 0, ""), trouble),
            }
        }
    }

    fn row(&mut self, row: Row<'_>) {
        let cell = row.get("type");
        if is_yes(row.get("disabled")) {
            return;
        }
        if cell.is_empty() {
            if !row.get("name").is_empty() || row.translations("label").next().is_some() {
                self.report.error(
                    row.place("type"),
                    Trouble::new("no-type", "an empty cell", "a question type")
                        .fix("Donnez le type.", "Give the type."),
                );
            }
            return;
        }
        match types::parse(cell) {
            Err(trouble) => self.report.error(row.place("type"), trouble),
            Ok(TypeCell::End(kind)) => self.end(row, kind),
            Ok(TypeCell::Begin(kind)) => {
                if let Some(index) = self.add(row, kind) {
                    self.open.push(Open { index, kind, row: row.number });
                }
            }
            Ok(TypeCell::Question(QuestionType::Audit)) => {
                // The collector keeps its own trail; the row is accepted once and asks nothing.
                if std::mem::replace(&mut self.audit, true) {
                    self.report.error(
                        row.place("type"),
                        Trouble::new("duplicate-audit", "a second audit", "one audit in a form"),
                    );
                }
            }
            Ok(TypeCell::Question(question_type)) => {
                self.add(row, question_type);
            }
            Ok(TypeCell::Select { question_type, list, or_other }) => {
                self.select(row, question_type, &list, or_other)
            }
            Ok(TypeCell::SelectFile { question_type, file }) => self.select_file(row, question_type, &file),
        }
    }

    fn end(&mut self, row: Row<'_>, kind: QuestionType) {
        match self.open.pop() {
            Some(open) if open.kind == kind => self.close(open),
            Some(open) => {
                let found = format!("{}, while row {} began another", quoted(row.get("type")), open.row);
                self.report.error(
                    row.place("type"),
                    Trouble::new("bad-nesting", found, "the end of what began last")
                        .fix("Fermez dans l'ordre inverse.", "Close in reverse order."),
                );
                self.close(open);
            }
            None => self.report.error(
                row.place("type"),
                Trouble::new("bad-nesting", quoted(row.get("type")), "a begin row before it").fix(
                    "Supprimez cette ligne, ou ajoutez le début.",
                    "Remove this row, or add the beginning.",
                ),
            ),
        }
    }

    fn close(&mut self, open: Open) {
        let end = QuestionIndex(self.structure.questions.len() as u32);
        self.structure.questions[open.index.as_usize()].end = end;
    }

    fn close_all(&mut self, table: &Table<'_>) {
        while let Some(open) = self.open.pop() {
            self.report.error(
                table.place(open.row, "type"),
                Trouble::new(
                    "bad-nesting",
                    "a beginning without an end",
                    "end group or end repeat further down",
                )
                .fix("Ajoutez la ligne de fin.", "Add the end row."),
            );
            self.close(open);
        }
    }

    fn select(&mut self, row: Row<'_>, question_type: QuestionType, list: &str, or_other: bool) {
        let Some(mut list_index) = self.structure.lists.by_name.get(list).copied() else {
            self.report.error(
                row.place("type"),
                Trouble::new(
                    "unknown-list",
                    format!("the list {}", quoted(list)),
                    "a list of the sheet \"choices\"",
                )
                .fix("Ajoutez la liste dans choices.", "Add the list to choices."),
            );
            return;
        };
        if or_other {
            list_index = self.structure.lists.with_other(list_index, self.languages);
        }
        let Some(index) = self.add(row, question_type) else { return };
        self.structure.questions[index.as_usize()].list = Some(list_index);
        self.check_options(row, index, list_index);
        if or_other {
            let name = format!("{}_other", row.get("name"));
            if let Some(other) = self.add_named(row.place("name"), &name, QuestionType::Text, row.number) {
                self.structure.rows[other.as_usize()] = None;
                self.structure.others.insert(other, index);
            }
        }
    }

    fn select_file(&mut self, row: Row<'_>, question_type: QuestionType, file: &str) {
        let parameters = parameters(row.get("parameters"));
        let value = parameters.get("value").map_or("name", String::as_str);
        let label = parameters.get("label").map_or("label", String::as_str);
        let stem = crate::workbook::csv_key(file);
        let Some((_, sheet)) = self.workbook.lists().find(|(key, _)| *key == stem) else {
            self.report.error(
                row.place("type"),
                Trouble::new(
                    "no-file",
                    format!("the file {}", quoted(file)),
                    "a CSV file attached to the form",
                )
                .fix("Joignez le fichier CSV au formulaire.", "Attach the CSV file to the form."),
            );
            return;
        };
        let key = (stem.clone(), value.to_owned(), label.to_owned());
        let list = match self.files.get(&key) {
            Some(list) => *list,
            None => {
                // Its headings were judged when it was attached.
                let table = Table::read(sheet, &CSV, &mut Report::default());
                let columns = CsvColumns { value, label: (label != "label").then_some(label) };
                match read_csv(&stem, &table, Some(columns), self.languages) {
                    Ok(list) => {
                        let index = self.structure.lists.add(None, list);
                        self.files.insert(key, index);
                        index
                    }
                    Err(trouble) => {
                        self.report.error(row.place("type"), trouble);
                        return;
                    }
                }
            }
        };
        let Some(index) = self.add(row, question_type) else { return };
        self.structure.questions[index.as_usize()].list = Some(list);
        self.check_options(row, index, list);
    }

    /// Every option of a select_multiple becomes a path, and codes with blanks cannot be told apart in a token list.
    fn check_options(&mut self, row: Row<'_>, index: QuestionIndex, list: ListIndex) {
        let question = &self.structure.questions[index.as_usize()];
        if question.question_type == QuestionType::SelectOne {
            return;
        }
        let before = self.prefix_bytes(question.scope);
        let data = &self.structure.lists.lists[list.as_usize()];
        let bad = (0..data.len() as u32).map(|row| data.code(row)).find(|code| {
            format!("{}#{code}", question.name).parse::<AnswerPath>().is_err()
                || before + question.name.len() + 1 + code.len() > MAX_PATH_BYTES
        });
        if let Some(code) = bad {
            self.report.error(
                row.place("type"),
                Trouble::new(
                    "bad-option",
                    format!("the code {} in list {}", quoted(code), quoted(data.name())),
                    format!(
                        "codes without blanks, / or #, and answer paths of at most {MAX_PATH_BYTES} bytes"
                    ),
                )
                .fix("Raccourcissez ou corrigez le code.", "Shorten or correct the code."),
            );
        }
    }

    /// Bytes of `repeat/INSTANCE/…` before a name in this scope.
    fn prefix_bytes(&self, scope: ScopeIndex) -> usize {
        let mut bytes = 0;
        let mut scope = &self.structure.scopes[scope.as_usize()];
        while let Some(repeat) = scope.repeat {
            bytes += self.structure.questions[repeat.as_usize()].name.len() + INSTANCE_BYTES;
            scope = &self.structure.scopes[scope.parent.as_usize()];
        }
        bytes
    }

    fn add(&mut self, row: Row<'_>, question_type: QuestionType) -> Option<QuestionIndex> {
        let name = row.get("name");
        if name.is_empty() {
            self.report.error(
                row.place("name"),
                Trouble::new("no-name", "an empty cell", "a name").fix("Donnez un nom.", "Give a name."),
            );
            return None;
        }
        let index = self.add_named(row.place("name"), name, question_type, row.number)?;
        let question = &mut self.structure.questions[index.as_usize()];
        question.appearance = row.get("appearance").into();
        question.parameters = parameters(row.get("parameters"));
        if let QuestionType::Range { integer } = &mut question.question_type {
            *integer = question.parameters.values().all(|value| !value.contains('.'));
        }
        Some(index)
    }

    fn add_named(
        &mut self,
        place: Place,
        name: &str,
        question_type: QuestionType,
        row: u32,
    ) -> Option<QuestionIndex> {
        let parent = self.open.last().map(|open| open.index);
        let scope = parent.map_or(ScopeIndex::ROOT, |parent| {
            let parent = &self.structure.questions[parent.as_usize()];
            parent.opens.unwrap_or(parent.scope)
        });
        self.check_name(&place, name, question_type, scope)?;
        let index = QuestionIndex(self.structure.questions.len() as u32);
        let slots = &mut self.structure.scopes[scope.as_usize()].slots;
        let slot = slots.len() as u32;
        slots.push(index);
        let opens = if question_type == QuestionType::Repeat {
            Some(self.open_scope(&place, index, scope)?)
        } else {
            None
        };
        self.structure.questions.push(Question {
            parent,
            scope,
            slot,
            opens,
            ..Question::new(index, name, question_type, row)
        });
        self.structure.rows.push(Some(row));
        self.structure.by_name.entry(name.into()).or_insert(index);
        Some(index)
    }

    fn open_scope(&mut self, place: &Place, repeat: QuestionIndex, parent: ScopeIndex) -> Option<ScopeIndex> {
        let depth = self.structure.scopes[parent.as_usize()].depth + 1;
        if depth > MAX_REPEAT_DEPTH {
            self.structure.scopes[parent.as_usize()].slots.pop();
            self.report.error(
                place.clone(),
                Trouble::new(
                    "too-deep",
                    format!("{depth} repeats inside each other"),
                    format!("at most {MAX_REPEAT_DEPTH}"),
                ),
            );
            return None;
        }
        let scope = ScopeIndex(self.structure.scopes.len() as u16);
        let siblings = &mut self.structure.scopes[parent.as_usize()].children;
        let ordinal = siblings.len() as u16;
        siblings.push(scope);
        self.structure.scopes.push(Scope {
            repeat: Some(repeat),
            parent,
            depth,
            slots: Vec::new(),
            children: Vec::new(),
            ordinal,
        });
        Some(scope)
    }

    /// A name is a key in every record of the lineage: it must be one, and be the only one.
    fn check_name(
        &mut self,
        place: &Place,
        name: &str,
        question_type: QuestionType,
        scope: ScopeIndex,
    ) -> Option<()> {
        if AnswerPath::question(name).is_err() || name.contains('#') || name.starts_with('@') {
            self.report.error(
                place.clone(),
                Trouble::new(
                    "bad-name",
                    quoted(name),
                    "letters, digits, _, - and ., beginning with a letter or _",
                )
                .fix("Corrigez le nom.", "Correct the name."),
            );
            return None;
        }
        let longest = if question_type == QuestionType::Repeat { INSTANCE_BYTES + 1 } else { 0 };
        let bytes = self.prefix_bytes(scope) + name.len() + longest;
        if bytes > MAX_PATH_BYTES {
            self.report.error(
                place.clone(),
                Trouble::new(
                    "path-too-long",
                    format!("{}, whose answer path has {bytes} bytes", quoted(name)),
                    format!("at most {MAX_PATH_BYTES} bytes with the names of its repeats"),
                )
                .fix("Raccourcissez le nom.", "Shorten the name."),
            );
            return None;
        }
        let Some(first) = self.structure.by_name.get(name).copied() else { return Some(()) };
        let first = &self.structure.questions[first.as_usize()];
        // Groups have no answers of their own: two may share a name as long as nobody refers to it.
        if question_type == QuestionType::Group && first.question_type == QuestionType::Group {
            self.structure.ambiguous.insert(name.into());
            return Some(());
        }
        self.report.error(
            place.clone(),
            Trouble::new(
                "duplicate-name",
                format!("{}, already the name of row {}", quoted(name), first.row),
                "each name once in the form",
            )
            .fix("Changez un des deux noms.", "Change one of the two names."),
        );
        None
    }
}

/// `start=0 end=10 step=1`, also separated by commas or semicolons.
pub(crate) fn parameters(cell: &str) -> BTreeMap<String, String> {
    let cell = cell.replace(" =", "=").replace("= ", "=");
    cell.split([' ', ',', ';', '\n'])
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| (key.trim().to_lowercase(), value.trim().to_owned()))
        .collect()
}
