//! The one writer: a thread that owns the writing connection and takes jobs from a bounded queue. Jobs that wait
//! together are a group and share one commit, so one fsync; then every ticket of the group is told.
//!
//! ```text
//! together                    one failed or panicked: ROLLBACK, then one by one
//!
//! BEGIN                       BEGIN
//!   j1                          SAVEPOINT  j1  RELEASE
//!   j2                          SAVEPOINT  j2  ROLLBACK TO      only j2 is undone
//!   j3                          SAVEPOINT  j3  RELEASE
//! COMMIT                      COMMIT
//! ```
//!
//! Savepoints are kept for the rare case because they cost most of the throughput: each page that a job touches is
//! copied first, and SQLite walks all copies again at the end of every statement.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use sqlite_support::{SqliteError, ToSqliteError};

use super::tx::SqliteTx;
use crate::contract::{WriteJob, WriteTicket};
use crate::error::StoreError;

/// Jobs that share one commit at most.
const MAX_GROUP_JOBS: usize = 64;

/// Rows after which a group takes no further job: bounds how long its first job waits for its commit. Some eight full
/// batches; a commit's fsync is a few milliseconds in half a second of work.
const MAX_GROUP_ROWS: u64 = 8_000;

/// Jobs that wait at most; [`Writer::submit`] blocks when so many do.
const MAX_QUEUED_JOBS: usize = 1024;

/// Memory for pages of the writing connection: the upper levels of the indexes by hash stay in it.
const PAGE_CACHE_KIB: i64 = 64 * 1024;

/// Pages in the write-ahead log before they are moved into the database: 64 MiB. Ids are random, so merging dirties the
/// same index pages over and over; the longer they wait, the fewer times each is moved.
const CHECKPOINT_PAGES: i64 = 16_384;

/// A write-ahead log that grew beyond this (a long read held it) is cut back once it can be.
const MAX_IDLE_WAL_BYTES: i64 = 128 * 1024 * 1024;

struct Queued {
    job: WriteJob,
    done: SyncSender<Result<(), StoreError>>,
}

