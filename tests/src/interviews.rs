//! Random interviews, held in two form engines at once and compared node by node after every answer.

use std::collections::HashMap;
use std::fmt;

use form_engine::{CompiledForm, Interview, Preload};
use record_model::Visit;

use crate::oracle::{OracleError, WebEngine, WebNode};

/// What is done to a form being filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Answer a question; blank takes the answer back.
    Set {
        /// `/data/roster[2]/age`
        reference: String,
        /// The answer.
        value: String,
    },
    /// Add an instance at the end of a repeat: `/data/roster`.
    Add(String),
    /// Remove an instance: `/data/roster[2]`.
    Remove(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { reference, value } => write!(f, "set {reference} = {value:?}"),
            Self::Add(repeat) => write!(f, "add {repeat}"),
            Self::Remove(instance) => write!(f, "remove {instance}"),
        }
    }
}

/// A form being filled in by some engine.
pub trait Filling {
    /// Starts again from the blank form.
    ///
    /// # Errors
    ///
    /// In the engine's words.
    fn begin(&mut self) -> Result<(), String>;

    /// Does one step.
    ///
    /// # Errors
    ///
    /// In the engine's words, when it does not take it.
    fn take(&mut self, step: &Step) -> Result<(), String>;

    /// Every node, in document order.
    ///
    /// # Errors
    ///
    /// In the engine's words.
    fn nodes(&mut self) -> Result<Vec<WebNode>, String>;
}

/// One form in the web engine.
pub struct InWebEngine<'e> {
    /// The engine, the form loaded.
    pub engine: &'e mut WebEngine,
    /// The name it is loaded under.
    pub form: String,
    /// How long each step took, in milliseconds.
    pub took_ms: Vec<f64>,
}

impl<'e> InWebEngine<'e> {
    /// A form that is loaded already.
    pub fn new(engine: &'e mut WebEngine, form: &str) -> Self {
        Self { engine, form: form.to_owned(), took_ms: Vec::new() }
    }
}

impl Filling for InWebEngine<'_> {
    fn begin(&mut self) -> Result<(), String> {
        self.engine.begin(&self.form).map(drop).map_err(said)
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        let took = match step {
            Step::Set { reference, value } => self.engine.set(reference, value),
            Step::Add(repeat) => self.engine.add(repeat),
            Step::Remove(instance) => self.engine.remove(instance),
        };
        self.took_ms.push(took.map_err(said)?);
        Ok(())
    }

    fn nodes(&mut self) -> Result<Vec<WebNode>, String> {
        self.engine.nodes().map_err(said)
    }
}

fn said(error: OracleError) -> String {
    match error {
        OracleError::Refused { said, .. } => said,
        // A dead process is no property of the form.
        other => panic!("{other}"),
    }
}

/// One form in our own engine.
pub struct InOurs {
    form: CompiledForm,
    visit: Visit,
    interview: Interview,
}

impl InOurs {
    /// Begins at once.
    pub fn new(form: CompiledForm, visit: Visit) -> Self {
        let interview = Interview::start(&form, visit, &preload());
        Self { form, visit, interview }
    }
}

/// The same device and person as in the web engine's script.
pub fn preload() -> Preload {
    Preload {
        device_id: "oracle:dev".to_owned(),
        username: "oracle".to_owned(),
        phone_number: "0".to_owned(),
        email: "o@example.org".to_owned(),
        uuid_seed: "oracle".to_owned(),
    }
}

impl Filling for InOurs {
    fn begin(&mut self) -> Result<(), String> {
        self.interview = Interview::start(&self.form, self.visit, &preload());
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Set { reference, value } => self.interview.set(reference, value),
            Step::Add(repeat) => self.interview.add(repeat),
            Step::Remove(instance) => self.interview.remove(instance),
        }
        .map_err(|error| error.to_string())
    }

    fn nodes(&mut self) -> Result<Vec<WebNode>, String> {
        let nodes = self.interview.nodes().into_iter().map(|node| {
            let holds_value = !matches!(node.kind, "root" | "group" | "repeat-range" | "repeat-instance");
            let options = matches!(node.kind, "select" | "rank").then(|| {
                let choices = self.interview.choices(&node.reference).unwrap_or_default();
                choices.into_iter().map(|(code, _)| code).collect()
            });
            WebNode {
                kind: node.kind.to_owned(),
                relevant: node.relevant,
                readonly: node.read_only,
                required: node.required,
                controlled: false,
                counting: false,
                value_type: None,
                value: holds_value.then_some(node.value),
                violation: node.violation.map(|(kind, _)| kind.as_str().to_owned()),
                options,
                many: false,
                reference: node.reference,
            }
        });
        Ok(nodes.collect())
    }
}

