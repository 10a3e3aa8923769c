//! An MLP on each transition, and what does not depend on their order.

use super::contexts::{Contexts, Inputs};
use crate::gaussian::{narrow, variance};
use crate::mlp::Mlp;
use crate::{EncoderSpec, Error, Params};
use types::experiment::{Merge, Posterior, Variance};

/// Rows that go through the network together: enough to be fast, few enough to stay in cache.
const BLOCK: usize = 32;

/// What an MLP says of single rows, or of neighbouring pairs of them, added up.
///
/// Sums are kept in `f64`, so that it does not matter in which order they came about.
#[derive(Debug)]
pub(crate) struct Transitions {
    mlp: Mlp,
    form: Form,
    /// Of the block in hand: whose sum each result belongs to.
    owners: Vec<usize>,
    item: Vec<f64>,
    sums: Vec<f64>,
}

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// 1/σ² and μ/σ² of each row.
    Product(Variance),
    /// Features of each row.
    Mean,
    /// Features of each row and the next, and of the last and the first.
    Pairs,
}

/// One or two rows, and whose sum the result belongs to.
pub(crate) struct Element<'a> {
    pub(crate) owner: usize,
    pub(crate) row: &'a [f32],
    /// Its neighbour; looked at for pairs only.
    pub(crate) next: &'a [f32],
}

impl Transitions {
    /// The description is their product.
    pub(crate) fn product(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        let Posterior::Gaussian { variance } = spec.posterior else {
            return Err(Error::Spec {
                field: "encoder.posterior".to_owned(),
                expected: "a gaussian for a product".to_owned(),
                got: format!("{:?}", spec.posterior),
            });
        };
        let mlp = Mlp::from_params(&spec.networks()[0], params)?;
        Ok(Self::of(mlp, Form::Product(variance), 2 * spec.latent))
    }

    /// Their mean is what the head sees.
    pub(crate) fn pooled(spec: &EncoderSpec, merge: Merge, params: &Params) -> Result<Self, Error> {
        let mlp = Mlp::rectified(&spec.networks()[0], params)?;
        let form = if merge == Merge::Pairs { Form::Pairs } else { Form::Mean };
        Ok(Self::of(mlp, form, spec.features()))
    }

    fn of(mlp: Mlp, form: Form, item: usize) -> Self {
        Self { mlp, form, owners: Vec::new(), item: vec![0.; item], sums: Vec::new() }
    }

    /// Numbers that are added up for each row.
    pub(crate) fn item(&self) -> usize {
        self.item.len()
    }

    /// What each context comes to ([`Transitions::read`]) goes to `out`.
    pub(crate) fn encode<'a>(
        &mut self,
        contexts: Contexts<'_>,
        out: impl Iterator<Item = &'a mut [f32]>,
    ) {
        let item = self.item();
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        sums.resize(contexts.len() * item, 0.);
        self.run(contexts.inputs, elements(contexts), |owner, numbers| {
            add(&mut sums[owner * item..][..item], numbers);
        });
        let each = sums.chunks_exact(item).zip(contexts.lengths);
        for (out, (sum, &count)) in out.zip(each) {
            self.read(sum, count, out);
        }
        self.sums = sums;
    }

    /// Runs `elements` and calls `each` with the owner and the numbers of every one, in order.
    pub(crate) fn run<'a>(
        &mut self,
        inputs: &Inputs,
        elements: impl Iterator<Item = Element<'a>>,
        mut each: impl FnMut(usize, &[f64]),
    ) {
        let mut elements = elements.peekable();
        while elements.peek().is_some() {
            self.owners.clear();
            for (element, seen) in elements.by_ref().take(BLOCK).zip(self.mlp.inputs(BLOCK)) {
                self.owners.push(element.owner);
                let (own, neighbour) = seen.split_at_mut(inputs.seen);
                inputs.see(element.row, own);
                if self.form == Form::Pairs {
                    inputs.see(element.next, neighbour);
                }
            }
            self.mlp.keep(self.owners.len());
            for (&owner, output) in self.owners.iter().zip(self.mlp.forward()) {
                to_item(self.form, output, &mut self.item);
                each(owner, &self.item);
            }
        }
    }

    /// What `sum` over `count` rows comes to: mean and variance of the product, or the mean of the
    /// features.
    pub(crate) fn read(&self, sum: &[f64], count: usize, out: &mut [f32]) {
        match self.form {
            Form::Product(_) => read_product(sum, count, out),
            Form::Mean | Form::Pairs => {
                #[allow(clippy::cast_precision_loss, reason = "far below 2^52 rows")]
                let count = count.max(1) as f64;
                for (out, sum) in out.iter_mut().zip(sum) {
                    *out = narrow(sum / count);
                }
            }
        }
    }
}

/// Each row of each context with its neighbour; that of the last is the first.
fn elements<'a>(contexts: Contexts<'a>) -> impl Iterator<Item = Element<'a>> {
    let width = contexts.inputs.width;
    contexts.iter().enumerate().flat_map(move |(owner, rows)| {
        let each = rows.chunks_exact(width);
        let neighbours = rows.chunks_exact(width).cycle().skip(1);
        each.zip(neighbours).map(move |(row, next)| Element { owner, row, next })
    })
}

fn to_item(form: Form, output: &[f32], item: &mut [f64]) {
    let Form::Product(form) = form else {
        for (item, &feature) in item.iter_mut().zip(output) {
            *item = f64::from(feature);
        }
        return;
    };
    let (mean, raw) = output.split_at(output.len() / 2);
    let (precision, weighted_mean) = item.split_at_mut(mean.len());
    let factors = mean.iter().zip(raw);
    for ((precision, weighted), (&mean, &raw)) in
        precision.iter_mut().zip(weighted_mean).zip(factors)
    {
        *precision = 1. / variance(form, raw);
        *weighted = f64::from(mean) * *precision;
    }
}

/// 1/σ² = Σ 1/σ_i², μ = σ² Σ μ_i/σ_i²; N(0, I) without rows.
fn read_product(sum: &[f64], count: usize, out: &mut [f32]) {
    let (mean, variance) = out.split_at_mut(out.len() / 2);
    if count == 0 {
        mean.fill(0.);
        variance.fill(1.);
        return;
    }
    let (precision, weighted_mean) = sum.split_at(mean.len());
    let moments = mean.iter_mut().zip(variance);
    for ((mean, variance), (precision, weighted)) in
        moments.zip(precision.iter().zip(weighted_mean))
    {
        *mean = narrow(weighted / precision);
        *variance = narrow(1. / precision);
    }
}

/// Adds `numbers` to `sum`.
pub(crate) fn add(sum: &mut [f64], numbers: &[f64]) {
    for (sum, number) in sum.iter_mut().zip(numbers) {
        *sum += number;
    }
}
