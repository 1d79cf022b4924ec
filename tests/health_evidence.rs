//! Evidence beside the health record: flow logs confirm, refute and prove; records that contradict a deny withhold claims
//! that rest on it; filters and Markdown.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

fn file(name: &str, content: &Value) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("health-evidence");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, content.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A flow log of the NSG of the blocked server's NIC, with one tuple for each (seconds, source, rule, decision).
fn flow_log(name: &str, nsg: &str, tuples: &[(u64, &str, &str, &str)]) -> String {
    let id = format!(
        "/SUBSCRIPTIONS/11111111-2222-4333-8444-555555550001/RESOURCEGROUPS/RG-ORDERS/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/{nsg}"
    );
    let flows: Vec<Value> = tuples
        .iter()
        .map(|(time, source, rule, decision)| {
            let tuple = format!("{time},{source},10.40.2.6,51234,8080,T,I,{decision},B,,,,");
            json!({"rule": rule, "flows": [{"mac": "000D3A000001", "flowTuples": [tuple]}]})
        })
        .collect();
    let record = json!({"time": "2026-11-20T07:00:00Z", "category": "NetworkSecurityGroupFlowEvent", "resourceId": id,
        "operationName": "NetworkSecurityGroupFlowEvents", "properties": {"Version": 2, "flows": flows}});
    file(name, &json!({ "records": [record] }))
}

fn health(snapshot: &str, more: &[&str]) -> Value {
    let (snapshot, record) = (format!("{SAMPLES}/{snapshot}/snapshot"), format!("{SAMPLES}/02-broken/health.json"));
    let mut line = vec!["health", &snapshot, "--record", &record, "-o", "json"];
    line.extend(more);
    let ran = support::gatepath_with(&line, b"");
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err))
}

fn server<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["servers"].as_array().unwrap().iter().find(|server| server["server"] == name).unwrap()
}

#[test]
fn a_denied_tuple_confirms_the_block_and_names_the_rule() {
    let log =
        flow_log("denied.json", "NSG-NIC-ORDERS-3", &[(1_795_000_000, "10.40.0.5", "UserRule_Deny-Vnet-In", "D")]);
    let report = health("02-broken", &["--flow-log", &log, "--at", "2026-11-18T11:20:00Z"]);
    let found = server(&report, "10.40.2.6");
    assert_eq!(
        (&found["class"], &found["grade"], &found["confidence"]),
        (&json!("NETWORK_BLOCK"), &json!("confirmed"), &json!("confirmed"))
    );
    assert!(found["explanation"].as_str().unwrap().contains("A flow log confirms it: rule Deny-Vnet-In"), "{found}");
    assert_eq!(found["flow_log"][0]["tuples"], 1);
}

#[test]
fn an_allowed_tuple_refutes_it_and_another_sender_says_nothing() {
    let log =
        flow_log("allowed.json", "NSG-NIC-ORDERS-3", &[(1_795_000_750, "10.40.0.5", "UserRule_Allow-Gateway", "A")]);
    let found =
        server(&health("02-broken", &["--flow-log", &log, "--at", "2026-11-18T11:20:00Z"]), "10.40.2.6").clone();
    assert_eq!((&found["class"], &found["grade"]), (&json!("INDETERMINATE"), &Value::Null), "{found}");
    assert!(found["explanation"].as_str().unwrap().contains("refutes the simulated deny"), "{found}");
    let log =
        flow_log("other.json", "NSG-NIC-ORDERS-3", &[(1_795_000_750, "10.40.9.5", "UserRule_Allow-Gateway", "A")]);
    let found =
        server(&health("02-broken", &["--flow-log", &log, "--at", "2026-11-18T11:20:00Z"]), "10.40.2.6").clone();
    assert_eq!((&found["class"], &found["grade"]), (&json!("NETWORK_BLOCK"), &json!("likely")), "{found}");
    // Of an allowed tuple and a newer denied one, the newer counts.
    let both = [
        (1_795_000_000, "10.40.0.5", "UserRule_Allow-Gateway", "A"),
        (1_795_000_600, "10.40.0.5", "UserRule_Deny-Vnet-In", "D"),
    ];
    let log = flow_log("both.json", "NSG-NIC-ORDERS-3", &both);
    let found =
        server(&health("02-broken", &["--flow-log", &log, "--at", "2026-11-18T11:20:00Z"]), "10.40.2.6").clone();
    assert_eq!((&found["class"], &found["grade"]), (&json!("NETWORK_BLOCK"), &json!("confirmed")), "{found}");
}

