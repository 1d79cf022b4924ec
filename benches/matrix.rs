//! Ingest, compile and evaluate a gateway with 10,000 backends (and their NICs) behind a 1,000-rule NSG.
//!
//! `cargo bench --bench matrix`; the estate is built from a fixed seed, nothing is read from disk. The parse floor is
//! what `serde_json` alone needs to walk the same bytes, measured in the same run.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gatepath::compile::{Assumptions, Network};
use gatepath::ingest::{Input, load};
use gatepath::solve::matrix::matrix;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::hint::black_box;

const BACKENDS: usize = 10_000;
const RULES: usize = 1_000;
const PREFIX: &str =
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-bench/providers/Microsoft.Network";

/// A small linear congruential generator: the same estate on every machine.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn id(kind: &str, name: &str) -> String {
    format!("{PREFIX}/{kind}/{name}")
}

fn resource(kind: &str, name: &str, properties: &Value) -> Value {
    json!({"id": id(kind, name), "name": name, "type": format!("Microsoft.Network/{kind}"), "location": "westeurope", "properties": properties})
}

fn address(backend: usize) -> String {
    let host = backend + 16;
    format!("10.1.{}.{}", host / 256, host % 256)
}

/// Rules of both directions with lists of prefixes and ports; most are about other sources, as in a shared NSG.
fn rules(seed: &mut Seeded) -> Vec<Value> {
    (0..RULES)
        .map(|number| {
            let prefixes: Vec<String> = (0..=seed.below(8))
                .map(|block| {
                    format!(
                        "10.{}.{}.0/24",
                        if seed.below(4) == 0 { 0 } else { 2 + seed.below(200) },
                        block * 31 + seed.below(31)
                    )
                })
                .collect();
            let destinations: Vec<String> = (0..=seed.below(8))
                .map(|block| format!("10.1.{}.{}/32", block * 4 + seed.below(4), seed.below(256)))
                .collect();
            let ports: Vec<String> = (0..=seed.below(4)).map(|_| (1024 + seed.below(60_000)).to_string()).collect();
            let access = if seed.below(3) == 0 { "Deny" } else { "Allow" };
            json!({"name": format!("rule-{number}"), "properties": {
                "priority": 100 + number, "direction": "Inbound", "access": access, "protocol": "Tcp",
                "sourcePortRange": "*", "destinationPortRanges": ports,
                "sourceAddressPrefixes": prefixes, "destinationAddressPrefixes": destinations}})
        })
        .collect()
}

fn nic(number: usize) -> Value {
    let name = format!("nic-{number}");
    let configuration = format!("{}/ipConfigurations/ipconfig1", id("networkInterfaces", &name));
    resource(
        "networkInterfaces",
        &name,
        &json!({
        "enableIPForwarding": false, "macAddress": "00-0D-3A-00-00-00", "primary": true,
        "ipConfigurations": [{"id": configuration, "name": "ipconfig1", "properties": {
            "privateIPAddress": address(number), "privateIPAllocationMethod": "Dynamic", "primary": true,
            "subnet": {"id": format!("{}/subnets/web", id("virtualNetworks", "vnet"))}}}]}),
    )
}

fn gateway() -> Value {
    let own = id("applicationGateways", "agw");
    let members: Vec<Value> = (0..BACKENDS).map(|number| json!({"ipAddress": address(number)})).collect();
    resource(
        "applicationGateways",
        "agw",
        &json!({
        "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
        "gatewayIPConfigurations": [{"name": "g", "properties": {"subnet": {"id": format!("{}/subnets/agw", id("virtualNetworks", "vnet"))}}}],
        "frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": id("publicIPAddresses", "pip")}}}],
        "backendAddressPools": [{"id": format!("{own}/backendAddressPools/pool"), "name": "pool", "properties": {"backendAddresses": members}}],
        "backendHttpSettingsCollection": [{"id": format!("{own}/backendHttpSettingsCollection/https"), "name": "https", "properties": {"port": 8443, "protocol": "Https"}}],
        "requestRoutingRules": [{"name": "r", "properties": {
            "backendAddressPool": {"id": format!("{own}/backendAddressPools/pool")},
            "backendHttpSettings": {"id": format!("{own}/backendHttpSettingsCollection/https")}}}]}),
    )
}

fn estate() -> Vec<u8> {
    let mut seed = Seeded(7);
    let nsg = json!({"networkSecurityGroup": {"id": id("networkSecurityGroups", "nsg")}});
    let subnet = |name: &str, prefix: &str, more: &Value| {
        let mut properties = json!({"addressPrefix": prefix});
        if let (Some(into), Some(from)) = (properties.as_object_mut(), more.as_object()) {
            into.extend(from.clone());
        }
        json!({"id": format!("{}/subnets/{name}", id("virtualNetworks", "vnet")), "name": name, "properties": properties})
    };
    let mut all = vec![
        resource("networkSecurityGroups", "nsg", &json!({"securityRules": rules(&mut seed)})),
        resource(
            "virtualNetworks",
            "vnet",
            &json!({
            "addressSpace": {"addressPrefixes": ["10.0.0.0/15"]},
            "subnets": [subnet("agw", "10.0.0.0/24", &json!({})), subnet("web", "10.1.0.0/18", &nsg)]}),
        ),
        gateway(),
    ];
    all.extend((0..BACKENDS).map(nic));
    serde_json::to_vec_pretty(&all).unwrap_or_default()
}

fn input(bytes: &[u8]) -> Vec<Input> {
    vec![Input { name: "estate.json".to_owned(), bytes: bytes.to_vec(), named: true }]
}

fn whole_estate(criterion: &mut Criterion) {
    let bytes = estate();
    let loaded = load(input(&bytes));
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let rows = matrix(&network, &|_| {});
    assert_eq!(rows.len(), BACKENDS, "every backend is one path");
    let mut group = criterion.benchmark_group("1000 rules, 10000 backends");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("parse floor (serde_json, ignored)", |b| {
        b.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(&bytes)).is_ok());
    });
    group.bench_function("ingest", |b| b.iter(|| load(input(black_box(&bytes)))));
    group.throughput(Throughput::Elements(BACKENDS as u64));
    group.bench_function("compile", |b| {
        b.iter(|| Network::compile(black_box(&loaded.snapshot), Assumptions::default()));
    });
    group.bench_function("evaluate", |b| b.iter(|| matrix(black_box(&network), &|_| {})));
    group.finish();
}

criterion_group!(benches, whole_estate);
criterion_main!(benches);
