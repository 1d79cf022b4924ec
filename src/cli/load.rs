//! From arguments to a loaded snapshot.

use super::args::{Common, Output};
use super::{CliError, Io};
use crate::compile::{Assumptions, Network};
use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::ingest::{self, Input, Loaded};
use crate::model::{ApplicationGateway, ResourceId};
use std::path::PathBuf;

/// Reads everything that a command was given. `more` are further files (health records).
pub(super) fn load(common: &Common, more: &[PathBuf], io: &mut Io<'_>) -> Result<Loaded, CliError> {
    let mut paths = common.paths.clone();
    paths.extend_from_slice(more);
    load_but(common, &paths, &[], io)
}

/// Reads files as configuration, but none that is one of `records`, by its name or its content.
pub(super) fn load_but(
    common: &Common,
    paths: &[PathBuf],
    records: &[Input],
    io: &mut Io<'_>,
) -> Result<Loaded, CliError> {
    threads(&common.output)?;
    let (mut inputs, findings) = ingest::gather(paths, io.stdin, common.output.limit_bytes);
    inputs.retain(|input| !records.iter().any(|r| r.name == input.name || r.bytes == input.bytes));
    let mut loaded = ingest::load(inputs);
    loaded.findings.extend(findings);
    crate::diagnostic::sort(&mut loaded.findings);
    for text in &common.resolve {
        resolve(text, &mut loaded)?;
    }
    Ok(loaded)
}

fn resolve(text: &str, loaded: &mut Loaded) -> Result<(), CliError> {
    let content = match text.strip_prefix('@') {
        Some(file) => std::fs::read(file)
            .map_err(|error| error.to_string())
            .and_then(|bytes| ingest::text_of(file, bytes))
            .map_err(|error| CliError::Usage(format!("--resolve @{file}: {error}")))?,
        None => text.to_owned(),
    };
    let hosts = ingest::read_hosts(&content)
        .ok_or_else(|| CliError::Usage(format!("--resolve {text}: expected NAME=ADDRESS or @FILE with a hosts map")))?;
    ingest::add_hosts(&mut loaded.snapshot, hosts);
    Ok(())
}

fn threads(output: &Output) -> Result<(), CliError> {
    if output.jobs > 1024 {
        return Err(CliError::Usage("-j takes up to 1024 threads".to_owned()));
    }
    if output.jobs > 0 {
        // A second call in one process keeps the first setting; the answers do not depend on it.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(output.jobs).build_global();
    }
    Ok(())
}

/// Stops with exit 2 where nothing was recognised; the findings say why.
pub(super) fn require_usable(loaded: &Loaded, io: &mut Io<'_>) -> Result<(), CliError> {
    if loaded.is_usable() {
        return Ok(());
    }
    messages(&loaded.findings, loaded, io)?;
    Err(CliError::NothingUsable)
}

/// Findings about the input on standard error: errors, warnings, and files that were left out, a line each.
pub(super) fn messages(findings: &[Diagnostic], loaded: &Loaded, io: &mut Io<'_>) -> Result<(), CliError> {
    messages_in(findings, &loaded.sources, io)
}

/// The same, with places in other texts.
pub(super) fn messages_in(findings: &[Diagnostic], sources: &Sources, io: &mut Io<'_>) -> Result<(), CliError> {
    let left_out = |finding: &&Diagnostic| finding.code.code == crate::diagnostic::code::NOT_JSON.code;
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Note || left_out(finding)) {
        writeln!(io.err, "{}", crate::report::finding::line(finding, sources))?;
        if let Some(help) = &finding.help {
            writeln!(io.err, "    help: {}", crate::report::text::printable(help))?;
        }
    }
    Ok(())
}

/// Assumptions as the engine takes them.
pub(super) fn assumptions(common: &Common) -> Assumptions {
    Assumptions {
        no_unseen_nics: common.assume.iter().any(|a| a == "nic=none"),
        transparent_appliances: common.assume.iter().any(|a| a == "appliance=transparent"),
    }
}

/// Assumptions that some answer used.
pub(super) fn used_assumptions<'r>(notes: impl Iterator<Item = &'r Diagnostic>) -> Vec<String> {
    let code = crate::diagnostic::code::ASSUMPTION.code;
    let mut out: Vec<String> = notes
        .filter(|note| note.code.code == code)
        .map(|note| note.message.trim_start_matches("assumed: ").to_owned())
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The gateway that a name, `rg/name` or id means.
pub(super) fn gateway<'n>(network: &'n Network<'n>, text: &str) -> Result<&'n ApplicationGateway, CliError> {
    let all: Vec<&ApplicationGateway> = network.snapshot.application_gateways.values().collect();
    let found: Vec<&ApplicationGateway> = all.iter().copied().filter(|g| names(&g.id, text)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(CliError::Usage(unknown("gateway", text, all.iter().map(|g| g.name.as_str())))),
        many => {
            let list: Vec<&str> = many.iter().map(|g| g.id.as_str()).collect();
            Err(CliError::Usage(format!("gateway {text} is ambiguous: {}", list.join(", "))))
        }
    }
}

/// Does a text name the resource: by id, `rg/name` or name, in any letter case?
pub(super) fn names(id: &ResourceId, text: &str) -> bool {
    if text.starts_with('/') {
        return *id == ResourceId::new(text);
    }
    match text.split_once('/') {
        Some((group, name)) => {
            id.name().eq_ignore_ascii_case(name)
                && id.segment("resourceGroups").is_some_and(|own| own.eq_ignore_ascii_case(group))
        }
        None => id.name().eq_ignore_ascii_case(text),
    }
}

/// `no X named Y`, with the nearest name where one is near.
pub(super) fn unknown<'r>(what: &str, text: &str, known: impl Iterator<Item = &'r str>) -> String {
    let mut near: Vec<(usize, &str)> =
        known.map(|name| (distance(&name.to_lowercase(), &text.to_lowercase()), name)).collect();
    near.sort_unstable();
    near.dedup();
    let close = near.first().filter(|(far, name)| *far <= 1 + name.len() / 4);
    match close {
        Some((_, name)) => format!("no {what} named {text}; did you mean {name}?"),
        None if near.is_empty() => format!("no {what} named {text}: there is none in the input"),
        None => {
            let list: Vec<&str> = near.iter().take(8).map(|(_, name)| *name).collect();
            format!("no {what} named {text}; there is {}", list.join(", "))
        }
    }
}

/// Edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance() {
        assert_eq!(distance("agw-shop", "agw-shop"), 0);
        assert_eq!(distance("agw-shop", "agw-shpo"), 2);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn names_of_resources() {
        let id =
            ResourceId::new("/subscriptions/s/resourceGroups/rg-a/providers/Microsoft.Network/applicationGateways/Agw");
        for text in ["agw", "RG-A/agw", id.as_str()] {
            assert!(names(&id, text), "{text}");
        }
        assert!(!names(&id, "rg-b/agw"));
    }
}
