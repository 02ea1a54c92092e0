//! What every engine promises, each promise a function named after it. An engine is a function that opens the registry
//! of a folder, anew or again.

#![expect(clippy::unwrap_used, reason = "a promise is a test, only its #[test] is made by the macro")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use record_model::{Class, Decision, ItemId, OutcomeCode, ReasonCode, RecordId, Role};
use registry_store::{
    Audience, ChangeOrigin, EpochRow, FeedFilter, FeedRow, HeldOn, InvitationRow, ItemFilter, LogEntry,
    OutcomeRow, Projection, PublicationRow, RecordFilter, RecordRow, RegistryStore, RegistryStoreExt,
    SeatRow, Settlement, StoreError, Tx,
};
use signed_delta::{ChainEnd, Header, PublishedFile, leaf_hash};

use crate::common::{
    Author, area, at, change_hash, conflict, household_projection, household_record, lineage, record_id,
    revision, shown_to, visit,
};

/// Makes one test of every promise for one engine.
#[macro_export]
macro_rules! contract_suite {
    ($engine:ident, $open:path) => {
        $crate::contract_suite!(@ $engine, $open,
            a_job_reads_what_jobs_before_it_wrote
            a_failed_job_leaves_nothing_while_its_neighbours_commit
            a_panicking_job_leaves_nothing_while_its_neighbours_commit
            a_job_that_runs_again_beside_a_failed_one_writes_once
            a_reader_keeps_its_snapshot_while_writers_go_on
            a_dropped_store_finishes_what_was_queued
            the_log_gives_every_entry_back_byte_for_byte
            an_undone_append_leaves_no_gap
            two_deltas_at_one_place_of_a_chain_are_both_kept
            epochs_keep_the_order_in_which_the_log_opened_them
            an_erased_body_leaves_leaf_header_and_signature
            a_feed_never_passes_a_gap_that_is_still_being_committed
            the_feed_shows_a_seat_its_areas_lineages_and_classes_only
            the_feed_leaves_out_what_a_seat_holds_but_not_what_is_said_to_it
            a_record_that_moves_is_shown_where_it_lives_now
            a_feed_call_is_bounded_and_its_cursor_passes_what_is_hidden
            a_seat_comes_back_as_written_and_touched
            an_invitation_comes_back_and_remembers_who_used_it
            a_request_counter_is_taken_once_and_never_goes_back
            publications_come_in_the_order_of_the_log_with_their_files
            content_settings_and_numbers_come_back
            a_record_comes_back_and_is_found_by_place_and_number
            records_are_paged_by_id
            digests_follow_the_records_present_area
            changes_lead_back_to_where_they_came_from
            decisions_come_in_the_order_of_the_log
            outcomes_other_than_merged_are_set_aside_until_they_merge
            held_entries_are_found_by_what_they_wait_for
            items_are_paged_in_the_order_they_opened
            items_follow_their_record_to_its_present_area
            a_projection_is_replaced_as_a_whole
            a_person_whom_two_records_claim_counts_in_both
            clearing_and_writing_again_gives_the_same_derived_bytes
            derived_bytes_leave_out_what_a_replay_may_do_otherwise
            derived_bytes_change_with_every_table
            reopening_gives_everything_back
            a_backup_holds_what_the_registry_holds
        );
    };
    (@ $engine:ident, $open:path, $($promise:ident)*) => {
        mod $engine {
            $(#[test]
            fn $promise() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                $crate::suite::$promise(&$crate::suite::Engine { open: $open, folder: folder.path() });
            })*
        }
    };
}

/// An engine under test and the folder its registry is in.
pub(crate) struct Engine<'f> {
    pub(crate) open: fn(&Path) -> Box<dyn RegistryStore>,
    pub(crate) folder: &'f Path,
}

impl Engine<'_> {
    fn open(&self) -> Box<dyn RegistryStore> {
        (self.open)(self.folder)
    }
}

fn plan_failed() -> StoreError {
    StoreError::Plan("the plan failed".into())
}

/// Queues a job that holds the writer until it is let go, so that what is queued behind it makes one group.
fn hold_the_writer(store: &dyn RegistryStore) -> impl FnOnce() + use<> {
    let (let_go, gate) = mpsc::channel::<()>();
    let (at_work, is_at_work) = mpsc::channel::<()>();
    let ticket = store.submit(Box::new(move |_| {
        let _ = at_work.send(());
        let _ = gate.recv();
        Ok(())
    }));
    is_at_work.recv().expect("the writer takes the job");
    move || {
        drop(let_go);
        ticket.wait().expect("an empty job commits");
    }
}

fn put_setting(name: &'static str) -> registry_store::WriteJob {
    Box::new(move |tx| tx.put_setting(name, name.as_bytes()))
}

fn has_setting(store: &dyn RegistryStore, name: &str) -> bool {
    store.read(|tx| tx.setting(name)).expect("a read").is_some()
}

// --- transactions ------------------------------------------------------------------------------------------------

pub(crate) fn a_job_reads_what_jobs_before_it_wrote(engine: &Engine<'_>) {
    let store = engine.open();
    let let_go = hold_the_writer(&*store);
    // One group: the second job reads what the first wrote before either is committed.
    let first = store.submit(put_setting("first"));
    let (saw, seen) = mpsc::channel();
    let second = store.submit(Box::new(move |tx| {
        saw.send(tx.setting("first")?).expect("the test listens");
        Ok(())
    }));
    assert!(!has_setting(&*store, "first"), "an uncommitted write was read");
    let_go();
    first.wait().unwrap();
    second.wait().unwrap();
    assert_eq!(seen.recv().unwrap().as_deref(), Some(b"first".as_slice()));
    assert!(has_setting(&*store, "first"));

    let within = store
        .write(|tx| {
            tx.put_setting("own", b"1")?;
            tx.setting("own")
        })
        .unwrap();
    assert_eq!(within.as_deref(), Some(b"1".as_slice()));
}

pub(crate) fn a_failed_job_leaves_nothing_while_its_neighbours_commit(engine: &Engine<'_>) {
    let store = engine.open();
    let let_go = hold_the_writer(&*store);
    let before = store.submit(put_setting("before"));
    let failed = store.submit(Box::new(|tx| {
        tx.put_setting("failed", b"1")?;
        tx.put_record(&household_record(1))?;
        Err(plan_failed())
    }));
    let after = store.submit(put_setting("after"));
    let_go();
    before.wait().unwrap();
    assert_eq!(failed.wait().unwrap_err().to_string(), "the plan failed");
    after.wait().unwrap();
    assert!(has_setting(&*store, "before") && has_setting(&*store, "after"));
    assert!(!has_setting(&*store, "failed"));
    assert_eq!(store.read(|tx| tx.record(record_id(1))).unwrap(), None);
}

