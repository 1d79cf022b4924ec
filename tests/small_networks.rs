//! Small networks, each written for one question: what decides, and where nothing in the input says it.

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
use support::gatepath;

const NET: &str = "/subscriptions/7a11/resourceGroups/rg-fig/providers/Microsoft.Network";

fn id(kind: &str, name: &str) -> String {
    format!("{NET}/{kind}/{name}")
}

fn subnet_id(vnet: &str, name: &str) -> String {
    format!("{}/subnets/{name}", id("virtualNetworks", vnet))
}

fn resource(kind: &str, name: &str, properties: &Value) -> Value {
    json!({"id": id(kind, name), "name": name, "type": format!("Microsoft.Network/{kind}"), "properties": properties})
}

fn subnet(vnet: &str, name: &str, properties: &Value) -> Value {
    json!({"id": subnet_id(vnet, name), "name": name, "properties": properties})
}

fn vnet(name: &str, space: &[&str], subnets: &[Value], peerings: &[Value]) -> Value {
    let body =
        json!({"addressSpace": {"addressPrefixes": space}, "subnets": subnets, "virtualNetworkPeerings": peerings});
    resource("virtualNetworks", name, &body)
}

/// A connected peering with further properties.
/// A NIC in a subnet of `vnet-fig`.
fn peering(to: &str, more: &Value) -> Value {
    let mut properties = json!({"remoteVirtualNetwork": {"id": id("virtualNetworks", to)}, "peeringState": "Connected", "allowForwardedTraffic": true});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({"name": format!("to-{to}"), "properties": properties})
}

fn nic(name: &str, subnet: &str, address: &str, forwards: bool, more: &Value) -> Value {
    let mut configuration = json!({"privateIPAddress": address, "subnet": {"id": subnet_id("vnet-fig", subnet)}});
    for (key, value) in more.as_object().unwrap() {
        configuration[key] = value.clone();
    }
    let body =
        json!({"enableIPForwarding": forwards, "ipConfigurations": [{"name": "ip1", "properties": configuration}]});
    resource("networkInterfaces", name, &body)
}

