//! Recorded results of other engines, when `LAKOU_VECTORS` names the folder that holds them.
//!
//! Literal expressions are run as calculations. Of the real questionnaires the recorded answers are given and the whole
//! final state is compared: relevance, requiredness, values, options on offer, violations.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skipped and fails where it stands"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use common::row;
use form_engine::{
    CompiledForm, Evaluation, QuestionKind, QuestionType, ViolationKind, Workbook, check_answer, choices,
    evaluate,
};
use record_model::{AnswerPath, Answers, InstanceId, Instant, Value, Visit};
use serde_json::Value as Json;

/// The folder; none when it is not asked for. Asked for and missing is a failure.
fn vectors(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("LAKOU_VECTORS") else {
        println!("skipped: {test} (LAKOU_VECTORS is not set)");
        return None;
    };
    let folder = PathBuf::from(folder).join("forms");
    assert!(folder.is_dir(), "LAKOU_VECTORS is set and {} is missing", folder.display());
    Some(folder)
}

// Expressions

fn calculated(expression: &str, offset: i16) -> Result<String, String> {
    let survey = vec![
        row(&["type", "name", "calculation"]),
        row(&["calculate", "result", &format!("string({expression})")]),
    ];
    let workbook = Workbook::from_sheets([("survey".to_owned(), survey)]);
    let (form, _) = CompiledForm::compile(&workbook).map_err(|found| found.to_string())?;
    let visit = Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: offset };
    Ok(evaluate(&form, &Answers::new(), visit).value(&common::path("result")).to_string())
}

/// The vectors that differ here on purpose, each with its reason. The test holds the list to exactly these.
const DIFFERENCES: &[(&str, &[&str])] = &[
    (
        "a date or an instant counts local days, without the offset's fraction (JavaRosa)",
        &[
            "d1033", "d1034", "d1035", "d1036", "d1037", "d1040", "d1041", "d1042", "d1043", "d1044",
            "d1046", "d1053", "d1054", "d1059", "d1060", "d1071", "d1072", "d1073", "d1075", "d1094",
            "d1095", "d1096", "d1097", "d1098", "d1099", "d1100", "d1101", "d1102", "d1103", "d1105",
            "d1114", "d1115", "d1120", "d1121", "d1126", "d1128", "d1148", "d1149", "d1152", "d1153",
            "d1674", "d1700", "d1701", "d1704",
        ],
    ),
    (
        "date() gives a date and date-time() an instant, whatever they are given (JavaRosa)",
        &[
            "d1020", "d1021", "d1022", "d1023", "d1074", "d1081", "d1082", "d1083", "d1084", "d1127",
            "d1150", "d1151", "d1165",
        ],
    ),
    (
        "what is no date is blank",
        &[
            "d1024", "d1025", "d1038", "d1039", "d1085", "d1086", "d1106", "d1107", "d1208", "d1209",
            "jd021", "jd024",
        ],
    ),
    ("exponents and Infinity are numbers (web)", &["jd045", "jd047", "jd063", "jd064"]),
    ("halves round away from zero (web)", &["jd115", "jd117"]),
    ("a comma makes no number (web)", &["jd121"]),
    ("a cell's blanks are collapsed before the expression is read", &["jd095"]),
];

fn agrees(vector: &Json, found: &str) -> bool {
    let expected = &vector["expected"];
    let expected_number = || match expected {
        Json::String(text) => text.parse::<f64>().unwrap_or(f64::NAN),
        other => other.as_f64().unwrap_or(f64::NAN),
    };
    let number = || match found {
        "" | "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        text => text.parse().unwrap_or(f64::NAN),
    };
    let same = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() < 1e-12;
    match vector["type"].as_str().unwrap_or_default() {
        "boolean" => expected.as_bool().is_some_and(|flag| found == flag.to_string()),
        "number" => same(number(), expected_number()),
        "number-rounded" => {
            let factor = vector["factor"].as_f64().unwrap_or(1.0);
            same((number() * factor).round() / factor, expected_number())
        }
        "string-length" => found.chars().count() as f64 == expected_number(),
        "string-match" => {
            let pattern = expected.as_str().unwrap_or_default().trim_matches('/');
            regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(found))
        }
        _ if expected.is_number() => same(number(), expected_number()),
        _ => expected.as_str() == Some(found),
    }
}

