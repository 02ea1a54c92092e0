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
    /// A type with a file.
    SelectFile {
        question_type: QuestionType,
        file: String,
    },
    /// A type whose choices are the answers to a question of a repeat.
    SelectReference {
        question_type: QuestionType,
        reference: String,
    },
    /// A type with a list of the sheet external_choices.
    SelectExternal {
        list: String,
    },
    /// `xml-external` or `csv-external`: a file that expressions read; asks nothing.
    External {
        extension: &'static str,
    },
    /// OpenStreetMap features, picked in another program.
    Osm,
    /// A setting written in the survey sheet, by its column in settings.
    Setting(&'static str),
    /// The questions of another workbook, which no tool reads any more.
    Include,
    Begin(QuestionType),
    End(QuestionType),
    BeginLoop {
        list: Option<String>,
    },
    EndLoop,
}

/// What a `type` cell says, and how it says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) cell: TypeCell,
    /// The way XLSForm writes it, where the cell is written in a way that pyxform does not know.
    pub(crate) meant: Option<String>,
}

/// A constraint or hint that comes with the type.
pub(crate) struct Implied {
    pub(crate) constraint: &'static str,
    pub(crate) hint: &'static str,
}

pub(crate) fn implied(cell: &str) -> Option<Implied> {
    let (constraint, hint) = match cell.to_lowercase().as_str() {
        "phone number" => ("regex(., '^\\d*$')", "Enter numbers only."),
        "percentage" => ("0 <= . and . <= 100", ""),
        "number of days in last month" => ("0 <= . and . <= 31", "Enter a number 0-31."),
        "number of days in last six months" => ("0 <= . and . <= 183", "Enter a number 0-183."),
        "number of days in last year" => ("0 <= . and . <= 365", "Enter a number 0-365."),
        _ => return None,
    };
    Some(Implied { constraint, hint })
}

pub(crate) fn parse(cell: &str) -> Result<Parsed, Trouble> {
    let words: Vec<&str> = cell.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let joined = lower.join(" ");
    if let Some(parsed) = control(&words, &lower) {
        return Ok(parsed);
    }
    if let Some(parsed) = select(&words, &lower)? {
        return Ok(parsed);
    }
    let exact = words.join(" ");
    if let Some(setting) = setting(&exact) {
        return Ok(Parsed { cell: TypeCell::Setting(setting), meant: None });
    }
    let known =
        |cell, as_written: bool, meant: &str| Parsed { cell, meant: (!as_written).then(|| meant.to_owned()) };
    match lower.first().map(String::as_str) {
        Some("osm") => return Ok(known(TypeCell::Osm, words[0] == "osm", "osm")),
        Some("include") if words.len() == 1 => return Ok(known(TypeCell::Include, true, "")),
        _ => {}
    }
    match joined.as_str() {
        "xml-external" => {
            return Ok(known(TypeCell::External { extension: "xml" }, exact == joined, &joined));
        }
        "csv-external" => {
            return Ok(known(TypeCell::External { extension: "csv" }, exact == joined, &joined));
        }
        _ => {}
    }
    if let Some(question_type) = simple(&joined) {
        // The two types that XLSForm writes with a capital.
        let capital = joined.replace("datetime", "dateTime");
        let as_written = exact == joined || (exact == capital && joined != "add date time prompt");
        return Ok(known(TypeCell::Question(question_type), as_written, &joined));
    }
    if let Some((question_type, meant)) = wild(&joined) {
        return Ok(Parsed { cell: TypeCell::Question(question_type), meant: Some(meant.to_owned()) });
    }
    Err(unknown(cell, &joined))
}

