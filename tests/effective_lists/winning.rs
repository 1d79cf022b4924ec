//! Lists that say something else than the configuration.

use crate::support::gatepath_with;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn id(path: &str) -> String {
    format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/{path}")
}

fn of(path: &str) -> Value {
    json!({ "id": id(path) })
}

fn resource(kind: &str, name: &str, properties: &Value) -> Value {
    json!({"id": id(&format!("{kind}/{name}")), "name": name, "type": format!("Microsoft.Network/{kind}"), "properties": properties})
}

fn rule(name: &str, priority: u32, access: &str, source: &str, port: &str) -> Value {
    json!({"name": name, "priority": priority, "direction": "Inbound", "access": access, "protocol": "Tcp",
        "sourceAddressPrefix": source, "sourcePortRange": "0-65535", "destinationAddressPrefix": "0.0.0.0/0",
        "destinationPortRange": port})
}

/// A client and a server in two subnets of one network; the server's subnet has an NSG without rules, the client's a route
/// table without routes. A second NSG denies everything.
fn estate() -> Vec<Value> {
    let nic = |name: &str, address: &str, subnet: &str| {
        let place = of(&format!("virtualNetworks/vnet/subnets/{subnet}"));
        let configuration = json!([{"name": "c", "properties": {"privateIPAddress": address, "subnet": place}}]);
        resource("networkInterfaces", name, &json!({"ipConfigurations": configuration}))
    };
    let deny = json!({"name": "Deny-All", "properties": {"priority": 100, "direction": "Inbound", "access": "Deny",
        "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": "*"}});
    vec![
        resource(
            "virtualNetworks",
            "vnet",
            &json!({"addressSpace": {"addressPrefixes": ["10.20.0.0/16"]},
            "subnets": [{"id": id("virtualNetworks/vnet/subnets/client"), "name": "client",
                "properties": {"addressPrefix": "10.20.0.0/24", "routeTable": of("routeTables/rt")}},
            {"id": id("virtualNetworks/vnet/subnets/server"), "name": "server",
                "properties": {"addressPrefix": "10.20.1.0/24", "networkSecurityGroup": of("networkSecurityGroups/nsg")}}],
            "virtualNetworkPeerings": [{"name": "to-far", "properties": {"remoteVirtualNetwork": of("virtualNetworks/far"),
                "peeringState": "Connected", "remoteAddressSpace": {"addressPrefixes": ["10.30.0.0/16"]}}}]}),
        ),
        resource("networkSecurityGroups", "nsg", &json!({"securityRules": []})),
        resource("networkSecurityGroups", "closed", &json!({"securityRules": [deny]})),
        resource("routeTables", "rt", &json!({"routes": []})),
        nic("nic-client", "10.20.0.4", "client"),
        nic("nic-server", "10.20.1.4", "server"),
    ]
}

fn group(nsg: &str, place: &str, rules: &[Value]) -> Value {
    let key = if place.contains("subnets") { "subnet" } else { "networkInterface" };
    json!({"networkSecurityGroup": of(&format!("networkSecurityGroups/{nsg}")), "association": {key: of(place)},
        "effectiveSecurityRules": rules})
}

const SERVER: &str = "virtualNetworks/vnet/subnets/server";

fn route(source: &str, prefix: &str, hop: &str, address: Option<&str>) -> Value {
    json!({"name": null, "source": source, "state": "Active", "addressPrefix": [prefix], "nextHopType": hop,
        "nextHopIpAddress": address.into_iter().collect::<Vec<_>>(), "disableBgpRoutePropagation": false})
}

/// The system routes of the estate as configured, with more routes after them.
fn table(more: &[Value]) -> Value {
    let mut routes = vec![
        route("Default", "10.20.0.0/16", "VnetLocal", None),
        route("Default", "10.30.0.0/16", "VNetPeering", None),
        route("Default", "0.0.0.0/0", "Internet", None),
        route("Default", "10.0.0.0/8", "None", None),
    ];
    routes.extend(more.iter().cloned());
    let uri = id("networkInterfaces/nic-client/effectiveRouteTable");
    json!({"operation": "effectiveRouteTable", "operation_uri": uri, "query": null, "answer": {"value": routes}})
}

