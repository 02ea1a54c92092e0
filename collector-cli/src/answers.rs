//! Households written down beforehand: reading an answers file, and holding it against the form.
//!
//! Everything is checked before anything is written, so a slip in the file leaves nothing half recorded.

use std::collections::BTreeMap;

use collector_core::{CollectorError, PublishedForm};
use form_engine::{
    Evaluation, Preload, Question, QuestionKind, QuestionType, ViolationKind, answer_writes, closing_answers,
    evaluate, initial_answers, instance_defaults, triggered_answers,
};
use record_model::{AnswerPath, Answers, InstanceId, Marker, Value, Visit};
use serde_json::{Map, Value as Json};

use crate::failure::{Failure, Kind};
use crate::form_text::{expected, localised};
use crate::messages::Text;

/// One household as it is written: answer path to value.
pub(crate) type Household = Map<String, Json>;

/// Reads one object, a list of objects, or objects one after the other (JSON lines).
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Household>, Failure> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let malformed = |error: serde_json::Error| {
        Failure::new(
            Kind::InvalidAnswers,
            Text::new("answers-not-json").with("line", error.line()).with("column", error.column()),
        )
        .hint(Text::new("hint-answers"))
        .source(error)
    };
    let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let households: Vec<Household> = if is_list {
        serde_json::from_slice(bytes).map_err(malformed)?
    } else {
        let lines = serde_json::Deserializer::from_slice(bytes).into_iter::<Household>();
        lines.collect::<Result<_, _>>().map_err(malformed)?
    };
    if households.is_empty() {
        return Err(
            Failure::new(Kind::InvalidAnswers, Text::new("answers-empty")).hint(Text::new("hint-answers"))
        );
    }
    Ok(households)
}

/// What is wrong with one answer of the file.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    expected: Text,
    found: Text,
}

impl Fault {
    fn new(path: &str, expected: Text, found: Text) -> Self {
        Self { path: path.to_owned(), expected, found }
    }

    /// As a person is told.
    pub(crate) fn text(&self) -> Text {
        Text::new("answers-fault")
            .with("path", self.path.as_str())
            .with("expected", self.expected.clone())
            .with("found", self.found.clone())
    }
}

/// A repeat instance that the file adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewInstance {
    /// The instance around it (`roster/7K3QF…`); empty for the record.
    pub(crate) within: String,
    pub(crate) repeat: String,
    /// Its own prefix.
    pub(crate) prefix: String,
}

/// A household held against the form.
pub(crate) struct Checked {
    /// Everything the record says after it, defaults and what they trigger included.
    pub(crate) answers: Answers,
    /// The instances it adds, outer ones first.
    pub(crate) added: Vec<NewInstance>,
    /// Answers to questions that are not asked, given the other answers. They are kept, and left out of every export.
    pub(crate) not_asked: usize,
}

/// What a household is checked with.
pub(crate) struct Checker<'a> {
    pub(crate) form: &'a PublishedForm,
    pub(crate) visit: Visit,
    pub(crate) preload: &'a Preload,
    /// Makes instance ids and person ids.
    pub(crate) random: &'a mut dyn FnMut(&mut [u8]),
}

/// Where an answer of the file goes: through these instances to this leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    around: Vec<Step>,
    leaf: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `roster[2]`: the second one the file adds.
    Fresh { repeat: String, number: usize },
    /// `roster/7K3QF…`
    Known { repeat: String, instance: InstanceId },
}

/// Splits `roster[2]/given_name` or `roster/7K3QF…/given_name`; none when it is neither.
fn place(text: &str) -> Option<Place> {
    let segments: Vec<&str> = text.split('/').collect();
    let (leaf, around) = segments.split_last()?;
    let mut steps = Vec::new();
    let mut at = 0;
    while let Some(segment) = around.get(at) {
        if let Some((repeat, number)) = numbered(segment) {
            steps.push(Step::Fresh { repeat: repeat.to_owned(), number });
            at += 1;
        } else {
            let instance = around.get(at + 1)?.parse().ok()?;
            steps.push(Step::Known { repeat: (*segment).to_owned(), instance });
            at += 2;
        }
    }
    Some(Place { around: steps, leaf: (*leaf).to_owned() })
}

