//! The health report as Markdown, for an incident ticket: what is wrong, why, what to do, and the evidence.

use super::{HealthReport, agreement, server_name, taken};
use crate::attribute::{Class, ManagementVerdict, Recorded, ServerFinding};
use crate::report::text::markdown as safe;
use std::io::{self, Write};

/// The report: headline, causes, a table of all servers, a section for each server that is not healthy, what waits on
/// healthy ones, the management path, and how far model and records agree.
pub fn markdown(report: &HealthReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let a = report.attribution;
    writeln!(out, "# Backend health\n\n**{}**\n", safe(report.headline))?;
    for (file, capture) in report.records {
        writeln!(out, "- Record {}, taken {}", safe(file), taken(capture))?;
    }
    for cause in a.common_causes.iter().filter(|cause| cause.servers.len() > 1) {
        writeln!(out, "- Common cause: {}", safe(&cause.explanation))?;
    }
    if let Some(agreement) = agreement(a) {
        writeln!(out, "- {}.", safe(&agreement))?;
    }
    for assumption in report.assumptions {
        writeln!(out, "- Assumed: {}", safe(assumption))?;
    }
    table(&a.servers, out)?;
    for found in a.servers.iter().filter(|found| !quiet(found)) {
        section(found, report, out)?;
    }
    let latent: Vec<&ServerFinding> = a.servers.iter().filter(|found| found.latent.is_some()).collect();
    if !latent.is_empty() {
        writeln!(out, "\n## Healthy now, and at risk\n")?;
        for found in latent {
            let prediction = found.latent.as_deref().unwrap_or_default();
            writeln!(out, "- {}: {}.", safe(&server_name(found)), safe(prediction))?;
        }
    }
    if !a.management.is_empty() {
        writeln!(out, "\n## Management path\n")?;
        for m in &a.management {
            let verdict = match m.verdict {
                ManagementVerdict::Allow => "allowed",
                ManagementVerdict::Deny => "**blocked**",
                ManagementVerdict::Unknown => "unknown",
            };
            writeln!(out, "- {}: {verdict}. {}", safe(&m.gateway), safe(&m.explanation))?;
        }
    }
    writeln!(out, "\nFirewalls inside the guest are not modelled (GP810).")
}

/// Nothing to say beyond the table's row.
fn quiet(found: &ServerFinding) -> bool {
    found.class == Class::HealthyConsistent && found.also.is_empty() && found.latent.is_none()
}

fn table(servers: &[ServerFinding], out: &mut dyn Write) -> io::Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| gateway | server | pool / setting | recorded | path | attribution | confidence | decided by |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for found in servers {
        let state = match found.recorded {
            Recorded::Up => "Healthy",
            Recorded::Down => "**Unhealthy**",
            other => other.word(),
        };
        let by: Vec<&str> = found.resource().into_iter().chain(found.rule()).collect();
        writeln!(
            out,
            "| {} | {} | {} / {} | {state} | {} | {} | {} | {} |",
            safe(&found.gateway),
            safe(&server_name(found)),
            safe(&found.pool),
            safe(&found.setting),
            found.verdict().shout(),
            found.class.name(),
            found.confidence.word(),
            safe(&by.join(" ")),
        )?;
    }
    Ok(())
}

fn section(found: &ServerFinding, report: &HealthReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n## {}: {}\n", safe(&server_name(found)), found.class.name())?;
    writeln!(out, "{}", safe(&found.explanation))?;
    if let Some(text) = found.message_text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        writeln!(out, "\n- Probe message: \"{}\"", safe(text))?;
    } else if found.decision.is_some() || !found.next_steps.is_empty() {
        writeln!(out)?;
    }
    if let Some(place) = found.decision.as_ref().and_then(|d| d.span).map(|span| report.sources.short(span)) {
        writeln!(out, "- Decided at {}", safe(&place))?;
    }
    for step in &found.next_steps {
        writeln!(out, "- Next: {}", safe(step))?;
    }
    Ok(())
}
