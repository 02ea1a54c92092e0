//! What is taken for a form and what is refused, with the place to mend.

mod common;

use common::*;
use form_engine::{CompiledForm, Workbook};

fn survey(text: &str) -> String {
    refused(&[("survey", text), ("choices", "list_name | name | label\nyn | yes | Yes\nyn | no | No")])
        .to_string()
}

#[test]
fn each_fault_is_told_with_sheet_row_and_column() {
    for (text, said) in [
        ("type | name | label\nintger | a | A", "sheet \"survey\" row 2 column \"type\": found \"intger\""),
        ("type | name | label\nbegin loop | a | A", "a beginning without an end"),
        (
            "type | name | label\nbegin loop over nolist | a | A\nend loop |  | ",
            "row 2 column \"type\": found the list \"nolist\"",
        ),
        ("type | name | label\ntext |  | A", "sheet \"survey\" row 2 column \"name\": found an empty cell"),
        ("type | name | label\ntext | a | A\ntext | a | B", "\"a\", already the name of row 2"),
        ("type | name | label\ntext | 1a | A", "found \"1a\", expected letters"),
        ("type | name | label\nselect_one nolist | a | A", "found the list \"nolist\""),
        ("type | name | label\nbegin group | g | G", "a beginning without an end"),
        ("type | name | label\nend group |  | ", "expected a begin row before it"),
        ("type | name | label\nbegin group | g | G\nend repeat |  | ", "while row 2 began another"),
        (
            "type | name | label | relevant\ntext | a | A | ${b} = 1",
            "row 2 column \"relevant\": found \"${b}\"",
        ),
        ("type | name | label | Relevance\ntext | a | A | (1", "column \"Relevance\""),
        ("type | name | label | constraint\ntext | a | A | foo(.)", "row 2 column \"constraint\""),
        ("type | name | label | default\ninteger | a | A | many", "column \"default\": found \"many\""),
        ("type | name | label | save_to\ntext | a | A | x", "a row of the sheet \"entities\""),
        ("name | label\na | A", "no such column"),
    ] {
        let found = survey(text);
        assert!(found.contains(said), "{text}\n{found}");
    }
}

#[test]
fn a_circle_of_calculations_is_named_with_its_rows() {
    let found = survey(
        "type | name | label | relevant | calculation
         calculate | a |  |  | ${b} + 1
         calculate | b |  |  | ${c} + 1
         text | c | C | ${a} > 1 | ",
    );
    assert!(found.contains("a circle: a (row 2) -> b (row 3) -> c (row 4) -> a (row 2)"), "{found}");
}

#[test]
fn a_path_longer_than_a_record_can_hold_is_a_form_error() {
    let found = survey(&format!("type | name | label\ntext | {} | A", "a".repeat(129)));
    assert!(found.contains("found") && found.contains("column \"name\""), "{found}");
    let found = survey(&format!(
        "type | name | label\nbegin repeat | {} | R\ntext | {} | A\nend repeat |  | ",
        "r".repeat(60),
        "a".repeat(60)
    ));
    assert!(found.contains("whose answer path has 135 bytes"), "{found}");
}

#[test]
fn dirt_of_spreadsheets_is_read_as_what_was_meant() {
    let form = compile(&[
        (
            "Survey",
            "TYPE | Name | Label :: Français (fr) | required | Relevance
             select one  yn | a | Oui ou non | TRUE | 
             string | b | Pourquoi\u{a0}? | FALSE | ${a} = ‘yes’",
        ),
        ("choices", "list name | value | label::Français (fr)\nyn | yes | Oui\nyn | no | Non"),
    ]);
    let found = run(&form, &[]);
    assert_eq!(broken(&found), ["a required"]);
    assert!(run(&form, &[("a", "yes")]).is_relevant(&path("b")));
    assert_eq!(form.raw_label(form.find("b").unwrap().index(), "fr"), "Pourquoi ?");
}

