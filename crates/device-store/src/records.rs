//! Records, open visits, the journal, and which delta brought what.

use record_model::{
    AnswerPath, Answers, AreaCode, ChangeHash, Decision, DeltaHash, FormRevision, Hlc, Instant, ItemId,
    Lineage, RecordId, SeatId, Value, Visit,
};
use rusqlite::{Row, params};

use crate::chain::OwnDelta;
use crate::error::DeviceStoreError;
use crate::row::{Columns, bad, path_and_value};
use crate::store::Tx;

/// Where a record is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// Nobody has said yet that the interview is finished.
    Draft,
    /// Somebody has.
    Finalised,
    /// Withdrawn, with a reason.
    Withdrawn,
}

impl RecordStatus {
    /// The stable word in JSON, logs and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Finalised => "finalised",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Draft, Self::Finalised, Self::Withdrawn].into_iter().find(|status| status.as_str() == word)
    }
}

/// A record as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// Its id.
    pub record: RecordId,
    /// Which generation of its history.
    pub generation: u32,
    /// Which form it is one of.
    pub lineage: Lineage,
    /// Where it was when last written to; none as long as no delta says.
    pub area: Option<AreaCode>,
    /// The saved document; none before its first change.
    pub state: Option<Vec<u8>>,
    /// Where it is in its life.
    pub status: RecordStatus,
    /// Its registration number, once it has one.
    pub number: Option<String>,
    /// What lists and searches show.
    pub title: String,
    /// Findings that no decision has settled, when last counted.
    pub open_items: u32,
    /// When it came to this laptop.
    pub created_at: Instant,
    /// When it last changed here.
    pub updated_at: Instant,
}

/// Neither the title nor the document: they are answers.
impl std::fmt::Debug for RecordRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordRow")
            .field("record", &self.record)
            .field("generation", &self.generation)
            .field("lineage", &self.lineage)
            .field("area", &self.area)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A person's open visit to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draft {
    /// The form revision it is asked under.
    pub revision: FormRevision,
    /// When, as the person confirmed it.
    pub visit: Visit,
    /// By this laptop's clock.
    pub opened_at: Instant,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Where.
    pub path: AnswerPath,
    /// What.
    pub value: Value,
    /// When, by this laptop's clock.
    pub at: Instant,
}

/// Which signed delta brought a change, and under which form and visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRow {
    /// The change.
    pub change: ChangeHash,
    /// Which record.
    pub record: RecordId,
    /// Who wrote it.
    pub seat: SeatId,
    /// The delta that brought it.
    pub delta: DeltaHash,
    /// That delta's claim about time.
    pub hlc: Hlc,
    /// The form revision it was made under.
    pub revision: FormRevision,
    /// The visit; none for what a decision wrote.
    pub visit: Option<Visit>,
}

/// Which word a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// The interview is finished.
    Finalise,
    /// The record is withdrawn.
    Withdraw,
}

/// A signed word about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRow {
    /// The delta that brought it.
    pub delta: DeltaHash,
    /// Which record.
    pub record: RecordId,
    /// Who said so.
    pub seat: SeatId,
    /// What.
    pub kind: StatementKind,
    /// The delta's claim about time.
    pub hlc: Hlc,
    /// Under which form revision, for a finalise.
    pub revision: Option<FormRevision>,
    /// Of which visit, for a finalise.
    pub visit: Option<Visit>,
}

/// One signed delta about a record and all that goes with it: written in one transaction or not at all.
#[derive(Clone, Copy)]
pub struct Cut<'a> {
    /// The delta.
    pub delta: OwnDelta<'a>,
    /// The record as it is with it.
    pub record: &'a RecordRow,
    /// The change it brings, if it brings one.
    pub change: Option<ChangeRow>,
    /// The statement it makes, if it makes one.
    pub statement: Option<StatementRow>,
    /// True when it ends the person's visit.
    pub ends_visit: bool,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Of this form only.
    pub lineage: Option<Lineage>,
    /// In one of these areas only.
    pub areas: Option<Vec<AreaCode>>,
    /// In this state only.
    pub status: Option<RecordStatus>,
    /// Whose title or number contains this text, whatever the capitals.
    pub search: Option<String>,
    /// At most so many, the latest changed first.
    pub limit: Option<usize>,
}

const RECORD: &str = "SELECT records.record, generation, lineage, area, state, status, number, title, open_items, \
                      created_at, updated_at FROM records LEFT JOIN states ON states.record = records.record";
const RECORD_WITHOUT_STATE: &str = "SELECT record, generation, lineage, area, NULL, status, number, title, \
                                    open_items, created_at, updated_at FROM records";