fn deny_all(name: &str) -> Value {
    let rule = json!({"name": "no", "properties": {"priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}});
    resource("networkSecurityGroups", name, &json!({ "securityRules": [rule] }))
}

fn route_table(name: &str, routes: &[(&str, &str, Option<&str>)]) -> Value {
    let route = |(index, (prefix, hop, address)): (usize, &(&str, &str, Option<&str>))| json!({"name": format!("r{index}"), "properties": {"addressPrefix": prefix, "nextHopType": hop, "nextHopIpAddress": address}});
    resource("routeTables", name, &json!({ "routes": routes.iter().enumerate().map(route).collect::<Vec<_>>() }))
}

/// `vnet-fig` with a source subnet `snet-a`, whose route table is `rt-a` where `routed`, and `snet-b` with the server 10.7.1.4.
fn fig(routed: bool) -> Vec<Value> {
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

fn asked(name: &str, resources: &[Value], to: &str, more: &[&str]) -> Value {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("small-networks").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("network.json"), Value::from(resources.to_vec()).to_string()).unwrap();
    let line = ["check", folder.to_str().unwrap(), "--from", "10.7.0.5", "--to", to, "-o", "json", "-q"];
    let ran = gatepath(&[&line[..], more].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{name}: {}{}", ran.out, ran.err))
}

fn verdict(name: &str, resources: &[Value], to: &str) -> String {
    asked(name, resources, to, &[])["verdict"].as_str().unwrap().to_owned()
}

/// A route to the gateway says nothing about what the gateway does with addresses of the networks themselves, and nothing
/// at all where there is no gateway.
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

/// A load balancer at 10.7.5.100 with one pool and one rule.
fn balancer(rule: &Value, more: &Value) -> Value {
    let own = id("loadBalancers", "lb");
    let frontend = json!({"id": format!("{own}/frontendIPConfigurations/fe")});
    let pool = json!({"id": format!("{own}/backendAddressPools/pool")});
    let mut rule = rule.clone();
    rule["frontendIPConfiguration"] = frontend.clone();
    rule["backendAddressPool"] = pool.clone();
    let mut properties = json!({
        "frontendIPConfigurations": [{"id": frontend["id"], "name": "fe", "properties": {"privateIPAddress": "10.7.5.100", "subnet": {"id": subnet_id("vnet-fig", "snet-c")}}}],
        "backendAddressPools": [{"id": pool["id"], "name": "pool", "properties": {}}],
        "loadBalancingRules": [{"name": "rule", "properties": rule}]});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    resource("loadBalancers", "lb", &properties)
}

fn in_pool() -> Value {
    json!({"loadBalancerBackendAddressPools": [{"id": format!("{}/backendAddressPools/pool", id("loadBalancers", "lb"))}]})
}

/// Servers of a pool may be instances of a scale set of which only the model is in the input.
#[test]
fn a_scale_set_model_behind_a_load_balancer_is_a_server_that_is_not_seen() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 9443});
    let mut set = fig(false);
    set.push(balancer(&https, &json!({})));
    assert_eq!(verdict("balancer-empty", &set, "10.7.5.100:443"), "deny");
    let mut configuration = in_pool();
    configuration["subnet"] = json!({"id": subnet_id("vnet-fig", "snet-b")});
    let interface =
        json!({"name": "nic", "properties": {"ipConfigurations": [{"name": "ip", "properties": configuration}]}});
    let model = json!({"orchestrationMode": "Uniform", "virtualMachineProfile": {"networkProfile": {"networkInterfaceConfigurations": [interface]}}});
    set.push(json!({"id": "/subscriptions/7a11/resourceGroups/rg-fig/providers/Microsoft.Compute/virtualMachineScaleSets/ss-fig", "name": "ss-fig",
        "type": "Microsoft.Compute/virtualMachineScaleSets", "properties": model}));
    assert_eq!(verdict("balancer-model", &set, "10.7.5.100:443"), "unknown");
}

/// An inbound NAT rule is named by its server's NIC, or has a pool and a range of ports.
#[test]
fn inbound_nat_rules_are_found_from_both_ends() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 9443});
    let own = id("loadBalancers", "lb");
    let nat = |more: &Value| {
        let mut properties = json!({"frontendIPConfiguration": {"id": format!("{own}/frontendIPConfigurations/fe")}, "protocol": "Tcp", "backendPort": 22});
        for (key, value) in more.as_object().unwrap() {
            properties[key] = value.clone();
        }
        balancer(
            &https,
            &json!({"inboundNatRules": [{"id": format!("{own}/inboundNatRules/ssh"), "name": "ssh", "properties": properties}]}),
        )
    };
    let mut single = fig(false);
    single.push(nat(&json!({"frontendPort": 5001})));
    assert_eq!(verdict("nat-none", &single, "10.7.5.100:5001"), "deny");
    single.push(nic(
        "nic-n",
        "snet-b",
        "10.7.1.9",
        false,
        &json!({"loadBalancerInboundNatRules": [{"id": format!("{own}/inboundNatRules/ssh")}]}),
    ));
    assert_eq!(verdict("nat-named-by-nic", &single, "10.7.5.100:5001"), "allow");
    let mut range = fig(false);
    range.push(nat(&json!({"frontendPortRangeStart": 5000, "frontendPortRangeEnd": 5099, "backendAddressPool": {"id": format!("{own}/backendAddressPools/pool")}})));
    range.push(nic("nic-n", "snet-b", "10.7.1.9", false, &in_pool()));
    assert_eq!(verdict("nat-range", &range, "10.7.5.100:5042"), "allow");
    assert_eq!(verdict("nat-beyond", &range, "10.7.5.100:5100"), "deny");
}

