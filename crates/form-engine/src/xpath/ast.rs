//! The tree as it is written, before names mean anything.

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    /// Two or more terms.
    Or(Vec<Expr>),
    /// Two or more terms.
    And(Vec<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    Union(Box<Expr>, Box<Expr>),
    Call {
        name: String,
        args: Vec<Expr>,
        at: usize,
    },
    Path(Path),
}

/// Between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// `${roster}[relationship = '01']/age`, `../age`, `instance('areas')/root/item[name = 'x']/label`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) start: Start,
    /// Directly after the start.
    pub(crate) predicates: Vec<Expr>,
    pub(crate) steps: Vec<Step>,
    /// Where in the text.
    pub(crate) at: usize,
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    /// `/`
    Root,
    /// The first step is relative to the context node.
    Context,
    /// `${name}`
    Reference(String),
    /// A call or an expression in parentheses.
    Expr(Box<Expr>),
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) axis: Axis,
    pub(crate) test: Test,
    pub(crate) predicates: Vec<Expr>,
    pub(crate) at: usize,
}

impl Step {
    /// `name` of a plain child step.
    pub(crate) fn child_name(&self) -> Option<&str> {
        match (&self.axis, &self.test) {
            (Axis::Child, Test::Name { local, .. }) => Some(local),
            _ => None,
        }
    }
}

/// Where a step looks, seen from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Namespace,
    Parent,
    Preceding,
    PrecedingSibling,
    Own,
}

impl Axis {
    const NAMES: [(&'static str, Self); 13] = [
        ("ancestor", Self::Ancestor),
        ("ancestor-or-self", Self::AncestorOrSelf),
        ("attribute", Self::Attribute),
        ("child", Self::Child),
        ("descendant", Self::Descendant),
        ("descendant-or-self", Self::DescendantOrSelf),
        ("following", Self::Following),
        ("following-sibling", Self::FollowingSibling),
        ("namespace", Self::Namespace),
        ("parent", Self::Parent),
        ("preceding", Self::Preceding),
        ("preceding-sibling", Self::PrecedingSibling),
        ("self", Self::Own),
    ];

    /// By the name that stands before `::`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, axis)| *axis)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, axis)| *axis == self).map_or("", |(name, _)| name)
    }

    /// True when positions count backwards through the document.
    pub(crate) fn is_reverse(self) -> bool {
        matches!(self, Self::Ancestor | Self::AncestorOrSelf | Self::Preceding | Self::PrecedingSibling)
    }
}

/// Which nodes of an axis a step takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// `name`, `prefix:name`
    Name { prefix: Option<Box<str>>, local: Box<str> },
    /// `*`
    Any,
    /// `prefix:*`
    AnyOf(Box<str>),
    /// `node()`
    Node,
    /// `text()`
    Text,
    /// `comment()`
    Comment,
    /// `processing-instruction('target')`
    Instruction(Option<Box<str>>),
}
