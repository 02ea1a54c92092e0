//! Form vectors: answers to a real questionnaire, the effect of every step, and the whole final state.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use form_engine::{CompiledForm, Interview, InterviewNode, Preload};
use serde_json::Value as Json;

use super::clock;
use super::job::{Job, Kind, Outcome, Unit};
use super::xpath::text_of;

/// For all steps of one vector together.
const LIMIT: Duration = Duration::from_secs(1800);

/// The job of one vector; its units are its steps and the nodes of its final state.
pub(super) fn job(file: &str, vector: Json, xform: Result<PathBuf, String>) -> Job {
    let ids = steps(&vector).map(|(id, _)| id).chain(nodes(&vector).map(reference)).collect();
    let run = Box::new(move || run(&vector, xform));
    Job { file: file.to_owned(), kind: Kind::Questionnaire, ids, limit: LIMIT, run }
}

fn steps(vector: &Json) -> impl Iterator<Item = (String, &Json)> {
    let steps = vector["steps"].as_array().map_or(&[][..], Vec::as_slice);
    steps.iter().enumerate().map(|(index, step)| (format!("step {}", index + 1), step))
}

fn nodes(vector: &Json) -> impl Iterator<Item = &Json> {
    vector["nodes"].as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn reference(node: &Json) -> String {
    node["ref"].as_str().unwrap_or_default().to_owned()
}

fn run(vector: &Json, xform: Result<PathBuf, String>) -> Vec<Unit> {
    match start(vector, xform) {
        Ok(interview) => play(vector, interview),
        Err(why) => {
            let ids = steps(vector).map(|(id, _)| id).chain(nodes(vector).map(reference));
            ids.map(|id| Unit::new(id, Outcome::Failed(why.clone()))).collect()
        }
    }
}

fn start(vector: &Json, xform: Result<PathBuf, String>) -> Result<Interview, String> {
    let path = xform?;
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (form, _) = CompiledForm::from_xform(&bytes)
        .map_err(|found| format!("{} is refused: {found}", path.display()))?;
    let preload = Preload {
        device_id: "oracle:dev".to_owned(),
        username: "oracle".to_owned(),
        uuid_seed: "vectors".to_owned(),
        ..Preload::default()
    };
    Ok(Interview::start(&form, clock::visit(vector)?, &preload))
}

fn play(vector: &Json, mut interview: Interview) -> Vec<Unit> {
    let volatile: HashSet<&str> =
        vector["volatile"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let mut units: Vec<Unit> = steps(vector)
        .map(|(id, step)| Unit::new(id, step_outcome(&mut interview, step, &volatile)))
        .collect();
    let found: HashMap<String, InterviewNode> =
        interview.nodes().into_iter().map(|node| (node.reference.clone(), node)).collect();
    for node in nodes(vector) {
        let reference = reference(node);
        let outcome = match found.get(&reference) {
            Some(found) => {
                let options = node.get("options").map(|_| options(&interview, &reference));
                Outcome::of(&node_differences(node, found, options, volatile.contains(&*reference)))
            }
            None => Outcome::Failed("not there".to_owned()),
        };
        units.push(Unit::new(reference, outcome));
    }
    units.extend(unrecorded(vector, &found));
    units
}

/// Every node was recorded, so one more is a difference too.
fn unrecorded(vector: &Json, found: &HashMap<String, InterviewNode>) -> Vec<Unit> {
    let recorded: HashSet<String> = nodes(vector).map(reference).collect();
    let mut extra: Vec<&String> = found.keys().filter(|reference| !recorded.contains(*reference)).collect();
    extra.sort();
    extra.into_iter().map(|it| Unit::new(it, Outcome::Failed("there, and not recorded".to_owned()))).collect()
}

fn step_outcome(interview: &mut Interview, step: &Json, volatile: &HashSet<&str>) -> Outcome {
    if let Some(repeat) = step["add"].as_str() {
        return match interview.add(repeat) {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("add {repeat}: {error}")),
        };
    }
    let Some(reference) = step["set"].as_str() else {
        return Outcome::Skipped("neither `set` nor `add`".to_owned());
    };
    let typed = text_of(&step["value"]).unwrap_or_default();
    if let Err(error) = interview.set(reference, &typed) {
        return Outcome::Failed(format!("{reference} = {typed:?}: {error}"));
    }
    let state = interview.state(reference);
    let mut differences = Vec::new();
    if !volatile.contains(reference) {
        let now = interview.value(reference).unwrap_or_default();
        differ(&mut differences, "value", &text_of(&step["now"]).unwrap_or_default(), &now);
    }
    let recorded = step["violation"].as_str().unwrap_or("none");
    differ(&mut differences, "violation", recorded, state.as_ref().map_or("none", violation));
    for difference in &mut differences {
        *difference = format!("{reference} = {typed:?}: {difference}");
    }
    Outcome::of(&differences)
}

fn options(interview: &Interview, reference: &str) -> Vec<String> {
    interview.choices(reference).unwrap_or_default().into_iter().map(|(value, _)| value).collect()
}

fn violation(node: &InterviewNode) -> &'static str {
    node.violation.as_ref().map_or("none", |(kind, _)| kind.as_str())
}

