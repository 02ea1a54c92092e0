//! The folder of a laptop that carries others' parts: plain files, that a person may copy to a stick like any others.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use record_model::{Instant, SeatId};
use sync_protocol::{MAX_CARRIED_PART_BYTES, PART_EXTENSION, PartLabel, PartOffer, SealedPart};

use crate::{PartError, UNFINISHED, find_parts, read_part, write_part};

/// Parts that one laptop carries.
pub const MAX_CARRIED_PARTS: usize = 1_000;
/// Bytes that one laptop carries.
pub const MAX_CARRIED_BYTES: u64 = 512 * 1024 * 1024;
/// Days after which a reply that nobody came for is dropped. Its owner is answered again when they send again.
pub const MAX_REPLY_DAYS: i64 = 60;

/// Bytes at the beginning of a part that hold its label.
const LABEL_BYTES: u64 = 256;
const MS_PER_DAY: i64 = 24 * 60 * 60 * 1000;

/// A part that lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedPart {
    /// Where.
    pub path: PathBuf,
    /// What it says of itself.
    pub label: PartLabel,
    /// Its bytes.
    pub size_bytes: u64,
    /// When it was put there, as this machine's clock was.
    pub since: Instant,
}

impl CarriedPart {
    /// True for what goes up to the registry; else it is a reply for a seat.
    pub fn is_for_registry(&self) -> bool {
        self.label.addressee.is_none()
    }
}

/// What became of a part that was to be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It is on the disk.
    Kept {
        /// Old replies that had to make room for it.
        dropped: u64,
    },
    /// It was there already.
    Had,
    /// There is no room for it.
    Full,
    /// It is no part that is carried.
    NotCarried,
}

/// The folder. Files are named by their content, so that no part can take another's place.
#[derive(Debug, Clone)]
pub struct CarriedFolder {
    folder: PathBuf,
    max_parts: usize,
    max_bytes: u64,
}

impl CarriedFolder {
    /// In the home of a laptop.
    pub fn in_home(home: &Path) -> Self {
        Self::at(home.join("carried"), MAX_CARRIED_PARTS, MAX_CARRIED_BYTES)
    }

    /// This one, with room for so much.
    pub fn at(folder: impl Into<PathBuf>, max_parts: usize, max_bytes: u64) -> Self {
        Self { folder: folder.into(), max_parts, max_bytes }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// What lies there, oldest first. What is no part is passed over.
    pub fn list(&self) -> Result<Vec<CarriedPart>, PartError> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let found = find_parts(std::slice::from_ref(&self.folder))?;
        let mut parts = Vec::with_capacity(found.parts.len());
        for path in found.parts {
            parts.extend(look_at(path)?);
        }
        parts.sort_by(|one, other| (one.since, &one.path).cmp(&(other.since, &other.path)));
        Ok(parts)
    }

    /// Keeps a part as it is: on the disk and read back when this returns. Old replies make room for it.
    pub fn keep(&self, part: &[u8]) -> Result<Keeping, PartError> {
        if part.len() > MAX_CARRIED_PART_BYTES || SealedPart::read(part).is_err() {
            return Ok(Keeping::NotCarried);
        }
        if self.has(&PartOffer::of(part))? {
            return Ok(Keeping::Had);
        }
        let Some(dropped) = self.make_room(part.len() as u64)? else { return Ok(Keeping::Full) };
        write_part(&self.folder, &file_name(&PartOffer::of(part)), part)?;
        Ok(Keeping::Kept { dropped })
    }

    /// True when the part lies here, byte for byte.
    pub fn has(&self, offer: &PartOffer) -> Result<bool, PartError> {
        Ok(self.load(offer)?.is_some())
    }