pub(crate) fn a_panicking_job_leaves_nothing_while_its_neighbours_commit(engine: &Engine<'_>) {
    let store = engine.open();
    let let_go = hold_the_writer(&*store);
    let before = store.submit(put_setting("before"));
    let panicked = store.submit(Box::new(|tx| {
        tx.put_setting("panicked", b"1")?;
        panic!("a planted panic");
    }));
    let after = store.submit(put_setting("after"));
    let_go();
    before.wait().unwrap();
    assert!(matches!(panicked.wait(), Err(StoreError::Panicked)));
    after.wait().unwrap();
    assert!(has_setting(&*store, "before") && has_setting(&*store, "after"));
    assert!(!has_setting(&*store, "panicked"));

    // A reader's panic is the reader's own: the next read works.
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.read(|tx| {
            tx.log_len()?;
            panic!("a planted panic");
            #[expect(unreachable_code, reason = "gives the closure its type")]
            Ok(())
        })
    }));
    assert!(read.is_err());
    assert!(has_setting(&*store, "after"));
}

pub(crate) fn a_job_that_runs_again_beside_a_failed_one_writes_once(engine: &Engine<'_>) {
    let store = engine.open();
    let let_go = hold_the_writer(&*store);
    let count = || store.submit(Box::new(|tx| tx.next_number("jobs").map(drop)));
    let fail = || store.submit(Box::new(|_| Err(plan_failed())));
    let tickets = [count(), fail(), count(), fail(), count()];
    let_go();
    assert_eq!(tickets.map(|ticket| ticket.wait().is_ok()), [true, false, true, false, true]);
    assert_eq!(store.write(|tx| tx.next_number("jobs")).unwrap(), 4);
}

pub(crate) fn a_reader_keeps_its_snapshot_while_writers_go_on(engine: &Engine<'_>) {
    let store = engine.open();
    store
        .read(|tx| {
            assert_eq!(tx.setting("later")?, None);
            store.write(|tx| tx.put_setting("later", b"1"))?;
            assert_eq!(tx.setting("later")?, None, "a snapshot moved under its reader");
            Ok(())
        })
        .unwrap();
    assert!(has_setting(&*store, "later"));
}

pub(crate) fn a_dropped_store_finishes_what_was_queued(engine: &Engine<'_>) {
    let store = engine.open();
    let let_go = hold_the_writer(&*store);
    let tickets: Vec<_> =
        (0..200).map(|_| store.submit(Box::new(|tx| tx.next_number("jobs").map(drop)))).collect();
    let dropping = thread::spawn(move || drop(store));
    let_go();
    dropping.join().unwrap();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(engine.open().write(|tx| tx.next_number("jobs")).unwrap(), 201);
}

// --- the log -----------------------------------------------------------------------------------------------------

/// Appends a change of each record by a new author; gives what was appended.
fn append_changes(
    store: &dyn RegistryStore,
    author: u8,
    records: &[u32],
) -> Vec<signed_delta::VerifiedDelta> {
    let mut author = Author::new(author);
    let deltas: Vec<_> = records.iter().map(|number| author.changes(record_id(*number))).collect();
    let written = deltas.clone();
    store
        .write(move |tx| {
            for delta in &written {
                tx.append(delta, at(1_000))?;
            }
            Ok(())
        })
        .unwrap();
    deltas
}

fn indices(entries: &[LogEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.index).collect()
}

pub(crate) fn the_log_gives_every_entry_back_byte_for_byte(engine: &Engine<'_>) {
    let store = engine.open();
    let deltas = append_changes(&*store, 1, &[1, 2, 1]);
    store
        .read(|tx| {
            assert_eq!(tx.log_len()?, 3);
            let all = tx.log_after(0, 10)?;
            assert_eq!(indices(&all), [1, 2, 3]);
            for (entry, delta) in all.iter().zip(&deltas) {
                assert!(entry.delta == *delta.signed());
                assert_eq!(entry.received_at, at(1_000));
            }
            assert_eq!(indices(&tx.log_after(1, 1)?), [2]);
            assert!(tx.log_after(3, 10)?.is_empty());
            assert!(tx.log_after(u64::MAX, 10)?.is_empty());
            assert_eq!(tx.log_entry(2)?.map(|entry| entry.delta.hash()), Some(deltas[1].hash()));
            assert!(tx.log_entry(0)?.is_none() && tx.log_entry(4)?.is_none());
            assert_eq!(indices(&tx.log_of_record(record_id(1))?), [1, 3]);
            let leaves: Vec<_> =
                all.iter().map(|entry| leaf_hash(&entry.delta, entry.index, entry.received_at)).collect();
            assert_eq!(tx.leaves_after(0)?, leaves);
            assert_eq!(tx.leaves_after(2)?, leaves[2..]);
            Ok(())
        })
        .unwrap();
}

pub(crate) fn an_undone_append_leaves_no_gap(engine: &Engine<'_>) {
    let store = engine.open();
    append_changes(&*store, 1, &[1]);
    let delta = Author::new(2).changes(record_id(2));
    let undone = store.write(move |tx| {
        assert_eq!(tx.append(&delta, at(1))?, 2);
        assert_eq!(tx.feed(2, Audience::Everyone)?, 1);
        let row = FeedRow { feed_index: 1, log_index: 2, audience: Audience::Everyone };
        assert_eq!(tx.feed_rows_after(0, 10)?, [row]);
        assert_eq!(tx.feed_rows_after(1, 10)?, []);
        Err::<(), _>(plan_failed())
    });
    assert!(undone.is_err());
    let delta = Author::new(3).changes(record_id(3));
    let given =
        store.write(move |tx| Ok((tx.append(&delta, at(1))?, tx.feed(2, Audience::Everyone)?))).unwrap();
    assert_eq!(given, (2, 1));
}

pub(crate) fn two_deltas_at_one_place_of_a_chain_are_both_kept(engine: &Engine<'_>) {
    let store = engine.open();
    let author = Author::new(1);
    let (seat, epoch) = (author.seat(), author.epoch);
    let mut chain = Vec::new();
    // A signer may choose any place, the last one included.
    for seq in [1, u64::MAX] {
        let previous =
            if seq == 1 { Header::NO_PREVIOUS } else { record_model::DeltaHash::from_bytes([3; 32]) };
        let one = author.at(seq, previous, Some(record_id(1)), Class::Personal, b"one");
        let rival = author.at(seq, previous, Some(record_id(1)), Class::Personal, b"rival");
        let hashes = [one.hash(), rival.hash()];
        let given = store.write(move |tx| Ok([tx.append(&one, at(1))?, tx.append(&rival, at(2))?])).unwrap();
        let standing = store.read(|tx| tx.chain_at(seat, epoch, seq)).unwrap();
        assert_eq!(standing, [(given[0], hashes[0]), (given[1], hashes[1])]);
        chain.extend(given.map(|index| (seq, index)));
    }
    assert_eq!(store.read(|tx| tx.chain_of(seat, epoch)).unwrap(), chain);
    assert_eq!(store.read(|tx| tx.chain_at(seat, epoch, 2)).unwrap(), []);
}

