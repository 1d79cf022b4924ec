//! Recorded histories and logs through the command line: any order of rows, standard input, mapped columns, hostile rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    reason = "a failed expectation is a failed test"
)]

#[path = "support/recorded.rs"]
mod recorded;
mod support;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const GATEWAYS: u64 = 3;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("histories").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("snapshot")).unwrap();
    fs::write(folder.join("snapshot/fleet.json"), recorded::snapshot(GATEWAYS).to_string()).unwrap();
    folder
}

fn rows() -> Vec<String> {
    let mut bytes = Vec::new();
    recorded::history(&mut bytes, GATEWAYS, 30_000, 11).unwrap();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn ask(folder: &Path, more: &[&str], stdin: &str) -> (Value, String) {
    let snapshot = folder.join("snapshot").to_string_lossy().into_owned();
    let mut line = vec!["health", &snapshot, "--assume", "nic=none", "-o", "json"];
    line.extend(more);
    let ran = support::gatepath_with(&line, stdin.as_bytes());
    (serde_json::from_str(&ran.out).unwrap_or(Value::Null), ran.err)
}

fn ask_of(folder: &Path, text: &str, more: &[&str]) -> (Value, String) {
    let file = folder.join("history.csv");
    fs::write(&file, text).unwrap();
    let file = file.to_string_lossy().into_owned();
    let mut line = vec!["--record", &file];
    line.extend(more);
    ask(folder, &line, "")
}

/// States, explanations and what else does not name lines of the file.
fn essence(report: &Value) -> Vec<String> {
    let servers = report["servers"].as_array().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(servers.len() as u64, GATEWAYS * recorded::SERVERS);
    servers.iter().map(|s| format!("{} {} {} {}", s["gateway"], s["server"], s["recorded"], s["explanation"])).collect()
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let folder = folder("order");
    let rows = rows();
    let (header, body) = rows.split_first().unwrap();
    let text = |body: Vec<&String>| {
        let mut out = format!("{header}\n");
        for row in body {
            out.push_str(row);
            out.push('\n');
        }
        out
    };
    let (straight, err) = ask_of(&folder, &text(body.iter().collect()), &[]);
    assert!(
        straight["diagnostics"].as_array().unwrap().iter().all(|d| !d["code"].as_str().unwrap().starts_with("GP14")),
        "{err}"
    );
    let expected = essence(&straight);
    assert!(expected.iter().any(|server| server.contains("to Down between")), "{expected:?}");
    assert_eq!(essence(&ask_of(&folder, &text(body.iter().rev().collect()), &[]).0), expected);
    let mut mixed: Vec<&String> = body.iter().collect();
    mixed.sort_by_key(|row| {
        row.bytes().fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
    });
    assert_eq!(essence(&ask_of(&folder, &text(mixed.clone()), &[]).0), expected);
    let (piped, _) = ask(&folder, &["--record", "-"], &text(mixed));
    assert_eq!(essence(&piped), expected);
    assert_eq!(piped["records"][0]["time_basis"], "record");
}

const ID: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-fleet/providers/Microsoft.Network/applicationGateways/agw-001";

#[test]
fn rows_of_the_future_unknown_gateways_and_contradictions_are_reported() {
    let folder = folder("reported");
    let text = format!(
        "time,gateway,instance,pool,setting,server,Healthy\n\
         2026-11-03T09:00:00Z,{ID},a,pool-app,bs-8443,10.1.1.4,True\n\
         2026-11-03T09:00:00Z,{ID},a,pool-app,bs-8443,10.1.1.4,False\n\
         2026-11-03T11:00:00Z,AGW-001,a,pool-app,bs-8443,10.1.1.5,False\n\
         2026-11-03T09:00:00Z,agw-001,a,,,10.1.1.6:8443,False\n\
         2026-11-03T09:00:00Z,agw-099,a,pool-app,bs-8443,10.1.1.7,False\n\
         2026-11-03T09:00:00,agw-001,a,pool-app,bs-8443,10.1.1.7,False\n"
    );
    let (report, err) = ask_of(&folder, &text, &["--at", "2026-11-03T10:00:00Z"]);
    for said in ["history.csv:4:1", "GP142", "GP143", "agw-099", "GP144", "history.csv:7:1", "no zone"] {
        assert!(err.contains(said), "{said}: {err}");
    }
    let state = |server: &str| {
        let servers = report["servers"].as_array().unwrap();
        servers.iter().find(|found| found["server"] == server).map(|found| found["recorded"].clone())
    };
    assert_eq!(state("10.1.1.4"), Some("Partial".into()));
    assert_eq!(state("10.1.1.6"), Some("Down".into()), "pool and setting follow from the server");
    assert_eq!((state("10.1.1.5"), state("10.1.1.7")), (Some("Absent".into()), Some("Absent".into())));
}

#[test]
fn columns_can_be_mapped_and_unknown_fields_are_named() {
    let folder = folder("mapped");
    let text = format!("when,gw,box,verdict\n2026-11-03T09:00:00Z,{ID},10.1.1.4,False\n");
    let (report, err) = ask_of(&folder, &text, &[]);
    assert!(report.is_null() && err.contains("GP141") && err.contains("--map server=COLUMN"), "{err}");
    let map = ["--map", "time=when", "--map", "gateway=gw", "--map", "server=box", "--map", "state=verdict"];
    let (report, err) = ask_of(&folder, &text, &map);
    assert_eq!(report["servers"][0]["recorded"], "Down", "{err}");
    let (_, err) = ask_of(&folder, &text, &["--map", "thing=box"]);
    assert!(err.contains("no field named thing") && err.contains("server"), "{err}");
}

#[test]
fn a_request_is_evidence_of_its_own_port() {
    let folder = folder("request");
    let log = |client: &str, server: &str| {
        format!(
            "{{\"timeStamp\":\"2026-11-03T09:55:00Z\",\"resourceId\":\"{}\",\"backendPoolName\":\"pool-app\",\
             \"backendSettingName\":\"bs-8443\",\"category\":\"ApplicationGatewayAccessLog\",\"properties\":{{\"clientIP\":\"{client}\",\
             \"serverRouted\":\"{server}\",\"serverStatus\":\"200\"}}}}\n",
            ID.to_uppercase()
        )
    };
    let text =
        log("192.0.2.1", "10.1.1.4:8443") + &log("192.0.2.1", "10.1.1.5:80") + &log("127.0.0.1", "10.1.1.6:8443");
    let (report, err) = ask_of(&folder, &text, &[]);
    let servers = report["servers"].as_array().unwrap_or_else(|| panic!("{err}"));
    assert_eq!(servers.len(), 1, "{report}");
    assert_eq!((&servers[0]["server"], &servers[0]["evidence"]), (&"10.1.1.4".into(), &"access-log-status".into()));
    assert_eq!(servers[0]["class"], "HEALTHY_CONSISTENT");
}

#[test]
fn hostile_tables_end_with_a_finding() {
    let folder = folder("hostile");
    for (text, said) in [
        ("time,server,Healthy\n", "no backend-health record"),
        ("time,server,Healthy\n\"2026-11-03T09:00:00Z,a,True\n", "GP140"),
        ("time,server,Healthy\n\u{1b}]0;x\u{7},\u{202e},=1+1\n", "GP140"),
        ("[{\"time\":\"2026-11-03T09:00:00Z\",\"server\":\"a\",\"Healthy\":true", "GP145"),
        ("{\"serverRouted\":\"a\",\"backendPoolName\":[[[]]]}\n{\"serverRouted\":{}}\n7\n", "GP140"),
        ("TimeGenerated;serverRouted\n9999-12-31T23:59:59Z;[::1\n", "GP140"),
    ] {
        let (_, err) = ask_of(&folder, text, &[]);
        assert!(err.contains(said) && !err.contains("internal error") && !err.contains('\u{1b}'), "{text}: {err}");
    }
}

#[test]
fn quiet_prints_no_findings_of_rows() {
    let folder = folder("quiet");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("rows.csv"), format!("{}\nno row,at all\n", rows().join("\n"))).unwrap();
    let snapshot = path("snapshot");
    let line = |more: &'static [&'static str]| {
        let record = path("rows.csv");
        let mut line = vec!["health", &snapshot, "--record", &record, "-o", "json"];
        line.extend(more);
        support::gatepath_with(&line, b"").err
    };
    assert!(!line(&[]).is_empty());
    assert_eq!(line(&["-q"]), "");
}
