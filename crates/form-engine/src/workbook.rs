//! A form's spreadsheet as normalised text cells, wherever it came from.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostics, Place, Said, Severity, Trouble, quoted};
use crate::xlsx;

/// A workbook larger than this is refused unread.
pub const MAX_WORKBOOK_BYTES: usize = 16 * 1024 * 1024;
/// All that a workbook's parts may inflate to.
pub const MAX_INFLATED_BYTES: u64 = 64 * 1024 * 1024;
/// Rows read of one sheet or CSV list.
pub const MAX_ROWS: usize = 200_000;
/// Columns read of one sheet or CSV list.
pub const MAX_COLUMNS: usize = 1_024;
/// Cells held of one sheet or CSV list.
pub const MAX_CELLS: usize = 2_000_000;
/// Bytes of one cell.
pub const MAX_CELL_BYTES: usize = 32 * 1024;

/// One sheet: rows of trimmed cells. Row 0 is the spreadsheet's row 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// As the workbook writes it.
    pub(crate) name: String,
    pub(crate) rows: Vec<Vec<String>>,
}

/// The sheets a form is made of (`survey`, `choices`, `external_choices`, `settings`, `entities`, `rules`) and the CSV
/// lists that go with it. Other sheets are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workbook {
    sheets: BTreeMap<String, Sheet>,
    /// Names of sheets that are left out, for the one who misspelt one.
    others: Vec<String>,
    /// By lower-cased file stem.
    lists: BTreeMap<String, Sheet>,
}

/// The sheets that mean something to this engine.
pub(crate) const KNOWN_SHEETS: [&str; 6] =
    ["survey", "choices", "external_choices", "settings", "entities", "rules"];

/// More sheets than anybody looks through.
const MAX_OTHERS: usize = 100;

impl Workbook {
    /// Reads an `.xlsx` file's bytes, or those of an `.xls` of before 2007. Bounded in every direction; hostile bytes end in a diagnostic, never a panic.
    pub fn read_xlsx(bytes: &[u8]) -> Result<Self, Diagnostics> {
        xlsx::read(bytes).map(Self::from_sheets)
    }

    /// From rows of cells, as tests and CSV sources have them. The first row holds the headings.
    pub fn from_sheets(sheets: impl IntoIterator<Item = (String, Vec<Vec<String>>)>) -> Self {
        let mut workbook = Self::default();
        let sheets: Vec<(String, Vec<Vec<String>>)> = sheets.into_iter().collect();
        // A workbook's only sheet is its survey, whatever it is called.
        let only = sheets.len() == 1;
        for (name, rows) in sheets {
            let mut key = name.trim().to_lowercase();
            if only && !KNOWN_SHEETS.contains(&key.as_str()) {
                "survey".clone_into(&mut key);
            }
            if KNOWN_SHEETS.contains(&key.as_str()) {
                let rows = normalise_rows(rows);
                workbook.sheets.entry(key).or_insert(Sheet { name: name.trim().to_owned(), rows });
            } else if workbook.others.len() < MAX_OTHERS {
                workbook.others.push(name.trim().to_owned());
            }
        }
        workbook
    }

