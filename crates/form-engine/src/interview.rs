//! Helping an interview: options on offer, texts with their references filled in, what a person typed, and the values
//! that are fixed when a record or an instance is made.

use std::borrow::Cow;
use std::fmt;

use record_model::{AnswerPath, Answers, Marker, Value, Visit, hash_parts};

use crate::arena::Datum;
use crate::evaluate::{evaluate, path_of, render};
use crate::evaluation::{Evaluation, ViolationKind};
use crate::form::{
    CompiledForm, Default as FormDefault, Form, ListIndex, Question, QuestionIndex, QuestionType, ScopeIndex,
};
use crate::list::ChoiceList;
use crate::messages;
use crate::template::Translations;
use crate::xpath::eval::{Context, Evaluator, NodeRef, datum_text};
use crate::xpath::temporal::{self, Temporal};

/// One option of a select.
#[derive(Clone)]
pub struct Choice<'f> {
    /// The code that is stored.
    pub name: Cow<'f, str>,
    form: &'f Form,
    /// Where it stands; none for what a repeat offers.
    row: Option<(ListIndex, u32)>,
    /// What a person reads by language, where that shows answers.
    shown: Vec<String>,
}

impl<'f> Choice<'f> {
    pub(crate) fn new(form: &'f Form, list: ListIndex, row: u32) -> Self {
        Self { name: form.list(list).code(row).into(), form, row: Some((list, row)), shown: Vec::new() }
    }

    /// What a person reads; in the default language when there is none in this one, else the code. A label that shows
    /// answers is the code where the record is not known.
    pub fn label(&self, lang: &str) -> &str {
        let language = self.form.language(lang);
        match (self.shown.get(language), self.row) {
            (Some(shown), _) => shown,
            (None, Some((list, row))) => self.form.list(list).label(row, language),
            (None, None) => &self.name,
        }
    }

    /// Another column of the list.
    pub fn column(&self, name: &str) -> Option<&'f str> {
        let (list, row) = self.row?;
        let list = self.form.list(list);
        list.find_column(name).map(|column| list.value(row, column, 0))
    }
}

impl fmt::Debug for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choice").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The options on offer for a select at a path, in list order, the choice filter applied; those of a select from a
/// repeat in the order of its instances.
pub fn choices<'f>(
    form: &'f CompiledForm,
    question: QuestionIndex,
    path: &AnswerPath,
    evaluation: &Evaluation,
) -> Vec<Choice<'f>> {
    let asked = form.question(question);
    let is_fixed = asked.choice_filter.is_none() && asked.itemset.is_none();
    let Some(instance) = instance_at(&form.0, asked, path, evaluation) else {
        return if is_fixed { form.options(question) } else { Vec::new() };
    };
    let context = Context::cell(instance, question);
    let in_language = |language| Evaluator { form: &form.0, ..evaluation.evaluator(language) };
    let languages = 0..form.0.languages.len();
    if let Some(itemset) = &asked.itemset {
        // One list for all languages, found in the first: what a predicate makes of labels is not another order in each.
        let first = in_language(0);
        let option = |at: Context| Choice {
            name: first.text(&itemset.value, at).into_owned().into(),
            form: &form.0,
            row: None,
            shown: languages.clone().map(|l| in_language(l).text(&itemset.label, at).into_owned()).collect(),
        };
        return first.itemset_places(itemset, context).into_iter().map(option).collect();
    }
    let Some(list) = asked.list else { return Vec::new() };
    let mut offered = match &asked.choice_filter {
        None => form.options(question),
        Some(filter) => {
            let rows = in_language(0).filter_list(list, &filter.0, context).into_iter();
            let rows =
                rows.filter_map(|node| if let NodeRef::Item { row, .. } = node { Some(row) } else { None });
            rows.map(|row| Choice::new(&form.0, list, row)).collect()
        }
    };
    if form.0.list(list).has_live_labels() {
        for choice in &mut offered {
            if let Some((list, row)) =
                choice.row.filter(|(list, row)| form.0.list(*list).live_label(*row).is_some())
            {
                let shown =
                    languages.clone().map(|at| in_language(at).choice_label(list, row, context).into_owned());
                choice.shown = shown.collect();
            }
        }
    }
    offered
}

