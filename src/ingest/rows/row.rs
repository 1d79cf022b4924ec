//! From the cells of one row to what was observed (health.md 1.4 to 1.11, 3.2).

use super::columns::{Column, KINDS};
use super::time::{NoTime, Times};
use crate::model::{Fact, Observation, ProofKind, RecordedState};
use jiff::Timestamp;

/// The cells of a row by what they hold; empty where the row has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a> {
    /// Texts, by [`Column::index`].
    pub(super) text: [&'a str; KINDS],
    /// Times without a zone are UTC.
    pub(super) utc: bool,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// It was used.
    Used,
    /// A request of the gateway's own process (health.md 1.7).
    Loopback,
    /// It is about something else: another log category, another metric.
    Other,
    /// Not a row of any known kind.
    Unknown,
    /// It could not be read.
    Bad(Reason),
}

/// Why a row could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Time,
    Zone,
    Years,
    Server,
    Port,
    State,
    Count,
    Cells,
    Encoding,
    Json,
}

impl Reason {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Reason::Time => "its time cannot be read",
            Reason::Zone => "its time has no zone, and the column does not say [UTC]",
            Reason::Years => "its time is not plausible",
            Reason::Server => "it names no server",
            Reason::Port => "its port is none",
            Reason::State => "its state is none that is known",
            Reason::Count => "its count is no number",
            Reason::Cells => "it has another number of cells than the header",
            Reason::Encoding => "it is not UTF-8",
            Reason::Json => "it is not one JSON object",
        }
    }
}

/// Where a row stands, and what reads its time.
#[derive(Debug)]
pub(super) struct RowReader {
    pub(super) file: u32,
    times: Times,
    earliest: Timestamp,
    latest: Timestamp,
}

