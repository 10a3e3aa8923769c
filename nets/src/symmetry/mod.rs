//! Networks that commute with a finite group: `[symmetry]` of an experiment.
//!
//! Inputs and outputs change as the experiment says; hidden layers and recurrent states consist of
//! copies of the regular representation, one number per element of the group, which ReLU and gates
//! commute with because it only permutes. What commutes with the group is then a matter of which
//! numbers of a layer are the same up to their sign ([`Ties`](crate::Ties)); the basis of the
//! equivariant subspace that Cohen and Welling (2016, arXiv 1602.07576) and van der Pol et al.
//! (2020, arXiv 2006.16908) compute is here a basis of such orbits. Only the learner needs to
//! know: what an actor gets are plain dense layers.

mod group;
mod representation;

use crate::{Block, CriticSpec, EncoderSpec, Error, MlpSpec, Network, PolicySpec};
use group::{Group, refuse};
use representation::{Representation, commuting};
use types::experiment::{Encoder, Merge, Posterior, Symmetry};

/// Ties the numbers of `network`, that of `spec`, so that it commutes with `symmetry`: the mean of
/// an action changes as actions do, and log σ likewise, without signs.
///
/// # Errors
/// [`Error::Spec`] if the symmetry is no group of at most 64 elements, acts on other numbers than
/// the policy has, or does not divide a hidden layer.
pub fn tie_policy(
    symmetry: &Symmetry,
    spec: &PolicySpec,
    network: Network,
) -> Result<Network, Error> {
    let parts = Parts::of(symmetry)?;
    parts.check([spec.observation, spec.action])?;
    let input = parts.observation.clone().beside(&parts.given(spec.latent)?);
    let output = parts.action.clone().beside(&parts.action.unsigned());
    parts.tie_mlp(network, &input, &output)
}

/// Ties the numbers of `network`, Q or V of `spec`, so that `symmetry` does not change its value.
///
/// # Errors
/// As [`tie_policy`]; [`Error::Spec`] if the network is neither Q nor V.
pub fn tie_critic(
    symmetry: &Symmetry,
    spec: &CriticSpec,
    network: Network,
) -> Result<Network, Error> {
    let parts = Parts::of(symmetry)?;
    parts.check([spec.observation, spec.action])?;
    let given = parts.given(spec.latent)?;
    let input = match mlp_of(&network)?.input {
        input if input == spec.q().input => parts.observation.clone().beside(&parts.action),
        input if input == spec.v().input => parts.observation.clone(),
        input => {
            let expected = format!("{} or {}", spec.q().input, spec.v().input);
            return refuse("critic.input", expected, input.to_string());
        }
    };
    let output = Representation::trivial(&parts.group, 1);
    parts.tie_mlp(network, &input.beside(&given), &output)
}

/// Ties the numbers of `networks`, those of `spec`, so that the posterior changes as latents do
/// when the rows of the context change: means with their signs, variances without, and the
/// probabilities of components not at all.
///
/// # Errors
/// As [`tie_policy`]; [`Error::Spec`] for encoders other than transitions, window and gru, and for
/// those that map or scale inputs or outputs, which need not commute with anything.
pub fn tie_encoder(
    symmetry: &Symmetry,
    spec: &EncoderSpec,
    networks: Vec<Network>,
) -> Result<Vec<Network>, Error> {
    let parts = Parts::of(symmetry)?;
    parts.check([spec.observation, spec.action])?;
    if spec.latent != parts.latent.dim() {
        let expected = format!("{} numbers as in the encoder", spec.latent);
        return refuse("generators.latent", expected, parts.latent.dim().to_string());
    }
    if spec.inputs.is_some() || spec.outputs.is_some() || spec.normalise {
        let expected = "rows and latents as they are".to_owned();
        return refuse("encoder", expected, "a map of inputs or outputs, or a scale".to_owned());
    }
    let layers = parts.encoder_layers(spec)?;
    if networks.len() != layers.len() {
        let expected = format!("the {} networks of the encoder", layers.len());
        return refuse("encoder", expected, networks.len().to_string());
    }
    let pairs = networks.into_iter().zip(layers);
    pairs.map(|(network, (input, output))| parts.tie_mlp(network, &input, &output)).collect()
}

/// What a group does to the parts of a transition, and to z.
struct Parts {
    group: Group,
    observation: Representation,
    action: Representation,
    latent: Representation,
    regular: Representation,
}

impl Parts {
    fn of(symmetry: &Symmetry) -> Result<Self, Error> {
        let group = Group::of(symmetry)?;
        let [observation, action, latent] =
            [0, 1, 2].map(|part| Representation::new(group.acting_on(part)));
        let regular = Representation::new(group.regular());
        Ok(Self { group, observation, action, latent, regular })
    }

