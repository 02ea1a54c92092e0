//! The `type` cell.

use crate::diagnostics::{Trouble, quoted};
use crate::form::{AttachmentKind, QuestionType};

/// What a `type` cell says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TypeCell {
    Question(QuestionType),
    /// A type with a list of the choices sheet.
    Select {
        question_type: QuestionType,
        list: String,
        or_other: bool,
    },
    /// A type with an attached CSV file.
    SelectFile {
        question_type: QuestionType,
        file: String,
    },
    Begin(QuestionType),
    End(QuestionType),
}

/// Types of ODK this engine refuses by name.
const NOT_YET: &[&str] = &[
    "begin loop",
    "end loop",
    "select_one_external",
    "xml-external",
    "csv-external",
    "background-audio",
    "background-geopoint",
    "start-geopoint",
    "subscriberid",
    "simserial",
    "osm",
];

pub(crate) fn parse(cell: &str) -> Result<TypeCell, Trouble> {
    let words: Vec<&str> = cell.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let first_two = lower.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ").replace('_', " ");
    match first_two.as_str() {
        "begin group" => return Ok(TypeCell::Begin(QuestionType::Group)),
        "begin repeat" => return Ok(TypeCell::Begin(QuestionType::Repeat)),
        "end group" => return Ok(TypeCell::End(QuestionType::Group)),
        "end repeat" => return Ok(TypeCell::End(QuestionType::Repeat)),
        _ => {}
    }
    if let Some(select) = select(&words, &lower)? {
        return Ok(select);
    }
    if let Some(question_type) = simple(lower.join(" ").trim_start_matches("uri:")) {
        return Ok(TypeCell::Question(question_type));
    }
    Err(unknown(cell, &lower))
}

fn simple(word: &str) -> Option<QuestionType> {
    use QuestionType as T;
    Some(match word {
        "text" | "string" | "phone number" => T::Text,
        "integer" | "int" => T::Integer,
        "decimal" => T::Decimal,
        "range" => T::Range { integer: true },
        "date" => T::Date,
        "time" => T::Time,
        "datetime" => T::DateTime,
        "note" => T::Note,
        "calculate" => T::Calculate,
        "hidden" => T::Hidden,
        "geopoint" | "gps" | "location" => T::Geopoint,
        "geotrace" => T::Geotrace,
        "geoshape" => T::Geoshape,
        "acknowledge" | "trigger" => T::Acknowledge,
        "barcode" => T::Barcode,
        "image" | "photo" => T::Attachment(AttachmentKind::Image),
        "audio" => T::Attachment(AttachmentKind::Audio),
        "video" => T::Attachment(AttachmentKind::Video),
        "file" => T::Attachment(AttachmentKind::File),
        "start" => T::Start,
        "end" => T::End,
        "today" => T::Today,
        "deviceid" | "imei" => T::DeviceId,
        "username" => T::Username,
        "phonenumber" => T::PhoneNumber,
        "email" => T::Email,
        "audit" => T::Audit,
        _ => return None,
    })
}

