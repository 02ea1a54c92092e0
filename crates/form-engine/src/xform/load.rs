//! XForm XML to a form.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use record_model::AnswerPath;
use roxmltree::Node;

use crate::arena;
use crate::columns::Texts;
use crate::compile::lists::read_csv;
use crate::compile::{Language, is_yes, order};
use crate::diagnostics::{Diagnostics, Place, Report, Said, Trouble, quoted};
use crate::evaluation::Level;
use crate::form::{
    Action, ActionValue, AttachmentKind, CompiledForm, Default as FormDefault, Entity, Events, ExternalFile,
    Flag, Form, Itemset, Publication, Question, QuestionIndex, QuestionType, Rule, Scope, ScopeIndex, Seed,
    Source, Target, offered_in,
};
use crate::list::{ChoiceList, ListFilter, depend_on_labels, name_from_root};
use crate::template::{Segment, Template, Translations};
use crate::workbook::{MAX_CELL_BYTES, Workbook};
use crate::xform::body::{ActionPlace, Body, MAX_CONTROLS, MAX_PATH_BYTES, absolute};
use crate::xform::instances::{LiveLabels, MAX_INSTANCES, Secondary, plain_text, with_outputs};
use crate::xform::strays::{self, Aimed};
use crate::xform::texts::{Itext, TextPiece, itext_id, pieces_of};
use crate::xform::{JAVAROSA, ODK, OPENROSA, OWN_INSTANCE, too_large, type_of_word};
use crate::xml;
use crate::xpath::program::{ExprId, Program};
use crate::xpath::resolve::{self, Allows, Names, Subject};

/// More places than any form has; a spreadsheet may not have more either.
const MAX_QUESTIONS: usize = 10_000;
/// Repeats inside each other, as in a spreadsheet.
const MAX_REPEAT_DEPTH: u8 = 7;

impl CompiledForm {
    /// Loads XForm XML. Ok brings warnings; Err brings every error that was found, and the warnings with them.
    pub fn from_xform(xml: &[u8]) -> Result<(Self, Diagnostics), Diagnostics> {
        Self::from_xform_with(xml, &[])
    }

    /// The same with the files that the form's external instances name.
    pub fn from_xform_with(
        xml: &[u8],
        files: &[(String, Vec<u8>)],
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut report = Report::default();
        let form = load(xml, files, &mut report);
        let refused = report.has_errors();
        match form {
            Some(form) if !refused => Ok((Self(Arc::new(form)), report.finish())),
            _ => Err(report.finish()),
        }
    }
}

fn unreadable(report: &mut Report, found: impl Into<Said>, expected: impl Into<Said>) {
    report.error(
        Place::new("XForm", 0, ""),
        Trouble::told("unreadable-xform", found, expected)
            .fix("Donnez un XForm au format XML.", "Give an XForm as XML."),
    );
}

/// What is refused as too large, on no line of its own.
fn refuse(report: &mut Report, column: &str, trouble: Trouble) {
    report.error(Place::new("XForm", 0, column), trouble);
}

fn at_most(limit: usize) -> (String, String) {
    (format!("au plus {limit}"), format!("at most {limit}"))
}

fn load(bytes: &[u8], files: &[(String, Vec<u8>)], report: &mut Report) -> Option<Form> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        unreadable(
            report,
            ("des octets qui ne sont pas de l'UTF-8", "bytes that are not UTF-8"),
            ("du XML en UTF-8", "XML in UTF-8"),
        );
        return None;
    };
    let document = match xml::parse(text, false) {
        Ok(document) => document,
        Err(error) => {
            unreadable(
                report,
                (
                    format!("un fichier dont le lecteur dit : {error}"),
                    format!("a file whose reader says: {error}"),
                ),
                ("du XML bien formé, sans DOCTYPE", "well-formed XML without a document type"),
            );
            return None;
        }
    };
    let find =
        |name: &str| document.descendants().find(|node| node.is_element() && node.tag_name().name() == name);
    let body = children(document.root_element(), "body").next();
    let Some(model) = find("model") else {
        unreadable(
            report,
            ("aucun <model>", "no <model>"),
            ("un XForm avec un model et une instance", "an XForm with a model and an instance"),
        );
        return None;
    };
    let primary = children(model, "instance").next().and_then(|instance| instance.first_element_child());
    let Some(primary) = primary else {
        unreadable(
            report,
            ("aucune instance principale", "no primary instance"),
            ("<instance> avec un élément dedans", "<instance> with one element in it"),
        );
        return None;
    };
    let title = find("title").and_then(|node| node.text()).unwrap_or_default().trim().to_owned();
    let binds: Vec<Node<'_, '_>> = children(model, "bind").collect();
    let bind_ids: HashMap<&str, String> = binds
        .iter()
        .filter_map(|bind| Some((bind.attribute("id")?, absolute(bind.attribute("nodeset")?, ""))))
        .collect();
    let itext = Itext::read(children(model, "itext").next())
        .map_err(|trouble| refuse(report, "itext", trouble))
        .ok()?;
    let secondary = secondary(model, &itext, files, report);
    let body = Body::read(body, &bind_ids);
    if body.count > MAX_CONTROLS {
        let found =
            (format!("plus de {MAX_CONTROLS} contrôles"), format!("more than {MAX_CONTROLS} controls"));
        refuse(report, "body", too_large(found, at_most(MAX_CONTROLS)));
        return None;
    }
    let loader = Loader {
        line_starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
        binds: binds
            .iter()
            .filter_map(|bind| Some((absolute(bind.attribute("nodeset")?, ""), *bind)))
            .collect(),
        body,
        bind_ids,
        itext,
        secondary,
        root_name: qualified_name(primary),
        namespaces: namespaces(primary),
        questions: Vec::new(),
        elements: Vec::new(),
        by_path: HashMap::new(),
        by_key: HashMap::new(),
        last_numbers: HashMap::new(),
        scopes: Form::empty().scopes,
        programs: Vec::new(),
        templates: vec![Seed::default()],
        work: Cell::new(0),
        has_own: false,
        report,
    };
    loader.form(primary, model, title)
}

