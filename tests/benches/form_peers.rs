//! `cargo xtask bench`: our form engine beside pyxform and the web engine, with the same forms and steps, in one run.
//!
//! A ratio is the peer's time over ours, so more is better for us. Peers are measured warm, in processes of their own:
//! pyxform without Python's start, the web engine without Node's.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench talks to the person who ran it")]
#![expect(clippy::disallowed_methods, reason = "a bench reads a clock")]

use std::path::{Path, PathBuf};
use std::time::Instant as Stopwatch;

use form_engine::{CompiledForm, Interview, Workbook};
use tests::interviews::{Step, preload};
use tests::oracle::{Oracle, Timings, percentile, visit};
use tests::workbook::{sheets_of, write_xlsx};

/// The largest of the shared workbooks: 530 questions, 3,726 choices.
const LARGEST: &str = "forms/forms/impact-idem_form_a.xlsx";

/// Random steps on the largest workbook.
const STEPS: usize = 300;

/// Rows of the attached list.
const ROWS: usize = 100_000;

/// One line a figure, for scripts and for people.
struct Figures {
    json: bool,
}

impl Figures {
    fn say(&self, name: &str, value: f64, unit: &str, peer: Option<(&str, f64)>) {
        let ratio = peer.map(|(_, theirs)| theirs / value);
        if self.json {
            let peer = peer.map(|(name, _)| name);
            println!(
                "{}",
                serde_json::json!({"name": name, "value": value, "unit": unit, "peer": peer, "ratio": ratio})
            );
            return;
        }
        let beside = peer.zip(ratio).map_or(String::new(), |((name, theirs), ratio)| {
            format!("  {name} {theirs:.1} {unit}, {ratio:.1} x ours")
        });
        println!("{name:<44} {value:>12.3} {unit:<12}{beside}");
    }
}

fn main() {
    let figures = Figures { json: std::env::args().any(|argument| argument == "--json") };
    let oracle = match Oracle::prepare() {
        Ok(Some(oracle)) => oracle,
        Ok(None) => return eprintln!("skipped: form_peers (there is no oracle on this system)"),
        Err(failure) => return eprintln!("skipped: form_peers ({failure})"),
    };
    // First, while this process has held nothing else: its memory is one of the figures.
    large_list(&figures, &oracle);
    match shared(LARGEST) {
        Some(workbook) => largest_workbook(&figures, &oracle, &workbook),
        None => eprintln!("skipped: the largest shared workbook (LAKOU_VECTORS is not set)"),
    }
}

fn shared(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LAKOU_VECTORS").filter(|folder| !folder.is_empty())?;
    Some(PathBuf::from(folder).join(path))
}

/// From the workbook to an interview, and an answer's way through it.
fn largest_workbook(figures: &Figures, oracle: &Oracle, workbook: &Path) {
    eprintln!("the largest shared workbook, in the peers");
    let peers = oracle.timings(workbook, STEPS, 1).expect("the peers take the shared workbook");
    let bytes = std::fs::read(workbook).expect("it was just read");
    let (compiled, compile_ms) = timed_ms(|| {
        let read = Workbook::read_xlsx(&bytes).expect("a workbook");
        CompiledForm::compile(&read).expect("a form").0
    });
    drop(compiled);
    figures.say("largest form: workbook to form", compile_ms, "ms", Some(("pyxform", peers.convert_ms)));
    let (form, load_ms) = timed_ms(|| CompiledForm::from_xform(peers.xform.as_bytes()).expect("a form").0);
    figures.say("largest form: load XForm", load_ms, "ms", Some(("web engine", peers.load_ms)));
    let (interview, begin_ms) = timed_ms(|| Interview::start(&form, visit(), &preload()));
    figures.say("largest form: begin", begin_ms, "ms", Some(("web engine", peers.create_ms)));
    step_figures(figures, "largest form", interview, &peers);
}

fn step_figures(figures: &Figures, name: &str, mut interview: Interview, peers: &Timings) {
    let mut ours: Vec<f64> =
        peers.steps.iter().map(|step| timed_ms(|| take(&mut interview, step)).1).collect();
    ours.sort_by(f64::total_cmp);
    for percent in [50, 95] {
        let theirs = peers.step_percentile_ms(percent);
        let said = format!("{name}: one answer, p{percent} of {}", ours.len());
        figures.say(&said, percentile(&ours, percent), "ms", Some(("web engine", theirs)));
    }
}

