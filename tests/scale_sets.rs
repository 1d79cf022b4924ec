//! Backends that are NICs: instances of scale sets, several IP configurations, both address families.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod support;

use serde_json::{Value, json};
use support::gatepath;

const GROUP: &str = "/subscriptions/s/resourceGroups/rg-set/providers";

fn id(rest: &str) -> String {
    format!("{GROUP}/Microsoft.Network/{rest}")
}

fn set_id() -> String {
    format!("{GROUP}/Microsoft.Compute/virtualMachineScaleSets/web")
}

fn pool_id() -> String {
    id("applicationGateways/agw/backendAddressPools/pool")
}

/// A gateway whose pool lists IP configurations, and a backend subnet whose NSG lets only the group `asg-open` in.
fn base(listed: &[String], ipv6: bool) -> Vec<Value> {
    let gateway = id("applicationGateways/agw");
    let of = |rest: &str| json!({"id": format!("{gateway}/{rest}")});
    let prefixes = |four: &str, six: &str| if ipv6 { json!([four, six]) } else { json!([four]) };
    let subnet = |name: &str, prefixes: Value| json!({"id": id(&format!("virtualNetworks/vnet/subnets/{name}")), "name": name, "addressPrefixes": prefixes});
    let mut app = subnet("snet-app", prefixes("10.7.4.0/24", "fd00:7:4::/64"));
    app["networkSecurityGroup"] = json!({"id": id("networkSecurityGroups/nsg-app")});
    let rule = |name: &str, access: &str, priority: u32, group: bool| {
        let mut rule = json!({"name": name, "access": access, "priority": priority, "direction": "Inbound", "protocol": "*",
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationPortRange": "*"});
        if group {
            rule["destinationApplicationSecurityGroups"] = json!([{"id": id("applicationSecurityGroups/asg-open")}]);
        } else {
            rule["destinationAddressPrefix"] = json!("*");
        }
        rule
    };
    vec![
        json!({"id": id("virtualNetworks/vnet"), "name": "vnet", "addressSpace": {"addressPrefixes": prefixes("10.7.0.0/16", "fd00:7::/32")},
            "subnets": [subnet("snet-agw", prefixes("10.7.0.0/24", "fd00:7::/64")), app]}),
        json!({"id": id("networkSecurityGroups/nsg-app"), "name": "nsg-app",
            "securityRules": [rule("open-group", "Allow", 100, true), rule("deny-rest", "Deny", 200, false)]}),
        json!({"id": gateway, "name": "agw", "sku": {"tier": "Standard_v2"},
            "gatewayIPConfigurations": [{"name": "g", "subnet": {"id": id("virtualNetworks/vnet/subnets/snet-agw")}}],
            "backendAddressPools": [{"name": "pool", "backendIPConfigurations": listed.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}],
            "backendHttpSettingsCollection": [{"name": "http", "port": 80, "protocol": "Http"}],
            "requestRoutingRules": [{"name": "rule", "backendAddressPool": of("backendAddressPools/pool"),
                "backendHttpSettings": of("backendHttpSettingsCollection/http")}]}),
    ]
}

/// One IP configuration: name, address, member of `asg-open`, member of the pool.
fn configuration(nic: &str, name: &str, address: &str, open: bool, pool: bool) -> Value {
    let groups = if open { json!([{"id": id("applicationSecurityGroups/asg-open")}]) } else { json!([]) };
    let pools = if pool { json!([{"id": pool_id()}]) } else { json!([]) };
    json!({"id": format!("{nic}/ipConfigurations/{name}"), "name": name, "privateIPAddress": address,
        "privateIPAddressVersion": if address.contains(':') { "IPv6" } else { "IPv4" },
        "subnet": {"id": id("virtualNetworks/vnet/subnets/snet-app")},
        "applicationSecurityGroups": groups, "applicationGatewayBackendAddressPools": pools})
}

fn nic(nic: &str, configurations: &[Value]) -> Value {
    json!({"id": nic, "name": nic.rsplit('/').next().unwrap(), "ipConfigurations": configurations})
}

fn instance(number: u32) -> String {
    format!("{}/virtualMachines/{number}/networkInterfaces/nic-web", set_id())
}

fn model(mode: &str, configurations: &[(&str, bool, bool)]) -> Value {
    let list: Vec<Value> = configurations
        .iter()
        .map(|(name, open, pool)| {
            let mut value = configuration("", name, "", *open, *pool);
            value.as_object_mut().unwrap().remove("privateIPAddress");
            value.as_object_mut().unwrap().remove("id");
            if *name == "six" {
                value["privateIPAddressVersion"] = json!("IPv6");
            }
            value
        })
        .collect();
    json!({"id": set_id(), "name": "web", "orchestrationMode": mode, "virtualMachineProfile": {"networkProfile":
        {"networkInterfaceConfigurations": [{"name": "nic-web", "ipConfigurations": list}]}}})
}

/// Rows of the matrix: backend, member, verdict.
fn ask(test: &str, resources: &[Value]) -> Vec<(String, String, String)> {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("set-{test}.json"));
    std::fs::write(&file, serde_json::to_string(&resources).unwrap()).unwrap();
    let ran = gatepath(&["matrix", file.to_str().unwrap(), "-o", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let word = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = report["paths"].as_array().unwrap();
    rows.iter().map(|row| (word(row, "backend"), word(row, "member"), word(row, "verdict"))).collect()
}

fn row(backend: &str, member: &str, verdict: &str) -> (String, String, String) {
    (backend.to_owned(), member.to_owned(), verdict.to_owned())
}

fn with(mut resources: Vec<Value>, more: Vec<Value>) -> Vec<Value> {
    resources.extend(more);
    resources
}

#[test]
fn uniform_instances_have_their_own_nics() {
    let listed: Vec<String> = (0..2).map(|n| format!("{}/ipConfigurations/ip", instance(n))).collect();
    let nics = |numbers: &[u32]| -> Vec<Value> {
        let one = |n: &u32| {
            nic(&instance(*n), &[configuration(&instance(*n), "ip", &format!("10.7.4.{}", 10 + n), *n == 0, true)])
        };
        numbers.iter().map(one).collect()
    };
    let both = with(base(&listed, false), nics(&[0, 1]));
    let expected = [row("10.7.4.10", "nic-web/ip", "allow"), row("10.7.4.11", "nic-web/ip", "deny")];
    assert_eq!(ask("uniform", &both), expected);
    // The model adds nothing where the instances are known.
    assert_eq!(ask("uniform-model", &with(both, vec![model("Uniform", &[("ip", false, true)])])), expected);
    // An instance that is not in the input: with the model any address of its subnet, without it nothing is known.
    let one = with(base(&listed, false), nics(&[0]));
    let rows = ask("uniform-one", &one);
    assert_eq!(rows, [row("nic-web/ip", "nic-web/ip", "unknown"), row("10.7.4.10", "nic-web/ip", "allow")]);
    let rows =
        ask("uniform-one-model", &with(one, vec![model("Uniform", &[("ip", false, true), ("other", true, false)])]));
    assert_eq!(rows, [row("10.7.4.10", "nic-web/ip", "allow"), row("10.7.4.0/24", "web", "deny")]);
}

#[test]
fn flexible_instances_are_ordinary_machines() {
    let own = id("networkInterfaces/web-nic-1a2b");
    let machine = format!("{GROUP}/Microsoft.Compute/virtualMachines/web_1a2b3c4d");
    let mut instance = nic(&own, &[configuration(&own, "ip", "10.7.4.10", true, true)]);
    instance["virtualMachine"] = json!({ "id": machine });
    let listed = [format!("{own}/ipConfigurations/ip")];
    let resources = with(base(&listed, false), vec![instance.clone(), model("Flexible", &[("ip", true, true)])]);
    let expected = [row("10.7.4.10", "web-nic-1a2b/ip", "allow")];
    assert_eq!(ask("flexible", &resources), expected);
    // A machine with another name says itself which set it belongs to.
    instance["virtualMachine"]["id"] = json!(format!("{GROUP}/Microsoft.Compute/virtualMachines/custom"));
    let named =
        json!({"id": instance["virtualMachine"]["id"], "name": "custom", "virtualMachineScaleSet": {"id": set_id()}});
    let resources = with(base(&listed, false), vec![instance.clone(), named, model("Flexible", &[("ip", true, true)])]);
    assert_eq!(ask("flexible-named", &resources), expected);
    // Of a machine of which that is not known the set may still have others.
    let resources = with(base(&listed, false), vec![instance, model("Flexible", &[("ip", true, true)])]);
    assert_eq!(ask("flexible-open", &resources).len(), 2);
}

#[test]
fn configurations_of_one_nic_are_judged_each_by_its_own_groups() {
    let own = id("networkInterfaces/nic-a");
    let nics = vec![nic(
        &own,
        &[
            configuration(&own, "first", "10.7.4.20", true, true),
            configuration(&own, "second", "10.7.4.21", false, true),
            configuration(&own, "third", "10.7.4.22", true, false),
        ],
    )];
    let expected = [row("10.7.4.20", "nic-a/first", "allow"), row("10.7.4.21", "nic-a/second", "deny")];
    // By the NIC's own references, and by the pool's list, each member once.
    assert_eq!(ask("two-by-nic", &with(base(&[], false), nics.clone())), expected);
    let listed: Vec<String> = ["first", "second"].iter().map(|name| format!("{own}/ipConfigurations/{name}")).collect();
    assert_eq!(ask("two-by-pool", &with(base(&listed, false), nics)), expected);
}

#[test]
fn both_address_families() {
    let own = id("networkInterfaces/nic-a");
    let nics = vec![nic(
        &own,
        &[
            configuration(&own, "four", "10.7.4.20", true, true),
            configuration(&own, "six", "fd00:7:4::20", false, true),
        ],
    )];
    let rows = ask("dual", &with(base(&[], true), nics.clone()));
    assert_eq!(rows, [row("10.7.4.20", "nic-a/four", "allow"), row("fd00:7:4::20", "nic-a/six", "deny")]);
    // A gateway without IPv6 has no source for it: unknown, not open.
    let rows = ask("dual-no-source", &with(base(&[], false), nics));
    assert_eq!(rows.last().unwrap().2, "unknown");
    let set = vec![model("Uniform", &[("four", true, true), ("six", false, true)])];
    let rows = ask("dual-set", &with(base(&[], true), set));
    assert_eq!(rows, [row("10.7.4.0/24", "web", "allow"), row("fd00:7:4::/64", "web", "deny")]);
}
