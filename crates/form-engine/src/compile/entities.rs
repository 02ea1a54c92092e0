//! The entities sheet and the `save_to` column: which record or instance an entity is, and what ODK refuses of them.

use std::collections::HashMap;

use crate::compile::expressions::Declared;
use crate::compile::is_name;
use crate::compile::table::{Row, Table};
use crate::diagnostics::{Report, Said, Trouble, quoted};
use crate::form::{Question, QuestionIndex, QuestionKind, Scope, ScopeIndex};
use crate::template::{Piece, pieces};
use crate::xpath::resolve::Names;

/// Properties and entity lists that ODK keeps for itself begin so.
const RESERVED: &str = "__";

/// What ODK refuses of a row.
pub(crate) fn check_declaration(row: Row<'_>, list: &str, twice: bool, report: &mut Report) {
    if twice {
        tell(
            report,
            row,
            "list_name",
            quoted(list),
            ("chaque liste une seule fois", "each list once"),
            ("Réunissez les deux lignes.", "Make the two rows one."),
        );
    }
    if list.starts_with(RESERVED) || list.contains('.') || !is_name(list) {
        tell(
            report,
            row,
            "list_name",
            quoted(list),
            (
                "des lettres, chiffres, _ et -, sans __ en tête",
                "letters, digits, _ and -, without __ in front",
            ),
            ("Corrigez le nom de la liste.", "Correct the list's name."),
        );
    }
    let has = |column: &str| !row.get(column).is_empty();
    let empty = crate::diagnostics::EMPTY_CELL;
    if has("update_if") && !has("entity_id") {
        tell(
            report,
            row,
            "entity_id",
            empty,
            ("l'identifiant de l'entité à changer", "the id of the entity to change"),
            ("Donnez entity_id.", "Give entity_id."),
        );
    } else if has("entity_id") && has("create_if") && !has("update_if") {
        tell(
            report,
            row,
            "update_if",
            empty,
            (
                "la condition du changement, avec entity_id et create_if",
                "the condition of the change, with entity_id and create_if",
            ),
            ("Donnez update_if, ou videz entity_id.", "Give update_if, or empty entity_id."),
        );
    } else if !has("entity_id") && !has("label") {
        tell(
            report,
            row,
            "label",
            empty,
            ("le libellé de l'entité créée", "the label of the entity that is made"),
            ("Donnez label.", "Give label."),
        );
    }
}

fn tell(
    report: &mut Report,
    row: Row<'_>,
    column: &str,
    found: impl Into<Said>,
    expected: impl Into<Said>,
    fix: (&str, &str),
) {
    report.tolerate(row.place(column), Trouble::told("bad-entity", found, expected).fix(fix.0, fix.1));
}

/// The questions that a row of the entities sheet is about.
#[derive(Default)]
pub(crate) struct References {
    /// Those saved to it.
    saved: Vec<(QuestionIndex, ScopeIndex)>,
    /// Those its cells name.
    named: Vec<(QuestionIndex, ScopeIndex)>,
}

impl References {
    pub(crate) fn gather(
        row: Row<'_>,
        list: &str,
        only: bool,
        survey: &Table<'_>,
        rows: &[Option<usize>],
        names: &Names<'_>,
    ) -> Self {
        let mut references = Self::default();
        for (question, at) in names.questions.iter().zip(rows) {
            let Some(at) = at else { continue };
            let saved = match survey.row(*at).get("save_to").split_once('#') {
                Some((named, _)) => named == list,
                None => only && !survey.row(*at).get("save_to").is_empty(),
            };
            if saved {
                references.saved.push((question.index, question.scope));
            }
        }
        for column in ["label", "entity_id", "create_if", "update_if"] {
            for piece in pieces(row.get(column)) {
                let Piece::Reference(name) = piece else { continue };
                if let Some(index) = names.by_name.get(name) {
                    references.named.push((*index, names.questions[index.as_usize()].scope));
                }
            }
        }
        references
    }

