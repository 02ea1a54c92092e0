//! XML documents that expressions can look into: secondary instances of a form, and the documents of recorded
//! expressions. Nodes stand in document order in one vector, each knowing where what is inside it ends.

use std::borrow::Cow;

/// More bytes than any XForm or attached document has. A larger one is refused unread.
pub const MAX_XFORM_BYTES: usize = 64 * 1024 * 1024;
/// More nodes than any form or attached document has.
const MAX_XML_NODES: u32 = 1_000_000;
/// Attributes of one element.
const MAX_XML_ATTRIBUTES: usize = 256;
/// Declarations of namespaces in one document.
const MAX_XML_NAMESPACES: usize = 2_000;
/// Bytes of one name with its prefix, and of one namespace. Both are kept with every node that has them.
const MAX_NAME_BYTES: usize = 255;
/// Elements inside elements. What walks a document may nest as deep.
pub(crate) const MAX_XML_DEPTH: usize = 256;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum XmlKind {
    Document,
    Element,
    Attribute,
    Text,
    Comment,
    Instruction,
}

#[derive(Debug)]
pub(crate) struct XmlNode {
    pub(crate) kind: XmlKind,
    pub(crate) parent: u32,
    /// One past the last node inside.
    pub(crate) end: u32,
    /// With its prefix.
    pub(crate) name: Box<str>,
    /// Empty for none.
    pub(crate) uri: Box<str>,
    /// A text's, comment's or attribute's.
    pub(crate) value: Box<str>,
}

impl XmlNode {
    pub(crate) fn local(&self) -> &str {
        self.name.rsplit_once(':').map_or(&*self.name, |(_, local)| local)
    }
}

/// One document. Node 0 is the document itself.
#[derive(Debug, Default)]
pub(crate) struct XmlDoc {
    /// What the document type calls its element; it stands before it like a sibling of that name.
    pub(crate) doctype: Box<str>,
    /// What `/` stands for: the document, or in a form its primary instance.
    pub(crate) root: u32,
    pub(crate) nodes: Vec<XmlNode>,
    /// The namespaces in force at the document's element, by prefix.
    pub(crate) namespaces: Vec<(Box<str>, Box<str>)>,
}

/// Parses XML within limits. A document type is refused unless `doctype`: it is the way to bombs and to other files.
pub(crate) fn parse(text: &str, doctype: bool) -> Result<roxmltree::Document<'_>, String> {
    if text.len() > MAX_XFORM_BYTES {
        return Err(format!("{} bytes of XML, more than {MAX_XFORM_BYTES}", text.len()));
    }
    check_tags(text)?;
    let options =
        roxmltree::ParsingOptions { allow_dtd: doctype, nodes_limit: MAX_XML_NODES, ..Default::default() };
    let document =
        roxmltree::Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    if is_too_deep(&document) {
        return Err(format!("more than {MAX_XML_DEPTH} elements inside each other"));
    }
    match document.descendants().filter_map(longest_name).find(|length| *length > MAX_NAME_BYTES) {
        Some(length) => Err(format!("a name or a namespace of {length} bytes, more than {MAX_NAME_BYTES}")),
        None => Ok(document),
    }
}

/// Of an element and its attributes.
fn longest_name(node: roxmltree::Node<'_, '_>) -> Option<usize> {
    let uri = |name: Option<&str>| name.map_or(0, str::len);
    let tag = node.document().input_text().get(node.range())?.strip_prefix('<')?;
    let own = tag.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(tag.len());
    node.attributes()
        .map(|attribute| attribute.range_qname().len().max(uri(attribute.namespace())))
        .chain([own, uri(node.tag_name().namespace())])
        .max()
        .filter(|_| node.is_element())
}

/// The parser compares every two attributes of an element, and every namespace with those around it. A tag holds no
/// `<`, so what stands between two of them is at least as much as one tag has.
fn check_tags(text: &str) -> Result<(), String> {
    if text.split('<').any(|tag| attributes_of(tag) > MAX_XML_ATTRIBUTES) {
        return Err(format!("more than {MAX_XML_ATTRIBUTES} attributes of one element"));
    }
    if text.matches("xmlns").nth(MAX_XML_NAMESPACES).is_some() {
        return Err(format!("more than {MAX_XML_NAMESPACES} namespaces"));
    }
    Ok(())
}

/// Equals signs outside of quotes, up to the end of the tag.
fn attributes_of(tag: &str) -> usize {
    let mut count = 0;
    let mut quote = None;
    for byte in tag.bytes() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => break,
            (None, b'=') => count += 1,
            (None, _) => {}
        }
    }
    count
}

