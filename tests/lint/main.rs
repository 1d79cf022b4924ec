//! Every finding once where it belongs and once where it does not; places are tested by slicing the source text.
#![expect(clippy::needless_pass_by_value, reason = "builders take the JSON that is written where they are called")]

mod gateways;
mod management;
mod networks;
mod refused;
mod rules;
mod services;

use gatepath::compile::{Assumptions, Network};
use gatepath::diagnostic::{Diagnostic, Severity, Span};
use gatepath::ingest::{Input, Loaded, load};
use gatepath::model::ApplicationGateway;
use gatepath::solve::anomaly::lint;
use serde_json::{Value, json};

/// A finding with its places sliced from the source text.
#[derive(Debug, Clone)]
struct Seen {
    code: &'static str,
    severity: Severity,
    resource: String,
    rule: Option<String>,
    message: String,
    help: String,
    at: String,
    labels: Vec<(String, String)>,
}

impl Seen {
    fn of(finding: &Diagnostic, loaded: &Loaded) -> Self {
        let slice =
            |span: Span| loaded.sources.get(span.file).map(|text| text.slice(span).to_owned()).unwrap_or_default();
        Seen {
            code: finding.code.code,
            severity: finding.severity,
            resource: finding.resource.as_deref().and_then(|id| id.rsplit('/').next()).unwrap_or_default().to_owned(),
            rule: finding.rule.clone(),
            message: finding.message.clone(),
            help: finding.help.clone().unwrap_or_default(),
            at: finding.span.map(slice).unwrap_or_default(),
            labels: finding.labels.iter().map(|(span, text)| (slice(*span), text.clone())).collect(),
        }
    }
}

fn read(resources: &[Value]) -> Loaded {
    let bytes = Value::from(resources.to_vec()).to_string().into_bytes();
    load(vec![Input { name: "estate.json".to_owned(), bytes, named: true }])
}

/// Lints resources; the values that every finding must have are checked here for all tests.
fn lint_of(resources: &[Value]) -> Vec<Seen> {
    let loaded = read(resources);
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let found: Vec<Seen> = lint(&network).iter().map(|finding| Seen::of(finding, &loaded)).collect();
    for seen in &found {
        assert!(!seen.resource.is_empty() && !seen.help.is_empty() && !seen.message.is_empty(), "{seen:?}");
    }
    found
}

fn codes(found: &[Seen]) -> Vec<&'static str> {
    found.iter().map(|seen| seen.code).collect()
}

/// The only finding there is.
#[track_caller]
fn only(found: &[Seen], code: &str) -> Seen {
    assert_eq!(codes(found), [code], "{found:#?}");
    take(found, code)
}

/// The only finding with this code.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "asserted in the line above")]
fn take(found: &[Seen], code: &str) -> Seen {
    let hits: Vec<&Seen> = found.iter().filter(|seen| seen.code == code).collect();
    assert_eq!(hits.len(), 1, "{code}: {found:#?}");
    hits.first().copied().cloned().unwrap()
}

const NETWORK: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network";

fn id(kind: &str, name: &str) -> String {
    format!("{NETWORK}/{kind}/{name}")
}

fn link(kind: &str, name: &str) -> Value {
    json!({ "id": id(kind, name) })
}

fn resource(kind: &str, name: &str, properties: Value) -> Value {
    json!({ "id": id(kind, name), "name": name, "type": format!("Microsoft.Network/{kind}"), "properties": properties })
}

/// Overwrites properties; null takes one away.
fn with(mut object: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return object };
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        for (key, value) in patch {
            if value.is_null() {
                properties.remove(&key);
            } else {
                properties.insert(key, value);
            }
        }
    }
    object
}

/// A valid rule with some properties replaced.
fn rule(name: &str, patch: Value) -> Value {
    let valid = json!({
        "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "sourceAddressPrefix": "10.1.0.0/24", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "443"
    });
    with(json!({ "name": name, "properties": valid }), patch)
}

