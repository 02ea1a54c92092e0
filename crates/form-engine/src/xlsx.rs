//! `.xlsx` bytes to rows of text. The bytes come from a mail or a stick: nothing here trusts them.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};

use crate::diagnostics::Diagnostics;
use crate::workbook::{
    KNOWN_SHEETS, MAX_CELL_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_INFLATED_BYTES, MAX_ROWS, MAX_WORKBOOK_BYTES,
    unreadable, unreadable_sheet,
};
use crate::xpath::number_text;

/// Name and rows of each sheet that means something here.
type Sheets = Vec<(String, Vec<Vec<String>>)>;

/// More shared strings than any form has; the reader reserves memory by what the file claims.
const MAX_SHARED_STRINGS: u64 = 1_000_000;

pub(crate) fn read(bytes: &[u8]) -> Result<Sheets, Diagnostics> {
    if bytes.len() > MAX_WORKBOOK_BYTES {
        return Err(unreadable(format!("{} bytes, more than 16 MiB", bytes.len())));
    }
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(unreadable("an old .xls workbook, or one with a password"));
    }
    // The reader is someone else's code on hostile bytes: a panic there is a bad file, not our end.
    catch_unwind(AssertUnwindSafe(|| {
        check_parts(bytes)?;
        read_sheets(bytes)
    }))
    .unwrap_or_else(|_| Err(unreadable("a damaged workbook")))
}

/// Inflates every part once, counting, because the archive's own figures may lie.
fn check_parts(bytes: &[u8]) -> Result<(), Diagnostics> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
        .map_err(|_| unreadable("bytes that are not an .xlsx file"))?;
    let mut left = MAX_INFLATED_BYTES;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| unreadable("a damaged or encrypted archive"))?;
        let name = part.name().map_err(|_| unreadable("an archive with an unreadable name"))?;
        let is_strings = name.to_lowercase().contains("sharedstrings");
        let mut limited = part.take(left + 1);
        let size = if is_strings {
            let mut strings = Vec::new();
            limited.read_to_end(&mut strings).map_err(|_| unreadable("a damaged archive"))?;
            check_shared_strings(&strings)?;
            strings.len() as u64
        } else {
            std::io::copy(&mut limited, &mut std::io::sink()).map_err(|_| unreadable("a damaged archive"))?
        };
        left = left.checked_sub(size).ok_or_else(|| {
            unreadable(format!("a workbook that inflates to more than {MAX_INFLATED_BYTES} bytes"))
        })?;
    }
    Ok(())
}

/// The reader reserves room for as many strings as `uniqueCount` claims: a claim beyond reason would end the process.
fn check_shared_strings(strings: &[u8]) -> Result<(), Diagnostics> {
    let text = std::str::from_utf8(strings).map_err(|_| unreadable("shared strings that are not UTF-8"))?;
    for (at, _) in text.match_indices("uniqueCount") {
        let claim: String = text[at + "uniqueCount".len()..]
            .chars()
            .skip_while(|c| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '+'))
            .take_while(char::is_ascii_digit)
            .collect();
        if !claim.is_empty() && claim.parse::<u64>().map_or(true, |count| count > MAX_SHARED_STRINGS) {
            return Err(unreadable("more shared strings than a form can have"));
        }
    }
    Ok(())
}

fn read_sheets(bytes: &[u8]) -> Result<Sheets, Diagnostics> {
    let mut xlsx: Xlsx<_> =
        Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(format!("a file that says: {error}")))?;
    let wanted: Vec<String> = xlsx
        .sheet_names()
        .into_iter()
        .filter(|name| KNOWN_SHEETS.contains(&name.trim().to_lowercase().as_str()))
        .collect();
    wanted.into_iter().map(|name| read_sheet(&mut xlsx, &name).map(|rows| (name, rows))).collect()
}

/// Streams the cells: a sheet with two cells at opposite corners must not become a grid of billions.
fn read_sheet(xlsx: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Vec<String>>, Diagnostics> {
    let damaged = |error: calamine::XlsxError| unreadable_sheet(name, format!("a sheet that says: {error}"));
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
        if row >= MAX_ROWS || column >= MAX_COLUMNS || held > MAX_CELLS || text.len() > MAX_CELL_BYTES {
            return Err(unreadable_sheet(name, format!("a cell at row {}, column {}", row + 1, column + 1)));
        }
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
fn cell_text(value: &DataRef<'_>) -> String {
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
