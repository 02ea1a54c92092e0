//! A sheet as a table: which column means what.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::diagnostics::{Place, Report, Trouble, quoted};
use crate::form::Target;
use crate::workbook::Sheet;

/// What a sheet's columns may be.
pub(crate) struct Shape {
    /// Canonical names, each with its aliases.
    pub(crate) plain: &'static [(&'static str, &'static [&'static str])],
    /// Columns that come once per language.
    pub(crate) translated: &'static [(&'static str, &'static [&'static str])],
    /// First words of columns that name an attribute after `::`.
    pub(crate) attributes: &'static [(&'static str, Target)],
    /// Columns that are another way to write an attribute.
    pub(crate) attribute_names: &'static [(&'static str, Target, &'static str)],
    /// Columns of ODK's, or of ours for the office, that mean nothing to this engine and are no mistake.
    pub(crate) ignored: &'static [&'static str],
    /// What stands after many blank rows is not read.
    pub(crate) ends_at_a_gap: bool,
    /// Any other column belongs to the sheet (choice lists) instead of being told about.
    pub(crate) takes_extras: bool,
}

pub(crate) const SURVEY: Shape = Shape {
    plain: &[
        ("type", &["command"]),
        ("name", &["tag", "value"]),
        ("relevant", &["relevance", "bind::relevant"]),
        ("required", &["bind::required"]),
        ("constraint", &["bind::constraint"]),
        ("calculation", &["calculate", "bind::calculate"]),
        ("choice_filter", &[]),
        ("default", &[]),
        ("repeat_count", &["count", "jr:count", "control::jr:count", "body::jr:count"]),
        ("read_only", &["readonly", "bind::readonly"]),
        ("appearance", &["control::appearance", "body::appearance"]),
        ("parameters", &[]),
        ("trigger", &[]),
        ("save_to", &["bind::entities:saveto"]),
        ("disabled", &[]),
        ("renamed_from", &[]),
        ("conflict_policy", &[]),
        ("data_class", &[]),
    ],
    translated: &[
        ("label", &["caption"]),
        ("hint", &[]),
        ("guidance_hint", &[]),
        (
            "constraint_message",
            &["constraint_msg", "constraining_message", "jr:constraintmsg", "bind::jr:constraintmsg"],
        ),
        ("required_message", &["required_msg", "requiredmsg", "jr:requiredmsg", "bind::jr:requiredmsg"]),
        ("image", &["media::image"]),
        ("audio", &["media::audio"]),
        ("video", &["media::video"]),
        ("big-image", &["media::big-image", "big_image"]),
    ],
    attributes: &[
        ("bind", Target::Bind),
        ("body", Target::Body),
        ("control", Target::Body),
        ("instance", Target::Instance),
    ],
    attribute_names: &[
        ("autoplay", Target::Body, "autoplay"),
        ("rows", Target::Body, "rows"),
        ("intent", Target::Body, "intent"),
        ("noapperrorstring", Target::Bind, "jr:noAppErrorString"),
        ("no_app_error_string", Target::Bind, "jr:noAppErrorString"),
        ("compact_tag", Target::Instance, "odk:tag"),
    ],
    ignored: &[
        "note",
        "comment",
        "comments",
        "query",
        "sms_field",
        "sms_option",
        "sms_separator",
        "sms_allow_media",
        "sms_date_format",
        "sms_datetime_format",
        "sms_response",
    ],
    ends_at_a_gap: true,
    takes_extras: false,
};

pub(crate) const CHOICES: Shape = Shape {
    plain: &[("list_name", &["list"]), ("name", &["value"])],
    translated: &[
        ("label", &["caption"]),
        ("image", &["media::image"]),
        ("audio", &["media::audio"]),
        ("video", &["media::video"]),
        ("big-image", &["media::big-image", "big_image"]),
    ],
    attributes: &[],
    attribute_names: &[],
    ignored: &[],
    ends_at_a_gap: true,
    takes_extras: true,
};

pub(crate) const CSV: Shape = Shape {
    plain: &[],
    translated: &[("label", &[])],
    attributes: &[],
    attribute_names: &[],
    ignored: &[],
    ends_at_a_gap: false,
    takes_extras: true,
};

