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
    /// What stands there, in English.
    pub found: String,
    /// What may stand there, in English.
    pub expected: String,
    /// What stands there, in French.
    pub found_fr: String,
    /// What may stand there, in French.
    pub expected_fr: String,
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
        let colon = match (place.is_empty(), french) {
            (true, _) => "",
            (false, true) => " : ",
            (false, false) => ": ",
        };
        line.push_str(colon);
        let Self { found, expected, found_fr, expected_fr, fix_fr, fix_en, .. } = self;
        line.push_str(&if french {
            format!("{fix_fr} (trouvé : {found_fr} ; attendu : {expected_fr})")
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
        let (found_fr, expected_fr) = match trouble.french {
            Some(french) => *french,
            None => (trouble.found.clone(), trouble.expected.clone()),
        };
        Diagnostic {
            severity,
            sheet: self.sheet,
            row: self.row,
            column: self.column,
            code: trouble.code,
            found_fr,
            expected_fr,
            found: trouble.found,
            expected: trouble.expected,
            fix_fr: trouble.fix_fr,
            fix_en: trouble.fix_en,
        }
    }
}

/// A phrase in French and in English. What comes from the workbook is the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) fr: String,
    pub(crate) en: String,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { fr: text.clone(), en: text }
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// French first.
impl<F: Into<String>, E: Into<String>> From<(F, E)> for Said {
    fn from((fr, en): (F, E)) -> Self {
        Self { fr: fr.into(), en: en.into() }
    }
}

impl Diagnostic {
    fn is_same_fault(&self, other: &Self) -> bool {
        let fault = |d: &Self| (d.severity, d.code, d.row);
        fault(self) == fault(other)
            && (&self.sheet, &self.column, &self.found) == (&other.sheet, &other.column, &other.found)
    }
}

/// What many cells hold when something is missing.
pub(crate) const EMPTY_CELL: (&str, &str) = ("une cellule vide", "an empty cell");

/// A diagnostic that does not know its place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) code: &'static str,
    pub(crate) found: String,
    pub(crate) expected: String,
    /// What was found and expected in French; none where only the English is known.
    pub(crate) french: Option<Box<(String, String)>>,
    pub(crate) fix_fr: String,
    pub(crate) fix_en: String,
}

impl Trouble {
    pub(crate) fn new(code: &'static str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            code,
            found: found.into(),
            expected: expected.into(),
            french: None,
            fix_fr: "Corrigez cette cellule.".to_owned(),
            fix_en: "Correct this cell.".to_owned(),
        }
    }

    /// In both languages.
    pub(crate) fn told(code: &'static str, found: impl Into<Said>, expected: impl Into<Said>) -> Self {
        let (found, expected) = (found.into(), expected.into());
        Self { french: Some(Box::new((found.fr, expected.fr))), ..Self::new(code, found.en, expected.en) }
    }

    /// The same, but for what was expected.
    pub(crate) fn expecting(self, expected: impl Into<Said>) -> Self {
        let Said { fr, en } = expected.into();
        let found_fr = self.french.map_or_else(|| self.found.clone(), |french| french.0);
        Self { expected: en, french: Some(Box::new((found_fr, fr))), ..self }
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
    strict: bool,
}

impl Report {
    /// One that refuses what pyxform refuses.
    pub(crate) fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// What pyxform refuses and this engine can do without: an error in strict mode, else a warning.
    pub(crate) fn tolerate(&mut self, place: Place, trouble: Trouble) {
        if self.strict { self.error(place, trouble) } else { self.warn(place, trouble) }
    }

    pub(crate) fn error(&mut self, place: Place, trouble: Trouble) {
        self.errors += 1;
        self.add(place.diagnostic(Severity::Error, trouble));
    }

    pub(crate) fn warn(&mut self, place: Place, trouble: Trouble) {
        self.add(place.diagnostic(Severity::Warning, trouble));
    }

    fn add(&mut self, diagnostic: Diagnostic) {
        // Two rules may see one fault: the later one knows the form better.
        if let Some(known) = self.found.iter_mut().find(|known| known.is_same_fault(&diagnostic)) {
            *known = diagnostic;
            return;
        }
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

    /// True when further errors would not be shown.
    pub(crate) fn is_full(&self) -> bool {
        self.errors >= MAX_DIAGNOSTICS
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
            Trouble::told(
                "unknown-function",
                ("la fonction \"foo\"", "the function \"foo\""),
                ("une fonction d'ODK XPath", "a function of ODK XPath"),
            )
            .fix("Corrigez le nom.", "Correct the name."),
        );
        assert_eq!(
            diagnostic.to_string(),
            "sheet \"survey\" row 12 column \"relevant\": found the function \"foo\", expected a function of ODK XPath"
        );
        assert_eq!(
            diagnostic.render("fr"),
            "erreur : feuille \"survey\" ligne 12 colonne \"relevant\" : Corrigez le nom. \
             (trouvé : la fonction \"foo\" ; attendu : une fonction d'ODK XPath)"
        );
        assert!(diagnostic.render("en").ends_with("Correct the name."));
    }

    #[test]
    fn errors_are_never_crowded_out_by_warnings() {
        let mut report = Report::default();
        for row in 0..MAX_DIAGNOSTICS as u32 + 10 {
            report.warn(Place::new("survey", row, ""), Trouble::new("w", "", ""));
        }
        report.error(Place::default(), Trouble::new("e", "", ""));
        let found = report.finish();
        assert!(found.has_errors());
        assert_eq!(found.len(), MAX_DIAGNOSTICS);
    }

    #[test]
    fn one_fault_that_two_rules_see_is_told_once() {
        let mut report = Report::default();
        let fault = |fix: &str| Trouble::new("unknown-reference", "${agee}", "a name").fix(fix, fix);
        report.error(Place::new("survey", 3, "relevant"), fault("Correct the name."));
        report.error(Place::new("survey", 3, "relevant"), fault("Did you mean ${age}?"));
        report.error(Place::new("survey", 3, "constraint"), fault("Correct the name."));
        let fixes: Vec<String> = report.finish().iter().map(|d| d.fix_en.clone()).collect();
        assert_eq!(fixes, ["Did you mean ${age}?", "Correct the name."]);
    }
}