/// Child elements of a name.
fn children<'x, 'i>(node: Node<'x, 'i>, name: &'static str) -> impl Iterator<Item = Node<'x, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn qualified_name(node: Node<'_, '_>) -> String {
    xml::qualified(node, node.tag_name()).0
}

/// Every instance but the first, which is the record.
fn secondary(
    model: Node<'_, '_>,
    itext: &Itext,
    files: &[(String, Vec<u8>)],
    report: &mut Report,
) -> Secondary {
    let mut found = Secondary::default();
    for instance in children(model, "instance").skip(1) {
        let id = instance.attribute("id").unwrap_or_default();
        if id == OWN_INSTANCE {
            continue;
        }
        match (instance.attribute("src"), instance.first_element_child()) {
            (None, Some(content)) => {
                if let Err(trouble) = found.add(id, content, itext) {
                    refuse(report, "instance", trouble);
                }
            }
            (Some(source), _) => external(id, source, itext, files, &mut found, report),
            (None, None) => {
                found.add_list(id, ChoiceList::new(id, Texts::default(), Vec::new(), Vec::new()));
            }
        }
    }
    found
}

fn external(
    id: &str,
    source: &str,
    itext: &Itext,
    files: &[(String, Vec<u8>)],
    found: &mut Secondary,
    report: &mut Report,
) {
    let name = source.rsplit('/').next().unwrap_or(source);
    if !source.starts_with("jr://instance/") {
        found.files.push(ExternalFile { name: id.into(), file: name.into() });
    }
    let file = files.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes);
    let missing = |report: &mut Report, what: Said| {
        report.warn(
            Place::new("XForm", 0, "instance"),
            Trouble::told("no-file", what, ("un fichier joint au formulaire", "a file attached to the form"))
                .fix("Joignez le fichier au formulaire.", "Attach the file to the form."),
        );
    };
    let empty = || ChoiceList::new(id, Texts::default(), Vec::new(), Vec::new());
    match file {
        None => {
            // The last record of this form is never known here.
            if !source.starts_with("jr://instance/last-saved") {
                missing(
                    report,
                    (format!("le fichier {}", quoted(name)), format!("the file {}", quoted(name))).into(),
                );
            }
            found.add_list(id, empty());
        }
        Some(bytes) if name.to_lowercase().ends_with(".csv") => {
            let mut workbook = Workbook::default();
            if let Err(trouble) = workbook.attach_csv(name, bytes) {
                for diagnostic in &trouble {
                    missing(report, (diagnostic.found_fr.clone(), diagnostic.found.clone()).into());
                }
            }
            let languages = crate::compile::Languages::of(itext.languages.clone());
            let list = workbook.lists().next().and_then(|(_, sheet)| {
                let table = crate::compile::csv_table(sheet, report);
                read_csv(id, &table, None, &languages).ok()
            });
            found.add_list(id, list.unwrap_or_else(empty));
        }
        Some(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            match xml::parse(&text, false) {
                Ok(document) => {
                    if let Err(trouble) = found.add(id, document.root_element(), itext) {
                        refuse(report, "instance", trouble);
                    }
                }
                Err(error) => {
                    let name = quoted(name);
                    missing(
                        report,
                        (
                            format!("{name}, dont le lecteur dit : {error}"),
                            format!("{name}, whose reader says: {error}"),
                        )
                            .into(),
                    );
                    found.add_list(id, empty());
                }
            }
        }
    }
}

struct Loader<'r, 'x, 'i> {
    /// Where each line of the form begins.
    line_starts: Vec<usize>,
    binds: HashMap<String, Node<'x, 'i>>,
    bind_ids: HashMap<&'x str, String>,
    body: Body<'x, 'i>,
    itext: Itext,
    secondary: Secondary,
    root_name: String,
    /// What the prefixes of places stand for.
    namespaces: Vec<(Box<str>, Box<str>)>,
    questions: Vec<Question>,
    /// By question: its path and element.
    elements: Vec<(String, Node<'x, 'i>)>,
    by_path: HashMap<String, QuestionIndex>,
    by_key: HashMap<Box<str>, QuestionIndex>,
    /// The number that was last put behind a key that others have too.
    last_numbers: HashMap<String, u32>,
    scopes: Vec<Scope>,
    programs: Vec<Program>,
    templates: Vec<Seed>,
    /// Places that paths were followed to so far.
    work: Cell<u64>,
    /// Written by this engine: our own instance says what a spreadsheet said.
    has_own: bool,
    report: &'r mut Report,
}

