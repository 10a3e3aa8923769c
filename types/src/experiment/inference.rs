//! `[inference]`: how the task is inferred, composed of parts. Each method (PEARL, CEMRL, TIGR,
//! MELTS, SMRL's, RL2) is one choice of them.

use super::{InvalidValue, at_least_one, check, hidden, not_negative, positive};
use serde::{Deserialize, Serialize};

/// `[inference]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inference {
    /// Dimension of the latent task variable z.
    pub latent: usize,
    /// Whether the next observation is part of the context (needed when dynamics vary by task).
    pub next_observation: bool,
    /// Whether the encoder sees context rows less their mean and over their standard deviation in
    /// the replay, and the decoder is given and judged by such numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalise: bool,
    /// What policy and critics are given of q(z|context).
    pub observe: Observe,
    /// The z of the state after a transition.
    pub next_latent: NextLatent,
    /// Which transitions the task is inferred from.
    pub context: Context,
    /// Turns them into features.
    pub encoder: Encoder,
    /// Hidden layers between features and the numbers of the posterior; none for a linear head.
    pub head: Vec<usize>,
    /// The form of q(z|context).
    pub posterior: Posterior,
    /// What the posterior is held close to.
    pub prior: Prior,
    /// What the encoder is trained on.
    pub objective: Objective,
    /// What is reconstructed from z; none where only the Bellman error trains the encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Decoder>,
    /// Updates of the encoder apart from those of the agent; none where they go together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<InferenceTraining>,
    /// Inputs of the encoder as weighted sums of the columns of a context row; without it, the
    /// columns themselves. Masks what is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<LinearMap>,
    /// What policy and critics see as weighted sums of what is observed of the posterior.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<LinearMap>,
    /// Weights of an encoder that was trained before; it is not trained further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<String>,
}

/// Weighted sums of columns: one list of (column, weight) for each number that comes out.
pub type LinearMap = Vec<Vec<(usize, f32)>>;

/// What policy and critics are given of q(z|context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observe {
    /// A draw.
    Sample,
    /// Its mean.
    Mean,
    /// Mean and variance, side by side.
    MeanVariance,
}

/// The z at which the value of the state after a transition is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextLatent {
    /// That of the transition.
    Same,
    /// Inferred from the context extended by the transition.
    Inferred,
}

/// Which transitions the task is inferred from, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Context {
    /// Transitions of the trial's context episodes, in any order. z is drawn once at the start of
    /// an episode, from N(0, I) while there are none.
    Set {
        /// Transitions per task and update.
        size: usize,
    },
    /// The last transitions before the present one. z is inferred anew at each step.
    Window {
        /// Transitions at most.
        size: usize,
        /// Every so-manieth transition is taken, the newest first.
        stride: usize,
        /// How far back it may reach.
        within: Within,
    },
}

/// How far back a window may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// To the start of the episode.
    Episode,
    /// To the start of the trial: experience is carried from one episode to the next.
    Trial,
}

/// Turns the rows of a context into features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Encoder {
    /// An MLP on each row, and a merge that does not depend on their order.
    Transitions {
        /// Widths of its hidden layers.
        hidden: Vec<usize>,
        /// How rows become one.
        merge: Merge,
    },
    /// An MLP on all rows of a window side by side, oldest first, zeros in front of the first.
    Window {
        /// Widths of its hidden layers.
        hidden: Vec<usize>,
    },
    /// A gated recurrent unit (Cho et al. 2014) over the rows; its last state.
    Gru {
        /// Numbers in a state.
        width: usize,
        /// Units on top of each other.
        layers: usize,
        /// Whether negative numbers of the last state are cut off.
        rectify: bool,
        /// What an actor carries from step to step.
        memory: Memory,
    },
    /// Convolutions over time with ReLU, without padding; the mean over time.
    Convolution {
        /// Channels of each layer.
        channels: Vec<usize>,
        /// Rows that a kernel spans.
        kernel: usize,
    },
    /// Self-attention over the rows, then learned queries that attend to them.
    Attention {
        /// Numbers per row.
        width: usize,
        /// Heads; they divide the width.
        heads: usize,
        /// Blocks of self-attention, and as many of the queries.
        layers: usize,
        /// Learned queries, whose results stand side by side.
        queries: usize,
    },
    /// Self-attention over the rows, then pooling.
    Transformer {
        /// Numbers per row.
        width: usize,
        /// Heads; they divide the width.
        heads: usize,
        /// Blocks of self-attention.
        layers: usize,
        /// How rows become one.
        pooling: Pooling,
    },
}

