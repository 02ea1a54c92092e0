//! `cargo xtask demo`: the main job from end to end, with real processes, and told so that a minister would understand.
//!
//! A central server and two laptops, each in a folder of its own. Everything is said through the two programs' own
//! commands; nothing is taken from inside them.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::cargo::{cargo, run};
use crate::{needs, pack, workspace};

/// The main job on the embedded default: one commune, two laptops, one registry.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave the server and the folders, and say how to look around.
    #[arg(long)]
    keep: bool,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
    /// Households of the commune.
    #[arg(long, default_value_t = 200)]
    households: usize,
    /// The commune's P-code.
    #[arg(long, default_value = "HT0111")]
    commune: String,
}

/// Nobody's passphrase.
const PASSPHRASE: &str = "sézon lapli 2026 kounye a";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Builds, plays and tells.
pub(crate) fn play(options: &Options) -> Outcome<()> {
    needs::install_missing()?;
    pack::run(&pack::Command::Build { name: Some("haiti-simast".to_owned()), out: None })?;
    run(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--bins"]))?;
    play_built(options)
}

/// A small commune with the programs as they are built: for `cargo xtask test`.
pub(crate) fn play_small() -> Outcome<()> {
    play_built(&Options { keep: false, json: false, households: 40, commune: "HT0111".to_owned() })
}

fn play_built(options: &Options) -> Outcome<()> {
    let folder = tempfile::Builder::new().prefix("lakou-demo-").tempdir()?;
    let mut demo = Demo::new(folder.path(), options)?;
    let told = demo.play();
    if options.keep {
        let folder = folder.keep();
        demo.say_how_to_look_around(&folder);
        if let Some(server) = demo.server.take() {
            // It goes on without us; the person ends it.
            drop(server);
        }
    } else {
        demo.stop_server();
    }
    let told = told?;
    demo.tell(&told);
    if options.json {
        println!("{}", told.json());
    }
    if told.hashes_agree() { Ok(()) } else { Err("the three records_hash values differ".into()) }
}

struct Demo<'a> {
    options: &'a Options,
    server_home: PathBuf,
    laptops: [PathBuf; 2],
    bin: PathBuf,
    server: Option<Child>,
    url: String,
    traffic: Traffic,
}

/// What went over the wire, as the laptops counted it.
#[derive(Default)]
struct Traffic {
    bytes_up: u64,
    bytes_down: u64,
    requests: u64,
}

/// What happened, for the page and the JSON line.
struct Told {
    households: u64,
    persons: u64,
    found: Vec<Value>,
    settled: u64,
    still_open: u64,
    hashes: [String; 3],
    traffic: [u64; 3],
    /// Of the log, each verified.
    entries: u64,
    slip: String,
}

impl Told {
    fn hashes_agree(&self) -> bool {
        self.hashes.iter().all(|hash| !hash.is_empty() && *hash == self.hashes[0])
    }

    fn json(&self) -> Value {
        json!({
            "state_hash": {"server": self.hashes[0], "laptop_a": self.hashes[1], "laptop_b": self.hashes[2]},
            "households": self.households,
            "review_found": self.found.len(),
            "review_settled": self.settled,
            "bytes_up": self.traffic[0],
            "bytes_down": self.traffic[1],
            "requests": self.traffic[2],
        })
    }
}

const LAPTOPS: [(&str, &str); 2] = [("Rose-Laure (portable A)", "A"), ("Wilner (portable B)", "B")];

impl<'a> Demo<'a> {
    fn new(folder: &Path, options: &'a Options) -> Outcome<Self> {
        let bin = workspace::target_dir().join("debug");
        Ok(Self {
            options,
            server_home: folder.join("server"),
            laptops: [folder.join("laptop-a"), folder.join("laptop-b")],
            bin,
            server: None,
            url: String::new(),
            traffic: Traffic::default(),
        })
    }

