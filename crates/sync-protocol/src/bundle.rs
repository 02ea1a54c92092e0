//! A bundle: what would go over HTTP, in files that travel by USB stick, mail or messenger.
//!
//! A device packs its push batches and its pull request; the registry packs the receipts and pages that answer them. A part
//! is whole in itself: it is opened, verified and used without the others, so parts may come in any order, twice, or not at
//! all, and what a missing part held is sent again with the next bundle.

use minicbor::{Decoder, Encoder};
use record_model::{BundleId, DeploymentId, PartsHasher, SeatId};
use signed_delta::seal::{self, SealError, SealingIdentity};
use signed_delta::{PublicKey, SeatKey, Signature, sign_bundle, verify_bundle};

use crate::limits::{MAX_PART_BYTES, MAX_PART_ITEMS, PART_PADDING_BYTES};
use crate::message::{INFALLIBLE, begin, encoder, finish, fixed, list_len};

/// How every part begins: a person who opens one in an editor sees what it is.
const MAGIC: &[u8] = b"LAKOU BUNDLE 1\n";
/// What a part's file name ends in.
pub const PART_EXTENSION: &str = "lakou";

/// Why a file is not a part that can be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Some other file.
    #[error("this file is not a part of a Lakou bundle")]
    NotABundle,
    /// More than a part may have.
    #[error("this file has more than {limit} bytes, which no part of a bundle has")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Cut short on the way, or changed.
    #[error("this part of a bundle is damaged: copy it again from where it was made")]
    Damaged,
    /// Another deployment's: practice instead of production, for one.
    #[error("this bundle is of another deployment ({found})")]
    OtherDeployment {
        /// Whose.
        found: DeploymentId,
    },
    /// Sealed to somebody else.
    #[error("this bundle is sealed to somebody else")]
    SealedToAnother,
    /// Not packed by who it says.
    #[error("this bundle is not signed by who it says packed it")]
    BadSignature,
}

impl BundleError {
    /// The stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotABundle => "not_a_bundle",
            Self::TooLarge { .. } => "too_large",
            Self::Damaged => "damaged",
            Self::OtherDeployment { .. } => "other_deployment",
            Self::SealedToAnother => "sealed_to_another",
            Self::BadSignature => "bad_signature",
        }
    }
}

/// What a part says of itself to whoever holds it. Nothing of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartLabel {
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// Which bundle.
    pub bundle: BundleId,
    /// Which part of it, from 1.
    pub part: u32,
    /// True for the bundle's last part: so one knows how many there are.
    pub last: bool,
    /// The seat it is for; none: the registry.
    pub addressee: Option<SeatId>,
}

impl PartLabel {
    const WHAT: &'static str = "label of a bundle's part";

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut e = encoder(&mut out, 6);
        e.bytes(self.deployment.as_bytes())
            .and_then(|e| e.bytes(self.bundle.as_bytes()))
            .and_then(|e| e.u32(self.part))
            .and_then(|e| e.bool(self.last))
            .expect(INFALLIBLE);
        match self.addressee {
            Some(seat) => e.bytes(seat.as_bytes()),
            None => e.null(),
        }
        .expect(INFALLIBLE);
        out
    }

    /// The label at the beginning of these bytes, and what follows it.
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut d = begin(Self::WHAT, bytes, 6).ok()?;
        let deployment = DeploymentId::from_bytes(fixed(&mut d).ok()?);
        let bundle = BundleId::from_bytes(fixed(&mut d).ok()?);
        let (part, last) = (d.u32().ok()?, d.bool().ok()?);
        let addressee = match d.datatype().ok()? {
            minicbor::data::Type::Null => {
                d.null().ok()?;
                None
            }
            _ => Some(SeatId::from_bytes(fixed(&mut d).ok()?)),
        };
        let rest = bytes.get(d.position()..)?;
        Some((Self { deployment, bundle, part, last, addressee }, rest))
    }

    /// A file name for the part, without anybody's name: `lakou-7K3QF2AB-01.lakou`.
    pub fn file_name(&self) -> String {
        format!("lakou-{:.8}-{:02}.{PART_EXTENSION}", self.bundle.to_string(), self.part)
    }
}

/// One thing in a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleItem {
    /// Up: a push batch ([`crate::PushBatch`]).
    Push(Vec<u8>),
    /// Up: a pull request ([`crate::PullRequest`]).
    Pull(Vec<u8>),
    /// Up: files of publications that the device still misses, by SHA-256.
    Wanted(Vec<[u8; 32]>),
    /// Down: the receipt for a batch.
    Receipt(Vec<u8>),
    /// Down: a page, with the request it answers.
    Page {
        /// The request, byte for byte.
        request: Vec<u8>,
        /// The page ([`crate::PullPage`]).
        page: Vec<u8>,
    },
    /// Down: a file of a publication.
    File(Vec<u8>),
    /// Down: the registry's signed word that its log goes on from a backup under another id, as an envelope.
    Restoration(Vec<u8>),
}

