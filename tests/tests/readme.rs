//! The README's shell blocks do what they say, as they stand.

use std::process::{Command, Stdio};

use tests::world::{PASSPHRASE, binary};

/// The `sh` blocks between the README's two marks, in order.
fn blocks() -> String {
    let readme = tests::read("README.md");
    let (_, after) = readme.split_once("<!-- run by tests/tests/readme.rs -->").expect("the first mark");
    let (told, _) = after.split_once("<!-- until here -->").expect("the second mark");
    told.split("```sh\n")
        .skip(1)
        .filter_map(|block| block.split_once("```").map(|(block, _)| block))
        .collect()
}

/// From `init` to a settled conflict. The blocks are a shell's, so this suite is for where there is one.
#[test]
#[cfg(unix)]
fn the_readmes_blocks_lead_from_init_to_a_settled_conflict() {
    let blocks = blocks();
    assert!(blocks.contains("review decide"), "the blocks do not reach a settled conflict");
    let folder = tempfile::tempdir().unwrap();
    let bin = binary("collector").parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    // The reader stands in the checkout; what the blocks make goes into the folder they name.
    for name in ["schemas", "target", "fixtures"] {
        std::os::unix::fs::symlink(tests::workspace_root().join(name), folder.path().join(name)).unwrap();
    }
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null' EXIT\nset -eu\n{blocks}");
    // A block that waits for what never comes ends red, not never.
    let output = Command::new("timeout")
        .args(["180", "bash", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("LAKOU_PASSPHRASE", PASSPHRASE)
        .env_remove("LAKOU_LANG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n[stdout]\n{said}\n[stderr]\n{complained}", output.status);
    let hashes: Vec<&str> = said.split_whitespace().filter(|word| word.len() == 64).collect();
    // The server says the records' hash and then the registry's; each laptop says the records'.
    let [.., server, _registry, a, b] = hashes[..] else { panic!("no hashes: {said}") };
    assert_eq!((server, server), (a, b), "{said}");
}
