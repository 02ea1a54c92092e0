//! What an expression becomes once its names are places: no text is looked up when it runs.

use regex::Regex;

use crate::form::{DocIndex, ListIndex, QuestionIndex, ScopeIndex};
use crate::xpath::ast::{Axis, Operator};
use crate::xpath::functions::Function;

/// Names an expression in the form's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ExprId(pub(crate) u32);

/// An expression with what it reads.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) root: Node,
    /// Questions, groups and repeats whose value or relevance it reads, sorted, each once.
    pub(crate) dependencies: Vec<QuestionIndex>,
    /// Those of them that it reads in other instances than the one at hand shares, sorted.
    pub(crate) wide: Vec<QuestionIndex>,
    /// Selects whose choices' labels it reads.
    pub(crate) labels_of: Vec<QuestionIndex>,
    /// The expression as XPath, every `${name}` written as a path: what a form is known and written by.
    pub(crate) source: Box<str>,
}

/// A resolved expression.
#[derive(Debug)]
pub(crate) enum Node {
    Number(f64),
    Text(Box<str>),
    /// The value of one question, known by where it lives relative to the context.
    Cell(CellRef),
    /// `.`: the value at hand.
    Dot,
    /// A column of the list item at hand.
    Column(Column),
    /// A set of places.
    Nodes(Box<Path>),
    Or(Box<[Node]>),
    And(Box<[Node]>),
    Binary(Operator, Box<(Node, Node)>),
    Negate(Box<Node>),
    Union(Box<(Node, Node)>),
    Call(Function, Box<[Node]>),
    /// `regex()` with a pattern known beforehand.
    Matches(Box<Node>, Box<Regex>),
    /// `selected(${question}, 'code')`: most of what forms ask.
    HasToken(Box<Node>, Box<str>),
    /// `jr:choice-name(value, '${question}')`.
    ChoiceName(Box<Node>, QuestionIndex),
    IndexedRepeat(Box<IndexedRepeat>),
    /// The same over paths that are known only when it runs.
    IndexedRepeatOf(Box<[Node]>),
    /// `jr:itext(id)`.
    Itext(Box<Node>),
    /// A function nobody knows, which a condition may keep from being called.
    Unknown(Box<str>),
    /// `pulldata('list', 'column', 'key column', key)`.
    Lookup {
        list: ListIndex,
        column: Column,
        key_column: Column,
        key: Box<Node>,
    },
}

/// Whose surroundings a path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The question the expression belongs to.
    Current,
    /// The node at hand (inside a predicate).
    Dot,
}

/// One cell: so many repeat instances up, then a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellRef {
    pub(crate) origin: Origin,
    pub(crate) up: u8,
    pub(crate) question: QuestionIndex,
}

/// Up to a common instance, down through every instance of some repeats, to a target in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) up: u8,
    pub(crate) down: Box<[ScopeIndex]>,
    pub(crate) target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A question or group in the instance reached.
    Question(QuestionIndex),
    /// The instance itself (of the repeat, or the record).
    Instance,
}

/// A path: a start, then filters and further steps.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) start: PathStart,
    pub(crate) steps: Box<[PathStep]>,
}

#[derive(Debug)]
pub(crate) enum PathStart {
    /// From the instance at hand.
    Walk(Origin, Walk),
    /// Every row of a list.
    Items(ListIndex),
    /// `/`
    Root,
    /// The node at hand.
    Dot,
    /// `current()`
    Current,
    /// `instance('list')`
    List(ListIndex),
    /// `instance('name')` of an XML document.
    Document(DocIndex),
    /// `instance('name')`, looked for in the document at hand.
    Instance(Box<str>),
    /// A node-set of its own.
    Expr(Node),
}

#[derive(Debug)]
pub(crate) enum PathStep {
    /// Positions count among nodes of one parent.
    Filter(Filter),
    /// Positions count among all nodes so far.
    FilterAll(Node),
    /// On from each node reached.
    Walk(Walk),
    /// From rows of a list to one of their columns.
    Column(Column),
    /// Any step of XPath.
    Axis { axis: Axis, test: NodeTest, predicates: Box<[Node]> },
}

/// Which nodes of an axis a step takes, prefixes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeTest {
    /// Elements (attributes on their axis) of this name.
    Name {
        uri: Option<Box<str>>,
        local: Box<str>,
    },
    /// All elements; of one namespace, if it is given.
    Any(Option<Box<str>>),
    Node,
    Text,
    Comment,
    Instruction(Option<Box<str>>),
}

/// A predicate, and how to find what it may keep without looking at every row.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) test: Node,
    pub(crate) terms: Vec<IndexTerm>,
}

/// `column = value` as one term of a conjunction, where the value does not depend on the row.
#[derive(Debug)]
pub(crate) struct IndexTerm {
    pub(crate) column: Column,
    /// Which term of the top-level `and` it is; 0 when the test is the term itself.
    pub(crate) term: usize,
    /// Which side of the `=` the value is on.
    pub(crate) value_on_left: bool,
}

/// A column of a list, or the label in the language at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Name,
    Label,
    Extra(u16),
}

/// `indexed-repeat(${question}, ${repeat}, index, …)`.
#[derive(Debug)]
pub(crate) struct IndexedRepeat {
    pub(crate) question: QuestionIndex,
    pub(crate) up: u8,
    /// Each repeat on the way down, with the index asked for (the first when none is given).
    pub(crate) down: Box<[(ScopeIndex, Option<Node>)]>,
}
