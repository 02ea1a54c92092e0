//! Following a registry that was put back from a backup into the log that goes on.

use device_store::LogRestored;
use record_model::LogId;
use signed_delta::{Act, Receipt, RestorationAct, SignedDelta, TreeHead};
use sync_protocol::PullFailure;

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::roster::KnownSeats;
use crate::sync::Anchor;

/// A log and those before it, with how much of each there is.
type Line = Vec<(LogId, u64, u64)>;

/// What a laptop names that has pulled nothing yet.
const NO_LOG: LogId = LogId::from_bytes([0; 16]);

/// Of more logs nobody keeps the line.
const MAX_LINE: usize = 256;

/// Where the registry's words lead from the end of a line: how many entries and rows of the feed go on, and the log that does.
/// A backup that is older than a restoration brings back a log before it: so a word may begin anywhere in the line.
fn path(mut line: Line, acts: &[RestorationAct]) -> Option<(u64, u64, LogId)> {
    let (mut size, mut feed_size, mut moved) = (u64::MAX, u64::MAX, None);
    for act in acts {
        let known = line.iter().any(|(log, ..)| *log == act.log);
        let Some(at) = line.iter().position(|(log, ..)| *log == act.previous).filter(|_| !known) else {
            continue;
        };
        let (_, kept, feed_kept) = line[at];
        size = size.min(kept).min(act.size);
        feed_size = feed_size.min(feed_kept).min(act.feed_size);
        line.splice(..at, [(act.log, u64::MAX, u64::MAX)]);
        for earlier in line.iter_mut().skip(1) {
            earlier.1 = earlier.1.min(act.size);
            earlier.2 = earlier.2.min(act.feed_size);
        }
        moved = Some(act.log);
    }
    moved.map(|log| (size, feed_size, log))
}

impl Collector {
    /// Believes the registry's signed words on how its log goes on, if they lead on from the log this laptop knows: what the
    /// backup may lack is sent again. Gives how many own deltas wait again.
    pub(crate) fn follow_restored(&mut self, envelopes: &[Vec<u8>]) -> Result<u64, CollectorError> {
        let Anchor { deployment, registry, log, head, restored } = self.anchor()?;
        let acts = self.verified_restorations(envelopes)?;
        let line = self.line_of(log)?;
        let Some((size, feed_size, goes_on)) = path(line, &acts) else {
            // Of another log, or of how this one came about: nothing says that it ended.
            return Err(PullFailure::OtherLog { found: acts.last().map_or(log, |act| act.log) }.into());
        };
        let mut restored = LogRestored {
            // The log that `head` is of, should it have gone on more than once meanwhile.
            previous: head.as_ref().map_or(log, |head| head.log),
            size: restored.map_or(size, |earlier| earlier.size.min(size)),
            feed_size,
            log: goes_on,
            send_again: false,
        };
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
        if envelopes.is_empty() {
            return Ok(false);
        }
        let line = self.line_of(self.anchor()?.log)?;
        Ok(path(line, &self.verified_restorations(envelopes)?).is_some())
    }

    /// True when the log this laptop knows went on from that one.
    pub(crate) fn is_past(&self, log: LogId) -> Result<bool, CollectorError> {
        let line = self.line_of(self.anchor()?.log)?;
        Ok(line.iter().skip(1).any(|(earlier, ..)| *earlier == log))
    }

    /// True when this head is of the log this laptop knows, or of so much of an earlier one as it went on from.
    pub(crate) fn is_of_this_log(&self, head: &TreeHead) -> Result<bool, CollectorError> {
        let log = self.anchor()?.log;
        let line = self.line_of(log)?;
        let known = line.iter().find(|(earlier, ..)| *earlier == head.log);
        // Whoever has pulled nothing yet knows no log.
        Ok(log == NO_LOG || known.is_some_and(|(_, size, _)| head.size <= *size))
    }

    /// The log, and those it went on from, each with how much of it the log has: entries, and rows of the feed.
    fn line_of(&self, log: LogId) -> Result<Line, CollectorError> {
        self.store.read(|tx| {
            let mut line = vec![(log, u64::MAX, u64::MAX)];
            while let Some((at, size, feed)) = line.last().copied().filter(|_| line.len() < MAX_LINE) {
                let Some((previous, ended, feed_ended)) = tx.log_before(at)? else { break };
                line.push((previous, size.min(ended), feed.min(feed_ended)));
            }
            Ok(line)
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const A: LogId = LogId::from_bytes([1; 16]);
    const B: LogId = LogId::from_bytes([2; 16]);
    const C: LogId = LogId::from_bytes([3; 16]);

    fn act(previous: LogId, size: u64, log: LogId) -> RestorationAct {
        RestorationAct { previous, size, root: [0; 32], feed_size: size, log }
    }

    fn at(log: LogId) -> Line {
        vec![(log, u64::MAX, u64::MAX)]
    }

    #[test]
    fn words_lead_on_from_the_log_that_is_known_over_as_many_backups_as_there_were() {
        assert_eq!(path(at(A), &[act(A, 9, B)]), Some((9, 9, B)));
        assert_eq!(path(at(A), &[act(A, 9, B), act(B, 12, C)]), Some((9, 9, C)));
        assert_eq!(path(at(B), &[act(A, 9, B), act(B, 12, C)]), Some((12, 12, C)));
    }

    #[test]
    fn a_backup_older_than_the_last_restoration_brings_back_the_log_before_it() {
        let line = vec![(B, u64::MAX, u64::MAX), (A, 9, 9)];
        assert_eq!(path(line.clone(), &[act(A, 5, C)]), Some((5, 5, C)));
        assert_eq!(
            path(line, &[act(A, 12, C)]),
            Some((9, 9, C)),
            "of the log known no more than 9 were of that one"
        );
    }

    #[test]
    fn words_of_another_log_or_of_the_past_lead_nowhere() {
        assert_eq!(path(at(C), &[act(A, 9, B)]), None);
        assert_eq!(path(vec![(B, u64::MAX, u64::MAX), (A, 9, 9)], &[act(A, 9, B)]), None);
    }
}
