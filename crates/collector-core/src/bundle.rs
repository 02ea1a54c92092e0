//! Bundles: what a sync would send and receive, in files that travel by USB stick, mail or messenger.
//!
//! The sessions are those of a sync. What leaves is the outbox in push batches and a pull request; what comes back are
//! their receipts and pages. Nothing counts as delivered before its receipt is here, so a stick that is lost costs nothing
//! but the next bundle.

use std::collections::BTreeSet;

use device_store::{PublicationState, SeatRow};
use record_model::{BundleId, PartsHasher, ReasonCode};
use sha2::{Digest, Sha256};
use sync_protocol::{
    BundleError, BundleItem, BundlePart, MAX_BATCH_DELTAS, PackedBatch, Packer, PullEffect, PullEvent,
    PullFailure, PullRequest, PullSession, PushEffect, PushEvent, PushSession, SealedPart,
};

use crate::apply::{Applied, apply_all};
use crate::collector::Collector;
use crate::error::CollectorError;
use crate::ports::random;
use crate::sync::{
    Anchor, MAX_BLOB_BYTES, count, finish_publications, mark_delivered, outbox_entry, store_page,
};

/// One part of a bundle, to be written to a file of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Without anybody's name.
    pub name: String,
    /// Sealed.
    pub bytes: Vec<u8>,
}

/// What a bundle for the registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleExport {
    /// Which one.
    pub bundle: BundleId,
    /// Deltas signed from the journal before it was packed.
    pub cut: u64,
    /// Deltas in it: all that no receipt covers.
    pub deltas: u64,
    /// The same for two bundles that say the same: sealing makes other bytes of it each time.
    pub content: [u8; 32],
    /// Its parts.
    pub files: Vec<BundleFile>,
}

/// What one part of a bundle brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleImport {
    /// Deltas that its receipts say the registry has.
    pub delivered: u64,
    /// Deltas that the registry would not take, by reason.
    pub refused: Vec<(ReasonCode, u64)>,
    /// Deltas of others in it, new here.
    pub pulled: u64,
    /// What became of them, and of those held before.
    pub applied: Applied,
    /// Files of forms in it, new here.
    pub files: u64,
    /// Pages kept until an earlier part comes, of this bundle and others.
    pub waiting: u64,
}

impl Collector {
    /// Packs everything that no receipt covers, of all people of this laptop, and asks for what is new. May be done again
    /// at any time: the registry knows a delta that comes twice.
    pub fn export_bundle(&mut self, max_part_bytes: usize) -> Result<BundleExport, CollectorError> {
        let cut = self.cut_all()?.len() as u64;
        self.open_epoch_if_needed()?;
        let recipient = self.deployment.server_recipient.clone();
        if recipient.is_empty() {
            return Err(CollectorError::NoBundleRecipient);
        }
        let bundle = BundleId::from_bytes(random(self.ports.randomness.as_mut()));
        let mut packer =
            Packer::new(self.deployment.deployment, bundle, None, self.seat.seat, max_part_bytes);
        let mut content = PartsHasher::new("lakou/bundle-content/v1");
        content.add(self.seat.seat.as_bytes());
        let (mut full, mut deltas) = (Vec::new(), 0);
        let mut after = 0;
        loop {
            let rows =
                self.store.read(|tx| tx.outbox(after, MAX_BATCH_DELTAS)).map_err(CollectorError::Store)?;
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let Some(batch) = PackedBatch::pack(rows.into_iter().map(outbox_entry).collect()) else { break };
            let last = batch.sent.len() - 1;
            after = ids[last];
            deltas += batch.sent.len() as u64;
            // Remembered before the part exists: a receipt can only come back for what is.
            self.store
                .write(|tx| tx.put_bundled_batch(&batch.digest, &batch.sent))
                .map_err(CollectorError::Store)?;
            content.add(&batch.bytes);
            full.extend(packer.add(BundleItem::Push(batch.bytes)));
        }
        let pull = self.pull_request()?.encode();
        content.add(&pull);
        full.extend(packer.add(BundleItem::Pull(pull)));
        let wanted = self.wanted_files()?;
        if !wanted.is_empty() {
            content.add(&wanted.concat());
            full.extend(packer.add(BundleItem::Wanted(wanted)));
        }
        full.push(packer.finish());
        let seal = |part: BundlePart| {
            let bytes = part
                .seal(&self.key, &[&recipient])
                .map_err(|_| CollectorError::Unreadable { what: "the registry's recipient" })?;
            Ok(BundleFile { name: part.label.file_name(), bytes })
        };
        let files = full.into_iter().map(seal).collect::<Result<Vec<_>, CollectorError>>()?;
        Ok(BundleExport { bundle, cut, deltas, content: content.finish(), files })
    }

