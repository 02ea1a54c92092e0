//! Revisions of one form: what changed, and how answers of before stand in the new one.

mod common;

use common::{answers, compile, path, visit};
use form_engine::{ChangeKind, CompiledForm, ViolationKind, evaluate};
use record_model::Value;

const CHOICES: &str = "list_name | name | label\nyn | yes | Yes\nyn | no | No";

fn form(survey: &str, choices: &str) -> CompiledForm {
    compile(&[("survey", survey), ("choices", choices)])
}

fn older() -> CompiledForm {
    form(
        "type | name | label
         text | name | Name
         integer | age | Age
         select_one yn | phone | Phone
         text | gone | Gone
         decimal | land | Land",
        CHOICES,
    )
}

fn newer() -> CompiledForm {
    form(
        "type | name | label | renamed_from
         text | full_name | Name | name
         decimal | age | Age
         select_multiple yn | phone | Phone
         integer | land | Land
         text | fresh | Fresh",
        "list_name | name | label\nyn | yes | Yes\nyn | maybe | Maybe",
    )
}

#[test]
fn every_kind_of_change_is_told_once() {
    let told: Vec<(String, ChangeKind)> =
        newer().changes_from(&older()).into_iter().map(|change| (change.key, change.kind)).collect();
    let type_change = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let (age, phone, land) = (
        type_change("Integer", "Decimal"),
        type_change("SelectOne", "SelectMultiple"),
        type_change("Decimal", "Integer"),
    );
    let expected = [
        ("name", ChangeKind::Renamed { from: "name".into(), to: "full_name".into() }),
        ("age", ChangeKind::Widened { from: age.0, to: age.1 }),
        ("phone", ChangeKind::Widened { from: phone.0, to: phone.1 }),
        ("phone", ChangeKind::Choices { added: vec!["maybe".into()], removed: vec!["no".into()] }),
        ("land", ChangeKind::Narrowed { from: land.0, to: land.1 }),
        ("fresh", ChangeKind::Added),
        ("gone", ChangeKind::Removed),
    ];
    let expected: Vec<(String, ChangeKind)> =
        expected.into_iter().map(|(key, kind)| (key.to_owned(), kind)).collect();
    assert_eq!(told, expected);
    assert_eq!(older().changes_from(&older()), []);
}

#[test]
fn answers_follow_by_key_and_what_no_longer_fits_is_kept_and_flagged() {
    let given = answers(&[
        ("name", "Marie"),
        ("age", "i:40"),
        ("phone", "yes"),
        ("gone", "still here"),
        ("land", "2.5"),
    ]);
    let form = newer();
    let found = evaluate(&form, &given, visit());
    assert_eq!(found.value(&path("name")), Value::from("Marie"), "renamed: the key stays");
    assert_eq!(form.find("name").map(|question| question.name()), Some("full_name"));
    assert_eq!(found.value(&path("age")), Value::Int(40), "widened");
    assert_eq!(found.answer_text(&path("phone")), "yes", "one choice is one of several");
    assert_eq!(found.unknown(), [path("gone")], "removed: kept, of no question");
    let flagged: Vec<(&str, ViolationKind)> =
        found.violations().iter().map(|violation| (violation.id.as_str(), violation.kind)).collect();
    assert_eq!(flagged, [("land type", ViolationKind::Type)], "narrowed: kept and flagged");
    assert_eq!(found.value(&path("land")), Value::from("2.5"));
}

#[test]
fn an_option_that_is_gone_is_flagged_and_a_whole_number_is_a_text() {
    let form = form(
        "type | name | label\nselect_one yn | a | A\ntext | b | B",
        "list_name | name | label\nyn | yes | Y",
    );
    let found = evaluate(&form, &answers(&[("a", "no"), ("b", "i:7")]), visit());
    let flagged: Vec<&str> = found.violations().iter().map(|violation| violation.id.as_str()).collect();
    assert_eq!(flagged, ["a choice"]);
    assert_eq!(found.answer_text(&path("b")), "7");
}

#[test]
fn forms_that_say_different_things_have_different_revisions() {
    let survey = "type | name | label\nselect_one a | q | Q\nselect_one b | r | R\ntext | head | Head";
    let with = |choices: &str| form(survey, choices).revision();
    let one_row = with("list_name | name | label | c\na | a | A | v\nb | x | X | ");
    let two_rows = with("list_name | name | label\na | a | A\na | c | v\nb | x | X");
    assert_ne!(one_row, two_rows, "a column and a row");
    let shown = with("list_name | name | label\na | a | ${head}\nb | x | X");
    let written = with("list_name | name | label\na | a | {/data/head}\nb | x | X");
    assert_ne!(shown, written, "an answer and a text");
    let media = |column: &str| {
        with(&format!(
            "list_name | name | label::A (fr) | label::B (en) | label::C (ht) | {column}\na | a | A | A | A | x.png\nb | x | X | X | X | "
        ))
    };
    assert_ne!(media("image::B (en)"), media("image::C (ht)"), "a file's language");
    let read = |a: &str, b: &str| {
        let survey = "type | name | label | calculation
            calculate | x |  | instance('a')/root/item[name = '1']/label
            calculate | y |  | instance('b')/root/item[name = '1']/label
            text | q | Q | ";
        form(survey, &format!("list_name | name | label\na | 1 | {a}\nb | 1 | {b}")).revision()
    };
    assert_ne!(read("A", "B"), read("B", "A"), "lists that change places");
    assert_eq!(read("A", "B"), read("A", "B"));
}