    /// The part with this hash; none when it is gone, or is not what it was.
    pub fn load(&self, offer: &PartOffer) -> Result<Option<Vec<u8>>, PartError> {
        let path = self.folder.join(file_name(offer));
        if !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
            return Ok(None);
        }
        let part = read_part(&path)?;
        Ok((PartOffer::of(&part) == *offer).then_some(part))
    }

    /// True when so much more has its place, if every reply gave way.
    pub fn has_room_for(&self, parts: usize, bytes: u64) -> Result<bool, PartError> {
        let up: Vec<CarriedPart> = self.list()?.into_iter().filter(CarriedPart::is_for_registry).collect();
        let lying: u64 = up.iter().map(|part| part.size_bytes).sum();
        Ok(up.len() + parts <= self.max_parts && lying.saturating_add(bytes) <= self.max_bytes)
    }

    /// What is here for a seat, under the names by which it can be loaded.
    pub fn replies_for(&self, seat: SeatId) -> Result<Vec<PartOffer>, PartError> {
        let mut replies = Vec::new();
        for part in self.list()? {
            if part.label.addressee == Some(seat) {
                let offer = PartOffer::of(&read_part(&part.path)?);
                // One that a person put here under another name stays theirs to hand on.
                if part.path.file_name().is_some_and(|name| name == file_name(&offer).as_str()) {
                    replies.push(offer);
                }
            }
        }
        Ok(replies)
    }

    /// Forgets a part that has arrived. One that is gone already is forgotten.
    pub fn forget(&self, path: &Path) -> Result<(), PartError> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(PartError::file(path)(error)),
            _ => Ok(()),
        }
    }

    /// The same, by its hash.
    pub fn forget_offered(&self, offer: &PartOffer) -> Result<(), PartError> {
        self.forget(&self.folder.join(file_name(offer)))
    }

    /// Removes what a power cut left unfinished. Only the one who writes to this folder may call it, before they do.
    pub fn tidy(&self) -> Result<(), PartError> {
        if !self.folder.is_dir() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.folder).map_err(PartError::file(&self.folder))? {
            let path = entry.map_err(PartError::file(&self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                self.forget(&path)?;
            }
        }
        Ok(())
    }

    /// Drops replies that nobody came for in time; how many. A clock that went back drops nothing.
    pub fn drop_old_replies(&self, now: Instant) -> Result<u64, PartError> {
        let age_ms = MAX_REPLY_DAYS * MS_PER_DAY;
        let is_old = |part: &CarriedPart| {
            !part.is_for_registry() && now.unix_ms().saturating_sub(part.since.unix_ms()) > age_ms
        };
        let mut dropped = 0;
        for part in self.list()?.iter().filter(|part| is_old(part)) {
            self.forget(&part.path)?;
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Drops the oldest replies until there is room for so many bytes; how many. None: others' work fills it, and that is
    /// never dropped.
    fn make_room(&self, bytes: u64) -> Result<Option<u64>, PartError> {
        if !self.has_room_for(1, bytes)? {
            return Ok(None);
        }
        let parts = self.list()?;
        let (mut count, mut lying) = (parts.len(), parts.iter().map(|part| part.size_bytes).sum::<u64>());
        let mut dropped = 0;
        for reply in parts.iter().filter(|part| !part.is_for_registry()) {
            if count < self.max_parts && lying.saturating_add(bytes) <= self.max_bytes {
                break;
            }
            self.forget(&reply.path)?;
            (count, lying) = (count - 1, lying - reply.size_bytes);
            dropped += 1;
        }
        Ok(Some(dropped))
    }
}

fn file_name(offer: &PartOffer) -> String {
    // 80 bits are enough to tell parts apart; what is loaded is held against all of them.
    let hash = data_encoding::BASE32_NOPAD.encode(&offer.sha256[..10]);
    format!("lakou-{hash}.{PART_EXTENSION}")
}

/// None: no part of a bundle.
fn look_at(path: PathBuf) -> Result<Option<CarriedPart>, PartError> {
    let look = || -> std::io::Result<(u64, Instant, Vec<u8>)> {
        let file = std::fs::File::open(&path)?;
        let about = file.metadata()?;
        let ms = |passed: std::time::Duration| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let since = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, ms);
        let mut head = Vec::new();
        file.take(LABEL_BYTES).read_to_end(&mut head)?;
        Ok((about.len(), Instant::from_unix_ms(since), head))
    };
    let (size_bytes, since, head) = match look() {
        Ok(seen) => seen,
        // Handed on by another process since the folder was read.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PartError::file(&path)(error)),
    };
    let label = SealedPart::read(&head).ok().map(|sealed| sealed.label);
    Ok(label.map(|label| CarriedPart { path, label, size_bytes, since }))
}

#[cfg(test)]
mod tests {
    use record_model::{BundleId, DeploymentId};
    use signed_delta::SeatKey;
    use signed_delta::seal::SealingIdentity;
    use sync_protocol::Packer;

    use super::*;

    fn key() -> SeatKey {
        SeatKey::from_secret(&[7; 32])
    }

