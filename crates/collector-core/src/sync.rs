//! Syncing: sign what waits, push, pull, apply, fetch the files of publications.

use std::collections::VecDeque;

use device_store::{DeviceStore, PublicationState, PulledToStore, Tx};
use record_model::{DeltaHash, DeploymentId, FormRevision, Instant, LogId, ReasonCode, SeatId};
use sha2::{Digest, Sha256};
use signed_delta::{ChainEnd, Header, PublicKey, PublishedFile, Receipt, SignedDelta, TreeHead};
use sync_protocol::{
    OutboxEntry, PullEffect, PullEvent, PullSession, PulledDelta, PushEffect, PushEvent, PushSession,
    Restored,
};

use crate::apply::{Applied, apply_all, hash_of_bytes};
use crate::collector::Collector;
use crate::error::CollectorError;
use crate::forms::{Broken, FormLibrary, compile};
use crate::http::{BLOBS_PATH, PULL_PATH, PUSH_PATH, SignedRoad, Traffic};
use crate::ports::{Disconnected, Transport};
use crate::records::{known_record, open_document, refresh_row};
use crate::roster::KnownSeats;

/// No file of a publication is larger.
pub const MAX_BLOB_BYTES: u64 = 16 * 1024 * 1024;

/// What a sync did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SyncReport {
    /// Deltas signed from the journal before the push.
    pub cut: u64,
    /// Deltas that a receipt now covers.
    pub delivered: u64,
    /// Deltas the server would not take, by reason.
    pub refused: Vec<(ReasonCode, u64)>,
    /// Deltas pulled.
    pub pulled: u64,
    /// What became of them, and of those held before.
    pub applied: Applied,
    /// Deltas that wait again, since the server was put back from a backup that may lack them; none when it was not.
    pub sent_again: Option<u64>,
    /// Files of publications fetched.
    pub files: u64,
    /// Requests and bytes.
    pub traffic: Traffic,
}

/// What is happening, for a progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncProgress {
    /// So many deltas wait to be sent.
    Sending {
        /// How many wait.
        waiting: u64,
    },
    /// A receipt covers so many more.
    Delivered {
        /// How many since the sync began.
        delivered: u64,
    },
    /// So many have come.
    Received {
        /// How many since the sync began.
        pulled: u64,
    },
    /// A file of a publication is being fetched.
    Fetching {
        /// Its size.
        size_bytes: u64,
    },
}

