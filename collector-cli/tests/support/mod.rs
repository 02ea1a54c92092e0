//! A laptop with a store, a person, a small form and a fixed clock, without a network.
#![allow(dead_code, reason = "each test file uses some of these")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use collector_cli::{Failure, MachineClock, Server, Terminal, World};
use collector_core::{Disconnected, Home, HttpAnswer, InProcess, KdfParams, Randomness, Transport};
use device_store::{DeploymentRow, DeviceStore, NewSeat, PersonSecrets, PublicationState};
use record_model::{Class, DeploymentId, EpochId, Hlc, Instant, Role};
use rust_xlsxwriter::Workbook;
use sha2::{Digest, Sha256};
use signed_delta::seal::SealingIdentity;
use signed_delta::{
    Act, Body, CertificateFields, Draft, Header, PublicationAct, PublishedFile, SeatCertificate, SeatKey,
};
use zeroize::Zeroizing;

pub(crate) const PASSPHRASE: &str = "mil gouden pou fwaye";

/// 2026-11-21T23:10:00-05:00, which is already the 22nd in UTC.
pub(crate) const NOW: i64 = 1_795_320_600_000;

const SURVEY: &str = "
type | name | label::Français (fr) | label::English (en) | hint::Français (fr) | required | relevant | constraint | constraint_message::Français (fr) | constraint_message::English (en) | choice_filter | calculation | default
date | visit_date | Date de la visite | Date of the visit | | yes | | | | | | | today()
select_one department | department | Département | Department | | yes | | | | | | |
select_one commune | commune | Commune | Commune | | yes | | | | | department = ${department} | |
select_one yes_no | consent | Acceptez-vous ? | Do you agree? | | yes | | | | | | |
begin group | household | Ménage | Household | | | ${consent} = 'yes' | | | | | |
text | head_name | Nom du chef | Name of the head | Comme sur les papiers | yes | | | | | | |
select_multiple asset | assets | Biens de ${head_name} | Assets of ${head_name} | | | | | | | | |
begin repeat | roster | Membre | Member | | | | | | | | |
text | given_name | Prénom | Given name | | yes | | | | | | |
integer | age | Âge de ${given_name} | Age of ${given_name} | | yes | | . >= 0 and . <= 120 | 120 ans au plus. | At most 120 years. | | |
end repeat | | | | | | | | | | | |
calculate | members | | | | | | | | | | count(${roster}) |
end group | | | | | | | | | | | |
";

const CHOICES: &str = "
list_name | name | label::Français (fr) | label::English (en) | department
department | HT01 | Ouest | West |
department | HT02 | Sud-Est | South-East |
commune | HT0111 | Port-au-Prince | Port-au-Prince | HT01
commune | HT0112 | Delmas | Delmas | HT01
commune | HT0211 | Jacmel | Jacmel | HT02
yes_no | yes | Oui | Yes |
yes_no | no | Non | No |
asset | radio | Radio | Radio |
asset | phone | Téléphone | Telephone |
";

const SETTINGS: &str = "
form_title | form_id | version | default_language | instance_name
Ménage | household | 1 | Français (fr) | ${head_name}
";

const PACK: &str = r#"{
  "title": { "fr": "Registre d'essai", "ht": "Rejis esè", "en": "Test registry" },
  "time_zone": "America/Port-au-Prince",
  "languages": ["fr", "ht", "en"],
  "default_language": "fr",
  "complaint_telephone": { "value": "+509 2811-0000", "is_placeholder": false },
  "lineages": { "household": {
    "area_questions": ["department", "commune"], "visit_date_question": "visit_date", "person_repeat": "roster"
  } }
}"#;

const AREAS: &str = "code,parent_code,level,name\nHT,,0,Haïti\nHT01,HT,1,Ouest\nHT0111,HT01,2,Port-au-Prince\nHT0112,HT01,2,Delmas\nHT02,HT,1,Sud-Est\nHT0211,HT02,2,Jacmel\n";

