//! A record's XML as what an interview begins with.

use std::collections::HashMap;

use roxmltree::Node;

use crate::arena::{MAX_INSTANCES, MAX_RECORD_CELLS};
use crate::form::{Form, Question, QuestionIndex, QuestionType, ScopeIndex, Seed};
use crate::xml;

/// What stands in the XML, and what the form says where nothing stands.
pub(crate) fn seed_of(form: &Form, text: &str) -> Result<Seed, String> {
    let document = xml::parse(text, false)?;
    let root = document.root_element();
    let local = |name: &str| name.rsplit_once(':').map_or(name.to_owned(), |(_, local)| local.to_owned());
    if root.tag_name().name() != local(&form.root_name) {
        return Err(format!("the element {}, where {} is expected", root.tag_name().name(), form.root_name));
    }
    let mut reading = Reading { form, instances: 0, cells: 0 };
    let mut seed = Seed::default();
    reading.inside(Some(root), None, &form.seed, &mut seed)?;
    Ok(seed)
}

struct Reading<'f> {
    form: &'f Form,
    instances: usize,
    cells: usize,
}

impl Reading<'_> {
    /// `told` is what the form says of the same instance.
    fn inside(
        &mut self,
        element: Option<Node<'_, '_>>,
        holder: Option<QuestionIndex>,
        told: &Seed,
        seed: &mut Seed,
    ) -> Result<(), String> {
        let form = self.form;
        let (mut at, end) = match holder {
            None => (0, form.questions.len()),
            Some(holder) => (holder.as_usize() + 1, form.question(holder).end.as_usize()),
        };
        let mut by_name: HashMap<&str, Vec<Node<'_, '_>>> = HashMap::new();
        for child in element.iter().flat_map(Node::children).filter(Node::is_element) {
            by_name.entry(child.tag_name().name()).or_default().push(child);
        }
        while at < end {
            let question = &form.questions[at];
            at = question.end.as_usize().max(at + 1);
            self.cells += 1;
            if self.cells > MAX_RECORD_CELLS {
                return Err(format!("more than {MAX_RECORD_CELLS} answers"));
            }
            let name = question.name.rsplit_once(':').map_or(&*question.name, |(_, local)| local);
            let elements = by_name.get(name).map_or(&[][..], Vec::as_slice);
            if let Some(scope) = question.opens {
                self.repeat(question, scope, elements, told, seed)?;
                continue;
            }
            let own = if question.question_type == QuestionType::Attribute {
                element.and_then(|element| attribute(element, question))
            } else {
                elements.first().map(|element| {
                    let texts = element.children().filter_map(|child| child.text());
                    texts.collect::<String>().trim().to_owned()
                })
            };
            if question.question_type != QuestionType::Group {
                let default = || {
                    let told = told.values.iter().find(|(index, _)| *index == question.index);
                    told.map(|(_, text)| text.to_string())
                };
                seed.values.extend(own.or_else(default).map(|text| (question.index, text.into())));
            }
            if question.end.as_usize() > question.index.as_usize() + 1 {
                self.inside(elements.first().copied(), Some(question.index), told, seed)?;
            }
        }
        Ok(())
    }

    /// As many instances as there are; of a fixed repeat as many as the form has.
    fn repeat(
        &mut self,
        question: &Question,
        scope: ScopeIndex,
        elements: &[Node<'_, '_>],
        told: &Seed,
        seed: &mut Seed,
    ) -> Result<(), String> {
        let template = &self.form.templates[scope.as_usize()];
        let fixed = told.repeats.iter().filter(|(of, _)| *of == scope).count();
        let count = if question.fixed_count { fixed } else { elements.len() };
        self.instances += count;
        if self.instances >= MAX_INSTANCES {
            return Err(format!("more than {MAX_INSTANCES} instances of repeats"));
        }
        for at in 0..count {
            let mut inner = Seed::default();
            let element = elements.get(at).copied();
            self.inside(element, Some(question.index), template, &mut inner)?;
            seed.repeats.push((scope, inner));
        }
        Ok(())
    }
}

fn attribute(element: Node<'_, '_>, question: &Question) -> Option<String> {
    let named =
        |attribute: &roxmltree::Attribute<'_, '_>| xml::attribute_name(element, attribute) == *question.name;
    element.attributes().find(named).map(|attribute| attribute.value().to_owned())
}
