//! A record as the XML of an OpenRosa submission.

use std::fmt::Write;

use unicode_normalization::UnicodeNormalization;

use crate::form::{Form, Question, QuestionIndex, QuestionType};
use crate::session::Interview;

impl Interview {
    /// The record as XML; what is not relevant is left out.
    pub fn xml(&self) -> String {
        let form = self.form();
        let mut out = format!("<{}", form.root_name);
        let mut inside = String::new();
        self.write_inside(0, None, &mut inside);
        let mut attributes = String::new();
        self.write_attributes(0, None, &mut attributes);
        for (prefix, uri) in &form.namespaces {
            let used =
                |text: &str| text.contains(&format!("<{prefix}:")) || text.contains(&format!(" {prefix}:"));
            if used(&inside) || used(&attributes) {
                let _ = write!(out, " xmlns:{prefix}=\"{}\"", escaped(uri));
            }
        }
        out.push_str(&attributes);
        let _ = write!(out, ">{inside}</{}>", form.root_name);
        out
    }

    fn write_attributes(&self, instance: u32, holder: Option<QuestionIndex>, out: &mut String) {
        for question in self.children_of(holder) {
            if question.question_type == QuestionType::Attribute {
                let value = self.text_at(instance, question.index);
                // An instance of a repeat has only attributes that say something.
                if value.is_empty()
                    && holder.is_some_and(|holder| self.form().question(holder).opens.is_some())
                {
                    continue;
                }
                let _ = write!(out, " {}=\"{}\"", question.name, escaped(&value));
            }
        }
    }

    /// Nests as deep as the form, which is limited.
    fn write_inside(&self, instance: u32, holder: Option<QuestionIndex>, out: &mut String) {
        let form = self.form();
        for question in self.children_of(holder) {
            if question.question_type == QuestionType::Attribute
                || !self.is_relevant(instance, question.index)
            {
                continue;
            }
            match question.opens {
                Some(_) => {
                    for inner in self.instances_of(instance, question.index) {
                        self.write_element(inner, &question.name, Some(question.index), true, out);
                    }
                }
                None => {
                    let container = question.question_type == QuestionType::Group;
                    if container {
                        self.write_element(instance, &question.name, Some(question.index), true, out);
                    } else if !is_absent(question, &self.text_at(instance, question.index)) {
                        self.write_leaf(form, instance, question.index, out);
                    }
                }
            }
        }
    }

    fn write_element(
        &self,
        instance: u32,
        name: &str,
        holder: Option<QuestionIndex>,
        open: bool,
        out: &mut String,
    ) {
        let _ = write!(out, "<{name}");
        self.write_attributes(instance, holder, out);
        out.push('>');
        if open {
            self.write_inside(instance, holder, out);
        }
        let _ = write!(out, "</{name}>");
    }

    fn write_leaf(&self, form: &Form, instance: u32, question: QuestionIndex, out: &mut String) {
        let name = &form.question(question).name;
        let _ = write!(out, "<{name}");
        self.write_attributes(instance, Some(question), out);
        let value = self.text_at(instance, question);
        if value.is_empty() {
            out.push_str("/>");
        } else {
            // One way of writing an accented letter.
            let composed: String = value.nfc().collect();
            let _ = write!(out, ">{}</{name}>", escaped(&composed));
        }
    }
}

/// `deprecatedID` stands only where there is one.
fn is_absent(question: &Question, value: &str) -> bool {
    question.meta && value.is_empty() && question.name.ends_with("deprecatedID")
}

/// As text or attribute value.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As they stand, an attribute would give back blanks.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            // XML has no way to write these.
            '\0'..'\u{20}' | '\u{FFFE}' | '\u{FFFF}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_read_again_or_is_none_of_xml_s() {
        let every: String = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
        let written = format!("<a b=\"{0}\">{0}</a>", escaped(&every));
        let document = crate::xml::parse(&written, false).unwrap();
        let kept: String = every
            .chars()
            .filter(|c| matches!(c, '\t' | '\n' | '\r') || *c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
            .collect();
        assert!(document.root_element().attribute("b") == Some(&*kept));
        assert!(document.root_element().text() == Some(&*kept));
    }
}
