//! Registries as older versions left them open here, with all they hold.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use record_model::Value;
use registry_core::Registry;
use registry_store::{RegistryStore, SqliteRegistry};
use support::{Played, RECORD, World, keys};

/// `fixtures/databases/registry-SCHEMA.db`. Each new schema adds its own with `write_the_fixture`; none is ever written
/// again.
fn of_schema(schema: u32) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/databases");
    fixtures.join(format!("registry-{schema}.db"))
}

const SCHEMA: u32 = 2;

#[test]
fn a_registry_of_every_earlier_schema_opens_proves_itself_and_goes_on() {
    for schema in 1..=SCHEMA {
        opens_and_goes_on(schema);
    }
}

fn opens_and_goes_on(schema: u32) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("registry.db");
    std::fs::copy(of_schema(schema), &copy).unwrap();
    let store: Arc<dyn RegistryStore> = Arc::new(SqliteRegistry::open(&copy, None).unwrap());
    let registry = Registry::open(store, keys(), Arc::new(Played::new(99))).unwrap();
    assert_eq!(registry.verify().unwrap().faults, vec![]);
    let row = registry.record(RECORD).unwrap();
    let view = record_doc::RecordDoc::load(&row.state).unwrap().view();
    assert_eq!(view.answers["roof"].len(), 2, "the conflict is there");
    assert_eq!(*view.get("phone"), Value::from("3412"));
    let report = registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
}

#[test]
#[ignore = "no test: run by hand once for each new schema, it writes that schema's fixture"]
fn write_the_fixture() {
    let world = World::new(1);
    let (mut a, mut b) = (world.laptop(1, &["HT0111"]), world.laptop(2, &["HT0111"]));
    a.write(RECORD, &[("roof", "tin"), ("phone", "3412")]);
    world.push(&a.sent);
    world.registry.merge_all().unwrap();
    b.pull(&world);
    a.write(RECORD, &[("roof", "tile")]);
    b.write(RECORD, &[("roof", "thatch")]);
    world.push(&a.sent);
    world.push(&b.sent);
    world.registry.merge_all().unwrap();
    assert!(!of_schema(SCHEMA).exists(), "the fixture is there and stays as it is");
    std::fs::create_dir_all(of_schema(SCHEMA).parent().unwrap()).unwrap();
    world.store.backup_to(&of_schema(SCHEMA)).unwrap();
}
