//! What can be read.

use record_model::{
    AreaCode, ChangeHash, Decision, DeltaHash, EpochId, FormRevision, ItemId, RecordId, SeatId,
};
use rusqlite::types::Value as SqlValue;
use rusqlite::{params, params_from_iter};

use super::codec::{self, at_most, place, same_bits, to_json, waits_for};
use super::tx::SqliteTx;
use crate::contract::ReadTx;
use crate::error::StoreError;
use crate::rows::{
    ChangeOrigin, EpochRow, FeedEntry, FeedFilter, FeedRow, HeldOn, InvitationRow, ItemFilter, ItemRow,
    LogEntry, OutcomeRow, Projection, PublicationRow, RecordFilter, RecordRow, SeatRow,
};

impl ReadTx for SqliteTx<'_> {
    // --- the log -------------------------------------------------------------------------------------------------

    fn log_len(&self) -> Result<u64, StoreError> {
        self.count("log", "SELECT ifnull(max(log_index), 0) FROM log", [])
    }

    fn log_entry(&self, index: u64) -> Result<Option<LogEntry>, StoreError> {
        let sql = format!("SELECT {} FROM log WHERE log_index = ?1", codec::LOG_COLUMNS);
        self.one("log", &sql, [place(index)], codec::log_entry)
    }

    fn log_after(&self, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let sql = format!(
            "SELECT {} FROM log WHERE log_index > ?1 ORDER BY log_index LIMIT ?2",
            codec::LOG_COLUMNS
        );
        self.list("log", &sql, [place(after), at_most(limit)], codec::log_entry)
    }

    fn leaves_after(&self, after: u64) -> Result<Vec<[u8; 32]>, StoreError> {
        // The narrow index, never the entries: this runs over the whole log at every start.
        let sql = "SELECT leaf FROM log INDEXED BY log_leaves WHERE log_index > ?1 ORDER BY log_index";
        self.list("log", sql, [place(after)], |columns| columns.fixed("leaf"))
    }

    fn log_of_record(&self, record: RecordId) -> Result<Vec<LogEntry>, StoreError> {
        let sql = format!("SELECT {} FROM log WHERE record = ?1 ORDER BY log_index", codec::LOG_COLUMNS);
        self.list("log", &sql, [record.as_bytes()], codec::log_entry)
    }

    fn chain_at(&self, seat: SeatId, epoch: EpochId, seq: u64) -> Result<Vec<(u64, DeltaHash)>, StoreError> {
        let sql = "SELECT log_index, delta_hash FROM log WHERE seat = ?1 AND epoch = ?2 AND seq = ?3 \
                   ORDER BY log_index";
        let params = params![seat.as_bytes(), epoch.as_bytes(), same_bits(seq)];
        self.list("log", sql, params, |columns| {
            Ok((columns.number("log_index")?, DeltaHash::from_bytes(columns.fixed("delta_hash")?)))
        })
    }

    fn chain_of(&self, seat: SeatId, epoch: EpochId) -> Result<Vec<(u64, u64)>, StoreError> {
        let sql = "SELECT seq, log_index FROM log WHERE seat = ?1 AND epoch = ?2";
        let mut chain = self.list("log", sql, params![seat.as_bytes(), epoch.as_bytes()], |columns| {
            Ok((columns.number("seq")?, columns.number("log_index")?))
        })?;
        // Not by SQLite, to which a place above 2^63 is below zero.
        chain.sort_unstable();
        Ok(chain)
    }

    fn epoch(&self, seat: SeatId, epoch: EpochId) -> Result<Option<EpochRow>, StoreError> {
        let sql = format!("SELECT {} FROM epochs WHERE seat = ?1 AND epoch = ?2", codec::EPOCH_COLUMNS);
        self.one("epochs", &sql, params![seat.as_bytes(), epoch.as_bytes()], codec::epoch)
    }

    fn epochs_of(&self, seat: SeatId) -> Result<Vec<EpochRow>, StoreError> {
        let sql = format!("SELECT {} FROM epochs WHERE seat = ?1 ORDER BY ordinal", codec::EPOCH_COLUMNS);
        self.list("epochs", &sql, [seat.as_bytes()], codec::epoch)
    }

    // --- seats and enrolment -------------------------------------------------------------------------------------

    fn seat(&self, seat: SeatId) -> Result<Option<SeatRow>, StoreError> {
        let sql = format!("SELECT {} FROM seats WHERE seat = ?1", codec::SEAT_COLUMNS);
        self.one("seats", &sql, [seat.as_bytes()], codec::seat)
    }

    fn seats(&self) -> Result<Vec<SeatRow>, StoreError> {
        let sql = format!("SELECT {} FROM seats ORDER BY certificate_index, seat", codec::SEAT_COLUMNS);
        self.list("seats", &sql, [], codec::seat)
    }

    fn invitation(&self, code_key: [u8; 32]) -> Result<Option<InvitationRow>, StoreError> {
        let sql = format!("SELECT {} FROM invitations WHERE code_key = ?1", codec::INVITATION_COLUMNS);
        self.one("invitations", &sql, [&code_key], codec::invitation)
    }

    fn invitations(&self) -> Result<Vec<InvitationRow>, StoreError> {
        let sql =
            format!("SELECT {} FROM invitations ORDER BY created_at, code_key", codec::INVITATION_COLUMNS);
        self.list("invitations", &sql, [], codec::invitation)
    }

    fn request_counter(&self, seat: SeatId) -> Result<u64, StoreError> {
        let sql = "SELECT counter FROM request_counters WHERE seat = ?1";
        self.count("request_counters", sql, [seat.as_bytes()])
    }

    // --- publications and settings ----------------------------------------------------------------------------------

    fn publications(&self) -> Result<Vec<PublicationRow>, StoreError> {
        let sql = format!("SELECT {} FROM publications ORDER BY log_index", codec::PUBLICATION_COLUMNS);
        let rows = self.list("publications", &sql, [], codec::publication)?;
        rows.into_iter().map(|row| self.with_files(row)).collect()
    }

    fn publication(&self, revision: FormRevision) -> Result<Option<PublicationRow>, StoreError> {
        let sql = format!(
            "SELECT {} FROM publications WHERE revision = ?1 ORDER BY log_index DESC",
            codec::PUBLICATION_COLUMNS
        );
        let row = self.one("publications", &sql, [revision.as_bytes()], codec::publication)?;
        row.map(|row| self.with_files(row)).transpose()
    }

    fn blob(&self, sha256: [u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT content FROM blobs WHERE sha256 = ?1";
        self.one("blobs", sql, [&sha256], |columns| Ok(columns.bytes("content")?.to_vec()))
    }

    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM settings WHERE name = ?1";
        self.one("settings", sql, [name], |columns| Ok(columns.bytes("value")?.to_vec()))
    }

    // --- what is derived from the log ---------------------------------------------------------------------------------

    fn merged_through(&self) -> Result<u64, StoreError> {
        self.count("progress", "SELECT merged_through FROM progress", [])
    }

    fn record(&self, record: RecordId) -> Result<Option<RecordRow>, StoreError> {
        let sql = format!("SELECT {} FROM records WHERE record = ?1", codec::RECORD_COLUMNS);
        self.one("records", &sql, [record.as_bytes()], codec::record)
    }

    fn records(&self, filter: &RecordFilter, limit: usize) -> Result<Vec<RecordRow>, StoreError> {
        // The ids first: sorting must not carry documents along.
        let mut named = Condition::of_records(filter);
        let sql = format!("SELECT record FROM records{} ORDER BY record LIMIT ?", named.sql);
        named.values.push(SqlValue::Integer(at_most(limit)));
        let ids = self
            .list("records", &sql, params_from_iter(named.values), |columns| columns.record_id("record"))?;
        ids.into_iter().filter_map(|id| self.record(id).transpose()).collect()
    }

    fn digests(&self, filter: &RecordFilter) -> Result<Vec<(RecordId, [u8; 32])>, StoreError> {
        let named = Condition::of_records(filter);
        let sql = format!(
            "SELECT record, digest FROM records INDEXED BY records_by_place{} ORDER BY record",
            named.sql
        );
        self.list("records", &sql, params_from_iter(named.values), |columns| {
            Ok((columns.record_id("record")?, columns.fixed("digest")?))
        })
    }

    fn record_by_number(&self, number: &str) -> Result<Option<RecordId>, StoreError> {
        let sql = "SELECT record FROM records WHERE registration_number = ?1 ORDER BY record";
        self.one("records", sql, [number], |columns| columns.record_id("record"))
    }

    fn change_origin(&self, change: ChangeHash) -> Result<Option<ChangeOrigin>, StoreError> {
        let sql = format!("SELECT {} FROM changes WHERE change = ?1", codec::CHANGE_COLUMNS);
        self.one("changes", &sql, [change.as_bytes()], codec::change_origin)
    }

    fn changes_of(&self, record: RecordId) -> Result<Vec<ChangeOrigin>, StoreError> {
        let sql = format!(
            "SELECT {} FROM changes WHERE record = ?1 ORDER BY log_index, change",
            codec::CHANGE_COLUMNS
        );
        self.list("changes", &sql, [record.as_bytes()], codec::change_origin)
    }

    fn decisions(&self, record: RecordId) -> Result<Vec<Decision>, StoreError> {
        let sql = "SELECT item, delta FROM decisions WHERE record = ?1 ORDER BY log_index, item";
        self.list("decisions", sql, [record.as_bytes()], codec::decision)
    }

    fn outcome(&self, log_index: u64) -> Result<Option<OutcomeRow>, StoreError> {
        let sql = format!("SELECT {} FROM outcomes WHERE log_index = ?1", codec::OUTCOME_COLUMNS);
        self.one("outcomes", &sql, [place(log_index)], codec::outcome)
    }

    fn outcomes_after(&self, after: u64, limit: usize) -> Result<Vec<OutcomeRow>, StoreError> {
        let sql = format!(
            "SELECT {} FROM outcomes WHERE log_index > ?1 ORDER BY log_index LIMIT ?2",
            codec::OUTCOME_COLUMNS
        );
        self.list("outcomes", &sql, [place(after), at_most(limit)], codec::outcome)
    }

    fn set_aside(&self, limit: usize) -> Result<Vec<OutcomeRow>, StoreError> {
        let sql = format!(
            "SELECT {} FROM outcomes WHERE code <> 1 ORDER BY log_index LIMIT ?1",
            codec::OUTCOME_COLUMNS
        );
        self.list("outcomes", &sql, [at_most(limit)], codec::outcome)
    }

    fn held_on(&self, on: HeldOn) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT log_index FROM held WHERE waits_for = ?1 ORDER BY log_index";
        self.list("held", sql, [waits_for(on)], |columns| columns.number("log_index"))
    }

    fn held_of_record(&self, record: RecordId) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT DISTINCT log_index FROM held WHERE record = ?1 ORDER BY log_index";
        self.list("held", sql, [record.as_bytes()], |columns| columns.number("log_index"))
    }

    fn item(&self, item: ItemId) -> Result<Option<ItemRow>, StoreError> {
        let sql = format!("SELECT {} FROM items WHERE item = ?1", codec::ITEM_COLUMNS);
        self.one("items", &sql, [item.as_bytes()], codec::item)
    }

    fn items(&self, filter: &ItemFilter, limit: usize) -> Result<Vec<ItemRow>, StoreError> {
        let mut named = Condition::of_items(filter);
        let sql = format!(
            "SELECT {} FROM items{} ORDER BY opened_index, item LIMIT ?",
            codec::ITEM_COLUMNS,
            named.sql
        );
        named.values.push(SqlValue::Integer(at_most(limit)));
        self.list("items", &sql, params_from_iter(named.values), codec::item)
    }

    fn count_items(&self, filter: &ItemFilter) -> Result<u64, StoreError> {
        let named = Condition::of_items(filter);
        let sql = format!("SELECT count(*) FROM items{}", named.sql);
        self.count("items", &sql, params_from_iter(named.values))
    }

    fn projection(&self, record: RecordId) -> Result<Projection, StoreError> {
        self.read_projection(record)
    }

    fn registry_size(&self) -> Result<(u64, u64), StoreError> {
        let size = self.one("progress", "SELECT households, persons FROM progress", [], |columns| {
            Ok((columns.number("households")?, columns.number("persons")?))
        })?;
        Ok(size.unwrap_or_default())
    }

    fn feed_after(
        &self,
        cursor: u64,
        filter: &FeedFilter,
        limit: usize,
    ) -> Result<(Vec<FeedEntry>, u64), StoreError> {
        self.look_through_feed(cursor, filter, limit)
    }

    fn feed_len(&self) -> Result<u64, StoreError> {
        self.count_feed()
    }

    fn feed_rows_after(&self, after: u64, limit: usize) -> Result<Vec<FeedRow>, StoreError> {
        self.read_feed_rows(after, limit)
    }

    fn visit_derived(&self, part: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        self.visit_derived_rows(part)
    }
}

