//! Changes that kill, met by real child processes. This test program is its own child: started with the argument of
//! children, it merges as they do, but without the guard, and does harm on request.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step of a test is a failed test")]

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use merge_child::{ARGUMENT, Limits, MergeChildren, serve, serve_with};
use record_doc::{
    ActorBytes, ForeignChange, GuardOptions, GuardRule, LocalChange, MergeOutcome, MergeVerdict, Merger,
    RecordDoc, merge_change,
};
use record_model::Value;
use testkit::changes::{chunk, chunk_data};

/// The argument of a child whose guard is taken out.
const UNGUARDED: &str = "unguarded-merge-child";
/// What is told to do harm begins so.
const HARM: &[u8] = b"harm:";

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(ARGUMENT) => serve().expect("a parent that listens"),
        Some(UNGUARDED) => serve_with(do_harm).expect("a parent that listens"),
        _ => run_tests(),
    }
}

fn run_tests() {
    let tests: [(&str, fn()); 9] = [
        ("a_child_merges_as_the_function_does", a_child_merges_as_the_function_does),
        ("several_changes_of_one_record_go_to_the_child_that_has_it_open", several_changes_go_together),
        ("bombs_are_refused_by_the_guard_in_the_child", bombs_are_refused_by_the_guard_in_the_child),
        ("bombs_that_pass_the_guard_kill_a_child_within_seconds", bombs_that_pass_the_guard_kill_a_child),
        ("each_kind_of_death_is_the_changes_own", each_kind_of_death_is_the_changes_own),
        ("a_child_that_is_stuck_is_ended_and_the_change_tried_again", a_child_that_is_stuck_is_ended),
        ("a_child_killed_from_outside_costs_nothing", a_child_killed_from_outside_costs_nothing),
        ("a_child_sees_nothing_of_its_parent", a_child_sees_nothing_of_its_parent),
        ("a_program_that_cannot_merge_says_so_and_sets_nothing_aside", a_program_that_cannot_merge_says_so),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    // One at a time: some kill whatever children there are.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials.into()).exit();
}

fn do_harm(record: &mut RecordDoc, change: &ForeignChange<'_>) -> MergeVerdict {
    match change.bytes.strip_prefix(HARM) {
        None => record.merge_with(change, GuardOptions { rules: false, reload_check: true }),
        Some(b"memory") => {
            let mut taken: Vec<Vec<u8>> = Vec::new();
            loop {
                taken.push(vec![1; 16 * 1024 * 1024]);
                std::hint::black_box(&taken);
            }
        }
        Some(b"processor") => loop {
            std::hint::black_box(0);
        },
        Some(b"stack") => {
            let depth = deeper(1);
            MergeVerdict::MissingDeps { missing: vec![record_doc::genesis_hash(); depth] }
        }
        Some(b"panic") => panic!("as told"),
        Some(b"nonsense") => {
            std::io::stdout().lock().write_all(&[0xff; 64]).expect("a pipe");
            MergeVerdict::Unloadable
        }
        Some(path) => {
            // Stuck or killed the first time, well the second: what a laptop that slept looks like.
            let path = std::path::Path::new(std::str::from_utf8(path).expect("a path"));
            let first = std::fs::OpenOptions::new().write(true).create_new(true).open(path).is_ok();
            if first || path.ends_with("always") {
                std::thread::sleep(Duration::from_secs(3_600));
            }
            MergeVerdict::Refused { rule: GuardRule::NotApplied }
        }
    }
}

#[expect(unconditional_recursion, reason = "that is the harm")]
fn deeper(depth: usize) -> usize {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1)) + 1)
}

fn children(argument: &str, limits: Limits) -> MergeChildren {
    MergeChildren::of(std::env::current_exe().unwrap(), [argument.into()], limits)
}

fn actor() -> ActorBytes {
    ActorBytes::from_bytes([7; 16])
}

fn written(record: &mut RecordDoc, message: u8, answers: &[(&str, &str)]) -> LocalChange {
    let answers = answers.iter().map(|(path, text)| (path.parse().unwrap(), Value::from(*text))).collect();
    record.write(actor(), [message; 16], &answers).unwrap().unwrap()
}

fn ask(merger: &MergeChildren, state: Option<&[u8]>, bytes: &[u8]) -> MergeOutcome {
    merger.merge(state, &ForeignChange { bytes, actor: actor() }).unwrap()
}

