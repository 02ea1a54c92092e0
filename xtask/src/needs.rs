//! Programs that building and testing call, and what brings them where they are missing.

use std::error::Error;
use std::process::{Command, Stdio};

use crate::cargo::{cargo, run};

/// A program, how to ask whether it is there, and the Debian package that brings it.
struct Tool {
    program: &'static str,
    probe: &'static [&'static str],
    package: &'static str,
}

/// Everything beyond the Rust toolchain. A suite that needs a browser or a database server adds its line here in the
/// commit that adds the suite.
const TOOLS: &[Tool] = &[
    // SQLCipher and the OpenSSL it rests on are built from source.
    Tool { program: "cc", probe: &["--version"], package: "gcc" },
    Tool { program: "make", probe: &["--version"], package: "make" },
    // Debian always has a small perl; OpenSSL's build asks for modules of the full one.
    Tool { program: "perl", probe: &["-MFindBin", "-MIPC::Cmd", "-e", "1"], package: "perl" },
    // Refuses or kills at a chosen call: tests/faults.
    Tool { program: "strace", probe: &["-V"], package: "strace" },
    // The form engines of others that ours is compared with: tests/oracle.
    Tool { program: "node", probe: &["--version"], package: "nodejs" },
    Tool { program: "npm", probe: &["--version"], package: "npm" },
    Tool { program: "java", probe: &["-version"], package: "default-jre-headless" },
    // Debian's python3 comes without what makes a venv.
    Tool { program: "python3", probe: &["-c", "import ensurepip, venv"], package: "python3-venv" },
];

/// Installs what is missing, where this is Debian and we may; otherwise says what to install.
pub(crate) fn install_missing() -> Result<(), Box<dyn Error>> {
    // On Windows the C compiler is found by cargo itself; .github/workflows/ci.yml names the rest.
    if cfg!(windows) {
        return Ok(());
    }
    let missing: Vec<&str> = TOOLS.iter().filter(|tool| !is_there(tool)).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let update = run(Command::new("apt-get").args(["update", "-qq"]));
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    update
        .and_then(|()| run(Command::new("apt-get").args(install).args(&missing)))
        .map_err(|error| format!("install {} ({error})", missing.join(", ")).into())
}

/// Installs `cargo-NAME` where it is missing: long tasks need it, and nobody else.
pub(crate) fn install_cargo_tool(name: &str, version: &str) -> Result<(), Box<dyn Error>> {
    if succeeds(&mut cargo(&[name, "--version"])) {
        return Ok(());
    }
    let package = format!("cargo-{name}@{version}");
    run(&mut cargo(&["install", "--locked", &package]))
        .map_err(|error| format!("install it by hand: cargo install --locked {package} ({error})").into())
}

/// Fuzzing needs compiler flags that no released compiler takes, and libFuzzer, which is C++.
pub(crate) fn install_nightly() -> Result<(), Box<dyn Error>> {
    if !succeeds(Command::new("c++").arg("--version")) {
        return Err("there is no C++ compiler; on Debian: apt-get install g++".into());
    }
    if succeeds(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])) {
        return Ok(());
    }
    run(Command::new("rustup").args(["toolchain", "install", "nightly", "--profile", "minimal"])).map_err(
        |error| format!("install rustup (https://rustup.rs) and its toolchain nightly ({error})").into(),
    )
}

fn is_there(tool: &Tool) -> bool {
    succeeds(Command::new(tool.program).args(tool.probe))
}

fn succeeds(command: &mut Command) -> bool {
    let asked = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
