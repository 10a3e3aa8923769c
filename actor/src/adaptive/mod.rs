//! An agent that adapts: networks, and what they make of the transitions that they were shown.

mod slot;

use crate::agent::Agent;
use nets::gaussian::fill_standard_normal;
use nets::{Beliefs, EncoderSpec, Error, Tracker};
use slot::Slot;
use types::experiment::{Context, Within};
use types::{Belief, Trial, Version};

/// The agent in use, and for each of several environments (slots) what it has seen of the trial in
/// hand. What it concludes of a slot depends on that slot alone, to the last bit.
#[derive(Debug)]
pub(crate) struct AdaptiveAgent {
    agent: Box<Agent>,
    spec: EncoderSpec,
    tracker: Tracker,
    slots: Vec<Slot>,
    /// Room for one inference.
    room: Room,
}

/// What one inference for several slots goes through.
#[derive(Debug)]
struct Room {
    slots: Vec<usize>,
    /// `[slots, described_by]`
    described: Vec<f32>,
    /// `[slots, noise]`
    noise: Vec<f32>,
    /// `[slots, given]`
    given: Vec<f32>,
    beliefs: Beliefs,
}

impl AdaptiveAgent {
    /// In `slots` environments, with nothing seen.
    pub(crate) fn new(agent: Box<Agent>, slots: usize) -> Result<Self, Error> {
        let spec = agent.encoder_spec().clone();
        Ok(Self {
            agent,
            tracker: Tracker::new(&spec, slots)?,
            slots: (0..slots).map(|_| Slot::new(&spec)).collect(),
            room: Room {
                slots: Vec::with_capacity(slots),
                described: vec![0.0; slots * spec.described_by()],
                noise: vec![0.0; slots * spec.noise()],
                given: vec![0.0; slots * spec.given()],
                beliefs: Beliefs::new(&spec),
            },
            spec,
        })
    }

    /// Goes on with newer weights of the same networks, as if they had always been there; a z that
    /// is held for an episode is not drawn again.
    pub(crate) fn renew(&mut self, agent: Box<Agent>) {
        self.agent = agent;
        self.tracker.rebuild();
    }

    /// Which weights act.
    pub(crate) fn version(&self) -> Version {
        self.agent.version()
    }

    /// Which weights have inferred what the policy is given in a slot.
    pub(crate) fn encoder_version(&self, slot: usize) -> Version {
        match self.spec.context {
            Context::Set { .. } => self.slots[slot].version,
            Context::Window { .. } => self.version(),
        }
    }

    /// Numbers in z.
    pub(crate) fn latent(&self) -> usize {
        self.spec.latent
    }

    /// Forgets what was seen in a slot.
    pub(crate) fn begin_trial(&mut self, slot: usize) -> Result<(), Error> {
        self.tracker.start(slot)
    }

    /// Gets ready for episode number `number` of `trial`, of `steps` steps at most; episodes follow
    /// each other from 0 on. A z that is held through the episode is drawn, and what the policy is
    /// given of it goes to `given` `[given]`.
    pub(crate) fn begin_episode(
        &mut self,
        slot: usize,
        trial: &Trial,
        number: u32,
        steps: usize,
        given: &mut [f32],
    ) -> Result<(), Error> {
        let state = &mut self.slots[slot];
        state.begin(&self.spec, trial, number);
        state.version = self.agent.version();
        if matches!(self.spec.context, Context::Window { within: Within::Episode, .. }) {
            self.tracker.start(slot)?;
        }
        if state.keeps {
            // So that the steps to come allocate nothing.
            self.tracker.reserve(slot, steps)?;
        }
        match self.spec.context {
            _ if state.is_blind => self.draw_prior(slot, given),
            Context::Set { .. } => self.draw_posterior(slot, given),
            Context::Window { .. } => Ok(()),
        }
    }

    /// The first half of a transition; [`AdaptiveAgent::receive`] must follow.
    pub(crate) fn see(&mut self, slot: usize, observation: &[f32], action: &[f32]) {
        self.slots[slot].see(observation, action);
    }

    /// The second half of a transition.
    pub(crate) fn receive(
        &mut self,
        slot: usize,
        reward: f64,
        next_observation: &[f32],
    ) -> Result<(), Error> {
        let state = &mut self.slots[slot];
        let keeps = state.keeps;
        let row = state.receive(reward, next_observation);
        if keeps { self.tracker.advance(slot, row) } else { Ok(()) }
    }