    fn play(&mut self) -> Outcome<Told> {
        self.found_the_server()?;
        self.enrol_the_laptops()?;
        let script = self.script()?;
        let (records, slip) = self.first_visits(&script)?;
        self.sync(0)?;
        self.sync(1)?;

        step("Plus de réseau : le serveur est arrêté, les deux portables continuent seuls.");
        self.stop_server();
        self.second_visits(&script, &records)?;
        step("Le réseau revient : chaque portable envoie, puis reçoit le travail de l'autre.");
        self.start_server()?;
        for laptop in [0, 1, 0] {
            self.sync(laptop)?;
        }
        let found = self.open_items()?;
        let settled = self.decide_one(&found)?;
        for laptop in [0, 1] {
            self.sync(laptop)?;
        }
        let still_open = self.open_items()?.len() as u64;
        let status = self.server_json(&["status"])?;
        let entries = self.prove()?;
        Ok(Told {
            households: records.len() as u64,
            persons: status["persons"].as_u64().unwrap_or_default(),
            found,
            settled,
            still_open,
            hashes: [self.server_hash()?, self.laptop_hash(0)?, self.laptop_hash(1)?],
            traffic: [self.traffic.bytes_up, self.traffic.bytes_down, self.traffic.requests],
            entries,
            slip,
        })
    }

    // --- the server ------------------------------------------------------------------------------------------------

