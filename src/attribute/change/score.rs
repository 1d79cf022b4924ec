//! How well a change explains a flip of the recorded state (health.md 6.4).

use super::relation::Settle;
use super::{Candidate, Touch};
use crate::model::{ChangeKind, Flip, RecordedState};
use crate::solve::Verdict;

/// From this score on a change is taken as what a flip is due to.
pub const MATCH: i32 = 2;

/// A score and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// The higher, the better the change explains the flip.
    pub score: i32,
    /// Short sentences.
    pub reasons: Vec<String>,
}

/// What other servers did at the time of a flip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Others {
    /// Servers behind the hop that flipped with it.
    pub with: usize,
    /// Servers behind the hop that stayed as they were.
    pub stayed: usize,
    /// Servers not behind the hop that flipped as well.
    pub outside: usize,
}

/// Scores one change against one flip; `None` where the change comes too late or too early for it.
pub fn score(
    flip: &Flip,
    (candidate, touch): (&Candidate, &Touch),
    settle: &Settle,
    others: Others,
    reverted: bool,
) -> Option<Scored> {
    if !settle.fits(candidate.change.time, flip) {
        return None;
    }
    let mut out = Scored { score: 2, reasons: Vec::new() };
    let mut add = |points: i32, reason: &str| {
        out.score += points;
        out.reasons.push(reason.to_owned());
    };
    add(0, "the flip lies inside the time that the probe needs to tell of it");
    match touch.turn {
        Some(turn) if turned(turn.without, turn.with, flip.to) => add(3, "undoing this change alone turns the verdict"),
        Some(turn) if turn.matters() => add(-1, "undoing this change turns the verdict, but not this way"),
        Some(_) => add(-2, "undoing this change leaves the verdict as it is"),
        None => add(0, "what undoing this change does is not known"),
    }
    if !touch.meets {
        add(-1, "the flow meets another part of that resource");
    }
    if candidate.change.kind == ChangeKind::Action {
        add(-1, "it is an action, which need not change the path");
    }
    match others {
        Others { stayed: 0, outside: 0, with } if with > 0 => {
            add(2, "all servers behind the changed resource flipped together, and no other one");
        }
        Others { stayed, .. } if stayed > 0 => add(-2, "a server behind the same resource stayed as it was"),
        Others { outside, .. } if outside > 0 => add(-1, "servers elsewhere flipped as well"),
        _ => {}
    }
    if reverted {
        add(2, "the server recovered when the change was reverted");
    }
    Some(out)
}

/// Does a turn from one verdict to the other go the way of the flip?
fn turned(before: Verdict, after: Verdict, to: RecordedState) -> bool {
    let blocks = |verdict| matches!(verdict, Verdict::Deny | Verdict::Partial);
    match to {
        RecordedState::Up => blocks(before) && after == Verdict::Allow,
        _ => before == Verdict::Allow && blocks(after),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Turn;
    use super::*;
    use crate::model::{Change, ChangeSource, ChangeTime, ResourceId, Scope};

    fn flip() -> Flip {
        let at = |text: &str| text.parse().unwrap_or_default();
        let (after, by) = (at("2026-03-04T09:15:00Z"), at("2026-03-04T09:20:00Z"));
        Flip { from: RecordedState::Up, to: RecordedState::Down, after, by, instances: Vec::new() }
    }

    fn scored(time: &str, turn: Option<(Verdict, Verdict)>, others: Others, reverted: bool) -> Option<i32> {
        let change = Change {
            resource: ResourceId::new("/subscriptions/s/providers/Microsoft.Network/networkSecurityGroups/n"),
            kind: ChangeKind::Write,
            operation: String::new(),
            time: ChangeTime::At(time.parse().unwrap_or_default()),
            source: ChangeSource::ActivityLog,
            span: None,
            previous: Vec::new(),
        };
        let candidate = Candidate { change, scope: Scope::Whole, before: None, after: 0 };
        let turn = turn.map(|(with, without)| Turn { with, without });
        let touch = Touch { candidate: 0, meets: true, turn, earlier: None };
        score(&flip(), (&candidate, &touch), &Settle::of(None, None), others, reverted).map(|scored| scored.score)
    }

    #[test]
    fn boosts_and_penalties() {
        let inside = "2026-03-04T09:18:00Z";
        let none = Others::default();
        let turn = Some((Verdict::Deny, Verdict::Allow));
        assert_eq!(scored(inside, None, none, false), Some(MATCH));
        assert_eq!(scored(inside, turn, none, false), Some(5));
        assert_eq!(scored(inside, Some((Verdict::Allow, Verdict::Allow)), none, false), Some(0));
        assert_eq!(scored(inside, Some((Verdict::Allow, Verdict::Deny)), none, false), Some(1));
        assert_eq!(scored(inside, turn, Others { with: 2, ..none }, true), Some(9));
        assert_eq!(scored(inside, turn, Others { with: 1, stayed: 1, outside: 0 }, false), Some(3));
        assert_eq!(scored(inside, None, Others { with: 1, stayed: 0, outside: 1 }, false), Some(1));
    }

    #[test]
    fn a_flip_before_the_change_is_not_explained_by_it() {
        assert_eq!(scored("2026-03-04T09:50:00Z", None, Others::default(), false), None);
        assert_eq!(scored("2026-03-03T09:50:00Z", None, Others::default(), false), None);
    }
}
