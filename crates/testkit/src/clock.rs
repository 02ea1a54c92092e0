//! A clock that stands still until it is moved.

use std::sync::atomic::{AtomicI64, Ordering};

use record_model::{Instant, Visit};

/// Shared by reference: whoever holds one sees the moves of all others.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Standing at an instant.
    pub const fn new(at: Instant) -> Self {
        Self(AtomicI64::new(at.unix_ms()))
    }

    /// Where it stands.
    pub fn now(&self) -> Instant {
        Instant::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    /// The same as a visit at an offset from UTC.
    pub fn visit(&self, utc_offset_minutes: i16) -> Visit {
        Visit { at: self.now(), utc_offset_minutes }
    }

    /// Moves it, backwards too: laptops' clocks do. Gives where it stands now.
    pub fn advance_ms(&self, ms: i64) -> Instant {
        Instant::from_unix_ms(self.0.fetch_add(ms, Ordering::SeqCst) + ms)
    }

    /// Puts it elsewhere.
    pub fn set(&self, at: Instant) {
        self.0.store(at.unix_ms(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_until_it_is_moved() {
        let clock = FixedClock::new(Instant::from_unix_ms(1_000));
        assert_eq!(clock.now(), clock.now());
        assert_eq!(clock.advance_ms(-300), Instant::from_unix_ms(700));
        clock.set(Instant::from_unix_ms(5));
        assert_eq!(clock.visit(-300), Visit { at: Instant::from_unix_ms(5), utc_offset_minutes: -300 });
    }
}
