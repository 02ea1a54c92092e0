//! The checker: compares what the system says with the world's own books. It reads the stores by itself.

use std::collections::{BTreeMap, BTreeSet};

use collector_core::{Home, RecordFilter as Listed};
use device_store::{Delivery, DeviceStore, DeviceStoreError, RecordDelta};
use record_doc::RecordDoc;
use record_model::{Answers, DeltaHash, OutcomeCode, ReasonCode, RecordId, SeatId, Value};
use registry_store::{
    ChangeOrigin, ItemFilter, LogEntry, OutcomeRow, ReadTx, RecordFilter, RecordRow, RegistryStoreExt,
    StoreError,
};
use sha2::{Digest, Sha256};
use signed_delta::{Act, Body, StatementAct};

use crate::laptop::{Laptop, PASSPHRASE};
use crate::ledger::{Breach, Declared};
use crate::server::keys;
use crate::store::actor_named_by;
use crate::world::World;

/// What the server's log and tables hold, read once.
struct Office {
    log: BTreeMap<DeltaHash, (LogEntry, Option<OutcomeRow>)>,
    records: BTreeMap<RecordId, RecordRow>,
    changes: Vec<ChangeOrigin>,
    doubts: BTreeMap<RecordId, usize>,
    keys: BTreeMap<SeatId, [u8; 32]>,
    /// Of each seat, the records about which it said something that was not merged.
    unmerged: BTreeMap<SeatId, BTreeSet<RecordId>>,
}

/// Checks all of a world at rest. Gives how many places of chains two deltas claim.
pub(crate) fn everything(world: &mut World) -> usize {
    let office = world.server.registry().store().read(read_office).expect("the server's tables can be read");
    let mut found = Vec::new();
    acknowledged(world, &office, &mut found);
    good_standing(world, &office, &mut found);
    actors(&office, &mut found);
    let forks = forks(world, &office, &mut found);
    let living = living(world);
    for declared in &world.ledger.declared {
        what_was_said(declared, &office, living.contains(&declared.delta), &mut found);
    }
    for at in 0..world.laptops.len() {
        laptop(world, at, &office, &mut found);
    }
    proof(world, &mut found);
    world.ledger.breaches.extend(found);
    forks
}

fn read_office(tx: &dyn ReadTx) -> Result<Office, StoreError> {
    let mut log = BTreeMap::new();
    let mut keys = BTreeMap::new();
    let mut unmerged: BTreeMap<SeatId, BTreeSet<RecordId>> = BTreeMap::new();
    for entry in tx.log_after(0, 1_000_000)? {
        let outcome = tx.outcome(entry.index)?;
        if let Some(Act::Certificate(certificate)) = act_of(&entry) {
            keys.insert(certificate.seat(), *certificate.public_key.as_bytes());
        }
        let header = entry.delta.header();
        if let Some(record) = header.about().filter(|_| !is_merged(outcome) && !is_left_out(outcome)) {
            unmerged.entry(header.seat).or_default().insert(record);
        }
        log.insert(entry.delta.hash(), (entry, outcome));
    }
    let records: BTreeMap<RecordId, RecordRow> =
        tx.records(&RecordFilter::default(), 1_000_000)?.into_iter().map(|row| (row.record, row)).collect();
    let mut changes = Vec::new();
    for record in records.keys() {
        changes.extend(tx.changes_of(*record)?);
    }
    let mut doubts: BTreeMap<RecordId, usize> = BTreeMap::new();
    for item in tx.items(&ItemFilter { open_only: true, ..ItemFilter::default() }, 1_000_000)? {
        *doubts.entry(item.record).or_default() += 1;
    }
    Ok(Office { log, records, changes, doubts, keys, unmerged })
}

fn act_of(entry: &LogEntry) -> Option<Act> {
    let body = entry.delta.parts().2?;
    Body::decode(entry.delta.header().kind, body).ok().map(|body| body.act)
}

fn is_merged(outcome: Option<OutcomeRow>) -> bool {
    outcome.is_some_and(|outcome| outcome.code == OutcomeCode::Merged)
}

