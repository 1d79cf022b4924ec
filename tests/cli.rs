//! The contract of the command line: columns, exit codes, what goes to which stream, determinism.

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
use support::{Ran, gatepath, gatepath_with};

fn sample(name: &str) -> String {
    format!("samples/{name}/snapshot")
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.out, ran.err))
}

#[test]
fn bare_call_prints_twelve_helpful_lines() {
    let ran = gatepath(&[]);
    assert_eq!((ran.code, ran.out.lines().count(), ran.err.as_str()), (0, 12, ""));
    assert!(ran.out.contains("gatepath demo"));
}

#[test]
fn help_and_version_go_to_standard_output() {
    for line in [&["--help"][..], &["check", "--help"], &["--version"]] {
        let ran = gatepath(line);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line:?}");
        assert!(!ran.out.is_empty());
    }
}

#[test]
fn mistakes_go_to_standard_error_with_exit_2() {
    let good = sample("01-working");
    let cases: [&[&str]; 12] = [
        &["frobnicate", "--x"],
        &["matrix"],
        &["check", &good],
        &["check", &good, "--to", "10.40.2.4"],
        &["check", &good, "--to", "10.40.2.4:99999"],
        &["check", &good, "--to", "nowhere:443"],
        &["check", &good, "--from", "agw-order", "--to", "10.40.2.4:8080"],
        &["check", &good, "--to", "10.40.2.4:8080", "--proto", "sctp"],
        &["check", &good, "--to", "10.40.2.4:8080", "-o", "csv"],
        &["health", &good],
        &["health", &good, "--at", "yesterday"],
        &["explain", "GP999"],
    ];
    for line in cases {
        let ran = gatepath(line);
        assert_eq!(ran.code, 2, "{line:?}: {}", ran.out);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{line:?}");
    }
}

#[test]
fn a_wrong_name_gets_a_suggestion() {
    let ran = gatepath(&["check", &sample("01-working"), "--from", "agw-order", "--to", "10.40.2.4:8080"]);
    assert!(ran.err.contains("did you mean agw-orders?"), "{}", ran.err);
}

#[test]
fn matrix_columns_and_exit_codes() {
    let columns = "gateway,pool,setting,member,backend,port,purpose,verdict,stage,resource,rule";
    for (name, code) in [("01-working", 0), ("02-broken", 1), ("04-partial-source", 1), ("10-missing-export", 3)] {
        let ran = gatepath(&["matrix", &sample(name), "-o", "csv"]);
        assert_eq!(ran.code, code, "{name}: {}", ran.err);
        assert_eq!(ran.out.lines().next(), Some(columns));
        let mut rows: Vec<&str> = ran.out.lines().skip(1).collect();
        let printed = rows.clone();
        rows.sort_unstable();
        assert_eq!(rows, printed, "{name}: sorted");
    }
    let unknown = sample("10-missing-export");
    for (setting, code) in [("error", 1), ("warn", 0), ("ignore", 0), ("unknown", 3)] {
        assert_eq!(gatepath(&["matrix", &unknown, "--on-unknown", setting]).code, code, "{setting}");
    }
}

#[test]
fn json_documents_name_their_schema() {
    let snapshot = sample("02-broken");
    let cases: [(&[&str], &str); 6] = [
        (&["matrix", &snapshot, "-o", "json"], "gatepath/matrix/1"),
        (&["check", &snapshot, "--to", "10.40.2.6:8080", "-o", "json"], "gatepath/check/1"),
        (&["inspect", &snapshot, "-o", "json"], "gatepath/inspect/1"),
        (&["lint", &snapshot, "-o", "json"], "gatepath/lint/1"),
        (&["health", &snapshot, "--record", "samples/02-broken/health.json", "-o", "json"], "gatepath/health/1"),
        (&["check", &snapshot, "--flows", "-", "-o", "json"], "gatepath/flows/1"),
    ];
    let flows = b"source,destination,protocol,source_port,destination_port\n10.40.0.4,10.40.2.6,Tcp,,8080\n";
    for (line, schema) in cases {
        let ran = gatepath_with(line, flows);
        assert_eq!(json(&ran)["schema"], schema, "{line:?}");
    }
}

