//! The management path.

use crate::gateways::learned;
use crate::*;
use gatepath::solve::Verdict;
use gatepath::solve::anomaly::{Management, management};

/// The answer for gateway `agw-a`, and the text at its place.
fn ask(resources: &[Value]) -> (Management, String) {
    let loaded = read(resources);
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let answer = management(&network, gateway_of(&loaded, "agw-a"));
    let at =
        answer.span.and_then(|span| Some(loaded.sources.get(span.file)?.slice(span).to_owned())).unwrap_or_default();
    assert!(!answer.reason.is_empty());
    (answer, at)
}

#[track_caller]
fn check(resources: &[Value], verdict: Verdict, resource: Option<&str>, rule: Option<&str>, at: &str) {
    let (answer, place) = ask(resources);
    let named = (answer.verdict, answer.resource.as_deref(), answer.rule.as_deref());
    assert_eq!((named, place.as_str()), ((verdict, resource, rule), at), "{}", answer.reason);
}

#[test]
fn without_an_nsg_everything_is_allowed() {
    let estate = [gateway("agw-a", json!({})), gateway_network(json!({}))];
    check(&estate, Verdict::Allow, None, None, "");
    assert_eq!(ask(&estate).0.ports, (65200, 65535));
    let v1 = [gateway("agw-a", json!({ "sku": { "tier": "WAF" } })), gateway_network(json!({}))];
    assert_eq!(ask(&v1).0.ports, (65503, 65534));
}

#[test]
fn the_rule_that_decides_is_named() {
    check(&behind(vec![manager(json!({}))]), Verdict::Allow, Some("agw-nsg"), Some("allow-manager"), "\"Allow\"");
    check(&behind(vec![]), Verdict::Deny, Some("agw-nsg"), Some("DenyAllInBound"), "");
    let some = rule(
        "deny-some",
        json!({ "priority": 90, "access": "Deny", "sourceAddressPrefix": "*", "destinationPortRange": "65535" }),
    );
    check(&behind(vec![manager(json!({})), some]), Verdict::Deny, Some("agw-nsg"), Some("deny-some"), "\"Deny\"");
    let udp =
        rule("deny-udp", json!({ "priority": 90, "access": "Deny", "protocol": "Udp", "sourceAddressPrefix": "*" }));
    check(&behind(vec![manager(json!({})), udp]), Verdict::Allow, Some("agw-nsg"), Some("allow-manager"), "\"Allow\"");
    let client = manager(json!({ "sourcePortRange": "65200-65535" }));
    check(&behind(vec![client]), Verdict::Deny, Some("agw-nsg"), Some("DenyAllInBound"), "");
}

#[test]
fn ports_are_exact() {
    let part = |name: &str, priority: u32, ports: &str| {
        let mut own = manager(json!({ "priority": priority, "destinationPortRange": ports }));
        if let Some(object) = own.as_object_mut() {
            object.insert("name".to_owned(), json!(name));
        }
        own
    };
    let whole = vec![part("low", 200, "65200-65300"), part("high", 110, "65301-65535")];
    check(&behind(whole), Verdict::Allow, Some("agw-nsg"), Some("low"), "\"Allow\"");
    let gap = vec![part("low", 200, "65200-65300"), part("high", 110, "65302-65535")];
    let (answer, _) = ask(&behind(gap));
    assert_eq!(answer.verdict, Verdict::Deny);
    assert!(answer.reason.contains("denies GatewayManager 65301 of TCP 65200-65535"), "{}", answer.reason);
}

