//! Small networks, each written for one question: what decides, and where nothing in the input says it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod balancers;
mod firewalls;
#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use support::gatepath;

pub(crate) const NET: &str = "/subscriptions/7a11/resourceGroups/rg-fig/providers/Microsoft.Network";

pub(crate) fn id(kind: &str, name: &str) -> String {
    format!("{NET}/{kind}/{name}")
}

pub(crate) fn subnet_id(vnet: &str, name: &str) -> String {
    format!("{}/subnets/{name}", id("virtualNetworks", vnet))
}

pub(crate) fn resource(kind: &str, name: &str, properties: &Value) -> Value {
    json!({"id": id(kind, name), "name": name, "type": format!("Microsoft.Network/{kind}"), "properties": properties})
}

pub(crate) fn subnet(vnet: &str, name: &str, properties: &Value) -> Value {
    json!({"id": subnet_id(vnet, name), "name": name, "properties": properties})
}

pub(crate) fn vnet(name: &str, space: &[&str], subnets: &[Value], peerings: &[Value]) -> Value {
    let body =
        json!({"addressSpace": {"addressPrefixes": space}, "subnets": subnets, "virtualNetworkPeerings": peerings});
    resource("virtualNetworks", name, &body)
}

/// A connected peering with further properties.
/// A NIC in a subnet of `vnet-fig`.
pub(crate) fn peering(to: &str, more: &Value) -> Value {
    let mut properties = json!({"remoteVirtualNetwork": {"id": id("virtualNetworks", to)}, "peeringState": "Connected", "allowForwardedTraffic": true});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"name": format!("to-{to}"), "properties": properties})
}

pub(crate) fn nic(name: &str, subnet: &str, address: &str, forwards: bool, more: &Value) -> Value {
    let mut configuration = json!({"privateIPAddress": address, "subnet": {"id": subnet_id("vnet-fig", subnet)}});
    for (key, value) in more.as_object().unwrap() {
        configuration[key] = value.clone();
    }
    let body =
        json!({"enableIPForwarding": forwards, "ipConfigurations": [{"name": "ip1", "properties": configuration}]});
    resource("networkInterfaces", name, &body)
}

