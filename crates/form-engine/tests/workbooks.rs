//! Strict mode says of a form what pyxform 4.5.0 says, and lenient mode takes what strict takes.
//!
//! `recorded/pyxform-4.5.0.jsonl` holds small forms, each with what pyxform said of it. Whole workbooks of other
//! projects are read when `LAKOU_VECTORS` names the folder that holds them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skipped and fails where it stands"
)]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use calamine::{Data, Reader, Xls};
use form_engine::{CompiledForm, Workbook};

/// The folder; none when it is not asked for. Asked for and missing is a failure.
fn vectors(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("LAKOU_VECTORS") else {
        println!("skipped: {test} (LAKOU_VECTORS is not set)");
        return None;
    };
    let folder = PathBuf::from(folder).join("forms").join("forms");
    assert!(folder.is_dir(), "LAKOU_VECTORS is set and {} is missing", folder.display());
    Some(folder)
}

/// The engine refuses `.xls`; the cells of one say as much about the compiler as those of an `.xlsx`.
fn read(path: &Path) -> Workbook {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "xls") {
        let mut xls: Xls<_> = Xls::new(Cursor::new(bytes)).unwrap();
        let sheets = xls.worksheets();
        return Workbook::from_sheets(sheets.into_iter().map(|(name, range)| {
            // A sheet's used range may begin below row 1.
            let above = range.start().map_or(0, |(row, _)| row);
            let left = range.start().map_or(0, |(_, column)| column as usize);
            let cells = |row: &[Data]| {
                std::iter::repeat_n(String::new(), left).chain(row.iter().map(cell)).collect::<Vec<_>>()
            };
            let rows = (0..above).map(|_| Vec::new()).chain(range.rows().map(cells)).collect();
            (name, rows)
        }));
    }
    Workbook::read_xlsx(&bytes).unwrap_or_else(|found| panic!("{}: {found}", path.display()))
}

fn cell(data: &Data) -> String {
    match data {
        Data::Bool(flag) => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
        other => other.to_string(),
    }
}

/// Forms that pyxform takes and this engine refuses in both modes.
const DIFFERENCES: &[(&str, &str)] = &[
    ("self relevant", "a question whose relevance depends on itself; JavaRosa refuses it too"),
    ("last-saved", "answers of the record before are not at hand"),
    ("name colon", "an answer path takes no colon"),
];

#[test]
fn strict_takes_and_refuses_as_recorded_of_pyxform() {
    let recorded = include_str!("recorded/pyxform-4.5.0.jsonl");
    let mut wrong = Vec::new();
    for line in recorded.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let sheets: BTreeMap<String, Vec<Vec<String>>> =
            serde_json::from_value(case["sheets"].clone()).unwrap();
        let workbook = Workbook::from_sheets(sheets);
        let strict = CompiledForm::compile_strict(&workbook).map(|_| ());
        let lenient = CompiledForm::compile(&workbook);
        let taken = case["taken"].as_bool().unwrap();
        let differs = DIFFERENCES.iter().any(|(form, _)| case["form"] == *form);
        if (strict.is_ok() != taken) != differs || (strict.is_ok() && lenient.is_err()) {
            let (form, said) = (&case["form"], &case["said"]);
            wrong.push(format!("{form}: pyxform {taken} {said}, strict {}", verdict(&strict)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn strict_says_what_pyxform_says_and_lenient_takes_all() {
    let Some(folder) = vectors("strict_says_what_pyxform_says_and_lenient_takes_all") else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(index.as_bytes());
    let mut wrong = Vec::new();
    for row in rows.records().map(Result::unwrap) {
        let (file, converts) = (&row[0], &row[1]);
        let workbook = read(&folder.join(file));
        let strict = CompiledForm::compile_strict(&workbook).map(|_| ());
        let lenient = CompiledForm::compile(&workbook).map(|_| ());
        let accepted = !converts.starts_with("rejected");
        println!("{file}: strict {}, lenient {}", verdict(&strict), verdict(&lenient));
        if strict.is_ok() != accepted || lenient.is_err() {
            wrong.push(file.to_owned());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn verdict(result: &Result<(), form_engine::Diagnostics>) -> String {
    match result {
        Ok(()) => "takes it".to_owned(),
        Err(found) => {
            let errors = found.iter().filter(|found| found.severity == form_engine::Severity::Error);
            format!("refuses it: {}", errors.take(4).map(|d| d.render("en")).collect::<Vec<_>>().join(" | "))
        }
    }
}
