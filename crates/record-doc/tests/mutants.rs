//! Changes broken on purpose, their checksums made to fit again: none may harm a record.
//!
//! ```text
//! LAKOU_MUTANTS=100000 LAKOU_SEED=7 cargo test --release -p record-doc --test mutants -- --nocapture
//! ```
//!
//! Without a seed each run takes a fresh one and prints it. The same mutants go through three settings of the guard:
//!
//! | rules | reload check | what must come of it |
//! |---|---|---|
//! | on | on | nothing: each change that is taken can be written upon, saved, loaded and merged on three replicas |
//! | on | off | nothing either: in all runs so far no change that keeps the rules has needed the reload check |
//! | off | on | no record that cannot be loaded is ever kept, but some are that nobody can write to any more |
//! | off | off | the planted bug: records are kept that cannot be loaded. If none is, this test proves nothing |
//!
//! So the rules are what keeps mutants out, and the reload check is what catches what the rules have forgotten. With the rules
//! on it is needed where no single change is at fault: two honest ones that make a record too large to be loaded.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::legacy::{OpId, OpType};
use automerge::{ActorId, ScalarValue};
use common::{MEMBER, Replica, actor, answers, chunk, chunk_data, household};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use record_doc::{ForeignChange, GuardOptions, MergeVerdict, RecordDoc};
use record_model::Value;

const RULES_AND_RELOAD: GuardOptions = GuardOptions { rules: true, reload_check: true };
const RULES_ONLY: GuardOptions = GuardOptions { rules: true, reload_check: false };
const RELOAD_ONLY: GuardOptions = GuardOptions { rules: false, reload_check: true };
const PLANTED: GuardOptions = GuardOptions { rules: false, reload_check: false };

/// The seat whose changes are mutated. A record that waits for one holds nothing it wrote without them.
const AUTHOR: u8 = 1;

/// An honest change, and a record it fits.
struct Shape {
    record: RecordDoc,
    change: Vec<u8>,
}

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut ann = Replica::new(AUTHOR);
    let mut add = |record: &Replica, change: record_doc::LocalChange| {
        shapes.push(Shape { record: record.record.clone(), change: change.bytes });
    };

    // A whole household on a new record.
    let empty = ann.clone();
    add(&empty, ann.write_all(&household()).unwrap());
    // A small create.
    let mut small = Replica::new(AUTHOR);
    let before = small.clone();
    add(&before, small.write([("consent", "yes".into()), ("rooms", 3i64.into()), ("water", Value::Null)]));
    // One answer edited.
    let before = small.clone();
    add(&before, small.write([("consent", "no".into())]));
    // A household's answers edited, cleared and added.
    let before = ann.clone();
    let edits = [("question_2", "other".into()), ("question_7", Value::Null), ("question_new", true.into())];
    add(&before, ann.write(edits));
    // The roster: a member removed, one added, the order changed.
    let before = ann.clone();
    add(
        &before,
        ann.write([
            (&format!("{MEMBER}/@removed"), "moved away".into()),
            (&format!("{MEMBER}/@order"), "b".into()),
            ("roster/BAAAAAAAAAAAC/@order", "c".into()),
            ("roster/BAAAAAAAAAAAC/@person", "P9XT".into()),
            ("roster/BAAAAAAAAAAAC/age", 0i64.into()),
            ("roster/BAAAAAAAAAAAC/chronic#", true.into()),
            ("roster/BAAAAAAAAAAAC/chronic#asthma", true.into()),
        ]),
    );
    // A conflict of three settled.
    let (mut ben, mut cleo) = (ann.copy_for(2), ann.copy_for(3));
    let sides = [
        (2, ben.write([("question_2", "ben".into()), ("question_9", "ben".into())])),
        (3, cleo.write([("question_2", "cleo".into())])),
    ];
    ann.write([("question_2", "ann".into())]);
    sides.iter().for_each(|(seat, change)| ann.take(*seat, change));
    let before = ann.clone();
    add(&before, ann.write([("question_2", "all".into()), ("question_9", "all".into())]));
    // An edit that comes to a record gone on without it.
    let mut elsewhere = before.copy_for(4);
    let change = ann.write([("question_4", "late".into()), ("question_9", 9i64.into())]);
    let settled = ann.record.changes_since(&before.record.heads());
    elsewhere.take(AUTHOR, &settled[0]);
    elsewhere.write([("question_4", "meanwhile".into()), ("question_5", "meanwhile".into())]);
    add(&elsewhere, change);
    shapes
}

