//! Finds vectors below a folder and recognises them by what is in them, whatever the files are called.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::job::{Job, Kind, Outcome};
use super::{questionnaire, scenario, workbooks, xpath};

/// Deeper folders than any set of vectors has; a link that leads back ends here.
const MAX_DEPTH: usize = 16;

/// The jobs of all vectors, in the order of their files.
pub(super) fn jobs(folder: &Path) -> Result<Vec<Job>, String> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    files.sort();
    let mut jobs = Vec::new();
    for path in &files {
        let label = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        match ending(path).as_str() {
            "jsonl" => jobs.extend(lines(&label, &read(path)?)),
            "json" => jobs.extend(document(&label, path, &files)?),
            "csv" => jobs.extend(workbooks::jobs(&label, path)?),
            _ => {}
        }
    }
    Ok(jobs)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        } else if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, files)?;
        }
    }
    Ok(())
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A job a line. A file without a single vector is named once instead.
fn lines(label: &str, text: &str) -> Vec<Job> {
    let jobs: Vec<Job> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| line_job(label, index + 1, line))
        .collect();
    if jobs.is_empty() || jobs.iter().any(|job| job.kind != Kind::Unknown) {
        return jobs;
    }
    let reason = format!("{} lines, none of them a vector known here", jobs.len());
    let all = "all lines".to_owned();
    vec![Job::single(label, Kind::Unknown, all, move || Outcome::Skipped(reason))]
}

fn line_job(label: &str, number: usize, line: &str) -> Job {
    let vector: Json = match serde_json::from_str(line) {
        Ok(vector) => vector,
        Err(error) => {
            let why = format!("no JSON: {error}");
            let id = format!("line {number}");
            return Job::single(label, Kind::Unknown, id, move || Outcome::Failed(why));
        }
    };
    let id = vector["id"].as_str().map_or_else(|| format!("line {number}"), str::to_owned);
    let kind = kind_of(&vector);
    Job::single(label, kind, id, move || match kind {
        Kind::Xpath | Kind::DisputedXpath => xpath::run(&vector),
        Kind::Scenario | Kind::KnownFailing => scenario::run(&vector),
        Kind::Questionnaire | Kind::Workbook | Kind::Unknown => {
            Outcome::Skipped("this kind of vector is unknown".to_owned())
        }
    })
}

fn kind_of(vector: &Json) -> Kind {
    let has = |fields: &[&str]| fields.iter().all(|field| vector.get(field).is_some());
    if has(&["expr", "actual_in_reference"]) {
        Kind::DisputedXpath
    } else if has(&["expr", "type"]) {
        Kind::Xpath
    } else if has(&["form_xml", "ops"]) {
        if vector["expects_failure"] == true { Kind::KnownFailing } else { Kind::Scenario }
    } else {
        Kind::Unknown
    }
}

/// A JSON file is a questionnaire's vector, or none of ours.
fn document(label: &str, path: &Path, files: &[PathBuf]) -> Result<Option<Job>, String> {
    let Ok(vector) = serde_json::from_str::<Json>(&read(path)?) else { return Ok(None) };
    if !vector["nodes"].is_array() || !vector["steps"].is_array() {
        return Ok(None);
    }
    let name = vector["xform"].as_str().or(vector["form"].as_str()).unwrap_or_default();
    let xform = find_xform(path, name, files);
    Ok(Some(questionnaire::job(label, vector, xform)))
}

/// In the folder `xforms` beside the vector's own, else the first file of that name.
fn find_xform(vector: &Path, name: &str, files: &[PathBuf]) -> Result<PathBuf, String> {
    let file = Path::new(name).file_name().ok_or_else(|| "the vector names no XForm".to_owned())?;
    let around = vector.ancestors().skip(1).take(2);
    let near: HashSet<PathBuf> = around.map(|folder| folder.join("xforms").join(file)).collect();
    let named = || files.iter().filter(|path| path.file_name() == Some(file));
    let found = named().find(|path| near.contains(*path)).or_else(|| named().next());
    // The folder of XForms may lie outside the one that was named.
    let outside = || near.iter().find(|path| path.is_file());
    found.or_else(outside).cloned().ok_or_else(|| format!("there is no XForm {name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_recognised_by_its_fields() {
        assert_eq!(kind_of(&json!({"expr": "1", "type": "number"})), Kind::Xpath);
        assert_eq!(
            kind_of(&json!({"expr": "1", "type": "number", "actual_in_reference": 2})),
            Kind::DisputedXpath
        );
        assert_eq!(kind_of(&json!({"form_xml": "", "ops": []})), Kind::Scenario);
        assert_eq!(kind_of(&json!({"form_xml": "", "ops": [], "expects_failure": true})), Kind::KnownFailing);
        assert_eq!(kind_of(&json!({"delta": 1})), Kind::Unknown);
    }

    #[test]
    fn a_foreign_file_is_named_once_and_a_torn_line_fails() {
        let foreign = lines("f.jsonl", "{\"delta\":1}\n{\"delta\":2}\n");
        assert_eq!(foreign.len(), 1);
        let torn = lines("f.jsonl", "{\"expr\":\"1\",\"type\":\"number\",\"id\":\"a\"}\n{\"expr\":\n");
        let ids: Vec<&str> = torn.iter().flat_map(|job| &job.ids).map(String::as_str).collect();
        assert_eq!(ids, ["a", "line 2"]);
    }

    #[test]
    fn vectors_are_found_at_any_depth_with_their_xforms() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a/b/c.jsonl", "{\"expr\":\"1\",\"type\":\"number\"}");
        write("forms/v.json", r#"{"nodes":[{"ref":"/data"}],"steps":[{"set":"/data/a"}],"xform":"v.xml"}"#);
        write("xforms/v.xml", "<html/>");
        write("other/v.xml", "<html/>");
        write("package.json", "{}");
        let jobs = jobs(folder.path()).unwrap();
        let ids: Vec<&str> = jobs.iter().flat_map(|job| &job.ids).map(String::as_str).collect();
        assert_eq!(ids, ["line 1", "step 1", "/data"]);
        let files = [folder.path().join("other/v.xml"), folder.path().join("xforms/v.xml")];
        let found = find_xform(&folder.path().join("forms/v.json"), "v.xml", &files);
        assert_eq!(found.as_ref(), Ok(&files[1]));
    }
}
