//! Attachments, virtual networks, peerings, routes.

use crate::*;

#[test]
fn an_nsg_that_is_attached_to_nothing() {
    let lone = [nsg("lone", vec![])];
    let seen = only(&lint_of(&lone), "GP301");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Note, "lone"));
    assert!(seen.at.starts_with('{'), "{seen:?}");
    let own = id("virtualNetworks", "elsewhere/subnets/web");
    let listed = with(nsg("lone", vec![]), json!({ "subnets": [{ "id": own }] }));
    assert_eq!(codes(&lint_of(&[listed])), [""; 0]);
    let by_nic =
        nic("nic-a", "web", "10.1.1.4", json!({ "networkSecurityGroup": link("networkSecurityGroups", "lone") }));
    assert_eq!(codes(&lint_of(&[nsg("lone", vec![]), by_nic])), [""; 0]);
}

#[test]
fn references_to_what_is_not_in_the_input() {
    let attached = json!({ "networkSecurityGroup": link("networkSecurityGroups", "gone"),
        "routeTable": link("routeTables", "gone-rt") });
    let network = vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "web", "10.1.1.0/24", attached)]);
    let by_nic =
        nic("nic-a", "web", "10.1.1.4", json!({ "networkSecurityGroup": link("networkSecurityGroups", "gone") }));
    let found = lint_of(&[network, by_nic]);
    assert_eq!(codes(&found), ["GP118", "GP118"]);
    let nsg = found.iter().find(|seen| seen.resource == "gone");
    assert!(nsg.is_some_and(|seen| seen.at == format!("\"{}\"", id("networkSecurityGroups", "gone"))), "{found:#?}");
    assert!(nsg.is_some_and(|seen| seen.message.contains("subnet web and NIC nic-a refer to it")), "{found:#?}");
    assert!(nsg.is_some_and(|seen| seen.labels.len() == 1 && seen.severity == Severity::Warning), "{found:#?}");
    assert!(nsg.is_some_and(|seen| seen.help.starts_with("az network nsg show --ids ")), "{found:#?}");
    let table = found.iter().find(|seen| seen.resource == "gone-rt");
    assert!(table.is_some_and(|seen| seen.help.starts_with("az network route-table show --ids ")), "{found:#?}");
    assert!(table.is_some_and(|seen| seen.message.contains("subnet web refers to it")), "{found:#?}");
    assert_eq!(codes(&lint_of(&web(vec![]))), [""; 0]);
}

#[test]
fn subnets_that_take_no_nsg() {
    let attached = json!({ "networkSecurityGroup": link("networkSecurityGroups", "hub-nsg") });
    let hub = |name: &str| {
        let own = subnet("hub", name, "10.0.1.0/26", attached.clone());
        [nsg("hub-nsg", vec![]), vnet("hub", "10.0.0.0/16", vec![own])]
    };
    for name in ["AzureFirewallSubnet", "GatewaySubnet", "RouteServerSubnet"] {
        let seen = only(&lint_of(&hub(name)), "GP211");
        assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Error, "hub-nsg"));
        assert_eq!(seen.at, format!("\"{}\"", id("networkSecurityGroups", "hub-nsg")));
    }
    assert_eq!(codes(&lint_of(&hub("AzureBastionSubnet"))), [""; 0]);
    let listing = with(
        nsg("hub-nsg", vec![]),
        json!({ "subnets": [{ "id": id("virtualNetworks", "hub/subnets/GatewaySubnet") }] }),
    );
    let network = vnet("hub", "10.0.0.0/16", vec![subnet("hub", "GatewaySubnet", "10.0.1.0/26", json!({}))]);
    assert_eq!(only(&lint_of(&[listing, network]), "GP211").resource, "hub-nsg");
}

#[test]
fn subnets_lie_in_their_network() {
    let network = |prefix: &str| [vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "web", prefix, json!({}))])];
    let seen = only(&lint_of(&network("10.2.1.0/24")), "GP215");
    assert_eq!((seen.resource.as_str(), seen.at.as_str()), ("web", "\"10.2.1.0/24\""));
    assert_eq!(seen.labels, [("\"10.1.0.0/16\"".to_owned(), "the address space".to_owned())]);
    assert_eq!(only(&lint_of(&network("10.0.0.0/15")), "GP215").at, "\"10.0.0.0/15\"");
    assert_eq!(codes(&lint_of(&network("10.1.255.0/24"))), [""; 0]);
}

