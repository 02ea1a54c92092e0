//! Enrolment: from an invitation code to a certified seat with an open epoch.
//!
//! The request is written down before it is sent, so a lost answer costs no invitation: the same code, name and
//! passphrase send the same request again.

use device_store::{
    DeploymentRow, DeviceStore, DeviceStoreError, Home, KdfParams, NewSeat, PendingEnrolment, PersonSecrets,
};
use record_model::SeatId;
use signed_delta::seal::SealingIdentity;
use signed_delta::{Act, EnrolmentRequest, SeatCertificate, SeatKey, SignedDelta, verify_answer};
use sync_protocol::{BundleError, EnrolAnswer, open_answer_file, write_request_file};
use zeroize::Zeroizing;

use crate::bundle::BundleFile;
use crate::collector::{Collector, check_passphrase};
use crate::error::CollectorError;
use crate::http::problem_code;
use crate::invitation::InvitationCode;
use crate::ports::{HttpAnswer, Ports, Transport};
use crate::roster::KnownSeats;

/// Where enrolment requests go.
pub const ENROL_PATH: &str = "/v1/enrol";

/// Who enrols, and where.
#[derive(Debug, Clone, Copy)]
pub struct Enrolment<'a> {
    /// The invitation.
    pub code: &'a InvitationCode,
    /// The person's name: to unlock with, and to be shown to colleagues.
    pub person: &'a str,
    /// What people call this laptop.
    pub device: &'a str,
    /// The person's passphrase.
    pub passphrase: &'a str,
    /// How much a guess at it costs.
    pub kdf: KdfParams,
}

impl Collector {
    /// Enrols the first person of a laptop: makes the store, asks, checks the answer against the invitation's registry
    /// key, opens the first epoch. What to do next is a sync, which brings the forms.
    ///
    /// Called again after a broken connection it goes on where it stopped.
    pub fn enrol(
        home: &Home,
        enrolment: &Enrolment<'_>,
        mut ports: Ports,
        transport: &mut dyn Transport,
    ) -> Result<Self, CollectorError> {
        let (mut store, secrets) = make_or_unlock(home, enrolment, &mut ports)?;
        ask_and_finish(&mut store, &secrets, enrolment, &mut ports, transport)?;
        let mut collector = Self::with_secrets(store, &secrets, ports)?;
        collector.open_epoch_if_needed()?;
        Ok(collector)
    }

    /// The first half of an enrolment without a network: makes the store and gives the file of the request, and its name.
    /// The file brings nobody in but with the answer to it, which opens on this laptop alone.
    pub fn request_enrolment(
        home: &Home,
        enrolment: &Enrolment<'_>,
        mut ports: Ports,
    ) -> Result<BundleFile, CollectorError> {
        let (mut store, secrets) = make_or_unlock(home, enrolment, &mut ports)?;
        let person = enrolment.person;
        let earlier = store.read(|tx| tx.pending_enrolment(person)).map_err(CollectorError::Store)?;
        let pending = write_request(&mut store, &secrets, enrolment, &ports)?;
        if let Some(earlier) = earlier.filter(|earlier| earlier.request != pending.request) {
            // Its answer may be on the way, and would fit no other request.
            store.write(|tx| tx.put_pending_enrolment(&earlier)).map_err(CollectorError::Store)?;
            return Err(CollectorError::AlreadyAsked);
        }
        let (name, bytes) = write_request_file(&pending.request, seat_of(&secrets));
        Ok(BundleFile { name, bytes })
    }

    /// The second half: of these files, the one that answers this person's request. What else the registry sent along is
    /// for [`Collector::import_bundle_part`].
    pub fn finish_enrolment(
        home: &Home,
        person: &str,
        passphrase: &str,
        ports: Ports,
        files: &[Vec<u8>],
    ) -> Result<Self, CollectorError> {
        let (mut store, secrets) = DeviceStore::unlock(home, person, passphrase)?;
        let pending = store.read(|tx| tx.pending_enrolment(person)).map_err(CollectorError::Store)?;
        let Some(pending) = pending else { return Err(CollectorError::NothingAsked) };
        let identity = SealingIdentity::from_secret(&secrets.sealing_secret)
            .map_err(|_| CollectorError::Unreadable { what: "this person's keys" })?;
        let mut damaged = false;
        let opened = files.iter().find_map(|file| {
            let opened = open_answer_file(file, &pending.request, &identity);
            damaged |= matches!(opened, Err(BundleError::Damaged));
            opened.ok()
        });
        let answer = match opened {
            Some(answer) => answer,
            // Ours, and spoiled on its way: another copy is wanted, not another request.
            None if damaged => return Err(BundleError::Damaged.into()),
            None => return Err(CollectorError::NoAnswer),
        };
        let answer =
            EnrolAnswer::decode(&answer).map_err(|_| CollectorError::NotTheRegistry { status: 201 })?;
        finish(&mut store, &secrets, &pending, &answer)?;
        let mut collector = Self::with_secrets(store, &secrets, ports)?;
        collector.open_epoch_if_needed()?;
        Ok(collector)
    }

