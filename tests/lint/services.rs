//! Azure Firewall, security admin rules, private endpoints.
#![expect(clippy::indexing_slicing, reason = "JSON objects are indexed by the keys that they are built with")]

use crate::*;

fn filter(name: &str, priority: i64, rules: Vec<Value>) -> Value {
    json!({ "ruleCollectionType": "FirewallPolicyFilterRuleCollection", "name": name, "priority": priority,
        "action": { "type": "Allow" }, "rules": rules })
}

fn network_rule(patch: Value) -> Value {
    let valid = json!({ "ruleType": "NetworkRule", "name": "n", "ipProtocols": ["TCP"],
        "sourceAddresses": ["10.1.0.0/24"], "destinationAddresses": ["10.1.1.4-10.1.1.9"],
        "destinationPorts": ["443", "8000-8100"] });
    patched(valid, patch)
}

fn application_rule(patch: Value) -> Value {
    let valid = json!({ "ruleType": "ApplicationRule", "name": "a", "targetFqdns": ["*.shop.example"],
        "sourceAddresses": ["*"], "protocols": [{ "protocolType": "Https", "port": 443 }] });
    patched(valid, patch)
}

fn patched(value: Value, patch: Value) -> Value {
    let wrapped = with(json!({ "properties": value }), patch);
    wrapped["properties"].clone()
}

fn group(name: &str, priority: i64, collections: Vec<Value>) -> Value {
    let mut out = resource("firewallPolicies", "pol", json!({ "priority": priority, "ruleCollections": collections }));
    out["id"] = json!(id("firewallPolicies", &format!("pol/ruleCollectionGroups/{name}")));
    out["name"] = json!(name);
    out["type"] = json!("Microsoft.Network/firewallPolicies/ruleCollectionGroups");
    out
}

fn policy(dns_proxy: bool) -> Value {
    resource("firewallPolicies", "pol", json!({ "dnsSettings": { "enableProxy": dns_proxy } }))
}

fn of_rule(rule: Value) -> Vec<Seen> {
    lint_of(&[policy(true), group("rcg", 200, vec![filter("c", 300, vec![rule])])])
}

#[test]
fn good_firewall_rules() {
    assert_eq!(codes(&of_rule(network_rule(json!({})))), [""; 0]);
    assert_eq!(codes(&of_rule(application_rule(json!({})))), [""; 0]);
    let names = json!({ "destinationAddresses": [], "destinationFqdns": ["api.shop.example"] });
    assert_eq!(codes(&of_rule(network_rule(names))), [""; 0]);
}

#[test]
fn firewall_priorities() {
    let groups = |a: i64, b: i64| lint_of(&[policy(true), group("one", a, vec![]), group("two", b, vec![])]);
    assert_eq!(codes(&groups(100, 65000)), [""; 0]);
    assert_eq!(only(&groups(99, 65000), "GP234").at, "99");
    assert_eq!(only(&groups(100, 65001), "GP234").at, "65001");
    let seen = only(&groups(200, 200), "GP235");
    assert_eq!((seen.at.as_str(), seen.labels.len()), ("200", 1));
    let collections = |a: i64, b: i64| {
        let rules = |kind: &str| vec![patched(network_rule(json!({})), json!({ "name": kind }))];
        lint_of(&[group("rcg", 200, vec![filter("one", a, rules("x")), filter("two", b, rules("y"))])])
    };
    assert_eq!(codes(&collections(300, 301)), [""; 0]);
    assert_eq!(codes(&collections(300, 300)), ["GP235"]);
    assert_eq!(codes(&collections(300, 0)), ["GP234"]);
}

#[test]
fn firewall_ports() {
    for port in ["70000", "80,443", "http", "90-80"] {
        let found = of_rule(network_rule(json!({ "destinationPorts": [port] })));
        assert_eq!(only(&found, "GP236").at, format!("\"{port}\""));
    }
    let high =
        |port: u32| of_rule(application_rule(json!({ "protocols": [{ "protocolType": "Https", "port": port }] })));
    assert_eq!(codes(&high(64000)), [""; 0]);
    assert_eq!(only(&high(64001), "GP236").rule.as_deref(), Some("a"));
}

#[test]
fn classic_firewalls_have_no_policy_code() {
    let rule = json!({ "name": "n", "protocols": ["TCP"], "sourceAddresses": ["*"], "destinationAddresses": ["*"],
        "destinationPorts": ["x"] });
    let collection =
        json!({ "name": "c", "properties": { "priority": 200, "action": { "type": "Allow" }, "rules": [rule] } });
    let loaded = read(&[resource("azureFirewalls", "fw", json!({ "networkRuleCollections": [collection] }))]);
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let found = lint(&network);
    let codes: Vec<_> = found.iter().map(|finding| (finding.code.code, finding.azure_error)).collect();
    assert_eq!(codes, [("GP236", None)]);
}