pub(crate) const SETTINGS: Shape = Shape {
    plain: &[
        ("form_title", &["title", "set_form_title"]),
        ("form_id", &["set_form_id"]),
        ("id_string", &[]),
        ("version", &[]),
        ("default_language", &[]),
        ("instance_name", &[]),
        ("allow_choice_duplicates", &[]),
        ("name", &[]),
        ("style", &[]),
        ("namespaces", &[]),
        ("public_key", &[]),
        ("submission_url", &[]),
        ("auto_send", &[]),
        ("auto_delete", &[]),
        ("clean_text_values", &[]),
        ("omit_instanceid", &[]),
        ("instance_xmlns", &[]),
        ("instance_id", &[]),
        ("client_editable", &[]),
        ("prefix", &["compact_prefix"]),
        ("delimiter", &[]),
        ("sms_keyword", &[]),
        ("sms_separator", &[]),
    ],
    translated: &[],
    attributes: &[("attribute", Target::Instance)],
    attribute_names: &[],
    ignored: &["compact_tag", "add_none_option", "flat"],
    ends_at_a_gap: true,
    takes_extras: false,
};

pub(crate) const ENTITIES: Shape = Shape {
    plain: &[
        ("list_name", &["dataset"]),
        ("label", &[]),
        ("entity_id", &[]),
        ("create_if", &[]),
        ("update_if", &[]),
        ("repeat", &[]),
    ],
    translated: &[],
    attributes: &[],
    attribute_names: &[],
    ignored: &[],
    ends_at_a_gap: true,
    takes_extras: false,
};

pub(crate) const RULES: Shape = Shape {
    plain: &[
        ("id", &[]),
        ("level", &[]),
        ("expression", &["rule"]),
        ("relevant", &["relevance"]),
        ("repeat", &[]),
    ],
    translated: &[("message", &[])],
    attributes: &[],
    attribute_names: &[],
    ignored: &["note", "comment", "comments"],
    ends_at_a_gap: true,
    takes_extras: false,
};

/// A language as a heading names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Language {
    pub(crate) code: String,
    pub(crate) name: String,
}

impl Language {
    /// `Français (fr)`, or a bare name or code.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some((name, code)) = text.strip_suffix(')').and_then(|text| text.rsplit_once('('))
            && !code.trim().is_empty()
        {
            let code = code.trim().to_lowercase();
            let name = if name.trim().is_empty() { code.clone() } else { name.trim().to_owned() };
            return Self { code, name };
        }
        Self { code: text.to_owned(), name: text.to_owned() }
    }
}

/// What one heading means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heading {
    Plain(&'static str),
    Translated(&'static str, Option<Language>),
    Attribute(Target, String),
    Extra(String),
    Ignored,
}

/// As for pyxform, what comes after more of them is a note, and no part of the form.
const MAX_BLANK_ROWS: u32 = 60;

/// A sheet whose headings are known.
pub(crate) struct Table<'w> {
    pub(crate) sheet: String,
    /// Those that are not blank.
    rows: Vec<Line<'w>>,
    pub(crate) headings: Vec<Heading>,
    written: &'w [String],
    plain: HashMap<&'static str, usize>,
}

/// A row's number in the spreadsheet, and its cells.
pub(crate) type Line<'w> = (u32, Cow<'w, [String]>);

/// One row that is not blank.
#[derive(Clone, Copy)]
pub(crate) struct Row<'t> {
    table: &'t Table<'t>,
    /// Its place among the rows of the table. A loop makes several of one row of the spreadsheet.
    pub(crate) at: usize,
    /// Counted from 1, as the spreadsheet does.
    pub(crate) number: u32,
    cells: &'t [String],
}

