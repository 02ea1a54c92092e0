//! A world: laptops, roads and a server, moved on step by step by a seed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use collector_core::{
    Collector, CollectorError, Enrolment, Home, InvitationCode, KdfParams, PullFailure, PushFailure,
    SyncReport,
};
use device_store::DeviceStore;
use record_model::{FindingKind, Instant, RecordId, Role, Visit};
use registry_core::{BranchRequest, BundleAnswer, DecideRequest, InvitationDraft, RegistryError, Resolution};
use registry_store::{ItemFilter, RegistryStoreExt};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use testkit::seeded::Seeded;

use crate::bug::Bug;
use crate::check;
use crate::folders::{replace_folder, world_folder};
use crate::form::{COMMUNES, area, communes_within, lineage, publication};
use crate::laptop::{Copied, Laptop, PASSPHRASE};
use crate::ledger::{Breach, Declared, Ledger};
use crate::road::Road;
use crate::rogue::Rogue;
use crate::server::{Request, Server, Sun, Unanswered};

const BEGINNING: i64 = 1_760_000_000_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Of a bundle: so little that most have several.
const PART_BYTES: usize = 4 * 1024;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

/// Rounds of everybody syncing, without faults, after which all must be quiet.
const ROUNDS: usize = 30;

/// How large a world is, and how long it turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) laptops: usize,
    pub(crate) steps: usize,
}

/// Twelve laptops: most seeds.
pub(crate) const SMALL: Size = Size { laptops: 12, steps: 260 };
/// A hundred laptops: a few seeds.
pub(crate) const LARGE: Size = Size { laptops: 100, steps: 1_400 };

/// What a world came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// A hash over all that happened: equal for equal seeds.
    pub(crate) trace: String,
    /// What the checker found.
    pub(crate) breaches: Vec<Breach>,
    /// Interviews declared finished.
    pub(crate) declared: usize,
    /// Places of chains that two deltas claim.
    pub(crate) forks: usize,
}

pub(crate) struct World {
    folder: TempDir,
    bug: Option<Bug>,
    pub(crate) dice: Seeded,
    sun: Sun,
    pub(crate) server: Server,
    pub(crate) laptops: Vec<Laptop>,
    pub(crate) ledger: Ledger,
    rogue: Rogue,
    late: Vec<Request>,
    /// Sticks on their way to the office, and back: whose they are, and the parts on them.
    sticks_up: Vec<(usize, Vec<Vec<u8>>)>,
    sticks_down: Vec<(usize, Vec<Vec<u8>>)>,
    copies: usize,
    published: usize,
    trace: Sha256,
    loud: bool,
}

/// Plays a seed to its end.
pub(crate) fn play(seed: u64, size: Size, bug: Option<Bug>) -> Outcome {
    let mut world = World::begin(seed, size, bug);
    for _ in 0..size.steps {
        world.step();
    }
    world.come_to_rest();
    let forks = check::everything(&mut world);
    world.go_on_after_forks();
    let trace = data_encoding::HEXLOWER.encode(&world.trace.clone().finalize());
    let Ledger { breaches, declared, .. } = world.ledger;
    Outcome { trace, breaches, declared: declared.len(), forks }
}

impl World {
    pub(crate) fn begin(seed: u64, size: Size, bug: Option<Bug>) -> Self {
        let folder = world_folder();
        let dice = Seeded::new(seed);
        let sun: Sun = Arc::new(AtomicI64::new(BEGINNING));
        let mut server = Server::found(folder.path(), &sun, dice.child("server", 0), bug);
        server.ask(|registry| registry.publish(lineage(), publication("1"))).expect("a form is published");
        let rogue = Rogue::enrol(&mut server, COMMUNES[0]);
        let mut world = Self {
            folder,
            bug,
            dice,
            sun,
            server,
            laptops: Vec::new(),
            ledger: Ledger::default(),
            rogue,
            late: Vec::new(),
            sticks_up: Vec::new(),
            sticks_down: Vec::new(),
            copies: 0,
            published: 1,
            trace: Sha256::new(),
            loud: std::env::var_os("LAKOU_TRACE").is_some(),
        };
        world.ledger.rogues.insert(world.rogue.seat());
        for number in 0..size.laptops {
            world.enrol(number);
        }
        let _ = world.server.ask(|registry| registry.merge_all());
        for at in 0..world.laptops.len() {
            world.sync(at, false);
        }
        world
    }

