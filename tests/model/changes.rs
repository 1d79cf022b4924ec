//! Changes to an estate: those that mean nothing, those that take something away, and damage.

use super::address::Prefix;
use super::dice::Dice;
use super::generate::{Estate, id, resource};
use super::rules::range;
use super::worlds::Answer;
use serde_json::{Map, Value, json};

/// Calls `change` on every object of a value.
fn each_object(value: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        Value::Object(map) => {
            change(map);
            map.values_mut().for_each(|item| each_object(item, change));
        }
        _ => {}
    }
}

/// Splits prefixes of rules into halves and port ranges into two.
pub(crate) fn split(estate: &mut Estate, dice: &mut Dice) {
    let mut split = |map: &mut Map<String, Value>| {
        for key in ["sourceAddressPrefixes", "destinationAddressPrefixes", "sourcePortRanges", "destinationPortRanges"]
        {
            let Some(Value::Array(items)) = map.get_mut(key) else { continue };
            let halves = if key.ends_with("Prefixes") { halves } else { parts };
            let apart = |item: &Value| item.as_str().and_then(halves).filter(|_| dice.chance(60));
            let all: Vec<Value> =
                items.iter().map(apart).zip(items.iter()).fold(Vec::new(), |mut all, (split, item)| {
                    match split {
                        Some(split) => all.extend(split.into_iter().map(Value::from)),
                        None => all.push(item.clone()),
                    }
                    all
                });
            *items = all;
        }
    };
    estate.resources.iter_mut().for_each(|resource| each_object(resource, &mut split));
}

fn halves(text: &str) -> Option<Vec<String>> {
    let prefix = Prefix::parse(text).filter(|prefix| prefix.len < if prefix.six { 128 } else { 32 })?;
    let low = Prefix { len: prefix.len + 1, ..prefix };
    let high = Prefix { bits: low.last().bits + 1, ..low };
    Some(vec![low.to_string(), high.to_string()])
}

fn parts(text: &str) -> Option<Vec<String>> {
    let (low, high) = range(text).filter(|(low, high)| low < high)?;
    let middle = low + (high - low) / 2;
    let written = |low: u16, high: u16| if low == high { low.to_string() } else { format!("{low}-{high}") };
    Some(vec![written(low, middle), written(middle + 1, high)])
}

/// Rules of every NSG that is an object of the estate.
fn each_nsg(estate: &mut Estate, mut change: impl FnMut(&mut Vec<Value>)) {
    for nsg in estate.resources.iter_mut().filter(|r| r["type"] == "Microsoft.Network/networkSecurityGroups") {
        if let Some(rules) = nsg["properties"]["securityRules"].as_array_mut() {
            change(rules);
        }
    }
}

fn rule(name: &str, priority: usize, inbound: bool, allow: bool) -> Value {
    json!({ "name": name, "properties": {
        "protocol": "*", "access": if allow { "Allow" } else { "Deny" }, "priority": priority,
        "direction": if inbound { "Inbound" } else { "Outbound" },
        "sourceAddressPrefixes": ["*"], "destinationAddressPrefixes": ["*"],
        "sourcePortRanges": ["*"], "destinationPortRanges": ["*"],
    } })
}

/// Adds a rule that matches everything to both directions of some NSGs.
pub(crate) fn add_any_any(estate: &mut Estate, dice: &mut Dice) {
    each_nsg(estate, |rules| {
        for inbound in [true, false] {
            if dice.chance(60) {
                rules.push(rule(&format!("any-any-{inbound}"), 2000, inbound, dice.chance(50)));
            }
        }
    });
}

/// Adds rules behind those.
pub(crate) fn add_behind_any_any(estate: &mut Estate, dice: &mut Dice) {
    each_nsg(estate, |rules| {
        for inbound in [true, false] {
            if rules.iter().any(|rule| rule["name"] == format!("any-any-{inbound}")) {
                let mut behind = rule(&format!("behind-{inbound}"), 2001 + dice.below(2000), inbound, dice.chance(50));
                behind["properties"]["sourceAddressPrefixes"] =
                    json!([dice.pick(&["*", "10.1.0.7", "AzureMonitor", "10.0.0.0/33"])]);
                behind["properties"]["destinationPortRanges"] = json!([dice.pick(&["*", "443", "8080-9000"])]);
                rules.insert(dice.below(rules.len() + 1), behind);
            }
        }
    });
}

