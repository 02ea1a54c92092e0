//! Calls cargo again from a task.

use std::error::Error;
use std::process::Command;

use crate::workspace;

/// What cargo tells the task it runs about the task's own package. Build scripts (ring's among them) watch these, so
/// handing them on would build their crates again for every change between a task and cargo called by hand.
const OF_THE_TASK: [&str; 4] =
    ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_BIN_NAME", "CARGO_CRATE_NAME"];

/// A call of the cargo that runs this task, in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    called_anew(Command::new(program), arguments)
}

/// A call of the newest cargo, for what no released one can do.
pub(crate) fn nightly(arguments: &[&str]) -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["run", "nightly", "cargo"]);
    called_anew(rustup, arguments)
}

fn called_anew(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments).current_dir(workspace::root());
    for (name, _) in std::env::vars_os() {
        let is_ours =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || OF_THE_TASK.contains(&name));
        if is_ours {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let name = words.join(" ");
    eprintln!("== {name}");
    let status = command.status().map_err(|error| format!("could not start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}").into()) }
}
