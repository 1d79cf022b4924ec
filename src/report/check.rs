//! One question with its trace (interface.md A5a), and many flows as CSV or JSON.

use super::finding::{self, FindingJson};
use super::matrix::{AnswerJson, Tally};
use super::text::{Look, csv_cell, printable, table};
use crate::compile::{Network, Stage};
use crate::diagnostic::{Diagnostic, Location, Severity, Sources};
use crate::evaluate::matching::Known;
use crate::evaluate::trace::StepResult;
use crate::solve::explain::{Explanation, Tried};
use crate::solve::path::Decided;
use crate::solve::{Decision, Verdict};
use serde::Serialize;
use std::io::{self, Write};

/// A decided question with its explanation.
#[derive(Debug)]
pub struct CheckReport<'r, 'n> {
    /// The network.
    pub network: &'n Network<'n>,
    /// The texts, for places.
    pub sources: &'r Sources,
    /// Source as it is shown.
    pub from: String,
    /// Destination as it is shown.
    pub to: String,
    /// Protocol and port as they are shown: `tcp/8080`.
    pub service: String,
    /// The answer.
    pub decided: &'r Decided<'n>,
    /// Why.
    pub explanation: &'r Explanation<'n>,
    /// Findings to print beside the answer.
    pub findings: &'r [Diagnostic],
    /// Assumptions that were given.
    pub assumptions: &'r [String],
}

#[derive(Serialize)]
struct StepJson {
    stage: &'static str,
    place: String,
    resource: Option<String>,
    rule: Option<String>,
    priority: Option<i64>,
    result: &'static str,
    what: String,
    location: Option<Location>,
}

#[derive(Serialize)]
struct TriedJson {
    rule: String,
    priority: i64,
    access: Option<&'static str>,
    protocol: &'static str,
    source: &'static str,
    source_port: &'static str,
    destination: &'static str,
    destination_port: &'static str,
}

#[derive(Serialize)]
struct BlockerJson {
    stage: &'static str,
    resource: Option<String>,
    rule: Option<String>,
    location: Option<Location>,
}

#[derive(Serialize)]
struct CheckJson<'r> {
    schema: &'static str,
    from: &'r str,
    to: &'r str,
    service: &'r str,
    assumptions: &'r [String],
    #[serde(flatten)]
    answer: AnswerJson,
    trace: Vec<StepJson>,
    decider: Option<TriedJson>,
    near_misses: Vec<TriedJson>,
    blockers: Vec<BlockerJson>,
    verdict_without_blockers: Option<&'static str>,
    diagnostics: Vec<FindingJson>,
}

fn known(known: Known) -> &'static str {
    match known {
        Known::Yes => "yes",
        Known::No => "no",
        Known::Open => "unknown",
    }
}

fn tried_json(tried: &Tried<'_>) -> TriedJson {
    let access = tried.access.map(|access| if access == crate::model::Access::Allow { "allow" } else { "deny" });
    TriedJson {
        rule: tried.name.to_owned(),
        priority: tried.priority,
        access,
        protocol: known(tried.flags.protocol),
        source: known(tried.flags.source),
        source_port: known(tried.flags.source_port),
        destination: known(tried.flags.destination),
        destination_port: known(tried.flags.destination_port),
    }
}

/// One question as a JSON document.
pub fn json(report: &CheckReport<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let explanation = report.explanation;
    let trace = explanation.steps.iter().map(|step| StepJson {
        stage: step.at.stage.name(),
        place: step.place.clone(),
        resource: step.at.resource.map(str::to_owned),
        rule: step.at.rule.map(str::to_owned),
        priority: step.at.priority,
        result: step.result.word(),
        what: step.what.clone(),
        location: step.at.span.and_then(|span| report.sources.locate(span)),
    });
    let blockers = explanation.blockers.iter().map(|blocker| BlockerJson {
        stage: blocker.stage.name(),
        resource: blocker.resource.clone(),
        rule: blocker.rule.clone(),
        location: blocker.span.and_then(|span| report.sources.locate(span)),
    });
    let document = CheckJson {
        schema: "gatepath/check/1",
        from: &report.from,
        to: &report.to,
        service: &report.service,
        assumptions: report.assumptions,
        answer: AnswerJson::new(&report.decided.answer, report.sources),
        trace: trace.collect(),
        decider: explanation.decider.as_ref().map(tried_json),
        near_misses: explanation.near_misses.iter().map(tried_json).collect(),
        blockers: blockers.collect(),
        verdict_without_blockers: explanation.without_blockers.map(Verdict::word),
        diagnostics: finding::json(report.findings, report.sources),
    };
    super::write_json(&document, out)
}

