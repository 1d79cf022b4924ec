//! A random Azure Firewall in the hub, by policy or with classic rules.

use super::generate::{Maker, id, reference, resource};
use super::generate_rules::near;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where it stands.
pub(crate) const FIREWALL: &str = "10.0.1.4";
const SUBNET: &str = "AzureFirewallSubnet";

/// Is there a firewall subnet in the hub?
fn has_subnet(maker: &Maker<'_>) -> bool {
    maker.nets.iter().any(|net| net.subnets.iter().any(|(name, _, _)| *name == SUBNET))
}

/// Adds the firewall to a hub with a subnet for it.
pub(crate) fn firewall(maker: &mut Maker<'_>) {
    if !has_subnet(maker) || maker.dice.chance(4) {
        return;
    }
    let place = json!({ "id": format!("{}/subnets/{SUBNET}", id("virtualNetworks", "hub")) });
    let mut configuration = json!({ "privateIPAddress": FIREWALL, "subnet": place });
    if maker.dice.chance(70) {
        configuration["publicIPAddress"] = reference("publicIPAddresses", "afw-pip");
        maker.out.push(resource("publicIPAddresses", "afw-pip", json!({ "ipAddress": "20.30.40.70" })));
    }
    let mut properties = json!({ "ipConfigurations": [{ "name": "c", "properties": configuration }] });
    ip_groups(maker);
    let ranges =
        *maker.dice.pick(&["", "", "", "", "0.0.0.0/0", "255.255.255.255/32", "10.0.0.0/9", "IANAPrivateRanges"]);
    if maker.dice.chance(35) {
        classic(maker, &mut properties);
        if !ranges.is_empty() {
            properties["additionalProperties"] = json!({ "Network.SNAT.PrivateRanges": ranges });
        }
    } else {
        properties["firewallPolicy"] = reference("firewallPolicies", "policy");
        policy(maker, "policy", ranges);
    }
    maker.out.push(resource("azureFirewalls", "afw", properties));
}

/// One full, one empty; the third is never in the export.
fn ip_groups(maker: &mut Maker<'_>) {
    let full: BTreeSet<String> = (0..=maker.dice.below(2)).map(|_| term(maker)).collect();
    maker.out.push(resource("ipGroups", "ipg-full", json!({ "ipAddresses": full })));
    maker.out.push(resource("ipGroups", "ipg-empty", json!({ "ipAddresses": [] })));
}

fn term(maker: &mut Maker<'_>) -> String {
    match maker.dice.below(6) {
        0 => (*maker.dice.pick(&["10.1.0.4-10.1.0.9", "10.1.1.0-10.2.1.4", "10.2.1.4-10.2.1.9"])).to_owned(),
        1 => (*maker.dice.pick(&["10.1.0.0/16", "10.2.0.0/16"])).to_owned(),
        _ => near(maker),
    }
}

fn policy(maker: &mut Maker<'_>, name: &str, ranges: &str) {
    let mut properties = json!({ "threatIntelMode": "Alert" });
    if !ranges.is_empty() {
        properties["snat"] = json!({ "privateRanges": [ranges] });
    }
    if name == "policy" && maker.dice.chance(40) {
        properties["basePolicy"] = reference("firewallPolicies", "parent");
        policy(maker, "parent", "");
    }
    let mut listed = Vec::new();
    for (number, priority) in [(0, 300), (1, 200)] {
        if !maker.dice.chance(65) {
            continue;
        }
        let group = format!("{name}/ruleCollectionGroups/rcg{number}");
        listed.push(reference("firewallPolicies", &group));
        if maker.dice.chance(4) {
            continue; // not exported
        }
        let collections: Vec<Value> = (0..=maker.dice.below(2)).map(|at| collection(maker, number, at)).collect();
        let own = json!({ "priority": priority, "ruleCollections": collections });
        let mut made = resource("firewallPolicies", &group, own);
        made["name"] = json!(format!("rcg{number}"));
        made["type"] = json!("Microsoft.Network/firewallPolicies/ruleCollectionGroups");
        maker.out.push(made);
    }
    if maker.dice.chance(80) {
        properties["ruleCollectionGroups"] = json!(listed);
    }
    if !maker.dice.chance(4) {
        maker.out.push(resource("firewallPolicies", name, properties));
    }
}

fn action(maker: &mut Maker<'_>) -> Value {
    json!({ "type": if maker.dice.chance(70) { "Allow" } else { "Deny" } })
}

