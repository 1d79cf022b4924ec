//! A small network, and how a record is asked over it.

use crate::support::gatepath_with;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

pub(crate) const NET: &str = "/subscriptions/5b1d/resourceGroups/rg-mill/providers/Microsoft.Network";
pub(crate) const VM: &str =
    "/subscriptions/5b1d/resourceGroups/rg-mill/providers/Microsoft.Compute/virtualMachines/vm-mill-1";

pub(crate) fn id(kind: &str, name: &str) -> String {
    format!("{NET}/{kind}/{name}")
}

pub(crate) fn subnet() -> String {
    format!("{NET}/virtualNetworks/vnet-mill/subnets/snet-mill")
}

pub(crate) fn rule(name: &str, priority: u32, direction: &str, access: &str, source: &str, port: &str) -> Value {
    json!({"name": name, "properties": {"priority": priority, "direction": direction, "access": access, "protocol": "Tcp",
        "sourceAddressPrefix": source, "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": port}})
}

pub(crate) fn nic(name: &str, address: &str, nsg: Option<&str>, vm: Option<&str>) -> Value {
    let reference = |id: Option<&str>| id.map_or(Value::Null, |id| json!({"id": id}));
    json!({"id": id("networkInterfaces", name), "name": name, "type": "Microsoft.Network/networkInterfaces", "properties": {
        "networkSecurityGroup": reference(nsg), "virtualMachine": reference(vm),
        "ipConfigurations": [{"name": "ipconfig1", "properties": {"privateIPAddress": address, "subnet": {"id": subnet()}}}]}})
}

/// A mill: one subnet with an NSG and a route table, one NIC with an NSG of its own.
pub(crate) fn mill() -> Vec<Value> {
    let (outer, inner) = (id("networkSecurityGroups", "nsg-mill"), id("networkSecurityGroups", "nsg-wheel"));
    let table = id("routeTables", "rt-mill");
    vec![
        json!({"id": id("virtualNetworks", "vnet-mill"), "name": "vnet-mill", "type": "Microsoft.Network/virtualNetworks",
            "properties": {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}, "subnets": [{"id": subnet(), "name": "snet-mill",
            "properties": {"addressPrefix": "10.77.1.0/24", "networkSecurityGroup": {"id": outer}, "routeTable": {"id": table}}}]}}),
        json!({"id": outer, "name": "nsg-mill", "type": "Microsoft.Network/networkSecurityGroups", "properties": {"securityRules": [
            rule("Allow-Web", 100, "Inbound", "Allow", "*", "443")]}}),
        json!({"id": inner, "name": "nsg-wheel", "type": "Microsoft.Network/networkSecurityGroups", "properties": {"securityRules": [
            rule("Allow-Press", 200, "Inbound", "Allow", "203.0.113.0/24", "443")]}}),
        json!({"id": table, "name": "rt-mill", "type": "Microsoft.Network/routeTables", "properties": {"routes": [{"name": "to-weir",
            "properties": {"addressPrefix": "10.99.0.0/16", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.77.1.200"}}]}}),
        nic("nic-mill-1", "10.77.1.4", Some(&inner), Some(VM)),
    ]
}

pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("replay").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("snapshot")).unwrap();
    folder
}

pub(crate) struct Asked {
    pub(crate) code: u8,
    pub(crate) report: Value,
}

/// Replays a record over resources.
pub(crate) fn replay(name: &str, resources: &[Value], record: &str) -> Asked {
    let folder = folder(name);
    fs::write(folder.join("snapshot/resources.json"), Value::from(resources.to_vec()).to_string()).unwrap();
    fs::write(folder.join("record.json"), record).unwrap();
    ask(&folder)
}

pub(crate) fn ask(folder: &std::path::Path) -> Asked {
    let (snapshot, record) = (folder.join("snapshot"), folder.join("record.json"));
    let line = ["replay", snapshot.to_str().unwrap(), "--record", record.to_str().unwrap(), "-o", "json", "-q"];
    let ran = gatepath_with(&line, b"");
    let report = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
    let report: Value = report;
    if !report.is_null() {
        let total = report["agreed"].as_u64().unwrap()
            + report["undecided"].as_u64().unwrap()
            + report["disagreements"].as_array().unwrap().len() as u64;
        assert_eq!(report["asked"].as_u64().unwrap(), total, "{report}");
        assert_eq!(report["schema"], "gatepath/replay/1");
    }
    Asked { code: ran.code, report }
}

pub(crate) fn exchange(operation: &str, query: &Value, answer: &Value) -> String {
    json!({"operation": operation, "query": query, "answer": answer}).to_string()
}

pub(crate) fn agrees(name: &str, resources: &[Value], record: &str) {
    let asked = replay(name, resources, record);
    assert_eq!((asked.code, &asked.report["agreed"]), (0, &asked.report["asked"]), "{name}: {:#}", asked.report);
}

/// The differences of the one question that disagrees.
pub(crate) fn disagrees(name: &str, resources: &[Value], record: &str) -> String {
    let asked = replay(name, resources, record);
    assert_eq!(asked.code, 1, "{name}: {:#}", asked.report);
    let found = &asked.report["disagreements"][0];
    for key in ["azure_trace", "our_trace"] {
        assert!(!found[key].as_array().unwrap().is_empty(), "{name}: {key}: {found:#}");
    }
    found["differences"].to_string()
}

/// Why the one question is undecided.
pub(crate) fn undecided(name: &str, resources: &[Value], record: &str) -> String {
    let asked = replay(name, resources, record);
    assert_eq!((asked.code, &asked.report["asked"]), (3, &json!(1)), "{name}: {:#}", asked.report);
    asked.report["undecided_because"][0]["why"].as_str().unwrap().to_owned()
}

pub(crate) fn flow(remote: &str, port: &str) -> Value {
    json!({"targetResourceId": VM.to_uppercase(), "direction": "Inbound", "protocol": "TCP", "localPort": port, "remotePort": "*",
        "localIPAddress": "10.77.1.4", "remoteIPAddress": remote})
}