/// `roster[2]` as its name and number.
pub(crate) fn numbered(segment: &str) -> Option<(&str, usize)> {
    let (repeat, rest) = segment.split_once('[')?;
    let number: usize = rest.strip_suffix(']')?.parse().ok()?;
    (number > 0 && !repeat.is_empty()).then_some((repeat, number))
}

impl Checker<'_> {
    /// Holds a household against the form. `base` is what the record says before it; none for a new record.
    pub(crate) fn check(&mut self, base: Option<&Answers>, household: &Household) -> Result<Checked, Fault> {
        let form = &self.form.form;
        let mut answers = base.map_or_else(|| initial_answers(form, self.visit, self.preload), Clone::clone);
        let places = self.places(household, base.is_none())?;
        let mut fresh = BTreeMap::new();
        let mut added = Vec::new();
        for around in instances(&places) {
            if is_there(&around, base) {
                continue;
            }
            if base.is_some() && matches!(around.last(), Some(Step::Known { .. })) {
                return Err(nobody_there(&places, &around));
            }
            self.add(&around, base.is_none(), &mut answers, &mut fresh, &mut added)?;
        }
        let mut answered = Vec::new();
        for (key, place, value) in &places {
            let prefix = prefix_of(&place.around, &fresh);
            let path = self.answer(key, &prefix, &place.leaf, value, &mut answers)?;
            answered.extend(path.map(|path| (*key, path)));
        }
        let evaluation = evaluate(form, &answers, self.visit);
        self.hold_to_constraints(&answered, &evaluation)?;
        let not_asked = answered.iter().filter(|(_, path)| !evaluation.is_relevant(path)).count();
        Ok(Checked { answers, added, not_asked })
    }

    /// Splits every key, and checks that the form has what it names.
    fn places<'h>(
        &self,
        household: &'h Household,
        is_new_record: bool,
    ) -> Result<Vec<(&'h str, Place, &'h Json)>, Fault> {
        let mut places = Vec::with_capacity(household.len());
        for (key, value) in household {
            let unknown = || {
                let form = self.form.lineage.as_str();
                Fault::new(key, Text::new("expected-question").with("form", form), Text::new("found-unknown"))
            };
            let place = place(key).ok_or_else(unknown)?;
            let repeats: Vec<&str> = place.around.iter().map(Step::repeat).collect();
            let name = place.leaf.split('#').next().unwrap_or_default();
            // A record that comes whole brings the places and the permanent ids of its members.
            let of_instance = name == Marker::Removed.as_str() || (is_new_record && is_identity(name));
            if of_instance && !place.around.is_empty() {
                if !self.repeats_nest(&repeats) {
                    return Err(unknown());
                }
                places.push((key.as_str(), place, value));
                continue;
            }
            let question = self.form.form.find(name).ok_or_else(unknown)?;
            if self.repeats_around(question) != repeats {
                return Err(unknown());
            }
            let asked = matches!(question.kind(), QuestionKind::Question | QuestionKind::Preload);
            if !asked || question.is_calculated() {
                return Err(Fault::new(key, Text::new("expected-asked"), Text::new("found-not-asked")));
            }
            places.push((key.as_str(), place, value));
        }
        Ok(places)
    }

    fn repeats_around(&self, question: &Question) -> Vec<&str> {
        let form = &self.form.form;
        form.repeats_around(question.index()).into_iter().map(|repeat| form.question(repeat).key()).collect()
    }

    fn repeats_nest(&self, repeats: &[&str]) -> bool {
        let Some((last, around)) = repeats.split_last() else { return false };
        let found = self.form.form.find(last).filter(|question| question.kind() == QuestionKind::Repeat);
        found.is_some_and(|question| self.repeats_around(question) == around)
    }

    /// Adds an instance in memory: its markers and defaults.
    fn add(
        &mut self,
        around: &[Step],
        is_new_record: bool,
        answers: &mut Answers,
        fresh: &mut BTreeMap<String, String>,
        added: &mut Vec<NewInstance>,
    ) -> Result<(), Fault> {
        let Some((last, outer)) = around.split_last() else { return Ok(()) };
        let (repeat, instance) = match last {
            Step::Known { repeat, instance } => (repeat, *instance),
            Step::Fresh { repeat, .. } => {
                let mut id = [0; InstanceId::LEN];
                (self.random)(&mut id);
                (repeat, InstanceId::from_bytes(id))
            }
        };
        let within = prefix_of(outer, fresh);
        let below = format!("{repeat}/{instance}");
        let prefix = if within.is_empty() { below } else { format!("{within}/{below}") };
        let key = key_of(around);
        let before = added.iter().filter(|other| other.within == within && other.repeat == *repeat).count();
        // In a record that has members already the core decides the place; here it only has to be last.
        let order = if is_new_record { order_of(before) } else { format!("~{}", order_of(before)) };
        let too_long = |_| Fault::new(&key, Text::new("expected-short"), Text::new("found-unknown"));
        answers.insert(marker(&prefix, Marker::Order).map_err(too_long)?, order.into());
        let people = self.form.settings.person_repeat.as_deref();
        if people.is_none_or(|people| people == repeat) {
            let mut person = [0; 16];
            (self.random)(&mut person);
            let person = data_encoding::BASE32_NOPAD.encode(&person);
            answers.insert(marker(&prefix, Marker::Person).map_err(too_long)?, person.into());
        }
        let defaults = instance_defaults(&self.form.form, &prefix, answers, self.visit, self.preload);
        answers.extend(defaults);
        added.push(NewInstance { within, repeat: repeat.clone(), prefix: prefix.clone() });
        fresh.insert(key, prefix);
        Ok(())
    }

    /// Writes one answer. Gives the question's path, unless it was a removal.
    fn answer(
        &self,
        key: &str,
        prefix: &str,
        leaf: &str,
        value: &Json,
        answers: &mut Answers,
    ) -> Result<Option<AnswerPath>, Fault> {
        let at = |leaf: &str| {
            let full = if prefix.is_empty() { leaf.to_owned() } else { format!("{prefix}/{leaf}") };
            full.parse::<AnswerPath>()
                .map_err(|_| Fault::new(key, Text::new("expected-short"), Text::new("found-unknown")))
        };
        let not_scalar = || Fault::new(key, Text::new("expected-value"), found(value));
        if leaf == Marker::Removed.as_str() {
            let reason = value.as_str().filter(|reason| !reason.trim().is_empty());
            let reason = reason.ok_or_else(|| Fault::new(key, Text::new("expected-reason"), found(value)))?;
            answers.insert(at(leaf)?, reason.trim().into());
            return Ok(None);
        }
        if is_identity(leaf) {
            let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(not_scalar)?;
            answers.insert(at(leaf)?, text.into());
            return Ok(None);
        }
        let (name, option) = leaf.split_once('#').map_or((leaf, None), |(name, option)| (name, Some(option)));
        let path = at(name)?;
        let Some(question) = self.form.form.find(name) else { return Ok(None) };
        let raw = match option {
            // One option at a time: `assets#radio`.
            Some(option) => {
                let ticked = value
                    .as_bool()
                    .ok_or_else(|| Fault::new(key, Text::new("expected-tick"), found(value)))?;
                let mut codes = ticked_now(answers, &path);
                codes.retain(|code| code != option);
                if ticked && !option.is_empty() {
                    codes.push(option.to_owned());
                }
                codes.join(" ")
            }
            None => typed(question, value).ok_or_else(not_scalar)?,
        };
        let form = &self.form.form;
        let writes = answer_writes(form, &path, &raw, answers)
            .map_err(|error| Fault::new(key, expected(&error), found(value)))?;
        answers.extend(writes);
        let triggered = triggered_answers(form, &path, answers, self.visit);
        answers.extend(triggered);
        Ok(Some(path))
    }

    /// What a person could not have typed into the form is no answer here either.
    fn hold_to_constraints(
        &self,
        answered: &[(&str, AnswerPath)],
        evaluation: &Evaluation,
    ) -> Result<(), Fault> {
        let by_value =
            |kind| matches!(kind, ViolationKind::Constraint | ViolationKind::Choice | ViolationKind::Type);
        for violation in evaluation.violations().iter().filter(|violation| by_value(violation.kind)) {
            let Some(path) = &violation.path else { continue };
            if let Some((key, path)) = answered.iter().find(|(_, answered)| answered == path) {
                let message = localised(|lang| violation.message(lang).to_owned());
                return Err(Fault::new(key, message, Text::verbatim(evaluation.answer_text(path))));
            }
        }
        Ok(())
    }
}

