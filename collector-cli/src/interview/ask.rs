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

fn pick<'c>(choices: &[Choice<'c>], typed: &str, lang: &str) -> Option<&'c str> {
    let by_number = typed.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let by_code = || choices.iter().find(|choice| choice.name == typed);
    let by_words = || {
        let wanted = typed.to_lowercase();
        let says = |choice: &&Choice<'_>| choice.label(lang).to_lowercase().contains(&wanted);
        let mut found = choices.iter().filter(says);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    };
    by_number.or_else(by_code).or_else(by_words).map(|choice| choice.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_told_from_answers() {
        assert_eq!(typed(None), Typed::Stop);
        assert_eq!(typed(Some("  ".into())), Typed::Keep);
        assert_eq!(typed(Some("<".into())), Typed::Back);
        assert_eq!(typed(Some(" Marie ".into())), Typed::Answer("Marie".into()));
    }
}
