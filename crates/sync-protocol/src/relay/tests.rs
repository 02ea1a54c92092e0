//! Two laptops in one test: frames go from one value to the other.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use record_model::{BundleId, DeploymentId, SeatId};
use signed_delta::SeatKey;
use signed_delta::seal::SealingIdentity;

use super::*;
use crate::bundle::{BundleItem, Packer};

const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);
const OTHER_DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([2; 16]);

fn words(first: u8) -> RelayWords {
    RelayWords::from_random([first, 2, 3, 4])
}

fn rose() -> SeatKey {
    SeatKey::from_secret(&[7; 32])
}

/// A part as a laptop packs it, for the registry or for a seat.
fn part(deployment: DeploymentId, addressee: Option<SeatId>, fill: u8) -> Vec<u8> {
    let mut packer =
        Packer::new(deployment, BundleId::from_bytes([fill; 16]), addressee, rose().seat(), 1_000_000);
    // Larger than one frame, and not of one byte: zstd is not in play, but chunks are.
    assert_eq!(packer.add(BundleItem::Pull(vec![fill; 3 * RELAY_CHUNK_BYTES / 2])), None);
    let recipient = SealingIdentity::of(&SeatKey::from_secret(&[9; 32])).recipient();
    packer.finish().seal(&rose(), &[&recipient]).unwrap()
}

/// What happens to frames on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    Honest,
    /// The n-th frame up is changed in its last byte.
    TamperUp(usize),
    /// The n-th frame down is changed in its last byte.
    TamperDown(usize),
    /// The n-th frame up comes twice.
    RepeatUp(usize),
    /// The n-th frame up is lost.
    LoseUp(usize),
    /// Nothing more comes up after the n-th frame.
    CutUp(usize),
}

/// The two laptops, with what each has on its disk.
struct Meeting {
    offered: Vec<Vec<u8>>,
    carried: BTreeMap<[u8; 32], Vec<u8>>,
    replies: Vec<Vec<u8>>,
    room: bool,
    usable: bool,
    // What came of it.
    handed_over: Vec<(usize, bool)>,
    used: Vec<Vec<u8>>,
    handed_back: usize,
    wrong_words: u32,
    paired: u32,
    frames_up: Vec<Vec<u8>>,
    frames_down: Vec<Vec<u8>>,
    push_end: Option<Result<(), RelayFailure>>,
    serve_end: Option<Result<(), RelayFailure>>,
}

impl Meeting {
    fn of(offered: &[Vec<u8>]) -> Self {
        Self {
            offered: offered.to_vec(),
            carried: BTreeMap::new(),
            replies: vec![],
            room: true,
            usable: true,
            handed_over: vec![],
            used: vec![],
            handed_back: 0,
            wrong_words: 0,
            paired: 0,
            frames_up: vec![],
            frames_down: vec![],
            push_end: None,
            serve_end: None,
        }
    }

    fn run(&mut self, road: Road) {
        self.run_with(road, words(1), words(1), DEPLOYMENT);
    }

    fn run_with(&mut self, road: Road, pushers: RelayWords, relays: RelayWords, deployment: DeploymentId) {
        (self.push_end, self.serve_end) = (None, None);
        let offer = self.offered.iter().map(|part| PartOffer::of(part)).collect();
        let mut push = RelayPush::new(pushers, [5; RELAY_SEED_BYTES], offer);
        let mut serve = RelayServe::new(relays, [6; RELAY_SEED_BYTES], DEPLOYMENT);
        let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
        let (mut sent_up, mut sent_down) = (0, 0);
        let begun = push.handle(RelayPushEvent::Connected);
        self.push_effects(&mut push, begun, deployment, &mut up);
        loop {
            if let Some(frame) = up.pop_front() {
                sent_up += 1;
                let mut frame: Vec<u8> = frame;
                self.frames_up.push(frame.clone());
                let mut times = 1;
                match road {
                    Road::TamperUp(n) if n == sent_up => *frame.last_mut().unwrap() ^= 1,
                    Road::RepeatUp(n) if n == sent_up => times = 2,
                    Road::LoseUp(n) if n == sent_up => times = 0,
                    Road::CutUp(n) if sent_up > n => {
                        let ended = serve.handle(RelayServeEvent::Disconnected);
                        self.serve_effects(&mut serve, ended, &mut down);
                        let ended = push.handle(RelayPushEvent::Disconnected);
                        self.push_effects(&mut push, ended, deployment, &mut up);
                        return;
                    }
                    _ => {}
                }
                for _ in 0..times {
                    let effects = serve.handle(RelayServeEvent::Received(frame.clone()));
                    self.serve_effects(&mut serve, effects, &mut down);
                }
            } else if let Some(frame) = down.pop_front() {
                sent_down += 1;
                let mut frame: Vec<u8> = frame;
                self.frames_down.push(frame.clone());
                if road == Road::TamperDown(sent_down) {
                    *frame.last_mut().unwrap() ^= 1;
                }
                let effects = push.handle(RelayPushEvent::Received(frame));
                self.push_effects(&mut push, effects, deployment, &mut up);
            } else {
                break;
            }
        }
        if self.serve_end.is_none() {
            let ended = serve.handle(RelayServeEvent::Disconnected);
            self.serve_effects(&mut serve, ended, &mut down);
        }
        if self.push_end.is_none() {
            let ended = push.handle(RelayPushEvent::Disconnected);
            self.push_effects(&mut push, ended, deployment, &mut up);
        }
    }