impl BundleItem {
    fn kind(&self) -> u8 {
        match self {
            Self::Push(_) => 1,
            Self::Pull(_) => 2,
            Self::Wanted(_) => 3,
            Self::Receipt(_) => 4,
            Self::Page { .. } => 5,
            Self::File(_) => 6,
            Self::Restoration(_) => 7,
        }
    }

    fn fields(&self) -> Vec<std::borrow::Cow<'_, [u8]>> {
        match self {
            Self::Push(bytes)
            | Self::Pull(bytes)
            | Self::Receipt(bytes)
            | Self::File(bytes)
            | Self::Restoration(bytes) => vec![bytes.as_slice().into()],
            Self::Wanted(hashes) => vec![hashes.concat().into()],
            Self::Page { request, page } => vec![request.as_slice().into(), page.as_slice().into()],
        }
    }

    fn size_bytes(&self) -> usize {
        self.fields().iter().map(|field| field.len() + 8).sum::<usize>() + 4
    }

    fn write(&self, e: &mut Encoder<&mut Vec<u8>>) {
        let fields = self.fields();
        e.array(1 + fields.len() as u64).and_then(|e| e.u8(self.kind())).expect(INFALLIBLE);
        for field in &fields {
            e.bytes(field).expect(INFALLIBLE);
        }
    }

    fn read(d: &mut Decoder<'_>) -> Option<Self> {
        let fields = d.array().ok()??;
        let kind = d.u8().ok()?;
        let first = d.bytes().ok()?.to_vec();
        match (kind, fields) {
            (1, 2) => Some(Self::Push(first)),
            (2, 2) => Some(Self::Pull(first)),
            (3, 2) => {
                let (hashes, rest) = first.as_chunks::<32>();
                rest.is_empty().then(|| Self::Wanted(hashes.to_vec()))
            }
            (4, 2) => Some(Self::Receipt(first)),
            (5, 3) => Some(Self::Page { request: first, page: d.bytes().ok()?.to_vec() }),
            (6, 2) => Some(Self::File(first)),
            (7, 2) => Some(Self::Restoration(first)),
            _ => None,
        }
    }
}

/// One part, packed by a certified seat or by the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundlePart {
    /// What its file says of itself.
    pub label: PartLabel,
    /// Who packed it.
    pub packer: SeatId,
    /// What is in it.
    pub items: Vec<BundleItem>,
}

impl BundlePart {
    const WHAT: &'static str = "bundle";

    fn digest(&self) -> [u8; 32] {
        let mut hasher = PartsHasher::new("lakou/bundle-part/v1");
        hasher.add(&self.label.encode());
        hasher.add(self.packer.as_bytes());
        for item in &self.items {
            hasher.add(&[item.kind()]);
            for field in item.fields() {
                hasher.add(&field);
            }
        }
        hasher.finish()
    }

    /// The bytes of the part's file: signed by the packer, padded so that its size tells little, sealed to the recipients.
    pub fn seal(&self, packer: &SeatKey, recipients: &[&str]) -> Result<Vec<u8>, SealError> {
        let signature = sign_bundle(packer, self.label.deployment, &self.digest());
        let mut content = Vec::new();
        let mut e = encoder(&mut content, 6);
        e.bytes(&self.label.encode()).and_then(|e| e.bytes(self.packer.as_bytes())).expect(INFALLIBLE);
        e.array(self.items.len() as u64).expect(INFALLIBLE);
        for item in &self.items {
            item.write(&mut e);
        }
        e.bytes(signature.as_bytes()).expect(INFALLIBLE);
        let written = content.len();
        let padding = vec![0; written.next_multiple_of(PART_PADDING_BYTES) - written];
        Encoder::new(&mut content).bytes(&padding).expect(INFALLIBLE);
        let mut file = MAGIC.to_vec();
        file.extend(self.label.encode());
        file.extend(seal::seal(&content, recipients)?);
        Ok(file)
    }
}

/// A part as it came: its label is read, nothing is proven.
#[derive(Debug)]
pub struct SealedPart<'a> {
    /// What it says of itself.
    pub label: PartLabel,
    sealed: &'a [u8],
}

