//! Recorded changes (health.md 6.4): activity logs as `az monitor activity-log list`, its REST API, Log Analytics and
//! storage exports have them, and `resourcechanges` of Resource Graph.
//!
//! Only what succeeded changed anything. Entries of one operation (started, accepted, succeeded) have one correlation id
//! and are one change, at the time it succeeded.

use super::json::{Document, Node, Object};
use super::{Input, Loaded, encoding, json_start};
use crate::diagnostic::{Diagnostic, Source, Span, code};
use crate::model::{Change, ChangeKind, ChangeSource, ChangeTime, PreviousValue, ResourceId};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// What is read, for the message about a file that is something else.
const SHAPES: &str = "`az monitor activity-log list -o json`, its REST answer {\"value\": [...]}, AzureActivity rows of \
    Log Analytics (JSON, {\"tables\": [...]} or CSV), exported activity logs ({\"records\": [...]} or one JSON record a \
    line), and Resource Graph answers of the table resourcechanges";

/// Actions that change what is in force; others, such as asking for backend health, change nothing.
const ACTIONS: [&str; 4] = [
    "networkmanagers/commit/action",
    "applicationgateways/start/action",
    "applicationgateways/stop/action",
    "applicationgateways/restart/action",
];

/// Reads files of changes, sorted by time. Their texts are added to what was loaded, nothing of them to the configuration.
///
/// # Errors
/// Says which file is of no known shape, and what the known ones are.
pub fn load_changes(loaded: &mut Loaded, inputs: Vec<Input>) -> Result<Vec<Change>, String> {
    let mut read = Read::default();
    for input in inputs {
        let (text, note) = encoding::decode(&input.name, input.bytes).map_err(|finding| finding.message)?;
        loaded.findings.extend(note);
        let file = loaded.sources.add(Source::new(input.name.clone(), text));
        let text = loaded.sources.get(file).map_or("", |source| source.text.as_str());
        let strange =
            read.text(file, text).map_err(|()| format!("{}: no record of changes; known are {SHAPES}", input.name))?;
        if strange > 0 {
            let text = format!("{strange} entries of {} are no change of a resource; they were left out", input.name);
            let at = Span { file, start: 0, end: 0 };
            loaded.findings.push(Diagnostic::new(&code::UNKNOWN_FORMAT, text).at(at).help("export the list again"));
        }
    }
    crate::diagnostic::sort(&mut loaded.findings);
    Ok(read.finish())
}

/// One operation: correlation id, resource, operation in lower case.
type Operation = (String, ResourceId, String);

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    /// Succeeded operations that have a correlation id.
    correlated: BTreeMap<Operation, Change>,
    others: Vec<Change>,
}

impl Read {
    /// Reads one text; how many entries were none.
    fn text(&mut self, file: u32, text: &str) -> Result<usize, ()> {
        let Some(start) = json_start(text) else { return self.csv(file, text) };
        let document = Document::new(file, text);
        match document.root(start) {
            Ok(root) => self.root(root),
            Err(_) => self.lines(&document),
        }
    }

    fn root(&mut self, root: Node<'_>) -> Result<usize, ()> {
        if root.is_array() {
            return self.entries(&root.items());
        }
        let object = root.object().ok().flatten().ok_or(())?;
        if object.get("tables").is_some_and(|node| node.is_array()) {
            return self.tables(&object);
        }
        for wrapper in ["value", "data", "records"] {
            if let Some(list) = object.get(wrapper).filter(|node| node.is_array()) {
                return self.entries(&list.items());
            }
        }
        self.entries(&[root])
    }

    /// The elements of a list. An empty list is a log without entries; one of other things is none.
    fn entries(&mut self, nodes: &[Node<'_>]) -> Result<usize, ()> {
        let known = nodes.iter().filter(|node| self.entry(**node)).count();
        if known == 0 && !nodes.is_empty() { Err(()) } else { Ok(nodes.len() - known) }
    }

    /// One record a line, as activity logs are stored.
    fn lines(&mut self, document: &Document<'_>) -> Result<usize, ()> {
        let mut nodes = Vec::new();
        for line in document.text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            serde_json::from_str::<serde::de::IgnoredAny>(line).map_err(|_| ())?;
            nodes.push(Node::of(line, document));
        }
        self.entries(&nodes)
    }

    /// False for what is neither an entry of an activity log nor a row of resource changes.
    fn entry(&mut self, node: Node<'_>) -> bool {
        let Ok(Some(object)) = node.object() else { return false };
        let inner = object.get("properties").and_then(|node| node.object().ok().flatten());
        let graph = [Some(&object), inner.as_ref()].into_iter().flatten().find(|o| o.has("targetResourceId"));
        if let Some(graph) = graph {
            return self.graph_row(graph, node.span());
        }
        let mut row = Row::default();
        for (key, value) in object.members() {
            row.set(key, value);
        }
        self.row(row, node.span())
    }

