//! What a form says, in the words of the form.

use collector_core::Interview;
use form_engine::{
    AnswerError, Choice, CompiledForm, Evaluation, QuestionIndex, QuestionKind, QuestionType, Violation,
    choices, label,
};
use record_model::{AnswerPath, Value};

use crate::messages::Text;

/// One thing to correct: where, and what the form says about it.
pub(crate) fn violation(violation: &Violation) -> Text {
    let message = localised(|lang| violation.message(lang).to_owned());
    match &violation.path {
        Some(path) => Text::new("violation-at").with("path", path.as_str()).with("message", message),
        None => Text::new("violation-rule").with("id", violation.id.as_str()).with("message", message),
    }
}

/// What an answer to a question looks like.
pub(crate) fn expected(error: &AnswerError) -> Text {
    localised(|lang| error.expected(lang))
}

/// A text that the form engine has in several languages.
pub(crate) fn localised(words: impl Fn(&str) -> String) -> Text {
    Text::new("localised").with("fr", words("fr")).with("ht", words("ht")).with("en", words("en"))
}

/// The label, or the name of a question that has none.
pub(crate) fn label_or_name(
    form: &CompiledForm,
    question: QuestionIndex,
    path: &AnswerPath,
    evaluation: &Evaluation,
    lang: &str,
) -> String {
    let label = label(form, question, path, evaluation, lang);
    if label.trim().is_empty() { form.question(question).name().to_owned() } else { label.trim().to_owned() }
}

/// What a path is called in the form, with the member it is about; the path itself when the form has no words for it.
pub(crate) fn path_words(open: &Interview, path: &str, lang: &str) -> String {
    let form = &open.form.form;
    let Ok(path) = path.parse::<AnswerPath>() else { return path.to_owned() };
    let Some(question) = form.find(path.leaf()) else { return path.to_string() };
    let mut words = label_or_name(form, question.index(), &path, &open.evaluation, lang);
    if let Some(code) = path.option().filter(|code| !code.is_empty()) {
        let options = all_options(form, question.index(), &path, &open.evaluation);
        words.push_str(&format!(" ({})", option_words(&options, code, lang)));
    }
    let member = name_of(open, path.instance_prefix());
    if path.instance_prefix().is_empty() || member.is_empty() { words } else { format!("{words} [{member}]") }
}

/// A value at a path as a person reads it; nothing when it is cleared.
pub(crate) fn value_words(open: &Interview, path: &str, value: &Value, lang: &str) -> String {
    let form = &open.form.form;
    let Ok(path) = path.parse::<AnswerPath>() else { return value.to_string() };
    match form.find(path.leaf()) {
        Some(question) => shown_value(form, question.index(), &path, &open.evaluation, value, lang),
        None => value.to_string(),
    }
}

/// What a member is called: the first two texts of its answers, as the form orders them.
pub(crate) fn name_of(open: &Interview, prefix: &str) -> String {
    let texts: Vec<String> = open
        .evaluation
        .nodes()
        .iter()
        .filter(|node| node.path.instance_prefix() == prefix)
        .filter(|node| open.form.form.question(node.question).question_type() == QuestionType::Text)
        .filter_map(|node| node.value.as_text().map(str::to_owned))
        .take(2)
        .collect();
    texts.join(" ")
}

/// The options on offer, then all: one that is no longer on offer still has its label.
fn all_options<'f>(
    form: &'f CompiledForm,
    question: QuestionIndex,
    path: &AnswerPath,
    evaluation: &Evaluation,
) -> Vec<Choice<'f>> {
    let mut options = choices(form, question, path, evaluation);
    if form.question(question).has_choice_filter() {
        options.extend(form.options(question));
    }
    options
}

fn option_words<'o>(options: &'o [Choice<'_>], code: &'o str, lang: &str) -> &'o str {
    options.iter().find(|choice| choice.name == code).map_or(code, |choice| choice.label(lang))
}

/// A value as a person reads it: the labels of options, not their codes.
pub(crate) fn shown_value(
    form: &CompiledForm,
    question: QuestionIndex,
    path: &AnswerPath,
    evaluation: &Evaluation,
    value: &Value,
    lang: &str,
) -> String {
    let text = value.to_string();
    let asked = form.question(question);
    if !matches!(
        asked.question_type(),
        QuestionType::SelectOne | QuestionType::SelectMultiple | QuestionType::Rank
    ) {
        return text;
    }
    let options = all_options(form, question, path, evaluation);
    text.split_whitespace().map(|code| option_words(&options, code, lang)).collect::<Vec<_>>().join(", ")
}

/// The repeat whose instances are people: as the pack says, else the only one at the top of the form.
pub(crate) fn person_repeat(form: &collector_core::PublishedForm) -> Option<String> {
    if let Some(repeat) = &form.settings.person_repeat {
        return Some(repeat.clone());
    }
    let mut repeats = form
        .form
        .questions()
        .iter()
        .filter(|question| question.kind() == QuestionKind::Repeat)
        .filter(|question| form.form.repeats_around(question.index()).is_empty());
    let first = repeats.next()?;
    repeats.next().is_none().then(|| first.name().to_owned())
}
