//! A registry in memory of a test, and laptops that are nothing but a key, a chain and documents.

#![allow(dead_code, unreachable_pub, reason = "each suite uses its part of the support")]
#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use record_doc::{ForeignChange, MergeVerdict, RecordDoc, derive_actor};
use record_model::*;
use registry_core::*;
use registry_store::{ItemFilter, ItemRow, RegistryStore, SqliteRegistry};
use rust_xlsxwriter::Workbook as Xlsx;
use signed_delta::*;
use sync_protocol::{PullRequest, PushBatch};

pub const NOW: i64 = 1_760_000_000_000;
pub const RECORD: RecordId = RecordId::from_bytes([0x11; 16]);

/// A clock that moves a second at a time, and bytes that repeat from run to run.
pub struct Played {
    clock: AtomicI64,
    random: AtomicU64,
}

impl Played {
    pub fn new(seed: u64) -> Self {
        Self { clock: AtomicI64::new(NOW), random: AtomicU64::new(seed << 32) }
    }
}

impl Surroundings for Played {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(self.clock.fetch_add(1_000, Ordering::Relaxed))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.random.fetch_add(1, Ordering::Relaxed);
            let block = hash_parts("test-random", [n.to_be_bytes().as_slice()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }

    fn merger(&self) -> &dyn Merger {
        &InProcess
    }
}

/// A small household form: a roof, a telephone, a roster, and the rule that there is one head.
pub fn form_xlsx() -> Vec<u8> {
    let survey: &[&[&str]] = &[
        &["type", "name", "label::Français (fr)", "calculation", "relevant", "required", "save_to"],
        &["select_one roof", "roof", "Toit", "", "", "", "household#roof"],
        &["text", "phone", "Téléphone", "", "", "", ""],
        &["integer", "rooms", "Pièces", "", "", "", "household#rooms"],
        &["begin repeat", "roster", "Membres", "", "", "", ""],
        &["text", "given_name", "Prénom", "", "", "", "person#given_name"],
        &["select_one relationship", "relationship", "Lien", "", "", "", "person#relationship"],
        &["calculate", "is_head", "", "if(${relationship} = '01', 1, 0)", "", "", ""],
        &["end repeat", "", "", "", "", "", ""],
        &["calculate", "head_count", "", "sum(${is_head})", "", "", ""],
    ];
    let choices: &[&[&str]] = &[
        &["list_name", "name", "label::Français (fr)"],
        &["roof", "tin", "Tôle"],
        &["roof", "tile", "Tuile"],
        &["roof", "thatch", "Chaume"],
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

pub const AREAS: &str =
    "code,parent_code,name\nHT,,Haïti\nHT01,HT,Ouest\nHT0111,HT01,Cité\nHT0112,HT01,Autre\n";

pub struct World {
    pub folder: tempfile::TempDir,
    pub registry: Registry,
    pub store: Arc<dyn RegistryStore>,
    pub revision: FormRevision,
}

pub fn keys() -> RegistryKeys {
    RegistryKeys { registry: SeatKey::from_secret(&[1; 32]), desk: SeatKey::from_secret(&[2; 32]) }
}

pub fn facts() -> DeploymentFacts {
    DeploymentFacts {
        deployment: DeploymentId::from_bytes([9; 16]),
        log: LogId::from_bytes([8; 16]),
        training: false,
        recovery_recipient: seal::SealingIdentity::generate().recipient(),
        registration_prefix: "HT".to_owned(),
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn RegistryStore> =
            Arc::new(SqliteRegistry::open(&folder.path().join("registry.db"), None).unwrap());
        let registry =
            Registry::found(Arc::clone(&store), keys(), facts(), Arc::new(Played::new(seed))).unwrap();
        let files = BTreeMap::from([
            ("form.xlsx".to_owned(), form_xlsx()),
            ("areas.csv".to_owned(), AREAS.as_bytes().to_vec()),
        ]);
        let (revision, _) = registry.publish("household".parse().unwrap(), files).unwrap();
        registry.merge_all().unwrap();
        Self { folder, registry, store, revision }
    }

    /// The same person's key and nothing else: a chain of its own is the caller's to choose.
    pub fn copy(&self, laptop: &Laptop) -> Laptop {
        self.bare(SeatKey::from_secret(&laptop.key.secret()), laptop.epoch)
    }

    /// A key and an epoch without a chain.
    fn bare(&self, key: SeatKey, epoch: EpochId) -> Laptop {
        Laptop {
            key,
            epoch,
            seq: 0,
            prev: Header::NO_PREVIOUS,
            docs: HashMap::new(),
            decisions: HashMap::new(),
            standings: HashMap::new(),
            cursor: 0,
            sent: Vec::new(),
            revision: self.revision,
            counter: 0,
            visit: 0,
        }
    }

    pub fn laptop(&self, number: u8, areas: &[&str]) -> Laptop {
        self.laptop_for(number, areas, &[])
    }

    /// Certified for these lineages only; none for all.
    pub fn laptop_for(&self, number: u8, areas: &[&str], lineages: &[&str]) -> Laptop {
        let code = self
            .registry
            .invite(InvitationDraft {
                person: format!("Person {number}"),
                role: Role::Enumerator,
                areas: areas.iter().map(|area| area.parse().unwrap()).collect(),
                lineages: lineages.iter().map(|lineage| lineage.parse().unwrap()).collect(),
                valid_ms: 3_600_000,
            })
            .unwrap();
        let bytes =
            data_encoding::BASE32_NOPAD.decode(code.strip_prefix("LAKOU1.").unwrap().as_bytes()).unwrap();
        let secret: [u8; 16] = bytes[48..].try_into().unwrap();
        let key = SeatKey::from_secret(&[100 + number; 32]);
        let request = EnrolmentRequest::sign(
            &key,
            facts().deployment,
            seal::SealingIdentity::generate().recipient(),
            format!("Person {number}"),
            format!("Laptop {number}"),
            &code_key(&secret),
        );
        self.registry.enrol(&request.encode()).unwrap();
        self.registry.merge_all().unwrap();
        let mut laptop = self.bare(key, EpochId::from_bytes([number; 8]));
        laptop.cut(Act::Epoch(EpochAct { previous: None }), None);
        laptop
    }

    pub fn push(&self, envelopes: &[Vec<u8>]) -> Receipt {
        self.registry.receive(&PushBatch { envelopes: envelopes.to_vec() }).unwrap()
    }

    pub fn open_items(&self) -> Vec<ItemRow> {
        let filter = ItemFilter { open_only: true, ..ItemFilter::default() };
        self.registry.items(&filter, 1_000).unwrap()
    }

    pub fn decide(&self, item: ItemId, resolution: Resolution) {
        let request = DecideRequest {
            item,
            resolution,
            reason: "telephone".to_owned(),
            account: "supervisor".to_owned(),
        };
        self.registry.decide(request).unwrap();
    }
}

/// The least a laptop is.
pub struct Laptop {
    pub key: SeatKey,
    pub epoch: EpochId,
    pub seq: u64,
    pub prev: DeltaHash,
    pub docs: HashMap<RecordId, RecordDoc>,
    pub decisions: HashMap<RecordId, Vec<Decision>>,
    pub standings: HashMap<SeatId, SeatCertificate>,
    pub cursor: u64,
    /// Everything cut, in chain order.
    pub sent: Vec<Vec<u8>>,
    pub revision: FormRevision,
    pub counter: u64,
    pub visit: i64,
}

struct Certified<'a>(&'a HashMap<SeatId, SeatCertificate>);

impl Roster for Certified<'_> {
    fn deployment(&self) -> DeploymentId {
        facts().deployment
    }

    fn registry_key(&self) -> PublicKey {
        keys().registry.public()
    }

    fn standing(&self, seat: SeatId) -> Option<Arc<SeatStanding>> {
        let certificate = self.0.get(&seat)?.clone();
        Some(Arc::new(SeatStanding { certificate, revoked_after: None }))
    }
}

pub fn answers(pairs: &[(&str, &str)]) -> Answers {
    pairs.iter().map(|(path, value)| (path.parse().unwrap(), Value::from(*value))).collect()
}

impl Laptop {
    pub fn draft(&self, act: Act, record: Option<RecordId>) -> Draft {
        Draft {
            epoch: self.epoch,
            seq: self.seq + 1,
            prev_hash: self.prev,
            about: record.map(|record| (record, 0, "HT0111".parse().unwrap())),
            class: Class::Personal,
            hlc: Hlc(0),
            body: Body { salt: [5; 16], act },
        }
    }

