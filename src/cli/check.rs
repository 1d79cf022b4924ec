//! `gatepath check`: one question with its trace, or a file of flows.

use super::args::{CheckArgs, Format};
use super::{CliError, Io, endpoint, exit_code, load, look};
use crate::compile::Network;
use crate::compile::cuts::{Cuts, Side};
use crate::diagnostic::Diagnostic;
use crate::ingest::Loaded;
use crate::net::{AddressSet, Protocol, parse_address};
use crate::report::check::{CheckReport, FlowRow, flows_csv, flows_json, flows_text, json, text};
use crate::solve::explain::{Explanation, explain};
use crate::solve::path::{Decided, Options, SourceGroup, Sources, Target, decide};
use crate::solve::{Verdict, anomaly};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::io::Read;

/// Exit 1 where a path is blocked or partial, 3 where one is unknown.
pub(super) fn run(args: &CheckArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let loaded = load::load(&args.common, &[], io)?;
    load::require_usable(&loaded, io)?;
    let network = Network::compile(&loaded.snapshot, load::assumptions(&args.common));
    if !args.common.output.quiet {
        load::messages(&loaded.findings, &loaded, io)?;
    }
    let verdicts = match &args.flows {
        Some(_) => flows(args, &network, &loaded, io)?,
        None => vec![one(args, &network, &loaded, io)?],
    };
    let has = |wanted: &[Verdict]| verdicts.iter().any(|verdict| wanted.contains(verdict));
    Ok(exit_code(has(&[Verdict::Deny, Verdict::Partial]), has(&[Verdict::Unknown]), args.common.on_unknown))
}

