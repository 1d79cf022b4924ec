//! Recorded configuration outside the project, where `GATEPATH_SHARED` says it is: what Azure refused is refused by lint
//! with Azure's own code, and a request and the form that Azure stored of it say the same. Without it every test reports
//! itself skipped by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed expectation is a failed test"
)]

mod support;

use gatepath::ingest::{Input, load};
use gatepath::model::{
    AddressTerm, NetworkSecurityGroup, PortTerm, RouteDestination, Setting, Snapshot, SnatRange, UserRoute,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

fn shared(test: &str, folder: &str) -> Option<PathBuf> {
    let place = std::env::var_os("GATEPATH_SHARED").map(|root| Path::new(&root).join("corpus").join(folder));
    if place.is_none() {
        support::skipped(test);
    }
    place
}

/// JSON files below a folder, in order.
fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut out = Vec::new();
    for file in files {
        if file.is_dir() {
            out.extend(documents(&file));
        } else {
            out.push((file.display().to_string(), serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()));
        }
    }
    out
}

fn id_of(uri: &str) -> &str {
    uri.split('?').next().unwrap()
}

/// The resource that a request is about: id and type are those of its URL where the body has none.
fn resource(uri: &str, body: &Value) -> Value {
    let id = id_of(uri);
    let mut parts = id.rsplit_once("/providers/").unwrap().1.split('/');
    let provider = parts.next().unwrap().to_owned();
    let kind = parts.step_by(2).fold(provider, |kind, part| format!("{kind}/{part}"));
    let mut out = body.as_object().cloned().unwrap_or_default();
    out.entry("id").or_insert(json!(id));
    out.entry("type").or_insert(json!(kind));
    out.entry("properties").or_insert(json!({}));
    Value::Object(out)
}

/// The findings of `lint`.
fn lint(name: &str, resources: &[Value]) -> Vec<Value> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("configuration-{name}.json"));
    fs::write(&file, json!(resources).to_string()).unwrap();
    let ran = support::gatepath_with(&["lint", &file.to_string_lossy(), "-o", "json"], b"");
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{name}: {}", ran.err));
    report["findings"].as_array().unwrap().clone()
}

/// Azure's own codes among the findings of `lint`.
fn azure_errors(name: &str, resources: &[Value]) -> BTreeSet<String> {
    let findings = lint(name, resources);
    findings.iter().filter_map(|finding| finding["azure_error"].as_str()).map(str::to_owned).collect()
}