fn nsg(name: &str, rules: Vec<Value>) -> Value {
    resource("networkSecurityGroups", name, json!({ "securityRules": rules }))
}

fn subnet(vnet: &str, name: &str, prefix: &str, patch: Value) -> Value {
    let own = json!({ "id": id("virtualNetworks", &format!("{vnet}/subnets/{name}")), "name": name,
        "properties": { "addressPrefix": prefix } });
    with(own, patch)
}

fn vnet(name: &str, prefix: &str, subnets: Vec<Value>) -> Value {
    resource("virtualNetworks", name, json!({ "addressSpace": { "addressPrefixes": [prefix] }, "subnets": subnets }))
}

/// A NIC in a subnet of `vnet-a`.
fn nic(name: &str, subnet: &str, address: &str, patch: Value) -> Value {
    let subnet = id("virtualNetworks", &format!("vnet-a/subnets/{subnet}"));
    let own = json!({ "ipConfigurations": [{ "name": "ip", "properties": {
        "privateIPAddress": address, "subnet": { "id": subnet } } }] });
    with(resource("networkInterfaces", name, own), patch)
}

/// An NSG `web-nsg` with these rules, on subnet `web` of `vnet-a`.
fn web(rules: Vec<Value>) -> Vec<Value> {
    let attached = json!({ "networkSecurityGroup": link("networkSecurityGroups", "web-nsg") });
    vec![nsg("web-nsg", rules), vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "web", "10.1.1.0/24", attached)])]
}

/// Findings about one rule of an NSG that is attached.
fn lint_rule(patch: Value) -> Vec<Seen> {
    lint_of(&web(vec![rule("r", patch)]))
}

/// A v2 gateway in subnet `agw` of `vnet-a`.
fn gateway(name: &str, patch: Value) -> Value {
    let subnet = json!({ "id": id("virtualNetworks", "vnet-a/subnets/agw") });
    let own = json!({ "sku": { "name": "WAF_v2", "tier": "WAF_v2" },
        "gatewayIPConfigurations": [{ "name": "ip", "properties": { "subnet": subnet } }] });
    with(resource("applicationGateways", name, own), patch)
}

/// `vnet-a` with subnet `agw`, 10.1.0.0/24, whose properties are given.
fn gateway_network(patch: Value) -> Value {
    vnet("vnet-a", "10.1.0.0/16", vec![subnet("vnet-a", "agw", "10.1.0.0/24", patch)])
}

/// Gateway `agw-a` behind NSG `agw-nsg` with these rules.
fn behind(rules: Vec<Value>) -> Vec<Value> {
    let attached = json!({ "networkSecurityGroup": link("networkSecurityGroups", "agw-nsg") });
    vec![gateway("agw-a", json!({})), gateway_network(attached), nsg("agw-nsg", rules)]
}

/// Gateway `agw-a` whose subnet uses route table `agw-rt` with these routes.
fn routed(routes: Vec<Value>) -> Vec<Value> {
    let attached = json!({ "routeTable": link("routeTables", "agw-rt") });
    vec![
        gateway("agw-a", json!({})),
        gateway_network(attached),
        resource("routeTables", "agw-rt", json!({ "routes": routes })),
    ]
}

fn route(name: &str, properties: Value) -> Value {
    json!({ "name": name, "properties": properties })
}

/// The rule that lets the management in.
fn manager(patch: Value) -> Value {
    let mut all = json!({ "sourceAddressPrefix": "GatewayManager", "destinationPortRange": "65200-65535" });
    if let (Value::Object(all), Value::Object(patch)) = (&mut all, patch) {
        all.extend(patch);
    }
    rule("allow-manager", all)
}

/// The gateway of an estate.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "asserted in the line above")]
fn gateway_of<'s>(loaded: &'s Loaded, name: &str) -> &'s ApplicationGateway {
    let found = loaded.snapshot.application_gateways.values().find(|gateway| gateway.name == name);
    assert!(found.is_some(), "{name}");
    found.unwrap()
}
