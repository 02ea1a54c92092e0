//! `cargo xtask soak`: the long proofs, too long for every change, at any size. Each is a few tests of a suite that read
//! from one variable how far to go and from another the seed. A failing seed is run again with `--only` and `--seed`.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant as Stopwatch, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::cargo::{cargo, run};
use crate::needs;
use crate::outside::Outside;

/// Which proofs, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Print every proof with its name and its usual count, and run none.
    #[arg(long)]
    list: bool,
    /// Only these, by name.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// So many of what the proof counts, instead of its usual count.
    #[arg(long, value_name = "N", requires = "only")]
    count: Option<u64>,
    /// The seed for all that is drawn; by default another one each time.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// One line of JSON on standard output for each proof, and everything else on standard error.
    #[arg(long)]
    json: bool,
}

/// One long proof: which suite, which tests of it, and how far to go.
struct Proof {
    /// What it is asked for by: short, and never given to another.
    name: &'static str,
    /// What it shows, for the person who waits. Begins with what is counted.
    shows: &'static str,
    /// The usual count.
    count: u64,
    /// The suite's name for cargo; tests of other suites of that name are told apart by `tests`.
    suite: &'static str,
    /// Parts of the names of its tests; none for all.
    tests: &'static [&'static str],
    /// The variable that tells the suite how many.
    variable: &'static str,
    /// The variable that tells it the seed.
    seed_variable: &'static str,
    /// True when the suite compares with other people's programs.
    needs_oracle: bool,
}

const SEED: &str = "LAKOU_SEED";

/// What a proof has unless it says otherwise.
const PLAIN: Proof = Proof {
    name: "",
    shows: "",
    count: 0,
    suite: "",
    tests: &[],
    variable: "",
    seed_variable: SEED,
    needs_oracle: false,
};

/// Every long proof. Another one is another entry here, and a suite that reads its two variables.
const PROOFS: &[Proof] = &[
    Proof {
        name: "simulation",
        shows: "worlds of twelve laptops, foul roads and dying servers: all come to one state, nothing is lost",
        count: 1_000,
        suite: "simulation",
        tests: &["twelve_laptops"],
        variable: "LAKOU_WORLDS",
        ..PLAIN
    },
    Proof {
        name: "simulation-large",
        shows: "worlds of a hundred laptops: the same",
        count: 50,
        suite: "simulation",
        tests: &["a_hundred_laptops"],
        variable: "LAKOU_LARGE_WORLDS",
        ..PLAIN
    },
    Proof {
        name: "forks",
        shows: "forks by copy or by an old image put back: each is found, no branch is lost",
        count: 1_000,
        suite: "simulation",
        tests: &["forks_by_copy"],
        variable: "LAKOU_FORKS",
        ..PLAIN
    },
    Proof {
        name: "orders",
        shows: "random orders of 40 deltas, beside all orders of 7: one hash",
        count: 20_000,
        suite: "orders",
        variable: "LAKOU_ORDERS",
        ..PLAIN
    },
    Proof {
        name: "convergence",
        shows: "random histories of three laptops in any order, repetition and split",
        count: 500,
        suite: "convergence",
        tests: &["any_order"],
        variable: "PROPTEST_CASES",
        seed_variable: "PROPTEST_RNG_SEED",
        ..PLAIN
    },
    Proof {
        name: "tampers",
        shows: "random tampers of a server's log: each is found by `verify` against an exported head",
        count: 10_000,
        suite: "tamper",
        tests: &["random_tampers"],
        variable: "LAKOU_TAMPERS",
        ..PLAIN
    },
    Proof {
        name: "envelopes",
        shows: "mutated envelopes: none is accepted",
        count: 10_000_000,
        suite: "mutants",
        tests: &["mutated_envelopes"],
        variable: "LAKOU_ENVELOPES",
        ..PLAIN
    },
    Proof {
        name: "changes",
        shows: "mutants of changes, their checksums repaired: none harms a record; and with the reload check off",
        count: 100_000,
        suite: "mutants",
        tests: &["no_mutant_harms", "reload_check_off", "damaged_record"],
        variable: "LAKOU_MUTANTS",
        ..PLAIN
    },
    Proof {
        name: "payloads",
        shows: "signed payloads that are malformed, merged by real children: none is merged, kills, or takes long",
        count: 1_000_000,
        suite: "payloads",
        variable: "LAKOU_PAYLOADS",
        ..PLAIN
    },
    Proof {
        name: "forgeries",
        shows: "correctly signed forgeries: none is merged",
        count: 10_000,
        suite: "forgery",
        tests: &["no_correctly_signed_forgery"],
        variable: "LAKOU_FORGERIES",
        ..PLAIN
    },
    Proof {
        name: "kills-store",
        shows: "kills of the registry's store after its first acknowledgement: nothing acknowledged is lost",
        count: 200,
        suite: "sqlite",
        tests: &["kill"],
        variable: "LAKOU_KILLS",
        ..PLAIN
    },
    Proof {
        name: "kills",
        shows: "kills of server and of collector after their first acknowledgement: nothing acknowledged is lost",
        count: 200,
        suite: "kill",
        variable: "LAKOU_KILLS",
        ..PLAIN
    },
    Proof {
        name: "faults",
        shows: "file-system calls of laptop and server at which the power goes or the disk fails: nothing is lost",
        count: 200,
        suite: "faults",
        variable: "LAKOU_FAULTS",
        ..PLAIN
    },
    Proof {
        name: "power-cuts",
        shows: "disks as power cuts leave them, of laptop and server: nothing acknowledged is lost",
        count: 2_000,
        suite: "power",
        variable: "LAKOU_IMAGES",
        ..PLAIN
    },
    Proof {
        name: "interviews",
        shows: "random interviews: every node as the web engine has it, after every answer",
        count: 2_000,
        suite: "forms_oracle",
        tests: &["random_interviews"],
        variable: "LAKOU_SEQUENCES",
        needs_oracle: true,
        ..PLAIN
    },
];

