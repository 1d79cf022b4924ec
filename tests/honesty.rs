//! What is not in the input makes an answer unknown: taking any one resource away never turns allow into deny or deny into
//! allow, and values that cannot be told never decide.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed expectation is a failed test"
)]

mod support;

use gatepath::compile::cuts::{Cuts, Side};
use gatepath::compile::{Assumptions, Network};
use gatepath::ingest::{Input, load};
use gatepath::net::{AddressSet, Protocol};
use gatepath::solve::path::{Options, SourceGroup, Sources, Target, decide};
use serde_json::{Value, json};
use std::fs;
use std::net::IpAddr;

const RG: &str = "/subscriptions/00000000-0000-4000-8000-000000000009/resourceGroups/rg/providers/Microsoft.Network";

fn id(kind: &str, name: &str) -> String {
    format!("{RG}/{kind}/{name}")
}

fn resource(kind: &str, name: &str, properties: &Value) -> Value {
    json!({"id": id(kind, name), "name": name, "type": format!("Microsoft.Network/{kind}"), "properties": properties})
}

fn rule(name: &str, priority: i64, access: &str, more: &Value) -> Value {
    let mut properties = json!({"priority": priority, "direction": "Inbound", "access": access, "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"name": name, "properties": properties})
}

fn subnet(vnet: &str, name: &str, prefix: &str, more: &Value) -> Value {
    let mut properties = json!({"addressPrefix": prefix});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"id": format!("{}/subnets/{name}", id("virtualNetworks", vnet)), "name": name, "properties": properties})
}

fn vnet(name: &str, space: &str, subnets: &[Value], peerings: &[Value]) -> Value {
    let body =
        json!({"addressSpace": {"addressPrefixes": [space]}, "subnets": subnets, "virtualNetworkPeerings": peerings});
    resource("virtualNetworks", name, &body)
}

fn nic(name: &str, address: &str, in_subnet: &str, more: &Value) -> Value {
    let mut configuration =
        json!({"privateIPAddress": address, "subnet": {"id": format!("{RG}/virtualNetworks/{in_subnet}")}});
    for (key, value) in more.as_object().unwrap() {
        configuration[key] = value.clone();
    }
    let configuration_id = format!("{}/ipConfigurations/c", id("networkInterfaces", name));
    resource(
        "networkInterfaces",
        name,
        &json!({"ipConfigurations": [{"id": configuration_id, "name": "c", "properties": configuration}]}),
    )
}

/// A gateway in `a/agw` whose only pool holds one address.
fn gateway(member: &str) -> Value {
    let own = id("applicationGateways", "agw");
    let child = |kind: &str, name: &str| format!("{own}/{kind}/{name}");
    resource(
        "applicationGateways",
        "agw",
        &json!({
        "sku": {"tier": "Standard_v2"},
        "gatewayIPConfigurations": [{"name": "g", "properties": {"subnet": {"id": format!("{RG}/virtualNetworks/a/subnets/agw")}}}],
        "frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": id("publicIPAddresses", "pip")}}}],
        "backendAddressPools": [{"id": child("backendAddressPools", "p"), "name": "p", "properties": {"backendAddresses": [{"ipAddress": member}]}}],
        "backendHttpSettingsCollection": [{"id": child("backendHttpSettingsCollection", "s"), "name": "s", "properties": {"port": 443, "protocol": "Https"}}],
        "requestRoutingRules": [{"name": "r", "properties": {
            "backendAddressPool": {"id": child("backendAddressPools", "p")}, "backendHttpSettings": {"id": child("backendHttpSettingsCollection", "s")}}}]}),
    )
}