/// Appliances behind a load balancer get what one of its rules takes, and forward it only where their NICs do.
#[test]
fn appliances_behind_a_load_balancer_need_its_rule() {
    let through = |rule: &Value, servers: &[Value]| {
        let mut set = fig(true);
        let hop = Some("10.7.5.100");
        set.push(route_table("rt-a", &[("10.7.1.0/24", "VirtualAppliance", hop)]));
        set[0]["properties"]["subnets"][1]["properties"]["routeTable"] = json!({"id": id("routeTables", "rt-b")});
        set.push(route_table("rt-b", &[("10.7.0.0/24", "VirtualAppliance", hop)]));
        set.push(balancer(rule, &json!({})));
        set.extend(servers.iter().cloned());
        set
    };
    let all = json!({"protocol": "All", "frontendPort": 0, "backendPort": 0});
    let web = json!({"protocol": "Tcp", "frontendPort": 80, "backendPort": 80});
    let good = nic("nic-nva-1", "snet-c", "10.7.5.4", true, &in_pool());
    let bad = nic("nic-nva-2", "snet-c", "10.7.5.5", false, &in_pool());
    let assumed = |name: &str, set: &[Value]| {
        asked(name, set, "10.7.1.4:443", &["--assume", "appliance=transparent"])["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(assumed("ha-ports", &through(&all, std::slice::from_ref(&good))), "allow");
    assert_eq!(verdict("ha-ports-judged", &through(&all, std::slice::from_ref(&good)), "10.7.1.4:443"), "unknown");
    assert_eq!(assumed("other-port", &through(&web, std::slice::from_ref(&good))), "deny");
    assert_eq!(assumed("no-server", &through(&all, &[])), "deny");
    assert_eq!(assumed("one-forwards", &through(&all, &[good, bad.clone()])), "unknown");
    assert_eq!(assumed("none-forwards", &through(&all, &[bad])), "deny");
}

/// A firewall at 10.8.1.4 in a hub, between `vnet-fig` and the server 10.9.1.4, with rule collection groups.
fn through_a_firewall(policy: &Value, groups: &[Value]) -> Vec<Value> {
    let hop = Some("10.8.1.4");
    let in_vnet = |vnet: &str, name: &str, prefix: &str, table: Option<&str>| {
        let mut properties = json!({ "addressPrefix": prefix });
        if let Some(table) = table {
            properties["routeTable"] = json!({"id": id("routeTables", table)});
        }
        subnet(vnet, name, &properties)
    };
    let server = json!({"name": "ip1", "properties": {"privateIPAddress": "10.9.1.4", "subnet": {"id": subnet_id("vnet-leaf", "snet-l")}}});
    let mut policy = policy.clone();
    policy["threatIntelMode"] = json!("Alert");
    let mut out = vec![
        vnet(
            "vnet-fig",
            &["10.7.0.0/16"],
            &[in_vnet("vnet-fig", "snet-a", "10.7.0.0/24", Some("rt-a"))],
            &[peering("vnet-hub", &json!({}))],
        ),
        vnet(
            "vnet-hub",
            &["10.8.0.0/16"],
            &[in_vnet("vnet-hub", "AzureFirewallSubnet", "10.8.1.0/26", None)],
            &[peering("vnet-fig", &json!({})), peering("vnet-leaf", &json!({}))],
        ),
        vnet(
            "vnet-leaf",
            &["10.9.0.0/16"],
            &[in_vnet("vnet-leaf", "snet-l", "10.9.1.0/24", Some("rt-l"))],
            &[peering("vnet-hub", &json!({}))],
        ),
        route_table("rt-a", &[("10.9.0.0/16", "VirtualAppliance", hop)]),
        route_table("rt-l", &[("10.7.0.0/16", "VirtualAppliance", hop)]),
        nic("nic-a", "snet-a", "10.7.0.5", false, &json!({})),
        resource("networkInterfaces", "nic-l", &json!({ "ipConfigurations": [server] })),
        resource(
            "azureFirewalls",
            "fw-hub",
            &json!({"firewallPolicy": {"id": id("firewallPolicies", "policy")}, "ipConfigurations": [
            {"name": "c", "properties": {"privateIPAddress": "10.8.1.4", "subnet": {"id": subnet_id("vnet-hub", "AzureFirewallSubnet")}}}]}),
        ),
        resource("firewallPolicies", "policy", &policy),
    ];
    out.extend(groups.iter().cloned());
    out
}

fn group(name: &str, priority: u32, collections: &[(&str, u32, &str)]) -> Value {
    let rule = json!({"ruleType": "NetworkRule", "name": "any", "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
        "destinationAddresses": ["*"], "destinationPorts": ["443"]});
    let collection = |(name, priority, action): &(&str, u32, &str)| {
        json!({"ruleCollectionType": "FirewallPolicyFilterRuleCollection", "name": name, "priority": priority,
            "action": {"type": action}, "rules": [rule]})
    };
    let collections: Vec<Value> = collections.iter().map(collection).collect();
    json!({"id": format!("{}/ruleCollectionGroups/{name}", id("firewallPolicies", "policy")), "name": name,
        "type": "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
        "properties": {"priority": priority, "ruleCollections": collections}})
}

/// Azure gives no order to collections or groups of one priority, and the order in a file means nothing.
#[test]
fn firewall_collections_of_one_priority_that_disagree_are_undecided() {
    let judged = |name: &str, groups: &[Value]| verdict(name, &through_a_firewall(&json!({}), groups), "10.9.1.4:443");
    let both = [("a", 100, "Allow"), ("b", 100, "Deny")];
    assert_eq!(judged("tie-1", &[group("g", 200, &both)]), "unknown");
    assert_eq!(judged("tie-2", &[group("g", 200, &[both[1], both[0]])]), "unknown");
    assert_eq!(judged("tie-groups", &[group("g", 200, &both[..1]), group("h", 200, &both[1..])]), "unknown");
    assert_eq!(judged("tie-agreed", &[group("g", 200, &[both[0], ("b", 100, "Allow")])]), "allow");
    assert_eq!(judged("no-tie", &[group("g", 200, &[both[0], ("b", 101, "Deny")])]), "allow");
    assert_eq!(judged("no-tie-groups", &[group("g", 201, &both[..1]), group("h", 200, &both[1..])]), "deny");
}

/// What Azure would not take as a private range leaves open whether the source is translated.
#[test]
fn private_ranges_that_cannot_be_read_leave_the_source_open() {
    let judged = |name: &str, range: &str| {
        let policy = json!({"snat": {"privateRanges": [range]}});
        let mut set = through_a_firewall(&policy, &[group("g", 200, &[("a", 100, "Allow")])]);
        let mut nsg = deny_all("nsg-l");
        let rules = nsg["properties"]["securityRules"].as_array_mut().unwrap();
        rules[0]["properties"]["sourceAddressPrefix"] = json!("10.7.0.0/24");
        set.push(nsg);
        set[2]["properties"]["subnets"][0]["properties"]["networkSecurityGroup"] =
            json!({"id": id("networkSecurityGroups", "nsg-l")});
        verdict(name, &set, "10.9.1.4:443")
    };
    assert_eq!(judged("snat-always", "255.255.255.255/32"), "allow");
    assert_eq!(judged("snat-never", "0.0.0.0/0"), "deny");
    assert_eq!(judged("snat-unreadable", "ten"), "unknown");
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

/// Where two networks have a server's address, the pool means the one that it names, or else that of its own frontend.
#[test]
fn servers_by_address_are_those_of_the_pool_s_network() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let judged = |name: &str, member: &Value| {
        let mut set = fig(false);
        let twin = subnet("a-twin", "snet-b", &json!({"addressPrefix": "10.7.1.0/24"}));
        set.push(vnet("a-twin", &["10.7.0.0/16"], &[twin], &[]));
        let mut closed = nic("nic-a-twin", "snet-b", "10.7.1.4", false, &json!({}));
        closed["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "nsg-twin")});
        closed["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] =
            json!(subnet_id("a-twin", "snet-b"));
        set.extend([closed, deny_all("nsg-twin")]);
        let pool = json!({"id": format!("{}/backendAddressPools/pool", id("loadBalancers", "lb")), "name": "pool",
            "properties": {"loadBalancerBackendAddresses": [{"name": "m", "properties": member}]}});
        set.push(balancer(&https, &json!({ "backendAddressPools": [pool] })));
        verdict(name, &set, "10.7.5.100:443")
    };
    let network = |name: &str| json!({"id": id("virtualNetworks", name)});
    assert_eq!(judged("member-own", &json!({"ipAddress": "10.7.1.4"})), "allow");
    assert_eq!(judged("member-fig", &json!({"ipAddress": "10.7.1.4", "virtualNetwork": network("vnet-fig")})), "allow");
    assert_eq!(judged("member-twin", &json!({"ipAddress": "10.7.1.4", "virtualNetwork": network("a-twin")})), "deny");
    assert_eq!(judged("member-none", &json!({"ipAddress": "10.7.1.4", "virtualNetwork": network("other")})), "unknown");
    let by_nic = json!({"networkInterfaceIPConfiguration": {"id": format!("{}/ipConfigurations/ip1", id("networkInterfaces", "nic-b"))}});
    assert_eq!(judged("member-nic", &by_nic), "allow");
}

/// The NSG of a server's subnet is not known where the subnet is not in the input.
#[test]
fn a_server_in_a_subnet_that_is_not_in_the_input_is_unknown() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let mut set = fig(false);
    set.push(balancer(&https, &json!({})));
    set.push(nic("nic-s", "snet-b", "10.7.1.9", false, &in_pool()));
    assert_eq!(verdict("server-subnet", &set, "10.7.5.100:443"), "allow");
    set[0]["properties"]["subnets"].as_array_mut().unwrap().remove(1);
    assert_eq!(verdict("server-no-subnet", &set, "10.7.5.100:443"), "unknown");
}

/// The address may be the frontend of a load balancer that a NIC of the network names and that is not in the input: then
/// the NSGs of the servers decide, not the one of its own subnet.
#[test]
fn without_its_load_balancer_a_frontend_is_not_certainly_denied() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let mut set = fig(false);
    set[0]["properties"]["subnets"][2]["properties"]["networkSecurityGroup"] =
        json!({"id": id("networkSecurityGroups", "nsg-c")});
    set.push(deny_all("nsg-c"));
    assert_eq!(verdict("frontend-no-balancer", &set, "10.7.5.100:443"), "deny");
    set.push(nic("nic-s", "snet-b", "10.7.1.9", false, &in_pool()));
    assert_eq!(verdict("frontend-missing", &set, "10.7.5.100:443"), "unknown");
    set.push(balancer(&https, &json!({})));
    assert_eq!(verdict("frontend-there", &set, "10.7.5.100:443"), "allow");
}

/// What an answer names does not follow the order in which a pool lists its servers.
#[test]
fn the_order_of_a_pool_s_servers_does_not_matter() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let named = |name: &str, order: &[&str]| {
        let mut set = fig(false);
        let mut members = Vec::new();
        for (server, address) in [("s1", "10.7.1.9"), ("s2", "10.7.1.10")] {
            let mut own = nic(server, "snet-b", address, false, &json!({}));
            own["properties"]["networkSecurityGroup"] =
                json!({"id": id("networkSecurityGroups", &format!("nsg-{server}"))});
            set.extend([own, deny_all(&format!("nsg-{server}"))]);
        }
        for server in order {
            members.push(json!({"id": format!("{}/ipConfigurations/ip1", id("networkInterfaces", server))}));
        }
        let pool = json!({"id": format!("{}/backendAddressPools/pool", id("loadBalancers", "lb")), "name": "pool",
            "properties": {"backendIPConfigurations": members}});
        set.push(balancer(&https, &json!({ "backendAddressPools": [pool] })));
        asked(name, &set, "10.7.5.100:443", &[])["resource"].clone()
    };
    assert_eq!(named("pool-order", &["s1", "s2"]), "nsg-s1");
    assert_eq!(named("pool-order-turned", &["s2", "s1"]), "nsg-s1");
}

/// Of a partial answer behind a load balancer the servers are named, not the sources: each source meets all of them.
#[test]
fn servers_that_differ_are_named() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 8443});
    let mut set = fig(false);
    let mut closed = nic("s1", "snet-b", "10.7.1.9", false, &in_pool());
    closed["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "nsg-s1")});
    set.extend([balancer(&https, &json!({})), closed, deny_all("nsg-s1")]);
    set.push(nic("s2", "snet-b", "10.7.1.10", false, &in_pool()));
    assert_eq!(verdict("servers-differ", &set, "10.7.5.100:443"), "partial");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("small-networks/servers-differ");
    let told = |from: &str| {
        let ran = gatepath(&["check", folder.to_str().unwrap(), "--from", from, "--to", "10.7.5.100:443", "-q"]);
        let lines = ran.out.lines().filter(|line| line.starts_with("flow") || line.starts_with("part"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let differ = "part  servers behind the frontend differ: 10.7.1.9 denied, 10.7.1.10 allowed";
    assert_eq!(told("10.7.0.5"), ["flow  traced for source 10.7.0.5, one of those denied at server 10.7.1.9", differ]);
}

/// An NSG that is not in the input may let the health probe in and not the flow.
#[test]
fn what_lets_the_probe_in_may_not_let_the_flow_in() {
    let own = id("loadBalancers", "lb");
    let probe = json!({"id": format!("{own}/probes/alive")});
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443, "probe": probe});
    let mut set = fig(false);
    let alive = json!({"id": probe["id"], "name": "alive", "properties": {"protocol": "Tcp", "port": 80}});
    set.push(balancer(&https, &json!({ "probes": [alive] })));
    set.push(nic("s1", "snet-b", "10.7.1.9", false, &in_pool()));
    let mut other = nic("s2", "snet-b", "10.7.1.10", false, &in_pool());
    other["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "nsg-s2")});
    set.push(other);
    assert_eq!(verdict("probe-nsg-missing", &set, "10.7.5.100:443"), "unknown");
}
