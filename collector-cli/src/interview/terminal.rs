//! An interview at the terminal: question by question, back and forth, every answer in the journal as it is given.

use std::collections::BTreeMap;

use collector_core::{Collector, Interview};
use form_engine::{
    QuestionType, Violation, ViolationKind, answer_writes, choices, evaluate, hint, triggered_answers,
};
use record_model::{AnswerPath, RecordId, Value};

use super::ask::{Typed, picked, typed};
use super::finish::{Finished, finalise, texts};
use super::stops::{Stop, StopKind, stops};
use crate::app::App;
use crate::failure::Failure;
use crate::form_text::{expected, label_or_name, localised, name_of, path_words, shown_value};
use crate::messages::Text;
use crate::shapes::InterviewedRow;

/// How it ended.
pub(crate) enum Ended {
    /// Declared finished.
    Finished(Box<InterviewedRow>),
    /// To be gone on with.
    Draft,
}

/// Where to go next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Goto {
    Start,
    At(String),
    After(String),
    Before(String),
    Stop,
}

/// Goes through the form with the person. `resumed` begins where this person left it.
pub(crate) fn interview(
    app: &mut App,
    collector: &mut Collector,
    record: RecordId,
    resumed: bool,
) -> Result<Ended, Failure> {
    let position = if resumed { collector.position(record)? } else { None };
    app.ui.say(&Text::new("interview-help"));
    let mut goto = match position {
        Some(key) => {
            app.ui.say(&Text::new("interview-resumed"));
            Goto::At(key)
        }
        None => Goto::Start,
    };
    loop {
        let open = collector.evaluate(record)?;
        let stops = stops(&open.form.form, &open.evaluation);
        let Some(at) = find(&goto, &stops) else {
            match the_end(app, collector, &open, &stops)? {
                Ok(ended) => return Ok(ended),
                Err(next) => {
                    goto = next;
                    continue;
                }
            }
        };
        if matches!(goto, Goto::Start | Goto::After(_)) {
            pass(app, &open, &stops, &goto, at);
        }
        let stop = &stops[at];
        collector.set_position(record, &stop.key())?;
        let mut here = Here { app, collector, open: &open, stop };
        goto = match stop.kind {
            StopKind::Members => here.members()?,
            _ => here.question()?,
        };
        if goto == Goto::Stop {
            app.ui.say(&stopped(&open));
            return Ok(Ended::Draft);
        }
    }
}

/// How to go on with an interview that was left.
fn stopped(open: &Interview) -> Text {
    let record: String = open.record.to_string().chars().take(SHOWN_OF_AN_ID).collect();
    Text::new("interview-stopped").with("form", open.form.lineage.as_str()).with("record", record)
}

/// Enough of a record's id to name it on one laptop.
const SHOWN_OF_AN_ID: usize = 8;

/// The stop to go to; none at the end.
fn find(goto: &Goto, stops: &[Stop]) -> Option<usize> {
    let waits = |at: &usize| stops[*at].waits();
    let of = |key: &str| stops.iter().position(|stop| stop.waits() && stop.key() == key);
    let first = || (0..stops.len()).find(waits);
    match goto {
        Goto::Start => first(),
        Goto::At(key) => of(key).or_else(first),
        Goto::After(key) => match of(key) {
            Some(at) => (at + 1..stops.len()).find(waits),
            None => first(),
        },
        Goto::Before(key) => match of(key) {
            Some(at) => (0..at).rev().find(waits).or(Some(at)),
            None => first(),
        },
        Goto::Stop => None,
    }
}

/// Shows what lies between the last stop and the next: headings, notes, the beginning of a member.
fn pass(app: &mut App, open: &Interview, stops: &[Stop], goto: &Goto, to: usize) {
    let from = match goto {
        Goto::After(key) => {
            stops.iter().position(|stop| stop.waits() && stop.key() == *key).map_or(0, |at| at + 1)
        }
        _ => 0,
    };
    for stop in stops.get(from..to).unwrap_or_default() {
        let lang = app.ui.lang();
        let label = label_or_name(&open.form.form, stop.question, &stop.path, &open.evaluation, lang);
        match stop.kind {
            StopKind::Heading => app.ui.say_plain(&format!("\n== {label}")),
            StopKind::Instance => {
                let number = position_of(open, stop);
                app.ui.say_plain(&format!("\n-- {label} {number}"));
            }
            _ => app.ui.say_plain(&format!("\n{label}")),
        }
    }
}

