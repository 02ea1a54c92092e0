//! What a certified laptop may not do, correctly signed or not; and that nothing of it stops the others.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

mod support;

use record_doc::{RecordDoc, derive_actor};
use record_model::*;
use registry_core::Resolution;
use signed_delta::*;
use support::{AREAS, Laptop, NOW, RECORD, World, answers, facts, form_xlsx};

fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: 0 }
}

fn change_act(laptop: &Laptop, change: Vec<u8>) -> Act {
    Act::Change(ChangeAct { revision: laptop.revision, visit: visit(), change, finalise: None })
}

/// An honest change of a new record.
fn honest_change(laptop: &Laptop, record: RecordId) -> Vec<u8> {
    let mut doc = RecordDoc::new();
    doc.write(laptop.actor(record), [7; 16], &answers(&[("roof", "tin")])).unwrap().unwrap().bytes
}

/// Sends one delta and gives the reason it was not merged for, as the registry says it: refused at the door, or set
/// aside in the log.
fn reason(world: &World, envelope: Vec<u8>) -> Option<ReasonCode> {
    let receipt = world.push(&[envelope]);
    if let Some(refusal) = receipt.refusals.first() {
        return Some(refusal.reason);
    }
    world.registry.merge_all().unwrap();
    world.registry.set_aside(100).unwrap().last().and_then(|row| row.reason)
}

fn with_laptop(test: impl Fn(&World, &mut Laptop)) {
    let world = World::new(1);
    let mut laptop = world.laptop(1, &["HT0111"]);
    world.push(&laptop.sent);
    test(&world, &mut laptop);
    assert_eq!(world.registry.records_hash(None).unwrap().0, 0, "something forged was merged");
    // The registry goes on: another laptop's honest work arrives and is merged.
    let mut other = world.laptop(2, &["HT0111"]);
    other.write(RecordId::from_bytes([0x77; 16]), &[("roof", "tin")]);
    world.push(&other.sent);
    world.registry.merge_all().unwrap();
    assert_eq!(world.registry.records_hash(None).unwrap().0, 1);
    assert_eq!(world.registry.verify().unwrap().faults, []);
}

#[test]
fn the_actor_of_another_seat_or_record_is_set_aside() {
    with_laptop(|world, laptop| {
        let foreign = derive_actor(&[9; 32], laptop.epoch, RECORD, 0);
        let mut doc = RecordDoc::new();
        let change = doc.write(foreign, [7; 16], &answers(&[("roof", "tin")])).unwrap().unwrap().bytes;
        let envelope = laptop.cut(change_act(laptop, change), Some(RECORD));
        assert_eq!(reason(world, envelope), Some(ReasonCode::WrongActor));
        let elsewhere = honest_change(laptop, RecordId::from_bytes([0x55; 16]));
        let envelope = laptop.cut(change_act(laptop, elsewhere), Some(RECORD));
        assert_eq!(reason(world, envelope), Some(ReasonCode::WrongActor));
    });
}

#[test]
fn an_area_outside_the_certificate_is_set_aside_whatever_the_header_claims() {
    with_laptop(|world, laptop| {
        let change = honest_change(laptop, RECORD);
        let mut draft = laptop.draft(change_act(laptop, change), Some(RECORD));
        draft.about = Some((RECORD, 0, "HT0112".parse().unwrap()));
        let envelope = laptop.sign(draft);
        assert_eq!(reason(world, envelope), Some(ReasonCode::AreaOutsideCertificate));
    });
    // The record lives next door; the header claims the laptop's own area.
    let world = World::new(2);
    let mut neighbour = world.laptop(2, &["HT0112"]);
    let change = honest_change(&neighbour, RECORD);
    let mut draft = neighbour.draft(change_act(&neighbour, change), Some(RECORD));
    draft.about = Some((RECORD, 0, "HT0112".parse().unwrap()));
    neighbour.sign(draft);
    world.push(&neighbour.sent);
    world.registry.merge_all().unwrap();
    let before = world.registry.records_hash(None).unwrap();
    let mut laptop = world.laptop(1, &["HT0111"]);
    world.push(&laptop.sent);
    let envelope = laptop.write(RECORD, &[("roof", "tile")]).unwrap();
    assert_eq!(reason(&world, envelope), Some(ReasonCode::AreaOutsideCertificate));
    assert_eq!(world.registry.records_hash(None).unwrap(), before);
    // And it is not shown to a laptop of another area.
    laptop.pull(&world);
    assert!(!laptop.docs[&RECORD].view().answers.values().flatten().any(|known| known.value == "tin".into()));
}

