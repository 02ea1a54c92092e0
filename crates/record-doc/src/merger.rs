//! Where merges run: here, or where a change that kills does no harm.

use crate::merge::{ForeignChange, MergeOutcome, merge_change};

/// No merge could be tried: a fault of the machine, not of the change.
#[derive(Debug, thiserror::Error)]
#[error("the process that merges cannot be started or reached: {source}")]
pub struct MergerUnavailable {
    /// The system's word.
    pub source: std::io::Error,
}

/// Applies foreign changes to saved records, as [`merge_change`] does.
pub trait Merger: Send + Sync {
    /// [`merge_change`], which may also end in [`MergeOutcome::Killed`].
    fn merge(
        &self,
        state: Option<&[u8]>,
        change: &ForeignChange<'_>,
    ) -> Result<MergeOutcome, MergerUnavailable>;
}

/// Merges in this process: for tests and tasks. A program that takes work from others merges in a child.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Merger for InProcess {
    fn merge(
        &self,
        state: Option<&[u8]>,
        change: &ForeignChange<'_>,
    ) -> Result<MergeOutcome, MergerUnavailable> {
        Ok(merge_change(state, change))
    }
}
