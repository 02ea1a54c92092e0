//! The laptop's store seen from outside: people and keys, chains, journal, restore, copies.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use device_store::{
    Cut, DeploymentRow, DeviceStore, DeviceStoreError, Home, KdfParams, NewSeat, OwnDelta, PersonSecrets,
    RecordRow, RecordStatus, recover_key,
};
use record_model::{
    Answers, Class, DeploymentId, EpochId, FormRevision, Hlc, Instant, RecordId, Value, Visit,
};
use signed_delta::seal::SealingIdentity;
use signed_delta::{Act, Body, ChangeAct, Draft, EpochAct, Header, SeatKey, SignedDelta};
use sqlite_support::SqliteError;
use zeroize::Zeroizing;

const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);
const RECORD: RecordId = RecordId::from_bytes([9; 16]);
const WEAK: KdfParams = KdfParams::WEAK_FOR_TESTS;
const PASSPHRASE: &str = "kafe cho maten";
/// The schema that this version writes.
const SCHEMA: u32 = 3;

fn at(ms: i64) -> Instant {
    Instant::from_unix_ms(ms)
}

fn secrets(byte: u8) -> PersonSecrets {
    PersonSecrets {
        seat_secret: Zeroizing::new([byte; 32]),
        sealing_secret: SealingIdentity::generate().secret(),
    }
}

struct Laptop {
    folder: tempfile::TempDir,
    key: SeatKey,
}

impl Laptop {
    fn new() -> (Self, DeviceStore) {
        let folder = tempfile::tempdir().unwrap();
        let key = SeatKey::from_secret(&[5; 32]);
        let laptop = Self { folder, key };
        let mut store =
            DeviceStore::create(&laptop.home(), "Marie-Ange", PASSPHRASE, WEAK, &secrets(5)).unwrap();
        store
            .write(|tx| {
                tx.set_deployment(&DeploymentRow {
                    deployment: DEPLOYMENT,
                    registry_key: SeatKey::from_secret(&[4; 32]).public(),
                    training: false,
                    registration_prefix: "HT".to_owned(),
                    server_recipient: String::new(),
                })?;
                tx.add_seat(&NewSeat {
                    person: "Marie-Ange",
                    device: "Laptop 7",
                    public_key: laptop.key.public(),
                    certificate: b"envelope",
                })
            })
            .unwrap();
        laptop.open_epoch(&mut store, 1).unwrap();
        (laptop, store)
    }

    fn home(&self) -> Home {
        Home::at(self.folder.path().join("home"))
    }

    fn unlock(&self) -> DeviceStore {
        DeviceStore::unlock(&self.home(), "Marie-Ange", PASSPHRASE).unwrap().0
    }

    fn sign(&self, epoch: EpochId, seq: u64, prev_hash: record_model::DeltaHash, act: Act) -> SignedDelta {
        let about = matches!(act, Act::Change(_)).then(|| (RECORD, 0, "HT0111".parse().unwrap()));
        let body = Body { salt: [0; 16], act };
        let draft = Draft { epoch, seq, prev_hash, about, class: Class::Personal, hlc: Hlc(1), body };
        self.key.sign_delta(DEPLOYMENT, draft)
    }

    fn open_epoch(&self, store: &mut DeviceStore, epoch: u8) -> Result<(), DeviceStoreError> {
        store.write(|tx| {
            let previous = tx.chain_end(self.key.seat())?;
            let act = Act::Epoch(EpochAct { previous });
            let signed = self.sign(EpochId::from_bytes([epoch; 8]), 1, Header::NO_PREVIOUS, act);
            tx.open_epoch(OwnDelta { signed: &signed, hash: signed.hash(), created_at: at(1) })
        })
    }

    /// Cuts one delta about the record.
    fn cut(&self, store: &mut DeviceStore) -> Result<(), DeviceStoreError> {
        store.write(|tx| {
            let place = tx.next_place(self.key.seat())?;
            let act = Act::Change(ChangeAct {
                revision: FormRevision::from_bytes([2; 32]),
                visit: Visit { at: at(0), utc_offset_minutes: -300 },
                change: vec![1, 2, 3],
                finalise: None,
            });
            let signed = self.sign(place.epoch, place.seq, place.prev_hash, act);
            let delta = OwnDelta { signed: &signed, hash: signed.hash(), created_at: at(2) };
            let record = record();
            tx.cut(&Cut { delta, record: &record, change: None, statement: None, ends_visit: false })
        })
    }

