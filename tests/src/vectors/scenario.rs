//! Scenario vectors: a form, operations on it, and what was seen after each.

use form_engine::{CompiledForm, Interview, Preload, Resume};
use record_model::Visit;
use serde_json::Value as Json;

use super::job::Outcome;
use super::masks::Masks;
use super::xpath::text_of;
use super::{clock, xml};

/// Every operation this harness knows.
const OPERATIONS: [&str; 12] = [
    "next",
    "set",
    "add",
    "remove",
    "lang",
    "new-instance",
    "read",
    "read-attr",
    "node",
    "choices",
    "count",
    "xml",
];
const VALIDATE: &str = "validate";
/// What the names of tests that open an older record have in them.
const RESUMING: [&str; 4] = ["edit", "restor", "deserial", "unmodified"];
/// Those that change something.
const CHANGES: [&str; 5] = ["set", "add", "remove", "lang", "new-instance"];

/// Plays one vector. It passes when every observation is as recorded.
pub(super) fn run(vector: &Json) -> Outcome {
    if let Some(reason) = reason_to_skip(vector) {
        return Outcome::Skipped(reason);
    }
    let visit = match clock::visit(vector) {
        Ok(visit) => visit,
        Err(reason) => return Outcome::Skipped(reason),
    };
    match CompiledForm::from_xform(form_xml(vector).as_bytes()) {
        Ok((form, _)) => Outcome::of(&Play::new(&form, visit, form_xml(vector)).differences(vector)),
        Err(found) => Outcome::Failed(format!("the form is refused: {found}")),
    }
}

fn form_xml(vector: &Json) -> &str {
    vector["form_xml"].as_str().unwrap_or_default()
}

fn operations(vector: &Json) -> &[Json] {
    vector["ops"].as_array().map_or(&[], Vec::as_slice)
}

fn reason_to_skip(vector: &Json) -> Option<String> {
    if let Some(source) = missing_file(form_xml(vector)) {
        return Some(format!("the content of {source} is not in the vector"));
    }
    let names = operations(vector).iter().map(|operation| operation["op"].as_str().unwrap_or_default());
    let mut unknown = names.filter(|name| !OPERATIONS.contains(name) && *name != VALIDATE);
    unknown.next().map(|name| format!("the operation `{name}` is unknown"))
}

/// The source of a secondary instance that lies in a file and not in the form.
fn missing_file(form: &str) -> Option<String> {
    let document = xml::parse(form).ok()?;
    let instances = document.descendants().filter(|node| node.tag_name().name() == "instance");
    instances
        .filter(|instance| !instance.children().any(|child| child.is_element()))
        .filter_map(|instance| instance.attribute("src"))
        .find(|source| source.starts_with("jr://"))
        .map(str::to_owned)
}

/// Whether the instance at the end differs from that at the start, though nothing recorded changes it: what the test
/// did is not in the vector then, and neither can it be repeated.
fn changed_without_cause(vector: &Json, masks: &Masks) -> bool {
    let (Some(initial), Some(last)) = (vector["initial"].as_str(), vector["final_xml"].as_str()) else {
        return false;
    };
    let changes = |operation: &Json| operation["op"].as_str().is_some_and(|name| CHANGES.contains(&name));
    !operations(vector).iter().any(changes)
        && xml::difference(initial, last, &|a, b| masks.same(a, b)).is_some()
}

/// A form being filled in as a vector says.
struct Play<'f> {
    form: &'f CompiledForm,
    visit: Visit,
    interview: Interview,
    masks: Masks,
}

/// What an operation came to: what differs from the recording, or why the engine refused it.
type Played = Result<Vec<String>, String>;

impl<'f> Play<'f> {
    fn new(form: &'f CompiledForm, visit: Visit, form_xml: &str) -> Self {
        Self { form, visit, interview: start(form, visit), masks: Masks::of_form(form_xml) }
    }

    /// Everything that is not as recorded, from the loaded instance to the last one.
    fn differences(mut self, vector: &Json) -> Vec<String> {
        self.resume(vector);
        let mut differences = self.instance("the instance after load", &vector["initial"]);
        for (index, operation) in operations(vector).iter().enumerate() {
            let place = place(index, operation);
            differences.extend(self.play(operation).into_iter().map(|what| format!("{place}: {what}")));
        }
        if !changed_without_cause(vector, &self.masks) {
            differences.extend(self.instance("the instance at the end", &vector["final_xml"]));
        }
        differences
    }

    /// Some tests open a record that was filled in before. Of it the vector has only how it stood after it was loaded.
    fn resume(&mut self, vector: &Json) {
        let about = format!("{} {}", vector["test"], vector["src"]).to_lowercase();
        let resumes = RESUMING.iter().any(|word| about.contains(word));
        let Some(initial) = vector["initial"].as_str().filter(|_| resumes) else { return };
        let same = |a: &str, b: &str| self.masks.same(a, b);
        if xml::difference(initial, &self.interview.xml(), &same).is_some()
            && let Ok(resumed) = Interview::resume(self.form, initial, Resume::Draft, self.visit, &preload())
        {
            self.interview = resumed;
        }
    }

