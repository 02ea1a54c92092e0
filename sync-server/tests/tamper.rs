//! `verify` against somebody with a database tool: any changed cell of the log, and any changed verdict, is found.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use std::path::{Path, PathBuf};

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params};
use signed_delta::SignedDelta;
use support::*;
use sync_protocol::PushBatch;
use sync_server::home::{Company, Home};

/// A stopped deployment with every kind of entry that this version writes.
struct Stopped {
    home: TestHome,
    database: PathBuf,
}

fn stopped() -> Stopped {
    let mut field = Field::in_conflict();
    let list = field.home.json(&["review", "list", "--kind", "conflict"]);
    let item = list["items"][0]["item"].as_str().unwrap().to_owned();
    field.home.run(&["review", "decide", &item, "--choose", "1", "--reason", "vu", "--account", "sup"]).ok();
    // A delta that waits for one never sent, and a seat that was ended.
    let gap = field.b.sent.len();
    field.b.record(RECORD, &answers(&[("phone", "1")]));
    field.b.record(RECORD, &answers(&[("phone", "2")]));
    let batch = PushBatch { envelopes: vec![field.b.sent[gap + 1].clone()] };
    field.b.send(&field.server, "POST", "/v1/push", &batch.encode());
    // A laptop restored from an older copy: a rival for a place of its chain, and one more of the first branch.
    let (seq, prev) = (field.a.seq, field.a.prev);
    field.a.seq -= 1;
    field.a.prev = SignedDelta::decode(&field.a.sent[seq as usize - 2]).unwrap().hash();
    field.a.record(RECORD, &answers(&[("phone", "4")]));
    field.a.push(&field.server);
    (field.a.seq, field.a.prev) = (seq, prev);
    field.a.record(RECORD, &answers(&[("phone", "5")]));
    let seat = field.a.key.seat().to_string();
    field.home.run(&["device", "revoke", &seat, "--reason", "stolen"]).ok();
    field.a.record(RECORD, &answers(&[("phone", "3")]));
    field.a.push(&field.server);
    field.merged();
    let Field { home, server, .. } = field;
    drop(server);
    assert_eq!(home.json(&["verify"])["ok"], true);
    let database = home.path().join("registry.db");
    Stopped { home, database }
}

impl Stopped {
    /// The same in a folder of its own.
    fn copy(&self) -> Self {
        let checkpointed = connect(&self.database);
        checkpointed.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let home = TestHome::vacant();
        std::fs::create_dir(home.path()).unwrap();
        for name in ["registry.db", "keys.json"] {
            std::fs::copy(self.home.path().join(name), home.path().join(name)).unwrap();
        }
        let database = home.path().join("registry.db");
        Self { home, database }
    }