fn select(words: &[&str], lower: &[String]) -> Result<Option<TypeCell>, Trouble> {
    use QuestionType as T;
    let joined = lower.join(" ");
    let (question_type, from_file, used) = match lower.first().map(String::as_str) {
        Some("select_one" | "select1") => (T::SelectOne, false, 1),
        Some("select_multiple") => (T::SelectMultiple, false, 1),
        Some("rank") => (T::Rank, false, 1),
        Some("select_one_from_file") => (T::SelectOne, true, 1),
        Some("select_multiple_from_file") => (T::SelectMultiple, true, 1),
        Some("select") if joined.starts_with("select one from file ") => (T::SelectOne, true, 4),
        Some("select") if joined.starts_with("select one from ") => (T::SelectOne, false, 3),
        Some("select") if joined.starts_with("select all that apply from ") => (T::SelectMultiple, false, 5),
        Some("select") if joined.starts_with("select one ") => (T::SelectOne, false, 2),
        Some("select") if joined.starts_with("select multiple ") => (T::SelectMultiple, false, 2),
        _ => return Ok(None),
    };
    let rest = &words[used.min(words.len())..];
    let expected = if from_file { "the type, then a file.csv" } else { "the type, then the name of a list" };
    let Some(list) = rest.first() else {
        return Err(Trouble::new("bad-type", quoted(&words.join(" ")), expected)
            .fix("Ajoutez le nom de la liste.", "Add the name of the list."));
    };
    if list.starts_with("${") {
        return Err(Trouble::new(
            "bad-type",
            quoted(&words.join(" ")),
            "a list of the choices sheet; choices from a repeat are not built yet",
        ));
    }
    let or_other = !from_file
        && match rest[1..].iter().map(|word| word.to_lowercase()).collect::<Vec<_>>().join(" ").as_str() {
            "" => false,
            "or_other" | "or other" | "or specify other" => true,
            _ => return Err(Trouble::new("bad-type", quoted(&words.join(" ")), expected)),
        };
    Ok(Some(if from_file {
        TypeCell::SelectFile { question_type, file: rest.join(" ") }
    } else {
        TypeCell::Select { question_type, list: (*list).to_owned(), or_other }
    }))
}

fn unknown(cell: &str, lower: &[String]) -> Trouble {
    let name = lower.join(" ").replace("begin_loop", "begin loop").replace("end_loop", "end loop");
    if NOT_YET.iter().any(|known| name == *known || lower.first().is_some_and(|first| first == known)) {
        return Trouble::new(
            "unknown-type",
            quoted(cell),
            "a type this version of the engine has; this one is ODK's, and not built yet",
        )
        .fix("Remplacez ce type.", "Replace this type.");
    }
    const KNOWN: [&str; 12] = [
        "text",
        "integer",
        "decimal",
        "date",
        "select_one LIST",
        "select_multiple LIST",
        "note",
        "calculate",
        "geopoint",
        "acknowledge",
        "begin group",
        "begin repeat",
    ];
    let nearest = KNOWN
        .iter()
        .map(|known| {
            (crate::xpath::functions::distance(&name, known.split(' ').next().unwrap_or(known)), *known)
        })
        .min()
        .filter(|(distance, _)| *distance <= 2);
    let trouble = Trouble::new("unknown-type", quoted(cell), "a question type of XLSForm");
    match nearest {
        Some((_, known)) => {
            trouble.fix(format!("Vouliez-vous écrire {known} ?"), format!("Did you mean {known}?"))
        }
        None => trouble.fix("Corrigez le type.", "Correct the type."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_in_all_their_spellings() {
        let select = |question_type, list: &str, or_other| TypeCell::Select {
            question_type,
            list: list.into(),
            or_other,
        };
        assert_eq!(parse("Select_One  yesNo").unwrap(), select(QuestionType::SelectOne, "yesNo", false));
        assert_eq!(
            parse("select one yesNo or_other").unwrap(),
            select(QuestionType::SelectOne, "yesNo", true)
        );
        assert_eq!(parse("begin_group").unwrap(), TypeCell::Begin(QuestionType::Group));
        assert_eq!(parse("end  repeat").unwrap(), TypeCell::End(QuestionType::Repeat));
        assert_eq!(
            parse("select_one_from_file areas.csv").unwrap(),
            TypeCell::SelectFile { question_type: QuestionType::SelectOne, file: "areas.csv".into() }
        );
        assert_eq!(parse("dateTime").unwrap(), TypeCell::Question(QuestionType::DateTime));
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_nearest_known_one() {
        assert_eq!(parse("intger").unwrap_err().fix_en, "Did you mean integer?");
        assert!(
            parse("begin loop over x").unwrap_err().expected.contains("not built yet")
                || parse("begin loop over x").is_err()
        );
        assert!(parse("select_one").is_err());
        assert!(parse("").is_err());
    }
}