#[test]
fn what_azure_stored_is_not_refused() {
    let Some(folder) = shared("what_azure_stored_is_not_refused", "gt-put-pairs") else { return };
    let mut refused = Vec::new();
    for (name, pairs) in documents(&folder) {
        for (index, pair) in pairs.as_array().unwrap().iter().enumerate() {
            let stored = resource(pair["uri"].as_str().unwrap(), &pair["response"]);
            let found = errors(&format!("stored-{}", refused.len()), &[stored]);
            refused.extend(found.into_iter().map(|finding| format!("{name} {index}: {finding}")));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Errors among the findings of `lint`.
fn errors(name: &str, resources: &[Value]) -> Vec<String> {
    let findings = lint(name, resources);
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    errors.map(|finding| format!("{} {}", finding["code"], finding["message"])).collect()
}

/// Refusals that say nothing about network configuration.
const NOT_CONFIGURATION: [(&str, &str); 5] = [
    ("MustSpecifyBothEncryptionIntentAndEnforcementPolicy", "encryption of traffic changes no path"),
    ("GetEffectiveNetworkSecurityGroupsApiNotAllowed", "an operation that a subscription may not use"),
    ("NicMustBeAttachedToRunningVmToGetEffectiveRoutes", "an operation on a stopped machine"),
    ("NicMustBeAttachedToRunningVmToGetEffectiveSecurityGroups", "an operation on a stopped machine"),
    ("NicMustBeAttachedToVmToGetEffectiveRoutes", "an operation on a NIC without a machine"),
];

/// The text between two marks of a message.
fn between<'t>(message: &'t str, before: &str, after: &[char]) -> &'t str {
    message.split_once(before).unwrap().1.split(after).next().unwrap().trim_end_matches('.')
}

/// The body of a request that was not recorded, made from the offending value that the message names.
fn body_from(code: &str, message: &str, uri: &str) -> Value {
    let mut rule = json!({ "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": "443" });
    let value = |before| between(message, before, &[' ', '\n']).to_owned();
    match code {
        "SecurityRuleInvalidPortRange" => rule["destinationPortRange"] = json!(value("Value provided: ")),
        "SecurityRuleInvalidAddressPrefix" => rule["sourceAddressPrefix"] = json!(value("Value provided: ")),
        "SecurityRuleInvalidPriority" => {
            rule["priority"] = json!(value("Value provided: ").parse::<i64>().unwrap());
        }
        "SecurityRuleDescriptionTooLong" => rule["description"] = json!("d".repeat(141)),
        "InvalidAddressPrefixFormat" if uri.contains("/subnets/") => {
            rule = json!({ "addressPrefix": value("Address prefix ") });
        }
        "InvalidAddressPrefixFormat" => {
            rule = json!({ "addressSpace": { "addressPrefixes": [value("Address prefix ")] } });
        }
        "NetcfgInvalidSubnet" => rule = json!({ "addressPrefix": "192.168.7.0/24" }),
        "InvalidPrivateIPAddressFormat" => {
            let address = value("address value ");
            rule = json!({ "ipConfigurations": [{ "name": "ip", "properties": { "privateIPAddress": address } }] });
        }
        other => panic!("no body is known for {other}"),
    }
    json!({ "properties": rule })
}

#[test]
fn what_azure_refused_has_azures_code() {
    let Some(folder) = shared("what_azure_refused_has_azures_code", "gt-rejections") else { return };
    let (mut judged, mut excluded) = (0, 0);
    for (name, rejection) in documents(&folder) {
        let uri = rejection["uri"].as_str().unwrap();
        let error = &rejection["answer"]["error"];
        let code = error["code"].as_str().unwrap();
        if let Some((_, reason)) = NOT_CONFIGURATION.iter().find(|(other, _)| *other == code) {
            println!("{code}: {reason}");
            excluded += 1;
            continue;
        }
        let recorded = rejection["request"].clone();
        let body = if recorded.is_null() { body_from(code, error["message"].as_str().unwrap(), uri) } else { recorded };
        let mut resources = vec![resource(uri, &body)];
        if code == "NetcfgInvalidSubnet" {
            let parent = id_of(uri).rsplit_once("/subnets/").unwrap().0;
            let space = json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] } } });
            resources.push(resource(parent, &space));
        }
        judged += 1;
        let found = azure_errors(&format!("rejection-{judged}"), &resources);
        assert!(found.contains(code), "{name}: {code} is not among {found:?}");
    }
    assert!(judged >= 9 && excluded >= 3, "{judged} judged, {excluded} excluded");
}

/// A model and the codes of what was reported while reading.
fn read(resources: &[Value]) -> (Snapshot, Vec<&'static str>) {
    let bytes = json!(resources).to_string().into_bytes();
    let loaded = load(vec![Input { name: "all.json".to_owned(), bytes, named: true }]);
    let mut codes: Vec<&str> = loaded.findings.iter().map(|finding| finding.code.code).collect();
    codes.sort_unstable();
    (loaded.snapshot, codes)
}

/// The content of a model without what Azure adds to a request: references back, states, allocated addresses, and what
/// a peering says of the other side.
fn content(mut snapshot: Snapshot, allocated: bool) -> String {
    for nsg in snapshot.nsgs.values_mut() {
        nsg.subnets.clear();
        nsg.network_interfaces.clear();
    }
    for table in snapshot.route_tables.values_mut() {
        table.subnets.clear();
    }
    for vnet in snapshot.vnets.values_mut().chain(snapshot.fragments.vnets.values_mut()) {
        for peering in &mut vnet.peerings {
            peering.state = None;
            peering.access_span = None;
            peering.remote_address_space.clear();
            peering.remote_virtual_network_address_space.clear();
        }
    }
    for nic in snapshot.network_interfaces.values_mut() {
        nic.virtual_machine = None;
        for configuration in nic.configurations.iter_mut().filter(|_| allocated) {
            configuration.address = None;
        }
    }
    for nsg in snapshot.nsgs.values_mut() {
        nsg.guid = None;
    }
    for gateway in snapshot.application_gateways.values_mut() {
        gateway.provisioning_state = None;
        gateway.operational_state = None;
        for frontend in gateway.frontends.iter_mut().filter(|_| allocated) {
            frontend.private_address = None;
        }
    }
    for policy in snapshot.firewall_policies.values_mut() {
        // Azure stores the word as the prefixes that it stands for.
        let ranges = std::mem::take(&mut policy.settings.private_ranges);
        policy.settings.private_ranges = ranges.into_iter().flat_map(spelled_out).collect();
    }
    format!("{snapshot:#?}")
}

