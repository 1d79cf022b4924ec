//! The health report as one JSON document (design.md, output contract).

use super::HealthReport;
use crate::attribute::capture::{Capture, TimeBasis};
use crate::attribute::{Calibration, FlowSeen, ServerFinding};
use crate::diagnostic::{Location, Sources};
use crate::model::{Access, Direction};
use crate::report::finding::{self, FindingJson};
use crate::report::timeline::{self, TimelineJson};
use serde::Serialize;
use std::io::{self, Write};

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
    flow_log: Vec<FlowJson<'r>>,
    record: Option<Location>,
    timeline: Option<TimelineJson>,
}

/// Tuples of flow logs from the gateway to the probed port.
#[derive(Serialize)]
struct FlowJson<'r> {
    nsg: &'r str,
    rule: &'r str,
    direction: &'static str,
    access: &'static str,
    tuples: usize,
    last: Option<String>,
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
struct LatentJson<'r> {
    gateway: &'r str,
    pool: &'r str,
    setting: &'r str,
    server: Option<&'r str>,
    verdict: &'static str,
    prediction: &'r str,
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
    headline: &'r str,
    assumptions: &'r [String],
    records: Vec<RecordJson<'r>>,
    servers: Vec<ServerJson<'r>>,
    common_causes: Vec<CauseJson<'r>>,
    unexplained: Vec<&'r str>,
    management: Vec<ManagementJson<'r>>,
    latent: Vec<LatentJson<'r>>,
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
        flow_log: found.flows.iter().map(flow_json).collect(),
        record: found.record_span.and_then(|span| sources.locate(span)),
        timeline: found.timeline.as_ref().map(|line| timeline::json(line, sources)),
    }
}

fn flow_json(flow: &FlowSeen) -> FlowJson<'_> {
    FlowJson {
        nsg: &flow.nsg,
        rule: &flow.rule,
        direction: if flow.direction == Direction::Inbound { "Inbound" } else { "Outbound" },
        access: if flow.access == Access::Allow { "Allow" } else { "Deny" },
        tuples: flow.count,
        last: flow.last.map(|last| last.to_string()),
    }
}

fn basis(capture: &Capture) -> &'static str {
    match capture.basis {
        TimeBasis::Given => "given",
        TimeBasis::FileName => "file-name",
        TimeBasis::Record => "record",
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
    let latent = a.servers.iter().filter_map(|found| {
        let (gateway, pool, setting) = (found.gateway.as_str(), found.pool.as_str(), found.setting.as_str());
        let (server, verdict) = (found.server.as_deref(), found.verdict().word());
        Some(LatentJson { gateway, pool, setting, server, verdict, prediction: found.latent.as_deref()? })
    });
    let document = HealthJson {
        schema: "gatepath/health/1",
        headline: report.headline,
        assumptions: report.assumptions,
        records: records.collect(),
        servers: a.servers.iter().map(|found| server_json(found, report.sources)).collect(),
        common_causes: causes.collect(),
        unexplained: a.server_names(&a.unexplained),
        management: management.collect(),
        latent: latent.collect(),
        calibration: a.calibration,
        diagnostics: finding::json(report.findings, report.sources),
    };
    crate::report::write_json(&document, out)
}
