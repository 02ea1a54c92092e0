//! Small forms written as text: one row a line, cells between bars.
#![allow(dead_code, reason = "each test file uses some of these")]

use form_engine::{CompiledForm, Diagnostics, Evaluation, Workbook, evaluate};
use record_model::{AnswerPath, Answers, Instant, Value, Visit};

pub(crate) const A: &str = "AAAAAAAAAAAAA";
pub(crate) const B: &str = "BAAAAAAAAAAAA";
pub(crate) const C: &str = "CAAAAAAAAAAAA";

/// 2026-11-21T23:10:00-05:00, which is already the 22nd in UTC.
pub(crate) fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 }
}

pub(crate) fn sheet(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

pub(crate) fn workbook(sheets: &[(&str, &str)]) -> Workbook {
    Workbook::from_sheets(sheets.iter().map(|(name, text)| ((*name).to_owned(), sheet(text))))
}

pub(crate) fn compile(sheets: &[(&str, &str)]) -> CompiledForm {
    match CompiledForm::compile(&workbook(sheets)) {
        Ok((form, _)) => form,
        Err(found) => panic!("{found}"),
    }
}

pub(crate) fn refused(sheets: &[(&str, &str)]) -> Diagnostics {
    match CompiledForm::compile(&workbook(sheets)) {
        Ok(_) => panic!("the form was taken"),
        Err(found) => found,
    }
}

pub(crate) fn warnings(sheets: &[(&str, &str)]) -> Diagnostics {
    CompiledForm::compile(&workbook(sheets)).expect("the form compiles").1
}

pub(crate) fn path(text: &str) -> AnswerPath {
    text.parse().expect("a path")
}

pub(crate) fn answers(values: &[(&str, &str)]) -> Answers {
    values.iter().map(|(at, text)| (path(at), typed(text))).collect()
}

/// `i:5` a whole number, `true` and `false` ticks, `null` nothing, else a text.
fn typed(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => text
            .strip_prefix("i:")
            .and_then(|digits| digits.parse().ok())
            .map_or_else(|| Value::from(text), Value::Int),
    }
}

pub(crate) fn run(form: &CompiledForm, values: &[(&str, &str)]) -> Evaluation {
    evaluate(form, &answers(values), visit())
}

pub(crate) fn shown(evaluation: &Evaluation, at: &str) -> String {
    evaluation.value(&path(at)).to_string()
}

/// The ids of what does not hold.
pub(crate) fn broken(evaluation: &Evaluation) -> Vec<String> {
    evaluation.violations().iter().map(|violation| violation.id.clone()).collect()
}

/// Evaluates one expression at the root of a form with a small roster.
pub(crate) fn calculate(expression: &str, values: &[(&str, &str)]) -> String {
    let survey = vec![
        row(&["type", "name", "label::English (en)", "calculation"]),
        row(&["text", "t", "T", ""]),
        row(&["integer", "n", "N", ""]),
        row(&["decimal", "d", "D", ""]),
        row(&["date", "day", "Day", ""]),
        row(&["select_multiple goods", "goods", "Goods", ""]),
        row(&["select_one goods", "one", "One", ""]),
        row(&["begin repeat", "roster", "Roster", ""]),
        row(&["text", "name", "Name", ""]),
        row(&["integer", "age", "Age", ""]),
        row(&["select_one rel", "relationship", "Rel", ""]),
        row(&["end repeat", "", "", ""]),
        row(&["calculate", "result", "", expression]),
    ];
    let choices = sheet(
        "list_name | name | label::English (en) | kind
         goods | radio | Radio | x
         goods | phone | Phone | y
         goods | car | Car | y
         rel | 01 | Head | a
         rel | 02 | Spouse | b",
    );
    let workbook = Workbook::from_sheets([("survey".to_owned(), survey), ("choices".to_owned(), choices)]);
    match CompiledForm::compile(&workbook) {
        Ok((form, _)) => shown(&run(&form, values), "result"),
        Err(found) => format!("refused: {found}"),
    }
}

pub(crate) fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}
