//! The vectors that differ on purpose: a table in a document, so that a person reads the reasons.

use std::path::Path;

/// One vector that differs on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The unit, as reports name it.
    pub id: String,
    /// The file, or the end of its path.
    pub file: String,
    /// Why it is right that it differs, or what the vector lacks.
    pub reason: String,
    /// The vector itself lacks what its result was recorded from: it says nothing of this engine.
    pub unanswerable: bool,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

impl Exceptions {
    /// Reads every table whose head is `| id | file | reason |`, or `| id | file | what it lacks |` for vectors that
    /// nobody can answer. Several ids may share a row, separated by commas.
    ///
    /// # Errors
    ///
    /// When a row has no file or no reason: a difference without one is a fault.
    pub fn parse(document: &str) -> Result<Self, String> {
        let mut found = Vec::new();
        let mut is_ours = false;
        let mut unanswerable = false;
        for (index, line) in document.lines().enumerate() {
            let cells = cells(line);
            if let Some(lacks) = head_of(&cells) {
                is_ours = true;
                unanswerable = lacks;
            } else if cells.is_empty() {
                is_ours = false;
            } else if is_ours && !is_rule(&cells) {
                found.extend(row(&cells, unanswerable).ok_or_else(|| {
                    format!("line {}: a row has an id, a file and a reason: {line}", index + 1)
                })?);
            }
        }
        Ok(Self(found))
    }

    /// Those of one file.
    pub(super) fn of_file(&self, file: &str) -> impl Iterator<Item = &Exception> {
        self.0.iter().filter(move |exception| Path::new(file).ends_with(&exception.file))
    }
}

/// The cells of a table's line; none for any other line.
fn cells(line: &str) -> Vec<String> {
    let Some(inner) = line.trim().strip_prefix('|') else { return Vec::new() };
    let inner = inner.strip_suffix('|').unwrap_or(inner).replace("\\|", "\0");
    inner.split('|').map(|cell| cell.replace('\0', "|").trim().to_owned()).collect()
}

/// True for the table of what cannot be answered.
fn head_of(cells: &[String]) -> Option<bool> {
    let heads: Vec<String> = cells.iter().map(|cell| cell.to_lowercase()).collect();
    match heads.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["id", "file", "reason"] => Some(false),
        ["id", "file", "what it lacks"] => Some(true),
        _ => None,
    }
}

fn is_rule(cells: &[String]) -> bool {
    cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':')))
}

fn row(cells: &[String], unanswerable: bool) -> Option<Vec<Exception>> {
    let [ids, file, reason] = cells else { return None };
    let bare = |text: &str| text.trim().trim_matches('`').to_owned();
    let exception = |id| Exception { id, file: bare(file), reason: reason.clone(), unanswerable };
    let ids = ids.split(',').map(bare).filter(|id| !id.is_empty());
    let found: Vec<Exception> = ids.map(exception).collect();
    (!found.is_empty() && !bare(file).is_empty() && !reason.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_a_row_is_an_exception_with_its_reason() {
        let document = "\
# Expressions

| function | says |
|---|---|
| round | halves |

| id | file | reason |
|---|---|---|
| d1, `d2` | xpath.jsonl | local days, a \\| b |
| /data/a[1] | form-vectors/a.json | volatile |

| d9 | not | a row |

| id | file | what it lacks |
|---|---|---|
| d3 | xpath.jsonl | its document |
";
        let exceptions = Exceptions::parse(document).unwrap();
        let of = |file: &str| exceptions.of_file(file).map(|it| it.id.clone()).collect::<Vec<_>>();
        assert_eq!(of("deep/xpath.jsonl"), ["d1", "d2", "d3"]);
        assert_eq!(of("my-xpath.jsonl"), Vec::<String>::new());
        assert_eq!(of("forms/form-vectors/a.json"), ["/data/a[1]"]);
        assert_eq!(exceptions.0[0].reason, "local days, a | b");
        assert_eq!(exceptions.0.len(), 4);
        assert!(exceptions.0[3].unanswerable && !exceptions.0[0].unanswerable);
    }

    #[test]
    fn a_row_without_a_reason_is_refused() {
        let table = |row: &str| Exceptions::parse(&format!("| id | file | reason |\n|---|---|---|\n{row}\n"));
        assert!(table("| d1 | xpath.jsonl | |").is_err());
        assert!(table("| d1 | xpath.jsonl |").is_err());
        assert!(table("| | xpath.jsonl | why |").is_err());
        assert_eq!(table(""), Ok(Exceptions::default()));
    }
}
