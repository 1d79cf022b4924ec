//! Names in backend pools: hosts map, private DNS zones and their links, access logs. The verdict of the address tells
//! which record answered; what is missing is named and never guessed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::similar_names,
    reason = "a failed expectation is a failed test"
)]

mod support;

use serde_json::{Value, json};
use support::gatepath;

const ROOT: &str = "/subscriptions/s/resourceGroups/rg-names/providers/Microsoft.Network";

fn id(rest: &str) -> String {
    format!("{ROOT}/{rest}")
}

/// A gateway with one pool, and NICs on 10.9.4.4 to 10.9.4.7 without NSGs.
fn base(addresses: &Value) -> Vec<Value> {
    let gateway = id("applicationGateways/agw");
    let of = |rest: &str| json!({"id": format!("{gateway}/{rest}")});
    let subnet = |name: &str, prefix: &str| json!({"id": id(&format!("virtualNetworks/vnet-a/subnets/{name}")), "name": name, "addressPrefix": prefix});
    let mut out = vec![
        json!({"id": id("virtualNetworks/vnet-a"), "name": "vnet-a", "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
            "subnets": [subnet("snet-agw", "10.9.0.0/24"), subnet("snet-app", "10.9.4.0/24")]}),
        json!({"id": gateway, "name": "agw", "sku": {"tier": "Standard_v2"},
            "gatewayIPConfigurations": [{"name": "g", "subnet": {"id": id("virtualNetworks/vnet-a/subnets/snet-agw")}}],
            "backendAddressPools": [{"name": "pool", "backendAddresses": addresses}],
            "backendHttpSettingsCollection": [{"name": "http", "port": 80, "protocol": "Http"}],
            "requestRoutingRules": [{"name": "rule", "backendAddressPool": of("backendAddressPools/pool"),
                "backendHttpSettings": of("backendHttpSettingsCollection/http")}]}),
    ];
    for last in 4..8 {
        let nic = id(&format!("networkInterfaces/nic-{last}"));
        out.push(json!({"id": nic, "name": format!("nic-{last}"), "ipConfigurations": [{"name": "ip",
            "privateIPAddress": format!("10.9.4.{last}"), "subnet": {"id": id("virtualNetworks/vnet-a/subnets/snet-app")}}]}));
    }
    out
}

fn zone(name: &str) -> Value {
    json!({"id": id(&format!("privateDnsZones/{name}")), "name": name, "type": "Microsoft.Network/privateDnsZones", "location": "global"})
}

fn link(zone: &str, vnet: &str) -> Value {
    json!({"id": id(&format!("privateDnsZones/{zone}/virtualNetworkLinks/to-{vnet}")), "name": format!("to-{vnet}"),
        "virtualNetwork": {"id": id(&format!("virtualNetworks/{vnet}"))}, "virtualNetworkLinkState": "Completed"})
}

fn record(zone: &str, kind: &str, name: &str, values: &[&str]) -> Value {
    let rows = |key: &str| values.iter().map(|value| json!({ (key): value })).collect::<Vec<_>>();
    let mut out = json!({"id": id(&format!("privateDnsZones/{zone}/{kind}/{name}")), "name": name, "ttl": 300,
        "fqdn": format!("{name}.{zone}."), "type": format!("Microsoft.Network/privateDnsZones/{kind}")});
    match kind {
        "A" => out["aRecords"] = rows("ipv4Address").into(),
        "AAAA" => out["aaaaRecords"] = rows("ipv6Address").into(),
        "CNAME" => out["cnameRecord"] = json!({"cname": values[0]}),
        _ => out["txtRecords"] = json!([]),
    }
    out
}

fn fqdns(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "fqdn": name })).collect()
}

struct Answer {
    rows: Vec<(String, String)>,
    codes: Vec<String>,
    report: Value,
}

/// The rows (backend, verdict) of the matrix and the codes of its findings.
fn ask(test: &str, resources: &[Value], more: &[(&str, &str)], arguments: &[&str]) -> Answer {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("names").join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("all.json"), serde_json::to_string_pretty(&resources).unwrap()).unwrap();
    for (name, text) in more {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut line = vec!["matrix", folder.to_str().unwrap(), "-o", "json"];
    line.extend_from_slice(arguments);
    let ran = gatepath(&line);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let rows = report["paths"].as_array().unwrap().iter().map(|p| (text(p, "backend"), text(p, "verdict"))).collect();
    let codes = report["diagnostics"].as_array().unwrap().iter().map(|d| text(d, "name")).collect();
    Answer { rows, codes, report }
}

