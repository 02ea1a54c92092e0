//! The contract suite, run against every engine.

#[path = "../common/mod.rs"]
mod common;
mod suite;

use std::path::Path;

use registry_store::{RegistryStore, SqliteRegistry};
use sqlite_support::DatabaseKey;
use zeroize::Zeroizing;

fn open_sqlite(folder: &Path) -> Box<dyn RegistryStore> {
    Box::new(SqliteRegistry::open(&folder.join("registry.db"), None).expect("the registry opens"))
}

fn open_encrypted(folder: &Path) -> Box<dyn RegistryStore> {
    let key = DatabaseKey::new(Zeroizing::new([7; 32]));
    Box::new(SqliteRegistry::open(&folder.join("registry.db"), Some(&key)).expect("the registry opens"))
}

contract_suite!(sqlite, crate::open_sqlite);
contract_suite!(sqlite_encrypted, crate::open_encrypted);
