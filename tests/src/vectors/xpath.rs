//! XPath vectors: an expression over a document, and its result.

use std::collections::BTreeSet;

use form_engine::{Functions, XmlExpression, XmlValue};
use serde_json::Value as Json;

use super::job::Outcome;
use super::{clock, pattern};

/// JavaRosa's numbers are compared with this tolerance; all others to the last place that a number read from JSON has.
const JAVAROSA_TOLERANCE: f64 = 1e-12;

/// Evaluates one vector and compares.
pub(super) fn run(vector: &Json) -> Outcome {
    if vector["contradicted"] == true {
        return Outcome::Skipped("two results are recorded for one expression".to_owned());
    }
    if let Some(reason) = unanswerable(vector) {
        return Outcome::Skipped(reason);
    }
    let expectation = match Expectation::of(vector) {
        Ok(expectation) => expectation,
        Err(reason) => return Outcome::Skipped(reason),
    };
    let found = match evaluate(vector) {
        Ok(found) => found,
        Err(reason) => return Outcome::Skipped(reason),
    };
    match expectation.difference(&found) {
        None => Outcome::Passed,
        Some(difference) => {
            let expression = vector["expr"].as_str().unwrap_or_default();
            Outcome::Failed(format!("{expression}: {difference}"))
        }
    }
}

/// A node that the vector names and its own document does not have: what was recorded cannot be found in it. So it is
/// where the recorder kept another document than the one the suite ran on, or dropped a node on writing it.
fn unanswerable(vector: &Json) -> Option<String> {
    let document = vector["context_xml"].as_str()?;
    let is_there = |node: &str| {
        let visit = clock::visit(vector).ok()?;
        XmlExpression::evaluate(document, node, "true()", visit, Functions::Odk).ok()
    };
    let context = vector["context_node"].as_str().unwrap_or("/");
    is_there("/")?;
    if is_there(context).is_none() {
        return Some(format!("the vector's document has no {context}"));
    }
    let nodes: Vec<&str> = vector["expected"].as_array()?.iter().filter_map(Json::as_str).collect();
    let twice = nodes.iter().enumerate().find(|(at, node)| nodes[..*at].contains(node));
    let missing = nodes.iter().find(|node| is_there(node).is_none());
    match (missing, twice) {
        (Some(node), _) => Some(format!("the vector's document has no {node}")),
        (None, Some((_, node))) => Some(format!("the vector names {node} twice")),
        (None, None) => None,
    }
}

/// What the engine made of an expression, seen as each type.
#[derive(Debug)]
struct Found {
    boolean: bool,
    number: f64,
    text: String,
    nodes: Option<Vec<String>>,
}

impl From<XmlValue> for Found {
    fn from(value: XmlValue) -> Self {
        Self { boolean: value.boolean(), number: value.number(), text: value.text(), nodes: value.nodes() }
    }
}

/// The outer error is about the vector, the inner one is the engine's.
fn evaluate(vector: &Json) -> Result<Result<Found, String>, String> {
    let visit = clock::visit(vector)?;
    let field = |name: &str| vector[name].as_str().ok_or_else(|| format!("the vector has no text in {name}"));
    let functions = match (&vector["engine"], &vector["odk"]) {
        (Json::String(engine), _) if engine == "javarosa" => Functions::Collect,
        (_, Json::Bool(true)) => Functions::Odk,
        _ => Functions::Plain,
    };
    let value = XmlExpression::evaluate(
        field("context_xml")?,
        vector["context_node"].as_str().unwrap_or("/"),
        field("expr")?,
        visit,
        functions,
    );
    Ok(value.map(Found::from))
}

/// What a vector demands of the result.
enum Expectation {
    Error,
    Boolean(bool),
    Number {
        expected: f64,
        tolerance: f64,
    },
    Rounded {
        expected: f64,
        factor: f64,
    },
    Text(String),
    Length(usize),
    Match(regex::Regex),
    Nodes(Vec<String>),
    NodeSet(BTreeSet<String>),
    /// Depends on clock or chance: any value of this form.
    Form(Form),
}

/// The form of a value that depends on clock or chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Boolean,
    Number,
    Blank,
    Date,
    Instant,
    Identifier,
    Text,
}

