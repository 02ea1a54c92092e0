//! The documents: every dependency has its line, and what refers to a document finds it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use tests::{read, workspace_root};

#[test]
fn every_dependency_has_its_line_and_every_line_its_dependency() {
    let listed: BTreeSet<String> = rows(&read("docs/DEPENDENCIES.md")).collect();
    let manifest = read("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace");
    let members: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|member| member.name.to_string()).collect();
    let used: BTreeSet<String> = metadata
        .workspace_packages()
        .iter()
        .flat_map(|member| member.dependencies.iter().map(|dependency| dependency.name.clone()))
        .filter(|name| !members.contains(name))
        .collect();
    let without_line: Vec<_> = used.difference(&listed).collect();
    assert!(without_line.is_empty(), "docs/DEPENDENCIES.md lacks {without_line:?}");
    let left_over: Vec<_> =
        listed.iter().filter(|name| !manifest.contains(&format!("\n{name} = "))).collect();
    assert!(left_over.is_empty(), "docs/DEPENDENCIES.md lists {left_over:?}, which Cargo.toml does not");
}

#[test]
fn the_glossary_is_in_order_and_says_each_word_once() {
    let words: Vec<String> = rows(&read("docs/GLOSSARY.md")).map(|word| word.to_lowercase()).collect();
    let mut sorted = words.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(words, sorted);
}

#[test]
fn every_link_between_documents_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if !leads_somewhere(&document, &link) {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// Comments refer to a section as `docs/PROTOCOL.md, "records_hash"`.
#[test]
fn every_section_that_a_comment_names_is_there() {
    let mut missing = Vec::new();
    for source in files("rs") {
        let text = std::fs::read_to_string(&source).unwrap();
        for (document, section) in named_sections(&text) {
            let text = std::fs::read_to_string(workspace_root().join(&document)).unwrap_or_default();
            if !headings(&text).contains(&anchor(&section)) {
                missing.push(format!("{}: {document}, {section}", source.display()));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn named_sections(text: &str) -> Vec<(String, String)> {
    let mentions = text.split("docs/").skip(1).filter_map(|mention| mention.split_once(", \""));
    mentions
        .filter(|(document, _)| document.ends_with(".md") && !document.contains(char::is_whitespace))
        .filter_map(|(document, rest)| Some((format!("docs/{document}"), rest.split_once('"')?.0.to_owned())))
        .collect()
}

/// The first cells of a table with a word in each, the head left out.
fn rows(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines()
        .filter_map(|line| line.strip_prefix("| "))
        .skip(1)
        .filter_map(|line| line.split(" |").next())
        .map(|cell| cell.trim().to_owned())
}

fn documents() -> Vec<PathBuf> {
    files("md")
}

/// Files of ours with this ending.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace_root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the checkout can be read") {
            let path = entry.expect("a folder of the checkout can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Targets of `[text](target)`, without those on the web.
fn links(text: &str) -> Vec<String> {
    text.match_indices("](")
        .filter_map(|(at, found)| text[at + found.len()..].split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with("crate::") && !target.contains(' '))
        .filter(|target| target.starts_with('#') || target.contains('/') || target.contains(".md"))
        .map(str::to_owned)
        .collect()
}

fn leads_somewhere(document: &Path, link: &str) -> bool {
    let (file, section) = link.split_once('#').map_or((link, None), |(file, section)| (file, Some(section)));
    let target = match file {
        "" => document.to_owned(),
        file => document.parent().unwrap_or(Path::new("")).join(file),
    };
    match section {
        None => target.exists(),
        Some(section) => std::fs::read_to_string(target).is_ok_and(|text| headings(&text).contains(section)),
    }
}

fn headings(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// A heading as its link writes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
