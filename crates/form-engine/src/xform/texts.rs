//! The texts of an XForm: `itext` by id and language, and texts with outputs in them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use roxmltree::Node;

use crate::compile::Language;
use crate::diagnostics::Trouble;
use crate::workbook::MAX_CELLS;
use crate::xform::too_large;

/// More languages than any form has.
pub(crate) const MAX_LANGUAGES: usize = 100;
/// All texts, names of choices and expressions of a form together, each as often as the form holds it.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// Room for a form's texts. A short form may name one long text a thousand times, and every place holds its own copy.
#[derive(Debug)]
pub(crate) struct Room(Cell<Option<usize>>);

impl Default for Room {
    fn default() -> Self {
        Self(Cell::new(Some(MAX_TEXT_BYTES)))
    }
}

impl Room {
    /// False when so many bytes do not fit any more; then nothing else does either, and the form is refused.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(bytes)));
        self.0.get().is_some()
    }

    /// What to say once something did not fit.
    pub(crate) fn check(&self) -> Result<(), Trouble> {
        self.0.get().map(drop).ok_or_else(|| {
            too_large(
                (
                    format!("plus de {MAX_TEXT_BYTES} octets de textes, copies comprises"),
                    format!("more than {MAX_TEXT_BYTES} bytes of texts, with their copies"),
                ),
                (format!("au plus {MAX_TEXT_BYTES}"), format!("at most {MAX_TEXT_BYTES}")),
            )
        })
    }
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextPiece {
    Text(String),
    /// The expression of an output.
    Output(String),
}

impl TextPiece {
    /// Bytes of what is shown or evaluated.
    pub(crate) fn len(&self) -> usize {
        let (Self::Text(text) | Self::Output(text)) = self;
        text.len()
    }
}

/// The texts of one id in one language, by form: "" is what one reads, else `image`, `guidance` …
pub(crate) type Forms = BTreeMap<String, Vec<TextPiece>>;

/// All texts.
#[derive(Debug, Default)]
pub(crate) struct Itext {
    /// The default one first.
    pub(crate) languages: Vec<Language>,
    /// By id, then by language.
    pub(crate) texts: HashMap<String, Vec<Forms>>,
    /// What may still be copied of these and of others.
    pub(crate) room: Room,
}

impl Itext {
    pub(crate) fn read(itext: Option<Node<'_, '_>>) -> Result<Self, Trouble> {
        let mut found = Self::default();
        let Some(itext) = itext else { return Ok(found) };
        let named = |name: &'static str| move |node: &Node<'_, '_>| node.tag_name().name() == name;
        let mut translations: Vec<Node<'_, '_>> = itext.children().filter(named("translation")).collect();
        if translations.len() > MAX_LANGUAGES {
            return Err(too_large(
                (format!("{} langues", translations.len()), format!("{} languages", translations.len())),
                (format!("au plus {MAX_LANGUAGES}"), format!("at most {MAX_LANGUAGES}")),
            ));
        }
        if let Some(default) = translations.iter().position(|node| node.attribute("default").is_some()) {
            translations[..=default].rotate_right(1);
        }
        for (language, translation) in translations.iter().enumerate() {
            found.languages.push(Language::parse(translation.attribute("lang").unwrap_or("default")));
            for text in translation.children().filter(named("text")) {
                let id = text.attribute("id").unwrap_or_default().to_owned();
                let held = (found.texts.len() + 1) * translations.len();
                if held > MAX_CELLS {
                    return Err(too_large(
                        (format!("{held} textes dans itext"), format!("{held} texts in itext")),
                        (format!("au plus {MAX_CELLS}"), format!("at most {MAX_CELLS}")),
                    ));
                }
                let by_language = found.texts.entry(id).or_default();
                by_language.resize_with(translations.len(), Forms::new);
                for value in text.children().filter(named("value")) {
                    let form = value.attribute("form").unwrap_or_default().to_owned();
                    by_language[language].insert(form, pieces_of(value));
                }
            }
        }
        Ok(found)
    }

    /// The text of an id and form in each language.
    pub(crate) fn get(&self, id: &str, form: &str) -> Vec<&[TextPiece]> {
        let Some(by_language) = self.texts.get(id) else { return Vec::new() };
        by_language.iter().map(|forms| forms.get(form).map_or(&[][..], Vec::as_slice)).collect()
    }
}

/// What stands in a label, hint or value. Blanks at its edges mean nothing.
pub(crate) fn pieces_of(node: Node<'_, '_>) -> Vec<TextPiece> {
    let mut pieces: Vec<TextPiece> = Vec::new();
    collect(node, &mut pieces);
    if let Some(TextPiece::Text(first)) = pieces.first_mut() {
        *first = first.trim_start().to_owned();
    }
    if let Some(TextPiece::Text(last)) = pieces.last_mut() {
        *last = last.trim_end().to_owned();
    }
    pieces.retain(|piece| *piece != TextPiece::Text(String::new()));
    pieces
}

fn collect(node: Node<'_, '_>, pieces: &mut Vec<TextPiece>) {
    for child in node.children() {
        if child.is_text() {
            let text = child.text().unwrap_or_default();
            match pieces.last_mut() {
                Some(TextPiece::Text(before)) => before.push_str(text),
                _ => pieces.push(TextPiece::Text(text.to_owned())),
            }
        } else if child.tag_name().name() == "output" {
            let value = child.attribute("value").or_else(|| child.attribute("ref")).unwrap_or_default();
            pieces.push(TextPiece::Output(value.trim().to_owned()));
        } else if child.is_element() {
            // Markup of its own: its text counts.
            collect(child, pieces);
        }
    }
}

/// The id of `jr:itext('id')`, when that is all.
pub(crate) fn itext_id(reference: &str) -> Option<&str> {
    let inside = reference.trim().strip_prefix("jr:itext(")?.strip_suffix(')')?.trim();
    let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let id = inside.strip_prefix(quote)?.strip_suffix(quote)?;
    (!id.contains(quote)).then_some(id)
}
