//! Whole records: relevance, repeats, violations, exports, entities.

mod common;

use common::*;
use form_engine::{EntityKey, Level, ViolationKind, evaluate};
use record_model::{Answers, Value};

const CHOICES: &str = "
    list_name | name | label::Français (fr) | label::Kreyòl (ht) | label::English (en) | dept
    yn | yes | Oui | Wi | Yes | 
    yn | no | Non | Non | No | 
    rel | 01 | Chef | Chèf | Head | 
    rel | 02 | Conjoint | Mari oswa madanm | Spouse | 
    rel | 03 | Enfant | Pitit | Child | 
    dept | HT01 | Ouest | Lwès | West | 
    dept | HT02 | Sud-Est | Sidès | South-East | 
    commune | HT0111 | Port-au-Prince | Pòtoprens | Port-au-Prince | HT01
    commune | HT0112 | Delmas | Dèlma | Delmas | HT01
    commune | HT0211 | Jacmel | Jakmèl | Jacmel | HT02
    assets | radio | Radio | Radyo | Radio | 
    assets | phone | Téléphone | Telefòn | Phone | 
    assets | none | Rien | Anyen | None | ";

const SURVEY: &str = "
    type | name | label::Français (fr) | label::Kreyòl (ht) | label::English (en) | required | relevant | constraint | constraint_message::Français (fr) | constraint_message::English (en) | calculation | choice_filter | read_only | save_to
    select_one dept | dept | Département | Depatman | Department | yes |  |  |  |  |  |  |  | 
    select_one commune | commune | Commune | Komin | Commune | yes |  |  |  |  |  | dept = ${dept} |  | commune
    select_one yn | consent | Consentement | Konsantman | Consent | yes |  |  |  |  |  |  |  | 
    begin group | main | Questions | Kesyon | Questions |  | ${consent} = 'yes' |  |  |  |  |  |  | 
    begin repeat | roster | Membre | Manm | Member |  |  |  |  |  |  |  |  | 
    text | given | Prénom | Non | Given name | yes |  |  |  |  |  |  |  | given_name
    select_one rel | relationship | Lien | Relasyon | Relationship | yes |  |  |  |  |  |  |  | 
    integer | age | Âge de ${given} | Laj ${given} | Age of ${given} | yes |  | . >= 0 and . <= 120 | ${given} ne peut pas avoir cet âge | ${given} cannot have this age |  |  |  | age
    text | school | École | Lekòl | School |  | ${age} > 4 and ${age} < 25 |  |  |  |  |  |  | 
    calculate | is_head |  |  |  |  |  |  |  |  | if(${relationship} = '01', 1, 0) |  |  | 
    calculate | nth |  |  |  |  |  |  |  |  | position(..) |  |  | 
    end repeat |  |  |  |  |  |  |  |  |  |  |  |  | 
    select_multiple assets | assets | Biens | Byen | Goods |  |  | not(selected(., 'none') and count-selected(.) > 1) | Rien ou autre chose | None or something |  |  |  | assets
    end group |  |  |  |  |  |  |  |  |  |  |  |  | 
    calculate | heads |  |  |  |  |  |  |  |  | sum(${is_head}) |  |  | 
    calculate | size |  |  |  |  |  |  |  |  | count(${roster}) |  |  | size";

const RULES: &str = "
    id | level | expression | relevant | repeat | message::Français (fr) | message::Kreyòl (ht) | message::English (en)
    V01 | block | ${heads} = 1 | ${consent} = 'yes' |  | Il faut un seul chef, trouvé : ${heads} | Fòk gen yon sèl chèf | Exactly one head, found ${heads}
    V03 | warn | not(${relationship} = '01') or ${age} >= 15 |  | roster | Chef très jeune | Chèf twò jèn | Very young head";

const ENTITIES: &str = "
    list_name | label | repeat | create_if | update_if | entity_id
    household | concat('Ménage de ', ${roster}[relationship = '01']/given) |  |  |  | 
    person | ${given} | roster | ${given} != '' |  | ";

const SETTINGS: &str = "
    form_title | form_id | version | default_language | instance_name
    Ménage | household | 3 | Français (fr) | concat(${commune}, ' ', ${size})";

fn sheets() -> Vec<(&'static str, &'static str)> {
    vec![
        ("survey", SURVEY),
        ("choices", CHOICES),
        ("rules", RULES),
        ("entities", ENTITIES),
        ("settings", SETTINGS),
    ]
}