struct Told {
    verdict: String,
    rule: Value,
    text: String,
}

fn tell(test: &str, lists: &[Value], to: &str) -> Told {
    tell_of(test, &estate(), lists, to)
}

fn tell_of(test: &str, estate: &[Value], lists: &[Value], to: &str) -> Told {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("winning").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("resources.json"), Value::from(estate).to_string()).unwrap();
    fs::write(folder.join("lists.json"), Value::from(lists).to_string()).unwrap();
    let folder = folder.to_str().unwrap();
    let ran = gatepath_with(&["check", folder, "--from", "10.20.0.4", "--to", to, "-o", "json"], b"");
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    let lint = gatepath_with(&["lint", folder, "-o", "json"], b"");
    let verdict = report["verdict"].as_str().unwrap().to_owned();
    Told { verdict, rule: report["rule"].clone(), text: format!("{}{}", lint.out, ran.out) }
}

#[test]
fn rules_of_a_list_win_over_the_configured_nsg() {
    let denied = tell(
        "rules",
        &[group("nsg", SERVER, &[rule("securityRules/Deny-Web", 100, "Deny", "10.20.0.0/24", "443-443")])],
        "10.20.1.4:443",
    );
    assert_eq!((denied.verdict.as_str(), &denied.rule), ("deny", &json!("Deny-Web")), "{}", denied.text);
    assert!(denied.text.contains("only the list has Inbound 100 deny-web"), "{}", denied.text);
    let same = tell("same", &[group("nsg", SERVER, &[])], "10.20.1.4:443");
    assert_eq!(same.verdict, "allow");
    assert!(!same.text.contains("effective-list-differs"), "{}", same.text);
}

#[test]
fn another_nsg_of_a_list_wins() {
    let deny = rule("securityRules/Deny-All", 100, "Deny", "0.0.0.0/0", "0-65535");
    let deny = |protocol: &str| {
        let mut deny = deny.clone();
        deny["protocol"] = json!(protocol);
        deny
    };
    for (test, place) in [("subnet", SERVER), ("nic", "networkInterfaces/nic-server")] {
        let told = tell(test, &[group("closed", place, &[deny("All")])], "10.20.1.4:443");
        assert_eq!((told.verdict.as_str(), &told.rule), ("deny", &json!("Deny-All")), "{}", told.text);
        assert!(told.text.contains("the list has closed"), "{}", told.text);
    }
    // A view says that there is none, too.
    let view = json!({"networkInterfaces": [{"id": id("networkInterfaces/nic-server"), "securityRuleAssociations": {
        "effectiveSecurityRules": [rule("UserRule_x", 100, "Allow", "0.0.0.0/0", "443-443")],
        "networkInterfaceAssociation": {"id": id("networkInterfaces/nic-server"), "securityRules": [
            {"id": id("networkSecurityGroups/open/securityRules/x"), "name": "x", "properties": rule("x", 100, "Allow", "*", "443")}]}}}]});
    let mut estate = estate();
    estate[0]["properties"]["subnets"][1]["properties"]["networkSecurityGroup"] = of("networkSecurityGroups/closed");
    let told = tell_of("view", &estate, &[view], "10.20.1.4:443");
    assert_eq!((told.verdict.as_str(), &told.rule), ("allow", &json!("x")), "{}", told.text);
    assert!(told.text.contains("the list has none, the configuration closed"), "{}", told.text);
}

#[test]
fn lists_that_contradict_each_other_leave_it_unknown() {
    let open = group("nsg", SERVER, &[]);
    let deny = rule("securityRules/Deny-Web", 100, "Deny", "10.20.0.0/24", "443-443");
    let told =
        tell("contradiction", &[open.clone(), group("nsg", "networkInterfaces/nic-server", &[deny])], "10.20.1.4:443");
    assert_eq!(told.verdict, "unknown", "{}", told.text);
    assert!(told.text.contains("contradict each other"), "{}", told.text);
    let told = tell("dispute", &[open, group("other", SERVER, &[])], "10.20.1.4:443");
    assert_eq!(told.verdict, "unknown", "{}", told.text);
}

