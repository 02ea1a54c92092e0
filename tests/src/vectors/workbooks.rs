//! Workbooks beside an index that says which of them pyxform accepts.

use std::path::Path;

use form_engine::{CompiledForm, Workbook};

use super::job::{Job, Kind, Outcome};

/// The version whose verdict counts.
const JUDGE: &str = "pyxform 4.5.0";

/// A job for each row of an index; none when the CSV is no index.
pub(super) fn jobs(label: &str, index: &Path) -> Result<Vec<Job>, String> {
    let bytes = std::fs::read(index).map_err(|error| format!("{}: {error}", index.display()))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let heads = reader.headers().map_err(|error| format!("{}: {error}", index.display()))?.clone();
    let column =
        |name: &str| heads.iter().position(|head| head.trim_start_matches('\u{feff}').trim() == name);
    let (Some(file), Some(converts)) = (column("file"), column("converts")) else { return Ok(Vec::new()) };
    let folder = index.parent().unwrap_or(Path::new("")).to_owned();
    let mut jobs = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("{}: {error}", index.display()))?;
        let cell = |at: usize| row.get(at).unwrap_or_default().trim().to_owned();
        let (name, verdict) = (cell(file), cell(converts));
        let path = folder.join(&name);
        jobs.push(Job::single(label, Kind::Workbook, name, move || run(&path, &verdict)));
    }
    Ok(jobs)
}

fn run(path: &Path, verdict: &str) -> Outcome {
    let Some(is_accepted) = accepted(verdict) else {
        return Outcome::Skipped(format!("its verdict is not of {JUDGE}: {verdict:?}"));
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Outcome::Failed(format!("{}: {error}", path.display())),
    };
    let found = match Workbook::read_xlsx(&bytes) {
        Ok(workbook) => CompiledForm::compile_strict(&workbook).map(|_| ()),
        // A format that is not read at all is no verdict on what the workbook says.
        Err(found) if is_old_format(path) => return Outcome::Failed(format!("it cannot be read: {found}")),
        Err(found) => Err(found),
    };
    match (is_accepted, found) {
        (true, Ok(())) | (false, Err(_)) => Outcome::Passed,
        (true, Err(found)) => Outcome::Failed(format!("{JUDGE} accepts it, refused here: {found}")),
        (false, Ok(())) => Outcome::Failed(format!("{JUDGE} refuses it, accepted here")),
    }
}

/// None when another version judged.
fn accepted(verdict: &str) -> Option<bool> {
    match verdict.strip_suffix(JUDGE)?.trim() {
        "" => Some(true),
        "rejected by" => Some(false),
        _ => None,
    }
}

/// Excel's binary format of before 2007.
fn is_old_format(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xls"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_judges_verdict_counts() {
        assert_eq!(accepted("pyxform 4.5.0"), Some(true));
        assert_eq!(accepted("rejected by pyxform 4.5.0"), Some(false));
        assert_eq!(accepted("pyxform 1.12.0"), None);
        assert_eq!(accepted("not with pyxform 4.5.0"), None);
        assert_eq!(accepted(""), None);
    }

    #[test]
    fn a_csv_without_the_two_columns_is_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("areas.csv");
        std::fs::write(&path, "code,name\nHT01,Ouest\n").unwrap();
        assert!(jobs("areas.csv", &path).unwrap().is_empty());
        std::fs::write(&path, "file,converts\na.xlsx,pyxform 4.5.0\nb.xls,pyxform 1\n").unwrap();
        let ids: Vec<String> =
            jobs("areas.csv", &path).unwrap().into_iter().flat_map(|job| job.ids).collect();
        assert_eq!(ids, ["a.xlsx", "b.xls"]);
    }
}