/// How features of single transitions become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// Each row gives a Gaussian; the posterior is their product (PEARL).
    Product,
    /// The mean of the features.
    Mean,
    /// Features of neighbouring pairs of rows (the last with the first), and their mean.
    Pairs,
}

/// How rows become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Mean over the rows.
    Mean,
    /// Mean, least, greatest and standard deviation side by side.
    Moments,
}

/// What an actor carries from step to step of a recurrent encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Memory {
    /// The window; the encoder is run over all of it at each step.
    Window,
    /// Several states that were started one after another; the oldest that is no older than the
    /// window is used, so that a window has between `size·(1 − 1/states)` and `size` rows. Windows
    /// in training vary alike.
    Staggered {
        /// States, which divide the window's size.
        states: usize,
    },
    /// One state, from the start of the episode or trial on. Training sees windows only.
    Carried,
}

/// The form of q(z|context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Posterior {
    /// z is what the head says.
    Deterministic,
    /// A Gaussian with diagonal covariance.
    Gaussian {
        /// How the head's numbers become variances.
        variance: Variance,
    },
    /// q(y|c) over components, and a Gaussian for each, q(z|c, y); variances are softplus + 1e-8.
    Mixture {
        /// Components.
        components: usize,
        /// What z is made of.
        choose: Choose,
    },
}

/// How the head's numbers become variances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// max(log(1 + eˣ), 1e-7).
    Softplus,
    /// eˣ.
    Exponential,
}

/// What the z of a mixture is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choose {
    /// The Gaussian of the likeliest component (CEMRL).
    Likeliest,
    /// The sum of one draw (or mean) per component, weighted by q(y|c) (TIGR).
    Weighted,
}

/// What the posterior is held close to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Prior {
    /// N(0, I).
    Standard,
    /// N(k, σ²) in every dimension for component k = 0, 1, 2, … of a mixture (CEMRL).
    Class {
        /// σ.
        sigma: f64,
    },
    /// A Gaussian per component (one where the posterior is no mixture) that is learned along.
    Learned,
    /// A Dirichlet-process mixture of Gaussians, refitted to the posterior means now and then
    /// (MELTS, DIVA, GASP). N(0, I) before the first fit.
    DirichletProcess(DirichletProcess),
}

/// A Dirichlet-process mixture as prior.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirichletProcess {
    /// Concentration γ₀: larger means more components.
    pub concentration: f64,
    /// Expected variance of a component before any data, sF.
    pub scale: f64,
    /// Batches that memoised variational Bayes goes through.
    pub batches: usize,
    /// Passes over the data per fit.
    pub laps: usize,
    /// Components that a birth proposes.
    pub fresh: usize,
    /// Latents that a component must have for a birth, and a new one to be kept.
    pub least: usize,
    /// Most components.
    pub most: usize,
    /// How the KL to a mixture is taken.
    pub divergence: Divergence,
    /// When it is fitted.
    pub refit: Refit,
    /// Posterior means that a fit sees.
    pub latents: usize,
}

/// The KL of a Gaussian to a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// Σ over components of responsibility times KL.
    Soft,
    /// KL to the likeliest component.
    Hard,
}

/// When a Dirichlet-process mixture is fitted, in cycles of inference training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Refit {
    /// After every so-manieth cycle, from one on (MELTS).
    Every {
        /// Cycles before the first fit.
        start: u64,
        /// Cycles from one fit to the next.
        cycles: u64,
    },
    /// ⌊exp(4·cycle/total)⌋ cycles after the last (GASP).
    Slowing {
        /// Cycles in all.
        total: u64,
    },
}

/// What is reconstructed from z: rewards and next observations of transitions, given observation
/// and action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoder {
    /// Hidden layers of the reward's decoder, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<Vec<usize>>,
    /// Hidden layers of the next observation's decoder, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_observation: Option<Vec<usize>>,
    /// Hidden layers of one decoder for both, in place of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint: Option<Vec<usize>>,
    /// Transitions that are reconstructed: the present one, which the encoder has not seen, and so
    /// many before it that there are `targets` in all.
    pub targets: usize,
    /// The first so many numbers of the next observation count; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observations: Option<usize>,
    /// Weights of the squared errors.
    pub weights: Weights,
}

/// Weights of the squared errors of reconstruction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Weights {
    /// As they are; a Gaussian of standard deviation σ has the weight 1/(2σ²).
    Fixed {
        /// Of rewards.
        reward: f64,
        /// Of next observations.
        next_observation: f64,
    },
    /// 1/3 each, and then 1 − L_i/ΣL of the validation losses (CEMRL, TIGR).
    Balanced {
        /// Updates between two adjustments.
        every: u64,
    },
}

