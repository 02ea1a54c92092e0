//! The operating system says no, or the power goes, at one file-system call after the other: nothing acknowledged is lost.
//!
//! strace refuses or kills at a chosen call of the real programs (`inject=`), and `prlimit` makes a write short. The calls
//! are those that a run without faults made on the program's own folder; `LAKOU_FAULTS` sets at how many of them each fault
//! is tried, evenly spread, `LAKOU_SEED` which ones. In the soak: at each of the first 200.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tests::world::{Laptop, Server, json, ok, said, under};

/// Calls after these are not tried: by then the programs repeat themselves.
const FIRST_CALLS: usize = 200;
/// What changes files, names or locks, or asks for them to be there.
const CALLS: &str = "openat,read,pread64,write,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,\
                     renameat2,mkdir,mkdirat,fallocate,fcntl,flock,newfstatat,fstat,lseek";

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

/// One call of a run: which, and the how many-th of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    name: String,
    nth: usize,
}

/// What is done at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Kill,
    Error(&'static str),
}

impl Harm {
    fn rule(self, call: &Call) -> String {
        let (name, nth) = (&call.name, call.nth);
        match self {
            Self::Kill => format!("inject={name}:signal=KILL:when={nth}"),
            // From there on: a disk that is full stays full.
            Self::Error(error) => format!("inject={name}:error={error}:when={nth}+"),
        }
    }
}

const HARMS: [Harm; 3] = [Harm::Kill, Harm::Error("EIO"), Harm::Error("ENOSPC")];

/// The program under strace, with more arguments for strace before it.
fn traced(command: &Command, strace: &[&str]) -> Command {
    under("strace", &[&["-f", "-qq"], strace].concat(), command)
}

/// The first calls that a run makes on files below `home`, told apart by name and number as strace counts them.
fn calls_of(command: &Command, home: &Path, log: &Path) -> Vec<Call> {
    ok(&mut traced(command, &["-y", "-e", &format!("trace={CALLS}"), "-o", log.to_str().unwrap()]));
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    // strace counts each name by itself, in each thread by itself.
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let home = home.to_str().unwrap();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !CALLS.split(',').any(|call| call == name) {
            continue;
        }
        let count = counts.entry((thread.to_owned(), name.to_owned())).or_default();
        *count += 1;
        if arguments.contains(home) {
            calls.push(Call { name: name.to_owned(), nth: *count });
        }
    }
    calls.truncate(FIRST_CALLS);
    calls
}

/// So many of the calls, evenly spread; all when as many are asked for.
fn chosen(calls: &[Call]) -> Vec<Call> {
    let count = number("LAKOU_FAULTS").unwrap_or(6).min(calls.len());
    let first = number("LAKOU_SEED").unwrap_or(0);
    (0..count).map(|at| calls[(at * calls.len() / count + first) % calls.len()].clone()).collect()
}

fn harmed(command: &Command, harm: Harm, call: &Call) -> Output {
    let (rule, trace) = (harm.rule(call), format!("trace={}", call.name));
    said(&mut traced(command, &["-e", &trace, "-e", &rule, "-o", "/dev/null"]))
}

fn world(folder: &Path) -> (Server, Laptop) {
    let server = Server::serving(folder);
    let laptop = Laptop::enrol(&folder.join("laptop"), &server, "Enquêteur", "HT0111");
    (server, laptop)
}

/// What must hold after a fault: the new answer or, when it was not acknowledged, the one before.
fn holds(kept: &str, next: &str, acknowledged: bool, found: &str) -> bool {
    found == next || (found == kept && !acknowledged)
}

/// The planted bug: a laptop whose folder is put back to what it was before an acknowledged answer.
#[test]
fn an_acknowledged_answer_that_is_gone_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    let record = laptop.interview();
    let kept = laptop.says(&record, "locality").unwrap();
    let database = laptop.home.join("store.db");
    let before = std::fs::read(&database).unwrap();
    ok(laptop.command().args(["record", "set", &record, "locality=Localité"]));
    assert!(holds(&kept, "Localité", true, &laptop.says(&record, "locality").unwrap()));
    for sidecar in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(laptop.home.join(sidecar));
    }
    std::fs::write(&database, before).unwrap();
    assert!(!holds(&kept, "Localité", true, &laptop.says(&record, "locality").unwrap()));
}