/// The parser does not nest, and neither does this: what comes after may.
fn is_too_deep(document: &roxmltree::Document<'_>) -> bool {
    let mut at = document.root_element();
    let mut depth = 1;
    loop {
        if depth > MAX_XML_DEPTH {
            return true;
        }
        if let Some(child) = at.first_element_child() {
            (at, depth) = (child, depth + 1);
            continue;
        }
        loop {
            if let Some(next) = at.next_sibling_element() {
                at = next;
                break;
            }
            match at.parent_element() {
                Some(parent) => (at, depth) = (parent, depth - 1),
                None => return false,
            }
        }
    }
}

impl XmlDoc {
    /// Everything in a parsed document.
    pub(crate) fn of(document: &roxmltree::Document<'_>) -> Self {
        let mut doc = Self::default();
        doc.push(XmlKind::Document, 0, "", "", "");
        let children: Vec<_> = document.root().children().collect();
        doc.add_all(children, 0);
        doc.close(0);
        doc.note_namespaces(document.root_element());
        let declared =
            document.input_text().split_once("<!DOCTYPE").map_or("", |(_, rest)| rest.trim_start());
        let end = declared.find(|c: char| c.is_whitespace() || matches!(c, '>' | '[')).unwrap_or(0);
        doc.doctype = declared[..end].into();
        doc.root = doc.primary_instance().unwrap_or(0);
        doc
    }

    /// `/h:html/h:head/model/instance[1]`
    fn primary_instance(&self) -> Option<u32> {
        let mut at = 0;
        for name in ["html", "head", "model", "instance"] {
            let is_named = |child: &u32| self.node(*child).local() == name;
            at = self.children(at).find(is_named)?;
        }
        Some(at)
    }

    /// Where [`XmlDoc::of_element`] puts its element.
    pub(crate) const ELEMENT: u32 = 1;

    /// What one element holds, as a document of its own.
    pub(crate) fn of_element(element: roxmltree::Node<'_, '_>) -> Self {
        let mut doc = Self::default();
        doc.push(XmlKind::Document, 0, "", "", "");
        doc.add_all(vec![element], 0);
        doc.close(0);
        doc.note_namespaces(element);
        doc
    }

    fn note_namespaces(&mut self, element: roxmltree::Node<'_, '_>) {
        self.namespaces = element
            .namespaces()
            .map(|namespace| (namespace.name().unwrap_or_default().into(), namespace.uri().into()))
            .collect();
    }

    fn push(&mut self, kind: XmlKind, parent: u32, name: &str, uri: &str, value: &str) -> u32 {
        let at = self.nodes.len() as u32;
        self.nodes.push(XmlNode {
            kind,
            parent,
            end: at + 1,
            name: name.into(),
            uri: uri.into(),
            value: value.into(),
        });
        at
    }

    fn close(&mut self, node: u32) {
        self.nodes[node as usize].end = self.nodes.len() as u32;
    }

    /// Nests no deeper than [`MAX_XML_DEPTH`].
    fn add_all(&mut self, nodes: Vec<roxmltree::Node<'_, '_>>, parent: u32) {
        for node in nodes {
            if node.is_element() {
                let (name, uri) = qualified(node, node.tag_name());
                let at = self.push(XmlKind::Element, parent, &name, &uri, "");
                for attribute in node.attributes() {
                    let name = attribute_name(node, &attribute);
                    let uri = attribute.namespace().unwrap_or_default();
                    self.push(XmlKind::Attribute, at, &name, uri, attribute.value());
                }
                self.add_all(node.children().collect(), at);
                self.close(at);
            } else if node.is_text() {
                self.push(XmlKind::Text, parent, "", "", node.text().unwrap_or_default());
            } else if node.is_comment() {
                self.push(XmlKind::Comment, parent, "", "", node.text().unwrap_or_default());
            } else if let Some(instruction) = node.pi() {
                let value = instruction.value.unwrap_or_default();
                self.push(XmlKind::Instruction, parent, instruction.target, "", value);
            }
        }
    }

    pub(crate) fn node(&self, at: u32) -> &XmlNode {
        &self.nodes[at as usize]
    }

    pub(crate) fn children(&self, at: u32) -> impl Iterator<Item = u32> {
        let mut next = at + 1;
        let end = self.node(at).end;
        let has_children = matches!(self.node(at).kind, XmlKind::Document | XmlKind::Element);
        std::iter::from_fn(move || {
            while has_children && next < end {
                let child = next;
                next = self.node(child).end;
                if self.node(child).kind != XmlKind::Attribute {
                    return Some(child);
                }
            }
            None
        })
    }

    pub(crate) fn attributes(&self, at: u32) -> impl Iterator<Item = u32> {
        let end = if self.node(at).kind == XmlKind::Element { self.node(at).end } else { 0 };
        (at + 1..end).take_while(|next| self.node(*next).kind == XmlKind::Attribute)
    }

