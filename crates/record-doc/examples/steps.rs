//! How long each step of a merge takes, in microseconds.
//!
//! ```text
//! cargo run --release -p record-doc --example steps
//! ```

use std::hint::black_box;
use std::time::Duration;

use record_doc::{ActorBytes, ForeignChange, GuardOptions, RecordDoc, derive_actor, merge_change};
use record_model::{Answers, EpochId, RecordId, Value};

const RECORD: RecordId = RecordId::from_bytes([9; 16]);
const ROUNDS: usize = 9;
const CALLS: u32 = 200;

fn actor(seat: u8) -> ActorBytes {
    derive_actor(&[seat; 32], EpochId::from_bytes([0; 8]), RECORD, 0)
}

/// 100 answers and 5 members of 8 answers each.
fn household() -> Answers {
    let mut given: Answers = (0..100)
        .map(|index| {
            let value = match index % 5 {
                0 => Value::from(index % 3 == 0),
                1 => Value::from(index * 7),
                _ => Value::from(format!("answer {}", index * 37 % 41)),
            };
            (format!("question_{index}").parse().expect("a path"), value)
        })
        .collect();
    for member in 'A'..'F' {
        for leaf in ["@order", "@person", "given_name", "family_name", "birth_date", "sex", "relation", "age"]
        {
            let path = format!("roster/{member}AAAAAAAAAAAC/{leaf}");
            given.insert(path.parse().expect("a path"), Value::from(format!("{leaf} {member}")));
        }
    }
    given
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn timed<T>(work: &mut impl FnMut() -> T) -> Duration {
    let begin = std::time::Instant::now();
    for _ in 0..CALLS {
        black_box(work());
    }
    begin.elapsed()
}

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
    let mut rounds: Vec<f64> =
        (0..ROUNDS).map(|_| timed(&mut work).as_secs_f64() * 1e6 / f64::from(CALLS)).collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<44} median {:8.1} us   least {:8.1} us", rounds[ROUNDS / 2], rounds[0]);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut ann = RecordDoc::new();
    let create = ann.write(actor(1), [1; 16], &household())?.ok_or("a create writes")?;
    let created = ann.save();
    let one = [("question_2".parse()?, Value::from("other"))].into();
    let edit = ann.write(actor(1), [2; 16], &one)?.ok_or("an edit writes")?;

    let foreign_create = ForeignChange { bytes: &create.bytes, actor: actor(1) };
    let foreign_edit = ForeignChange { bytes: &edit.bytes, actor: actor(1) };
    let opened = RecordDoc::load(&created)?;
    let unchecked = GuardOptions { reload_check: false, ..GuardOptions::default() };
    let unguarded = GuardOptions { rules: false, reload_check: false };

    measure("clone an open record", || opened.clone());
    measure("load", || RecordDoc::load(&created));
    measure("view", || opened.view());
    let view = opened.view();
    measure("findings, none there", || opened.findings(&view, RECORD, 0));
    measure("edit: apply to a copy", || opened.clone().merge_with(&foreign_edit, unguarded));
    measure("edit: rules + apply", || opened.clone().merge_with(&foreign_edit, unchecked));
    measure("edit: rules + apply + save + reload", || opened.clone().merge(&foreign_edit));
    measure("edit: server, load to state", || merge_change(Some(&created), &foreign_edit));
    measure("edit: server, load to state and view", || {
        let mut record = RecordDoc::load(&created).ok()?;
        record.merge(&foreign_edit);
        Some((record.view(), record.save()))
    });
    measure("create: apply to a copy", || RecordDoc::new().merge_with(&foreign_create, unguarded));
    measure("create: rules + apply", || RecordDoc::new().merge_with(&foreign_create, unchecked));
    measure("create: server, nothing to state", || merge_change(None, &foreign_create));
    measure("create: server, nothing to state and view", || {
        let mut record = RecordDoc::new();
        record.merge(&foreign_create);
        (record.view(), record.save())
    });
    measure("write one answer", || opened.clone().write(actor(1), [2; 16], &one));
    measure("write a household", || RecordDoc::new().write(actor(1), [2; 16], &household()));
    Ok(())
}
