//! Verify, append, acknowledge. Nothing here merges.

use std::collections::BTreeMap;

use record_model::{DeltaHash, EpochId, Instant, ReasonCode, SeatId};
use registry_store::{EpochRow, ReadTx, StoreError, Tx};
use signed_delta::{ChainEnd, Header, Refusal, Roster, SignedDelta, VerifiedDelta};
use sync_protocol::PushBatch;

use crate::parallel::in_parallel;

/// What to do with a verified delta. Decided from values, before any write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestPlan {
    /// The next of its chain.
    Append,
    /// The log has it.
    AlreadyHave,
    /// Kept, and in the tree, but not merged until the deltas before it arrive.
    HoldAfter {
        /// Everything up to here is there.
        through_seq: u64,
    },
    /// Another delta stands at its place of the chain, or it builds on one that is not ours. Both are kept, nothing
    /// more of the epoch is merged, a person decides.
    Fork,
}

/// Decides by the chain alone.
pub fn plan_ingest(
    header: &Header,
    hash: DeltaHash,
    here: &[DeltaHash],
    end: Option<(u64, DeltaHash)>,
) -> IngestPlan {
    let (through_seq, through_hash) = end.unwrap_or((0, Header::NO_PREVIOUS));
    if here.contains(&hash) {
        IngestPlan::AlreadyHave
    } else if !here.is_empty() {
        IngestPlan::Fork
    } else if header.seq == through_seq + 1 {
        if header.prev_hash == through_hash { IngestPlan::Append } else { IngestPlan::Fork }
    } else {
        IngestPlan::HoldAfter { through_seq }
    }
}

/// A batch whose frames have been judged one by one, outside any transaction.
#[derive(Default)]
pub(crate) struct JudgedBatch {
    pub(crate) verified: Vec<VerifiedDelta>,
    pub(crate) refusals: Vec<Refusal>,
    /// What the registry itself signed, in truth, and somebody brings back; with its index in the batch.
    pub(crate) own: Vec<(u32, VerifiedDelta)>,
}

/// Verifies each frame on its own, `workers` at a time: what is wrong with one is a verdict in the receipt.
pub(crate) fn judge_batch(batch: &PushBatch, roster: &(dyn Roster + Sync), workers: usize) -> JudgedBatch {
    let verdicts = in_parallel(batch.envelopes.iter().collect(), workers, |envelope: &Vec<u8>| {
        SignedDelta::decode(envelope)
            .map_err(|_| ReasonCode::Malformed)
            .and_then(|signed| signed.verify(roster).map_err(|unverified| unverified.reason()))
    });
    let mut judged =
        JudgedBatch { verified: Vec::with_capacity(batch.envelopes.len()), ..JudgedBatch::default() };
    for (index, verdict) in verdicts.into_iter().enumerate() {
        match verdict {
            Ok(delta) if delta.is_from_registry() => judged.own.push((index as u32, delta)),
            Ok(delta) => judged.verified.push(delta),
            Err(reason) => judged.refusals.push(Refusal { index: index as u32, reason }),
        }
    }
    judged
}

/// Appends what is new and moves the chains on. Gives the end of every chain touched.
pub(crate) fn apply_batch(
    tx: &mut dyn Tx,
    deltas: &[VerifiedDelta],
    received_at: Instant,
) -> Result<Vec<ChainEnd>, StoreError> {
    // In the order the batch opens them: the store numbers a seat's epochs as they are written.
    let mut ends: Vec<(EpochRow, bool)> = Vec::new();
    let mut place_of: BTreeMap<(SeatId, EpochId), usize> = BTreeMap::new();
    for delta in deltas {
        let header = delta.header();
        let key = (header.seat, header.epoch);
        let place = match place_of.get(&key) {
            Some(place) => *place,
            None => {
                ends.push((tx.epoch(key.0, key.1)?.unwrap_or(unopened(key)), false));
                place_of.insert(key, ends.len() - 1);
                ends.len() - 1
            }
        };
        let (row, changed) = ingest_one(tx, delta, ends[place].0, received_at)?;
        ends[place] = (row, ends[place].1 | changed);
    }
    for (row, _) in ends.iter().filter(|(_, changed)| *changed) {
        tx.put_epoch(row)?;
    }
    let ends = place_of.values().map(|place| &ends[*place].0);
    Ok(ends.map(|row| ChainEnd { seat: row.seat, epoch: row.epoch, through_seq: row.through_seq }).collect())
}

/// A chain of which the log has nothing yet.
pub(crate) fn unopened((seat, epoch): (SeatId, EpochId)) -> EpochRow {
    EpochRow {
        seat,
        epoch,
        through_seq: 0,
        through_hash: Header::NO_PREVIOUS,
        frozen_by: None,
        decided_by: None,
        ordinal: 0,
    }
}

