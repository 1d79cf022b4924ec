//! Findings about rows: those that belong to no server, that are too late, or that contradict each other.

use super::histories::ServerHistory;
use super::place::Places;
use super::{Place, Timelines, timestamp};
use crate::diagnostic::{Diagnostic, Sources, code};
use std::collections::BTreeMap;

/// Findings of one kind that are printed.
const REPORTED: usize = 5;

/// Rows that belong to no server, by what they name.
#[derive(Debug, Default)]
pub(super) struct Unplaced {
    rows: BTreeMap<(bool, String), (u64, Place)>,
}

impl Unplaced {
    /// Adds rows: by their gateway where it is none of the snapshot, else by their server.
    pub(super) fn add(&mut self, gateway: &str, server: &str, rows: u64, place: Place, places: &Places<'_>) {
        let known = places.gateway(gateway).is_some();
        let key = (known, if known { server.to_owned() } else { gateway.to_owned() });
        let slot = self.rows.entry(key).or_insert((0, place));
        *slot = (slot.0 + rows, slot.1.min(place));
    }
}

/// All of them.
pub(super) fn findings(
    timelines: &Timelines,
    lost: Unplaced,
    servers: &[ServerHistory],
    sources: &mut Sources,
    out: &mut Vec<Diagnostic>,
) {
    let count = lost.rows.len();
    for ((known, name), (rows, place)) in lost.rows.into_iter().take(REPORTED) {
        let what = match (known, name.is_empty()) {
            (true, false) => format!(
                "{rows} rows about {name} were joined with nothing: no pair of the gateway, or several, can be meant"
            ),
            (true, true) => format!("{rows} rows name no server and were joined with nothing"),
            (false, false) => {
                format!("{rows} rows are for gateway {name}, which is not in the snapshot or is there more than once")
            }
            (false, true) => format!("{rows} rows do not say which gateway they are about"),
        };
        let span = sources.quote(place.0, place.1, "");
        out.push(Diagnostic::new(&code::UNPLACED_ROWS, what).at_some(span).help(code::UNPLACED_ROWS.fix));
    }
    if count > REPORTED {
        let text = format!("rows about {} more servers or gateways were joined with nothing", count - REPORTED);
        out.push(Diagnostic::new(&code::UNPLACED_ROWS, text).help(code::UNPLACED_ROWS.fix));
    }
    for (file, (rows, line)) in &timelines.late {
        let latest = timelines.latest.map(timestamp).map(|time| time.to_string()).unwrap_or_default();
        let span = sources.quote(*file, *line, "");
        let text = format!("{rows} rows are later than {latest} and were not used");
        out.push(Diagnostic::new(&code::FUTURE_ROWS, text).at_some(span).help(code::FUTURE_ROWS.fix));
    }
    let contradicted: Vec<&ServerHistory> = servers.iter().filter(|server| server.contradictions > 0).collect();
    if let Some(first) = contradicted.first() {
        let moments: u64 = contradicted.iter().map(|server| server.contradictions).sum();
        let text = format!(
            "{moments} moments of {} servers have rows that say different things, first {} in pool {}",
            contradicted.len(),
            first.server,
            first.pool.name()
        );
        out.push(Diagnostic::new(&code::CONTRADICTORY_ROWS, text).help(code::CONTRADICTORY_ROWS.fix));
    }
}
