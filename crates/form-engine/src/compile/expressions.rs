//! The cells of every question, rule and entity to expressions and templates.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::compile::lists::{Lists, rows_with_references};
use crate::compile::structure::Structure;
use crate::compile::table::{Row, Table};
use crate::compile::{
    Languages, Settings, Tables, entities, is_formula_error, is_name, is_no, is_yes, types,
};
use crate::diagnostics::{EMPTY_CELL, Place, Report, Trouble, quoted};
use crate::evaluation::Level;
use crate::form::{
    Default, Entity, Flag, Itemset, ListIndex, Question, QuestionIndex, QuestionKind, QuestionType, Rule,
    Scope, ScopeIndex, Source, offered_in,
};
use crate::list::{ChoiceList, ListFilter, depend_on_labels, name_from_root};
use crate::template::{Piece, Segment, Template, Translations, pieces, reversed_reference};
use crate::xpath::ast::Operator;
use crate::xpath::functions::Function;
use crate::xpath::program::{ExprId, Node, Program};
use crate::xpath::resolve::{self, Allows, Names, Resolved, Subject};

const ON_A_QUESTION: (&str, &str) = ("sur une question", "on a question");

/// A row of the entities sheet while the survey's `save_to` cells are read.
pub(crate) struct Declared {
    pub(crate) entity: Entity,
    pub(crate) row: u32,
    /// What is saved to it so far, with the survey's rows.
    pub(crate) properties: Vec<(Box<str>, u32)>,
    /// Where ODK would put it.
    pub(crate) requested: entities::Requested,
}

/// A form but for its order.
pub(crate) struct Compiled {
    pub(crate) questions: Vec<Question>,
    pub(crate) by_key: HashMap<Box<str>, QuestionIndex>,
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
    guidance: Translations,
    media: BTreeMap<&'static str, Translations>,
    constraint_messages: Translations,
    required_messages: Translations,
    relevant: Option<ExprId>,
    required: Option<Flag>,
    read_only: Option<Flag>,
    constraint: Option<ExprId>,
    source: Option<Source>,
    once: bool,
    trigger: Option<(QuestionIndex, ExprId)>,
    further_triggers: Vec<QuestionIndex>,
    default: Option<Default>,
    choice_filter: Option<ListFilter>,
    itemset: Option<Box<Itemset>>,
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
    let Structure { mut questions, rows, others, by_name, ambiguous, by_key, scopes, lists, .. } = structure;
    let doc_names = HashMap::new();
    let work = Cell::new(0);
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
            root: settings.record_name(),
            namespaces: &[],
            work: &work,
        },
        programs: Vec::new(),
        languages,
        report,
        hidden: hidden(&questions, &rows, &tables.survey),
    };
    let mut entities = writer.entities(&tables.entities, &tables.survey, &rows);
    let binds: Vec<Binds> = questions
        .iter()
        .zip(&rows)
        .map(|(question, row)| match (row, others.get(&question.index)) {
            (_, Some(select)) => writer.other(question, *select),
            (Some(row), None) => writer.binds(question, tables.survey.row(*row), &mut entities),
            (None, None) => Binds::default(),
        })
        .collect();
    let entities = entities.into_iter().map(|declared| declared.entity).collect();
    let live_labels = writer.live_labels(&tables.choices, &lists);
    let rules = writer.rules(&tables.rules);
    let instance_name = (!settings.instance_name.is_empty())
        .then(|| {
            let place = tables.settings.place(2, "instance_name");
            writer.expression(&settings.instance_name, Subject::Instance(ScopeIndex::ROOT), place)
        })
        .flatten();
    writer.missing_translations(&questions, &binds, &tables.survey);
    let mut programs = writer.programs;
    for (question, binds) in questions.iter_mut().zip(binds) {
        apply(question, binds);
    }
    let mut lists = lists.lists;
    for (list, (scope, labels)) in live_labels {
        lists[list.as_usize()].set_live_labels(scope, labels);
    }
    depend_on_labels(&mut programs, &questions, &lists);
    Compiled { questions, by_key, scopes, programs, lists, rules, entities, instance_name }
}