fn cells(text: &str) -> Vec<Vec<String>> {
    let line = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

/// A workbook of these sheets.
pub(crate) fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, text) in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(*name).unwrap();
        for (row, cells) in cells(text).iter().enumerate() {
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                sheet.write_string(row as u32, column as u16, cell).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

pub(crate) fn household_workbook() -> Vec<u8> {
    workbook(&[("survey", SURVEY), ("choices", CHOICES), ("settings", SETTINGS)])
}

fn household_files() -> Vec<(String, Vec<u8>)> {
    vec![
        ("form.xlsx".to_owned(), household_workbook()),
        ("pack.json".to_owned(), PACK.into()),
        ("areas.csv".to_owned(), AREAS.into()),
    ]
}

/// What the person types, and what is shown to them.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Screen>>);

#[derive(Default)]
struct Screen {
    lines: VecDeque<String>,
    secrets: VecDeque<String>,
    input: Vec<u8>,
    interactive: bool,
    out: String,
    err: String,
}

impl Terminal for Console {
    fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut screen = self.0.lock().unwrap();
        let line = screen.lines.pop_front();
        // What is typed stands on the screen too.
        let shown = line.clone().unwrap_or_else(|| "^D".to_owned());
        screen.err.push_str(&format!("{shown}\n"));
        Ok(line)
    }

    fn read_secret(&mut self, prompt: &str) -> io::Result<Zeroizing<String>> {
        let mut screen = self.0.lock().unwrap();
        screen.err.push_str(&format!("{prompt}***\n"));
        Ok(Zeroizing::new(screen.secrets.pop_front().unwrap_or_default()))
    }

    fn read_all(&mut self) -> io::Result<Vec<u8>> {
        Ok(std::mem::take(&mut self.0.lock().unwrap().input))
    }

    fn write_result(&mut self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().out.push_str(text);
        Ok(())
    }

    fn write_message(&mut self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().err.push_str(text);
        Ok(())
    }

    fn is_interactive(&self) -> bool {
        self.0.lock().unwrap().interactive
    }

    fn shows_progress(&self) -> bool {
        false
    }
}

struct FixedClock(Arc<AtomicI64>);

