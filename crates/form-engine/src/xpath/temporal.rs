//! Dates and instants as ODK expressions know them.
//!
//! As a number, both are days since 1970-01-01T00:00Z, a date at its local midnight: so a date carries the offset's
//! fraction of a day (the web engine's reading; JavaRosa's is whole local days). Differences of two dates do not.

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;
/// Days that have a four-digit year, 0001-01-01 to 9999-12-31.
const DAY_RANGE: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;

/// A date, or an instant with the offset it is shown at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporal {
    /// Days since 1970-01-01.
    Date(i64),
    /// Milliseconds since the epoch, and local minus UTC in minutes.
    DateTime { unix_ms: i64, offset_minutes: i32 },
}

/// A date's parts and those of its time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) milli: u32,
    /// 0 = Sunday.
    pub(crate) weekday: usize,
}

impl Temporal {
    /// `YYYY-MM-DD`, or the same with `T`, a time, and perhaps an offset (the local one when there is none).
    pub(crate) fn parse(text: &str, utc_offset_minutes: i32) -> Option<Self> {
        let text = text.trim();
        if !text.is_ascii() || text.len() < 10 {
            return None;
        }
        let (date, rest) = text.split_at(10);
        let days = parse_date(date)?;
        if rest.is_empty() {
            return Some(Self::Date(days));
        }
        let time = rest.strip_prefix('T').or_else(|| rest.strip_prefix(' '))?;
        let (time_ms, offset) = parse_time(time)?;
        let offset_minutes = offset.unwrap_or(utc_offset_minutes);
        Some(Self::DateTime {
            unix_ms: days * DAY_MS + time_ms - i64::from(offset_minutes) * 60_000,
            offset_minutes,
        })
    }

    /// What stands so many days after 1970-01-01T00:00Z, if it has a four-digit year: a date where that is a local
    /// midnight, else an instant.
    pub(crate) fn from_days(days: f64, utc_offset_minutes: i32) -> Option<Self> {
        (days.is_finite() && DAY_RANGE.contains(&(days.floor() as i64))).then(|| {
            let unix_ms = (days * DAY_MS as f64).round() as i64;
            let local = unix_ms + i64::from(utc_offset_minutes) * 60_000;
            if local.rem_euclid(DAY_MS) == 0 {
                Self::Date(local.div_euclid(DAY_MS))
            } else {
                Self::DateTime { unix_ms, offset_minutes: utc_offset_minutes }
            }
        })
    }

    /// The same moment as it is shown at an offset.
    pub(crate) fn shown_at(self, utc_offset_minutes: i32) -> Self {
        match self {
            Self::Date(_) => self,
            Self::DateTime { unix_ms, .. } => Self::DateTime { unix_ms, offset_minutes: utc_offset_minutes },
        }
    }

    /// As a number in expressions, `decimal-date-time()` too.
    pub(crate) fn days(self, utc_offset_minutes: i32) -> f64 {
        let unix_ms = match self {
            Self::Date(days) => days * DAY_MS - i64::from(utc_offset_minutes) * 60_000,
            Self::DateTime { unix_ms, .. } => unix_ms,
        };
        unix_ms as f64 / DAY_MS as f64
    }

    /// The local date.
    pub(crate) fn to_date(self, utc_offset_minutes: i32) -> Self {
        match self {
            Self::Date(_) => self,
            Self::DateTime { unix_ms, .. } => {
                Self::Date((unix_ms + i64::from(utc_offset_minutes) * 60_000).div_euclid(DAY_MS))
            }
        }
    }

