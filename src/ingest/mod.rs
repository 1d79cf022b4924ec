//! Vendor text to model. Formats are told apart by content, never by file name; serde sees only JSON grammar
//! (`json.rs`), and each resource type is read by one file.

mod access_log;
mod admin;
mod assemble;
mod changes;
mod dns;
mod document;
mod effective;
mod encoding;
mod endpoint;
mod exports;
mod fields;
mod files;
mod firewall;
mod flow_log;
mod gateway;
mod health;
mod json;
mod nic;
mod nsg;
mod patch;
mod record;
mod resource;
mod rows;
mod tags;
mod template;
mod vnet;

pub use changes::load_changes;
pub use document::Format;
pub use files::{DEFAULT_LIMIT, Input, gather, list};
pub use patch::earlier_version;
pub use rows::{ColumnMap, Opened, RowReport, open};

use crate::diagnostic::{Diagnostic, Source, Sources, Span, code};
use crate::model::{HealthRecord, ServiceTags, Snapshot};
use document::Content;
use json::Document;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What was read from one file.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// Name as given.
    pub name: String,
    /// Size in bytes.
    pub bytes: usize,
    /// Formats that were recognised; empty where none was.
    pub formats: Vec<Format>,
    /// Resource types in lower case, and how many of each.
    pub types: BTreeMap<String, usize>,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The configuration.
    pub snapshot: Snapshot,
    /// Health records, in the order of their files.
    pub health: Vec<HealthRecord>,
    /// The texts, for places.
    pub sources: Sources,
    /// What was found wrong or unusual.
    pub findings: Vec<Diagnostic>,
    /// One report per file.
    pub files: Vec<FileReport>,
}

impl Loaded {
    /// Was anything recognised at all?
    pub fn is_usable(&self) -> bool {
        self.files.iter().any(|file| !file.formats.is_empty())
    }
}

/// Reads inputs. Files are parsed in parallel and put together in the order of their names.
pub fn load(inputs: Vec<Input>) -> Loaded {
    load_beside(Sources::default(), inputs)
}

/// Reads inputs whose texts are added to others, so that places of several snapshots can be told apart.
pub fn load_beside(sources: Sources, inputs: Vec<Input>) -> Loaded {
    let mut loaded = Loaded { sources, ..Loaded::default() };
    let mut texts = Vec::new();
    let decoded: Vec<_> = inputs
        .into_par_iter()
        .map(|input| (input.name.clone(), input.bytes.len(), input.named, encoding::decode(&input.name, input.bytes)))
        .collect();
    for (name, bytes, named, text) in decoded {
        match text {
            Ok((text, note)) => {
                loaded.findings.extend(note);
                let file = loaded.sources.add(Source::new(name.clone(), text));
                texts.push((file, name, bytes, named));
            }
            Err(finding) => loaded.findings.push(*finding),
        }
    }
    let sources = &loaded.sources;
    let read: Vec<_> = texts
        .into_par_iter()
        .map(|(file, name, bytes, named)| {
            let text = sources.get(file).map_or("", |source| source.text.as_str());
            let (content, findings) = read_text(file, &name, text, named);
            (name, bytes, content, findings)
        })
        .collect();
    let mut assembly = assemble::Assembly::default();
    let (mut tags, mut hosts, mut logged) = (Vec::new(), BTreeMap::new(), access_log::Logged::new());
    let mut exports = exports::Exports::default();
    for (name, bytes, content, findings) in read {
        loaded.findings.extend(findings);
        let formats = content.formats.into_iter().collect();
        loaded.files.push(FileReport { name, bytes, formats, types: content.types });
        for (id, span, resource) in content.resources {
            assembly.add(id, span, resource);
        }
        for (id, _) in content.unusable {
            assembly.unusable(id, "it could not be read");
        }
        loaded.health.extend(content.health);
        exports.extend(content.exports);
        tags.extend(content.tags);
        merge_hosts(&mut hosts, content.hosts);
        access_log::merge(&mut logged, content.logged);
    }
    let (snapshot, findings) = assembly.finish();
    let logged = logged.into_values().collect();
    loaded.snapshot = Snapshot { service_tags: merge_tags(tags), hosts, logged, ..snapshot };
    loaded.findings.extend(findings);
    loaded.findings.extend(exports.apply(&mut loaded.snapshot));
    crate::diagnostic::sort(&mut loaded.findings);
    loaded
}

