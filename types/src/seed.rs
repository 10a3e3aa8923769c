//! Counter-based random streams.
//!
//! A stream is ChaCha8 keyed by (run seed, role, index, sub-index): independent streams for any
//! two different keys, no state outside the counter, the same numbers on every machine.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is used for. The discriminants are part of what a seed means:
/// never renumber, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Role {
    /// Initial parameters; index: network.
    Initialise = 1,
    /// Which tasks and rows an update uses; index: update.
    Sample = 2,
    /// Reparameterisation noise of an update; index: update.
    UpdateNoise = 3,
    /// Which task a training trial is for; index: trial.
    ChooseTask = 4,
    /// The seed of a trial; index: trial.
    TrialSeed = 5,
    /// Environment randomness (start states, dynamics noise); seed: the trial's; index: episode.
    Environment = 6,
    /// Action noise; seed: the trial's; index: episode.
    Action = 7,
    /// Draws of the latent; seed: the trial's; index: episode.
    Latent = 8,
    /// Yardstick rollouts (random and oracle policies); index: task.
    Reference = 9,
    /// Which fault comes next in a chaos run; index: fault.
    Fault = 10,
    /// Which contexts an update of the encoder uses, and its noise; index: update.
    Contexts = 11,
    /// Fits of a mixture; index: cycle.
    Mixture = 12,
    /// Clusters among the beliefs of an evaluation; seed: 0; index: evaluation.
    Cluster = 13,
}

/// The stream for `(seed, role, index, sub)`.
///
/// ```
/// use rand::Rng as _;
/// let mut a = types::stream(7, types::Role::Action, 3, 0);
/// let mut b = types::stream(7, types::Role::Action, 3, 0);
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
#[must_use]
pub fn stream(seed: u64, role: Role, index: u64, sub: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip([seed, role as u64, index, sub]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}
