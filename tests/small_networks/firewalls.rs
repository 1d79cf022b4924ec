//! Firewalls between two networks.

use super::*;

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

/// One group with one collection that allows, of one rule.
fn allowing(kind: &str, rule: &Value) -> Value {
    let mut out = group("g", 200, &[("a", 100, "Allow")]);
    let collection = &mut out["properties"]["ruleCollections"][0];
    let own = &mut collection["rules"][0];
    own["ruleType"] = json!(kind);
    for (key, value) in rule.as_object().unwrap() {
        own[key] = value.clone();
    }
    if kind == "NatRule" {
        collection["ruleCollectionType"] = json!("FirewallPolicyNatRuleCollection");
        collection["action"] = json!({"type": "DNAT"});
    }
    out
}

/// A firewall that is reached by its own public address from inside translates; which address that is says the public IP
/// address alone.
#[test]
fn a_public_address_of_the_firewall_that_is_not_in_the_input_may_be_the_destination() {
    let nat =
        json!({"destinationAddresses": ["20.30.40.50"], "translatedAddress": "10.9.1.4", "translatedPort": "443"});
    let mut set = through_a_firewall(&json!({}), &[allowing("NatRule", &nat)]);
    set[3] = route_table("rt-a", &[("0.0.0.0/0", "VirtualAppliance", Some("10.8.1.4"))]);
    set[7]["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] =
        json!({"id": id("publicIPAddresses", "pip-fw")});
    let missing = asked("nat-missing", &set, "20.30.40.50:443", &[]);
    assert_eq!(missing["verdict"], "unknown");
    assert!(missing.to_string().contains("public IP address pip-fw"), "{missing}");
    assert_eq!(verdict("nat-other", &set, "20.30.40.50:80"), "deny");
    set.push(resource("publicIPAddresses", "pip-fw", &json!({"ipAddress": "20.30.40.50"})));
    assert_eq!(verdict("nat-there", &set, "20.30.40.50:443"), "allow");
    set.pop();
    set.push(resource("publicIPAddresses", "pip-other", &json!({"ipAddress": "20.30.40.50"})));
    assert_eq!(verdict("nat-of-another", &set, "20.30.40.50:443"), "deny");
}

/// Azure takes no rule without a value on a side; an emptied IP group makes a rule be skipped (semantics.md 4.2).
#[test]
fn a_firewall_rule_without_a_value_on_a_side_is_undecided() {
    let judged = |name: &str, kind: &str, rule: &Value| {
        let mut set = through_a_firewall(&json!({}), &[allowing(kind, rule)]);
        set.push(resource("ipGroups", "ipg-empty", &json!({"ipAddresses": []})));
        verdict(name, &set, "10.9.1.4:443")
    };
    let emptied = json!([id("ipGroups", "ipg-empty")]);
    assert_eq!(judged("side-both", "NetworkRule", &json!({})), "allow");
    assert_eq!(judged("side-source", "NetworkRule", &json!({"sourceAddresses": []})), "unknown");
    assert_eq!(judged("side-destination", "NetworkRule", &json!({"destinationAddresses": null})), "unknown");
    assert_eq!(
        judged("side-other-port", "NetworkRule", &json!({"sourceAddresses": [], "destinationPorts": ["80"]})),
        "deny"
    );
    let group = json!({"sourceAddresses": [], "sourceIpGroups": emptied});
    assert_eq!(judged("side-emptied", "NetworkRule", &group), "deny");
    let web = |names: &[&str]| json!({"protocols": [{"protocolType": "Https", "port": 443}], "targetFqdns": names, "ipProtocols": null, "destinationAddresses": null});
    assert_eq!(judged("side-names", "ApplicationRule", &web(&["*"])), "allow");
    assert_eq!(judged("side-no-names", "ApplicationRule", &web(&[])), "unknown");
    let mut first = allowing("NetworkRule", &json!({}));
    let rules = first["properties"]["ruleCollections"][0]["rules"].as_array_mut().unwrap();
    let mut blank = rules[0].clone();
    blank["sourceAddresses"] = json!([]);
    rules.push(blank);
    assert_eq!(verdict("side-behind", &through_a_firewall(&json!({}), &[first]), "10.9.1.4:443"), "allow");
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