fn harm(merger: &MergeChildren, what: &str) -> MergeOutcome {
    ask(merger, None, &[HARM, what.as_bytes()].concat())
}

/// An honest change after a bad one: the pool is none the worse.
fn assert_goes_on(merger: &MergeChildren) {
    let change = written(&mut RecordDoc::new(), 1, &[("consent", "yes")]);
    assert!(matches!(ask(merger, None, &change.bytes), MergeOutcome::Merged { .. }));
}

fn a_child_merges_as_the_function_does() {
    let merger = children(ARGUMENT, Limits::default());
    let mut author = RecordDoc::new();
    let first = written(&mut author, 1, &[("consent", "yes"), ("head", "Ti Jean")]);
    let second = written(&mut author, 2, &[("consent", "no")]);
    let state = merge_change(None, &ForeignChange { bytes: &first.bytes, actor: actor() });
    let MergeOutcome::Merged { state, .. } = state else { panic!("{state:?}") };
    let mut broken = second.bytes.clone();
    *broken.last_mut().unwrap() ^= 1;
    for (state, bytes) in [
        (None, &first.bytes),
        (None, &second.bytes),
        (Some(state.as_slice()), &first.bytes),
        (Some(&state), &second.bytes),
        (Some(&state), &broken),
        (Some(b"damaged"), &second.bytes),
    ] {
        let change = ForeignChange { bytes, actor: actor() };
        assert_eq!(merger.merge(state, &change).unwrap(), merge_change(state, &change));
    }
}

fn several_changes_go_together() {
    let merger = children(ARGUMENT, Limits::default());
    let mut author = RecordDoc::new();
    let mut state: Option<Vec<u8>> = None;
    for number in 0..40_u8 {
        let change = written(&mut author, number, &[("count", &number.to_string())]);
        // Another record in between, now and then: the child has let go of this one.
        if number % 7 == 3 {
            assert_goes_on(&merger);
        }
        let MergeOutcome::Merged { state: next, .. } = ask(&merger, state.as_deref(), &change.bytes) else {
            panic!("change {number} was not merged")
        };
        state = Some(next);
    }
    assert_eq!(RecordDoc::load(&state.unwrap()).unwrap().heads(), author.heads());
}

