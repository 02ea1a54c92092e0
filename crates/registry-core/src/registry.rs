//! One deployment's registry over a store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use record_doc::derive_actor;
use record_model::{
    AreaCode, BundleId, Class, DeltaHash, EpochId, FormRevision, Hlc, Instant, ItemId, Lineage, LogId,
    ReasonCode, RecordId, RecordsHash, Role, SeatId,
};
use registry_store::{
    EpochRow, InvitationRow, ItemFilter, ItemRow, LogEntry, OutcomeRow, Projection, PublicationRow, ReadTx,
    RecordFilter, RecordRow, RegistryStore, RegistryStoreExt, SeatRow, StoreError, Tx,
};
use sha2::{Digest, Sha256};
use signed_delta::seal::SealingIdentity;
use signed_delta::{
    Act, Body, CertificateFields, DecisionAct, Draft, EnrolmentRequest, EpochAct, Header, OutcomeAct,
    PublicKey, PublicationAct, PublishedFile, Receipt, Refusal, RequestToSign, RestorationAct, RevocationAct,
    Roster, SeatCertificate, SeatKey, SeatStanding, Signature, Tree, TreeHead, VerifiedDelta, code_key,
    sign_answer, verify_request,
};
use sync_protocol::{
    BundlePart, EnrolAnswer, Inclusion, ProofAnswer, ProofRequest, PullPage, PullRequest, PushBatch,
};

use crate::catalog::{
    AREAS_FILE, Catalog, FORM_FILE, MAX_FILE_BYTES, compile_workbook, content_hash, read_areas,
};
use crate::desk::{self, DecideRequest, ItemDetail, Revoked};
use crate::enrol::{ENROLMENT_CODE_BYTES, InvitationDraft, enrolment_code, plain_name};
use crate::error::RegistryError;
use crate::facts::{DeploymentFacts, RegistryKeys, Surroundings, random};
use crate::forks::{BranchRequest, ForkDetail, branch_act, forks_of, restorations};
use crate::ingest::{apply_batch, judge_batch};
use crate::judge::has_expired;
use crate::merge::{Means, StepPlan, apply_step, plan_step, said_to_have_killed};
use crate::proof::{ENGINE_VERSION, RebuildReport, VerifyReport, verify_log};
use crate::pull;
use crate::roster::{SharedRoster, seat_row};

/// Names of settings. None was ever retired.
mod setting {
    pub(super) const FACTS: &str = "facts";
    pub(super) const REGISTRY_EPOCH: &str = "registry_epoch";
    pub(super) const DESK_EPOCH: &str = "desk_epoch";
    /// Rises whenever seats or publications change, so that other processes read them again.
    pub(super) const ROSTER_VERSION: &str = "roster_version";
    pub(super) const TREE_HEAD: &str = "tree_head";
    pub(super) const REBUILDING: &str = "rebuilding";
    pub(super) const BACKED_UP_THROUGH: &str = "backed_up_through";
}

/// The counter of registration ranges, one a seat.
const RANGE_COUNTER: &str = "registration_range";

/// More seats than are enrolled between two backups.
const RANGES_PASSED_OVER: u64 = 1_000;