fn hidden(questions: &[Question], rows: &[Option<usize>], survey: &Table<'_>) -> HashSet<QuestionIndex> {
    let is_hidden = |question: &Question, row: Row<'_>| {
        let worded = row.translations("label").next().is_some() || row.translations("hint").next().is_some();
        question.question_type == QuestionType::Calculate || (is_computed(row) && !worded)
    };
    let with_rows =
        questions.iter().zip(rows).filter_map(|(question, at)| at.map(|at| (question, survey.row(at))));
    with_rows
        .filter(|(question, row)| is_hidden(question, *row))
        .map(|(question, _)| question.index)
        .collect()
}

fn is_computed(row: Row<'_>) -> bool {
    !row.get("calculation").is_empty() || !row.get("trigger").is_empty()
}

fn apply(question: &mut Question, binds: Binds) {
    question.labels = binds.labels;
    question.hints = binds.hints;
    question.guidance = binds.guidance;
    question.media = binds.media;
    question.constraint_messages = binds.constraint_messages;
    question.required_messages = binds.required_messages;
    question.relevant = binds.relevant;
    question.required = binds.required.unwrap_or(Flag::No);
    question.read_only = binds.read_only.unwrap_or(Flag::No);
    question.constraint = binds.constraint;
    question.source = binds.source.unwrap_or(Source::Stored);
    question.once = binds.once;
    question.trigger = binds.trigger;
    question.further_triggers = binds.further_triggers;
    question.default = binds.default;
    question.choice_filter = binds.choice_filter;
    question.itemset = binds.itemset;
    question.repeat_count = binds.repeat_count;
    question.save_to = binds.save_to;
}

struct Writer<'c> {
    names: Names<'c>,
    programs: Vec<Program>,
    languages: &'c Languages,
    report: &'c mut Report,
    /// Questions that nobody sees, because their value is computed.
    hidden: HashSet<QuestionIndex>,
}

