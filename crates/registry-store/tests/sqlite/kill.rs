//! A registry whose process is killed keeps every entry it acknowledged.
//!
//! The killed process is this test binary again, told by an environment variable what to do. A kill shows that nothing
//! is acknowledged before its commit; that a commit survives a power cut too is synchronous=FULL's promise, which the
//! writer asks for when it starts.

#![expect(clippy::unwrap_used, reason = "these functions are parts of tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use registry_store::{RegistryStore, RegistryStoreExt, SqliteRegistry, StoreError};

use crate::common::{Author, at, record_id};

const REGISTRY: &str = "LAKOU_TEST_KILL_REGISTRY";
const PLANTED: &str = "LAKOU_TEST_KILL_PLANTED";
const ROUNDS: &str = "LAKOU_KILLS";

/// Threads of the killed process that append, so that commits are shared.
const APPENDERS: u8 = 3;

#[test]
fn a_killed_registry_keeps_every_acknowledged_entry() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<usize>().ok());
    let (rounds, first) = (number(ROUNDS).unwrap_or(20), number("LAKOU_SEED").unwrap_or(0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    for round in first..first + rounds {
        // Killed after a few acknowledgements in one round, after the first in another.
        let acknowledged = run_until_killed(&path, 1 + round % 4, false);
        assert!(!acknowledged.is_empty());
        assert_eq!(lost(&path, &acknowledged), Vec::<u64>::new(), "round {round}");
    }
}

#[test]
fn a_registry_that_acknowledges_before_its_commit_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let acknowledged = run_until_killed(&path, 1, true);
    assert_eq!(lost(&path, &acknowledged), acknowledged);
}

/// Not a test of its own: what the killed process runs.
#[test]
fn the_process_that_is_killed() {
    let Some(path) = std::env::var_os(REGISTRY) else { return };
    let store = SqliteRegistry::open(Path::new(&path), None).unwrap();
    if std::env::var_os(PLANTED).is_some() {
        acknowledge_before_commit(&store);
    }
    std::thread::scope(|scope| {
        for number in 1..=APPENDERS {
            let store = &store;
            scope.spawn(move || {
                let mut author = Author::new(number);
                // Ends by itself should nobody kill it.
                for _ in 0..100_000 {
                    let delta = author.changes(record_id(1));
                    acknowledge(store.write(move |tx| tx.append(&delta, at(1))).unwrap());
                }
            });
        }
    });
}

fn acknowledge_before_commit(store: &SqliteRegistry) -> ! {
    let delta = Author::new(1).changes(record_id(1));
    let told = store.submit(Box::new(move |tx| {
        acknowledge(tx.append(&delta, at(1))?);
        loop {
            std::thread::park();
        }
    }));
    let ended: Result<(), StoreError> = told.wait();
    unreachable!("the planted job never ends: {ended:?}");
}

fn acknowledge(index: u64) {
    let mut out = std::io::stdout().lock();
    // Begins with a line end: the test harness may have left its own line open.
    write!(out, "\nacknowledged {index}\n").and_then(|()| out.flush()).expect("the parent reads");
}

/// Runs a process that appends, kills it after so many acknowledgements, and gives all that it got out.
fn run_until_killed(path: &Path, acknowledgements: usize, planted: bool) -> Vec<u64> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::the_process_that_is_killed", "--nocapture"]).env(REGISTRY, path);
    if planted {
        command.env(PLANTED, "1");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut heard = Vec::new();
    for line in out.lines() {
        let Some(index) = line.unwrap().strip_prefix("acknowledged ").map(str::parse) else { continue };
        heard.push(index.unwrap());
        if heard.len() == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    heard
}

/// Acknowledged entries that the reopened registry does not have.
fn lost(path: &Path, acknowledged: &[u64]) -> Vec<u64> {
    let store = SqliteRegistry::open_existing(path, None).unwrap();
    store.check().unwrap();
    store
        .read(|tx| {
            let entries = tx.log_after(0, usize::MAX)?;
            assert!(entries.iter().map(|entry| entry.index).eq(1..=tx.log_len()?), "the log has a gap");
            assert_eq!(tx.leaves_after(0)?.len(), entries.len());
            let kept = entries.len() as u64;
            Ok(acknowledged.iter().copied().filter(|index| *index > kept).collect())
        })
        .unwrap()
}
