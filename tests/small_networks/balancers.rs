//! Load balancers, their pools and what stands behind them.

use super::*;

/// A load balancer at 10.7.5.100 with one pool and one rule.
fn balancer(rule: &Value, more: &Value) -> Value {
    let own = id("loadBalancers", "lb");
    let frontend = json!({"id": format!("{own}/frontendIPConfigurations/fe")});
    let pool = json!({"id": format!("{own}/backendAddressPools/pool")});
    let mut rule = rule.clone();
    rule["frontendIPConfiguration"] = frontend.clone();
    rule["backendAddressPool"] = pool.clone();
    let mut properties = json!({
        "frontendIPConfigurations": [{"id": frontend["id"], "name": "fe", "properties": {"privateIPAddress": "10.7.5.100", "subnet": {"id": subnet_id("vnet-fig", "snet-c")}}}],
        "backendAddressPools": [{"id": pool["id"], "name": "pool", "properties": {}}],
        "loadBalancingRules": [{"name": "rule", "properties": rule}]});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    resource("loadBalancers", "lb", &properties)
}

fn in_pool() -> Value {
    json!({"loadBalancerBackendAddressPools": [{"id": format!("{}/backendAddressPools/pool", id("loadBalancers", "lb"))}]})
}

/// A pool drops everything where it is there and empty; not where its members, or the pool itself, are not in the input.
#[test]
fn a_pool_is_empty_only_where_nothing_is_missing_from_it() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 9443});
    let judged = |name: &str, members: Option<&Value>| {
        let mut own = balancer(&https, &json!({}));
        match members {
            Some(members) => own["properties"]["backendAddressPools"][0]["properties"] = members.clone(),
            None => own["properties"]["backendAddressPools"] = json!([]),
        }
        let mut set = fig(false);
        set.push(own);
        verdict(name, &set, "10.7.5.100:443")
    };
    let compute =
        "/subscriptions/7a11/resourceGroups/rg-fig/providers/Microsoft.Compute/virtualMachineScaleSets/ss-fig";
    let gone = json!({"id": format!("{}/ipConfigurations/ip1", id("networkInterfaces", "nic-gone"))});
    let instance = json!({"id": format!("{compute}/virtualMachines/0/networkInterfaces/nic/ipConfigurations/ip")});
    let listed = |address: Value| json!({"loadBalancerBackendAddresses": [{"name": "m", "properties": address}]});
    let by_nic = |nic: &str| {
        listed(
            json!({"networkInterfaceIPConfiguration": {"id": format!("{}/ipConfigurations/ip1", id("networkInterfaces", nic))}}),
        )
    };
    assert_eq!(judged("pool-empty", Some(&json!({"backendIPConfigurations": []}))), "deny");
    assert_eq!(judged("pool-nic", Some(&json!({"backendIPConfigurations": [gone]}))), "unknown");
    assert_eq!(judged("pool-instance", Some(&json!({"backendIPConfigurations": [instance]}))), "unknown");
    assert_eq!(judged("pool-address", Some(&listed(json!({"ipAddress": "10.7.1.77"})))), "unknown");
    assert_eq!(judged("pool-unreadable", Some(&listed(json!({"ipAddress": "[parameters('ip')]"})))), "unknown");
    assert_eq!(judged("pool-by-nic-gone", Some(&by_nic("nic-gone"))), "unknown");
    assert_eq!(judged("pool-by-nic", Some(&by_nic("nic-b"))), "allow");
    assert_eq!(judged("pool-unlisted", None), "unknown");
}

/// Servers of a pool may be instances of a scale set of which only the model is in the input.
#[test]
fn a_scale_set_model_behind_a_load_balancer_is_a_server_that_is_not_seen() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 9443});
    let mut set = fig(false);
    set.push(balancer(&https, &json!({})));
    assert_eq!(verdict("balancer-empty", &set, "10.7.5.100:443"), "deny");
    let mut configuration = in_pool();
    configuration["subnet"] = json!({"id": subnet_id("vnet-fig", "snet-b")});
    let interface =
        json!({"name": "nic", "properties": {"ipConfigurations": [{"name": "ip", "properties": configuration}]}});
    let model = json!({"orchestrationMode": "Uniform", "virtualMachineProfile": {"networkProfile": {"networkInterfaceConfigurations": [interface]}}});
    set.push(json!({"id": "/subscriptions/7a11/resourceGroups/rg-fig/providers/Microsoft.Compute/virtualMachineScaleSets/ss-fig", "name": "ss-fig",
        "type": "Microsoft.Compute/virtualMachineScaleSets", "properties": model}));
    assert_eq!(verdict("balancer-model", &set, "10.7.5.100:443"), "unknown");
}

