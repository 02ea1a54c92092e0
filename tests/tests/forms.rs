//! Recorded results of other form engines, when `LAKOU_VECTORS` names the folder that holds them: expressions,
//! scenarios, questionnaires, workbooks. `cargo xtask vectors DIR` runs the same and tells more.

#![expect(clippy::print_stdout, reason = "a test says what it skipped")]

use std::path::PathBuf;

use tests::read;
use tests::vectors::{self, EXCEPTIONS, Exceptions};

/// The folder; none when it is not asked for. Asked for and missing is a failure.
fn folder(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("LAKOU_VECTORS") else {
        println!("skipped: {test} (LAKOU_VECTORS is not set)");
        return None;
    };
    let folder = PathBuf::from(folder).join("forms");
    assert!(folder.is_dir(), "LAKOU_VECTORS is set and {} is missing", folder.display());
    Some(folder)
}

#[test]
fn recorded_results_are_met_but_for_what_differs_on_purpose() {
    let Some(folder) = folder("recorded_results_are_met_but_for_what_differs_on_purpose") else { return };
    let exceptions = Exceptions::parse(&read(EXCEPTIONS)).expect("every exception has its reason");
    let report = vectors::run(&folder, &exceptions).expect("the vectors can be read");
    println!("{}", report.render(false));
    assert!(!report.is_empty(), "no vectors in {}", folder.display());
    assert!(report.is_fine(), "run `cargo xtask vectors --verbose` to see what differs");
}

#[test]
fn every_exception_is_listed_with_its_reason() {
    assert_eq!(Exceptions::parse(&read(EXCEPTIONS)).err(), None);
}
