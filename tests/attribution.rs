//! Attribution cases through the command line: class, verdict, confidence, decider, evidence and mentions of every case,
//! with the changes and the earlier snapshot that it has.

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

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn folders(root: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = fs::read_dir(root).expect("cases").map(|entry| entry.unwrap().path()).collect();
    out.sort();
    out
}

fn ask(folder: &Path, case: &Value) -> Value {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut line = vec!["health".to_owned(), path("snapshot")];
    let records: Vec<PathBuf> = folders(&folder.join("health"));
    for record in records {
        line.extend(["--record".to_owned(), record.to_string_lossy().into_owned()]);
    }
    if let Some(at) = case["at"].as_str() {
        line.extend(["--at".to_owned(), at.to_owned()]);
    }
    for (option, name) in [("--changes", "changes/activity-log.json"), ("--before", "snapshot-before")] {
        if folder.join(name).exists() {
            let time = case["beforeAt"].as_str().unwrap_or_default();
            let value = if option == "--before" { format!("{time}={}", path(name)) } else { path(name) };
            line.extend([option.to_owned(), value]);
        }
    }
    if let Some(hosts) = case["hosts"].as_str() {
        line.extend(["--resolve".to_owned(), format!("@{}", path(hosts))]);
    }
    line.extend(["-o".to_owned(), "json".to_owned()]);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let ran = support::gatepath_with(&line, b"");
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", case["id"], ran.err))
}

fn same(expected: &Value, got: &Value) -> bool {
    match (expected.as_str(), got.as_str()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => expected == got,
    }
}

fn compare(expect: &Value, servers: &[Value]) -> Vec<String> {
    let found = servers
        .iter()
        .find(|server| ["pool", "setting", "server"].iter().all(|key| same(&expect[*key], &server[*key])));
    let Some(found) = found else { return vec!["no such server in the answer".to_owned()] };
    let mut out = Vec::new();
    let mut check = |key: &str, expected: &Value| {
        if !same(expected, &found[key]) {
            out.push(format!("{key}: expected {expected}, got {}", found[key]));
        }
    };
    for key in ["gateway", "port", "recorded", "evidence"] {
        if !expect[key].is_null() {
            check(key, &expect[key]);
        }
    }
    check("message", &expect["message"]);
    if !expect["dataPort"].is_null() {
        check("data_port", &expect["dataPort"]);
        check("data_verdict", &expect["dataPath"]);
    }
    if let Some(grade) = expect.get("grade") {
        check("grade", grade);
    }
    // Where the address cannot be known the path is unknown; still simulating something is not wrong there.
    let free = ["1", "2", "3", "11d", "34"].contains(&expect["row"].as_str().unwrap_or_default());
    let path = if expect["path"] == "asymmetric" { Value::from("deny") } else { expect["path"].clone() };
    if !free || path != "unknown" {
        check("verdict", &path);
        // An unknown path without names in a contested case says nothing about what could not be judged.
        let named = path != "allow" && (path != "unknown" || !expect["stage"].is_null());
        for key in ["stage", "resource", "rule"] {
            if named || !expect[key].is_null() {
                check(key, &expect[key]);
            }
        }
    }
    let any = |key: &str, one: &Value| expect[key].as_array().cloned().unwrap_or_else(|| vec![one.clone()]);
    let mut classes = any("classAny", &expect["class"]);
    classes.push(expect["class"].clone());
    if !classes.contains(&found["class"]) {
        out.push(format!("class: expected {}, got {} (row {})", expect["class"], found["class"], found["row"]));
    }
    let confidences = any("confidenceAny", &expect["confidence"]);
    if !confidences.contains(&found["confidence"]) {
        out.push(format!("confidence: expected {}, got {}", expect["confidence"], found["confidence"]));
    }
    let also = found["also"].as_array().unwrap();
    for class in expect["also"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if !also.contains(class) && found["class"] != *class {
            out.push(format!("also: {class} is missing"));
        }
    }
    let said = format!("{} {} {}", found["explanation"], found["next_steps"], found["missing"]).to_lowercase();
    for literal in expect["literals"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if !said.contains(&literal.as_str().unwrap().to_lowercase()) {
            out.push(format!("not mentioned: {literal}"));
        }
    }
    out
}

