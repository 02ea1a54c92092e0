//! Answers being written, in the record or in one instance of a repeat.

use form_engine::CompiledForm;
use record_model::{AnswerPath, Answers, Value};

/// Writes by question name. What the form has no question for is passed over.
pub(super) struct Sheet<'f> {
    pub(super) form: &'f CompiledForm,
    pub(super) answers: Answers,
    prefix: String,
}

impl<'f> Sheet<'f> {
    pub(super) fn new(form: &'f CompiledForm, answers: Answers) -> Self {
        Self { form, answers, prefix: String::new() }
    }

    /// From here on in an instance (`roster/7K3QF…/`); with the empty text, in the record.
    pub(super) fn enter(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    pub(super) fn set(&mut self, question: &str, value: impl Into<Value>) {
        if self.form.find(question).is_some() {
            self.write(question, value.into());
        }
    }

    pub(super) fn set_yes(&mut self, question: &str, yes: bool) {
        self.set(question, if yes { "yes" } else { "no" });
    }

    /// True when a question of the record has this answer.
    pub(super) fn is(&self, question: &str, code: &str) -> bool {
        self.answers.get(question).and_then(Value::as_text) == Some(code)
    }

    /// Answers a select_multiple: the mark that it was answered, and each ticked option.
    pub(super) fn tick(&mut self, question: &str, options: &[&str]) {
        if self.form.find(question).is_some() {
            for option in [""].iter().chain(options) {
                self.write(&format!("{question}#{option}"), Value::Bool(true));
            }
        }
    }

    /// A marker of the instance.
    pub(super) fn mark(&mut self, marker: record_model::Marker, value: &str) {
        self.write(marker.as_str(), value.into());
    }

    fn write(&mut self, leaf: &str, value: Value) {
        let path: AnswerPath = format!("{}{leaf}", self.prefix)
            .parse()
            .expect("names of a compiled form and ids of instances make paths");
        self.answers.insert(path, value);
    }
}
