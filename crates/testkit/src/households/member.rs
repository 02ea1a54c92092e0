//! What is answered about one member.

use record_model::Marker;

use super::date::Date;
use super::family::{Member, Relation};
use super::sheet::Sheet;
use crate::seeded::Seeded;

/// Identity and papers: all that a partial interview has.
pub(super) fn identity(
    sheet: &mut Sheet<'_>,
    rng: &mut Seeded,
    member: &Member,
    order: usize,
    answers: bool,
) {
    sheet.mark(Marker::Order, &format!("a{order}"));
    sheet.mark(Marker::Person, &member.person);
    sheet.set("given_name", member.given.as_str());
    sheet.set("family_name", member.family);
    if rng.chance(20) {
        let short = member.given.split('-').next().unwrap_or(&member.given);
        sheet.set("nickname", format!("Ti {short}"));
    }
    sheet.set("relationship", member.relation.code());
    sheet.set("sex", if member.is_female { "female" } else { "male" });
    birth(sheet, rng, member);
    if member.age >= 12 {
        sheet.set("marital_status", member.marital);
    }
    if let Some(mother) = &member.mother_name {
        sheet.set("mother_name", mother.as_str());
    }
    if member.age >= 15 {
        sheet.set_yes("is_respondent", answers);
    }
    sheet.set_yes("resident", !member.is_away);
    if member.is_away {
        let reasons = [("work", 40), ("study", 35), ("abroad", 10), ("health", 5), ("displaced", 10)];
        sheet.set("absence_reason", rng.weighted(&reasons));
        sheet.set("months_away", rng.between(1..=36));
    }
    papers(sheet, rng, member.age);
}

/// A date known to the month or year only is stored as its first day.
fn birth(sheet: &mut Sheet<'_>, rng: &mut Seeded, member: &Member) {
    // Of small children the day is known.
    let precision = if member.age < 5 {
        "day"
    } else {
        rng.weighted(&[("day", 76), ("month", 8), ("year", 11), ("unknown", 5)])
    };
    let (year, month, _) = member.born.civil();
    sheet.set("birth_date_precision", precision);
    match precision {
        "day" => sheet.set("birth_date", member.born.text()),
        "month" => sheet.set("birth_date", Date::of_civil(year, month, 1).text()),
        "year" => sheet.set("birth_date", Date::of_civil(year, 1, 1).text()),
        _ => {}
    }
    sheet.set("age", member.age);
}

/// Numbers carry parts that no office gives out.
fn papers(sheet: &mut Sheet<'_>, rng: &mut Seeded, age: i64) {
    let adult = age >= 18;
    let has_ninu = rng.chance(if adult { 55 } else { 4 });
    let has_cin = adult && rng.chance(22);
    let has_nif = adult && rng.chance(12);
    let has_brn = rng.chance(if adult { 35 } else { 70 });
    let all = [("NINU", has_ninu), ("CIN", has_cin), ("NIF", has_nif), ("BRN", has_brn)];
    let mut held: Vec<&str> = all.into_iter().filter_map(|(paper, has)| has.then_some(paper)).collect();
    if held.is_empty() {
        held.push("none");
    }
    sheet.tick("id_documents", &held);
    if has_ninu {
        sheet.set("id_ninu", format!("00{:08}", rng.below(100_000_000)));
    }
    if has_cin {
        let (year, month) = (rng.between(1940..=2005), rng.between(1..=12));
        sheet.set("id_cin", format!("99-99-99-{year}-{month:02}-{:05}", rng.below(100_000)));
    }
    if has_nif {
        let (middle, last) = (rng.below(1_000), rng.below(1_000));
        sheet.set("id_nif", format!("000-{middle:03}-{last:03}-{}", rng.below(10)));
    }
    if has_brn {
        sheet.set("id_brn", format!("SYN-{:07}", rng.below(10_000_000)));
    }
}

/// The rest of a complete interview.
pub(super) fn life(sheet: &mut Sheet<'_>, rng: &mut Seeded, member: &Member, wealth: i64, answers: bool) {
    let at_school = if member.age >= 3 { education(sheet, rng, member.age, wealth) } else { false };
    if member.age >= 10 {
        work(sheet, rng, member, wealth, at_school);
    }
    health(sheet, rng, member.age);
    if member.age >= 5 {
        functioning(sheet, rng, member.age, answers);
    }
    if member.is_female && (10..=55).contains(&member.age) {
        maternity(sheet, rng, member);
    }
    if member.age < 5 {
        small_child(sheet, rng);
    }
}

