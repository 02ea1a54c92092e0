//! What a delta says. A body travels beside its header, is bound to it by a commitment, and begins with 16 random bytes,
//! so that it can be erased by law and cannot be guessed.

use record_model::{
    ChangeHash, DeltaHash, DeltaKind, EpochId, FormRevision, Instant, ItemId, Lineage, LogId, OutcomeCode,
    ReasonCode, SeatId, Visit,
};

use crate::cbor::{self, Canonical, CborError, Reader, Writer};
use crate::certificate::SeatCertificate;

/// No body of any kind is longer.
pub const MAX_BODY_BYTES: usize = 272 * 1024;

/// The limit for one kind: a change holds one Automerge change of at most 256 KiB; the rest is small.
pub const fn max_body_bytes(kind: DeltaKind) -> usize {
    match kind {
        DeltaKind::Change | DeltaKind::Decision | DeltaKind::Baseline => MAX_BODY_BYTES,
        _ => 64 * 1024,
    }
}

/// A body: its salt and what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// 16 random bytes, so that the commitment tells nothing of short answers.
    pub salt: [u8; 16],
    /// What is said.
    pub act: Act,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({}, redacted)", self.act.kind())
    }
}

/// What a delta says, by kind.
#[derive(Clone, PartialEq, Eq)]
pub enum Act {
    /// Answers.
    Change(ChangeAct),
    /// A word about a record.
    Statement(StatementAct),
    /// A supervisor's decision.
    Decision(DecisionAct),
    /// A new or renewed seat.
    Certificate(SeatCertificate),
    /// The end of a seat.
    Revocation(RevocationAct),
    /// The first delta of an epoch.
    Epoch(EpochAct),
    /// A form revision and the files it needs.
    Publication(PublicationAct),
    /// What became of a seat's deltas.
    Outcome(OutcomeAct),
    /// Which branch of a forked epoch stands.
    Branch(BranchAct),
    /// The log goes on from a backup.
    Restoration(RestorationAct),
    /// A kind whose acts a later version defines: kept as it came.
    Later(DeltaKind, Vec<u8>),
}

/// Answers, as one Automerge change, and the finalise statement where the same act gave both.
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeAct {
    /// The form revision the answers were given under.
    pub revision: FormRevision,
    /// When and at which UTC offset, as the person confirmed it.
    pub visit: Visit,
    /// One uncompressed Automerge change chunk.
    pub change: Vec<u8>,
    /// The signed word that the interview is finished, at the heads this change makes.
    pub finalise: Option<Finalise>,
}

/// "This is what was declared that day": heads, form revision, visit and the hash of the full export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalise {
    /// The record's heads, sorted, when the person said so.
    pub heads: Vec<ChangeHash>,
    /// The form revision it was checked under.
    pub revision: FormRevision,
    /// When and where in time the visit was.
    pub visit: Visit,
    /// Hash of the export with its calculations (docs/PROTOCOL.md, "export hash").
    pub export_hash: [u8; 32],
}

/// A word about a record without new answers.
#[derive(Clone, PartialEq, Eq)]
pub enum StatementAct {
    /// The interview is finished.
    Finalise(Finalise),
    /// The record is withdrawn, with the reason.
    Withdraw {
        /// Why, in the person's words.
        reason: String,
    },
}

/// A supervisor's decision on one review item. It names the writes the decider saw (through the item id) and may write
/// answers of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct DecisionAct {
    /// The item. Its id is a hash over the writes it is about.
    pub item: ItemId,
    /// The changes whose writes it settles, sorted.
    pub settles: Vec<ChangeHash>,
    /// Why, in the decider's words.
    pub reason: String,
    /// The account that decided.
    pub account: String,
    /// The form revision and Automerge change of the answers it writes, if it writes any.
    pub write: Option<(FormRevision, Vec<u8>)>,
}

/// The end of a seat: a last accepted place in its chain, not a time, because clocks lie.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationAct {
    /// Which seat.
    pub seat: SeatId,
    /// The last delta that counts, if any does.
    pub last: Option<(EpochId, u64)>,
    /// Why.
    pub reason: String,
}

/// A decision on a fork. The branch is named by one delta of it: what that builds on stands, it stands itself, and of what
/// builds on it whatever reached the log first. All else of the epoch that is not merged yet is written anew by its device.
#[derive(Clone, PartialEq, Eq)]
pub struct BranchAct {
    /// Whose epoch.
    pub seat: SeatId,
    /// The forked epoch.
    pub epoch: EpochId,
    /// Place of the delta that names the branch.
    pub seq: u64,
    /// That delta.
    pub stands: DeltaHash,
    /// Why, in the decider's words.
    pub reason: String,
    /// The account that decided.
    pub account: String,
}