/// What a proof came to: a line of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    name: &'static str,
    count: u64,
    /// Tests of it that failed.
    failures: u64,
    seed: u64,
    seconds: f64,
}

/// Runs the proofs asked for, each to its end; an error when one of them failed.
pub(crate) fn soak(options: &Options) -> Result<(), Box<dyn Error>> {
    let chosen = chosen(&options.only)?;
    if options.list {
        for proof in chosen {
            println!("{:<17} {:>9}  {}", proof.name, proof.count, proof.shows);
        }
        return Ok(());
    }
    let ready = make_ready(&chosen, options.json)?;
    let mut failed = Vec::new();
    for proof in chosen {
        let count = options.count.unwrap_or(proof.count);
        let seed = options.seed.unwrap_or_else(fresh_seed);
        eprintln!("\n== {}: {count} {} (seed {seed})", proof.name, proof.shows);
        let report = prove(proof, count, seed, &ready)?;
        if options.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            let Report { failures, seconds, .. } = report;
            println!("{}: {count}, seed {seed}: {failures} failed, {seconds:.0} s", proof.name);
        }
        if report.failures > 0 {
            failed.push(format!("cargo xtask soak --only {} --count {count} --seed {seed}", proof.name));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed; again with\n{}", failed.join("\n")).into()) }
}

fn chosen(only: &[String]) -> Result<Vec<&'static Proof>, Box<dyn Error>> {
    if only.is_empty() {
        return Ok(PROOFS.iter().collect());
    }
    let known = |name: &String| {
        let found = PROOFS.iter().find(|proof| proof.name == name);
        found.ok_or_else(|| format!("no proof {name}; cargo xtask soak --list names them").into())
    };
    only.iter().map(known).collect()
}

/// Builds all their suites at once, so that none builds its dependencies again with other features.
fn make_ready(chosen: &[&Proof], quietly: bool) -> Result<Option<Outside>, Box<dyn Error>> {
    let needs_oracle = chosen.iter().any(|proof| proof.needs_oracle);
    if needs_oracle {
        needs::install_missing()?;
    }
    // As a task of its own, so that what it tells does not stand between lines of JSON.
    let mut pack = Command::new(std::env::current_exe()?);
    run(pack.args(["pack", "build", "haiti-simast"]).stdout(Stdio::null()))?;
    let mut build = cargo(&["build", "--workspace", "--exclude", "xtask", "--bins"]);
    for proof in chosen {
        build.args(["--test", proof.suite]);
    }
    if quietly {
        build.stdout(Stdio::null());
    }
    run(&mut build)?;
    if needs_oracle { Outside::find().map(Some) } else { Ok(None) }
}