impl<'w> Table<'w> {
    pub(crate) fn read(sheet: &'w Sheet, shape: &Shape, report: &mut Report) -> Self {
        let written: &[String] = sheet.rows.first().map_or(&[], Vec::as_slice);
        let headings: Vec<Heading> =
            written.iter().map(|text| heading(&sheet.name, text, shape, report)).collect();
        let mut plain = HashMap::new();
        for (at, heading) in headings.iter().enumerate() {
            let place = || Place::new(&sheet.name, 1, &written[at]);
            let second = |name: &str| {
                Trouble::told(
                    "duplicate-column",
                    (
                        format!("une deuxième colonne {}", quoted(name)),
                        format!("a second column {}", quoted(name)),
                    ),
                    ("une seule colonne de ce nom", "one such column"),
                )
                .fix("Supprimez une des deux colonnes.", "Remove one of the two columns.")
            };
            match heading {
                Heading::Plain(name) if plain.insert(*name, at).is_some() => {
                    report.error(place(), second(name));
                }
                Heading::Translated(name, _) if headings[..at].contains(heading) => {
                    report.tolerate(place(), second(name));
                }
                _ => {}
            }
        }
        let mut rows: Vec<Line<'w>> = Vec::new();
        for (cells, number) in sheet.rows.iter().zip(1..).skip(1) {
            if cells.iter().all(String::is_empty) {
                continue;
            }
            let before = rows.last().map_or(1, |(number, _)| *number);
            if shape.ends_at_a_gap && number - before > MAX_BLANK_ROWS + 1 {
                report.warn(Place::new(&sheet.name, number, ""), far_away(before));
                break;
            }
            rows.push((number, Cow::Borrowed(cells.as_slice())));
        }
        Self { sheet: sheet.name.clone(), rows, headings, written, plain }
    }

    /// The same headings over other rows.
    pub(crate) fn with_rows(&self, rows: Vec<Line<'w>>) -> Self {
        Self {
            sheet: self.sheet.clone(),
            rows,
            headings: self.headings.clone(),
            written: self.written,
            plain: self.plain.clone(),
        }
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.plain.contains_key(column)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows.len()).map(|at| self.row(at))
    }

    /// # Panics
    ///
    /// If the table has no such row.
    pub(crate) fn row(&self, at: usize) -> Row<'_> {
        let (number, cells) = &self.rows[at];
        Row { table: self, at, number: *number, cells }
    }

    pub(crate) fn lines(&self) -> &[Line<'w>] {
        &self.rows
    }

    /// Where a plain column stands among the cells of a row.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.plain.get(name).copied()
    }

    /// The heading of a column as the sheet writes it.
    pub(crate) fn written(&self, at: usize) -> &str {
        self.written.get(at).map_or("", String::as_str)
    }

    /// Where a cell stands, under the heading that the sheet itself uses.
    pub(crate) fn place(&self, row: u32, column: &str) -> Place {
        let at = self.plain.get(column).copied().or_else(|| {
            self.headings
                .iter()
                .position(|heading| matches!(heading, Heading::Translated(name, _) if *name == column))
        });
        let column = at.and_then(|at| self.written.get(at)).map_or(column, String::as_str);
        Place::new(&self.sheet, row, column)
    }

    pub(crate) fn languages(&self) -> impl Iterator<Item = &Language> {
        self.headings.iter().filter_map(|heading| match heading {
            Heading::Translated(_, Some(language)) => Some(language),
            _ => None,
        })
    }

    /// Other columns, by their own names.
    pub(crate) fn extras(&self) -> impl Iterator<Item = (usize, &str)> {
        self.headings.iter().enumerate().filter_map(|(at, heading)| match heading {
            Heading::Extra(name) => Some((at, name.as_str())),
            _ => None,
        })
    }
}

impl<'t> Row<'t> {
    /// A plain cell; empty when the column or the cell is missing.
    pub(crate) fn get(&self, column: &str) -> &'t str {
        self.table.plain.get(column).map_or("", |at| self.cell(*at))
    }

    pub(crate) fn cell(&self, at: usize) -> &'t str {
        self.cells.get(at).map_or("", String::as_str)
    }

    pub(crate) fn place(&self, column: &str) -> Place {
        self.table.place(self.number, column)
    }

    pub(crate) fn cells(&self) -> &'t [String] {
        self.cells
    }

    /// The filled cells of columns that name an attribute.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (Target, &'t str, &'t str)> {
        let (table, row) = (self.table, *self);
        table.headings.iter().enumerate().filter_map(move |(at, heading)| match heading {
            Heading::Attribute(target, name) if !row.cell(at).is_empty() => {
                Some((*target, name.as_str(), row.cell(at)))
            }
            _ => None,
        })
    }

    /// The filled cells of a translated column, with the heading as written.
    pub(crate) fn translations(
        &self,
        column: &'static str,
    ) -> impl Iterator<Item = (Option<&'t Language>, &'t str, &'t str)> {
        let (table, row) = (self.table, *self);
        table.headings.iter().enumerate().filter_map(move |(at, heading)| match heading {
            Heading::Translated(name, language) if *name == column && !row.cell(at).is_empty() => {
                Some((language.as_ref(), row.cell(at), table.written[at].as_str()))
            }
            _ => None,
        })
    }
}