    fn enrol(&mut self, number: usize) {
        let random = self.dice.child("laptop", number as u64);
        let skew = self.skew();
        let home = self.folder.path().join(format!("laptop-{number}"));
        let mut laptop = Laptop::new(format!("L{number}"), home, &self.sun, skew, random);
        // Most work in one commune, some in a whole department.
        let code = if number % 6 == 5 { "HT01" } else { COMMUNES[number % COMMUNES.len()] };
        (laptop.area, laptop.communes) = (area(code), communes_within(code));
        let code = self.invite(code, &laptop.person);
        let enrolment = Enrolment {
            code: &code,
            person: &laptop.person,
            device: &laptop.name,
            passphrase: PASSPHRASE,
            kdf: KdfParams::WEAK_FOR_TESTS,
        };
        let mut road = Road {
            server: &mut self.server,
            ledger: &mut self.ledger,
            dice: &mut self.dice,
            late: &mut self.late,
            foul: false,
            home: &laptop.home,
            wreck: self.folder.path().join("wreck"),
            power_is_out: false,
            posted: Vec::new(),
            page_missed: None,
            told: String::new(),
        };
        let collector = Collector::enrol(&Home::at(&laptop.home), &enrolment, laptop.ports(), &mut road)
            .expect("a laptop is enrolled on a fair road");
        laptop.seat = collector.who_am_i().seat;
        laptop.collector = Some(collector);
        self.laptops.push(laptop);
    }

    fn invite(&mut self, code: &str, person: &str) -> InvitationCode {
        let draft = InvitationDraft {
            person: person.to_owned(),
            role: Role::Enumerator,
            areas: vec![area(code)],
            lineages: vec![],
            valid_ms: YEAR_MS,
        };
        let invited = self.server.ask(|registry| registry.invite(draft)).expect("an invitation");
        invited.parse().expect("an invitation's code")
    }

    /// Half the laptops are right, the others wrong by up to two years.
    fn skew(&mut self) -> i64 {
        if self.dice.chance(50) { 0 } else { self.dice.between(-2 * YEAR_MS..=2 * YEAR_MS) }
    }

    fn tell(&mut self, line: &str) {
        if self.loud {
            eprintln!("{line}");
        }
        self.trace.update(line);
        self.trace.update("\n");
    }

    fn pass(&self, ms: i64) {
        self.sun.fetch_add(ms, Ordering::Relaxed);
    }

    // --- what happens -----------------------------------------------------------------------------------------------

    fn step(&mut self) {
        let minutes = self.dice.between(1..=600);
        self.pass(minutes * MINUTE_MS);
        if self.dice.chance(18) { self.at_the_office() } else { self.in_the_field() }
    }

    fn in_the_field(&mut self) {
        type Act = fn(&mut World, usize) -> Result<String, CollectorError>;
        const ACTS: [(Act, u64); 15] = [
            (World::begin_interview, 12),
            (World::answer, 9),
            (World::finish, 12),
            (World::correct, 14),
            (World::change_members, 6),
            (World::sync_foul, 28),
            (World::send_stick, 4),
            (World::read_stick, 4),
            (World::lock, 4),
            (World::cut_power, 2),
            (World::back_up, 4),
            (World::restore, 2),
            (World::double, 1),
            (World::set_clock, 3),
            (World::withdraw, 1),
        ];
        let at = self.dice.below(self.laptops.len() as u64) as usize;
        let act = self.dice.weighted(&ACTS);
        let said = match act(self, at) {
            Ok(said) => said,
            Err(error) => {
                let word = word_of(&error);
                if !is_to_be_expected(&error) {
                    let what = format!("{}: {error:?}", self.laptops[at].name);
                    self.ledger.breaches.push(Breach::Failed { what });
                }
                word
            }
        };
        let line = format!("{} {said}", self.laptops[at].name);
        self.tell(&line);
    }

