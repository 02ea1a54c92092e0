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

    /// The signed head, as `head --out` writes it.
    fn head(&self) -> Vec<u8> {
        let file = self.home.path().join("exported-head");
        self.home.run(&["head", "--out", file.to_str().unwrap()]).ok();
        let head = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        head
    }

    /// A copy whose log ends earlier, with all that would tell of what came later.
    fn cut_back_to(&self, entries: usize) -> Self {
        let copy = self.copy();
        connect(&copy.database)
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF; BEGIN;
                 DELETE FROM log WHERE log_index > {entries};
                 DELETE FROM outcomes WHERE log_index > {entries};
                 DELETE FROM feed WHERE log_index > {entries};
                 DELETE FROM publication_files WHERE log_index > {entries};
                 DELETE FROM publications WHERE log_index > {entries};
                 DELETE FROM seats WHERE certificate_index > {entries};
                 UPDATE seats SET revocation_index = NULL WHERE revocation_index > {entries};
                 DELETE FROM settings WHERE name = 'tree_head';
                 UPDATE progress SET merged_through = {entries};
                 COMMIT"
            ))
            .unwrap();
        copy
    }

    /// Moves an entry's instant of arrival, and makes its leaf fit.
    fn receive_earlier(&self, entry: i64) {
        let conn = connect(&self.database);
        let cells = "SELECT header, signature, body, received_at FROM log WHERE log_index = ?1";
        let (header, signature, body, at): (Vec<u8>, Vec<u8>, Vec<u8>, i64) = conn
            .query_row(cells, [entry], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap();
        let signature = signed_delta::Signature::from_bytes(signature.try_into().unwrap());
        let delta = SignedDelta::from_parts(header, signature, Some(body)).unwrap();
        let earlier = record_model::Instant::from_unix_ms(at - 1_000);
        let leaf = signed_delta::leaf_hash(&delta, entry.cast_unsigned(), earlier);
        let update = "UPDATE log SET received_at = ?2, leaf = ?3 WHERE log_index = ?1";
        conn.execute(update, params![entry, at - 1_000, leaf]).unwrap();
    }

    /// What `verify` says of the folder as it is: faults, or that it cannot even be opened.
    fn faults(&self) -> Vec<String> {
        self.faults_against(None)
    }

    fn faults_against(&self, head: Option<&[u8]>) -> Vec<String> {
        let opened = Home::at(&self.home.path()).open(Company::Welcome);
        let report = opened.map(|open| open.registry.verify_against(head));
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

/// A number below `bound` that follows from seed, round and purpose.
fn drawn(seed: u64, round: u64, purpose: &str, bound: usize) -> usize {
    let hash = record_model::hash_parts(purpose, [seed.to_be_bytes().as_slice(), &round.to_be_bytes()]);
    let number = u64::from_be_bytes(hash[..8].try_into().unwrap());
    (number % bound as u64) as usize
}

/// `LAKOU_TAMPERS` sets how many (10,000 in the soak, fewer here), `LAKOU_SEED` which.
#[test]
fn random_tampers_are_all_found_against_an_exported_head() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (rounds, seed) = (number("LAKOU_TAMPERS").unwrap_or(200), number("LAKOU_SEED").unwrap_or(1));
    let stopped = stopped();
    let head = stopped.head();
    let conn = connect(&stopped.database);
    let entries: i64 = conn.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
    let entries = entries as usize;
    let columns =
        ["received_at", "delta_hash", "seat", "epoch", "seq", "leaf", "header", "signature", "body"];
    let (mut missed, mut made) = (Vec::new(), 0);
    for round in 0.. {
        if made == rounds {
            break;
        }
        let draw = |purpose: &str, bound: usize| drawn(seed, round, purpose, bound);
        let (row, column) = (1 + draw("row", entries), columns[draw("column", columns.len())]);
        let cell_of = |row: usize| -> Cell {
            let cell = format!("SELECT {column} FROM log WHERE log_index = {row}");
            conn.query_row(&cell, [], |row| row.get(0)).unwrap()
        };
        let (cell, update) = (cell_of(row), format!("UPDATE log SET {column} = ?2 WHERE log_index = ?1"));
        let changed = match draw("kind", 5) {
            // The whole end of the log, with the tables beside it and the signed head.
            0 => {
                made += 1;
                let found = stopped.cut_back_to(row - 1).faults_against(Some(&head));
                if !found.iter().any(|fault| fault.contains("rolled back") || fault.starts_with("open: ")) {
                    missed.push(format!("round {round}: cut back to {}", row - 1));
                }
                continue;
            }
            // What another entry has there.
            1 => cell_of(1 + draw("other", entries)),
            _ => one_bit_flipped(&cell, draw("bit", 1 << 20)),
        };
        // The same as before, or a constraint of the table stands in the way.
        if changed == cell || conn.execute(&update, params![row as i64, changed]).is_err() {
            continue;
        }
        made += 1;
        if stopped.faults_against(Some(&head)).is_empty() {
            missed.push(format!("round {round}: {column} of {row}: {cell:?} to {changed:?}"));
        }
        conn.execute(&update, params![row as i64, cell]).unwrap();
    }
    println!("LAKOU_SEED={seed} LAKOU_TAMPERS={rounds}");
    assert_eq!(missed, Vec::<String>::new());
    assert_eq!(stopped.faults_against(Some(&head)), Vec::<String>::new(), "the test put everything back");
}

fn one_bit_flipped(cell: &Cell, bit: usize) -> Cell {
    match cell {
        Cell::Integer(number) => Cell::Integer(number ^ (1 << (bit % 40))),
        Cell::Blob(bytes) if !bytes.is_empty() => {
            let mut changed = bytes.clone();
            changed[bit / 8 % bytes.len()] ^= 1 << (bit % 8);
            Cell::Blob(changed)
        }
        other => other.clone(),
    }
}

#[test]
fn a_log_put_back_to_an_earlier_day_or_written_anew_is_told_from_the_one_of_the_head() {
    let (stopped, stranger) = (stopped(), stopped());
    let head = stopped.head();
    let kept = stopped.home.write("head", &head);
    let verified = |home: &TestHome| home.run(&["verify", "--head", kept.to_str().unwrap(), "--json"]);
    assert_eq!(verified(&stopped.home).json()["ok"], true);
    let what = |home: &TestHome| {
        let said = verified(home);
        assert_eq!(said.code, 1, "{said:?}");
        said.json()["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["what"].to_string())
            .collect::<String>()
    };
    assert!(what(&stopped.cut_back_to(9).home).contains("rolled back: 9 entries"));
    // Received a moment earlier, and the leaf made to fit: only who kept the head can tell.
    let rewritten = stopped.copy();
    rewritten.receive_earlier(9);
    assert!(what(&rewritten.home).contains("another history"));
    assert!(what(&stranger.home).contains("not signed by this registry"));
    // A head of yesterday fits a log that has grown since.
    let earlier = stopped.cut_back_to(9);
    let tree = Home::at(&earlier.home.path()).open(Company::Welcome).unwrap().registry.tree_head().unwrap();
    assert_eq!(tree.size, 9);
    assert_eq!(stopped.faults_against(Some(&tree.encode())), Vec::<String>::new());
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
