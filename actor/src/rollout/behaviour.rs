//! Who acts in an episode, and with which dice.

use nets::gaussian::fill_standard_normal;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{Behaviour, Role, stream};

/// The actions of one episode, as far as they are random: noise for the policy, or the actions
/// themselves where another behaviour acts. All of it comes from one stream of the trial's seed.
#[derive(Debug)]
pub(crate) struct Hand {
    behaviour: Behaviour,
    dice: ChaCha8Rng,
    /// Mean and standard deviation of each number of an action, while they are remembered.
    remembered: Vec<(f32, f32)>,
    /// Steps until they are drawn anew.
    left: u32,
}

impl Hand {
    /// For episode number `episode` of the trial with this seed.
    pub(crate) fn new(seed: u64, episode: u32, behaviour: Behaviour) -> Self {
        let dice = stream(seed, Role::Action, episode.into(), 0);
        Self { behaviour, dice, remembered: Vec::new(), left: 0 }
    }

    /// Whether the policy acts.
    pub(crate) fn is_policy(&self) -> bool {
        self.behaviour.is_policy()
    }

    /// Fills in the `noise` of the policy's next action, `[action]`.
    pub(crate) fn draw_noise(&mut self, noise: &mut [f32]) {
        fill_standard_normal(&mut self.dice, noise);
    }

    /// Puts the next `action` `[action]` in place of the policy's, unless the policy acts.
    pub(crate) fn act(&mut self, action: &mut [f32]) {
        match self.behaviour {
            Behaviour::Policy => {}
            Behaviour::Random => fill_uniform(&mut self.dice, action),
            Behaviour::RandomMemory { every } => self.act_from_memory(every, action),
        }
    }

    fn act_from_memory(&mut self, every: u32, action: &mut [f32]) {
        if self.left == 0 {
            self.left = every.max(1);
            self.remembered.clear();
            let dice = &mut self.dice;
            let gaussian = || (dice.random_range(-1.0..=1.0), dice.random_range(0.0..=1.0));
            self.remembered.extend(std::iter::repeat_with(gaussian).take(action.len()));
        }
        self.left -= 1;
        fill_standard_normal(&mut self.dice, action);
        for (action, (mean, deviation)) in action.iter_mut().zip(&self.remembered) {
            *action = (mean + deviation * *action).clamp(-1.0, 1.0);
        }
    }
}

/// Fills `action` with independent draws from U(-1, 1).
pub(crate) fn fill_uniform(dice: &mut ChaCha8Rng, action: &mut [f32]) {
    action.fill_with(|| dice.random_range(-1.0..=1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(seed: u64, behaviour: Behaviour, steps: usize) -> Vec<f32> {
        let mut hand = Hand::new(seed, 0, behaviour);
        let mut actions = vec![0.0; 2 * steps];
        actions.chunks_exact_mut(2).for_each(|action| hand.act(action));
        actions
    }

    /// Mean and standard deviation.
    fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
        let n = values.clone().count() as f64;
        let mean = values.clone().map(f64::from).sum::<f64>() / n;
        let square = values.map(|v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        (mean, square.sqrt())
    }

    #[test]
    fn remembered_means_hold_for_so_many_steps_and_no_longer() {
        const EVERY: usize = 4000;
        let every = u32::try_from(EVERY).unwrap();
        let actions = actions(5, Behaviour::RandomMemory { every }, 3 * EVERY);
        assert!(actions.iter().all(|a| a.abs() <= 1.0));
        let means: Vec<f64> = actions
            .chunks_exact(2 * EVERY)
            .map(|spell| {
                let first = spell.iter().step_by(2).copied();
                let (early, late) =
                    (moments(first.clone().take(EVERY / 2)), moments(first.skip(EVERY / 2)));
                assert!((early.0 - late.0).abs() < 0.05, "{early:?} {late:?}");
                assert!((early.1 - late.1).abs() < 0.05, "{early:?} {late:?}");
                early.0
            })
            .collect();
        assert!(
            (means[0] - means[1]).abs() > 0.1 && (means[1] - means[2]).abs() > 0.1,
            "{means:?}"
        );
    }

    #[test]
    fn random_actions_are_uniform() {
        let (mean, deviation) = moments(actions(6, Behaviour::Random, 20_000).into_iter());
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((deviation - 1.0 / 3.0_f64.sqrt()).abs() < 0.01, "{deviation}");
    }
}
