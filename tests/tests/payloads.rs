//! Payloads that a certified laptop signs correctly and that are not what they should be, through a registry whose merges
//! run in children of the real server program: none is merged, nobody dies, nobody is kept long, memory stays.
//!
//! ```text
//! cargo xtask soak --only payloads --count 1000000 --seed 7
//! ```

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

#[path = "../../crates/registry-core/tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use merge_child::{ARGUMENT, Limits, MergeChildren};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use record_doc::{ForeignChange, MergeOutcome, MergerUnavailable};
use record_model::*;
use registry_core::{Merger, Registry, Surroundings};
use signed_delta::*;
use support::{Laptop, NOW, Played, World, answers, facts, keys};
use sync_protocol::PushBatch;
use testkit::changes::{chunk, chunk_data};
use tests::world::binary;

/// A record that is there already.
const BASE: RecordId = RecordId::from_bytes([0x42; 16]);
/// Payloads of one registry; then there is a new one, so that no database grows for hours.
const OF_ONE_REGISTRY: u64 = 5_000;
/// Payloads of one push.
const BATCH: usize = 250;
/// The soak's promise: so long for each 4 KiB begun.
const MAX_MS_PER_4_KIB: u64 = 100;
/// What a child may have held at its worst, well below what it is allowed.
const MAX_CHILD_KIB: u64 = 200 * 1024;
/// What this process, which holds registry and laptop at once, may have held at its worst.
const MAX_PARENT_KIB: u64 = 1024 * 1024;

/// Children of the server program, and the longest that one payload took, for its size.
struct Timed {
    children: MergeChildren,
    worst_us_per_4_kib: AtomicU64,
    deaths: AtomicU64,
    child_kib: AtomicU64,
}

impl Timed {
    fn new() -> Self {
        Self {
            children: MergeChildren::of(binary("sync-server"), [ARGUMENT.into()], Limits::default()),
            worst_us_per_4_kib: AtomicU64::new(0),
            deaths: AtomicU64::new(0),
            child_kib: AtomicU64::new(0),
        }
    }
}

impl Merger for Timed {
    fn merge(
        &self,
        state: Option<&[u8]>,
        change: &ForeignChange<'_>,
    ) -> Result<MergeOutcome, MergerUnavailable> {
        #[expect(clippy::disallowed_methods, reason = "the proof is about time")]
        let begun = std::time::Instant::now();
        let outcome = self.children.merge(state, change)?;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let parts = change.bytes.len().div_ceil(4_096).max(1) as u64;
        self.worst_us_per_4_kib.fetch_max(took / parts, Ordering::Relaxed);
        self.deaths.fetch_add(u64::from(outcome == MergeOutcome::Killed), Ordering::Relaxed);
        Ok(outcome)
    }
}

struct Handed {
    played: Played,
    merger: Arc<Timed>,
}

impl Surroundings for Handed {
    fn now(&self) -> Instant {
        self.played.now()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.played.fill_random(bytes);
    }