/// Random numbers that stay the same whatever library comes next: a seed in a report must find its interview again.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice thrown from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `below` without it.
    fn below(&mut self, below: usize) -> usize {
        (self.next() % below.max(1) as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        among.get(self.below(among.len()))
    }
}

/// Nobody has more instances than this: more of the same show nothing new.
const MAX_INSTANCES: usize = 4;

/// A step that a person could take where the form stands; none when nothing can be answered.
pub fn random_step(nodes: &[WebNode], dice: &mut Dice) -> Option<Step> {
    let repeats: Vec<&WebNode> = nodes
        .iter()
        .filter(|node| node.kind == "repeat-range" && node.relevant && !node.controlled)
        .collect();
    if dice.one_in(7)
        && let Some(repeat) = dice.pick(&repeats)
    {
        return Some(add_or_remove(nodes, repeat, dice));
    }
    let open: Vec<(&WebNode, String)> = nodes
        .iter()
        .filter(|node| node.relevant && !node.readonly)
        .filter_map(|node| Some((node, random_answer(node, dice)?)))
        .collect();
    let blank: Vec<&(&WebNode, String)> =
        open.iter().filter(|(node, _)| node.value.as_deref() == Some("")).collect();
    // Mostly forward, as in an interview.
    let chosen = if dice.one_in(3) { dice.pick(&open) } else { dice.pick(&blank).copied() };
    let (node, value) = chosen.or_else(|| open.first())?;
    let value = if dice.one_in(12) { String::new() } else { value.clone() };
    Some(Step::Set { reference: node.reference.clone(), value })
}

fn add_or_remove(nodes: &[WebNode], repeat: &WebNode, dice: &mut Dice) -> Step {
    let within = format!("{}[", repeat.reference);
    let is_instance = |node: &&WebNode| {
        node.kind == "repeat-instance"
            && node.reference.strip_prefix(&within).is_some_and(|rest| !rest.contains('/'))
    };
    let instances: Vec<&WebNode> = nodes.iter().filter(is_instance).collect();
    match dice.pick(&instances) {
        Some(instance) if instances.len() >= MAX_INSTANCES || dice.one_in(3) => {
            Step::Remove(instance.reference.clone())
        }
        _ => Step::Add(repeat.reference.clone()),
    }
}

/// An answer of the kind a question asks for, right or wrong; none for what is not asked, or cannot be typed.
fn random_answer(node: &WebNode, dice: &mut Dice) -> Option<String> {
    match node.kind.as_str() {
        "select" => random_choice(node, dice),
        "rank" => Some(shuffled(node.options.as_deref()?, dice).join(" ")),
        "trigger" => Some("OK".to_owned()),
        "range" => Some(dice.below(12).to_string()),
        "input" if node.counting => Some(dice.below(MAX_INSTANCES + 1).to_string()),
        "input" => random_text(node.value_type.as_deref()?, dice),
        _ => None,
    }
    .filter(|answer| !answer.is_empty())
}

fn random_choice(node: &WebNode, dice: &mut Dice) -> Option<String> {
    let options = node.options.as_deref()?;
    if !node.many {
        return dice.pick(options).cloned();
    }
    let count = 1 + dice.below(3);
    Some(shuffled(options, dice).into_iter().take(count).collect::<Vec<_>>().join(" "))
}

fn shuffled<'a>(options: &'a [String], dice: &mut Dice) -> Vec<&'a str> {
    let mut shuffled: Vec<&str> = options.iter().map(String::as_str).collect();
    for last in (1..shuffled.len()).rev() {
        shuffled.swap(last, dice.below(last + 1));
    }
    shuffled
}

