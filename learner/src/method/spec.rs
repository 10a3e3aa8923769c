//! Which networks and constants a method has: one composition of encoder, decoder, prior and agent.

use crate::error::{Error, Result};
use crate::inference::{DecoderSpec, prior};
use crate::networks::AdamSettings;
use nets::{AgentSpec, CriticSpec, Network, Params, tie_critic, tie_encoder, tie_policy};
use types::experiment::{
    Experiment, InferenceTraining, NextLatent, Objective, Prior, Symmetry, Temperature, Weights,
};
use types::{EnvSpec, Role, stream};

/// Which networks there are.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodSpec {
    /// Policy and encoder.
    pub agent: AgentSpec,
    /// Critics.
    pub critics: CriticSpec,
    /// Reconstructs from z; `None` where only the Bellman error trains the encoder.
    pub decoder: Option<DecoderSpec>,
    /// What the posterior is held close to.
    pub prior: Prior,
    /// What encoder, policy and critics commute with.
    pub symmetry: Option<Symmetry>,
}

impl MethodSpec {
    /// The networks of an experiment.
    ///
    /// # Errors
    /// If they do not fit the environment.
    pub fn of(experiment: &Experiment, env: &EnvSpec) -> Result<Self> {
        let agent = AgentSpec::of(experiment, env);
        agent.check()?;
        let decoder = experiment.inference.decoder.as_ref();
        let most = env.observation_dim;
        if let Some(got) = decoder.and_then(|d| d.observations).filter(|got| *got > most) {
            return Err(Error::Setting {
                key: "inference.decoder.observations",
                expected: format!("at most the {most} of an observation"),
                got: got.to_string(),
            });
        }
        let decoder = decoder.map(|decoder| DecoderSpec::of(decoder, &agent.encoder));
        Ok(Self {
            critics: CriticSpec::of(experiment, env),
            decoder,
            prior: experiment.inference.prior,
            symmetry: experiment.symmetry.clone(),
            agent,
        })
    }

    /// The encoder, then what is trained with it.
    ///
    /// # Errors
    /// If they cannot have the symmetry asked for.
    pub fn inference(&self) -> Result<Vec<Network>> {
        let mut networks = self.encoder()?;
        networks.extend(self.decoder.iter().flat_map(DecoderSpec::networks));
        networks.extend(prior::table(&self.prior, &self.agent.encoder));
        Ok(networks)
    }

    /// The encoder.
    ///
    /// # Errors
    /// If it cannot have the symmetry asked for.
    pub fn encoder(&self) -> Result<Vec<Network>> {
        let (spec, networks) = (&self.agent.encoder, self.agent.encoder.networks());
        match &self.symmetry {
            Some(symmetry) => Ok(tie_encoder(symmetry, spec, networks)?),
            None => Ok(networks),
        }
    }

    /// The policy.
    ///
    /// # Errors
    /// If it cannot have the symmetry asked for.
    pub fn policy(&self) -> Result<Network> {
        let (spec, network) = (&self.agent.policy, self.agent.policy.network());
        match &self.symmetry {
            Some(symmetry) => Ok(tie_policy(symmetry, spec, network)?),
            None => Ok(network),
        }
    }

    /// `q1`, `q2`, and `v` where there is one.
    ///
    /// # Errors
    /// If they cannot have the symmetry asked for.
    pub fn critics(&self) -> Result<Vec<Network>> {
        self.tie_critics(self.critics.networks())
    }

    /// What follows the critics slowly.
    ///
    /// # Errors
    /// If they cannot have the symmetry asked for.
    pub fn targets(&self) -> Result<Vec<Network>> {
        self.tie_critics(self.critics.targets())
    }

    fn tie_critics(&self, networks: Vec<Network>) -> Result<Vec<Network>> {
        let Some(symmetry) = &self.symmetry else { return Ok(networks) };
        let networks = networks.into_iter();
        let tied = networks.map(|network| tie_critic(symmetry, &self.critics, network));
        Ok(tied.collect::<std::result::Result<_, _>>()?)
    }

    /// Draws the initial parameters of all networks; targets are copies of what they follow.
    ///
    /// # Errors
    /// If the networks do not fit together.
    pub fn initial(&self, seed: u64) -> Result<Params> {
        let mut networks = vec![self.policy()?];
        networks.extend(self.encoder()?);
        networks.extend(self.critics()?);
        // What came later is drawn last, so that a seed keeps its meaning.
        networks.extend(self.inference()?.split_off(self.encoder()?.len()));
        let mut tensors = Vec::new();
        for (index, network) in networks.iter().enumerate() {
            let mut rng = stream(seed, Role::Initialise, index as u64, 0);
            tensors.extend(nets::init::network(network, &mut rng));
        }
        let mut copies = Vec::new();
        for part in self.targets()?.iter().flat_map(Network::parameters) {
            let source = part.name.trim_start_matches("target_");
            let original = tensors.iter().find(|t: &&nets::Tensor| t.name() == source);
            if let Some(original) = original {
                copies.push(nets::Tensor::new(part.name, part.shape, original.data().to_vec())?);
            }
        }
        tensors.extend(copies);
        Ok(Params::new(tensors)?)
    }
}

/// Constants of the losses.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodSettings {
    /// Discount per step.
    pub discount: f64,
    /// Factor on rewards.
    pub reward_scale: f64,
    /// Weight of the entropy.
    pub temperature: Temperature,
    /// Polyak rate of the targets.
    pub target_rate: f64,
    /// Weight of mean μ² in the policy loss.
    pub mean_penalty: f64,
    /// Weight of mean (log σ)² in the policy loss.
    pub log_std_penalty: f64,
    /// Adam of the agent, and of the encoder where they are trained together.
    pub adam: AdamSettings,
    /// What the encoder is trained on.
    pub objective: Objective,
    /// The z of the state after a transition.
    pub next_latent: NextLatent,
    /// How the encoder is trained apart from the agent; `None` where they go together.
    pub training: Option<InferenceTraining>,
    /// Weights of reconstruction errors.
    pub weights: Option<Weights>,
    /// The encoder is what it was at the start.
    pub frozen: bool,
}

impl MethodSettings {
    /// The constants of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment) -> Self {
        let (agent, inference) = (&experiment.agent, &experiment.inference);
        Self {
            discount: agent.discount,
            reward_scale: agent.reward_scale,
            temperature: agent.temperature,
            target_rate: agent.target_rate,
            mean_penalty: agent.mean_penalty,
            log_std_penalty: agent.log_std_penalty,
            adam: AdamSettings::with_rate(experiment.learner.learning_rate),
            objective: inference.objective,
            next_latent: inference.next_latent,
            training: inference.training.clone(),
            weights: inference.decoder.as_ref().map(|decoder| decoder.weights),
            frozen: inference.pretrained.is_some(),
        }
    }
}
