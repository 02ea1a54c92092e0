//! How long a household takes: 120 questions, 5 members of 40 questions each. With `LAKOU_VECTORS` set, real
//! questionnaires too. `cargo bench -p form-engine`.
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]
#![expect(clippy::disallowed_methods, reason = "a bench reads a clock")]

use std::hint::black_box;
use std::time::Instant;

use form_engine::{CompiledForm, Workbook, evaluate};
use record_model::{Answers, Instant as At, Value, Visit};

fn visit() -> Visit {
    Visit { at: At::from_unix_ms(1_795_320_600_000), utc_offset_minutes: -300 }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Half conditions, a sixth constraints and calculations, as real questionnaires have them.
fn question(survey: &mut Vec<Vec<String>>, prefix: &str, at: usize) {
    let name = format!("{prefix}{at}");
    let before = format!("{prefix}{}", at.saturating_sub(3));
    let relevant = if at > 6 && at.is_multiple_of(2) {
        format!("selected(${{{before}}}, 'yes') or ${{{before}}} = 'no'")
    } else {
        String::new()
    };
    match at % 6 {
        0 => survey.push(row(&["integer", &name, "Q", "", ". >= 0 and . <= 120", "", "", "yes"])),
        1 | 2 => survey.push(row(&["select_one yn", &name, "Q", &relevant, "", "", "", "yes"])),
        3 => survey.push(row(&["text", &name, "Q", &relevant, "", "", "", ""])),
        4 => survey.push(row(&[
            "select_multiple goods",
            &name,
            "Q",
            "",
            "not(selected(., 'none') and count-selected(.) > 1)",
            "",
            "",
            "",
        ])),
        _ => {
            let source = format!("{prefix}{}", at - 5);
            survey.push(row(&[
                "calculate",
                &name,
                "",
                "",
                "",
                &format!("if(${{{source}}} > 17, 1, 0)"),
                "",
                "",
            ]));
        }
    }
}

fn household() -> (CompiledForm, Answers) {
    let mut survey = vec![row(&[
        "type",
        "name",
        "label",
        "relevant",
        "constraint",
        "calculation",
        "choice_filter",
        "required",
    ])];
    survey.push(row(&["select_one dept", "dept", "D", "", "", "", "", "yes"]));
    survey.push(row(&["select_one section", "section", "S", "", "", "", "dept = ${dept}", "yes"]));
    for at in 0..118 {
        question(&mut survey, "q", at);
    }
    survey.push(row(&["begin repeat", "roster", "Member"]));
    for at in 0..40 {
        question(&mut survey, "m", at);
    }
    survey.push(row(&["end repeat", ""]));
    survey.push(row(&["calculate", "adults", "", "", "", "sum(${m5})"]));
    survey.push(row(&["calculate", "size", "", "", "", "count(${roster})"]));
    let mut choices = vec![row(&["list_name", "name", "label", "dept"])];
    for code in ["yes", "no"] {
        choices.push(row(&["yn", code, code]));
    }
    for code in ["radio", "phone", "car", "none"] {
        choices.push(row(&["goods", code, code]));
    }
    for dept in 0..10 {
        choices.push(row(&["dept", &format!("HT{dept:02}"), "D"]));
        for section in 0..57 {
            let dept = format!("HT{dept:02}");
            choices.push(row(&["section", &format!("{dept}-{section:02}"), "S", &dept]));
        }
    }
    let mut rules = vec![row(&["id", "level", "expression"])];
    for (id, expression) in [
        ("V01", "count(${roster}[m1 = 'yes']) <= 5"),
        ("V02", "${adults} <= ${size}"),
        ("V03", "not(${m0} > 120)"),
    ] {
        rules.push(row(&[id, "block", expression]));
    }
    let workbook = Workbook::from_sheets([
        ("survey".to_owned(), survey),
        ("choices".to_owned(), choices),
        ("rules".to_owned(), rules),
    ]);
    let form = match CompiledForm::compile(&workbook) {
        Ok((form, _)) => form,
        Err(found) => panic!("{found}"),
    };
    (form, household_answers())
}

fn household_answers() -> Answers {
    let mut answers = Answers::new();
    let mut put = |path: String, value: Value| {
        answers.insert(path.parse().expect("a path"), value);
    };
    put("dept".into(), "HT03".into());
    put("section".into(), "HT03-21".into());
    let mut fill = |around: &str, prefix: &str, count: usize| {
        for at in 0..count {
            let path = format!("{around}{prefix}{at}");
            match at % 6 {
                0 => put(path, Value::Int(34)),
                1 | 2 => put(path, "yes".into()),
                3 => put(path, "Marie-Ange Pierre".into()),
                4 => {
                    put(format!("{path}#"), true.into());
                    put(format!("{path}#radio"), true.into());
                }
                _ => {}
            }
        }
    };
    fill("", "q", 118);
    for member in 0..5_u8 {
        let id = record_model::InstanceId::from_bytes([member; 8]);
        fill(&format!("roster/{id}/"), "m", 40);
    }
    answers
}

fn time<T>(what: &str, times: u32, mut run: impl FnMut() -> T) {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..times {
            black_box(run());
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
    }
    println!("{what}: {best:.1} µs");
}

fn main() {
    let (form, answers) = household();
    println!("household: {} answers", answers.len());
    assert_eq!(evaluate(&form, &answers, visit()).violations(), []);
    time("evaluate", 500, || evaluate(&form, &answers, visit()));
    let found = evaluate(&form, &answers, visit());
    time("export", 500, || found.export());
    time("export_hash", 500, || found.export_hash());
    time("evaluate + nodes", 500, || evaluate(&form, &answers, visit()).nodes().len());
    let Some(folder) = std::env::var_os("LAKOU_VECTORS") else {
        println!("skipped: real questionnaires (LAKOU_VECTORS is not set)");
        return;
    };
    let file = std::path::Path::new(&folder).join("forms/forms/impact-idem_form_c.xlsx");
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    time("impact-idem_form_c: read", 3, || Workbook::read_xlsx(&bytes));
    let Ok(workbook) = Workbook::read_xlsx(&bytes) else { panic!("form_c does not read") };
    time("impact-idem_form_c: compile", 3, || CompiledForm::compile(&workbook));
}
