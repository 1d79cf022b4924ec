//! Rows of one series as a run-length list (health.md 6.4): what was said, from when to when, how often.
//!
//! Rows that come in order of their times, forwards or backwards, are added one by one and need memory for every change
//! only. A series whose rows come in any other order, or that says two things of one moment, is read a second time with
//! all its points.

use std::collections::VecDeque;

/// Gaps of a series that are kept, longest first.
const GAPS: usize = 8;
/// A gap is longer than the usual interval by this factor.
const FACTOR: i64 = 3;

/// The same was said from `first` to `last`, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) said: u32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) rows: u64,
}

/// One row of a series that does not come in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    at: i64,
    said: u32,
}

/// A time without rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) after: i64,
    pub(super) by: i64,
}

/// How far rows are apart: counts by length, in steps of an eighth of a power of two, and the longest ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Intervals {
    counts: Vec<(u16, u64)>,
    longest: Vec<Gap>,
}

impl Intervals {
    fn add(&mut self, after: i64, by: i64) {
        let step = step(by.saturating_sub(after));
        match self.counts.binary_search_by_key(&step, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, count)) = self.counts.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.counts.insert(at, (step, 1)),
        }
        let gap = Gap { after, by };
        let key = |gap: &Gap| (std::cmp::Reverse(gap.by.saturating_sub(gap.after)), gap.after);
        let full = self.longest.len() == GAPS;
        if full && self.longest.last().is_some_and(|last| key(last) <= key(&gap)) {
            return;
        }
        let at = self.longest.partition_point(|other| key(other) < key(&gap));
        self.longest.insert(at, gap);
        self.longest.truncate(GAPS);
    }

    /// The usual interval: the upper end of the step that holds the median.
    fn usual(&self) -> Option<i64> {
        let all: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let mut below = 0;
        let median = self.counts.iter().find(|(_, count)| {
            below += count;
            below * 2 >= all
        });
        median.map(|(step, _)| upper(*step))
    }

    fn gaps(&self) -> Vec<Gap> {
        let Some(usual) = self.usual() else { return Vec::new() };
        let limit = usual.saturating_mul(FACTOR);
        self.longest.iter().copied().filter(|gap| gap.by.saturating_sub(gap.after) > limit).collect()
    }
}

/// Which eighth of which power of two a length is in.
fn step(length: i64) -> u16 {
    let length = u64::try_from(length).unwrap_or(0).max(8);
    let power = length.ilog2();
    let eighth = (length >> (power - 3)) & 7;
    u16::try_from(u64::from(power) * 8 + eighth).unwrap_or(u16::MAX)
}

/// The end of a step.
fn upper(step: u16) -> i64 {
    let (power, eighth) = (u32::from(step / 8), u128::from(step % 8));
    i64::try_from(((8 + eighth + 1) << power) / 8).unwrap_or(i64::MAX)
}

/// A series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs {
    list: VecDeque<Run>,
    intervals: Intervals,
    /// Moments of which two rows say different things.
    pub(super) contradictions: u64,
    /// Rows came in no order: the runs are not exact.
    unordered: bool,
    points: Option<Vec<Point>>,
}

impl Runs {
    /// A series that keeps every point: its rows cannot be read again.
    pub(super) fn keeping() -> Self {
        Runs { points: Some(Vec::new()), ..Runs::default() }
    }

    /// Does it have to be read a second time?
    pub(super) fn is_unordered(&self) -> bool {
        self.unordered
    }

    /// Gets ready for the second reading.
    pub(super) fn again(&mut self) {
        *self = Runs::keeping();
    }

    /// Is it being read with all its points?
    pub(super) fn keeps(&self) -> bool {
        self.points.is_some()
    }

    /// Adds a row.
    pub(super) fn add(&mut self, at: i64, said: u32) {
        if let Some(points) = &mut self.points {
            points.push(Point { at, said });
            return;
        }
        let (Some(first), Some(last)) = (self.list.front().copied(), self.list.back().copied()) else {
            self.list.push_back(Run { said, first: at, last: at, rows: 1 });
            return;
        };
        if at > last.last {
            self.append(at, said, 1);
        } else if at < first.first {
            self.intervals.add(at, first.first);
            match self.list.front_mut() {
                Some(run) if run.said == said => (run.first, run.rows) = (at, run.rows + 1),
                _ => self.list.push_front(Run { said, first: at, last: at, rows: 1 }),
            }
        } else if at == last.last && said == last.said {
            self.list.back_mut().into_iter().for_each(|run| run.rows += 1);
        } else if at == first.first && said == first.said {
            self.list.front_mut().into_iter().for_each(|run| run.rows += 1);
        } else {
            self.unordered = true;
        }
    }

    /// Adds what was said of a moment after all others.
    fn append(&mut self, at: i64, said: u32, rows: u64) {
        if let Some(last) = self.list.back().map(|run| run.last) {
            self.intervals.add(last, at);
        }
        match self.list.back_mut() {
            Some(run) if run.said == said => (run.last, run.rows) = (at, run.rows + rows),
            _ => self.list.push_back(Run { said, first: at, last: at, rows }),
        }
    }

    /// Puts the points in order. `resolve` says what rows of one moment come to, given in ascending order without
    /// repetitions, and whether they contradict each other.
    pub(super) fn finish(&mut self, resolve: impl Fn(&[u32]) -> (u32, bool)) {
        let Some(mut points) = self.points.take() else { return };
        points.sort_unstable();
        for moment in points.chunk_by(|a, b| a.at == b.at) {
            let mut said: Vec<u32> = moment.iter().map(|point| point.said).collect();
            said.dedup();
            let (said, contradiction) = resolve(&said);
            self.contradictions += u64::from(contradiction);
            if let Some(point) = moment.first() {
                self.append(point.at, said, moment.len() as u64);
            }
        }
    }

    /// The runs, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.list.iter()
    }

    /// The newest run.
    pub(super) fn last(&self) -> Option<&Run> {
        self.list.back()
    }

    /// How many rows.
    pub(super) fn rows(&self) -> u64 {
        self.list.iter().map(|run| run.rows).sum()
    }

    /// The usual time between two rows.
    pub(super) fn usual(&self) -> Option<i64> {
        self.intervals.usual()
    }

    /// Times without rows, much longer than usual: the longest ones, longest first.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.intervals.gaps()
    }
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