    fn push_effects(
        &mut self,
        push: &mut RelayPush,
        effects: Vec<RelayPushEffect>,
        deployment: DeploymentId,
        up: &mut VecDeque<Vec<u8>>,
    ) {
        for effect in effects {
            let event = match effect {
                RelayPushEffect::Send(frame) => {
                    assert!(frame.len() <= crate::limits::MAX_RELAY_FRAME_BYTES);
                    up.push_back(frame);
                    continue;
                }
                RelayPushEffect::Sign { binding } => {
                    RelayPushEvent::Signed(SeatProof::sign(&rose(), deployment, &binding))
                }
                RelayPushEffect::Load { place } => RelayPushEvent::Loaded(self.offered[place].clone()),
                RelayPushEffect::HandedOver { place, already } => {
                    self.handed_over.push((place, already));
                    continue;
                }
                RelayPushEffect::Use { part } => {
                    self.used.push(part);
                    RelayPushEvent::Used(self.usable)
                }
                RelayPushEffect::Finish => {
                    self.push_end = Some(Ok(()));
                    continue;
                }
                RelayPushEffect::Fail(failure) => {
                    self.push_end = Some(Err(failure));
                    continue;
                }
            };
            let next = push.handle(event);
            self.push_effects(push, next, deployment, up);
        }
    }

    fn serve_effects(
        &mut self,
        serve: &mut RelayServe,
        effects: Vec<RelayServeEffect>,
        down: &mut VecDeque<Vec<u8>>,
    ) {
        for effect in effects {
            let event = match effect {
                RelayServeEffect::Send(frame) => {
                    assert!(frame.len() <= crate::limits::MAX_RELAY_FRAME_BYTES);
                    down.push_back(frame);
                    continue;
                }
                RelayServeEffect::WrongWords => {
                    self.wrong_words += 1;
                    continue;
                }
                RelayServeEffect::Paired => {
                    self.paired += 1;
                    continue;
                }
                RelayServeEffect::Check { offered } => {
                    let is_new = |place: &usize| !self.carried.contains_key(&offered[*place].sha256);
                    let wanted = (0..offered.len()).filter(is_new).collect();
                    RelayServeEvent::Checked(if self.room { Ok(wanted) } else { Err(RelayRefusal::Full) })
                }
                RelayServeEffect::Keep { part } => {
                    self.carried.insert(PartOffer::of(&part).sha256, part);
                    RelayServeEvent::Kept(Ok(()))
                }
                RelayServeEffect::List { seat } => {
                    let is_theirs = seat == rose().seat();
                    let replies = self.replies.iter().filter(|_| is_theirs);
                    RelayServeEvent::Listed(replies.map(|part| PartOffer::of(part)).collect())
                }
                RelayServeEffect::Load { offer } => RelayServeEvent::Loaded(
                    self.replies.iter().find(|part| PartOffer::of(part) == offer).cloned(),
                ),
                RelayServeEffect::HandedBack { .. } => {
                    self.handed_back += 1;
                    RelayServeEvent::Forgotten
                }
                RelayServeEffect::Finish => {
                    self.serve_end = Some(Ok(()));
                    continue;
                }
                RelayServeEffect::Fail(failure) => {
                    self.serve_end = Some(Err(failure));
                    continue;
                }
            };
            let next = serve.handle(event);
            self.serve_effects(serve, next, down);
        }
    }
}

fn two_parts() -> Vec<Vec<u8>> {
    vec![part(DEPLOYMENT, None, 11), part(DEPLOYMENT, None, 12)]
}

#[test]
fn parts_go_over_as_they_are_and_replies_come_back() {
    let mut meeting = Meeting::of(&two_parts());
    meeting.replies =
        vec![part(DEPLOYMENT, Some(rose().seat()), 21), part(DEPLOYMENT, Some(rose().seat()), 22)];
    meeting.run(Road::Honest);
    assert_eq!((meeting.push_end, meeting.serve_end), (Some(Ok(())), Some(Ok(()))));
    assert_eq!(meeting.handed_over, [(0, false), (1, false)]);
    let carried: Vec<&Vec<u8>> = meeting.carried.values().collect();
    assert!(meeting.offered.iter().all(|part| carried.contains(&part)));
    assert_eq!((meeting.used.as_slice(), meeting.handed_back), (meeting.replies.as_slice(), 2));
    assert_eq!((meeting.paired, meeting.wrong_words), (1, 0));
}