    /// Year to millisecond, at the offset it is shown at.
    pub(crate) fn parts(self) -> Parts {
        let (days, milli_of_day) = match self {
            Self::Date(days) => (days, 0),
            Self::DateTime { unix_ms, offset_minutes } => {
                let local = unix_ms + i64::from(offset_minutes) * 60_000;
                (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS))
            }
        };
        let (year, month, day) = civil_from_days(days);
        let seconds = (milli_of_day / 1000) as u32;
        Parts {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            milli: (milli_of_day % 1000) as u32,
            weekday: (days + 4).rem_euclid(7) as usize,
        }
    }

    /// `2026-11-21`, or `2026-11-21T23:10:00.000-05:00`.
    pub(crate) fn text(self) -> String {
        let Parts { year, month, day, hour, minute, second, milli, .. } = self.parts();
        match self {
            Self::Date(_) => format!("{year:04}-{month:02}-{day:02}"),
            Self::DateTime { offset_minutes, .. } => {
                let sign = if offset_minutes < 0 { '-' } else { '+' };
                let (hours, minutes) = (offset_minutes.abs() / 60, offset_minutes.abs() % 60);
                format!(
                    "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}{sign}{hours:02}:{minutes:02}"
                )
            }
        }
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`; nothing for a day that no calendar has.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = digits(&bytes[0..4])?;
    let month = digits(&bytes[5..7])?;
    let day = digits(&bytes[8..10])?;
    (year >= 1 && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month))
        .then(|| days_from_civil(year, month, day))
}

/// Milliseconds of `HH:MM[:SS[.fff]]` and the offset in minutes of `Z` or `±HH:MM`, if there is one.
pub(crate) fn parse_time(text: &str) -> Option<(i64, Option<i32>)> {
    if !text.is_ascii() {
        return None;
    }
    let (clock, offset) = match text.find(['Z', '+', '-']) {
        Some(at) if &text[at..] == "Z" => (&text[..at], Some(0)),
        Some(at) => (&text[..at], Some(parse_offset(&text[at..])?)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let hour = digits_of(parts.next()?, 2)?;
    let minute = digits_of(parts.next()?, 2)?;
    let (second, milli) = match parts.next() {
        None => (0, 0),
        Some(second) => match second.split_once('.') {
            None => (digits_of(second, 2)?, 0),
            Some((second, fraction)) if (1..=9).contains(&fraction.len()) => {
                digits(fraction.as_bytes())?;
                let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
                (digits_of(second, 2)?, digits_of(&millis, 3)?)
            }
            Some(_) => return None,
        },
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * 1000 + milli, offset))
}

fn parse_offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits_only: String = text[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits_only.len() {
        2 => (digits_of(&digits_only, 2)?, 0),
        4 => (digits_of(&digits_only[..2], 2)?, digits_of(&digits_only[2..], 2)?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then(|| sign * (hours * 60 + minutes) as i32)
}

fn digits_of(text: &str, len: usize) -> Option<i64> {
    (text.len() == len).then(|| digits(text.as_bytes())).flatten()
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day is the last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

/// Short names, as `%b` and `%a` write them.
struct ShortNames {
    months: [&'static str; 12],
    days: [&'static str; 7],
}

fn short_names(lang: &str) -> ShortNames {
    match lang {
        "fr" => ShortNames {
            months: [
                "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
                "déc.",
            ],
            days: ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
        },
        "ht" => ShortNames {
            months: ["jan", "fev", "mas", "avr", "me", "jen", "jiy", "out", "sep", "okt", "nov", "des"],
            days: ["dim", "len", "mad", "mèk", "jed", "van", "sam"],
        },
        "ar" => ShortNames {
            months: [
                "يناير",
                "فبراير",
                "مارس",
                "أبريل",
                "مايو",
                "يونيو",
                "يوليو",
                "أغسطس",
                "سبتمبر",
                "أكتوبر",
                "نوفمبر",
                "ديسمبر",
            ],
            days: ["الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"],
        },
        _ => ShortNames {
            months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
            days: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
        },
    }
}

/// ODK's `%` codes. An unknown one stays as it is written.
pub(crate) fn format(instant: Temporal, pattern: &str, lang: &str) -> String {
    let parts = instant.parts();
    let mut text = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('Y') => text.push_str(&format!("{:04}", parts.year)),
            Some('y') => text.push_str(&format!("{:02}", parts.year % 100)),
            Some('m') => text.push_str(&format!("{:02}", parts.month)),
            Some('n') => text.push_str(&parts.month.to_string()),
            Some('b') => text.push_str(short_names(lang).months[(parts.month as usize + 11) % 12]),
            Some('d') => text.push_str(&format!("{:02}", parts.day)),
            Some('e') => text.push_str(&parts.day.to_string()),
            Some('H') => text.push_str(&format!("{:02}", parts.hour)),
            Some('h') => text.push_str(&parts.hour.to_string()),
            Some('M') => text.push_str(&format!("{:02}", parts.minute)),
            Some('S') => text.push_str(&format!("{:02}", parts.second)),
            Some('3') => text.push_str(&format!("{:03}", parts.milli)),
            Some('a') => text.push_str(short_names(lang).days[parts.weekday % 7]),
            Some('W') => text.push_str(&parts.weekday.to_string()),
            Some('%') => text.push('%'),
            Some(other) => {
                text.push('%');
                text.push(other);
            }
            None => text.push('%'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree_over_all_four_digit_years() {
        for days in DAY_RANGE.step_by(97) {
            let text = Temporal::Date(days).text();
            assert_eq!(parse_date(&text), Some(days), "{text}");
        }
        assert_eq!(parse_date("1970-01-01"), Some(0));
        assert_eq!(Temporal::Date(*DAY_RANGE.end()).text(), "9999-12-31");
        assert_eq!(Temporal::Date(*DAY_RANGE.start()).text(), "0001-01-01");
    }

    #[test]
    fn days_no_calendar_has_are_no_dates() {
        for text in ["2023-02-29", "2023-13-01", "2023-00-10", "2023-1-1", "0000-01-01", "abcd-01-01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert!(parse_date("2024-02-29").is_some());
    }

    #[test]
    fn days_count_in_utc_from_the_local_midnight() {
        let date = Temporal::parse("1970-01-02", -420).unwrap();
        assert!((date.days(-420) - 1.291_666_7).abs() < 1e-6);
        assert_eq!(Temporal::from_days(date.days(-420), -420), Some(date));
        let instant = Temporal::parse("1970-01-02T00:00:00Z", -420).unwrap();
        assert_eq!(instant.days(-420), 1.0);
        assert_eq!(instant.to_date(-420), Temporal::Date(0));
    }

    #[test]
    fn odk_patterns_are_written_in_the_language() {
        let instant = Temporal::parse("2012-07-23T23:05:09.007-05:00", -300).unwrap();
        assert_eq!(
            format(instant, "%Y/%n | %y/%m | %b | %e %a %H:%M:%S.%3 %q", "en"),
            "2012/7 | 12/07 | Jul | 23 Mon 23:05:09.007 %q"
        );
        assert_eq!(format(instant, "%d %b", "fr"), "23 juil.");
        assert_eq!(instant.text(), "2012-07-23T23:05:09.007-05:00");
    }
}