impl Expectation {
    /// Err says why a vector of this kind cannot be compared.
    fn of(vector: &Json) -> Result<Self, String> {
        let expected = &vector["expected"];
        let volatile = vector["volatile"] == true;
        let unusable = || format!("{expected} is no result of type {}", vector["type"]);
        let number = || number_of(expected).ok_or_else(unusable);
        Ok(match vector["type"].as_str().unwrap_or_default() {
            "error" => Self::Error,
            "boolean" if volatile => Self::Form(Form::Boolean),
            "number" if volatile => Self::Form(Form::Number),
            "string" if volatile => Self::Form(Form::of_text(&text_of(expected).ok_or_else(unusable)?)),
            "nodeset" if volatile => Self::NodeSet(nodes_of(expected).ok_or_else(unusable)?),
            "boolean" => Self::Boolean(expected.as_bool().ok_or_else(unusable)?),
            "number" => {
                let tolerance = if vector["engine"] == "javarosa" { JAVAROSA_TOLERANCE } else { 0.0 };
                Self::Number { expected: number()?, tolerance }
            }
            "number-rounded" => {
                Self::Rounded { expected: number()?, factor: vector["factor"].as_f64().unwrap_or(1.0) }
            }
            "string" => Self::Text(text_of(expected).ok_or_else(unusable)?),
            "string-length" => {
                let length = expected.as_u64().and_then(|length| usize::try_from(length).ok());
                Self::Length(length.ok_or_else(unusable)?)
            }
            "string-match" => Self::Match(pattern::from_literal(expected.as_str().ok_or_else(unusable)?)?),
            "nodeset" => Self::Nodes(nodes_of(expected).ok_or_else(unusable)?),
            "nodeset-unordered" => Self::NodeSet(nodes_of(expected).ok_or_else(unusable)?),
            other => return Err(format!("the type `{other}` is unknown")),
        })
    }

    /// None when the result is as recorded.
    fn difference(&self, found: &Result<Found, String>) -> Option<String> {
        let found = match (self, found) {
            (Self::Error, Err(_)) => return None,
            (Self::Error, Ok(found)) => return Some(format!("recorded an error, found {:?}", found.text)),
            (_, Err(error)) => return Some(format!("recorded {}, found the error: {error}", self.told())),
            (_, Ok(found)) => found,
        };
        let (agrees, told) = match self {
            Self::Error => return None,
            Self::Boolean(expected) => (found.boolean == *expected, found.boolean.to_string()),
            Self::Number { expected, tolerance } => {
                (same_number(found.number, *expected, *tolerance), found.number.to_string())
            }
            Self::Rounded { expected, factor } => {
                let rounded = round(found.number * factor) / factor;
                (same_number(rounded, *expected, 0.0), format!("{rounded} ({})", found.number))
            }
            Self::Text(expected) => (found.text == *expected, format!("{:?}", found.text)),
            Self::Length(expected) => {
                let length = found.text.encode_utf16().count();
                (length == *expected, format!("{length} in {:?}", found.text))
            }
            Self::Match(pattern) => (pattern.is_match(&found.text), format!("{:?}", found.text)),
            Self::Nodes(expected) => (found.nodes.as_ref() == Some(expected), format!("{:?}", found.nodes)),
            Self::NodeSet(expected) => {
                let nodes = found.nodes.as_ref();
                let agrees = nodes.is_some_and(|nodes| {
                    nodes.len() == expected.len() && nodes.iter().all(|node| expected.contains(node))
                });
                (agrees, format!("{nodes:?}"))
            }
            // Every value can be seen as a boolean and as a number: that it came out is all there is to see.
            Self::Form(Form::Boolean | Form::Number) => (true, String::new()),
            Self::Form(form) => (Form::of_text(&found.text) == *form, format!("{:?}", found.text)),
        };
        (!agrees).then(|| format!("recorded {}, found {told}", self.told()))
    }

    fn told(&self) -> String {
        match self {
            Self::Error => "an error".to_owned(),
            Self::Boolean(expected) => expected.to_string(),
            Self::Number { expected, .. } => expected.to_string(),
            Self::Rounded { expected, factor } => format!("{expected} (rounded to 1/{factor})"),
            Self::Text(expected) => format!("{expected:?}"),
            Self::Length(expected) => format!("{expected} characters"),
            Self::Match(pattern) => format!("a match of {pattern}"),
            Self::Nodes(expected) => format!("{expected:?}"),
            Self::NodeSet(expected) => format!("{expected:?} in any order"),
            Self::Form(form) => format!("a value of the form {form:?}"),
        }
    }
}

impl Form {
    fn of_text(text: &str) -> Self {
        let looks =
            |pattern: &str| pattern::from_literal(pattern).is_ok_and(|pattern| pattern.is_match(text));
        if text.is_empty() {
            Self::Blank
        } else if matches!(text, "NaN" | "Infinity" | "-Infinity") || looks(r"/^-?(\d+\.?\d*|\.\d+)$/") {
            Self::Number
        } else if looks(r"/^\d{4}-\d\d-\d\d$/") {
            Self::Date
        } else if looks(r"/^\d{4}-\d\d-\d\dT\d\d:\d\d/") {
            Self::Instant
        } else if looks("/^(uuid:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i") {
            Self::Identifier
        } else {
            Self::Text
        }
    }
}

/// A JSON number, or one of the three that JSON cannot write.
fn number_of(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => json.as_f64(),
    }
}

/// A scalar as XPath writes it.
pub(super) fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) => {
            // 1.0 is written 1.
            let number = number.as_f64()?;
            Some(number.to_string())
        }
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn nodes_of<C: FromIterator<String>>(json: &Json) -> Option<C> {
    json.as_array()?.iter().map(|node| node.as_str().map(str::to_owned)).collect()
}