    /// Enrols another person of this laptop with a code of their own, while the store is unlocked by somebody else.
    pub fn add_person(
        &mut self,
        enrolment: &Enrolment<'_>,
        transport: &mut dyn Transport,
    ) -> Result<SeatId, CollectorError> {
        check_passphrase(enrolment.passphrase)?;
        if enrolment.code.deployment != self.deployment.deployment {
            return Err(CollectorError::OtherDeployment);
        }
        let Enrolment { person, passphrase, kdf, .. } = *enrolment;
        let secrets = match DeviceStore::unlock_keys(self.store.home(), person, passphrase) {
            // Asked before, and no answer came: the same key asks again.
            Ok(secrets) if self.store.read(|tx| tx.seat(seat_of(&secrets))).is_err() => secrets,
            Err(DeviceStoreError::UnknownPerson) => {
                let secrets = make_secrets(&mut self.ports);
                self.store.add_person(person, passphrase, kdf, &secrets)?;
                secrets
            }
            Ok(_) | Err(DeviceStoreError::WrongPassphrase) => {
                return Err(DeviceStoreError::PersonExists.into());
            }
            Err(error) => return Err(error.into()),
        };
        ask_and_finish(&mut self.store, &secrets, enrolment, &mut self.ports, transport)?;
        let key = SeatKey::from_secret(&secrets.seat_secret);
        let deployment = self.deployment.deployment;
        let now = self.ports.clock.now();
        let randomness = self.ports.randomness.as_mut();
        let mut pen = crate::pen::Pen { key: &key, deployment, randomness, now };
        self.store.write(|tx| pen.place(tx).map(drop))?;
        Ok(key.seat())
    }

    /// Opens the first epoch of a new seat, or a new one for a store that was copied or restored. True when it did.
    pub fn open_epoch_if_needed(&mut self) -> Result<bool, CollectorError> {
        let (store, mut pen, ..) = self.parts();
        let opened = store.write(|tx| {
            let before = tx.seat(pen.key.seat())?.epoch.map(|(epoch, ..)| epoch);
            let place = pen.place(tx)?;
            Ok::<_, CollectorError>(before != Some(place.epoch))
        })?;
        self.seat = self.store.read(|tx| tx.seat(self.seat.seat))?;
        Ok(opened)
    }
}

fn seat_of(secrets: &PersonSecrets) -> SeatId {
    SeatKey::from_secret(&secrets.seat_secret).seat()
}

fn make_secrets(ports: &mut Ports) -> PersonSecrets {
    let mut seat_secret = Zeroizing::new([0; 32]);
    ports.randomness.fill(seat_secret.as_mut_slice());
    PersonSecrets { seat_secret, sealing_secret: SealingIdentity::generate().secret() }
}

/// The store of a laptop that is being enrolled; an earlier attempt's, if there was one.
fn make_or_unlock(
    home: &Home,
    enrolment: &Enrolment<'_>,
    ports: &mut Ports,
) -> Result<(DeviceStore, PersonSecrets), CollectorError> {
    check_passphrase(enrolment.passphrase)?;
    let Enrolment { person, passphrase, kdf, .. } = *enrolment;
    if !home.keys().exists() {
        let secrets = make_secrets(ports);
        return Ok((DeviceStore::create(home, person, passphrase, kdf, &secrets)?, secrets));
    }
    let (store, secrets) = DeviceStore::unlock(home, person, passphrase)?;
    if store.read(|tx| tx.seat(seat_of(&secrets))).is_ok() {
        return Err(DeviceStoreError::PersonExists.into());
    }
    Ok((store, secrets))
}