impl<'a> SealedPart<'a> {
    /// Reads the label; the rest stays sealed.
    pub fn read(file: &'a [u8]) -> Result<Self, BundleError> {
        if file.len() > MAX_PART_BYTES {
            return Err(BundleError::TooLarge { limit: MAX_PART_BYTES });
        }
        let rest = file.strip_prefix(MAGIC).ok_or(BundleError::NotABundle)?;
        let (label, sealed) = PartLabel::decode(rest).ok_or(BundleError::Damaged)?;
        Ok(Self { label, sealed })
    }

    /// Opens it with the addressee's identity.
    pub fn open(&self, identity: &SealingIdentity) -> Result<OpenedPart, BundleError> {
        let content = seal::open(self.sealed, identity, MAX_PART_BYTES).map_err(|error| match error {
            SealError::TooLarge { limit } => BundleError::TooLarge { limit },
            SealError::CannotOpen => BundleError::SealedToAnother,
            _ => BundleError::Damaged,
        })?;
        let (part, signature) = read_content(&content).ok_or(BundleError::Damaged)?;
        if part.label != self.label {
            return Err(BundleError::BadSignature);
        }
        Ok(OpenedPart { part, signature })
    }
}

fn read_content(content: &[u8]) -> Option<(BundlePart, Signature)> {
    let mut d = begin(BundlePart::WHAT, content, 6).ok()?;
    let (label, rest) = PartLabel::decode(d.bytes().ok()?)?;
    if !rest.is_empty() {
        return None;
    }
    let packer = SeatId::from_bytes(fixed(&mut d).ok()?);
    let len = list_len(BundlePart::WHAT, &mut d, MAX_PART_ITEMS, "items").ok()?;
    let items = (0..len).map(|_| BundleItem::read(&mut d)).collect::<Option<Vec<_>>>()?;
    let signature = Signature::from_bytes(fixed(&mut d).ok()?);
    d.bytes().ok()?;
    finish(BundlePart::WHAT, &d, content).ok()?;
    Some((BundlePart { label, packer, items }, signature))
}

/// A part that could be opened; who packed it is still a claim.
#[derive(Debug)]
pub struct OpenedPart {
    part: BundlePart,
    signature: Signature,
}

impl OpenedPart {
    /// Who says that they packed it.
    pub fn claimed_packer(&self) -> SeatId {
        self.part.packer
    }

    /// The part, if the holder of this key packed it for this deployment.
    pub fn verify(self, deployment: DeploymentId, packer: &PublicKey) -> Result<BundlePart, BundleError> {
        let found = self.part.label.deployment;
        if found != deployment {
            return Err(BundleError::OtherDeployment { found });
        }
        let signed = packer.seat() == self.part.packer
            && verify_bundle(packer, deployment, &self.part.digest(), &self.signature);
        if signed { Ok(self.part) } else { Err(BundleError::BadSignature) }
    }
}

/// Puts items into parts, in order, none larger than asked unless one item alone is.
#[derive(Debug)]
pub struct Packer {
    next: BundlePart,
    size_bytes: usize,
    max_part_bytes: usize,
}

impl Packer {
    /// A new bundle.
    pub fn new(
        deployment: DeploymentId,
        bundle: BundleId,
        addressee: Option<SeatId>,
        packer: SeatId,
        max_part_bytes: usize,
    ) -> Self {
        let label = PartLabel { deployment, bundle, part: 1, last: false, addressee };
        let next = BundlePart { label, packer, items: Vec::new() };
        Self { next, size_bytes: 0, max_part_bytes: max_part_bytes.min(MAX_PART_BYTES) }
    }

    /// Takes an item; gives the part before it when that is full.
    pub fn add(&mut self, item: BundleItem) -> Option<BundlePart> {
        let size_bytes = item.size_bytes();
        // What sealing, padding and the label add.
        let room = self.max_part_bytes.saturating_sub(2 * PART_PADDING_BYTES + self.max_part_bytes / 1_000);
        let is_full = !self.next.items.is_empty()
            && (self.size_bytes + size_bytes > room || self.next.items.len() == MAX_PART_ITEMS);
        let full = is_full.then(|| {
            let mut following = self.next.clone();
            following.label.part += 1;
            following.items.clear();
            self.size_bytes = 0;
            std::mem::replace(&mut self.next, following)
        });
        self.size_bytes += size_bytes;
        self.next.items.push(item);
        full
    }

    /// The last part.
    pub fn finish(mut self) -> BundlePart {
        self.next.label.last = true;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);

    fn key(byte: u8) -> SeatKey {
        SeatKey::from_secret(&[byte; 32])
    }

    fn packer(max_part_bytes: usize) -> Packer {
        Packer::new(DEPLOYMENT, BundleId::from_bytes([7; 16]), None, key(2).seat(), max_part_bytes)
    }