fn spelled_out(range: SnatRange) -> Vec<SnatRange> {
    match range {
        SnatRange::IanaPrivate => ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
            .map(|text| SnatRange::Prefix(text.parse().unwrap()))
            .to_vec(),
        other => vec![other],
    }
}

/// Leaves out what Azure chose by the API version of the request where that said nothing (semantics.md 9b.10).
fn with_defaults_of(request: &Snapshot, mut stored: Snapshot) -> Snapshot {
    let asked = request.vnets.values().chain(request.fragments.vnets.values()).flat_map(|vnet| &vnet.subnets);
    let silent: BTreeSet<&str> = asked
        .filter(|subnet| subnet.private_endpoint_policies.span().is_none())
        .map(|subnet| subnet.name.as_str())
        .collect();
    let vnets = stored.vnets.values_mut().chain(stored.fragments.vnets.values_mut());
    for subnet in vnets.flat_map(|vnet| &mut vnet.subnets).filter(|subnet| silent.contains(subnet.name.as_str())) {
        subnet.private_endpoint_policies = Setting::Missing;
    }
    stored
}

/// Does the request leave an address to Azure?
fn leaves_addresses(request: &Value) -> bool {
    let properties = &request["properties"];
    let lists = ["ipConfigurations", "frontendIPConfigurations"].map(|key| properties[key].as_array());
    let mut configurations = lists.into_iter().flatten().flatten().map(|one| &one["properties"]);
    // An address beside Dynamic is what Azure gave last time.
    configurations.any(|one| one["privateIPAddress"].is_null() || one["privateIPAllocationMethod"] == "Dynamic")
}

#[test]
fn a_request_and_its_stored_form_are_one_model() {
    let Some(folder) = shared("a_request_and_its_stored_form_are_one_model", "gt-put-pairs") else { return };
    let mut compared = 0;
    let mut differing = Vec::new();
    for (name, pairs) in documents(&folder) {
        for (index, pair) in pairs.as_array().unwrap().iter().enumerate() {
            let uri = pair["uri"].as_str().unwrap();
            let (request, asked) = read(&[resource(uri, &pair["request"])]);
            let (stored, kept) = read(&[resource(uri, &pair["response"])]);
            assert_eq!(asked, kept, "{name} {index}: findings");
            let allocated = leaves_addresses(&pair["request"]);
            let stored = with_defaults_of(&request, stored);
            let (request, stored) = (content(request, allocated), content(stored, allocated));
            if request != stored {
                let lines = request.lines().zip(stored.lines()).find(|(a, b)| a != b);
                differing.push(format!("{name} {index}: {lines:?}"));
            }
            compared += 1;
        }
    }
    assert!(differing.is_empty(), "{}\n{}", differing.len(), differing.join("\n"));
    assert!(compared > 200, "{compared}");
}

/// Addresses at the edges of prefixes, and beside them; `*` and tags add nothing.
fn edges(prefixes: impl Iterator<Item = ipnet::IpNet>, out: &mut BTreeSet<IpAddr>) {
    for net in prefixes {
        let ends = match net {
            ipnet::IpNet::V4(net) => [net.network(), net.broadcast()].map(u32::from),
            ipnet::IpNet::V6(_) => continue,
        };
        let near = [ends[0], ends[0].saturating_sub(1), ends[1], ends[1].saturating_add(1)];
        out.extend(near.map(|bits| IpAddr::V4(bits.into())));
    }
}

/// What the rules of an NSG tell apart: addresses and ports.
fn boundaries(nsg: &NetworkSecurityGroup) -> (BTreeSet<IpAddr>, BTreeSet<u16>) {
    let mut addresses: BTreeSet<IpAddr> = ["10.200.0.4", "203.0.113.9"].map(|text| text.parse().unwrap()).into();
    let mut ports = BTreeSet::from([1, 65535]);
    for rule in &nsg.rules {
        let terms = rule.source.terms().chain(rule.destination.terms());
        let prefixes = terms.filter_map(|term| match &term.value {
            AddressTerm::Prefix(prefix) => Some(prefix.net),
            _ => None,
        });
        edges(prefixes, &mut addresses);
        for term in rule.destination_ports.terms().chain(rule.source_ports.terms()) {
            if let PortTerm::Range(low, high) = term.value {
                ports.extend(
                    [low, low.saturating_sub(1), high, high.saturating_add(1)].iter().filter(|port| **port > 0),
                );
            }
        }
    }
    (addresses, ports)
}