    /// What `verify` says of the folder as it is: faults, or that it cannot even be opened.
    fn faults(&self) -> Vec<String> {
        let report = Home::at(&self.home.path()).open(Company::Welcome).map(|open| open.registry.verify());
        match report {
            Ok(Ok(report)) => report.faults.into_iter().map(|fault| fault.what).collect(),
            Ok(Err(error)) => vec![format!("verify: {error}")],
            Err(failure) => vec![format!("open: {:?}", failure.detail())],
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever tampers does not ask our way of opening")]
fn connect(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    let triggers: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for trigger in triggers {
        conn.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    conn
}

/// The same cell with one bit changed, at several places.
fn flipped(cell: &Cell) -> Vec<Cell> {
    match cell {
        Cell::Null => vec![],
        Cell::Integer(number) => vec![Cell::Integer(number ^ 1), Cell::Integer(number ^ (1 << 40))],
        Cell::Real(_) => unreachable!("no column holds one"),
        Cell::Text(text) => {
            let mut changed = text.clone().into_bytes();
            *changed.last_mut().unwrap() ^= 1;
            vec![Cell::Text(String::from_utf8(changed).unwrap())]
        }
        Cell::Blob(bytes) => {
            let places = [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1];
            let flip = |at: usize| {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                Cell::Blob(changed)
            };
            places.into_iter().map(flip).collect()
        }
    }
}

/// Changes every cell of a column in turn, and puts it back. Gives the changes that nobody noticed.
fn unnoticed(stopped: &Stopped, conn: &Connection, table: &str, key: &str, column: &str) -> Vec<String> {
    let cells: Vec<(Cell, Cell)> = conn
        .prepare(&format!("SELECT {key}, {column} FROM {table} ORDER BY {key}"))
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let update = format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1");
    let mut missed = Vec::new();
    for (row, cell) in cells {
        for changed in flipped(&cell) {
            // A constraint of the table may stand in the way.
            if conn.execute(&update, params![row, changed]).is_err() {
                continue;
            }
            if stopped.faults().is_empty() {
                missed.push(format!("{table}.{column} of {row:?}: {cell:?} to {changed:?}"));
            }
            conn.execute(&update, params![row, cell]).unwrap();
        }
    }
    missed
}

/// Changes every cell of these columns; everything is put back at the end.
fn all_unnoticed(columns: &[&str]) -> Vec<String> {
    all_unnoticed_in("log", "log_index", columns)
}

fn all_unnoticed_in(table: &str, key: &str, columns: &[&str]) -> Vec<String> {
    let stopped = stopped();
    let conn = connect(&stopped.database);
    let missed = columns.iter().flat_map(|column| unnoticed(&stopped, &conn, table, key, column)).collect();
    assert_eq!(stopped.faults(), Vec::<String>::new(), "the test put everything back");
    missed
}

#[test]
fn any_changed_cell_of_the_log_is_found() {
    let columns =
        ["received_at", "delta_hash", "seat", "epoch", "seq", "leaf", "header", "signature", "body"];
    assert_eq!(all_unnoticed(&columns), Vec::<String>::new());
}

#[test]
fn any_changed_copy_of_a_header_field_is_found() {
    assert_eq!(all_unnoticed(&["kind", "record", "area", "class"]), Vec::<String>::new());
}

#[test]
fn any_changed_verdict_on_a_device_s_work_is_found() {
    let missed = unnoticed_verdicts("log.seat <> (SELECT seat FROM log WHERE log_index = 1)");
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn any_changed_verdict_on_the_registry_s_own_entries_is_found() {
    let missed = unnoticed_verdicts("log.seat = (SELECT seat FROM log WHERE log_index = 1)");
    assert_eq!(missed, Vec::<String>::new());
}

/// Changes the outcomes of some entries only, through a view that writes into the table.
fn unnoticed_verdicts(whose: &str) -> Vec<String> {
    let stopped = stopped();
    let conn = connect(&stopped.database);
    conn.execute_batch(&format!(
        "CREATE TEMP VIEW chosen AS SELECT outcomes.* FROM outcomes JOIN log USING (log_index) WHERE {whose};
         CREATE TEMP TRIGGER write_through INSTEAD OF UPDATE ON chosen BEGIN
             UPDATE outcomes SET code = NEW.code, reason = NEW.reason WHERE log_index = NEW.log_index;
         END"
    ))
    .unwrap();
    let mut missed = unnoticed(&stopped, &conn, "chosen", "log_index", "code");
    missed.extend(unnoticed(&stopped, &conn, "chosen", "log_index", "reason"));
    missed
}

#[test]
fn any_changed_cell_of_the_tables_that_the_registry_goes_by_is_found() {
    let seat = ["certificate_index", "person", "device", "role", "revocation_index"];
    assert_eq!(all_unnoticed_in("seats", "seat", &seat), Vec::<String>::new());
    let epoch = ["through_seq", "through_hash", "frozen_by", "ordinal"];
    assert_eq!(all_unnoticed_in("epochs", "epoch", &epoch), Vec::<String>::new());
    assert_eq!(
        all_unnoticed_in("feed", "feed_index", &["log_index", "audience", "subject"]),
        Vec::<String>::new()
    );
    assert_eq!(all_unnoticed_in("publications", "log_index", &["lineage", "revision"]), Vec::<String>::new());
    let file = ["name", "sha256", "size_bytes"];
    assert_eq!(all_unnoticed_in("publication_files", "position", &file), Vec::<String>::new());
    assert_eq!(all_unnoticed_in("blobs", "sha256", &["content"]), Vec::<String>::new());
    assert_eq!(all_unnoticed_in("progress", "id", &["merged_through"]), Vec::<String>::new());
}

#[test]
fn rows_that_were_invented_deleted_or_set_to_nothing_are_found() {
    let stopped = stopped();
    for (what, sql) in [
        (
            "a verdict beyond the log",
            "INSERT INTO outcomes SELECT log_index + 100, code, reason FROM outcomes WHERE code = 3 LIMIT 1",
        ),
        (
            "the verdict on the last entry",
            "DELETE FROM outcomes WHERE log_index = (SELECT max(log_index) FROM outcomes)",
        ),
        (
            "a revocation lifted",
            "UPDATE seats SET revocation_index = NULL WHERE revocation_index IS NOT NULL",
        ),
        ("a seat deleted", "DELETE FROM seats WHERE revocation_index IS NOT NULL"),
        ("an epoch deleted", "DELETE FROM epochs WHERE through_seq = (SELECT max(through_seq) FROM epochs)"),
        (
            "the last row of the feed",
            "DELETE FROM feed WHERE feed_index = (SELECT max(feed_index) FROM feed)",
        ),
        (
            "one seat's outcome shown to everyone",
            "UPDATE feed SET audience = 'everyone', subject = NULL WHERE audience = 'seat'",
        ),
        (
            "an entry shown that was set aside",
            "INSERT INTO feed SELECT (SELECT max(feed_index) + 1 FROM feed), \
            log_index, 'everyone', NULL FROM outcomes WHERE code = 3 LIMIT 1",
        ),
        ("a publication deleted", "DELETE FROM publication_files; DELETE FROM publications"),
        ("a published file deleted", "DELETE FROM blobs"),
        ("the signed head deleted", "DELETE FROM settings WHERE name = 'tree_head'"),
        (
            "the last entries cut off and the signed head with them",
            "DELETE FROM settings WHERE name = 'tree_head';
             DELETE FROM log WHERE log_index = (SELECT max(log_index) FROM log)",
        ),
        ("a body taken out", "UPDATE log SET body = NULL WHERE log_index = 9"),
        (
            "another recovery recipient",
            "UPDATE settings SET value = CAST(replace(CAST(value AS TEXT), 'age1', 'age1q') AS BLOB)
             WHERE name = 'facts'",
        ),
    ] {
        let copy = stopped.copy();
        let conn = connect(&copy.database);
        conn.execute_batch(&format!("PRAGMA foreign_keys = OFF; BEGIN; {sql}; COMMIT")).unwrap();
        assert!(!copy.faults().is_empty(), "{what} was not noticed");
    }
}

#[test]
fn entries_that_were_cut_off_exchanged_or_emptied_are_found() {
    let stopped = stopped();
    for (what, sql) in [
        ("the last entry deleted", "DELETE FROM log WHERE log_index = (SELECT max(log_index) FROM log)"),
        ("an entry in the middle deleted", "DELETE FROM log WHERE log_index = 5"),
        (
            "two entries exchanged",
            "UPDATE log SET log_index = -5 WHERE log_index = 5;
             UPDATE log SET log_index = 5 WHERE log_index = 6;
             UPDATE log SET log_index = 6 WHERE log_index = -5",
        ),
        ("a body emptied", "UPDATE log SET body = x'' WHERE log_index = 9"),
        ("a verdict deleted", "DELETE FROM outcomes WHERE code = 3"),
    ] {
        let copy = stopped.copy();
        let conn = connect(&copy.database);
        conn.execute_batch(&format!("PRAGMA foreign_keys = OFF; BEGIN; {sql}; COMMIT")).unwrap();
        assert!(!copy.faults().is_empty(), "{what} was not noticed");
    }
}

#[test]
fn verify_ends_with_its_own_exit_code_and_names_the_entry() {
    let stopped = stopped();
    let conn = connect(&stopped.database);
    conn.execute("UPDATE log SET received_at = received_at + 1 WHERE log_index = 9", []).unwrap();
    let said = stopped.home.run(&["verify", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.json()["ok"], false);
    assert_eq!(said.json()["faults"][0]["log_index"], 9);
    assert_eq!(said.failure()["error"]["kind"], "does_not_hold");
}
