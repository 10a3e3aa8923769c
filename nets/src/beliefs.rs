//! What is believed of the task: q(z|context), read from the numbers that describe it.

use crate::encoder::apply;
use crate::error::length;
use crate::gaussian::{narrow, softplus, variance};
use crate::{EncoderSpec, Error};
use types::experiment::{Choose, Encoder, LinearMap, Merge, Observe, Posterior, Variance};

/// Added to every variance of a mixture.
const MIXTURE_VARIANCE: f64 = 1e-8;

/// q(z|context) of several contexts, with room for the numbers.
///
/// [`Beliefs::read`] takes what an encoder says; the other methods then tell of it, context by
/// context. Moments of z:
///
/// | posterior | mean | variance |
/// |---|---|---|
/// | deterministic | z | 0 |
/// | Gaussian | μ | σ² |
/// | mixture, likeliest component k | μ_k | σ_k² |
/// | mixture, weighted by q = q(y\|c) | Σ q_k μ_k | Σ q_k² σ_k² |
#[derive(Debug)]
pub struct Beliefs {
    form: Form,
    latent: usize,
    noise: usize,
    observe: Observe,
    outputs: Option<LinearMap>,
    given: usize,
    described_by: usize,
    /// `[n, terms, latent]`: z = Σ over terms of mean + spread·ε.
    terms: usize,
    means: Vec<f64>,
    spreads: Vec<f64>,
    components: Vec<usize>,
    /// `[n, latent]`.
    mean: Vec<f32>,
    variance: Vec<f32>,
    /// What is observed of one context.
    observed: Vec<f32>,
}

/// How the numbers are to be read.
#[derive(Debug, Clone, Copy)]
enum Form {
    Deterministic,
    /// Mean and variance.
    Product,
    Gaussian(Variance),
    Mixture {
        components: usize,
        choose: Choose,
    },
}

impl Form {
    fn of(spec: &EncoderSpec) -> Self {
        let is_product = matches!(spec.body, Encoder::Transitions { merge: Merge::Product, .. });
        match spec.posterior {
            Posterior::Deterministic => Self::Deterministic,
            Posterior::Gaussian { .. } if is_product => Self::Product,
            Posterior::Gaussian { variance } => Self::Gaussian(variance),
            Posterior::Mixture { components, choose } => Self::Mixture { components, choose },
        }
    }
}

impl Beliefs {
    /// For what the encoders of `spec` say; of no context yet.
    #[must_use]
    pub fn new(spec: &EncoderSpec) -> Self {
        Self {
            form: Form::of(spec),
            latent: spec.latent,
            noise: spec.noise(),
            observe: spec.observe,
            outputs: spec.outputs.clone(),
            given: spec.given(),
            described_by: spec.described_by(),
            terms: spec.noise() / spec.latent.max(1),
            means: Vec::new(),
            spreads: Vec::new(),
            components: Vec::new(),
            mean: Vec::new(),
            variance: Vec::new(),
            observed: vec![0.; spec.observed()],
        }
    }

    /// Takes `described` `[n, described_by]` of n contexts. Allocates for a larger n than before.
    ///
    /// # Errors
    /// [`Error::Length`] if `described` is not a whole number of descriptions.
    pub fn read(&mut self, described: &[f32]) -> Result<(), Error> {
        let contexts = described.len() / self.described_by;
        length("descriptions", contexts * self.described_by, described.len())?;
        self.means.clear();
        self.spreads.clear();
        self.components.clear();
        for described in described.chunks_exact(self.described_by) {
            self.read_one(described);
        }
        self.keep_moments();
        Ok(())
    }

    /// Contexts read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Means of z, `[n, latent]`.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Variances of z, `[n, latent]`.
    #[must_use]
    pub fn variance(&self) -> &[f32] {
        &self.variance
    }

    /// The likeliest component of each context, the first of those that are equally likely; 0 where
    /// the posterior is no mixture. `[n]`
    #[must_use]
    pub fn components(&self) -> &[usize] {
        &self.components
    }