/// The registry was put back from a backup. Where the backup ends, the log of that id ends, and goes on under another:
/// whatever it had received after that, its devices send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestorationAct {
    /// The log that ended.
    pub previous: LogId,
    /// How many entries it had in the backup.
    pub size: u64,
    /// The tree's root over them.
    pub root: [u8; 32],
    /// How many rows its feed had.
    pub feed_size: u64,
    /// The log that goes on.
    pub log: LogId,
}

/// The first delta of an epoch names the end of the seat's chain before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochAct {
    /// Epoch, seq and hash of the last delta this seat knows it wrote; none for its first epoch.
    pub previous: Option<(EpochId, u64, DeltaHash)>,
}

/// A form revision and the files it needs, by content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationAct {
    /// The lineage it belongs to.
    pub lineage: Lineage,
    /// The revision.
    pub revision: FormRevision,
    /// The files: the form itself and what its pack brings.
    pub files: Vec<PublishedFile>,
}

/// One file of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its name in the pack, such as `form.xlsx` or `areas.csv`: a single plain segment.
    pub name: String,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// Its size.
    pub size_bytes: u64,
}

/// What became of a seat's deltas, as runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeAct {
    /// Whose deltas.
    pub seat: SeatId,
    /// Runs of neighbours with the same outcome.
    pub runs: Vec<OutcomeRun>,
}

/// Neighbouring deltas with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRun {
    /// In which epoch.
    pub epoch: EpochId,
    /// First of the run.
    pub from_seq: u64,
    /// Last of the run.
    pub to_seq: u64,
    /// Which delta, where more than one stands at the place: then the run is of that place alone.
    pub delta: Option<DeltaHash>,
    /// What became of them.
    pub code: OutcomeCode,
    /// Why, where the code needs a reason.
    pub reason: Option<ReasonCode>,
}

impl Act {
    /// The delta kind that carries this act.
    pub fn kind(&self) -> DeltaKind {
        match self {
            Self::Change(_) => DeltaKind::Change,
            Self::Statement(_) => DeltaKind::Statement,
            Self::Decision(_) => DeltaKind::Decision,
            Self::Certificate(_) => DeltaKind::Certificate,
            Self::Revocation(_) => DeltaKind::Revocation,
            Self::Epoch(_) => DeltaKind::Epoch,
            Self::Publication(_) => DeltaKind::Publication,
            Self::Outcome(_) => DeltaKind::Outcome,
            Self::Branch(_) => DeltaKind::Branch,
            Self::Restoration(_) => DeltaKind::Restoration,
            Self::Later(kind, _) => *kind,
        }
    }
}

impl Body {
    /// The canonical bytes: what the header commits to.
    pub fn encode(&self) -> Vec<u8> {
        match &self.act {
            Act::Later(_, bytes) => [self.salt.as_slice(), bytes].concat(),
            _ => cbor::encode(self),
        }
    }

    /// Decodes the body of a delta of this kind, strictly.
    pub fn decode(kind: DeltaKind, bytes: &[u8]) -> Result<Self, CborError> {
        let limit = max_body_bytes(kind);
        if bytes.len() > limit {
            return Err(CborError::TooLarge { what: Self::WHAT, found: bytes.len(), limit });
        }
        if is_later(kind) {
            let (salt, rest) =
                bytes.split_first_chunk::<16>().ok_or(CborError::Shape { what: Self::WHAT })?;
            return Ok(Self { salt: *salt, act: Act::Later(kind, rest.to_vec()) });
        }
        let body = cbor::decode::<Self>(bytes)?;
        if body.act.kind() == kind {
            Ok(body)
        } else {
            Err(CborError::Field { what: Self::WHAT, field: "kind" })
        }
    }
}

/// Kinds whose acts a later version defines.
const fn is_later(kind: DeltaKind) -> bool {
    matches!(
        kind,
        DeltaKind::Placement
            | DeltaKind::Baseline
            | DeltaKind::Attachment
            | DeltaKind::Lease
            | DeltaKind::Claim
            | DeltaKind::Redaction
    )
}

impl Canonical for Body {
    const WHAT: &'static str = "delta body";

