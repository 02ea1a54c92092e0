//! pack.json: what makes Lakou serve one country or programme.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::Problem;

/// The part of pack.json that building and checking need. The programs read more of it.
#[derive(Deserialize)]
pub(crate) struct PackDescription {
    /// The folder's name.
    pub(crate) name: String,
    /// Languages that every label must exist in.
    pub(crate) languages: Vec<String>,
    /// The area list's file.
    pub(crate) areas: String,
    /// Which form belongs to which lineage.
    pub(crate) lineages: BTreeMap<String, LineageEntry>,
    /// Titles of roles, each by language.
    pub(crate) role_titles: BTreeMap<String, BTreeMap<String, String>>,
}

/// One lineage of a pack.
#[derive(Deserialize)]
pub(crate) struct LineageEntry {
    /// The folder of the form's sheets.
    pub(crate) form: String,
    /// Questions that place a record, from the widest area to the narrowest; their choice lists bear the same names.
    #[serde(default)]
    pub(crate) area_questions: Vec<String>,
    /// The question that dates the visit.
    pub(crate) visit_date_question: String,
    /// The repeat that lists people, if the form has one.
    pub(crate) person_repeat: Option<String>,
}

impl PackDescription {
    /// Reads pack.json.
    pub(crate) fn load(path: &Path) -> Result<Self, Problem> {
        let at = |what: String| Problem::new(path.display().to_string(), what);
        let text = std::fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| at(error.to_string()))
    }
}
