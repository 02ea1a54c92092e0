//! What can be written.

use record_model::{Decision, Instant, RecordId, SeatId};
use rusqlite::params;
use signed_delta::{VerifiedDelta, leaf_hash};

use super::codec::{self, alternatives_to_json, heads_to_bytes, place, same_bits, to_json, waits_for};
use super::feed::audience_to_columns;
use super::tx::SqliteTx;
use crate::contract::{ReadTx, Tx};
use crate::error::StoreError;
use crate::rows::{
    Audience, ChangeOrigin, EpochRow, HeldOn, InvitationRow, ItemRow, OutcomeRow, Projection, PublicationRow,
    RecordRow, SeatRow,
};

impl Tx for SqliteTx<'_> {
    // --- the log -------------------------------------------------------------------------------------------------

    fn append(&mut self, delta: &VerifiedDelta, received_at: Instant) -> Result<u64, StoreError> {
        let index = self.log_len()? + 1;
        let leaf = leaf_hash(delta.signed(), index, received_at);
        let (header_bytes, signature, body) = delta.signed().parts();
        let header = delta.header();
        let record = header.about();
        self.execute(
            "append to the log",
            "INSERT INTO log (log_index, received_at, delta_hash, seat, epoch, seq, kind, record, area, class, \
             leaf, header, signature, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                place(index),
                received_at.unix_ms(),
                delta.hash().as_bytes(),
                header.seat.as_bytes(),
                header.epoch.as_bytes(),
                same_bits(header.seq),
                header.kind.code(),
                record.as_ref().map(RecordId::as_bytes),
                header.area.as_ref().map(|area| area.as_str()),
                header.class.code(),
                leaf,
                header_bytes,
                signature.as_bytes(),
                body,
            ],
        )?;
        Ok(index)
    }

    fn put_epoch(&mut self, row: &EpochRow) -> Result<(), StoreError> {
        self.execute(
            "write an epoch",
            "INSERT INTO epochs (seat, epoch, through_seq, through_hash, frozen_by, decided_by, ordinal) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT ifnull(max(ordinal), 0) + 1 FROM epochs WHERE seat = ?1)) \
             ON CONFLICT (seat, epoch) DO UPDATE SET through_seq = excluded.through_seq, \
             through_hash = excluded.through_hash, frozen_by = excluded.frozen_by, \
             decided_by = excluded.decided_by",
            params![
                row.seat.as_bytes(),
                row.epoch.as_bytes(),
                same_bits(row.through_seq),
                row.through_hash.as_bytes(),
                row.frozen_by.map(place),
                row.decided_by.map(place),
            ],
        )?;
        Ok(())
    }

    fn erase_body(&mut self, log_index: u64) -> Result<(), StoreError> {
        let sql = "UPDATE log SET body = NULL WHERE log_index = ?1";
        self.execute("erase a body", sql, [place(log_index)])?;
        Ok(())
    }

    // --- seats and enrolment -------------------------------------------------------------------------------------

    fn put_seat(&mut self, row: &SeatRow) -> Result<(), StoreError> {
        let sql = format!("REPLACE INTO seats ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", codec::SEAT_COLUMNS);
        self.execute(
            "write a seat",
            &sql,
            params![
                row.seat.as_bytes(),
                place(row.certificate_index),
                row.person,
                row.device,
                row.role.as_str(),
                row.revocation_index.map(place),
                row.last_seen_at.map(Instant::unix_ms),
            ],
        )?;
        Ok(())
    }

    fn put_invitation(&mut self, row: &InvitationRow) -> Result<(), StoreError> {
        let sql = format!(
            "REPLACE INTO invitations ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            codec::INVITATION_COLUMNS
        );
        self.execute(
            "write an invitation",
            &sql,
            params![
                row.code_key,
                row.person,
                row.role.as_str(),
                to_json(&row.areas),
                to_json(&row.lineages),
                row.created_at.unix_ms(),
                row.expires_at.unix_ms(),
                row.used_by.as_ref().map(SeatId::as_bytes),
            ],
        )?;
        Ok(())
    }

    fn take_request_counter(&mut self, seat: SeatId, counter: u64) -> Result<bool, StoreError> {
        if counter <= self.request_counter(seat)? {
            return Ok(false);
        }
        let sql = "REPLACE INTO request_counters (seat, counter) VALUES (?1, ?2)";
        self.execute("take a request counter", sql, params![seat.as_bytes(), same_bits(counter)])?;
        Ok(true)
    }

    fn touch_seat(&mut self, seat: SeatId, at: Instant) -> Result<(), StoreError> {
        let sql = "UPDATE seats SET last_seen_at = ?2 WHERE seat = ?1";
        self.execute("note when a seat was heard", sql, params![seat.as_bytes(), at.unix_ms()])?;
        Ok(())
    }

    // --- publications and settings ----------------------------------------------------------------------------------

    fn put_publication(&mut self, row: &PublicationRow) -> Result<(), StoreError> {
        let doing = "write a publication";
        let log_index = place(row.log_index);
        self.execute(doing, "DELETE FROM publication_files WHERE log_index = ?1", [log_index])?;
        self.execute(
            doing,
            "REPLACE INTO publications (log_index, lineage, revision) VALUES (?1, ?2, ?3)",
            params![log_index, row.lineage.as_str(), row.revision.as_bytes()],
        )?;
        for (position, file) in (0_i64..).zip(&row.files) {
            self.execute(
                doing,
                "INSERT INTO publication_files (log_index, position, name, sha256, size_bytes) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![log_index, position, file.name, file.sha256, same_bits(file.size_bytes)],
            )?;
        }
        Ok(())
    }

    fn put_blob(&mut self, sha256: [u8; 32], content: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO blobs (sha256, content) VALUES (?1, ?2) ON CONFLICT (sha256) DO NOTHING";
        self.execute("write content", sql, params![sha256, content])?;
        Ok(())
    }

    fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let sql = "REPLACE INTO settings (name, value) VALUES (?1, ?2)";
        self.execute("write a setting", sql, params![name, value])?;
        Ok(())
    }

    fn next_number(&mut self, counter: &str) -> Result<u64, StoreError> {
        self.execute(
            "count on",
            "INSERT INTO counters (name, value) VALUES (?1, 1) \
             ON CONFLICT (name) DO UPDATE SET value = value + 1",
            [counter],
        )?;
        self.count("counters", "SELECT value FROM counters WHERE name = ?1", [counter])
    }

    // --- what is derived from the log ---------------------------------------------------------------------------------

    fn set_merged_through(&mut self, index: u64) -> Result<(), StoreError> {
        let sql = "UPDATE progress SET merged_through = ?1";
        self.execute("note how far the log is merged", sql, [place(index)])?;
        Ok(())
    }

    fn put_record(&mut self, row: &RecordRow) -> Result<(), StoreError> {
        self.execute(
            "write a record",
            "INSERT INTO records (record, generation, lineage, area, revision, visit_at, visit_offset, status, \
             registration_number, updated_index, digest, heads, state) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT (record) DO UPDATE SET generation = excluded.generation, lineage = excluded.lineage, \
             area = excluded.area, revision = excluded.revision, visit_at = excluded.visit_at, \
             visit_offset = excluded.visit_offset, status = excluded.status, \
             registration_number = excluded.registration_number, updated_index = excluded.updated_index, \
             digest = excluded.digest, heads = excluded.heads, state = excluded.state",
            params![
                row.record.as_bytes(),
                row.generation,
                row.lineage.as_str(),
                row.area.as_str(),
                row.revision.as_bytes(),
                row.visit.at.unix_ms(),
                row.visit.utc_offset_minutes,
                row.status.as_str(),
                row.registration_number,
                place(row.updated_index),
                row.digest,
                heads_to_bytes(&row.heads),
                row.state,
            ],
        )?;
        self.execute(
            "move a record's items along",
            "UPDATE items SET area = ?2 WHERE record = ?1 AND area IS NOT ?2",
            params![row.record.as_bytes(), row.area.as_str()],
        )?;
        Ok(())
    }

    fn put_change(&mut self, origin: &ChangeOrigin) -> Result<(), StoreError> {
        let sql =
            format!("REPLACE INTO changes ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", codec::CHANGE_COLUMNS);
        self.execute(
            "write where a change came from",
            &sql,
            params![
                origin.change.as_bytes(),
                origin.record.as_bytes(),
                place(origin.log_index),
                origin.seat.as_bytes(),
                origin.visit.map(|visit| visit.at.unix_ms()),
                origin.visit.map(|visit| visit.utc_offset_minutes),
                origin.revision.as_bytes(),
            ],
        )?;
        Ok(())
    }

    fn put_decision(
        &mut self,
        record: RecordId,
        decision: &Decision,
        log_index: u64,
    ) -> Result<(), StoreError> {
        self.execute(
            "write a decision",
            "REPLACE INTO decisions (record, log_index, item, delta) VALUES (?1, ?2, ?3, ?4)",
            params![record.as_bytes(), place(log_index), decision.item.as_bytes(), decision.delta.as_bytes()],
        )?;
        Ok(())
    }

    fn put_outcome(&mut self, row: &OutcomeRow) -> Result<(), StoreError> {
        self.execute(
            "write what became of an entry",
            "REPLACE INTO outcomes (log_index, code, reason) VALUES (?1, ?2, ?3)",
            params![place(row.log_index), row.code.code(), row.reason.map(|reason| reason.code())],
        )?;
        Ok(())
    }

    fn hold(&mut self, log_index: u64, on: HeldOn) -> Result<(), StoreError> {
        let for_a_change = matches!(on, HeldOn::Change(_));
        self.execute(
            "hold an entry",
            "REPLACE INTO held (waits_for, log_index, record) \
             VALUES (?1, ?2, (SELECT record FROM log WHERE log_index = ?2 AND ?3))",
            params![waits_for(on), place(log_index), for_a_change],
        )?;
        Ok(())
    }

    fn release(&mut self, log_index: u64) -> Result<(), StoreError> {
        self.execute("release an entry", "DELETE FROM held WHERE log_index = ?1", [place(log_index)])?;
        Ok(())
    }

    fn put_item(&mut self, row: &ItemRow) -> Result<(), StoreError> {
        let (settled, settled_index) = codec::settlement_to_columns(row.settled);
        self.execute(
            "write a review item",
            "REPLACE INTO items (item, record, area, kind, subject, alternatives, opened_index, settled, \
             settled_index) \
             VALUES (?1, ?2, (SELECT area FROM records WHERE record = ?2), ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row.id.as_bytes(),
                row.record.as_bytes(),
                row.kind.as_str(),
                row.subject,
                alternatives_to_json(&row.alternatives),
                place(row.opened_index),
                settled,
                settled_index.map(place),
            ],
        )?;
        Ok(())
    }

    fn put_projection(&mut self, record: RecordId, projection: &Projection) -> Result<(), StoreError> {
        self.replace_projection(record, projection)
    }

    fn feed(&mut self, log_index: u64, audience: Audience) -> Result<u64, StoreError> {
        let feed_index = self.feed_len()? + 1;
        let (word, subject) = audience_to_columns(&audience);
        self.execute(
            "show an entry in the feed",
            "INSERT INTO feed (feed_index, log_index, audience, subject) VALUES (?1, ?2, ?3, ?4)",
            params![place(feed_index), place(log_index), word, subject],
        )?;
        Ok(feed_index)
    }

    fn clear_derived(&mut self) -> Result<(), StoreError> {
        self.clear_derived_rows()
    }
}
