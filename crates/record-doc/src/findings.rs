//! What a person must look at: derived from the record, never stored as truth.

use std::collections::{HashMap, HashSet};

use record_model::{
    Alternative, AnswerPath, Candidate, ChangeHash, Finding, FindingKind, Marker, RecordId, RecordView,
};

use crate::doc::RecordDoc;

impl RecordDoc {
    /// The conflicts of this record, and its members that were removed on one side and edited on the other. `view` is
    /// this record's, as [`RecordDoc::view`] gave it. The same record gives the same findings everywhere.
    pub fn findings(&self, view: &RecordView, record: RecordId, generation: u32) -> Vec<Finding> {
        let finding =
            |kind, subject, alternatives| Finding::new(record, generation, kind, subject, alternatives);
        let conflicts = view.answers.iter().filter(|(path, candidates)| is_conflict(path, candidates)).map(
            |(path, candidates)| {
                let alternatives = candidates.iter().map(|candidate| alternative(path, candidate)).collect();
                finding(FindingKind::Conflict, path.to_string(), alternatives)
            },
        );
        let removals = self
            .removed_and_edited(view)
            .into_iter()
            .map(|(instance, alternatives)| finding(FindingKind::RemovedAndEdited, instance, alternatives));
        conflicts.chain(removals).collect()
    }

    /// Each removed instance that was edited without sight of the removal, with the removal and the edits.
    ///
    /// No flag of Automerge's tells these: the removal and the edit are writes to different keys.
    fn removed_and_edited(&self, view: &RecordView) -> Vec<(String, Vec<Alternative>)> {
        let removals: Vec<(&AnswerPath, &Candidate)> = view
            .answers
            .iter()
            .filter(|(path, _)| path.as_str().ends_with(Marker::Removed.as_str()))
            .flat_map(|(path, candidates)| candidates.iter().map(move |candidate| (path, candidate)))
            .filter(|(_, candidate)| !candidate.value.is_null())
            .collect();
        if removals.is_empty() {
            return Vec::new();
        }
        let mut history = History::of(self);
        let mut found: Vec<(String, Vec<Alternative>)> = Vec::new();
        for (path, removal) in removals {
            let edits = self.unseen_edits(view, &mut history, path, removal.change);
            if edits.is_empty() {
                continue;
            }
            let instance = path.instance_prefix();
            let alternatives = std::iter::once(alternative(path, removal)).chain(edits);
            // Two people may have removed the same member, each with a reason: one finding all the same.
            match found.last_mut() {
                Some((last, all)) if last == instance => all.extend(alternatives),
                _ => found.push((instance.to_owned(), alternatives.collect())),
            }
        }
        found
    }

    /// The standing writes below an instance that the removal did not see, that did not see the removal, and that say
    /// something else than what the removal saw.
    fn unseen_edits(
        &self,
        view: &RecordView,
        history: &mut History,
        removed: &AnswerPath,
        removal: ChangeHash,
    ) -> Vec<Alternative> {
        let below = format!("{}/", removed.instance_prefix());
        let unseen: Vec<Alternative> = view
            .answers
            .iter()
            .skip_while(|(path, _)| path.as_str() < below.as_str())
            .take_while(|(path, _)| path.as_str().starts_with(&below))
            .flat_map(|(path, candidates)| candidates.iter().map(move |candidate| (path, candidate)))
            .filter(|(path, candidate)| is_edit(path, candidate))
            .filter(|(_, candidate)| history.are_concurrent(candidate.change, removal))
            .map(|(path, candidate)| alternative(path, candidate))
            .collect();
        if unseen.is_empty() {
            return unseen;
        }
        // The removal's change is in the record, so what it builds upon is too.
        let Ok(seen) = self.view_at(&history.deps(removal)) else { return unseen };
        unseen.into_iter().filter(|edit| seen.get(edit.path.as_str()) != &edit.value).collect()
    }
}

fn alternative(path: &AnswerPath, candidate: &Candidate) -> Alternative {
    Alternative { path: path.clone(), value: candidate.value.clone(), change: Some(candidate.change) }
}

/// Equal values written twice are no conflict, and nobody is asked about an order.
fn is_conflict(path: &AnswerPath, candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| candidate.value != candidates[0].value)
        && path.marker() != Some(Marker::Order)
}

/// A new place in the order is no edit worth asking about, and a removal does not contradict a removal.
fn is_edit(path: &AnswerPath, candidate: &Candidate) -> bool {
    match path.marker() {
        Some(Marker::Order) => false,
        Some(Marker::Removed) => candidate.value.is_null(),
        Some(Marker::Person | Marker::Number) | None => true,
    }
}

/// Who had seen what.
struct History {
    deps: HashMap<ChangeHash, Vec<ChangeHash>>,
    /// Each change asked about so far, with all that it had seen.
    seen: HashMap<ChangeHash, HashSet<ChangeHash>>,
}

impl History {
    fn of(record: &RecordDoc) -> Self {
        let ours = |hash: &automerge::ChangeHash| ChangeHash::from_bytes(hash.0);
        let deps = record
            .doc
            .get_changes_meta(&[])
            .iter()
            .map(|meta| (ours(&meta.hash), meta.deps.iter().map(ours).collect()))
            .collect();
        Self { deps, seen: HashMap::new() }
    }

    fn deps(&self, change: ChangeHash) -> Vec<ChangeHash> {
        self.deps.get(&change).cloned().unwrap_or_default()
    }

    fn are_concurrent(&mut self, one: ChangeHash, other: ChangeHash) -> bool {
        one != other && !self.has_seen(one, other) && !self.has_seen(other, one)
    }

    fn has_seen(&mut self, change: ChangeHash, earlier: ChangeHash) -> bool {
        if !self.seen.contains_key(&change) {
            let ancestors = self.ancestors(change);
            self.seen.insert(change, ancestors);
        }
        self.seen[&change].contains(&earlier)
    }

    fn ancestors(&self, change: ChangeHash) -> HashSet<ChangeHash> {
        let mut ancestors = HashSet::new();
        let mut next = self.deps(change);
        while let Some(ancestor) = next.pop() {
            if ancestors.insert(ancestor) {
                next.extend(self.deps(ancestor));
            }
        }
        ancestors
    }
}
