//! Roads that break, servers that are not ours, deltas that are not deltas. Nothing is lost, nothing is doubled.

mod support;

use collector_core::*;
use record_model::*;
use registry_store::RegistryStoreExt;
use support::*;
use sync_protocol::{PullFailure, PulledDelta, PushFailure};

#[test]
fn a_login_page_delivers_nothing() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.finalised();
    laptop.road.faults = [Mishap::Portal].into();
    let failed = laptop.sync().unwrap_err();
    assert!(matches!(failed, CollectorError::Push(PushFailure::NotOurs { status: 200 })), "{failed}");
    assert_eq!(laptop.collector().status().unwrap().deltas.to_send.deltas, 1);
    laptop.road.faults = [Mishap::None, Mishap::Portal].into();
    let failed = laptop.sync().unwrap_err();
    assert!(matches!(failed, CollectorError::Pull(PullFailure::NotOurs { status: 200 })), "{failed}");
    assert_eq!(laptop.collector().status().unwrap().deltas.to_send.deltas, 0);
    laptop.sync().unwrap();
}

#[test]
fn a_lost_receipt_costs_a_resend_and_never_a_second_record() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.finalised();
    laptop.road.faults = [Mishap::AnswerLost].into();
    assert!(laptop.sync().unwrap_err().is_retryable());
    assert_eq!(laptop.collector().status().unwrap().deltas.to_send.deltas, 1);
    let size = world.registry.tree_head().unwrap().size;
    laptop.reopen();
    assert_eq!(laptop.sync().unwrap().delivered, 1);
    assert_eq!(world.registry.tree_head().unwrap().size, size);
    assert_eq!(world.registry.records_hash(None).unwrap(), laptop.hash());
}

#[test]
fn whatever_request_breaks_the_next_syncs_finish_the_work() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    for fault in [Mishap::Broken, Mishap::AnswerLost, Mishap::Portal] {
        for at in 0..3 {
            let record = ana.finalised();
            bo.sync().unwrap();
            for laptop in [&mut ana, &mut bo] {
                laptop.road.faults = std::iter::repeat_n(Mishap::None, at).chain([fault]).collect();
                let _ = laptop.sync();
                laptop.road.faults.clear();
                laptop.sync().unwrap();
            }
            assert!(bo.collector().show(record).is_ok());
            assert_eq!(bo.hash(), ana.hash());
        }
    }
    assert_eq!(world.registry.records_hash(None).unwrap(), ana.hash());
}

#[test]
fn a_lost_enrolment_answer_does_not_use_up_the_invitation() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.home = Home::at(world.folder.path().join("other"));
    let code = world.invite("HT0111");
    laptop.road.faults = [Mishap::AnswerLost].into();
    assert!(laptop.enrol(&code).unwrap_err().is_retryable());
    let unfinished = Collector::unlock(&laptop.home, "Ana", PASSPHRASE, laptop.ports()).unwrap_err();
    assert!(matches!(unfinished, CollectorError::EnrolmentPending), "{unfinished}");
    laptop.enrol(&code).unwrap();
    laptop.sync().unwrap();
    laptop.finalised();
    assert_eq!(laptop.sync().unwrap().delivered, 1);
    assert!(laptop.enrol(&code).is_err(), "enrolled twice");
}

#[test]
fn an_impostor_who_answers_an_enrolment_is_refused() {
    let (world, impostor) = (World::new(), World::new());
    let mut laptop = world.laptop("Ana");
    laptop.home = Home::at(world.folder.path().join("other"));
    let real = world.invite("HT0111");
    let key = signed_delta::SeatKey::from_secret(&[77; 32]).public();
    let forged = InvitationCode::new(real.deployment, key, [1; 16]);
    assert!(matches!(laptop.enrol(&forged), Err(CollectorError::EnrolmentRefused { .. })));
    // The impostor knows a code, and not the registry's key that the invitation names.
    let theirs = impostor.invite("HT0111").render();
    let bytes = data_encoding::BASE32_NOPAD.decode(&theirs.as_bytes()["LAKOU1.".len()..]).unwrap();
    let named = InvitationCode::new(real.deployment, key, bytes[48..].try_into().unwrap());
    laptop.road = impostor.road();
    laptop.home = Home::at(world.folder.path().join("third"));
    let refused = laptop.enrol(&named).unwrap_err();
    assert!(matches!(refused, CollectorError::NotTheRegistry { .. }), "{refused}");
    laptop.road.faults = [Mishap::Portal].into();
    assert!(matches!(laptop.enrol(&named), Err(CollectorError::NotTheRegistry { status: 200 })));
}

