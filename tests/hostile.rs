//! Bad input: each gives a diagnostic with code, place and next step; the good part is used where that is safe; nothing
//! is guessed, nothing is dropped in silence, and nothing panics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed expectation is a failed test"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use support::{Ran, gatepath};

/// A copy of a sample's snapshot to spoil.
fn copy(name: &str, sample: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(format!("samples/{sample}/snapshot")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// Rewrites one file of a copied snapshot as text.
fn spoil(name: &str, file: &str, change: impl Fn(&str) -> String) -> PathBuf {
    let folder = copy(name, "02-broken");
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text, "{name}: the change must change something");
    fs::write(path, changed).unwrap();
    folder
}

/// Rewrites the NSG of the broken NIC as a JSON value.
fn spoil_nsg(name: &str, change: impl Fn(&mut Value)) -> PathBuf {
    spoil(name, "nsg.json", |text| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        let nsg = value.as_array_mut().unwrap().iter_mut().find(|nsg| nsg["name"] == "nsg-nic-orders-3").unwrap();
        change(nsg);
        serde_json::to_string_pretty(&value).unwrap()
    })
}

fn run(folder: &Path, command: &str) -> (Ran, Value) {
    let ran = gatepath(&[command, folder.to_str().unwrap(), "-o", "json"]);
    let value = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
    (ran, value)
}

