//! `.xlsx` bytes to rows of text (`.xls` too, by [`crate::xls`]). The bytes come from a mail or a stick: nothing here trusts them.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};

use crate::diagnostics::Diagnostics;
use crate::workbook::{
    KNOWN_SHEETS, MAX_CELL_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_INFLATED_BYTES, MAX_ROWS, MAX_WORKBOOK_BYTES,
    kind_of, unreadable, unreadable_sheet,
};
use crate::xpath::number_text;

/// Name and rows of each sheet that means something here.
pub(crate) type Sheets = Vec<(String, Vec<Vec<String>>)>;

/// More shared strings than any form has; the reader reserves memory by what the file claims.
pub(crate) const MAX_SHARED_STRINGS: u64 = 500_000;
/// Bytes of the shared strings and of the styles, which the reader holds at once, each in many times its room.
const MAX_SHARED_BYTES: u64 = 32 * 1024 * 1024;
const MAX_STYLE_BYTES: u64 = 16 * 1024 * 1024;
/// Text of all sheets. One shared string may stand in every cell.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

pub(crate) fn read(bytes: &[u8]) -> Result<Sheets, Diagnostics> {
    if bytes.len() > MAX_WORKBOOK_BYTES {
        return Err(unreadable((
            format!("{} octets, plus de 16 Mio", bytes.len()),
            format!("{} bytes, more than 16 MiB", bytes.len()),
        )));
    }
    let is_old = bytes.starts_with(b"\xD0\xCF\x11\xE0");
    if !is_old && !bytes.starts_with(b"PK") {
        return Err(unreadable(kind_of(bytes)));
    }
    // The reader is someone else's code on hostile bytes: a panic there is a bad file, not our end.
    catch_unwind(AssertUnwindSafe(|| {
        if is_old {
            return crate::xls::read(bytes);
        }
        check_parts(bytes)?;
        read_sheets(bytes)
    }))
    .unwrap_or_else(|_| Err(unreadable(("un classeur abîmé", "a damaged workbook"))))
}

/// Inflates every part once, counting, because the archive's own figures may lie.
fn check_parts(bytes: &[u8]) -> Result<(), Diagnostics> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable(kind_of(bytes)))?;
    check_kind(&archive)?;
    let mut left = MAX_INFLATED_BYTES;
    for index in 0..archive.len() {
        let part = archive
            .by_index(index)
            .map_err(|_| unreadable(("une archive abîmée ou chiffrée", "a damaged or encrypted archive")))?;
        let name = part
            .name()
            .map_err(|_| {
                unreadable(("une archive avec un nom illisible", "an archive with an unreadable name"))
            })?
            .to_lowercase();
        let limit = match &*name {
            name if name.contains("sharedstrings") => left.min(MAX_SHARED_BYTES),
            name if name.contains("styles") => left.min(MAX_STYLE_BYTES),
            _ => left,
        };
        let mut scan = Scan::new(&name);
        let size = scan.read(part.take(limit + 1))?;
        if size > limit {
            let limit = if limit == left { MAX_INFLATED_BYTES } else { limit };
            return Err(unreadable((
                format!("un classeur qui, déplié, dépasse {limit} octets"),
                format!("a workbook that inflates to more than {limit} bytes"),
            )));
        }
        left -= size;
    }
    Ok(())
}

/// Other programs' files are archives too.
fn check_kind<R: Read + std::io::Seek>(archive: &zip::ZipArchive<R>) -> Result<(), Diagnostics> {
    let has = |wanted: &str| {
        archive.file_names().flatten().any(|name| name.replace('\\', "/").eq_ignore_ascii_case(wanted))
    };
    if has("xl/workbook.xml") {
        return Ok(());
    }
    let found = if has("xl/workbook.bin") {
        ("un classeur binaire .xlsb", "a binary workbook, .xlsb")
    } else if has("content.xml") {
        ("un document OpenDocument (.ods)", "an OpenDocument file (.ods)")
    } else if has("word/document.xml") {
        ("un document Word", "a Word document")
    } else {
        ("une archive qui n'est pas un classeur", "an archive that is no workbook")
    };
    Err(unreadable(found))
}

/// Looks through one part as it is inflated.
struct Scan {
    is_xml: bool,
    strings: Option<Vec<u8>>,
}

impl Scan {
    fn new(name: &str) -> Self {
        Self {
            is_xml: name.ends_with(".xml") || name.ends_with(".rels"),
            strings: name.contains("sharedstrings").then(Vec::new),
        }
    }

