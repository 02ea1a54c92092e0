//! What the API refuses, each with its code, and what it never tells.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use std::time::Duration;

use registry_core::InvitationDraft;
use support::*;
use sync_protocol::{
    BundleItem, CarriedAnswer, MAX_BATCH_COMPRESSED_BYTES, Packer, PartOffer, PullRequest, PushBatch,
    RELAY_PART_BYTES, SealedPart,
};
use sync_server::http::{Front, Limits, Problem, openapi_document};

struct World {
    home: TestHome,
    api: InProcess,
    laptop: Laptop,
}

fn world() -> World {
    world_with(Limits::default(), &[])
}

fn world_with(limits: Limits, lineages: &[&str]) -> World {
    let home = TestHome::ready();
    let api = InProcess::new(&home, limits);
    let code = code(&api, lineages, 3_600_000);
    let laptop = Laptop::new(1, &code, revision(&home));
    laptop.enrol(&api);
    World { home, api, laptop }
}

fn code(api: &InProcess, lineages: &[&str], valid_ms: i64) -> String {
    let draft = InvitationDraft {
        person: "Person 1".to_owned(),
        role: record_model::Role::Enumerator,
        areas: vec![AREA.parse().unwrap()],
        lineages: lineages.iter().map(|lineage| lineage.parse().unwrap()).collect(),
        valid_ms,
    };
    api.registry.invite(draft).unwrap()
}

fn pull_body() -> Vec<u8> {
    PullRequest { log: NO_LOG, cursor: 0, known_tree_size: 0, have: vec![] }.encode()
}

#[track_caller]
fn refused(response: &Response, problem: Problem) {
    assert_eq!(response.status, problem.status(), "{}", String::from_utf8_lossy(&response.body));
    assert_eq!(String::from_utf8_lossy(&response.body), problem.body());
    assert_eq!(response.headers["content-type"], "application/problem+json");
}

#[test]
fn a_request_that_anything_was_changed_in_is_refused() {
    let World { api, mut laptop, .. } = world();
    let body = pull_body();
    let changed = |headers: &[(String, String)], name: &str, value: &str| {
        let mut changed = headers.to_vec();
        changed.iter_mut().find(|header| header.0 == name).unwrap().1 = value.to_owned();
        changed
    };
    let good = laptop.headers("POST", "/v1/pull", &body);

    refused(&api.request("POST", "/v1/push", &good, &body), Problem::RequestRefused);
    refused(&api.request("POST", "/v1/pull?x=1", &good, &body), Problem::RequestRefused);
    refused(&api.request("POST", "/v1/pull", &good, b"other"), Problem::RequestRefused);
    let counter = changed(&good, "Lakou-Counter", "99");
    refused(&api.request("POST", "/v1/pull", &counter, &body), Problem::RequestRefused);
    let signature = changed(&good, "Lakou-Signature", &"00".repeat(64));
    refused(&api.request("POST", "/v1/pull", &signature, &body), Problem::RequestRefused);
    let stranger = changed(&good, "Lakou-Seat", &record_model::SeatId::from_bytes([9; 16]).to_string());
    refused(&api.request("POST", "/v1/pull", &stranger, &body), Problem::RequestRefused);

    assert_eq!(api.request("POST", "/v1/pull", &good, &body).status, 200);
}

#[test]
fn a_request_sent_twice_is_refused_the_second_time() {
    let World { api, mut laptop, .. } = world();
    let body = pull_body();
    let first = laptop.headers("POST", "/v1/pull", &body);
    let second = laptop.headers("POST", "/v1/pull", &body);
    assert_eq!(api.request("POST", "/v1/pull", &second, &body).status, 200);
    let counter: u64 = second.iter().find(|header| header.0 == "Lakou-Counter").unwrap().1.parse().unwrap();
    repeated(&api.request("POST", "/v1/pull", &second, &body), counter);
    // Older than the newest, though never seen: a captured request that was held back.
    repeated(&api.request("POST", "/v1/pull", &first, &body), counter);
}

/// Refused, and told the last counter taken: the signature was the seat's.
#[track_caller]
fn repeated(response: &Response, last: u64) {
    assert_eq!(response.status, 401);
    let told = format!(",\"counter\":{last}}}");
    let body = Problem::RequestRefused.body();
    assert_eq!(String::from_utf8_lossy(&response.body), format!("{}{told}", body.strip_suffix('}').unwrap()));
}

