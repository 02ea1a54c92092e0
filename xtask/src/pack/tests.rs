//! A small pack in a temporary folder, and what the check says when one thing in it is wrong.

use std::fs;
use std::path::Path;

use super::{Pack, check, workbook};
use crate::workspace;

const PACK_JSON: &str = r#"{
  "name": "small", "languages": ["fr", "ht"], "areas": "areas.csv",
  "lineages": { "household": { "form": "form", "area_questions": ["department", "commune"],
    "visit_date_question": "visit_date", "person_repeat": "roster" } },
  "role_titles": { "enumerator": { "fr": "Enquêteur", "ht": "Anketè" } }
}"#;

const AREAS: &str = "\
code,parent_code,level,name,name_ht,valid_to
HT,,0,Haïti,Ayiti,
HT03,HT,1,Nord,Nò,
HT0311,HT03,2,Cap-Haïtien,,
HT0399,HT03,2,Ancienne,,2015-07-22
";

const SURVEY: &str = "\
type,name,label::Français (fr),label::Kreyòl ayisyen (ht),constraint,constraint_message::Français (fr),constraint_message::Kreyòl ayisyen (ht),calculation,choice_filter,save_to
date,visit_date,Date,Dat,,,,,,
select_one department,department,Département,Depatman,,,,,,household#department
select_one commune,commune,Commune,Komin,,,,,department = ${department},household#commune
begin repeat,roster,Membre,Manm,,,,,,
text,given_name,Prénom,Non,string-length(.) <= 80,Trop long,Twò long,,,person#given_name
end repeat,,,,,,,,,
calculate,member_count,,,,,,count(${roster}),,household#size
";

const CHOICES: &str = "\
list_name,name,label::Français (fr),label::Kreyòl ayisyen (ht),department
department,HT03,Nord,Nò,
commune,HT0311,Cap-Haïtien,Cap-Haïtien,HT03
";

const SETTINGS: &str = "form_title,form_id,version\nMénage,household,1\n";

const ENTITIES: &str = "\
list_name,label,repeat
household,${member_count},
person,${given_name},${roster}
";

const RULES: &str = "\
id,level,relevant,expression,message::Français (fr),message::Kreyòl ayisyen (ht)
V11,block,,${member_count} >= 1,Aucun membre,Pa gen manm
";

/// Writes the small pack with `from` replaced by `to` in one of its files, and says what the check finds.
fn found_after(file: &str, from: &str, to: &str) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("small");
    write_small_pack(&folder);
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} does not contain {from:?}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    match Pack::load(&folder) {
        Ok(pack) => check::problems(&pack).into_iter().map(|problem| problem.what).collect(),
        Err(problem) => vec![problem.what],
    }
}