#[expect(clippy::disallowed_methods, reason = "a person wants to know how long it took")]
fn prove(
    proof: &'static Proof,
    count: u64,
    seed: u64,
    ready: &Option<Outside>,
) -> Result<Report, Box<dyn Error>> {
    let mut command =
        cargo(&["test", "--workspace", "--exclude", "xtask", "--test", proof.suite, "--", "--nocapture"]);
    command.args(proof.tests);
    let mut command = match ready {
        Some(outside) => outside.told(command),
        None => command,
    };
    command.env(proof.variable, count.to_string()).env(proof.seed_variable, seed.to_string());
    let began = Stopwatch::now();
    let failures = failures_of(&mut command)?;
    let seconds = (began.elapsed().max(Duration::from_millis(1)).as_secs_f64() * 10.0).round() / 10.0;
    Ok(Report { name: proof.name, count, failures, seed, seconds })
}

/// Runs the tests, tells all they tell, and counts those that fail.
fn failures_of(command: &mut Command) -> Result<u64, Box<dyn Error>> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut failed = 0;
    if let Some(told) = child.stdout.take() {
        for line in BufReader::new(told).lines() {
            let line = line?;
            failed += failures_in(&line);
            eprintln!("{line}");
        }
    }
    let ended_well = child.wait()?.success();
    // A suite that does not build or does not come to its end has no line that says so.
    Ok(if ended_well { failed } else { failed.max(1) })
}

/// From libtest's last line: `test result: FAILED. 1 passed; 2 failed; …`.
fn failures_in(line: &str) -> u64 {
    let result = line.strip_prefix("test result: ").and_then(|result| result.split("; ").nth(1));
    let number = result.and_then(|failed| failed.strip_suffix(" failed"));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Another one each time, short enough to be typed again.
#[expect(clippy::disallowed_methods, reason = "the clock is as good as any other dice here")]
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) + since.as_secs() % 1_000_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::workspace;

    #[test]
    fn names_are_short_plain_and_one_of_a_kind() {
        let names: BTreeSet<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        assert_eq!(names.len(), PROOFS.len());
        for name in names {
            assert!(name.len() <= 16 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
    }

    #[test]
    fn every_proof_is_a_suite_that_has_its_tests_and_reads_its_variable() {
        let sources = sources(&workspace::root());
        for proof in PROOFS {
            let of_suite: Vec<&String> = sources
                .iter()
                .filter(|(path, _)| {
                    path.components()
                        .any(|part| Path::new(part.as_os_str()).file_stem() == Some(proof.suite.as_ref()))
                })
                .map(|(_, text)| text)
                .collect();
            assert!(!of_suite.is_empty(), "{}: no suite {}", proof.name, proof.suite);
            // Proptest reads its own.
            let ours =
                [proof.variable, proof.seed_variable].into_iter().filter(|name| name.starts_with("LAKOU_"));
            for needed in ours.chain(proof.tests.iter().copied()) {
                assert!(
                    of_suite.iter().any(|text| text.contains(needed)),
                    "{}: {needed} is not in its suite",
                    proof.name
                );
            }
        }
    }

    /// The Rust files in every `tests` folder.
    fn sources(root: &Path) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    if name != "target" && !name.starts_with('.') {
                        folders.push(path);
                    }
                } else if name.ends_with(".rs") && path.components().any(|part| part.as_os_str() == "tests") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    found.push((path.strip_prefix(root).unwrap().to_owned(), text));
                }
            }
        }
        found
    }

    #[test]
    fn failures_are_read_from_the_last_line_of_a_suite() {
        assert_eq!(failures_in("test result: FAILED. 1 passed; 12 failed; 0 ignored; 0 measured"), 12);
        assert_eq!(failures_in("test result: ok. 9 passed; 0 failed; 0 ignored"), 0);
        assert_eq!(failures_in("test some_test ... FAILED"), 0);
    }

    #[test]
    fn an_unknown_name_is_an_error_and_no_name_means_all() {
        assert!(chosen(&["simulatoin".to_owned()]).is_err());
        assert_eq!(chosen(&[]).unwrap().len(), PROOFS.len());
        assert_eq!(chosen(&["forks".to_owned()]).unwrap()[0].count, 1_000);
    }
}