    pub fn sign(&mut self, draft: Draft) -> Vec<u8> {
        let delta = self.key.sign_delta(facts().deployment, draft);
        self.seq = delta.header().seq;
        self.prev = delta.hash();
        let envelope = delta.encode();
        self.sent.push(envelope.clone());
        envelope
    }

    pub fn cut(&mut self, act: Act, record: Option<RecordId>) -> Vec<u8> {
        let draft = self.draft(act, record);
        self.sign(draft)
    }

    /// True when it ever cut a withdrawal of this record.
    pub fn withdrew(&self, record: RecordId) -> bool {
        self.sent.iter().any(|envelope| {
            let delta = SignedDelta::decode(envelope).unwrap();
            let header = delta.header();
            let body = Body::decode(header.kind, delta.parts().2.unwrap()).unwrap();
            header.record == record && matches!(body.act, Act::Statement(StatementAct::Withdraw { .. }))
        })
    }

    pub fn actor(&self, record: RecordId) -> record_doc::ActorBytes {
        derive_actor(self.key.public().as_bytes(), self.epoch, record, 0)
    }

    /// Writes answers into one finalised change.
    pub fn write(&mut self, record: RecordId, pairs: &[(&str, &str)]) -> Option<Vec<u8>> {
        self.write_answers(record, &answers(pairs))
    }