pub(crate) fn deny_all(name: &str) -> Value {
    let rule = json!({"name": "no", "properties": {"priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}});
    resource("networkSecurityGroups", name, &json!({ "securityRules": [rule] }))
}

pub(crate) fn route_table(name: &str, routes: &[(&str, &str, Option<&str>)]) -> Value {
    let route = |(index, (prefix, hop, address)): (usize, &(&str, &str, Option<&str>))| json!({"name": format!("r{index}"), "properties": {"addressPrefix": prefix, "nextHopType": hop, "nextHopIpAddress": address}});
    resource("routeTables", name, &json!({ "routes": routes.iter().enumerate().map(route).collect::<Vec<_>>() }))
}

/// `vnet-fig` with a source subnet `snet-a`, whose route table is `rt-a` where `routed`, and `snet-b` with the server 10.7.1.4.
pub(crate) fn fig(routed: bool) -> Vec<Value> {
    let mut a = json!({"addressPrefix": "10.7.0.0/24"});
    if routed {
        a["routeTable"] = json!({"id": id("routeTables", "rt-a")});
    }
    let b = json!({"addressPrefix": "10.7.1.0/24"});
    let c = json!({"addressPrefix": "10.7.5.0/24"});
    vec![
        vnet(
            "vnet-fig",
            &["10.7.0.0/16"],
            &[subnet("vnet-fig", "snet-a", &a), subnet("vnet-fig", "snet-b", &b), subnet("vnet-fig", "snet-c", &c)],
            &[],
        ),
        nic("nic-a", "snet-a", "10.7.0.5", false, &json!({})),
        nic("nic-b", "snet-b", "10.7.1.4", false, &json!({})),
    ]
}

pub(crate) fn asked(name: &str, resources: &[Value], to: &str, more: &[&str]) -> Value {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("small-networks").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("network.json"), Value::from(resources.to_vec()).to_string()).unwrap();
    let line = ["check", folder.to_str().unwrap(), "--from", "10.7.0.5", "--to", to, "-o", "json", "-q"];
    let ran = gatepath(&[&line[..], more].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{name}: {}{}", ran.out, ran.err))
}

pub(crate) fn verdict(name: &str, resources: &[Value], to: &str) -> String {
    asked(name, resources, to, &[])["verdict"].as_str().unwrap().to_owned()
}

/// A route to the gateway says nothing about what the gateway does with addresses of the networks themselves, and nothing
/// at all where there is no gateway.
#[test]
fn a_user_route_to_a_gateway_proves_no_delivery() {
    let mut own = fig(true);
    own.push(route_table(
        "rt-a",
        &[("10.7.1.0/24", "VirtualNetworkGateway", None), ("10.99.0.0/16", "VirtualNetworkGateway", None)],
    ));
    assert_eq!(verdict("gateway-own", &own, "10.7.1.4:443"), "unknown");
    assert_eq!(verdict("gateway-none", &own, "10.99.0.4:443"), "unknown");
    let gateway = json!({"gatewayType": "Vpn", "ipConfigurations": [
        {"name": "g", "properties": {"subnet": {"id": subnet_id("vnet-fig", "GatewaySubnet")}}}]});
    own.push(resource("virtualNetworkGateways", "vng-fig", &gateway));
    assert_eq!(verdict("gateway-there", &own, "10.99.0.4:443"), "allow");
    assert_eq!(verdict("gateway-there-own", &own, "10.7.1.4:443"), "unknown");
}

/// A template's parameter may stand where a prefix would: the network then holds addresses that nothing in the input names.
#[test]
fn networks_and_subnets_without_prefixes_may_hold_the_address() {
    let closed = json!({"networkSecurityGroup": {"id": id("networkSecurityGroups", "nsg-b")}});
    let a = subnet("vnet-fig", "snet-a", &json!({"addressPrefix": "10.7.0.0/24"}));
    let b = subnet("vnet-fig", "snet-b", &closed);
    let mut blank = vec![vnet("vnet-fig", &["10.7.0.0/16"], &[a.clone(), b], &[]), deny_all("nsg-b")];
    assert_eq!(verdict("subnet-blank", &blank, "10.7.1.4:443"), "unknown");
    blank.push(nic("nic-b", "snet-b", "10.7.1.4", false, &json!({})));
    assert_eq!(verdict("subnet-blank-nic", &blank, "10.7.1.4:443"), "unknown");
    let whole = vec![vnet(
        "vnet-fig",
        &[],
        &[a.clone(), subnet("vnet-fig", "snet-b", &json!({"addressPrefix": "10.7.1.0/24"}))],
        &[],
    )];
    assert_eq!(verdict("vnet-blank", &whole, "10.7.1.4:443"), "unknown");
}

#[test]
fn a_peering_of_ipv6_only_carries_no_ipv4() {
    let judged = |name: &str, more: &Value| {
        let a = subnet("vnet-fig", "snet-a", &json!({"addressPrefix": "10.7.0.0/24"}));
        let l = subnet("vnet-leaf", "snet-l", &json!({"addressPrefix": "10.9.1.0/24"}));
        let server = json!({"name": "ip1", "properties": {"privateIPAddress": "10.9.1.4", "subnet": {"id": subnet_id("vnet-leaf", "snet-l")}}});
        let set = [
            vnet("vnet-fig", &["10.7.0.0/16"], &[a], &[peering("vnet-leaf", more)]),
            vnet("vnet-leaf", &["10.9.0.0/16"], &[l], &[peering("vnet-fig", more)]),
            nic("nic-a", "snet-a", "10.7.0.5", false, &json!({})),
            resource("networkInterfaces", "nic-l", &json!({ "ipConfigurations": [server] })),
        ];
        verdict(name, &set, "10.9.1.4:443")
    };
    assert_eq!(judged("peering-both", &json!({})), "allow");
    assert_eq!(judged("peering-ipv6", &json!({"enableOnlyIPv6Peering": true})), "deny");
}

/// Which prefixes the named subnets have says the remote network alone: they may be longer than any route of the table.
#[test]
fn a_peering_of_subnets_with_a_network_that_is_not_in_the_input_may_reach_any_address_of_it() {
    let more = json!({"peerCompleteVnets": false, "remoteSubnetNames": ["snet-l"], "remoteAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]}});
    let a = json!({"addressPrefix": "10.7.0.0/24", "routeTable": {"id": id("routeTables", "rt-a")}});
    let l = subnet("vnet-leaf", "snet-l", &json!({"addressPrefix": "10.9.1.0/24"}));
    let server = json!({"name": "ip1", "properties": {"privateIPAddress": "10.9.1.4", "subnet": {"id": subnet_id("vnet-leaf", "snet-l")}}});
    let mut set = vec![
        vnet("vnet-fig", &["10.7.0.0/16"], &[subnet("vnet-fig", "snet-a", &a)], &[peering("vnet-leaf", &more)]),
        route_table("rt-a", &[("10.9.0.0/16", "None", None)]),
        nic("nic-a", "snet-a", "10.7.0.5", false, &json!({})),
        resource("networkInterfaces", "nic-l", &json!({ "ipConfigurations": [server] })),
        vnet("vnet-leaf", &["10.9.0.0/16"], &[l], &[peering("vnet-fig", &json!({}))]),
    ];
    assert_eq!(verdict("subnets-there", &set, "10.9.1.4:443"), "allow");
    set.pop();
    assert_eq!(verdict("subnets-missing", &set, "10.9.1.4:443"), "unknown");
}

/// Members of a network group come by an Azure Policy: which ones is not in the input.
#[test]
fn a_policy_that_adds_to_a_network_group_leaves_its_members_open() {
    let manager = id("networkManagers", "nm");
    let child = |path: &str, kind: &str, properties: &Value| {
        let name = path.rsplit('/').next().unwrap();
        json!({"id": format!("{manager}/{path}"), "name": name, "type": format!("Microsoft.Network/networkManagers/{kind}"), "properties": properties})
    };
    let group = format!("{manager}/networkGroups/ng");
    let mut set = fig(false);
    set.push(resource(
        "networkManagers",
        "nm",
        &json!({"networkManagerScopes": {"subscriptions": ["/subscriptions/7a11"]}}),
    ));
    set.push(child("networkGroups/ng", "networkGroups", &json!({})));
    set.push(child("securityAdminConfigurations/c", "securityAdminConfigurations", &json!({})));
    let collection = "securityAdminConfigurations/c/ruleCollections/rc";
    set.push(child(
        collection,
        "securityAdminConfigurations/ruleCollections",
        &json!({"appliesToGroups": [{"networkGroupId": group}]}),
    ));
    set.push(child(&format!("{collection}/rules/no"), "securityAdminConfigurations/ruleCollections/rules", &json!({"priority": 10,
        "access": "Deny", "direction": "Inbound", "protocol": "Any", "sources": [], "destinations": [], "sourcePortRanges": [], "destinationPortRanges": []})));
    assert_eq!(verdict("group-empty", &set, "10.7.1.4:443"), "allow");
    let policy = |group: &str| {
        json!({"id": "/subscriptions/7a11/providers/Microsoft.Authorization/policyDefinitions/p", "name": "p",
            "type": "Microsoft.Authorization/policyDefinitions", "properties": {"mode": "Microsoft.Network.Data", "policyRule": {
            "if": {"field": "name", "contains": "fig"}, "then": {"effect": "addToNetworkGroup", "details": {"networkGroupId": group}}}}})
    };
    let with = |more: &[Value]| [&set[..], more].concat();
    assert_eq!(verdict("group-policy", &with(&[policy(&group)]), "10.7.1.4:443"), "unknown");
    assert_eq!(
        verdict("group-other", &with(&[policy(&format!("{manager}/networkGroups/other"))]), "10.7.1.4:443"),
        "allow"
    );
    let by_parameter = policy("[parameters('group')]");
    assert_eq!(verdict("group-parameter", &with(std::slice::from_ref(&by_parameter)), "10.7.1.4:443"), "unknown");
    let assignment = json!({"id": "/subscriptions/7a11/providers/Microsoft.Authorization/policyAssignments/a", "name": "a",
        "type": "Microsoft.Authorization/policyAssignments", "properties": {"parameters": {"group": {"value": group}}}});
    assert_eq!(verdict("group-assigned", &with(&[by_parameter, assignment]), "10.7.1.4:443"), "unknown");
}

/// A manager is exported apart from its security admin configurations: without any the verdict stays, with a warning.
#[test]
fn a_manager_without_any_configuration_in_the_input_is_warned_of() {
    let warned = |name: &str, scope: &str, accesses: &[&str]| {
        let mut set = fig(false);
        let scopes = json!({"subscriptions": [scope], "managementGroups": []});
        let body = json!({"networkManagerScopes": scopes, "networkManagerScopeAccesses": accesses});
        set.push(resource("networkManagers", "nm-fig", &body));
        let answer = asked(name, &set, "10.7.1.4:443", &[]);
        assert_eq!(answer["verdict"], "allow");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("small-networks").join(name);
        let lint = gatepath(&["lint", folder.to_str().unwrap(), "-o", "json", "-q"]).out;
        let inspect = gatepath(&["inspect", folder.to_str().unwrap(), "-o", "json", "-q"]).out;
        let export = "az network manager security-admin-config list --network-manager-name nm-fig";
        let said = [answer.to_string().contains("GP857"), lint.contains("GP857"), inspect.contains(export)];
        assert_eq!(said, [said[0]; 3], "{answer} {lint} {inspect}");
        said[0]
    };
    assert!(warned("manager", "/subscriptions/7A11", &[]));
    assert!(warned("manager-access", "/subscriptions/7a11", &["Connectivity", "SecurityAdmin"]));
    assert!(!warned("manager-connectivity", "/subscriptions/7a11", &["Connectivity"]));
    assert!(!warned("manager-elsewhere", "/subscriptions/7a1", &[]));
}