/// Reads files of recorded questions. Their texts and findings are added to what was loaded, nothing of them to the
/// configuration: a record is never used for its own question. A file without any record is reported.
pub fn load_records(loaded: &mut Loaded, inputs: Vec<Input>) -> Vec<crate::model::Recorded> {
    let mut out = Vec::new();
    for input in inputs {
        let (text, note) = match encoding::decode(&input.name, input.bytes) {
            Ok(decoded) => decoded,
            Err(finding) => {
                loaded.findings.push(*finding);
                continue;
            }
        };
        loaded.findings.extend(note);
        let file = loaded.sources.add(Source::new(input.name.clone(), text));
        let text = loaded.sources.get(file).map_or("", |source| source.text.as_str());
        let (records, findings) = record::read_text(file, &input.name, text);
        out.extend(records);
        loaded.findings.extend(findings);
    }
    crate::diagnostic::sort(&mut loaded.findings);
    out
}

fn merge_hosts(into: &mut BTreeMap<String, Vec<IpAddr>>, from: BTreeMap<String, Vec<IpAddr>>) {
    for (name, addresses) in from {
        let list = into.entry(name).or_default();
        list.extend(addresses);
        list.sort_unstable();
        list.dedup();
    }
}

/// Adds `NAME=ADDRESS` pairs or hosts-format text or a hosts map to a snapshot's names.
pub fn read_hosts(text: &str) -> Option<BTreeMap<String, Vec<IpAddr>>> {
    if let Some((name, address)) = text.trim().split_once('=')
        && let Some(address) = crate::net::parse_address(address)
    {
        return Some(BTreeMap::from([(tags::host_key(name), vec![address])]));
    }
    let document = Document::new(0, text);
    match document.root(0) {
        Ok(root) => root.object().ok().flatten().and_then(|object| tags::read_hosts_map(&object)),
        Err(_) => tags::read_hosts_text(text),
    }
}

/// Decodes a text file that is no snapshot: UTF-8 or UTF-16, with or without byte order mark.
///
/// # Errors
/// Says what is wrong with the encoding.
pub fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    encoding::decode(name, bytes).map(|(text, _)| text).map_err(|finding| finding.message)
}

/// Adds names to a snapshot.
pub fn add_hosts(snapshot: &mut Snapshot, hosts: BTreeMap<String, Vec<IpAddr>>) {
    merge_hosts(&mut snapshot.hosts, hosts);
}

/// Several tag files: later change numbers win tag by tag, so that a regional file can complete a full one.
fn merge_tags(mut files: Vec<ServiceTags>) -> Option<ServiceTags> {
    files.sort_by_key(|file| file.change_number.as_deref().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0));
    let mut all = files.pop()?;
    for older in files.into_iter().rev() {
        for (name, set) in older.tags {
            all.tags.entry(name).or_insert(set);
        }
        for (name, nets) in older.prefixes {
            all.prefixes.entry(name).or_insert(nets);
        }
    }
    Some(all)
}