/// One deployment's registry. Cheap to clone; all clones share it.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn RegistryStore>,
    keys: RegistryKeys,
    facts: DeploymentFacts,
    surroundings: Arc<dyn Surroundings>,
    roster: SharedRoster,
    catalog: RwLock<Arc<Catalog>>,
    /// The roster version the caches were read at.
    cached_version: Mutex<Vec<u8>>,
    tree: Mutex<Tree>,
    /// One step at a time in this process; other processes are held off by [`StepPlan::from`].
    merging: Mutex<()>,
    workers: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// Founds a deployment in an empty store: settings, the registry's own chain, the desk's seat.
    pub fn found(
        store: Arc<dyn RegistryStore>,
        keys: RegistryKeys,
        facts: DeploymentFacts,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, RegistryError> {
        if store.read(|tx| tx.setting(setting::FACTS))?.is_some() {
            return Err(RegistryError::AlreadyFounded);
        }
        let registry = Self::assemble(store, keys, facts, surroundings);
        registry.lay_foundations()?;
        registry.refresh(true)?;
        Ok(registry)
    }

    /// Opens a founded deployment; finishes a rebuild that was cut short.
    pub fn open(
        store: Arc<dyn RegistryStore>,
        keys: RegistryKeys,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, RegistryError> {
        let stored = store.read(|tx| tx.setting(setting::FACTS))?.ok_or(RegistryError::NotFounded)?;
        let facts = serde_json::from_slice(&stored)
            .map_err(|_| RegistryError::damaged("the deployment's settings"))?;
        let registry = Self::assemble(store, keys, facts, surroundings);
        registry.refresh(true)?;
        let own = registry.inner.keys.registry.seat();
        let known = registry.inner.store.read(|tx| tx.epochs_of(own))?;
        if known.is_empty() {
            return Err(RegistryError::OtherKeys);
        }
        if registry.inner.store.read(|tx| tx.setting(setting::REBUILDING))?.is_some_and(|flag| flag == [1]) {
            registry.replay()?;
        }
        Ok(registry)
    }

    fn assemble(
        store: Arc<dyn RegistryStore>,
        keys: RegistryKeys,
        facts: DeploymentFacts,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        let roster = SharedRoster::new(facts.deployment, keys.registry.public());
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            inner: Arc::new(Inner {
                store,
                keys,
                facts,
                surroundings,
                roster,
                catalog: RwLock::default(),
                cached_version: Mutex::default(),
                tree: Mutex::default(),
                merging: Mutex::default(),
                workers,
            }),
        }
    }

    fn lay_foundations(&self) -> Result<(), RegistryError> {
        let inner = Arc::clone(&self.inner);
        let facts = serde_json::to_vec(&inner.facts)
            .map_err(|_| RegistryError::damaged("the deployment's settings"))?;
        let now = inner.surroundings.now();
        let epochs: [EpochId; 2] = [self.random_epoch(), self.random_epoch()];
        let salts: Vec<[u8; 16]> = (0..3).map(|_| random(inner.surroundings.as_ref())).collect();
        let desk = SeatCertificate {
            public_key: inner.keys.desk.public(),
            sealing_recipient: inner.facts.recovery_recipient.clone(),
            fields: CertificateFields {
                person: "Desk".to_owned(),
                device: "Server".to_owned(),
                role: Role::Server,
                areas: Vec::new(),
                lineages: Vec::new(),
                registration_range: 0,
                valid_until: None,
            },
        };
        self.run(move |tx| {
            tx.put_setting(setting::FACTS, &facts)?;
            tx.put_setting(setting::REGISTRY_EPOCH, epochs[0].as_bytes())?;
            tx.put_setting(setting::DESK_EPOCH, epochs[1].as_bytes())?;
            inner.say(tx, Act::Epoch(EpochAct { previous: None }), salts[0], now)?;
            let index = inner.say(tx, Act::Certificate(desk.clone()), salts[1], now)?;
            tx.put_seat(&seat_row(&desk, index))?;
            inner.roster.reload(tx)?;
            let opening =
                inner.desk_draft(tx, Act::Epoch(EpochAct { previous: None }), None, salts[2], now)?;
            apply_batch(tx, &[opening], now)?;
            bump(tx)
        })
    }

    /// Runs a write and brings a plan's own error back out.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        self.inner.store.write(work).map_err(RegistryError::from_store)
    }

    fn look<T>(&self, work: impl FnOnce(&dyn ReadTx) -> Result<T, StoreError>) -> Result<T, RegistryError> {
        self.inner.store.read(work).map_err(RegistryError::from_store)
    }

    fn random_epoch(&self) -> EpochId {
        EpochId::from_bytes(random(self.inner.surroundings.as_ref()))
    }

    /// Reads seats and publications again if another process changed them.
    pub(crate) fn refresh(&self, always: bool) -> Result<(), RegistryError> {
        let version = self.look(|tx| tx.setting(setting::ROSTER_VERSION))?.unwrap_or_default();
        let mut cached = lock(&self.inner.cached_version);
        if !always && *cached == version {
            return Ok(());
        }
        let known = self.catalog();
        let catalog = self.look(|tx| {
            self.inner.roster.reload(tx)?;
            Catalog::load(tx, &known)
        })?;
        *self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
        *cached = version;
        Ok(())
    }

    // --- what is known -------------------------------------------------------------------------------------------

    /// What this deployment is.
    pub fn facts(&self) -> &DeploymentFacts {
        &self.inner.facts
    }

    /// The anchor every device believes.
    pub fn registry_key(&self) -> PublicKey {
        self.inner.keys.registry.public()
    }

    /// Published forms and areas.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The store, for lists that need no judgement.
    pub fn store(&self) -> &Arc<dyn RegistryStore> {
        &self.inner.store
    }

    /// Every area inside the given ones, themselves included.
    pub fn areas_within(&self, areas: &[AreaCode]) -> Vec<AreaCode> {
        let mut inside = self.catalog().areas().within_any(areas);
        inside.extend(areas.iter().cloned());
        inside.sort();
        inside.dedup();
        inside
    }

    // --- seats ---------------------------------------------------------------------------------------------------

    /// Makes a one-time code; only its hash is kept.
    pub fn invite(&self, draft: InvitationDraft) -> Result<String, RegistryError> {
        let secret: [u8; ENROLMENT_CODE_BYTES] = random(self.inner.surroundings.as_ref());
        let now = self.inner.surroundings.now();
        let row = InvitationRow {
            code_key: *code_key(&secret).public().as_bytes(),
            expires_at: draft.expires_at(now),
            person: draft.person,
            role: draft.role,
            areas: draft.areas,
            lineages: draft.lineages,
            created_at: now,
            used_by: None,
        };
        self.run(move |tx| tx.put_invitation(&row))?;
        Ok(enrolment_code(self.inner.facts.deployment, &self.registry_key(), &secret))
    }

    /// Certifies a seat against its one-time code. Sent twice, the same request is answered the same.
    pub fn enrol(&self, request: &[u8]) -> Result<EnrolAnswer, RegistryError> {
        let refuse = |reason: String| RegistryError::Enrolment { reason };
        let asked = request;
        let request = EnrolmentRequest::decode_and_verify(request, self.inner.facts.deployment)
            .map_err(|error| refuse(error.to_string()))?;
        plain_name(&request.person).and_then(|()| plain_name(&request.device)).map_err(refuse)?;
        signed_delta::seal::check_recipient(&request.sealing_recipient)
            .map_err(|error| refuse(error.to_string()))?;
        let inner = Arc::clone(&self.inner);
        let now = inner.surroundings.now();
        let salt = random(inner.surroundings.as_ref());
        let index = self.run(move |tx| certify(&inner, tx, &request, salt, now))?;
        self.refresh(false)?;
        let certificate = self.look(|tx| {
            tx.log_entry(index)?.ok_or_else(|| RegistryError::damaged("a certificate is missing").into())
        })?;
        let Inner { keys, facts, .. } = self.inner.as_ref();
        let mut answer = EnrolAnswer {
            certificate: certificate.delta.encode(),
            deployment: facts.deployment,
            registry_key: *self.registry_key().as_bytes(),
            recovery_recipient: facts.recovery_recipient.clone(),
            training: facts.training,
            registration_prefix: facts.registration_prefix.clone(),
            server_recipient: keys.sealing_identity().recipient(),
            signature: Signature::from_bytes([0; 64]),
        };
        answer.signature = sign_answer(&keys.registry, facts.deployment, &answer.digest(asked));
        Ok(answer)
    }

    /// Every seat, by order of certificate.
    pub fn seats(&self) -> Result<Vec<SeatRow>, RegistryError> {
        self.look(|tx| tx.seats())
    }

    /// Every invitation, oldest first.
    pub fn invitations(&self) -> Result<Vec<InvitationRow>, RegistryError> {
        self.look(|tx| tx.invitations())
    }

    /// Ends a seat where the log has it now. What arrives later is set aside, never thrown away.
    pub fn revoke(&self, seat: SeatId, reason: String) -> Result<Revoked, RegistryError> {
        let inner = Arc::clone(&self.inner);
        let now = inner.surroundings.now();
        let salt = random(inner.surroundings.as_ref());
        let revoked = self.run(move |tx| {
            let row = tx.seat(seat)?.ok_or(RegistryError::UnknownSeat { seat })?;
            if row.revocation_index.is_some() {
                return Err(RegistryError::Revoked { seat }.into());
            }
            let last = tx.epochs_of(seat)?.last().map(|epoch| (epoch.epoch, epoch.through_seq));
            let act = RevocationAct { seat, last, reason: reason.clone() };
            let index = inner.say(tx, Act::Revocation(act), salt, now)?;
            tx.put_seat(&SeatRow { revocation_index: Some(index), ..row })?;
            bump(tx)?;
            Ok(Revoked { last })
        })?;
        self.refresh(false)?;
        Ok(revoked)
    }

    // --- forms ---------------------------------------------------------------------------------------------------

    /// Publishes a form revision with the files of its pack; gives what the compiler warns of. The same content published
    /// again changes nothing.
    pub fn publish(
        &self,
        lineage: Lineage,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<(FormRevision, form_engine::Diagnostics), RegistryError> {
        let form = files.get(FORM_FILE).ok_or_else(|| RegistryError::Pack {
            file: FORM_FILE.to_owned(),
            reason: "the publication has no form".to_owned(),
        })?;
        let (form, warnings) = compile_workbook(form)?;
        if let Some(areas) = files.get(AREAS_FILE) {
            read_areas(areas)?;
        }
        let too_large = files.iter().find(|(_, content)| content.len() > MAX_FILE_BYTES);
        if let Some((name, content)) = too_large {
            let reason = format!("{} bytes, at most {MAX_FILE_BYTES} are taken", content.len());
            return Err(RegistryError::Pack { file: name.clone(), reason });
        }
        let revision = form.revision();
        let inner = Arc::clone(&self.inner);
        let now = inner.surroundings.now();
        let salt = random(inner.surroundings.as_ref());
        self.run(move |tx| publish(&inner, tx, &lineage, revision, &files, salt, now))?;
        self.refresh(false)?;
        Ok((revision, warnings))
    }

    /// Every publication, in order.
    pub fn publications(&self) -> Result<Vec<PublicationRow>, RegistryError> {
        self.look(|tx| tx.publications())
    }

    /// Content of a published file.
    pub fn blob(&self, sha256: [u8; 32]) -> Result<Option<Vec<u8>>, RegistryError> {
        self.look(|tx| tx.blob(sha256))
    }

    // --- devices ---------------------------------------------------------------------------------------------------

    /// Checks that a certified seat signed exactly this request, and takes its counter. Says nothing of what the seat
    /// may do: a revoked seat's work is still taken. Only who proved to be the seat is told its last counter.
    pub fn authenticate(
        &self,
        seat: SeatId,
        request: &RequestToSign<'_>,
        signature: &Signature,
    ) -> Result<Arc<SeatStanding>, RegistryError> {
        self.refresh(false)?;
        let standing = self.inner.roster.standing(seat).ok_or(RegistryError::UnknownSeat { seat })?;
        let key = &standing.certificate.public_key;
        if !verify_request(request, key, self.inner.facts.deployment, signature) {
            return Err(RegistryError::RequestRefused { seat });
        }
        if request.log != self.inner.facts.log && request.log != LogId::from_bytes([0; 16]) {
            return Err(RegistryError::OtherLog { restorations: self.restorations()? });
        }
        let counter = request.counter;
        let now = self.inner.surroundings.now();
        self.run(move |tx| {
            if !tx.take_request_counter(seat, counter)? {
                let last = tx.request_counter(seat)?;
                return Err(RegistryError::RequestRepeated { seat, last }.into());
            }
            tx.touch_seat(seat, now)
        })?;
        Ok(standing)
    }

    /// Takes a batch: verifies each frame on its own, appends what holds in one durable commit, and signs a receipt.
    pub fn receive(&self, batch: &PushBatch) -> Result<Receipt, RegistryError> {
        self.refresh(false)?;
        let digest = batch.digest();
        let now = self.inner.surroundings.now();
        let mut judged = judge_batch(batch, &self.inner.roster, self.inner.workers);
        if self.take_back(&judged.own, now)? {
            // Others in the batch may be known only now.
            judged = judge_batch(batch, &self.inner.roster, self.inner.workers);
        }
        // The registry's own chain is written here and nowhere else: what it says again it says anew.
        let refuse = |(index, _): &(u32, _)| Refusal { index: *index, reason: ReasonCode::RoleNotAllowed };
        judged.refusals.extend(judged.own.iter().map(refuse));
        judged.refusals.sort_by_key(|refusal| refusal.index);
        let chains = if judged.verified.is_empty() {
            Vec::new()
        } else {
            let verified = judged.verified;
            self.run(move |tx| apply_batch(tx, &verified, now))?
        };
        let head = self.tree_head()?;
        let backed_up = self.backed_up_through()?;
        let Inner { keys, facts, .. } = self.inner.as_ref();
        Ok(Receipt::sign(&keys.registry, facts.deployment, head, digest, chains, judged.refusals, backed_up))
    }

    /// Says again what the registry said after the backup it was put back from, and laptops kept: who is certified, and who
    /// no longer is. True when any of it was news.
    fn take_back(&self, own: &[(u32, VerifiedDelta)], now: Instant) -> Result<bool, RegistryError> {
        let own: Vec<VerifiedDelta> =
            own.iter().map(|(_, delta)| delta).filter(|delta| is_said_again(delta)).cloned().collect();
        if own.is_empty() || self.restorations()?.is_empty() {
            return Ok(false);
        }
        let inner = Arc::clone(&self.inner);
        let salt: [u8; 16] = random(inner.surroundings.as_ref());
        let any = self.run(move |tx| {
            let mut any = false;
            for (number, delta) in (1..).zip(&own) {
                let salt = nth_salt(&salt, number);
                match delta.act() {
                    Act::Certificate(certificate) if tx.seat(certificate.seat())?.is_none() => {
                        let index = inner.say(tx, delta.act().clone(), salt, now)?;
                        tx.put_seat(&seat_row(certificate, index))?;
                        any = true;
                    }
                    Act::Revocation(act) => {
                        let live = tx.seat(act.seat)?.filter(|row| row.revocation_index.is_none());
                        let Some(row) = live else { continue };
                        let index = inner.say(tx, delta.act().clone(), salt, now)?;
                        tx.put_seat(&SeatRow { revocation_index: Some(index), ..row })?;
                        any = true;
                    }
                    _ => {}
                }
            }
            if any {
                bump(tx)?;
            }
            Ok(any)
        })?;
        self.refresh(false)?;
        Ok(any)
    }

    /// What the seat may see after its cursor.
    pub fn pull(&self, standing: &SeatStanding, request: &PullRequest) -> Result<PullPage, RegistryError> {
        let seat = standing.certificate.seat();
        if standing.revoked_after.is_some() {
            return Err(RegistryError::Revoked { seat });
        }
        if has_expired(standing, self.inner.surroundings.now()) {
            return Err(RegistryError::CertificateExpired { seat });
        }
        let filter = pull::filter_of(standing, &self.catalog(), request);
        let page = self.look(|tx| pull::page(tx, filter, request.cursor))?;
        let (head, consistency) = self.head_with_proof(request.known_tree_size)?;
        let mut page = PullPage {
            deltas: page.deltas,
            next_cursor: page.next_cursor,
            more: page.more,
            head: head.encode(),
            consistency,
            signature: Signature::from_bytes([0; 64]),
        };
        let Inner { keys, facts, .. } = self.inner.as_ref();
        page.signature = sign_answer(&keys.registry, facts.deployment, &page.digest(&request.digest()));
        Ok(page)
    }

    /// Where these deltas stand in the log, with the way from each to the root. What the log does not have is left out.
    /// Whoever knows a delta's hash has had the delta: there is nothing to hide.
    pub fn prove(&self, request: &ProofRequest) -> Result<ProofAnswer, RegistryError> {
        let found: Vec<(DeltaHash, LogEntry)> = self.look(|tx| {
            let mut found = Vec::with_capacity(request.deltas.len());
            for place in &request.deltas {
                let chain = tx.chain_at(place.seat, place.epoch, place.seq)?;
                let Some((index, hash)) = chain.into_iter().find(|(_, hash)| *hash == place.hash) else {
                    continue;
                };
                found.extend(tx.log_entry(index)?.map(|entry| (hash, entry)));
            }
            Ok(found)
        })?;
        self.with_tree(|tree, head| {
            let prove = |(hash, entry): (DeltaHash, LogEntry)| {
                let proof = tree.prove_inclusion(entry.index - 1)?;
                Some(Inclusion { hash, log_index: entry.index, received_at: entry.received_at, proof })
            };
            ProofAnswer {
                head: head.encode(),
                consistency: tree.prove_consistency(request.known_tree_size).unwrap_or_default(),
                inclusions: found.into_iter().filter_map(prove).collect(),
            }
        })
    }

    /// The log's state now, signed.
    pub fn tree_head(&self) -> Result<TreeHead, RegistryError> {
        Ok(self.head_with_proof(0)?.0)
    }

    /// The log's state now, signed, with the proof that it began as the log of `known_size` entries. A size we never had
    /// has no proof; the device finds out by the head itself.
    fn head_with_proof(&self, known_size: u64) -> Result<(TreeHead, Vec<u8>), RegistryError> {
        self.with_tree(|tree, head| (head, tree.prove_consistency(known_size).unwrap_or_default()))
    }

    /// The tree of everything the log has now, and its signed head.
    fn with_tree<T>(&self, work: impl FnOnce(&Tree, TreeHead) -> T) -> Result<T, RegistryError> {
        let mut tree = lock(&self.inner.tree);
        let size = tree.size();
        for leaf in self.look(|tx| tx.leaves_after(size))? {
            tree.push(leaf);
        }
        let Inner { keys, facts, surroundings, .. } = self.inner.as_ref();
        let (key, now) = (&keys.registry, surroundings.now());
        let head = TreeHead::sign(key, facts.deployment, facts.log, tree.size(), tree.root(), now);
        Ok(work(&tree, head))
    }

    fn backed_up_through(&self) -> Result<u64, RegistryError> {
        let stored = self.look(|tx| tx.setting(setting::BACKED_UP_THROUGH))?;
        Ok(stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    // --- bundles ---------------------------------------------------------------------------------------------------

    pub(crate) fn roster(&self) -> &dyn Roster {
        &self.inner.roster
    }

    pub(crate) fn sealing_identity(&self) -> SealingIdentity {
        self.inner.keys.sealing_identity()
    }

    pub(crate) fn random_bundle(&self) -> BundleId {
        BundleId::from_bytes(random(self.inner.surroundings.as_ref()))
    }

    /// True for a seat that is shown nothing more.
    pub(crate) fn is_shut_out(&self, standing: &SeatStanding) -> bool {
        standing.revoked_after.is_some() || has_expired(standing, self.inner.surroundings.now())
    }

    pub(crate) fn seal_part(&self, part: &BundlePart, recipient: &str) -> Result<Vec<u8>, RegistryError> {
        part.seal(&self.inner.keys.registry, &[recipient])
            .map_err(|_| RegistryError::damaged("a certificate names no age recipient"))
    }

    // --- merging ---------------------------------------------------------------------------------------------------

    /// Works through the next entries of the log; gives how many. Zero: nothing waits.
    pub fn merge_step(&self) -> Result<usize, RegistryError> {
        let _one_at_a_time = lock(&self.inner.merging);
        self.step()
    }

    /// Works through everything the log holds.
    pub fn merge_all(&self) -> Result<(), RegistryError> {
        while self.merge_step()? > 0 {}
        Ok(())
    }

    fn step(&self) -> Result<usize, RegistryError> {
        self.refresh(false)?;
        let catalog = self.catalog();
        let killed = BTreeSet::new();
        let plan = self.look(|tx| plan_step(tx, &self.inner.roster, &self.means(&catalog, &killed)))?;
        let count = (plan.through - plan.from) as usize;
        if count == 0 {
            return Ok(0);
        }
        let head = self.tree_head()?.encode();
        let inner = Arc::clone(&self.inner);
        let now = inner.surroundings.now();
        let salt: [u8; 16] = random(inner.surroundings.as_ref());
        let applied = self.run(move |tx| {
            if tx.merged_through()? != plan.from {
                // Another process took these entries.
                return Ok(false);
            }
            let mut said = 0_u64;
            apply_step(
                tx,
                &plan,
                Some(&mut |tx: &mut dyn Tx, act: OutcomeAct| {
                    said += 1;
                    let salt = nth_salt(&salt, said);
                    inner.say(tx, Act::Outcome(act), salt, now).map(drop)
                }),
            )?;
            tx.put_setting(setting::TREE_HEAD, &head)?;
            Ok(true)
        })?;
        Ok(if applied { count } else { 1 })
    }

    fn means<'a>(&'a self, catalog: &'a Catalog, killed: &'a BTreeSet<u64>) -> Means<'a> {
        let inner = self.inner.as_ref();
        Means { catalog, merger: inner.surroundings.merger(), workers: inner.workers, killed }
    }

    // --- review ----------------------------------------------------------------------------------------------------

    /// Review items by (opened index, id), at most `limit`.
    pub fn items(&self, filter: &ItemFilter, limit: usize) -> Result<Vec<ItemRow>, RegistryError> {
        self.look(|tx| tx.items(filter, limit))
    }

    /// How many items the filter names.
    pub fn count_items(&self, filter: &ItemFilter) -> Result<u64, RegistryError> {
        self.look(|tx| tx.count_items(filter))
    }

    /// An item with its evidence.
    pub fn item(&self, item: ItemId) -> Result<ItemDetail, RegistryError> {
        self.look(|tx| desk::detail(tx, item))
    }

    /// Entries that are not merged, with the reason, by log index.
    pub fn set_aside(&self, limit: usize) -> Result<Vec<OutcomeRow>, RegistryError> {
        self.look(|tx| tx.set_aside(limit))
    }

    /// Signs and merges a decision. Of two deciders the second is told that the item is settled.
    pub fn decide(&self, request: DecideRequest) -> Result<(), RegistryError> {
        let _one_at_a_time = lock(&self.inner.merging);
        // Whatever waits comes first: it may change the item.
        while self.step()? > 0 {}
        let inner = Arc::clone(&self.inner);
        let now = inner.surroundings.now();
        let (salt, message) = (random(inner.surroundings.as_ref()), random(inner.surroundings.as_ref()));
        self.run(move |tx| decide(&inner, tx, &request, salt, message, now))?;
        while self.step()? > 0 {}
        Ok(())
    }

    /// Every fork, decided or not, with its branches.
    pub fn forks(&self) -> Result<Vec<ForkDetail>, RegistryError> {
        self.look(|tx| {
            let seats = tx.seats()?;
            forks_of(tx, seats.iter().map(|row| row.seat))
        })
    }

    /// Signs which branch of a fork stands, and merges it. What else of the epoch is not merged yet is written anew by its
    /// device, which hears of it; what was merged stays. Of two deciders the second is told that it is decided.
    pub fn decide_fork(&self, request: BranchRequest) -> Result<(), RegistryError> {
        let _one_at_a_time = lock(&self.inner.merging);
        while self.step()? > 0 {}
        let inner = Arc::clone(&self.inner);
        let now = inner.surroundings.now();
        let salt = random(inner.surroundings.as_ref());
        self.run(move |tx| {
            let (act, row) = branch_act(tx, &request)?;
            let index = inner.say(tx, Act::Branch(act), salt, now)?;
            tx.put_epoch(&EpochRow { decided_by: Some(index), ..row })
        })?;
        while self.step()? > 0 {}
        Ok(())
    }

    // --- records ---------------------------------------------------------------------------------------------------

    /// One record.
    pub fn record(&self, record: RecordId) -> Result<RecordRow, RegistryError> {
        self.look(|tx| tx.record(record))?.ok_or(RegistryError::UnknownRecord { record })
    }

    /// Records by id, at most `limit`.
    pub fn records(&self, filter: &RecordFilter, limit: usize) -> Result<Vec<RecordRow>, RegistryError> {
        self.look(|tx| tx.records(filter, limit))
    }

    /// What the registry says because of a record.
    pub fn projection(&self, record: RecordId) -> Result<Projection, RegistryError> {
        self.look(|tx| tx.projection(record))
    }

    /// `records_hash` over the records in these areas (those within included); none for all. And how many there are.
    pub fn records_hash(&self, areas: Option<&[AreaCode]>) -> Result<(usize, [u8; 32]), RegistryError> {
        let filter =
            RecordFilter { areas: areas.map(|areas| self.areas_within(areas)), ..RecordFilter::default() };
        let mut hash = RecordsHash::default();
        for (record, digest) in self.look(|tx| tx.digests(&filter))? {
            hash.add(record, digest);
        }
        Ok((hash.records(), hash.finish()))
    }

    /// `registry_hash`: everything that follows from the log, under this engine version.
    pub fn registry_hash(&self) -> Result<[u8; 32], RegistryError> {
        self.look(|tx| {
            let mut hasher = Sha256::new();
            hasher.update(b"lakou/registry/v1\0");
            hasher.update(ENGINE_VERSION.to_be_bytes());
            tx.visit_derived(&mut |part| {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            })?;
            Ok(hasher.finalize().into())
        })
    }

    // --- proof -----------------------------------------------------------------------------------------------------

    /// Checks the whole log; writes nothing.
    pub fn verify(&self) -> Result<VerifyReport, RegistryError> {
        self.verify_against(None)
    }

    /// Checks the whole log, and that it begins as it did when this tree head was exported ([`TreeHead::encode`]): neither
    /// cut back since nor written anew.
    pub fn verify_against(&self, exported_head: Option<&[u8]>) -> Result<VerifyReport, RegistryError> {
        self.inner.store.check().map_err(RegistryError::from_store)?;
        self.refresh(false)?;
        let Inner { facts, keys, roster, .. } = self.inner.as_ref();
        let mut report = self.look(|tx| {
            let head = tx.setting(setting::TREE_HEAD)?;
            verify_log(tx, roster, facts.log, head.as_deref(), exported_head)
        })?;
        // To it every laptop seals its store's key, so it is certified with the desk.
        let desk = roster.standing(keys.desk.seat());
        if desk.is_none_or(|desk| desk.certificate.sealing_recipient != facts.recovery_recipient) {
            report.add("the recovery recipient is not the one certified when the deployment was founded");
        }
        Ok(report)
    }

    /// Makes everything derived again from the log.
    pub fn rebuild(&self) -> Result<RebuildReport, RegistryError> {
        let _one_at_a_time = lock(&self.inner.merging);
        while self.step()? > 0 {}
        let before = self.registry_hash()?;
        self.run(|tx| {
            tx.put_setting(setting::REBUILDING, &[1])?;
            tx.clear_derived()
        })?;
        let entries = self.replay()?;
        let after = self.registry_hash()?;
        let hex = |hash: [u8; 32]| data_encoding::HEXLOWER.encode(&hash);
        Ok(RebuildReport { entries, before: hex(before), after: hex(after) })
    }

    /// Works the log through without saying outcomes or feeding devices again.
    fn replay(&self) -> Result<u64, RegistryError> {
        let catalog = self.catalog();
        let registry = self.inner.keys.registry.seat();
        let killed = self.look(|tx| said_to_have_killed(tx, registry))?;
        let means = self.means(&catalog, &killed);
        let mut entries = 0;
        loop {
            let plan: StepPlan = self.look(|tx| plan_step(tx, &self.inner.roster, &means))?;
            if plan.through == plan.from {
                break;
            }
            entries = plan.through;
            self.run(move |tx| apply_step(tx, &plan, None))?;
        }
        self.run(|tx| tx.put_setting(setting::REBUILDING, &[0]))?;
        Ok(entries)
    }

    /// Declares that this store was put back from a backup: from here its log goes on under another id, and devices send
    /// again what the backup lacks. Open the registry again afterwards: what is in memory is of the log that ended.
    pub fn declare_restored(&self) -> Result<LogId, RegistryError> {
        let _one_at_a_time = lock(&self.inner.merging);
        let head = self.tree_head()?;
        let inner = Arc::clone(&self.inner);
        let (now, randomness) = (inner.surroundings.now(), inner.surroundings.as_ref());
        let log = LogId::from_bytes(random(randomness));
        let epochs: [EpochId; 2] = [self.random_epoch(), self.random_epoch()];
        let salts: [[u8; 16]; 3] = [random(randomness), random(randomness), random(randomness)];
        let facts = DeploymentFacts { log, ..inner.facts.clone() };
        let facts =
            serde_json::to_vec(&facts).map_err(|_| RegistryError::damaged("the deployment's settings"))?;
        self.run(move |tx| {
            tx.put_setting(setting::FACTS, &facts)?;
            // The server that was lost may have written on in its own chains: nobody does again.
            let previous = chain_end(tx, inner.keys.registry.seat(), setting::REGISTRY_EPOCH)?;
            tx.put_setting(setting::REGISTRY_EPOCH, epochs[0].as_bytes())?;
            inner.say(tx, Act::Epoch(EpochAct { previous }), salts[0], now)?;
            let act = RestorationAct {
                previous: head.log,
                size: head.size,
                root: head.root,
                feed_size: tx.feed_len()?,
                log,
            };
            inner.say(tx, Act::Restoration(act), salts[1], now)?;
            let previous = chain_end(tx, inner.keys.desk.seat(), setting::DESK_EPOCH)?;
            tx.put_setting(setting::DESK_EPOCH, epochs[1].as_bytes())?;
            let opening = inner.desk_draft(tx, Act::Epoch(EpochAct { previous }), None, salts[2], now)?;
            apply_batch(tx, &[opening], now)?;
            // Nor is a range of registration numbers given twice.
            for _ in 0..RANGES_PASSED_OVER {
                tx.next_number(RANGE_COUNTER)?;
            }
            bump(tx)
        })?;
        Ok(log)
    }

    /// The registry's signed words on how its log went on from others, as envelopes, oldest first.
    pub fn restorations(&self) -> Result<Vec<Vec<u8>>, RegistryError> {
        let registry = self.registry_key().seat();
        let entries = self.look(|tx| restorations(tx, registry))?;
        Ok(entries.iter().map(|entry| entry.delta.encode()).collect())
    }

    /// Writes a consistent copy and notes how far it reaches, so that devices may purge what is below.
    pub fn backup_to(&self, copy: &std::path::Path) -> Result<u64, RegistryError> {
        // Counted before the copy begins: the copy holds at least that much.
        let through = self.look(|tx| tx.log_len())?;
        self.inner.store.backup_to(copy).map_err(RegistryError::from_store)?;
        self.run(move |tx| tx.put_setting(setting::BACKED_UP_THROUGH, &through.to_be_bytes()))?;
        Ok(through)
    }
}