    /// Attaches the CSV file that `select_one_from_file name` or `pulldata` reads. UTF-8, with a heading row.
    pub fn attach_csv(&mut self, name: &str, bytes: &[u8]) -> Result<(), Diagnostics> {
        let refuse = |found: Said, expected: Said| {
            let trouble = Trouble::told("bad-csv", found, expected)
                .fix("Enregistrez le fichier en CSV UTF-8.", "Save the file as CSV UTF-8.");
            Err(Diagnostics::one(Place::new(name, 0, "").diagnostic(Severity::Error, trouble)))
        };
        if bytes.len() > MAX_WORKBOOK_BYTES {
            return refuse(
                (format!("{} octets", bytes.len()), format!("{} bytes", bytes.len())).into(),
                ("au plus 16 Mio", "at most 16 MiB").into(),
            );
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => text,
            Ok(_) => return refuse(kind_of(bytes), ("un texte", "a text").into()),
            Err(error) => return refuse(not_utf8(bytes, error.valid_up_to()), "UTF-8".into()),
        };
        if let Some(row) = broken_quote(text) {
            return refuse(
                (
                    format!("un guillemet mal placé ou jamais fermé à la ligne {row}"),
                    format!("a quote out of place or never closed at row {row}"),
                )
                    .into(),
                (
                    "des cellules entières entre guillemets, un guillemet dedans écrit deux fois",
                    "whole cells between quotes, a quote inside them written twice",
                )
                    .into(),
            );
        }
        let delimiter = delimiter_of(text);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut held = 0;
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    return refuse(
                        ("une ligne qui n'est pas du CSV", "a row that is not CSV").into(),
                        ("des cellules séparées par des virgules", "comma-separated cells").into(),
                    );
                }
            }
            held += record.len();
            if rows.len() >= MAX_ROWS || record.len() > MAX_COLUMNS || held > MAX_CELLS {
                return refuse(
                    ("trop de lignes ou de colonnes", "too many rows or columns").into(),
                    (
                        format!("au plus {MAX_ROWS} lignes, {MAX_COLUMNS} colonnes et {MAX_CELLS} cellules"),
                        format!("at most {MAX_ROWS} rows, {MAX_COLUMNS} columns and {MAX_CELLS} cells"),
                    )
                        .into(),
                );
            }
            if let Some(cell) = record.iter().find(|cell| cell.len() > MAX_CELL_BYTES) {
                return refuse(
                    (
                        format!("une cellule de {} octets à la ligne {}", cell.len(), rows.len() + 1),
                        format!("a cell of {} bytes at row {}", cell.len(), rows.len() + 1),
                    )
                        .into(),
                    (format!("au plus {MAX_CELL_BYTES} octets"), format!("at most {MAX_CELL_BYTES} bytes"))
                        .into(),
                );
            }
            rows.push(record.iter().map(str::to_owned).collect());
        }
        self.lists.insert(csv_key(name), Sheet { name: name.to_owned(), rows: normalise_rows(rows) });
        Ok(())
    }

    /// The normalised cells of one of these sheets, headings first.
    pub fn rows(&self, sheet: &str) -> Option<&[Vec<String>]> {
        self.sheets.get(&sheet.to_lowercase()).map(|sheet| sheet.rows.as_slice())
    }

    pub(crate) fn sheet(&self, key: &str) -> Option<&Sheet> {
        self.sheets.get(key)
    }

    /// A sheet that is left out and nearly has this name. One that begins with `_` is left out on purpose.
    pub(crate) fn nearly(&self, key: &str) -> Option<&str> {
        let near = |name: &&String| {
            !name.starts_with('_') && crate::xpath::functions::distance(&name.to_lowercase(), key) <= 2
        };
        self.others.iter().find(near).map(String::as_str)
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
        for cell in row.iter_mut().filter(|cell| !is_plain(cell)) {
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

/// True for most cells: words of ASCII, one blank between them.
fn is_plain(cell: &str) -> bool {
    let mut before = b' ';
    let is_plain = cell.bytes().all(|byte| {
        let fits = byte.is_ascii_graphic() || byte == b' ' && before != b' ';
        before = byte;
        fits
    });
    is_plain && (before != b' ' || cell.is_empty()) && cell.len() <= MAX_CELL_BYTES && !cell.contains("_x000")
}

/// What nobody sees, and what no XForm could hold.
fn is_nothing(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\0'..' ' => true,
        _ => matches!(c, '\u{200b}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'),
    }
}

/// What spreadsheets do to text, undone: no-break spaces, carriage returns, runs of blanks, edges.
pub(crate) fn normalise_cell(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut blank = false;
    let mut cell = if cell.contains("_x000") { unescape_control(cell) } else { cell.to_owned() };
    cell.retain(|c| !is_nothing(c));
    for c in cell.trim().chars() {
        let c = match c {
            '\u{a0}' | '\u{202f}' | '\u{2007}' | '\t' => ' ',
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

/// A byte that is not UTF-8, with what the file probably is. The guess is told, never acted on.
fn not_utf8(bytes: &[u8], at: usize) -> Said {
    if matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
        return ("un texte UTF-16 (« Texte Unicode » d'Excel)", "UTF-16 text (Excel's \"Unicode Text\")")
            .into();
    }
    let row = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    // Letters with accents in Windows-1252 are single bytes from 0xC0 on, between letters of ASCII.
    let foreign: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] >= 0x80).take(100).collect();
    let lone = foreign.iter().filter(|at| bytes.get(**at + 1).is_none_or(u8::is_ascii)).count();
    let western = !foreign.is_empty() && lone * 10 >= foreign.len() * 8 && !bytes.contains(&0);
    let (guess_fr, guess_en) = if western {
        (", sans doute du Windows-1252 (CSV d'Excel)", ", probably Windows-1252 (Excel's CSV)")
    } else {
        ("", "")
    };
    (
        format!("un octet qui n'est pas de l'UTF-8 à la ligne {row}{guess_fr}"),
        format!("a byte that is not UTF-8 at row {row}{guess_en}"),
    )
        .into()
}

/// The first row where quotes do not go together: one that nothing closes would make the rest of the file one cell.
fn broken_quote(text: &str) -> Option<usize> {
    enum At {
        Start,
        Plain,
        Quoted(usize),
        AfterQuote,
    }
    let delimiter = delimiter_of(text);
    let (mut row, mut at) = (1, At::Start);
    for byte in text.bytes() {
        let ends = byte == delimiter || byte == b'\n';
        at = match at {
            At::Start if byte == b'"' => At::Quoted(row),
            At::Quoted(_) if byte == b'"' => At::AfterQuote,
            At::Quoted(opened) => At::Quoted(opened),
            // A doubled quote is one quote.
            At::AfterQuote if byte == b'"' => At::Quoted(row),
            At::AfterQuote if !ends && !matches!(byte, b'\r' | b' ') => return Some(row),
            At::Start | At::Plain | At::AfterQuote if ends => At::Start,
            At::AfterQuote => At::AfterQuote,
            At::Start | At::Plain => At::Plain,
        };
        row += usize::from(byte == b'\n');
    }
    match at {
        At::Quoted(opened) => Some(opened),
        _ => None,
    }
}

/// What a file is that is no `.xlsx`, by its first bytes.
pub(crate) fn kind_of(bytes: &[u8]) -> Said {
    let start = &bytes[..bytes.len().min(512)];
    let text = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    if bytes.is_empty() {
        ("un fichier vide", "an empty file").into()
    } else if bytes.starts_with(b"PK") {
        ("une archive abîmée ou coupée", "an archive that is damaged or cut short").into()
    } else if bytes.starts_with(b"%PDF") {
        ("un fichier PDF", "a PDF file").into()
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") || text.contains("<table") {
        ("une page HTML", "an HTML page").into()
    } else if text.starts_with("<?xml") || text.starts_with('<') {
        ("un fichier XML", "an XML file").into()
    } else if text.starts_with('{') || text.starts_with('[') {
        ("un fichier JSON", "a JSON file").into()
    } else if !start.contains(&0) && text.contains([',', ';', '\t', '|']) && !text.contains('\u{fffd}') {
        ("un texte, sans doute du CSV", "a text, probably CSV").into()
    } else {
        ("des octets qui ne sont pas un fichier .xlsx", "bytes that are not an .xlsx file").into()
    }
}

/// Why a file is no workbook, for [`xlsx::read`].
pub(crate) fn unreadable(found: impl Into<Said>) -> Diagnostics {
    let diagnostic = Place::new("", 0, "").diagnostic(
        Severity::Error,
        Trouble::told(
            "unreadable-workbook",
            found,
            ("un classeur .xlsx avec une feuille \"survey\"", "an .xlsx workbook with a sheet \"survey\""),
        )
        .fix("Enregistrez le formulaire au format .xlsx.", "Save the form as .xlsx."),
    );
    Diagnostics::one(diagnostic)
}

/// The same for one sheet.
pub(crate) fn unreadable_sheet(sheet: &str, found: impl Into<Said>) -> Diagnostics {
    let limits = (
        format!("au plus {MAX_ROWS} lignes, {MAX_COLUMNS} colonnes et {MAX_CELL_BYTES} octets par cellule"),
        format!("at most {MAX_ROWS} rows, {MAX_COLUMNS} columns and {MAX_CELL_BYTES} bytes in a cell"),
    );
    let diagnostic = Place::new(sheet, 0, "").diagnostic(
        Severity::Error,
        Trouble::told("unreadable-sheet", found, limits).fix(
            format!(
                "Réduisez la feuille {}, ou enregistrez-la de nouveau si elle est abîmée.",
                quoted(sheet)
            ),
            format!("Make the sheet {} smaller, or save it anew if it is damaged.", quoted(sheet)),
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
        for cell in ["", "a", "a b", "~", " a", "a ", "a  b", "a\tb", "a\nb", "é", "a_x000D_", "\u{a0}"] {
            assert!(!is_plain(cell) || normalise_cell(cell) == cell, "{cell:?}");
        }
        assert!(is_plain("a b") && is_plain("") && !is_plain("a  b") && !is_plain("a "));
    }

    #[test]
    fn a_csv_of_french_excel_is_split_at_semicolons() {
        let mut workbook = Workbook::default();
        workbook.attach_csv("Areas.csv", "\u{feff}name;label\nHT01;Ouest\n".as_bytes()).unwrap();
        let (key, sheet) = workbook.lists().next().unwrap();
        assert_eq!((key, sheet.rows[1][1].as_str()), ("areas", "Ouest"));
    }

    #[test]
    fn a_csv_in_another_encoding_or_with_broken_quotes_is_refused_in_words() {
        let said = |bytes: &[u8]| Workbook::default().attach_csv("a.csv", bytes).unwrap_err().render("fr");
        let western = said(b"name,label\nA,Gonave\nB,L\xe9og\xe2ne\n");
        assert!(western.contains("à la ligne 3, sans doute du Windows-1252"), "{western}");
        assert!(said(b"\xff\xfen\0a\0").contains("UTF-16"));
        assert!(said(b"name,label\n1,\"open\n2,b\n").contains("jamais fermé à la ligne 2"));
        assert!(said(b"name,label\n1,\"Rue \"Capois\", 12\"\n").contains("à la ligne 2"));
        let mut workbook = Workbook::default();
        workbook.attach_csv("a.csv", b"name,label\r\n1,\"Rue \"\"Capois\"\", 12\"\r\n").unwrap();
        assert_eq!(workbook.lists().next().unwrap().1.rows[1][1], "Rue \"Capois\", 12");
    }

    #[test]
    fn sheets_are_found_whatever_their_case_and_others_are_left_out() {
        let workbook = Workbook::from_sheets([
            ("Survey".to_owned(), vec![vec!["type".to_owned()]]),
            ("notes".to_owned(), vec![]),
        ]);
        assert!(workbook.sheet("survey").is_some());
        assert!(workbook.sheet("notes").is_none());
        let alone = Workbook::from_sheets([("Feuille1".to_owned(), vec![vec!["type".to_owned()]])]);
        assert_eq!(alone.sheet("survey").unwrap().name, "Feuille1");
    }
}