/// A question's label with its references filled in; empty when it has none.
pub fn label(
    form: &CompiledForm,
    question: QuestionIndex,
    path: &AnswerPath,
    evaluation: &Evaluation,
    lang: &str,
) -> String {
    text(form, question, &form.question(question).labels, path, evaluation, lang)
}

/// The same for its hint.
pub fn hint(
    form: &CompiledForm,
    question: QuestionIndex,
    path: &AnswerPath,
    evaluation: &Evaluation,
    lang: &str,
) -> String {
    text(form, question, &form.question(question).hints, path, evaluation, lang)
}

fn text(
    form: &CompiledForm,
    question: QuestionIndex,
    texts: &Translations,
    path: &AnswerPath,
    evaluation: &Evaluation,
    lang: &str,
) -> String {
    let language = form.0.language(lang);
    let Some(template) = texts.get(language) else { return String::new() };
    match instance_at(&form.0, form.question(question), path, evaluation) {
        Some(instance) => {
            let evaluator = Evaluator { form: &form.0, ..evaluation.evaluator(language) };
            render(&evaluator, template, Context::cell(instance, question))
        }
        None => template.raw.to_string(),
    }
}

/// The instance a path is in; none when the evaluation is another form's.
fn instance_at(form: &Form, question: &Question, path: &AnswerPath, evaluation: &Evaluation) -> Option<u32> {
    if form.revision != evaluation.form.revision {
        return None;
    }
    let instance = evaluation.arena.find(path.instance_prefix())?;
    (evaluation.arena.instance(instance).scope == question.scope).then_some(instance)
}

// What a person typed

/// Why what was typed is no answer. Only [`AnswerError::expected`] repeats a word that was typed: that is for the person who
/// typed it, and the rest may stand in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerError {
    /// The question's type, which says what was expected.
    pub question_type: QuestionType,
    detail: Option<String>,
}

impl AnswerError {
    fn of(question: &Question) -> Self {
        Self { question_type: question.question_type, detail: None }
    }

    /// What was expected, for the person who typed it.
    pub fn expected(&self, lang: &str) -> String {
        let expected = messages::expected(self.question_type, lang);
        self.detail.as_ref().map_or_else(|| expected.to_owned(), |detail| format!("{expected} ({detail})"))
    }
}

impl fmt::Debug for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerError").field("question_type", &self.question_type).finish_non_exhaustive()
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(messages::expected(self.question_type, "en"))
    }
}

impl std::error::Error for AnswerError {}

/// What a person typed as the values to store, each with what to add to the question's path: nothing, or `#option` for a
/// select_multiple (`#` says "answered"). An empty text clears the answer. Options that were ticked before and are not
/// now are for [`answer_writes`] to clear.
pub fn check_answer(
    form: &CompiledForm,
    question: QuestionIndex,
    raw: &str,
) -> Result<Vec<(String, Value)>, AnswerError> {
    check(&form.0, form.question(question), raw)
}

