//! Excel's `.xls` of before 2007 to rows of text: an OLE file with a stream of records in it. Old questionnaires still come
//! so. Nothing here trusts them.

use std::io::{Cursor, Read};

use calamine::{Data, DataRef, Reader, Xls};

use crate::diagnostics::Diagnostics;
use crate::workbook::{KNOWN_SHEETS, MAX_CELL_BYTES, unreadable, unreadable_sheet};
use crate::xlsx::{MAX_SHARED_STRINGS, Sheets, cell_text};

/// Record types of BIFF8 ([MS-XLS], section 2.3) that hold a cell with something in it: each begins with its row
/// and column.
const CELLS: [u16; 8] = [0x0006, 0x00BD, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E];
/// Cells of the grids that the reader makes, blank ones too: a questionnaire with a cell filled in far to the right and
/// one far down is real.
const MAX_GRID: usize = 6_000_000;
const BEGIN_OF_PART: u16 = 0x0809;
const SHARED_STRINGS: u16 = 0x00FC;
const PASSWORD: u16 = 0x002F;

/// Reads the sheets that mean something here. The caller catches the reader's panics.
pub(crate) fn read(bytes: &[u8]) -> Result<Sheets, Diagnostics> {
    check_records(&stream_of(bytes)?)?;
    let mut workbook = Xls::new(Cursor::new(bytes)).map_err(|error| {
        unreadable((format!("un fichier qui dit : {error}"), format!("a file that says: {error}")))
    })?;
    let wanted: Vec<String> = workbook
        .sheet_names()
        .into_iter()
        .filter(|name| KNOWN_SHEETS.contains(&name.trim().to_lowercase().as_str()))
        .collect();
    wanted
        .into_iter()
        .map(|name| {
            let range = workbook.worksheet_range(&name).map_err(|error| {
                let (fr, en) =
                    (format!("une feuille qui dit : {error}"), format!("a sheet that says: {error}"));
                unreadable_sheet(&name, (fr, en))
            })?;
            let (above, left) = range.start().unwrap_or_default();
            let mut rows: Vec<Vec<String>> = vec![Vec::new(); above as usize];
            for row in range.rows() {
                let filled = row.iter().rposition(|cell| *cell != Data::Empty).map_or(0, |last| last + 1);
                let before = vec![String::new(); left as usize];
                rows.push(before.into_iter().chain(row[..filled].iter().map(text_of)).collect());
            }
            Ok((name, rows))
        })
        .collect()
}

fn text_of(cell: &Data) -> String {
    let mut text = match cell {
        Data::Int(number) => cell_text(&DataRef::Int(*number)),
        Data::Float(number) => cell_text(&DataRef::Float(*number)),
        Data::Bool(flag) => cell_text(&DataRef::Bool(*flag)),
        Data::DateTime(instant) => cell_text(&DataRef::DateTime(*instant)),
        Data::Error(error) => error.to_string(),
        Data::Empty => String::new(),
        other => other.to_string(),
    };
    let mut end = text.len().min(MAX_CELL_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// The records of the workbook.
fn stream_of(bytes: &[u8]) -> Result<Vec<u8>, Diagnostics> {
    let damaged = || unreadable(("un ancien classeur .xls abîmé", "a damaged old .xls workbook"));
    let mut file = cfb::CompoundFile::open(Cursor::new(bytes)).map_err(|_| damaged())?;
    let name = ["/Workbook", "/Book"].into_iter().find(|name| file.is_stream(name)).ok_or_else(|| {
        unreadable((
            "un fichier Office qui n'est pas un classeur lisible (peut-être protégé par un mot de passe)",
            "an Office file that is no readable workbook (perhaps one with a password)",
        ))
    })?;
    let mut records = Vec::new();
    let stream = file.open_stream(name).map_err(|_| damaged())?;
    // No stream is larger than the file.
    stream.take(bytes.len() as u64).read_to_end(&mut records).map_err(|_| damaged())?;
    Ok(records)
}

/// The reader makes a grid of each sheet, from its first cell to its last, and reserves room for as many strings as the
/// file claims: both are judged before.
fn check_records(records: &[u8]) -> Result<(), Diagnostics> {
    let number = |at: usize| records.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]));
    let (mut at, mut held) = (0, 0_usize);
    let mut grid = Grid::default();
    while at + 4 <= records.len() {
        let (kind, length) = (number(at), usize::from(number(at + 2)));
        let body = at + 4;
        match kind {
            PASSWORD => {
                return Err(unreadable((
                    "un classeur protégé par un mot de passe",
                    "a workbook with a password",
                )));
            }
            BEGIN_OF_PART => held = held.saturating_add(std::mem::take(&mut grid).cells()),
            SHARED_STRINGS => {
                let claim = u64::from(number(body + 4)) | u64::from(number(body + 6)) << 16;
                if claim > MAX_SHARED_STRINGS {
                    return Err(too_large());
                }
            }
            kind if CELLS.contains(&kind) && length >= 4 => {
                grid.add(usize::from(number(body)), usize::from(number(body + 2)));
            }
            _ => {}
        }
        at = body + length;
    }
    held = held.saturating_add(grid.cells());
    if held > MAX_GRID { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Diagnostics {
    unreadable((
        format!("des feuilles de plus de {MAX_GRID} cellules"),
        format!("sheets of more than {MAX_GRID} cells"),
    ))
}

/// What a sheet's cells span.
#[derive(Default)]
struct Grid {
    rows: Option<(usize, usize)>,
    columns: Option<(usize, usize)>,
}

impl Grid {
    fn add(&mut self, row: usize, column: usize) {
        let wider = |range: Option<(usize, usize)>, at: usize| {
            Some(range.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
        };
        self.rows = wider(self.rows, row);
        self.columns = wider(self.columns, column);
    }

    fn cells(&self) -> usize {
        let span = |range: Option<(usize, usize)>| range.map_or(0, |(from, to)| to - from + 1);
        span(self.rows) * span(self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((body.len() as u16).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn cell(row: u16, column: u16) -> Vec<u8> {
        let mut body = row.to_le_bytes().to_vec();
        body.extend(column.to_le_bytes());
        record(0x0203, &body)
    }

    #[test]
    fn two_cells_at_opposite_corners_are_refused_before_a_grid_is_made_of_them() {
        let small = [cell(0, 0), cell(200, 20)].concat();
        assert!(check_records(&small).is_ok());
        let bomb = [cell(0, 0), cell(u16::MAX, 255)].concat();
        assert!(check_records(&bomb).is_err());
        let many = (0..120).flat_map(|_| [record(BEGIN_OF_PART, &[]), cell(0, 0), cell(60_000, 0)].concat());
        assert!(check_records(&many.collect::<Vec<u8>>()).is_err());
    }

    #[test]
    fn a_claim_of_strings_beyond_reason_and_a_password_are_refused() {
        assert!(check_records(&record(SHARED_STRINGS, &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])).is_err());
        assert!(check_records(&record(PASSWORD, &[0, 0])).is_err());
        assert!(read(b"\xD0\xCF\x11\xE0 no such file").is_err());
    }
}
