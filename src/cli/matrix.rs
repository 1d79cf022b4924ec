//! `gatepath matrix`.

use super::args::{Common, Format, MatrixArgs};
use super::progress::Progress;
use super::{CliError, Io, exit_code, load, look};
use crate::compile::Network;
use crate::compile::gateway_paths::{members, pairs};
use crate::diagnostic::Diagnostic;
use crate::ingest::Loaded;
use crate::model::{ApplicationGateway, ResourceId};
use crate::report::matrix::{MatrixReport, csv, json, text};
use crate::report::text::{Look, printable};
use crate::solve::Verdict;
use crate::solve::anomaly::{self, Management};
use crate::solve::matrix::{Row, count, matrix};

/// Exit 1 where a path is blocked or partial, 3 where one is unknown.
pub(super) fn run(args: &MatrixArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let loaded = load::load(&args.common, &[], io)?;
    load::require_usable(&loaded, io)?;
    show(&loaded, &args.common, args.gateway.as_deref(), io)
}

/// Decides and prints the matrix of a loaded input.
pub(super) fn show(loaded: &Loaded, common: &Common, gateway: Option<&str>, io: &mut Io<'_>) -> Result<u8, CliError> {
    let network = Network::compile(&loaded.snapshot, load::assumptions(common));
    let output = &common.output;
    let rows = rows(&network, gateway, io.progress && !output.quiet)?;
    if !output.quiet {
        load::messages(&loaded.findings, loaded, io)?;
    }
    let look = look(output.color, io);
    print(&network, loaded, &rows, gateway, output.format, look, io)?;
    if loaded.snapshot.application_gateways.is_empty() && broken_gateways(loaded).is_empty() {
        return Err(CliError::Usage(
            "no application gateway in the input; `gatepath inspect` says what is missing".to_owned(),
        ));
    }
    for gateway in network.snapshot.application_gateways.values() {
        without_members(&network, gateway, io)?;
    }
    for id in broken_gateways(loaded) {
        writeln!(io.err, "gatepath: the paths of gateway {} are unknown: it could not be used", printable(id.name()))?;
    }
    let has = |wanted: &[Verdict]| rows.iter().any(|row| wanted.contains(&row.answer.verdict));
    Ok(exit_code(
        has(&[Verdict::Deny, Verdict::Partial]),
        has(&[Verdict::Unknown]) || !broken_gateways(loaded).is_empty(),
        common.on_unknown,
    ))
}

/// Gateways of the input that could not be read: their paths are unknown.
fn broken_gateways(loaded: &Loaded) -> Vec<&ResourceId> {
    let gateway = |id: &&ResourceId| id.resource_type().as_deref() == Some("microsoft.network/applicationgateways");
    loaded.snapshot.unusable.keys().filter(gateway).collect()
}

/// Pools that a rule uses and that have no members, and references of rules that lead nowhere: said, since no row is.
fn without_members(network: &Network<'_>, gateway: &ApplicationGateway, io: &mut Io<'_>) -> Result<(), CliError> {
    let pairs = pairs(gateway);
    for pair in pairs.pairs.iter().filter(|pair| members(network, gateway, pair.pool).is_empty()) {
        writeln!(
            io.err,
            "gatepath: pool {} of {} has no members",
            printable(&pair.pool.name),
            printable(&gateway.name)
        )?;
    }
    for id in &pairs.dangling {
        let (gateway, id) = (printable(&gateway.name), printable(id.as_str()));
        writeln!(io.err, "gatepath: {gateway} refers to {id}, which it does not have; the reference was left out")?;
    }
    Ok(())
}

/// The rows of all gateways or of one.
pub(super) fn rows<'n>(
    network: &'n Network<'n>,
    gateway: Option<&str>,
    progress: bool,
) -> Result<Vec<Row<'n>>, CliError> {
    let only = gateway.map(|name| load::gateway(network, name)).transpose()?;
    let bar = Progress::new(progress, count(network));
    let mut rows = matrix(network, &|done| bar.advance(done));
    if let Some(only) = only {
        rows.retain(|row| row.gateway.id == only.id);
    }
    Ok(rows)
}

/// Management paths of the gateways that are shown.
pub(super) fn management(network: &Network<'_>, gateway: Option<&str>) -> Vec<(String, Management)> {
    let shown = |id| gateway.is_none_or(|text| load::names(id, text));
    let gateways = network.snapshot.application_gateways.values().filter(|g| shown(&g.id));
    gateways.map(|g| (network.name(&g.id), anomaly::management(network, g))).collect()
}

/// Prints a matrix.
fn print(
    network: &Network<'_>,
    loaded: &Loaded,
    rows: &[Row<'_>],
    gateway: Option<&str>,
    format: Format,
    look: Look,
    io: &mut Io<'_>,
) -> Result<(), CliError> {
    let management = management(network, gateway);
    let assumptions = load::used_assumptions(rows.iter().flat_map(|row| &row.answer.notes));
    let mut findings: Vec<Diagnostic> = loaded.findings.clone();
    findings.extend(rows.iter().flat_map(|row| row.answer.notes.iter().cloned()));
    crate::diagnostic::sort(&mut findings);
    let report = MatrixReport {
        network,
        sources: &loaded.sources,
        rows,
        management: &management,
        findings: &findings,
        assumptions: &assumptions,
    };
    match format {
        Format::Csv => csv(&report, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Json => json(&report, io.out)?,
        Format::Text => text(&report, look, io.out)?,
    }
    Ok(())
}
