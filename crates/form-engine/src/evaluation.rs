//! What an evaluation found.

use std::sync::{Arc, OnceLock};

use record_model::{AnswerPath, Answers, InstanceId, PartsHasher, Value};
use serde::{Deserialize, Serialize};

use crate::arena::{Arena, Datum};
use crate::evaluate::{Stop, path_of, question_path, walk, wanted_count};
use crate::form::{Flag, Form, Question, QuestionIndex, QuestionType, Source};
use crate::xpath::eval::{Budget, Clock, Context, Evaluator, datum_text};
use crate::xpath::number_text;

/// The tag under which exports are hashed.
const EXPORT_TAG: &str = "lakou/export/v1";

/// What kind of thing does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// An answer is missing.
    Required,
    /// The question's own constraint.
    Constraint,
    /// The value is not of the question's type.
    Type,
    /// The option is not in the list, or not on offer given the other answers.
    Choice,
    /// A rule across answers, or the number of a repeat's instances.
    Rule,
}

impl ViolationKind {
    /// The stable word in JSON, logs and ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Constraint => "constraint",
            Self::Type => "type",
            Self::Choice => "choice",
            Self::Rule => "rule",
        }
    }
}

/// What a violation prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The record cannot be finalised.
    Block,
    /// It can, with a typed reason.
    Warn,
    /// Only the central server looks at it.
    Central,
}

impl Level {
    /// The stable word in JSON, logs and the `rules` sheet.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Warn => "warn",
            Self::Central => "central",
        }
    }
}

/// One thing that does not hold. Its Debug leaves the message out, which may quote answers.
#[derive(Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind of thing.
    pub kind: ViolationKind,
    /// What it prevents.
    pub level: Level,
    /// The rule's id such as `V01`, or `<path> constraint`, `<path> required` and so on.
    pub id: String,
    /// The answer it is about; none for a rule of the whole record.
    pub path: Option<AnswerPath>,
    /// Every stored answer behind it, sorted, absent ones included: calculations are followed to what they were computed
    /// from, and a rule over a repeat names the removals it rests on.
    pub depends_on: Vec<AnswerPath>,
    pub(crate) messages: Vec<(String, String)>,
}

impl std::fmt::Debug for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Violation({}, {:?}, {:?})", self.id, self.kind, self.level)
    }
}

impl Violation {
    /// What to tell a person; in the form's default language when it does not have this one.
    pub fn message(&self, lang: &str) -> &str {
        self.messages
            .iter()
            .find(|(code, _)| code == lang)
            .or_else(|| self.messages.first())
            .map_or("", |(_, text)| text)
    }

    /// The same in each of the form's languages, by code.
    pub fn messages(&self) -> &[(String, String)] {
        &self.messages
    }
}

/// One question, group, repeat or repeat instance of a record, in document order.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeState {
    /// Where its answer lives. A group's and a repeat's path is its name as if it were a question: nothing is stored there.
    pub path: AnswerPath,
    /// Which row of the form.
    pub question: QuestionIndex,
    /// Set for one instance of a repeat; the repeat as a whole comes before its instances, with none.
    pub instance: Option<InstanceId>,
    /// It is asked: its own condition and all those around it hold.
    pub relevant: bool,
    /// It must be answered.
    pub required: bool,
    /// It may be seen, not changed.
    pub read_only: bool,
    /// The answer or the calculated value; a select_multiple as its codes separated by spaces. Kept when not relevant.
    pub value: Value,
    /// The value is computed, never stored.
    pub is_calculated: bool,
}

/// A record evaluated against a form. Owns what it found; cheap to ask, nothing is computed twice.
pub struct Evaluation {
    pub(crate) form: Arc<Form>,
    pub(crate) arena: Arena,
    pub(crate) clock: Clock,
    pub(crate) violations: Vec<Violation>,
    pub(crate) nodes: OnceLock<Vec<NodeState>>,
}

/// What does not hold; no answer.
impl std::fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation").field("violations", &self.violations).finish_non_exhaustive()
    }
}

impl Evaluation {
    /// Document order, repeats instance by instance.
    pub fn nodes(&self) -> &[NodeState] {
        self.nodes.get_or_init(|| self.list_nodes())
    }

