//! `cargo xtask bench`: the pipeline stage by stage beside the physical floor, in one run.
//!
//! The floor is what any registry must do with the same answers: parse the household's JSON and upsert it into SQLite,
//! 500 rows a commit, synchronous=FULL. A stage's ratio is its seconds over the floor's.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to the person who ran it")]
#![expect(clippy::disallowed_methods, reason = "a bench reads a clock, and the floor is SQLite by hand")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use form_engine::{CompiledForm, evaluate};
use merge_child::MergeChildren;
use record_doc::{RecordDoc, derive_actor};
use record_model::{
    Answers, Class, DeltaHash, DeploymentId, EpochId, Hlc, Instant, LogId, RecordId, Role, SeatId, Value,
    Visit, hash_parts,
};
use registry_core::{
    DeploymentFacts, InProcess, InvitationDraft, Merger, Registry, RegistryKeys, Surroundings,
};
use registry_store::SqliteRegistry;
use signed_delta::{
    Act, Body, ChangeAct, Draft, EnrolmentRequest, EpochAct, Finalise, Header, SeatKey, SignedDelta,
    code_key, seal,
};
use sync_protocol::{MAX_BATCH_DELTAS, PushBatch};
use testkit::households::Generator;
use testkit::short_form::{short_files, short_form, short_household};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: i64 = 1_764_000_000_000;

/// A clock that stands still and bytes that repeat: a bench measures neither.
struct Still {
    random: std::sync::atomic::AtomicU64,
    merger: Box<dyn Merger>,
}

impl Still {
    /// Merges in children of this program, as the server does.
    fn with_children() -> Arc<Self> {
        Arc::new(Self { random: 0.into(), merger: Box::new(MergeChildren::of_this_program()) })
    }

    fn in_process() -> Arc<Self> {
        Arc::new(Self { random: 0.into(), merger: Box::new(InProcess) })
    }
}

impl Surroundings for Still {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(NOW)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.random.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            chunk.copy_from_slice(&hash_parts("bench", [n.to_be_bytes().as_slice()])[..chunk.len()]);
        }
    }

    fn merger(&self) -> &dyn Merger {
        self.merger.as_ref()
    }
}

struct Laptop {
    key: SeatKey,
    epoch: EpochId,
    seq: u64,
    prev: DeltaHash,
    deployment: DeploymentId,
}

impl Laptop {
    fn sign(&mut self, act: Act, about: Option<RecordId>) -> Vec<u8> {
        let salt = hash_parts("salt", [self.seq.to_be_bytes().as_slice()]);
        let draft = Draft {
            epoch: self.epoch,
            seq: self.seq + 1,
            prev_hash: self.prev,
            about: about.map(|record| (record, 0, "HT0111".parse().expect("an area code"))),
            class: Class::Personal,
            hlc: Hlc(self.seq),
            body: Body { salt: salt[..16].try_into().expect("16 of 32"), act },
        };
        let delta: SignedDelta = self.key.sign_delta(self.deployment, draft);
        self.seq += 1;
        self.prev = delta.hash();
        delta.encode()
    }
}

/// One line a figure, for scripts and for people.
struct Figures {
    json: bool,
}

impl Figures {
    fn say(&self, name: &str, value: f64, unit: &str, peer: Option<(&str, f64)>) {
        if self.json {
            let peer_name = peer.map(|(name, _)| name);
            let ratio = peer.map(|(_, ratio)| ratio);
            println!(
                "{}",
                serde_json::json!({"name": name, "value": value, "unit": unit, "peer": peer_name, "ratio": ratio})
            );
        } else {
            let peer = peer.map_or(String::new(), |(name, ratio)| format!("  {ratio:.1} x {name}"));
            println!("{name:<44} {value:>12.1} {unit:<12}{peer}");
        }
    }
}

/// Households, the year after with one answer changed in each, and the form they fill.
struct Workload {
    name: &'static str,
    form: CompiledForm,
    files: BTreeMap<String, Vec<u8>>,
    sheets: Vec<Answers>,
    edits: Vec<Answers>,
}

impl Workload {
    /// Households of 120 answers, the measure of DESIGN.
    fn short(households: usize) -> Self {
        let sheets: Vec<Answers> = (0..households).map(|number| short_household(7, number as u64)).collect();
        let edits = sheets.iter().map(|answers| edited(answers, "coded_1")).collect();
        Self { name: "120 answers", form: short_form(), files: short_files(), sheets, edits }
    }

    /// The Haitian pack's own form, as long as its households make it.
    fn pack(households: usize, visit: Visit) -> Self {
        let form = testkit::pack::haiti_form();
        let mut generator = Generator::new(7, "HT0111");
        let sheets: Vec<Answers> = (0..households).map(|_| generator.next_household(&form, visit)).collect();
        let edits = sheets.iter().map(|answers| edited(answers, "roof")).collect();
        Self { name: "pack", form, files: testkit::pack::haiti_files(), sheets, edits }
    }

    fn deltas(&self) -> f64 {
        (self.sheets.len() + self.edits.len()) as f64
    }
}

