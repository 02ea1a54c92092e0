//! Following a registry that was put back from a backup into the log that goes on.

use device_store::LogRestored;
use signed_delta::{Act, Receipt, RestorationAct, SignedDelta};
use sync_protocol::PullFailure;

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::roster::KnownSeats;
use crate::sync::Anchor;

impl Collector {
    /// Believes the registry's signed words on how its log goes on, if they lead on from the log this laptop knows: what the
    /// backup may lack is sent again. Gives how many own deltas wait again.
    pub(crate) fn follow_restored(&mut self, envelopes: &[Vec<u8>]) -> Result<u64, CollectorError> {
        let Anchor { deployment, registry, log, head, restored } = self.anchor()?;
        let acts = self.verified_restorations(envelopes)?;
        let mut restored = LogRestored {
            // The log that `head` is of, should it have gone on more than once meanwhile.
            previous: head.as_ref().map_or(log, |head| head.log),
            size: restored.map_or(u64::MAX, |earlier| earlier.size),
            feed_size: u64::MAX,
            log,
            send_again: false,
        };
        for act in acts.iter().filter(|act| act.log != act.previous) {
            if act.previous == restored.log {
                restored.log = act.log;
                restored.size = restored.size.min(act.size);
                restored.feed_size = restored.feed_size.min(act.feed_size);
            }
        }
        if restored.log == log {
            // Of another log, or of how this one came about: nothing says that it ended.
            return Err(PullFailure::OtherLog { found: acts.last().map_or(log, |act| act.log) }.into());
        }
        // A receipt may have come after the last head that was pulled.
        let receipt = self.store.read(|tx| tx.sync_state()).map_err(CollectorError::Store)?.receipt;
        let receipt =
            receipt.and_then(|bytes| Receipt::decode_and_verify(&bytes, deployment, &registry).ok());
        let receipted =
            receipt.filter(|receipt| receipt.head.log == log).map_or(0, |receipt| receipt.head.size);
        let seen = head.map_or(0, |head| head.size).max(receipted);
        restored.send_again = seen > restored.size;
        self.store.write(|tx| tx.follow_restored(&restored)).map_err(CollectorError::Store)
    }

    /// True when these words lead on from the log this laptop knows.
    pub(crate) fn leads_on(&self, envelopes: &[Vec<u8>]) -> Result<bool, CollectorError> {
        let log = self.anchor()?.log;
        Ok(self.verified_restorations(envelopes)?.iter().any(|act| act.previous == log))
    }

    fn verified_restorations(&self, envelopes: &[Vec<u8>]) -> Result<Vec<RestorationAct>, CollectorError> {
        let standings = self.store.read(|tx| tx.standings()).map_err(CollectorError::Store)?;
        let seats = KnownSeats::new(&self.deployment, standings);
        let mut acts = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            let delta = SignedDelta::decode(envelope).ok().and_then(|delta| delta.verify(&seats).ok());
            match delta.filter(|delta| delta.is_from_registry()).as_ref().map(|delta| delta.act()) {
                Some(Act::Restoration(act)) => acts.push(*act),
                _ => return Err(PullFailure::UntrustedPage.into()),
            }
        }
        Ok(acts)
    }
}
