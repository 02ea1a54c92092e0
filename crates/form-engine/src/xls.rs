//! Excel's `.xls` of before 2007 to rows of text: an OLE file with a stream of records in it. Old questionnaires still come
//! so. Nothing here trusts them.

use std::io::{Cursor, Read, Write};

use calamine::{Data, DataRef, Reader, Xls};

use crate::diagnostics::Diagnostics;
use crate::workbook::{KNOWN_SHEETS, MAX_CELL_BYTES, unreadable, unreadable_sheet};
use crate::xlsx::{MAX_SHARED_STRINGS, MAX_TEXT_BYTES, Sheets, cell_text};

// Record types of BIFF8 ([MS-XLS], section 2.3).
const FORMULA: u16 = 0x0006;
const END_OF_PART: u16 = 0x000A;
const NAME: u16 = 0x0018;
const PASSWORD: u16 = 0x002F;
const CONTINUE: u16 = 0x003C;
const SHEET: u16 = 0x0085;
const MANY_NUMBERS: u16 = 0x00BD;
const RICH_TEXT: u16 = 0x00D6;
const MERGED: u16 = 0x00E5;
const SHARED_STRINGS: u16 = 0x00FC;
const SHARED_TEXT: u16 = 0x00FD;
const DIMENSIONS: u16 = 0x0200;
const NUMBER: u16 = 0x0203;
const TEXT: u16 = 0x0204;
const BOOLEAN: u16 = 0x0205;
const FORMULA_TEXT: u16 = 0x0207;
const SHORT_NUMBER: u16 = 0x027E;
const BEGIN_OF_PART: u16 = 0x0809;
/// A type that no record has.
const NOTHING: u16 = 0x0FFE;

/// Cells of the grids that the reader makes, blank ones too: a questionnaire with a cell filled in far to the right and
/// one far down is real.
const MAX_GRID: usize = 6_000_000;
/// The reader reads all of them, whatever they are called.
const MAX_SHEETS: usize = 64;
/// A character takes no more bytes than this once it is read.
const BYTES_OF_CHARACTER: usize = 4;
/// What the reader says of a formula that it was not given.
const BYTES_OF_FORMULA: usize = 128;
/// Where in a formula's record its length stands.
const LENGTH_OF_FORMULA: usize = 20;

