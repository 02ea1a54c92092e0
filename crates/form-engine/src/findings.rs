//! What a person must look at in a record: server and collector find the same in the same record.

use record_model::{Alternative, AnswerPath, Finding, FindingKind, RecordId, RecordView};

use crate::evaluation::{Evaluation, Level};

/// All findings of one record, sorted by id: those of its document, and the rules that its answers break.
///
/// `evaluation` is given for a record that is finalised and not withdrawn, and for no other: a draft may break every
/// rule. Only what blocks or what the office looks at is a finding. The alternatives of a broken rule are the answers
/// it depends on, as they are shown, with the change that wrote each; so an answer that changes makes another item.
pub fn record_findings(
    doc_view: &RecordView,
    doc_findings: Vec<Finding>,
    evaluation: Option<&Evaluation>,
    record: RecordId,
    generation: u32,
) -> Vec<Finding> {
    let mut findings = doc_findings;
    let violations = evaluation.map(Evaluation::violations).unwrap_or_default();
    for violation in violations.iter().filter(|v| matches!(v.level, Level::Block | Level::Central)) {
        let alternatives = violation.depends_on.iter().filter_map(|path| standing(doc_view, path)).collect();
        let (kind, subject) = (FindingKind::RuleBreak, violation.id.clone());
        findings.push(Finding::new(record, generation, kind, subject, alternatives));
    }
    findings.sort_by_key(|finding| finding.id);
    findings.dedup_by_key(|finding| finding.id);
    findings
}

fn standing(view: &RecordView, path: &AnswerPath) -> Option<Alternative> {
    let first = view.answers.get(path)?.first()?;
    Some(Alternative { path: path.clone(), value: first.value.clone(), change: Some(first.change) })
}
