//! Random internal load balancers: rules, HA ports, floating IP, probes, NAT rules, servers named in every way.

use super::address::Addr;
use super::generate::{Estate, Maker, id, resource};
use super::generate_rules::PORTS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KIND: &str = "loadBalancers";

/// Adds load balancers to some estates.
pub(crate) fn balancers(maker: &mut Maker<'_>) {
    let places = [("one", "web", "10.1.1.200", "10.1.2.50"), ("two", "be", "10.2.1.200", "10.2.1.201")];
    for (net, subnet, first, second) in places {
        if maker.dice.chance(35) {
            let other = if net == "one" { "data" } else { subnet };
            balancer(maker, net, &[(subnet, first), (other, second)]);
        }
    }
}

/// Private frontends of an estate, with the ports of the rules.
pub(crate) fn frontends(estate: &Estate) -> Vec<(Addr, u16)> {
    let mut out = Vec::new();
    for balancer in estate.resources.iter().filter(|r| r["type"] == format!("Microsoft.Network/{KIND}")) {
        let properties = &balancer["properties"];
        let list = |key: &str| properties[key].as_array().cloned().unwrap_or_default();
        for frontend in list("frontendIPConfigurations") {
            let address = frontend["properties"]["privateIPAddress"].as_str().and_then(Addr::parse);
            for rule in list("loadBalancingRules").iter().chain(&list("inboundNatRules")) {
                let port = rule["properties"]["frontendPort"].as_u64().and_then(|port| u16::try_from(port).ok());
                out.extend(address.zip(port.map(|port| if port == 0 { 443 } else { port })));
            }
        }
    }
    out
}

fn child(balancer: &str, list: &str, name: &str) -> String {
    format!("{}/{list}/{name}", id(KIND, balancer))
}

fn balancer(maker: &mut Maker<'_>, net: &str, places: &[(&str, &str)]) {
    let name = format!("lb-{net}");
    let count = 1 + usize::from(maker.dice.chance(30));
    let frontends: Vec<Value> = places
        .iter()
        .take(count)
        .enumerate()
        .map(|(at, (subnet, address))| {
            let place = json!({ "id": format!("{}/subnets/{subnet}", id("virtualNetworks", net)) });
            let own = child(&name, "frontendIPConfigurations", &format!("fe{at}"));
            json!({ "id": own, "name": format!("fe{at}"), "properties": { "privateIPAddress": address, "subnet": place } })
        })
        .collect();
    let pools: Vec<Value> = (0..2).map(|at| pool(maker, net, &name, &format!("pool{at}"))).collect();
    let port = maker.dice.pick(&PORTS);
    let probe = json!({ "id": child(&name, "probes", "alive"), "name": "alive", "properties": { "protocol": "Tcp", "port": port } });
    let (mut rules, mut nats) = (Vec::new(), Vec::new());
    for at in 0..count {
        of_frontend(maker, net, &name, at, &mut rules, &mut nats);
    }
    let properties = json!({
        "frontendIPConfigurations": frontends, "backendAddressPools": pools, "loadBalancingRules": rules,
        "probes": [probe], "inboundNatRules": nats,
    });
    let mut made = resource(KIND, &name, properties);
    made["sku"] = json!({ "name": "Standard" });
    // Now and then only its servers tell of it.
    if !maker.dice.chance(6) {
        maker.out.push(made);
    }
}