/// One mutant of a shape's change, its checksum made to fit most of the time.
fn mutant(shapes: &[Shape], shape: usize, random: &mut StdRng) -> Vec<u8> {
    if random.random_ratio(1, 4)
        && let Some(forged) = forged(&shapes[shape].change, random)
    {
        return forged;
    }
    let mut data = chunk_data(&shapes[shape].change);
    for _ in 0..random.random_range(1..=4) {
        mutate(&mut data, shapes, random);
    }
    let kind = if random.random_ratio(1, 100) { random.random_range(0..5) } else { 1 };
    let mut bytes = chunk(kind, &data);
    if random.random_ratio(1, 50) {
        mutate(&mut bytes, shapes, random);
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, shapes: &[Shape], random: &mut StdRng) {
    if bytes.is_empty() {
        return bytes.push(random.random());
    }
    let at = random.random_range(0..bytes.len());
    let length = random.random_range(1..=8.min(bytes.len() - at));
    match random.random_range(0..9) {
        0 | 1 => bytes[at] ^= 1 << random.random_range(0..8),
        2 => bytes[at] = random.random(),
        3 => bytes[at] = bytes[at].wrapping_add(1),
        4 => bytes[at] = bytes[at].wrapping_sub(1),
        5 => bytes.insert(at, random.random()),
        6 => drop(bytes.drain(at..at + length)),
        7 => {
            let copied = bytes[at..at + length].to_vec();
            let to = random.random_range(0..=bytes.len());
            bytes.splice(to..to, copied);
        }
        _ => {
            let other = chunk_data(&shapes[random.random_range(0..shapes.len())].change);
            let from = random.random_range(0..other.len());
            let count = random.random_range(1..=24.min(other.len() - from));
            let end = (at + count).min(bytes.len());
            bytes.splice(at..end, other[from..from + count].iter().copied());
        }
    }
}

/// A change that Automerge's own encoder writes, with something wrong in what it says.
fn forged(change: &[u8], random: &mut StdRng) -> Option<Vec<u8>> {
    let mut change = automerge::Change::from_bytes(change.to_vec()).ok()?.decode();
    let count = change.operations.len();
    let at = random.random_range(0..count);
    match random.random_range(0..14) {
        0 => change.operations.clear(),
        1 => change.operations.truncate(at),
        2 => change.start_op = change.start_op.checked_add(random.random_range(0..4))?,
        3 => change.start_op = (change.start_op.get() - 1).try_into().ok()?,
        4 => change.start_op = random.random_range(1..=0xFFFF_FFFFu64).try_into().ok()?,
        5 => change.seq = random.random_range(0..5),
        6 => change.deps.truncate(random.random_range(0..=change.deps.len())),
        7 => change.operations[at].action = OpType::Delete,
        8 => {
            let other = OpId::new(random.random_range(0..200), &ActorId::from([0u8; 16]));
            change.operations[at].pred = vec![other].into();
        }
        9 => change.operations[at].pred = Vec::new().into(),
        10 => {
            let again = change.operations[at].clone();
            change.operations.insert(at, again);
        }
        11 => change.operations.swap(at, random.random_range(0..count)),
        12 => change.operations[at].insert = true,
        _ => {
            let value = [ScalarValue::Uint(1), ScalarValue::F64(0.5), ScalarValue::counter(3)];
            let index = random.random_range(0..value.len());
            change.operations[at].action = OpType::Put(value[index].clone());
        }
    }
    if random.random() && change.operations.is_empty() {
        change.start_op = random.random_range(1..8u64).try_into().ok()?;
    }
    catch_unwind(|| automerge::Change::from(change).raw_bytes().to_vec()).ok()
}

/// What came of one run over all mutants.
#[derive(Debug, Default)]
struct Tally {
    merged: usize,
    already_had: usize,
    missing_deps: usize,
    refused: usize,
    refused_by_reload: usize,
    /// Merged, and the record it left cannot be saved and loaded.
    unloadable: usize,
    /// Merged, and a further put, save, load or merge went wrong.
    unusable: usize,
    /// The merge itself panicked.
    panicked: usize,
    slowest_us: u128,
}

impl Tally {
    fn harm(&self) -> usize {
        self.unloadable + self.unusable + self.panicked
    }
}

fn run(shapes: &[Shape], seed: u64, count: usize, options: GuardOptions) -> Tally {
    let mut random = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let shape = random.random_range(0..shapes.len());
        let bytes = mutant(shapes, shape, &mut random);
        let record = &shapes[shape].record;
        let mut merged = record.clone();
        #[expect(clippy::disallowed_methods, reason = "the slowest mutant is part of the finding")]
        let begin = std::time::Instant::now();
        let foreign = ForeignChange { bytes: &bytes, actor: actor(AUTHOR) };
        let verdict = catch_unwind(AssertUnwindSafe(|| merged.merge_with(&foreign, options)));
        tally.slowest_us = tally.slowest_us.max(begin.elapsed().as_micros());
        match verdict {
            Err(_) => tally.panicked += 1,
            Ok(MergeVerdict::AlreadyHave { .. }) => tally.already_had += 1,
            Ok(MergeVerdict::MissingDeps { .. }) => tally.missing_deps += 1,
            Ok(MergeVerdict::Refused { .. }) => tally.refused += 1,
            Ok(MergeVerdict::Unloadable) => tally.refused_by_reload += 1,
            Ok(MergeVerdict::Merged { .. }) => {
                tally.merged += 1;
                if !catch_unwind(AssertUnwindSafe(|| loads(&merged))).unwrap_or(false) {
                    tally.unloadable += 1;
                } else if options.reload_check {
                    let usable = catch_unwind(AssertUnwindSafe(|| usable(record, &foreign, options)));
                    tally.unusable += usize::from(!usable.unwrap_or(false));
                }
            }
        }
        if !matches!(options, RULES_AND_RELOAD | RULES_ONLY) {
            continue;
        }
        assert_eq!(tally.harm(), 0, "harmed by a {:?} of shape {shape}: {bytes:02x?}", options);
    }
    tally
}