    fn merger(&self) -> &dyn Merger {
        self.merger.as_ref()
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

#[test]
fn no_signed_payload_that_is_malformed_is_merged_or_ends_a_server() {
    let asked = number("LAKOU_PAYLOADS");
    let (payloads, seed) = (asked.unwrap_or(3_000), number("LAKOU_SEED").unwrap_or(1));
    let merger = Arc::new(Timed::new());
    let (mut done, mut kept) = (0, 0);
    while done < payloads {
        let count = OF_ONE_REGISTRY.min(payloads - done);
        kept += one_registry(&merger, count, seed.wrapping_add(done));
        done += count;
    }
    let worst_ms = merger.worst_us_per_4_kib.load(Ordering::Relaxed) / 1_000;
    let child = merger.child_kib.load(Ordering::Relaxed);
    let parent = peak_kib("self");
    println!(
        "{done} payloads from seed {seed}: {kept} kept in the log and set aside, the others refused at the door; worst \
         {worst_ms} ms for 4 KiB; at most {child} KiB in a child, {parent} KiB here"
    );
    assert_eq!(merger.deaths.load(Ordering::Relaxed), 0, "a payload passed the guard and killed its child");
    assert!(child < MAX_CHILD_KIB && parent < MAX_PARENT_KIB, "{child} KiB, {parent} KiB");
    // A clock's word counts where a person asked for it, on a machine that has nothing else to do.
    assert!(asked.is_none() || worst_ms <= MAX_MS_PER_4_KIB, "{worst_ms} ms for 4 KiB");
}

/// Pushes so many; gives how many the log keeps.
fn one_registry(merger: &Arc<Timed>, count: u64, seed: u64) -> u64 {
    let world = World::new(seed);
    let surroundings = Handed { played: Played::new(seed ^ 1), merger: Arc::clone(merger) };
    let registry = Registry::open(Arc::clone(&world.store), keys(), Arc::new(surroundings)).unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let mut laptop = world.laptop(1, &["HT0111"]);
    laptop.write(BASE, &[("roof", "tin"), ("phone", "3412")]).unwrap();
    world.push(&laptop.sent);
    registry.merge_all().unwrap();
    let before = registry.records_hash(None).unwrap();
    let (mut left, mut kept) = (count as usize, 0);
    while left > 0 {
        let payloads: Vec<(Vec<u8>, bool)> =
            (0..BATCH.min(left)).map(|_| payload(&mut laptop, &mut random)).collect();
        let sent = payloads.len();
        left -= sent;
        let readable = payloads.iter().filter(|(_, readable)| *readable).count();
        let envelopes = payloads.into_iter().map(|(envelope, _)| envelope).collect();
        let refused = registry.receive(&PushBatch { envelopes }).unwrap().refusals.len();
        assert_eq!(refused + readable, sent, "from seed {seed}");
        kept += readable as u64;
        registry.merge_all().unwrap();
        assert_eq!(registry.records_hash(None).unwrap(), before, "from seed {seed}: a payload was merged");
    }
    for child in children_here() {
        merger.child_kib.fetch_max(peak_kib(&child), Ordering::Relaxed);
    }
    // The same laptop's honest work still counts, so nothing stands in the queue's way.
    laptop.write(RecordId::from_bytes([0x43; 16]), &[("roof", "tile")]).unwrap();
    let last = laptop.sent.last().unwrap().clone();
    registry.receive(&PushBatch { envelopes: vec![last] }).unwrap();
    registry.merge_all().unwrap();
    assert_eq!(registry.records_hash(None).unwrap().0, before.0 + 1, "from seed {seed}");
    assert_eq!(registry.verify().unwrap().faults, []);
    kept
}

/// The next delta of the chain, well signed, with a payload that is not what it should be; and whether its body can be
/// read, so that it comes into the log.
fn payload(laptop: &mut Laptop, random: &mut StdRng) -> (Vec<u8>, bool) {
    loop {
        let record = if random.random_bool(0.5) { BASE } else { RecordId::from_bytes(random.random()) };
        let body = malformed(laptop, record, random);
        let read = Body::decode(DeltaKind::Change, &body);
        if let Ok(Body { act: Act::Change(act), .. }) = &read
            && merges(laptop, record, &act.change)
        {
            // What came out is another honest change: no payload of this kind.
            continue;
        }
        let draft = laptop.draft(change_act(laptop, Vec::new()), Some(record));
        let honest = laptop.key.sign_delta(facts().deployment, draft);
        let body_commit = <sha2::Sha256 as sha2::Digest>::digest(&body).into();
        let header = Header { body_len: body.len() as u32, body_commit, ..honest.header().clone() };
        let bytes = header.encode();
        let signature = laptop.key.sign_header_bytes(facts().deployment, &bytes);
        let mut envelope = Vec::new();
        let mut writer = minicbor::Encoder::new(&mut envelope);
        let written = writer
            .array(3)
            .and_then(|writer| writer.bytes(&bytes))
            .and_then(|writer| writer.bytes(signature.as_bytes()))
            .and_then(|writer| writer.bytes(&body));
        assert!(written.is_ok(), "a vector takes what it is given");
        if read.is_ok() {
            (laptop.seq, laptop.prev) = (header.seq, header.hash());
        }
        return (envelope, read.is_ok());
    }
}

fn merges(laptop: &Laptop, record: RecordId, change: &[u8]) -> bool {
    let mut doc = laptop.docs.get(&record).cloned().unwrap_or_default();
    let verdict = doc.merge(&ForeignChange { bytes: change, actor: laptop.actor(record) });
    matches!(verdict, record_doc::MergeVerdict::Merged { .. } | record_doc::MergeVerdict::AlreadyHave { .. })
}

fn change_act(laptop: &Laptop, change: Vec<u8>) -> Act {
    let visit = Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: 0 };
    Act::Change(ChangeAct { revision: laptop.revision, visit, change, finalise: None })
}

/// An honest change of this record: mostly of a few hundred bytes, sometimes of thousands.
fn honest(laptop: &Laptop, record: RecordId, random: &mut StdRng) -> Vec<u8> {
    let mut doc = laptop.docs.get(&record).cloned().unwrap_or_default();
    let size = [8, 200, 3_000, 12_000][random.random_range(0..100_usize).saturating_sub(96)];
    let long: String = (0..size).map(|_| random.random_range('a'..='z')).collect();
    let members = random.random_range(0..12);
    let paths: Vec<(String, String)> =
        (0..members).map(|at| (format!("question_{at}"), format!("{at}"))).collect();
    let mut written = vec![("phone", long.as_str())];
    written.extend(paths.iter().map(|(path, value)| (path.as_str(), value.as_str())));
    doc.write(laptop.actor(record), random.random(), &answers(&written)).unwrap().unwrap().bytes
}

/// A body that should hold a change and holds something else.
fn malformed(laptop: &Laptop, record: RecordId, random: &mut StdRng) -> Vec<u8> {
    let body = |change: Vec<u8>| Body { salt: [3; 16], act: change_act(laptop, change) }.encode();
    match random.random_range(0..12) {
        // The change is broken, its checksum mended.
        0..=5 => {
            let mut data = chunk_data(&honest(laptop, record, random)).to_vec();
            for _ in 0..random.random_range(1..=3) {
                mutate(&mut data, random);
            }
            body(chunk(1, &data))
        }
        // The change is none at all.
        6 => body(noise(random)),
        // A chunk of another kind, compressed or a document, or with something behind it.
        7 => {
            let data = chunk_data(&honest(laptop, record, random)).to_vec();
            let mut bytes = chunk(random.random_range(0..5), &data);
            if random.random_bool(0.5) {
                bytes.extend(noise(random));
            }
            body(bytes)
        }
        // The body is broken.
        8 | 9 => {
            let mut bytes = body(honest(laptop, record, random));
            for _ in 0..random.random_range(1..=3) {
                mutate(&mut bytes, random);
            }
            bytes
        }
        // CBOR that promises what does not follow: depth, lengths, elements.
        10 => {
            let promise: &[u8] = [
                &[0x81][..],
                &[0x9b, 0xff, 0xff, 0xff, 0xff],
                &[0x5b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff],
                &[0xbf],
                &[0x9f],
                &[0xc1],
            ][random.random_range(0..6)];
            [&[0x83, 0x50][..], &[7; 16], &[1], &promise.repeat(random.random_range(1..600))].concat()
        }
        _ => noise(random),
    }
}

fn noise(random: &mut StdRng) -> Vec<u8> {
    let length = random.random_range(1..4_096);
    (0..length).map(|_| random.random()).collect()
}

fn mutate(bytes: &mut Vec<u8>, random: &mut StdRng) {
    if bytes.is_empty() {
        return bytes.push(random.random());
    }
    let at = random.random_range(0..bytes.len());
    let length = random.random_range(1..=8.min(bytes.len() - at));
    match random.random_range(0..6) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random(),
        // Lengths of runs and counts live in single bytes: the largest one promises most.
        2 => bytes[at] = [0xff, 0x7f, 0x80, 0x00][random.random_range(0..4)],
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let copied = bytes[at..at + length].to_vec();
            bytes.splice(at..at, copied);
        }
        _ => bytes.insert(at, random.random()),
    }
}

/// The most memory that a process has held, in KiB; 0 where the system does not tell.
fn peak_kib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn children_here() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
