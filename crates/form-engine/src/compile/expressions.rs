//! The cells of every question, rule and entity to expressions and templates.

use std::collections::{HashMap, HashSet};

use crate::compile::structure::Structure;
use crate::compile::table::{Row, Table};
use crate::compile::{Languages, Settings, Tables, is_no, is_yes};
use crate::diagnostics::{Place, Report, Trouble, quoted};
use crate::evaluation::Level;
use crate::form::{
    Default, Entity, Flag, ListIndex, Question, QuestionIndex, QuestionKind, QuestionType, Rule, Scope,
    ScopeIndex, Source,
};
use crate::list::{ChoiceList, ListFilter};
use crate::template::{Piece, Segment, Template, Translations, pieces};
use crate::xpath::ast::Operator;
use crate::xpath::functions::Function;
use crate::xpath::program::{Column, ExprId, Node, Program};
use crate::xpath::resolve::{self, Allows, Names, Resolved, Subject};

/// A form but for its order.
pub(crate) struct Compiled {
    pub(crate) questions: Vec<Question>,
    pub(crate) by_name: HashMap<Box<str>, QuestionIndex>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) programs: Vec<Program>,
    pub(crate) lists: Vec<ChoiceList>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) instance_name: Option<ExprId>,
}

/// What the cells of one question become; applied once all are read, since they refer to each other.
#[derive(Default)]
struct Binds {
    labels: Translations,
    hints: Translations,
    constraint_messages: Translations,
    required_messages: Translations,
    relevant: Option<ExprId>,
    required: Option<Flag>,
    read_only: Option<Flag>,
    constraint: Option<ExprId>,
    source: Option<Source>,
    once: bool,
    trigger: Option<(QuestionIndex, ExprId)>,
    default: Option<Default>,
    choice_filter: Option<ListFilter>,
    repeat_count: Option<ExprId>,
    save_to: Option<(usize, Box<str>)>,
}

pub(crate) fn compile(
    structure: Structure,
    tables: &Tables<'_>,
    settings: &Settings,
    languages: &Languages,
    report: &mut Report,
) -> Compiled {
    let Structure { mut questions, rows, others, by_name, ambiguous, scopes, lists } = structure;
    let doc_names = HashMap::new();
    let mut writer = Writer {
        names: Names {
            source: resolve::Source::Sheet,
            questions: &questions,
            by_name: &by_name,
            ambiguous: &ambiguous,
            scopes: &scopes,
            lists: &lists.lists,
            list_names: &lists.by_name,
            doc_names: &doc_names,
            root: "data",
            namespaces: &[],
        },
        programs: Vec::new(),
        indexes: HashSet::new(),
        languages,
        report,
    };
    let entities = writer.entities(&tables.entities);
    let by_row: HashMap<u32, Row<'_>> = tables.survey.rows().map(|row| (row.number, row)).collect();
    let binds: Vec<Binds> = questions
        .iter()
        .zip(&rows)
        .map(|(question, row)| match (row.and_then(|row| by_row.get(&row)), others.get(&question.index)) {
            (_, Some(select)) => writer.other(question, *select),
            (Some(row), None) => writer.binds(question, *row, &entities),
            (None, None) => Binds::default(),
        })
        .collect();
    let rules = writer.rules(&tables.rules);
    let instance_name = (!settings.instance_name.is_empty())
        .then(|| {
            let place = tables.settings.place(2, "instance_name");
            writer.expression(&settings.instance_name, Subject::Instance(ScopeIndex::ROOT), place)
        })
        .flatten();
    writer.missing_translations(&questions, &binds, &tables.survey);
    let (programs, indexes) = (writer.programs, writer.indexes);
    for (question, binds) in questions.iter_mut().zip(binds) {
        apply(question, binds);
    }
    let mut lists = lists.lists;
    for (list, column) in indexes {
        lists[list.as_usize()].add_index(column_of(column));
    }
    Compiled { questions, by_name, scopes, programs, lists, rules, entities, instance_name }
}

fn apply(question: &mut Question, binds: Binds) {
    question.labels = binds.labels;
    question.hints = binds.hints;
    question.constraint_messages = binds.constraint_messages;
    question.required_messages = binds.required_messages;
    question.relevant = binds.relevant;
    question.required = binds.required.unwrap_or(Flag::No);
    question.read_only = binds.read_only.unwrap_or(Flag::No);
    question.constraint = binds.constraint;
    question.source = binds.source.unwrap_or(Source::Stored);
    question.once = binds.once;
    question.trigger = binds.trigger;
    question.default = binds.default;
    question.choice_filter = binds.choice_filter;
    question.repeat_count = binds.repeat_count;
    question.save_to = binds.save_to;
}

