//! Lander and walker do what Gymnasium's do (`fixtures/record_box2d.py`), bit for bit.

use anyhow::{Context as _, Result, ensure};
use envs::carl::box2d::lander::{self, Flight, Thrust};
use envs::carl::box2d::walker::{self, Walk};
use envs::carl::box2d::{Draw, Outcome};
use safetensors::SafeTensors;
use types::{Role, Split, Task, stream};

/// Recorded random numbers, in order.
struct Tape(std::vec::IntoIter<f64>);

impl Draw for Tape {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let value = self.0.next().unwrap_or(f64::NAN);
        assert!((low..high).contains(&value), "{value} is not in [{low}, {high})");
        value
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small")]
    fn whole(&mut self, low: i64, high: i64) -> i64 {
        self.uniform(low as f64, high as f64) as i64
    }
}

/// An episode as it was recorded.
struct Recorded {
    context: Vec<f64>,
    draws: Tape,
    actions: Vec<Vec<f32>>,
    observations: Vec<Vec<f32>>,
    outcomes: Vec<Outcome>,
}

struct File(SafeTensors<'static>);

impl File {
    fn open() -> Result<Self> {
        let bytes = include_bytes!("../fixtures/box2d.safetensors");
        Ok(Self(SafeTensors::deserialize(bytes)?))
    }

    fn doubles(&self, name: &str) -> Result<Vec<f64>> {
        let view = self.0.tensor(name)?;
        Ok(view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }

    fn rows(&self, name: &str) -> Result<Vec<Vec<f32>>> {
        let view = self.0.tensor(name)?;
        let values: Vec<f32> =
            view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(values.chunks(view.shape()[1]).map(<[f32]>::to_vec).collect())
    }

    /// The episodes of a family.
    fn episodes(&self, family: &str) -> Result<Vec<Recorded>> {
        let mut episodes = vec![];
        while self.0.tensor(&format!("{family}/{}/draws", episodes.len())).is_ok() {
            let name = |what: &str| format!("{family}/{}/{what}", episodes.len());
            let outcomes = self.doubles(&name("outcomes"))?;
            let outcome = |pair: &[f64]| Outcome { reward: pair[0], terminated: pair[1] == 1.0 };
            episodes.push(Recorded {
                context: self.doubles(&name("context"))?,
                draws: Tape(self.doubles(&name("draws"))?.into_iter()),
                actions: self.rows(&name("actions"))?,
                observations: self.rows(&name("observations"))?,
                outcomes: outcomes.chunks(2).map(outcome).collect(),
            });
        }
        ensure!(episodes.iter().filter(|episode| episode.actions.len() >= 100).count() >= 5);
        Ok(episodes)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "what observations do")]
fn narrow(state: &[f64]) -> Vec<f32> {
    state.iter().map(|&value| value as f32).collect()
}

fn fly(episode: &mut Recorded, thrust: fn(&[f32]) -> Result<Thrust, envs::Error>) -> Result<()> {
    let context = lander::Context::new(episode.context.as_slice().try_into()?);
    let mut flight = Flight::start(context, &mut episode.draws)?;
    ensure!(narrow(flight.state()) == episode.observations[0], "after the reset");
    for (step, action) in episode.actions.iter().enumerate() {
        let outcome = flight.step(thrust(action)?, &mut episode.draws)?;
        let expected = (&episode.observations[step + 1], episode.outcomes[step]);
        let got = (&narrow(flight.state()), outcome);
        ensure!(got == expected, "step {step}: {got:?}, recorded {expected:?}");
    }
    ensure!(episode.draws.0.next().is_none(), "random numbers are left");
    Ok(())
}

#[test]
fn the_lander_flies_as_gymnasium_s_does() -> Result<()> {
    let file = File::open()?;
    let commands: [(&str, fn(&[f32]) -> Result<Thrust, envs::Error>); 2] = [
        ("carl-lunar-lander", Thrust::chosen),
        ("carl-lunar-lander-continuous", Thrust::throttled),
    ];
    for (family, thrust) in commands {
        for (index, episode) in file.episodes(family)?.iter_mut().enumerate() {
            fly(episode, thrust).with_context(|| format!("{family} {index}"))?;
        }
    }
    Ok(())
}

fn walk(episode: &mut Recorded) -> Result<()> {
    let context = walker::Context::new(episode.context.as_slice().try_into()?);
    let mut walk = Walk::start(context, &mut episode.draws)?;
    ensure!(narrow(walk.state()) == episode.observations[0], "after the reset");
    for (step, action) in episode.actions.iter().enumerate() {
        let action: Vec<f64> = action.iter().copied().map(f64::from).collect();
        let outcome = walk.step(action.as_slice().try_into()?)?;
        let expected = (&episode.observations[step + 1], episode.outcomes[step]);
        let got = (&narrow(walk.state()), outcome);
        ensure!(got == expected, "step {step}: {got:?}, recorded {expected:?}");
    }
    ensure!(episode.draws.0.next().is_none(), "random numbers are left");
    Ok(())
}

#[test]
fn the_walker_walks_as_gymnasium_s_does() -> Result<()> {
    for (index, episode) in File::open()?.episodes("carl-bipedal-walker")?.iter_mut().enumerate() {
        walk(episode).with_context(|| format!("episode {index}"))?;
    }
    Ok(())
}
