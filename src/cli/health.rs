//! `gatepath health`.

use super::args::{Common, Format, HealthArgs, Only};
use super::changes::{self, Past};
use super::tables::Records;
use super::{CliError, Io, exit_code, load, look, matrix};
use crate::attribute::capture::{capture, parse_time};
use crate::attribute::change::{self, Earlier, Estate, History};
use crate::attribute::timeline::{Histories, Timelines};
use crate::attribute::{
    Attribution, AttributionInput, FlowEvidence, GatewayFacts, ProbedServer, Recorded, attribute, prepare,
};
use crate::compile::Network;
use crate::diagnostic::{Diagnostic, Sources};
use crate::ingest::{self, Loaded, earlier_version};
use crate::model::{Change, NetworkSecurityGroup, ResourceId};
use crate::report::health::{HealthReport, csv, headline, json, markdown, text};
use crate::report::text::Look;
use crate::solve::anomaly;
use crate::solve::matrix::{Row, overridden};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Exit 1 where an unhealthy server, or the lack of its health, is attributed to the network; 3 where an unhealthy one is
/// not decidable.
pub(super) fn run(args: &HealthArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let at = time("--at", args.at.as_deref())?;
    let since = time("--since", args.since.as_deref())?;
    let stdin_taken = args.common.paths.iter().any(|path| path.as_os_str() == "-");
    let mut records = Records::sort(&args.record, &args.map, stdin_taken, io)?;
    let whole = std::mem::take(&mut records.whole);
    let mut loaded = records.with_stdin(io, |io| load::load(&args.common, &whole, io))?;
    load::require_usable(&loaded, io)?;
    let bar = io.progress && !args.common.output.quiet;
    let timelines = records.read((since, at), &mut loaded, bar, io);
    let past = changes::read(&args.common, (&args.before, &args.changes), &mut loaded, io)?;
    let flows = flow_logs(&mut loaded, args, io)?;
    let filter = Filter { gateway: args.gateway.as_deref(), pool: args.pool.as_deref(), only: args.only };
    let asked = Asked {
        filter,
        at,
        quiet: args.common.output.quiet,
        flows: Some(&flows),
        timelines: Some(&timelines),
        past: Some(&past),
    };
    show(&loaded, &args.common, asked, io)
}

fn time(option: &str, text: Option<&str>) -> Result<Option<Timestamp>, CliError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || CliError::Usage(format!("{option} {text}: expected a time with a zone, 2026-11-20T07:42Z"));
    parse_time(text).map(Some).ok_or_else(wrong)
}

/// Reads the flow logs; a file that is none is a mistake.
fn flow_logs(loaded: &mut Loaded, args: &HealthArgs, io: &mut Io<'_>) -> Result<FlowEvidence, CliError> {
    let (inputs, findings) = ingest::gather(&args.flow_log, io.stdin, args.common.output.limit_bytes);
    loaded.findings.extend(findings);
    let records = ingest::load_records(loaded, inputs);
    let tuples = records.iter().filter_map(|record| match &record.asked {
        crate::model::Asked::Tuple(tuple) => Some(tuple),
        _ => None,
    });
    let snapshot = &loaded.snapshot;
    let network = Network::compile(snapshot, load::assumptions(&args.common));
    let name = |named: &ResourceId| {
        let guid =
            |nsg: &&NetworkSecurityGroup| nsg.guid.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(named.name()));
        let found = snapshot.nsgs.get(named).or_else(|| snapshot.nsgs.values().find(guid))?;
        Some(network.name(&found.id))
    };
    let evidence = FlowEvidence::collect(tuples, &name);
    if evidence.is_empty() && !args.flow_log.is_empty() {
        return Err(CliError::Usage("--flow-log: no TCP tuple that an NSG decided is in these files".to_owned()));
    }
    Ok(evidence)
}