    /// The record or repeat that the entity is: where its properties come from, or else its deepest reference. All must
    /// be on one way down.
    pub(crate) fn scope(&self, scopes: &[Scope], row: Row<'_>, report: &mut Report) -> Option<ScopeIndex> {
        let all = || self.saved.iter().chain(&self.named);
        let deepest = |of: &mut dyn Iterator<Item = ScopeIndex>| {
            of.fold(ScopeIndex::ROOT, |deepest, scope| {
                if scopes[scope.as_usize()].depth > scopes[deepest.as_usize()].depth {
                    scope
                } else {
                    deepest
                }
            })
        };
        let lowest = deepest(&mut all().map(|(_, scope)| *scope));
        let scope = if self.saved.is_empty() {
            lowest
        } else {
            deepest(&mut self.saved.iter().map(|(_, scope)| *scope))
        };
        let astray = all().any(|(_, scope)| !is_around(*scope, lowest, scopes))
            || self.saved.iter().any(|(_, saved)| *saved != scope);
        if astray {
            report.tolerate(
                row.place("list_name"),
                Trouble::told(
                    "scattered-entity",
                    (
                        format!(
                            "{}, dont les questions sont dans plusieurs repeats",
                            quoted(row.get("list_name"))
                        ),
                        format!("{}, whose questions are in several repeats", quoted(row.get("list_name"))),
                    ),
                    (
                        "des questions d'un seul repeat, ou hors de tout repeat",
                        "questions of one repeat, or of none",
                    ),
                )
                .fix(
                    "Copiez la valeur par un calculate dans le même repeat.",
                    "Copy the value with a calculate into the same repeat.",
                ),
            );
        }
        Some(scope)
    }

    /// The group or repeat in which ODK would declare the entity.
    pub(crate) fn container(&self, names: &Names<'_>) -> Requested {
        let path = |index: QuestionIndex| path_to(names.questions[index.as_usize()].parent, names);
        let lineages: Vec<Path> = self.saved.iter().map(|(index, _)| path(*index)).collect();
        let boundary = |path: &Path| {
            let ends = path.iter().rposition(|index| names.questions[index.as_usize()].opens.is_some());
            path[..ends.map_or(0, |at| at + 1)].to_vec()
        };
        let repeats =
            |path: &Path| path.iter().filter(|i| names.questions[i.as_usize()].opens.is_some()).count();
        let deeper = |a: Path, b: Path| {
            let key = |path: &Path| (repeats(path), path.len() - boundary(path).len());
            if key(&b) > key(&a) { b } else { a }
        };
        let all = || self.saved.iter().chain(&self.named).map(|(index, _)| path(*index));
        let scope = all().map(|path| boundary(&path)).reduce(deeper).unwrap_or_default();
        let common = lineages
            .iter()
            .cloned()
            .reduce(|a, b| a.iter().zip(&b).take_while(|(a, b)| a == b).map(|(a, _)| *a).collect());
        let path = match common {
            Some(common) => {
                let lowest = lineages.iter().map(&boundary).reduce(deeper).unwrap_or_default();
                deeper(lowest, common)
            }
            None => all().reduce(deeper).unwrap_or_default(),
        };
        Requested { scope, path, lineages }
    }
}

/// Groups and repeats from the outermost inwards; empty for the record.
type Path = Vec<QuestionIndex>;

/// Where ODK would put an entity.
pub(crate) struct Requested {
    /// The repeat it is of.
    scope: Path,
    path: Path,
    /// What is around each question saved to it.
    lineages: Vec<Path>,
}

fn path_to(parent: Option<QuestionIndex>, names: &Names<'_>) -> Path {
    let mut path = Vec::new();
    let mut around = parent;
    while let Some(index) = around {
        path.push(index);
        around = names.questions[index.as_usize()].parent;
    }
    path.reverse();
    path
}

fn is_around(outer: ScopeIndex, inner: ScopeIndex, scopes: &[Scope]) -> bool {
    let mut scope = inner;
    loop {
        if scope == outer {
            return true;
        }
        if scope == ScopeIndex::ROOT {
            return false;
        }
        scope = scopes[scope.as_usize()].parent;
    }
}

