//! Labels, hints and messages: text per language with `${references}` in it.

use crate::xpath::program::ExprId;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    Text(Box<str>),
    /// The value of an expression.
    Value(ExprId),
}

/// A text in one language.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Template {
    pub(crate) raw: Box<str>,
    /// Empty when the text is the same for everyone.
    pub(crate) segments: Vec<Segment>,
}

/// A text in the form's languages, by their place among them. Empty where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Translations(pub(crate) Vec<Template>);

impl Translations {
    /// In this language; else in the default one; else in the first that has it.
    pub(crate) fn get(&self, language: usize) -> Option<&Template> {
        let filled = |template: &&Template| !template.raw.is_empty();
        self.0
            .get(language)
            .filter(filled)
            .or_else(|| self.0.first().filter(filled))
            .or_else(|| self.0.iter().find(filled))
    }

    pub(crate) fn raw(&self, language: usize) -> &str {
        self.get(language).map_or("", |template| &template.raw)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|template| template.raw.is_empty())
    }
}

/// A piece of a text as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    Reference(&'t str),
    /// A `${` that names nothing: it stays in the text, and the form's writer is told.
    Malformed(&'t str),
}

/// Splits a text at its `${references}`.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let inside = &rest[start + 2..];
        let end = inside.find('}').filter(|end| !inside[..*end].contains("${"));
        match end {
            Some(end) if is_reference(inside[..end].trim()) => {
                pieces.push(Piece::Reference(inside[..end].trim()));
                rest = &inside[end + 1..];
            }
            _ => {
                pieces.push(Piece::Malformed(&rest[start..start + 2]));
                rest = inside;
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// `{name}$`, as an editor that writes from right to left leaves `${name}`.
pub(crate) fn reversed_reference(text: &str) -> Option<&str> {
    text.match_indices("}$").find_map(|(end, _)| {
        let start = text[..end].rfind('{')?;
        let turned = !text[..start].ends_with('$') && !text[end + 2..].starts_with('{');
        (turned && is_reference(text[start + 1..end].trim())).then(|| &text[start..end + 2])
    })
}

fn is_reference(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_cut_out_of_the_text_and_slips_stay_in_it() {
        assert_eq!(
            pieces("Âge de ${name} ?"),
            [Piece::Text("Âge de "), Piece::Reference("name"), Piece::Text(" ?")]
        );
        assert_eq!(pieces("a ${ b"), [Piece::Text("a "), Piece::Malformed("${"), Piece::Text(" b")]);
        assert_eq!(pieces("${{x}"), [Piece::Malformed("${"), Piece::Text("{x}")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn a_reference_turned_round_is_seen_and_an_amount_in_dollars_is_not() {
        assert_eq!(reversed_reference("كم عمر {name}$ ؟"), Some("{name}$"));
        assert_eq!(reversed_reference("${price}$"), None);
        assert_eq!(reversed_reference("{a}${b}"), None);
    }
}