fn bombs() -> [(&'static str, Vec<u8>); 2] {
    [
        ("a million operations in a hundred bytes", million()),
        ("half a gibibyte in half a megabyte", inflated()),
    ]
}

fn bombs_are_refused_by_the_guard_in_the_child() {
    let merger = children(ARGUMENT, Limits::default());
    for (name, bomb) in bombs() {
        let began = Stopwatch::start();
        let outcome = ask(&merger, None, &bomb);
        assert!(matches!(outcome, MergeOutcome::Refused { .. }), "{name}: {outcome:?}");
        assert!(began.seconds() < 2.0, "{name}: {} s", began.seconds());
    }
    assert_goes_on(&merger);
}

fn bombs_that_pass_the_guard_kill_a_child() {
    let merger = children(UNGUARDED, Limits::default());
    let [(_, million), (_, inflated)] = bombs();
    let began = Stopwatch::start();
    assert_eq!(ask(&merger, None, &million), MergeOutcome::Killed);
    // One second of processor time is granted, rounded up; the rest is for a busy machine.
    assert!(began.seconds() < 10.0, "{} s", began.seconds());
    assert_goes_on(&merger);
    // Where the memory ends in the middle of inflating, Automerge may also say so and live.
    let outcome = ask(&merger, None, &inflated);
    assert!(matches!(outcome, MergeOutcome::Killed | MergeOutcome::Refused { .. }), "{outcome:?}");
    assert_goes_on(&merger);
}

fn each_kind_of_death_is_the_changes_own() {
    let merger = children(UNGUARDED, Limits::default());
    for way in ["memory", "processor", "stack", "panic", "nonsense"] {
        assert_eq!(harm(&merger, way), MergeOutcome::Killed, "{way}");
        assert_goes_on(&merger);
    }
}

fn a_child_that_is_stuck_is_ended() {
    let folder = Folder::new("stuck");
    let merger = children(UNGUARDED, Limits { patience: 1, ..Limits::default() });
    let once = folder.0.join("once").display().to_string();
    assert_eq!(harm(&merger, &once), MergeOutcome::Refused { rule: GuardRule::NotApplied });
    let always = folder.0.join("always").display().to_string();
    assert_eq!(harm(&merger, &always), MergeOutcome::Killed);
    assert_goes_on(&merger);
}

fn a_child_killed_from_outside_costs_nothing() {
    let merger = children(ARGUMENT, Limits::default());
    for _ in 0..20 {
        assert_goes_on(&merger);
        for child in children_of_this_process() {
            let _ = std::process::Command::new("kill").args(["-9", &child]).status();
        }
    }
    assert_goes_on(&merger);
}

fn a_child_sees_nothing_of_its_parent() {
    let path = std::env::current_exe().unwrap();
    let open_here = std::fs::File::open(&path).unwrap();
    let merger = children(ARGUMENT, Limits::default());
    assert_goes_on(&merger);
    if !cfg!(target_os = "linux") {
        return;
    }
    let mut seen = 0;
    for child in children_of_this_process() {
        // One that has just been ended shows nothing any more.
        let Ok(environment) = std::fs::read_to_string(format!("/proc/{child}/environ")) else { continue };
        let Ok(limits) = std::fs::read_to_string(format!("/proc/{child}/limits")) else { continue };
        let Ok(files) = std::fs::read_dir(format!("/proc/{child}/fd")) else { continue };
        if environment.is_empty() {
            continue;
        }
        let names: Vec<&str> = environment
            .split('\0')
            .filter_map(|pair| pair.split('=').next())
            .filter(|n| !n.is_empty())
            .collect();
        assert_eq!(names, ["LAKOU_MERGE_CHILD_MEMORY"]);
        assert!(
            !limits.lines().any(|line| line.starts_with("Max address space         unlimited")),
            "{limits}"
        );
        let open: Vec<_> = files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).collect();
        assert!(!open.contains(&path), "{open:?}");
        seen += 1;
    }
    assert!(seen > 0, "no child was found");
    drop(open_here);
}

fn a_program_that_cannot_merge_says_so() {
    let change = written(&mut RecordDoc::new(), 1, &[("consent", "yes")]);
    let change = ForeignChange { bytes: &change.bytes, actor: actor() };
    let nowhere = MergeChildren::of("/nowhere/at-all", [], Limits::default());
    assert!(nowhere.merge(None, &change).is_err());
    let other = MergeChildren::of("/bin/true", [], Limits::default());
    assert!(other.merge(None, &change).is_err());
}

fn children_of_this_process() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").map(|tasks| tasks.flatten().collect::<Vec<_>>());
    tasks
        .unwrap_or_default()
        .iter()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// A change of a new record, its columns replaced by runs of a million.
fn million() -> Vec<u8> {
    let honest = written(&mut RecordDoc::new(), 1, &[("a", "1")]).bytes;
    // One dependency, the actor, sequence, first operation, time, message, one other actor.
    let table = (1 + 32) + 17 + 1 + 1 + 1 + 23 + (1 + 17);
    let mut data = chunk_data(&honest)[..table].to_vec();
    let count = [0xc0, 0x84, 0x3d];
    let run = |value: &[u8]| [&count, value].concat();
    let columns: [(u8, Vec<u8>); 7] = [
        (0x01, run(&[1])),
        (0x02, run(&[1])),
        (0x15, run(&[1, b'a'])),
        (0x34, count.to_vec()),
        (0x42, run(&[1])),
        (0x56, run(&[0])),
        (0x70, run(&[0])),
    ];
    data.push(columns.len() as u8);
    columns.iter().for_each(|(number, bytes)| data.extend([*number, bytes.len() as u8]));
    columns.iter().for_each(|(_, bytes)| data.extend(bytes));
    let bomb = chunk(1, &data);
    assert!(bomb.len() < 160, "{} bytes", bomb.len());
    bomb
}

/// A compressed change: half a gibibyte of zeros.
fn inflated() -> Vec<u8> {
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1024 * 1024];
    (0..512).for_each(|_| packed.write_all(&zeros).unwrap());
    let packed = packed.finish().unwrap();
    chunk(2, &packed)
}

struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the test is about time")]
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// A folder of this test's own, gone with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lakou-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
