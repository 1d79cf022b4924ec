//! Names of columns and keys, in one table (health.md 1.4 to 1.12). They are compared without letter case, blanks,
//! underscores and type suffixes, so one table covers the portal, Log Analytics, storage and hand-made tables.

use std::fmt::Write as _;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Time,
    Gateway,
    Instance,
    Pool,
    Setting,
    Server,
    Port,
    State,
    Message,
    Protocol,
    Category,
    Routed,
    Status,
    Error,
    Client,
    Query,
    Healthy,
    Unhealthy,
    Metric,
    Value,
    Pair,
    More,
}

/// How many kinds of columns there are.
pub(crate) const KINDS: usize = 22;

/// Kind, the name that `--map` takes, and the names that are known without it; earlier ones count first.
const NAMES: [(Column, &str, &[&str]); KINDS] = [
    (
        Column::Time,
        "time",
        &[
            "timestamp",
            "timegenerated",
            "time",
            "datetime",
            "timeutc",
            "timestamputc",
            "precisetimestamp",
            "eventtime",
            "date",
        ],
    ),
    (
        Column::Gateway,
        "gateway",
        &["gatewayid", "resourceid", "gateway", "applicationgateway", "gatewayname", "resource"],
    ),
    (Column::Instance, "instance", &["roleinstance", "instanceid", "instance", "gatewayinstance"]),
    (
        Column::Pool,
        "pool",
        &["pool", "backendpoolname", "backendpool", "backendaddresspool", "poolname", "backendaddresspoolname"],
    ),
    (
        Column::Setting,
        "setting",
        &[
            "setting",
            "backendsettingname",
            "backendsetting",
            "backendsettings",
            "httpsetting",
            "httpsettings",
            "backendhttpsetting",
            "backendhttpsettings",
            "backendhttpsettingname",
            "backendhttpsettingsname",
            "settingname",
            "settings",
        ],
    ),
    (
        Column::Server,
        "server",
        &[
            "server",
            "address",
            "target",
            "targetserver",
            "backendserver",
            "serveraddress",
            "backendaddress",
            "backend",
            "backendip",
            "ipaddress",
            "fqdn",
            "servername",
        ],
    ),
    (Column::Port, "port", &["port", "probeport", "backendport", "serverport", "targetport"]),
    (Column::State, "state", &["healthy", "health", "status", "state", "healthstate", "ishealthy", "healthstatus"]),
    (
        Column::Message,
        "message",
        &[
            "details",
            "healthprobelog",
            "message",
            "log",
            "probelog",
            "text",
            "eventmessage",
            "informationlogevent",
            "description",
        ],
    ),
    (Column::Protocol, "protocol", &["protocol"]),
    (Column::Category, "category", &["category", "type"]),
    (Column::Routed, "serverRouted", &["serverrouted"]),
    (Column::Status, "serverStatus", &["serverstatus"]),
    (Column::Error, "errorInfo", &["errorinfo"]),
    (Column::Client, "clientIp", &["clientip"]),
    (Column::Query, "requestQuery", &["requestquery"]),
    (Column::Healthy, "healthyHostCount", &["healthyhostcount"]),
    (Column::Unhealthy, "unhealthyHostCount", &["unhealthyhostcount"]),
    (Column::Metric, "metric", &["metricname", "metric"]),
    (Column::Value, "value", &["average", "maximum", "total", "value"]),
    (Column::Pair, "backendSettingsPool", &["backendsettingspool"]),
    (Column::More, "additionalFields", &["additionalfields", "properties"]),
];

/// Columns whose times are UTC although they do not say so: Azure's own tables (health.md 1.12).
const UTC: [&str; 3] = ["timegenerated", "timeutc", "timestamputc"];

impl Column {
    /// Index into a row's cells.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// A column that was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Known {
    /// What it holds.
    pub(crate) column: Column,
    /// Of several columns of one kind the one with the lowest rank counts; `--map` is 0.
    pub(crate) rank: u8,
    /// Times in it are UTC.
    pub(crate) utc: bool,
}

/// Columns that the user named: `--map server=ColumnX`.
#[derive(Debug, Clone, Default)]
pub struct ColumnMap {
    given: Vec<(Column, String)>,
}