/// ODK declares an entity inside a group or repeat, and at most one in each.
pub(crate) fn check_containers(
    entities: &[Declared],
    table: &Table<'_>,
    names: &Names<'_>,
    report: &mut Report,
) {
    let mut taken: HashMap<Path, u32> = HashMap::new();
    for declared in entities {
        let Requested { scope, path, lineages } = &declared.requested;
        // Saved above the repeat that its label reads: ODK sets no place aside for it.
        if path.len() < scope.len() {
            continue;
        }
        let free = (scope.len()..=path.len())
            .rev()
            .map(|depth| &path[..depth])
            .find(|place| !taken.contains_key(*place));
        let reserved = lineages.iter().any(|lineage| taken.contains_key(lineage));
        let Some(place) = free.filter(|place| !(reserved && place.len() < path.len())) else {
            let name = scope.last().map_or("survey", |index| &*names.questions[index.as_usize()].name);
            let expected = (
                format!("une entité au plus dans chaque groupe ou repeat de {name}"),
                format!("at most one entity in each group or repeat of {name}"),
            );
            let place = table.place(declared.row, "list_name");
            let trouble = Trouble::told("crowded-entity", quoted(&declared.entity.list), expected).fix(
                "Mettez les questions de cette entité dans un groupe à elles.",
                "Move this entity's questions into a group of their own.",
            );
            report.error(place, trouble);
            continue;
        };
        for lineage in lineages {
            for depth in place.len()..=lineage.len() {
                taken.insert(lineage[..depth].to_vec(), declared.row);
            }
        }
        taken.insert(place.to_vec(), declared.row);
    }
}

/// The entity and the property that a `save_to` cell names.
pub(crate) fn save_to(
    text: &str,
    question: &Question,
    entities: &[Declared],
    scopes: &[Scope],
    row: Row<'_>,
    report: &mut Report,
) -> Result<(usize, Box<str>), Trouble> {
    let (list, property) =
        text.split_once('#').map_or((None, text), |(list, property)| (Some(list), property));
    if matches!(question.kind(), QuestionKind::Group | QuestionKind::Repeat) {
        tell(
            report,
            row,
            "save_to",
            quoted(text),
            ("save_to sur une question, pas sur un groupe", "save_to on a question, not on a group"),
            ("Videz cette cellule.", "Empty this cell."),
        );
    }
    if list.is_none() && entities.len() > 1 && report.is_strict() {
        return Err(prefix_missing(text));
    }
    let named = |declared: &Declared| list.is_none_or(|list| list == &*declared.entity.list);
    let here = |declared: &Declared| declared.entity.scope == question.scope;
    let fits: Vec<usize> =
        (0..entities.len()).filter(|at| named(&entities[*at]) && here(&entities[*at])).collect();
    match fits.as_slice() {
        [at] => {
            check_property(text, property, &entities[*at], row, report)?;
            Ok((*at, property.into()))
        }
        [] => {
            let depth = scopes[question.scope.as_usize()].depth;
            let expected = if entities.iter().any(named) && depth > 0 {
                ("une entité de ce repeat", "an entity of this repeat")
            } else {
                (
                    "une ligne de la feuille \"entities\" pour ce repeat ou pour l'enregistrement",
                    "a row of the sheet \"entities\" for this repeat or the record",
                )
            };
            Err(Trouble::told("no-entity", quoted(text), expected)
                .fix("Ajoutez une ligne dans entities.", "Add a row to entities."))
        }
        _ => Err(prefix_missing(text)),
    }
}

fn prefix_missing(text: &str) -> Trouble {
    Trouble::told(
        "ambiguous-entity",
        quoted(text),
        (
            "liste#propriété, puisqu'il y a plusieurs entités",
            "list#property, since several entities stand here",
        ),
    )
    .fix("Écrivez liste#propriété.", "Write list#property.")
}

fn check_property(
    text: &str,
    property: &str,
    declared: &Declared,
    row: Row<'_>,
    report: &mut Report,
) -> Result<(), Trouble> {
    if !is_name(property) {
        return Err(Trouble::told(
            "bad-property",
            quoted(text),
            ("une propriété : lettres, chiffres, _, - et .", "a property: letters, digits, _, - and ."),
        )
        .fix("Corrigez le nom de la propriété.", "Correct the property's name."));
    }
    let lower = property.to_lowercase();
    if lower == "name" || lower == "label" || property.starts_with(RESERVED) {
        tell(
            report,
            row,
            "save_to",
            quoted(text),
            ("un nom qu'ODK ne se réserve pas", "a name that ODK does not keep for itself"),
            ("Changez le nom de la propriété.", "Change the property's name."),
        );
    }
    if let Some((_, first)) = declared.properties.iter().find(|(known, _)| &**known == property) {
        tell(
            report,
            row,
            "save_to",
            (
                format!("{}, déjà à la ligne {first}", quoted(text)),
                format!("{}, already at row {first}", quoted(text)),
            ),
            ("chaque propriété une seule fois", "each property once"),
            ("Changez le nom de la propriété.", "Change the property's name."),
        );
    }
    Ok(())
}
