//! Whether the coordinator itself was held up: stopped, or its machine paused. What it did not hear
//! then is nobody's silence. Pure: the clock is passed in.

use crate::registry::Now;
use std::time::Duration;

/// It looks several times a second; longer than this between two looks, it was held up.
const HELD_UP: Duration = Duration::from_secs(2);

/// When it has looked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looks {
    newest: Now,
}

impl Looks {
    /// Looks. How long the coordinator was held up since the look before, if it was.
    pub fn look(&mut self, now: Now) -> Option<Duration> {
        let passed = now.saturating_sub(self.newest);
        self.newest = self.newest.max(now);
        (passed > HELD_UP).then_some(passed)
    }
}

/// When somebody counts as heard of who was heard of last at `heard`, by a coordinator that was held
/// up for so long, until `now`.
#[must_use]
pub fn excused(heard: Now, held_up: Duration, now: Now) -> Now {
    heard.max((heard + held_up).min(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Newcomer, PATIENCE};
    use crate::registry::{LifeKey, SILENCE};
    use crate::state::{Rules, State};
    use proto::v1::ActorStats;
    use types::ActorId;

    /// Much longer than anybody is waited for.
    const PAUSE: Duration = Duration::from_secs(3600);

    fn state_with_actors(count: u32) -> (State, Vec<LifeKey>) {
        let mut state = State::new(Rules {
            max_lag: 1,
            train_tasks: 1,
            test_tasks: 1,
            env_steps_budget: 1,
            learner_timeout: PATIENCE,
        });
        let learner = Newcomer { address: String::new(), host: String::new(), pid: 99 };
        state.register_learner(&learner, Now::ZERO, Now::ZERO).unwrap();
        let register = |place| {
            let registered = state.register(Some(ActorId(place)), String::new(), place, Now::ZERO);
            registered.unwrap().0
        };
        let lives = (0..count).map(register).collect();
        (state, lives)
    }

    /// Time passes as ever.
    fn pass(state: &mut State, now: &mut Now, length: Duration) -> Vec<LifeKey> {
        let end = *now + length;
        let mut dead = Vec::new();
        while *now < end {
            *now += Duration::from_millis(250);
            state.look(*now);
            dead.extend(state.tick(*now));
        }
        dead
    }

    #[test]
    fn nobody_was_silent_while_the_coordinator_was_held_up() {
        let (mut state, lives) = state_with_actors(2);
        let mut now = Now::ZERO;
        let end = Duration::from_secs(4);
        for _ in 0..4 {
            pass(&mut state, &mut now, end / 4);
            state.heartbeat(lives[0], ActorStats::default(), now).unwrap();
        }
        assert!(state.registry.life(lives[1]).is_none(), "silent while it was listened to");

        now += PAUSE;
        state.look(now);
        assert_eq!(state.tick(now), []);
        assert_eq!(state.stopping, None, "the learner has as long as before");
        let frozen = |state: &State, now| state.registry.is_frozen(ActorId(1), 1, now);
        assert!(!frozen(&state, now), "it may come back as soon as it is listened to");

        // From then on silence is silence.
        assert_eq!(pass(&mut state, &mut now, SILENCE + end / 4), [lives[0]]);
        assert!(frozen(&state, now));
    }

    #[test]
    fn an_excuse_never_takes_time_away() {
        let at = Duration::from_secs;
        assert_eq!(excused(at(5), at(10), at(16)), at(15));
        assert_eq!(excused(at(15), at(10), at(16)), at(16), "heard of meanwhile");
        assert_eq!(excused(at(20), at(10), at(16)), at(20), "has time until then in any case");
    }
}
