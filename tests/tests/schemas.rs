//! What the programs say in JSON when a real server is at hand holds to its schema. The crates show the same of what they
//! can say alone.

use serde_json::Value;
use tests::workspace_root;
use tests::world::{Laptop, Server, json};

fn holds(shape: &str, said: &Value) {
    let schema: Value = serde_json::from_str(&tests::read(&format!("schemas/{shape}.schema.json")))
        .unwrap_or_else(|error| panic!("schemas/{shape}.schema.json: {error}"));
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema);
    let validator = validator.unwrap_or_else(|error| panic!("schemas/{shape}.schema.json: {error}"));
    let faults: Vec<String> = validator.iter_errors(said).map(|error| error.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new(), "{shape}: {said:#}");
}

#[test]
fn enrolling_and_syncing_hold_to_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let form = workspace_root().join("target/packs/haiti-simast/household.xlsx");
    let mut server = Server::found(&folder.path().join("server"), &form);
    server.start();
    let laptop = Laptop { home: folder.path().join("laptop") };
    let code = server.invite("Rose", "HT0111");
    let init = ["init", "--server", &server.url, "--code", &code, "--person", "Rose", "--device", "PC"];
    holds("collector-seat", &json(laptop.command().args(init).arg("--json")));
    holds("collector-sync", &json(laptop.command().args(["sync", "--json"])));
    let interview = ["interview", "household", "--finalise", "--json", "--answers"];
    let household = workspace_root().join("fixtures/households/household.json");
    holds("collector-interview", &json(laptop.command().args(interview).arg(household)));
    holds("collector-sync", &json(laptop.command().args(["sync", "--json"])));
    holds("collector-status", &json(laptop.command().args(["status", "--json"])));
    holds("server-status", &json(server.command().args(["status", "--json"])));

    holds("collector-record-proof", &json(laptop.command().args(["record", "prove", "1", "--json"])));

    let (up, down) = (folder.path().join("up"), folder.path().join("down"));
    let exported = json(laptop.command().args(["bundle", "export", "--json"]).arg(&up));
    holds("collector-bundle-export", &exported);
    let taken =
        json(server.command().args(["bundle", "import", "--json"]).arg(&up).arg("--reply").arg(&down));
    holds("server-bundle-import", &taken);
    holds("collector-bundle-import", &json(laptop.command().args(["bundle", "import", "--json"]).arg(&down)));
    let seat = taken["parts"][0]["seat"].as_str().expect("a seat packed it").to_owned();
    let export = ["bundle", "export", "--json", "--seat", &seat];
    holds("server-bundle-export", &json(server.command().args(export).arg(&down)));
}
