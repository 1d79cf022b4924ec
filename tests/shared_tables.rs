//! Recorded effective route tables outside the project, where `GATEPATH_SHARED` says they are: a network with the address
//! space, peerings, gateway prefixes and user routes that a table shows must get that very table, None routes and the
//! losers of equal prefixes included. Without it the test reports itself skipped by name.

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

const BASE: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/";

fn id(text: &str) -> String {
    format!("{BASE}{text}")
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() { files(&entry, out) } else { out.push(entry) }
    }
}

/// The recorded tables of a file, each as a list of routes in the form of the service.
fn tables(file: &Path) -> Vec<Vec<Value>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let body: String = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let Ok(document) = serde_json::from_str::<Value>(&body) else { return Vec::new() };
    let lists: Vec<Value> = match (&document["tables"], &document["answer"]["body"]["value"]) {
        (Value::Array(tables), _) => {
            tables.iter().filter(|table| !lost_a_line(table)).map(|t| t["routes"].clone()).collect()
        }
        (_, list @ Value::Array(_)) => vec![list.clone()],
        _ if document["value"].is_array() => vec![document["value"].clone()],
        _ => vec![document],
    };
    lists.iter().filter_map(|list| whole(list.as_array()?)).collect()
}

/// A printed table that lacks the user routes which the commands before it made: they stood in bold and were not taken over.
fn lost_a_line(table: &Value) -> bool {
    let made = table["az_commands_in_section_before"].to_string().contains("route create");
    made && !table["routes"].to_string().contains("\"User\"")
}

/// A table with its `VnetLocal` and default routes; excerpts prove nothing.
fn whole(routes: &[Value]) -> Option<Vec<Value>> {
    let list = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![Value::from(one.as_str().unwrap_or_default().replace("<b>", "").replace("</b>", ""))],
    };
    let mut out = Vec::new();
    for route in routes {
        if !route["nextHopType"].is_string() || !route["source"].is_string() {
            return None;
        }
        let mut route = route.clone();
        route["addressPrefix"] = list(&route["addressPrefix"]).into();
        route["nextHopIpAddress"] = list(&route["nextHopIpAddress"]).into();
        if route["addressPrefix"].to_string().contains('<') {
            return None; // masked
        }
        out.push(route);
    }
    let holds = |kind: &str, prefix: &str| {
        out.iter().any(|route| route["nextHopType"] == kind && route["addressPrefix"].to_string().contains(prefix))
    };
    // With the system default route there are None routes too: a list without them was cut.
    let cut = holds("Internet", "\"0.0.0.0/0\"") && !holds("None", "\"100.64.0.0/10\"");
    let default = out.iter().any(|route| route["addressPrefix"].to_string().contains("\"0.0.0.0/0\""));
    (holds("VnetLocal", "") && default && !cut).then_some(out)
}

fn prefixes<'r>(routes: &'r [Value], wanted: impl Fn(&Value) -> bool + 'r) -> Vec<String> {
    let found =
        routes.iter().filter(move |route| wanted(route)).flat_map(|route| route["addressPrefix"].as_array().unwrap());
    found.map(|prefix| prefix.as_str().unwrap().to_owned()).collect()
}

/// A VPN gateway that brings prefixes.
fn gateway(learned: &[String]) -> Vec<Value> {
    let subnet = json!({"subnet": {"id": id("virtualNetworks/v/subnets/GatewaySubnet")}});
    vec![
        json!({"id": id("virtualNetworkGateways/g"), "type": "Microsoft.Network/virtualNetworkGateways",
            "properties": {"ipConfigurations": [{"name": "c", "properties": subnet}]}}),
        json!({"id": id("localNetworkGateways/l"), "type": "Microsoft.Network/localNetworkGateways",
            "properties": {"localNetworkAddressSpace": {"addressPrefixes": learned}}}),
        json!({"id": id("connections/c"), "type": "Microsoft.Network/connections", "properties": {
            "virtualNetworkGateway1": {"id": id("virtualNetworkGateways/g")},
            "localNetworkGateway2": {"id": id("localNetworkGateways/l")}}}),
    ]
}