/// One question for reading.
pub fn text(report: &CheckReport<'_, '_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let answer = &report.decided.answer;
    let verdict = look.word(answer.verdict.shout());
    writeln!(out, "{verdict}   {}  ->  {}  {}\n", printable(&report.from), printable(&report.to), report.service)?;
    steps(report, look, out)?;
    why(report, out)?;
    if answer.verdict == Verdict::Partial {
        parts(report.decided, out)?;
    }
    blockers(report, out)?;
    for missing in &answer.missing {
        writeln!(out, "need  {}", printable(&missing.what))?;
        if let Some(command) = &missing.command {
            writeln!(out, "        {}", printable(command))?;
        }
    }
    for regardless in &answer.regardless {
        writeln!(out, "sure  {} whatever these are: {}", answer.verdict.shout(), printable(&regardless.what))?;
    }
    for assumption in report.assumptions {
        writeln!(out, "assumed  {}", printable(assumption))?;
    }
    for note in report.findings {
        let place = note.span.map(|span| report.sources.short(span)).filter(|place| !place.is_empty());
        let place = place.map(|place| format!("{}: ", printable(&place))).unwrap_or_default();
        let word = if note.severity == Severity::Note { "note" } else { "warn" };
        writeln!(out, "{word}  {place}{} [{}]", printable(&note.message), note.code.code)?;
    }
    if answer.verdict == Verdict::Allow {
        writeln!(out, "note  firewalls inside the guest are not modelled [GP810]")?;
    }
    Ok(())
}

/// Which part of a partial answer is denied: some of the sources, or all of them at some of the servers.
fn parts(decided: &Decided<'_>, out: &mut dyn Write) -> io::Result<()> {
    let answer = &decided.answer;
    let differ = answer.differing_servers();
    if let Some(witness) = &decided.witness {
        let server = witness.branches.last().filter(|_| differ.is_some());
        let server = server.map(|server| format!(" at server {server}")).unwrap_or_default();
        writeln!(out, "flow  traced for source {}, one of those denied{server}", witness.flow.source)?;
    }
    let (denied, all) = (answer.denied.count(), answer.sources.count());
    if let Some(differ) = &differ {
        writeln!(out, "part  {differ}")?;
        if denied == all {
            return Ok(());
        }
    }
    let list: Vec<String> = answer.denied.cidrs().into_iter().map(crate::net::shown).collect();
    let place = if differ.is_some() { " at one server at least" } else { "" };
    writeln!(out, "part  {denied} of {all} source addresses are denied{place}: {}", list.join(", "))
}

