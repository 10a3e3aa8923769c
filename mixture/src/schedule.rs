//! When a mixture is fitted again.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The epochs after which the mixture is fitted. Whoever trains keeps the epoch of the next fit.
///
/// ```
/// use std::num::NonZeroU64;
///
/// let schedule = mixture::Schedule::Every { start_epoch: 100, epochs: NonZeroU64::MIN };
/// let mut next = schedule.first();
/// for epoch in 0..103 {
///     if epoch >= next {
///         // fit here
///         next = schedule.after(next);
///     }
/// }
/// assert_eq!(next, 103);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Regularly, as MELTS does (from epoch 100, each epoch).
    Every {
        /// The epoch of the first fit.
        start_epoch: u64,
        /// From one fit to the next.
        epochs: NonZeroU64,
    },
    /// Less and less often, as GASP does: a fit at epoch e is followed by one at
    /// e + ⌊exp(4 e / num_epochs)⌋, so after 1 epoch at the start and after 54 at the end.
    Stretching {
        /// Epochs of the whole training.
        num_epochs: NonZeroU64,
    },
}

impl Schedule {
    /// The epoch of the first fit.
    #[must_use]
    pub fn first(&self) -> u64 {
        match *self {
            Self::Every { start_epoch, .. } => start_epoch,
            Self::Stretching { .. } => 0,
        }
    }

    /// The epoch of the fit that follows the one of `epoch`. Past the end of training the last
    /// distance of the schedule stays.
    #[must_use]
    pub fn after(&self, epoch: u64) -> u64 {
        match *self {
            Self::Every { epochs, .. } => epoch.saturating_add(epochs.get()),
            Self::Stretching { num_epochs } => epoch.saturating_add(stretch(epoch, num_epochs)),
        }
    }
}

/// ⌊exp(4 · part of the training that is done)⌋, between 1 and 54.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 54")]
fn stretch(epoch: u64, num_epochs: NonZeroU64) -> u64 {
    let done = epoch as f64 / num_epochs.get() as f64;
    (4.0 * done.min(1.0)).exp().floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretching_fits_each_epoch_at_first_and_rarely_at_the_end() {
        let schedule = Schedule::Stretching { num_epochs: NonZeroU64::new(100).unwrap() };
        let fits: Vec<u64> =
            std::iter::successors(Some(schedule.first()), |&e| Some(schedule.after(e)))
                .take_while(|&e| e < 100)
                .collect();
        // exp(4 e / 100) reaches 2 at e = 17.3, 3 at 27.5, 4 at 34.7, and 54 at 99.7.
        assert_eq!(
            fits[..21],
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22]
        );
        assert_eq!(fits[21..], [24, 26, 28, 31, 34, 37, 41, 46, 52, 60, 71, 88]);
        assert_eq!(schedule.after(100), 154);
    }
}
