//! `gatepath bisect`: the snapshot in which a verdict turned, and the edit that turned it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const BASE: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-a/providers/Microsoft.Network";

fn rule(name: &str, priority: u32, access: &str) -> Value {
    json!({"name": name, "properties": {"priority": priority, "direction": "Inbound", "access": access, "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}})
}

/// A network with two subnets; the NSG of the second has the given rules, and is attached to it or not.
fn estate(folder: &Path, rules: &[Value], attached: bool) {
    fs::create_dir_all(folder).unwrap();
    let nsg = attached.then(|| json!({"id": format!("{BASE}/networkSecurityGroups/nsg-b")}));
    let subnet = |name: &str, prefix: &str, nsg: Option<Value>| {
        json!({"id": format!("{BASE}/virtualNetworks/vnet-a/subnets/{name}"), "name": name,
            "properties": {"addressPrefix": prefix, "networkSecurityGroup": nsg}})
    };
    let vnet = json!({"id": format!("{BASE}/virtualNetworks/vnet-a"), "name": "vnet-a",
        "type": "Microsoft.Network/virtualNetworks", "properties": {"addressSpace": {"addressPrefixes": ["10.8.0.0/16"]},
        "subnets": [subnet("front", "10.8.0.0/24", None), subnet("back", "10.8.1.0/24", nsg)]}});
    let nsg = json!({"id": format!("{BASE}/networkSecurityGroups/nsg-b"), "name": "nsg-b",
        "type": "Microsoft.Network/networkSecurityGroups", "properties": {"securityRules": rules}});
    fs::write(folder.join("all.json"), json!([vnet, nsg]).to_string()).unwrap();
}

fn ask(folder: &Path, before: &[&str]) -> (u8, Value, String) {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut line = vec!["bisect".to_owned(), path("now"), "--from".into(), "10.8.0.9".into(), "--to".into()];
    line.extend(["10.8.1.9:443", "--assume", "nic=none", "-q"].map(str::to_owned));
    for earlier in before {
        let (time, name) = earlier.split_once('=').unwrap();
        line.extend(["--before".to_owned(), format!("{time}={}", path(name))]);
    }
    let text: Vec<&str> = line.iter().map(String::as_str).collect();
    let text = support::gatepath(&text).out;
    line.extend(["-o".to_owned(), "json".to_owned()]);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let ran = support::gatepath(&line);
    (ran.code, serde_json::from_str(&ran.out).unwrap_or(Value::Null), text)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bisect-{name}"))
}

#[test]
fn the_rule_that_turned_the_path_is_named() {
    let folder = folder("rule");
    estate(&folder.join("first"), &[rule("web", 200, "Allow")], true);
    estate(&folder.join("second"), &[rule("web", 200, "Allow"), rule("odd", 4000, "Deny")], true);
    estate(
        &folder.join("now"),
        &[rule("web", 200, "Allow"), rule("odd", 4000, "Deny"), rule("stop", 150, "Deny")],
        true,
    );
    // Given out of order: times decide.
    let (code, report, text) = ask(&folder, &["2026-03-02T00:00Z=second", "2026-03-01T00:00Z=first"]);
    assert_eq!(code, 1, "{report}");
    let verdicts: Vec<&str> =
        report["snapshots"].as_array().unwrap().iter().map(|state| state["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["allow", "allow", "deny"]);
    let turned = &report["turned"];
    assert_eq!(
        (&turned["before"], &turned["after"], &turned["differences"]),
        (&"allow".into(), &"deny".into(), &1.into())
    );
    let culprits = turned["culprits"].as_array().unwrap();
    assert_eq!(culprits.len(), 1);
    assert_eq!((&culprits[0]["change"], &culprits[0]["kind"]), (&"nsg-b/stop".into(), &"added".into()));
    assert_eq!(culprits[0]["after"]["pointer"], "/1/properties/securityRules/2");
    assert!(text.contains("Undoing this one alone turns it back:\n  added  nsg-b/stop\n"), "{text}");
}

#[test]
fn an_attachment_is_told_apart_from_the_rules() {
    let folder = folder("attachment");
    estate(&folder.join("first"), &[rule("stop", 150, "Deny")], false);
    estate(&folder.join("now"), &[rule("stop", 150, "Deny"), rule("odd", 4000, "Allow")], true);
    let (code, report, _) = ask(&folder, &["=first"]);
    assert_eq!(code, 1);
    assert_eq!(report["turned"]["differences"], 2);
    let culprits = report["turned"]["culprits"].as_array().unwrap();
    assert_eq!(culprits.len(), 1);
    assert_eq!((&culprits[0]["change"], &culprits[0]["kind"]), (&"vnet-a/back".into(), &"changed".into()));
}

#[test]
fn several_differences_are_one_set_where_none_is_enough_alone() {
    let folder = folder("set");
    estate(&folder.join("first"), &[rule("web", 200, "Allow"), rule("odd", 4000, "Allow")], true);
    estate(
        &folder.join("now"),
        &[rule("stop", 150, "Deny"), rule("web", 200, "Deny"), rule("odd", 4001, "Allow")],
        true,
    );
    let (_, report, text) = ask(&folder, &["=first"]);
    let turned = &report["turned"];
    assert_eq!((&turned["differences"], &turned["each_alone"]), (&3.into(), &false.into()));
    let named: Vec<&str> =
        turned["culprits"].as_array().unwrap().iter().map(|one| one["change"].as_str().unwrap()).collect();
    assert_eq!(named, ["nsg-b/stop", "nsg-b/web"]);
    assert!(text.contains("these together do:"), "{text}");
}

#[test]
fn equal_snapshots_turn_nothing_and_mistakes_stop() {
    let folder = folder("equal");
    estate(&folder.join("first"), &[], true);
    estate(&folder.join("now"), &[], true);
    let (code, report, text) = ask(&folder, &["=first"]);
    assert_eq!((code, &report["turned"]), (0, &Value::Null));
    assert!(text.contains("The verdict is the same in all snapshots."), "{text}");
    for wrong in ["yesterday=first", "2026-03-01T00:00=first", "=nowhere"] {
        assert_eq!(ask(&folder, &[wrong]).0, 2, "{wrong}");
    }
}

#[test]
fn a_file_that_records_no_changes_is_refused() {
    let file = folder("strange.json");
    fs::write(&file, "{\"value\": [{\"name\": \"x\"}]}").unwrap();
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/02-broken");
    let record = snapshot.join("health.json");
    let (snapshot, record) = (snapshot.join("snapshot"), record);
    let line = [
        "health",
        snapshot.to_str().unwrap(),
        "--record",
        record.to_str().unwrap(),
        "--changes",
        file.to_str().unwrap(),
    ];
    let ran = support::gatepath(&line);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no record of changes; known are `az monitor activity-log list -o json`"), "{}", ran.err);
}
