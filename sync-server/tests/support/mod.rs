//! A server's folder, a running server, and laptops that are nothing but a key, a chain and documents.

#![allow(dead_code, unreachable_pub, reason = "each suite uses its part of the support")]
#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use record_doc::{ForeignChange, MergeVerdict, RecordDoc, derive_actor};
use record_model::*;
use rust_xlsxwriter::Workbook as Xlsx;
use serde_json::Value as Json;
use signed_delta::*;
use sync_protocol::{EnrolAnswer, PullPage, PullRequest, PushBatch};

pub const RECORD: RecordId = RecordId::from_bytes([0x11; 16]);
pub const AREA: &str = "HT0111";
pub const VISIT_MS: i64 = 1_760_000_000_000;
pub const NO_LOG: LogId = LogId::from_bytes([0; 16]);
pub const AREAS: &str =
    "code,parent_code,name\nHT,,Haïti\nHT01,HT,Ouest\nHT0111,HT01,Cité Soleil\nHT0112,HT01,Gressier\n";

/// A small household form: a roof, a telephone, a roster, and the rule that there is one head.
pub fn form_xlsx() -> Vec<u8> {
    let survey: &[&[&str]] = &[
        &["type", "name", "label::Français (fr)", "calculation", "save_to"],
        &["select_one roof", "roof", "Toit", "", "household#roof"],
        &["text", "phone", "Téléphone", "", ""],
        &["integer", "rooms", "Pièces", "", "household#rooms"],
        &["begin repeat", "roster", "Membres", "", ""],
        &["text", "given_name", "Prénom", "", "person#given_name"],
        &["text", "ninu", "NINU", "", "person#id.HT-NINU"],
        &["select_one relationship", "relationship", "Lien", "", "person#relationship"],
        &["calculate", "is_head", "", "if(${relationship} = '01', 1, 0)", ""],
        &["end repeat", "", "", "", ""],
        &["calculate", "head_count", "", "sum(${is_head})", ""],
    ];
    let choices: &[&[&str]] = &[
        &["list_name", "name", "label::Français (fr)"],
        &["roof", "tin", "Tôle"],
        &["roof", "tile", "Tuile"],
        &["relationship", "01", "Chef"],
        &["relationship", "02", "Conjoint"],
        &["relationship", "03", "Enfant"],
    ];
    let settings: &[&[&str]] = &[
        &["form_title", "form_id", "version", "default_language"],
        &["Ménage", "household", "1", "Français (fr)"],
    ];
    let entities: &[&[&str]] = &[
        &["list_name", "label", "repeat"],
        &["household", "${phone}", ""],
        &["person", "${given_name}", "${roster}"],
    ];
    let rules: &[&[&str]] = &[
        &["id", "level", "expression", "message::Français (fr)"],
        &["V01", "block", "${head_count} <= 1", "Un seul chef de ménage"],
    ];
    let mut book = Xlsx::new();
    for (name, rows) in [
        ("survey", survey),
        ("choices", choices),
        ("settings", settings),
        ("entities", entities),
        ("rules", rules),
    ] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        for (row, cells) in rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                sheet.write_string(row as u32, column as u16, *cell).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The failure on standard error, under `--json`.
    pub fn failure(&self) -> Json {
        let line = self.err.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A folder for one test, with a server's folder in it.
pub struct TestHome {
    pub folder: tempfile::TempDir,
}

impl TestHome {
    pub fn vacant() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn founded() -> Self {
        let home = Self::vacant();
        home.run(&["init"]).ok();
        home
    }

    /// Founded, with the small form published.
    pub fn ready() -> Self {
        let home = Self::founded();
        home.publish();
        home
    }

    pub fn publish(&self) {
        let form = self.write("form.xlsx", &form_xlsx());
        self.write("areas.csv", AREAS.as_bytes());
        self.write("pack.json", b"{}");
        let pack = self.folder.path().to_str().unwrap().to_owned();
        self.run(&["form", "publish", form.to_str().unwrap(), "--lineage", "household", "--pack", &pack])
            .ok();
    }

    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.run_at(&self.path(), args)
    }

    pub fn run_at(&self, home: &Path, args: &[&str]) -> Said {
        let output = command(home).args(args).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command's JSON; it must have succeeded.
    pub fn json(&self, args: &[&str]) -> Json {
        self.run(&[args, &["--json"]].concat()).ok().json()
    }

    pub fn serve(&self) -> Server {
        Server::start(&self.path(), &[])
    }

    pub fn invite(&self, args: &[&str]) -> String {
        self.run(&[&["device", "invite"], args].concat()).ok().out.trim().to_owned()
    }
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sync-server"));
    command.env_remove("LAKOU_LANG").env_remove("LAKOU_SERVER_HOME").env_remove("RUST_LOG");
    command.arg("--home").arg(home).args(["--lang", "en"]).stdin(Stdio::null());
    command
}

/// A server in a process of its own; killed when dropped.
pub struct Server {
    child: Option<Child>,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(home: &Path, args: &[&str]) -> Self {
        let mut child = command(home)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let output = child.wait_with_output().unwrap();
            panic!("{line}{}", String::from_utf8_lossy(&output.stderr));
        };
        Self { address: address.parse().unwrap(), child: Some(child) }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Asks it to stop, as a service manager would; gives its exit code and its log.
    #[cfg(unix)]
    pub fn stop(mut self) -> (i32, String) {
        let child = self.child.take().unwrap();
        let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
    }
}

/// Something that answers requests.
pub trait Road {
    fn request(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Response;
}

impl Road for Server {
    fn request(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Response {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: lakou\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Response::parse(&bytes)
    }
}

/// The router without a socket or a process, over a folder that a real `init` made.
pub struct InProcess {
    pub registry: registry_core::Registry,
    router: axum::Router,
    runtime: tokio::runtime::Runtime,
    _open: sync_server::home::OpenHome,
}

impl InProcess {
    pub fn new(home: &TestHome, limits: sync_server::http::Limits) -> Self {
        Self::behind(home, limits, sync_server::http::Front::Direct)
    }

    pub fn behind(
        home: &TestHome,
        limits: sync_server::http::Limits,
        front: sync_server::http::Front,
    ) -> Self {
        use sync_server::home::{Company, Home};
        use sync_server::http::Api;
        let open = Home::at(&home.path()).open(Company::Welcome).unwrap();
        let registry = open.registry.clone();
        let api = Api::new(registry.clone(), sync_server::Bell::default(), limits, front);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { registry, router: api.router(), runtime, _open: open }
    }
}

impl Road for InProcess {
    fn request(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Response {
        use hyper::service::Service;
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(axum::body::Body::from(body.to_vec())).unwrap();
        let service = hyper_util::service::TowerToHyperService::new(self.router.clone());
        self.runtime.block_on(async {
            let response = service.call(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
            Response {
                status: parts.status.as_u16(),
                headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                body: axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec(),
            }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// The least a laptop is.
pub struct Laptop {
    pub key: SeatKey,
    pub deployment: DeploymentId,
    pub registry: PublicKey,
    pub log: LogId,
    pub epoch: EpochId,
    pub seq: u64,
    pub prev: DeltaHash,
    pub counter: u64,
    pub revision: FormRevision,
    pub docs: HashMap<RecordId, RecordDoc>,
    pub standings: HashMap<SeatId, SeatCertificate>,
    pub cursor: u64,
    /// Everything cut, in chain order.
    pub sent: Vec<Vec<u8>>,
    secret: [u8; 16],
    number: u8,
}

struct Certified<'a>(&'a Laptop);

impl Roster for Certified<'_> {
    fn deployment(&self) -> DeploymentId {
        self.0.deployment
    }

    fn registry_key(&self) -> PublicKey {
        self.0.registry
    }

    fn standing(&self, seat: SeatId) -> Option<std::sync::Arc<SeatStanding>> {
        let certificate = self.0.standings.get(&seat)?.clone();
        Some(std::sync::Arc::new(SeatStanding { certificate, revoked_after: None }))
    }
}

pub fn answers(pairs: &[(&str, &str)]) -> Answers {
    pairs.iter().map(|(path, value)| (path.parse().unwrap(), Value::from(*value))).collect()
}

impl Laptop {
    /// From an enrolment code; not enrolled yet.
    pub fn new(number: u8, code: &str, revision: FormRevision) -> Self {
        let bytes =
            data_encoding::BASE32_NOPAD.decode(code.strip_prefix("LAKOU1.").unwrap().as_bytes()).unwrap();
        let key = SeatKey::from_secret(&[100 + number; 32]);
        let mut laptop = Self {
            key,
            deployment: DeploymentId::from_slice(&bytes[..16]).unwrap(),
            registry: PublicKey::from_bytes(&bytes[16..48].try_into().unwrap()).unwrap(),
            log: NO_LOG,
            epoch: EpochId::from_bytes([number; 8]),
            seq: 0,
            prev: Header::NO_PREVIOUS,
            counter: 0,
            revision,
            docs: HashMap::new(),
            standings: HashMap::new(),
            cursor: 0,
            sent: Vec::new(),
            secret: bytes[48..].try_into().unwrap(),
            number,
        };
        laptop.cut(Act::Epoch(EpochAct { previous: None }), None);
        laptop
    }

    pub fn enrolment(&self) -> Vec<u8> {
        EnrolmentRequest::sign(
            &self.key,
            self.deployment,
            seal::SealingIdentity::generate().recipient(),
            format!("Person {}", self.number),
            format!("Laptop {}", self.number),
            &code_key(&self.secret),
        )
        .encode()
    }

    pub fn enrol(&self, server: &dyn Road) -> EnrolAnswer {
        let answer = server.request("POST", "/v1/enrol", &[], &self.enrolment());
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let answer = EnrolAnswer::decode(&answer.body).unwrap();
        assert_eq!(&answer.registry_key, self.registry.as_bytes());
        assert_eq!(answer.deployment, self.deployment);
        answer
    }

    /// The four headers over exactly this request.
    pub fn headers(&mut self, method: &str, path: &str, body: &[u8]) -> Vec<(String, String)> {
        self.counter += 1;
        let request = RequestToSign { method, path, body, log: self.log, counter: self.counter };
        let signature = request.sign(&self.key, self.deployment);
        vec![
            ("Lakou-Seat".to_owned(), self.key.seat().to_string()),
            ("Lakou-Log".to_owned(), self.log.to_string()),
            ("Lakou-Counter".to_owned(), self.counter.to_string()),
            ("Lakou-Signature".to_owned(), data_encoding::HEXLOWER.encode(signature.as_bytes())),
        ]
    }

    pub fn send(&mut self, server: &dyn Road, method: &str, path: &str, body: &[u8]) -> Response {
        let headers = self.headers(method, path, body);
        server.request(method, path, &headers, body)
    }

    /// Sends everything it ever cut; sending again is harmless.
    pub fn push(&mut self, server: &dyn Road) -> Receipt {
        let body = PushBatch { envelopes: self.sent.clone() }.encode();
        let answer = self.send(server, "POST", "/v1/push", &body);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let receipt = Receipt::decode_and_verify(&answer.body, self.deployment, &self.registry).unwrap();
        self.log = receipt.head.log;
        receipt
    }

    pub fn pull(&mut self, server: &dyn Road) -> PullPage {
        let request = PullRequest { log: self.log, cursor: self.cursor, known_tree_size: 0, have: vec![] };
        let answer = self.send(server, "POST", "/v1/pull", &request.encode());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let page = PullPage::decode(&answer.body).unwrap();
        self.cursor = page.next_cursor;
        for pulled in &page.deltas {
            self.apply(&pulled.envelope);
        }
        page
    }

    /// Pulls until it holds the record, as the merge comes after the receipt.
    pub fn pull_until_it_has(&mut self, server: &dyn Road, record: RecordId) {
        for _ in 0..600 {
            self.pull(server);
            if self.docs.contains_key(&record) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the record never came");
    }

    pub fn sign(&mut self, draft: Draft) -> Vec<u8> {
        let delta = self.key.sign_delta(self.deployment, draft);
        self.seq = delta.header().seq;
        self.prev = delta.hash();
        let envelope = delta.encode();
        self.sent.push(envelope.clone());
        envelope
    }

    pub fn cut(&mut self, act: Act, record: Option<RecordId>) -> Vec<u8> {
        let draft = Draft {
            epoch: self.epoch,
            seq: self.seq + 1,
            prev_hash: self.prev,
            about: record.map(|record| (record, 0, AREA.parse().unwrap())),
            class: Class::Personal,
            hlc: Hlc::default().next(Instant::from_unix_ms(VISIT_MS)),
            body: Body { salt: [5; 16], act },
        };
        self.sign(draft)
    }

    /// Writes answers into one finalised change.
    pub fn record(&mut self, record: RecordId, answers: &Answers) {
        let actor = derive_actor(self.key.public().as_bytes(), self.epoch, record, 0);
        let message =
            hash_parts("message", [self.key.secret().as_slice(), self.seq.to_be_bytes().as_slice()]);
        let doc = self.docs.entry(record).or_default();
        let change = doc.write(actor, message[..16].try_into().unwrap(), answers).unwrap().unwrap();
        let at = Instant::from_unix_ms(VISIT_MS + self.seq as i64 * 60_000);
        let visit = Visit { at, utc_offset_minutes: -300 };
        let finalise =
            Finalise { heads: vec![change.hash], revision: self.revision, visit, export_hash: [0; 32] };
        let act =
            ChangeAct { revision: self.revision, visit, change: change.bytes, finalise: Some(finalise) };
        self.cut(Act::Change(act), Some(record));
    }

    fn apply(&mut self, envelope: &[u8]) {
        let delta = SignedDelta::decode(envelope).unwrap().verify(&Certified(self)).unwrap();
        let header = delta.header().clone();
        let change = match delta.act() {
            Act::Certificate(certificate) => {
                let certificate = certificate.clone();
                self.standings.insert(certificate.seat(), certificate);
                return;
            }
            Act::Change(act) => act.change.clone(),
            Act::Decision(act) => match &act.write {
                Some((_, change)) => change.clone(),
                None => return,
            },
            _ => return,
        };
        let key = *self.standings[&header.seat].public_key.as_bytes();
        let actor = derive_actor(&key, header.epoch, header.record, header.generation);
        let doc = self.docs.entry(header.record).or_default();
        let verdict = doc.merge(&ForeignChange { bytes: &change, actor });
        assert!(
            matches!(verdict, MergeVerdict::Merged { .. } | MergeVerdict::AlreadyHave { .. }),
            "{verdict:?}"
        );
    }
}

pub const MEMBER: &str = "roster/AAAAAAAAAAAAC";
pub const OTHER_MEMBER: &str = "roster/AAAAAAAAAAAAE";

/// The household's registration number.
pub fn number() -> String {
    RegistrationNumber::new("HT", 1, 1).unwrap().to_string()
}

/// A household of two.
pub fn household() -> Answers {
    let mut household = answers(&[("roof", "tin"), ("phone", "3700-0001"), ("@number", &number())]);
    for (member, name, relationship) in [(MEMBER, "Marie-Ange", "01"), (OTHER_MEMBER, "Wisler", "03")] {
        household.extend(answers(&[
            (&format!("{member}/given_name"), name),
            (&format!("{member}/relationship"), relationship),
            (&format!("{member}/@person"), &format!("P{name}")),
            (&format!("{member}/@order"), "a0"),
        ]));
    }
    household.extend(answers(&[(&format!("{MEMBER}/ninu"), "1234567890")]));
    household
}

/// A served deployment and two laptops that both changed one household without sight of each other.
pub struct Field {
    pub home: TestHome,
    pub server: Server,
    pub a: Laptop,
    pub b: Laptop,
}

impl Field {
    pub fn new() -> Self {
        let home = TestHome::ready();
        let revision = revision(&home);
        let server = home.serve();
        let a = Laptop::new(1, &home.invite(&["--area", "HT01", "--person", "Person 1"]), revision);
        let b = Laptop::new(2, &home.invite(&["--area", AREA]), revision);
        a.enrol(&server);
        b.enrol(&server);
        Self { home, server, a, b }
    }

    /// Both hold one household; a says its roof is tile, b that it has another head.
    pub fn in_conflict() -> Self {
        let mut field = Self::new();
        field.a.record(RECORD, &household());
        field.a.push(&field.server);
        field.b.pull_until_it_has(&field.server, RECORD);
        field.a.record(RECORD, &answers(&[("roof", "tile")]));
        field
            .b
            .record(RECORD, &answers(&[("roof", "thatch"), (&format!("{OTHER_MEMBER}/relationship"), "01")]));
        field.a.push(&field.server);
        field.b.push(&field.server);
        field.merged();
        field
    }

    /// Waits until the worker has come to the end of the log.
    pub fn merged(&self) {
        for _ in 0..600 {
            let state = self.home.json(&["status"]);
            if state["log_length"] == state["merged_through"] {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the merge never came to the end of the log");
    }
}

pub fn revision(home: &TestHome) -> FormRevision {
    home.json(&["form", "list"])["forms"][0]["revision"].as_str().unwrap().parse().unwrap()
}
