//! Recorded rows with times as one time line a server (health.md 6.4).
//!
//! [`Timelines`] takes rows one by one; `runs` keeps each series as a list of what was said from when to when; `requests`
//! keeps what access logs and metrics prove; `histories` finds out whose rows they are, and turns them into records.

mod histories;
mod phases;
mod place;
mod records;
mod requests;
mod runs;
mod said;
mod unplaced;

pub use histories::{Count, Histories, HostCounts, ServerHistory, Silence};

use crate::model::{Fact, Observation, RecordedState};
use jiff::Timestamp;
use requests::Requests;
use runs::Runs;
use said::{Classes, Said};
use std::collections::{BTreeMap, HashMap};

/// What tells series apart, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    gateway: String,
    pool: String,
    setting: String,
    server: String,
    port: Option<u16>,
    instance: String,
}

/// A row's place.
type Place = (u32, u64);

/// One server as one gateway instance sees it.
#[derive(Debug)]
struct Series {
    key: Key,
    runs: Runs,
    /// The newest message.
    message: Option<(i64, Box<str>)>,
    /// Time and place of the newest row.
    newest: (i64, Place),
}

/// A text with its time, of rows that hold no state (F6), or a state without a time (F4).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    time: i64,
    state: Option<RecordedState>,
    text: Option<Box<str>>,
    place: Place,
}

/// Rows of all records.
#[derive(Debug, Default)]
pub struct Timelines {
    /// Rows after this are not used.
    latest: Option<i64>,
    /// Rows before this are not used.
    since: Option<i64>,
    keep: bool,
    again: bool,
    series: Vec<Series>,
    /// Series by the bytes of their cells as written.
    written: HashMap<Box<[u8]>, usize>,
    known: BTreeMap<Key, usize>,
    /// Bytes of the row at hand, kept for the next one.
    bytes: Vec<u8>,
    classes: Classes,
    texts: BTreeMap<Key, Note>,
    /// States without a time, by file.
    untimed: BTreeMap<(u32, Key), Note>,
    requests: Requests,
    /// How many rows are too late, and the place of the first, by file.
    late: BTreeMap<u32, (u64, u64)>,
    /// Time of the newest row, by file.
    newest: BTreeMap<u32, i64>,
    last_file: Option<(u32, i64)>,
}

impl Timelines {
    /// For rows up to `latest`. With `keep` the rows can be read only once: all are kept until the end.
    pub fn new(latest: Option<Timestamp>, keep: bool) -> Self {
        Timelines { latest: latest.and_then(nanoseconds), keep, ..Timelines::default() }
    }

    /// Leaves out rows before a time.
    #[must_use]
    pub fn since(self, since: Option<Timestamp>) -> Self {
        Timelines { since: since.and_then(nanoseconds), ..self }
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.untimed.is_empty() && self.texts.is_empty() && self.requests.is_empty()
    }

    /// Takes a row.
    pub fn add(&mut self, row: &Observation<'_>) {
        let Some(time) = row.time else { return self.add_untimed(row) };
        let Some(at) = nanoseconds(time).filter(|at| self.since.is_none_or(|since| *at >= since)) else { return };
        if self.again {
            if let Fact::State(state, message) = row.fact {
                self.add_again(row, at, state, message);
            }
            return;
        }
        if self.latest.is_some_and(|latest| at > latest) {
            self.late.entry(row.file).or_insert((0, row.line)).0 += 1;
            return;
        }
        self.note_newest(row.file, at);
        match row.fact {
            Fact::State(state, message) => self.add_state(row, at, state, message),
            Fact::Text(text) => self.add_text(row, at, text),
            Fact::Proof(_) | Fact::Routed | Fact::NotDialled | Fact::Counts(..) => self.requests.add(row, time),
        }
    }

    fn note_newest(&mut self, file: u32, at: i64) {
        match &mut self.last_file {
            Some((known, newest)) if *known == file => *newest = at.max(*newest),
            _ => {
                self.flush_newest();
                self.last_file = Some((file, at));
            }
        }
    }

    fn flush_newest(&mut self) {
        if let Some((file, at)) = self.last_file.take() {
            let newest = self.newest.entry(file).or_insert(at);
            *newest = at.max(*newest);
        }
    }

