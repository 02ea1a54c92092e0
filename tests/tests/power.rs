//! Power cuts with a disk that had not yet written what nobody asked it to flush.
//!
//! strace writes down every call by which a real program changes files, with the bytes. From that, disks are made as a power
//! cut between two calls may leave them: what was flushed is there; of the rest each sector is or is not, and of changes of
//! names a beginning. Each disk is then opened by the real program. A kill (suite `kill`) shows what a process may lose,
//! this what a machine may.
//!
//! `LAKOU_IMAGES` sets how many disks are made of each program's runs, `LAKOU_SEED` which.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tests::world::{Laptop, Server, binary, json, ok, said, under};

/// What changes files and their names, and nothing else.
const CALLS: &str =
    "openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,renameat2,mkdir";
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Disks made of one recorded run.
const OF_ONE_RUN: u64 = 40;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

/// One thing that a program did to the folder.
#[derive(Debug)]
enum Step {
    Write {
        path: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Resize {
        path: String,
        length: usize,
    },
    Create {
        path: String,
        empty: bool,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Flush {
        path: String,
    },
    /// From here on somebody has been told.
    Told,
}

/// Runs the program under strace; gives what it did below `home`. `is_told` knows the line that tells somebody.
fn recorded(command: &Command, home: &Path, log: &Path, is_told: impl Fn(&Line) -> bool) -> Vec<Step> {
    let trace = format!("trace={CALLS}");
    let every_byte = ["-f", "-qq", "-y", "-xx", "-s", "4000000", "-e", &trace, "-o", log.to_str().unwrap()];
    ok(&mut under("strace", &every_byte, command));
    let home = home.to_str().unwrap();
    let text = std::fs::read_to_string(log).unwrap();
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    let mut steps = Vec::new();
    for line in text.lines() {
        assert!(!line.contains("<unfinished"), "two threads wrote at once: this reader does not sort them");
        let Some(line) = Line::read(line) else { continue };
        if is_told(&line) {
            steps.push(Step::Told);
        }
        let inside = |path: &str| path.starts_with(home);
        let path = line.paths.first().cloned().unwrap_or_default();
        match line.name.as_str() {
            "openat" if line.rest.contains("O_CREAT") || line.rest.contains("O_TRUNC") => {
                let path = line.texts.first().cloned().unwrap_or_default();
                let path = String::from_utf8(path).unwrap();
                positions.insert(path.clone(), 0);
                if inside(&path) {
                    steps.push(Step::Create { path, empty: line.rest.contains("O_TRUNC") });
                }
            }
            "pwrite64" if inside(&path) => {
                let bytes = line.texts[0][..line.result].to_vec();
                steps.push(Step::Write { path, at: line.last_number(), bytes });
            }
            "write" if inside(&path) => {
                let at = positions.entry(path.clone()).or_default();
                let bytes = line.texts[0][..line.result].to_vec();
                *at += bytes.len();
                steps.push(Step::Write { path, at: *at - bytes.len(), bytes });
            }
            "ftruncate" if inside(&path) => steps.push(Step::Resize { path, length: line.last_number() }),
            "fsync" | "fdatasync" if inside(&path) => steps.push(Step::Flush { path }),
            "unlink" | "unlinkat" => {
                let path = line.text(0);
                if inside(&path) {
                    steps.push(Step::Remove { path });
                }
            }
            "rename" | "renameat" | "renameat2" => {
                let (from, to) = (line.text(0), line.text(1));
                if inside(&to) {
                    steps.push(Step::Rename { from, to });
                }
            }
            _ => {}
        }
    }
    steps
}

/// A call as strace writes it down, its texts and paths decoded.
struct Line {
    name: String,
    /// The path behind each descriptor, `3<path>`.
    paths: Vec<String>,
    /// Each quoted argument.
    texts: Vec<Vec<u8>>,
    /// The first argument where it is a descriptor.
    descriptor: Option<u32>,
    /// The arguments without texts and paths.
    rest: String,
    result: usize,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let (_, call) = line.split_once(' ')?;
        let (name, arguments) = call.trim_start().split_once('(')?;
        let (arguments, result) = arguments.rsplit_once(" = ")?;
        let digits: String = result.chars().take_while(char::is_ascii_digit).collect();
        // Calls that failed changed nothing.
        let result = digits.parse().ok()?;
        let (mut paths, mut texts, mut rest) = (Vec::new(), Vec::new(), String::new());
        let mut left = arguments;
        while let Some(at) = left.find(['<', '"']) {
            rest.push_str(&left[..at]);
            let end = if left.as_bytes()[at] == b'<' { '>' } else { '"' };
            let inner = &left[at + 1..];
            let length = inner.find(end)?;
            let bytes = unescaped(&inner[..length])?;
            match end {
                '>' => paths.push(String::from_utf8_lossy(&bytes).into_owned()),
                _ => texts.push(bytes),
            }
            left = &inner[length + 1..];
        }
        rest.push_str(left);
        let descriptor = rest.split([',', ')']).next().and_then(|first| first.trim().parse().ok());
        Some(Self { name: name.to_owned(), paths, texts, descriptor, rest, result })
    }

    fn last_number(&self) -> usize {
        let numbers = self.rest.trim_end_matches(')').rsplit(',').next().map(str::trim);
        numbers
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{}({}", self.name, self.rest))
    }

    fn text(&self, at: usize) -> String {
        String::from_utf8_lossy(&self.texts[at]).into_owned()
    }
}

/// `\x41\x42`, as `-xx` writes every text.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    text.split("\\x").skip(1).map(|hex| u8::from_str_radix(hex, 16).ok()).collect()
}

/// A file's content: what is safe, and what came after.
#[derive(Clone, Default)]
struct Content {
    flushed: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Sector { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Sector { at, bytes } => {
                if content.len() < at + bytes.len() {
                    content.resize(at + bytes.len(), 0);
                }
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

/// A disk: contents by number, names as they are safe, and the changes of names since the folder was flushed.
#[derive(Clone, Default)]
struct Disk {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    seen: BTreeMap<String, usize>,
    renamed: Vec<(String, Option<usize>)>,
}

impl Disk {
    /// What lies in a folder, all of it safe.
    fn of(home: &Path) -> Self {
        let mut disk = Self::default();
        for file in files_below(home) {
            let content = Content { flushed: std::fs::read(&file).unwrap(), since: Vec::new() };
            disk.names.insert(file.to_str().unwrap().to_owned(), disk.contents.len());
            disk.contents.push(content);
        }
        disk.seen = disk.names.clone();
        disk
    }

    fn name(&mut self, path: &str, content: Option<usize>) {
        match content {
            Some(content) => self.seen.insert(path.to_owned(), content),
            None => self.seen.remove(path),
        };
        self.renamed.push((path.to_owned(), content));
    }

    fn change(&mut self, path: &str, change: Change) {
        // A file that was taken away and is still written to is nobody's any more.
        if let Some(content) = self.seen.get(path) {
            self.contents[*content].since.push(change);
        }
    }

    fn take(&mut self, step: &Step, flushes: bool) {
        match step {
            Step::Write { path, at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
                    self.change(path, Change::Sector { at: at + from, bytes: bytes[from..to].to_vec() });
                    from = to;
                }
            }
            Step::Resize { path, length } => self.change(path, Change::Length(*length)),
            Step::Create { path, empty } => {
                if self.seen.contains_key(path) {
                    if *empty {
                        self.change(path, Change::Length(0));
                    }
                } else {
                    self.contents.push(Content::default());
                    self.name(path, Some(self.contents.len() - 1));
                }
            }
            Step::Remove { path } => self.name(path, None),
            Step::Rename { from, to } => {
                let content = self.seen.get(from).copied();
                self.name(from, None);
                self.name(to, content);
            }
            Step::Flush { path } if flushes => match self.seen.get(path) {
                Some(content) => {
                    let Content { flushed, since } = &mut self.contents[*content];
                    since.drain(..).for_each(|change| change.apply(flushed));
                }
                // A folder: the names in it are safe now.
                None => {
                    for (path, content) in self.renamed.drain(..) {
                        match content {
                            Some(content) => self.names.insert(path, content),
                            None => self.names.remove(&path),
                        };
                    }
                }
            },
            Step::Flush { .. } | Step::Told => {}
        }
    }

    /// Writes the disk out as a power cut leaves it, `share` of what was not flushed being there.
    fn write_out(&self, home: &Path, to: &Path, share: f64, random: &mut StdRng) {
        let mut names = self.names.clone();
        let begun = (self.renamed.len() as f64 * share).round() as usize;
        for (path, content) in &self.renamed[..begun] {
            match content {
                Some(content) => names.insert(path.clone(), *content),
                None => names.remove(path),
            };
        }
        for (path, content) in names {
            // Shared memory is none of the disk's, though it has a name there.
            if path.ends_with("-shm") {
                continue;
            }
            let Content { flushed, since } = &self.contents[content];
            let mut bytes = flushed.clone();
            for change in since {
                if random.random_bool(share) {
                    change.apply(&mut bytes);
                }
            }
            let file = to.join(Path::new(&path).strip_prefix(home).unwrap());
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// A run, from the folder as it was before it.
struct Run {
    home: PathBuf,
    before: Disk,
    steps: Vec<Step>,
}

impl Run {
    /// The step by which somebody had been told.
    fn told(&self) -> usize {
        self.steps.iter().position(|step| matches!(step, Step::Told)).expect("somebody is told")
    }

    /// A disk cut off after so many steps. `flushes_wal` false is the planted bug: synchronous=NORMAL.
    fn disk(&self, cut: usize, share: f64, flushes_wal: bool, to: &Path, random: &mut StdRng) {
        let mut disk = self.before.clone();
        for step in &self.steps[..cut] {
            let is_wal = matches!(step, Step::Flush { path } if path.ends_with("-wal"));
            disk.take(step, flushes_wal || !is_wal);
        }
        let _ = std::fs::remove_dir_all(to);
        disk.write_out(&self.home, to, share, random);
    }

    /// Any moment, and nothing, all or some of what was not flushed. The first ones are those right after the word.
    fn any(&self, number: u64, random: &mut StdRng) -> (usize, f64) {
        let share = [0.0, 0.5, 1.0, random.random_range(0.0..1.0)][random.random_range(0..4)];
        match number % OF_ONE_RUN {
            0 => (self.told() + 1, 0.0),
            1 => (self.steps.len(), 0.0),
            _ => (random.random_range(0..=self.steps.len()), share),
        }
    }
}

fn world(folder: &Path) -> (Server, Laptop) {
    let server = Server::serving(folder);
    let laptop = Laptop::enrol(&folder.join("laptop"), &server, "Enquêteur", "HT0111");
    let mut server = server;
    server.kill();
    (server, laptop)
}

fn recorded_answer(laptop: &Laptop, record: &str, next: &str, log: &Path) -> Run {
    let before = Disk::of(&laptop.home);
    let mut command = laptop.command();
    command.args(["record", "set", record, &format!("locality={next}")]);
    // What is written to standard output is the word.
    let is_told = |line: &Line| line.name == "write" && line.descriptor == Some(1);
    let steps = recorded(&command, &laptop.home, log, is_told);
    Run { home: laptop.home.clone(), before, steps }
}

#[test]
fn a_laptop_that_loses_power_keeps_every_answer_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    let record = laptop.interview();
    let seed = number("LAKOU_SEED").unwrap_or(1);
    let (images, log) = (number("LAKOU_IMAGES").unwrap_or(12), folder.path().join("calls"));
    let mut random = StdRng::seed_from_u64(seed);
    let rebooted = Laptop { home: folder.path().join("rebooted") };
    let (mut run, mut kept, mut next, mut after) = (None, String::new(), String::new(), 0);
    for number in 0..images {
        if number % OF_ONE_RUN == 0 {
            kept = laptop.says(&record, "locality").unwrap();
            next = format!("Localité {number}");
            run = Some(recorded_answer(&laptop, &record, &next, &log));
        }
        let run = run.as_ref().unwrap();
        let (cut, share) = run.any(number, &mut random);
        run.disk(cut, share, true, &rebooted.home, &mut random);
        let found = rebooted.says(&record, "locality");
        let told = cut > run.told();
        after += u64::from(told);
        let holds = found.as_ref() == Some(&next) || (found.as_ref() == Some(&kept) && !told);
        assert!(
            holds,
            "seed {seed}, disk {number}, cut at {cut}, {share} of the rest: told {told}, found {found:?}"
        );
    }
    println!("{images} disks, {after} of them after the word, 0 acknowledged answers lost");
}

/// The planted bug: a store that flushes its log only at a checkpoint (synchronous=NORMAL) loses what it acknowledged.
#[test]
fn a_laptop_that_does_not_flush_its_log_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, laptop) = world(folder.path());
    let record = laptop.interview();
    let run = recorded_answer(&laptop, &record, "Localité", &folder.path().join("calls"));
    let rebooted = Laptop { home: folder.path().join("rebooted") };
    let mut random = StdRng::seed_from_u64(1);
    run.disk(run.told() + 1, 0.0, true, &rebooted.home, &mut random);
    assert_eq!(rebooted.says(&record, "locality").as_deref(), Some("Localité"));
    run.disk(run.told() + 1, 0.0, false, &rebooted.home, &mut random);
    assert_ne!(rebooted.says(&record, "locality").as_deref(), Some("Localité"));
}

#[test]
fn a_server_that_loses_power_keeps_what_its_receipts_cover() {
    let folder = tempfile::tempdir().unwrap();
    let (server, laptop) = world(folder.path());
    let record = laptop.interview();
    let seed = number("LAKOU_SEED").unwrap_or(1);
    let (images, log) = (number("LAKOU_IMAGES").unwrap_or(12), folder.path().join("calls"));
    let mut random = StdRng::seed_from_u64(seed);
    let rebooted = folder.path().join("rebooted");
    let at = |home: &Path| {
        let mut command = Command::new(binary("sync-server"));
        command.arg("--home").arg(home).env_remove("LAKOU_LANG");
        command
    };
    let log_length = |home: &Path| {
        let status = json(at(home).args(["status", "--json"]));
        status["log_length"].as_u64().unwrap()
    };
    let (mut run, mut received, mut after) = (None, 0, 0);
    for number in 0..images {
        if number % OF_ONE_RUN == 0 {
            let (up, down) =
                (folder.path().join(format!("up-{number}")), folder.path().join(format!("down-{number}")));
            std::fs::create_dir_all(&up).unwrap();
            std::fs::create_dir_all(&down).unwrap();
            ok(laptop.command().args(["record", "set", &record, &format!("locality=Localité {number}")]));
            ok(laptop.command().args(["bundle", "export"]).arg(&up));
            let length = log_length(&server.home);
            let before = Disk::of(&server.home);
            let mut command = server.command();
            command.args(["bundle", "import"]).arg(&up).arg("--reply").arg(&down);
            let down = down.to_str().unwrap().to_owned();
            // The receipt goes into the reply: whoever has begun to write that has promised.
            let is_told = |line: &Line| {
                line.name == "openat" && line.rest.contains("O_CREAT") && line.text(0).starts_with(&down)
            };
            let steps = recorded(&command, &server.home, &log, is_told);
            ok(laptop.command().args(["bundle", "import"]).arg(&down));
            received = length + 1;
            run = Some(Run { home: server.home.clone(), before, steps });
        }
        let run = run.as_ref().unwrap();
        let (cut, share) = run.any(number, &mut random);
        run.disk(cut, share, true, &rebooted, &mut random);
        let report = said(at(&rebooted).args(["verify", "--json"]));
        let report: Value = serde_json::from_slice(&report.stdout).unwrap_or_default();
        let where_ = format!("seed {seed}, disk {number}, cut at {cut}, {share} of the rest");
        assert_eq!(report["faults"], serde_json::json!([]), "{where_}: {report}");
        let told = cut > run.told();
        after += u64::from(told);
        assert!(!told || log_length(&rebooted) >= received, "{where_}: what a receipt covers is gone");
    }
    println!("{images} disks, {after} of them after the receipt, nothing lost");
}
