//! The health report for reading (interface.md A5c).

use super::{HealthReport, agreement, server_name, taken};
use crate::attribute::{Class, ManagementVerdict, Recorded, ServerFinding};
use crate::diagnostic::Sources;
use crate::report::text::{Look, printable};
use crate::solve::Verdict;
use std::io::{self, Write};

/// The report for reading.
pub fn text(report: &HealthReport<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let a = report.attribution;
    for (file, capture) in report.records {
        writeln!(out, "record  {}  taken {}", printable(file), taken(capture))?;
    }
    writeln!(out, "{}\n", printable(report.headline))?;
    let mut gateway = "";
    for found in &a.servers {
        if found.gateway != gateway {
            gateway = &found.gateway;
            writeln!(out, "{}  {}\n", printable(gateway), states(&a.servers, gateway))?;
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
    for found in &a.servers {
        if let Some(prediction) = &found.latent {
            let line = format!("{} is healthy now; {prediction}", server_name(found));
            wrapped("latent  ", &printable(&line), out)?;
        }
    }
    if let Some(agreement) = agreement(a).filter(|_| a.calibration.contradicted > 0 || a.servers.len() > 1) {
        wrapped("check   ", &printable(&agreement), out)?;
    }
    for assumption in report.assumptions {
        writeln!(out, "assumed {}", printable(assumption))?;
    }
    writeln!(out, "note    firewalls inside the guest are not modelled [GP810]")
}

/// `8 servers: 4 Healthy, 3 Unhealthy, 1 Unknown`.
fn states(servers: &[ServerFinding], gateway: &str) -> String {
    let own: Vec<&ServerFinding> = servers.iter().filter(|found| found.gateway == gateway).collect();
    let words = |state: Recorded| match state {
        Recorded::Up => "Healthy",
        Recorded::Down => "Unhealthy",
        other => other.word(),
    };
    let order = [
        Recorded::Up,
        Recorded::Down,
        Recorded::Partial,
        Recorded::Unknown,
        Recorded::Draining,
        Recorded::Absent,
        Recorded::Empty,
    ];
    let counts = order.iter().filter_map(|state| {
        let count = own.iter().filter(|found| found.recorded == *state).count();
        (count > 0).then(|| format!("{count} {}", words(*state)))
    });
    let counts: Vec<String> = counts.collect();
    let servers = if own.len() == 1 { "1 server".to_owned() } else { format!("{} servers", own.len()) };
    format!("{servers}: {}", counts.join(", "))
}

fn server_text(found: &ServerFinding, sources: &Sources, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let name = server_name(found);
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
