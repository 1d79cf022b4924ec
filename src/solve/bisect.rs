//! Which single difference of two snapshots turned a verdict, or which few together (health.md 6.4, interface.md I14).

use super::answer::{Answer, Verdict};
use crate::model::{Difference, Snapshot, differences};

/// Differences of two snapshots that turned the verdict.
#[derive(Debug, Clone)]
pub struct Culprits {
    /// How many differences there are.
    pub differences: usize,
    /// Those of which each alone, undone, brings the earlier verdict back; else the smallest set that was found. Empty
    /// where undoing all of them does not.
    pub found: Vec<Difference>,
    /// Each of `found` is enough alone.
    pub each_alone: bool,
}

/// Asks the question of a snapshot.
pub type Ask<'a> = dyn Fn(&Snapshot) -> Option<Answer> + Sync + 'a;

/// Undoes every difference alone; where none is enough, all of them, and then leaves out what is not needed.
pub fn culprits(before: &Snapshot, after: &Snapshot, wanted: Verdict, ask: &Ask<'_>) -> Culprits {
    use rayon::prelude::*;
    let all = differences(before, after);
    let turns = |chosen: &[&Difference]| {
        let mut snapshot = after.clone();
        for difference in chosen {
            snapshot.restore(&difference.id, difference.scope, before);
        }
        ask(&snapshot).is_some_and(|answer| answer.verdict == wanted)
    };
    let alone: Vec<Difference> = all.par_iter().filter(|one| turns(&[one])).cloned().collect();
    if !alone.is_empty() {
        return Culprits { differences: all.len(), found: alone, each_alone: true };
    }
    let mut kept: Vec<&Difference> = all.iter().collect();
    if !turns(&kept) {
        return Culprits { differences: all.len(), found: Vec::new(), each_alone: false };
    }
    // Halves first, then single ones: what can stay as it is in the later snapshot is left out.
    let mut size = kept.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < kept.len() {
            let without = |(index, _): &(usize, &&Difference)| *index < at || *index >= at + size;
            let rest: Vec<&Difference> = kept.iter().enumerate().filter(without).map(|(_, one)| *one).collect();
            if !rest.is_empty() && turns(&rest) {
                kept = rest;
            } else {
                at += size;
            }
        }
        if size <= 1 {
            break;
        }
        size = size.div_ceil(2);
    }
    Culprits { differences: all.len(), found: kept.into_iter().cloned().collect(), each_alone: false }
}