fn far_away(before: u32) -> Trouble {
    Trouble::told(
        "rows-after-a-gap",
        (
            format!("des lignes loin sous la dernière, la ligne {before} : elles ne sont pas lues"),
            format!("rows far below the last one, row {before}: they are not read"),
        ),
        (format!("au plus {MAX_BLANK_ROWS} lignes vides"), format!("at most {MAX_BLANK_ROWS} blank rows")),
    )
    .fix("Remontez ces lignes, ou supprimez-les.", "Move these rows up, or remove them.")
}

fn find(known: &'static [(&'static str, &'static [&'static str])], base: &str) -> Option<&'static str> {
    known.iter().find(|(name, aliases)| *name == base || aliases.contains(&base)).map(|(name, _)| *name)
}

fn heading(sheet: &str, written: &str, shape: &Shape, report: &mut Report) -> Heading {
    let text = written.trim();
    if text.is_empty() {
        return Heading::Ignored;
    }
    let whole = canonical(text);
    if let Some(name) = find(shape.plain, &whole) {
        return Heading::Plain(name);
    }
    if let Some(name) = find(shape.translated, &whole) {
        return Heading::Translated(name, None);
    }
    // `bind:relevant`, as old forms write it.
    if let Some((first, rest)) = whole.split_once(':').filter(|_| !whole.contains("::"))
        && let Some(name) = find(shape.plain, &format!("{first}::{rest}"))
    {
        return Heading::Plain(name);
    }
    let place = || Place::new(sheet, 1, written);
    if let Some((base, language)) = split_language(text, shape) {
        let language = language.trim_matches(|c: char| c == ':' || c.is_whitespace());
        if language.is_empty() {
            report.warn(
                place(),
                not_read(
                    written,
                    (format!("\"{base}::Français (fr)\""), format!("\"{base}::English (en)\"")),
                )
                .fix("Nommez la langue après « :: ».", "Name the language after \"::\"."),
            );
            return Heading::Ignored;
        }
        return Heading::Translated(base, Some(Language::parse(language)));
    }
    if let Some((target, name)) = attribute(text, &whole, shape) {
        return Heading::Attribute(target, name);
    }
    if let Some(base) = whole.split(':').next().and_then(|base| find(shape.plain, base))
        && whole.contains(':')
    {
        report.warn(
            place(),
            not_read(
                written,
                (
                    format!("\"{base}\", qui n'a pas de langues"),
                    format!("\"{base}\", which has no languages"),
                ),
            )
            .fix(format!("Écrivez {base}."), format!("Write {base}.")),
        );
        return Heading::Ignored;
    }
    if shape.takes_extras {
        return Heading::Extra(text.to_owned());
    }
    if let Some(base) = looks_translated(&whole, shape) {
        report.warn(
            place(),
            not_read(written, (format!("\"{base}::Français (fr)\""), format!("\"{base}::English (en)\"")))
                .fix(
                    "Écrivez la langue après deux fois deux-points.",
                    "Write the language after a double colon.",
                ),
        );
        return Heading::Ignored;
    }
    if !shape.ignored.contains(&whole.as_str()) {
        warn_unknown(&whole, written, shape, place(), report);
    }
    Heading::Ignored
}

/// A heading that was meant to be one this engine knows. pyxform leaves such a column out in silence.
fn not_read(written: &str, expected: (String, String)) -> Trouble {
    let found = (
        format!("{}, une colonne qui n'est donc pas lue", quoted(written)),
        format!("{}, a column that is therefore not read", quoted(written)),
    );
    Trouble::told("bad-column", found, expected)
}

/// `bind::odk:length`, `body::accuracyThreshold`; also with one colon.
fn attribute(text: &str, whole: &str, shape: &Shape) -> Option<(Target, String)> {
    if let Some((_, target, name)) = shape.attribute_names.iter().find(|(known, ..)| *known == whole) {
        return Some((*target, (*name).to_owned()));
    }
    let (first, rest) = text.split_once(':')?;
    let first = canonical(first);
    let (_, target) = shape.attributes.iter().find(|(known, _)| *known == first)?;
    let name = rest.trim_start_matches(':').trim();
    let name = shape
        .attribute_names
        .iter()
        .find(|(_, at, known)| at == target && known.eq_ignore_ascii_case(name))
        .map_or(name, |(.., known)| known);
    (!name.is_empty()).then(|| (*target, name.to_owned()))
}

