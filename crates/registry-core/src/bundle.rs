//! Bundles: what laptops without a network send by USB stick, mail or messenger, and what goes back to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use record_model::{BundleId, LogId, SeatId};
use signed_delta::{Act, Body, EnrolmentRequest, SeatStanding, SignedDelta, TreeHead};
use sync_protocol::{
    BundleError, BundleItem, BundlePart, Packer, PullPage, PullRequest, PushBatch, SealedPart,
    read_request_file, seal_answer_file,
};

use crate::error::RegistryError;
use crate::registry::Registry;

/// Files that a part may ask for; a laptop that wants more asks again.
pub const MAX_WANTED_FILES: usize = 1_000;

/// Pages of one answer to a bundle; a laptop that is further behind asks again with its next.
pub const MAX_BUNDLE_PAGES: usize = 10_000;

/// One part of an answer, to be written to a file of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Without anybody's name.
    pub name: String,
    /// Sealed to the seat it is for.
    pub bytes: Vec<u8>,
}

/// What a part from a laptop brought, and what is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPart {
    /// Which bundle.
    pub bundle: BundleId,
    /// Which part of it, from 1.
    pub part: u32,
    /// True for its last.
    pub last: bool,
    /// Who packed it.
    pub seat: SeatId,
    /// Deltas in it.
    pub deltas: u64,
    /// Of those, not taken into the log; the receipts say why.
    pub refused: u64,
    /// Batches and requests that could not be read: another version's, or made to confuse.
    pub unread: u64,
    /// Receipts to send back.
    receipts: Vec<Vec<u8>>,
    request: Option<PullRequest>,
    wanted: Vec<[u8; 32]>,
}

/// What is to go back to one seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleAnswer {
    /// Whose.
    pub seat: SeatId,
    receipts: Vec<Vec<u8>>,
    /// From where its pull goes on, as the device asked; none: it is sent no pages.
    request: Option<PullRequest>,
    wanted: BTreeSet<[u8; 32]>,
}

impl BundleAnswer {
    /// For a seat of which nothing came: everything it may see, from the beginning.
    pub fn from_nothing(seat: SeatId) -> Self {
        let request = PullRequest {
            log: record_model::LogId::from_bytes([0; 16]),
            cursor: 0,
            known_tree_size: 0,
            have: Vec::new(),
        };
        Self { seat, receipts: Vec::new(), request: Some(request), wanted: BTreeSet::new() }
    }

    /// For one part alone, as it comes over a relay: its receipts, and pages only if it asks for some. The parts of its
    /// bundle are answered each for itself, and but one of them asks.
    pub fn to_part(part: TakenPart) -> Self {
        let TakenPart { seat, receipts, request, wanted, .. } = part;
        Self { seat, receipts, request, wanted: wanted.into_iter().collect() }
    }

    fn is_empty(&self) -> bool {
        self.receipts.is_empty() && self.request.is_none() && self.wanted.is_empty()
    }

    /// For each seat that packed one of these parts: all receipts, and the pull that came last.
    pub fn to(parts: Vec<TakenPart>) -> Vec<Self> {
        let mut answers: Vec<Self> = Vec::new();
        for part in parts {
            let at = answers.iter().position(|answer| answer.seat == part.seat).unwrap_or_else(|| {
                answers.push(Self::from_nothing(part.seat));
                answers.len() - 1
            });
            let answer = &mut answers[at];
            answer.receipts.extend(part.receipts);
            answer.wanted.extend(part.wanted);
            if part.request.is_some() {
                answer.request = part.request;
            }
        }
        answers
    }
}

impl Registry {
    /// Takes one part that a laptop packed: every batch in it as if it had come over the network, in one durable commit
    /// each. A part that comes twice changes nothing and is answered the same.
    pub fn take_bundle_part(&self, file: &[u8]) -> Result<TakenPart, RegistryError> {
        let sealed = SealedPart::read(file)?;
        let facts = self.facts();
        if sealed.label.deployment != facts.deployment {
            return Err(BundleError::OtherDeployment { found: sealed.label.deployment }.into());
        }
        if sealed.label.addressee.is_some() {
            return Err(RegistryError::BundleForDevice);
        }
        let opened = sealed.open(&self.sealing_identity())?;
        let seat = opened.claimed_packer();
        let standing = self.standing(seat)?;
        let part = opened.verify(facts.deployment, &standing.certificate.public_key)?;
        let mut taken = TakenPart {
            bundle: part.label.bundle,
            part: part.label.part,
            last: part.label.last,
            seat,
            deltas: 0,
            refused: 0,
            unread: 0,
            receipts: Vec::new(),
            request: None,
            wanted: Vec::new(),
        };
        for item in part.items {
            match item {
                BundleItem::Push(batch) => {
                    // What cannot be read keeps nothing else in the part from being taken.
                    let Ok(batch) = PushBatch::decode(&batch) else {
                        taken.unread += 1;
                        continue;
                    };
                    let receipt = self.receive(&batch)?;
                    taken.deltas += batch.envelopes.len() as u64;
                    taken.refused += receipt.refusals.len() as u64;
                    taken.receipts.push(receipt.encode());
                }
                BundleItem::Pull(request) => match PullRequest::decode(&request) {
                    Ok(request) => taken.request = Some(request),
                    Err(_) => taken.unread += 1,
                },
                BundleItem::Wanted(hashes) => {
                    taken.wanted.extend(hashes.into_iter().take(MAX_WANTED_FILES));
                }
                // Only the registry packs these.
                BundleItem::Receipt(_)
                | BundleItem::Page { .. }
                | BundleItem::File(_)
                | BundleItem::Restoration(_) => {}
            }
        }
        Ok(taken)
    }

