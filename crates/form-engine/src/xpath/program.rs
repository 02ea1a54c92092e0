//! What an expression becomes once its names are places: no text is looked up when it runs.

use regex::Regex;

use crate::form::{ListIndex, QuestionIndex, ScopeIndex};
use crate::xpath::ast::Operator;
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
    ChoiceName(Box<Node>, ListIndex),
    IndexedRepeat(Box<IndexedRepeat>),
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
}

#[derive(Debug)]
pub(crate) enum PathStep {
    Filter(Filter),
    /// On from each node reached.
    Walk(Walk),
    /// From rows of a list to one of their columns.
    Column(Column),
}

/// A predicate, and how to find what it may keep without looking at every row.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) test: Node,
    pub(crate) index: Option<IndexTerm>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
