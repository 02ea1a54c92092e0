//! Dates and times as people read and write them. Reads no clock.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use record_model::{Instant, Visit};

use crate::messages::{Language, Text};

fn timestamp(instant: Instant) -> Timestamp {
    // A clock beyond the range of dates is shown at its end.
    let end = if instant.unix_ms() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(instant.unix_ms()).unwrap_or(end)
}

fn zoned(instant: Instant, zone: &TimeZone) -> Zoned {
    timestamp(instant).to_zoned(zone.clone())
}

/// Local time minus UTC there and then.
pub(crate) fn offset_minutes(zone: &TimeZone, instant: Instant) -> i16 {
    i16::try_from(zone.to_offset(timestamp(instant)).seconds() / 60).unwrap_or(0)
}

/// RFC 3339 in UTC, for programs. Always with three decimals: two of them sort as texts as they do as times.
pub(crate) fn rfc3339(instant: Instant) -> String {
    format!("{:.3}", timestamp(instant))
}

/// Day first in French and Creole, ISO in English.
pub(crate) fn date_time(instant: Instant, zone: &TimeZone, language: Language) -> String {
    let format = if language == Language::En { "%Y-%m-%d %H:%M" } else { "%d/%m/%Y %H:%M" };
    zoned(instant, zone).strftime(format).to_string()
}

/// The day of a visit, as it was there.
pub(crate) fn date(visit: Visit, language: Language) -> String {
    let local = visit.at.plus_ms(i64::from(visit.utc_offset_minutes) * 60_000);
    let format = if language == Language::En { "%Y-%m-%d" } else { "%d/%m/%Y" };
    zoned(local, &TimeZone::UTC).strftime(format).to_string()
}

/// A date typed by a person: ISO, or day first.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    if let Ok(date) = text.parse::<Date>() {
        return Some(date);
    }
    let parts: Vec<&str> = text.split(['/', '.', '-']).collect();
    let [day, month, year] = parts[..] else { return None };
    if year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// For the command line.
pub(crate) fn date_argument(text: &str) -> Result<Date, String> {
    parse_date(text).ok_or_else(|| "YYYY-MM-DD".to_owned())
}

/// A visit on that day: now when it is today, else at noon.
pub(crate) fn visit_on(date: Date, now: Instant, zone: &TimeZone) -> Visit {
    let at = if zoned(now, zone).date() == date {
        now
    } else {
        let noon = date.at(12, 0, 0, 0).to_zoned(zone.clone());
        noon.map_or(now, |noon| Instant::from_unix_ms(noon.timestamp().as_millisecond()))
    };
    Visit { at, utc_offset_minutes: offset_minutes(zone, at) }
}

/// How long something has waited, in the largest unit that says it.
pub(crate) fn age(ms: i64) -> Text {
    let minutes = ms.max(0) / 60_000;
    match (minutes / (24 * 60), minutes / 60) {
        (0, 0) => Text::new("age-minutes").with("count", minutes),
        (0, hours) => Text::new("age-hours").with("count", hours),
        (days, _) => Text::new("age-days").with("count", days),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn haiti() -> TimeZone {
        TimeZone::get("America/Port-au-Prince").unwrap()
    }

    #[test]
    fn a_visit_takes_the_offset_of_its_own_day() {
        let now = Instant::from_unix_ms(1_795_320_600_000); // 2026-11-22T04:10:00Z
        let same_day = visit_on(parse_date("21/11/2026").unwrap(), now, &haiti());
        assert_eq!((same_day.at, same_day.utc_offset_minutes), (now, -300));
        let summer = visit_on(parse_date("2026-07-14").unwrap(), now, &haiti());
        assert_eq!(
            (rfc3339(summer.at).as_str(), summer.utc_offset_minutes),
            ("2026-07-14T16:00:00.000Z", -240)
        );
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        let day = Date::constant(2026, 11, 21);
        for typed in ["2026-11-21", "21/11/2026", "21.11.2026", " 21-11-2026 "] {
            assert_eq!(parse_date(typed), Some(day), "{typed}");
        }
        for typed in ["", "demain", "31/02/2026", "21/11/26"] {
            assert_eq!(parse_date(typed), None, "{typed}");
        }
    }
}
