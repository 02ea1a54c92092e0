//! A household form of 120 answers for five members, and households that fill it: a fixed size, so that figures of one
//! day can be held against those of another whatever becomes of the pack's own form.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use form_engine::{CompiledForm, Workbook};
use record_model::{Answers, Marker, Value};

use crate::names::haiti;
use crate::pack::{haiti_files, render};
use crate::seeded::Seeded;

/// Members of every household.
pub const MEMBERS: usize = 5;

/// Questions of the household with one answer of a list.
const CODED: usize = 36;
/// Questions of the household with a number.
const COUNTED: usize = 15;
/// Questions of the household with yes or no.
const YES_NO: usize = 14;

/// The form's sheets.
fn sheets() -> Vec<(String, Vec<Vec<String>>)> {
    let mut survey = vec![row(&[
        "type",
        "name",
        "label::Français (fr)",
        "required",
        "constraint",
        "relevant",
        "calculation",
        "save_to",
    ])];
    survey.push(row(&["date", "visited_on", "Date de la visite", "yes", "", "", "", ""]));
    survey.push(row(&["text", "locality", "Localité", "yes", "", "", "", "household#locality"]));
    survey.push(row(&["text", "directions", "Indications", "", "", "", "", ""]));
    survey.push(row(&[
        "text",
        "phone",
        "Téléphone",
        "",
        "regex(., '^[0-9]{8}$')",
        "",
        "",
        "household#phone",
    ]));
    survey.push(row(&[
        "integer",
        "size",
        "Taille du ménage",
        "yes",
        ". > 0 and . < 40",
        "",
        "",
        "household#size",
    ]));
    for number in 1..=CODED {
        let save_to = if number <= 5 { format!("household#coded_{number}") } else { String::new() };
        let name = format!("coded_{number}");
        survey.push(row(&[
            "select_one five",
            &name,
            &format!("Question {number}"),
            "yes",
            "",
            "",
            "",
            &save_to,
        ]));
    }
    for number in 1..=COUNTED {
        let name = format!("counted_{number}");
        survey.push(row(&[
            "integer",
            &name,
            &format!("Nombre {number}"),
            "yes",
            ". >= 0 and . <= 60",
            "",
            "",
            "",
        ]));
    }
    for number in 1..=YES_NO {
        let name = format!("yes_no_{number}");
        let relevant = format!("${{counted_{number}}} >= 0");
        survey.push(row(&[
            "select_one yes_no",
            &name,
            &format!("Oui ou non {number}"),
            "yes",
            "",
            &relevant,
            "",
            "",
        ]));
    }
    survey.push(row(&["begin repeat", "roster", "Membres", "", "", "", "", ""]));
    for (kind, name, constraint, relevant, save_to) in [
        ("text", "given_name", "", "", "person#given_name"),
        ("text", "family_name", "", "", "person#family_name"),
        ("select_one sex", "sex", "", "", "person#sex"),
        ("integer", "age", ". >= 0 and . <= 120", "", "person#age"),
        ("date", "birth_date", ". <= ${visited_on}", "", "person#birth_date"),
        ("select_one relationship", "relationship", "", "", "person#relationship"),
        ("select_one five", "marital_status", "", "${age} >= 0", ""),
        ("select_one five", "school_level", "", "${age} >= 0", ""),
        ("select_one yes_no", "works", "", "${age} >= 0", ""),
        ("select_one five", "difficulty", "", "", ""),
    ] {
        survey.push(row(&[kind, name, name, "yes", constraint, relevant, "", save_to]));
    }
    survey.push(row(&["calculate", "is_head", "", "", "", "", "if(${relationship} = '01', 1, 0)", ""]));
    survey.push(row(&["end repeat", "", "", "", "", "", "", ""]));
    survey.push(row(&["calculate", "head_count", "", "", "", "", "sum(${is_head})", ""]));
    survey.push(row(&["calculate", "roster_size", "", "", "", "", "count(${roster})", ""]));

    let mut choices = vec![row(&["list_name", "name", "label::Français (fr)"])];
    for (list, codes) in [
        ("five", ["1", "2", "3", "4", "5"].as_slice()),
        ("yes_no", &["yes", "no"]),
        ("sex", &["1", "2"]),
        ("relationship", &["01", "02", "03"]),
    ] {
        choices.extend(codes.iter().map(|code| row(&[list, code, code])));
    }
    let settings = vec![
        row(&["form_title", "form_id", "version", "default_language"]),
        row(&["Ménage, forme courte", "household", "short", "Français (fr)"]),
    ];
    let entities = vec![
        row(&["list_name", "label", "repeat"]),
        row(&["household", "${locality}", ""]),
        row(&["person", "${given_name}", "${roster}"]),
    ];
    let rules = vec![
        row(&["id", "level", "expression", "message::Français (fr)"]),
        row(&["V01", "block", "${head_count} = 1", "Un seul chef de ménage"]),
        row(&["V02", "block", "${roster_size} = ${size}", "La taille est le nombre des membres"]),
    ];
    let named = [
        ("survey", survey),
        ("choices", choices),
        ("settings", settings),
        ("entities", entities),
        ("rules", rules),
    ];
    named.map(|(name, rows)| (name.to_owned(), rows)).into()
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// The form, compiled.
///
/// # Panics
/// Never, as a test shows.
pub fn short_form() -> CompiledForm {
    static FORM: OnceLock<CompiledForm> = OnceLock::new();
    let compile = || match CompiledForm::compile(&Workbook::from_sheets(sheets())) {
        Ok((form, _)) => form,
        Err(found) => panic!("the short form does not compile:\n{found}"),
    };
    FORM.get_or_init(compile).clone()
}

/// The files it is published with: the Haiti pack's, but for the form.
///
/// # Panics
/// Never, as a test shows.
pub fn short_files() -> BTreeMap<String, Vec<u8>> {
    let mut files = haiti_files();
    files.insert("form.xlsx".to_owned(), render(&sheets()).expect("the sheets fit a workbook"));
    files
}

/// The household of a number: the same each time, complete, breaking no rule.
///
/// # Panics
/// Never: the paths are the form's.
pub fn short_household(seed: u64, number: u64) -> Answers {
    let mut rng = Seeded::new(seed).child("short household", number);
    let mut answers = Answers::new();
    let mut put = |path: String, value: Value| {
        answers.insert(path.parse().expect("the form's questions make paths"), value);
    };
    let five = ["1", "2", "3", "4", "5"];
    let yes_no = ["yes", "no"];
    let family = rng.pick(&haiti().family);
    put("visited_on".to_owned(), "2025-11-20".into());
    put("locality".to_owned(), format!("Habitation {}", rng.pick(&haiti().family)).into());
    put("directions".to_owned(), format!("{} pas après le pont", rng.between(10..=900)).into());
    put("phone".to_owned(), format!("3{:07}", rng.below(10_000_000)).into());
    put("size".to_owned(), Value::Int(MEMBERS as i64));
    (1..=CODED).for_each(|number| put(format!("coded_{number}"), rng.pick(&five).into()));
    (1..=COUNTED).for_each(|number| put(format!("counted_{number}"), Value::Int(rng.between(0..=30))));
    (1..=YES_NO).for_each(|number| put(format!("yes_no_{number}"), rng.pick(&yes_no).into()));
    for place in 0..MEMBERS {
        let member = format!("roster/{}", rng.instance_id());
        let is_woman = rng.chance(50);
        let names = if is_woman { &haiti().female } else { &haiti().male };
        let age = rng.between(1..=80);
        put(format!("{member}/{}", Marker::Order.as_str()), format!("a{place}").into());
        put(format!("{member}/{}", Marker::Person.as_str()), rng.person_id().into());
        put(format!("{member}/given_name"), rng.pick(names).into());
        put(format!("{member}/family_name"), family.into());
        put(format!("{member}/sex"), if is_woman { "2" } else { "1" }.into());
        put(format!("{member}/age"), Value::Int(age));
        let (month, day) = (rng.between(1..=12), rng.between(1..=28));
        put(format!("{member}/birth_date"), format!("{}-{month:02}-{day:02}", 2024 - age).into());
        put(format!("{member}/relationship"), if place == 0 { "01" } else { "03" }.into());
        put(format!("{member}/marital_status"), rng.pick(&five).into());
        put(format!("{member}/school_level"), rng.pick(&five).into());
        put(format!("{member}/works"), rng.pick(&yes_no).into());
        put(format!("{member}/difficulty"), rng.pick(&five).into());
    }
    answers
}

#[cfg(test)]
mod tests {
    use form_engine::evaluate;
    use record_model::{Instant, Visit};

    use super::*;

    #[test]
    fn its_households_are_whole_and_as_large_as_promised() {
        let form = short_form();
        let visit = Visit { at: Instant::from_unix_ms(1_764_000_000_000), utc_offset_minutes: -300 };
        for number in 0..50 {
            let answers = short_household(1, number);
            assert_eq!(evaluate(&form, &answers, visit).violations(), []);
            let questions = answers.keys().filter(|path| path.marker().is_none()).count();
            assert_eq!(questions, 120);
        }
        let read = Workbook::read_xlsx(&short_files()["form.xlsx"]).unwrap();
        assert_eq!(CompiledForm::compile(&read).unwrap().0.revision(), form.revision());
    }
}
