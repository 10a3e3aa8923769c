//! The encoder on the CPU: contexts to the numbers that describe q(z|context).

mod attention;
mod block;
mod contexts;
mod convolution;
mod gru;
mod transitions;

pub(crate) use contexts::{Inputs, apply};
pub(crate) use gru::{Recurrent, States, Turn};
pub(crate) use transitions::{Element, Transitions, add};

use crate::error::length;
use crate::mlp::Mlp;
use crate::{EncoderSpec, Error, Params, Posterior};
use attention::{Attention, Transformer};
use contexts::Contexts;
use convolution::Convolution;
use types::experiment::{Context, Encoder, Merge};

/// The encoder of one version of the weights, with room for its activations.
#[derive(Debug)]
pub struct EncoderNet {
    spec: EncoderSpec,
    pub(crate) inputs: Inputs,
    pub(crate) body: Body,
}

/// The networks by what they do.
#[derive(Debug)]
pub(crate) enum Body {
    /// Sums of Gaussian factors, which are the description.
    Product(Transitions),
    /// Sums of features, then a head.
    Pooled(Transitions, Mlp),
    /// All rows side by side.
    Window(Mlp),
    /// Recurrent units, then a head.
    Gru(Recurrent, Mlp),
    /// Convolutions, then a head.
    Convolution(Convolution, Mlp),
    /// Attention of queries, then a head.
    Attention(Attention, Mlp),
    /// Attention and pooling, then a head.
    Transformer(Transformer, Mlp),
}

impl EncoderNet {
    /// Takes the parameters `encoder.*` out of `params`; others may be there.
    ///
    /// # Errors
    /// [`Error::Spec`] for impossible sizes; [`Error::Missing`] or [`Error::Shape`] for the first
    /// parameter that is not as `spec` says.
    pub fn from_params(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        spec.check()?;
        let (inputs, body) = (Inputs::of(spec, params)?, Body::new(spec, params)?);
        Ok(Self { spec: spec.clone(), inputs, body })
    }

    /// Sizes of the encoder.
    #[must_use]
    pub fn spec(&self) -> &EncoderSpec {
        &self.spec
    }

    /// Fills `described` `[n, described_by]` for n contexts.
    ///
    /// `rows` `[Σ lengths, width]` are the rows that are there, context by context, oldest first;
    /// `lengths` `[n]` says how many each has. What is absent is not handed over: a window that is
    /// not full is a short one. What describes a product is its mean and its variance; otherwise
    /// see [`EncoderSpec::described_by`].
    ///
    /// Allocates nothing, except when there is more of something than ever before. The description
    /// of a context depends on its own rows only, to the last bit.
    ///
    /// # Errors
    /// [`Error::Length`] if the slices do not agree, or a window is longer than
    /// [`EncoderSpec::rows`].
    pub fn encode(
        &mut self,
        rows: &[f32],
        lengths: &[usize],
        described: &mut [f32],
    ) -> Result<(), Error> {
        let (width, each) = (self.spec.width(), self.spec.described_by());
        length("rows of contexts", lengths.iter().sum::<usize>() * width, rows.len())?;
        length("descriptions", lengths.len() * each, described.len())?;
        if let Context::Window { size, .. } = self.spec.context
            && let Some(&longest) = lengths.iter().find(|&&rows| rows > size)
        {
            length("rows of a window", size, longest)?;
        }
        let contexts = Contexts { rows, lengths, inputs: &self.inputs };
        self.body.encode(contexts, self.spec.rows(), described);
        Ok(())
    }

    /// Multiplies the factors of all rows of `context` `[n, width]` into `posterior`. A context
    /// given piece by piece leads to the same bits as all of it at once.
    ///
    /// # Errors
    /// [`Error::Spec`] if the encoder is no product; [`Error::Length`] if `context` is not a whole
    /// number of rows, or the posterior has another number of components.
    pub fn infer(&mut self, context: &[f32], posterior: &mut Posterior) -> Result<(), Error> {
        let width = self.spec.width();
        let rows = context.len() / width;
        length("context", rows * width, context.len())?;
        length("posterior", self.spec.latent, posterior.latent())?;
        let Body::Product(transitions) = &mut self.body else {
            return Err(Error::Spec {
                field: "encoder.body".to_owned(),
                expected: "a product of Gaussians".to_owned(),
                got: format!("{:?}", self.spec.body),
            });
        };
        let each = context.chunks_exact(width);
        let elements = each.map(|row| Element { owner: 0, row, next: row });
        transitions.run(&self.inputs, elements, |_, factor| posterior.multiply(factor));
        Ok(())
    }
}

impl Body {
    fn new(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        let networks = spec.body_and_head();
        let last = Mlp::from_params(&networks[networks.len() - 1], params)?;
        Ok(match &spec.body {
            Encoder::Transitions { merge: Merge::Product, .. } => {
                Self::Product(Transitions::product(spec, params)?)
            }
            Encoder::Transitions { merge, .. } => {
                Self::Pooled(Transitions::pooled(spec, *merge, params)?, last)
            }
            Encoder::Window { .. } => Self::Window(last),
            Encoder::Gru { width, rectify, .. } => {
                Self::Gru(Recurrent::new(spec, *width, *rectify, params)?, last)
            }
            Encoder::Convolution { .. } => Self::Convolution(Convolution::new(spec, params)?, last),
            Encoder::Attention { .. } => Self::Attention(Attention::new(spec, params)?, last),
            Encoder::Transformer { .. } => Self::Transformer(Transformer::new(spec, params)?, last),
        })
    }

    fn encode(&mut self, contexts: Contexts<'_>, size: usize, described: &mut [f32]) {
        let head = match self {
            Self::Product(transitions) => {
                let described = described.chunks_exact_mut(transitions.item());
                return transitions.encode(contexts, described);
            }
            Self::Pooled(transitions, head) => {
                transitions.encode(contexts, head.inputs(contexts.len()));
                head
            }
            Self::Window(mlp) => {
                side_by_side(contexts, size, mlp);
                mlp
            }
            Self::Gru(gru, head) => {
                gru.features(contexts, head);
                head
            }
            Self::Convolution(convolution, head) => {
                convolution.features(contexts, size, head);
                head
            }
            Self::Attention(attention, head) => {
                attention.features(contexts, head);
                head
            }
            Self::Transformer(transformer, head) => {
                transformer.features(contexts, head);
                head
            }
        };
        head.forward_into(described);
    }
}

/// Puts the rows of each context into one row of `mlp`, the newest last, behind zeros.
fn side_by_side(contexts: Contexts<'_>, size: usize, mlp: &mut Mlp) {
    let (width, seen) = (contexts.inputs.width, contexts.inputs.seen);
    for (input, rows) in mlp.inputs(contexts.len()).zip(contexts.iter()) {
        let (front, back) = input.split_at_mut((size - rows.len() / width) * seen);
        front.fill(0.);
        for (row, to) in rows.chunks_exact(width).zip(back.chunks_exact_mut(seen)) {
            contexts.inputs.see(row, to);
        }
    }
}
