//! docs/PROTOCOL.md against the code: the worked example byte by byte, every code, every limit.
#![expect(clippy::unwrap_used, reason = "the steps of an example fail by panicking, as tests do")]

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use record_doc::{GuardRule, RecordDoc, derive_actor, genesis_bytes, genesis_hash};
use record_model::{
    Alternative, AnswerPath, Class, DeltaHash, DeltaKind, DeploymentId, EpochId, Finding, FindingKind,
    FormRevision, Hlc, Instant, LogId, OutcomeCode, ReasonCode, RecordId, RecordsHash, Role, Value, Visit,
};
use sha2::{Digest, Sha256};
use signed_delta::{
    Act, Body, ChainEnd, ChangeAct, Draft, EnrolmentRequest, EpochAct, Finalise, Header, Receipt,
    RequestToSign, SeatKey, SignedDelta, Tree, TreeHead, code_key, leaf_hash,
};
use sync_protocol::{PullRequest, PushBatch};

const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);
const EPOCH: EpochId = EpochId::from_bytes([2; 8]);
const RECORD: RecordId = RecordId::from_bytes([3; 16]);
const REVISION: FormRevision = FormRevision::from_bytes([4; 32]);
const LOG: LogId = LogId::from_bytes([8; 16]);
const VISIT: Visit = Visit { at: Instant::from_unix_ms(1_790_000_000_000), utc_offset_minutes: -300 };
const RECEIVED_AT: Instant = Instant::from_unix_ms(1_790_000_500_000);

fn document() -> String {
    tests::read("docs/PROTOCOL.md")
}

#[test]
fn the_worked_example_is_what_the_code_writes() {
    let document = document();
    let shown = document.split("## Worked example").nth(1).expect("the document has a worked example");
    let shown = shown.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let written = worked_example();
    assert!(shown == written, "the worked example in docs/PROTOCOL.md should read:\n\n{written}");
}

