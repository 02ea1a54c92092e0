//! Secondary instances: lists where they look like lists, documents where they do not.

use std::collections::{BTreeMap, HashMap, HashSet};

use roxmltree::Node;

use crate::columns::Texts;
use crate::diagnostics::{Said, Trouble, quoted};
use crate::form::{DocIndex, ExternalFile, ListIndex};
use crate::list::ChoiceList;
use crate::workbook::{MAX_CELL_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_ROWS};
use crate::xform::texts::{Itext, TextPiece};
use crate::xform::too_large;
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
    pub(crate) fn add(&mut self, id: &str, content: Node<'_, '_>, itext: &Itext) -> Result<(), Trouble> {
        match Table::of(content) {
            Some(table) => {
                let list = table.list(id, itext)?;
                let index = self.add_list(id, list);
                self.live_labels.push((index, table.live_labels(itext)));
            }
            None => {
                if self.docs.len() > MAX_INSTANCES {
                    return Ok(());
                }
                let index = DocIndex(self.docs.len() as u16);
                let around = content.parent_element().filter(|node| node.tag_name().name() == "instance");
                self.docs.push(XmlDoc::of_element(around.unwrap_or(content)));
                self.doc_names.entry(id.to_owned()).or_insert(index);
            }
        }
        Ok(())
    }
}

/// Places of a list before it is known whether they fit, borrowed from the form.
#[derive(Default)]
struct Table<'x> {
    columns: Vec<&'x str>,
    by_name: HashMap<&'x str, usize>,
    /// By row: column and text of those that are there.
    rows: Vec<Vec<(usize, &'x str)>>,
}

impl<'x> Table<'x> {
    /// `root` with nothing but `item`s, and these with nothing but texts by name; else none.
    fn of(root: Node<'x, '_>) -> Option<Self> {
        if root.tag_name().name() != "root" || root.attributes().len() > 0 {
            return None;
        }
        let mut table = Self::default();
        for item in root.children().filter(Node::is_element) {
            if item.tag_name().name() != "item" || item.attributes().len() > 0 {
                return None;
            }
            let mut row: Vec<(usize, &str)> = Vec::new();
            let mut seen: HashSet<usize> = HashSet::new();
            for field in item.children().filter(Node::is_element) {
                let is_plain =
                    field.attributes().len() == 0 && !field.children().any(|child| child.is_element());
                let column = table.column(field.tag_name().name());
                if !is_plain || !seen.insert(column) {
                    return None;
                }
                row.push((column, field.text().unwrap_or_default().trim()));
            }
            table.rows.push(row);
        }
        Some(table)
    }

    fn column(&mut self, name: &'x str) -> usize {
        let columns = &mut self.columns;
        *self.by_name.entry(name).or_insert_with(|| {
            columns.push(name);
            columns.len() - 1
        })
    }

    fn list(&self, id: &str, itext: &Itext) -> Result<ChoiceList, Trouble> {
        let languages = itext.languages.len().max(1);
        self.check(id, languages)?;
        let copied = |name: &str| -> Result<Texts, Trouble> {
            self.column_of(name).map(|text| cell(id, text, itext)).collect()
        };
        let names = copied("name")?;
        let ids: Vec<&str> = self.column_of("itextId").collect();
        let mut labels = vec![Texts::default(); languages];
        for (plain, translated) in self.column_of("label").zip(&ids) {
            let by_language = itext.get(translated, "");
            for (language, labels) in labels.iter_mut().enumerate() {
                let own = by_language.get(language).map(|pieces| plain_text(pieces)).unwrap_or_default();
                labels.push(cell(id, if own.is_empty() { plain } else { &own }, itext)?);
            }
        }
        let extras = self
            .columns
            .iter()
            .filter(|name| !matches!(**name, "name" | "label" | "itextId"))
            .map(|name| Ok((Box::from(*name), copied(name)?)))
            .collect::<Result<_, Trouble>>()?;
        let mut media = BTreeMap::new();
        for kind in ["image", "audio", "video", "big-image"] {
            let files = files(id, kind, &ids, itext)?;
            if files.iter().any(|files| !files.is_blank()) {
                media.insert(kind, files);
            }
        }
        Ok(ChoiceList::new(id, names, labels, extras).with_media(media))
    }

    /// What every row has there; blank where it has nothing.
    fn column_of(&self, name: &str) -> impl Iterator<Item = &'x str> {
        let column = self.by_name.get(name).copied();
        self.rows
            .iter()
            .map(move |row| row.iter().find(|(at, _)| Some(*at) == column).map_or("", |(_, text)| *text))
    }

    fn live_labels(&self, itext: &Itext) -> LiveLabels {
        let texts = self.column_of("itextId").map(|id| itext.get(id, ""));
        (0..).zip(texts).filter_map(|(row, texts)| Some((row, with_outputs(&texts, itext)?))).collect()
    }

    /// A few fields make many cells: each row has every column, and a label in every language.
    fn check(&self, id: &str, languages: usize) -> Result<(), Trouble> {
        let cells = self.rows.len().saturating_mul(self.columns.len() + languages);
        for (count, limit, (fr, en)) in [
            (self.columns.len(), MAX_COLUMNS, ("colonnes", "columns")),
            (self.rows.len(), MAX_ROWS, ("lignes", "rows")),
            (cells, MAX_CELLS, ("cellules", "cells")),
        ] {
            if count > limit {
                let found = (format!("{count} {fr}"), format!("{count} {en}"));
                return Err(too_large_in(id, found.into(), limit));
            }
        }
        Ok(())
    }
}

/// One cell of a list, if it fits.
fn cell<'t>(id: &str, text: &'t str, itext: &Itext) -> Result<&'t str, Trouble> {
    if text.len() > MAX_CELL_BYTES {
        let found = (format!("un texte de {} octets", text.len()), format!("a text of {} bytes", text.len()));
        return Err(too_large_in(id, found.into(), MAX_CELL_BYTES));
    }
    itext.room.take(text.len() + size_of::<u32>());
    itext.room.check()?;
    Ok(text)
}

/// Files beside the labels, by language and row.
fn files(id: &str, kind: &str, ids: &[&str], itext: &Itext) -> Result<Vec<Texts>, Trouble> {
    let mut files = vec![Texts::default(); itext.languages.len().max(1)];
    for translated in ids {
        let by_language = itext.get(translated, kind);
        for (language, files) in files.iter_mut().enumerate() {
            let told = by_language.get(language).map(|pieces| plain_text(pieces)).unwrap_or_default();
            files.push(cell(id, told.rsplit('/').next().unwrap_or_default(), itext)?);
        }
    }
    Ok(files)
}

fn too_large_in(id: &str, found: Said, limit: usize) -> Trouble {
    let list = quoted(id);
    too_large(
        (format!("la liste {list} avec {}", found.fr), format!("the list {list} with {}", found.en)),
        (format!("au plus {limit}"), format!("at most {limit}")),
    )
}

/// What each language says, if any of it shows an answer.
pub(crate) fn with_outputs(texts: &[&[TextPiece]], itext: &Itext) -> Option<Vec<Vec<TextPiece>>> {
    let mut pieces = texts.iter().copied().flatten();
    if !pieces.any(|piece| matches!(piece, TextPiece::Output(_))) {
        return None;
    }
    let length = texts.iter().copied().flatten().map(|piece| piece.len() + size_of::<TextPiece>()).sum();
    itext.room.take(length).then(|| texts.iter().map(|text| text.to_vec()).collect())
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