    /// Infers the tasks of the slots `asking` that do so at each step, all at once. What the policy
    /// is given goes to their rows of `given` `[slots, given]`; other rows stay.
    pub(crate) fn infer(
        &mut self,
        asking: impl Iterator<Item = usize>,
        given: &mut [f32],
    ) -> Result<(), Error> {
        if matches!(self.spec.context, Context::Set { .. }) {
            return Ok(());
        }
        self.room.slots.clear();
        self.room.slots.extend(asking.filter(|&slot| !self.slots[slot].is_blind));
        if self.room.slots.is_empty() {
            return Ok(());
        }
        let width = self.spec.noise();
        for (&slot, noise) in self.room.slots.iter().zip(self.room.noise.chunks_exact_mut(width)) {
            self.slots[slot].draw_noise(noise);
        }
        self.conclude()?;
        let width = self.spec.given();
        for (&slot, row) in self.room.slots.iter().zip(self.room.given.chunks_exact(width)) {
            given[slot * width..][..width].copy_from_slice(row);
        }
        Ok(())
    }

    /// Fills `actions` `[n, action]` of the policy.
    pub(crate) fn act(
        &mut self,
        observations: &[f32],
        given: &[f32],
        noise: &[f32],
        actions: &mut [f32],
    ) -> Result<(), Error> {
        self.agent.act(observations, given, noise, actions)
    }

    /// q(z|context) in a slot after `step` steps of an episode, with `task` in force.
    pub(crate) fn believe(&mut self, slot: usize, step: u32, task: u32) -> Result<Belief, Error> {
        let latent = self.spec.latent;
        if self.knows_nothing(slot)? {
            let (mean, variance) = (vec![0.0; latent], vec![1.0; latent]);
            return Ok(Belief { step, task, mean, variance, component: 0 });
        }
        self.describe_one(slot)?;
        let beliefs = &self.room.beliefs;
        Ok(Belief {
            step,
            task,
            mean: beliefs.mean()[..latent].to_vec(),
            variance: beliefs.variance()[..latent].to_vec(),
            component: beliefs.components()[0].try_into().unwrap_or(u32::MAX),
        })
    }

    /// z ~ N(0, I).
    fn draw_prior(&mut self, slot: usize, given: &mut [f32]) -> Result<(), Error> {
        let z = &mut self.room.noise[..self.spec.latent];
        fill_standard_normal(&mut self.slots[slot].dice, z);
        self.room.beliefs.observe_prior(z, given)
    }

    /// z ~ q(z|context), which is N(0, I) for an empty set.
    fn draw_posterior(&mut self, slot: usize, given: &mut [f32]) -> Result<(), Error> {
        if self.knows_nothing(slot)? {
            return self.draw_prior(slot, given);
        }
        self.describe_one(slot)?;
        let noise = &mut self.room.noise[..self.spec.noise()];
        fill_standard_normal(&mut self.slots[slot].dice, noise);
        self.room.beliefs.observe(noise, given)
    }

    /// Whether nothing was put into the set of a slot. A window that is empty is seen as such by
    /// the encoder.
    fn knows_nothing(&self, slot: usize) -> Result<bool, Error> {
        let is_set = matches!(self.spec.context, Context::Set { .. });
        Ok(is_set && self.tracker.length(slot)? == 0)
    }

    fn describe_one(&mut self, slot: usize) -> Result<(), Error> {
        self.room.slots.clear();
        self.room.slots.push(slot);
        self.describe()
    }

    /// Has the encoder tell of `room.slots`.
    fn describe(&mut self) -> Result<(), Error> {
        let Room { slots, described, beliefs, .. } = &mut self.room;
        let described = &mut described[..slots.len() * self.spec.described_by()];
        self.tracker.describe(self.agent.encoder_mut(), slots, described)?;
        beliefs.read(described)
    }

    /// What the policy is given of `room.slots`, with `room.noise`.
    fn conclude(&mut self) -> Result<(), Error> {
        self.describe()?;
        let Room { slots, noise, given, beliefs, .. } = &mut self.room;
        let noise = &noise[..slots.len() * self.spec.noise()];
        beliefs.observe(noise, &mut given[..slots.len() * self.spec.given()])
    }
}
