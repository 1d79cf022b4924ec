//! Subnets of gateways, and references inside gateways.

use crate::*;

fn deny(name: &str, patch: Value) -> Value {
    let mut all = json!({ "access": "Deny", "protocol": "*", "sourceAddressPrefix": "*", "destinationPortRange": "*",
        "priority": 4000 });
    if let (Value::Object(all), Value::Object(patch)) = (&mut all, patch) {
        all.extend(patch);
    }
    rule(name, all)
}

#[test]
fn a_good_gateway_gives_nothing() {
    assert_eq!(codes(&lint_of(&behind(vec![manager(json!({}))]))), [""; 0]);
    assert_eq!(codes(&lint_of(&[gateway("agw-a", json!({})), gateway_network(json!({}))])), [""; 0]);
}

#[test]
fn management_is_blocked() {
    let seen = only(
        &lint_of(&behind(vec![
            deny(
                "deny-high",
                json!({ "destinationPortRange": "65300-65310", "protocol": "Tcp",
        "sourceAddressPrefix": "Internet" }),
            ),
            manager(json!({ "priority": 4001 })),
        ])),
        "GP501",
    );
    assert_eq!(
        (seen.resource.as_str(), seen.rule.as_deref(), seen.at.as_str()),
        ("agw-nsg", Some("deny-high"), "\"Deny\"")
    );
    assert!(seen.message.contains("TCP 65300-65310 of the management ports 65200-65535 of gateway agw-a"), "{seen:?}");
    assert!(seen.help.contains("below 4000"), "{seen:?}");
    let places: Vec<&str> = seen.labels.iter().map(|label| label.0.as_str()).collect();
    assert_eq!(places, ["4000", &format!("\"{}\"", id("networkSecurityGroups", "agw-nsg"))]);
    assert!(
        seen.labels.last().is_some_and(|label| label.1.contains("subnet agw, which holds gateway agw-a")),
        "{seen:?}"
    );
}

#[test]
fn the_default_rule_blocks_what_no_rule_allows() {
    let seen = only(&lint_of(&behind(vec![manager(json!({ "destinationPortRange": "65503-65534" }))])), "GP501");
    assert_eq!(seen.rule.as_deref(), Some("DenyAllInBound"));
    assert!(seen.message.contains("TCP 65200-65502, 65535 of"), "{seen:?}");
    assert!(seen.at.contains("\"name\":\"agw-nsg\""), "{seen:?}");
    let v1 = json!({ "sku": { "name": "Standard_Medium", "tier": "Standard" } });
    let estate = |patch: Value| {
        let mut all = behind(vec![manager(json!({ "destinationPortRange": "65503-65534" }))]);
        all.retain(|resource| resource.get("name") != Some(&json!("agw-a")));
        all.push(gateway("agw-a", patch));
        all
    };
    assert_eq!(codes(&lint_of(&estate(v1))), [""; 0]);
    assert_eq!(codes(&lint_of(&estate(json!({ "sku": null })))), ["GP501"]);
    assert!(only(&lint_of(&estate(json!({ "sku": null }))), "GP501").message.contains("taken as v2"));
}

