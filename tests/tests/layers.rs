//! Which crate depends on which, and where each risky library may be used: docs/ARCHITECTURE.md, "Crates and arrows".
//!
//! Held for normal and build dependencies. Dev-dependencies are free: a crate's tests may use testkit, which may use
//! that crate.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};
use tests::{read, workspace_root};

/// Every member, and which other members it may use. A new crate gets its line here in the commit that adds it.
const ARROWS: &[(&str, &[&str])] = &[
    ("record-model", &[]),
    ("form-engine", &["record-model"]),
    ("record-doc", &["record-model"]),
    ("merge-child", &["record-doc", "record-model"]),
    ("signed-delta", &["record-model"]),
    ("sync-protocol", &["record-model", "signed-delta"]),
    ("bundle-files", &["record-model", "sync-protocol"]),
    ("sqlite-support", &[]),
    ("device-store", &["record-model", "signed-delta", "sqlite-support"]),
    ("registry-store", &["record-model", "signed-delta", "sqlite-support"]),
    (
        "collector-core",
        &["device-store", "form-engine", "record-doc", "record-model", "signed-delta", "sync-protocol"],
    ),
    (
        "registry-core",
        &["form-engine", "record-doc", "record-model", "registry-store", "signed-delta", "sync-protocol"],
    ),
    // The binaries see their core, and of what lies below it the words, forms and messages they show and carry.
    ("collector-cli", &["bundle-files", "collector-core", "form-engine", "merge-child", "record-model"]),
    (
        "sync-server",
        &[
            "bundle-files",
            "form-engine",
            "merge-child",
            "record-model",
            "registry-core",
            "registry-store",
            "signed-delta",
            "sync-protocol",
        ],
    ),
    // Nobody uses it but tests and tasks.
    ("testkit", &["form-engine", "record-doc", "record-model", "signed-delta"]),
];

/// Members that are not shipped and that nobody depends on: they may use any other.
const NOT_SHIPPED: &[&str] = &["tests", "xtask"];

/// Libraries with a home: nobody else may use them, so that what they do is done in one place.
const HOMES: &[(&str, &[&str])] = &[
    // Foreign bytes pass one guard.
    ("automerge", &["record-doc"]),
    // Keys, seals and trees have one meaning.
    ("ed25519-dalek", &["signed-delta"]),
    ("age", &["signed-delta"]),
    ("ct-merkle", &["signed-delta"]),
    // Two laptops pair one way.
    ("spake2", &["sync-protocol"]),
    ("hkdf", &["sync-protocol"]),
    // A database is opened one way, and a passphrase is stretched one way.
    ("rusqlite", &["device-store", "registry-store", "sqlite-support"]),
    ("argon2", &["device-store"]),
    // Workbooks are read by the engine alone.
    ("calamine", &["form-engine"]),
    // Command lines, sockets and randomness stay at the edge; the cores are handed what they need.
    ("clap", &["collector-cli", "sync-server", "xtask"]),
    ("axum", &["sync-server"]),
    ("tokio", &["sync-server"]),
    ("hyper", &["sync-server"]),
    ("reqwest", &["collector-cli"]),
    ("if-addrs", &["collector-cli"]),
    ("getrandom", &["collector-cli", "device-store", "sync-server"]),
];

/// Each member with the names of what it depends on, ours and theirs.
type Dependencies = BTreeMap<String, Vec<String>>;