    fn begin_interview(&mut self, at: usize) -> Result<String, CollectorError> {
        self.new_interview(at).map(|record| format!("begins {record}"))
    }

    pub(crate) fn new_interview(&mut self, at: usize) -> Result<RecordId, CollectorError> {
        let dated = self.dice.chance(50).then(|| self.true_visit());
        let commune = self.dice.below(self.laptops[at].communes.len() as u64) as usize;
        let commune = self.laptops[at].communes[commune].clone();
        let record = self.laptops[at].start(&commune, dated)?;
        self.ledger.places.insert(record, commune);
        self.say_something(at, record)?;
        self.laptops[at].add_member(record, "Rose", "01")?;
        let more = self.dice.below(3);
        for number in 0..more {
            self.laptops[at].add_member(record, &format!("Ti {number}"), "02")?;
        }
        Ok(record)
    }

    fn true_visit(&self) -> Visit {
        Visit { at: Instant::from_unix_ms(self.sun.load(Ordering::Relaxed)), utc_offset_minutes: -300 }
    }

    fn say_something(&mut self, at: usize, record: RecordId) -> Result<(), CollectorError> {
        let roof = self.dice.pick(&["tin", "tile", "thatch"]);
        let (phone, rooms) = (self.dice.below(100), self.dice.below(9));
        let laptop = &mut self.laptops[at];
        for (path, typed) in
            [("roof", roof), ("phone", &format!("3412 00{phone:02}")), ("rooms", &rooms.to_string())]
        {
            if self.dice.chance(60) {
                laptop.say(record, path, typed)?;
            }
        }
        Ok(())
    }

    /// An interview under way, if there is one.
    fn open_record(&mut self, at: usize) -> Option<RecordId> {
        let open: Vec<RecordId> = self.laptops[at].on_disk.open.keys().copied().collect();
        if open.is_empty() { None } else { Some(self.dice.pick(&open)) }
    }

    fn answer(&mut self, at: usize) -> Result<String, CollectorError> {
        let Some(record) = self.open_record(at) else { return self.begin_interview(at) };
        self.say_something(at, record)?;
        Ok(format!("answers {record}"))
    }

    fn finish(&mut self, at: usize) -> Result<String, CollectorError> {
        let Some(record) = self.open_record(at) else { return self.begin_interview(at) };
        self.declare(at, record)
    }

    pub(crate) fn declare(&mut self, at: usize, record: RecordId) -> Result<String, CollectorError> {
        let laptop = &mut self.laptops[at];
        let finished = laptop.unlocked()?.finalise(record)?;
        let said = laptop.on_disk.open.remove(&record).unwrap_or_default();
        laptop.on_disk.declared.insert(finished.delta);
        let delta = finished.delta;
        self.ledger.declared.push(Declared { seat: laptop.seat, record, delta, said });
        Ok(format!("declares {record} {delta}"))
    }

    fn correct(&mut self, at: usize) -> Result<String, CollectorError> {
        let Some(record) = self.any_record(at)? else { return self.begin_interview(at) };
        if self.dice.chance(70) {
            let visit = if self.dice.chance(50) { self.true_visit() } else { self.laptops[at].visit_now() };
            self.laptops[at].unlocked()?.visit(record, visit)?;
        }
        self.say_something(at, record)?;
        if self.dice.chance(75) { self.declare(at, record) } else { Ok(format!("corrects {record}")) }
    }

    fn any_record(&mut self, at: usize) -> Result<Option<RecordId>, CollectorError> {
        let known = self.laptops[at].known_records()?;
        Ok(if known.is_empty() { None } else { Some(self.dice.pick(&known)) })
    }

