//! The time line of one recorded server: its flips, the changes on its path, and which explains which (health.md 6.4).

use super::relation::{Settle, newest, observed, relation};
use super::score::{MATCH, Others, Scored, score};
use super::{Candidate, History, Touch, Turn};
use crate::attribute::input::{Path, TimeRelation};
use crate::attribute::join::Case;
use crate::model::{Change, ChangeKind, ChangeSource, Flip, RecordedState};
use crate::solve::Decision;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A change on the path of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineChange {
    /// The change.
    pub change: Change,
    /// Its relation to the record.
    pub relation: TimeRelation,
    /// The flow meets what changed.
    pub meets: bool,
    /// What undoing it does.
    pub turn: Option<Turn>,
}

/// What time says of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// T of the decision table.
    pub relation: TimeRelation,
    /// When the record was taken, where that is known.
    pub capture: Option<Timestamp>,
    /// Interval, timeout and threshold of the probe, in seconds.
    pub probe: (u64, u64, u64),
    /// Times that follow from it.
    pub settle: Settle,
    /// Changes on the path, oldest first.
    pub changes: Vec<LineChange>,
    /// The last flip to Down.
    pub flip: Option<Flip>,
    /// The change that explains it, and why.
    pub cause: Option<(LineChange, Scored)>,
    /// The flip back.
    pub recovery: Option<Flip>,
    /// The change that explains that one.
    pub revert: Option<LineChange>,
    /// The path in the last snapshot before the newest change.
    pub earlier: Option<(Path, Option<Decision>)>,
}

/// Touches of one case, each change once.
struct Lane<'c> {
    touches: BTreeMap<usize, Touch>,
    flips: Option<&'c [Flip]>,
}

impl<'c> Lane<'c> {
    fn of(case: &'c Case<'_>, history: &History) -> Self {
        let mut touches: BTreeMap<usize, Touch> = BTreeMap::new();
        let paths = case.joined.servers.iter().filter_map(|at| history.paths.get(*at));
        for touch in paths.flat_map(|path| &path.touches) {
            let known = touches.entry(touch.candidate).or_insert_with(|| touch.clone());
            known.meets |= touch.meets;
            if !known.turn.is_some_and(Turn::matters) {
                known.turn = touch.turn.or(known.turn);
            }
        }
        let rows = case.history.filter(|history| history.rows > 0);
        Lane { touches, flips: rows.map(|history| history.flips.as_slice()) }
    }

    /// Did it flip at about the same time?
    fn flipped_with(&self, flip: &Flip) -> bool {
        let same = |own: &Flip| own.to == flip.to && own.after < flip.by && flip.after < own.by;
        self.flips.is_some_and(|flips| flips.iter().any(same))
    }
}