#[test]
fn every_code_has_its_row() {
    let document = document();
    let mut rows = Vec::new();
    let mut add = |code: u16, word: &str| rows.push(format!("\n| {code} | {word} |"));
    DeltaKind::ALL.iter().for_each(|kind| add(u16::from(kind.code()), kind.as_str()));
    Class::ALL.iter().for_each(|class| add(u16::from(class.code()), class.as_str()));
    Role::ALL.iter().for_each(|role| add(u16::from(role.code()), role.as_str()));
    OutcomeCode::ALL.iter().for_each(|outcome| add(u16::from(outcome.code()), outcome.as_str()));
    ReasonCode::ALL.iter().for_each(|reason| add(reason.code(), reason.as_str()));
    GuardRule::ALL.iter().for_each(|rule| add(rule.code(), rule.as_str()));
    let codes = document.split("\n## Codes\n").nth(1).expect("the document has codes");
    let codes = codes.split("\n## ").next().unwrap_or_default();
    let missing: Vec<_> = rows.iter().filter(|row| !codes.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/PROTOCOL.md lacks {missing:?}");
    let shown = codes.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| code")).count();
    assert_eq!(shown, rows.len(), "docs/PROTOCOL.md has rows for codes that the code does not have");
}

/// The server's catalogue is one list in one file, a line each: `Malformed = 400, "malformed", "…";`.
#[test]
fn every_problem_has_its_row_and_every_route_is_named() {
    let document = document();
    let catalogue = tests::read("sync-server/src/http/problem.rs");
    let problems: Vec<String> = catalogue
        .lines()
        .filter_map(|line| line.split_once(" = ")?.1.split_once(", \""))
        .filter_map(|(status, rest)| Some((status.parse::<u16>().ok()?, rest.split_once('"')?.0)))
        .map(|(status, code)| format!("\n| {status} | `{code}` |"))
        .collect();
    assert!(problems.len() > 10, "the catalogue of problems is written in another way than this test reads");
    let missing: Vec<_> = problems.iter().filter(|row| !document.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/PROTOCOL.md lacks {missing:?}");

    // And its words on the laptop, in both languages.
    let failure = tests::read("collector-cli/src/failure.rs");
    for language in ["fr", "en"] {
        let messages = tests::read(&format!("collector-cli/messages/{language}.ftl"));
        let codes = problems.iter().filter_map(|row| row.split('`').nth(1));
        let unworded: Vec<&str> = codes
            .filter(|code| {
                !failure.contains(&format!("    \"{code}\",\n"))
                    || !messages.contains(&format!("\nproblem-{} = ", code.replace('_', "-")))
            })
            .collect();
        assert!(unworded.is_empty(), "the collector has no words in {language} for {unworded:?}");
    }

    let routes = tests::read("sync-server/src/http/mod.rs");
    let paths: Vec<&str> = routes
        .split("path: \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|path| path.starts_with("/v1/"))
        .collect();
    assert!(!paths.is_empty(), "the routes are written in another way than this test reads");
    let unnamed: Vec<_> = paths.iter().filter(|path| !document.contains(&format!(" {path}`"))).collect();
    assert!(unnamed.is_empty(), "docs/PROTOCOL.md lacks the routes {unnamed:?}");
}

/// One word a thing: a reason is told in the same words on the laptop and at the office.
#[test]
fn reasons_have_the_same_words_on_both_sides() {
    for language in ["fr", "en"] {
        let lines = |path: String| -> Vec<String> {
            let text = tests::read(&path);
            text.lines().filter(|line| line.starts_with("reason-")).map(str::to_owned).collect()
        };
        let laptop = lines(format!("collector-cli/messages/{language}.ftl"));
        let office = lines(format!("sync-server/i18n/{language}.ftl"));
        assert_eq!(laptop.len(), ReasonCode::ALL.len());
        assert_eq!(laptop, office);
    }
}

#[test]
fn every_limit_is_the_one_in_force() {
    let document = document();
    for (name, value) in [
        ("MAX_BATCH_DELTAS", sync_protocol::MAX_BATCH_DELTAS as i64),
        ("MAX_BATCH_COMPRESSED_BYTES", sync_protocol::MAX_BATCH_COMPRESSED_BYTES as i64),
        ("MAX_BATCH_DECOMPRESSED_BYTES", sync_protocol::MAX_BATCH_DECOMPRESSED_BYTES as i64),
        ("MAX_HAVE_ENTRIES", sync_protocol::MAX_HAVE_ENTRIES as i64),
        ("RETRY_DELAY_MS", sync_protocol::RETRY_DELAY_MS),
        ("MAX_PART_BYTES", sync_protocol::MAX_PART_BYTES as i64),
        ("MAX_ENROLMENT_FILE_BYTES", sync_protocol::MAX_ENROLMENT_FILE_BYTES as i64),
        ("MAX_PART_ITEMS", sync_protocol::MAX_PART_ITEMS as i64),
        ("DEFAULT_PART_BYTES", sync_protocol::DEFAULT_PART_BYTES as i64),
        ("PART_PADDING_BYTES", sync_protocol::PART_PADDING_BYTES as i64),
        ("RELAY_PART_BYTES", sync_protocol::RELAY_PART_BYTES as i64),
        ("MAX_CARRIED_PART_BYTES", sync_protocol::MAX_CARRIED_PART_BYTES as i64),
        ("ENOUGH_REPLY_BYTES", sync_protocol::ENOUGH_REPLY_BYTES as i64),
        ("MAX_RELAY_PARTS", sync_protocol::MAX_RELAY_PARTS as i64),
        ("MAX_RELAY_FRAME_BYTES", sync_protocol::MAX_RELAY_FRAME_BYTES as i64),
        ("RELAY_CHUNK_BYTES", sync_protocol::RELAY_CHUNK_BYTES as i64),
        ("MAX_WRONG_WORDS", i64::from(sync_protocol::MAX_WRONG_WORDS)),
        ("MAX_HEADER_BYTES", signed_delta::MAX_HEADER_BYTES as i64),
        ("MAX_BODY_BYTES", signed_delta::MAX_BODY_BYTES as i64),
        ("MAX_CHANGE_BYTES", record_doc::MAX_CHANGE_BYTES as i64),
        ("MAX_OPERATIONS", record_doc::MAX_OPERATIONS as i64),
        ("MAX_TEXT_BYTES", record_doc::MAX_TEXT_BYTES as i64),
        ("MAX_STATE_BYTES", record_doc::MAX_STATE_BYTES as i64),
        ("MAX_PATH_BYTES", record_model::MAX_PATH_BYTES as i64),
    ] {
        let row = format!("\n| `{name}` | {value} |");
        assert!(document.contains(&row), "docs/PROTOCOL.md should have the row {}", row.trim());
    }
    assert_eq!(signed_delta::max_body_bytes(DeltaKind::Statement), 65_536);
    assert!(document.contains("other kinds 65536"));
}

#[test]
fn a_tree_of_one_leaf_has_the_root_the_document_says() {
    let mut tree = Tree::new();
    tree.push([5; 32]);
    let root: [u8; 32] = Sha256::new().chain_update([0]).chain_update([5; 32]).finalize().into();
    assert_eq!(tree.root(), root);
}

/// The example as it stands in the document. Each step uses what the steps before it made.
fn worked_example() -> String {
    let mut out = String::new();
    let seat = SeatKey::from_secret(&[7; 32]);
    let registry = SeatKey::from_secret(&[9; 32]);
    value(&mut out, "deployment id", DEPLOYMENT.as_bytes());
    value(&mut out, "seat secret", &[7; 32]);
    value(&mut out, "seat public key", seat.public().as_bytes());
    value(&mut out, "seat id", seat.seat().as_bytes());
    word(&mut out, "  as text", &seat.seat().to_string());
    value(&mut out, "registry secret", &[9; 32]);
    value(&mut out, "registry public key", registry.public().as_bytes());

    title(&mut out, "Enrolment: secret of the code 16 x 0a, no age recipient");
    let code = [DEPLOYMENT.as_bytes().as_slice(), registry.public().as_bytes(), &[10; 16]].concat();
    word(&mut out, "code", &format!("LAKOU1.{}", data_encoding::BASE32_NOPAD.encode(&code)));
    let code = code_key(&[10; 16]);
    value(&mut out, "code key", code.public().as_bytes());
    let request =
        EnrolmentRequest::sign(&seat, DEPLOYMENT, String::new(), "Rose".into(), "PC-01".into(), &code);
    value(&mut out, "request", &request.encode());

    title(&mut out, "The first delta of the epoch: salt 16 x 0b, class public, at the visit's instant");
    let hlc = Hlc::default().next(VISIT.at);
    let opening = Draft {
        epoch: EPOCH,
        seq: 1,
        prev_hash: Header::NO_PREVIOUS,
        about: None,
        class: Class::Public,
        hlc,
        body: Body { salt: [11; 16], act: Act::Epoch(EpochAct { previous: None }) },
    };
    let opening = seat.sign_delta(DEPLOYMENT, opening);
    value(&mut out, "envelope", &opening.encode());
    value(&mut out, "delta hash", opening.hash().as_bytes());

    title(&mut out, "A record's first change: consent = \"yes\", message 16 x 06");
    value(&mut out, "genesis", genesis_bytes());
    value(&mut out, "genesis hash", genesis_hash().as_bytes());
    let actor = derive_actor(seat.public().as_bytes(), EPOCH, RECORD, 0);
    value(&mut out, "actor", actor.as_bytes());
    let consent: AnswerPath = "consent".parse().unwrap();
    let mut record = RecordDoc::new();
    let answers = [(consent.clone(), Value::from("yes"))].into();
    let change = record.write(actor, [6; 16], &answers).unwrap().unwrap();
    value(&mut out, "change", &change.bytes);
    value(&mut out, "change hash", change.hash.as_bytes());

    title(&mut out, "The delta that brings it, finalised: salt 16 x 05, export hash 32 x 0c, area HT0111-01");
    let finalise =
        Finalise { heads: record.heads(), revision: REVISION, visit: VISIT, export_hash: [12; 32] };
    let act = Act::Change(ChangeAct {
        revision: REVISION,
        visit: VISIT,
        change: change.bytes.clone(),
        finalise: Some(finalise),
    });
    let delta = seat.sign_delta(
        DEPLOYMENT,
        Draft {
            epoch: EPOCH,
            seq: 2,
            prev_hash: opening.hash(),
            about: Some((RECORD, 0, "HT0111-01".parse().unwrap())),
            class: Class::Personal,
            hlc: hlc.next(VISIT.at),
            body: Body { salt: [5; 16], act },
        },
    );
    delta_parts(&mut out, &delta);

    title(&mut out, "What both sides compute from it");
    let view = record.view();
    let digest = view.digest(RECORD, 0, &[]);
    value(&mut out, "record's digest", &digest);
    let mut records = RecordsHash::default();
    records.add(RECORD, digest);
    value(&mut out, "records_hash", &records.finish());
    let doubt = Alternative { path: consent, value: "yes".into(), change: Some(change.hash) };
    let doubt = Finding::new(RECORD, 0, FindingKind::RuleBreak, "adult_head".into(), vec![doubt]);
    word(&mut out, "rule break", "adult_head, resting on consent alone");
    value(&mut out, "  item id", doubt.id.as_bytes());

    title(&mut out, "At the server: both deltas received at 1790000500000");
    let leaves = [leaf_hash(&opening, 1, RECEIVED_AT), leaf_hash(&delta, 2, RECEIVED_AT)];
    value(&mut out, "leaf 1", &leaves[0]);
    value(&mut out, "leaf 2", &leaves[1]);
    let mut tree = Tree::new();
    leaves.into_iter().for_each(|leaf| tree.push(leaf));
    let head = TreeHead::sign(&registry, DEPLOYMENT, LOG, 2, tree.root(), RECEIVED_AT);
    value(&mut out, "tree head", &head.encode());
    let end = ChainEnd { seat: seat.seat(), epoch: EPOCH, through_seq: 2 };
    let batch = PushBatch { envelopes: vec![delta.encode()] };
    value(&mut out, "batch digest, of the change's delta alone", &batch.digest());
    let receipt = Receipt::sign(&registry, DEPLOYMENT, head, batch.digest(), vec![end], vec![], 0);
    value(&mut out, "receipt", &receipt.encode());

    title(&mut out, "Messages");
    let batch = batch.encode();
    let plain = sync_protocol::decompress("push batch", &batch, sync_protocol::MAX_BATCH_DECOMPRESSED_BYTES);
    let plain = plain.unwrap();
    word(&mut out, "push batch", &format!("{} bytes under zstd, of the change's delta; begins", plain.len()));
    value(&mut out, "  first bytes", &plain[..8]);
    let pull = PullRequest { log: LOG, cursor: 2, known_tree_size: 2, have: vec![end] }.encode();
    value(&mut out, "pull request", &pull);
    let request = RequestToSign { method: "POST", path: "/v1/pull", body: &pull, log: LOG, counter: 1 };
    value(&mut out, "  its signature", request.sign(&seat, DEPLOYMENT).as_bytes());
    out
}

/// Header, signature and body, field by field.
fn delta_parts(out: &mut String, delta: &SignedDelta) {
    let (header, signature, body) = delta.parts();
    let body = body.expect("a fresh delta has its body");
    word(out, "header", &format!("{} bytes", header.len()));
    let names = [
        "version",
        "kind",
        "seat id",
        "epoch id",
        "seq",
        "prev_hash",
        "record id",
        "generation",
        "area",
        "class",
        "hlc",
        "body_len",
        "body_commit",
    ];
    fields(out, header, &names);
    value(out, "signature", signature.as_bytes());
    word(out, "body", &format!("{} bytes", body.len()));
    fields(out, body, &["salt", "kind", "act"]);
    value(out, "delta hash", delta.hash().as_bytes());
    word(out, "envelope", &format!("{} bytes: 83, then the three as byte strings", delta.encode().len()));
    assert_ne!(delta.hash(), DeltaHash::from_bytes([0; 32]));
}

/// An array's head and its elements, each as its bytes stand.
fn fields(out: &mut String, bytes: &[u8], names: &[&str]) {
    let mut decoder = minicbor::Decoder::new(bytes);
    assert_eq!(decoder.array().unwrap(), Some(names.len() as u64));
    value(out, &format!("  array of {}", names.len()), &bytes[..decoder.position()]);
    for name in names {
        let from = decoder.position();
        decoder.skip().unwrap();
        value(out, &format!("  {name}"), &bytes[from..decoder.position()]);
    }
    assert_eq!(decoder.position(), bytes.len());
}

fn title(out: &mut String, text: &str) {
    writeln!(out, "\n{text}").unwrap();
}

fn word(out: &mut String, name: &str, text: &str) {
    writeln!(out, "{name:<20} {text}").unwrap();
}

/// Hex, 34 bytes a line: a 32-byte string with its CBOR head.
fn value(out: &mut String, name: &str, bytes: &[u8]) {
    for (line, part) in bytes.chunks(34).enumerate() {
        word(out, if line == 0 { name } else { "" }, &HEXLOWER.encode(part));
    }
}
