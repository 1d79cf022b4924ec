//! The snapshot at which a path's verdict turned, and what turned it: text and JSON.

use super::text::{Look, printable};
use crate::diagnostic::{Location, Sources, Span};
use crate::model::{Difference, label};
use crate::solve::bisect::Culprits;
use crate::solve::{Answer, Verdict};
use serde::Serialize;
use std::io::{self, Write};

/// One snapshot and what it answers; `None` where it does not hold the source.
#[derive(Debug)]
pub struct State {
    /// As given.
    pub name: String,
    /// When it was taken.
    pub time: Option<jiff::Timestamp>,
    /// Its answer.
    pub answer: Option<Answer>,
}

/// What is printed.
#[derive(Debug)]
pub struct BisectReport<'r> {
    /// Source as named.
    pub from: &'r str,
    /// Destination and port as named.
    pub to: &'r str,
    /// Snapshots, oldest first.
    pub states: &'r [State],
    /// Index of the first snapshot whose verdict is another one than before, and what turned it.
    pub turned: Option<(usize, Culprits)>,
    /// The texts, for places.
    pub sources: &'r Sources,
}

#[derive(Serialize)]
struct StateJson<'r> {
    snapshot: &'r str,
    time: Option<String>,
    verdict: Option<&'static str>,
    stage: Option<&'static str>,
    resource: Option<&'r str>,
    rule: Option<&'r str>,
    location: Option<Location>,
}

#[derive(Serialize)]
struct CulpritJson<'r> {
    change: String,
    resource: &'r str,
    kind: &'static str,
    before: Option<Location>,
    after: Option<Location>,
}

#[derive(Serialize)]
struct TurnedJson<'r> {
    snapshot: &'r str,
    time: Option<String>,
    before: Option<&'static str>,
    after: Option<&'static str>,
    differences: usize,
    each_alone: bool,
    culprits: Vec<CulpritJson<'r>>,
}

#[derive(Serialize)]
struct BisectJson<'r> {
    schema: &'static str,
    from: &'r str,
    to: &'r str,
    snapshots: Vec<StateJson<'r>>,
    turned: Option<TurnedJson<'r>>,
}

impl State {
    fn verdict(&self) -> Option<Verdict> {
        self.answer.as_ref().map(|answer| answer.verdict)
    }

    fn word(&self) -> Option<&'static str> {
        self.verdict().map(Verdict::word)
    }
}

/// What happened to a resource between the snapshots.
fn kind(difference: &Difference) -> &'static str {
    match (difference.existed, difference.exists) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "changed",
    }
}

/// One JSON document.
pub fn json(report: &BisectReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let place = |span: Option<Span>| span.and_then(|span| report.sources.locate(span));
    let states = report.states.iter().map(|state| {
        let answer = state.answer.as_ref();
        StateJson {
            snapshot: &state.name,
            time: state.time.map(|time| time.to_string()),
            verdict: state.word(),
            stage: answer.and_then(Answer::stage).map(|stage| stage.name()),
            resource: answer.and_then(Answer::resource),
            rule: answer.and_then(Answer::rule),
            location: place(answer.and_then(|answer| answer.decision.as_ref()).and_then(|decision| decision.span)),
        }
    });
    let turned = report.turned.as_ref().and_then(|(index, culprits)| {
        let state = report.states.get(*index)?;
        let earlier = index.checked_sub(1).and_then(|index| report.states.get(index));
        let culprit = |one| culprit(one, &place);
        Some(TurnedJson {
            snapshot: &state.name,
            time: state.time.map(|time| time.to_string()),
            before: earlier.and_then(State::word),
            after: state.word(),
            differences: culprits.differences,
            each_alone: culprits.each_alone,
            culprits: culprits.found.iter().map(culprit).collect(),
        })
    });
    let document = BisectJson {
        schema: "gatepath/bisect/1",
        from: report.from,
        to: report.to,
        snapshots: states.collect(),
        turned,
    };
    super::write_json(&document, out)
}

fn culprit<'r>(one: &'r Difference, place: &dyn Fn(Option<Span>) -> Option<Location>) -> CulpritJson<'r> {
    CulpritJson {
        change: label(&one.id),
        resource: one.id.as_str(),
        kind: kind(one),
        before: place(one.before),
        after: place(one.after),
    }
}

/// For reading.
pub fn text(report: &BisectReport<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}  ->  {}\n", printable(report.from), printable(report.to))?;
    for state in report.states {
        let time = state.time.map_or_else(String::new, |time| format!("{time}  "));
        let verdict = state.verdict().map_or_else(|| "no such source".to_owned(), |v| look.word(v.shout()));
        let decision = state.answer.as_ref().and_then(|answer| answer.decision.as_ref());
        let by: Vec<&str> =
            decision.iter().flat_map(|d| d.resource.iter().chain(&d.rule)).map(String::as_str).collect();
        writeln!(out, "  {time}{}  {verdict}  {}", printable(&state.name), printable(&by.join(" ")))?;
    }
    let Some((index, culprits)) = &report.turned else {
        return writeln!(out, "\nThe verdict is the same in all snapshots.");
    };
    let name = report.states.get(*index).map(|state| state.name.as_str()).unwrap_or_default();
    let differences = match culprits.differences {
        1 => "1 difference".to_owned(),
        many => format!("{many} differences"),
    };
    writeln!(out, "\nThe verdict turned in {} ({differences}).", printable(name))?;
    writeln!(
        out,
        "{}",
        match (culprits.found.len(), culprits.each_alone) {
            (0, _) => "Undoing all differences that are told apart does not turn it back.",
            (1, true) => "Undoing this one alone turns it back:",
            (_, true) => "Undoing any one of these alone turns it back:",
            (_, false) => "No single difference turns it back; these together do:",
        }
    )?;
    for one in &culprits.found {
        writeln!(out, "  {}  {}", kind(one), printable(&label(&one.id)))?;
        for (when, span) in [("before", one.before), ("after", one.after)] {
            if let Some(place) = span.map(|span| report.sources.short(span)).filter(|place| !place.is_empty()) {
                writeln!(out, "    {when}  {}", printable(&place))?;
            }
        }
    }
    Ok(())
}
