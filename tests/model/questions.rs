//! Questions about an estate, aimed at the edges of its rules and routes.

use super::address::{Addr, Prefix};
use super::dice::Dice;
use super::generate::{Estate, id};
use super::rules::range;
use super::worlds::{Question, Start};
use serde_json::Value;
use std::collections::BTreeSet;

/// Addresses and ports that an estate names.
#[derive(Debug)]
pub(crate) struct Aims {
    hosts: Vec<Addr>,
    edges: Vec<Addr>,
    ports: Vec<u16>,
    source_ports: Vec<u16>,
    gateways: Vec<String>,
    /// Frontends of load balancers, with the ports of the rules.
    frontends: Vec<(Addr, u16)>,
}

const OUTSIDE: [&str; 17] = [
    "20.30.40.70",
    "203.0.113.9",
    "20.60.26.7",
    "20.60.127.255",
    "20.60.1.1",
    "13.69.104.5",
    "52.1.2.3",
    "192.168.5.5",
    "172.31.9.1",
    "10.99.0.5",
    "168.63.129.16",
    "169.254.169.254",
    "20.30.40.60",
    "20.30.40.50",
    "10.9.1.4",
    "8.8.8.8",
    "20.35.252.9",
];
const OUTSIDE_6: [&str; 5] = ["2603:1020::9", "2001:db8:9::1", "fd00:9::1", "fe80::1234:5678:9abc", "2001:db8:1:1::4"];

/// Collects what the estate names.
pub(crate) fn aims(estate: &Estate) -> Aims {
    let mut aims = Aims {
        hosts: Vec::new(),
        edges: Vec::new(),
        ports: Vec::new(),
        source_ports: Vec::new(),
        gateways: Vec::new(),
        frontends: super::generate_balancer::frontends(estate),
    };
    for resource in &estate.resources {
        collect("", resource, &mut aims);
        if resource["type"] == "Microsoft.Network/applicationGateways" {
            aims.gateways.push(id("applicationGateways", resource["name"].as_str().unwrap_or_default()).to_lowercase());
        }
    }
    for list in [&mut aims.ports, &mut aims.source_ports] {
        list.extend([443, 50005]);
        list.sort_unstable();
        list.dedup();
    }
    for list in [&mut aims.hosts, &mut aims.edges] {
        list.sort_unstable();
        list.dedup();
    }
    aims
}

fn collect(key: &str, value: &Value, aims: &mut Aims) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(key, item, aims)),
        Value::Object(map) => map.iter().for_each(|(key, item)| collect(key, item, aims)),
        Value::String(text) if key.ends_with("PortRanges") || key == "destinationPorts" => {
            let list = if key.starts_with("source") { &mut aims.source_ports } else { &mut aims.ports };
            if let Some((low, high)) = range(text) {
                list.extend([low.saturating_sub(1), low, high, high.saturating_add(1)]);
            }
        }
        Value::String(text) if key == "privateIPAddress" || key == "ipAddress" => aims.hosts.extend(Addr::parse(text)),
        Value::String(text) => {
            if let Some(prefix) = Prefix::parse(text).filter(|prefix| prefix.len > 0) {
                let (first, last) = (prefix.first(), prefix.last());
                aims.edges.extend([first.step(-1), first, first.step(5), last, last.step(1)]);
            }
        }
        _ => {}
    }
}

fn address(aims: &Aims, dice: &mut Dice, six: bool) -> Addr {
    let of = |list: &[Addr]| list.iter().copied().filter(|address| address.six == six).collect::<Vec<_>>();
    let outside: Vec<Addr> = OUTSIDE.iter().chain(&OUTSIDE_6).filter_map(|text| Addr::parse(text)).collect();
    let lists = [of(&aims.hosts), of(&aims.hosts), of(&aims.hosts), of(&aims.edges), of(&outside)];
    let list = dice.pick(&lists);
    let fallback = of(&outside);
    let address = *dice.pick(if list.is_empty() { &fallback } else { list });
    if dice.chance(15) { address.step(*dice.pick(&[-1, 1, 2])) } else { address }
}

/// From outside to a public frontend of a gateway.
fn to_frontend(aims: &Aims, dice: &mut Dice) -> Question {
    let mut known = |list: &[&str]| Addr::parse(dice.pick::<&str>(list)).expect("a literal address");
    let source = known(&["203.0.113.9", "20.60.26.7", "192.168.5.5"]);
    let destination = known(&["20.30.40.50", "20.30.40.50", "20.30.40.51", "20.30.40.70"]);
    Question {
        start: Start::Sources(vec![source]),
        destination,
        protocol: "tcp".to_owned(),
        source_port: if dice.chance(50) { Some(*dice.pick(&aims.source_ports)) } else { None },
        destination_port: *dice.pick(&[443, 80, 8080]),
    }
}

/// A question about a gateway, one address or several.
pub(crate) fn question(aims: &Aims, dice: &mut Dice) -> Question {
    let six = aims.hosts.iter().any(|address| address.six) && dice.chance(25);
    if dice.chance(5) {
        return to_frontend(aims, dice);
    }
    let destination = address(aims, dice, six);
    let gateway = aims.gateways.get(dice.below(aims.gateways.len())).cloned();
    let start = match (dice.below(10), gateway) {
        (0..5, Some(gateway)) => Start::Gateway(gateway),
        (5..8, _) | (_, None) => Start::Sources(vec![address(aims, dice, six)]),
        _ => {
            let mut all = BTreeSet::new();
            for _ in 0..=dice.below(3) {
                let first = address(aims, dice, six);
                let count = i32::try_from(1 + dice.below(6)).unwrap_or(1);
                all.extend((0..count).map(|step| first.step(step)));
            }
            Start::Sources(all.into_iter().collect())
        }
    };
    let protocol = *dice.pick(&["tcp", "tcp", "tcp", "tcp", "tcp", "udp", "icmp"]);
    let ported = protocol != "icmp";
    let source_port = if dice.chance(30) { Some(*dice.pick(&aims.source_ports)) } else { None };
    let mut question = Question {
        start,
        destination,
        protocol: protocol.to_owned(),
        source_port: source_port.filter(|_| ported),
        destination_port: if ported { *dice.pick(&aims.ports) } else { 0 },
    };
    if ported && !six && !aims.frontends.is_empty() && dice.chance(12) {
        (question.destination, question.destination_port) = *dice.pick(&aims.frontends);
    }
    question
}
