//! What became of all vectors, for people and as JSON.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::exceptions::{Exception, Exceptions};
use super::job::{Done, Kind, Outcome, Unit};

/// Ids shown of one list unless all are asked for.
const SHOWN: usize = 60;
/// One in so many expressions of a file may differ on purpose.
const XPATH_ALLOWANCE: usize = 100;

/// The outcome of a run.
#[derive(Debug)]
pub struct Report {
    sections: Vec<Section>,
}

/// The vectors of one kind in one file.
#[derive(Debug)]
pub struct Section {
    file: String,
    kind: Kind,
    passed: usize,
    /// Id and what differs.
    failed: Vec<(String, String)>,
    /// Id and why it was not compared.
    skipped: Vec<(String, String)>,
    /// Id and the reason in the list of exceptions.
    on_purpose: Vec<(String, String)>,
    /// Listed as different, and not different.
    stale: Vec<String>,
    /// More exceptions than a file may have.
    too_many_exceptions: bool,
}

impl Report {
    pub(super) fn new(done: Vec<Done>, exceptions: &Exceptions) -> Self {
        let mut sections: BTreeMap<(String, Kind), Vec<Unit>> = BTreeMap::new();
        for Done { file, kind, units } in done {
            sections.entry((file, kind)).or_default().extend(units);
        }
        let sections = sections.into_iter();
        Self {
            sections: sections
                .map(|((file, kind), units)| Section::new(file, kind, units, exceptions))
                .collect(),
        }
    }

    /// Whether every vector that counts is as recorded or differs on purpose, and every exception still does.
    pub fn is_fine(&self) -> bool {
        self.sections.iter().all(Section::is_fine)
    }

    /// How many vectors were found.
    pub fn len(&self) -> usize {
        self.sections.iter().map(Section::len).sum()
    }

    /// True when no vector was found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For a person: a few lines a file. With `verbose`, every failure and what differs.
    pub fn render(&self, verbose: bool) -> String {
        let mut text = String::new();
        for section in &self.sections {
            section.render(verbose, &mut text);
        }
        let total = |counts: bool, count: fn(&Section) -> usize| -> usize {
            self.sections.iter().filter(|section| section.kind.counts() == counts).map(count).sum()
        };
        let line = [
            ("passed", total(true, |section| section.passed)),
            ("failed", total(true, |section| section.failed.len())),
            ("skipped", total(true, |section| section.skipped.len())),
            ("differ on purpose", total(true, |section| section.on_purpose.len())),
            ("stale exceptions", total(true, |section| section.stale.len())),
        ];
        let line: Vec<String> = line.iter().map(|(what, count)| format!("{count} {what}")).collect();
        write_line(&mut text, &format!("all that count: {}", line.join(", ")));
        text
    }

    /// For programs: the same, complete.
    pub fn to_json(&self) -> Json {
        let files: Vec<Json> = self.sections.iter().map(Section::to_json).collect();
        json!({ "fine": self.is_fine(), "files": files })
    }
}

impl Section {
    fn new(file: String, kind: Kind, units: Vec<Unit>, exceptions: &Exceptions) -> Self {
        let listed: HashMap<&str, &Exception> = if kind.counts() {
            exceptions.of_file(&file).map(|exception| (&*exception.id, exception)).collect()
        } else {
            HashMap::new()
        };
        let count = units.len();
        let mut section = Self {
            kind,
            passed: 0,
            failed: Vec::new(),
            skipped: Vec::new(),
            on_purpose: Vec::new(),
            stale: Vec::new(),
            too_many_exceptions: false,
            file: file.clone(),
        };
        for Unit { id, outcome } in units {
            let exception = listed.get(&*id);
            match (outcome, exception) {
                (Outcome::Failed(_), Some(exception)) if exception.unanswerable => {
                    section.skipped.push((id, exception.reason.clone()));
                }
                (Outcome::Failed(_), Some(exception)) => {
                    section.on_purpose.push((id, exception.reason.clone()));
                }
                (Outcome::Failed(why), None) => section.failed.push((id, why)),
                (Outcome::Skipped(reason), _) => section.skipped.push((id, reason)),
                (Outcome::Passed, exception) => {
                    section.passed += 1;
                    section.stale.extend(exception.map(|_| id));
                }
            }
        }
        section.too_many_exceptions =
            kind == Kind::Xpath && section.on_purpose.len() > count / XPATH_ALLOWANCE;
        section
    }

    fn is_fine(&self) -> bool {
        !self.kind.counts() || (self.failed.is_empty() && self.stale.is_empty() && !self.too_many_exceptions)
    }

    fn len(&self) -> usize {
        self.passed + self.failed.len() + self.skipped.len() + self.on_purpose.len()
    }