/// An estate of one wide subnet that uses the resource.
fn estate(owner: &Value, reference: &str) -> Vec<Value> {
    let root = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet-probe";
    let subnet = json!({ "name": "probe", "id": format!("{root}/subnets/probe"),
        "properties": { "addressPrefix": "10.0.0.0/8", reference: { "id": owner["id"] } } });
    let vnet = json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/8"] }, "subnets": [subnet] } });
    vec![owner.clone(), resource(root, &vnet)]
}

/// The answers to every flow: verdict, stage, resource and rule.
fn answers(name: &str, resources: &[Value], flows: &str) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("configuration-{name}.json"));
    fs::write(&file, json!(resources).to_string()).unwrap();
    let line = ["check", &file.to_string_lossy(), "--flows", "-", "--assume", "nic=none", "-o", "csv", "-q"];
    let ran = support::gatepath_with(&line, flows.as_bytes());
    assert!(ran.out.lines().count() == flows.lines().count(), "{name}: {}", ran.err);
    ran.out
}

/// Flows between all addresses, as far as there are not too many.
fn flows_between(addresses: &BTreeSet<IpAddr>, ports: &BTreeSet<u16>) -> String {
    let mut out = vec!["source,destination,protocol,source_port,destination_port".to_owned()];
    for from in addresses {
        for to in addresses.iter().filter(|to| *to != from) {
            for port in ports {
                out.push(format!("{from},{to},Tcp,,{port}"));
            }
            let port = ports.last().unwrap();
            out.push(format!("{from},{to},Udp,{port},{port}"));
            out.push(format!("{from},{to},Icmp,,"));
        }
    }
    out.truncate(4000);
    out.join("\n") + "\n"
}

/// The parent of a rule or route with only this child; other resources as they are.
fn owner(uri: &str, body: &Value, list: &str) -> Value {
    match id_of(uri).rsplit_once(&format!("/{list}/")) {
        Some((parent, _)) => resource(parent, &json!({ "properties": { list: [resource(uri, body)] } })),
        None => resource(uri, body),
    }
}

#[test]
fn a_request_and_its_stored_form_give_the_same_verdicts() {
    let Some(folder) = shared("a_request_and_its_stored_form_give_the_same_verdicts", "gt-put-pairs") else { return };
    let mut asked = 0;
    let kinds = [
        ("networksecuritygroups", "securityRules", "networkSecurityGroup"),
        ("networksecuritygroups.securityrules", "securityRules", "networkSecurityGroup"),
        ("routetables", "routes", "routeTable"),
        ("routetables.routes", "routes", "routeTable"),
    ];
    for (kind, list, reference) in kinds {
        for (name, pairs) in documents(&folder.join(kind)) {
            for (index, pair) in pairs.as_array().unwrap().iter().enumerate() {
                let uri = pair["uri"].as_str().unwrap();
                let forms = ["request", "response"].map(|form| owner(uri, &pair[form], list));
                let (snapshot, _) = read(&forms[1..]);
                let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::from([443]));
                for nsg in snapshot.nsgs.values() {
                    (addresses, ports) = boundaries(nsg);
                }
                let routes: Vec<&UserRoute> = snapshot.route_tables.values().flat_map(|table| &table.routes).collect();
                let prefixes = routes.iter().filter_map(|route| match route.destination.value() {
                    Some(RouteDestination::Prefix(prefix)) => Some(prefix.net),
                    _ => None,
                });
                edges(prefixes, &mut addresses);
                addresses.extend(["10.200.0.4", "10.200.0.5"].map(|text| text.parse::<IpAddr>().unwrap()));
                let flows = flows_between(&addresses, &ports);
                let [request, stored] = forms.map(|form| answers("pair", &estate(&form, reference), &flows));
                assert_eq!(request, stored, "{name} {index}");
                asked += flows.lines().count() - 1;
            }
        }
    }
    println!("{asked} flows asked of both forms");
    assert!(asked > 3000, "{asked}");
}