#[test]
fn sources_that_mean_the_manager() {
    for source in
        ["GatewayManager", "gatewaymanager", "GatewayManager.WestEurope", "*", "0.0.0.0/0", "Internet", "AzureCloud"]
    {
        let found = lint_of(&behind(vec![manager(json!({ "sourceAddressPrefix": source }))]));
        assert_eq!(codes(&found), [""; 0], "{source}");
    }
    for source in ["VirtualNetwork", "AzureLoadBalancer", "20.0.0.0/8", "::/0"] {
        let found = lint_of(&behind(vec![manager(json!({ "sourceAddressPrefix": source }))]));
        assert_eq!(codes(&found), ["GP501"], "{source}");
    }
    let halves = json!({ "sourceAddressPrefix": null, "sourceAddressPrefixes": ["0.0.0.0/1", "128.0.0.0/1"] });
    let mut rule = manager(json!({}));
    rule = with(rule, halves);
    assert_eq!(codes(&lint_of(&behind(vec![rule]))), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_not_called_blocked() {
    let unreadable = manager(json!({ "sourceAddressPrefix": "GatewayManager,Internet" }));
    assert_eq!(codes(&lint_of(&behind(vec![unreadable]))), ["GP204"]);
    let unplaced = with(manager(json!({})), json!({ "priority": null }));
    assert_eq!(codes(&lint_of(&behind(vec![unplaced]))), ["GP202"]);
}

#[test]
fn a_narrow_destination_is_told() {
    let seen = only(&lint_of(&behind(vec![manager(json!({ "destinationAddressPrefix": "10.1.0.0/24" }))])), "GP503");
    assert_eq!(
        (seen.severity, seen.rule.as_deref(), seen.at.as_str()),
        (Severity::Warning, Some("allow-manager"), "\"10.1.0.0/24\"")
    );
    // Two instances of many are not the subnet.
    let two = with(
        manager(json!({})),
        json!({ "destinationAddressPrefix": null, "destinationAddressPrefixes": ["10.1.0.4", "10.1.0.5"] }),
    );
    assert_eq!(codes(&lint_of(&behind(vec![two]))), ["GP501"]);
}

#[test]
fn outbound_internet_is_needed() {
    let out = |patch: Value| {
        let mut all = json!({ "direction": "Outbound", "destinationAddressPrefix": "*" });
        if let (Value::Object(all), Value::Object(patch)) = (&mut all, patch) {
            all.extend(patch);
        }
        deny("deny-out", all)
    };
    let seen = only(&lint_of(&behind(vec![manager(json!({})), out(json!({}))])), "GP502");
    assert_eq!(
        (seen.rule.as_deref(), seen.at.as_str(), seen.severity),
        (Some("deny-out"), "\"Deny\"", Severity::Error)
    );
    let some = out(json!({ "protocol": "Udp", "destinationAddressPrefix": "Internet", "destinationPortRange": "123" }));
    let seen = only(&lint_of(&behind(vec![manager(json!({})), some])), "GP502");
    assert!(seen.message.contains("outbound Udp on ports 123 to the Internet"), "{seen:?}");
    // A deny that an earlier rule makes void, and one that is for a part of the Internet, are fine.
    let allow = rule(
        "allow-out",
        json!({ "direction": "Outbound", "protocol": "*", "sourceAddressPrefix": "10.1.0.0/16",
        "destinationAddressPrefix": "Internet", "destinationPortRange": "*" }),
    );
    assert_eq!(codes(&lint_of(&behind(vec![manager(json!({})), allow, out(json!({}))]))), [""; 0]);
    // A tag without data is not the whole Internet.
    let cloud = rule(
        "allow-cloud",
        json!({ "direction": "Outbound", "protocol": "*", "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "AzureCloud", "destinationPortRange": "*" }),
    );
    assert_eq!(codes(&lint_of(&behind(vec![manager(json!({})), cloud, out(json!({}))]))), ["GP502"]);
    let part = out(json!({ "destinationAddressPrefix": "20.0.0.0/8" }));
    assert_eq!(codes(&lint_of(&behind(vec![manager(json!({})), part]))), [""; 0]);
}

#[test]
fn isolated_gateways_need_no_management_and_no_internet() {
    let everything = vec![
        deny("deny-in", json!({})),
        deny("deny-out", json!({ "direction": "Outbound" })),
        rule(
            "allow-lb",
            json!({ "protocol": "*", "sourceAddressPrefix": "AzureLoadBalancer", "destinationPortRange": "*" }),
        ),
    ];
    let mut estate = behind(everything);
    assert_eq!(codes(&lint_of(&estate)), ["GP501", "GP502"]);
    if let Some(gateway) = estate.first_mut().and_then(Value::as_object_mut) {
        gateway.insert("tags".to_owned(), json!({ "EnhancedNetworkControl": "True" }));
    }
    assert_eq!(codes(&lint_of(&estate)), [""; 0]);
    // An older gateway beside it keeps the limits for the subnet (semantics.md 5.4).
    estate.push(gateway("agw-old", json!({})));
    assert_eq!(codes(&lint_of(&estate)), ["GP501", "GP502"]);
}

#[test]
fn probes_stay_allowed() {
    let found = lint_of(&behind(vec![manager(json!({})), deny("deny-in", json!({}))]));
    let seen = only(&found, "GP508");
    assert_eq!(
        (seen.severity, seen.rule.as_deref(), seen.at.as_str()),
        (Severity::Warning, Some("deny-in"), "\"Deny\"")
    );
    let allow = rule(
        "allow-lb",
        json!({ "protocol": "*", "sourceAddressPrefix": "AzureLoadBalancer", "priority": 200,
        "destinationPortRange": "*" }),
    );
    assert_eq!(codes(&lint_of(&behind(vec![manager(json!({})), allow, deny("deny-in", json!({}))]))), [""; 0]);
    let internet = deny("deny-internet", json!({ "sourceAddressPrefix": "Internet" }));
    assert_eq!(codes(&lint_of(&behind(vec![manager(json!({})), internet]))), [""; 0]);
}

#[test]
fn default_routes_of_gateways() {
    let hop = |kind: &str| {
        let address = if kind == "VirtualAppliance" { "10.1.9.4" } else { "" };
        let default = json!({ "addressPrefix": "0.0.0.0/0", "nextHopType": kind, "nextHopIpAddress": address });
        vec![route("default", default)]
    };
    let found = lint_of(&routed(hop("VirtualAppliance")));
    assert_eq!(codes(&found), ["GP504", "GP809"]);
    let seen = take(&found, "GP504");
    assert_eq!(
        (seen.resource.as_str(), seen.rule.as_deref(), seen.at.as_str()),
        ("agw-rt", Some("default"), "\"VirtualAppliance\"")
    );
    assert_eq!(codes(&lint_of(&routed(hop("None")))), ["GP504"]);
    assert_eq!(codes(&lint_of(&routed(hop("Internet")))), [""; 0]);
    let v1 = json!({ "sku": { "tier": "WAF", "name": "WAF_Medium" } });
    let mut estate = routed(hop("None"));
    if let Some(first) = estate.first_mut() {
        *first = gateway("agw-a", v1);
    }
    assert_eq!(codes(&lint_of(&estate)), [""; 0]);
}

/// A VPN gateway in `vnet-a` that brings a prefix in.
pub(crate) fn learned(prefix: &str, mut estate: Vec<Value>) -> Vec<Value> {
    for resource in &mut estate {
        if resource.get("name") == Some(&json!("vnet-a"))
            && let Some(subnets) = resource.pointer_mut("/properties/subnets").and_then(Value::as_array_mut)
        {
            subnets.push(subnet("vnet-a", "GatewaySubnet", "10.1.250.0/27", json!({})));
        }
    }
    let inside = json!({ "id": id("virtualNetworks", "vnet-a/subnets/GatewaySubnet") });
    estate.push(resource(
        "virtualNetworkGateways",
        "vpn",
        json!({ "ipConfigurations": [{ "name": "ip", "properties": { "subnet": inside } }] }),
    ));
    estate.push(resource(
        "localNetworkGateways",
        "site",
        json!({ "localNetworkAddressSpace": { "addressPrefixes": [prefix] } }),
    ));
    estate.push(resource(
        "connections",
        "to-site",
        json!({ "virtualNetworkGateway1": link("virtualNetworkGateways", "vpn"),
        "localNetworkGateway2": link("localNetworkGateways", "site") }),
    ));
    estate
}

#[test]
fn a_learned_default_route() {
    let bare = || vec![gateway("agw-a", json!({})), gateway_network(json!({}))];
    let seen = only(&lint_of(&learned("0.0.0.0/0", bare())), "GP505");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Warning, "agw-a"));
    assert!(seen.at.ends_with("/subnets/agw\""), "{seen:?}");
    assert_eq!(codes(&lint_of(&learned("192.168.0.0/16", bare()))), [""; 0]);
    let fixed = routed(vec![route("default", json!({ "addressPrefix": "0.0.0.0/0", "nextHopType": "Internet" }))]);
    assert_eq!(codes(&lint_of(&learned("0.0.0.0/0", fixed))), [""; 0]);
    let mut off = routed(vec![]);
    if let Some(table) = off.last_mut() {
        *table = with(table.clone(), json!({ "disableBgpRoutePropagation": true }));
    }
    assert_eq!(codes(&lint_of(&learned("0.0.0.0/0", off))), [""; 0]);
}

#[test]
fn one_generation_a_subnet() {
    let old = gateway("agw-old", json!({ "sku": { "tier": "Standard" } }));
    let seen = only(&lint_of(&[gateway("agw-new", json!({})), old, gateway_network(json!({}))]), "GP506");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Error, "agw-new"));
    assert!(seen.at.ends_with("/subnets/agw\"") && seen.labels.len() == 1, "{seen:?}");
    let two = [gateway("agw-new", json!({})), gateway("agw-other", json!({})), gateway_network(json!({}))];
    assert_eq!(codes(&lint_of(&two)), [""; 0]);
}

