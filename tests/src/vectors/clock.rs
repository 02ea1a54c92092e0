//! When and where a vector is evaluated.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use record_model::{Instant, Visit};
use serde_json::Value as Json;

/// The day the vectors were recorded on, for those that do not name theirs.
const RECORDED_ON: &str = "2026-11-22";
/// The instant of that day: the evening before in the zones of America.
const TIME: &str = "T04:10:00Z";

/// The visit of a vector: its `clock_date` in its `tz`. Without a zone it is UTC.
pub(super) fn visit(vector: &Json) -> Result<Visit, String> {
    let date = vector["clock_date"].as_str().unwrap_or(RECORDED_ON);
    let at: Timestamp =
        format!("{date}{TIME}").parse().map_err(|_| format!("clock_date {date} is no date"))?;
    let offset_minutes = utc_offset_minutes(vector["tz"].as_str().unwrap_or("UTC"), at)?;
    Ok(Visit { at: Instant::from_unix_ms(at.as_millisecond()), utc_offset_minutes: offset_minutes })
}

fn utc_offset_minutes(zone: &str, at: Timestamp) -> Result<i16, String> {
    let zone = TimeZone::get(zone).map_err(|_| format!("the time zone {zone} is unknown"))?;
    i16::try_from(zone.to_offset(at).seconds() / 60).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_zone_gives_its_offset_on_the_day_of_the_vector() {
        let offset = |vector: Json| visit(&vector).map(|visit| visit.utc_offset_minutes);
        assert_eq!(offset(json!({"tz": "America/Phoenix"})), Ok(-420));
        assert_eq!(offset(json!({"tz": "America/Port-au-Prince"})), Ok(-300));
        assert_eq!(offset(json!({"tz": "America/Port-au-Prince", "clock_date": "2026-07-01"})), Ok(-240));
        assert_eq!(offset(json!({"tz": "UTC"})), Ok(0));
        assert!(offset(json!({"tz": "Mars/Utopia"})).is_err());
    }

    #[test]
    fn the_instant_is_that_of_the_recording() {
        let visit = visit(&json!({})).unwrap();
        assert_eq!(visit.at, Instant::from_unix_ms(1_795_320_600_000));
    }
}
