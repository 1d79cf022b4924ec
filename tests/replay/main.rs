//! Recorded questions asked again, through the command line: every operation agreeing, disagreeing and undecided, shapes
//! of other clients, and records that are broken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod lists;
mod mill;

use mill::{VM, agrees, disagrees, exchange, flow, folder, id, mill, nic, replay, subnet, undecided};
use serde_json::{Value, json};
use std::fs;
use support::gatepath_with;

#[test]
fn ip_flow_verify() {
    let allow = json!({"access": "Allow", "ruleName": "UserRule_Allow-Press", "ruleId": ""});
    let deny =
        json!({"http_status": 200, "body": {"access": "Deny", "ruleName": "defaultSecurityRules/DenyAllInBound"}});
    agrees("ipflow-allow", &mill(), &exchange("ipFlowVerify", &flow("203.0.113.7", "443"), &allow));
    agrees("ipflow-deny", &mill(), &exchange("ipFlowVerify", &flow("198.51.100.7", "443"), &deny));
    let said = disagrees("ipflow-other", &mill(), &exchange("ipFlowVerify", &flow("198.51.100.7", "443"), &allow));
    assert!(said.contains("access: Azure Allow, here Deny") && said.contains("Allow-Press"), "{said}");
    let unknown = exchange("ipFlowVerify", &flow("203.0.113.7", "443"), &json!({"access": "Unknown"}));
    assert!(undecided("ipflow-unknown", &mill(), &unknown).contains("Unknown"));
    let refused = json!({"http_status": 404, "body": {"error": {"code": "ResourceNotFound", "message": "gone"}}});
    let refused = exchange("ipFlowVerify", &flow("203.0.113.7", "443"), &refused);
    assert!(undecided("ipflow-refused", &mill(), &refused).contains("404 ResourceNotFound"));
    let elsewhere = json!({"direction": "Inbound", "protocol": "TCP", "localPort": "443", "remotePort": "*",
        "localIPAddress": "10.200.0.4", "remoteIPAddress": "203.0.113.7"});
    assert!(
        undecided("ipflow-elsewhere", &mill(), &exchange("ipFlowVerify", &elsewhere, &allow)).contains("10.200.0.4")
    );
}

#[test]
fn a_missing_nsg_is_undecided_unless_what_is_there_denies() {
    let gone: Vec<Value> = mill().into_iter().filter(|resource| resource["name"] != "nsg-wheel").collect();
    let allow = json!({"access": "Allow", "ruleName": "Allow-Press"});
    let why = undecided("no-nsg", &gone, &exchange("ipFlowVerify", &flow("203.0.113.7", "443"), &allow));
    assert!(why.contains("nsg-wheel") && why.contains("az network nsg show"), "{why}");
    let deny = json!({"access": "Deny", "ruleName": "DenyAllInBound"});
    agrees("no-nsg-needed", &gone, &exchange("ipFlowVerify", &flow("203.0.113.7", "22"), &deny));
}

#[test]
fn several_nics_that_answer_differently_are_undecided() {
    let mut both = mill();
    both.push(nic("nic-mill-2", "10.77.1.4", None, Some(&VM.replace("mill-1", "mill-2"))));
    let mut query = flow("198.51.100.7", "443");
    query.as_object_mut().unwrap().remove("targetResourceId");
    let deny = exchange("ipFlowVerify", &query, &json!({"access": "Deny", "ruleName": "DenyAllInBound"}));
    assert!(undecided("two-nics", &both, &deny).contains("several NICs"));
    agrees(
        "named-nic",
        &both,
        &exchange(
            "ipFlowVerify",
            &flow("198.51.100.7", "443"),
            &json!({"access": "Deny", "ruleName": "DenyAllInBound"}),
        ),
    );
}

