//! A conformance case asked through the command line.

use super::support;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes files of resources, and the case's tags and names.
pub fn write(folder: &Path, case: &Value, files: &[Value]) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (index, file) in files.iter().enumerate() {
        fs::write(folder.join(format!("file-{index:03}.json")), file.to_string()).unwrap();
    }
    for (key, name) in [("serviceTags", "tags.json"), ("dns", "dns.json")] {
        if case[key].is_object() {
            fs::write(folder.join(name), case[key].to_string()).unwrap();
        }
    }
}

/// Files of the copied cases.
pub fn files() -> Vec<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut files: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn ask(case: &Value, line: &[&str]) -> Value {
    let ran = support::gatepath_with(line, b"");
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {}", case["id"], ran.err))
}

/// The report of `check` on the case's question; `None` for a lint case.
pub fn check(case: &Value, folder: &Path) -> Option<Value> {
    let query = &case["query"];
    if query["kind"] == "lint" {
        return None;
    }
    let text = |key: &str| query[key].as_str().map_or_else(|| query[key].to_string(), str::to_owned);
    let (destination, port) = (text("destination"), text("destinationPort"));
    let to = match (destination.contains(':'), port == "null") {
        (_, true) => destination,
        (true, false) => format!("[{destination}]:{port}"),
        (false, false) => format!("{destination}:{port}"),
    };
    let from = query["source"]["gateway"].as_str().map_or_else(|| text("source"), str::to_owned);
    let (folder, protocol) = (folder.to_str().unwrap(), text("protocol").to_lowercase());
    Some(ask(case, &["check", folder, "--from", &from, "--to", &to, "--proto", &protocol, "-o", "json"]))
}

/// The report of `lint`.
pub fn lint(case: &Value, folder: &Path) -> Value {
    ask(case, &["lint", folder.to_str().unwrap(), "-o", "json"])
}