#[test]
fn what_is_missing_is_unknown() {
    let nsg = [
        gateway("agw-a", json!({})),
        gateway_network(json!({ "networkSecurityGroup": link("networkSecurityGroups", "gone") })),
    ];
    check(&nsg, Verdict::Unknown, Some("gone"), None, &format!("\"{}\"", id("networkSecurityGroups", "gone")));
    let table = [gateway("agw-a", json!({})), gateway_network(json!({ "routeTable": link("routeTables", "gone") }))];
    check(&table, Verdict::Unknown, Some("gone"), None, &format!("\"{}\"", id("routeTables", "gone")));
    let subnet = format!("\"{}\"", id("virtualNetworks", "vnet-a/subnets/agw"));
    check(&[gateway("agw-a", json!({}))], Verdict::Unknown, Some("agw"), None, &subnet);
    check(&[gateway("agw-a", json!({ "gatewayIPConfigurations": [] }))], Verdict::Unknown, None, None, "");
    let unreadable = manager(json!({ "destinationPortRange": "65200:65535" }));
    check(&behind(vec![unreadable]), Verdict::Unknown, Some("agw-nsg"), Some("allow-manager"), "\"Allow\"");
    let odd = routed(vec![route("odd", json!({ "addressPrefix": "all", "nextHopType": "None" }))]);
    check(&odd, Verdict::Allow, None, None, "");
    let odd = routed(vec![route("odd", json!({ "addressPrefix": "0.0.0.0/O", "nextHopType": "None" }))]);
    check(&odd, Verdict::Unknown, Some("agw-rt"), Some("odd"), "\"None\"");
}

#[test]
fn default_routes_decide_too() {
    let hop = |kind: &str| vec![route("default", json!({ "addressPrefix": "0.0.0.0/0", "nextHopType": kind }))];
    check(
        &routed(hop("VirtualNetworkGateway")),
        Verdict::Deny,
        Some("agw-rt"),
        Some("default"),
        "\"VirtualNetworkGateway\"",
    );
    check(&routed(hop("Internet")), Verdict::Allow, None, None, "");
    check(&routed(hop("Ecmp")), Verdict::Unknown, Some("agw-rt"), Some("default"), "\"Ecmp\"");
    let bare = vec![gateway("agw-a", json!({})), gateway_network(json!({}))];
    let (answer, _) = ask(&learned("0.0.0.0/0", bare));
    assert_eq!((answer.verdict, answer.resource), (Verdict::Deny, None));
    assert!(answer.reason.contains("learns 0.0.0.0/0"), "{}", answer.reason);
    check(&learned("0.0.0.0/0", routed(hop("Internet"))), Verdict::Allow, None, None, "");
}

#[test]
fn isolation_needs_no_management() {
    let mut estate = behind(vec![]);
    if let Some(gateway) = estate.first_mut().and_then(Value::as_object_mut) {
        gateway.insert("tags".to_owned(), json!({ "EnhancedNetworkControl": "True" }));
    }
    check(&estate, Verdict::Allow, None, None, "");
}

#[test]
fn an_inflated_tag_may_hold_the_manager() {
    let attached = json!({ "routeTable": link("routeTables", "agw-rt"),
        "networkSecurityGroup": link("networkSecurityGroups", "agw-nsg") });
    let hop =
        json!({ "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.1.9.4" });
    let estate = |rules: Vec<Value>| {
        let mut all = routed(vec![route("default", hop.clone())]);
        all.push(nsg("agw-nsg", rules));
        if let Some(network) = all.get_mut(1) {
            *network = gateway_network(attached.clone());
        }
        all
    };
    // AllowVnetInBound is no permit of the management.
    check(&estate(vec![]), Verdict::Deny, Some("agw-nsg"), Some("DenyAllInBound"), "");
    // A denial of VirtualNetwork may be one of it: the NSG is not known, the route is.
    let deny = rule(
        "deny-vnet",
        json!({ "priority": 90, "access": "Deny", "sourceAddressPrefix": "VirtualNetwork",
        "destinationPortRange": "*" }),
    );
    let denied = estate(vec![deny, manager(json!({}))]);
    check(&denied, Verdict::Deny, Some("agw-rt"), Some("default"), "\"VirtualAppliance\"");
    assert!(!codes(&lint_of(&denied)).contains(&"GP501"));
}
