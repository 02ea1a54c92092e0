//! What people read, in their language. French is the first language: what another lacks is said in French.

use std::fmt;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::{LanguageIdentifier, langid};

const FRENCH: &str = include_str!("../i18n/fr.ftl");
const CREOLE: &str = include_str!("../i18n/ht.ftl");
const ENGLISH: &str = include_str!("../i18n/en.ftl");

/// A language of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Language {
    /// French.
    #[default]
    Fr,
    /// Haitian Creole; what is not translated yet is said in French.
    Ht,
    /// English.
    En,
}

impl Language {
    /// Its code, as forms name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::Ht => "ht",
            Self::En => "en",
        }
    }
}

/// One thing to say: a message of the catalogue and what goes into it.
#[derive(Debug, Clone)]
pub struct Message {
    id: &'static str,
    args: Vec<(&'static str, Arg)>,
}

/// What goes into a message.
#[derive(Debug, Clone)]
pub enum Arg {
    /// A text, shown as it is.
    Text(String),
    /// A count, by which a language may choose its plural.
    Count(u64),
}

/// The message with this id.
pub fn msg(id: &'static str) -> Message {
    Message { id, args: Vec::new() }
}

impl Message {
    /// Fills in a text.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.args.push((name, Arg::Text(value.to_string())));
        self
    }

    /// Fills in a count.
    pub fn count(mut self, name: &'static str, count: u64) -> Self {
        self.args.push((name, Arg::Count(count)));
        self
    }

    /// Its id, which JSON shows beside its text.
    pub fn id(&self) -> &'static str {
        self.id
    }
}

/// The catalogue in one language.
pub struct Words {
    language: Language,
    bundles: Vec<FluentBundle<FluentResource>>,
}

impl Words {
    /// The catalogue in this language, French behind it.
    pub fn new(language: Language) -> Self {
        let bundles = match language {
            Language::Fr => vec![bundle(langid!("fr"), FRENCH)],
            Language::Ht => vec![bundle(langid!("ht"), CREOLE), bundle(langid!("fr"), FRENCH)],
            Language::En => vec![bundle(langid!("en"), ENGLISH), bundle(langid!("fr"), FRENCH)],
        };
        Self { language, bundles }
    }

    /// Which language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The text of a message. An id that no catalogue has is shown itself; a test keeps that from happening.
    pub fn say(&self, message: &Message) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &message.args {
            let value = match value {
                Arg::Text(text) => FluentValue::from(text.as_str()),
                Arg::Count(count) => FluentValue::from(*count),
            };
            args.set(*name, value);
        }
        let said = self.bundles.iter().find_map(|bundle| {
            let pattern = bundle.get_message(message.id)?.value()?;
            Some(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
        });
        said.unwrap_or_else(|| message.id.to_owned())
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.language.code())
    }
}

fn bundle(language: LanguageIdentifier, text: &str) -> FluentBundle<FluentResource> {
    let resource = FluentResource::try_new(text.to_owned())
        .unwrap_or_else(|(resource, errors)| panic!("{language}: {errors:?} in {resource:?}"));
    let mut bundle = FluentBundle::new(vec![language]);
    // Invisible marks around what is filled in would end up in terminals and in copied codes.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).expect("a catalogue names each message once; a test reads all three");
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    /// Each message of a catalogue with the names it fills in.
    fn messages(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((id, _)) = line.split_once(" =").filter(|_| !line.starts_with(' ')) {
                current = id.to_owned();
                found.entry(current.clone()).or_insert_with(BTreeSet::new);
            }
            for part in line.split("{ $").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.get_mut(&current).unwrap().insert(name);
            }
        }
        found
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn french_and_english_say_the_same_messages_and_creole_none_of_its_own() {
        let (french, english, creole) = (messages(FRENCH), messages(ENGLISH), messages(CREOLE));
        assert_eq!(french, english);
        for (id, names) in creole {
            assert_eq!(french.get(&id), Some(&names), "{id}");
        }
        for language in [Language::Fr, Language::Ht, Language::En] {
            Words::new(language);
        }
    }

    #[test]
    fn every_message_the_program_says_is_in_the_catalogue_and_none_is_left_over() {
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
        let known = messages(FRENCH);
        let mut said = BTreeSet::new();
        for text in &texts {
            for part in text.split("msg(\"").skip(1) {
                said.insert(part.split('"').next().unwrap().to_owned());
            }
        }
        let missing: Vec<_> = said.iter().filter(|id| !known.contains_key(*id)).collect();
        assert_eq!(missing, Vec::<&String>::new());
        let unused: Vec<_> = known.keys().filter(|id| !said.contains(*id)).collect();
        assert_eq!(unused, Vec::<&String>::new());
    }

    #[test]
    fn what_creole_lacks_is_said_in_french() {
        let only_french = messages(FRENCH).into_keys().find(|id| !messages(CREOLE).contains_key(id)).unwrap();
        let message = Message { id: only_french.leak(), args: Vec::new() };
        assert_eq!(Words::new(Language::Ht).say(&message), Words::new(Language::Fr).say(&message));
    }
}