#[test]
fn a_restricted_record_a_strange_form_and_a_kind_above_the_role_are_set_aside() {
    with_laptop(|world, laptop| {
        let change = honest_change(laptop, RECORD);
        let mut restricted = laptop.draft(change_act(laptop, change.clone()), Some(RECORD));
        restricted.class = Class::Restricted;
        let envelope = laptop.sign(restricted);
        assert_eq!(reason(world, envelope), Some(ReasonCode::ClassNotAllowed));
        let act =
            ChangeAct { revision: FormRevision::from_bytes([3; 32]), visit: visit(), change, finalise: None };
        let envelope = laptop.cut(Act::Change(act), Some(RECORD));
        assert_eq!(reason(world, envelope), Some(ReasonCode::UnknownForm));
        let decision = DecisionAct {
            item: ItemId::from_bytes([1; 32]),
            settles: vec![],
            reason: String::new(),
            account: String::new(),
            write: None,
        };
        let envelope = laptop.cut(Act::Decision(decision), Some(RECORD));
        assert_eq!(reason(world, envelope), Some(ReasonCode::RoleNotAllowed));
        let envelope = laptop.cut(Act::Later(DeltaKind::Lease, vec![1, 2, 3]), Some(RECORD));
        assert_eq!(reason(world, envelope), Some(ReasonCode::UnsupportedKind));
    });
}

#[test]
fn a_certificate_signed_by_a_laptop_certifies_nobody() {
    with_laptop(|world, laptop| {
        let own = SeatKey::from_secret(&[77; 32]);
        let certificate = SeatCertificate {
            public_key: own.public(),
            sealing_recipient: seal::SealingIdentity::generate().recipient(),
            fields: CertificateFields {
                person: "Nobody".to_owned(),
                device: "None".to_owned(),
                role: Role::Supervisor,
                areas: vec!["HT".parse().unwrap()],
                lineages: vec![],
                registration_range: 1,
                valid_until: None,
            },
        };
        let envelope = laptop.cut(Act::Certificate(certificate), None);
        assert_eq!(reason(world, envelope), Some(ReasonCode::RoleNotAllowed));
        assert!(world.registry.seats().unwrap().iter().all(|row| row.seat != own.seat()));
    });
}

#[test]
fn what_is_signed_for_another_deployment_or_by_nobody_known_is_refused_at_the_door() {
    with_laptop(|world, laptop| {
        let change = honest_change(laptop, RECORD);
        let draft = laptop.draft(change_act(laptop, change), Some(RECORD));
        let training = DeploymentId::from_bytes([0x99; 16]);
        let envelope = laptop.key.sign_delta(training, draft.clone()).encode();
        assert_eq!(reason(world, envelope), Some(ReasonCode::BadSignature));
        let stranger = SeatKey::from_secret(&[66; 32]).sign_delta(facts().deployment, draft).encode();
        assert_eq!(reason(world, stranger), Some(ReasonCode::UnknownSeat));
        assert_eq!(reason(world, b"not a delta".to_vec()), Some(ReasonCode::Malformed));
    });
}

#[test]
fn a_body_other_than_the_committed_one_is_refused_at_the_door() {
    with_laptop(|world, laptop| {
        let change = honest_change(laptop, RECORD);
        let draft = laptop.draft(change_act(laptop, change), Some(RECORD));
        let honest = laptop.key.sign_delta(facts().deployment, draft);
        let (header, signature, body) = honest.parts();
        let mut other = body.unwrap().to_vec();
        *other.last_mut().unwrap() ^= 1;
        let swapped = SignedDelta::from_parts(header.to_vec(), *signature, Some(other)).unwrap();
        assert_eq!(reason(world, swapped.encode()), Some(ReasonCode::BadCommitment));
        let without = SignedDelta::from_parts(header.to_vec(), *signature, None).unwrap();
        assert_eq!(reason(world, without.encode()), Some(ReasonCode::BadCommitment));
    });
}