/// What is asked beside the records.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// Servers that are shown.
    pub(super) filter: Filter<'a>,
    /// `--at`.
    pub(super) at: Option<Timestamp>,
    /// No findings on standard error.
    pub(super) quiet: bool,
    /// Flow logs.
    pub(super) flows: Option<&'a FlowEvidence>,
    /// Rows with times, and tables.
    pub(super) timelines: Option<&'a Timelines>,
    /// Changes and earlier snapshots.
    pub(super) past: Option<&'a Past>,
}

/// Which servers are shown, and count for the exit code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filter<'a> {
    /// Only this gateway.
    pub(super) gateway: Option<&'a str>,
    /// Only this pool.
    pub(super) pool: Option<&'a str>,
    /// Only servers of this kind.
    pub(super) only: Option<Only>,
}

impl Filter<'_> {
    /// Keeps what is asked for. Causes and agreement stay those of the whole input; a cause without a server that is left
    /// goes.
    fn apply(&self, network: &Network<'_>, attribution: &mut Attribution) -> Result<(), CliError> {
        let gateway = self.gateway.map(|name| load::gateway(network, name).map(|gateway| gateway.id.clone()));
        let gateway = gateway.transpose()?;
        if let Some(pool) = self.pool
            && !attribution.servers.iter().any(|found| found.pool.eq_ignore_ascii_case(pool))
        {
            return Err(CliError::Usage(format!("--pool {pool}: no gateway of the record has such a pool")));
        }
        let unexplained = attribution.unexplained.clone();
        attribution.retain(|at, found| {
            let kind = match self.only {
                None => true,
                Some(Only::Unhealthy) => {
                    !matches!(found.recorded, Recorded::Up | Recorded::Draining | Recorded::Absent)
                }
                Some(Only::Network) => found.unhealthy_by_network(),
                Some(Only::Unexplained) => unexplained.contains(&at),
                Some(Only::Latent) => found.latent.is_some(),
            };
            kind && gateway.as_ref().is_none_or(|id| found.gateway_id == *id)
                && self.pool.is_none_or(|pool| found.pool.eq_ignore_ascii_case(pool))
        });
        attribution.management.retain(|found| gateway.as_ref().is_none_or(|id| found.gateway_id == *id));
        Ok(())
    }
}

