//! A form as XForm XML that ODK's tools take. What a spreadsheet says and XForms have no word for goes into a secondary
//! instance of our own, which other tools pass over.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use crate::form::{
    CompiledForm, Default as FormDefault, Flag, Form, ListIndex, Question, QuestionIndex, QuestionType,
    ScopeIndex, Seed, Source, Target,
};
use crate::list::ChoiceList;
use crate::template::{Segment, Template, Translations};
use crate::xform::serialise::escaped;
use crate::xform::{JAVAROSA, ODK, OPENROSA, OWN_INSTANCE, XFORMS, XHTML, type_word};
use crate::xml::{XmlDoc, XmlKind, XmlNode, is_name};
use crate::xpath::program::ExprId;

const ENTITIES: &str = "http://www.opendatakit.org/xforms/entities";

impl CompiledForm {
    /// The form as XForm XML. Loaded again it is the same form, with the same revision.
    pub fn to_xform(&self) -> String {
        Writer::new(&self.0).document()
    }
}

struct Writer<'f> {
    form: &'f Form,
    /// What each list is called as an instance.
    lists: HashMap<ListIndex, String>,
    /// Texts by id: what each language says, by form.
    texts: Vec<(String, Vec<(&'static str, Translations)>)>,
    /// Texts go into `itext` unless the form has but one language, without a name.
    translated: bool,
    /// What the document declares, by prefix.
    namespaces: Vec<(String, String)>,
}

impl<'f> Writer<'f> {
    fn new(form: &'f Form) -> Self {
        let mut lists = HashMap::new();
        let mut taken: HashSet<String> = HashSet::new();
        // By name: the last number behind it.
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for (at, list) in form.lists.iter().enumerate() {
            let base = if list.name().is_empty() { "options" } else { list.name() };
            // No expression can name an instance with both quotes in its id.
            let base = if base.contains('\'') { base.replace('"', "_") } else { base.to_owned() };
            let mut name = base.clone();
            let next = numbers.entry(base.clone()).or_insert(1_u32);
            while !taken.insert(name.clone()) {
                *next += 1;
                name = format!("{base}_{next}");
            }
            lists.insert(ListIndex(at as u16), name);
        }
        // Only in itext can a file stand beside a text, or a choice or a message show an answer.
        let needs_itext = form.lists.iter().any(|list| list.has_media() || list.has_live_labels())
            || form
                .questions
                .iter()
                .any(|q| !q.media.is_empty() || !q.guidance.is_empty() || has_live_message(q));
        let named = form.languages.first().is_some_and(|code| code != "default");
        let translated = form.languages.len() > 1 || named || needs_itext;
        let namespaces = namespaces_of(form);
        let mut writer = Self { form, lists, texts: Vec::new(), translated, namespaces };
        writer.gather_texts();
        writer
    }

    fn document(&self) -> String {
        let form = self.form;
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<h:html");
        for (prefix, uri) in &self.namespaces {
            let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            let _ = write!(out, " {name}=\"{}\"", escaped(uri));
        }
        let _ = write!(
            out,
            "><h:head><h:title>{}</h:title><model odk:xforms-version=\"1.0.0\"",
            escaped(&form.title)
        );
        if !form.entities.is_empty() {
            let in_repeats = form.entities.iter().any(|entity| entity.scope != ScopeIndex::ROOT);
            let several = form.entities.len() > 1 || in_repeats;
            let version = if several { "2025.1.0" } else { "2024.1.0" };
            let _ = write!(out, " entities:entities-version=\"{version}\"");
        }
        out.push('>');
        self.itext(&mut out);
        self.primary(&mut out);
        self.secondary(&mut out);
        self.unnamed_files(&mut out);
        self.own(&mut out);
        self.binds(&mut out);
        self.actions(None, &mut out);
        out.push_str("</model></h:head><h:body");
        if !form.publication.style.is_empty() {
            let _ = write!(out, " class=\"{}\"", escaped(&form.publication.style));
        }
        out.push('>');
        self.body(None, &mut out);
        out.push_str("</h:body></h:html>\n");
        out
    }

    fn source(&self, id: ExprId) -> String {
        escaped(&self.form.program(id).source)
    }

    fn children(&self, holder: Option<QuestionIndex>) -> impl Iterator<Item = &'f Question> {
        let form = self.form;
        let (from, to) = match holder {
            None => (0, form.questions.len()),
            Some(holder) => (holder.as_usize() + 1, form.question(holder).end.as_usize()),
        };
        form.questions[from..to.max(from)].iter().filter(move |question| question.parent == holder)
    }

    // Texts

    fn gather_texts(&mut self) {
        if !self.translated {
            return;
        }
        let form = self.form;
        let mut texts = Vec::new();
        for question in &form.questions {
            let path = form.path_of(question.index);
            let mut label = vec![("", question.labels.clone())];
            label.extend(question.media.iter().map(|(kind, texts)| (*kind, texts.clone())));
            texts.push((format!("{path}:label"), label));
            texts.push((
                format!("{path}:hint"),
                vec![("", question.hints.clone()), ("guidance", question.guidance.clone())],
            ));
            texts
                .push((format!("{path}:jr:constraintMsg"), vec![("", question.constraint_messages.clone())]));
            texts.push((format!("{path}:jr:requiredMsg"), vec![("", question.required_messages.clone())]));
        }
        for (at, rule) in form.rules.iter().enumerate() {
            texts.push((format!("lakou:rule-{at}"), vec![("", rule.messages.clone())]));
        }
        texts.retain(|(_, forms)| forms.iter().any(|(_, texts)| !texts.is_empty()));
        self.texts = texts;
    }

    fn itext(&self, out: &mut String) {
        if !self.translated {
            return;
        }
        let form = self.form;
        out.push_str("<itext>");
        for (language, (code, name)) in form.languages.iter().zip(&form.language_names).enumerate() {
            let lang = if code == name { code.clone() } else { format!("{name} ({code})") };
            let default = if language == 0 { " default=\"true()\"" } else { "" };
            let _ = write!(out, "<translation lang=\"{}\"{default}>", escaped(&lang));
            for (id, forms) in &self.texts {
                let _ = write!(out, "<text id=\"{}\">", escaped(id));
                for (kind, texts) in forms.iter().filter(|(_, texts)| !texts.is_empty()) {
                    let attribute = if kind.is_empty() { String::new() } else { format!(" form=\"{kind}\"") };
                    let value =
                        texts.get(language).map(|template| self.template(template)).unwrap_or_default();
                    let value = if is_file(kind) { jr_file(kind, &value) } else { value };
                    let _ = write!(out, "<value{attribute}>{value}</value>");
                }
                out.push_str("</text>");
            }
            for (at, list) in form.lists.iter().enumerate() {
                if self.is_inline(ListIndex(at as u16)) {
                    self.list_texts(ListIndex(at as u16), list, language, out);
                }
            }
            out.push_str("</translation>");
        }
        out.push_str("</itext>");
    }

    fn list_texts(&self, index: ListIndex, list: &ChoiceList, language: usize, out: &mut String) {
        for row in 0..list.len() as u32 {
            let _ = write!(out, "<text id=\"{}-{row}\">", escaped(&self.lists[&index]));
            let live = list.live_label(row).and_then(|(_, texts)| texts.get(language));
            let label = live.map_or_else(|| escaped(list.label(row, language)), |text| self.template(text));
            let _ = write!(out, "<value>{label}</value>");
            for kind in ["image", "audio", "video", "big-image"] {
                if let Some(file) = list.media(row, kind, language) {
                    let _ = write!(out, "<value form=\"{kind}\">{}</value>", jr_file(kind, &escaped(file)));
                }
            }
            out.push_str("</text>");
        }
    }

    fn template(&self, template: &Template) -> String {
        if template.segments.is_empty() {
            return escaped(&template.raw);
        }
        let piece = |segment: &Segment| match segment {
            Segment::Text(text) => escaped(text),
            Segment::Value(id) => format!("<output value=\" {} \"/>", self.source(*id)),
        };
        template.segments.iter().map(piece).collect()
    }

    /// `<label ref="jr:itext(…)"/>`, or the text itself.
    fn text_element(&self, tag: &str, id: &str, out: &mut String, texts: &[&Translations]) {
        if texts.iter().all(|texts| texts.is_empty()) {
            return;
        }
        if self.translated {
            let _ = write!(out, "<{tag} ref=\"jr:itext('{}')\"/>", escaped(id));
        } else if let Some(template) = texts[0].get(0) {
            let _ = write!(out, "<{tag}>{}</{tag}>", self.template(template));
        }
    }

    // Instances

    fn primary(&self, out: &mut String) {
        let form = self.form;
        let version = if form.version.is_empty() {
            String::new()
        } else {
            format!(" version=\"{}\"", escaped(&form.version))
        };
        let _ = write!(out, "<instance><{} id=\"{}\"{version}", form.root_name, escaped(&form.form_id));
        self.attributes(None, Some(&form.seed), out);
        out.push('>');
        self.elements(None, Some(&form.seed), out);
        if !self.has_meta(ScopeIndex::ROOT) {
            out.push_str("<meta>");
            self.entity_elements(ScopeIndex::ROOT, out);
            out.push_str("<instanceID/>");
            if form.instance_name.is_some() {
                out.push_str("<instanceName/>");
            }
            if form.publication.audit.is_some() {
                out.push_str("<audit/>");
            }
            out.push_str("</meta>");
        }
        let _ = write!(out, "</{}></instance>", form.root_name);
    }

    /// An XForm that was loaded has it among its questions; a sheet has none.
    fn has_meta(&self, scope: ScopeIndex) -> bool {
        let holder = self.form.scope(scope).repeat;
        self.form.questions.iter().any(|question| question.meta && question.parent == holder)
    }

    fn attributes(&self, holder: Option<QuestionIndex>, seed: Option<&Seed>, out: &mut String) {
        for question in self.children(holder).filter(|q| q.question_type == QuestionType::Attribute) {
            if holder.is_none() && matches!(&*question.name, "id" | "version") {
                continue;
            }
            let _ = write!(out, " {}=\"{}\"", question.name, escaped(value_in(seed, question)));
        }
        if let Some(holder) = holder {
            let written: Vec<&str> = self
                .children(Some(holder))
                .filter(|q| q.question_type == QuestionType::Attribute)
                .map(|q| &*q.name)
                .chain(["jr:template"])
                .collect();
            for (name, value) in self.further(self.form.question(holder), Target::Instance, &written) {
                let _ = write!(out, " {name}=\"{}\"", escaped(value));
            }
        }
    }

    /// The attributes that a sheet adds, as far as XML takes them: each once, with a prefix that is declared, and none
    /// that is written already.
    fn further<'q>(
        &self,
        question: &'q Question,
        place: Target,
        written: &[&str],
    ) -> Vec<(&'q str, &'q str)> {
        let mut taken: HashSet<(&str, &str)> =
            written.iter().filter_map(|name| self.expanded(name)).collect();
        let of_place = question.attributes.iter().filter(|((target, _), _)| *target == place);
        of_place
            .map(|((_, name), value)| (&**name, &**value))
            .filter(|(name, _)| {
                *name != "xmlns"
                    && self
                        .expanded(name)
                        .is_some_and(|expanded| is_name(expanded.1) && taken.insert(expanded))
            })
            .collect()
    }

    /// The namespace and name behind a name with a prefix; none for a prefix that nobody declares.
    fn expanded<'n>(&'n self, name: &'n str) -> Option<(&'n str, &'n str)> {
        let Some((prefix, local)) = name.split_once(':') else { return Some(("", name)) };
        let known = self.namespaces.iter().find(|(known, _)| !known.is_empty() && known == prefix);
        known.map(|(_, uri)| (uri.as_str(), local))
    }

    /// What lies in a group, in an instance or in a template, with the attributes that it begins with.
    fn elements(&self, holder: Option<QuestionIndex>, seed: Option<&Seed>, out: &mut String) {
        for question in self.children(holder) {
            match question.question_type {
                QuestionType::Attribute => {}
                QuestionType::Repeat => {
                    if self.needs_count(question) {
                        let _ = write!(out, "<{}/>", self.count_name(question));
                    }
                    let scope = question.opens.unwrap_or(ScopeIndex::ROOT);
                    let first = seed
                        .and_then(|seed| seed.repeats.iter().find(|(of, _)| *of == scope))
                        .map(|(_, seed)| seed);
                    let template = self.form.templates.get(scope.as_usize());
                    self.element(question, " jr:template=\"\"", template, out);
                    self.element(question, "", first, out);
                }
                _ => self.element(question, "", seed, out),
            }
        }
    }

    fn element(&self, question: &Question, template: &str, seed: Option<&Seed>, out: &mut String) {
        let name = &question.name;
        let _ = write!(out, "<{name}{template}");
        self.attributes(Some(question.index), seed, out);
        out.push('>');
        match &question.default {
            Some(FormDefault::Literal(text)) => out.push_str(&escaped(text)),
            _ => self.elements(Some(question.index), seed, out),
        }
        if let Some(scope) = question.opens
            && self.form.entities.iter().any(|entity| entity.scope == scope)
            && !self.has_meta(scope)
        {
            out.push_str("<meta>");
            self.entity_elements(scope, out);
            out.push_str("</meta>");
        }
        let _ = write!(out, "</{name}>");
    }

    fn entity_elements(&self, scope: ScopeIndex, out: &mut String) {
        for entity in self.form.entities.iter().filter(|entity| entity.scope == scope) {
            let _ = write!(out, "<entity dataset=\"{}\" id=\"\"", escaped(&entity.list));
            let updates = entity.entity_id.is_some() || entity.update_if.is_some();
            if !updates || entity.create_if.is_some() {
                out.push_str(" create=\"1\"");
            }
            if updates {
                out.push_str(" update=\"1\" baseVersion=\"\" trunkVersion=\"\" branchId=\"\"");
            }
            out.push('>');
            if entity.label.is_some() {
                out.push_str("<label/>");
            }
            out.push_str("</entity>");
        }
    }

    /// Lists whose rows stand in the form, those of attached files too; the others lie in files that nobody attached.
    fn is_inline(&self, list: ListIndex) -> bool {
        !self.form.list(list).is_unattached()
    }

    fn secondary(&self, out: &mut String) {
        for (at, list) in self.form.lists.iter().enumerate() {
            let index = ListIndex(at as u16);
            if self.is_inline(index) {
                self.list(&self.lists[&index], list, out);
            }
        }
        // Those of attached files have no instance around them.
        for doc in self.form.docs.iter().filter(|doc| doc.node(XmlDoc::ELEMENT).local() == "instance") {
            self.tree(doc, XmlDoc::ELEMENT, &mut self.namespaces.clone(), out);
        }
        let known: Vec<&String> =
            self.lists.iter().filter(|(list, _)| self.is_inline(**list)).map(|(_, name)| name).collect();
        for file in
            self.form.external_files.iter().filter(|file| !known.iter().any(|name| ***name == *file.name))
        {
            let kind = if file.file.to_lowercase().ends_with(".csv") { "file-csv" } else { "file" };
            let (name, file) = (escaped(&file.name), escaped(&file.file));
            let _ = write!(out, "<instance id=\"{name}\" src=\"jr://{kind}/{file}\"/>");
        }
    }

    /// A node and what is in it, with the prefixes that nobody around it declares.
    fn tree(&self, doc: &XmlDoc, at: u32, declared: &mut Vec<(String, String)>, out: &mut String) {
        let node = doc.node(at);
        match node.kind {
            XmlKind::Document => {}
            XmlKind::Text | XmlKind::Attribute => out.push_str(&escaped(&node.value)),
            XmlKind::Comment => {
                let _ = write!(out, "<!--{}-->", node.value);
            }
            XmlKind::Instruction => {
                let _ = write!(out, "<?{} {}?>", node.name, node.value);
            }
            XmlKind::Element => {
                let around = declared.len();
                let _ = write!(out, "<{}", node.name);
                for named in std::iter::once(at).chain(doc.attributes(at)).map(|at| doc.node(at)) {
                    declare(named, declared, out);
                }
                for attribute in doc.attributes(at).map(|at| doc.node(at)) {
                    let _ = write!(out, " {}=\"{}\"", attribute.name, escaped(&attribute.value));
                }
                out.push('>');
                for child in doc.children(at) {
                    self.tree(doc, child, declared, out);
                }
                let _ = write!(out, "</{}>", node.name);
                declared.truncate(around);
            }
        }
    }

    /// Files that only a list is named after.
    fn unnamed_files(&self, out: &mut String) {
        let named = |name: &str| self.form.external_files.iter().any(|file| *file.name == *name);
        let mut names: Vec<&String> =
            self.lists.iter().filter(|(list, _)| !self.is_inline(**list)).map(|(_, name)| name).collect();
        names.sort();
        for name in names.into_iter().filter(|name| !named(name)) {
            let name = escaped(name);
            let _ = write!(out, "<instance id=\"{name}\" src=\"jr://file/{name}\"/>");
        }
    }

    fn list(&self, name: &str, list: &ChoiceList, out: &mut String) {
        let _ = write!(out, "<instance id=\"{}\"><root>", escaped(name));
        let columns = list.filled_columns();
        for row in 0..list.len() as u32 {
            out.push_str("<item>");
            if self.translated {
                let _ = write!(out, "<itextId>{}-{row}</itextId>", escaped(name));
            }
            let _ = write!(out, "<name>{}</name>", escaped(list.code(row)));
            if !self.translated {
                let _ = write!(out, "<label>{}</label>", escaped(list.label(row, 0)));
            }
            for (column, values) in &columns {
                let value = values.get(row).unwrap_or_default();
                let _ = write!(out, "<{column}>{}</{column}>", escaped(value));
            }
            out.push_str("</item>");
        }
        out.push_str("</root></instance>");
    }

    // What XForms have no word for

    fn own(&self, out: &mut String) {
        let form = self.form;
        let _ = write!(out, "<instance id=\"{OWN_INSTANCE}\"><form");
        let publication = &form.publication;
        for (name, value) in [
            ("namespaces", &publication.namespaces),
            ("style", &publication.style),
            ("public_key", &publication.public_key),
            ("submission_url", &publication.submission_url),
            ("auto_send", &publication.auto_send),
            ("auto_delete", &publication.auto_delete),
        ] {
            if !value.is_empty() {
                let _ = write!(out, " {name}=\"{}\"", escaped(value));
            }
        }
        if !publication.clean_text_values {
            out.push_str(" clean_text_values=\"no\"");
        }
        out.push('>');
        if let Some(audit) = &publication.audit {
            pairs("audit", audit.iter().map(|(name, value)| (name.as_str(), value.as_str())), out);
        }
        let others = publication.others.iter();
        pairs("settings", others.map(|(name, value)| (name.as_str(), value.as_str())), out);
        for entity in &form.entities {
            let repeat =
                form.scope(entity.scope).repeat.map(|repeat| form.path_of(repeat)).unwrap_or_default();
            let _ =
                write!(out, "<entity list=\"{}\" repeat=\"{}\"/>", escaped(&entity.list), escaped(&repeat));
        }
        for question in form.questions.iter().filter(|question| question.is_of_the_form()) {
            self.own_question(question, out);
        }
        for (at, rule) in form.rules.iter().enumerate() {
            let repeat = form.scope(rule.scope).repeat.map(|repeat| form.path_of(repeat)).unwrap_or_default();
            let relevant = rule.relevant.map(|id| self.source(id)).unwrap_or_default();
            let _ = write!(
                out,
                "<rule id=\"{}\" level=\"{}\" repeat=\"{}\" relevant=\"{relevant}\" expression=\"{}\" text=\"{at}\">",
                escaped(&rule.id),
                rule.level.as_str(),
                escaped(&repeat),
                self.source(rule.expression),
            );
            if !self.translated
                && let Some(template) = rule.messages.get(0)
            {
                out.push_str(&self.template(template));
            }
            out.push_str("</rule>");
        }
        out.push_str("</form></instance>");
    }

    fn own_question(&self, question: &Question, out: &mut String) {
        let form = self.form;
        let mut attributes = String::new();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = write!(attributes, " {name}=\"{}\"", escaped(value));
            }
        };
        if let Some(word) = type_word(question.question_type) {
            add("type", word);
        }
        let is_group = question.question_type == QuestionType::Group;
        add("key", if is_group || question.key == question.name { "" } else { &question.key });
        add("renamed_from", question.renamed_from.as_deref().unwrap_or_default());
        add("conflict_policy", &question.conflict_policy);
        add("data_class", &question.data_class);
        if let Some((entity, _)) = &question.save_to {
            add("list", form.entities.get(*entity).map_or("", |entity| &entity.list));
        }
        let further: Vec<String> =
            question.further_triggers.iter().map(|index| form.path_of(*index)).collect();
        add("further_triggers", &further.join(" "));
        let parameters: Vec<(&str, &str)> = question
            .parameters
            .iter()
            .filter(|(name, _)| *name != "preload")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        // A body has no place for the label of what nobody is asked.
        let mut texts = String::new();
        if question.control_kind() == "model-value" {
            self.label(question, &mut texts);
        }
        if matches!(question.control_kind(), "model-value" | "group" | "repeat-range") {
            let id = format!("{}:hint", form.path_of(question.index));
            self.text_element("hint", &id, &mut texts, &[&question.hints, &question.guidance]);
        }
        if attributes.is_empty()
            && parameters.is_empty()
            && question.attributes.is_empty()
            && texts.is_empty()
        {
            return;
        }
        let _ = write!(out, "<question ref=\"{}\"{attributes}>", escaped(&form.path_of(question.index)));
        out.push_str(&texts);
        pairs("parameters", parameters.into_iter(), out);
        for (target, word) in [(Target::Bind, "bind"), (Target::Body, "body"), (Target::Instance, "instance")]
        {
            let own = question.attributes.iter().filter(|((of, _), _)| *of == target);
            pairs(word, own.map(|((_, name), value)| (&**name, &**value)), out);
        }
        out.push_str("</question>");
    }

    // Binds

    fn binds(&self, out: &mut String) {
        for question in &self.form.questions {
            self.bind(question, out);
            if self.needs_count(question)
                && let Some(id) = question.repeat_count
            {
                let path = self.count_path(question);
                let _ = write!(out, "<bind nodeset=\"{path}\" type=\"string\" readonly=\"true()\"");
                let _ = write!(out, " calculate=\"{}\"/>", self.count_source(question, id));
            }
        }
        if !self.has_meta(ScopeIndex::ROOT) {
            let meta = format!("/{}/meta", self.form.root_name);
            let _ = write!(
                out,
                "<bind nodeset=\"{meta}/instanceID\" type=\"string\" readonly=\"true()\" jr:preload=\"uid\"/>"
            );
            if let Some(id) = self.form.instance_name {
                let source = self.source(id);
                let _ = write!(
                    out,
                    "<bind nodeset=\"{meta}/instanceName\" type=\"string\" calculate=\"{source}\"/>"
                );
            }
            if let Some(audit) = &self.form.publication.audit {
                let _ = write!(out, "<bind nodeset=\"{meta}/audit\" type=\"binary\"");
                for (name, value) in audit.iter().filter(|(name, _)| is_name(name)) {
                    let _ = write!(out, " odk:{name}=\"{}\"", escaped(value));
                }
                out.push_str("/>");
            }
            self.entity_binds(out);
        }
    }

    fn entity_binds(&self, out: &mut String) {
        for entity in self.form.entities.iter().filter(|entity| !self.has_meta(entity.scope)) {
            let around = match self.form.scope(entity.scope).repeat {
                None => format!("/{}", self.form.root_name),
                Some(repeat) => self.form.path_of(repeat),
            };
            let path = format!("{around}/meta/entity");
            let mut bind = |suffix: &str, id: Option<ExprId>| {
                if let Some(id) = id {
                    let source = self.source(id);
                    let _ = write!(
                        out,
                        "<bind nodeset=\"{path}{suffix}\" type=\"string\" readonly=\"true()\" calculate=\"{source}\"/>"
                    );
                }
            };
            bind("/@create", entity.create_if);
            bind("/@update", entity.update_if);
            bind("/label", entity.label);
            bind("/@id", entity.entity_id);
            if entity.entity_id.is_none() {
                let _ = write!(out, "<bind nodeset=\"{path}/@id\" type=\"string\" readonly=\"true()\"/>");
                if entity.scope == ScopeIndex::ROOT {
                    let _ = write!(
                        out,
                        "<setvalue ref=\"{path}/@id\" event=\"odk-instance-first-load\" type=\"string\" \
                         readonly=\"true()\" value=\"uuid()\"/>"
                    );
                }
            }
        }
    }

    fn bind(&self, question: &Question, out: &mut String) {
        let path = self.form.path_of(question.index);
        let mut attributes = String::new();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = write!(attributes, " {name}=\"{value}\"");
            }
        };
        add("type", bind_type(question));
        match question.read_only {
            _ if question.question_type == QuestionType::Note => add("readonly", "true()"),
            Flag::No => {}
            Flag::Yes => add("readonly", "true()"),
            Flag::When(id) => add("readonly", &self.source(id)),
        }
        match question.required {
            Flag::No => {}
            Flag::Yes => add("required", "true()"),
            Flag::When(id) => add("required", &self.source(id)),
        }
        for (name, id) in [("relevant", question.relevant), ("constraint", question.constraint)] {
            add(name, &id.map(|id| self.source(id)).unwrap_or_default());
        }
        if let Source::Calculated(id) | Source::StoredElse(id) = question.source {
            add("calculate", &self.source(id));
        }
        for (name, texts) in
            [("constraintMsg", &question.constraint_messages), ("requiredMsg", &question.required_messages)]
        {
            if texts.is_empty() {
                continue;
            }
            let said = if self.translated {
                format!("jr:itext('{}:jr:{name}')", escaped(&path))
            } else {
                escaped(texts.raw(0))
            };
            add(&format!("jr:{name}"), &said);
        }
        if let Some((preload, parameters)) = preload_of(question) {
            add("jr:preload", preload);
            add("jr:preloadParams", parameters);
        }
        if let Some((_, property)) = &question.save_to {
            add("entities:saveto", &escaped(property));
        }
        for (name, value) in self.further(question, Target::Bind, &BOUND) {
            add(name, &escaped(value));
        }
        if !attributes.is_empty() {
            let _ = write!(out, "<bind nodeset=\"{}\"{attributes}/>", escaped(&path));
        }
    }

    // Counts

    /// A count that is no plain reference needs a place of its own to be calculated in.
    fn needs_count(&self, question: &Question) -> bool {
        question.repeat_count.is_some_and(|id| {
            let source = &self.form.program(id).source;
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':');
            !source.starts_with(['/', '.']) || !source.chars().all(plain)
        })
    }

    /// The repeat's name and `_count`, and a number where a question has that name already.
    fn count_name(&self, question: &Question) -> String {
        let taken = |name: &str| self.children(question.parent).any(|sibling| *sibling.name == *name);
        let mut name = format!("{}_count", question.name);
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = format!("{}_count_{number}", question.name);
        }
        name
    }

    fn count_path(&self, question: &Question) -> String {
        let path = self.form.path_of(question.index);
        let around = path.rsplit_once('/').map_or("", |(around, _)| around);
        escaped(&format!("{around}/{}", self.count_name(question)))
    }

    /// The count's place is the repeat's sibling, so what is relative to one is relative to the other.
    fn count_source(&self, _: &Question, id: ExprId) -> String {
        self.source(id)
    }

    // Actions

    /// Those of the model, or those of one repeat's new instances.
    fn actions(&self, repeat: Option<ScopeIndex>, out: &mut String) {
        let scope = repeat.unwrap_or(ScopeIndex::ROOT);
        for question in
            self.form.questions.iter().filter(|question| question.scope == scope && !question.meta)
        {
            if let Some(FormDefault::Expr(id)) = question.default {
                let path = escaped(&self.form.path_of(question.index));
                let event = match repeat {
                    None => "odk-instance-first-load",
                    Some(_) => "odk-instance-first-load odk-new-repeat",
                };
                let _ =
                    write!(out, "<setvalue event=\"{event}\" ref=\"{path}\" value=\"{}\"/>", self.source(id));
            }
        }
    }

    /// What happens when this question changes.
    fn triggered(&self, trigger: &Question, out: &mut String) {
        for question in &self.form.questions {
            if let Some((first, id)) = question.trigger
                && (first == trigger.index || question.further_triggers.contains(&trigger.index))
            {
                let path = escaped(&self.form.path_of(question.index));
                let value = self.source(id);
                let _ = write!(
                    out,
                    "<setvalue event=\"xforms-value-changed\" ref=\"{path}\" value=\"{value}\"/>"
                );
            }
        }
    }

    // Body

    fn body(&self, holder: Option<QuestionIndex>, out: &mut String) {
        for question in self.children(holder).filter(|question| !question.meta) {
            match question.question_type {
                QuestionType::Attribute => {}
                QuestionType::Group => self.group(question, out),
                QuestionType::Repeat => self.repeat(question, out),
                _ => self.control(question, out),
            }
        }
    }

    /// The reference, appearance and further attributes of what stands in the body.
    fn body_attributes(&self, question: &Question, with_reference: bool, out: &mut String) {
        if with_reference {
            let _ = write!(out, " ref=\"{}\"", escaped(&self.form.path_of(question.index)));
        }
        if !question.appearance.is_empty() {
            let _ = write!(out, " appearance=\"{}\"", escaped(&question.appearance));
        }
        for (name, value) in self.further(question, Target::Body, &IN_BODY) {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
    }

    fn label(&self, question: &Question, out: &mut String) {
        let id = format!("{}:label", self.form.path_of(question.index));
        let mut texts = vec![&question.labels];
        texts.extend(question.media.values());
        self.text_element("label", &id, out, &texts);
    }

    fn group(&self, question: &Question, out: &mut String) {
        out.push_str("<group");
        self.body_attributes(question, true, out);
        out.push('>');
        self.label(question, out);
        self.body(Some(question.index), out);
        out.push_str("</group>");
    }

    fn repeat(&self, question: &Question, out: &mut String) {
        let path = escaped(&self.form.path_of(question.index));
        let _ = write!(out, "<group ref=\"{path}\">");
        self.label(question, out);
        let _ = write!(out, "<repeat nodeset=\"{path}\"");
        if let Some(id) = question.repeat_count {
            let count = if self.needs_count(question) { self.count_path(question) } else { self.source(id) };
            let _ = write!(out, " jr:count=\"{count}\"");
        }
        if question.fixed_count {
            out.push_str(" jr:noAddRemove=\"true()\"");
        }
        self.body_attributes(question, false, out);
        out.push('>');
        self.body(Some(question.index), out);
        self.actions(question.opens, out);
        out.push_str("</repeat></group>");
    }

    fn control(&self, question: &Question, out: &mut String) {
        let tag = match question.control_kind() {
            "model-value" => return,
            "select" if question.question_type == QuestionType::SelectOne => "select1",
            "rank" => "odk:rank",
            "note" => "input",
            other => other,
        };
        let _ = write!(out, "<{tag}");
        self.body_attributes(question, true, out);
        if let QuestionType::Attachment(kind) = question.question_type {
            let _ = write!(out, " mediatype=\"{}\"", media_type(kind));
        }
        if let QuestionType::Range { .. } = question.question_type {
            for (name, default) in [("start", "0"), ("end", "10"), ("step", "1")] {
                let value = question.parameters.get(name).map_or(default, String::as_str);
                let _ = write!(out, " {name}=\"{}\"", escaped(value));
            }
        }
        out.push('>');
        self.label(question, out);
        let id = format!("{}:hint", self.form.path_of(question.index));
        self.text_element("hint", &id, out, &[&question.hints, &question.guidance]);
        self.options(question, out);
        self.triggered(question, out);
        let _ = write!(out, "</{tag}>");
    }

    fn options(&self, question: &Question, out: &mut String) {
        if let Some(itemset) = &question.itemset {
            let (value, label) = (escaped(&itemset.value_source), escaped(&itemset.label_source));
            let nodes = self.source(itemset.nodes);
            let _ = write!(
                out,
                "<itemset nodeset=\"{nodes}\"><value ref=\"{value}\"/><label ref=\"{label}\"/></itemset>"
            );
            return;
        }
        let Some(list) = question.list else { return };
        let filter = question.choice_filter.as_ref().map(|filter| format!("[{}]", self.source(filter.1)));
        let name = &self.lists[&list];
        let quote = if name.contains('\'') { '"' } else { '\'' };
        let nodes = format!(
            "instance({})/root/item{}",
            escaped(&format!("{quote}{name}{quote}")),
            filter.unwrap_or_default()
        );
        let nodes = match (question.parameters.get("randomize"), question.parameters.get("seed")) {
            (Some(randomize), Some(seed)) if randomize == "true" && !seed.contains("${") => {
                format!("randomize({nodes}, {})", escaped(seed))
            }
            (Some(randomize), None) if randomize == "true" => format!("randomize({nodes})"),
            _ => nodes,
        };
        let in_file = !self.is_inline(list);
        let column = |name: &str| question.parameters.get(name).filter(|_| in_file).map(String::as_str);
        let value = escaped(column("value").unwrap_or("name"));
        let label = match column("label") {
            Some(label) => escaped(label),
            None if self.translated && !in_file => "jr:itext(itextId)".to_owned(),
            None => "label".to_owned(),
        };
        let _ = write!(
            out,
            "<itemset nodeset=\"{nodes}\"><value ref=\"{value}\"/><label ref=\"{label}\"/></itemset>"
        );
    }
}

