//! What an interview needs: options, texts, typed answers, values fixed at creation.

mod common;

use common::*;
use form_engine::{
    Preload, answer_writes, check_answer, choices, closing_answers, initial_answers, instance_defaults,
    label, triggered_answers,
};
use record_model::{Answers, Value};

fn form() -> form_engine::CompiledForm {
    compile(&[
        (
            "survey",
            "type | name | label::Français (fr) | label::English (en) | default | calculation | trigger | choice_filter | parameters
             start | start |  |  |  |  |  |  | 
             today | today |  |  |  |  |  |  | 
             end | end |  |  |  |  |  |  | 
             deviceid | device |  |  |  |  |  |  | 
             username | who |  |  |  |  |  |  | 
             select_one dept | dept | Département | Department | HT01 |  |  |  | 
             select_one commune | commune | Commune | Commune |  |  |  | dept = ${dept} | 
             date | visit_date | Date | Date | today() |  |  |  | 
             text | key | Clé | Key | concat('h-', uuid()) |  |  |  | 
             integer | rooms | Pièces | Rooms |  |  |  |  | 
             range | score | Note | Score |  |  |  |  | start=1 end=5 step=1
             decimal | area | Surface | Area |  |  |  |  | 
             date | born | Né le | Born |  |  |  |  | 
             time | at | Heure | At |  |  |  |  | 
             geopoint | gps | GPS | GPS |  |  |  |  | 
             select_multiple dept | visited | Visités | Visited | HT01 HT02 |  |  |  | 
             acknowledge | ok | OK | OK |  |  |  |  | 
             calculate | rooms_seen |  |  |  | ${rooms} | ${rooms} |  | 
             begin repeat | roster | Membre ${rooms} | Member |  |  |  |  | 
             text | given | Prénom | Given name |  |  |  |  | 
             integer | rank | Rang de ${given} | Rank of ${given} | position(..) |  |  |  | 
             end repeat |  |  |  |  |  |  | ",
        ),
        (
            "choices",
            "list_name | name | label::Français (fr) | label::English (en) | dept
             dept | HT01 | Ouest | West | 
             dept | HT02 | Sud-Est | South-East | 
             commune | HT0111 | Port-au-Prince |  | HT01
             commune | HT0211 | Jacmel | Jacmel | HT02",
        ),
        ("settings", "form_id | default_language\nf | fr"),
    ])
}

fn preload() -> Preload {
    Preload {
        device_id: "laptop-7".into(),
        username: "rose".into(),
        uuid_seed: "seed".into(),
        ..Preload::default()
    }
}

#[test]
fn a_new_record_begins_with_its_defaults_and_preloads() {
    let made = initial_answers(&form(), visit(), &preload());
    let text = |at: &str| made.get(&path(at)).map(ToString::to_string).unwrap_or_default();
    assert_eq!(text("start"), "2026-11-21T23:10:00.000-05:00");
    assert_eq!(text("today"), "2026-11-21");
    assert_eq!((text("device"), text("who")), ("laptop-7".into(), "rose".into()));
    assert_eq!((text("dept"), text("visit_date")), ("HT01".into(), "2026-11-21".into()));
    assert_eq!(made.get(&path("visited#HT02")), Some(&Value::Bool(true)));
    assert_eq!(text("key").len(), "h-".len() + 36);
    assert_eq!(made, initial_answers(&form(), visit(), &preload()), "the same seed gives the same record");
    assert!(!made.contains_key(&path("end")));
    assert_eq!(closing_answers(&form(), visit()), answers(&[("end", "2026-11-21T23:10:00.000-05:00")]));
}

#[test]
fn a_new_instance_gets_its_own_defaults_at_its_own_position() {
    let known = answers(&[(&format!("roster/{A}/given"), "Marie"), (&format!("roster/{A}/@order"), "a0")]);
    let made = instance_defaults(&form(), &format!("roster/{B}"), &known, visit(), &preload());
    assert_eq!(made, answers(&[(&format!("roster/{B}/rank"), "i:2")]));
}

