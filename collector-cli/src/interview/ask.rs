//! What a person types at a question, made into an answer.

use form_engine::Choice;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing: the answer stays as it is.
    Keep,
    /// `<`: the question before.
    Back,
    /// `-`: no answer any more.
    Clear,
    /// `:q`, or nobody types any more: stop here, go on another day.
    Stop,
    /// `?`: what can be typed.
    Help,
    /// An answer.
    Answer(String),
}

pub(super) fn typed(line: Option<String>) -> Typed {
    let Some(line) = line else { return Typed::Stop };
    match line.trim() {
        "" => Typed::Keep,
        "<" => Typed::Back,
        "-" => Typed::Clear,
        ":q" | ":Q" => Typed::Stop,
        "?" => Typed::Help,
        answer => Typed::Answer(answer.to_owned()),
    }
}

/// The codes that were meant, by number in the list, by code, or by a part of one option's words.
pub(super) fn picked(choices: &[Choice<'_>], typed: &str, several: bool, lang: &str) -> Option<String> {
    if !several {
        return pick(choices, typed, lang).map(str::to_owned);
    }
    let codes: Option<Vec<&str>> = typed
        .split([' ', ',', ';'])
        .filter(|part| !part.is_empty())
        .map(|part| pick(choices, part, lang))
        .collect();
    codes.map(|codes| codes.join(" "))
}

fn pick<'c>(choices: &'c [Choice<'_>], typed: &str, lang: &str) -> Option<&'c str> {
    let by_number = typed.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let by_code = || choices.iter().find(|choice| choice.name == typed);
    let words: Vec<String> = choices.iter().map(|choice| choice.label(lang).to_lowercase()).collect();
    let wanted = typed.to_lowercase();
    let by_words =
        || only(&words, |label| label == wanted).or_else(|| only(&words, |label| label.contains(&wanted)));
    by_number.or_else(by_code).or_else(|| choices.get(by_words()?)).map(|choice| &*choice.name)
}

/// The place of the one label that fits; none when several do.
fn only(labels: &[String], fits: impl Fn(&str) -> bool) -> Option<usize> {
    let mut found = labels.iter().enumerate().filter(|(_, label)| fits(label));
    let (first, _) = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_taken_before_a_part_that_others_have_too() {
        let labels = ["ouest", "sud-est", "nord", "nord-ouest"].map(str::to_owned);
        let pick = |typed: &str| {
            only(&labels, |label| label == typed).or_else(|| only(&labels, |label| label.contains(typed)))
        };
        assert_eq!((pick("ouest"), pick("nord"), pick("sud")), (Some(0), Some(2), Some(1)));
        assert_eq!(pick("est"), None);
    }

    #[test]
    fn signs_are_told_from_answers() {
        assert_eq!(typed(None), Typed::Stop);
        assert_eq!(typed(Some("  ".into())), Typed::Keep);
        assert_eq!(typed(Some("<".into())), Typed::Back);
        assert_eq!(typed(Some(" Marie ".into())), Typed::Answer("Marie".into()));
    }
}
