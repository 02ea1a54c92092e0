//! Every JSON that leaves the server has its schema: the examples hold to it, and so does what the program writes.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use record_model::{DeltaKind, ReasonCode};
use serde_json::{Value, json};
use support::*;

/// The registry's entities and what both sides of the API say.
const SHARED: &[&str] =
    &["household", "identifier", "membership", "person", "problem", "receipt", "tree-head"];

/// What `--json` prints, and the server's other JSON.
const SERVER: &[&str] = &[
    "server-backup",
    "server-backup-manifest",
    "server-bundle-export",
    "server-bundle-import",
    "server-decision",
    "server-devices",
    "server-error",
    "server-form-publication",
    "server-forms",
    "server-head",
    "server-health",
    "server-history",
    "server-init",
    "server-invitation",
    "server-invitations",
    "server-rebuild",
    "server-record",
    "server-records",
    "server-restore",
    "server-review-item",
    "server-review-list",
    "server-revocation",
    "server-state-hash",
    "server-status",
    "server-verify",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator(shape: &str) -> jsonschema::Validator {
    let schema = read(&root().join(format!("schemas/{shape}.schema.json")));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{shape}");
    assert_eq!(schema["$id"], format!("https://lakou.example/schemas/{shape}.schema.json"));
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

fn faults(shape: &str, value: &Value) -> Vec<String> {
    validator(shape).iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

#[track_caller]
fn holds(shape: &str, value: &Value) {
    assert_eq!(faults(shape, value), Vec::<String>::new(), "{shape}: {value:#}");
}

fn examples(shape: &str, kind: &str) -> Vec<PathBuf> {
    let folder = root().join(format!("fixtures/json/{shape}/{kind}"));
    let files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

#[test]
fn the_valid_examples_hold_and_the_invalid_ones_do_not() {
    for shape in SHARED.iter().chain(SERVER) {
        for file in examples(shape, "valid") {
            assert_eq!(faults(shape, &read(&file)), Vec::<String>::new(), "{}", file.display());
        }
        for file in examples(shape, "invalid") {
            assert!(!faults(shape, &read(&file)).is_empty(), "{} is taken for valid", file.display());
        }
    }
}

#[test]
fn every_schema_is_of_somebody_who_tests_it() {
    let names = std::fs::read_dir(root().join("schemas")).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".schema.json").map(str::to_owned)
    });
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("collector-")).collect();
    names.sort();
    let mut known: Vec<&str> = SHARED.iter().chain(SERVER).copied().collect();
    known.sort_unstable();
    assert_eq!(names, known);
}

#[test]
fn every_problem_of_the_catalogue_holds_to_its_schema() {
    for problem in sync_server::http::Problem::ALL {
        holds("problem", &serde_json::from_str(&problem.body()).unwrap());
    }
    let codes = read(&root().join("schemas/problem.schema.json"))["properties"]["code"]["enum"].clone();
    let catalogue: Vec<&str> = sync_server::http::Problem::ALL.iter().map(|problem| problem.code()).collect();
    assert_eq!(codes, json!(catalogue));
}

