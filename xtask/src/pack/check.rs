//! What a pack must hold before anyone is sent to the field with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::form::{Container, FormSheets, RowKind};
use super::sheet::{Row, Sheet};
use super::{Pack, Problem, areas};

/// A question's key in a record may not be longer than this.
const MAX_PATH_BYTES: usize = 128;
/// `/`, an instance id, `/`: what a repeat adds to a question's key, besides its own name.
const INSTANCE_BYTES: usize = 15;

/// Everything that is wrong, in the order of the files.
pub(crate) fn problems(pack: &Pack) -> Vec<Problem> {
    let mut problems = description_problems(pack);
    problems.extend(pack.areas.problems());
    for (lineage, form) in &pack.forms {
        let check = FormCheck::new(pack, lineage, form);
        problems.extend(check.survey());
        problems.extend(check.choices());
        problems.extend(check.settings());
        problems.extend(check.entities());
        problems.extend(check.rules());
        problems.extend(check.description());
    }
    problems
}

fn description_problems(pack: &Pack) -> Vec<Problem> {
    let place = pack.folder.join("pack.json").display().to_string();
    let mut problems = Vec::new();
    if pack.folder.file_name().is_none_or(|folder| folder != pack.description.name.as_str()) {
        problems.push(Problem::new(
            &place,
            format!("the pack {} lies in a folder of another name", pack.description.name),
        ));
    }
    for (role, titles) in &pack.description.role_titles {
        for language in pack.description.languages.iter().filter(|language| !titles.contains_key(*language)) {
            problems.push(Problem::new(&place, format!("the role {role} has no title in {language}")));
        }
    }
    problems
}

struct FormCheck<'a> {
    pack: &'a Pack,
    lineage: &'a str,
    form: &'a FormSheets,
    /// Every named survey row, and the repeat it stands in.
    names: HashMap<&'a str, Option<&'a str>>,
    /// Choice list to its option names.
    lists: BTreeMap<&'a str, HashSet<&'a str>>,
}

impl<'a> FormCheck<'a> {
    fn new(pack: &'a Pack, lineage: &'a str, form: &'a FormSheets) -> Self {
        let mut names = HashMap::new();
        let mut repeats: Vec<&str> = Vec::new();
        for row in &form.survey.rows {
            match RowKind::of(row) {
                RowKind::End(Container::Repeat) => {
                    repeats.pop();
                }
                RowKind::End(Container::Group) => {}
                kind => {
                    names.insert(row.cell("name"), repeats.last().copied());
                    if kind == RowKind::Begin(Container::Repeat) {
                        repeats.push(row.cell("name"));
                    }
                }
            }
        }
        let mut lists: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
        for row in &form.choices.rows {
            lists.entry(row.cell("list_name")).or_default().insert(row.cell("name"));
        }
        Self { pack, lineage, form, names, lists }
    }

    fn survey(&self) -> Vec<Problem> {
        let survey = &self.form.survey;
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        let mut open = Vec::new();
        for row in &survey.rows {
            let mut complain = |what: String| problems.push(Problem::new(survey.place(row), what));
            let name = row.cell("name");
            let kind = RowKind::of(row);
            if let RowKind::End(container) = kind {
                if open.pop() != Some(container) {
                    complain(format!("{:?} closes nothing", row.cell("type")));
                }
                continue;
            }
            if let RowKind::Begin(container) = kind {
                open.push(container);
            }
            if kind == RowKind::Unknown {
                complain(format!("unknown type {:?}", row.cell("type")));
            }
            if !is_question_name(name) {
                complain(format!("{name:?} is not a question name"));
            }
            if !seen.insert(name) {
                complain(format!("the name {name} stands twice"));
            }
            let repeat = self.names.get(name).copied().flatten();
            if name.len() + repeat.map_or(0, |repeat| repeat.len() + INSTANCE_BYTES) > MAX_PATH_BYTES {
                complain(format!("the name {name} makes a key of over {MAX_PATH_BYTES} bytes"));
            }
            if let RowKind::Question { choices: Some(list) } = kind
                && !self.lists.contains_key(list)
            {
                complain(format!("there is no choice list {list}"));
            }
            if kind == RowKind::Calculation && row.cell("calculation").is_empty() {
                complain(format!("{name} calculates nothing"));
            }
            if !row.cell("choice_filter").is_empty() {
                let (column, _) = row.cell("choice_filter").split_once(' ').unwrap_or_default();
                if !self.form.choices.has(column) {
                    complain(format!("the choices have no column {column:?} to filter by"));
                }
            }
            let labelled = matches!(kind, RowKind::Question { .. } | RowKind::Note | RowKind::Begin(_));
            problems.extend(self.translations(survey, row, "label", labelled));
            problems.extend(self.translations(survey, row, "hint", false));
            problems.extend(self.translations(
                survey,
                row,
                "constraint_message",
                !row.cell("constraint").is_empty(),
            ));
            problems.extend(self.unresolved(survey, row));
        }
        if !open.is_empty() {
            problems.push(Problem::new(survey.path.display().to_string(), "a group or repeat is not closed"));
        }
        problems
    }

    fn choices(&self) -> Vec<Problem> {
        let choices = &self.form.choices;
        let mut problems = Vec::new();
        let used: HashSet<&str> = self
            .form
            .survey
            .rows
            .iter()
            .filter_map(|row| match RowKind::of(row) {
                RowKind::Question { choices } => choices,
                _ => None,
            })
            .collect();
        for list in self.lists.keys().filter(|list| !used.contains(*list)) {
            problems.push(Problem::new(
                choices.path.display().to_string(),
                format!("no question uses the list {list}"),
            ));
        }
        let mut seen = HashSet::new();
        for row in &choices.rows {
            let (list, name) = (row.cell("list_name"), row.cell("name"));
            if name.is_empty() || name.contains([' ', '/', '#']) {
                problems.push(Problem::new(choices.place(row), format!("{name:?} is not a choice name")));
            }
            if !seen.insert((list, name)) {
                problems.push(Problem::new(choices.place(row), format!("{name} stands twice in {list}")));
            }
            problems.extend(self.translations(choices, row, "label", true));
        }
        problems.extend(self.area_lists());
        problems
    }

