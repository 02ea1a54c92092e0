//! `cargo xtask bench`: one laptop's whole work over HTTP, with the real programs: 10,000 new households, then nothing
//! changed, then one edited of 10,000.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to the person who ran it")]
#![expect(clippy::disallowed_methods, reason = "a bench reads a clock")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant as Stopwatch;

use serde_json::Value;
use testkit::short_form::{short_files, short_household};
use tests::sheet::sheet;
use tests::workspace_root;
use tests::world::{Laptop, Server, binary, json, ok};

/// What one laptop sends.
struct Work {
    name: &'static str,
    form: PathBuf,
    households: String,
    /// The question changed afterwards, and its new answer.
    edit: &'static str,
}

fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    let households: usize =
        std::env::var("LAKOU_BENCH_HOUSEHOLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let folder = tempfile::tempdir().expect("a folder to work in");
    let short_form = folder.path().join("short.xlsx");
    std::fs::write(&short_form, &short_files()["form.xlsx"]).expect("a file");
    let short = (0..households).map(|number| sheet(&short_household(7, number as u64)).to_string() + "\n");
    let pack =
        Command::new(binary("synthetic-households")).args([&households.to_string(), "HT0111"]).output();
    let works = [
        Work {
            name: "120 answers",
            form: short_form,
            households: short.collect(),
            edit: "locality=Fond Verrettes",
        },
        Work {
            name: "pack",
            form: workspace_root().join("target/packs/haiti-simast/household.xlsx"),
            households: String::from_utf8(pack.expect("the generator").stdout).expect("JSON"),
            edit: "locality=Fond Verrettes",
        },
    ];
    for work in works {
        let folder = folder.path().join(work.name);
        std::fs::create_dir(&folder).expect("a folder");
        measure(&folder, &work, households, as_json);
    }
}

fn measure(folder: &Path, work: &Work, households: usize, as_json: bool) {
    let mut server = Server::found(&folder.join("server"), &work.form);
    server.start();
    let laptop = Laptop::enrol(&folder.join("laptop"), &server, "Bench", "HT0111");

    eprintln!("recording {households} synthetic households");
    let file = folder.join("households.jsonl");
    std::fs::write(&file, &work.households).expect("a file");
    let watch = Stopwatch::now();
    let interview = ["interview", "household", "--finalise", "--batch", "--json", "--answers"];
    let answer: Value = json(laptop.command().args(interview).arg(&file).stderr(Stdio::null()));
    let say = |name: &str, value: f64, unit: &str| {
        let name = format!("{}: {name}", work.name);
        if as_json {
            let line =
                serde_json::json!({"name": name, "value": value, "unit": unit, "peer": null, "ratio": null});
            println!("{line}");
        } else {
            println!("{name:<52} {value:>12.1} {unit}");
        }
    };
    say("collector: record and sign", households as f64 / watch.elapsed().as_secs_f64(), "households/s");

    let watch = Stopwatch::now();
    let first = json(laptop.command().args(["sync", "--json"]));
    say("http, new households to receipts", watch.elapsed().as_secs_f64(), "s");
    figures(&say, "http, new households", &first);

    wait_for_merge(&server);
    // What the server said of the deltas is fetched once; after that nothing is new.
    json(laptop.command().args(["sync", "--json"]));
    let watch = Stopwatch::now();
    let idle = json(laptop.command().args(["sync", "--json"]));
    say("http, nothing changed", watch.elapsed().as_secs_f64(), "s");
    figures(&say, "http, nothing changed", &idle);

    let record = answer["records"][0]["record"].as_str().expect("a record").to_owned();
    ok(laptop.command().args(["record", "set", &record, work.edit]));
    ok(laptop.command().args(["record", "finalise", &record]));
    let watch = Stopwatch::now();
    let one = json(laptop.command().args(["sync", "--json"]));
    say("http, one edited", watch.elapsed().as_secs_f64(), "s");
    figures(&say, "http, one edited", &one);
}

fn figures(say: &dyn Fn(&str, f64, &str), name: &str, report: &Value) {
    for (key, what, unit) in
        [("requests", "requests", "requests"), ("bytes_up", "up", "bytes"), ("bytes_down", "down", "bytes")]
    {
        say(&format!("{name}, {what}"), report[key].as_f64().unwrap_or(f64::NAN), unit);
    }
}

fn wait_for_merge(server: &Server) {
    for _ in 0..1_200 {
        let status = json(server.command().args(["status", "--json"]));
        if status["log_length"] == status["merged_through"] {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the server did not finish merging within a minute");
}
