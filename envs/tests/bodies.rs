//! Bodies move, see and are rewarded as Gymnasium's are (`fixtures/record_bodies.py`).

use anyhow::{Context, Result};
use envs::Error;
use envs::bodies::{
    Ant, HalfCheetah, Hopper, Humanoid, HumanoidStandup, InvertedDoublePendulum, InvertedPendulum,
    Outcome, Pusher, Reacher, Standard, Striker, Swimmer, Walker,
};
use envs::body::Body;
use envs::half_cheetah::HalfCheetah as PearlCheetah;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::marker::PhantomData;
use types::{Role, stream};

/// Relative to the larger of 1 and the recorded number.
const TOLERANCE: f64 = 1e-10;

/// What is compared: a body under its rules.
trait Subject {
    /// Forgets what happened in earlier episodes.
    fn forget(&mut self) {}

    fn body(&mut self) -> &mut Body;
    fn step(&mut self, action: &[f32]) -> Result<Outcome, Error>;
    fn observation(&self) -> Vec<f64>;
}

struct Gymnasium<S>(Body, PhantomData<S>);

impl<S: Standard> Subject for Gymnasium<S> {
    fn body(&mut self) -> &mut Body {
        &mut self.0
    }

    fn step(&mut self, action: &[f32]) -> Result<Outcome, Error> {
        S::step(&mut self.0, action)
    }

    fn observation(&self) -> Vec<f64> {
        let observation: Vec<f64> = S::observation(&self.0).collect();
        assert_eq!(observation.len(), S::OBSERVATION);
        observation
    }
}

impl Subject for Striker {
    fn forget(&mut self) {
        self.reset(&mut stream(0, Role::Environment, 0, 0));
    }

    fn body(&mut self) -> &mut Body {
        self.body_mut()
    }

    fn step(&mut self, action: &[f32]) -> Result<Outcome, Error> {
        Ok(Outcome { reward: self.step(action)?, terminated: false })
    }

    fn observation(&self) -> Vec<f64> {
        self.observation().collect()
    }
}

/// One recorded array, `[rows, width]`.
struct Array {
    width: usize,
    values: Vec<f64>,
}

impl Array {
    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    fn rows(&self) -> usize {
        self.values.len() / self.width
    }
}

struct Recording {
    name: &'static str,
    arrays: HashMap<String, Array>,
    actions: Vec<Vec<f32>>,
    /// Episode of each step.
    episodes: Vec<usize>,
}

impl Recording {
    fn open(name: &'static str) -> Result<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bodies");
        let file = std::fs::read(format!("{folder}/{name}.safetensors"))?;
        let (mut arrays, mut actions) = (HashMap::new(), vec![]);
        for (name, view) in SafeTensors::deserialize(&file)?.tensors() {
            let width = view.shape()[1];
            if view.dtype() == Dtype::F32 {
                let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
                actions = values.collect::<Vec<_>>().chunks(width).map(<[f32]>::to_vec).collect();
            } else {
                let values = view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
                arrays.insert(name, Array { width, values: values.collect() });
            }
        }
        let starts = &arrays.get("start").context("no start")?.values;
        let episodes = (0..starts.len()).map(|step| count(&starts[1..=step])).collect();
        Ok(Self { name, arrays, actions, episodes })
    }

    fn of(&self, name: &str, row: usize) -> &[f64] {
        self.arrays[name].row(row)
    }

    fn starts(&self, step: usize) -> bool {
        self.of("start", step) == [1.0]
    }

    /// Positions and velocities before `step`.
    fn before(&self, step: usize) -> (&[f64], &[f64]) {
        if self.starts(step) {
            let episode = self.episodes[step];
            return (self.of("start_qpos", episode), self.of("start_qvel", episode));
        }
        (self.of("qpos", step - 1), self.of("qvel", step - 1))
    }

    /// Puts `subject` where the recorded body was before `step`.
    fn set(&self, step: usize, subject: &mut impl Subject) {
        let (qpos, qvel) = self.before(step);
        subject.forget();
        let simulation = subject.body().simulation_mut();
        simulation.reset();
        simulation.qpos_mut().copy_from_slice(qpos);
        simulation.qvel_mut().copy_from_slice(qvel);
        simulation.forward();
        simulation.warm_start_mut().copy_from_slice(self.of("warm_start", step));
    }

    /// Compares the state that `step` led to and what is seen of it.
    fn compare_state(&self, step: usize, subject: &mut impl Subject) {
        let body = subject.body();
        self.near("qpos", step, body.simulation().qpos(), self.of("qpos", step));
        self.near("qvel", step, body.simulation().qvel(), self.of("qvel", step));
        self.near("torso", step, body.torso(), self.of("torso", step));
        self.compare_observation(step, &subject.observation());
    }

