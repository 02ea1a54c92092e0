//! How often one address may ask to be enrolled.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::limits::MAX_ENROL_ADDRESSES;
use crate::platform::Moment;

/// A bucket of tokens an address: `burst` at once, then one each `refill`.
#[derive(Debug)]
pub(super) struct AddressLimiter {
    burst: u32,
    refill: Duration,
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: u32,
    counted_at: Moment,
}

impl AddressLimiter {
    pub(super) fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, buckets: HashMap::new() }
    }

    /// Takes a token; false when there is none.
    pub(super) fn take(&mut self, address: IpAddr, now: Moment) -> bool {
        if self.buckets.len() >= MAX_ENROL_ADDRESSES && !self.buckets.contains_key(&address) {
            self.forget_full(now);
            if self.buckets.len() >= MAX_ENROL_ADDRESSES {
                return false;
            }
        }
        let full = Bucket { tokens: self.burst, counted_at: now };
        let mut bucket = self.refilled(*self.buckets.get(&address).unwrap_or(&full), now);
        let granted = bucket.tokens > 0;
        bucket.tokens = bucket.tokens.saturating_sub(1);
        self.buckets.insert(address, bucket);
        granted
    }

    fn refilled(&self, bucket: Bucket, now: Moment) -> Bucket {
        let refill_ms = self.refill.as_millis().max(1);
        let earned = now.since(bucket.counted_at).as_millis() / refill_ms;
        if earned == 0 {
            return bucket;
        }
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        Bucket { tokens: bucket.tokens.saturating_add(earned).min(self.burst), counted_at: now }
    }

    /// An address whose bucket is full again is like one never seen.
    fn forget_full(&mut self, now: Moment) {
        let full: std::collections::HashSet<IpAddr> = self
            .buckets
            .iter()
            .filter(|(_, bucket)| self.refilled(**bucket, now).tokens == self.burst)
            .map(|(address, _)| *address)
            .collect();
        self.buckets.retain(|address, _| !full.contains(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_waits_while_another_does_not() {
        let mut limiter = AddressLimiter::new(2, Duration::from_secs(3_600));
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let now = Moment::now();
        assert!(limiter.take(here, now));
        assert!(limiter.take(here, now));
        assert!(!limiter.take(here, now));
        assert!(limiter.take(there, now));
    }
}