    fn part() -> BundlePart {
        let mut packer = packer(1_000_000);
        for item in [
            BundleItem::Push(vec![1; 50]),
            BundleItem::Pull(vec![2]),
            BundleItem::Wanted(vec![[3; 32], [4; 32]]),
            BundleItem::Receipt(vec![]),
            BundleItem::Page { request: vec![5], page: vec![6; 9] },
            BundleItem::File(vec![7; 100]),
            BundleItem::Restoration(vec![8; 3]),
        ] {
            assert_eq!(packer.add(item), None);
        }
        packer.finish()
    }

    fn sealed() -> Vec<u8> {
        part().seal(&key(2), &[&SealingIdentity::of(&key(9)).recipient()]).unwrap()
    }

    fn read(file: &[u8], deployment: DeploymentId) -> Result<BundlePart, BundleError> {
        let opened = SealedPart::read(file)?.open(&SealingIdentity::of(&key(9)))?;
        opened.verify(deployment, &key(2).public())
    }

    #[test]
    fn a_part_comes_back_as_it_was_packed() {
        assert_eq!(read(&sealed(), DEPLOYMENT), Ok(part()));
        assert_eq!(part().label.file_name(), "lakou-A4DQOBYH-01.lakou");
    }

    #[test]
    fn what_is_not_for_here_says_which_it_is() {
        let file = sealed();
        assert_eq!(read(b"MZ\x90\x00", DEPLOYMENT), Err(BundleError::NotABundle));
        assert_eq!(read(&file[..60], DEPLOYMENT), Err(BundleError::Damaged));
        assert_eq!(read(&file[..200], DEPLOYMENT), Err(BundleError::Damaged));
        assert_eq!(read(&file[..file.len() - 100], DEPLOYMENT), Err(BundleError::Damaged));
        let other = DeploymentId::from_bytes([2; 16]);
        assert_eq!(read(&file, other), Err(BundleError::OtherDeployment { found: DEPLOYMENT }));
        let stranger = SealedPart::read(&file).unwrap().open(&SealingIdentity::of(&key(8))).unwrap_err();
        assert_eq!(stranger, BundleError::SealedToAnother);
        let forged = part().seal(&key(3), &[&SealingIdentity::of(&key(9)).recipient()]).unwrap();
        assert_eq!(read(&forged, DEPLOYMENT), Err(BundleError::BadSignature));
    }

    #[test]
    fn a_label_that_was_changed_on_the_way_is_found_out() {
        let mut file = sealed();
        let at = MAGIC.len() + part().label.encode().len() - 3;
        assert_eq!(file[at], 1, "the part's number");
        file[at] = 2;
        assert_eq!(read(&file, DEPLOYMENT), Err(BundleError::BadSignature));
    }

    #[test]
    fn its_size_tells_little_of_what_is_in_it() {
        let size = |items: usize| {
            let mut packer = packer(1_000_000);
            (0..items).for_each(|_| drop(packer.add(BundleItem::Pull(vec![1; 100]))));
            let recipient = SealingIdentity::of(&key(9)).recipient();
            packer.finish().seal(&key(2), &[&recipient]).unwrap().len()
        };
        // Twenty requests are 2,000 bytes more than one. What is left is noise that age itself puts into its header.
        assert!(size(1).abs_diff(size(20)) < 512, "{} {}", size(1), size(20));
    }

    #[test]
    fn no_part_is_larger_than_asked_and_the_last_says_so() {
        let mut packer = packer(100_000);
        let mut parts: Vec<BundlePart> =
            (0..50).filter_map(|n| packer.add(BundleItem::Push(vec![n; 20_000]))).collect();
        parts.push(packer.finish());
        assert!(parts.len() > 10);
        let recipient = SealingIdentity::of(&key(9)).recipient();
        for (at, part) in parts.iter().enumerate() {
            assert!(part.seal(&key(2), &[&recipient]).unwrap().len() <= 100_000);
            assert_eq!((part.label.part as usize, part.label.last), (at + 1, at + 1 == parts.len()));
        }
        assert_eq!(parts.iter().map(|part| part.items.len()).sum::<usize>(), 50);
    }

    proptest! {
        #[test]
        fn no_file_makes_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..2000) {
            let _ = SealedPart::read(&bytes);
            let _ = SealedPart::read(&[MAGIC, &bytes].concat());
            let _ = read_content(&bytes);
            let mut file = sealed();
            let at = at % file.len();
            file[at] ^= 1;
            prop_assert!(read(&file, DEPLOYMENT).is_err());
        }
    }
}