    fn read(&mut self, mut part: impl Read) -> Result<u64, Diagnostics> {
        const DECLARATIONS: [&[u8]; 2] = [b"<!DOCTYPE", b"<!ENTITY"];
        /// The end of one piece stays, so that no word is missed between two.
        const KEPT: usize = 16;
        let mut piece = vec![0; 64 * 1024];
        let (mut kept, mut size) = (0, 0);
        loop {
            let read = part
                .read(&mut piece[kept..])
                .map_err(|_| unreadable(("une archive abîmée", "a damaged archive")))?;
            if read == 0 {
                break;
            }
            size += read as u64;
            if let Some(strings) = &mut self.strings {
                strings.extend_from_slice(&piece[kept..kept + read]);
            }
            let end = kept + read;
            let declares = |text: &[u8]| {
                text.iter().enumerate().any(|(at, byte)| {
                    *byte == b'<' && DECLARATIONS.iter().any(|word| text[at..].starts_with(word))
                })
            };
            if self.is_xml && declares(&piece[..end]) {
                return Err(unreadable((
                    "du XML qui déclare des entités, ce qu'aucun tableur n'écrit",
                    "XML that declares entities, which no spreadsheet program writes",
                )));
            }
            kept = end.min(KEPT);
            piece.copy_within(end - kept..end, 0);
        }
        self.strings.take().map_or(Ok(()), |strings| check_shared_strings(&strings))?;
        Ok(size)
    }
}

/// The reader reserves room for as many strings as `uniqueCount` claims: a claim beyond reason would end the process.
fn check_shared_strings(strings: &[u8]) -> Result<(), Diagnostics> {
    let text = std::str::from_utf8(strings).map_err(|_| {
        unreadable(("des textes qui ne sont pas de l'UTF-8", "shared strings that are not UTF-8"))
    })?;
    let too_many = || {
        unreadable((
            "plus de textes qu'un formulaire ne peut en avoir",
            "more shared strings than a form can have",
        ))
    };
    if text.matches("<si").take(MAX_SHARED_STRINGS as usize + 1).count() > MAX_SHARED_STRINGS as usize {
        return Err(too_many());
    }
    for (at, _) in text.match_indices("uniqueCount") {
        let claim: String = text[at + "uniqueCount".len()..]
            .chars()
            .skip_while(|c| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '+'))
            .take_while(char::is_ascii_digit)
            .collect();
        if !claim.is_empty() && claim.parse::<u64>().map_or(true, |count| count > MAX_SHARED_STRINGS) {
            return Err(too_many());
        }
    }
    Ok(())
}

fn read_sheets(bytes: &[u8]) -> Result<Sheets, Diagnostics> {
    let mut xlsx: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| {
        unreadable((format!("un fichier abîmé : {error}"), format!("a file that says: {error}")))
    })?;
    let names = xlsx.sheet_names();
    let known = |name: &String| KNOWN_SHEETS.contains(&name.trim().to_lowercase().as_str());
    // A workbook's only sheet is its survey, whatever it is called.
    let only = names.len() == 1;
    let mut text_left = MAX_TEXT_BYTES;
    let mut sheets: Sheets = Vec::new();
    for name in names {
        let rows =
            if known(&name) || only { read_sheet(&mut xlsx, &name, &mut text_left)? } else { Vec::new() };
        sheets.push((name, rows));
    }
    Ok(sheets)
}

/// Streams the cells: a sheet with two cells at opposite corners must not become a grid of billions.
fn read_sheet(
    xlsx: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    text_left: &mut usize,
) -> Result<Vec<Vec<String>>, Diagnostics> {
    let damaged = |error: calamine::XlsxError| {
        unreadable_sheet(
            name,
            (format!("une feuille abîmée : {error}"), format!("a sheet that says: {error}")),
        )
    };
    let mut cells = xlsx.worksheet_cells_reader(name).map_err(damaged)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut held = 0;
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let text = cell_text(cell.get_value());
        if text.trim().is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let (row, column) = (row as usize, column as usize);
        // Blank cells to the left of a filled one take room too.
        held += (column + 1).saturating_sub(rows.get(row).map_or(0, Vec::len));
        let fits =
            row < MAX_ROWS && column < MAX_COLUMNS && held <= MAX_CELLS && text.len() <= MAX_CELL_BYTES;
        let left = text_left.checked_sub(text.len()).filter(|_| fits);
        let Some(left) = left else {
            return Err(unreadable_sheet(
                name,
                (
                    format!("une cellule à la ligne {}, colonne {}", row + 1, column + 1),
                    format!("a cell at row {}, column {}", row + 1, column + 1),
                ),
            ));
        };
        *text_left = left;
        if rows.len() <= row {
            rows.resize_with(row + 1, Vec::new);
        }
        if rows[row].len() <= column {
            rows[row].resize_with(column + 1, String::new);
        }
        rows[row][column] = text;
    }
    Ok(rows)
}

/// As a person would have typed it: `1` and not `1.0`, `TRUE`, an ISO date.
pub(crate) fn cell_text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::Bool(flag) => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(instant) => {
            let (year, month, day, hour, minute, second, _) = instant.to_ymd_hms_milli();
            if instant.is_duration() || instant.as_f64() < 1.0 {
                format!("{hour:02}:{minute:02}:{second:02}")
            } else if (hour, minute, second) == (0, 0, 0) {
                format!("{year:04}-{month:02}-{day:02}")
            } else {
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
            }
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    }
}