pub(super) struct Writer {
    /// None only while dropping.
    queue: Option<SyncSender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(conn: Connection, path: &Path) -> Result<Self, StoreError> {
        let tune = |pragma, value: i64| {
            // Some of these pragmas answer with a row, which `pragma_update` would take for an error.
            conn.pragma_update_and_check(None, pragma, value, |_| Ok(()))
                .or_else(|error| match error {
                    rusqlite::Error::QueryReturnedNoRows => Ok(()),
                    error => Err(error),
                })
                .doing("tune the writer", path)
        };
        tune("cache_size", -PAGE_CACHE_KIB)?;
        tune("wal_autocheckpoint", CHECKPOINT_PAGES)?;
        tune("journal_size_limit", MAX_IDLE_WAL_BYTES)?;
        expect_durable(&conn, path)?;
        let (queue, jobs) = sync_channel(MAX_QUEUED_JOBS);
        let path = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("registry-writer".to_owned())
            .spawn(move || write_until_closed(&conn, &path, &jobs))
            .map_err(|source| StoreError::Io { doing: "start the writer", source })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Blocks while the queue is full. A ticket whose job cannot be taken resolves to [`StoreError::Closed`].
    pub(super) fn submit(&self, job: WriteJob) -> WriteTicket {
        let (done, ticket) = WriteTicket::new();
        if let Some(queue) = &self.queue {
            // On failure the job comes back and its sender is dropped with it, which tells the ticket.
            let _ = queue.send(Queued { job, done });
        }
        ticket
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        let Some(thread) = self.thread.take() else { return };
        // A job may hold the last handle of its own store: a thread cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

/// What this thread acknowledges must survive a power cut. Asked of the very connection that commits.
fn expect_durable(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    const FULL: i64 = 2;
    let found: i64 =
        conn.query_row("PRAGMA synchronous", [], |row| row.get(0)).doing("read a pragma back", path)?;
    if found >= FULL {
        return Ok(());
    }
    let (pragma, expected) = ("synchronous", "2 (FULL)");
    Err(SqliteError::Pragma { path: path.to_owned(), pragma, found: found.to_string(), expected }.into())
}

fn write_until_closed(conn: &Connection, path: &Path, jobs: &Receiver<Queued>) {
    while let Ok(first) = jobs.recv() {
        write_group(&mut SqliteTx::new(conn, path), first, jobs);
    }
}

/// The whole group was undone.
struct GroupUndone {
    error: StoreError,
    /// Position of the job that met the error; none when beginning or committing failed.
    met_by: Option<usize>,
}

type Verdicts = Vec<Result<(), StoreError>>;

fn write_group(tx: &mut SqliteTx<'_>, first: Queued, waiting: &Receiver<Queued>) {
    let mut group = vec![first];
    let outcome = commit_together(tx, &mut group, waiting).or_else(|undone| {
        tx.abandon();
        // A lone job had no neighbours to spare, and a failed commit is nobody's own fault.
        if group.len() == 1 || undone.met_by.is_none() {
            return Err(undone);
        }
        commit_one_by_one(tx, &mut group).inspect_err(|_| tx.abandon())
    });
    match outcome {
        Ok(verdicts) => {
            for (queued, verdict) in group.iter().zip(verdicts) {
                tell(queued, verdict);
            }
        }
        Err(undone) => tell_all(&group, undone),
    }
}

/// Takes further jobs as long as some wait and the group is not full.
fn commit_together(
    tx: &mut SqliteTx<'_>,
    group: &mut Vec<Queued>,
    waiting: &Receiver<Queued>,
) -> Result<Verdicts, GroupUndone> {
    begin(tx)?;
    let rows_before = tx.rows_written();
    let mut position = 0;
    while let Some(queued) = group.get_mut(position) {
        run(tx, &mut queued.job).map_err(|error| GroupUndone { error, met_by: Some(position) })?;
        position += 1;
        let has_room = position < MAX_GROUP_JOBS && tx.rows_written() - rows_before < MAX_GROUP_ROWS;
        if has_room && let Ok(next) = waiting.try_recv() {
            group.push(next);
        }
    }
    commit(tx)?;
    Ok(group.iter().map(|_| Ok(())).collect())
}

fn commit_one_by_one(tx: &mut SqliteTx<'_>, group: &mut [Queued]) -> Result<Verdicts, GroupUndone> {
    begin(tx)?;
    let mut verdicts = Vec::with_capacity(group.len());
    for (position, queued) in group.iter_mut().enumerate() {
        let verdict = run_in_savepoint(tx, &mut queued.job)
            .map_err(|error| GroupUndone { error, met_by: Some(position) })?;
        verdicts.push(verdict);
    }
    commit(tx)?;
    Ok(verdicts)
}

fn begin(tx: &mut SqliteTx<'_>) -> Result<(), GroupUndone> {
    tx.control("begin a write", "BEGIN IMMEDIATE").map_err(|error| GroupUndone { error, met_by: None })
}

fn commit(tx: &mut SqliteTx<'_>) -> Result<(), GroupUndone> {
    tx.control("commit", "COMMIT").map_err(|error| GroupUndone { error, met_by: None })
}

/// `Ok` holds the job's own verdict; `Err` says that SQLite undid the whole group.
fn run_in_savepoint(tx: &mut SqliteTx<'_>, job: &mut WriteJob) -> Result<Result<(), StoreError>, StoreError> {
    tx.control("begin a job", "SAVEPOINT job")?;
    match run(tx, job) {
        Ok(()) => {
            tx.control("end a job", "RELEASE job")?;
            Ok(Ok(()))
        }
        Err(error) if tx.is_undone() => Err(error),
        Err(error) => {
            tx.control("undo a job", "ROLLBACK TO job")?;
            tx.control("undo a job", "RELEASE job")?;
            Ok(Err(error))
        }
    }
}

fn run(tx: &mut SqliteTx<'_>, job: &mut WriteJob) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(|| job(tx))).unwrap_or(Err(StoreError::Panicked))?;
    // A full disk or a failed read makes SQLite roll back everything since BEGIN; the job may not have cared.
    if tx.is_undone() { Err(StoreError::Undone) } else { Ok(()) }
}

fn tell_all(group: &[Queued], undone: GroupUndone) {
    for (position, queued) in group.iter().enumerate() {
        if Some(position) != undone.met_by {
            tell(queued, Err(undone.error.once_more()));
        }
    }
    if let Some(queued) = undone.met_by.and_then(|position| group.get(position)) {
        tell(queued, Err(undone.error));
    }
}

/// A ticket that nobody waits for any more is no fault.
fn tell(queued: &Queued, verdict: Result<(), StoreError>) {
    let _ = queued.done.send(verdict);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::MIGRATIONS;

    fn connect(path: &Path) -> Connection {
        sqlite_support::open(path, None, MIGRATIONS).unwrap()
    }

    /// Holds the writer until the returned sender is dropped, so that what follows makes one group.
    fn hold(writer: &Writer) -> std::sync::mpsc::Sender<()> {
        let (gate, held) = std::sync::mpsc::channel();
        let (at_work, is_at_work) = std::sync::mpsc::channel();
        drop(writer.submit(Box::new(move |_| {
            let _ = at_work.send(());
            let _ = held.recv();
            Ok(())
        })));
        is_at_work.recv().unwrap();
        gate
    }

    fn put(name: &'static str, size_bytes: usize) -> WriteJob {
        Box::new(move |tx| tx.put_setting(name, &vec![1; size_bytes]))
    }

    fn settings(path: &Path) -> Vec<String> {
        let conn = connect(path);
        let mut statement = conn.prepare("SELECT name FROM settings ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_connection_that_would_lose_acknowledged_work_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.db");
        for (level, refused) in [("OFF", true), ("NORMAL", true), ("FULL", false), ("EXTRA", false)] {
            let conn = connect(&path);
            conn.pragma_update(None, "synchronous", level).unwrap();
            assert_eq!(Writer::start(conn, &path).is_err(), refused, "synchronous={level}");
        }
    }

    #[test]
    fn on_a_full_disk_nobody_of_the_group_is_acknowledged_and_the_next_group_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.db");
        let conn = connect(&path);
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        conn.pragma_update_and_check(None, "max_page_count", pages + 20, |_| Ok(())).unwrap();
        let writer = Writer::start(conn, &path).unwrap();

        let gate = hold(&writer);
        let tickets = [
            writer.submit(put("before", 10)),
            writer.submit(put("too_large", 1_000_000)),
            // Takes the error for its own business and goes on: nothing of it may reach the file either.
            writer.submit(Box::new(|tx| {
                let _ = tx.put_setting("stubborn", &[1; 1_000_000]);
                tx.put_setting("after", b"1")
            })),
        ];
        drop(gate);
        let verdicts = tickets.map(|ticket| ticket.wait());
        let is_full = |verdict: &Result<(), StoreError>| {
            matches!(verdict, Err(StoreError::Sqlite(SqliteError::DiskFull { .. })))
        };
        let acknowledged: Vec<&str> = ["before", "too_large", "after"]
            .into_iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| verdict.is_ok())
            .map(|(name, _)| name)
            .collect();
        assert!(is_full(&verdicts[1]), "{verdicts:?}");
        writer.submit(put("small", 10)).wait().unwrap();
        let mut kept = settings(&path);
        kept.retain(|name| name != "small");
        kept.sort();
        let mut expected = acknowledged.clone();
        expected.sort_unstable();
        assert_eq!(kept, expected, "what is kept is what was acknowledged: {verdicts:?}");
    }

    #[test]
    fn when_a_commit_fails_every_job_of_the_group_is_told_and_nothing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.db");
        let conn = connect(&path);
        // A broken promise that SQLite checks at COMMIT only.
        conn.execute_batch(
            "CREATE TABLE planted (n INTEGER REFERENCES log (log_index) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER plant AFTER INSERT ON settings WHEN NEW.name = 'planted'
             BEGIN INSERT INTO planted (n) VALUES (999); END;",
        )
        .unwrap();
        let writer = Writer::start(conn, &path).unwrap();

        let gate = hold(&writer);
        let tickets = [
            writer.submit(put("before", 1)),
            writer.submit(put("planted", 1)),
            writer.submit(put("after", 1)),
        ];
        drop(gate);
        for ticket in tickets {
            let told = ticket.wait().unwrap_err();
            assert!(
                matches!(told, StoreError::Sqlite(SqliteError::Sqlite { doing: "commit", .. })),
                "{told:?}"
            );
        }
        assert!(settings(&path).is_empty());
        writer.submit(put("next", 1)).wait().unwrap();
        assert_eq!(settings(&path), ["next"]);
    }

    #[test]
    fn a_job_may_hold_the_last_handle_of_its_own_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.db");
        let writer = std::sync::Arc::new(Writer::start(connect(&path), &path).unwrap());
        let gate = hold(&writer);
        let mut last = Some(std::sync::Arc::clone(&writer));
        let ticket = writer.submit(Box::new(move |tx| {
            drop(last.take());
            tx.put_setting("done", b"1")
        }));
        drop(writer);
        drop(gate);
        ticket.wait().unwrap();
        assert_eq!(settings(&path), ["done"]);
    }
}
