//! A power cut at any moment after the first acknowledgement loses nothing that was acknowledged.
//!
//! `LAKOU_KILLS` sets how many times each program is killed: 200 in the soak, fewer in every run; `LAKOU_SEED` the
//! number of the first, from which the moment follows.

#![expect(clippy::disallowed_methods, reason = "a kill must fall within the time that a save takes")]

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant as Stopwatch};

use tests::world::{Laptop, Server, binary, json, ok};

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

fn kills() -> usize {
    number("LAKOU_KILLS", 6)
}

/// The kills by number; `LAKOU_SEED` is that of the first.
fn rounds() -> std::ops::Range<usize> {
    let first = number("LAKOU_SEED", 0);
    first..first + kills()
}

/// Spread over the first moments after the acknowledgement, where a write is most likely under way.
fn a_moment(round: usize) -> Duration {
    Duration::from_micros((round as u64 * 7_919) % 25_000)
}

fn world(folder: &Path) -> (Server, Laptop) {
    let server = Server::serving(folder);
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
    let (mut alive, mut saving) = (0, Duration::from_millis(500));
    for round in rounds() {
        // Acknowledged: the program ended well.
        let acknowledged = format!("Localité {round}");
        let watch = Stopwatch::now();
        ok(laptop.command().args(["record", "set", &record, &format!("locality={acknowledged}")]));
        // So that the kills fall all over a save, however fast this machine is.
        saving = saving.mul_f64(0.5) + watch.elapsed().mul_f64(0.5);
        let next = format!("Localité {round} bis");
        let mut process = laptop
            .command()
            .args(["record", "set", &record, &format!("locality={next}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(saving.mul_f64(((round * 7_919) % 1_000) as f64 / 1_000.0));
        alive += usize::from(process.try_wait().unwrap().is_none());
        process.kill().unwrap();
        process.wait().unwrap();
        let kept = laptop.says(&record, "locality").unwrap();
        assert!(
            kept == acknowledged || kept == next,
            "round {round}: acknowledged {acknowledged:?}, kept {kept:?}"
        );
        if round % 10 == 0 {
            let doctor = json(laptop.command().args(["doctor", "--json"]));
            assert_eq!(doctor["sound"], true, "round {round}: {doctor}");
        }
    }
    assert!(alive * 2 >= kills(), "only {alive} of {} kills met a running program", kills());
    println!("{alive} kills of a running collector, 0 acknowledged answers lost");
}

#[test]
fn an_interview_that_is_killed_keeps_every_answer_before_the_question_on_screen() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    for (done, round) in rounds().enumerate() {
        let mut interview = laptop
            .command()
            .args(["interview", "household"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut screen = BufReader::new(interview.stderr.take().unwrap());
        let mut keyboard = interview.stdin.take().unwrap();
        // The date as it stands, the number of the visit, then department and commune from their lists.
        let number = (round % 9 + 1).to_string();
        let typed = ["", &number, "1", "7"];
        let answered = 2 + round % 3;
        for answer in &typed[..answered] {
            until_asked(&mut screen);
            writeln!(keyboard, "{answer}").unwrap();
        }
        // The next question is on screen: what came before is saved. The kill meets the save of one more.
        until_asked(&mut screen);
        let _ = writeln!(keyboard, "1");
        std::thread::sleep(a_moment(round));
        interview.kill().unwrap();
        interview.wait().unwrap();

        let listed = json(laptop.command().args(["record", "list", "--json"]));
        let records = listed["records"].as_array().expect("records");
        assert_eq!(records.len(), done + 1, "round {round}");
        let newest = records.iter().max_by_key(|record| record["updated_at"].as_str().map(str::to_owned));
        let record = newest.and_then(|record| record["record"].as_str()).expect("a record").to_owned();
        assert_eq!(laptop.says(&record, "visit_number").unwrap(), number, "round {round}");
        let expected = [("department", "HT01"), ("commune", "HT0117")];
        for (question, code) in &expected[..answered - 2] {
            assert_eq!(laptop.says(&record, question).unwrap(), *code, "round {round}");
        }
    }
    println!("{} kills of an interview, 0 answers lost", kills());
}

/// Reads the screen up to the next question's prompt.
fn until_asked(screen: &mut impl Read) {
    let mut shown = Vec::new();
    let mut byte = [0];
    while !shown.ends_with(b"\n> ") {
        screen.read_exact(&mut byte).unwrap_or_else(|error| {
            panic!("the interview ended: {error}\n{}", String::from_utf8_lossy(&shown))
        });
        shown.extend(byte);
    }
}

#[test]
fn a_server_that_is_killed_keeps_every_delta_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, laptop) = world(folder.path());
    let (mut expected, mut acknowledged) = (0, 0);
    for round in rounds() {
        let file = households(folder.path(), 5, 1_000 + round);
        ok(laptop
            .command()
            .args(["interview", "household", "--finalise", "--batch", "--answers"])
            .arg(&file));
        expected += 5;
        server.forget_log();
        // The push's receipt makes the work delivered; the server dies while it merges, or while it answers the pull.
        let mut process = laptop
            .command()
            .args(["sync"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        server.wait_for_answer("/v1/push", 201);
        std::thread::sleep(a_moment(round));
        server.kill();
        let _ = process.wait();
        server.start();
        // Whatever the laptop counts as delivered is in the log.
        let status = json(laptop.command().args(["status", "--json"]));
        let waiting = status["to_send"]["sendings"].as_u64().expect("a count");
        acknowledged += usize::from(waiting == 0);
        let report = json(server.command().args(["verify", "--json"]));
        assert_eq!(report["faults"].as_array().map(Vec::len), Some(0), "round {round}: {report}");
        if waiting > 0 {
            ok(laptop.command().arg("sync"));
        }
        let listed = merged(&server, expected);
        assert_eq!(listed, expected, "round {round}: households in the registry");
    }
    assert!(acknowledged * 2 >= kills(), "only {acknowledged} of {} kills came after a receipt", kills());
    println!(
        "{} kills of the server, {acknowledged} right after a receipt, {expected} households, 0 lost",
        kills()
    );
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
