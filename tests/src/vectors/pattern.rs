//! Regular expressions written as JavaScript writes them: `/pattern/flags`.

use regex::{Regex, RegexBuilder};

/// The expression of a literal. Text without slashes is taken as the pattern itself.
pub(super) fn from_literal(literal: &str) -> Result<Regex, String> {
    let (pattern, flags) = split(literal);
    RegexBuilder::new(pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .build()
        .map_err(|error| format!("the pattern {literal} cannot be read here: {error}"))
}

/// Pattern and flags.
fn split(literal: &str) -> (&str, &str) {
    literal
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'))
        .filter(|(_, flags)| flags.chars().all(|flag| "dgimsuvy".contains(flag)))
        .unwrap_or((literal, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_gives_pattern_and_flags() {
        assert_eq!(split("/^a$/"), ("^a$", ""));
        assert_eq!(split("/a/b/i"), ("a/b", "i"));
        assert_eq!(split("/a/bc"), ("/a/bc", ""));
        assert_eq!(split("plain"), ("plain", ""));
    }

    #[test]
    fn flags_and_escapes_mean_what_they_mean_there() {
        let matches = |literal: &str, text: &str| from_literal(literal).unwrap().is_match(text);
        assert!(matches("/^uuid$/i", "UUID"));
        assert!(!matches("/^uuid$/", "UUID"));
        assert!(matches(r"/^\d{4}\/\d\d$/", "2026/11"));
        assert!(matches(r"/0\.[0-9]{12,}/", "0.1234567890123"));
        assert!(matches("/^b$/m", "a\nb"));
        assert!(from_literal("/(?=a)/").is_err());
    }
}
