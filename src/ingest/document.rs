//! One JSON document to resources, tags, hosts and health records: the table of formats, told apart by content.

use super::access_log::{self, Logged};
use super::fields::Fields;
use super::json::{Document, Node, Object, Unusable};
use super::resource::{self, Resource};
use super::{effective, exports, health, tags, template};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{Answered, Asked, EffectiveRoute, HealthRecord, ResourceId, ServiceTags};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Formats that are recognised by their content (interface.md A2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Resource objects: REST, `az ... show|list`, PowerShell, `{"value": []}`, `{"resources": []}`.
    Resources,
    /// Resource Graph answer.
    ResourceGraph,
    /// Recorded HTTP exchanges that hold one of the other formats.
    HttpRecording,
    /// Service-tag file.
    ServiceTags,
    /// Backend health, F1 or F3.
    BackendHealth,
    /// Backend health on demand, F2.
    BackendHealthOnDemand,
    /// Hosts map or hosts-format text.
    Hosts,
    /// Access log of an application gateway.
    AccessLog,
    /// Effective security rules of a NIC, or a security group view.
    EffectiveRules,
    /// Effective routes of a NIC.
    EffectiveRoutes,
    /// ARM template.
    Template,
}

impl Format {
    /// The words that are printed.
    pub fn words(self) -> &'static str {
        match self {
            Format::Resources => "Azure resources",
            Format::ResourceGraph => "Resource Graph answer",
            Format::HttpRecording => "recorded HTTP answers",
            Format::ServiceTags => "service tags",
            Format::BackendHealth => "backend health",
            Format::BackendHealthOnDemand => "backend health on demand",
            Format::Hosts => "hosts map",
            Format::AccessLog => "access log",
            Format::EffectiveRules => "effective security rules",
            Format::EffectiveRoutes => "effective routes",
            Format::Template => "ARM template",
        }
    }
}

/// What one file holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) formats: BTreeSet<Format>,
    /// Resource types in lower case, and how many.
    pub(crate) types: BTreeMap<String, usize>,
    pub(crate) resources: Vec<(ResourceId, Span, Resource)>,
    /// Resources that could not be read.
    pub(crate) unusable: Vec<(ResourceId, Span)>,
    pub(crate) tags: Vec<ServiceTags>,
    pub(crate) hosts: BTreeMap<String, Vec<IpAddr>>,
    pub(crate) health: Vec<HealthRecord>,
    pub(crate) logged: Logged,
    /// Effective lists; routes without a NIC's name are one table a file.
    pub(crate) exports: exports::Exports,
    routes: Vec<EffectiveRoute>,
    unidentified: Vec<Span>,
    types_unused: BTreeMap<String, usize>,
}

impl Content {
    /// Adds what another piece of the same file holds.
    fn merge(&mut self, other: Content) {
        self.formats.extend(other.formats);
        for (kind, count) in other.types {
            *self.types.entry(kind).or_default() += count;
        }
        for (kind, count) in other.types_unused {
            *self.types_unused.entry(kind).or_default() += count;
        }
        self.resources.extend(other.resources);
        self.unusable.extend(other.unusable);
        self.tags.extend(other.tags);
        self.hosts.extend(other.hosts);
        self.health.extend(other.health);
        access_log::merge(&mut self.logged, other.logged);
        self.exports.extend(other.exports);
        self.routes.extend(other.routes);
        self.unidentified.extend(other.unidentified);
    }
}

/// Elements of a long list that are read together.
const PIECE: usize = 128;

/// Nesting of wrappers (lists, recordings, child resources) that is followed.
const DEEPEST_WRAPPER: usize = 12;

/// Reads an access log that holds one record a line; `None` for other text.
pub(crate) fn read_lines(document: &Document<'_>) -> Option<Content> {
    let mut content = Content::default();
    for line in document.text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // Also a line that is cut off makes this another kind of text: what follows it may be missing.
        let raw: &serde_json::value::RawValue = serde_json::from_str(line).ok()?;
        let object = Node::of(raw.get(), document).object().ok()??;
        if !access_log::is_record(&object) {
            return None;
        }
        access_log::read(&object, &mut content.logged);
    }
    content.formats.insert(Format::AccessLog);
    Some(content)
}

