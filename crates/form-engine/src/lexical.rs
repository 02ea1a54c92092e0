//! How ODK's engines write a value of each type. What does not fit the type is no value.

use crate::arena::Datum;
use crate::form::QuestionType;
use crate::xpath::number_text;
use crate::xpath::temporal;

impl Datum {
    /// A text as a value of this type: XForms' canonical form, blank when it is none.
    pub(crate) fn typed(value_type: QuestionType, text: &str) -> Self {
        use QuestionType as T;
        let trimmed = text.trim();
        let written = |text: Option<String>| match text {
            Some(text) if !text.is_empty() => Self::Text(text.into()),
            _ => Self::Blank,
        };
        match value_type {
            _ if text.is_empty() => Self::Blank,
            T::Integer | T::Range { integer: true } => integer(trimmed).map_or(Self::Blank, Self::Int),
            T::Decimal | T::Range { integer: false } => written(decimal(trimmed)),
            T::Date | T::Today => written(date(trimmed)),
            T::Time => written(time(trimmed)),
            T::DateTime | T::Start | T::End => written(date_time(trimmed)),
            T::Geopoint => written(point(trimmed)),
            T::Geotrace => written(points(trimmed, 2)),
            T::Geoshape => written(points(trimmed, 3)),
            _ => written(Some(text.to_owned())),
        }
    }
}

/// Of 32 bits, as XML Schema's `int`; a fraction is cut off.
fn integer(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    let whole = number.trunc();
    (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole).then_some(whole as i64)
}

/// With a point, whole numbers too.
fn decimal(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| pointed(number))
}

fn pointed(number: f64) -> String {
    let text = number_text(number);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// The day of an instant is its date.
fn date(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let rest = &text[10..];
    (temporal::parse_date(day).is_some() && (rest.is_empty() || rest.starts_with('T')))
        .then(|| day.to_owned())
}

fn time(text: &str) -> Option<String> {
    let zone = text.find(['Z', '+', '-']).map_or("", |at| &text[at..]);
    let clock = &text[..text.len() - zone.len()];
    let fits = !clock.ends_with('.') && is_zone(zone) && temporal::parse_time(text).is_some();
    fits.then(|| text.to_owned())
}

fn is_zone(zone: &str) -> bool {
    zone.is_empty() || zone == "Z" || zone.len() == 6 && zone.as_bytes()[3] == b':'
}

fn date_time(text: &str) -> Option<String> {
    let (day, clock) = text.split_once('T')?;
    (temporal::parse_date(day).is_some() && time(clock).is_some()).then(|| text.to_owned())
}

/// Latitude and longitude in degrees, perhaps altitude and accuracy in metres.
fn point(text: &str) -> Option<String> {
    let parts: Option<Vec<f64>> = text.split_whitespace().map(|part| part.parse().ok()).collect();
    let parts = parts.filter(|parts| (2..=4).contains(&parts.len()))?;
    let fits = parts[0].abs() <= 90.0 && parts[1].abs() <= 180.0 && parts.iter().all(|part| part.is_finite());
    fits.then(|| parts.into_iter().map(pointed).collect::<Vec<_>>().join(" "))
}

fn points(text: &str, fewest: usize) -> Option<String> {
    let parts: Option<Vec<String>> =
        text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(point).collect();
    parts.filter(|parts| parts.len() >= fewest).map(|parts| parts.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_their_type_has_them_and_what_does_not_fit_is_blank() {
        use QuestionType as T;
        for (value_type, text, written) in [
            (T::Integer, "5.6", "5"),
            (T::Integer, "2147483648", ""),
            (T::Decimal, "23", "23.0"),
            (T::Date, "1999-11-23T23:30:05", "1999-11-23"),
            (T::DateTime, "2026-04-22T14:30:00+0700", ""),
            (T::DateTime, "2026-04-22", ""),
            (T::Time, "22:02:00.Z", ""),
            (T::Time, "22:02:55.124", "22:02:55.124"),
            (T::Geopoint, "38.5 21 0 5", "38.5 21.0 0.0 5.0"),
            (T::Geopoint, "99 21", ""),
            (T::Geotrace, "0 1; 0 91;", "0.0 1.0;0.0 91.0"),
            (T::Geoshape, "0 1; 0 91;", ""),
        ] {
            let datum = Datum::typed(value_type, text);
            assert_eq!(crate::xpath::eval::datum_text(&datum), written, "{text}");
        }
    }
}