/// Rules of one frontend: each protocol and port once, and nothing beside HA ports, as Azure demands.
fn of_frontend(maker: &mut Maker<'_>, net: &str, name: &str, at: usize, rules: &mut Vec<Value>, nats: &mut Vec<Value>) {
    let frontend = json!({ "id": child(name, "frontendIPConfigurations", &format!("fe{at}")) });
    let everything = maker.dice.chance(25);
    let mut used = BTreeSet::new();
    for number in 0..=maker.dice.below(3) {
        let port = if everything { 0 } else { *maker.dice.pick(&PORTS) };
        let protocol = if everything { "All" } else { *maker.dice.pick(&["Tcp", "Tcp", "Tcp", "Udp"]) };
        if !used.insert((protocol, port)) {
            continue;
        }
        let floating = maker.dice.chance(20);
        let other = if everything || floating || maker.dice.chance(50) { port } else { *maker.dice.pick(&PORTS) };
        let mut properties = json!({ "frontendIPConfiguration": frontend, "protocol": protocol, "frontendPort": port, "backendPort": other });
        if number == 2 {
            if let Some((_, configuration)) = servers(maker, net).into_iter().next() {
                properties["backendIPConfiguration"] = json!({ "id": configuration });
            }
            nats.push(json!({ "id": child(name, "inboundNatRules", &format!("nat{at}")), "name": format!("nat{at}"), "properties": properties }));
            continue;
        }
        let pool =
            json!({ "id": child(name, "backendAddressPools", maker.dice.pick::<&str>(&["pool0", "pool0", "pool1"])) });
        if maker.dice.chance(50) {
            properties["backendAddressPool"] = pool;
        } else {
            properties["backendAddressPools"] = json!([pool]);
        }
        properties["enableFloatingIP"] = json!(floating);
        if maker.dice.chance(60) {
            properties["probe"] = json!({ "id": child(name, "probes", "alive") });
        }
        let own = format!("rule{at}{number}");
        rules.push(json!({ "id": child(name, "loadBalancingRules", &own), "name": own, "properties": properties }));
    }
}

/// Addresses and ids of the first IP configurations of a network's NICs, in random order.
fn servers(maker: &mut Maker<'_>, net: &str) -> Vec<(String, String)> {
    let start = format!("nic-{net}-");
    let nics = maker.out.iter().filter(|r| r["name"].as_str().is_some_and(|name| name.starts_with(&start)));
    let mut all: Vec<(String, String)> = nics
        .filter_map(|nic| {
            let first = &nic["properties"]["ipConfigurations"][0];
            Some((first["properties"]["privateIPAddress"].as_str()?.to_owned(), first["id"].as_str()?.to_owned()))
        })
        .collect();
    maker.dice.shuffle(&mut all);
    all
}

/// A pool of up to three servers, named by the pool, by the NICs, by both, or by address.
fn pool(maker: &mut Maker<'_>, net: &str, balancer: &str, name: &str) -> Value {
    let own = child(balancer, "backendAddressPools", name);
    let count = maker.dice.below(4);
    let chosen: Vec<(String, String)> = servers(maker, net).into_iter().take(count).collect();
    let (mut listed, mut addresses) = (Vec::new(), Vec::new());
    let way = maker.dice.below(10);
    for (address, configuration) in &chosen {
        match way {
            0..3 => {
                let mut member = json!({ "ipAddress": address });
                if maker.dice.chance(50) {
                    member["virtualNetwork"] = json!({ "id": id("virtualNetworks", net) });
                }
                addresses.push(json!({ "name": address, "properties": member }));
            }
            3 => {
                let member = json!({ "networkInterfaceIPConfiguration": { "id": configuration } });
                addresses.push(json!({ "name": address, "properties": member }));
            }
            4..8 => listed.push(json!({ "id": configuration })),
            _ => {}
        }
        if way > 5 {
            let nic = configuration.rsplit_once("/ipConfigurations/").map_or("", |(nic, _)| nic);
            let found = maker.out.iter_mut().find(|r| r["id"] == nic);
            let properties =
                &mut found.expect("a NIC of the estate")["properties"]["ipConfigurations"][0]["properties"];
            let entry = json!({ "id": own });
            match &mut properties["loadBalancerBackendAddressPools"] {
                Value::Array(pools) => pools.push(entry),
                none => *none = json!([entry]),
            }
        }
    }
    if maker.dice.chance(5) {
        let nic = id("networkInterfaces", "nic-not-exported");
        listed.push(json!({ "id": format!("{nic}/ipConfigurations/c0") }));
    }
    json!({ "id": own, "name": name, "properties": { "backendIPConfigurations": listed, "loadBalancerBackendAddresses": addresses } })
}
