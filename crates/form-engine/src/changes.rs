//! What a new revision of a form changes for the answers given under an older one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::form::{CompiledForm, Question, QuestionIndex, QuestionKind, QuestionType};

/// One change, named by the question's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormChange {
    /// The question's key, which its answers stand under in both revisions.
    pub key: String,
    /// What changed.
    #[serde(flatten)]
    pub kind: ChangeKind,
}

/// What may change about a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone. Its answers stay in the records, and are shown as those of no question.
    Removed,
    /// It has another name; the sheet's `renamed_from` says which it had. Its answers follow.
    Renamed {
        /// The name it had.
        from: String,
        /// The name it has.
        to: String,
    },
    /// Every answer of before still fits: a whole number where any number may stand, one choice where several may.
    Widened {
        /// The type it had.
        from: String,
        /// The type it has.
        to: String,
    },
    /// Answers of before may not fit any more. They are kept, and flagged where they do not.
    Narrowed {
        /// The type it had.
        from: String,
        /// The type it has.
        to: String,
    },
    /// It is asked in other instances: it moved into a repeat or out of one. Answers do not follow.
    Moved {
        /// The repeats it stood in, outermost first.
        from: Vec<String>,
        /// The repeats it stands in.
        to: Vec<String>,
    },
    /// Its options are others.
    Choices {
        /// Codes it did not have.
        added: Vec<String>,
        /// Codes it has no more. Answers with them are kept and flagged.
        removed: Vec<String>,
    },
}

impl CompiledForm {
    /// What this revision changes against an older one of the same form: in the order of this one's questions, then what
    /// is gone in the order of the older one's.
    pub fn changes_from(&self, older: &Self) -> Vec<FormChange> {
        let before: BTreeMap<&str, &Question> =
            answered(older).map(|question| (question.key(), question)).collect();
        let mut changes = Vec::new();
        let mut known = BTreeSet::new();
        for question in answered(self) {
            known.insert(question.key());
            match before.get(question.key()) {
                None => changes.push(change(question, ChangeKind::Added)),
                Some(former) => {
                    let kinds = compare(older, former, self, question);
                    changes.extend(kinds.into_iter().map(|kind| change(question, kind)));
                }
            }
        }
        let gone = answered(older).filter(|question| !known.contains(question.key()));
        changes.extend(gone.map(|question| change(question, ChangeKind::Removed)));
        changes
    }
}

fn change(question: &Question, kind: ChangeKind) -> FormChange {
    FormChange { key: question.key().to_owned(), kind }
}

/// What answers are kept under: questions and repeats. Groups, notes and what is only calculated hold none.
fn answered(form: &CompiledForm) -> impl Iterator<Item = &Question> {
    form.questions().iter().filter(|question| {
        !matches!(question.kind(), QuestionKind::Group | QuestionKind::Note)
            && !question.is_calculated()
            && question.question_type() != QuestionType::Attribute
    })
}

fn compare(
    older: &CompiledForm,
    former: &Question,
    newer: &CompiledForm,
    question: &Question,
) -> Vec<ChangeKind> {
    let mut kinds = Vec::new();
    if former.name() != question.name() {
        kinds.push(ChangeKind::Renamed { from: former.name().into(), to: question.name().into() });
    }
    let (from, to) = (repeats(older, former.index()), repeats(newer, question.index()));
    if from != to {
        kinds.push(ChangeKind::Moved { from, to });
    }
    let (old, new) = (former.question_type(), question.question_type());
    if !same_values(old, new) {
        let (from, to) = (format!("{old:?}"), format!("{new:?}"));
        kinds.push(if takes_all(old, new) {
            ChangeKind::Widened { from, to }
        } else {
            ChangeKind::Narrowed { from, to }
        });
    }
    let (had, has) = (codes(older, former.index()), codes(newer, question.index()));
    let added: Vec<String> = has.difference(&had).map(|code| code.to_string()).collect();
    let removed: Vec<String> = had.difference(&has).map(|code| code.to_string()).collect();
    // A question that had none at all has another type, which is told already.
    let same_codes = added.is_empty() && removed.is_empty();
    if !had.is_empty() && !has.is_empty() && !same_codes {
        kinds.push(ChangeKind::Choices { added, removed });
    }
    kinds
}

fn repeats(form: &CompiledForm, question: QuestionIndex) -> Vec<String> {
    form.repeats_around(question).into_iter().map(|repeat| form.question(repeat).key().to_owned()).collect()
}

fn codes(form: &CompiledForm, question: QuestionIndex) -> BTreeSet<Cow<'_, str>> {
    form.options(question).into_iter().map(|choice| choice.name).collect()
}

/// Kept the same way, whatever asks for it.
fn same_values(old: QuestionType, new: QuestionType) -> bool {
    use QuestionType as T;
    let whole = |one| matches!(one, T::Integer | T::Range { integer: true });
    let number = |one| matches!(one, T::Decimal | T::Range { integer: false });
    let text = |one| matches!(one, T::Text | T::Hidden | T::Calculate | T::Barcode);
    old == new || whole(old) && whole(new) || number(old) && number(new) || text(old) && text(new)
}

/// Every value of the old type is one of the new.
fn takes_all(old: QuestionType, new: QuestionType) -> bool {
    use QuestionType as T;
    let whole = |one| matches!(one, T::Integer | T::Range { integer: true });
    match (old, new) {
        (old, T::Decimal | T::Range { integer: false }) => whole(old),
        (T::SelectOne, T::SelectMultiple | T::Rank) => true,
        // Several options are several answers, and points may be many: neither is one text.
        (T::SelectMultiple | T::Repeat, _) => false,
        (_, T::Text) => true,
        _ => false,
    }
}
