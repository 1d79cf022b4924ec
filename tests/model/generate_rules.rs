//! Random security rules and routes, aimed at the addresses that the estate uses and at their edges.

use super::address::Prefix;
use super::generate::{Maker, Role, reference};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Name of an application security group. The third one of a network never has members.
pub(crate) fn asg(net: &str, number: usize) -> String {
    format!("asg-{net}-{number}")
}

/// Destination ports that rules name.
pub(crate) const PORTS: [u16; 7] = [443, 80, 8080, 8443, 1433, 53, 65200];

/// A prefix near addresses in use, now and then with host bits or as a bare address.
pub(crate) fn near(maker: &mut Maker<'_>) -> String {
    let six = maker.six && maker.dice.chance(20);
    let gateway = maker.dice.chance(30);
    let nets = &maker.nets;
    let all: Vec<Prefix> = nets
        .iter()
        .flat_map(|net| &net.subnets)
        .filter(|(_, _, role)| !gateway || *role == Role::Gateway)
        .flat_map(|(_, prefixes, _)| prefixes)
        .map(|text| Prefix::known(text))
        .filter(|prefix| prefix.six == six)
        .collect();
    let fallback = vec![Prefix::known(if six { "2001:db8:1::/124" } else { "10.1.0.0/28" })];
    let all = if all.is_empty() { fallback } else { all };
    let subnet = *maker.dice.pick(&all);
    let host = subnet.first().step(*maker.dice.pick(&[4, 5, 9, 7, 3, 12]));
    let part = |extra: u32, address: super::address::Addr| format!("{address}/{}", subnet.len + extra);
    match maker.dice.below(9) {
        0 | 1 => subnet.to_string(),
        2 => part(1, subnet.first()),
        3 => Prefix::known(&part(2, host)).to_string(),
        4 => host.to_string(),
        5 => Prefix::known(&format!("{host}/{}", if six { 126 } else { 30 })).to_string(),
        6 => (*maker.dice.pick(&["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/15", "192.168.0.0/16"])).to_owned(),
        7 => {
            (*maker.dice.pick(&["20.60.26.0/23", "52.0.0.0/8", "203.0.113.0/24", "20.30.40.0/26", "0.0.0.0/0", "::/0"]))
                .to_owned()
        }
        _ => part(1, host),
    }
}

/// Elements of an address side: any, a tag, groups, or a list of prefixes.
fn side(maker: &mut Maker<'_>, net: &str, name: &str, out: &mut Value) {
    let prefixes = format!("{name}AddressPrefixes");
    let known = [
        "VirtualNetwork",
        "VirtualNetwork",
        "Internet",
        "AzureLoadBalancer",
        "Storage",
        "Sql",
        "Storage.WestEurope",
        "AzureCloud",
    ];
    match maker.dice.below(100) {
        0..34 => out[prefixes] = json!(["*"]),
        34..54 => out[prefixes] = json!([maker.dice.pick(&known)]),
        54..57 => {
            let unknown = ["AzureMonitor", "AzurePlatformDNS", "Sql.NorthEurope", "Sql.NorthEurope"];
            out[prefixes] = json!([maker.dice.pick(&unknown)]);
        }
        57..67 => {
            let net = if maker.dice.chance(50) { *maker.dice.pick(&["one", "hub", "two"]) } else { net };
            let groups: BTreeSet<usize> =
                (0..=maker.dice.below(2)).map(|_| *maker.dice.pick(&[0, 1, 0, 1, 2])).collect();
            let groups: Vec<Value> =
                groups.into_iter().map(|k| reference("applicationSecurityGroups", &asg(net, k))).collect();
            out[format!("{name}ApplicationSecurityGroups")] = json!(groups);
        }
        67..69 => out[prefixes] = json!([maker.dice.pick(&["10.1.0.0/33", "<address>", "Any"])]),
        _ => {
            let all: BTreeSet<String> = (0..=maker.dice.below(3)).map(|_| near(maker)).collect();
            out[prefixes] = json!(all);
        }
    }
}

fn ports(maker: &mut Maker<'_>, name: &str, star: usize, out: &mut Value) {
    let key = format!("{name}PortRanges");
    if !maker.dice.chance(100 - star) {
        out[key] = json!([maker.dice.pick(&["*", "*", "0-65535"])]);
        return;
    }
    let mut all = BTreeSet::new();
    for _ in 0..=maker.dice.below(3) {
        let port = *maker.dice.pick(&PORTS);
        all.insert(match maker.dice.below(10) {
            0..6 => port.to_string(),
            6..9 => format!("{}-{}", port.saturating_sub(1), port.saturating_add(20)),
            _ => (*maker.dice.pick(&["0-1023", "49152-50000", "443-80"])).to_owned(),
        });
    }
    out[key] = json!(all);
}

