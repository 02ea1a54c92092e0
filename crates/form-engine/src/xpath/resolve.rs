//! Names to places: after this, an expression holds no name that is still to be looked up.
//!
//! Most of what forms ask leads from one question to another by steps that are known beforehand: those become a place.
//! Any other path keeps its steps and is walked when it runs; what it may reach is followed here all the same, so that
//! the form knows what each expression reads.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};

use regex::{Regex, RegexBuilder};

use crate::diagnostics::{Said, Trouble, quoted};
use crate::form::{
    DocIndex, ListIndex, Question, QuestionIndex, QuestionType, Scope, ScopeIndex, common_scope,
};
use crate::list::ChoiceList;
use crate::xpath::ast::{Axis, Expr, Operator, Path as AstPath, Start, Step, Test};
use crate::xpath::functions::{self, Function};
use crate::xpath::lexer::fault;
use crate::xpath::parser;
use crate::xpath::print;
use crate::xpath::program::{
    CellRef, Column, Filter, IndexTerm, IndexedRepeat, Node, NodeTest, Origin, Path, PathStart, PathStep,
    Program, Target, Walk,
};

/// Places that all paths of a form together may be followed to: `//` in each of ten thousand questions would be a hundred
/// million.
const MAX_WORK: u64 = 5_000_000;

/// How large a compiled pattern may grow.
pub(crate) const MAX_REGEX_BYTES: usize = 1 << 20;

/// The code of what ODK Collect refuses.
pub(crate) const NOT_ON_PHONES: &str = "not-on-phones";

/// Where an expression was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A spreadsheet: a path to a place that is not there is a mistake.
    Sheet,
    /// An XForm: such a path is empty.
    XForm,
    /// Beside a document that is not a form: an unknown function is a fault only when it is called.
    Document,
    /// The same, and a name without a prefix is one without a namespace, as XPath 1.0 has it.
    Plain,
}

impl Source {
    fn is_document(self) -> bool {
        matches!(self, Self::Document | Self::Plain)
    }
}

/// All that names may mean in one form.
pub(crate) struct Names<'f> {
    pub(crate) source: Source,
    pub(crate) questions: &'f [Question],
    pub(crate) by_name: &'f HashMap<Box<str>, QuestionIndex>,
    /// Names used more than once: they may be written, not referred to.
    pub(crate) ambiguous: &'f HashSet<Box<str>>,
    pub(crate) scopes: &'f [Scope],
    pub(crate) lists: &'f [ChoiceList],
    pub(crate) list_names: &'f HashMap<String, ListIndex>,
    pub(crate) doc_names: &'f HashMap<String, DocIndex>,
    /// The name of the record's element.
    pub(crate) root: &'f str,
    /// Namespaces by prefix.
    pub(crate) namespaces: &'f [(Box<str>, Box<str>)],
    /// Places that paths of the form were followed to so far.
    pub(crate) work: &'f Cell<u64>,
}

/// What an expression belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A question: `.` is its value, `..` what is around it.
    Question(QuestionIndex),
    /// An instance of a repeat, or the record.
    Instance(ScopeIndex),
    /// A node of a document that is not a form.
    Document,
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
    /// True if `.` of the subject is read.
    pub(crate) reads_itself: bool,
}

/// The kind of node at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Document,
    Question(QuestionIndex),
    Instance(ScopeIndex),
    /// `instance('x')`
    List(ListIndex),
    /// `instance('x')/root`
    ListRoot(ListIndex),
    Item(ListIndex),
    Field(ListIndex),
    /// Anything in a document of its own.
    Elsewhere,
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
    Ok(resolver.finish(root, &tree))
}

/// A `choice_filter`: bare names are columns of the list.
pub(crate) fn choice_filter(
    names: &Names<'_>,
    text: &str,
    question: QuestionIndex,
    list: ListIndex,
) -> Result<(Filter, Resolved), Trouble> {
    choice_filter_of(names, text, &parser::parse(text)?, question, list)
}

/// The same of a tree that is parsed already; `text` is what it stood in.
pub(crate) fn choice_filter_of(
    names: &Names<'_>,
    text: &str,
    tree: &Expr,
    question: QuestionIndex,
    list: ListIndex,
) -> Result<(Filter, Resolved), Trouble> {
    let mut resolver = Resolver::new(names, text, Subject::Question(question), Allows::default());
    resolver.dot = vec![Place::Item(list)];
    resolver.in_predicate = true;
    resolver.is_filter = true;
    let test = resolver.node(tree)?;
    let filter = resolver.filter(test, &[Place::Item(list)]);
    let resolved = resolver.finish(Node::Number(0.0), tree);
    Ok((filter, resolved))
}

/// What an itemset's nodes are, and how code and label are read from each: `nodes`, then two paths seen from a node.
pub(crate) fn itemset(
    names: &Names<'_>,
    nodes: &str,
    value: &str,
    label: &str,
    subject: Subject,
) -> Result<(Resolved, Node, Node), Trouble> {
    let tree = parser::parse(nodes)?;
    let mut resolver = Resolver::new(names, nodes, subject, Allows::default());
    let mut places = Vec::new();
    let root = match &tree {
        Expr::Path(path) => {
            let (node, reached) = resolver.path_and_places(path)?;
            places = reached;
            node
        }
        other => resolver.node(other)?,
    };
    resolver.dot = places;
    resolver.in_predicate = true;
    let value = resolver.node(&parser::parse(value)?)?;
    let label = resolver.node(&parser::parse(label)?)?;
    Ok((resolver.finish(root, &tree), value, label))
}

/// `instance('list')/root/item[filter]`, which is what a select's options come to: the list and the filter's text.
pub(crate) fn list_of(names: &Names<'_>, nodes: &str) -> Option<(ListIndex, Option<Expr>)> {
    let Ok(Expr::Path(AstPath { start: Start::Expr(start), predicates, steps, .. })) = parser::parse(nodes)
    else {
        return None;
    };
    let Expr::Call { name, args, .. } = &*start else { return None };
    let ([Expr::Text(list)], "instance", []) = (args.as_slice(), name.as_str(), predicates.as_slice()) else {
        return None;
    };
    let [root, item] = steps.as_slice() else { return None };
    if root.child_name() != Some("root") || item.child_name() != Some("item") || !root.predicates.is_empty() {
        return None;
    }
    let list = *names.list_names.get(list.trim())?;
    match item.predicates.as_slice() {
        [] => Some((list, None)),
        [filter] => Some((list, Some(filter.clone()))),
        _ => None,
    }
}

struct Resolver<'n, 'f> {
    names: &'n Names<'f>,
    text: &'n str,
    subject: Subject,
    allows: Allows,
    /// What the node at hand may be.
    dot: Vec<Place>,
    in_predicate: bool,
    dependencies: BTreeSet<QuestionIndex>,
    wide: BTreeSet<QuestionIndex>,
    labels_of: Vec<QuestionIndex>,
    warnings: Vec<Trouble>,
    reads_itself: bool,
    /// The whole text stands in a predicate: a choice filter.
    is_filter: bool,
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

/// A path under construction: a walk as long as each step is known, then steps as they are.
struct Route {
    stroll: Option<Stroll>,
    start: Option<PathStart>,
    steps: Vec<PathStep>,
    /// What has been reached.
    places: Vec<Place>,
}

impl Route {
    fn strolling(stroll: Stroll) -> Self {
        let places = vec![stroll.at];
        Self { stroll: Some(stroll), start: None, steps: Vec::new(), places }
    }

