//! What one seat is shown of the feed.

use std::collections::HashMap;
use std::ops::ControlFlow;

use record_model::{EpochId, SeatId};
use rusqlite::params;

use super::codec::{self, at_most, place, to_json};
use super::tx::SqliteTx;
use crate::error::StoreError;
use crate::rows::{Audience, FeedEntry, FeedFilter, FeedRow};

/// Feed rows that one call looks through at most. A seat of one commune in a feed of a whole country is shown one row in
/// hundreds: it asks again from where the call stopped, and no call is long.
const MAX_LOOKED_THROUGH: u64 = 20_000;

/// A record's PRESENT area and lineage count, not those of the day the entry was written. A record that is not merged
/// yet has neither and is not shown.
const SHOWN: &str = "
    SELECT f.feed_index, f.audience, l.seat, l.epoch, l.seq,
           l.log_index, l.received_at, l.header, l.signature, l.body, l.kind, l.record, l.area, l.class
    FROM feed f CROSS JOIN log l ON l.log_index = f.log_index
    WHERE f.feed_index > ?1 AND f.feed_index <= ?2 AND l.class <= ?3
      AND CASE f.audience
          WHEN 'everyone' THEN 1
          WHEN 'seat' THEN f.subject = ?4
          ELSE EXISTS (
              SELECT 1 FROM records r WHERE r.record = f.subject
              AND r.area IN (SELECT value FROM json_each(?5))
              AND (?6 IS NULL OR r.lineage IN (SELECT value FROM json_each(?6))))
          END
    ORDER BY f.feed_index";

/// The columns audience and subject.
pub(super) fn audience_to_columns(audience: &Audience) -> (&'static str, Option<&[u8; 16]>) {
    match audience {
        Audience::Everyone => ("everyone", None),
        Audience::Record(record) => ("record", Some(record.as_bytes())),
        Audience::Seat(seat) => ("seat", Some(seat.as_bytes())),
    }
}

impl SqliteTx<'_> {
    pub(super) fn count_feed(&self) -> Result<u64, StoreError> {
        self.count("feed", "SELECT ifnull(max(feed_index), 0) FROM feed", [])
    }

    pub(super) fn read_feed_rows(&self, after: u64, limit: usize) -> Result<Vec<FeedRow>, StoreError> {
        let sql = "SELECT feed_index, log_index, audience, subject FROM feed WHERE feed_index > ?1 \
                   ORDER BY feed_index LIMIT ?2";
        self.list("feed", sql, [place(after), at_most(limit)], |columns| {
            Ok(FeedRow {
                feed_index: columns.number("feed_index")?,
                log_index: columns.number("log_index")?,
                audience: codec::audience(columns)?,
            })
        })
    }

    pub(super) fn look_through_feed(
        &self,
        cursor: u64,
        filter: &FeedFilter,
        limit: usize,
    ) -> Result<(Vec<FeedEntry>, u64), StoreError> {
        let end = self.count_feed()?.min(cursor.saturating_add(MAX_LOOKED_THROUGH));
        if limit == 0 {
            return Ok((Vec::new(), cursor.min(end)));
        }
        let held = Held::new(filter);
        let areas = to_json(&filter.areas);
        let lineages = (!filter.lineages.is_empty()).then(|| to_json(&filter.lineages));
        let params = params![
            place(cursor),
            place(end),
            filter.max_class.code(),
            filter.seat.as_bytes(),
            areas,
            lineages
        ];
        let mut shown: Vec<FeedEntry> = Vec::new();
        self.each("feed", SHOWN, params, |columns| {
            let feed_index = columns.number("feed_index")?;
            let to_one_seat = columns.text("audience")? == "seat";
            let (seat, epoch, seq) = codec::chain_place(columns)?;
            if to_one_seat || !held.covers(seat, epoch, seq) {
                shown.push(FeedEntry { feed_index, entry: codec::log_entry(columns)? });
            }
            Ok(if shown.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let looked_through = match shown.last() {
            Some(last) if shown.len() == limit => last.feed_index,
            _ => end,
        };
        Ok((shown, looked_through))
    }
}

/// What the seat holds already.
struct Held(HashMap<(SeatId, EpochId), u64>);

impl Held {
    fn new(filter: &FeedFilter) -> Self {
        let mut through = HashMap::new();
        for end in &filter.have {
            let known: &mut u64 = through.entry((end.seat, end.epoch)).or_default();
            *known = (*known).max(end.through_seq);
        }
        Self(through)
    }

    fn covers(&self, seat: SeatId, epoch: EpochId, seq: u64) -> bool {
        self.0.get(&(seat, epoch)).is_some_and(|through| seq <= *through)
    }
}
