//! Answers as an answers file holds them.

use record_model::{AnswerPath, Answers};
use serde_json::{Value, json};
use testkit::households::members;

/// As an answers file holds it: members by their place (`roster[2]/age`), their markers left to the collector.
pub fn sheet(answers: &Answers) -> Value {
    by_place(answers, &members(answers), |path| path.marker().is_none())
}

/// A visit's writes to a household, the removal of a member among them.
pub fn writes(writes: &Answers, household: &Answers) -> Value {
    by_place(writes, &members(household), |_| true)
}

fn by_place(answers: &Answers, members: &[String], keep: impl Fn(&AnswerPath) -> bool) -> Value {
    let kept = answers.iter().filter(|(path, _)| keep(path));
    let named = kept.map(|(path, value)| {
        let place = members.iter().position(|member| *member == path.instance_prefix());
        let leaf = path.as_str().rsplit('/').next().unwrap_or_default();
        let name = place.map_or_else(|| path.to_string(), |place| format!("roster[{}]/{leaf}", place + 1));
        (name, json!(value))
    });
    named.collect::<serde_json::Map<_, _>>().into()
}
