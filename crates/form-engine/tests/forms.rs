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
        offered.iter().map(|c| (&*c.name, c.label("en"))).collect::<Vec<_>>(),
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
    let twice = "type | name | label | relevant
         begin group | g | A |
         text | a | A |
         end group |  |  |
         begin group | g | B |
         text | b | B |
         end group |  |  | ";
    compile(&[("survey", twice)]);
    let found = survey(&format!("{twice}\nnote | n | N | ${{g}} = 1"));
    assert!(found.contains("a name used more than once"), "{found}");
}

fn codes(found: &form_engine::Diagnostics, severity: form_engine::Severity) -> Vec<&'static str> {
    found.iter().filter(|found| found.severity == severity).map(|found| found.code).collect()
}

#[test]
fn what_can_be_mended_is_a_warning_and_in_strict_mode_an_error() {
    use form_engine::Severity::{Error, Warning};
    let yn = "list_name | name | label\nyn | yes | Yes\nyn | no | No";
    let twice = "list_name | name | label\nyn | yes | Yes\nyn | yes | Oui\nyn | no | No";
    let blank = "type | name | label | calculation\n";
    for (survey, choices, code) in [
        ("type | name | label\ntel | a | A", yn, "type-alias"),
        ("type | name | label\ndb:person | a | A", yn, "type-alias"),
        ("type | name | label\nselect_one yn | a | A", twice, "duplicate-choice"),
        ("type | name | label\ntext | a | Hello ${nobody}", yn, "unknown-reference"),
        ("type | name | label\ntext | a | A ${{a}", yn, "malformed-reference"),
        ("type | name | label\nbegin group | meta | M\ntext | a | A\nend group |  | ", yn, "reserved-name"),
        ("type | name | label\ntext | a | ", yn, "no-label"),
        (&format!("{blank}calculate | a |  | "), yn, "no-calculation"),
        ("type | name | label | parameters\ntext | a | A | lines=3", yn, "bad-parameters"),
        ("type | name | label\naudit | trail | \ntext | a | A", yn, "bad-audit"),
        ("type | name | label\ninclude | a | A\ntext | b | B", yn, "include"),
    ] {
        let workbook = workbook(&[("survey", survey), ("choices", choices)]);
        let (_, found) = CompiledForm::compile(&workbook).unwrap_or_else(|found| panic!("{survey}\n{found}"));
        assert!(codes(&found, Warning).contains(&code), "{survey}\n{found}");
        let found = CompiledForm::compile_strict(&workbook).expect_err(survey);
        assert!(codes(&found, Error).contains(&code), "{survey}\n{found}");
    }
}

#[test]
fn a_reference_written_from_right_to_left_is_told_and_shown_as_it_is() {
    let sheets =
        [("survey", "type | name | label::العربية (ar)\ntext | name | الاسم\nnote | n | كم عمر {name}$ ؟")];
    let found = warnings(&sheets);
    assert!(found.to_string().contains("row 3 column \"label::العربية (ar)\": found \"{name}$\""), "{found}");
    let form = compile(&sheets);
    assert_eq!(form.raw_label(form.find("n").unwrap().index(), "ar"), "كم عمر {name}$ ؟");
}

#[test]
fn a_name_in_two_groups_has_two_keys_and_both_answers_are_kept() {
    let sheets = [(
        "survey",
        "type | name | label
         begin group | head | Head
         text | name | Name
         end group |  |
         begin group | household | Household
         text | name | Name
         begin repeat | roster | Roster
         text | name | Name
         end repeat |  |
         end group |  | ",
    )];
    let found = warnings(&sheets);
    assert!(found.to_string().contains("this answer is kept under \"household.name\""), "{found}");
    assert!(found.to_string().contains("this answer is kept under \"household.roster.name\""), "{found}");
    let form = compile(&sheets);
    let keys: Vec<&str> = form.questions().iter().map(|question| question.key()).collect();
    assert_eq!(keys, ["head", "name", "household", "household.name", "roster", "household.roster.name"]);
    assert_eq!(form.find("household.name").unwrap().name(), "name");
    let member = format!("roster/{A}/household.roster.name");
    let found = run(&form, &[("name", "Rose"), ("household.name", "Lakou"), (&member, "Jean")]);
    assert_eq!(
        (shown(&found, "name"), shown(&found, "household.name"), shown(&found, &member)),
        ("Rose".to_owned(), "Lakou".to_owned(), "Jean".to_owned())
    );
    assert!(CompiledForm::compile_strict(&workbook(&sheets)).is_ok(), "pyxform takes it too");
    let refers =
        format!("{}\ncalculate | c |  | ${{name}}", sheets[0].1.replace("label\n", "label | calculation\n"));
    assert!(survey(&refers).contains("a name used more than once"));
}

#[test]
fn a_key_is_never_given_twice() {
    let form = compile(&[(
        "survey",
        "type | name | label
         text | a | A
         text | g.a | A
         begin group | g | G
         text | a | A
         end group |  | ",
    )]);
    let keys: Vec<&str> = form.questions().iter().map(|question| question.key()).collect();
    assert_eq!(keys, ["a", "g.a", "g", "g.a.2"]);
}

