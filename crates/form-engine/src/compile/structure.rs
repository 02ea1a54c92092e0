//! Survey rows to questions, groups and repeats, before any expression is read.

use std::collections::{BTreeMap, HashMap, HashSet};

use record_model::{AnswerPath, MAX_PATH_BYTES};

use crate::compile::lists::{CsvColumns, Lists, read_csv};
use crate::compile::parameters;
use crate::compile::table::{CSV, Row, Table};
use crate::compile::types::{self, TypeCell};
use crate::compile::{Languages, is_formula_error, is_name, is_yes};
use crate::diagnostics::{EMPTY_CELL, Place, Report, Trouble, quoted};
use crate::form::{
    AttachmentKind, ExternalFile, ListIndex, Question, QuestionIndex, QuestionType, Scope, ScopeIndex, Target,
};
use crate::workbook::Workbook;

/// More questions than any form has.
const MAX_QUESTIONS: usize = 10_000;
/// Repeats inside repeats. A path of 128 bytes holds no more.
const MAX_REPEAT_DEPTH: u8 = 7;
/// Groups and repeats inside each other.
const MAX_NESTING: usize = 200;
/// Bytes of an instance id and its two slashes in a path.
const INSTANCE_BYTES: usize = 15;
/// What a file of choices may be.
const EXTENSIONS: [&str; 3] = ["csv", "xml", "geojson"];

/// The shape of a form.
#[derive(Default)]
pub(crate) struct Structure {
    pub(crate) questions: Vec<Question>,
    /// The survey row of each question, by its place in the table; none for one that the engine adds.
    pub(crate) rows: Vec<Option<usize>>,
    /// Questions that `or_other` adds, with the select they belong to.
    pub(crate) others: HashMap<QuestionIndex, QuestionIndex>,
    /// As expressions name them: the first of those that share a name.
    pub(crate) by_name: HashMap<Box<str>, QuestionIndex>,
    /// Names that an expression cannot use, because several questions have them.
    pub(crate) ambiguous: HashSet<Box<str>>,
    /// As answer paths name them: every question, group and repeat.
    pub(crate) by_key: HashMap<Box<str>, QuestionIndex>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) lists: Lists,
    pub(crate) external_files: Vec<ExternalFile>,
    /// The parameters of the `audit` row.
    pub(crate) audit: Option<BTreeMap<String, String>>,
}

pub(crate) fn read(
    table: &Table<'_>,
    workbook: &Workbook,
    root_name: &str,
    lists: Lists,
    languages: &Languages,
    report: &mut Report,
) -> Structure {
    let mut builder = Builder {
        structure: Structure { lists, ..Structure::default() },
        workbook,
        root_name,
        languages,
        report,
        open: Vec::new(),
        files: HashMap::new(),
        siblings: HashMap::new(),
        siblings_lower: HashSet::new(),
        table_list: TableList::No,
        counts: Vec::new(),
        declared_files: HashSet::new(),
        geometries: Vec::new(),
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
        if builder.report.is_full() {
            break;
        }
        if builder.structure.questions.len() >= MAX_QUESTIONS {
            builder.report.error(row.place("type"), too_many_questions());
            break;
        }
        builder.row(row);
    }
    builder.close_all(table);
    builder.check_geometries(table);
    builder.check_counts(table);
    builder.structure
}

pub(crate) fn too_many_questions() -> Trouble {
    Trouble::told(
        "too-many-questions",
        ("une question de trop", "one more question"),
        (format!("au plus {MAX_QUESTIONS}"), format!("at most {MAX_QUESTIONS}")),
    )
    .fix("Partagez le formulaire en plusieurs.", "Split the form into several.")
}

/// A group or repeat whose end has not come yet.
struct Open {
    index: QuestionIndex,
    kind: QuestionType,
    /// Its place in the table, and in the spreadsheet.
    at: usize,
    row: u32,
}

/// Whether the selects at hand form a table, and with which list.
enum TableList {
    No,
    Begun,
    Of(String),
}

