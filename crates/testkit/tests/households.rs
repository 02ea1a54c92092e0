//! What the generator promises, held against the form of the Haiti pack.

use std::collections::{BTreeMap, BTreeSet};

use form_engine::{CompiledForm, Level, Workbook, evaluate};
use record_model::{Answers, Instant, Marker, Value, Visit};
use testkit::households::{Generator, area, members};
use testkit::pack::{haiti_form, haiti_workbook};

/// 2026-11-22, a Sunday morning in Haiti.
fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_359_600_000), utc_offset_minutes: -300 }
}

fn made(seed: u64, commune: &str, count: usize) -> Vec<Answers> {
    let form = haiti_form();
    let mut generator = Generator::new(seed, commune);
    (0..count).map(|_| generator.next_household(&form, visit())).collect()
}

fn text<'a>(answers: &'a Answers, path: &str) -> &'a str {
    answers.get(path).and_then(Value::as_text).unwrap_or_default()
}

#[test]
fn nothing_that_the_form_demands_is_missing_and_nothing_it_does_not_ask_is_there() {
    let form = haiti_form();
    let mut warned = BTreeMap::new();
    for (seed, commune) in [(1, "HT0111"), (2, "HT0511"), (3, "HT1031"), (4, "HT0911")] {
        for household in made(seed, commune, 300) {
            let evaluation = evaluate(&form, &household, visit());
            for violation in evaluation.violations() {
                assert_ne!(
                    violation.level,
                    Level::Block,
                    "{} of seed {seed}: {}",
                    violation.id,
                    violation.message("en")
                );
                *warned.entry(violation.id.clone()).or_insert(0) += 1;
            }
            assert_eq!(evaluation.unknown(), []);
            let asked = evaluation.export();
            let unasked: Vec<_> = household
                .keys()
                .filter(|path| path.marker().is_none() && !asked.contains_key(*path))
                .collect();
            assert!(unasked.is_empty(), "{unasked:?}");
        }
    }
    // A warning needs a typed reason at finalise: made-up households give none.
    assert_eq!(warned, BTreeMap::new());
}

#[test]
fn the_same_seed_gives_the_same_households_and_another_gives_others() {
    assert_eq!(made(5, "HT0111", 20), made(5, "HT0111", 20));
    assert_ne!(made(5, "HT0111", 1), made(6, "HT0111", 1));
    assert_ne!(made(5, "HT0111", 1), made(5, "HT0112", 1));
}

#[test]
fn a_household_does_not_depend_on_what_was_asked_for_before_it() {
    let form = haiti_form();
    let mut one = Generator::new(9, "HT0111");
    let mut other = Generator::new(9, "HT0111");
    one.next_household(&form, visit());
    other.next_complete(&form, visit(), 7);
    assert_eq!(one.next_household(&form, visit()), other.next_household(&form, visit()));
}

#[test]
fn sizes_and_results_are_those_of_a_commune() {
    let households = made(11, "HT0511", 2_000);
    let complete: Vec<&Answers> =
        households.iter().filter(|h| text(h, "visit_result") == "complete").collect();
    assert!((1_780..=1_900).contains(&complete.len()), "{} complete", complete.len());
    let results: BTreeSet<&str> = households.iter().map(|h| text(h, "visit_result")).collect();
    assert_eq!(results.len(), 6, "{results:?}");

    let sizes: Vec<usize> = complete.iter().map(|h| members(h).len()).collect();
    let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
    assert!((4.5..=5.0).contains(&mean), "{mean} members on average");
    assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&1), Some(&9)));
}

#[test]
fn a_complete_household_of_five_has_more_than_a_hundred_answers() {
    let form = haiti_form();
    let mut generator = Generator::new(12, "HT0111");
    for _ in 0..50 {
        let household = generator.next_complete(&form, visit(), 5);
        assert_eq!(members(&household).len(), 5);
        assert!(household.len() >= 100, "{} answers", household.len());
    }
}

#[test]
fn ids_are_never_given_twice_and_every_member_is_a_person_with_a_place_in_the_order() {
    let mut seen = BTreeSet::new();
    for household in made(13, "HT0111", 200) {
        for prefix in members(&household) {
            assert!(seen.insert(prefix.clone()));
            assert!(
                seen.insert(text(&household, &format!("{prefix}/{}", Marker::Person.as_str())).to_owned())
            );
        }
    }
    assert!(!seen.contains(""));
}

#[test]
fn telephones_are_of_the_block_and_no_two_households_share_one() {
    let mut seen = BTreeSet::new();
    for household in made(14, "HT0111", 600) {
        for question in ["phone1", "phone2"] {
            let number = text(&household, question);
            if !number.is_empty() {
                assert!(number.starts_with("+509 300") && number.len() == 14, "{number}");
                assert!(seen.insert(number.to_owned()), "{number} was given twice");
            }
        }
    }
}

