//! A collector, unlocked by one person.

use device_store::{DeploymentRow, DeviceStore, Home, KdfParams, PersonSecrets, SeatRow};
use record_model::{Instant, SeatId, Visit};
use signed_delta::seal::SealingIdentity;
use signed_delta::{SeatCertificate, SeatKey};

use crate::error::CollectorError;
use crate::forms::FormLibrary;
use crate::pen::Pen;
use crate::ports::Ports;
use crate::roster::{KnownSeats, certificate_in};

/// A passphrase has at least so many characters.
pub const MIN_PASSPHRASE_CHARS: usize = 8;

/// A laptop's collector, unlocked by one person. Dropping it locks it.
pub struct Collector {
    pub(crate) store: DeviceStore,
    pub(crate) ports: Ports,
    pub(crate) deployment: DeploymentRow,
    pub(crate) seat: SeatRow,
    pub(crate) certificate: SeatCertificate,
    pub(crate) key: SeatKey,
    pub(crate) sealing: SealingIdentity,
    pub(crate) forms: FormLibrary,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Collector(seat {})", self.seat.seat)
    }
}

/// Who unlocked the collector, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoAmI {
    /// The seat.
    pub seat: SeatId,
    /// The name this person unlocks with.
    pub person: String,
    /// What the registry certified: shown name, role, areas, lineages, validity.
    pub certificate: SeatCertificate,
    /// True for a training deployment: a banner everywhere.
    pub training: bool,
    /// The deployment.
    pub deployment: record_model::DeploymentId,
}

impl Collector {
    /// The people who can unlock the store in this home.
    pub fn people(home: &Home) -> Result<Vec<String>, CollectorError> {
        Ok(DeviceStore::people(home)?)
    }

    /// Opens the store with one person's passphrase.
    pub fn unlock(home: &Home, person: &str, passphrase: &str, ports: Ports) -> Result<Self, CollectorError> {
        let (store, secrets) = DeviceStore::unlock(home, person, passphrase)?;
        Self::with_secrets(store, &secrets, ports)
    }

    pub(crate) fn with_secrets(
        store: DeviceStore,
        secrets: &PersonSecrets,
        ports: Ports,
    ) -> Result<Self, CollectorError> {
        let key = SeatKey::from_secret(&secrets.seat_secret);
        let sealing = SealingIdentity::from_secret(&secrets.sealing_secret)
            .map_err(|_| CollectorError::Unreadable { what: "this person's keys" })?;
        let (deployment, seat, standings) = store.read(|tx| {
            let deployment = tx.deployment()?.ok_or(CollectorError::EnrolmentPending)?;
            let seat = match tx.seat(key.seat()) {
                Err(device_store::DeviceStoreError::UnknownSeat { .. }) => {
                    return Err(CollectorError::EnrolmentPending);
                }
                other => other?,
            };
            Ok((deployment, seat, tx.standings()?))
        })?;
        let known = KnownSeats::new(&deployment, standings);
        let certificate = known
            .certificate(seat.seat)
            .cloned()
            .or_else(|| certificate_in(&seat.certificate))
            .ok_or(CollectorError::Unreadable { what: "this person's certificate" })?;
        let forms = FormLibrary::default();
        Ok(Self { store, ports, deployment, seat, certificate, key, sealing, forms })
    }

    /// Changes a person's passphrase.
    pub fn change_passphrase(
        home: &Home,
        person: &str,
        old: &str,
        new: &str,
        kdf: KdfParams,
    ) -> Result<(), CollectorError> {
        check_passphrase(new)?;
        Ok(DeviceStore::change_passphrase(home, person, old, new, kdf)?)
    }

    /// Who unlocked it.
    pub fn who_am_i(&self) -> WhoAmI {
        WhoAmI {
            seat: self.seat.seat,
            person: self.seat.person.clone(),
            certificate: self.certificate.clone(),
            training: self.deployment.training,
            deployment: self.deployment.deployment,
        }
    }

    /// The identity that files for this seat are sealed to.
    pub fn sealing_identity(&self) -> &SealingIdentity {
        &self.sealing
    }

    /// The folder of the store.
    pub fn home(&self) -> &Home {
        self.store.home()
    }

    pub(crate) fn now(&self) -> Instant {
        self.ports.clock.now()
    }

    /// A visit now, as the machine sees it: to be confirmed by the person.
    pub fn visit_now(&self) -> Visit {
        Visit { at: self.now(), utc_offset_minutes: self.ports.clock.utc_offset_minutes() }
    }

    /// The parts a signing transaction needs, borrowed apart.
    pub(crate) fn parts(&mut self) -> (&mut DeviceStore, Pen<'_>, &mut FormLibrary, Author<'_>) {
        let now = self.ports.clock.now();
        let pen = Pen {
            key: &self.key,
            deployment: self.deployment.deployment,
            randomness: self.ports.randomness.as_mut(),
            now,
        };
        let author = Author {
            seat: self.seat.seat,
            certificate: &self.certificate,
            registration_prefix: &self.deployment.registration_prefix,
            closed: Visit { at: now, utc_offset_minutes: self.ports.clock.utc_offset_minutes() },
        };
        (&mut self.store, pen, &mut self.forms, author)
    }
}

/// Who writes, and what they may.
pub(crate) struct Author<'a> {
    pub(crate) seat: SeatId,
    pub(crate) certificate: &'a SeatCertificate,
    pub(crate) registration_prefix: &'a str,
    /// Now, as a form sees it.
    pub(crate) closed: Visit,
}

pub(crate) fn check_passphrase(passphrase: &str) -> Result<(), CollectorError> {
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(CollectorError::PassphraseTooShort { at_least: MIN_PASSPHRASE_CHARS });
    }
    Ok(())
}