    fn general(start: PathStart, places: Vec<Place>) -> Self {
        Self { stroll: None, start: Some(start), steps: Vec::new(), places }
    }
}

impl<'n, 'f> Resolver<'n, 'f> {
    fn new(names: &'n Names<'f>, text: &'n str, subject: Subject, allows: Allows) -> Self {
        let dot = vec![subject_place(subject)];
        Self {
            names,
            text,
            subject,
            allows,
            dot,
            in_predicate: false,
            dependencies: BTreeSet::new(),
            wide: BTreeSet::new(),
            labels_of: Vec::new(),
            warnings: Vec::new(),
            reads_itself: false,
            is_filter: false,
        }
    }

    fn finish(self, root: Node, tree: &Expr) -> Resolved {
        let references = References { names: self.names, subject: self.subject };
        let program = Program {
            root,
            dependencies: self.dependencies.into_iter().collect(),
            wide: self.wide.into_iter().collect(),
            labels_of: self.labels_of,
            source: print::expression(tree, self.is_filter, &|name, within| references.path(name, within))
                .into(),
        };
        Resolved { program, warnings: self.warnings, reads_itself: self.reads_itself }
    }

    fn question(&self, index: QuestionIndex) -> &'f Question {
        &self.names.questions[index.as_usize()]
    }

