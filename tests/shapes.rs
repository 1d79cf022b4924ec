//! One configuration in every export shape gives the same answers and the same findings: each conformance case is asked
//! as it stands, flattened as `az` prints it, in PowerShell's names, wrapped in each kind of list, spread over files,
//! in another order, and with ids in another letter case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

#[path = "support/case.rs"]
mod case;
mod support;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// Files of one writing.
type Files = Vec<Value>;

/// The ways to write a list of resources.
fn writings(resources: &[Value]) -> Vec<(&'static str, Files)> {
    let all = |list: Vec<Value>| vec![Value::from(list)];
    let each = |change: fn(&Value) -> Value| resources.iter().map(change).collect::<Vec<_>>();
    vec![
        ("one array", all(resources.to_vec())),
        ("az", all(each(flat))),
        ("PowerShell", all(each(|resource| pascal(&flat(resource))))),
        ("PowerShell of REST objects", all(each(pascal))),
        ("REST list", vec![json!({ "value": resources })]),
        ("resources", vec![json!({ "resources": resources })]),
        (
            "Resource Graph",
            vec![json!({ "count": resources.len(), "totalRecords": resources.len(), "data": resources })],
        ),
        ("a file each", resources.to_vec()),
        ("a file each, last first", resources.iter().rev().cloned().collect()),
        ("every list in another order", all(each(reversed).into_iter().rev().collect())),
        ("ids in capitals", all(each(|resource| ids(resource, &|id| id.to_ascii_uppercase())))),
        ("ids in small letters", all(each(|resource| ids(resource, &|id| id.to_ascii_lowercase())))),
        ("words in capitals", all(each(words))),
        ("twice", all([resources, resources].concat())),
    ]
}

fn map(value: &Value, change: &dyn Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(change).collect(),
        Value::Object(members) => members.iter().map(|(key, item)| (key.clone(), change(item))).collect(),
        other => other.clone(),
    }
}

/// Fields of `properties` beside it, at every depth.
fn flat(value: &Value) -> Value {
    let Value::Object(members) = value else { return map(value, &flat) };
    let mut out = Map::new();
    for (key, item) in members {
        match flat(item) {
            Value::Object(inner) if key == "properties" => out.extend(inner),
            item => {
                out.insert(key.clone(), item);
            }
        }
    }
    Value::Object(out)
}

/// Names with a capital; one value where PowerShell prints a list of it.
fn pascal(value: &Value) -> Value {
    let Value::Object(members) = value else { return map(value, &pascal) };
    let listed = ["sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange", "destinationPortRange"];
    let renamed = members.iter().map(|(key, item)| {
        let (head, tail) = key.split_at(1);
        let wrap = listed.contains(&key.as_str()) && item.as_str().is_some_and(|text| !text.is_empty());
        let item = if wrap { json!([item]) } else { pascal(item) };
        (format!("{}{tail}", head.to_ascii_uppercase()), item)
    });
    Value::Object(renamed.collect())
}

/// Every list from its end; rules of a firewall collection count top-down and keep their order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(reversed).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, item)| (key.clone(), if key == "rules" { item.clone() } else { reversed(item) }))
            .collect(),
        other => other.clone(),
    }
}

fn ids(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) if text.starts_with("/subscriptions/") => json!(change(text)),
        other => map(other, &|item| ids(item, change)),
    }
}

/// Words that Azure takes in any letter case.
fn words(value: &Value) -> Value {
    let known = ["protocol", "access", "direction", "nextHopType", "type", "peeringState", "status"];
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, item)| {
                let upper = item.as_str().filter(|_| known.contains(&key.as_str())).map(str::to_ascii_uppercase);
                (key.clone(), upper.map_or_else(|| words(item), Value::from))
            })
            .collect(),
        other => map(other, &words),
    }
}

/// The answer to the case's question without places: verdict, what decided, and names of findings.
fn answer(case: &Value, folder: &Path) -> Vec<String> {
    let mut out = Vec::new();
    // Of two rules that conflict either may be named, so names of rules are left out.
    let listed = |findings: &Value, out: &mut Vec<String>| {
        let names = findings.as_array().unwrap().iter().map(|finding| finding["name"].to_string());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        out.extend(names);
    };
    if let Some(report) = case::check(case, folder) {
        out.extend(["verdict", "stage", "resource", "rule"].map(|key| report[key].to_string().to_lowercase()));
        listed(&report["diagnostics"], &mut out);
    }
    listed(&case::lint(case, folder)["findings"], &mut out);
    out
}

/// Writings of one case that are answered otherwise than the first.
fn differences(file: &Path, root: &Path) -> Vec<String> {
    let case: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let folder = root.join(case["id"].as_str().unwrap());
    let (mut first, mut out) = (None, Vec::new());
    for (name, files) in writings(case["resources"].as_array().unwrap()) {
        case::write(&folder, &case, &files);
        let got = answer(&case, &folder);
        let wanted = first.get_or_insert_with(|| got.clone());
        if got != *wanted {
            out.push(format!("{} as {name}:\n  {wanted:?}\n  {got:?}", case["id"]));
        }
    }
    out
}

#[test]
fn every_shape_gives_the_same_answers() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shapes");
    let differing: Vec<String> = case::files().par_iter().flat_map(|file| differences(file, &root)).collect();
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n"));
}
