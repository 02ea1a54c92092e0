//! Real processes: a central server and laptops, each in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::workspace_root;

/// The passphrase of every laptop in these suites. Nobody's.
pub const PASSPHRASE: &str = "sézon lapli 2026 kounye a";

/// A binary of this workspace, as built by the same cargo run.
///
/// # Panics
///
/// When it is not built: `cargo xtask test` builds the binaries before the suites.
pub fn binary(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().expect("a test knows where it is");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: run `cargo xtask test`", path.display());
    path
}

/// The lines of a stream as they come, read on a thread of their own.
pub fn lines_of(mut stream: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Runs a command that must succeed; gives its standard output.
///
/// # Panics
///
/// When it fails, with everything it said.
pub fn ok(command: &mut Command) -> String {
    let output = said(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n[stdout]\n{}[stderr]\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("our programs write UTF-8")
}

/// The same, as JSON.
///
/// # Panics
///
/// When it fails or says something else than one JSON value.
pub fn json(command: &mut Command) -> serde_json::Value {
    let text = ok(command);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command:?}: {error}\n{text}"))
}

/// Runs a command and gives all it said.
///
/// # Panics
///
/// When it cannot be started.
pub fn said(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The same command, run by a program that does something to it: `program arguments -- command`.
pub fn under(program: &str, arguments: &[&str], command: &Command) -> Command {
    let mut under = Command::new(program);
    under.args(arguments).arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => under.env(name, value),
            None => under.env_remove(name),
        };
    }
    under
}

/// A central server in a folder of its own.
pub struct Server {
    /// Its folder.
    pub home: PathBuf,
    process: Option<Child>,
    log: Option<Receiver<String>>,
    /// Where it listens, once it does.
    pub url: String,
    port: u16,
}

impl Server {
    /// Founds a deployment in `home` and publishes the Haitian pack, whose form must lie at `form`.
    pub fn found(home: &Path, form: &Path) -> Self {
        let server = Self { home: home.to_owned(), process: None, log: None, url: String::new(), port: 0 };
        ok(server.command().arg("init"));
        let pack = workspace_root().join("schemas/packs/haiti-simast");
        let publish = ["form", "publish", "--lineage", "household", "--pack"];
        ok(server.command().args(publish).arg(pack).arg(form));
        server
    }

    /// A deployment with the Haitian pack in a folder below this one, serving.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn serving(folder: &Path) -> Self {
        let form = workspace_root().join("target/packs/haiti-simast/household.xlsx");
        let mut server = Self::found(&folder.join("server"), &form);
        server.start();
        server
    }

    /// A call of `sync-server` on this folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary("sync-server"));
        command.arg("--home").arg(&self.home).env_remove("LAKOU_LANG");
        command
    }

    /// Starts serving; on the same port as before, if it served before.
    ///
    /// # Panics
    ///
    /// When it does not say that it listens.
    pub fn start(&mut self) {
        let mut command = self.command();
        command.arg("serve").arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sync-server starts");
        self.log = process.stderr.take().map(|log| lines_of(BufReader::new(log)));
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        self.url = url.unwrap_or_else(|| panic!("sync-server said {line:?}")).to_owned();
        self.port = self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        self.process = Some(process);
    }

    /// Passes over what it has logged so far.
    pub fn forget_log(&self) {
        self.log.iter().for_each(|log| log.try_iter().for_each(drop));
    }

    /// Waits until it has answered a request on this route with this status.
    ///
    /// # Panics
    ///
    /// When it has not within half a minute, with what it logged.
    pub fn wait_for_answer(&self, route: &str, status: u16) {
        let log = self.log.as_ref().expect("the server serves");
        let (route, status) = (format!("\"route\":\"{route}\""), format!("\"status\":{status},"));
        let mut seen = Vec::new();
        while let Ok(line) = log.recv_timeout(Duration::from_secs(30)) {
            if line.contains(&route) && line.contains(&status) {
                return;
            }
            seen.push(line);
        }
        panic!("no answer with {route} {status} in its log:\n{}", seen.join("\n"));
    }

    /// Kills it as a power cut would: no word of warning.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The processes it has started and that live, on Linux.
    pub fn children(&self) -> Vec<u32> {
        let id = self.process.as_ref().map_or(0, Child::id);
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().flat_map(str::parse).collect::<Vec<u32>>()).collect()
    }

    /// A one-time code for a laptop of these areas.
    pub fn invite(&self, person: &str, areas: &str) -> String {
        let invite = ["device", "invite", "--json", "--person", person, "--area", areas];
        let answer = json(self.command().args(invite));
        answer["code"].as_str().expect("a code").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A laptop in a folder of its own.
pub struct Laptop {
    /// Its folder.
    pub home: PathBuf,
}

impl Laptop {
    /// Enrols a person on a fresh laptop and fetches the forms.
    pub fn enrol(home: &Path, server: &Server, person: &str, areas: &str) -> Self {
        let laptop = Self { home: home.to_owned() };
        let code = server.invite(person, areas);
        let device = format!("Laptop of {person}");
        let init =
            ["init", "--server", &server.url, "--code", &code, "--person", person, "--device", &device];
        ok(laptop.command().args(init));
        ok(laptop.command().arg("sync"));
        laptop
    }

    /// Interviews the household of the fixtures and finalises it; gives the record.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn interview(&self) -> String {
        let file = workspace_root().join("fixtures/households/household.json");
        let interview = ["interview", "household", "--finalise", "--json", "--answers"];
        let made = json(self.command().args(interview).arg(file));
        made["records"][0]["record"].as_str().expect("a record").to_owned()
    }

    /// What a record says at a path, as text, empty where it says nothing; none when the store does not open.
    pub fn says(&self, record: &str, path: &str) -> Option<String> {
        let shown = said(self.command().args(["record", "show", record, "--json"]));
        let shown = shown.status.success().then_some(shown.stdout)?;
        let shown: serde_json::Value = serde_json::from_slice(&shown).ok()?;
        let answer = shown["answers"].as_array()?.iter().find(|answer| answer["path"] == path);
        let value = answer.map_or(&serde_json::Value::Null, |answer| &answer["values"][0]["value"]);
        Some(match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// A call of `collector` on this laptop.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary("collector"));
        command.arg("--home").arg(&self.home).env("LAKOU_PASSPHRASE", PASSPHRASE).env_remove("LAKOU_LANG");
        command
    }
}