fn main() {
    if std::env::args_os().nth(1).is_some_and(|first| first == merge_child::ARGUMENT) {
        return merge_child::serve().expect("a parent that listens");
    }
    let arguments: Vec<String> = std::env::args().collect();
    let figures = Figures { json: arguments.iter().any(|argument| argument == "--json") };
    let households: usize =
        std::env::var("LAKOU_BENCH_HOUSEHOLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000);
    let visit = Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 };
    form_figures(&figures, visit);
    for workload in [Workload::short(households), Workload::pack(households / 2, visit)] {
        let folder = tempfile::tempdir().expect("a folder to work in");
        let answers: usize = workload.sheets.iter().map(Answers::len).sum();
        let mean = answers as f64 / workload.sheets.len() as f64;
        figures.say(&format!("{}: mean, markers included", workload.name), mean, "answers", None);
        let floor = floor(folder.path(), &workload);
        let rate = workload.deltas() / floor;
        figures.say(&format!("{}: floor, parse JSON, upsert SQLite", workload.name), rate, "records/s", None);
        registry_figures(&figures, folder.path(), &workload, visit, floor);
    }
}

/// The household a year later: one answer is another.
fn edited(answers: &Answers, question: &str) -> Answers {
    let mut edited = answers.clone();
    let question = question.parse().expect("a path");
    let other = if edited.get(&question) == Some(&Value::from("2")) { "3" } else { "2" };
    edited.insert(question, Value::from(other));
    edited
}

fn json_of(answers: &Answers) -> String {
    let map: BTreeMap<&str, &Value> = answers.iter().map(|(path, value)| (path.as_str(), value)).collect();
    serde_json::to_string(&map).expect("answers are JSON")
}

/// Seconds to parse and upsert the same households, new and then edited.
fn floor(folder: &std::path::Path, workload: &Workload) -> f64 {
    let texts: Vec<(usize, String)> = [&workload.sheets, &workload.edits]
        .into_iter()
        .flat_map(|sheets| sheets.iter().map(json_of).enumerate())
        .collect();
    let mut conn = rusqlite::Connection::open(folder.join("floor.db")).expect("a database");
    conn.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    conn.pragma_update(None, "synchronous", "FULL").expect("FULL");
    conn.execute_batch("CREATE TABLE household (id INTEGER PRIMARY KEY, size INTEGER, body TEXT)")
        .expect("a table");
    let watch = Stopwatch::now();
    for chunk in texts.chunks(500) {
        let tx = conn.transaction().expect("a transaction");
        for (id, text) in chunk {
            let parsed: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let size = parsed.as_object().map_or(0, serde_json::Map::len) as i64;
            tx.prepare_cached("INSERT OR REPLACE INTO household VALUES (?1, ?2, ?3)")
                .and_then(|mut statement| {
                    statement.execute(rusqlite::params![*id as i64, size, parsed.to_string()])
                })
                .expect("an upsert");
        }
        tx.commit().expect("a commit");
    }
    watch.elapsed().as_secs_f64()
}

fn form_figures(figures: &Figures, visit: Visit) {
    let form = testkit::pack::haiti_form();
    let mut generator = Generator::new(7, "HT0111");
    let sheets: Vec<Answers> = (0..1_000).map(|_| generator.next_household(&form, visit)).collect();
    let watch = Stopwatch::now();
    for answers in &sheets {
        std::hint::black_box(evaluate(&form, answers, visit));
    }
    let each = watch.elapsed().as_secs_f64() * 1e6 / sheets.len() as f64;
    figures.say("form: evaluate a whole household of the pack", each, "us", None);
    let files = testkit::pack::haiti_files();
    let watch = Stopwatch::now();
    let workbook = form_engine::Workbook::read_xlsx(&files["form.xlsx"]).expect("the pack's form");
    let compiled = CompiledForm::compile(&workbook).expect("the pack's form compiles");
    std::hint::black_box(compiled);
    figures.say("form: read and compile the pack's form", watch.elapsed().as_secs_f64() * 1e3, "ms", None);
}