#[test]
fn the_same_content_has_the_same_revision_and_another_has_another() {
    let revision = |text: &str| compile(&[("survey", text)]).revision();
    let base = revision("type | name | label\ntext | a | A");
    assert_eq!(base, revision("name | type | label | my_notes\na | text | A | ask twice"));
    assert_eq!(base, revision("type |  name  | label\ntext | a |   A "));
    assert_ne!(base, revision("type | name | label\ntext | a | B"));
    assert_ne!(base, revision("type | name | label | required\ntext | a | A | yes"));
}

#[test]
fn warnings_do_not_refuse_a_form() {
    let found = warnings(&[(
        "survey",
        "type | name | label::Français (fr) | label::English (en) | constraint | my_notes
         text | a | Nom | Name | regex(., '[0-9]+') | x
         text | b | ${ Prénom |  |  | 
         begin group | g | G | G | . > 1 | 
         end group |  |  |  |  | ",
    )]);
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    assert!(codes.contains(&"unanchored-regex"), "{found}");
    assert!(codes.contains(&"unknown-column"), "{found}");
    assert!(codes.contains(&"malformed-reference"), "{found}");
    assert!(codes.contains(&"misplaced"), "{found}");
    assert!(codes.contains(&"missing-translation"), "{found}");
}

#[test]
fn select_from_file_and_pulldata_read_an_attached_csv() {
    let sheets = [(
        "survey",
        "type | name | label | choice_filter | parameters | calculation
         text | parent | Parent |  |  | 
         select_one_from_file areas.csv | area | Area | parent = ${parent} | value=code, label=title | 
         calculate | zone |  |  |  | pulldata('areas', 'zone', 'code', ${area})",
    )];
    let mut workbook: Workbook = workbook(&sheets);
    let (form, found) = CompiledForm::compile(&workbook).expect("a file may come later");
    assert!(found.to_string().contains("row 3 column \"type\": found the file \"areas.csv\""), "{found}");
    assert!(form.options(form.find("area").unwrap().index()).is_empty());
    workbook
        .attach_csv("areas.csv", b"code,title,parent,zone\nA1,Un,P,north\nA2,Deux,P,south\nB1,Trois,Q,east\n")
        .unwrap();
    let (form, _) = CompiledForm::compile(&workbook).unwrap_or_else(|found| panic!("{found}"));
    let found = run(&form, &[("parent", "P"), ("area", "A2")]);
    assert_eq!(broken(&found), [""; 0]);
    assert_eq!(shown(&found, "zone"), "south");
    let area = form.find("area").unwrap().index();
    let offered = form_engine::choices(&form, area, &path("area"), &found);
    assert_eq!(
        offered.iter().map(|c| (c.name, c.label("en"))).collect::<Vec<_>>(),
        [("A1", "Un"), ("A2", "Deux")]
    );
    assert_eq!(broken(&run(&form, &[("parent", "Q"), ("area", "A2")])), ["area choice"]);
}

#[test]
fn or_other_asks_for_the_other() {
    let form = compile(&[
        ("survey", "type | name | label\nselect_one fuel or_other | fuel | Fuel"),
        ("choices", "list_name | name | label\nfuel | wood | Wood"),
    ]);
    let found = run(&form, &[("fuel", "other"), ("fuel_other", "straw")]);
    assert_eq!(broken(&found), [""; 0]);
    assert!(found.is_relevant(&path("fuel_other")));
    assert!(!run(&form, &[("fuel", "wood")]).is_relevant(&path("fuel_other")));
}

#[test]
fn groups_may_share_a_name_until_somebody_refers_to_it() {
    let twice = "type | name | label | relevant\nbegin group | g | A | \ntext | a | A | \nend group |  |  | \nbegin group | g | B | \ntext | b | B | \nend group |  |  | ";
    compile(&[("survey", twice)]);
    let found = survey(&format!("{twice}\nnote | n | N | ${{g}} = 1"));
    assert!(found.contains("a name used more than once"), "{found}");
}
