//! What to make of the machine's clock. Doubts are shown; nothing is ever blocked by one.

use record_model::Instant;

use crate::collector::Collector;
use crate::error::CollectorError;

/// Backwards by more than this is no rounding.
const BACK_TOLERANCE_MS: i64 = 5 * 60 * 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A laptop that was not used for longer than this is asked whether its date is right.
pub const MAX_DAYS_AHEAD: i64 = 45;

/// Why the person should confirm date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "doubt")]
pub enum ClockDoubt {
    /// The machine says it is earlier than it certainly is: a dead clock battery begins in 2010.
    WentBack {
        /// The latest instant this store has seen.
        known: Instant,
        /// What the machine says.
        now: Instant,
    },
    /// The machine says that much more time has passed than this laptop ever lay unused.
    FarAhead {
        /// The latest instant this store has seen.
        known: Instant,
        /// What the machine says.
        now: Instant,
    },
}

pub(crate) fn doubt(known: Option<Instant>, now: Instant) -> Option<ClockDoubt> {
    let known = known?;
    let passed = now.unix_ms().saturating_sub(known.unix_ms());
    if passed < -BACK_TOLERANCE_MS {
        Some(ClockDoubt::WentBack { known, now })
    } else if passed > MAX_DAYS_AHEAD * DAY_MS {
        Some(ClockDoubt::FarAhead { known, now })
    } else {
        None
    }
}

impl Collector {
    /// Compares the machine's clock with the latest instant known, and takes note of it when there is no doubt.
    pub fn clock_check(&mut self) -> Result<Option<ClockDoubt>, CollectorError> {
        let now = self.now();
        self.store.write(|tx| {
            let found = doubt(tx.known_at()?, now);
            if found.is_none() {
                tx.learn_instant(now)?;
            }
            Ok(found)
        })
    }

    /// The person confirms that the machine's date and time are right.
    pub fn confirm_clock(&mut self) -> Result<(), CollectorError> {
        let now = self.now();
        Ok(self.store.write(|tx| tx.correct_instant(now))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_doubted_when_it_went_back_or_leapt_ahead() {
        let at = |days: i64| Instant::from_unix_ms(days * DAY_MS);
        assert_eq!(doubt(None, at(0)), None);
        assert_eq!(doubt(Some(at(100)), at(101)), None);
        assert_eq!(doubt(Some(at(100)), at(100).plus_ms(-1000)), None);
        assert!(matches!(doubt(Some(at(100)), at(99)), Some(ClockDoubt::WentBack { .. })));
        assert!(matches!(doubt(Some(at(100)), at(200)), Some(ClockDoubt::FarAhead { .. })));
    }
}
