//! Rows and their columns. Reading checks everything: a file may have been altered from outside.

use std::str::FromStr;

use record_model::{
    Alternative, AnswerPath, AreaCode, ChangeHash, Decision, DeltaHash, EpochId, FindingKind, FormRevision,
    Instant, ItemId, OutcomeCode, ReasonCode, RecordId, Role, SeatId, Value, Visit,
};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::de::DeserializeOwned;
use signed_delta::{Header, PublishedFile, Signature, SignedDelta};

use crate::error::StoreError;
use crate::rows::{
    Audience, ChangeOrigin, EpochRow, HeldOn, InvitationRow, ItemRow, LogEntry, OutcomeRow, PublicationRow,
    RecordRow, RecordStatus, SeatRow, Settlement,
};

/// The same 64 bits: for numbers that are compared for equality only, since a signer may choose any.
pub(super) const fn same_bits(number: u64) -> i64 {
    number.cast_signed()
}

/// For places in the log or the feed, which are compared by order: beyond the end is the end.
pub(super) fn place(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// For LIMIT.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The columns of one row, read from left to right.
pub(super) struct Columns<'r, 's> {
    table: &'static str,
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(super) fn new(table: &'static str, row: &'r Row<'s>) -> Self {
        Self { table, row, next: 0 }
    }

    pub(super) fn wrong(&self, column: &'static str) -> StoreError {
        StoreError::Row { table: self.table, column }
    }

    fn take(&mut self, column: &'static str) -> Result<ValueRef<'r>, StoreError> {
        let value = self.row.get_ref(self.next).map_err(|_| self.wrong(column))?;
        self.next += 1;
        Ok(value)
    }

    pub(super) fn integer(&mut self, column: &'static str) -> Result<i64, StoreError> {
        self.take(column)?.as_i64().map_err(|_| self.wrong(column))
    }

    pub(super) fn number(&mut self, column: &'static str) -> Result<u64, StoreError> {
        Ok(self.integer(column)?.cast_unsigned())
    }

    /// A smaller integer type.
    fn narrow<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.integer(column)?).map_err(|_| self.wrong(column))
    }

    pub(super) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        self.take(column)?.as_str().map_err(|_| self.wrong(column))
    }

    pub(super) fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        self.take(column)?.as_blob().map_err(|_| self.wrong(column))
    }

    pub(super) fn fixed<const N: usize>(&mut self, column: &'static str) -> Result<[u8; N], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.wrong(column))
    }

    pub(super) fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.optional(|columns| Ok(columns.text(column)?.to_owned()))
    }

    /// Passes over columns that belong to other kinds of rows.
    pub(super) fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.row.get_ref(self.next) {
            Ok(ValueRef::Null) => {
                self.next += 1;
                Ok(None)
            }
            _ => read(self).map(Some),
        }
    }

    /// Every column, whatever it holds.
    pub(super) fn each(&mut self, mut visit: impl FnMut(ValueRef<'r>)) -> Result<(), StoreError> {
        for _ in 0..self.row.as_ref().column_count() {
            visit(self.take("row")?);
        }
        Ok(())
    }

    pub(super) fn parsed<T: FromStr>(&mut self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.wrong(column))
    }

    fn word<T>(&mut self, column: &'static str, of: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        of(self.text(column)?).ok_or_else(|| self.wrong(column))
    }

    fn code<C: TryFrom<i64>, T>(
        &mut self,
        column: &'static str,
        of: impl Fn(C) -> Option<T>,
    ) -> Result<T, StoreError> {
        of(self.narrow(column)?).ok_or_else(|| self.wrong(column))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.wrong(column))
    }

    fn instant(&mut self, column: &'static str) -> Result<Instant, StoreError> {
        self.integer(column).map(Instant::from_unix_ms)
    }

    fn visit(&mut self) -> Result<Visit, StoreError> {
        Ok(Visit { at: self.instant("visit_at")?, utc_offset_minutes: self.narrow("visit_offset")? })
    }

    pub(super) fn record_id(&mut self, column: &'static str) -> Result<RecordId, StoreError> {
        self.fixed(column).map(RecordId::from_bytes)
    }

    fn seat_id(&mut self, column: &'static str) -> Result<SeatId, StoreError> {
        self.fixed(column).map(SeatId::from_bytes)
    }
}