fn warn_unknown(whole: &str, written: &str, shape: &Shape, place: Place, report: &mut Report) {
    let nearest = shape
        .plain
        .iter()
        .chain(shape.translated)
        .map(|(name, _)| (crate::xpath::functions::distance(whole, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 6);
    let mut trouble = Trouble::told(
        "unknown-column",
        quoted(written),
        ("une colonne que ce moteur connaît", "a column this engine knows"),
    )
    .fix(
        "Cette colonne n'est pas connue : elle n'est pas lue.",
        "The column is not known, so it is not read.",
    );
    if let Some((_, name)) = nearest {
        trouble = trouble.fix(format!("Vouliez-vous écrire {name} ?"), format!("Did you mean {name}?"));
    }
    report.warn(place, trouble);
}

/// Lower case, blanks and hyphens of two-word names as underscores.
fn canonical(text: &str) -> String {
    let lower = text.to_lowercase();
    let parts: Vec<String> =
        lower.split("::").map(|part| part.split_whitespace().collect::<Vec<_>>().join("_")).collect();
    parts.join("::")
}

/// `label::Français (fr)`, or `label:French` with one colon; a media column has two words before its language.
fn split_language<'t>(text: &'t str, shape: &Shape) -> Option<(&'static str, &'t str)> {
    for separator in ["::", ":"] {
        for (at, _) in text.match_indices(separator) {
            let base = canonical(&text[..at]);
            if let Some(name) = find(shape.translated, &base) {
                return Some((name, &text[at + separator.len()..]));
            }
        }
    }
    None
}

/// `label (fr)`, `label_fr`, `hint fr`: a language without its colons.
fn looks_translated(whole: &str, shape: &Shape) -> Option<&'static str> {
    shape.translated.iter().map(|(name, _)| *name).find(|name| {
        whole.strip_prefix(name).is_some_and(|rest| {
            let Some(rest) = rest.strip_prefix(['_', '-', '.', '(']) else { return false };
            let letters = rest.trim_matches(|c: char| !c.is_alphabetic());
            (rest.contains('(') || rest.contains(')') || letters.len() == 2)
                && letters.chars().all(|c| c.is_alphabetic() || c == '_' || c == '(')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Heading, crate::diagnostics::Diagnostics) {
        let mut report = Report::default();
        let heading = heading("survey", text, &SURVEY, &mut report);
        (heading, report.finish())
    }

    fn language(code: &str, name: &str) -> Option<Language> {
        Some(Language { code: code.into(), name: name.into() })
    }

    #[test]
    fn headings_are_known_by_their_aliases_and_languages() {
        assert_eq!(read("Relevance").0, Heading::Plain("relevant"));
        assert_eq!(read("read only").0, Heading::Plain("read_only"));
        assert_eq!(read("label::Français (fr)").0, Heading::Translated("label", language("fr", "Français")));
        assert_eq!(read("label : French").0, Heading::Translated("label", language("French", "French")));
        assert_eq!(
            read("media::image::Kreyòl (ht)").0,
            Heading::Translated("image", language("ht", "Kreyòl"))
        );
        assert_eq!(read("bind::jr:constraintMsg").0, Heading::Translated("constraint_message", None));
    }

    #[test]
    fn a_malformed_language_and_a_private_column_are_warnings() {
        for text in ["label::", "label (fr)", "hint_fr", "relevant::fr", "module", "label_note"] {
            let found = read(text).1;
            assert!(!found.has_errors() && found.len() == 1, "{text}: {found}");
        }
        assert!(read("guidance_hint").1.is_empty());
    }

    #[test]
    fn a_column_may_name_an_attribute() {
        let attribute = |target, name: &str| Heading::Attribute(target, name.to_owned());
        assert_eq!(read("body::accuracyThreshold").0, attribute(Target::Body, "accuracyThreshold"));
        assert_eq!(read("Bind::odk:length").0, attribute(Target::Bind, "odk:length"));
        assert_eq!(read("instance:tag").0, attribute(Target::Instance, "tag"));
        assert_eq!(read("autoplay").0, attribute(Target::Body, "autoplay"));
        assert_eq!(read("bind::relevant").0, Heading::Plain("relevant"));
    }
}