/// Every type of pyxform's table that stands alone, lower-cased.
fn simple(word: &str) -> Option<QuestionType> {
    use QuestionType as T;
    Some(match word {
        "text" | "string" | "phone number" | "q string" | "add text prompt" => T::Text,
        "integer" | "int" | "q int" | "add integer prompt" | "percentage" => T::Integer,
        "number of days in last month"
        | "number of days in last six months"
        | "number of days in last year" => T::Integer,
        "decimal" | "q decimal" | "add decimal prompt" => T::Decimal,
        "range" => T::Range { integer: true },
        "date" | "q date" | "add date prompt" => T::Date,
        "time" => T::Time,
        "datetime"
        | "date time"
        | "q date time"
        | "q datetime"
        | "add date time prompt"
        | "add datetime prompt" => T::DateTime,
        "note" | "q note" | "add note prompt" => T::Note,
        "calculate" | "q calculate" | "add calculate prompt" => T::Calculate,
        "hidden" => T::Hidden,
        "geopoint" | "gps" | "location" | "q geopoint" | "q location" | "add location prompt" => T::Geopoint,
        "geotrace" | "q geotrace" => T::Geotrace,
        "geoshape" | "q geoshape" => T::Geoshape,
        "acknowledge" | "trigger" | "q acknowledge" | "add acknowledge prompt" => T::Acknowledge,
        "barcode" | "q barcode" | "add barcode prompt" => T::Barcode,
        "image" | "photo" | "q picture" | "q image" | "add image prompt" | "add photo prompt" => {
            T::Attachment(AttachmentKind::Image)
        }
        "audio" | "q audio" | "add audio prompt" => T::Attachment(AttachmentKind::Audio),
        "video" | "q video" | "add video prompt" => T::Attachment(AttachmentKind::Video),
        "file" | "add file prompt" => T::Attachment(AttachmentKind::File),
        "start" | "get start time" | "start time" => T::Start,
        "end" | "get end time" | "end time" => T::End,
        "today" | "get today" => T::Today,
        "deviceid" | "imei" | "device id" | "get device id" | "uri:deviceid" => T::DeviceId,
        "subscriberid" | "subscriber id" | "get subscriber id" | "uri:subscriberid" => T::SubscriberId,
        "simserial" | "sim id" | "get sim id" | "uri:simserial" => T::SimSerial,
        "username" | "uri:username" => T::Username,
        "phonenumber" | "get phone number" | "uri:phonenumber" => T::PhoneNumber,
        "email" | "uri:email" => T::Email,
        "start-geopoint" => T::StartGeopoint,
        "background-geopoint" => T::BackgroundGeopoint,
        "background-audio" => T::BackgroundAudio,
        "audit" => T::Audit,
        _ => return None,
    })
}

/// Words that people and other tools write, and what they mean by them.
fn wild(word: &str) -> Option<(QuestionType, &'static str)> {
    use QuestionType as T;
    Some(match word {
        "tel" | "telephone" | "téléphone" | "phone" | "mobile" | "texte" | "str" | "url"
        | "email address" | "multiline" | "textarea" => (T::Text, "text"),
        "entier" | "whole number" | "integer number" => (T::Integer, "integer"),
        "number" | "numeric" | "float" | "double" | "décimal" | "nombre" => (T::Decimal, "decimal"),
        "date_time" | "date-time" | "timestamp" => (T::DateTime, "dateTime"),
        "gps point" | "gps location" | "geo point" | "geo_point" | "geolocation" | "coordinates" => {
            (T::Geopoint, "geopoint")
        }
        "qrcode" | "qr code" | "qr" | "bar code" => (T::Barcode, "barcode"),
        "picture" | "signature" => (T::Attachment(AttachmentKind::Image), "image"),
        "calculation" | "calc" => (T::Calculate, "calculate"),
        "label" | "info" | "notes" => (T::Note, "note"),
        // The Community Health Toolkit's own.
        word if word.starts_with("db:") => (T::Text, "text"),
        _ => return None,
    })
}

pub(crate) fn setting(exact: &str) -> Option<&'static str> {
    Some(match exact {
        "form_title" | "set_form_title" => "form_title",
        "form_id" | "set_form_id" => "form_id",
        "prefix" => "prefix",
        _ => return None,
    })
}

/// True if a cell may be the beginning or end of a loop; [`parse`] tells.
pub(crate) fn is_loop(cell: &str) -> bool {
    let head: String = cell.chars().take(10).collect::<String>().to_lowercase();
    (head.starts_with("begin") || head.starts_with("end")) && head.contains("loop")
}