#[test]
fn two_copies_of_one_laptop_both_send_all_they_have_and_both_go_on() {
    let world = World::new();
    let mut first = world.laptop("Ana");
    first.finalised();
    first.sync().unwrap();
    first.open = None;
    // A copy of the whole folder, by a disk image say: nothing tells the second that it is one.
    let copy = world.folder.path().join("Copy");
    copy_folder(&world.folder.path().join("Ana"), &copy);
    let mut second = Laptop {
        home: Home::at(copy),
        clock: first.clock.clone(),
        dice: Dice::new(99),
        person: first.person.clone(),
        road: world.road(),
        open: None,
    };
    let first_clock = first.clock.clone();
    first.reopen();
    second.reopen();
    let of_first: Vec<_> = (0..3).map(|_| first.finalised()).collect();
    let of_second: Vec<_> = (0..2).map(|_| second.finalised()).collect();
    // Request counters follow the clock, so the copy's are not taken for replays.
    let hour = || first_clock.0.fetch_add(3_600_000, std::sync::atomic::Ordering::Relaxed);
    for laptop in [&mut first, &mut second] {
        hour();
        laptop.sync().unwrap();
    }
    for laptop in [&mut first, &mut second] {
        assert_eq!(laptop.collector().status().unwrap().deltas.to_send.deltas, 0);
    }
    // Nothing that counts as delivered is missing from the log, whichever branch it is on.
    for record in of_first.iter().chain(&of_second) {
        let entries = world.registry.store().read(|tx| tx.log_of_record(*record)).unwrap();
        assert_eq!(entries.len(), 1, "{record}");
    }
    // The registry's word on the fork makes each go on in an epoch of its own; what comes before that word is kept aside.
    for laptop in [&mut first, &mut second] {
        laptop.finalised();
        for _ in 0..2 {
            hour();
            laptop.sync().unwrap();
        }
        let later = laptop.finalised();
        hour();
        laptop.sync().unwrap();
        assert!(world.registry.record(later).is_ok());
    }
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
}

#[test]
fn a_copy_of_a_laptop_is_shown_what_the_other_copy_wrote_at_the_same_place() {
    let world = World::new();
    let mut first = world.laptop("Ana");
    first.open = None;
    let copy = world.folder.path().join("Copy");
    copy_folder(&world.folder.path().join("Ana"), &copy);
    let clock = Hand(std::sync::Arc::new(std::sync::atomic::AtomicI64::new(NOW + 3_600_000)));
    let (home, dice, person) = (Home::at(copy), Dice::new(99), first.person.clone());
    let mut second = Laptop { home, clock, dice, person, road: world.road(), open: None };
    first.reopen();
    second.reopen();
    // Both write at one place; the second's is merged, the first's comes after it.
    let (set_aside, merged) = (first.finalised(), second.finalised());
    second.sync().unwrap();
    // A push that fails, and a pull all the same: what is not sent yet may not hide what stands at its place.
    first.road.faults = [Mishap::Portal].into();
    first.sync().unwrap_err();
    first.sync().unwrap();
    assert!(world.registry.record(set_aside).is_err());
    assert!(world.registry.record(merged).is_ok());
    assert!(first.collector().show(merged).is_ok(), "hidden from a laptop that has only its own branch");
}