fn member(id: &str, order: &str, given: &str, relationship: &str, age: &str) -> Answers {
    answers(&[
        (&format!("roster/{id}/@order"), order),
        (&format!("roster/{id}/given"), given),
        (&format!("roster/{id}/relationship"), relationship),
        (&format!("roster/{id}/age"), age),
    ])
}

fn household() -> Answers {
    let mut all = answers(&[
        ("dept", "HT01"),
        ("commune", "HT0112"),
        ("consent", "yes"),
        ("assets#", "true"),
        ("assets#radio", "true"),
    ]);
    all.extend(member(A, "a1", "Jean", "02", "i:40"));
    all.extend(member(B, "a0", "Marie", "01", "i:38"));
    all
}

fn with(changes: &[(&str, &str)]) -> Answers {
    let mut all = household();
    all.extend(answers(changes));
    all
}

#[test]
fn a_sound_household_breaks_nothing_and_calculates() {
    let form = compile(&sheets());
    let found = evaluate(&form, &household(), visit());
    assert_eq!(broken(&found), [""; 0]);
    assert_eq!(shown(&found, "heads"), "1");
    assert_eq!(shown(&found, "size"), "2");
    assert_eq!(shown(&found, &format!("roster/{A}/nth")), "2");
    assert_eq!(found.instances("roster").iter().map(ToString::to_string).collect::<Vec<_>>(), [B, A]);
    assert_eq!(found.instance_name("fr"), "HT0112 2");
    assert_eq!((form.form_id(), form.title(), form.version()), ("household", "Ménage", "3"));
    assert_eq!(form.languages(), ["fr", "ht", "en"]);
}

#[test]
fn what_is_not_relevant_reads_blank_stays_stored_and_is_pruned_from_the_export() {
    let form = compile(&sheets());
    let found = evaluate(&form, &with(&[("consent", "no")]), visit());
    assert_eq!(broken(&found), [""; 0], "nothing inside is required, and V01 is not relevant");
    assert_eq!(shown(&found, "size"), "0");
    assert!(!found.is_relevant(&path(&format!("roster/{A}/age"))));
    let export: Vec<String> = found.export().keys().map(ToString::to_string).collect();
    assert_eq!(export, ["commune", "consent", "dept", "heads", "size"]);
    assert_eq!(found.instances("roster").len(), 2, "the instances are still there");
    assert!(found.entities().iter().all(|write| write.list == "household"));
}

#[test]
fn a_missing_a_wrong_and_an_impossible_answer_are_each_named_with_their_message() {
    let form = compile(&sheets());
    let age = format!("roster/{A}/age");
    let given = format!("roster/{B}/given");
    let found = evaluate(
        &form,
        &with(&[(&age, "i:150"), (&given, "null"), ("commune", "HT0211"), ("assets#none", "true")]),
        visit(),
    );
    assert_eq!(
        broken(&found),
        [
            "commune choice".to_owned(),
            format!("{given} required"),
            format!("{age} constraint"),
            "assets constraint".to_owned()
        ]
    );
    let constraint = &found.violations()[2];
    assert_eq!(constraint.message("fr"), "Jean ne peut pas avoir cet âge");
    assert_eq!(constraint.message("en"), "Jean cannot have this age");
    assert_eq!(
        constraint.message("ht"),
        "Jean ne peut pas avoir cet âge",
        "the form's own words before ours"
    );
    assert_eq!((constraint.kind, constraint.level), (ViolationKind::Constraint, Level::Block));
    assert_eq!(found.violations()[1].message("ht"), "Fòk gen yon repons.");
    assert_eq!(found.violations()[0].depends_on, [path("commune"), path("dept")]);
}

#[test]
fn a_rule_break_names_every_answer_behind_it_through_calculations() {
    let form = compile(&sheets());
    let second_head = format!("roster/{A}/relationship");
    let found = evaluate(&form, &with(&[(&second_head, "01")]), visit());
    assert_eq!(broken(&found), ["V01"]);
    let rule = &found.violations()[0];
    assert_eq!(rule.message("fr"), "Il faut un seul chef, trouvé : 2");
    assert_eq!(
        rule.depends_on,
        [path("consent"), path(&second_head), path(&format!("roster/{B}/relationship"))]
    );
}