/// To be written anew by its laptop, since a decision on a fork.
fn is_left_out(outcome: Option<OutcomeRow>) -> bool {
    let reason = outcome.and_then(|outcome| outcome.reason);
    matches!(reason, Some(ReasonCode::OtherBranch | ReasonCode::PlaceTaken))
}

/// No receipt was ever wrong.
fn acknowledged(world: &World, office: &Office, found: &mut Vec<Breach>) {
    let missing = world.ledger.acknowledged.iter().filter(|delta| !office.log.contains_key(delta));
    found.extend(missing.map(|delta| Breach::AcknowledgedMissing { delta: *delta }));
}

/// All that a seat in good standing says is merged; of one whose laptop was doubled, or left out by a decision.
fn good_standing(world: &World, office: &Office, found: &mut Vec<Breach>) {
    let ledger = &world.ledger;
    let own = keys().registry.seat();
    for (delta, (entry, outcome)) in &office.log {
        let seat = entry.delta.header().seat;
        let good = seat != own && !ledger.revoked.contains(&seat) && !ledger.rogues.contains(&seat);
        let left_out = ledger.doubled.contains(&seat) && is_left_out(*outcome);
        if good && !is_merged(*outcome) && !left_out {
            found.push(Breach::SetAside { delta: *delta, why: format!("{outcome:?}") });
        }
    }
}

/// Every change in a record was written by the seat whose delta brought it: SHA-256 over its key, the epoch, the record and
/// the generation says so, computed here anew.
fn actors(office: &Office, found: &mut Vec<Breach>) {
    let by_index: BTreeMap<u64, &LogEntry> =
        office.log.values().map(|(entry, _)| (entry.index, entry)).collect();
    let mut open: Option<(RecordId, RecordDoc)> = None;
    for origin in &office.changes {
        if open.as_ref().is_none_or(|(record, _)| *record != origin.record) {
            let row = &office.records[&origin.record];
            open = RecordDoc::load(&row.state).ok().map(|doc| (origin.record, doc));
        }
        let header = by_index[&origin.log_index].delta.header();
        let mut hasher = Sha256::new();
        hasher.update(office.keys.get(&header.seat).copied().unwrap_or_default());
        hasher.update(header.epoch.as_bytes());
        hasher.update(header.record.as_bytes());
        hasher.update(header.generation.to_be_bytes());
        let expected = hasher.finalize();
        let change = open.as_ref().and_then(|(_, doc)| doc.change(&origin.change));
        let named = change.and_then(|change| actor_named_by(&change.bytes));
        if named.as_ref().map(<[u8; 16]>::as_slice) != Some(&expected[..16]) {
            found.push(Breach::ForeignActor { record: origin.record });
        }
    }
}

/// Two deltas for one place are found out: the epoch is frozen, and both are in the log.
fn forks(world: &World, office: &Office, found: &mut Vec<Breach>) -> usize {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    for (entry, _) in office.log.values() {
        let header = entry.delta.header();
        *places.entry((header.seat, header.epoch, header.seq)).or_default() += 1;
    }
    let twice: Vec<_> =
        places.into_iter().filter(|(_, deltas)| *deltas > 1).map(|(place, _)| place).collect();
    for (seat, epoch, _) in &twice {
        let row = world.server.registry().store().read(|tx| tx.epoch(*seat, *epoch)).expect("an epoch");
        if row.is_none_or(|row| row.frozen_by.is_none()) {
            found.push(Breach::ForkMissed { seat: *seat });
        }
    }
    twice.len()
}

/// Interviews that are on the disk of a laptop which may still speak.
fn living(world: &World) -> BTreeSet<DeltaHash> {
    let speaks = |laptop: &&Laptop| !world.ledger.revoked.contains(&laptop.seat);
    let disks = world.laptops.iter().filter(speaks).map(|laptop| &laptop.on_disk.declared);
    disks.flatten().copied().collect()
}