/// A network that must get the table.
fn network(routes: &[Value]) -> Vec<Value> {
    let own = prefixes(routes, |r| r["nextHopType"] == "VnetLocal" && r["source"] == "Default");
    let peers =
        prefixes(routes, |r| ["VNetPeering", "VNetGlobalPeering"].contains(&r["nextHopType"].as_str().unwrap()));
    let learned = prefixes(routes, |r| r["source"] == "VirtualNetworkGateway");
    let user: Vec<Value> = routes
        .iter()
        .filter(|route| route["source"] == "User")
        .enumerate()
        .map(|(number, route)| {
            json!({"name": format!("r{number}"), "properties": {"addressPrefix": route["addressPrefix"][0],
                "nextHopType": route["nextHopType"], "nextHopIpAddress": route["nextHopIpAddress"][0]}})
        })
        .collect();
    let services = routes.iter().any(|route| route["nextHopType"] == "VirtualNetworkServiceEndpoint");
    let endpoints = prefixes(routes, |r| r["nextHopType"] == "InterfaceEndpoint");
    let first = &own[0];
    let subnet = |name: &str, prefix: &str, more: Value| {
        let mut properties = json!({"addressPrefix": prefix});
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"id": id(&format!("virtualNetworks/v/subnets/{name}")), "name": name, "properties": properties})
    };
    let mut attached = json!({"routeTable": {"id": id("routeTables/rt")}});
    if services {
        attached["serviceEndpoints"] = json!([{"service": "Microsoft.Storage"}]);
    }
    let peerings: Vec<Value> = peers
        .iter()
        .enumerate()
        .map(|(number, prefix)| {
            json!({"name": format!("p{number}"), "properties": {"peeringState": "Connected",
                "remoteVirtualNetwork": {"id": id(&format!("virtualNetworks/peer{number}"))},
                "remoteAddressSpace": {"addressPrefixes": [prefix]}}})
        })
        .collect();
    let address =
        |prefix: &str, last: &str| format!("{}.{last}", prefix.split('/').next().unwrap().rsplit_once('.').unwrap().0);
    let nic = |name: &str, address: &str| {
        json!({"id": id(&format!("networkInterfaces/{name}")), "name": name, "type": "Microsoft.Network/networkInterfaces",
            "properties": {"virtualMachine": {"id": id("vm")}, "ipConfigurations": [{"name": "c", "properties": {
                "privateIPAddress": address, "subnet": {"id": id("virtualNetworks/v/subnets/s")}}}]}})
    };
    let mut out = vec![
        json!({"id": id("virtualNetworks/v"), "name": "v", "type": "Microsoft.Network/virtualNetworks", "properties": {
            "addressSpace": {"addressPrefixes": own}, "virtualNetworkPeerings": peerings,
            "subnets": [subnet("s", first, attached), subnet("GatewaySubnet", &format!("{}/27", address(first, "224")), json!({}))]}}),
        json!({"id": id("routeTables/rt"), "name": "rt", "type": "Microsoft.Network/routeTables", "properties": {"routes": user}}),
        nic("vm-nic", &address(first, "10")),
    ];
    if !learned.is_empty() {
        out.extend(gateway(&learned));
    }
    for (number, prefix) in endpoints.iter().enumerate() {
        let name = format!("pe{number}");
        out.push(json!({"id": id(&format!("privateEndpoints/{name}")), "type": "Microsoft.Network/privateEndpoints",
            "properties": {"subnet": {"id": id("virtualNetworks/v/subnets/s")},
                "ipConfigurations": [{"properties": {"privateIPAddress": prefix.split('/').next().unwrap()}}]}}));
    }
    out
}

#[test]
fn a_network_like_the_recorded_one_gets_the_recorded_routes() {
    let Some(shared) = std::env::var_os("GATEPATH_SHARED") else {
        support::skipped("a_network_like_the_recorded_one_gets_the_recorded_routes");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded-tables");
    fs::create_dir_all(&folder).unwrap();
    let mut all = Vec::new();
    for part in ["gt-labs", "gt-route-tables-text", "gt-cases/effroutes"] {
        files(&Path::new(&shared).join("corpus").join(part), &mut all);
    }
    let (mut asked, mut failed) = (0, Vec::new());
    for (file, number, routes) in all
        .iter()
        .flat_map(|file| tables(file).into_iter().enumerate().map(move |(number, routes)| (file, number, routes)))
    {
        let (snapshot, record) = (folder.join("snapshot.json"), folder.join("record.json"));
        let uri = id("networkInterfaces/vm-nic/effectiveRouteTable");
        let answer = json!([{"operation": "effectiveRouteTable", "operation_uri": uri, "query": null, "answer": {"value": routes}}]);
        fs::write(&snapshot, Value::from(network(&routes)).to_string()).unwrap();
        fs::write(&record, answer.to_string()).unwrap();
        let line = ["replay", snapshot.to_str().unwrap(), "--record", record.to_str().unwrap(), "-o", "json", "-q"];
        let ran = support::gatepath_with(&line, b"");
        let report: Value = serde_json::from_str(&ran.out).expect(&ran.err);
        asked += 1;
        if report["agreed"] != 1 {
            let what = [&report["disagreements"][0]["differences"], &report["undecided_because"]];
            failed.push(format!("{} table {number}: {what:?}", file.display()));
        }
    }
    assert!(failed.is_empty(), "{} of {asked}:\n{}", failed.len(), failed.join("\n"));
    assert!(asked > 20, "{asked}");
}
