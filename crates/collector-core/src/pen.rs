//! Signing deltas at the end of the seat's chain, inside the store's transaction.

use device_store::{ChainPlace, DeviceStoreError, OwnDelta, Tx};
use record_model::{AreaCode, Class, DeltaHash, DeploymentId, EpochId, Hlc, Instant, RecordId};
use signed_delta::{Act, Body, Draft, EpochAct, Header, SeatKey, SignedDelta};

use crate::ports::{Randomness, random};

/// A seat's key with what it needs to sign.
pub(crate) struct Pen<'a> {
    pub(crate) key: &'a SeatKey,
    pub(crate) deployment: DeploymentId,
    pub(crate) randomness: &'a mut dyn Randomness,
    pub(crate) now: Instant,
}

/// A delta just signed, not yet written down.
pub(crate) struct Signed {
    pub(crate) delta: SignedDelta,
    pub(crate) hash: DeltaHash,
    pub(crate) hlc: Hlc,
    created_at: Instant,
}

impl Signed {
    pub(crate) fn own(&self) -> OwnDelta<'_> {
        OwnDelta { signed: &self.delta, hash: self.hash, created_at: self.created_at }
    }
}

impl Pen<'_> {
    /// The end of the chain. A new, copied or restored store first opens an epoch that names the end it knows.
    pub(crate) fn place(&mut self, tx: &Tx<'_>) -> Result<ChainPlace, DeviceStoreError> {
        match tx.next_place(self.key.seat()) {
            Err(DeviceStoreError::EpochNeeded { .. }) => {
                self.open_epoch(tx)?;
                tx.next_place(self.key.seat())
            }
            other => other,
        }
    }

    fn open_epoch(&mut self, tx: &Tx<'_>) -> Result<(), DeviceStoreError> {
        let previous = tx.chain_end(self.key.seat())?;
        let place = ChainPlace {
            epoch: EpochId::from_bytes(random(self.randomness)),
            seq: 1,
            prev_hash: Header::NO_PREVIOUS,
        };
        let signed = self.sign_at(tx, place, None, Class::Public, Act::Epoch(EpochAct { previous }))?;
        tx.open_epoch(signed.own())
    }

    /// Signs for exactly this place.
    pub(crate) fn sign_at(
        &mut self,
        tx: &Tx<'_>,
        place: ChainPlace,
        about: Option<(RecordId, u32, AreaCode)>,
        class: Class,
        act: Act,
    ) -> Result<Signed, DeviceStoreError> {
        let hlc = tx.next_hlc(self.now)?;
        let body = Body { salt: random(self.randomness), act };
        let ChainPlace { epoch, seq, prev_hash } = place;
        let delta =
            self.key.sign_delta(self.deployment, Draft { epoch, seq, prev_hash, about, class, hlc, body });
        Ok(Signed { hash: delta.hash(), delta, hlc, created_at: self.now })
    }
}