fn check(form: &Form, question: &Question, raw: &str) -> Result<Vec<(String, Value)>, AnswerError> {
    use QuestionType as T;
    let raw = raw.trim();
    let whole = |value: Option<Value>| {
        value.map(|value| vec![(String::new(), value)]).ok_or_else(|| AnswerError::of(question))
    };
    let list = question.list.map(|list| form.list(list));
    if question.question_type == T::SelectMultiple {
        return check_options(question, list, raw);
    }
    if raw.is_empty() {
        return whole(Some(Value::Null));
    }
    match question.question_type {
        T::Integer => whole(integer(raw).map(Value::Int)),
        T::Range { integer: true } => {
            whole(integer(raw).filter(|number| in_range(question, *number as f64)).map(Value::Int))
        }
        T::Decimal => whole(decimal(raw).map(Value::Text)),
        T::Range { integer: false } => whole(
            decimal(raw)
                .filter(|text| text.parse().is_ok_and(|number| in_range(question, number)))
                .map(Value::Text),
        ),
        T::Date | T::Today => whole(date(raw).map(Value::Text)),
        T::Time => whole(time(raw).map(Value::Text)),
        T::DateTime | T::Start | T::End => whole(date_time(raw).map(Value::Text)),
        T::Geopoint => whole(geopoint(raw).map(Value::Text)),
        T::Geotrace | T::Geoshape => {
            let points: Option<Vec<String>> =
                raw.split(';').map(str::trim).filter(|point| !point.is_empty()).map(geopoint).collect();
            whole(points.filter(|points| !points.is_empty()).map(|points| Value::Text(points.join(";"))))
        }
        // Options that are answers themselves are judged with all the others there.
        T::SelectOne if question.itemset.is_some() => whole(Some(Value::from(raw))),
        T::SelectOne => whole(list.filter(|list| !list.rows_of(raw).is_empty()).map(|_| Value::from(raw))),
        T::Rank => {
            let codes: Vec<&str> = raw.split_whitespace().collect();
            let distinct = codes.iter().enumerate().all(|(at, code)| !codes[..at].contains(code));
            let known = list.is_some_and(|list| codes.iter().all(|code| !list.rows_of(code).is_empty()));
            whole((distinct && known).then(|| Value::Text(codes.join(" "))))
        }
        T::Acknowledge => {
            let yes =
                matches!(raw.to_lowercase().as_str(), "ok" | "yes" | "oui" | "wi" | "true" | "1" | "نعم");
            whole(yes.then(|| Value::from("OK")))
        }
        T::Group | T::Repeat | T::Note | T::Audit => whole(None),
        _ => whole(Some(Value::from(raw))),
    }
}

fn check_options(
    question: &Question,
    list: Option<&ChoiceList>,
    raw: &str,
) -> Result<Vec<(String, Value)>, AnswerError> {
    let mut values = vec![("#".to_owned(), if raw.is_empty() { Value::Null } else { Value::Bool(true) })];
    for code in raw.split_whitespace() {
        if question.itemset.is_none() && list.is_none_or(|list| list.rows_of(code).is_empty()) {
            return Err(AnswerError { detail: Some(code.to_owned()), ..AnswerError::of(question) });
        }
        let leaf = format!("#{code}");
        if !values.iter().any(|(known, _)| *known == leaf) {
            values.push((leaf, Value::Bool(true)));
        }
    }
    Ok(values)
}

/// The same as full paths, with the options that are no longer ticked cleared: all that must be written, and nothing
/// that stands already.
pub fn answer_writes(
    form: &CompiledForm,
    path: &AnswerPath,
    raw: &str,
    answers: &Answers,
) -> Result<Answers, AnswerError> {
    let Some(question) = form.find(path.leaf()) else {
        return Err(AnswerError { question_type: QuestionType::Text, detail: Some(path.leaf().to_owned()) });
    };
    let mut writes = Answers::new();
    for (suffix, value) in check(&form.0, question, raw)? {
        writes.extend(path.sibling(&format!("{}{suffix}", question.key)).ok().map(|path| (path, value)));
    }
    if question.question_type == QuestionType::SelectMultiple {
        let ticked = answers.iter().filter(|(other, value)| {
            !value.is_null()
                && other.leaf() == &*question.key
                && other.instance_prefix() == path.instance_prefix()
                && other.option().is_some()
        });
        for (other, _) in ticked {
            writes.entry(other.clone()).or_insert(Value::Null);
        }
    }
    writes.retain(|path, value| answers.get(path).unwrap_or(&Value::Null) != value);
    Ok(writes)
}

fn integer(raw: &str) -> Option<i64> {
    let digits = raw.strip_prefix(['-', '+']).unwrap_or(raw);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| raw.parse().ok()).flatten()
}

/// A comma is a point, as people write it.
fn decimal(raw: &str) -> Option<String> {
    let text = raw.replacen(',', ".", 1);
    is_decimal(&text).then_some(text)
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 40 && all_digits(whole) && all_digits(fraction)
}

fn in_range(question: &Question, number: f64) -> bool {
    let bound = |name: &str| question.parameters.get(name).and_then(|text| text.parse::<f64>().ok());
    bound("start").is_none_or(|start| number >= start) && bound("end").is_none_or(|end| number <= end)
}

