//! Recorded health joined with paths: text (interface.md A5c), JSON and CSV by design.md's contract.

use super::finding::{self, FindingJson};
use super::text::{Look, csv_cell, printable};
use crate::attribute::capture::{Capture, TimeBasis};
use crate::attribute::{Attribution, Calibration, Class, CommonCause, ManagementVerdict, Recorded, ServerFinding};
use crate::diagnostic::{Diagnostic, Location, Sources};
use crate::solve::Verdict;
use serde::Serialize;
use std::io::{self, Write};

/// Everything that a health report shows.
#[derive(Debug)]
pub struct HealthReport<'r> {
    /// The conclusions.
    pub attribution: &'r Attribution,
    /// File and capture time of each record.
    pub records: &'r [(String, Capture)],
    /// The texts, for places.
    pub sources: &'r Sources,
    /// Findings to print beside the answers.
    pub findings: &'r [Diagnostic],
    /// Assumptions that were given.
    pub assumptions: &'r [String],
}

#[derive(Serialize)]
struct MissingJson<'r> {
    what: &'r str,
    command: Option<&'r str>,
}

#[derive(Serialize)]
struct ServerJson<'r> {
    gateway: &'r str,
    pool: &'r str,
    setting: &'r str,
    server: Option<&'r str>,
    backends: &'r [String],
    port: Option<u16>,
    data_port: Option<u16>,
    recorded: &'static str,
    verdict: &'static str,
    data_verdict: &'static str,
    class: &'static str,
    also: Vec<&'static str>,
    confidence: &'static str,
    grade: Option<&'static str>,
    stage: Option<&'static str>,
    resource: Option<&'r str>,
    rule: Option<&'r str>,
    location: Option<Location>,
    evidence: &'static str,
    message: Option<&'static str>,
    message_text: Option<&'r str>,
    http_status: Option<u16>,
    row: &'static str,
    explanation: &'r str,
    next_steps: &'r [String],
    missing: Vec<MissingJson<'r>>,
    record: Option<Location>,
}

#[derive(Serialize)]
struct CauseJson<'r> {
    stage: &'static str,
    resource: Option<&'r str>,
    rule: Option<&'r str>,
    servers: Vec<&'r str>,
    heals: Vec<&'r str>,
    explanation: &'r str,
}

#[derive(Serialize)]
struct ManagementJson<'r> {
    gateway: &'r str,
    verdict: &'static str,
    stage: Option<&'static str>,
    resource: Option<&'r str>,
    rule: Option<&'r str>,
    explanation: &'r str,
}

#[derive(Serialize)]
struct RecordJson<'r> {
    file: &'r str,
    time: Option<String>,
    time_basis: &'static str,
}

#[derive(Serialize)]
struct HealthJson<'r> {
    schema: &'static str,
    headline: String,
    assumptions: &'r [String],
    records: Vec<RecordJson<'r>>,
    servers: Vec<ServerJson<'r>>,
    common_causes: Vec<CauseJson<'r>>,
    unexplained: Vec<&'r str>,
    management: Vec<ManagementJson<'r>>,
    calibration: Calibration,
    diagnostics: Vec<FindingJson>,
}

fn server_json<'r>(found: &'r ServerFinding, sources: &Sources) -> ServerJson<'r> {
    ServerJson {
        gateway: &found.gateway,
        pool: &found.pool,
        setting: &found.setting,
        server: found.server.as_deref(),
        backends: &found.backends,
        port: found.port,
        data_port: found.data_port,
        recorded: found.recorded.word(),
        verdict: found.verdict().word(),
        data_verdict: found.data_verdict().word(),
        class: found.class.name(),
        also: found.also.iter().map(|class| class.name()).collect(),
        confidence: found.confidence.word(),
        grade: found.grade.map(|grade| grade.word()),
        stage: found.stage().map(|stage| stage.name()),
        resource: found.resource(),
        rule: found.rule(),
        location: found.decision.as_ref().and_then(|d| d.span).and_then(|span| sources.locate(span)),
        evidence: found.evidence.word(),
        message: found.message,
        message_text: found.message_text.as_deref(),
        http_status: found.http_status,
        row: found.row,
        explanation: &found.explanation,
        next_steps: &found.next_steps,
        missing: found.missing.iter().map(|m| MissingJson { what: &m.what, command: m.command.as_deref() }).collect(),
        record: found.record_span.and_then(|span| sources.locate(span)),
    }
}

fn basis(capture: &Capture) -> &'static str {
    match capture.basis {
        TimeBasis::Given => "given",
        TimeBasis::FileName => "file-name",
        TimeBasis::None => "none",
    }
}