#[test]
fn user_routes_of_a_list_win() {
    let told = tell("routes", &[table(&[route("User", "10.20.1.0/24", "None", None)])], "10.20.1.4:443");
    assert_eq!(told.verdict, "deny", "{}", told.text);
    assert!(told.text.contains("only the list has 10.20.1.0/24 -> None"), "{}", told.text);
    let told = tell("same-routes", &[table(&[])], "10.20.1.4:443");
    assert_eq!(told.verdict, "allow");
    assert!(!told.text.contains("effective-list-differs"), "{}", told.text);
    // Without a route table in the configuration; the network has one subnet, so the list need not name its NIC.
    let mut estate = estate();
    let vnet = &mut estate[0]["properties"];
    vnet["subnets"].as_array_mut().unwrap().truncate(1);
    vnet["subnets"][0]["properties"]["routeTable"] = Value::Null;
    estate.truncate(5);
    let list = table(&[route("User", "203.0.113.0/24", "None", None)])["answer"].clone();
    let told = tell_of("unnamed", &estate, &[list], "203.0.113.9:443");
    assert_eq!(told.verdict, "deny", "{}", told.text);
}

#[test]
fn system_and_gateway_routes_of_a_list_win() {
    // A peering that has no route any more.
    let mut gone = table(&[]);
    gone["answer"]["value"].as_array_mut().unwrap().remove(1);
    let told = tell("peering", &[gone], "10.30.0.4:443");
    assert_eq!(told.verdict, "deny", "{}", told.text);
    assert!(told.text.contains("only the configuration has 10.30.0.0/16 -> VNetPeering"), "{}", told.text);
    // One that the configuration does not hold: where it leads is not known.
    let told = tell("far", &[table(&[route("Default", "10.60.0.0/16", "VNetPeering", None)])], "10.60.0.4:443");
    assert_eq!(told.verdict, "unknown", "{}", told.text);
    assert!(told.text.contains("10.60.0.0/16"), "{}", told.text);
    // A learned prefix is in VirtualNetwork, so the way to it is open.
    let mut estate = estate();
    estate[0]["properties"]["subnets"][0]["properties"]["networkSecurityGroup"] = of("networkSecurityGroups/out");
    let only = json!({"name": "Deny-Rest", "properties": {"priority": 4000, "direction": "Outbound", "access": "Deny",
        "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "VirtualNetwork",
        "destinationPortRange": "*"}});
    estate.push(resource("networkSecurityGroups", "out", &json!({"securityRules": [only]})));
    let learned = route("VirtualNetworkGateway", "172.20.0.0/16", "VirtualNetworkGateway", Some("10.20.9.4"));
    let told = tell_of("learned", &estate, &[table(&[learned])], "172.20.0.9:443");
    assert_eq!((told.verdict.as_str(), &told.rule), ("deny", &json!("Deny-Rest")), "{}", told.text);
    assert!(told.text.contains("only the list has 172.20.0.0/16 -> VirtualNetworkGateway"), "{}", told.text);
}

#[test]
fn effective_routes_that_contradict_each_other_leave_the_table_unknown() {
    let lists = [table(&[]), table(&[route("User", "10.20.1.0/24", "None", None)])];
    let told = tell("two-tables", &lists, "10.20.1.4:443");
    assert_eq!(told.verdict, "unknown", "{}", told.text);
    assert!(told.text.contains("contradict each other"), "{}", told.text);
}

#[test]
fn admin_rules_of_a_list_that_the_configuration_lacks_leave_it_unknown() {
    let list = json!({"networkSecurityGroup": {}, "association": {"networkManager": of("networkManagers/nm")},
        "effectiveSecurityRules": [rule("Deny-Web", 10, "Deny", "10.20.0.0/24", "443-443")]});
    let told = tell("manager", &[list], "10.20.1.4:443");
    assert_eq!(told.verdict, "unknown", "{}", told.text);
    assert!(told.text.contains("security-admin-config"), "{}", told.text);
}
