//! Which encoders there can be.

use super::EncoderSpec;
use crate::Error;
use crate::spec::{hidden, width};
use types::experiment::{Context, Encoder, LinearMap, Memory, Merge, Posterior};

/// Most rows that a window reaches back, or that an update takes of a set.
const MAX_ROWS: usize = 1_000_000;

impl EncoderSpec {
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