impl Step {
    fn repeat(&self) -> &str {
        match self {
            Self::Fresh { repeat, .. } | Self::Known { repeat, .. } => repeat,
        }
    }
}

fn is_identity(leaf: &str) -> bool {
    leaf == Marker::Order.as_str() || leaf == Marker::Person.as_str()
}

/// True for an instance by id that the record has.
fn is_there(around: &[Step], base: Option<&Answers>) -> bool {
    let named = around.iter().all(|step| matches!(step, Step::Known { .. }));
    let below = format!("{}/", key_of(around));
    named && base.is_some_and(|base| base.keys().any(|path| path.as_str().starts_with(&below)))
}

fn nobody_there(places: &[(&str, Place, &Json)], around: &[Step]) -> Fault {
    let key =
        places.iter().find(|(_, place, _)| place.around.starts_with(around)).map_or("", |(key, ..)| key);
    Fault::new(key, Text::new("expected-member"), Text::new("found-unknown"))
}

/// Every instance the file names, each with the steps to it, outer ones and smaller numbers first.
fn instances(places: &[(&str, Place, &Json)]) -> Vec<Vec<Step>> {
    let mut steps: Vec<Vec<Step>> = Vec::new();
    for (_, place, _) in places {
        for depth in 1..=place.around.len() {
            let around = &place.around[..depth];
            if !steps.iter().any(|known| known == around) {
                steps.push(around.to_vec());
            }
        }
    }
    let numbers = |around: &[Step]| -> Vec<usize> {
        around.iter().map(|step| if let Step::Fresh { number, .. } = step { *number } else { 0 }).collect()
    };
    steps.sort_by_key(|around| (around.len(), numbers(around)));
    steps
}

