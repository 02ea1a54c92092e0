//! The record, its lists and its documents as one kind of tree, for the steps that cannot be known beforehand.

use std::borrow::Cow;

use crate::form::{Question, QuestionIndex, QuestionType};
use crate::xml::XmlKind;
use crate::xpath::ast::Axis;
use crate::xpath::eval::{Context, Evaluator, NodeRef};
use crate::xpath::number::parse_number;
use crate::xpath::program::{Column, Node, NodeTest};

/// What a node is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NodeName<'e> {
    /// With its prefix.
    pub(crate) qualified: &'e str,
    pub(crate) uri: &'e str,
}

impl<'e> NodeName<'e> {
    pub(crate) fn local(self) -> &'e str {
        self.qualified.rsplit_once(':').map_or(self.qualified, |(_, local)| local)
    }
}

/// What the node tests tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Root,
    Element,
    Attribute,
    Text,
    Comment,
    Instruction,
}

impl<'e> Evaluator<'e> {
    fn kind(&self, node: NodeRef) -> Kind {
        match node {
            NodeRef::Root => Kind::Root,
            NodeRef::Text { .. } => Kind::Text,
            NodeRef::Cell { question, .. } if self.is_attribute(question) => Kind::Attribute,
            NodeRef::Xml { doc, node } => match self.form.doc(doc).node(node).kind {
                XmlKind::Document => Kind::Root,
                XmlKind::Element => Kind::Element,
                XmlKind::Attribute => Kind::Attribute,
                XmlKind::Text => Kind::Text,
                XmlKind::Comment => Kind::Comment,
                XmlKind::Instruction => Kind::Instruction,
            },
            _ => Kind::Element,
        }
    }

    fn is_attribute(&self, question: QuestionIndex) -> bool {
        self.form.question(question).question_type == QuestionType::Attribute
    }