    /// An operation recorded with an error must be refused here too, whatever the text.
    fn play(&mut self, operation: &Json) -> Vec<String> {
        match (self.perform(operation), operation.get("error")) {
            (Ok(_), Some(error)) => vec![format!("recorded the error {error}, and it is no error here")],
            (Err(_), Some(_)) => Vec::new(),
            (Err(refused), None) => vec![refused],
            (Ok(differences), None) => differences,
        }
    }

    fn perform(&mut self, operation: &Json) -> Played {
        let reference = operation["ref"].as_str().unwrap_or_default();
        // The recorder could not read it: there is nothing to compare with.
        let is_recorded = operation.get("recErr").is_none();
        match operation["op"].as_str().unwrap_or_default() {
            "next" => self.visit_event(reference),
            "set" => self.set(reference, operation, is_recorded),
            "add" => self.interview.add(reference).map(|()| Vec::new()).map_err(|error| error.to_string()),
            "remove" => {
                self.interview.remove(reference).map(|()| Vec::new()).map_err(|error| error.to_string())
            }
            "lang" => self.speak(operation["value"].as_str().unwrap_or_default()),
            "new-instance" => {
                self.interview = start(self.form, self.visit);
                Ok(Vec::new())
            }
            _ if !is_recorded => Ok(Vec::new()),
            "read" => self.read(reference, &operation["value"]),
            "read-attr" => self.read_attribute(reference, operation),
            "node" => self.node(reference, &operation["state"]),
            "choices" => self.choices(reference, &operation["value"]),
            "count" => self.count(reference, &operation["value"]),
            "xml" => Ok(self.instance("the instance", &operation["value"])),
            _ => Ok(self.validate(operation)),
        }
    }

    /// There is no cursor here; what the recorded one stood on must be there and relevant.
    fn visit_event(&self, reference: &str) -> Played {
        if !reference.starts_with('/') {
            return Ok(Vec::new());
        }
        match self.interview.state(reference) {
            Some(node) if node.relevant => Ok(Vec::new()),
            Some(_) => Err("the event is not relevant".to_owned()),
            // A repeat itself, where its next instance would be added.
            None if self.interview.count(reference).is_some() => Ok(Vec::new()),
            None => Err("there is no such event".to_owned()),
        }
    }

    fn set(&mut self, reference: &str, operation: &Json, is_recorded: bool) -> Played {
        let is_trigger = self.interview.state(reference).is_some_and(|node| node.kind == "trigger");
        let value = match &operation["value"] {
            // What a trigger holds once it is confirmed.
            Json::Bool(flag) if is_trigger => (if *flag { "OK" } else { "" }).to_owned(),
            value => answer(value, &operation["after"]),
        };
        self.interview.set(reference, &value).map_err(|error| error.to_string())?;
        if is_recorded && operation.get("after").is_some() {
            self.read(reference, &operation["after"])
        } else {
            Ok(Vec::new())
        }
    }

    fn speak(&mut self, language: &str) -> Played {
        if self.interview.set_language(language) {
            Ok(Vec::new())
        } else {
            Err(format!("there is no language {language:?}"))
        }
    }

    fn read(&self, reference: &str, recorded: &Json) -> Played {
        let found = self.interview.value(reference).ok_or("there is no such node")?;
        Ok(self.compare_text("the value", recorded, &found))
    }

    fn read_attribute(&self, reference: &str, operation: &Json) -> Played {
        let name = operation["attr"].as_str().unwrap_or_default();
        let found = self.interview.attribute(reference, name).ok_or("there is no such attribute")?;
        Ok(self.compare_text("the attribute", &operation["value"], &found))
    }

    /// Only what the recording names.
    fn node(&self, reference: &str, recorded: &Json) -> Played {
        let found = self.interview.state(reference).ok_or("there is no such node")?;
        let violation = found.violation.as_ref().map(|(kind, _)| kind.as_str());
        let state = [
            ("relevant", Json::from(found.relevant)),
            ("required", Json::from(found.required)),
            ("readonly", Json::from(found.read_only)),
            ("violation", Json::from(violation)),
        ];
        let mut differences: Vec<String> = state
            .iter()
            .filter_map(|(name, found)| Some((name, found, recorded.get(name)?)))
            .filter(|(_, found, recorded)| found != recorded)
            .map(|(name, found, recorded)| format!("{name}: recorded {recorded}, found {found}"))
            .collect();
        if let Some(recorded) = recorded.get("label") {
            differences.extend(self.compare_text("label", recorded, &found.label.unwrap_or_default()));
        }
        Ok(differences)
    }

    fn choices(&self, reference: &str, recorded: &Json) -> Played {
        let found = self.interview.choices(reference).ok_or("there is no such select")?;
        let found = Json::from_iter(found.into_iter().map(|(value, label)| vec![value, label]));
        Ok(differ("the choices", recorded, &found))
    }

    fn count(&self, reference: &str, recorded: &Json) -> Played {
        let found = self.interview.count(reference).ok_or("there is no such repeat")?;
        Ok(differ("the instances", recorded, &Json::from(found)))
    }