#[test]
fn firewall_addresses_and_names() {
    let found = of_rule(network_rule(json!({ "sourceAddresses": ["10.1.0.9-10.1.0.4"] })));
    assert_eq!(only(&found, "GP237").at, "\"10.1.0.9-10.1.0.4\"");
    let groups = resource("ipGroups", "shops", json!({ "ipAddresses": ["10.0.0.0/8", "Storage"] }));
    assert_eq!(only(&lint_of(&[groups]), "GP237").resource, "shops");
    let wild = json!({ "destinationAddresses": [], "destinationFqdns": ["*.shop.example"] });
    assert_eq!(only(&of_rule(network_rule(wild)), "GP238").at, "\"*.shop.example\"");
    let name = json!({ "destinationAddresses": [], "destinationFqdns": ["api.shop.example"] });
    let closed = [policy(false), group("rcg", 200, vec![filter("c", 300, vec![network_rule(name)])])];
    assert_eq!(only(&lint_of(&closed), "GP819").severity, Severity::Warning);
}

#[test]
fn firewall_private_ranges() {
    let of_policy = |ranges: Value| resource("firewallPolicies", "pol", json!({ "snat": { "privateRanges": ranges } }));
    let found = lint_of(&[of_policy(json!(["10.0.0.0/8", "ten", "IANAPrivateRanges"]))]);
    assert_eq!((only(&found, "GP243").at, only(&found, "GP243").resource), ("\"ten\"".to_owned(), "pol".to_owned()));
    for good in [json!(["0.0.0.0/0"]), json!(["255.255.255.255/32"]), json!(["172.16.0.0/12", "10.1.1.4"]), json!([])] {
        assert_eq!(codes(&lint_of(&[of_policy(good)])), [""; 0]);
    }
    let written = json!({ "additionalProperties": { "Network.SNAT.PrivateRanges": "10.0.0.0/8, 10.300.0.0/16" } });
    let classic = resource("azureFirewalls", "fw", written);
    assert_eq!(only(&lint_of(&[classic]), "GP243").severity, Severity::Error);
}

#[test]
fn firewall_rules_that_lack_something() {
    for patch in [
        json!({ "ruleType": "OtherRule" }),
        json!({ "ipProtocols": [] }),
        json!({ "ipProtocols": ["SCTP"] }),
        json!({ "destinationPorts": [] }),
        json!({ "destinationAddresses": [] }),
        json!({ "sourceAddresses": [] }),
    ] {
        assert!(codes(&of_rule(network_rule(patch.clone()))).contains(&"GP239"), "{patch}");
    }
    assert_eq!(codes(&of_rule(application_rule(json!({ "targetFqdns": [] })))), ["GP239"]);
    assert_eq!(codes(&of_rule(application_rule(json!({ "protocols": [] })))), ["GP239"]);
    let mut silent = filter("c", 300, vec![network_rule(json!({}))]);
    silent["action"] = json!(null);
    assert_eq!(codes(&lint_of(&[group("rcg", 200, vec![silent])])), ["GP239"]);
}

#[test]
fn rules_with_an_empty_ip_group() {
    let rule = network_rule(json!({ "sourceAddresses": [], "sourceIpGroups": [id("ipGroups", "shops")] }));
    let estate = |addresses: Value| {
        let shops = resource("ipGroups", "shops", json!({ "ipAddresses": addresses }));
        lint_of(&[policy(true), shops, group("rcg", 200, vec![filter("c", 300, vec![rule.clone()])])])
    };
    assert_eq!(codes(&estate(json!(["10.1.0.4"]))), [""; 0]);
    let seen = only(&estate(json!([])), "GP849");
    assert_eq!((seen.rule.as_deref(), seen.labels.len()), (Some("n"), 1));
}

const COLLECTION: &str = "avnm/securityAdminConfigurations/c/ruleCollections/rc";

fn admin(name: &str, patch: Value) -> Value {
    let valid = json!({ "priority": 10, "direction": "Inbound", "access": "Deny", "protocol": "Tcp",
        "sources": [{ "addressPrefix": "10.1.0.0/24", "addressPrefixType": "IPPrefix" }],
        "destinations": [{ "addressPrefix": "*", "addressPrefixType": "IPPrefix" }],
        "sourcePortRanges": ["0-65535"], "destinationPortRanges": ["443"] });
    json!({ "id": id("networkManagers", &format!("{COLLECTION}/rules/{name}")), "name": name, "kind": "Custom",
        "type": "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules",
        "properties": patched(valid, patch) })
}

#[test]
fn priorities_of_admin_rules() {
    let of = |priority: Value| lint_of(&[admin("r", json!({ "priority": priority }))]);
    for good in [1, 4096] {
        assert_eq!(codes(&of(json!(good))), [""; 0]);
    }
    for bad in [json!(0), json!(4097), json!("first"), Value::Null] {
        assert_eq!(codes(&of(bad.clone())), ["GP240"], "{bad}");
    }
    let seen = only(&lint_of(&[admin("a", json!({})), admin("b", json!({}))]), "GP241");
    assert_eq!((seen.resource.as_str(), seen.at.as_str()), ("b", "10"));
    assert_eq!(codes(&lint_of(&[admin("a", json!({})), admin("b", json!({ "priority": 11 }))])), [""; 0]);
}