fn loads(record: &RecordDoc) -> bool {
    RecordDoc::load(&record.save()).is_ok_and(|loaded| loaded.view() == record.view())
}

/// Three replicas take the mutant, each writes on top of it, and all take each other's writes.
fn usable(record: &RecordDoc, mutant: &ForeignChange<'_>, options: GuardOptions) -> bool {
    let mut replicas: Vec<RecordDoc> = vec![record.clone(); 3];
    let mut written = Vec::new();
    for (replica, seat) in replicas.iter_mut().zip(11u8..) {
        if !matches!(replica.merge_with(mutant, options), MergeVerdict::Merged { .. }) {
            return false;
        }
        let given = answers([
            ("question_2", format!("seat {seat}").into()),
            (&format!("{MEMBER}/age"), i64::from(seat).into()),
        ]);
        match replica.write(actor(seat), [seat; 16], &given) {
            Ok(Some(change)) => written.push((seat, change)),
            Ok(None) | Err(_) => return false,
        }
        let Ok(loaded) = RecordDoc::load(&replica.save()) else { return false };
        *replica = loaded;
    }
    for replica in &mut replicas {
        for (seat, change) in &written {
            let verdict = replica.merge(&ForeignChange { bytes: &change.bytes, actor: actor(*seat) });
            if !matches!(verdict, MergeVerdict::Merged { .. } | MergeVerdict::AlreadyHave { .. }) {
                return false;
            }
        }
    }
    replicas.iter().all(|replica| replica.view() == replicas[0].view())
}

