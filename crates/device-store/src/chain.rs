//! The chains of this laptop's seats, and the outbox.

use record_model::{DeltaHash, DeltaKind, EpochId, Hlc, Instant, OutcomeCode, ReasonCode, RecordId, SeatId};
use rusqlite::{Row, params};
use signed_delta::{Header, PublicKey, SignedDelta};

use crate::error::DeviceStoreError;
use crate::row::{Columns, bad};
use crate::store::Tx;

/// One person on this laptop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRow {
    /// The seat.
    pub seat: SeatId,
    /// The person, by the name of their wrap.
    pub person: String,
    /// The laptop's name.
    pub device: String,
    /// The seat's key.
    pub public_key: PublicKey,
    /// Envelope of the certificate delta it was enrolled with.
    pub certificate: Vec<u8>,
    /// The open epoch, the next seq in it and the hash of the delta before; none before the first epoch.
    pub epoch: Option<(EpochId, u64, DeltaHash)>,
    /// True when an epoch must be opened before anything else is written.
    pub epoch_needed: bool,
    /// The next registration number's serial.
    pub next_serial: u32,
}

/// Where the next delta of a seat goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPlace {
    /// Which run.
    pub epoch: EpochId,
    /// Place in it.
    pub seq: u64,
    /// Hash of the delta before.
    pub prev_hash: DeltaHash,
}

/// A delta signed here, ready to be written down.
#[derive(Debug, Clone, Copy)]
pub struct OwnDelta<'a> {
    /// The delta.
    pub signed: &'a SignedDelta,
    /// Its name, which the caller has at hand.
    pub hash: DeltaHash,
    /// By this laptop's clock.
    pub created_at: Instant,
}

/// How far what was signed here about one record has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordDelivery {
    /// Which record.
    pub record: RecordId,
    /// When the oldest delta was signed that no receipt covers.
    pub to_send_since: Option<Instant>,
    /// The server has something of it, and has not said yet what it made of it.
    pub unconfirmed: bool,
    /// Something of it waits at the server for an earlier delta.
    pub held: bool,
    /// Something of it is a rival of another delta.
    pub forked: bool,
    /// The server would not take something of it, or has set it aside.
    pub set_aside: bool,
    /// Why.
    pub reason: Option<ReasonCode>,
}

/// One delta that no receipt covers yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its row: the order of writing.
    pub id: i64,
    /// Whose chain.
    pub seat: SeatId,
    /// Which run.
    pub epoch: EpochId,
    /// Place in the chain.
    pub seq: u64,
    /// Its name.
    pub hash: DeltaHash,
    /// Its bytes.
    pub envelope: Vec<u8>,
}

/// What waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many deltas.
    pub deltas: u64,
    /// How many records they are about.
    pub records: u64,
    /// When the oldest was written.
    pub oldest_at: Option<Instant>,
    /// How many bytes they are, before compression.
    pub bytes: u64,
    /// Of them, how many stand behind a refused delta of their epoch, so that they cannot be sent as they are.
    pub stranded: u64,
}

/// Own deltas by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeltaCounts {
    /// Wait to be sent.
    pub to_send: Waiting,
    /// A receipt covers them.
    pub delivered: u64,
    /// The server would not take them.
    pub refused: Vec<(ReasonCode, u64)>,
    /// Delivered, and the server said what it made of them.
    pub outcomes: Vec<(OutcomeCode, Option<ReasonCode>, u64)>,
}

/// Half of what SQLite counts to: whoever forges an answer cannot bring a seat to where it cannot count on.
const MAX_REQUEST_COUNTER: u64 = 1 << 62;

fn seat_row(row: &Row<'_>) -> rusqlite::Result<SeatRow> {
    let epoch = match (row.maybe_id(5)?, row.maybe_id(7)?) {
        (Some(epoch), Some(prev_hash)) => Some((epoch, row.u64(6)?, prev_hash)),
        _ => None,
    };
    Ok(SeatRow {
        seat: row.id(0)?,
        person: row.get(1)?,
        device: row.get(2)?,
        public_key: PublicKey::from_bytes(&row.id(3)?).map_err(|_| bad(3))?,
        certificate: row.get(4)?,
        epoch,
        epoch_needed: row.get(8)?,
        next_serial: row.get(9)?,
    })
}

const SEAT: &str = "SELECT seat, person, device, public_key, certificate, epoch, next_seq, prev_hash, epoch_needed, \
                    next_serial FROM seats";