impl Collector {
    /// Everything one sync does. What was done before an error stays done; the next sync goes on from there.
    pub fn sync(
        &mut self,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport, CollectorError> {
        let mut report = SyncReport { cut: self.cut_all()?.len() as u64, ..SyncReport::default() };
        self.open_epoch_if_needed()?;
        self.following(&mut report, |collector, report| collector.exchange(transport, progress, report))?;
        self.renew_certificate()?;
        let now = self.now();
        self.store.write(|tx| tx.set_last_sync(now)).map_err(CollectorError::Store)?;
        Ok(report)
    }

    /// Does something over the network; when the server's log goes on from a backup, follows it there and does it again.
    fn following(
        &mut self,
        report: &mut SyncReport,
        mut exchange: impl FnMut(&mut Self, &mut SyncReport) -> Result<(), CollectorError>,
    ) -> Result<(), CollectorError> {
        match exchange(self, report) {
            Err(CollectorError::LogRestored { restorations }) => {
                report.sent_again = Some(self.follow_restored(&restorations)?);
                exchange(self, report)
            }
            done => done,
        }
    }

    fn exchange(
        &mut self,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
        report: &mut SyncReport,
    ) -> Result<(), CollectorError> {
        let pushed = self.push_into(transport, progress, report);
        if let Err(stop @ (CollectorError::Disconnected(_) | CollectorError::LogRestored { .. })) = pushed {
            return Err(stop);
        }
        // What keeps work from being sent must not keep decisions, forms and revocations from arriving.
        let pulled = self.pull_into(transport, progress, report);
        pushed?;
        pulled?;
        if self.write_anew()? > 0 {
            self.push_into(transport, progress, report)?;
        }
        Ok(())
    }

    /// Only sends: what waits, of all people of this laptop.
    pub fn push(
        &mut self,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport, CollectorError> {
        let mut report = SyncReport { cut: self.cut_all()?.len() as u64, ..SyncReport::default() };
        self.following(&mut report, |collector, report| collector.push_into(transport, progress, report))?;
        Ok(report)
    }

    /// Only receives.
    pub fn pull(
        &mut self,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport, CollectorError> {
        let mut report = SyncReport::default();
        self.following(&mut report, |collector, report| collector.pull_into(transport, progress, report))?;
        self.renew_certificate()?;
        Ok(report)
    }

    /// A pull may have brought this seat another certificate: other areas, other forms.
    pub(crate) fn renew_certificate(&mut self) -> Result<(), CollectorError> {
        let standings = self.store.read(|tx| tx.standings()).map_err(CollectorError::Store)?;
        let known = KnownSeats::new(&self.deployment, standings);
        if let Some(certificate) = known.certificate(self.seat.seat) {
            self.certificate = certificate.clone();
        }
        Ok(())
    }

    fn push_into(
        &mut self,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
        report: &mut SyncReport,
    ) -> Result<(), CollectorError> {
        let registry = self.deployment.registry_key.seat();
        let to_offer = self.store.read(|tx| tx.to_offer(registry)).map_err(CollectorError::Store)?;
        if !to_offer.is_empty() {
            self.push_from(&mut Source::Offered(to_offer.into()), transport, progress, report)?;
            self.store.write(|tx| tx.offered()).map_err(CollectorError::Store)?;
        }
        self.push_from(&mut Source::Outbox, transport, progress, report)
    }

    fn push_from(
        &mut self,
        source: &mut Source,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
        report: &mut SyncReport,
    ) -> Result<(), CollectorError> {
        let anchor = self.anchor()?;
        let Self { store, ports, key, .. } = self;
        let clock = ports.clock.as_ref();
        let traffic = &mut report.traffic;
        let mut road =
            SignedRoad { transport, key, deployment: anchor.deployment, log: anchor.log, clock, traffic };
        let mut session = PushSession::new(anchor.deployment, anchor.registry);
        let mut effects = session.handle(clock.now(), PushEvent::Start);
        loop {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    PushEffect::LoadOutbox { limit } => {
                        let (rows, waiting) = source.load(store, limit)?;
                        progress(SyncProgress::Sending { waiting });
                        next.extend(session.handle(clock.now(), PushEvent::Outbox(rows)));
                    }
                    PushEffect::Post(body) => {
                        let answer = match road.post(store, PUSH_PATH, &body) {
                            Ok(answer) => answer,
                            Err(CollectorError::Disconnected(lost)) => {
                                session.handle(clock.now(), PushEvent::Disconnected);
                                return Err(lost.into());
                            }
                            Err(error) => return Err(error),
                        };
                        let answer = PushEvent::Answer { status: answer.status, body: answer.body };
                        next.extend(session.handle(clock.now(), answer));
                    }
                    PushEffect::MarkDelivered { delivered, refused, .. } if source.is_offered() => {
                        source.pass(delivered.len() + refused.len());
                    }
                    PushEffect::MarkDelivered { receipt, delivered, refused } => {
                        report.delivered +=
                            mark_delivered(store, &receipt, &delivered, &refused, clock.now())?;
                        for (.., reason) in refused {
                            count(&mut report.refused, reason);
                        }
                        progress(SyncProgress::Delivered { delivered: report.delivered });
                    }
                    PushEffect::Finish => return Ok(()),
                    PushEffect::Fail(failure) => return Err(failure.into()),
                    PushEffect::WakeAt(_) => return Err(lost_road().into()),
                }
            }
            if next.is_empty() {
                // The session asks for nothing and has not ended: an arm of ours is missing.
                return Err(lost_road().into());
            }
            effects = next;
        }
    }

    fn pull_into(
        &mut self,
        transport: &mut dyn Transport,
        progress: &mut dyn FnMut(SyncProgress),
        report: &mut SyncReport,
    ) -> Result<(), CollectorError> {
        let anchor = self.anchor()?;
        let Self { store, ports, key, forms, deployment, .. } = self;
        let (clock, merger) = (ports.clock.as_ref(), ports.merger.as_ref());
        // What was stored before a crash and not looked into.
        apply_all(store, deployment, forms, merger, clock.now())?;
        let seat = key.seat();
        let (cursor, have) = standing_of_pull(store, seat)?;
        let traffic = &mut report.traffic;
        let mut road =
            SignedRoad { transport, key, deployment: anchor.deployment, log: anchor.log, clock, traffic };
        let mut session = PullSession::new(anchor.deployment, anchor.registry, cursor, anchor.head, have)
            .after(anchor.restored);
        let mut effects = session.handle(clock.now(), PullEvent::Start);
        loop {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    PullEffect::Post(body) => {
                        let answer = match road.post(store, PULL_PATH, &body) {
                            Ok(answer) => answer,
                            Err(CollectorError::Disconnected(lost)) => {
                                session.handle(clock.now(), PullEvent::Disconnected);
                                return Err(lost.into());
                            }
                            Err(error) => return Err(error),
                        };
                        let answer = PullEvent::Answer { status: answer.status, body: answer.body };
                        next.extend(session.handle(clock.now(), answer));
                    }
                    PullEffect::Store { deltas, cursor, head } => {
                        report.pulled += store_page(store, seat, &deltas, cursor, &head, clock.now())?;
                        road.log = head.log;
                        progress(SyncProgress::Received { pulled: report.pulled });
                        let page = apply_all(store, deployment, forms, merger, clock.now())?;
                        report.applied.add(page);
                        next.extend(session.handle(clock.now(), PullEvent::Stored));
                    }
                    PullEffect::Finish => {
                        report.files += finish_publications(store, forms, &mut |store, file| {
                            progress(SyncProgress::Fetching { size_bytes: file.size_bytes });
                            let path =
                                format!("{BLOBS_PATH}{}", data_encoding::HEXLOWER.encode(&file.sha256));
                            let answer = road.get(store, &path, file.size_bytes as usize)?;
                            Ok((answer.status == 200).then_some(answer.body))
                        })?;
                        return Ok(());
                    }
                    PullEffect::Fail(failure) => return Err(failure.into()),
                    // Only of a page that was offered; here pages are answers.
                    PullEffect::KeepForLater | PullEffect::WakeAt(_) => return Err(lost_road().into()),
                }
            }
            if next.is_empty() {
                return Err(lost_road().into());
            }
            effects = next;
        }
    }

    /// What is known of the server: its deployment, its key, the log and head seen last.
    pub(crate) fn anchor(&self) -> Result<Anchor, CollectorError> {
        let (deployment, registry) = (self.deployment.deployment, self.deployment.registry_key);
        let state = self.store.read(|tx| tx.sync_state()).map_err(CollectorError::Store)?;
        let head = match state.head {
            None => None,
            Some(bytes) => Some(
                TreeHead::decode_and_verify(&bytes, deployment, &registry)
                    .map_err(|_| CollectorError::Unreadable { what: "the last tree head" })?,
            ),
        };
        let restored = state.restored.map(|(previous, size, log)| Restored { previous, size, log });
        let known = head.as_ref().map_or(LogId::from_bytes([0; 16]), |head| head.log);
        let restored = restored.filter(|restored| restored.previous == known);
        let log = restored.map_or(known, |restored| restored.log);
        Ok(Anchor { deployment, registry, log, head, restored })
    }
}

