//! A record read and evaluated once, with what a person must look at.

use form_engine::{CompiledForm, Evaluation, evaluate, record_findings};
use record_doc::RecordDoc;
use record_model::{Answers, Decision, Finding, RecordId, RecordView, Visit, open_findings};

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
        let findings = record_findings(&view, doubts, judged, record, generation);
        Self { view, answers, evaluation, findings }
    }

    /// The doubts no decision has settled.
    pub fn open(&self, decisions: &[Decision]) -> Vec<Finding> {
        open_findings(self.findings.clone(), decisions)
    }
}