    pub(crate) fn name(&self, node: NodeRef) -> NodeName<'e> {
        let plain = |qualified| NodeName { qualified, uri: "" };
        let question =
            |question: &'e Question| NodeName { qualified: &question.name, uri: &question.namespace };
        match node {
            NodeRef::Root | NodeRef::Text { .. } => NodeName::default(),
            NodeRef::Cell { question: index, .. } => question(self.form.question(index)),
            NodeRef::Instance(instance) => {
                match self.form.scope(self.arena.instance(instance).scope).repeat {
                    Some(repeat) => question(self.form.question(repeat)),
                    None => plain(&self.form.root_name),
                }
            }
            NodeRef::List(_) => plain("instance"),
            NodeRef::ListRoot(_) => plain("root"),
            NodeRef::Item { .. } => plain("item"),
            NodeRef::Field { list, column, .. } => plain(self.form.list(list).column_name(column)),
            NodeRef::Xml { doc, node } => {
                let node = self.form.doc(doc).node(node);
                NodeName { qualified: &node.name, uri: &node.uri }
            }
        }
    }

    pub(crate) fn fits(&self, node: NodeRef, test: &NodeTest, axis: Axis) -> bool {
        let kind = self.kind(node);
        let principal = if axis == Axis::Attribute { Kind::Attribute } else { Kind::Element };
        match test {
            NodeTest::Node => true,
            NodeTest::Text => kind == Kind::Text,
            NodeTest::Comment => kind == Kind::Comment,
            NodeTest::Instruction(target) => {
                kind == Kind::Instruction
                    && target.as_ref().is_none_or(|target| self.name(node).qualified == &**target)
            }
            NodeTest::Any(uri) => {
                kind == principal && uri.as_ref().is_none_or(|uri| self.name(node).uri == &**uri)
            }
            NodeTest::Name { uri, local } => {
                let name = self.name(node);
                kind == principal
                    && match uri {
                        Some(uri) => name.local() == &**local && name.uri == &**uri,
                        // Without a prefix, a name without one.
                        None => name.qualified == &**local,
                    }
            }
        }
    }

    // The tree

    /// Elements, texts, comments and instructions directly inside. What is not relevant is not there.
    pub(crate) fn children(&self, node: NodeRef) -> Vec<NodeRef> {
        match node {
            NodeRef::Root => vec![NodeRef::Instance(0)],
            NodeRef::Instance(instance) => {
                let repeat = self.form.scope(self.arena.instance(instance).scope).repeat;
                self.questions_inside(instance, repeat, false)
            }
            NodeRef::Cell { instance, question } => match self.form.question(question).question_type {
                QuestionType::Group => self.questions_inside(instance, Some(question), false),
                QuestionType::Repeat | QuestionType::Attribute => Vec::new(),
                _ if self.node_text(node).is_empty() => Vec::new(),
                _ => vec![NodeRef::Text { instance, question }],
            },
            NodeRef::Text { .. } => Vec::new(),
            NodeRef::List(list) => vec![NodeRef::ListRoot(list)],
            NodeRef::ListRoot(list) => {
                (0..self.form.list(list).len() as u32).map(|row| NodeRef::Item { list, row }).collect()
            }
            NodeRef::Item { list, row } => {
                let extra =
                    (0..self.form.list(list).column_names().count()).map(|at| Column::Extra(at as u16));
                let columns = [Column::Name, Column::Label].into_iter().chain(extra);
                columns.map(|column| NodeRef::Field { list, row, column }).collect()
            }
            NodeRef::Field { .. } => Vec::new(),
            NodeRef::Xml { doc, node } => {
                self.form.doc(doc).children(node).map(|node| NodeRef::Xml { doc, node }).collect()
            }
        }
    }

    fn attributes(&self, node: NodeRef) -> Vec<NodeRef> {
        match node {
            NodeRef::Instance(instance) => {
                let repeat = self.form.scope(self.arena.instance(instance).scope).repeat;
                self.questions_inside(instance, repeat, true)
            }
            NodeRef::Cell { instance, question } if !self.is_attribute(question) => {
                self.questions_inside(instance, Some(question), true)
            }
            NodeRef::Xml { doc, node } => {
                self.form.doc(doc).attributes(node).map(|node| NodeRef::Xml { doc, node }).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The attributes, or all but the attributes.
    fn questions_inside(
        &self,
        instance: u32,
        holder: Option<QuestionIndex>,
        attributes: bool,
    ) -> Vec<NodeRef> {
        let (from, to) = match holder {
            None => (0, self.form.questions.len()),
            Some(holder) => (holder.as_usize() + 1, self.form.question(holder).end.as_usize()),
        };
        let mut found = Vec::new();
        let mut at = from;
        while at < to {
            let question = &self.form.questions[at];
            at = question.end.as_usize().max(at + 1);
            if self.is_attribute(question.index) != attributes {
                continue;
            }
            if !self.arena.cell(self.form, instance, question.index).relevant {
                self.note_cell(instance, question.index);
                continue;
            }
            match question.opens {
                Some(scope) => {
                    self.note_instances(scope);
                    let instances = self.arena.inside(self.form, instance, scope);
                    found.extend(instances.iter().map(|inner| NodeRef::Instance(*inner)));
                }
                None => found.push(NodeRef::Cell { instance, question: question.index }),
            }
        }
        found
    }

    pub(crate) fn parent(&self, node: NodeRef) -> Option<NodeRef> {
        let around = |instance: u32, question: QuestionIndex| match self.form.question(question).parent {
            Some(parent) if self.form.question(parent).opens.is_none() => {
                NodeRef::Cell { instance, question: parent }
            }
            _ => NodeRef::Instance(instance),
        };
        match node {
            NodeRef::Root | NodeRef::List(_) => None,
            NodeRef::Cell { instance, question } => Some(around(instance, question)),
            NodeRef::Text { instance, question } => Some(NodeRef::Cell { instance, question }),
            NodeRef::Instance(instance) => {
                let here = self.arena.instance(instance);
                Some(match self.form.scope(here.scope).repeat {
                    None => NodeRef::Root,
                    Some(repeat) => around(here.parent, repeat),
                })
            }
            NodeRef::ListRoot(list) => Some(NodeRef::List(list)),
            NodeRef::Item { list, .. } => Some(NodeRef::ListRoot(list)),
            NodeRef::Field { list, row, .. } => Some(NodeRef::Item { list, row }),
            NodeRef::Xml { node: 0, .. } => None,
            NodeRef::Xml { doc, node } => {
                Some(NodeRef::Xml { doc, node: self.form.doc(doc).node(node).parent })
            }
        }
    }

    /// The nodes of an axis, nearest first.
    pub(crate) fn axis(&self, node: NodeRef, axis: Axis) -> Vec<NodeRef> {
        match axis {
            Axis::Own => vec![node],
            Axis::Child => {
                let children = self.children(node);
                if self.may_see(children.len()) { children } else { Vec::new() }
            }
            Axis::Attribute => self.attributes(node),
            Axis::Parent => self.parent(node).into_iter().collect(),
            Axis::Ancestor => std::iter::successors(self.parent(node), |at| self.parent(*at)).collect(),
            Axis::AncestorOrSelf => std::iter::successors(Some(node), |at| self.parent(*at)).collect(),
            Axis::Descendant => self.inside(node, false),
            Axis::DescendantOrSelf => self.inside(node, true),
            Axis::FollowingSibling => self.siblings(node).1,
            Axis::PrecedingSibling => {
                let mut before = self.siblings(node).0;
                before.reverse();
                before
            }
            Axis::Following => self.beside(node, true),
            Axis::Preceding => self.beside(node, false),
            // Declarations are not nodes here.
            Axis::Namespace => Vec::new(),
        }
    }

    /// All that is inside, in document order.
    fn inside(&self, node: NodeRef, with_itself: bool) -> Vec<NodeRef> {
        let mut found = Vec::new();
        let mut open = if with_itself { vec![node] } else { self.reversed_children(node) };
        while let Some(node) = open.pop() {
            if !self.may_see(1) {
                return Vec::new();
            }
            found.push(node);
            open.extend(self.reversed_children(node));
        }
        found
    }

    fn reversed_children(&self, node: NodeRef) -> Vec<NodeRef> {
        let mut children = self.children(node);
        children.reverse();
        children
    }

    /// Before and behind, in document order.
    fn siblings(&self, node: NodeRef) -> (Vec<NodeRef>, Vec<NodeRef>) {
        if self.kind(node) == Kind::Attribute {
            return (Vec::new(), Vec::new());
        }
        let Some(parent) = self.parent(node) else { return (Vec::new(), Vec::new()) };
        let mut before = self.children(parent);
        if !self.may_see(before.len()) {
            return (Vec::new(), Vec::new());
        }
        let at = before.iter().position(|other| *other == node).unwrap_or(before.len());
        let mut behind = before.split_off(at);
        if !behind.is_empty() {
            behind.remove(0);
        }
        (before, behind)
    }

    /// Everything before or behind that is neither inside nor around.
    fn beside(&self, node: NodeRef, behind: bool) -> Vec<NodeRef> {
        let mut found = Vec::new();
        // What is inside the element of an attribute comes behind it.
        if behind
            && self.kind(node) == Kind::Attribute
            && let Some(parent) = self.parent(node)
        {
            found.extend(self.inside(parent, false));
        }
        for at in self.axis(node, Axis::AncestorOrSelf) {
            let (before, after) = self.siblings(at);
            if behind {
                after.into_iter().for_each(|sibling| found.extend(self.inside(sibling, true)));
            } else {
                for sibling in before.into_iter().rev() {
                    found.extend(self.inside(sibling, true).into_iter().rev());
                }
            }
        }
        found
    }

    // Order

    /// Document order, each node once.
    pub(crate) fn sort(&self, nodes: &mut Vec<NodeRef>) {
        if nodes.len() < 2 {
            return;
        }
        if nodes.iter().all(|node| matches!(node, NodeRef::Xml { .. })) {
            nodes.sort_unstable_by_key(|node| match node {
                NodeRef::Xml { doc, node } => (doc.0, *node),
                _ => (0, 0),
            });
        } else {
            let mut keyed: Vec<(Vec<u32>, NodeRef)> =
                nodes.iter().map(|node| (self.order_key(*node), *node)).collect();
            keyed.sort_by(|a, b| a.0.cmp(&b.0));
            *nodes = keyed.into_iter().map(|(_, node)| node).collect();
        }
        nodes.dedup();
    }

    /// Compares as the document does: what is around comes before what is inside.
    fn order_key(&self, node: NodeRef) -> Vec<u32> {
        match node {
            NodeRef::Root => vec![0],
            NodeRef::Instance(instance) => self.instance_key(instance),
            NodeRef::Cell { instance, question } => {
                let mut key = self.instance_key(instance);
                key.push(question.0 + 1);
                key
            }
            NodeRef::Text { instance, question } => {
                let mut key = self.order_key(NodeRef::Cell { instance, question });
                // Behind the attributes, which are questions of their own.
                *key.last_mut().unwrap_or(&mut 0) = self.form.question(question).end.0;
                key.push(0);
                key
            }
            NodeRef::List(list) => vec![1, u32::from(list.0)],
            NodeRef::ListRoot(list) => vec![1, u32::from(list.0), 0],
            NodeRef::Item { list, row } => vec![1, u32::from(list.0), 0, row],
            NodeRef::Field { list, row, column } => {
                let at = match column {
                    Column::Name => 0,
                    Column::Label => 1,
                    Column::Extra(at) => u32::from(at) + 2,
                };
                vec![1, u32::from(list.0), 0, row, at]
            }
            NodeRef::Xml { doc, node } => vec![2, u32::from(doc.0), node],
        }
    }

    fn instance_key(&self, instance: u32) -> Vec<u32> {
        let here = self.arena.instance(instance);
        match self.form.scope(here.scope).repeat {
            None => vec![0, 0],
            Some(repeat) => {
                let mut key = self.instance_key(here.parent);
                key.extend([repeat.0 + 1, here.position]);
                key
            }
        }
    }

    // Functions over the tree

    /// `id()`: elements whose attribute `id` is one of the words.
    pub(crate) fn with_id(&self, arg: &'e Node, context: Context) -> Vec<NodeRef> {
        let NodeRef::Xml { doc, .. } = context.current else { return Vec::new() };
        let texts: Vec<Cow<'e, str>> = match self.node_args(arg, context) {
            Some(nodes) => nodes.into_iter().map(|node| self.node_text(node)).collect(),
            None => vec![self.text(arg, context)],
        };
        let words: Vec<&str> = texts.iter().flat_map(|text| text.split_whitespace()).collect();
        let xml = self.form.doc(doc);
        if !self.may_see(xml.nodes.len()) {
            return Vec::new();
        }
        let has_id = |at: &u32| {
            xml.attributes(*at).any(|attribute| {
                let attribute = xml.node(attribute);
                &*attribute.name == "id" && words.contains(&&*attribute.value)
            })
        };
        (0..xml.nodes.len() as u32).filter(has_id).map(|node| NodeRef::Xml { doc, node }).collect()
    }

    /// `lang()`: what the nearest `xml:lang` says, sublanguages included.
    pub(crate) fn is_in_language(&self, wanted: &str, node: NodeRef) -> bool {
        let around = self.axis(node, Axis::AncestorOrSelf);
        let said = around.into_iter().find_map(|node| {
            self.attributes(node).into_iter().find(|attribute| self.name(*attribute).qualified == "xml:lang")
        });
        said.is_some_and(|attribute| {
            let said = self.node_text(attribute).to_lowercase();
            let wanted = wanted.to_lowercase();
            said == wanted || said.strip_prefix(&*wanted).is_some_and(|rest| rest.starts_with('-'))
        })
    }

    /// The nodes in another order, the same for the same seed: XForms' `randomize()`, which is Fisher and Yates' shuffle
    /// with Park and Miller's generator.
    pub(crate) fn randomize(&self, args: &'e [Node], context: Context) -> Vec<NodeRef> {
        let mut nodes = self.nodes(&args[0], context);
        let seed = match args.get(1) {
            Some(seed) => {
                let text = self.text(seed, context);
                let number = parse_number(&text, self.clock.offset);
                if number.is_nan() { seed_of(&text) } else { number as i64 }
            }
            None => seed_of(self.uuid),
        };
        let mut generator = ParkMiller::new(seed);
        for at in (1..nodes.len()).rev() {
            let other = (generator.fraction() * (at as f64 + 1.0)) as usize;
            nodes.swap(at, other.min(at));
        }
        nodes
    }
}

/// A seed that is no number: the first eight bytes of its SHA-256 (ODK XForms specification, `randomize`).
fn seed_of(text: &str) -> i64 {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(text.as_bytes());
    hash[..8].iter().fold(0_i64, |seed, byte| (seed << 8) | i64::from(*byte))
}

/// Park and Miller's minimal standard generator.
struct ParkMiller(i64);

impl ParkMiller {
    const MODULUS: i64 = 2_147_483_647;

    fn new(seed: i64) -> Self {
        let seed = seed % Self::MODULUS;
        Self(if seed <= 0 { seed + Self::MODULUS - 1 } else { seed })
    }

    /// From 0 to below 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0 * 16_807 % Self::MODULUS;
        (self.0 - 1) as f64 / (Self::MODULUS - 1) as f64
    }
}

/// A number from 0 to below 1 that follows from the caller's randomness.
pub(crate) fn draw(uuid: &str) -> f64 {
    (seed_of(uuid) as u64 >> 11) as f64 / (1_u64 << 53) as f64
}