/// Reads the sheets that mean something here. The caller catches the reader's panics.
pub(crate) fn read(bytes: &[u8]) -> Result<Sheets, Diagnostics> {
    let records = without_formulas(stream_of(bytes)?)?;
    check_records(&records)?;
    let mut workbook = Xls::new(Cursor::new(alone(&records)?)).map_err(|error| {
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

/// Takes formulas, names and merged cells out: nothing here reads them, and the reader makes much of little of them (a
/// formula of blanks for seconds, a name in each formula that uses it).
fn without_formulas(mut records: Vec<u8>) -> Result<Vec<u8>, Diagnostics> {
    // What is taken out of one sheet may lie inside another one's records, if the file was made to confuse: once that is
    // done, nothing may be left to do.
    for _ in 0..2 {
        let found = to_take_out(&records);
        if found.is_empty() {
            return Ok(records);
        }
        for (at, bytes) in found {
            records[at..at + 2].copy_from_slice(&bytes);
        }
    }
    if to_take_out(&records).is_empty() { Ok(records) } else { Err(damaged()) }
}

/// Where two bytes must be others, and which.
fn to_take_out(records: &[u8]) -> Vec<(usize, [u8; 2])> {
    let place = |record: &Record<'_>| record.body.as_ptr() as usize - records.as_ptr() as usize;
    let mut found = Vec::new();
    let mut from = vec![0];
    for record in Records(records).take_while(|record| record.kind != END_OF_PART) {
        match record.kind {
            SHEET => from.push(record.long(0) as usize),
            NAME => found.push((place(&record) - 4, NOTHING.to_le_bytes())),
            _ => {}
        }
    }
    from.truncate(1 + MAX_SHEETS);
    for part in from.into_iter().skip(1).filter_map(|from| records.get(from..)) {
        // To the end of the part as `add_sheet` finds it, charts inside it too.
        let mut depth = 0_u32;
        for record in Records(part) {
            match record.kind {
                BEGIN_OF_PART => depth += 1,
                END_OF_PART if depth > 1 => depth -= 1,
                END_OF_PART => break,
                MERGED => found.push((place(&record) - 4, NOTHING.to_le_bytes())),
                FORMULA if record.short(LENGTH_OF_FORMULA) != 0 => {
                    found.push((place(&record) + LENGTH_OF_FORMULA, [0, 0]));
                }
                _ => {}
            }
        }
    }
    found
}

/// A file of these records and nothing else: the reader looks for them by other rules than we do, and in a file of two
/// workbooks it would take the other one.
fn alone(records: &[u8]) -> Result<Vec<u8>, Diagnostics> {
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new()))
        .map_err(|_| damaged())?;
    let mut stream = file.create_stream("/Workbook").map_err(|_| damaged())?;
    stream.write_all(records).and_then(|()| stream.flush()).map_err(|_| damaged())?;
    drop(stream);
    file.flush().map_err(|_| damaged())?;
    Ok(file.into_inner().into_inner())
}

fn damaged() -> Diagnostics {
    unreadable(("un ancien classeur .xls abîmé", "a damaged old .xls workbook"))
}

/// The reader makes a grid of each sheet, from its first cell to its last, reserves room for as many cells and letters as
/// the file claims, and copies a shared string into every cell that names it. All are judged before, on the very records
/// that it will read.
fn check_records(records: &[u8]) -> Result<(), Diagnostics> {
    let mut sheets = Vec::new();
    let mut shared = Vec::new();
    for record in Records(records).take_while(|record| record.kind != END_OF_PART) {
        match record.kind {
            PASSWORD => {
                return Err(unreadable((
                    "un classeur protégé par un mot de passe",
                    "a workbook with a password",
                )));
            }
            SHEET => sheets.push(record.long(0) as usize),
            SHARED_STRINGS => shared = lengths_of(record)?,
            _ => {}
        }
    }
    if sheets.len() > MAX_SHEETS {
        return Err(too_large(("feuilles", "sheets"), MAX_SHEETS));
    }
    let mut used = Used::default();
    for from in sheets {
        used.add_sheet(records.get(from..).ok_or_else(damaged)?, &shared)?;
    }
    Ok(())
}

/// More of something than we read.
fn too_large((fr, en): (&str, &str), limit: usize) -> Diagnostics {
    unreadable((
        format!("un classeur de plus de {limit} {fr}"),
        format!("a workbook of more than {limit} {en}"),
    ))
}

/// One record, with those that continue it.
struct Record<'r> {
    kind: u16,
    body: &'r [u8],
    more: Vec<&'r [u8]>,
}

impl Record<'_> {
    /// A number of two bytes; 0 beyond the end, as in all that is damaged.
    fn short(&self, at: usize) -> u16 {
        self.body.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
    }

    fn long(&self, at: usize) -> u32 {
        u32::from(self.short(at)) | u32::from(self.short(at + 2)) << 16
    }
}

/// Records in order, up to the first that is cut off: there the reader gives up.
struct Records<'r>(&'r [u8]);

impl<'r> Records<'r> {
    fn one(&mut self) -> Option<(u16, &'r [u8])> {
        let head = self.0.get(..4)?;
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let body = self.0.get(4..4 + length)?;
        self.0 = &self.0[4 + length..];
        Some((u16::from_le_bytes([head[0], head[1]]), body))
    }
}

impl<'r> Iterator for Records<'r> {
    type Item = Record<'r>;

    fn next(&mut self) -> Option<Record<'r>> {
        let (kind, body) = self.one()?;
        let mut more = Vec::new();
        while self.0.starts_with(&CONTINUE.to_le_bytes()) {
            let Some((_, body)) = self.one() else { break };
            more.push(body);
        }
        Some(Record { kind, body, more })
    }
}

/// The characters of each shared string (`XLUnicodeRichExtendedString`).
fn lengths_of(record: Record<'_>) -> Result<Vec<u16>, Diagnostics> {
    let claim = u64::from(record.long(4));
    let mut pieces = Pieces { now: record.body.get(8..).ok_or_else(damaged)?, next: record.more.into_iter() };
    let mut lengths = Vec::new();
    while !pieces.now.is_empty() || pieces.turn() {
        if claim.max(lengths.len() as u64) > MAX_SHARED_STRINGS {
            return Err(too_large(("textes partagés", "shared strings"), MAX_SHARED_STRINGS as usize));
        }
        lengths.push(pieces.string().ok_or_else(damaged)?);
    }
    Ok(lengths)
}

