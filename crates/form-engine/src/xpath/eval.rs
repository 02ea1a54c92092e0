//! Runs resolved expressions over a record's cells. Pure: the visit's instant is the only clock.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use record_model::Visit;
use sha2::Digest;

use crate::arena::{Arena, Datum};
use crate::form::{DocIndex, Form, Itemset, ListIndex, QuestionIndex, QuestionType, ScopeIndex};
use crate::xml::XmlKind;
use crate::xpath::ast::{Axis, Operator};
use crate::xpath::axes::draw;
use crate::xpath::functions::Function;
use crate::xpath::geo;
use crate::xpath::number::{equal, number_text, parse_number, round};
use crate::xpath::program::{
    CellRef, Column, ExprId, Filter, IndexTerm, IndexedRepeat, Node, Origin, Path, PathStart, PathStep,
    Target, Walk,
};
use crate::xpath::resolve::compile_regex;
use crate::xpath::temporal::{self, Temporal};

/// The clock of one evaluation: the visit, at its own offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) now: Temporal,
    pub(crate) offset: i32,
}

impl Clock {
    pub(crate) fn at(visit: Visit) -> Self {
        // An instant of a four-digit year, so that arithmetic on it never overflows.
        let unix_ms = visit.at.unix_ms().clamp(-62_135_000_000_000, 253_402_000_000_000);
        let offset = i32::from(visit.utc_offset_minutes).clamp(-18 * 60, 18 * 60);
        Self { now: Temporal::DateTime { unix_ms, offset_minutes: offset }, offset }
    }

    pub(crate) fn today(self) -> Temporal {
        self.now.to_date(self.offset)
    }
}

/// A place that a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NodeRef {
    /// `/`
    Root,
    Cell {
        instance: u32,
        question: QuestionIndex,
    },
    /// The text in a question's element.
    Text {
        instance: u32,
        question: QuestionIndex,
    },
    Instance(u32),
    /// `instance('list')`
    List(ListIndex),
    /// `instance('list')/root`
    ListRoot(ListIndex),
    Item {
        list: ListIndex,
        row: u32,
    },
    Field {
        list: ListIndex,
        row: u32,
        column: Column,
    },
    Xml {
        doc: DocIndex,
        node: u32,
    },
}

/// What an expression is seen from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// The instance of the question the expression belongs to.
    pub(crate) instance: u32,
    /// `current()`
    pub(crate) current: NodeRef,
    /// `.`
    pub(crate) dot: NodeRef,
    /// `position()` and `last()` inside a predicate.
    pub(crate) position: u32,
    pub(crate) size: u32,
}

impl Context {
    pub(crate) fn cell(instance: u32, question: QuestionIndex) -> Self {
        Self::new(instance, NodeRef::Cell { instance, question })
    }

    pub(crate) fn instance(instance: u32) -> Self {
        Self::new(instance, NodeRef::Instance(instance))
    }

    /// A node of a document that is not a form.
    pub(crate) fn document(node: NodeRef) -> Self {
        Self::new(0, node)
    }

    fn new(instance: u32, dot: NodeRef) -> Self {
        Self { instance, current: dot, dot, position: 1, size: 1 }
    }

    pub(crate) fn at(self, dot: NodeRef, position: u32, size: u32) -> Self {
        Self { dot, position, size, ..self }
    }
}

/// A value under way.
#[derive(Clone)]
pub(crate) enum Val<'e> {
    Bool(bool),
    Number(f64),
    Text(Cow<'e, str>),
    Time(Temporal),
    /// What `date()` makes of a text that is none: a text to a reader, blank as an answer.
    NoDate,
    /// One cell's value: a text to comparisons, whatever it is stored as.
    Cell(&'e Datum),
    Nodes(Vec<NodeRef>),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    Cell {
        instance: u32,
        question: QuestionIndex,
    },
    /// Whether one option of a select_multiple is ticked.
    Option {
        instance: u32,
        question: QuestionIndex,
        code: Box<str>,
    },
    /// Which instances a repeat has.
    Instances(ScopeIndex),
    /// In which order they stand.
    Order(ScopeIndex),
}

const BLANK: &Datum = &Datum::Blank;

/// Bytes of a calculated text.
pub(crate) const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Bytes of a text under way, and of a label with its values in it.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Nodes that one evaluator may look at: `//*` inside a predicate of `//*` grows with every level.
const MAX_NODES_SEEN: u64 = 5_000_000;

/// Texts inside texts: a label may show another text, whose values may show a third.
const MAX_TEXT_DEPTH: u8 = 8;

/// Nodes gathered before those that were reached twice are sorted out.
const FIRST_SORT: usize = 1 << 16;

/// What one evaluator may still do.
pub(crate) struct Budget {
    nodes: Cell<u64>,
    depth: Cell<u8>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: Cell::new(MAX_NODES_SEEN), depth: Cell::new(0) }
    }
}

/// Runs expressions over one arena. Beyond its budget paths lead nowhere and texts are empty, and it says so to `fault`.
pub(crate) struct Evaluator<'e> {
    pub(crate) form: &'e Form,
    pub(crate) arena: &'e Arena,
    pub(crate) clock: Clock,
    pub(crate) language: usize,
    /// Where to note what is read, when somebody wants to know.
    pub(crate) reads: Option<&'e RefCell<Vec<Read>>>,
    /// What `uuid()` gives, and what `random()` is drawn from: randomness is the caller's.
    pub(crate) uuid: &'e str,
    /// Where to say that an expression cannot be evaluated, when somebody wants to know.
    pub(crate) fault: Option<&'e RefCell<Option<String>>>,
    pub(crate) budget: Budget,
}