fn random_text(value_type: &str, dice: &mut Dice) -> Option<String> {
    const WORDS: [&str; 8] = ["Jean", "Marie-Ève", "أحمد", "Pyè", "12", "x y", "O’Neil", "0"];
    let (small, large) = (dice.below(13), dice.below(200));
    let text = match value_type {
        "int" => match dice.below(10) {
            0 => "-3".to_owned(),
            1 => "100000".to_owned(),
            2..=4 => large.to_string(),
            _ => small.to_string(),
        },
        "decimal" => format!("{}{}.{:02}", if dice.one_in(10) { "-" } else { "" }, large, small),
        "date" => format!("{}-{:02}-{:02}", 1940 + dice.below(95), 1 + dice.below(12), 1 + dice.below(28)),
        "string" | "barcode" => (*dice.pick(&WORDS)?).to_owned(),
        "time" => format!("{small:02}:30:00"),
        "dateTime" => format!("{}-06-15T{small:02}:30:00.000-05:00", 1990 + dice.below(40)),
        "geopoint" => format!("{small}.5 -72.25 {large} 5"),
        _ => return None,
    };
    Some(text)
}

/// Where two engines differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node, with its positions.
    pub reference: String,
    /// Of it: `there`, `order`, `kind`, `relevant`, `required`, `readonly`, `value`, `violation`, `options`, `step`.
    pub aspect: &'static str,
    /// In the engine that is checked.
    pub ours: String,
    /// In the one it is checked against.
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reference, aspect, ours, theirs } = self;
        write!(f, "{reference} {aspect}: {ours:?}, in the reference {theirs:?}")
    }
}

/// Every difference between two states of one form. Of what is not relevant only that is compared.
pub fn differences(ours: &[WebNode], theirs: &[WebNode]) -> Vec<Difference> {
    let mut found = Vec::new();
    let known: HashMap<&str, &WebNode> = ours.iter().map(|node| (place(node), node)).collect();
    for node in theirs {
        match known.get(place(node)) {
            Some(our) => compare(our, node, &mut found),
            None => found.push(differ(node, "there", "missing", "there")),
        }
    }
    let expected: HashMap<&str, &WebNode> = theirs.iter().map(|node| (place(node), node)).collect();
    let extra = ours.iter().filter(|node| !expected.contains_key(place(node)));
    found.extend(extra.map(|node| differ(node, "there", "there", "missing")));
    let order = ours.iter().zip(theirs).find(|(our, their)| place(our) != place(their));
    if let (true, Some((our, their))) = (found.iter().all(|one| one.aspect != "there"), order) {
        found.push(differ(their, "order", &our.reference, &their.reference));
    }
    found
}

/// A node's own reference.
fn place(node: &WebNode) -> &str {
    &node.reference
}

fn compare(our: &WebNode, their: &WebNode, found: &mut Vec<Difference>) {
    let mut check = |aspect, ours: String, theirs: String| {
        if ours != theirs && !(aspect == "value" && is_same_value(their, &ours, &theirs)) {
            found.push(differ(their, aspect, &ours, &theirs));
        }
    };
    // A group of values that nobody is asked is a group.
    let kind = |node: &WebNode| node.kind.replace("subtree", "group");
    check("kind", kind(our), kind(their));
    check("relevant", our.relevant.to_string(), their.relevant.to_string());
    if !(our.relevant && their.relevant && their.value.is_some()) {
        return;
    }
    check("required", our.required.to_string(), their.required.to_string());
    check("readonly", our.readonly.to_string(), their.readonly.to_string());
    check("value", our.value.clone().unwrap_or_default(), their.value.clone().unwrap_or_default());
    let violation = |node: &WebNode| node.violation.clone().unwrap_or_else(|| "none".to_owned());
    check("violation", violation(our), violation(their));
    let options = |node: &WebNode| node.options.as_ref().map(|options| options.join(" ")).unwrap_or_default();
    check("options", options(our), options(their));
}

