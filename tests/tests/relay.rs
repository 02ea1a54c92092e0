//! Three real programs: a laptop without a network, a colleague's that carries for it, and the server. Two laptops meet over
//! loopback; the carrier alone reaches the server.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::world::{Laptop, Server, json, lines_of, ok, said};

/// A relay that listens.
struct Relay {
    process: Child,
    address: String,
    words: String,
    said: std::sync::mpsc::Receiver<String>,
}

impl Relay {
    fn open(laptop: &Laptop) -> Self {
        let mut process = laptop
            .command()
            .args(["relay", "serve", "--listen", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = lines_of(BufReader::new(process.stderr.take().unwrap()));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let open: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        holds("collector-relay-open", &open);
        let word = |key: &str| open[key].as_str().unwrap().to_owned();
        let address = open["addresses"][0].as_str().unwrap().to_owned();
        Self { process, address, words: word("words"), said }
    }

    /// Waits until it has said a line with this in it.
    fn wait_for(&self, what: &str) {
        let mut seen = Vec::new();
        while let Ok(line) = self.said.recv_timeout(Duration::from_secs(60)) {
            if line.contains(what) {
                return;
            }
            seen.push(line);
        }
        panic!("{what:?} was not said:\n{}", seen.concat());
    }

    /// As a power cut would.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn holds(shape: &str, said: &Value) {
    let schema: Value = serde_json::from_str(&tests::read(&format!("schemas/{shape}.schema.json"))).unwrap();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(said).map(|error| error.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new(), "{shape}: {said:#}");
}

struct World {
    folder: tempfile::TempDir,
    server: Server,
    /// Works without a network.
    rose: Laptop,
    /// Carries, and knows other areas: nothing of Rose's is ever his to read.
    wilner: Laptop,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serving(folder.path());
        let rose = Laptop::enrol(&folder.path().join("rose"), &server, "Rose", "HT0111");
        let wilner = Laptop::enrol(&folder.path().join("wilner"), &server, "Wilner", "HT0211");
        rose.interview();
        Self { folder, server, rose, wilner }
    }

    fn carried(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.wilner.home.join("carried")).into_iter().flatten();
        files.map(|entry| entry.unwrap().path()).collect()
    }
}

fn push_command(laptop: &Laptop, relay: &Relay, words: &str) -> Command {
    let mut command = laptop.command();
    command.args(["relay", "push", &relay.address, "--json", "--words", words]);
    command
}

fn push(laptop: &Laptop, relay: &Relay) -> Value {
    let pushed = json(&mut push_command(laptop, relay, &relay.words));
    holds("collector-relay-push", &pushed);
    pushed
}

fn records_hash(command: &mut Command) -> Value {
    json(command.args(["state-hash", "--json"]))["records_hash"].clone()
}

fn contains(file: &Path, needle: &[u8]) -> bool {
    std::fs::read(file).unwrap().windows(needle.len()).any(|window| window == needle)
}

