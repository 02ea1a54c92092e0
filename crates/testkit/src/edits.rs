//! Small valid edits of a household, as the writes a visit would make: `apply` puts them on.
//!
//! A [`Clash`] is two such visits that knew nothing of each other. Each alone leaves the record valid; what their merge has for a
//! supervisor is said at each function. They give nothing when the household has not what it takes: ask the generator for
//! another.

use form_engine::{CompiledForm, Level, QuestionType, choices, evaluate};
use record_model::{AnswerPath, Answers, Value, Visit};

use crate::households::{members, phone};
use crate::seeded::Seeded;

/// What two visits wrote without sight of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The writes of one.
    pub left: Answers,
    /// The writes of the other.
    pub right: Answers,
}

/// The answers with the writes on top.
pub fn apply(answers: &Answers, writes: &Answers) -> Answers {
    let mut all = answers.clone();
    all.extend(writes.iter().map(|(path, value)| (path.clone(), value.clone())));
    all
}

/// One answer changed, so that the record is as valid as before: a roof, a telephone, rooms, water, a nickname … What was
/// not interviewed gets another number of the visit.
///
/// # Panics
/// When the form lets nothing be changed at all.
pub fn random_edit(seed: u64, form: &CompiledForm, answers: &Answers, visit: Visit) -> Answers {
    let editor = Editor { form, answers, visit };
    let mut rng = Seeded::new(seed).child("edit", 0);
    let mut edits = editor.small_edits(&mut rng);
    rng.shuffle(&mut edits);
    edits
        .into_iter()
        .chain(editor.last_resort())
        .find(|writes| editor.is_valid_with(writes))
        .expect("the number of the visit may always be another")
}

/// The roof on one side, the rooms on the other: the merge takes both, nobody is asked.
pub fn different_fields(form: &CompiledForm, answers: &Answers, visit: Visit) -> Option<Clash> {
    let editor = Editor { form, answers, visit };
    let left = editor.other_options("roof").into_iter().next()?;
    let right = editor.other_rooms()?;
    editor.clash(left, right)
}

/// The roof on both sides, each another: a conflict of one question.
pub fn same_field(form: &CompiledForm, answers: &Answers, visit: Visit) -> Option<Clash> {
    let editor = Editor { form, answers, visit };
    let mut roofs = editor.other_options("roof").into_iter();
    editor.clash(roofs.next()?, roofs.next()?)
}

/// The old head steps back on both sides, in favour of one member on the left and of another on the right: no question is in
/// conflict, and the merge has two heads. Needs three members of 15 or more; the ones who no longer fit the
/// new head by age become other relatives on that side.
pub fn second_head(form: &CompiledForm, answers: &Answers, visit: Visit) -> Option<Clash> {
    let editor = Editor { form, answers, visit };
    let old = editor.head()?;
    let heirs: Vec<String> = editor
        .members()
        .into_iter()
        .filter(|member| *member != old && editor.age(member) >= Some(15))
        .collect();
    let sides: Vec<(&String, Answers)> =
        heirs.iter().filter_map(|heir| Some((heir, editor.succession(&old, heir)?))).collect();
    let leaves_alone =
        |writes: &Answers, member: &str| !writes.contains_key(at(member, "relationship").as_str());
    sides.iter().enumerate().find_map(|(index, (first, left))| {
        sides[index + 1..]
            .iter()
            .find(|(second, right)| leaves_alone(left, second) && leaves_alone(right, first))
            .map(|(_, right)| Clash { left: left.clone(), right: right.clone() })
    })
}

/// A member removed on the left, with the number of members; the same one's nickname written on the right. Needs a
/// member besides the head whom the rules do not hold back.
pub fn removed_and_edited(form: &CompiledForm, answers: &Answers, visit: Visit) -> Option<Clash> {
    let editor = Editor { form, answers, visit };
    let head = editor.head()?;
    let Some(Value::Int(size)) = answers.get("household_size") else { return None };
    editor.members().iter().rev().filter(|member| **member != head).find_map(|member| {
        let left = writes([
            (at(member, "@removed"), "parti vivre ailleurs".into()),
            ("household_size".to_owned(), Value::Int(size - 1)),
        ]);
        editor.clash(left, writes([(at(member, "nickname"), "Ti Zwazo".into())]))
    })
}

fn at(member: &str, leaf: &str) -> String {
    format!("{member}/{leaf}")
}

fn writes<const N: usize>(written: [(String, Value); N]) -> Answers {
    written
        .into_iter()
        .map(|(path, value)| {
            let path: AnswerPath = path.parse().expect("questions and members make paths");
            (path, value)
        })
        .collect()
}

struct Editor<'e> {
    form: &'e CompiledForm,
    answers: &'e Answers,
    visit: Visit,
}

