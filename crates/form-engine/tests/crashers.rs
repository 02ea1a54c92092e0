//! Inputs of the fuzz targets that once went wrong: `fuzz/crashers/TARGET/what-went-wrong`.
#![expect(clippy::print_stdout, reason = "the last name printed is that of the input that fails")]

#[expect(unreachable_pub, reason = "the fuzz targets call these from their own crate")]
#[path = "../fuzz/src/drive.rs"]
mod drive;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/crashers").join(target);
    let entries = std::fs::read_dir(folder).expect("the folder is in the repository");
    let inputs: Vec<_> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    assert!(!inputs.is_empty(), "no input to replay");
    for path in inputs {
        println!("{}", path.display());
        run(&std::fs::read(path).expect("the input is readable"));
    }
}

#[test]
fn workbooks_that_once_went_wrong_go_right() {
    replay("workbook", drive::workbook);
}

#[test]
fn xforms_that_once_went_wrong_go_right() {
    replay("xform", drive::xform);
}

#[test]
fn expressions_that_once_went_wrong_go_right() {
    replay("expression", drive::expression);
}
