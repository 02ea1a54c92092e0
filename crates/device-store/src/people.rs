//! The deployment this store belongs to, and who works on this laptop.

use record_model::{DeploymentId, Instant};
use rusqlite::params;
use signed_delta::PublicKey;

use crate::error::DeviceStoreError;
use crate::row::Columns;
use crate::store::Tx;

/// The deployment, as the enrolment answer told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentRow {
    /// Its id.
    pub deployment: DeploymentId,
    /// The registry's own key.
    pub registry_key: PublicKey,
    /// True for training: a banner everywhere.
    pub training: bool,
    /// Prefix of registration numbers.
    pub registration_prefix: String,
    /// Whom bundles for the registry are sealed to (age recipient); empty in a store that was enrolled before there were
    /// bundles.
    pub server_recipient: String,
}

/// A seat that was just certified.
#[derive(Debug, Clone)]
pub struct NewSeat<'a> {
    /// The person, by the name of their wrap.
    pub person: &'a str,
    /// The laptop's name.
    pub device: &'a str,
    /// The seat's key.
    pub public_key: PublicKey,
    /// Envelope of the certificate delta.
    pub certificate: &'a [u8],
}

/// Asked for, not yet certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEnrolment {
    /// The person, by the name of their wrap.
    pub person: String,
    /// The deployment the code named.
    pub deployment: DeploymentId,
    /// The registry key the code named.
    pub registry_key: PublicKey,
    /// The request's bytes: sent again as they are when an answer is lost.
    pub request: Vec<u8>,
    /// When it was made.
    pub asked_at: Instant,
}

const META: [&str; 5] = ["deployment", "registry_key", "training", "registration_prefix", "server_recipient"];

impl Tx<'_> {
    fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, DeviceStoreError> {
        self.one("read the deployment", "SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
    }

    /// The deployment, once somebody is enrolled.
    pub fn deployment(&self) -> Result<Option<DeploymentRow>, DeviceStoreError> {
        let [id, key, training, prefix, recipient] = META;
        let Some(id) = self.meta(id)? else { return Ok(None) };
        let row = || DeviceStoreError::Row { table: "meta" };
        let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap_or_default()).map_err(|_| row());
        let registry_key = self.meta(key)?.and_then(|bytes| bytes.try_into().ok()).ok_or_else(row)?;
        Ok(Some(DeploymentRow {
            deployment: DeploymentId::from_slice(&id).ok_or_else(row)?,
            registry_key: PublicKey::from_bytes(&registry_key).map_err(|_| row())?,
            training: self.meta(training)?.as_deref() == Some(&[1]),
            registration_prefix: text(self.meta(prefix)?)?,
            server_recipient: text(self.meta(recipient)?)?,
        }))
    }

    /// Writes it down.
    pub fn set_deployment(&self, row: &DeploymentRow) -> Result<(), DeviceStoreError> {
        let training = [u8::from(row.training)];
        let values: [&[u8]; 5] = [
            row.deployment.as_bytes(),
            row.registry_key.as_bytes(),
            &training,
            row.registration_prefix.as_bytes(),
            row.server_recipient.as_bytes(),
        ];
        for (key, value) in META.into_iter().zip(values) {
            self.execute(
                "write the deployment",
                "INSERT INTO meta (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![key, value],
            )?;
        }
        Ok(())
    }

    /// Adds a seat. Its first epoch is still to be opened.
    pub fn add_seat(&self, seat: &NewSeat<'_>) -> Result<(), DeviceStoreError> {
        self.execute(
            "add the seat",
            "INSERT INTO seats (seat, person, device, public_key, certificate) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                seat.public_key.seat().as_bytes(),
                seat.person,
                seat.device,
                seat.public_key.as_bytes(),
                seat.certificate
            ],
        )?;
        Ok(())
    }

    /// Writes a request down before it is sent.
    pub fn put_pending_enrolment(&self, pending: &PendingEnrolment) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the enrolment",
            "INSERT INTO pending_enrolments (person, deployment, registry_key, request, asked_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (person) DO UPDATE SET deployment = excluded.deployment,
               registry_key = excluded.registry_key, request = excluded.request, asked_at = excluded.asked_at",
            params![
                pending.person,
                pending.deployment.as_bytes(),
                pending.registry_key.as_bytes(),
                pending.request,
                pending.asked_at.unix_ms()
            ],
        )?;
        Ok(())
    }

    /// What a person asked for and has not been answered.
    pub fn pending_enrolment(&self, person: &str) -> Result<Option<PendingEnrolment>, DeviceStoreError> {
        let row = self.one(
            "read the enrolment",
            "SELECT person, deployment, registry_key, request, asked_at FROM pending_enrolments WHERE person = ?1",
            [person],
            |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.id(2)?, row.get(3)?, row.instant(4)?)),
        )?;
        let Some((person, deployment, registry_key, request, asked_at)) = row else { return Ok(None) };
        let unreadable = || DeviceStoreError::Row { table: "pending_enrolments" };
        Ok(Some(PendingEnrolment {
            person,
            deployment: DeploymentId::from_slice(&deployment).ok_or_else(unreadable)?,
            registry_key: PublicKey::from_bytes(&registry_key).map_err(|_| unreadable())?,
            request,
            asked_at,
        }))
    }

    /// The answer has come.
    pub fn finish_enrolment(&self, person: &str) -> Result<(), DeviceStoreError> {
        self.execute("finish the enrolment", "DELETE FROM pending_enrolments WHERE person = ?1", [person])?;
        Ok(())
    }
}