#[test]
fn what_a_person_types_is_stored_as_the_type_says() {
    let form = form();
    let check = |name: &str, raw: &str| check_answer(&form, form.find(name).unwrap().index(), raw);
    let one = |name: &str, raw: &str| check(name, raw).map(|values| values[0].1.clone()).ok();
    assert_eq!(one("rooms", " 12 "), Some(Value::Int(12)));
    assert_eq!(one("rooms", "12.5"), None);
    assert_eq!(one("rooms", ""), Some(Value::Null));
    assert_eq!(one("score", "5"), Some(Value::Int(5)));
    assert_eq!(one("score", "6"), None);
    assert_eq!(one("area", "12,50"), Some(Value::from("12.50")));
    assert_eq!(one("area", "1e5"), None);
    assert_eq!(one("born", "17/5/1984"), Some(Value::from("1984-05-17")));
    assert_eq!(one("born", "1984-05-17"), Some(Value::from("1984-05-17")));
    assert_eq!(one("born", "31/2/1984"), None);
    assert_eq!(one("at", "14:30"), Some(Value::from("14:30")));
    assert_eq!(one("at", "25:00"), None);
    assert_eq!(one("gps", "18.53, -72.33"), Some(Value::from("18.53 -72.33")));
    assert_eq!(one("gps", "118 -72"), None);
    assert_eq!(one("dept", "HT02"), Some(Value::from("HT02")));
    assert_eq!(one("dept", "Ouest"), None);
    assert_eq!(one("ok", "oui"), Some(Value::from("OK")));
    assert_eq!(
        check("visited", "HT02 HT01").unwrap(),
        [
            ("#".to_owned(), Value::Bool(true)),
            ("#HT02".to_owned(), Value::Bool(true)),
            ("#HT01".to_owned(), Value::Bool(true))
        ]
    );
    let error = check("rooms", "many").unwrap_err();
    assert_eq!(error.expected("fr"), "Donnez un nombre entier, par exemple 12.");
    assert_eq!(error.to_string(), "Give a whole number, such as 12.");
    assert_eq!(check("visited", "HT01 HT77").unwrap_err().expected("en"), "Choose from the list. (HT77)");
}

#[test]
fn unticking_an_option_writes_a_null_and_what_stands_is_not_written_again() {
    let form = form();
    let stored = answers(&[("visited#", "true"), ("visited#HT01", "true")]);
    let writes = answer_writes(&form, &path("visited"), "HT02", &stored).unwrap();
    assert_eq!(writes, answers(&[("visited#HT01", "null"), ("visited#HT02", "true")]));
    assert_eq!(answer_writes(&form, &path("visited"), "HT01", &stored).unwrap(), Answers::new());
    let cleared = answer_writes(&form, &path("visited"), "", &stored).unwrap();
    assert_eq!(cleared, answers(&[("visited#", "null"), ("visited#HT01", "null")]));
}

#[test]
fn options_follow_the_filter_and_fall_back_to_the_default_language() {
    let form = form();
    let found = run(&form, &[("dept", "HT01")]);
    let commune = form.find("commune").unwrap().index();
    let offered = choices(&form, commune, &path("commune"), &found);
    assert_eq!(
        offered.iter().map(|choice| (&*choice.name, choice.label("en"))).collect::<Vec<_>>(),
        [("HT0111", "Port-au-Prince")]
    );
    assert!(choices(&form, commune, &path("commune"), &run(&form, &[])).is_empty());
    assert_eq!(form.options(commune).len(), 2);
}