impl Editor<'_> {
    fn text(&self, path: &str) -> Option<&str> {
        self.answers.get(path)?.as_text()
    }

    fn members(&self) -> Vec<String> {
        members(self.answers)
    }

    fn head(&self) -> Option<String> {
        self.members().into_iter().find(|member| self.text(&at(member, "relationship")) == Some("01"))
    }

    fn age(&self, member: &str) -> Option<i64> {
        match self.answers.get(at(member, "age").as_str())? {
            Value::Int(age) => Some(*age),
            _ => None,
        }
    }

    /// Asked by the form, and nothing blocks.
    fn is_valid_with(&self, writes: &Answers) -> bool {
        let evaluation = evaluate(self.form, &apply(self.answers, writes), self.visit);
        writes.keys().all(|path| path.marker().is_some() || evaluation.is_relevant(path))
            && evaluation.violations().iter().all(|violation| violation.level != Level::Block)
    }

    fn clash(&self, left: Answers, right: Answers) -> Option<Clash> {
        (self.is_valid_with(&left) && self.is_valid_with(&right)).then_some(Clash { left, right })
    }

    /// A select_one of the record answered otherwise, once for each option that asks for nothing more.
    fn other_options(&self, question: &str) -> Vec<Answers> {
        let Some(asked) = self.form.find(question) else { return Vec::new() };
        let Ok(path) = question.parse::<AnswerPath>() else { return Vec::new() };
        let evaluation = evaluate(self.form, self.answers, self.visit);
        if !evaluation.is_relevant(&path) || asked.question_type() != QuestionType::SelectOne {
            return Vec::new();
        }
        choices(self.form, asked.index(), &path, &evaluation)
            .into_iter()
            .filter(|choice| self.text(question) != Some(&*choice.name))
            .map(|choice| Answers::from([(path.clone(), (&*choice.name).into())]))
            .filter(|writes| self.is_valid_with(writes))
            .collect()
    }

    fn other_rooms(&self) -> Option<Answers> {
        let Some(Value::Int(rooms)) = self.answers.get("rooms") else { return None };
        Some(writes([("rooms".to_owned(), Value::Int(if *rooms < 20 { rooms + 1 } else { rooms - 1 }))]))
    }

    /// `heir` becomes the head and `old` another relative; so does whoever no longer fits the new head by age.
    fn succession(&self, old: &str, heir: &str) -> Option<Answers> {
        let mut made =
            writes([(at(old, "relationship"), "12".into()), (at(heir, "relationship"), "01".into())]);
        let head_age = self.age(heir)?;
        for member in self.members().iter().filter(|member| *member != old && *member != heir) {
            let age = self.age(member)?;
            let fits = match self.text(&at(member, "relationship")) {
                Some("03") => head_age - age >= 15,
                Some("05") => head_age - age >= 25,
                Some("06") => age - head_age >= 15,
                Some("09") => age - head_age >= 25,
                _ => true,
            };
            if !fits {
                made.extend(writes([(at(member, "relationship"), "12".into())]));
            }
        }
        self.is_valid_with(&made).then_some(made)
    }

    /// Likely ones, unchecked.
    fn small_edits(&self, rng: &mut Seeded) -> Vec<Answers> {
        let mut edits: Vec<Answers> = Vec::new();
        edits.extend(self.other_rooms());
        for (question, codes) in [
            ("roof", ["2", "4", "5"]),
            ("floor", ["1", "3", "4"]),
            ("toilet", ["2", "3", "4"]),
            ("lighting", ["3", "5", "6"]),
            ("cooking_fuel", ["1", "3", "5"]),
            ("drinking_water", ["3", "6", "11"]),
            ("tenure", ["owner", "tenant", "free"]),
        ] {
            let code = rng.pick(&codes);
            if self.text(question).is_some_and(|known| known != code) {
                edits.push(writes([(question.to_owned(), code.into())]));
            }
        }
        if self.text("phone1").is_some() {
            edits.push(writes([("phone1".to_owned(), phone(rng.below(100_000)).into())]));
        }
        if self.text("locality").is_some() {
            let directions = rng.pick(&["Barrière verte", "Près de la nouvelle citerne", "Après le terrain"]);
            edits.push(writes([("directions".to_owned(), directions.into())]));
        }
        let people = self.members();
        if !people.is_empty() {
            let nickname = rng.pick(&["Ti Soley", "Ti Zwazo", "Gwo Nèg", "Bèl Fi"]);
            edits.push(writes([(
                at(&people[rng.below(people.len() as u64) as usize], "nickname"),
                nickname.into(),
            )]));
        }
        edits.retain(|writes| writes.iter().all(|(path, value)| self.answers.get(path) != Some(value)));
        edits
    }

    fn last_resort(&self) -> Vec<Answers> {
        let number = match self.answers.get("visit_number") {
            Some(Value::Int(number)) => number % 9 + 1,
            _ => 2,
        };
        vec![writes([("visit_number".to_owned(), Value::Int(number))])]
    }
}
