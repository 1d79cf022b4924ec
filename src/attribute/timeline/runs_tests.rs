//! Runs against a model that keeps every row.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn resolve(said: &[u32]) -> (u32, bool) {
    match said {
        [one] => (*one, false),
        many => (100 + u32::try_from(many.len()).unwrap_or(0), true),
    }
}

/// Reads rows as the command does: a second time where they came in no order.
fn read(rows: &[(i64, u32)]) -> Runs {
    let mut runs = Runs::default();
    for (at, said) in rows {
        runs.add(*at, *said);
    }
    if runs.is_unordered() {
        runs.again();
        for (at, said) in rows {
            runs.add(*at, *said);
        }
    }
    runs.finish(resolve);
    runs
}

/// The naive model: sort everything, then group.
fn model(rows: &[(i64, u32)]) -> (Vec<Run>, u64, Vec<Gap>) {
    let mut moments: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (at, said) in rows {
        moments.entry(*at).or_default().push(*said);
    }
    let (mut runs, mut contradictions): (Vec<Run>, u64) = (Vec::new(), 0);
    let mut lengths = Vec::new();
    for (at, said) in &moments {
        let mut distinct = said.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let (value, contradiction) = resolve(&distinct);
        contradictions += u64::from(contradiction);
        if let Some(last) = runs.last() {
            lengths.push((at - last.last, last.last, *at));
        }
        match runs.last_mut() {
            Some(run) if run.said == value => (run.last, run.rows) = (*at, run.rows + said.len() as u64),
            _ => runs.push(Run { said: value, first: *at, last: *at, rows: said.len() as u64 }),
        }
    }
    let mut steps: Vec<u16> = lengths.iter().map(|(length, _, _)| step(*length)).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len().saturating_sub(1) / 2).map_or(i64::MAX, |step| upper(*step));
    lengths.retain(|(length, _, _)| *length > usual.saturating_mul(3));
    lengths.sort_by_key(|(length, after, _)| (-length, *after));
    let gaps = lengths.iter().take(GAPS).map(|(_, after, by)| Gap { after: *after, by: *by }).collect();
    (runs, contradictions, gaps)
}

fn compare(rows: &[(i64, u32)]) {
    let got = read(rows);
    let (runs, contradictions, gaps) = model(rows);
    assert_eq!(got.iter().copied().collect::<Vec<_>>(), runs);
    assert_eq!(got.contradictions, contradictions);
    assert_eq!(got.gaps(), gaps);
    assert_eq!(got.rows(), rows.len() as u64);
}

proptest! {
    #[test]
    fn runs_equal_the_naive_model_in_any_order(
        mut rows in prop::collection::vec((0_i64..60, 0_u32..3), 0..80), seed in any::<u64>()
    ) {
        compare(&rows);
        rows.sort_unstable();
        compare(&rows);
        rows.reverse();
        compare(&rows);
        let by = usize::try_from(seed % 97).unwrap_or(0) % rows.len().max(1);
        rows.rotate_left(by);
        compare(&rows);
    }

    #[test]
    fn irregular_intervals_and_gaps(lengths in prop::collection::vec(1_i64..4_000_000_000_000, 1..60)) {
        let mut at = 0;
        let rows: Vec<(i64, u32)> = lengths.iter().enumerate().map(|(i, length)| {
            at += length;
            (at, u32::from(i % 7 == 0))
        }).collect();
        compare(&rows);
        let backwards: Vec<_> = rows.iter().rev().copied().collect();
        compare(&backwards);
    }

    #[test]
    fn the_end_of_a_step_holds_what_is_in_it(length in 8_i64..i64::MAX / 16) {
        let step_of = step(length);
        prop_assert!(length < upper(step_of) && step(upper(step_of)) == step_of + 1);
    }
}

#[test]
fn rows_in_order_need_no_points() {
    let mut runs = Runs::default();
    for minute in 0..1_000_000_i64 {
        runs.add(minute * 60, u32::from(minute > 500_000));
    }
    assert!(!runs.is_unordered() && !runs.keeps());
    assert_eq!((runs.iter().count(), runs.rows()), (2, 1_000_000));
    assert!(runs.gaps().is_empty());
}

#[test]
fn a_gap_is_longer_than_three_intervals() {
    let minute = 60_000_000_000_i64;
    let mut rows: Vec<(i64, u32)> = (0..20).map(|at| (at * minute, 1)).collect();
    rows.extend((30..40).map(|at| (at * minute, 1)));
    let runs = read(&rows);
    assert_eq!(runs.gaps(), [Gap { after: 19 * minute, by: 30 * minute }]);
    assert!(runs.usual().is_some_and(|usual| usual >= minute && usual < minute * 9 / 8 + 1_000_000_000));
}