/// Reads one text. A file that the user named and that is no JSON is an error; one that only lies in a folder, a note.
fn read_text(file: u32, name: &str, text: &str, named: bool) -> (Content, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let whole = Span { file, start: 0, end: 0 };
    let Some(start) = json_start(text) else {
        let mut content = Content::default();
        if text.trim().is_empty() {
            findings.push(Diagnostic::new(&code::NOTHING_TO_READ, format!("{name} is empty")).at(whole));
        } else if let Some(read) = template_with_comments(file, name, text) {
            return read;
        } else if let Some(logged) = access_log::read_csv(file, text) {
            content.formats.insert(Format::AccessLog);
            content.logged = logged;
        } else if let Some(hosts) = tags::read_hosts_text(text) {
            content.formats.insert(Format::Hosts);
            content.hosts = hosts;
        } else {
            let mut finding = Diagnostic::new(&code::NOT_JSON, format!("{name} is not JSON; it was left out"))
                .at(whole)
                .help("export with `-o json`");
            if !named {
                finding.severity = crate::diagnostic::Severity::Note;
            }
            findings.push(finding);
        }
        return (content, findings);
    };
    if !text.get(..start).unwrap_or_default().trim().is_empty() {
        let note = Diagnostic::new(&code::LEADING_TEXT, format!("text before the JSON of {name} was skipped"));
        findings.push(note.at(whole).help("redirect only standard output: `az ... -o json > file.json`"));
    }
    let document = Document::new(file, text);
    let content = match document.root(start) {
        Ok(root) => document::read(root, name),
        Err(error) => match document::read_lines(&document) {
            Some(content) => content,
            None => match template_with_comments(file, name, text) {
                Some(read) => return read,
                None => {
                    findings.push(syntax_finding(file, text, start, &error));
                    Content::default()
                }
            },
        },
    };
    if content.formats.is_empty() && findings.iter().all(|f| f.severity != crate::diagnostic::Severity::Error) {
        let at = Span { file, start: u32::try_from(start).unwrap_or(0), end: u32::try_from(start + 1).unwrap_or(0) };
        let text = format!("{name} is JSON of no known format; nothing of it was used");
        findings.push(
            Diagnostic::new(&code::UNKNOWN_FORMAT, text).at(at).help("see `gatepath inspect --help` for what is read"),
        );
    }
    findings.extend(document.findings.into_inner());
    (content, findings)
}

/// Templates may hold comments, commas at the end of lists and line breaks inside strings, as `az` takes them. Exports never
/// do: in one of them a comment is a sign of editing by hand.
fn template_with_comments(file: u32, name: &str, text: &str) -> Option<(Content, Vec<Diagnostic>)> {
    let plain = crate::diagnostic::plain_json(text);
    let start = plain.len() - plain.trim_start().len();
    if plain == text && start == 0 || !plain.get(start..)?.starts_with('{') {
        return None;
    }
    let document = Document::new(file, &plain);
    let content = {
        let root = document.root(start).ok()?;
        template::of_object(&root.object().ok()??)?;
        document::read(root, name)
    };
    Some((content, document.findings.into_inner()))
}

/// Lines of other text before the JSON that are skipped at most.
const MOST_LEADING_LINES: usize = 50;

/// Where the JSON starts: at the first character, or after leading lines such as the warnings of the Azure CLI, if all
/// that follows them is JSON.
fn json_start(text: &str) -> Option<usize> {
    let body = text.trim_start();
    let start = text.len() - body.len();
    if body.starts_with(['{', '[']) {
        return Some(start);
    }
    let mut at = start;
    for line in body.split_inclusive('\n').take(MOST_LEADING_LINES) {
        let rest = text.get(at..).unwrap_or_default();
        if line.starts_with(['{', '[']) {
            let warned = body.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("warning"));
            let whole = serde_json::from_str::<serde::de::IgnoredAny>(rest).is_ok();
            return (warned || whole).then_some(at);
        }
        at += line.len();
    }
    None
}

fn syntax_finding(file: u32, text: &str, start: usize, error: &serde_json::Error) -> Diagnostic {
    let body = text.get(start..).unwrap_or_default();
    let line_start: usize = body.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (start + line_start + error.column().saturating_sub(1)).min(text.len().saturating_sub(1));
    let byte = u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span { file, start: byte, end: byte.saturating_add(1) };
    let reason = json::reason(error);
    if error.is_eof() {
        let message = "the file ends in the middle of the JSON (truncated?); none of it was used";
        return Diagnostic::new(&code::TRUNCATED_JSON, message).at(span).help("export it again");
    }
    Diagnostic::new(&code::JSON_SYNTAX, format!("not valid JSON: {reason}; none of the file was used"))
        .at(span)
        .help("export it again with `-o json`")
}