struct Builder<'b, 'w> {
    structure: Structure,
    workbook: &'w Workbook,
    root_name: &'b str,
    languages: &'b Languages,
    report: &'b mut Report,
    open: Vec<Open>,
    /// Lists made from a file, by name and columns.
    files: HashMap<(String, String, String), ListIndex>,
    /// What has a name directly inside a group, repeat or the record.
    siblings: HashMap<(Option<QuestionIndex>, Box<str>), QuestionIndex>,
    siblings_lower: HashSet<(Option<QuestionIndex>, String)>,
    table_list: TableList,
    /// Names that ODK needs for the counts of repeats: the row, what is around it, the name.
    counts: Vec<(usize, Option<QuestionIndex>, Box<str>)>,
    /// What `xml-external` and `csv-external` rows name.
    declared_files: HashSet<String>,
    /// Rows with a `reference-geometry`, and what it names.
    geometries: Vec<(usize, String)>,
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
                    Trouble::told("no-type", EMPTY_CELL, ("un type de question", "a question type"))
                        .fix("Donnez le type.", "Give the type."),
                );
            }
            return;
        }
        // Told already as what it is.
        if is_formula_error(cell) || is_formula_error(row.get("name")) {
            return;
        }
        let parsed = match types::parse(cell) {
            Ok(parsed) => parsed,
            Err(trouble) => return self.report.error(row.place("type"), trouble),
        };
        if let Some(meant) = parsed.meant
            && (self.report.is_strict() || !meant.eq_ignore_ascii_case(cell))
        {
            self.report.tolerate(
                row.place("type"),
                Trouble::told("type-alias", quoted(cell), quoted(&meant))
                    .fix(format!("Écrivez {meant}."), format!("Write {meant}.")),
            );
        }
        self.typed(row, parsed.cell);
    }

    fn typed(&mut self, row: Row<'_>, cell: TypeCell) {
        match cell {
            TypeCell::End(kind) => self.end(row, kind),
            TypeCell::Begin(kind) => self.begin(row, kind),
            TypeCell::Question(QuestionType::Audit) => self.audit(row),
            TypeCell::Question(question_type) => {
                self.add(row, question_type);
            }
            TypeCell::Osm => {
                let file = QuestionType::Attachment(AttachmentKind::File);
                if let Some(index) = self.add(row, file) {
                    let attributes = &mut self.structure.questions[index.as_usize()].attributes;
                    attributes.insert((Target::Body, "mediatype".into()), "osm/*".into());
                }
            }
            TypeCell::Select { question_type, list, or_other } => {
                self.select(row, question_type, &list, or_other);
            }
            TypeCell::SelectFile { question_type, file } => self.select_file(row, question_type, &file),
            TypeCell::SelectReference { question_type, reference } => {
                if question_type == QuestionType::SelectMultiple {
                    self.report.tolerate(
                        row.place("type"),
                        Trouble::told("bad-type", quoted(row.get("type")), "select_one ${question}")
                            .fix("Écrivez select_one.", "Write select_one."),
                    );
                }
                if let Some(index) = self.add(row, question_type) {
                    let filter = row.get("choice_filter");
                    let question = &mut self.structure.questions[index.as_usize()];
                    question.itemset_reference = Some(reference.into());
                    question.itemset_filter = (!filter.is_empty()).then(|| filter.into());
                }
            }
            TypeCell::SelectExternal { list } => self.select_external(row, &list),
            TypeCell::External { extension } => self.external(row, extension),
            // Read with the settings.
            TypeCell::Setting(_) => {}
            TypeCell::Include => self.report.tolerate(
                row.place("type"),
                Trouble::told(
                    "include",
                    (
                        "include, les questions d'un autre classeur",
                        "include, the questions of another workbook",
                    ),
                    ("ces questions elles-mêmes", "those questions themselves"),
                )
                .fix(
                    "Copiez ces questions ici : elles manquent à ce formulaire.",
                    "Copy those questions here: this form lacks them.",
                ),
            ),
            // Loops that can be written out are gone by now.
            TypeCell::BeginLoop { .. } => self.report.error(row.place("type"), beginning_without_end()),
            TypeCell::EndLoop => self.report.error(row.place("type"), end_without_beginning(row)),
        }
    }

    /// The collector keeps its own trail; the row is accepted once and asks nothing.
    fn audit(&mut self, row: Row<'_>) {
        let name = row.get("name");
        if !name.is_empty() && name != "audit" {
            self.report.tolerate(
                row.place("name"),
                Trouble::told("bad-audit", quoted(name), ("audit, ou rien", "audit, or nothing"))
                    .fix("Videz cette cellule.", "Empty this cell."),
            );
        }
        let parameters = parameters::parse(row, self.report);
        parameters::check(row, QuestionType::Audit, &parameters, false, self.report);
        if self.structure.audit.replace(parameters).is_some() {
            self.report.tolerate(
                row.place("type"),
                Trouble::told(
                    "duplicate-audit",
                    ("un deuxième audit", "a second audit"),
                    ("un seul audit par formulaire", "one audit in a form"),
                )
                .fix("Supprimez cette ligne.", "Remove this row."),
            );
        }
    }

    /// `xml-external`, `csv-external`: expressions read the file under the row's name.
    fn external(&mut self, row: Row<'_>, extension: &'static str) {
        let name = row.get("name");
        if name.is_empty() {
            return self.report.error(row.place("name"), no_name());
        }
        self.add_file(row, name, &format!("{name}.{extension}"), true);
        self.unattached(row, name, &format!("{name}.{extension}"));
    }

    /// Several rows may read one file; a name stands for one file, and is declared once.
    fn add_file(&mut self, row: Row<'_>, name: &str, file: &str, declares: bool) {
        let twice = declares && !self.declared_files.insert(name.to_owned());
        if self.structure.lists.of_choices.contains(name) {
            self.report.tolerate(row.place("type"), second_file(name, "choices"));
        }
        let known = self.structure.external_files.iter().find(|known| &*known.name == name);
        match known {
            None => {
                let added = ExternalFile { name: name.into(), file: file.into() };
                self.structure.external_files.push(added);
            }
            Some(known) if &*known.file != file || twice => {
                let trouble = second_file(name, &known.file);
                self.report.tolerate(row.place("type"), trouble);
            }
            Some(_) => {}
        }
    }

    /// A file that nobody attached yet is an empty list, with a warning.
    fn unattached(&mut self, row: Row<'_>, name: &str, file: &str) -> ListIndex {
        let key = crate::workbook::csv_key(name);
        let known = [name, key.as_str()].into_iter().find_map(|name| self.structure.lists.by_name.get(name));
        if let Some(known) = known {
            return *known;
        }
        self.report.warn(row.place("type"), no_file(file));
        self.structure.lists.add_unattached(&key, self.languages)
    }

    fn begin(&mut self, row: Row<'_>, kind: QuestionType) {
        if self.open.len() >= MAX_NESTING {
            return self.report.error(
                row.place("type"),
                Trouble::told(
                    "too-deep",
                    (
                        format!("{} groupes l'un dans l'autre", self.open.len() + 1),
                        format!("{} groups inside each other", self.open.len() + 1),
                    ),
                    (format!("au plus {MAX_NESTING}"), format!("at most {MAX_NESTING}")),
                )
                .fix("Fermez des groupes plus tôt.", "Close groups earlier."),
            );
        }
        let count = row.get("repeat_count");
        if kind == QuestionType::Repeat && !count.is_empty() && !is_reference(count) {
            let parent = self.open.last().map(|open| open.index);
            self.counts.push((row.at, parent, format!("{}_count", row.get("name")).into()));
        }
        let Some(index) = self.add(row, kind) else { return };
        if row.get("appearance").split_whitespace().any(|word| word == "table-list") {
            self.table_list = TableList::Begun;
        }
        self.open.push(Open { index, kind, at: row.at, row: row.number });
    }

    fn end(&mut self, row: Row<'_>, kind: QuestionType) {
        self.table_list = TableList::No;
        match self.open.pop() {
            Some(open) if open.kind == kind => self.close(open),
            Some(open) => {
                let cell = quoted(row.get("type"));
                self.report.error(
                    row.place("type"),
                    Trouble::told(
                        "bad-nesting",
                        (
                            format!("{cell}, alors que la ligne {} en a commencé un autre", open.row),
                            format!("{cell}, while row {} began another", open.row),
                        ),
                        ("la fin de ce qui a commencé en dernier", "the end of what began last"),
                    )
                    .fix("Fermez dans l'ordre inverse.", "Close in reverse order."),
                );
                self.close(open);
            }
            None => self.report.error(row.place("type"), end_without_beginning(row)),
        }
    }

    fn close(&mut self, open: Open) {
        let end = QuestionIndex(self.structure.questions.len() as u32);
        self.structure.questions[open.index.as_usize()].end = end;
    }

    fn close_all(&mut self, table: &Table<'_>) {
        while let Some(open) = self.open.pop() {
            self.report.error(table.row(open.at).place("type"), beginning_without_end());
            self.close(open);
        }
    }

    fn select(&mut self, row: Row<'_>, question_type: QuestionType, list: &str, or_other: bool) {
        let Some(mut list_index) = self.structure.lists.by_name.get(list).copied() else {
            // As pyxform reads it, a list with a file's ending is a file.
            if EXTENSIONS.iter().any(|extension| list.ends_with(&format!(".{extension}"))) {
                return self.select_file(row, question_type, list);
            }
            return self.report.error(row.place("type"), self.unknown_list(list));
        };
        if or_other {
            if !row.get("choice_filter").is_empty() {
                self.report.tolerate(
                    row.place("choice_filter"),
                    Trouble::told(
                        "filter-with-other",
                        ("un filtre avec or_other", "a filter with or_other"),
                        ("l'un ou l'autre", "one or the other"),
                    )
                    .fix("Ajoutez un choix « autre » à la liste.", "Add a choice \"other\" to the list."),
                );
            }
            list_index = self.structure.lists.with_other(list_index, self.languages);
        }
        self.check_table_list(row, list);
        let Some(index) = self.add(row, question_type) else { return };
        self.structure.questions[index.as_usize()].list = Some(list_index);
        self.check_options(row, index, list_index);
        if or_other {
            let name = format!("{}_other", row.get("name"));
            if let Some(other) = self.add_named(row, row.place("name"), &name, QuestionType::Text) {
                self.structure.rows[other.as_usize()] = None;
                self.structure.others.insert(other, index);
            }
        }
    }

    fn unknown_list(&self, list: &str) -> Trouble {
        let nearest = self
            .structure
            .lists
            .by_name
            .keys()
            .map(|known| (crate::xpath::functions::distance(list, known), known))
            .min()
            .filter(|(distance, known)| *distance <= 1 + known.len() / 5);
        let trouble = Trouble::told(
            "unknown-list",
            (format!("la liste {}", quoted(list)), format!("the list {}", quoted(list))),
            ("une liste de la feuille \"choices\"", "a list of the sheet \"choices\""),
        );
        match nearest {
            Some((_, known)) => {
                trouble.fix(format!("Vouliez-vous écrire {known} ?"), format!("Did you mean {known}?"))
            }
            None => trouble.fix("Ajoutez la liste dans choices.", "Add the list to choices."),
        }
    }

    /// The selects of a group with the appearance table-list are rows of one table.
    fn check_table_list(&mut self, row: Row<'_>, list: &str) {
        let (found, expected) = match &self.table_list {
            TableList::No => return,
            TableList::Begun => {
                self.table_list = TableList::Of(list.to_owned());
                if row.get("choice_filter").is_empty() {
                    return;
                }
                (
                    quoted(row.get("choice_filter")),
                    ("aucun filtre dans un table-list", "no filter in a table-list"),
                )
            }
            TableList::Of(first) if first == list => return,
            TableList::Of(_) => (
                quoted(list),
                ("la même liste dans tout le table-list", "the same list in all of the table-list"),
            ),
        };
        self.report.tolerate(
            row.place("type"),
            Trouble::told("bad-table-list", found, expected)
                .fix("Sortez cette question du table-list.", "Move this question out of the table-list."),
        );
    }

    fn select_external(&mut self, row: Row<'_>, list: &str) {
        let Some(list_index) = self.structure.lists.external.get(list).copied() else {
            return self.report.error(
                row.place("type"),
                Trouble::told(
                    "unknown-list",
                    (format!("la liste {}", quoted(list)), format!("the list {}", quoted(list))),
                    (
                        "une liste de la feuille \"external_choices\"",
                        "a list of the sheet \"external_choices\"",
                    ),
                )
                .fix("Ajoutez la liste dans external_choices.", "Add the list to external_choices."),
            );
        };
        if row.get("choice_filter").is_empty() && !self.structure.lists.by_name.contains_key(list) {
            self.report.tolerate(
                row.place("choice_filter"),
                Trouble::told(
                    "no-filter",
                    EMPTY_CELL,
                    ("le filtre d'une liste externe", "the filter of an external list"),
                )
                .fix("Écrivez le filtre, ou select_one.", "Write the filter, or select_one."),
            );
        }
        let Some(index) = self.add(row, QuestionType::SelectOne) else { return };
        self.structure.questions[index.as_usize()].list = Some(list_index);
    }

    fn select_file(&mut self, row: Row<'_>, question_type: QuestionType, file: &str) {
        let given = parameters::parse(row, &mut Report::default());
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        let known = extension.as_deref().is_some_and(|extension| EXTENSIONS.contains(&extension));
        if !known || file.matches('.').count() > 1 {
            self.report.tolerate(
                row.place("type"),
                Trouble::told(
                    "bad-file-name",
                    (format!("le fichier {}", quoted(file)), format!("the file {}", quoted(file))),
                    ("un nom en .csv, .xml ou .geojson", "a name ending in .csv, .xml or .geojson"),
                )
                .fix("Écrivez le nom du fichier en entier.", "Write the whole name of the file."),
            );
        }
        let geo = extension.as_deref() == Some("geojson");
        let (value, label) = if geo { ("id", "title") } else { ("name", "label") };
        let value = given.get("value").map_or(value, String::as_str);
        let label = given.get("label").map_or(label, String::as_str);
        let stem = crate::workbook::csv_key(file);
        let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
        self.add_file(row, name, file, false);
        let list = match self.workbook.lists().find(|(key, _)| *key == stem) {
            None => Some(self.unattached(row, &stem, file)),
            Some((_, sheet)) => self.file_list(row, &stem, sheet, value, label),
        };
        let (Some(list), Some(index)) = (list, self.add(row, question_type)) else { return };
        self.structure.questions[index.as_usize()].list = Some(list);
        self.check_options(row, index, list);
    }

    fn file_list(
        &mut self,
        row: Row<'_>,
        stem: &str,
        sheet: &crate::workbook::Sheet,
        value: &str,
        label: &str,
    ) -> Option<ListIndex> {
        let key = (stem.to_owned(), value.to_owned(), label.to_owned());
        if let Some(list) = self.files.get(&key) {
            return Some(*list);
        }
        // Its headings were judged when it was attached.
        let table = Table::read(sheet, &CSV, &mut Report::default());
        let columns = CsvColumns { value, label: (label != "label").then_some(label) };
        match read_csv(stem, &table, Some(columns), self.languages) {
            Ok(list) => {
                let index = self.structure.lists.add(None, list);
                self.files.insert(key, index);
                Some(index)
            }
            Err(trouble) => {
                self.report.error(row.place("type"), trouble);
                None
            }
        }
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
            format!("{}#{code}", question.key).parse::<AnswerPath>().is_err()
                || before + question.key.len() + 1 + code.len() > MAX_PATH_BYTES
        });
        if let Some(code) = bad {
            let (code, list) = (quoted(code), quoted(data.name()));
            self.report.error(
                row.place("type"),
                Trouble::told(
                    "bad-option",
                    (format!("le code {code} de la liste {list}"), format!("the code {code} in list {list}")),
                    (
                        format!(
                            "des codes sans blanc, / ni #, et des chemins d'au plus {MAX_PATH_BYTES} octets"
                        ),
                        format!(
                            "codes without blanks, / or #, and answer paths of at most {MAX_PATH_BYTES} bytes"
                        ),
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
            bytes += self.structure.questions[repeat.as_usize()].key.len() + INSTANCE_BYTES;
            scope = &self.structure.scopes[scope.parent.as_usize()];
        }
        bytes
    }

    fn add(&mut self, row: Row<'_>, question_type: QuestionType) -> Option<QuestionIndex> {
        let generated = format!("generated_note_name_{}", row.number);
        let name = match row.get("name") {
            // Nobody refers to a note: pyxform gives it this name too.
            "" if question_type == QuestionType::Note => &generated,
            "" => {
                self.report.error(row.place("name"), no_name());
                return None;
            }
            name => name,
        };
        let index = self.add_named(row, row.place("name"), name, question_type)?;
        let mut parameters = parameters::parse(row, self.report);
        let from_file = row.get("type").to_lowercase().contains("from")
            && row.get("type").to_lowercase().contains("file");
        parameters::check(row, question_type, &parameters, from_file, self.report);
        if let Some(target) = parameters.get("reference-geometry") {
            self.geometries.push((row.at, target.clone()));
        }
        let whole = match question_type {
            QuestionType::Range { .. } => {
                let lists = &self.structure.lists;
                let codes = |name: &str| {
                    lists.by_name.get(name).map(|list| parameters::codes(&lists.lists[list.as_usize()]))
                };
                let whole = parameters::check_range(row, &parameters, codes, self.report);
                parameters.retain(|key, value| parameters::is_bound(key, value));
                whole
            }
            _ => true,
        };
        let question = &mut self.structure.questions[index.as_usize()];
        question.appearance = row.get("appearance").into();
        question.parameters = parameters;
        if let QuestionType::Range { integer } = &mut question.question_type {
            *integer = whole;
        }
        self.further(row, index);
        Some(index)
    }

    /// Cells that no expression reads.
    fn further(&mut self, row: Row<'_>, index: QuestionIndex) {
        let question = &mut self.structure.questions[index.as_usize()];
        for (target, name, text) in row.attributes() {
            question.attributes.insert((target, name.into()), text.into());
        }
        let renamed_from = row.get("renamed_from");
        if is_name(renamed_from) {
            question.renamed_from = Some(renamed_from.into());
            // Its answers stand under the name it had first: they follow it.
            if !self.structure.by_key.contains_key(renamed_from) {
                let former = std::mem::replace(&mut question.key, renamed_from.into());
                self.structure.by_key.remove(&former);
                self.structure.by_key.insert(renamed_from.into(), index);
            }
        } else if !renamed_from.is_empty() {
            self.report.error(row.place("renamed_from"), bad_name(renamed_from));
        }
        let checked = [
            ("conflict_policy", ["ask", "latest", "frozen"].as_slice(), &mut question.conflict_policy),
            (
                "data_class",
                ["public", "internal", "personal", "sensitive"].as_slice(),
                &mut question.data_class,
            ),
        ];
        for (column, known, kept) in checked {
            let text = row.get(column);
            *kept = text.into();
            if !text.is_empty() && !known.contains(&text) {
                self.report.warn(
                    row.place(column),
                    Trouble::told("unknown-word", quoted(text), known.join(", "))
                        .fix("Écrivez un de ces mots.", "Write one of these words."),
                );
            }
        }
    }

    fn add_named(
        &mut self,
        row: Row<'_>,
        place: Place,
        name: &str,
        question_type: QuestionType,
    ) -> Option<QuestionIndex> {
        let parent = self.open.last().map(|open| open.index);
        let scope = parent.map_or(ScopeIndex::ROOT, |parent| {
            let parent = &self.structure.questions[parent.as_usize()];
            parent.opens.unwrap_or(parent.scope)
        });
        self.check_name(&place, name, question_type, parent)?;
        let key = self.key_of(name, parent);
        self.check_path(&place, name, &key, question_type, scope)?;
        let index = QuestionIndex(self.structure.questions.len() as u32);
        let slots = &mut self.structure.scopes[scope.as_usize()].slots;
        let slot = slots.len() as u32;
        slots.push(index);
        let opens = if question_type == QuestionType::Repeat {
            Some(self.open_scope(&place, index, scope)?)
        } else {
            None
        };
        if &*key != name && question_type != QuestionType::Group {
            self.tell_key(place, name, &key);
        }
        self.structure.questions.push(Question {
            key: key.clone(),
            parent,
            scope,
            slot,
            opens,
            ..Question::new(index, name, question_type, row.number)
        });
        self.structure.rows.push(Some(row.at));
        self.structure.by_key.insert(key, index);
        self.siblings.insert((parent, name.into()), index);
        if self.structure.by_name.contains_key(name) {
            self.structure.ambiguous.insert(name.into());
        } else {
            self.structure.by_name.insert(name.into(), index);
        }
        Some(index)
    }

    /// The name; where an earlier row has it, the way to it through its groups.
    fn key_of(&self, name: &str, parent: Option<QuestionIndex>) -> Box<str> {
        if !self.structure.by_key.contains_key(name) {
            return name.into();
        }
        let mut path = vec![name];
        let mut around = parent;
        while let Some(index) = around {
            let question = &self.structure.questions[index.as_usize()];
            path.push(&question.name);
            around = question.parent;
        }
        path.reverse();
        let path = path.join(".");
        let mut key = path.clone();
        let mut count = 1;
        while self.structure.by_key.contains_key(&*key) {
            count += 1;
            key = format!("{path}.{count}");
        }
        key.into()
    }

    fn tell_key(&mut self, place: Place, name: &str, key: &str) {
        let first = self.structure.by_name.get(name).or_else(|| self.structure.by_key.get(name));
        let row = first.map_or(0, |first| self.structure.questions[first.as_usize()].row);
        let (name, key) = (quoted(name), quoted(key));
        self.report.warn(
            place,
            Trouble::told(
                "shared-name",
                (
                    format!("{name}, déjà le nom de la ligne {row} : cette réponse est rangée sous {key}"),
                    format!("{name}, already the name of row {row}: this answer is kept under {key}"),
                ),
                ("un nom par question", "each name once in the form"),
            )
            .fix(
                "Changez un des deux noms, ou laissez ainsi.",
                "Change one of the two names, or leave it so.",
            ),
        );
    }

    fn open_scope(&mut self, place: &Place, repeat: QuestionIndex, parent: ScopeIndex) -> Option<ScopeIndex> {
        let depth = self.structure.scopes[parent.as_usize()].depth + 1;
        if depth > MAX_REPEAT_DEPTH {
            self.structure.scopes[parent.as_usize()].slots.pop();
            self.report.error(
                place.clone(),
                Trouble::told(
                    "too-deep",
                    (
                        format!("{depth} repeats l'un dans l'autre"),
                        format!("{depth} repeats inside each other"),
                    ),
                    (format!("au plus {MAX_REPEAT_DEPTH}"), format!("at most {MAX_REPEAT_DEPTH}")),
                )
                .fix("Sortez ce repeat des autres.", "Move this repeat out of the others."),
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

    /// Directly inside one group, repeat or the record a name stands once.
    fn check_name(
        &mut self,
        place: &Place,
        name: &str,
        question_type: QuestionType,
        parent: Option<QuestionIndex>,
    ) -> Option<()> {
        if !is_name(name) {
            self.report.error(place.clone(), bad_name(name));
            return None;
        }
        if let Some(first) = self.siblings.get(&(parent, name.into())) {
            let first = &self.structure.questions[first.as_usize()];
            let groups = question_type == QuestionType::Group && first.question_type == QuestionType::Group;
            let trouble = Trouble::told(
                "duplicate-name",
                (
                    format!("{}, déjà le nom de la ligne {}", quoted(name), first.row),
                    format!("{}, already the name of row {}", quoted(name), first.row),
                ),
                ("un nom une seule fois dans son groupe", "each name once in its group"),
            )
            .fix("Changez un des deux noms.", "Change one of the two names.");
            // A group has no answer of its own: nothing is lost if two share a name.
            if groups && !self.report.is_strict() {
                self.report.warn(place.clone(), trouble);
                return Some(());
            }
            self.report.error(place.clone(), trouble);
            return None;
        }
        if !self.siblings_lower.insert((parent, name.to_lowercase())) {
            self.report.warn(
                place.clone(),
                Trouble::told(
                    "name-case",
                    (
                        format!("{}, qui ne diffère d'un autre nom que par ses majuscules", quoted(name)),
                        format!("{}, which differs from another name only in capitals", quoted(name)),
                    ),
                    ("des noms bien distincts", "names that are well apart"),
                )
                .fix("Changez un des deux noms.", "Change one of the two names."),
            );
        }
        let reserved = name == "meta";
        let root = question_type == QuestionType::Repeat && name == self.root_name;
        let second_repeat = question_type == QuestionType::Repeat
            && self.structure.questions.iter().any(|q| q.opens.is_some() && &*q.name == name);
        if reserved || root || second_repeat {
            let expected = if second_repeat {
                ("un nom par repeat", "each repeat's name once in the form")
            } else {
                ("un nom que XForms ne se réserve pas", "a name that XForms does not keep for itself")
            };
            self.report.tolerate(
                place.clone(),
                Trouble::told("reserved-name", quoted(name), expected)
                    .fix("Changez ce nom.", "Change this name."),
            );
        }
        Some(())
    }

    /// A key stands in every answer path of the lineage.
    fn check_path(
        &mut self,
        place: &Place,
        name: &str,
        key: &str,
        question_type: QuestionType,
        scope: ScopeIndex,
    ) -> Option<()> {
        if AnswerPath::question(key).is_err() {
            self.report.error(place.clone(), bad_name(name));
            return None;
        }
        let longest = if question_type == QuestionType::Repeat { INSTANCE_BYTES + 1 } else { 0 };
        let bytes = self.prefix_bytes(scope) + key.len() + longest;
        if bytes <= MAX_PATH_BYTES {
            return Some(());
        }
        self.report.error(
            place.clone(),
            Trouble::told(
                "path-too-long",
                (
                    format!("{}, dont le chemin de réponse a {bytes} octets", quoted(key)),
                    format!("{}, whose answer path has {bytes} bytes", quoted(key)),
                ),
                (
                    format!("au plus {MAX_PATH_BYTES} octets avec les noms de ses repeats"),
                    format!("at most {MAX_PATH_BYTES} bytes with the names of its repeats"),
                ),
            )
            .fix("Raccourcissez le nom.", "Shorten the name."),
        );
        None
    }

    /// A count that is an expression becomes a calculation beside its repeat, in ODK.
    fn check_counts(&mut self, table: &Table<'_>) {
        for (at, parent, name) in std::mem::take(&mut self.counts) {
            if self.siblings.contains_key(&(parent, name.clone())) {
                self.report.tolerate(
                    table.row(at).place("repeat_count"),
                    Trouble::told(
                        "reserved-name",
                        quoted(&name),
                        ("un nom libre : ODK y met le compte", "a free name: ODK puts the count there"),
                    )
                    .fix("Changez le nom de cette question.", "Change that question's name."),
                );
            }
        }
    }

    fn check_geometries(&mut self, table: &Table<'_>) {
        for (at, target) in std::mem::take(&mut self.geometries) {
            let structure = &self.structure;
            let repeat =
                target.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(|name| {
                    structure
                        .questions
                        .iter()
                        .any(|question| question.opens.is_some() && &*question.name == name)
                });
            let known = repeat
                || structure.lists.by_name.contains_key(&target)
                || structure.external_files.iter().any(|file| *file.name == *target)
                || self
                    .workbook
                    .sheet("entities")
                    .is_some_and(|sheet| sheet.rows.iter().skip(1).flatten().any(|cell| *cell == target));
            parameters::check_geometry(table.row(at), known, &target, self.report);
        }
    }
}

/// `${name}` and nothing else.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).is_some_and(is_name)
}

fn no_name() -> Trouble {
    Trouble::told("no-name", EMPTY_CELL, ("un nom", "a name")).fix("Donnez un nom.", "Give a name.")
}

fn bad_name(name: &str) -> Trouble {
    Trouble::told(
        "bad-name",
        quoted(name),
        (
            "des lettres, chiffres, _, - et ., une lettre ou _ en tête",
            "letters, digits, _, - and ., beginning with a letter or _",
        ),
    )
    .fix("Corrigez le nom.", "Correct the name.")
}

fn beginning_without_end() -> Trouble {
    Trouble::told(
        "bad-nesting",
        ("un début sans fin", "a beginning without an end"),
        ("end group ou end repeat plus bas", "end group or end repeat further down"),
    )
    .fix("Ajoutez la ligne de fin.", "Add the end row.")
}

fn end_without_beginning(row: Row<'_>) -> Trouble {
    Trouble::told(
        "bad-nesting",
        quoted(row.get("type")),
        ("une ligne begin plus haut", "a begin row before it"),
    )
    .fix("Supprimez cette ligne, ou ajoutez le début.", "Remove this row, or add the beginning.")
}

/// A name that stands for two files, or for a file and a list.
pub(crate) fn second_file(name: &str, first: &str) -> Trouble {
    let found = format!("{} ({first})", quoted(name));
    Trouble::told(
        "duplicate-file",
        (format!("un deuxième fichier {found}"), format!("a second file {found}")),
        ("un fichier ou une liste par nom", "one file or list for each name"),
    )
    .fix("Changez le nom d'un des deux.", "Rename one of the two.")
}

/// A file the form names and nobody attached.
pub(crate) fn no_file(file: &str) -> Trouble {
    Trouble::told(
        "no-file",
        (
            format!("le fichier {}, qui n'est pas joint : sa liste est vide", quoted(file)),
            format!("the file {}, which is not attached: its list is empty", quoted(file)),
        ),
        ("un fichier CSV joint au formulaire", "a CSV file attached to the form"),
    )
    .fix("Joignez le fichier CSV au formulaire.", "Attach the CSV file to the form.")
}