fn position_of(open: &Interview, stop: &Stop) -> usize {
    let name = open.form.form.question(stop.question).name();
    let instances = open.evaluation.instances_in(name, stop.path.instance_prefix());
    let id = stop.prefix.rsplit('/').next().unwrap_or_default();
    instances.iter().position(|instance| instance.to_string() == id).map_or(0, |at| at + 1)
}

/// One stop of one interview.
struct Here<'a> {
    app: &'a mut App,
    collector: &'a mut Collector,
    open: &'a Interview,
    stop: &'a Stop,
}

impl Here<'_> {
    fn question(&mut self) -> Result<Goto, Failure> {
        self.show();
        let key = self.stop.key();
        let mut left_open = false;
        loop {
            let line = self.app.ui.ask("> ")?;
            match typed(line) {
                Typed::Stop => return Ok(Goto::Stop),
                Typed::Back => return Ok(Goto::Before(key)),
                Typed::Help => self.app.ui.say(&Text::new("interview-help")),
                Typed::Keep => {
                    let answered = !self.open.evaluation.answer_text(&self.stop.path).is_empty();
                    if answered || !self.stop.required || left_open {
                        return Ok(Goto::After(key));
                    }
                    left_open = true;
                    self.app.ui.say(&Text::new("interview-required"));
                }
                Typed::Clear => {
                    self.collector.set(self.open.record, &self.stop.path, "")?;
                    return Ok(Goto::After(key));
                }
                Typed::Answer(answer) => {
                    if self.answer(&answer)? {
                        return Ok(Goto::After(key));
                    }
                }
            }
        }
    }

    fn show(&mut self) {
        let form = &self.open.form.form;
        let Stop { question, path, .. } = self.stop;
        let evaluation = &self.open.evaluation;
        let lang = self.app.ui.lang();
        let star = if self.stop.required { " *" } else { "" };
        let label = label_or_name(form, *question, path, evaluation, lang);
        self.app.ui.say_plain(&format!("\n{label}{star}"));
        let hint = hint(form, *question, path, evaluation, lang);
        if !hint.trim().is_empty() {
            self.app.ui.say_plain(&format!("  ({})", hint.trim()));
        }
        for (at, choice) in choices(form, *question, path, evaluation).iter().enumerate() {
            self.app.ui.say_plain(&format!("  {:>2}. {}", at + 1, choice.label(lang)));
        }
        let text = evaluation.answer_text(path);
        if !text.is_empty() {
            let shown = shown_value(form, *question, path, evaluation, &Value::Text(text), lang);
            self.app.ui.say(&Text::new("interview-now").with("answer", shown));
        }
    }

    /// Writes the answer; false when it is none, and the person has been told why.
    fn answer(&mut self, answer: &str) -> Result<bool, Failure> {
        let Some(raw) = self.meant(answer) else {
            self.app.ui.say(&Text::new("interview-pick"));
            return Ok(false);
        };
        let form = &self.open.form.form;
        let writes = match answer_writes(form, &self.stop.path, &raw, &self.open.answers) {
            Ok(writes) => writes,
            Err(error) => {
                self.app.ui.say(&expected(&error));
                return Ok(false);
            }
        };
        let mut after = self.open.answers.clone();
        after.extend(writes);
        let triggered = triggered_answers(form, &self.stop.path, &after, self.open.visit);
        after.extend(triggered);
        let evaluation = evaluate(form, &after, self.open.visit);
        if let Some(violation) = evaluation.violations().iter().find(|v| breaks(v, &self.stop.path)) {
            self.app.ui.say(&localised(|lang| violation.message(lang).to_owned()));
            return Ok(false);
        }
        self.collector.set(self.open.record, &self.stop.path, &raw)?;
        Ok(true)
    }

    /// What was typed, as the form writes it.
    fn meant(&self, answer: &str) -> Option<String> {
        let form = &self.open.form.form;
        let question = form.question(self.stop.question);
        let several = match question.question_type() {
            QuestionType::SelectOne => false,
            QuestionType::SelectMultiple | QuestionType::Rank => true,
            _ => return Some(answer.to_owned()),
        };
        let offered = choices(form, self.stop.question, &self.stop.path, &self.open.evaluation);
        picked(&offered, answer, several, self.app.ui.lang())
    }

    fn members(&mut self) -> Result<Goto, Failure> {
        let form = &self.open.form.form;
        let name = form.question(self.stop.question).name().to_owned();
        let lang = self.app.ui.lang();
        let label = label_or_name(form, self.stop.question, &self.stop.path, &self.open.evaluation, lang);
        let instances = self.open.evaluation.instances_in(&name, &self.stop.prefix);
        let wanted = self.open.evaluation.repeat_count(&name, &self.stop.prefix);
        if wanted.is_some_and(|wanted| instances.len() < wanted as usize) {
            return self.add(&name);
        }
        let count = instances.len();
        self.app.ui.say_plain("");
        self.app.ui.say(&Text::new("members-count").with("label", label).with("count", count));
        let prefixes: Vec<String> =
            instances.iter().map(|instance| format!("{}/{instance}", self.stop.path)).collect();
        for (at, prefix) in prefixes.iter().enumerate() {
            let line = format!("  {}. {}", at + 1, name_of(self.open, prefix));
            self.app.ui.say_plain(&line);
        }
        self.app.ui.say(&Text::new("members-help"));
        let key = self.stop.key();
        loop {
            match typed(self.app.ui.ask("> ")?) {
                Typed::Stop => return Ok(Goto::Stop),
                Typed::Back => return Ok(Goto::Before(key)),
                Typed::Keep => return Ok(Goto::After(key)),
                Typed::Answer(answer) if answer == "+" => return self.add(&name),
                Typed::Answer(answer) => {
                    let number =
                        answer.strip_prefix(['x', 'X']).and_then(|rest| rest.trim().parse::<usize>().ok());
                    match number.and_then(|number| prefixes.get(number.checked_sub(1)?)) {
                        Some(prefix) => return self.remove(prefix),
                        None => self.app.ui.say(&Text::new("members-help")),
                    }
                }
                Typed::Clear | Typed::Help => self.app.ui.say(&Text::new("members-help")),
            }
        }
    }

    /// Adds a member, and goes to its first question.
    fn add(&mut self, name: &str) -> Result<Goto, Failure> {
        let within = (!self.stop.prefix.is_empty()).then_some(self.stop.prefix.as_str());
        let instance = self.collector.add_instance(self.open.record, name, within)?;
        let prefix = format!("{}/{instance}", self.stop.path);
        let open = self.collector.evaluate(self.open.record)?;
        let stops = stops(&open.form.form, &open.evaluation);
        let first = stops.iter().find(|stop| stop.waits() && stop.path.instance_prefix() == prefix);
        let number = open.evaluation.instances_in(name, &self.stop.prefix).len();
        self.app.ui.say(&Text::new("members-added").with("number", number));
        Ok(first.map_or(Goto::At(self.stop.key()), |stop| Goto::At(stop.key())))
    }

    fn remove(&mut self, prefix: &str) -> Result<Goto, Failure> {
        let prompt = format!("{} ", self.app.ui.text(&Text::new("members-reason")));
        let reason = self.app.ui.ask(&prompt)?.unwrap_or_default();
        if reason.trim().is_empty() {
            self.app.ui.say(&Text::new("members-kept"));
        } else {
            self.collector.remove_instance(self.open.record, prefix, &reason)?;
        }
        Ok(Goto::At(self.stop.key()))
    }
}

