//! What an administrator meets: founding, inviting, publishing, backing up, restoring, and every mistake on the way.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use support::*;

#[track_caller]
fn fails(said: &Said, code: i32, kind: &str) {
    assert_eq!((said.code, said.failure()["error"]["kind"].as_str()), (code, Some(kind)), "{said:?}");
    assert_eq!(said.out, "");
}

#[test]
fn a_deployment_is_founded_once_with_its_secrets_apart() {
    let home = TestHome::vacant();
    let init = home.json(&["init", "--prefix", "BJ"]);
    assert_eq!(init["registration_prefix"], "BJ");
    let recovery = std::fs::read_to_string(home.path().join("recovery-identity.txt")).unwrap();
    assert!(recovery.starts_with("# ") && recovery.contains("AGE-SECRET-KEY-"));
    #[cfg(unix)]
    for secret in ["keys.json", "recovery-identity.txt"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(home.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    fails(&home.run(&["init", "--json"]), 5, "refused");
    assert_eq!(home.json(&["status"])["deployment"], init["deployment"]);
    assert_eq!(home.json(&["status"])["recovery_identity_on_server"], true);
    std::fs::remove_file(home.path().join("recovery-identity.txt")).unwrap();
    assert_eq!(home.json(&["status"])["recovery_identity_on_server"], false);
}

#[test]
fn what_is_not_there_or_not_ours_is_told_apart() {
    let home = TestHome::vacant();
    fails(&home.run(&["status", "--json"]), 10, "not_found");
    assert!(!home.path().exists(), "a mistyped folder was made");
    fails(&home.run(&["init", "--prefix", "Haiti", "--json"]), 2, "usage");

    let home = TestHome::ready();
    fails(&home.run(&["record", "show", "ABCDEFGH", "--json"]), 10, "not_found");
    fails(&home.run(&["record", "show", "AB", "--json"]), 2, "usage");
    fails(&home.run(&["record", "show", &RECORD.to_string(), "--json"]), 10, "not_found");
    fails(&home.run(&["review", "show", &"0".repeat(64), "--json"]), 10, "not_found");
    fails(&home.run(&["device", "revoke", "ABCDEFGH", "--reason", "x", "--json"]), 10, "not_found");
    fails(&home.run(&["backup", &home.path().display().to_string(), "--json"]), 5, "refused");
    for mistake in [
        &["device", "invite"][..],
        &["device", "invite", "--area", "HT 01"],
        &["device", "invite", "--area", "HT01", "--role", "server"],
        &["review", "decide", "ABCDEFGH", "--reason", "x", "--account", "y"],
        &["review", "decide", "ABCDEFGH", "--keep", "--restore", "--reason", "x", "--account", "y"],
        &["status", "--lang", "xx"],
    ] {
        assert_eq!(home.run(mistake).code, 2, "{mistake:?}");
    }

    std::fs::write(home.path().join("keys.json"), "{}").unwrap();
    fails(&home.run(&["status", "--json"]), 7, "damaged");
    let other = TestHome::founded();
    std::fs::copy(other.path().join("keys.json"), home.path().join("keys.json")).unwrap();
    let said = home.run(&["status", "--json"]);
    assert_ne!(said.code, 0, "{said:?}");
    std::fs::write(home.path().join("registry.db"), vec![7; 8192]).unwrap();
    fails(&home.run(&["status", "--json"]), 7, "damaged");
}

#[test]
fn hundreds_are_invited_at_once_or_nobody_is() {
    let home = TestHome::ready();
    let rows: String = (0..300).map(|n| format!("Personne {n},enumerator,HT0111;HT0112\n")).collect();
    let people =
        home.write("people.csv", format!("person,role,areas\n{rows}=cmd(),supervisor,HT\n").as_bytes());
    let codes = home.folder.path().join("codes.csv");
    let invite = ["device", "invite", "--csv", people.to_str().unwrap(), "--out", codes.to_str().unwrap()];
    assert_eq!(home.json(&invite)["invited"], 301);
    let written = std::fs::read_to_string(&codes).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0], "person,role,areas,code,expires_at");
    assert!(lines[1].starts_with("Personne 0,enumerator,HT0111;HT0112,LAKOU1."));
    assert!(lines[301].starts_with("'=cmd(),supervisor,HT,LAKOU1."));
    assert_eq!(lines.len(), 302);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&codes).unwrap().permissions().mode() & 0o777, 0o600);
    }
    fails(&home.run(&[&invite[..], &["--json"]].concat()), 5, "refused");

    let faulty = home.write("faulty.csv", format!("person,role,areas\n{rows}X,boss,HT01\n").as_bytes());
    let never = home.folder.path().join("never.csv");
    let said = home.run(&[
        "device",
        "invite",
        "--csv",
        faulty.to_str().unwrap(),
        "--out",
        never.to_str().unwrap(),
        "--json",
    ]);
    fails(&said, 2, "usage");
    assert!(said.failure()["error"]["details"][0].as_str().unwrap().contains("line 302"), "{said:?}");
    assert!(!never.exists());
    let list = home.json(&["device", "list"]);
    assert_eq!(list["invitations"].as_array().unwrap().len(), 301);
    assert!(!list.to_string().contains("LAKOU1."), "a code was shown again");
}