fn registry_figures(
    figures: &Figures,
    folder: &std::path::Path,
    workload: &Workload,
    visit: Visit,
    floor: f64,
) {
    let say = |name: &str, value: f64, unit: &str, peer: Option<(&str, f64)>| {
        figures.say(&format!("{}: {name}", workload.name), value, unit, peer);
    };
    let store = Arc::new(SqliteRegistry::open(&folder.join("registry.db"), None).expect("a registry"));
    let registry = found(Arc::clone(&store), workload.files.clone());
    let mut laptop = enrolled(&registry);
    let mut envelopes = vec![laptop.sign(Act::Epoch(EpochAct { previous: None }), None)];
    let mut docs: Vec<RecordDoc> = vec![RecordDoc::new(); workload.sheets.len()];
    eprintln!("writing and signing {} deltas", workload.deltas());
    for round in [&workload.sheets, &workload.edits] {
        for (number, (answers, doc)) in round.iter().zip(&mut docs).enumerate() {
            envelopes.extend(written(&mut laptop, &workload.form, doc, number, answers, visit));
        }
    }
    drop(docs);
    let deltas = envelopes.len() as f64;
    let batches: Vec<PushBatch> =
        envelopes.chunks(MAX_BATCH_DELTAS).map(|chunk| PushBatch { envelopes: chunk.to_vec() }).collect();
    let bytes: usize = batches.iter().map(|batch| batch.encode().len()).sum();
    say("bytes a delta on the wire, mean", bytes as f64 / deltas, "bytes", None);

    let watch = Stopwatch::now();
    for batch in &batches {
        let receipt = registry.receive(batch).expect("a receipt");
        assert!(
            receipt.refusals.is_empty(),
            "the bench's own deltas were refused: {:?}",
            receipt.refusals.first()
        );
    }
    let ingest = watch.elapsed().as_secs_f64();
    say(
        "ingest: verify, append, fsync, receipt",
        deltas / ingest,
        "deltas/s",
        Some(("floor", ingest / floor)),
    );

    let watch = Stopwatch::now();
    registry.merge_all().expect("a merge");
    let merge = watch.elapsed().as_secs_f64();
    let ratio = Some(("floor", merge / floor));
    say("merge: guard, form rules, projection", deltas / merge, "deltas/s", ratio);
    let aside = registry.set_aside(10).expect("the list");
    assert!(aside.is_empty(), "the bench's own deltas were set aside: {aside:?}");
    let (records, _) = registry.records_hash(None).expect("a hash");
    assert_eq!(records, workload.sheets.len());

    let rebuilt = |registry: &Registry| {
        let watch = Stopwatch::now();
        let report = registry.rebuild().expect("a rebuild");
        assert_eq!(report.before, report.after);
        watch.elapsed().as_secs_f64()
    };
    let alone = rebuilt(&Registry::open(store, keys(), Still::in_process()).expect("the same registry"));
    say("rebuild, merging in this process", deltas / alone, "deltas/s", None);
    let children = rebuilt(&registry);
    let ratio = Some(("merging in this process", children / alone));
    say("rebuild, merging in children", deltas / children, "deltas/s", ratio);
}

fn keys() -> RegistryKeys {
    RegistryKeys { registry: SeatKey::from_secret(&[1; 32]), desk: SeatKey::from_secret(&[2; 32]) }
}

fn found(store: Arc<SqliteRegistry>, files: BTreeMap<String, Vec<u8>>) -> Registry {
    let facts = DeploymentFacts {
        deployment: DeploymentId::from_bytes([3; 16]),
        log: LogId::from_bytes([4; 16]),
        training: false,
        recovery_recipient: seal::SealingIdentity::generate().recipient(),
        registration_prefix: "HT".to_owned(),
    };
    let registry = Registry::found(store, keys(), facts, Still::with_children()).expect("a deployment");
    registry.publish("household".parse().expect("a lineage"), files).expect("the pack");
    registry
}

fn enrolled(registry: &Registry) -> Laptop {
    let draft = InvitationDraft {
        person: "Bench".to_owned(),
        role: Role::Enumerator,
        areas: vec!["HT0111".parse().expect("an area code")],
        lineages: vec![],
        valid_ms: 3_600_000,
    };
    let code = registry.invite(draft).expect("a code");
    let text = code.rsplit('.').next().unwrap_or_default();
    let bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).expect("base32");
    let secret: [u8; 16] = bytes[48..].try_into().expect("16 bytes");
    let key = SeatKey::from_secret(&[9; 32]);
    let deployment = registry.facts().deployment;
    let recipient = seal::SealingIdentity::generate().recipient();
    let request = EnrolmentRequest::sign(
        &key,
        deployment,
        recipient,
        "Bench".to_owned(),
        "Bench".to_owned(),
        &code_key(&secret),
    );
    registry.enrol(&request.encode()).expect("a certificate");
    let _: SeatId = key.seat();
    Laptop { key, epoch: EpochId::from_bytes([5; 8]), seq: 0, prev: Header::NO_PREVIOUS, deployment }
}

/// One finalised change, as a collector cuts it.
fn written(
    laptop: &mut Laptop,
    form: &CompiledForm,
    doc: &mut RecordDoc,
    number: usize,
    answers: &Answers,
    visit: Visit,
) -> Option<Vec<u8>> {
    let name = hash_parts("record", [(number as u64).to_be_bytes().as_slice()]);
    let record = RecordId::from_slice(&name[..16])?;
    let actor = derive_actor(laptop.key.public().as_bytes(), laptop.epoch, record, 0);
    let message = hash_parts("message", [laptop.seq.to_be_bytes().as_slice()]);
    let change = doc.write(actor, message[..16].try_into().expect("16 of 32"), answers).expect("a change")?;
    let export_hash = evaluate(form, answers, visit).export_hash();
    let finalise = Finalise { heads: vec![change.hash], revision: form.revision(), visit, export_hash };
    let act = ChangeAct { revision: form.revision(), visit, change: change.bytes, finalise: Some(finalise) };
    Some(laptop.sign(Act::Change(act), Some(record)))
}
