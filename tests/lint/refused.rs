//! What Azure refuses of NICs, address spaces, peerings, route tables and names; children without parents.
#![expect(clippy::indexing_slicing, reason = "JSON objects are indexed by the keys that they are built with")]

use crate::*;

/// The code and, behind it, Azure's own.
#[track_caller]
fn azure(code: &str, azure: &str) {
    let entry = gatepath::diagnostic::code_named(azure);
    assert_eq!(entry.map(|entry| entry.code), Some(code), "{azure}");
}

fn peered(name: &str, remote: &str, patch: Value) -> Value {
    let own = json!({ "remoteVirtualNetwork": link("virtualNetworks", remote), "peeringState": "Connected" });
    with(json!({ "name": name, "properties": own }), patch)
}

/// A virtual network with peerings.
fn meshed(name: &str, prefix: &str, peerings: Vec<Value>) -> Value {
    with(vnet(name, prefix, vec![]), json!({ "virtualNetworkPeerings": peerings }))
}

fn fixed(address: &str, subnet: &str) -> Value {
    let subnet = id("virtualNetworks", &format!("vnet-a/subnets/{subnet}"));
    json!({ "name": format!("ip-{address}"), "properties": {
        "privateIPAddress": address, "privateIPAllocationMethod": "Static", "subnet": { "id": subnet } } })
}

fn two_subnets() -> Value {
    let subnets =
        vec![subnet("vnet-a", "web", "10.1.1.0/24", json!({})), subnet("vnet-a", "db", "10.1.2.0/24", json!({}))];
    vnet("vnet-a", "10.1.0.0/16", subnets)
}

fn placed(addresses: &[(&str, &str)]) -> Vec<Seen> {
    let configurations: Vec<Value> = addresses.iter().map(|(address, subnet)| fixed(address, subnet)).collect();
    lint_of(&[two_subnets(), resource("networkInterfaces", "nic", json!({ "ipConfigurations": configurations }))])
}

#[test]
fn a_nic_is_in_one_subnet() {
    assert_eq!(codes(&placed(&[("10.1.1.4", "web"), ("10.1.1.5", "web")])), [""; 0]);
    let seen = only(&placed(&[("10.1.1.4", "web"), ("10.1.2.4", "db")]), "GP220");
    assert!(seen.at.ends_with("subnets/db\"") && seen.labels.len() == 1, "{seen:?}");
    azure("GP220", "IpConfigurationsOnSameNicCannotUseDifferentSubnets");
}

#[test]
fn addresses_lie_in_their_subnet() {
    for (address, code) in [
        ("10.1.1.4", None),
        ("10.1.1.254", None),
        ("10.1.1.0", Some("GP223")),
        ("10.1.1.3", Some("GP223")),
        ("10.1.1.255", Some("GP223")),
        ("10.1.2.4", Some("GP222")),
        ("fd00::4", None),
    ] {
        let found = placed(&[(address, "web")]);
        match code {
            Some(code) => assert_eq!(only(&found, code).at, format!("\"{address}\"")),
            None => assert_eq!(codes(&found), [""; 0], "{address}"),
        }
    }
    azure("GP222", "PrivateIPAddressNotInSubnet");
    azure("GP223", "PrivateIPAddressInReservedRange");
    // Azure takes a request for a dynamic address with any address in it.
    assert_eq!(codes(&lint_of(&[two_subnets(), nic("dynamic", "web", "10.9.9.9", json!({}))])), [""; 0]);
    let frontend = fixed("10.9.9.9", "web");
    let found = lint_of(&[two_subnets(), gateway("agw", json!({ "frontendIPConfigurations": [frontend] }))]);
    assert_eq!(take(&found, "GP222").resource, "agw");
}

#[test]
fn addresses_are_given_once() {
    let twins = [two_subnets(), nic("one", "web", "10.1.1.4", json!({})), nic("two", "web", "10.1.1.4", json!({}))];
    let seen = only(&lint_of(&twins), "GP833");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Warning, "two"));
}

#[test]
fn addresses_that_are_none() {
    let loaded = read(&[nic("nic", "web", "10.11.12.13.14", json!({}))]);
    let found: Vec<_> = loaded.findings.iter().map(|finding| finding.code.code).collect();
    assert_eq!(found, ["GP221"]);
    azure("GP221", "InvalidPrivateIPAddressFormat");
}

#[test]
fn host_bits_of_address_spaces() {
    let seen = only(&lint_of(&[vnet("vnet-a", "10.1.2.3/16", vec![])]), "GP224");
    assert_eq!((seen.at.as_str(), seen.help.as_str()), ("\"10.1.2.3/16\"", "write 10.1.0.0/16"));
    let odd = vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "web", "10.1.1.9/24", json!({}))]);
    assert_eq!(only(&lint_of(&[odd]), "GP224").resource, "web");
}