    /// A table of a Log Analytics answer: `{"columns": [{"name"}], "rows": [[]]}`.
    fn tables(&mut self, object: &Object<'_>) -> Result<usize, ()> {
        let (mut known, mut all) = (0, 0);
        for table in object.list("tables").iter().filter_map(|node| node.object().ok().flatten()) {
            let name = |node: &Node<'_>| node.object().ok().flatten()?.str("name").map(String::from);
            let columns: Vec<String> =
                table.list("columns").iter().map(|node| name(node).unwrap_or_default()).collect();
            for node in table.list("rows") {
                let mut row = Row::default();
                for (column, value) in columns.iter().zip(node.items()) {
                    row.set(column, value);
                }
                all += 1;
                known += usize::from(self.row(row, node.span()));
            }
        }
        if known == 0 && all > 0 { Err(()) } else { Ok(all - known) }
    }

    fn csv(&mut self, file: u32, text: &str) -> Result<usize, ()> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns = reader.headers().map_err(|_| ())?.clone();
        let names: Vec<String> = columns.iter().map(plain).collect();
        let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
        if !(has(&OPERATION) && has(&STATUS) && has(&RESOURCE)) {
            return Err(());
        }
        let mut strange = 0;
        for record in reader.records() {
            let Ok(record) = record else {
                strange += 1;
                continue;
            };
            let mut row = Row::default();
            for (column, value) in columns.iter().zip(&record) {
                row.set_text(column, value);
            }
            let start = record.position().and_then(|at| u32::try_from(at.byte()).ok()).unwrap_or(0);
            let line = text.get(start as usize..).and_then(|rest| rest.lines().next()).unwrap_or_default();
            let end = start.saturating_add(u32::try_from(line.len()).unwrap_or(0));
            strange += usize::from(!self.row(row, Span { file, start, end }));
        }
        Ok(strange)
    }

    /// Takes an entry of an activity log.
    fn row(&mut self, row: Row, span: Span) -> bool {
        let (Some(operation), Some(status), Some(resource)) = (row.operation, row.status, row.resource) else {
            return false;
        };
        let succeeded = ["succeeded", "success"].iter().any(|word| status.eq_ignore_ascii_case(word));
        let Some(kind) = kind_of(&operation).filter(|_| succeeded) else { return true };
        let change = Change {
            resource: ResourceId::new(&resource),
            kind,
            operation,
            time: row.time.map_or(ChangeTime::Within(None, None), ChangeTime::At),
            source: ChangeSource::ActivityLog,
            span: Some(span),
            previous: Vec::new(),
        };
        self.add(row.correlation, change);
        true
    }

    /// Takes a row of `resourcechanges`.
    fn graph_row(&mut self, row: &Object<'_>, span: Span) -> bool {
        let attributes = row.get("changeAttributes").and_then(|node| node.object().ok().flatten());
        let text = |key: &str| {
            let inner = attributes.as_ref().and_then(|attributes| attributes.str(key));
            inner.or_else(|| row.str(key)).map(String::from)
        };
        let kind = row.str("changeType").map(|word| word.to_ascii_lowercase());
        let kind = match kind.as_deref() {
            Some("create" | "update") => ChangeKind::Write,
            Some("delete") => ChangeKind::Delete,
            _ => return false,
        };
        let Some(resource) = row.str("targetResourceId") else { return false };
        let time = text("timestamp").and_then(|text| text.trim().parse::<Timestamp>().ok());
        let changes = row.get("changes").and_then(|node| node.object().ok().flatten());
        let previous = changes.iter().flat_map(Object::members).filter_map(|(path, node)| {
            let values = node.object().ok().flatten()?;
            let before = values.get("previousValue").map(|node| node.raw().to_owned());
            Some(PreviousValue { path: path.to_owned(), before })
        });
        let change = Change {
            resource: ResourceId::new(&resource),
            kind,
            operation: text("operation").unwrap_or_else(|| format!("resourcechanges {}", kind.word())),
            time: time.map_or(ChangeTime::Within(None, None), ChangeTime::At),
            source: ChangeSource::ResourceGraph,
            span: Some(span),
            previous: previous.collect(),
        };
        self.others.push(change);
        true
    }

    /// Of several entries about one operation the last one that succeeded is kept.
    fn add(&mut self, correlation: Option<String>, change: Change) {
        let Some(correlation) = correlation else { return self.others.push(change) };
        let key = (correlation.to_ascii_lowercase(), change.resource.clone(), change.operation.to_ascii_lowercase());
        match self.correlated.get(&key) {
            Some(known) if known.time.moment() >= change.time.moment() => {}
            _ => {
                self.correlated.insert(key, change);
            }
        }
    }

    /// All changes by time, then resource. The same entry in two exports is one.
    fn finish(self) -> Vec<Change> {
        let mut out: Vec<Change> = self.correlated.into_values().chain(self.others).collect();
        out.sort_by(|a, b| {
            let key =
                |c: &Change| (c.time.moment(), c.resource.clone(), c.kind, c.operation.to_ascii_lowercase(), c.span);
            key(a).cmp(&key(b))
        });
        out.dedup_by(|b, a| {
            let same = a.resource == b.resource && a.kind == b.kind && a.time == b.time && a.source == b.source;
            same && a.operation.eq_ignore_ascii_case(&b.operation) && a.previous == b.previous
        });
        out
    }
}

