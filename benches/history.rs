//! Reads a recorded history of 10^6 rows of 200 gateways, from a seed, row by row from a file into time
//! lines, and says what memory that took.
//!
//! `cargo bench --bench history`. With `GATEPATH_HISTORY=FOLDER` the same fleet is written to that folder instead
//! (`fleet.json`, `history.csv`; `GATEPATH_HISTORY_ROWS` rows), to be read by `gatepath health`.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot run fails")]

#[path = "../tests/support/recorded.rs"]
mod recorded;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gatepath::attribute::timeline::Timelines;
use gatepath::diagnostic::{Source, Sources};
use gatepath::ingest::{ColumnMap, open};
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

const GATEWAYS: u64 = 200;
const ROWS: u64 = 1_000_000;
const SEED: u64 = 7;

fn read(file: &Path) -> Timelines {
    let bytes = BufReader::with_capacity(1 << 16, File::open(file).unwrap());
    let columns = ColumnMap::default();
    let mut sources = Sources::default();
    let own = sources.add(Source::excerpt("history.csv".to_owned()));
    let mut timelines = Timelines::new(None, false);
    let table = open(Box::new(bytes), &columns).unwrap();
    let report = table.read("history.csv", own, &columns, &mut sources, &mut |row| timelines.add(row));
    assert_eq!((report.used, report.bad), (ROWS, 0));
    assert!(!timelines.read_again());
    timelines.finish();
    timelines
}

fn write_fleet(folder: &Path) {
    let rows = std::env::var("GATEPATH_HISTORY_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(10 * ROWS);
    let fleet = recorded::snapshot(GATEWAYS).to_string();
    std::fs::write(folder.join("fleet.json"), fleet).unwrap();
    let mut out = BufWriter::new(File::create(folder.join("history.csv")).unwrap());
    recorded::history(&mut out, GATEWAYS, rows, SEED).unwrap();
    out.flush().unwrap();
}

fn history(criterion: &mut Criterion) {
    if let Some(folder) = std::env::var_os("GATEPATH_HISTORY") {
        return write_fleet(Path::new(&folder));
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("history-bench.csv");
    let mut out = BufWriter::new(File::create(&file).unwrap());
    recorded::history(&mut out, GATEWAYS, ROWS, SEED).unwrap();
    out.flush().unwrap();
    drop(out);
    let mut group = criterion.benchmark_group("history");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    group.bench_function("csv of 10^6 rows", |bench| bench.iter(|| black_box(read(&file))));
    group.finish();
    // The most memory that the process ever held, where the system tells it.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("peak memory {}", line.trim_start_matches("VmHWM:").trim());
    }
}

criterion_group!(benches, history);
criterion_main!(benches);
