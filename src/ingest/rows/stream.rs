//! Opens a record, tells by its first bytes what it is, and reads it row by row. UTF-16 is decoded on the way.

use super::columns::{Column, ColumnMap};
use super::row::RowReader;
use super::{Reading, RowReport, json, metrics, table};
use crate::diagnostic::Sources;
use crate::model::Observation;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Bytes that decide what a file is.
const HEAD: u64 = 64 * 1024;
const BUFFER: usize = 1 << 18;
/// Keys that only the formats F1 to F3 have.
const WHOLE: [&str; 2] = ["backendaddresspools", "backendhealthhttpsettings"];

/// A record, opened.
pub struct Opened<'f> {
    head: Vec<u8>,
    rest: Box<dyn Read + 'f>,
    form: Form,
}

impl std::fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("form", &self.form).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// No table: to be read whole.
    Whole,
    /// Cells with a delimiter; bytes before the header, and the header's line.
    Table { delimiter: u8, skip: usize, line: u64 },
    /// JSON documents.
    Json,
    /// An object a line.
    Lines,
    /// An answer of Azure Monitor about metrics.
    Metrics,
}

/// Opens a record.
///
/// # Errors
/// Where its first bytes cannot be read.
pub fn open<'f>(mut from: Box<dyn Read + 'f>, columns: &ColumnMap) -> io::Result<Opened<'f>> {
    let mut head = Vec::new();
    from.by_ref().take(HEAD).read_to_end(&mut head)?;
    let wide = Order::of(&head);
    if let Some(order) = wide {
        // The head is decoded as the rest will be.
        let all = Cursor::new(std::mem::take(&mut head)).chain(from);
        let mut decoded = Wide { inner: BufReader::new(all), order, out: Vec::new(), at: 0 };
        decoded.by_ref().take(HEAD).read_to_end(&mut head)?;
        from = Box::new(decoded);
    }
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    let form = form(&String::from_utf8_lossy(&head), columns);
    Ok(Opened { head, rest: from, form })
}

impl<'f> Opened<'f> {
    /// Is it read row by row?
    pub fn is_table(&self) -> bool {
        self.form != Form::Whole
    }

    /// The whole content, for what is no table.
    pub fn into_reader(self) -> Box<dyn Read + 'f> {
        Box::new(Cursor::new(self.head).chain(self.rest))
    }

    /// Hands on what every row says. Places go to the excerpt with the index `file`.
    pub fn read(
        self,
        name: &str,
        file: u32,
        columns: &ColumnMap,
        sources: &mut Sources,
        out: &mut dyn FnMut(&Observation<'_>),
    ) -> RowReport {
        let mut reading = Reading {
            name,
            columns,
            rows: RowReader::new(file),
            sources,
            out,
            report: RowReport::default(),
            seen: Vec::new(),
            reasons: BTreeMap::new(),
        };
        let form = self.form;
        let mut from = BufReader::with_capacity(BUFFER, self.into_reader());
        match form {
            Form::Table { delimiter, skip, line } => {
                let mut skipped = Vec::new();
                match from.by_ref().take(skip as u64).read_to_end(&mut skipped) {
                    Ok(_) => table::read(&mut from, delimiter, line, &mut reading),
                    Err(error) => reading.broken(line, &error.to_string()),
                }
            }
            Form::Json => json::read(&mut from, &mut reading),
            Form::Lines => json::read_lines(&mut from, &mut reading),
            Form::Metrics => metrics::read(&mut from, &mut reading),
            Form::Whole => {}
        }
        reading.sum_up()
    }
}

