//! `--record` files with an observation a row: read row by row, whatever their size.

use super::progress::Progress;
use super::{CliError, Io};
use crate::attribute::timeline::Timelines;
use crate::diagnostic::{Diagnostic, Source, Sources, code};
use crate::ingest::{ColumnMap, Loaded, list, open};
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// Bytes of standard input that decide what it is.
const HEAD: u64 = 64 * 1024;

/// `--since` and `--at`: rows outside are not used.
pub(super) type Span = (Option<Timestamp>, Option<Timestamp>);

/// Records, by how they are read.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Row by row.
    tables: Vec<PathBuf>,
    /// Beginning of standard input, where it was looked at.
    head: Option<Vec<u8>>,
    stdin_is_table: bool,
    /// Whole, as before.
    pub(super) whole: Vec<PathBuf>,
    columns: ColumnMap,
}

impl Records {
    /// Tells by content which records are read row by row; folders are searched.
    pub(super) fn sort(paths: &[PathBuf], map: &[String], taken: bool, io: &mut Io<'_>) -> Result<Self, CliError> {
        let columns = ColumnMap::parse(map).map_err(CliError::Usage)?;
        let mut out = Records { columns, ..Records::default() };
        for path in paths {
            if path.as_os_str() == "-" {
                if !taken && out.head.is_none() {
                    let mut head = Vec::new();
                    (&mut *io.stdin).take(HEAD).read_to_end(&mut head)?;
                    out.stdin_is_table = open(Box::new(head.as_slice()), &out.columns)?.is_table();
                    out.head = Some(head);
                }
                if !out.stdin_is_table {
                    out.whole.push(path.clone());
                }
                continue;
            }
            let files = if path.is_dir() { list(path) } else { vec![path.clone()] };
            if files.is_empty() {
                out.whole.push(path.clone());
            }
            for file in files {
                let table = File::open(&file).and_then(|from| open(Box::new(from), &out.columns));
                let is_table = table.is_ok_and(|table| table.is_table());
                if is_table { out.tables.push(file) } else { out.whole.push(file) }
            }
        }
        out.tables.sort();
        out.tables.dedup();
        Ok(out)
    }

    /// Gives standard input back to those that read it whole.
    pub(super) fn with_stdin<T>(&mut self, io: &mut Io<'_>, run: impl FnOnce(&mut Io<'_>) -> T) -> T {
        if self.stdin_is_table {
            return run(io);
        }
        let mut whole = Cursor::new(self.head.take().unwrap_or_default()).chain(&mut *io.stdin);
        run(&mut Io { stdin: &mut whole, out: &mut *io.out, err: &mut *io.err, color: io.color, progress: io.progress })
    }

    /// Reads every table. What was found wrong is added to what was loaded, and the addresses that requests went to.
    pub(super) fn read(self, (since, at): Span, loaded: &mut Loaded, bar: bool, io: &mut Io<'_>) -> Timelines {
        let mut timelines = Timelines::new(at, self.stdin_is_table).since(since);
        let size = |path: &PathBuf| path.metadata().map_or(0, |data| data.len());
        let progress = Progress::bytes(bar, self.tables.iter().map(size).sum());
        let mut files = Vec::new();
        if let (true, Some(head)) = (self.stdin_is_table, &self.head) {
            let from = Cursor::new(head.as_slice()).chain(&mut *io.stdin);
            let file = loaded.sources.add(Source::excerpt("-".to_owned()));
            let Loaded { sources, findings, .. } = loaded;
            findings.extend(one("-", Box::new(from), file, &self.columns, sources, &mut timelines));
        }
        for path in &self.tables {
            let name = path.to_string_lossy().replace('\\', "/");
            let file = loaded.sources.add(Source::excerpt(name.clone()));
            let Loaded { sources, findings, .. } = loaded;
            findings.extend(from_file(path, &name, file, &self.columns, sources, &mut timelines, &progress));
            files.push((path, name, file));
        }
        if timelines.read_again() {
            // Some rows came in no order of time. The findings of the first reading count.
            let progress = Progress::bytes(bar, self.tables.iter().map(size).sum());
            let mut nowhere = Sources::default();
            for (path, name, file) in files {
                from_file(path, &name, file, &self.columns, &mut nowhere, &mut timelines, &progress);
            }
        }
        timelines.finish();
        add_addresses(loaded, &timelines);
        crate::diagnostic::sort(&mut loaded.findings);
        timelines
    }
}

fn from_file(
    path: &Path,
    name: &str,
    file: u32,
    columns: &ColumnMap,
    sources: &mut Sources,
    timelines: &mut Timelines,
    progress: &Progress,
) -> Vec<Diagnostic> {
    match File::open(path) {
        Ok(from) => one(name, Box::new(Counted { inner: from, progress }), file, columns, sources, timelines),
        Err(error) => vec![unreadable(name, &error)],
    }
}

fn one(
    name: &str,
    from: Box<dyn Read + '_>,
    file: u32,
    columns: &ColumnMap,
    sources: &mut Sources,
    timelines: &mut Timelines,
) -> Vec<Diagnostic> {
    match open(from, columns) {
        Ok(table) => table.read(name, file, columns, sources, &mut |row| timelines.add(row)).findings,
        Err(error) => vec![unreadable(name, &error)],
    }
}

fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::new(&code::UNREADABLE_FILE, format!("{name} cannot be read: {error}"))
        .help("check the path and the permissions")
}

/// Addresses that the gateway used, of the tables and of the snapshot's logs; of one address the newest request counts.
fn add_addresses(loaded: &mut Loaded, timelines: &Timelines) {
    let logged = &mut loaded.snapshot.logged;
    logged.extend(timelines.logged_addresses());
    logged.sort_by(|a, b| (&a.gateway, &a.pool, a.address, &b.time).cmp(&(&b.gateway, &b.pool, b.address, &a.time)));
    logged.dedup_by(|b, a| (&a.gateway, &a.pool, a.address) == (&b.gateway, &b.pool, b.address));
}

/// Moves the bar by what is read.
struct Counted<'p, R> {
    inner: R,
    progress: &'p Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.advance(read);
        Ok(read)
    }
}