    fn scope(&self, index: ScopeIndex) -> &'f Scope {
        &self.names.scopes[index.as_usize()]
    }

    fn subject_scope(&self) -> ScopeIndex {
        subject_scope(self.names, self.subject)
    }

    fn fault(&self, at: usize, found: impl Into<Said>, expected: impl Into<Said>) -> Trouble {
        fault(self.text, at, found, expected)
    }

    /// `once()` of a spreadsheet may only stand around all the rest: what it keeps is the whole value.
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
        if is_node_set(&node) || self.names.source.is_document() && matches!(node, Node::Unknown(_)) {
            return Ok(node);
        }
        let at = if let Expr::Path(path) = tree { path.at } else { 0 };
        Err(self.fault(
            at,
            ("une valeur", "a value"),
            ("une référence comme ${question} ou ${repeat}", "a reference such as ${question} or ${repeat}"),
        ))
    }

    // Names

    fn find(&self, name: &str, at: usize) -> Result<QuestionIndex, Trouble> {
        if let Some(rest) = name.strip_prefix("last-saved#") {
            return Err(self
                .fault(
                    at,
                    quoted(&format!("${{last-saved#{rest}}}")),
                    ("une question de ce formulaire", "a question of this form"),
                )
                .fix("last-saved n'est pas pris en charge.", "last-saved is not supported."));
        }
        if self.names.ambiguous.contains(name) {
            return Err(self.fault(
                at,
                (
                    format!("\"${{{name}}}\", un nom donné plus d'une fois"),
                    format!("\"${{{name}}}\", a name used more than once"),
                ),
                ("un nom donné une seule fois", "a name used once"),
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
            let mut trouble = Trouble::told(
                "unknown-reference",
                format!("\"${{{name}}}\""),
                (
                    "le nom d'une question, d'un groupe ou d'un repeat de ce formulaire",
                    "the name of a question, group or repeat of this form",
                ),
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
        let target = self.question(index);
        let (place, to) = match target.opens {
            Some(opens) => (Place::Instance(opens), opens),
            None => (Place::Question(index), target.scope),
        };
        // All instances of a repeat are siblings, even seen from inside one of them.
        let meet_below = if target.opens.is_some() { self.scope(to).parent } else { to };
        let from = self.subject_scope();
        let common = common_scope(self.names.scopes, from, meet_below);
        let up = self.scope(from).depth - self.scope(common).depth;
        let down = between(self.names.scopes, common, to);
        self.depends_on(index, !down.is_empty());
        if self.in_predicate
            && !down.is_empty()
            && self.dot.iter().any(|dot| matches!(dot, Place::Question(_) | Place::Instance(_)))
        {
            self.warnings.push(
                Trouble::told(
                    "reference-in-predicate",
                    (
                        format!("\"${{{name}}}\" entre [ ], ce qui veut dire chaque instance"),
                        format!("\"${{{name}}}\" inside [ ], which means every instance"),
                    ),
                    (
                        format!("le nom seul, {name}, pour l'instance examinée"),
                        format!("the bare name {name} for the instance at hand"),
                    ),
                )
                .fix(
                    format!("Entre crochets, écrivez {name} sans ${{}}."),
                    format!("Inside [ ], write {name} without ${{}}."),
                ),
            );
        }
        Ok(Stroll { origin: Origin::Current, up, down, at: place, pending: true })
    }

    fn depends_on(&mut self, index: QuestionIndex, wide: bool) {
        self.dependencies.insert(index);
        if wide {
            self.wide.insert(index);
        }
    }

    // Paths

    fn path(&mut self, path: &AstPath) -> Result<Node, Trouble> {
        self.path_and_places(path).map(|(node, _)| node)
    }

    /// The path, and what it may lead to.
    fn path_and_places(&mut self, path: &AstPath) -> Result<(Node, Vec<Place>), Trouble> {
        let mut route = match &path.start {
            Start::Reference(name) => Route::strolling(self.reference(name, path.at)?),
            Start::Context => self.route_of_dot(),
            Start::Root => self.route_of_root(),
            Start::Expr(inner) => self.route_of_expr(inner, path.at)?,
        };
        if path.start == Start::Context
            && let [Step { axis: Axis::Own, test: Test::Node, predicates, .. }] = path.steps.as_slice()
            && predicates.is_empty()
        {
            for place in route.places.clone() {
                self.note_read(place, false);
            }
            return Ok((Node::Dot, route.places));
        }
        self.apply_predicates(&path.predicates, &mut route, path.at)?;
        for step in &path.steps {
            if self.known_step(step, &mut route)? {
                self.apply_predicates(&step.predicates, &mut route, step.at)?;
            } else {
                self.general_step(step, &mut route)?;
            }
        }
        let places = route.places.clone();
        Ok((self.end_path(route, path.at)?, places))
    }

    fn route_of_dot(&self) -> Route {
        // Outside predicates the node at hand is the subject itself.
        let origin = if self.in_predicate { Origin::Dot } else { Origin::Current };
        match self.dot.as_slice() {
            [at @ (Place::Question(_) | Place::Instance(_) | Place::Item(_))] => {
                let pending = !matches!(at, Place::Item(_));
                Route::strolling(Stroll { origin, up: 0, down: vec![], at: *at, pending })
            }
            several => Route::general(PathStart::Dot, several.to_vec()),
        }
    }

    fn route_of_root(&self) -> Route {
        // In a form `/` is the record, even in a predicate over another document, as ODK has it.
        if self.subject == Subject::Document {
            return Route::general(PathStart::Root, vec![Place::Elsewhere]);
        }
        let up = self.scope(self.subject_scope()).depth;
        let at = Place::Document;
        Route::strolling(Stroll { origin: Origin::Current, up, down: vec![], at, pending: true })
    }

    /// `current()`, `instance('list')`, or a node-set in parentheses.
    fn route_of_expr(&mut self, inner: &Expr, at: usize) -> Result<Route, Trouble> {
        let stroll = |at, pending| Stroll { origin: Origin::Current, up: 0, down: vec![], at, pending };
        match inner {
            Expr::Call { name, args, .. } if name == "current" && args.is_empty() => {
                Ok(match subject_place(self.subject) {
                    Place::Elsewhere => Route::general(PathStart::Current, vec![Place::Elsewhere]),
                    place => Route::strolling(stroll(place, true)),
                })
            }
            Expr::Call { name, args, at } if name == "instance" => {
                let [Expr::Text(list)] = args.as_slice() else {
                    return Err(self.fault(
                        *at,
                        ("instance() sans nom entre guillemets", "instance() without a name in quotes"),
                        ("instance('liste')", "instance('list')"),
                    ));
                };
                if self.names.source.is_document() {
                    let start = PathStart::Instance(list.as_str().into());
                    return Ok(Route::general(start, vec![Place::Elsewhere]));
                }
                if let Some(doc) = self.names.doc_names.get(list.trim()) {
                    return Ok(Route::general(PathStart::Document(*doc), vec![Place::Elsewhere]));
                }
                Ok(Route::strolling(stroll(Place::List(self.find_list(list, *at)?), true)))
            }
            Expr::Path(path) => {
                let (node, places) = self.path_and_places(path)?;
                Ok(match (&node, places.as_slice()) {
                    (Node::Cell(CellRef { origin, up, question }), _) => Route::strolling(Stroll {
                        origin: *origin,
                        up: *up,
                        down: vec![],
                        at: Place::Question(*question),
                        pending: true,
                    }),
                    _ => Route::general(PathStart::Expr(node), places),
                })
            }
            other => {
                let node = self.node(other)?;
                if !is_node_set(&node) {
                    let expected = (
                        "un chemin derrière ${nom}, current() ou instance()",
                        "a path behind ${name}, current() or instance()",
                    );
                    return Err(self.fault(
                        at,
                        ("un chemin derrière une valeur", "a path behind a value"),
                        expected,
                    ));
                }
                let places = self.places_of(&node);
                Ok(Route::general(PathStart::Expr(node), places))
            }
        }
    }

    /// What a node-set without a path of its own may hold: all that its parts read.
    fn places_of(&self, node: &Node) -> Vec<Place> {
        match node {
            Node::Cell(cell) => vec![Place::Question(cell.question)],
            Node::Dot => self.dot.clone(),
            Node::Union(sides) => {
                let mut places = self.places_of(&sides.0);
                places.extend(self.places_of(&sides.1));
                places
            }
            _ if self.names.source.is_document() => vec![Place::Elsewhere],
            _ => self.names.questions.iter().map(|question| self.place_of(question)).collect(),
        }
    }

    fn place_of(&self, question: &Question) -> Place {
        question.opens.map_or(Place::Question(question.index), Place::Instance)
    }

    fn find_list(&self, name: &str, at: usize) -> Result<ListIndex, Trouble> {
        let key = name.trim();
        self.names
            .list_names
            .get(key)
            .or_else(|| self.names.list_names.get(&crate::workbook::csv_key(key)))
            .copied()
            .ok_or_else(|| {
                self.fault(
                    at,
                    (format!("la liste {}", quoted(name)), format!("the list {}", quoted(name))),
                    ("une liste de choix ou un fichier CSV joint", "a choice list or an attached CSV file"),
                )
                .fix("Ajoutez la liste ou joignez le fichier CSV.", "Add the list or attach the CSV file.")
            })
    }

    /// A read of the subject itself must be known, and so must what a step leads to.
    fn note_read(&mut self, place: Place, wide: bool) {
        match place {
            Place::Question(question) => {
                if !self.in_predicate && self.subject == Subject::Question(question) {
                    self.reads_itself = true;
                }
                self.depends_on(question, wide);
            }
            Place::Instance(scope) => {
                if let Some(repeat) = self.scope(scope).repeat
                    && self.subject_scope() != scope
                {
                    self.depends_on(repeat, wide);
                }
            }
            _ => {}
        }
    }

    /// A step whose end is known beforehand; false when it must be walked.
    fn known_step(&mut self, step: &Step, route: &mut Route) -> Result<bool, Trouble> {
        let Some(stroll) = &mut route.stroll else { return Ok(false) };
        let known = match (step.axis, &step.test, stroll.at) {
            (Axis::Own, Test::Node, _) => true,
            (Axis::Parent, Test::Node, Place::Question(question)) => {
                let question = &self.names.questions[question.as_usize()];
                stroll.pending = true;
                stroll.at = match question.parent {
                    Some(parent) if self.names.questions[parent.as_usize()].opens.is_none() => {
                        Place::Question(parent)
                    }
                    _ => Place::Instance(question.scope),
                };
                true
            }
            (Axis::Parent, Test::Node, Place::Instance(scope)) if scope != ScopeIndex::ROOT => {
                let around = &self.names.scopes[scope.as_usize()];
                if stroll.down.pop().is_none() {
                    stroll.up += 1;
                }
                stroll.pending = true;
                let questions = self.names.questions;
                let repeat_parent = around.repeat.and_then(|repeat| questions[repeat.as_usize()].parent);
                stroll.at = match repeat_parent {
                    Some(parent) if questions[parent.as_usize()].opens.is_none() => Place::Question(parent),
                    _ => Place::Instance(around.parent),
                };
                true
            }
            (Axis::Child, Test::Name { local, .. }, Place::Document)
                if self.names.source == Source::Sheet || **local == *self.names.root =>
            {
                stroll.at = Place::Instance(ScopeIndex::ROOT);
                true
            }
            (Axis::Child, Test::Name { prefix: None, local }, Place::Question(_) | Place::Instance(_)) => {
                self.known_child(local, step.at, route)?
            }
            (Axis::Child, Test::Name { local, .. }, Place::List(list)) if &**local == "root" => {
                stroll.at = Place::ListRoot(list);
                true
            }
            (Axis::Child, Test::Name { local, .. }, Place::ListRoot(list)) if &**local == "item" => {
                stroll.at = Place::Item(list);
                stroll.pending = false;
                route.start = Some(PathStart::Items(list));
                true
            }
            (Axis::Child, Test::Name { prefix: None, local }, Place::Item(list)) => {
                match self.column(local, list, step.at) {
                    Ok(column) => {
                        route.steps.push(PathStep::Column(column));
                        stroll.at = Place::Field(list);
                        true
                    }
                    Err(trouble) if self.names.source == Source::Sheet => return Err(trouble),
                    Err(_) => false,
                }
            }
            _ => false,
        };
        if let Some(stroll) = &route.stroll {
            route.places = vec![stroll.at];
        }
        Ok(known)
    }

    fn known_child(&mut self, name: &str, at: usize, route: &mut Route) -> Result<bool, Trouble> {
        let Some(stroll) = &mut route.stroll else { return Ok(false) };
        let children = children(self.names, stroll.at);
        let named: Vec<Place> =
            children.into_iter().filter(|place| local_name(self.names, *place) == Some(name)).collect();
        match named.as_slice() {
            [Place::Instance(scope)] => {
                stroll.pending = true;
                stroll.down.push(*scope);
                stroll.at = Place::Instance(*scope);
                Ok(true)
            }
            [Place::Question(question)] => {
                stroll.pending = true;
                stroll.at = Place::Question(*question);
                Ok(true)
            }
            [] if self.names.source == Source::Sheet => Err(self.no_such_step(name, at)),
            _ => Ok(false),
        }
    }

    /// A bare word is a path; most who write one mean a question, or a text.
    fn no_such_step(&self, name: &str, at: usize) -> Trouble {
        let found = (format!("un pas vers {}", quoted(name)), format!("a step to {}", quoted(name)));
        let expected = ("le nom d'une question directement dedans", "the name of a question directly inside");
        let trouble = self.fault(at, found, expected);
        if self.names.by_name.contains_key(name) {
            trouble.fix(format!("Utilisez ${{{name}}}."), format!("Use ${{{name}}}."))
        } else {
            trouble.fix(
                format!("Pour un texte, écrivez '{name}' entre guillemets ; pour une question, ${{nom}}."),
                format!("For a text, write '{name}' in quotes; for a question, ${{name}}."),
            )
        }
    }

    /// A step that is walked when the expression runs.
    fn general_step(&mut self, step: &Step, route: &mut Route) -> Result<(), Trouble> {
        if !matches!(step.axis, Axis::Child | Axis::Parent | Axis::Own | Axis::Attribute) {
            let axis = step.axis.name();
            self.not_on_phones((format!("le pas {axis}::"), format!("the step {axis}::")).into());
        }
        self.generalise(route);
        let test = self.test(&step.test);
        route.places = self.advance(&route.places, step.axis, &test);
        let size = self.names.questions.len() as u64;
        let followed = if matches!(step.axis, Axis::Child | Axis::Own | Axis::Attribute | Axis::Parent) {
            route.places.len() as u64 + 1
        } else {
            size + 1
        };
        self.names.work.set(self.names.work.get() + followed);
        if self.names.work.get() > MAX_WORK {
            let found = (
                "plus de pas de cette sorte qu'un formulaire n'en peut avoir",
                "more steps of this kind than a form can have",
            );
            let expected = (
                "des chemins par nom : des pas comme // examinent toutes les questions",
                "paths by name: steps such as // look at every question",
            );
            return Err(self.fault(step.at, found, expected));
        }
        let (dot, in_predicate) = (self.dot.clone(), self.in_predicate);
        self.dot.clone_from(&route.places);
        self.in_predicate = true;
        let predicates: Result<Box<[Node]>, Trouble> =
            step.predicates.iter().map(|predicate| self.node(predicate)).collect();
        self.dot = dot;
        self.in_predicate = in_predicate;
        for place in route.places.clone() {
            self.note_read(place, true);
        }
        route.steps.push(PathStep::Axis { axis: step.axis, test, predicates: predicates? });
        Ok(())
    }

    /// JavaRosa, which ODK Collect runs on, refuses this.
    fn not_on_phones(&mut self, found: Said) {
        let expected = ("ce qu'ODK Collect sait aussi calculer", "what ODK Collect can run too");
        self.warnings.push(Trouble::told(NOT_ON_PHONES, found, expected).fix(
            "ODK Collect refuse cette expression : écrivez-la autrement si des téléphones s'en servent.",
            "ODK Collect refuses this expression: write it another way if phones will use it.",
        ));
    }

    /// Turns what was strolled into a start that steps can follow.
    fn generalise(&mut self, route: &mut Route) {
        let Some(stroll) = route.stroll.take() else { return };
        match stroll.at {
            Place::Document => route.start = Some(PathStart::Root),
            Place::List(list) => route.start = Some(PathStart::List(list)),
            Place::ListRoot(list) => {
                route.start = Some(PathStart::List(list));
                let test = NodeTest::Any(None);
                route.steps.push(PathStep::Axis { axis: Axis::Child, test, predicates: Box::new([]) });
            }
            Place::Item(_) | Place::Field(_) => {
                route.start.get_or_insert(PathStart::Dot);
            }
            Place::Question(_) | Place::Instance(_) | Place::Elsewhere => self.settle(stroll, route),
        }
    }

    fn test(&self, test: &Test) -> NodeTest {
        let uri = |prefix: &str| -> Box<str> {
            let known = self.names.namespaces.iter().find(|(known, _)| &**known == prefix);
            known
                .map(|(_, uri)| uri.clone())
                .or_else(|| common_namespace(prefix))
                .unwrap_or_else(|| prefix.into())
        };
        match test {
            Test::Name { prefix, local } => {
                let none = (self.names.source == Source::Plain).then(Box::default);
                NodeTest::Name { uri: prefix.as_deref().map(uri).or(none), local: local.clone() }
            }
            Test::Any => NodeTest::Any(None),
            Test::AnyOf(prefix) => NodeTest::Any(Some(uri(prefix))),
            Test::Node => NodeTest::Node,
            Test::Text => NodeTest::Text,
            Test::Comment => NodeTest::Comment,
            Test::Instruction(target) => NodeTest::Instruction(target.clone()),
        }
    }

    /// What a step may lead to. Namespaces are left to the walk.
    fn advance(&self, places: &[Place], axis: Axis, test: &NodeTest) -> Vec<Place> {
        let mut reached = BTreeSet::new();
        for place in places {
            match axis {
                Axis::Own => {
                    reached.insert(*place);
                }
                Axis::Child => reached.extend(children(self.names, *place)),
                Axis::Attribute => reached.extend(attributes(self.names, *place)),
                Axis::Parent => reached.extend(parent(self.names, *place)),
                Axis::Ancestor | Axis::AncestorOrSelf => {
                    let mut at =
                        if axis == Axis::Ancestor { parent(self.names, *place) } else { Some(*place) };
                    while let Some(place) = at {
                        reached.insert(place);
                        at = parent(self.names, place);
                    }
                }
                Axis::Descendant | Axis::DescendantOrSelf => {
                    descend(self.names, *place, &mut reached);
                    if axis == Axis::DescendantOrSelf {
                        reached.insert(*place);
                    }
                }
                Axis::Namespace => {}
                // Whatever stands beside it, before or behind.
                _ => match top(self.names, *place) {
                    Place::Elsewhere => {
                        reached.insert(Place::Elsewhere);
                    }
                    top => descend(self.names, top, &mut reached),
                },
            }
        }
        let fits = |place: &Place| match (test, local_name(self.names, *place)) {
            (_, None) => true,
            (NodeTest::Name { local, .. }, Some(name)) => &**local == name,
            (NodeTest::Text | NodeTest::Comment | NodeTest::Instruction(_), Some(_)) => false,
            _ => true,
        };
        // A text node stands for what holds it.
        if *test == NodeTest::Text {
            return places.to_vec();
        }
        reached.into_iter().filter(fits).collect()
    }

    fn column(&self, name: &str, list: ListIndex, at: usize) -> Result<Column, Trouble> {
        let data = &self.names.lists[list.as_usize()];
        data.find_column(name).ok_or_else(|| {
            let mut columns: Vec<&str> = data.column_names().collect();
            columns.extend(["name", "label"]);
            let (list, columns) = (quoted(data.name()), columns.join(", "));
            Trouble::told(
                "unknown-column",
                (
                    format!("{} au caractère {}", quoted(name), at + 1),
                    format!("{} at character {}", quoted(name), at + 1),
                ),
                (
                    format!("une colonne de la liste {list} : {columns}"),
                    format!("a column of the list {list}: {columns}"),
                ),
            )
            .fix(
                "Écrivez ${nom} pour une question, ou ajoutez la colonne.",
                "Write ${name} for a question, or add the column.",
            )
        })
    }

    fn apply_predicates(&mut self, predicates: &[Expr], route: &mut Route, at: usize) -> Result<(), Trouble> {
        for predicate in predicates {
            if let Some(stroll) = &route.stroll {
                match stroll.at {
                    Place::Question(_) | Place::Instance(_) | Place::Item(_) | Place::Field(_) => {}
                    _ if self.names.source == Source::Sheet => return Err(self.ends_too_early(at)),
                    _ => {}
                }
            }
            self.settle_route(route);
            let (dot, in_predicate) = (self.dot.clone(), self.in_predicate);
            self.dot.clone_from(&route.places);
            self.in_predicate = true;
            let test = self.node(predicate);
            self.dot = dot;
            self.in_predicate = in_predicate;
            let filter = self.filter(test?, &route.places);
            route.steps.push(match (&route.stroll, &route.start) {
                // `(…)[1]` counts among all.
                (None, Some(PathStart::Expr(_))) => PathStep::FilterAll(filter.test),
                _ => PathStep::Filter(filter),
            });
        }
        Ok(())
    }

    fn ends_too_early(&self, at: usize) -> Trouble {
        self.fault(
            at,
            ("un chemin qui finit trop tôt", "a path that ends too early"),
            ("un chemin vers une question, ou vers item", "a path to a question, or to item"),
        )
    }

    /// Turns what was walked so far into a step, so that a filter can follow it; further steps may stroll on.
    fn settle_route(&mut self, route: &mut Route) {
        match &mut route.stroll {
            Some(Stroll { at: Place::Question(_) | Place::Instance(_), pending: true, .. }) => {
                let Some(stroll) = route.stroll.take() else { return };
                let (origin, at) = (stroll.origin, stroll.at);
                self.settle(stroll, route);
                // What follows walks from each node reached.
                route.stroll = Some(Stroll { origin, up: 0, down: vec![], at, pending: false });
            }
            Some(Stroll { at: Place::Question(_) | Place::Instance(_), .. }) => {}
            // In a choice filter the item at hand is where a path begins.
            Some(Stroll { at: Place::Item(_) | Place::Field(_), .. }) => {
                route.start.get_or_insert(PathStart::Dot);
            }
            Some(_) => self.generalise(route),
            None => {}
        }
    }

    fn settle(&mut self, stroll: Stroll, route: &mut Route) {
        if !stroll.pending {
            return;
        }
        let target = match stroll.at {
            Place::Question(question) => Target::Question(question),
            _ => Target::Instance,
        };
        let wide = !stroll.down.is_empty() || route.start.is_some() || stroll.origin == Origin::Dot;
        self.note_read(stroll.at, wide);
        let walk = Walk { up: stroll.up, down: stroll.down.into(), target };
        match route.start {
            None => route.start = Some(PathStart::Walk(stroll.origin, walk)),
            Some(_) => route.steps.push(PathStep::Walk(walk)),
        }
    }

    fn end_path(&mut self, mut route: Route, at: usize) -> Result<Node, Trouble> {
        if let Some(stroll) = route.stroll.take() {
            if route.start.is_none() {
                match (stroll.at, route.steps.as_slice()) {
                    (Place::Field(_), [PathStep::Column(column)]) => return Ok(Node::Column(*column)),
                    (Place::Question(question), []) if stroll.down.is_empty() => {
                        self.note_read(stroll.at, stroll.origin == Origin::Dot);
                        return Ok(Node::Cell(CellRef { origin: stroll.origin, up: stroll.up, question }));
                    }
                    _ => {}
                }
            }
            match stroll.at {
                Place::Question(_) | Place::Instance(_) => self.settle(stroll, &mut route),
                Place::Item(_) | Place::Field(_) => {
                    route.start.get_or_insert(PathStart::Dot);
                }
                _ if self.names.source == Source::Sheet => return Err(self.ends_too_early(at)),
                _ => {
                    route.stroll = Some(stroll);
                    self.generalise(&mut route);
                }
            }
        }
        let Some(start) = route.start else {
            return Err(self.fault(
                at,
                ("un chemin qui ne mène nulle part", "a path that leads nowhere"),
                ("un chemin vers une question", "a path to a question"),
            ));
        };
        Ok(Node::Nodes(Box::new(Path { start, steps: route.steps.into() })))
    }

    /// Finds the terms that a column's index can answer.
    fn filter(&mut self, test: Node, places: &[Place]) -> Filter {
        let [Place::Item(_)] = places else { return Filter { test, terms: Vec::new() } };
        let nodes: &[Node] = match &test {
            Node::And(terms) => terms,
            single => std::slice::from_ref(single),
        };
        let indexed = nodes.iter().enumerate().filter_map(|(term, node)| {
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
        let terms = indexed.collect();
        Filter { test, terms }
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
            "instance" if self.names.source == Source::Sheet => {
                return Err(self.fault(
                    at,
                    ("instance() seul", "instance() alone"),
                    ("instance('liste')/root/item[…]/colonne", "instance('list')/root/item[…]/column"),
                ));
            }
            "instance" => {
                let start =
                    Start::Expr(Box::new(Expr::Call { name: name.to_owned(), args: args.to_vec(), at }));
                return self.path(&AstPath { start, predicates: vec![], steps: vec![], at });
            }
            _ => {}
        }
        let Some((_, function, fewest, most)) = functions::find(name) else {
            if self.names.source.is_document() {
                return Ok(Node::Unknown(name.into()));
            }
            return Err(self.unknown_function(name, at));
        };
        if args.len() < *fewest || args.len() > *most {
            if self.names.source.is_document() {
                return Ok(Node::Unknown(format!("{name} of {} arguments", args.len()).into()));
            }
            let (fr, en) = if fewest == most {
                (format!("{fewest}"), format!("{fewest}"))
            } else if *most > 100 {
                (format!("au moins {fewest}"), format!("at least {fewest}"))
            } else {
                (format!("{fewest} à {most}"), format!("{fewest} to {most}"))
            };
            return Err(self.fault(
                at,
                arguments_for(args.len(), name),
                (format!("arguments : {fr}"), format!("arguments: {en}")),
            ));
        }
        self.known_call(*function, args, at)
    }

    fn unknown_function(&self, name: &str, at: usize) -> Trouble {
        let mut trouble = self.fault(
            at,
            (format!("la fonction {}", quoted(name)), format!("the function {}", quoted(name))),
            ("une fonction que ce moteur connaît", "a function this engine knows"),
        );
        trouble.code = "unknown-function";
        if functions::is_foreign(name) || name.starts_with("cht:") {
            let expected = (
                "une fonction d'ODK ; celle-ci est d'un autre système",
                "a function of ODK; this one is another system's",
            );
            trouble.expecting(expected).fix("Remplacez cette fonction.", "Replace this function.")
        } else if let Some(nearest) = functions::nearest(name) {
            trouble.fix(format!("Vouliez-vous écrire {nearest} ?"), format!("Did you mean {nearest}?"))
        } else {
            trouble.fix("Corrigez le nom de la fonction.", "Correct the function's name.")
        }
    }

    fn known_call(&mut self, function: Function, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        let in_sheet = self.names.source == Source::Sheet;
        match function {
            Function::Uuid | Function::Random if in_sheet && !self.allows.uuid => {
                let name = if function == Function::Uuid { "uuid()" } else { "random()" };
                Err(self
                    .fault(
                        at,
                        (format!("{name} hors d'un défaut"), format!("{name} outside a default")),
                        (
                            format!("{name} dans la seule colonne \"default\""),
                            format!("{name} in the column \"default\" only"),
                        ),
                    )
                    .fix(
                        format!("Mettez {name} dans la colonne default : une valeur au hasard ne se recalcule pas."),
                        format!("Put {name} into the column default: a random value cannot be computed again."),
                    ))
            }
            Function::Once if in_sheet => Err(self.fault(
                at,
                (
                    "once() dans une autre expression, ou hors d'un calcul",
                    "once() inside another expression, or outside a calculation",
                ),
                (
                    "once(…) autour du calcul ou du défaut entier",
                    "once(…) around the whole calculation or default",
                ),
            )),
            Function::Once => {
                for place in self.dot.clone() {
                    self.note_read(place, false);
                }
                Ok(Node::Call(function, self.all(args)?))
            }
            Function::Position if args.is_empty() && !self.in_predicate && in_sheet => Err(self.fault(
                at,
                ("position() sans argument", "position() without an argument"),
                "position(..)",
            )),
            Function::Last if !self.in_predicate && in_sheet => {
                Err(self.fault(at, ("last() hors de [ ]", "last() outside of [ ]"), "count(${repeat})"))
            }
            Function::Position if args.len() == 1 => {
                let node = self.node_set(&args[0])?;
                if is_group(&node, self.names.questions) {
                    self.warnings.push(
                        Trouble::told(
                            "position-of-group",
                            (
                                format!("position() d'un groupe au caractère {}", at + 1),
                                format!("position() of a group at character {}", at + 1),
                            ),
                            (
                                "position() du repeat : position(../..)",
                                "position() of the repeat: position(../..)",
                            ),
                        )
                        .fix("Ajoutez un niveau : position(../..).", "Add a level: position(../..)."),
                    );
                }
                Ok(Node::Call(function, Box::new([node])))
            }
            Function::Count | Function::CountNonEmpty | Function::Randomize => {
                let mut nodes = vec![self.node_set(&args[0])?];
                for arg in &args[1..] {
                    nodes.push(self.node(arg)?);
                }
                Ok(Node::Call(function, nodes.into()))
            }
            Function::LocalName | Function::Name | Function::NamespaceUri if args.len() == 1 => {
                Ok(Node::Call(function, Box::new([self.node_set(&args[0])?])))
            }
            Function::Number | Function::NormalizeSpace if args.is_empty() => {
                self.not_on_phones(
                    (
                        format!("une fonction sans son argument au caractère {}", at + 1),
                        format!("a function without its argument at character {}", at + 1),
                    )
                        .into(),
                );
                Ok(Node::Call(function, Box::new([])))
            }
            Function::Itext => Ok(Node::Itext(Box::new(self.node(&args[0])?))),
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
            let reason = reason.lines().last().unwrap_or_default().trim();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            self.fault(
                at,
                (
                    format!("le motif {} (dont le lecteur dit : {reason})", quoted(pattern)),
                    format!("the pattern {} (whose reader says: {reason})", quoted(pattern)),
                ),
                (
                    "un motif bien formé, sans assertions avant ou arrière ni références arrière",
                    "a well-formed pattern, without look-around or back-references",
                ),
            )
        })?;
        if !pattern.starts_with('^') || !pattern.ends_with('$') {
            self.warnings.push(
                Trouble::told(
                    "unanchored-regex",
                    (
                        format!("le motif {}, qu'une partie du texte peut satisfaire", quoted(pattern)),
                        format!("the pattern {} that may match a part", quoted(pattern)),
                    ),
                    (
                        "^…$ : ODK Collect compare le texte entier, le web une partie",
                        "^…$: ODK Collect matches the whole text, the web a part of it",
                    ),
                )
                .fix("Écrivez le motif entre ^ et $.", "Write the pattern between ^ and $."),
            );
        }
        Ok(Node::Matches(Box::new(value), Box::new(compiled)))
    }

    /// The second argument is `'${question}'`, `${question}`, or a path to it, in quotes or not.
    fn choice_name(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        let [value, question] = args else {
            return Err(self.fault(at, arguments_for(args.len(), "jr:choice-name"), "2 arguments"));
        };
        let named = match question {
            Expr::Text(text) => parser::parse(text).ok(),
            other => Some(other.clone()),
        };
        let found = match &named {
            Some(tree) => self.static_place(tree)?,
            None => None,
        };
        let Some(Place::Question(index)) = found else {
            return Err(self.fault(
                at,
                (
                    "un deuxième argument qui ne nomme aucune question",
                    "a second argument that names no question",
                ),
                ("jr:choice-name(valeur, '${question}')", "jr:choice-name(value, '${question}')"),
            ));
        };
        let asked = self.question(index);
        if asked.list.is_none() && asked.itemset.is_none() && self.names.source == Source::Sheet {
            let found = (
                format!("\"${{{}}}\", qui n'a pas de choix", asked.name),
                format!("\"${{{}}}\", which has no choices", asked.name),
            );
            return Err(self.fault(at, found, ("une question select", "a select question")));
        }
        self.labels_of.push(index);
        Ok(Node::ChoiceName(Box::new(self.node(value)?), index))
    }

    /// The question or repeat that a path names, whatever the instance.
    fn static_place(&mut self, tree: &Expr) -> Result<Option<Place>, Trouble> {
        let Some(path) = without_predicates(tree) else { return Ok(None) };
        let (dependencies, wide) = (self.dependencies.clone(), self.wide.clone());
        let warnings = self.warnings.len();
        let reached = self.path_and_places(&path);
        self.dependencies = dependencies;
        self.wide = wide;
        self.warnings.truncate(warnings);
        Ok(match reached?.1.as_slice() {
            [place @ (Place::Question(_) | Place::Instance(_))] => Some(*place),
            _ => None,
        })
    }

    fn indexed_repeat(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        if args.len() < 3 || args.len().is_multiple_of(2) {
            return Err(self.fault(
                at,
                arguments_for(args.len(), "indexed-repeat"),
                (
                    "une question, puis des paires d'un repeat et d'un numéro",
                    "a question, then pairs of a repeat and an index",
                ),
            ));
        }
        let is_sheet = self.names.source == Source::Sheet;
        let mut named = Vec::new();
        for arg in std::iter::once(&args[0]).chain(args[1..].iter().step_by(2)) {
            let is_plain = matches!(arg, Expr::Path(path) if without_predicates(arg).as_ref() == Some(path));
            named.push(if is_plain { self.static_place(arg)? } else { None });
        }
        let Some(Place::Question(question)) = named[0] else {
            if is_sheet {
                let expected = "indexed-repeat(${question}, ${repeat}, index)";
                let found = ("un argument qui n'est pas un ${nom}", "an argument that is no ${name}");
                return Err(self.fault(at, found, expected));
            }
            return Ok(Node::IndexedRepeatOf(self.all(args)?));
        };
        let mut given = Vec::new();
        for place in &named[1..] {
            let Some(Place::Instance(opens)) = *place else {
                if is_sheet {
                    return Err(self.fault(
                        at,
                        ("un argument qui n'est pas un repeat", "an argument that is no repeat"),
                        ("un repeat", "a repeat"),
                    ));
                }
                return Ok(Node::IndexedRepeatOf(self.all(args)?));
            };
            given.push(opens);
        }
        let target = self.question(question).scope;
        let chain = between(self.names.scopes, ScopeIndex::ROOT, target);
        if given.iter().any(|scope| !chain.contains(scope)) {
            return Err(self.fault(
                at,
                (
                    format!("un repeat où \"${{{}}}\" n'est pas", self.question(question).name),
                    format!("a repeat that \"${{{}}}\" is not in", self.question(question).name),
                ),
                ("les repeat autour de la question", "the repeats around the question"),
            ));
        }
        self.depends_on(question, true);
        for scope in &given {
            self.dependencies.extend(self.scope(*scope).repeat);
            self.wide.extend(self.scope(*scope).repeat);
        }
        // Instances of a repeat that is not named, further in, are all meant.
        let last = chain.iter().rposition(|scope| given.contains(scope)).unwrap_or(0);
        if last + 1 < chain.len() {
            return Ok(Node::IndexedRepeatOf(self.all(args)?));
        }
        // Shared repeats that are not indexed stay as they are for the subject.
        let outermost = chain.iter().position(|scope| given.contains(scope)).unwrap_or(0);
        let above = if outermost == 0 { ScopeIndex::ROOT } else { chain[outermost - 1] };
        let from = self.subject_scope();
        let common = common_scope(self.names.scopes, from, above);
        let mut indexes = Vec::new();
        for index in args[2..].iter().step_by(2) {
            indexes.push(Some(self.node(index)?));
        }
        let mut index_of = |scope| indexes[given.iter().position(|given| *given == scope)?].take();
        let inner = between(self.names.scopes, common, target);
        let down = inner.into_iter().map(|scope| (scope, index_of(scope))).collect();
        let up = self.scope(from).depth - self.scope(common).depth;
        Ok(Node::IndexedRepeat(Box::new(IndexedRepeat { question, up, down })))
    }

    fn pulldata(&mut self, args: &[Expr], at: usize) -> Result<Node, Trouble> {
        let [Expr::Text(list), Expr::Text(column), Expr::Text(key_column), key] = args else {
            return Err(self.fault(
                at,
                (
                    "des arguments de pulldata() qu'on ne connaît pas d'avance",
                    "arguments of pulldata() that are not known beforehand",
                ),
                (
                    "pulldata('fichier', 'colonne', 'colonne clé', clé)",
                    "pulldata('file', 'column', 'key column', key)",
                ),
            ));
        };
        if self.names.doc_names.contains_key(list.trim()) {
            return self.pulldata_of_document(list, column, key_column, key, at);
        }
        let found = self
            .find_list(list, at)
            .and_then(|list| Ok((list, self.column(column, list, at)?, self.column(key_column, list, at)?)));
        let (list, column, key_column) = match found {
            Ok(found) => found,
            // Nothing is found where there is nothing.
            Err(_) if self.names.source != Source::Sheet => return Ok(Node::Text("".into())),
            Err(trouble) => return Err(trouble),
        };
        Ok(Node::Lookup { list, column, key_column, key: Box::new(self.node(key)?) })
    }
}

impl Resolver<'_, '_> {
    /// `instance('list')/root/item[key column = key]/column`, either perhaps an attribute.
    fn pulldata_of_document(
        &mut self,
        list: &str,
        column: &str,
        key_column: &str,
        key: &Expr,
        at: usize,
    ) -> Result<Node, Trouble> {
        let step = |name: &str, predicates| {
            let (axis, local) = match name.strip_prefix('@') {
                Some(attribute) => (Axis::Attribute, attribute),
                None => (Axis::Child, name),
            };
            Step { axis, test: Test::Name { prefix: None, local: local.into() }, predicates, at }
        };
        let path = |start, steps| Expr::Path(AstPath { start, predicates: vec![], steps, at });
        let own = path(Start::Context, vec![step(key_column, vec![])]);
        let is_wanted = Expr::Binary(Operator::Equal, Box::new(own), Box::new(from_current(key)));
        let args = vec![Expr::Text(list.to_owned())];
        let instance = Expr::Call { name: "instance".to_owned(), args, at };
        let steps = vec![step("root", vec![]), step("item", vec![is_wanted]), step(column, vec![])];
        let found = path(Start::Expr(Box::new(instance)), steps);
        Ok(Node::Call(Function::String, Box::new([self.node(&found)?])))
    }
}

/// The same expression inside a predicate: relative paths begin where they began outside.
fn from_current(tree: &Expr) -> Expr {
    let all = |terms: &[Expr]| terms.iter().map(from_current).collect();
    match tree {
        Expr::Path(path) if path.start == Start::Context => {
            let current = Expr::Call { name: "current".to_owned(), args: Vec::new(), at: path.at };
            Expr::Path(AstPath { start: Start::Expr(Box::new(current)), ..path.clone() })
        }
        Expr::Or(terms) => Expr::Or(all(terms)),
        Expr::And(terms) => Expr::And(all(terms)),
        Expr::Binary(operator, left, right) => {
            Expr::Binary(*operator, Box::new(from_current(left)), Box::new(from_current(right)))
        }
        Expr::Negate(inner) => Expr::Negate(Box::new(from_current(inner))),
        Expr::Call { name, args, at } => Expr::Call { name: name.clone(), args: all(args), at: *at },
        other => other.clone(),
    }
}

// The form as a tree of places

fn subject_place(subject: Subject) -> Place {
    match subject {
        Subject::Question(question) => Place::Question(question),
        Subject::Instance(scope) => Place::Instance(scope),
        Subject::Document => Place::Elsewhere,
    }
}

fn subject_scope(names: &Names<'_>, subject: Subject) -> ScopeIndex {
    match subject {
        Subject::Question(question) => names.questions[question.as_usize()].scope,
        Subject::Instance(scope) => scope,
        Subject::Document => ScopeIndex::ROOT,
    }
}

/// Scopes from below `above` down to `to`.
fn between(scopes: &[Scope], above: ScopeIndex, to: ScopeIndex) -> Vec<ScopeIndex> {
    let mut down = Vec::new();
    let mut scope = to;
    while scope != above {
        down.push(scope);
        scope = scopes[scope.as_usize()].parent;
    }
    down.reverse();
    down
}

/// The row that holds what is inside a place: a group's own, a repeat's, none for the record.
fn holder(names: &Names<'_>, place: Place) -> Option<Option<QuestionIndex>> {
    match place {
        Place::Question(question) => Some(Some(question)),
        Place::Instance(scope) => Some(names.scopes[scope.as_usize()].repeat),
        _ => None,
    }
}

/// All that is directly inside: questions, groups, repeats; attributes too.
fn inside(names: &Names<'_>, place: Place) -> Vec<QuestionIndex> {
    let Some(holder) = holder(names, place) else { return Vec::new() };
    let (from, to) = match holder {
        None => (0, names.questions.len()),
        Some(holder) => (holder.as_usize() + 1, names.questions[holder.as_usize()].end.as_usize()),
    };
    let mut found = Vec::new();
    let mut at = from;
    while at < to.min(names.questions.len()) {
        let question = &names.questions[at];
        if question.parent == holder {
            found.push(question.index);
        }
        at = question.end.as_usize().max(at + 1);
    }
    found
}

/// The path to the same place in whatever instance; none for what is no path.
fn without_predicates(tree: &Expr) -> Option<AstPath> {
    let Expr::Path(path) = tree else { return None };
    let start = match &path.start {
        Start::Expr(inner) => match &**inner {
            Expr::Path(_) => Start::Expr(Box::new(Expr::Path(without_predicates(inner)?))),
            Expr::Call { name, args, .. }
                if matches!(&**name, "current" | "instance")
                    && args.iter().all(|arg| matches!(arg, Expr::Text(_))) =>
            {
                path.start.clone()
            }
            _ => return None,
        },
        start => start.clone(),
    };
    let steps = path.steps.iter().map(|step| Step { predicates: vec![], ..step.clone() }).collect();
    Some(AstPath { start, predicates: vec![], steps, at: path.at })
}

fn children(names: &Names<'_>, place: Place) -> Vec<Place> {
    match place {
        Place::Document => vec![Place::Instance(ScopeIndex::ROOT)],
        Place::Elsewhere => vec![Place::Elsewhere],
        Place::List(list) => vec![Place::ListRoot(list)],
        Place::ListRoot(list) => vec![Place::Item(list)],
        Place::Item(list) => vec![Place::Field(list)],
        Place::Field(_) => Vec::new(),
        _ => inside(names, place)
            .into_iter()
            .map(|index| &names.questions[index.as_usize()])
            .filter(|question| question.question_type != QuestionType::Attribute)
            .map(|question| question.opens.map_or(Place::Question(question.index), Place::Instance))
            .collect(),
    }
}

fn attributes(names: &Names<'_>, place: Place) -> Vec<Place> {
    if place == Place::Elsewhere {
        return vec![place];
    }
    inside(names, place)
        .into_iter()
        .filter(|index| names.questions[index.as_usize()].question_type == QuestionType::Attribute)
        .map(Place::Question)
        .collect()
}

fn parent(names: &Names<'_>, place: Place) -> Option<Place> {
    let of = |question: QuestionIndex| {
        let question = &names.questions[question.as_usize()];
        match question.parent {
            Some(parent) if names.questions[parent.as_usize()].opens.is_none() => Place::Question(parent),
            _ => Place::Instance(question.scope),
        }
    };
    match place {
        Place::Document | Place::List(_) => None,
        Place::Elsewhere => Some(Place::Elsewhere).filter(|_| false),
        Place::Question(question) => Some(of(question)),
        Place::Instance(scope) => match names.scopes[scope.as_usize()].repeat {
            None => Some(Place::Document),
            Some(repeat) => Some(of(repeat)),
        },
        Place::ListRoot(list) => Some(Place::List(list)),
        Place::Item(list) => Some(Place::ListRoot(list)),
        Place::Field(list) => Some(Place::Item(list)),
    }
}

fn top(names: &Names<'_>, place: Place) -> Place {
    let mut at = place;
    while let Some(around) = parent(names, at) {
        at = around;
    }
    at
}

fn descend(names: &Names<'_>, place: Place, reached: &mut BTreeSet<Place>) {
    let mut open = vec![place];
    while let Some(place) = open.pop() {
        for child in children(names, place) {
            if reached.insert(child) {
                open.push(child);
            }
        }
    }
}

/// The name without its prefix; none for what is known only when the expression runs.
fn local_name<'f>(names: &Names<'f>, place: Place) -> Option<&'f str> {
    let local = |name: &'f str| name.rsplit_once(':').map_or(name, |(_, local)| local);
    match place {
        Place::Question(question) => Some(local(&names.questions[question.as_usize()].name)),
        Place::Instance(scope) => Some(
            names.scopes[scope.as_usize()]
                .repeat
                .map_or(names.root, |repeat| local(&names.questions[repeat.as_usize()].name)),
        ),
        Place::ListRoot(_) => Some("root"),
        Place::Item(_) => Some("item"),
        _ => None,
    }
}

/// Namespaces that forms use without saying so.
fn common_namespace(prefix: &str) -> Option<Box<str>> {
    let uri = match prefix {
        "h" | "xhtml" => "http://www.w3.org/1999/xhtml",
        "jr" => "http://openrosa.org/javarosa",
        "odk" => "http://www.opendatakit.org/xforms",
        "orx" => "http://openrosa.org/xforms",
        "xf" => "http://www.w3.org/2002/xforms",
        "xml" => "http://www.w3.org/XML/1998/namespace",
        _ => return None,
    };
    Some(uri.into())
}

/// `${name}` as a path, seen from a subject.
struct References<'n, 'f> {
    names: &'n Names<'f>,
    subject: Subject,
}

impl References<'_, '_> {
    /// Relative where both are in one repeat, else absolute; in a predicate it begins at `current()`.
    fn path(&self, name: &str, within_predicate: bool) -> String {
        let Some(index) = self.names.by_name.get(name) else { return format!("${{{name}}}") };
        reference_path(self.names, self.subject, *index, within_predicate)
    }
}

/// The path from a subject to a question, as XPath.
pub(crate) fn reference_path(
    names: &Names<'_>,
    subject: Subject,
    index: QuestionIndex,
    within_predicate: bool,
) -> String {
    let target = &names.questions[index.as_usize()];
    let shared = common_scope(names.scopes, subject_scope(names, subject), target.scope);
    if shared == ScopeIndex::ROOT {
        return absolute_path(names, index);
    }
    // Up to the shared instance, then down by name.
    let mut path = String::from(if within_predicate { "current()/" } else { "" });
    let mut at = subject_place(subject);
    let mut ups = 0;
    while at != Place::Instance(shared) {
        ups += 1;
        let Some(around) = parent(names, at) else { break };
        at = around;
    }
    path.push_str(&if ups == 0 { ".".to_owned() } else { vec![".."; ups].join("/") });
    let mut below = Vec::new();
    let mut at = Some(index);
    while let Some(question) = at {
        let question = &names.questions[question.as_usize()];
        if question.opens == Some(shared) {
            break;
        }
        below.push(&*question.name);
        at = question.parent;
    }
    for name in below.iter().rev() {
        path.push('/');
        path.push_str(name);
    }
    path
}

/// The path of what an instance is one of: of a repeat, or of the record.
pub(crate) fn path_around(names: &Names<'_>, scope: ScopeIndex) -> String {
    match names.scopes[scope.as_usize()].repeat {
        Some(repeat) => absolute_path(names, repeat),
        None => format!("/{}", names.root),
    }
}

/// `/data/group/question`
pub(crate) fn absolute_path(names: &Names<'_>, index: QuestionIndex) -> String {
    let mut steps = Vec::new();
    let mut at = Some(index);
    while let Some(question) = at {
        let question = &names.questions[question.as_usize()];
        steps.push(&*question.name);
        at = question.parent;
    }
    steps.push(names.root);
    steps.reverse();
    format!("/{}", steps.join("/"))
}

fn arguments_for(count: usize, function: &str) -> (String, String) {
    (format!("{count} arguments pour {function}()"), format!("{count} arguments for {function}()"))
}

fn is_node_set(node: &Node) -> bool {
    matches!(
        node,
        Node::Cell(_)
            | Node::Dot
            | Node::Nodes(_)
            | Node::Union(_)
            | Node::Column(_)
            | Node::IndexedRepeat(_)
            | Node::IndexedRepeatOf(_)
            | Node::Call(Function::Id | Function::Randomize | Function::If, _)
    )
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
        Node::Dot
        | Node::Column(_)
        | Node::Union(_)
        | Node::IndexedRepeat(_)
        | Node::IndexedRepeatOf(_)
        | Node::Itext(_)
        | Node::Unknown(_) => false,
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
