//! What access logs and metrics tell of servers (health.md 3.2): the latest proof of TCP of each, where requests went,
//! and counts of healthy servers.

use crate::diagnostic::Span;
use crate::model::{Fact, LoggedAddress, Observation, Proof, ResourceId};
use crate::net::parse_address;
use jiff::Timestamp;
use std::collections::HashMap;

/// A server that requests were sent to, or a pair whose requests went nowhere (no server).
#[derive(Debug, Clone)]
pub(super) struct Routed {
    pub(super) gateway: String,
    pub(super) pool: String,
    pub(super) setting: String,
    pub(super) server: String,
    pub(super) port: Option<u16>,
    pub(super) proof: Option<Proof>,
    /// Time of the newest request.
    pub(super) newest: Timestamp,
    /// Requests that were given up before dialling.
    pub(super) not_dialled: u64,
    /// Healthy and unhealthy servers at the newest time.
    pub(super) counts: (Option<u32>, Option<u32>),
    pub(super) place: (u32, u64),
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    all: Vec<Routed>,
    written: HashMap<Box<[u8]>, usize>,
    bytes: Vec<u8>,
}

impl Requests {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every one, in an order of its own names.
    pub(super) fn sorted(&self) -> Vec<&Routed> {
        let mut out: Vec<&Routed> = self.all.iter().collect();
        out.sort_by_key(|one| (&one.gateway, &one.pool, &one.setting, &one.server, one.port));
        out
    }

    pub(super) fn add(&mut self, row: &Observation<'_>, time: Timestamp) {
        self.bytes.clear();
        for cell in [row.gateway, row.pool, row.setting, row.server] {
            self.bytes.extend_from_slice(cell.as_bytes());
            self.bytes.push(0x1F);
        }
        let kind = u8::from(matches!(row.fact, Fact::Counts(..)));
        self.bytes.extend_from_slice(&row.port.unwrap_or(0).to_le_bytes());
        self.bytes.push(kind);
        let index = match self.written.get(self.bytes.as_slice()) {
            Some(index) => *index,
            None => {
                self.written.insert(self.bytes.as_slice().into(), self.all.len());
                self.all.push(Routed::of(row, time));
                self.all.len() - 1
            }
        };
        let Some(one) = self.all.get_mut(index) else { return };
        match row.fact {
            Fact::Proof(kind) => one.proof = one.proof.max(Some(Proof { time, kind })),
            Fact::NotDialled => one.not_dialled += 1,
            Fact::Counts(healthy, unhealthy) if time >= one.newest => {
                one.counts = (healthy.or(one.counts.0), unhealthy.or(one.counts.1));
            }
            Fact::Counts(..) | Fact::Routed | Fact::State(..) | Fact::Text(_) => {}
        }
        if time > one.newest {
            (one.newest, one.place) = (time, (row.file, row.line));
        }
    }

    /// Addresses that requests of a pool went to, for names that nothing else resolves (health.md 5, item 4c).
    pub(super) fn addresses(&self) -> Vec<LoggedAddress> {
        let inside = |one: &&Routed| !one.gateway.is_empty() && !one.pool.is_empty() && one.not_dialled == 0;
        let logged = |one: &Routed| {
            Some(LoggedAddress {
                gateway: ResourceId::new(&one.gateway),
                pool: one.pool.to_lowercase(),
                address: parse_address(&one.server)?,
                time: one.newest.to_string(),
                span: Span { file: one.place.0, start: 0, end: 0 },
            })
        };
        self.sorted().into_iter().filter(inside).filter_map(logged).collect()
    }
}

impl Routed {
    fn of(row: &Observation<'_>, time: Timestamp) -> Self {
        Routed {
            gateway: row.gateway.to_owned(),
            pool: row.pool.to_owned(),
            setting: row.setting.to_owned(),
            server: row.server.to_owned(),
            port: row.port,
            proof: None,
            newest: time,
            not_dialled: 0,
            counts: (None, None),
            place: (row.file, row.line),
        }
    }
}
