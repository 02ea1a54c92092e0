//! What only the SQLite engine can show: its file seen from outside, and its process killed.

#[path = "common/mod.rs"]
mod common;
#[path = "sqlite/kill.rs"]
mod kill;

use std::path::Path;

use record_model::Class;
use registry_store::{Audience, ItemFilter, RegistryStore, RegistryStoreExt, SqliteRegistry, StoreError};
use rusqlite::Connection;
use sqlite_support::{DatabaseKey, SqliteError};
use zeroize::Zeroizing;

use common::{Author, at, conflict, household_projection, household_record, record_id};

/// As any other program would open the file.
#[expect(clippy::disallowed_methods, reason = "sees the file as a stranger does")]
fn raw(path: &Path) -> Connection {
    Connection::open(path).expect("a plain SQLite file opens")
}

fn append(store: &SqliteRegistry, author: u8, entries: usize) {
    let mut author = Author::new(author);
    let deltas: Vec<_> =
        (0..entries).map(|_| author.says(Some(record_id(1)), Class::Personal, b"x")).collect();
    store
        .write(move |tx| {
            for delta in &deltas {
                let index = tx.append(delta, at(1))?;
                tx.feed(index, Audience::Everyone)?;
            }
            Ok(())
        })
        .expect("the entries are appended");
}

const TAMPERING: &[&str] = &[
    "DELETE FROM log",
    "DELETE FROM log WHERE log_index = 2",
    "UPDATE log SET received_at = 0",
    "UPDATE log SET leaf = zeroblob(32) WHERE log_index = 1",
    "UPDATE log SET header = zeroblob(10), body = NULL WHERE log_index = 1",
    "UPDATE log SET log_index = 9 WHERE log_index = 2",
    "UPDATE log SET body = zeroblob(10) WHERE log_index = 1",
    "REPLACE INTO log SELECT * FROM log WHERE log_index = 1",
    "INSERT INTO log SELECT 9, received_at, delta_hash, seat, epoch, seq, kind, record, area, class, leaf, header, \
     signature, body FROM log WHERE log_index = 1",
    "DELETE FROM feed",
    "UPDATE feed SET log_index = 1",
    "REPLACE INTO feed SELECT * FROM feed WHERE feed_index = 1",
    "INSERT INTO feed VALUES (9, 1, 'everyone', NULL)",
];

#[test]
fn the_log_and_the_feed_refuse_to_be_altered_even_by_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let copy = folder.path().join("copy.db");
    let store = SqliteRegistry::open(&path, None).unwrap();
    append(&store, 1, 2);
    store.backup_to(&copy).unwrap();
    drop(store);
    for path in [path, copy] {
        for sql in TAMPERING {
            let refused = raw(&path).execute(sql, []).expect_err(sql).to_string();
            assert!(
                ["append-only", "at its end only", "only be erased"].iter().any(|why| refused.contains(why)),
                "{sql}: {refused}"
            );
        }
        // The one alteration that is lawful.
        assert_eq!(raw(&path).execute("UPDATE log SET body = NULL WHERE log_index = 1", []).unwrap(), 1);
    }
}

#[test]
fn without_its_triggers_the_log_could_be_altered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    append(&SqliteRegistry::open(&path, None).unwrap(), 1, 2);
    let conn = raw(&path);
    conn.execute_batch(
        "PRAGMA foreign_keys = OFF; DROP TRIGGER log_never_shrinks; DROP TRIGGER log_never_changes; DROP TRIGGER log_bodies_only_go;
         DROP TRIGGER log_grows_at_its_end",
    )
    .unwrap();
    // The planted bug: what the test above sees refused is then done.
    for sql in TAMPERING.iter().filter(|sql| sql.starts_with("UPDATE log") || sql.contains("INTO log")) {
        let undone_when_dropped = conn.unchecked_transaction().unwrap();
        assert!(undone_when_dropped.execute(sql, []).is_ok_and(|rows| rows > 0), "{sql}");
    }
}

