//! areas.csv: the tree of areas, and the choice lists that follow from it.

use std::collections::HashMap;
use std::path::Path;

use super::Problem;
use super::sheet::{Row, Sheet};

/// The area list of a pack.
pub(crate) struct Areas {
    sheet: Sheet,
    pub(crate) rows: Vec<Area>,
}

/// One area.
pub(crate) struct Area {
    row_number: usize,
    pub(crate) code: String,
    pub(crate) parent_code: String,
    pub(crate) level: u8,
    name: String,
    name_ht: String,
    valid_to: String,
}

impl Areas {
    /// Reads areas.csv.
    pub(crate) fn load(path: &Path) -> Result<Self, Problem> {
        let sheet = Sheet::load(path)?;
        let rows = sheet
            .rows
            .iter()
            .map(|row| {
                Area::read(row).ok_or_else(|| Problem::new(sheet.place(row), "the level is not a number"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { sheet, rows })
    }

    /// Codes that do not fit, stand twice or lie nowhere.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let by_code: HashMap<&str, &Area> = self.rows.iter().map(|area| (area.code.as_str(), area)).collect();
        let mut problems = Vec::new();
        let mut complain = |area: &Area, what: String| {
            let place = format!("{} row {}", self.sheet.path.display(), area.row_number);
            problems.push(Problem::new(place, what));
        };
        for area in &self.rows {
            if !is_area_code(&area.code) {
                complain(area, format!("{:?} is not an area code", area.code));
            }
            if by_code[area.code.as_str()].row_number != area.row_number {
                complain(area, format!("the code {} stands twice", area.code));
            }
            if area.name.is_empty() {
                complain(area, format!("{} has no name", area.code));
            }
            // The level rises by one from parent to child, so a tree that passes this has no loop.
            match (area.level, by_code.get(area.parent_code.as_str())) {
                (0, None) if area.parent_code.is_empty() => {}
                (level, Some(parent)) if parent.level + 1 == level => {}
                (level, Some(parent)) => {
                    complain(
                        area,
                        format!(
                            "{} of level {level} lies in {} of level {}",
                            area.code, parent.code, parent.level
                        ),
                    );
                }
                (_, None) => complain(
                    area,
                    format!("{} lies in {:?}, which is not listed", area.code, area.parent_code),
                ),
            }
        }
        problems
    }
}

impl Area {
    fn read(row: &Row) -> Option<Self> {
        let text = |column: &str| row.cell(column).to_owned();
        Some(Self {
            row_number: row.number,
            code: text("code"),
            parent_code: text("parent_code"),
            level: row.cell("level").parse().ok()?,
            name: text("name"),
            name_ht: text("name_ht"),
            valid_to: text("valid_to"),
        })
    }

    fn name_in(&self, column: &str) -> &str {
        if column.ends_with("(ht)") && !self.name_ht.is_empty() { &self.name_ht } else { &self.name }
    }
}

fn is_area_code(text: &str) -> bool {
    (1..=24).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// The rows that choices.csv must hold for the area questions: areas that stand today, filtered by the question before.
pub(crate) fn choice_rows(
    areas: &Areas,
    questions: &[String],
    choices: &Sheet,
) -> Vec<Vec<(String, String)>> {
    let labels: Vec<&String> = choices.header.iter().filter(|name| name.starts_with("label::")).collect();
    let mut rows = Vec::new();
    // Level 0 is the country: no question asks for it.
    for (level, question) in (1_u8..).zip(questions) {
        let wider = usize::from(level).checked_sub(2).map(|index| &questions[index]);
        for area in areas.rows.iter().filter(|area| area.level == level && area.valid_to.is_empty()) {
            let mut row =
                vec![("list_name".to_owned(), question.clone()), ("name".to_owned(), area.code.clone())];
            row.extend(labels.iter().map(|label| ((*label).clone(), area.name_in(label).to_owned())));
            row.extend(wider.map(|wider| (wider.clone(), area.parent_code.clone())));
            rows.push(row);
        }
    }
    rows
}