    fn render(&self, verbose: bool, text: &mut String) {
        let mut head = format!(
            "{} ({}): {} passed, {} failed, {} skipped",
            self.file,
            self.kind.as_str(),
            self.passed,
            self.failed.len(),
            self.skipped.len()
        );
        if !self.on_purpose.is_empty() {
            head.push_str(&format!(", {} differ on purpose", self.on_purpose.len()));
        }
        if !self.kind.counts() {
            head.push_str("; for reading, not counted");
        }
        write_line(text, &head);
        if verbose {
            for (id, why) in &self.failed {
                write_line(text, &format!("  failed {id}: {}", why.replace('\n', "\n    ")));
            }
        } else if !self.failed.is_empty() {
            let ids: Vec<&str> = self.failed.iter().map(|(id, _)| id.as_str()).collect();
            write_line(text, &format!("  failed: {}", shortened(&ids)));
        }
        for (reason, ids) in by_reason(&self.skipped) {
            write_line(text, &format!("  skipped, {reason}: {}", shortened(&ids)));
        }
        if verbose {
            for (reason, ids) in by_reason(&self.on_purpose) {
                write_line(text, &format!("  on purpose, {reason}: {}", ids.join(" ")));
            }
        }
        if !self.stale.is_empty() {
            write_line(
                text,
                &format!("  stale, listed as different and as recorded now: {}", self.stale.join(" ")),
            );
        }
        if self.too_many_exceptions {
            let allowed = self.len() / XPATH_ALLOWANCE;
            let count = self.on_purpose.len();
            write_line(text, &format!("  too many differ on purpose: {count}, at most {allowed} may (1 %)"));
        }
    }

    fn to_json(&self) -> Json {
        let named = |list: &[(String, String)], what: &str| -> Vec<Json> {
            list.iter().map(|(id, text)| json!({ "id": id, what: text })).collect()
        };
        json!({
            "file": self.file,
            "kind": self.kind.as_str(),
            "counts": self.kind.counts(),
            "passed": self.passed,
            "failed": self.failed.len(),
            "skipped": self.skipped.len(),
            "differ_on_purpose": self.on_purpose.len(),
            "too_many_exceptions": self.too_many_exceptions,
            "failures": named(&self.failed, "why"),
            "skips": named(&self.skipped, "reason"),
            "on_purpose": named(&self.on_purpose, "reason"),
            "stale": self.stale,
        })
    }
}

fn by_reason(list: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, reason) in list {
        reasons.entry(reason).or_default().push(id);
    }
    reasons
}

/// The first ids, and how many more there are.
fn shortened(ids: &[&str]) -> String {
    let shown = ids[..ids.len().min(SHOWN)].join(" ");
    match ids.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn write_line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(kind: Kind, units: &[(&str, Outcome)]) -> Vec<Done> {
        let units = units.iter().map(|(id, outcome)| Unit::new(*id, outcome.clone())).collect();
        vec![Done { file: "x.jsonl".to_owned(), kind, units }]
    }

    fn listing(ids: &str) -> Exceptions {
        let table = format!("| id | file | reason |\n|---|---|---|\n| {ids} | x.jsonl | on purpose |\n");
        Exceptions::parse(&table).unwrap()
    }

    fn failed() -> Outcome {
        Outcome::Failed("1, not 2".to_owned())
    }

    #[test]
    fn a_failure_is_one_unless_it_is_listed_and_a_listed_one_that_passes_is_stale() {
        let units = [("a", failed()), ("b", Outcome::Passed), ("c", Outcome::Skipped("why".to_owned()))];
        let report = |exceptions: &Exceptions| Report::new(done(Kind::Scenario, &units), exceptions);
        assert!(!report(&Exceptions::default()).is_fine());
        assert!(report(&listing("a")).is_fine());
        let stale = report(&listing("a, b"));
        assert!(!stale.is_fine());
        assert_eq!(
            stale.render(false),
            "x.jsonl (scenario): 1 passed, 0 failed, 1 skipped, 1 differ on purpose\n  \
             skipped, why: c\n  \
             stale, listed as different and as recorded now: b\n\
             all that count: 1 passed, 0 failed, 1 skipped, 1 differ on purpose, 1 stale exceptions\n"
        );
    }

    #[test]
    fn an_exception_for_a_vector_that_is_not_there_is_nothing() {
        let units = [("a", Outcome::Passed)];
        assert!(Report::new(done(Kind::Scenario, &units), &listing("z")).is_fine());
    }

    #[test]
    fn vectors_for_reading_never_fail() {
        let report = Report::new(done(Kind::DisputedXpath, &[("a", failed())]), &Exceptions::default());
        assert!(report.is_fine());
        assert!(report.render(true).starts_with(
            "x.jsonl (xpath, disputed): 0 passed, 1 failed, 0 skipped; for reading, not counted\n  failed a: 1, not 2\n"
        ));
    }

    #[test]
    fn one_in_a_hundred_expressions_may_differ_on_purpose() {
        let mut units = vec![("a", failed()), ("b", failed())];
        units.extend((0..98).map(|_| ("c", Outcome::Passed)));
        assert!(!Report::new(done(Kind::Xpath, &units), &listing("a, b")).is_fine());
        assert!(Report::new(done(Kind::Scenario, &units), &listing("a, b")).is_fine());
        units[1].1 = Outcome::Passed;
        assert!(Report::new(done(Kind::Xpath, &units), &listing("a")).is_fine());
    }

    #[test]
    fn the_json_is_complete() {
        let report = Report::new(done(Kind::Xpath, &[("a", failed())]), &Exceptions::default());
        let json = report.to_json();
        assert_eq!(json["fine"], false);
        assert_eq!(json["files"][0]["failures"], json!([{ "id": "a", "why": "1, not 2" }]));
    }
}
