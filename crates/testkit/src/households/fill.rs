//! What the form asks and nobody has answered, by type: so that a form may change without breaking the tests.

use form_engine::{
    CompiledForm, Evaluation, Level, Question, QuestionType, Violation, ViolationKind, check_answer, choices,
    evaluate,
};
use record_model::{AnswerPath, Answers, Value, Visit};

use super::date::Date;
use crate::seeded::Seeded;

/// A form that is not content after so many rounds will not be.
const ROUNDS: usize = 12;

/// Makes the answers such that the form can be finalised: drops what it does not ask, answers what it asks.
/// Gives how many evaluations it took.
///
/// # Panics
/// When something still blocks: the form has a rule that the generator does not know.
pub(super) fn satisfy(form: &CompiledForm, answers: &mut Answers, visit: Visit, rng: &mut Seeded) -> usize {
    let mut blocking = Vec::new();
    for round in 0..ROUNDS {
        let evaluation = evaluate(form, answers, visit);
        blocking = evaluation.violations().iter().filter(|v| v.level == Level::Block).cloned().collect();
        if blocking.is_empty() {
            drop_unasked(answers, &evaluation);
            return round + 1;
        }
        for violation in &blocking {
            mend(form, answers, visit, rng, round, &evaluation, violation);
        }
    }
    let ids: Vec<&str> = blocking.iter().map(|violation| violation.id.as_str()).collect();
    panic!(
        "a made-up household does not satisfy the form {} {}: {}",
        form.form_id(),
        form.version(),
        ids.join(", ")
    );
}

fn drop_unasked(answers: &mut Answers, evaluation: &Evaluation) {
    let unknown = evaluation.unknown();
    answers.retain(|path, _| {
        path.marker().is_some() || (evaluation.is_relevant(path) && !unknown.contains(path))
    });
}

fn mend(
    form: &CompiledForm,
    answers: &mut Answers,
    visit: Visit,
    rng: &mut Seeded,
    round: usize,
    evaluation: &Evaluation,
    violation: &Violation,
) {
    let Some(path) = &violation.path else { return };
    let Some(question) = form.find(path.leaf()) else { return };
    if violation.kind == ViolationKind::Rule {
        return;
    }
    answers
        .retain(|other, _| other.leaf() != path.leaf() || other.instance_prefix() != path.instance_prefix());
    let Some(raw) = candidate(form, question, path, evaluation, visit, rng, round) else { return };
    for (suffix, value) in check_answer(form, question.index(), &raw).unwrap_or_default() {
        if let Ok(path) = path.sibling(&format!("{}{suffix}", question.key())) {
            answers.insert(path, value);
        }
    }
    answers.retain(|_, value| *value != Value::Null);
}

/// Something of the question's type, another in each round.
fn candidate(
    form: &CompiledForm,
    question: &Question,
    path: &AnswerPath,
    evaluation: &Evaluation,
    visit: Visit,
    rng: &mut Seeded,
    round: usize,
) -> Option<String> {
    use QuestionType as T;
    let today = Date::of(visit);
    let of = |texts: &[&str]| Some(texts[round % texts.len()].to_owned());
    match question.question_type() {
        T::SelectOne | T::SelectMultiple => {
            let offered = choices(form, question.index(), path, evaluation);
            let at = rng.below(offered.len() as u64) as usize + round;
            (!offered.is_empty()).then(|| offered[at % offered.len()].name.to_string())
        }
        T::Rank => {
            let offered = choices(form, question.index(), path, evaluation);
            Some(offered.iter().map(|choice| &*choice.name).collect::<Vec<_>>().join(" "))
        }
        T::Integer | T::Range { integer: true } => {
            of(&["1", "0", "2", "5", "10", "18", "30", "3", "60", "100", "1000", "2020"])
        }
        T::Decimal | T::Range { integer: false } => {
            of(&["1.5", "0.5", "0", "2", "10", "18.5", "37", "50", "100", "0.1", "1000", "-1"])
        }
        T::Date => Some(today.plus_days([0, -1, 1, -365, 30, -7_300, 365, -14_600][round % 8]).text()),
        T::Time => of(&["08:30:00.000", "12:00:00.000", "17:45:00.000"]),
        T::DateTime => Some(format!("{}T08:30:00.000-05:00", today.plus_days([0, -1, 1][round % 3]).text())),
        T::Geopoint => of(&["18.970000 -72.280000 40.0 6.0"]),
        T::Geotrace | T::Geoshape => {
            of(&["18.97 -72.28 0.0 0.0;18.98 -72.28 0.0 0.0;18.98 -72.27 0.0 0.0;18.97 -72.28 0.0 0.0"])
        }
        T::Acknowledge => of(&["OK"]),
        T::Attachment(_) => of(&["synthetic.jpg"]),
        _ => of(&[
            "Non précisé",
            "0000000000",
            "000-000-000-0",
            "+509 3000 0000",
            "SYN-0000001",
            "A",
            "nobody@example.org",
        ]),
    }
}
