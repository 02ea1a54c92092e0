//! One CSV file as a sheet: a header and rows of text cells.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Problem;

/// A sheet and where it was read.
#[derive(Clone)]
pub(crate) struct Sheet {
    pub(crate) path: PathBuf,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Row>,
    columns: Rc<HashMap<String, usize>>,
}

/// One row; a cell is found by its column's name.
#[derive(Clone)]
pub(crate) struct Row {
    /// As a spreadsheet counts: the header is 1.
    pub(crate) number: usize,
    pub(crate) cells: Vec<String>,
    columns: Rc<HashMap<String, usize>>,
}

impl Row {
    /// The cell under `column`; empty when the sheet has no such column.
    pub(crate) fn cell(&self, column: &str) -> &str {
        self.columns.get(column).map_or("", |index| &self.cells[*index])
    }
}

impl Sheet {
    /// Reads a sheet. Rows of another length than the header, repeated column names and white space at the edges of a
    /// cell are refused.
    pub(crate) fn load(path: &Path) -> Result<Self, Problem> {
        let at = |what: String| Problem::new(path.display().to_string(), what);
        let mut reader = csv::Reader::from_path(path).map_err(|error| at(error.to_string()))?;
        let header: Vec<String> =
            reader.headers().map_err(|error| at(error.to_string()))?.iter().map(str::to_owned).collect();
        let columns: Rc<HashMap<String, usize>> =
            Rc::new(header.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect());
        if columns.len() != header.len() {
            return Err(at("a column name stands twice".to_owned()));
        }
        let mut rows = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| at(error.to_string()))?;
            let number = index + 2;
            if let Some(cell) = record.iter().find(|cell| cell.trim() != *cell) {
                return Err(at(format!("row {number}: white space at the edge of {cell:?}")));
            }
            rows.push(Row {
                number,
                cells: record.iter().map(str::to_owned).collect(),
                columns: Rc::clone(&columns),
            });
        }
        Ok(Self { path: path.to_owned(), header, rows, columns })
    }

    /// The file's name and a row of it, for a problem.
    pub(crate) fn place(&self, row: &Row) -> String {
        format!("{} row {}", self.path.display(), row.number)
    }

    /// True when the sheet has this column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    /// The column of `kind` in a language: `label` and `fr` find `label::Français (fr)`.
    pub(crate) fn translated(&self, kind: &str, language: &str) -> Option<&str> {
        let (start, end) = (format!("{kind}::"), format!("({language})"));
        self.header.iter().find(|name| name.starts_with(&start) && name.ends_with(&end)).map(String::as_str)
    }

    /// Adds rows given as (column, cell) pairs; columns that are not named stay empty.
    pub(crate) fn append(&mut self, rows: impl IntoIterator<Item = Vec<(String, String)>>) {
        for named in rows {
            let mut cells = vec![String::new(); self.header.len()];
            for (column, cell) in named {
                if let Some(index) = self.columns.get(&column) {
                    cells[*index] = cell;
                }
            }
            let number = self.rows.len() + 2;
            self.rows.push(Row { number, cells, columns: Rc::clone(&self.columns) });
        }
    }

    /// Writes the sheet back to its file.
    pub(crate) fn save(&self) -> Result<(), Problem> {
        let at = |error: csv::Error| Problem::new(self.path.display().to_string(), error.to_string());
        let mut writer = csv::Writer::from_path(&self.path).map_err(at)?;
        writer.write_record(&self.header).map_err(at)?;
        for row in &self.rows {
            writer.write_record(&row.cells).map_err(at)?;
        }
        writer.flush().map_err(|error| at(error.into()))
    }
}
