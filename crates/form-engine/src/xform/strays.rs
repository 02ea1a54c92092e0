//! What leads nowhere in an XForm: a slip of the keyboard would take a question or a rule away without a word.

use std::collections::{HashMap, HashSet};

use roxmltree::Node;

use crate::diagnostics::{Place, Report, Said, Trouble, quoted};
use crate::xpath::functions::distance;

/// So many are compared with every name of the form.
const MAX_COMPARED: usize = 20;

/// A bind's own attributes; those with a prefix are anybody's.
const OF_A_BIND: [&str; 8] =
    ["id", "nodeset", "type", "relevant", "calculate", "constraint", "required", "readonly"];

/// The data types of ODK XForms, and those of XML Schema that engines take for one of them.
const DATA_TYPES: [&str; 21] = [
    "string", "int", "integer", "long", "boolean", "decimal", "double", "float", "date", "time", "dateTime",
    "geopoint", "geotrace", "geoshape", "binary", "barcode", "intent", "select", "select1", "rank", "text",
];

/// A reference of the body or of a bind, and the path it comes to.
pub(crate) struct Aimed<'p, 'x, 'i> {
    pub(crate) node: Node<'x, 'i>,
    pub(crate) path: &'p str,
}

/// Tells of references to places that the record does not have.
pub(crate) fn tell_lost<'p, 'x: 'p, 'i: 'x>(
    aimed: impl Iterator<Item = Aimed<'p, 'x, 'i>>,
    known: &HashSet<&str>,
    line: impl Fn(Node<'_, '_>) -> u32,
    report: &mut Report,
) {
    let is_lost = |aimed: &Aimed<'_, '_, '_>| !known.contains(aimed.path) && !aimed.path.contains('@');
    let mut aimed: Vec<Aimed<'_, '_, '_>> = aimed.filter(is_lost).collect();
    aimed.sort_by_key(|aimed| aimed.node.range().start);
    for (at, Aimed { node, path }) in aimed.iter().enumerate() {
        let tag = node.tag_name().name();
        let written = ["ref", "nodeset", "bind"].iter().find_map(|name| node.attribute(*name));
        let found: Said = match written {
            Some(written) => {
                (format!("<{tag}> de {}", quoted(written)), format!("<{tag}> of {}", quoted(written))).into()
            }
            None => (format!("<{tag}> sans ref"), format!("<{tag}> without a ref")).into(),
        };
        let trouble = Trouble::told(
            "unknown-reference",
            found,
            ("une place du premier <instance>", "a place of the first <instance>"),
        );
        let near = if at < MAX_COMPARED { nearest(path, known) } else { None };
        let fixed = match near {
            Some(near) => meant(trouble, near),
            None => trouble.fix(
                "Corrigez le chemin, ou ajoutez l'élément à l'instance : rien n'en est lu.",
                "Correct the path, or add the element to the instance: nothing of it is read.",
            ),
        };
        report.warn(Place::new("XForm", line(*node), tag), fixed);
    }
}

/// So many letters may be wrong in a word of this length.
fn slips(word: &str) -> usize {
    1 + word.len() / 5
}

/// The word that this one is most nearly.
fn nearest_word<'k>(word: &str, known: impl IntoIterator<Item = &'k &'k str>) -> Option<&'k str> {
    let near = known.into_iter().map(|known| (distance(word, known), *known));
    near.min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= slips(word))
        .map(|(_, known)| known)
}

fn meant(trouble: Trouble, near: &str) -> Trouble {
    trouble.fix(format!("Vouliez-vous écrire {near} ?"), format!("Did you mean {near}?"))
}

/// A place whose name and parents are nearly those.
fn nearest<'k>(path: &str, known: &HashSet<&'k str>) -> Option<&'k str> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (wanted, around) = (name(path), path.rsplit_once('/').map_or("", |(around, _)| around));
    let near = known.iter().filter(|known| known.matches('/').count() > 1).map(|known| {
        let elsewhere = usize::from(!known.starts_with(around));
        (distance(&wanted, &name(known)) * 2 + elsewhere, *known)
    });
    near.min().filter(|(distance, _)| *distance <= 2 * slips(&wanted)).map(|(_, known)| known)
}

/// Tells of elements in the body that no engine knows.
pub(crate) fn tell_unknown(nodes: &[Node<'_, '_>], line: impl Fn(Node<'_, '_>) -> u32, report: &mut Report) {
    for node in nodes {
        let name = node.tag_name().name();
        let trouble = Trouble::told(
            "unknown-element",
            format!("<{name}>"),
            ("un contrôle, un groupe ou un repeat d'ODK XForms", "a control, group or repeat of ODK XForms"),
        );
        let near = nearest_word(name, super::body::CONTROLS.iter().chain(&["group", "repeat"]));
        let fixed = match near {
            Some(near) => meant(trouble, &format!("<{near}>")),
            None => trouble.fix(
                "Corrigez le nom : rien de cet élément n'est lu.",
                "Correct the name: nothing of this element is read.",
            ),
        };
        report.warn(Place::new("XForm", line(*node), name), fixed);
    }
}

/// Tells of types and attributes of binds that are nearly what somebody meant.
pub(crate) fn tell_binds(
    binds: &HashMap<String, Node<'_, '_>>,
    line: impl Fn(Node<'_, '_>) -> u32,
    report: &mut Report,
) {
    let mut binds: Vec<&Node<'_, '_>> = binds.values().collect();
    binds.sort_by_key(|bind| bind.range().start);
    for bind in binds {
        let place = |column: &str| Place::new("XForm", line(*bind), column);
        let data_type = bind.attribute("type").unwrap_or_default();
        let local = data_type.rsplit(':').next().unwrap_or_default().trim();
        if !local.is_empty() && !DATA_TYPES.contains(&local) {
            report.warn(
                place("type"),
                Trouble::told("unknown-type", quoted(data_type), DATA_TYPES.join(", ")).fix(
                    "Corrigez le type : il n'en est pas tenu compte.",
                    "Correct the type: no account is taken of it.",
                ),
            );
        }
        for attribute in bind.attributes().filter(|attribute| attribute.namespace().is_none()) {
            let name = attribute.name();
            if OF_A_BIND.contains(&name) {
                continue;
            }
            if let Some(near) = nearest_word(name, &OF_A_BIND) {
                report.warn(
                    place(name),
                    meant(Trouble::told("unknown-column", quoted(name), quoted(near)), near),
                );
            }
        }
    }
}
