//! What is wrong with a form, said so that the person who wrote the spreadsheet can mend it.

use std::fmt;

use serde::Serialize;

/// Whether a form can be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The form is refused.
    Error,
    /// The form works, and a person should look.
    Warning,
}

impl Severity {
    /// The stable word in JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing to mend, with its place in the spreadsheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the form can be used in spite of it.
    pub severity: Severity,
    /// The sheet, as it is called in the workbook.
    pub sheet: String,
    /// Counted from 1 as in the spreadsheet; 0 for the whole sheet.
    pub row: u32,
    /// The column's heading; empty for the whole row.
    pub column: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub expected: String,
    /// What to do, in French.
    pub fix_fr: String,
    /// What to do, in English.
    pub fix_en: String,
}

impl Diagnostic {
    /// One line for a person, in French (`fr`) or English (anything else).
    pub fn render(&self, lang: &str) -> String {
        let french = lang == "fr";
        let mut line = match (self.severity, french) {
            (Severity::Error, true) => "erreur : ".to_owned(),
            (Severity::Error, false) => "error: ".to_owned(),
            (Severity::Warning, true) => "avertissement : ".to_owned(),
            (Severity::Warning, false) => "warning: ".to_owned(),
        };
        let place = self.place(french);
        line.push_str(&place);
        // What was found and expected is in the form's own words and in English; the advice is translated, so it leads.
        let colon = match (place.is_empty(), french) {
            (true, _) => "",
            (false, true) => " : ",
            (false, false) => ": ",
        };
        line.push_str(colon);
        let Self { found, expected, fix_fr, fix_en, .. } = self;
        line.push_str(&if french {
            format!("{fix_fr} (trouvé : {found} ; attendu : {expected})")
        } else {
            format!("found {found}, expected {expected}. {fix_en}")
        });
        line
    }

    /// Empty for what is wrong with the file as a whole.
    fn place(&self, french: bool) -> String {
        if self.sheet.is_empty() {
            return String::new();
        }
        let (sheet, row, column) =
            if french { ("feuille", "ligne", "colonne") } else { ("sheet", "row", "column") };
        let mut place = format!("{sheet} \"{}\"", self.sheet);
        if self.row > 0 {
            place.push_str(&format!(" {row} {}", self.row));
        }
        if !self.column.is_empty() {
            place.push_str(&format!(" {column} \"{}\"", self.column));
        }
        place
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}, expected {}", self.place(false), self.found, self.expected)
    }
}

/// All that was found in one workbook, in the order of its sheets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// A workbook that is wrong everywhere is not described to its last cell.
pub const MAX_DIAGNOSTICS: usize = 500;

impl Diagnostics {
    /// True when the form is refused.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Each one.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One line each, in French (`fr`) or English (anything else).
    pub fn render(&self, lang: &str) -> String {
        self.0.iter().map(|diagnostic| diagnostic.render(lang)).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn one(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {diagnostic}", diagnostic.severity.as_str())?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Where something stands in the workbook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) sheet: String,
    pub(crate) row: u32,
    pub(crate) column: String,
}

impl Place {
    pub(crate) fn new(sheet: &str, row: u32, column: &str) -> Self {
        Self { sheet: sheet.to_owned(), row, column: column.to_owned() }
    }

    pub(crate) fn diagnostic(self, severity: Severity, trouble: Trouble) -> Diagnostic {
        Diagnostic {
            severity,
            sheet: self.sheet,
            row: self.row,
            column: self.column,
            code: trouble.code,
            found: trouble.found,
            expected: trouble.expected,
            fix_fr: trouble.fix_fr,
            fix_en: trouble.fix_en,
        }
    }
}

/// A diagnostic that does not know its place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) code: &'static str,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) fix_fr: String,
    pub(crate) fix_en: String,
}

impl Trouble {
    pub(crate) fn new(code: &'static str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            code,
            found: found.into(),
            expected: expected.into(),
            fix_fr: "Corrigez cette cellule.".to_owned(),
            fix_en: "Correct this cell.".to_owned(),
        }
    }

    pub(crate) fn fix(mut self, fr: impl Into<String>, en: impl Into<String>) -> Self {
        self.fix_fr = fr.into();
        self.fix_en = en.into();
        self
    }
}

/// Gathers diagnostics while a form is compiled.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Diagnostic>,
    errors: usize,
}

impl Report {
    pub(crate) fn error(&mut self, place: Place, trouble: Trouble) {
        self.errors += 1;
        self.add(place.diagnostic(Severity::Error, trouble));
    }

    pub(crate) fn warn(&mut self, place: Place, trouble: Trouble) {
        self.add(place.diagnostic(Severity::Warning, trouble));
    }

    fn add(&mut self, diagnostic: Diagnostic) {
        // Errors are never crowded out by warnings.
        if self.found.len() < MAX_DIAGNOSTICS {
            self.found.push(diagnostic);
        } else if diagnostic.severity == Severity::Error
            && let Some(warning) = self.found.iter().rposition(|d| d.severity == Severity::Warning)
        {
            self.found.remove(warning);
            self.found.push(diagnostic);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub(crate) fn finish(self) -> Diagnostics {
        Diagnostics(self.found)
    }
}

/// A text from a spreadsheet, quoted and cut to a length that fits one line.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if chars.next().is_some() { format!("\"{start}…\"") } else { format!("\"{start}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_names_sheet_row_and_column_in_one_line() {
        let diagnostic = Place::new("survey", 12, "relevant").diagnostic(
            Severity::Error,
            Trouble::new("unknown-function", "the function \"foo\"", "a function of ODK XPath")
                .fix("Corrigez le nom.", "Correct the name."),
        );
        assert_eq!(
            diagnostic.to_string(),
            "sheet \"survey\" row 12 column \"relevant\": found the function \"foo\", expected a function of ODK XPath"
        );
        assert!(diagnostic.render("fr").starts_with(
            "erreur : feuille \"survey\" ligne 12 colonne \"relevant\" : Corrigez le nom. (trouvé : "
        ));
        assert!(diagnostic.render("en").ends_with("Correct the name."));
    }

    #[test]
    fn errors_are_never_crowded_out_by_warnings() {
        let mut report = Report::default();
        for _ in 0..MAX_DIAGNOSTICS + 10 {
            report.warn(Place::default(), Trouble::new("w", "", ""));
        }
        report.error(Place::default(), Trouble::new("e", "", ""));
        let found = report.finish();
        assert!(found.has_errors());
        assert_eq!(found.len(), MAX_DIAGNOSTICS);
    }
}