/// Rules of one NSG: priorities are unique for each direction, as Azure demands.
pub(crate) fn rules(maker: &mut Maker<'_>, net: &str, most: usize) -> Vec<Value> {
    let (mut out, mut used) = (Vec::new(), BTreeSet::new());
    for number in 0..most {
        let inbound = maker.dice.chance(60);
        let priority = 100 + 10 * maker.dice.below(60);
        if !used.insert((inbound, priority)) {
            continue;
        }
        let protocol = *maker.dice.pick(&["*", "*", "*", "Tcp", "Tcp", "Tcp", "Tcp", "Udp", "Icmp"]);
        let mut rule = json!({
            "protocol": protocol, "access": if maker.dice.chance(50) { "Allow" } else { "Deny" },
            "direction": if inbound { "Inbound" } else { "Outbound" }, "priority": priority,
        });
        side(maker, net, "source", &mut rule);
        side(maker, net, "destination", &mut rule);
        let free = if protocol == "Icmp" { 90 } else { 50 };
        ports(maker, "destination", free, &mut rule);
        rule["sourcePortRanges"] = match maker.dice.below(20) {
            0 => json!(["50000-50010", "443"]),
            1 => json!(["1024-60000"]),
            _ => json!(["*"]),
        };
        out.push(json!({ "name": format!("rule-{number}-{priority}"), "properties": rule }));
    }
    out
}

/// Adds the route to the other spoke through the appliance.
pub(crate) fn add_detour(routes: &mut Vec<Value>, net: &str, hop: &str) {
    let prefix = match net {
        "one" => "10.2.0.0/16",
        "two" => "10.1.0.0/16",
        _ => return,
    };
    if !routes.iter().any(|route| route["properties"]["addressPrefix"] == prefix) {
        routes.push(json!({ "name": "detour", "properties": {
            "addressPrefix": prefix, "nextHopType": "VirtualAppliance", "nextHopIpAddress": hop,
        } }));
    }
}

/// Next hops of user-defined routes: the firewall, appliances, and addresses where nothing stands.
const HOPS: [&str; 11] = [
    "10.0.1.4",
    "10.0.1.4",
    "10.0.1.4",
    "10.0.3.4",
    "10.0.3.4",
    "10.0.3.4",
    "10.0.3.5",
    "10.1.2.4",
    "10.0.3.77",
    "10.9.0.4",
    "203.0.113.7",
];

/// Routes of one table, each prefix once.
pub(crate) fn routes(maker: &mut Maker<'_>) -> Vec<Value> {
    let (mut out, mut used) = (Vec::new(), BTreeSet::new());
    let fixed = [
        "0.0.0.0/0",
        "10.2.0.0/16",
        "10.1.0.0/16",
        "10.1.0.0/28",
        "10.2.1.0/24",
        "10.1.1.0/24",
        "10.0.0.0/8",
        "20.60.0.0/16",
        "20.60.0.0/20",
        "::/0",
        "10.1.2.20/32",
        "10.2.1.20/32",
        "10.1.2.0/26",
    ];
    for number in 0..=maker.dice.below(3) {
        let prefix = match maker.dice.below(10) {
            0..6 => (*maker.dice.pick(&fixed)).to_owned(),
            6 => (*maker.dice.pick(&[
                "Storage",
                "Storage",
                "AzureCloud",
                "AzureCloud",
                "Sql.NorthEurope",
                "Storage.WestEurope",
            ]))
            .to_owned(),
            _ => near(maker),
        };
        let canonical = Prefix::parse(&prefix).map_or_else(|| prefix.clone(), |prefix| prefix.to_string());
        if !used.insert(canonical) {
            continue;
        }
        let kinds = [
            "VirtualAppliance",
            "VirtualAppliance",
            "VirtualAppliance",
            "Internet",
            "None",
            "VnetLocal",
            "VirtualNetworkGateway",
        ];
        let kind = *maker.dice.pick(&kinds);
        let mut route = json!({ "addressPrefix": prefix, "nextHopType": kind });
        if kind == "VirtualAppliance" && !maker.dice.chance(3) {
            route["nextHopIpAddress"] = json!(maker.dice.pick(&HOPS));
        }
        out.push(json!({ "name": format!("udr-{number}"), "properties": route }));
    }
    out
}