fn collection(maker: &mut Maker<'_>, group: usize, at: usize) -> Value {
    let nat = maker.dice.chance(12);
    let filter = if nat { "Nat" } else { "Filter" };
    let rules: Vec<Value> = (0..=maker.dice.below(2))
        .map(|number| {
            let name = format!("r{group}{at}{number}");
            match (nat, maker.dice.below(10)) {
                (true, _) => rule(maker, "NatRule", &name),
                (_, 0..7) => rule(maker, "NetworkRule", &name),
                _ => rule(maker, "ApplicationRule", &name),
            }
        })
        .collect();
    json!({
        "ruleCollectionType": format!("FirewallPolicy{filter}RuleCollection"), "name": format!("c{at}"),
        "priority": 1000 + 10 * at, "action": if nat { json!({ "type": "DNAT" }) } else { action(maker) }, "rules": rules,
    })
}

fn classic(maker: &mut Maker<'_>, properties: &mut Value) {
    for (key, kind) in [("nat", "NatRule"), ("network", "NetworkRule"), ("application", "ApplicationRule")] {
        let count = if kind == "NatRule" { maker.dice.below(2) } else { maker.dice.below(3) };
        let collections: Vec<Value> = (0..count)
            .map(|at| {
                let rules: Vec<Value> = (0..=maker.dice.below(2))
                    .map(|number| classic_rule(maker, kind, &format!("{key}{at}{number}")))
                    .collect();
                let action = if key == "nat" { json!({ "type": "Dnat" }) } else { action(maker) };
                json!({ "name": format!("{key}{at}"), "properties": {
                    "priority": 300 - 10 * at, "action": action, "rules": rules,
                } })
            })
            .collect();
        properties[format!("{key}RuleCollections")] = json!(collections);
    }
}

/// Classic network rules call their protocols by another name.
fn classic_rule(maker: &mut Maker<'_>, kind: &str, name: &str) -> Value {
    let mut rule = rule(maker, kind, name);
    let map = rule.as_object_mut().expect("an object");
    map.remove("ruleType");
    if let Some(protocols) = map.remove("ipProtocols") {
        map.insert("protocols".to_owned(), protocols);
    }
    rule
}

fn side(maker: &mut Maker<'_>, rule: &mut Value, which: &str) {
    let addresses: Value = match maker.dice.below(10) {
        0..4 => json!(["*"]),
        4 => json!([maker.dice.pick(&["Storage", "Sql.NorthEurope", "AzureCloud"])]),
        _ => {
            let all: BTreeSet<String> = (0..=maker.dice.below(2)).map(|_| term(maker)).collect();
            json!(all)
        }
    };
    let group = match maker.dice.below(100) {
        0..12 => "ipg-full",
        12..15 => "ipg-empty",
        15..18 => "ipg-not-exported",
        _ => "",
    };
    if !group.is_empty() {
        rule[format!("{which}IpGroups")] = json!([id("ipGroups", group)]);
    }
    let alone = !group.is_empty() && maker.dice.chance(60);
    let nothing = maker.dice.chance(2);
    rule[format!("{which}Addresses")] = if alone || nothing { json!([]) } else { addresses };
}

fn rule(maker: &mut Maker<'_>, kind: &str, name: &str) -> Value {
    let mut rule = json!({ "ruleType": kind, "name": name });
    side(maker, &mut rule, "source");
    if kind == "ApplicationRule" {
        let port = *maker.dice.pick(&[443, 443, 80, 8080]);
        rule["protocols"] = json!([{ "protocolType": if port == 443 { "Https" } else { "Http" }, "port": port }]);
        let fqdn = *maker.dice.pick(&["*", "*", "*", "api.example.com", "*.example.com"]);
        rule["targetFqdns"] = json!([fqdn]);
        return rule;
    }
    let protocols =
        [json!(["TCP"]), json!(["TCP"]), json!(["Any"]), json!(["Any"]), json!(["UDP", "ICMP"]), json!(["TCP", "UDP"])];
    rule["ipProtocols"] = maker.dice.pick(&protocols).clone();
    let ports = [json!(["*"]), json!(["443"]), json!(["80", "8080-9000"]), json!(["0-65535"])];
    rule["destinationPorts"] = maker.dice.pick(&ports).clone();
    if kind == "NatRule" {
        rule["destinationAddresses"] = json!(["20.30.40.70"]);
        rule["translatedAddress"] = json!(maker.dice.pick(&["10.1.1.4", "10.2.1.4", "10.0.3.4", "10.1.1.200"]));
        rule["translatedPort"] = json!(maker.dice.pick(&["443", "8443"]));
        return rule;
    }
    side(maker, &mut rule, "destination");
    if maker.dice.chance(4) {
        rule["destinationFqdns"] = json!(["db.example.com"]);
    }
    rule
}