impl Tx<'_> {
    /// Everyone's seats, by name.
    pub fn seats(&self) -> Result<Vec<SeatRow>, DeviceStoreError> {
        self.all("read the seats", &format!("{SEAT} ORDER BY person"), [], seat_row)
    }

    /// One seat.
    pub fn seat(&self, seat: SeatId) -> Result<SeatRow, DeviceStoreError> {
        self.one("read the seat", &format!("{SEAT} WHERE seat = ?1"), [seat.as_bytes()], seat_row)?
            .ok_or(DeviceStoreError::UnknownSeat { seat })
    }

    /// Where the seat's next delta goes. An error when an epoch must be opened first.
    pub fn next_place(&self, seat: SeatId) -> Result<ChainPlace, DeviceStoreError> {
        self.rotate_incarnation_once()?;
        let row = self.seat(seat)?;
        match row.epoch {
            Some((epoch, seq, prev_hash)) if !row.epoch_needed => Ok(ChainPlace { epoch, seq, prev_hash }),
            _ => Err(DeviceStoreError::EpochNeeded { seat }),
        }
    }

    /// The last delta this store knows the seat wrote.
    pub fn chain_end(&self, seat: SeatId) -> Result<Option<(EpochId, u64, DeltaHash)>, DeviceStoreError> {
        Ok(self.seat(seat)?.epoch.map(|(epoch, next, hash)| (epoch, next - 1, hash)))
    }

    /// Writes down the first delta of an epoch: from now on the seat writes there.
    pub fn open_epoch(&self, delta: OwnDelta<'_>) -> Result<(), DeviceStoreError> {
        self.rotate_incarnation_once()?;
        let header = delta.signed.header();
        let previous = self.chain_end(header.seat)?.map(|(epoch, ..)| epoch);
        if header.kind != DeltaKind::Epoch || header.seq != 1 {
            return Err(DeviceStoreError::NotNext { seat: header.seat });
        }
        self.insert_own(&delta)?;
        self.put_epoch(header.seat, header.epoch, previous)?;
        self.execute(
            "open the epoch",
            "UPDATE seats SET epoch = ?2, next_seq = 2, prev_hash = ?3, epoch_needed = 0 WHERE seat = ?1",
            params![header.seat.as_bytes(), header.epoch.as_bytes(), delta.hash.as_bytes()],
        )?;
        Ok(())
    }

    /// Appends to a seat's chain, at exactly the place [`Tx::next_place`] gave in this transaction.
    pub fn append(&self, delta: OwnDelta<'_>) -> Result<(), DeviceStoreError> {
        let Header { seat, epoch, seq, prev_hash, .. } = *delta.signed.header();
        self.insert_own(&delta)?;
        let moved = self.execute(
            "advance the chain",
            "UPDATE seats SET next_seq = next_seq + 1, prev_hash = ?5
             WHERE seat = ?1 AND epoch = ?2 AND next_seq = ?3 AND prev_hash = ?4 AND epoch_needed = 0",
            params![
                seat.as_bytes(),
                epoch.as_bytes(),
                seq as i64,
                prev_hash.as_bytes(),
                delta.hash.as_bytes()
            ],
        )?;
        if moved == 1 { Ok(()) } else { Err(DeviceStoreError::NotNext { seat }) }
    }

    fn insert_own(&self, delta: &OwnDelta<'_>) -> Result<(), DeviceStoreError> {
        let header = delta.signed.header();
        let envelope = delta.signed.encode();
        self.execute(
            "write the delta",
            "INSERT INTO own_deltas (seat, epoch, seq, hash, record, kind, hlc, created_at, size_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                header.seat.as_bytes(),
                header.epoch.as_bytes(),
                header.seq as i64,
                delta.hash.as_bytes(),
                header.about().map(|record| record.as_bytes().to_vec()),
                header.kind.code(),
                header.hlc.0 as i64,
                delta.created_at.unix_ms(),
                envelope.len() as i64
            ],
        )?;
        self.execute(
            "write the delta",
            "INSERT INTO own_envelopes (id, envelope) VALUES (last_insert_rowid(), ?1)",
            [envelope],
        )?;
        Ok(())
    }

    /// The next reading of this laptop's hybrid clock, written down.
    pub fn next_hlc(&self, now: Instant) -> Result<Hlc, DeviceStoreError> {
        let last = self.one("read the clock", "SELECT hlc FROM clock", [], |row| row.hlc(0))?;
        let next = last.unwrap_or_default().next(now);
        self.execute("advance the clock", "UPDATE clock SET hlc = ?1", [next.0 as i64])?;
        Ok(next)
    }

    /// Takes note of another seat's reading, so that what is written here after it also sorts after it.
    pub fn observe_hlc(&self, seen: Hlc) -> Result<(), DeviceStoreError> {
        self.execute("advance the clock", "UPDATE clock SET hlc = max(hlc, ?1)", [seen.0 as i64])?;
        Ok(())
    }

    /// The next serial of the seat's range of registration numbers. Never given twice: a restored store passes over those
    /// it may have given.
    pub fn next_registration_serial(&self, seat: SeatId) -> Result<u32, DeviceStoreError> {
        let serial = self.seat(seat)?.next_serial;
        self.execute(
            "take a registration number",
            "UPDATE seats SET next_serial = next_serial + 1 WHERE seat = ?1",
            [seat.as_bytes()],
        )?;
        Ok(serial)
    }

    /// The counter of the seat's next request. Never given twice, so it is written before the request is sent.
    ///
    /// It follows the clock where it can, so that a store restored from a backup, which forgot some of the counters it
    /// gave, does not give them again; and it rises when the clock does not.
    pub fn next_request_counter(&self, seat: SeatId, now: Instant) -> Result<u64, DeviceStoreError> {
        let latest = self.known_at()?.map_or(now, |known| known.max(now));
        let counter = self.one(
            "count the request",
            "UPDATE seats SET request_counter = max(request_counter + 1, ?2) WHERE seat = ?1
             RETURNING request_counter",
            params![seat.as_bytes(), latest.unix_ms()],
            |row| row.u64(0),
        )?;
        counter.ok_or(DeviceStoreError::UnknownSeat { seat })
    }

    /// The server has taken this counter of the seat, from a copy of this store or before it was put back to an earlier day:
    /// go on above it. False when that is no news, or no counter that one could go on above.
    pub fn pass_over_request_counter(&self, seat: SeatId, taken: u64) -> Result<bool, DeviceStoreError> {
        if taken > MAX_REQUEST_COUNTER {
            return Ok(false);
        }
        let moved = self.execute(
            "pass over request counters",
            "UPDATE seats SET request_counter = ?2 WHERE seat = ?1 AND request_counter <= ?2",
            params![seat.as_bytes(), taken as i64],
        )?;
        Ok(moved > 0)
    }

    /// The oldest deltas that no receipt covers, in the order they were written: so in chain order within each epoch,
    /// and epochs in the order they were opened. What stands behind a refused delta of its own epoch is left out: it
    /// would wait there for ever, and it must not keep the rest from being sent.
    ///
    /// Only those after this row; 0 for all.
    pub fn outbox(&self, after: i64, limit: usize) -> Result<Vec<OutboxRow>, DeviceStoreError> {
        self.all(
            "read the outbox",
            "SELECT own_deltas.id, seat, epoch, seq, hash, envelope FROM own_deltas JOIN own_envelopes USING (id)
             WHERE delivery = 'to_send' AND own_deltas.id > ?1 AND NOT EXISTS (
               SELECT 1 FROM own_deltas AS before
               WHERE before.seat = own_deltas.seat AND before.epoch = own_deltas.epoch
                 AND before.seq < own_deltas.seq AND before.delivery = 'refused'
             )
             ORDER BY own_deltas.id LIMIT ?2",
            params![after, limit as i64],
            |row| {
                Ok(OutboxRow {
                    id: row.get(0)?,
                    seat: row.id(1)?,
                    epoch: row.id(2)?,
                    seq: row.u64(3)?,
                    hash: row.id(4)?,
                    envelope: row.get(5)?,
                })
            },
        )
    }

    /// A signed receipt says that this delta is in the log. Gives how many deltas that settles: none when it was known.
    pub fn mark_delivered(&self, delta: DeltaHash, at: Instant) -> Result<u64, DeviceStoreError> {
        let marked = self.execute(
            "mark a delta delivered",
            "UPDATE own_deltas SET delivery = 'delivered', delivered_at = ?2
             WHERE hash = ?1 AND delivery = 'to_send'",
            params![delta.as_bytes(), at.unix_ms()],
        )?;
        Ok(marked as u64)
    }

    /// The server would not take this delta: it is kept, and not sent again. The seat opens a new epoch before it
    /// writes again, because nothing behind a gap is ever merged.
    pub fn mark_refused(&self, delta: DeltaHash, reason: ReasonCode) -> Result<(), DeviceStoreError> {
        self.execute(
            "mark a delta refused",
            "UPDATE own_deltas SET delivery = 'refused', reason = ?2 WHERE hash = ?1 AND delivery = 'to_send'",
            params![delta.as_bytes(), reason.code()],
        )?;
        self.execute(
            "ask for a new epoch",
            "UPDATE seats SET epoch_needed = 1
             WHERE (seat, epoch) IN (SELECT seat, epoch FROM own_deltas WHERE hash = ?1)",
            [delta.as_bytes()],
        )?;
        Ok(())
    }

    /// What the server made of a run of own deltas. When it is a fork, nothing more of that epoch is merged: the seat opens a
    /// new one before it writes again. When a decision on the fork left them out, they are to be written anew.
    pub fn mark_outcome(
        &self,
        seat: SeatId,
        epoch: EpochId,
        seqs: std::ops::RangeInclusive<u64>,
        code: OutcomeCode,
        reason: Option<ReasonCode>,
    ) -> Result<u64, DeviceStoreError> {
        let marked = self.execute(
            "write an outcome",
            "UPDATE own_deltas SET outcome = ?5, outcome_reason = ?6
             WHERE seat = ?1 AND epoch = ?2 AND seq BETWEEN ?3 AND ?4",
            params![
                seat.as_bytes(),
                epoch.as_bytes(),
                bounded(*seqs.start()),
                bounded(*seqs.end()),
                code.code(),
                reason.map(ReasonCode::code)
            ],
        )?;
        let anew = matches!(reason, Some(ReasonCode::OtherBranch | ReasonCode::PlaceTaken));
        if marked > 0 && anew {
            self.execute(
                "note what is to be written anew",
                "UPDATE own_deltas SET anew = 'needed'
                 WHERE seat = ?1 AND epoch = ?2 AND seq BETWEEN ?3 AND ?4 AND record IS NOT NULL AND anew IS NULL",
                params![seat.as_bytes(), epoch.as_bytes(), bounded(*seqs.start()), bounded(*seqs.end())],
            )?;
        }
        if marked > 0 && code == OutcomeCode::Merged {
            self.execute(
                "note what was merged after all",
                "UPDATE own_deltas SET anew = 'back'
                 WHERE seat = ?1 AND epoch = ?2 AND seq BETWEEN ?3 AND ?4 AND anew IS NOT NULL",
                params![seat.as_bytes(), epoch.as_bytes(), bounded(*seqs.start()), bounded(*seqs.end())],
            )?;
        }
        if marked > 0 && (code == OutcomeCode::Forked || reason == Some(ReasonCode::Fork) || anew) {
            self.execute(
                "ask for a new epoch",
                "UPDATE seats SET epoch_needed = 1 WHERE seat = ?1 AND epoch = ?2",
                params![seat.as_bytes(), epoch.as_bytes()],
            )?;
        }
        Ok(marked as u64)
    }

    /// How far the log has each chain of this store's own seats from here: what a pull need not send back. What no receipt
    /// covers is not counted: a copy of this laptop may have written something else at its place.
    pub fn own_chain_ends(&self) -> Result<Vec<(SeatId, EpochId, u64)>, DeviceStoreError> {
        self.all(
            "read the chains",
            "SELECT seat, epoch, max(seq) FROM own_deltas WHERE delivery = 'delivered'
             GROUP BY seat, epoch ORDER BY min(id)",
            [],
            |row| Ok((row.id(0)?, row.id(1)?, row.u64(2)?)),
        )
    }

    /// True when this delta was signed here.
    pub fn is_own_delta(&self, hash: DeltaHash) -> Result<bool, DeviceStoreError> {
        let found = self.one(
            "look for a delta",
            "SELECT 1 FROM own_deltas WHERE hash = ?1",
            [hash.as_bytes()],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// What waits, and what became of the rest.
    pub fn delta_counts(&self) -> Result<DeltaCounts, DeviceStoreError> {
        let to_send = self.one(
            "count what waits",
            "SELECT count(*), count(DISTINCT record), min(created_at), coalesce(sum(size_bytes), 0),
               coalesce(sum(EXISTS (
                 SELECT 1 FROM own_deltas AS before
                 WHERE before.seat = own_deltas.seat AND before.epoch = own_deltas.epoch
                   AND before.seq < own_deltas.seq AND before.delivery = 'refused'
               )), 0)
             FROM own_deltas WHERE delivery = 'to_send'",
            [],
            |row| {
                Ok(Waiting {
                    deltas: row.u64(0)?,
                    records: row.u64(1)?,
                    oldest_at: row.maybe_instant(2)?,
                    bytes: row.u64(3)?,
                    stranded: row.u64(4)?,
                })
            },
        )?;
        let refused = self.all(
            "count what was refused",
            "SELECT reason, count(*) FROM own_deltas WHERE delivery = 'refused' GROUP BY reason",
            [],
            |row| Ok((reason(row, 0)?.ok_or_else(|| bad(0))?, row.u64(1)?)),
        )?;
        let outcomes = self.all(
            "count outcomes",
            "SELECT outcome, outcome_reason, count(*) FROM own_deltas
             WHERE outcome IS NOT NULL AND anew IS NOT 'done' GROUP BY 1, 2",
            [],
            |row| {
                let outcome = OutcomeCode::from_code(row.get(0)?).ok_or_else(|| bad(0))?;
                Ok((outcome, reason(row, 1)?, row.u64(2)?))
            },
        )?;
        let delivered =
            self.count("count", "SELECT count(*) FROM own_deltas WHERE delivery = 'delivered'", [])?;
        Ok(DeltaCounts { to_send: to_send.unwrap_or_default(), delivered, refused, outcomes })
    }

    /// Visits every own delta in chain order: for the examination of the chains.
    pub(crate) fn each_own_delta(
        &self,
        mut visit: impl FnMut(DeltaHash, &[u8]),
    ) -> Result<(), DeviceStoreError> {
        self.all(
            "read the chains",
            "SELECT hash, envelope FROM own_deltas JOIN own_envelopes USING (id) ORDER BY seat, epoch, seq",
            [],
            |row| {
                visit(row.id(0)?, row.get_ref(1)?.as_blob()?);
                Ok(())
            },
        )?;
        Ok(())
    }

    /// How far the deltas that were signed here have come, record by record; of one record, or of all.
    pub fn delivery_of_records(
        &self,
        record: Option<RecordId>,
    ) -> Result<Vec<RecordDelivery>, DeviceStoreError> {
        self.all(
            "read how far the records have come",
            "SELECT record,
               min(CASE WHEN delivery = 'to_send' THEN created_at END),
               max(delivery = 'delivered' AND outcome IS NULL),
               max(coalesce(outcome, 0) = ?2), max(coalesce(outcome, 0) = ?3),
               max(delivery = 'refused' OR coalesce(outcome, 0) = ?4),
               max(CASE WHEN delivery = 'refused' THEN reason WHEN outcome = ?4 THEN outcome_reason END)
             FROM own_deltas WHERE record BETWEEN coalesce(?1, x'') AND coalesce(?1, ?5) AND anew IS NOT 'done'
             GROUP BY record",
            params![
                record.map(|record| record.as_bytes().to_vec()),
                OutcomeCode::Held.code(),
                OutcomeCode::Forked.code(),
                OutcomeCode::Quarantined.code(),
                // Behind every record's id: one range of the index for one record, and one for all.
                [0xFF_u8; 17].as_slice()
            ],
            |row| {
                Ok(RecordDelivery {
                    record: row.id(0)?,
                    to_send_since: row.maybe_instant(1)?,
                    unconfirmed: row.get(2)?,
                    held: row.get(3)?,
                    forked: row.get(4)?,
                    set_aside: row.get(5)?,
                    reason: reason(row, 6)?,
                })
            },
        )
    }

    /// When the oldest work was done that no receipt covers: a delta signed, or an answer given and not signed yet.
    pub fn oldest_unsent_at(&self) -> Result<Option<Instant>, DeviceStoreError> {
        let oldest = self.one(
            "read the oldest work",
            "SELECT min(at) FROM (
               SELECT min(created_at) AS at FROM own_deltas WHERE delivery = 'to_send' AND record IS NOT NULL
               UNION ALL SELECT min(at) FROM journal)",
            [],
            |row| row.maybe_instant(0),
        )?;
        Ok(oldest.flatten())
    }
}

/// Above what SQLite's integers hold there is nothing: our own seqs are counted from 1.
fn bounded(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(crate) fn reason(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ReasonCode>> {
    match row.get::<_, Option<u16>>(column)? {
        None => Ok(None),
        Some(code) => ReasonCode::from_code(code).map(Some).ok_or_else(|| bad(column)),
    }
}