    fn part(bundle: u8, addressee: Option<SeatId>) -> Vec<u8> {
        let (deployment, bundle) = (DeploymentId::from_bytes([1; 16]), BundleId::from_bytes([bundle; 16]));
        let packer = Packer::new(deployment, bundle, addressee, key().seat(), 100_000);
        packer.finish().seal(&key(), &[&SealingIdentity::of(&key()).recipient()]).unwrap()
    }

    fn folder(parts: usize) -> (tempfile::TempDir, CarriedFolder) {
        let home = tempfile::tempdir().unwrap();
        let folder = CarriedFolder::at(home.path().join("carried"), parts, 1_000_000);
        (home, folder)
    }

    #[test]
    fn a_part_is_kept_once_under_a_name_of_its_content() {
        let (_home, folder) = folder(10);
        let up = part(1, None);
        assert_eq!(folder.list().unwrap(), []);
        assert_eq!(folder.keep(&up).unwrap(), Keeping::Kept { dropped: 0 });
        assert_eq!(folder.keep(&up).unwrap(), Keeping::Had);
        // Another part of the same bundle and number: beside it, not in its place.
        assert_eq!(folder.keep(&part(1, None)).unwrap(), Keeping::Kept { dropped: 0 });
        assert_eq!(folder.list().unwrap().len(), 2);
        assert_eq!(folder.load(&PartOffer::of(&up)).unwrap(), Some(up.clone()));
        folder.forget_offered(&PartOffer::of(&up)).unwrap();
        folder.forget_offered(&PartOffer::of(&up)).unwrap();
        assert_eq!(folder.load(&PartOffer::of(&up)).unwrap(), None);
        assert_eq!(folder.keep(b"MZ a program").unwrap(), Keeping::NotCarried);
    }

    #[test]
    fn replies_give_way_and_work_does_not() {
        let (_home, folder) = folder(3);
        let seat = key().seat();
        for number in 1..=2 {
            folder.keep(&part(number, Some(seat))).unwrap();
        }
        assert_eq!(folder.replies_for(seat).unwrap().len(), 2);
        assert_eq!(folder.replies_for(SeatId::from_bytes([9; 16])).unwrap(), []);
        assert_eq!(folder.keep(&part(3, None)).unwrap(), Keeping::Kept { dropped: 0 });
        assert_eq!(folder.keep(&part(4, None)).unwrap(), Keeping::Kept { dropped: 1 });
        assert_eq!(folder.keep(&part(5, None)).unwrap(), Keeping::Kept { dropped: 1 });
        assert_eq!(folder.keep(&part(6, None)).unwrap(), Keeping::Full);
        assert!(folder.list().unwrap().iter().all(CarriedPart::is_for_registry));
    }

    #[test]
    fn a_reply_that_nobody_fetches_is_dropped_after_its_days() {
        let (_home, folder) = folder(10);
        folder.keep(&part(1, Some(key().seat()))).unwrap();
        folder.keep(&part(2, None)).unwrap();
        let since = folder.list().unwrap()[0].since;
        let days = |days: i64| Instant::from_unix_ms(since.unix_ms() + days * MS_PER_DAY);
        // A laptop whose clock is in 2010.
        assert_eq!(folder.drop_old_replies(Instant::from_unix_ms(1_262_304_000_000)).unwrap(), 0);
        assert_eq!(folder.drop_old_replies(days(MAX_REPLY_DAYS - 1)).unwrap(), 0);
        assert_eq!(folder.drop_old_replies(days(MAX_REPLY_DAYS + 2)).unwrap(), 1);
        assert!(folder.list().unwrap()[0].is_for_registry());
    }

    #[test]
    fn what_a_power_cut_left_is_removed_and_nothing_else() {
        let (_home, folder) = folder(10);
        folder.tidy().unwrap();
        folder.keep(&part(1, None)).unwrap();
        std::fs::write(folder.path().join("lakou-AB.unfinished"), b"LAK").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
        folder.tidy().unwrap();
        assert_eq!(folder.list().unwrap().len(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_was_changed_is_not_the_part_any_more() {
        let (_home, folder) = folder(10);
        let up = part(1, None);
        folder.keep(&up).unwrap();
        let path = folder.list().unwrap()[0].path.clone();
        std::fs::write(&path, &up[..up.len() / 2]).unwrap();
        assert!(!folder.has(&PartOffer::of(&up)).unwrap());
        assert_eq!(folder.keep(&up).unwrap(), Keeping::Kept { dropped: 0 });
        assert!(folder.has(&PartOffer::of(&up)).unwrap());
    }
}
