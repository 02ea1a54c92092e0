//! A registry in the same process, a road to it that breaks on demand, and laptops.

#![allow(dead_code, unreachable_pub, reason = "each suite uses its part of the support")]
#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use collector_core::*;
use record_model::*;
use registry_core::{
    DeploymentFacts, InProcess, InvitationDraft, Merger, Registry, RegistryKeys, Surroundings,
};
use registry_store::SqliteRegistry;
use rust_xlsxwriter::Workbook as Xlsx;
use signed_delta::seal::SealingIdentity;
use signed_delta::{RequestToSign, SeatKey, Signature};
use sync_protocol::{ProofRequest, PullPage, PullRequest, PushBatch};

pub const NOW: i64 = 1_760_000_000_000;
pub const PASSPHRASE: &str = "kafe cho maten";
const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([9; 16]);

/// A clock that a test moves.
#[derive(Clone)]
pub struct Hand(pub Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn utc_offset_minutes(&self) -> i16 {
        -300
    }
}

/// Bytes that repeat from run to run.
#[derive(Clone)]
pub struct Dice(Arc<AtomicU64>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed << 32)))
    }
}

fn roll(counter: &AtomicU64, bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(32) {
        let n = counter.fetch_add(1, Ordering::Relaxed);
        chunk.copy_from_slice(&hash_parts("test", [n.to_be_bytes().as_slice()])[..chunk.len()]);
    }
}

impl Randomness for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        roll(&self.0, bytes);
    }
}

struct Office(AtomicI64, AtomicU64);

impl Surroundings for Office {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(self.0.fetch_add(1_000, Ordering::Relaxed))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        roll(&self.1, bytes);
    }

    fn merger(&self) -> &dyn Merger {
        &InProcess
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub registry: Registry,
    pub revision: FormRevision,
}

fn sheet(rows: &str) -> Vec<Vec<String>> {
    rows.trim().lines().map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// A small household form: area, roof, telephone, rooms, assets, a roster; one head blocks, a telephone is looked at.
pub fn form_xlsx(version: &str) -> Vec<u8> {
    let survey = "
        type|name|label::Français (fr)|calculation|relevant|required|constraint
        start|start|||||
        end|end|||||
        text|commune|Commune||||
        select_one roof|roof|Toit||||
        select_one result|result|Résultat||||
        text|phone|Téléphone||${result} != 'refused'||
        integer|rooms|Pièces||||. <= 20
        select_multiple asset|assets|Biens||||
        begin repeat|roster|Membres||${result} != 'refused'||
        text|given_name|Prénom||||
        select_one relationship|relationship|Lien||||
        calculate|is_head||if(${relationship} = '01', 1, 0)|||
        end repeat||||||
        calculate|head_count||sum(${is_head})|||";
    let choices = "
        list_name|name|label::Français (fr)
        roof|tin|Tôle
        roof|tile|Tuile
        roof|thatch|Chaume
        result|complete|Complet
        result|refused|Refus
        asset|radio|Radio
        asset|bed|Lit
        relationship|01|Chef
        relationship|02|Conjoint";
    let settings = format!(
        "form_title|form_id|version|default_language|instance_name\nMénage|household|{version}|Français (fr)|concat('Tel ', ${{phone}})"
    );
    let rules = "
        id|level|expression|message::Français (fr)
        V01|block|${head_count} <= 1|Un seul chef de ménage
        V02|central|${rooms} <= 10 or ${rooms} = ''|Beaucoup de pièces";
    let mut book = Xlsx::new();
    for (name, rows) in [("survey", survey), ("choices", choices), ("settings", &settings), ("rules", rules)]
    {
        let page = book.add_worksheet().set_name(name).unwrap();
        for (row, cells) in sheet(rows).iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                page.write_string(row as u32, column as u16, cell).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

pub const AREAS: &str =
    "code,parent_code,name\nHT,,Haïti\nHT01,HT,Ouest\nHT0111,HT01,Cité\nHT0112,HT01,Autre\n";
pub const PACK: &str = r#"{"name":"test","default_language":"fr",
    "lineages":{"household":{"area_questions":["commune"],"person_repeat":"roster",
        "result_question":"result","refused_results":["refused"]}}}"#;

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Self::found(&folder.path().join("registry.db"));
        let mut world = Self { folder, registry, revision: FormRevision::from_bytes([0; 32]) };
        world.revision = world.publish("1");
        world
    }

    fn found(path: &Path) -> Registry {
        let store = Arc::new(SqliteRegistry::open(path, None).unwrap());
        let keys =
            RegistryKeys { registry: SeatKey::from_secret(&[1; 32]), desk: SeatKey::from_secret(&[2; 32]) };
        let facts = DeploymentFacts {
            deployment: DEPLOYMENT,
            log: LogId::from_bytes([8; 16]),
            training: false,
            recovery_recipient: SealingIdentity::generate().recipient(),
            registration_prefix: "HT".to_owned(),
        };
        let office = Office(AtomicI64::new(NOW), AtomicU64::new(7 << 40));
        Registry::found(store, keys, facts, Arc::new(office)).unwrap()
    }

    pub fn publish(&self, version: &str) -> FormRevision {
        let files = BTreeMap::from([
            ("form.xlsx".to_owned(), form_xlsx(version)),
            ("areas.csv".to_owned(), AREAS.as_bytes().to_vec()),
            ("pack.json".to_owned(), PACK.as_bytes().to_vec()),
        ]);
        let (revision, _) = self.registry.publish(lineage(), files).unwrap();
        self.registry.merge_all().unwrap();
        revision
    }

    pub fn invite(&self, area: &str) -> InvitationCode {
        let draft = InvitationDraft {
            person: String::new(),
            role: Role::Enumerator,
            areas: vec![area.parse().unwrap()],
            lineages: vec![],
            valid_ms: 3_600_000_000,
        };
        self.registry.invite(draft).unwrap().parse().unwrap()
    }

    pub fn road(&self) -> Road {
        Road {
            registry: self.registry.clone(),
            faults: VecDeque::new(),
            tamper: None,
            requests: Vec::new(),
            merge_on_push: true,
        }
    }

    /// A laptop with one person, synced once.
    pub fn laptop(&self, name: &str) -> Laptop {
        self.laptop_in(name, "HT0111")
    }

    /// The same, certified for this area.
    pub fn laptop_in(&self, name: &str, area: &str) -> Laptop {
        let mut laptop = Laptop {
            home: Home::at(self.folder.path().join(name)),
            clock: Hand(Arc::new(AtomicI64::new(NOW + 5_000))),
            dice: Dice::new(u64::from(name.as_bytes()[0])),
            person: name.to_owned(),
            road: self.road(),
            open: None,
        };
        let code = self.invite(area);
        laptop.enrol(&code).unwrap();
        laptop.sync().unwrap();
        laptop
    }

    pub fn items(&self) -> Vec<registry_store::ItemRow> {
        let filter = registry_store::ItemFilter { open_only: true, ..Default::default() };
        self.registry.items(&filter, 1_000).unwrap()
    }
}