fn row(backend: &str, verdict: &str) -> (String, String) {
    (backend.to_owned(), verdict.to_owned())
}

/// One name against zones and records.
fn one(test: &str, name: &str, more: Vec<Value>) -> Answer {
    let mut resources = base(&fqdns(&[name]));
    resources.extend(more);
    ask(test, &resources, &[], &[])
}

#[test]
fn a_linked_zone_answers_and_says_so() {
    let z = "corp.test";
    let set = record(z, "A", "App", &["10.9.4.5", "10.9.4.4"]);
    let answer = one("linked", "APP.Corp.Test.", vec![zone(z), link(z, "vnet-a"), set.clone()]);
    assert_eq!(answer.rows, [row("10.9.4.4", "allow"), row("10.9.4.5", "allow")]);
    assert!(answer.codes.iter().all(|name| name == "name-from-private-dns-zone"), "{:?}", answer.codes);
    // The ARM form, with the zone known only by its link and record set.
    let arm = |mut value: Value, keys: &[&str]| {
        let object = value.as_object_mut().unwrap();
        let inner: serde_json::Map<_, _> =
            keys.iter().filter_map(|key| object.remove(*key).map(|v| ((*key).to_owned(), v))).collect();
        object.insert("properties".to_owned(), inner.into());
        value
    };
    let linked = arm(link(z, "vnet-a"), &["virtualNetwork", "virtualNetworkLinkState"]);
    let answer = one("linked-arm", "app.corp.test", vec![linked, arm(set, &["aRecords", "fqdn", "ttl"])]);
    assert_eq!(answer.rows, [row("10.9.4.4", "allow"), row("10.9.4.5", "allow")]);
}

#[test]
fn apex_wildcard_and_what_stands_before_a_wildcard() {
    let z = "corp.test";
    let records = || {
        vec![
            zone(z),
            link(z, "vnet-a"),
            record(z, "A", "@", &["10.9.4.4"]),
            record(z, "A", "*", &["10.9.4.5"]),
            record(z, "A", "a.b", &["10.9.4.6"]),
            record(z, "TXT", "only-text", &[]),
            record(z, "A", "*.deep", &["10.9.4.7"]),
        ]
    };
    for (at, (name, expected)) in [
        ("corp.test", Some("10.9.4.4")),
        ("x.corp.test", Some("10.9.4.5")),
        ("y.x.corp.test", Some("10.9.4.5")),
        ("a.b.corp.test", Some("10.9.4.6")),
        ("q.deep.corp.test", Some("10.9.4.7")),
        // These names exist, if without an address, so the wildcard does not answer.
        ("b.corp.test", None),
        ("only-text.corp.test", None),
        ("other.b.corp.test", None),
        ("xcorp.test", None),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = one(&format!("wildcard-{at}"), name, records());
        match expected {
            Some(address) => assert_eq!(answer.rows, [row(address, "allow")], "{name}"),
            None => assert_eq!(answer.rows, [row(name, "unknown")], "{name}"),
        }
    }
}

#[test]
fn the_longest_linked_zone_wins_and_is_not_left_for_a_shorter_one() {
    let zones = vec![
        zone("corp.test"),
        link("corp.test", "vnet-a"),
        record("corp.test", "A", "app.eu", &["10.9.4.4"]),
        zone("eu.corp.test"),
        record("eu.corp.test", "A", "other", &["10.9.4.5"]),
    ];
    let with = |vnet: &str| {
        let mut all = zones.clone();
        all.push(link("eu.corp.test", vnet));
        all
    };
    let answer = one("longest", "app.eu.corp.test", with("vnet-a"));
    assert_eq!(answer.rows, [row("app.eu.corp.test", "unknown")]);
    assert_eq!(answer.codes, ["private-dns-no-record"]);
    // Linked elsewhere, the longer zone is not seen and the shorter one answers.
    let answer = one("longest-elsewhere", "app.eu.corp.test", with("vnet-b"));
    assert_eq!(answer.rows, [row("10.9.4.4", "allow")]);
    // Whether the longer zone is linked is not in the input: neither may be taken.
    let answer = one("longest-open", "app.eu.corp.test", zones);
    assert_eq!(answer.rows, [row("app.eu.corp.test", "unknown")]);
    assert_eq!(answer.codes, ["private-dns-links-missing"]);
}

