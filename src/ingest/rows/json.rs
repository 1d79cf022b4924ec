//! Rows in JSON (health.md 1.7 to 1.9, 1.12): an object a line, arrays of any length, `{"records": [..]}`,
//! `{"value": [..]}`, and Log Analytics' `{"tables": [{"columns", "rows"}]}`. Nothing but the row at hand is kept.

use super::Reading;
use super::columns::{Column, ColumnMap, KINDS, Known};
use super::row::{Cells, Outcome, Reason};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, Read};

/// Longest line that is read as one object.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// Most keys that are remembered; a file with more is read, only slower.
const REMEMBERED: usize = 4096;
/// Most keys that a finding can list.
const LISTED: usize = 64;

/// One row, filled key by key; its texts are kept for the next row.
#[derive(Debug)]
pub(super) struct Scratch {
    text: [String; KINDS],
    rank: [u8; KINDS],
    utc: bool,
    filled: bool,
    value: String,
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            text: std::array::from_fn(|_| String::new()),
            rank: [u8::MAX; KINDS],
            utc: false,
            filled: false,
            value: String::new(),
        }
    }
}

impl Scratch {
    fn clear(&mut self) {
        self.text.iter_mut().for_each(String::clear);
        self.rank = [u8::MAX; KINDS];
        (self.utc, self.filled) = (false, false);
    }

    /// Takes what was read last as the cell of a column, where no better column filled it.
    fn keep(&mut self, known: Known) {
        let at = known.column.index();
        if self.value.trim().is_empty() {
            return;
        }
        if let (Some(text), Some(rank)) = (self.text.get_mut(at), self.rank.get_mut(at))
            && known.rank < *rank
        {
            *rank = known.rank;
            text.clear();
            text.push_str(&self.value);
            self.filled = true;
            if known.column == Column::Time {
                self.utc = known.utc;
            }
        }
    }

    /// A row of a table, with its `AdditionalFields` opened (health.md 1.8).
    pub(super) fn fill(&mut self, cells: &Cells<'_>, columns: &ColumnMap) {
        self.clear();
        for ((slot, rank), cell) in self.text.iter_mut().zip(&mut self.rank).zip(cells.text) {
            slot.push_str(cell);
            *rank = if cell.is_empty() { u8::MAX } else { 0 };
        }
        self.utc = cells.utc;
        let more = cells.get(Column::More).to_owned();
        self.open(&more, columns);
    }

    /// Adds the members of an object that stands in a text.
    fn open(&mut self, text: &str, columns: &ColumnMap) {
        let keys = Keys { columns, known: HashMap::new(), seen: Vec::new() };
        let nowhere = Cell::new(0);
        let mut state = State { row: std::mem::take(self), keys, header: Vec::new(), reading: None, line: &nowhere };
        // What cannot be opened says nothing; the row is judged by its other cells.
        let _ =
            Node { state: &mut state, role: Role::More("") }.deserialize(&mut serde_json::Deserializer::from_str(text));
        *self = state.row;
    }

    /// The row as it is interpreted.
    pub(super) fn cells(&self) -> Cells<'_> {
        Cells { text: std::array::from_fn(|at| self.text.get(at).map_or("", String::as_str)), utc: self.utc }
    }
}

/// Keys that were seen, and what they hold.
struct Keys<'m> {
    columns: &'m ColumnMap,
    known: HashMap<String, Option<Known>>,
    seen: Vec<String>,
}

impl Keys<'_> {
    fn get(&mut self, key: &str) -> Option<Known> {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let known = self.columns.known(key);
        if self.known.len() < REMEMBERED {
            self.known.insert(key.to_owned(), known);
        }
        if self.seen.len() < LISTED {
            self.seen.push(key.to_owned());
        }
        known
    }
}

/// What reading needs at any depth; without `reading` only one row is filled.
struct State<'s, 'r> {
    row: Scratch,
    keys: Keys<'r>,
    /// Header of the Log Analytics table that is being read.
    header: Vec<String>,
    reading: Option<&'s mut Reading<'r>>,
    line: &'s Cell<u64>,
}