impl SqliteTx<'_> {
    fn with_files(&self, row: PublicationRow) -> Result<PublicationRow, StoreError> {
        let sql = format!(
            "SELECT {} FROM publication_files WHERE log_index = ?1 ORDER BY position",
            codec::FILE_COLUMNS
        );
        let files = self.list("publication_files", &sql, [place(row.log_index)], codec::published_file)?;
        Ok(PublicationRow { files, ..row })
    }
}

/// A WHERE clause and its values.
#[derive(Default)]
struct Condition {
    sql: String,
    values: Vec<SqlValue>,
}

impl Condition {
    fn of_records(filter: &RecordFilter) -> Self {
        let mut named = Self::default();
        if let Some(lineage) = &filter.lineage {
            named.and("lineage = ?", [SqlValue::Text(lineage.to_string())]);
        }
        named.in_areas(filter.areas.as_deref());
        if let Some(after) = filter.after {
            named.and("record > ?", [SqlValue::Blob(after.as_bytes().to_vec())]);
        }
        named
    }

    fn of_items(filter: &ItemFilter) -> Self {
        let mut named = Self::default();
        if filter.open_only {
            named.and("settled IS NULL", []);
        }
        if let Some(record) = filter.record {
            named.and("record = ?", [SqlValue::Blob(record.as_bytes().to_vec())]);
        }
        if let Some(kind) = filter.kind {
            named.and("kind = ?", [SqlValue::Text(kind.as_str().to_owned())]);
        }
        named.in_areas(filter.areas.as_deref());
        if let Some((opened_index, item)) = filter.after {
            let place = [SqlValue::Integer(place(opened_index)), SqlValue::Blob(item.as_bytes().to_vec())];
            named.and("(opened_index, item) > (?, ?)", place);
        }
        named
    }

    fn in_areas(&mut self, areas: Option<&[AreaCode]>) {
        if let Some(areas) = areas {
            self.and("area IN (SELECT value FROM json_each(?))", [SqlValue::Text(to_json(areas))]);
        }
    }

    fn and<const N: usize>(&mut self, clause: &'static str, values: [SqlValue; N]) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(clause);
        self.values.extend(values);
    }
}