#[test]
fn peerings_that_azure_refuses() {
    let itself = meshed("vnet-a", "10.1.0.0/16", vec![peered("loop", "vnet-a", json!({}))]);
    assert!(codes(&lint_of(&[itself])).contains(&"GP225"));
    let twice = vec![peered("one", "hub", json!({})), peered("two", "hub", json!({}))];
    let seen = only(&lint_of(&[meshed("vnet-a", "10.1.0.0/16", twice)]), "GP228");
    assert_eq!((seen.resource.as_str(), seen.labels.len()), ("two", 1));
    azure("GP228", "AnotherPeeringAlreadyReferencesRemoteVnet");
}

#[test]
fn peered_address_spaces_are_disjoint() {
    let pair = |remote: &str, patch: Value| {
        let here = meshed("vnet-a", "10.1.0.0/16", vec![peered("to-b", "vnet-b", patch.clone())]);
        lint_of(&[here, meshed("vnet-b", remote, vec![peered("to-a", "vnet-a", patch)])])
    };
    assert_eq!(codes(&pair("10.2.0.0/16", json!({}))), [""; 0]);
    assert_eq!(codes(&pair("10.1.128.0/17", json!({}))), ["GP226", "GP226"]);
    azure("GP226", "VnetAddressSpacesOverlap");
    // Peered subnets may belong to networks that overlap.
    assert_eq!(codes(&pair("10.1.128.0/17", json!({ "peerCompleteVnets": false }))), [""; 0]);
    let said = |prefix: &str| json!({ "remoteAddressSpace": { "addressPrefixes": [prefix] } });
    let peers = vec![peered("one", "spoke-1", said("10.2.0.0/16")), peered("two", "spoke-2", said("10.2.4.0/24"))];
    let seen = only(&lint_of(&[meshed("hub", "10.0.0.0/16", peers)]), "GP227");
    assert_eq!(seen.resource, "two");
    azure("GP227", "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet");
}

#[test]
fn routes_have_destinations_of_their_own() {
    let to = |prefix: &str| json!({ "addressPrefix": prefix, "nextHopType": "None" });
    let table = |routes: Vec<Value>| lint_of(&[resource("routeTables", "rt", json!({ "routes": routes }))]);
    assert_eq!(codes(&table(vec![route("a", to("10.0.0.0/8")), route("b", to("10.0.0.0/9"))])), [""; 0]);
    let seen = only(&table(vec![route("a", to("10.0.0.0/8")), route("b", to("10.0.0.0/8"))]), "GP231");
    assert_eq!((seen.rule.as_deref(), seen.at.as_str()), (Some("b"), "\"10.0.0.0/8\""));
    let tags = vec![route("a", to("Storage")), route("b", to("storage"))];
    assert_eq!(codes(&table(tags)), ["GP231"]);
    azure("GP231", "RouteConflict");
    azure("GP229", "MissingNextHopIpAddress");
    azure("GP230", "NextHopIpAddressNotAllowed");
}

#[test]
fn names_are_taken_once() {
    let rules = vec![rule("r", json!({})), rule("R", json!({ "priority": 101 }))];
    let seen = only(&lint_of(&web(rules)), "GP232");
    assert_eq!((seen.resource.as_str(), seen.rule.as_deref()), ("web-nsg", Some("R")));
}

#[test]
fn gateways_keep_out_of_the_gateway_subnet() {
    let home = json!({ "id": id("virtualNetworks", "vnet-a/subnets/GatewaySubnet") });
    let configurations = json!([{ "name": "ip", "properties": { "subnet": home } }]);
    let estate = [
        gateway("agw", json!({ "gatewayIPConfigurations": configurations })),
        vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "GatewaySubnet", "10.1.0.0/24", json!({}))]),
    ];
    assert_eq!(only(&lint_of(&estate), "GP233").resource, "agw");
}

/// A child as a resource of its own.
fn alone(parent: &str, kind: &str, mut child: Value) -> Value {
    let name = child["name"].as_str().unwrap_or_default().to_owned();
    let (family, parent) = parent.split_once('/').unwrap_or_default();
    child["id"] = json!(id(family, &format!("{parent}/{kind}/{name}")));
    child["type"] = json!(format!("Microsoft.Network/{family}/{kind}"));
    child
}

#[test]
fn children_without_their_parents_are_looked_at() {
    let nsg = "networkSecurityGroups/web-nsg";
    let bad = alone(nsg, "securityRules", rule("r", json!({ "destinationPortRange": "66600" })));
    assert_eq!(only(&lint_of(&[bad]), "GP203").rule.as_deref(), Some("r"));
    let same = ["a", "b"].map(|name| alone(nsg, "securityRules", rule(name, json!({}))));
    assert_eq!(codes(&lint_of(&same)), ["GP201"]);
    let odd = route("r", json!({ "addressPrefix": "10.0.0.1/8", "nextHopType": "None" }));
    assert_eq!(codes(&lint_of(&[alone("routeTables/rt", "routes", odd)])), ["GP217"]);
    let inside = subnet("vnet-a", "web", "10.1.1.9/24", json!({}));
    assert_eq!(codes(&lint_of(&[alone("virtualNetworks/vnet-a", "subnets", inside)])), ["GP224"]);
    let itself = peered("loop", "vnet-a", json!({}));
    assert_eq!(codes(&lint_of(&[alone("virtualNetworks/vnet-a", "virtualNetworkPeerings", itself)])), ["GP225"]);
}