/// ISO, or day first as in every country served: `21/11/2026`, `21.11.2026`, `21-11-2026`.
fn date(raw: &str) -> Option<String> {
    if temporal::parse_date(raw).is_some() {
        return Some(raw.to_owned());
    }
    let parts: Vec<&str> = raw.split(['/', '.', '-']).map(str::trim).collect();
    let [day, month, year] = parts[..] else { return None };
    let short = |part: &str| !part.is_empty() && part.len() <= 2;
    if !short(day) || !short(month) || year.len() != 4 {
        return None;
    }
    let iso = format!("{year}-{month:0>2}-{day:0>2}");
    temporal::parse_date(&iso).map(|_| iso)
}

fn time(raw: &str) -> Option<String> {
    temporal::parse_time(raw)?;
    Some(raw.to_owned())
}

/// Stored with a `T` between date and time.
fn date_time(raw: &str) -> Option<String> {
    match Temporal::parse(raw, 0)? {
        Temporal::DateTime { .. } => Some(raw.replacen(' ', "T", 1)),
        Temporal::Date(_) => None,
    }
}

/// Latitude, longitude, and perhaps altitude and accuracy; stored with single blanks.
fn geopoint(raw: &str) -> Option<String> {
    let separators: &[char] = if raw.contains(char::is_whitespace) { &[' ', '\t'] } else { &[','] };
    let parts: Vec<&str> = raw
        .split(separators)
        .map(|part| part.trim_end_matches(','))
        .filter(|part| !part.is_empty())
        .collect();
    if !(2..=4).contains(&parts.len()) || !parts.iter().all(|part| is_decimal(part)) {
        return None;
    }
    let number = |at: usize| parts[at].parse::<f64>().unwrap_or(f64::NAN);
    (number(0).abs() <= 90.0 && number(1).abs() <= 180.0).then(|| parts.join(" "))
}

/// What is wrong with a stored value, whatever program wrote it.
pub(crate) fn fault_of(
    question: &Question,
    list: Option<&ChoiceList>,
    datum: &Datum,
) -> Option<ViolationKind> {
    use QuestionType as T;
    let text = match datum {
        Datum::Text(text) => Some(&**text),
        _ => None,
    };
    let fits = |test: fn(&str) -> bool| text.is_some_and(test);
    let known =
        |code: &str| question.itemset.is_some() || list.is_some_and(|list| !list.rows_of(code).is_empty());
    let fine = match question.question_type {
        T::Integer | T::Range { integer: true } => matches!(datum, Datum::Int(_)),
        T::Decimal | T::Range { integer: false } => matches!(datum, Datum::Int(_)) || fits(is_decimal),
        T::Date | T::Today => fits(|text| temporal::parse_date(text).is_some()),
        T::Time => fits(|text| temporal::parse_time(text).is_some()),
        T::DateTime | T::Start | T::End => fits(|text| date_time(text).is_some()),
        T::Geopoint => fits(|text| geopoint(text).is_some()),
        T::Geotrace | T::Geoshape => fits(|text| {
            text.split(';').filter(|p| !p.trim().is_empty()).all(|p| geopoint(p.trim()).is_some())
        }),
        T::SelectOne => match text {
            Some(code) if known(code) => true,
            Some(_) => return Some(ViolationKind::Choice),
            None => false,
        },
        T::SelectMultiple | T::Rank => match text {
            Some(codes) if codes.split_whitespace().all(known) => true,
            Some(_) => return Some(ViolationKind::Choice),
            None => false,
        },
        // A calculation that is stored once may be any scalar.
        T::Calculate | T::Hidden => true,
        // Of the time when it was a whole number.
        T::Text => text.is_some() || matches!(datum, Datum::Int(_)),
        _ => text.is_some(),
    };
    (!fine).then_some(ViolationKind::Type)
}

// Values that are fixed when something is made

/// What the machine and the person bring to a new record. The engine has no clock and no randomness of its own. It has
/// no `Debug`: it names a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Preload {
    /// `deviceid`
    pub device_id: String,
    /// `username`
    pub username: String,
    /// `phonenumber`
    pub phone_number: String,
    /// `email`
    pub email: String,
    /// Random text; each `uuid()` of a default derives its own from it and its path. Empty: `uuid()` gives nothing.
    pub uuid_seed: String,
}

