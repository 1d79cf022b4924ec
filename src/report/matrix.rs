//! The matrix of all paths: text (interface.md A5b), JSON, CSV.

use super::finding::{self, FindingJson};
use super::text::{Look, csv_cell, printable, table};
use crate::compile::Network;
use crate::compile::endpoints::EndpointKind;
use crate::diagnostic::{Diagnostic, Location, Sources};
use crate::net::AddressSet;
use crate::solve::anomaly::Management;
use crate::solve::matrix::Row;
use crate::solve::{Answer, Missing, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Everything that a matrix report shows.
#[derive(Debug)]
pub struct MatrixReport<'r, 'n> {
    /// The network, for host names.
    pub network: &'n Network<'n>,
    /// The texts, for places.
    pub sources: &'r Sources,
    /// The rows, sorted.
    pub rows: &'r [Row<'n>],
    /// Management path of each gateway: name and verdict.
    pub management: &'r [(String, Management)],
    /// Findings to print beside the answers.
    pub findings: &'r [Diagnostic],
    /// Assumptions that were given.
    pub assumptions: &'r [String],
}

/// Counts of verdicts.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Tally {
    /// Reachable.
    pub allow: usize,
    /// Partial.
    pub partial: usize,
    /// Blocked.
    pub deny: usize,
    /// Unknown.
    pub unknown: usize,
}

impl Tally {
    /// Counts verdicts.
    pub fn of(verdicts: impl Iterator<Item = Verdict>) -> Self {
        let mut out = Tally::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Allow => out.allow += 1,
                Verdict::Partial => out.partial += 1,
                Verdict::Deny => out.deny += 1,
                Verdict::Unknown => out.unknown += 1,
            }
        }
        out
    }
}

/// One row a path, in the columns of design.md.
pub fn csv(report: &MatrixReport<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "gateway", "pool", "setting", "member", "backend", "port", "purpose", "verdict", "stage", "resource", "rule",
    ])?;
    for row in report.rows {
        csv.write_record([
            &*csv_cell(&row.gateway_name),
            &csv_cell(&row.pair.pool.name),
            &csv_cell(&row.pair.setting.name),
            &csv_cell(&row.member.shown),
            &csv_cell(&row.backend),
            &row.port.to_string(),
            row.purpose.word(),
            row.answer.verdict.word(),
            row.answer.stage().map_or("", |stage| stage.name()),
            &csv_cell(row.answer.resource().unwrap_or_default()),
            &csv_cell(row.answer.rule().unwrap_or_default()),
        ])?;
    }
    csv.flush()
}

#[derive(Serialize)]
struct PathJson<'r> {
    gateway: &'r str,
    pool: &'r str,
    setting: &'r str,
    member: &'r str,
    backend: &'r str,
    port: u16,
    purpose: &'static str,
    #[serde(flatten)]
    answer: AnswerJson,
}

/// An answer as it is printed in JSON, wherever one is.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerJson {
    verdict: &'static str,
    stage: Option<&'static str>,
    resource: Option<String>,
    rule: Option<String>,
    priority: Option<i64>,
    location: Option<Location>,
    sources: Vec<String>,
    source_count: u128,
    denied: Vec<String>,
    denied_count: u128,
    missing: Vec<MissingJson>,
    regardless: Vec<MissingJson>,
    notes: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct MissingJson {
    what: String,
    command: Option<String>,
}

impl AnswerJson {
    /// Takes an answer and works out its place.
    pub fn new(answer: &Answer, sources: &Sources) -> Self {
        let cidrs = |set: &AddressSet| set.cidrs().iter().map(ToString::to_string).collect();
        let mut notes: Vec<&'static str> = answer.notes.iter().map(|note| note.code.name).collect();
        notes.sort_unstable();
        notes.dedup();
        AnswerJson {
            verdict: answer.verdict.word(),
            stage: answer.stage().map(|stage| stage.name()),
            resource: answer.resource().map(str::to_owned),
            rule: answer.rule().map(str::to_owned),
            priority: answer.decision.as_ref().and_then(|decision| decision.priority),
            location: answer.decision.as_ref().and_then(|decision| decision.span).and_then(|span| sources.locate(span)),
            sources: cidrs(&answer.sources),
            source_count: answer.sources.count(),
            denied: cidrs(&answer.denied),
            denied_count: answer.denied.count(),
            missing: missing_json(&answer.missing),
            regardless: missing_json(&answer.regardless),
            notes,
        }
    }
}

fn missing_json(missing: &[Missing]) -> Vec<MissingJson> {
    missing.iter().map(|m| MissingJson { what: m.what.clone(), command: m.command.clone() }).collect()
}

#[derive(Serialize)]
struct ManagementJson<'r> {
    gateway: &'r str,
    verdict: &'static str,
    ports: String,
    resource: Option<&'r str>,
    rule: Option<&'r str>,
    reason: &'r str,
}

#[derive(Serialize)]
struct MatrixJson<'r> {
    schema: &'static str,
    assumptions: &'r [String],
    summary: Tally,
    paths: Vec<PathJson<'r>>,
    management: Vec<ManagementJson<'r>>,
    diagnostics: Vec<FindingJson>,
}

/// The whole matrix as one JSON document.
pub fn json(report: &MatrixReport<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let paths = report.rows.iter().map(|row| PathJson {
        gateway: &row.gateway_name,
        pool: &row.pair.pool.name,
        setting: &row.pair.setting.name,
        member: &row.member.shown,
        backend: &row.backend,
        port: row.port,
        purpose: row.purpose.word(),
        answer: AnswerJson::new(&row.answer, report.sources),
    });
    let management = report.management.iter().map(|(gateway, m)| ManagementJson {
        gateway,
        verdict: m.verdict.word(),
        ports: format!("{}-{}", m.ports.0, m.ports.1),
        resource: m.resource.as_deref(),
        rule: m.rule.as_deref(),
        reason: &m.reason,
    });
    let document = MatrixJson {
        schema: "gatepath/matrix/1",
        assumptions: report.assumptions,
        summary: Tally::of(report.rows.iter().map(|row| row.answer.verdict)),
        paths: paths.collect(),
        management: management.collect(),
        diagnostics: finding::json(report.findings, report.sources),
    };
    super::write_json(&document, out)
}