/// An inbound NAT rule is named by its server's NIC, or has a pool and a range of ports.
#[test]
fn inbound_nat_rules_are_found_from_both_ends() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 9443});
    let own = id("loadBalancers", "lb");
    let nat = |more: &Value| {
        let mut properties = json!({"frontendIPConfiguration": {"id": format!("{own}/frontendIPConfigurations/fe")}, "protocol": "Tcp", "backendPort": 22});
        for (key, value) in more.as_object().unwrap() {
            properties[key] = value.clone();
        }
        balancer(
            &https,
            &json!({"inboundNatRules": [{"id": format!("{own}/inboundNatRules/ssh"), "name": "ssh", "properties": properties}]}),
        )
    };
    let mut single = fig(false);
    single.push(nat(&json!({"frontendPort": 5001})));
    assert_eq!(verdict("nat-none", &single, "10.7.5.100:5001"), "deny");
    single.push(nic(
        "nic-n",
        "snet-b",
        "10.7.1.9",
        false,
        &json!({"loadBalancerInboundNatRules": [{"id": format!("{own}/inboundNatRules/ssh")}]}),
    ));
    assert_eq!(verdict("nat-named-by-nic", &single, "10.7.5.100:5001"), "allow");
    let mut range = fig(false);
    range.push(nat(&json!({"frontendPortRangeStart": 5000, "frontendPortRangeEnd": 5099, "backendAddressPool": {"id": format!("{own}/backendAddressPools/pool")}})));
    range.push(nic("nic-n", "snet-b", "10.7.1.9", false, &in_pool()));
    assert_eq!(verdict("nat-range", &range, "10.7.5.100:5042"), "allow");
    assert_eq!(verdict("nat-beyond", &range, "10.7.5.100:5100"), "deny");
}

/// Appliances behind a load balancer get what one of its rules takes, and forward it only where their NICs do.
#[test]
fn appliances_behind_a_load_balancer_need_its_rule() {
    let through = |rule: &Value, servers: &[Value]| {
        let mut set = fig(true);
        let hop = Some("10.7.5.100");
        set.push(route_table("rt-a", &[("10.7.1.0/24", "VirtualAppliance", hop)]));
        set[0]["properties"]["subnets"][1]["properties"]["routeTable"] = json!({"id": id("routeTables", "rt-b")});
        set.push(route_table("rt-b", &[("10.7.0.0/24", "VirtualAppliance", hop)]));
        set.push(balancer(rule, &json!({})));
        set.extend(servers.iter().cloned());
        set
    };
    let all = json!({"protocol": "All", "frontendPort": 0, "backendPort": 0});
    let web = json!({"protocol": "Tcp", "frontendPort": 80, "backendPort": 80});
    let good = nic("nic-nva-1", "snet-c", "10.7.5.4", true, &in_pool());
    let bad = nic("nic-nva-2", "snet-c", "10.7.5.5", false, &in_pool());
    let assumed = |name: &str, set: &[Value]| {
        asked(name, set, "10.7.1.4:443", &["--assume", "appliance=transparent"])["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(assumed("ha-ports", &through(&all, std::slice::from_ref(&good))), "allow");
    assert_eq!(verdict("ha-ports-judged", &through(&all, std::slice::from_ref(&good)), "10.7.1.4:443"), "unknown");
    assert_eq!(assumed("other-port", &through(&web, std::slice::from_ref(&good))), "deny");
    assert_eq!(assumed("no-server", &through(&all, &[])), "deny");
    assert_eq!(assumed("one-forwards", &through(&all, &[good, bad.clone()])), "unknown");
    assert_eq!(assumed("none-forwards", &through(&all, &[bad])), "deny");
}

/// Where two networks have a server's address, the pool means the one that it names, or else that of its own frontend.
#[test]
fn servers_by_address_are_those_of_the_pool_s_network() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let judged = |name: &str, member: &Value| {
        let mut set = fig(false);
        let twin = subnet("a-twin", "snet-b", &json!({"addressPrefix": "10.7.1.0/24"}));
        set.push(vnet("a-twin", &["10.7.0.0/16"], &[twin], &[]));
        let mut closed = nic("nic-a-twin", "snet-b", "10.7.1.4", false, &json!({}));
        closed["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "nsg-twin")});
        closed["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] =
            json!(subnet_id("a-twin", "snet-b"));
        set.extend([closed, deny_all("nsg-twin")]);
        let pool = json!({"id": format!("{}/backendAddressPools/pool", id("loadBalancers", "lb")), "name": "pool",
            "properties": {"loadBalancerBackendAddresses": [{"name": "m", "properties": member}]}});
        set.push(balancer(&https, &json!({ "backendAddressPools": [pool] })));
        verdict(name, &set, "10.7.5.100:443")
    };
    let network = |name: &str| json!({"id": id("virtualNetworks", name)});
    assert_eq!(judged("member-own", &json!({"ipAddress": "10.7.1.4"})), "allow");
    assert_eq!(judged("member-fig", &json!({"ipAddress": "10.7.1.4", "virtualNetwork": network("vnet-fig")})), "allow");
    assert_eq!(judged("member-twin", &json!({"ipAddress": "10.7.1.4", "virtualNetwork": network("a-twin")})), "deny");
    assert_eq!(judged("member-none", &json!({"ipAddress": "10.7.1.4", "virtualNetwork": network("other")})), "unknown");
    let by_nic = json!({"networkInterfaceIPConfiguration": {"id": format!("{}/ipConfigurations/ip1", id("networkInterfaces", "nic-b"))}});
    assert_eq!(judged("member-nic", &by_nic), "allow");
}

/// The NSG of a server's subnet is not known where the subnet is not in the input.
#[test]
fn a_server_in_a_subnet_that_is_not_in_the_input_is_unknown() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let mut set = fig(false);
    set.push(balancer(&https, &json!({})));
    set.push(nic("nic-s", "snet-b", "10.7.1.9", false, &in_pool()));
    assert_eq!(verdict("server-subnet", &set, "10.7.5.100:443"), "allow");
    set[0]["properties"]["subnets"].as_array_mut().unwrap().remove(1);
    assert_eq!(verdict("server-no-subnet", &set, "10.7.5.100:443"), "unknown");
}

/// The address may be the frontend of a load balancer that a NIC of the network names and that is not in the input: then
/// the NSGs of the servers decide, not the one of its own subnet.
#[test]
fn without_its_load_balancer_a_frontend_is_not_certainly_denied() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let mut set = fig(false);
    set[0]["properties"]["subnets"][2]["properties"]["networkSecurityGroup"] =
        json!({"id": id("networkSecurityGroups", "nsg-c")});
    set.push(deny_all("nsg-c"));
    assert_eq!(verdict("frontend-no-balancer", &set, "10.7.5.100:443"), "deny");
    set.push(nic("nic-s", "snet-b", "10.7.1.9", false, &in_pool()));
    assert_eq!(verdict("frontend-missing", &set, "10.7.5.100:443"), "unknown");
    set.push(balancer(&https, &json!({})));
    assert_eq!(verdict("frontend-there", &set, "10.7.5.100:443"), "allow");
}

/// What an answer names does not follow the order in which a pool lists its servers.
#[test]
fn the_order_of_a_pool_s_servers_does_not_matter() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443});
    let named = |name: &str, order: &[&str]| {
        let mut set = fig(false);
        let mut members = Vec::new();
        for (server, address) in [("s1", "10.7.1.9"), ("s2", "10.7.1.10")] {
            let mut own = nic(server, "snet-b", address, false, &json!({}));
            own["properties"]["networkSecurityGroup"] =
                json!({"id": id("networkSecurityGroups", &format!("nsg-{server}"))});
            set.extend([own, deny_all(&format!("nsg-{server}"))]);
        }
        for server in order {
            members.push(json!({"id": format!("{}/ipConfigurations/ip1", id("networkInterfaces", server))}));
        }
        let pool = json!({"id": format!("{}/backendAddressPools/pool", id("loadBalancers", "lb")), "name": "pool",
            "properties": {"backendIPConfigurations": members}});
        set.push(balancer(&https, &json!({ "backendAddressPools": [pool] })));
        asked(name, &set, "10.7.5.100:443", &[])["resource"].clone()
    };
    assert_eq!(named("pool-order", &["s1", "s2"]), "nsg-s1");
    assert_eq!(named("pool-order-turned", &["s2", "s1"]), "nsg-s1");
}

