//! Tables with a header: comma, semicolon or tab between the cells, row by row in bounded memory (health.md 1.12).

use super::Reading;
use super::columns::{Column, KINDS, Known};
use super::json::Scratch;
use super::row::{Cells, Outcome, Reason};
use crate::diagnostic::{Diagnostic, code};
use std::io::{self, Read};

/// Longest row that is read, in bytes: an open quote must not take in the whole file.
const LONGEST_ROW: u64 = 16 * 1024 * 1024;
const BUFFER: usize = 1 << 18;

/// A reader that ends a row that is too long.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a row is longer than 16 MiB; a quote may be open"));
        }
        let read = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// Which cell of a row holds what: best column of each kind first.
struct Layout {
    cells: Vec<(usize, Known)>,
    utc: bool,
    more: bool,
    width: usize,
}

impl Layout {
    fn of(names: &[String], reading: &Reading<'_>) -> Self {
        let mut cells: Vec<(usize, Known)> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            cells.extend(reading.columns.known(name).map(|known| (at, known)));
        }
        cells.sort_by_key(|(at, known)| (known.column, known.rank, *at));
        let time = cells.iter().find(|(_, known)| known.column == Column::Time);
        let utc = time.is_some_and(|(_, known)| known.utc);
        // An empty cell of the best column must not be filled from a lesser one of another meaning; `resource` and
        // `status` are such. Only the first column of a kind counts.
        cells.dedup_by_key(|(_, known)| known.column);
        let more = cells.iter().any(|(_, known)| known.column == Column::More);
        Layout { cells, utc, more, width: names.len() }
    }

    fn has(&self, column: Column) -> bool {
        self.cells.iter().any(|(_, known)| known.column == column)
    }

    /// Fields that the table would need; empty where it has what one kind of table needs.
    fn missing(&self) -> Vec<&'static str> {
        let need = |wanted: &[(Column, &'static str)]| -> Vec<&'static str> {
            wanted.iter().filter(|(column, _)| !self.has(*column)).map(|(_, name)| *name).collect()
        };
        let time = (Column::Time, "time");
        let any = |columns: &[Column]| columns.iter().any(|column| self.has(*column));
        if any(&[Column::Routed, Column::Query, Column::Healthy, Column::Unhealthy]) {
            return need(&[time]);
        }
        if self.has(Column::Metric) {
            return need(&[time, (Column::Value, "value")]);
        }
        if self.has(Column::Message) && self.has(Column::Time) || self.more {
            return Vec::new();
        }
        need(&[(Column::Server, "server"), (Column::State, "state")])
    }
}

/// Reads a table. `first_line` is the line of its header.
pub(super) fn read(from: &mut dyn Read, delimiter: u8, first_line: u64, reading: &mut Reading<'_>) {
    let bounded = Bounded { inner: from, left: LONGEST_ROW };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(BUFFER).from_reader(bounded);
    let names: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned()).collect(),
        Err(error) => return reading.broken(first_line, &error.to_string()),
    };
    let layout = Layout::of(&names, reading);
    reading.seen = names;
    reading.check_map();
    let missing = layout.missing();
    if !missing.is_empty() {
        return reading.lacks(first_line, &missing);
    }
    let mut record = csv::StringRecord::new();
    let mut scratch = Scratch::default();
    loop {
        reader.get_mut().left = LONGEST_ROW;
        let line = reader.position().line() + first_line - 1;
        match reader.read_record(&mut record) {
            Ok(true) => {
                let line = record.position().map_or(line, |at| at.line() + first_line - 1);
                row(&record, line, &layout, &mut scratch, reading);
            }
            Ok(false) => return,
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                reading.count(Outcome::Bad(Reason::Encoding), line, "");
            }
            Err(error) => {
                let why = match error.kind() {
                    csv::ErrorKind::Io(error) => error.to_string(),
                    _ => error.to_string(),
                };
                return reading.broken(line, &why);
            }
        }
    }
}

fn row(record: &csv::StringRecord, line: u64, layout: &Layout, scratch: &mut Scratch, reading: &mut Reading<'_>) {
    let surplus = record.iter().skip(layout.width).any(|cell| !cell.trim().is_empty());
    if record.len() < layout.width || surplus {
        return reading.count(Outcome::Bad(Reason::Cells), line, record.as_slice());
    }
    let mut cells = Cells { text: [""; KINDS], utc: layout.utc };
    for (at, known) in &layout.cells {
        if let (Some(slot), Some(cell)) = (cells.text.get_mut(known.column.index()), record.get(*at)) {
            *slot = cell;
        }
    }
    let outcome = if layout.more && cells.get(Column::More).starts_with('{') {
        scratch.fill(&cells, reading.columns);
        reading.rows.read(&scratch.cells(), line, reading.out)
    } else {
        reading.rows.read(&cells, line, reading.out)
    };
    if outcome == Outcome::Used {
        reading.report.rows += 1;
        reading.report.used += 1;
    } else {
        reading.count(outcome, line, record.as_slice());
    }
}

impl Reading<'_> {
    /// The table lacks columns that it needs.
    pub(super) fn lacks(&mut self, line: u64, missing: &[&str]) {
        let list = missing.join(" and ");
        let map: Vec<String> = missing.iter().map(|field| format!("--map {field}=COLUMN")).collect();
        let text = format!("{} has no column for {list}; its columns are {}", self.name, super::listed(&self.seen));
        let help = format!("say which it is: {}; fields are {}", map.join(" "), super::columns::fields());
        let span = self.sources.quote(self.rows.file, line, "");
        self.report.findings.push(Diagnostic::new(&code::MISSING_COLUMN, text).at_some(span).help(help));
    }

    /// Columns of `--map` that the table does not have.
    pub(super) fn check_map(&mut self) {
        let absent = self.columns.absent(&self.seen).join(", ");
        if !absent.is_empty() {
            let text = format!("{} has no column {absent}, which --map names", self.name);
            let help = format!("its columns are {}", super::listed(&self.seen));
            let finding = Diagnostic::new(&code::MISSING_COLUMN, text).help(help);
            self.report.findings.push(Diagnostic { severity: crate::diagnostic::Severity::Warning, ..finding });
        }
    }

    /// Reading ended early.
    pub(super) fn broken(&mut self, line: u64, why: &str) {
        let text = format!("{} was read only to line {line}: {why}", self.name);
        let span = self.sources.quote(self.rows.file, line, "");
        let finding = Diagnostic::new(&code::BROKEN_TABLE, text).at_some(span);
        self.report.findings.push(finding.help("the rows before it were used; export the table again"));
    }
}
