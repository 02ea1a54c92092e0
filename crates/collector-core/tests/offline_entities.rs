//! What people who work offline with lists of cases complained of elsewhere, replayed here: each test is named after the
//! report it comes from. Where deltas can come in several orders they come in every one of them, and none of them may lose
//! or hide an edit.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use collector_core::*;
use record_doc::RecordDoc;
use record_model::*;
use support::*;
use sync_protocol::PushBatch;

/// A road that ends at the first stone: what was to be sent is picked up.
#[derive(Default)]
struct Stone(Vec<Vec<u8>>);

impl Transport for Stone {
    fn post(
        &mut self,
        _: &str,
        _: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<HttpAnswer, Disconnected> {
        self.0.extend(PushBatch::decode(body).unwrap().envelopes);
        Err(Disconnected { reason: "test".to_owned() })
    }

    fn get(&mut self, _: &str, _: &[(&'static str, String)], _: usize) -> Result<HttpAnswer, Disconnected> {
        Err(Disconnected { reason: "test".to_owned() })
    }
}

/// Two laptops that know one household, and what they signed since without sight of each other.
struct Scene {
    world: World,
    ana: Laptop,
    bo: Laptop,
    record: RecordId,
    under_way: Vec<Vec<u8>>,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
        let record = ana.finalised();
        ana.sync().unwrap();
        bo.sync().unwrap();
        Self { world, ana, bo, record, under_way: Vec::new() }
    }

    /// The same, but nobody has heard of the household yet.
    fn with_a_new_household() -> Self {
        let world = World::new();
        let (mut ana, bo) = (world.laptop("Ana"), world.laptop("Bo"));
        let record = ana.finalised();
        Self { world, ana, bo, record, under_way: Vec::new() }
    }

    /// Ana corrects an answer and finishes.
    fn ana_says(&mut self, path: &str, typed: &str) {
        self.ana.set(self.record, path, typed);
        self.ana.collector().finalise(self.record).unwrap();
    }

    fn bo_says(&mut self, path: &str, typed: &str) {
        self.bo.set(self.record, path, typed);
        self.bo.collector().finalise(self.record).unwrap();
    }

    /// What both have signed and not sent is on its way from now on.
    fn set_out(mut self) -> Self {
        for laptop in [&mut self.ana, &mut self.bo] {
            let mut stone = Stone::default();
            let _ = laptop.collector().push(&mut stone, &mut |_| {});
            self.under_way.extend(stone.0);
        }
        self
    }

    /// One delta arrives.
    fn arrives(&self, at: usize) {
        let envelopes = vec![self.under_way[at].clone()];
        assert_eq!(self.world.registry.receive(&PushBatch { envelopes }).unwrap().refusals, []);
        self.world.registry.merge_all().unwrap();
    }

    /// Everybody syncs; nothing is under way, waits, or is set aside, and all hold the same.
    fn settle(&mut self) {
        for _ in 0..2 {
            self.ana.sync().unwrap();
            self.bo.sync().unwrap();
        }
        assert_eq!(self.world.registry.set_aside(10).unwrap(), []);
        let server = self.world.registry.records_hash(None).unwrap();
        for laptop in [&mut self.ana, &mut self.bo] {
            let status = laptop.collector().status().unwrap();
            assert_eq!((status.deltas.to_send.deltas, status.held), (0, 0));
            assert_eq!(laptop.hash(), server);
        }
    }

    /// The values that stand at a path, on both laptops and at the server: more than one is a conflict.
    fn standing(&mut self, path: &str) -> Vec<String> {
        let path: AnswerPath = path.parse().unwrap();
        let doc = RecordDoc::load(&self.world.registry.record(self.record).unwrap().state).unwrap();
        let view = doc.view();
        let at_server = view.answers.get(&path).into_iter().flatten();
        let mut at_server: Vec<String> = at_server.map(|candidate| candidate.value.to_string()).collect();
        at_server.sort();
        for laptop in [&mut self.ana, &mut self.bo] {
            let shown = laptop.collector().show(self.record).unwrap();
            let mut here: Vec<String> =
                shown.answers[&path].iter().map(|shown| shown.value.to_string()).collect();
            here.sort();
            assert_eq!(here, at_server);
        }
        at_server
    }

    /// The subjects of open review items, which both laptops show too.
    fn doubts(&mut self) -> Vec<String> {
        let items = self.world.items();
        for laptop in [&mut self.ana, &mut self.bo] {
            let shown = laptop.collector().findings(self.record).unwrap();
            assert_eq!(shown.len(), items.len());
            assert!(shown.iter().all(|finding| items.iter().any(|item| item.id == finding.id)));
        }
        items.into_iter().map(|item| item.subject).collect()
    }
}

/// Plays a scene once for every order in which what is under way can arrive.
fn in_every_order(play: impl Fn() -> Scene, check: impl Fn(&mut Scene, &[usize])) {
    let deltas = play().under_way.len();
    assert!((2..=5).contains(&deltas), "{deltas} deltas under way");
    for order in orders(&(0..deltas).collect::<Vec<_>>()) {
        let mut scene = play();
        for at in &order {
            scene.arrives(*at);
        }
        scene.settle();
        check(&mut scene, &order);
    }
}

fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in of {
        let rest: Vec<usize> = of.iter().copied().filter(|other| other != first).collect();
        all.extend(orders(&rest).into_iter().map(|order| [vec![*first], order].concat()));
    }
    all
}

/// A registration and a run of updates, all offline, in any order: the last one stands, and nobody is asked anything.
#[test]
fn central_669_updates_that_come_out_of_order() {
    let play = || {
        let mut scene = Scene::with_a_new_household();
        scene.ana_says("roof", "tile");
        scene.ana_says("roof", "thatch");
        scene.set_out()
    };
    in_every_order(play, |scene, order| {
        assert_eq!(scene.standing("roof"), ["thatch"], "{order:?}");
        assert_eq!(scene.doubts(), Vec::<String>::new(), "{order:?}");
    });
}

/// A run of offline updates, and another person's edit in the middle of it: a conflict, wherever it falls.
#[test]
fn central_698_an_edit_in_the_middle_of_a_run_of_offline_updates() {
    let play = || {
        let mut scene = Scene::new();
        scene.ana_says("roof", "tile");
        scene.bo_says("roof", "thatch");
        scene.ana_says("rooms", "3");
        scene.ana_says("phone", "3412 0001");
        scene.set_out()
    };
    in_every_order(play, |scene, order| {
        assert_eq!(scene.standing("roof"), ["thatch", "tile"], "{order:?}");
        assert_eq!(scene.doubts(), ["roof"], "{order:?}");
        assert_eq!(
            (scene.standing("rooms"), scene.standing("phone")),
            (vec!["3".into()], vec!["3412 0001".into()])
        );
    });
}

/// What had to wait and then went on leaves no trace by which later, correct updates look like conflicts.
#[test]
fn central_805_later_updates_after_some_had_to_wait() {
    let play = || {
        let mut scene = Scene::new();
        scene.ana_says("roof", "tile");
        scene.ana_says("roof", "thatch");
        scene.ana_says("roof", "tin");
        scene.set_out()
    };
    in_every_order(play, |scene, order| {
        scene.bo_says("roof", "tile");
        scene.settle();
        scene.ana_says("roof", "thatch");
        scene.settle();
        assert_eq!(scene.standing("roof"), ["thatch"], "{order:?}");
        assert_eq!(scene.doubts(), Vec::<String>::new(), "{order:?}");
    });
}

/// Sent at the same moment on several connections: nothing stays behind, whoever is first.
#[test]
fn central_705_a_race_leaves_nothing_waiting() {
    for _ in 0..8 {
        let mut scene = Scene::with_a_new_household();
        for roof in ["tile", "thatch", "tin"] {
            scene.ana_says("roof", roof);
        }
        let mut scene = scene.set_out();
        std::thread::scope(|threads| {
            for envelope in &scene.under_way {
                let registry = scene.world.registry.clone();
                threads.spawn(move || {
                    registry.receive(&PushBatch { envelopes: vec![envelope.clone()] }).unwrap();
                    registry.merge_all().unwrap();
                });
            }
        });
        scene.settle();
        assert_eq!(scene.standing("roof"), ["tin"]);
    }
}

/// The second update first and the registration last.
#[test]
fn central_808_the_registration_comes_last() {
    let mut scene = Scene::with_a_new_household();
    scene.ana_says("roof", "tile");
    scene.ana_says("roof", "thatch");
    let mut scene = scene.set_out();
    for at in (0..scene.under_way.len()).rev() {
        scene.arrives(at);
    }
    scene.settle();
    assert_eq!(scene.standing("roof"), ["thatch"]);
}

/// A record that is shown to have conflicts has conflicts to show: each with its values, its people and their visits.
#[test]
fn central_815_a_conflict_that_is_flagged_can_be_looked_at() {
    let play = || {
        let mut scene = Scene::new();
        scene.ana_says("roof", "tile");
        scene.bo_says("roof", "thatch");
        scene.set_out()
    };
    in_every_order(play, |scene, order| {
        let item = scene.world.items()[0].id;
        let detail = scene.world.registry.item(item).unwrap();
        assert_eq!(detail.alternatives.len(), 2, "{order:?}");
        assert!(detail.alternatives.iter().all(|alternative| alternative.enumerator.is_some()));
        for laptop in [&mut scene.ana, &mut scene.bo] {
            let shown = laptop.collector().show(scene.record).unwrap();
            assert_eq!(shown.summary.open_items as usize, shown.findings.len());
            assert!(shown.findings.iter().all(|finding| finding.alternatives.len() == 2));
            let roof: AnswerPath = "roof".parse().unwrap();
            assert!(
                shown.answers[&roof]
                    .iter()
                    .all(|value| value.by.as_ref().is_some_and(|by| by.person.is_some()))
            );
        }
    });
}

/// The connection drops after any of the deltas: what was not sent is sent with the next sync, and nothing is blocked.
#[test]
fn central_832_a_connection_that_drops_midway() {
    for arrived in 0..=4 {
        let mut scene = Scene::with_a_new_household();
        for roof in ["tile", "thatch", "tin"] {
            scene.ana_says("roof", roof);
        }
        let mut scene = scene.set_out();
        // From the end, so that what arrived has to wait for what did not.
        for at in (0..scene.under_way.len()).rev().take(arrived) {
            scene.arrives(at);
        }
        scene.settle();
        assert_eq!(scene.standing("roof"), ["tin"], "after {arrived} had arrived");
    }
}

/// What waits is listed at the office, with what it is and why, until it waits no longer.
#[test]
fn central_699_what_waits_can_be_seen() {
    let mut scene = Scene::new();
    scene.ana_says("roof", "tile");
    scene.ana_says("roof", "thatch");
    let mut scene = scene.set_out();
    scene.arrives(1);
    let waiting = scene.world.registry.set_aside(10).unwrap();
    assert_eq!(waiting.iter().map(|row| row.code).collect::<Vec<_>>(), [OutcomeCode::Held]);
    scene.arrives(0);
    assert_eq!(scene.world.registry.set_aside(10).unwrap(), []);
    scene.settle();
    assert_eq!(scene.standing("roof"), ["thatch"]);
}

/// Nobody can send only the second of two updates: a sync sends both, in order, and says how many wait.
#[test]
fn collect_6392_only_the_second_of_two_updates() {
    let mut scene = Scene::new();
    scene.ana_says("roof", "tile");
    scene.ana_says("phone", "3412 0001");
    assert_eq!(scene.ana.collector().status().unwrap().deltas.to_send.deltas, 2);
    assert_eq!(scene.ana.sync().unwrap().delivered, 2);
    // A courier who loses the first changes nothing for long: the laptop still has it, and sends it.
    scene.ana_says("roof", "thatch");
    scene.ana_says("phone", "3412 0002");
    let mut scene = scene.set_out();
    scene.arrives(1);
    scene.settle();
    assert_eq!(
        (scene.standing("roof"), scene.standing("phone")),
        (vec!["thatch".into()], vec!["3412 0002".into()])
    );
}

/// An interview that is open and not finished sees what others say meanwhile.
#[test]
fn central_1407_a_draft_hears_of_later_changes() {
    let mut scene = Scene::new();
    scene.bo.set(scene.record, "phone", "3412 0009");
    for roof in ["tile", "thatch"] {
        scene.ana_says("roof", roof);
        scene.ana.sync().unwrap();
        scene.bo.sync().unwrap();
        let answers = scene.bo.collector().evaluate(scene.record).unwrap().answers;
        assert_eq!(answers[&"roof".parse::<AnswerPath>().unwrap()], roof.into());
        assert_eq!(answers[&"phone".parse::<AnswerPath>().unwrap()], "3412 0009".into());
    }
    scene.bo.collector().finalise(scene.record).unwrap();
    scene.settle();
    assert_eq!(
        (scene.standing("roof"), scene.standing("phone")),
        (vec!["thatch".into()], vec!["3412 0009".into()])
    );
}

/// What was withdrawn is withdrawn on every laptop, whatever else arrives before or after it.
#[test]
fn collect_6768_what_was_deleted_does_not_stay_on_the_device() {
    let play = || {
        let mut scene = Scene::new();
        scene.ana.collector().withdraw(scene.record, "counted twice").unwrap();
        scene.bo_says("roof", "thatch");
        scene.bo_says("phone", "3412 0001");
        scene.set_out()
    };
    in_every_order(play, |scene, order| {
        for laptop in [&mut scene.ana, &mut scene.bo] {
            let status = laptop.collector().show(scene.record).unwrap().summary.status;
            assert_eq!(status, RecordStatus::Withdrawn, "{order:?}");
        }
        // Bo's edits are kept, to be seen by whoever asks why.
        assert_eq!(scene.standing("roof"), ["thatch"]);
    });
}

/// A household made offline can be visited again before any sync, and under a form that came later.
#[test]
fn collect_6897_what_was_made_offline_can_be_updated_at_once() {
    let mut scene = Scene::with_a_new_household();
    let listed = scene.ana.collector().list(&RecordFilter::default()).unwrap();
    assert!(listed.iter().any(|row| row.record == scene.record));
    scene.ana_says("roof", "tile");
    // A new form comes, and nothing has been sent yet.
    let newer = scene.world.publish("2");
    scene.ana.collector().pull(&mut scene.world.road(), &mut |_| {}).unwrap();
    let visit = Visit { at: Instant::from_unix_ms(NOW + 1_000), utc_offset_minutes: -300 };
    scene.ana.collector().visit(scene.record, visit).unwrap();
    assert_eq!(scene.ana.collector().show(scene.record).unwrap().revision, Some(newer));
    scene.ana_says("roof", "thatch");
    scene.settle();
    assert_eq!(scene.standing("roof"), ["thatch"]);
}

/// Two laptops fill in the same case: both are kept, and the conflict is listed on all sides.
#[test]
fn tangerine_2722_two_laptops_fill_in_the_same_case() {
    let play = || {
        let mut scene = Scene::new();
        scene.ana_says("roof", "tile");
        scene.ana_says("rooms", "2");
        scene.bo_says("roof", "thatch");
        scene.bo_says("rooms", "4");
        scene.set_out()
    };
    in_every_order(play, |scene, order| {
        assert_eq!(scene.standing("roof"), ["thatch", "tile"], "{order:?}");
        assert_eq!(scene.standing("rooms"), ["2", "4"], "{order:?}");
        let mut doubts = scene.doubts();
        doubts.sort();
        assert_eq!(doubts, ["roof", "rooms"], "{order:?}");
    });
}
