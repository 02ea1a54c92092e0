//! Random interviews, each held here and in ODK Web Forms, every node compared after every step.
//!
//! `LAKOU_SEQUENCES` says how many (100), `LAKOU_SEED` with which they begin (1). A finding names form, seed and steps:
//! `LAKOU_SEED=<seed> LAKOU_SEQUENCES=1 LAKOU_FORM=<form>` finds it again.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use form_engine::CompiledForm;
use tests::interviews::{
    Agreement, Comparison, Dice, Difference, Filling, InOurs, InWebEngine, Step, without_positions,
};
use tests::oracle::{Oracle, Pyxform, WebEngine, WebNode, visit};
use tests::workbook::{sheets_of, write_xlsx};

/// Steps an interview.
const STEPS: usize = 25;

/// After so many findings it is time to look at them: each takes a while to shrink.
const MAX_FINDINGS: usize = 5;

/// The web engine keeps a megabyte or two of every interview, so it is started again now and then.
const INTERVIEWS_AN_ENGINE: u64 = 250;

/// Shared workbooks that are interviewed, and one in how many rounds: the last takes a second to begin.
const SHARED: &[(&str, usize)] = &[
    ("pyxform_example_cascading_select_test_equivalent.xls", 1),
    ("pyxform_example_choice_filter_test.xlsx", 1),
    ("pyxform_example_loop.xlsx", 2),
    ("pyxform_example_or_other.xlsx", 2),
    ("pyxform_example_repeat_date_test.xls", 1),
    ("pyxform_example_sms_info.xls", 2),
    ("pyxform_example_table-list.xls", 2),
    ("pyxform_example_xlsform_spec_test.xlsx", 2),
    ("impact-idem_form_c.xlsx", 6),
];

/// A known difference: form, question, aspect (`*` for any) and why it is one.
struct Known {
    form: &'static str,
    question: &'static str,
    aspect: &'static str,
    /// Read by people.
    #[expect(dead_code, reason = "the reason is for whoever reads the table")]
    why: &'static str,
}

/// Calculations of the shared questionnaires that are a sum over a roster that may be empty, or rest on one.
const SUMS: &[&str] = &[
    "/data/consented/demographics/ind_age_2_11_n",
    "/data/consented/demographics/ind_f_n",
    "/data/consented/demographics/ind_m_n",
    "/data/consented/demographics/ind_age_5_17_n",
    "/data/consented/demographics/ind_m_age_5_17_n",
    "/data/consented/demographics/ind_f_age_5_17_n",
    "/data/consented/demographics/ind_age_0_1_n",
    "/data/consented/demographics/ind_age_0_4_n",
    "/data/consented/demographics/ind_age_0_5_n",
    "/data/consented/demographics/ind_f_age_above18_n",
    "/data/consented/demographics/ind_m_age_above18_n",
    "/data/consented/demographics/ind_age_schooling_n",
    "/data/consented/demographics/ind_women_repr_age_n",
    "/data/consented/demographics/ind_hoh_mismatch",
    "/data/consented/health/health_ind_healthcare_needed_n",
];

/// Where we differ from the web engine on purpose.
const KNOWN: &[Known] = &[
    Known {
        form: "counted",
        question: "/data/total",
        aspect: "value",
        why: "sum() leaves blanks out, as JavaRosa does; the web engine's is NaN",
    },
    Known {
        form: "arithmetic",
        question: "/data/rounded",
        aspect: "value",
        why: "halves of negative numbers round towards zero, as in JavaRosa; in the web engine away from it",
    },
    Known { form: "counted", question: "/data/many", aspect: "*", why: "rests on that sum" },
    Known {
        form: "nested groups",
        question: "/data/after",
        aspect: "*",
        why: "instances that are not relevant are not counted, as in JavaRosa",
    },
    Known {
        form: "roster",
        question: "/data/oldest",
        aspect: "value",
        why: "what is not relevant is not there, as in JavaRosa; the web engine's is blank and makes NaN",
    },
    Known {
        form: "roster",
        question: "/data/adults",
        aspect: "value",
        why: "sum() of nothing is 0 (JavaRosa)",
    },
    Known {
        form: "days",
        question: "/data/visit",
        aspect: "*",
        why: "a default is there when its question becomes relevant; the web engine drops it",
    },
    Known { form: "days", question: "/data/between", aspect: "*", why: "rests on that default" },
];

