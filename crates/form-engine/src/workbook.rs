//! A form's spreadsheet as normalised text cells, wherever it came from.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostics, Place, Severity, Trouble, quoted};
use crate::xlsx;

/// A workbook larger than this is refused unread.
pub const MAX_WORKBOOK_BYTES: usize = 16 * 1024 * 1024;
/// All that a workbook's parts may inflate to.
pub const MAX_INFLATED_BYTES: u64 = 256 * 1024 * 1024;
/// Rows read of one sheet or CSV list.
pub const MAX_ROWS: usize = 200_000;
/// Columns read of one sheet or CSV list.
pub const MAX_COLUMNS: usize = 1_024;
/// Cells held of one sheet or CSV list.
pub const MAX_CELLS: usize = 4_000_000;
/// Bytes of one cell.
pub const MAX_CELL_BYTES: usize = 32 * 1024;

/// One sheet: rows of trimmed cells. Row 0 is the spreadsheet's row 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// As the workbook writes it.
    pub(crate) name: String,
    pub(crate) rows: Vec<Vec<String>>,
}

/// The sheets a form is made of (`survey`, `choices`, `settings`, `entities`, `rules`) and the CSV lists that go with
/// it. Other sheets are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workbook {
    sheets: BTreeMap<String, Sheet>,
    /// By lower-cased file stem.
    lists: BTreeMap<String, Sheet>,
}

/// The sheets that mean something to this engine.
pub(crate) const KNOWN_SHEETS: [&str; 5] = ["survey", "choices", "settings", "entities", "rules"];

impl Workbook {
    /// Reads an `.xlsx` file's bytes. Bounded in every direction; hostile bytes end in a diagnostic, never a panic.
    pub fn read_xlsx(bytes: &[u8]) -> Result<Self, Diagnostics> {
        xlsx::read(bytes).map(Self::from_sheets)
    }

    /// From rows of cells, as tests and CSV sources have them. The first row holds the headings.
    pub fn from_sheets(sheets: impl IntoIterator<Item = (String, Vec<Vec<String>>)>) -> Self {
        let mut workbook = Self::default();
        for (name, rows) in sheets {
            let key = name.trim().to_lowercase();
            if KNOWN_SHEETS.contains(&key.as_str()) {
                let rows = normalise_rows(rows);
                workbook.sheets.entry(key).or_insert(Sheet { name: name.trim().to_owned(), rows });
            }
        }
        workbook
    }