impl<'x, 'i> Loader<'_, 'x, 'i> {
    fn form(mut self, primary: Node<'x, 'i>, model: Node<'x, 'i>, title: String) -> Option<Form> {
        let root_path = format!("/{}", self.root_name);
        let mut seed = Seed::default();
        self.attributes(primary, None, ScopeIndex::ROOT, &root_path, &mut seed);
        self.inside(primary, None, ScopeIndex::ROOT, &root_path, &mut seed);
        self.add_instance_id(primary, &mut seed);
        if self.questions.len() > MAX_QUESTIONS {
            let found =
                (format!("plus de {MAX_QUESTIONS} places"), format!("more than {MAX_QUESTIONS} places"));
            refuse(self.report, "instance", too_large(found, at_most(MAX_QUESTIONS)));
            return None;
        }
        // What was left out would be missed everywhere else.
        if self.report.has_errors() {
            return None;
        }
        let own = children(model, "instance")
            .find(|instance| instance.attribute("id") == Some(OWN_INSTANCE))
            .and_then(|instance| instance.first_element_child());
        if let Some(own) = own {
            self.has_own = true;
            self.own_questions(own);
        }
        self.strays(&root_path);
        self.binds();
        self.controls();
        if self.secondary.lists.len().max(self.secondary.docs.len()) > MAX_INSTANCES {
            let found =
                (format!("plus de {MAX_INSTANCES} listes"), format!("more than {MAX_INSTANCES} lists"));
            refuse(self.report, "instance", too_large(found, at_most(MAX_INSTANCES)));
            return None;
        }
        let mut entities = self.entities();
        if let Some(own) = own {
            self.in_order_of_the_sheet(own, &mut entities);
        }
        self.saves_to(own, &entities);
        let rules = own.map(|own| self.rules(own)).unwrap_or_default();
        let publication = own.map(publication).unwrap_or_default();
        let instance_name = self.questions.iter().find_map(|question| match question.source {
            Source::Calculated(id) if question.meta && local(&question.name) == "instanceName" => Some(id),
            _ => None,
        });
        let actions = self.actions(model);
        for action in &actions {
            self.default_of(action);
        }
        let itext = self.itext_templates();
        self.live_labels();
        depend_on_labels(&mut self.programs, &self.questions, &self.secondary.lists);
        if let Err(trouble) = self.itext.room.check() {
            refuse(self.report, "", trouble);
            return None;
        }
        let (order, cycles) = order::of(&self.questions, &self.programs);
        for cycle in cycles {
            let place = self.place_of(cycle.question);
            self.report.warn(place, cycle.trouble);
        }
        let attribute = |name: &str| {
            primary.attributes().find(|a| a.name() == name).map(|a| a.value().to_owned()).unwrap_or_default()
        };
        let mut languages = std::mem::take(&mut self.itext.languages);
        if languages.is_empty() {
            languages.push(Language::parse("default"));
        }
        let mut form = Form {
            form_id: attribute("id"),
            title,
            version: attribute("version"),
            root_name: self.root_name,
            languages: languages.iter().map(|language| language.code.clone()).collect(),
            language_names: languages.into_iter().map(|language| language.name).collect(),
            questions: self.questions,
            by_key: self.by_key,
            scopes: self.scopes,
            programs: self.programs,
            lists: self.secondary.lists,
            docs: self.secondary.docs,
            itext,
            order,
            rules,
            entities,
            publication,
            instance_name,
            external_files: self.secondary.files.clone(),
            actions,
            seed,
            templates: self.templates,
            namespaces: with_our_own(self.namespaces),
            ..Form::empty()
        };
        form.wire();
        let (instances, cells) = arena::begun_with(&form);
        if instances > arena::MAX_INSTANCES || cells > arena::MAX_RECORD_CELLS {
            let found = (
                format!("{instances} instances de repeats et {cells} réponses au début"),
                format!("{instances} instances of repeats and {cells} answers at the start"),
            );
            let (most, cells) = (arena::MAX_INSTANCES, arena::MAX_RECORD_CELLS);
            let expected = (format!("au plus {most} et {cells}"), format!("at most {most} and {cells}"));
            refuse(self.report, "instance", too_large(found, expected));
        }
        form.revision = crate::revision::of(&form);
        Some(form)
    }

    fn place_of(&self, question: QuestionIndex) -> Place {
        let (path, element) = &self.elements[question.as_usize()];
        self.place(*element, path)
    }

    fn place(&self, node: Node<'_, '_>, column: &str) -> Place {
        Place::new("XForm", self.row(node), column)
    }

    /// The line that an element stands on, counted from 1. A form may be one long line, so nothing here reads it again.
    fn row(&self, node: Node<'_, '_>) -> u32 {
        line_of(&self.line_starts, node)
    }

    // The record's shape

    /// A record without an id is given one, as submissions need it.
    fn add_instance_id(&mut self, primary: Node<'x, 'i>, seed: &mut Seed) {
        if self.questions.iter().any(|question| question.meta && local(&question.name) == "instanceID") {
            return;
        }
        let root = format!("/{}", self.root_name);
        // Only a last one can take another child: questions stand in document order.
        let known = self
            .questions
            .iter()
            .rfind(|question| question.meta && question.parent.is_none())
            .filter(|question| question.end.as_usize() == self.questions.len())
            .map(|question| question.index);
        // In OpenRosa's namespace where the form knows it.
        let openrosa = primary.namespaces().find(|namespace| namespace.uri() == OPENROSA);
        let prefix = openrosa.and_then(|namespace| namespace.name());
        let namespace = if prefix.is_some() { OPENROSA } else { "" };
        let named = |name: &str| prefix.map_or(name.to_owned(), |prefix| format!("{prefix}:{name}"));
        let added =
            known.or_else(|| self.add(primary, &named("meta"), namespace, None, ScopeIndex::ROOT, &root));
        let Some(meta) = added else { return };
        self.questions[meta.as_usize()].question_type = QuestionType::Group;
        let path = self.elements[meta.as_usize()].0.clone();
        let id = self.add(primary, &named("instanceID"), namespace, Some(meta), ScopeIndex::ROOT, &path);
        if let Some(id) = id {
            self.questions[id.as_usize()].parameters.insert("preload".into(), "uid".into());
            seed.values.push((id, "".into()));
            self.add(primary, &named("deprecatedID"), namespace, Some(meta), ScopeIndex::ROOT, &path);
        }
        self.questions[meta.as_usize()].end = QuestionIndex(self.questions.len() as u32);
    }

    fn add(
        &mut self,
        element: Node<'x, 'i>,
        name: &str,
        namespace: &str,
        parent: Option<QuestionIndex>,
        scope: ScopeIndex,
        around: &str,
    ) -> Option<QuestionIndex> {
        if self.questions.len() > MAX_QUESTIONS {
            return None;
        }
        let length = around.len() + 1 + name.len();
        if length > MAX_PATH_BYTES {
            let found = (format!("un chemin de {length} octets"), format!("a path of {length} bytes"));
            let place = self.place(element, "instance");
            self.report.error(place, too_large(found, at_most(MAX_PATH_BYTES)));
            return None;
        }
        self.declare(element, name, namespace);
        let index = QuestionIndex(self.questions.len() as u32);
        let mut question = Question::new(index, name, QuestionType::Hidden, self.row(element));
        question.namespace = namespace.into();
        question.parent = parent;
        question.scope = scope;
        question.slot = self.scopes[scope.as_usize()].slots.len() as u32;
        let holder = parent.map(|parent| &self.questions[parent.as_usize()]);
        question.meta = local(name) == "meta" && holder.is_none_or(|holder| holder.opens.is_some())
            || holder.is_some_and(|holder| holder.meta);
        question.key = self.key(name, around);
        self.scopes[scope.as_usize()].slots.push(index);
        let path = format!("{around}/{name}");
        self.by_key.entry(question.key.clone()).or_insert(index);
        self.by_path.entry(path.clone()).or_insert(index);
        self.elements.push((path, element));
        self.questions.push(question);
        Some(index)
    }

    /// Records declare all prefixes on their root, so that each must mean the same everywhere.
    fn declare(&mut self, element: Node<'x, 'i>, name: &str, uri: &str) {
        let Some((prefix, _)) = name.split_once(':').filter(|(prefix, _)| *prefix != "xml") else { return };
        match self.namespaces.iter().find(|(known, _)| **known == *prefix) {
            None => self.namespaces.push((prefix.into(), uri.into())),
            Some((_, known)) if **known == *uri => {}
            Some((_, known)) => {
                let (prefix, known, uri) = (quoted(prefix), quoted(known), quoted(uri));
                let trouble = Trouble::told(
                    "ambiguous-prefix",
                    (
                        format!("le préfixe {prefix} pour {known} et pour {uri}"),
                        format!("the prefix {prefix} for {known} and for {uri}"),
                    ),
                    ("un seul espace de noms par préfixe", "one namespace for each prefix"),
                )
                .fix("Donnez à l'un un autre préfixe.", "Give one of them another prefix.");
                let place = self.place(element, "instance");
                self.report.error(place, trouble);
            }
        }
    }

    /// The name, or where that is taken the path, as an answer path can hold it.
    fn key(&mut self, name: &str, around: &str) -> Box<str> {
        let clean = |text: &str| text.replace([':', '@'], ".").trim_start_matches('.').to_owned();
        let plain = clean(name);
        if AnswerPath::question(&plain).is_ok() && !self.by_key.contains_key(&*plain) {
            return plain.into();
        }
        let groups = around.split('/').filter(|step| !step.is_empty()).skip(1);
        let key: String = groups.chain([name]).map(clean).collect::<Vec<_>>().join(".");
        if !self.by_key.contains_key(&*key) {
            return key.into();
        }
        let base = key.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.').to_owned();
        let last = self.last_numbers.entry(base.clone()).or_insert(1);
        loop {
            *last += 1;
            let numbered = format!("{base}.{last}");
            if !self.by_key.contains_key(&*numbered) {
                return numbered.into();
            }
        }
    }

    fn attributes(
        &mut self,
        element: Node<'x, 'i>,
        holder: Option<QuestionIndex>,
        scope: ScopeIndex,
        path: &str,
        seed: &mut Seed,
    ) {
        for attribute in element.attributes() {
            let name = xml::attribute_name(element, &attribute);
            // Written with our own `jr`, whatever that prefix was here.
            if name == "jr:template"
                || attribute.namespace() == Some(JAVAROSA) && attribute.name() == "template"
            {
                continue;
            }
            let namespace = attribute.namespace().unwrap_or_default();
            let around = format!("{path}/@");
            let Some(index) = self.add(element, &name, namespace, holder, scope, &around) else { return };
            self.questions[index.as_usize()].question_type = QuestionType::Attribute;
            let own = format!("{path}/@{name}");
            self.by_path.insert(own.clone(), index);
            self.elements[index.as_usize()].0 = own;
            seed.values.push((index, attribute.value().into()));
        }
    }

    /// Every element inside, those of one name together where the name repeats.
    fn inside(
        &mut self,
        element: Node<'x, 'i>,
        parent: Option<QuestionIndex>,
        scope: ScopeIndex,
        path: &str,
        seed: &mut Seed,
    ) {
        // Of a name that repeats, all together where the first stands.
        let mut places: Vec<(String, Vec<Node<'x, 'i>>)> = Vec::new();
        let mut repeats: HashMap<String, usize> = HashMap::new();
        for child in element.children().filter(Node::is_element) {
            let name = qualified_name(child);
            if let Some(at) = repeats.get(&name) {
                places[*at].1.push(child);
                continue;
            }
            if self.body.repeats.contains_key(&format!("{path}/{name}")) {
                repeats.insert(name.clone(), places.len());
            }
            places.push((name, vec![child]));
        }
        for (name, elements) in places {
            if repeats.contains_key(&name) {
                self.repeat(&elements, &name, parent, scope, path, seed);
            } else {
                self.single(elements[0], &name, parent, scope, path, seed);
            }
        }
    }

    fn single(
        &mut self,
        element: Node<'x, 'i>,
        name: &str,
        parent: Option<QuestionIndex>,
        scope: ScopeIndex,
        around: &str,
        seed: &mut Seed,
    ) {
        let namespace = prefixed_namespace(element, name);
        let Some(index) = self.add(element, name, &namespace, parent, scope, around) else { return };
        let path = format!("{around}/{name}");
        self.attributes(element, Some(index), scope, &path, seed);
        let control = self.body.controls.get(&path);
        let is_group = element.children().any(|child| child.is_element())
            || control.is_some_and(|control| control.tag_name().name() == "group");
        if is_group {
            // Groups hold no answers: two may share a key.
            self.questions[index.as_usize()].key = name.replace(':', ".").into();
            self.questions[index.as_usize()].question_type = QuestionType::Group;
            self.inside(element, Some(index), scope, &path, seed);
        } else {
            self.questions[index.as_usize()].question_type = self.type_of(&path, control.copied());
            let text: String = element.children().filter_map(|child| child.text()).collect();
            if !text.trim().is_empty() {
                let default = text.trim().to_owned();
                seed.values.push((index, default.as_str().into()));
                self.questions[index.as_usize()].default = Some(FormDefault::Literal(default));
            }
        }
        self.questions[index.as_usize()].end = QuestionIndex(self.questions.len() as u32);
        // A corrected submission names the one it stands for.
        if self.questions[index.as_usize()].meta && local(name) == "instanceID" {
            let former = name.replace("instanceID", "deprecatedID");
            let known =
                element.parent_element().is_some_and(|meta| children(meta, "deprecatedID").next().is_some());
            if !known {
                self.add(element, &former, &namespace, parent, scope, around);
            }
        }
    }

    fn repeat(
        &mut self,
        elements: &[Node<'x, 'i>],
        name: &str,
        parent: Option<QuestionIndex>,
        scope: ScopeIndex,
        around: &str,
        seed: &mut Seed,
    ) {
        let is_template = |node: &Node<'x, 'i>| node.has_attribute((JAVAROSA, "template"));
        let template = elements.iter().copied().find(is_template);
        let Some(shape) = template.or_else(|| elements.first().copied()) else { return };
        let namespace = prefixed_namespace(shape, name);
        let Some(index) = self.add(shape, name, &namespace, parent, scope, around) else { return };
        let inner = ScopeIndex(self.scopes.len() as u16);
        let depth = self.scopes[scope.as_usize()].depth.saturating_add(1);
        if depth > MAX_REPEAT_DEPTH {
            let found =
                (format!("{depth} repeats l'un dans l'autre"), format!("{depth} repeats inside each other"));
            let place = self.place(shape, "instance");
            self.report.error(place, too_large(found, at_most(MAX_REPEAT_DEPTH.into())));
            return;
        }
        let siblings = &mut self.scopes[scope.as_usize()].children;
        let ordinal = siblings.len() as u16;
        siblings.push(inner);
        let children = Vec::new();
        let slots = Vec::new();
        self.scopes.push(Scope { repeat: Some(index), parent: scope, depth, slots, children, ordinal });
        self.templates.push(Seed::default());
        self.questions[index.as_usize()].question_type = QuestionType::Repeat;
        self.questions[index.as_usize()].opens = Some(inner);
        let path = format!("{around}/{name}");
        let mut own = Seed::default();
        self.attributes(shape, Some(index), inner, &path, &mut own);
        self.inside(shape, Some(index), inner, &path, &mut own);
        self.questions[index.as_usize()].end = QuestionIndex(self.questions.len() as u32);
        for element in elements.iter().filter(|element| !is_template(element)) {
            let values = if *element == shape { own.clone() } else { self.values_of(*element, index, &path) };
            seed.repeats.push((inner, values));
        }
        let is_fixed = self.body.repeats.get(&path).is_some_and(|repeat| {
            repeat.attribute((JAVAROSA, "noAddRemove")).is_some_and(|text| text.trim() == "true()")
                && !repeat.has_attribute((JAVAROSA, "count"))
        });
        // Nobody could add the first instance of a fixed repeat.
        if is_fixed && !seed.repeats.iter().any(|(of, _)| *of == inner) {
            seed.repeats.push((inner, own.clone()));
        }
        self.templates[inner.as_usize()] = blank_if_not_template(own, template.is_some());
    }

    /// What a further instance in the record begins with: values by the places that are known already.
    fn values_of(&self, element: Node<'x, 'i>, holder: QuestionIndex, path: &str) -> Seed {
        let mut seed = Seed::default();
        for attribute in element.attributes() {
            let own = format!("{path}/@{}", xml::attribute_name(element, &attribute));
            if let Some(index) = self.by_path.get(&own) {
                seed.values.push((*index, attribute.value().into()));
            }
        }
        for child in element.children().filter(Node::is_element) {
            let own = format!("{path}/{}", qualified_name(child));
            let Some(index) = self.by_path.get(&own).copied() else { continue };
            let question = &self.questions[index.as_usize()];
            if question.parent != Some(holder) || child.has_attribute((JAVAROSA, "template")) {
                continue;
            }
            let inner = self.values_of(child, index, &own);
            match question.opens {
                Some(scope) => seed.repeats.push((scope, inner)),
                None => {
                    seed.values.extend(inner.values);
                    seed.repeats.extend(inner.repeats);
                    let text: String = child.children().filter_map(|child| child.text()).collect();
                    if question.question_type != QuestionType::Group && !text.trim().is_empty() {
                        seed.values.push((index, text.trim().into()));
                    }
                }
            }
        }
        seed
    }

    // Types

    fn type_of(&self, path: &str, control: Option<Node<'_, '_>>) -> QuestionType {
        use QuestionType as T;
        let bind = self.binds.get(path);
        let attribute = |name: &str| bind.and_then(|bind| bind.attribute(name)).unwrap_or_default();
        let preload = |name| bind.and_then(|bind| bind.attribute((JAVAROSA, name))).unwrap_or_default();
        let data_type = attribute("type").rsplit(':').next().unwrap_or_default();
        let by_data = data_type_of(data_type);
        let Some(control) = control else {
            return match (preload("preload"), preload("preloadParams")) {
                ("timestamp", "start") => T::Start,
                ("timestamp", "end") => T::End,
                ("date", "today") => T::Today,
                ("property", "deviceid") => T::DeviceId,
                ("property", "phonenumber") => T::PhoneNumber,
                ("property", "username") => T::Username,
                ("property", "email") => T::Email,
                _ if !attribute("calculate").is_empty() => T::Calculate,
                _ => T::Hidden,
            };
        };
        match control.tag_name().name() {
            "select1" => T::SelectOne,
            "select" => T::SelectMultiple,
            "rank" => T::Rank,
            "trigger" => T::Acknowledge,
            "range" => T::Range { integer: by_data == T::Integer },
            "upload" => {
                let media = control.attribute("mediatype").unwrap_or_default();
                T::Attachment(match media.split('/').next() {
                    Some("image") => AttachmentKind::Image,
                    Some("audio") => AttachmentKind::Audio,
                    Some("video") => AttachmentKind::Video,
                    _ => AttachmentKind::File,
                })
            }
            // What may be seen and not changed is read.
            _ if by_data == T::Text
                && attribute("readonly").trim() == "true()"
                && attribute("calculate").is_empty() =>
            {
                T::Note
            }
            _ => by_data,
        }
    }

    // Expressions

    fn names(&self) -> Names<'_> {
        use std::sync::LazyLock;
        static NO_NAMES: LazyLock<HashMap<Box<str>, QuestionIndex>> = LazyLock::new(HashMap::new);
        static NONE_TWICE: LazyLock<HashSet<Box<str>>> = LazyLock::new(HashSet::new);
        Names {
            source: resolve::Source::XForm,
            questions: &self.questions,
            by_name: &NO_NAMES,
            ambiguous: &NONE_TWICE,
            scopes: &self.scopes,
            lists: &self.secondary.lists,
            list_names: &self.secondary.list_names,
            doc_names: &self.secondary.doc_names,
            root: local(&self.root_name),
            namespaces: &[],
            work: &self.work,
        }
    }

    fn expression(&mut self, text: &str, subject: Subject, place: &Place) -> Option<ExprId> {
        if !self.itext.room.take(text.len()) {
            return None;
        }
        let allows = Allows { uuid: true, once: false };
        let resolved = resolve::expression(&self.names(), text, subject, allows);
        self.keep(resolved, place)
    }

    fn keep(&mut self, resolved: Result<resolve::Resolved, Trouble>, place: &Place) -> Option<ExprId> {
        match resolved {
            Ok(resolved) => {
                for warning in resolved.warnings {
                    self.report.warn(place.clone(), warning);
                }
                let id = ExprId(self.programs.len() as u32);
                self.programs.push(resolved.program);
                Some(id)
            }
            Err(trouble) => {
                self.report.error(place.clone(), trouble);
                None
            }
        }
    }

    fn strays(&mut self, root_path: &str) {
        let body = self.body.controls.iter().chain(&self.body.repeats).chain(&self.binds);
        let aimed = body.map(|(path, node)| Aimed { node: *node, path });
        let known: HashSet<&str> = self.by_path.keys().map(String::as_str).chain([root_path]).collect();
        let line_starts = &self.line_starts;
        let line = |node: Node<'_, '_>| line_of(line_starts, node);
        strays::tell_lost(aimed, &known, line, self.report);
        strays::tell_unknown(&self.body.unknown, line, self.report);
        strays::tell_binds(&self.binds, line, self.report);
    }

    fn binds(&mut self) {
        for at in 0..self.questions.len() {
            let (path, _) = self.elements[at].clone();
            let Some(bind) = self.binds.get(&path).copied() else { continue };
            self.bind(QuestionIndex(at as u32), bind, &path);
        }
    }

    fn bind(&mut self, index: QuestionIndex, bind: Node<'x, 'i>, path: &str) {
        let subject = Subject::Question(index);
        if let Some(name) = bind.attribute("type") {
            let question = &mut self.questions[index.as_usize()];
            let data_type = data_type_of(name.rsplit(':').next().unwrap_or_default());
            question.data_type = (data_type != question.question_type).then_some(data_type);
        }
        let attribute = |name: &str| bind.attribute(name).map(str::trim).unwrap_or_default().to_owned();
        let place = |loader: &Self, name: &str| loader.place(bind, &format!("{path} {name}"));
        let relevant = attribute("relevant");
        if !relevant.is_empty() {
            let place = place(self, "relevant");
            self.questions[index.as_usize()].relevant = self.expression(&relevant, subject, &place);
        }
        for (name, is_required) in [("required", true), ("readonly", false)] {
            let place = place(self, name);
            let flag = match attribute(name) {
                text if text.is_empty() || text == "false()" => Flag::No,
                text if text == "true()" || is_yes(&text) => Flag::Yes,
                text => self.expression(&text, subject, &place).map_or(Flag::No, Flag::When),
            };
            let question = &mut self.questions[index.as_usize()];
            if is_required {
                question.required = flag;
            } else if question.question_type != QuestionType::Note {
                question.read_only = flag;
            }
        }
        let constraint = attribute("constraint");
        if !constraint.is_empty() {
            let place = place(self, "constraint");
            self.questions[index.as_usize()].constraint = self.expression(&constraint, subject, &place);
        }
        let calculate = attribute("calculate");
        if !calculate.is_empty() {
            let place = place(self, "calculate");
            if let Some(id) = self.expression(&calculate, subject, &place) {
                let question = &mut self.questions[index.as_usize()];
                let always = question.control_kind() == "model-value"
                    || question.question_type == QuestionType::Note
                    || question.read_only == Flag::Yes;
                let keeps = crate::compile::keeps_first(&self.programs[id.0 as usize].root);
                question.once = keeps;
                question.source =
                    if always && !keeps { Source::Calculated(id) } else { Source::StoredElse(id) };
            }
        }
        for (name, is_constraint) in [("constraintMsg", true), ("requiredMsg", false)] {
            if let Some(message) = bind.attribute((JAVAROSA, name)) {
                let texts = match itext_id(message) {
                    Some(id) => self.itext_of(id, "", subject, &place(self, name)),
                    None => self.plain(message, &place(self, name)),
                };
                let question = &mut self.questions[index.as_usize()];
                if is_constraint {
                    question.constraint_messages = texts;
                } else {
                    question.required_messages = texts;
                }
            }
        }
        if let Some(preload) = bind.attribute((JAVAROSA, "preload")).filter(|preload| *preload == "uid") {
            let question = &mut self.questions[index.as_usize()];
            question.parameters.insert("preload".into(), preload.to_owned());
        }
    }

    // What only a spreadsheet says

    fn own_questions(&mut self, own: Node<'x, 'i>) {
        for node in children(own, "question") {
            let Some(index) = node.attribute("ref").and_then(|path| self.by_path.get(path)).copied() else {
                continue;
            };
            let paths = node.attribute("further_triggers").unwrap_or_default();
            let triggers: Vec<QuestionIndex> =
                paths.split_whitespace().filter_map(|path| self.by_path.get(path).copied()).collect();
            self.label_and_hint(index, node);
            let question = &mut self.questions[index.as_usize()];
            if let Some(question_type) = node.attribute("type").and_then(type_of_word) {
                question.question_type = question_type;
            }
            if let Some(key) = node.attribute("key") {
                question.key = key.into();
                self.by_key.insert(key.into(), index);
            }
            question.further_triggers = triggers;
            question.renamed_from = node.attribute("renamed_from").map(Into::into);
            question.conflict_policy = node.attribute("conflict_policy").unwrap_or_default().into();
            question.data_class = node.attribute("data_class").unwrap_or_default().into();
            question.parameters.extend(pairs(node, "parameters"));
            for (tag, target) in
                [("bind", Target::Bind), ("body", Target::Body), ("instance", Target::Instance)]
            {
                for (name, value) in pairs(node, tag) {
                    question.attributes.insert((target, name.into()), value.into());
                }
            }
        }
        // The place of a count that is no plain reference.
        let own_paths: HashSet<&str> =
            children(own, "question").filter_map(|node| node.attribute("ref")).collect();
        for at in 0..self.questions.len() {
            let path = &self.elements[at].0;
            let told = self.body.repeats.get(path).and_then(|repeat| repeat.attribute((JAVAROSA, "count")));
            let place = told.map(str::trim).filter(|count| count.starts_with(&format!("{path}_count")));
            let Some(index) = place.and_then(|place| self.by_path.get(place)).copied() else { continue };
            let is_own = place.is_some_and(|place| own_paths.contains(place));
            self.questions[index.as_usize()].generated =
                !is_own && !self.body.controls.contains_key(place.unwrap_or(""));
        }
    }

    fn rules(&mut self, own: Node<'x, 'i>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for node in children(own, "rule") {
            let attribute = |name: &str| node.attribute(name).unwrap_or_default();
            let place = self.place(node, "rule");
            let repeat = self.by_path.get(attribute("repeat")).copied();
            let scope =
                repeat.and_then(|repeat| self.questions[repeat.as_usize()].opens).unwrap_or(ScopeIndex::ROOT);
            let subject = Subject::Instance(scope);
            let level = match attribute("level") {
                "warn" => Level::Warn,
                "central" => Level::Central,
                _ => Level::Block,
            };
            let id = format!("lakou:rule-{}", attribute("text"));
            let messages = if self.itext.texts.contains_key(&id) {
                self.itext_of(&id, "", subject, &place)
            } else {
                let pieces = pieces_of(node);
                Translations(vec![self.template(&pieces, subject, &place)])
            };
            let relevant = attribute("relevant");
            let relevant = match relevant {
                "" => None,
                text => self.expression(text, subject, &place),
            };
            let Some(expression) = self.expression(attribute("expression"), subject, &place) else {
                continue;
            };
            rules.push(Rule { id: attribute("id").into(), level, expression, relevant, scope, messages });
        }
        rules
    }

    /// ODK's entities: an element `entity` in a `meta`, of the record or of a repeat.
    fn entities(&self) -> Vec<Entity> {
        let is_entity = |question: &&Question| {
            question.meta
                && local(&question.name) == "entity"
                && question.question_type != QuestionType::Attribute
        };
        let mut found = Vec::new();
        for question in self.questions.iter().filter(is_entity) {
            let (path, element) = &self.elements[question.index.as_usize()];
            let Some(list) = element.attribute("dataset") else { continue };
            let calculated = |suffix: &str| {
                let index = self.by_path.get(&format!("{path}{suffix}"))?;
                match self.questions[index.as_usize()].source {
                    Source::Calculated(id) | Source::StoredElse(id) => Some(id),
                    Source::Stored => None,
                }
            };
            found.push(Entity {
                list: list.into(),
                scope: question.scope,
                label: calculated("/label"),
                entity_id: calculated("/@id"),
                create_if: calculated("/@create"),
                update_if: calculated("/@update"),
            });
        }
        found
    }

    fn in_order_of_the_sheet(&self, own: Node<'_, '_>, entities: &mut [Entity]) {
        let listed: Vec<(&str, &str)> = children(own, "entity")
            .map(|node| {
                (node.attribute("list").unwrap_or_default(), node.attribute("repeat").unwrap_or_default())
            })
            .collect();
        entities.sort_by_key(|entity| {
            let repeat = self.scopes[entity.scope.as_usize()].repeat;
            let path = repeat.map_or("", |repeat| self.elements[repeat.as_usize()].0.as_str());
            listed.iter().position(|told| *told == (&*entity.list, path)).unwrap_or(usize::MAX)
        });
    }

    fn saves_to(&mut self, own: Option<Node<'x, 'i>>, entities: &[Entity]) {
        let mut lists: HashMap<&str, Option<&str>> = HashMap::new();
        for node in own.into_iter().flat_map(|own| children(own, "question")) {
            lists.entry(node.attribute("ref").unwrap_or_default()).or_insert(node.attribute("list"));
        }
        for at in 0..self.questions.len() {
            let (path, _) = &self.elements[at];
            let Some(bind) = self.binds.get(path) else { continue };
            let Some(property) = bind.attributes().find(|attribute| attribute.name() == "saveto") else {
                continue;
            };
            let scope = self.questions[at].scope;
            let told = lists.get(path.as_str()).copied().flatten();
            let entity = entities
                .iter()
                .position(|entity| entity.scope == scope && told.is_none_or(|list| *list == *entity.list));
            self.questions[at].save_to = entity.map(|entity| (entity, property.value().into()));
        }
    }

    // Controls

    fn controls(&mut self) {
        for at in 0..self.questions.len() {
            let index = QuestionIndex(at as u32);
            let (path, _) = self.elements[at].clone();
            if let Some(repeat) = self.body.repeats.get(&path).copied() {
                self.repeat_control(index, repeat);
            }
            if let Some(control) = self.body.controls.get(&path).copied() {
                self.control(index, control);
            }
        }
    }

    fn repeat_control(&mut self, index: QuestionIndex, repeat: Node<'x, 'i>) {
        let place = self.place(repeat, "jr:count");
        self.questions[index.as_usize()].fixed_count =
            repeat.attribute((JAVAROSA, "noAddRemove")).is_some_and(|text| text.trim() == "true()");
        if let Some(count) = repeat.attribute((JAVAROSA, "count")) {
            let id = self.expression(count, Subject::Question(index), &place);
            self.questions[index.as_usize()].repeat_count = id;
        }
        // The label of the repeat, else of the group that is nothing but the repeat.
        let around = repeat.parent_element().filter(|node| node.tag_name().name() == "group");
        let label = children(repeat, "label").next().or_else(|| children(around?, "label").next());
        if let Some(label) = label {
            let texts = self.texts(label, Subject::Question(index));
            self.questions[index.as_usize()].labels = texts;
        }
    }

    fn control(&mut self, index: QuestionIndex, control: Node<'x, 'i>) {
        self.label_and_hint(index, control);
        let has_own = self.has_own;
        let question = &mut self.questions[index.as_usize()];
        question.appearance = control.attribute("appearance").unwrap_or_default().into();
        for name in ["start", "end", "step"].into_iter().filter(|_| !has_own) {
            if let Some(value) = control.attribute(name) {
                question.parameters.insert(name.to_owned(), value.to_owned());
            }
        }
        if matches!(control.tag_name().name(), "select" | "select1" | "rank") {
            self.options(index, control);
        }
    }

    fn label_and_hint(&mut self, index: QuestionIndex, control: Node<'x, 'i>) {
        let subject = Subject::Question(index);
        if self.questions[index.as_usize()].opens.is_none()
            && let Some(label) = children(control, "label").next()
        {
            let texts = self.texts(label, subject);
            self.questions[index.as_usize()].labels = texts;
            if let Some(id) = label.attribute("ref").and_then(itext_id) {
                let place = self.place(label, "label");
                for form in ["image", "audio", "video", "big-image"] {
                    let mut texts = self.itext_of(id, form, subject, &place);
                    for template in &mut texts.0 {
                        template.raw = crate::xform::file_name(&template.raw).into();
                    }
                    if !texts.is_empty() {
                        self.questions[index.as_usize()].media.insert(form, texts);
                    }
                }
            }
        }
        if let Some(hint) = children(control, "hint").next() {
            let texts = self.texts(hint, subject);
            self.questions[index.as_usize()].hints = texts;
            if let Some(id) = hint.attribute("ref").and_then(itext_id) {
                let place = self.place(hint, "hint");
                let texts = self.itext_of(id, "guidance", subject, &place);
                self.questions[index.as_usize()].guidance = texts;
            }
        }
    }

    fn options(&mut self, index: QuestionIndex, control: Node<'x, 'i>) {
        if let Some(itemset) = children(control, "itemset").next() {
            self.itemset(index, itemset);
            return;
        }
        let items: Vec<Node<'x, 'i>> = children(control, "item").collect();
        let languages = self.itext.languages.len().max(1);
        let mut names = Texts::default();
        let mut labels = vec![Texts::default(); languages];
        let mut live_labels = LiveLabels::new();
        for item in items {
            let value = children(item, "value").next().and_then(|value| value.text()).unwrap_or_default();
            let value = value.trim();
            let label = children(item, "label").next();
            let id = label.and_then(|label| label.attribute("ref")).and_then(itext_id);
            let translated = id.map(|id| self.itext.get(id, "")).unwrap_or_default();
            let own = label.map(pieces_of).unwrap_or_default();
            let length = translated.iter().copied().flatten().chain(&own).map(TextPiece::len).sum::<usize>();
            if !self.itext.room.take(value.len() + (length + size_of::<u32>()) * languages) {
                return;
            }
            let said = if id.is_some() { translated.clone() } else { vec![own.as_slice(); languages] };
            live_labels.extend(with_outputs(&said, &self.itext).map(|texts| (names.len() as u32, texts)));
            names.push(value);
            let own = plain_text(&own);
            for (language, labels) in labels.iter_mut().enumerate() {
                let text = translated.get(language).map(|pieces| plain_text(pieces)).unwrap_or_default();
                labels.push(if text.is_empty() { &own } else { &text });
            }
        }
        let list = self.secondary.add_list("", ChoiceList::new("", names, labels, Vec::new()));
        self.secondary.live_labels.push((list, live_labels));
        self.questions[index.as_usize()].list = Some(list);
    }

    fn itemset(&mut self, index: QuestionIndex, itemset: Node<'x, 'i>) {
        let written = itemset.attribute("nodeset").unwrap_or_default();
        // The order of a list is a matter of its question's parameters.
        let nodes = match self.questions[index.as_usize()].parameters.get("randomize") {
            Some(_) => unshuffled(written).unwrap_or(written).to_owned(),
            None => written.to_owned(),
        };
        let reference = |name| children(itemset, name).next().and_then(|node| node.attribute("ref"));
        let value = reference("value").unwrap_or("name").trim().to_owned();
        let label = reference("label").unwrap_or("label").trim().to_owned();
        let place = self.place(itemset, "itemset");
        let subject = Subject::Question(index);
        let translated = label.starts_with("jr:itext(");
        let parameters = &self.questions[index.as_usize()].parameters;
        let told = |name: &str, column: &str| parameters.get(name).is_some_and(|told| told == column);
        let usual = (value == "name" || told("value", &value))
            && (translated || label == "label" || told("label", &label));
        if usual {
            let found = resolve::list_of(&self.names(), &nodes);
            match found {
                Some((list, None)) => {
                    self.questions[index.as_usize()].list = Some(list);
                    return;
                }
                Some((list, Some(filter))) => {
                    if let Ok((filter, resolved)) =
                        resolve::choice_filter_of(&self.names(), &nodes, &filter, index, list)
                    {
                        let id = self.keep(Ok(resolved), &place);
                        let question = &mut self.questions[index.as_usize()];
                        question.list = Some(list);
                        question.choice_filter = id.map(|id| ListFilter(filter, id));
                        return;
                    }
                }
                None => {}
            }
        }
        let (written_value, written_label) = (value.clone(), label.clone());
        match resolve::itemset(&self.names(), &nodes, &value, &label, subject) {
            Ok((resolved, value, label)) => {
                if let Some(nodes) = self.keep(Ok(resolved), &place) {
                    let (value_source, label_source) = (written_value.into(), written_label.into());
                    self.questions[index.as_usize()].itemset =
                        Some(Box::new(Itemset { nodes, value, label, value_source, label_source }));
                }
            }
            Err(trouble) => self.report.error(place, trouble),
        }
    }

    // Texts

    /// A label's or hint's, in every language.
    fn texts(&mut self, node: Node<'x, 'i>, subject: Subject) -> Translations {
        let place = self.place(node, node.tag_name().name());
        match node.attribute("ref") {
            Some(reference) => match itext_id(reference) {
                Some(id) => self.itext_of(id, "", subject, &place),
                None => {
                    let value = self.expression(reference, subject, &place).map(Segment::Value);
                    let segments: Vec<Segment> = value.into_iter().collect();
                    Translations(vec![Template { raw: reference.into(), segments }])
                }
            },
            None => {
                let pieces = pieces_of(node);
                Translations(vec![self.template(&pieces, subject, &place)])
            }
        }
    }

    /// A bind's message, which is the same in every language.
    fn plain(&mut self, text: &str, place: &Place) -> Translations {
        let pieces = [TextPiece::Text(text.to_owned())];
        Translations(vec![self.template(&pieces, Subject::Instance(ScopeIndex::ROOT), place)])
    }

    fn itext_of(&mut self, id: &str, form: &str, subject: Subject, place: &Place) -> Translations {
        let by_language: Vec<Vec<TextPiece>> =
            self.itext.get(id, form).into_iter().map(<[TextPiece]>::to_vec).collect();
        Translations(by_language.iter().map(|pieces| self.template(pieces, subject, place)).collect())
    }

    fn template(&mut self, pieces: &[TextPiece], subject: Subject, place: &Place) -> Template {
        let length: usize = pieces.iter().map(TextPiece::len).sum();
        if length > MAX_CELL_BYTES {
            let found = (format!("un texte de {length} octets"), format!("a text of {length} bytes"));
            self.report.error(place.clone(), too_large(found, at_most(MAX_CELL_BYTES)));
        }
        if length > MAX_CELL_BYTES || !self.itext.room.take(length + size_of::<Template>()) {
            return Template::default();
        }
        let mut raw = String::new();
        let mut segments = Vec::new();
        let mut has_output = false;
        for piece in pieces {
            match piece {
                TextPiece::Text(text) => {
                    raw.push_str(text);
                    segments.push(Segment::Text(text.as_str().into()));
                }
                TextPiece::Output(expression) => {
                    has_output = true;
                    raw.push_str(&format!("${{{expression}}}"));
                    segments.extend(self.expression(expression, subject, place).map(Segment::Value));
                }
            }
        }
        Template { raw: raw.into(), segments: if has_output { segments } else { Vec::new() } }
    }

    /// The labels of choices that show answers, as they are around the selects that offer them.
    fn live_labels(&mut self) {
        let place = Place::new("XForm", 0, "itext");
        for (list, rows) in std::mem::take(&mut self.secondary.live_labels) {
            if rows.is_empty() || list.as_usize() >= self.secondary.lists.len() {
                continue;
            }
            let scope = offered_in(&self.questions, &self.scopes, list);
            let mut labels = BTreeMap::new();
            let subject = Subject::Instance(scope);
            for (row, mut texts) in rows {
                for piece in texts.iter_mut().flatten() {
                    if let TextPiece::Output(path) = piece
                        && let Some(index) = self.by_path.get(path.as_str())
                    {
                        *path = resolve::reference_path(&self.names(), subject, *index, false);
                    }
                }
                let templates = texts.iter().map(|pieces| self.template(pieces, subject, &place));
                labels.insert(row, Translations(templates.collect()));
            }
            let around = resolve::path_around(&self.names(), scope);
            name_from_root(&mut self.programs, &labels, &around);
            self.secondary.lists[list.as_usize()].set_live_labels(scope, labels);
        }
    }

    fn itext_templates(&mut self) -> HashMap<Box<str>, Translations> {
        let ids: Vec<String> = self.itext.texts.keys().cloned().collect();
        let place = Place::new("XForm", 0, "itext");
        let mut found = HashMap::new();
        for id in ids {
            let texts = self.itext_of(&id, "", Subject::Instance(ScopeIndex::ROOT), &place);
            found.insert(id.into(), texts);
        }
        found
    }

    // Actions

    fn actions(&mut self, model: Node<'x, 'i>) -> Vec<Action> {
        let in_model = children(model, "setvalue").map(|node| ActionPlace {
            node,
            around: String::new(),
            in_repeat: false,
        });
        let places: Vec<ActionPlace<'x, 'i>> = in_model.chain(self.body.actions.clone()).collect();
        places.into_iter().filter_map(|place| self.action(&place)).collect()
    }

    fn action(&mut self, place: &ActionPlace<'x, 'i>) -> Option<Action> {
        let node = place.node;
        let event = node.attributes().find(|attribute| attribute.name() == "event")?.value();
        let has = |name: &str| event.split_whitespace().any(|word| word == name);
        let events = Events {
            first_load: has("odk-instance-first-load") || has("xforms-ready"),
            load: has("odk-instance-load"),
            new_repeat: has("odk-new-repeat"),
            value_changed: has("xforms-value-changed"),
        };
        let named = node.attribute("bind").and_then(|id| self.bind_ids.get(id).cloned());
        let reference = node.attribute("ref").map(str::to_owned).or(named)?;
        let path = absolute(&reference, &place.around);
        let said = self.place(node, "setvalue");
        let Some(target) = self.by_path.get(&path).copied() else {
            self.report.warn(
                said,
                Trouble::told(
                    "unknown-reference",
                    quoted(&reference),
                    ("une place de l'instance", "a place of the instance"),
                )
                .fix("Corrigez la référence.", "Correct the reference."),
            );
            return None;
        };
        let value = match node.attribute("value").filter(|value| !value.trim().is_empty()) {
            Some(value) => ActionValue::Expr(self.expression(value, Subject::Question(target), &said)?),
            None => ActionValue::Literal(node.text().unwrap_or_default().trim().into()),
        };
        let around = self.by_path.get(&place.around).copied();
        let repeat = around
            .map(|index| &self.questions[index.as_usize()])
            .map(|question| question.opens.unwrap_or(question.scope));
        // A predicate says which of several instances is meant.
        let nodes = if reference.contains('[') {
            let subject = Subject::Question(around.unwrap_or(target));
            self.expression(&reference, subject, &said)
        } else {
            None
        };
        Some(Action {
            events,
            target,
            nodes,
            value,
            trigger: around.filter(|_| !place.in_repeat && events.value_changed),
            repeat,
        })
    }

    /// A record that is made elsewhere than in an interview begins with the same values.
    fn default_of(&mut self, action: &Action) {
        let question = &mut self.questions[action.target.as_usize()];
        match &action.value {
            ActionValue::Expr(id) if action.events.first_load || action.events.new_repeat => {
                question.default = Some(FormDefault::Expr(*id));
            }
            ActionValue::Expr(id) => {
                if let Some(trigger) = action.trigger {
                    match question.trigger {
                        // Our own instance said so: which one is the first is not a matter of their order here.
                        _ if question.further_triggers.contains(&trigger) => {}
                        Some((first, _)) if first != trigger => question.further_triggers.push(trigger),
                        _ => question.trigger = Some((trigger, *id)),
                    }
                }
            }
            ActionValue::Literal(_) => {}
        }
    }
}