/// A [`Column`] that can stand in a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ColumnKey(Option<u16>, bool);

fn key_of(column: Column) -> ColumnKey {
    match column {
        Column::Name => ColumnKey(None, false),
        Column::Label => ColumnKey(None, true),
        Column::Extra(at) => ColumnKey(Some(at), false),
    }
}

fn column_of(key: ColumnKey) -> Column {
    match key {
        ColumnKey(Some(at), _) => Column::Extra(at),
        ColumnKey(None, true) => Column::Label,
        ColumnKey(None, false) => Column::Name,
    }
}

struct Writer<'c> {
    names: Names<'c>,
    programs: Vec<Program>,
    indexes: HashSet<(ListIndex, ColumnKey)>,
    languages: &'c Languages,
    report: &'c mut Report,
}

impl Writer<'_> {
    // Expressions

    /// Keeps a resolved expression and passes on its warnings.
    fn keep(&mut self, resolved: Resolved, place: &Place) -> ExprId {
        for warning in resolved.warnings {
            self.report.warn(place.clone(), warning);
        }
        self.indexes.extend(resolved.indexes.into_iter().map(|(list, column)| (list, key_of(column))));
        let id = ExprId(self.programs.len() as u32);
        self.programs.push(resolved.program);
        id
    }

    fn expression(&mut self, text: &str, subject: Subject, place: Place) -> Option<ExprId> {
        self.resolve(text, subject, Allows::default(), place).map(|(id, _)| id)
    }

    fn resolve(
        &mut self,
        text: &str,
        subject: Subject,
        allows: Allows,
        place: Place,
    ) -> Option<(ExprId, bool)> {
        match resolve::expression(&self.names, text, subject, allows) {
            Ok(resolved) => {
                let reads_itself = resolved.reads_itself;
                Some((self.keep(resolved, &place), reads_itself))
            }
            Err(trouble) => {
                self.report.error(place, trouble);
                None
            }
        }
    }

    /// A cell's expression, with the question as its subject.
    fn cell(&mut self, question: &Question, row: Row<'_>, column: &'static str) -> Option<ExprId> {
        let text = row.get(column);
        if text.is_empty() {
            return None;
        }
        self.expression(text, Subject::Question(question.index), row.place(column))
    }

    fn flag(&mut self, question: &Question, row: Row<'_>, column: &'static str) -> Flag {
        let text = row.get(column);
        if is_no(text) {
            Flag::No
        } else if is_yes(text) {
            Flag::Yes
        } else {
            self.cell(question, row, column).map_or(Flag::No, Flag::When)
        }
    }

    // Questions

    fn binds(&mut self, question: &Question, row: Row<'_>, entities: &[Entity]) -> Binds {
        let subject = Subject::Question(question.index);
        let mut binds = Binds {
            labels: self.translations(subject, row, "label"),
            hints: self.translations(subject, row, "hint"),
            constraint_messages: self.translations(subject, row, "constraint_message"),
            required_messages: self.translations(subject, row, "required_message"),
            relevant: self.relevant(question, row),
            required: Some(self.flag(question, row, "required")),
            read_only: Some(self.flag(question, row, "read_only")),
            constraint: self.constraint(question, row),
            default: self.default(question, row),
            choice_filter: self.choice_filter(question, row),
            repeat_count: self.repeat_count(question, row),
            save_to: self.save_to(question, row, entities),
            ..Binds::default()
        };
        self.calculation(question, row, &mut binds);
        self.misplaced(question, row);
        binds
    }

    /// `TRUE` is a cell's way to say "always".
    fn relevant(&mut self, question: &Question, row: Row<'_>) -> Option<ExprId> {
        let text = row.get("relevant");
        match text.to_lowercase().as_str() {
            "true" | "yes" => None,
            "false" | "no" => {
                self.expression("false()", Subject::Question(question.index), row.place("relevant"))
            }
            _ => self.cell(question, row, "relevant"),
        }
    }

    fn constraint(&mut self, question: &Question, row: Row<'_>) -> Option<ExprId> {
        let container = matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat);
        if container { None } else { self.cell(question, row, "constraint") }
    }

    /// Columns that mean nothing for this kind of row.
    fn misplaced(&mut self, question: &Question, row: Row<'_>) {
        let is_select = question.list.is_some();
        let is_repeat = question.question_type == QuestionType::Repeat;
        let container = matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat);
        let misplaced = [
            ("choice_filter", !is_select, "on a select question"),
            ("repeat_count", !is_repeat, "on a begin repeat"),
            ("calculation", container, "on a question"),
            ("constraint", container, "on a question"),
            ("default", container, "on a question"),
        ];
        for (column, wrong, where_to) in misplaced {
            if wrong && !row.get(column).is_empty() {
                // Spreadsheets hold leftovers; ODK's tools ignore them too, only silently.
                self.report.warn(
                    row.place(column),
                    Trouble::new("misplaced", quoted(row.get(column)), where_to)
                        .fix("Videz cette cellule.", "Empty this cell."),
                );
            }
        }
    }

    fn calculation(&mut self, question: &Question, row: Row<'_>, binds: &mut Binds) {
        let text = row.get("calculation");
        let is_calculate = question.question_type == QuestionType::Calculate;
        if text.is_empty() {
            if is_calculate && row.get("default").is_empty() {
                self.report.error(
                    row.place("calculation"),
                    Trouble::new("no-calculation", "an empty cell", "an expression")
                        .fix("Écrivez le calcul.", "Write the calculation."),
                );
            }
            return;
        }
        if matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat) {
            return;
        }
        let trigger = row.get("trigger");
        let allows = Allows { once: trigger.is_empty(), uuid: false };
        let place = row.place("calculation");
        let Some((id, reads_itself)) =
            self.resolve(text, Subject::Question(question.index), allows, place.clone())
        else {
            return;
        };
        if !trigger.is_empty() {
            binds.trigger = self.trigger(trigger, row).map(|source| (source, id));
            return;
        }
        let keeps = keeps_first(&self.programs[id.0 as usize].root);
        binds.once = keeps;
        if reads_itself && keeps {
            self.report.warn(
                place,
                Trouble::new("self-reference", "a calculation that keeps its own first value", "once(…)")
                    .fix("Écrivez once(…).", "Write once(…)."),
            );
        }
        let read_only = binds.read_only == Some(Flag::Yes);
        let always = is_calculate || question.kind() != QuestionKind::Question || read_only;
        binds.source = Some(if keeps || !always { Source::StoredElse(id) } else { Source::Calculated(id) });
    }

    fn trigger(&mut self, text: &str, row: Row<'_>) -> Option<QuestionIndex> {
        let name = text.trim().strip_prefix("${").and_then(|text| text.strip_suffix('}')).map(str::trim);
        let found = name.and_then(|name| self.names.by_name.get(name)).copied();
        if found.is_none() {
            self.report.error(
                row.place("trigger"),
                Trouble::new("bad-trigger", quoted(text), "${question}, one question of this form")
                    .fix("Écrivez ${nom}.", "Write ${name}."),
            );
        }
        found
    }

    /// A default with a function or a reference is computed; anything else is the value itself.
    fn default(&mut self, question: &Question, row: Row<'_>) -> Option<Default> {
        let text = row.get("default");
        if text.is_empty() || matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat) {
            return None;
        }
        if !is_dynamic(text) {
            return Some(Default::Literal(text.to_owned()));
        }
        let allows = Allows { uuid: true, once: true };
        let (id, _) = self.resolve(text, Subject::Question(question.index), allows, row.place("default"))?;
        Some(Default::Expr(id))
    }

    fn choice_filter(&mut self, question: &Question, row: Row<'_>) -> Option<ListFilter> {
        let text = row.get("choice_filter");
        let list = question.list?;
        if text.is_empty() {
            return None;
        }
        match resolve::choice_filter(&self.names, text, question.index, list) {
            Ok((filter, resolved)) => {
                let id = self.keep(resolved, &row.place("choice_filter"));
                Some(ListFilter(filter, id))
            }
            Err(trouble) => {
                self.report.error(row.place("choice_filter"), trouble);
                None
            }
        }
    }

    fn repeat_count(&mut self, question: &Question, row: Row<'_>) -> Option<ExprId> {
        let text = row.get("repeat_count");
        if question.question_type != QuestionType::Repeat || text.is_empty() {
            return None;
        }
        self.cell(question, row, "repeat_count")
    }

    fn save_to(
        &mut self,
        question: &Question,
        row: Row<'_>,
        entities: &[Entity],
    ) -> Option<(usize, Box<str>)> {
        let text = row.get("save_to");
        if text.is_empty() {
            return None;
        }
        let (list, property) =
            text.split_once('#').map_or((None, text), |(list, property)| (Some(list), property));
        let fits: Vec<usize> = entities
            .iter()
            .enumerate()
            .filter(|(_, entity)| {
                entity.scope == question.scope && list.is_none_or(|list| list == &*entity.list)
            })
            .map(|(at, _)| at)
            .collect();
        let trouble = match fits.as_slice() {
            [_] if !is_property(property) => {
                Trouble::new("bad-property", quoted(text), "a property: letters, digits, _, - and .")
            }
            [entity] => return Some((*entity, property.into())),
            [] => Trouble::new(
                "no-entity",
                quoted(text),
                "a row of the sheet \"entities\" for this repeat or the record",
            )
            .fix("Ajoutez une ligne dans entities.", "Add a row to entities."),
            _ => Trouble::new(
                "ambiguous-entity",
                quoted(text),
                "list#property, since several entities stand here",
            )
            .fix("Écrivez liste#propriété.", "Write list#property."),
        };
        self.report.error(row.place("save_to"), trouble);
        None
    }

    /// The text question that `or_other` adds.
    fn other(&mut self, question: &Question, select: QuestionIndex) -> Binds {
        let name = &self.names.questions[select.as_usize()].name;
        let relevant = self.expression(
            &format!("selected(${{{name}}}, 'other')"),
            Subject::Question(question.index),
            Place::new("survey", question.row, "type"),
        );
        let labels = self
            .languages
            .codes()
            .map(|lang| Template { raw: crate::messages::specify_other(lang).into(), segments: vec![] })
            .collect();
        Binds { relevant, labels: Translations(labels), ..Binds::default() }
    }

    // Texts

    fn translations(&mut self, subject: Subject, row: Row<'_>, column: &'static str) -> Translations {
        let mut templates = Vec::new();
        for (language, text, heading) in row.translations(column) {
            let at = self.languages.index(language);
            let mut place = row.place(column);
            place.column = heading.to_owned();
            let template = self.template(subject, text, place);
            if templates.len() <= at {
                templates.resize_with(at + 1, Template::default);
            }
            templates[at] = template;
        }
        Translations(templates)
    }

    fn template(&mut self, subject: Subject, text: &str, place: Place) -> Template {
        if !text.contains("${") {
            return Template { raw: text.into(), segments: Vec::new() };
        }
        let mut segments = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => segments.push(Segment::Text(text.into())),
                Piece::Reference(name) => {
                    segments.extend(
                        self.expression(&format!("${{{name}}}"), subject, place.clone()).map(Segment::Value),
                    );
                }
                Piece::Malformed(text) => {
                    segments.push(Segment::Text(text.into()));
                    self.report.warn(
                        place.clone(),
                        Trouble::new(
                            "malformed-reference",
                            "\"${\" without a name and \"}\"",
                            "${name}; it is shown as written",
                        )
                        .fix("Écrivez ${nom}.", "Write ${name}."),
                    );
                }
            }
        }
        Template { raw: text.into(), segments }
    }

    /// One warning per language, not one per cell.
    fn missing_translations(&mut self, questions: &[Question], binds: &[Binds], table: &Table<'_>) {
        for (at, code) in self.languages.codes().enumerate() {
            let mut missing = questions.iter().zip(binds).filter(|(question, binds)| {
                matches!(question.kind(), QuestionKind::Question | QuestionKind::Note)
                    && !binds.labels.is_empty()
                    && binds.labels.0.get(at).is_none_or(|template| template.raw.is_empty())
            });
            if let Some((first, _)) = missing.next() {
                let count = missing.count() + 1;
                let place = table.place(first.row, "label");
                self.report.warn(
                    Place { column: format!("label ({code})"), ..place },
                    Trouble::new(
                        "missing-translation",
                        format!("{count} labels missing, here the first"),
                        "a label in each language",
                    )
                    .fix(format!("Traduisez en {code}."), format!("Translate into {code}.")),
                );
            }
        }
    }

    // Entities and rules

    fn repeat_scope(&mut self, row: Row<'_>) -> Option<ScopeIndex> {
        let name = row.get("repeat");
        if name.is_empty() {
            return Some(ScopeIndex::ROOT);
        }
        let name = name.strip_prefix("${").and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        let opens =
            self.names.by_name.get(name).and_then(|index| self.names.questions[index.as_usize()].opens);
        if opens.is_none() {
            self.report.error(
                row.place("repeat"),
                Trouble::new("unknown-repeat", quoted(name), "the name of a repeat of this form")
                    .fix("Donnez le nom du repeat.", "Give the repeat's name."),
            );
        }
        opens
    }

    fn entities(&mut self, table: &Table<'_>) -> Vec<Entity> {
        let mut entities: Vec<Entity> = Vec::new();
        for row in table.rows() {
            let list = row.get("list_name");
            if list.is_empty() {
                self.report.error(
                    row.place("list_name"),
                    Trouble::new("no-list-name", "an empty cell", "the name of the entity list")
                        .fix("Donnez le nom de la liste.", "Give the list's name."),
                );
                continue;
            }
            let Some(scope) = self.repeat_scope(row) else { continue };
            let mut cell = |column: &'static str| {
                let text = row.get(column);
                (!text.is_empty())
                    .then(|| self.expression(text, Subject::Instance(scope), row.place(column)))
                    .flatten()
            };
            let (label, entity_id) = (cell("label"), cell("entity_id"));
            let (create_if, update_if) = (cell("create_if"), cell("update_if"));
            entities.push(Entity { list: list.into(), scope, label, entity_id, create_if, update_if });
        }
        entities
    }

    fn rules(&mut self, table: &Table<'_>) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for row in table.rows() {
            let id = row.get("id");
            if id.is_empty() || rules.iter().any(|rule| &*rule.id == id) {
                self.report.error(
                    row.place("id"),
                    Trouble::new("bad-rule-id", quoted(id), "an id of its own, such as V01")
                        .fix("Donnez un identifiant unique.", "Give an id of its own."),
                );
                continue;
            }
            let Some(level) = self.level(row) else { continue };
            let Some(scope) = self.repeat_scope(row) else { continue };
            let subject = Subject::Instance(scope);
            let text = row.get("expression");
            if text.is_empty() {
                self.report.error(
                    row.place("expression"),
                    Trouble::new(
                        "no-expression",
                        "an empty cell",
                        "an expression that is true when all is well",
                    )
                    .fix("Écrivez la règle.", "Write the rule."),
                );
                continue;
            }
            let relevant = row.get("relevant");
            let relevant = (!relevant.is_empty())
                .then(|| self.expression(relevant, subject, row.place("relevant")))
                .flatten();
            let messages = self.translations(subject, row, "message");
            if let Some(expression) = self.expression(text, subject, row.place("expression")) {
                rules.push(Rule { id: id.into(), level, expression, relevant, scope, messages });
            }
        }
        rules
    }

    fn level(&mut self, row: Row<'_>) -> Option<Level> {
        match row.get("level").to_lowercase().as_str() {
            "block" => Some(Level::Block),
            "warn" => Some(Level::Warn),
            "central" => Some(Level::Central),
            _ => {
                self.report.error(
                    row.place("level"),
                    Trouble::new("bad-level", quoted(row.get("level")), "block, warn or central")
                        .fix("Écrivez block, warn ou central.", "Write block, warn or central."),
                );
                None
            }
        }
    }
}

/// `once(x)`, `coalesce(., x)` and `if(. = '', x, .)`: the first value stays.
fn keeps_first(root: &Node) -> bool {
    match root {
        Node::Call(Function::Once, _) => true,
        Node::Call(Function::Coalesce, args) => matches!(args.first(), Some(Node::Dot)),
        Node::Call(Function::If, args) => match (&args[0], &args[2]) {
            (Node::Binary(Operator::Equal, sides), Node::Dot) => {
                matches!((&sides.0, &sides.1), (Node::Dot, Node::Text(text)) if text.is_empty())
            }
            _ => false,
        },
        _ => false,
    }
}

/// True for a default that must be computed: it has a reference, or a name directly followed by "(".
fn is_dynamic(text: &str) -> bool {
    if text.contains("${") {
        return true;
    }
    text.match_indices('(').any(|(at, _)| {
        let name: String = text[..at]
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_'))
            .collect();
        !name.is_empty() && name.chars().all(|c| !c.is_uppercase())
    })
}

fn is_property(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