/// The time line of every case, in their order.
pub fn timelines(cases: &[Case<'_>], history: &History) -> Vec<Option<Timeline>> {
    let lanes: Vec<Lane<'_>> = cases.iter().map(|case| Lane::of(case, history)).collect();
    cases.iter().zip(&lanes).map(|(case, lane)| timeline(case, lane, &lanes, history)).collect()
}

fn timeline(case: &Case<'_>, lane: &Lane<'_>, lanes: &[Lane<'_>], history: &History) -> Option<Timeline> {
    let path = case.joined.servers.iter().find_map(|at| history.paths.get(*at))?;
    let file = case.joined.seen.as_ref().map(|seen| seen.file.to_owned());
    let capture = file.and_then(|file| history.captures.get(&file)).copied();
    let one = |candidate: &Candidate, touch: &Touch| {
        let at = observed(candidate.change.time, capture, lane.flips);
        LineChange {
            change: candidate.change.clone(),
            relation: relation(candidate.change.time, at, &path.settle),
            meets: touch.meets,
            turn: touch.turn,
        }
    };
    let touching: Vec<(&Candidate, &Touch)> =
        lane.touches.iter().filter_map(|(at, touch)| Some((history.candidates.get(*at)?, touch))).collect();
    let (flip, recovery) = outage(lane.flips, capture);
    let best = |flip: &Flip, reverted: &dyn Fn(&Candidate) -> bool| {
        let scored = touching.iter().filter_map(|(candidate, touch)| {
            let others = others(flip, touch.candidate, lanes);
            let scored = score(flip, (candidate, touch), &path.settle, others, reverted(candidate))?;
            Some((one(candidate, touch), scored))
        });
        // Of equal ones the newest.
        scored
            .filter(|(_, scored)| scored.score >= MATCH)
            .max_by_key(|(line, scored)| (scored.score, line.change.time.latest()))
    };
    let revert = recovery.as_ref().and_then(|flip| best(flip, &|_| false)).map(|(line, _)| line);
    // What broke it did not mend it.
    let broke = flip.as_ref().and_then(|flip| best(flip, &|_| false)).map(|(line, _)| line.change);
    let revert = revert.filter(|revert| broke.as_ref() != Some(&revert.change));
    let reverted =
        |candidate: &Candidate| revert.as_ref().is_some_and(|r| r.change.resource == candidate.change.resource);
    let explained = flip.as_ref().and_then(|flip| best(flip, &reverted));
    let changes: Vec<LineChange> = touching.iter().map(|(candidate, touch)| one(candidate, touch)).collect();
    let still_down = explained.as_ref().filter(|_| recovery.is_none());
    let t = match still_down {
        // The flip is explained: later changes do not make it older than its cause.
        Some((due, _)) => relation(due.change.time, capture.or(flip.as_ref().map(|flip| flip.by)), &path.settle),
        None => newest_of(case, &changes),
    };
    let newer = touching.iter().rev().find(|(_, touch)| touch.earlier.is_some());
    Some(Timeline {
        relation: t,
        capture,
        probe: path.probe,
        settle: path.settle,
        earlier: newer.and_then(|(_, touch)| touch.earlier.clone()),
        changes,
        flip,
        cause: explained,
        recovery,
        revert,
    })
}

impl Timeline {
    /// When the newest change that made the path what it is had happened.
    pub fn turned(&self) -> Option<Timestamp> {
        let turning = self.changes.iter().filter(|line| line.turn.map_or(line.meets, Turn::matters));
        turning.filter_map(|line| line.change.time.latest()).max()
    }
}

/// T of the changes. A difference of snapshots whose interval leaves it open says nothing beside changes that do, and one
/// whose undoing leaves the verdict as it is makes nothing newer.
fn newest_of(case: &Case<'_>, changes: &[LineChange]) -> TimeRelation {
    let vague =
        |line: &&LineChange| line.change.source == ChangeSource::Snapshots && line.relation == TimeRelation::NoTime;
    let without_effect =
        |line: &&LineChange| line.relation != TimeRelation::Before && line.turn.is_some_and(|turn| !turn.matters());
    let known: Vec<&LineChange> = changes.iter().filter(|line| !vague(line) && !without_effect(line)).collect();
    let t = newest(known.iter().map(|line| line.relation));
    let rule = case.probe.decision.as_ref().and_then(|decision| decision.rule.as_deref());
    let decider = |line: &&&LineChange| rule.is_some_and(|rule| line.change.resource.name().eq_ignore_ascii_case(rule));
    let of_rule: Vec<&&LineChange> = known.iter().filter(decider).collect();
    // The rule was there before, and is written again; or it is gone since, and the snapshot is older than that.
    let earlier = |line: &&&LineChange| matches!(line.relation, TimeRelation::Before | TimeRelation::During);
    let again = t == TimeRelation::After && of_rule.iter().any(earlier);
    let gone = of_rule.last().is_some_and(|line| {
        let part = ["securityRules", "routes"].iter().any(|kind| line.change.resource.segment(kind).is_some());
        part && line.change.kind == ChangeKind::Delete
    });
    if again || gone { TimeRelation::NoTime } else { t }
}

/// The last flip to Down, and the flip back up after it.
fn outage(flips: Option<&[Flip]>, capture: Option<Timestamp>) -> (Option<Flip>, Option<Flip>) {
    let seen = || flips.unwrap_or_default().iter().filter(|flip| capture.is_none_or(|at| flip.after <= at));
    let down = seen().filter(|flip| flip.to == RecordedState::Down).max_by_key(|flip| flip.by).cloned();
    let back = |down: &Flip| {
        seen().filter(|flip| flip.to == RecordedState::Up && flip.by > down.by).min_by_key(|flip| flip.by)
    };
    let recovery = down.as_ref().and_then(back).cloned();
    (down, recovery)
}

/// What servers with a history did at the time of a flip.
fn others(flip: &Flip, candidate: usize, lanes: &[Lane<'_>]) -> Others {
    let mut out = Others::default();
    for lane in lanes.iter().filter(|lane| lane.flips.is_some()) {
        match (lane.touches.contains_key(&candidate), lane.flipped_with(flip)) {
            (true, true) => out.with += 1,
            (true, false) => out.stayed += 1,
            (false, true) => out.outside += 1,
            (false, false) => {}
        }
    }
    out
}