/// True for what makes the answer at this path impossible, whatever else is answered.
fn breaks(violation: &Violation, path: &AnswerPath) -> bool {
    let by_value =
        matches!(violation.kind, ViolationKind::Constraint | ViolationKind::Choice | ViolationKind::Type);
    by_value && violation.path.as_ref() == Some(path)
}

/// After the last question: what must be corrected, or the end. `Err` goes on with the interview there.
fn the_end(
    app: &mut App,
    collector: &mut Collector,
    open: &Interview,
    stops: &[Stop],
) -> Result<Result<Ended, Goto>, Failure> {
    let blocking: Vec<&Violation> = open
        .evaluation
        .violations()
        .iter()
        .filter(|violation| violation.level == form_engine::Level::Block)
        .collect();
    app.ui.say_plain("");
    if blocking.is_empty() {
        return last_word(app, collector, open, stops);
    }
    app.ui.say(&Text::new("interview-to-correct").with("count", blocking.len()));
    let mut places = BTreeMap::new();
    for (at, violation) in blocking.iter().enumerate() {
        let line = format!("  {}. {}", at + 1, words(open, violation, app.ui.lang()));
        app.ui.say_plain(&line);
        places.insert(at + 1, first_place(violation, stops));
    }
    app.ui.say(&Text::new("interview-correct-help"));
    loop {
        match typed(app.ui.ask("> ")?) {
            Typed::Stop | Typed::Keep => {
                app.ui.say(&stopped(open));
                return Ok(Ok(Ended::Draft));
            }
            Typed::Back => return Ok(Err(last_of(stops))),
            Typed::Answer(answer) => {
                let number = answer.parse::<usize>().ok();
                match number.and_then(|number| places.get(&number)) {
                    Some(Some(key)) => return Ok(Err(Goto::At(key.clone()))),
                    _ => app.ui.say(&Text::new("interview-correct-help")),
                }
            }
            Typed::Clear | Typed::Help => app.ui.say(&Text::new("interview-correct-help")),
        }
    }
}