impl<'e> Evaluator<'e> {
    pub(crate) fn run(&self, id: ExprId, context: Context) -> Val<'e> {
        self.value(&self.form.program(id).root, context)
    }

    pub(crate) fn run_bool(&self, id: ExprId, context: Context) -> bool {
        self.bool(&self.form.program(id).root, context)
    }

    pub(crate) fn run_text(&self, id: ExprId, context: Context) -> Cow<'e, str> {
        self.text(&self.form.program(id).root, context)
    }

    pub(crate) fn run_number(&self, id: ExprId, context: Context) -> f64 {
        self.number(&self.form.program(id).root, context)
    }

    fn fail(&self, why: impl FnOnce() -> String) {
        if let Some(fault) = self.fault {
            fault.borrow_mut().get_or_insert_with(why);
        }
    }

    /// True if so many more nodes may be looked at.
    pub(crate) fn may_see(&self, nodes: usize) -> bool {
        let left = self.budget.nodes.get().checked_sub(nodes as u64);
        self.budget.nodes.set(left.unwrap_or(0));
        if left.is_none() {
            self.fail(|| format!("an expression that looks at more than {MAX_NODES_SEEN} nodes"));
        }
        left.is_some()
    }

    /// What a text inside a text comes to.
    fn nested(&self, text: impl FnOnce() -> Cow<'e, str>) -> Cow<'e, str> {
        let depth = self.budget.depth.get();
        if depth >= MAX_TEXT_DEPTH || !self.may_see(1) {
            self.fail(|| "texts that show each other".to_owned());
            return Cow::Borrowed("");
        }
        self.budget.depth.set(depth + 1);
        let text = text();
        self.budget.depth.set(depth);
        text
    }

    /// The texts in one; empty when that is too long.
    pub(crate) fn joined<'t>(&self, texts: impl Iterator<Item = Cow<'t, str>>, between: &str) -> String {
        let mut whole = String::new();
        for (at, text) in texts.enumerate() {
            let between = if at > 0 { between } else { "" };
            if whole.len() + between.len() + text.len() > MAX_TEXT_BYTES || !self.may_see(1 + text.len() / 64)
            {
                self.fail(|| format!("a text of more than {MAX_TEXT_BYTES} bytes"));
                return String::new();
            }
            whole.push_str(between);
            whole.push_str(&text);
        }
        whole
    }

    fn note(&self, read: impl FnOnce() -> Read) {
        if let Some(reads) = self.reads {
            reads.borrow_mut().push(read());
        }
    }

    // Values

    fn value(&self, node: &'e Node, context: Context) -> Val<'e> {
        match node {
            Node::Number(number) => Val::Number(*number),
            Node::Text(text) => Val::Text(Cow::Borrowed(text)),
            Node::Cell(cell) => Val::Cell(self.cell(*cell, context)),
            Node::Dot => match context.dot {
                NodeRef::Cell { instance, question } if !self.is_container(question) => {
                    Val::Cell(self.datum(instance, question))
                }
                dot => Val::Nodes(vec![dot]),
            },
            Node::Column(column) => Val::Text(self.column(*column, context)),
            Node::Nodes(_) | Node::Union(_) => Val::Nodes(self.nodes(node, context)),
            Node::Or(_) | Node::And(_) | Node::Matches(..) | Node::HasToken(..) => {
                Val::Bool(self.bool(node, context))
            }
            Node::Binary(operator, sides) => match operator {
                Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Modulo => Val::Number(self.number(node, context)),
                _ => Val::Bool(self.compare(*operator, &sides.0, &sides.1, context)),
            },
            Node::Negate(_) => Val::Number(self.number(node, context)),
            Node::Call(function, args) => self.call(*function, args, context),
            Node::ChoiceName(value, question) => {
                Val::Text(self.nested(|| self.choice_name(value, *question, context)))
            }
            Node::IndexedRepeat(indexed) => {
                let instance = self.indexed_instance(indexed, context);
                Val::Cell(instance.map_or(BLANK, |instance| self.datum(instance, indexed.question)))
            }
            Node::IndexedRepeatOf(args) => Val::Nodes(self.indexed_repeat_of(args, context)),
            Node::Itext(id) => {
                let id = self.text(id, context);
                let found = self.form.itext.get(&*id).and_then(|texts| texts.get(self.language));
                Val::Text(found.map_or(Cow::Borrowed(""), |template| {
                    // Such a text is found by its id, from anywhere: what it shows is named from the root.
                    self.nested(|| Cow::Owned(crate::evaluate::render(self, template, Context::instance(0))))
                }))
            }
            Node::Unknown(name) => {
                self.fail(|| format!("the function {name}() is not known"));
                Val::Text(Cow::Borrowed(""))
            }
            Node::Lookup { list, column, key_column, key } => {
                let key = self.text(key, context);
                let data = self.form.list(*list);
                let is_meant = |row: &u32| data.value(*row, *key_column, self.language) == key;
                let row = match data.rows_with(*key_column, &key) {
                    Some(rows) => rows.first().copied(),
                    None if self.may_see(data.len()) => (0..data.len() as u32).find(is_meant),
                    None => None,
                };
                Val::Text(
                    row.map_or(Cow::Borrowed(""), |row| {
                        Cow::Borrowed(data.value(row, *column, self.language))
                    }),
                )
            }
        }
    }

    fn bool(&self, node: &'e Node, context: Context) -> bool {
        match node {
            Node::Or(terms) => terms.iter().any(|term| self.bool(term, context)),
            Node::And(terms) => terms.iter().all(|term| self.bool(term, context)),
            Node::Binary(
                operator @ (Operator::Equal
                | Operator::NotEqual
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual),
                sides,
            ) => self.compare(*operator, &sides.0, &sides.1, context),
            Node::Matches(value, regex) => regex.is_match(&self.text(value, context)),
            Node::HasToken(value, code) => self.has_token(value, code, context),
            Node::Call(Function::Not, args) => !self.bool(&args[0], context),
            Node::Call(Function::True, _) => true,
            Node::Call(Function::False, _) => false,
            _ => self.bool_of(&self.value(node, context)),
        }
    }

    fn number(&self, node: &'e Node, context: Context) -> f64 {
        match node {
            Node::Number(number) => *number,
            Node::Cell(cell) => self.datum_number(self.cell(*cell, context)),
            Node::Negate(inner) => -self.number(inner, context),
            Node::Binary(
                operator @ (Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Modulo),
                sides,
            ) => {
                let left = self.number(&sides.0, context);
                let right = self.number(&sides.1, context);
                match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    Operator::Divide => left / right,
                    _ => left % right,
                }
            }
            _ => self.number_of(&self.value(node, context)),
        }
    }

    pub(crate) fn text(&self, node: &'e Node, context: Context) -> Cow<'e, str> {
        match node {
            Node::Text(text) => Cow::Borrowed(text),
            Node::Cell(cell) => datum_text(self.cell(*cell, context)),
            _ => self.text_of(self.value(node, context)),
        }
    }

    // Coercions

    pub(crate) fn bool_of(&self, value: &Val<'e>) -> bool {
        match value {
            Val::Bool(flag) => *flag,
            Val::Number(number) => *number != 0.0 && !number.is_nan(),
            Val::Text(text) => !text.is_empty(),
            Val::Time(_) => true,
            Val::NoDate => false,
            Val::Cell(datum) => datum_bool(datum),
            // As JavaRosa unpacks it: the first node's value.
            Val::Nodes(nodes) => match nodes.as_slice() {
                [] => false,
                [NodeRef::Cell { instance, question }] => {
                    self.is_container(*question) || datum_bool(self.datum(*instance, *question))
                }
                [single @ NodeRef::Field { .. }] => !self.node_text(*single).is_empty(),
                _ => true,
            },
        }
    }

    pub(crate) fn number_of(&self, value: &Val<'e>) -> f64 {
        match value {
            Val::Bool(flag) => f64::from(u8::from(*flag)),
            Val::Number(number) => *number,
            Val::Text(text) => parse_number(text, self.clock.offset),
            Val::Time(instant) => instant.days(self.clock.offset),
            Val::NoDate => f64::NAN,
            Val::Cell(datum) => self.datum_number(datum),
            Val::Nodes(nodes) => nodes.first().map_or(f64::NAN, |node| self.node_number(*node)),
        }
    }

    pub(crate) fn text_of(&self, value: Val<'e>) -> Cow<'e, str> {
        match value {
            Val::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Val::Number(number) => Cow::Owned(number_text(number)),
            Val::Text(text) => text,
            Val::Time(instant) => Cow::Owned(instant.text()),
            Val::NoDate => Cow::Borrowed("Invalid Date"),
            Val::Cell(datum) => datum_text(datum),
            Val::Nodes(nodes) => nodes.first().map_or(Cow::Borrowed(""), |node| self.node_text(*node)),
        }
    }

    /// A value as a cell holds it. A text longer than any answer is none: calculations that double each other would fill
    /// the memory.
    pub(crate) fn datum_of(&self, value: Val<'e>) -> Datum {
        match self.any_datum_of(value) {
            Datum::Text(text) if text.len() > MAX_VALUE_BYTES => Datum::Blank,
            datum => datum,
        }
    }

    fn any_datum_of(&self, value: Val<'e>) -> Datum {
        match value {
            Val::Bool(flag) => Datum::Bool(flag),
            Val::Number(number) if number.is_nan() => Datum::Blank,
            Val::NoDate => Datum::Blank,
            Val::Number(number) => Datum::Number(number),
            Val::Cell(datum) => datum.clone(),
            Val::Nodes(nodes) => match nodes.first() {
                Some(NodeRef::Cell { instance, question }) => self.datum(*instance, *question).clone(),
                Some(node) => text_datum(self.node_text(*node)),
                None => Datum::Blank,
            },
            other => text_datum(self.text_of(other)),
        }
    }

    fn datum_number(&self, datum: &Datum) -> f64 {
        match datum {
            Datum::Blank => f64::NAN,
            Datum::Bool(flag) => f64::from(u8::from(*flag)),
            Datum::Int(number) => *number as f64,
            Datum::Number(number) => *number,
            Datum::Text(text) => parse_number(text, self.clock.offset),
        }
    }

    /// The string-value.
    pub(crate) fn node_text(&self, node: NodeRef) -> Cow<'e, str> {
        match node {
            NodeRef::Cell { instance, question } | NodeRef::Text { instance, question } => {
                if self.is_container(question) {
                    self.text_inside(node)
                } else {
                    datum_text(self.datum(instance, question))
                }
            }
            NodeRef::Root | NodeRef::Instance(_) | NodeRef::List(_) | NodeRef::ListRoot(_) => {
                self.text_inside(node)
            }
            NodeRef::Item { list, row } => Cow::Borrowed(self.form.list(list).code(row)),
            NodeRef::Field { list, row, column } => {
                Cow::Borrowed(self.form.list(list).value(row, column, self.language))
            }
            NodeRef::Xml { doc, node } => {
                let doc = self.form.doc(doc);
                let inside = doc.node(node).end.saturating_sub(node) as usize;
                if self.may_see(inside / 8) { doc.text(node) } else { Cow::Borrowed("") }
            }
        }
    }

    fn text_inside(&self, node: NodeRef) -> Cow<'e, str> {
        Cow::Owned(self.joined(self.children(node).into_iter().map(|child| self.node_text(child)), ""))
    }

    fn is_container(&self, question: QuestionIndex) -> bool {
        matches!(self.form.question(question).question_type, QuestionType::Group | QuestionType::Repeat)
    }

    fn node_number(&self, node: NodeRef) -> f64 {
        match node {
            NodeRef::Cell { instance, question } if !self.is_container(question) => {
                self.datum_number(self.datum(instance, question))
            }
            other => parse_number(&self.node_text(other), self.clock.offset),
        }
    }

    // Places

    /// The value there; blank when it is not relevant.
    fn datum(&self, instance: u32, question: QuestionIndex) -> &'e Datum {
        self.note(|| Read::Cell { instance, question });
        let cell = self.arena.cell(self.form, instance, question);
        if cell.relevant { &cell.datum } else { BLANK }
    }

    fn origin(&self, origin: Origin, context: Context) -> u32 {
        match (origin, context.dot) {
            (Origin::Dot, NodeRef::Cell { instance, .. } | NodeRef::Instance(instance)) => instance,
            _ => context.instance,
        }
    }

    fn cell(&self, cell: CellRef, context: Context) -> &'e Datum {
        let instance = self.arena.up(self.origin(cell.origin, context), cell.up);
        self.datum(instance, cell.question)
    }

    fn column(&self, column: Column, context: Context) -> Cow<'e, str> {
        match context.dot {
            NodeRef::Item { list, row } => {
                Cow::Borrowed(self.form.list(list).value(row, column, self.language))
            }
            _ => Cow::Borrowed(""),
        }
    }

    pub(crate) fn nodes(&self, node: &'e Node, context: Context) -> Vec<NodeRef> {
        match node {
            Node::Cell(cell) => {
                let instance = self.arena.up(self.origin(cell.origin, context), cell.up);
                vec![NodeRef::Cell { instance, question: cell.question }]
            }
            Node::Dot => vec![context.dot],
            Node::Column(column) => match context.dot {
                NodeRef::Item { list, row } => vec![NodeRef::Field { list, row, column: *column }],
                _ => Vec::new(),
            },
            Node::Nodes(path) => self.path(path, context),
            Node::Union(sides) => {
                let mut nodes = self.nodes(&sides.0, context);
                nodes.extend(self.nodes(&sides.1, context));
                self.sort(&mut nodes);
                nodes
            }
            Node::IndexedRepeat(indexed) => self
                .indexed_instance(indexed, context)
                .map(|instance| NodeRef::Cell { instance, question: indexed.question })
                .into_iter()
                .collect(),
            Node::IndexedRepeatOf(args) => self.indexed_repeat_of(args, context),
            Node::Call(Function::Id, args) => self.with_id(&args[0], context),
            Node::Call(Function::Randomize, args) => self.randomize(args, context),
            Node::Call(Function::If, args) => {
                let branch = if self.bool(&args[0], context) { 1 } else { 2 };
                self.nodes(&args[branch], context)
            }
            _ => {
                self.fail(|| "a value stands where nodes are needed".to_owned());
                Vec::new()
            }
        }
    }

    fn path(&self, path: &'e Path, context: Context) -> Vec<NodeRef> {
        let mut steps = path.steps.iter();
        let mut nodes = Vec::new();
        match &path.start {
            PathStart::Walk(origin, walk) => self.walk(walk, self.origin(*origin, context), &mut nodes),
            PathStart::Items(list) => match path.steps.first() {
                // The first filter may know the rows without looking at each.
                Some(PathStep::Filter(filter)) => {
                    steps.next();
                    nodes = self.filter_list(*list, filter, context);
                }
                _ => {
                    let rows = 0..self.form.list(*list).len() as u32;
                    nodes.extend(rows.map(|row| NodeRef::Item { list: *list, row }));
                }
            },
            PathStart::Root => nodes.push(match context.current {
                NodeRef::Xml { doc, .. } => NodeRef::Xml { doc, node: self.form.doc(doc).root },
                _ => NodeRef::Root,
            }),
            PathStart::Dot => nodes.push(context.dot),
            PathStart::Current => nodes.push(context.current),
            PathStart::List(list) => nodes.push(NodeRef::List(*list)),
            // The instance's own element.
            PathStart::Document(doc) => nodes.push(NodeRef::Xml { doc: *doc, node: 1 }),
            PathStart::Instance(id) => nodes.extend(self.instance_named(id, context)),
            PathStart::Expr(node) => {
                nodes = self.nodes(node, context);
                self.sort(&mut nodes);
            }
        }
        for step in steps {
            nodes = self.step(step, nodes, context);
        }
        nodes
    }

    /// `instance('id')` of a document that happens to be a form.
    fn instance_named(&self, id: &str, context: Context) -> Option<NodeRef> {
        let NodeRef::Xml { doc, .. } = context.current else { return None };
        let xml = self.form.doc(doc);
        if !self.may_see(xml.nodes.len()) {
            return None;
        }
        let is_named = |at: u32| {
            xml.node(at).kind == XmlKind::Element
                && xml.node(at).local() == "instance"
                && xml.attributes(at).any(|a| &*xml.node(a).name == "id" && &*xml.node(a).value == id)
        };
        (0..xml.nodes.len() as u32).find(|at| is_named(*at)).map(|node| NodeRef::Xml { doc, node })
    }

    fn step(&self, step: &'e PathStep, nodes: Vec<NodeRef>, context: Context) -> Vec<NodeRef> {
        match step {
            PathStep::Filter(filter) => self.filter(&filter.test, nodes, context),
            PathStep::Walk(walk) => {
                let mut reached = Vec::with_capacity(nodes.len());
                for node in nodes {
                    if let NodeRef::Cell { instance, .. } | NodeRef::Instance(instance) = node {
                        let from = reached.len();
                        self.walk(walk, instance, &mut reached);
                        // Several nodes may share a parent.
                        if reached.len() == from + 1 && from > 0 && reached[from - 1] == reached[from] {
                            reached.pop();
                        }
                    }
                }
                reached
            }
            PathStep::Column(column) => nodes
                .into_iter()
                .filter_map(|node| match node {
                    NodeRef::Item { list, row } => Some(NodeRef::Field { list, row, column: *column }),
                    _ => None,
                })
                .collect(),
            PathStep::FilterAll(test) => {
                let size = nodes.len() as u32;
                let keeps =
                    |(at, node): &(usize, NodeRef)| self.keeps(test, context.at(*node, *at as u32 + 1, size));
                nodes.into_iter().enumerate().filter(keeps).map(|(_, node)| node).collect()
            }
            PathStep::Axis { axis, test, predicates } => {
                let several = nodes.len() > 1;
                let mut reached = Vec::new();
                let mut next_sort = FIRST_SORT;
                for node in nodes {
                    let mut found = self.axis(node, *axis);
                    found.retain(|node| self.fits(*node, test, *axis));
                    for predicate in predicates {
                        let size = found.len() as u32;
                        let mut position = 0;
                        found.retain(|node| {
                            position += 1;
                            self.keeps(predicate, context.at(*node, position, size))
                        });
                    }
                    reached.extend(found);
                    if several && reached.len() > next_sort {
                        self.sort(&mut reached);
                        next_sort = FIRST_SORT.max(reached.len() * 2);
                    }
                }
                if several || axis.is_reverse() {
                    self.sort(&mut reached);
                }
                reached
            }
        }
    }

    /// Up, then down through every instance that is relevant.
    fn walk(&self, walk: &Walk, from: u32, reached: &mut Vec<NodeRef>) {
        let instance = self.arena.up(from, walk.up);
        self.descend(&walk.down, walk.target, instance, reached);
    }

    fn descend(&self, down: &[ScopeIndex], target: Target, instance: u32, reached: &mut Vec<NodeRef>) {
        let Some((scope, deeper)) = down.split_first() else {
            reached.push(match target {
                Target::Question(question) => NodeRef::Cell { instance, question },
                Target::Instance => NodeRef::Instance(instance),
            });
            return;
        };
        self.note(|| Read::Instances(*scope));
        if let Some(repeat) = self.form.scope(*scope).repeat
            && !self.arena.cell(self.form, instance, repeat).relevant
        {
            self.note(|| Read::Cell { instance, question: repeat });
            return;
        }
        let instances = self.arena.inside(self.form, instance, *scope);
        if !self.may_see(instances.len()) {
            return;
        }
        for inner in instances {
            match target {
                // A question that is not asked there is not there.
                Target::Question(question)
                    if deeper.is_empty() && !self.arena.cell(self.form, *inner, question).relevant =>
                {
                    self.note(|| Read::Cell { instance: *inner, question });
                }
                _ => self.descend(deeper, target, *inner, reached),
            }
        }
    }

    /// Positions count among the nodes that share a parent.
    fn filter(&self, test: &'e Node, nodes: Vec<NodeRef>, context: Context) -> Vec<NodeRef> {
        let parent = |node: &NodeRef| match node {
            NodeRef::Instance(instance) => Some(self.arena.instance(*instance).parent),
            NodeRef::Cell { instance, .. } => Some(*instance),
            _ => None,
        };
        let mut kept = Vec::new();
        let mut from = 0;
        while from < nodes.len() {
            let family = parent(&nodes[from]);
            let to = nodes[from..]
                .iter()
                .position(|node| parent(node) != family)
                .map_or(nodes.len(), |n| from + n);
            let size = (to - from) as u32;
            for (index, node) in nodes[from..to].iter().enumerate() {
                if self.keeps(test, context.at(*node, index as u32 + 1, size)) {
                    kept.push(*node);
                }
            }
            from = to;
        }
        kept
    }

    fn keeps(&self, test: &'e Node, context: Context) -> bool {
        if !self.may_see(1) {
            return false;
        }
        match self.value(test, context) {
            Val::Number(number) => {
                if let NodeRef::Instance(_) = context.dot {
                    self.note_order(context.dot);
                }
                equal(number, f64::from(context.position))
            }
            other => self.bool_of(&other),
        }
    }

    pub(crate) fn note_cell(&self, instance: u32, question: QuestionIndex) {
        self.note(|| Read::Cell { instance, question });
    }

    pub(crate) fn note_instances(&self, scope: ScopeIndex) {
        self.note(|| Read::Instances(scope));
    }

    fn note_order(&self, node: NodeRef) {
        if let NodeRef::Instance(instance) = node {
            let scope = self.arena.instance(instance).scope;
            self.note(|| Read::Order(scope));
        }
    }

    // Lists

    pub(crate) fn filter_list(&self, list: ListIndex, filter: &'e Filter, context: Context) -> Vec<NodeRef> {
        let data = self.form.list(list);
        let size = data.len() as u32;
        let keep = |row: u32| {
            let node = NodeRef::Item { list, row };
            self.keeps(&filter.test, context.at(node, row + 1, size)).then_some(node)
        };
        match self.indexed_rows(list, filter, context) {
            Some(rows) => rows.iter().filter_map(|row| keep(*row)).collect(),
            None => (0..size).filter_map(keep).collect(),
        }
    }

    /// The only rows that can pass, when terms of the filter are comparisons with a text: those of the term with the fewest.
    fn indexed_rows(&self, list: ListIndex, filter: &'e Filter, context: Context) -> Option<&'e [u32]> {
        let found = filter.terms.iter().filter_map(|index| self.rows_of_term(list, filter, index, context));
        found.min_by_key(|rows| rows.len())
    }

    fn rows_of_term(
        &self,
        list: ListIndex,
        filter: &'e Filter,
        index: &IndexTerm,
        context: Context,
    ) -> Option<&'e [u32]> {
        let term = match &filter.test {
            Node::And(terms) => terms.get(index.term)?,
            single => single,
        };
        let Node::Binary(Operator::Equal, sides) = term else { return None };
        let value = self.value(if index.value_on_left { &sides.0 } else { &sides.1 }, context);
        // Numbers, dates and truth values compare by other rules than equal texts.
        match value {
            Val::Text(text) => self.form.list(list).rows_with(index.column, &text),
            Val::Cell(datum) => self.form.list(list).rows_with(index.column, &datum_text(datum)),
            _ => None,
        }
    }

    /// True if a row of a list passes a filter.
    pub(crate) fn row_passes(&self, list: ListIndex, row: u32, filter: &'e Filter, context: Context) -> bool {
        let size = self.form.list(list).len() as u32;
        self.keeps(&filter.test, context.at(NodeRef::Item { list, row }, row + 1, size))
    }

    /// A select's options on offer: code and label.
    pub(crate) fn options(
        &self,
        question: QuestionIndex,
        context: Context,
    ) -> Vec<(Cow<'e, str>, Cow<'e, str>)> {
        let asked = self.form.question(question);
        if let Some(itemset) = &asked.itemset {
            let places = self.itemset_places(itemset, context).into_iter();
            return places.map(|at| (self.text(&itemset.value, at), self.text(&itemset.label, at))).collect();
        }
        let Some(list) = asked.list else { return Vec::new() };
        let data = self.form.list(list);
        let option = |row: u32| (Cow::Borrowed(data.code(row)), self.choice_label(list, row, context));
        match &asked.choice_filter {
            None => (0..data.len() as u32).map(option).collect(),
            Some(filter) => self
                .filter_list(list, &filter.0, context)
                .into_iter()
                .filter_map(|node| match node {
                    NodeRef::Item { row, .. } => Some(option(row)),
                    _ => None,
                })
                .collect(),
        }
    }

    /// Where each option of an itemset stands.
    pub(crate) fn itemset_places(&self, itemset: &'e Itemset, context: Context) -> Vec<Context> {
        let nodes = self.nodes(&self.form.program(itemset.nodes).root, context);
        let size = nodes.len() as u32;
        nodes.into_iter().enumerate().map(|(at, node)| context.at(node, at as u32 + 1, size)).collect()
    }

    /// A choice's label, with the answers it shows as they are around this place.
    pub(crate) fn choice_label(&self, list: ListIndex, row: u32, context: Context) -> Cow<'e, str> {
        let data = self.form.list(list);
        let as_written = || Cow::Borrowed(data.label(row, self.language));
        let Some((scope, texts)) = data.live_label(row) else { return as_written() };
        let Some(template) = texts.get(self.language) else { return as_written() };
        let mut instance = context.instance;
        while self.arena.instance(instance).scope != scope {
            if self.arena.instance(instance).scope == ScopeIndex::ROOT {
                return as_written();
            }
            instance = self.arena.instance(instance).parent;
        }
        self.nested(|| Cow::Owned(crate::evaluate::render(self, template, Context::instance(instance))))
    }

    fn choice_name(&self, value: &'e Node, question: QuestionIndex, context: Context) -> Cow<'e, str> {
        let code = self.text(value, context);
        let asked = self.form.question(question);
        if let Some(list) = asked.list {
            let data = self.form.list(list);
            let row = data.rows_of(&code).first();
            return row.map_or(Cow::Borrowed(""), |row| self.choice_label(list, *row, context));
        }
        let Some(itemset) = &asked.itemset else { return Cow::Borrowed("") };
        let at_question = Context { instance: context.instance, ..context };
        let nodes = self.nodes(&self.form.program(itemset.nodes).root, at_question);
        let chosen =
            nodes.into_iter().find(|node| self.text(&itemset.value, context.at(*node, 1, 1)) == code);
        chosen.map_or(Cow::Borrowed(""), |node| self.text(&itemset.label, context.at(node, 1, 1)))
    }

    /// Keeps, repeat by repeat, what is inside the instance of that number.
    fn indexed_repeat_of(&self, args: &'e [Node], context: Context) -> Vec<NodeRef> {
        let mut nodes = self.nodes(&args[0], context);
        let mut around: Option<NodeRef> = None;
        for pair in args[1..].chunks_exact(2) {
            let mut repeats = self.nodes(&pair[0], context);
            self.sort(&mut repeats);
            if let Some(around) = around {
                repeats.retain(|repeat| self.is_inside(*repeat, around));
            }
            let wanted = self.number(&pair[1], context);
            let chosen = if wanted >= 1.0 { repeats.get(wanted as usize - 1).copied() } else { None };
            let Some(chosen) = chosen else { return Vec::new() };
            nodes.retain(|node| self.is_inside(*node, chosen));
            around = Some(chosen);
        }
        nodes
    }

    fn is_inside(&self, node: NodeRef, around: NodeRef) -> bool {
        let mut at = Some(node);
        while let Some(node) = at {
            if node == around {
                return true;
            }
            at = self.parent(node);
        }
        false
    }

    fn indexed_instance(&self, indexed: &'e IndexedRepeat, context: Context) -> Option<u32> {
        let mut instance = self.arena.up(context.instance, indexed.up);
        for (scope, index) in &indexed.down {
            self.note(|| Read::Instances(*scope));
            self.note(|| Read::Order(*scope));
            let wanted = index.as_ref().map_or(1.0, |index| self.number(index, context));
            let instances = self.arena.inside(self.form, instance, *scope);
            let found = (wanted >= 1.0 && wanted <= instances.len() as f64)
                .then(|| instances.get(wanted as usize - 1))
                .flatten();
            instance = *found?;
        }
        Some(instance)
    }

    fn has_token(&self, value: &'e Node, code: &str, context: Context) -> bool {
        let has = |text: &str| text == code || text.split_whitespace().any(|token| token == code);
        match value {
            Node::Cell(cell) => {
                let instance = self.arena.up(self.origin(cell.origin, context), cell.up);
                let question = cell.question;
                self.note(|| Read::Option { instance, question, code: code.into() });
                let cell = self.arena.cell(self.form, instance, question);
                match &cell.datum {
                    _ if !cell.relevant => code.is_empty(),
                    Datum::Text(text) => has(text),
                    other => has(&datum_text(other)),
                }
            }
            _ => has(&self.text(value, context)),
        }
    }

    // Comparison

    fn compare(&self, operator: Operator, left: &'e Node, right: &'e Node, context: Context) -> bool {
        // What most conditions ask: is this answer that code?
        if let (Node::Cell(cell), Node::Text(code)) = (left, right)
            && matches!(operator, Operator::Equal | Operator::NotEqual)
        {
            let is_equal = datum_is(self.cell(*cell, context), code);
            return is_equal == (operator == Operator::Equal);
        }
        let left = self.value(left, context);
        let right = self.value(right, context);
        self.compare_values(operator, &left, &right)
    }

    /// A set of nodes fits if any of its nodes does.
    fn compare_values(&self, operator: Operator, left: &Val<'e>, right: &Val<'e>) -> bool {
        if !self.may_see(1) {
            return false;
        }
        match (left, right) {
            (Val::Nodes(_), Val::Bool(_)) | (Val::Bool(_), Val::Nodes(_))
                if matches!(operator, Operator::Equal | Operator::NotEqual) =>
            {
                self.compare_single(operator, &Val::Bool(self.bool_of(left)), &Val::Bool(self.bool_of(right)))
            }
            (Val::Nodes(nodes), other) => {
                nodes.iter().any(|node| self.compare_values(operator, &self.single(*node), other))
            }
            (other, Val::Nodes(nodes)) => {
                nodes.iter().any(|node| self.compare_values(operator, other, &self.single(*node)))
            }
            (left, right) => self.compare_single(operator, left, right),
        }
    }

    fn single(&self, node: NodeRef) -> Val<'e> {
        match node {
            NodeRef::Cell { instance, question } if !self.is_container(question) => {
                Val::Cell(self.datum(instance, question))
            }
            other => Val::Text(self.node_text(other)),
        }
    }

    fn compare_single(&self, operator: Operator, left: &Val<'e>, right: &Val<'e>) -> bool {
        match operator {
            Operator::Equal => self.is_equal(left, right),
            Operator::NotEqual => !self.is_equal(left, right),
            _ => {
                let (left, right) = (self.number_of(left), self.number_of(right));
                match operator {
                    Operator::Less => left < right,
                    Operator::LessOrEqual => left <= right || equal(left, right),
                    Operator::Greater => left > right,
                    _ => left >= right || equal(left, right),
                }
            }
        }
    }

    fn is_equal(&self, left: &Val<'e>, right: &Val<'e>) -> bool {
        match (left, right) {
            (Val::Bool(_), _) | (_, Val::Bool(_)) => self.bool_of(left) == self.bool_of(right),
            (Val::NoDate, Val::Text(text)) | (Val::Text(text), Val::NoDate) => text.is_empty(),
            (Val::Number(_) | Val::Time(_) | Val::NoDate, _)
            | (_, Val::Number(_) | Val::Time(_) | Val::NoDate) => {
                equal(self.number_of(left), self.number_of(right))
            }
            (Val::Cell(datum), Val::Text(text)) | (Val::Text(text), Val::Cell(datum)) => {
                datum_is(datum, text)
            }
            _ => self.text_of(left.clone()) == self.text_of(right.clone()),
        }
    }

    // Functions

    fn call(&self, function: Function, args: &'e [Node], context: Context) -> Val<'e> {
        use Function as F;
        let number = |at: usize| args.get(at).map_or(f64::NAN, |arg| self.number(arg, context));
        let text = |at: usize| args.get(at).map_or(Cow::Borrowed(""), |arg| self.text(arg, context));
        // Functions without their argument are about the node at hand.
        let own_text = || if args.is_empty() { self.node_text(context.dot) } else { text(0) };
        match function {
            F::True => Val::Bool(true),
            F::False => Val::Bool(false),
            F::Not => Val::Bool(!self.bool(&args[0], context)),
            F::Boolean => Val::Bool(self.bool(&args[0], context)),
            F::BooleanFromString => Val::Bool(matches!(&*text(0), "true" | "1")),
            F::If => {
                let branch = if self.bool(&args[0], context) { 1 } else { 2 };
                self.value(&args[branch], context)
            }
            F::Coalesce => self.coalesce(args, context),
            F::Once => self.once(&args[0], context),

            F::Number if args.is_empty() => Val::Number(self.node_number(context.dot)),
            F::Number => Val::Number(number(0)),
            F::Sin => Val::Number(number(0).sin()),
            F::Cos => Val::Number(number(0).cos()),
            F::Tan => Val::Number(number(0).tan()),
            F::Asin => Val::Number(number(0).asin()),
            F::Acos => Val::Number(number(0).acos()),
            F::Atan => Val::Number(number(0).atan()),
            F::Atan2 => Val::Number(number(0).atan2(number(1))),
            F::Exp => Val::Number(number(0).exp()),
            F::Exp10 => Val::Number(power(10.0, number(0))),
            F::Log => Val::Number(number(0).ln()),
            F::Log10 => Val::Number(number(0).log10()),
            F::Pi => Val::Number(std::f64::consts::PI),
            F::Random => Val::Number(draw(self.uuid)),
            F::Int => Val::Number(number(0).trunc() + 0.0),
            F::Abs => Val::Number(number(0).abs()),
            F::Ceiling => Val::Number(number(0).ceil() + 0.0),
            F::Floor => Val::Number(number(0).floor() + 0.0),
            F::Round => Val::Number(round(
                self.number_with_comma(&args[0], context),
                if args.len() > 1 { number(1) } else { 0.0 },
            )),
            F::Pow => Val::Number(power(number(0), number(1))),
            F::Sqrt => Val::Number(number(0).sqrt()),
            F::Sum => Val::Number(self.sum(&args[0], context)),
            F::Max => Val::Number(self.extreme(args, context, f64::max)),
            F::Min => Val::Number(self.extreme(args, context, f64::min)),
            F::Count => Val::Number(self.count(&args[0], context, |_| true)),
            F::CountNonEmpty => {
                Val::Number(self.count(&args[0], context, |node| !self.node_text(node).is_empty()))
            }
            F::CountSelected => Val::Number(text(0).split_whitespace().count() as f64),
            F::Position => Val::Number(self.position(args.first(), context)),
            F::Last => Val::Number(f64::from(context.size)),

            F::String => Val::Text(own_text()),
            F::Concat => Val::Text(Cow::Owned(self.joined(self.texts(args, context).into_iter(), ""))),
            F::Join => {
                let texts = self.texts(&args[1..], context);
                Val::Text(Cow::Owned(self.joined(texts.into_iter(), &text(0))))
            }
            F::Contains => Val::Bool(text(0).contains(&*text(1))),
            F::StartsWith => Val::Bool(text(0).starts_with(&*text(1))),
            F::EndsWith => Val::Bool(text(0).ends_with(&*text(1))),
            F::StringLength => Val::Number(own_text().encode_utf16().count() as f64),
            F::Substr => {
                let end = if args.len() > 2 { number(2) } else { f64::INFINITY };
                Val::Text(Cow::Owned(substr(&text(0), number(1), end)))
            }
            F::Substring => {
                let len = if args.len() > 2 { number(2) } else { f64::INFINITY };
                Val::Text(Cow::Owned(substring(&text(0), number(1), len)))
            }
            F::SubstringBefore => {
                let (whole, mark) = (text(0), text(1));
                Val::Text(Cow::Owned(whole.split_once(&*mark).map_or("", |(before, _)| before).to_owned()))
            }
            F::SubstringAfter => {
                let (whole, mark) = (text(0), text(1));
                Val::Text(Cow::Owned(whole.split_once(&*mark).map_or("", |(_, after)| after).to_owned()))
            }
            F::NormalizeSpace => Val::Text(Cow::Owned(normalise_space(&own_text()))),
            F::Translate => Val::Text(Cow::Owned(translate(&text(0), &text(1), &text(2)))),
            F::Selected => {
                let (value, code) = (text(0), text(1));
                let code = code.trim();
                Val::Bool(&*value == code || value.split_whitespace().any(|token| token == code))
            }
            F::SelectedAt => {
                let (value, at) = (text(0), number(1));
                let token = (at >= 0.0).then(|| value.split_whitespace().nth(at as usize)).flatten();
                Val::Text(Cow::Owned(token.unwrap_or_default().to_owned()))
            }
            F::Regex => {
                let pattern = text(1);
                Val::Bool(compile_regex(&pattern).is_ok_and(|regex| regex.is_match(&text(0))))
            }
            F::Uuid if args.is_empty() => Val::Text(Cow::Borrowed(self.uuid)),
            F::Uuid => Val::Text(Cow::Owned(identifier(self.uuid, number(0)))),

            F::Today => Val::Time(self.clock.today()),
            F::Now => Val::Time(self.clock.now),
            F::Date | F::DateTime => match self.time(&args[0], context) {
                Some(instant) => Val::Time(instant.shown_at(self.clock.offset)),
                None => match self.value(&args[0], context) {
                    Val::Bool(_) => {
                        self.fail(|| "a date of a truth value".to_owned());
                        Val::NoDate
                    }
                    other => {
                        let blank = self.text_of(other).is_empty();
                        if blank { Val::Text(Cow::Borrowed("")) } else { Val::NoDate }
                    }
                },
            },
            F::DecimalDateTime => Val::Number(match self.time(&args[0], context) {
                Some(instant) => instant.days(self.clock.offset),
                None => {
                    self.fail(|| "a number of days of what is no date".to_owned());
                    f64::NAN
                }
            }),
            F::DecimalTime => Val::Number(self.decimal_time(&text(0))),
            F::FormatDate => Val::Text(self.time(&args[0], context).map_or(Cow::Borrowed(""), |instant| {
                let lang = self.form.languages.get(self.language).map_or("", String::as_str);
                Cow::Owned(temporal::format(instant, &text(1), lang))
            })),
            F::Digest => Val::Text(Cow::Owned(digest(&text(0), &text(1), &text(2)))),
            F::Base64Decode => Val::Text(Cow::Owned(base64_decode(&text(0)))),
            F::Checklist => Val::Bool(self.checklist(args, context, false)),
            F::WeightedChecklist => Val::Bool(self.checklist(args, context, true)),
            F::Distance => Val::Number(geo::distance(&self.texts(args, context))),
            F::Area => Val::Number(geo::area(&self.texts(args, context))),
            F::Geofence => Val::Bool(geo::is_within(&text(0), &text(1)).unwrap_or_else(|| {
                self.fail(|| "a point or shape that is none".to_owned());
                false
            })),
            F::Intersects => Val::Bool(geo::intersects(&text(0))),
            F::Id | F::Randomize => Val::Nodes(if function == F::Id {
                self.with_id(&args[0], context)
            } else {
                self.randomize(args, context)
            }),
            F::Lang => Val::Bool(self.is_in_language(&text(0), context.dot)),
            F::LocalName | F::Name | F::NamespaceUri => {
                let node = match args.first() {
                    None => Some(context.dot),
                    Some(arg) => {
                        let mut nodes = self.nodes(arg, context);
                        self.sort(&mut nodes);
                        nodes.first().copied()
                    }
                };
                let name = node.map(|node| self.name(node)).unwrap_or_default();
                Val::Text(match function {
                    F::Name => Cow::Borrowed(name.qualified),
                    F::LocalName => Cow::Borrowed(name.local()),
                    _ => Cow::Borrowed(name.uri),
                })
            }
            // Resolved into nodes of their own.
            F::Pulldata | F::Itext => Val::Text(Cow::Borrowed("")),
        }
    }

    /// A text may have a comma for its point: JavaRosa's `round()` takes it.
    fn number_with_comma(&self, arg: &'e Node, context: Context) -> f64 {
        let value = self.value(arg, context);
        let number = self.number_of(&value);
        if !number.is_nan() || !matches!(value, Val::Text(_) | Val::Cell(_)) {
            return number;
        }
        let text = self.text_of(value);
        let mut parts = text.split(',');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(whole), Some(fraction), None) => {
                parse_number(&format!("{whole}.{fraction}"), self.clock.offset)
            }
            _ => f64::NAN,
        }
    }

    /// What stands there already, else the value.
    fn once(&self, arg: &'e Node, context: Context) -> Val<'e> {
        let own = self.node_text(context.dot);
        if !own.is_empty() {
            return Val::Text(own);
        }
        match self.value(arg, context) {
            Val::Number(number) if number.is_nan() => Val::Text(Cow::Borrowed("")),
            value => value,
        }
    }

    /// From a number to a number of what follows holds; weighted, each counts as much as the number behind it.
    fn checklist(&self, args: &'e [Node], context: Context, weighted: bool) -> bool {
        let (least, most) = (self.number(&args[0], context), self.number(&args[1], context));
        let mut sum = 0.0;
        for pair in args[2..].chunks(if weighted { 2 } else { 1 }) {
            let weight = pair.get(1).map_or(1.0, |weight| self.number(weight, context));
            match self.node_args(&pair[0], context) {
                // A set of nodes is as many items; its weights are a set as large.
                Some(nodes) if nodes.len() != 1 => {
                    let weights = pair.get(1).and_then(|weights| self.node_args(weights, context));
                    for (at, node) in nodes.into_iter().enumerate() {
                        let weight = weights
                            .as_ref()
                            .map_or(weight, |w| w.get(at).map_or(0.0, |weight| self.node_number(*weight)));
                        if matches!(&*self.node_text(node), "true" | "1") {
                            sum += weight;
                        }
                    }
                }
                // One node counts when it is answered.
                Some(nodes) => {
                    let answered = nodes.iter().all(|node| !self.node_text(*node).is_empty());
                    sum += if answered { weight } else { 0.0 };
                }
                None if self.bool(&pair[0], context) => sum += weight,
                _ => {}
            }
        }
        (least < 0.0 || sum >= least) && (most < 0.0 || sum <= most)
    }

    fn coalesce(&self, args: &'e [Node], context: Context) -> Val<'e> {
        let mut last = Val::Text(Cow::Borrowed(""));
        for arg in args {
            last = self.value(arg, context);
            let blank = match &last {
                Val::Number(number) => number.is_nan(),
                Val::Cell(datum) => datum.is_blank(),
                Val::Text(text) => text.is_empty(),
                Val::Nodes(_) => self.text_of(last.clone()).is_empty(),
                Val::Bool(_) | Val::Time(_) => false,
                Val::NoDate => true,
            };
            if !blank {
                break;
            }
        }
        last
    }

    /// The nodes an argument stands for; none when it is a plain value.
    pub(crate) fn node_args(&self, arg: &'e Node, context: Context) -> Option<Vec<NodeRef>> {
        matches!(
            arg,
            Node::Cell(_)
                | Node::Dot
                | Node::Nodes(_)
                | Node::Union(_)
                | Node::Column(_)
                | Node::IndexedRepeatOf(_)
                | Node::Call(Function::Id | Function::Randomize, _)
        )
        .then(|| self.nodes(arg, context))
    }

    fn texts(&self, args: &'e [Node], context: Context) -> Vec<Cow<'e, str>> {
        let mut texts = Vec::with_capacity(args.len());
        for arg in args {
            match self.node_args(arg, context) {
                Some(nodes) => texts.extend(nodes.into_iter().map(|node| self.node_text(node))),
                None => texts.push(self.text(arg, context)),
            }
        }
        texts
    }

    /// Blanks do not count, as in JavaRosa: a roster always has some.
    fn sum(&self, arg: &'e Node, context: Context) -> f64 {
        match self.node_args(arg, context) {
            Some(nodes) => nodes
                .into_iter()
                .filter(|node| !self.node_text(*node).is_empty())
                .map(|node| self.node_number(node))
                // Not `sum`: that begins at -0, and -0 is another value than 0 when hashed.
                .fold(0.0, |sum, number| sum + number),
            None => self.number(arg, context),
        }
    }

    /// NaN as soon as one is blank or no number, and when there is none.
    fn extreme(&self, args: &'e [Node], context: Context, pick: fn(f64, f64) -> f64) -> f64 {
        let mut found: Option<f64> = None;
        let mut take = |number: f64| {
            found = Some(match found {
                None => number,
                Some(so_far) if so_far.is_nan() || number.is_nan() => f64::NAN,
                Some(so_far) => pick(so_far, number),
            });
        };
        for arg in args {
            match self.node_args(arg, context) {
                Some(nodes) => nodes.into_iter().for_each(|node| take(self.node_number(node))),
                None => take(self.number(arg, context)),
            }
        }
        found.unwrap_or(f64::NAN)
    }

    fn count(&self, arg: &'e Node, context: Context, counts: impl Fn(NodeRef) -> bool) -> f64 {
        let is_there = |node: &NodeRef| match node {
            NodeRef::Cell { instance, question } => {
                self.note(|| Read::Cell { instance: *instance, question: *question });
                self.arena.cell(self.form, *instance, *question).relevant
            }
            _ => true,
        };
        self.nodes(arg, context).into_iter().filter(|node| is_there(node) && counts(*node)).count() as f64
    }

    fn position(&self, arg: Option<&'e Node>, context: Context) -> f64 {
        let Some(arg) = arg else {
            self.note_order(context.dot);
            return f64::from(context.position);
        };
        match self.nodes(arg, context).first() {
            None => f64::NAN,
            Some(NodeRef::Instance(instance)) => {
                let scope = self.arena.instance(*instance).scope;
                self.note(|| Read::Instances(scope));
                self.note(|| Read::Order(scope));
                f64::from(self.arena.instance(*instance).position)
            }
            Some(NodeRef::Item { row, .. } | NodeRef::Field { row, .. }) => f64::from(*row) + 1.0,
            Some(node @ NodeRef::Xml { .. }) => {
                // Among those of its name, as if it were an instance of a repeat.
                let before = self.axis(*node, Axis::PrecedingSibling);
                let name = self.name(*node);
                before.into_iter().filter(|other| self.name(*other) == name).count() as f64 + 1.0
            }
            Some(_) => 1.0,
        }
    }

    fn time(&self, arg: &'e Node, context: Context) -> Option<Temporal> {
        let days = |days: f64| Temporal::from_days(days, self.clock.offset);
        match self.value(arg, context) {
            Val::Time(instant) => Some(instant),
            Val::Number(number) => days(number),
            Val::Cell(Datum::Number(number)) => days(*number),
            Val::Cell(Datum::Int(number)) => days(*number as f64),
            Val::Bool(_) => None,
            other => {
                let text = self.text_of(other);
                // What was calculated is text by now; a person's number is no date.
                let plain = || text.trim().parse().ok().filter(|days| *days >= 0.0).and_then(days);
                Temporal::parse(&text, self.clock.offset).or_else(plain)
            }
        }
    }

    /// The fraction of the local day that a time of day stands at.
    fn decimal_time(&self, text: &str) -> f64 {
        let Some((ms, offset)) = temporal::parse_time(text.trim()) else { return f64::NAN };
        let shift = offset.map_or(0, |offset| i64::from(self.clock.offset - offset) * 60_000);
        (ms + shift).rem_euclid(86_400_000) as f64 / 86_400_000.0
    }
}

fn datum_bool(datum: &Datum) -> bool {
    match datum {
        Datum::Blank => false,
        Datum::Bool(flag) => *flag,
        Datum::Int(number) => *number != 0,
        Datum::Number(number) => *number != 0.0,
        Datum::Text(text) => !text.is_empty(),
    }
}

/// A cell's value as text.
pub(crate) fn datum_text(datum: &Datum) -> Cow<'_, str> {
    match datum {
        Datum::Blank => Cow::Borrowed(""),
        Datum::Bool(true) => Cow::Borrowed("true"),
        Datum::Bool(false) => Cow::Borrowed("false"),
        Datum::Int(number) => Cow::Owned(number.to_string()),
        Datum::Number(number) => Cow::Owned(number_text(*number)),
        Datum::Text(text) => Cow::Borrowed(text),
    }
}

fn datum_is(datum: &Datum, text: &str) -> bool {
    match datum {
        Datum::Text(value) => &**value == text,
        other => datum_text(other) == text,
    }
}

fn text_datum(text: Cow<'_, str>) -> Datum {
    if text.is_empty() { Datum::Blank } else { Datum::Text(text.into()) }
}

/// Whole exponents by multiplication, so that every machine agrees to the last bit.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || exponent.fract() != 0.0 || exponent.abs() > 1024.0 {
        return base.powf(exponent);
    }
    let product = (0..exponent.abs() as u32).fold(1.0, |product, _| product * base);
    if exponent < 0.0 { 1.0 / product } else { product }
}