/// Joins and prints the records of a loaded input.
pub(super) fn show(loaded: &Loaded, common: &Common, asked: Asked<'_>, io: &mut Io<'_>) -> Result<u8, CliError> {
    let network = Network::compile(&loaded.snapshot, load::assumptions(common));
    let output = &common.output;
    if !output.quiet {
        load::messages(&loaded.findings, loaded, io)?;
    }
    if loaded.health.is_empty() && asked.timelines.is_none_or(Timelines::is_empty) {
        return Err(CliError::Usage(
            "no backend-health record in the input; export one: az network application-gateway show-backend-health \
             -g GROUP -n NAME -o json > health.json"
                .to_owned(),
        ));
    }
    let look = look(output.color, io);
    let progress = io.progress && !output.quiet;
    let judged = answer(&network, loaded, asked, output.format, look, progress, io)?;
    if judged.servers == 0 && asked.filter.only.is_none() {
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

impl Judged {
    fn of(attribution: &Attribution) -> Self {
        let undecided = |found: &crate::attribute::ServerFinding| {
            found.class == crate::attribute::Class::Indeterminate && found.recorded != Recorded::Up
        };
        let blamed = |found: &crate::attribute::ServerFinding| {
            found.unhealthy_by_network() || found.class == crate::attribute::Class::ManagementPath
        };
        Judged {
            servers: attribution.servers.len(),
            network: attribution.servers.iter().any(blamed),
            unknown: attribution.servers.iter().any(undecided),
        }
    }
}

/// What the rows come to; without any, the texts are not copied.
fn histories(
    asked: &Asked<'_>,
    gateways: &[GatewayFacts],
    servers: &[ProbedServer],
    sources: &mut Cow<'_, Sources>,
) -> Histories {
    match asked.timelines {
        Some(timelines) if !timelines.is_empty() => timelines.histories(gateways, servers, asked.at, sources.to_mut()),
        _ => Histories::default(),
    }
}

/// Joins and prints.
pub(super) fn answer(
    network: &Network<'_>,
    loaded: &Loaded,
    asked: Asked<'_>,
    format: Format,
    look: Look,
    progress: bool,
    io: &mut Io<'_>,
) -> Result<Judged, CliError> {
    let rows = matrix::rows(network, asked.filter.gateway, progress)?;
    let gateways = prepare::gateways(network, |g| anomaly::management(network, g));
    let mut simulated = rows.clone();
    simulated.extend(overridden(network));
    let servers = prepare::servers(network, &simulated);
    let ports = |server: &ProbedServer| {
        let gateway = gateways.iter().find(|g| g.id == server.gateway)?;
        gateway.settings.iter().find(|s| s.id == server.setting).map(|s| s.probe_port)
    };
    let heals =
        |decision: &crate::solve::Decision, asked: &[usize]| prepare::heals(network, &servers, decision, asked, &ports);
    let mut sources = Cow::Borrowed(&loaded.sources);
    let histories = histories(&asked, &gateways, &servers, &mut sources);
    let health: Vec<_> = loaded.health.iter().chain(&histories.records).cloned().collect();
    let taken = loaded.health.iter().map(|record| (record.file_name.clone(), capture(asked.at, &record.file_name)));
    let records: Vec<_> = taken.chain(histories.captures).collect();
    let captures: BTreeMap<String, Timestamp> =
        records.iter().filter_map(|(file, taken)| Some((file.clone(), taken.time?))).collect();
    let past = asked.past.filter(|past| !past.is_empty());
    let history = past.map(|past| history(network, &simulated, &servers, (loaded, past), &captures));
    let input = AttributionInput {
        gateways: &gateways,
        servers: &servers,
        records: &health,
        histories: &histories.servers,
        captures: Some(&captures),
        flows: asked.flows,
        heals: Some(&heals),
        history: history.as_ref(),
    };
    let mut attribution = attribute(&input);
    let headline = headline(&attribution);
    asked.filter.apply(network, &mut attribution)?;
    attribution.diagnostics.extend(histories.diagnostics);
    crate::diagnostic::sort(&mut attribution.diagnostics);
    let assumptions = load::used_assumptions(rows.iter().flat_map(|row| &row.answer.notes));
    if !asked.quiet {
        load::messages_in(&attribution.diagnostics, &sources, io)?;
    }
    let findings = findings(loaded, &attribution, &rows);
    let report = HealthReport {
        headline: &headline,
        attribution: &attribution,
        records: &records,
        sources: &sources,
        findings: &findings,
        assumptions: &assumptions,
    };
    match format {
        Format::Text => text(&report, look, io.out)?,
        Format::Json => json(&report, io.out)?,
        Format::Csv => csv(&report, io.out)?,
        Format::Md => markdown(&report, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow) => return Err(super::no_format(other)),
    }
    Ok(Judged::of(&attribution))
}

/// Findings of the input, of the records and of the evaluation.
fn findings(loaded: &Loaded, attribution: &Attribution, rows: &[Row<'_>]) -> Vec<Diagnostic> {
    let mut out: Vec<Diagnostic> = loaded.findings.clone();
    out.extend(attribution.diagnostics.iter().cloned());
    out.extend(rows.iter().flat_map(|row| row.answer.notes.iter().cloned()));
    crate::diagnostic::sort(&mut out);
    out
}

/// Changes held against every simulated path.
fn history<'n>(
    network: &'n Network<'n>,
    rows: &[Row<'n>],
    servers: &[ProbedServer],
    (loaded, past): (&Loaded, &Past),
    captures: &BTreeMap<String, Timestamp>,
) -> History {
    let earlier: Vec<Earlier<'_>> =
        past.earlier.iter().map(|(time, snapshot)| Earlier { time: *time, snapshot }).collect();
    let told = |change: &Change| earlier_version(&loaded.sources, &loaded.snapshot, change);
    let estate = Estate { earlier: &earlier, current: network.snapshot, assumptions: network.assumptions, told: &told };
    let mut out = change::history(&estate, (network, rows), servers, past.changes.clone());
    out.captures.clone_from(captures);
    out
}
