//! A family without physics that checks what it is given, and networks whose actions can be
//! predicted.

use crate::Agent;
use envs::{Card, Env, Error, Step, TaskFamily};
use nets::{AgentSpec, EncoderSpec, Params, PolicySpec, Tensor, parameter_shapes};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{
    Behaviour, EnvSpec, LatentSource, Parameter, Phase, Purpose, Split, Task, TaskRef, Trial,
    TrialId, Version,
};

/// What a fake family is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fake {
    pub(crate) horizon: usize,
    pub(crate) shaped_reward: bool,
    /// Probability per step that the task ends.
    pub(crate) terminates: f64,
    /// Steps after which environments of the task with this index diverge.
    pub(crate) diverges: Option<(u32, usize)>,
}

pub(crate) const TASKS: u32 = 4;

impl Fake {
    pub(crate) fn leak(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// PEARL's networks.
    pub(crate) fn agent_spec() -> AgentSpec {
        Self::agent_with(EncoderSpec::gaussian_product([3, 2], true, vec![16], 2))
    }

    pub(crate) fn agent_with(encoder: EncoderSpec) -> AgentSpec {
        let latent = encoder.given();
        AgentSpec {
            policy: PolicySpec { observation: 3, latent, action: 2, hidden: vec![] },
            encoder,
        }
    }
}

impl TaskFamily for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn summary(&self) -> &'static str {
        "A random walk that the action disturbs."
    }

    fn card(&self) -> Card {
        Card {
            observation: "",
            action: "",
            tasks: "",
            start: "",
            reward: "",
            end: "",
            source: "",
            differences: "",
        }
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec { shaped_reward: self.shaped_reward, ..EnvSpec::new(3, 2, self.horizon) }
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let task = |index| Task {
            id: TaskRef { split, index },
            parameters: vec![Parameter { name: "which".to_owned(), value: f64::from(index) }],
        };
        (0..TASKS).map(task).collect()
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Walk { fake: *self, task: None, steps: 0, at: 0.0 }))
    }
}

struct Walk {
    fake: Fake,
    task: Option<u32>,
    steps: usize,
    at: f32,
}

impl Walk {
    fn observe(&self, observation: &mut [f32]) {
        let which = self.task.map_or(-1.0, |t| t as f32);
        observation.copy_from_slice(&[self.at, self.steps as f32, which]);
    }
}

impl Env for Walk {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.task = Some(task.id.index);
        self.steps = 0;
        self.at = rng.random::<f32>();
        self.observe(observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        let task = self.task.ok_or(Error::NotReset)?;
        assert_eq!(action.len(), 2);
        assert!(action.iter().all(|a| a.abs() <= 1.0));
        assert!(self.steps < self.fake.horizon, "stepped past the horizon");
        if self.fake.diverges == Some((task, self.steps)) {
            // A worthless environment must not be used again.
            self.task = None;
            let what = "a position of 1e30 m".to_owned();
            return Err(Error::Diverged { what });
        }
        self.steps += 1;
        self.at += action[0] + rng.random::<f32>();
        self.observe(observation);
        let reward = f64::from(self.at * action[1]);
        Ok(Step {
            reward,
            shaped_reward: 2.0 * reward,
            terminated: rng.random_bool(self.fake.terminates),
        })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.task = Some(task.id.index);
        Ok(())
    }
}

/// Random networks.
pub(crate) fn agent(spec: &AgentSpec, version: u64) -> Agent {
    let mut rng = types::stream(version, types::Role::Initialise, 0, 0);
    let params = nets::init::networks(&spec.networks(), &mut rng).unwrap();
    Agent::new(spec, &params, Version(version)).unwrap()
}

/// A random encoder, and a policy with hardly any noise: action 0 is tanh of the first number that
/// the policy is given, action 1 is a function of the version.
pub(crate) fn telling_agent(spec: &AgentSpec, version: u64) -> Agent {
    Agent::new(spec, &telling_params(spec, version), Version(version)).unwrap()
}

/// The parameters of a [`telling_agent`].
pub(crate) fn telling_params(spec: &AgentSpec, version: u64) -> Params {
    let mut rng = types::stream(version, types::Role::Initialise, 0, 0);
    let random = nets::init::networks(&spec.networks(), &mut rng).unwrap();
    let layers = spec.encoder.networks().last().unwrap().parameters();
    let last = &layers[layers.len() - 2].name;
    let of = |shape: nets::TensorShape| {
        let mut data = random.data(&shape).unwrap().to_vec();
        match shape.name.as_str() {
            // Rows: two means, two log σ. Columns: three observations, then what is given.
            "policy.0.weight" => {
                data.fill(0.0);
                data[3] = 1.0;
            }
            "policy.0.bias" => data = vec![0.0, telling_mean(version), -20.0, -20.0],
            // The encoder should have something to say.
            name if name == last => data.iter_mut().for_each(|w| *w *= 100.0),
            _ => {}
        }
        Tensor::new(shape.name, shape.shape, data).unwrap()
    };
    let shapes = parameter_shapes(&spec.networks());
    Params::new(shapes.into_iter().map(of).collect()).unwrap()
}

/// Mean of action 1 before tanh.
pub(crate) fn telling_mean(version: u64) -> f32 {
    0.05 * version as f32 - 1.0
}

/// A trial of the fake family.
pub(crate) fn trial(id: u64, purpose: Purpose, phases: &[(LatentSource, u32, bool)]) -> Trial {
    let phase = |&(latent, episodes, context): &_| Phase {
        latent,
        episodes,
        context,
        behaviour: Behaviour::Policy,
    };
    Trial {
        id: TrialId(id),
        task: TaskRef { split: Split::Train, index: u32::try_from(id % u64::from(TASKS)).unwrap() },
        purpose,
        phases: phases.iter().map(phase).collect(),
        seed: 1000 + id,
        min_version: Version(0),
        beliefs: 0,
    }
}