/// Reads a document.
pub(crate) fn read(root: Node<'_>, file_name: &str) -> Content {
    let mut content = Content::default();
    Reader { content: &mut content, file_name }.value(root, 0);
    if !content.routes.is_empty() {
        content.exports.tables.push(effective::table(None, std::mem::take(&mut content.routes)));
    }
    if let (Some(first), count) = (content.unidentified.first(), content.unidentified.len()) {
        let text = format!("{count} object(s) without a type or id that is known here; they were not used");
        root.document().report(Diagnostic::new(&code::UNIDENTIFIED_RESOURCE, text).at(*first));
    }
    if !content.types_unused.is_empty() {
        let list: Vec<String> = content.types_unused.iter().map(|(kind, n)| format!("{kind} ({n})")).collect();
        let text = format!("not used, no question here depends on it: {}", list.join(", "));
        root.document().report(Diagnostic::new(&code::UNKNOWN_TYPE, text).at(root.span()));
    }
    content
}

struct Reader<'c> {
    content: &'c mut Content,
    file_name: &'c str,
}

impl Reader<'_> {
    fn value(&mut self, node: Node<'_>, depth: usize) {
        if depth > DEEPEST_WRAPPER {
            self.content.unidentified.push(node.span());
        } else if node.is_array() {
            let items = node.items();
            if items.is_empty() {
                // `[]` is what az prints for "none": recognised, and it holds nothing.
                self.content.formats.insert(Format::Resources);
            }
            self.values(items, depth);
        } else if let Ok(opened) = node.object() {
            match opened {
                Some(object) => self.object(&object, depth),
                None => self.content.unidentified.push(node.span()),
            }
        } else if let Some(id) = id_in_broken_object(node) {
            self.content.formats.insert(Format::Resources);
            self.content.unusable.push((id, node.span()));
        }
    }

    /// The elements of a list. Long lists are read in parallel, piece by piece, and put together in order.
    fn values(&mut self, items: Vec<Node<'_>>, depth: usize) {
        let Some(first) = items.first().filter(|_| items.len() >= 2 * PIECE) else {
            for item in items {
                self.value(item, depth + 1);
            }
            return;
        };
        let (Document { file, text, places, .. }, file_name) = (first.document(), self.file_name);
        let raws: Vec<&str> = items.iter().map(Node::raw).collect();
        let read: Vec<(Content, Vec<Diagnostic>)> = raws
            .par_chunks(PIECE)
            .map(|piece| {
                let document = Document::at_places(*file, text, *places);
                let mut content = Content::default();
                let mut reader = Reader { content: &mut content, file_name };
                for raw in piece {
                    reader.value(Node::of(raw, &document), depth + 1);
                }
                (content, document.findings.into_inner())
            })
            .collect();
        for (content, findings) in read {
            self.content.merge(content);
            for finding in findings {
                first.document().report(finding);
            }
        }
    }

    fn object(&mut self, object: &Object<'_>, depth: usize) {
        if health::looks_like_health(object) {
            self.health(object);
        } else if tags::is_service_tags(object) {
            self.content.formats.insert(Format::ServiceTags);
            if let Ok(read) = tags::read_service_tags(object) {
                self.content.tags.push(read);
            }
        } else if let Some((template, parameters)) = template::of_object(object) {
            self.template(&template, parameters);
        } else if access_log::is_record(object) {
            self.content.formats.insert(Format::AccessLog);
            access_log::read(object, &mut self.content.logged);
        } else if is_wrapper(object, "records") {
            self.values(object.list("records"), depth);
        } else if is_wrapper(object, "tables") && self.tables(object) {
            self.content.formats.insert(Format::AccessLog);
        } else if effective::stands_here(object) {
            self.effective(object, depth);
        } else if is_wrapper(object, "data") {
            self.graph(object, depth);
        } else if is_wrapper(object, "value") {
            self.wrapped(object, "value", Format::Resources, depth);
        } else if is_wrapper(object, "resources") {
            self.wrapped(object, "resources", Format::Resources, depth);
        } else if self.exchange(object, depth) {
            self.content.formats.insert(Format::HttpRecording);
        } else if let Some(hosts) = tags::read_hosts_map(object) {
            self.content.formats.insert(Format::Hosts);
            self.content.hosts.extend(hosts);
        } else {
            self.resource(object, depth);
        }
    }

    fn health(&mut self, object: &Object<'_>) {
        let on_demand = object.has("backendHealthHttpSettings");
        let format = if on_demand { Format::BackendHealthOnDemand } else { Format::BackendHealth };
        self.content.formats.insert(format);
        if let Ok(record) = health::read(object, self.file_name) {
            self.content.health.push(record);
        }
    }

    /// The tables of a Log Analytics answer.
    fn tables(&mut self, object: &Object<'_>) -> bool {
        let mut found = false;
        for table in object.list("tables") {
            let Ok(Some(table)) = table.object() else { continue };
            found |= access_log::read_table(&table, &mut self.content.logged);
        }
        found
    }

    /// Effective lists. An element that cannot be read has been reported.
    fn effective(&mut self, object: &Object<'_>, depth: usize) {
        let node = object.node();
        if effective::is_views(object) {
            self.content.formats.insert(Format::EffectiveRules);
            object.list("networkInterfaces").into_iter().for_each(|item| self.value(item, depth + 1));
        } else if effective::is_route(object) {
            self.content.formats.insert(Format::EffectiveRoutes);
            self.content.routes.extend(effective::read_route(node));
        } else if effective::is_view(object) {
            self.content.formats.insert(Format::EffectiveRules);
            self.content.exports.views.extend(effective::read_view(node));
        } else if effective::is_group(object) {
            self.content.formats.insert(Format::EffectiveRules);
            self.content.exports.groups.extend(effective::read_group(node));
        } else {
            self.recorded(object);
        }
    }

    /// A recorded question among the configuration: only an effective list that names its NIC is used.
    fn recorded(&mut self, object: &Object<'_>) {
        for record in super::record::read(object.node()) {
            let nic = record.targets.iter().find(|id| id.segment("networkInterfaces").is_some()).cloned();
            match record.asked {
                Asked::EffectiveGroups(Answered::Given(groups)) => self.content.exports.groups.extend(groups),
                Asked::GroupView(Answered::Given(views)) => self.content.exports.views.extend(views),
                Asked::EffectiveRoutes(Answered::Given(routes)) if nic.is_some() => {
                    self.content.exports.tables.push(effective::table(nic, routes));
                }
                _ => continue,
            }
            self.content.formats.insert(Format::EffectiveRules);
        }
    }

    fn wrapped(&mut self, object: &Object<'_>, key: &str, format: Format, depth: usize) {
        self.content.formats.insert(format);
        self.values(object.list(key), depth);
        let next = object.get("nextLink").and_then(|node| node.text());
        if let Some(next) = next {
            object.node().document().report(
                Diagnostic::new(&code::GRAPH_TRUNCATED, "the list has a nextLink: this is not its last page")
                    .at(next.span)
                    .help("export all pages, or use `az ... list`"),
            );
        }
    }

    /// Resource Graph: at most 1,000 rows an answer (interface.md I7).
    fn graph(&mut self, object: &Object<'_>, depth: usize) {
        self.wrapped(object, "data", Format::ResourceGraph, depth);
        let number = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| object.get(key))
                .and_then(|node| node.integer())
                .and_then(|n| usize::try_from(n).ok())
        };
        let rows = object.get("data").map_or(0, |data| data.items().len());
        let total = number(&["total_records", "totalRecords"]);
        let next =
            ["skip_token", "skipToken", "$skipToken"].iter().find_map(|key| object.get(key)).and_then(|n| n.text());
        let cut = object.get("resultTruncated").or_else(|| object.get("result_truncated")).and_then(|n| n.boolean());
        let more = total.is_some_and(|total| total > rows) || next.is_some() || cut == Some(true);
        let full_page = total.is_none() && rows >= 1000;
        if more || full_page {
            let of = total.map_or_else(|| "more may exist".to_owned(), |total| format!("{total} in all"));
            object.node().document().report(
                Diagnostic::new(&code::GRAPH_TRUNCATED, format!("Resource Graph answer holds {rows} rows, {of}"))
                    .at(object.node().span())
                    .help("page with --skip-token and give every page"),
            );
        }
    }

    /// An ARM template: its resources as far as literals and parameters decide them.
    fn template(&mut self, template: &Object<'_>, parameters: Option<Node<'_>>) {
        let outer = template.node().document();
        let expanded = template::expand(template, parameters);
        let report = |finding: Diagnostic| outer.report(finding);
        expanded.findings.into_iter().for_each(report);
        if expanded.too_large {
            let text = "the template grows too large; nothing of it was used";
            report(Diagnostic::new(&code::OVER_LIMIT, text).at(template.node().span()));
            return;
        }
        let document = Document::at_places(outer.file, &expanded.text, Some(&expanded.places));
        let Some(root) = document.root(0).ok().and_then(|root| root.object().ok().flatten()) else { return };
        let mut content = Content::default();
        Reader { content: &mut content, file_name: self.file_name }.values(root.list("resources"), 0);
        content.formats = BTreeSet::from([Format::Template]);
        let doubt = |id: &ResourceId| {
            let open = id.resource_type().is_some_and(|kind| expanded.open_parents.contains(&kind));
            open || expanded.doubtful.contains(id)
        };
        // A child's own parent is in `doubtful` too: what it holds is then not certain.
        let mut resources = Vec::new();
        for (id, span, resource) in std::mem::take(&mut content.resources) {
            if doubt(&id) {
                let text =
                    format!("{} is not used: whether the template deploys it, or all of it, is not known", id.name());
                report(Diagnostic::new(&code::TEMPLATE_OPEN, text).resource(id.as_str()).at(span));
                content.unusable.push((id, span));
            } else {
                resources.push((id, span, resource));
            }
        }
        content.resources = resources;
        // A parent in another file may have the child or not.
        content.unusable.extend(expanded.doubtful.iter().map(|id| (id.clone(), template.node().span())));
        self.content.merge(content);
        document.findings.into_inner().into_iter().for_each(report);
        report(Diagnostic::new(&code::TEMPLATE_READ, expanded.note).at(template.node().span()));
    }

    /// `{"url", "status", "body"}` or `{"interactions": [{"response": {"body": ...}}]}`.
    fn exchange(&mut self, object: &Object<'_>, depth: usize) -> bool {
        if let Some(list) = object.get("interactions").filter(|node| node.is_array()) {
            for item in list.items() {
                let response = item.object().ok().flatten().and_then(|item| item.get("response"));
                if let Some(Ok(Some(response))) = response.map(|node| node.object()) {
                    self.body(&response, depth);
                }
            }
            return true;
        }
        let recorded = object.has("body") && (object.has("url") || object.has("uri")) && object.has("status");
        if recorded {
            self.body(object, depth);
        }
        recorded
    }

    fn body(&mut self, exchange: &Object<'_>, depth: usize) {
        let status = exchange.get("status");
        let code_node = status.map(|node| match node.object() {
            Ok(Some(status)) => status.get("code").unwrap_or(node),
            _ => node,
        });
        let failed = code_node.and_then(|node| node.integer()).is_some_and(|status| !(200..300).contains(&status));
        let mut body = exchange.get("body");
        if let Some(Ok(Some(inner))) = body.map(|node| node.object())
            && let Some(data) = inner.get("data").filter(|_| !inner.has("count") && !inner.has("totalRecords"))
        {
            body = Some(data);
        }
        match body {
            Some(body) if !failed && (body.is_object() || body.is_array()) => self.value(body, depth + 1),
            _ => exchange.node().report(Diagnostic::new(
                &code::FAILED_RECORDING,
                "a recorded answer is an error or holds no JSON object; nothing of it was used",
            )),
        }
    }

    fn resource(&mut self, object: &Object<'_>, depth: usize) {
        let Ok(fields) = Fields::of(object.clone()) else {
            if let Some(id) = object.get("id").and_then(|id| id.text()) {
                self.content.unusable.push((ResourceId::new(&id.value), object.node().span()));
            }
            return;
        };
        let (Some(kind), Some(id)) = (resource::type_of(&fields), fields.id()) else {
            self.content.unidentified.push(fields.span());
            return;
        };
        self.content.formats.insert(Format::Resources);
        *self.content.types.entry(kind.clone()).or_default() += 1;
        let findings = object.node().document().findings.borrow().len();
        let read = object.node().require_unique_keys().and_then(|()| resource::read(&kind, &fields, id.clone()));
        let read = match read {
            Ok(Resource::Other) => Ok(Resource::Other),
            read => {
                let known = template::require_known(&kind, &id, object.node());
                if let Err(finding) = &known {
                    // What the readers said of such a value is about its stand-in.
                    let mut all = object.node().document().findings.borrow_mut();
                    all.truncate(findings);
                    all.push((**finding).clone());
                }
                known.map_err(|_| Unusable).and(read)
            }
        };
        match read {
            Ok(Resource::Other) => *self.content.types_unused.entry(kind).or_default() += 1,
            Ok(read) => self.content.resources.push((id, fields.span(), read)),
            Err(Unusable) => self.content.unusable.push((id, fields.span())),
        }
        // Some exporters nest child resources under their parent.
        for child in object.get("resources").map(|node| node.items()).unwrap_or_default() {
            if child.is_object() {
                self.value(child, depth + 1);
            }
        }
    }
}

fn is_wrapper(object: &Object<'_>, key: &str) -> bool {
    object.get(key).is_some_and(|node| node.is_array()) && !object.has("type") && !object.has("id")
}

/// The id of a resource whose object has a key twice, so that references to it are unknown and not "none".
fn id_in_broken_object(node: Node<'_>) -> Option<ResourceId> {
    #[derive(serde::Deserialize)]
    struct First {
        #[serde(alias = "Id", alias = "ID")]
        id: Option<String>,
    }
    let id = serde_json::from_str::<First>(node.raw()).ok()?.id?;
    Some(ResourceId::new(&id))
}
