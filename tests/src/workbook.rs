//! Workbooks that tests write as text.

use std::path::Path;

use rust_xlsxwriter::{Workbook, XlsxError};

/// A sheet's name and its rows.
pub type NamedSheet = (String, Vec<Vec<String>>);

/// Reads sheets written as a table of bars: a line with words in its first cell opens a sheet, the others are its rows.
///
/// ```
/// let sheets = tests::workbook::sheets_of("| survey |\n| | type | name |\n| | text | q |");
/// assert_eq!(sheets[0].0, "survey");
/// assert_eq!(sheets[0].1, [["type", "name"], ["text", "q"]]);
/// ```
///
/// # Panics
///
/// When the first line opens no sheet.
pub fn sheets_of(table: &str) -> Vec<NamedSheet> {
    let mut sheets: Vec<NamedSheet> = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).unwrap_or(line);
        let mut cells = inner.split('|').map(|cell| cell.trim().to_owned());
        let sheet = cells.next().unwrap_or_default();
        if sheet.is_empty() {
            sheets.last_mut().expect("a sheet is opened first").1.push(cells.collect());
        } else {
            sheets.push((sheet, Vec::new()));
        }
    }
    sheets
}

/// Writes sheets as a workbook, every filled cell as text.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_xlsx(sheets: &[NamedSheet], path: &Path) -> Result<(), XlsxError> {
    let mut workbook = Workbook::new();
    for (name, rows) in sheets {
        let sheet = workbook.add_worksheet().set_name(name)?;
        for (row, cells) in (0..).zip(rows) {
            for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                sheet.write_string(row, column, cell)?;
            }
        }
    }
    workbook.save(path)
}