/// The whole report as one JSON document.
pub fn json(report: &HealthReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let a = report.attribution;
    let records = report.records.iter().map(|(file, capture)| RecordJson {
        file,
        time: capture.time.map(|time| time.to_string()),
        time_basis: basis(capture),
    });
    let causes = a.common_causes.iter().map(|cause| CauseJson {
        stage: cause.stage.name(),
        resource: cause.resource.as_deref(),
        rule: cause.rule.as_deref(),
        servers: a.server_names(&cause.servers),
        heals: a.server_names(cause.heals.as_deref().unwrap_or_default()),
        explanation: &cause.explanation,
    });
    let management = a.management.iter().map(|m| ManagementJson {
        gateway: &m.gateway,
        verdict: m.verdict.word(),
        stage: m.stage.map(|stage| stage.name()),
        resource: m.resource.as_deref(),
        rule: m.rule.as_deref(),
        explanation: &m.explanation,
    });
    let document = HealthJson {
        schema: "gatepath/health/1",
        headline: headline(a),
        assumptions: report.assumptions,
        records: records.collect(),
        servers: a.servers.iter().map(|found| server_json(found, report.sources)).collect(),
        common_causes: causes.collect(),
        unexplained: a.server_names(&a.unexplained),
        management: management.collect(),
        calibration: a.calibration,
        diagnostics: finding::json(report.findings, report.sources),
    };
    super::write_json(&document, out)
}

/// One row a server.
pub fn csv(report: &HealthReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "gateway",
        "pool",
        "setting",
        "server",
        "port",
        "data_port",
        "recorded",
        "verdict",
        "data_verdict",
        "class",
        "also",
        "confidence",
        "grade",
        "stage",
        "resource",
        "rule",
        "evidence",
        "message",
        "explanation",
    ])?;
    for found in &report.attribution.servers {
        let also: Vec<&str> = found.also.iter().map(|class| class.name()).collect();
        let number = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
        csv.write_record([
            &*csv_cell(&found.gateway),
            &csv_cell(&found.pool),
            &csv_cell(&found.setting),
            &csv_cell(found.server.as_deref().unwrap_or_default()),
            &number(found.port),
            &number(found.data_port),
            found.recorded.word(),
            found.verdict().word(),
            found.data_verdict().word(),
            found.class.name(),
            &also.join(" "),
            found.confidence.word(),
            found.grade.map_or("", |grade| grade.word()),
            found.stage().map_or("", |stage| stage.name()),
            &csv_cell(found.resource().unwrap_or_default()),
            &csv_cell(found.rule().unwrap_or_default()),
            found.evidence.word(),
            found.message.unwrap_or_default(),
            &csv_cell(&found.explanation),
        ])?;
    }
    csv.flush()
}

/// `2 of 3 unhealthy servers are explained by the network. Common cause: ...`.
pub fn headline(attribution: &Attribution) -> String {
    let servers = &attribution.servers;
    if servers.is_empty() {
        return "No recorded server belongs to a gateway of the input.".to_owned();
    }
    let count = |test: &dyn Fn(&ServerFinding) -> bool| servers.iter().filter(|found| test(found)).count();
    let down = |found: &ServerFinding| matches!(found.recorded, Recorded::Down | Recorded::Partial);
    let blocked = count(&|found| down(found) && found.unhealthy_by_network());
    let undecided = |found: &ServerFinding| down(found) && found.class == Class::Indeterminate;
    let open = count(&undecided);
    let lacks = servers.iter().filter(|found| undecided(found)).find_map(|found| found.missing.first());
    let lacks = lacks.map(|missing| format!(": the input lacks {}", missing.what)).unwrap_or_default();
    let mut out = match (count(&down), blocked, open) {
        (0, _, _) => "No server is recorded unhealthy.".to_owned(),
        (1, 1, _) => "The unhealthy server is explained by the network.".to_owned(),
        (1, _, 1) => format!("Whether the network explains the unhealthy server cannot be decided{lacks}."),
        (1, _, _) => "The unhealthy server is not explained by the network.".to_owned(),
        (all, _, 0) => format!("{blocked} of {all} unhealthy servers are explained by the network."),
        (all, _, _) => {
            format!(
                "{blocked} of {all} unhealthy servers are explained by the network, {open} cannot be decided{lacks}."
            )
        }
    };
    let late = count(&|found| found.recorded == Recorded::Up && found.unhealthy_by_network());
    if late > 0 {
        out.push_str(&format!(" {late} server(s) recorded healthy no longer answer: the state lags its message."));
    }
    let unknown = count(&|found| found.recorded == Recorded::Unknown);
    if unknown > 0 {
        let managed = count(&|found| found.recorded == Recorded::Unknown && found.class == Class::ManagementPath);
        let why = if managed == unknown { ": the management path is blocked" } else { "" };
        out.push_str(&format!(" The health of {unknown} server(s) is not known{why}."));
    }
    if let Some(cause) = attribution.common_causes.iter().find(|cause| cause.servers.len() > 1) {
        out.push_str(&format!(" Common cause: {} ({} servers).", cause_words(cause), cause.servers.len()));
    }
    out
}

