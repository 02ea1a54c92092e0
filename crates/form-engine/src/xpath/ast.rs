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
    pub(crate) kind: StepKind,
    pub(crate) predicates: Vec<Expr>,
    pub(crate) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StepKind {
    /// `.`
    Own,
    /// `..`
    Parent,
    /// `name`
    Child(String),
    /// `*`
    AnyChild,
}