/// What a bind says already.
const BOUND: [&str; 12] = [
    "nodeset",
    "type",
    "readonly",
    "required",
    "relevant",
    "constraint",
    "calculate",
    "jr:preload",
    "jr:preloadParams",
    "jr:constraintMsg",
    "jr:requiredMsg",
    "entities:saveto",
];

/// What a control, group or repeat says already.
const IN_BODY: [&str; 9] =
    ["ref", "appearance", "nodeset", "jr:count", "jr:noAddRemove", "mediatype", "start", "end", "step"];

/// `<tag><pair name="…">value</pair>…</tag>`; nothing for nothing.
/// What an attribute begins with there.
fn value_in<'s>(seed: Option<&'s Seed>, attribute: &Question) -> &'s str {
    let values = seed.into_iter().flat_map(|seed| &seed.values);
    values.into_iter().find(|(index, _)| *index == attribute.index).map_or("", |(_, value)| value)
}

fn pairs<'p>(tag: &str, values: impl Iterator<Item = (&'p str, &'p str)>, out: &mut String) {
    let mut inside = String::new();
    for (name, value) in values {
        let _ = write!(inside, "<pair name=\"{}\">{}</pair>", escaped(name), escaped(value));
    }
    if !inside.is_empty() || tag == "audit" {
        let _ = write!(out, "<{tag}>{inside}</{tag}>");
    }
}