#[test]
fn every_arrow_points_down_and_every_library_is_at_home() {
    assert_eq!(violations(&workspace_dependencies()), Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_is_reported() {
    let mut planted = workspace_dependencies();
    planted.entry("form-engine".to_owned()).or_default().push("record-doc".to_owned());
    assert_eq!(violations(&planted), ["form-engine -> record-doc: this arrow is not in the list"]);
}

#[test]
fn a_library_away_from_home_is_reported() {
    let planted = made_up(&[("record-model", &["serde"]), ("form-engine", &["record-model", "automerge"])]);
    assert_eq!(violations(&planted), ["form-engine uses automerge, whose home is record-doc"]);
}

#[test]
fn testkit_outside_tests_and_a_crate_without_a_line_are_reported() {
    let planted = made_up(&[("collector-core", &["testkit"]), ("helpers", &["serde"])]);
    assert_eq!(
        violations(&planted),
        [
            "collector-core -> testkit: this arrow is not in the list",
            "helpers: a member without a line in ARROWS"
        ]
    );
}

#[test]
fn every_member_takes_the_workspace_lints_and_no_profile_aborts_on_panic() {
    let metadata = metadata();
    for member in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&member.manifest_path).unwrap().replace("\r\n", "\n");
        assert!(
            manifest.contains("[lints]\nworkspace = true\n"),
            "{}: [lints] workspace = true is missing",
            member.name
        );
    }
    // A panic over a foreign record is caught; "abort" would take the process with it.
    let aborts = |line: &str| line.trim_start().starts_with("panic") && line.contains("abort");
    assert!(!read("Cargo.toml").lines().any(aborts));
}

#[test]
fn the_architecture_shows_the_arrows_that_are_held() {
    let document = read("docs/ARCHITECTURE.md");
    for (member, uses) in ARROWS {
        let cell = if uses.is_empty() { String::new() } else { format!(" {}", uses.join(", ")) };
        let row = format!("\n| {member} |{cell} |");
        assert!(document.contains(&row), "docs/ARCHITECTURE.md should have the row {}", row.trim());
    }
}

/// Where an operating system is named: one module a program, and the store's own files. Each names its counterpart.
const PLATFORM_MODULES: &[&str] = &[
    "collector-cli/src/platform.rs",
    "crates/bundle-files/src/platform.rs",
    "crates/device-store/src/durable.rs",
    "crates/merge-child/src/platform.rs",
    "sync-server/src/platform.rs",
];

#[test]
fn nothing_names_an_operating_system_outside_the_platform_modules() {
    let mut found = Vec::new();
    let mut folders: Vec<_> = metadata()
        .workspace_packages()
        .iter()
        .filter_map(|member| Some(member.manifest_path.parent()?.join("src").into_std_path_buf()))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let names_one = [
                "cfg(unix",
                "cfg(windows",
                "cfg(not(unix",
                "cfg(not(windows",
                "std::os::unix",
                "std::os::windows",
            ]
            .iter()
            .any(|word| text.contains(word));
            if names_one {
                let path = path.strip_prefix(workspace_root()).unwrap();
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    assert_eq!(found, PLATFORM_MODULES);
}

/// What is wrong with these dependencies, in words.
fn violations(dependencies: &Dependencies) -> Vec<String> {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut found = Vec::new();
    for (member, uses) in dependencies {
        let allowed = arrows.get(member.as_str());
        let is_shipped = !NOT_SHIPPED.contains(&member.as_str());
        if allowed.is_none() && is_shipped {
            found.push(format!("{member}: a member without a line in ARROWS"));
            continue;
        }
        for used in uses {
            let is_ours = arrows.contains_key(used.as_str()) || dependencies.contains_key(used);
            let is_allowed = !is_shipped || allowed.is_some_and(|allowed| allowed.contains(&used.as_str()));
            if is_ours && !is_allowed {
                found.push(format!("{member} -> {used}: this arrow is not in the list"));
            }
            if let Some((_, homes)) = HOMES.iter().find(|(library, _)| library == used)
                && !homes.contains(&member.as_str())
            {
                found.push(format!("{member} uses {used}, whose home is {}", homes.join(", ")));
            }
        }
    }
    found
}

fn metadata() -> cargo_metadata::Metadata {
    let manifest = workspace_root().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

fn workspace_dependencies() -> Dependencies {
    let of = |member: &cargo_metadata::Package| {
        let shipped = member.dependencies.iter().filter(|used| used.kind != DependencyKind::Development);
        shipped.map(|used| used.name.clone()).collect()
    };
    metadata().workspace_packages().into_iter().map(|member| (member.name.to_string(), of(member))).collect()
}

fn made_up(members: &[(&str, &[&str])]) -> Dependencies {
    let names = |uses: &[&str]| uses.iter().map(|name| (*name).to_owned()).collect();
    members.iter().map(|(member, uses)| ((*member).to_owned(), names(uses))).collect()
}
