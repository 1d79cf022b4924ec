//! Evidence is held against its time, with the sample of an incident: a deny written at 07:58:14, servers down from 08:01,
//! a record of 08:30.

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

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/17-incident");
const BASE: &str =
    "/subscriptions/11111111-2222-4333-8444-555555550017/resourceGroups/rg-tickets/providers/Microsoft.Network";

fn of(name: &str) -> String {
    format!("{SAMPLE}/{name}")
}

fn file(name: &str, text: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("health-times");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What is said of the first app server, and the exit code.
fn told(snapshot: &str, more: &[&str]) -> (Value, u8) {
    let snapshot = of(snapshot);
    let mut line = vec!["health", &snapshot, "-o", "json"];
    line.extend(more);
    let ran = support::gatepath_with(&line, b"");
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    let servers = report["servers"].as_array().unwrap();
    (servers.iter().find(|server| server["server"] == "10.96.1.4").unwrap().clone(), ran.code)
}

fn class(found: &Value) -> (&str, Option<&str>) {
    (found["class"].as_str().unwrap(), found["grade"].as_str())
}

/// A log of changes of rules of the app subnet's NSG: time, name, operation.
fn changes(name: &str, list: &[(&str, &str, &str)]) -> String {
    let entry = |(time, rule, operation): &(&str, &str, &str)| {
        json!({"eventTimestamp": time, "status": {"value": "Succeeded"}, "correlationId": format!("{time}{rule}"),
            "operationName": {"value": format!("Microsoft.Network/networkSecurityGroups/securityRules/{operation}")},
            "resourceId": format!("{BASE}/networkSecurityGroups/nsg-app/securityRules/{rule}")})
    };
    file(name, &list.iter().map(entry).collect::<Value>().to_string())
}

/// An access log with one request to the first app server.
fn request(name: &str, time: &str, status: &str, error: &str) -> String {
    let row = json!({"timeStamp": time, "resourceId": format!("{BASE}/applicationGateways/agw-tickets"),
        "backendPoolName": "pool-app", "backendSettingName": "bs-8443", "category": "ApplicationGatewayAccessLog",
        "operationName": "ApplicationGatewayAccess", "properties": {"instanceId": "appgw_0", "clientIP": "198.51.100.9",
        "serverRouted": "10.96.1.4:8443", "serverStatus": status, "httpStatus": 200, "error_info": error}});
    file(name, &format!("{row}\n"))
}

/// A flow log with one tuple to the first app server: time, NSG, rule, decision.
fn flow(name: &str, time: &str, nsg: &str, rule: &str, decision: &str) -> String {
    let seconds = time.parse::<jiff::Timestamp>().unwrap().as_second();
    let tuple = format!("{seconds},10.96.0.9,10.96.1.4,50123,8443,T,I,{decision},B,,,,");
    let flows =
        json!([{"rule": format!("UserRule_{rule}"), "flows": [{"mac": "000D3A170001", "flowTuples": [tuple]}]}]);
    let record = json!({"time": time, "category": "NetworkSecurityGroupFlowEvent", "operationName": "NetworkSecurityGroupFlowEvents",
        "resourceId": format!("{BASE}/networkSecurityGroups/{nsg}").to_uppercase(), "properties": {"Version": 2, "flows": flows}});
    file(name, &json!({"records": [record]}).to_string())
}

const AT: [&str; 2] = ["--at", "2026-11-18T08:30Z"];

#[test]
fn a_request_from_before_the_outage_acquits_nothing_and_a_later_one_keeps_the_block_unconfirmed() {
    let (history, record, log) = (of("history.csv"), of("health.json"), of("activity-log.json"));
    let old = request("old.json", "2026-11-18T07:25:00Z", "200", "ERRORINFO_NO_ERROR");
    let (found, _) = told("snapshot", &["--record", &history, "--record", &old, "--changes", &log]);
    assert_eq!(class(&found).0, "NETWORK_BLOCK", "{found}");
    let later = request("later.json", "2026-11-18T08:25:00Z", "200", "ERRORINFO_NO_ERROR");
    let (found, _) = told("snapshot", &["--record", &record, "--record", &later, "--changes", &log, AT[0], AT[1]]);
    assert_eq!(class(&found), ("NETWORK_BLOCK", Some("possible")), "{found}");
    assert!(found["explanation"].as_str().unwrap().contains("2026-11-18T08:25:00Z"), "{found}");
    assert!(!found["explanation"].as_str().unwrap().contains("the network is the cause"), "{found}");
    // No backend was live: the status is the gateway's own.
    let dead = request("dead.json", "2026-11-18T08:25:00Z", "502", "ERRORINFO_UPSTREAM_NO_LIVE");
    let (found, _) = told("snapshot", &["--record", &record, "--record", &dead, "--changes", &log, AT[0], AT[1]]);
    assert_eq!(class(&found), ("NETWORK_BLOCK", Some("confirmed")), "{found}");
}

#[test]
fn flow_log_tuples_speak_of_their_time_and_of_nsgs_on_the_path() {
    let (record, log) = (of("health.json"), of("activity-log.json"));
    let with = |snapshot: &str, flows: &str, changes: bool| {
        let mut line = vec!["--record", &record, "--flow-log", flows, AT[0], AT[1]];
        if changes {
            line.extend(["--changes", &log]);
        }
        told(snapshot, &line).0
    };
    let confirmed = ("NETWORK_BLOCK", Some("confirmed"));
    for (name, time) in [("before.json", "2026-11-18T07:30:00Z"), ("after.json", "2026-11-18T10:30:00Z")] {
        let flows = flow(name, time, "nsg-app", "Allow-Gateway-App", "A");
        assert_eq!(class(&with("snapshot", &flows, true)), confirmed, "{time}");
    }
    let during = flow("during.json", "2026-11-18T08:20:00Z", "nsg-app", "Allow-Gateway-App", "A");
    assert_eq!(class(&with("snapshot", &during, true)).0, "INDETERMINATE");
    // A month ago, and at an NSG that is not on the path.
    let old = flow("month.json", "2026-10-18T08:20:00Z", "nsg-app", "Deny-Lateral", "D");
    assert_ne!(class(&with("before", &old, false)).0, "NETWORK_BLOCK");
    let other = flow("other.json", "2026-11-18T08:20:00Z", "nsg-report", "Deny-Lateral", "D");
    assert_ne!(class(&with("before", &other, false)).0, "NETWORK_BLOCK");
    let fresh = flow("fresh.json", "2026-11-18T08:20:00Z", "nsg-app", "Deny-Lateral", "D");
    assert_eq!(class(&with("before", &fresh, false)), confirmed);
}

#[test]
fn what_changed_after_the_record_neither_acquits_nor_blames() {
    let (record, then, now) = (of("health.json"), of("before"), of("snapshot"));
    // The deny was deleted after the record, and the configuration exported after that.
    let healed = changes("healed.json", &[("2026-11-18T08:50:00Z", "Deny-Lateral", "delete")]);
    let before = format!("2026-11-18T07:00Z={now}");
    let (found, code) = told("before", &["--record", &record, "--changes", &healed, "--before", &before, AT[0], AT[1]]);
    assert_eq!((class(&found).0, code), ("NETWORK_BLOCK", 1), "{found}");
    // When it was removed is not known: it may have been in force.
    let before = format!("2026-11-18T08:00Z={now}");
    let (found, code) = told("before", &["--record", &record, "--before", &before, AT[0], AT[1]]);
    assert_eq!((class(&found), code), (("NETWORK_BLOCK", Some("possible")), 1), "{found}");
    // Another rule was written after the record: the deny is no newer for it.
    let other = changes("other-rule.json", &[("2026-11-18T08:45:00Z", "Allow-Gateway-App", "write")]);
    let before = format!("2026-11-17T22:00Z={then}");
    let (found, code) =
        told("snapshot", &["--record", &record, "--changes", &other, "--before", &before, AT[0], AT[1]]);
    assert_eq!((class(&found).0, code), ("NETWORK_BLOCK", 1), "{found}");
    // The deny was written before the record, and again after it.
    let twice = [("2026-11-18T07:45:00Z", "Deny-Lateral", "write"), ("2026-11-18T08:45:00Z", "Deny-Lateral", "write")];
    let (found, _) =
        told("snapshot", &["--record", &record, "--changes", &changes("twice.json", &twice), AT[0], AT[1]]);
    assert_eq!(class(&found).0, "NETWORK_BLOCK", "{found}");
    // It was deleted before the record: the snapshot is older, and nothing is confirmed.
    let gone = changes("gone.json", &[("2026-11-18T08:10:00Z", "Deny-Lateral", "delete")]);
    let (found, _) = told("snapshot", &["--record", &record, "--changes", &gone, AT[0], AT[1]]);
    assert_ne!(class(&found).1, Some("confirmed"), "{found}");
}

#[test]
fn of_several_records_the_newest_counts() {
    let up = fs::read_to_string(of("health.json")).unwrap().replace("Unhealthy", "Healthy");
    let old = file("h-20261118T0700Z.json", &up);
    let (history, log) = (of("history.csv"), of("activity-log.json"));
    let (found, code) = told("snapshot", &["--record", &history, "--record", &old, "--changes", &log]);
    assert_eq!((&found["recorded"], code), (&json!("Down"), 1), "{found}");
}

#[test]
fn bisect_passes_over_snapshots_that_do_not_say() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("health-times/no-nsg");
    fs::create_dir_all(&folder).unwrap();
    for name in ["vnet.json", "nic.json", "application-gateway.json", "public-ip.json"] {
        fs::copy(of(&format!("before/{name}")), folder.join(name)).unwrap();
    }
    let (now, first) = (of("snapshot"), format!("2026-11-15T22:00Z={}", of("before")));
    let blind = format!("2026-11-16T22:00Z={}", folder.to_str().unwrap());
    let line =
        ["bisect", &now, "--before", &first, "--before", &blind, "--from", "agw-tickets", "--to", "10.96.1.4:8443"];
    let ran = support::gatepath_with(&line, b"");
    assert!(ran.out.contains("added  nsg-app/Deny-Lateral"), "{}", ran.out);
    assert!(ran.out.contains(&format!("turned in {now}")), "{}", ran.out);
}
