//! The functions this engine knows, each with the number of arguments it takes.

/// A function of ODK's XPath. `jr:choice-name`, `indexed-repeat`, `instance` and `current` are not here: they bind names
/// of the form and are resolved into nodes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Abs,
    Acos,
    Area,
    Asin,
    Atan,
    Atan2,
    Base64Decode,
    Boolean,
    BooleanFromString,
    Ceiling,
    Checklist,
    Coalesce,
    Concat,
    Contains,
    Cos,
    Count,
    CountNonEmpty,
    CountSelected,
    Date,
    DateTime,
    DecimalDateTime,
    DecimalTime,
    Digest,
    Distance,
    EndsWith,
    Exp,
    Exp10,
    False,
    Floor,
    FormatDate,
    Geofence,
    Id,
    If,
    Int,
    Intersects,
    Itext,
    Join,
    Lang,
    Last,
    LocalName,
    Log,
    Log10,
    Max,
    Min,
    Name,
    NamespaceUri,
    NormalizeSpace,
    Not,
    Now,
    Number,
    Once,
    Pi,
    Position,
    Pow,
    Pulldata,
    Random,
    Randomize,
    Regex,
    Round,
    Selected,
    SelectedAt,
    Sin,
    Sqrt,
    StartsWith,
    String,
    StringLength,
    Substr,
    Substring,
    SubstringAfter,
    SubstringBefore,
    Sum,
    Tan,
    Today,
    Translate,
    True,
    Uuid,
    WeightedChecklist,
}

/// Name, meaning, fewest and most arguments.
type Row = (&'static str, Function, usize, usize);

const MANY: usize = 1_000;

/// Sorted by name.
const TABLE: &[Row] = &[
    ("abs", Function::Abs, 1, 1),
    ("acos", Function::Acos, 1, 1),
    ("area", Function::Area, 1, 1),
    ("asin", Function::Asin, 1, 1),
    ("atan", Function::Atan, 1, 1),
    ("atan2", Function::Atan2, 2, 2),
    ("base64-decode", Function::Base64Decode, 1, 1),
    ("boolean", Function::Boolean, 1, 1),
    ("boolean-from-string", Function::BooleanFromString, 1, 1),
    ("ceiling", Function::Ceiling, 1, 1),
    ("checklist", Function::Checklist, 3, MANY),
    ("coalesce", Function::Coalesce, 1, MANY),
    ("concat", Function::Concat, 0, MANY),
    ("contains", Function::Contains, 2, 2),
    ("cos", Function::Cos, 1, 1),
    ("count", Function::Count, 1, 1),
    ("count-non-empty", Function::CountNonEmpty, 1, 1),
    ("count-selected", Function::CountSelected, 1, 1),
    ("date", Function::Date, 1, 1),
    ("date-time", Function::DateTime, 1, 1),
    ("decimal-date-time", Function::DecimalDateTime, 1, 1),
    ("decimal-time", Function::DecimalTime, 1, 1),
    ("digest", Function::Digest, 2, 3),
    ("distance", Function::Distance, 1, MANY),
    ("ends-with", Function::EndsWith, 2, 2),
    ("exp", Function::Exp, 1, 1),
    ("exp10", Function::Exp10, 1, 1),
    ("false", Function::False, 0, 0),
    ("floor", Function::Floor, 1, 1),
    ("format-date", Function::FormatDate, 2, 2),
    ("format-date-time", Function::FormatDate, 2, 2),
    ("geofence", Function::Geofence, 2, 2),
    ("id", Function::Id, 1, 1),
    ("if", Function::If, 3, 3),
    ("int", Function::Int, 1, 1),
    ("intersects", Function::Intersects, 1, 1),
    ("join", Function::Join, 1, MANY),
    ("jr:itext", Function::Itext, 1, 1),
    ("lang", Function::Lang, 1, 1),
    ("last", Function::Last, 0, 0),
    ("local-name", Function::LocalName, 0, 1),
    ("log", Function::Log, 1, 1),
    ("log10", Function::Log10, 1, 1),
    ("max", Function::Max, 1, MANY),
    ("min", Function::Min, 1, MANY),
    ("name", Function::Name, 0, 1),
    ("namespace-uri", Function::NamespaceUri, 0, 1),
    ("normalize-space", Function::NormalizeSpace, 0, 1),
    ("not", Function::Not, 1, 1),
    ("now", Function::Now, 0, 0),
    ("number", Function::Number, 0, 1),
    ("once", Function::Once, 1, 1),
    ("pi", Function::Pi, 0, 0),
    ("position", Function::Position, 0, 1),
    ("pow", Function::Pow, 2, 2),
    ("pulldata", Function::Pulldata, 4, 4),
    ("random", Function::Random, 0, 0),
    ("randomize", Function::Randomize, 1, 2),
    ("regex", Function::Regex, 2, 2),
    ("round", Function::Round, 1, 2),
    ("selected", Function::Selected, 2, 2),
    ("selected-at", Function::SelectedAt, 2, 2),
    ("sin", Function::Sin, 1, 1),
    ("sqrt", Function::Sqrt, 1, 1),
    ("starts-with", Function::StartsWith, 2, 2),
    ("string", Function::String, 0, 1),
    ("string-length", Function::StringLength, 0, 1),
    ("substr", Function::Substr, 2, 3),
    ("substring", Function::Substring, 2, 3),
    ("substring-after", Function::SubstringAfter, 2, 2),
    ("substring-before", Function::SubstringBefore, 2, 2),
    ("sum", Function::Sum, 1, 1),
    ("tan", Function::Tan, 1, 1),
    ("today", Function::Today, 0, 0),
    ("translate", Function::Translate, 3, 3),
    ("true", Function::True, 0, 0),
    ("uuid", Function::Uuid, 0, 1),
    ("weighted-checklist", Function::WeightedChecklist, 4, MANY),
];

/// Functions of CommCare and its kin that this engine refuses by name, so that nobody looks for a typing error.
const FOREIGN: &[&str] = &["depend", "property", "version"];

pub(crate) fn find(name: &str) -> Option<&'static Row> {
    TABLE.binary_search_by(|row| row.0.cmp(name)).ok().map(|index| &TABLE[index])
}

pub(crate) fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name)
}

/// The known name that differs least, for "did you mean".
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let specials = ["jr:choice-name", "indexed-repeat", "instance", "current"];
    TABLE
        .iter()
        .map(|row| row.0)
        .chain(specials)
        .map(|known| (distance(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .map(|(_, known)| known)
}

/// Levenshtein's, over at most 64 characters.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_every_function_is_found() {
        for row in TABLE {
            assert_eq!(find(row.0).map(|found| found.0), Some(row.0));
        }
    }

    #[test]
    fn a_slip_of_the_keyboard_is_recognised() {
        assert_eq!(nearest("slected"), Some("selected"));
        assert_eq!(nearest("choice-name"), Some("jr:choice-name"));
        assert_eq!(nearest("zzzzzz"), None);
    }
}