/// The panics of Automerge that we provoke and catch are not worth a line each.
fn silence_provoked_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let ours = info.location().is_some_and(|at| at.file().contains("record-doc"));
        if ours || std::env::var_os("LAKOU_PANICS").is_some() {
            usual(info);
        }
    }));
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn no_mutant_harms_a_record_and_without_the_guard_many_do() {
    silence_provoked_panics();
    let count = asked("LAKOU_MUTANTS").unwrap_or(3_000) as usize;
    let seed = asked("LAKOU_SEED").unwrap_or_else(rand::random);
    println!("LAKOU_SEED={seed} LAKOU_MUTANTS={count}");
    let shapes = shapes();
    let tally = |name: &str, options| {
        let tally = run(&shapes, seed, count, options);
        println!("{name}: {tally:?}");
        tally
    };

    let guarded = tally("rules and reload check", RULES_AND_RELOAD);
    assert_eq!(guarded.harm(), 0);
    assert!(guarded.merged > count / 100, "too few mutants were taken to prove anything");
    tally("rules only", RULES_ONLY);

    let reload_only = tally("reload check only", RELOAD_ONLY);
    assert_eq!(reload_only.unloadable, 0);
    assert!(reload_only.unusable > 0, "the rules kept nothing out, so this run proves nothing");
    let planted = tally("neither: the planted bug", PLANTED);
    assert!(planted.unloadable > 0, "the planted bug did no harm, so this run proves nothing");
}

/// Sixteen answers of nearly the longest text: about a quarter of a mebibyte.
fn long_answers(name: &str) -> record_model::Answers {
    let text = "é".repeat(record_doc::MAX_TEXT_BYTES / 2 - 400);
    let paths: Vec<String> = (0..16).map(|number| format!("{name}_{number}")).collect();
    paths.iter().map(|path| (path.parse().unwrap(), text.as_str().into())).collect()
}

/// Each half keeps every rule and fits its writer's record; together they pass the size that a record may be loaded at.
#[test]
fn with_the_rules_on_and_the_reload_check_off_a_record_grows_until_nobody_can_load_it() {
    let mut ann = Replica::new(AUTHOR);
    (0..7).for_each(|number| drop(ann.write_all(&long_answers(&format!("base_{number}"))).unwrap()));
    let mut ben = ann.copy_for(2);
    let change = ann.write_all(&long_answers("ann")).unwrap();
    ben.write_all(&long_answers("ben")).unwrap();
    let foreign = ForeignChange { bytes: &change.bytes, actor: actor(AUTHOR) };

    let mut guarded = ben.record.clone();
    let refused = MergeVerdict::Refused { rule: record_doc::GuardRule::RecordTooLarge };
    assert_eq!(guarded.merge_with(&foreign, RULES_AND_RELOAD), refused);
    assert!(loads(&guarded) && guarded.view() == ben.record.view());

    let mut planted = ben.record.clone();
    assert!(matches!(planted.merge_with(&foreign, RULES_ONLY), MergeVerdict::Merged { .. }));
    assert!(!loads(&planted), "the planted bug did no harm, so this test proves nothing");
}

/// Our own files are not hostile, but a disk may be bad: opening one answers with an error, never with a panic.
#[test]
fn a_damaged_record_never_panics_its_reader() {
    silence_provoked_panics();
    let seed = asked("LAKOU_SEED").unwrap_or_else(rand::random);
    println!("LAKOU_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let shapes = shapes();
    let mut refused = 0;
    for _ in 0..1_000 {
        let state = shapes[random.random_range(0..shapes.len())].record.save();
        let mut data = chunk_data(&state);
        for _ in 0..random.random_range(1..=4) {
            mutate(&mut data, &shapes, &mut random);
        }
        refused += usize::from(RecordDoc::load(&chunk(0, &data)).is_err());
    }
    assert!(refused > 900, "only {refused} of 1000 damaged records were noticed");
}