#[test]
fn labels_name_the_member_they_are_about() {
    let form = form();
    let found = run(&form, &[(&format!("roster/{A}/given"), "Marie"), ("rooms", "i:3")]);
    let text = |name: &str, at: &str, lang: &str| {
        label(&form, form.find(name).unwrap().index(), &path(at), &found, lang)
    };
    assert_eq!(text("rank", &format!("roster/{A}/rank"), "fr"), "Rang de Marie");
    assert_eq!(text("rank", &format!("roster/{A}/rank"), "ht"), "Rang de Marie", "the default language");
    assert_eq!(text("roster", "roster", "fr"), "Membre 3");
}

#[test]
fn a_trigger_writes_when_its_question_changes() {
    let form = form();
    let stored = answers(&[("rooms", "i:4")]);
    let writes = triggered_answers(&form, &path("rooms"), &stored, visit());
    assert_eq!(writes, answers(&[("rooms_seen", "4")]));
    assert!(triggered_answers(&form, &path("area"), &stored, visit()).is_empty());
}

#[test]
fn an_evaluation_of_another_form_offers_nothing_and_fills_nothing_in() {
    let form = form();
    let other = compile(&[("survey", "type | name | label\ntext | dept | D")]);
    let found = run(&other, &[("dept", "HT01")]);
    let commune = form.find("commune").unwrap().index();
    assert!(choices(&form, commune, &path("commune"), &found).is_empty());
    let roster = form.find("roster").unwrap().index();
    assert_eq!(label(&form, roster, &path("roster"), &found, "fr"), "Membre ${rooms}");
}

#[test]
fn choices_show_answers_as_they_are_around_the_question() {
    let form = compile(&[
        (
            "survey",
            "type | name | label
             text | head | Head
             begin repeat | r | R
             text | given | Given name
             select_one care or_other | care | Who cares for them?
             end repeat |  | 
             select_one ${given} | oldest | Who is the oldest?",
        ),
        (
            "choices",
            "list_name | name | label::Français (fr) | label::English (en)
             care | head | ${head}, chef | ${head}, head
             care | self | ${given} | ${given}
             care | none | Personne | Nobody",
        ),
        ("settings", "form_id | default_language\nf | fr"),
    ]);
    let said =
        [("head".to_owned(), "Rose"), (format!("r/{A}/given"), "Marie"), (format!("r/{B}/given"), "Jean")];
    let said: Vec<(&str, &str)> = said.iter().map(|(path, value)| (path.as_str(), *value)).collect();
    let found = run(&form, &said);
    let offered = |name: &str, at: &str, lang: &str| -> Vec<(String, String)> {
        let question = form.find(name).unwrap().index();
        let choices = choices(&form, question, &path(at), &found);
        choices.iter().map(|choice| (choice.name.to_string(), choice.label(lang).to_owned())).collect()
    };
    let expected =
        |labels: [(&str, &str); 4]| labels.map(|(code, label)| (code.to_owned(), label.to_owned()));
    assert_eq!(
        offered("care", &format!("r/{A}/care"), "fr"),
        expected([("head", "Rose, chef"), ("self", "Marie"), ("none", "Personne"), ("other", "Autre")])
    );
    assert_eq!(
        offered("care", &format!("r/{B}/care"), "en"),
        expected([("head", "Rose, head"), ("self", "Jean"), ("none", "Nobody"), ("other", "Other")])
    );
    let names: Vec<String> = offered("oldest", "oldest", "fr").into_iter().map(|(_, label)| label).collect();
    assert_eq!(names, ["Marie", "Jean"]);
    // Of a form alone: nobody is shown a reference.
    let care = form.find("care").unwrap().index();
    assert_eq!(form.options(care)[0].label("fr"), "head");
}

#[test]
fn a_refused_answer_is_repeated_only_to_the_person_who_typed_it() {
    let form = form();
    let error = check_answer(&form, form.find("visited").unwrap().index(), "HT01 secret").unwrap_err();
    assert!(error.expected("en").contains("secret"));
    for said in [format!("{error}"), format!("{error:?}"), format!("{:?}", Err::<(), _>(error))] {
        assert!(!said.contains("secret"), "{said}");
    }
}