#[test]
fn a_zone_that_is_not_linked_is_named_with_the_command() {
    let z = "corp.test";
    let more = vec![zone(z), link(z, "vnet-b"), record(z, "A", "app", &["10.9.4.4"])];
    let answer = one("unlinked", "app.corp.test", more.clone());
    assert_eq!(answer.rows, [row("app.corp.test", "unknown")]);
    assert_eq!(answer.codes, ["private-dns-zone-not-linked"]);
    let help = answer.report["diagnostics"][0]["help"].as_str().unwrap();
    assert!(help.starts_with("az network private-dns link vnet create -g rg-names -z corp.test "), "{help}");
    let mut resources = base(&fqdns(&["app.corp.test"]));
    resources.extend(more);
    let answer = ask("unlinked-hosts", &resources, &[], &["--resolve", "app.corp.test=10.9.4.6"]);
    assert_eq!(answer.rows, [row("10.9.4.6", "allow")]);
}

#[test]
fn what_was_not_exported_is_unknown_with_its_command() {
    let z = "corp.test";
    let counted = |sets: u32, links: u32| {
        let mut value = zone(z);
        value["numberOfRecordSets"] = json!(sets);
        value["numberOfVirtualNetworkLinks"] = json!(links);
        value
    };
    let missing =
        |answer: &Answer| answer.report["paths"][0]["missing"][0]["command"].as_str().unwrap_or("").to_owned();
    let answer = one("no-sets", "app.corp.test", vec![counted(2, 1), link(z, "vnet-a")]);
    assert_eq!(answer.codes, ["private-dns-records-missing"]);
    assert!(missing(&answer).starts_with("az network private-dns record-set list -g rg-names -z corp.test"));
    let answer = one("no-links", "app.corp.test", vec![counted(2, 1), record(z, "A", "app", &["10.9.4.4"])]);
    assert_eq!(answer.codes, ["private-dns-links-missing"]);
    assert!(missing(&answer).starts_with("az network private-dns link vnet list -g rg-names -z corp.test"));
    let answer = one("zero-links", "app.corp.test", vec![counted(2, 0), record(z, "A", "app", &["10.9.4.4"])]);
    assert_eq!(answer.codes, ["private-dns-zone-not-linked"]);
    // An exact record answers although others are missing; a wildcard does not.
    let some = vec![
        counted(9, 1),
        link(z, "vnet-a"),
        record(z, "A", "app", &["10.9.4.4"]),
        record(z, "A", "*", &["10.9.4.5"]),
    ];
    assert_eq!(one("some-exact", "app.corp.test", some.clone()).rows, [row("10.9.4.4", "allow")]);
    assert_eq!(one("some-wildcard", "b.corp.test", some).codes, ["private-dns-records-missing"]);
    // A record set that cannot be read may be the very one.
    let mut broken = record(z, "A", "app", &["10.9.4.4"]);
    broken["aRecords"][0]["ipv4Address"] = json!("ten");
    let more = vec![zone(z), link(z, "vnet-a"), broken, record(z, "A", "*", &["10.9.4.5"])];
    let answer = one("broken", "app.corp.test", more);
    assert_eq!(answer.rows, [row("app.corp.test", "unknown")]);
    // A zone that cannot be used does not make room for a shorter one.
    let mut cut = zone("eu.corp.test");
    cut["properties"] = json!("Microsoft.Azure.Commands.Zone");
    let more = vec![zone(z), link(z, "vnet-a"), record(z, "A", "*", &["10.9.4.5"]), cut];
    assert_eq!(one("broken-zone", "a.eu.corp.test", more).rows, [row("a.eu.corp.test", "unknown")]);
}

#[test]
fn aliases_are_followed_within_bounds() {
    let z = "corp.test";
    let p = "privatelink.corp.test";
    let start = || vec![zone(z), link(z, "vnet-a"), zone(p), link(p, "vnet-a"), record(p, "A", "app", &["10.9.4.6"])];
    let with = |more: Vec<Value>| start().into_iter().chain(more).collect::<Vec<_>>();
    let answer = one("alias", "www.corp.test", with(vec![record(z, "CNAME", "www", &["App.privatelink.corp.test."])]));
    assert_eq!(answer.rows, [row("10.9.4.6", "allow")]);
    let circle = vec![record(z, "CNAME", "a", &["b.corp.test"]), record(z, "CNAME", "b", &["a.corp.test"])];
    let answer = one("alias-circle", "a.corp.test", with(circle));
    assert_eq!(answer.codes, ["private-dns-alias-unresolved"]);
    let long = (0..40).map(|at| record(z, "CNAME", &format!("n{at}"), &[&format!("n{}.corp.test", at + 1)])).collect();
    assert_eq!(one("alias-long", "n0.corp.test", with(long)).codes, ["private-dns-alias-unresolved"]);
    let out = with(vec![record(z, "CNAME", "www", &["app.elsewhere.test"])]);
    let answer = one("alias-out", "www.corp.test", out.clone());
    assert_eq!(answer.rows, [row("www.corp.test", "unknown")]);
    assert_eq!(answer.codes, ["private-dns-alias-unresolved"]);
    // The hosts map may know where the alias leads.
    let mut resources = base(&fqdns(&["www.corp.test"]));
    resources.extend(out);
    let answer = ask("alias-hosts", &resources, &[("hosts", "10.9.4.7 app.elsewhere.test\n")], &[]);
    assert_eq!(answer.rows, [row("10.9.4.7", "allow")]);
}