#[test]
fn subnets_do_not_overlap() {
    let network = |prefix: &str| {
        let subnets = vec![subnet("vnet-a", "a", "10.1.0.0/24", json!({})), subnet("vnet-a", "b", prefix, json!({}))];
        [vnet("vnet-a", "10.1.0.0/16", subnets)]
    };
    let seen = only(&lint_of(&network("10.1.0.64/26")), "GP219");
    assert_eq!((seen.resource.as_str(), seen.at.as_str()), ("b", "\"10.1.0.64/26\""));
    assert_eq!(seen.labels, [("\"10.1.0.0/24\"".to_owned(), "subnet a".to_owned())]);
    assert_eq!(only(&lint_of(&network("10.1.0.0/23")), "GP219").resource, "a");
    assert_eq!(codes(&lint_of(&network("10.1.1.0/24"))), [""; 0]);
}

fn peering(name: &str, remote: &str, patch: Value) -> Value {
    let own = json!({ "remoteVirtualNetwork": link("virtualNetworks", remote), "peeringState": "Connected",
        "allowVirtualNetworkAccess": true });
    with(json!({ "name": name, "properties": own }), patch)
}

fn peered(a: Value, b: Option<Value>) -> [Value; 2] {
    let with_peerings = |network: Value, list: Vec<Value>| with(network, json!({ "virtualNetworkPeerings": list }));
    [
        with_peerings(vnet("vnet-a", "10.1.0.0/16", vec![]), vec![a]),
        with_peerings(vnet("vnet-b", "10.2.0.0/16", vec![]), b.into_iter().collect()),
    ]
}

#[test]
fn peerings_are_connected_on_both_sides() {
    let good = |name: &str, remote: &str| peering(name, remote, json!({}));
    assert_eq!(codes(&lint_of(&peered(good("a-b", "vnet-b"), Some(good("b-a", "vnet-a"))))), [""; 0]);
    let open = peering("a-b", "vnet-b", json!({ "peeringState": "Disconnected" }));
    let seen = only(&lint_of(&peered(open, Some(good("b-a", "vnet-a")))), "GP812");
    assert_eq!(
        (seen.severity, seen.resource.as_str(), seen.at.as_str()),
        (Severity::Warning, "a-b", "\"Disconnected\"")
    );
    assert_eq!(seen.labels, [("\"Connected\"".to_owned(), "the other side".to_owned())]);
    let seen = only(&lint_of(&peered(good("a-b", "vnet-b"), None)), "GP812");
    assert!(seen.resource == "a-b" && seen.message.contains("no peering back in vnet-b"), "{seen:?}");
    // A remote network that is not in the input is not known to lack its side.
    assert_eq!(codes(&lint_of(&peered(good("a-c", "vnet-c"), None))), [""; 0]);
}

#[test]
fn peerings_without_access() {
    let closed = peering("a-b", "vnet-b", json!({ "allowVirtualNetworkAccess": false }));
    let seen = only(&lint_of(&peered(closed, Some(peering("b-a", "vnet-a", json!({}))))), "GP808");
    assert_eq!((seen.severity, seen.resource.as_str(), seen.at.as_str()), (Severity::Warning, "a-b", "false"));
}

fn table(routes: Vec<Value>) -> Vec<Value> {
    let attached = json!({ "routeTable": link("routeTables", "rt") });
    vec![
        vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "web", "10.1.1.0/24", attached)]),
        resource("routeTables", "rt", json!({ "routes": routes })),
    ]
}

fn lint_route(properties: Value) -> Vec<Seen> {
    lint_of(&table(vec![route("to-fw", properties)]))
}

#[test]
fn routes_that_cannot_be_read() {
    for (patch, at) in [
        (json!({ "addressPrefix": "10.0.0.0/99", "nextHopType": "None" }), "\"10.0.0.0/99\""),
        (json!({ "addressPrefix": "10.0.0.0/8", "nextHopType": "Firewall" }), "\"Firewall\""),
    ] {
        let seen = only(&lint_route(patch), "GP120");
        assert_eq!((seen.severity, seen.rule.as_deref(), seen.at.as_str()), (Severity::Error, Some("to-fw"), at));
    }
    for patch in [json!({ "nextHopType": "None" }), json!({ "addressPrefix": "10.0.0.0/8" })] {
        assert!(only(&lint_route(patch), "GP120").at.starts_with("{\"name\":\"to-fw\""));
    }
    let newer = json!({ "addressPrefix": "10.0.0.0/8", "nextHopType": "VirtualApplianceEcmp" });
    assert_eq!(only(&lint_route(newer), "GP120").severity, Severity::Warning);
    for good in ["10.0.0.0/8", "Storage.WestEurope", "fd00::/8"] {
        assert_eq!(codes(&lint_route(json!({ "addressPrefix": good, "nextHopType": "None" }))), [""; 0], "{good}");
    }
}