/// No path, no document: what this crate's own context can run.
fn is_literal(expression: &str) -> bool {
    let quotes = regex::Regex::new(r#""[^"]*"|'[^']*'"#).unwrap();
    let calls = regex::Regex::new(r"[a-zA-Z][\w:-]*\s*\(").unwrap();
    let words = regex::Regex::new(r"\b(and|or|div|mod)\b").unwrap();
    let text = quotes.replace_all(expression, "0");
    let text = calls.replace_all(&text, "(");
    let text = words.replace_all(&text, " ");
    let dot = regex::Regex::new(r"(^|[^0-9])\.($|[^0-9])").unwrap();
    !text.contains(['/', '@', '[', '$']) && !text.chars().any(char::is_alphabetic) && !dot.is_match(&text)
}

#[test]
fn literal_expressions_agree_with_recorded_engines() {
    let Some(folder) = vectors("literal_expressions_agree_with_recorded_engines") else { return };
    let mut ran = 0;
    let mut unknown = BTreeMap::<String, usize>::new();
    let mut differences = BTreeMap::<String, String>::new();
    for file in ["xpath.jsonl", "xpath-javarosa.jsonl"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for line in text.lines() {
            let vector: Json = serde_json::from_str(line).unwrap();
            let expression = vector["expr"].as_str().unwrap_or_default();
            let skip =
                vector["native"] == true || vector["contradicted"] == true || vector["type"] == "nodeset";
            if vector["odk"] != true || skip || !is_literal(expression) {
                continue;
            }
            let offset = if vector["tz"] == "UTC" { 0 } else { -420 };
            let id = vector["id"].as_str().unwrap_or_default();
            let result = calculated(expression, offset);
            let agreed = match &result {
                Err(said) if vector["type"] != "error" => {
                    let code = said
                        .split("found ")
                        .nth(1)
                        .unwrap_or(said)
                        .split(" at character")
                        .next()
                        .unwrap_or("");
                    *unknown.entry(code.to_owned()).or_default() += 1;
                    continue;
                }
                Err(_) => true,
                Ok(found) => agrees(&vector, found),
            };
            ran += 1;
            if !agreed {
                let said = format!("{file} {id}: {expression} = {result:?}, recorded {}", vector["expected"]);
                differences.insert(id.to_owned(), said);
            }
        }
    }
    let named: BTreeSet<&str> = DIFFERENCES.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    println!("{ran} ran, {} differ on purpose, refused: {unknown:?}", named.len());
    assert!(ran > 600, "only {ran} vectors ran");
    let stale: Vec<&str> = named.iter().copied().filter(|id| !differences.contains_key(*id)).collect();
    assert!(stale.is_empty(), "these agree now: {stale:?}");
    differences.retain(|id, _| !named.contains(id.as_str()));
    let told: Vec<&str> = differences.values().map(String::as_str).collect();
    assert!(told.is_empty(), "{} differ:\n{}", told.len(), told.join("\n"));
}

// Questionnaires

/// The workbook with what this engine refuses on purpose taken out.
fn load(folder: &std::path::Path, file: &str) -> CompiledForm {
    let bytes = std::fs::read(folder.join("forms").join(file)).unwrap();
    let workbook = Workbook::read_xlsx(&bytes).unwrap_or_else(|found| panic!("{file}: {found}"));
    let sheets = ["survey", "choices", "settings"].map(|name| {
        let mut rows = workbook.rows(name).unwrap_or_default().to_vec();
        for cell in rows.iter_mut().flatten() {
            // A random value in a calculation, and a filter on a column the list does not have.
            if cell == "uuid()" {
                "'random'".clone_into(cell);
            } else if cell.contains("(visible=") {
                cell.clear();
            }
        }
        (name.to_owned(), rows)
    });
    match CompiledForm::compile(&Workbook::from_sheets(sheets)) {
        Ok((form, _)) => form,
        Err(found) => panic!("{file}: {found}"),
    }
}

fn id_of(position: u64) -> InstanceId {
    InstanceId::from_bytes(position.to_be_bytes())
}

/// `/data/group/roster[2]/name` as an answer path; groups are not part of it.
fn path_of(form: &CompiledForm, reference: &str) -> Option<AnswerPath> {
    let mut path = String::new();
    let steps: Vec<&str> = reference.split('/').skip(2).collect();
    let (leaf, around) = steps.split_last()?;
    for step in around {
        if let Some((name, position)) = step.strip_suffix(']').and_then(|step| step.split_once('[')) {
            path.push_str(&format!("{name}/{}/", id_of(position.parse().ok()?)));
        }
    }
    let question = form.find(leaf)?;
    if matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat) {
        return None;
    }
    format!("{path}{leaf}").parse().ok()
}