    /// What does not hold: question by question in document order, then the rules in sheet order.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The ids of a repeat's instances in order, those of nested repeats parent by parent. Removed ones are left out.
    pub fn instances(&self, repeat: &str) -> Vec<InstanceId> {
        let Some(scope) = self.scope(repeat) else { return Vec::new() };
        let instances = &self.arena.by_scope[scope.as_usize()];
        instances.iter().filter_map(|at| self.arena.instance(*at).id).collect()
    }

    /// The same inside one instance (`roster/7K3QF…`; empty for the record).
    pub fn instances_in(&self, repeat: &str, prefix: &str) -> Vec<InstanceId> {
        let (Some(scope), Some(around)) = (self.scope(repeat), self.arena.find(prefix)) else {
            return Vec::new();
        };
        if self.form.scope(scope).parent != self.arena.instance(around).scope {
            return Vec::new();
        }
        let inside = self.arena.inside(&self.form, around, scope);
        inside.iter().filter_map(|at| self.arena.instance(*at).id).collect()
    }

    /// How many instances `repeat_count` asks for inside one instance (empty prefix: the record).
    pub fn repeat_count(&self, repeat: &str, prefix: &str) -> Option<u32> {
        let question = self.form.question(*self.form.by_key.get(repeat)?);
        let around = self.arena.find(prefix)?;
        if question.scope != self.arena.instance(around).scope {
            return None;
        }
        let count =
            self.evaluator(0).run_number(question.repeat_count?, Context::cell(around, question.index));
        Some(wanted_count(count))
    }

    /// The answered or calculated value at a path; null when there is none or it is not relevant.
    pub fn value(&self, path: &AnswerPath) -> Value {
        self.locate(path)
            .filter(|(instance, question)| self.arena.cell(&self.form, *instance, question.index).relevant)
            .map_or(Value::Null, |(instance, question)| self.value_of(question, instance))
    }

    /// True if the question at this path is asked.
    pub fn is_relevant(&self, path: &AnswerPath) -> bool {
        self.locate(path).is_some_and(|(instance, question)| {
            self.arena.cell(&self.form, instance, question.index).relevant
        })
    }

    /// True if what stands at this path belongs to something that is asked: a question, or for a marker the repeat
    /// instance it marks. The record's own markers always do.
    pub fn belongs(&self, path: &AnswerPath) -> bool {
        if path.marker().is_none() {
            return self.is_relevant(path);
        }
        let prefix = path.instance_prefix();
        prefix.is_empty()
            || self.nodes().iter().any(|node| {
                node.relevant
                    && node
                        .instance
                        .is_some_and(|id| prefix.rsplit('/').next() == Some(id.to_string().as_str()))
            })
    }

    /// Answers that this form revision has no question for. They stay in the record.
    pub fn unknown(&self) -> &[AnswerPath] {
        &self.arena.unknown
    }

    /// The settings' `instance_name`, or an empty text.
    pub fn instance_name(&self, lang: &str) -> String {
        let evaluator = self.evaluator(self.form.language(lang));
        self.form
            .instance_name
            .map_or_else(String::new, |id| evaluator.run_text(id, Context::instance(0)).into_owned())
    }

    /// Relevant values only, calculations included, a select_multiple as its option paths.
    pub fn export(&self) -> Answers {
        let mut answers = Answers::new();
        walk(&self.form, &self.arena, &mut |stop| {
            let Stop::Question { question, instance } = stop else { return };
            let cell = self.arena.cell(&self.form, instance, question.index);
            if !cell.relevant || cell.datum == Datum::Blank {
                return;
            }
            if question.question_type == QuestionType::SelectMultiple {
                self.export_options(question, instance, &mut answers);
                return;
            }
            let path = question_path(&self.form, &self.arena, instance, question);
            answers.extend(path.map(|path| (path, self.value_of(question, instance))));
        });
        answers
    }

