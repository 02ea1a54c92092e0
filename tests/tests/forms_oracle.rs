//! Our form engine beside the ones that people use: pyxform takes and refuses the same workbooks, ODK Validate takes
//! what we write, and an interview in ODK Web Forms goes as it goes here. Skipped without `LAKOU_ORACLE`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skipped and fails where it stands"
)]

#[path = "forms_oracle/interviewed.rs"]
mod interviewed;
#[path = "forms_oracle/random.rs"]
mod random;
#[path = "forms_oracle/workbooks.rs"]
mod workbooks;
#[path = "forms_oracle/written.rs"]
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use form_engine::{CompiledForm, Diagnostics, Severity, Workbook};
use tests::oracle::{Oracle, Pyxform};
use tests::workbook::{sheets_of, write_xlsx};

/// One test at a time: each has processes of its own, and the machine has two cores.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The workbooks kept outside the checkout, in order; none without `LAKOU_VECTORS`.
fn shared_workbooks() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("LAKOU_VECTORS").filter(|folder| !folder.is_empty()) else {
        println!("without the shared workbooks (LAKOU_VECTORS is not set)");
        return Vec::new();
    };
    let folder = PathBuf::from(folder).join("forms/forms");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension != "csv"));
    found.sort();
    assert!(!found.is_empty(), "no workbooks in {}", folder.display());
    found
}

/// What stands behind `select_one_from_file` and `pulldata` in the small workbooks.
const ATTACHED: [&str; 2] = ["areas.csv", "a.csv"];

/// A workbook as our engine reads it. The old binary format is not ours: pyxform reads its cells.
fn read(path: &Path, pyxform: &mut Pyxform) -> Result<Workbook, Diagnostics> {
    let mut workbook = if path.extension().is_some_and(|extension| extension == "xls") {
        Workbook::from_sheets(pyxform.sheets(path).unwrap())
    } else {
        Workbook::read_xlsx(&std::fs::read(path).unwrap())?
    };
    for name in ATTACHED {
        workbook.attach_csv(name, b"name,label,code,words,a,b\n1,One,1,One,1,1\n")?;
    }
    Ok(workbook)
}

/// Writes the small workbooks into a folder: name and file.
fn small_workbooks(folder: &Path) -> Vec<(String, PathBuf)> {
    let written = (0..).zip(workbooks::WORKBOOKS).map(|(number, (name, table))| {
        let path = folder.join(format!("{number:03}.xlsx"));
        write_xlsx(&sheets_of(table), &path).unwrap();
        ((*name).to_owned(), path)
    });
    written.collect()
}

/// Small and shared ones.
fn all_workbooks(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut all = small_workbooks(folder);
    all.extend(shared_workbooks().into_iter().map(|path| (file_name(&path), path)));
    all
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where we differ from pyxform on purpose, each with its reason. The test holds the list to exactly these.
const VERDICTS_OF_OUR_OWN: &[(&str, &[&str])] = &[
    (
        "no engine can run it: refused here, where pyxform leaves it for the tablet to find",
        &[
            "two calculations in a circle",
            "a call without its end",
            "an unknown function",
            "an operator without its right side",
            "required by a word",
        ],
    ),
    ("what was answered in another record is never known here", &["last-saved"]),
    ("a name is a key in every record, and keys have no colon", &["name with a colon"]),
];

#[test]
fn strict_import_takes_and_refuses_what_pyxform_does() {
    let Some(oracle) = Oracle::asked_for("strict_import_takes_and_refuses_what_pyxform_does") else { return };
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut pyxform = oracle.pyxform().unwrap();
    let (mut accepted, mut different) = (0, BTreeMap::new());
    let workbooks = all_workbooks(folder.path());
    for (name, path) in &workbooks {
        let theirs = pyxform.convert(path).unwrap();
        let ours = read(path, &mut pyxform).and_then(|workbook| CompiledForm::compile_strict(&workbook));
        accepted += usize::from(theirs.is_accepted());
        match (&ours, &theirs.error) {
            (Ok(_), Some(said)) => different.insert(name.clone(), format!("taken here; pyxform: {said}")),
            (Err(found), None) => {
                different.insert(name.clone(), format!("pyxform takes it; here: {}", errors(found)))
            }
            _ => None,
        };
    }
    println!("{} workbooks, {accepted} taken by pyxform, {} differ", workbooks.len(), different.len());
    hold_to(VERDICTS_OF_OUR_OWN, different);
}

/// Without the warnings.
fn errors(found: &Diagnostics) -> String {
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.render("en")).collect::<Vec<_>>().join("; ")
}

/// Fails unless exactly the listed ones differ.
fn hold_to(listed: &[(&str, &[&str])], mut different: BTreeMap<String, String>) {
    let listed = listed.iter().flat_map(|(_, names)| names.iter().copied());
    let agree: Vec<&str> = listed.filter(|name| different.remove(*name).is_none()).collect();
    let told: Vec<String> = different.iter().map(|(name, said)| format!("{name}: {said}")).collect();
    assert!(told.is_empty(), "{} differ:\n{}", told.len(), told.join("\n"));
    assert!(agree.is_empty(), "these agree now: {agree:?}");
}