/// Of every interview of a world of which no laptop is lost.
pub(crate) fn interviews(world: &World) -> Vec<Breach> {
    let office = world.server.registry().store().read(read_office).expect("the server's tables can be read");
    let mut found = Vec::new();
    for declared in &world.ledger.declared {
        what_was_said(declared, &office, true, &mut found);
    }
    found
}

/// A merged interview says in its record what was said in it. One that a decision on a fork left out, and whose laptop
/// lives, was written anew.
fn what_was_said(declared: &Declared, office: &Office, lives: bool, found: &mut Vec<Breach>) {
    let Some((entry, outcome)) = office.log.get(&declared.delta) else { return };
    let left_out = is_left_out(*outcome) && lives;
    if !is_merged(*outcome) && !left_out {
        return;
    }
    let heads = match act_of(entry) {
        Some(Act::Change(act)) => act.finalise.map(|finalise| finalise.heads),
        Some(Act::Statement(StatementAct::Finalise(finalise))) => Some(finalise.heads),
        _ => None,
    };
    let doc = office.records.get(&declared.record).and_then(|row| RecordDoc::load(&row.state).ok());
    let (Some(doc), Some(heads)) = (doc, heads) else {
        found.push(Breach::AnswerLost { record: declared.record, path: String::new() });
        return;
    };
    let shown = match left_out {
        // The heads it named are not in the record, and never will be.
        true => Answers::new(),
        false => doc.view_at(&heads).map(|view| view.shown()).unwrap_or_default(),
    };
    let mut open: Answers = declared.said.clone();
    // What was cleared is not shown.
    open.retain(|path, value| shown.get(path).unwrap_or(&Value::Null) != value);
    if open.is_empty() {
        return;
    }
    // A decision or another person's answer may have come between; then a change of its own still holds it.
    let own = office
        .changes
        .iter()
        .filter(|origin| (origin.record, origin.seat) == (declared.record, declared.seat));
    for origin in own {
        let view = doc.view_at(&[origin.change]).unwrap_or_default();
        open.retain(|path, value| {
            let here = view.answers.get(path).into_iter().flatten();
            !here.into_iter().any(|candidate| candidate.change == origin.change && candidate.value == *value)
        });
    }
    if let Some(path) = open.into_keys().next() {
        found.push(Breach::AnswerLost { record: declared.record, path: path.to_string() });
    }
}

/// One laptop: what its disk has of finished interviews, what it shows, and that it agrees with the server.
fn laptop(world: &mut World, at: usize, office: &Office, found: &mut Vec<Breach>) {
    let unsent = world.unsent(at);
    let laptop = &mut world.laptops[at];
    let name = laptop.name.clone();
    if unsent > 0 {
        found.push(Breach::NotQuiet { what: format!("{name} has {unsent} to send") });
    }
    let disk = Disk::read(laptop);
    for delta in &laptop.on_disk.declared {
        if !disk.deltas.contains_key(delta) || !office.log.contains_key(delta) {
            found.push(Breach::DeclaredLost { laptop: name.clone(), delta: *delta });
        }
    }
    for (delta, delivered) in &disk.deltas {
        if *delivered && !office.log.contains_key(delta) {
            found.push(Breach::DeliveredMissing { laptop: name.clone(), delta: *delta });
        }
    }
    for record in disk.digests.keys() {
        if world.ledger.places.get(record).is_none_or(|place| !laptop.communes.contains(place)) {
            found.push(Breach::ShownElsewhere { laptop: name.clone(), record: *record });
        }
    }
    if !world.ledger.revoked.contains(&laptop.seat) {
        agreement(laptop, &disk, office, found);
    }
}

/// A laptop's disk, read past the collector.
struct Disk {
    /// Own deltas about records, and whether they count as delivered.
    deltas: BTreeMap<DeltaHash, bool>,
    digests: BTreeMap<RecordId, [u8; 32]>,
}

