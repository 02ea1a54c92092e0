//! What a person does with one laptop, and two laptops with one registry.

mod support;

use collector_core::*;
use record_model::*;
use registry_store::RegistryStoreExt;
use support::*;

#[test]
fn an_answer_survives_locking_without_any_delta() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.household();
    laptop.reopen();
    let open = laptop.collector().evaluate(record).unwrap();
    assert_eq!(open.answers["phone"], Value::from("3412 0000"));
    let status = laptop.collector().status().unwrap();
    assert_eq!(status.deltas.to_send.deltas, 0);
    assert!(status.journalled_answers > 4);
    assert!(status.oldest_unsent_age_ms.is_some());
}

#[test]
fn a_finished_interview_reaches_the_registry_and_both_hold_the_same() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.household();
    let done = laptop.collector().finalise(record).unwrap();
    assert_eq!(done.number.parse::<RegistrationNumber>().unwrap().to_string(), done.number);
    assert_eq!((done.area.as_str(), done.area_is_certified), ("HT0111", true));
    let report = laptop.sync().unwrap();
    assert_eq!((report.cut, report.delivered), (0, 1));

    let row = world.registry.record(record).unwrap();
    assert_eq!(row.registration_number.as_deref(), Some(done.number.as_str()));
    assert_eq!(world.registry.records_hash(None).unwrap(), laptop.hash());
    let status = laptop.collector().status().unwrap();
    assert_eq!(status.deltas.to_send.deltas, 0);
    // The registry's word on it comes with the next sync.
    laptop.sync().unwrap();
    let outcomes = laptop.collector().status().unwrap().deltas.outcomes;
    assert!(outcomes.iter().all(|(code, ..)| *code == OutcomeCode::Merged) && !outcomes.is_empty());
    let shown = laptop.collector().show(record).unwrap();
    assert_eq!(shown.summary.status, RecordStatus::Finalised);
    assert_eq!(shown.summary.title, "Tel 3412 0000");
    assert_eq!(shown.answers["roof"][0].by.as_ref().unwrap().person.as_deref(), Some("Ana"));
}

#[test]
fn a_laptop_enrolled_late_reads_the_records_of_others_as_they_do() {
    let world = World::new();
    let mut early = world.laptop("Ana");
    let record = early.household();
    early.set(record, "rooms", "12");
    early.collector().finalise(record).unwrap();
    early.sync().unwrap();

    // Its first sync brings the form and the record made under it at once.
    let mut late = world.laptop("Bea");
    let summary = late.collector().show(record).unwrap().summary;
    assert_eq!(summary.title, "Tel 3412 0000");
    assert_eq!(summary.open_items, 1);
    let found = late.collector().list(&RecordFilter::default()).unwrap();
    assert_eq!((found[0].title.as_str(), found[0].open_items), ("Tel 3412 0000", 1));
    assert_eq!(late.hash(), early.hash());
}

#[test]
fn an_interview_paused_before_the_commune_is_known_still_reaches_the_registry() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let visit = Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 };
    for first in ["HT01", "HT0112"] {
        // The department around the seat's commune, or a commune that is not the seat's, and a pause: it is sent.
        let record = laptop.collector().start(&lineage(), None, Some(visit)).unwrap();
        laptop.set(record, "commune", first);
        laptop.sync().unwrap();
        laptop.set(record, "commune", "HT0111");
        let head = laptop.collector().add_instance(record, "roster", None).unwrap();
        laptop.set(record, &format!("roster/{head}/given_name"), "Marie-Ange");
        laptop.set(record, &format!("roster/{head}/relationship"), "01");
        laptop.collector().finalise(record).unwrap();
        laptop.sync().unwrap();
        assert_eq!(world.registry.record(record).unwrap().area.as_str(), "HT0111");
    }
    assert!(world.registry.set_aside(10).unwrap().is_empty());
    assert_eq!(world.registry.records_hash(None).unwrap(), laptop.hash());
}

#[test]
fn a_refusal_sends_no_name_that_was_typed_before_it() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let typed = laptop.household();
    laptop.set(typed, "result", "refused");
    laptop.collector().finalise(typed).unwrap();
    // The same after a pause, which has signed the names already: they are cleared.
    let paused = laptop.household();
    laptop.collector().pause(paused).unwrap();
    laptop.set(paused, "result", "refused");
    laptop.collector().finalise(paused).unwrap();
    laptop.sync().unwrap();

    for record in [typed, paused] {
        let doc = record_doc::RecordDoc::load(&world.registry.record(record).unwrap().state).unwrap();
        let shown = doc.view().shown();
        let names = shown.keys().filter(|path| path.marker().is_none() && path.as_str() != "end");
        let names: Vec<&str> = names.map(AnswerPath::as_str).collect();
        assert_eq!(names, ["commune", "result", "roof", "start"]);
    }
    // Never signed, so nowhere in the log.
    let entries = world.registry.store().read(|tx| tx.log_of_record(typed)).unwrap();
    let holds_name = |bytes: &[u8]| bytes.windows(10).any(|window| window == b"Marie-Ange");
    assert!(entries.iter().all(|entry| !holds_name(&entry.delta.encode())));
}

