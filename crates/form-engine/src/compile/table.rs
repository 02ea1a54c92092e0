//! A sheet as a table: which column means what.

use std::collections::HashMap;

use crate::diagnostics::{Place, Report, Trouble, quoted};
use crate::workbook::Sheet;

/// What a sheet's columns may be.
pub(crate) struct Shape {
    /// Canonical names, each with its aliases.
    pub(crate) plain: &'static [(&'static str, &'static [&'static str])],
    /// Columns that come once per language.
    pub(crate) translated: &'static [(&'static str, &'static [&'static str])],
    /// Columns of ODK's, or of ours for the office, that mean nothing to this engine and are no mistake.
    pub(crate) ignored: &'static [&'static str],
    /// Any other column belongs to the sheet (choice lists) instead of being told about.
    pub(crate) takes_extras: bool,
}

pub(crate) const SURVEY: Shape = Shape {
    plain: &[
        ("type", &["command"]),
        ("name", &[]),
        ("relevant", &["relevance", "bind::relevant"]),
        ("required", &["bind::required"]),
        ("constraint", &["bind::constraint"]),
        ("calculation", &["calculate", "bind::calculate"]),
        ("choice_filter", &[]),
        ("default", &[]),
        ("repeat_count", &["count", "jr:count", "control::jr:count"]),
        ("read_only", &["readonly", "bind::readonly"]),
        ("appearance", &["control::appearance"]),
        ("parameters", &[]),
        ("trigger", &[]),
        ("save_to", &["bind::entities:saveto"]),
        ("disabled", &[]),
    ],
    translated: &[
        ("label", &["caption"]),
        ("hint", &[]),
        ("guidance_hint", &[]),
        ("constraint_message", &["constraint_msg", "bind::jr:constraintmsg"]),
        ("required_message", &["required_msg", "bind::jr:requiredmsg"]),
        ("image", &["media::image"]),
        ("audio", &["media::audio"]),
        ("video", &["media::video"]),
        ("big-image", &["media::big-image", "big_image"]),
    ],
    ignored: &[
        "conflict_policy",
        "data_class",
        "autoplay",
        "rows",
        "intent",
        "note",
        "comment",
        "comments",
        "query",
    ],
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
    ignored: &[],
    takes_extras: true,
};

pub(crate) const CSV: Shape =
    Shape { plain: &[], translated: &[("label", &[])], ignored: &[], takes_extras: true };

pub(crate) const SETTINGS: Shape = Shape {
    plain: &[
        ("form_title", &["title", "set_form_title"]),
        ("form_id", &["id_string", "set_form_id"]),
        ("version", &[]),
        ("default_language", &[]),
        ("instance_name", &[]),
        ("allow_choice_duplicates", &[]),
    ],
    translated: &[],
    ignored: &[
        "style",
        "name",
        "auto_send",
        "auto_delete",
        "public_key",
        "submission_url",
        "clean_text_values",
        "omit_instanceid",
        "instance_xmlns",
        "namespaces",
        "instance_id",
        "sms_keyword",
        "sms_separator",
        "prefix",
        "delimiter",
        "compact_prefix",
        "compact_tag",
        "client_editable",
    ],
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
    ignored: &[],
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
    ignored: &["note", "comment", "comments"],
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
    Extra(String),
    Ignored,
}

/// A sheet whose headings are known.
pub(crate) struct Table<'w> {
    pub(crate) sheet: String,
    rows: &'w [Vec<String>],
    pub(crate) headings: Vec<Heading>,
    written: &'w [String],
    plain: HashMap<&'static str, usize>,
}

/// One row that is not blank.
#[derive(Clone, Copy)]
pub(crate) struct Row<'t> {
    table: &'t Table<'t>,
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
            let Heading::Plain(name) = heading else { continue };
            if plain.insert(*name, at).is_some() {
                report.error(
                    Place::new(&sheet.name, 1, &written[at]),
                    Trouble::new(
                        "duplicate-column",
                        format!("a second column {}", quoted(name)),
                        "one such column",
                    )
                    .fix("Supprimez une des deux colonnes.", "Remove one of the two columns."),
                );
            }
        }
        let rows = sheet.rows.get(1..).unwrap_or_default();
        Self { sheet: sheet.name.clone(), rows, headings, written, plain }
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.plain.contains_key(column)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows
            .iter()
            .enumerate()
            .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()))
            .map(|(at, cells)| Row { table: self, number: at as u32 + 2, cells })
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
    let place = || Place::new(sheet, 1, written);
    if let Some((base, language)) = split_language(text, shape) {
        let language = language.trim_matches(|c: char| c == ':' || c.is_whitespace());
        if language.is_empty() {
            report.error(
                place(),
                Trouble::new("bad-column", quoted(written), format!("\"{base}::Français (fr)\""))
                    .fix("Nommez la langue après « :: ».", "Name the language after \"::\"."),
            );
            return Heading::Ignored;
        }
        return Heading::Translated(base, Some(Language::parse(language)));
    }
    if let Some(base) = whole.split(':').next().and_then(|base| find(shape.plain, base))
        && whole.contains(':')
    {
        report.error(
            place(),
            Trouble::new("bad-column", quoted(written), format!("\"{base}\", which has no languages"))
                .fix(format!("Écrivez {base}."), format!("Write {base}.")),
        );
        return Heading::Ignored;
    }
    if shape.takes_extras {
        return Heading::Extra(text.to_owned());
    }
    if let Some(base) = looks_translated(&whole, shape) {
        report.error(
            place(),
            Trouble::new("bad-column", quoted(written), format!("\"{base}::Français (fr)\"")).fix(
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

fn warn_unknown(whole: &str, written: &str, shape: &Shape, place: Place, report: &mut Report) {
    let nearest = shape
        .plain
        .iter()
        .chain(shape.translated)
        .map(|(name, _)| (crate::xpath::functions::distance(whole, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 6);
    let mut trouble = Trouble::new("unknown-column", quoted(written), "a column this engine knows").fix(
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
    fn a_malformed_language_is_an_error_and_a_private_column_a_warning() {
        for text in ["label::", "label (fr)", "hint_fr", "relevant::fr"] {
            assert!(read(text).1.has_errors(), "{text}");
        }
        for text in ["module", "label_note", "body::accuracyThreshold"] {
            let found = read(text).1;
            assert!(!found.has_errors() && found.len() == 1, "{text}: {found}");
        }
        assert!(read("guidance_hint").1.is_empty());
    }
}