impl State<'_, '_> {
    /// The row is complete.
    fn finish(&mut self, line: u64) {
        if !self.row.filled {
            return;
        }
        if self.row.cells().get(Column::More).starts_with('{') {
            let text = self.row.cells().get(Column::More).to_owned();
            self.row.open(&text, self.keys.columns);
        }
        if let Some(reading) = self.reading.as_deref_mut() {
            let outcome = reading.rows.read(&self.row.cells(), line, reading.out);
            reading.count(outcome, line, "");
        }
        self.row.clear();
    }

    fn bad(&mut self) {
        let line = self.line.get();
        if let Some(reading) = self.reading.as_deref_mut() {
            reading.count(Outcome::Bad(Reason::Json), line, "");
        }
    }

    /// Takes the last value as the cell of a key.
    fn set(&mut self, key: &str) {
        if let Some(known) = self.keys.get(key) {
            self.row.keep(known);
        }
    }
}

/// What a value is, by where it stands.
#[derive(Clone, Copy)]
enum Role<'k> {
    /// Rows: an array of them, one of them, or an object that wraps them.
    Rows,
    /// Under a key that wraps rows: rows, or a cell.
    Either(&'k str),
    /// A cell.
    Cell(&'k str),
    /// Further cells of the same row, as an object or in a text (`properties`, `AdditionalFields`).
    More(&'k str),
    /// Rows of a Log Analytics table.
    Table,
    /// One of them.
    TableRow,
}

/// Columns of a Log Analytics table, or something else under that key.
#[derive(Deserialize)]
#[serde(untagged)]
enum Columns {
    Named(Vec<ColumnName>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct ColumnName {
    #[serde(alias = "Name", alias = "ColumnName")]
    name: String,
}

struct Node<'a, 's, 'r, 'k> {
    state: &'a mut State<'s, 'r>,
    role: Role<'k>,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl Node<'_, '_, '_, '_> {
    /// A value that is neither a list nor an object.
    fn scalar(self, write: impl FnOnce(&mut String)) {
        match self.role {
            Role::Cell(key) | Role::Either(key) | Role::More(key) => {
                self.state.row.value.clear();
                write(&mut self.state.row.value);
                self.state.set(key);
            }
            Role::Rows | Role::Table | Role::TableRow => self.state.bad(),
        }
    }
}

impl<'de> Visitor<'de> for Node<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let role = match self.role {
            Role::Rows | Role::Either(_) => Role::Rows,
            Role::Table => Role::TableRow,
            Role::TableRow => return table_row(self.state, list),
            Role::Cell(_) | Role::More(_) => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        };
        while list.next_element_seed(Node { state: self.state, role })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self.role {
            Role::Rows | Role::Either(_) => {
                let line = self.state.line.get();
                self.state.row.clear();
                members(self.state, true, &mut map)?;
                self.state.finish(line);
                Ok(())
            }
            Role::More(_) => members(self.state, false, &mut map),
            Role::Cell(_) | Role::Table | Role::TableRow => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(())
            }
        }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.scalar(|value| value.push_str(text));
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.scalar(|value| value.push_str(if flag { "true" } else { "false" }));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.scalar(|value| value.push_str(&number.to_string()));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.scalar(|value| value.push_str(&number.to_string()));
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.scalar(|value| value.push_str(&number.to_string()));
        Ok(())
    }
}

/// The members of a row, or of an object inside it. Only a row's own keys can wrap other rows.
fn members<'de, A: MapAccess<'de>>(state: &mut State<'_, '_>, row: bool, map: &mut A) -> Result<(), A::Error> {
    let mut key = String::new();
    while map.next_key_seed(Text(&mut key))?.is_some() {
        let is = |names: &[&str]| row && names.iter().any(|name| key.eq_ignore_ascii_case(name));
        let role = if is(&["records", "tables", "value"]) {
            Role::Either(&key)
        } else if is(&["columns"]) {
            if let Columns::Named(names) = map.next_value()? {
                state.header = names.into_iter().map(|column| column.name).collect();
            }
            continue;
        } else if is(&["rows"]) {
            Role::Table
        } else if state.keys.get(&key).is_some_and(|known| known.column == Column::More) {
            Role::More(&key)
        } else {
            Role::Cell(&key)
        };
        map.next_value_seed(Node { state, role })?;
    }
    Ok(())
}

/// One row of a Log Analytics table, cell by cell.
fn table_row<'de, A: SeqAccess<'de>>(state: &mut State<'_, '_>, mut list: A) -> Result<(), A::Error> {
    let line = state.line.get();
    state.row.clear();
    let header = std::mem::take(&mut state.header);
    for name in &header {
        if list.next_element_seed(Node { state, role: Role::Cell(name) })?.is_none() {
            break;
        }
    }
    while list.next_element::<IgnoredAny>()?.is_some() {}
    state.header = header;
    state.finish(line);
    Ok(())
}

/// A key, into a text that is kept.
struct Text<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.clear();
        self.0.push_str(text);
        Ok(())
    }
}