    /// Takes one part of a bundle that the registry packed for the person who unlocked this store. Parts may come in any
    /// order and more than once.
    pub fn import_bundle_part(&mut self, file: &[u8]) -> Result<BundleImport, CollectorError> {
        let part = self.open_part(file)?;
        let known = self.anchor()?.head;
        let mut report = BundleImport::default();
        let mut pages = Vec::new();
        let is_first = part.label.part == 1;
        let restorations: Vec<Vec<u8>> = part
            .items
            .iter()
            .filter_map(|item| match item {
                BundleItem::Restoration(envelope) => Some(envelope.clone()),
                _ => None,
            })
            .collect();
        // An old stick tells what this computer has followed since.
        if self.leads_on(&restorations)? {
            self.follow_restored(&restorations)?;
        }
        for item in part.items {
            match item {
                BundleItem::Receipt(receipt) => self.take_receipt(receipt, &mut report)?,
                BundleItem::Page { request, page } => pages.push((request, page)),
                BundleItem::File(content) => self.take_file(&content, &mut report)?,
                // Only a device packs these.
                BundleItem::Push(_) | BundleItem::Pull(_) | BundleItem::Wanted(_) => {}
                // Followed above.
                BundleItem::Restoration(_) => {}
            }
        }
        for (request, page) in pages {
            if !self.take_page(&request, &page, !is_first, &mut report)? {
                let seat = self.seat.seat;
                let kept = self.store.write(|tx| tx.put_waiting_page(seat, &request, &page));
                if !kept.map_err(CollectorError::Store)? {
                    return Err(CollectorError::TooManyWaitingPages);
                }
            }
        }
        self.take_waiting_pages(&mut report)?;
        let Self { store, forms, .. } = self;
        // What is not here is asked for in the next bundle.
        finish_publications(store, forms, &mut |_, _| Ok(None))?;
        self.renew_certificate()?;
        let (now, seat) = (self.now(), self.seat.seat);
        report.waiting = self.store.read(|tx| tx.waiting_pages(seat)).map_err(CollectorError::Store)?;
        // An old stick, read again, is no news from head office.
        if self.anchor()?.head != known {
            self.store.write(|tx| tx.set_last_sync(now)).map_err(CollectorError::Store)?;
        }
        Ok(report)
    }

    /// Opens a part and proves that the registry packed it for this person.
    fn open_part(&self, file: &[u8]) -> Result<BundlePart, CollectorError> {
        let sealed = SealedPart::read(file)?;
        let deployment = self.deployment.deployment;
        if sealed.label.deployment != deployment {
            return Err(BundleError::OtherDeployment { found: sealed.label.deployment }.into());
        }
        match sealed.label.addressee {
            None => return Err(CollectorError::BundleForRegistry),
            Some(seat) if seat != self.seat.seat => {
                let seats = self.store.read(|tx| tx.seats()).map_err(CollectorError::Store)?;
                let colleague = seats.into_iter().find(|row: &SeatRow| row.seat == seat);
                return Err(match colleague {
                    Some(row) => CollectorError::BundleForColleague { person: row.person },
                    None => BundleError::SealedToAnother.into(),
                });
            }
            Some(_) => {}
        }
        let opened = sealed.open(&self.sealing).map_err(|error| match error {
            // The label names this person: it is not for somebody else, it has come to harm.
            BundleError::SealedToAnother => BundleError::Damaged,
            other => other,
        })?;
        Ok(opened.verify(deployment, &self.deployment.registry_key)?)
    }

    fn take_receipt(&mut self, bytes: Vec<u8>, report: &mut BundleImport) -> Result<(), CollectorError> {
        let Anchor { deployment, registry, .. } = self.anchor()?;
        let receipt = signed_delta::Receipt::decode_and_verify(&bytes, deployment, &registry)
            .map_err(|_| CollectorError::Push(sync_protocol::PushFailure::UntrustedReceipt))?;
        if !self.is_of_this_log(&receipt.head)? {
            // Of a log that ended: the one that goes on may not have what it names. It is sent again.
            return Ok(());
        }
        let digest = receipt.batch;
        let Some(sent) = self.store.read(|tx| tx.bundled_batch(&digest)).map_err(CollectorError::Store)?
        else {
            // Its receipt came before, or it is too long ago: what it settled is settled, or will be sent again.
            return Ok(());
        };
        let left = PackedBatch { bytes: Vec::new(), digest, sent };
        let now = self.now();
        let effects = PushSession::awaiting(deployment, registry, left)
            .handle(now, PushEvent::Answer { status: 201, body: bytes });
        for effect in effects {
            match effect {
                PushEffect::MarkDelivered { receipt, delivered, refused } => {
                    report.delivered += mark_delivered(&mut self.store, &receipt, &delivered, &refused, now)?;
                    for (.., reason) in refused {
                        count(&mut report.refused, reason);
                    }
                    self.store.write(|tx| tx.forget_bundled_batch(&digest)).map_err(CollectorError::Store)?;
                }
                PushEffect::Fail(failure) => return Err(failure.into()),
                // The session would send more; a bundle's road is one way.
                PushEffect::LoadOutbox { .. }
                | PushEffect::Post(_)
                | PushEffect::WakeAt(_)
                | PushEffect::Finish => {}
            }
        }
        Ok(())
    }