impl Inner {
    /// Appends what the registry itself says; gives its log index.
    fn say(&self, tx: &mut dyn Tx, act: Act, salt: [u8; 16], now: Instant) -> Result<u64, StoreError> {
        let epoch = stored_epoch(tx, setting::REGISTRY_EPOCH)?;
        let delta = self.next_of_chain(tx, &self.keys.registry, epoch, act, None, salt, now)?;
        let index = tx.append(&delta, now)?;
        let header = delta.header();
        tx.put_epoch(&EpochRow {
            seat: header.seat,
            epoch,
            through_seq: header.seq,
            through_hash: delta.hash(),
            frozen_by: None,
            decided_by: None,
            ordinal: 0,
        })?;
        Ok(index)
    }

    /// What the desk says, signed and verified, not yet appended.
    fn desk_draft(
        &self,
        tx: &dyn ReadTx,
        act: Act,
        about: Option<(RecordId, u32, AreaCode)>,
        salt: [u8; 16],
        now: Instant,
    ) -> Result<VerifiedDelta, StoreError> {
        let epoch = stored_epoch(tx, setting::DESK_EPOCH)?;
        self.next_of_chain(tx, &self.keys.desk, epoch, act, about, salt, now)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a draft has that many parts, all chosen by the two callers above"
    )]
    fn next_of_chain(
        &self,
        tx: &dyn ReadTx,
        key: &SeatKey,
        epoch: EpochId,
        act: Act,
        about: Option<(RecordId, u32, AreaCode)>,
        salt: [u8; 16],
        now: Instant,
    ) -> Result<VerifiedDelta, StoreError> {
        let end = tx.epoch(key.seat(), epoch)?;
        let class = if about.is_some() { Class::Personal } else { Class::Public };
        let draft = Draft {
            epoch,
            seq: end.map_or(1, |row| row.through_seq + 1),
            prev_hash: end.map_or(Header::NO_PREVIOUS, |row| row.through_hash),
            about,
            class,
            hlc: Hlc::default().next(now),
            body: Body { salt, act },
        };
        key.sign_delta(self.facts.deployment, draft)
            .verify(&self.roster)
            .map_err(|_| RegistryError::damaged("the server's own seat is not certified").into())
    }
}

