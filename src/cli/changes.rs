//! `--before` and `--changes`: the configuration at other times, and what changed it.

use super::args::Common;
use super::{CliError, Io};
use crate::attribute::capture::parse_time;
use crate::ingest::{self, Loaded};
use crate::model::{Change, Snapshot};
use jiff::Timestamp;
use std::path::PathBuf;

/// Earlier snapshots, oldest first, and recorded changes.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) earlier: Vec<(Option<Timestamp>, Snapshot)>,
    pub(super) changes: Vec<Change>,
    /// Names as given, in the order of `earlier`.
    pub(super) names: Vec<String>,
}

impl Past {
    /// Is there nothing to reason about?
    pub(super) fn is_empty(&self) -> bool {
        self.earlier.is_empty() && self.changes.is_empty()
    }
}

/// Reads what was given. Texts and findings go to what was loaded, so that every place can be printed.
pub(super) fn read(
    common: &Common,
    (before, changes): (&[String], &[PathBuf]),
    loaded: &mut Loaded,
    io: &mut Io<'_>,
) -> Result<Past, CliError> {
    let mut past = Past::default();
    let mut read = Vec::new();
    for text in before {
        let (time, folder) = split(text)?;
        let snapshot = snapshot(common, &folder, loaded, io)?;
        read.push((time, snapshot, folder.display().to_string()));
    }
    if read.iter().all(|(time, ..)| time.is_some()) {
        read.sort_by_key(|(time, ..)| *time);
    }
    for (time, snapshot, name) in read {
        past.earlier.push((time, snapshot));
        past.names.push(name);
    }
    let (inputs, unread) = ingest::gather(changes, io.stdin, common.output.limit_bytes);
    if let Some(finding) = unread.first() {
        return Err(CliError::Usage(format!("--changes: {}", finding.message)));
    }
    past.changes = ingest::load_changes(loaded, inputs).map_err(|text| CliError::Usage(format!("--changes {text}")))?;
    Ok(past)
}

/// `TIME=DIR`; an empty TIME says that only the order is known.
fn split(text: &str) -> Result<(Option<Timestamp>, PathBuf), CliError> {
    let bad = || CliError::Usage(format!("--before {text}: expected TIME=DIR, 2026-11-20T07:42Z=snap-old, or =DIR"));
    let (time, folder) = text.split_once('=').ok_or_else(bad)?;
    if folder.is_empty() {
        return Err(bad());
    }
    let time = if time.trim().is_empty() { None } else { Some(parse_time(time).ok_or_else(bad)?) };
    Ok((time, PathBuf::from(folder)))
}

/// One earlier snapshot. Names and service tags that it does not hold are taken from the current one.
fn snapshot(common: &Common, folder: &PathBuf, loaded: &mut Loaded, io: &mut Io<'_>) -> Result<Snapshot, CliError> {
    let (inputs, findings) = ingest::gather(std::slice::from_ref(folder), io.stdin, common.output.limit_bytes);
    let mut earlier = ingest::load_beside(std::mem::take(&mut loaded.sources), inputs);
    loaded.sources = std::mem::take(&mut earlier.sources);
    loaded.findings.extend(earlier.findings.iter().cloned().chain(findings));
    crate::diagnostic::sort(&mut loaded.findings);
    if !earlier.is_usable() {
        return Err(CliError::Usage(format!("--before {}: holds nothing in a format that is read", folder.display())));
    }
    let mut snapshot = earlier.snapshot;
    if snapshot.service_tags.is_none() {
        snapshot.service_tags.clone_from(&loaded.snapshot.service_tags);
    }
    if snapshot.hosts.is_empty() {
        snapshot.hosts.clone_from(&loaded.snapshot.hosts);
    }
    Ok(snapshot)
}
