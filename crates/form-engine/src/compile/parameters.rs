//! The `parameters` cell: what each type takes.

use std::collections::BTreeMap;

use crate::compile::table::Row;
use crate::diagnostics::{Report, Said, Trouble, quoted};
use crate::form::{AttachmentKind, QuestionType};
use crate::list::ChoiceList;

/// `start=0 end=10 step=1`, also separated by commas or semicolons. What is not of that form is left out, and told.
pub(crate) fn parse(row: Row<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let cell = row.get("parameters");
    let parameters = read(cell);
    if !cell.is_empty() && parameters.is_none() {
        report.tolerate(
            row.place("parameters"),
            Trouble::told("bad-parameters", quoted(cell), "key1=value1 key2=value2")
                .fix("Écrivez clé=valeur, séparés par des blancs.", "Write key=value, separated by blanks."),
        );
    }
    parameters.unwrap_or_else(|| pairs(cell).0)
}

fn read(cell: &str) -> Option<BTreeMap<String, String>> {
    let (pairs, whole) = pairs(cell);
    whole.then_some(pairs)
}

/// The pairs, and whether there is nothing else.
fn pairs(cell: &str) -> (BTreeMap<String, String>, bool) {
    let spaced = cell.replace('=', " = ");
    let words: Vec<&str> = spaced
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|w| !w.is_empty())
        .collect();
    let mut pairs = BTreeMap::new();
    let mut whole = true;
    let mut rest = words.as_slice();
    loop {
        match rest {
            [] => return (pairs, whole),
            [key, "=", value, after @ ..] if *key != "=" && *value != "=" => {
                pairs.insert(key.to_lowercase(), (*value).to_owned());
                rest = after;
            }
            [_, after @ ..] => {
                whole = false;
                rest = after;
            }
        }
    }
}

/// The keys that a type takes; none where pyxform does not look.
fn accepted(question_type: QuestionType, from_file: bool) -> Option<&'static [&'static str]> {
    use QuestionType as T;
    Some(match question_type {
        T::Text => &["rows"],
        T::Attachment(AttachmentKind::Image) => &["app", "max-pixels"],
        T::Attachment(AttachmentKind::Audio) | T::BackgroundAudio => &["quality"],
        T::Geopoint => &["allow-mock-accuracy", "capture-accuracy", "reference-geometry", "warning-accuracy"],
        T::Geotrace | T::Geoshape => &["allow-mock-accuracy", "incremental", "reference-geometry"],
        T::Range { .. } => &["end", "placeholder", "start", "step", "tick_interval", "tick_labelset"],
        T::SelectOne | T::SelectMultiple | T::Rank if from_file => &["label", "randomize", "seed", "value"],
        T::SelectOne | T::SelectMultiple | T::Rank => &["randomize", "seed"],
        T::Audit => &[
            "identify-user",
            "location-max-age",
            "location-min-interval",
            "location-priority",
            "track-changes",
            "track-changes-reasons",
        ],
        _ => return None,
    })
}

/// What pyxform refuses of them.
pub(crate) fn check(
    row: Row<'_>,
    question_type: QuestionType,
    parameters: &BTreeMap<String, String>,
    from_file: bool,
    report: &mut Report,
) {
    // pyxform looks at the types that XLSForm documents, not at their old names.
    let documented = !matches!(question_type, QuestionType::Text) || row.get("type") == "text";
    let Some(accepted) = accepted(question_type, from_file).filter(|_| documented) else { return };
    let mut checker = Checker { row, parameters, report };
    for key in parameters.keys().filter(|key| !accepted.contains(&key.as_str())) {
        let keys = accepted.join(", ");
        checker.wrong(
            quoted(key),
            (format!("pour ce type : {keys}"), format!("for this type: {keys}")),
            ("Ôtez ce paramètre ou corrigez son nom.", "Remove this parameter or correct its name."),
        );
    }
    checker.values(question_type, from_file);
}

const BOOLEANS: &[&str] = &["true", "false"];

struct Checker<'c> {
    row: Row<'c>,
    parameters: &'c BTreeMap<String, String>,
    report: &'c mut Report,
}

