//! The slip a household gets: its number, and the telephone for complaints, in French and the local language.

use collector_core::PublishedForm;

use crate::messages::{Catalogue, Language, Text};

/// The lines of the slip, and whether the telephone is only a placeholder.
pub(crate) struct Slip {
    pub(crate) lines: Vec<String>,
    pub(crate) telephone_is_placeholder: bool,
}

/// Writes the slip of a finished interview.
pub(crate) fn slip(form: &PublishedForm, number: &str, date: &str) -> Slip {
    let pack = &form.settings.raw;
    let telephone = &pack["complaint_telephone"];
    let value = telephone["value"].as_str().unwrap_or_default();
    let mut lines = Vec::new();
    for language in languages(pack) {
        let catalogue = Catalogue::new(language);
        let title = pack["title"][language.code()].as_str().unwrap_or_default();
        if !title.is_empty() {
            lines.push(title.to_owned());
        }
        lines.push(catalogue.text(&Text::new("slip-number").with("number", number)));
        lines.push(catalogue.text(&Text::new("slip-date").with("date", date)));
        if !value.is_empty() {
            lines.push(catalogue.text(&Text::new("slip-complaint").with("telephone", value)));
        }
        lines.push(catalogue.text(&Text::new("slip-keep")));
    }
    Slip {
        lines,
        telephone_is_placeholder: telephone["is_placeholder"].as_bool().unwrap_or(value.is_empty()),
    }
}

/// French, and the first other language of the pack that the catalogue has.
fn languages(pack: &serde_json::Value) -> Vec<Language> {
    let mut languages = vec![Language::Fr];
    let listed = pack["languages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|code| code.as_str()?.parse::<Language>().ok());
    languages.extend(listed.filter(|language| *language != Language::Fr).take(1));
    languages
}
