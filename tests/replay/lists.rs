//! Effective security rules, security group views, effective routes; and these lists as configuration.

use crate::mill::{VM, agrees, ask, disagrees, exchange, flow, folder, id, mill, nic, replay, rule, subnet, undecided};
use crate::support::gatepath_with;
use serde_json::{Value, json};
use std::fs;

#[expect(clippy::needless_pass_by_value, reason = "written where it is used")]
pub(crate) fn effective(
    name: &str,
    direction: &str,
    access: &str,
    priority: u32,
    source: Value,
    destination: Value,
    port: &str,
) -> Value {
    let protocol = if name.starts_with("default") { "All" } else { "Tcp" };
    json!({"name": name, "protocol": protocol, "direction": direction, "access": access, "priority": priority,
        "sourcePortRange": "0-65535", "destinationPortRange": port, "sourceAddressPrefix": source, "destinationAddressPrefix": destination})
}

pub(crate) fn default_effective(tag: &[&str]) -> Vec<Value> {
    let mut vnet_in = effective(
        "defaultSecurityRules/AllowVnetInBound",
        "Inbound",
        "Allow",
        65000,
        json!("VirtualNetwork"),
        json!("VirtualNetwork"),
        "0-65535",
    );
    vnet_in["expandedSourceAddressPrefix"] = json!(tag);
    let any = || json!("0.0.0.0/0");
    vec![
        vnet_in,
        effective(
            "defaultSecurityRules/AllowAzureLoadBalancerInBound",
            "Inbound",
            "Allow",
            65001,
            json!("AzureLoadBalancer"),
            any(),
            "0-65535",
        ),
        effective("defaultSecurityRules/DenyAllInBound", "Inbound", "Deny", 65500, any(), any(), "0-65535"),
        effective(
            "defaultSecurityRules/AllowVnetOutBound",
            "Outbound",
            "Allow",
            65000,
            json!("VirtualNetwork"),
            json!(["VirtualNetwork"]),
            "0-65535",
        ),
        effective(
            "defaultSecurityRules/AllowInternetOutBound",
            "Outbound",
            "Allow",
            65001,
            json!("*"),
            json!("Internet"),
            "0-65535",
        ),
        effective(
            "defaultSecurityRules/DenyAllOutBound",
            "Outbound",
            "Deny",
            65500,
            any(),
            json!(["0.0.0.0/0", "::/0"]),
            "0-65535",
        ),
        effective(
            "defaultSecurityRules/DefaultOutboundDenyAll",
            "Outbound",
            "Deny",
            65500,
            json!("*"),
            json!("*"),
            "0-65535",
        ),
    ]
}

pub(crate) fn listed(port: &str, tag: &[&str]) -> Value {
    let group = |nsg: &str, key: &str, of: String, rule: Value| {
        let mut rules = default_effective(tag);
        rules.push(rule);
        json!({"networkSecurityGroup": {"id": id("networkSecurityGroups", nsg)}, "association": {key: {"id": of}}, "effectiveSecurityRules": rules})
    };
    let web =
        effective("securityRules/Allow-Web", "Inbound", "Allow", 100, json!("0.0.0.0/0"), json!("0.0.0.0/0"), port);
    let press = effective(
        "securityRules/Allow-Press",
        "Inbound",
        "Allow",
        200,
        json!("203.0.113.0/24"),
        json!(["0.0.0.0/0", "0.0.0.0/0"]),
        "443-443",
    );
    json!({"value": [group("nsg-mill", "subnet", subnet(), web), group("nsg-wheel", "networkInterface", id("networkInterfaces", "nic-mill-1"), press)]})
}

pub(crate) const TAG: [&str; 3] = ["10.77.0.0/16", "168.63.129.16/32", "10.99.0.0/16"];