#[test]
fn a_laptop_whose_disk_fails_at_any_call_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    let record = laptop.interview();
    let set = |value: &str| {
        let mut command = laptop.command();
        command.args(["record", "set", &record, &format!("locality={value}")]);
        command
    };
    let calls = calls_of(&set("Localité"), &laptop.home, &folder.path().join("calls"));
    assert!(calls.len() >= 40, "only {} calls on the folder", calls.len());
    let mut kept = laptop.says(&record, "locality").unwrap();
    let (mut tried, mut failed) = (0, 0);
    for harm in HARMS {
        for call in chosen(&calls) {
            let next = format!("Localité {tried}");
            let outcome = harmed(&set(&next), harm, &call);
            tried += 1;
            failed += usize::from(!outcome.status.success());
            let now = laptop.says(&record, "locality").unwrap();
            let acknowledged = outcome.status.success();
            assert!(
                holds(&kept, &next, acknowledged, &now),
                "{harm:?} at {call:?}: kept {kept:?}, wrote {next:?}, acknowledged {acknowledged}, found {now:?}"
            );
            kept = now;
        }
    }
    let doctor = json(laptop.command().args(["doctor", "--json"]));
    assert_eq!(doctor["sound"], true, "{doctor}");
    assert!(failed * 2 >= tried, "only {failed} of {tried} faults were felt");
    println!("{tried} faults in {} calls, {failed} felt, 0 acknowledged answers lost", calls.len());
}

#[test]
fn a_laptop_whose_writes_come_out_short_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    let record = laptop.interview();
    let mut kept = laptop.says(&record, "locality").unwrap();
    let mut failed = 0;
    let rounds = number("LAKOU_FAULTS").unwrap_or(6);
    let size = std::fs::metadata(laptop.home.join("store.db")).unwrap().len();
    for round in 0..rounds {
        let next = format!("Localité {round}");
        // No file may grow beyond this: a write across it is done in part, the next one is refused.
        let limit = (size / rounds as u64) * round as u64 + 1_000 + round as u64 * 37;
        let mut command = laptop.command();
        command.args(["record", "set", &record, &format!("locality={next}")]);
        let limit_argument = format!("--fsize={limit}");
        let refused = under("env", &["--ignore-signal=XFSZ"], &command);
        let mut limited = under("prlimit", &[&limit_argument], &refused);
        let acknowledged = said(&mut limited).status.success();
        failed += usize::from(!acknowledged);
        let now = laptop.says(&record, "locality").unwrap();
        assert!(
            holds(&kept, &next, acknowledged, &now),
            "files of {limit} bytes: kept {kept:?}, wrote {next:?}, acknowledged {acknowledged}, found {now:?}"
        );
        kept = now;
    }
    assert_eq!(json(laptop.command().args(["doctor", "--json"]))["sound"], true);
    assert!(failed > 0, "no short write was felt");
}

/// What a stick brings is acknowledged by the receipts in the reply.
#[test]
fn a_server_whose_disk_fails_at_any_call_keeps_what_its_receipts_cover() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, laptop) = world(folder.path());
    server.kill();
    let record = laptop.interview();
    let (mut tried, mut failed, mut covered) = (0, 0, 0);
    let take_in = |round: usize| -> (Command, PathBuf) {
        let (up, down) =
            (folder.path().join(format!("up-{round}")), folder.path().join(format!("down-{round}")));
        std::fs::create_dir_all(&up).unwrap();
        std::fs::create_dir_all(&down).unwrap();
        ok(laptop.command().args(["record", "set", &record, &format!("locality=Localité {round}")]));
        ok(laptop.command().args(["bundle", "export"]).arg(&up));
        let mut command = server.command();
        command.args(["bundle", "import"]).arg(&up).arg("--reply").arg(&down);
        (command, down)
    };
    let (command, _) = take_in(1_000);
    let calls = calls_of(&command, &server.home, &folder.path().join("calls"));
    assert!(calls.len() >= 40, "only {} calls on the folder", calls.len());
    for harm in HARMS {
        for call in chosen(&calls) {
            let (command, down) = take_in(tried);
            let outcome = harmed(&command, harm, &call);
            tried += 1;
            failed += usize::from(!outcome.status.success());
            // Whatever reply was written is believed.
            let brought = said(laptop.command().args(["bundle", "import", "--json"]).arg(&down));
            let brought: Value = serde_json::from_slice(&brought.stdout).unwrap_or_default();
            covered += usize::from(brought["delivered"].as_u64().is_some_and(|count| count > 0));
            let report = json(server.command().args(["verify", "--json"]));
            assert_eq!(report["faults"], serde_json::json!([]), "{harm:?} at {call:?}: {report}");
        }
    }
    // What a receipt covered is not sent again: had the server lost any of it, the two would differ now.
    let (mut command, down) = take_in(tried);
    ok(&mut command);
    ok(laptop.command().args(["bundle", "import"]).arg(&down));
    let hash = |command: &mut Command| json(command.args(["state-hash", "--json"]))["records_hash"].clone();
    assert_eq!(hash(&mut laptop.command()), hash(&mut server.command()));
    let report = json(server.command().args(["verify", "--json"]));
    assert_eq!(report["faults"], serde_json::json!([]), "{report}");
    assert!(failed * 2 >= tried, "only {failed} of {tried} faults were felt");
    println!(
        "{tried} faults in {} calls, {failed} felt, {covered} replies believed, nothing lost",
        calls.len()
    );
}
