//! Every `--json` output has its schema: the examples hold to it, and so does what the program writes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Ran, TestHome, household_workbook};

const SHAPES: &[&str] = &[
    "backup",
    "bundle-export",
    "bundle-import",
    "doctor",
    "enrolment-request",
    "error",
    "form",
    "form-check",
    "forms",
    "history",
    "interview",
    "people",
    "record",
    "record-change",
    "record-proof",
    "records",
    "relay-open",
    "relay-push",
    "relay-served",
    "relay-status",
    "seat",
    "state-hash",
    "status",
    "sync",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator(shape: &str) -> jsonschema::Validator {
    let schema = read(&root().join(format!("schemas/collector-{shape}.schema.json")));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

fn examples(shape: &str, kind: &str) -> Vec<PathBuf> {
    let folder = root().join(format!("fixtures/json/collector-{shape}/{kind}"));
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

#[test]
fn the_valid_examples_hold_and_the_invalid_ones_do_not() {
    for shape in SHAPES {
        let validator = validator(shape);
        for file in examples(shape, "valid") {
            let found: Vec<String> =
                validator.iter_errors(&read(&file)).map(|error| error.to_string()).collect();
            assert_eq!(found, Vec::<String>::new(), "{}", file.display());
        }
        for file in examples(shape, "invalid") {
            assert!(!validator.is_valid(&read(&file)), "{} is taken for valid", file.display());
        }
    }
}

#[test]
fn every_schema_of_the_collector_is_listed() {
    let names = std::fs::read_dir(root().join("schemas")).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        Some(name.strip_prefix("collector-")?.strip_suffix(".schema.json")?.to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, SHAPES);
}

fn holds(shape: &str, ran: &Ran) {
    let found: Vec<String> = validator(shape)
        .iter_errors(&ran.json())
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert_eq!(found, Vec::<String>::new(), "{shape}: {ran}");
}

#[test]
fn what_the_program_writes_holds_to_the_schemas() {
    let home = TestHome::enrolled();
    let json = |args: &[&str]| home.run(&[args, &["--json"]].concat());
    let household = r#"{"department": "HT01", "commune": "HT0111", "consent": "yes", "head_name": "Marie", "assets": "radio",
        "roster[1]/given_name": "Marie", "roster[1]/age": 41}"#;
    let one = home.file("one.json", household);
    let draft = home.file("draft.json", r#"{"department": "HT02", "commune": "HT0211", "consent": "yes"}"#);
    holds("interview", &json(&["interview", "household", "--answers", &one, "--finalise"]));
    holds("interview", &json(&["interview", "household", "--answers", &draft]));
    let blocked = json(&["interview", "household", "--answers", &draft, "--finalise", "--batch"]);
    holds("interview", &blocked);
    let error: Value = serde_json::from_str(&blocked.err).unwrap();
    assert!(validator("error").is_valid(&error), "{error}");
    holds("records", &json(&["record", "list"]));
    holds("record", &json(&["record", "show", "1"]));
    holds("record", &json(&["record", "show", "2"]));
    holds("record-change", &json(&["record", "set", "HT-00007", "head_name=Marie-Ange", "assets=phone"]));
    holds("record-change", &json(&["record", "add-member", "HT-00007", "given_name=Jo", "age=3"]));
    holds("record-change", &json(&["record", "remove-member", "HT-00007", "2", "--reason", "erreur"]));
    holds("interview", &json(&["record", "finalise", "HT-00007"]));
    holds("history", &json(&["record", "history", "HT-00007"]));
    holds("record-change", &json(&["record", "withdraw", "HT-00007", "--reason", "deux fois"]));
    holds("history", &json(&["record", "history", "HT-00007"]));
    holds("status", &json(&["status"]));
    holds("people", &json(&["user", "list"]));
    holds("forms", &json(&["form", "list"]));
    holds("form", &json(&["form", "show", "household"]));
    let workbook = home.file("household.xlsx", household_workbook());
    holds("form-check", &json(&["form", "check", &workbook]));
    let broken = home.file("broken.xlsx", b"no workbook");
    holds("form-check", &json(&["form", "check", &broken]));
    holds("doctor", &json(&["doctor"]));
    holds("state-hash", &json(&["state-hash"]));
    holds("backup", &json(&["backup", home.folder().join("copie").to_str().unwrap()]));
}