/// Gives whether this person goes to school.
fn education(sheet: &mut Sheet<'_>, rng: &mut Seeded, age: i64, wealth: i64) -> bool {
    let better = (wealth * 4).cast_unsigned();
    let at_school = age <= 24
        && rng.chance(match age {
            ..=4 => 30 + better,
            5..=14 => 82 + better,
            15..=18 => 68 + better,
            _ => 28 + better,
        });
    let possible = (age - 5).clamp(0, 17);
    let years = if at_school {
        (possible - rng.between(0..=3)).max(0)
    } else if rng.chance(if age > 50 { 50 } else { 18 }) {
        0
    } else {
        rng.between(0..=possible.min(6 + wealth * 2))
    };
    if age >= 10 {
        let reads = years >= 4 || rng.chance(12 * years.cast_unsigned());
        sheet.set_yes("can_read", reads);
        sheet.set_yes("can_write", reads && rng.chance(94));
        sheet.set_yes("speaks_french", years >= 9 || (reads && rng.chance(30)));
    }
    if age <= 24 {
        sheet.set_yes("school_attended", at_school);
    }
    if at_school {
        sheet.set("school_level_now", if age < 6 { "0" } else { level(years + 1) });
    }
    let highest = match (years, at_school) {
        (0, false) => "none",
        (0, true) => "0",
        _ => level(years),
    };
    sheet.set("school_level_highest", highest);
    sheet.set("school_years", years);
    if !at_school && (5..=18).contains(&age) {
        let reasons = [("cost", 55), ("distance", 12), ("work", 12), ("health", 5), ("security", 10)];
        sheet.set("out_of_school_reason", rng.weighted(&reasons));
    }
    at_school
}

/// The level of somebody in that year of school.
const fn level(years: i64) -> &'static str {
    match years {
        ..=6 => "1",
        7..=9 => "2",
        10..=13 => "3",
        14..=15 => "5",
        _ => "6",
    }
}

fn work(sheet: &mut Sheet<'_>, rng: &mut Seeded, member: &Member, wealth: i64, at_school: bool) {
    let activity = match member.age {
        ..=17 if at_school => "9",
        ..=17 => rng.weighted(&[("7", 40), ("4", 35), ("8", 10), ("12", 15)]),
        18..=24 if at_school => "9",
        66.. => rng.weighted(&[("10", 25), ("11", 20), ("3", 35), ("7", 20)]),
        _ if wealth >= 3 => rng.weighted(&[("1", 45), ("2", 5), ("3", 35), ("5", 5), ("7", 10)]),
        _ => rng.weighted(&[("1", 8), ("3", 48), ("4", 8), ("5", 10), ("6", 8), ("7", 12), ("8", 6)]),
    };
    sheet.set("main_activity", activity);
    if matches!(activity, "1" | "2" | "3" | "4" | "8") {
        sheet.set_yes("paid_work", activity != "4" || rng.chance(10));
    }
    sheet.set_yes("received_transfers", rng.chance(if member.age >= 18 { 24 } else { 4 }));
    let support = member.age >= 18 && rng.chance(9);
    sheet.set_yes("received_support", support);
    if support {
        sheet.set(
            "support_source",
            rng.pick(&["Coopérative du marché", "Projet de la mairie", "Caisse locale"]),
        );
    }
    if member.age >= 15 {
        sheet.set_yes("savings_group_member", member.age >= 18 && rng.chance(17));
    }
}

fn health(sheet: &mut Sheet<'_>, rng: &mut Seeded, age: i64) {
    let ill = rng.chance(if age >= 50 { 42 } else { 7 });
    if ill {
        let first = rng.weighted(&[("hypertension", 45), ("diabetes", 15), ("asthma", 15), ("anaemia", 15)]);
        let both = ["hypertension", "diabetes"];
        let codes: &[&str] = if age >= 50 && rng.chance(20) { &both } else { &[first] };
        sheet.tick("chronic_illnesses", codes);
    } else {
        sheet.tick("chronic_illnesses", &[if rng.chance(3) { "dk" } else { "none" }]);
    }
    sheet.set_yes("ill_last_month", ill || rng.chance(18));
}

fn functioning(sheet: &mut Sheet<'_>, rng: &mut Seeded, age: i64, answers: bool) {
    let harder = if age >= 60 { 22 } else { 3 };
    for question in
        ["wg_seeing", "wg_hearing", "wg_walking", "wg_remembering", "wg_self_care", "wg_communicating"]
    {
        let difficulty =
            if rng.chance(harder) { rng.weighted(&[("2", 70), ("3", 25), ("4", 5)]) } else { "1" };
        sheet.set(question, difficulty);
    }
    sheet.set_yes("functioning_proxy", !answers && (age < 12 || rng.chance(70)));
}

fn maternity(sheet: &mut Sheet<'_>, rng: &mut Seeded, member: &Member) {
    let may = (18..=42).contains(&member.age) && member.relation <= Relation::Spouse && !member.has_baby;
    let pregnant = may && rng.chance(10);
    sheet.set("pregnant", if pregnant { "yes" } else { "no" });
    if pregnant {
        let months = rng.between(2..=9);
        sheet.set("pregnancy_months", months);
        sheet.set_yes("prenatal_visit", months > 3 && rng.chance(80));
    }
    sheet.set_yes("breastfeeding", member.has_baby && rng.chance(85));
}

fn small_child(sheet: &mut Sheet<'_>, rng: &mut Seeded) {
    sheet.set("weighed_recently", rng.weighted(&[("yes", 45), ("no", 50), ("dk", 5)]));
    let diarrhoea = rng.chance(20);
    sheet.set("diarrhoea", if diarrhoea { "yes" } else { "no" });
    if diarrhoea {
        sheet.set("oral_rehydration", rng.weighted(&[("yes", 55), ("no", 42), ("dk", 3)]));
    }
}