/// Verdict and code names of the only path of a gateway.
fn path_of(resources: &[Value]) -> (String, Vec<String>) {
    let ran = support::gatepath_with(
        &["matrix", "-", "-o", "json", "-q"],
        Value::from(resources.to_vec()).to_string().as_bytes(),
    );
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    let path = &report["paths"][0];
    let notes = path["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap().to_owned()).collect();
    (path["verdict"].as_str().unwrap().to_owned(), notes)
}

fn web(nsg: bool) -> Value {
    let more = if nsg { json!({"networkSecurityGroup": {"id": id("networkSecurityGroups", "n")}}) } else { json!({}) };
    subnet("a", "web", "10.1.1.0/24", &more)
}

fn nsg(rules: &[Value]) -> Value {
    resource("networkSecurityGroups", "n", &json!({"securityRules": rules}))
}

fn network_a(web: Value, agw: &Value) -> Value {
    vnet("a", "10.1.0.0/16", &[subnet("a", "agw", "10.1.0.0/24", agw), web], &[])
}

const WEB: &str = "a/subnets/web";

#[test]
fn groups_of_a_server_whose_nic_was_not_exported_are_not_known() {
    let group = json!({"destinationAddressPrefix": null, "destinationApplicationSecurityGroups": [{"id": id("applicationSecurityGroups", "asg")}]});
    let rules = [rule("allow-asg", 100, "Allow", &group), rule("deny", 200, "Deny", &json!({}))];
    let estate = [gateway("10.1.1.4"), network_a(web(true), &json!({})), nsg(&rules)];
    let member = nic(
        "vm",
        "10.1.1.4",
        WEB,
        &json!({"applicationSecurityGroups": [{"id": id("applicationSecurityGroups", "asg")}]}),
    );
    let stranger = nic("vm", "10.1.1.4", WEB, &json!({}));
    let with = |nic: Value| estate.iter().cloned().chain([nic]).collect::<Vec<_>>();
    assert_eq!(path_of(&with(member)).0, "allow");
    assert_eq!(path_of(&with(stranger)).0, "deny");
    assert_eq!(path_of(&estate).0, "unknown");
}

#[test]
fn a_prefix_that_is_none_makes_the_network_unusable() {
    let broken = subnet("a", "web", "10.1.1.0/99", &json!({}));
    let estate = [gateway("10.1.1.4"), network_a(broken, &json!({})), nic("vm", "10.1.1.4", WEB, &json!({}))];
    assert_eq!(path_of(&estate).0, "unknown");
}

#[test]
fn a_list_of_names_is_no_empty_configuration() {
    let bare =
        json!({"id": id("networkSecurityGroups", "n"), "name": "n", "type": "Microsoft.Network/networkSecurityGroups"});
    let estate = [gateway("10.1.1.4"), network_a(web(true), &json!({})), bare, nic("vm", "10.1.1.4", WEB, &json!({}))];
    assert_eq!(path_of(&estate).0, "unknown");
}

#[test]
fn prefixes_that_come_by_bgp_are_not_known() {
    let hub = subnet("a", "GatewaySubnet", "10.1.9.0/27", &json!({}));
    let network = vnet("a", "10.1.0.0/16", &[subnet("a", "agw", "10.1.0.0/24", &json!({})), hub], &[]);
    let express = resource(
        "virtualNetworkGateways",
        "er",
        &json!({"ipConfigurations": [{"name": "c", "properties": {
        "subnet": {"id": format!("{RG}/virtualNetworks/a/subnets/GatewaySubnet")}}}]}),
    );
    let connection = resource(
        "connections",
        "c",
        &json!({"connectionType": "ExpressRoute",
        "virtualNetworkGateway1": {"id": id("virtualNetworkGateways", "er")}}),
    );
    let (verdict, notes) = path_of(&[gateway("192.168.5.5"), network.clone(), express, connection]);
    assert_eq!(verdict, "unknown");
    assert!(notes.contains(&"prefixes-not-in-snapshot".to_owned()), "{notes:?}");
    assert_eq!(path_of(&[gateway("192.168.5.5"), network]).0, "deny");
}

#[test]
fn a_peer_without_address_space_and_without_its_network_is_not_known() {
    let peering = |more: &Value| {
        let mut properties =
            json!({"peeringState": "Connected", "remoteVirtualNetwork": {"id": id("virtualNetworks", "b")}});
        for (key, value) in more.as_object().unwrap() {
            properties[key] = value.clone();
        }
        json!({"name": "a-b", "properties": properties})
    };
    let network =
        |more: &Value| vnet("a", "10.1.0.0/16", &[subnet("a", "agw", "10.1.0.0/24", &json!({}))], &[peering(more)]);
    assert_eq!(path_of(&[gateway("10.2.1.4"), network(&json!({}))]).0, "unknown");
    let known = json!({"remoteAddressSpace": {"addressPrefixes": ["10.2.0.0/16"]}});
    assert_eq!(path_of(&[gateway("10.2.1.4"), network(&known)]).0, "unknown");
    assert_eq!(path_of(&[gateway("10.7.1.4"), network(&known)]).0, "deny");
}

#[test]
fn a_peer_whose_range_equals_a_none_route_is_reached() {
    let peering = |name: &str, to: &str| json!({"name": name, "properties": {"peeringState": "Connected", "remoteVirtualNetwork": {"id": id("virtualNetworks", to)}}});
    let a = vnet("a", "10.1.0.0/16", &[subnet("a", "agw", "10.1.0.0/24", &json!({}))], &[peering("a-b", "b")]);
    let b = vnet("b", "192.168.0.0/16", &[subnet("b", "web", "192.168.1.0/24", &json!({}))], &[peering("b-a", "a")]);
    assert_eq!(
        path_of(&[gateway("192.168.1.4"), a, b, nic("vm", "192.168.1.4", "b/subnets/web", &json!({}))]).0,
        "allow"
    );
}

#[test]
fn public_addresses_with_an_owner_that_is_not_evaluated_are_unknown() {
    let owned = |by: &str| {
        resource(
            "publicIPAddresses",
            "other",
            &json!({"ipAddress": "203.0.113.50", "ipConfiguration": {"id": id(by, "x/frontendIPConfigurations/f")}}),
        )
    };
    let network = network_a(web(false), &json!({}));
    let pip = resource("publicIPAddresses", "pip", &json!({"ipAddress": "203.0.113.1"}));
    for by in ["loadBalancers", "azureFirewalls", "applicationGateways"] {
        assert_eq!(path_of(&[gateway("203.0.113.50"), network.clone(), pip.clone(), owned(by)]).0, "unknown", "{by}");
    }
    assert_eq!(path_of(&[gateway("203.0.113.50"), network, pip]).0, "allow");
}

#[test]
fn rules_and_routes_of_equal_precedence_that_disagree_are_unknown() {
    let both =
        |first: &str, second: &str| nsg(&[rule("x", 100, first, &json!({})), rule("y", 100, second, &json!({}))]);
    let estate = |rules: Value| {
        [gateway("10.1.1.4"), network_a(web(true), &json!({})), rules, nic("vm", "10.1.1.4", WEB, &json!({}))]
    };
    assert_eq!(path_of(&estate(both("Allow", "Deny"))).0, "unknown");
    assert_eq!(path_of(&estate(both("Deny", "Allow"))).0, "unknown");
    assert_eq!(path_of(&estate(both("Deny", "Deny"))).0, "deny");
    let route = |name: &str, hop: &str| json!({"name": name, "properties": {"addressPrefix": "10.1.1.0/24", "nextHopType": hop}});
    let table = resource("routeTables", "rt", &json!({"routes": [route("x", "None"), route("y", "VnetLocal")]}));
    let agw = json!({"routeTable": {"id": id("routeTables", "rt")}});
    let (verdict, notes) =
        path_of(&[gateway("10.1.1.4"), network_a(web(false), &agw), table, nic("vm", "10.1.1.4", WEB, &json!({}))]);
    assert_eq!((verdict.as_str(), notes.contains(&"undecided-order".to_owned())), ("unknown", true));
}

#[test]
fn two_nics_with_one_address_and_different_filters_are_unknown() {
    let second = |name: &str, group: bool| {
        let mut nic = nic(name, "10.1.1.4", WEB, &json!({}));
        if group {
            nic["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "n")});
        }
        nic
    };
    let rules = nsg(&[rule("deny", 100, "Deny", &json!({}))]);
    for (first, other) in [("a9", "b9"), ("z9", "b9")] {
        let estate = [
            gateway("10.1.1.4"),
            network_a(web(false), &json!({})),
            rules.clone(),
            second(first, true),
            second(other, false),
        ];
        assert_eq!(path_of(&estate).0, "unknown", "{first} {other}");
    }
}

#[test]
fn a_missing_route_table_may_hold_the_route_that_is_lacking() {
    let agw = json!({"routeTable": {"id": id("routeTables", "rt")}});
    let rules = nsg(&[]);
    // No system route leads there; a user route might.
    assert_eq!(path_of(&[gateway("10.99.0.5"), network_a(web(false), &agw)]).0, "unknown");
    // The tag of the backend's subnet would hold the prefixes of its user routes.
    let more = json!({"networkSecurityGroup": {"id": id("networkSecurityGroups", "n")}, "routeTable": {"id": id("routeTables", "rt")}});
    let deny = nsg(&[rule("deny-tag", 100, "Deny", &json!({"sourceAddressPrefix": "VirtualNetwork"}))]);
    let web = subnet("a", "web", "10.1.1.0/24", &more);
    let estate = |rules: Value| {
        [gateway("10.1.1.4"), network_a(web.clone(), &json!({})), rules, nic("vm", "10.1.1.4", WEB, &json!({}))]
    };
    assert_eq!(path_of(&estate(rules)).0, "unknown");
    assert_eq!(path_of(&estate(deny)).0, "deny");
}

#[test]
fn an_unreadable_next_hop_address_is_not_a_drop() {
    let route = json!({"name": "x", "properties": {"addressPrefix": "10.1.1.0/24", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "abc"}});
    let table = resource("routeTables", "rt", &json!({"routes": [route]}));
    let agw = json!({"routeTable": {"id": id("routeTables", "rt")}});
    assert_eq!(
        path_of(&[gateway("10.1.1.4"), network_a(web(false), &agw), table, nic("vm", "10.1.1.4", WEB, &json!({}))]).0,
        "unknown"
    );
}

#[test]
fn a_route_that_cannot_be_read_may_also_deliver() {
    let agw = json!({"routeTable": {"id": id("routeTables", "rt")}});
    let verdict = |backend: &str, web: Value, route: &Value| {
        let table = resource("routeTables", "rt", &json!({"routes": [{"name": "x", "properties": route}]}));
        let deny = nsg(&[rule("deny-all", 100, "Deny", &json!({}))]);
        path_of(&[gateway(backend), network_a(web, &agw), table, deny, nic("vm", "10.1.1.4", WEB, &json!({}))]).0
    };
    // The system route drops; the route may hold the address and lead through the gateway.
    let no_prefix = |hop: &str| json!({"nextHopType": hop});
    assert_eq!(verdict("10.99.0.5", web(false), &no_prefix("VirtualNetworkGateway")), "unknown");
    assert_eq!(verdict("10.99.0.5", web(false), &no_prefix("None")), "deny");
    // The NSG of the backend denies; a next hop that is not readable may lead elsewhere.
    let no_hop = json!({"addressPrefix": "10.1.1.0/24", "nextHopType": "Elsewhere"});
    assert_eq!(verdict("10.1.1.4", web(true), &no_hop), "unknown");
    assert_eq!(verdict("10.1.1.4", web(true), &no_prefix("VnetLocal")), "deny");
}

#[test]
fn a_value_that_stands_twice_with_different_content_wins_nowhere() {
    let mut twice = rule("x", 100, "Allow", &json!({}));
    twice["access"] = json!("Deny");
    let estate =
        [gateway("10.1.1.4"), network_a(web(true), &json!({})), nsg(&[twice]), nic("vm", "10.1.1.4", WEB, &json!({}))];
    assert_eq!(path_of(&estate).0, "unknown");
}

/// Verdict of a conformance question over some of its resources; `None` where the question cannot be asked any more.
fn verdict(resources: &[Value], query: &Value, tags: &Value) -> Option<String> {
    let mut inputs =
        vec![Input { name: "r".into(), bytes: Value::from(resources.to_vec()).to_string().into_bytes(), named: true }];
    if tags.is_object() {
        inputs.push(Input { name: "t".into(), bytes: tags.to_string().into_bytes(), named: true });
    }
    let loaded = load(inputs);
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let source: IpAddr = query["source"].as_str()?.parse().ok()?;
    let addresses: AddressSet = std::iter::once(source).collect();
    let port = |key: &str| query[key].as_u64().and_then(|port| u16::try_from(port).ok());
    let cuts = Cuts::of(&network, Side::Source);
    let sources = Sources::cut(&cuts, &[SourceGroup { addresses, subnet: None }], port("sourcePort"));
    let destination = query["destination"].as_str()?.parse().ok()?;
    let protocol = Protocol::parse(query["protocol"].as_str()?)?;
    let target = Target { destination, protocol, port: port("destinationPort").unwrap_or(0), model: None };
    Some(decide(&network, &sources, target, Options::default()).answer.verdict.word().to_owned())
}

/// Taking these away changes what exists, not what is known: nothing in the input refers to them.
fn is_referenced(resource: &Value, all: &[Value]) -> bool {
    let id = resource["id"].as_str().unwrap().to_lowercase();
    let others = all.iter().filter(|other| other["id"] != resource["id"]);
    others.into_iter().any(|other| other.to_string().to_lowercase().contains(&format!("{id}\"")))
}

#[test]
fn taking_a_referenced_resource_away_never_flips_a_verdict() {
    let mut flips = Vec::new();
    let mut asked = 0;
    let mut files: Vec<_> = fs::read_dir("tests/conformance").unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let case: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let all = case["resources"].as_array().unwrap();
        let Some(whole) = verdict(all, &case["query"], &case["serviceTags"]) else { continue };
        for (index, resource) in all.iter().enumerate().filter(|(_, resource)| is_referenced(resource, all)) {
            let mut rest = all.clone();
            rest.remove(index);
            asked += 1;
            let Some(now) = verdict(&rest, &case["query"], &case["serviceTags"]) else { continue };
            let flipped =
                matches!((whole.as_str(), now.as_str()), ("allow", "deny" | "partial") | ("deny", "allow" | "partial"));
            if flipped {
                flips.push(format!("{} without {}: {whole} -> {now}", case["id"], resource["name"]));
            }
        }
    }
    assert!(asked > 200, "{asked}");
    assert!(flips.is_empty(), "{} of {asked}:\n{}", flips.len(), flips.join("\n"));
}
