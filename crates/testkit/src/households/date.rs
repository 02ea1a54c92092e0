//! Dates of the proleptic Gregorian calendar, as far as birth dates need them.

use record_model::Visit;

/// Days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(i64);

impl Date {
    /// The local date of a visit.
    pub(super) const fn of(visit: Visit) -> Self {
        let local_ms = visit.at.unix_ms() + visit.utc_offset_minutes as i64 * 60_000;
        Self(local_ms.div_euclid(86_400_000))
    }

    /// By Howard Hinnant's `days_from_civil`: years begin in March, so that a leap day is a year's last.
    pub(super) const fn of_civil(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    /// Year, month and day.
    pub(super) const fn civil(self) -> (i64, i64, i64) {
        let shifted = self.0 + 719_468;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (year + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
    }

    pub(super) const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// The same day of an earlier year; of a leap day, the day before.
    pub(super) const fn years_before(self, years: i64) -> Self {
        let (year, month, day) = self.civil();
        let day = if month == 2 && day == 29 { 28 } else { day };
        Self::of_civil(year - years, month, day)
    }

    /// As forms store it.
    pub(super) fn text(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use record_model::Instant;

    use super::*;

    #[test]
    fn a_day_and_its_date_are_one() {
        for day in -60_000..60_000 {
            let (year, month, of_month) = Date(day).civil();
            assert_eq!(Date::of_civil(year, month, of_month), Date(day));
        }
        assert_eq!(Date::of_civil(2000, 2, 29).plus_days(1).text(), "2000-03-01");
        assert_eq!(Date::of_civil(2024, 2, 29).years_before(1).text(), "2023-02-28");
    }

    #[test]
    fn the_date_of_a_visit_is_the_one_of_its_place() {
        let late = Visit { at: Instant::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 };
        assert_eq!(Date::of(late).text(), "2026-11-21");
        assert_eq!(Date::of(Visit { utc_offset_minutes: 0, ..late }).text(), "2026-11-22");
    }
}