pub fn lineage() -> Lineage {
    "household".parse().unwrap()
}

/// What happens to the next requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It arrives, and so does the answer.
    None,
    /// It does not arrive.
    Broken,
    /// It arrives; the answer does not.
    AnswerLost,
    /// A login page answers instead.
    Portal,
}

pub type Tamper = Box<dyn FnMut(PullPage) -> PullPage>;

/// The road to the registry: what an HTTP server would do with each request.
pub struct Road {
    pub registry: Registry,
    pub faults: VecDeque<Mishap>,
    pub tamper: Option<Tamper>,
    pub requests: Vec<String>,
    pub merge_on_push: bool,
}

impl Road {
    fn travel(
        &mut self,
        path: &str,
        answer: impl FnOnce(&mut Self) -> HttpAnswer,
    ) -> Result<HttpAnswer, Disconnected> {
        self.requests.push(path.to_owned());
        let lost = || Disconnected { reason: "test".to_owned() };
        match self.faults.pop_front().unwrap_or(Mishap::None) {
            Mishap::None => Ok(answer(self)),
            Mishap::Broken => Err(lost()),
            Mishap::AnswerLost => {
                answer(self);
                Err(lost())
            }
            Mishap::Portal => Ok(HttpAnswer { status: 200, body: b"<html>login</html>".to_vec() }),
        }
    }