/// What the encoder is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Objective {
    /// The critics' Bellman error and the KL to the prior (PEARL; without KL: RL2, JRPL).
    Bellman {
        /// Weight of the KL, summed over tasks.
        kl_weight: f64,
    },
    /// Evidence lower bound: reconstruction error + β·KL (MDP-VAE, MELTS).
    Elbo {
        /// β.
        kl_weight: f64,
        /// Draws of z per context.
        samples: usize,
    },
    /// Importance-weighted bound: − log mean of exp(log-likelihood − β(log q − log p)) over draws
    /// (MDP-IWAE).
    ImportanceWeighted {
        /// β.
        kl_weight: f64,
        /// Draws of z per context.
        samples: usize,
    },
    /// z from context and targets, whose posterior is held close to that of the context alone.
    NeuralProcess {
        /// β.
        kl_weight: f64,
        /// Draws of z per context.
        samples: usize,
    },
    /// The same with importance weights.
    ImportanceWeightedNeuralProcess {
        /// β.
        kl_weight: f64,
        /// Draws of z per context.
        samples: usize,
    },
    /// TIGR's: reconstruction, KL of every component, sparsity, separation of the components.
    Clustering {
        /// α, weight of the KL, summed over components.
        kl_weight: f64,
        /// γ, weight of ‖z‖₁.
        sparsity: f64,
        /// β, weight of variances over distances.
        separation: f64,
        /// λ, weight of the cross-entropy to the true base task. 0 leaves it out: nothing is then
        /// learned from labels.
        supervision: f64,
    },
    /// CEMRL's: expected reconstruction and KL over the classes, KL of the classes to uniform.
    ClassConditional {
        /// α.
        kl_weight: f64,
        /// β.
        class_weight: f64,
        /// Weight of the cross-entropy to the true base task; 0 leaves it out.
        supervision: f64,
    },
}

/// Updates of the encoder apart from those of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InferenceTraining {
    /// Updates of the encoder in a cycle, which come first.
    pub updates: u64,
    /// Updates of the agent in a cycle, which follow.
    pub agent_updates: u64,
    /// Contexts per update.
    pub batch: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Which transitions are drawn.
    pub sampling: Sampling,
    /// Hold episodes out, and stop a cycle early when they show no progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// The KL weight over time; without it, constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annealing: Option<Annealing>,
    /// What happens where the gradients of classes contradict each other.
    pub conflicts: Conflicts,
    /// The largest norm of a gradient; without it, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// How the agent's updates come by z.
    pub latents: Latents,
}

/// Which transitions an update of the encoder draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Each with equal probability.
    Uniform,
    /// New ones rather than old ones: probability rises linearly from 0.
    Linear,
}

/// Early stopping of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Fraction of the trials that are held out.
    pub fraction: f64,
    /// Updates between two looks.
    pub every: u64,
    /// Updates without progress after which the best parameters are taken back and the cycle ends;
    /// without it, a cycle is never cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
}

/// A KL weight that rises from 0 again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annealing {
    /// Updates of a period.
    pub period: u64,
    /// Updates until the whole weight is reached.
    pub ramp: u64,
}

/// What happens where the gradients of classes contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflicts {
    /// They are added up.
    Sum,
    /// Each is projected onto the normal plane of those that it contradicts (PCGrad, Yu et al.
    /// 2020); classes are the likeliest components.
    Project,
}

/// How the agent's updates come by z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Latents {
    /// The present encoder, over the windows of the transitions that are drawn.
    Inferred,
    /// What the encoder said of them at the end of the last cycle, when it was run over the whole
    /// replay (CEMRL's relabelling).
    Relabelled,
}

impl Inference {
    /// Checks ranges, and that the parts fit together.
    pub(super) fn validate(&self) -> Result<(), InvalidValue> {
        check((1..=1024).contains(&self.latent), "inference.latent", "1 to 1024", self.latent)?;
        self.validate_context()?;
        self.validate_encoder()?;
        self.validate_normalisation()?;
        self.validate_prior()?;
        self.validate_objective()?;
        self.decoder.as_ref().map_or(Ok(()), Decoder::validate)?;
        self.training.as_ref().map_or(Ok(()), InferenceTraining::validate)
    }

    /// Transitions of a window with the present one, or of a set.
    #[must_use]
    pub fn context_size(&self) -> usize {
        match self.context {
            Context::Set { size } | Context::Window { size, .. } => size,
        }
    }

    fn validate_context(&self) -> Result<(), InvalidValue> {
        let size = self.context_size();
        check((1..=1_000_000).contains(&size), "inference.context.size", "1 to 1000000", size)?;
        if let Context::Window { stride, .. } = self.context {
            let key = "inference.context.stride";
            check((1..=100_000).contains(&stride), key, "1 to 100000", stride)?;
        }
        Ok(())
    }