    fn change_members(&mut self, at: usize) -> Result<String, CollectorError> {
        let Some(record) = self.any_record(at)? else { return self.begin_interview(at) };
        let members = self.laptops[at].members(record)?;
        if members.len() > 1 && self.dice.chance(60) {
            let member = self.dice.below(members.len() as u64) as usize;
            self.laptops[at].unlocked()?.remove_instance(record, &members[member], "moved away")?;
        } else {
            let relationship = if members.is_empty() { "01" } else { "02" };
            self.laptops[at].add_member(record, "Jan", relationship)?;
        }
        self.laptops[at].on_disk.open.entry(record).or_default();
        if self.dice.chance(60) { self.declare(at, record) } else { Ok(format!("members of {record}")) }
    }

    fn withdraw(&mut self, at: usize) -> Result<String, CollectorError> {
        let Some(record) = self.any_record(at)? else { return self.begin_interview(at) };
        let laptop = &mut self.laptops[at];
        laptop.unlocked()?.withdraw(record, "counted twice")?;
        laptop.on_disk.open.remove(&record);
        Ok(format!("withdraws {record}"))
    }

    fn lock(&mut self, at: usize) -> Result<String, CollectorError> {
        self.laptops[at].lock();
        Ok("locks".to_owned())
    }

    fn cut_power(&mut self, at: usize) -> Result<String, CollectorError> {
        let wreck = self.folder.path().join("wreck");
        self.laptops[at].power_cut(&wreck);
        Ok("loses power".to_owned())
    }

    fn set_clock(&mut self, at: usize) -> Result<String, CollectorError> {
        let skew = self.skew();
        self.laptops[at].set_skew(skew);
        Ok(format!("is wrong by {skew} ms"))
    }

    fn back_up(&mut self, at: usize) -> Result<String, CollectorError> {
        let how = if self.dice.chance(60) { Copied::ByCollector } else { Copied::AsImage };
        let folder = self.new_folder();
        self.laptops[at].back_up(folder, how)?;
        Ok(format!("is copied {how:?}"))
    }

    /// A place for a copy.
    pub(crate) fn new_folder(&mut self) -> PathBuf {
        self.copies += 1;
        self.folder.path().join(format!("copy-{}", self.copies))
    }

    fn restore(&mut self, at: usize) -> Result<String, CollectorError> {
        if self.ledger.restored && self.laptops[at].last_copy() == Some(Copied::AsImage) {
            return Ok("is not put back as it was".to_owned());
        }
        let how = self.laptops[at].restore();
        if how == Some(Copied::AsImage) {
            self.ledger.doubled.insert(self.laptops[at].seat);
        }
        Ok(format!("is restored {how:?}"))
    }

    /// Somebody images the disk onto a second machine, and both are used.
    pub(crate) fn double(&mut self, at: usize) -> Result<String, CollectorError> {
        if self.ledger.restored {
            return Ok("is not doubled".to_owned());
        }
        self.copies += 1;
        let name = format!("{}'{}", self.laptops[at].name, self.copies);
        let home = self.folder.path().join(format!("double-{}", self.copies));
        let (skew, random) = (self.skew(), self.dice.child("double", self.copies as u64));
        let double = self.laptops[at].clone_to(name, home, skew, random);
        self.ledger.doubled.insert(double.seat);
        self.laptops.push(double);
        Ok("is doubled".to_owned())
    }

    fn sync_foul(&mut self, at: usize) -> Result<String, CollectorError> {
        self.sync(at, true);
        Ok("synced".to_owned())
    }