fn is_file(kind: &str) -> bool {
    matches!(kind, "image" | "audio" | "video" | "big-image")
}

fn jr_file(kind: &str, file: &str) -> String {
    let folder = match kind {
        "audio" => "audio",
        "video" => "video",
        _ => "images",
    };
    if file.is_empty() || file.starts_with("jr://") {
        file.to_owned()
    } else {
        format!("jr://{folder}/{file}")
    }
}

fn media_type(kind: crate::form::AttachmentKind) -> &'static str {
    use crate::form::AttachmentKind as K;
    match kind {
        K::Image => "image/*",
        K::Audio => "audio/*",
        K::Video => "video/*",
        K::File => "application/*",
    }
}

/// XForms' name of what a question's value is.
fn bind_type(question: &Question) -> &'static str {
    use QuestionType as T;
    match question.value_type() {
        T::Group | T::Repeat | T::Attribute | T::Audit => "",
        T::Integer | T::Range { integer: true } => "int",
        T::Decimal | T::Range { integer: false } => "decimal",
        T::Date | T::Today => "date",
        T::Time => "time",
        T::DateTime | T::Start | T::End => "dateTime",
        T::Geopoint | T::StartGeopoint | T::BackgroundGeopoint => "geopoint",
        T::Geotrace => "geotrace",
        T::Geoshape => "geoshape",
        T::Barcode => "barcode",
        T::Attachment(_) | T::BackgroundAudio => "binary",
        T::Rank => "odk:rank",
        _ => "string",
    }
}