#[test]
fn values_of_admin_rules() {
    for patch in [
        json!({ "access": "Drop" }),
        json!({ "direction": "In" }),
        json!({ "protocol": null }),
        json!({ "destinationPortRanges": ["70000"] }),
        json!({ "sources": [{ "addressPrefix": "10.1.0.4-10.1.0.9", "addressPrefixType": "IPPrefix" }] }),
    ] {
        assert_eq!(codes(&lint_of(&[admin("r", patch.clone())])), ["GP242"], "{patch}");
    }
}

fn endpoint(state: &str) -> Value {
    let connection = json!({ "name": "c", "properties": { "privateLinkServiceConnectionState": { "status": state } } });
    resource(
        "privateEndpoints",
        "pe",
        json!({
        "subnet": { "id": id("virtualNetworks", "vnet-a/subnets/pe") },
        "ipConfigurations": [{ "name": "ip", "properties": { "privateIPAddress": "10.1.3.5" } }],
        "privateLinkServiceConnections": [connection] }),
    )
}

#[test]
fn connections_of_private_endpoints() {
    assert_eq!(codes(&lint_of(&[endpoint("Approved")])), [""; 0]);
    let seen = only(&lint_of(&[endpoint("Pending")]), "GP841");
    assert_eq!((seen.severity, seen.at.as_str()), (Severity::Warning, "\"Pending\""));
}

/// A private endpoint in subnet `pe`, and subnet `web` with one route.
fn routed_endpoint(policies: &str, patch: Value, prefix: &str) -> Vec<Seen> {
    let table = json!({ "routeTable": link("routeTables", "rt") });
    let subnets = vec![
        subnet("vnet-a", "web", "10.1.1.0/24", table),
        subnet("vnet-a", "pe", "10.1.3.0/24", json!({ "privateEndpointNetworkPolicies": policies })),
    ];
    let routes = vec![route("local", json!({ "addressPrefix": prefix, "nextHopType": "VnetLocal" }))];
    lint_of(&[
        with(vnet("vnet-a", "10.1.0.0/16", subnets), patch),
        endpoint("Approved"),
        resource("routeTables", "rt", json!({ "routes": routes })),
    ])
}

#[test]
fn local_routes_over_private_endpoints() {
    let seen = only(&routed_endpoint("Enabled", json!({}), "10.1.3.0/24"), "GP844");
    assert_eq!((seen.resource.as_str(), seen.rule.as_deref()), ("rt", Some("local")));
    assert_eq!(codes(&routed_endpoint("Disabled", json!({}), "10.1.3.0/24")), [""; 0]);
    assert_eq!(codes(&routed_endpoint("Enabled", json!({}), "10.1.4.0/24")), [""; 0]);
    assert_eq!(codes(&routed_endpoint("RouteTableEnabled", json!({}), "10.1.3.5/32")), [""; 0]);
    let basic = json!({ "privateEndpointVNetPolicies": "Basic" });
    assert_eq!(codes(&routed_endpoint("Enabled", basic, "10.1.3.0/24")), [""; 0]);
}

#[test]
fn isolated_gateways_and_endpoints_in_other_regions() {
    let estate = |region: &str, isolated: &str| {
        let located = |mut network: Value, region: &str| {
            network["location"] = json!(region);
            network
        };
        let peering = |remote: &str| {
            json!([{ "name": "p", "properties": { "peeringState": "Connected",
                "remoteVirtualNetwork": link("virtualNetworks", remote) } }])
        };
        let home = json!({ "id": id("virtualNetworks", "vnet-b/subnets/agw") });
        let mut agw =
            gateway("agw", json!({ "gatewayIPConfigurations": [{ "name": "ip", "properties": { "subnet": home } }] }));
        agw["tags"] = json!({ "EnhancedNetworkControl": isolated });
        let there = vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "pe", "10.1.3.0/24", json!({}))]);
        let here = vnet("vnet-b", "10.2.0.0/16", vec![subnet("vnet-b", "agw", "10.2.0.0/24", json!({}))]);
        lint_of(&[
            agw,
            endpoint("Approved"),
            located(with(there, json!({ "virtualNetworkPeerings": peering("vnet-b") })), "northeurope"),
            located(with(here, json!({ "virtualNetworkPeerings": peering("vnet-a") })), region),
        ])
    };
    assert_eq!(only(&estate("westeurope", "True"), "GP842").resource, "agw");
    assert_eq!(codes(&estate("northeurope", "True")), [""; 0]);
    assert_eq!(codes(&estate("westeurope", "False")), [""; 0]);
}