impl Disk {
    fn read(laptop: &Laptop) -> Self {
        let (store, _) = DeviceStore::unlock(&Home::at(&laptop.home), &laptop.person, PASSPHRASE)
            .expect("the store is there");
        let mut disk = Self { deltas: BTreeMap::new(), digests: BTreeMap::new() };
        let read: Result<(), DeviceStoreError> = store.read(|tx| {
            let mut records = Vec::new();
            tx.each_record(|row| {
                records.push(row);
                Ok::<_, DeviceStoreError>(())
            })?;
            for row in records {
                for logged in tx.record_log(row.record)? {
                    if let RecordDelta::Own { delivery, .. } = logged.origin {
                        disk.deltas.insert(logged.hash, delivery == Delivery::Delivered);
                    }
                }
                let doc = row.state.as_deref().and_then(|state| RecordDoc::load(state).ok());
                if let Some(doc) = doc {
                    let digest = doc.view().digest(row.record, row.generation, &tx.decisions(row.record)?);
                    disk.digests.insert(row.record, digest);
                }
            }
            Ok(())
        });
        read.expect("the store can be read");
        disk
    }
}

/// The same records on both sides, and the same doubts about them; but for records about which this seat said something
/// that no decision has taken up yet.
fn agreement(laptop: &mut Laptop, disk: &Disk, office: &Office, found: &mut Vec<Breach>) {
    let name = laptop.name.clone();
    let apart = office.unmerged.get(&laptop.seat).cloned().unwrap_or_default();
    let mine = office.records.values().filter(|row| laptop.communes.contains(&row.area));
    let theirs: BTreeMap<RecordId, [u8; 32]> = mine.map(|row| (row.record, row.digest)).collect();
    let every: BTreeSet<RecordId> = theirs.keys().chain(disk.digests.keys()).copied().collect();
    let differing: Vec<RecordId> = every
        .into_iter()
        .filter(|record| !apart.contains(record) && theirs.get(record) != disk.digests.get(record))
        .collect();
    if let Some(first) = differing.first() {
        let how = match (disk.digests.contains_key(first), theirs.contains_key(first)) {
            (true, true) => "differs",
            (false, _) => "is missing here",
            (true, false) => "is only here",
        };
        let what = format!("{} records, {first} {how}", differing.len());
        found.push(Breach::NotConverged { laptop: name.clone(), what });
    }
    let listed = laptop.unlocked().and_then(|collector| collector.list(&Listed::default()));
    for row in listed.expect("a laptop lists its records") {
        let theirs = office.doubts.get(&row.record).copied().unwrap_or(0);
        let settled = !apart.contains(&row.record) && !differing.contains(&row.record);
        if settled && row.open_items as usize != theirs {
            found.push(Breach::OtherDoubts { laptop: name.clone(), record: row.record });
        }
    }
    let whole = laptop.unlocked().and_then(|collector| collector.records_hash(None));
    let whole = whole.expect("a laptop hashes its records");
    let same = whole.finish() == hash_of(&disk.digests);
    if !same {
        let what = "its own hash is not that of its records".to_owned();
        found.push(Breach::NotConverged { laptop: name, what });
    }
}

fn hash_of(digests: &BTreeMap<RecordId, [u8; 32]>) -> [u8; 32] {
    let mut hash = record_model::RecordsHash::default();
    for (record, digest) in digests {
        hash.add(*record, *digest);
    }
    hash.finish()
}

/// The log holds, its tables follow from it, and made again they are the same.
fn proof(world: &World, found: &mut Vec<Breach>) {
    let registry = world.server.registry();
    let verified = registry.verify().expect("the log can be read");
    if let Some(fault) = verified.faults.first() {
        let what = format!("{} faults, first: {:?} {}", verified.faults.len(), fault.log_index, fault.what);
        found.push(Breach::Unproven { what });
    }
    let (_, before) = registry.records_hash(None).expect("a hash");
    let rebuilt = registry.rebuild().expect("a rebuild");
    let (_, after) = registry.records_hash(None).expect("a hash");
    if rebuilt.before != rebuilt.after || before != after {
        found.push(Breach::Unproven { what: "rebuilt, the registry is another".to_owned() });
    }
}
