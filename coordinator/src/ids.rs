//! A set of ids that are given out mostly in order, kept as ranges.

use std::collections::BTreeMap;

/// Memory grows with the number of gaps, not with the number of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSet {
    /// First id of each range to its last; ranges neither touch nor overlap.
    ranges: BTreeMap<u64, u64>,
}

impl IdSet {
    /// Whether `id` is in the set.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        let before = self.ranges.range(..=id).next_back();
        before.is_some_and(|(_, last)| id <= *last)
    }

    /// Adds `id`. False if it was there.
    pub fn insert(&mut self, id: u64) -> bool {
        if self.contains(id) {
            return false;
        }
        let mut first = id;
        let mut last = id;
        if let Some((&start, &end)) = self.ranges.range(..id).next_back()
            && end + 1 == id
        {
            first = start;
        }
        if let Some(next) = id.checked_add(1)
            && let Some(end) = self.ranges.remove(&next)
        {
            last = end;
        }
        self.ranges.insert(first, last);
        true
    }

    /// First and last id of each range, in order, flat.
    #[must_use]
    pub fn ranges(&self) -> Vec<u64> {
        self.ranges.iter().flat_map(|(first, last)| [*first, *last]).collect()
    }

    /// Becomes the set that had these ranges.
    pub fn load(&mut self, ranges: &[u64]) {
        self.ranges = ranges.as_chunks().0.iter().map(|[first, last]| (*first, *last)).collect();
    }

    /// Takes `id` out. False if it was not there.
    pub fn remove(&mut self, id: u64) -> bool {
        let Some((&first, &last)) = self.ranges.range(..=id).next_back() else {
            return false;
        };
        if id > last {
            return false;
        }
        self.ranges.remove(&first);
        if first < id {
            self.ranges.insert(first, id - 1);
        }
        if id < last {
            self.ranges.insert(id + 1, last);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn behaves_like_a_set_and_merges_neighbours(
            ids in proptest::collection::vec((0u64..60, 0u8..4), 0..200),
        ) {
            let mut compact = IdSet::default();
            let mut plain = HashSet::new();
            for (id, removed) in ids {
                if removed == 0 {
                    prop_assert_eq!(compact.remove(id), plain.remove(&id));
                } else {
                    prop_assert_eq!(compact.insert(id), plain.insert(id));
                }
            }
            let gaps = (0..60).filter(|id| plain.contains(id) && !plain.contains(&(id + 1))).count();
            prop_assert_eq!(compact.ranges.len(), gaps);
            prop_assert!((0..70).all(|id| compact.contains(id) == plain.contains(&id)));
        }
    }

    #[test]
    fn the_largest_id_is_an_id_too() {
        let mut set = IdSet::default();
        assert!(set.insert(u64::MAX) && set.insert(u64::MAX - 1) && !set.insert(u64::MAX));
        assert!(set.contains(u64::MAX));
        assert!(set.remove(u64::MAX) && !set.contains(u64::MAX) && set.contains(u64::MAX - 1));
    }
}