/// `begin group`, `end_repeat`, `begin loop over list`.
fn control(words: &[&str], lower: &[String]) -> Option<Parsed> {
    if !lower.first().is_some_and(|word| word.starts_with("begin") || word.starts_with("end")) {
        return None;
    }
    let kinds = [
        ("looped group", Some(QuestionType::Repeat)),
        ("lgroup", Some(QuestionType::Repeat)),
        ("group", Some(QuestionType::Group)),
        ("repeat", Some(QuestionType::Repeat)),
        ("loop", None),
    ];
    let joined = lower.join(" ");
    let heads = kinds.into_iter().flat_map(|(word, kind)| {
        ["begin", "end"].into_iter().flat_map(move |verb| {
            [' ', '_'].map(|blank| (verb == "begin", kind, format!("{verb}{blank}{word}")))
        })
    });
    let (begins, kind, head, tail) = heads.into_iter().find_map(|(begins, kind, head)| {
        let tail = joined.strip_prefix(&head)?;
        (tail.is_empty() || tail.starts_with(' ')).then(|| {
            (begins, kind, head.clone(), tail.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        })
    })?;
    let list = (!tail.is_empty()).then(|| words.last().copied().unwrap_or_default().to_owned());
    let cell = match (begins, kind) {
        (true, Some(kind)) => TypeCell::Begin(kind),
        (false, Some(kind)) => TypeCell::End(kind),
        (true, None) => TypeCell::BeginLoop { list },
        (false, None) => TypeCell::EndLoop,
    };
    let tail_fits = match tail.as_slice() {
        [] => true,
        [_] => begins,
        [over, _] => begins && over == "over",
        _ => false,
    };
    let as_written = words.join(" ").starts_with(&head) && tail_fits;
    Some(Parsed { cell, meant: (!as_written).then(|| head.replace('_', " ")) })
}

/// The commands of a select, longest first: written, meaning, takes a file, known to pyxform.
const SELECTS: &[(&str, QuestionType, bool, bool)] = {
    use QuestionType as T;
    &[
        ("add select multiple prompt using", T::SelectMultiple, false, true),
        ("add select one prompt using", T::SelectOne, false, true),
        ("select all that apply from", T::SelectMultiple, false, true),
        ("select multiple from file", T::SelectMultiple, true, true),
        ("select_multiple_from_file", T::SelectMultiple, true, true),
        ("select all that apply", T::SelectMultiple, false, true),
        ("select one from file", T::SelectOne, true, true),
        ("select_one_from_file", T::SelectOne, true, true),
        ("select multiple from", T::SelectMultiple, false, false),
        ("select_one_external", T::SelectOne, false, true),
        ("select one external", T::SelectOne, false, false),
        ("select multiple", T::SelectMultiple, false, false),
        ("select_multiple", T::SelectMultiple, false, true),
        ("select one from", T::SelectOne, false, true),
        ("select one", T::SelectOne, false, true),
        ("select_one", T::SelectOne, false, true),
        ("select1", T::SelectOne, false, true),
        ("rank", T::Rank, false, true),
    ]
};

fn select(words: &[&str], lower: &[String]) -> Result<Option<Parsed>, Trouble> {
    let joined = lower.join(" ");
    let starts = |command: &str| {
        joined.strip_prefix(command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let Some((command, question_type, from_file, known)) =
        SELECTS.iter().find(|(command, ..)| starts(command))
    else {
        return Ok(None);
    };
    let used = command.split(' ').count();
    let rest = &words[used.min(words.len())..];
    let expected = if *from_file {
        ("le type, puis un fichier.csv", "the type, then a file.csv")
    } else {
        ("le type, puis le nom d'une liste", "the type, then the name of a list")
    };
    let whole = quoted(&words.join(" "));
    let Some(list) = rest.first() else {
        return Err(Trouble::told("bad-type", whole, expected)
            .fix("Ajoutez le nom de la liste.", "Add the name of the list."));
    };
    let mut as_written = *known && words[..used].join(" ") == *command;
    let question_type = *question_type;
    if *from_file {
        // A file's name may hold blanks, which pyxform does not take.
        let meant = (!as_written || rest.len() > 1)
            .then(|| format!("{} {}", command.replace(' ', "_"), rest.join("_")));
        return Ok(Some(Parsed {
            cell: TypeCell::SelectFile { question_type, file: rest.join(" ") },
            meant,
        }));
    }
    let tail = rest[1..].join(" ");
    let or_other = match tail.to_lowercase().as_str() {
        "" => false,
        "or_other" | "or other" | "or specify other" => {
            as_written &= tail == tail.to_lowercase();
            true
        }
        _ => {
            return Err(Trouble::told("bad-type", whole, expected)
                .fix("Ôtez les mots de trop.", "Remove the words too many."));
        }
    };
    let is_external = command.ends_with("external");
    let cell = match list.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) if !is_external => {
            TypeCell::SelectReference { question_type, reference: name.trim().to_owned() }
        }
        _ if is_external => TypeCell::SelectExternal { list: (*list).to_owned() },
        _ => TypeCell::Select { question_type, list: (*list).to_owned(), or_other },
    };
    let meant = (!as_written).then(|| {
        let word = match question_type {
            QuestionType::SelectMultiple => "select_multiple",
            QuestionType::Rank => "rank",
            _ if is_external => "select_one_external",
            _ => "select_one",
        };
        format!("{word} {list}{}", if or_other { " or_other" } else { "" })
    });
    Ok(Some(Parsed { cell, meant }))
}

fn unknown(cell: &str, joined: &str) -> Trouble {
    const KNOWN: [&str; 26] = [
        "text",
        "integer",
        "decimal",
        "date",
        "time",
        "dateTime",
        "select_one LIST",
        "select_multiple LIST",
        "rank LIST",
        "select_one_from_file FILE.csv",
        "note",
        "calculate",
        "hidden",
        "geopoint",
        "geotrace",
        "geoshape",
        "image",
        "audio",
        "video",
        "file",
        "barcode",
        "range",
        "acknowledge",
        "begin group",
        "begin repeat",
        "username",
    ];
    let first = joined.split(' ').next().unwrap_or(joined);
    let nearest = KNOWN
        .iter()
        .map(|known| {
            let word =
                known.split(" LIST").next().and_then(|word| word.split(" FILE").next()).unwrap_or(known);
            let word = word.to_lowercase();
            let distance = crate::xpath::functions::distance;
            (distance(joined, &word).min(distance(first, &word)), *known)
        })
        .min()
        .filter(|(distance, _)| *distance <= 2);
    let trouble = Trouble::told(
        "unknown-type",
        quoted(cell),
        ("un type de question de XLSForm", "a question type of XLSForm"),
    );
    match nearest {
        Some((_, known)) => {
            trouble.fix(format!("Vouliez-vous écrire {known} ?"), format!("Did you mean {known}?"))
        }
        None => trouble.fix(
            "Corrigez le type : text, integer, date, select_one LISTE…",
            "Correct the type: text, integer, date, select_one LIST…",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> TypeCell {
        parse(text).unwrap().cell
    }

    #[test]
    fn types_are_known_in_all_their_spellings() {
        let select = |question_type, list: &str, or_other| TypeCell::Select {
            question_type,
            list: list.into(),
            or_other,
        };
        assert_eq!(cell("Select_One  yesNo"), select(QuestionType::SelectOne, "yesNo", false));
        assert_eq!(cell("select one yesNo or_other"), select(QuestionType::SelectOne, "yesNo", true));
        assert_eq!(
            cell("add select multiple prompt using yn"),
            select(QuestionType::SelectMultiple, "yn", false)
        );
        assert_eq!(cell("begin_group"), TypeCell::Begin(QuestionType::Group));
        assert_eq!(cell("end  repeat"), TypeCell::End(QuestionType::Repeat));
        assert_eq!(cell("begin looped group"), TypeCell::Begin(QuestionType::Repeat));
        assert_eq!(cell("begin loop over x"), TypeCell::BeginLoop { list: Some("x".into()) });
        assert_eq!(
            cell("select_one_from_file areas.csv"),
            TypeCell::SelectFile { question_type: QuestionType::SelectOne, file: "areas.csv".into() }
        );
        assert_eq!(
            cell("select_one ${name}"),
            TypeCell::SelectReference { question_type: QuestionType::SelectOne, reference: "name".into() }
        );
        assert_eq!(cell("select_one_external city"), TypeCell::SelectExternal { list: "city".into() });
        assert_eq!(cell("end"), TypeCell::Question(QuestionType::End));
        assert_eq!(cell("dateTime"), TypeCell::Question(QuestionType::DateTime));
        assert_eq!(cell("subscriberid"), TypeCell::Question(QuestionType::SubscriberId));
    }

    #[test]
    fn a_spelling_that_pyxform_does_not_know_says_what_it_means() {
        for known in [
            "text",
            "dateTime",
            "datetime",
            "gps",
            "begin_group",
            "begin loop over x",
            "end repeat",
            "select1 a",
            "select_multiple a or_other",
            "osm",
            "rank l",
            "string",
            "add dateTime prompt",
        ] {
            assert_eq!(parse(known).unwrap().meant, None, "{known}");
        }
        for (wild, meant) in [
            ("Integer", "integer"),
            ("tel", "text"),
            ("begin Group", "begin group"),
            ("select multiple a", "select_multiple a"),
            ("Select_One a", "select_one a"),
            ("db:person", "text"),
        ] {
            assert_eq!(parse(wild).unwrap().meant.as_deref(), Some(meant), "{wild}");
        }
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_nearest_known_one() {
        assert_eq!(parse("intger").unwrap_err().fix_en, "Did you mean integer?");
        assert_eq!(parse("selct_one yn").unwrap_err().fix_en, "Did you mean select_one LIST?");
        assert!(parse("select_one").is_err());
        assert!(parse("").is_err());
    }
}