fn cause_words(cause: &CommonCause) -> String {
    let words: Vec<&str> = cause.resource.iter().chain(&cause.rule).map(String::as_str).collect();
    if words.is_empty() { format!("{} (system route)", cause.stage) } else { words.join(" ") }
}

/// The report for reading.
pub fn text(report: &HealthReport<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let a = report.attribution;
    for (file, capture) in report.records {
        let when = match (capture.time, capture.basis) {
            (Some(time), TimeBasis::FileName) => format!("{time} (from the file name)"),
            (Some(time), _) => format!("{time} (--at)"),
            (None, _) => "at an unknown time (give --at)".to_owned(),
        };
        writeln!(out, "record  {}  taken {when}", printable(file))?;
    }
    writeln!(out, "{}\n", printable(&headline(a)))?;
    let mut gateway = "";
    for found in &a.servers {
        if found.gateway != gateway {
            gateway = &found.gateway;
            writeln!(out, "{}\n", printable(gateway))?;
        }
        server_text(found, report.sources, look, out)?;
    }
    for cause in a.common_causes.iter().filter(|cause| cause.servers.len() > 1) {
        writeln!(out, "cause   {}", printable(&cause.explanation))?;
    }
    for m in &a.management {
        let verdict = match m.verdict {
            ManagementVerdict::Allow => look.good("allowed"),
            ManagementVerdict::Deny => look.bad("BLOCKED"),
            ManagementVerdict::Unknown => look.unsure("unknown"),
        };
        writeln!(out, "mgmt    {}: {verdict}  {}", printable(&m.gateway), printable(&m.explanation))?;
    }
    if a.calibration.denied > 0 {
        writeln!(
            out,
            "check   {} server(s) answered although the model denies the path: the record wins; the input is older or incomplete",
            a.calibration.denied
        )?;
    }
    for assumption in report.assumptions {
        writeln!(out, "assumed {}", printable(assumption))?;
    }
    writeln!(out, "note    firewalls inside the guest are not modelled [GP810]")
}

fn server_text(found: &ServerFinding, sources: &Sources, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let port = found.port.map(|port| format!(":{port}")).unwrap_or_default();
    let name = format!("{}{port}", found.server.as_deref().unwrap_or("(no server)"));
    let state = match found.recorded {
        Recorded::Up => look.good("Healthy"),
        Recorded::Down => look.bad("Unhealthy"),
        other => look.unsure(other.word()),
    };
    let confidence = match found.grade {
        Some(grade) if grade.word() != found.confidence.word() => {
            format!("{}, {}", grade.word(), found.confidence.word())
        }
        _ => found.confidence.word().to_owned(),
    };
    let also: Vec<&str> = found.also.iter().map(|class| class.name()).collect();
    let also = if also.is_empty() { String::new() } else { format!(" + {}", also.join(" + ")) };
    writeln!(
        out,
        "  {}  {}/{}  {state}  {}  {}{also} ({confidence})",
        printable(&name),
        printable(&found.pool),
        printable(&found.setting),
        look.word(found.verdict().shout()),
        class_word(found, look)
    )?;
    if found.class == Class::HealthyConsistent && found.also.is_empty() && found.verdict() == Verdict::Allow {
        return Ok(());
    }
    wrapped("    ", &printable(&found.explanation), out)?;
    if let Some(place) = found.decision.as_ref().and_then(|d| d.span).map(|span| sources.short(span)) {
        writeln!(out, "    at    {}", printable(&place))?;
    }
    for step in &found.next_steps {
        wrapped("    next  ", &printable(step), out)?;
    }
    writeln!(out)
}

fn class_word(found: &ServerFinding, look: Look) -> String {
    let name = found.class.name();
    if found.class.blames_network() { look.bad(name) } else { name.to_owned() }
}

/// Width that explanations are wrapped to.
const WIDTH: usize = 100;

/// Wraps text at blanks; following lines are indented as far as the first.
fn wrapped(lead: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut line = lead.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line = " ".repeat(lead.chars().count());
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    if empty { Ok(()) } else { writeln!(out, "{line}") }
}
