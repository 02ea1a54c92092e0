//! A server that is lost and put back from a backup, by the real programs: laptops are told, follow, and bring back what the
//! backup lacks, their own work and that of colleagues whose laptops are gone.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::world::{Laptop, Server, json, ok, said};

const AREA: &str = "HT0111";

fn status_when(server: &Server, what: impl Fn(&Value) -> bool) {
    let mut status = Value::Null;
    for _ in 0..600 {
        status = json(server.command().args(["status", "--json"]));
        if status["log_length"] == status["merged_through"] && what(&status) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the registry never came to that: {status:#}");
}

/// The disk is lost, and an empty folder is filled from the backup.
fn put_back(server: &mut Server, backup: &Path) -> Value {
    server.kill();
    std::fs::remove_dir_all(&server.home).unwrap();
    let restored = json(server.command().args(["restore", "--json"]).arg(backup));
    server.start();
    restored
}

fn sync(laptop: &Laptop) -> Value {
    json(laptop.command().args(["sync", "--json"]))
}

#[test]
fn what_a_backup_lacks_comes_back_from_the_laptops() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serving(folder.path());
    let enrol = |server: &Server, name: &str| Laptop::enrol(&folder.path().join(name), server, name, AREA);
    let rose = enrol(&server, "Rose");
    let jean = enrol(&server, "Jean");
    rose.interview();
    sync(&rose);
    status_when(&server, |status| status["households"] == 1);
    sync(&jean);
    let backup = folder.path().join("backup");
    ok(server.command().args(["backup", "--with-keys"]).arg(&backup));
    let old_head = folder.path().join("old.head");
    ok(server.command().args(["head", "--out"]).arg(&old_head));

    // After the backup: more work, a laptop that did not exist before, and a seat that ends.
    let second = rose.interview();
    sync(&rose);
    let marie = enrol(&server, "Marie");
    let of_marie = marie.interview();
    sync(&marie);
    let paul = enrol(&server, "Paul");
    paul.interview();
    sync(&paul);
    let of_paul = json(server.command().args(["device", "list", "--json"]));
    let seats = of_paul["seats"].as_array().unwrap();
    let paul_seat = seats.iter().find(|seat| seat["person"] == "Paul").unwrap()["seat"].as_str().unwrap();
    ok(server.command().args(["device", "revoke", paul_seat, "--reason", "stolen"]));
    status_when(&server, |status| status["households"] == 4);
    sync(&jean);
    let late_head = folder.path().join("late.head");
    ok(server.command().args(["head", "--out"]).arg(&late_head));
    // Two laptops are gone with the server.
    std::fs::remove_dir_all(&rose.home).unwrap();
    std::fs::remove_dir_all(&paul.home).unwrap();

    let restored = put_back(&mut server, &backup);
    let log = json(server.command().args(["status", "--json"]));
    assert_eq!(log["households"], 1, "{log:#}\n{restored:#}");
    // A colleague's laptop brings back Rose's work, who Marie and Paul are, and what they sent.
    let told = sync(&jean);
    assert!(told["sent_again"].is_u64(), "{told:#}");
    status_when(&server, |status| status["households"] == 4);
    assert!(sync(&jean)["sent_again"].is_null(), "once");
    let devices = json(server.command().args(["device", "list", "--json"]));
    let seats = devices["seats"].as_array().unwrap();
    let paul = seats.iter().find(|seat| seat["person"] == "Paul").unwrap();
    assert_eq!(paul["status"], "revoked", "{paul:#}");

    let told = sync(&marie);
    assert_eq!(told["still_to_send"], 0, "{told:#}");
    marie.interview();
    sync(&marie);
    status_when(&server, |status| status["households"] == 5);
    for record in [&second, &of_marie] {
        assert!(jean.says(record, "@number").is_some_and(|number| !number.is_empty()), "{record}");
    }

    // The log proves itself, and what was kept of it before tells what became of it.
    let verify = |args: &[&str], head: Option<&Path>| {
        let mut command = server.command();
        command.args(args).args(head.iter().flat_map(|head| [Path::new("--head"), head]));
        serde_json::from_slice::<Value>(&said(&mut command).stdout).unwrap()["faults"].clone()
    };
    assert_eq!(verify(&["verify", "--json"], None), Value::Array(vec![]));
    assert_eq!(verify(&["verify", "--json"], Some(&old_head)), Value::Array(vec![]));
    let faults = verify(&["verify", "--json"], Some(&late_head));
    assert!(faults.to_string().contains("restored from a backup"), "{faults:#}");
}

#[test]
fn a_server_put_back_by_hand_without_a_word_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serving(folder.path());
    let rose = Laptop::enrol(&folder.path().join("rose"), &server, "Rose", AREA);
    server.kill();
    let copy = folder.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(&server.home).arg(&copy).status().unwrap();
    assert!(copied.success());
    server.start();
    rose.interview();
    sync(&rose);
    status_when(&server, |status| status["households"] == 1);
    sync(&rose);
    server.kill();
    std::fs::remove_dir_all(&server.home).unwrap();
    std::fs::rename(&copy, &server.home).unwrap();
    server.start();
    assert!(
        !said(rose.command().arg("sync")).status.success(),
        "a rollback that nobody declared is found out"
    );
}