#[test]
fn what_goes_over_the_air_names_no_seat_and_shows_no_part() {
    let mut meeting = Meeting::of(&two_parts());
    meeting.run(Road::Honest);
    let air = [meeting.frames_up.concat(), meeting.frames_down.concat()].concat();
    let shows = |needle: &[u8]| air.windows(needle.len()).any(|window| window == needle);
    assert!(!shows(rose().seat().as_bytes()) && !shows(rose().public().as_bytes()));
    assert!(!shows(DEPLOYMENT.as_bytes()) && !shows(b"LAKOU BUNDLE"));
}

#[test]
fn a_part_that_is_carried_already_is_not_sent_again() {
    let mut meeting = Meeting::of(&two_parts());
    meeting.carried.insert(PartOffer::of(&meeting.offered[0]).sha256, meeting.offered[0].clone());
    meeting.run(Road::Honest);
    assert_eq!(meeting.handed_over, [(0, true), (1, false)]);
    let sent: usize = meeting.frames_up.iter().map(Vec::len).sum();
    meeting.frames_up.clear();
    meeting.run(Road::Honest);
    assert_eq!(&meeting.handed_over[2..], [(0, true), (1, true)]);
    assert!(meeting.frames_up.iter().map(Vec::len).sum::<usize>() < sent / 10);
}

#[test]
fn wrong_words_are_counted_and_nothing_goes_over() {
    let mut meeting = Meeting::of(&two_parts());
    meeting.run_with(Road::Honest, words(1), words(9), DEPLOYMENT);
    assert_eq!(meeting.push_end, Some(Err(RelayFailure::WrongWords)));
    assert_eq!(meeting.serve_end, Some(Err(RelayFailure::WrongWords)));
    assert_eq!((meeting.wrong_words, meeting.paired, meeting.carried.len()), (1, 0, 0));
    assert!(meeting.handed_over.is_empty());
}

/// An impostor who answers in the relay's place, with words of his own.
#[test]
fn whoever_answers_without_the_words_is_shown_nothing() {
    let mut push = RelayPush::new(words(1), [5; RELAY_SEED_BYTES], vec![]);
    push.handle(RelayPushEvent::Connected);
    let mut impostor = RelayServe::new(words(2), [6; RELAY_SEED_BYTES], DEPLOYMENT);
    let (_, hello) = channel::Pairing::begin(channel::Side::Push, &words(1), &[5; RELAY_SEED_BYTES]);
    let answered = impostor.handle(RelayServeEvent::Received([MAGIC, &hello].concat()));
    let [RelayServeEffect::Send(answer)] = answered.as_slice() else { panic!("{answered:?}") };
    let shown = push.handle(RelayPushEvent::Received(answer.clone()));
    let [RelayPushEffect::Send(confirmation)] = shown.as_slice() else { panic!("{shown:?}") };
    // It can only echo, or make something up.
    for made_up in [confirmation.clone(), vec![0; 32]] {
        let mut push = RelayPush::new(words(1), [5; RELAY_SEED_BYTES], vec![]);
        push.handle(RelayPushEvent::Connected);
        push.handle(RelayPushEvent::Received(answer.clone()));
        let ended = push.handle(RelayPushEvent::Received(made_up));
        assert_eq!(ended, [RelayPushEffect::Fail(RelayFailure::WrongWords)]);
    }
}

#[test]
fn a_laptop_of_another_deployment_is_told_so() {
    let mut meeting = Meeting::of(&two_parts());
    meeting.run_with(Road::Honest, words(1), words(1), OTHER_DEPLOYMENT);
    let refused = Some(Err(RelayFailure::Refused(RelayRefusal::OtherDeployment)));
    assert_eq!((meeting.push_end, meeting.serve_end), (refused, refused));
    assert_eq!((meeting.paired, meeting.carried.len()), (0, 0));
}

#[test]
fn only_sealed_parts_for_this_registry_are_carried() {
    for foreign in [
        part(OTHER_DEPLOYMENT, None, 11),
        part(DEPLOYMENT, Some(rose().seat()), 11),
        b"MZ\x90\x00 a program".to_vec(),
    ] {
        let mut meeting = Meeting::of(&[foreign]);
        meeting.run(Road::Honest);
        let refused = Some(Err(RelayFailure::Refused(RelayRefusal::NotCarried)));
        assert_eq!((meeting.push_end, meeting.serve_end), (refused, refused));
        assert!(meeting.carried.is_empty());
    }
}

