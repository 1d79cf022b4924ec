//! Findings as JSON objects (design.md, output contract) and as text with an excerpt of the file.

use super::text::{Look, printable};
use crate::diagnostic::{Diagnostic, Severity, Source, Sources, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use std::ops::Range;

/// A finding as it is printed in JSON.
#[derive(Debug, Clone, Serialize)]
pub struct FindingJson {
    code: &'static str,
    name: &'static str,
    azure_error: Option<&'static str>,
    severity: Severity,
    resource: Option<String>,
    rule: Option<String>,
    message: String,
    help: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    pointer: Option<String>,
}

impl FindingJson {
    /// Takes a finding and works out its place.
    pub fn new(finding: &Diagnostic, sources: &Sources) -> Self {
        let place = finding.span.and_then(|span| sources.locate(span));
        FindingJson {
            code: finding.code.code,
            name: finding.code.name,
            azure_error: finding.azure_error,
            severity: finding.severity,
            resource: finding.resource.clone(),
            rule: finding.rule.clone(),
            message: finding.message.clone(),
            help: finding.help.clone(),
            file: place.as_ref().map(|place| place.file.clone()),
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            pointer: place.and_then(|place| place.pointer),
        }
    }
}

/// All findings as JSON objects.
pub fn json(findings: &[Diagnostic], sources: &Sources) -> Vec<FindingJson> {
    findings.iter().map(|finding| FindingJson::new(finding, sources)).collect()
}

/// One line: `error[GP201] file:1:2: message`.
pub fn line(finding: &Diagnostic, sources: &Sources) -> String {
    let place = finding.span.map(|span| sources.short(span)).filter(|place| !place.is_empty());
    let place = place.map(|place| format!("{}: ", printable(&place))).unwrap_or_default();
    format!("{}[{}] {place}{}", finding.severity.word(), finding.code.code, printable(&finding.message))
}

/// Lines before and after the marked one that an excerpt shows.
const CONTEXT_LINES: usize = 2;
/// Longer lines (minified JSON) are not shown.
const LONGEST_LINE: usize = 160;

/// A finding with an excerpt of its file, where the lines are short enough to read.
pub fn excerpt(finding: &Diagnostic, sources: &Sources, look: Look) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = printable(&finding.message).into_owned();
    let title = level.primary_title(message).id(finding.code.code);
    let place = finding.span.and_then(|span| Some((span, sources.get(span.file)?)));
    let group = match place {
        None => Group::with_title(title),
        Some((span, source)) => {
            let name = printable(&source.name).into_owned();
            match window(source, span) {
                Some(window) => {
                    let mark = AnnotationKind::Primary.span(window.mark);
                    title
                        .element(Snippet::source(window.text).path(name).line_start(window.first_line).annotation(mark))
                }
                None => {
                    let (line, column) = source.line_column(span.start);
                    title.element(Origin::path(name).line(line).char_column(column))
                }
            }
        }
    };
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let mut out = renderer.render(&[group]).trim_end().to_owned();
    out.push('\n');
    for (span, label) in &finding.labels {
        out.push_str(&format!("   ::: {}: {}\n", printable(&sources.short(*span)), printable(label)));
    }
    if let Some(pointer) = finding.span.and_then(|span| sources.locate(span)).and_then(|place| place.pointer) {
        out.push_str(&format!("   = at: {}\n", printable(&pointer)));
    }
    if let Some(help) = &finding.help {
        out.push_str(&format!("   = help: {}\n", printable(help)));
    }
    if let Some(azure) = finding.azure_error {
        out.push_str(&format!("   = Azure: {azure}\n"));
    }
    out
}

struct Window {
    text: String,
    first_line: usize,
    mark: Range<usize>,
}

/// The lines around a span; `None` where one is too long, or the span has no text.
fn window(source: &Source, span: Span) -> Option<Window> {
    let range = span.range();
    if range.is_empty() || range.end > source.text.len() {
        return None;
    }
    let (line, _) = source.line_column(span.start);
    let first_line = line.saturating_sub(CONTEXT_LINES).max(1);
    let mut start = 0;
    for _ in 1..first_line {
        start += source.text.get(start..)?.find('\n')? + 1;
    }
    // A long value (a whole resource) is marked on its first line only.
    let value_end = source.text.get(range.clone())?.find('\n').map_or(range.end, |at| range.start + at);
    let mut end = value_end;
    for _ in 0..=CONTEXT_LINES {
        match source.text.get(end..)?.find('\n') {
            Some(at) => end += at + 1,
            None => end = source.text.len(),
        }
    }
    let text = source.text.get(start..end)?;
    if text.lines().any(|line| line.len() > LONGEST_LINE) {
        return None;
    }
    Some(Window {
        text: text.to_owned(),
        first_line,
        mark: range.start.checked_sub(start)?..value_end.checked_sub(start)?,
    })
}