/// What is left of a record and of those that continue it.
struct Pieces<'r> {
    now: &'r [u8],
    next: std::vec::IntoIter<&'r [u8]>,
}

impl Pieces<'_> {
    fn turn(&mut self) -> bool {
        self.next.next().map(|next| self.now = next).is_some()
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.now.split_first_chunk()?;
        self.now = rest;
        Some(*bytes)
    }

    fn skip(&mut self, mut bytes: usize) -> Option<()> {
        while bytes > 0 {
            if self.now.is_empty() && !self.turn() {
                return None;
            }
            let here = bytes.min(self.now.len());
            (self.now, bytes) = (&self.now[here..], bytes - here);
        }
        Some(())
    }

    /// Goes past one string and says how many characters it has.
    fn string(&mut self) -> Option<u16> {
        if self.now.is_empty() {
            return Some(0);
        }
        let length = u16::from_le_bytes(self.bytes()?);
        let [flags] = self.bytes()?;
        let runs = if flags & 8 != 0 { u16::from_le_bytes(self.bytes()?) } else { 0 };
        let extra = if flags & 4 != 0 { u32::from_le_bytes(self.bytes()?) } else { 0 };
        let (mut left, mut is_wide) = (usize::from(length), flags & 1 != 0);
        while left > 0 {
            let size = if is_wide { 2 } else { 1 };
            let here = left.min(self.now.len() / size);
            (self.now, left) = (&self.now[here * size..], left - here);
            if left > 0 {
                // Each piece says anew how wide its characters are.
                self.turn().then_some(())?;
                let [flags] = self.bytes()?;
                is_wide = flags & 1 != 0;
            }
        }
        self.skip(usize::from(runs) * 4)?;
        self.skip(extra as usize)?;
        Some(length)
    }
}

/// What the sheets so far come to in the reader's hands.
#[derive(Default)]
struct Used {
    cells: usize,
    text: usize,
}

impl Used {
    fn add_sheet(&mut self, records: &[u8], shared: &[u16]) -> Result<(), Diagnostics> {
        let mut grid = Grid::default();
        let mut formula_at = (0, 0);
        // Charts inside a sheet are parts of their own, and not read.
        let mut depth = 0;
        for record in Records(records) {
            let at = (record.short(0), record.short(2));
            match record.kind {
                BEGIN_OF_PART => depth += 1,
                END_OF_PART if depth > 1 => depth -= 1,
                END_OF_PART => break,
                _ if depth > 1 => {}
                DIMENSIONS if claimed(&record) > MAX_GRID => return Err(too_many_cells()),
                MANY_NUMBERS => {
                    let last = record.short(record.body.len().saturating_sub(2));
                    [at, (at.0, last)].into_iter().for_each(|at| grid.add(at));
                }
                FORMULA => {
                    formula_at = at;
                    grid.add(at);
                    self.text += BYTES_OF_FORMULA;
                }
                FORMULA_TEXT => {
                    grid.add(formula_at);
                    self.text += usize::from(record.short(0)) * BYTES_OF_CHARACTER;
                }
                TEXT | RICH_TEXT => {
                    grid.add(at);
                    self.text += usize::from(record.short(6)) * BYTES_OF_CHARACTER;
                }
                SHARED_TEXT => {
                    grid.add(at);
                    let length = shared.get(record.long(6) as usize).copied().unwrap_or_default();
                    self.text += usize::from(length) * BYTES_OF_CHARACTER;
                }
                NUMBER | BOOLEAN | SHORT_NUMBER => grid.add(at),
                _ => {}
            }
            if self.text > MAX_TEXT_BYTES {
                return Err(too_large(("octets de textes", "bytes of texts"), MAX_TEXT_BYTES));
            }
        }
        self.cells += grid.cells();
        if self.cells > MAX_GRID { Err(too_many_cells()) } else { Ok(()) }
    }
}

fn too_many_cells() -> Diagnostics {
    too_large(("cellules", "cells"), MAX_GRID)
}

