//! An expression over an XML document that is not a form: how the engine is held against recorded results of others.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use record_model::{Answers, Visit};

use crate::arena::Arena;
use crate::diagnostics::Trouble;
use crate::form::{DocIndex, Form};
use crate::template::{Template, Translations};
use crate::xml::{self, XmlDoc, XmlKind};
use crate::xpath::eval::{Budget, Clock, Context, Evaluator, NodeRef, Val};
use crate::xpath::program::{ExprId, Program};
use crate::xpath::resolve::{self, Allows, Names, Source, Subject};

/// Which functions an expression may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Functions {
    /// ODK's.
    Odk,
    /// ODK's, where they are what ODK Collect can run: what its engine refuses is refused.
    Collect,
    /// Those of XPath 1.0 alone.
    Plain,
}

/// An expression over an XML document.
#[derive(Debug)]
pub struct XmlExpression;

impl XmlExpression {
    /// The value of an expression, seen from a node: `/data[1]/a[2]`, ending in `/@name` or `/text()[1]` for an attribute
    /// or text; `/` for the document. Err says why the document, the node or the expression is refused, or why it has no
    /// value.
    pub fn evaluate(
        xml: &str,
        context_node: &str,
        expression: &str,
        visit: Visit,
        functions: Functions,
    ) -> Result<XmlValue, String> {
        let parsed = xml::parse(xml, true)?;
        let doc = XmlDoc::of(&parsed);
        let node = find(&doc, context_node).ok_or_else(|| format!("no node {context_node}"))?;
        let program = compile(expression, &doc, functions)?;
        let mut form = Form::empty();
        if let Some((languages, itext)) = itext_of(&parsed) {
            form.languages = languages;
            form.itext = itext;
        }
        form.programs.push(program);
        form.docs.push(doc);
        let arena = Arena::lay_out(&form, &Answers::new());
        let fault = RefCell::new(None);
        let value = {
            let evaluator = Evaluator {
                form: &form,
                arena: &arena,
                clock: Clock::at(visit),
                language: 0,
                reads: None,
                uuid: SEED,
                fault: Some(&fault),
                budget: Budget::default(),
            };
            let context = Context::document(NodeRef::Xml { doc: DocIndex(0), node });
            settled(&evaluator, evaluator.run(ExprId(0), context))
        };
        fault.into_inner().map_or(Ok(value), Err)
    }
}

/// What `uuid()` and `random()` come from here.
const SEED: &str = "00000000-0000-4000-8000-000000000000";

/// What an expression came to.
#[derive(Debug, Clone)]
pub struct XmlValue {
    boolean: bool,
    number: f64,
    text: String,
    nodes: Option<Vec<String>>,
}

impl XmlValue {
    /// As a truth value.
    pub fn boolean(&self) -> bool {
        self.boolean
    }

    /// As a number; NaN when it is none.
    pub fn number(&self) -> f64 {
        self.number
    }

    /// As text.
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// The paths of the nodes in document order; none when it is no set of nodes.
    pub fn nodes(&self) -> Option<Vec<String>> {
        self.nodes.clone()
    }
}

fn settled<'e>(evaluator: &Evaluator<'e>, value: Val<'e>) -> XmlValue {
    let value = match value {
        Val::Nodes(mut nodes) => {
            evaluator.sort(&mut nodes);
            Val::Nodes(nodes)
        }
        other => other,
    };
    let nodes = match &value {
        Val::Nodes(nodes) => Some(
            nodes
                .iter()
                .filter_map(|node| match node {
                    NodeRef::Xml { doc, node } => Some(path_of(evaluator.form.doc(*doc), *node)),
                    _ => None,
                })
                .collect(),
        ),
        _ => None,
    };
    XmlValue {
        boolean: evaluator.bool_of(&value),
        number: evaluator.number_of(&value),
        text: evaluator.text_of(value).into_owned(),
        nodes,
    }
}

fn compile(expression: &str, doc: &XmlDoc, functions: Functions) -> Result<Program, String> {
    let nowhere = HashMap::new();
    let names = Names {
        source: if functions == Functions::Plain { Source::Plain } else { Source::Document },
        questions: &[],
        by_name: &nowhere,
        ambiguous: &HashSet::new(),
        scopes: &[],
        lists: &[],
        list_names: &HashMap::new(),
        doc_names: &HashMap::new(),
        root: "",
        namespaces: &doc.namespaces,
        work: &Cell::new(0),
    };
    let allows = Allows { uuid: functions != Functions::Plain, once: false };
    let said = |trouble: &Trouble| format!("found {}, expected {}", trouble.found, trouble.expected);
    let resolved =
        resolve::expression(&names, expression, Subject::Document, allows).map_err(|t| said(&t))?;
    let refused = resolved.warnings.iter().find(|trouble| trouble.code == resolve::NOT_ON_PHONES);
    match refused.filter(|_| functions == Functions::Collect) {
        Some(trouble) => Err(said(trouble)),
        None => Ok(resolved.program),
    }
}

type TextsById = HashMap<Box<str>, Translations>;

/// The texts that `jr:itext()` finds, when the document is a form: languages, and texts by id.
fn itext_of(document: &roxmltree::Document<'_>) -> Option<(Vec<String>, TextsById)> {
    let itext = document.descendants().find(|node| node.tag_name().name() == "itext")?;
    let translations: Vec<_> =
        itext.children().filter(|node| node.tag_name().name() == "translation").collect();
    let languages =
        translations.iter().map(|node| node.attribute("lang").unwrap_or_default().to_owned()).collect();
    let mut texts = TextsById::new();
    for (language, translation) in translations.iter().enumerate() {
        for text in translation.children().filter(|node| node.tag_name().name() == "text") {
            let raw: String =
                text.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
            let entry = texts.entry(text.attribute("id").unwrap_or_default().into()).or_default();
            entry.0.resize_with(language + 1, Template::default);
            entry.0[language] = Template { raw: raw.trim().into(), segments: Vec::new() };
        }
    }
    Some((languages, texts))
}

// Canonical paths

/// The step of a node among its siblings: `a[2]`, `@x`, `text()[1]`.
fn step_of(doc: &XmlDoc, node: u32) -> String {
    let here = doc.node(node);
    let label = |at: u32| {
        let node = doc.node(at);
        match node.kind {
            XmlKind::Text => "text()".to_owned(),
            XmlKind::Comment => "comment()".to_owned(),
            XmlKind::Instruction => "pi()".to_owned(),
            _ => node.name.to_string(),
        }
    };
    if here.kind == XmlKind::Attribute {
        return format!("@{}", here.name);
    }
    let own = label(node);
    let before = usize::from(here.parent == 0 && *doc.doctype == own);
    let position = before
        + doc.children(here.parent).take_while(|at| *at <= node).filter(|at| label(*at) == own).count();
    format!("{own}[{position}]")
}

fn path_of(doc: &XmlDoc, node: u32) -> String {
    let mut steps = Vec::new();
    let mut at = node;
    while at != 0 {
        steps.push(step_of(doc, at));
        at = doc.node(at).parent;
    }
    steps.reverse();
    format!("/{}", steps.join("/"))
}

fn find(doc: &XmlDoc, path: &str) -> Option<u32> {
    let mut at = 0;
    for step in path.split('/').filter(|step| !step.is_empty()) {
        at = doc.children(at).chain(doc.attributes(at)).find(|child| step_of(doc, *child) == step)?;
    }
    Some(at)
}
