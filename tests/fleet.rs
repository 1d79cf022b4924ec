//! A generated fleet history is attributed without a wrong claim against the network and without a missed one. Causes and
//! their effects come from the independent model (`tests/model`), noise and lag from a seed. `GATEPATH_CASES` asks for
//! more seeds.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "fleet/generate.rs"]
mod generate;
#[allow(dead_code, reason = "used whole by the properties")]
mod model;
mod support;

use generate::{Fleet, Size, Truth};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn write(folder: &Path, fleet: &Fleet, seed: u64) -> usize {
    for (name, after) in [("before", false), ("after", true)] {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("resources.json"), fleet.snapshot(after).to_string()).unwrap();
    }
    fs::write(folder.join("log.json"), fleet.log().to_string()).unwrap();
    let mut out = std::io::BufWriter::new(fs::File::create(folder.join("history.csv")).unwrap());
    fleet.history(seed, &mut out).unwrap()
}

/// Claims against truth, a line for each that is wrong or missed.
fn judge(fleet: &Fleet, report: &Value) -> (Vec<String>, BTreeMap<String, usize>) {
    let mut found: BTreeMap<(String, String), &Value> = BTreeMap::new();
    for server in report["servers"].as_array().unwrap() {
        let text = |key: &str| server[key].as_str().unwrap_or_default().to_owned();
        found.insert((text("gateway"), text("server")), server);
    }
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::new());
    for gateway in &fleet.gateways {
        for server in &gateway.servers {
            let truth = fleet.truth(gateway, server);
            let Some(said) = found.get(&(gateway.name.clone(), server.address.clone())) else {
                wrong.push(format!("{} {}: not in the report", gateway.name, server.address));
                continue;
            };
            let class = said["class"].as_str().unwrap_or_default();
            let network = ["NETWORK_BLOCK", "NETWORK_ASYMMETRY", "PARTIAL_SOURCE_COVERAGE"].contains(&class);
            let fine = match truth {
                Truth::Network => network,
                Truth::SomeInstances => class == "PARTIAL_SOURCE_COVERAGE",
                Truth::Other | Truth::Healthy => class != "NETWORK_BLOCK",
                Truth::Untold => true,
            };
            *counts.entry(format!("{truth:?} {class}")).or_default() += 1;
            if !fine {
                wrong.push(format!(
                    "{} {} is {truth:?} ({server:?}, changed {:?}), said {class}: {}",
                    gateway.name, server.address, gateway.changed, said["explanation"]
                ));
            }
        }
    }
    (wrong, counts)
}

fn attributed(seed: u64, size: Size) -> BTreeMap<String, usize> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fleet-{seed}"));
    let fleet = generate::fleet(seed, size);
    let rows = write(&folder, &fleet, seed);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (at, before) = (generate::time(fleet.end()), format!("{}={}", generate::time(0), path("before")));
    let line = [
        "health",
        &path("after"),
        "--record",
        &path("history.csv"),
        "--changes",
        &path("log.json"),
        "--before",
        &before,
        "--at",
        &at,
        "--assume",
        "nic=none",
        "-o",
        "json",
        "-q",
    ];
    let ran = support::gatepath_with(&line, b"");
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("seed {seed}: {}", ran.err));
    let (wrong, counts) = judge(&fleet, &report);
    assert!(wrong.is_empty(), "seed {seed}, {rows} rows: {} wrong {counts:#?}\n{}", wrong.len(), wrong.join("\n"));
    counts
}

/// `GATEPATH_FLEET=10000000`: one fleet of 200 gateways with about so many rows.
#[test]
fn a_fleet_as_large_as_asked_for() {
    let Some(rows) = std::env::var("GATEPATH_FLEET").ok().and_then(|text| text.parse::<i64>().ok()) else {
        println!("skipped: a_fleet_as_large_as_asked_for (GATEPATH_FLEET is not set)");
        return;
    };
    let size = Size { gateways: 200, servers: 6, instances: 2, steps: (rows / 2400).max(100) };
    println!("{:#?}", attributed(1, size));
}

#[test]
fn every_cause_of_a_fleet_is_found_and_none_is_invented() {
    let seeds: u64 = std::env::var("GATEPATH_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 1..=seeds.min(200) {
        for (what, count) in attributed(seed, Size { gateways: 20, servers: 6, instances: 2, steps: 240 }) {
            *all.entry(what).or_default() += count;
        }
    }
    println!("{all:#?}");
    let some = |start: &str| all.keys().any(|key| key.starts_with(start));
    assert!(some("Network ") && some("Other ") && some("Healthy "), "proves nothing: {all:#?}");
}
