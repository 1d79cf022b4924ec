//! Sorted, disjoint, inclusive ranges over an unsigned integer: the algebra under address and port sets.

use std::fmt::Debug;

/// An integer type that ranges are built of.
pub trait Point: Copy + Ord + Debug {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The next value, or `None` at [`Point::MAX`].
    fn next(self) -> Option<Self>;
    /// The value before, or `None` at [`Point::MIN`].
    fn previous(self) -> Option<Self>;
    /// How many values an inclusive range holds, saturating at `u128::MAX`.
    fn count(low: Self, high: Self) -> u128;
}

macro_rules! point {
    ($($t:ty),*) => {$(
        impl Point for $t {
            const MIN: Self = <$t>::MIN;
            const MAX: Self = <$t>::MAX;
            fn next(self) -> Option<Self> { self.checked_add(1) }
            fn previous(self) -> Option<Self> { self.checked_sub(1) }
            fn count(low: Self, high: Self) -> u128 {
                u128::from(high).saturating_sub(u128::from(low)).saturating_add(1)
            }
        }
    )*};
}
point!(u16, u32, u128);

/// A set of integers as sorted, disjoint, non-adjacent inclusive ranges `(low, high)`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RangeSet<T> {
    ranges: Vec<(T, T)>,
}

impl<T: Point> Default for RangeSet<T> {
    fn default() -> Self {
        RangeSet { ranges: Vec::new() }
    }
}

impl<T: Point> Debug for RangeSet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.ranges).finish()
    }
}

impl<T: Point> FromIterator<(T, T)> for RangeSet<T> {
    /// Collects inclusive ranges in any order; reversed ones (`low > high`) hold nothing.
    fn from_iter<I: IntoIterator<Item = (T, T)>>(iter: I) -> Self {
        let mut ranges: Vec<(T, T)> = iter.into_iter().filter(|(low, high)| low <= high).collect();
        ranges.sort_unstable();
        let mut out: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match out.last_mut() {
                Some(last) if last.1.next().is_none_or(|after| low <= after) => last.1 = last.1.max(high),
                _ => out.push((low, high)),
            }
        }
        RangeSet { ranges: out }
    }
}

impl<T: Point> RangeSet<T> {
    /// Every value.
    pub fn full() -> Self {
        RangeSet { ranges: vec![(T::MIN, T::MAX)] }
    }

    /// One inclusive range; empty when `low > high`.
    pub fn range(low: T, high: T) -> Self {
        [(low, high)].into_iter().collect()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.ranges
    }

    /// Does the set hold nothing?
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Does the set hold every value of the type?
    pub fn is_full(&self) -> bool {
        self.ranges == [(T::MIN, T::MAX)]
    }

    /// Is the value a member?
    pub fn contains(&self, value: T) -> bool {
        let after = self.ranges.partition_point(|(low, _)| *low <= value);
        after.checked_sub(1).and_then(|i| self.ranges.get(i)).is_some_and(|(_, high)| value <= *high)
    }

    /// How many values, saturating at `u128::MAX`.
    pub fn count(&self) -> u128 {
        self.ranges.iter().fold(0, |sum: u128, (low, high)| sum.saturating_add(T::count(*low, *high)))
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.ranges.iter().chain(&other.ranges).copied().collect()
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut out = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (low, high) = (a.0.max(b.0), a.1.min(b.1));
            if low <= high {
                out.push((low, high));
            }
            if a.1 <= b.1 {
                left.next();
            } else {
                right.next();
            }
        }
        RangeSet { ranges: out }
    }

    /// Values that are not members.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut out = Vec::with_capacity(self.ranges.len() + 1);
        let mut from = Some(T::MIN);
        for (low, high) in &self.ranges {
            if let (Some(start), Some(end)) = (from, low.previous())
                && start <= end
            {
                out.push((start, end));
            }
            from = high.next();
        }
        if let Some(start) = from {
            out.push((start, T::MAX));
        }
        RangeSet { ranges: out }
    }

    /// Members of `self` that are not members of `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Is every member of `self` also in `other`?
    pub fn is_subset(&self, other: &Self) -> bool {
        self.ranges.iter().all(|(low, high)| {
            let after = other.ranges.partition_point(|(start, _)| start <= low);
            after.checked_sub(1).and_then(|i| other.ranges.get(i)).is_some_and(|(_, end)| high <= end)
        })
    }

    /// Cuts the set into the coarsest pieces that no `cut` splits: a cut at `c` separates `c - 1` from `c`.
    pub fn split(&self, cuts: &std::collections::BTreeSet<T>) -> Vec<(T, T)> {
        let mut out = Vec::with_capacity(self.ranges.len());
        for (low, high) in &self.ranges {
            let mut from = *low;
            for cut in cuts.range((std::ops::Bound::Excluded(*low), std::ops::Bound::Included(*high))) {
                if let Some(end) = cut.previous() {
                    out.push((from, end));
                    from = *cut;
                }
            }
            out.push((from, *high));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u16, u16)]) -> RangeSet<u16> {
        ranges.iter().copied().collect()
    }

    #[test]
    fn collecting_sorts_merges_and_drops_reversed_ranges() {
        assert_eq!(set(&[(5, 9), (1, 3), (4, 4), (20, 10), (65535, 65535)]).ranges(), [(1, 9), (65535, 65535)]);
    }

    #[test]
    fn complement_reaches_both_ends() {
        assert_eq!(set(&[(0, 3), (7, 65535)]).complement().ranges(), [(4, 6)]);
        assert_eq!(set(&[]).complement(), RangeSet::full());
        assert!(RangeSet::<u16>::full().complement().is_empty());
    }

    #[test]
    fn set_operations_agree_with_membership() {
        let (a, b) = (set(&[(1, 10), (20, 30)]), set(&[(5, 25), (30, 40)]));
        for value in 0..50 {
            assert_eq!(a.union(&b).contains(value), a.contains(value) || b.contains(value));
            assert_eq!(a.intersection(&b).contains(value), a.contains(value) && b.contains(value));
            assert_eq!(a.difference(&b).contains(value), a.contains(value) && !b.contains(value));
        }
        assert!(set(&[(6, 8)]).is_subset(&a) && !set(&[(6, 12)]).is_subset(&a));
        assert_eq!(a.count(), 21);
    }

    #[test]
    fn split_keeps_every_value_once() {
        let cuts = [0, 3, 10, 11, 40].into_iter().collect();
        assert_eq!(set(&[(1, 10), (20, 30)]).split(&cuts), [(1, 2), (3, 9), (10, 10), (20, 30)]);
    }
}