    /// Fills `given` `[n, given]` with what policy and critics see. `noise` `[n, noise]` is ε of
    /// [`EncoderSpec::noise`]; it matters only where a draw is seen, and zeros make that the mean.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn observe(&mut self, noise: &[f32], given: &mut [f32]) -> Result<(), Error> {
        let latent = self.latent;
        length("noise", self.len() * self.noise, noise.len())?;
        length("what policies are given", self.len() * self.given, given.len())?;
        let each = noise.chunks_exact(self.noise).zip(given.chunks_exact_mut(self.given));
        for (context, (noise, given)) in each.enumerate() {
            let of = context * latent..(context + 1) * latent;
            match self.observe {
                Observe::Sample => {
                    let terms = context * self.noise..(context + 1) * self.noise;
                    let (means, spreads) = (&self.means[terms.clone()], &self.spreads[terms]);
                    draw(means, spreads, noise, &mut self.observed);
                }
                Observe::Mean => self.observed.copy_from_slice(&self.mean[of]),
                Observe::MeanVariance => {
                    self.observed[..latent].copy_from_slice(&self.mean[of.clone()]);
                    self.observed[latent..].copy_from_slice(&self.variance[of]);
                }
            }
            give(self.outputs.as_ref(), &self.observed, given);
        }
        Ok(())
    }

    /// Fills `given` `[given]` with what policy and critics see of a `z` `[latent]` that nobody
    /// inferred but that was drawn from N(0, I): z in place of a draw or a mean, and the prior's
    /// variance, 1. What was read stays.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn observe_prior(&mut self, z: &[f32], given: &mut [f32]) -> Result<(), Error> {
        length("z", self.latent, z.len())?;
        length("what the policy is given", self.given, given.len())?;
        let (drawn, variance) = self.observed.split_at_mut(self.latent);
        drawn.copy_from_slice(z);
        variance.fill(1.);
        give(self.outputs.as_ref(), &self.observed, given);
        Ok(())
    }

    fn read_one(&mut self, described: &[f32]) {
        let mut component = 0;
        match self.form {
            Form::Deterministic => {
                let z = described.iter().map(|&z| (f64::from(z), 0.));
                extend(&mut self.means, &mut self.spreads, z);
            }
            Form::Product => {
                let (mean, variance) = described.split_at(self.latent);
                let each = mean.iter().zip(variance);
                let each = each.map(|(&mean, &var)| (f64::from(mean), f64::from(var).sqrt()));
                extend(&mut self.means, &mut self.spreads, each);
            }
            Form::Gaussian(form) => {
                let (mean, raw) = described.split_at(self.latent);
                let each = mean.iter().zip(raw);
                let each = each.map(|(&mean, &raw)| (f64::from(mean), variance(form, raw).sqrt()));
                extend(&mut self.means, &mut self.spreads, each);
            }
            Form::Mixture { components, choose } => {
                component = self.read_mixture(components, choose, described);
            }
        }
        self.components.push(component);
    }

    /// Gives the likeliest component.
    fn read_mixture(&mut self, components: usize, choose: Choose, described: &[f32]) -> usize {
        let (gaussians, logits) = described.split_at(2 * components * self.latent);
        let (means, raws) = gaussians.split_at(components * self.latent);
        let (likeliest, greatest) = largest(logits);
        let total: f64 = logits.iter().map(|&l| libm::exp(f64::from(l) - greatest)).sum();
        for (component, &logit) in logits.iter().enumerate() {
            let weight = match choose {
                Choose::Likeliest if component == likeliest => 1.,
                Choose::Likeliest => continue,
                Choose::Weighted => libm::exp(f64::from(logit) - greatest) / total,
            };
            let of = component * self.latent..(component + 1) * self.latent;
            let each = means[of.clone()].iter().zip(&raws[of]).map(|(&mean, &raw)| {
                let variance = softplus(f64::from(raw)) + MIXTURE_VARIANCE;
                (weight * f64::from(mean), weight * variance.sqrt())
            });
            extend(&mut self.means, &mut self.spreads, each);
        }
        likeliest
    }

    /// Moments of z: those of a sum of independent terms.
    fn keep_moments(&mut self) {
        let (latent, terms) = (self.latent, self.terms);
        self.mean.clear();
        self.variance.clear();
        let numbers = self.components.len() * latent;
        for place in 0..numbers {
            let (context, d) = (place / latent, place % latent);
            let place = |term| (context * terms + term) * latent + d;
            let mean: f64 = (0..terms).map(|term| self.means[place(term)]).sum();
            let variance = (0..terms).map(|term| self.spreads[place(term)].powi(2)).sum();
            self.mean.push(narrow(mean));
            self.variance.push(narrow(variance));
        }
    }
}

fn extend(means: &mut Vec<f64>, spreads: &mut Vec<f64>, each: impl Iterator<Item = (f64, f64)>) {
    for (mean, spread) in each {
        means.push(mean);
        spreads.push(spread);
    }
}

/// The largest of `logits`, and where it comes first.
fn largest(logits: &[f32]) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (index, &logit) in logits.iter().enumerate() {
        if f64::from(logit) > best.1 {
            best = (index, f64::from(logit));
        }
    }
    best
}

/// z `[latent]` = Σ over terms of mean + spread·ε; the slices are `[terms, latent]`.
fn draw(means: &[f64], spreads: &[f64], noise: &[f32], z: &mut [f32]) {
    let latent = z.len();
    for (d, z) in z.iter_mut().enumerate() {
        let terms = means.iter().zip(spreads).zip(noise).skip(d).step_by(latent);
        *z = narrow(terms.map(|((mean, spread), &e)| mean + spread * f64::from(e)).sum());
    }
}

fn give(outputs: Option<&LinearMap>, observed: &[f32], given: &mut [f32]) {
    match outputs {
        None => given.copy_from_slice(observed),
        Some(map) => apply(map, observed, given),
    }
}
