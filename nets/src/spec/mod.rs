//! Network specs: plain serde data that says which networks an agent has and how large they are.

mod agent;
mod critic;
mod encoder;
mod network;
mod policy;

pub use agent::AgentSpec;
pub use critic::CriticSpec;
pub use encoder::{EncoderSpec, INPUTS};
pub use network::{Block, LayerShape, MlpSpec, Network, TensorShape, Ties, parameter_shapes};
pub use policy::PolicySpec;

use crate::Error;

/// Largest width of a layer, an input or an output.
const MAX_WIDTH: usize = 65_536;
/// Most hidden layers of one network.
const MAX_HIDDEN: usize = 16;

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
