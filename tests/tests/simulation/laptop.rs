//! A laptop of a world: a real collector over a real encrypted store, and the person who uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use collector_core::{Clock, Collector, CollectorError, Home, InProcess, Ports, Randomness, RecordFilter};
use record_model::{Answers, AreaCode, DeltaHash, Instant, RecordId, SeatId, Visit};
use testkit::seeded::Seeded;

use crate::folders::{copy_folder, replace_folder};
use crate::form::lineage;
use crate::server::Sun;

pub(crate) const PASSPHRASE: &str = "kafe cho maten";

/// A clock that is wrong by as much as it is told to be.
#[derive(Clone)]
struct Watch {
    sun: Sun,
    skew_ms: Arc<AtomicI64>,
}

impl Clock for Watch {
    fn now(&self) -> Instant {
        let now = self.sun.fetch_add(1, Ordering::Relaxed);
        Instant::from_unix_ms(now + self.skew_ms.load(Ordering::Relaxed))
    }

    fn utc_offset_minutes(&self) -> i16 {
        -300
    }
}

/// Random bytes that follow from the world's seed. A store put back to an earlier day does not draw the same again.
#[derive(Clone)]
struct Urn(Arc<Mutex<Seeded>>);

impl Randomness for Urn {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.lock().expect("nobody panics with it").fill(bytes);
    }
}

/// What is gone when the disk is, and comes back with a copy of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct OnDisk {
    /// Finished interviews.
    pub(crate) declared: BTreeSet<DeltaHash>,
    /// Interviews under way, with what was said so far.
    pub(crate) open: BTreeMap<RecordId, Answers>,
}

/// How a copy of the disk was made, and so what putting it back means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// By the collector: what is opened from it knows that it is a copy.
    ByCollector,
    /// An image of the whole disk: nothing tells it from the original.
    AsImage,
}

struct Backup {
    folder: PathBuf,
    how: Copied,
    on_disk: OnDisk,
}

pub(crate) struct Laptop {
    pub(crate) name: String,
    pub(crate) person: String,
    pub(crate) home: PathBuf,
    /// The area it is certified for.
    pub(crate) area: AreaCode,
    /// The communes its person works in.
    pub(crate) communes: Vec<AreaCode>,
    pub(crate) seat: SeatId,
    pub(crate) on_disk: OnDisk,
    pub(crate) collector: Option<Collector>,
    watch: Watch,
    urn: Urn,
    backups: Vec<Backup>,
}

impl Laptop {
    pub(crate) fn new(name: String, home: PathBuf, sun: &Sun, skew_ms: i64, random: Seeded) -> Self {
        Self {
            person: name.clone(),
            name,
            home,
            area: crate::form::area("HT"),
            communes: Vec::new(),
            seat: SeatId::from_bytes([0; 16]),
            on_disk: OnDisk::default(),
            collector: None,
            watch: Watch { sun: Arc::clone(sun), skew_ms: Arc::new(AtomicI64::new(skew_ms)) },
            urn: Urn(Arc::new(Mutex::new(random))),
            backups: Vec::new(),
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            clock: Box::new(self.watch.clone()),
            randomness: Box::new(self.urn.clone()),
            merger: Arc::new(InProcess),
        }
    }

    /// What its clock would say.
    pub(crate) fn visit_now(&self) -> Visit {
        Visit { at: self.watch.now(), utc_offset_minutes: -300 }
    }