fn preload_of(question: &Question) -> Option<(&'static str, &'static str)> {
    use QuestionType as T;
    Some(match question.question_type {
        T::Start => ("timestamp", "start"),
        T::End => ("timestamp", "end"),
        T::Today => ("date", "today"),
        T::DeviceId => ("property", "deviceid"),
        T::SubscriberId => ("property", "subscriberid"),
        T::SimSerial => ("property", "simserial"),
        T::Username => ("property", "username"),
        T::PhoneNumber => ("property", "phonenumber"),
        T::Email => ("property", "email"),
        _ if question.parameters.get("preload").is_some_and(|preload| preload == "uid") => ("uid", ""),
        _ => return None,
    })
}

/// Ours, and those of the form that have another prefix.
fn namespaces_of(form: &Form) -> Vec<(String, String)> {
    let mut namespaces: Vec<(String, String)> = vec![
        (String::new(), XFORMS.into()),
        ("h".into(), XHTML.into()),
        ("ev".into(), "http://www.w3.org/2001/xml-events".into()),
        ("xsd".into(), "http://www.w3.org/2001/XMLSchema".into()),
        ("jr".into(), JAVAROSA.into()),
        ("odk".into(), ODK.into()),
        ("orx".into(), OPENROSA.into()),
        ("entities".into(), ENTITIES.into()),
    ];
    for (prefix, uri) in own_namespaces(form) {
        if !namespaces.iter().any(|(known, _)| *known == prefix) {
            namespaces.push((prefix, uri));
        }
    }
    namespaces
}