#[test]
fn nothing_else_in_the_subnet() {
    let estate = |subnet: &str| {
        [gateway("agw-a", json!({})), gateway_network(json!({})), nic("nic-vm", subnet, "10.1.0.9", json!({}))]
    };
    let seen = only(&lint_of(&estate("agw")), "GP507");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Error, "agw-a"));
    assert!(
        seen.at.contains("\"name\":\"nic-vm\"") && seen.message.starts_with("NIC nic-vm is in subnet agw"),
        "{seen:?}"
    );
    assert_eq!(codes(&lint_of(&estate("web"))), [""; 0]);
    let endpoint = resource(
        "privateEndpoints",
        "pe",
        json!({ "networkInterfaces": [link("networkInterfaces", "nic-vm")],
        "subnet": { "id": id("virtualNetworks", "vnet-a/subnets/agw") } }),
    );
    let mut owned = estate("agw").to_vec();
    owned.push(endpoint);
    assert!(only(&lint_of(&owned), "GP507").message.starts_with("private endpoint pe"));
}

#[test]
fn a_subnet_that_is_not_in_the_input() {
    let seen = only(&lint_of(&[gateway("agw-a", json!({}))]), "GP822");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Warning, "agw-a"));
    assert!(seen.at.ends_with("/subnets/agw\"") && seen.help.contains("network vnet show"), "{seen:?}");
}

#[test]
fn references_inside_a_gateway() {
    let own = |kind: &str, name: &str| json!({ "id": id("applicationGateways", &format!("agw-a/{kind}/{name}")) });
    let estate = |pool: &str| {
        let parts = json!({
            "backendAddressPools": [{ "name": "pool", "properties": {} }],
            "backendHttpSettingsCollection": [{ "name": "https", "properties": { "port": 443, "protocol": "Https" } }],
            "requestRoutingRules": [{ "name": "main", "properties": {
                "backendAddressPool": own("backendAddressPools", pool),
                "backendHttpSettings": own("backendHttpSettingsCollection", "https") } }]
        });
        [gateway("agw-a", parts), gateway_network(json!({}))]
    };
    assert_eq!(codes(&lint_of(&estate("pool"))), [""; 0]);
    let seen = only(&lint_of(&estate("gone")), "GP830");
    assert_eq!(
        (seen.severity, seen.resource.as_str(), seen.rule.as_deref()),
        (Severity::Warning, "agw-a", Some("main"))
    );
    assert!(seen.at.starts_with("{\"name\":\"main\"") && seen.message.contains("backendAddressPools/gone"), "{seen:?}");
}