    /// Compares how `step` was judged, which depends on the steps before as well.
    fn compare_outcome(&self, step: usize, outcome: Outcome) {
        let terminated = self.of("terminated", step) == [1.0];
        assert_eq!(outcome.terminated, terminated, "{}, step {step}", self.name);
        self.near("reward", step, &[outcome.reward], self.of("reward", step));
    }

    fn compare_observation(&self, step: usize, observation: &[f64]) {
        let Some(weights) = self.arrays.get("weights") else {
            return self.near("observation", step, observation, self.of("observation", step));
        };
        if step.is_multiple_of(25) {
            self.near("observation", step, observation, self.of("observation", step / 25));
        }
        let project = |row| {
            let products = weights.row(row).iter().zip(observation).map(|(w, o)| w * o);
            products.fold(0.0, |sum, product| sum + product)
        };
        let projection: Vec<f64> = (0..weights.rows()).map(project).collect();
        self.near("projection", step, &projection, self.of("projection", step));
    }

    fn near(&self, what: &str, step: usize, ours: &[f64], recorded: &[f64]) {
        assert_eq!(ours.len(), recorded.len(), "{}, {what}", self.name);
        for (index, (a, b)) in ours.iter().zip(recorded).enumerate() {
            let near = (a - b).abs() <= TOLERANCE * b.abs().max(1.0);
            assert!(near, "{}, {what}[{index}] at step {step}: {a}, recorded {b}", self.name);
        }
    }
}

fn count(starts: &[f64]) -> usize {
    starts.iter().filter(|start| **start == 1.0).count()
}

fn equals_its_recording(name: &'static str, subject: &mut impl Subject) -> Result<()> {
    let recording = Recording::open(name)?;
    let steps = recording.episodes.len();
    assert!(steps > 1000 && recording.episodes[999] == 0, "1,000 steps in a row");
    // Whole episodes from their start states alone.
    for step in 0..steps {
        if recording.starts(step) {
            recording.set(step, subject);
        }
        let outcome = subject.step(&recording.actions[step])?;
        recording.compare_state(step, subject);
        recording.compare_outcome(step, outcome);
    }
    // Every step by itself from the recorded state, backwards, so that nothing left over from one
    // step can help with the next.
    for step in (0..steps).rev() {
        recording.set(step, subject);
        subject.step(&recording.actions[step])?;
        recording.compare_state(step, subject);
    }
    Ok(())
}

#[test]
fn the_cheetah_of_pearl_sees_its_torso_as_well() -> Result<()> {
    let (recording, mut cheetah) = (Recording::open("half_cheetah")?, PearlCheetah::new()?);
    let (qpos, qvel) = recording.before(0);
    cheetah.simulation_mut().qpos_mut().copy_from_slice(qpos);
    cheetah.simulation_mut().qvel_mut().copy_from_slice(qvel);
    cheetah.simulation_mut().forward();
    for step in 0..200 {
        let motion = cheetah.step(&recording.actions[step])?;
        let reward = motion.velocity - 0.1 * motion.effort;
        recording.near("reward", step, &[reward], recording.of("reward", step));
        let seen = recording.of("observation", step).iter().chain(recording.of("torso", step));
        let mut observation = [f32::NAN; 20];
        cheetah.observe(&mut observation)?;
        assert_eq!(observation[..], seen.map(|v| narrow(*v)).collect::<Vec<_>>(), "step {step}");
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "what observations do")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn gymnasium<S: Standard>(name: &'static str) -> Result<()> {
    equals_its_recording(name, &mut Gymnasium::<S>(S::build()?, PhantomData))
}

#[test]
fn bodies_that_walk_and_swim_equal_gymnasium() -> Result<()> {
    gymnasium::<Ant>("ant")?;
    gymnasium::<HalfCheetah>("half_cheetah")?;
    gymnasium::<Hopper>("hopper")?;
    gymnasium::<Swimmer>("swimmer")?;
    gymnasium::<Walker>("walker")
}

#[test]
fn humanoids_equal_gymnasium() -> Result<()> {
    gymnasium::<Humanoid>("humanoid")?;
    gymnasium::<HumanoidStandup>("humanoid_standup")
}

#[test]
fn pendulums_equal_gymnasium() -> Result<()> {
    gymnasium::<InvertedPendulum>("inverted_pendulum")?;
    gymnasium::<InvertedDoublePendulum>("inverted_double_pendulum")
}

#[test]
fn arms_equal_gymnasium() -> Result<()> {
    gymnasium::<Reacher>("reacher")?;
    gymnasium::<Pusher>("pusher")
}

#[test]
fn the_striker_equals_epi() -> Result<()> {
    equals_its_recording("striker", &mut Striker::new()?)
}