/// From and to, counted from 0; negative counts from the end.
fn substr(text: &str, from: f64, to: f64) -> String {
    let chars: Vec<char> = text.chars().collect();
    let len = chars.len() as f64;
    let at = |index: f64| {
        let index = if index.is_nan() { 0.0 } else { index.trunc() };
        (if index < 0.0 { len + index } else { index }).clamp(0.0, len) as usize
    };
    let (from, to) = (at(from), at(to));
    if from < to { chars[from..to].iter().collect() } else { String::new() }
}

/// XPath 1.0's: counted from 1, both ends rounded.
fn substring(text: &str, from: f64, len: f64) -> String {
    let round = |number: f64| (number + 0.5).floor();
    let from = round(from);
    let to = from + round(len);
    text.chars()
        .enumerate()
        .filter(|(index, _)| {
            let position = *index as f64 + 1.0;
            position >= from && position < to
        })
        .map(|(_, c)| c)
        .collect()
}

fn translate(text: &str, from: &str, to: &str) -> String {
    let mut to = to.chars();
    let mut becomes: HashMap<char, Option<char>> = HashMap::new();
    for c in from.chars() {
        // A character that is named twice becomes what stands at its first place.
        let other = to.next();
        becomes.entry(c).or_insert(other);
    }
    text.chars().filter_map(|c| becomes.get(&c).copied().unwrap_or(Some(c))).collect()
}

