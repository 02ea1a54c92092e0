//! `record show`

use collector_core::{Attribution, Interview, ShownRecord, ShownValue};
use form_engine::{NodeState, QuestionKind};
use record_model::{AnswerPath, FindingKind, Instant, Value};

use super::RecordRef;
use super::list::states;
use crate::app::App;
use crate::failure::Failure;
use crate::form_text::{label_or_name, path_words, shown_value, value_words};
use crate::messages::Text;
use crate::shapes::{AlternativeRow, AnswerRow, AuthorShape, FindingRow, RecordRow, RecordShape, ValueRow};
use crate::when;

/// Shows a record: its answers, who gave them, and what a person should look at.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
}

pub(super) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let record = args.record.find(&collector)?;
    let shown = collector.show(record)?;
    if app.ui.json(&shape(&shown)) {
        return Ok(());
    }
    head(app, &shown, collector.visit_now().at);
    // Without its form the record still has its paths and values.
    let open = collector.evaluate(record).ok();
    match &open {
        Some(open) => answers(app, open),
        None => bare(app, &shown),
    }
    findings(app, open.as_ref(), &shown);
    Ok(())
}

fn shape(shown: &ShownRecord) -> RecordShape {
    RecordShape {
        summary: RecordRow::from(&shown.summary),
        generation: shown.generation,
        revision: shown.revision.map(|revision| revision.to_string()),
        visit: shown.visit.map(Into::into),
        answers: shown
            .answers
            .iter()
            .map(|(path, values)| AnswerRow {
                path: path.to_string(),
                values: values.iter().map(value_row).collect(),
            })
            .collect(),
        findings: shown
            .findings
            .iter()
            .map(|finding| FindingRow {
                id: finding.id.to_string(),
                kind: finding.kind.as_str(),
                subject: finding.subject.clone(),
                alternatives: finding
                    .alternatives
                    .iter()
                    .map(|alternative| AlternativeRow {
                        path: alternative.path.to_string(),
                        value: alternative.value.clone(),
                        change: alternative.change.map(|change| change.to_string()),
                    })
                    .collect(),
            })
            .collect(),
    }
}

fn value_row(value: &ShownValue) -> ValueRow {
    ValueRow {
        value: value.value.clone(),
        change: value.change.map(|change| change.to_string()),
        by: value.by.as_ref().map(author),
    }
}

/// Who wrote something.
pub(super) fn author(by: &Attribution) -> AuthorShape {
    AuthorShape {
        seat: by.seat.to_string(),
        person: by.person.clone(),
        device: by.device.clone(),
        visit: by.visit.map(Into::into),
    }
}

fn head(app: &mut App, shown: &ShownRecord, now: Instant) {
    let summary = &shown.summary;
    let number = summary.number.clone().unwrap_or_default();
    app.ui.result(format!("{number}  {}", summary.title).trim());
    app.ui.result_text(&Text::new("record-id").with("record", summary.record.to_string()));
    let states = states(app, summary, now);
    app.ui.result(&states);
    if let Some(area) = &summary.area {
        app.ui.result_text(&Text::new("record-area").with("area", area.as_str()));
    }
    if let Some(visit) = shown.visit {
        let date = when::date(visit, app.ui.catalogue.language);
        app.ui.result_text(&Text::new("record-visit").with("date", date));
    }
}

/// The answers in the words and the order of the form.
fn answers(app: &mut App, open: &Interview) {
    let form = &open.form.form;
    for node in open.evaluation.nodes().iter().filter(|node| node.relevant) {
        let question = form.question(node.question);
        let depth = form.repeats_around(node.question).len();
        let indent = "  ".repeat(depth);
        let label = label_or_name(form, node.question, &node.path, &open.evaluation, app.ui.lang());
        match (question.kind(), node.instance) {
            (QuestionKind::Repeat, Some(instance)) => {
                let place = place_of(open, node);
                app.ui.result(&format!("\n{indent}{label} {place}  [{instance}]"));
            }
            (QuestionKind::Group, _) => app.ui.result(&format!("\n{indent}{label}")),
            (QuestionKind::Question, _) if !node.value.is_null() => {
                let (path, value) = (&node.path, &node.value);
                let value = shown_value(form, node.question, path, &open.evaluation, value, app.ui.lang());
                app.ui.result(&format!("  {indent}{label} : {value}"));
            }
            _ => {}
        }
    }
}

fn place_of(open: &Interview, node: &NodeState) -> usize {
    let name = open.form.form.question(node.question).name();
    let instances = open.evaluation.instances_in(name, node.path.instance_prefix());
    instances.iter().position(|instance| Some(*instance) == node.instance).map_or(0, |at| at + 1)
}

fn bare(app: &mut App, shown: &ShownRecord) {
    for (path, values) in &shown.answers {
        if let Some(first) = values.first() {
            app.ui.result(&format!("  {path} : {}", first.value));
        }
    }
}

fn findings(app: &mut App, open: Option<&Interview>, shown: &ShownRecord) {
    let lang = app.ui.lang();
    let words = |path: &str| open.map_or_else(|| path.to_owned(), |open| path_words(open, path, lang));
    for finding in &shown.findings {
        let key = match finding.kind {
            FindingKind::Conflict => "finding-conflict",
            FindingKind::RemovedAndEdited => "finding-removed-and-edited",
            FindingKind::RuleBreak => "finding-rule-break",
        };
        app.ui.result("");
        if finding.kind == FindingKind::RuleBreak {
            let message = open.and_then(|open| rule_message(open, &finding.subject, lang));
            let subject = message.unwrap_or_else(|| finding.subject.clone());
            app.ui.result_text(&Text::new(key).with("subject", subject));
            continue;
        }
        app.ui.result_text(&Text::new(key).with("subject", words(&finding.subject)));
        for alternative in &finding.alternatives {
            let by = author_of(shown, &alternative.path, &alternative.value);
            let path = alternative.path.as_str();
            let value = match (&alternative.value, open) {
                (Value::Null, _) => app.ui.text(&Text::new("found-nothing")),
                (Value::Bool(true), _) => app.ui.text(&Text::new("ticked")),
                (Value::Bool(false), _) => app.ui.text(&Text::new("not-ticked")),
                (value, Some(open)) => value_words(open, path, value, lang),
                (value, None) => value.to_string(),
            };
            let line = said_by(app, &words(path), &value, by);
            app.ui.result(&line);
        }
    }
}

fn rule_message(open: &Interview, id: &str, lang: &str) -> Option<String> {
    let broken = open.evaluation.violations().iter().find(|violation| violation.id == id)?;
    Some(broken.message(lang).to_owned())
}

fn author_of<'s>(shown: &'s ShownRecord, path: &AnswerPath, value: &Value) -> Option<&'s Attribution> {
    shown.answers.get(path)?.iter().find(|shown| shown.value == *value)?.by.as_ref()
}

fn said_by(app: &App, path: &str, value: &str, by: Option<&Attribution>) -> String {
    let Some(by) = by else { return format!("  {path} : {value}") };
    let date = by.visit.map(|visit| when::date(visit, app.ui.catalogue.language)).unwrap_or_default();
    let person = by.person.as_deref().unwrap_or_default();
    let device = by.device.as_deref().unwrap_or_default();
    format!("  {path} : {value}  ({person}, {device}, {date})")
}