    fn handle(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> HttpAnswer {
        let problem = |status: u16, error: registry_core::RegistryError| {
            let body = format!(r#"{{"code":"test","status":{status},"detail":"{error}"}}"#);
            HttpAnswer { status, body: body.into_bytes() }
        };
        if path == ENROL_PATH {
            return match self.registry.enrol(body) {
                Ok(answer) => HttpAnswer { status: 201, body: answer.encode() },
                Err(error) => problem(403, error),
            };
        }
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        let request = RequestToSign {
            method,
            path,
            body,
            log: header(LOG_HEADER).parse().unwrap(),
            counter: header(COUNTER_HEADER).parse().unwrap(),
        };
        let signature = data_encoding::HEXLOWER.decode(header(SIGNATURE_HEADER).as_bytes()).unwrap();
        let signature = Signature::from_bytes(signature.try_into().unwrap());
        let seat = header(SEAT_HEADER).parse().unwrap();
        let standing = match self.registry.authenticate(seat, &request, &signature) {
            Ok(standing) => standing,
            Err(registry_core::RegistryError::RequestRepeated { last, .. }) => {
                let body = format!(r#"{{"code":"request_refused","status":401,"counter":{last}}}"#);
                return HttpAnswer { status: 401, body: body.into_bytes() };
            }
            Err(error) => return problem(401, error),
        };
        match path {
            PUSH_PATH => {
                let receipt = self.registry.receive(&PushBatch::decode(body).unwrap()).unwrap();
                if self.merge_on_push {
                    self.registry.merge_all().unwrap();
                }
                HttpAnswer { status: 201, body: receipt.encode() }
            }
            PULL_PATH => {
                let request = PullRequest::decode(body).unwrap();
                let mut page = match self.registry.pull(&standing, &request) {
                    Ok(page) => page,
                    Err(error) => return problem(403, error),
                };
                if let Some(tamper) = &mut self.tamper {
                    // By a server gone wrong, not by somebody on the way: it signs what it says.
                    page = tamper(page);
                    let registry = SeatKey::from_secret(&[1; 32]);
                    page.signature =
                        signed_delta::sign_answer(&registry, DEPLOYMENT, &page.digest(&request.digest()));
                }
                HttpAnswer { status: 200, body: page.encode() }
            }
            PROVE_PATH => {
                let proof = self.registry.prove(&ProofRequest::decode(body).unwrap()).unwrap();
                HttpAnswer { status: 200, body: proof.encode() }
            }
            _ => {
                let hash = path.strip_prefix(BLOBS_PATH).unwrap();
                let hash: ChangeHash = hash.parse().unwrap();
                match self.registry.blob(*hash.as_bytes()).unwrap() {
                    Some(body) => HttpAnswer { status: 200, body },
                    None => HttpAnswer { status: 404, body: br#"{"code":"not_found"}"#.to_vec() },
                }
            }
        }
    }
}

impl Transport for Road {
    fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<HttpAnswer, Disconnected> {
        self.travel(path, |road| road.handle("POST", path, headers, body))
    }

    fn get(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        _limit_bytes: usize,
    ) -> Result<HttpAnswer, Disconnected> {
        self.travel(path, |road| road.handle("GET", path, headers, &[]))
    }
}

pub struct Laptop {
    pub home: Home,
    pub clock: Hand,
    pub dice: Dice,
    pub person: String,
    pub road: Road,
    pub open: Option<Collector>,
}

impl Laptop {
    pub fn ports(&self) -> Ports {
        Ports {
            clock: Box::new(self.clock.clone()),
            randomness: Box::new(self.dice.clone()),
            merger: Arc::new(InProcess),
        }
    }

    pub fn enrolment<'a>(&'a self, code: &'a InvitationCode, person: &'a str) -> Enrolment<'a> {
        Enrolment { code, person, device: "Laptop", passphrase: PASSPHRASE, kdf: KdfParams::WEAK_FOR_TESTS }
    }

    pub fn enrol(&mut self, code: &InvitationCode) -> Result<(), CollectorError> {
        let person = self.person.clone();
        let enrolment = Enrolment {
            code,
            person: &person,
            device: "Laptop",
            passphrase: PASSPHRASE,
            kdf: KdfParams::WEAK_FOR_TESTS,
        };
        self.open = Some(Collector::enrol(&self.home, &enrolment, self.ports(), &mut self.road)?);
        Ok(())
    }

    pub fn collector(&mut self) -> &mut Collector {
        self.open.as_mut().unwrap()
    }

    /// Locks and unlocks.
    pub fn reopen(&mut self) {
        self.open = None;
        let person = self.person.clone();
        self.open = Some(Collector::unlock(&self.home, &person, PASSPHRASE, self.ports()).unwrap());
    }

    pub fn sync(&mut self) -> Result<SyncReport, CollectorError> {
        self.open.as_mut().unwrap().sync(&mut self.road, &mut |_| {})
    }

    pub fn set(&mut self, record: RecordId, path: &str, typed: &str) -> Answers {
        self.collector().set(record, &path.parse().unwrap(), typed).unwrap()
    }

    /// A household with a head, not yet finalised.
    pub fn household(&mut self) -> RecordId {
        let visit = Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 };
        let record = self.collector().start(&lineage(), None, Some(visit)).unwrap();
        self.set(record, "commune", "HT0111");
        self.set(record, "roof", "tin");
        self.set(record, "phone", "3412 0000");
        let head = self.collector().add_instance(record, "roster", None).unwrap();
        self.set(record, &format!("roster/{head}/given_name"), "Marie-Ange");
        self.set(record, &format!("roster/{head}/relationship"), "01");
        record
    }

    pub fn finalised(&mut self) -> RecordId {
        let record = self.household();
        self.collector().finalise(record).unwrap();
        record
    }

    pub fn hash(&mut self) -> (usize, [u8; 32]) {
        let hash = self.collector().records_hash(None).unwrap();
        (hash.records(), hash.finish())
    }
}