/// Distinct salts for one step's outcomes, from one random one.
fn nth_salt(salt: &[u8; 16], n: u64) -> [u8; 16] {
    let hash = record_model::hash_parts("lakou/salt/v1", [salt.as_slice(), n.to_be_bytes().as_slice()]);
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    salt
}

fn stored_epoch(tx: &dyn ReadTx, name: &str) -> Result<EpochId, StoreError> {
    let stored = tx.setting(name)?.and_then(|bytes| EpochId::from_slice(&bytes));
    stored.ok_or_else(|| RegistryError::damaged("the server's own epoch").into())
}

/// What laptops may bring back of the registry's own words: who is certified, and who no longer is.
fn is_said_again(delta: &VerifiedDelta) -> bool {
    matches!(delta.act(), Act::Certificate(_) | Act::Revocation(_))
}

/// Where the chain of one of the server's own seats ends, in its present epoch.
fn chain_end(
    tx: &dyn ReadTx,
    seat: SeatId,
    name: &str,
) -> Result<Option<(EpochId, u64, DeltaHash)>, StoreError> {
    let epoch = stored_epoch(tx, name)?;
    Ok(tx.epoch(seat, epoch)?.map(|row| (epoch, row.through_seq, row.through_hash)))
}

/// Other processes read seats and publications again.
fn bump(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let version = tx.next_number(setting::ROSTER_VERSION)?;
    tx.put_setting(setting::ROSTER_VERSION, &version.to_be_bytes())
}

