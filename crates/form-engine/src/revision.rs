//! A form revision is named by what the form says, whatever file it came in: the spreadsheet and the XForm written from
//! it have the same one.

use std::collections::{BTreeSet, HashSet};

use data_encoding::HEXLOWER;
use record_model::{FormRevision, PartsHasher, hash_parts};

use crate::form::{Default as FormDefault, Flag, Form, Question, QuestionType, Source};
use crate::list::ChoiceList;
use crate::template::{Segment, Template, Translations};
use crate::xml::XmlDoc;
use crate::xpath::program::ExprId;

/// Changes when the same form begins to mean something else.
const TAG: &str = "lakou/form/v2";
const LIST_TAG: &str = "lakou/form-list/v2";
const DOCUMENT_TAG: &str = "lakou/form-document/v2";

pub(crate) fn of(form: &Form) -> FormRevision {
    let writer = Writer::of(form);
    FormRevision::from_bytes(hash_parts(TAG, writer.parts.iter().map(String::as_bytes)))
}

impl crate::CompiledForm {
    /// What the revision is a hash of, part by part: for finding where two forms differ.
    #[doc(hidden)]
    pub fn said(&self) -> Vec<String> {
        Writer::of(&self.0).parts
    }
}

struct Writer<'f> {
    form: &'f Form,
    parts: Vec<String>,
    /// What each list holds, in hexadecimal.
    lists: Vec<String>,
}

impl<'f> Writer<'f> {
    fn of(form: &'f Form) -> Self {
        let mut writer = Self { form, parts: Vec::new(), lists: Vec::new() };
        writer.lists = form.lists.iter().map(|list| writer.list(list)).collect();
        writer.write();
        writer
    }

    fn write(&mut self) {
        let form = self.form;
        for (name, value) in [
            ("form_id", &form.form_id),
            ("title", &form.title),
            ("version", &form.version),
            ("root", &form.root_name),
        ] {
            self.field(name, value);
        }
        for (code, name) in form.languages.iter().zip(&form.language_names) {
            self.field("language", code);
            self.field("language name", name);
        }
        for question in form.questions.iter().filter(|question| question.is_of_the_form()) {
            self.question(question);
        }
        for rule in &form.rules {
            self.field("rule", &rule.id);
            self.field("level", rule.level.as_str());
            self.expression("expression", Some(rule.expression));
            self.expression("relevant", rule.relevant);
            self.field("scope", &rule.scope.0.to_string());
            self.texts("message", &rule.messages);
        }
        for entity in &form.entities {
            self.field("entity", &entity.list);
            self.field("scope", &entity.scope.0.to_string());
            for (name, id) in [
                ("label", entity.label),
                ("entity_id", entity.entity_id),
                ("create_if", entity.create_if),
                ("update_if", entity.update_if),
            ] {
                self.expression(name, id);
            }
        }
        self.expression("instance_name", form.instance_name);
        self.publication();
        // By content; by name too where an expression says it.
        let quoted = form.programs.iter().flat_map(|program| program.source.split(['\'', '"']));
        let said: HashSet<String> = quoted.map(crate::workbook::csv_key).collect();
        let lists = form.lists.iter().zip(&self.lists).filter(|(list, _)| list.len() > 0);
        let named = lists.map(|(list, content)| {
            let name = crate::workbook::csv_key(list.name());
            if said.contains(&name) { format!("{content} {name}") } else { content.clone() }
        });
        let contents: BTreeSet<String> = named.chain(form.docs.iter().map(document)).collect();
        for content in contents {
            self.field("list", &content);
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.parts.extend([name.to_owned(), value.to_owned()]);
        }
    }

    fn expression(&mut self, name: &str, id: Option<ExprId>) {
        if let Some(id) = id {
            let source = self.form.program(id).source.to_string();
            self.field(name, &source);
        }
    }

    fn question(&mut self, question: &Question) {
        let form = self.form;
        self.field("question", &form.path_of(question.index));
        // Groups hold no answers.
        if question.question_type != QuestionType::Group {
            self.field("key", &question.key);
        }
        self.field("type", &format!("{:?}", question.question_type));
        for (name, texts) in [
            ("label", &question.labels),
            ("hint", &question.hints),
            ("guidance", &question.guidance),
            ("constraint message", &question.constraint_messages),
            ("required message", &question.required_messages),
        ] {
            self.texts(name, texts);
        }
        for (kind, texts) in &question.media {
            self.texts(kind, texts);
        }
        self.expression("relevant", question.relevant);
        self.expression("constraint", question.constraint);
        for (name, flag) in [("required", question.required), ("read_only", question.read_only)] {
            match flag {
                Flag::No => {}
                Flag::Yes => self.field(name, "yes"),
                Flag::When(id) => self.expression(name, Some(id)),
            }
        }
        if let Source::Calculated(id) | Source::StoredElse(id) = question.source {
            self.expression("calculation", Some(id));
        }
        if let Some((trigger, id)) = question.trigger {
            self.field("trigger", &form.path_of(trigger));
            self.expression("triggered", Some(id));
        }
        for trigger in &question.further_triggers {
            self.field("trigger", &form.path_of(*trigger));
        }
        match &question.default {
            Some(FormDefault::Literal(text)) => self.field("default", text),
            Some(FormDefault::Expr(id)) => self.expression("default", Some(*id)),
            None => {}
        }
        if let Some(list) = question.list.filter(|list| form.list(*list).len() > 0) {
            let content = self.lists[list.as_usize()].clone();
            self.field("options", &content);
        }
        self.expression("choice_filter", question.choice_filter.as_ref().map(|filter| filter.1));
        if let Some(itemset) = &question.itemset {
            self.expression("itemset", Some(itemset.nodes));
            self.field("itemset value", &itemset.value_source);
            self.field("itemset label", &itemset.label_source);
        }
        self.expression("repeat_count", form.count_of(question));
        self.field("fixed_count", if question.fixed_count { "yes" } else { "" });
        self.field("appearance", &question.appearance);
        for (name, value) in &question.parameters {
            if name != "preload" {
                self.field(name, value);
            }
        }
        if let Some((entity, property)) = &question.save_to {
            self.field("save_to", &form.entities.get(*entity).map_or(String::new(), |e| e.list.to_string()));
            self.field("property", property);
        }
        self.field("renamed_from", question.renamed_from.as_deref().unwrap_or_default());
        self.field("conflict_policy", &question.conflict_policy);
        self.field("data_class", &question.data_class);
        for ((target, name), value) in &question.attributes {
            self.field(&format!("{target:?}::{name}"), value);
        }
    }