    fn write(&self, e: &mut Writer<'_>) {
        e.array(3).bytes(&self.salt).uint(u64::from(self.act.kind().code()));
        match &self.act {
            Act::Change(act) => {
                e.array(4).bytes(act.revision.as_bytes());
                write_visit(e, act.visit);
                e.bytes(&act.change).option(act.finalise.as_ref(), write_finalise);
            }
            Act::Statement(StatementAct::Finalise(finalise)) => {
                e.array(2).uint(1);
                write_finalise(e, finalise);
            }
            Act::Statement(StatementAct::Withdraw { reason }) => {
                e.array(2).uint(2).text(reason);
            }
            Act::Decision(act) => {
                e.array(5).bytes(act.item.as_bytes());
                e.list(&act.settles, |e, hash| {
                    e.bytes(hash.as_bytes());
                });
                e.text(&act.reason).text(&act.account).option(act.write.as_ref(), |e, (revision, change)| {
                    e.array(2).bytes(revision.as_bytes()).bytes(change);
                });
            }
            Act::Certificate(certificate) => certificate.write(e),
            Act::Revocation(act) => {
                e.array(3).bytes(act.seat.as_bytes()).option(act.last.as_ref(), |e, (epoch, seq)| {
                    e.array(2).bytes(epoch.as_bytes()).uint(*seq);
                });
                e.text(&act.reason);
            }
            Act::Epoch(act) => {
                e.option(act.previous.as_ref(), |e, (epoch, seq, hash)| {
                    e.array(3).bytes(epoch.as_bytes()).uint(*seq).bytes(hash.as_bytes());
                });
            }
            Act::Publication(act) => {
                e.array(3).text(act.lineage.as_str()).bytes(act.revision.as_bytes()).list(
                    &act.files,
                    |e, file| {
                        e.array(3).text(&file.name).bytes(&file.sha256).uint(file.size_bytes);
                    },
                );
            }
            Act::Outcome(act) => {
                e.array(2).bytes(act.seat.as_bytes()).list(&act.runs, |e, run| {
                    e.array(6).bytes(run.epoch.as_bytes()).uint(run.from_seq).uint(run.to_seq);
                    e.option(run.delta.as_ref(), |e, delta| {
                        e.bytes(delta.as_bytes());
                    });
                    e.uint(u64::from(run.code.code()));
                    e.uint(run.reason.map_or(0, |reason| u64::from(reason.code())));
                });
            }
            Act::Branch(act) => {
                e.array(6).bytes(act.seat.as_bytes()).bytes(act.epoch.as_bytes()).uint(act.seq);
                e.bytes(act.stands.as_bytes()).text(&act.reason).text(&act.account);
            }
            Act::Restoration(act) => {
                e.array(5).bytes(act.previous.as_bytes()).uint(act.size).bytes(&act.root).uint(act.feed_size);
                e.bytes(act.log.as_bytes());
            }
            // Written as they came by `Body::encode`.
            Act::Later(_, bytes) => {
                e.bytes(bytes);
            }
        }
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(3)?;
        let salt = d.fixed()?;
        let kind = d.uint()?;
        let kind = d.field("kind", u8::try_from(kind).ok().and_then(DeltaKind::from_code))?;
        let act = match kind {
            DeltaKind::Change => {
                d.array(4)?;
                Act::Change(ChangeAct {
                    revision: FormRevision::from_bytes(d.fixed()?),
                    visit: read_visit(d)?,
                    change: d.bytes()?.to_vec(),
                    finalise: d.option(read_finalise)?,
                })
            }
            DeltaKind::Statement => {
                d.array(2)?;
                Act::Statement(match d.uint()? {
                    1 => StatementAct::Finalise(read_finalise(d)?),
                    2 => StatementAct::Withdraw { reason: d.text()?.to_owned() },
                    _ => return d.field("statement", None),
                })
            }
            DeltaKind::Decision => {
                d.array(5)?;
                Act::Decision(DecisionAct {
                    item: ItemId::from_bytes(d.fixed()?),
                    settles: read_hashes(d)?,
                    reason: d.text()?.to_owned(),
                    account: d.text()?.to_owned(),
                    write: d.option(|d| {
                        d.array(2)?;
                        Ok((FormRevision::from_bytes(d.fixed()?), d.bytes()?.to_vec()))
                    })?,
                })
            }
            DeltaKind::Certificate => Act::Certificate(SeatCertificate::read(d)?),
            DeltaKind::Revocation => {
                d.array(3)?;
                Act::Revocation(RevocationAct {
                    seat: SeatId::from_bytes(d.fixed()?),
                    last: d.option(|d| {
                        d.array(2)?;
                        Ok((EpochId::from_bytes(d.fixed()?), d.uint()?))
                    })?,
                    reason: d.text()?.to_owned(),
                })
            }
            DeltaKind::Epoch => Act::Epoch(EpochAct {
                previous: d.option(|d| {
                    d.array(3)?;
                    Ok((EpochId::from_bytes(d.fixed()?), d.uint()?, DeltaHash::from_bytes(d.fixed()?)))
                })?,
            }),
            DeltaKind::Publication => {
                d.array(3)?;
                Act::Publication(PublicationAct {
                    lineage: d.parsed("lineage")?,
                    revision: FormRevision::from_bytes(d.fixed()?),
                    files: d.list(|d| {
                        d.array(3)?;
                        let name = d.text()?.to_owned();
                        d.field("file name", is_plain_file_name(&name).then_some(()))?;
                        Ok(PublishedFile { name, sha256: d.fixed()?, size_bytes: d.uint()? })
                    })?,
                })
            }
            DeltaKind::Outcome => {
                d.array(2)?;
                Act::Outcome(OutcomeAct {
                    seat: SeatId::from_bytes(d.fixed()?),
                    runs: d.list(read_outcome_run)?,
                })
            }
            DeltaKind::Branch => {
                d.array(6)?;
                Act::Branch(BranchAct {
                    seat: SeatId::from_bytes(d.fixed()?),
                    epoch: EpochId::from_bytes(d.fixed()?),
                    seq: d.uint()?,
                    stands: DeltaHash::from_bytes(d.fixed()?),
                    reason: d.text()?.to_owned(),
                    account: d.text()?.to_owned(),
                })
            }
            DeltaKind::Restoration => {
                d.array(5)?;
                Act::Restoration(RestorationAct {
                    previous: LogId::from_bytes(d.fixed()?),
                    size: d.uint()?,
                    root: d.fixed()?,
                    feed_size: d.uint()?,
                    log: LogId::from_bytes(d.fixed()?),
                })
            }
            _ => return d.field("kind", None),
        };
        Ok(Self { salt, act })
    }
}