#[test]
fn a_denied_tuple_proves_a_block_that_the_input_does_not_show() {
    let log = flow_log("unseen.json", "NSG-APP", &[(1_795_000_000, "10.40.0.5", "UserRule_Deny-New", "D")]);
    let found =
        server(&health("03-repaired", &["--flow-log", &log, "--at", "2026-11-18T11:10:00Z"]), "10.40.2.6").clone();
    assert_eq!((&found["class"], &found["verdict"]), (&json!("NETWORK_BLOCK"), &json!("allow")), "{found}");
    let said = found["explanation"].as_str().unwrap();
    assert!(said.contains("shows a block that the input does not") && said.contains("rule Deny-New"), "{found}");
    assert!(found["next_steps"].to_string().contains("Export the configuration again"), "{found}");
}

/// The record of the sample with another state and message of one server.
fn changed(name: &str, states: &[(&str, &str, &str)]) -> String {
    let text = fs::read_to_string(format!("{SAMPLES}/02-broken/health.json")).unwrap();
    let mut record: Value = serde_json::from_str(&text).unwrap();
    let settings = &mut record["backendAddressPools"][0]["backendHttpSettingsCollection"][0];
    for server in settings["servers"].as_array_mut().unwrap() {
        if let Some((_, state, message)) = states.iter().find(|(address, _, _)| server["address"] == *address) {
            server["health"] = json!(state);
            server["healthProbeLog"] = json!(message);
        }
    }
    file(name, &record)
}

#[test]
fn filters_keep_what_is_asked_for_and_markdown_escapes() {
    let snapshot = format!("{SAMPLES}/02-broken/snapshot");
    let record =
        changed("markdown.json", &[("10.40.2.5", "Unhealthy", "**odd** [x](http://example.invalid) | @team <b>")]);
    let run = |more: &[&str]| {
        let mut line = vec!["health", &snapshot, "--record", &record];
        line.extend(more);
        support::gatepath_with(&line, b"")
    };
    let names = |only: &str| {
        let ran = run(&["-o", "json", "--only", only]);
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        let list = report["servers"].as_array().unwrap().iter().map(|server| server["server"].as_str().unwrap());
        list.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("unhealthy"), ["10.40.2.5", "10.40.2.6"]);
    assert_eq!(names("network"), ["10.40.2.6"]);
    assert_eq!(names("latent"), Vec::<String>::new());
    assert_eq!(run(&["--pool", "nowhere"]).code, 2);
    assert_eq!(run(&["--pool", "POOL-orders", "-o", "csv"]).out.lines().count(), 4);
    let ticket = run(&["-o", "md"]).out;
    assert!(ticket.contains("\\*\\*odd\\*\\* \\[x\\](http:\\//example.invalid) \\| &#64;team &lt;b&gt;"), "{ticket}");
    assert!(ticket.starts_with("# Backend health") && ticket.contains("## 10.40.2.6:8080: NETWORK"), "{ticket}");
    assert_eq!(run(&["-o", "azure-diag"]).code, 2);
}

#[test]
fn rows_before_since_are_left_out() {
    let sample = format!("{SAMPLES}/17-incident");
    let flips = |since: &str| {
        let (snapshot, history) = (format!("{sample}/snapshot"), format!("{sample}/history.csv"));
        let line = ["health", &snapshot, "--record", &history, "--since", since, "-o", "json"];
        let ran = support::gatepath_with(&line, b"");
        let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        server(&report, "10.96.1.4")["explanation"].as_str().unwrap().to_owned()
    };
    assert!(flips("2026-11-18T07:00Z").contains("Up to Down between 2026-11-18T08:00:00Z"));
    assert!(!flips("2026-11-18T08:10Z").contains("Up to Down"));
    let snapshot = format!("{sample}/snapshot");
    assert_eq!(support::gatepath_with(&["health", &snapshot, "--since", "yesterday"], b"").code, 2);
}