/// A delta at a place of a chain, as what follows it needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) log_index: u64,
    pub(crate) hash: DeltaHash,
    pub(crate) prev_hash: DeltaHash,
}

/// Appends one delta unless the log has it; gives the epoch's row as it is then, and whether it changed.
fn ingest_one(
    tx: &mut dyn Tx,
    delta: &VerifiedDelta,
    mut row: EpochRow,
    received_at: Instant,
) -> Result<(EpochRow, bool), StoreError> {
    let header = delta.header();
    let here: Vec<DeltaHash> =
        tx.chain_at(header.seat, header.epoch, header.seq)?.into_iter().map(|(_, hash)| hash).collect();
    let plan = plan_ingest(header, delta.hash(), &here, end_of(&row));
    if plan == IngestPlan::AlreadyHave {
        return Ok((row, false));
    }
    let log_index = tx.append(delta, received_at)?;
    let (seat, epoch) = (row.seat, row.epoch);
    move_on(&mut row, plan, log_index, header.seq, delta.hash(), |seq| link_at(tx, seat, epoch, seq))?;
    Ok((row, true))
}

/// The first delta at a place of a chain.
fn link_at(tx: &dyn ReadTx, seat: SeatId, epoch: EpochId, seq: u64) -> Result<Option<Link>, StoreError> {
    let Some((log_index, hash)) = tx.chain_at(seat, epoch, seq)?.into_iter().next() else { return Ok(None) };
    let entry = tx.log_entry(log_index)?;
    Ok(entry.map(|entry| Link { log_index, hash, prev_hash: entry.delta.header().prev_hash }))
}

/// Where a chain ends, if it has begun.
pub(crate) fn end_of(row: &EpochRow) -> Option<(u64, DeltaHash)> {
    (row.through_seq > 0).then_some((row.through_seq, row.through_hash))
}

/// Moves a chain on by an entry just appended: over it, and over what waited behind it. `at` gives the first delta at a
/// place of the chain.
pub(crate) fn move_on(
    row: &mut EpochRow,
    plan: IngestPlan,
    log_index: u64,
    seq: u64,
    hash: DeltaHash,
    mut at: impl FnMut(u64) -> Result<Option<Link>, StoreError>,
) -> Result<(), StoreError> {
    match plan {
        IngestPlan::AlreadyHave | IngestPlan::HoldAfter { .. } => return Ok(()),
        IngestPlan::Fork => {
            row.frozen_by.get_or_insert(log_index);
            return Ok(());
        }
        IngestPlan::Append => (row.through_seq, row.through_hash) = (seq, hash),
    }
    while let Some(next) = at(row.through_seq + 1)? {
        if next.prev_hash != row.through_hash {
            row.frozen_by.get_or_insert(next.log_index);
            break;
        }
        row.through_seq += 1;
        row.through_hash = next.hash;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use record_model::{Class, DeltaKind, Hlc, RecordId};

    fn header(seq: u64, prev: u8) -> Header {
        Header {
            kind: DeltaKind::Change,
            seat: SeatId::from_bytes([1; 16]),
            epoch: EpochId::from_bytes([2; 8]),
            seq,
            prev_hash: hash(prev),
            record: RecordId::from_bytes([3; 16]),
            generation: 0,
            area: None,
            class: Class::Personal,
            hlc: Hlc(0),
            body_len: 0,
            body_commit: [0; 32],
        }
    }

    fn hash(byte: u8) -> DeltaHash {
        DeltaHash::from_bytes([byte; 32])
    }

    #[test]
    fn the_next_of_a_chain_is_appended_and_a_repeat_is_not() {
        assert_eq!(plan_ingest(&header(1, 0), hash(1), &[], None), IngestPlan::Append);
        assert_eq!(plan_ingest(&header(2, 1), hash(2), &[], Some((1, hash(1)))), IngestPlan::Append);
        assert_eq!(
            plan_ingest(&header(2, 1), hash(2), &[hash(2)], Some((2, hash(2)))),
            IngestPlan::AlreadyHave
        );
    }

    #[test]
    fn a_gap_waits() {
        let plan = plan_ingest(&header(5, 4), hash(5), &[], Some((2, hash(2))));
        assert_eq!(plan, IngestPlan::HoldAfter { through_seq: 2 });
    }

    #[test]
    fn a_rival_or_a_foreign_past_is_a_fork() {
        assert_eq!(plan_ingest(&header(2, 1), hash(9), &[hash(2)], Some((2, hash(2)))), IngestPlan::Fork);
        assert_eq!(plan_ingest(&header(3, 8), hash(3), &[], Some((2, hash(2)))), IngestPlan::Fork);
    }
}
