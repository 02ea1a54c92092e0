//! Names to places: after this, an expression holds no name that is still to be looked up.

use std::collections::{BTreeSet, HashMap, HashSet};

use regex::{Regex, RegexBuilder};

use crate::diagnostics::{Trouble, quoted};
use crate::form::{ListIndex, Question, QuestionIndex, QuestionType, Scope, ScopeIndex};
use crate::list::ChoiceList;
use crate::xpath::ast::{Expr, Operator, Path as AstPath, Start, Step, StepKind};
use crate::xpath::functions::{self, Function};
use crate::xpath::lexer::fault;
use crate::xpath::parser;
use crate::xpath::program::{
    CellRef, Column, Filter, IndexTerm, IndexedRepeat, Node, Origin, Path, PathStart, PathStep, Program,
    Target, Walk,
};

/// How large a compiled pattern may grow.
pub(crate) const MAX_REGEX_BYTES: usize = 1 << 20;

/// All that names may mean in one form.
pub(crate) struct Names<'f> {
    pub(crate) questions: &'f [Question],
    pub(crate) by_name: &'f HashMap<Box<str>, QuestionIndex>,
    /// Group names used more than once: they may be written, not referred to.
    pub(crate) ambiguous: &'f HashSet<Box<str>>,
    pub(crate) scopes: &'f [Scope],
    pub(crate) lists: &'f [ChoiceList],
    pub(crate) list_names: &'f HashMap<String, ListIndex>,
}

/// What an expression belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A question: `.` is its value, `..` what is around it.
    Question(QuestionIndex),
    /// An instance of a repeat, or the record.
    Instance(ScopeIndex),
}

/// What the cell that holds the expression allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allows {
    /// `uuid()`: in defaults only, where the caller brings the randomness.
    pub(crate) uuid: bool,
    /// `once()`, around the whole expression.
    pub(crate) once: bool,
}

/// A resolved expression, with what the form's writer should hear about it.
pub(crate) struct Resolved {
    pub(crate) program: Program,
    pub(crate) warnings: Vec<Trouble>,
    /// Columns that comparisons look up.
    pub(crate) indexes: Vec<(ListIndex, Column)>,
    /// True if `.` of the subject is read.
    pub(crate) reads_itself: bool,
}

/// The kind of node at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    Question(QuestionIndex),
    Instance(ScopeIndex),
    /// `instance('x')`
    List(ListIndex),
    /// `instance('x')/root`
    ListRoot(ListIndex),
    Item(ListIndex),
    Field,
}

pub(crate) fn expression(
    names: &Names<'_>,
    text: &str,
    subject: Subject,
    allows: Allows,
) -> Result<Resolved, Trouble> {
    let tree = parser::parse(text)?;
    let mut resolver = Resolver::new(names, text, subject, allows);
    let root = resolver.root(&tree)?;
    Ok(resolver.finish(root))
}

/// A `choice_filter`: bare names are columns of the list.
pub(crate) fn choice_filter(
    names: &Names<'_>,
    text: &str,
    question: QuestionIndex,
    list: ListIndex,
) -> Result<(Filter, Resolved), Trouble> {
    let tree = parser::parse(text)?;
    let mut resolver = Resolver::new(names, text, Subject::Question(question), Allows::default());
    resolver.dot = Place::Item(list);
    resolver.in_predicate = true;
    let test = resolver.node(&tree)?;
    let filter = resolver.filter(test, Place::Item(list));
    let resolved = resolver.finish(Node::Number(0.0));
    Ok((filter, resolved))
}

struct Resolver<'n, 'f> {
    names: &'n Names<'f>,
    text: &'n str,
    subject: Subject,
    allows: Allows,
    dot: Place,
    in_predicate: bool,
    dependencies: BTreeSet<QuestionIndex>,
    warnings: Vec<Trouble>,
    indexes: Vec<(ListIndex, Column)>,
    reads_itself: bool,
}

/// A walk under construction.
struct Stroll {
    origin: Origin,
    up: u8,
    down: Vec<ScopeIndex>,
    at: Place,
    /// True when steps were taken that no walk holds yet.
    pending: bool,
}

