//! The time line of a server in JSON: its flips, the changes on its path, and which explains which (health.md 6.4).

use crate::attribute::TimeRelation;
use crate::attribute::change::{LineChange, Timeline, Turn};
use crate::diagnostic::{Location, Sources};
use serde::Serialize;

/// What undoing a change does to the verdict.
#[derive(Debug, Serialize)]
struct TurnJson {
    with: &'static str,
    without: &'static str,
    turns: bool,
}

/// One change on the path.
#[derive(Debug, Serialize)]
struct ChangeJson {
    change: String,
    resource: String,
    operation: String,
    kind: &'static str,
    source: &'static str,
    at: Option<String>,
    after: Option<String>,
    before: Option<String>,
    relation: &'static str,
    on_path: bool,
    counterfactual: Option<TurnJson>,
    location: Option<Location>,
}

/// `timeline` of a server.
#[derive(Debug, Serialize)]
pub(super) struct TimelineJson {
    time: &'static str,
    settle_seconds: i64,
    flip: Option<String>,
    flip_after: Option<String>,
    change: Option<String>,
    change_at: Option<String>,
    recovery: Option<String>,
    revert: Option<String>,
    revert_at: Option<String>,
    score: Option<i32>,
    reasons: Vec<String>,
    changes: Vec<ChangeJson>,
}

fn word(relation: TimeRelation) -> &'static str {
    match relation {
        TimeRelation::Before => "before",
        TimeRelation::During => "during",
        TimeRelation::After => "after",
        TimeRelation::NoTime => "no-time",
    }
}

fn turn(turn: Turn) -> TurnJson {
    TurnJson { with: turn.with.word(), without: turn.without.word(), turns: turn.matters() }
}

fn change(line: &LineChange, sources: &Sources) -> ChangeJson {
    let change = &line.change;
    let between = change.time.moment().is_none();
    let text = |time: jiff::Timestamp| time.to_string();
    ChangeJson {
        change: change.label(),
        resource: change.resource.as_str().to_owned(),
        operation: change.operation.clone(),
        kind: change.kind.word(),
        source: change.source.word(),
        at: change.time.moment().map(text),
        after: change.time.earliest().filter(|_| between).map(text),
        before: change.time.latest().filter(|_| between).map(text),
        relation: word(line.relation),
        on_path: line.meets,
        counterfactual: line.turn.map(turn),
        location: change.span.and_then(|span| sources.locate(span)),
    }
}

/// The time line of a server as JSON.
pub(super) fn json(line: &Timeline, sources: &Sources) -> TimelineJson {
    let moment = |line: &LineChange| line.change.time.latest().or(line.change.time.earliest()).map(|t| t.to_string());
    let cause = line.cause.as_ref();
    TimelineJson {
        time: word(line.relation),
        settle_seconds: line.settle.latest.as_secs(),
        flip: line.flip.as_ref().map(|flip| flip.by.to_string()),
        flip_after: line.flip.as_ref().map(|flip| flip.after.to_string()),
        change: cause.map(|(line, _)| line.change.label()),
        change_at: cause.and_then(|(line, _)| moment(line)),
        recovery: line.recovery.as_ref().map(|flip| flip.by.to_string()),
        revert: line.revert.as_ref().map(|line| line.change.label()),
        revert_at: line.revert.as_ref().and_then(moment),
        score: cause.map(|(_, scored)| scored.score),
        reasons: cause.map(|(_, scored)| scored.reasons.clone()).unwrap_or_default(),
        changes: line.changes.iter().map(|line| change(line, sources)).collect(),
    }
}