#[test]
fn headers_that_are_missing_doubled_or_misspelt_are_no_signature() {
    let World { api, mut laptop, .. } = world();
    let body = pull_body();
    for at in 0..4 {
        let mut missing = laptop.headers("POST", "/v1/pull", &body);
        let header = missing.remove(at);
        refused(&api.request("POST", "/v1/pull", &missing, &body), Problem::Unsigned);
        let mut doubled = laptop.headers("POST", "/v1/pull", &body);
        doubled.push(header.clone());
        refused(&api.request("POST", "/v1/pull", &doubled, &body), Problem::Unsigned);
        let mut misspelt = laptop.headers("POST", "/v1/pull", &body);
        misspelt[at].1.push('!');
        refused(&api.request("POST", "/v1/pull", &misspelt, &body), Problem::Unsigned);
    }
}

#[test]
fn a_device_of_another_log_is_told_so() {
    let World { api, mut laptop, .. } = world();
    laptop.log = record_model::LogId::from_bytes([7; 16]);
    let answer = laptop.send(&api, "POST", "/v1/pull", &pull_body());
    refused(&answer, Problem::OtherLog);
}

#[test]
fn a_revoked_seat_is_shown_nothing_and_its_work_is_still_taken() {
    let World { home, api, mut laptop } = world();
    laptop.push(&api);
    let seat = laptop.key.seat().to_string();
    home.run(&["device", "revoke", &seat[..8], "--reason", "stolen"]).ok();
    refused(&laptop.send(&api, "POST", "/v1/pull", &pull_body()), Problem::SeatRevoked);
    let blob = format!("/v1/blobs/{}", "0".repeat(64));
    refused(&laptop.send(&api, "GET", &blob, &[]), Problem::SeatRevoked);

    laptop.record(RECORD, &household());
    let receipt = laptop.push(&api);
    assert_eq!(receipt.chains[0].through_seq, 2);
    api.registry.merge_all().unwrap();
    let list = home.json(&["review", "list", "--kind", "quarantined"]);
    assert_eq!(list["set_aside"][0]["reason"], "revoked", "{list:#}");
    assert_eq!(list["set_aside"][0]["enumerator"], "Person 1");
    let again = home.run(&["device", "revoke", &seat, "--reason", "again"]);
    assert_eq!(again.code, 5);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let World { api, mut laptop, .. } = world_with(Limits { body_bytes: 600, ..Limits::default() }, &[]);
    let body = vec![0; 601];
    refused(&laptop.send(&api, "POST", "/v1/push", &body), Problem::TooLarge);
    let mut headers = laptop.headers("POST", "/v1/push", &body);
    headers.push(("Content-Length".to_owned(), "601".to_owned()));
    refused(&api.request("POST", "/v1/push", &headers, &[]), Problem::TooLarge);
    refused(&api.request("POST", "/v1/enrol", &[], &body), Problem::TooLarge);
}

#[test]
fn bytes_that_are_no_message_are_malformed_and_other_types_are_not_taken() {
    let World { api, mut laptop, .. } = world();
    refused(&laptop.send(&api, "POST", "/v1/push", b"not zstd"), Problem::Malformed);
    refused(&laptop.send(&api, "POST", "/v1/pull", b"not cbor"), Problem::Malformed);
    let bomb = sync_protocol::compress(&vec![0; 5 * 1024 * 1024]);
    refused(&laptop.send(&api, "POST", "/v1/push", &bomb), Problem::TooLarge);
    let json = [("Content-Type".to_owned(), "application/json".to_owned())];
    refused(&api.request("POST", "/v1/enrol", &json, b"{}"), Problem::UnsupportedMediaType);
    let ours = [("Content-Type".to_owned(), "application/vnd.lakou.v1".to_owned())];
    refused(&api.request("POST", "/v1/enrol", &ours, b"{}"), Problem::EnrolmentRefused);
}

