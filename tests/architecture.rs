//! Each room uses only the rooms it is said to use, no file outgrows its room, and samples have their README.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms it may use. Data flows down this table.
const ROOMS: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("net", &[]),
    ("model", &["diagnostic", "net"]),
    ("ingest", &["diagnostic", "net", "model"]),
    ("compile", &["diagnostic", "net", "model"]),
    ("evaluate", &["diagnostic", "net", "model", "compile"]),
    ("solve", &["diagnostic", "net", "model", "compile", "evaluate"]),
    ("attribute", &["diagnostic", "net", "model", "compile", "evaluate", "solve"]),
    ("report", &["diagnostic", "net", "model", "ingest", "compile", "evaluate", "solve", "attribute"]),
    ("cli", &["diagnostic", "net", "model", "ingest", "compile", "evaluate", "solve", "attribute", "report"]),
];
const LONGEST_FILE: usize = 500;

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let rust = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|ending| ending == "rs");
    paths.filter(rust).flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] }).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Imports of one room: `crate::room` at any place, also inside a grouped `use crate::{a, b}`.
fn uses(text: &str, room: &str) -> bool {
    let grouped = text.split("use crate::{").skip(1).filter_map(|rest| rest.split("};").next());
    let mut names = grouped.flat_map(|group| group.split([',', '{', ':', ' ', '\n']));
    text.contains(&format!("crate::{room}")) || names.any(|name| name.trim() == room)
}

#[test]
fn rooms_use_only_what_they_may() {
    let mut broken = Vec::new();
    for (room, may_use) in ROOMS {
        let files = rust_files(&root().join("src").join(room));
        assert!(!files.is_empty(), "room {room} is empty");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (other, _) in ROOMS.iter().filter(|(other, _)| other != room && !may_use.contains(other)) {
                if uses(&text, other) {
                    broken.push(format!("{}: `{room}` may not use `{other}`", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_folder_of_src_is_a_room() {
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let known = ROOMS.iter().any(|(room, _)| *room == name) || ["lib.rs", "main.rs"].contains(&name.as_str());
        assert!(known, "{name} is no room of the table");
    }
}

#[test]
fn no_file_outgrows_its_room() {
    for folder in ["src", "tests", "benches"] {
        for file in rust_files(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= LONGEST_FILE, "{}: {lines} lines", file.display());
        }
    }
}

#[test]
fn the_library_prints_nothing_by_itself() {
    for file in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        for word in ["println!(", "print!(", "eprintln!(", "eprint!("] {
            let used = text.lines().any(|line| line.trim_start().starts_with(word));
            assert!(!used, "{} uses {word}", file.display());
        }
    }
}
