//! What two runs of one form cannot agree on: random identifiers, the instant of the recording, random numbers.

use std::sync::LazyLock;

use regex::Regex;

static IDENTIFIER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)uuid:[^\s<>"']+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"#).expect("a fixed pattern")
});
static INSTANT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$").expect("a fixed pattern")
});

/// What of a form's values is not to be compared. Found in the form, so that nothing is let through that it fixes.
pub(super) struct Masks {
    form: String,
    reads_clock: bool,
    draws_numbers: bool,
}

impl Masks {
    pub(super) fn of_form(xml: &str) -> Self {
        let reads_clock = ["now(", "timestamp"].iter().any(|word| xml.contains(word));
        Self { reads_clock, draws_numbers: xml.contains("random("), form: xml.to_owned() }
    }

    /// Whether two values are the same but for what no two runs agree on.
    pub(super) fn same(&self, recorded: &str, found: &str) -> bool {
        let both = |test: fn(&str) -> bool| test(recorded) && test(found);
        recorded == found
            || self.without_identifiers(recorded) == self.without_identifiers(found)
            || (self.reads_clock && both(|text| INSTANT.is_match(text)))
            || (self.draws_numbers && both(|text| text.parse::<f64>().is_ok()))
    }

    /// The text with generated identifiers masked; one that stands in the form is no generated one.
    fn without_identifiers(&self, text: &str) -> String {
        let mask = |found: &regex::Captures<'_>| {
            let identifier = &found[0];
            if self.form.contains(identifier) { identifier.to_owned() } else { "uuid:...".to_owned() }
        };
        IDENTIFIER.replace_all(text, mask).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "uuid:375119c7-8858-4d35-8478-3a5d282b32d6";
    const OTHER: &str = "uuid:99b2cf5d-35bc-495d-8548-eccc18abce5f";

    #[test]
    fn generated_identifiers_are_the_same_and_those_of_the_form_are_not() {
        assert!(Masks::of_form("<data/>").same(ONE, OTHER));
        assert!(!Masks::of_form(ONE).same(ONE, OTHER));
        assert!(!Masks::of_form("<data/>").same(ONE, ""));
    }

    #[test]
    fn instants_agree_only_where_the_form_reads_the_clock() {
        let instants = ("2026-11-21T21:01:57.529-07:00", "2026-11-21T21:10:00.000-07:00");
        assert!(Masks::of_form(r#"jr:preloadParams="timestamp""#).same(instants.0, instants.1));
        assert!(!Masks::of_form("<data/>").same(instants.0, instants.1));
        assert!(!Masks::of_form("now()").same(instants.0, "2026-11-21"));
    }

    #[test]
    fn numbers_agree_only_where_the_form_draws_them() {
        assert!(Masks::of_form("2 * random()").same("1.5", "0.25"));
        assert!(!Masks::of_form("randomize(x)").same("1.5", "0.25"));
    }
}