    /// As each language is shown: what it lacks is the default one's.
    fn texts(&mut self, name: &str, texts: &Translations) {
        if texts.is_empty() {
            return;
        }
        for language in 0..self.form.languages.len() {
            let text = texts.get(language).map(|template| self.text(template)).unwrap_or_default();
            self.field(name, &format!("{language} {text}"));
        }
    }

    fn text(&self, template: &Template) -> String {
        if template.segments.is_empty() {
            return crate::xform::file_name(&template.raw).to_owned();
        }
        let piece = |segment: &Segment| match segment {
            Segment::Text(text) => text.to_string(),
            // No cell and no XML holds a NUL, so no text reads like a value.
            Segment::Value(id) => format!("\0{}\0", self.form.program(*id).source),
        };
        template.segments.iter().map(piece).collect()
    }

    fn list(&self, list: &ChoiceList) -> String {
        let mut hasher = PartsHasher::new(LIST_TAG);
        let mut add = |part: &str| hasher.add(part.as_bytes());
        add(&list.len().to_string());
        let languages = self.form.languages.len();
        for row in 0..list.len() as u32 {
            add(list.code(row));
            for language in 0..languages {
                match list.live_label(row) {
                    Some((_, texts)) => {
                        add(&texts.get(language).map(|text| self.text(text)).unwrap_or_default())
                    }
                    None => add(list.label(row, language)),
                }
            }
            for kind in ["image", "audio", "video", "big-image"] {
                for language in 0..languages {
                    if let Some(file) = list.media(row, kind, language) {
                        add(&format!("{kind} {language} {}", crate::xform::file_name(file)));
                    }
                }
                add("");
            }
        }
        for (name, values) in list.filled_columns() {
            add(name);
            values.iter().for_each(&mut add);
        }
        HEXLOWER.encode(&hasher.finish())
    }

    fn publication(&mut self) {
        let publication = &self.form.publication;
        for (name, value) in [
            ("namespaces", &publication.namespaces),
            ("style", &publication.style),
            ("public_key", &publication.public_key),
            ("submission_url", &publication.submission_url),
            ("auto_send", &publication.auto_send),
            ("auto_delete", &publication.auto_delete),
        ] {
            self.field(name, value);
        }
        self.field("clean_text_values", if publication.clean_text_values { "" } else { "no" });
        for (name, value) in publication.audit.iter().flatten().chain(&publication.others) {
            self.field(name, value);
        }
    }
}

fn document(doc: &XmlDoc) -> String {
    let mut hasher = PartsHasher::new(DOCUMENT_TAG);
    for node in &doc.nodes {
        hasher.add(
            format!("{:?} {} {} {}\0{}", node.kind, node.end, node.name, node.uri, node.value).as_bytes(),
        );
    }
    HEXLOWER.encode(&hasher.finish())
}

impl Question {
    /// Written by a person, and not added by an engine or by the XForm's own bookkeeping.
    pub(crate) fn is_of_the_form(&self) -> bool {
        !self.meta && !self.generated && self.question_type != QuestionType::Attribute
    }
}

impl Form {
    /// `/data/group/question`, by names.
    pub(crate) fn path_of(&self, index: crate::form::QuestionIndex) -> String {
        let mut steps = Vec::new();
        let mut at = Some(index);
        while let Some(question) = at.map(|index| self.question(index)) {
            steps.push(match question.question_type {
                QuestionType::Attribute => format!("@{}", question.name),
                _ => question.name.to_string(),
            });
            at = question.parent;
        }
        steps.push(self.root_name.clone());
        steps.reverse();
        format!("/{}", steps.join("/"))
    }

    /// The count of a repeat, through the calculation that an XForm needs to stand in between.
    pub(crate) fn count_of(&self, repeat: &Question) -> Option<ExprId> {
        let id = repeat.repeat_count?;
        let read = self.program(id).dependencies.iter().map(|index| self.question(*index));
        match read.into_iter().find(|question| question.generated).map(|question| question.source) {
            Some(Source::Calculated(between)) => Some(between),
            _ => Some(id),
        }
    }
}