fn write_small_pack(folder: &Path) {
    fs::create_dir_all(folder.join("form")).unwrap();
    for (file, text) in [
        ("pack.json", PACK_JSON),
        ("areas.csv", AREAS),
        ("form/survey.csv", SURVEY),
        ("form/choices.csv", CHOICES),
        ("form/settings.csv", SETTINGS),
        ("form/entities.csv", ENTITIES),
        ("form/rules.csv", RULES),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
}

#[test]
fn the_packs_of_this_checkout_have_no_fault() {
    for entry in fs::read_dir(workspace::root().join("schemas").join("packs")).unwrap() {
        let pack = Pack::load(&entry.unwrap().path()).unwrap();
        assert_eq!(check::problems(&pack), []);
    }
}

#[test]
fn the_small_pack_has_no_fault() {
    assert_eq!(found_after("areas.csv", "Nord", "Nord"), [""; 0]);
}

#[test]
fn each_fault_is_named() {
    let area_lists = "the area lists differ from areas.csv: run `cargo xtask pack areas`";
    for (file, from, to, expected) in [
        ("pack.json", r#", "ht": "Anketè""#, "", "the role enumerator has no title in ht"),
        (
            "pack.json",
            r#""name": "small""#,
            r#""name": "large""#,
            "the pack large lies in a folder of another name",
        ),
        ("pack.json", r#"n": "visit_date""#, r#"n": "day""#, "the form household has no day"),
        ("areas.csv", "HT0399,HT03", "HT0399,HT04", "HT0399 lies in \"HT04\", which is not listed"),
        ("areas.csv", "HT0399,HT03", "HT0399,HT", "HT0399 of level 2 lies in HT of level 0"),
        ("areas.csv", "HT0399", "HT03/99", "\"HT03/99\" is not an area code"),
        ("areas.csv", "HT0399", "HT0311", "the code HT0311 stands twice"),
        ("areas.csv", ",,2015-07-22", ",,", area_lists),
        ("form/choices.csv", "commune,HT0311,Cap-Haïtien,", "commune,HT0311,Cap,", area_lists),
        ("form/choices.csv", "Nord,Nò", "Nord,", "no label in ht"),
        ("form/choices.csv", "department,HT03,", "other,HT03,", "there is no choice list department"),
        ("form/choices.csv", "department,HT03,", "other,HT03,", "no question uses the list other"),
        ("form/survey.csv", "Date,Dat", "Date,", "no label in ht"),
        ("form/survey.csv", "Trop long,Twò long", ",", "no constraint_message in fr, ht"),
        ("form/survey.csv", "date,visit_date", "dates,visit_date", "unknown type \"dates\""),
        ("form/survey.csv", "text,given_name", "text,commune", "the name commune stands twice"),
        ("form/survey.csv", "text,given_name", "text,given name", "\"given name\" is not a question name"),
        ("form/survey.csv", "count(${roster})", "count(${members})", "${members} names no question"),
        ("form/survey.csv", "count(${roster})", "", "member_count calculates nothing"),
        ("form/survey.csv", "end repeat", "end group", "\"end group\" closes nothing"),
        (
            "form/survey.csv",
            "department = ",
            "region = ",
            "the choices have no column \"region\" to filter by",
        ),
        ("form/survey.csv", "person#", "", "\"given_name\" does not name its list as list#property"),
        ("form/survey.csv", "person#", "child#", "there is no entity list child"),
        (
            "form/survey.csv",
            "household#size",
            "person#size",
            "person#size is saved outside the repeat of its list",
        ),
        ("form/survey.csv", "household#size", "household#commune", "two questions save to household#commune"),
        ("form/survey.csv", "household#size", "household#label", "\"label\" is not a property name"),
        ("form/survey.csv", "Date,Dat", "Date,Dat ", "row 2: white space at the edge of \"Dat \""),
        (
            "form/settings.csv",
            ",household,",
            ",menage,",
            "one row with the form_id household belongs here, not \"menage\"",
        ),
        ("form/entities.csv", "${given_name}", "${name}", "${name} names no question"),
        ("form/rules.csv", "block", "blocks", "\"blocks\" is not one of block, warn, central"),
        ("form/rules.csv", "V11,", ",", "the rule \"\" stands twice or has no id"),
        ("form/rules.csv", "Aucun membre", "", "no message in fr"),
    ] {
        let found = found_after(file, from, to);
        assert!(
            found.iter().any(|what| what == expected),
            "{file}: {from:?} -> {to:?} found {found:?}, not {expected:?}"
        );
    }
}

#[test]
fn a_row_of_another_length_is_refused() {
    let found = found_after("form/rules.csv", "V11,", "V11,extra,");
    assert!(found[0].contains("found record with 7 fields"), "{found:?}");
}

#[test]
fn a_key_longer_than_a_record_takes_is_named() {
    let long = format!("text,{}", "n".repeat(110));
    let found = found_after("form/survey.csv", "text,given_name", &long);
    assert!(found.iter().any(|what| what.ends_with("makes a key of over 128 bytes")), "{found:?}");
}

#[test]
fn the_same_sheets_give_the_same_bytes_on_another_day() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("small");
    write_small_pack(&folder);
    let pack = Pack::load(&folder).unwrap();
    let form = &pack.forms[0].1;
    let first = workbook::render(form).unwrap();
    // The writer's own stamp would be in seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(workbook::render(form).unwrap(), first);
}
