//! The child's side: limits on itself, then one change after the other.

use std::io::{self, Read, Write};

use record_doc::{ForeignChange, MergeOutcome, MergeVerdict, RecordDoc};

use crate::platform;
use crate::wire::{self, Request};

/// Lives as a child on standard input and output until the parent closes them.
///
/// Panics are silent here: their messages may hold answers.
pub fn serve() -> io::Result<()> {
    serve_with(|record, change| record.merge(change))
}

/// [`serve`] with another merge, so that a test can show what becomes of a child that goes wrong.
#[doc(hidden)]
pub fn serve_with(
    mut merge: impl FnMut(&mut RecordDoc, &ForeignChange<'_>) -> MergeVerdict,
) -> io::Result<()> {
    std::panic::set_hook(Box::new(|_| {}));
    let memory = std::env::var(platform::MEMORY_VARIABLE).ok().and_then(|bytes| bytes.parse().ok());
    platform::limit_memory(memory.unwrap_or(crate::Limits::default().memory_bytes))?;
    platform::grant_cpu(crate::Limits::default().base_cpu_seconds)?;
    // Limits that leave no room for an empty record must not be told from a change that kills.
    let mut output = io::stdout().lock();
    if RecordDoc::load(&RecordDoc::new().save()).is_err() {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    output.write_all(&wire::READY)?;
    output.flush()?;
    answer(io::stdin().lock(), output, &mut merge)
}

fn answer(
    mut input: impl Read,
    mut output: impl Write,
    merge: &mut impl FnMut(&mut RecordDoc, &ForeignChange<'_>) -> MergeVerdict,
) -> io::Result<()> {
    let mut last: Option<RecordDoc> = None;
    let mut reply = Vec::new();
    while let Some(request) = wire::read_request(&mut input)? {
        platform::grant_cpu(request.cpu_seconds)?;
        let outcome = outcome(&mut last, &request, merge);
        reply.clear();
        wire::write_outcome(&mut reply, &outcome)?;
        output.write_all(&reply)?;
        output.flush()?;
        // What is left of this grant must not end the child while it reads the next request.
        platform::grant_cpu(crate::Limits::default().base_cpu_seconds)?;
    }
    Ok(())
}

fn outcome(
    last: &mut Option<RecordDoc>,
    request: &Request,
    merge: &mut impl FnMut(&mut RecordDoc, &ForeignChange<'_>) -> MergeVerdict,
) -> MergeOutcome {
    let opened = match &request.state {
        None => last.take(),
        Some(None) => Some(RecordDoc::new()),
        Some(Some(state)) => RecordDoc::load(state).ok(),
    };
    let Some(mut record) = opened else { return MergeOutcome::StateDamaged };
    let verdict = merge(&mut record, &ForeignChange { bytes: &request.change, actor: request.actor });
    let outcome = verdict.with_state(|| record.save());
    if matches!(outcome, MergeOutcome::Merged { .. }) {
        *last = Some(record);
    }
    outcome
}