#[test]
fn a_laptop_put_back_to_an_earlier_day_goes_on_though_its_clock_was_ahead_meanwhile() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.open = None;
    let copy = world.folder.path().join("Copy");
    copy_folder(&world.folder.path().join("Ana"), &copy);
    let year = 365 * 24 * 3_600_000;
    laptop.clock.0.fetch_add(year, std::sync::atomic::Ordering::Relaxed);
    laptop.reopen();
    laptop.sync().unwrap();
    // The disk is exchanged, and the date is right again: its counters are a year behind.
    laptop.clock.0.fetch_sub(year, std::sync::atomic::Ordering::Relaxed);
    laptop.home = Home::at(copy);
    laptop.reopen();
    let record = laptop.finalised();
    assert_eq!(laptop.sync().unwrap().delivered, 1);
    assert!(world.registry.record(record).is_ok());
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).expect("a new folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

#[test]
fn a_bad_pulled_delta_is_set_aside_and_the_rest_goes_on() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let records = [ana.finalised(), ana.finalised()];
    ana.sync().unwrap();
    bo.road.tamper = Some(Box::new(|mut page| {
        let Some(first) = page.deltas.iter().find(|delta| delta.envelope.len() > 600).cloned() else {
            return page;
        };
        let mut flipped = first.envelope.clone();
        let middle = flipped.len() - 40;
        flipped[middle] ^= 1;
        for envelope in [b"no delta".to_vec(), flipped] {
            page.deltas.insert(0, PulledDelta { envelope, ..first.clone() });
        }
        page
    }));
    let report = bo.sync().unwrap();
    assert_eq!(report.applied.quarantined, 2, "{report:?}");
    let reasons: Vec<ReasonCode> =
        bo.collector().status().unwrap().quarantined.iter().map(|(reason, _)| *reason).collect();
    assert!(reasons.contains(&ReasonCode::Malformed), "{reasons:?}");
    for record in records {
        bo.collector().show(record).unwrap();
    }
}

#[test]
fn a_delta_that_builds_on_one_not_yet_here_waits_for_it() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let record = ana.finalised();
    ana.set(record, "roof", "tile");
    ana.collector().finalise(record).unwrap();
    ana.sync().unwrap();

    let kept = std::rc::Rc::new(std::cell::RefCell::new(None));
    let hidden = std::rc::Rc::clone(&kept);
    bo.road.tamper = Some(Box::new(move |mut page| {
        let at = page.deltas.iter().position(|delta| delta.envelope.len() > 600);
        let mut hidden = hidden.borrow_mut();
        if let (Some(at), None) = (at, hidden.as_ref()) {
            *hidden = Some(page.deltas.remove(at));
        }
        page
    }));
    assert_eq!(bo.sync().unwrap().applied.held, 1);
    let status = bo.collector().status().unwrap();
    assert_eq!((status.held, status.held_since.is_some()), (1, true));
    assert!(bo.collector().show(record).is_err());

    bo.road.tamper = Some(Box::new(move |mut page| {
        page.deltas.extend(kept.borrow_mut().take());
        page
    }));
    let report = bo.sync().unwrap();
    assert_eq!((report.applied.applied, report.applied.held), (2, 0), "{report:?}");
    assert_eq!(bo.hash(), ana.hash());
}

#[test]
fn a_publication_whose_files_do_not_come_is_fetched_with_the_next_sync() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    world.publish("2");
    // Push and pull pass; the first file meets a login page.
    laptop.road.faults = [Mishap::None, Mishap::Portal].into();
    let _ = laptop.sync();
    laptop.road.faults.clear();
    let states: Vec<PublicationState> =
        laptop.collector().forms().unwrap().iter().map(|form| form.state).collect();
    assert_eq!(states[0], PublicationState::Ready);
    assert_ne!(states[1], PublicationState::Broken);
    laptop.sync().unwrap();
    assert_eq!(laptop.collector().forms().unwrap()[1].state, PublicationState::Ready);
}

#[test]
fn a_revoked_seat_is_told_and_its_work_stays_on_the_laptop() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    laptop.finalised();
    laptop.sync().unwrap();
    let seat = laptop.collector().who_am_i().seat;
    world.registry.revoke(seat, "lost laptop".to_owned()).unwrap();
    world.registry.merge_all().unwrap();
    laptop.finalised();
    let told = laptop.sync().unwrap_err();
    assert!(matches!(told, CollectorError::Pull(PullFailure::Refused { status: 403, .. })), "{told}");
    assert_eq!(laptop.hash().0, 2);
    assert!(laptop.collector().doctor().unwrap().is_sound());
}

#[test]
fn nothing_shown_by_debug_is_an_answer() {
    let world = World::new();
    let mut laptop = world.laptop("Ana");
    let record = laptop.household();
    let shown = laptop.collector().show(record).unwrap();
    let history = laptop.collector().history(record).unwrap();
    let open = format!("{:?} {shown:?} {history:?}", laptop.collector());
    for word in ["Marie-Ange", "3412"] {
        assert!(!open.contains(word), "{word}");
    }
}
