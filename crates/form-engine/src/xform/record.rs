//! A record's XML as what an interview begins with.

use roxmltree::Node;

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
    let reading = Reading { form };
    let mut seed = Seed::default();
    reading.inside(Some(root), None, &form.seed, &mut seed);
    Ok(seed)
}

struct Reading<'f> {
    form: &'f Form,
}

impl Reading<'_> {
    /// `told` is what the form says of the same instance.
    fn inside(
        &self,
        element: Option<Node<'_, '_>>,
        holder: Option<QuestionIndex>,
        told: &Seed,
        seed: &mut Seed,
    ) {
        for question in self.form.questions.iter().filter(|question| question.parent == holder) {
            let elements = element.map(|element| named(element, question)).unwrap_or_default();
            if let Some(scope) = question.opens {
                self.repeat(question, scope, &elements, told, seed);
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
            self.inside(elements.first().copied(), Some(question.index), told, seed);
        }
    }

    /// As many instances as there are; of a fixed repeat as many as the form has.
    fn repeat(
        &self,
        question: &Question,
        scope: ScopeIndex,
        elements: &[Node<'_, '_>],
        told: &Seed,
        seed: &mut Seed,
    ) {
        let template = &self.form.templates[scope.as_usize()];
        let fixed = told.repeats.iter().filter(|(of, _)| *of == scope).count();
        let count = if question.fixed_count { fixed } else { elements.len() };
        for at in 0..count {
            let mut inner = Seed::default();
            let element = elements.get(at).copied();
            self.inside(element, Some(question.index), template, &mut inner);
            seed.repeats.push((scope, inner));
        }
    }
}

fn named<'x, 'i>(element: Node<'x, 'i>, question: &Question) -> Vec<Node<'x, 'i>> {
    let name = question.name.rsplit_once(':').map_or(&*question.name, |(_, local)| local);
    element.children().filter(|child| child.is_element() && child.tag_name().name() == name).collect()
}

fn attribute(element: Node<'_, '_>, question: &Question) -> Option<String> {
    let named =
        |attribute: &roxmltree::Attribute<'_, '_>| xml::attribute_name(element, attribute) == *question.name;
    element.attributes().find(named).map(|attribute| attribute.value().to_owned())
}
