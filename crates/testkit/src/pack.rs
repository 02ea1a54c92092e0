//! The Haiti pack as a server publishes it, from the sheets in `schemas/packs/haiti-simast`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use form_engine::{CompiledForm, Workbook};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, XlsxError};

/// The household form's sheets, as they are called in the workbook.
const SHEETS: [(&str, &str); 5] = [
    ("survey", include_str!("../../../schemas/packs/haiti-simast/forms/household/survey.csv")),
    ("choices", include_str!("../../../schemas/packs/haiti-simast/forms/household/choices.csv")),
    ("settings", include_str!("../../../schemas/packs/haiti-simast/forms/household/settings.csv")),
    ("entities", include_str!("../../../schemas/packs/haiti-simast/forms/household/entities.csv")),
    ("rules", include_str!("../../../schemas/packs/haiti-simast/forms/household/rules.csv")),
];
const PACK_JSON: &str = include_str!("../../../schemas/packs/haiti-simast/pack.json");
const AREAS_CSV: &str = include_str!("../../../schemas/packs/haiti-simast/areas.csv");

/// The household form's sheets.
pub fn haiti_workbook() -> Workbook {
    Workbook::from_sheets(sheets())
}

fn sheets() -> Vec<(String, Vec<Vec<String>>)> {
    SHEETS.map(|(name, csv)| (name.to_owned(), rows(csv))).into()
}

/// The household form. Compiled once a process; cheap after that.
pub fn haiti_form() -> CompiledForm {
    static FORM: OnceLock<CompiledForm> = OnceLock::new();
    let compile = || match CompiledForm::compile(&haiti_workbook()) {
        Ok((form, _)) => form,
        Err(found) => panic!("the household form of haiti-simast does not compile:\n{found}"),
    };
    FORM.get_or_init(compile).clone()
}

/// The files a form is published with: `form.xlsx`, `pack.json` and `areas.csv`. The same bytes every time.
pub fn haiti_files() -> BTreeMap<String, Vec<u8>> {
    static XLSX: OnceLock<Vec<u8>> = OnceLock::new();
    let xlsx = XLSX
        .get_or_init(|| render(&sheets()).expect("the sheets fit a workbook, as the pack's own build shows"));
    BTreeMap::from([
        ("areas.csv".to_owned(), AREAS_CSV.as_bytes().to_vec()),
        ("form.xlsx".to_owned(), xlsx.clone()),
        ("pack.json".to_owned(), PACK_JSON.as_bytes().to_vec()),
    ])
}

/// One area of `areas.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Its P-code.
    pub code: String,
    /// The area it lies in; empty for the country.
    pub parent_code: String,
    /// 0 country, 1 department, 2 commune, 3 communal section.
    pub level: u8,
    /// Its name in French.
    pub name: String,
}

/// Every area of the pack.
pub fn haiti_areas() -> &'static [Area] {
    static AREAS: OnceLock<Vec<Area>> = OnceLock::new();
    let area = |row: Vec<String>| match row.as_slice() {
        [code, parent_code, level, name, ..] => Some(Area {
            code: code.clone(),
            parent_code: parent_code.clone(),
            level: level.parse().ok()?,
            name: name.clone(),
        }),
        _ => None,
    };
    // The headings have no number for a level.
    AREAS.get_or_init(|| rows(AREAS_CSV).into_iter().filter_map(area).collect())
}

fn rows(csv: &str) -> Vec<Vec<String>> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.as_bytes())
        .records()
        .map(|record| {
            let record = record.expect("the pack's sheets are CSV, as its own check shows");
            record.iter().map(str::to_owned).collect()
        })
        .collect()
}

/// Every cell is text: a code such as `01` stays what it is.
pub(crate) fn render(sheets: &[(String, Vec<Vec<String>>)]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    // The writer would put today here.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    for (name, rows) in sheets {
        let worksheet = workbook.add_worksheet().set_name(name)?;
        for (line, cells) in (0_u32..).zip(rows) {
            for (column, cell) in (0_u16..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                worksheet.write_string(line, column, cell)?;
            }
        }
    }
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workbook_written_and_read_again_is_the_same_revision() {
        let files = haiti_files();
        let read = Workbook::read_xlsx(&files["form.xlsx"]).unwrap();
        let (form, _) = CompiledForm::compile(&read).unwrap();
        assert_eq!(form.revision(), haiti_form().revision());
        assert_eq!(read, haiti_workbook());
    }

    #[test]
    fn the_workbook_has_the_same_bytes_every_time() {
        assert_eq!(render(&sheets()).unwrap(), render(&sheets()).unwrap());
        assert_eq!(haiti_files(), haiti_files());
    }

    #[test]
    fn the_areas_are_those_of_the_pack() {
        let of_level = |level| haiti_areas().iter().filter(|area| area.level == level).count();
        assert_eq!([0, 1, 2, 3].map(of_level), [1, 10, 140, 570]);
    }
}