    /// Statistics are those of the columns, are gathered where the encoder is trained apart, and
    /// targets that become context have to be as they came.
    fn validate_normalisation(&self) -> Result<(), InvalidValue> {
        let gathered = self.training.is_some() || self.pretrained.is_some();
        let apart = gathered && self.inputs.is_none();
        let good = !self.normalise || (apart && !self.is_process());
        let expected =
            "false without inference.training, with inference.inputs or a neural process";
        check(good, "inference.normalise", expected, self.normalise)
    }

    fn validate_encoder(&self) -> Result<(), InvalidValue> {
        match &self.encoder {
            Encoder::Transitions { hidden: widths, .. } | Encoder::Window { hidden: widths } => {
                hidden("inference.encoder.hidden", widths)?;
            }
            Encoder::Gru { memory: Memory::Staggered { .. } | Memory::Carried, .. }
                if !matches!(self.context, Context::Window { stride: 1, .. }) =>
            {
                let expected = "window, where the context has a stride or is a set";
                return check(false, "inference.encoder.memory.kind", expected, "another");
            }
            Encoder::Gru { memory: Memory::Staggered { states }, .. } => {
                let divides = *states > 0 && self.context_size().is_multiple_of(*states);
                let key = "inference.encoder.memory.states";
                check(divides, key, "a divisor of inference.context.size", states)?;
            }
            _ => {}
        }
        if let Posterior::Mixture { components, .. } = self.posterior {
            let key = "inference.posterior.components";
            check((1..=256).contains(&components), key, "1 to 256", components)?;
        }
        if !self.head.is_empty() {
            hidden("inference.head", &self.head)?;
        }
        Ok(())
    }

    fn is_process(&self) -> bool {
        matches!(
            self.objective,
            Objective::NeuralProcess { .. } | Objective::ImportanceWeightedNeuralProcess { .. }
        )
    }

    fn is_mixture(&self) -> bool {
        matches!(self.posterior, Posterior::Mixture { .. })
    }

    fn validate_prior(&self) -> Result<(), InvalidValue> {
        match &self.prior {
            Prior::Standard | Prior::Learned => Ok(()),
            Prior::Class { sigma } => {
                positive("inference.prior.sigma", *sigma)?;
                let key = "inference.prior.kind";
                check(self.is_mixture(), key, "another prior for this posterior", "class")
            }
            Prior::DirichletProcess(process) => {
                let gaussian = matches!(self.posterior, Posterior::Gaussian { .. });
                let expected = "another prior for a posterior that is no gaussian";
                check(gaussian, "inference.prior.kind", expected, "dirichlet-process")?;
                process.validate()
            }
        }
    }

    /// Which objective goes with which posterior, and which parts it needs.
    fn validate_objective(&self) -> Result<(), InvalidValue> {
        self.objective.validate()?;
        let key = "inference.objective.kind";
        let fits = match self.objective {
            Objective::Bellman { .. } => matches!(self.prior, Prior::Standard),
            Objective::Elbo { .. } => !matches!(self.prior, Prior::Class { .. }),
            Objective::ImportanceWeighted { .. }
            | Objective::NeuralProcess { .. }
            | Objective::ImportanceWeightedNeuralProcess { .. } => {
                // Context and targets together are more rows than an MLP on the window takes.
                let rows = !self.is_process() || !matches!(self.encoder, Encoder::Window { .. });
                rows && matches!(self.posterior, Posterior::Gaussian { .. })
                    && matches!(self.prior, Prior::Standard)
            }
            Objective::Clustering { .. } | Objective::ClassConditional { .. } => self.is_mixture(),
        };
        check(
            fits,
            key,
            "one that goes with posterior and prior",
            format!("{:?}", self.objective),
        )?;
        let joint = matches!(self.objective, Objective::Bellman { .. });
        let decoder = self.decoder.is_some();
        let expected = "one with every objective but bellman, and none with that";
        let present = |part: bool| if part { "one" } else { "none" };
        check(decoder != joint, "inference.decoder", expected, present(decoder))?;
        let frozen = self.pretrained.is_some();
        check(joint || !frozen, key, "bellman for a pre-trained encoder", "another objective")?;
        let set = matches!(self.context, Context::Set { .. });
        let same = !set || self.next_latent == NextLatent::Same;
        check(same, "inference.next_latent", "same, where the context is a set", "inferred")?;
        let training = self.training.is_some();
        check(training != joint, "inference.training", expected, present(training))?;
        let window = matches!(self.context, Context::Window { .. });
        check(joint || window, "inference.context.kind", "window for this objective", "set")
    }
}

