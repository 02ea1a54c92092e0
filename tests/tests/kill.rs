//! A power cut at any moment after the first acknowledgement loses nothing that was acknowledged.
//!
//! `LAKOU_KILLS` sets how many times each program is killed: 200 in the soak, fewer in every run.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::workspace_root;
use tests::world::{Laptop, PASSPHRASE, Server, binary, json, ok};

fn kills() -> usize {
    std::env::var("LAKOU_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(6)
}

/// Spread over the first moments after the acknowledgement, where a write is most likely under way.
fn a_moment(round: usize) -> Duration {
    Duration::from_micros((round as u64 * 7_919) % 25_000)
}

fn world(folder: &Path) -> (Server, Laptop) {
    let form = workspace_root().join("target/packs/haiti-simast/household.xlsx");
    let mut server = Server::found(&folder.join("server"), &form);
    server.start();
    let laptop = Laptop::enrol(&folder.join("laptop"), &server, "Enquêteur", "HT0111");
    (server, laptop)
}

fn households(folder: &Path, count: usize, seed: usize) -> std::path::PathBuf {
    let file = folder.join(format!("households-{seed}.jsonl"));
    let lines = ok(Command::new(binary("synthetic-households")).args([
        &count.to_string(),
        "HT0111",
        &seed.to_string(),
    ]));
    std::fs::write(&file, lines).expect("a file");
    file
}

#[test]
fn a_collector_that_is_killed_keeps_every_answer_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    let file = households(folder.path(), 1, 1);
    let interview = ["interview", "household", "--finalise", "--json", "--answers"];
    let record = json(laptop.command().args(interview).arg(&file));
    let record = record["records"][0]["record"].as_str().expect("a record").to_owned();
    // How long a save takes here, so that the kills fall all over it.
    let watch = Duration::from_millis(900);
    for round in 0..kills() as u64 {
        // Acknowledged: the program ended well.
        let acknowledged = format!("Localité {round}");
        ok(laptop.command().args(["record", "set", &record, &format!("locality={acknowledged}")]));
        let next = format!("Localité {round} bis");
        let mut process = laptop
            .command()
            .args(["record", "set", &record, &format!("locality={next}")])
            .env("LAKOU_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(watch.mul_f64(((round * 7_919) % 1_000) as f64 / 1_000.0));
        process.kill().unwrap();
        process.wait().unwrap();
        let kept = locality(&laptop, &record);
        assert!(
            kept == acknowledged || kept == next,
            "round {round}: acknowledged {acknowledged:?}, kept {kept:?}"
        );
        if round % 10 == 0 {
            let doctor = json(laptop.command().args(["doctor", "--json"]));
            assert_eq!(doctor["sound"], true, "round {round}: {doctor}");
        }
    }
    println!("{} kills of the collector, 0 acknowledged answers lost", kills());
}

fn locality(laptop: &Laptop, record: &str) -> String {
    let shown = json(laptop.command().args(["record", "show", record, "--json"]));
    let answers = shown["answers"].as_array().expect("answers");
    let answer = answers.iter().find(|answer| answer["path"] == "locality").expect("the locality");
    answer["values"][0]["value"].as_str().expect("a text").to_owned()
}

#[test]
fn a_server_that_is_killed_keeps_every_delta_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, laptop) = world(folder.path());
    let mut expected = 0;
    for round in 0..kills() {
        let file = households(folder.path(), 5, 1_000 + round);
        ok(laptop
            .command()
            .args(["interview", "household", "--finalise", "--batch", "--answers"])
            .arg(&file));
        expected += 5;
        // The push's receipt makes the work delivered; the server dies while it merges, or while it answers the pull.
        let mut process = laptop
            .command()
            .args(["sync"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300) + a_moment(round));
        server.kill();
        let _ = process.wait();
        server.start();
        // Whatever the laptop counts as delivered is in the log.
        let status = json(laptop.command().args(["status", "--json"]));
        let waiting = status["to_send"]["sendings"].as_u64().expect("a count");
        let report = json(server.command().args(["verify", "--json"]));
        assert_eq!(report["faults"].as_array().map(Vec::len), Some(0), "round {round}: {report}");
        if waiting > 0 {
            ok(laptop.command().arg("sync"));
        }
        let listed = merged(&server, expected);
        assert_eq!(listed, expected, "round {round}: households in the registry");
    }
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{} kills of the server, {expected} households acknowledged, 0 lost", kills());
}

/// Households in the registry, once the server has worked through its log.
fn merged(server: &Server, expected: usize) -> usize {
    let mut found = 0;
    for _ in 0..200 {
        let hash = json(server.command().args(["state-hash", "--json"]));
        found = hash["records"].as_u64().expect("a count") as usize;
        if found >= expected {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    found
}
