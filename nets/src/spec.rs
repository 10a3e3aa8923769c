//! Network specs: plain serde data that says which networks an agent has and how large they are.

use crate::Error;
use serde::{Deserialize, Serialize};
use types::EnvSpec;
use types::experiment::{CriticForm, Experiment};

/// Largest width of a layer, an input or an output.
const MAX_WIDTH: usize = 8192;
/// Most hidden layers of one network.
const MAX_HIDDEN: usize = 16;

/// Sizes of one linear layer, y = W x + b.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    /// Columns of W: numbers going in.
    pub input: usize,
    /// Rows of W: numbers coming out.
    pub output: usize,
}

/// A multi-layer perceptron: ReLU after every hidden layer, linear output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpSpec {
    /// Numbers going in.
    pub input: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Numbers coming out.
    pub output: usize,
}

impl MlpSpec {
    /// The linear layers from input to output.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerShape> {
        let inputs = std::iter::once(self.input).chain(self.hidden.iter().copied());
        let outputs = self.hidden.iter().copied().chain([self.output]);
        inputs.zip(outputs).map(|(input, output)| LayerShape { input, output }).collect()
    }
}

/// A named MLP with what its initialisation needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// First part of its parameters' names.
    pub name: String,
    /// Its layers.
    pub mlp: MlpSpec,
    /// Weights and biases of the last layer start in U(-bound, bound).
    pub output_bound: f32,
}

impl Network {
    /// A network whose last layer starts in U(±3e-3).
    #[must_use]
    pub fn new(name: &str, mlp: MlpSpec) -> Self {
        let name = name.to_owned();
        Self { name, mlp, output_bound: 3e-3 }
    }

    /// `<name>.<layer>.weight` `[output, input]` and `<name>.<layer>.bias` `[output]` in turn.
    #[must_use]
    pub fn parameters(&self) -> Vec<TensorShape> {
        let mut shapes = Vec::new();
        for (index, layer) in self.mlp.layers().into_iter().enumerate() {
            shapes.push(TensorShape {
                name: format!("{}.{index}.weight", self.name),
                shape: vec![layer.output, layer.input],
            });
            shapes.push(TensorShape {
                name: format!("{}.{index}.bias", self.name),
                shape: vec![layer.output],
            });
        }
        shapes
    }
}

/// Name and shape of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorShape {
    /// `<network>.<layer>.weight` or `.bias`.
    pub name: String,
    /// `[output, input]` of a weight, `[output]` of a bias.
    pub shape: Vec<usize>,
}

/// All parameters of `networks`, in the order in which they are stored.
#[must_use]
pub fn parameter_shapes(networks: &[Network]) -> Vec<TensorShape> {
    networks.iter().flat_map(Network::parameters).collect()
}

/// π(a|s,z): a Gaussian squashed by tanh.
///
/// One MLP maps `[observation, latent]` to `[mean, log σ]`, each of `action` numbers; log σ is
/// clamped to [-20, 2]; a = tanh(mean + σ ε).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers in the latent task variable z.
    pub latent: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
}

impl PolicySpec {
    /// The network `policy`.
    #[must_use]
    pub fn network(&self) -> Network {
        let mlp = MlpSpec {
            input: self.observation + self.latent,
            hidden: self.hidden.clone(),
            output: 2 * self.action,
        };
        Network { output_bound: 1e-3, ..Network::new("policy", mlp) }
    }

    /// Refuses sizes that no experiment has.
    ///
    /// # Errors
    /// [`Error::Spec`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        width("policy.observation", self.observation)?;
        width("policy.latent", self.latent)?;
        width("policy.action", self.action)?;
        hidden("policy.hidden", &self.hidden)
    }
}

/// How q(z|context) is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EncoderSpec {
    /// One Gaussian factor per transition, multiplied together (PEARL).
    GaussianProduct(GaussianProductSpec),
}

impl EncoderSpec {
    /// Numbers in the latent task variable z.
    #[must_use]
    pub fn latent(&self) -> usize {
        match self {
            Self::GaussianProduct(spec) => spec.latent,
        }
    }

    /// Numbers in one context row.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::GaussianProduct(spec) => spec.width(),
        }
    }

    /// The network `encoder`.
    #[must_use]
    pub fn network(&self) -> Network {
        match self {
            Self::GaussianProduct(spec) => spec.network(),
        }
    }

    /// Refuses sizes that no experiment has.
    ///
    /// # Errors
    /// [`Error::Spec`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let Self::GaussianProduct(spec) = self;
        width("encoder.observation", spec.observation)?;
        width("encoder.latent", spec.latent)?;
        width("encoder.action", spec.action)?;
        hidden("encoder.hidden", &spec.hidden)
    }
}

