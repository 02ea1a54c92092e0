//! Writes synthetic households as JSON lines, one object of answer path to value each, as `collector interview
//! household --answers` reads them. Nobody in them is real.
//!
//! `synthetic-households COUNT [COMMUNE] [SEED]`
//!
//! With `--demo` first: one JSON object with the households and the second visits that clash, for `cargo xtask demo`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a filter talks to its pipe")]

use std::process::ExitCode;

use form_engine::CompiledForm;
use record_model::{Answers, Instant, Visit};
use serde_json::{Value, json};
use testkit::edits::{Clash, different_fields, removed_and_edited, same_field, second_head};
use testkit::households::Generator;
use tests::sheet::{sheet, writes};

/// Now, in Haiti: ages must fit the day on which the households are recorded.
#[expect(clippy::disallowed_methods, reason = "a tool that makes up today's visits reads the clock once")]
fn visit_now() -> Visit {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Visit { at: Instant::from_unix_ms(since.as_millis() as i64), utc_offset_minutes: -300 }
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let demo = arguments.first().is_some_and(|first| first == "--demo");
    if demo {
        arguments.remove(0);
    }
    let count = arguments.first().and_then(|count| count.parse::<usize>().ok());
    let commune = arguments.get(1).cloned().unwrap_or_else(|| "HT0111".to_owned());
    let seed = arguments.get(2).map_or(Some(1), |seed| seed.parse::<u64>().ok());
    let (Some(count), Some(seed)) = (count, seed) else {
        eprintln!("usage: synthetic-households [--demo] COUNT [COMMUNE] [SEED]");
        return ExitCode::from(2);
    };
    let form = testkit::pack::haiti_form();
    let visit = visit_now();
    let mut generator = Generator::new(seed, &commune);
    let households = (0..count).map(|_| generator.next_household(&form, visit));
    if demo {
        let households: Vec<Answers> = households.collect();
        println!("{}", script(&form, &households, visit));
    } else {
        households.for_each(|household| println!("{}", sheet(&household)));
    }
    ExitCode::SUCCESS
}

/// A way two visits can clash, or none for a household that has not what it takes.
type Clashing = fn(&CompiledForm, &Answers, Visit) -> Option<Clash>;

/// The households, and the second visits of those that lend themselves: each kind of clash once, two of the first.
fn script(form: &CompiledForm, households: &[Answers], visit: Visit) -> Value {
    let kinds: [(&str, Clashing); 5] = [
        ("deux questions différentes", different_fields),
        ("deux questions différentes", different_fields),
        ("la même question, deux réponses", same_field),
        ("chacun désigne un autre chef de ménage", second_head),
        ("un membre retiré par l'un, corrigé par l'autre", removed_and_edited),
    ];
    let mut taken = Vec::new();
    let mut visits = Vec::new();
    for (title, clash) in kinds {
        let found = households.iter().enumerate().find_map(|(index, answers)| {
            let clash = (!taken.contains(&index)).then(|| clash(form, answers, visit)).flatten()?;
            Some((index, clash))
        });
        if let Some((index, Clash { left, right })) = found {
            taken.push(index);
            visits.push(json!({"title": title, "household": index, "a": writes(&left, &households[index]), "b": writes(&right, &households[index])}));
        }
    }
    json!({"households": households.iter().map(sheet).collect::<Vec<_>>(), "visits": visits})
}