pub(super) const LOG_COLUMNS: &str =
    "log_index, received_at, header, signature, body, kind, record, area, class";

/// The row's copies of header fields, which queries and the feed go by, must say what was signed.
fn check_copies(columns: &mut Columns<'_, '_>, header: &Header) -> Result<(), StoreError> {
    let fits = |same: bool, column| if same { Ok(()) } else { Err(StoreError::Row { table: "log", column }) };
    fits(columns.integer("kind")? == i64::from(header.kind.code()), "kind")?;
    let record = columns.optional(|columns| columns.record_id("record"))?;
    fits(record == header.about(), "record")?;
    let area = columns.optional_text("area")?;
    fits(area.as_deref() == header.area.as_ref().map(AreaCode::as_str), "area")?;
    fits(columns.integer("class")? == i64::from(header.class.code()), "class")
}

pub(super) fn log_entry(columns: &mut Columns<'_, '_>) -> Result<LogEntry, StoreError> {
    let index = columns.number("log_index")?;
    let received_at = columns.instant("received_at")?;
    let header = columns.bytes("header")?.to_vec();
    let signature = Signature::from_bytes(columns.fixed("signature")?);
    let body = columns.optional(|columns| Ok(columns.bytes("body")?.to_vec()))?;
    let delta = SignedDelta::from_parts(header, signature, body).map_err(|_| columns.wrong("header"))?;
    check_copies(columns, delta.header())?;
    Ok(LogEntry { index, received_at, delta })
}

/// One place of a chain, as (seat, epoch, seq).
pub(super) fn chain_place(columns: &mut Columns<'_, '_>) -> Result<(SeatId, EpochId, u64), StoreError> {
    Ok((columns.seat_id("seat")?, EpochId::from_bytes(columns.fixed("epoch")?), columns.number("seq")?))
}

pub(super) const EPOCH_COLUMNS: &str =
    "seat, epoch, through_seq, through_hash, frozen_by, decided_by, ordinal";

pub(super) fn epoch(columns: &mut Columns<'_, '_>) -> Result<EpochRow, StoreError> {
    Ok(EpochRow {
        seat: columns.seat_id("seat")?,
        epoch: EpochId::from_bytes(columns.fixed("epoch")?),
        through_seq: columns.number("through_seq")?,
        through_hash: DeltaHash::from_bytes(columns.fixed("through_hash")?),
        frozen_by: columns.optional(|columns| columns.number("frozen_by"))?,
        decided_by: columns.optional(|columns| columns.number("decided_by"))?,
        ordinal: columns.narrow("ordinal")?,
    })
}

pub(super) const SEAT_COLUMNS: &str =
    "seat, certificate_index, person, device, role, revocation_index, last_seen_at";

pub(super) fn seat(columns: &mut Columns<'_, '_>) -> Result<SeatRow, StoreError> {
    Ok(SeatRow {
        seat: columns.seat_id("seat")?,
        certificate_index: columns.number("certificate_index")?,
        person: columns.text("person")?.to_owned(),
        device: columns.text("device")?.to_owned(),
        role: columns.word("role", Role::from_word)?,
        revocation_index: columns.optional(|columns| columns.number("revocation_index"))?,
        last_seen_at: columns.optional(|columns| columns.instant("last_seen_at"))?,
    })
}

pub(super) const INVITATION_COLUMNS: &str =
    "code_key, person, role, areas, lineages, created_at, expires_at, used_by";

