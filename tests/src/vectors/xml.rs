//! Compares XML as trees: names with their namespaces, attributes in any order, text; blank text between elements and
//! comments mean nothing.

use roxmltree::{Document, Node, ParsingOptions};

/// Whether two values are to be taken as the same: recorded, found.
pub(super) type Same<'a> = &'a dyn Fn(&str, &str) -> bool;

/// The first difference between two documents; none when they say the same.
pub(super) fn difference(recorded: &str, found: &str, same: Same<'_>) -> Option<String> {
    let recorded = match parse(recorded) {
        Ok(document) => document,
        Err(error) => return Some(format!("the recorded XML cannot be read: {error}")),
    };
    let found = match parse(found) {
        Ok(document) => document,
        Err(error) => return Some(format!("the XML found cannot be read: {error}")),
    };
    element_difference(recorded.root_element(), found.root_element(), "", same)
}

/// Reads a document; a doctype is allowed, entities are bounded.
pub(super) fn parse(text: &str) -> Result<Document<'_>, roxmltree::Error> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']), options)
}

fn element_difference(
    recorded: Node<'_, '_>,
    found: Node<'_, '_>,
    around: &str,
    same: Same<'_>,
) -> Option<String> {
    let path = format!("{around}/{}", recorded.tag_name().name());
    if recorded.tag_name() != found.tag_name() {
        return Some(format!("{path}: recorded {}, found {}", name(recorded), name(found)));
    }
    attribute_difference(recorded, found, &path, same)
        .or_else(|| content_difference(&content(recorded), &content(found), &path, same))
}

fn name(node: Node<'_, '_>) -> String {
    let tag = node.tag_name();
    match tag.namespace() {
        Some(namespace) => format!("<{} xmlns={namespace}>", tag.name()),
        None => format!("<{}>", tag.name()),
    }
}

fn attribute_difference(
    recorded: Node<'_, '_>,
    found: Node<'_, '_>,
    path: &str,
    same: Same<'_>,
) -> Option<String> {
    let sorted = |node: Node<'_, '_>| {
        let mut attributes: Vec<(String, String, String)> = node
            .attributes()
            .map(|it| (it.namespace().unwrap_or("").to_owned(), it.name().to_owned(), it.value().to_owned()))
            .collect();
        attributes.sort();
        attributes
    };
    let (recorded, found) = (sorted(recorded), sorted(found));
    let agree = recorded.len() == found.len()
        && recorded.iter().zip(&found).all(|(a, b)| (&a.0, &a.1) == (&b.0, &b.1) && same(&a.2, &b.2));
    (!agree).then(|| format!("{path}: attributes recorded {recorded:?}, found {found:?}"))
}

/// What stands in an element, in order.
enum Content<'a, 'input> {
    Element(Node<'a, 'input>),
    Text(String),
}

/// Elements and runs of text. Text is joined across comments; blank text is left out.
fn content<'a, 'input>(node: Node<'a, 'input>) -> Vec<Content<'a, 'input>> {
    let mut found: Vec<Content<'_, '_>> = Vec::new();
    for child in node.children() {
        if child.is_element() {
            found.push(Content::Element(child));
        } else if child.is_text() {
            let text = child.text().unwrap_or_default();
            match found.last_mut() {
                Some(Content::Text(run)) => run.push_str(text),
                _ => found.push(Content::Text(text.to_owned())),
            }
        }
    }
    found.retain(|part| !matches!(part, Content::Text(text) if text.trim().is_empty()));
    found
}

fn content_difference(
    recorded: &[Content<'_, '_>],
    found: &[Content<'_, '_>],
    path: &str,
    same: Same<'_>,
) -> Option<String> {
    for (recorded, found) in recorded.iter().zip(found) {
        let difference = match (recorded, found) {
            (Content::Element(a), Content::Element(b)) => element_difference(*a, *b, path, same),
            (Content::Text(a), Content::Text(b)) if same(a, b) => None,
            _ => Some(format!("{path}: recorded {}, found {}", told(recorded), told(found))),
        };
        if difference.is_some() {
            return difference;
        }
    }
    let (longer, which) =
        if recorded.len() > found.len() { (recorded, "recorded") } else { (found, "found") };
    let extra = longer.get(recorded.len().min(found.len()))?;
    Some(format!("{path}: only {which}: {}", told(extra)))
}

fn told(content: &Content<'_, '_>) -> String {
    match content {
        Content::Element(node) => name(*node),
        Content::Text(text) => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(recorded: &str, found: &str) -> Option<String> {
        difference(recorded, found, &|a, b| a == b)
    }

    #[test]
    fn order_of_attributes_prefixes_comments_and_blank_text_mean_nothing() {
        let recorded = r#"<data xmlns:orx="urn:x" id="a" version="1"><orx:meta/><q>1</q></data>"#;
        let found = "<?xml version='1.0'?>\n<data version='1' id='a'>\n \
                     <meta xmlns='urn:x'></meta><!-- --><q>1</q> </data>";
        assert_eq!(differ(recorded, found), None);
    }

    #[test]
    fn a_namespace_a_text_an_attribute_and_a_missing_element_are_differences() {
        let said = |recorded, found| differ(recorded, found).unwrap();
        assert_eq!(said("<a/>", "<a xmlns='urn:x'/>"), "/a: recorded <a>, found <a xmlns=urn:x>");
        assert_eq!(said("<a><b>1</b></a>", "<a><b>2</b></a>"), r#"/a/b: recorded "1", found "2""#);
        assert!(said("<a x='1'/>", "<a x='2'/>").starts_with("/a: attributes"));
        assert_eq!(said("<a><b/><c/></a>", "<a><b/></a>"), "/a: only recorded: <c>");
        assert_eq!(said("<a/>", "<a>text</a>"), r#"/a: only found: "text""#);
        assert!(said("<a/>", "<a>").contains("found cannot be read"));
    }

    #[test]
    fn values_are_compared_by_the_caller() {
        let lenient = |_: &str, _: &str| true;
        assert_eq!(difference("<a x='1'>1</a>", "<a x='2'>2</a>", &lenient), None);
    }
}
