//! Findings of `lint`: JSON by design.md, CSV, and text with excerpts.

use super::finding::{self, FindingJson};
use super::text::{Look, csv_cell};
use crate::diagnostic::{Diagnostic, Severity, Sources};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct LintJson {
    schema: &'static str,
    summary: Summary,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
}

fn summary(findings: &[Diagnostic]) -> Summary {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    Summary { errors: count(Severity::Error), warnings: count(Severity::Warning), notes: count(Severity::Note) }
}

/// Findings as a JSON document.
pub fn json(findings: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let document =
        LintJson { schema: "gatepath/lint/1", summary: summary(findings), findings: finding::json(findings, sources) };
    super::write_json(&document, out)
}

/// Findings as CSV.
pub fn csv(findings: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "code",
        "name",
        "azure_error",
        "severity",
        "resource",
        "rule",
        "message",
        "help",
        "file",
        "line",
        "column",
        "pointer",
    ])?;
    for finding in findings {
        let place = finding.span.and_then(|span| sources.locate(span));
        let number = |n: Option<usize>| n.map(|n| n.to_string()).unwrap_or_default();
        csv.write_record([
            finding.code.code,
            finding.code.name,
            finding.azure_error.unwrap_or_default(),
            finding.severity.word(),
            &csv_cell(finding.resource.as_deref().unwrap_or_default()),
            &csv_cell(finding.rule.as_deref().unwrap_or_default()),
            &csv_cell(&finding.message),
            &csv_cell(finding.help.as_deref().unwrap_or_default()),
            &csv_cell(place.as_ref().map(|p| p.file.as_str()).unwrap_or_default()),
            &number(place.as_ref().map(|p| p.line)),
            &number(place.as_ref().map(|p| p.column)),
            place.as_ref().and_then(|p| p.pointer.as_deref()).unwrap_or_default(),
        ])?;
    }
    csv.flush()
}

/// Findings for reading.
pub fn text(findings: &[Diagnostic], sources: &Sources, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        writeln!(out, "{}", finding::excerpt(finding, sources, look))?;
    }
    let Summary { errors, warnings, notes } = summary(findings);
    writeln!(out, "{errors} error(s), {warnings} warning(s), {notes} note(s)")
}