pub(super) fn invitation(columns: &mut Columns<'_, '_>) -> Result<InvitationRow, StoreError> {
    Ok(InvitationRow {
        code_key: columns.fixed("code_key")?,
        person: columns.text("person")?.to_owned(),
        role: columns.word("role", Role::from_word)?,
        areas: columns.json("areas")?,
        lineages: columns.json("lineages")?,
        created_at: columns.instant("created_at")?,
        expires_at: columns.instant("expires_at")?,
        used_by: columns.optional(|columns| columns.seat_id("used_by"))?,
    })
}

pub(super) const PUBLICATION_COLUMNS: &str = "log_index, lineage, revision";

/// The row without its files, which have a table of their own.
pub(super) fn publication(columns: &mut Columns<'_, '_>) -> Result<PublicationRow, StoreError> {
    Ok(PublicationRow {
        log_index: columns.number("log_index")?,
        lineage: columns.parsed("lineage")?,
        revision: FormRevision::from_bytes(columns.fixed("revision")?),
        files: Vec::new(),
    })
}

pub(super) const FILE_COLUMNS: &str = "name, sha256, size_bytes";

pub(super) fn published_file(columns: &mut Columns<'_, '_>) -> Result<PublishedFile, StoreError> {
    Ok(PublishedFile {
        name: columns.text("name")?.to_owned(),
        sha256: columns.fixed("sha256")?,
        size_bytes: columns.number("size_bytes")?,
    })
}

pub(super) const RECORD_COLUMNS: &str = "record, generation, lineage, area, revision, visit_at, visit_offset, \
     status, registration_number, state, heads, digest, updated_index";

pub(super) fn record(columns: &mut Columns<'_, '_>) -> Result<RecordRow, StoreError> {
    Ok(RecordRow {
        record: columns.record_id("record")?,
        generation: columns.narrow("generation")?,
        lineage: columns.parsed("lineage")?,
        area: columns.parsed("area")?,
        revision: FormRevision::from_bytes(columns.fixed("revision")?),
        visit: columns.visit()?,
        status: columns.word("status", RecordStatus::from_word)?,
        registration_number: columns.optional_text("registration_number")?,
        state: columns.bytes("state")?.to_vec(),
        heads: heads(columns)?,
        digest: columns.fixed("digest")?,
        updated_index: columns.number("updated_index")?,
    })
}

/// Heads stand one after the other, 32 bytes each.
pub(super) fn heads_to_bytes(heads: &[ChangeHash]) -> Vec<u8> {
    heads.iter().flat_map(|head| *head.as_bytes()).collect()
}

fn heads(columns: &mut Columns<'_, '_>) -> Result<Vec<ChangeHash>, StoreError> {
    let (heads, rest) = columns.bytes("heads")?.as_chunks::<32>();
    if rest.is_empty() {
        Ok(heads.iter().copied().map(ChangeHash::from_bytes).collect())
    } else {
        Err(columns.wrong("heads"))
    }
}

pub(super) const CHANGE_COLUMNS: &str = "change, record, log_index, seat, visit_at, visit_offset, revision";

pub(super) fn change_origin(columns: &mut Columns<'_, '_>) -> Result<ChangeOrigin, StoreError> {
    let change = ChangeHash::from_bytes(columns.fixed("change")?);
    let record = columns.record_id("record")?;
    let log_index = columns.number("log_index")?;
    let seat = columns.seat_id("seat")?;
    let at = columns.optional(|columns| columns.instant("visit_at"))?;
    let utc_offset_minutes = columns.optional(|columns| columns.narrow("visit_offset"))?;
    let visit = at.zip(utc_offset_minutes).map(|(at, utc_offset_minutes)| Visit { at, utc_offset_minutes });
    let revision = FormRevision::from_bytes(columns.fixed("revision")?);
    Ok(ChangeOrigin { change, record, log_index, seat, visit, revision })
}

pub(super) fn decision(columns: &mut Columns<'_, '_>) -> Result<Decision, StoreError> {
    Ok(Decision {
        item: ItemId::from_bytes(columns.fixed("item")?),
        delta: DeltaHash::from_bytes(columns.fixed("delta")?),
    })
}

