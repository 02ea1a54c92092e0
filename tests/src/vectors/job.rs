//! What is run: jobs, each good for one or more units that pass, fail or are skipped.

use std::time::Duration;

/// What a vector is, which decides how it is run and whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One expression with its document and result.
    Xpath,
    /// An expression whose recorded result did not hold where it was recorded.
    DisputedXpath,
    /// A form, operations on it, and what was seen.
    Scenario,
    /// The same where the recorded engine does not do what its authors want.
    KnownFailing,
    /// Answers to a real questionnaire, with the effect of each and the final state.
    Questionnaire,
    /// Workbooks and whether they are accepted.
    Workbook,
    /// A line that is none of these.
    Unknown,
}

impl Kind {
    /// The stable word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xpath => "xpath",
            Self::DisputedXpath => "xpath, disputed",
            Self::Scenario => "scenario",
            Self::KnownFailing => "scenario, known to fail",
            Self::Questionnaire => "questionnaire",
            Self::Workbook => "workbook",
            Self::Unknown => "unknown",
        }
    }

    /// False for what is there to be read: a difference is reported and is no failure.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::DisputedXpath | Self::KnownFailing)
    }
}

/// What became of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As recorded.
    Passed,
    /// Not as recorded: what was recorded and what was found.
    Failed(String),
    /// Not compared, and why.
    Skipped(String),
}

impl Outcome {
    /// Passed, or failed with these differences.
    pub(super) fn of(differences: &[String]) -> Self {
        if differences.is_empty() { Self::Passed } else { Self::Failed(differences.join("; ")) }
    }
}

/// The smallest thing that is counted: an expression, a scenario, a step, a node, a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Unique in its file.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome,
}

impl Unit {
    pub(super) fn new(id: impl Into<String>, outcome: Outcome) -> Self {
        Self { id: id.into(), outcome }
    }
}

/// Work for one thread.
pub(super) struct Job {
    /// The file, by its path from the folder of vectors.
    pub(super) file: String,
    pub(super) kind: Kind,
    /// The units this job answers for; all of them fail when it panics or does not end.
    pub(super) ids: Vec<String>,
    pub(super) limit: Duration,
    pub(super) run: Box<dyn FnOnce() -> Vec<Unit> + Send>,
}

impl Job {
    /// A job with one unit.
    pub(super) fn single(
        file: &str,
        kind: Kind,
        id: String,
        run: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Self {
        let ids = vec![id.clone()];
        let run = Box::new(move || vec![Unit::new(id, run())]);
        Self { file: file.to_owned(), kind, ids, limit: Duration::from_secs(60), run }
    }
}

/// A job's units, and where they belong.
pub(super) struct Done {
    pub(super) file: String,
    pub(super) kind: Kind,
    pub(super) units: Vec<Unit>,
}