/// A flag that is not written is false. Of a volatile node the value is left out.
fn node_differences(
    recorded: &Json,
    found: &InterviewNode,
    options: Option<Vec<String>>,
    is_volatile: bool,
) -> Vec<String> {
    let mut differences = Vec::new();
    let flags = [("relevant", found.relevant), ("readonly", found.read_only), ("required", found.required)];
    for (name, found) in flags {
        let recorded = recorded[name].as_bool().unwrap_or(false);
        differ(&mut differences, name, &recorded.to_string(), &found.to_string());
    }
    if let Some(value) = text_of(&recorded["value"]).filter(|_| !is_volatile) {
        differ(&mut differences, "value", &value, &found.value);
    }
    let condition = recorded["violation"]["condition"].as_str().unwrap_or("none");
    differ(&mut differences, "violation", condition, violation(found));
    // Without a text of the form's own, whatever this engine says instead.
    if let (Some(message), Some((_, text))) = (recorded["violation"]["message"].as_str(), &found.violation) {
        differ(&mut differences, "message", message, text);
    }
    if let Some(options) = options {
        let recorded: Vec<&str> =
            recorded["options"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        if recorded != options {
            differences.push(format!("options: recorded {recorded:?}, found {options:?}"));
        }
    }
    differences
}

fn differ(differences: &mut Vec<String>, what: &str, recorded: &str, found: &str) {
    if recorded != found {
        differences.push(format!("{what}: recorded {recorded:?}, found {found:?}"));
    }
}

#[cfg(test)]
mod tests {
    use form_engine::ViolationKind;
    use serde_json::json;

    use super::*;

    fn found() -> InterviewNode {
        InterviewNode {
            reference: "/data/age".to_owned(),
            kind: "input",
            relevant: true,
            required: true,
            read_only: false,
            value: "6".to_owned(),
            label: None,
            violation: Some((ViolationKind::Constraint, "too young".to_owned())),
        }
    }

    #[test]
    fn a_node_is_compared_in_all_that_is_recorded() {
        let violation = json!({"condition": "constraint", "message": null});
        let node = json!({"relevant": true, "required": true, "value": "6", "violation": violation});
        assert_eq!(node_differences(&node, &found(), None, false), Vec::<String>::new());
        let other = json!({"relevant": false, "readonly": true, "required": true, "value": "7"});
        let differences = node_differences(&other, &found(), None, false);
        assert_eq!(
            differences,
            [
                r#"relevant: recorded "false", found "true""#,
                r#"readonly: recorded "true", found "false""#,
                r#"value: recorded "7", found "6""#,
                r#"violation: recorded "none", found "constraint""#,
            ]
        );
    }

    #[test]
    fn the_value_of_a_volatile_node_is_left_out_and_options_keep_their_order() {
        let violation = json!({"condition": "constraint", "message": "too young"});
        let node = json!({
            "relevant": true, "required": true, "value": "x", "violation": violation, "options": ["a", "b"]
        });
        let options = |names: [&str; 2]| Some(names.map(str::to_owned).to_vec());
        assert_eq!(node_differences(&node, &found(), options(["a", "b"]), true), Vec::<String>::new());
        assert_eq!(node_differences(&node, &found(), options(["b", "a"]), true).len(), 1);
    }
}
