//! Measurements, run by hand: `cargo test --release -p collector-core --test volume -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "a failed step of a measurement is no measurement")]

mod support;

use collector_core::*;
use record_model::*;
use support::*;

/// Twenty answers about the household and sixteen about each of five members.
fn household(n: u64) -> Answers {
    let mut answers: Answers = [
        ("commune".parse().unwrap(), Value::from("HT0111")),
        ("roof".parse().unwrap(), Value::from("tin")),
        ("rooms".parse().unwrap(), Value::Int(3)),
    ]
    .into();
    for at in 0..17 {
        let path = format!("detail_{at}").parse().unwrap();
        answers.insert(path, Value::Text(format!("answer {at} of {n}")));
    }
    for member in 0..5_u64 {
        let instance = InstanceId::from_bytes((n * 5 + member).to_be_bytes());
        let mut put = |leaf: &str, value: Value| {
            answers.insert(AnswerPath::in_repeat("roster", instance, leaf).unwrap(), value);
        };
        put("@order", format!("a{member}").into());
        put("given_name", format!("Name {member} of {n}").into());
        put("relationship", if member == 0 { "01" } else { "02" }.into());
        for at in 0..13 {
            put(&format!("member_{at}"), Value::Int((n % 7) as i64 + at));
        }
    }
    answers
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads a clock")]
fn ten_thousand_households() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let households: Vec<Answers> = (0..10_000).map(household).collect();
    let options = ImportOptions {
        visit: Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 },
        finalise: true,
        per_transaction: 500.try_into().unwrap(),
        threads: 2.try_into().unwrap(),
    };
    let start = std::time::Instant::now();
    let report = laptop.collector().import_answers(&lineage(), households, options).unwrap();
    let produced = start.elapsed();
    assert_eq!(report.records.len(), 10_000);
    let start = std::time::Instant::now();
    let pushed = laptop.collector().push(&mut world_road(&world), &mut |_| {}).unwrap();
    println!(
        "10,000 households: made and signed in {produced:?}; to receipts in {:?}, {} requests, {} KiB up",
        start.elapsed(),
        pushed.traffic.requests,
        pushed.traffic.bytes_up / 1024
    );

    let start = std::time::Instant::now();
    let listed = laptop
        .collector()
        .list(&RecordFilter { search: Some("tel".to_owned()), limit: Some(50), ..RecordFilter::default() })
        .unwrap();
    println!("search: {:?} for {} of 10,000", start.elapsed(), listed.len());
    let start = std::time::Instant::now();
    laptop.collector().status().unwrap();
    println!("status: {:?}", start.elapsed());
    let start = std::time::Instant::now();
    laptop.hash();
    println!("records_hash: {:?}", start.elapsed());
    world.registry.merge_all().unwrap();
    let start = std::time::Instant::now();
    let mut bo = world.laptop("Bo");
    println!("enrolled and pulled by another laptop in {:?}", start.elapsed());
    assert_eq!(bo.hash(), laptop.hash());
}

fn world_road(world: &World) -> Road {
    Road { merge_on_push: false, ..world.road() }
}