fn key_of(around: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Fresh { repeat, number } => format!("{repeat}[{number}]"),
        Step::Known { repeat, instance } => format!("{repeat}/{instance}"),
    };
    around.iter().map(step).collect::<Vec<_>>().join("/")
}

/// The prefix of an instance, the ones that the file adds by the ids they were given.
fn prefix_of(around: &[Step], fresh: &BTreeMap<String, String>) -> String {
    let mut prefix = String::new();
    for depth in 1..=around.len() {
        prefix = match &around[depth - 1] {
            Step::Fresh { .. } => fresh.get(&key_of(&around[..depth])).cloned().unwrap_or_default(),
            Step::Known { repeat, instance } if prefix.is_empty() => format!("{repeat}/{instance}"),
            Step::Known { repeat, instance } => format!("{prefix}/{repeat}/{instance}"),
        };
    }
    prefix
}

fn marker(prefix: &str, marker: Marker) -> Result<AnswerPath, record_model::AnswerPathError> {
    format!("{prefix}/{}", marker.as_str()).parse()
}

/// The position of the nth member of a new record: `a0` … `az`, `b00` … `bzz`, as the core counts on.
fn order_of(nth: usize) -> String {
    let digit = |value: usize| char::from_digit((value % 36) as u32, 36).unwrap_or('z');
    match nth {
        0..36 => format!("a{}", digit(nth)),
        _ => {
            let rest = (nth - 36).min(36 * 36 - 1);
            format!("b{}{}", digit(rest / 36), digit(rest))
        }
    }
}

fn ticked_now(answers: &Answers, question: &AnswerPath) -> Vec<String> {
    answers
        .iter()
        .filter(|(path, value)| **value == Value::Bool(true) && path.leaf() == question.leaf())
        .filter(|(path, _)| path.instance_prefix() == question.instance_prefix())
        .filter_map(|(path, _)| path.option().filter(|option| !option.is_empty()).map(str::to_owned))
        .collect()
}