#[test]
fn a_removed_member_is_left_out_everywhere_and_its_removal_is_part_of_the_evidence() {
    let form = compile(&sheets());
    let removed = format!("roster/{B}/@removed");
    let found = evaluate(&form, &with(&[(&removed, "moved away")]), visit());
    assert_eq!(broken(&found), ["V01"]);
    assert!(found.violations()[0].depends_on.contains(&path(&removed)));
    assert_eq!(shown(&found, "size"), "1");
    assert_eq!(shown(&found, &format!("roster/{A}/nth")), "1");
    assert!(found.export().keys().all(|path| !path.as_str().contains(B)));
}

#[test]
fn a_rule_of_each_member_is_shown_at_that_member() {
    let form = compile(&sheets());
    let age = format!("roster/{B}/age");
    let found = evaluate(&form, &with(&[(&age, "i:12")]), visit());
    assert_eq!(broken(&found), ["V03"]);
    let rule = &found.violations()[0];
    assert_eq!((rule.level, rule.path.as_ref().map(ToString::to_string)), (Level::Warn, Some(age)));
}

#[test]
fn a_value_of_the_wrong_type_is_found_whoever_wrote_it() {
    let form = compile(&sheets());
    let age = format!("roster/{A}/age");
    let found = evaluate(&form, &with(&[(&age, "forty"), ("consent", "true"), ("dept", "HT99")]), visit());
    assert_eq!(broken(&found), ["dept choice", "commune choice", "consent type"]);
}

#[test]
fn the_export_hash_follows_the_export_and_nothing_else() {
    let form = compile(&sheets());
    let hash = |answers: &Answers| evaluate(&form, answers, visit()).export_hash();
    let base = hash(&household());
    assert_eq!(base, hash(&with(&[("unheard_of", "x"), (&format!("roster/{A}/@person"), "P")])));
    assert_ne!(base, hash(&with(&[("assets#phone", "true")])));
    let export = evaluate(&form, &household(), visit()).export();
    assert_eq!(export.get(&path("assets#")), Some(&Value::Bool(true)));
    assert_eq!(export.get(&path("assets#radio")), Some(&Value::Bool(true)));
    assert_eq!(export.get(&path("size")), Some(&Value::Int(2)));
}

#[test]
fn entities_come_from_the_record_and_from_each_member() {
    let form = compile(&sheets());
    let writes = evaluate(&form, &household(), visit()).entities();
    assert_eq!(form.entity_lists(), ["household", "person"]);
    let summary: Vec<(&str, &str, bool, bool)> =
        writes.iter().map(|w| (w.list.as_str(), w.label.as_str(), w.create, w.update)).collect();
    assert_eq!(
        summary,
        [
            ("household", "Ménage de Marie", true, false),
            ("person", "Marie", true, false),
            ("person", "Jean", true, false)
        ]
    );
    assert_eq!(writes[0].entity_key, EntityKey::Record);
    assert_eq!(writes[0].properties["assets"], Value::from("radio"));
    assert_eq!(writes[0].properties["size"], Value::Int(2));
    assert_eq!(writes[1].properties["age"], Value::Int(38));
    assert!(
        matches!(&writes[1].entity_key, EntityKey::Instance { repeat, instance } if repeat == "roster" && instance.to_string() == B)
    );
}

#[test]
fn answers_the_form_has_no_question_for_are_told_and_kept_out() {
    let form = compile(&sheets());
    let odd = [("unheard_of", "x"), ("given", "x"), ("dept#a", "true"), ("main", "x")];
    let found = evaluate(&form, &with(&odd), visit());
    let unknown: Vec<String> = found.unknown().iter().map(ToString::to_string).collect();
    assert_eq!(unknown, ["dept#a", "given", "main", "unheard_of"]);
}

#[test]
fn nodes_come_in_document_order_with_repeats_instance_by_instance() {
    let form = compile(&sheets());
    let found = evaluate(&form, &household(), visit());
    let listed: Vec<String> = found
        .nodes()
        .iter()
        .map(|node| match node.instance {
            Some(instance) => format!("{}[{instance}]", node.path),
            None => node.path.to_string(),
        })
        .collect();
    assert_eq!(&listed[..5], ["dept", "commune", "consent", "main", "roster"]);
    assert_eq!(listed[5], format!("roster[{B}]"));
    assert_eq!(listed[6], format!("roster/{B}/given"));
    assert_eq!(listed[12], format!("roster[{A}]"));
    assert_eq!(&listed[19..], ["assets", "heads", "size"]);
    let school = found.nodes().iter().find(|node| node.path.leaf() == "school").unwrap();
    assert!(!school.relevant && !school.required);
    let size = found.nodes().last().unwrap();
    assert!(size.is_calculated && size.read_only);
    assert_eq!(size.value, Value::Int(2));
}