impl ColumnMap {
    /// Reads `FIELD=COLUMN` texts.
    ///
    /// # Errors
    /// Names what is wrong, and the known fields.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut given = Vec::new();
        for text in texts {
            let Some((field, column)) = text.split_once('=').filter(|(_, column)| !column.trim().is_empty()) else {
                return Err(format!("--map {text}: expected FIELD=COLUMN; fields are {}", fields()));
            };
            let found = NAMES.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(field.trim()));
            let Some((kind, _, _)) = found else {
                return Err(format!("--map {text}: no field named {field}; fields are {}", fields()));
            };
            let column = column.trim();
            let column = column.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(column);
            given.push((*kind, column.to_owned()));
        }
        Ok(ColumnMap { given })
    }

    /// Did the user name any?
    pub(crate) fn is_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// What a column of this name holds.
    pub(crate) fn known(&self, written: &str) -> Option<Known> {
        let name = plain(written);
        let utc = written.to_ascii_lowercase().contains("[utc]") || UTC.contains(&name.as_str());
        let written = written.trim();
        if let Some((column, _)) = self.given.iter().find(|(_, given)| given.eq_ignore_ascii_case(written)) {
            return Some(Known { column: *column, rank: 0, utc });
        }
        NAMES.iter().find_map(|(column, _, aliases)| {
            let rank = aliases.iter().position(|alias| *alias == name)?;
            Some(Known { column: *column, rank: u8::try_from(rank + 1).unwrap_or(u8::MAX), utc })
        })
    }

    /// Columns that were named and are none of these.
    pub(crate) fn absent<'m>(&'m self, seen: &[String]) -> Vec<&'m str> {
        let there = |name: &str| seen.iter().any(|column| column.trim().eq_ignore_ascii_case(name));
        self.given.iter().map(|(_, name)| name.as_str()).filter(|name| !there(name)).collect()
    }
}

/// The fields that `--map` knows.
pub(crate) fn fields() -> String {
    let mut out = String::new();
    for (at, (_, name, _)) in NAMES.iter().enumerate() {
        let _ = write!(out, "{}{name}", if at == 0 { "" } else { ", " });
    }
    out
}

/// A column name without its type suffix (`_s`, `_d`, ...), unit, blanks and underscores, in lower case.
pub(crate) fn plain(column: &str) -> String {
    let column = column.trim().trim_start_matches('\u{feff}').to_ascii_lowercase();
    let column = column.split(" [").next().unwrap_or_default();
    let suffixes = ["_s", "_d", "_b", "_g", "_t"];
    let column = suffixes.iter().find_map(|suffix| column.strip_suffix(suffix)).unwrap_or(column);
    column.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_place_and_no_name_means_two() {
        let mut all: Vec<&str> = Vec::new();
        for (at, (column, name, aliases)) in NAMES.iter().enumerate() {
            assert_eq!(column.index(), at, "{name}");
            all.extend(*aliases);
            for alias in *aliases {
                assert_eq!(plain(alias), *alias);
            }
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn names_of_portal_log_analytics_and_storage() {
        let map = ColumnMap::default();
        for (written, column) in [
            ("Backend pool", Column::Pool),
            ("backendPoolName_s", Column::Pool),
            ("BackendSettingName", Column::Setting),
            ("HealthProbeLog", Column::Message),
            ("\u{feff}Server", Column::Server),
            ("_ResourceId", Column::Gateway),
            ("TimeGenerated [UTC]", Column::Time),
            ("error_info_s", Column::Error),
            ("ErrorInfo", Column::Error),
            ("unHealthyHostCount_d", Column::Unhealthy),
            ("TIMESTAMP", Column::Time),
            ("Healthy", Column::State),
        ] {
            assert_eq!(map.known(written).map(|known| known.column), Some(column), "{written}");
        }
        assert_eq!(map.known("httpStatus_d"), None);
        let utc = |name: &str| map.known(name).is_some_and(|known| known.utc);
        assert!(utc("TimeGenerated") && utc("Time [UTC]") && !utc("TIMESTAMP") && !utc("time"));
    }

    #[test]
    fn a_column_that_is_named_counts_first() {
        let map = ColumnMap::parse(&["server=ColumnX".into(), "time=\"When it was\"".into()]).unwrap_or_default();
        assert_eq!(map.known("columnx").map(|known| (known.column, known.rank)), Some((Column::Server, 0)));
        assert_eq!(map.known("When it was").map(|known| known.column), Some(Column::Time));
        assert_eq!(map.known("server").map(|known| known.rank), Some(1));
        assert_eq!(map.absent(&["ColumnX".into()]), ["When it was"]);
        let unknown = ColumnMap::parse(&["box=ColumnX".into()]).err().unwrap_or_default();
        assert!(unknown.contains("no field named box") && unknown.contains("server, port"), "{unknown}");
        assert!(ColumnMap::parse(&["server".into()]).is_err() && ColumnMap::parse(&["server=".into()]).is_err());
    }
}