    fn sync_server(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join(format!("sync-server{}", std::env::consts::EXE_SUFFIX)));
        command.arg("--home").arg(&self.server_home).args(arguments).env_remove("LAKOU_LANG");
        command
    }

    fn server_json(&self, arguments: &[&str]) -> Outcome<Value> {
        json_of(self.sync_server(arguments).arg("--json"))
    }

    fn found_the_server(&mut self) -> Outcome<()> {
        step(
            "Un serveur central est installé sur cette machine, et le questionnaire du pack Haïti y est publié.",
        );
        text_of(&mut self.sync_server(&["init"]))?;
        let pack = workspace::root().join("schemas/packs/haiti-simast");
        let form = workspace::root().join("target/packs/haiti-simast/household.xlsx");
        let publish = ["form", "publish", "--lineage", "household", "--pack"];
        text_of(self.sync_server(&publish).arg(pack).arg(form))?;
        self.start_server()
    }

    fn start_server(&mut self) -> Outcome<()> {
        let port = self.url.rsplit(':').next().filter(|port| !port.is_empty()).unwrap_or("0").to_owned();
        let mut command = self.sync_server(&["serve", "--listen"]);
        command.arg(format!("127.0.0.1:{port}"));
        let log = std::fs::File::create(self.server_home.join("demo-serve.log"))?;
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = process.stdout.take().ok_or("the server's output is not piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        self.url =
            url.ok_or_else(|| format!("the server did not say where it listens: {line:?}"))?.to_owned();
        self.server = Some(process);
        Ok(())
    }

    fn stop_server(&mut self) {
        if let Some(mut process) = self.server.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    // --- the laptops -------------------------------------------------------------------------------------------------

    fn collector(&self, laptop: usize, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join(format!("collector{}", std::env::consts::EXE_SUFFIX)));
        command.arg("--home").arg(&self.laptops[laptop]).args(arguments);
        command.env("LAKOU_PASSPHRASE", PASSPHRASE).env_remove("LAKOU_LANG");
        command
    }

    fn enrol_the_laptops(&mut self) -> Outcome<()> {
        step("Deux portables sont enrôlés, chacun avec un code à usage unique.");
        for (laptop, (person, device)) in LAPTOPS.iter().enumerate() {
            let invite = ["device", "invite", "--person", person, "--area", &self.options.commune];
            let answer = self.server_json(&invite)?;
            let code = answer["code"].as_str().ok_or("the invitation holds no code")?.to_owned();
            let init =
                ["init", "--server", &self.url, "--code", &code, "--person", person, "--device", device];
            text_of(&mut self.collector(laptop, &init))?;
            self.sync(laptop)?;
        }
        Ok(())
    }

    /// The synthetic households and the four second visits, from the generator.
    fn script(&self) -> Outcome<Value> {
        let mut command =
            Command::new(self.bin.join(format!("synthetic-households{}", std::env::consts::EXE_SUFFIX)));
        command.args(["--demo", &self.options.households.to_string(), &self.options.commune]);
        json_of(&mut command)
    }

    /// Laptop A records every household. Gives the records in the script's order and the first slip.
    fn first_visits(&mut self, script: &Value) -> Outcome<(Vec<String>, String)> {
        step(&format!(
            "Portable A, hors ligne : {} ménages de synthèse de la commune {} sont enquêtés et signés.",
            self.options.households, self.options.commune
        ));
        let file = self.server_home.with_file_name("households.jsonl");
        let households = script["households"].as_array().ok_or("the script holds no households")?;
        let mut out = std::io::BufWriter::new(std::fs::File::create(&file)?);
        for household in households {
            writeln!(out, "{household}")?;
        }
        out.into_inner()?.sync_all()?;
        let interview = ["interview", "household", "--finalise", "--batch", "--json", "--answers"];
        let answer = json_of(self.collector(0, &interview).arg(&file))?;
        let records: Vec<String> = answer["records"]
            .as_array()
            .ok_or("the interview names no records")?
            .iter()
            .filter_map(|record| record["record"].as_str().map(str::to_owned))
            .collect();
        let lines = answer["records"][0]["slip"].as_array().cloned().unwrap_or_default();
        let slip = lines.iter().filter_map(Value::as_str).map(|line| format!("    {line}\n")).collect();
        if records.len() == households.len() {
            Ok((records, slip))
        } else {
            Err("not every household was recorded".into())
        }
    }

    /// Both laptops visit the same households again without hearing of each other.
    fn second_visits(&mut self, script: &Value, records: &[String]) -> Outcome<()> {
        for visit in script["visits"].as_array().ok_or("the script holds no second visits")? {
            let record = visit["household"].as_u64().and_then(|index| records.get(index as usize));
            let record = record.ok_or("the script names a household that is not there")?;
            for (laptop, side) in ["a", "b"].iter().enumerate() {
                let answers = visit[side].as_object().ok_or("a visit has two sides")?;
                self.write(laptop, record, answers)?;
                text_of(&mut self.collector(laptop, &["record", "finalise", record]))?;
            }
            step(&format!(
                "  A et B revisitent le même ménage : {}.",
                visit["title"].as_str().unwrap_or_default()
            ));
        }
        Ok(())
    }

    /// What one side wrote: answers, and members it took out.
    fn write(&self, laptop: usize, record: &str, answers: &serde_json::Map<String, Value>) -> Outcome<()> {
        let mut pairs = Vec::new();
        for (path, value) in answers {
            match path.strip_suffix("]/@removed").and_then(|member| member.rsplit('[').next()) {
                Some(member) => {
                    let remove = ["record", "remove-member", record, member, "--reason", &plain(value)];
                    text_of(&mut self.collector(laptop, &remove))?;
                }
                None => pairs.push(format!("{path}={}", plain(value))),
            }
        }
        if !pairs.is_empty() {
            text_of(self.collector(laptop, &["record", "set", record]).args(&pairs))?;
        }
        Ok(())
    }

    fn sync(&mut self, laptop: usize) -> Outcome<()> {
        let report = json_of(&mut self.collector(laptop, &["sync", "--json"]))?;
        let figure = |name: &str| report[name].as_u64().unwrap_or_default();
        self.traffic.bytes_up += figure("bytes_up");
        self.traffic.bytes_down += figure("bytes_down");
        self.traffic.requests += figure("requests");
        self.wait_for_the_merge()
    }

    /// The server acknowledges first and merges after; the page tells what is merged.
    fn wait_for_the_merge(&self) -> Outcome<()> {
        for _ in 0..600 {
            let status = self.server_json(&["status"])?;
            if status["log_length"] == status["merged_through"] {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err("the server did not finish merging within 30 s".into())
    }

    // --- the review --------------------------------------------------------------------------------------------------

    fn open_items(&self) -> Outcome<Vec<Value>> {
        let list = self.server_json(&["review", "list"])?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Settles the first field conflict in favour of its first value.
    fn decide_one(&mut self, found: &[Value]) -> Outcome<u64> {
        let conflict = found.iter().find(|item| item["kind"] == "conflict").ok_or("no conflict was found")?;
        let item = conflict["item"].as_str().ok_or("an item has an id")?;
        step("Une superviseure voit les deux réponses côte à côte et tranche :");
        print!("{}", text_of(&mut self.sync_server(&["review", "show", item]))?);
        let reason = ["--choose", "1", "--reason", "Confirmé au téléphone", "--account", "superviseure"];
        text_of(self.sync_server(&["review", "decide", item]).args(reason))?;
        self.wait_for_the_merge()?;
        Ok(1)
    }

    // --- the proof ---------------------------------------------------------------------------------------------------

    /// The registry made again from its log is the same, and every entry of the log proves itself. Gives how many.
    fn prove(&mut self) -> Outcome<u64> {
        step("Le registre est refait à partir du seul journal signé, puis le journal est vérifié en entier.");
        self.stop_server();
        let rebuilt = self.server_json(&["rebuild"])?;
        if rebuilt["same"] != true {
            return Err(format!("the registry rebuilt from its log is another: {rebuilt}").into());
        }
        let verified = self.server_json(&["verify"])?;
        if self.options.keep {
            self.start_server()?;
        }
        verified["entries"].as_u64().ok_or_else(|| format!("verify said {verified}").into())
    }

    fn server_hash(&self) -> Outcome<String> {
        let answer = self.server_json(&["state-hash", "--area", &self.options.commune])?;
        Ok(answer["records_hash"].as_str().unwrap_or_default().to_owned())
    }

    fn laptop_hash(&self, laptop: usize) -> Outcome<String> {
        let answer = json_of(&mut self.collector(laptop, &["state-hash", "--json"]))?;
        Ok(answer["records_hash"].as_str().unwrap_or_default().to_owned())
    }

    fn tell(&self, told: &Told) {
        println!("\n──────────────── Ce qui s'est passé ────────────────");
        println!(
            "{} ménages ({} personnes) enquêtés hors ligne et inscrits au registre, signés un par un.",
            told.households, told.persons
        );
        println!("Deux enquêteurs ont ensuite revisité les mêmes ménages sans se voir ni se parler.");
        println!(
            "Aucune réponse n'a été perdue ni écrasée. {} doutes attendaient une personne :",
            told.found.len()
        );
        for item in &told.found {
            println!("  • {}", in_words(item));
        }
        println!(
            "{} tranché par la superviseure, {} encore ouverts ; la décision est revenue aux deux portables.",
            told.settled, told.still_open
        );
        if !told.slip.is_empty() {
            println!("\nLe reçu remis au premier ménage :\n{}", told.slip);
        }
        println!(
            "\nLa preuve : chacun calcule depuis ses propres fichiers l'empreinte des fiches qu'il tient."
        );
        for (who, hash) in ["serveur   ", "portable A", "portable B"].iter().zip(&told.hashes) {
            println!("  {who}  {hash}");
        }
        let word = if told.hashes_agree() { "Les trois sont égales." } else { "ELLES DIFFÈRENT." };
        println!("  {word}");
        let [up, down, requests] = told.traffic;
        println!(
            "Le registre refait à partir du journal est le même ; les {} inscriptions du journal sont toutes prouvées.",
            told.entries
        );
        println!("\nRéseau utilisé : {up} octets envoyés, {down} octets reçus, {requests} requêtes.");
    }

    fn say_how_to_look_around(&self, folder: &Path) {
        println!("\nTout est resté dans {} ; le serveur écoute sur {}.", folder.display(), self.url);
        println!(
            "  {} --home {} review list",
            self.bin.join("sync-server").display(),
            self.server_home.display()
        );
        println!(
            "  LAKOU_PASSPHRASE='{PASSPHRASE}' {} --home {} status",
            self.bin.join("collector").display(),
            self.laptops[0].display()
        );
    }
}

/// An item as a person would say it.
fn in_words(item: &Value) -> String {
    let word = |name: &str| item[name].as_str().unwrap_or_default();
    let kind = match word("kind") {
        "conflict" => "Deux réponses différentes",
        "rule_break" => "Incohérence",
        "removed_and_edited" => "Membre retiré d'un côté, corrigé de l'autre",
        other => other,
    };
    let label = if word("label").is_empty() { word("subject") } else { word("label") };
    format!("{kind} : {label} (ménage {})", word("registration_number"))
}

fn step(text: &str) {
    println!("→ {text}");
}

/// A JSON scalar as a person would type it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn text_of(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{command:?}: {}\n{said}", output.status).into())
    }
}

fn json_of(command: &mut Command) -> Outcome<Value> {
    let text = text_of(command)?;
    serde_json::from_str(&text).map_err(|error| format!("{command:?}: {error}\n{text}").into())
}