#[test]
fn a_repeat_with_a_count_has_exactly_that_many_instances() {
    let form = compile(&[(
        "survey",
        "type | name | label | repeat_count
         integer | many | How many | 
         begin repeat | child | Child | ${many}
         text | child_name | Name | 
         end repeat |  |  | ",
    )]);
    let one = format!("child/{A}/child_name");
    let found = run(&form, &[("many", "i:2"), (&one, "Ti-Jo")]);
    assert_eq!(broken(&found), ["child repeat_count"]);
    assert_eq!(found.repeat_count("child", ""), Some(2));
    assert_eq!(found.violations()[0].depends_on, [path("many")]);
    assert_eq!(broken(&run(&form, &[("many", "i:1"), (&one, "Ti-Jo")])), [""; 0]);
    assert_eq!(broken(&run(&form, &[])), [""; 0]);
}

#[test]
fn nested_repeats_see_their_own_parent() {
    let form = compile(&[(
        "survey",
        "type | name | label | calculation
         begin repeat | farm | Farm | 
         text | farm_name | Name | 
         begin repeat | animal | Animal | 
         integer | heads | Heads | 
         calculate | said |  | concat(${farm_name}, '/', ${heads}, '/', position(..), '/', position(../..))
         end repeat |  |  | 
         calculate | total |  | sum(${heads})
         end repeat |  |  | 
         calculate | all |  | sum(${heads})
         calculate | second |  | indexed-repeat(${heads}, ${farm}, 2, ${animal}, 1)",
    )]);
    let at = |farm: &str, animal: &str, leaf: &str| format!("farm/{farm}/animal/{animal}/{leaf}");
    let (first, second, third) = (at(A, A, "heads"), at(A, B, "heads"), at(B, C, "heads"));
    let found = run(
        &form,
        &[
            (&format!("farm/{A}/farm_name"), "Nord"),
            (&format!("farm/{B}/farm_name"), "Sud"),
            (&first, "i:1"),
            (&second, "i:2"),
            (&third, "i:4"),
        ],
    );
    assert_eq!(shown(&found, &at(A, B, "said")), "Nord/2/2/1");
    assert_eq!(shown(&found, &at(B, C, "said")), "Sud/4/1/2");
    assert_eq!(shown(&found, &format!("farm/{A}/total")), "3");
    assert_eq!(shown(&found, "all"), "7");
    assert_eq!(shown(&found, "second"), "4");
    assert_eq!(found.instances_in("animal", &format!("farm/{A}")).len(), 2);
    assert_eq!(found.instances("animal").len(), 3);
}

#[test]
fn the_order_of_calculations_is_theirs_not_the_sheets() {
    let form = compile(&[(
        "survey",
        "type | name | label | relevant | calculation
         calculate | c |  |  | ${b} + 1
         calculate | b |  |  | ${a} * 2
         integer | a | A | ${shown} = 'x' | 
         text | shown | Shown |  | ",
    )]);
    assert_eq!(shown(&run(&form, &[("a", "i:5"), ("shown", "x")]), "c"), "11");
    assert_eq!(shown(&run(&form, &[("a", "i:5")]), "c"), "");
}

#[test]
fn a_calculation_that_must_stay_is_stored_once_and_then_left_alone() {
    let form = compile(&[(
        "survey",
        "type | name | label | calculation
         integer | age | Age | 
         calculate | first_age |  | once(${age})",
    )]);
    let found = run(&form, &[("age", "i:5")]);
    assert_eq!(found.to_store(), answers(&[("first_age", "i:5")]));
    let later = run(&form, &[("age", "i:9"), ("first_age", "i:5")]);
    assert_eq!(shown(&later, "first_age"), "5");
}

#[test]
fn a_truth_value_that_was_calculated_is_a_text_to_comparisons_and_itself_to_conditions() {
    let form = compile(&[(
        "survey",
        "type | name | label | calculation
         integer | n | N | 
         calculate | big |  | ${n} > 5
         calculate | as_text |  | ${big} = 'true'
         calculate | as_condition |  | if(${big}, 'yes', 'no')",
    )]);
    let small = run(&form, &[("n", "i:1")]);
    assert_eq!((shown(&small, "big"), shown(&small, "as_text")), ("false".into(), "false".into()));
    assert_eq!(shown(&small, "as_condition"), "no");
    assert_eq!(shown(&run(&form, &[("n", "i:9")]), "as_text"), "true");
}
