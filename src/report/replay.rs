//! Recorded questions asked again: JSON by design.md, and text.

use super::finding::{self, FindingJson};
use super::text::{Look, printable};
use crate::diagnostic::{Diagnostic, Sources, Span};
use crate::solve::replay::{Question, Replay, Values};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, Write};

/// What is printed.
#[derive(Debug)]
pub struct ReplayReport<'r> {
    /// The outcome.
    pub replay: &'r Replay,
    /// The texts, for places.
    pub sources: &'r Sources,
    /// Findings about the input.
    pub findings: &'r [Diagnostic],
}

#[derive(Serialize)]
struct ReplayJson<'r> {
    schema: &'static str,
    asked: usize,
    agreed: usize,
    undecided: usize,
    disagreements: Vec<DisagreementJson<'r>>,
    undecided_because: Vec<UndecidedJson<'r>>,
    not_compared: &'r [String],
    diagnostics: Vec<FindingJson>,
}

#[derive(Serialize)]
struct QuestionJson<'r> {
    operation: &'r str,
    asked: Pairs<'r>,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

#[derive(Serialize)]
struct DisagreementJson<'r> {
    question: QuestionJson<'r>,
    azure: Pairs<'r>,
    ours: Pairs<'r>,
    differences: &'r [String],
    azure_trace: &'r [String],
    our_trace: &'r [String],
}

#[derive(Serialize)]
struct UndecidedJson<'r> {
    question: QuestionJson<'r>,
    why: &'r str,
}

/// Named values as an object; of a name that stands twice, a list.
struct Pairs<'r>(&'r Values);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (place, (name, value)) in self.0.iter().enumerate() {
            let all: Vec<&String> = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
            let repeated = self.0.iter().take(place).any(|(other, _)| other == name);
            match all.as_slice() {
                [_] => map.serialize_entry(name, value)?,
                _ if repeated => {}
                many => map.serialize_entry(name, many)?,
            }
        }
        map.end()
    }
}

fn question<'r>(question: &'r Question, sources: &Sources) -> QuestionJson<'r> {
    let place = sources.locate(question.span);
    QuestionJson {
        operation: &question.operation,
        asked: Pairs(&question.values),
        file: place.as_ref().map(|place| place.file.clone()),
        line: place.as_ref().map(|place| place.line),
        column: place.as_ref().map(|place| place.column),
    }
}

/// The outcome as a JSON document.
pub fn json(report: &ReplayReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let ReplayReport { replay, sources, findings } = report;
    let document = ReplayJson {
        schema: "gatepath/replay/1",
        asked: replay.asked,
        agreed: replay.agreed,
        undecided: replay.undecided.len(),
        disagreements: replay
            .disagreements
            .iter()
            .map(|found| DisagreementJson {
                question: question(&found.question, sources),
                azure: Pairs(&found.difference.azure),
                ours: Pairs(&found.difference.ours),
                differences: &found.difference.differences,
                azure_trace: &found.difference.azure_trace,
                our_trace: &found.difference.our_trace,
            })
            .collect(),
        undecided_because: replay
            .undecided
            .iter()
            .map(|found| UndecidedJson { question: question(&found.question, sources), why: &found.why })
            .collect(),
        not_compared: &replay.remarks,
        diagnostics: finding::json(findings, sources),
    };
    super::write_json(&document, out)
}

/// The outcome for reading.
pub fn text(report: &ReplayReport<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let replay = report.replay;
    for found in &replay.disagreements {
        let difference = &found.difference;
        head(&look.bad("DISAGREES"), &found.question, report.sources, out)?;
        line("Azure", &words(&difference.azure), out)?;
        line("here", &words(&difference.ours), out)?;
        each("differs", &difference.differences, out)?;
        each("Azure's trace", &difference.azure_trace, out)?;
        each("our trace", &difference.our_trace, out)?;
        writeln!(out)?;
    }
    for found in &replay.undecided {
        head(&look.unsure("UNDECIDED"), &found.question, report.sources, out)?;
        line("why", &found.why, out)?;
        writeln!(out)?;
    }
    for remark in &replay.remarks {
        writeln!(out, "note    {}", printable(remark))?;
    }
    let (disagree, undecided) = (replay.disagreements.len(), replay.undecided.len());
    writeln!(out, "{} asked, {} agreed, {disagree} disagreed, {undecided} undecided", replay.asked, replay.agreed)
}

fn head(word: &str, question: &Question, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{word}  {}  {}", printable(&question.operation), printable(&place(sources, question.span)))?;
    line("asked", &words(&question.values), out)
}

fn place(sources: &Sources, span: Span) -> String {
    sources.locate(span).map(|place| format!("{}:{}:{}", place.file, place.line, place.column)).unwrap_or_default()
}

fn words(values: &Values) -> String {
    // Of an id the last part: JSON has it whole.
    let shown = |value: &str| match value.strip_prefix("/subscriptions/") {
        Some(id) => id.rsplit('/').next().unwrap_or_default().to_owned(),
        None if value.is_empty() => "-".to_owned(),
        None => value.to_owned(),
    };
    values.iter().map(|(name, value)| format!("{name} {}", shown(value))).collect::<Vec<_>>().join(", ")
}

fn line(label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {label:<14}{}", printable(text))
}

fn each(label: &str, lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    for (number, text) in lines.iter().enumerate() {
        line(if number == 0 { label } else { "" }, text, out)?;
    }
    Ok(())
}