/// Counts the lines that were handed on.
struct Lines<'c, R> {
    inner: R,
    line: &'c Cell<u64>,
}

impl<R: BufRead> Read for Lines<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let breaks = buffer.iter().take(read).filter(|byte| **byte == b'\n').count();
        self.line.set(self.line.get() + breaks as u64);
        Ok(read)
    }
}

fn state<'s, 'r>(reading: &'s mut Reading<'r>, line: &'s Cell<u64>) -> State<'s, 'r> {
    let keys = Keys { columns: reading.columns, known: HashMap::new(), seen: Vec::new() };
    State { row: Scratch::default(), keys, header: Vec::new(), reading: Some(reading), line }
}

/// What became of the keys, where no row was one.
fn end(state: State<'_, '_>) {
    let (seen, header) = (state.keys.seen, state.header);
    let Some(reading) = state.reading else { return };
    reading.seen = seen;
    reading.seen.extend(header);
    reading.check_map();
    let report = &reading.report;
    if report.used == 0 && report.loopback == 0 && report.other == 0 && report.bad == report.unknown {
        reading.lacks(1, &["server", "state"]);
    }
}

/// Reads documents that follow each other, of any size.
pub(super) fn read(from: &mut impl BufRead, reading: &mut Reading<'_>) {
    let line = Cell::new(1);
    let lines = Lines { inner: from, line: &line };
    let mut documents = serde_json::Deserializer::from_reader(lines);
    let mut state = state(reading, &line);
    loop {
        match documents.end() {
            Ok(()) => break,
            // Something follows: the next document.
            Err(error) if !error.is_eof() && !error.is_io() => {}
            Err(error) => {
                broken(&mut state, &error);
                break;
            }
        }
        if let Err(error) = (Node { state: &mut state, role: Role::Rows }).deserialize(&mut documents) {
            broken(&mut state, &error);
            break;
        }
    }
    end(state);
}

fn broken(state: &mut State<'_, '_>, error: &serde_json::Error) {
    let why = match error.classify() {
        serde_json::error::Category::Eof => "the file ends in the middle of the JSON".to_owned(),
        serde_json::error::Category::Io => error.to_string(),
        _ => "it is not JSON from there on".to_owned(),
    };
    let line = state.line.get();
    if let Some(reading) = state.reading.as_deref_mut() {
        reading.broken(line, &why);
    }
}

/// Reads one object a line: a line that is none is counted, and the next one read.
pub(super) fn read_lines(from: &mut impl BufRead, reading: &mut Reading<'_>) {
    let line = Cell::new(0);
    let mut state = state(reading, &line);
    let mut text = Vec::new();
    loop {
        text.clear();
        line.set(line.get() + 1);
        let longest = LONGEST_LINE as u64 + 1;
        match from.by_ref().take(longest).read_until(b'\n', &mut text) {
            Ok(0) => break,
            Ok(read) if read > LONGEST_LINE => {
                let why = "a line is longer than 16 MiB";
                if let Some(reading) = state.reading.as_deref_mut() {
                    reading.broken(line.get(), why);
                }
                break;
            }
            Ok(_) => {}
            Err(error) => {
                if let Some(reading) = state.reading.as_deref_mut() {
                    reading.broken(line.get(), &error.to_string());
                }
                break;
            }
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let mut document = serde_json::Deserializer::from_slice(&text);
        let read = (Node { state: &mut state, role: Role::Rows }).deserialize(&mut document);
        if read.and_then(|()| document.end()).is_err() {
            state.bad();
        }
    }
    end(state);
}