#[test]
fn own_dns_servers_make_zones_a_hint() {
    let z = "corp.test";
    let mut resources = base(&fqdns(&["app.corp.test"]));
    resources.extend([zone(z), link(z, "vnet-a"), record(z, "A", "app", &["10.9.4.4"])]);
    resources[0]["dhcpOptions"] = json!({"dnsServers": ["10.9.9.9"]});
    let answer = ask("own-servers", &resources, &[], &[]);
    assert_eq!(answer.rows, [row("app.corp.test", "unknown")]);
    assert_eq!(answer.codes, ["custom-dns-servers"]);
    assert!(answer.report["diagnostics"][0]["message"].as_str().unwrap().contains("10.9.4.4"));
    resources[0]["dhcpOptions"] = json!({"dnsServers": ["168.63.129.16"]});
    assert_eq!(ask("azure-server", &resources, &[], &[]).rows, [row("10.9.4.4", "allow")]);
}

#[test]
fn ipv6_records_count_where_the_gateway_has_ipv6() {
    let z = "corp.test";
    let mut resources = base(&fqdns(&["app.corp.test"]));
    resources.extend([
        zone(z),
        link(z, "vnet-a"),
        record(z, "A", "app", &["10.9.4.4"]),
        record(z, "AAAA", "app", &["fd00:9:4::4"]),
    ]);
    assert_eq!(ask("v4-gateway", &resources, &[], &[]).rows, [row("10.9.4.4", "allow")]);
    resources[0]["addressSpace"]["addressPrefixes"] = json!(["10.9.0.0/16", "fd00:9::/32"]);
    resources[0]["subnets"][0]["addressPrefixes"] = json!(["10.9.0.0/24", "fd00:9::/64"]);
    resources[0]["subnets"][1]["addressPrefixes"] = json!(["10.9.4.0/24", "fd00:9:4::/64"]);
    resources[2]["ipConfigurations"].as_array_mut().unwrap().push(json!({"name": "six",
        "privateIPAddress": "fd00:9:4::4", "subnet": {"id": id("virtualNetworks/vnet-a/subnets/snet-app")}}));
    let answer = ask("v6-gateway", &resources, &[], &[]);
    assert_eq!(answer.rows, [row("10.9.4.4", "allow"), row("fd00:9:4::4", "allow")]);
}

#[test]
fn a_record_in_a_linked_private_link_zone_answers_for_the_public_name() {
    let z = "privatelink.service.test";
    let ask = |case: &str, vnet: &str| {
        one(case, "app.service.test", vec![zone(z), link(z, vnet), record(z, "A", "app", &["10.9.4.4"])])
    };
    assert_eq!(ask("private-link", "vnet-a").rows, [row("10.9.4.4", "allow")]);
    assert_eq!(ask("private-link-elsewhere", "vnet-b").rows, [row("app.service.test", "unknown")]);
}

#[test]
fn a_private_endpoint_that_is_known_by_the_name_answers_with_a_warning() {
    let endpoint = json!({"id": id("privateEndpoints/pe-app"), "name": "pe-app", "subnet": {"id": id("virtualNetworks/vnet-a/subnets/snet-app")},
        "customDnsConfigs": [{"fqdn": "App.Service.Test", "ipAddresses": ["10.9.4.40"]}]});
    let answer = one("endpoint", "app.service.test", vec![endpoint]);
    assert_eq!(answer.rows, [row("10.9.4.40", "allow")]);
    let names: Vec<&str> =
        answer.report["diagnostics"].as_array().unwrap().iter().filter_map(|d| d["name"].as_str()).collect();
    assert!(names.contains(&"name-from-private-endpoint"), "{names:?}");
}