    fn add_state(&mut self, row: &Observation<'_>, at: i64, state: RecordedState, message: Option<&str>) {
        let said = self.classes.said(state, message);
        write_key(row, &mut self.bytes);
        let index = match self.written.get(self.bytes.as_slice()) {
            Some(index) => *index,
            None => self.new_series(row, at),
        };
        let Some(series) = self.series.get_mut(index) else { return };
        series.runs.add(at, said.0);
        if at >= series.newest.0 {
            let place = (row.file, row.line);
            series.newest = if at > series.newest.0 { (at, place) } else { (at, place.min(series.newest.1)) };
        }
        if let Some(message) = message {
            let newer = match &series.message {
                Some((known, text)) => (*known, &**text) < (at, message),
                None => true,
            };
            if newer {
                match &mut series.message {
                    Some((known, text)) if **text == *message => *known = at,
                    slot => *slot = Some((at, message.into())),
                }
            }
        }
    }

    /// Series that differ in the letter case of their cells only are one.
    fn new_series(&mut self, row: &Observation<'_>, at: i64) -> usize {
        let key = Key::of(row);
        let next = self.series.len();
        let index = *self.known.entry(key.clone()).or_insert(next);
        if index == next {
            let runs = if self.keep { Runs::keeping() } else { Runs::default() };
            self.series.push(Series { key, runs, message: None, newest: (at, (row.file, row.line)) });
        }
        self.written.insert(self.bytes.as_slice().into(), index);
        index
    }

    /// The second reading: only what came in no order.
    fn add_again(&mut self, row: &Observation<'_>, at: i64, state: RecordedState, message: Option<&str>) {
        if self.latest.is_some_and(|latest| at > latest) {
            return;
        }
        write_key(row, &mut self.bytes);
        let Some(series) = self.written.get(self.bytes.as_slice()).and_then(|index| self.series.get_mut(*index)) else {
            return;
        };
        if series.runs.keeps() {
            series.runs.add(at, self.classes.said(state, message).0);
        }
    }

    /// Do some series have to be read again? Then every file is to be given once more, before the end.
    pub fn read_again(&mut self) -> bool {
        for series in self.series.iter_mut().filter(|series| series.runs.is_unordered()) {
            series.runs.again();
            self.again = true;
        }
        self.again
    }

    /// All rows were given.
    pub fn finish(&mut self) {
        self.flush_newest();
        for series in &mut self.series {
            series.runs.finish(Said::of_one_moment);
        }
    }

    fn add_text(&mut self, row: &Observation<'_>, at: i64, text: &str) {
        if row.server.is_empty() || !self.classes.says_something(text) {
            return;
        }
        let note = Note { time: at, state: None, text: Some(text.into()), place: (row.file, row.line) };
        let key = Key { instance: String::new(), ..Key::of(row) };
        match self.texts.get_mut(&key) {
            Some(known) if (known.time, &known.text) >= (at, &note.text) => {}
            Some(known) => *known = note,
            None => drop(self.texts.insert(key, note)),
        }
    }

    /// A table without times: the last row of a server counts.
    fn add_untimed(&mut self, row: &Observation<'_>) {
        if self.again {
            return;
        }
        let (state, text) = match row.fact {
            Fact::State(state, message) => (Some(state), message),
            Fact::Text(text) => (None, Some(text)),
            Fact::Proof(_) | Fact::Routed | Fact::NotDialled | Fact::Counts(..) => return,
        };
        let note = Note { time: 0, state, text: text.map(Into::into), place: (row.file, row.line) };
        self.untimed.insert((row.file, Key::of(row)), note);
    }
}

impl Key {
    fn of(row: &Observation<'_>) -> Self {
        Key {
            gateway: row.gateway.to_ascii_lowercase(),
            pool: row.pool.to_ascii_lowercase(),
            setting: row.setting.to_ascii_lowercase(),
            server: row.server.to_ascii_lowercase(),
            port: row.port,
            instance: row.instance.to_owned(),
        }
    }
}

/// The cells that tell series apart, as written.
fn write_key(row: &Observation<'_>, bytes: &mut Vec<u8>) {
    bytes.clear();
    for cell in [row.gateway, row.pool, row.setting, row.server, row.instance] {
        bytes.extend_from_slice(cell.as_bytes());
        bytes.push(0x1F);
    }
    let port = row.port.map_or(0, |port| u32::from(port) + 1);
    bytes.extend_from_slice(&port.to_le_bytes());
}

/// Nanoseconds since 1970; the reader lets no time through that does not fit.
fn nanoseconds(time: Timestamp) -> Option<i64> {
    i64::try_from(time.as_nanosecond()).ok()
}

/// The time of nanoseconds since 1970.
fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}
