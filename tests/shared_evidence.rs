//! Evidence outside the project, where `GATEPATH_SHARED` says it is: real exports load, and the independent evaluator
//! agrees on random networks. Without it every test reports itself skipped by name.

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
use std::process::Command;
use support::gatepath_with;

fn shared(test: &str) -> Option<PathBuf> {
    let place = std::env::var_os("GATEPATH_SHARED").map(PathBuf::from);
    if place.is_none() {
        support::skipped(test);
    }
    place
}

fn json_files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            json_files(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            out.push(path);
        }
    }
}

/// Errors that are true defects of a collection: recordings of one resource at different times.
const TRUE_DEFECTS: [&str; 1] = ["GP113"];
/// Files that hold none of the formats: a Terraform test state, and a table of rules.
const OTHER_SHAPES: [&str; 2] = ["terraform_nsg_no_cidr_no_ports_tf_resources.json", "data_resource-type-mapping.json"];

#[test]
fn real_files_load_without_an_error_of_ours() {
    let Some(shared) = shared("real_files_load_without_an_error_of_ours") else { return };
    let mut files = Vec::new();
    for folder in ["resources", "cassettes", "jupiterone", "psrule"] {
        json_files(&shared.join("corpus").join(folder), &mut files);
    }
    assert!(files.len() > 90, "{}", files.len());
    let mut resources = 0;
    for file in &files {
        let name = file.to_string_lossy();
        let ran = gatepath_with(&["inspect", &name, "-o", "json"], b"");
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        let other = OTHER_SHAPES.iter().any(|shape| name.ends_with(shape));
        assert_eq!(ran.code, if other { 2 } else { 0 }, "{name}: {}", ran.err);
        for finding in report["diagnostics"].as_array().unwrap() {
            let code = finding["code"].as_str().unwrap();
            assert!(finding["severity"] != "error" || TRUE_DEFECTS.contains(&code), "{name}: {finding}");
        }
        let types = report["files"][0]["resources"].as_object().unwrap();
        resources += types.values().map(|n| n.as_u64().unwrap()).sum::<u64>();
        for command in ["matrix", "lint"] {
            let ran = gatepath_with(&[command, &name, "-o", "json", "-q"], b"");
            assert!([0, 1, 2, 3].contains(&ran.code), "{command} {name}: {}", ran.code);
        }
    }
    assert!(resources > 900, "{resources} resources were read");
}

#[test]
fn a_full_service_tag_file_loads() {
    let Some(shared) = shared("a_full_service_tag_file_loads") else { return };
    let mut files = Vec::new();
    json_files(&shared.join("corpus/servicetags"), &mut files);
    let ran = gatepath_with(&["inspect", &files.first().unwrap().to_string_lossy(), "-o", "json"], b"");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report["diagnostics"]), (0, &serde_json::json!([])));
    assert!(!report["service_tags"].is_null());
}

/// The case ids that KNOWN-DIFFERENCES.md argues, a heading each.
fn argued() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/KNOWN-DIFFERENCES.md")).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("## ")).map(|line| line.trim().to_owned()).collect()
}

fn replayed(snapshot: &Path, record: &Path) -> Value {
    let line = ["replay", &snapshot.to_string_lossy(), "--record", &record.to_string_lossy(), "-o", "json", "-q"];
    let ran = gatepath_with(&line, b"");
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", record.display(), ran.err))
}

const OPERATIONS: [&str; 6] = ["ipflow", "nexthop", "nsgdiag", "effnsg", "sgview", "effroutes"];

/// Flags of cases whose file holds what their question needs.
const COMPLETE: [&str; 3] = ["nsg-in-config", "vnet-known", "platform-error"];