/// The numbered hops.
fn steps(report: &CheckReport<'_, '_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .explanation
        .steps
        .iter()
        .enumerate()
        .map(|(number, step)| {
            let mark = match step.result {
                StepResult::Deny => "x",
                StepResult::Unknown => "?",
                _ => " ",
            };
            vec![
                format!("{mark} {}", number + 1),
                side(step.at.stage).to_owned(),
                step.place.clone(),
                step.at.resource.unwrap_or("-").to_owned(),
                step.what.clone(),
                step.result.word().to_owned(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        writeln!(out, "{}", table(&[], &rows, look, 5))?;
    }
    Ok(())
}

fn side(stage: Stage) -> &'static str {
    match stage {
        Stage::AdminOut | Stage::NsgOutNic | Stage::NsgOutSubnet => "out",
        Stage::Route => "route",
        Stage::Firewall => "via",
        Stage::Peering => "peer",
        Stage::AdminIn | Stage::NsgInSubnet | Stage::NsgInNic => "in",
        Stage::PrivateEndpoint => "pe",
        Stage::ReturnRoute => "back",
    }
}

fn why(report: &CheckReport<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let explanation = report.explanation;
    let Some(decider) = &explanation.decider else {
        return where_decided(report, out);
    };
    let verb = if decider.flags.excluded() { "decides" } else { "is the first rule by priority that matches" };
    writeln!(out, "why   {} {} {verb}:", decider.priority, printable(decider.name))?;
    let sides: Vec<String> = decider
        .sides()
        .into_iter()
        .map(|(dimension, written, flag)| {
            format!("{dimension} {} {}", printable(&written), if flag == Known::Yes { "ok" } else { "?" })
        })
        .collect();
    writeln!(out, "        {}", sides.join("   "))?;
    for miss in &explanation.near_misses {
        writeln!(
            out,
            "      {} {} would allow but for the {}",
            miss.priority,
            printable(miss.name),
            printable(&miss.misses_in_words())
        )?;
    }
    if let Some(later) = explanation.unreached.as_ref().filter(|_| report.decided.answer.verdict != Verdict::Allow) {
        writeln!(out, "      {} {} would allow it but is never reached", later.priority, printable(later.name))?;
    }
    where_decided(report, out)
}

fn where_decided(report: &CheckReport<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let span = report.decided.answer.decision.as_ref().and_then(|decision| decision.span);
    let Some(place) = span.and_then(|span| report.sources.locate(span)) else { return Ok(()) };
    let pointer = place.pointer.map(|pointer| format!("  ({pointer})")).unwrap_or_default();
    writeln!(out, "at    {}:{}:{}{}", printable(&place.file), place.line, place.column, printable(&pointer))
}

fn blocker_words(blocker: &Decision) -> String {
    let words: Vec<&str> = blocker.resource.iter().chain(&blocker.rule).map(String::as_str).collect();
    if words.is_empty() { format!("{} (system route)", blocker.stage) } else { words.join(" ") }
}

fn blockers(report: &CheckReport<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let explanation = report.explanation;
    if explanation.blockers.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = explanation.blockers.iter().map(blocker_words).collect();
    write!(out, "all   {} blocker(s) on the whole path: {}.", list.len(), printable(&list.join("; ")))?;
    match explanation.without_blockers {
        Some(verdict) => writeln!(out, " Without them the path is {} (re-evaluated).", verdict.shout()),
        None => writeln!(out, " The last one cannot be taken away by itself."),
    }
}

/// One flow of a flows file with its answer.
#[derive(Debug)]
pub struct FlowRow<'n> {
    /// The five input cells as written.
    pub cells: [String; 5],
    /// The answer.
    pub decided: Decided<'n>,
}

const FLOW_COLUMNS: [&str; 9] =
    ["source", "destination", "protocol", "source_port", "destination_port", "verdict", "stage", "resource", "rule"];

/// Flows as CSV, input order kept.
pub fn flows_csv(rows: &[FlowRow<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(FLOW_COLUMNS)?;
    for row in rows {
        let answer = &row.decided.answer;
        let mut record: Vec<String> = row.cells.to_vec();
        record.push(answer.verdict.word().to_owned());
        record.push(answer.stage().map_or("", |stage| stage.name()).to_owned());
        record.push(csv_cell(answer.resource().unwrap_or_default()).into_owned());
        record.push(csv_cell(answer.rule().unwrap_or_default()).into_owned());
        csv.write_record(&record)?;
    }
    csv.flush()
}

#[derive(Serialize)]
struct FlowJson<'r> {
    source: &'r str,
    destination: &'r str,
    protocol: &'r str,
    source_port: &'r str,
    destination_port: &'r str,
    #[serde(flatten)]
    answer: AnswerJson,
}

#[derive(Serialize)]
struct FlowsJson<'r> {
    schema: &'static str,
    assumptions: &'r [String],
    summary: Tally,
    flows: Vec<FlowJson<'r>>,
    diagnostics: Vec<FindingJson>,
}

/// Flows as a JSON document.
pub fn flows_json(
    rows: &[FlowRow<'_>],
    sources: &Sources,
    findings: &[Diagnostic],
    assumptions: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    let flows = rows.iter().map(|row| {
        let [source, destination, protocol, source_port, destination_port] = &row.cells;
        let answer = AnswerJson::new(&row.decided.answer, sources);
        FlowJson { source, destination, protocol, source_port, destination_port, answer }
    });
    let document = FlowsJson {
        schema: "gatepath/flows/1",
        assumptions,
        summary: Tally::of(rows.iter().map(|row| row.decided.answer.verdict)),
        flows: flows.collect(),
        diagnostics: finding::json(findings, sources),
    };
    super::write_json(&document, out)
}

/// Flows for reading.
pub fn flows_text(rows: &[FlowRow<'_>], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut line: Vec<String> = row.cells.to_vec();
            line.push(row.decided.answer.verdict.shout().to_owned());
            line.push(super::matrix::decider(&row.decided.answer));
            line
        })
        .collect();
    let header = ["source", "destination", "protocol", "source port", "port", "verdict", "decided by"];
    writeln!(out, "{}", table(&header, &lines, look, 5))?;
    let tally = Tally::of(rows.iter().map(|row| row.decided.answer.verdict));
    writeln!(
        out,
        "{} reachable, {} partial, {} blocked, {} unknown",
        tally.allow, tally.partial, tally.deny, tally.unknown
    )
}