impl Checker<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    fn wrong(&mut self, found: impl Into<Said>, expected: impl Into<Said>, fix: (&str, &str)) {
        let trouble = Trouble::told("bad-parameters", found, expected).fix(fix.0, fix.1);
        self.report.tolerate(self.row.place("parameters"), trouble);
    }

    fn one_of(&mut self, key: &str, values: &[&str]) {
        let Some(value) = self.get(key) else { return };
        if !values.contains(&value.to_lowercase().as_str()) {
            let found = quoted(&format!("{key}={value}"));
            let list = values.join(", ");
            self.wrong(found, list, ("Écrivez une de ces valeurs.", "Write one of these values."));
        }
    }

    fn number(&mut self, key: &str, whole: bool) {
        let Some(value) = self.get(key) else { return };
        let fits = if whole { value.parse::<i64>().is_ok() } else { decimal(value).is_some() };
        if !fits {
            let found = quoted(&format!("{key}={value}"));
            let expected =
                if whole { ("un nombre entier", "a whole number") } else { ("un nombre", "a number") };
            self.wrong(found, expected, ("Écrivez un nombre.", "Write a number."));
        }
    }

    fn values(&mut self, question_type: QuestionType, from_file: bool) {
        use QuestionType as T;
        match question_type {
            T::Text => self.number("rows", true),
            T::Attachment(AttachmentKind::Image) => self.image(),
            T::Attachment(AttachmentKind::Audio) => {
                self.one_of("quality", &["voice-only", "low", "normal", "external"]);
            }
            T::BackgroundAudio => self.one_of("quality", &["voice-only", "low", "normal"]),
            T::Geopoint => {
                self.number("capture-accuracy", false);
                self.number("warning-accuracy", false);
                self.one_of("allow-mock-accuracy", BOOLEANS);
            }
            T::Geotrace | T::Geoshape => {
                self.one_of("incremental", &["true", "yes", "true()"]);
                self.one_of("allow-mock-accuracy", BOOLEANS);
            }
            T::SelectOne | T::SelectMultiple | T::Rank => self.select(from_file),
            T::Audit => self.audit(),
            _ => {}
        }
    }

    fn image(&mut self) {
        self.number("max-pixels", true);
        let appearance = self.row.get("appearance");
        if let Some(app) = self.get("app").filter(|_| appearance.is_empty() || appearance == "annotate")
            && !is_package(app)
        {
            let found = quoted(&format!("app={app}"));
            self.wrong(
                found,
                (
                    "le nom d'un paquet Android, tel que org.exemple.app",
                    "an Android package, such as org.example.app",
                ),
                ("Corrigez le nom du paquet.", "Correct the package's name."),
            );
        }
    }

    fn select(&mut self, from_file: bool) {
        if from_file {
            for key in ["value", "label"] {
                if let Some(value) = self.get(key).filter(|value| !super::is_name(value)) {
                    let found = quoted(&format!("{key}={value}"));
                    self.wrong(
                        found,
                        (
                            "le nom d'une colonne : lettres, chiffres, _, - et .",
                            "a column's name: letters, digits, _, - and .",
                        ),
                        ("Corrigez le nom de la colonne.", "Correct the column's name."),
                    );
                }
            }
        }
        self.one_of("randomize", BOOLEANS);
        let Some(seed) = self.get("seed") else { return };
        if self.get("randomize").is_none() {
            self.wrong(
                "seed",
                ("randomize=true avec seed", "randomize=true with seed"),
                ("Ajoutez randomize=true.", "Add randomize=true."),
            );
        } else if decimal(seed).is_none() && !(seed.starts_with("${") && seed.ends_with('}')) {
            let found = quoted(&format!("seed={seed}"));
            self.wrong(
                found,
                ("un nombre ou ${question}", "a number or ${question}"),
                ("Corrigez seed.", "Correct seed."),
            );
        }
    }

    fn audit(&mut self) {
        self.one_of("track-changes", BOOLEANS);
        self.one_of("identify-user", BOOLEANS);
        self.one_of("track-changes-reasons", &["on-form-edit"]);
        let location = ["location-priority", "location-min-interval", "location-max-age"];
        let given = location.iter().filter(|key| self.get(key).is_some()).count();
        if given == 0 {
            return;
        }
        self.one_of("location-priority", &["no-power", "low-power", "balanced", "high-accuracy"]);
        let seconds = |key: &str| self.get(key).and_then(|value| value.parse::<u64>().ok());
        let (interval, age) = (seconds(location[1]), seconds(location[2]));
        if given < location.len() || interval.is_none() || age.is_none() || age < interval {
            self.wrong(
                quoted(self.row.get("parameters")),
                (
                    "location-priority, location-min-interval et location-max-age, l'âge au moins égal à l'intervalle",
                    "location-priority, location-min-interval and location-max-age, the age at least the interval",
                ),
                ("Donnez les trois, en secondes.", "Give all three, in seconds."),
            );
        }
    }
}