/// A request in the storage form of an access log.
fn request(pool: &str, routed: &str, time: &str) -> Value {
    json!({"timeStamp": time, "resourceId": id("applicationGateways/AGW").to_uppercase(), "backendPoolName": pool,
        "category": "ApplicationGatewayAccessLog", "operationName": "ApplicationGatewayAccess",
        "properties": {"serverRouted": routed, "serverStatus": "200", "httpStatus": 200, "host": "www.test"}})
}

#[test]
fn an_access_log_shows_the_address_of_a_pool_with_one_name() {
    let resources = base(&fqdns(&["app.public.test"]));
    let early = request("POOL", "10.9.4.4:80", "2026-01-01T00:00:00Z");
    let late = request("pool", "10.9.4.4:80", "2026-02-01T00:00:00Z");
    let lines = format!("{early}\n{late}\n");
    let records = json!({ "records": [early, late] }).to_string();
    let analytics = json!([{"TableName": "PrimaryResult", "TimeGenerated": "2026-02-01T00:00:00Z",
        "_ResourceId": id("applicationGateways/agw"), "BackendPoolName": "pool", "ServerRouted": "10.9.4.4:80"}])
    .to_string();
    let tables = json!({"tables": [{"name": "PrimaryResult",
        "columns": [{"name": "TimeGenerated"}, {"name": "ResourceId"}, {"name": "serverRouted_s"}, {"name": "backendPoolName_s"}],
        "rows": [["2026-02-01T00:00:00Z", id("applicationGateways/agw"), "10.9.4.4:80", "pool"]]}]})
    .to_string();
    let csv = format!(
        "\"TimeGenerated [UTC]\",_ResourceId,BackendPoolName,ServerRouted\n2026-02-01T00:00:00Z,{},pool,10.9.4.4:80\n",
        id("applicationGateways/agw")
    );
    for (name, text) in
        [("lines", lines), ("records", records), ("analytics", analytics), ("tables", tables), ("csv", csv)]
    {
        let answer = ask(&format!("log-{name}"), &resources, &[("log.txt", &text)], &[]);
        assert_eq!(answer.rows, [row("10.9.4.4", "allow")], "{name}");
        assert_eq!(answer.codes, ["name-from-access-log"], "{name}");
        let message = answer.report["diagnostics"][0]["message"].as_str().unwrap();
        assert!(message.contains("2026-02-01T00:00:00Z"), "{name}: {message}");
    }
}

#[test]
fn an_access_log_is_weaker_than_a_zone_and_silent_about_shared_pools() {
    let log = request("pool", "10.9.4.4:80", "2026-01-01T00:00:00Z").to_string();
    let both = base(&fqdns(&["a.public.test", "b.public.test"]));
    let answer = ask("log-shared", &both, &[("log.json", &log)], &[]);
    assert_eq!(answer.rows, [row("a.public.test", "unknown"), row("b.public.test", "unknown")]);
    let z = "corp.test";
    let mut zoned = base(&fqdns(&["app.corp.test"]));
    zoned.extend([zone(z), link(z, "vnet-a"), record(z, "A", "app", &["10.9.4.5"])]);
    assert_eq!(ask("log-zone", &zoned, &[("log.json", &log)], &[]).rows, [row("10.9.4.5", "allow")]);
    // A pool of another gateway says nothing, and neither does a request that was sent nowhere.
    let other = log.replace("AGW", "OTHER");
    let nowhere = request("pool", "-", "2026-01-01T00:00:00Z").to_string();
    for (name, text) in [("other", other), ("nowhere", nowhere)] {
        let single = base(&fqdns(&["app.public.test"]));
        let answer = ask(&format!("log-{name}"), &single, &[("log.json", &text)], &[]);
        assert_eq!(answer.rows, [row("app.public.test", "unknown")], "{name}");
    }
}

/// `check --to` takes a name as the gateway that has it in a pool resolves it.
#[test]
fn a_name_of_a_pool_can_be_asked_about() {
    let z = "corp.test";
    let mut resources = base(&fqdns(&["app.corp.test"]));
    resources.extend([zone(z), link(z, "vnet-a"), record(z, "A", "app", &["10.9.4.4"])]);
    ask("to-name", &resources, &[], &[]);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("names/to-name");
    let check = |name: &str| {
        let ran = gatepath(&["check", folder.to_str().unwrap(), "--to", name, "-o", "json"]);
        (ran.code, ran.out, ran.err)
    };
    let (code, out, err) = check("App.Corp.Test:443");
    assert!(code == 0 && out.contains("10.9.4.4"), "{code} {out} {err}");
    let (code, _, err) = check("other.corp.test:443");
    assert!(code == 2 && err.contains("other.corp.test"), "{err}");
}