    /// The area lists are areas.csv written out again, so that the form stands alone in other tools.
    fn area_lists(&self) -> Option<Problem> {
        let choices = &self.form.choices;
        let questions = &self.pack.description.lineages[self.lineage].area_questions;
        let mut expected = choices.clone();
        expected.rows.clear();
        expected.append(areas::choice_rows(&self.pack.areas, questions, choices));
        let expected: Vec<&Vec<String>> = expected.rows.iter().map(|row| &row.cells).collect();
        let found: Vec<&Vec<String>> = choices
            .rows
            .iter()
            .filter(|row| questions.iter().any(|question| question == row.cell("list_name")))
            .map(|row| &row.cells)
            .collect();
        (expected != found).then(|| {
            Problem::new(
                choices.path.display().to_string(),
                "the area lists differ from areas.csv: run `cargo xtask pack areas`",
            )
        })
    }

    fn settings(&self) -> Option<Problem> {
        let settings = &self.form.settings;
        let form_id = settings.rows.first().map_or("", |row| row.cell("form_id"));
        (settings.rows.len() != 1 || form_id != self.lineage).then(|| {
            Problem::new(
                settings.path.display().to_string(),
                format!("one row with the form_id {} belongs here, not {form_id:?}", self.lineage),
            )
        })
    }

    fn entities(&self) -> Vec<Problem> {
        let (survey, entities) = (&self.form.survey, &self.form.entities);
        let mut problems = Vec::new();
        let repeat_of: HashMap<&str, Option<&str>> = entities
            .rows
            .iter()
            .map(|row| (row.cell("list_name"), references(row.cell("repeat")).first().copied()))
            .collect();
        for row in &entities.rows {
            problems.extend(self.unresolved(entities, row));
        }
        let mut seen = HashSet::new();
        for row in survey.rows.iter().filter(|row| !row.cell("save_to").is_empty()) {
            let save_to = row.cell("save_to");
            let mut complain = |what: String| problems.push(Problem::new(survey.place(row), what));
            let Some((list, property)) = save_to.split_once('#') else {
                complain(format!("{save_to:?} does not name its list as list#property"));
                continue;
            };
            if !is_question_name(property) || matches!(property, "name" | "label") {
                complain(format!("{property:?} is not a property name"));
            }
            if !seen.insert(save_to) {
                complain(format!("two questions save to {save_to}"));
            }
            match repeat_of.get(list) {
                None => complain(format!("there is no entity list {list}")),
                Some(repeat) if self.names.get(row.cell("name")) != Some(repeat) => {
                    complain(format!("{save_to} is saved outside the repeat of its list"));
                }
                Some(_) => {}
            }
        }
        problems
    }

    fn rules(&self) -> Vec<Problem> {
        let rules = &self.form.rules;
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        for row in &rules.rows {
            let mut complain = |what: String| problems.push(Problem::new(rules.place(row), what));
            let (id, level) = (row.cell("id"), row.cell("level"));
            if id.is_empty() || !seen.insert(id) {
                complain(format!("the rule {id:?} stands twice or has no id"));
            }
            if !matches!(level, "block" | "warn" | "central") {
                complain(format!("{level:?} is not one of block, warn, central"));
            }
            if row.cell("expression").is_empty() {
                complain(format!("{id} states nothing"));
            }
            problems.extend(self.translations(rules, row, "message", true));
            problems.extend(self.unresolved(rules, row));
        }
        problems
    }

    /// pack.json names questions too.
    fn description(&self) -> Vec<Problem> {
        let entry = &self.pack.description.lineages[self.lineage];
        let named =
            entry.area_questions.iter().chain([&entry.visit_date_question]).chain(&entry.person_repeat);
        named
            .filter(|name| !self.names.contains_key(name.as_str()))
            .map(|name| {
                let place = self.pack.folder.join("pack.json").display().to_string();
                Problem::new(place, format!("the form {} has no {name}", self.lineage))
            })
            .collect()
    }

    /// A text exists in every language of the pack, or, when it may be left out, in none.
    fn translations(&self, sheet: &Sheet, row: &Row, kind: &str, needed: bool) -> Vec<Problem> {
        let languages = &self.pack.description.languages;
        let missing: BTreeSet<&str> = languages
            .iter()
            .filter(|language| {
                sheet.translated(kind, language).is_none_or(|column| row.cell(column).is_empty())
            })
            .map(String::as_str)
            .collect();
        let problem = !missing.is_empty() && (needed || missing.len() < languages.len());
        let missing: Vec<&str> = missing.into_iter().collect();
        problem
            .then(|| Problem::new(sheet.place(row), format!("no {kind} in {}", missing.join(", "))))
            .into_iter()
            .collect()
    }

    /// Each `${name}` in a row's cells names a row of the survey.
    fn unresolved(&self, sheet: &Sheet, row: &Row) -> Vec<Problem> {
        row.cells
            .iter()
            .flat_map(|cell| references(cell))
            .filter(|name| !self.names.contains_key(name))
            .map(|name| Problem::new(sheet.place(row), format!("${{{name}}} names no question")))
            .collect()
    }
}

fn is_question_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The names in a text's `${name}` references.
fn references(text: &str) -> Vec<&str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.trim())).collect()
}
