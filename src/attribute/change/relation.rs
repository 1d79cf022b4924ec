//! T: how the newest change on a path and a record stand in time (health.md 6.1, 6.4).

use crate::attribute::TimeRelation;
use crate::model::{ChangeTime, Flip, Generation, Probe, RecordedState};
use jiff::{SignedDuration, Timestamp};

/// How soon a probe tells of a change (health.md 6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settle {
    /// Earliest time after which a server can be marked down.
    pub earliest: SignedDuration,
    /// Time after which it is, however the interval is counted: the window `During`.
    pub latest: SignedDuration,
    /// Interval of the probe.
    pub interval: SignedDuration,
}

/// Values of a probe that sets none.
const INTERVAL: u64 = 30;
const TIMEOUT: u64 = 30;
const THRESHOLD: u64 = 3;

/// For what a change needs to reach every host, and for one interval of report staleness.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(60);

impl Settle {
    /// Of a setting's own probe, or of the default probe.
    pub fn of(probe: Option<&Probe>, generation: Option<Generation>) -> Self {
        let (interval, timeout, threshold) = Settle::probe_times(probe);
        let seconds = |value: u64| SignedDuration::from_secs(i64::try_from(value).unwrap_or(i64::MAX));
        let (earliest, latest) = match generation {
            // v1 tries again at once.
            Some(Generation::V1) => (0, interval.saturating_add(threshold.saturating_mul(timeout))),
            _ => {
                let earliest = threshold.saturating_sub(1).saturating_mul(interval);
                (earliest, threshold.saturating_mul(interval.saturating_add(timeout)))
            }
        };
        Settle { earliest: seconds(earliest), latest: seconds(latest), interval: seconds(interval) }
    }

    /// Interval, timeout and unhealthy threshold of a probe.
    pub fn probe_times(probe: Option<&Probe>) -> (u64, u64, u64) {
        probe.map_or((INTERVAL, TIMEOUT, THRESHOLD), |p| (p.interval, p.timeout, p.unhealthy_threshold))
    }

    /// Can a server that was last seen in the old state at `after`, and in the new one at `by`, have changed because of
    /// something at `time`?
    pub fn fits(&self, time: ChangeTime, flip: &Flip) -> bool {
        let (down, latest) = match flip.to {
            // One good probe is enough to come back.
            RecordedState::Up => (SignedDuration::ZERO, self.latest),
            _ => (self.earliest, self.latest),
        };
        let slack = PROPAGATION.saturating_add(self.interval);
        let soonest = down.saturating_sub(self.interval).max(SignedDuration::ZERO);
        let not_before = time.earliest().map(|from| flip.by.duration_since(from) >= soonest);
        let not_after = time.latest().map(|to| flip.after.duration_since(to) <= latest.saturating_add(slack));
        // A difference of snapshots that are far apart may have come at any time between them.
        let vague = match time {
            ChangeTime::At(_) => false,
            ChangeTime::Within(Some(from), Some(to)) => to.duration_since(from) > latest.saturating_add(slack),
            ChangeTime::Within(..) => true,
        };
        !vague && not_before != Some(false) && not_after != Some(false)
    }
}

/// T of a change against a time of observation: newer than it is `After`, inside the settle time `During`, older
/// `Before`. Where the interval of a change leaves it open there is no T.
pub fn relation(time: ChangeTime, observed: Option<Timestamp>, settle: &Settle) -> TimeRelation {
    let Some(observed) = observed else { return TimeRelation::NoTime };
    let age = |time: Timestamp| {
        let age = observed.duration_since(time);
        if age < SignedDuration::ZERO {
            TimeRelation::After
        } else if age <= settle.latest {
            TimeRelation::During
        } else {
            TimeRelation::Before
        }
    };
    match time {
        ChangeTime::At(time) => age(time),
        // The change is later than `after`.
        ChangeTime::Within(Some(after), _) if after >= observed => TimeRelation::After,
        ChangeTime::Within(_, Some(by)) if age(by) == TimeRelation::Before => TimeRelation::Before,
        ChangeTime::Within(Some(after), Some(by)) if age(after) == age(by) => age(by),
        ChangeTime::Within(..) => TimeRelation::NoTime,
    }
}

/// The newest of several relations; one that cannot be told is newer than what is settled.
pub fn newest(relations: impl IntoIterator<Item = TimeRelation>) -> TimeRelation {
    let rank = |relation: &TimeRelation| match relation {
        TimeRelation::After => 3,
        TimeRelation::NoTime => 2,
        TimeRelation::During => 1,
        TimeRelation::Before => 0,
    };
    relations.into_iter().max_by_key(rank).unwrap_or_default()
}