/// What a push sends.
enum Source {
    /// What no receipt covers.
    Outbox,
    /// Rows of others' deltas that the server's backup may lack.
    Offered(VecDeque<i64>),
}

impl Source {
    fn is_offered(&self) -> bool {
        matches!(self, Self::Offered(_))
    }

    /// The next of them, and how many there are.
    fn load(&self, store: &DeviceStore, limit: usize) -> Result<(Vec<OutboxEntry>, u64), CollectorError> {
        store.read(|tx| match self {
            Self::Outbox => {
                let rows = tx.outbox(0, limit)?.into_iter().map(outbox_entry).collect();
                Ok((rows, tx.delta_counts()?.to_send.deltas))
            }
            Self::Offered(ids) => {
                let mut rows = Vec::new();
                for id in ids.iter().take(limit) {
                    let envelope = tx.pulled_envelope(*id)?.unwrap_or_default();
                    let Ok(delta) = SignedDelta::decode(&envelope) else { continue };
                    let Header { seat, epoch, seq, .. } = *delta.header();
                    rows.push(OutboxEntry { seat, epoch, seq, hash: delta.hash(), envelope });
                }
                Ok((rows, ids.len() as u64))
            }
        })
    }

    /// So many of them are dealt with.
    fn pass(&mut self, count: usize) {
        if let Self::Offered(ids) = self {
            ids.drain(..count.min(ids.len()));
        }
    }
}

