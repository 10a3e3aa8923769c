//! The encoder: a context to a posterior over the latent task variable.

use super::{Block, Error, MlpSpec, Network, hidden, width};
use serde::{Deserialize, Serialize};
use types::EnvSpec;
use types::experiment::{
    Choose, Context, Encoder, Experiment, LinearMap, Memory, Merge, Observe, Pooling, Posterior,
    Variance,
};

/// Most rows that a window reaches back, or that an update takes of a set.
const MAX_ROWS: usize = 1_000_000;

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

    /// Refuses sizes that no experiment has.
    ///
    /// # Errors
    /// [`Error::Spec`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        width("encoder.observation", self.observation)?;
        width("encoder.latent", self.latent)?;
        width("encoder.action", self.action)?;
        self.check_map("encoder.inputs", self.inputs.as_ref(), self.width())?;
        self.check_map("encoder.outputs", self.outputs.as_ref(), self.observed())?;
        hidden("encoder.head", &self.head)?;
        self.check_context()?;
        self.check_body()?;
        width("encoder.context", self.features().max(1))
    }

    /// What is kept of a context is bounded, and known before there is room for it.
    fn check_context(&self) -> Result<(), Error> {
        let spec = |field: &str, expected: &str, got: String| {
            let (field, expected) = (field.to_owned(), expected.to_owned());
            Err(Error::Spec { field, expected, got })
        };
        let rows = match self.context {
            Context::Set { size } => Some(size),
            Context::Window { size, stride, .. } => size.checked_mul(stride),
        };
        if !rows.is_some_and(|rows| (1..=MAX_ROWS).contains(&rows)) {
            let got = format!("{:?}", self.context);
            return spec("encoder.context", "1 to 1000000 rows, stride included", got);
        }
        match self.body {
            Encoder::Gru { memory: Memory::Staggered { states }, .. }
                if states == 0 || !self.rows().is_multiple_of(states) =>
            {
                let expected = format!("a divisor of the window's {} rows", self.rows());
                spec("encoder.memory.states", &expected, states.to_string())
            }
            _ => Ok(()),
        }
    }

    fn check_map(&self, field: &str, map: Option<&LinearMap>, columns: usize) -> Result<(), Error> {
        let Some(map) = map else { return Ok(()) };
        width(field, map.len())?;
        let mut terms = map.iter().flatten();
        match terms.find(|(column, weight)| *column >= columns || !weight.is_finite()) {
            None => Ok(()),
            Some((column, weight)) => Err(Error::Spec {
                field: field.to_owned(),
                expected: format!("finite weights of columns 0 to {}", columns.saturating_sub(1)),
                got: format!("{weight} of column {column}"),
            }),
        }
    }

    fn check_body(&self) -> Result<(), Error> {
        let spec = |field: &str, expected: &str, got: String| {
            let (field, expected) = (field.to_owned(), expected.to_owned());
            Err(Error::Spec { field, expected, got })
        };
        let is_set = matches!(self.context, Context::Set { .. });
        let is_product = matches!(self.body, Encoder::Transitions { merge: Merge::Product, .. });
        if is_set && !matches!(self.body, Encoder::Transitions { .. }) {
            return spec("encoder.context", "a window for this encoder", "a set".to_owned());
        }
        if is_product && !matches!(self.posterior, Posterior::Gaussian { .. }) {
            let got = format!("{:?}", self.posterior);
            return spec("encoder.posterior", "a gaussian for a product", got);
        }
        match &self.body {
            Encoder::Transitions { hidden: widths, .. } | Encoder::Window { hidden: widths } => {
                if widths.is_empty() {
                    return spec("encoder.hidden", "at least one layer", "none".to_owned());
                }
                hidden("encoder.hidden", widths)
            }
            Encoder::Gru { width: numbers, layers, .. } => {
                width("encoder.width", *numbers)?;
                count("encoder.layers", *layers)
            }
            Encoder::Convolution { channels, kernel } => {
                hidden("encoder.channels", channels)?;
                let shrunk = channels.len() * kernel.saturating_sub(1);
                if channels.is_empty() || *kernel == 0 || shrunk >= self.rows() {
                    let got = format!("{} layers of {kernel} over {}", channels.len(), self.rows());
                    return spec("encoder.kernel", "layers that fit into the window", got);
                }
                Ok(())
            }
            Encoder::Attention { width: numbers, heads, layers, queries } => {
                heads_divide(*numbers, *heads)?;
                count("encoder.layers", *layers)?;
                count("encoder.queries", *queries)
            }
            Encoder::Transformer { width: numbers, heads, layers, .. } => {
                heads_divide(*numbers, *heads)?;
                count("encoder.layers", *layers)
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
fn bound(input: usize) -> f32 {
    1.0 / (input.max(1) as f32).sqrt()
}

fn gru(input: usize, width: usize, layers: usize) -> Vec<Network> {
    let mut networks = Vec::new();
    for layer in 0..layers {
        let below = if layer == 0 { input } else { width };
        for (part, from) in [("input", below), ("state", width)] {
            let name = format!("encoder.gru.{layer}.{part}");
            networks.push(Network {
                output_bound: bound(width),
                ..Network::linear(&name, from, 3 * width)
            });
        }
    }
    networks
}

fn convolution(input: usize, channels: &[usize], kernel: usize) -> Vec<Network> {
    let inputs = std::iter::once(input).chain(channels.iter().copied());
    let layers = inputs.zip(channels).enumerate();
    layers
        .map(|(layer, (input, output))| {
            Network::linear(&format!("encoder.convolution.{layer}"), kernel * input, *output)
        })
        .collect()
}

fn rows_attending(input: usize, width: usize, layers: usize) -> Vec<Network> {
    let mut networks = vec![Network::linear("encoder.embed", input, width)];
    networks.extend((0..layers).flat_map(|layer| attention("block", layer, width)));
    networks
}

/// A block of attention.
fn attention(kind: &str, layer: usize, width: usize) -> Vec<Network> {
    let name = |part: &str| format!("encoder.{kind}.{layer}.{part}");
    let norm = |part| Network::of(&name(part), Block::Norm { width }, 0.0);
    let linear = |part| Network::linear(&name(part), width, width);
    let feed = MlpSpec { input: width, hidden: vec![2 * width], output: width };
    vec![
        norm("norm"),
        linear("query"),
        linear("key"),
        linear("value"),
        linear("output"),
        norm("feed_norm"),
        Network::of(&name("feed"), Block::Mlp(feed), bound(2 * width)),
    ]
}

fn count(field: &str, got: usize) -> Result<(), Error> {
    if (1..=64).contains(&got) {
        return Ok(());
    }
    let (field, expected) = (field.to_owned(), "1 to 64".to_owned());
    Err(Error::Spec { field, expected, got: got.to_string() })
}

fn heads_divide(numbers: usize, heads: usize) -> Result<(), Error> {
    width("encoder.width", numbers)?;
    if heads > 0 && numbers.is_multiple_of(heads) {
        return Ok(());
    }
    Err(Error::Spec {
        field: "encoder.heads".to_owned(),
        expected: format!("a divisor of the width {numbers}"),
        got: heads.to_string(),
    })
}