fn given_answers(form: &CompiledForm, nodes: &[Json]) -> Answers {
    let mut answers = Answers::new();
    for node in nodes {
        let reference = node["ref"].as_str().unwrap_or_default();
        if node["node"] == "repeat-instance"
            && let Some((name, position)) =
                reference.rsplit('/').next().and_then(|s| s.strip_suffix(']')?.split_once('['))
        {
            let position: u64 = position.parse().unwrap();
            let order = format!("{name}/{}/@order", id_of(position)).parse().unwrap();
            answers.insert(order, Value::from(format!("{position:06}")));
        }
        let Some(path) = path_of(form, reference) else { continue };
        let question = form.find(path.leaf()).unwrap();
        let value = node["value"].as_str().unwrap_or_default();
        if question.is_calculated() || question.question_type() == QuestionType::Calculate || value.is_empty()
        {
            continue;
        }
        match check_answer(form, question.index(), value) {
            Ok(values) => answers.extend(
                values.into_iter().map(|(suffix, value)| (format!("{path}{suffix}").parse().unwrap(), value)),
            ),
            Err(_) => {
                answers.insert(path, Value::from(value));
            }
        }
    }
    answers
}

struct Compared {
    nodes: usize,
    differences: Vec<String>,
}

fn compare(form: &CompiledForm, found: &Evaluation, vector: &Json) -> Compared {
    let volatile: Vec<&str> =
        vector["volatile"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    let violations: HashMap<&AnswerPath, ViolationKind> = found
        .violations()
        .iter()
        .filter_map(|violation| violation.path.as_ref().map(|path| (path, violation.kind)))
        .collect();
    let states: HashMap<&AnswerPath, &form_engine::NodeState> =
        found.nodes().iter().map(|state| (&state.path, state)).collect();
    let mut compared = Compared { nodes: 0, differences: Vec::new() };
    for node in vector["nodes"].as_array().unwrap() {
        let reference = node["ref"].as_str().unwrap_or_default();
        let Some(path) = path_of(form, reference) else { continue };
        let Some(state) = states.get(&path) else {
            compared.differences.push(format!("{reference}: not there"));
            continue;
        };
        compared.nodes += 1;
        let mut differ = |what: &str, ours: String, recorded: String| {
            if ours != recorded {
                compared.differences.push(format!("{reference} {what}: {ours:?}, recorded {recorded:?}"));
            }
        };
        differ(
            "relevant",
            state.relevant.to_string(),
            node["relevant"].as_bool().unwrap_or(true).to_string(),
        );
        if !state.relevant {
            continue;
        }
        let question = form.question(state.question);
        if question.kind() == QuestionKind::Question {
            differ(
                "required",
                state.required.to_string(),
                node["required"].as_bool().unwrap_or(false).to_string(),
            );
        }
        if !volatile.contains(&reference) {
            let ours = found.answer_text(&path);
            let recorded = node["value"].as_str().unwrap_or_default();
            let same_number = ours
                .parse::<f64>()
                .ok()
                .zip(recorded.parse::<f64>().ok())
                .is_some_and(|(a, b)| (a - b).abs() < 1e-9);
            if !same_number {
                differ("value", ours, recorded.to_owned());
            }
        }
        // Nobody can answer a calculation: a required one that is blank is no violation here, and one in the web engine.
        if question.kind() == QuestionKind::Question {
            let condition = node["violation"]["condition"].as_str().unwrap_or("none");
            let ours = violations.get(&path).map_or("none", |kind| kind.as_str());
            differ("violation", ours.to_owned(), condition.to_owned());
        }
        if let Some(options) = node["options"].as_array() {
            let recorded: Vec<&str> = options.iter().filter_map(Json::as_str).collect();
            let ours: Vec<&str> =
                choices(form, question.index(), &path, found).iter().map(|choice| choice.name).collect();
            differ("options", ours.join(" "), recorded.join(" "));
        }
    }
    compared
}

#[test]
fn real_questionnaires_end_in_the_recorded_state() {
    let Some(folder) = vectors("real_questionnaires_end_in_the_recorded_state") else { return };
    let mut all = Vec::new();
    for name in ["form_a.s1", "form_b.s1", "form_c.s1", "form_c.s2", "form_c.s3"] {
        let file = folder.join("form-vectors").join(format!("impact-idem_{name}.json"));
        let vector: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let form = load(&folder, vector["xlsform"].as_str().unwrap().rsplit('/').next().unwrap());
        let nodes = vector["nodes"].as_array().unwrap();
        let answers = given_answers(&form, nodes);
        // 2026-11-22T04:10:00Z in Port-au-Prince.
        let visit = Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 };
        let found = evaluate(&form, &answers, visit);
        let compared = compare(&form, &found, &vector);
        println!("{name}: {} nodes compared, {} differ", compared.nodes, compared.differences.len());
        all.extend(compared.differences.into_iter().map(|difference| format!("{name} {difference}")));
    }
    assert!(all.is_empty(), "{} differ:\n{}", all.len(), all[..all.len().min(60)].join("\n"));
}
