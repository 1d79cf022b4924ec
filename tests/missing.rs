//! What a resource that is not in the input may change, found by leaving one out of random networks: never a certain
//! verdict where the resource could turn it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use gatepath::compile::cuts::{Cuts, Side};
use gatepath::compile::{Assumptions, Network};
use gatepath::ingest::{Input, load};
use gatepath::net::Protocol;
use gatepath::solve::path::{Options, SourceGroup, Sources, Target, decide};
use serde_json::{Value, json};

fn id(path: &str) -> String {
    format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/{path}")
}

fn of(path: &str) -> Value {
    json!({ "id": id(path) })
}

fn resource(path: &str, properties: &Value) -> Value {
    let parts: Vec<&str> = path.split('/').collect();
    let kind = parts.iter().step_by(2).copied().collect::<Vec<_>>().join("/");
    json!({"id": id(path), "name": parts.last(), "type": format!("Microsoft.Network/{kind}"), "properties": properties})
}

/// A network with subnets (name, prefix, more fields) and peerings (remote, more fields).
fn vnet(name: &str, space: &str, subnets: &[(&str, &str, Value)], peerings: &[(&str, Value)]) -> Value {
    let merged = |mut base: Value, more: &Value| {
        base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        base
    };
    let subnets: Vec<Value> = subnets
        .iter()
        .map(|(subnet, prefix, more)| {
            let own = id(&format!("virtualNetworks/{name}/subnets/{subnet}"));
            json!({"id": own, "name": subnet, "properties": merged(json!({"addressPrefix": prefix}), more)})
        })
        .collect();
    let peerings: Vec<Value> = peerings
        .iter()
        .map(|(remote, more)| {
            let base = json!({"remoteVirtualNetwork": of(&format!("virtualNetworks/{remote}"))});
            json!({"name": format!("to-{remote}"), "properties": merged(base, more)})
        })
        .collect();
    let body =
        json!({"addressSpace": {"addressPrefixes": [space]}, "subnets": subnets, "virtualNetworkPeerings": peerings});
    resource(&format!("virtualNetworks/{name}"), &body)
}

fn nic(name: &str, address: &str, subnet: &str) -> Value {
    let place = of(&format!("virtualNetworks/{subnet}"));
    let conf = json!([{"name": "c", "properties": {"privateIPAddress": address, "subnet": place}}]);
    resource(&format!("networkInterfaces/{name}"), &json!({"ipConfigurations": conf}))
}

fn verdict(resources: &[Value], from: &str, to: &str) -> &'static str {
    let bytes = json!(resources).to_string().into_bytes();
    let loaded = load(vec![Input { name: "all.json".to_owned(), bytes, named: true }]);
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let source: std::net::IpAddr = from.parse().expect("an address");
    let addresses = std::iter::once(source).collect();
    let sources = Sources::cut(&Cuts::of(&network, Side::Source), &[SourceGroup { addresses, subnet: None }], None);
    let destination = to.parse().expect("an address");
    let target = Target { destination, protocol: Protocol::Tcp, port: 443, model: None };
    decide(&network, &sources, target, Options { removed: None, projections: None }).answer.verdict.word()
}

/// The verdict with all resources and without the last one.
fn both(mut resources: Vec<Value>, from: &str, to: &str) -> [&'static str; 2] {
    let before = verdict(&resources, from, to);
    resources.pop();
    [before, verdict(&resources, from, to)]
}

/// Of two groups that are not in the input, only the second may hold the network: then the second rule alone applies.
#[test]
fn admin_rule_of_several_unknown_groups() {
    let group = |name: &str| json!({"networkGroupId": id(&format!("networkManagers/m/networkGroups/{name}"))});
    let base = "networkManagers/m/securityAdminConfigurations/c";
    let rule = |path: &str, priority: i64, access: &str| {
        let body = json!({"protocol": "Any", "direction": "Inbound", "priority": priority, "access": access});
        resource(&format!("{base}/ruleCollections/{path}"), &body)
    };
    let collection = |name: &str, groups: Value| {
        resource(&format!("{base}/ruleCollections/{name}"), &json!({"appliesToGroups": groups}))
    };
    let deny = json!({"name": "deny", "properties": {"priority": 100, "direction": "Inbound", "access": "Deny",
        "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": "*"}});
    let estate = [
        resource("networkSecurityGroups/n", &json!({"securityRules": [deny]})),
        vnet(
            "v",
            "10.1.0.0/16",
            &[("a", "10.1.1.0/24", json!({"networkSecurityGroup": of("networkSecurityGroups/n")}))],
            &[],
        ),
        nic("a", "10.1.1.4", "v/subnets/a"),
        nic("b", "10.1.1.5", "v/subnets/a"),
        resource(base, &json!({"applyOnNetworkIntentPolicyBasedServices": ["None"]})),
        collection("r1", json!([group("g1")])),
        rule("r1/rules/first", 1, "Deny"),
        collection("r2", json!([group("g1"), group("g2")])),
        rule("r2/rules/second", 2, "AlwaysAllow"),
    ];
    assert_eq!(verdict(&estate, "10.1.1.4", "10.1.1.5"), "unknown");
}

