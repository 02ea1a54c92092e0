//! One record against one form: relevance and calculations in their order, then what does not hold.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use record_model::{AnswerPath, Answers, Marker, Visit};

use crate::arena::{Arena, Datum};
use crate::evaluation::{Evaluation, Level, Violation, ViolationKind};
use crate::form::{
    CompiledForm, Flag, Form, Question, QuestionIndex, QuestionKind, QuestionType, ScopeIndex, Source,
};
use crate::interview::fault_of;
use crate::messages;
use crate::template::{Segment, Template, Translations};
use crate::xpath::eval::{Budget, Clock, Context, Evaluator, Read, datum_text};
use crate::xpath::program::ExprId;

/// Evaluates a whole record. Pure: the visit is the only clock, and nothing is remembered between calls.
pub fn evaluate(form: &CompiledForm, answers: &Answers, visit: Visit) -> Evaluation {
    let clock = Clock::at(visit);
    let mut arena = Arena::lay_out(&form.0, answers);
    settle(&form.0, &mut arena, clock);
    let violations = Checker { form: &form.0, arena: &arena, clock }.violations();
    Evaluation { form: Arc::clone(&form.0), arena, clock, violations, nodes: OnceLock::new() }
}

/// Relevance and calculated values, each question after all it reads.
fn settle(form: &Form, arena: &mut Arena, clock: Clock) {
    for index in &form.order {
        let question = form.question(*index);
        for at in 0..arena.by_scope[question.scope.as_usize()].len() {
            let instance = arena.by_scope[question.scope.as_usize()][at];
            settle_cell(form, arena, clock, question, instance);
        }
    }
}

fn settle_cell(form: &Form, arena: &mut Arena, clock: Clock, question: &Question, instance: u32) {
    let at = arena.cell_at(form, instance, question.index);
    if !relevant_around(form, arena, question, instance) {
        return;
    }
    let evaluator = Evaluator {
        form,
        arena,
        clock,
        language: 0,
        reads: None,
        uuid: "",
        fault: None,
        budget: Budget::default(),
    };
    let context = Context::cell(instance, question.index);
    let relevant = question.relevant.is_none_or(|id| evaluator.run_bool(id, context));
    if !relevant {
        return;
    }
    let calculated = match question.source {
        Source::Calculated(id) => Some(id),
        Source::StoredElse(id) if arena.cells[at].datum == Datum::Blank => Some(id),
        _ => None,
    };
    let datum =
        calculated.map(|id| typed(question.value_type(), evaluator.datum_of(evaluator.run(id, context))));
    let cell = &mut arena.cells[at];
    cell.relevant = true;
    if let Some(datum) = datum {
        cell.datum = datum;
    }
}

/// Whether the group or repeat around it is relevant.
pub(crate) fn relevant_around(form: &Form, arena: &Arena, question: &Question, instance: u32) -> bool {
    question.parent.is_none_or(|parent| {
        // A repeat's own cell is in the instance around it.
        let holder =
            if form.question(parent).opens.is_some() { arena.instance(instance).parent } else { instance };
        arena.cell(form, holder, parent).relevant
    })
}

/// A calculated value as its question holds it: a whole-number question has no fraction, a date no time of day.
pub(crate) fn typed(question_type: QuestionType, datum: Datum) -> Datum {
    match (question_type, datum) {
        (QuestionType::Integer, Datum::Number(number)) if number.abs() < 9e15 => {
            Datum::Int(number.trunc() as i64)
        }
        (QuestionType::Date | QuestionType::Today, Datum::Text(text)) if text.get(10..11) == Some("T") => {
            Datum::Text(text[..10].into())
        }
        (_, datum) => datum,
    }
}

