//! The way through a form, as it is for one record now.

use form_engine::{CompiledForm, Evaluation, NodeState, QuestionIndex, QuestionKind};
use record_model::AnswerPath;

/// A place where the interview stops, or that it passes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stop {
    pub(super) kind: StopKind,
    pub(super) question: QuestionIndex,
    pub(super) path: AnswerPath,
    /// The instance it is in; for an instance its own prefix; empty for the record.
    pub(super) prefix: String,
    pub(super) required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopKind {
    /// A question to answer.
    Ask,
    /// After a repeat's instances: add another, or remove one.
    Members,
    /// The beginning of an instance.
    Instance,
    /// The beginning of a group.
    Heading,
    /// Something to read.
    Note,
}

impl Stop {
    /// True when the person does something here.
    pub(super) fn waits(&self) -> bool {
        matches!(self.kind, StopKind::Ask | StopKind::Members)
    }

    /// Names the stop, so that an interview can be resumed there.
    pub(super) fn key(&self) -> String {
        match self.kind {
            StopKind::Members => format!("{}[]", self.path),
            _ => self.path.to_string(),
        }
    }
}

/// All of them, in document order.
pub(super) fn stops(form: &CompiledForm, evaluation: &Evaluation) -> Vec<Stop> {
    let mut stops = Vec::new();
    let mut open: Vec<&NodeState> = Vec::new();
    for node in evaluation.nodes() {
        while let Some(repeat) = open.pop_if(|repeat| !is_inside(form, node, repeat)) {
            stops.push(members(repeat));
        }
        if !node.relevant {
            continue;
        }
        let prefix = node.path.instance_prefix().to_owned();
        let kind = match (form.question(node.question).kind(), node.instance) {
            (QuestionKind::Repeat, None) => {
                open.push(node);
                continue;
            }
            (QuestionKind::Repeat, Some(instance)) => {
                let prefix = format!("{}/{instance}", node.path);
                stops.push(stop(StopKind::Instance, node, prefix));
                continue;
            }
            (QuestionKind::Group, _) => StopKind::Heading,
            (QuestionKind::Note, _) => StopKind::Note,
            (QuestionKind::Question, _) if !node.read_only && !node.is_calculated => StopKind::Ask,
            _ => continue,
        };
        stops.push(stop(kind, node, prefix));
    }
    stops.extend(open.into_iter().rev().map(members));
    stops
}

fn stop(kind: StopKind, node: &NodeState, prefix: String) -> Stop {
    Stop { kind, question: node.question, path: node.path.clone(), prefix, required: node.required }
}

fn members(repeat: &NodeState) -> Stop {
    stop(StopKind::Members, repeat, repeat.path.instance_prefix().to_owned())
}

/// True for an instance of this very repeat, and for all within one.
fn is_inside(form: &CompiledForm, node: &NodeState, repeat: &NodeState) -> bool {
    if node.question == repeat.question {
        return node.instance.is_some() && node.path == repeat.path;
    }
    let mut around = form.question(node.question).parent();
    while let Some(parent) = around {
        if parent == repeat.question {
            return node.path.instance_prefix().starts_with(repeat.path.instance_prefix());
        }
        around = form.question(parent).parent();
    }
    false
}