#[test]
fn a_refusal_at_a_later_visit_leaves_what_was_declared_before() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.finalised();
    let visit = Visit { at: Instant::from_unix_ms(NOW + 86_400_000), utc_offset_minutes: -300 };
    laptop.collector().visit(record, visit).unwrap();
    laptop.set(record, "result", "refused");
    laptop.collector().finalise(record).unwrap();
    assert!(laptop.collector().show(record).unwrap().answers.contains_key("phone"));
}

#[test]
fn nothing_new_costs_one_request_under_a_kibibyte() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.finalised();
    laptop.sync().unwrap();
    laptop.sync().unwrap();
    let report = laptop.sync().unwrap();
    assert_eq!(report.traffic.requests, 1);
    assert!(report.traffic.bytes_up + report.traffic.bytes_down < 1024, "{report:?}");
}

#[test]
fn what_blocks_keeps_the_interview_open_and_is_listed() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.household();
    let second = laptop.collector().add_instance(record, "roster", None).unwrap();
    laptop.set(record, &format!("roster/{second}/relationship"), "01");
    let refused = laptop.collector().finalise(record).unwrap_err();
    let CollectorError::Blocked { violations } = &refused else { panic!("{refused}") };
    assert_eq!(violations.iter().map(|v| v.id.as_str()).collect::<Vec<_>>(), ["V01"]);
    assert_eq!(laptop.collector().status().unwrap().deltas.to_send.deltas, 0);

    let prefix = format!("roster/{second}");
    let reasonless = laptop.collector().remove_instance(record, &prefix, " ");
    assert!(matches!(reasonless, Err(CollectorError::ReasonMissing)));
    laptop.collector().remove_instance(record, &prefix, "counted twice").unwrap();
    let first = laptop.collector().finalise(record).unwrap();
    // A correction keeps the number.
    laptop.set(record, "roof", "tile");
    assert_eq!(laptop.collector().finalise(record).unwrap().number, first.number);
    // Saying it again without a new answer is a statement of its own.
    assert_eq!(laptop.collector().finalise(record).unwrap().number, first.number);
    assert_eq!(laptop.sync().unwrap().delivered, 3);
    assert_eq!(world.registry.records_hash(None).unwrap(), laptop.hash());
}

#[test]
fn an_answer_is_checked_as_it_is_given() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.household();
    let set = |laptop: &mut Laptop, path: &str, typed: &str| {
        laptop.collector().set(record, &path.parse().unwrap(), typed)
    };
    assert!(matches!(set(&mut laptop, "rooms", "three"), Err(CollectorError::Answer { .. })));
    assert!(matches!(set(&mut laptop, "roof", "gold"), Err(CollectorError::Answer { .. })));
    assert!(matches!(set(&mut laptop, "nothing", "1"), Err(CollectorError::NotInForm { .. })));
    assert!(matches!(set(&mut laptop, "given_name", "x"), Err(CollectorError::NotInForm { .. })));
    assert!(matches!(set(&mut laptop, "head_count", "1"), Err(CollectorError::NotForPeople { .. })));
    assert!(matches!(set(&mut laptop, "@number", "1"), Err(CollectorError::NotForPeople { .. })));

    set(&mut laptop, "assets", "radio bed").unwrap();
    let writes = set(&mut laptop, "assets", "bed").unwrap();
    assert_eq!(writes["assets#radio"], Value::Null);
    let open = laptop.collector().evaluate(record).unwrap();
    assert_eq!(open.answers["assets#bed"], Value::Bool(true));
    set(&mut laptop, "roof", "").unwrap();
    assert!(!laptop.collector().evaluate(record).unwrap().answers.contains_key("roof"));
}

#[test]
fn members_keep_their_order_and_have_an_id_of_their_own() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.household();
    let more: Vec<InstanceId> =
        (0..40).map(|_| laptop.collector().add_instance(record, "roster", None).unwrap()).collect();
    let open = laptop.collector().evaluate(record).unwrap();
    assert_eq!(open.evaluation.instances("roster")[1..], more);
    let people: std::collections::BTreeSet<_> = open
        .answers
        .iter()
        .filter(|(path, _)| path.marker() == Some(Marker::Person))
        .map(|(_, id)| id)
        .collect();
    assert_eq!(people.len(), 41);
}