pub(crate) fn epochs_keep_the_order_in_which_the_log_opened_them(engine: &Engine<'_>) {
    let store = engine.open();
    let seat = Author::new(1).seat();
    let row = move |epoch: u8, through_seq: u64| EpochRow {
        seat,
        epoch: record_model::EpochId::from_bytes([epoch; 8]),
        through_seq,
        through_hash: record_model::DeltaHash::from_bytes([epoch; 32]),
        frozen_by: None,
        decided_by: None,
        ordinal: 0,
    };
    store
        .write(move |tx| {
            // The later epoch has the smaller id: the order is the log's, not the id's.
            tx.put_epoch(&row(9, 1))?;
            tx.put_epoch(&row(2, 1))?;
            tx.put_epoch(&EpochRow { frozen_by: Some(7), decided_by: Some(8), ordinal: 99, ..row(9, 5) })?;
            tx.put_epoch(&EpochRow { seat: Author::new(2).seat(), ..row(1, 1) })
        })
        .unwrap();
    let first = EpochRow { frozen_by: Some(7), decided_by: Some(8), ordinal: 1, ..row(9, 5) };
    let second = EpochRow { ordinal: 2, ..row(2, 1) };
    store
        .read(|tx| {
            assert_eq!(tx.epochs_of(seat)?, [first, second]);
            assert_eq!(tx.epoch(seat, first.epoch)?, Some(first));
            assert_eq!(tx.epoch(seat, record_model::EpochId::from_bytes([7; 8]))?, None);
            Ok(())
        })
        .unwrap();
}

pub(crate) fn an_erased_body_leaves_leaf_header_and_signature(engine: &Engine<'_>) {
    let store = engine.open();
    let deltas = append_changes(&*store, 1, &[1, 2]);
    let leaves = store.read(|tx| tx.leaves_after(0)).unwrap();
    store.write(|tx| tx.erase_body(1)).unwrap();
    store.write(|tx| tx.erase_body(1)).unwrap();
    store
        .read(|tx| {
            let erased = tx.log_entry(1)?.expect("the entry stays");
            let (header, signature, body) = erased.delta.parts();
            let (known_header, known_signature, _) = deltas[0].signed().parts();
            assert_eq!((header, signature, body), (known_header, known_signature, None));
            assert_eq!(tx.leaves_after(0)?, leaves);
            assert!(tx.log_entry(2)?.expect("its neighbour").delta == *deltas[1].signed());
            Ok(())
        })
        .unwrap();
}

// --- the feed ----------------------------------------------------------------------------------------------------

