//! The encoder: a context to a posterior over the latent task variable.

mod check;
mod layers;

use super::{Block, MlpSpec, Network};
use layers::{attention, bound, convolution, gru, rows_attending};
use serde::{Deserialize, Serialize};
use types::EnvSpec;
use types::experiment::{
    Choose, Context, Encoder, Experiment, LinearMap, Merge, Observe, Pooling, Posterior, Variance,
};

/// Scale and shift of what the networks see of a row, where it is normalised.
pub const INPUTS: &str = "encoder.inputs";

/// How q(z|context) is computed, and what of it policy and critics see.
///
/// A context row is `[observation, action, reward]`, with the next observation behind where
/// `next_observation` says so; `inputs` makes what the networks see of it, and `encoder.inputs`
/// scales and shifts that where `normalise` says so. The networks:
///
/// | encoder | networks |
/// |---|---|
/// | transitions, product | `encoder`: MLP, row to `[mean, raw variance]` |
/// | transitions, mean or pairs | `encoder`: MLP, row (or two rows side by side) to the last of `hidden`, ReLU; the mean of that to `encoder.head` |
/// | window | `encoder`: MLP over `hidden` and `head`, all rows side by side |
/// | gru | per layer `encoder.gru.<l>.input` and `.state`, linear to `[reset, update, new]`; last state to `encoder.head` |
/// | convolution | per layer `encoder.convolution.<l>`, linear over `kernel` rows side by side, oldest first, ReLU; mean over time to `encoder.head` |
/// | attention | `encoder.embed`, linear; blocks `encoder.block.<l>`; `encoder.queries`, a table; blocks `encoder.query.<l>`, whose keys and values are the rows; all queries side by side to `encoder.head` |
/// | transformer | `encoder.embed`, blocks `encoder.block.<l>`, pooling, `encoder.head` |
///
/// A block b of attention is x + `b.output`(attend(`b.query` n(x), `b.key` m, `b.value` m)), then
/// x + `b.feed`(f(x)), with layer norms n = `b.norm` and f = `b.feed_norm`; m = n(x) within the
/// rows, and the rows as they are for queries. `b.feed` is an MLP with one hidden layer of twice
/// the width. Products of queries and keys are divided by √(width/heads); norms add 1e-5 to the
/// variance. The standard deviation that is pooled is √(population variance + 1e-8).
///
/// A window that is not full has its rows at the end. In front, the MLP over a window and the
/// convolution see zeros; a GRU starts with the first row that is there; mean, pairs, products and
/// attention go without what is absent. With no row at all a product is N(0, I), and the features
/// of mean, pairs and attention are zero. A single row is its own neighbour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSpec {
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Whether the next observation is part of a context row.
    pub next_observation: bool,
    /// Whether the networks see rows scaled and shifted by `encoder.inputs`, so that each column has
    /// mean 0 and variance 1 in the replay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalise: bool,
    /// What the networks see of a row: weighted sums of its columns; `None` for the row itself.
    pub inputs: Option<LinearMap>,
    /// Which transitions, and when.
    pub context: Context,
    /// Rows to features.
    pub body: Encoder,
    /// Hidden layers between features and posterior.
    pub head: Vec<usize>,
    /// The form of the posterior.
    pub posterior: Posterior,
    /// Numbers in the latent task variable z.
    pub latent: usize,
    /// What of the posterior is seen.
    pub observe: Observe,
    /// What policy and critics are given: weighted sums of what is observed; `None` for all of it.
    pub outputs: Option<LinearMap>,
}