/// PEARL's encoder (Rakelly et al. 2019, arXiv 1903.08254, section 4.2).
///
/// One MLP maps a context row `[observation, action, reward]` or, if `next_observation` is set,
/// `[observation, action, reward, next observation]` to `[μ, x]`, each of `latent` numbers;
/// σ² = max(softplus(x), 1e-7). The posterior is the product of these Gaussians:
/// 1/σ² = Σ 1/σ_i², μ = σ² Σ μ_i/σ_i².
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianProductSpec {
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Whether the next observation is part of a context row.
    pub next_observation: bool,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Numbers in the latent task variable z.
    pub latent: usize,
}

impl GaussianProductSpec {
    /// Numbers in one context row.
    #[must_use]
    pub fn width(&self) -> usize {
        let next = if self.next_observation { self.observation } else { 0 };
        self.observation + self.action + 1 + next
    }

    /// The network `encoder`.
    #[must_use]
    pub fn network(&self) -> Network {
        let mlp =
            MlpSpec { input: self.width(), hidden: self.hidden.clone(), output: 2 * self.latent };
        Network::new("encoder", mlp)
    }
}

/// The value functions; only the learner has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticSpec {
    /// Which value functions there are.
    pub form: CriticForm,
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Numbers in the latent task variable z.
    pub latent: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
}

impl CriticSpec {
    /// The critics of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment, env: &EnvSpec) -> Self {
        Self {
            form: experiment.agent.critic,
            observation: env.observation_dim,
            action: env.action_dim,
            latent: experiment.inference.latent,
            hidden: experiment.agent.hidden.clone(),
        }
    }

    /// Q(s, a, z): `[observation, action, latent]` to one number.
    #[must_use]
    pub fn q(&self) -> MlpSpec {
        self.value_of(self.observation + self.action + self.latent)
    }

    /// V(s, z): `[observation, latent]` to one number.
    #[must_use]
    pub fn v(&self) -> MlpSpec {
        self.value_of(self.observation + self.latent)
    }

    /// `q1`, `q2`, and `v` where the form has it.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        let mut networks = vec![Network::new("q1", self.q()), Network::new("q2", self.q())];
        if self.form == CriticForm::VNetwork {
            networks.push(Network::new("v", self.v()));
        }
        networks
    }

    /// The slowly following copies: `target_q1` and `target_q2`, or `target_v`. They start as
    /// copies, so their `output_bound` is not used.
    #[must_use]
    pub fn targets(&self) -> Vec<Network> {
        match self.form {
            CriticForm::TwinQ => {
                vec![Network::new("target_q1", self.q()), Network::new("target_q2", self.q())]
            }
            CriticForm::VNetwork => vec![Network::new("target_v", self.v())],
        }
    }

    fn value_of(&self, input: usize) -> MlpSpec {
        MlpSpec { input, hidden: self.hidden.clone(), output: 1 }
    }
}

/// The networks that an actor needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// How it acts.
    pub policy: PolicySpec,
    /// How it infers the task.
    pub encoder: EncoderSpec,
}

impl AgentSpec {
    /// The acting networks of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment, env: &EnvSpec) -> Self {
        let inference = &experiment.inference;
        let policy = PolicySpec {
            observation: env.observation_dim,
            latent: inference.latent,
            action: env.action_dim,
            hidden: experiment.agent.hidden.clone(),
        };
        let encoder = EncoderSpec::GaussianProduct(GaussianProductSpec {
            observation: env.observation_dim,
            action: env.action_dim,
            next_observation: inference.next_observation,
            hidden: inference.hidden.clone(),
            latent: inference.latent,
        });
        Self { policy, encoder }
    }

    /// `policy` and `encoder`.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        vec![self.policy.network(), self.encoder.network()]
    }

    /// Refuses sizes that no experiment has and parts that do not fit together. A spec that came
    /// over the wire is checked before anything is allocated for it.
    ///
    /// # Errors
    /// [`Error::Spec`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let Self { policy, encoder } = self;
        let EncoderSpec::GaussianProduct(product) = encoder;
        same("encoder.latent", policy.latent, product.latent)?;
        same("encoder.observation", policy.observation, product.observation)?;
        same("encoder.action", policy.action, product.action)?;
        policy.check()?;
        encoder.check()
    }
}

fn same(field: &str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Spec {
        field: field.to_owned(),
        expected: format!("{expected} as in the policy"),
        got: got.to_string(),
    })
}

fn width(field: &str, got: usize) -> Result<(), Error> {
    if (1..=MAX_WIDTH).contains(&got) {
        return Ok(());
    }
    Err(Error::Spec {
        field: field.to_owned(),
        expected: format!("1 to {MAX_WIDTH}"),
        got: got.to_string(),
    })
}

fn hidden(field: &str, got: &[usize]) -> Result<(), Error> {
    if got.len() > MAX_HIDDEN {
        return Err(Error::Spec {
            field: field.to_owned(),
            expected: format!("at most {MAX_HIDDEN} layers"),
            got: got.len().to_string(),
        });
    }
    got.iter().try_for_each(|&layer| width(field, layer))
}