    pub fn write_answers(&mut self, record: RecordId, answers: &Answers) -> Option<Vec<u8>> {
        let actor = self.actor(record);
        let message =
            hash_parts("message", [self.key.secret().as_slice(), self.seq.to_be_bytes().as_slice()]);
        let doc = self.docs.entry(record).or_default();
        let change = doc.write(actor, message[..16].try_into().unwrap(), answers).unwrap()?;
        self.visit += 60_000;
        let visit = Visit { at: Instant::from_unix_ms(NOW + self.visit), utc_offset_minutes: -300 };
        let finalise =
            Finalise { heads: vec![change.hash], revision: self.revision, visit, export_hash: [0; 32] };
        let act =
            ChangeAct { revision: self.revision, visit, change: change.bytes, finalise: Some(finalise) };
        Some(self.cut(Act::Change(act), Some(record)))
    }

    /// Pulls everything and merges it, as any collector would.
    pub fn pull(&mut self, world: &World) {
        let own = SeatStanding { certificate: self.own_certificate(world), revoked_after: None };
        loop {
            let request = PullRequest {
                log: facts().log,
                cursor: self.cursor,
                known_tree_size: 0,
                have: vec![ChainEnd { seat: self.key.seat(), epoch: self.epoch, through_seq: self.seq }],
            };
            let page = world.registry.pull(&own, &request).unwrap();
            for pulled in &page.deltas {
                self.apply(&pulled.envelope);
            }
            self.cursor = page.next_cursor;
            if !page.more {
                break;
            }
        }
    }

    fn own_certificate(&self, world: &World) -> SeatCertificate {
        let row =
            world.registry.seats().unwrap().into_iter().find(|row| row.seat == self.key.seat()).unwrap();
        let entry = world.store_entry(row.certificate_index);
        match Body::decode(DeltaKind::Certificate, entry.delta.parts().2.unwrap()).unwrap().act {
            Act::Certificate(certificate) => certificate,
            _ => unreachable!(),
        }
    }

    pub fn apply(&mut self, envelope: &[u8]) {
        let delta = SignedDelta::decode(envelope).unwrap().verify(&Certified(&self.standings)).unwrap();
        let header = delta.header().clone();
        let change = match delta.act() {
            Act::Certificate(certificate) => {
                self.standings.insert(certificate.seat(), certificate.clone());
                return;
            }
            Act::Change(act) => act.change.clone(),
            Act::Decision(act) => {
                let decision = Decision { item: act.item, delta: delta.hash() };
                self.decisions.entry(header.record).or_default().push(decision);
                match &act.write {
                    Some((_, change)) => change.clone(),
                    None => return,
                }
            }
            _ => return,
        };
        let key = *self.standings[&header.seat].public_key.as_bytes();
        let actor = derive_actor(&key, header.epoch, header.record, header.generation);
        let doc = self.docs.entry(header.record).or_default();
        let verdict = doc.merge(&ForeignChange { bytes: &change, actor });
        assert!(
            matches!(verdict, MergeVerdict::Merged { .. } | MergeVerdict::AlreadyHave { .. }),
            "the server fed what this laptop cannot merge: {verdict:?}"
        );
    }

    pub fn records_hash(&self) -> [u8; 32] {
        let mut hash = RecordsHash::default();
        for (record, doc) in &self.docs {
            let decisions = self.decisions.get(record).map_or(&[][..], Vec::as_slice);
            hash.add(*record, doc.view().digest(*record, 0, decisions));
        }
        hash.finish()
    }

    /// The doubts this laptop sees in the record, as a collector computes them.
    pub fn open_findings(&self, world: &World, record: RecordId) -> Vec<Finding> {
        let catalog = world.registry.catalog();
        let form = &catalog.form(self.revision).unwrap().form;
        let visit = world.registry.record(record).unwrap().visit;
        let snapshot = Snapshot::take(&self.docs[&record], Some(form), visit, true, record, 0);
        snapshot.open(self.decisions.get(&record).map_or(&[][..], Vec::as_slice))
    }
}

impl World {
    pub fn store_entry(&self, index: u64) -> registry_store::LogEntry {
        use registry_store::RegistryStoreExt;
        self.store.read(|tx| tx.log_entry(index)).unwrap().unwrap()
    }
}