/// A single segment that no file system takes for a path: letters, digits, `-`, `_` and inner points.
fn is_plain_file_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn write_visit(e: &mut Writer<'_>, visit: Visit) {
    e.array(2).int(visit.at.unix_ms()).int(i64::from(visit.utc_offset_minutes));
}

fn read_visit(d: &mut Reader<'_>) -> Result<Visit, CborError> {
    d.array(2)?;
    let at = Instant::from_unix_ms(d.int()?);
    let offset = d.int()?;
    let offset = i16::try_from(offset).ok().filter(|minutes| minutes.abs() <= 18 * 60);
    Ok(Visit { at, utc_offset_minutes: d.field("utc offset", offset)? })
}

fn write_finalise(e: &mut Writer<'_>, finalise: &Finalise) {
    e.array(4).list(&finalise.heads, |e, head| {
        e.bytes(head.as_bytes());
    });
    e.bytes(finalise.revision.as_bytes());
    write_visit(e, finalise.visit);
    e.bytes(&finalise.export_hash);
}

fn read_finalise(d: &mut Reader<'_>) -> Result<Finalise, CborError> {
    d.array(4)?;
    Ok(Finalise {
        heads: read_hashes(d)?,
        revision: FormRevision::from_bytes(d.fixed()?),
        visit: read_visit(d)?,
        export_hash: d.fixed()?,
    })
}

/// Change hashes in strictly rising order: one set, one form.
fn read_hashes(d: &mut Reader<'_>) -> Result<Vec<ChangeHash>, CborError> {
    let hashes = d.list(|d| d.fixed().map(ChangeHash::from_bytes))?;
    d.field("hashes", hashes.windows(2).all(|pair| pair[0] < pair[1]).then_some(()))?;
    Ok(hashes)
}

fn read_outcome_run(d: &mut Reader<'_>) -> Result<OutcomeRun, CborError> {
    d.array(6)?;
    let epoch = EpochId::from_bytes(d.fixed()?);
    let (from_seq, to_seq) = (d.uint()?, d.uint()?);
    let delta = d.option(|d| d.fixed().map(DeltaHash::from_bytes))?;
    d.field("run", (from_seq == to_seq || (from_seq < to_seq && delta.is_none())).then_some(()))?;
    let code = d.uint()?;
    let code = d.field("outcome", u8::try_from(code).ok().and_then(OutcomeCode::from_code))?;
    let reason = match d.uint()? {
        0 => None,
        reason => Some(d.field("reason", u16::try_from(reason).ok().and_then(ReasonCode::from_code))?),
    };
    Ok(OutcomeRun { epoch, from_seq, to_seq, delta, code, reason })
}
