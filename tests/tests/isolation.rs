//! A real server and the children that merge for it: what they can see, and what it costs to lose them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tests::world::{Laptop, Server, json, ok};

struct World {
    folder: tempfile::TempDir,
    server: Server,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serving(folder.path());
        Self { folder, server }
    }

    fn laptop(&self, name: &str) -> Laptop {
        Laptop::enrol(&self.folder.path().join(name), &self.server, name, "HT0111")
    }

    /// Waits until so many households are in the registry.
    fn wait_for_households(&self, count: u64) {
        let mut status = serde_json::Value::Null;
        for _ in 0..300 {
            status = json(self.server.command().args(["status", "--json"]));
            if status["households"] == count {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("not {count} households: {status:#}");
    }
}

fn signal(signal: &str, process: u32) {
    // It may have gone by itself.
    let _ = Command::new("kill").args([signal, &process.to_string()]).output();
}

fn is_alive(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A zombie is dead: its parent, which was killed, never asked for it.
    !status.is_empty() && !status.contains(") Z ")
}

#[test]
fn what_merges_has_no_database_in_hand_and_ends_with_its_server() {
    let mut world = World::new();
    let rose = world.laptop("Rose");
    rose.interview();
    ok(rose.command().arg("sync"));
    world.wait_for_households(1);
    let children = world.server.children();
    assert!(!children.is_empty(), "the server merged in itself");
    for child in &children {
        let files: Vec<PathBuf> = std::fs::read_dir(format!("/proc/{child}/fd"))
            .unwrap()
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .collect();
        let of_the_server: Vec<_> =
            files.iter().filter(|file| file.starts_with(&world.server.home)).collect();
        assert!(of_the_server.is_empty(), "{of_the_server:?}");
        let sockets: Vec<_> = files.iter().filter(|file| file.to_string_lossy().contains("socket")).collect();
        assert!(sockets.is_empty(), "{sockets:?}");
        let limits = std::fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
        let limited = |name: &str| {
            limits
                .lines()
                .any(|line| line.starts_with(name) && !line[name.len()..].trim().starts_with("unlimited"))
        };
        assert!(limited("Max address space") && limited("Max cpu time"), "{limits}");
    }
    world.server.kill();
    std::thread::sleep(Duration::from_millis(500));
    let left: Vec<_> = children.into_iter().filter(|child| is_alive(*child)).collect();
    assert!(left.is_empty(), "{left:?} outlive their server");
}

#[test]
fn children_killed_and_stopped_while_they_merge_cost_no_record() {
    let world = World::new();
    let rose = world.laptop("Rose");
    for round in 1..=10 {
        rose.interview();
        ok(rose.command().arg("sync"));
        for child in world.server.children() {
            signal("-9", child);
        }
        if round % 5 == 0 {
            world.wait_for_households(round);
        }
    }
    // One that is stuck is ended by the server's clock, and the change tried in another.
    for child in world.server.children() {
        signal("-STOP", child);
    }
    rose.interview();
    ok(rose.command().arg("sync"));
    world.wait_for_households(11);
    let status = json(world.server.command().args(["status", "--json"]));
    assert_eq!(status["set_aside"]["quarantined"], 0, "{status:#}");
}