#[test]
fn next_hop() {
    let to = |destination: &str| json!({"targetResourceId": VM, "sourceIPAddress": "10.77.1.4", "destinationIPAddress": destination});
    let table = id("routeTables", "RT-MILL");
    for (name, destination, answer) in [
        ("hop-local", "10.77.9.9", json!({"nextHopType": "VirtualNetwork", "routeTableId": "System Route"})),
        (
            "hop-internet",
            "198.51.100.9",
            json!({"nextHopType": "Internet", "nextHopIpAddress": null, "routeTableId": "System Route"}),
        ),
        (
            "hop-appliance",
            "10.99.0.9",
            json!({"NextHopType": "VirtualAppliance", "NextHopIpAddress": "10.77.1.200", "RouteTableId": table}),
        ),
        (
            "hop-lost",
            "10.99.0.9",
            json!({"nextHopType": "None", "nextHopIpAddress": "10.77.1.200", "routeTableId": table}),
        ),
    ] {
        agrees(name, &mill(), &exchange("nextHop", &to(destination), &answer));
    }
    let wrong = json!({"nextHopType": "VnetLocal", "routeTableId": "System Route"});
    let said = disagrees("hop-other", &mill(), &exchange("nextHop", &to("10.99.0.9"), &wrong));
    assert!(said.contains("here VirtualAppliance") && said.contains("route table"), "{said}");
    let gone: Vec<Value> = mill().into_iter().filter(|resource| resource["name"] != "rt-mill").collect();
    assert!(undecided("hop-no-table", &gone, &exchange("nextHop", &to("10.99.0.9"), &wrong)).contains("rt-mill"));
}

fn flags(name: &str, source: bool, destination: bool, port: bool) -> Value {
    json!({"name": name, "protocolMatched": true, "sourceMatched": source, "sourcePortMatched": true,
        "destinationMatched": destination, "destinationPortMatched": port})
}

fn diagnostic(press_source: bool) -> Value {
    let profile = json!({"direction": "Inbound", "protocol": "TCP", "source": "198.51.100.7", "destination": "10.77.1.4", "destinationPort": "443"});
    json!({"results": [{"profile": profile, "networkSecurityGroupResult": {"securityRuleAccessResult": "Deny", "evaluatedNetworkSecurityGroups": [
        {"networkSecurityGroupId": id("networkSecurityGroups", "NSG-mill"), "appliedTo": subnet(),
         "matchedRule": {"ruleName": "UserRule_Allow-Web", "action": "Allow"}, "rulesEvaluationResult": [flags("UserRule_Allow-Web", true, true, true)]},
        {"networkSecurityGroupId": id("networkSecurityGroups", "nsg-wheel"), "appliedTo": id("networkInterfaces", "nic-mill-1"),
         // Azure was seen to repeat the first NSG's rule here: the last evaluated rule counts.
         "matchedRule": {"ruleName": "UserRule_Allow-Web", "action": "Allow"}, "rulesEvaluationResult": [
            flags("UserRule_Allow-Press", press_source, true, true), flags("DefaultRule_AllowVnetInBound", false, true, true),
            flags("DefaultRule_AllowAzureLoadBalancerInBound", false, true, true), flags("DefaultRule_DenyAllInBound", true, true, true)]}]}}]})
}

#[test]
fn nsg_diagnostics() {
    let query = json!({"targetResourceId": VM, "profiles": []});
    agrees("diag", &mill(), &exchange("networkConfigurationDiagnostic", &query, &diagnostic(false)));
    agrees("diag-plain", &mill(), &diagnostic(false).to_string());
    let said = disagrees("diag-other", &mill(), &diagnostic(true).to_string());
    assert!(said.contains("Allow-Press: source matched: Azure true, here false"), "{said}");
}