#[test]
fn a_fork_keeps_both_branches_and_merges_nothing_more_of_that_epoch() {
    let world = World::new(3);
    let mut laptop = world.laptop(1, &["HT0111"]);
    laptop.write(RECORD, &[("roof", "tin")]);
    world.push(&laptop.sent);
    world.registry.merge_all().unwrap();
    let before = world.registry.records_hash(None).unwrap();

    // The same laptop restored from an older copy: another delta at place 2.
    let (seq, prev) = (laptop.seq, laptop.prev);
    laptop.seq = 1;
    laptop.prev = SignedDelta::decode(&laptop.sent[0]).unwrap().hash();
    laptop.docs.clear();
    let other = RecordId::from_bytes([0x44; 16]);
    let rival = laptop.write(other, &[("roof", "tile")]).unwrap();
    assert_eq!(reason(&world, rival), Some(ReasonCode::Fork));
    // The first branch goes on; it is kept, and set aside.
    (laptop.seq, laptop.prev) = (seq, prev);
    let later = laptop.write(RecordId::from_bytes([0x45; 16]), &[("roof", "tile")]).unwrap();
    assert_eq!(reason(&world, later), Some(ReasonCode::Fork));
    assert_eq!(world.registry.records_hash(None).unwrap(), before);
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
    let report = world.registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
}

#[test]
fn a_foreign_past_is_a_fork_too() {
    with_laptop(|world, laptop| {
        laptop.prev = DeltaHash::from_bytes([0xEE; 32]);
        let change = honest_change(laptop, RECORD);
        let envelope = laptop.cut(change_act(laptop, change), Some(RECORD));
        assert_eq!(reason(world, envelope), Some(ReasonCode::Fork));
    });
}

#[test]
fn work_after_a_revocation_is_set_aside_and_work_before_it_stays() {
    let world = World::new(4);
    let mut laptop = world.laptop(1, &["HT0111"]);
    laptop.write(RECORD, &[("roof", "tin")]);
    world.push(&laptop.sent);
    world.registry.merge_all().unwrap();
    let before = world.registry.records_hash(None).unwrap();
    world.registry.revoke(laptop.key.seat(), "stolen".to_owned()).unwrap();
    let envelope = laptop.write(RECORD, &[("roof", "tile")]).unwrap();
    assert_eq!(reason(&world, envelope), Some(ReasonCode::Revoked));
    assert_eq!(world.registry.records_hash(None).unwrap(), before);
    let report = world.registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
}

#[test]
fn a_change_before_what_it_builds_on_waits_and_is_merged_when_that_comes() {
    let world = World::new(5);
    let (mut a, mut b) = (world.laptop(1, &["HT0111"]), world.laptop(2, &["HT0111"]));
    a.pull(&world);
    b.pull(&world);
    let first = a.write(RECORD, &[("roof", "tin")]).unwrap();
    // B has A's delta by a road that did not pass the server, and builds on it.
    b.apply(&first);
    b.write(RECORD, &[("roof", "tile")]);
    world.push(&b.sent);
    world.registry.merge_all().unwrap();
    let held = world.registry.set_aside(10).unwrap();
    assert!(held.iter().any(|row| row.code == OutcomeCode::Held), "{held:?}");
    world.push(&a.sent);
    world.registry.merge_all().unwrap();
    assert_eq!(world.registry.set_aside(10).unwrap(), []);
    assert_eq!(world.open_items(), []);
    a.pull(&world);
    b.pull(&world);
    let (_, server) = world.registry.records_hash(None).unwrap();
    assert_eq!((a.records_hash(), b.records_hash()), (server, server));
    assert_eq!(*a.docs[&RECORD].view().get("roof"), "tile".into());
}

#[test]
fn a_decision_must_fit_its_item() {
    let world = World::new(6);
    let (mut a, mut b) = (world.laptop(1, &["HT0111"]), world.laptop(2, &["HT0111"]));
    a.write(RECORD, &[("roof", "tin")]);
    world.push(&a.sent);
    world.registry.merge_all().unwrap();
    b.pull(&world);
    a.write(RECORD, &[("roof", "tile")]);
    b.write(RECORD, &[("roof", "thatch")]);
    world.push(&a.sent);
    world.push(&b.sent);
    world.registry.merge_all().unwrap();
    let item = world.open_items()[0].id;
    for resolution in [Resolution::Keep, Resolution::Restore, Resolution::Choose(0), Resolution::Choose(9)] {
        let refused = world.registry.decide(registry_core::DecideRequest {
            item,
            resolution,
            reason: String::new(),
            account: String::new(),
        });
        assert!(matches!(refused, Err(registry_core::RegistryError::Resolution { .. })), "{refused:?}");
    }
    for (reason, account) in [(" ", "supervisor"), ("telephone", "")] {
        let nameless = world.registry.decide(registry_core::DecideRequest {
            item,
            resolution: Resolution::Choose(1),
            reason: reason.to_owned(),
            account: account.to_owned(),
        });
        assert!(matches!(nameless, Err(registry_core::RegistryError::Resolution { .. })), "{nameless:?}");
    }
    assert_eq!(world.open_items().len(), 1);
}

