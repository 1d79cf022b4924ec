//! What Azure would print as in force for the NICs of a configuration.

use gatepath::compile::routing::{NextHop, RouteSource};
use gatepath::compile::{Assumptions, Lookup, Network, SubnetNode};
use gatepath::ingest::{Input, load};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Lists of a configuration, and what stands in them (ids in lower case).
#[derive(Default)]
pub struct Lists {
    pub documents: Vec<Value>,
    pub nsgs: BTreeSet<String>,
    pub tables: BTreeSet<String>,
}

/// The case's resources, with a NIC in every subnet that has none, and the lists of all NICs.
pub fn lists(case: &Value) -> (Vec<Value>, Lists) {
    let mut resources = case["resources"].as_array().unwrap().clone();
    let mut out = Lists::default();
    let bytes = Value::from(resources.clone()).to_string().into_bytes();
    let tags = case["serviceTags"].to_string().into_bytes();
    let mut inputs = vec![Input { name: "all.json".to_owned(), bytes, named: true }];
    if case["serviceTags"].is_object() {
        inputs.push(Input { name: "tags.json".to_owned(), bytes: tags, named: true });
    }
    let loaded = load(inputs);
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    groups(&resources, &mut out);
    for (index, node) in network.subnets.iter().enumerate() {
        // A list would say what the configuration leaves open.
        let known = node.open_prefixes.is_empty() && !matches!(node.table, Lookup::Missing(_));
        let services = node.routes.open_services.is_empty() && node.routes.unreadable.is_empty();
        let Some(nic) = witness(node, index).filter(|_| known && services) else { continue };
        let uri = format!("{}/effectiveRouteTable?api-version=2024-05-01", nic["id"].as_str().unwrap());
        out.documents.push(json!({"operation": "effectiveRouteTable", "operation_uri": uri, "query": null,
            "answer": {"value": routes(node)}}));
        if let Lookup::Found(table) = node.table {
            out.tables.insert(table.id.key().to_owned());
        }
        resources.push(nic);
    }
    // A table that another subnet uses, too, of which there is no list, is not known from lists alone.
    for node in &network.subnets {
        let Lookup::Found(table) = node.table else { continue };
        let odd = table.routes.iter().any(|route| route.has_bgp_override) || table.disable_peering_route;
        if odd || !node.open_prefixes.is_empty() {
            out.tables.remove(table.id.key());
        }
    }
    (resources, out)
}

/// A NIC at the last usable address of a subnet.
fn witness(node: &SubnetNode<'_>, index: usize) -> Option<Value> {
    let prefix = node.prefixes.iter().find(|net| net.addr().is_ipv4())?;
    let IpAddr::V4(last) = prefix.broadcast() else { return None };
    let address = std::net::Ipv4Addr::from(u32::from(last) - 1).to_string();
    let id = format!(
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/nic-witness-{index}"
    );
    let subnet = json!({"id": node.subnet.id.as_str()});
    Some(json!({"id": id, "name": format!("nic-witness-{index}"), "type": "Microsoft.Network/networkInterfaces",
        "properties": {"ipConfigurations": [{"id": format!("{id}/ipConfigurations/c"), "name": "c",
            "properties": {"privateIPAddress": address, "subnet": subnet}}]}}))
}