    pub(crate) fn set_skew(&self, skew_ms: i64) {
        self.watch.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// The collector, unlocked if it is not.
    pub(crate) fn unlocked(&mut self) -> Result<&mut Collector, CollectorError> {
        if self.collector.is_none() {
            let opened = Collector::unlock(&Home::at(&self.home), &self.person, PASSPHRASE, self.ports())?;
            self.collector = Some(opened);
        }
        Ok(self.collector.as_mut().expect("it was opened above"))
    }

    pub(crate) fn lock(&mut self) {
        self.collector = None;
    }

    /// Records that can be corrected, in order of their ids.
    pub(crate) fn known_records(&mut self) -> Result<Vec<RecordId>, CollectorError> {
        let listed = self.unlocked()?.list(&RecordFilter::default())?;
        let mut records: Vec<RecordId> = listed.iter().map(|row| row.record).collect();
        records.sort();
        Ok(records)
    }

    /// Begins an interview.
    pub(crate) fn start(
        &mut self,
        commune: &AreaCode,
        visit: Option<Visit>,
    ) -> Result<RecordId, CollectorError> {
        let record = self.unlocked()?.start(&lineage(), Some(commune), visit)?;
        self.on_disk.open.insert(record, Answers::new());
        Ok(record)
    }

    /// Answers a question, and remembers what was said.
    pub(crate) fn say(&mut self, record: RecordId, path: &str, typed: &str) -> Result<(), CollectorError> {
        let path = path.parse()?;
        let written = self.unlocked()?.set(record, &path, typed)?;
        self.on_disk.open.entry(record).or_default().extend(written);
        Ok(())
    }

    /// Adds a member.
    pub(crate) fn add_member(
        &mut self,
        record: RecordId,
        name: &str,
        relationship: &str,
    ) -> Result<(), CollectorError> {
        let instance = self.unlocked()?.add_instance(record, "roster", None)?;
        self.say(record, &format!("roster/{instance}/given_name"), name)?;
        self.say(record, &format!("roster/{instance}/relationship"), relationship)
    }

    /// The members of a household, removed ones left out, in the order of their ids.
    pub(crate) fn members(&mut self, record: RecordId) -> Result<Vec<String>, CollectorError> {
        let answers = self.unlocked()?.evaluate(record)?.answers;
        let removed = |prefix: &str| answers.keys().any(|path| path.as_str() == format!("{prefix}/@removed"));
        let mut members: Vec<String> = answers
            .keys()
            .filter_map(|path| path.as_str().strip_suffix("/given_name"))
            .map(str::to_owned)
            .filter(|prefix| !removed(prefix))
            .collect();
        members.sort();
        members.dedup();
        Ok(members)
    }

    /// A copy of the disk, kept somewhere else.
    pub(crate) fn back_up(&mut self, folder: PathBuf, how: Copied) -> Result<(), CollectorError> {
        match how {
            Copied::ByCollector => drop(self.unlocked()?.backup(&folder)?),
            Copied::AsImage => copy_folder(&self.home, &folder),
        }
        self.backups.push(Backup { folder, how, on_disk: self.on_disk.clone() });
        Ok(())
    }

    /// How the last copy was made.
    pub(crate) fn last_copy(&self) -> Option<Copied> {
        self.backups.last().map(|backup| backup.how)
    }

    /// Puts the last copy back, once.
    pub(crate) fn restore(&mut self) -> Option<Copied> {
        let Backup { folder, how, on_disk } = self.backups.pop()?;
        self.lock();
        replace_folder(&self.home, &folder);
        self.on_disk = on_disk;
        Some(how)
    }

    /// The power goes at this moment: what is on disk stays, and nothing else.
    pub(crate) fn power_cut(&mut self, wreck: &Path) {
        copy_folder(&self.home, wreck);
        self.lock();
        replace_folder(&self.home, wreck);
        let _ = std::fs::remove_dir_all(wreck);
    }

    /// A second laptop from an image of this one's disk, in the same person's hands.
    pub(crate) fn clone_to(&self, name: String, home: PathBuf, skew_ms: i64, random: Seeded) -> Self {
        copy_folder(&self.home, &home);
        Self {
            person: self.person.clone(),
            area: self.area.clone(),
            communes: self.communes.clone(),
            seat: self.seat,
            on_disk: self.on_disk.clone(),
            ..Self::new(name, home, &self.watch.sun, skew_ms, random)
        }
    }
}