impl Preload {
    /// What a question of this type is filled with when its record or instance is made.
    pub(crate) fn value(
        &self,
        question_type: QuestionType,
        clock: crate::xpath::eval::Clock,
    ) -> Option<String> {
        use QuestionType as T;
        Some(match question_type {
            T::Start => clock.now.text(),
            T::Today => clock.today().text(),
            T::DeviceId => self.device_id.clone(),
            T::Username => self.username.clone(),
            T::PhoneNumber => self.phone_number.clone(),
            T::Email => self.email.clone(),
            _ => return None,
        })
    }
}

/// The answers a new record begins with: defaults, `start`, `today`, `deviceid` and their kin, and what `once()` finds
/// already. To be stored at creation, so that they never change by themselves.
pub fn initial_answers(form: &CompiledForm, visit: Visit, preload: &Preload) -> Answers {
    Making { form, visit, preload, scope: ScopeIndex::ROOT, prefix: "" }.answers(&Answers::new())
}

/// The same for a fresh instance of a repeat. `prefix` is the instance's own, such as `roster/7K3QF…`; its `@order`
/// marker, if it is among the answers already, decides its position, else it stands last.
pub fn instance_defaults(
    form: &CompiledForm,
    prefix: &str,
    answers: &Answers,
    visit: Visit,
    preload: &Preload,
) -> Answers {
    let repeat =
        prefix.rsplit_once('/').map_or("", |(around, _)| around.rsplit('/').next().unwrap_or_default());
    let Some(scope) = form.find(repeat).and_then(|repeat| repeat.opens) else { return Answers::new() };
    let mut known = answers.clone();
    let Ok(order) = format!("{prefix}/{}", Marker::Order.as_str()).parse::<AnswerPath>() else {
        return Answers::new();
    };
    // It must exist to have a position, and last is after every fractional position.
    known.entry(order).or_insert_with(|| Value::from("~"));
    Making { form, visit, preload, scope, prefix }.answers(&known)
}

/// The answers to write when an interview is closed: `end`.
pub fn closing_answers(form: &CompiledForm, closed: Visit) -> Answers {
    let text = crate::xpath::eval::Clock::at(closed).now.text();
    form.questions()
        .iter()
        .filter(|question| question.question_type == QuestionType::End && question.scope == ScopeIndex::ROOT)
        .filter_map(|question| Some((AnswerPath::question(&question.key).ok()?, Value::Text(text.clone()))))
        .collect()
}

/// What the `trigger` column writes when an answer changed: to be stored after it.
pub fn triggered_answers(
    form: &CompiledForm,
    changed: &AnswerPath,
    answers: &Answers,
    visit: Visit,
) -> Answers {
    let Some(source) = form.find(changed.leaf()) else { return Answers::new() };
    let triggered: Vec<(&Question, crate::xpath::program::ExprId)> = form
        .questions()
        .iter()
        .filter_map(|question| {
            question
                .trigger
                .filter(|(by, _)| *by == source.index || question.further_triggers.contains(&source.index))
                .map(|(_, calculation)| (question, calculation))
        })
        .collect();
    if triggered.is_empty() {
        return Answers::new();
    }
    let evaluation = evaluate(form, answers, visit);
    let around = changed.instance_prefix();
    let mut writes = Answers::new();
    for (question, calculation) in triggered {
        for instance in &evaluation.arena.by_scope[question.scope.as_usize()] {
            let prefix = &*evaluation.arena.instance(*instance).prefix;
            // The same instance, one inside it, or one around it.
            if !(is_within(prefix, around) || is_within(around, prefix)) {
                continue;
            }
            let value =
                evaluation.evaluator(0).run_text(calculation, Context::cell(*instance, question.index));
            writes.extend(values_at(&form.0, question, prefix, &value));
        }
    }
    writes
}

fn is_within(prefix: &str, around: &str) -> bool {
    around.is_empty()
        || prefix == around
        || prefix.strip_prefix(around).is_some_and(|rest| rest.starts_with('/'))
}