impl<'n, 'f> Resolver<'n, 'f> {
    fn new(names: &'n Names<'f>, text: &'n str, subject: Subject, allows: Allows) -> Self {
        let dot = match subject {
            Subject::Question(question) => Place::Question(question),
            Subject::Instance(scope) => Place::Instance(scope),
        };
        Self {
            names,
            text,
            subject,
            allows,
            dot,
            in_predicate: false,
            dependencies: BTreeSet::new(),
            warnings: Vec::new(),
            indexes: Vec::new(),
            reads_itself: false,
        }
    }

    fn finish(self, root: Node) -> Resolved {
        let program = Program { root, dependencies: self.dependencies.into_iter().collect() };
        Resolved { program, warnings: self.warnings, indexes: self.indexes, reads_itself: self.reads_itself }
    }

    fn question(&self, index: QuestionIndex) -> &'f Question {
        &self.names.questions[index.as_usize()]
    }

    fn scope(&self, index: ScopeIndex) -> &'f Scope {
        &self.names.scopes[index.as_usize()]
    }

    fn subject_scope(&self) -> ScopeIndex {
        match self.subject {
            Subject::Question(question) => self.question(question).scope,
            Subject::Instance(scope) => scope,
        }
    }

    fn fault(&self, at: usize, found: impl Into<String>, expected: impl Into<String>) -> Trouble {
        fault(self.text, at, found, expected)
    }

    /// `once()` may only stand around all the rest.
    fn root(&mut self, tree: &Expr) -> Result<Node, Trouble> {
        match tree {
            Expr::Call { name, args, .. } if name == "once" && self.allows.once && args.len() == 1 => {
                self.allows.once = false;
                Ok(Node::Call(Function::Once, Box::new([self.node(&args[0])?])))
            }
            _ => self.node(tree),
        }
    }

    fn node(&mut self, tree: &Expr) -> Result<Node, Trouble> {
        Ok(match tree {
            Expr::Number(number) => Node::Number(*number),
            Expr::Text(text) => Node::Text(text.as_str().into()),
            Expr::Or(terms) => Node::Or(self.all(terms)?),
            Expr::And(terms) => Node::And(self.all(terms)?),
            Expr::Binary(operator, left, right) => {
                Node::Binary(*operator, Box::new((self.node(left)?, self.node(right)?)))
            }
            Expr::Negate(inner) => Node::Negate(Box::new(self.node(inner)?)),
            Expr::Union(left, right) => Node::Union(Box::new((self.node_set(left)?, self.node_set(right)?))),
            Expr::Path(path) => self.path(path)?,
            Expr::Call { name, args, at } => self.call(name, args, *at)?,
        })
    }

    fn all(&mut self, terms: &[Expr]) -> Result<Box<[Node]>, Trouble> {
        terms.iter().map(|term| self.node(term)).collect()
    }

    fn node_set(&mut self, tree: &Expr) -> Result<Node, Trouble> {
        let node = self.node(tree)?;
        if is_node_set(&node) {
            return Ok(node);
        }
        let at = if let Expr::Path(path) = tree { path.at } else { 0 };
        Err(self.fault(at, "a value", "a reference such as ${question} or ${repeat}"))
    }

    // Names

    fn find(&self, name: &str, at: usize) -> Result<QuestionIndex, Trouble> {
        if let Some(rest) = name.strip_prefix("last-saved#") {
            return Err(self
                .fault(at, quoted(&format!("${{last-saved#{rest}}}")), "a question of this form")
                .fix("last-saved n'est pas pris en charge.", "last-saved is not supported."));
        }
        if self.names.ambiguous.contains(name) {
            return Err(self.fault(
                at,
                format!("\"${{{name}}}\", a name used more than once"),
                "a name used once",
            ));
        }
        self.names.by_name.get(name).copied().ok_or_else(|| {
            let nearest = self
                .names
                .by_name
                .keys()
                .map(|known| (functions::distance(name, known), known))
                .min()
                .filter(|(distance, known)| *distance <= 1 + known.len() / 5)
                .map(|(_, known)| known);
            let mut trouble = Trouble::new(
                "unknown-reference",
                format!("\"${{{name}}}\""),
                "the name of a question, group or repeat of this form",
            );
            if let Some(known) = nearest {
                trouble = trouble.fix(
                    format!("Vouliez-vous écrire ${{{known}}} ?"),
                    format!("Did you mean ${{{known}}}?"),
                );
            }
            trouble
        })
    }

    /// `${name}` seen from the subject: the same instance where they share one, else every instance.
    fn reference(&mut self, name: &str, at: usize) -> Result<Stroll, Trouble> {
        let index = self.find(name, at)?;
        self.dependencies.insert(index);
        let target = self.question(index);
        let (place, to) = match target.opens {
            Some(opens) => (Place::Instance(opens), opens),
            None => (Place::Question(index), target.scope),
        };
        // All instances of a repeat are siblings, even seen from inside one of them.
        let meet_below = if target.opens.is_some() { self.scope(to).parent } else { to };
        let from = self.subject_scope();
        let common = self.common(from, meet_below);
        let up = self.scope(from).depth - self.scope(common).depth;
        let down = self.between(common, to);
        if self.in_predicate
            && !down.is_empty()
            && matches!(self.dot, Place::Question(_) | Place::Instance(_))
        {
            self.warnings.push(
                Trouble::new(
                    "reference-in-predicate",
                    format!("\"${{{name}}}\" inside [ ], which means every instance"),
                    format!("the bare name {name} for the instance at hand"),
                )
                .fix(
                    format!("Entre crochets, écrivez {name} sans ${{}}."),
                    format!("Inside [ ], write {name} without ${{}}."),
                ),
            );
        }
        Ok(Stroll { origin: Origin::Current, up, down, at: place, pending: true })
    }

    fn common(&self, a: ScopeIndex, b: ScopeIndex) -> ScopeIndex {
        let (mut a, mut b) = (a, b);
        while a != b {
            if self.scope(a).depth >= self.scope(b).depth {
                a = self.scope(a).parent;
            } else {
                b = self.scope(b).parent;
            }
        }
        a
    }

    /// Scopes from below `above` down to `to`.
    fn between(&self, above: ScopeIndex, to: ScopeIndex) -> Vec<ScopeIndex> {
        let mut down = Vec::new();
        let mut scope = to;
        while scope != above {
            down.push(scope);
            scope = self.scope(scope).parent;
        }
        down.reverse();
        down
    }

    // Paths

    fn path(&mut self, path: &AstPath) -> Result<Node, Trouble> {
        let mut steps = Vec::new();
        let mut start = None;
        let mut stroll = match &path.start {
            Start::Reference(name) => self.reference(name, path.at)?,
            Start::Context => self.dot_stroll(),
            Start::Root => {
                let from = self.subject_scope();
                Stroll {
                    origin: Origin::Current,
                    up: self.scope(from).depth,
                    down: vec![],
                    at: Place::Document,
                    pending: true,
                }
            }
            Start::Expr(inner) => self.special_start(inner, path.at)?,
        };
        if path.start == Start::Context
            && let [Step { kind: StepKind::Own, predicates, .. }] = path.steps.as_slice()
            && predicates.is_empty()
        {
            self.note_read(stroll.at);
            return Ok(Node::Dot);
        }
        self.apply_predicates(&path.predicates, &mut stroll, &mut start, &mut steps, path.at)?;
        for step in &path.steps {
            self.step(step, &mut stroll, &mut start, &mut steps)?;
            self.apply_predicates(&step.predicates, &mut stroll, &mut start, &mut steps, step.at)?;
        }
        self.end_path(stroll, start, steps, path.at)
    }

    fn dot_stroll(&self) -> Stroll {
        // Outside predicates the node at hand is the subject itself.
        let origin = if self.in_predicate { Origin::Dot } else { Origin::Current };
        Stroll { origin, up: 0, down: vec![], at: self.dot, pending: !matches!(self.dot, Place::Item(_)) }
    }

    /// `current()` and `instance('list')`.
    fn special_start(&mut self, inner: &Expr, at: usize) -> Result<Stroll, Trouble> {
        let stroll = |at, pending| Stroll { origin: Origin::Current, up: 0, down: vec![], at, pending };
        match inner {
            Expr::Call { name, args, .. } if name == "current" && args.is_empty() => {
                let place = match self.subject {
                    Subject::Question(question) => Place::Question(question),
                    Subject::Instance(scope) => Place::Instance(scope),
                };
                Ok(stroll(place, true))
            }
            Expr::Call { name, args, at } if name == "instance" => {
                let [Expr::Text(list)] = args.as_slice() else {
                    return Err(self.fault(*at, "instance() without a name in quotes", "instance('list')"));
                };
                Ok(stroll(Place::List(self.find_list(list, *at)?), true))
            }
            Expr::Path(path) => match self.path(path)? {
                Node::Cell(CellRef { origin, up, question }) => {
                    Ok(Stroll { origin, up, down: vec![], at: Place::Question(question), pending: true })
                }
                _ => Err(self.fault(at, "parentheses around a path", "the path without parentheses")),
            },
            _ => {
                Err(self.fault(at, "a path behind a value", "a path behind ${name}, current() or instance()"))
            }
        }
    }

    fn find_list(&self, name: &str, at: usize) -> Result<ListIndex, Trouble> {
        let key = name.trim();
        self.names
            .list_names
            .get(key)
            .or_else(|| self.names.list_names.get(&crate::workbook::csv_key(key)))
            .copied()
            .ok_or_else(|| {
                self.fault(at, format!("the list {}", quoted(name)), "a choice list or an attached CSV file")
                    .fix(
                        "Ajoutez la liste ou joignez le fichier CSV.",
                        "Add the list or attach the CSV file.",
                    )
            })
    }

    /// A read of the subject itself must be known, and so must what a step leads to.
    fn note_read(&mut self, place: Place) {
        match place {
            Place::Question(question) => {
                if !self.in_predicate && self.subject == Subject::Question(question) {
                    self.reads_itself = true;
                }
                self.dependencies.insert(question);
            }
            Place::Instance(scope) => {
                if let Some(repeat) = self.scope(scope).repeat
                    && self.subject_scope() != scope
                {
                    self.dependencies.insert(repeat);
                }
            }
            _ => {}
        }
    }

    fn step(
        &mut self,
        step: &Step,
        stroll: &mut Stroll,
        start: &mut Option<PathStart>,
        steps: &mut Vec<PathStep>,
    ) -> Result<(), Trouble> {
        match (&step.kind, stroll.at) {
            (StepKind::Own, _) => Ok(()),
            (StepKind::Parent, Place::Question(question)) => {
                let question = self.question(question);
                stroll.pending = true;
                stroll.at = match question.parent {
                    Some(parent) if self.question(parent).opens.is_none() => Place::Question(parent),
                    _ => Place::Instance(question.scope),
                };
                Ok(())
            }
            (StepKind::Parent, Place::Instance(scope)) if scope != ScopeIndex::ROOT => {
                let around = self.scope(scope);
                if stroll.down.pop().is_none() {
                    stroll.up += 1;
                }
                stroll.pending = true;
                let repeat_parent = around.repeat.and_then(|repeat| self.question(repeat).parent);
                stroll.at = match repeat_parent {
                    Some(parent) if self.question(parent).opens.is_none() => Place::Question(parent),
                    _ => Place::Instance(around.parent),
                };
                Ok(())
            }
            (StepKind::Child(_), Place::Document) => {
                stroll.at = Place::Instance(ScopeIndex::ROOT);
                Ok(())
            }
            (StepKind::Child(name), Place::Question(_) | Place::Instance(_)) => {
                self.child(name, step.at, stroll)
            }
            (StepKind::Child(name), Place::List(list)) if name == "root" => {
                stroll.at = Place::ListRoot(list);
                Ok(())
            }
            (StepKind::Child(name), Place::ListRoot(list)) if name == "item" => {
                stroll.at = Place::Item(list);
                stroll.pending = false;
                *start = Some(PathStart::Items(list));
                Ok(())
            }
            (StepKind::Child(name), Place::Item(list)) => {
                steps.push(PathStep::Column(self.column(name, list, step.at)?));
                stroll.at = Place::Field;
                Ok(())
            }
            (kind, _) => Err(self.fault(
                step.at,
                match kind {
                    StepKind::Parent => "a step \"..\" that leads out of the form".to_owned(),
                    StepKind::AnyChild => "a step \"*\"".to_owned(),
                    StepKind::Child(name) => format!("a step {}", quoted(name)),
                    StepKind::Own => "a step \".\"".to_owned(),
                },
                "a step to a question, or instance('list')/root/item/column",
            )),
        }
    }

    fn child(&mut self, name: &str, at: usize, stroll: &mut Stroll) -> Result<(), Trouble> {
        let parent = match stroll.at {
            Place::Question(question) => Some(question),
            Place::Instance(scope) => self.scope(scope).repeat,
            _ => None,
        };
        let found = self
            .names
            .by_name
            .get(name)
            .copied()
            .filter(|index| self.question(*index).parent == parent)
            .or_else(|| {
                self.names.questions.iter().find(|q| q.parent == parent && &*q.name == name).map(|q| q.index)
            });
        let Some(index) = found else {
            return Err(self
                .fault(at, format!("a step to {}", quoted(name)), "the name of a question directly inside")
                .fix(format!("Utilisez ${{{name}}}."), format!("Use ${{{name}}}.")));
        };
        let question = self.question(index);
        stroll.pending = true;
        match question.opens {
            Some(opens) => {
                stroll.down.push(opens);
                stroll.at = Place::Instance(opens);
            }
            None => stroll.at = Place::Question(index),
        }
        Ok(())
    }

    fn column(&self, name: &str, list: ListIndex, at: usize) -> Result<Column, Trouble> {
        let data = &self.names.lists[list.as_usize()];
        data.find_column(name).ok_or_else(|| {
            let mut columns: Vec<&str> = data.column_names().collect();
            columns.extend(["name", "label"]);
            Trouble::new(
                "unknown-column",
                format!("{} at character {}", quoted(name), at + 1),
                format!("a column of the list \"{}\": {}", data.name(), columns.join(", ")),
            )
            .fix(
                "Écrivez ${nom} pour une question, ou ajoutez la colonne.",
                "Write ${name} for a question, or add the column.",
            )
        })
    }

    fn apply_predicates(
        &mut self,
        predicates: &[Expr],
        stroll: &mut Stroll,
        start: &mut Option<PathStart>,
        steps: &mut Vec<PathStep>,
        at: usize,
    ) -> Result<(), Trouble> {
        for predicate in predicates {
            self.settle(stroll, start, steps, at)?;
            let place = stroll.at;
            let (dot, in_predicate) = (self.dot, self.in_predicate);
            self.dot = place;
            self.in_predicate = true;
            let test = self.node(predicate);
            self.dot = dot;
            self.in_predicate = in_predicate;
            let filter = self.filter(test?, place);
            steps.push(PathStep::Filter(filter));
        }
        Ok(())
    }

    /// Turns what was walked so far into a step, so that a filter or the end can follow it.
    fn settle(
        &mut self,
        stroll: &mut Stroll,
        start: &mut Option<PathStart>,
        steps: &mut Vec<PathStep>,
        at: usize,
    ) -> Result<(), Trouble> {
        if !stroll.pending {
            return Ok(());
        }
        let target = match stroll.at {
            Place::Question(question) => Target::Question(question),
            Place::Instance(_) => Target::Instance,
            _ => {
                return Err(self.fault(at, "a path that ends too early", "a path to a question, or to item"));
            }
        };
        self.note_read(stroll.at);
        // What follows walks from each node reached.
        let up = std::mem::take(&mut stroll.up);
        let down = std::mem::take(&mut stroll.down).into();
        stroll.pending = false;
        let walk = Walk { up, down, target };
        match start {
            None => *start = Some(PathStart::Walk(stroll.origin, walk)),
            Some(_) => steps.push(PathStep::Walk(walk)),
        }
        Ok(())
    }

    fn end_path(
        &mut self,
        mut stroll: Stroll,
        mut start: Option<PathStart>,
        mut steps: Vec<PathStep>,
        at: usize,
    ) -> Result<Node, Trouble> {
        if start.is_none() {
            match (stroll.at, steps.as_slice()) {
                (Place::Field, [PathStep::Column(column)]) => return Ok(Node::Column(*column)),
                (Place::Question(question), []) if stroll.down.is_empty() => {
                    self.note_read(stroll.at);
                    return Ok(Node::Cell(CellRef { origin: stroll.origin, up: stroll.up, question }));
                }
                _ => {}
            }
        }
        self.settle(&mut stroll, &mut start, &mut steps, at)?;
        let Some(start) = start else {
            return Err(self.fault(at, "a path that leads nowhere", "a path to a question"));
        };
        Ok(Node::Nodes(Box::new(Path { start, steps: steps.into() })))
    }

    /// Finds a term that a column's index can answer.
    fn filter(&mut self, test: Node, place: Place) -> Filter {
        let Place::Item(list) = place else { return Filter { test, index: None } };
        let terms: &[Node] = match &test {
            Node::And(terms) => terms,
            single => std::slice::from_ref(single),
        };
        let index = terms.iter().enumerate().find_map(|(term, node)| {
            let Node::Binary(Operator::Equal, sides) = node else { return None };
            match &**sides {
                (Node::Column(column), value) if *column != Column::Label && is_row_free(value) => {
                    Some(IndexTerm { column: *column, term, value_on_left: false })
                }
                (value, Node::Column(column)) if *column != Column::Label && is_row_free(value) => {
                    Some(IndexTerm { column: *column, term, value_on_left: true })
                }
                _ => None,
            }
        });
        if let Some(term) = &index {
            self.indexes.push((list, term.column));
        }
        Filter { test, index }
    }

    // Functions

    fn call(&mut self, name: &str, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        match name {
            "jr:choice-name" => return self.choice_name(args, at),
            "indexed-repeat" => return self.indexed_repeat(args, at),
            "pulldata" => return self.pulldata(args, at),
            "current" if args.is_empty() => {
                let path = AstPath {
                    start: Start::Expr(Box::new(Expr::Call { name: name.to_owned(), args: vec![], at })),
                    predicates: vec![],
                    steps: vec![],
                    at,
                };
                return self.path(&path);
            }
            "instance" => {
                return Err(self.fault(at, "instance() alone", "instance('list')/root/item[…]/column"));
            }
            _ => {}
        }
        let Some((_, function, fewest, most)) = functions::find(name) else {
            return Err(self.unknown_function(name, at));
        };
        if args.len() < *fewest || args.len() > *most {
            let expected = if fewest == most {
                format!("{fewest}")
            } else if *most > 100 {
                format!("at least {fewest}")
            } else {
                format!("{fewest} to {most}")
            };
            return Err(self.fault(
                at,
                format!("{} arguments for {name}()", args.len()),
                format!("{expected} arguments"),
            ));
        }
        self.known_call(*function, args, at)
    }

    fn unknown_function(&self, name: &str, at: usize) -> Trouble {
        let mut trouble =
            self.fault(at, format!("the function {}", quoted(name)), "a function this engine knows");
        trouble.code = "unknown-function";
        if functions::is_not_yet(name) {
            trouble.expected =
                "a function this version of the engine has; this one is ODK's, and not built yet".into();
            trouble.fix("Remplacez cette fonction.", "Replace this function.")
        } else if let Some(nearest) = functions::nearest(name) {
            trouble.fix(format!("Vouliez-vous écrire {nearest} ?"), format!("Did you mean {nearest}?"))
        } else {
            trouble.fix("Corrigez le nom de la fonction.", "Correct the function's name.")
        }
    }

    fn known_call(&mut self, function: Function, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        match function {
            Function::Uuid if !self.allows.uuid => {
                Err(self.fault(at, "uuid() outside a default", "uuid() in the column \"default\" only").fix(
                    "Mettez uuid() dans la colonne default : une valeur au hasard ne se recalcule pas.",
                    "Put uuid() into the column default: a random value cannot be computed again.",
                ))
            }
            Function::Once => Err(self.fault(
                at,
                "once() inside another expression, or outside a calculation",
                "once(…) around the whole calculation or default",
            )),
            Function::Position if args.is_empty() && !self.in_predicate => {
                Err(self.fault(at, "position() without an argument", "position(..)"))
            }
            Function::Last if !self.in_predicate => {
                Err(self.fault(at, "last() outside of [ ]", "count(${repeat})"))
            }
            Function::Position if args.len() == 1 => {
                let node = self.node_set(&args[0])?;
                if is_group(&node, self.names.questions) {
                    self.warnings.push(
                        Trouble::new(
                            "position-of-group",
                            format!("position() of a group at character {}", at + 1),
                            "position() of the repeat: position(../..)",
                        )
                        .fix("Ajoutez un niveau : position(../..).", "Add a level: position(../..)."),
                    );
                }
                Ok(Node::Call(function, Box::new([node])))
            }
            Function::Count | Function::CountNonEmpty => {
                Ok(Node::Call(function, Box::new([self.node_set(&args[0])?])))
            }
            Function::Regex => self.regex(args, at),
            Function::Selected => {
                let value = self.node(&args[0])?;
                match self.node(&args[1])? {
                    Node::Text(code) => Ok(Node::HasToken(Box::new(value), code.trim().into())),
                    code => Ok(Node::Call(function, Box::new([value, code]))),
                }
            }
            _ => Ok(Node::Call(function, self.all(args)?)),
        }
    }

    fn regex(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        let value = self.node(&args[0])?;
        let Expr::Text(pattern) = &args[1] else {
            let pattern = self.node(&args[1])?;
            return Ok(Node::Call(Function::Regex, Box::new([value, pattern])));
        };
        let compiled = compile_regex(pattern).map_err(|error| {
            // Its last line says why; those before draw the pattern.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim().to_owned();
            self.fault(
                at,
                format!("the pattern {} ({reason})", quoted(pattern)),
                "a pattern without look-around or back-references",
            )
        })?;
        if !pattern.starts_with('^') || !pattern.ends_with('$') {
            self.warnings.push(
                Trouble::new(
                    "unanchored-regex",
                    format!("the pattern {} that may match a part", quoted(pattern)),
                    "^…$: ODK Collect matches the whole text, the web a part of it",
                )
                .fix("Écrivez le motif entre ^ et $.", "Write the pattern between ^ and $."),
            );
        }
        Ok(Node::Matches(Box::new(value), Box::new(compiled)))
    }

    /// The second argument is `'${question}'` or `${question}`.
    fn choice_name(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        let [value, question] = args else {
            return Err(self.fault(
                at,
                format!("{} arguments for jr:choice-name()", args.len()),
                "2 arguments",
            ));
        };
        let name = match question {
            Expr::Text(text) => {
                text.trim().strip_prefix("${").and_then(|t| t.strip_suffix('}')).map(str::trim)
            }
            Expr::Path(AstPath { start: Start::Reference(name), predicates, steps, .. })
                if predicates.is_empty() && steps.is_empty() =>
            {
                Some(name.as_str())
            }
            _ => None,
        };
        let Some(name) = name else {
            return Err(self.fault(
                at,
                "a second argument that names no question",
                "jr:choice-name(value, '${question}')",
            ));
        };
        let index = self.find(name, at)?;
        let Some(list) = self.question(index).list else {
            return Err(self.fault(
                at,
                format!("\"${{{name}}}\", which has no choices"),
                "a select question",
            ));
        };
        Ok(Node::ChoiceName(Box::new(self.node(value)?), list))
    }

    fn argument_question(&mut self, arg: &Expr, at: usize) -> Result<QuestionIndex, Trouble> {
        match arg {
            Expr::Path(AstPath { start: Start::Reference(name), predicates, steps, at })
                if predicates.is_empty() && steps.is_empty() =>
            {
                let index = self.find(name, *at)?;
                self.dependencies.insert(index);
                Ok(index)
            }
            _ => Err(self.fault(
                at,
                "an argument that is no ${name}",
                "indexed-repeat(${question}, ${repeat}, index)",
            )),
        }
    }

    fn indexed_repeat(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        if !matches!(args.len(), 3 | 5 | 7) {
            return Err(self.fault(
                at,
                format!("{} arguments for indexed-repeat()", args.len()),
                "a question, then one to three pairs of a repeat and an index",
            ));
        }
        let question = self.argument_question(&args[0], at)?;
        let mut given: Vec<(ScopeIndex, Option<Node>)> = Vec::new();
        for pair in args[1..].chunks(2) {
            let repeat = self.argument_question(&pair[0], at)?;
            let Some(opens) = self.question(repeat).opens else {
                return Err(self.fault(
                    at,
                    format!("\"${{{}}}\", which is no repeat", self.question(repeat).name),
                    "a repeat",
                ));
            };
            given.push((opens, Some(self.node(&pair[1])?)));
        }
        let target = self.question(question).scope;
        let chain = self.between(ScopeIndex::ROOT, target);
        if given.iter().any(|(scope, _)| !chain.contains(scope)) {
            return Err(self.fault(
                at,
                format!("a repeat that \"${{{}}}\" is not in", self.question(question).name),
                "the repeats around the question",
            ));
        }
        // Shared repeats that are not indexed stay as they are for the subject.
        let outermost =
            chain.iter().position(|scope| given.iter().any(|(given, _)| given == scope)).unwrap_or(0);
        let above = if outermost == 0 { ScopeIndex::ROOT } else { chain[outermost - 1] };
        let from = self.subject_scope();
        let common = self.common(from, above);
        let down = self
            .between(common, target)
            .into_iter()
            .map(|scope| {
                let index =
                    given.iter_mut().find(|(given, _)| *given == scope).and_then(|(_, node)| node.take());
                (scope, index)
            })
            .collect();
        let up = self.scope(from).depth - self.scope(common).depth;
        Ok(Node::IndexedRepeat(Box::new(IndexedRepeat { question, up, down })))
    }

    fn pulldata(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        let [Expr::Text(list), Expr::Text(column), Expr::Text(key_column), key] = args else {
            return Err(self.fault(
                at,
                "arguments of pulldata() that are not known beforehand",
                "pulldata('file', 'column', 'key column', key)",
            ));
        };
        let list = self.find_list(list, at)?;
        let column = self.column(column, list, at)?;
        let key_column = self.column(key_column, list, at)?;
        self.indexes.push((list, key_column));
        Ok(Node::Lookup { list, column, key_column, key: Box::new(self.node(key)?) })
    }
}