/// A form that is held interviews on.
struct Loaded {
    name: String,
    xform: String,
    volatile: Vec<String>,
    one_in: usize,
}

impl Loaded {
    /// Whether a difference is a fault: not at what rests on chance, and not where it is known.
    fn counts(&self, difference: &Difference) -> bool {
        let question = without_positions(&difference.reference);
        let fits = |pattern: &str, what: &str| pattern == "*" || pattern == what;
        let is_known = KNOWN.iter().any(|known| {
            fits(known.form, &self.name)
                && fits(known.question, &question)
                && fits(known.aspect, difference.aspect)
        });
        let is_sum = SUMS.contains(&question.as_str());
        !is_known && !is_sum && !self.volatile.contains(&question)
    }
}

#[test]
fn random_interviews_go_as_in_the_web_engine() {
    let Some(oracle) = Oracle::asked_for("random_interviews_go_as_in_the_web_engine") else { return };
    let _turn = super::turn();
    let only = std::env::var("LAKOU_FORM").ok();
    let mut forms = convert_all(&mut oracle.pyxform().unwrap(), only.as_deref());
    let ours: HashMap<String, CompiledForm> =
        forms.iter().map(|form| (form.name.clone(), compile(form))).collect();
    let (sequences, first) = (number("LAKOU_SEQUENCES", 100), number("LAKOU_SEED", 1));
    let mut tally = Tally::default();
    for begun in (0..sequences).step_by(INTERVIEWS_AN_ENGINE as usize) {
        let mut engine = engine_with(&oracle, &mut forms);
        let until = sequences.min(begun + INTERVIEWS_AN_ENGINE);
        for (at, form) in rounds(&forms).enumerate().take(until as usize).skip(begun as usize) {
            let mut ours = InOurs::new(ours[&form.name].clone(), visit());
            tally.add(interview(form, &mut ours, &mut engine, first + at as u64));
            assert!(tally.found.len() < MAX_FINDINGS, "{}", tally.findings());
        }
    }
    println!("{} forms, {sequences} interviews, {tally}", forms.len());
    assert!(tally.found.is_empty(), "{}", tally.findings());
    assert!(tally.steps > 0, "nothing was answered");
}

/// Every form in every round, the slow ones in some.
fn rounds(forms: &[Loaded]) -> impl Iterator<Item = &Loaded> {
    (0..).flat_map(|round| forms.iter().filter(move |form| round % form.one_in == 0))
}

/// What came of the interviews.
#[derive(Default)]
struct Tally {
    steps: usize,
    nodes: usize,
    found: Vec<String>,
}

impl Tally {
    fn add(&mut self, outcome: Result<Agreement, String>) {
        match outcome {
            Ok(agreement) => {
                self.steps += agreement.steps.len();
                self.nodes += agreement.nodes;
            }
            Err(finding) => self.found.push(finding),
        }
    }

    fn findings(&self) -> String {
        format!("{} interviews differ:\n{}", self.found.len(), self.found.join("\n"))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps and {} node states agree", self.steps, self.nodes)
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}: {text:?} is no number")),
        Err(_) => otherwise,
    }
}

fn interview(
    form: &Loaded,
    ours: &mut dyn Filling,
    engine: &mut WebEngine,
    seed: u64,
) -> Result<Agreement, String> {
    let mut theirs = InWebEngine::new(engine, &form.name);
    let counts = |difference: &Difference| form.counts(difference);
    Comparison { ours, theirs: &mut theirs, counts: &counts }
        .interview(STEPS, &mut Dice::new(seed))
        .map_err(|finding| format!("form {:?}, seed {seed}, {finding}", form.name))
}

