//! What the world knows to have happened, kept apart from the system: who declared what, and which receipts arrived.

use std::collections::{BTreeMap, BTreeSet};

use record_model::{Answers, AreaCode, DeltaHash, RecordId, SeatId};

/// An interview that a person was told is finished.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) seat: SeatId,
    pub(crate) record: RecordId,
    pub(crate) delta: DeltaHash,
    /// What was answered in it.
    pub(crate) said: Answers,
}

/// The checker's own books.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) declared: Vec<Declared>,
    /// Deltas named by a receipt that reached the laptop which had sent them.
    pub(crate) acknowledged: BTreeSet<DeltaHash>,
    /// Where each record was begun.
    pub(crate) places: BTreeMap<RecordId, AreaCode>,
    /// Seats of which two stores wrote to one chain, perhaps.
    pub(crate) doubled: BTreeSet<SeatId>,
    /// Seats that were ended.
    pub(crate) revoked: BTreeSet<SeatId>,
    /// The server was put back from a backup.
    pub(crate) restored: bool,
    /// Seats of somebody who does not keep to the rules.
    pub(crate) rogues: BTreeSet<SeatId>,
    /// What went against the rules while the world still turned.
    pub(crate) breaches: Vec<Breach>,
}

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Breach {
    /// A call failed as it never should.
    Failed { what: String },
    /// Thirty rounds without faults, and there is still something to send or to take.
    NotQuiet { what: String },
    /// A laptop holds other records than the server has for its areas.
    NotConverged { laptop: String, what: String },
    /// A receipt said that the log has it.
    AcknowledgedMissing { delta: DeltaHash },
    /// A laptop counts as delivered what the log does not have.
    DeliveredMissing { laptop: String, delta: DeltaHash },
    /// A finished interview is neither on its laptop, where its disk still is, nor in the log.
    DeclaredLost { laptop: String, delta: DeltaHash },
    /// The log has the interview, and the record has not what was said in it.
    AnswerLost { record: RecordId, path: String },
    /// Work of a seat in good standing that the server did not merge.
    SetAside { delta: DeltaHash, why: String },
    /// A change in a record whose actor is not that of the seat which brought it.
    ForeignActor { record: RecordId },
    /// A laptop was shown a record of an area that it is not certified for.
    ShownElsewhere { laptop: String, record: RecordId },
    /// The two sides do not ask the same questions about a record.
    OtherDoubts { laptop: String, record: RecordId },
    /// Two deltas for one place of a chain, and no word of a fork.
    ForkMissed { seat: SeatId },
    /// After a fork or a restore a laptop cannot go on.
    Stuck { laptop: String },
    /// The log or the tables below it do not hold.
    Unproven { what: String },
}