#[test]
fn work_goes_over_a_colleagues_laptop_to_the_registry_and_its_receipt_comes_back() {
    let world = World::new();
    let World { server, rose, wilner, .. } = &world;
    let relay = Relay::open(wilner);

    let pushed = push(rose, &relay);
    assert_eq!((&pushed["handed_over"], &pushed["already_there"]), (&1.into(), &0.into()), "{pushed:#}");
    // Carried is not delivered.
    assert_eq!((&pushed["delivered"], &pushed["still_to_send"]), (&0.into(), &pushed["deltas"]));
    relay.wait_for("1 fichiers");
    // Again, by mistake: nothing goes over twice.
    let again = push(rose, &relay);
    assert_eq!((&again["handed_over"], &again["already_there"]), (&0.into(), &1.into()), "{again:#}");

    // The carrier cannot read what he carries.
    let carried = world.carried();
    assert_eq!(carried.len(), 1);
    // The name that the fixture's first member has.
    let name = "Edeline";
    assert!(tests::read("fixtures/households/household.json").contains(name));
    for secret in [name, "Rose"] {
        assert!(!contains(&carried[0], secret.as_bytes()), "{secret}");
    }
    let opened = said(wilner.command().args(["bundle", "import"]).arg(&carried[0]));
    assert_eq!(opened.status.code(), Some(10));
    let words = String::from_utf8(opened.stderr).unwrap();
    assert!(words.contains("1 fichiers pour d'autres"), "{words}");
    let status = json(wilner.command().args(["relay", "status", "--json"]));
    holds("collector-relay-status", &status);
    assert_eq!((&status["for_head_office"], &status["replies"]), (&1.into(), &0.into()), "{status:#}");

    // While the relay still listens, its owner reaches the network.
    let synced = json(wilner.command().args(["sync", "--json"]));
    holds("collector-sync", &synced);
    assert_eq!((&synced["carried"]["handed_in"], &synced["carried"]["left"]), (&1.into(), &0.into()));
    assert!(synced["carried"]["replies"].as_u64().unwrap() >= 1, "{synced:#}");
    let replies = world.carried();
    assert!(replies.iter().all(|reply| !contains(reply, name.as_bytes()) && !carried.contains(reply)));

    let pushed = push(rose, &relay);
    assert!(pushed["replies"].as_u64().unwrap() >= 1 && pushed["replies_left"] == 0, "{pushed:#}");
    assert!(pushed["delivered"].as_u64().unwrap() >= 1, "{pushed:#}");
    assert_eq!(pushed["still_to_send"], 0, "{pushed:#}");
    // The bundle with which she came was packed before the receipt was here.
    let registry = || json(server.command().args(["status", "--json"]));
    let merged = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        registry()["households"] == 1
    });
    assert!(merged, "{:#}", registry());
    assert_eq!(records_hash(&mut rose.command()), records_hash(&mut server.command()));
    // What the server has merged since comes with the next round, and nothing stays behind.
    json(wilner.command().args(["sync", "--json"]));
    push(rose, &relay);
    let status = json(rose.command().args(["status", "--json"]));
    assert_eq!(
        (&status["sent"]["merged"], &status["to_send"]["sendings"]),
        (&status["sent"]["delivered"], &0.into())
    );
}

#[test]
fn wrong_words_hand_nothing_over_and_five_of_them_close_the_relay() {
    let world = World::new();
    let mut relay = Relay::open(&world.wilner);
    let wrong = if relay.words == "lampe lampe lampe lampe" {
        "miel miel miel miel"
    } else {
        "lampe lampe lampe lampe"
    };
    let not_of_the_list = said(&mut push_command(&world.rose, &relay, "un deux trois quatre"));
    assert_eq!(not_of_the_list.status.code(), Some(2));
    for _ in 0..5 {
        let refused = said(&mut push_command(&world.rose, &relay, wrong));
        assert_eq!(refused.status.code(), Some(5), "{}", String::from_utf8_lossy(&refused.stderr));
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(error.contains("les mots ne sont pas"), "{error}");
    }
    // Told plainly, and closed to everybody, those with the right words too.
    relay.wait_for("Essais qui restent : 0");
    let closed = relay.process.wait().unwrap();
    assert_eq!(closed.code(), Some(5));
    relay.wait_for("5 fois de mauvais mots");
    let late = said(&mut push_command(&world.rose, &relay, &relay.words));
    assert_eq!(late.status.code(), Some(4), "{}", String::from_utf8_lossy(&late.stderr));
    assert!(world.carried().is_empty());
    assert!(
        json(world.rose.command().args(["status", "--json"]))["to_send"]["sendings"].as_u64().unwrap() > 0
    );
}