fn take(interview: &mut Interview, step: &Step) {
    let taken = match step {
        Step::Set { reference, value } => interview.set(reference, value),
        Step::Add(repeat) => interview.add(repeat),
        Step::Remove(instance) => interview.remove(instance),
    };
    if let Err(error) = taken {
        panic!("{step}: {error}");
    }
    std::hint::black_box(interview);
}

/// A select over an attached list of 100,000 rows, filtered by two answers down to a hundred.
const LIST_FORM: &str = "
    | survey |
    | | type | name | label | choice_filter |
    | | text | department | Department | |
    | | text | commune | Commune | |
    | | select_one_from_file places.csv | place | Place | department = ${department} and commune = ${commune} |
";

fn large_list(figures: &Figures, oracle: &Oracle) {
    let media = tempfile::tempdir().expect("a folder");
    let workbook = media.path().join("form.xlsx");
    write_xlsx(&sheets_of(LIST_FORM), &workbook).expect("a workbook");
    let rows = places();
    std::fs::write(media.path().join("places.csv"), &rows).expect("a list");
    let converted = oracle.pyxform().and_then(|mut pyxform| pyxform.convert(&workbook));
    let xform = converted.expect("pyxform runs").xform.expect("pyxform takes it");
    let ours = list_in_ours(&xform, rows.into_bytes());
    eprintln!("a list of {ROWS} rows, in the web engine");
    let theirs = list_in_web_engine(oracle, &xform, media.path());
    let say = |name: &str, unit, ours, theirs| {
        figures.say(&format!("100,000 rows: {name}"), ours, unit, Some(("web engine", theirs)));
    };
    say("load and begin", "ms", ours.load_ms, theirs.load_ms);
    say("change a filter's answer, read the choices", "ms", ours.change_ms, theirs.change_ms);
    if ours.resident_bytes > 0.0 {
        say("resident memory", "MB", ours.resident_bytes / 1e6, theirs.resident_bytes / 1e6);
    }
}

/// Ten departments of a hundred communes of a hundred places.
fn places() -> String {
    let mut rows = "name,label,department,commune\n".to_owned();
    for place in 0..ROWS {
        let (department, commune) = (place / 10_000, place / 100 % 100);
        rows.push_str(&format!("p{place},Place {place},d{department},c{commune}\n"));
    }
    rows
}

struct ListFigures {
    load_ms: f64,
    change_ms: f64,
    resident_bytes: f64,
}

/// The answers that choose the list's last hundred, one after the other; the second is the change that is timed.
const CHANGES: [(&str, &str); 3] =
    [("/data/department", "d9"), ("/data/commune", "c98"), ("/data/commune", "c99")];

fn list_in_ours(xform: &str, rows: Vec<u8>) -> ListFigures {
    let files = [("places.csv".to_owned(), rows)];
    let (mut interview, load_ms) = timed_ms(|| {
        let (form, _) = CompiledForm::from_xform_with(xform.as_bytes(), &files).expect("a form");
        Interview::start(&form, visit(), &preload())
    });
    let mut change_ms = 0.0;
    for (reference, value) in CHANGES {
        let ((), took_ms) = timed_ms(|| {
            interview.set(reference, value).expect("an answer");
            std::hint::black_box(interview.choices("/data/place"));
        });
        change_ms = took_ms;
    }
    let offered = interview.choices("/data/place").expect("a select").len();
    assert_eq!(offered, 100, "the filter leaves a commune's places");
    ListFigures { load_ms, change_ms, resident_bytes: resident_bytes().unwrap_or_default() }
}

fn list_in_web_engine(oracle: &Oracle, xform: &str, media: &Path) -> ListFigures {
    let mut engine = oracle.web_engine().expect("the web engine starts");
    let (load_ms, _) = engine.load("list", xform, Some(media)).expect("it takes the form");
    let begin_ms = engine.begin("list").expect("an interview");
    let mut change_ms = 0.0;
    for (reference, value) in CHANGES {
        change_ms = engine.set(reference, value).expect("an answer");
    }
    let nodes = engine.nodes().expect("its nodes");
    let offered =
        nodes.iter().find(|node| node.reference == "/data/place").and_then(|node| node.options.as_ref());
    assert_eq!(offered.map(Vec::len), Some(100), "the filter leaves a commune's places");
    let resident_bytes = engine.resident_bytes().expect("its memory") as f64;
    ListFigures { load_ms: load_ms + begin_ms, change_ms, resident_bytes }
}

/// What this process holds; Linux only.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

fn timed_ms<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let watch = Stopwatch::now();
    let made = work();
    (made, watch.elapsed().as_secs_f64() * 1e3)
}