#[test]
fn flow_logs() {
    let nsg = id("networkSecurityGroups", "NSG-WHEEL").to_uppercase();
    let old = json!({"records": [{"category": "NetworkSecurityGroupFlowEvent", "resourceId": nsg, "properties": {"Version": 1, "flows": [
        {"rule": "UserRule_Allow-Press", "flows": [{"mac": "00", "flowTuples": ["1700000000,203.0.113.7,10.77.1.4,50001,443,T,I,A"]}]},
        {"rule": "DefaultRule_DenyAllInBound", "flows": [{"mac": "00", "flowTuples": ["1700000001,198.51.100.7,10.77.1.4,50001,443,T,I,D,B,,,,"]}]}]}}]});
    agrees("flow-log-2", &mill(), &old.to_string());
    let new = |press: &str| {
        json!({"records": [{"flowRecords": {"flows": [
        {"aclID": "00000000-0000-0000-0000-000000000000", "flowGroups": [{"rule": "PlatformRule", "flowTuples": ["1700000000000,203.0.113.9,10.77.1.4,1,2,6,I,B,NX,0,0,0,0"]}]},
        {"aclID": nsg, "flowGroups": [{"rule": "UserRule_Allow-Press", "flowTuples": [format!("1700000000000,{press},10.77.1.4,50001,443,6,I,B,NX,0,0,0,0")]}]}]}}]})
    };
    agrees("flow-log-4", &mill(), &new("203.0.113.7").to_string());
    let said = disagrees("flow-log-other", &mill(), &new("198.51.100.7").to_string());
    assert!(said.contains("Allow-Press") && said.contains("DenyAllInBound"), "{said}");
    // An aclID may be the NSG's resourceGuid.
    let guid = "7c1d0000-0000-0000-0000-0000000000aa";
    let by_guid = new("203.0.113.7").to_string().replace(&nsg, &guid.to_uppercase());
    assert!(undecided("flow-log-no-guid", &mill(), &by_guid).contains("not in the input"));
    let mut named = mill();
    named[2]["properties"]["resourceGuid"] = json!(guid);
    agrees("flow-log-guid", &named, &by_guid);
    let platform = json!({"records": [{"flowRecords": {"flows": []}}]});
    assert!(undecided("flow-log-empty", &mill(), &platform.to_string()).contains("no NSG decided"));
}