impl DirichletProcess {
    fn validate(&self) -> Result<(), InvalidValue> {
        positive("inference.prior.concentration", self.concentration)?;
        positive("inference.prior.scale", self.scale)?;
        for (key, count) in [
            ("inference.prior.batches", self.batches),
            ("inference.prior.laps", self.laps),
            ("inference.prior.fresh", self.fresh),
            ("inference.prior.least", self.least),
            ("inference.prior.most", self.most),
            ("inference.prior.latents", self.latents),
        ] {
            at_least_one(key, count as u64)?;
        }
        match self.refit {
            Refit::Every { cycles, .. } => at_least_one("inference.prior.refit.cycles", cycles),
            Refit::Slowing { total } => at_least_one("inference.prior.refit.total", total),
        }
    }
}

impl Objective {
    fn validate(&self) -> Result<(), InvalidValue> {
        let weights = match *self {
            Self::Bellman { kl_weight }
            | Self::Elbo { kl_weight, .. }
            | Self::ImportanceWeighted { kl_weight, .. }
            | Self::NeuralProcess { kl_weight, .. }
            | Self::ImportanceWeightedNeuralProcess { kl_weight, .. } => {
                vec![("inference.objective.kl_weight", kl_weight)]
            }
            Self::Clustering { kl_weight, sparsity, separation, supervision } => vec![
                ("inference.objective.kl_weight", kl_weight),
                ("inference.objective.sparsity", sparsity),
                ("inference.objective.separation", separation),
                ("inference.objective.supervision", supervision),
            ],
            Self::ClassConditional { kl_weight, class_weight, supervision } => vec![
                ("inference.objective.kl_weight", kl_weight),
                ("inference.objective.class_weight", class_weight),
                ("inference.objective.supervision", supervision),
            ],
        };
        weights.into_iter().try_for_each(|(key, weight)| not_negative(key, weight))?;
        let samples = match *self {
            Self::Elbo { samples, .. }
            | Self::ImportanceWeighted { samples, .. }
            | Self::NeuralProcess { samples, .. }
            | Self::ImportanceWeightedNeuralProcess { samples, .. } => samples,
            _ => 1,
        };
        check((1..=1024).contains(&samples), "inference.objective.samples", "1 to 1024", samples)
    }
}

impl Decoder {
    fn validate(&self) -> Result<(), InvalidValue> {
        let apart = self.reward.is_some() || self.next_observation.is_some();
        let expected = "hidden layers for reward or next_observation, or for joint alone";
        check(apart != self.joint.is_some(), "inference.decoder", expected, format!("{self:?}"))?;
        for (key, widths) in [
            ("inference.decoder.reward", &self.reward),
            ("inference.decoder.next_observation", &self.next_observation),
            ("inference.decoder.joint", &self.joint),
        ] {
            widths.as_ref().map_or(Ok(()), |widths| hidden(key, widths))?;
        }
        at_least_one("inference.decoder.targets", self.targets as u64)?;
        if let Some(observations) = self.observations {
            at_least_one("inference.decoder.observations", observations as u64)?;
        }
        match self.weights {
            Weights::Fixed { reward, next_observation } => {
                not_negative("inference.decoder.weights.reward", reward)?;
                not_negative("inference.decoder.weights.next_observation", next_observation)
            }
            Weights::Balanced { every } => at_least_one("inference.decoder.weights.every", every),
        }
    }
}

impl InferenceTraining {
    fn validate(&self) -> Result<(), InvalidValue> {
        at_least_one("inference.training.updates", self.updates)?;
        at_least_one("inference.training.agent_updates", self.agent_updates)?;
        let key = "inference.training.batch";
        check((1..=65_536).contains(&self.batch), key, "1 to 65536", self.batch)?;
        positive("inference.training.learning_rate", self.learning_rate)?;
        if let Some(validation) = &self.validation {
            let fraction = validation.fraction;
            let key = "inference.training.validation.fraction";
            check(fraction > 0.0 && fraction < 1.0, key, "above 0 and below 1", fraction)?;
            at_least_one("inference.training.validation.every", validation.every)?;
        }
        if let Some(annealing) = &self.annealing {
            at_least_one("inference.training.annealing.period", annealing.period)?;
            let ramp = annealing.ramp;
            let fits = (1..=annealing.period).contains(&ramp);
            check(fits, "inference.training.annealing.ramp", "1 to the period", ramp)?;
        }
        self.clip.map_or(Ok(()), |clip| positive("inference.training.clip", clip))
    }
}