/// `digest(text, algorithm, encoding)`; base64 unless the encoding says otherwise. Empty for an algorithm nobody knows.
fn digest(text: &str, algorithm: &str, encoding: &str) -> String {
    let bytes = text.as_bytes();
    let hash: Vec<u8> = match algorithm.to_uppercase().as_str() {
        "MD5" => md5::Md5::digest(bytes).to_vec(),
        "SHA-1" => sha1::Sha1::digest(bytes).to_vec(),
        "SHA-256" => sha2::Sha256::digest(bytes).to_vec(),
        "SHA-384" => sha2::Sha384::digest(bytes).to_vec(),
        "SHA-512" => sha2::Sha512::digest(bytes).to_vec(),
        _ => return String::new(),
    };
    if encoding.eq_ignore_ascii_case("hex") {
        data_encoding::HEXLOWER.encode(&hash)
    } else {
        data_encoding::BASE64.encode(&hash)
    }
}

/// The text that base64 stands for; empty when it is none.
fn base64_decode(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
    let bytes = data_encoding::BASE64_NOPAD.decode(text.as_bytes()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// XML's blanks only, as XPath 1.0 has it.
fn normalise_space(text: &str) -> String {
    text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// So many letters and digits that follow from the caller's randomness; at most 1,000.
fn identifier(uuid: &str, length: f64) -> String {
    let wanted = if length.is_nan() { 0 } else { length.clamp(0.0, 1_000.0) as usize };
    let mut text = String::with_capacity(wanted + 52);
    for block in 0_u32.. {
        if text.len() >= wanted {
            break;
        }
        let hash = sha2::Sha256::digest(format!("{uuid} {block}").as_bytes());
        text.push_str(&data_encoding::BASE32_NOPAD.encode(&hash));
    }
    text.truncate(wanted);
    text
}