fn line_of(line_starts: &[usize], node: Node<'_, '_>) -> u32 {
    line_starts.partition_point(|start| *start <= node.range().start) as u32
}

/// A bind's type, without its prefix.
fn data_type_of(name: &str) -> QuestionType {
    use QuestionType as T;
    match name {
        "int" | "integer" | "long" => T::Integer,
        "decimal" | "double" | "float" => T::Decimal,
        "date" => T::Date,
        "time" => T::Time,
        "dateTime" => T::DateTime,
        "geopoint" => T::Geopoint,
        "geotrace" => T::Geotrace,
        "geoshape" => T::Geoshape,
        "barcode" => T::Barcode,
        _ => T::Text,
    }
}

/// A new instance of a repeat without a template has the places of the first one and none of its values.
fn blank_if_not_template(seed: Seed, is_template: bool) -> Seed {
    if is_template {
        return seed;
    }
    let blank = |(scope, inner)| (scope, blank_if_not_template(inner, false));
    Seed { values: Vec::new(), repeats: seed.repeats.into_iter().map(blank).collect() }
}

/// `nodes` of `randomize(nodes, seed)`.
fn unshuffled(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("randomize(")?.strip_suffix(')')?;
    let mut depth = 0_i32;
    for (at, c) in inside.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => return Some(inside[..at].trim()),
            _ => {}
        }
    }
    Some(inside.trim())
}

