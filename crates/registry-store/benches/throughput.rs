//! How much one registry takes a second: `cargo bench -p registry-store`. Deltas are signed and verified beforehand.

#![expect(clippy::disallowed_methods, reason = "a bench reads a clock")]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use record_model::{Class, DeltaHash, OutcomeCode, SeatId};
use registry_store::{
    Audience, ChangeOrigin, EpochRow, FeedFilter, OutcomeRow, RecordFilter, RecordRow, RegistryStore,
    RegistryStoreExt, SqliteRegistry, WriteTicket,
};
use signed_delta::VerifiedDelta;

use common::{
    Author, area, at, change_hash, household_projection, household_record, record_id, revision, shown_to,
};

/// As many as one pushed batch holds.
const JOB_DELTAS: usize = 500;
/// As large as the change of a new household of 100 answers.
const CHANGE_BYTES: usize = 1_900;
const DELTAS: usize = 40_000;
const RECORDS: u32 = 20_000;
/// As large as the saved document of such a household.
const STATE_BYTES: usize = 2_000;
const RECORDS_PER_JOB: u32 = 100;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteRegistry::open(&folder.path().join("registry.db"), None).expect("the registry opens");
    let deltas = deltas();
    let seat = deltas[0].header().seat;

    measure("append, 500 a job", DELTAS, || append(&store, &deltas));
    let new: Vec<u32> = (0..RECORDS).collect();
    measure("put new record, change, outcome, projection of 5", new.len(), || merge(&store, &new, 1));
    // In an order that has nothing to do with that of the file.
    let again: Vec<u32> = (0..RECORDS).map(|number| number.wrapping_mul(7_919) % RECORDS).collect();
    measure("the same for records already there", again.len(), || merge(&store, &again, 2));
    measure("leaves of the whole log", DELTAS, || {
        assert_eq!(store.read(|tx| tx.leaves_after(0)).expect("a read").len(), DELTAS);
    });
    measure("digests of all records", RECORDS as usize, || {
        let all = RecordFilter::default();
        assert_eq!(store.read(|tx| tx.digests(&all)).expect("a read").len(), RECORDS as usize);
    });
    measure("feed looked through, all hidden by area", DELTAS, || look_through(&store, seat, "HT0999"));
    measure("feed looked through, all shown", DELTAS, || look_through(&store, seat, "HT0111"));
    measure("registry_hash rows visited", RECORDS as usize, || {
        let mut bytes = 0;
        store.read(|tx| tx.visit_derived(&mut |part| bytes += part.len())).expect("a read");
        assert!(bytes > 0);
    });
}

/// Elapsed time says what a user sees; processor time says what the work costs, also on a machine that is busy.
fn measure(what: &str, things: usize, work: impl FnOnce()) {
    let (start, cpu_before) = (Instant::now(), cpu_seconds());
    work();
    let seconds = start.elapsed().as_secs_f64();
    let cpu_us_each =
        cpu_before.zip(cpu_seconds()).map(|(before, after)| (after - before) * 1e6 / things as f64);
    let cpu_us_each = cpu_us_each.map_or("?".to_owned(), |us| format!("{us:.1}"));
    println!("{what:<52} {:>9.0}/s  {cpu_us_each:>7} us cpu each", things as f64 / seconds);
}

/// Where the operating system tells it in `/proc`, in hundredths of a second.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

fn deltas() -> Vec<VerifiedDelta> {
    let mut author = Author::new(1);
    let mut change = vec![0; CHANGE_BYTES];
    (0..DELTAS)
        .map(|number| {
            change[..8].copy_from_slice(&number.to_be_bytes());
            author.says(Some(scattered(number as u32 % RECORDS)), Class::Personal, &change)
        })
        .collect()
}

/// Record ids are random: neighbours in time are not neighbours in the file.
fn scattered(number: u32) -> record_model::RecordId {
    record_id(number.wrapping_mul(0x9E37_79B9))
}

/// A job appends, moves the chain on, and shows each entry in the feed, as ingest does.
fn append(store: &SqliteRegistry, deltas: &[VerifiedDelta]) {
    let tickets: Vec<WriteTicket> = deltas
        .chunks(JOB_DELTAS)
        .map(|job| {
            let job = job.to_vec();
            store.submit(Box::new(move |tx| {
                for delta in &job {
                    let header = delta.header();
                    assert!(tx.chain_at(header.seat, header.epoch, header.seq)?.is_empty());
                    let index = tx.append(delta, at(1))?;
                    tx.feed(index, Audience::Record(header.record))?;
                }
                let last = job.last().expect("no job is empty");
                tx.put_epoch(&EpochRow {
                    seat: last.header().seat,
                    epoch: last.header().epoch,
                    through_seq: last.header().seq,
                    through_hash: DeltaHash::from_bytes([0; 32]),
                    frozen_by: None,
                    decided_by: None,
                    ordinal: 0,
                })
            }))
        })
        .collect();
    for ticket in tickets {
        ticket.wait().expect("the batch is appended");
    }
}

/// What merging one delta of each record writes.
fn merge(store: &SqliteRegistry, numbers: &[u32], round: u32) {
    let mut log_index = 0;
    let tickets: Vec<WriteTicket> = numbers
        .chunks(RECORDS_PER_JOB as usize)
        .map(|job| {
            let job = job.to_vec();
            let from = log_index;
            log_index += job.len() as u64;
            store.submit(Box::new(move |tx| {
                for (log_index, number) in (from..).zip(&job) {
                    let record = scattered(*number);
                    let known = tx.record(record)?;
                    assert_eq!(known.is_some(), round > 1);
                    let mut row = RecordRow { record, area: area("HT0111"), ..household_record(*number) };
                    row.state = vec![round as u8; STATE_BYTES];
                    row.digest[31] = round as u8;
                    tx.put_record(&row)?;
                    let change = change_hash(number.wrapping_mul(0x85EB_CA6B).wrapping_add(round));
                    let seat = SeatId::from_bytes([1; 16]);
                    let revision = revision(1);
                    tx.put_change(&ChangeOrigin { change, record, log_index, seat, visit: None, revision })?;
                    tx.put_outcome(&OutcomeRow { log_index, code: OutcomeCode::Merged, reason: None })?;
                    tx.put_projection(record, &household_projection(*number, 5))?;
                }
                tx.set_merged_through(from)
            }))
        })
        .collect();
    for ticket in tickets {
        ticket.wait().expect("the records are written");
    }
}

fn look_through(store: &SqliteRegistry, seat: SeatId, code: &str) {
    let filter = FeedFilter { seat, ..shown_to(seat, &[code]) };
    let mut cursor = 0;
    while cursor < DELTAS as u64 {
        cursor = store.read(|tx| tx.feed_after(cursor, &filter, 500)).expect("a read").1;
    }
}