#[test]
fn a_relay_that_dies_in_the_middle_leaves_nothing_half_and_the_next_meeting_goes_on() {
    let world = World::new();
    let file = world.folder.path().join("households.jsonl");
    let households =
        Command::new(tests::world::binary("synthetic-households")).args(["40", "HT0111", "7"]).output();
    std::fs::write(&file, households.unwrap().stdout).unwrap();
    ok(world
        .rose
        .command()
        .args(["interview", "household", "--finalise", "--batch", "--answers"])
        .arg(&file));
    // What a power cut in the middle of a part leaves.
    let carried = world.wilner.home.join("carried");
    std::fs::create_dir_all(&carried).unwrap();
    std::fs::write(carried.join("lakou-HALFHALFHALFHALF.unfinished"), b"LAKOU BUNDLE 1\n").unwrap();
    for wait_ms in [0, 5, 20, 60] {
        let relay = Relay::open(&world.wilner);
        let mut pushing = push_command(&world.rose, &relay, &relay.words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From the first sign of the meeting on; without one, it is over.
        let handing_over = world.rose.home.join("handing-over");
        for _ in 0..500 {
            if handing_over.exists() || pushing.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(wait_ms));
        relay.kill();
        pushing.wait().unwrap();
        let parts =
            world.carried().into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "lakou"));
        for part in parts {
            let bytes = std::fs::read(&part).unwrap();
            // Whole: the server opens it.
            let alone = world.folder.path().join("alone.lakou");
            std::fs::write(&alone, bytes).unwrap();
            ok(world.server.command().args(["bundle", "import"]).arg(&alone));
        }
    }
    let relay = Relay::open(&world.wilner);
    push(&world.rose, &relay);
    json(world.wilner.command().args(["sync", "--json"]));
    let pushed = push(&world.rose, &relay);
    assert_eq!(pushed["still_to_send"], 0, "{pushed:#}");
    assert!(world.carried().iter().all(|path| path.extension().is_some_and(|ext| ext == "lakou")));
}

#[test]
fn strangers_and_silent_callers_do_not_keep_colleagues_from_the_relay() {
    let world = World::new();
    let relay = Relay::open(&world.wilner);
    let mut browser = TcpStream::connect(&relay.address).unwrap();
    browser.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut liar = TcpStream::connect(&relay.address).unwrap();
    liar.write_all(&[0xff; 64]).unwrap();
    let _silent = TcpStream::connect(&relay.address).unwrap();
    let pushed = push(&world.rose, &relay);
    assert_eq!(pushed["handed_over"], 1, "{pushed:#}");
    // Nobody of another registry can hand anything in, even with the words.
    let other = World::new();
    let foreign = said(&mut push_command(&other.rose, &relay, &relay.words));
    assert_eq!(foreign.status.code(), Some(2), "{}", String::from_utf8_lossy(&foreign.stderr));
    assert!(String::from_utf8(foreign.stderr).unwrap().contains("autre registre"));
    assert_eq!(world.carried().len(), 1);
}

#[test]
fn a_carrier_whose_seat_was_revoked_meanwhile_still_hands_in_what_he_carries() {
    let world = World::new();
    let relay = Relay::open(&world.wilner);
    push(&world.rose, &relay);
    let listed = json(world.server.command().args(["device", "list", "--json"]));
    let seat = listed["seats"].as_array().unwrap().iter().find(|seat| seat["person"] == "Wilner").unwrap();
    let revoke = ["device", "revoke", seat["seat"].as_str().unwrap(), "--reason", "Parti"];
    ok(world.server.command().args(revoke));
    let refused = said(world.wilner.command().arg("sync"));
    let (words, said) =
        (String::from_utf8(refused.stdout).unwrap(), String::from_utf8(refused.stderr).unwrap());
    assert_eq!(refused.status.code(), Some(5), "{words}{said}");
    assert!(words.contains("Porté au siège pour des collègues : 1 fichiers"), "{words}{said}");
    let pushed = push(&world.rose, &relay);
    assert_eq!(pushed["still_to_send"], 0, "{pushed:#}");
}