/// A value as a person would type it.
fn typed(question: &Question, value: &Json) -> Option<String> {
    let takes_several = matches!(question.question_type(), QuestionType::SelectMultiple | QuestionType::Rank);
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(true) if question.question_type() == QuestionType::Acknowledge => Some("OK".to_owned()),
        Json::Array(codes) if takes_several => codes
            .iter()
            .map(|code| code.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|codes| codes.join(" ")),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn found(value: &Json) -> Text {
    match value {
        Json::Null => Text::new("found-nothing"),
        Json::String(text) if text.trim().is_empty() => Text::new("found-nothing"),
        Json::Array(_) => Text::new("found-list"),
        Json::Object(_) => Text::new("found-object"),
        scalar => Text::verbatim(scalar.to_string().chars().take(80).collect::<String>()),
    }
}

impl Checked {
    /// What has to be written over `base`, as the core takes it: no markers but those of new members and removals, and
    /// nothing that is the engine's to compute.
    pub(crate) fn writes(&self, form: &PublishedForm, base: &Answers) -> Answers {
        let nobody_asks = |path: &AnswerPath| {
            path.marker().is_none()
                && form.form.find(path.leaf()).is_none_or(|question| {
                    question.is_calculated()
                        || !matches!(question.kind(), QuestionKind::Question | QuestionKind::Preload)
                })
        };
        self.answers
            .iter()
            .filter(|(path, value)| base.get(*path).unwrap_or(&Value::Null) != *value && !nobody_asks(path))
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect()
    }

    /// All answers of a new record that is closed at once.
    pub(crate) fn closed(mut self, form: &PublishedForm, closed: Visit) -> Answers {
        for (path, value) in closing_answers(&form.form, closed) {
            self.answers.entry(path).or_insert(value);
        }
        self.answers.retain(|_, value| !value.is_null());
        self.answers
    }
}

/// The same answers with the prefixes of new members as the core gave them.
pub(crate) fn renamed(answers: Answers, names: &[(String, String)]) -> Result<Answers, CollectorError> {
    let mut moved = Answers::new();
    for (path, value) in answers {
        let text = path.as_str();
        let new = names.iter().rev().find_map(|(from, to)| {
            text.strip_prefix(from.as_str())
                .filter(|rest| rest.starts_with('/'))
                .map(|rest| format!("{to}{rest}"))
        });
        let path = match new {
            Some(new) => new.parse()?,
            None => path,
        };
        moved.insert(path, value);
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_household_a_list_or_lines() {
        for text in [r#"{"a": 1}"#, r#"[{"a": 1}]"#, "\u{feff}{\"a\": 1}\n"] {
            assert_eq!(read(text.as_bytes()).unwrap().len(), 1, "{text}");
        }
        assert_eq!(read(b"{\"a\":1}\n{\"a\":2}\n").unwrap().len(), 2);
        for text in ["", "[]", "5", "[1]", "{\"a\": }", "{\"a\":1}\n{\"a\""] {
            assert_eq!(read(text.as_bytes()).unwrap_err().kind, Kind::InvalidAnswers, "{text}");
        }
    }

    #[test]
    fn places_are_read_by_number_and_by_id() {
        let fresh = |repeat: &str, number| Step::Fresh { repeat: repeat.to_owned(), number };
        let read = place("roster[2]/jobs[1]/title").unwrap();
        assert_eq!(
            read,
            Place { around: vec![fresh("roster", 2), fresh("jobs", 1)], leaf: "title".to_owned() }
        );
        let read = place("roster/AAAAAAAAAAAAC/jobs[1]/title").unwrap();
        let known = Step::Known { repeat: "roster".to_owned(), instance: "AAAAAAAAAAAAC".parse().unwrap() };
        assert_eq!(read.around, [known, fresh("jobs", 1)]);
        assert_eq!(place("roster/title"), None);
        assert_eq!(place("roster[0]/title"), None);
    }

    #[test]
    fn orders_rise() {
        let orders: Vec<String> = (0..1000).map(order_of).collect();
        assert!(orders.is_sorted() && orders[36] == "b00" && orders[35] == "az");
    }
}