fn pairs(node: Node<'_, '_>, tag: &'static str) -> Vec<(String, String)> {
    let text = |pair: Node<'_, '_>| pair.text().unwrap_or_default().to_owned();
    children(node, tag)
        .flat_map(|holder| children(holder, "pair"))
        .filter_map(|pair| Some((pair.attribute("name")?.to_owned(), text(pair))))
        .collect()
}

/// What our own instance says to the programs that show, send and keep a form.
fn publication(own: Node<'_, '_>) -> Publication {
    let attribute = |name: &str| own.attribute(name).unwrap_or_default().to_owned();
    Publication {
        namespaces: attribute("namespaces"),
        style: attribute("style"),
        public_key: attribute("public_key"),
        submission_url: attribute("submission_url"),
        auto_send: attribute("auto_send"),
        auto_delete: attribute("auto_delete"),
        clean_text_values: own.attribute("clean_text_values").is_none(),
        audit: children(own, "audit").next().map(|_| pairs(own, "audit").into_iter().collect()),
        others: pairs(own, "settings").into_iter().collect(),
        ..Publication::default()
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn prefixed_namespace(element: Node<'_, '_>, name: &str) -> String {
    if name.contains(':') {
        element.tag_name().namespace().unwrap_or_default().to_owned()
    } else {
        String::new()
    }
}

/// Those in force at the record's element, by prefix.
fn namespaces(primary: Node<'_, '_>) -> Vec<(Box<str>, Box<str>)> {
    primary
        .namespaces()
        .filter_map(|namespace| Some((namespace.name()?.into(), namespace.uri().into())))
        .filter(|(prefix, _): &(Box<str>, Box<str>)| &**prefix != "xml")
        .collect()
}

/// And those that we write ourselves.
fn with_our_own(mut found: Vec<(Box<str>, Box<str>)>) -> Vec<(Box<str>, Box<str>)> {
    for (prefix, uri) in [("orx", OPENROSA), ("jr", JAVAROSA), ("odk", ODK)] {
        if !found.iter().any(|(known, _)| &**known == prefix) {
            found.push((prefix.into(), uri.into()));
        }
    }
    found
}