pub(super) fn audience(columns: &mut Columns<'_, '_>) -> Result<Audience, StoreError> {
    match columns.text("audience")? {
        "everyone" => {
            let subject = columns.optional(|columns| columns.bytes("subject"))?;
            if subject.is_some() { Err(columns.wrong("subject")) } else { Ok(Audience::Everyone) }
        }
        "record" => columns.record_id("subject").map(Audience::Record),
        "seat" => columns.seat_id("subject").map(Audience::Seat),
        _ => Err(columns.wrong("audience")),
    }
}

pub(super) const OUTCOME_COLUMNS: &str = "log_index, code, reason";

pub(super) fn outcome(columns: &mut Columns<'_, '_>) -> Result<OutcomeRow, StoreError> {
    Ok(OutcomeRow {
        log_index: columns.number("log_index")?,
        code: columns.code("code", OutcomeCode::from_code)?,
        reason: columns.optional(|columns| columns.code("reason", ReasonCode::from_code))?,
    })
}

/// What a held entry waits for, as a key: a letter and parts of fixed length.
pub(super) fn waits_for(on: HeldOn) -> Vec<u8> {
    match on {
        HeldOn::Chain(seat, epoch, seq) => {
            [b"s", seat.as_bytes().as_slice(), epoch.as_bytes(), &seq.to_be_bytes()].concat()
        }
        HeldOn::Change(change) => [b"c", change.as_bytes().as_slice()].concat(),
    }
}

pub(super) const ITEM_COLUMNS: &str =
    "item, record, kind, subject, alternatives, opened_index, settled, settled_index";

pub(super) fn item(columns: &mut Columns<'_, '_>) -> Result<ItemRow, StoreError> {
    Ok(ItemRow {
        id: ItemId::from_bytes(columns.fixed("item")?),
        record: columns.record_id("record")?,
        kind: columns.word("kind", finding_kind)?,
        subject: columns.text("subject")?.to_owned(),
        alternatives: alternatives(columns)?,
        opened_index: columns.number("opened_index")?,
        settled: settlement(columns)?,
    })
}

fn finding_kind(word: &str) -> Option<FindingKind> {
    const ALL: [FindingKind; 3] =
        [FindingKind::Conflict, FindingKind::RemovedAndEdited, FindingKind::RuleBreak];
    ALL.into_iter().find(|kind| kind.as_str() == word)
}

type StoredAlternative = (AnswerPath, Value, Option<ChangeHash>);

/// `[["roof","tin","3f…"], …]`
pub(super) fn alternatives_to_json(alternatives: &[Alternative]) -> String {
    let rows: Vec<_> = alternatives.iter().map(|a| (&a.path, &a.value, &a.change)).collect();
    to_json(&rows)
}

fn alternatives(columns: &mut Columns<'_, '_>) -> Result<Vec<Alternative>, StoreError> {
    let rows: Vec<StoredAlternative> = columns.json("alternatives")?;
    Ok(rows.into_iter().map(|(path, value, change)| Alternative { path, value, change }).collect())
}

/// The columns settled and settled_index.
pub(super) const fn settlement_to_columns(
    settled: Option<Settlement>,
) -> (Option<&'static str>, Option<u64>) {
    match settled {
        None => (None, None),
        Some(Settlement::Decided(index)) => (Some("decided"), Some(index)),
        Some(Settlement::Superseded(index)) => (Some("superseded"), Some(index)),
    }
}

fn settlement(columns: &mut Columns<'_, '_>) -> Result<Option<Settlement>, StoreError> {
    let how = columns.optional(|columns| columns.text("settled"))?;
    let index = columns.optional(|columns| columns.number("settled_index"))?;
    match (how, index) {
        (None, None) => Ok(None),
        (Some("decided"), Some(index)) => Ok(Some(Settlement::Decided(index))),
        (Some("superseded"), Some(index)) => Ok(Some(Settlement::Superseded(index))),
        _ => Err(columns.wrong("settled")),
    }
}

/// For lists and maps of plain values, whose keys are texts.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("lists and maps of plain values always have a JSON form")
}