/// Facts about the whole case beside its servers.
fn whole(case: &Value, report: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let servers = report["servers"].as_array().unwrap();
    for absent in case["absentClasses"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if servers
            .iter()
            .any(|server| server["class"] == *absent || server["also"].as_array().unwrap().contains(absent))
        {
            out.push(format!("class {absent} must not appear"));
        }
    }
    let management = &case["management"];
    if !management.is_null() {
        let got = &report["management"][0];
        for key in ["verdict", "resource", "rule"] {
            if !management[key].is_null() && !same(&management[key], &got[key]) {
                out.push(format!("management {key}: expected {}, got {}", management[key], got[key]));
            }
        }
    }
    let causes = match &case["commonCause"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    for (index, cause) in causes.iter().enumerate() {
        let got = &report["common_causes"][index];
        for key in ["stage", "resource", "rule"] {
            if !same(&cause[key], &got[key]) {
                out.push(format!("common cause {key}: expected {}, got {}", cause[key], got[key]));
            }
        }
        for key in ["servers", "heals"] {
            let sorted = |list: &Value| {
                let mut list: Vec<String> = list.as_array().into_iter().flatten().map(ToString::to_string).collect();
                list.sort();
                list
            };
            if sorted(&cause[key]) != sorted(&got[key]) {
                out.push(format!("common cause {key}: expected {}, got {}", cause[key], got[key]));
            }
        }
    }
    out
}

/// Flip, cause and recovery; what stays unexplained; hops, second blockers and exports that the case names.
fn facts(case: &Value, report: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let servers = report["servers"].as_array().unwrap();
    let line = &case["timeline"];
    if line.is_object() {
        let got = &servers[0]["timeline"];
        for (expected, key) in [
            ("flip", "flip"),
            ("change", "change"),
            ("changeAt", "change_at"),
            ("recovery", "recovery"),
            ("revertAt", "revert_at"),
        ] {
            if line.get(expected).is_some_and(|value| !same(value, &got[key])) {
                out.push(format!("timeline {key}: expected {}, got {}", line[expected], got[key]));
            }
        }
    }
    if let Some(expected) = case["unexplained"].as_array() {
        let mut expected = expected.clone();
        expected.sort_by_key(ToString::to_string);
        if report["unexplained"] != Value::from(expected.clone()) {
            out.push(format!("unexplained: expected {expected:?}, got {}", report["unexplained"]));
        }
    }
    let said = report.to_string().to_lowercase();
    let mut mention = |what: &str| {
        if !said.contains(&what.to_lowercase()) {
            out.push(format!("nowhere said: {what}"));
        }
    };
    for key in ["forwardNextHop", "returnNextHop"] {
        case[key].as_str().into_iter().for_each(&mut mention);
    }
    for list in [&case["missing"], &case["counterfactual"]["remove"], &case["learn"]["mustAllow"]] {
        let one = list.as_str().into_iter().chain(list.as_array().into_iter().flatten().filter_map(Value::as_str));
        one.flat_map(|text| text.split('/')).for_each(&mut mention);
    }
    for blocker in case["secondBlocker"].as_object().into_iter().flatten() {
        blocker.1.as_str().unwrap().split('/').for_each(&mut mention);
    }
    for text in case["mustNotAdvise"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if said.contains(&text.to_lowercase()) {
            out.push(format!("advised: {text}"));
        }
    }
    out
}

fn run(root: &Path, at_least: usize) {
    let mut failed = Vec::new();
    let mut count = 0;
    for folder in folders(root) {
        let case: Value = serde_json::from_str(&fs::read_to_string(folder.join("case.json")).unwrap()).unwrap();
        count += 1;
        let report = ask(&folder, &case);
        let servers = report["servers"].as_array().unwrap();
        for expect in case["expect"].as_array().unwrap() {
            for difference in compare(expect, servers) {
                failed.push(format!("{} {}: {difference}", case["id"], expect["server"]));
            }
        }
        failed.extend(facts(&case, &report).into_iter().map(|difference| format!("{}: {difference}", case["id"])));
        failed.extend(whole(&case, &report).into_iter().map(|difference| format!("{}: {difference}", case["id"])));
    }
    assert!(count >= at_least, "{count} cases");
    assert!(failed.is_empty(), "of {count} cases:\n{}", failed.join("\n"));
}

#[test]
fn every_case() {
    run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attribution"), 102);
}

#[test]
fn every_case_of_the_shared_collection() {
    match std::env::var_os("GATEPATH_SHARED") {
        Some(shared) => run(&Path::new(&shared).join("conformance/attribution/cases"), 102),
        None => support::skipped("every_case_of_the_shared_collection"),
    }
}