fn one(args: &CheckArgs, network: &Network<'_>, loaded: &Loaded, io: &mut Io<'_>) -> Result<Verdict, CliError> {
    let protocol = protocol(&args.proto)?;
    let to = endpoint::to(network, args.to.as_deref().unwrap_or_default())?;
    let port = match (protocol.has_ports(), to.port) {
        (true, Some(port)) => port,
        (true, None) => {
            return Err(CliError::Usage(format!("--to needs a port for {}: {}:443", args.proto, to.address)));
        }
        (false, None) => 0,
        (false, Some(_)) => return Err(CliError::Usage(format!("{} has no ports", args.proto))),
    };
    let from = endpoint::from(network, args.from.as_deref(), to.address.is_ipv4())?;
    let sources = Sources::cut(&Cuts::of(network, Side::Source), &from.groups, args.src_port);
    let target = Target { destination: to.address, protocol, port, model: None };
    let format = args.common.output.format;
    if matches!(format, Format::AzureDiag | Format::AzureIpflow) {
        return super::azure::answer(network, &sources, &from, target, format, io);
    }
    let decided = decide(network, &sources, target, Options::default());
    let explanation = explain(network, &sources, target, &decided);
    let findings = beside(network, &decided, &explanation);
    let assumptions = load::used_assumptions(decided.answer.notes.iter());
    let name = protocol.to_string().to_ascii_lowercase();
    let report = CheckReport {
        network,
        sources: &loaded.sources,
        from: from.shown,
        to: to.shown,
        service: if protocol.has_ports() { format!("{name}/{port}") } else { name },
        decided: &decided,
        explanation: &explanation,
        findings: &findings,
        assumptions: &assumptions,
    };
    match args.common.output.format {
        Format::Text => text(&report, look(args.common.output.color, io), io.out)?,
        Format::Json => json(&report, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Csv => {
            return Err(CliError::Usage("one question prints text or json; csv goes with --flows".to_owned()));
        }
    }
    Ok(decided.answer.verdict)
}

/// What else there is to say: remarks of the evaluation, and lint findings of the NSGs and tables on the way.
fn beside(network: &Network<'_>, decided: &Decided<'_>, explanation: &Explanation<'_>) -> Vec<Diagnostic> {
    let on_the_way: BTreeSet<&str> = explanation.steps.iter().filter_map(|step| step.at.resource).collect();
    let touched = |finding: &Diagnostic| {
        let id = finding.resource.as_deref().map(crate::model::ResourceId::new);
        id.is_some_and(|id| on_the_way.contains(network.name(&id).as_str()))
    };
    let mut out: Vec<Diagnostic> = anomaly::lint(network).into_iter().filter(touched).collect();
    out.extend(decided.answer.notes.iter().cloned());
    crate::diagnostic::sort(&mut out);
    out
}

fn protocol(text: &str) -> Result<Protocol, CliError> {
    Protocol::parse(text).ok_or_else(|| CliError::Usage(format!("{text} is no protocol: tcp, udp, icmp, esp or ah")))
}

const COLUMNS: [&str; 5] = ["source", "destination", "protocol", "source_port", "destination_port"];

fn flows(args: &CheckArgs, network: &Network<'_>, loaded: &Loaded, io: &mut Io<'_>) -> Result<Vec<Verdict>, CliError> {
    let text = read_flows(args, io)?;
    let cells = parse(&text)?;
    let cuts = Cuts::of(network, Side::Source);
    let rows: Result<Vec<FlowRow<'_>>, CliError> = cells
        .into_par_iter()
        .enumerate()
        .map(|(index, cells)| {
            let decided = flow(network, &cuts, &cells)
                .map_err(|what| CliError::Usage(format!("flows line {}: {what}", index + 2)))?;
            Ok(FlowRow { cells, decided })
        })
        .collect();
    let rows = rows?;
    match args.common.output.format {
        Format::Csv => flows_csv(&rows, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Text => flows_text(&rows, look(args.common.output.color, io), io.out)?,
        Format::Json => {
            let notes = rows.iter().flat_map(|row| row.decided.answer.notes.iter().cloned());
            let mut findings: Vec<Diagnostic> = loaded.findings.iter().cloned().chain(notes).collect();
            let assumptions = load::used_assumptions(findings.iter());
            findings.extend(anomaly::lint(network));
            crate::diagnostic::sort(&mut findings);
            flows_json(&rows, &loaded.sources, &findings, &assumptions, io.out)?;
        }
    }
    Ok(rows.iter().map(|row| row.decided.answer.verdict).collect())
}

fn read_flows(args: &CheckArgs, io: &mut Io<'_>) -> Result<String, CliError> {
    let path = args.flows.clone().unwrap_or_default();
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let limit = args.common.output.limit_bytes;
    let read = if name == "-" {
        io.stdin.take(limit.saturating_add(1)).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(&path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
    };
    let read = read.map_err(|error| CliError::Usage(format!("{name}: {error}")))?;
    if read as u64 > limit {
        return Err(CliError::Usage(format!("{name} is larger than {limit} bytes")));
    }
    crate::ingest::text_of(&name, bytes).map_err(CliError::Usage)
}

/// Rows of the five columns, which may stand in any order and letter case among others.
fn parse(text: &str) -> Result<Vec<[String; 5]>, CliError> {
    let bad = |error: csv::Error| CliError::Usage(format!("flows: {error}"));
    let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = csv.headers().map_err(bad)?.clone();
    let mut places = Vec::new();
    for column in COLUMNS {
        let place = header.iter().position(|name| name.eq_ignore_ascii_case(column));
        let optional = column == "source_port";
        match place {
            Some(place) => places.push(Some(place)),
            None if optional => places.push(None),
            None => {
                return Err(CliError::Usage(format!(
                    "flows: column {column} is missing; columns are {}",
                    COLUMNS.join(",")
                )));
            }
        }
    }
    let mut rows = Vec::new();
    for record in csv.records() {
        let record = record.map_err(bad)?;
        let cell = |n: usize| {
            places.get(n).copied().flatten().and_then(|place| record.get(place)).unwrap_or_default().to_owned()
        };
        rows.push([cell(0), cell(1), cell(2), cell(3), cell(4)]);
    }
    if rows.is_empty() {
        return Err(CliError::Usage("flows: the file holds no flow".to_owned()));
    }
    Ok(rows)
}

fn flow<'n>(network: &'n Network<'n>, cuts: &Cuts, cells: &[String; 5]) -> Result<Decided<'n>, String> {
    let [source, destination, protocol, source_port, destination_port] = cells;
    let address = |text: &str| parse_address(text).ok_or_else(|| format!("{text:?} is no address"));
    let port = |text: &str| -> Result<Option<u16>, String> {
        if text.is_empty() || text == "*" {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| format!("{text:?} is no port"))
    };
    let protocol = Protocol::parse(protocol).ok_or_else(|| format!("{protocol:?} is no protocol"))?;
    let destination_port = match (protocol.has_ports(), port(destination_port)?) {
        (true, Some(port)) => port,
        (true, None) => return Err("a destination port is needed".to_owned()),
        (false, None) => 0,
        (false, Some(_)) => return Err(format!("{protocol} has no ports")),
    };
    let source_port = if protocol.has_ports() { port(source_port)? } else { Some(0) };
    let addresses: AddressSet = std::iter::once(address(source)?).collect();
    let sources = Sources::cut(cuts, &[SourceGroup { addresses, subnet: None }], source_port);
    let target = Target { destination: address(destination)?, protocol, port: destination_port, model: None };
    Ok(decide(network, &sources, target, Options::default()))
}