fn has_live_message(question: &Question) -> bool {
    let messages = [&question.constraint_messages, &question.required_messages];
    messages.into_iter().flat_map(|texts| &texts.0).any(|message| !message.segments.is_empty())
}

/// The prefix of a name, unless it means that already.
fn declare(named: &XmlNode, declared: &mut Vec<(String, String)>, out: &mut String) {
    let prefix = named.name.split_once(':').map_or("", |(prefix, _)| prefix);
    // An attribute without a prefix has no namespace, whatever is declared.
    if prefix == "xml" || named.kind == XmlKind::Attribute && prefix.is_empty() {
        return;
    }
    let known = declared.iter().rev().find(|(known, _)| known == prefix).map_or("", |(_, uri)| uri);
    if known != &*named.uri {
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        let _ = write!(out, " {name}=\"{}\"", escaped(&named.uri));
        declared.push((prefix.to_owned(), named.uri.to_string()));
    }
}

/// `esri="http://esri.com/xforms"` of the settings, and those that an XForm declared.
fn own_namespaces(form: &Form) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> =
        form.namespaces.iter().map(|(prefix, uri)| (prefix.to_string(), uri.to_string())).collect();
    for word in form.publication.namespaces.split_whitespace() {
        if let Some((prefix, uri)) = word.split_once('=') {
            found.push((prefix.to_owned(), uri.trim_matches(['"', '\'', '“', '”']).to_owned()));
        }
    }
    // These are XML's own, and a prefix cannot be taken back.
    found.retain(|(prefix, uri)| {
        is_name(prefix)
            && !matches!(prefix.as_str(), "xml" | "xmlns")
            && !uri.is_empty()
            && !uri.starts_with("http://www.w3.org/XML/1998/namespace")
            && !uri.starts_with("http://www.w3.org/2000/xmlns/")
    });
    found
}