#[test]
fn appliances_have_an_address() {
    let appliance = json!({ "addressPrefix": "10.0.0.0/8", "nextHopType": "VirtualAppliance" });
    let hop = |address: Value| {
        let mut out = appliance.clone();
        if let Some(route) = out.as_object_mut() {
            route.insert("nextHopIpAddress".to_owned(), address);
        }
        out
    };
    let seen = only(&lint_route(hop(Value::Null)), "GP229");
    assert_eq!((seen.severity, seen.at.as_str()), (Severity::Error, "\"VirtualAppliance\""));
    assert_eq!(only(&lint_route(hop(json!("firewall"))), "GP827").at, "\"firewall\"");
    assert_eq!(codes(&lint_route(hop(json!("10.0.1.4")))), [""; 0]);
    let internet = json!({ "addressPrefix": "10.0.0.0/8", "nextHopType": "Internet", "nextHopIpAddress": "10.0.1.4" });
    assert_eq!(only(&lint_route(internet), "GP230").at, "\"10.0.1.4\"");
}

#[test]
fn host_bits_of_routes() {
    let seen = only(&lint_route(json!({ "addressPrefix": "10.2.1.4/16", "nextHopType": "None" })), "GP217");
    assert_eq!(
        (seen.severity, seen.at.as_str(), seen.help.as_str()),
        (Severity::Error, "\"10.2.1.4/16\"", "write 10.2.0.0/16")
    );
}

#[test]
fn default_routes_inflate_virtual_network() {
    let hop = |kind: &str| {
        let address = if kind == "VirtualAppliance" { "10.1.9.4" } else { "" };
        json!({ "addressPrefix": "0.0.0.0/0", "nextHopType": kind, "nextHopIpAddress": address })
    };
    let seen = only(&lint_route(hop("VirtualAppliance")), "GP809");
    assert_eq!(
        (seen.resource.as_str(), seen.rule.as_deref(), seen.at.as_str()),
        ("rt", Some("to-fw"), "\"0.0.0.0/0\"")
    );
    assert_eq!(seen.labels, [(format!("\"{}\"", id("routeTables", "rt")), "subnet web".to_owned())]);
    assert_eq!(seen.severity, Severity::Warning);
    for kind in ["Internet", "None"] {
        assert_eq!(codes(&lint_route(hop(kind))), [""; 0], "{kind}");
    }
    // A table that no subnet uses inflates nothing.
    let unused = resource("routeTables", "rt", json!({ "routes": [route("to-fw", hop("VirtualAppliance"))] }));
    assert_eq!(codes(&lint_of(&[unused])), [""; 0]);
}

#[test]
fn limits_of_tables_and_peerings() {
    let routes = |count: u32, tag: bool| -> Vec<Value> {
        let prefix = |i: u32| {
            if tag { format!("Storage.Region{i}") } else { format!("10.{}.{}.0/24", i / 250, i % 250) }
        };
        (0..count)
            .map(|i| route(&format!("r{i}"), json!({ "addressPrefix": prefix(i), "nextHopType": "None" })))
            .collect()
    };
    assert_eq!(codes(&lint_of(&table(routes(400, false)))), [""; 0]);
    assert!(only(&lint_of(&table(routes(401, false))), "GP218").at.starts_with("{\"name\":\"r400\""));
    assert_eq!(codes(&lint_of(&table(routes(25, true)))), [""; 0]);
    assert_eq!(only(&lint_of(&table(routes(26, true))), "GP218").at, "\"Storage.Region25\"");
    let peerings = |count: u32| -> Value {
        (0..count).map(|i| peering(&format!("p{i}"), &format!("remote{i}"), json!({}))).collect()
    };
    let hub = |count| with(vnet("hub", "10.0.0.0/16", vec![]), json!({ "virtualNetworkPeerings": peerings(count) }));
    assert_eq!(codes(&lint_of(&[hub(500)])), [""; 0]);
    assert!(only(&lint_of(&[hub(501)]), "GP218").at.starts_with("{\"name\":\"p500\""));
}