    fn validate(&self, operation: &Json) -> Vec<String> {
        let violations = self.interview.violations();
        let outcome = match violations.first().map(|(_, kind, _)| kind.as_str()) {
            None => "ANSWER_OK",
            Some("required") => "ANSWER_REQUIRED_BUT_EMPTY",
            Some(_) => "ANSWER_CONSTRAINT_VIOLATED",
        };
        let mut differences = differ("the outcome", &operation["outcome"], &Json::from(outcome));
        let found =
            violations.iter().map(|(reference, kind, text)| [reference.as_str(), kind.as_str(), text]);
        let recorded = operation["violations"].as_array().map_or(&[][..], Vec::as_slice);
        // No text of the form's own: whatever this engine says instead.
        let agree = |(recorded, found): (&Json, [&str; 3])| {
            recorded[0] == found[0]
                && recorded[1] == found[1]
                && (recorded[2].is_null() || recorded[2] == found[2])
        };
        if recorded.len() != violations.len() || !recorded.iter().zip(found.clone()).all(agree) {
            let found: Vec<_> = found.collect();
            differences
                .push(format!("the violations: recorded {}, found {found:?}", operation["violations"]));
        }
        differences
    }

    /// Null: nothing was recorded.
    fn instance(&self, what: &str, recorded: &Json) -> Vec<String> {
        let Some(recorded) = recorded.as_str() else { return Vec::new() };
        let same = |a: &str, b: &str| self.masks.same(a, b);
        let difference = xml::difference(recorded, &self.interview.xml(), &same);
        difference.map(|difference| format!("{what}: {difference}")).into_iter().collect()
    }

    /// A recorded null is a blank.
    fn compare_text(&self, what: &str, recorded: &Json, found: &str) -> Vec<String> {
        let expected = text_of(recorded).unwrap_or_default();
        if self.masks.same(&expected, found) {
            Vec::new()
        } else {
            vec![format!("{what}: recorded {expected:?}, found {found:?}")]
        }
    }
}

fn start(form: &CompiledForm, visit: Visit) -> Interview {
    Interview::start(form, visit, &preload())
}

fn preload() -> Preload {
    Preload { uuid_seed: "vectors".to_owned(), ..Preload::default() }
}

fn differ(what: &str, recorded: &Json, found: &Json) -> Vec<String> {
    if recorded == found { Vec::new() } else { vec![format!("{what}: recorded {recorded}, found {found}")] }
}

/// `operation 3, set /data/q`
fn place(index: usize, operation: &Json) -> String {
    let name = operation["op"].as_str().unwrap_or_default();
    let reference = operation["ref"].as_str().unwrap_or_default();
    format!("operation {}, {name} {reference}", index + 1).trim_end().to_owned()
}

/// What is typed. A truth is 1 or 0, several options are separated by spaces. Of a file or a point the recorder kept
/// only `[object …]`: there, what was read back is typed.
fn answer(value: &Json, after: &Json) -> String {
    match value {
        Json::Bool(flag) => u8::from(*flag).to_string(),
        Json::Array(options) => options.iter().filter_map(text_of).collect::<Vec<_>>().join(" "),
        Json::String(text) if text.starts_with("[object ") => text_of(after).unwrap_or_default(),
        other => text_of(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_typed_as_a_person_would() {
        let typed = |value: Json, after: &str| answer(&value, &json!(after));
        assert_eq!(typed(json!("a b"), ""), "a b");
        assert_eq!(typed(json!(["a", "b"]), ""), "a b");
        assert_eq!(typed(json!(true), ""), "1");
        assert_eq!(typed(json!(555), ""), "555");
        assert_eq!(typed(json!(4.5), ""), "4.5");
        assert_eq!(typed(json!("[object File]"), "upload.txt"), "upload.txt");
        assert_eq!(typed(Json::Null, ""), "");
    }

    #[test]
    fn a_form_whose_files_are_not_there_is_recognised_by_its_content() {
        let outside = r#"<model><instance id="l" src="jr://file-csv/list.csv"/></model>"#;
        assert_eq!(missing_file(outside), Some("jr://file-csv/list.csv".to_owned()));
        let inside = r#"<model><instance id="l" src="jr://file-csv/list.csv"><root/></instance></model>"#;
        assert_eq!(missing_file(inside), None);
        let picture = r#"<model><itext><value form="image">jr://images/a.png</value></itext></model>"#;
        assert_eq!(missing_file(picture), None);
    }

    #[test]
    fn an_unknown_operation_skips_the_scenario() {
        let vector = json!({"form_xml": "<html/>", "ops": [{"op": "set"}, {"op": "rewind"}]});
        assert_eq!(run(&vector), Outcome::Skipped("the operation `rewind` is unknown".to_owned()));
    }

    #[test]
    fn a_change_that_no_operation_explains_is_noticed() {
        let masks = Masks::of_form("");
        let mut vector = json!({"initial": "<a/>", "final_xml": "<a>file</a>", "ops": [{"op": "node"}]});
        assert!(changed_without_cause(&vector, &masks));
        vector["ops"] = json!([{"op": "set"}]);
        assert!(!changed_without_cause(&vector, &masks));
    }
}