#[test]
fn broken_records_never_end_in_a_panic() {
    let whole =
        exchange("ipFlowVerify", &flow("203.0.113.7", "443"), &json!({"access": "Allow", "ruleName": "Allow-Press"}));
    for end in (0..whole.len()).step_by(7) {
        let asked = replay("cut", &mill(), &whole[..end]);
        assert_eq!(asked.code, 2, "{}", &whole[..end]);
    }
    for (record, code) in [
        ("{}", 2),
        ("[]", 2),
        ("null", 2),
        ("hello", 2),
        (r#"{"operation":"ipFlowVerify"}"#, 2),
        (r#"{"operation":"ipFlowVerify","answer":null}"#, 3),
        (r#"{"operation":"ipFlowVerify","answer":{"access":"Perhaps"},"query":{}}"#, 3),
        (r#"{"operation":"ipFlowVerify","answer":{"access":{}},"query":[1]}"#, 3),
        (r#"{"operation":"nextHop","answer":{"nextHopType":7},"query":{"destinationIPAddress":"x"}}"#, 3),
        (r#"{"operation":"effectiveRouteTable","answer":{"value":[{"addressPrefix":{}}]}}"#, 1),
        (r#"{"operation":"networkConfigurationDiagnostic","answer":{"results":[{}]}}"#, 3),
        (r#"{"operation":"connectivityCheck","answer":{}}"#, 3),
        (r#"{"operation":"ipFlowVerify","operation":"nextHop","answer":{}}"#, 3),
        (r#"{"value":[]}"#, 3),
        (
            r#"{"records":[{"category":"x","resourceId":"/a","properties":{"flows":[{"rule":"r","flows":[{"flowTuples":["1,2,3"]}]}]}}]}"#,
            3,
        ),
    ] {
        let asked = replay("broken", &mill(), record);
        assert_eq!(asked.code, code, "{record}: {:#}", asked.report);
    }
}

#[test]
fn check_prints_what_azures_tools_would() {
    let folder = folder("azure");
    fs::write(folder.join("snapshot/resources.json"), Value::from(mill()).to_string()).unwrap();
    let run = |to: &str, format: &str| {
        let ran = gatepath_with(
            &[
                "check",
                folder.join("snapshot").to_str().unwrap(),
                "--from",
                "198.51.100.7",
                "--to",
                to,
                "-o",
                format,
                "-q",
            ],
            b"",
        );
        (ran.code, serde_json::from_str::<Value>(&ran.out).unwrap())
    };
    assert_eq!(
        run("10.77.1.4:443", "azure-ipflow"),
        (1, json!({"access": "Deny", "ruleName": "defaultSecurityRules/DenyAllInBound"}))
    );
    let (code, printed) = run("10.77.1.4:443", "azure-diag");
    assert_eq!(code, 1);
    let source = &printed["results"][0]["profile"]["source"];
    assert!(source.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()), "{source}");
    // What it prints is a record that agrees.
    agrees("azure-diag", &mill(), &printed.to_string());
}

fn conformance(name: &str) -> Value {
    let file = format!("{}/tests/conformance/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Is everything of `wanted` in `got`?
fn holds(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.iter().all(|(key, value)| got.get(key).is_some_and(|other| holds(value, other)))
        }
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| holds(wanted, got))
        }
        _ => wanted == got,
    }
}

/// `check` over a conformance case, printed in one of Azure's formats.
fn printed(name: &str, format: &str) -> (Value, Value) {
    let case = conformance(name);
    let folder = folder(&format!("{name}-{format}"));
    let file = folder.join("resources.json");
    fs::write(&file, case["resources"].to_string()).unwrap();
    let query = &case["query"];
    let to = format!("{}:{}", query["destination"].as_str().unwrap(), query["destinationPort"]);
    let line =
        ["check", file.to_str().unwrap(), "--from", query["source"].as_str().unwrap(), "--to", &to, "-o", format];
    let ran = gatepath_with(&line, b"");
    (case, serde_json::from_str(&ran.out).expect(&ran.err))
}

#[test]
fn azures_formats_of_the_conformance_cases() {
    for name in ["E117a", "E117b", "E117c"] {
        let (case, got) = printed(name, "azure-ipflow");
        assert_eq!(got, case["expect"]["ipFlow"], "{name}");
    }
    for name in ["E118a", "E118b"] {
        let (case, got) = printed(name, "azure-diag");
        let result = &got["results"][0]["networkSecurityGroupResult"];
        assert!(holds(&case["expect"]["networkSecurityGroupResult"], result), "{name}: {result:#}");
    }
    for name in ["E120a", "E120b"] {
        let case = conformance(name);
        let query =
            json!({"sourceIPAddress": case["query"]["source"], "destinationIPAddress": case["query"]["destination"]});
        let record = exchange("nextHop", &query, &case["expect"]["nextHopResult"]);
        agrees(name, case["resources"].as_array().unwrap(), &record);
    }
}

#[test]
fn security_admin_rules_stand_before_the_nsgs() {
    let (case, got) = printed("E57", "azure-diag");
    let groups = got["results"][0]["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"].as_array().unwrap();
    let [manager] = groups.as_slice() else { panic!("{got:#}") };
    assert!(manager["networkSecurityGroupId"].as_str().unwrap().contains("/networkManagers/"));
    assert!(manager["appliedTo"].as_str().unwrap().contains("/virtualNetworks/"));
    assert_eq!(manager["matchedRule"], json!({"ruleName": case["expect"]["rule"], "action": "Deny"}));
    agrees("E57-record", case["resources"].as_array().unwrap(), &got.to_string());
    let (case, got) = printed("E57", "azure-ipflow");
    assert_eq!(got, json!({"access": "Deny", "ruleName": case["expect"]["rule"]}));
}