/// Where a walk through the record in document order is.
pub(crate) enum Stop<'f> {
    /// A question, note or group; or a repeat as a whole.
    Question { question: &'f Question, instance: u32 },
    /// One instance of a repeat, before the questions in it.
    Instance { question: &'f Question, inner: u32 },
}

/// Walks the record in document order, repeats instance by instance.
pub(crate) fn walk<'f>(form: &'f Form, arena: &Arena, visit: &mut dyn FnMut(Stop<'f>)) {
    walk_range(form, arena, 0, 0..form.questions.len(), visit);
}

fn walk_range<'f>(
    form: &'f Form,
    arena: &Arena,
    instance: u32,
    range: std::ops::Range<usize>,
    visit: &mut dyn FnMut(Stop<'f>),
) {
    let mut at = range.start;
    while at < range.end {
        let question = &form.questions[at];
        visit(Stop::Question { question, instance });
        at += 1;
        if let Some(scope) = question.opens {
            let inside = at..question.end.as_usize();
            at = inside.end;
            for inner in arena.inside(form, instance, scope) {
                visit(Stop::Instance { question, inner: *inner });
                walk_range(form, arena, *inner, inside.clone(), visit);
            }
        }
    }
}

/// The path of a question in an instance: the one its answer is stored at, else made anew.
pub(crate) fn question_path(
    form: &Form,
    arena: &Arena,
    instance: u32,
    question: &Question,
) -> Option<AnswerPath> {
    let cell = arena.cell_at(form, instance, question.index);
    arena.stored_path(cell).cloned().or_else(|| path_of(arena, instance, &question.key))
}

/// The path of a name in an instance. Its length was judged when the form was compiled.
pub(crate) fn path_of(arena: &Arena, instance: u32, leaf: &str) -> Option<AnswerPath> {
    match &*arena.instance(instance).prefix {
        "" => leaf.parse().ok(),
        prefix => format!("{prefix}/{leaf}").parse().ok(),
    }
}

/// Looks for what does not hold.
struct Checker<'e> {
    form: &'e Form,
    arena: &'e Arena,
    clock: Clock,
}