/// 10,000 correctly signed forgeries in the soak; fewer here. Each breaks one rule and is signed by a certified key.
#[test]
fn no_correctly_signed_forgery_is_merged() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (rounds, first) = (number("LAKOU_FORGERIES").unwrap_or(300), number("LAKOU_SEED").unwrap_or(0));
    let world = World::new(7);
    let mut laptop = world.laptop(1, &["HT0111"]);
    world.push(&laptop.sent);
    let mut merged_before = world.registry.records_hash(None).unwrap();
    assert_eq!(merged_before.0, 0);
    let mut accepted = 0;
    for round in first..first + rounds {
        let record = RecordId::from_bytes(
            hash_parts("record", [round.to_be_bytes().as_slice()])[..16].try_into().unwrap(),
        );
        let change = honest_change(&laptop, record);
        let mut draft = laptop.draft(change_act(&laptop, change.clone()), Some(record));
        let mut kept = (laptop.seq, laptop.prev);
        let envelope = match round % 9 {
            0 => {
                let foreign = derive_actor(
                    &hash_parts("key", [round.to_be_bytes().as_slice()]),
                    laptop.epoch,
                    record,
                    0,
                );
                let change = RecordDoc::new()
                    .write(foreign, [1; 16], &answers(&[("roof", "tin")]))
                    .unwrap()
                    .unwrap()
                    .bytes;
                draft = laptop.draft(change_act(&laptop, change), Some(record));
                kept = (laptop.seq + 1, DeltaHash::from_bytes([0; 32]));
                laptop.sign(draft)
            }
            1 => {
                draft.about = Some((record, 0, "HT0112".parse().unwrap()));
                kept = (laptop.seq + 1, DeltaHash::from_bytes([0; 32]));
                laptop.sign(draft)
            }
            2 => {
                // A place far ahead: it waits for ever, and nothing of it is merged.
                draft.seq += 1_000_000 + round;
                laptop.key.sign_delta(facts().deployment, draft).encode()
            }
            3 => {
                let honest = laptop.key.sign_delta(facts().deployment, draft);
                let (header, signature, body) = honest.parts();
                let mut other = body.unwrap().to_vec();
                let at = round as usize % other.len();
                other[at] ^= 1 << (round % 8);
                SignedDelta::from_parts(header.to_vec(), *signature, Some(other)).unwrap().encode()
            }
            4 => {
                draft.about = Some((record, 1 + round as u32, "HT0111".parse().unwrap()));
                kept = (laptop.seq + 1, DeltaHash::from_bytes([0; 32]));
                laptop.sign(draft)
            }
            5 => {
                // An epoch of its own, since a foreign past freezes the whole of it.
                let epoch = hash_parts("epoch", [round.to_be_bytes().as_slice()]);
                let mut other =
                    Laptop { epoch: EpochId::from_slice(&epoch[..8]).unwrap(), ..world.copy(&laptop) };
                other.cut(Act::Epoch(EpochAct { previous: None }), None);
                world.push(&other.sent);
                let change = honest_change(&other, record);
                other.prev = DeltaHash::from_bytes(epoch);
                other.cut(change_act(&other, change), Some(record))
            }
            6 => odd_header(&laptop.key, &laptop.key.sign_delta(facts().deployment, draft)),
            7 => odd_body(&laptop.key, &laptop.key.sign_delta(facts().deployment, draft)),
            _ => not_canonical(&laptop.key.sign_delta(facts().deployment, draft).encode(), round),
        };
        if kept.0 != laptop.seq {
            // Refused at the door or waiting: the chain goes on from where it was.
            (laptop.seq, laptop.prev) = kept;
        }
        let receipt = world.push(&[envelope]);
        accepted += 1 - receipt.refusals.len().min(1);
        if round % 50 == 49 {
            world.registry.merge_all().unwrap();
            assert_eq!(
                world.registry.records_hash(None).unwrap(),
                merged_before,
                "round {round}: a forgery was merged"
            );
        }
    }
    world.registry.merge_all().unwrap();
    assert_eq!(world.registry.records_hash(None).unwrap(), merged_before, "a forgery was merged");
    println!("{rounds} forgeries, {accepted} kept in the log and set aside, none merged");
    // The same laptop's honest work still counts.
    let honest = RecordId::from_bytes([0x66; 16]);
    laptop.docs.clear();
    laptop.write(honest, &[("roof", "tin")]).unwrap();
    let last = laptop.sent.last().unwrap().clone();
    world.push(&[last]);
    world.registry.merge_all().unwrap();
    merged_before = world.registry.records_hash(None).unwrap();
    assert_eq!(merged_before.0, 1, "honest work after forgeries was not merged");
}

