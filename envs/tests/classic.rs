//! Classic control moves as Gymnasium's does in CARL's contexts (`fixtures/record_classic.py`).

use anyhow::{Context, Result, ensure};
use envs::find;
use safetensors::SafeTensors;
use types::{Parameter, Role, Split, Task, TaskRef, stream};

/// Observations are compared as they are seen, in `f32`, over whole episodes.
const TOLERANCE: f64 = 1e-6;

const RECORDED: &[u8] = include_bytes!("../fixtures/classic.safetensors");

/// A recorded array, row by row.
fn rows(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<Vec<f64>>> {
    let view = tensors.tensor(name)?;
    let bytes = view.data().as_chunks().0;
    let values: Vec<f64> = bytes.iter().map(|b| f64::from_le_bytes(*b)).collect();
    Ok(values.chunks(view.shape()[1]).map(<[f64]>::to_vec).collect())
}

#[allow(clippy::cast_possible_truncation, reason = "recorded from f32")]
fn floats(row: &[f64]) -> Vec<f32> {
    row.iter().map(|&value| value as f32).collect()
}

/// Plays the recorded episodes of `name`; gives the number of steps and the largest difference.
fn replay(name: &str) -> Result<(usize, f64)> {
    let tensors = SafeTensors::deserialize(RECORDED)?;
    let of = |array: &str| rows(&tensors, &format!("{name}/{array}"));
    let (contexts, lengths) = (of("context")?, of("steps")?);
    let (actions, observations, results) = (of("action")?, of("observation")?, of("result")?);
    let family = find(name)?;
    let mut env = family.make()?;
    let mut rng = stream(1, Role::Environment, 0, 0);
    let mut observation = vec![0.0; family.spec().observation_dim];
    let (mut step, mut most) = (0, 0.0_f64);
    for (context, length) in contexts.iter().zip(lengths) {
        let names = family.features().iter().map(|feature| feature.name.to_owned());
        let parameters = names.zip(context).map(|(name, &value)| Parameter { name, value });
        let id = TaskRef { split: Split::Test, index: 0 };
        let task = Task { id, parameters: parameters.collect() };
        env.reset(&task, &mut rng, &mut observation)?;
        for t in (0_u32..).take_while(|&t| f64::from(t) < length[0]) {
            let got = env.step(&floats(&actions[step]), &mut rng, &mut observation)?;
            for (ours, theirs) in observation.iter().zip(&observations[step]) {
                let difference = (f64::from(*ours) - theirs).abs() / theirs.abs().max(1.0);
                ensure!(difference <= TOLERANCE, "step {t}: {ours} is not {theirs}, {context:?}");
                most = most.max(difference);
            }
            let [reward, terminated] = results[step][..] else { anyhow::bail!("two results") };
            let difference = (got.reward - reward).abs() / reward.abs().max(1.0);
            ensure!(difference <= TOLERANCE, "step {t}: {got:?}, expected {reward}");
            ensure!(got.terminated == (terminated == 1.0), "step {t}: {got:?}");
            step += 1;
        }
    }
    ensure!(step == actions.len(), "{step} of {} steps", actions.len());
    Ok((step, most))
}

#[test]
fn episodes_equal_those_recorded_from_gymnasium() -> Result<()> {
    let suite =
        envs::suites().iter().find(|suite| suite.name == "carl-classic").context("suite")?;
    for family in suite.families {
        let name = family.name();
        let (steps, most) = replay(name).context(name)?;
        println!("{name}: {steps} steps, largest difference {most:e}");
        assert!(steps >= 1000, "{name}: {steps} steps");
    }
    Ok(())
}