    /// One sync, on a foul road or a fair one. None when it did not come to its end.
    pub(crate) fn sync(&mut self, at: usize, foul: bool) -> Option<SyncReport> {
        let wreck = self.folder.path().join("wreck");
        if let Err(error) = self.laptops[at].unlocked() {
            let what = format!("{} cannot be unlocked: {error:?}", self.laptops[at].name);
            self.ledger.breaches.push(Breach::Failed { what });
            return None;
        }
        let laptop = &mut self.laptops[at];
        let mut collector = laptop.collector.take().expect("it was unlocked above");
        let mut road = Road {
            server: &mut self.server,
            ledger: &mut self.ledger,
            dice: &mut self.dice,
            late: &mut self.late,
            foul,
            home: &laptop.home,
            wreck: wreck.clone(),
            power_is_out: false,
            posted: Vec::new(),
            page_missed: None,
            told: String::new(),
        };
        let synced = collector.sync(&mut road, &mut |_| {});
        let Road { power_is_out, posted, page_missed, mut told, .. } = road;
        match self.bug {
            Some(Bug::DeleteBeforeReceipt) => believe_in_posting(laptop, &posted),
            Some(Bug::CheckpointPastGap) => take_over_cursor(laptop, page_missed),
            _ => {}
        }
        if power_is_out {
            drop(collector);
            replace_folder(&laptop.home, &wreck);
            let _ = std::fs::remove_dir_all(&wreck);
        } else {
            laptop.collector = Some(collector);
        }
        let report = match synced {
            Ok(report) => {
                let SyncReport { cut, delivered, pulled, applied, .. } = &report;
                let _ = write!(told, " cut {cut} delivered {delivered} pulled {pulled} {applied:?}");
                Some(report)
            }
            Err(error) => {
                told.push_str(&word_of(&error));
                if !is_to_be_expected(&error) {
                    let what = format!("{}: {error:?}", laptop.name);
                    self.ledger.breaches.push(Breach::Failed { what });
                }
                None
            }
        };
        let line = format!("{} syncs:{told}", self.laptops[at].name);
        self.tell(&line);
        report
    }

    /// Writes a stick for the office. Parts are small, so that there are several.
    fn send_stick(&mut self, at: usize) -> Result<String, CollectorError> {
        let bundle = self.laptops[at].unlocked()?.export_bundle(PART_BYTES)?;
        let parts: Vec<Vec<u8>> = bundle.files.into_iter().map(|file| file.bytes).collect();
        let said = format!("sends a stick of {} parts", parts.len());
        self.sticks_up.push((at, parts));
        Ok(said)
    }

    /// A stick comes to the office: some parts twice, one perhaps not at all. The answer goes back on another.
    fn take_stick(&mut self) -> String {
        if self.sticks_up.is_empty() {
            return "no stick comes".to_owned();
        }
        let which = self.dice.below(self.sticks_up.len() as u64) as usize;
        let (at, mut parts) = self.sticks_up.remove(which);
        self.mistreat(&mut parts);
        let mut taken = Vec::new();
        for part in &parts {
            match self.server.ask(|registry| registry.take_bundle_part(part)) {
                Ok(part) => taken.push(part),
                Err(Unanswered::Died) => return "the server dies over a stick".to_owned(),
                Err(Unanswered::Refused(error)) => {
                    let what = format!("a stick of {} is refused: {error:?}", self.laptops[at].name);
                    self.ledger.breaches.push(Breach::Failed { what });
                }
            }
        }
        let mut down = Vec::new();
        for answer in BundleAnswer::to(taken) {
            match self.server.ask(|registry| registry.pack_answer(answer, PART_BYTES)) {
                Ok(files) => down.extend(files.into_iter().map(|file| file.bytes)),
                Err(error) => return format!("no stick goes back: {}", short::<()>(&Err(error))),
            }
        }
        let said = format!("a stick of {} came, and {} parts go back", self.laptops[at].name, down.len());
        self.sticks_down.push((at, down));
        said
    }

    fn mistreat(&mut self, parts: &mut Vec<Vec<u8>>) {
        self.dice.shuffle(parts);
        if parts.len() > 1 && self.dice.chance(20) {
            parts.pop();
        }
        if self.dice.chance(20) {
            let twice = parts.first().cloned();
            parts.extend(twice);
        }
    }

