//! Who is certified, in memory. Every entry comes from the log.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use record_model::{DeploymentId, SeatId};
use registry_store::{ReadTx, SeatRow, StoreError};
use signed_delta::{Act, Body, PublicKey, Roster, SeatCertificate, SeatStanding};

use crate::error::RegistryError;

/// A roster that threads share.
pub(crate) struct SharedRoster {
    deployment: DeploymentId,
    registry_key: PublicKey,
    standings: RwLock<HashMap<SeatId, Arc<SeatStanding>>>,
}

impl SharedRoster {
    pub(crate) fn new(deployment: DeploymentId, registry_key: PublicKey) -> Self {
        Self { deployment, registry_key, standings: RwLock::default() }
    }

    /// Reads every seat from the store.
    pub(crate) fn reload(&self, tx: &dyn ReadTx) -> Result<(), StoreError> {
        let mut standings = HashMap::new();
        for row in tx.seats()? {
            standings.insert(row.seat, Arc::new(standing_of(tx, &row)?));
        }
        *self.standings.write().unwrap_or_else(PoisonError::into_inner) = standings;
        Ok(())
    }
}

impl Roster for SharedRoster {
    fn deployment(&self) -> DeploymentId {
        self.deployment
    }

    fn registry_key(&self) -> PublicKey {
        self.registry_key
    }

    fn standing(&self, seat: SeatId) -> Option<Arc<SeatStanding>> {
        self.standings.read().unwrap_or_else(PoisonError::into_inner).get(&seat).cloned()
    }
}

/// The row of a seat certified at a place of the log.
pub(crate) fn seat_row(certificate: &SeatCertificate, certificate_index: u64) -> SeatRow {
    SeatRow {
        seat: certificate.seat(),
        certificate_index,
        person: certificate.fields.person.clone(),
        device: certificate.fields.device.clone(),
        role: certificate.fields.role,
        revocation_index: None,
        last_seen_at: None,
    }
}

/// A seat's standing from the deltas its row names.
fn standing_of(tx: &dyn ReadTx, row: &SeatRow) -> Result<SeatStanding, StoreError> {
    let certificate = certificate_at(tx, row.certificate_index)?;
    let revoked_after = match row.revocation_index {
        None => None,
        Some(index) => match act_at(tx, index)? {
            Act::Revocation(act) => Some(act.last),
            _ => return Err(RegistryError::damaged(format!("log entry {index} is not a revocation")).into()),
        },
    };
    Ok(SeatStanding { certificate, revoked_after })
}

/// The certificate a log entry holds.
pub(crate) fn certificate_at(tx: &dyn ReadTx, index: u64) -> Result<SeatCertificate, StoreError> {
    match act_at(tx, index)? {
        Act::Certificate(certificate) => Ok(certificate),
        _ => Err(RegistryError::damaged(format!("log entry {index} is not a certificate")).into()),
    }
}

/// What a log entry says.
pub(crate) fn act_at(tx: &dyn ReadTx, index: u64) -> Result<Act, StoreError> {
    let entry = tx.log_entry(index)?;
    let act = entry.as_ref().and_then(|entry| {
        let (_, _, body) = entry.delta.parts();
        Body::decode(entry.delta.header().kind, body?).ok().map(|body| body.act)
    });
    act.ok_or_else(|| RegistryError::damaged(format!("log entry {index} cannot be read")).into())
}