#[test]
fn a_row_altered_from_outside_is_named_and_its_content_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let store = SqliteRegistry::open(&path, None).unwrap();
    store
        .write(|tx| {
            tx.put_record(&household_record(1))?;
            tx.put_item(&conflict(1, 1))?;
            tx.put_projection(record_id(1), &household_projection(1, 1))
        })
        .unwrap();
    let broken = |sql: &str, read: &dyn Fn() -> Result<(), StoreError>| {
        read().expect("the row can be read before");
        raw(&path).execute(sql, []).unwrap();
        read().expect_err(sql).to_string()
    };
    let record = || store.read(|tx| tx.record(record_id(1))).map(drop);
    assert_eq!(
        broken("UPDATE records SET heads = zeroblob(33)", &record),
        "table records holds a row that cannot be read (heads)"
    );
    let items = || store.read(|tx| tx.items(&ItemFilter::default(), 9)).map(drop);
    assert_eq!(
        broken("UPDATE items SET alternatives = '[[\"Marie-Ange\"]]'", &items),
        "table items holds a row that cannot be read (alternatives)"
    );
    let projection = || store.read(|tx| tx.projection(record_id(1))).map(drop);
    assert_eq!(
        broken("UPDATE registry_rows SET properties = '{\"name\": 0.5}' WHERE kind = 2", &projection),
        "table registry_rows holds a row that cannot be read (properties)"
    );
}

#[test]
fn a_registry_of_a_newer_version_is_left_alone_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let missing = SqliteRegistry::open_existing(&path, None).unwrap_err();
    assert!(matches!(missing, StoreError::Sqlite(SqliteError::Missing { .. })), "{missing}");
    drop(SqliteRegistry::open(&path, None).unwrap());
    drop(SqliteRegistry::open_existing(&path, None).unwrap());
    raw(&path).pragma_update(None, "user_version", 99).unwrap();
    let newer = SqliteRegistry::open(&path, None).unwrap_err();
    assert!(matches!(newer, StoreError::Sqlite(SqliteError::SchemaTooNew { found: 99, .. })), "{newer}");
}

#[test]
fn an_encrypted_registry_and_its_backup_show_no_name_and_open_with_their_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let copy = folder.path().join("copy.db");
    let key = DatabaseKey::new(Zeroizing::new([3; 32]));
    let store = SqliteRegistry::open(&path, Some(&key)).unwrap();
    store.write(|tx| tx.put_projection(record_id(1), &household_projection(1, 2))).unwrap();
    store.backup_to(&copy).unwrap();
    drop(store);
    for path in [path, copy] {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"household"));
        let refused = SqliteRegistry::open_existing(&path, None).unwrap_err();
        assert!(matches!(refused, StoreError::Sqlite(SqliteError::WrongKey { .. })), "{refused}");
        let store = SqliteRegistry::open_existing(&path, Some(&key)).unwrap();
        assert_eq!(store.read(|tx| tx.registry_size()).unwrap(), (1, 2));
    }
}

#[test]
fn two_handles_on_one_file_share_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (one, other) =
        (SqliteRegistry::open(&path, None).unwrap(), SqliteRegistry::open(&path, None).unwrap());
    std::thread::scope(|scope| {
        for (number, store) in [(1, &one), (2, &other)] {
            scope.spawn(move || (0..20).for_each(|_| append(store, number, 3)));
        }
    });
    for store in [&one, &other] {
        let indices = store.read(|tx| tx.log_after(0, 1_000)).unwrap();
        assert!(indices.iter().map(|entry| entry.index).eq(1..=120));
    }
}

#[test]
fn nothing_that_is_printed_for_debugging_shows_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteRegistry::open(&folder.path().join("registry.db"), None).unwrap();
    let mut shown = format!("{store:?} {:?} {:?}", household_record(1), conflict(1, 1).id);
    append(&store, 1, 1);
    shown += &format!("{:?}", store.read(|tx| tx.log_after(0, 9)).unwrap());
    assert!(!shown.contains("HT-00001") && !shown.contains("tin"), "{shown}");
}