/// Of a partial answer behind a load balancer the servers are named, not the sources: each source meets all of them.
#[test]
fn servers_that_differ_are_named() {
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 8443});
    let mut set = fig(false);
    let mut closed = nic("s1", "snet-b", "10.7.1.9", false, &in_pool());
    closed["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "nsg-s1")});
    set.extend([balancer(&https, &json!({})), closed, deny_all("nsg-s1")]);
    set.push(nic("s2", "snet-b", "10.7.1.10", false, &in_pool()));
    assert_eq!(verdict("servers-differ", &set, "10.7.5.100:443"), "partial");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("small-networks/servers-differ");
    let told = |from: &str| {
        let ran = gatepath(&["check", folder.to_str().unwrap(), "--from", from, "--to", "10.7.5.100:443", "-q"]);
        let lines = ran.out.lines().filter(|line| line.starts_with("flow") || line.starts_with("part"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let differ = "part  servers behind the frontend differ: 10.7.1.9 denied, 10.7.1.10 allowed";
    assert_eq!(told("10.7.0.5"), ["flow  traced for source 10.7.0.5, one of those denied at server 10.7.1.9", differ]);
}

/// An NSG that is not in the input may let the health probe in and not the flow.
#[test]
fn what_lets_the_probe_in_may_not_let_the_flow_in() {
    let own = id("loadBalancers", "lb");
    let probe = json!({"id": format!("{own}/probes/alive")});
    let https = json!({"protocol": "Tcp", "frontendPort": 443, "backendPort": 443, "probe": probe});
    let mut set = fig(false);
    let alive = json!({"id": probe["id"], "name": "alive", "properties": {"protocol": "Tcp", "port": 80}});
    set.push(balancer(&https, &json!({ "probes": [alive] })));
    set.push(nic("s1", "snet-b", "10.7.1.9", false, &in_pool()));
    let mut other = nic("s2", "snet-b", "10.7.1.10", false, &in_pool());
    other["properties"]["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups", "nsg-s2")});
    set.push(other);
    assert_eq!(verdict("probe-nsg-missing", &set, "10.7.5.100:443"), "unknown");
}