const OPERATION: [&str; 2] = ["operationnamevalue", "operationname"];
const STATUS: [&str; 4] = ["activitystatusvalue", "activitystatus", "status", "resulttype"];
const RESOURCE: [&str; 1] = ["resourceid"];
const TIMES: [&str; 5] = ["eventtimestamp", "timegenerated", "time", "timestamp", "eventsubmissiontimestamp"];

/// Fields of one entry of an activity log.
#[derive(Debug, Default)]
struct Row {
    operation: Option<String>,
    status: Option<String>,
    resource: Option<String>,
    correlation: Option<String>,
    time: Option<Timestamp>,
    /// Place of the field that `time` is from, in the order of preference.
    rank: Option<usize>,
}

impl Row {
    /// Takes a member: a text, or `{"value", "localizedValue"}`.
    fn set(&mut self, key: &str, value: Node<'_>) {
        let text = match value.object().ok().flatten() {
            Some(object) => object.str("value").map(String::from),
            None => value.string().map(String::from),
        };
        if let Some(text) = text {
            self.set_text(key, &text);
        }
    }

    fn set_text(&mut self, column: &str, value: &str) {
        let (name, value) = (plain(column), value.trim());
        if value.is_empty() {
            return;
        }
        let name = name.as_str();
        if OPERATION.contains(&name) {
            // Azure's name of an operation, not its translation, wherever both stand.
            let better = self.operation.as_ref().is_none_or(|known| !known.contains('/') && value.contains('/'));
            if better {
                self.operation = Some(value.to_owned());
            }
        } else if STATUS.contains(&name) {
            self.status.get_or_insert_with(|| value.to_owned());
        } else if RESOURCE.contains(&name) {
            // One of two columns may name only the parent.
            if self.resource.as_ref().is_none_or(|known| known.len() < value.len()) {
                self.resource = Some(value.to_owned());
            }
        } else if name == "correlationid" {
            self.correlation.get_or_insert_with(|| value.to_owned());
        } else if let Some(rank) = TIMES.iter().position(|time| *time == name)
            && self.rank.is_none_or(|known| rank < known)
            && let Some(time) = time_of(value, name == "timegenerated" || column.contains("[UTC]"))
        {
            (self.time, self.rank) = (Some(time), Some(rank));
        }
    }
}

/// A column name in lower case without blanks, underscores and unit: `TimeGenerated [UTC]`, `_ResourceId`.
fn plain(column: &str) -> String {
    let column = column.trim_start_matches('\u{feff}').split('[').next().unwrap_or_default();
    column.chars().filter(|c| !matches!(c, ' ' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

/// A time with its zone. Without one it is a time only where Azure says that the column is in UTC.
fn time_of(text: &str, utc: bool) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // PowerShell 5: milliseconds since 1970.
    if let Some(number) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return number.parse().ok().and_then(|number| Timestamp::from_millisecond(number).ok());
    }
    let formats =
        ["%m/%d/%Y, %I:%M:%S%.f %p", "%m/%d/%Y %I:%M:%S%.f %p", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let civil = formats.iter().filter(|_| utc).find_map(|format| DateTime::strptime(format, text).ok())?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// What an operation does, by Azure's name of it or by its English translation.
fn kind_of(operation: &str) -> Option<ChangeKind> {
    let name = operation.to_ascii_lowercase();
    match name.rsplit_once('/').map(|(_, verb)| verb) {
        Some("write") => Some(ChangeKind::Write),
        Some("delete") => Some(ChangeKind::Delete),
        Some("action") => ACTIONS.iter().any(|action| name.ends_with(action)).then_some(ChangeKind::Action),
        None if name.starts_with("create or update") => Some(ChangeKind::Write),
        None if name.starts_with("delete") => Some(ChangeKind::Delete),
        _ => None,
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
