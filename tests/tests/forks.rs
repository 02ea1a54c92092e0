//! A laptop whose disk was copied into a second one, both used, by the real programs: a supervisor says which branch stands,
//! and nothing of either is lost.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::world::{Laptop, Server, json, ok, said};

fn image(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            image(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn status_when(server: &Server, what: impl Fn(&Value) -> bool) -> Value {
    let mut status = Value::Null;
    for _ in 0..600 {
        status = json(server.command().args(["status", "--json"]));
        if status["log_length"] == status["merged_through"] && what(&status) {
            return status;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the registry never came to that: {status:#}");
}

fn progress(laptop: &Laptop, record: &str) -> String {
    let shown = json(laptop.command().args(["record", "show", record, "--json"]));
    shown["progress"].as_str().unwrap().to_owned()
}

#[test]
fn of_a_copied_laptop_one_branch_stands_and_the_other_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serving(folder.path());
    let old = Laptop::enrol(&folder.path().join("old"), &server, "Rose", "HT0111");
    let before = old.interview();
    ok(old.command().arg("sync"));
    let new = Laptop { home: folder.path().join("new") };
    image(&old.home, &new.home);

    let of_the_old: Vec<String> = (0..2).map(|_| old.interview()).collect();
    let of_the_new: Vec<String> = (0..3).map(|_| new.interview()).collect();
    ok(old.command().arg("sync"));
    status_when(&server, |status| status["households"] == 3);
    ok(new.command().arg("sync"));
    status_when(&server, |_| true);

    let list = json(server.command().args(["review", "list", "--json"]));
    let forks = list["forks"].as_array().unwrap();
    assert_eq!(forks.len(), 1, "{list:#}");
    let branches = forks[0]["branches"].as_array().unwrap();
    let counts: Vec<_> = branches.iter().map(|one| (one["deltas"].clone(), one["merged"].clone())).collect();
    assert_eq!(counts, [(2.into(), 2.into()), (3.into(), 0.into())], "{list:#}");
    ok(new.command().arg("sync"));
    assert_eq!(progress(&new, &of_the_new[0]), "forked");

    // What the old one goes on to write belongs to the same branch, and is not merged either.
    let in_vain =
        said(server.command().args(["review", "fork", "00000000", "--reason", "r", "--account", "a"]));
    assert!(!in_vain.status.success());
    let branch = &branches[1]["branch"].as_str().unwrap()[..12];
    let decide =
        ["review", "fork", branch, "--reason", "the old one is broken", "--account", "sup", "--json"];
    let decided = json(server.command().args(decide));
    assert_eq!(decided["stands"], branches[1]["branch"]);
    assert!(!said(server.command().args(decide)).status.success(), "a second decision on one fork");
    status_when(&server, |status| status["households"] == 6);
    ok(new.command().arg("sync"));
    for record in [&before, &of_the_new[0], &of_the_new[2]] {
        assert_eq!(progress(&new, record), "merged");
    }
    assert_eq!(json(server.command().args(["review", "list", "--json"]))["forks"], Value::Array(vec![]));

    // The old laptop is not broken after all: its work was merged before the fork was known, and it goes on.
    let late = old.interview();
    ok(old.command().arg("sync"));
    ok(old.command().arg("sync"));
    status_when(&server, |status| status["households"] == 7);
    ok(old.command().arg("sync"));
    for record in of_the_old.iter().chain([&late]) {
        assert_eq!(progress(&old, record), "merged");
    }
    let verified = json(server.command().args(["verify", "--json"]));
    assert_eq!(verified["faults"], Value::Array(vec![]), "{verified:#}");
}

#[test]
fn a_branch_that_does_not_stand_is_written_anew_by_its_laptop() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serving(folder.path());
    let old = Laptop::enrol(&folder.path().join("old"), &server, "Rose", "HT0111");
    old.interview();
    ok(old.command().arg("sync"));
    let new = Laptop { home: folder.path().join("new") };
    image(&old.home, &new.home);
    old.interview();
    let of_the_new: Vec<String> = (0..3).map(|_| new.interview()).collect();
    let number = new.says(&of_the_new[0], "@number").unwrap();
    ok(old.command().arg("sync"));
    status_when(&server, |status| status["households"] == 2);
    ok(new.command().arg("sync"));
    status_when(&server, |_| true);
    let forks = json(server.command().args(["review", "list", "--json"]))["forks"].clone();
    let branch = forks[0]["branches"][0]["branch"].as_str().unwrap();
    ok(server.command().args(["review", "fork", branch, "--reason", "first", "--account", "sup"]));

    ok(new.command().arg("sync"));
    status_when(&server, |status| status["households"] == 5);
    ok(new.command().arg("sync"));
    for record in &of_the_new {
        assert_eq!(progress(&new, record), "merged");
    }
    assert_eq!(new.says(&of_the_new[0], "@number").unwrap(), number, "a household keeps its number");
    let verified = json(server.command().args(["verify", "--json"]));
    assert_eq!(verified["faults"], Value::Array(vec![]), "{verified:#}");
    server.kill();
    let rebuilt = json(server.command().args(["rebuild", "--json"]));
    assert_eq!(rebuilt["before"], rebuilt["after"]);
}