impl EncoderSpec {
    /// The encoder of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment, env: &EnvSpec) -> Self {
        let inference = &experiment.inference;
        Self {
            observation: env.observation_dim,
            action: env.action_dim,
            next_observation: inference.next_observation,
            normalise: inference.normalise,
            inputs: inference.inputs.clone(),
            context: inference.context,
            body: inference.encoder.clone(),
            head: inference.head.clone(),
            posterior: inference.posterior,
            latent: inference.latent,
            observe: inference.observe,
            outputs: inference.outputs.clone(),
        }
    }

    /// PEARL's encoder (Rakelly et al. 2019, arXiv 1903.08254, section 4.2): a product of Gaussian
    /// factors, one per row.
    #[must_use]
    pub fn gaussian_product(
        [observation, action]: [usize; 2],
        next_observation: bool,
        hidden: Vec<usize>,
        latent: usize,
    ) -> Self {
        Self {
            observation,
            action,
            next_observation,
            normalise: false,
            inputs: None,
            context: Context::Set { size: 1 },
            body: Encoder::Transitions { hidden, merge: Merge::Product },
            head: Vec::new(),
            posterior: Posterior::Gaussian { variance: Variance::Softplus },
            latent,
            observe: Observe::Sample,
            outputs: None,
        }
    }

    /// Numbers in one context row.
    #[must_use]
    pub fn width(&self) -> usize {
        let next = if self.next_observation { self.observation } else { 0 };
        self.observation + self.action + 1 + next
    }

    /// Numbers that the networks see of one row.
    #[must_use]
    pub fn input(&self) -> usize {
        self.inputs.as_ref().map_or(self.width(), Vec::len)
    }

    /// Numbers observed of the posterior.
    #[must_use]
    pub fn observed(&self) -> usize {
        match self.observe {
            Observe::Sample | Observe::Mean => self.latent,
            Observe::MeanVariance => 2 * self.latent,
        }
    }

    /// Numbers that policy and critics are given.
    #[must_use]
    pub fn given(&self) -> usize {
        self.outputs.as_ref().map_or(self.observed(), Vec::len)
    }

    /// Rows of a window, or of the set that one update uses.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self.context {
            Context::Set { size } | Context::Window { size, .. } => size,
        }
    }

    /// Numbers that describe the posterior: z; mean and raw variance, or, for a product, mean and
    /// variance as they are; or, for a mixture, means `[components, latent]`, raw variances
    /// `[components, latent]` and logits `[components]`.
    #[must_use]
    pub fn described_by(&self) -> usize {
        match self.posterior {
            Posterior::Deterministic => self.latent,
            Posterior::Gaussian { .. } => 2 * self.latent,
            Posterior::Mixture { components, .. } => components * (2 * self.latent + 1),
        }
    }

    /// Numbers of ε ~ N(0, 1) in a draw of z: `[latent]`; `[components, latent]` for a mixture whose
    /// z is a weighted sum of one draw per component.
    #[must_use]
    pub fn noise(&self) -> usize {
        match self.posterior {
            Posterior::Mixture { components, choose: Choose::Weighted } => components * self.latent,
            _ => self.latent,
        }
    }

    /// Numbers that the head sees.
    #[must_use]
    pub fn features(&self) -> usize {
        match &self.body {
            Encoder::Transitions { hidden, .. } => hidden.last().copied().unwrap_or(0),
            Encoder::Window { .. } => self.rows() * self.input(),
            Encoder::Gru { width, .. } => *width,
            Encoder::Convolution { channels, .. } => channels.last().copied().unwrap_or(0),
            Encoder::Attention { width, queries, .. } => width * queries,
            Encoder::Transformer { width, pooling, .. } => match pooling {
                Pooling::Mean => *width,
                Pooling::Moments => 4 * width,
            },
        }
    }

    /// All networks, in the order in which they are stored.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        let mut networks = self.body_and_head();
        if self.normalise {
            networks.push(Network::of(INPUTS, Block::Norm { width: self.input() }, 0.0));
        }
        networks
    }

    /// All but `encoder.inputs`; the head is the last.
    pub(crate) fn body_and_head(&self) -> Vec<Network> {
        let input = self.input();
        let mlp = |input, hidden: &[usize], output| {
            Network::new("encoder", MlpSpec { input, hidden: hidden.to_vec(), output })
        };
        match &self.body {
            Encoder::Transitions { hidden, merge: Merge::Product } => {
                vec![mlp(input, hidden, self.described_by())]
            }
            Encoder::Transitions { hidden, merge } => {
                let rows = if *merge == Merge::Pairs { 2 } else { 1 };
                let (last, before) = hidden.split_last().map_or((0, &[][..]), |(l, b)| (*l, b));
                let mut each = mlp(rows * input, before, last);
                each.output_bound = bound(before.last().copied().unwrap_or(rows * input));
                vec![each, self.head()]
            }
            Encoder::Window { hidden } => {
                let hidden: Vec<usize> = hidden.iter().chain(&self.head).copied().collect();
                vec![self.apart(mlp(self.features(), &hidden, self.described_by()))]
            }
            Encoder::Gru { width, layers, .. } => self.with_head(gru(input, *width, *layers)),
            Encoder::Convolution { channels, kernel } => {
                self.with_head(convolution(input, channels, *kernel))
            }
            Encoder::Attention { width, layers, queries, .. } => {
                let mut networks = rows_attending(input, *width, *layers);
                let table = Block::Table { rows: *queries, width: *width };
                networks.push(Network::of("encoder.queries", table, bound(*width)));
                networks.extend((0..*layers).flat_map(|l| attention("query", l, *width)));
                self.with_head(networks)
            }
            Encoder::Transformer { width, layers, .. } => {
                self.with_head(rows_attending(input, *width, *layers))
            }
        }
    }

    /// Components of a mixture must not start all alike: what separates them has gradients that
    /// grow without bound where they coincide.
    fn apart(&self, network: Network) -> Network {
        let last = self.head.last().copied();
        let last = last.or(match &self.body {
            Encoder::Window { hidden } => hidden.last().copied(),
            _ => None,
        });
        match self.posterior {
            Posterior::Mixture { .. } => {
                Network { output_bound: bound(last.unwrap_or(self.features())), ..network }
            }
            _ => network,
        }
    }

    fn with_head(&self, mut networks: Vec<Network>) -> Vec<Network> {
        networks.push(self.head());
        networks
    }

    fn head(&self) -> Network {
        let (input, output) = (self.features(), self.described_by());
        let mlp = MlpSpec { input, hidden: self.head.clone(), output };
        self.apart(Network::new("encoder.head", mlp))
    }
}