/// What is to be corrected, in the form's words.
fn words(open: &Interview, violation: &Violation, lang: &str) -> String {
    let message = violation.message(lang);
    match &violation.path {
        Some(path) => format!("{} : {message}", path_words(open, path.as_str(), lang)),
        None => message.to_owned(),
    }
}

/// The first question that can mend it.
fn first_place(violation: &Violation, stops: &[Stop]) -> Option<String> {
    let paths = violation.path.iter().chain(&violation.depends_on);
    paths
        .filter_map(|path| stops.iter().find(|stop| stop.waits() && stop.path == *path))
        .map(Stop::key)
        .next()
}

fn last_of(stops: &[Stop]) -> Goto {
    stops.iter().rev().find(|stop| stop.waits()).map_or(Goto::Start, |stop| Goto::At(stop.key()))
}

fn last_word(
    app: &mut App,
    collector: &mut Collector,
    open: &Interview,
    stops: &[Stop],
) -> Result<Result<Ended, Goto>, Failure> {
    let warnings = open.evaluation.violations();
    for violation in warnings.iter().filter(|violation| violation.level == form_engine::Level::Warn) {
        let message = words(open, violation, app.ui.lang());
        app.ui.say(&Text::new("warning").with("message", message));
    }
    let prompt = format!("{} ", app.ui.text(&Text::new("interview-finish-ask")));
    match app.ui.ask(&prompt)?.map(|line| line.trim().to_lowercase()).as_deref() {
        Some("" | "o" | "oui" | "w" | "wi" | "y" | "yes") => {}
        Some("<") => return Ok(Err(last_of(stops))),
        _ => {
            app.ui.say(&stopped(open));
            return Ok(Ok(Ended::Draft));
        }
    }
    match finalise(app, collector, open.record)? {
        Finished::Done(row) => Ok(Ok(Ended::Finished(row))),
        Finished::Blocked(violations) => {
            for text in texts(&violations) {
                app.ui.say(&text);
            }
            Ok(Err(last_of(stops)))
        }
    }
}