/// The diagnostic with this code among those of `inspect`, with its place checked.
fn diagnosed(folder: &Path, code: &str) -> Value {
    let (_, report) = run(folder, "inspect");
    let found = report["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == code).cloned();
    found.unwrap_or_else(|| panic!("no {code} in {}", report["diagnostics"]))
}

fn verdict_of(folder: &Path, backend: &str) -> (String, Value) {
    let (ran, report) = run(folder, "matrix");
    let paths = report["paths"].as_array().unwrap_or_else(|| panic!("{}", ran.err));
    let path = paths.iter().find(|path| path["backend"] == backend).unwrap().clone();
    (path["verdict"].as_str().unwrap().to_owned(), path)
}

const BROKEN: &str = "10.40.2.6";
const FINE: &str = "10.40.2.4";

#[test]
fn truncated_json_is_not_used_and_the_rest_is() {
    let folder = spoil("truncated", "nsg.json", |text| text[..text.len() / 2].to_owned());
    let found = diagnosed(&folder, "GP109");
    assert!(found["line"].as_u64().unwrap() > 1 && !found["help"].is_null(), "{found}");
    // The NSGs are referenced and gone: unknown, never "no NSG".
    assert_eq!(verdict_of(&folder, FINE).0, "unknown");
}

#[test]
fn truncation_at_every_length_never_panics() {
    let text = fs::read("samples/02-broken/health.json").unwrap();
    for length in 0..text.len() {
        let inputs =
            vec![gatepath::ingest::Input { name: "cut.json".to_owned(), bytes: text[..length].to_vec(), named: true }];
        let loaded = gatepath::ingest::load(inputs);
        let whole = text[length..].iter().all(u8::is_ascii_whitespace);
        assert_eq!(loaded.health.is_empty(), !whole, "{length}");
        assert!(whole || !loaded.findings.is_empty(), "{length}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_also_in_another_letter_case() {
    for (name, key) in [("twice", "access"), ("twice-case", "Access")] {
        let folder = spoil(name, "nsg.json", |text| {
            let at = text.find("\"nsg-nic-orders-3").unwrap();
            let rule = text[..at].rfind("\"access\": \"Deny\"").or_else(|| text.find("\"access\": \"Deny\"")).unwrap();
            format!("{}\"{key}\": \"Allow\", {}", &text[..rule], &text[rule..])
        });
        let found = diagnosed(&folder, "GP107");
        assert!(found["message"].as_str().unwrap().contains("access"), "{found}");
        assert!(found["pointer"].as_str().unwrap().contains("access"), "{found}");
        let (_, report) = run(&folder, "matrix");
        // Whichever NSG it was, no path may be called open by it.
        assert!(report["paths"].as_array().unwrap().iter().any(|path| path["verdict"] == "unknown"), "{report}");
    }
}

#[test]
fn a_wrong_type_makes_the_resource_unusable() {
    let folder = spoil_nsg("wrong-type", |nsg| nsg["securityRules"] = json!("all of them"));
    let found = diagnosed(&folder, "GP108");
    assert!(found["pointer"].as_str().unwrap().ends_with("/securityRules"), "{found}");
    let (verdict, path) = verdict_of(&folder, BROKEN);
    assert_eq!((verdict.as_str(), &path["resource"]), ("unknown", &json!("nsg-nic-orders-3")));
    assert_eq!(verdict_of(&folder, FINE).0, "allow");
}

#[test]
fn a_depth_cut_export_is_named_as_such() {
    let folder = spoil_nsg("depth", |nsg| {
        nsg["securityRules"] = json!(["Microsoft.Azure.Commands.Network.Models.PSSecurityRule"]);
    });
    assert!(diagnosed(&folder, "GP111")["help"].as_str().unwrap().contains("-Depth"));
    assert_eq!(verdict_of(&folder, BROKEN).0, "unknown");
}

#[test]
fn invalid_values_of_a_rule_are_unknown_where_they_decide() {
    // The deny rule decides this path: whatever of it cannot be read leaves the verdict open.
    let cases: [(&str, Value); 8] = [
        ("sourceAddressPrefix", json!("10.0.0.0/33")),
        ("sourceAddressPrefix", json!("010.0.0.1")),
        ("sourceAddressPrefix", json!("10.0.0.1-10.0.0.9")),
        ("destinationPortRange", json!("80,8080")),
        ("destinationPortRange", json!("66600")),
        ("priority", json!("first")),
        ("access", json!("Refuse")),
        ("protocol", json!("sctp")),
    ];
    for (number, (field, value)) in cases.into_iter().enumerate() {
        let folder = spoil_nsg(&format!("value-{number}"), |nsg| {
            let rules = nsg["securityRules"].as_array_mut().unwrap();
            let deny = rules.iter_mut().find(|rule| rule["access"] == "Deny").unwrap();
            deny[field] = value.clone();
            deny[format!("{field}es")] = json!([]);
            deny[format!("{field}s")] = json!([]);
        });
        let (verdict, path) = verdict_of(&folder, BROKEN);
        assert_eq!(verdict, "unknown", "{field} = {value}: {path}");
        assert_eq!(verdict_of(&folder, FINE).0, "allow", "{field}: other paths do not care");
        let (ran, report) = run(&folder, "lint");
        assert!(ran.code == 1 && !report["findings"].as_array().unwrap().is_empty(), "{field} = {value}: {report}");
    }
}

#[test]
fn huge_numbers_are_values_like_any_other() {
    for (number, value) in ["1e400", "99999999999999999999", "-0", "100.5"].into_iter().enumerate() {
        let folder = spoil(&format!("huge-{number}"), "nsg.json", |text| {
            text.replacen("\"priority\": 100,", &format!("\"priority\": {value},"), 1)
        });
        let (ran, _) = run(&folder, "matrix");
        assert!([0, 1, 2, 3].contains(&ran.code), "{value}");
    }
}

#[test]
fn a_dangling_reference_names_the_command_that_exports_it() {
    let folder = copy("dangling", "10-missing-export");
    let (ran, report) = run(&folder, "matrix");
    assert_eq!(ran.code, 3);
    let path = report["paths"].as_array().unwrap().iter().find(|path| path["verdict"] == "unknown").unwrap();
    assert_eq!((&path["stage"], &path["resource"]), (&json!("nsg-in-subnet"), &json!("nsg-api")));
    assert!(path["missing"][0]["command"].as_str().unwrap().starts_with("az network nsg show --ids /subscriptions/"));
}

#[test]
fn two_exports_that_disagree_are_both_left_out() {
    let folder = copy("conflict", "02-broken");
    let text = fs::read_to_string(folder.join("nsg.json")).unwrap();
    fs::write(
        folder.join("nsg-older.json"),
        text.replacen("\"destinationPortRange\": \"8443\"", "\"destinationPortRange\": \"8080\"", 1),
    )
    .unwrap();
    let found = diagnosed(&folder, "GP113");
    assert!(!found["resource"].is_null() && !found["file"].is_null());
    assert_eq!(verdict_of(&folder, BROKEN).0, "unknown");
    // The same export twice is no conflict, whatever its shape.
    let folder = copy("repeated", "02-broken");
    fs::copy(folder.join("nsg.json"), folder.join("nsg-again.json")).unwrap();
    assert_eq!(verdict_of(&folder, BROKEN).0, "deny");
}

#[test]
fn a_resource_graph_answer_that_is_cut_off_is_said_so() {
    let folder = copy("graph", "06-asymmetric-return");
    let text = fs::read_to_string(folder.join("graph.json")).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["total_records"] = json!(5000);
    fs::write(folder.join("graph.json"), value.to_string()).unwrap();
    assert!(diagnosed(&folder, "GP112")["message"].as_str().unwrap().contains("5000"));
}

#[test]
fn a_health_record_of_another_gateway_is_joined_with_nothing() {
    let ran =
        gatepath(&["health", "samples/01-working/snapshot", "--record", "samples/02-broken/health.json", "-o", "json"]);
    let same_gateway = ran.code;
    let other = gatepath(&[
        "health",
        "samples/01-working/snapshot",
        "--record",
        "samples/09-probe-port/health.json",
        "-o",
        "json",
    ]);
    assert_eq!(other.code, 2, "{}", other.out);
    assert!(other.err.contains("GP116"), "{}", other.err);
    assert!([0, 1].contains(&same_gateway));
}

#[test]
fn empty_things_are_named() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile/empty");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (ran, report) = run(&folder, "inspect");
    assert_eq!(ran.code, 2);
    assert_eq!(report["diagnostics"][0]["code"], "GP115");
    assert_eq!(gatepath(&["matrix", folder.to_str().unwrap()]).code, 2);
    fs::write(folder.join("nothing.json"), "  \n").unwrap();
    assert_eq!(diagnosed(&folder, "GP115")["file"].as_str().map(|f| f.ends_with("nothing.json")), Some(true));
    fs::write(folder.join("table.json"), "Name    Location\n------  ----------\nnsg-a   westeurope\n").unwrap();
    assert_eq!(diagnosed(&folder, "GP110")["severity"], "note");
    fs::write(folder.join("other.json"), "{\"hello\": [1, 2]}").unwrap();
    assert_eq!(diagnosed(&folder, "GP102")["severity"], "warning");
    assert_eq!(gatepath(&["inspect", "no/such/place"]).code, 2);
}

#[test]
fn names_from_a_file_cannot_paint_the_terminal() {
    let folder = spoil_nsg("terminal", |nsg| {
        nsg["securityRules"].as_array_mut().unwrap().iter_mut().for_each(|rule| {
            if rule["access"] == "Deny" {
                rule["name"] = json!("x\u{1b}[2K\u{202e}REACHABLE\r\n##vso[task.setvariable]");
            }
        });
    });
    for command in ["matrix", "lint", "inspect"] {
        let ran = gatepath(&[command, folder.to_str().unwrap()]);
        let all = format!("{}{}", ran.out, ran.err);
        assert!(!all.contains('\u{1b}') && !all.contains('\u{202e}') && !all.contains('\r'), "{command}: {all:?}");
        assert!(!all.lines().any(|line| line.trim_start().starts_with("##vso")), "{command}");
    }
}

#[test]
fn over_the_limit_is_said_and_left_out() {
    let ran = gatepath(&["inspect", "samples/02-broken/snapshot", "--limit-bytes", "2000", "-o", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(report["diagnostics"].as_array().unwrap().iter().any(|d| d["code"] == "GP106"), "{report}");
}