fn is_node_set(node: &Node) -> bool {
    matches!(node, Node::Cell(_) | Node::Dot | Node::Nodes(_) | Node::Union(_) | Node::Column(_))
}

fn is_group(node: &Node, questions: &[Question]) -> bool {
    matches!(node, Node::Cell(cell) if questions[cell.question.as_usize()].question_type == QuestionType::Group)
}

/// True if the value is the same for every row of a list.
fn is_row_free(node: &Node) -> bool {
    match node {
        Node::Number(_) | Node::Text(_) => true,
        Node::Cell(cell) => cell.origin == Origin::Current,
        Node::Nodes(path) => {
            matches!(&path.start, PathStart::Walk(Origin::Current, _))
                && path.steps.iter().all(|step| matches!(step, PathStep::Walk(_)))
        }
        Node::Negate(inner)
        | Node::Matches(inner, _)
        | Node::HasToken(inner, _)
        | Node::ChoiceName(inner, _) => is_row_free(inner),
        Node::Binary(_, sides) => is_row_free(&sides.0) && is_row_free(&sides.1),
        Node::Or(terms) | Node::And(terms) => terms.iter().all(is_row_free),
        Node::Call(function, args) => {
            !matches!(function, Function::Position | Function::Last) && args.iter().all(is_row_free)
        }
        Node::Lookup { key, .. } => is_row_free(key),
        Node::Dot | Node::Column(_) | Node::Union(_) | Node::IndexedRepeat(_) => false,
    }
}

/// Compiles a pattern as ODK's engines read it: `\d` and `\w` are ASCII, a match may be anywhere.
pub(crate) fn compile_regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&ascii_classes(pattern))
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
}

/// Rust's `\d` would also take Arabic-Indic digits, which no phone pattern means.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match (chars.next(), in_class) {
                (Some('d'), false) => out.push_str("[0-9]"),
                (Some('d'), true) => out.push_str("0-9"),
                (Some('w'), false) => out.push_str("[0-9A-Za-z_]"),
                (Some('w'), true) => out.push_str("0-9A-Za-z_"),
                (Some('D'), false) => out.push_str("[^0-9]"),
                (Some('W'), false) => out.push_str("[^0-9A-Za-z_]"),
                (Some(other), _) => {
                    out.push('\\');
                    out.push(other);
                }
                (None, _) => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push(c);
            }
            // In JavaScript and Java's usual patterns a "[" inside a class is itself.
            '[' => out.push_str("\\["),
            ']' => {
                in_class = false;
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_patterns_are_ascii() {
        let regex = compile_regex(r"^\d{2}[\d-]\w$").unwrap();
        assert!(regex.is_match("12-a"));
        assert!(!regex.is_match("١٢-a"));
    }
}