    /// Certifies who asks in this file, as over the network, and gives the file of the answer. What else there is for the
    /// new seat is packed with [`BundleAnswer::from_nothing`].
    pub fn take_enrolment_request(&self, file: &[u8]) -> Result<(SeatId, BundleFile), RegistryError> {
        let request = read_request_file(file)?;
        let answer = self.enrol(request)?.encode();
        let asked = EnrolmentRequest::decode_and_verify(request, self.facts().deployment)
            .map_err(|error| RegistryError::Enrolment { reason: error.to_string() })?;
        let seat = asked.public_key.seat();
        let (name, bytes) = seal_answer_file(&answer, request, seat, &asked.sealing_recipient)
            .map_err(|error| RegistryError::Enrolment { reason: error.to_string() })?;
        Ok((seat, BundleFile { name, bytes }))
    }

    /// Packs what goes back to a seat: receipts, then all that it may see and does not have, then the files of the forms
    /// among it. A seat that is revoked or whose certificate has run out is sent its receipts and nothing else.
    pub fn pack_answer(
        &self,
        answer: BundleAnswer,
        max_part_bytes: usize,
    ) -> Result<Vec<BundleFile>, RegistryError> {
        if answer.is_empty() {
            return Ok(Vec::new());
        }
        let standing = self.standing(answer.seat)?;
        let own = self.registry_key().seat();
        let mut packer = Packer::new(
            self.facts().deployment,
            self.random_bundle(),
            Some(answer.seat),
            own,
            max_part_bytes,
        );
        let mut parts: Vec<BundlePart> = Vec::new();
        // Who asked for what follows in a log that has ended is told first how it goes on.
        let follows = answer.request.as_ref().map(|request| request.log);
        if follows.is_some_and(|log| log != self.facts().log && log != LogId::from_bytes([0; 16])) {
            for restoration in self.restorations()? {
                parts.extend(packer.add(BundleItem::Restoration(restoration)));
            }
        }
        for receipt in answer.receipts {
            parts.extend(packer.add(BundleItem::Receipt(receipt)));
        }
        let mut files = answer.wanted;
        if !self.is_shut_out(&standing) {
            let mut next = answer.request;
            for _ in 0..MAX_BUNDLE_PAGES {
                let Some(request) = next else { break };
                let page = self.pull(&standing, &request)?;
                files.extend(files_named_in(&page));
                let (more, next_cursor, head) = (page.more, page.next_cursor, page.head.clone());
                let item = BundleItem::Page { request: request.encode(), page: page.encode() };
                parts.extend(packer.add(item));
                if !more {
                    break;
                }
                // As the device would ask on, once it has stored this page.
                let head = TreeHead::decode_and_verify(&head, self.facts().deployment, &self.registry_key())
                    .map_err(|_| RegistryError::damaged("the tree head just signed"))?;
                next = Some(PullRequest {
                    log: head.log,
                    cursor: next_cursor,
                    known_tree_size: head.size,
                    ..request
                });
            }
            let visible = self.visible_files(&standing)?;
            for sha256 in files.intersection(&visible) {
                if let Some(content) = self.blob(*sha256)? {
                    parts.extend(packer.add(BundleItem::File(content)));
                }
            }
        }
        parts.push(packer.finish());
        let recipient = standing.certificate.sealing_recipient.as_str();
        let seal = |part: BundlePart| {
            let bytes = self.seal_part(&part, recipient)?;
            Ok(BundleFile { name: part.label.file_name(), bytes })
        };
        parts.into_iter().map(seal).collect()
    }

    /// The files of a publication that a seat may have; none when it may not, or there is none.
    pub fn blob_for(
        &self,
        standing: &SeatStanding,
        sha256: [u8; 32],
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        if self.visible_files(standing)?.contains(&sha256) { self.blob(sha256) } else { Ok(None) }
    }

    fn visible_files(&self, standing: &SeatStanding) -> Result<BTreeSet<[u8; 32]>, RegistryError> {
        let publications = self.publications()?.into_iter();
        let covered = publications.filter(|row| standing.certificate.covers_lineage(&row.lineage));
        Ok(covered.flat_map(|row| row.files).map(|file| file.sha256).collect())
    }

    fn standing(&self, seat: SeatId) -> Result<Arc<SeatStanding>, RegistryError> {
        self.refresh(false)?;
        self.roster().standing(seat).ok_or(RegistryError::UnknownSeat { seat })
    }
}

/// Files of the publications in a page.
fn files_named_in(page: &PullPage) -> Vec<[u8; 32]> {
    let mut files = Vec::new();
    for pulled in &page.deltas {
        let Ok(delta) = SignedDelta::decode(&pulled.envelope) else { continue };
        let (_, _, body) = delta.parts();
        let act = body.and_then(|body| Body::decode(delta.header().kind, body).ok()).map(|body| body.act);
        if let Some(Act::Publication(act)) = act {
            files.extend(act.files.iter().map(|file| file.sha256));
        }
    }
    files
}