fn ask_and_finish(
    store: &mut DeviceStore,
    secrets: &PersonSecrets,
    enrolment: &Enrolment<'_>,
    ports: &mut Ports,
    transport: &mut dyn Transport,
) -> Result<(), CollectorError> {
    let pending = write_request(store, secrets, enrolment, ports)?;
    let answer = transport.post(ENROL_PATH, &[], &pending.request)?;
    finish(store, secrets, &pending, &read_answer(answer)?)
}

/// Believes the answer once it is checked, and makes the seat.
fn finish(
    store: &mut DeviceStore,
    secrets: &PersonSecrets,
    pending: &PendingEnrolment,
    answer: &EnrolAnswer,
) -> Result<(), CollectorError> {
    let certificate = check_answer(answer, pending, seat_of(secrets))?;
    store.seal_for_recovery(&answer.recovery_recipient).map_err(CollectorError::Store)?;
    store.write(|tx| {
        tx.set_deployment(&DeploymentRow {
            deployment: pending.deployment,
            registry_key: pending.registry_key,
            training: answer.training,
            registration_prefix: answer.registration_prefix.clone(),
            server_recipient: answer.server_recipient.clone(),
        })?;
        tx.add_seat(&NewSeat {
            person: &pending.person,
            device: &certificate.fields.device,
            public_key: certificate.public_key,
            certificate: &answer.certificate,
        })?;
        // Its place in the log is learned with the first pull.
        tx.put_certificate(certificate.seat(), &answer.certificate, 0)?;
        tx.finish_enrolment(&pending.person)?;
        Ok::<_, CollectorError>(())
    })
}

/// The request, written down before it is sent.
fn write_request(
    store: &mut DeviceStore,
    secrets: &PersonSecrets,
    enrolment: &Enrolment<'_>,
    ports: &Ports,
) -> Result<PendingEnrolment, CollectorError> {
    let Enrolment { code, person, device, .. } = *enrolment;
    let sealing = SealingIdentity::from_secret(&secrets.sealing_secret)
        .map_err(|_| CollectorError::Unreadable { what: "this person's keys" })?;
    let request = EnrolmentRequest::sign(
        &SeatKey::from_secret(&secrets.seat_secret),
        code.deployment,
        sealing.recipient(),
        person.to_owned(),
        device.to_owned(),
        &code.key(),
    );
    let pending = PendingEnrolment {
        person: person.to_owned(),
        deployment: code.deployment,
        registry_key: code.registry_key,
        request: request.encode(),
        asked_at: ports.clock.now(),
    };
    store.write(|tx| tx.put_pending_enrolment(&pending)).map_err(CollectorError::Store)?;
    Ok(pending)
}

fn read_answer(answer: HttpAnswer) -> Result<EnrolAnswer, CollectorError> {
    let HttpAnswer { status, body } = answer;
    match status {
        200 | 201 => EnrolAnswer::decode(&body).map_err(|_| CollectorError::NotTheRegistry { status }),
        400..=599 => match problem_code(&body) {
            Some(code) => Err(CollectorError::EnrolmentRefused { status, code }),
            None => Err(CollectorError::NotTheRegistry { status }),
        },
        _ => Err(CollectorError::NotTheRegistry { status }),
    }
}

/// The answer must be to our request and the certificate for our key, both signed by the registry key that the
/// invitation named.
fn check_answer(
    answer: &EnrolAnswer,
    pending: &PendingEnrolment,
    seat: SeatId,
) -> Result<SeatCertificate, CollectorError> {
    let refused = || CollectorError::NotTheRegistry { status: 200 };
    let (deployment, registry_key) = (pending.deployment, pending.registry_key);
    if answer.deployment != deployment || answer.registry_key != *registry_key.as_bytes() {
        return Err(refused());
    }
    if !verify_answer(&registry_key, deployment, &answer.digest(&pending.request), &answer.signature) {
        return Err(refused());
    }
    let anchor = KnownSeats::new(
        &DeploymentRow {
            deployment,
            registry_key,
            training: false,
            registration_prefix: String::new(),
            server_recipient: String::new(),
        },
        Vec::new(),
    );
    let delta = SignedDelta::decode(&answer.certificate)
        .ok()
        .and_then(|delta| delta.verify(&anchor).ok())
        .filter(signed_delta::VerifiedDelta::is_from_registry)
        .ok_or_else(refused)?;
    match delta.act() {
        Act::Certificate(certificate) if certificate.seat() == seat => Ok(certificate.clone()),
        _ => Err(refused()),
    }
}