/// Our own forms, and the shared ones if there are any; or only one of them.
fn convert_all(pyxform: &mut Pyxform, only: Option<&str>) -> Vec<Loaded> {
    let folder = tempfile::tempdir().unwrap();
    let mut workbooks = Vec::new();
    for (name, table) in super::interviewed::FORMS {
        let path = folder.path().join(format!("{name}.xlsx"));
        write_xlsx(&sheets_of(table), &path).unwrap();
        workbooks.push(((*name).to_owned(), path, 1));
    }
    for path in super::shared_workbooks() {
        let name = super::file_name(&path);
        if let Some((_, one_in)) = SHARED.iter().find(|(shared, _)| *shared == name) {
            workbooks.push((name, path, *one_in));
        }
    }
    workbooks.retain(|(name, _, _)| only.is_none_or(|only| name == only));
    assert!(!workbooks.is_empty(), "no form has that name");
    workbooks.iter().map(|(name, path, one_in)| convert(name, path, *one_in, pyxform)).collect()
}

/// Both engines read what pyxform wrote: what is compared is the interview, and not the import.
fn convert(name: &str, path: &Path, one_in: usize, pyxform: &mut Pyxform) -> Loaded {
    let converted = pyxform.convert(path).unwrap();
    let xform = converted.xform.unwrap_or_else(|| panic!("{name}: {:?}", converted.error));
    Loaded { name: name.to_owned(), xform, volatile: Vec::new(), one_in }
}

fn compile(form: &Loaded) -> CompiledForm {
    let read = CompiledForm::from_xform(form.xform.as_bytes());
    read.unwrap_or_else(|found| panic!("{}: {found}", form.name)).0
}

fn engine_with(oracle: &Oracle, forms: &mut [Loaded]) -> WebEngine {
    let mut engine = oracle.web_engine().unwrap();
    for form in forms {
        (_, form.volatile) = engine.load(&form.name, &form.xform, None).unwrap();
    }
    engine
}

// The comparison itself

/// An engine that forgets, once there are two members, that a name is required.
struct Forgetful<'e>(InWebEngine<'e>);

impl Filling for Forgetful<'_> {
    fn begin(&mut self) -> Result<(), String> {
        self.0.begin()
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        self.0.take(step)
    }

    fn nodes(&mut self) -> Result<Vec<WebNode>, String> {
        let mut nodes = self.0.nodes()?;
        if nodes.iter().any(|node| node.reference == "/data/member[2]") {
            for node in nodes.iter_mut().filter(|node| node.reference == "/data/member[2]/who") {
                node.required = false;
            }
        }
        Ok(nodes)
    }
}

#[test]
fn two_interviews_in_the_web_engine_go_the_same_way() {
    let Some(oracle) = Oracle::asked_for("two_interviews_in_the_web_engine_go_the_same_way") else { return };
    let _turn = super::turn();
    let mut forms = convert_all(&mut oracle.pyxform().unwrap(), None);
    forms.retain(|form| form.one_in <= 2);
    let (mut one, mut other) = (engine_with(&oracle, &mut forms), engine_with(&oracle, &mut forms));
    let mut tally = Tally::default();
    for (seed, form) in (1..).zip(&forms) {
        let mut ours = InWebEngine::new(&mut one, &form.name);
        tally.add(interview(form, &mut ours, &mut other, seed));
    }
    println!("{} forms, {tally}", forms.len());
    assert!(tally.found.is_empty(), "{}", tally.findings());
}

#[test]
fn a_planted_difference_is_found_and_told_in_the_fewest_steps() {
    let Some(oracle) = Oracle::asked_for("a_planted_difference_is_found_and_told_in_the_fewest_steps") else {
        return;
    };
    let _turn = super::turn();
    let mut forms = convert_all(&mut oracle.pyxform().unwrap(), Some("roster"));
    let mut one = engine_with(&oracle, &mut forms);
    let mut other = engine_with(&oracle, &mut forms);
    assert_eq!(forms[0].volatile, ["/data/meta/instanceID"]);
    let counts = |difference: &Difference| forms[0].counts(difference);
    let found = (1..20).find_map(|seed| {
        let mut ours = Forgetful(InWebEngine::new(&mut one, "roster"));
        let mut theirs = InWebEngine::new(&mut other, "roster");
        let mut comparison = Comparison { ours: &mut ours, theirs: &mut theirs, counts: &counts };
        comparison.interview(STEPS, &mut Dice::new(seed)).err()
    });
    let found = found.expect("some interview has two members");
    assert_eq!(found.steps, [Step::Add("/data/member".to_owned())]);
    let told: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
    assert_eq!(told, [r#"/data/member[2]/who required: "false", in the reference "true""#]);
}
