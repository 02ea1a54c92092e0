//! Who is certified, as this laptop knows it.

use std::collections::HashMap;
use std::sync::Arc;

use device_store::{DeploymentRow, Standing, StandingRow};
use record_model::{DeploymentId, SeatId};
use signed_delta::{Act, Body, PublicKey, Roster, SeatCertificate, SeatStanding, SignedDelta};

/// A snapshot of the standings, kept up to date while deltas are applied.
pub(crate) struct KnownSeats {
    deployment: DeploymentId,
    registry_key: PublicKey,
    seats: HashMap<SeatId, Arc<SeatStanding>>,
    revoked_at: HashMap<SeatId, u64>,
}

impl KnownSeats {
    pub(crate) fn new(deployment: &DeploymentRow, rows: Vec<StandingRow>) -> Self {
        let mut known = Self {
            deployment: deployment.deployment,
            registry_key: deployment.registry_key,
            seats: HashMap::new(),
            revoked_at: HashMap::new(),
        };
        for row in rows {
            // Rows hold what was verified before it was written; one that cannot be read certifies nobody.
            if let Some(certificate) = certificate_in(&row.certificate) {
                known.certify(certificate);
                if let Some(revoked) = row.revoked {
                    known.revoke(row.seat, revoked);
                }
            }
        }
        known
    }

    pub(crate) fn certify(&mut self, certificate: SeatCertificate) {
        let seat = certificate.seat();
        let revoked_after = self.seats.get(&seat).and_then(|standing| standing.revoked_after);
        self.seats.insert(seat, Arc::new(SeatStanding { certificate, revoked_after }));
    }

    pub(crate) fn revoke(&mut self, seat: SeatId, revoked: Standing) {
        let earlier = self.revoked_at.get(&seat).is_some_and(|at| *at <= revoked.log_index);
        if let (false, Some(standing)) = (earlier, self.seats.get_mut(&seat)) {
            let certificate = standing.certificate.clone();
            *standing = Arc::new(SeatStanding { certificate, revoked_after: Some(revoked.last) });
            self.revoked_at.insert(seat, revoked.log_index);
        }
    }

    /// Where in the log the seat was revoked.
    pub(crate) fn revoked_at(&self, seat: SeatId) -> Option<u64> {
        self.revoked_at.get(&seat).copied()
    }

    pub(crate) fn certificate(&self, seat: SeatId) -> Option<&SeatCertificate> {
        self.seats.get(&seat).map(|standing| &standing.certificate)
    }
}

impl Roster for KnownSeats {
    fn deployment(&self) -> DeploymentId {
        self.deployment
    }

    fn registry_key(&self) -> PublicKey {
        self.registry_key
    }

    fn standing(&self, seat: SeatId) -> Option<Arc<SeatStanding>> {
        self.seats.get(&seat).cloned()
    }
}

/// The certificate in the envelope of a certificate delta.
pub(crate) fn certificate_in(envelope: &[u8]) -> Option<SeatCertificate> {
    let delta = SignedDelta::decode(envelope).ok()?;
    let (_, _, body) = delta.parts();
    match Body::decode(delta.header().kind, body?).ok()?.act {
        Act::Certificate(certificate) => Some(certificate),
        _ => None,
    }
}