#[test]
fn effective_security_rules() {
    agrees("effnsg", &mill(), &listed("443-443", &TAG).to_string());
    let said = disagrees("effnsg-port", &mill(), &listed("80-80", &TAG).to_string());
    assert!(said.contains("allow-web") && said.contains("80-80"), "{said}");
    let said = disagrees("effnsg-tag", &mill(), &listed("443-443", &TAG[..2]).to_string());
    assert!(said.contains("VirtualNetwork") && said.contains("10.99.0.0/16"), "{said}");
    let bare = json!({"operation": "effectiveNetworkSecurityGroups", "query": null, "answer": {"value": []},
        "operation_uri": format!("{}/effectiveNetworkSecurityGroups?api-version=2020-01-01", id("networkInterfaces", "nic-mill-1"))});
    assert!(
        disagrees(
            "effnsg-none",
            &mill()[..4].iter().cloned().chain([nic("nic-mill-1", "10.77.1.4", None, Some(VM))]).collect::<Vec<_>>(),
            &{
                let mut list = listed("443-443", &TAG);
                list["value"].as_array_mut().unwrap().remove(0);
                list.to_string()
            }
        )
        .contains("NSGs: Azure [nsg-wheel], here [nsg-mill]")
    );
    assert!(replay("effnsg-empty", &mill(), &bare.to_string()).code == 1);
}

#[test]
fn powershell_spells_in_its_own_way() {
    fn pascal(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let upper = |key: &String| key[..1].to_uppercase() + &key[1..];
                Value::Object(map.iter().map(|(key, value)| (upper(key), pascal(value))).collect())
            }
            Value::Array(list) => Value::Array(list.iter().map(pascal).collect()),
            other => other.clone(),
        }
    }
    let list = pascal(&listed("443-443", &TAG)["value"]);
    agrees("powershell", &mill(), &list.to_string());
}

#[test]
fn security_group_view() {
    let view = |web: Value| {
        let mut effective: Vec<Value> = default_effective(&TAG);
        effective.push(effective_user(&web));
        effective.push(self::effective(
            "UserRule_Allow-Press",
            "Inbound",
            "Allow",
            200,
            json!("203.0.113.0/24"),
            json!("*"),
            "443-443",
        ));
        let wheel = format!("{}/securityRules/Allow-Press", id("networkSecurityGroups", "nsg-wheel"));
        let mut press = rule("Allow-Press", 200, "Inbound", "Allow", "203.0.113.0/24", "443");
        press["id"] = json!(wheel);
        json!({"networkInterfaces": [{"id": id("networkInterfaces", "nic-mill-1"), "securityRuleAssociations": {
            "networkInterfaceAssociation": {"id": id("networkInterfaces", "nic-mill-1"), "securityRules": [press]},
            "subnetAssociation": {"id": subnet(), "securityRules": [web]}, "defaultSecurityRules": [], "effectiveSecurityRules": effective}}]})
    };
    let answer = view(rule("Allow-Web", 100, "Inbound", "Allow", "*", "443"));
    agrees("view", &mill(), &exchange("securityGroupView", &json!({"targetResourceId": VM}), &answer));
    agrees("view-plain", &mill(), &answer.to_string());
    let other = view(rule("Allow-Web", 100, "Inbound", "Deny", "*", "443"));
    assert!(disagrees("view-other", &mill(), &other.to_string()).contains("Deny"));
    let fresh = exchange("securityGroupView", &json!({"targetResourceId": VM}), &json!({"networkInterfaces": []}));
    assert!(undecided("view-fresh", &mill(), &fresh).contains("empty view"));
}

pub(crate) fn effective_user(rule: &Value) -> Value {
    let access = rule["properties"]["access"].as_str().unwrap();
    effective("UserRule_Allow-Web", "Inbound", access, 100, json!("*"), json!("*"), "443-443")
}

pub(crate) fn routes(hop: &str) -> Value {
    let route = |source: &str, prefix: Value, kind: &str, hop: Value| json!({"source": source, "state": "Active", "addressPrefix": prefix, "nextHopType": kind, "nextHopIpAddress": hop});
    json!([
        route("Default", json!(["10.77.0.0/16"]), "VnetLocal", json!([])),
        route("Default", json!("0.0.0.0/0"), "Internet", json!(null)),
        route("Default", json!(["10.0.0.0/8"]), "None", json!([])),
        route("Default", json!(["192.168.0.0/16", "172.16.0.0/12"]), "None", json!([])),
        route("Default", json!(["<MASKED>/10"]), "None", json!([])),
        route("Default", json!(["25.0.0.0/8"]), "None", json!([])),
        route("User", json!(["10.99.0.0/16"]), "VirtualAppliance", json!([hop])),
    ])
}