/// The bounds of a range: true if they are whole numbers. Told where they do not fit each other.
pub(crate) fn check_range(
    row: Row<'_>,
    parameters: &BTreeMap<String, String>,
    labels: impl Fn(&str) -> Option<Vec<String>>,
    report: &mut Report,
) -> bool {
    let mut checker = Checker { row, parameters, report };
    let mut whole = true;
    let mut number = |checker: &mut Checker<'_>, key: &str, default: Option<f64>| {
        checker.number(key, false);
        let value = checker.get(key).and_then(decimal).or(default);
        whole &= value.is_none_or(|value| value.fract() == 0.0);
        value
    };
    let start = number(&mut checker, "start", Some(1.0)).unwrap_or(1.0);
    let end = number(&mut checker, "end", Some(10.0)).unwrap_or(10.0);
    let step = number(&mut checker, "step", Some(1.0)).unwrap_or(1.0);
    let interval = number(&mut checker, "tick_interval", None);
    let placeholder = number(&mut checker, "placeholder", None);
    let labelset = checker.get("tick_labelset").map(str::to_owned);
    let appearance = row.get("appearance");
    let width = (end - start).abs();
    let fits = |value: f64, unit: f64| unit == 0.0 || is_multiple(value, unit);
    let inside = |value: f64| value >= start.min(end) && value <= start.max(end);
    let mut wrong = Vec::new();
    if step == 0.0 || step > width {
        wrong.push("step");
    }
    if interval.is_some_and(|interval| interval == 0.0 || interval > width || !fits(interval, step)) {
        wrong.push("tick_interval");
    }
    if placeholder.is_some_and(|at| !fits(at - start, step) || !inside(at)) {
        wrong.push("placeholder");
    }
    let ticks = interval.is_some() || placeholder.is_some() || labelset.is_some();
    if ticks && !appearance.is_empty() && !appearance.contains("vertical") && !appearance.contains("no-ticks")
    {
        wrong.push("appearance");
    }
    if let Some(labelset) = &labelset {
        let unit = interval.unwrap_or(step);
        let mut values = labels(labelset)
            .map(|codes| codes.iter().map(|code| decimal(code)).collect::<Option<Vec<f64>>>())
            .unwrap_or_default();
        if let Some(values) = &mut values {
            values.sort_by(f64::total_cmp);
            values.dedup();
        }
        let good = values.is_some_and(|values| {
            let ends = [start.min(end), start.max(end)];
            values.iter().all(|value| inside(*value) && fits(value - start, unit))
                && (!appearance.contains("no-ticks") || values == ends)
        });
        if !good {
            wrong.push("tick_labelset");
        }
    }
    for key in wrong {
        let found = quoted(&format!("{key} ({})", row.get("parameters")));
        checker.wrong(
            found,
            (
                "des valeurs entre start et end, à des multiples de step",
                "values between start and end, at multiples of step",
            ),
            ("Corrigez les bornes.", "Correct the bounds."),
        );
    }
    whole
}

/// `reference-geometry` names a list, a file or a repeat.
pub(crate) fn check_geometry(row: Row<'_>, known: bool, target: &str, report: &mut Report) {
    if !known {
        let parameters = BTreeMap::new();
        Checker { row, parameters: &parameters, report }.wrong(
            quoted(&format!("reference-geometry={target}")),
            ("une liste, un fichier ou ${repeat}", "a list, a file or ${repeat}"),
            ("Corrigez reference-geometry.", "Correct reference-geometry."),
        );
    }
}

/// The codes of a list, for [`check_range`].
pub(crate) fn codes(list: &ChoiceList) -> Vec<String> {
    (0..list.len() as u32).map(|row| list.code(row).to_owned()).collect()
}

/// False for the bound of a range that is no number: its usual value holds.
pub(crate) fn is_bound(key: &str, value: &str) -> bool {
    !matches!(key, "start" | "end" | "step") || decimal(value).is_some()
}

fn decimal(text: &str) -> Option<f64> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    text.parse::<f64>().ok().filter(|number| number.is_finite() && text.chars().all(digits))
}

fn is_multiple(value: f64, unit: f64) -> bool {
    let times = value / unit;
    (times - times.round()).abs() < 1e-9
}

fn is_package(name: &str) -> bool {
    let segment = |segment: &str| {
        segment.starts_with(|c: char| c.is_ascii_alphabetic())
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    name.contains('.') && name.split('.').all(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_whatever_separates_them() {
        let read = |cell: &str| read(cell).map(|pairs| pairs.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("start=1;end = 10"), Some(vec![pair("end", "10"), pair("start", "1")]));
        assert_eq!(
            read("Value=Code, label=Titre"),
            Some(vec![pair("label", "Titre"), pair("value", "Code")])
        );
        assert_eq!(read("rows"), None);
        assert_eq!(read("rows="), None);
    }
}