#[test]
fn two_answers_made_without_sight_of_each_other_are_shown_as_such_until_somebody_decides() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let record = ana.finalised();
    ana.sync().unwrap();
    bo.sync().unwrap();
    assert_eq!(bo.hash(), ana.hash());

    ana.set(record, "roof", "tile");
    ana.collector().finalise(record).unwrap();
    bo.set(record, "roof", "thatch");
    bo.collector().pause(record).unwrap();
    ana.sync().unwrap();
    bo.sync().unwrap();
    ana.sync().unwrap();
    assert_eq!((ana.hash(), world.registry.records_hash(None).unwrap()), (bo.hash(), bo.hash()));

    let found = ana.collector().findings(record).unwrap();
    assert_eq!(found, bo.collector().findings(record).unwrap());
    assert_eq!(
        found.iter().map(|f| (f.kind, f.subject.as_str())).collect::<Vec<_>>(),
        [(FindingKind::Conflict, "roof")]
    );
    assert_eq!(world.items().iter().map(|item| item.id).collect::<Vec<_>>(), [found[0].id]);
    assert_eq!(ana.collector().status().unwrap().records_with_open_items, 1);
    let values = &ana.collector().show(record).unwrap().answers["roof"];
    let by: std::collections::BTreeSet<_> =
        values.iter().map(|value| value.by.as_ref().unwrap().person.clone().unwrap()).collect();
    assert_eq!(by, ["Ana".to_owned(), "Bo".to_owned()].into());

    world
        .registry
        .decide(registry_core::DecideRequest {
            item: found[0].id,
            resolution: registry_core::Resolution::Choose(1),
            reason: "telephone".to_owned(),
            account: "supervisor".to_owned(),
        })
        .unwrap();
    world.registry.merge_all().unwrap();
    ana.sync().unwrap();
    bo.sync().unwrap();
    assert_eq!(ana.collector().findings(record).unwrap(), []);
    assert_eq!((ana.hash(), world.registry.records_hash(None).unwrap()), (bo.hash(), bo.hash()));
    let history = bo.collector().history(record).unwrap();
    assert!(history.iter().any(
        |entry| matches!(&entry.event, HistoryEvent::Decided { account, .. } if account == "supervisor")
    ));
    let mine = history.iter().find(|entry| entry.by.person.as_deref() == Some("Bo")).unwrap();
    let HistoryEvent::Change { answers, .. } = &mine.event else { panic!("{mine:?}") };
    assert_eq!(answers[..], [("roof".parse().unwrap(), Value::from("tin"), Value::from("thatch"))]);
}

#[test]
fn each_edit_was_valid_and_their_merge_is_not() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let visit = Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 };
    let record = ana.collector().start(&lineage(), None, Some(visit)).unwrap();
    ana.set(record, "commune", "HT0111");
    ana.collector().finalise(record).unwrap();
    ana.sync().unwrap();
    bo.sync().unwrap();
    for laptop in [&mut ana, &mut bo] {
        let head = laptop.collector().add_instance(record, "roster", None).unwrap();
        laptop.set(record, &format!("roster/{head}/relationship"), "01");
        laptop.collector().finalise(record).unwrap();
        laptop.sync().unwrap();
    }
    ana.sync().unwrap();
    let found = ana.collector().findings(record).unwrap();
    assert_eq!(
        found.iter().map(|f| (f.kind, f.subject.as_str())).collect::<Vec<_>>(),
        [(FindingKind::RuleBreak, "V01")]
    );
    assert_eq!(found, bo.collector().findings(record).unwrap());
    assert_eq!(world.items().iter().map(|item| item.id).collect::<Vec<_>>(), [found[0].id]);
}

#[test]
fn a_withdrawn_record_says_why_and_takes_no_answers() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let record = ana.finalised();
    ana.collector().withdraw(record, "entered twice").unwrap();
    let refused = ana.collector().set(record, &"roof".parse().unwrap(), "tile");
    assert!(matches!(refused, Err(CollectorError::Withdrawn { .. })));
    ana.sync().unwrap();
    bo.sync().unwrap();
    assert_eq!(bo.collector().show(record).unwrap().summary.status, RecordStatus::Withdrawn);
    let history = bo.collector().history(record).unwrap();
    assert!(
        matches!(&history.last().unwrap().event, HistoryEvent::Withdrawn { reason } if reason == "entered twice")
    );
}

