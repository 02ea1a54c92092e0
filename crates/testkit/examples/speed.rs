//! How many households a second: `cargo run --release -p testkit --example speed`.

use std::time::Instant as Stopwatch;

use record_model::{Instant, Visit};
use testkit::edits::random_edit;
use testkit::households::{Generator, members};
use testkit::pack::haiti_form;

const HOUSEHOLDS: usize = 10_000;

#[expect(clippy::disallowed_methods, reason = "it measures")]
#[expect(clippy::print_stdout, reason = "it reports")]
fn main() {
    let form = haiti_form();
    let visit = Visit { at: Instant::from_unix_ms(1_795_359_600_000), utc_offset_minutes: -300 };
    let mut generator = Generator::new(1, "HT0111");

    let started = Stopwatch::now();
    let households: Vec<_> = (0..HOUSEHOLDS).map(|_| generator.next_household(&form, visit)).collect();
    let made = started.elapsed();

    let started = Stopwatch::now();
    let edits =
        households.iter().zip(0..).map(|(household, seed)| random_edit(seed, &form, household, visit));
    let written: usize = edits.map(|writes| writes.len()).sum();
    let edited = started.elapsed();

    let answers: usize = households.iter().map(|household| household.len()).sum();
    let people: usize = households.iter().map(|household| members(household).len()).sum();
    let rate = |seconds: f64| HOUSEHOLDS as f64 / seconds;
    println!(
        "{HOUSEHOLDS} households, {people} members, {answers} answers: {:.0} households/s",
        rate(made.as_secs_f64())
    );
    println!("{written} edits: {:.0} edits/s", rate(edited.as_secs_f64()));
}
