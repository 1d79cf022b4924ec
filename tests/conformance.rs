//! Conformance cases through the command line: verdict, stage, resource, rule and diagnostics of every case.

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

struct Case {
    id: String,
    value: Value,
    folder: PathBuf,
}

fn cases(from: &Path) -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(from).expect("cases").map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let root =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance").join(from.to_string_lossy().replace('/', "_"));
    files
        .iter()
        .map(|file| serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).expect("a case is JSON"))
        .map(|value| {
            let id = value["id"].as_str().unwrap().to_owned();
            let folder = root.join(&id);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("resources.json"), value["resources"].to_string()).unwrap();
            for (key, name) in [("serviceTags", "tags.json"), ("dns", "dns.json")] {
                if value[key].is_object() {
                    fs::write(folder.join(name), value[key].to_string()).unwrap();
                }
            }
            Case { id, value, folder }
        })
        .collect()
}

/// The service's answer: verdict, stage, resource, rule, and the names of what was reported.
struct Got {
    answer: [Value; 4],
    names: Vec<String>,
}

fn names(findings: &Value) -> Vec<String> {
    let list = findings.as_array().expect("findings").iter();
    list.flat_map(|f| [&f["name"], &f["azure_error"]]).filter_map(|v| v.as_str()).map(str::to_owned).collect()
}

fn ask(case: &Case) -> Got {
    let query = &case.value["query"];
    let folder = case.folder.to_str().unwrap();
    if query["kind"] == "lint" {
        let ran = support::gatepath_with(&["lint", folder, "-o", "json"], b"");
        let report: Value = serde_json::from_str(&ran.out).expect(&ran.err);
        let errors = report["summary"]["errors"].as_u64().unwrap();
        assert_eq!(ran.code, u8::from(errors > 0), "{}", case.id);
        let verdict = if errors > 0 { "invalid" } else { "allow" };
        let findings = report["findings"].as_array().unwrap();
        let first = findings.first().cloned().unwrap_or(Value::Null);
        let name = first["resource"].as_str().map(|id| Value::from(id.rsplit('/').next().unwrap()));
        return Got {
            answer: [verdict.into(), Value::Null, name.unwrap_or(Value::Null), first["rule"].clone()],
            names: names(&report["findings"]),
        };
    }
    let text = |key: &str| match &query[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let destination = text("destination");
    let port = text("destinationPort");
    let to = match (destination.contains(':'), port.is_empty()) {
        (_, true) => destination,
        (true, false) => format!("[{destination}]:{port}"),
        (false, false) => format!("{destination}:{port}"),
    };
    let from = query["source"]["gateway"].as_str().map_or_else(|| text("source"), str::to_owned);
    let protocol = text("protocol").to_lowercase();
    let mut line = vec!["check", folder, "--from", &from, "--to", &to, "--proto", &protocol, "-o", "json"];
    let source_port = text("sourcePort");
    if !source_port.is_empty() {
        line.extend(["--src-port", &source_port]);
    }
    let ran = support::gatepath_with(&line, b"");
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", case.id, ran.err));
    let expected_code = match report["verdict"].as_str().unwrap() {
        "allow" => 0,
        "unknown" => 3,
        _ => 1,
    };
    assert_eq!(ran.code, expected_code, "{}: exit code", case.id);
    let field = |key: &str| report[key].clone();
    Got {
        answer: [field("verdict"), field("stage"), field("resource"), field("rule")],
        names: names(&report["diagnostics"]),
    }
}

/// What differs from the case's expectation.
fn differences(case: &Case) -> Vec<String> {
    let expect = &case.value["expect"];
    let lint = case.value["query"]["kind"] == "lint";
    let got = ask(case);
    let mut out = Vec::new();
    for (key, value) in ["verdict", "stage", "resource", "rule"].into_iter().zip(&got.answer) {
        // A null name in a lint case means: the offence has no single owner.
        let compared = !lint || key == "verdict" || !expect[key].is_null();
        if compared && expect[key] != *value {
            out.push(format!("{key}: expected {}, got {value}", expect[key]));
        }
    }
    let wanted = |key: &str| expect[key].as_array().cloned().unwrap_or_default();
    let reported =
        |wanted: &Value| got.names.iter().any(|name| wanted.as_str().is_some_and(|w| w.eq_ignore_ascii_case(name)));
    out.extend(wanted("diagnostics").iter().filter(|d| !reported(d)).map(|d| format!("not reported: {d}")));
    out.extend(wanted("absentDiagnostics").iter().filter(|d| reported(d)).map(|d| format!("wrongly reported: {d}")));
    out
}

fn run(from: &Path, at_least: usize) {
    let cases = cases(from);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let failed: Vec<String> = cases
        .iter()
        .map(|case| (case, differences(case)))
        .filter(|(_, differences)| !differences.is_empty())
        .map(|(case, differences)| format!("{} ({}): {}", case.id, case.value["title"], differences.join("; ")))
        .collect();
    assert!(failed.is_empty(), "{} of {} cases fail:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn every_case() {
    run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), 246);
}

#[test]
fn every_case_of_the_shared_collection() {
    match std::env::var_os("GATEPATH_SHARED") {
        Some(shared) => run(&Path::new(&shared).join("conformance/cases"), 246),
        None => support::skipped("every_case_of_the_shared_collection"),
    }
}