    /// A stick comes back from the office, to the laptop it was written for.
    fn read_stick(&mut self, _: usize) -> Result<String, CollectorError> {
        if self.sticks_down.is_empty() {
            return Ok("waits for a stick".to_owned());
        }
        let which = self.dice.below(self.sticks_down.len() as u64) as usize;
        let (at, mut parts) = self.sticks_down.remove(which);
        self.mistreat(&mut parts);
        let mut delivered = 0;
        for part in &parts {
            delivered += self.laptops[at].unlocked()?.import_bundle_part(part)?.delivered;
        }
        Ok(format!(
            "reads for {} a stick of {} parts: {delivered} delivered",
            self.laptops[at].name,
            parts.len()
        ))
    }

    // --- at the office ----------------------------------------------------------------------------------------------

    fn at_the_office(&mut self) {
        type Act = fn(&mut World) -> String;
        const ACTS: [(Act, u64); 12] = [
            (World::take_stick, 10),
            (World::merge, 12),
            (World::decide, 14),
            (World::decide_fork, 4),
            (World::back_up_server, 3),
            (World::put_server_back, 1),
            (World::restart, 4),
            (World::seal_fate, 8),
            (World::revoke, 2),
            (World::publish, 2),
            (World::let_rogue_act, 8),
            (World::let_late_arrive, 12),
        ];
        let act = self.dice.weighted(&ACTS);
        let line = act(self);
        self.tell(&line);
    }

    fn merge(&mut self) -> String {
        format!("the office merges: {}", short(&self.server.ask(|registry| registry.merge_all())))
    }

    fn decide(&mut self) -> String {
        let filter = ItemFilter { open_only: true, ..ItemFilter::default() };
        let Ok(items) = self.server.ask(|registry| registry.items(&filter, 1_000)) else {
            return "the office looks in vain".to_owned();
        };
        if items.is_empty() {
            return "the office has nothing to decide".to_owned();
        }
        let item = &items[self.dice.below(items.len() as u64) as usize];
        let resolution = match item.kind {
            FindingKind::Conflict => {
                Resolution::Choose(1 + self.dice.below(item.alternatives.len() as u64) as usize)
            }
            FindingKind::RemovedAndEdited if self.dice.chance(50) => Resolution::Restore,
            _ => Resolution::Keep,
        };
        let request = DecideRequest {
            item: item.id,
            resolution,
            reason: "telephone".to_owned(),
            account: "supervisor".to_owned(),
        };
        let decided = self.server.ask(|registry| registry.decide(request));
        format!("the office decides {}: {}", item.id, short(&decided))
    }

    fn back_up_server(&mut self) -> String {
        format!("the office makes a backup: {}", self.server.back_up())
    }

    /// The server is lost and put back. The office knows from its papers what it had published; whom it had ended, laptops
    /// bring back.
    fn put_server_back(&mut self) -> String {
        // What a fork or a revocation came to may come out otherwise in a log that was put back: kept and visible, and yet
        // not the same on all sides. So a world has the one or the other.
        if !self.ledger.doubled.is_empty() || !self.ledger.revoked.is_empty() {
            return "the office takes better care of its server".to_owned();
        }
        if !self.server.put_back() {
            return "the office has no backup".to_owned();
        }
        let known = self.server.registry().store().read(|tx| {
            Ok(tx.log_after(0, 1_000_000)?.iter().map(|entry| entry.delta.hash()).collect::<BTreeSet<_>>())
        });
        let known = known.expect("the log can be read");
        // What no disk holds any more is gone with the server; what one holds must come back.
        self.ledger.acknowledged.retain(|delta| known.contains(delta));
        self.ledger.restored = true;
        for number in 1..=self.published {
            let files = publication(&number.to_string());
            let _ = self.server.ask(|registry| registry.publish(lineage(), files));
        }
        "the server is put back from its backup".to_owned()
    }