#[test]
fn what_the_program_writes_holds_to_the_schemas() {
    let vacant = TestHome::vacant();
    holds("server-init", &vacant.json(&["init", "--prefix", "BJ"]));
    let nobody = vacant.run(&["init", "--json"]);
    holds("server-error", &nobody.failure());
    let workbook = vacant.write("form.xlsx", &form_xlsx());
    let workbook = workbook.to_str().unwrap();
    holds("server-form-publication", &vacant.json(&["form", "publish", workbook, "--lineage", "household"]));
    let broken = vacant.write("broken.xlsx", b"no workbook");
    let refused =
        vacant.run(&["form", "publish", broken.to_str().unwrap(), "--lineage", "household", "--json"]);
    assert_eq!(refused.code, 2);
    holds("server-error", &refused.failure());
    let people = vacant.write("people.csv", "person,role,areas\nMarie,enumerator,HT01;HT02\n".as_bytes());
    let codes = vacant.folder.path().join("codes.csv");
    let many = ["device", "invite", "--csv", people.to_str().unwrap(), "--out", codes.to_str().unwrap()];
    holds("server-invitations", &vacant.json(&many));
    holds("server-error", &vacant.run(&[&many[..], &["--json"]].concat()).failure());
    holds(
        "server-invitation",
        &vacant.json(&["device", "invite", "--area", "HT01", "--lineage", "household"]),
    );

    let mut field = Field::in_conflict();
    let batch = sync_protocol::PushBatch { envelopes: vec![field.b.sent[1].clone()] };
    field.b.send(&field.server, "POST", "/v1/push", &batch.encode());
    let json = |args: &[&str]| field.home.json(args);
    let health = field.server.request("GET", "/v1/health", &[], &[]).json();
    holds("server-health", &health);
    holds("server-devices", &json(&["device", "list"]));
    holds("server-forms", &json(&["form", "list"]));
    let list = json(&["review", "list"]);
    holds("server-review-list", &list);
    let items = list["items"].as_array().unwrap();
    for item in items {
        holds("server-review-item", &json(&["review", "show", item["item"].as_str().unwrap()]));
    }
    let item = items.iter().find(|item| item["kind"] == "conflict").unwrap()["item"].as_str().unwrap();
    let decide = ["review", "decide", item, "--write", "roof=tin", "--reason", "vu", "--account", "sup"];
    holds("server-decision", &json(&decide));
    holds("server-review-list", &json(&["review", "list", "--all"]));
    let record = json(&["record", "show", &number()]);
    holds("server-record", &record);
    holds("household", &record["household"]);
    for (entity, list) in
        [("person", "persons"), ("membership", "memberships"), ("identifier", "identifiers")]
    {
        assert!(!record[list].as_array().unwrap().is_empty(), "{record:#}");
        record[list].as_array().unwrap().iter().for_each(|one| holds(entity, one));
    }
    holds("server-records", &json(&["record", "list", "--lineage", "household", "--area", "HT"]));
    holds("server-history", &json(&["record", "history", &RECORD.to_string()]));
    let seat = field.b.key.seat().to_string();
    holds("server-revocation", &json(&["device", "revoke", &seat, "--reason", "lost"]));
    field.b.record(RECORD, &answers(&[("phone", "3")]));
    field.b.push(&field.server);
    field.merged();
    let json = |args: &[&str]| field.home.json(args);
    holds("server-review-list", &json(&["review", "list"]));
    holds("server-history", &json(&["record", "history", &RECORD.to_string()]));
    holds("server-devices", &json(&["device", "list"]));
    holds("server-status", &json(&["status"]));
    holds("server-state-hash", &json(&["state-hash", "--area", AREA]));
    holds("server-state-hash", &json(&["state-hash"]));
    holds("server-verify", &json(&["verify"]));
    let head = field.home.folder.path().join("head");
    let head = head.to_str().unwrap();
    holds("server-head", &json(&["head"]));
    holds("server-head", &json(&["head", "--out", head]));
    holds("server-verify", &json(&["verify", "--head", head]));
    let copy = field.home.folder.path().join("copy");
    let copy = copy.to_str().unwrap();
    holds("server-backup", &json(&["backup", copy, "--with-keys"]));
    holds("server-backup-manifest", &read(&Path::new(copy).join("backup.json")));
    let other = field.home.folder.path().join("other");
    let restored = field.home.run_at(&other, &["restore", copy, "--json"]).ok();
    holds("server-restore", &restored.json());
    holds("server-rebuild", &field.home.run_at(&other, &["rebuild", "--json"]).ok().json());
}

/// Every list of reasons or kinds in a schema names all there are.
#[test]
fn the_words_of_the_schemas_are_all_the_words_there_are() {
    let reasons: BTreeSet<&str> = ReasonCode::ALL.iter().map(|reason| reason.as_str()).collect();
    let kinds: BTreeSet<&str> = DeltaKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let mut lists = 0;
    for file in std::fs::read_dir(root().join("schemas")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            each_list(&read(&path), &mut |words| {
                let all = [("bad_commitment", &reasons), ("redaction", &kinds)];
                if let Some((_, expected)) = all.iter().find(|(word, _)| words.contains(word)) {
                    assert_eq!(words, **expected, "{}", path.display());
                    lists += 1;
                }
            });
        }
    }
    assert!(lists >= 4, "{lists}");
}

fn each_list<'a>(schema: &'a Value, found: &mut dyn FnMut(BTreeSet<&'a str>)) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Array(words)) = fields.get("enum") {
                found(words.iter().filter_map(Value::as_str).collect());
            }
            fields.values().for_each(|field| each_list(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| each_list(item, found)),
        _ => {}
    }
}