pub(crate) struct Anchor {
    pub(crate) deployment: DeploymentId,
    pub(crate) registry: PublicKey,
    pub(crate) log: LogId,
    pub(crate) head: Option<TreeHead>,
    /// The log that goes on from the one of `head`.
    pub(crate) restored: Option<Restored>,
}

fn lost_road() -> Disconnected {
    Disconnected { reason: "the exchange stopped".to_owned() }
}

pub(crate) fn count(counts: &mut Vec<(ReasonCode, u64)>, reason: ReasonCode) {
    match counts.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, n)) => *n += 1,
        None => counts.push((reason, 1)),
    }
}

pub(crate) fn outbox_entry(row: device_store::OutboxRow) -> OutboxEntry {
    let device_store::OutboxRow { seat, epoch, seq, hash, envelope, .. } = row;
    OutboxEntry { seat, epoch, seq, hash, envelope }
}

/// How far a seat's pulls have come, and which chains need not be sent back.
pub(crate) fn standing_of_pull(
    store: &DeviceStore,
    seat: SeatId,
) -> Result<(u64, Vec<ChainEnd>), CollectorError> {
    store.read(|tx| {
        let have = tx.own_chain_ends()?.into_iter();
        let have = have.map(|(seat, epoch, through_seq)| ChainEnd { seat, epoch, through_seq });
        Ok((tx.cursor(seat)?, newest(have.collect())))
    })
}

/// The newest chains, when there are more than a request may name.
fn newest(mut have: Vec<ChainEnd>) -> Vec<ChainEnd> {
    let over = have.len().saturating_sub(sync_protocol::MAX_HAVE_ENTRIES);
    have.drain(..over);
    have
}

/// Durable before anything else. The receipt's head is not kept as the known one: only a pull proves that it grew from
/// the last.
pub(crate) fn mark_delivered(
    store: &mut DeviceStore,
    receipt: &Receipt,
    delivered: &[DeltaHash],
    refused: &[(DeltaHash, ReasonCode)],
    now: Instant,
) -> Result<u64, CollectorError> {
    store.write(|tx| {
        for (delta, reason) in refused {
            tx.mark_refused(*delta, *reason)?;
        }
        let mut marked = 0;
        for delta in delivered {
            marked += tx.mark_delivered(*delta, now)?;
        }
        tx.set_receipt(&receipt.encode())?;
        tx.learn_instant(receipt.head.at)?;
        Ok(marked)
    })
}