#[test]
fn a_form_is_published_once_whatever_it_is_called_and_a_faulty_one_never() {
    let home = TestHome::ready();
    home.publish();
    let forms = home.json(&["form", "list"]);
    assert_eq!(forms["forms"].as_array().unwrap().len(), 1, "{forms:#}");
    assert_eq!(forms["forms"][0]["title"], "Ménage");
    let workbook = home.write("broken.xlsx", b"PK no workbook");
    let publish = ["form", "publish", workbook.to_str().unwrap(), "--lineage", "household"];
    fails(&home.run(&[&publish[..], &["--json"]].concat()), 2, "usage");
    let missing = home.run(&["form", "publish", "nowhere.xlsx", "--lineage", "household", "--json"]);
    fails(&missing, 10, "not_found");
    let form = home.write("form.xlsx", &form_xlsx());
    home.write("pack.json", b"{");
    let pack = home.folder.path().to_str().unwrap();
    let publish = ["form", "publish", form.to_str().unwrap(), "--lineage", "household", "--pack", pack];
    fails(&home.run(&[&publish[..], &["--json"]].concat()), 2, "usage");
}

#[test]
fn a_backup_restores_to_the_same_registry_and_only_with_its_keys() {
    let field = Field::in_conflict();
    let home = &field.home;
    let folder = |name: &str| home.folder.path().join(name);
    let without = folder("without-keys");
    let without = without.to_str().unwrap();
    // Beside the running server.
    let backup = home.json(&["backup", without]);
    assert_eq!(backup["with_keys"], false);
    assert!(!folder("without-keys/keys.json").exists());
    let state = home.json(&["state-hash"]);
    let shown = ["review", "list", "--all", "--json"];
    let (record, items) = (number(), home.json(&shown[..3])["items"].clone());
    let registered = home.json(&["record", "show", &record])["household"].clone();

    let refused = home.run_at(&folder("other"), &["restore", without, "--json"]);
    fails(&refused, 10, "not_found");
    assert!(!folder("other").exists());
    let keys = home.path().join("keys.json");
    let restore = ["restore", without, "--keys", keys.to_str().unwrap(), "--json"];
    home.run_at(&folder("other"), &restore).ok();
    let restored = home.run_at(&folder("other"), &["state-hash", "--json"]).ok().json();
    assert_eq!(restored["records_hash"], state["records_hash"]);
    // The log says that it was restored, so what follows from it is not to the letter the same.
    assert_ne!(restored["registry_hash"], state["registry_hash"]);
    assert_eq!(home.run_at(&folder("other"), &shown).ok().json()["items"], items);
    let there = home.run_at(&folder("other"), &["record", "show", &record, "--json"]).ok().json();
    assert_eq!(there["household"], registered);
    fails(&home.run_at(&folder("other"), &restore), 5, "refused");

    let rebuilt = home.run_at(&folder("other"), &["rebuild", "--json"]).ok().json();
    assert_eq!(rebuilt["same"], true, "{rebuilt:#}");
    assert_eq!(rebuilt["after"], restored["registry_hash"]);

    // Somebody changes a name in the copy and makes its checksum fit.
    let altered = folder("altered");
    std::fs::create_dir(&altered).unwrap();
    for file in ["registry.db", "backup.json"] {
        std::fs::copy(folder("without-keys").join(file), altered.join(file)).unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "whoever tampers does not ask our way of opening")]
    let conn = rusqlite::Connection::open(altered.join("registry.db")).unwrap();
    conn.pragma_update(None, "journal_mode", "DELETE").unwrap();
    assert!(conn.execute("UPDATE registry_rows SET label = 'another' WHERE kind = 1", []).unwrap() > 0);
    drop(conn);
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(altered.join("backup.json")).unwrap()).unwrap();
    let bytes = std::fs::read(altered.join("registry.db")).unwrap();
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
    manifest["sha256"] = data_encoding::HEXLOWER.encode(&hash).into();
    std::fs::write(altered.join("backup.json"), manifest.to_string()).unwrap();
    let source = altered.to_str().unwrap().to_owned();
    let restore_altered = ["restore", &source, "--keys", keys.to_str().unwrap(), "--json"];
    fails(&home.run_at(&folder("second"), &restore_altered), 1, "does_not_hold");
    assert!(!folder("second").exists(), "an altered copy was put in the server's place");

    let mut bytes = std::fs::read(folder("without-keys/registry.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xa5);
    std::fs::write(folder("without-keys/registry.db"), bytes).unwrap();
    let damaged = home.run_at(&folder("third"), &restore);
    assert_ne!(damaged.code, 0, "{damaged:?}");
    assert!(!folder("third").exists(), "a damaged copy was put in the server's place");
}

#[test]
fn people_are_spoken_to_in_their_language() {
    let home = TestHome::ready();
    let french = home.run(&["--lang", "fr", "status"]);
    assert_eq!(french.code, 2, "the language was given twice");
    for (language, word) in [("fr", "Déploiement"), ("ht", "Déploiement"), ("en", "Deployment")] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sync-server"))
            .arg("--home")
            .arg(home.path())
            .env("LAKOU_LANG", language)
            .arg("status")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(word), "{language}: {text}");
    }
}

#[test]
fn the_help_is_the_one_last_looked_at() {
    let home = TestHome::vacant();
    let mut pages = Vec::new();
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["device", "invite", "--help"],
        &["form", "publish", "--help"],
        &["review", "list", "--help"],
        &["review", "decide", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
    ] {
        pages.push(home.run(command).ok().out);
    }
    insta::assert_snapshot!(pages.join("\n----\n"));
}