impl Writer<'_> {
    // Expressions

    /// Keeps a resolved expression and passes on its warnings.
    fn keep(&mut self, resolved: Resolved, place: &Place) -> ExprId {
        for warning in resolved.warnings {
            self.report.warn(place.clone(), warning);
        }
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
        if text.is_empty() || is_formula_error(text) {
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

    fn binds(&mut self, question: &Question, row: Row<'_>, entities: &mut [Declared]) -> Binds {
        let subject = Subject::Question(question.index);
        let mut binds = Binds {
            labels: self.translations(subject, row, "label"),
            hints: self.hints(subject, row),
            guidance: self.translations(subject, row, "guidance_hint"),
            media: self.media(subject, row),
            constraint_messages: self.translations(subject, row, "constraint_message"),
            required_messages: self.translations(subject, row, "required_message"),
            relevant: self.relevant(question, row),
            required: Some(self.flag(question, row, "required")),
            read_only: Some(self.flag(question, row, "read_only")),
            constraint: self.constraint(question, row),
            default: self.default(question, row),
            choice_filter: self.choice_filter(question, row),
            itemset: self.itemset(question, row),
            repeat_count: self.repeat_count(question, row),
            save_to: self.save_to(question, row, entities),
            ..Binds::default()
        };
        self.calculation(question, row, &mut binds);
        self.misplaced(question, row);
        self.unlabelled(question, row, &binds);
        binds
    }

    /// What a person is asked or told has words or a picture.
    fn unlabelled(&mut self, question: &Question, row: Row<'_>, binds: &Binds) {
        let shown = matches!(question.kind(), QuestionKind::Question | QuestionKind::Note)
            || question.question_type == QuestionType::BackgroundGeopoint;
        let computed = is_computed(row);
        // The heads of a table say their choices and nothing else.
        let heads = row.get("appearance") == "label";
        if shown
            && !computed
            && !heads
            && binds.labels.is_empty()
            && binds.hints.is_empty()
            && binds.media.is_empty()
        {
            self.report.tolerate(
                row.place("label"),
                Trouble::told("no-label", EMPTY_CELL, ("un libellé ou une consigne", "a label or a hint"))
                    .fix("Écrivez le libellé.", "Write the label."),
            );
        }
        if binds.media.contains_key("big-image") && !binds.media.contains_key("image") {
            self.report.tolerate(
                row.place("big-image"),
                Trouble::told(
                    "no-image",
                    ("big-image sans image", "big-image without image"),
                    ("les deux", "both"),
                )
                .fix("Donnez aussi l'image.", "Give the image too."),
            );
        }
    }

    fn hints(&mut self, subject: Subject, row: Row<'_>) -> Translations {
        let hints = self.translations(subject, row, "hint");
        match types::implied(row.get("type")).filter(|implied| hints.is_empty() && !implied.hint.is_empty()) {
            Some(implied) => Translations(vec![Template { raw: implied.hint.into(), segments: Vec::new() }]),
            None => hints,
        }
    }

    fn media(&mut self, subject: Subject, row: Row<'_>) -> BTreeMap<&'static str, Translations> {
        ["image", "audio", "video", "big-image"]
            .into_iter()
            .map(|kind| (kind, self.translations(subject, row, kind)))
            .filter(|(_, files)| !files.is_empty())
            .collect()
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
        if container {
            return None;
        }
        match types::implied(row.get("type")).filter(|_| row.get("constraint").is_empty()) {
            Some(implied) => {
                self.expression(implied.constraint, Subject::Question(question.index), row.place("type"))
            }
            None => self.cell(question, row, "constraint"),
        }
    }

    /// Columns that mean nothing for this kind of row.
    fn misplaced(&mut self, question: &Question, row: Row<'_>) {
        let is_select = question.list.is_some() || question.itemset_reference.is_some();
        let is_repeat = question.question_type == QuestionType::Repeat;
        let container = matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat);
        let misplaced = [
            ("choice_filter", !is_select, ("sur une question select", "on a select question")),
            ("repeat_count", !is_repeat, ("sur un begin repeat", "on a begin repeat")),
            ("calculation", container, ON_A_QUESTION),
            ("constraint", container, ON_A_QUESTION),
            ("default", container, ON_A_QUESTION),
        ];
        for (column, wrong, where_to) in misplaced {
            if wrong && !row.get(column).is_empty() {
                // Spreadsheets hold leftovers; ODK's tools ignore them too, only silently.
                self.report.warn(
                    row.place(column),
                    Trouble::told("misplaced", quoted(row.get(column)), where_to)
                        .fix("Videz cette cellule.", "Empty this cell."),
                );
            }
        }
    }

    fn calculation(&mut self, question: &Question, row: Row<'_>, binds: &mut Binds) {
        let text = row.get("calculation");
        let trigger = row.get("trigger");
        let is_calculate = question.question_type == QuestionType::Calculate;
        if question.question_type == QuestionType::BackgroundGeopoint {
            return self.background_geopoint(row, binds);
        }
        if matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat) {
            return;
        }
        // pyxform counts only a default that must be computed.
        let default = row.get("default");
        if is_calculate
            && text.is_empty()
            && !is_dynamic(default)
            && (default.is_empty() || self.report.is_strict())
        {
            self.report.tolerate(
                row.place("calculation"),
                Trouble::told("no-calculation", EMPTY_CELL, ("une expression", "an expression")).fix(
                    "Écrivez le calcul : sans lui la valeur reste vide.",
                    "Write the calculation: without it the value stays blank.",
                ),
            );
        }
        // A trigger without a calculation empties the answer.
        let text = if text.is_empty() && !trigger.is_empty() { "''" } else { text };
        if text.is_empty() || is_formula_error(text) {
            return;
        }
        if trigger.is_empty() && is_random(text) {
            self.random(question, row, binds);
            return;
        }
        let allows = Allows { once: trigger.is_empty(), uuid: false };
        let place = row.place("calculation");
        let Some((id, reads_itself)) =
            self.resolve(text, Subject::Question(question.index), allows, place.clone())
        else {
            return;
        };
        if !trigger.is_empty() {
            let mut sources = self.triggers(trigger, row).into_iter();
            binds.trigger = sources.next().map(|source| (source, id));
            binds.further_triggers = sources.collect();
            return;
        }
        let keeps = keeps_first(&self.programs[id.0 as usize].root);
        binds.once = keeps;
        if reads_itself && keeps {
            self.report.warn(
                place,
                Trouble::told(
                    "self-reference",
                    (
                        "un calcul qui garde sa première valeur",
                        "a calculation that keeps its own first value",
                    ),
                    "once(…)",
                )
                .fix("Écrivez once(…).", "Write once(…)."),
            );
        }
        let read_only = binds.read_only == Some(Flag::Yes);
        let always = is_calculate || question.kind() != QuestionKind::Question || read_only;
        binds.source = Some(if keeps || !always { Source::StoredElse(id) } else { Source::Calculated(id) });
    }

    /// A value drawn at random is drawn once, when the record or the instance is made, and kept.
    fn random(&mut self, question: &Question, row: Row<'_>, binds: &mut Binds) {
        let allows = Allows { uuid: true, once: true };
        let place = row.place("calculation");
        let Some((id, _)) = self.resolve("uuid()", Subject::Question(question.index), allows, place.clone())
        else {
            return;
        };
        binds.default = Some(Default::Expr(id));
        binds.source = Some(Source::Stored);
        if !row.get("calculation").starts_with("once") {
            self.report.warn(
                place,
                Trouble::told(
                    "random-calculation",
                    (
                        "uuid(), tiré une seule fois, à la création, puis gardé",
                        "uuid(), drawn once, at the beginning, and then kept",
                    ),
                    ("uuid() dans la colonne \"default\"", "uuid() in the column \"default\""),
                )
                .fix("Mettez uuid() dans la colonne default.", "Put uuid() into the column default."),
            );
        }
    }

    /// `${a}`, or several with commas between them.
    fn triggers(&mut self, text: &str, row: Row<'_>) -> Vec<QuestionIndex> {
        let mut found = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let name = part.strip_prefix("${").and_then(|part| part.strip_suffix('}')).map(str::trim);
            let question = name
                .and_then(|name| self.names.by_name.get(name))
                .filter(|index| {
                    let kind = self.names.questions[index.as_usize()].kind();
                    !matches!(kind, QuestionKind::Group | QuestionKind::Repeat)
                })
                .copied();
            match question {
                Some(question) => found.push(question),
                None => self.report.error(
                    row.place("trigger"),
                    Trouble::told(
                        "bad-trigger",
                        quoted(part),
                        (
                            "${question}, une question de ce formulaire",
                            "${question}, one question of this form",
                        ),
                    )
                    .fix("Écrivez ${nom}.", "Write ${name}."),
                ),
            }
        }
        if let Some(hidden) = found.iter().find(|index| self.hidden.contains(index)) {
            let name = &self.names.questions[hidden.as_usize()].name;
            self.report.tolerate(
                row.place("trigger"),
                Trouble::told(
                    "hidden-trigger",
                    (
                        format!("{}, que personne ne répond", quoted(name)),
                        format!("{}, which nobody answers", quoted(name)),
                    ),
                    ("une question posée", "a question that is asked"),
                )
                .fix("Choisissez une question visible.", "Choose a visible question."),
            );
        }
        found
    }

    fn background_geopoint(&mut self, row: Row<'_>, binds: &mut Binds) {
        binds.further_triggers = self.triggers(row.get("trigger"), row);
        let fault = if row.get("trigger").is_empty() {
            Some(("trigger", EMPTY_CELL, ("${question}", "${question}")))
        } else if !row.get("calculation").is_empty() {
            Some(("calculation", ("un calcul", "a calculation"), ("une cellule vide", "an empty cell")))
        } else {
            None
        };
        if let Some((column, found, expected)) = fault {
            self.report.tolerate(
                row.place(column),
                Trouble::told("bad-geopoint", found, expected).fix(
                    "Un background-geopoint suit un trigger.",
                    "A background-geopoint follows a trigger.",
                ),
            );
        }
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

    /// `select_one ${name}`: the answers that the instances of its repeat have to that question.
    fn itemset(&mut self, question: &Question, row: Row<'_>) -> Option<Box<Itemset>> {
        let name = question.itemset_reference.as_deref()?;
        let asked = &self.names.questions[self.names.by_name.get(name)?.as_usize()];
        let repeat = self.names.scopes[asked.scope.as_usize()].repeat?;
        let mut steps = vec![&*asked.name];
        let mut at = asked.parent;
        while let Some(group) = at.filter(|at| *at != repeat) {
            let group = &self.names.questions[group.as_usize()];
            steps.push(&group.name);
            at = group.parent;
        }
        steps.reverse();
        let value = steps.join("/");
        let holds =
            question.itemset_filter.as_ref().map(|filter| format!(" and ({filter})")).unwrap_or_default();
        let repeat_name = &self.names.questions[repeat.as_usize()].name;
        let nodes = format!("${{{repeat_name}}}[./{value} != ''{holds}]");
        match resolve::itemset(&self.names, &nodes, &value, &value, Subject::Question(question.index)) {
            Ok((resolved, value_node, label)) => {
                let nodes = self.keep(resolved, &row.place("type"));
                let written: Box<str> = value.into();
                Some(Box::new(Itemset {
                    nodes,
                    value: value_node,
                    label,
                    value_source: written.clone(),
                    label_source: written,
                }))
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
        entities: &mut [Declared],
    ) -> Option<(usize, Box<str>)> {
        let text = row.get("save_to");
        if text.is_empty() {
            return None;
        }
        match entities::save_to(text, question, entities, self.names.scopes, row, self.report) {
            Ok(saved) => {
                entities[saved.0].properties.push((saved.1.clone(), row.number));
                Some(saved)
            }
            Err(trouble) => {
                self.report.error(row.place("save_to"), trouble);
                None
            }
        }
    }

    /// The text question that `or_other` adds.
    fn other(&mut self, question: &Question, select: QuestionIndex) -> Binds {
        let name = &self.names.questions[select.as_usize()].name;
        // Where several share the name, the select beside this question is meant.
        let select =
            if self.names.ambiguous.contains(name) { format!("../{name}") } else { format!("${{{name}}}") };
        let relevant = self.expression(
            &format!("selected({select}, 'other')"),
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

    /// The labels of choices that show answers, by list.
    fn live_labels(
        &mut self,
        choices: &Table<'_>,
        lists: &Lists,
    ) -> BTreeMap<ListIndex, (ScopeIndex, BTreeMap<u32, Translations>)> {
        let mut found = BTreeMap::new();
        for (list, at, row) in rows_with_references(choices, lists) {
            let (scope, labels) = found.entry(list).or_insert_with(|| {
                (offered_in(self.names.questions, self.names.scopes, list), BTreeMap::new())
            });
            labels.insert(at, self.translations(Subject::Instance(*scope), row, "label"));
        }
        for (scope, labels) in found.values() {
            let around = resolve::path_around(&self.names, *scope);
            name_from_root(&mut self.programs, labels, &around);
        }
        found
    }

    fn template(&mut self, subject: Subject, text: &str, place: Place) -> Template {
        if let Some(written) = reversed_reference(text) {
            self.malformed(&place, written);
        }
        if !text.contains("${") {
            return Template { raw: text.into(), segments: Vec::new() };
        }
        let mut segments = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => segments.push(Segment::Text(text.into())),
                Piece::Reference(name) => {
                    let reference = format!("${{{name}}}");
                    match resolve::expression(&self.names, &reference, subject, Allows::default()) {
                        Ok(resolved) => segments.push(Segment::Value(self.keep(resolved, &place))),
                        Err(trouble) => {
                            // ODK's own: every submission has one, and a text may show it.
                            if name == "instanceID" {
                                self.report.warn(place.clone(), trouble);
                            } else {
                                self.report.tolerate(place.clone(), trouble);
                            }
                            segments.push(Segment::Text(reference.into()));
                        }
                    }
                }
                Piece::Malformed(text) => {
                    segments.push(Segment::Text(text.into()));
                    self.malformed(&place, "${");
                }
            }
        }
        Template { raw: text.into(), segments }
    }

    fn malformed(&mut self, place: &Place, written: &str) {
        self.report.warn(
            place.clone(),
            Trouble::told(
                "malformed-reference",
                (
                    format!("{}, qui ne nomme aucune question", quoted(written)),
                    format!("{}, which names no question", quoted(written)),
                ),
                (
                    "${nom} ; le texte est montré tel qu'il est écrit",
                    "${name}; the text is shown as it is written",
                ),
            )
            .fix("Écrivez ${nom}.", "Write ${name}."),
        );
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
                    Trouble::told(
                        "missing-translation",
                        (
                            format!("{count} libellés manquants, dont voici le premier"),
                            format!("{count} labels missing, here the first"),
                        ),
                        ("un libellé dans chaque langue", "a label in each language"),
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
                Trouble::told(
                    "unknown-repeat",
                    quoted(name),
                    ("le nom d'un repeat de ce formulaire", "the name of a repeat of this form"),
                )
                .fix("Donnez le nom du repeat.", "Give the repeat's name."),
            );
        }
        opens
    }

    fn entities(&mut self, table: &Table<'_>, survey: &Table<'_>, rows: &[Option<usize>]) -> Vec<Declared> {
        let mut entities: Vec<Declared> = Vec::new();
        let count = table.rows().count();
        for row in table.rows() {
            let list = row.get("list_name");
            if list.is_empty() {
                self.report.error(
                    row.place("list_name"),
                    Trouble::told(
                        "no-list-name",
                        EMPTY_CELL,
                        ("le nom de la liste d'entités", "the name of the entity list"),
                    )
                    .fix("Donnez le nom de la liste.", "Give the list's name."),
                );
                continue;
            }
            let twice = entities.iter().any(|declared| &*declared.entity.list == list);
            entities::check_declaration(row, list, twice, self.report);
            let references = entities::References::gather(row, list, count == 1, survey, rows, &self.names);
            let inferred = references.scope(self.names.scopes, row, self.report);
            let written = row.get("repeat");
            let Some(scope) = (if written.is_empty() { inferred } else { self.repeat_scope(row) }) else {
                continue;
            };
            let mut cell = |column: &'static str| self.entity_cell(row, scope, column);
            let (label, entity_id) = (cell("label"), cell("entity_id"));
            let (create_if, update_if) = (cell("create_if"), cell("update_if"));
            entities.push(Declared {
                entity: Entity { list: list.into(), scope, label, entity_id, create_if, update_if },
                row: row.number,
                properties: Vec::new(),
                requested: references.container(&self.names),
            });
        }
        if self.report.is_strict() {
            entities::check_containers(&entities, table, &self.names, self.report);
        }
        entities
    }

    fn entity_cell(&mut self, row: Row<'_>, scope: ScopeIndex, column: &'static str) -> Option<ExprId> {
        let text = row.get(column);
        if text.is_empty() || is_formula_error(text) {
            return None;
        }
        match resolve::expression(&self.names, text, Subject::Instance(scope), Allows::default()) {
            Ok(resolved) => Some(self.keep(resolved, &row.place(column))),
            // A name alone is a path of XForms. Where nothing is there it reads blank.
            Err(trouble) if is_name(text) && column == "label" => {
                self.report.warn(row.place(column), trouble);
                None
            }
            Err(trouble) => {
                self.report.error(row.place(column), trouble);
                None
            }
        }
    }

    fn rules(&mut self, table: &Table<'_>) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for row in table.rows() {
            let id = row.get("id");
            if id.is_empty() || rules.iter().any(|rule| &*rule.id == id) {
                self.report.error(
                    row.place("id"),
                    Trouble::told(
                        "bad-rule-id",
                        quoted(id),
                        ("un identifiant à elle, tel que V01", "an id of its own, such as V01"),
                    )
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
                    Trouble::told(
                        "no-expression",
                        EMPTY_CELL,
                        (
                            "une expression vraie quand tout va bien",
                            "an expression that is true when all is well",
                        ),
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
                    Trouble::told(
                        "bad-level",
                        quoted(row.get("level")),
                        ("block, warn ou central", "block, warn or central"),
                    )
                    .fix("Écrivez block, warn ou central.", "Write block, warn or central."),
                );
                None
            }
        }
    }
}

/// `once(x)`, `coalesce(., x)` and `if(. = '', x, .)`: the first value stays.
pub(crate) fn keeps_first(root: &Node) -> bool {
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

/// `uuid()`, alone or in `once()`.
fn is_random(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    matches!(text.as_str(), "uuid()" | "once(uuid())")
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