impl<'e> Checker<'e> {
    fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        walk(self.form, self.arena, &mut |stop| {
            if let Stop::Question { question, instance } = stop {
                self.check(question, instance, &mut found);
            }
        });
        self.rules(&mut found);
        found
    }

    fn evaluator(&self) -> Evaluator<'e> {
        Evaluator {
            form: self.form,
            arena: self.arena,
            clock: self.clock,
            language: 0,
            reads: None,
            uuid: "",
            fault: None,
            budget: Budget::default(),
        }
    }

    fn check(&self, question: &'e Question, instance: u32, found: &mut Vec<Violation>) {
        let cell = self.arena.cell(self.form, instance, question.index);
        if !cell.relevant {
            return;
        }
        if let Some(count) = question.repeat_count {
            self.check_count(question, instance, count, found);
        }
        if cell.datum == Datum::Blank {
            self.check_required(question, instance, found);
            return;
        }
        let is_stored = !matches!(question.source, Source::Calculated(_));
        if is_stored && let Some(kind) = self.fault(question, instance, &cell.datum) {
            let message = |lang: &str| messages::expected(question.question_type, lang).to_owned();
            found.extend(self.violation(question, instance, kind, None, &message));
            return;
        }
        if let Some(id) = question.constraint
            && !cell.datum.is_blank()
            && !self.evaluator().run_bool(id, Context::cell(instance, question.index))
        {
            let message = |lang: &str| messages::constraint(lang).to_owned();
            found.extend(self.violation(question, instance, ViolationKind::Constraint, Some(id), &message));
        }
    }

    fn check_required(&self, question: &'e Question, instance: u32, found: &mut Vec<Violation>) {
        let asked = question.kind() == QuestionKind::Question;
        let (required, id) = match question.required {
            Flag::No => return,
            Flag::Yes => (true, None),
            Flag::When(id) => {
                (self.evaluator().run_bool(id, Context::cell(instance, question.index)), Some(id))
            }
        };
        if asked && required {
            let message = |lang: &str| messages::required(lang).to_owned();
            found.extend(self.violation(question, instance, ViolationKind::Required, id, &message));
        }
    }

    /// Type first, then the options on offer.
    fn fault(&self, question: &'e Question, instance: u32, datum: &Datum) -> Option<ViolationKind> {
        let list = question.list.map(|list| self.form.list(list));
        if let Some(kind) = fault_of(question, list, datum) {
            return Some(kind);
        }
        if question.itemset.is_some() {
            let options = self.evaluator().options(question.index, Context::cell(instance, question.index));
            let text = datum_text(datum);
            let fits = text.split_whitespace().all(|code| options.iter().any(|(known, _)| known == code));
            return (!fits).then_some(ViolationKind::Choice);
        }
        let (filter, list_index) = (question.choice_filter.as_ref()?, question.list?);
        let list = self.form.list(list_index);
        let context = Context::cell(instance, question.index);
        let evaluator = self.evaluator();
        let on_offer = |code: &str| {
            list.rows_of(code).iter().any(|row| evaluator.row_passes(list_index, *row, &filter.0, context))
        };
        let text = datum_text(datum);
        let fits = match question.question_type {
            QuestionType::SelectOne => on_offer(&text),
            _ => text.split_whitespace().all(on_offer),
        };
        (!fits).then_some(ViolationKind::Choice)
    }

    /// A repeat whose count follows from an answer has exactly that many instances. None is made or cut silently.
    fn check_count(&self, question: &'e Question, instance: u32, id: ExprId, found: &mut Vec<Violation>) {
        let Some(scope) = question.opens else { return };
        let expected = wanted_count(self.evaluator().run_number(id, Context::cell(instance, question.index)));
        let there = self.arena.inside(self.form, instance, scope).len();
        if there as u64 == u64::from(expected) {
            return;
        }
        let Some(path) = question_path(self.form, self.arena, instance, question) else { return };
        let reads = self.reads(Some(id), Context::cell(instance, question.index));
        reads.borrow_mut().push(Read::Instances(scope));
        found.push(Violation {
            kind: ViolationKind::Rule,
            level: Level::Block,
            id: format!("{path} repeat_count"),
            path: Some(path),
            depends_on: self.paths(reads.into_inner()),
            messages: self.messages(
                &Translations::default(),
                Context::cell(instance, question.index),
                &|lang: &str| messages::repeat_count(lang, expected, there),
            ),
        });
    }

    fn violation(
        &self,
        question: &'e Question,
        instance: u32,
        kind: ViolationKind,
        id: Option<ExprId>,
        default: &dyn Fn(&str) -> String,
    ) -> Option<Violation> {
        let path = question_path(self.form, self.arena, instance, question)?;
        let context = Context::cell(instance, question.index);
        let written = match kind {
            ViolationKind::Required => &question.required_messages,
            ViolationKind::Constraint => &question.constraint_messages,
            _ => &Translations(Vec::new()),
        };
        let reads = self.reads(id, context);
        reads.borrow_mut().push(Read::Cell { instance, question: question.index });
        if kind == ViolationKind::Choice
            && let Some(filter) = &question.choice_filter
            && let Some(list) = question.list
        {
            let evaluator = Evaluator { reads: Some(&reads), ..self.evaluator() };
            let text = datum_text(&self.arena.cell(self.form, instance, question.index).datum);
            for row in text.split_whitespace().flat_map(|code| self.form.list(list).rows_of(code)) {
                evaluator.row_passes(list, *row, &filter.0, context);
            }
        }
        Some(Violation {
            kind,
            level: Level::Block,
            id: format!("{path} {}", kind.as_str()),
            depends_on: self.paths(reads.into_inner()),
            messages: self.messages(written, context, default),
            path: Some(path),
        })
    }

    fn rules(&self, found: &mut Vec<Violation>) {
        for rule in &self.form.rules {
            for instance in &self.arena.by_scope[rule.scope.as_usize()] {
                let context = Context::instance(*instance);
                if !self.scope_relevant(rule.scope, *instance)
                    || rule.relevant.is_some_and(|id| !self.evaluator().run_bool(id, context))
                    || self.evaluator().run_bool(rule.expression, context)
                {
                    continue;
                }
                let reads = self.reads(rule.relevant, context);
                let evaluator = Evaluator { reads: Some(&reads), ..self.evaluator() };
                evaluator.run_bool(rule.expression, context);
                let depends_on = self.paths(reads.into_inner());
                // A rule of each member is shown at that member: at the first of its answers that the rule read.
                let prefix = &*self.arena.instance(*instance).prefix;
                let path = depends_on
                    .iter()
                    .find(|path| !prefix.is_empty() && path.instance_prefix() == prefix)
                    .cloned();
                let default = |lang: &str| messages::rule(lang).to_owned();
                found.push(Violation {
                    kind: ViolationKind::Rule,
                    level: rule.level,
                    id: rule.id.to_string(),
                    path,
                    depends_on,
                    messages: self.messages(&rule.messages, context, &default),
                });
            }
        }
    }

    fn scope_relevant(&self, scope: ScopeIndex, instance: u32) -> bool {
        self.form.scope(scope).repeat.is_none_or(|repeat| {
            self.arena.cell(self.form, self.arena.instance(instance).parent, repeat).relevant
        })
    }

    // Messages

    fn messages(
        &self,
        written: &Translations,
        context: Context,
        default: &dyn Fn(&str) -> String,
    ) -> Vec<(String, String)> {
        let in_language = |(language, lang): (usize, &String)| {
            let own = written.0.get(language).filter(|template| !template.raw.is_empty());
            // The form's own words in another language say more than ours in this one.
            let text = own.or_else(|| written.get(language)).map_or_else(
                || default(lang),
                |template| render(&Evaluator { language, ..self.evaluator() }, template, context),
            );
            (lang.clone(), text)
        };
        self.form.languages.iter().enumerate().map(in_language).collect()
    }

    // What a finding rests on

    fn reads(&self, id: Option<ExprId>, context: Context) -> RefCell<Vec<Read>> {
        let reads = RefCell::new(Vec::new());
        if let Some(id) = id {
            Evaluator { reads: Some(&reads), ..self.evaluator() }.run(id, context);
        }
        reads
    }

    /// The stored answers behind what was read: a calculation stands for what it was computed from, and a blank that is
    /// not relevant for what made it so.
    fn paths(&self, mut pending: Vec<Read>) -> Vec<AnswerPath> {
        let mut seen = BTreeSet::new();
        let mut paths = BTreeSet::new();
        while let Some(read) = pending.pop() {
            if !seen.insert(read.clone()) {
                continue;
            }
            match read {
                Read::Cell { instance, question } => {
                    self.behind_cell(instance, question, None, &mut pending, &mut paths);
                }
                Read::Option { instance, question, code } => {
                    self.behind_cell(instance, question, Some(&code), &mut pending, &mut paths);
                }
                Read::Instances(scope) => {
                    let removed = self.arena.removed.iter().filter(|(of, _)| *of == scope);
                    paths.extend(removed.map(|(_, path)| path.clone()));
                }
                Read::Order(scope) => {
                    let instances = &self.arena.by_scope[scope.as_usize()];
                    paths.extend(
                        instances.iter().filter_map(|at| path_of(self.arena, *at, Marker::Order.as_str())),
                    );
                }
            }
        }
        paths.into_iter().collect()
    }

    fn behind_cell(
        &self,
        instance: u32,
        index: QuestionIndex,
        option: Option<&str>,
        pending: &mut Vec<Read>,
        paths: &mut BTreeSet<AnswerPath>,
    ) {
        let question = self.form.question(index);
        let cell = self.arena.cell(self.form, instance, index);
        let context = Context::cell(instance, index);
        if !cell.relevant {
            let mut around = Some((question, instance));
            while let Some((question, instance)) = around {
                pending.extend(
                    self.reads(question.relevant, Context::cell(instance, question.index)).into_inner(),
                );
                around = question.parent.map(|parent| {
                    let parent = self.form.question(parent);
                    let outer =
                        if parent.opens.is_some() { self.arena.instance(instance).parent } else { instance };
                    (parent, outer)
                });
            }
        }
        match question.source {
            Source::Calculated(id) => pending.extend(self.reads(Some(id), context).into_inner()),
            Source::StoredElse(id) => {
                pending.extend(self.reads(Some(id), context).into_inner());
                self.stored_paths(question, instance, option, paths);
            }
            Source::Stored => self.stored_paths(question, instance, option, paths),
        }
    }

    fn stored_paths(
        &self,
        question: &Question,
        instance: u32,
        option: Option<&str>,
        paths: &mut BTreeSet<AnswerPath>,
    ) {
        use QuestionType as T;
        let mut add = |leaf: &str| paths.extend(path_of(self.arena, instance, leaf));
        match question.question_type {
            T::Group | T::Repeat | T::Note => {}
            T::SelectMultiple => {
                add(&format!("{}#", question.key));
                match option {
                    Some(code) => add(&format!("{}#{code}", question.key)),
                    None => {
                        let text = datum_text(&self.arena.cell(self.form, instance, question.index).datum);
                        text.split_whitespace().for_each(|code| add(&format!("{}#{code}", question.key)));
                    }
                }
            }
            _ => add(&question.key),
        }
    }
}

/// A count that is blank or negative is none; a typing error in it does not ask for millions.
pub(crate) fn wanted_count(number: f64) -> u32 {
    if number.is_nan() { 0 } else { number.trunc().clamp(0.0, 10_000.0) as u32 }
}

/// A text with its references filled in.
pub(crate) fn render(evaluator: &Evaluator<'_>, template: &Template, context: Context) -> String {
    if template.segments.is_empty() {
        return template.raw.to_string();
    }
    let texts = template.segments.iter().map(|segment| match segment {
        Segment::Text(text) => std::borrow::Cow::Borrowed(&**text),
        Segment::Value(id) => evaluator.run_text(*id, context),
    });
    evaluator.joined(texts, "")
}
