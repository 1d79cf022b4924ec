//! What recorded rows with times come to (health.md 1.5 to 1.11, 6.4): states over time, and proofs of TCP.

use super::RecordedState;
use jiff::Timestamp;

/// One row of a record, borrowed from its file (health.md 1.13). Texts that the row does not hold are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation<'a> {
    /// File, as an index into the sources.
    pub file: u32,
    /// Line in the file, from 1.
    pub line: u64,
    /// When it was observed; a table without a time column has none (F4).
    pub time: Option<Timestamp>,
    /// Gateway: an id, a name, or a GUID of a table that is internal to Azure.
    pub gateway: &'a str,
    /// Gateway instance.
    pub instance: &'a str,
    /// Pool, by id or name.
    pub pool: &'a str,
    /// Backend setting, by id or name.
    pub setting: &'a str,
    /// Server: address, name, NIC.
    pub server: &'a str,
    /// Port.
    pub port: Option<u16>,
    /// What was observed.
    pub fact: Fact<'a>,
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A state, with the probe message where the row holds one (F4, F5).
    State(RecordedState, Option<&'a str>),
    /// A text without a state (F6, and what the portal shows without permission).
    Text(&'a str),
    /// A request that proves TCP to the server (F7 to F9), or a connect time of it (F11; health.md 3.2).
    Proof(ProofKind),
    /// A request was sent there; nothing that is recorded of it proves a connection.
    Routed,
    /// A request that the gateway gave up before it dialled: it proves nothing (health.md 3.2).
    NotDialled,
    /// How many servers were healthy and unhealthy (F10, F11).
    Counts(Option<u32>, Option<u32>),
}

/// What proves that TCP reached a server (health.md 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProofKind {
    /// `BackendConnectTime` of that minute.
    Connected,
    /// `ERRORINFO_UPSTREAM_CLOSED_CONNECTION`: something closed the connection.
    Closed,
    /// `ERRORINFO_UPSTREAM_TIMED_OUT`: an established connection was given up.
    TimedOut,
    /// A numeric `serverStatus`: the server answered.
    Answered(u16),
}

/// The latest proof of TCP to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    /// When.
    pub time: Timestamp,
    /// By what.
    pub kind: ProofKind,
}

/// A change of the recorded state of one server. It happened after `after` and not later than `by` (health.md 6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// State before.
    pub from: RecordedState,
    /// State after.
    pub to: RecordedState,
    /// Last observation of the old state.
    pub after: Timestamp,
    /// First observation of the new state.
    pub by: Timestamp,
    /// Gateway instances that observed it, sorted; empty where the rows name none.
    pub instances: Vec<String>,
}