impl MachineClock for FixedClock {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

/// SHA-256 of a counter: the same in every run, and never twice the same.
struct Seeded(Arc<AtomicU64>);

impl Randomness for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// A road on which every request ends the same way.
#[derive(Clone)]
pub(crate) struct DeadEnd(pub(crate) Result<HttpAnswer, Disconnected>);

impl Transport for DeadEnd {
    fn post(&mut self, _: &str, _: &[(&'static str, String)], _: &[u8]) -> Result<HttpAnswer, Disconnected> {
        self.0.clone()
    }

    fn get(&mut self, _: &str, _: &[(&'static str, String)], _: usize) -> Result<HttpAnswer, Disconnected> {
        self.0.clone()
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: u8,
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.out)?;
        if !self.err.is_empty() {
            write!(f, "[stderr]\n{}", self.err)?;
        }
        write!(f, "[exit {}]", self.code)
    }
}

pub(crate) struct TestHome {
    folder: tempfile::TempDir,
    clock: Arc<AtomicI64>,
    random: Arc<AtomicU64>,
    pub(crate) road: DeadEnd,
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl TestHome {
    /// An empty home.
    pub(crate) fn empty() -> Self {
        let nobody = Disconnected { reason: "nobody there".to_owned() };
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(AtomicI64::new(NOW)),
            random: Arc::new(AtomicU64::new(0)),
            road: DeadEnd(Err(nobody)),
            variables: vec![("LAKOU_PASSPHRASE", PASSPHRASE.to_owned())],
        }
    }

    /// Marie's laptop, with the household form.
    pub(crate) fn enrolled() -> Self {
        let home = Self::empty();
        home.enrol(false, household_files());
        home
    }

    pub(crate) fn training() -> Self {
        let home = Self::empty();
        home.enrol(true, household_files());
        home
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn set_clock(&self, unix_ms: i64) {
        self.clock.store(unix_ms, Ordering::SeqCst);
    }

    /// What an enrolment and a first sync leave behind.
    fn enrol(&self, training: bool, files: Vec<(String, Vec<u8>)>) {
        let (seat, registry) = (SeatKey::from_secret(&[5; 32]), SeatKey::from_secret(&[6; 32]));
        let sealing = SealingIdentity::generate();
        let secrets = PersonSecrets { seat_secret: seat.secret(), sealing_secret: sealing.secret() };
        let home = Home::at(self.folder());
        let kdf = KdfParams::WEAK_FOR_TESTS;
        let mut store = DeviceStore::create(&home, "marie", PASSPHRASE, kdf, &secrets).unwrap();
        let deployment = DeploymentId::from_bytes([1; 16]);
        let fields = CertificateFields {
            person: "Marie".into(),
            device: "Portable 1".into(),
            role: Role::Enumerator,
            areas: vec!["HT01".parse().unwrap()],
            lineages: vec![],
            registration_range: 7,
            valid_until: None,
        };
        let certificate =
            SeatCertificate { public_key: seat.public(), sealing_recipient: sealing.recipient(), fields };
        let signed = |act, seq| {
            let body = Body { salt: [0; 16], act };
            let draft = Draft {
                epoch: EpochId::from_bytes([9; 8]),
                seq,
                prev_hash: Header::NO_PREVIOUS,
                about: None,
                class: Class::Public,
                hlc: Hlc::default(),
                body,
            };
            registry.sign_delta(deployment, draft)
        };
        let certified = signed(Act::Certificate(certificate), 1).encode();
        let xlsx = files.iter().find(|(name, _)| name == "form.xlsx").unwrap();
        let workbook = form_engine::Workbook::read_xlsx(&xlsx.1).unwrap();
        let (compiled, _) = form_engine::CompiledForm::compile(&workbook).unwrap_or_else(|d| panic!("{d:?}"));
        let published = |(name, bytes): &(String, Vec<u8>)| PublishedFile {
            name: name.clone(),
            sha256: Sha256::digest(bytes).into(),
            size_bytes: bytes.len() as u64,
        };
        let act = PublicationAct {
            lineage: "household".parse().unwrap(),
            revision: compiled.revision(),
            files: files.iter().map(published).collect(),
        };
        let publication = signed(Act::Publication(act.clone()), 2).hash();
        store
            .write(|tx| {
                tx.set_deployment(&DeploymentRow {
                    deployment,
                    registry_key: registry.public(),
                    training,
                    registration_prefix: "HT".into(),
                    server_recipient: SealingIdentity::of(&registry).recipient(),
                })?;
                let public_key = seat.public();
                tx.add_seat(&NewSeat {
                    person: "marie",
                    device: "Portable 1",
                    public_key,
                    certificate: &certified,
                })?;
                tx.put_certificate(seat.seat(), &certified, 0)?;
                tx.put_publication(publication, &act, 1)?;
                for (file, (_, content)) in act.files.iter().zip(&files) {
                    tx.put_blob(&file.sha256, content)?;
                }
                tx.set_publication_state(publication, PublicationState::Ready)?;
                Ok::<_, device_store::DeviceStoreError>(())
            })
            .unwrap();
        let settings = r#"{"version":1,"server":"http://127.0.0.1:1/","time_zone":"America/Port-au-Prince"}"#;
        std::fs::write(self.folder().join("collector.json"), settings).unwrap();
    }

    /// Runs a command that nobody watches.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_on(args, Screen::default())
    }

    /// Runs a command with this on its standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        self.run_on(args, Screen { input: input.into(), ..Screen::default() })
    }

    /// Runs a command with a person who types these lines.
    pub(crate) fn type_in(&self, args: &[&str], lines: &[&str]) -> Ran {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self.run_on(args, Screen { lines, interactive: true, ..Screen::default() })
    }

    pub(crate) fn type_secrets(&self, args: &[&str], secrets: &[&str]) -> Ran {
        let secrets = secrets.iter().map(|line| (*line).to_owned()).collect();
        self.run_on(args, Screen { secrets, interactive: true, ..Screen::default() })
    }

    fn run_on(&self, args: &[&str], screen: Screen) -> Ran {
        let console = Console(Arc::new(Mutex::new(screen)));
        let random = Arc::clone(&self.random);
        let road = self.road.clone();
        let variables = self.variables.clone();
        let world = World {
            terminal: Box::new(console.clone()),
            clock: Arc::new(FixedClock(Arc::clone(&self.clock))),
            randomness: Box::new(move || Box::new(Seeded(Arc::clone(&random)))),
            connect: Box::new(move |_: &Server| Ok::<Box<dyn Transport>, Failure>(Box::new(road.clone()))),
            variable: Box::new(move |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
            }),
            kdf: KdfParams::WEAK_FOR_TESTS,
            merger: Arc::new(InProcess),
        };
        let home = self.folder();
        let first = ["collector", "--home", home.to_str().unwrap()];
        // A test that names a home of its own means that one.
        let first = if args.contains(&"--home") { &first[..1] } else { &first[..] };
        let all = first.iter().chain(args).map(std::ffi::OsString::from);
        let code = collector_cli::run(all, world);
        let screen = console.0.lock().unwrap();
        let hidden = |text: &str| text.replace(self.folder.path().to_str().unwrap(), "[folder]");
        Ran { out: hidden(&screen.out), err: hidden(&screen.err), code }
    }
}
