//! `gatepath health`.

use super::args::{Common, Format, HealthArgs};
use super::{CliError, Io, exit_code, load, look, matrix};
use crate::attribute::capture::{capture, parse_time};
use crate::attribute::{AttributionInput, attribute, prepare};
use crate::compile::Network;
use crate::diagnostic::Diagnostic;
use crate::ingest::Loaded;
use crate::report::health::{HealthReport, csv, json, text};
use crate::report::text::Look;
use crate::solve::anomaly;
use crate::solve::matrix::overridden;
use jiff::Timestamp;

/// Exit 1 where an unhealthy server, or the lack of its health, is attributed to the network; 3 where an unhealthy one is
/// not decidable.
pub(super) fn run(args: &HealthArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let at = args.at.as_deref().map(|text| {
        parse_time(text)
            .ok_or_else(|| CliError::Usage(format!("--at {text}: expected a time with a zone, 2026-11-20T07:42Z")))
    });
    let at = at.transpose()?;
    let loaded = load::load(&args.common, &args.record, io)?;
    load::require_usable(&loaded, io)?;
    show(&loaded, &args.common, args.gateway.as_deref(), at, io)
}

/// Joins and prints the records of a loaded input.
pub(super) fn show(
    loaded: &Loaded,
    common: &Common,
    gateway: Option<&str>,
    at: Option<Timestamp>,
    io: &mut Io<'_>,
) -> Result<u8, CliError> {
    let network = Network::compile(&loaded.snapshot, load::assumptions(common));
    let output = &common.output;
    if !output.quiet {
        load::messages(&loaded.findings, loaded, io)?;
    }
    if loaded.health.is_empty() {
        return Err(CliError::Usage(
            "no backend-health record in the input; export one: az network application-gateway show-backend-health \
             -g GROUP -n NAME -o json > health.json"
                .to_owned(),
        ));
    }
    let look = look(output.color, io);
    let progress = io.progress && !output.quiet;
    let judged = answer(&network, loaded, gateway, at, output.format, look, progress, io)?;
    if judged.servers == 0 {
        return Err(CliError::Usage("no record belongs to a gateway of the input".to_owned()));
    }
    Ok(exit_code(judged.network, judged.unknown, common.on_unknown))
}

/// What the answer comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) servers: usize,
    pub(super) network: bool,
    pub(super) unknown: bool,
}

/// Joins and prints.
#[expect(clippy::too_many_arguments, reason = "a question, a look and the streams, used by two commands")]
pub(super) fn answer(
    network: &Network<'_>,
    loaded: &Loaded,
    gateway: Option<&str>,
    at: Option<Timestamp>,
    format: Format,
    look: Look,
    progress: bool,
    io: &mut Io<'_>,
) -> Result<Judged, CliError> {
    let rows = matrix::rows(network, gateway, progress)?;
    let gateways = prepare::gateways(network, |g| anomaly::management(network, g));
    let mut simulated = rows.clone();
    simulated.extend(overridden(network));
    let servers = prepare::servers(network, &simulated);
    let ports = |server: &crate::attribute::ProbedServer| {
        let gateway = gateways.iter().find(|g| g.id == server.gateway)?;
        gateway.settings.iter().find(|s| s.id == server.setting).map(|s| s.probe_port)
    };
    let heals =
        |decision: &crate::solve::Decision, asked: &[usize]| prepare::heals(network, &servers, decision, asked, &ports);
    let input =
        AttributionInput { gateways: &gateways, servers: &servers, records: &loaded.health, heals: Some(&heals) };
    let mut attribution = attribute(&input);
    if let Some(name) = gateway {
        let id = &load::gateway(network, name)?.id;
        attribution.servers.retain(|found| found.gateway_id == *id);
        attribution.management.retain(|found| found.gateway_id == *id);
    }
    let records: Vec<_> =
        loaded.health.iter().map(|record| (record.file_name.clone(), capture(at, &record.file_name))).collect();
    let assumptions = load::used_assumptions(rows.iter().flat_map(|row| &row.answer.notes));
    let mut findings: Vec<Diagnostic> = loaded.findings.clone();
    load::messages(&attribution.diagnostics, loaded, io)?;
    findings.extend(attribution.diagnostics.iter().cloned());
    findings.extend(rows.iter().flat_map(|row| row.answer.notes.iter().cloned()));
    crate::diagnostic::sort(&mut findings);
    let report = HealthReport {
        attribution: &attribution,
        records: &records,
        sources: &loaded.sources,
        findings: &findings,
        assumptions: &assumptions,
    };
    match format {
        Format::Text => text(&report, look, io.out)?,
        Format::Json => json(&report, io.out)?,
        Format::Csv => csv(&report, io.out)?,
        Format::AzureDiag | Format::AzureIpflow => return Err(super::no_azure_format()),
    }
    let undecided = |found: &crate::attribute::ServerFinding| {
        found.class == crate::attribute::Class::Indeterminate && found.recorded != crate::attribute::Recorded::Up
    };
    Ok(Judged {
        servers: attribution.servers.len(),
        network: attribution
            .servers
            .iter()
            .any(|found| found.unhealthy_by_network() || found.class == crate::attribute::Class::ManagementPath),
        unknown: attribution.servers.iter().any(undecided),
    })
}