#[test]
fn recorded_answers_of_azures_tools_agree() {
    let Some(shared) = shared("recorded_answers_of_azures_tools_agree") else { return };
    let argued = argued();
    let (mut agreed, mut undecided, mut wrong) = (0_u64, 0_u64, Vec::new());
    for operation in OPERATIONS {
        let mut files = Vec::new();
        json_files(&shared.join("corpus/gt-cases").join(operation), &mut files);
        for file in files {
            let case: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            let id = case["case_id"].as_str().unwrap();
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded").join(id);
            fs::create_dir_all(folder.join("snapshot")).unwrap();
            for key in ["resources", "security_group_view_in_session"] {
                if !case["config"][key].is_null() {
                    fs::write(folder.join("snapshot").join(key), case["config"][key].to_string()).unwrap();
                }
            }
            for (number, template) in
                case["config"]["deployment_templates"].as_array().into_iter().flatten().enumerate()
            {
                let name = format!("snapshot/template{number}.json");
                fs::write(folder.join(name), template["template"].to_string()).unwrap();
            }
            fs::write(folder.join("record.json"), case.to_string()).unwrap();
            let report = replayed(&folder.join("snapshot"), &folder.join("record.json"));
            assert_eq!(report["asked"], 1, "{id}");
            agreed += report["agreed"].as_u64().unwrap();
            undecided += report["undecided"].as_u64().unwrap();
            let flags = case["flags"].as_array().unwrap();
            let complete = flags.iter().any(|flag| COMPLETE.iter().any(|known| flag == known));
            let differs = !report["disagreements"].as_array().unwrap().is_empty();
            if (differs || complete && report["agreed"] != 1) && !argued.iter().any(|known| known == id) {
                wrong.push(format!("{id}: {:#}", report["disagreements"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed >= 35, "{agreed} agreed, {undecided} undecided");
    println!("{agreed} agreed, {undecided} undecided");
}

#[test]
fn flow_logs_agree_tuple_by_tuple() {
    let Some(shared) = shared("flow_logs_agree_tuple_by_tuple") else { return };
    let mut agreed = 0;
    for entry in fs::read_dir(shared.join("corpus/gt-flowlogs")).unwrap() {
        let folder = entry.unwrap().path();
        let report = replayed(&folder.join("config.json"), &folder.join("PT1H.json"));
        assert_eq!(report["agreed"], report["asked"], "{}: {:#}", folder.display(), report["disagreements"]);
        agreed += report["agreed"].as_u64().unwrap();
    }
    assert!(agreed > 8000, "{agreed}");
}

/// Seeds of random networks: a few here, more by the environment.
fn seeds() -> u64 {
    std::env::var("GATEPATH_ORACLE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

fn python(folder: &Path, arguments: &[&str]) -> String {
    let ran = Command::new("python3").args(arguments).current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "python3 {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_independent_evaluator_agrees_on_flows_and_paths() {
    let Some(shared) = shared("the_independent_evaluator_agrees_on_flows_and_paths") else { return };
    let oracle = shared.join("oracle");
    let (mut compared, mut differing) = (0_u64, Vec::new());
    for seed in 1..=seeds() {
        let size = ["small", "medium", "large"].get(usize::try_from(seed % 3).unwrap()).copied().unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oracle-{seed}"));
        let _ = fs::remove_dir_all(&folder);
        let place = folder.to_string_lossy().into_owned();
        python(&oracle, &["-B", "gen_snapshot.py", "--seed", &seed.to_string(), "--size", size, "--out", &place]);
        let flows = format!("{place}/flows.csv");
        let expected = python(&oracle, &["-B", "-m", "reach_oracle", "flows", &place, &flows]);
        let ran = gatepath_with(&["check", &place, "--flows", &flows, "-o", "json", "-q"], b"");
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        let answers = report["flows"].as_array().unwrap();
        for (line, flow) in expected.lines().skip(1).zip(answers) {
            compared += compare(&format!("seed {seed}"), line, flow, &mut differing);
        }
        let expected = python(&oracle, &["-B", "-m", "reach_oracle", "paths", &place]);
        let ran = gatepath_with(&["matrix", &place, "-o", "json", "-q"], b"");
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        for path in report["paths"].as_array().unwrap() {
            let key = ["gateway", "pool", "setting", "backend"].map(|k| path[k].as_str().unwrap().to_owned()).join(",");
            let key = format!("{key},{},", path["port"]);
            let Some(line) = expected.lines().find(|line| line.starts_with(&key)) else {
                differing.push(format!("seed {seed}: the evaluator has no path {key}"));
                continue;
            };
            compared += compare(&format!("seed {seed}"), line, path, &mut differing);
        }
    }
    assert!(compared > 1000, "{compared}");
    assert!(differing.is_empty(), "{} of {compared} differ:\n{}", differing.len(), differing.join("\n"));
    println!("{compared} answers compared");
}

/// Compares verdict, stage, resource and rule: the last four cells of a line of the evaluator. Returns how many answers it
/// compared.
fn compare(what: &str, line: &str, answer: &Value, differing: &mut Vec<String>) -> u64 {
    let mut cells: Vec<&str> = line.rsplitn(5, ',').take(4).collect();
    cells.reverse();
    let ours = ["verdict", "stage", "resource", "rule"].map(|key| answer[key].as_str().unwrap_or_default());
    if cells != ours {
        differing.push(format!("{what}: {line} | ours: {}", ours.join(",")));
    }
    1
}
