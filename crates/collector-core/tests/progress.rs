//! Each record says where it is on its way to the registry.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use collector_core::*;
use record_model::*;
use support::*;

fn progress(laptop: &mut Laptop, record: RecordId) -> RecordProgress {
    let listed = laptop.collector().list(&RecordFilter::default()).unwrap();
    let listed = listed.into_iter().find(|summary| summary.record == record).unwrap();
    assert_eq!(laptop.collector().show(record).unwrap().summary.progress, listed.progress);
    listed.progress
}

#[test]
fn a_record_is_followed_from_the_first_answer_to_the_registry() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    ana.road.merge_on_push = false;
    let record = ana.household();
    assert_eq!(progress(&mut ana, record), RecordProgress::InProgress);
    ana.collector().finalise(record).unwrap();
    assert!(matches!(progress(&mut ana, record), RecordProgress::ToSend { .. }));
    assert!(ana.collector().oldest_unsent_age_ms().unwrap().is_some());
    ana.sync().unwrap();
    assert_eq!(progress(&mut ana, record), RecordProgress::Sent);
    assert_eq!(ana.collector().oldest_unsent_age_ms().unwrap(), None);
    world.registry.merge_all().unwrap();
    ana.sync().unwrap();
    assert_eq!(progress(&mut ana, record), RecordProgress::Merged);
    bo.sync().unwrap();
    assert_eq!(progress(&mut bo, record), RecordProgress::Received);

    // Two answers without sight of each other.
    for (laptop, roof) in [(&mut ana, "tile"), (&mut bo, "thatch")] {
        laptop.set(record, "roof", roof);
        laptop.collector().finalise(record).unwrap();
    }
    ana.sync().unwrap();
    bo.sync().unwrap();
    ana.sync().unwrap();
    assert_eq!(progress(&mut ana, record), RecordProgress::InReview);
}

#[test]
fn what_the_server_set_aside_says_why() {
    let world = World::new();
    let mut ana = world.laptop("Ana");
    let record = ana.collector().start(&lineage(), None, None).unwrap();
    ana.set(record, "commune", "HT0112");
    ana.set(record, "roof", "tin");
    ana.collector().finalise(record).unwrap();
    ana.sync().unwrap();
    ana.sync().unwrap();
    let reason = Some(ReasonCode::AreaOutsideCertificate);
    assert_eq!(progress(&mut ana, record), RecordProgress::SetAside { reason });
}