fn record_row(row: &Row<'_>) -> rusqlite::Result<RecordRow> {
    Ok(RecordRow {
        record: row.id(0)?,
        generation: row.get(1)?,
        lineage: row.parsed(2)?,
        area: row.maybe_parsed(3)?,
        state: row.get(4)?,
        status: RecordStatus::from_word(row.get_ref(5)?.as_str()?).ok_or_else(|| bad(5))?,
        number: row.get(6)?,
        title: row.get(7)?,
        open_items: row.get(8)?,
        created_at: row.instant(9)?,
        updated_at: row.instant(10)?,
    })
}

fn change_row(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow {
        change: row.id(0)?,
        record: row.id(1)?,
        seat: row.id(2)?,
        delta: row.id(3)?,
        hlc: row.hlc(4)?,
        revision: row.id(5)?,
        visit: row.visit(6)?,
    })
}

const CHANGE: &str = "SELECT change, record, seat, delta, hlc, revision, visit_at, visit_offset FROM changes";

impl Tx<'_> {
    /// One record with its document.
    pub fn record(&self, record: RecordId) -> Result<Option<RecordRow>, DeviceStoreError> {
        self.one(
            "read the record",
            &format!("{RECORD} WHERE records.record = ?1"),
            [record.as_bytes()],
            record_row,
        )
    }

    /// Writes a record, new or known. A row without a document leaves the one that is there.
    pub fn put_record(&self, row: &RecordRow) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the record",
            "INSERT INTO records (record, generation, lineage, area, status, number, title, open_items, created_at,
               updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (record) DO UPDATE SET generation = excluded.generation, lineage = excluded.lineage,
               area = excluded.area, status = excluded.status, number = excluded.number, title = excluded.title,
               open_items = excluded.open_items, updated_at = excluded.updated_at",
            params![
                row.record.as_bytes(),
                row.generation,
                row.lineage.as_str(),
                row.area.as_ref().map(AreaCode::as_str),
                row.status.as_str(),
                row.number,
                row.title,
                row.open_items,
                row.created_at.unix_ms(),
                row.updated_at.unix_ms()
            ],
        )?;
        if let Some(state) = &row.state {
            self.execute(
                "write the record's document",
                "INSERT INTO states (record, state) VALUES (?1, ?2)
                 ON CONFLICT (record) DO UPDATE SET state = excluded.state",
                params![row.record.as_bytes(), state],
            )?;
        }
        Ok(())
    }

    /// Records, the latest changed first, without their documents.
    pub fn records(&self, filter: &RecordFilter) -> Result<Vec<RecordRow>, DeviceStoreError> {
        let areas = filter
            .areas
            .as_ref()
            .map(|areas| serde_json::to_string(areas).expect("area codes are always JSON"));
        let search = filter.search.as_ref().map(|text| text.trim().to_lowercase()).filter(|t| !t.is_empty());
        self.all(
            "list the records",
            &format!(
                "{RECORD_WITHOUT_STATE}
                 WHERE (?1 IS NULL OR lineage = ?1)
                   AND (?2 IS NULL OR area IN (SELECT value FROM json_each(?2)))
                   AND (?3 IS NULL OR status = ?3)
                   AND (?4 IS NULL OR instr(lower(title), ?4) OR instr(lower(number), ?4))
                 ORDER BY updated_at DESC, record LIMIT ?5"
            ),
            params![
                filter.lineage.as_ref().map(Lineage::as_str),
                areas,
                filter.status.map(RecordStatus::as_str),
                search,
                filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1))
            ],
            record_row,
        )
    }

    /// Visits every record with its document, one at a time, in order of id.
    pub fn each_record<E: From<DeviceStoreError>>(
        &self,
        mut visit: impl FnMut(RecordRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after: Option<RecordId> = None;
        loop {
            let page = self.all(
                "read the records",
                &format!(
                    "{RECORD} WHERE ?1 IS NULL OR records.record > ?1 ORDER BY records.record LIMIT 200"
                ),
                [after.map(|record| record.as_bytes().to_vec())],
                record_row,
            )?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.record);
            for row in page {
                visit(row)?;
            }
        }
    }

    /// A person's open visit to a record.
    pub fn draft(&self, record: RecordId, seat: SeatId) -> Result<Option<Draft>, DeviceStoreError> {
        self.one(
            "read the visit",
            "SELECT revision, visit_at, visit_offset, opened_at FROM drafts WHERE record = ?1 AND seat = ?2",
            [record.as_bytes().as_slice(), seat.as_bytes()],
            |row| {
                let visit = row.visit(1)?.ok_or_else(|| bad(1))?;
                Ok(Draft { revision: row.id(0)?, visit, opened_at: row.instant(3)? })
            },
        )
    }

    /// Opens a visit, or says otherwise when it was.
    pub fn put_draft(&self, record: RecordId, seat: SeatId, draft: &Draft) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the visit",
            "INSERT INTO drafts (record, seat, revision, visit_at, visit_offset, opened_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (record, seat) DO UPDATE SET revision = excluded.revision,
               visit_at = excluded.visit_at, visit_offset = excluded.visit_offset",
            params![
                record.as_bytes(),
                seat.as_bytes(),
                draft.revision.as_bytes(),
                draft.visit.at.unix_ms(),
                draft.visit.utc_offset_minutes,
                draft.opened_at.unix_ms()
            ],
        )?;
        Ok(())
    }

    /// Writes answers as they are given; a later answer to the same question takes the place of an earlier.
    pub fn journal(
        &self,
        record: RecordId,
        seat: SeatId,
        answers: &Answers,
        at: Instant,
    ) -> Result<(), DeviceStoreError> {
        for (path, value) in answers {
            self.execute(
                "write the answer",
                "INSERT INTO journal (record, seat, path, value, at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (record, seat, path) DO UPDATE SET value = excluded.value, at = excluded.at",
                params![
                    record.as_bytes(),
                    seat.as_bytes(),
                    path.as_str(),
                    value.canonical_bytes(),
                    at.unix_ms()
                ],
            )?;
        }
        Ok(())
    }

    /// A person's answers to a record that no delta holds yet.
    pub fn journalled(&self, record: RecordId, seat: SeatId) -> Result<Answers, DeviceStoreError> {
        let rows = self.all(
            "read the journal",
            "SELECT path, value FROM journal WHERE record = ?1 AND seat = ?2",
            [record.as_bytes().as_slice(), seat.as_bytes()],
            path_and_value,
        )?;
        Ok(rows.into_iter().collect())
    }

    /// Takes answers out of the journal that were never cut: a person undoes what they just typed.
    pub fn forget_journalled(
        &self,
        record: RecordId,
        seat: SeatId,
        path: &AnswerPath,
    ) -> Result<(), DeviceStoreError> {
        self.execute(
            "undo the answer",
            "DELETE FROM journal WHERE record = ?1 AND seat = ?2 AND path = ?3",
            params![record.as_bytes(), seat.as_bytes(), path.as_str()],
        )?;
        Ok(())
    }

    /// The records to which this person gave answers that no delta holds yet, with how many.
    pub fn journalled_records(&self, seat: SeatId) -> Result<Vec<(RecordId, u64)>, DeviceStoreError> {
        self.all(
            "read the journal",
            "SELECT record, count(*) FROM journal WHERE seat = ?1 GROUP BY record ORDER BY min(at), record",
            [seat.as_bytes()],
            |row| Ok((row.id(0)?, row.u64(1)?)),
        )
    }

    /// How many answers of all people no delta holds yet, and when the oldest was given.
    pub fn journal_size(&self) -> Result<(u64, Option<Instant>), DeviceStoreError> {
        let size = self.one("read the journal", "SELECT count(*), min(at) FROM journal", [], |row| {
            Ok((row.u64(0)?, row.maybe_instant(1)?))
        })?;
        Ok(size.unwrap_or_default())
    }

    /// Writes a signed delta about a record and all that goes with it: the chain's end, the record, who wrote the
    /// change. What the delta holds leaves the journal here and nowhere else.
    pub fn cut(&self, cut: &Cut<'_>) -> Result<(), DeviceStoreError> {
        let (record, seat) = (cut.record.record, cut.delta.signed.header().seat);
        self.append(cut.delta)?;
        self.put_record(cut.record)?;
        if let Some(change) = &cut.change {
            self.put_change(change)?;
        }
        if let Some(statement) = &cut.statement {
            self.put_statement(statement)?;
        }
        let of_both = [record.as_bytes().as_slice(), seat.as_bytes()];
        self.execute("empty the journal", "DELETE FROM journal WHERE record = ?1 AND seat = ?2", of_both)?;
        if cut.ends_visit {
            self.execute("end the visit", "DELETE FROM drafts WHERE record = ?1 AND seat = ?2", of_both)?;
            self.execute("end the visit", "DELETE FROM positions WHERE record = ?1 AND seat = ?2", of_both)?;
        }
        Ok(())
    }

    /// Which delta brought a change. Known already: nothing happens.
    pub fn put_change(&self, row: &ChangeRow) -> Result<(), DeviceStoreError> {
        self.execute(
            "index the change",
            "INSERT INTO changes (change, record, seat, delta, hlc, revision, visit_at, visit_offset)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                row.change.as_bytes(),
                row.record.as_bytes(),
                row.seat.as_bytes(),
                row.delta.as_bytes(),
                row.hlc.0 as i64,
                row.revision.as_bytes(),
                row.visit.map(|visit| visit.at.unix_ms()),
                row.visit.map(|visit| visit.utc_offset_minutes)
            ],
        )?;
        Ok(())
    }

    /// Who wrote a change.
    pub fn change(&self, change: ChangeHash) -> Result<Option<ChangeRow>, DeviceStoreError> {
        self.one("read the change", &format!("{CHANGE} WHERE change = ?1"), [change.as_bytes()], change_row)
    }

    /// All changes of a record.
    pub fn changes(&self, record: RecordId) -> Result<Vec<ChangeRow>, DeviceStoreError> {
        self.all("read the changes", &format!("{CHANGE} WHERE record = ?1"), [record.as_bytes()], change_row)
    }

    /// The records with a change made under this form revision, by id.
    pub fn records_under(&self, revision: FormRevision) -> Result<Vec<RecordId>, DeviceStoreError> {
        self.all(
            "find the records of a form revision",
            "SELECT DISTINCT record FROM changes WHERE revision = ?1 ORDER BY record",
            [revision.as_bytes()],
            |row| row.id(0),
        )
    }

    /// A signed word about a record. Known already: nothing happens.
    pub fn put_statement(&self, row: &StatementRow) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the statement",
            "INSERT INTO statements (delta, record, seat, kind, hlc, revision, visit_at, visit_offset)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                row.delta.as_bytes(),
                row.record.as_bytes(),
                row.seat.as_bytes(),
                match row.kind {
                    StatementKind::Finalise => "finalise",
                    StatementKind::Withdraw => "withdraw",
                },
                row.hlc.0 as i64,
                row.revision.map(|revision| revision.as_bytes().to_vec()),
                row.visit.map(|visit| visit.at.unix_ms()),
                row.visit.map(|visit| visit.utc_offset_minutes)
            ],
        )?;
        Ok(())
    }

    /// All signed words about a record.
    pub fn statements(&self, record: RecordId) -> Result<Vec<StatementRow>, DeviceStoreError> {
        self.all(
            "read the statements",
            "SELECT delta, record, seat, kind, hlc, revision, visit_at, visit_offset FROM statements
             WHERE record = ?1",
            [record.as_bytes()],
            |row| {
                Ok(StatementRow {
                    delta: row.id(0)?,
                    record: row.id(1)?,
                    seat: row.id(2)?,
                    kind: match row.get_ref(3)?.as_str()? {
                        "finalise" => StatementKind::Finalise,
                        _ => StatementKind::Withdraw,
                    },
                    hlc: row.hlc(4)?,
                    revision: row.maybe_id(5)?,
                    visit: row.visit(6)?,
                })
            },
        )
    }

    /// A supervisor's decision about a record. Known already: nothing happens.
    pub fn put_decision(&self, record: RecordId, decision: &Decision) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the decision",
            "INSERT INTO decisions (delta, record, item) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![decision.delta.as_bytes(), record.as_bytes(), decision.item.as_bytes()],
        )?;
        Ok(())
    }

    /// The decisions about a record.
    pub fn decisions(&self, record: RecordId) -> Result<Vec<Decision>, DeviceStoreError> {
        self.all(
            "read the decisions",
            "SELECT item, delta FROM decisions WHERE record = ?1 ORDER BY item, delta",
            [record.as_bytes()],
            |row| Ok(Decision { item: row.id::<ItemId>(0)?, delta: row.id(1)? }),
        )
    }

    /// How many records there are, and how many have open items.
    pub fn record_counts(&self) -> Result<(u64, u64), DeviceStoreError> {
        let counts = self.one(
            "count the records",
            "SELECT count(*), coalesce(sum(open_items > 0), 0) FROM records",
            [],
            |row| Ok((row.u64(0)?, row.u64(1)?)),
        )?;
        Ok(counts.unwrap_or_default())
    }

    /// Where this person left the interview.
    pub fn position(&self, record: RecordId, seat: SeatId) -> Result<Option<String>, DeviceStoreError> {
        self.one(
            "read the position",
            "SELECT position FROM positions WHERE record = ?1 AND seat = ?2",
            [record.as_bytes().as_slice(), seat.as_bytes()],
            |row| row.get(0),
        )
    }

    /// Remembers it.
    pub fn set_position(
        &self,
        record: RecordId,
        seat: SeatId,
        position: &str,
    ) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the position",
            "INSERT INTO positions (record, seat, position) VALUES (?1, ?2, ?3)
             ON CONFLICT (record, seat) DO UPDATE SET position = excluded.position",
            params![record.as_bytes(), seat.as_bytes(), position],
        )?;
        Ok(())
    }
}