fn differ(node: &WebNode, aspect: &'static str, ours: &str, theirs: &str) -> Difference {
    Difference { reference: node.reference.clone(), aspect, ours: ours.to_owned(), theirs: theirs.to_owned() }
}

/// Numbers are written in many ways, and a place is four of them.
fn is_same_value(node: &WebNode, ours: &str, theirs: &str) -> bool {
    if node.value_type.as_deref() != Some("geopoint") {
        return is_same_number(ours, theirs);
    }
    let (ours, theirs) = (ours.split_whitespace(), theirs.split_whitespace());
    ours.clone().count() == theirs.clone().count() && ours.zip(theirs).all(|(a, b)| is_same_number(a, b))
}

fn is_same_number(a: &str, b: &str) -> bool {
    let numbers = a.parse::<f64>().ok().zip(b.parse::<f64>().ok());
    numbers.is_some_and(|(a, b)| (a - b).abs() < 1e-9)
}

/// `/data/roster[2]/age` as `/data/roster/age`, which names the question.
pub fn without_positions(reference: &str) -> String {
    let steps = reference.split('/').map(|step| step.split('[').next().unwrap_or_default());
    steps.collect::<Vec<_>>().join("/")
}

/// An interview that came to a difference.
#[derive(Debug)]
pub struct Finding {
    /// What was done, the differing step last.
    pub steps: Vec<Step>,
    /// What then differed.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "after {} steps:", self.steps.len())?;
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "  {number}. {step}")?;
        }
        self.differences.iter().try_for_each(|difference| writeln!(f, "  {difference}"))
    }
}

/// What an interview went through without a difference.
#[derive(Debug, Default)]
pub struct Agreement {
    /// The steps taken.
    pub steps: Vec<Step>,
    /// How many node states were compared.
    pub nodes: usize,
}

/// Two engines with one form in each, and which differences between them count.
pub struct Comparison<'e> {
    /// The engine that is checked.
    pub ours: &'e mut dyn Filling,
    /// The one it is checked against.
    pub theirs: &'e mut dyn Filling,
    /// Whether a difference is a fault.
    pub counts: &'e dyn Fn(&Difference) -> bool,
}

impl Comparison<'_> {
    /// Holds one random interview of so many steps. Stops at the first difference, so that its steps are the shortest
    /// beginning that differs; then leaves out of them what the difference does not need.
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn interview(&mut self, steps: usize, dice: &mut Dice) -> Result<Agreement, Finding> {
        match self.random_interview(steps, dice) {
            Ok(agreement) => Ok(agreement),
            Err(finding) => Err(self.shrink(finding)),
        }
    }

    fn random_interview(&mut self, steps: usize, dice: &mut Dice) -> Result<Agreement, Finding> {
        let mut held = Agreement::default();
        self.begin()?;
        let mut nodes = self.agreed(&held.steps)?;
        while held.steps.len() < steps {
            let Some(step) = random_step(&nodes, dice) else { break };
            if self.take(&step, &held.steps)? {
                held.steps.push(step);
                nodes = self.agreed(&held.steps)?;
                held.nodes += nodes.len();
            } else if dice.one_in(steps) {
                // What the reference takes for no answer is no step; a form of nothing else must end too.
                break;
            }
        }
        Ok(held)
    }

    /// Both from the blank form.
    fn begin(&mut self) -> Result<(), Finding> {
        self.theirs.begin().map_err(|said| refused(&[], "the reference", said))?;
        self.ours.begin().map_err(|said| refused(&[], "ours", said))
    }

    /// Whether the reference took the step; then ours must too.
    fn take(&mut self, step: &Step, before: &[Step]) -> Result<bool, Finding> {
        if self.theirs.take(step).is_err() {
            return Ok(false);
        }
        let steps = || before.iter().chain([step]).cloned().collect::<Vec<_>>();
        self.ours.take(step).map(|()| true).map_err(|said| refused(&steps(), "ours", said))
    }

    /// The state of both, when it is one.
    fn agreed(&mut self, steps: &[Step]) -> Result<Vec<WebNode>, Finding> {
        let theirs = self.theirs.nodes().map_err(|said| refused(steps, "the reference", said))?;
        let ours = self.ours.nodes().map_err(|said| refused(steps, "ours", said))?;
        let mut found = differences(&ours, &theirs);
        found.retain(|difference| (self.counts)(difference));
        if found.is_empty() { Ok(theirs) } else { Err(Finding { steps: steps.to_vec(), differences: found }) }
    }

    /// Leaves out one step after the other, from the last, as long as the same aspect of the same question differs.
    fn shrink(&mut self, finding: Finding) -> Finding {
        let mut shortest = finding;
        for at in (0..shortest.steps.len()).rev() {
            let mut steps = shortest.steps.clone();
            steps.remove(at);
            if let Err(shorter) = self.replay(&steps)
                && is_same_fault(&shorter, &shortest)
            {
                shortest = shorter;
            }
        }
        shortest
    }

    fn replay(&mut self, steps: &[Step]) -> Result<(), Finding> {
        self.begin()?;
        let mut taken = Vec::new();
        self.agreed(&taken)?;
        for step in steps {
            if self.take(step, &taken)? {
                taken.push(step.clone());
                self.agreed(&taken)?;
            }
        }
        Ok(())
    }
}