#[test]
fn a_household_lies_in_a_section_of_its_commune() {
    let sections: BTreeSet<String> =
        made(15, "HT0111", 200).iter().map(|household| area(household).unwrap().to_string()).collect();
    let expected = ["HT0111-01", "HT0111-02", "HT0111-03"].map(str::to_owned);
    assert_eq!(sections, expected.into());
}

#[test]
fn one_person_answers_and_it_is_an_adult_who_lives_there() {
    for household in made(16, "HT0111", 300).iter().filter(|h| text(h, "visit_result") == "complete") {
        let answering: Vec<String> = members(household)
            .into_iter()
            .filter(|prefix| text(household, &format!("{prefix}/is_respondent")) == "yes")
            .collect();
        let [one] = answering.as_slice() else { panic!("{} people answer", answering.len()) };
        assert_eq!(text(household, &format!("{one}/resident")), "yes");
    }
}

#[test]
fn leap_days_and_turns_of_the_year_make_no_wrong_ages() {
    let form = haiti_form();
    // 2024-02-29 and 2026-01-01, at noon and late in the evening in Haiti.
    for (seed, unix_ms) in
        [(1, 1_709_226_000_000), (2, 1_709_265_600_000), (3, 1_767_286_800_000), (4, 1_767_241_800_000)]
    {
        let visit = Visit { at: Instant::from_unix_ms(unix_ms), utc_offset_minutes: -300 };
        let mut generator = Generator::new(seed, "HT0111");
        for _ in 0..100 {
            let household = generator.next_household(&form, visit);
            let evaluation = evaluate(&form, &household, visit);
            assert_eq!(evaluation.violations(), []);
        }
    }
}

/// The form with more rows in its survey.
fn changed(rows: &[&[(&str, &str)]], after: &str) -> CompiledForm {
    let original = haiti_workbook();
    let mut survey = original.rows("survey").expect("the form has it").to_vec();
    let column = |name: &str| survey[0].iter().position(|heading| heading == name).expect("the form has it");
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut cells = vec![String::new(); survey[0].len()];
            row.iter().for_each(|(name, cell)| cells[column(name)] = (*cell).to_owned());
            cells
        })
        .collect();
    let at =
        survey.iter().position(|row| row.get(1).is_some_and(|name| name == after)).expect("the form has it")
            + 1;
    survey.splice(at..at, cells);
    let others = ["choices", "settings", "entities", "rules"]
        .map(|name| (name.to_owned(), original.rows(name).expect("the form has it").to_vec()));
    let workbook = Workbook::from_sheets(others.into_iter().chain([("survey".to_owned(), survey)]));
    CompiledForm::compile(&workbook).expect("the form has it").0
}

#[test]
fn a_form_that_asks_for_more_is_answered_by_type() {
    let label = "label::Français (fr)";
    let form = changed(
        &[
            &[("type", "select_one shock"), ("name", "worst"), (label, "?"), ("required", "yes")],
            &[("type", "select_multiple asset"), ("name", "lost"), (label, "?"), ("required", "yes")],
            &[
                ("type", "text"),
                ("name", "why"),
                (label, "?"),
                ("required", "yes"),
                ("relevant", "${worst} != 'none'"),
                ("constraint", "regex(., '^[0-9]{10}$')"),
            ],
            &[
                ("type", "integer"),
                ("name", "weight"),
                (label, "?"),
                ("required", "yes"),
                ("constraint", ". > 25 and . < 90"),
            ],
            &[
                ("type", "date"),
                ("name", "last_meal"),
                (label, "?"),
                ("required", "yes"),
                ("constraint", ". < ${visit_date}"),
            ],
            &[("type", "decimal"), ("name", "height"), (label, "?"), ("required", "yes")],
            &[("type", "acknowledge"), ("name", "seen"), (label, "?"), ("required", "yes")],
        ],
        "mosquito_net",
    );
    let mut generator = Generator::new(17, "HT0111");
    for _ in 0..40 {
        let household = generator.next_complete(&form, visit(), 3);
        for question in ["worst", "lost#", "weight", "last_meal", "height", "seen"] {
            assert!(household.contains_key(question), "{question} is missing");
        }
    }
}

#[test]
#[should_panic(expected = "does not satisfy the form household 2026112201: never required")]
fn a_form_that_cannot_be_satisfied_is_named_with_what_blocks() {
    let label = "label::Français (fr)";
    let form = changed(
        &[&[
            ("type", "select_one commune"),
            ("name", "never"),
            (label, "?"),
            ("required", "yes"),
            ("choice_filter", "department = 'nowhere'"),
        ]],
        "mosquito_net",
    );
    Generator::new(18, "HT0111").next_complete(&form, visit(), 2);
}