    /// Says of one fork which branch stands, if there is one.
    pub(crate) fn decide_fork(&mut self) -> String {
        let Ok(forks) = self.server.ask(|registry| registry.forks()) else {
            return "the office looks in vain".to_owned();
        };
        let Some(fork) = forks.into_iter().find(|fork| fork.stands.is_none()) else {
            return "the office has no fork to decide".to_owned();
        };
        let branch = &fork.branches[self.dice.below(fork.branches.len() as u64) as usize];
        let request = BranchRequest {
            seat: fork.seat,
            epoch: fork.epoch,
            stands: branch.first,
            reason: "the other is the old computer".to_owned(),
            account: "supervisor".to_owned(),
        };
        let decided = self.server.ask(|registry| registry.decide_fork(request));
        format!("the office names {} of {} branches: {}", branch.first, fork.branches.len(), short(&decided))
    }

    fn restart(&mut self) -> String {
        self.server.restart();
        "the server is restarted".to_owned()
    }

    fn seal_fate(&mut self) -> String {
        let (writes, commits) = (1 + self.dice.below(6), self.dice.chance(50));
        self.server.fate.seal(writes, commits);
        format!("the server will end at write {writes}, committed: {commits}")
    }

    fn revoke(&mut self) -> String {
        if self.ledger.restored || self.ledger.revoked.len() * 10 >= self.laptops.len() {
            return "the office revokes nobody".to_owned();
        }
        let at = self.dice.below(self.laptops.len() as u64) as usize;
        let seat = self.laptops[at].seat;
        let revoked = self.server.ask(|registry| registry.revoke(seat, "stolen".to_owned()));
        // A server that dies over it may have done it.
        if !matches!(revoked, Err(Unanswered::Refused(_))) {
            self.ledger.revoked.insert(seat);
        }
        format!("the office revokes {}: {}", self.laptops[at].name, short(&revoked))
    }

    fn publish(&mut self) -> String {
        if self.published >= 3 {
            return "the office publishes nothing".to_owned();
        }
        self.published += 1;
        let files = publication(&self.published.to_string());
        let published = self.server.ask(|registry| registry.publish(lineage(), files));
        format!("the office publishes: {}", short(&published))
    }

    fn let_rogue_act(&mut self) -> String {
        self.rogue.act(&mut self.server, &mut self.dice)
    }

    fn let_late_arrive(&mut self) -> String {
        if self.late.is_empty() {
            return "nothing is late".to_owned();
        }
        let at = self.dice.below(self.late.len() as u64) as usize;
        let request = self.late.remove(at);
        let status = self.server.handle(&request).map(|answer| answer.status);
        format!("a late request arrives: {status:?}")
    }

    // --- the end ----------------------------------------------------------------------------------------------------

    /// Faults stop. Everybody syncs until nobody has anything to send or to take.
    fn come_to_rest(&mut self) {
        while !self.late.is_empty() {
            self.let_late_arrive();
        }
        self.server.restart();
        self.tell("faults stop");
        let mut last = String::new();
        for _ in 0..ROUNDS {
            self.pass(HOUR_MS);
            let _ = self.server.ask(|registry| registry.merge_all());
            self.decide_all_forks();
            match self.round() {
                None => return,
                Some(busy) => last = busy,
            }
        }
        self.ledger.breaches.push(Breach::NotQuiet { what: last });
    }

    pub(crate) fn decide_all_forks(&mut self) {
        loop {
            let line = self.decide_fork();
            self.tell(&line);
            if !line.starts_with("the office names") {
                return;
            }
        }
    }

    /// Everybody syncs once. Names one who was not quiet, if there is one.
    fn round(&mut self) -> Option<String> {
        let mut busy = None;
        for at in 0..self.laptops.len() {
            let quiet = match self.sync(at, false) {
                Some(report) => report.pulled + report.delivered + report.cut == 0,
                // A seat that was ended is shown nothing more, but what it has is taken.
                None => self.ledger.revoked.contains(&self.laptops[at].seat) && self.unsent(at) == 0,
            };
            if !quiet {
                let unsent = self.unsent(at);
                busy = Some(format!("{} with {unsent} to send", self.laptops[at].name));
            }
        }
        busy
    }

    pub(crate) fn unsent(&mut self, at: usize) -> u64 {
        let status = self.laptops[at].unlocked().and_then(|collector| collector.status());
        status.map_or(0, |status| status.deltas.to_send.deltas)
    }

