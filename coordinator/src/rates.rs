//! Rates over the recent past.

use crate::registry::Now;
use std::collections::VecDeque;
use std::time::Duration;

/// How far back a rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// Readings kept at most; closer ones replace the newest.
const READINGS: u32 = 40;

/// Per second, from readings of a counter.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    readings: VecDeque<(Now, f64)>,
}

impl Rate {
    /// Adds a reading.
    pub fn read(&mut self, counter: f64, now: Now) {
        let last = self.readings.len().saturating_sub(2);
        if let Some((before, _)) = self.readings.get(last)
            && self.readings.len() >= 2
            && now.saturating_sub(*before) < WINDOW / READINGS
        {
            self.readings.pop_back();
        }
        self.readings.push_back((now, counter));
        while self.readings.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW) {
            self.readings.pop_front();
        }
    }

    /// Per second over the window; 0 before there are two readings.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        match (self.readings.front(), self.readings.back()) {
            (Some((from, low)), Some((to, high))) if to > from => {
                (high - low).max(0.0) / (*to - *from).as_secs_f64()
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_recent_past_and_stays_small() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), 0.0);
        let mut counter = 0.0;
        for millis in 0u64..60_000 {
            counter += if millis < 30_000 { 1.0 } else { 3.0 };
            rate.read(counter, Duration::from_millis(millis));
            assert!(rate.readings.len() <= READINGS as usize + 4);
        }
        assert!((rate.per_second() - 3000.0).abs() < 1.0, "{}", rate.per_second());
    }
}