    /// One path for each ticked option, and the one that says "answered".
    fn export_options(&self, question: &Question, instance: u32, answers: &mut Answers) {
        let cell = self.arena.cell_at(&self.form, instance, question.index);
        let ticked = Value::Bool(true);
        answers.extend(self.arena.ticked_paths(cell).map(|path| (path.clone(), ticked.clone())));
        let mut stored = self.arena.ticked_paths(cell).map(|path| path.option().unwrap_or_default());
        // Stored options come with "answered" first. It is missing when an option alone was merged, and all are when
        // the value was calculated.
        if stored.next() == Some("") {
            return;
        }
        let codes = datum_text(&self.arena.cells[cell].datum);
        for option in std::iter::once("").chain(codes.split_whitespace()) {
            let path = path_of(&self.arena, instance, &format!("{}#{option}", question.key));
            answers.extend(path.map(|path| (path, ticked.clone())));
        }
    }

    /// SHA-256 over the export, path by path: what a finalise signs.
    pub fn export_hash(&self) -> [u8; 32] {
        let mut hasher = PartsHasher::new(EXPORT_TAG);
        for (path, value) in self.export() {
            hasher.add(path.as_str().as_bytes());
            hasher.add_value(&value);
        }
        hasher.finish()
    }

    /// What `once()` and its kin found and the record does not hold yet: the caller stores it, so that it stays.
    pub fn to_store(&self) -> Answers {
        let mut answers = Answers::new();
        walk(&self.form, &self.arena, &mut |stop| {
            let Stop::Question { question, instance } = stop else { return };
            let cell = self.arena.cell(&self.form, instance, question.index);
            if question.once && cell.relevant && !cell.datum.is_blank() {
                let path = question_path(&self.form, &self.arena, instance, question);
                answers.extend(path.map(|path| (path, self.value_of(question, instance))));
            }
        });
        answers
    }

    // Inside

    pub(crate) fn evaluator(&self, language: usize) -> Evaluator<'_> {
        Evaluator {
            form: &self.form,
            arena: &self.arena,
            clock: self.clock,
            language,
            reads: None,
            uuid: "",
            fault: None,
            budget: Budget::default(),
        }
    }

    fn scope(&self, repeat: &str) -> Option<crate::form::ScopeIndex> {
        self.form.question(*self.form.by_key.get(repeat)?).opens
    }

    /// The instance and the question a path names.
    fn locate(&self, path: &AnswerPath) -> Option<(u32, &Question)> {
        let question = self.form.question(*self.form.by_key.get(path.leaf())?);
        let instance = self.arena.find(path.instance_prefix())?;
        (question.scope == self.arena.instance(instance).scope).then_some((instance, question))
    }

    /// A cell's value as it is stored or exported.
    pub(crate) fn value_of(&self, question: &Question, instance: u32) -> Value {
        match &self.arena.cell(&self.form, instance, question.index).datum {
            Datum::Blank => Value::Null,
            Datum::Bool(flag) if question.source == Source::Stored => Value::Bool(*flag),
            Datum::Bool(flag) => Value::from(if *flag { "true" } else { "false" }),
            Datum::Int(number) => Value::Int(*number),
            Datum::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Value::Int(*number as i64)
            }
            Datum::Number(number) => Value::Text(number_text(*number)),
            Datum::Text(text) => Value::Text(text.to_string()),
        }
    }

    fn list_nodes(&self) -> Vec<NodeState> {
        let mut nodes = Vec::with_capacity(self.arena.cells.len() + self.arena.instances.len());
        walk(&self.form, &self.arena, &mut |stop| match stop {
            Stop::Question { question, instance } => nodes.extend(self.node(question, instance, None)),
            Stop::Instance { question, inner } => {
                let inner = self.arena.instance(inner);
                nodes.extend(self.node(question, inner.parent, inner.id));
            }
        });
        nodes
    }

    fn node(&self, question: &Question, instance: u32, id: Option<InstanceId>) -> Option<NodeState> {
        let context = Context::cell(instance, question.index);
        let flag = |flag: Flag| match flag {
            Flag::No => false,
            Flag::Yes => true,
            Flag::When(id) => self.evaluator(0).run_bool(id, context),
        };
        let relevant = self.arena.cell(&self.form, instance, question.index).relevant;
        Some(NodeState {
            path: question_path(&self.form, &self.arena, instance, question)?,
            question: question.index,
            instance: id,
            relevant,
            required: relevant && flag(question.required),
            read_only: question.is_calculated() || flag(question.read_only),
            value: self.value_of(question, instance),
            is_calculated: question.is_calculated(),
        })
    }
}