    /// The string-value (XPath 1.0, section 5).
    pub(crate) fn text(&self, at: u32) -> Cow<'_, str> {
        let node = self.node(at);
        if !matches!(node.kind, XmlKind::Document | XmlKind::Element) {
            return Cow::Borrowed(&node.value);
        }
        let mut texts =
            self.nodes[at as usize..node.end as usize].iter().filter(|inner| inner.kind == XmlKind::Text);
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        match texts.next() {
            None => Cow::Borrowed(&first.value),
            Some(second) => {
                let mut text = format!("{}{}", first.value, second.value);
                texts.for_each(|more| text.push_str(&more.value));
                Cow::Owned(text)
            }
        }
    }
}

/// A name that an element can have, without a prefix.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let starts = |c: char| c == '_' || c.is_alphabetic() && is_xml_letter(c);
    let continues =
        |c: char| matches!(c, '_' | '-' | '.' | '0'..='9') || c.is_alphanumeric() && is_xml_letter(c);
    chars.next().is_some_and(starts) && chars.all(continues)
}

/// NameStartChar of XML 1.0. Some of what Unicode calls a letter or a digit is not in it, such as `ª`, `º` and `²`.
fn is_xml_letter(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// A name with its prefix, and its namespace.
pub(crate) fn qualified<'n>(
    node: roxmltree::Node<'n, '_>,
    name: roxmltree::ExpandedName<'n, 'n>,
) -> (String, String) {
    let uri = name.namespace().unwrap_or_default();
    match node.lookup_prefix(uri).filter(|prefix| !prefix.is_empty()) {
        Some(prefix) if node.default_namespace() != Some(uri) => {
            (format!("{prefix}:{}", name.name()), uri.to_owned())
        }
        _ => (name.name().to_owned(), uri.to_owned()),
    }
}

/// An attribute's name with its prefix. The default namespace is not for attributes.
pub(crate) fn attribute_name(
    node: roxmltree::Node<'_, '_>,
    attribute: &roxmltree::Attribute<'_, '_>,
) -> String {
    let uri = attribute.namespace().unwrap_or_default();
    match node.lookup_prefix(uri).filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => format!("{prefix}:{}", attribute.name()),
        None => attribute.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_names_attributes_and_text_in_order() {
        let text = r#"<a x="1" xmlns:p="urn:p"><b>un<c/>deux</b><p:d p:y="2"/></a>"#;
        let doc = XmlDoc::of(&parse(text, false).unwrap());
        let a = doc.children(0).next().unwrap();
        let names: Vec<&str> = doc.children(a).map(|at| &*doc.node(at).name).collect();
        assert_eq!(names, ["b", "p:d"]);
        assert_eq!(doc.text(a), "undeux");
        let attributes: Vec<&str> = doc.attributes(a).map(|at| &*doc.node(at).value).collect();
        assert_eq!(attributes, ["1"]);
        let d = doc.children(a).nth(1).unwrap();
        assert_eq!(&*doc.node(doc.attributes(d).next().unwrap()).name, "p:y");
    }

    #[test]
    fn bombs_are_refused() {
        assert!(parse("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", false).is_err());
        let attributes: String = (0..400_000).map(|at| format!(" a{at}=''")).collect();
        assert!(parse(&format!("<a{attributes}/>"), false).unwrap_err().contains("attributes"));
        let namespaces: String = (0..100_000).map(|at| format!("<a xmlns:n{at}='u'/>")).collect();
        assert!(parse(&format!("<a>{namespaces}</a>"), false).unwrap_err().contains("namespaces"));
        assert!(parse(&"</".repeat(2_000_000), false).is_err());
    }

    #[test]
    fn a_name_is_what_xml_takes_for_one() {
        for name in ["département", "Ⅻ", "_1", "a-b.c"] {
            assert!(is_name(name), "{name}");
            assert!(parse(&format!("<{name}/>"), false).is_ok(), "{name}");
        }
        for name in ["", "1a", "-a", "m²", "nº", "ª", "µ", "½x", "a:b", "a b", "×"] {
            assert!(!is_name(name), "{name}");
        }
        let every = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        for c in every.filter(|c| is_name(&format!("a{c}"))) {
            assert!(parse(&format!("<a{c}/>"), false).is_ok(), "U+{:X}", u32::from(c));
        }
    }

    #[test]
    fn depth_is_the_document_s_and_not_its_text_s() {
        for (open, close) in [
            ("<a>", "</a>"),
            ("<a x=\"/>\">", "</a>"),
            ("<a><?x </a>?>", "</a>"),
            ("<a><!--></a>-->", "</a>"),
        ] {
            let deep = |levels: usize| open.repeat(levels) + &close.repeat(levels);
            assert!(parse(&deep(MAX_XML_DEPTH), false).is_ok(), "{open}");
            for levels in [MAX_XML_DEPTH + 1, 100_000] {
                let said = parse(&deep(levels), false).unwrap_err();
                assert!(said.contains("inside each other"), "{open}: {said}");
            }
        }
        let wide = format!("<a>{}</a>", "<b><!-- <c> --><c/></b>".repeat(300));
        assert!(parse(&wide, false).is_ok());
    }
}
