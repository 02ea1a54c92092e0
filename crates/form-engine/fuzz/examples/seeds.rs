//! Writes what the fuzz targets begin with: `seeds FOLDER` makes `FOLDER/workbook`, `FOLDER/expression` and `FOLDER/xform`
//! from what is recorded in the repository, and from the vectors where `LAKOU_VECTORS` names some.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use form_engine::{CompiledForm, Workbook};
use serde_json::Value as Json;

/// Long inputs slow every step that follows.
const MAX_SEED_BYTES: usize = 16 * 1024;

type Sheets = Vec<(String, Vec<Vec<String>>)>;

#[derive(Default)]
struct Seeds {
    workbook: BTreeSet<Vec<u8>>,
    expression: BTreeSet<Vec<u8>>,
    xform: BTreeSet<Vec<u8>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Seeds::default();
    for line in std::fs::read_to_string(here.join("seeds/expressions.txt"))?.lines() {
        seeds.expression.insert(line.into());
    }
    seeds.workbook.insert(old_workbook());
    let recorded = std::fs::read_to_string(here.join("../tests/recorded/pyxform-4.5.0.jsonl"))?;
    for line in recorded.lines() {
        seeds.take_sheets(sheets_of(&serde_json::from_str(line)?))?;
    }
    if let Some(vectors) = std::env::var_os("LAKOU_VECTORS").filter(|folder| !folder.is_empty()) {
        seeds.take_vectors(&PathBuf::from(vectors))?;
    }
    for (target, inputs) in
        [("workbook", seeds.workbook), ("expression", seeds.expression), ("xform", seeds.xform)]
    {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        let short = inputs.iter().filter(|input| input.len() <= MAX_SEED_BYTES);
        for (at, input) in short.enumerate() {
            std::fs::write(folder.join(format!("seed-{at}")), input)?;
        }
    }
    Ok(())
}

impl Seeds {
    /// As cells, as parts of a file, as an XForm, and the expressions in them.
    fn take_sheets(&mut self, sheets: Sheets) -> Result<(), Box<dyn Error>> {
        let mut text = String::new();
        for (name, rows) in &sheets {
            text.push_str(&format!("#{name}\n"));
            rows.iter().for_each(|row| text.push_str(&format!("{}\n", row.join("\t"))));
        }
        self.workbook.insert(text.into_bytes());
        // Every file has the same parts but for one, so a few are enough.
        if self.workbook.len() % 20 == 0 {
            self.workbook.insert(parts_of(&written(&sheets)?)?);
        }
        for cell in sheets.iter().flat_map(|(_, rows)| rows).flatten() {
            if cell.contains("${") || cell.contains('(') {
                self.expression.insert(cell.clone().into_bytes());
            }
        }
        if let Ok((form, _)) = CompiledForm::compile(&Workbook::from_sheets(sheets)) {
            self.xform.insert(form.to_xform().into_bytes());
        }
        Ok(())
    }

    fn take_vectors(&mut self, folder: &Path) -> Result<(), Box<dyn Error>> {
        for path in files(folder)? {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("jsonl") => {
                    for line in std::fs::read_to_string(&path)?.lines() {
                        let vector: Json = serde_json::from_str(line)?;
                        let text = |field: &str| vector[field].as_str().map(|text| text.as_bytes().to_vec());
                        self.expression.extend(text("expr"));
                        self.xform.extend(text("form_xml"));
                    }
                }
                Some("xlsx") => {
                    let bytes = std::fs::read(&path)?;
                    self.workbook.extend(parts_of(&bytes));
                    self.workbook.insert(bytes);
                }
                Some("xls") => {
                    let bytes = std::fs::read(&path)?;
                    let mut records = b"!".to_vec();
                    let mut file = cfb::CompoundFile::open(Cursor::new(&bytes))?;
                    if let Ok(mut stream) = file.open_stream("/Workbook") {
                        stream.read_to_end(&mut records)?;
                        self.workbook.insert(records);
                    }
                    self.workbook.insert(bytes);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

fn sheets_of(recorded: &Json) -> Sheets {
    let cells = |row: &Json| {
        let cells = row.as_array().into_iter().flatten();
        cells.map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect()
    };
    let sheets = recorded["sheets"].as_object().into_iter().flatten();
    sheets
        .map(|(name, rows)| (name.clone(), rows.as_array().into_iter().flatten().map(cells).collect()))
        .collect()
}

fn written(sheets: &Sheets) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    for (name, rows) in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name)?;
        for (at, row) in rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                match cell.parse::<f64>() {
                    Ok(number) => sheet.write(at as u32, column as u16, number)?,
                    Err(_) => sheet.write(at as u32, column as u16, cell)?,
                };
            }
        }
    }
    Ok(workbook.save_to_buffer()?)
}

/// The parts that a reader of cells looks at, as the target takes them.
fn parts_of(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut text = Vec::new();
    for at in 0..archive.len() {
        let mut part = archive.by_index(at)?;
        let name = part.name()?.into_owned();
        if !["theme", "docProps", "printer", "drawing"].iter().any(|word| name.contains(word)) {
            text.extend(format!("={name}\n").into_bytes());
            part.read_to_end(&mut text)?;
            text.push(b'\n');
        }
    }
    Ok(text)
}

/// The records of an .xls with the sheet `survey` and a text, a number and an error in it.
fn old_workbook() -> Vec<u8> {
    let record =
        |kind: u16, body: &[u8]| [&kind.to_le_bytes()[..], &(body.len() as u16).to_le_bytes(), body].concat();
    let text = |text: &str| [&(text.len() as u16).to_le_bytes()[..], &[0], text.as_bytes()].concat();
    let cell = |row: u16, column: u16| [row.to_le_bytes(), column.to_le_bytes(), [0; 2]].concat();
    let begin = |part: u8| record(0x0809, &[0, 6, part, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0]);
    let words = ["type", "name", "text", "a"];
    let strings: Vec<u8> = words.iter().flat_map(|word| text(word)).collect();
    let sheet_at = |at: u32| {
        let name = [&[6, 0][..], b"survey"].concat();
        [at.to_le_bytes().to_vec(), vec![0, 0], name].concat()
    };
    let globals = |at: u32| {
        let codepage = record(0x0042, &[0xB0, 4]);
        let list = record(0x00FC, &[&4u32.to_le_bytes()[..], &4u32.to_le_bytes(), &strings].concat());
        [begin(5), codepage, record(0x0085, &sheet_at(at)), list, record(0x000A, &[])].concat()
    };
    let start = globals(0).len() as u32;
    let mut file = [b"!".to_vec(), globals(start), begin(16)].concat();
    file.extend(record(0x0200, &[0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 2, 0, 0, 0]));
    for (at, (row, column)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
        file.extend(record(0x00FD, &[cell(row, column), (at as u32).to_le_bytes().to_vec()].concat()));
    }
    file.extend(record(0x0203, &[cell(2, 0), 2.5f64.to_le_bytes().to_vec()].concat()));
    file.extend(record(0x0205, &[cell(2, 1), vec![7, 1]].concat()));
    file.extend(record(0x000A, &[]));
    file
}