#[test]
fn a_decision_points_into_the_file() {
    let ran = gatepath(&["check", &sample("02-broken"), "--to", "10.40.2.6:8080", "-o", "json"]);
    let report = json(&ran);
    assert_eq!(ran.code, 1);
    let place = &report["location"];
    let file = fs::read_to_string(place["file"].as_str().unwrap()).unwrap();
    let value: Value = serde_json::from_str(&file).unwrap();
    let rule = value.pointer(place["pointer"].as_str().unwrap()).unwrap();
    assert_eq!(rule["name"], report["rule"]);
    let line = file.lines().nth(usize::try_from(place["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
    assert_eq!(line.chars().nth(usize::try_from(place["column"].as_u64().unwrap()).unwrap() - 1), Some('{'));
    assert_eq!(report["verdict_without_blockers"], "allow");
    assert_eq!(report["denied"], serde_json::json!([]));
}

#[test]
fn flows_keep_their_order_and_cells() {
    let flows = b"\xEF\xBB\xBFsource,destination,protocol,source_port,destination_port\n\
        10.40.0.5,10.40.2.6,TCP,,8080\n10.40.0.4,10.40.2.4,tcp,50000,8080\n10.40.0.4,10.40.2.4,Icmp,,\n";
    let ran = gatepath_with(&["check", &sample("02-broken"), "--flows", "-", "-o", "csv"], flows);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(
        lines.first(),
        Some(&"source,destination,protocol,source_port,destination_port,verdict,stage,resource,rule")
    );
    assert_eq!(lines.get(1), Some(&"10.40.0.5,10.40.2.6,TCP,,8080,deny,nsg-in-nic,nsg-nic-orders-3,Deny-Vnet-In"));
    assert!(lines.get(2).unwrap().starts_with("10.40.0.4,10.40.2.4,tcp,50000,8080,allow,"));
    assert!(lines.get(3).unwrap().starts_with("10.40.0.4,10.40.2.4,Icmp,,,"));
    let empty = gatepath_with(
        &["check", &sample("02-broken"), "--flows", "-"],
        b"source,destination,protocol,source_port,destination_port\n",
    );
    assert_eq!(empty.code, 2);
}

#[test]
fn the_order_of_arguments_and_the_thread_count_change_nothing() {
    let folder = sample("12-dual-port-path-map");
    let mut files: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path().to_string_lossy().into_owned()).collect();
    files.sort();
    let run = |files: &[String]| {
        let mut line = vec!["matrix", "-o", "json"];
        line.extend(files.iter().map(String::as_str));
        gatepath(&line).out
    };
    let forward = run(&files);
    files.reverse();
    assert_eq!(forward, run(&files));
    let whole = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gatepath(&["matrix", &folder, "-o", "json"]).out)
    };
    assert_eq!(whole(1), whole(4));
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let folder = sample("02-broken");
    let nsg = fs::read(format!("{folder}/nsg.json")).unwrap();
    let others: Vec<String> =
        ["vnet", "nic", "public-ip", "application-gateway"].iter().map(|n| format!("{folder}/{n}.json")).collect();
    let mut line = vec!["matrix", "-", "-o", "csv"];
    line.extend(others.iter().map(String::as_str));
    assert_eq!(gatepath_with(&line, &nsg).out, gatepath(&["matrix", &folder, "-o", "csv"]).out);
}

#[test]
fn encodings_and_az_warnings_change_no_answer() {
    let folder = scratch("encodings");
    let from = sample("02-broken");
    for name in ["vnet", "nic", "public-ip", "application-gateway"] {
        fs::copy(format!("{from}/{name}.json"), folder.join(format!("{name}.json"))).unwrap();
    }
    let text = fs::read_to_string(format!("{from}/nsg.json")).unwrap();
    let utf16 = |big: bool| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let expected = gatepath(&["matrix", &from, "-o", "csv"]).out;
    let variants: [(&str, Vec<u8>); 5] = [
        ("byte order mark", [b"\xEF\xBB\xBF", text.as_bytes()].concat()),
        ("UTF-16 LE", utf16(false)),
        ("UTF-16 BE", utf16(true)),
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("warnings", format!("WARNING: This command is in preview.\nWARNING: It may change.\n{text}").into_bytes()),
    ];
    for (what, bytes) in variants {
        fs::write(folder.join("nsg.txt"), bytes).unwrap();
        let ran = gatepath(&["matrix", folder.to_str().unwrap(), "-o", "csv"]);
        assert_eq!((ran.code, &ran.out), (1, &expected), "{what}: {}", ran.err);
    }
}

#[test]
fn assumptions_are_printed_in_the_answers_that_used_them() {
    let folder = scratch("assume");
    let from = sample("01-working");
    for name in ["vnet", "nsg", "public-ip", "application-gateway"] {
        fs::copy(format!("{from}/{name}.json"), folder.join(format!("{name}.json"))).unwrap();
    }
    let folder = folder.to_str().unwrap();
    let without = json(&gatepath(&["matrix", folder, "-o", "json"]));
    assert_eq!(without["summary"]["unknown"], 3);
    assert_eq!(without["assumptions"], serde_json::json!([]));
    let with = gatepath(&["matrix", folder, "-o", "json", "--assume", "nic=none"]);
    assert_eq!(json(&with)["assumptions"], serde_json::json!(["nic=none"]));
    assert_eq!(json(&with)["summary"]["allow"], 3);
}

#[test]
fn explain_knows_every_code_stage_message_and_class() {
    let all = gatepath(&["explain", "all"]);
    for line in all.out.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap();
        let code = if ["stage", "class"].contains(&first) { words.next().unwrap() } else { first };
        let ran = gatepath(&["explain", code]);
        assert!(ran.code == 0 && ran.out.len() > 40, "{code}: {}", ran.err);
    }
    assert!(all.out.lines().count() > 100);
}

#[test]
fn the_demo_shows_a_blocked_backend() {
    let ran = gatepath(&["demo"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("BLOCKED") && ran.out.contains("NETWORK_BLOCK"), "{}", ran.out);
    assert!(gatepath(&["demo", "--color", "always"]).out.contains("\u{1b}["));
    assert!(!ran.out.contains('\u{1b}'));
}