/// One transaction: the deltas as they came, the cursor, the head.
pub(crate) fn store_page(
    store: &mut DeviceStore,
    seat: SeatId,
    deltas: &[PulledDelta],
    cursor: u64,
    head: &TreeHead,
    now: Instant,
) -> Result<u64, CollectorError> {
    store.write(|tx| {
        let mut added = 0;
        for pulled in deltas {
            let decoded = SignedDelta::decode(&pulled.envelope).ok();
            let bytes_hash = hash_of_bytes(&pulled.envelope);
            let hash = decoded.as_ref().map_or_else(|| DeltaHash::from_bytes(bytes_hash), SignedDelta::hash);
            if tx.is_own_delta(hash)? {
                continue;
            }
            let claims = decoded.as_ref().map(|delta| {
                let header = delta.header();
                (header.seat, header.epoch, header.seq, header.kind, header.about())
            });
            let row = PulledToStore {
                feed_index: pulled.feed_index,
                log_index: pulled.log_index,
                received_at: pulled.received_at,
                hash,
                bytes_hash,
                claims,
                envelope: &pulled.envelope,
            };
            added += u64::from(tx.put_pulled(&row, now)?);
        }
        tx.set_cursor(seat, cursor, &head.encode())?;
        tx.learn_instant(head.at)?;
        Ok(added)
    })
}

/// Derives anew what lists show of the records made under a form that came after them.
fn read_with(tx: &Tx<'_>, forms: &mut FormLibrary, revision: FormRevision) -> Result<(), CollectorError> {
    for record in tx.records_under(revision)? {
        let row = known_record(tx, record)?;
        let doc = open_document(&row)?;
        refresh_row(tx, forms, row, &doc)?;
    }
    Ok(())
}

/// Where a file of a publication comes from; none when it is not to be had now.
type Fetch<'a> = dyn FnMut(&mut DeviceStore, &PublishedFile) -> Result<Option<Vec<u8>>, CollectorError> + 'a;

/// Fetches what publications still miss, then compiles each form here: what a delta promises and its files do not hold
/// is never asked of anybody.
pub(crate) fn finish_publications(
    store: &mut DeviceStore,
    forms: &mut FormLibrary,
    fetch: &mut Fetch<'_>,
) -> Result<u64, CollectorError> {
    let mut fetched = 0;
    let publications = store.read(|tx| tx.publications()).map_err(CollectorError::Store)?;
    for publication in publications.into_iter().filter(|p| p.state == PublicationState::Fetching) {
        let files =
            store.read(|tx| tx.publication_files(publication.delta)).map_err(CollectorError::Store)?;
        let mut complete = true;
        let mut too_large = false;
        for file in files {
            if store.read(|tx| tx.has_blob(&file.sha256)).map_err(CollectorError::Store)? {
                continue;
            }
            if file.size_bytes > MAX_BLOB_BYTES {
                too_large = true;
                break;
            }
            let fits = |content: &Vec<u8>| {
                let hash: [u8; 32] = Sha256::digest(content).into();
                content.len() as u64 == file.size_bytes && hash == file.sha256
            };
            if let Some(content) = fetch(store, &file)?.filter(fits) {
                store.write(|tx| tx.put_blob(&file.sha256, &content)).map_err(CollectorError::Store)?;
                fetched += 1;
            } else {
                // Asked for again with the next sync.
                complete = false;
            }
        }
        if !complete && !too_large {
            continue;
        }
        let compiled = store.read(|tx| Ok::<_, CollectorError>(compile(tx, &publication)))?;
        let state = match compiled {
            Ok(_) if !too_large => PublicationState::Ready,
            Ok(_) | Err(Broken::Files) => PublicationState::Broken,
            Err(Broken::Error(error)) => return Err(error),
        };
        store.write(|tx| {
            tx.set_publication_state(publication.delta, state)?;
            if state == PublicationState::Ready {
                read_with(tx, forms, publication.revision)?;
            }
            Ok::<_, CollectorError>(())
        })?;
    }
    Ok(fetched)
}