    fn give_an_answer(&self, store: &mut DeviceStore) {
        store
            .write(|tx| {
                tx.put_record(&record())?;
                tx.journal(RECORD, self.key.seat(), &answers(), at(3))
            })
            .unwrap();
    }

    fn journal(&self, store: &DeviceStore) -> Answers {
        store.read(|tx| tx.journalled(RECORD, self.key.seat())).unwrap()
    }
}

fn record() -> RecordRow {
    RecordRow {
        record: RECORD,
        generation: 0,
        lineage: "household".parse().unwrap(),
        area: None,
        state: None,
        status: RecordStatus::Draft,
        number: None,
        title: String::new(),
        open_items: 0,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn answers() -> Answers {
    [("consent".parse().unwrap(), Value::from("yes")), ("rooms".parse().unwrap(), Value::Int(3))].into()
}

#[test]
fn an_answer_survives_reopening_without_any_delta() {
    let (laptop, mut store) = Laptop::new();
    laptop.give_an_answer(&mut store);
    drop(store);

    let store = laptop.unlock();
    assert_eq!(laptop.journal(&store), answers());
    assert_eq!(store.read(|tx| tx.outbox(0, 10)).unwrap().len(), 1, "only the epoch's opening was signed");
}

#[test]
fn cutting_a_delta_writes_chain_record_and_journal_together_or_not_at_all() {
    let (laptop, mut store) = Laptop::new();
    laptop.give_an_answer(&mut store);
    let failed: Result<(), DeviceStoreError> = store.write(|tx| {
        let place = tx.next_place(laptop.key.seat())?;
        let wrong_place = place.seq + 1;
        let act = Act::Epoch(EpochAct { previous: None });
        let signed = laptop.sign(place.epoch, wrong_place, place.prev_hash, act);
        let delta = OwnDelta { signed: &signed, hash: signed.hash(), created_at: at(2) };
        tx.cut(&Cut { delta, record: &record(), change: None, statement: None, ends_visit: false })
    });
    assert!(matches!(failed, Err(DeviceStoreError::NotNext { .. })), "{failed:?}");
    assert_eq!(laptop.journal(&store), answers());

    laptop.cut(&mut store).unwrap();
    assert!(laptop.journal(&store).is_empty());
    let outbox = store.read(|tx| tx.outbox(0, 10)).unwrap();
    assert_eq!(outbox.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_wrong_passphrase_says_so_and_changes_nothing() {
    let (laptop, store) = Laptop::new();
    drop(store);
    let before = std::fs::read(laptop.home().keys()).unwrap();
    let refused = DeviceStore::unlock(&laptop.home(), "Marie-Ange", "kafe fret").unwrap_err();
    assert!(matches!(refused, DeviceStoreError::WrongPassphrase), "{refused}");
    assert!(!refused.is_retryable());
    let unknown = DeviceStore::unlock(&laptop.home(), "Jean", PASSPHRASE).unwrap_err();
    assert!(matches!(unknown, DeviceStoreError::UnknownPerson), "{unknown}");
    assert_eq!(std::fs::read(laptop.home().keys()).unwrap(), before);
    laptop.unlock();
}

#[test]
fn each_person_opens_the_store_and_their_own_key_only() {
    let (laptop, mut store) = Laptop::new();
    store.add_person("Jean", "lekol la louvri", WEAK, &secrets(6)).unwrap();
    assert!(matches!(store.add_person("JEAN", "x", WEAK, &secrets(7)), Err(DeviceStoreError::PersonExists)));
    drop(store);

    let (_, marie) = DeviceStore::unlock(&laptop.home(), "marie-ange", PASSPHRASE).unwrap();
    let (_, jean) = DeviceStore::unlock(&laptop.home(), "Jean", "lekol la louvri").unwrap();
    assert_eq!((*marie.seat_secret, *jean.seat_secret), ([5; 32], [6; 32]));
    assert!(DeviceStore::unlock(&laptop.home(), "Jean", PASSPHRASE).is_err());
    assert_eq!(DeviceStore::people(&laptop.home()).unwrap(), ["Marie-Ange", "Jean"]);

    DeviceStore::change_passphrase(&laptop.home(), "Jean", "lekol la louvri", "lekol la fèmen", WEAK)
        .unwrap();
    assert!(DeviceStore::unlock(&laptop.home(), "Jean", "lekol la louvri").is_err());
    assert_eq!(
        *DeviceStore::unlock(&laptop.home(), "Jean", "lekol la fèmen").unwrap().1.seat_secret,
        [6; 32]
    );
}

#[test]
fn the_recovery_key_opens_the_store_when_every_passphrase_is_lost() {
    let (laptop, mut store) = Laptop::new();
    let custodian = SealingIdentity::generate();
    laptop.give_an_answer(&mut store);
    store.seal_for_recovery(&custodian.recipient()).unwrap();
    drop(store);

    let key = recover_key(&laptop.home(), &custodian).unwrap();
    let store = DeviceStore::open_with_key(&laptop.home(), key).unwrap();
    assert_eq!(laptop.journal(&store), answers());
    assert!(recover_key(&laptop.home(), &SealingIdentity::generate()).is_err());
}

#[test]
fn a_backup_opened_elsewhere_asks_for_a_new_epoch_before_it_writes() {
    let (laptop, mut store) = Laptop::new();
    laptop.cut(&mut store).unwrap();
    let copy = store.backup(&laptop.folder.path().join("copy")).unwrap();
    assert!(!copy.incarnation().exists());
    assert!(store.backup(copy.root()).is_err(), "a backup was overwritten");

    let (mut restored, _) = DeviceStore::unlock(&copy, "Marie-Ange", PASSPHRASE).unwrap();
    // Numbers handed out after the backup are on paper in somebody's hands: none of them is given again.
    let serial = restored.write(|tx| tx.next_registration_serial(laptop.key.seat())).unwrap();
    assert!(serial > 5_000, "{serial}");
    assert!(matches!(laptop.cut(&mut restored), Err(DeviceStoreError::EpochNeeded { .. })));
    laptop.open_epoch(&mut restored, 2).unwrap();
    laptop.cut(&mut restored).unwrap();
    laptop.cut(&mut store).unwrap();
    assert_eq!(restored.examine().unwrap().faults, []);
}

#[test]
fn an_old_database_put_back_into_its_own_folder_asks_for_a_new_epoch() {
    let (laptop, mut store) = Laptop::new();
    laptop.cut(&mut store).unwrap();
    drop(store);
    let old = std::fs::read(laptop.home().database()).unwrap();
    let mut store = laptop.unlock();
    laptop.cut(&mut store).unwrap();
    drop(store);
    std::fs::write(laptop.home().database(), old).unwrap();

    let mut restored = laptop.unlock();
    assert!(matches!(laptop.cut(&mut restored), Err(DeviceStoreError::EpochNeeded { .. })));
    drop(restored);
    // Asked once, it stays asked.
    assert!(matches!(laptop.cut(&mut laptop.unlock()), Err(DeviceStoreError::EpochNeeded { .. })));
}

#[test]
fn reopening_without_any_copy_goes_on_in_the_same_epoch() {
    let (laptop, store) = Laptop::new();
    drop(store);
    for _ in 0..3 {
        laptop.cut(&mut laptop.unlock()).unwrap();
    }
}

#[test]
fn only_what_a_receipt_covers_leaves_the_outbox() {
    let (laptop, mut store) = Laptop::new();
    (0..3).for_each(|_| laptop.cut(&mut store).unwrap());
    let (seat, epoch) = (laptop.key.seat(), EpochId::from_bytes([1; 8]));
    let sent = store.read(|tx| tx.outbox(0, 10)).unwrap();
    assert_eq!(sent.len(), 4);
    // Of a delta of that place in the chain that is not ours, nothing follows for ours.
    let rival = record_model::DeltaHash::from_bytes([9; 32]);
    assert_eq!(store.write(|tx| tx.mark_delivered(rival, at(9))).unwrap(), 0);
    for row in &sent[..2] {
        assert_eq!((row.seat, row.epoch), (seat, epoch));
        assert_eq!(store.write(|tx| tx.mark_delivered(row.hash, at(9))).unwrap(), 1);
    }
    let outbox = store.read(|tx| tx.outbox(0, 10)).unwrap();
    assert_eq!(outbox.iter().map(|row| row.seq).collect::<Vec<_>>(), [3, 4]);
    let counts = store.read(|tx| tx.delta_counts()).unwrap();
    assert_eq!((counts.delivered, counts.to_send.deltas, counts.to_send.records), (2, 2, 1));
}

#[test]
fn what_stands_behind_a_refused_delta_waits_and_lets_the_next_epoch_pass() {
    let (laptop, mut store) = Laptop::new();
    (0..3).for_each(|_| laptop.cut(&mut store).unwrap());
    let sent = store.read(|tx| tx.outbox(0, 10)).unwrap();
    store
        .write(|tx| {
            tx.mark_refused(sent[2].hash, record_model::ReasonCode::Malformed)?;
            tx.mark_delivered(sent[0].hash, at(9))?;
            tx.mark_delivered(sent[1].hash, at(9))
        })
        .unwrap();
    assert!(matches!(laptop.cut(&mut store), Err(DeviceStoreError::EpochNeeded { .. })));
    laptop.open_epoch(&mut store, 2).unwrap();
    laptop.cut(&mut store).unwrap();

    let outbox = store.read(|tx| tx.outbox(0, 10)).unwrap();
    let places: Vec<_> = outbox.iter().map(|row| (row.epoch, row.seq)).collect();
    assert_eq!(places, [(EpochId::from_bytes([2; 8]), 1), (EpochId::from_bytes([2; 8]), 2)]);
    let counts = store.read(|tx| tx.delta_counts()).unwrap();
    assert_eq!((counts.to_send.deltas, counts.to_send.stranded), (3, 1));
    assert_eq!(counts.refused, [(record_model::ReasonCode::Malformed, 1)]);
}

#[test]
fn an_examination_finds_a_delta_that_was_changed_or_taken_out() {
    let (laptop, mut store) = Laptop::new();
    (0..2).for_each(|_| laptop.cut(&mut store).unwrap());
    let sound = store.examine().unwrap();
    assert_eq!((sound.schema, sound.synchronous, sound.deltas_checked), (SCHEMA, 2, 3));
    assert_eq!(sound.faults, []);
    drop(store);

    let (key, _) = open_raw(&laptop);
    key.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM own_deltas WHERE seq = 2").unwrap();
    drop(key);
    let faults = laptop.unlock().examine().unwrap().faults;
    assert!(matches!(&faults[..], [device_store::Fault::ChainBroken { seq: 3, .. }]), "{faults:?}");

    let (key, _) = open_raw(&laptop);
    key.execute("UPDATE own_envelopes SET envelope = x'00' WHERE id = 1", []).unwrap();
    drop(key);
    let faults = laptop.unlock().examine().unwrap().faults;
    assert!(matches!(faults[0], device_store::Fault::DeltaDamaged { .. }), "{faults:?}");
}

/// The database by itself, as a newer or older program would open it.
fn open_raw(laptop: &Laptop) -> (rusqlite::Connection, sqlite_support::DatabaseKey) {
    let custodian = SealingIdentity::generate();
    let mut store = laptop.unlock();
    store.seal_for_recovery(&custodian.recipient()).unwrap();
    drop(store);
    // The wrap is made once only, so it is taken out again for the next caller.
    let key = recover_key(&laptop.home(), &custodian).unwrap();
    let mut keys: serde_json::Value =
        serde_json::from_slice(&std::fs::read(laptop.home().keys()).unwrap()).unwrap();
    keys.as_object_mut().unwrap().remove("recovery");
    std::fs::write(laptop.home().keys(), keys.to_string()).unwrap();
    let conn = sqlite_support::open_existing(
        &laptop.home().database(),
        Some(&key),
        &[sqlite_support::Migration { number: SCHEMA, sql: "" }],
    )
    .unwrap();
    (conn, key)
}

/// A store as an older version left it: `fixtures/databases/device-SCHEMA`. Each new schema adds its own with
/// `write_the_fixture`; none is ever written again.
fn of_schema(schema: u32) -> std::path::PathBuf {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/databases");
    fixtures.join(format!("device-{schema}"))
}

#[test]
fn a_store_of_every_earlier_schema_opens_with_all_it_holds() {
    for schema in 1..=SCHEMA {
        opens_with_all_it_holds(schema);
    }
}

fn opens_with_all_it_holds(schema: u32) {
    let (laptop, store) = Laptop::new();
    drop(store);
    for file in ["store.db", "keys.json", "incarnation"] {
        std::fs::copy(of_schema(schema).join(file), laptop.home().root().join(file)).unwrap();
    }
    for sidecar in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(laptop.home().root().join(sidecar));
    }
    let mut store = laptop.unlock();
    assert_eq!(laptop.journal(&store), answers());
    let outbox = store.read(|tx| tx.outbox(0, 10)).unwrap();
    assert_eq!(outbox.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
    // The chain goes on where the older version left it.
    laptop.cut(&mut store).unwrap();
    assert_eq!(store.read(|tx| tx.outbox(0, 10)).unwrap().len(), 3);
}

#[test]
#[ignore = "no test: run by hand once for each new schema, it writes that schema's fixture"]
fn write_the_fixture() {
    let (laptop, mut store) = Laptop::new();
    laptop.cut(&mut store).unwrap();
    laptop.give_an_answer(&mut store);
    drop(store);
    let (conn, _) = open_raw(&laptop);
    let schema: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(conn);
    assert!(!of_schema(schema).exists(), "the fixture of schema {schema} is there and stays as it is");
    std::fs::create_dir_all(of_schema(schema)).unwrap();
    for file in ["store.db", "keys.json", "incarnation"] {
        std::fs::copy(laptop.home().root().join(file), of_schema(schema).join(file)).unwrap();
    }
}

#[test]
fn a_store_of_a_newer_version_is_refused_untouched() {
    let (laptop, store) = Laptop::new();
    drop(store);
    let (conn, _) = open_raw(&laptop);
    conn.pragma_update(None, "user_version", 7).unwrap();
    conn.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(conn);
    let before = std::fs::read(laptop.home().database()).unwrap();
    let refused = DeviceStore::unlock(&laptop.home(), "Marie-Ange", PASSPHRASE).unwrap_err();
    let too_new = matches!(
        refused,
        DeviceStoreError::Sqlite(SqliteError::SchemaTooNew { found: 7, known: SCHEMA, .. })
    );
    assert!(too_new, "{refused}");
    let after = std::fs::read(laptop.home().database()).unwrap();
    // Bytes 18 and 19 of SQLite's header would say WAL; encrypted, the whole first page is written anew by that.
    assert_eq!(before[4096..], after[4096..]);
}

#[test]
fn a_key_file_of_a_newer_version_is_refused() {
    let (laptop, store) = Laptop::new();
    drop(store);
    std::fs::write(laptop.home().keys(), r#"{"version":2,"whatever":[]}"#).unwrap();
    let refused = DeviceStore::unlock(&laptop.home(), "Marie-Ange", PASSPHRASE).unwrap_err();
    assert!(matches!(refused, DeviceStoreError::KeysTooNew { found: 2, known: 1, .. }), "{refused}");
    std::fs::write(laptop.home().keys(), "{").unwrap();
    let refused = DeviceStore::unlock(&laptop.home(), "Marie-Ange", PASSPHRASE).unwrap_err();
    assert!(matches!(refused, DeviceStoreError::KeysDamaged { .. }), "{refused}");
}

#[test]
fn a_crash_before_the_key_file_leaves_nothing_in_the_way() {
    let (laptop, store) = Laptop::new();
    drop(store);
    std::fs::remove_file(laptop.home().keys()).unwrap();
    DeviceStore::create(&laptop.home(), "Marie-Ange", PASSPHRASE, WEAK, &secrets(5)).unwrap();
}

#[test]
fn a_second_writer_waits_and_is_told_to_try_again() {
    let (laptop, mut store) = Laptop::new();
    let mut other = laptop.unlock();
    let busy = store
        .write(|_| Ok::<_, DeviceStoreError>(other.write(|tx| tx.observe_hlc(Hlc(5))).unwrap_err()))
        .unwrap();
    assert!(busy.is_retryable(), "{busy}");
    other.write(|tx| tx.observe_hlc(Hlc(5))).unwrap();
}

#[test]
fn nothing_in_the_folder_shows_a_name_or_an_answer() {
    let (laptop, mut store) = Laptop::new();
    let name: Answers = [("given_name".parse().unwrap(), Value::from("CANARY-7731"))].into();
    store
        .write(|tx| {
            tx.put_record(&record())?;
            tx.journal(RECORD, laptop.key.seat(), &name, at(3))
        })
        .unwrap();
    for entry in std::fs::read_dir(laptop.home().root()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"CANARY-7731"));
    }
}