    /// Whatever happened to its chain, a laptop in good standing can go on: what it says next is merged. The first
    /// interview after a fork may be what makes the fork known.
    fn go_on_after_forks(&mut self) {
        for at in 0..self.laptops.len() {
            let seat = self.laptops[at].seat;
            if !self.ledger.doubled.contains(&seat) || self.ledger.revoked.contains(&seat) {
                continue;
            }
            let went_on = (0..3).any(|_| self.is_merged_at_last(at));
            if !went_on {
                self.ledger.breaches.push(Breach::Stuck { laptop: self.laptops[at].name.clone() });
            }
        }
    }

    fn is_merged_at_last(&mut self, at: usize) -> bool {
        let Ok(record) = self.new_interview(at) else { return false };
        if self.declare(at, record).is_err() {
            return false;
        }
        for _ in 0..3 {
            self.pass(HOUR_MS);
            self.sync(at, false);
        }
        let merged = self.server.ask(|registry| {
            registry.merge_all()?;
            registry.record(record)
        });
        merged.is_ok()
    }
}

/// The bug [`Bug::DeleteBeforeReceipt`].
fn believe_in_posting(laptop: &Laptop, posted: &[record_model::DeltaHash]) {
    let (mut store, _) =
        DeviceStore::unlock(&Home::at(&laptop.home), &laptop.person, PASSPHRASE).expect("the store is there");
    store
        .write(|tx| {
            for delta in posted {
                tx.mark_delivered(*delta, Instant::from_unix_ms(0))?;
            }
            Ok::<_, device_store::DeviceStoreError>(())
        })
        .expect("a mark is written");
}

/// The bug [`Bug::CheckpointPastGap`].
fn take_over_cursor(laptop: &Laptop, page: Option<(u64, Vec<u8>)>) {
    let Some((cursor, head)) = page else { return };
    let (mut store, _) =
        DeviceStore::unlock(&Home::at(&laptop.home), &laptop.person, PASSPHRASE).expect("the store is there");
    store.write(|tx| tx.set_cursor(laptop.seat, cursor, &head)).expect("a cursor is written");
}

/// What roads, forms and supervisors do to honest people.
fn is_to_be_expected(error: &CollectorError) -> bool {
    match error {
        CollectorError::Disconnected(_)
        | CollectorError::Blocked { .. }
        | CollectorError::Withdrawn { .. }
        | CollectorError::Empty { .. }
        // A restored laptop may not have it any more.
        | CollectorError::UnknownRecord { .. }
        // The record came; the files of its form come with the next sync.
        | CollectorError::UnknownRevision { .. }
        | CollectorError::Push(PushFailure::NotOurs { .. } | PushFailure::Refused { .. })
        | CollectorError::Pull(PullFailure::NotOurs { .. } | PullFailure::Refused { .. }) => true,
        _ => false,
    }
}

/// In one word or two, the same in every run.
fn word_of(error: &CollectorError) -> String {
    match error {
        CollectorError::Disconnected(_) => " cut off".to_owned(),
        CollectorError::Push(failure) => format!(" push {failure:?}"),
        CollectorError::Pull(failure) => format!(" pull {failure:?}"),
        CollectorError::Blocked { .. } => "is blocked by a rule".to_owned(),
        CollectorError::Withdrawn { .. } => "finds the record withdrawn".to_owned(),
        CollectorError::Empty { .. } => "finds the record empty".to_owned(),
        CollectorError::UnknownRevision { .. } => "lacks the form".to_owned(),
        CollectorError::UnknownRecord { .. } => "does not know the record".to_owned(),
        _ => "fails".to_owned(),
    }
}

fn short<T>(answer: &Result<T, Unanswered>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(Unanswered::Died) => "dies over it",
        Err(Unanswered::Refused(RegistryError::SettledItem { .. })) => "settled already",
        Err(Unanswered::Refused(_)) => "refused",
    }
}