/// The matrix for reading, one block a gateway.
pub fn text(report: &MatrixReport<'_, '_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut blocks: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in report.rows {
        blocks.entry(&row.gateway_name).or_default().push(row);
    }
    for (name, _) in report.management {
        blocks.entry(name).or_default();
    }
    for (gateway, rows) in &blocks {
        let mut pools: Vec<&str> = rows.iter().map(|row| row.pair.pool.name.as_str()).collect();
        pools.dedup();
        let mut servers: Vec<(&str, &str)> =
            rows.iter().map(|row| (row.pair.pool.name.as_str(), row.backend.as_str())).collect();
        servers.sort_unstable();
        servers.dedup();
        writeln!(out, "{}  ->  {} pool(s), {} server(s)\n", printable(gateway), pools.len(), servers.len())?;
        if !rows.is_empty() {
            let lines: Vec<Vec<String>> = rows.iter().map(|row| cells(report.network, row)).collect();
            let header = ["pool", "setting", "server", "host", "port", "path", "first blocker"];
            writeln!(out, "{}", table(&header, &lines, look, 5))?;
        }
        for (_, m) in report.management.iter().filter(|(name, _)| name == gateway) {
            let verdict = match m.verdict {
                Verdict::Allow => look.good("ALLOWED"),
                Verdict::Unknown => look.unsure("UNKNOWN"),
                _ => look.bad("BLOCKED"),
            };
            writeln!(
                out,
                "mgmt  inbound {}-{} from GatewayManager: {verdict}  {}",
                m.ports.0,
                m.ports.1,
                printable(&m.reason)
            )?;
        }
        for row in rows.iter().filter(|row| row.answer.verdict == Verdict::Partial) {
            let denied = || row.answer.denied.cidrs().into_iter().map(crate::net::shown).collect::<Vec<_>>().join(", ");
            let words = row.answer.differing_servers().unwrap_or_else(|| format!("denied for {}", denied()));
            writeln!(out, "part  {}:{} {words}", printable(&row.backend), row.port)?;
        }
        missing(rows, out)?;
        writeln!(out)?;
    }
    for assumption in report.assumptions {
        writeln!(out, "assumed  {}", printable(assumption))?;
    }
    let tally = Tally::of(report.rows.iter().map(|row| row.answer.verdict));
    writeln!(
        out,
        "{} reachable, {} partial, {} blocked, {} unknown",
        tally.allow, tally.partial, tally.deny, tally.unknown
    )
}

/// What would decide the unknown rows, each once.
fn missing(rows: &[&Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut seen: Vec<&Missing> = Vec::new();
    for missing in rows.iter().flat_map(|row| &row.answer.missing) {
        if seen.contains(&missing) {
            continue;
        }
        seen.push(missing);
        write!(out, "need  {}", printable(&missing.what))?;
        match &missing.command {
            Some(command) => writeln!(out, ":  {}", printable(command))?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn cells(network: &Network<'_>, row: &Row<'_>) -> Vec<String> {
    let host = row.address.and_then(|address| {
        let mut ends = network.endpoints_with(address);
        let end = ends.find(|end| end.kind == EndpointKind::Nic)?;
        let machine = end.nic.and_then(|nic| nic.virtual_machine.as_ref()).map(|id| id.name().to_owned());
        Some(machine.unwrap_or_else(|| end.name.clone()))
    });
    let server = if row.member.shown == row.backend {
        row.backend.clone()
    } else {
        format!("{} ({})", row.backend, row.member.shown)
    };
    let purpose = match row.purpose {
        crate::solve::matrix::Purpose::Both => String::new(),
        other => format!(" {}", other.word()),
    };
    vec![
        row.pair.pool.name.clone(),
        row.pair.setting.name.clone(),
        server,
        host.unwrap_or_else(|| "-".to_owned()),
        format!("{}{purpose}", row.port),
        row.answer.verdict.shout().to_owned(),
        blocker(&row.answer),
    ]
}

/// What decided, in one line; empty on allow.
pub fn blocker(answer: &Answer) -> String {
    match answer.verdict {
        Verdict::Allow => String::new(),
        Verdict::Partial => {
            format!(
                "{} denies {} of {} gateway addresses",
                decider(answer),
                answer.denied.count(),
                answer.sources.count()
            )
        }
        Verdict::Deny => decider(answer),
        Verdict::Unknown => match answer.missing.first() {
            Some(missing) => format!("needs {}", missing.what),
            None => decider(answer),
        },
    }
}

/// Resource, priority and rule; the stage where nothing has a name.
pub fn decider(answer: &Answer) -> String {
    let Some(decision) = &answer.decision else { return String::new() };
    let mut words: Vec<String> = Vec::new();
    words.extend(decision.resource.clone());
    words.extend(decision.priority.map(|priority| priority.to_string()));
    words.extend(decision.rule.clone());
    if words.is_empty() {
        return match decision.stage {
            crate::compile::Stage::Route => "system route: no way there (next hop None)".to_owned(),
            crate::compile::Stage::ReturnRoute => "return-route: the reply finds no way back (system route)".to_owned(),
            stage => stage.name().to_owned(),
        };
    }
    format!("{} ({})", words.join(" "), decision.stage)
}
