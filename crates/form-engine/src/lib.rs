#![doc = include_str!("../README.md")]

mod arena;
mod changes;
mod columns;
mod compile;
mod diagnostics;
mod entities;
mod evaluate;
mod evaluation;
mod findings;
mod form;
mod interview;
mod lexical;
mod list;
mod messages;
mod revision;
mod session;
mod template;
mod workbook;
mod xform;
mod xls;
mod xlsx;
mod xml;
mod xml_expression;
mod xpath;

pub use changes::{ChangeKind, FormChange};
pub use diagnostics::{Diagnostic, Diagnostics, MAX_DIAGNOSTICS, Severity};
pub use entities::{EntityKey, EntityWrite};
pub use evaluate::evaluate;
pub use evaluation::{Evaluation, Level, NodeState, Violation, ViolationKind};
pub use findings::record_findings;
pub use form::{AttachmentKind, CompiledForm, Question, QuestionIndex, QuestionKind, QuestionType};
pub use interview::{
    AnswerError, Choice, Preload, answer_writes, check_answer, choices, closing_answers, hint,
    initial_answers, instance_defaults, label, triggered_answers,
};
pub use session::{Interview, InterviewError, InterviewNode, Resume};
pub use workbook::{
    MAX_CELL_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_INFLATED_BYTES, MAX_ROWS, MAX_WORKBOOK_BYTES, Workbook,
};
pub use xml::MAX_XFORM_BYTES;
pub use xml_expression::{Functions, XmlExpression, XmlValue};
pub use xpath::parser::{MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_TOKENS};
