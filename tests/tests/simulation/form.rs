//! What a world is about: three communes of two departments, and a small household form.

use std::collections::BTreeMap;

use record_model::{AreaCode, Lineage};
use tests::workbook::sheets_of;

const AREAS: &str = "code,parent_code,name
HT,,Haïti
HT01,HT,Ouest
HT0111,HT01,Cité
HT0112,HT01,Kwadèbouke
HT02,HT,Sidès
HT0211,HT02,Jakmèl
";

const PACK: &str =
    r#"{"name":"simulated","default_language":"fr","lineages":{"household":{"person_repeat":"roster"}}}"#;

const FORM: &str = "
    | survey |
    | | type | name | label::Français (fr) | calculation |
    | | select_one roof | roof | Toit | |
    | | text | phone | Téléphone | |
    | | integer | rooms | Pièces | |
    | | begin repeat | roster | Membres | |
    | | text | given_name | Prénom | |
    | | select_one relationship | relationship | Lien | |
    | | calculate | is_head | | if(${relationship} = '01', 1, 0) |
    | | end repeat | | | |
    | | calculate | head_count | | sum(${is_head}) |
    | choices |
    | | list_name | name | label::Français (fr) |
    | | roof | tin | Tôle |
    | | roof | tile | Tuile |
    | | roof | thatch | Chaume |
    | | relationship | 01 | Chef |
    | | relationship | 02 | Autre |
    | settings |
    | | form_title | form_id | version | default_language | instance_name |
    | | Ménage | household | VERSION | Français (fr) | ${phone} |
    | rules |
    | | id | level | expression | message::Français (fr) |
    | | V01 | block | ${head_count} <= 1 | Un seul chef de ménage |";

/// The communes where people work.
pub(crate) const COMMUNES: [&str; 3] = ["HT0111", "HT0112", "HT0211"];

/// Every area, as a list that leaves nothing out.
pub(crate) fn every_area() -> Vec<AreaCode> {
    ["HT", "HT01", "HT0111", "HT0112", "HT02", "HT0211"].map(area).to_vec()
}

/// The communes within an area, as the checker knows them.
pub(crate) fn communes_within(code: &str) -> Vec<AreaCode> {
    COMMUNES.into_iter().filter(|commune| commune.starts_with(code)).map(area).collect()
}

/// An area by its code.
pub(crate) fn area(code: &str) -> AreaCode {
    code.parse().expect("a code of this list")
}

/// The one lineage.
pub(crate) fn lineage() -> Lineage {
    "household".parse().expect("a plain name")
}

/// The files of a publication of the form.
pub(crate) fn publication(version: &str) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        ("form.xlsx".to_owned(), workbook(version)),
        ("areas.csv".to_owned(), AREAS.as_bytes().to_vec()),
        ("pack.json".to_owned(), PACK.as_bytes().to_vec()),
    ])
}

fn workbook(version: &str) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, rows) in sheets_of(&FORM.replace("VERSION", version)) {
        let sheet = book.add_worksheet().set_name(name).expect("a sheet's name");
        for (row, cells) in (0..).zip(&rows) {
            for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                sheet.write_string(row, column, cell).expect("a cell");
            }
        }
    }
    book.save_to_buffer().expect("a workbook")
}