#[test]
fn a_loop_becomes_a_group_for_each_choice() {
    let form = compile(&[
        (
            "survey",
            "type | name | label::Français (fr)
             begin loop over assets | owned | Biens
             integer | count | Combien : %(label)s ?
             end loop |  |
             text | b | B",
        ),
        (
            "choices",
            "list_name | name | label::Français (fr)
             assets | radio | radios
             assets | none | Aucun
             assets | car | voitures",
        ),
    ]);
    let keys: Vec<&str> = form.questions().iter().map(|question| question.key()).collect();
    assert_eq!(keys, ["owned", "radio", "count", "car", "owned.car.count", "b"]);
    let asked = form.find("owned.car.count").unwrap();
    assert_eq!(form.raw_label(asked.index(), "fr"), "Combien : voitures ?");
    assert_eq!((asked.row(), form.find("b").unwrap().row()), (3, 5), "rows are the spreadsheet's");
}

#[test]
fn a_formula_that_failed_is_a_warning_in_a_label_and_an_error_elsewhere() {
    let found = warnings(&[("survey", "type | name | label\ntext | a | #REF!")]);
    assert!(found.to_string().contains("row 2 column \"label\": found #REF!"), "{found}");
    for text in [
        "type | name | label\ntext | #NAME? | A",
        "type | name | label\n#N/A | a | A",
        "type | name | label | relevant\ntext | a | A | #VALUE!",
    ] {
        let found = refused(&[("survey", text)]);
        assert_eq!(codes(&found, form_engine::Severity::Error), ["formula-error"], "{text}\n{found}");
    }
}

#[test]
fn a_value_drawn_at_random_is_drawn_once() {
    let form = compile(&[(
        "survey",
        "type | name | label | calculation\ncalculate | id |  | uuid()\ntext | a | A | ",
    )]);
    let preload = form_engine::Preload { uuid_seed: "seed".into(), ..form_engine::Preload::default() };
    let answers = form_engine::initial_answers(&form, visit(), &preload);
    assert_eq!(answers.get(&path("id")).map(|id| id.to_string().len()), Some(36));
}

#[test]
fn an_entity_without_a_column_repeat_is_of_the_repeat_of_its_properties() {
    let survey = "type | name | label | save_to
         text | village | V | hh#village
         begin repeat | roster | R | 
         text | nom | N | person#nom
         end repeat |  |  | ";
    let form =
        compile(&[("survey", survey), ("entities", "list_name | label\nhh | ${village}\nperson | ${nom}")]);
    let found = run(&form, &[("village", "Kay"), (&format!("roster/{A}/nom"), "Rose")]);
    let labels: Vec<String> =
        found.entities().into_iter().map(|entity| format!("{} {}", entity.list, entity.label)).collect();
    assert_eq!(labels, ["hh Kay", "person Rose"]);
}

#[test]
fn french_is_french_to_the_end_of_the_line() {
    let found = refused(&[
        (
            "survey",
            "type | name | label | module | parameters
             intger | a | A |  | 
             text |  | B |  | 
             text | c | C |  | rows=x
             select_one nolist | d | D |  | 
             begin group | g | G |  | 
             text | c |  |  | ",
        ),
        ("entities", "list_name | label\nx.y | "),
        ("rules", "id | level | expression\nV1 | stop | 1"),
    ]);
    assert!(found.len() > 8, "{found}");
    let english = [" the ", " a ", "found", "expected", " of ", " row ", " with ", " name"];
    for line in found.render("fr").lines() {
        assert!(!english.iter().any(|word| line.contains(word)), "{line}");
    }
    let json = serde_json::to_value(&found).unwrap();
    let first = json[0].as_object().unwrap();
    for field in ["found", "expected", "found_fr", "expected_fr", "fix_fr", "fix_en"] {
        assert!(first.contains_key(field), "{field}");
    }
}

#[test]
fn a_sheet_that_is_nearly_named_is_told() {
    let found = warnings(&[
        ("survey", "type | name | label\ntext | a | A"),
        ("Setings", "form_id\nx"),
        ("notes", "x"),
    ]);
    assert_eq!(codes(&found, form_engine::Severity::Warning), ["sheet-name"], "{found}");
    let found = refused(&[("surveys", "type | name | label\ntext | a | A"), ("choices", "list_name | name")]);
    assert!(
        found.render("fr").contains("Renommez la feuille \"surveys\" en survey."),
        "{}",
        found.render("fr")
    );
}

#[test]
fn an_attribute_whose_prefix_nobody_declared_is_told() {
    let survey = "type | name | label | bind::cht:x | bind::odk:length\ntext | a | A | 1 | 2";
    let found = warnings(&[("survey", survey)]);
    assert_eq!(codes(&found, form_engine::Severity::Warning), ["unknown-prefix"], "{found}");
    assert!(warnings(&[("survey", survey), ("settings", "namespaces\ncht=\"http://cht\"")]).is_empty());
}