    /// Attaches the CSV file that `select_one_from_file name` or `pulldata` reads. UTF-8, with a heading row.
    pub fn attach_csv(&mut self, name: &str, bytes: &[u8]) -> Result<(), Diagnostics> {
        let refuse = |found: String, expected: &str| {
            Err(Diagnostics::one(
                Place::new(name, 0, "").diagnostic(
                    Severity::Error,
                    Trouble::new("bad-csv", found, expected)
                        .fix("Enregistrez le fichier en CSV UTF-8.", "Save the file as CSV UTF-8."),
                ),
            ))
        };
        if bytes.len() > MAX_WORKBOOK_BYTES {
            return refuse(format!("{} bytes", bytes.len()), "at most 16 MiB");
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let Ok(text) = std::str::from_utf8(bytes) else {
            return refuse("bytes that are not UTF-8".into(), "UTF-8 text");
        };
        let delimiter = delimiter_of(text);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut held = 0;
        for record in reader.records() {
            let Ok(record) = record else {
                return refuse("a row that is not CSV".into(), "comma-separated cells");
            };
            held += record.len();
            if rows.len() >= MAX_ROWS || record.len() > MAX_COLUMNS || held > MAX_CELLS {
                return refuse("too many rows or columns".into(), "at most 200000 rows of 1024 columns");
            }
            rows.push(record.iter().map(str::to_owned).collect());
        }
        self.lists.insert(csv_key(name), Sheet { name: name.to_owned(), rows: normalise_rows(rows) });
        Ok(())
    }

    /// The normalised cells of one of the five sheets, headings first.
    pub fn rows(&self, sheet: &str) -> Option<&[Vec<String>]> {
        self.sheets.get(&sheet.to_lowercase()).map(|sheet| sheet.rows.as_slice())
    }

    pub(crate) fn sheet(&self, key: &str) -> Option<&Sheet> {
        self.sheets.get(key)
    }

    pub(crate) fn lists(&self) -> impl Iterator<Item = (&str, &Sheet)> {
        self.lists.iter().map(|(key, sheet)| (key.as_str(), sheet))
    }
}

/// `Areas.CSV` and `areas` name the same list.
pub(crate) fn csv_key(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
    let lower = file.to_lowercase();
    lower.strip_suffix(".csv").unwrap_or(&lower).to_owned()
}

/// Excel in French writes semicolons.
fn delimiter_of(text: &str) -> u8 {
    let heading = text.lines().next().unwrap_or_default();
    let count = |c: char| heading.matches(c).count();
    if count(';') > count(',') {
        b';'
    } else if count('\t') > count(',') {
        b'\t'
    } else {
        b','
    }
}

fn normalise_rows(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.truncate(MAX_ROWS);
    for row in &mut rows {
        row.truncate(MAX_COLUMNS);
        for cell in row.iter_mut() {
            *cell = normalise_cell(cell);
        }
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
    }
    while rows.last().is_some_and(Vec::is_empty) {
        rows.pop();
    }
    rows
}

/// What spreadsheets do to text, undone: no-break spaces, carriage returns, runs of blanks, edges.
pub(crate) fn normalise_cell(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut blank = false;
    let cell = if cell.contains("_x000") { unescape_control(cell) } else { cell.to_owned() };
    for c in cell.trim().chars() {
        let c = match c {
            '\u{a0}' | '\u{202f}' | '\u{2007}' | '\t' => ' ',
            '\r' | '\u{feff}' | '\u{200b}' => continue,
            other => other,
        };
        if c == ' ' {
            blank = true;
            continue;
        }
        // Blanks before a line break mean nothing.
        if blank && c != '\n' && !text.ends_with('\n') {
            text.push(' ');
        }
        blank = false;
        text.push(c);
    }
    if text.len() > MAX_CELL_BYTES {
        let mut end = MAX_CELL_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text.trim().to_owned()
}

fn unescape_control(cell: &str) -> String {
    cell.replace("_x000D_", "").replace("_x000d_", "").replace("_x000A_", "\n").replace("_x0009_", " ")
}

/// Why a file is no workbook, for [`xlsx::read`].
pub(crate) fn unreadable(found: impl Into<String>) -> Diagnostics {
    let diagnostic = Place::new("", 0, "").diagnostic(
        Severity::Error,
        Trouble::new("unreadable-workbook", found, "an .xlsx workbook with a sheet \"survey\"")
            .fix("Enregistrez le formulaire au format .xlsx.", "Save the form as .xlsx."),
    );
    Diagnostics::one(diagnostic)
}

/// The same for one sheet.
pub(crate) fn unreadable_sheet(sheet: &str, found: impl Into<String>) -> Diagnostics {
    let limits =
        format!("at most {MAX_ROWS} rows, {MAX_COLUMNS} columns and {MAX_CELL_BYTES} bytes in a cell");
    let diagnostic = Place::new(sheet, 0, "").diagnostic(
        Severity::Error,
        Trouble::new("unreadable-sheet", found, limits).fix(
            format!("Réduisez la feuille {}.", quoted(sheet)),
            format!("Make the sheet {} smaller.", quoted(sheet)),
        ),
    );
    Diagnostics::one(diagnostic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lose_what_spreadsheets_add() {
        assert_eq!(normalise_cell("  Nom\u{a0}\u{a0}de   famille \r\n"), "Nom de famille");
        assert_eq!(normalise_cell("un \n deux_x000D_"), "un\ndeux");
    }

    #[test]
    fn a_csv_of_french_excel_is_split_at_semicolons() {
        let mut workbook = Workbook::default();
        workbook.attach_csv("Areas.csv", "\u{feff}name;label\nHT01;Ouest\n".as_bytes()).unwrap();
        let (key, sheet) = workbook.lists().next().unwrap();
        assert_eq!((key, sheet.rows[1][1].as_str()), ("areas", "Ouest"));
    }

    #[test]
    fn sheets_are_found_whatever_their_case_and_others_are_left_out() {
        let workbook = Workbook::from_sheets([
            ("Survey".to_owned(), vec![vec!["type".to_owned()]]),
            ("notes".to_owned(), vec![]),
        ]);
        assert!(workbook.sheet("survey").is_some());
        assert!(workbook.sheet("notes").is_none());
    }
}
