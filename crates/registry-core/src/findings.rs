//! What a person must look at in a record. Collectors compute the same from the same record.

use form_engine::{CompiledForm, Evaluation, Level, evaluate};
use record_doc::RecordDoc;
use record_model::{
    Alternative, Answers, Decision, Finding, FindingKind, RecordId, RecordView, Visit, open_findings,
};

/// A record as read and evaluated once; everything derived is taken from here.
pub struct Snapshot {
    /// The record at its heads.
    pub view: RecordView,
    /// Its shown answers.
    pub answers: Answers,
    /// The form's word on them, when the form is known.
    pub evaluation: Option<Evaluation>,
    /// Every doubt, settled or not.
    pub findings: Vec<Finding>,
}

impl Snapshot {
    /// Walks the document once and evaluates the form once.
    ///
    /// `finished` says that the record has a finalise statement and is not withdrawn: only then are broken rules doubts,
    /// since a draft breaks rules by being unfinished.
    pub fn take(
        doc: &RecordDoc,
        form: Option<&CompiledForm>,
        visit: Visit,
        finished: bool,
        record: RecordId,
        generation: u32,
    ) -> Self {
        let view = doc.view();
        let answers = view.shown();
        let evaluation = form.map(|form| evaluate(form, &answers, visit));
        let doubts = doc.findings(&view, record, generation);
        let judged = evaluation.as_ref().filter(|_| finished);
        let findings = findings_of(&view, doubts, judged, record, generation);
        Self { view, answers, evaluation, findings }
    }

    /// The doubts no decision has settled.
    pub fn open(&self, decisions: &[Decision]) -> Vec<Finding> {
        open_findings(self.findings.clone(), decisions)
    }
}

/// The document's own doubts and the broken rules, as findings sorted by id.
///
/// A broken rule rests on every answer it read: the alternatives name each of them that stands in the record, with the
/// change that wrote the shown value, so that a later write makes another item. Warnings were answered for at the
/// laptop, with a reason; they are not doubts.
pub fn findings_of(
    view: &RecordView,
    doubts: Vec<Finding>,
    evaluation: Option<&Evaluation>,
    record: RecordId,
    generation: u32,
) -> Vec<Finding> {
    let mut findings = doubts;
    for violation in evaluation.iter().flat_map(|evaluation| evaluation.violations()) {
        if !matches!(violation.level, Level::Block | Level::Central) {
            continue;
        }
        let alternatives = violation
            .depends_on
            .iter()
            .filter_map(|path| {
                let shown = view.answers.get(path)?.first()?;
                Some(Alternative {
                    path: path.clone(),
                    value: shown.value.clone(),
                    change: Some(shown.change),
                })
            })
            .collect();
        findings.push(Finding::new(
            record,
            generation,
            FindingKind::RuleBreak,
            violation.id.clone(),
            alternatives,
        ));
    }
    findings.sort_by_key(|finding| finding.id);
    findings.dedup_by_key(|finding| finding.id);
    findings
}
