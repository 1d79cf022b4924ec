//! Time reasoning in plain sentences.

use super::{LineChange, Timeline};
use crate::attribute::explain::blocker;
use crate::attribute::input::{Path, TimeRelation};
use crate::model::{Change, ChangeTime};
use crate::solve::Verdict;

/// What time says of a server: the newest change, what undoing it does, and what its flips are due to.
pub fn sentences(line: &Timeline) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(change) = line.changes.last() {
        out.push(newest(change, line));
    }
    let told = line.cause.as_ref().map(|(change, _)| change).or(line.changes.last());
    out.extend(told.and_then(undone));
    if line.relation == TimeRelation::After {
        out.extend(line.earlier.as_ref().map(earlier));
    }
    out.extend(flips(line));
    out
}

/// Name and time of a change.
fn told(change: &Change) -> String {
    let when = match change.time {
        ChangeTime::At(time) => format!("at {time}"),
        ChangeTime::Within(Some(after), Some(by)) => format!("between {after} and {by}"),
        ChangeTime::Within(Some(after), None) => format!("after {after}"),
        ChangeTime::Within(None, Some(by)) => format!("not later than {by}"),
        ChangeTime::Within(None, None) => "at an unknown time".to_owned(),
    };
    format!("{} of {} {when}", change.kind.word(), change.label())
}

fn newest(change: &LineChange, line: &Timeline) -> String {
    let (interval, timeout, threshold) = line.probe;
    let settle = line.settle.latest.as_secs();
    let window = format!("{settle} s: interval {interval} s, timeout {timeout} s, threshold {threshold}");
    let stands = match change.relation {
        TimeRelation::Before => format!("older than the settle time of the probe ({window})"),
        TimeRelation::During => format!("inside the settle time of the probe ({window})"),
        TimeRelation::After
            if line.flip.as_ref().is_some_and(|f| change.change.time.earliest().is_some_and(|t| f.by < t)) =>
        {
            "newer than the first failure, which came before it".to_owned()
        }
        TimeRelation::After => "newer than the record".to_owned(),
        TimeRelation::NoTime => "of no known relation to the record in time".to_owned(),
    };
    format!("The newest change on the path, {}, is {stands}.", told(&change.change))
}

/// What undoing a change does to the verdict.
fn undone(change: &LineChange) -> Option<String> {
    let turn = change.turn?;
    let name = change.change.label();
    let state = |verdict| match verdict {
        Verdict::Allow => "open",
        Verdict::Deny => "denied",
        Verdict::Partial => "open for some sources only",
        Verdict::Unknown => "not decidable",
    };
    let (with, without) = (state(turn.with), state(turn.without));
    Some(if turn.matters() {
        format!("Without this change of {name} the path is {without}; with it, {with}.")
    } else {
        format!("Without this change of {name} the path is {with} as well.")
    })
}

fn earlier((path, decision): &(Path, Option<crate::solve::Decision>)) -> String {
    let by = decision.as_ref().map(|decision| format!(" by {}", blocker(decision))).unwrap_or_default();
    let state = match path {
        Path::Allow => "open".to_owned(),
        Path::Deny => format!("denied already{by}"),
        Path::Partial => format!("open for some sources only{by}"),
        Path::Asymmetric => format!("asymmetric already{by}"),
        Path::Unknown => "not decidable".to_owned(),
    };
    format!("On the earlier configuration, before that change, the path was {state}.")
}

fn flips(line: &Timeline) -> Option<String> {
    let flip = line.flip.as_ref()?;
    let seen = format!("The history shows it down from {} on (last seen up at {})", flip.by, flip.after);
    let Some((change, scored)) = &line.cause else {
        return Some(format!("{seen}; no change on the path explains that."));
    };
    let mut out = format!("{seen}; {} explains it: {}.", told(&change.change), scored.reasons.join("; "));
    if let Some(recovery) = &line.recovery {
        let by = line.revert.as_ref().map(|revert| format!(", after {}", told(&revert.change))).unwrap_or_default();
        out.push_str(&format!(" It was up again by {}{by}.", recovery.by));
    }
    Some(out)
}