#[test]
fn more_than_a_relay_carries_is_refused_before_it_is_sent() {
    let mut meeting = Meeting::of(&[vec![0; crate::limits::RELAY_PART_BYTES + 1]]);
    meeting.run(Road::Honest);
    assert_eq!(meeting.push_end, Some(Err(RelayFailure::Refused(RelayRefusal::NotCarried))));
    let sent: usize = meeting.frames_up.iter().map(Vec::len).sum();
    assert!(sent < 1_000, "{sent}");
    let mut full = Meeting::of(&two_parts());
    full.room = false;
    full.run(Road::Honest);
    assert_eq!(full.push_end, Some(Err(RelayFailure::Refused(RelayRefusal::Full))));
}

#[test]
fn a_reply_that_cannot_be_used_stays_with_the_relay() {
    let mut meeting = Meeting::of(&[]);
    meeting.replies = vec![part(DEPLOYMENT, Some(rose().seat()), 21)];
    meeting.usable = false;
    meeting.run(Road::Honest);
    assert_eq!((meeting.push_end, meeting.used.len(), meeting.handed_back), (Some(Ok(())), 1, 0));
}

#[test]
fn a_meeting_that_is_cut_goes_on_where_it_was() {
    let mut honest = Meeting::of(&two_parts());
    honest.run(Road::Honest);
    for cut in 0..honest.frames_up.len() {
        let mut meeting = Meeting::of(&two_parts());
        meeting.run(Road::CutUp(cut));
        assert!(meeting.push_end.is_some(), "{cut}");
        // Whole parts or none.
        assert!(meeting.carried.values().all(|part| meeting.offered.contains(part)));
        let had = meeting.carried.len();
        meeting.handed_over.clear();
        meeting.run(Road::Honest);
        assert_eq!(meeting.push_end, Some(Ok(())), "{cut}");
        assert_eq!(meeting.carried.len(), 2);
        assert_eq!(meeting.handed_over.iter().filter(|(_, already)| *already).count(), had);
    }
}

#[test]
fn no_frame_can_be_changed_repeated_or_lost() {
    let mut honest = Meeting::of(&two_parts());
    honest.replies = vec![part(DEPLOYMENT, Some(rose().seat()), 21)];
    honest.run(Road::Honest);
    let (up, down) = (honest.frames_up.len(), honest.frames_down.len());
    let roads = (1..=up)
        .flat_map(|n| [Road::TamperUp(n), Road::RepeatUp(n), Road::LoseUp(n)])
        .chain((1..=down).map(Road::TamperDown));
    for road in roads {
        let mut meeting = Meeting::of(&two_parts());
        meeting.replies = honest.replies.clone();
        meeting.run(road);
        // A repeated last frame finds nobody any more; nothing else goes unnoticed by both.
        let unnoticed = meeting.push_end == Some(Ok(())) && meeting.serve_end == Some(Ok(()));
        assert!(!unnoticed || road == Road::RepeatUp(up));
        assert!(meeting.carried.values().all(|part| meeting.offered.contains(part)));
        assert!(meeting.used.iter().all(|part| meeting.replies.contains(part)));
    }
}

#[test]
fn an_answer_to_a_carried_part_comes_back_as_it_was_written() {
    let answer = CarriedAnswer { part: [3; 32], replies: vec![vec![1; 10], vec![]] };
    assert_eq!(CarriedAnswer::decode(&answer.encode()), Ok(answer.clone()));
    let bytes = answer.encode();
    assert!((0..bytes.len()).all(|cut| CarriedAnswer::decode(&bytes[..cut]).is_err()));
    let huge =
        CarriedAnswer { part: [3; 32], replies: vec![vec![0; crate::limits::MAX_CARRIED_PART_BYTES + 1]] };
    assert!(CarriedAnswer::decode(&huge.encode()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_over_the_air_makes_nobody_panic(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..6),
        with_magic: bool,
    ) {
        let mut serve = RelayServe::new(words(1), [6; RELAY_SEED_BYTES], DEPLOYMENT);
        let mut push = RelayPush::new(words(1), [5; RELAY_SEED_BYTES], vec![]);
        push.handle(RelayPushEvent::Connected);
        for frame in frames {
            let frame = if with_magic { [MAGIC, &frame].concat() } else { frame };
            serve.handle(RelayServeEvent::Received(frame.clone()));
            push.handle(RelayPushEvent::Received(frame.clone()));
            let _ = CarriedAnswer::decode(&frame);
            let _ = message::RelayMessage::decode(&frame);
        }
        prop_assert!(!serve.is_paired());
    }
}
