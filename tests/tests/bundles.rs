//! Two real programs and a stick between them. The network is there once, for the enrolment.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::world::{Laptop, Server, json, ok, said};

struct World {
    folder: tempfile::TempDir,
    server: Server,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serving(folder.path());
        Self { folder, server }
    }

    fn enrol(&self, name: &str) -> Laptop {
        let laptop = Laptop { home: self.folder.path().join(name) };
        let code = self.server.invite(name, "HT0111");
        let init =
            ["init", "--server", &self.server.url, "--code", &code, "--person", name, "--device", "PC"];
        ok(laptop.command().args(init));
        laptop
    }

    fn stick(&self, name: &str) -> PathBuf {
        let stick = self.folder.path().join(name);
        std::fs::create_dir_all(&stick).unwrap();
        // What lies on any stick.
        std::fs::write(stick.join("autorun.inf"), "[autorun]\nopen=lakou.exe").unwrap();
        std::fs::write(stick.join(".lakou-AAAAAAAA-01.lakou"), "MZ").unwrap();
        stick
    }
}

fn export(laptop: &Laptop, stick: &Path) -> Value {
    json(laptop.command().args(["bundle", "export", "--json"]).arg(stick))
}

fn import(laptop: &Laptop, stick: &Path) -> Value {
    json(laptop.command().args(["bundle", "import", "--json"]).arg(stick))
}

fn head_office(server: &Server, up: &Path, down: &Path) -> Value {
    json(server.command().args(["bundle", "import", "--json"]).arg(up).arg("--reply").arg(down))
}

fn records_hash(command: &mut Command) -> Value {
    json(command.args(["state-hash", "--json"]))["records_hash"].clone()
}

#[test]
fn a_laptop_works_by_stick_alone_from_its_first_form_to_the_registry() {
    let mut world = World::new();
    let rose = world.enrol("Rose");
    let wilner = world.enrol("Wilner");
    world.server.kill();
    let (up, down) = (world.stick("up"), world.stick("down"));
    // The form comes by stick.
    for laptop in [&rose, &wilner] {
        export(laptop, &up);
    }
    let taken = head_office(&world.server, &up, &down);
    assert_eq!(taken["passed_over"], 2, "{taken:#}");
    for laptop in [&rose, &wilner] {
        // A colleague's answer lies on the same stick.
        let brought = import(laptop, &down);
        assert_eq!(brought["for_others"], 1, "{brought:#}");
        assert!(brought["files"].as_u64().unwrap() > 0, "{brought:#}");
    }
    rose.interview();
    wilner.interview();
    let (up, down) = (world.stick("up-2"), world.stick("down-2"));
    let exported = export(&rose, &up);
    assert_eq!(exported["deltas"], 1, "{exported:#}");
    export(&wilner, &up);
    for entry in std::fs::read_dir(&up).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains("Rose") && !name.contains("Wilner"), "{name}");
    }
    head_office(&world.server, &up, &down);
    for laptop in [&rose, &wilner] {
        let brought = import(laptop, &down);
        assert_eq!((&brought["delivered"], &brought["still_to_send"]), (&1.into(), &0.into()), "{brought:#}");
    }
    // Whoever was answered first has not seen the other's work yet.
    let (up, down) = (world.stick("up-3"), world.stick("down-3"));
    export(&rose, &up);
    head_office(&world.server, &up, &down);
    import(&rose, &down);
    let registry = records_hash(&mut world.server.command());
    assert_eq!(records_hash(&mut rose.command()), registry);
    assert_eq!(json(world.server.command().args(["status", "--json"]))["households"], 2);
}

#[test]
fn a_school_of_laptops_is_enrolled_by_one_stick() {
    let world = World::new();
    let stick = world.stick("stick");
    let people = ["Rose", "Wilner", "Jean"];
    let laptops: Vec<Laptop> =
        people.iter().map(|name| Laptop { home: world.folder.path().join(name) }).collect();
    for (name, laptop) in people.iter().zip(&laptops) {
        let code = world.server.invite(name, "HT0111");
        let ask = ["init", "--code", &code, "--person", name, "--device", "PC", "--json", "--request"];
        json(laptop.command().args(ask).arg(&stick));
        // Nothing of the code is on the stick, and nobody gets in before the answer.
        let secret = data_encoding::BASE32_NOPAD.decode(&code.as_bytes()["LAKOU1.".len()..]).unwrap();
        for entry in std::fs::read_dir(&stick).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!holds(code.as_bytes()) && !holds(&secret[48..]));
        }
        assert_eq!(said(laptop.command().arg("status")).status.code(), Some(2));
    }
    let answered = head_office(&world.server, &stick, &stick);
    assert_eq!(answered["parts"].as_array().unwrap().len(), 3, "{answered:#}");
    // Once more, by mistake: the same certificates.
    head_office(&world.server, &stick, &stick);
    for (name, laptop) in people.iter().zip(&laptops) {
        let answer = ["init", "--person", name, "--json", "--answer"];
        let seat = json(laptop.command().args(answer).arg(&stick));
        assert_eq!(seat["person"], *name);
        laptop.interview();
    }
    let up = world.stick("up");
    laptops.iter().for_each(|laptop| drop(export(laptop, &up)));
    head_office(&world.server, &up, &up);
    assert_eq!(json(world.server.command().args(["status", "--json"]))["households"], 3);
    let other = said(laptops[0].command().args(["init", "--person", "Rose", "--answer"]).arg(&up));
    assert_eq!(other.status.code(), Some(10), "{}", String::from_utf8_lossy(&other.stderr));
}

#[test]
fn a_stick_pulled_too_early_or_from_elsewhere_is_told_plainly_and_takes_nothing_away() {
    let mut world = World::new();
    let rose = world.enrol("Rose");
    ok(rose.command().arg("sync"));
    world.server.kill();
    rose.interview();
    let (up, down) = (world.stick("up"), world.stick("down"));
    let exported = export(&rose, &up);
    let part = PathBuf::from(exported["files"][0]["file"].as_str().unwrap());
    // Pulled while it was copied on: half of it.
    let whole = std::fs::read(&part).unwrap();
    let half = world.folder.path().join("half.lakou");
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let refused = said(world.server.command().args(["bundle", "import"]).arg(&half));
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("Rien n'est perdu"), "{words}");
    // Another registry's head office.
    let other = World::new();
    let refused = said(other.server.command().args(["bundle", "import"]).arg(&part));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("autre registre"));
    // An empty stick, and one that is not there.
    let nothing = said(rose.command().args(["bundle", "import"]).arg(world.stick("empty")));
    assert_eq!(nothing.status.code(), Some(10));
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("2 autres fichiers"));
    let nowhere = said(rose.command().args(["bundle", "import"]).arg(world.folder.path().join("nowhere")));
    assert_eq!(nowhere.status.code(), Some(10));
    // The same part under the name a messenger gave it, and twice.
    let renamed = world.folder.path().join("document (1).bin");
    std::fs::copy(&part, &renamed).unwrap();
    let import = ["bundle", "import", "--json", "--reply"];
    let taken = json(world.server.command().args(import).arg(&down).args([&renamed, &part]));
    assert_eq!(taken["deltas"], 2, "{taken:#}");
    assert_eq!(json(world.server.command().args(["status", "--json"]))["households"], 1);
    let brought = json(rose.command().args(["bundle", "import", "--json"]).arg(&down));
    assert_eq!(brought["still_to_send"], 0, "{brought:#}");
}
