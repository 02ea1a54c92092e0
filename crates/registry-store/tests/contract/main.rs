//! The contract suite, run against every engine.

#[path = "../common/mod.rs"]
mod common;
mod suite;

use std::path::Path;

use registry_store::{RegistryStore, SqliteRegistry};

fn open_sqlite(folder: &Path) -> Box<dyn RegistryStore> {
    Box::new(SqliteRegistry::open(&folder.join("registry.db"), None).expect("the registry opens"))
}

contract_suite!(sqlite, crate::open_sqlite);