type Out<'o> = &'o mut dyn FnMut(&Observation<'_>);

impl RowReader {
    pub(super) fn new(file: u32) -> Self {
        // Application Gateway exists since 2015; what is computed with these times must not overflow.
        let year = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        RowReader { file, times: Times::default(), earliest: year(1_262_304_000), latest: year(4_102_444_800) }
    }

    /// Reads one row.
    pub(super) fn read(&mut self, cells: &Cells<'_>, line: u64, out: Out<'_>) -> Outcome {
        match self.observe(cells, line, out) {
            Ok(outcome) => outcome,
            Err(reason) => Outcome::Bad(reason),
        }
    }

    fn observe(&mut self, cells: &Cells<'_>, line: u64, out: Out<'_>) -> Result<Outcome, Reason> {
        let category = cells.get(Column::Category);
        let has = |column| !cells.get(column).is_empty();
        if category.eq_ignore_ascii_case("ApplicationGatewayFirewallLog") {
            return Ok(Outcome::Other);
        }
        let requested = [Column::Routed, Column::Status, Column::Error, Column::Query].into_iter().any(has);
        if requested || is_access_log(category) {
            return self.request(cells, line, out);
        }
        if has(Column::Healthy) || has(Column::Unhealthy) {
            let (healthy, unhealthy) = (count(cells.get(Column::Healthy))?, count(cells.get(Column::Unhealthy))?);
            out(&self.observation(cells, line, Fact::Counts(healthy, unhealthy))?.with_time()?);
            return Ok(Outcome::Used);
        }
        if has(Column::Metric) {
            return self.metric(cells, line, out);
        }
        if has(Column::State) {
            return self.state(cells, line, out);
        }
        if has(Column::Message) {
            return self.text(cells, line, out);
        }
        let empty = cells.text.iter().all(|cell| cell.is_empty());
        Ok(if empty { Outcome::Other } else { Outcome::Unknown })
    }

    /// F4 and F5: a state, with or without time.
    fn state(&mut self, cells: &Cells<'_>, line: u64, out: Out<'_>) -> Result<Outcome, Reason> {
        let text = cells.get(Column::State);
        let state = match text {
            "True" | "true" | "TRUE" | "1" => RecordedState::Up,
            "False" | "false" | "FALSE" | "0" => RecordedState::Down,
            other => RecordedState::parse(other).ok_or(Reason::State)?,
        };
        let message = Some(cells.get(Column::Message)).filter(|text| !text.is_empty());
        let seen = self.observation(cells, line, Fact::State(state, message))?;
        if seen.server.is_empty() {
            return Err(Reason::Server);
        }
        out(&seen);
        Ok(Outcome::Used)
    }

    /// F6, and a row of the portal that holds nothing but a text. The text may name the server.
    fn text(&mut self, cells: &Cells<'_>, line: u64, out: Out<'_>) -> Result<Outcome, Reason> {
        let text = cells.get(Column::Message);
        let mut seen = self.observation(cells, line, Fact::Text(text))?;
        if seen.server.is_empty() {
            (seen.server, seen.port) = named_server(text).unwrap_or(("", seen.port));
        }
        out(&seen);
        Ok(Outcome::Used)
    }

    /// F7 to F9. Several servers in one row were tried one after the other.
    fn request(&mut self, cells: &Cells<'_>, line: u64, out: Out<'_>) -> Result<Outcome, Reason> {
        let client = cells.get(Column::Client);
        if client == "::1" || client.split(':').next() == Some("127.0.0.1") {
            return Ok(Outcome::Loopback);
        }
        let query = cells.get(Column::Query);
        let routed = first_of(cells.get(Column::Routed), parameter(query, "SERVER-ROUTED"));
        let status = first_of(cells.get(Column::Status), parameter(query, "SERVER-STATUS"));
        let mut seen = self.observation(cells, line, Fact::Routed)?.with_time()?;
        let error = cells.get(Column::Error);
        let says = |word: &str| error.len() >= word.len() && error.to_ascii_uppercase().ends_with(word);
        if routed.is_empty() {
            seen.fact = Fact::NotDialled;
            if says("UPSTREAM_NO_LIVE") {
                out(&seen);
            }
            return Ok(Outcome::Used);
        }
        let stream = matches!(cells.get(Column::Protocol), "TCP" | "Tcp" | "tcp" | "TLS" | "Tls" | "tls");
        let (targets, answers) = (routed.split(',').count(), status.split(',').count());
        for (at, target) in routed.split(',').enumerate() {
            (seen.server, seen.port) = server_and_port(target);
            let answer = status.split(',').nth(at).filter(|_| targets == answers).unwrap_or_default();
            let answer = answer.trim().parse::<u16>().ok().filter(|code| (100..600).contains(code));
            let last = at + 1 == targets;
            seen.fact = match answer {
                // On layer 4 the gateway makes up the status; only 200 says that the backend was reached.
                // No backend was live, so the 502 is the gateway's own (health.md 3.2).
                Some(502) if says("UPSTREAM_NO_LIVE") => Fact::Routed,
                Some(code) if !stream || code == 200 => Fact::Proof(ProofKind::Answered(code)),
                None if last && says("UPSTREAM_TIMED_OUT") => Fact::Proof(ProofKind::TimedOut),
                None if last && says("UPSTREAM_CLOSED_CONNECTION") => Fact::Proof(ProofKind::Closed),
                _ => Fact::Routed,
            };
            if !seen.server.is_empty() {
                out(&seen);
            }
        }
        Ok(Outcome::Used)
    }

    /// F11: `BackendConnectTime` proves a connection of that minute, host counts are counts.
    fn metric(&mut self, cells: &Cells<'_>, line: u64, out: Out<'_>) -> Result<Outcome, Reason> {
        let (name, value) = (cells.get(Column::Metric), cells.get(Column::Value));
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let fact = if is("HealthyHostCount") {
            Fact::Counts(count(value)?, None)
        } else if is("UnhealthyHostCount") {
            Fact::Counts(None, count(value)?)
        } else if is("BackendConnectTime") && !value.is_empty() && !cells.get(Column::Server).is_empty() {
            Fact::Proof(ProofKind::Connected)
        } else {
            return Ok(Outcome::Other);
        };
        if matches!(fact, Fact::Counts(None, None)) {
            return Ok(Outcome::Other);
        }
        out(&self.observation(cells, line, fact)?.with_time()?);
        Ok(Outcome::Used)
    }

    /// What every kind of row has.
    fn observation<'a>(&mut self, cells: &Cells<'a>, line: u64, fact: Fact<'a>) -> Result<Observation<'a>, Reason> {
        let time = match cells.get(Column::Time) {
            "" => None,
            text => Some(self.times.read(text, cells.utc).map_err(|why| match why {
                NoTime::Unreadable => Reason::Time,
                NoTime::NoZone => Reason::Zone,
            })?),
        };
        if time.is_some_and(|time| time < self.earliest || time > self.latest) {
            return Err(Reason::Years);
        }
        let (mut pool, mut setting) = (cells.get(Column::Pool), cells.get(Column::Setting));
        if let Some((first, second)) = cells.get(Column::Pair).split_once('~') {
            (pool, setting) = (first_of(pool, first), first_of(setting, second));
        }
        let (server, own) = server_and_port(cells.get(Column::Server));
        let port = match cells.get(Column::Port) {
            "" => own,
            text => Some(text.strip_suffix(".0").unwrap_or(text).parse().map_err(|_| Reason::Port)?),
        };
        let (gateway, instance) = (cells.get(Column::Gateway), cells.get(Column::Instance));
        Ok(Observation { file: self.file, line, time, gateway, instance, pool, setting, server, port, fact })
    }
}

impl<'a> Cells<'a> {
    /// The cell of a kind, without blanks around it.
    pub(super) fn get(&self, column: Column) -> &'a str {
        self.text.get(column.index()).map_or("", |text| text.trim())
    }
}