/// What a file is, by its beginning.
fn form(head: &str, columns: &ColumnMap) -> Form {
    let text = head.trim_start();
    if text.starts_with(['{', '[']) {
        return json_form(text, columns);
    }
    if text.is_empty() || head.lines().any(|line| line.trim_start().starts_with(['{', '['])) {
        return Form::Whole;
    }
    // PowerShell writes a line with the type, some spreadsheets one with the delimiter.
    let mut skip = head.len() - text.len();
    let mut line = 1 + head.get(..skip).unwrap_or_default().matches('\n').count() as u64;
    let mut rest = text;
    while rest.starts_with("#TYPE") || rest.len() >= 4 && rest.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("sep="))
    {
        let Some(end) = rest.find('\n') else { break };
        skip += end + 1;
        line += 1;
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    // The table reader takes a row to begin between the two characters of a line end.
    line += u64::from(rest.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r')));
    let header = rest.lines().next().unwrap_or_default();
    let known = |delimiter: char| {
        header.split(delimiter).filter(|cell| columns.known(cell.trim().trim_matches('"')).is_some()).count()
    };
    let cells = |delimiter: char| header.split(delimiter).count();
    let best = [',', ';', '\t'].into_iter().max_by_key(|delimiter| (known(*delimiter), cells(*delimiter)));
    match best {
        Some(delimiter) if known(delimiter) > 0 || cells(delimiter) > 1 => {
            Form::Table { delimiter: u8::try_from(delimiter).unwrap_or(b','), skip, line }
        }
        _ => Form::Whole,
    }
}

fn json_form(text: &str, columns: &ColumnMap) -> Form {
    let strings = strings(text);
    let has = |name: &str| strings.iter().any(|found| found.eq_ignore_ascii_case(name));
    if WHOLE.iter().any(|key| has(key)) {
        return Form::Whole;
    }
    if has("timeseries") && (has("metadatavalues") || has("data")) {
        return Form::Metrics;
    }
    let known: Vec<Column> = strings.iter().filter_map(|key| columns.known(key)).map(|known| known.column).collect();
    let any = |column: Column| known.contains(&column);
    let log =
        ["ApplicationGatewayAccessLog", "ApplicationGatewayPerformanceLog", "AGWAccessLogs", "AGWPerformanceLogs"];
    let counts = any(Column::Healthy) || any(Column::Unhealthy) || any(Column::Metric) && any(Column::Value);
    let rows = log.iter().any(|category| has(category))
        || any(Column::Routed)
        || any(Column::Time) && counts
        || any(Column::Server) && any(Column::State) && !has("properties") && !has("id")
        || any(Column::Time) && any(Column::Message) && any(Column::Instance)
        || columns.is_given();
    if !rows {
        return Form::Whole;
    }
    let line = text.split_once('\n').map_or("", |(line, _)| line);
    let object = line.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    if object { Form::Lines } else { Form::Json }
}

/// Every string of a JSON text, keys and values, without their escapes undone.
fn strings(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('"') {
        let mut escaped = false;
        let end = after.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(end) = end else { break };
        out.extend(after.get(..end));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// UTF-16, by its byte order mark or by the zero half of its first character.
    fn of(head: &[u8]) -> Option<Order> {
        match head {
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => None,
            [0xFF, 0xFE, ..] => Some(Order::Little),
            [0xFE, 0xFF, ..] => Some(Order::Big),
            [first, 0, ..] if *first != 0 => Some(Order::Little),
            [0, second, ..] if *second != 0 => Some(Order::Big),
            _ => None,
        }
    }
}

/// UTF-16 read as UTF-8. A broken character becomes the replacement character, which no value is.
struct Wide<R> {
    inner: R,
    order: Order,
    out: Vec<u8>,
    at: usize,
}

impl<R: BufRead> Wide<R> {
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut pair = [0_u8; 2];
        match self.inner.read_exact(&mut pair) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(if self.order == Order::Little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }))
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut units = Vec::with_capacity(BUFFER / 4);
        while units.len() < BUFFER / 4 {
            let Some(unit) = self.unit()? else { break };
            units.push(unit);
            // A pair is not torn apart.
            if units.len() == BUFFER / 4 && (0xD800..0xDC00).contains(&unit) {
                units.extend(self.unit()?);
            }
        }
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.out = text.replace('\u{feff}', "").into_bytes();
        self.at = 0;
        Ok(())
    }
}

impl<R: BufRead> Read for Wide<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.out.len() {
            self.refill()?;
        }
        let ready = self.out.get(self.at..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}