/// What can be left out of an estate without changing what its other resources say: every NSG and route table that
/// something refers to, every NIC that makes no group and forwards nothing, and the service-tag file.
pub(crate) fn leave_one_out(estate: &Estate) -> Vec<(String, Estate)> {
    let mut out = Vec::new();
    for resource in &estate.resources {
        let key = resource["id"].as_str().unwrap_or_default();
        let kind = resource["type"].as_str().unwrap_or_default();
        // An attachment that only the NSG itself lists leaves with it, and nothing tells that it was there.
        // A network's own addresses handed to its gateway end there, past every gate that follows without the route.
        let past_all = resource.to_string().contains("VirtualNetworkGateway\"");
        let referred = kind.ends_with("/networkSecurityGroups") && resource["properties"]["subnets"].is_null()
            || kind.ends_with("/routeTables") && !past_all;
        // Members of a group leave it empty, as far as the input tells; and a public address that names no NIC has none.
        let text = resource.to_string();
        // So does a member of a pool that only the NIC itself names.
        let more = [
            "applicationSecurityGroups",
            "publicIPAddress",
            "loadBalancerBackendAddressPools",
            "loadBalancerInboundNatRules",
        ];
        let tells_more = more.iter().any(|field| text.contains(field));
        let plain_nic = kind.ends_with("/networkInterfaces") && !tells_more;
        if referred || plain_nic {
            out.push((key.to_owned(), without(estate, key)));
        }
    }
    if estate.tags.is_some() {
        out.push((TAGS.to_owned(), without(estate, TAGS)));
    }
    out
}

/// Stands for the service-tag file.
const TAGS: &str = "service tags";

/// The estate without one resource, by its id.
pub(crate) fn without(estate: &Estate, key: &str) -> Estate {
    let mut less = estate.clone();
    if key == TAGS {
        less.tags = None;
    }
    less.resources.retain(|resource| resource["id"] != key);
    less
}

/// The estate without the rule or route that an answer names.
pub(crate) fn without_decider(estate: &Estate, answer: &Answer) -> Estate {
    let mut less = estate.clone();
    let (owner, name) = (answer.resource.as_deref().unwrap_or_default(), answer.rule.as_deref().unwrap_or_default());
    for resource in &mut less.resources {
        if resource["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(owner)) {
            for field in ["securityRules", "routes"] {
                if let Some(list) = resource["properties"][field].as_array_mut() {
                    list.retain(|child| child["name"] != name);
                }
            }
        }
    }
    less
}

/// A few resources, for tests that read them very often.
pub(crate) fn small(estate: &Estate) -> Estate {
    let kinds = ["applicationGateways", "virtualNetworks", "networkSecurityGroups"];
    let mut out = Estate { resources: Vec::new(), tags: None };
    for kind in kinds {
        let found = estate.resources.iter().find(|r| r["type"] == format!("Microsoft.Network/{kind}"));
        out.resources.extend(found.cloned());
    }
    out.resources.push(resource("routeTables", "rt", json!({ "routes": [], "subnets": [{ "id": id("x", "y") }] })));
    out
}

/// Takes keys away and puts other values in.
pub(crate) fn damage_values(files: &mut [(String, String)], dice: &mut Dice) {
    let strange = [
        Value::Null,
        json!(""),
        json!([]),
        json!({}),
        json!(-1),
        json!(70000),
        json!(1e300),
        json!(true),
        json!([[]]),
        json!("*"),
        json!("10.0.0.0/33"),
        json!("::/0"),
        json!("0.0.0.0/0"),
        json!({ "id": "/" }),
        json!({ "id": "" }),
        json!("\u{0}\u{202e}"),
        json!([null, 1, "a"]),
        json!("/subscriptions/x"),
        json!("Microsoft.Network/azureFirewalls"),
    ];
    let mut damage = |map: &mut Map<String, Value>| {
        let keys: Vec<String> = map.keys().cloned().collect();
        for key in keys {
            match dice.below(60) {
                0 => drop(map.remove(&key)),
                1 | 2 => drop(map.insert(key, dice.pick(&strange).clone())),
                _ => {}
            }
        }
    };
    for (_, text) in files {
        let mut value: Value = serde_json::from_str(text).expect("JSON that was just written");
        each_object(&mut value, &mut damage);
        *text = value.to_string();
    }
}

/// Other bytes, missing bytes and repeated bytes in one of the files.
pub(crate) fn damage_bytes(files: &[(String, String)], dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<(String, Vec<u8>)> =
        files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
    let at = dice.below(out.len());
    let bytes = &mut out[at].1;
    for _ in 0..=dice.below(4) {
        let position = dice.below(bytes.len());
        if bytes.is_empty() {
            break;
        }
        match dice.below(5) {
            0 => bytes.truncate(position),
            1 => drop(bytes.remove(position)),
            2 => bytes.insert(position, *dice.pick(b"{}[]\",:0\\\xff\xef")),
            3 => bytes.extend_from_within(position..),
            _ => bytes[position] ^= 1 << dice.below(8),
        }
    }
    out
}