fn routes(node: &SubnetNode<'_>) -> Vec<Value> {
    let table = &node.routes;
    let user: BTreeSet<_> =
        table.routes.iter().filter(|r| r.source == RouteSource::User).filter_map(|r| r.prefix).collect();
    let mut out = Vec::new();
    for (index, route) in table.routes.iter().enumerate() {
        let (hop, address) = match route.next_hop {
            NextHop::VnetLocal => ("VnetLocal", None),
            NextHop::Peering(_) => ("VNetPeering", None),
            NextHop::Internet => ("Internet", None),
            NextHop::Appliance(address) => ("VirtualAppliance", address),
            NextHop::Gateway => ("VirtualNetworkGateway", None),
            NextHop::ServiceEndpoint => ("VirtualNetworkServiceEndpoint", None),
            NextHop::PrivateEndpoint(..) => ("InterfaceEndpoint", None),
            NextHop::None | NextHop::Unreadable => ("None", None),
        };
        let (source, name) = match (route.source, &route.user) {
            (RouteSource::User, Some(user)) => ("User", Some(user.name)),
            (RouteSource::User, None) => ("User", None),
            (RouteSource::System, _) => ("Default", None),
            (RouteSource::Gateway, _) => ("VirtualNetworkGateway", None),
        };
        let invalid = source != "User" && route.prefix.is_some_and(|prefix| user.contains(&prefix));
        let tag = table.tag_routes.iter().find(|tag| tag.route == index).map(|tag| tag.tag.to_owned());
        let what = route.prefix.map(|prefix| prefix.to_string()).or(tag);
        let flag = matches!(node.table, Lookup::Found(table) if table.disable_bgp_route_propagation);
        out.push(json!({"name": name, "source": source, "state": if invalid { "Invalid" } else { "Active" },
            "addressPrefix": what.into_iter().collect::<Vec<_>>(), "nextHopType": hop,
            "nextHopIpAddress": address.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "disableBgpRoutePropagation": flag}));
    }
    out
}

/// One element for each subnet and NIC of each NSG whose rules lists can print.
fn groups(resources: &[Value], out: &mut Lists) {
    for nsg in resources.iter().filter(|r| kind(r) == "microsoft.network/networksecuritygroups") {
        let id = nsg["id"].as_str().unwrap();
        let rules = nsg["properties"]["securityRules"].as_array().cloned().unwrap_or_default();
        let Some(rules) = rules.iter().map(rule).collect::<Option<Vec<Value>>>() else { continue };
        let mut places = Vec::new();
        for resource in resources {
            let fields = &resource["properties"];
            let same =
                |of: &Value| of["networkSecurityGroup"]["id"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(id));
            if kind(resource) == "microsoft.network/networkinterfaces" && same(fields) {
                places.push(("networkInterface", resource["id"].clone()));
            }
            for subnet in fields["subnets"].as_array().into_iter().flatten() {
                if kind(resource) == "microsoft.network/virtualnetworks" && same(&subnet["properties"]) {
                    places.push(("subnet", subnet["id"].clone()));
                }
            }
        }
        for (key, place) in places.into_iter().filter(|(_, place)| place.is_string()) {
            out.documents.push(json!({"networkSecurityGroup": {"id": id}, "association": {key: {"id": place}},
                "effectiveSecurityRules": rules}));
            out.nsgs.insert(id.to_lowercase());
        }
    }
}

fn kind(resource: &Value) -> String {
    resource["type"].as_str().unwrap_or_default().to_lowercase()
}

/// A rule in the effective form; `None` where lists print it in several ways.
fn rule(configured: &Value) -> Option<Value> {
    let fields = configured["properties"].as_object()?;
    let mut out = Map::new();
    let listed = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty());
    for (key, value) in fields {
        let text = value.as_str().unwrap_or_default();
        let kept = match key.as_str() {
            "sourceApplicationSecurityGroups" | "destinationApplicationSecurityGroups" if listed(value) => return None,
            "sourceAddressPrefix" | "destinationAddressPrefix" if text == "*" => json!("0.0.0.0/0"),
            "sourcePortRange" | "destinationPortRange" if text == "*" => json!("0-65535"),
            "sourcePortRange" | "destinationPortRange" if text.parse::<u16>().is_ok() => {
                json!(format!("{text}-{text}"))
            }
            "protocol" if text == "*" => json!("All"),
            // What lists do not tell apart from `*`.
            _ if value.to_string().contains("0.0.0.0/0") => return None,
            _ => value.clone(),
        };
        out.insert(key.clone(), kept);
    }
    out.insert("name".to_owned(), json!(format!("securityRules/{}", configured["name"].as_str()?)));
    Some(Value::Object(out))
}