/// A text as the question stores it, at its paths; nothing when it does not fit the type.
fn values_at(form: &Form, question: &Question, prefix: &str, text: &str) -> Vec<(AnswerPath, Value)> {
    let Ok(values) = check(form, question, text) else { return Vec::new() };
    let path = |suffix: &str| {
        let leaf = format!("{}{suffix}", question.key);
        if prefix.is_empty() { leaf.parse().ok() } else { format!("{prefix}/{leaf}").parse().ok() }
    };
    values.into_iter().filter_map(|(suffix, value)| Some((path(&suffix)?, value))).collect()
}

/// A record or an instance in the making.
struct Making<'m> {
    form: &'m CompiledForm,
    visit: Visit,
    preload: &'m Preload,
    scope: ScopeIndex,
    prefix: &'m str,
}

impl Making<'_> {
    fn answers(&self, known: &Answers) -> Answers {
        let mut made = Answers::new();
        let clock = crate::xpath::eval::Clock::at(self.visit);
        let questions = || self.form.questions().iter().filter(|question| question.scope == self.scope);
        for question in questions() {
            let text = match (&question.default, self.preload.value(question.question_type, clock)) {
                (_, Some(preloaded)) => preloaded,
                (Some(FormDefault::Literal(text)), None) => text.clone(),
                _ => continue,
            };
            self.add(question, &text, &mut made);
        }
        // Twice, since a default may read another default.
        for _ in 0..2 {
            let evaluation = self.evaluate(known, &made);
            let Some(instance) = evaluation.arena.find(self.prefix) else { break };
            for question in questions() {
                if let Some(FormDefault::Expr(id)) = question.default {
                    let Some(path) = path_of(&evaluation.arena, instance, &question.key) else { continue };
                    let uuid = self.uuid(&path);
                    let evaluator = Evaluator { uuid: &uuid, ..evaluation.evaluator(0) };
                    let text = evaluator.run_text(id, Context::cell(instance, question.index));
                    let text = if &*text == "NaN" { "" } else { &*text };
                    self.add(question, text, &mut made);
                }
            }
        }
        let found = self.evaluate(known, &made).to_store();
        made.extend(found.into_iter().filter(|(path, _)| path.instance_prefix() == self.prefix));
        made.retain(|path, value| !value.is_null() && known.get(path).is_none_or(Value::is_null));
        made
    }

    fn evaluate(&self, known: &Answers, made: &Answers) -> Evaluation {
        let mut all = known.clone();
        all.extend(made.iter().map(|(path, value)| (path.clone(), value.clone())));
        evaluate(self.form, &all, self.visit)
    }

    fn add(&self, question: &Question, text: &str, made: &mut Answers) {
        made.extend(values_at(&self.form.0, question, self.prefix, text));
    }

    /// Of version 4 in form; derived, so that the same seed and path give the same one.
    fn uuid(&self, path: &AnswerPath) -> String {
        if self.preload.uuid_seed.is_empty() {
            return String::new();
        }
        let parts = [self.preload.uuid_seed.as_bytes(), path.as_str().as_bytes()];
        uuid_of(&hash_parts("lakou/uuid/v1", parts))
    }
}

/// A uuid of version 4 in form, made of a hash.
pub(crate) fn uuid_of(hash: &[u8; 32]) -> String {
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let variant = char::from(b"89ab"[usize::from(hash[8] & 3)]);
    format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Literal defaults are judged when the form is compiled.
pub(crate) fn literal_default_fits(form: &Form, question: &Question, text: &str) -> bool {
    check(form, question, text).is_ok()
}

impl Evaluation {
    /// What stands at a path, written as [`check_answer`] takes it; empty when there is nothing.
    pub fn answer_text(&self, path: &AnswerPath) -> String {
        let Some(index) = self.form.by_key.get(path.leaf()) else { return String::new() };
        let question = self.form.question(*index);
        instance_at(&self.form, question, path, self).map_or_else(String::new, |instance| {
            datum_text(&self.arena.cell(&self.form, instance, *index).datum).into_owned()
        })
    }
}