trait WithTime: Sized {
    /// A log or metric without a time is none.
    fn with_time(self) -> Result<Self, Reason>;
}

impl WithTime for Observation<'_> {
    fn with_time(self) -> Result<Self, Reason> {
        if self.time.is_some() { Ok(self) } else { Err(Reason::Time) }
    }
}

fn is_access_log(category: &str) -> bool {
    category.eq_ignore_ascii_case("ApplicationGatewayAccessLog") || category.eq_ignore_ascii_case("AGWAccessLogs")
}

fn first_of<'a>(a: &'a str, b: &'a str) -> &'a str {
    if a.is_empty() { b } else { a }
}

/// A number of servers; metrics write it as `2.0`. Empty is none.
fn count(text: &str) -> Result<Option<u32>, Reason> {
    if text.is_empty() || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().map(Some).map_err(|_| Reason::Count)
}

/// The value of a parameter in a v1 log's `requestQuery`.
fn parameter<'a>(query: &'a str, name: &str) -> &'a str {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}

/// `10.0.0.4:443`, `[fd00::4]:443`, `app.example:443`, or a server alone.
pub(crate) fn server_and_port(text: &str) -> (&str, Option<u16>) {
    let text = text.trim();
    if let Some((inside, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (inside, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.split_once(':') {
        Some((server, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (server, Some(port)),
            Err(_) => (text, None),
        },
        _ => (if text == "-" { "" } else { text }, None),
    }
}

/// The first address in a text, with its port; else the first thing that looks like a host name.
fn named_server(text: &str) -> Option<(&str, Option<u16>)> {
    let tokens = || {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']');
        text.split(move |c: char| !inside(c)).map(|token| token.trim_end_matches(['.', ':', '-'])).map(server_and_port)
    };
    let address = tokens().find(|(server, _)| server.parse::<std::net::IpAddr>().is_ok());
    let name = || {
        tokens().find(|(server, _)| {
            let dotted = server.split('.').count() >= 3 && server.split('.').all(|label| !label.is_empty());
            let word = server.ends_with(|c: char| c.is_ascii_alphabetic()) && !server.contains(':');
            dotted && word && !server.to_ascii_lowercase().ends_with(".microsoft.com")
        })
    };
    address.or_else(name)
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
