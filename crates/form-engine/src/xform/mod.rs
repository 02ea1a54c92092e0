//! XForm XML: read into a form, and written from one (ODK XForms specification).

mod body;
mod instances;
mod load;
mod record;
mod serialise;
mod strays;
mod texts;
mod write;

use crate::diagnostics::{Said, Trouble};
use crate::form::QuestionType;

pub(crate) use body::absolute;
pub(crate) use record::seed_of;

pub(crate) const XFORMS: &str = "http://www.w3.org/2002/xforms";
pub(crate) const XHTML: &str = "http://www.w3.org/1999/xhtml";
pub(crate) const JAVAROSA: &str = "http://openrosa.org/javarosa";
pub(crate) const OPENROSA: &str = "http://openrosa.org/xforms";
pub(crate) const ODK: &str = "http://www.opendatakit.org/xforms";
/// The id of the secondary instance that holds what a spreadsheet says and XForms have no word for.
pub(crate) const OWN_INSTANCE: &str = "lakou";

/// What is refused because it would not fit, as it stands in the form and as it may be.
pub(crate) fn too_large(found: impl Into<Said>, expected: impl Into<Said>) -> Trouble {
    Trouble::told("too-large", found, expected)
        .fix("Réduisez ce que le formulaire contient.", "Make what the form holds smaller.")
}

/// Types that a bind and a control do not tell from others, by the word our own instance has for them.
const TYPES: &[(&str, QuestionType)] = &[
    ("text", QuestionType::Text),
    ("note", QuestionType::Note),
    ("calculate", QuestionType::Calculate),
    ("hidden", QuestionType::Hidden),
    ("range-integer", QuestionType::Range { integer: true }),
    ("range-decimal", QuestionType::Range { integer: false }),
    ("subscriberid", QuestionType::SubscriberId),
    ("simserial", QuestionType::SimSerial),
    ("start-geopoint", QuestionType::StartGeopoint),
    ("background-geopoint", QuestionType::BackgroundGeopoint),
    ("background-audio", QuestionType::BackgroundAudio),
];

/// The word for a type, where it needs one.
pub(crate) fn type_word(question_type: QuestionType) -> Option<&'static str> {
    TYPES.iter().find(|(_, known)| *known == question_type).map(|(word, _)| *word)
}

pub(crate) fn type_of_word(word: &str) -> Option<QuestionType> {
    TYPES.iter().find(|(known, _)| *known == word).map(|(_, question_type)| *question_type)
}

/// A file as a spreadsheet names it: without the folder that XForms put before it.
pub(crate) fn file_name(text: &str) -> &str {
    let folder = |folder: &str| text.strip_prefix("jr://").and_then(|rest| rest.strip_prefix(folder));
    folder("images/").or_else(|| folder("audio/")).or_else(|| folder("video/")).unwrap_or(text)
}
