//! The catalogue: every word a person reads, by key, in three languages.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::{LanguageIdentifier, langid};

/// A language of the program. Forms have their own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// French: complete, and what stands where another language has nothing.
    Fr,
    /// Haitian Creole, as far as its words are sure.
    Ht,
    /// English: complete.
    En,
}

impl Language {
    /// `fr`, `ht`, `en`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::Ht => "ht",
            Self::En => "en",
        }
    }

    fn source(self) -> [&'static str; 2] {
        match self {
            Self::Fr => [include_str!("../messages/fr.ftl"), include_str!("../messages/help.fr.ftl")],
            Self::Ht => [include_str!("../messages/ht.ftl"), ""],
            Self::En => [include_str!("../messages/en.ftl"), ""],
        }
    }

    const fn identifier(self) -> LanguageIdentifier {
        match self {
            Self::Fr => langid!("fr"),
            Self::Ht => langid!("ht"),
            Self::En => langid!("en"),
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split(['_', '-', '.']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "fr" => Ok(Self::Fr),
            "ht" => Ok(Self::Ht),
            "en" => Ok(Self::En),
            _ => Err("fr, ht, en".to_owned()),
        }
    }
}

/// A message to be: its key and what goes into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    key: Cow<'static, str>,
    args: Vec<(&'static str, Arg)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Arg {
    Number(i64),
    Plain(String),
    Text(Text),
}

/// What can go into a message.
pub(crate) trait IntoArg {
    fn into_arg(self) -> ArgValue;
}

/// One of them.
pub(crate) struct ArgValue(Arg);

macro_rules! number_args {
    ($($number:ty),*) => {
        $(impl IntoArg for $number {
            fn into_arg(self) -> ArgValue {
                ArgValue(Arg::Number(i64::try_from(self).unwrap_or(i64::MAX)))
            }
        })*
    };
}
number_args!(usize, u64, i64, u32, u16, u8, i32);

impl IntoArg for &str {
    fn into_arg(self) -> ArgValue {
        ArgValue(Arg::Plain(self.to_owned()))
    }
}

impl IntoArg for String {
    fn into_arg(self) -> ArgValue {
        ArgValue(Arg::Plain(self))
    }
}

impl IntoArg for Text {
    fn into_arg(self) -> ArgValue {
        ArgValue(Arg::Text(self))
    }
}

impl Text {
    /// Nothing goes into it yet.
    pub(crate) fn new(key: impl Into<Cow<'static, str>>) -> Self {
        Self { key: key.into(), args: Vec::new() }
    }

    /// A text as it is, in no language of ours: a form's words, a path.
    pub(crate) fn verbatim(text: impl Into<String>) -> Self {
        Self::new("verbatim").with("text", text.into())
    }

    /// With a number or a text in one of its places.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl IntoArg) -> Self {
        self.args.push((name, value.into_arg().0));
        self
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Catalogue::new(Language::En).text(self))
    }
}

/// The messages of one language, French behind it.
pub(crate) struct Catalogue {
    pub(crate) language: Language,
    bundles: Vec<FluentBundle<FluentResource>>,
}

impl Catalogue {
    pub(crate) fn new(language: Language) -> Self {
        let mut bundles = vec![bundle(language)];
        if language != Language::Fr {
            bundles.push(bundle(Language::Fr));
        }
        Self { language, bundles }
    }

    /// The message, its places filled.
    pub(crate) fn text(&self, text: &Text) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &text.args {
            match value {
                Arg::Number(number) => args.set(*name, FluentValue::from(*number)),
                Arg::Plain(plain) => args.set(*name, FluentValue::from(plain.as_str())),
                Arg::Text(inner) => args.set(*name, FluentValue::from(self.text(inner))),
            }
        }
        self.find(&text.key, &args).unwrap_or_else(|| text.key.to_string())
    }

    /// A message without places, of this language alone: the help's French words have no English twin.
    pub(crate) fn own(&self, key: &str) -> Option<String> {
        let bundle = self.bundles.first()?;
        let pattern = bundle.get_message(key)?.value()?;
        Some(bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned())
    }

    fn find(&self, key: &str, args: &FluentArgs<'_>) -> Option<String> {
        self.bundles.iter().find_map(|bundle| {
            let pattern = bundle.get_message(key)?.value()?;
            Some(bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned())
        })
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
    // Marks around what is filled in are for pages; a console shows them as noise.
    bundle.set_use_isolating(false);
    for source in language.source() {
        let resource =
            FluentResource::try_new(source.replace("\r\n", "\n")).unwrap_or_else(|(resource, errors)| {
                debug_assert!(errors.is_empty(), "{}: {errors:?}", language.code());
                resource
            });
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_bundle::FluentResource;

    use super::*;

    /// Takes a text in each language, and shows its own.
    const BY_LANGUAGE: &str = "localised";

    /// Each message's key with the places it has.
    fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let resource =
            FluentResource::try_new(source.to_owned()).unwrap_or_else(|(_, errors)| panic!("{errors:?}"));
        let mut found = BTreeMap::new();
        for line_group in source.split('\n').fold(Vec::<String>::new(), |mut groups, line| {
            match groups.last_mut() {
                Some(last) if line.starts_with([' ', '\t', '}']) || line.is_empty() => {
                    last.push_str(line);
                    last.push('\n');
                }
                _ => groups.push(format!("{line}\n")),
            }
            groups
        }) {
            let Some((key, rest)) = line_group.split_once(" =") else { continue };
            if key.starts_with('#') {
                continue;
            }
            let places = rest
                .split('$')
                .skip(1)
                .map(|after| after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
                .collect();
            assert!(found.insert(key.trim().to_owned(), places).is_none(), "{key} is there twice");
        }
        assert_eq!(
            resource.entries().filter(|entry| !format!("{entry:?}").starts_with("Comment")).count(),
            found.len()
        );
        found
    }

    #[test]
    fn french_and_english_have_the_same_messages_with_the_same_places() {
        let (fr, en) = (messages(Language::Fr.source()[0]), messages(Language::En.source()[0]));
        assert_eq!(fr.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
        for (key, places) in fr.iter().filter(|(key, _)| *key != BY_LANGUAGE) {
            assert_eq!(places, &en[key], "{key}");
        }
    }

    #[test]
    fn creole_says_nothing_that_french_does_not() {
        let (fr, ht) = (messages(Language::Fr.source()[0]), messages(Language::Ht.source()[0]));
        for (key, places) in ht.iter().filter(|(key, _)| *key != BY_LANGUAGE) {
            assert_eq!(Some(places), fr.get(key), "{key}");
        }
    }

    #[test]
    fn a_message_is_said_in_the_language_asked_and_else_in_french() {
        let text = Text::new("status-draft");
        assert_eq!(Catalogue::new(Language::Fr).text(&text), "En cours");
        assert_eq!(Catalogue::new(Language::Ht).text(&text), "Poko fini");
        assert_eq!(Catalogue::new(Language::En).text(&text), "In progress");
        let text = Text::new("delta-delivered");
        assert_eq!(Catalogue::new(Language::Ht).text(&text), "Reçu au siège");
    }

    #[test]
    fn every_reason_has_words() {
        for reason in record_model::ReasonCode::ALL {
            let key = format!("reason-{}", reason.as_str().replace('_', "-"));
            let text = Text::new(key.clone());
            assert_ne!(Catalogue::new(Language::Fr).text(&text), key);
            assert_ne!(Catalogue::new(Language::En).text(&text), key);
        }
    }
}