pub(crate) fn a_feed_never_passes_a_gap_that_is_still_being_committed(engine: &Engine<'_>) {
    const WRITERS: u8 = 4;
    const JOBS: usize = 60;
    const ENTRIES_PER_JOB: usize = 3;
    let store = engine.open();
    let store = &*store;
    let written = AtomicU64::new(0);
    let writing = AtomicBool::new(true);
    let seat = Author::new(99).seat();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut cursor, mut seen) = (0, Vec::new());
            loop {
                // Asked before reading: what was written by then must be in this read.
                let finished = !writing.load(Ordering::SeqCst);
                let (entries, through) =
                    store.read(|tx| tx.feed_after(cursor, &shown_to(seat, &[]), 7)).unwrap();
                let nothing_new = through == cursor;
                seen.extend(entries.iter().map(|entry| entry.feed_index));
                cursor = through;
                if finished && nothing_new {
                    return seen;
                }
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let written = &written;
                scope.spawn(move || {
                    let mut author = Author::new(number + 1);
                    for job in 0..JOBS {
                        let deltas: Vec<_> =
                            (0..ENTRIES_PER_JOB).map(|_| author.changes(record_id(1))).collect();
                        // Every fifth job gives its indices back.
                        let fails = job % 5 == 4;
                        let outcome = store.write(move |tx| {
                            for delta in &deltas {
                                let index = tx.append(delta, at(1))?;
                                tx.feed(index, Audience::Everyone)?;
                            }
                            if fails { Err(plan_failed()) } else { Ok(()) }
                        });
                        assert_eq!(outcome.is_err(), fails);
                        if !fails {
                            written.fetch_add(ENTRIES_PER_JOB as u64, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        writing.store(false, Ordering::SeqCst);
        let seen = reader.join().unwrap();
        let every_index_once: Vec<u64> = (1..=written.load(Ordering::SeqCst)).collect();
        assert_eq!(seen, every_index_once);
    });
}

/// Appends one change of a record and shows it to whoever may see the record.
fn feed_change(store: &dyn RegistryStore, author: &mut Author, record: RecordId, class: Class) -> u64 {
    let delta = author.says(Some(record), class, b"answers");
    store
        .write(move |tx| {
            let index = tx.append(&delta, at(1))?;
            tx.feed(index, Audience::Record(record))
        })
        .unwrap()
}

fn shown(store: &dyn RegistryStore, filter: &FeedFilter) -> Vec<u64> {
    let (entries, through) = store.read(|tx| tx.feed_after(0, filter, 1_000)).unwrap();
    let last = entries.last().map_or(0, |entry| entry.feed_index);
    assert!(through >= last);
    entries.iter().map(|entry| entry.feed_index).collect()
}

fn put_record(store: &dyn RegistryStore, row: RecordRow) {
    store.write(move |tx| tx.put_record(&row)).unwrap();
}

pub(crate) fn the_feed_shows_a_seat_its_areas_lineages_and_classes_only(engine: &Engine<'_>) {
    let store = engine.open();
    let mut author = Author::new(1);
    let reader = Author::new(2).seat();
    put_record(&*store, household_record(1));
    put_record(&*store, RecordRow { area: area("HT0112"), ..household_record(2) });
    put_record(&*store, RecordRow { lineage: lineage("ration"), ..household_record(3) });
    let here = feed_change(&*store, &mut author, record_id(1), Class::Personal);
    let elsewhere = feed_change(&*store, &mut author, record_id(2), Class::Personal);
    let other_lineage = feed_change(&*store, &mut author, record_id(3), Class::Personal);
    let restricted = feed_change(&*store, &mut author, record_id(1), Class::Restricted);
    let not_merged = feed_change(&*store, &mut author, record_id(4), Class::Personal);
    let (everyone, to_reader, to_author) = store
        .write({
            let delta = author.says(None, Class::Public, b"news");
            let author = author.seat();
            move |tx| {
                let index = tx.append(&delta, at(1))?;
                Ok((
                    tx.feed(index, Audience::Everyone)?,
                    tx.feed(index, Audience::Seat(reader))?,
                    tx.feed(index, Audience::Seat(author))?,
                ))
            }
        })
        .unwrap();

    let of_commune = shown_to(reader, &["HT0111"]);
    assert_eq!(shown(&*store, &of_commune), [here, other_lineage, everyone, to_reader]);
    let of_both = shown_to(reader, &["HT0112", "HT0111"]);
    assert_eq!(shown(&*store, &of_both), [here, elsewhere, other_lineage, everyone, to_reader]);
    let households = FeedFilter { lineages: vec![lineage("household")], ..of_commune.clone() };
    assert_eq!(shown(&*store, &households), [here, everyone, to_reader]);
    let officer = FeedFilter { max_class: Class::Restricted, ..households.clone() };
    assert_eq!(shown(&*store, &officer), [here, restricted, everyone, to_reader]);
    let partner = FeedFilter { max_class: Class::Public, ..of_both };
    assert_eq!(shown(&*store, &partner), [everyone, to_reader]);
    assert_eq!(shown(&*store, &shown_to(author.seat(), &[])), [everyone, to_author]);
    assert!(!shown(&*store, &of_commune).contains(&not_merged));
}

pub(crate) fn the_feed_leaves_out_what_a_seat_holds_but_not_what_is_said_to_it(engine: &Engine<'_>) {
    let store = engine.open();
    let mut author = Author::new(1);
    put_record(&*store, household_record(1));
    let first = feed_change(&*store, &mut author, record_id(1), Class::Personal);
    let second = feed_change(&*store, &mut author, record_id(1), Class::Personal);
    let third = feed_change(&*store, &mut author, record_id(1), Class::Personal);
    let (seat, epoch) = (author.seat(), author.epoch);
    let to_seat = store.write(move |tx| tx.feed(1, Audience::Seat(seat))).unwrap();

    let nothing_held = shown_to(seat, &["HT0111"]);
    assert_eq!(shown(&*store, &nothing_held), [first, second, third, to_seat]);
    let end = |through_seq| ChainEnd { seat, epoch, through_seq };
    let two_held = FeedFilter { have: vec![end(2), end(1)], ..nothing_held.clone() };
    assert_eq!(shown(&*store, &two_held), [third, to_seat]);
    let other_epoch = ChainEnd { epoch: record_model::EpochId::from_bytes([77; 8]), ..end(9) };
    let other_held = FeedFilter { have: vec![other_epoch], ..nothing_held };
    assert_eq!(shown(&*store, &other_held), [first, second, third, to_seat]);
}

pub(crate) fn a_record_that_moves_is_shown_where_it_lives_now(engine: &Engine<'_>) {
    let store = engine.open();
    let mut author = Author::new(1);
    put_record(&*store, household_record(1));
    // The header says HT0111 for ever; the record moves.
    let index = feed_change(&*store, &mut author, record_id(1), Class::Personal);
    let (old, new) = (shown_to(author.seat(), &["HT0111"]), shown_to(author.seat(), &["HT0155"]));
    assert_eq!((shown(&*store, &old), shown(&*store, &new)), (vec![index], vec![]));
    put_record(&*store, RecordRow { area: area("HT0155"), ..household_record(1) });
    assert_eq!((shown(&*store, &old), shown(&*store, &new)), (vec![], vec![index]));
}

pub(crate) fn a_feed_call_is_bounded_and_its_cursor_passes_what_is_hidden(engine: &Engine<'_>) {
    // More than any engine may look through in one call.
    const HIDDEN: u64 = 50_000;
    let store = engine.open();
    let mut author = Author::new(1);
    let (reader, other) = (Author::new(2).seat(), Author::new(3).seat());
    let delta = author.says(None, Class::Public, b"news");
    let last = store
        .write(move |tx| {
            let index = tx.append(&delta, at(1))?;
            for _ in 0..HIDDEN {
                tx.feed(index, Audience::Seat(other))?;
            }
            tx.feed(index, Audience::Seat(reader))
        })
        .unwrap();
    let filter = shown_to(reader, &[]);
    let (mut cursor, mut calls) = (0, 0);
    let found = loop {
        let (entries, through) = store.read(|tx| tx.feed_after(cursor, &filter, 10)).unwrap();
        calls += 1;
        if let Some(entry) = entries.first() {
            assert_eq!(through, last);
            break entry.feed_index;
        }
        assert!(through > cursor, "the cursor stood still before the end");
        cursor = through;
    };
    assert_eq!(found, last);
    assert!(calls > 1, "one call looked through {HIDDEN} entries");
    let at_end = |cursor| store.read(|tx| tx.feed_after(cursor, &filter, 10)).unwrap();
    assert!(at_end(last).0.is_empty() && at_end(last).1 == last);
    // A cursor from a log that had more: never passes what is still to come.
    assert!(at_end(last + 5).0.is_empty() && at_end(last + 5).1 == last);
    let none_wanted = store.read(|tx| tx.feed_after(3, &filter, 0)).unwrap();
    assert!(none_wanted.0.is_empty() && none_wanted.1 == 3);
}

// --- seats, publications, settings -------------------------------------------------------------------------------

pub(crate) fn a_seat_comes_back_as_written_and_touched(engine: &Engine<'_>) {
    let store = engine.open();
    let row = |number: u8, certificate_index| SeatRow {
        seat: Author::new(number).seat(),
        certificate_index,
        person: format!("Marie-Ange {number}"),
        device: "pòtab".to_owned(),
        role: Role::TeamLeader,
        revocation_index: None,
        last_seen_at: None,
    };
    let (one, two) = (row(1, 8), row(2, 3));
    let revoked = SeatRow { revocation_index: Some(12), ..two.clone() };
    let (first, second, third) = (one.clone(), two.clone(), revoked.clone());
    store
        .write(move |tx| {
            tx.put_seat(&first)?;
            tx.put_seat(&second)?;
            tx.put_seat(&third)?;
            tx.touch_seat(first.seat, at(5))?;
            tx.touch_seat(Author::new(9).seat(), at(5))
        })
        .unwrap();
    let touched = SeatRow { last_seen_at: Some(at(5)), ..one };
    store
        .read(|tx| {
            assert_eq!(tx.seat(touched.seat)?, Some(touched.clone()));
            assert_eq!(tx.seats()?, [revoked, touched]);
            assert_eq!(tx.seat(Author::new(9).seat())?, None);
            Ok(())
        })
        .unwrap();
}

pub(crate) fn an_invitation_comes_back_and_remembers_who_used_it(engine: &Engine<'_>) {
    let store = engine.open();
    let row = |number: u8| InvitationRow {
        code_key: [number; 32],
        person: "Jean".to_owned(),
        role: Role::Enumerator,
        areas: vec![area("HT0111"), area("HT0112-01")],
        lineages: vec![lineage("household")],
        created_at: at(100 - i64::from(number)),
        expires_at: at(1_000),
        used_by: None,
    };
    let used = InvitationRow { used_by: Some(Author::new(1).seat()), ..row(1) };
    let written = used.clone();
    store
        .write(move |tx| {
            tx.put_invitation(&row(1))?;
            tx.put_invitation(&row(2))?;
            tx.put_invitation(&written)
        })
        .unwrap();
    store
        .read(|tx| {
            assert_eq!(tx.invitation([1; 32])?, Some(used.clone()));
            assert_eq!(tx.invitations()?, [row(2), used]);
            assert_eq!(tx.invitation([3; 32])?, None);
            Ok(())
        })
        .unwrap();
}

pub(crate) fn a_request_counter_is_taken_once_and_never_goes_back(engine: &Engine<'_>) {
    let store = engine.open();
    let (seat, other) = (Author::new(1).seat(), Author::new(2).seat());
    let take = |seat, counter| store.write(move |tx| tx.take_request_counter(seat, counter)).unwrap();
    assert_eq!(store.read(|tx| tx.request_counter(seat)).unwrap(), 0);
    assert!(!take(seat, 0));
    assert!(take(seat, 5));
    assert!(!take(seat, 5), "a replay was taken");
    assert!(!take(seat, 4));
    assert!(take(seat, 6));
    assert!(take(other, 1));
    assert!(take(seat, u64::MAX));
    assert!(!take(seat, 7));
    assert_eq!(store.read(|tx| tx.request_counter(seat)).unwrap(), u64::MAX);
}

pub(crate) fn publications_come_in_the_order_of_the_log_with_their_files(engine: &Engine<'_>) {
    let store = engine.open();
    let row = |log_index, number, files: &[&str]| PublicationRow {
        log_index,
        lineage: lineage("household"),
        revision: revision(number),
        files: files
            .iter()
            .map(|name| PublishedFile { name: (*name).to_owned(), sha256: [number; 32], size_bytes: 12 })
            .collect(),
    };
    let first = row(3, 2, &["form.xlsx", "areas.csv"]);
    let second = row(7, 1, &["form.xlsx"]);
    let again = row(9, 2, &[]);
    let rows = [again.clone(), first.clone(), second.clone(), first.clone()];
    store.write(move |tx| rows.iter().try_for_each(|row| tx.put_publication(row))).unwrap();
    store
        .read(|tx| {
            assert_eq!(tx.publications()?, [first, second.clone(), again.clone()]);
            assert_eq!(tx.publication(revision(1))?, Some(second));
            assert_eq!(tx.publication(revision(2))?, Some(again), "the latest publication counts");
            assert_eq!(tx.publication(revision(3))?, None);
            Ok(())
        })
        .unwrap();
}

pub(crate) fn content_settings_and_numbers_come_back(engine: &Engine<'_>) {
    let store = engine.open();
    let content = vec![5; 100_000];
    let numbers = store
        .write(move |tx| {
            tx.put_blob([1; 32], &content)?;
            tx.put_blob([1; 32], &content)?;
            tx.put_setting("backed_up_through", b"1")?;
            tx.put_setting("backed_up_through", b"2")?;
            Ok([tx.next_number("range")?, tx.next_number("range")?, tx.next_number("other")?])
        })
        .unwrap();
    assert_eq!(numbers, [1, 2, 1]);
    store
        .read(|tx| {
            assert_eq!(tx.blob([1; 32])?, Some(vec![5; 100_000]));
            assert_eq!(tx.blob([2; 32])?, None);
            assert_eq!(tx.setting("backed_up_through")?.as_deref(), Some(b"2".as_slice()));
            Ok(())
        })
        .unwrap();
}

// --- records -----------------------------------------------------------------------------------------------------

fn ids(rows: &[RecordRow]) -> Vec<RecordId> {
    rows.iter().map(|row| row.record).collect()
}

pub(crate) fn a_record_comes_back_and_is_found_by_place_and_number(engine: &Engine<'_>) {
    let store = engine.open();
    let one = household_record(1);
    let two = RecordRow {
        area: area("HT0112"),
        lineage: lineage("ration"),
        status: registry_store::RecordStatus::Draft,
        registration_number: None,
        heads: vec![],
        visit: record_model::Visit { at: at(-5), utc_offset_minutes: 60 },
        ..household_record(2)
    };
    put_record(&*store, household_record(1));
    put_record(&*store, two.clone());
    store
        .read(|tx| {
            assert_eq!(tx.record(one.record)?, Some(one.clone()));
            assert_eq!(tx.record(two.record)?, Some(two.clone()));
            assert_eq!(tx.record(record_id(3))?, None);
            let number = one.registration_number.as_deref().expect("it has one");
            assert_eq!(tx.record_by_number(number)?, Some(one.record));
            assert_eq!(tx.record_by_number("HT-00001-000002-X")?, None);
            let found = |filter: &RecordFilter| tx.records(filter, 10).map(|rows| ids(&rows));
            assert_eq!(found(&RecordFilter::default())?, [one.record, two.record]);
            let rations = RecordFilter { lineage: Some(lineage("ration")), ..RecordFilter::default() };
            assert_eq!(found(&rations)?, [two.record]);
            let of = |areas: &[&str]| RecordFilter {
                areas: Some(areas.iter().map(|code| area(code)).collect()),
                ..RecordFilter::default()
            };
            assert_eq!(found(&of(&["HT0111"]))?, [one.record]);
            assert_eq!(found(&of(&["HT0112", "HT0111"]))?, [one.record, two.record]);
            assert_eq!(found(&of(&[]))?, []);
            Ok(())
        })
        .unwrap();
    let moved = RecordRow { area: area("HT0155"), digest: [9; 32], heads: vec![], ..one };
    put_record(&*store, moved.clone());
    assert_eq!(store.read(|tx| tx.record(moved.record)).unwrap(), Some(moved));
}

pub(crate) fn records_are_paged_by_id(engine: &Engine<'_>) {
    let store = engine.open();
    for number in [5, 3, 9, 1, 7] {
        let place = if number == 7 { "HT0112" } else { "HT0111" };
        put_record(&*store, RecordRow { area: area(place), ..household_record(number) });
    }
    for areas in [None, Some(vec![area("HT0111"), area("HT0112")])] {
        let mut filter = RecordFilter { areas, ..RecordFilter::default() };
        let mut seen = Vec::new();
        loop {
            let page = store.read(|tx| tx.records(&filter, 2)).unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            filter.after = Some(last.record);
            seen.extend(ids(&page));
        }
        assert_eq!(seen, [1, 3, 5, 7, 9].map(record_id));
    }
}

pub(crate) fn digests_follow_the_records_present_area(engine: &Engine<'_>) {
    let store = engine.open();
    for number in [3, 1, 2] {
        put_record(&*store, household_record(number));
    }
    put_record(&*store, RecordRow { area: area("HT0112"), digest: [99; 32], ..household_record(2) });
    let of = |areas: Option<&[&str]>| {
        let areas = areas.map(|areas| areas.iter().map(|code| area(code)).collect());
        let filter = RecordFilter { areas, ..RecordFilter::default() };
        store.read(|tx| tx.digests(&filter)).unwrap()
    };
    let (one, two, three) = ((record_id(1), [1; 32]), (record_id(2), [99; 32]), (record_id(3), [3; 32]));
    assert_eq!(of(None), [one, two, three]);
    assert_eq!(of(Some(&["HT0111"])), [one, three]);
    assert_eq!(of(Some(&["HT0112", "HT0111"])), [one, two, three]);
    let after = RecordFilter {
        lineage: Some(lineage("household")),
        after: Some(record_id(1)),
        ..RecordFilter::default()
    };
    assert_eq!(store.read(|tx| tx.digests(&after)).unwrap(), [two, three]);
}

pub(crate) fn changes_lead_back_to_where_they_came_from(engine: &Engine<'_>) {
    let store = engine.open();
    let origin = |number, log_index, visit| ChangeOrigin {
        change: change_hash(number),
        record: record_id(1),
        log_index,
        seat: Author::new(1).seat(),
        visit,
        revision: revision(4),
    };
    let (late, early) = (origin(1, 9, Some(visit(3))), origin(2, 4, None));
    let other = ChangeOrigin { record: record_id(2), ..origin(3, 5, None) };
    store
        .write(move |tx| {
            tx.put_change(&late)?;
            tx.put_change(&early)?;
            tx.put_change(&other)
        })
        .unwrap();
    store
        .read(|tx| {
            assert_eq!(tx.change_origin(late.change)?, Some(late));
            assert_eq!(tx.change_origin(change_hash(7))?, None);
            assert_eq!(tx.changes_of(record_id(1))?, [early, late]);
            Ok(())
        })
        .unwrap();
}

pub(crate) fn decisions_come_in_the_order_of_the_log(engine: &Engine<'_>) {
    let store = engine.open();
    let decision = |number: u8| Decision {
        item: ItemId::from_bytes([number; 32]),
        delta: record_model::DeltaHash::from_bytes([number; 32]),
    };
    store
        .write(move |tx| {
            tx.put_decision(record_id(1), &decision(1), 9)?;
            tx.put_decision(record_id(1), &decision(2), 4)?;
            tx.put_decision(record_id(1), &decision(2), 4)?;
            tx.put_decision(record_id(2), &decision(3), 5)
        })
        .unwrap();
    let found = store.read(|tx| Ok([tx.decisions(record_id(1))?, tx.decisions(record_id(2))?])).unwrap();
    assert_eq!(found, [vec![decision(2), decision(1)], vec![decision(3)]]);
}

pub(crate) fn outcomes_other_than_merged_are_set_aside_until_they_merge(engine: &Engine<'_>) {
    let store = engine.open();
    let row = |log_index, code, reason| OutcomeRow { log_index, code, reason };
    let held = row(3, OutcomeCode::Held, None);
    let merged = row(1, OutcomeCode::Merged, None);
    let aside = row(2, OutcomeCode::Quarantined, Some(ReasonCode::WrongActor));
    store.write(move |tx| [held, merged, aside].iter().try_for_each(|row| tx.put_outcome(row))).unwrap();
    store
        .read(|tx| {
            assert_eq!(tx.outcome(2)?, Some(aside));
            assert_eq!(tx.outcome(9)?, None);
            assert_eq!(tx.set_aside(10)?, [aside, held]);
            assert_eq!(tx.set_aside(1)?, [aside]);
            assert_eq!(tx.outcomes_after(0, 2)?, [merged, aside]);
            assert_eq!(tx.outcomes_after(2, 2)?, [held]);
            Ok(())
        })
        .unwrap();
    store.write(move |tx| tx.put_outcome(&row(2, OutcomeCode::Merged, None))).unwrap();
    assert_eq!(store.read(|tx| tx.set_aside(10)).unwrap(), [held]);
}

pub(crate) fn held_entries_are_found_by_what_they_wait_for(engine: &Engine<'_>) {
    let store = engine.open();
    append_changes(&*store, 1, &[1, 2, 1]);
    let author = Author::new(1);
    let place = HeldOn::Chain(author.seat(), author.epoch, 2);
    let change = HeldOn::Change(change_hash(1));
    store
        .write(move |tx| {
            tx.hold(3, change)?;
            tx.hold(3, change)?;
            tx.hold(1, change)?;
            tx.hold(2, place)?;
            tx.hold(1, HeldOn::Change(change_hash(2)))
        })
        .unwrap();
    let of_record = |number| store.read(|tx| tx.held_of_record(record_id(number))).unwrap();
    store
        .read(|tx| {
            assert_eq!(tx.held_on(change)?, [1, 3]);
            assert_eq!(tx.held_on(place)?, [2]);
            assert!(tx.held_on(HeldOn::Chain(author.seat(), author.epoch, 3))?.is_empty());
            Ok(())
        })
        .unwrap();
    assert_eq!((of_record(1), of_record(2)), (vec![1, 3], vec![]));
    store.write(|tx| tx.release(1)).unwrap();
    assert_eq!(store.read(|tx| tx.held_on(change)).unwrap(), [3]);
    assert_eq!(of_record(1), [3]);
}

// --- review items ------------------------------------------------------------------------------------------------

pub(crate) fn items_are_paged_in_the_order_they_opened(engine: &Engine<'_>) {
    let store = engine.open();
    // Four items, two of them opened by one entry, one settled.
    let mut rows = [conflict(1, 9), conflict(2, 4), conflict(3, 9), conflict(4, 1)];
    rows[3].settled = Some(Settlement::Decided(11));
    let written = rows.clone();
    store.write(move |tx| written.iter().try_for_each(|row| tx.put_item(row))).unwrap();
    rows.sort_by_key(|row| (row.opened_index, row.id));

    let page_through = |mut filter: ItemFilter| {
        let mut seen = Vec::new();
        loop {
            let page = store.read(|tx| tx.items(&filter, 1)).unwrap();
            let Some(last) = page.last() else { return seen };
            filter.after = Some((last.opened_index, last.id));
            seen.extend(page);
        }
    };
    assert_eq!(page_through(ItemFilter::default()), rows);
    let open = ItemFilter { open_only: true, ..ItemFilter::default() };
    assert_eq!(page_through(open.clone()), rows[1..]);
    let count = |filter: &ItemFilter| store.read(|tx| tx.count_items(filter)).unwrap();
    assert_eq!((count(&ItemFilter::default()), count(&open)), (4, 3));
    let of_record = ItemFilter { record: Some(record_id(3)), ..open.clone() };
    assert_eq!(count(&of_record), 1);
    let rule_breaks = ItemFilter { kind: Some(record_model::FindingKind::RuleBreak), ..open };
    assert_eq!((count(&rule_breaks), page_through(rule_breaks)), (0, vec![]));
    for row in &rows {
        assert_eq!(store.read(|tx| tx.item(row.id)).unwrap().as_ref(), Some(row));
    }
    let settled = registry_store::ItemRow { settled: Some(Settlement::Superseded(20)), ..rows[1].clone() };
    let written = settled.clone();
    store.write(move |tx| tx.put_item(&written)).unwrap();
    assert_eq!(store.read(|tx| tx.item(settled.id)).unwrap(), Some(settled));
}

pub(crate) fn items_follow_their_record_to_its_present_area(engine: &Engine<'_>) {
    let store = engine.open();
    let item = conflict(1, 1);
    let (id, written) = (item.id, item.clone());
    let found = |code: &str| {
        let filter = ItemFilter { areas: Some(vec![area(code)]), open_only: true, ..ItemFilter::default() };
        let items = store.read(|tx| tx.items(&filter, 10)).unwrap();
        assert_eq!(store.read(|tx| tx.count_items(&filter)).unwrap(), items.len() as u64);
        items.iter().map(|item| item.id).collect::<Vec<_>>()
    };
    // Written before its record.
    store.write(move |tx| tx.put_item(&written)).unwrap();
    assert_eq!(found("HT0111"), []);
    put_record(&*store, household_record(1));
    assert_eq!(found("HT0111"), [id]);
    put_record(&*store, RecordRow { area: area("HT0112"), ..household_record(1) });
    assert_eq!((found("HT0111"), found("HT0112")), (vec![], vec![id]));
    store.write(move |tx| tx.put_item(&item)).unwrap();
    assert_eq!((found("HT0111"), found("HT0112")), (vec![], vec![id]));
}

// --- registry rows -----------------------------------------------------------------------------------------------

fn put_projection(store: &dyn RegistryStore, number: u32, projection: Projection) {
    store.write(move |tx| tx.put_projection(record_id(number), &projection)).unwrap();
}

pub(crate) fn a_projection_is_replaced_as_a_whole(engine: &Engine<'_>) {
    let store = engine.open();
    let of = |number| store.read(|tx| tx.projection(record_id(number))).unwrap();
    put_projection(&*store, 1, household_projection(1, 5));
    put_projection(&*store, 2, household_projection(2, 1));
    assert!(of(1) == household_projection(1, 5));
    assert_eq!(store.read(|tx| tx.registry_size()).unwrap(), (2, 6));
    put_projection(&*store, 1, household_projection(1, 2));
    assert!(of(1) == household_projection(1, 2));
    assert!(of(2) == household_projection(2, 1), "a neighbour's rows changed");
    put_projection(&*store, 1, Projection::default());
    assert!(of(1) == Projection::default());
    assert_eq!(store.read(|tx| tx.registry_size()).unwrap(), (1, 1));
}

pub(crate) fn a_person_whom_two_records_claim_counts_in_both(engine: &Engine<'_>) {
    let store = engine.open();
    put_projection(&*store, 1, household_projection(1, 2));
    let mut moved_to = household_projection(2, 1);
    moved_to.persons.extend(household_projection(1, 1).persons);
    put_projection(&*store, 2, moved_to);
    assert_eq!(store.read(|tx| tx.registry_size()).unwrap(), (2, 4));
    put_projection(&*store, 1, Projection::default());
    assert_eq!(store.read(|tx| tx.registry_size()).unwrap(), (1, 2));
}

// --- what a rebuild must reproduce -------------------------------------------------------------------------------

fn derived(store: &dyn RegistryStore) -> Vec<Vec<u8>> {
    store
        .read(|tx| {
            let mut parts = Vec::new();
            tx.visit_derived(&mut |part| parts.push(part.to_vec()))?;
            Ok(parts)
        })
        .unwrap()
}

/// Everything a merge writes for one household.
fn merge(tx: &mut dyn Tx, number: u32) -> Result<(), StoreError> {
    let log_index = u64::from(number);
    let record = record_id(number);
    tx.put_record(&household_record(number))?;
    tx.put_change(&ChangeOrigin {
        change: change_hash(number),
        record,
        log_index,
        seat: Author::new(1).seat(),
        visit: None,
        revision: revision(1),
    })?;
    let item = conflict(number, log_index);
    let delta = record_model::DeltaHash::from_bytes([number as u8; 32]);
    tx.put_decision(record, &Decision { item: item.id, delta }, log_index)?;
    tx.put_item(&item)?;
    tx.put_outcome(&OutcomeRow { log_index, code: OutcomeCode::Merged, reason: None })?;
    tx.put_projection(record, &household_projection(number, 3))
}

pub(crate) fn clearing_and_writing_again_gives_the_same_derived_bytes(engine: &Engine<'_>) {
    let store = engine.open();
    append_changes(&*store, 1, &[1, 2, 3]);
    store
        .write(|tx| {
            tx.hold(3, HeldOn::Change(change_hash(9)))?;
            tx.set_merged_through(3)?;
            tx.feed(1, Audience::Everyone)?;
            [1, 2, 3].into_iter().try_for_each(|number| merge(tx, number))
        })
        .unwrap();
    let live = derived(&*store);
    let distinct: BTreeSet<_> = live.iter().collect();
    assert_eq!(distinct.len(), live.len(), "two rows gave the same bytes");

    store.write(|tx| tx.clear_derived()).unwrap();
    store
        .read(|tx| {
            assert_eq!((tx.log_len()?, tx.merged_through()?, tx.registry_size()?), (3, 0, (0, 0)));
            assert_eq!(tx.feed_after(0, &shown_to(Author::new(1).seat(), &[]), 9)?.0.len(), 1);
            assert_eq!((tx.record(record_id(1))?, tx.outcome(1)?), (None, None));
            assert_eq!((tx.changes_of(record_id(1))?, tx.decisions(record_id(1))?), (vec![], vec![]));
            assert!(tx.held_on(HeldOn::Change(change_hash(9)))?.is_empty());
            assert_eq!(tx.count_items(&ItemFilter::default())?, 0);
            Ok(())
        })
        .unwrap();
    assert!(derived(&*store).is_empty());

    for number in [3, 1, 2] {
        store.write(move |tx| merge(tx, number)).unwrap();
    }
    assert!(derived(&*store) == live, "the order of writing shows");
}

pub(crate) fn derived_bytes_leave_out_what_a_replay_may_do_otherwise(engine: &Engine<'_>) {
    let store = engine.open();
    store.write(|tx| merge(tx, 1)).unwrap();
    let live = derived(&*store);
    // A replay works the log in other groups: it opens an item later, closes one that never stood here, and touches a
    // record at another entry.
    store
        .write(|tx| {
            tx.put_item(&conflict(1, 99))?;
            let moot = registry_store::ItemRow { settled: Some(Settlement::Superseded(5)), ..conflict(2, 4) };
            tx.put_item(&moot)?;
            tx.put_record(&RecordRow { updated_index: 77, ..household_record(1) })?;
            tx.set_merged_through(12)
        })
        .unwrap();
    assert!(derived(&*store) == live);
    let decided = registry_store::ItemRow { settled: Some(Settlement::Decided(6)), ..conflict(1, 1) };
    store.write(move |tx| tx.put_item(&decided)).unwrap();
    assert!(derived(&*store) != live, "a settlement does not show");
}

pub(crate) fn derived_bytes_change_with_every_table(engine: &Engine<'_>) {
    let store = engine.open();
    let mut seen = vec![derived(&*store)];
    let mut differs_after = |job: registry_store::WriteJob| {
        store.submit(job).wait().unwrap();
        let now = derived(&*store);
        assert!(!seen.contains(&now), "write {} does not show", seen.len());
        seen.push(now);
    };
    differs_after(Box::new(|tx| merge(tx, 1)));
    differs_after(Box::new(|tx| tx.put_record(&RecordRow { digest: [3; 32], ..household_record(1) })));
    differs_after(Box::new(|tx| tx.put_item(&conflict(5, 1))));
    differs_after(Box::new(|tx| {
        let delta = record_model::DeltaHash::from_bytes([1; 32]);
        tx.put_decision(record_id(1), &Decision { item: conflict(5, 1).id, delta }, 8)
    }));
    differs_after(Box::new(|tx| {
        tx.put_outcome(&OutcomeRow { log_index: 1, code: OutcomeCode::Held, reason: None })
    }));
    let rows = household_projection(1, 3);
    let mut other = rows.clone();
    other.household.as_mut().expect("it has one").label.push('x');
    differs_after(Box::new(move |tx| tx.put_projection(record_id(1), &other)));
    let mut other = rows.clone();
    other.persons[1].label.push('x');
    differs_after(Box::new(move |tx| tx.put_projection(record_id(1), &other)));
    let mut other = rows.clone();
    other.memberships[1].relationship = None;
    differs_after(Box::new(move |tx| tx.put_projection(record_id(1), &other)));
    let mut other = rows;
    other.identifiers[1].value.push('x');
    differs_after(Box::new(move |tx| tx.put_projection(record_id(1), &other)));
}

// --- the whole ---------------------------------------------------------------------------------------------------

fn fill(store: &dyn RegistryStore) {
    append_changes(store, 1, &[1, 2]);
    store
        .write(|tx| {
            tx.feed(1, Audience::Everyone)?;
            tx.feed(2, Audience::Record(record_id(2)))?;
            tx.take_request_counter(Author::new(1).seat(), 3)?;
            tx.put_setting("name", b"value")?;
            tx.set_merged_through(2)?;
            merge(tx, 1)?;
            merge(tx, 2)
        })
        .unwrap();
}

/// Whatever [`fill`] wrote, as read back.
fn everything(store: &dyn RegistryStore) -> impl PartialEq + use<> {
    let seat = Author::new(1).seat();
    let (log, feed, leaves, rest) = store
        .read(|tx| {
            let log: Vec<_> = tx.log_after(0, 10)?.iter().map(|entry| entry.delta.encode()).collect();
            let (feed, through) = tx.feed_after(0, &shown_to(seat, &["HT0111"]), 10)?;
            let feed: Vec<_> = feed.iter().map(|entry| (entry.feed_index, entry.entry.index)).collect();
            let rest = (
                through,
                tx.request_counter(seat)?,
                tx.setting("name")?,
                tx.merged_through()?,
                tx.records(&RecordFilter::default(), 10)?,
            );
            Ok((log, feed, tx.leaves_after(0)?, rest))
        })
        .unwrap();
    assert_eq!((log.len(), feed.len(), leaves.len()), (2, 2, 2));
    (log, feed, leaves, rest, derived(store))
}

pub(crate) fn reopening_gives_everything_back(engine: &Engine<'_>) {
    let store = engine.open();
    fill(&*store);
    let before = everything(&*store);
    drop(store);
    assert!(everything(&*engine.open()) == before);
}

pub(crate) fn a_backup_holds_what_the_registry_holds(engine: &Engine<'_>) {
    let store = engine.open();
    fill(&*store);
    let before = everything(&*store);
    let other_folder = engine.folder.join("copy");
    std::fs::create_dir(&other_folder).unwrap();
    let copy = other_folder.join("registry.db");
    store.backup_to(&copy).unwrap();
    store.write(|tx| tx.put_setting("name", b"after the backup")).unwrap();
    assert!(store.backup_to(&copy).is_err(), "an existing file was overwritten");
    let restored = (engine.open)(&other_folder);
    restored.check().unwrap();
    assert!(everything(&*restored) == before);
    // A restored registry goes on where the copy stopped.
    let delta = Author::new(2).changes(record_id(1));
    assert_eq!(restored.write(move |tx| tx.append(&delta, at(1))).unwrap(), 3);
}