#[test]
fn effective_routes() {
    agrees("routes", &mill(), &json!({"value": routes("10.77.1.200")}).to_string());
    agrees("routes-list", &mill(), &routes("10.77.1.200").to_string());
    let said = disagrees("routes-other", &mill(), &routes("10.77.1.201").to_string());
    assert!(said.contains("10.77.1.201") && said.contains("10.77.1.200"), "{said}");
    let mut fewer = routes("10.77.1.200");
    fewer.as_array_mut().unwrap().remove(2);
    assert!(disagrees("routes-fewer", &mill(), &fewer.to_string()).contains("10.0.0.0/8"));
    let stopped = json!({"operation": "effectiveRouteTable", "operation_uri": format!("{}/effectiveRouteTable", id("networkInterfaces", "nic-mill-1")),
        "answer": {"http_status": 400, "body": {"error": {"code": "NicMustBeAttachedToRunningVmToGetEffectiveRoutes", "message": "stopped"}}}});
    assert!(undecided("routes-stopped", &mill(), &stopped.to_string()).contains("whether the VM runs"));
    let mut unattached = mill();
    unattached[4]["properties"].as_object_mut().unwrap().remove("virtualMachine");
    agrees("routes-unattached", &unattached, &stopped.to_string());
}

#[test]
fn the_record_is_no_configuration_for_its_own_question() {
    let folder = folder("own");
    let missing: Vec<Value> =
        mill().into_iter().filter(|r| r["type"] != "Microsoft.Network/networkSecurityGroups").collect();
    let list = listed("443-443", &TAG).to_string();
    fs::write(folder.join("snapshot/resources.json"), Value::from(missing).to_string()).unwrap();
    fs::write(folder.join("record.json"), &list).unwrap();
    fs::write(folder.join("snapshot/copy.json"), &list).unwrap();
    assert_eq!(ask(&folder).code, 3);
    // Another export is configuration: NSGs are rebuilt from it.
    fs::write(folder.join("snapshot/copy.json"), format!("{list}\n")).unwrap();
    assert_eq!(ask(&folder).code, 0);
}

#[test]
fn effective_lists_are_configuration() {
    let folder = folder("configuration");
    let types = ["Microsoft.Network/networkSecurityGroups", "Microsoft.Network/routeTables"];
    let missing: Vec<Value> = mill().into_iter().filter(|r| !types.contains(&r["type"].as_str().unwrap())).collect();
    fs::write(folder.join("snapshot/resources.json"), Value::from(missing).to_string()).unwrap();
    fs::write(
        folder.join("snapshot/nsg.json"),
        listed("443-443", &["10.77.0.0/16", "168.63.129.16/32", "10.99.0.0/16", "198.51.100.0/24"]).to_string(),
    )
    .unwrap();
    fs::write(folder.join("snapshot/routes.json"), json!({"value": routes("10.77.1.200")}).to_string()).unwrap();
    let hop = json!({"operation": "nextHop", "query": {"sourceIPAddress": "10.77.1.4", "destinationIPAddress": "10.99.0.9"},
        "answer": {"nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.77.1.200", "routeTableId": id("routeTables", "rt-mill")}});
    // 198.51.100.0/24 is in VirtualNetwork because the list says so.
    let flow = json!({"operation": "ipFlowVerify", "query": flow("198.51.100.7", "443"),
        "answer": {"access": "Allow", "ruleName": "AllowVnetInBound"}});
    fs::write(folder.join("record.json"), json!([hop, flow]).to_string()).unwrap();
    let asked = ask(&folder);
    assert_eq!((asked.code, &asked.report["agreed"]), (0, &json!(2)), "{:#}", asked.report);
    let lint = gatepath_with(&["lint", folder.join("snapshot").to_str().unwrap(), "-o", "json"], b"");
    assert!(lint.out.contains("effective-list-differs") && lint.out.contains("198.51.100.0/24"), "{}", lint.out);
    let names = asked.report["diagnostics"].to_string();
    assert!(names.contains("rebuilt-from-effective-list"), "{names}");
}
