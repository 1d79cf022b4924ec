//! Effective lists in the input (semantics.md 3.7, 6.3, 9b): what Azure prints as in force for a NIC wins over the
//! configuration, the difference is reported, and a list that says the same changes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

#[path = "support/case.rs"]
mod case;
#[path = "effective_lists/printed.rs"]
mod printed;
mod support;
#[path = "effective_lists/winning.rs"]
mod winning;

use rayon::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Verdict and what decided it.
fn answer(case: &Value, folder: &Path) -> Option<[String; 4]> {
    let report = case::check(case, folder)?;
    Some(["verdict", "stage", "resource", "rule"].map(|key| report[key].to_string()))
}

/// Names of the findings that say that a list differs.
fn differs(case: &Value, folder: &Path) -> Vec<String> {
    let report = case::lint(case, folder);
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["name"] == "effective-list-differs").map(|f| f["message"].to_string()).collect()
}

/// NSGs and route tables whose content stands in lists.
fn emptied(resources: &[Value], listed: &printed::Lists) -> Vec<Value> {
    let mut out = resources.to_vec();
    for resource in &mut out {
        let id = resource["id"].as_str().unwrap_or_default().to_lowercase();
        if listed.nsgs.contains(&id) {
            resource["properties"]["securityRules"] = json!([]);
        }
        if listed.tables.contains(&id) {
            resource["properties"]["routes"] = json!([]);
        }
    }
    out
}

/// What lists of its own configuration change about a case, and whether it is another one without what stands in them.
fn changes(file: &Path, root: &Path) -> (Vec<String>, bool) {
    let case: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    if case["query"]["kind"] == "lint" {
        return (Vec::new(), false);
    }
    let folder = root.join(case["id"].as_str().unwrap());
    let (resources, listed) = printed::lists(&case);
    case::write(&folder, &case, &[Value::from(resources.clone())]);
    let plain = answer(&case, &folder);
    let mut out = Vec::new();
    let lists = Value::from(listed.documents.clone());
    case::write(&folder, &case, &[Value::from(resources.clone()), lists.clone()]);
    let (beside, found) = (answer(&case, &folder), differs(&case, &folder));
    if beside != plain || !found.is_empty() {
        out.push(format!("{} with its own lists: {plain:?} {beside:?} {found:?}", case["id"]));
    }
    let bare = Value::from(emptied(&resources, &listed));
    case::write(&folder, &case, &[bare.clone(), lists]);
    let winning = answer(&case, &folder);
    if winning != plain {
        out.push(format!("{} from lists alone: {plain:?} {winning:?}", case["id"]));
    }
    case::write(&folder, &case, &[bare]);
    (out, answer(&case, &folder) != plain)
}

#[test]
fn lists_of_the_configuration_itself_change_nothing_and_stand_for_it() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("effective");
    let files = case::files();
    let found: Vec<(Vec<String>, bool)> = files.par_iter().map(|file| changes(file, &root)).collect();
    let changed: Vec<&String> = found.iter().flat_map(|(changed, _)| changed).collect();
    assert!(changed.is_empty(), "{} of {}\n{changed:#?}", changed.len(), files.len());
    // The lists stand for something.
    let decisive = found.iter().filter(|(_, decisive)| *decisive).count();
    assert!(decisive > 100, "only {decisive} cases depend on what their lists say");
}