/// The same words in bytes we would not have written: a longer integer, an indefinite length, a byte behind.
fn not_canonical(envelope: &[u8], round: u64) -> Vec<u8> {
    match (round / 9) % 3 {
        0 => [envelope, &[0]].concat(),
        1 => [&[0x98, 0x03], &envelope[1..]].concat(),
        _ => [&[0x9f], &envelope[1..], &[0xff]].concat(),
    }
}

/// An envelope of these bytes.
fn envelope(header: &[u8], signature: &Signature, body: &[u8]) -> Vec<u8> {
    let bytes = |content: &[u8]| {
        let length = content.len() as u16;
        let head = if length < 256 {
            vec![0x58, length as u8]
        } else {
            [&[0x59], &length.to_be_bytes()[..]].concat()
        };
        [head, content.to_vec()].concat()
    };
    [vec![0x83], bytes(header), bytes(signature.as_bytes()), bytes(body)].concat()
}

/// The version as a longer integer than needed, signed like that.
fn odd_header(key: &SeatKey, honest: &SignedDelta) -> Vec<u8> {
    let (header, _, body) = honest.parts();
    assert_eq!(header[1], 1, "the version comes first");
    let odd = [&header[..1], &[0x18, 0x01], &header[2..]].concat();
    let signature = key.sign_header_bytes(facts().deployment, &odd);
    envelope(&odd, &signature, body.unwrap())
}

/// The body's kind as a longer integer than needed, with a header that commits to exactly that.
fn odd_body(key: &SeatKey, honest: &SignedDelta) -> Vec<u8> {
    let (header, _, body) = honest.parts();
    let body = body.unwrap();
    assert_eq!((body[0], body[1], body[18]), (0x83, 0x50, 1), "salt, then the kind");
    let odd = [&body[..18], &[0x18, 0x01], &body[19..]].concat();
    let commit = |body: &[u8]| <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(body));
    let at = header.windows(32).position(|window| window == commit(body)).unwrap();
    assert_eq!((header[at - 4], &header[at - 2..at]), (0x18, &[0x58, 0x20][..]), "its length in one byte");
    let mut header = header.to_vec();
    header[at - 3] = u8::try_from(odd.len()).unwrap();
    header[at..at + 32].copy_from_slice(&commit(&odd));
    let signature = key.sign_header_bytes(facts().deployment, &header);
    let forged = envelope(&header, &signature, &odd);
    // What is odd is the body alone: without it the same header verifies.
    assert!(SignedDelta::from_parts(header, signature, None).is_ok());
    forged
}

#[test]
fn a_word_before_the_record_it_speaks_of_waits_and_counts_when_that_comes() {
    let world = World::new(8);
    let (mut a, mut b) = (world.laptop(1, &["HT0111"]), world.laptop(2, &["HT0111"]));
    a.pull(&world);
    b.pull(&world);
    let first = a.write(RECORD, &[("roof", "tin")]).unwrap();
    b.apply(&first);
    b.write(RECORD, &[("roof", "tile")]);
    let act = Act::Statement(StatementAct::Withdraw { reason: "counted twice".to_owned() });
    b.cut(act, Some(RECORD));
    world.push(&b.sent);
    world.registry.merge_all().unwrap();
    assert_eq!(world.registry.set_aside(10).unwrap().len(), 2);
    world.push(&a.sent);
    world.registry.merge_all().unwrap();
    assert_eq!(world.registry.set_aside(10).unwrap(), []);
    assert_eq!(world.registry.record(RECORD).unwrap().status, registry_store::RecordStatus::Withdrawn);
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
    let report = world.registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
}