fn certify(
    inner: &Inner,
    tx: &mut dyn Tx,
    request: &EnrolmentRequest,
    salt: [u8; 16],
    now: Instant,
) -> Result<u64, StoreError> {
    let invitation = tx.invitation(request.code_key)?.ok_or(RegistryError::UnknownCode)?;
    let seat = request.public_key.seat();
    if let Some(used_by) = invitation.used_by {
        // A lost answer: the same key asks again and is given the same certificate.
        let row = tx.seat(seat)?.filter(|_| used_by == seat).ok_or(RegistryError::UsedCode)?;
        return Ok(row.certificate_index);
    }
    if now >= invitation.expires_at {
        return Err(RegistryError::ExpiredCode.into());
    }
    if tx.seat(seat)?.is_some() {
        return Err(RegistryError::Enrolment { reason: "this key is certified already".to_owned() }.into());
    }
    // Who was invited by name is certified under that name.
    let person = if invitation.person.trim().is_empty() { &request.person } else { &invitation.person };
    let certificate = SeatCertificate {
        public_key: request.public_key,
        sealing_recipient: request.sealing_recipient.clone(),
        fields: CertificateFields {
            person: person.clone(),
            device: request.device.clone(),
            role: invitation.role,
            areas: invitation.areas.clone(),
            lineages: invitation.lineages.clone(),
            registration_range: u32::try_from(tx.next_number(RANGE_COUNTER)?).unwrap_or(u32::MAX),
            valid_until: None,
        },
    };
    let index = inner.say(tx, Act::Certificate(certificate.clone()), salt, now)?;
    tx.put_seat(&seat_row(&certificate, index))?;
    tx.put_invitation(&InvitationRow { used_by: Some(seat), ..invitation })?;
    bump(tx)?;
    Ok(index)
}

