//! Secondary instances: lists where they look like lists, documents where they do not.

use std::collections::{BTreeMap, HashMap};

use roxmltree::Node;

use crate::form::{DocIndex, ExternalFile, ListIndex};
use crate::list::ChoiceList;
use crate::xform::texts::{Itext, TextPiece};
use crate::xml::XmlDoc;

/// More lists or documents than any form has.
pub(crate) const MAX_INSTANCES: usize = 10_000;

/// Labels with outputs, by row: what each language says.
pub(crate) type LiveLabels = BTreeMap<u32, Vec<Vec<TextPiece>>>;

/// All that `instance()` can name.
#[derive(Default)]
pub(crate) struct Secondary {
    pub(crate) lists: Vec<ChoiceList>,
    pub(crate) list_names: HashMap<String, ListIndex>,
    pub(crate) docs: Vec<XmlDoc>,
    pub(crate) doc_names: HashMap<String, DocIndex>,
    /// What the choices of a list say that shows answers; read once the questions are known.
    pub(crate) live_labels: Vec<(ListIndex, LiveLabels)>,
    /// Those that lie in files.
    pub(crate) files: Vec<ExternalFile>,
}

impl Secondary {
    pub(crate) fn add_list(&mut self, name: &str, list: ChoiceList) -> ListIndex {
        // One too many is told by whoever loads the form.
        let index = ListIndex(self.lists.len().min(MAX_INSTANCES) as u16);
        if self.lists.len() <= MAX_INSTANCES {
            self.lists.push(list);
        }
        if !name.is_empty() {
            self.list_names.entry(name.to_owned()).or_insert(index);
        }
        index
    }

    /// The content of an `<instance id="…">`, or of a file's element.
    pub(crate) fn add(&mut self, id: &str, content: Node<'_, '_>, itext: &Itext) {
        match list_of(id, content, itext) {
            Some(list) => {
                let index = self.add_list(id, list);
                self.live_labels.push((index, live_labels_of(content, itext)));
            }
            None => {
                if self.docs.len() > MAX_INSTANCES {
                    return;
                }
                let index = DocIndex(self.docs.len() as u16);
                let around = content.parent_element().filter(|node| node.tag_name().name() == "instance");
                self.docs.push(XmlDoc::of_element(around.unwrap_or(content)));
                self.doc_names.entry(id.to_owned()).or_insert(index);
            }
        }
    }
}

fn live_labels_of(root: Node<'_, '_>, itext: &Itext) -> LiveLabels {
    let items = root.children().filter(Node::is_element);
    let id = |item: Node<'_, '_>| {
        let field = item.children().find(|field| field.tag_name().name() == "itextId");
        field.and_then(|field| field.text()).unwrap_or_default().trim().to_owned()
    };
    let texts = items.enumerate().map(|(row, item)| (row as u32, itext.get(&id(item), "")));
    texts.filter_map(|(row, texts)| Some((row, with_outputs(&texts)?))).collect()
}

/// What each language says, if any of it shows an answer.
pub(crate) fn with_outputs(texts: &[&[TextPiece]]) -> Option<Vec<Vec<TextPiece>>> {
    let shows = |piece: &TextPiece| matches!(piece, TextPiece::Output(_));
    texts
        .iter()
        .any(|pieces| pieces.iter().any(shows))
        .then(|| texts.iter().map(|text| text.to_vec()).collect())
}

/// `root` with nothing but `item`s, and these with nothing but texts by name.
fn list_of(id: &str, root: Node<'_, '_>, itext: &Itext) -> Option<ChoiceList> {
    if root.tag_name().name() != "root" || root.attributes().len() > 0 {
        return None;
    }
    let items: Vec<Node<'_, '_>> = root.children().filter(Node::is_element).collect();
    let mut columns: Vec<&str> = Vec::new();
    for item in &items {
        if item.tag_name().name() != "item" || item.attributes().len() > 0 {
            return None;
        }
        let mut seen: Vec<&str> = Vec::new();
        for field in item.children().filter(Node::is_element) {
            let name = field.tag_name().name();
            let plain = field.attributes().len() == 0 && !field.children().any(|child| child.is_element());
            if !plain || seen.contains(&name) {
                return None;
            }
            seen.push(name);
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
    }
    let text = |item: &Node<'_, '_>, name: &str| -> Box<str> {
        let field = item.children().find(|field| field.is_element() && field.tag_name().name() == name);
        field.and_then(|field| field.text()).unwrap_or_default().trim().into()
    };
    let names: Vec<Box<str>> = items.iter().map(|item| text(item, "name")).collect();
    let languages = itext.languages.len().max(1);
    let mut labels: Vec<Vec<Box<str>>> = vec![Vec::with_capacity(items.len()); languages];
    for item in &items {
        let translated = text(item, "itextId");
        let by_language = itext.get(&translated, "");
        let plain = text(item, "label");
        for (language, labels) in labels.iter_mut().enumerate() {
            let own = by_language.get(language).map(|pieces| plain_text(pieces)).unwrap_or_default();
            labels.push(if own.is_empty() { plain.clone() } else { own.into() });
        }
    }
    let has_itext = columns.contains(&"itextId");
    let extras: Vec<(Box<str>, Vec<Box<str>>)> = columns
        .into_iter()
        .filter(|name| !(matches!(*name, "name" | "label") || has_itext && *name == "itextId"))
        .map(|name| (Box::from(name), items.iter().map(|item| text(item, name)).collect()))
        .collect();
    let mut media = BTreeMap::new();
    for kind in ["image", "audio", "video", "big-image"] {
        let file = |item: &Node<'_, '_>, language: usize| -> Box<str> {
            let pieces = itext.get(&text(item, "itextId"), kind);
            let told = pieces.get(language).map(|pieces| plain_text(pieces)).unwrap_or_default();
            told.rsplit('/').next().unwrap_or_default().into()
        };
        let files: Vec<Vec<Box<str>>> =
            (0..languages).map(|language| items.iter().map(|item| file(item, language)).collect()).collect();
        if files.iter().flatten().any(|file| !file.is_empty()) {
            media.insert(kind, files);
        }
    }
    let column = |texts: Vec<Box<str>>| texts.into_iter().collect();
    let extras = extras.into_iter().map(|(name, texts)| (name, column(texts))).collect();
    let media =
        media.into_iter().map(|(kind, files)| (kind, files.into_iter().map(column).collect())).collect();
    let labels = labels.into_iter().map(column).collect();
    Some(ChoiceList::new(id, column(names), labels, extras).with_media(media))
}

/// The text without its outputs.
pub(crate) fn plain_text(pieces: &[TextPiece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            TextPiece::Text(text) => text.as_str(),
            TextPiece::Output(_) => "",
        })
        .collect()
}
