//! The body of an XForm: which place is asked how, and which places repeat.

use std::collections::HashMap;

use roxmltree::Node;

/// Controls, groups, repeats and actions of one form.
pub(crate) const MAX_CONTROLS: usize = 30_000;
/// Bytes of one path from the root. A short form could name thousands of places in one group of an endless name.
pub(crate) const MAX_PATH_BYTES: usize = 4_096;

/// What the body says.
#[derive(Default)]
pub(crate) struct Body<'x, 'i> {
    /// By path: the first control or group on it.
    pub(crate) controls: HashMap<String, Node<'x, 'i>>,
    /// By path.
    pub(crate) repeats: HashMap<String, Node<'x, 'i>>,
    /// Every `setvalue` there, with the element it stands in, that one's path, and the innermost repeat around it.
    pub(crate) actions: Vec<ActionPlace<'x, 'i>>,
    /// Elements in the place of a control that are none.
    pub(crate) unknown: Vec<Node<'x, 'i>>,
    /// Those met so far; beyond the limit none is looked at.
    pub(crate) count: usize,
}

/// A `setvalue` and what it waits for.
#[derive(Clone)]
pub(crate) struct ActionPlace<'x, 'i> {
    pub(crate) node: Node<'x, 'i>,
    /// The path of the control or repeat it stands in; empty in the model.
    pub(crate) around: String,
    /// It stands directly in a repeat.
    pub(crate) in_repeat: bool,
}

/// The names of what a person answers.
pub(crate) const CONTROLS: [&str; 9] =
    ["input", "select", "select1", "rank", "range", "upload", "trigger", "secret", "textarea"];

/// What else may stand in the body, a group or a repeat.
const BESIDE_CONTROLS: [&str; 6] = ["label", "hint", "help", "setgeopoint", "recordaudio", "message"];

impl<'x, 'i> Body<'x, 'i> {
    /// `bind_ids` finds the path of a control that names its bind.
    pub(crate) fn read(body: Option<Node<'x, 'i>>, bind_ids: &HashMap<&str, String>) -> Self {
        let mut found = Self::default();
        if let Some(body) = body {
            found.walk(body, "", bind_ids);
        }
        found
    }

    /// Nests no deeper than the document, which is limited.
    fn walk(&mut self, node: Node<'x, 'i>, around: &str, bind_ids: &HashMap<&str, String>) {
        for child in node.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            if matches!(name, "setvalue" | "repeat" | "group") || CONTROLS.contains(&name) {
                self.count += 1;
            }
            if self.count > MAX_CONTROLS {
                return;
            }
            let own = child
                .attribute("ref")
                .or_else(|| child.attribute("nodeset"))
                .map(|reference| absolute(reference, around))
                .or_else(|| child.attribute("bind").and_then(|id| bind_ids.get(id).cloned()));
            match name {
                "setvalue" => self.actions.push(ActionPlace {
                    node: child,
                    around: around.to_owned(),
                    in_repeat: node.tag_name().name() == "repeat",
                }),
                "repeat" => {
                    let path = own.unwrap_or_else(|| around.to_owned());
                    self.repeats.entry(path.clone()).or_insert(child);
                    self.walk(child, &path, bind_ids);
                }
                "group" => {
                    if let Some(path) = &own {
                        self.controls.entry(path.clone()).or_insert(child);
                    }
                    self.walk(child, own.as_deref().unwrap_or(around), bind_ids);
                }
                _ if CONTROLS.contains(&name) => {
                    let path = own.unwrap_or_default();
                    self.controls.entry(path.clone()).or_insert(child);
                    self.walk(child, &path, bind_ids);
                }
                _ if !CONTROLS.contains(&node.tag_name().name()) && !BESIDE_CONTROLS.contains(&name) => {
                    self.unknown.push(child);
                }
                _ => {}
            }
        }
    }
}

/// A reference as a path from the root, without positions and predicates: `./b` in `/data/a` is `/data/a/b`. One that is
/// longer than any place's leads nowhere and is empty.
pub(crate) fn absolute(reference: &str, around: &str) -> String {
    let reference = reference.trim();
    let mut steps: Vec<&str> = Vec::new();
    let relative = !reference.starts_with('/');
    if relative {
        steps.extend(around.split('/').filter(|step| !step.is_empty()));
    }
    let mut depth = 0_i32;
    let mut from = 0;
    let mut parts = Vec::new();
    for (at, c) in reference.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '/' if depth <= 0 => {
                parts.push(&reference[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&reference[from..]);
    for part in parts {
        match part.split('[').next().unwrap_or(part).trim() {
            "" | "." | "current()" => {}
            ".." => {
                steps.pop();
            }
            name => steps.push(name),
        }
    }
    let path = format!("/{}", steps.join("/"));
    if path.len() > MAX_PATH_BYTES { String::new() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_made_absolute_and_lose_their_predicates() {
        assert_eq!(absolute("/data/a[position() = ../b/c]/d", ""), "/data/a/d");
        assert_eq!(absolute("./b", "/data/a"), "/data/a/b");
        assert_eq!(absolute("../b", "/data/a"), "/data/b");
        assert_eq!(absolute(" b ", "/data"), "/data/b");
    }
}
