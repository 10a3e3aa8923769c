//! Rates over the recent past.

use crate::registry::Now;
use std::collections::VecDeque;
use std::time::Duration;

/// How far back a rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// Readings kept at most; closer ones replace the newest.
const READINGS: u32 = 40;
/// Between two readings time stands still for so long; then a rate begins to fall.
const PATIENCE: Duration = Duration::from_secs(2);

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

    /// Per second over the window; 0 before there are two readings. Falls to 0 within the window
    /// when no more readings come.
    #[must_use]
    pub fn per_second(&self, now: Now) -> f64 {
        let Some((newest, high)) = self.readings.back() else {
            return 0.0;
        };
        let silent = now.saturating_sub(*newest) > PATIENCE;
        let to = if silent { now } else { *newest };
        let before = |(at, _): &&(Now, f64)| to.saturating_sub(*at) >= WINDOW;
        let first = self.readings.iter().rev().find(before).or(self.readings.front());
        match first {
            Some((from, low)) if to > *from => (high - low).max(0.0) / (to - *from).as_secs_f64(),
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
        assert_eq!(rate.per_second(Duration::ZERO), 0.0);
        let mut counter = 0.0;
        for millis in 0u64..60_000 {
            counter += if millis < 30_000 { 1.0 } else { 3.0 };
            rate.read(counter, Duration::from_millis(millis));
            assert!(rate.readings.len() <= READINGS as usize + 4);
        }
        let at = |seconds| rate.per_second(Duration::from_secs(seconds));
        assert!((at(60) - 3000.0).abs() < 1.0, "{}", at(60));
        // Nothing more is heard.
        let silence = [60, 62, 63, 65, 68, 70, 100].map(at);
        assert!(silence.is_sorted_by(|a, b| a >= b), "{silence:?}");
        assert!((1000.0..2000.0).contains(&at(65)), "{silence:?}");
        assert_eq!((at(70), at(100)), (0.0, 0.0));
    }
}
