//! Sums over the last so many items.

use crate::encoder::add;

/// The sum of the last `window` items, or of all.
///
/// Nothing is ever subtracted, so that no rounding errors pile up and a large item leaves no trace
/// behind: time is cut into stretches of `window` items; the sum is that of the items since the
/// last cut and of those in the stretch before that are young enough, which are summed up from the
/// end when the stretch is over. Each number of a sum is thus rounded as in one addition of its
/// items, and an item costs two additions.
#[derive(Debug)]
pub(super) struct Sliding {
    window: Option<usize>,
    /// Item i at place i modulo `window`, `[window, item]`. Behind the place of the newest, where
    /// items of the stretch before are, the sum of what is there and behind.
    ring: Vec<f64>,
    /// Sum of the items since the last cut.
    recent: Vec<f64>,
    /// Items so far.
    count: usize,
}

impl Sliding {
    /// Of items of `item` numbers.
    pub(super) fn new(item: usize, window: Option<usize>) -> Self {
        let ring = vec![0.; window.unwrap_or(0) * item];
        Self { window, ring, recent: vec![0.; item], count: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Goes on as if `count` items had come, whose numbers are forgotten. The sum is right again
    /// when a whole window has come after them.
    pub(super) fn restart(&mut self, count: usize) {
        self.recent.fill(0.);
        self.count = count;
    }

    pub(super) fn push(&mut self, item: &[f64]) {
        let window = self.window.unwrap_or(usize::MAX);
        let place = self.count.checked_rem(window).unwrap_or(0);
        self.count += 1;
        if place == 0 && self.window.is_some() {
            self.cut();
        }
        if let Some(slot) = self.ring.chunks_exact_mut(item.len()).nth(place) {
            slot.copy_from_slice(item);
        }
        add(&mut self.recent, item);
    }

    /// Fills `sum` `[item]`.
    pub(super) fn total(&self, sum: &mut [f64]) {
        let Some(window) = self.window else {
            return sum.copy_from_slice(&self.recent);
        };
        sum.fill(0.);
        if window == 0 || self.count == 0 {
            return;
        }
        sum.copy_from_slice(&self.recent);
        let behind = (self.count - 1) % window + 1;
        if self.count > window && behind < window {
            add(sum, &self.ring[behind * sum.len()..][..sum.len()]);
        }
    }

    /// A stretch is over: sums it up from the end, in place.
    fn cut(&mut self) {
        let item = self.recent.len();
        self.recent.fill(0.);
        for place in (item..self.ring.len()).step_by(item).rev() {
            let (before, behind) = self.ring.split_at_mut(place);
            add(&mut before[place - item..], &behind[..item]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Precisions of Gaussian factors reach from nothing to 1e30 and back within a window; a
        /// sum from which the oldest is subtracted would have nothing right after the first.
        #[test]
        fn sums_are_as_exact_as_if_added_up_anew(
            exponents in prop::collection::vec(-60f64..60., 0..80),
            window in 0usize..12,
        ) {
            let items: Vec<f64> = exponents.iter().map(|e| e.exp()).collect();
            let mut sliding = Sliding::new(1, Some(window));
            for (index, item) in items.iter().enumerate() {
                sliding.push(&[*item]);
                let first = (index + 1).saturating_sub(window);
                let expected: f64 = items[first..=index].iter().sum();
                let mut sum = [f64::NAN];
                sliding.total(&mut sum);
                prop_assert!((sum[0] - expected).abs() <= 1e-14 * expected, "{sum:?} {expected}");
            }
        }
    }
}