/// The cells that a sheet says it has: from and to of its rows and columns, in long or, of old, in short numbers.
fn claimed(record: &Record<'_>) -> usize {
    let (rows, from, to) = if record.body.len() < 14 {
        (u32::from(record.short(2)).wrapping_sub(record.short(0).into()), record.short(4), record.short(6))
    } else {
        (record.long(4).wrapping_sub(record.long(0)), record.short(8), record.short(10))
    };
    // The reader takes a first column beyond the last for the very first one.
    let from = if from > 0xFF || to < from { 0 } else { from };
    (rows.max(1) as usize).saturating_mul(usize::from(to - from).max(1))
}

/// What a sheet's cells span.
#[derive(Default)]
struct Grid {
    rows: Option<(usize, usize)>,
    columns: Option<(usize, usize)>,
}

impl Grid {
    fn add(&mut self, (row, column): (u16, u16)) {
        let wider = |range: Option<(usize, usize)>, at: usize| {
            Some(range.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
        };
        self.rows = wider(self.rows, row.into());
        self.columns = wider(self.columns, column.into());
    }

    fn cells(&self) -> usize {
        let span = |range: Option<(usize, usize)>| range.map_or(0, |(from, to)| to - from + 1);
        span(self.rows) * span(self.columns)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((body.len() as u16).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn cell_of(kind: u16, row: u16, column: u16, rest: &[u8]) -> Vec<u8> {
        record(kind, &[&row.to_le_bytes(), &column.to_le_bytes(), rest].concat())
    }

    fn cell(row: u16, column: u16) -> Vec<u8> {
        cell_of(NUMBER, row, column, &[0; 10])
    }

    /// A workbook of these sheets, and of these records before them.
    fn workbook(first: &[u8], sheets: &[Vec<u8>]) -> Vec<u8> {
        let name = b"\x06\0survey";
        let begin = record(BEGIN_OF_PART, &[0, 6, 0, 0]);
        let end = record(END_OF_PART, &[]);
        let mut from = begin.len() + first.len() + sheets.len() * (4 + 6 + name.len()) + end.len();
        let mut bytes = [&begin, first].concat();
        for sheet in sheets {
            bytes.extend(record(SHEET, &[&(from as u32).to_le_bytes()[..], &[0, 0], name].concat()));
            from += begin.len() + sheet.len() + end.len();
        }
        bytes.extend(&end);
        sheets.iter().for_each(|sheet| bytes.extend([&begin, &sheet[..], &end].concat()));
        bytes
    }

    fn said(records: &[u8]) -> String {
        check_records(records).map_or_else(|found| found.to_string(), |()| String::new())
    }

    #[test]
    fn two_cells_at_opposite_corners_are_refused_before_a_grid_is_made_of_them() {
        let sheet = |cells: &[Vec<u8>]| workbook(&[], &[cells.concat()]);
        assert_eq!(said(&sheet(&[cell(0, 0), cell(200, 20)])), "");
        let end = cell(u16::MAX, u16::MAX);
        for bomb in [
            vec![cell(0, 0), cell(u16::MAX, 255)],
            // A formula's text where no formula was is put into the first cell.
            vec![end.clone(), record(FORMULA_TEXT, &[0, 0, 0])],
            vec![cell(u16::MAX, 0), cell_of(MANY_NUMBERS, 0, 0, &[0, 0, 0, 0, 0, 0, 0xFF, 0xFF])],
            vec![record(DIMENSIONS, &[0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0])],
            // The rows end before they begin.
            vec![record(DIMENSIONS, &[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])],
        ] {
            assert!(said(&sheet(&bomb)).contains("more than 6000000 cells"));
        }
        let many = vec![[cell(0, 0), cell(60_000, 1)].concat(); 60];
        assert!(said(&workbook(&[], &many)).contains("more than 6000000 cells"));
        assert!(said(&workbook(&[], &vec![cell(0, 0); 65])).contains("more than 64 sheets"));
    }

    #[test]
    fn formulas_names_and_merged_cells_are_not_given_to_the_reader() {
        // Two thousand times 255 blanks before a number, as the reader would write them out; 4,000 merged cells.
        let blanks = [&[0x1E, 1, 0][..], &[0x19, 0x40, 0, 0xFF].repeat(2_000)].concat();
        let formula = [&[0; 16][..], &(blanks.len() as u16).to_le_bytes(), &blanks].concat();
        let merged = record(MERGED, &[&1_000_u16.to_le_bytes()[..], &[0; 8_000]].concat());
        let sheet = [cell(0, 0), cell_of(FORMULA, 1, 0, &formula), merged].concat();
        let name = record(NAME, &[&[0, 0, 0, 200][..], &[0; 10], &[b'n'; 400]].concat());
        let records = without_formulas(workbook(&name, &[sheet])).unwrap();
        assert_eq!(to_take_out(&records), []);
        assert_eq!(said(&records), "");
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        file.create_stream("/Workbook").unwrap().write_all(&records).unwrap();
        file.flush().unwrap();
        let sheets = read(&file.into_inner().into_inner()).unwrap();
        // The value that the formula had stays.
        assert_eq!(sheets[0].1, [["0"], ["0"]]);
    }

    #[test]
    fn sheets_are_judged_from_where_the_workbook_says_they_begin() {
        let inside = [cell(0, 0), cell(u16::MAX, u16::MAX)].concat();
        // It stands in the body of a record that means nothing.
        let mut hidden = workbook(&[], &[record(0x0FFF, &inside)]);
        assert_eq!(said(&hidden), "");
        let from = hidden.len() - inside.len() - 4;
        let told = 8 + 4;
        hidden[told..told + 4].copy_from_slice(&(from as u32).to_le_bytes());
        assert!(said(&hidden).contains("cells"));
        hidden[told..told + 4].copy_from_slice(&[0xFF; 4]);
        assert!(said(&hidden).contains("damaged"));
        // Charts in a sheet have cells of their own.
        let chart = [record(BEGIN_OF_PART, &[]), inside, record(END_OF_PART, &[])].concat();
        assert_eq!(said(&workbook(&[], &[[cell(1, 1), chart].concat()])), "");
    }

    #[test]
    fn a_shared_string_counts_in_every_cell_and_across_continued_records() {
        let letters = |many: usize| vec![b'a'; many];
        let first = [&[0; 8][..], &30_000_u16.to_le_bytes(), &[0], &letters(8_000)].concat();
        let shared = [
            record(SHARED_STRINGS, &first),
            record(CONTINUE, &[&[1][..], &letters(44_000)].concat()),
            record(CONTINUE, &[3, 0, 0, b'o', b'n', b'e']),
        ]
        .concat();
        let texts = |many: u16, index: u8| -> Vec<u8> {
            (0..many).flat_map(|row| cell_of(SHARED_TEXT, row, 0, &[0, 0, index, 0, 0, 0])).collect()
        };
        assert_eq!(said(&workbook(&shared, &[texts(500, 0)])), "");
        assert!(said(&workbook(&shared, &[texts(600, 0)])).contains("more than 67108864 bytes of texts"));
        assert_eq!(said(&workbook(&shared, &[texts(20_000, 1)])), "");
        let cut = record(SHARED_STRINGS, &first);
        assert!(said(&workbook(&cut, &[])).contains("damaged"));
    }

    #[test]
    fn a_claim_of_strings_beyond_reason_and_a_password_are_refused() {
        let claim = [0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0];
        assert!(said(&record(SHARED_STRINGS, &claim)).contains("shared strings"));
        assert!(said(&record(PASSWORD, &[0, 0])).contains("password"));
        assert!(read(b"\xD0\xCF\x11\xE0 no such file").is_err());
    }

    #[test]
    fn the_reader_is_given_the_records_that_were_judged() {
        let sheet = [cell(0, 0), cell(1, 1)].concat();
        let small = workbook(&[], &[sheet]);
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        for (name, records) in [
            ("/a", None),
            ("/a/Workbook", Some(workbook(&[], &[[cell(0, 0), cell(u16::MAX, u16::MAX)].concat()]))),
            ("/Workbook", Some(small)),
        ] {
            match records {
                None => file.create_storage(name).unwrap(),
                Some(records) => file.create_stream(name).unwrap().write_all(&records).unwrap(),
            }
        }
        file.flush().unwrap();
        let sheets = read(&file.into_inner().into_inner()).unwrap();
        assert_eq!(
            sheets,
            [("survey".to_owned(), vec![vec!["0".to_owned()], vec![String::new(), "0".to_owned()]])]
        );
    }
}
