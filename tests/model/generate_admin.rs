//! Random network managers with security admin rules.

use super::generate::{Maker, id};
use super::generate_rules::{PORTS, near};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A resource below a network manager.
fn below(manager: &str, path: &str, properties: &Value) -> Value {
    let parts: Vec<&str> = path.split('/').collect();
    let kinds: Vec<&str> = parts.iter().step_by(2).copied().collect();
    let of = id("networkManagers", manager);
    json!({
        "id": format!("{of}/{path}"), "name": parts.last(),
        "type": format!("Microsoft.Network/networkManagers/{}", kinds.join("/")), "properties": properties,
    })
}

fn group_id(manager: &str, group: &str) -> String {
    format!("{}/networkGroups/{group}", id("networkManagers", manager))
}

/// Adds one network manager, sometimes two, to some estates.
pub(crate) fn managers(maker: &mut Maker<'_>) {
    if !maker.dice.chance(45) {
        return;
    }
    let count = if maker.dice.chance(25) { 2 } else { 1 };
    for manager in ["avnm", "b-avnm"].into_iter().take(count) {
        let groups: &[&str] = if maker.dice.chance(50) { &["management"] } else { &[] };
        let scopes = json!({ "managementGroups": groups, "subscriptions": ["/subscriptions/x"] });
        maker.out.push(json!({
            "id": id("networkManagers", manager), "name": manager, "type": "Microsoft.Network/networkManagers",
            "properties": { "networkManagerScopes": scopes, "networkManagerScopeAccesses": ["SecurityAdmin"] },
        }));
        self::groups(maker, manager);
        rules(maker, manager);
    }
}

fn groups(maker: &mut Maker<'_>, manager: &str) {
    for group in ["ng0", "ng1"] {
        // Whether a network is a member of a group that is not in the export is not known.
        if maker.dice.chance(8) {
            continue;
        }
        maker.out.push(below(manager, &format!("networkGroups/{group}"), &json!({ "memberType": "VirtualNetwork" })));
        for net in ["one", "hub", "two", "not-exported"] {
            let often = if net == "not-exported" { 5 } else { 60 };
            if maker.dice.chance(often) {
                let path = format!("networkGroups/{group}/staticMembers/{net}");
                maker.out.push(below(manager, &path, &json!({ "resourceId": id("virtualNetworks", net) })));
            }
        }
    }
}

fn side(maker: &mut Maker<'_>, manager: &str) -> Value {
    let of = |kind: &str, text: &str| json!({ "addressPrefixType": kind, "addressPrefix": text });
    match maker.dice.below(10) {
        0..4 => json!([of("IPPrefix", "*")]),
        4 | 5 => {
            let tags = ["VirtualNetwork", "Internet", "AzureLoadBalancer", "Storage", "Sql.NorthEurope"];
            let tag: &str = maker.dice.pick::<&str>(&tags);
            json!([of("ServiceTag", tag)])
        }
        6 => {
            let group = *maker.dice.pick(&["ng0", "ng1"]);
            json!([of("NetworkGroup", &group_id(manager, group))])
        }
        7 => json!([]),
        _ => {
            let all: BTreeSet<String> = (0..=maker.dice.below(2)).map(|_| near(maker)).collect();
            all.iter().map(|text| of("IPPrefix", text)).collect()
        }
    }
}

fn rules(maker: &mut Maker<'_>, manager: &str) {
    let intent = *maker.dice.pick(&["None", "None", "All", "AllowRulesOnly"]);
    let configuration = "securityAdminConfigurations/sac";
    if !maker.dice.chance(3) {
        let properties = json!({ "applyOnNetworkIntentPolicyBasedServices": [intent] });
        maker.out.push(below(manager, configuration, &properties));
    }
    for collection in ["rc0", "rc1"] {
        let path = format!("{configuration}/ruleCollections/{collection}");
        let groups: Vec<Value> = ["ng0", "ng1"]
            .into_iter()
            .filter(|_| maker.dice.chance(55))
            .map(|group| json!({ "networkGroupId": group_id(manager, group) }))
            .collect();
        if !maker.dice.chance(3) {
            maker.out.push(below(manager, &path, &json!({ "appliesToGroups": groups })));
        }
        // Equal priorities in two collections are undefined.
        let first = if collection == "rc0" { 1 } else { 2 };
        let mut used = BTreeSet::new();
        for number in 0..maker.dice.below(4) {
            let priority = first + 2 * maker.dice.below(30);
            if !used.insert(priority) {
                continue;
            }
            let ports = match maker.dice.below(10) {
                0..5 => json!(["0-65535"]),
                5 => json!([]),
                6 => json!(["8000-9000", "443"]),
                _ => json!([maker.dice.pick(&PORTS).to_string()]),
            };
            let source_ports = if maker.dice.chance(7) { json!(["50000-50010"]) } else { json!(["0-65535"]) };
            let properties = json!({
                "protocol": maker.dice.pick(&["Any", "Any", "Tcp", "Tcp", "Udp", "Icmp"]),
                "access": maker.dice.pick(&["Allow", "Deny", "Deny", "AlwaysAllow"]),
                "direction": maker.dice.pick(&["Inbound", "Inbound", "Outbound"]), "priority": priority,
                "sources": side(maker, manager), "destinations": side(maker, manager),
                "sourcePortRanges": source_ports, "destinationPortRanges": ports,
            });
            maker.out.push(below(manager, &format!("{path}/rules/adm-{number}-{priority}"), &properties));
        }
    }
}
