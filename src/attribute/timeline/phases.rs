//! States of a series over time, without blips: a state of one moment between two rows of another is shorter than a probe
//! needs to settle (health.md 6.4) and says nothing about when an outage began or ended; nor does a moment of which rows
//! contradict each other.

use super::Series;
use super::said::Said;
use crate::model::RecordedState;

/// Nanoseconds within which a probe settles, to be safe (health.md 6.4: 180 s).
const SETTLE: i64 = 180 * 1_000_000_000;

/// A state from its first to its last observation, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) state: RecordedState,
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Phase {
    fn is_moment(&self) -> bool {
        self.first == self.last
    }
}

/// The phases of a series, oldest first, and how many blips were left out.
pub(super) fn phases(series: &Series) -> (Vec<Phase>, u64) {
    let runs = series.runs.iter().map(|run| (Said(run.said).state(), run.first, run.last));
    settled(runs.map(|(state, first, last)| Phase { state, first, last }))
}

fn settled(runs: impl Iterator<Item = Phase>) -> (Vec<Phase>, u64) {
    let (mut out, mut blips): (Vec<Phase>, u64) = (Vec::new(), 0);
    for run in runs {
        match out.last_mut() {
            Some(last) if last.state == run.state => last.last = run.last,
            _ => out.push(run),
        }
        // A, one moment of something else, A again.
        if let [.., before, blip, now] = out.as_slice()
            && before.state == now.state
            && blip.is_moment()
            && now.first.saturating_sub(before.last) <= SETTLE
        {
            let last = now.last;
            out.truncate(out.len() - 2);
            if let Some(before) = out.last_mut() {
                before.last = last;
            }
            blips += 1;
        }
    }
    // Contradicting rows at the end leave the state as it was.
    if let [.., before, last] = out.as_slice()
        && last.state == RecordedState::Partial
        && last.is_moment()
        && last.first.saturating_sub(before.last) <= SETTLE
    {
        out.pop();
        blips += 1;
    }
    (out, blips)
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecordedState::{Down, Partial, Up};

    /// Phases from (state, first second, last second).
    fn of(runs: &[(RecordedState, i64, i64)]) -> (Vec<(RecordedState, i64, i64)>, u64) {
        const SECOND: i64 = 1_000_000_000;
        let phases =
            runs.iter().map(|(state, first, last)| Phase { state: *state, first: first * SECOND, last: last * SECOND });
        let (out, blips) = settled(phases);
        (out.iter().map(|phase| (phase.state, phase.first / SECOND, phase.last / SECOND)).collect(), blips)
    }

    #[test]
    fn a_moment_between_rows_of_another_state_is_no_flip() {
        assert_eq!(of(&[(Down, 0, 300), (Up, 330, 330), (Down, 360, 900)]), (vec![(Down, 0, 900)], 1));
        assert_eq!(of(&[(Down, 0, 300), (Partial, 330, 330), (Down, 360, 360)]), (vec![(Down, 0, 360)], 1));
        // Two in a row, and a state that lasts, are flips.
        let lasting = [(Down, 0, 300), (Up, 330, 360), (Down, 390, 900)];
        assert_eq!(of(&lasting), (lasting.to_vec(), 0));
        // Rows that are far apart: one moment is all that is known of an hour.
        let hourly = [(Up, 0, 3600), (Down, 7200, 7200), (Up, 10800, 14400)];
        assert_eq!(of(&hourly), (hourly.to_vec(), 0));
    }

    #[test]
    fn contradicting_rows_at_the_end_leave_the_state() {
        assert_eq!(of(&[(Up, 0, 300), (Partial, 330, 330)]), (vec![(Up, 0, 300)], 1));
        // The last row alone is what is known of the state now.
        assert_eq!(of(&[(Up, 0, 300), (Down, 330, 330)]).0.len(), 2);
        assert_eq!(of(&[(Partial, 0, 0)]), (vec![(Partial, 0, 0)], 0));
    }
}