fn same_number(found: f64, expected: f64, tolerance: f64) -> bool {
    (found.is_nan() && expected.is_nan())
        || found == expected
        || (expected.is_finite() && (found - expected).abs() <= f64::EPSILON * expected.abs())
        || (tolerance > 0.0 && (found - expected).abs() <= tolerance)
}

/// As `Math.round` does: halves go up.
fn round(number: f64) -> f64 {
    (number + 0.5).floor()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(text: &str, number: f64, nodes: Option<&[&str]>) -> Result<Found, String> {
        let nodes = nodes.map(|nodes| nodes.iter().map(ToString::to_string).collect());
        Ok(Found { boolean: !text.is_empty(), number, text: text.to_owned(), nodes })
    }

    fn agrees(vector: Json, found: &Result<Found, String>) -> bool {
        Expectation::of(&vector).unwrap().difference(found).is_none()
    }

    #[test]
    fn numbers_are_compared_to_the_last_place_except_those_of_javarosa() {
        let almost = found("", 0.300_000_000_000_001, None);
        assert!(!agrees(json!({"type": "number", "expected": 0.3}), &almost));
        let nearly = found("", 0.300_000_000_000_1, None);
        assert!(agrees(json!({"type": "number", "expected": 0.3, "engine": "javarosa"}), &nearly));
        assert!(agrees(json!({"type": "number", "expected": "NaN"}), &found("", f64::NAN, None)));
        assert!(!agrees(
            json!({"type": "number", "expected": 0, "engine": "javarosa"}),
            &found("", f64::NAN, None)
        ));
        let infinite = found("", f64::NEG_INFINITY, None);
        assert!(agrees(json!({"type": "number", "expected": "-Infinity"}), &infinite));
        assert!(!agrees(json!({"type": "number", "expected": "Infinity"}), &infinite));
    }

    #[test]
    fn rounded_numbers_round_halves_up() {
        let vector = json!({"type": "number-rounded", "expected": -0.71, "factor": 100});
        assert!(agrees(vector.clone(), &found("", -0.708_333, None)));
        assert!(!agrees(vector, &found("", -0.72, None)));
    }

    #[test]
    fn texts_are_compared_whole_by_length_or_by_pattern() {
        assert!(agrees(json!({"type": "string", "expected": 2}), &found("2", 2.0, None)));
        assert!(agrees(json!({"type": "string", "expected": 0.5}), &found("0.5", 0.5, None)));
        assert!(!agrees(json!({"type": "string", "expected": "a"}), &found("ab", f64::NAN, None)));
        assert!(agrees(json!({"type": "string-length", "expected": 2}), &found("é!", f64::NAN, None)));
        assert!(agrees(json!({"type": "string-match", "expected": "/^a/i"}), &found("Ab", f64::NAN, None)));
    }

    #[test]
    fn nodes_are_compared_in_order_or_as_a_set() {
        let nodes = found("", f64::NAN, Some(&["/a[1]", "/a[1]/b[1]"]));
        assert!(agrees(json!({"type": "nodeset", "expected": ["/a[1]", "/a[1]/b[1]"]}), &nodes));
        assert!(!agrees(json!({"type": "nodeset", "expected": ["/a[1]/b[1]", "/a[1]"]}), &nodes));
        assert!(agrees(json!({"type": "nodeset-unordered", "expected": ["/a[1]/b[1]", "/a[1]"]}), &nodes));
        assert!(!agrees(json!({"type": "nodeset", "expected": []}), &found("", f64::NAN, None)));
    }

    #[test]
    fn an_error_must_be_one_and_no_other_may() {
        let refused = Err("refused".to_owned());
        assert!(agrees(json!({"type": "error", "expected": "XPathException"}), &refused));
        assert!(!agrees(json!({"type": "error", "expected": "error"}), &found("", 0.0, None)));
        assert!(!agrees(json!({"type": "boolean", "expected": false}), &refused));
    }

    #[test]
    fn of_a_volatile_value_only_the_form_is_compared() {
        let vector = json!({"type": "string", "expected": "2026-11-21", "volatile": true});
        assert!(agrees(vector.clone(), &found("1999-01-01", f64::NAN, None)));
        assert!(!agrees(vector.clone(), &found("today", f64::NAN, None)));
        assert!(!agrees(vector, &Err("refused".to_owned())));
        assert!(agrees(
            json!({"type": "boolean", "expected": true, "volatile": true}),
            &found("", 0.0, None)
        ));
    }

    #[test]
    fn what_cannot_be_compared_is_skipped_with_the_reason() {
        let reason = |vector: Json| Expectation::of(&vector).err().unwrap();
        assert_eq!(reason(json!({"type": "sequence", "expected": []})), "the type `sequence` is unknown");
        assert_eq!(
            reason(json!({"type": "number", "expected": "x"})),
            r#""x" is no result of type "number""#
        );
        assert!(reason(json!({"type": "string-match", "expected": "/(?=a)/"})).contains("cannot be read"));
    }
}