#[test]
fn a_seat_of_another_lineage_withdraws_nothing() {
    let world = World::new(9);
    let mut laptop = world.laptop(1, &["HT0111"]);
    laptop.write(RECORD, &[("roof", "tin")]);
    world.push(&laptop.sent);
    let mut other = world.laptop_for(2, &["HT0111"], &["ration-distribution"]);
    world.push(&other.sent);
    let envelope =
        other.cut(Act::Statement(StatementAct::Withdraw { reason: "mine".to_owned() }), Some(RECORD));
    assert_eq!(reason(&world, envelope), Some(ReasonCode::LineageOutsideCertificate));
}

#[test]
fn a_form_published_again_takes_nothing_from_what_was_judged_by_it() {
    let world = World::new(10);
    let mut laptop = world.laptop(1, &["HT0111"]);
    laptop.write(RECORD, &[("roof", "tin")]);
    world.push(&laptop.sent);
    world.registry.merge_all().unwrap();
    let files = |areas: &str| {
        [("form.xlsx".to_owned(), form_xlsx()), ("areas.csv".to_owned(), areas.as_bytes().to_vec())].into()
    };
    // The commune is struck from the list: what was filed in it before stays.
    let shorter = AREAS.replace("HT0111,HT01,Cité\n", "");
    world.registry.publish("household".parse().unwrap(), files(&shorter)).unwrap();
    world.registry.merge_all().unwrap();
    let report = world.registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
    assert_eq!(world.registry.records_hash(None).unwrap().0, 1);
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
    let mistyped = world.registry.publish("houshold".parse().unwrap(), files(AREAS));
    assert!(matches!(mistyped, Err(registry_core::RegistryError::Pack { .. })), "{mistyped:?}");
}

#[test]
fn a_laptop_left_behind_by_a_newer_epoch_writes_nothing_after_the_revocation() {
    let world = World::new(11);
    let mut old = world.laptop(1, &["HT0111"]);
    old.write(RECORD, &[("roof", "tin")]);
    world.push(&old.sent);
    // The backup on another laptop opens the next epoch.
    let mut new = Laptop { epoch: EpochId::from_bytes([0x77; 8]), ..world.copy(&old) };
    new.cut(Act::Epoch(EpochAct { previous: Some((old.epoch, old.seq, old.prev)) }), None);
    world.push(&new.sent);
    world.registry.merge_all().unwrap();
    world.registry.revoke(old.key.seat(), "stolen".to_owned()).unwrap();
    let envelope = old.write(RecordId::from_bytes([0x45; 16]), &[("roof", "tile")]).unwrap();
    assert_eq!(reason(&world, envelope), Some(ReasonCode::Revoked));
    let report = world.registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
}

/// Points of small order: whoever enrols with one could have anybody's words count as theirs.
#[test]
fn a_weak_key_is_not_certified() {
    let world = World::new(9);
    let key = SeatKey::from_secret(&[77; 32]);
    let invited = world.registry.invite(registry_core::InvitationDraft {
        person: "Person".to_owned(),
        role: Role::Enumerator,
        areas: vec!["HT0111".parse().unwrap()],
        lineages: vec![],
        valid_ms: 3_600_000,
    });
    let code = invited.unwrap();
    let code = data_encoding::BASE32_NOPAD.decode(code.strip_prefix("LAKOU1.").unwrap().as_bytes()).unwrap();
    let secret: [u8; 16] = code[48..].try_into().unwrap();
    let recipient = seal::SealingIdentity::generate().recipient();
    let (person, device) = ("Person".to_owned(), "Laptop".to_owned());
    let honest =
        EnrolmentRequest::sign(&key, facts().deployment, recipient, person, device, &code_key(&secret));
    let honest = honest.encode();
    let public = *key.public().as_bytes();
    let at = honest.windows(32).position(|part| part == public).expect("the request names its key");
    let before = world.registry.seats().unwrap().len();
    let identity: [u8; 32] = std::array::from_fn(|at| u8::from(at == 0));
    for weak in [[0; 32], identity, [0xff; 32]] {
        let mut forged = honest.clone();
        forged[at..at + 32].copy_from_slice(&weak);
        assert!(world.registry.enrol(&forged).is_err(), "{weak:?}");
    }
    assert_eq!(world.registry.seats().unwrap().len(), before);
    world.registry.enrol(&honest).unwrap();
}