#[test]
fn a_part_that_somebody_else_carries_is_taken_and_answered_to_its_packer() {
    let World { home, api, laptop: mut carrier } = world();
    let code = code(&api, &[], 3_600_000);
    let owner = Laptop::new(2, &code, revision(&home));
    let recipient = owner.enrol(&api).server_recipient;
    let packed = |deployment| {
        let bundle = record_model::BundleId::from_bytes([5; 16]);
        let mut packer = Packer::new(deployment, bundle, None, owner.key.seat(), RELAY_PART_BYTES);
        assert_eq!(packer.add(BundleItem::Push(PushBatch { envelopes: owner.sent.clone() }.encode())), None);
        assert_eq!(packer.add(BundleItem::Pull(pull_body())), None);
        packer.finish().seal(&owner.key, &[&recipient]).unwrap()
    };
    let part = packed(owner.deployment);
    // Twice: the road may break after it was taken.
    for _ in 0..2 {
        let taken = carrier.send(&api, "POST", "/v1/bundles", &part);
        assert_eq!(taken.status, 201, "{}", String::from_utf8_lossy(&taken.body));
        let answer = CarriedAnswer::decode(&taken.body).unwrap();
        assert_eq!((answer.part, answer.replies.len()), (PartOffer::of(&part).sha256, 1));
        let label = SealedPart::read(&answer.replies[0]).unwrap().label;
        assert_eq!((label.addressee, label.deployment), (Some(owner.key.seat()), owner.deployment));
    }
    let other = record_model::DeploymentId::from_bytes([9; 16]);
    refused(&carrier.send(&api, "POST", "/v1/bundles", &packed(other)), Problem::BundleRefused);
    refused(&carrier.send(&api, "POST", "/v1/bundles", &part[..part.len() - 9]), Problem::BundleRefused);
    refused(&carrier.send(&api, "POST", "/v1/bundles", b"no part"), Problem::BundleRefused);
    refused(&carrier.send(&api, "POST", "/v1/bundles", &vec![0; RELAY_PART_BYTES + 1]), Problem::TooLarge);
    refused(&api.request("POST", "/v1/bundles", &[], &part), Problem::Unsigned);
    let elsewhere = carrier.headers("POST", "/v1/push", &part);
    refused(&api.request("POST", "/v1/bundles", &elsewhere, &part), Problem::RequestRefused);
}

#[test]
fn a_full_batch_fits_into_a_carried_part() {
    let World { api, laptop: owner, .. } = world();
    let bundle = record_model::BundleId::from_bytes([5; 16]);
    let mut packer = Packer::new(owner.deployment, bundle, None, owner.key.seat(), RELAY_PART_BYTES);
    assert_eq!(packer.add(BundleItem::Push(vec![7; MAX_BATCH_COMPRESSED_BYTES])), None);
    let recipient = signed_delta::seal::SealingIdentity::generate().recipient();
    let part = packer.finish().seal(&owner.key, &[&recipient]).unwrap();
    assert!(part.len() <= RELAY_PART_BYTES, "{}", part.len());
    drop(api);
}

#[test]
fn one_bad_delta_is_a_verdict_in_the_receipt() {
    let World { api, mut laptop, .. } = world();
    let batch = PushBatch { envelopes: vec![vec![0; 40], laptop.sent[0].clone()] };
    let answer = laptop.send(&api, "POST", "/v1/push", &batch.encode());
    assert_eq!(answer.status, 201);
    let receipt =
        signed_delta::Receipt::decode_and_verify(&answer.body, laptop.deployment, &laptop.registry).unwrap();
    assert_eq!(receipt.refusals.len(), 1);
    assert_eq!(receipt.refusals[0].reason, record_model::ReasonCode::Malformed);
    assert_eq!(receipt.chains[0].through_seq, 1);
}

#[test]
fn a_code_is_used_once_and_the_same_laptop_may_ask_again() {
    let World { home, api, laptop } = world();
    laptop.enrol(&api);
    let used = code(&api, &[], 3_600_000);
    let first = Laptop::new(2, &used, revision(&home));
    first.enrol(&api);
    let thief = Laptop::new(3, &used, revision(&home));
    refused(&api.request("POST", "/v1/enrol", &[], &thief.enrolment()), Problem::CodeUsed);
    let late = Laptop::new(4, &code(&api, &[], -1), revision(&home));
    refused(&api.request("POST", "/v1/enrol", &[], &late.enrolment()), Problem::CodeExpired);
    let mut unknown = used.clone();
    unknown.replace_range(unknown.len() - 6..unknown.len() - 4, "AA");
    let unknown = Laptop::new(5, &unknown, revision(&home));
    refused(&api.request("POST", "/v1/enrol", &[], &unknown.enrolment()), Problem::CodeUnknown);
}