    /// False when an earlier page is missing, or an earlier part that may tell how the log
    /// that it is of came about.
    fn take_page(
        &mut self,
        request: &[u8],
        page: &[u8],
        may_be_told: bool,
        report: &mut BundleImport,
    ) -> Result<bool, CollectorError> {
        let Anchor { deployment, registry, head, restored, .. } = self.anchor()?;
        let seat = self.seat.seat;
        let (cursor, have) = crate::sync::standing_of_pull(&self.store, seat)?;
        let now = self.now();
        let mut session = PullSession::new(deployment, registry, cursor, head, have).after(restored);
        let offered = PullEvent::Offered { request: request.to_vec(), page: page.to_vec() };
        for effect in session.handle(now, offered) {
            match effect {
                PullEffect::Store { deltas, cursor, head } => {
                    let Self { store, ports, forms, deployment, .. } = self;
                    report.pulled += store_page(store, seat, &deltas, cursor, &head, now)?;
                    let applied = apply_all(store, deployment, forms, ports.merger.as_ref(), now)?;
                    report.applied.add(applied);
                }
                PullEffect::KeepForLater => return Ok(false),
                // Of a log that has ended since: what it brings is sent again in the one that goes on.
                PullEffect::Fail(PullFailure::OtherLog { found }) if self.is_past(found)? => {}
                PullEffect::Fail(PullFailure::OtherLog { .. }) if may_be_told => return Ok(false),
                PullEffect::Fail(failure) => return Err(failure.into()),
                PullEffect::Finish | PullEffect::Post(_) | PullEffect::WakeAt(_) => {}
            }
        }
        Ok(true)
    }

    /// Offers again what waited, as long as that helps.
    fn take_waiting_pages(&mut self, report: &mut BundleImport) -> Result<(), CollectorError> {
        let seat = self.seat.seat;
        let mut after = 0;
        while let Some(waiting) =
            self.store.read(|tx| tx.waiting_page_after(seat, after)).map_err(CollectorError::Store)?
        {
            after = waiting.id;
            if self.take_page(&waiting.request, &waiting.page, true, report)? {
                self.store.write(|tx| tx.forget_waiting_page(waiting.id)).map_err(CollectorError::Store)?;
                // It may be what an older row waited for.
                after = 0;
            }
        }
        Ok(())
    }

    /// A file that the registry packed: kept by its hash, until a publication names it.
    fn take_file(&mut self, content: &[u8], report: &mut BundleImport) -> Result<(), CollectorError> {
        if content.len() as u64 > MAX_BLOB_BYTES {
            return Ok(());
        }
        let sha256: [u8; 32] = Sha256::digest(content).into();
        let is_new = self.store.write(|tx| {
            let is_new = !tx.has_blob(&sha256)?;
            tx.put_blob(&sha256, content)?;
            Ok::<_, CollectorError>(is_new)
        })?;
        report.files += u64::from(is_new);
        Ok(())
    }

    fn pull_request(&self) -> Result<PullRequest, CollectorError> {
        let Anchor { log, head, .. } = self.anchor()?;
        let seat = self.seat.seat;
        let (cursor, have) = crate::sync::standing_of_pull(&self.store, seat)?;
        Ok(PullRequest { log, cursor, known_tree_size: head.map_or(0, |head| head.size), have })
    }

    /// Files of publications that are not here.
    fn wanted_files(&self) -> Result<Vec<[u8; 32]>, CollectorError> {
        self.store.read(|tx| {
            let mut wanted = BTreeSet::new();
            for publication in tx.publications()? {
                if publication.state == PublicationState::Fetching {
                    for file in tx.publication_files(publication.delta)? {
                        if !tx.has_blob(&file.sha256)? {
                            wanted.insert(file.sha256);
                        }
                    }
                }
            }
            Ok::<_, CollectorError>(wanted.into_iter().collect())
        })
    }
}