/// What the time of a change is held against: the capture, or the first failure where a history shows that the server
/// was down before the change (attribution README, choice 2).
pub fn observed(change: ChangeTime, capture: Option<Timestamp>, flips: Option<&[Flip]>) -> Option<Timestamp> {
    let last =
        flips.and_then(|flips| flips.iter().filter(|flip| capture.is_none_or(|at| flip.by <= at)).max_by_key(|f| f.by));
    let down = last.filter(|flip| flip.to == RecordedState::Down).map(|flip| flip.by);
    match (down, change.earliest()) {
        (Some(down), Some(changed)) if down < changed => Some(down),
        _ => capture.or(last.map(|flip| flip.by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_default()
    }

    fn probe(interval: u64, timeout: u64, unhealthy_threshold: u64) -> Probe {
        Probe {
            id: crate::model::ResourceId::new("p"),
            name: "p".to_owned(),
            port: None,
            interval,
            timeout,
            unhealthy_threshold,
            min_servers: 0,
            status_codes: Vec::new(),
        }
    }

    fn flip(to: RecordedState, after: &str, by: &str) -> Flip {
        Flip { from: RecordedState::Unknown, to, after: at(after), by: at(by), instances: Vec::new() }
    }

    #[test]
    fn windows_of_probes() {
        let seconds = |settle: Settle| (settle.earliest.as_secs(), settle.latest.as_secs());
        assert_eq!(seconds(Settle::of(None, None)), (60, 180));
        assert_eq!(seconds(Settle::of(Some(&probe(300, 60, 5)), Some(Generation::V2))), (1200, 1800));
        assert_eq!(seconds(Settle::of(None, Some(Generation::V1))), (0, 120));
        assert_eq!(seconds(Settle::of(Some(&probe(u64::MAX, u64::MAX, 9)), None)).1, i64::MAX);
    }

    #[test]
    fn the_bounds_of_during() {
        let settle = Settle::of(None, None);
        let captured = Some(at("2026-03-04T09:03:00Z"));
        for (change, expected) in [
            ("2026-03-04T09:03:01Z", TimeRelation::After),
            ("2026-03-04T09:03:00Z", TimeRelation::During),
            ("2026-03-04T09:00:00Z", TimeRelation::During),
            ("2026-03-04T08:59:59Z", TimeRelation::Before),
        ] {
            assert_eq!(relation(ChangeTime::At(at(change)), captured, &settle), expected, "{change}");
        }
        assert_eq!(relation(ChangeTime::At(at("2026-03-04T09:00:00Z")), None, &settle), TimeRelation::NoTime);
    }

    #[test]
    fn an_interval_decides_only_where_all_of_it_does() {
        let settle = Settle::of(None, None);
        let captured = Some(at("2026-03-04T09:00:00Z"));
        let within = |after: &str, by: &str| {
            let read = |text: &str| (!text.is_empty()).then(|| at(text));
            relation(ChangeTime::Within(read(after), read(by)), captured, &settle)
        };
        assert_eq!(within("2026-03-04T09:00:00Z", ""), TimeRelation::After);
        assert_eq!(within("2026-03-04T08:00:00Z", ""), TimeRelation::NoTime);
        assert_eq!(within("", "2026-03-04T08:00:00Z"), TimeRelation::Before);
        assert_eq!(within("2026-03-04T08:00:00Z", "2026-03-04T08:59:00Z"), TimeRelation::NoTime);
        assert_eq!(within("2026-03-04T08:58:00Z", "2026-03-04T08:59:00Z"), TimeRelation::During);
        assert_eq!(within("", ""), TimeRelation::NoTime);
        let all = [TimeRelation::Before, TimeRelation::NoTime, TimeRelation::During];
        assert_eq!(newest(all), TimeRelation::NoTime);
        assert_eq!(newest([]), TimeRelation::NoTime);
    }

    #[test]
    fn a_failure_before_the_change_counts() {
        let change = ChangeTime::At(at("2026-03-04T09:50:00Z"));
        let capture = Some(at("2026-03-04T10:00:00Z"));
        let down = [flip(RecordedState::Down, "2026-03-04T09:15:00Z", "2026-03-04T09:20:00Z")];
        assert_eq!(observed(change, capture, Some(&down)), Some(at("2026-03-04T09:20:00Z")));
        assert_eq!(observed(change, capture, None), capture);
        let recovered = [down[0].clone(), flip(RecordedState::Up, "2026-03-04T09:25:00Z", "2026-03-04T09:30:00Z")];
        assert_eq!(observed(change, capture, Some(&recovered)), capture);
        assert_eq!(observed(change, None, Some(&recovered)), Some(at("2026-03-04T09:30:00Z")));
    }

    #[test]
    fn flips_fit_changes_inside_the_settle_time() {
        let settle = Settle::of(None, None);
        let down = flip(RecordedState::Down, "2026-03-04T09:15:00Z", "2026-03-04T09:20:00Z");
        for (change, fits) in [
            ("2026-03-04T09:18:00Z", true),
            ("2026-03-04T09:19:30Z", true),
            ("2026-03-04T09:19:31Z", false),
            ("2026-03-04T09:10:30Z", true),
            ("2026-03-04T09:10:29Z", false),
            ("2026-03-04T09:50:00Z", false),
        ] {
            assert_eq!(settle.fits(ChangeTime::At(at(change)), &down), fits, "{change}");
        }
        let up = flip(RecordedState::Up, "2026-03-04T09:40:00Z", "2026-03-04T09:45:00Z");
        assert!(settle.fits(ChangeTime::At(at("2026-03-04T09:45:00Z")), &up));
        // Any time after nine, and any time in an hour, are no times that fit.
        assert!(!settle.fits(ChangeTime::Within(Some(at("2026-03-04T09:00:00Z")), None), &up));
        let within = |from, to| ChangeTime::Within(Some(at(from)), Some(at(to)));
        assert!(!settle.fits(within("2026-03-04T08:45:00Z", "2026-03-04T09:45:00Z"), &up));
        assert!(settle.fits(within("2026-03-04T09:43:00Z", "2026-03-04T09:45:00Z"), &up));
    }
}
