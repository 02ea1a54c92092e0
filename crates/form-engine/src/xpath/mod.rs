//! ODK's XPath: text to tokens ([`lexer`]), tokens to a tree ([`parser`]), names to places in the form ([`resolve`]),
//! and the tree over a record's values ([`eval`]).

pub(crate) mod ast;
pub(crate) mod axes;
pub(crate) mod eval;
pub(crate) mod functions;
pub(crate) mod geo;
pub(crate) mod lexer;
pub(crate) mod number;
pub(crate) mod parser;
pub(crate) mod print;
pub(crate) mod program;
pub(crate) mod resolve;
pub(crate) mod temporal;

pub(crate) use number::number_text;