/// A longer prefix of a local network gateway wins against a user's default route.
#[test]
fn gateway_prefixes_behind_a_user_route() {
    let route = json!([{"name": "out", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "None"}}]);
    let gateway = json!([{"name": "g", "properties": {"subnet": of("virtualNetworks/v/subnets/GatewaySubnet")}}]);
    let ends = json!({"virtualNetworkGateway1": of("virtualNetworkGateways/g"), "localNetworkGateway2": of("localNetworkGateways/l")});
    let estate = vec![
        resource("routeTables/t", &json!({"routes": route})),
        vnet(
            "v",
            "10.1.0.0/16",
            &[
                ("a", "10.1.1.0/24", json!({"routeTable": of("routeTables/t")})),
                ("GatewaySubnet", "10.1.0.0/27", json!({})),
            ],
            &[],
        ),
        nic("a", "10.1.1.4", "v/subnets/a"),
        resource("virtualNetworkGateways/g", &json!({"ipConfigurations": gateway})),
        resource("connections/c", &ends),
        resource(
            "localNetworkGateways/l",
            &json!({"localNetworkAddressSpace": {"addressPrefixes": ["192.168.0.0/16"]}}),
        ),
    ];
    assert_eq!(both(estate, "10.1.1.4", "192.168.5.5"), ["allow", "unknown"]);
}

/// A firewall that translates the source makes `allowForwardedTraffic` stop mattering.
#[test]
fn a_firewall_that_translates() {
    let route = |to: &str| {
        let hop = json!({"addressPrefix": to, "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.1.4"});
        json!({"routes": [{"name": "r", "properties": hop}]})
    };
    let rules = json!([{"name": "r", "protocols": [{"protocolType": "Https", "port": 443}], "targetFqdns": ["*"],
        "sourceAddresses": ["*"]}]);
    let collections =
        json!([{"name": "a", "properties": {"priority": 100, "action": {"type": "Allow"}, "rules": rules}}]);
    let place = json!([{"name": "c", "properties": {"privateIPAddress": "10.0.1.4",
        "subnet": of("virtualNetworks/hub/subnets/AzureFirewallSubnet")}}]);
    let forwarding = |yes: bool| json!({"allowForwardedTraffic": yes});
    let estate = vec![
        resource("routeTables/one", &route("10.2.0.0/16")),
        vnet(
            "hub",
            "10.0.0.0/16",
            &[("AzureFirewallSubnet", "10.0.1.0/26", json!({}))],
            &[("one", forwarding(true)), ("two", forwarding(true))],
        ),
        vnet(
            "one",
            "10.1.0.0/16",
            &[("a", "10.1.1.0/24", json!({"routeTable": of("routeTables/one")}))],
            &[("hub", forwarding(true))],
        ),
        vnet("two", "10.2.0.0/16", &[("a", "10.2.1.0/24", json!({}))], &[("hub", forwarding(false))]),
        nic("a", "10.1.1.4", "one/subnets/a"),
        nic("b", "10.2.1.4", "two/subnets/a"),
        resource("azureFirewalls/f", &json!({"ipConfigurations": place, "applicationRuleCollections": collections})),
    ];
    assert_eq!(both(estate, "10.1.1.4", "10.2.1.4"), ["allow", "unknown"]);
}

/// From the Internet to a public address whose resource is missing, and to a private endpoint whose NIC is.
#[test]
fn from_outside() {
    let place = json!([{"name": "c", "properties": {"privateIPAddress": "10.0.1.4",
        "subnet": of("virtualNetworks/hub/subnets/AzureFirewallSubnet"), "publicIPAddress": of("publicIPAddresses/p")}}]);
    let estate = vec![
        vnet("hub", "10.0.0.0/16", &[("AzureFirewallSubnet", "10.0.1.0/26", json!({}))], &[]),
        resource("azureFirewalls/f", &json!({"ipConfigurations": place})),
        resource("publicIPAddresses/p", &json!({"ipAddress": "20.30.40.70"})),
    ];
    assert_eq!(both(estate, "203.0.113.9", "20.30.40.70"), ["deny", "unknown"]);
    let deny = resource("networkSecurityGroups/n", &json!({}));
    let filtered = json!({"networkSecurityGroup": of("networkSecurityGroups/n")});
    let own = json!({"subnet": of("virtualNetworks/v/subnets/a"), "networkInterfaces": [of("networkInterfaces/e")]});
    let estate = vec![
        deny,
        vnet("v", "10.1.0.0/16", &[("a", "10.1.1.0/24", filtered)], &[]),
        resource("privateEndpoints/pe", &own),
        nic("e", "10.1.1.20", "v/subnets/a"),
    ];
    assert_eq!(both(estate, "203.0.113.9", "10.1.1.20"), ["allow", "unknown"]);
}
