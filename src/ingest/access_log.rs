//! Access logs of application gateways (health.md 1.7 to 1.9, 1.12): only which address a pool's requests went to.
//!
//! Read are the storage form (one JSON record a line, or `{"records": []}`), rows of Log Analytics as `az` prints them, its
//! REST answer, and CSV of the portal. Column names are taken without their type suffix, in any letter case.

use super::json::{Node, Object};
use super::rows::columns::{Column, ColumnMap, plain};
use super::rows::server_and_port;
use crate::diagnostic::Span;
use crate::model::{LoggedAddress, ResourceId};
use crate::net::parse_address;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Addresses by gateway, pool and address; of several requests the newest one is kept.
pub(crate) type Logged = BTreeMap<(ResourceId, String, IpAddr), LoggedAddress>;

const CATEGORY: &str = "ApplicationGatewayAccessLog";

/// Columns that are read.
#[derive(Debug, Default)]
struct Row {
    gateway: Option<String>,
    pool: Option<String>,
    routed: Option<String>,
    time: Option<String>,
}

impl Row {
    /// Takes a column, where it is one of those that are read and not yet filled.
    fn set(&mut self, column: &str, value: &str) {
        let slot = match ColumnMap::default().known(column).map(|known| known.column) {
            Some(Column::Gateway) if plain(column) == "resourceid" => &mut self.gateway,
            Some(Column::Pool) => &mut self.pool,
            Some(Column::Routed) => &mut self.routed,
            Some(Column::Time) => &mut self.time,
            _ => return,
        };
        if slot.is_none() && !value.trim().is_empty() {
            *slot = Some(value.trim().to_owned());
        }
    }

    /// Adds what the row says.
    fn add(self, span: Span, out: &mut Logged) {
        let (Some(gateway), Some(pool), Some(routed)) = (self.gateway, self.pool, self.routed) else { return };
        let (gateway, pool, time) = (ResourceId::new(&gateway), pool.to_lowercase(), self.time.unwrap_or_default());
        for address in routed.split(',').filter_map(routed_address) {
            let entry =
                LoggedAddress { gateway: gateway.clone(), pool: pool.clone(), address, time: time.clone(), span };
            keep_newest(out, entry);
        }
    }
}

/// Adds an address; of two requests with the same one the newer is kept.
fn keep_newest(out: &mut Logged, entry: LoggedAddress) {
    let key = (entry.gateway.clone(), entry.pool.clone(), entry.address);
    match out.get(&key) {
        Some(known) if known.time >= entry.time => {}
        _ => {
            out.insert(key, entry);
        }
    }
}

/// Adds what another file says.
pub(crate) fn merge(into: &mut Logged, from: Logged) {
    for (_, entry) in from {
        keep_newest(into, entry);
    }
}

/// `10.0.0.4:443`, `[fd00::4]:443`, or an address alone.
fn routed_address(text: &str) -> Option<IpAddr> {
    parse_address(server_and_port(text).0)
}

/// Is the object a record of an access log?
pub(crate) fn is_record(object: &Object<'_>) -> bool {
    let category = object.str("category").is_some_and(|text| text.eq_ignore_ascii_case(CATEGORY));
    // Every object of every file is asked: no text is made for it.
    let start = "serverrouted";
    let routed = object.members().any(|(key, _)| key.get(..start.len()).is_some_and(|k| k.eq_ignore_ascii_case(start)));
    category || routed && object.members().any(|(key, _)| plain(key) == "backendpoolname")
}

/// Reads one record.
pub(crate) fn read(object: &Object<'_>, out: &mut Logged) {
    let mut row = Row::default();
    let inner = object.get("properties").and_then(|node| node.object().ok().flatten());
    for (key, node) in object.members().chain(inner.iter().flat_map(Object::members)) {
        if let Some(value) = node.string() {
            row.set(key, &value);
        }
    }
    row.add(object.node().span(), out);
}

/// Reads a table of a Log Analytics answer: `{"columns": [{"name"}], "rows": [[]]}`. False where it is no access log.
pub(crate) fn read_table(table: &Object<'_>, out: &mut Logged) -> bool {
    let name = |node: Node<'_>| node.object().ok().flatten().and_then(|column| column.str("name").map(String::from));
    let columns: Vec<String> = table.list("columns").into_iter().map(|node| name(node).unwrap_or_default()).collect();
    if !columns.iter().any(|column| plain(column) == "serverrouted") {
        return false;
    }
    for node in table.list("rows") {
        let mut row = Row::default();
        for (column, value) in columns.iter().zip(node.items()) {
            if let Some(value) = value.string() {
                row.set(column, &value);
            }
        }
        row.add(node.span(), out);
    }
    true
}

/// Reads CSV with a header that has the columns of an access log; `None` for other text.
pub(crate) fn read_csv(file: u32, text: &str) -> Option<Logged> {
    let header = text.lines().next()?.to_ascii_lowercase();
    if !header.contains("serverrouted") || !header.contains("backendpoolname") {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns = reader.headers().ok()?.clone();
    let mut out = Logged::new();
    for record in reader.records() {
        // A row that is no CSV says nothing; the others still do.
        let Ok(record) = record else { continue };
        let mut row = Row::default();
        for (column, value) in columns.iter().zip(&record) {
            row.set(column, value);
        }
        let start = record.position().and_then(|position| u32::try_from(position.byte()).ok()).unwrap_or(0);
        let line = text.get(start as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let end = start.saturating_add(u32::try_from(line.len()).unwrap_or(0));
        row.add(Span { file, start, end }, &mut out);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routed_addresses() {
        let read = |text: &str| routed_address(text).map(|address| address.to_string());
        assert_eq!(read("10.0.0.4:443").as_deref(), Some("10.0.0.4"));
        assert_eq!(read(" 10.0.0.4 ").as_deref(), Some("10.0.0.4"));
        assert_eq!(read("[fd00::4]:443").as_deref(), Some("fd00::4"));
        assert_eq!(read("fd00::4").as_deref(), Some("fd00::4"));
        for none in ["", "-", "app.example:443", "10.0.0.4:99999", "10.0.0"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn column_names() {
        for (written, name) in [
            ("serverRouted_s", "serverrouted"),
            ("ServerRouted", "serverrouted"),
            ("_ResourceId", "resourceid"),
            ("TimeGenerated [UTC]", "timegenerated"),
            ("backendPoolName_s", "backendpoolname"),
        ] {
            assert_eq!(plain(written), name);
        }
    }
}