fn publish(
    inner: &Inner,
    tx: &mut dyn Tx,
    lineage: &Lineage,
    revision: FormRevision,
    files: &BTreeMap<String, Vec<u8>>,
    salt: [u8; 16],
    now: Instant,
) -> Result<(), StoreError> {
    let mut published = Vec::with_capacity(files.len());
    for (name, content) in files {
        let sha256 = content_hash(content);
        tx.put_blob(sha256, content)?;
        published.push(PublishedFile { name: name.clone(), sha256, size_bytes: content.len() as u64 });
    }
    let known = tx.publication(revision)?;
    if let Some(known) = known.as_ref().filter(|known| known.lineage != *lineage) {
        let reason = format!("this form is published as lineage {} already, not {lineage}", known.lineage);
        return Err(RegistryError::Pack { file: FORM_FILE.to_owned(), reason }.into());
    }
    if known.is_some_and(|known| known.lineage == *lineage && known.files == published) {
        return Ok(());
    }
    let act = PublicationAct { lineage: lineage.clone(), revision, files: published.clone() };
    let log_index = inner.say(tx, Act::Publication(act), salt, now)?;
    tx.put_publication(&PublicationRow { log_index, lineage: lineage.clone(), revision, files: published })?;
    bump(tx)
}

fn decide(
    inner: &Inner,
    tx: &mut dyn Tx,
    request: &DecideRequest,
    salt: [u8; 16],
    message: [u8; 16],
    now: Instant,
) -> Result<(), StoreError> {
    let item = tx.item(request.item)?.ok_or(RegistryError::UnknownItem { item: request.item })?;
    if item.settled.is_some() {
        return Err(RegistryError::SettledItem { item: request.item }.into());
    }
    let row = tx.record(item.record)?.ok_or(RegistryError::UnknownRecord { record: item.record })?;
    let answers = desk::answers_of(&item, &request.resolution)?;
    if request.reason.trim().is_empty() || request.account.trim().is_empty() {
        let reason = "a decision names who decided and why".to_owned();
        return Err(RegistryError::Resolution { reason }.into());
    }
    let epoch = stored_epoch(tx, setting::DESK_EPOCH)?;
    let desk = inner.keys.desk.public();
    let actor = derive_actor(desk.as_bytes(), epoch, item.record, row.generation);
    let write = desk::write_answers(&row, actor, message, &answers)?;
    let act = DecisionAct {
        item: item.id,
        settles: desk::settles(&item),
        reason: request.reason.clone(),
        account: request.account.clone(),
        write,
    };
    let about = Some((item.record, row.generation, row.area.clone()));
    let delta = inner.desk_draft(tx, Act::Decision(act), about, salt, now)?;
    apply_batch(tx, &[delta], now).map(drop)
}
