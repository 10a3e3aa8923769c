//! HalfCheetah moves as Gymnasium's does (`fixtures/record_half_cheetah.py`).

use anyhow::{Context, Result};
use envs::half_cheetah::{HalfCheetah, Motion};
use safetensors::SafeTensors;

const TOLERANCE: f64 = 1e-10;
const CONTROL_COST_WEIGHT: f64 = 0.1;

/// One recorded array, `[steps, width]`.
struct Array {
    width: usize,
    values: Vec<f64>,
}

impl Array {
    fn row(&self, step: usize) -> &[f64] {
        &self.values[step * self.width..][..self.width]
    }

    fn floats(&self, step: usize) -> Vec<f32> {
        self.row(step).iter().map(|&value| narrow(value)).collect()
    }
}

struct Recording {
    steps: usize,
    arrays: std::collections::HashMap<String, Array>,
}

impl Recording {
    fn open() -> Result<Self> {
        let tensors =
            SafeTensors::deserialize(include_bytes!("../fixtures/half_cheetah.safetensors"))?;
        let mut arrays = std::collections::HashMap::new();
        for (name, view) in tensors.tensors() {
            let values = view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            let width = view.shape()[1];
            arrays.insert(name, Array { width, values });
        }
        let steps = arrays.get("start").context("no start")?.values.len();
        Ok(Self { steps, arrays })
    }

    fn of(&self, name: &str) -> &Array {
        &self.arrays[name]
    }

    /// Compares all that Gymnasium put out at `step` with ours.
    fn compare(&self, step: usize, cheetah: &HalfCheetah, motion: Motion) -> Result<()> {
        let (qpos, qvel) = (cheetah.simulation().qpos(), cheetah.simulation().qvel());
        near("qpos", step, qpos, self.of("next_qpos").row(step));
        near("qvel", step, qvel, self.of("next_qvel").row(step));
        let observation: Vec<f64> = qpos[1..].iter().chain(qvel).copied().collect();
        near("observation", step, &observation, self.of("observation").row(step));
        let torso = cheetah.simulation().body("torso")?;
        let torso = cheetah.simulation().body_position(torso);
        near("torso", step, torso, self.of("torso").row(step));
        let control = -CONTROL_COST_WEIGHT * motion.effort;
        let reward = [motion.velocity + control, motion.velocity, control];
        near("reward", step, &reward, self.of("reward").row(step));

        let ours: Vec<f32> = observation.iter().chain(torso).map(|&v| narrow(v)).collect();
        let mut written = [f32::NAN; 20];
        cheetah.observe(&mut written)?;
        assert_eq!(written[..], ours, "observation as PEARL's, step {step}");
        Ok(())
    }
}

#[allow(clippy::cast_possible_truncation, reason = "what observations do")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn near(what: &str, step: usize, ours: &[f64], recorded: &[f64]) {
    assert_eq!(ours.len(), recorded.len(), "{what}");
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE;
    let all = ours.iter().zip(recorded).all(near);
    assert!(all, "{what} at step {step}: {ours:?}, recorded {recorded:?}");
}

#[test]
fn every_step_from_its_recorded_state_equals_gymnasium() -> Result<()> {
    let recording = Recording::open()?;
    assert!(recording.steps >= 1000);
    let mut cheetah = HalfCheetah::new()?;
    // Backwards, so that nothing left over from one step can help with the next.
    for step in (0..recording.steps).rev() {
        let simulation = cheetah.simulation_mut();
        simulation.reset();
        simulation.qpos_mut().copy_from_slice(recording.of("qpos").row(step));
        simulation.qvel_mut().copy_from_slice(recording.of("qvel").row(step));
        simulation.warm_start_mut().copy_from_slice(recording.of("warm_start").row(step));
        let motion = cheetah.step(&recording.of("action").floats(step))?;
        recording.compare(step, &cheetah, motion)?;
    }
    Ok(())
}

#[test]
fn whole_episodes_from_their_start_states_equal_gymnasium() -> Result<()> {
    let recording = Recording::open()?;
    let mut cheetah = HalfCheetah::new()?;
    let mut longest = 0;
    let mut length = 0;
    for step in 0..recording.steps {
        if recording.of("start").row(step) == [1.0] {
            length = 0;
            let simulation = cheetah.simulation_mut();
            simulation.reset();
            simulation.qpos_mut().copy_from_slice(recording.of("qpos").row(step));
            simulation.qvel_mut().copy_from_slice(recording.of("qvel").row(step));
            simulation.forward();
        }
        length += 1;
        longest = longest.max(length);
        let motion = cheetah.step(&recording.of("action").floats(step))?;
        recording.compare(step, &cheetah, motion)?;
    }
    assert!(longest >= 1000);
    Ok(())
}