#[test]
fn two_people_share_a_laptop_and_each_signs_their_own() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.finalised();
    let code = world.invite("HT0112");
    let enrolment = Enrolment {
        code: &code,
        person: "Jean",
        device: "Laptop",
        passphrase: "lekol la louvri",
        kdf: KdfParams::WEAK_FOR_TESTS,
    };
    let mut road = world.road();
    road.faults = [Mishap::AnswerLost].into();
    assert!(laptop.collector().add_person(&enrolment, &mut road).unwrap_err().is_retryable());
    let seat = laptop.collector().add_person(&enrolment, &mut road).unwrap();
    laptop.open = None;
    assert_eq!(Collector::people(&laptop.home).unwrap(), ["Ana", "Jean"]);

    let mut jean = Collector::unlock(&laptop.home, "jean", "lekol la louvri", laptop.ports()).unwrap();
    assert_eq!(jean.who_am_i().seat, seat);
    let record = jean.start(&lineage(), None, None).unwrap();
    jean.set(record, &"commune".parse().unwrap(), "HT0112").unwrap();
    jean.finalise(record).unwrap();
    // Jean's sync carries Ana's work too.
    let report = jean.sync(&mut road, &mut |_| {}).unwrap();
    assert_eq!(report.delivered, 3, "Ana's record, Jean's epoch and Jean's record");
    assert_eq!(world.registry.records_hash(None).unwrap().0, 2);
    assert!(Collector::unlock(&laptop.home, "Jean", PASSPHRASE, laptop.ports()).is_err());
}

#[test]
fn a_restored_backup_goes_on_in_a_new_epoch_and_makes_no_fork() {
    let world = World::new();
    let mut ana = world.laptop("Ana");
    ana.finalised();
    ana.sync().unwrap();
    let copy = ana.collector().backup(&world.folder.path().join("usb")).unwrap();
    // Work that the backup does not have.
    ana.finalised();
    ana.sync().unwrap();

    let mut restored = Laptop { home: copy, ..world.laptop("Zed") };
    restored.person = "Ana".to_owned();
    restored.dice = Dice::new(99);
    restored.clock.0.fetch_add(3_600_000, std::sync::atomic::Ordering::Relaxed);
    restored.reopen();
    assert!(restored.collector().status().unwrap().epoch_needed);
    restored.finalised();
    restored.sync().unwrap();
    assert!(!restored.collector().status().unwrap().epoch_needed);
    assert_eq!(restored.hash(), world.registry.records_hash(None).unwrap());
    assert_eq!(restored.hash().0, 3, "what the backup lacked was pulled back");
    assert_eq!(world.items().len(), 0);
    assert!(world.registry.set_aside(10).unwrap().is_empty());
    assert!(restored.collector().doctor().unwrap().is_sound());
}

#[test]
fn a_clock_that_went_back_is_doubted_and_blocks_nothing() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    assert_eq!(laptop.collector().clock_check().unwrap(), None);
    laptop.clock.0.store(1_262_304_000_000, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(laptop.collector().clock_check().unwrap(), Some(ClockDoubt::WentBack { .. })));
    laptop.finalised();
    laptop.sync().unwrap();
    assert_eq!(world.registry.records_hash(None).unwrap(), laptop.hash());
    laptop.collector().confirm_clock().unwrap();
    assert_eq!(laptop.collector().clock_check().unwrap(), None);
}

#[test]
fn many_households_at_once_are_the_same_as_one_by_one() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let good: Answers = [
        ("commune".parse().unwrap(), Value::from("HT0111")),
        ("roof".parse().unwrap(), Value::from("tin")),
        ("rooms".parse().unwrap(), Value::Int(3)),
    ]
    .into();
    let mut bad = good.clone();
    bad.insert("rooms".parse().unwrap(), Value::Int(30));
    let mut households = vec![good; 120];
    households[7] = bad;
    let options = ImportOptions {
        visit: Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 },
        finalise: true,
        per_transaction: 50.try_into().unwrap(),
        threads: 2.try_into().unwrap(),
    };
    let report = laptop.collector().import_answers(&lineage(), households, options).unwrap();
    assert_eq!(report.records.len(), 119);
    assert_eq!(report.blocked.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [7]);
    assert_eq!(laptop.sync().unwrap().delivered, 119);
    assert_eq!(world.registry.records_hash(None).unwrap(), laptop.hash());
    let listed = laptop
        .collector()
        .list(&RecordFilter { status: Some(RecordStatus::Finalised), ..RecordFilter::default() })
        .unwrap();
    assert_eq!(listed.len(), 119);
    let number = listed[0].number.clone().unwrap();
    assert_eq!(laptop.collector().find(&number.to_lowercase()).unwrap(), listed[0].record);
}

#[test]
fn a_record_is_read_under_the_form_published_last() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let record = ana.finalised();
    ana.sync().unwrap();
    let second = world.publish("2");
    bo.sync().unwrap();
    bo.set(record, "phone", "2813 0000");
    bo.collector().finalise(record).unwrap();
    bo.sync().unwrap();
    ana.sync().unwrap();
    assert_eq!(ana.collector().show(record).unwrap().revision, Some(second));
    assert_eq!(world.registry.record(record).unwrap().revision, second);
    let forms = ana.collector().forms().unwrap();
    assert_eq!(forms.iter().map(|form| form.newest).collect::<Vec<_>>(), [false, true]);
}
