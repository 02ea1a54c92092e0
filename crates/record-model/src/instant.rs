//! Instants and clocks' readings. Nothing here reads a clock.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z. What a laptop says is a claim; what the server says is when it received.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Instant(i64);

impl Instant {
    /// From milliseconds since the Unix epoch.
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// This instant moved by so many milliseconds; stays at the end of the range instead of wrapping.
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({} ms)", self.0)
    }
}

/// When and at which offset from UTC a visit took place, as the person confirmed it. "Today", ages and rules are
/// evaluated here, never at the machine's now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Visit {
    /// The instant of the visit.
    pub at: Instant,
    /// Local time minus UTC, in minutes, as it was at the place of the visit.
    pub utc_offset_minutes: i16,
}

/// Hybrid logical clock: 48 bits of milliseconds, 16 bits of counter. For display and ordering hints; it never decides
/// whether something is accepted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The next reading after this one at a wall clock's instant: never goes back, even when the clock does.
    pub fn next(self, now: Instant) -> Self {
        let wall = Self((now.unix_ms().max(0) as u64) << 16);
        if wall > self { wall } else { Self(self.0.saturating_add(1)) }
    }

    /// The wall-clock part.
    pub const fn instant(self) -> Instant {
        Instant((self.0 >> 16) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_does_not_take_the_hlc_with_it() {
        let first = Hlc::default().next(Instant::from_unix_ms(2_000));
        let second = first.next(Instant::from_unix_ms(1_000));
        assert!(second > first);
        assert_eq!(second.instant(), Instant::from_unix_ms(2_000));
    }
}