#[test]
fn an_address_that_asks_too_often_waits() {
    let limits = Limits { enrol_burst: 2, enrol_refill: Duration::from_secs(3_600), ..Limits::default() };
    let World { api, .. } = world_with(limits, &[]);
    refused(&api.request("POST", "/v1/enrol", &[], b"x"), Problem::EnrolmentRefused);
    let waits = api.request("POST", "/v1/enrol", &[], b"x");
    refused(&waits, Problem::TooManyRequests);
    assert_eq!(waits.headers["retry-after"], "15");
}

#[test]
fn behind_a_proxy_the_address_is_the_one_the_proxy_names() {
    let home = TestHome::founded();
    let limits = || Limits { enrol_burst: 1, enrol_refill: Duration::from_secs(3_600), ..Limits::default() };
    let from = |api: &InProcess, names: &str| {
        let headers = [("X-Forwarded-For".to_owned(), names.to_owned())];
        api.request("POST", "/v1/enrol", &headers, b"x").status
    };
    let behind = InProcess::behind(&home, limits(), Front::TlsProxy);
    assert_eq!(from(&behind, "10.0.0.1"), 400);
    assert_eq!(from(&behind, "10.0.0.2"), 400);
    // What a client writes before the proxy's word changes nothing.
    assert_eq!(from(&behind, "192.0.2.7, 10.0.0.1"), 429);
    // Without a proxy the header is anybody's.
    let direct = InProcess::new(&home, limits());
    assert_eq!(from(&direct, "10.0.0.1"), 400);
    assert_eq!(from(&direct, "10.0.0.2"), 429);
}

#[test]
fn missing_and_forbidden_files_are_one_answer() {
    let World { home, api, mut laptop } = world_with(Limits::default(), &["ration-distribution"]);
    let published = api.registry.publications().unwrap()[0].files[0].clone();
    let sha256 = data_encoding::HEXLOWER.encode(&published.sha256);
    let forbidden = laptop.send(&api, "GET", &format!("/v1/blobs/{sha256}"), &[]);
    let missing = laptop.send(&api, "GET", &format!("/v1/blobs/{}", "0".repeat(64)), &[]);
    let misspelt = laptop.send(&api, "GET", "/v1/blobs/..%2f..%2fkeys.json", &[]);
    for answer in [&forbidden, &missing, &misspelt] {
        refused(answer, Problem::NotFound);
    }

    let mut allowed = Laptop::new(2, &code(&api, &["household"], 3_600_000), revision(&home));
    allowed.enrol(&api);
    let answer = allowed.send(&api, "GET", &format!("/v1/blobs/{sha256}"), &[]);
    assert_eq!((answer.status, answer.body.len() as u64), (200, published.size_bytes));
    refused(&api.request("GET", &format!("/v1/blobs/{sha256}"), &[], &[]), Problem::Unsigned);
}

#[test]
fn unknown_routes_and_methods_are_problems_and_every_answer_has_its_headers() {
    let World { api, .. } = world();
    let nowhere = api.request("GET", "/v1/nowhere", &[], &[]);
    refused(&nowhere, Problem::NotFound);
    let method = api.request("DELETE", "/v1/push", &[], &[]);
    refused(&method, Problem::MethodNotAllowed);
    let health = api.request("GET", "/v1/health", &[], &[]);
    for answer in [&nowhere, &method, &health] {
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers["content-security-policy"].contains("default-src 'none'"));
    }
    assert_eq!(String::from_utf8_lossy(&health.body), r#"{"status":"ok","training":false}"#);
}

#[test]
fn more_requests_than_places_are_told_to_come_back() {
    let World { api, .. } = world_with(Limits { concurrent_requests: 1, ..Limits::default() }, &[]);
    assert_eq!(api.request("GET", "/v1/health", &[], &[]).status, 200);
    let home = TestHome::founded();
    let full = InProcess::new(&home, Limits { concurrent_requests: 0, ..Limits::default() });
    refused(&full.request("GET", "/v1/health", &[], &[]), Problem::Busy);
}

#[test]
fn the_openapi_document_is_the_one_last_looked_at() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&openapi_document()).unwrap());
}

#[test]
fn the_catalogue_of_problems_is_the_one_last_looked_at() {
    let rows: Vec<String> = Problem::ALL.iter().map(|problem| problem.body()).collect();
    insta::assert_snapshot!(rows.join("\n"));
}