fn refused(steps: &[Step], who: &str, said: String) -> Finding {
    let reference = match steps.last() {
        Some(Step::Set { reference, .. } | Step::Add(reference) | Step::Remove(reference)) => {
            reference.clone()
        }
        None => "/".to_owned(),
    };
    let difference = Difference { reference, aspect: "step", ours: who.to_owned(), theirs: said };
    Finding { steps: steps.to_vec(), differences: vec![difference] }
}

fn is_same_fault(a: &Finding, b: &Finding) -> bool {
    let fault = |finding: &Finding| {
        let first = finding.differences.first()?;
        Some((without_positions(&first.reference), first.aspect))
    };
    fault(a) == fault(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(reference: &str, value: &str) -> WebNode {
        WebNode {
            reference: reference.to_owned(),
            kind: "input".to_owned(),
            relevant: true,
            readonly: false,
            required: false,
            controlled: false,
            counting: false,
            value_type: Some("int".to_owned()),
            value: Some(value.to_owned()),
            violation: None,
            options: None,
            many: false,
        }
    }

    #[test]
    fn numbers_agree_by_value_and_texts_by_letter() {
        assert_eq!(differences(&[question("/d/a", "1.0")], &[question("/d/a", "1")]), []);
        let found = differences(&[question("/d/a", "x")], &[question("/d/a", "X")]);
        assert_eq!(found[0].to_string(), "/d/a value: \"x\", in the reference \"X\"");
    }

    #[test]
    fn what_is_missing_or_extra_or_elsewhere_is_a_difference() {
        let (a, b) = (question("/d/a", ""), question("/d/b", ""));
        let aspects = |ours: &[&WebNode], theirs: &[&WebNode]| -> Vec<(String, &str)> {
            let owned = |nodes: &[&WebNode]| nodes.iter().copied().cloned().collect::<Vec<_>>();
            let found = differences(&owned(ours), &owned(theirs));
            found.into_iter().map(|one| (one.reference, one.aspect)).collect()
        };
        assert_eq!(aspects(&[&a], &[&a, &b]), [("/d/b".to_owned(), "there")]);
        assert_eq!(aspects(&[&a, &b], &[&a]), [("/d/b".to_owned(), "there")]);
        assert_eq!(aspects(&[&b, &a], &[&a, &b]), [("/d/a".to_owned(), "order")]);
    }

    #[test]
    fn of_what_is_not_relevant_the_value_is_not_compared() {
        let hidden = |value| WebNode { relevant: false, ..question("/d/a", value) };
        assert_eq!(differences(&[hidden("1")], &[hidden("2")]), []);
    }

    #[test]
    fn one_seed_throws_one_sequence() {
        let thrown = |seed| {
            let mut dice = Dice::new(seed);
            (0..5).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(thrown(1), thrown(1));
        assert_ne!(thrown(1), thrown(2));
    }

    #[test]
    fn positions_are_left_out_of_a_questions_name() {
        assert_eq!(without_positions("/data/roster[2]/goods[10]/n"), "/data/roster/goods/n");
    }
}
