//! What was understood from which file, and what is missing for which question.

use super::finding::{self, FindingJson};
use super::text::{Look, printable, table};
use crate::diagnostic::{Diagnostic, Severity, Sources};
use crate::ingest::FileReport;
use crate::model::{HealthRecord, Snapshot};
use crate::solve::coverage::Need;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Everything that an inspection shows.
#[derive(Debug)]
pub struct InspectReport<'r> {
    /// One report per file.
    pub files: &'r [FileReport],
    /// The configuration.
    pub snapshot: &'r Snapshot,
    /// Health records.
    pub health: &'r [HealthRecord],
    /// What is missing.
    pub needs: &'r [Need],
    /// Findings.
    pub findings: &'r [Diagnostic],
    /// The texts, for places.
    pub sources: &'r Sources,
}

#[derive(Serialize)]
struct FileJson<'r> {
    file: &'r str,
    bytes: usize,
    formats: Vec<&'static str>,
    resources: &'r BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct InspectJson<'r> {
    schema: &'static str,
    files: Vec<FileJson<'r>>,
    counts: BTreeMap<&'static str, usize>,
    service_tags: Option<&'r str>,
    missing: &'r [Need],
    diagnostics: Vec<FindingJson>,
}

fn counts(report: &InspectReport<'_>) -> BTreeMap<&'static str, usize> {
    let s = report.snapshot;
    let rules = s.nsgs.values().map(|nsg| nsg.rules.len()).sum();
    let subnets = s.vnets.values().map(|vnet| vnet.subnets.len()).sum();
    let servers = report.health.iter().flat_map(|h| &h.pools).flat_map(|p| &p.settings).map(|s| s.servers.len()).sum();
    BTreeMap::from([
        ("application gateways", s.application_gateways.len()),
        ("network security groups", s.nsgs.len()),
        ("security rules", rules),
        ("virtual networks", s.vnets.len()),
        ("subnets", subnets),
        ("route tables", s.route_tables.len()),
        ("network interfaces", s.network_interfaces.len()),
        ("scale sets", s.scale_sets.len()),
        ("public IP addresses", s.public_ips.len()),
        ("named hosts", s.hosts.len()),
        ("private DNS zones", s.dns.zones.len()),
        ("record sets", s.dns.records.len()),
        ("health records", report.health.len()),
        ("recorded servers", servers),
        ("Azure Firewalls", s.firewalls.len()),
        ("firewall policies", s.firewall_policies.len()),
        ("private endpoints", s.private_endpoints.len()),
        ("load balancers", s.load_balancers.len()),
        ("security admin rules", s.network_managers.rules.len()),
    ])
}

/// The inspection as a JSON document.
pub fn json(report: &InspectReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let files = report.files.iter().map(|file| FileJson {
        file: &file.name,
        bytes: file.bytes,
        formats: file.formats.iter().map(|format| format.words()).collect(),
        resources: &file.types,
    });
    let document = InspectJson {
        schema: "gatepath/inspect/1",
        files: files.collect(),
        counts: counts(report),
        service_tags: report.snapshot.service_tags.as_ref().and_then(|tags| tags.change_number.as_deref()),
        missing: report.needs,
        diagnostics: finding::json(report.findings, report.sources),
    };
    super::write_json(&document, out)
}

/// The inspection for reading.
pub fn text(report: &InspectReport<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .files
        .iter()
        .map(|file| {
            let formats: Vec<&str> = file.formats.iter().map(|format| format.words()).collect();
            let known = if formats.is_empty() { "not used".to_owned() } else { formats.join(", ") };
            let types: Vec<String> = file.types.iter().map(|(kind, n)| format!("{n} {}", short_type(kind))).collect();
            vec![file.name.clone(), known, types.join(", ")]
        })
        .collect();
    writeln!(out, "{}", table(&["file", "understood as", "holds"], &rows, look, usize::MAX))?;
    let list: Vec<String> =
        counts(report).into_iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
    writeln!(out, "in all  {}", if list.is_empty() { "nothing".to_owned() } else { list.join(", ") })?;
    if let Some(tags) = &report.snapshot.service_tags {
        let number = tags.change_number.as_deref().unwrap_or("?");
        writeln!(out, "tags    {} service tags, change number {}", tags.tags.len(), printable(number))?;
    }
    if report.needs.is_empty() {
        writeln!(out, "missing nothing that the paths of these gateways refer to")?;
    }
    for need in report.needs {
        writeln!(out, "missing {}  (for {})", printable(&need.what), printable(&need.question))?;
        if let Some(command) = &need.command {
            writeln!(out, "          {}", printable(command))?;
        }
    }
    findings(report.findings, report.sources, look, out)
}

/// Findings about the input, worst first: errors with an excerpt, the rest a line each.
pub fn findings(findings: &[Diagnostic], sources: &Sources, look: Look, out: &mut dyn Write) -> io::Result<()> {
    if !findings.is_empty() {
        writeln!(out)?;
    }
    for finding in findings {
        if finding.severity == Severity::Error {
            writeln!(out, "{}", finding::excerpt(finding, sources, look))?;
        } else {
            writeln!(out, "{}", finding::line(finding, sources))?;
        }
    }
    Ok(())
}

/// `networkSecurityGroups` for `microsoft.network/networksecuritygroups`.
fn short_type(kind: &str) -> String {
    kind.rsplit_once("microsoft.network/").map_or(kind, |(_, short)| short).to_owned()
}
