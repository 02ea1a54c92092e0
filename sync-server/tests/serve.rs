//! The binary as an administrator and two laptops meet it: real processes, real sockets.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use support::*;
use sync_protocol::PushBatch;

#[test]
fn two_laptops_work_on_one_household_and_a_supervisor_settles_it() {
    let mut field = Field::in_conflict();
    let list = field.home.json(&["review", "list"]);
    let kinds: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(list["open"], 2, "{list:#}");
    assert!(kinds.contains(&"conflict") && kinds.contains(&"rule_break"), "{list:#}");

    let rule = list["items"].as_array().unwrap().iter().find(|item| item["kind"] == "rule_break").unwrap();
    assert_eq!((&rule["subject"], &rule["label"]), (&"V01".into(), &"Un seul chef de ménage".into()));
    let conflict = list["items"].as_array().unwrap().iter().find(|item| item["kind"] == "conflict").unwrap();
    let id = conflict["item"].as_str().unwrap();
    let shown = field.home.json(&["review", "show", &id[..8]]);
    let values: Vec<_> = shown["alternatives"].as_array().unwrap().iter().map(|a| &a["value"]).collect();
    assert_eq!(values.len(), 2);
    for alternative in shown["alternatives"].as_array().unwrap() {
        assert_eq!(alternative["label"], "Toit");
        assert!(alternative["enumerator"].as_str().unwrap().starts_with("Person"));
        assert!(alternative["device"].as_str().unwrap().starts_with("Laptop"));
        assert!(alternative["visit"].as_str().unwrap().ends_with("-05:00"));
    }
    let tile = shown["alternatives"].as_array().unwrap().iter().find(|a| a["value"] == "tile").unwrap();
    assert_eq!(tile["value_label"], "Tuile");
    let number = tile["number"].to_string();
    let decide = ["review", "decide", id, "--choose", &number, "--reason", "vu", "--account", "sup"];
    assert_eq!(field.home.json(&decide)["status"], "decided");
    let again = field.home.run(&[&decide[..], &["--json"]].concat());
    assert_eq!((again.code, again.failure()["error"]["kind"].as_str()), (5, Some("refused")));

    field.a.pull(&field.server);
    field.b.pull(&field.server);
    let roof = |laptop: &Laptop| laptop.docs[&RECORD].view().get("roof").clone();
    assert_eq!(roof(&field.a), "tile".into());
    assert_eq!(roof(&field.b), "tile".into());
    assert_eq!(field.home.json(&["review", "list"])["open"], 1);
    let history = field.home.json(&["record", "history", &RECORD.to_string()[..8]]);
    let kinds: Vec<&str> =
        history["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["change", "change", "change", "decision"]);
    assert_eq!(field.home.json(&["verify"])["ok"], true);
}

#[cfg(unix)]
#[test]
fn a_server_asked_to_stop_closes_and_what_it_acknowledged_is_there_again() {
    let mut field = Field::new();
    field.a.record(RECORD, &household());
    let receipt = field.a.push(&field.server);
    let Field { home, server, a, .. } = field;
    let (code, log) = server.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("\"route\":\"/v1/push\""), "{log}");
    assert!(log.contains(&a.key.seat().to_string()), "{log}");
    for personal in ["Marie-Ange", "Person 1", "3700-0001"] {
        assert!(!log.contains(personal), "{personal} is in the log");
    }
    let _again = home.serve();
    let state = home.json(&["status"]);
    assert!(state["log_length"].as_u64().unwrap() >= receipt.head.size);
    assert_eq!(home.json(&["verify"])["ok"], true);
}

#[test]
fn two_servers_never_serve_one_folder() {
    let home = TestHome::founded();
    let _first = home.serve();
    let second = home.run(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(second.code, 5, "{second:?}");
    assert_eq!(second.out, "");
    let rebuild = home.run(&["rebuild", "--json"]);
    assert_eq!((rebuild.code, rebuild.failure()["error"]["kind"].as_str()), (6, Some("busy")));
}

#[test]
fn an_address_for_others_needs_a_tls_proxy_in_front() {
    let home = TestHome::founded();
    let refused = home.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("TLS"), "{}", refused.err);
}

#[test]
fn a_server_killed_after_its_receipt_has_everything_it_acknowledged() {
    let mut field = Field::new();
    field.a.record(RECORD, &household());
    let receipt = field.a.push(&field.server);
    let Field { home, server, mut a, .. } = field;
    // Dropping kills without a word.
    drop(server);
    let server = home.serve();
    let again = a.push(&server);
    assert!(again.head.size >= receipt.head.size);
    assert_eq!(again.chains, receipt.chains);
    a.pull_until_it_has(&server, RECORD);
}

#[test]
fn a_training_deployment_says_so_everywhere() {
    let home = TestHome::vacant();
    let init = home.run(&["init", "--training"]).ok();
    assert!(init.err.contains("TRAINING") || init.out.contains("TRAINING"), "{init:?}");
    assert!(home.run(&["status"]).ok().err.contains("TRAINING"));
    let server = home.serve();
    let health = server.request("GET", "/v1/health", &[], &[]);
    assert_eq!(health.headers["lakou-training"], "true");
    assert_eq!(health.json()["training"], true);
    let production = TestHome::founded();
    let production = production.serve();
    assert!(!production.request("GET", "/v1/health", &[], &[]).headers.contains_key("lakou-training"));
}

#[test]
fn production_refuses_what_a_training_laptop_sends() {
    let training = TestHome::vacant();
    training.run(&["init", "--training"]).ok();
    training.publish();
    let revision = revision(&training);
    let code = training.invite(&["--area", AREA]);
    let laptop = Laptop::new(7, &code, revision);

    let mut field = Field::new();
    let enrolled = field.server.request("POST", "/v1/enrol", &[], &laptop.enrolment());
    assert_eq!((enrolled.status, enrolled.code().as_str()), (400, "enrolment_refused"));
    let batch = PushBatch { envelopes: laptop.sent.clone() };
    let answer = field.a.send(&field.server, "POST", "/v1/push", &batch.encode());
    let receipt =
        signed_delta::Receipt::decode_and_verify(&answer.body, field.a.deployment, &field.a.registry)
            .unwrap();
    assert_eq!(receipt.refusals.len(), 1);
}

#[test]
fn headers_without_end_are_cut_off() {
    let home = TestHome::founded();
    let server = home.serve();
    let long = [("X-Long".to_owned(), "a".repeat(20_000))];
    assert_eq!(server.request("GET", "/v1/health", &long, &[]).status, 431);
    let many: Vec<_> = (0..80).map(|n| (format!("X-{n}"), "a".to_owned())).collect();
    assert_eq!(server.request("GET", "/v1/health", &many, &[]).status, 431);
    assert_eq!(server.request("GET", "/v1/health", &[], &[]).status, 200);
}
