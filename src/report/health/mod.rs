//! Recorded health joined with paths: text (interface.md A5c), JSON and CSV by design.md's contract, Markdown for a ticket.

mod csv;
mod json;
mod markdown;
mod text;

pub use csv::csv;
pub use json::json;
pub use markdown::markdown;
pub use text::text;

use crate::attribute::capture::{Capture, TimeBasis};
use crate::attribute::{Attribution, Class, CommonCause, Recorded, ServerFinding};
use crate::diagnostic::{Diagnostic, Sources};

/// Everything that a health report shows.
#[derive(Debug)]
pub struct HealthReport<'r> {
    /// The headline, about every server; filters do not change it.
    pub headline: &'r str,
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

/// When a record was taken, in words.
fn taken(capture: &Capture) -> String {
    match (capture.time, capture.basis) {
        (Some(time), TimeBasis::FileName) => format!("{time} (from the file name)"),
        (Some(time), TimeBasis::Record) => format!("{time} (its newest row)"),
        (Some(time), _) => format!("{time} (--at)"),
        (None, _) => "at an unknown time (give --at)".to_owned(),
    }
}

/// How far model and records agree; `None` where there is nothing to compare.
fn agreement(attribution: &Attribution) -> Option<String> {
    let c = attribution.calibration;
    if c.states == 0 {
        return None;
    }
    let mut out = format!("The model explains {} of {} recorded states", c.explained, c.states);
    if c.contradicted > 0 {
        out.push_str(": the others answer, or are healthy, on a path that it denies; the record wins there");
    }
    if c.withheld > 0 {
        let claims = if c.withheld == 1 { "1 claim".to_owned() } else { format!("{} claims", c.withheld) };
        out.push_str(&format!("; {claims} about the network withheld to possible"));
    }
    Some(out)
}

/// The server with the probed port, as texts name it.
fn server_name(found: &ServerFinding) -> String {
    let port = found.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", found.server.as_deref().unwrap_or("(no server)"))
}