    fn check(&self, expected: [usize; 2]) -> Result<(), Error> {
        let [observation, action, _] = self.group.dims();
        if [observation, action] == expected {
            return Ok(());
        }
        let numbers =
            |[o, a]: [usize; 2]| format!("observations of {o} and actions of {a} numbers");
        refuse("generators", numbers(expected), numbers([observation, action]))
    }

    /// What policy and critics are given of the posterior: z, or mean and variance.
    fn given(&self, numbers: usize) -> Result<Representation, Error> {
        match self.latent.dim() {
            latent if numbers == latent => Ok(self.latent.clone()),
            latent if numbers == 2 * latent => {
                Ok(self.latent.clone().beside(&self.latent.unsigned()))
            }
            latent => {
                let expected = format!("latents of {numbers} numbers, or of half of them");
                refuse("generators.latent", expected, latent.to_string())
            }
        }
    }

    /// A context row.
    fn row(&self, spec: &EncoderSpec) -> Representation {
        let reward = Representation::trivial(&self.group, 1);
        let row = self.observation.clone().beside(&self.action).beside(&reward);
        if spec.next_observation { row.beside(&self.observation) } else { row }
    }

    /// What describes the posterior.
    fn description(&self, spec: &EncoderSpec) -> Representation {
        let gaussians = |components: usize| {
            let means = self.latent.repeated(components);
            means.beside(&self.latent.unsigned().repeated(components))
        };
        match spec.posterior {
            Posterior::Deterministic => self.latent.clone(),
            Posterior::Gaussian { .. } => gaussians(1),
            Posterior::Mixture { components, .. } => {
                gaussians(components).beside(&Representation::trivial(&self.group, components))
            }
        }
    }

    /// Input and output of each network of the encoder.
    fn encoder_layers(
        &self,
        spec: &EncoderSpec,
    ) -> Result<Vec<(Representation, Representation)>, Error> {
        let (row, described) = (self.row(spec), self.description(spec));
        Ok(match &spec.body {
            Encoder::Transitions { merge: Merge::Product, .. } => vec![(row, described)],
            Encoder::Transitions { merge, .. } => {
                let rows = row.repeated(if *merge == Merge::Pairs { 2 } else { 1 });
                let features = self.hidden(spec.features())?;
                vec![(rows, features.clone()), (features, described)]
            }
            Encoder::Window { .. } => vec![(row.repeated(spec.rows()), described)],
            Encoder::Gru { width, layers, .. } => {
                let state = self.hidden(*width)?;
                let gates = state.repeated(3);
                let below = std::iter::once(&row).chain(std::iter::repeat(&state));
                let units = below.take(*layers).flat_map(|below| {
                    [(below.clone(), gates.clone()), (state.clone(), gates.clone())]
                });
                units.chain([(state.clone(), described)]).collect()
            }
            other => {
                let expected = "transitions, window or gru".to_owned();
                return refuse("encoder", expected, format!("{other:?}"));
            }
        })
    }

    /// A hidden layer: as many copies of the regular representation as fit.
    fn hidden(&self, width: usize) -> Result<Representation, Error> {
        let order = self.group.order();
        if width.is_multiple_of(order) {
            return Ok(self.regular.repeated(width / order));
        }
        let expected = format!("a multiple of {order}, the elements of the group");
        refuse("hidden", expected, width.to_string())
    }

    fn tie_mlp(
        &self,
        network: Network,
        input: &Representation,
        output: &Representation,
    ) -> Result<Network, Error> {
        let mlp = mlp_of(&network)?;
        for (what, expected, got) in
            [("input", mlp.input, input.dim()), ("output", mlp.output, output.dim())]
        {
            if expected != got {
                let field = format!("{}.{what}", network.name);
                return refuse(&field, format!("{expected} numbers"), got.to_string());
            }
        }
        let hidden: Vec<Representation> =
            mlp.hidden.iter().map(|&width| self.hidden(width)).collect::<Result<_, _>>()?;
        let below = std::iter::once(input).chain(&hidden);
        let above = hidden.iter().chain([output]);
        let bias = Representation::trivial(&self.group, 1);
        let pairs = below.zip(above);
        let ties =
            pairs.flat_map(|(input, output)| [commuting(output, input), commuting(output, &bias)]);
        Ok(Network { ties: ties.collect(), ..network })
    }
}

fn mlp_of(network: &Network) -> Result<&MlpSpec, Error> {
    match &network.block {
        Block::Mlp(mlp) => Ok(mlp),
        other => refuse(&network.name, "linear layers".to_owned(), format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests;
